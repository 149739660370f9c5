//! When each trader of a token last traded, by series.
//!
//! A trader is new in a bar exactly if he has not traded since it opened, so one look-up says it for the
//! open bars of all intervals, and no bar needs a set of its own.
//!
//! Of trades that are let go it is kept too when the trader last made one (`settled`), and that is
//! enough: a bar that can still change ends after every trade that was let go (see
//! [`super::token`]), so he is among those in it exactly if the last of his is not older than its start.

use model::{Address, Seconds, Side};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::lines::{Line, Lines, PoolName};
use crate::bar::{Seen, Tick, TraderKey};

/// What is known of one trader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    /// Among all trades.
    pub(super) seen: Seen,
    /// Among those that were let go.
    pub(super) settled: Seen,
}

/// The traders of one series. Its order reaches no output: it is only looked up.
type Known = FxHashMap<TraderKey, Last>;

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Traders(Option<Lines<Known>>);

/// When the trader of a trade had last traded before it, by the series of the trade.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    pool: Seen,
    all: Seen,
    primary: Seen,
}

impl Before {
    pub(super) const fn of(&self, line: Line) -> Seen {
        match line {
            Line::Pool(_) => self.pool,
            Line::All => self.all,
            Line::Primary => self.primary,
        }
    }
}

impl Traders {
    /// Takes note of a trade that comes after all others; when its trader had traded before.
    pub(super) fn note(&mut self, tick: &Tick, pools: &[Address]) -> Before {
        self.note_in(tick, pools, |last| &mut last.seen)
    }

    /// Takes note of a trade that is let go; when its trader had made such a one before.
    pub(super) fn settle(&mut self, tick: &Tick, pools: &[Address]) -> Before {
        self.note_in(tick, pools, |last| &mut last.settled)
    }

    fn note_in(&mut self, tick: &Tick, pools: &[Address], part: fn(&mut Last) -> &mut Seen) -> Before {
        let lines = self.0.get_or_insert_with(|| Lines::new(PoolName::of(tick, pools)));
        lines.part_ways(tick, pools);
        let mut before = Before::default();
        let Some(trader) = tick.known_trader() else { return before };
        lines.each_of(tick, |line, known| {
            let seen = part(known.entry(trader).or_default());
            match line {
                Line::Pool(_) => before = Before { pool: *seen, all: *seen, primary: *seen },
                Line::All => (before.all, before.primary) = (*seen, *seen),
                Line::Primary => before.primary = *seen,
            }
            seen.note(tick.side, tick.time);
        });
        before
    }

    /// What is known of a trader in a series.
    pub(super) fn get(&self, line: Line, trader: &TraderKey) -> Last {
        let known = self.0.as_ref().and_then(|lines| lines.get(line));
        known.and_then(|known| known.get(trader)).copied().unwrap_or_default()
    }

    /// Makes room for trades that come late.
    pub(super) fn part_ways(&mut self, tick: &Tick, pools: &[Address]) {
        self.0.get_or_insert_with(|| Lines::new(PoolName::of(tick, pools))).part_ways(tick, pools);
    }

    /// Changes what is known of a trader, wherever it is kept: `change` says what it is now.
    pub(super) fn change(&mut self, trader: TraderKey, mut change: impl FnMut(Line, Last) -> Last) {
        for (line, known) in self.0.iter_mut().flat_map(Lines::own_mut) {
            let before = known.get(&trader).copied().unwrap_or_default();
            let last = change(line, before);
            if last == Last::default() {
                known.remove(&trader);
            } else if last != before {
                known.insert(trader, last);
            }
        }
    }

    /// Forgets all trades but those that were let go.
    pub(super) fn rewind(&mut self) {
        for (_, known) in self.0.iter_mut().flat_map(Lines::own_mut) {
            for last in known.values_mut() {
                last.seen = last.settled;
            }
            known.retain(|_, last| *last != Last::default());
        }
    }

    /// Forgets who has not traded since `open`; no bar that begins earlier may be kept.
    pub(super) fn let_go(&mut self, open: Seconds) {
        for (_, known) in self.0.iter_mut().flat_map(Lines::own_mut) {
            known.retain(|_, last| last.seen.is_any_from(open));
            if known.capacity() > 4 * known.len() {
                known.shrink_to_fit();
            }
        }
    }
}

/// Whether a trader bought and sold: `(bought, sold)`.
pub(super) type Sides = (bool, bool);

/// Applies a question to both sides.
pub(super) fn both(ask: impl Fn(Side) -> bool) -> Sides {
    (ask(Side::Buy), ask(Side::Sell))
}
