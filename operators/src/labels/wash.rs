//! Wash trading: a wallet that buys and sells the same over and over.
//!
//! A trade closes a wash if the wallet's trades of the token in the `window_s` up to it hold at least
//! `round_trips_min` round trips (changes of side, counted in pairs), leave about nothing bought or sold,
//! and add up to at least the least gross. Every trade in the window of one that closes a wash is wash
//! trading; the wallet's label is that of the first.
//!
//! Only trades quoted alike count together, in SOL or in US dollars (USDC, USDT): the least gross is an
//! amount of one of them. Trades quoted in anything else are not judged.
//!
//! This is kept only for wallets that have traded a token often enough.

use std::collections::BTreeSet;

use model::{Address, EventId, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::block::is_flat;
use super::record::Reason;
use super::tape::Tick;

/// Settings of wash trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How far apart the trades may lie, in seconds.
    pub window_s: Seconds,
    /// Least number of round trips.
    pub round_trips_min: u32,
    /// Most that may be left bought or sold, in hundredths of a percent of all base traded.
    pub net_bps_max: u32,
    /// Least quote traded on both sides where it is SOL, in lamports.
    pub gross_lamports_min: u64,
    /// Least quote traded on both sides where it is USDC or USDT, in micro-dollars.
    pub gross_usd_micros_min: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            window_s: 600,
            round_trips_min: 3,
            net_bps_max: 200,
            gross_lamports_min: 1_000_000_000,
            gross_usd_micros_min: 150_000_000,
        }
    }
}

impl Params {
    /// Fewer trades are no wash.
    pub(super) const fn trades_min(&self) -> u32 {
        self.round_trips_min.saturating_mul(2)
    }
}

/// Group of quotes that count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Money {
    Sol,
    Dollar,
}

impl Money {
    pub(super) fn of(quote_mint: &Address) -> Option<Self> {
        match *quote_mint {
            Address::WSOL => Some(Self::Sol),
            Address::USDC | Address::USDT => Some(Self::Dollar),
            _ => None,
        }
    }

    /// The token that the gross of a label is an amount of; USDT counts as USDC, which has as many decimals.
    pub(super) const fn mint(self) -> Address {
        match self {
            Self::Sol => Address::WSOL,
            Self::Dollar => Address::USDC,
        }
    }

    const fn gross_min(self, params: &Params) -> u64 {
        match self {
            Self::Sol => params.gross_lamports_min,
            Self::Dollar => params.gross_usd_micros_min,
        }
    }
}

/// The trades of one wallet in one token, quoted alike, by block time and canonical order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Trips {
    money: Money,
    steps: Vec<Step>,
    /// How many of them close a wash.
    closing: usize,
}

/// One of them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Step {
    time: Seconds,
    id: EventId,
    base: u64,
    quote: u64,
    side: Side,
    /// True if the trades up to this one are a wash.
    closes: bool,
    /// True if it is in the window of one that closes.
    is_wash: bool,
}

impl Step {
    const fn place(&self) -> (Seconds, EventId) {
        (self.time, self.id)
    }

    const fn end(&self, params: &Params) -> Seconds {
        self.time.saturating_add(params.window_s)
    }
}

/// The trades of a window.
#[derive(Default)]
struct Window {
    start: usize,
    changes: u32,
    bought: u128,
    sold: u128,
    quote: u128,
}

impl Window {
    /// Moves the end to the step at `end` and lets go what is too far from it.
    fn advance(&mut self, steps: &[Step], end: usize, params: &Params) {
        let last = &steps[end];
        self.quote += u128::from(last.quote);
        *self.side(last.side) += u128::from(last.base);
        if end > self.start && steps[end - 1].side != last.side {
            self.changes += 1;
        }
        while steps[self.start].end(params) <= last.time {
            let first = &steps[self.start];
            self.quote -= u128::from(first.quote);
            *self.side(first.side) -= u128::from(first.base);
            self.start += 1;
            if steps[self.start].side != first.side {
                self.changes -= 1;
            }
        }
    }

    const fn side(&mut self, side: Side) -> &mut u128 {
        match side {
            Side::Buy => &mut self.bought,
            Side::Sell => &mut self.sold,
        }
    }

    const fn round_trips(&self) -> u32 {
        self.changes.saturating_add(1) / 2
    }

    fn is_wash(&self, money: Money, params: &Params) -> bool {
        self.round_trips() >= params.round_trips_min
            && is_flat(self.bought, self.sold, params.net_bps_max)
            && self.quote >= u128::from(money.gross_min(params))
    }
}

/// The first wash of a wallet.
pub(super) struct Wash {
    pub(super) reason: Reason,
    pub(super) evidence: Vec<EventId>,
    pub(super) closed: (Seconds, EventId),
    pub(super) money: Money,
}

/// The most events that are named as evidence: the last ones.
const EVIDENCE_MAX: usize = 32;

impl Trips {
    /// The trades of a wallet among `ticks`, none of which closes a wash.
    pub(super) fn new<'a>(money: Money, ticks: impl Iterator<Item = &'a Tick>) -> Self {
        let mut trips = Self { money, steps: ticks.map(step).collect(), closing: 0 };
        trips.steps.sort_by_key(Step::place);
        trips
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds a trade. Returns the trades that become, or cease to be, wash trading.
    pub(super) fn insert(&mut self, tick: &Tick, params: &Params) -> Vec<(Seconds, EventId)> {
        let step = step(tick);
        let at = self.steps.partition_point(|other| other.place() < step.place());
        self.steps.insert(at, step);
        self.judge(at, step.time, params)
    }

    /// Takes a trade out. Returns the others that become, or cease to be, wash trading.
    pub(super) fn remove(&mut self, tick: &Tick, params: &Params) -> Vec<(Seconds, EventId)> {
        let place = (tick.time, tick.id);
        let at = self.steps.partition_point(|other| other.place() < place);
        if self.steps.get(at).is_none_or(|step| step.place() != place) {
            return Vec::new();
        }
        self.closing -= usize::from(self.steps.remove(at).closes);
        self.judge(at, tick.time, params)
    }

    /// Judges again what a change at `time` may have altered; the steps before `at` end before it.
    fn judge(&mut self, at: usize, time: Seconds, params: &Params) -> Vec<(Seconds, EventId)> {
        let start = self.steps.partition_point(|step| step.end(params) <= time);
        let end = self.steps.partition_point(|step| step.time < time.saturating_add(params.window_s));
        let mut window = Window { start, ..Window::default() };
        for last in start..end {
            window.advance(&self.steps, last, params);
            if last >= at {
                let closes = window.is_wash(self.money, params);
                let had_closed = std::mem::replace(&mut self.steps[last].closes, closes);
                self.closing = self.closing + usize::from(closes) - usize::from(had_closed);
            }
        }
        let mut changed = Vec::new();
        let later = self.steps.get(end..).unwrap_or_default().iter();
        let mut closed_at = later.clone().find(|step| step.closes).map(|step| step.time);
        for step in self.steps.iter_mut().take(end).skip(start).rev() {
            if step.closes {
                closed_at = Some(step.time);
            }
            let is_wash = closed_at.is_some_and(|closed| closed < step.end(params));
            if std::mem::replace(&mut step.is_wash, is_wash) != is_wash {
                changed.push(step.place());
            }
        }
        changed
    }

    pub(super) fn is_wash(&self, place: (Seconds, EventId)) -> bool {
        let found = self.steps.binary_search_by_key(&place, Step::place);
        found.ok().and_then(|at| self.steps.get(at)).is_some_and(|step| step.is_wash)
    }

    /// Where the first wash closes.
    pub(super) fn first_close(&self) -> Option<(Seconds, EventId)> {
        if self.closing == 0 {
            return None;
        }
        self.steps.iter().find(|step| step.closes).map(Step::place)
    }

    /// The first wash.
    pub(super) fn first_wash(&self, params: &Params) -> Option<Wash> {
        let end = self.steps.iter().position(|step| step.closes)?;
        let last = &self.steps[end];
        let start = self.steps.partition_point(|step| step.end(params) <= last.time);
        let mut window = Window { start, ..Window::default() };
        (start..=end).for_each(|at| window.advance(&self.steps, at, params));
        let of_window: BTreeSet<EventId> = self.steps[start..=end].iter().map(|step| step.id).collect();
        let evidence = of_window.iter().skip(of_window.len().saturating_sub(EVIDENCE_MAX));
        Some(Wash {
            reason: Reason::Washed { round_trips: window.round_trips(), gross: window.quote },
            evidence: evidence.copied().collect(),
            closed: last.place(),
            money: self.money,
        })
    }

    /// Lets go the trades before `time`. True if one of them closed a wash.
    pub(super) fn let_go_before(&mut self, time: Seconds) -> bool {
        let gone = self.steps.partition_point(|step| step.time < time);
        let closing = self.steps.drain(..gone).filter(|step| step.closes).count();
        self.closing -= closing;
        closing > 0
    }
}

const fn step(tick: &Tick) -> Step {
    let Tick { time, id, side, amounts, .. } = *tick;
    Step { time, id, base: amounts.base, quote: amounts.quote, side, closes: false, is_wash: false }
}
