//! The windows of one token in one quote token, while there is anything in them.
//!
//! What is kept, and why it is enough:
//!
//! * `total`: the sums of all trades so far, and for each window what has left it. The window is the
//!   difference, so a trade is added once and not once a window.
//! * `panes`: what will leave, and when.
//! * `traders`: when each trader last bought and last sold. He is counted in the pane of that trade and in
//!   no earlier one, so he leaves a window with his last trade in it.
//! * `ticks`: the trades within the correction horizon, to find again what one that is taken back had
//!   hidden: an earlier price, the trade that its trader made before.

use std::collections::VecDeque;

use model::{EventId, Price, Seconds, Side};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::panes::{MaybePrice, Panes, shrink};
use super::stairs::Stairs;
use super::window::Window;
use super::{FINE_S, Params, Sums, Tick, coarse};
use crate::bar::{Distinct, TraderKey};
use crate::prelude::*;

/// A trade within the correction horizon.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Kept {
    tick: Tick,
    /// The pool, an index.
    pool: u32,
    /// When its trader last did the same before it; 0 if never.
    before: Seconds,
}

/// When a trader last bought and last sold; 0 if never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    buy: Seconds,
    sell: Seconds,
}

impl Last {
    fn side(&mut self, side: Side) -> &mut Seconds {
        match side {
            Side::Buy => &mut self.buy,
            Side::Sell => &mut self.sell,
        }
    }

    fn any(self) -> Seconds {
        self.buy.max(self.sell)
    }
}

/// What a window holds.
pub(super) struct Figures {
    pub(super) start: Seconds,
    pub(super) sums: Sums,
    /// Number and quote of the trades of the window before.
    pub(super) previous: (u64, u128),
    pub(super) high: Option<Price>,
    pub(super) low: Option<Price>,
    /// The last clean price.
    pub(super) now: Option<Price>,
    /// The last clean price up to the start.
    pub(super) then: Option<Price>,
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Live {
    /// Sorted by block time and canonical order.
    ticks: VecDeque<Kept>,
    panes: Panes,
    highs: Stairs<true>,
    lows: Stairs<false>,
    /// Its order reaches no output: it is only looked up.
    traders: FxHashMap<TraderKey, Last>,
    total: Sums,
    /// By width, ascending; so their starts descend.
    windows: Vec<Window>,
}

impl Live {
    /// Nothing yet; `before` is the last clean price known.
    pub(super) fn new(now: Seconds, params: &Params, before: MaybePrice) -> Self {
        Self {
            ticks: VecDeque::new(),
            panes: Panes::starting_at(before),
            highs: Stairs::default(),
            lows: Stairs::default(),
            traders: FxHashMap::default(),
            total: Sums::default(),
            windows: params.widths.iter().map(|width| Window::new(width.seconds(), now, before)).collect(),
        }
    }

    /// The trades that can be corrected, in order: block time, pool, trade.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (u32, &Tick)> {
        self.ticks.iter().map(|kept| (kept.pool, &kept.tick))
    }

    /// True if it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.panes.is_empty()
    }

    /// The last clean price.
    pub(super) fn close(&self) -> MaybePrice {
        self.panes.close()
    }

    /// Adds a trade.
    pub(super) fn insert(&mut self, tick: Tick, pool: u32) {
        let at = match self.ticks.back() {
            Some(last) if place(last) > (tick.time, tick.id) => {
                self.ticks.partition_point(|kept| place(kept) < (tick.time, tick.id))
            }
            _ => self.ticks.len(),
        };
        if self.panes.ensure(tick.time) {
            for window in &mut self.windows {
                window.expect(tick.time);
            }
        }
        self.change_sums(&tick, true);
        let before = self.link(at, &tick);
        self.ticks.insert(at, Kept { tick, pool, before });
        if let Some(price) = tick.price {
            self.add_price(at, tick.time, price);
        }
    }

    /// Takes a trade out. False if it is not there, or past correction.
    pub(super) fn remove(&mut self, tick: &Tick, pool: u32) -> bool {
        let first = self.ticks.partition_point(|kept| place(kept) < (tick.time, tick.id));
        let same = self.ticks.range(first..).take_while(|kept| kept.tick.id == tick.id);
        let mut same = same.zip(first..);
        let found = same.find(|(kept, _)| kept.tick == *tick && kept.pool == pool).map(|(_, at)| at);
        let Some((at, kept)) = found.and_then(|at| Some((at, self.ticks.remove(at)?))) else { return false };
        self.change_sums(tick, false);
        self.unlink(at, &kept);
        if let Some(price) = tick.price {
            self.drop_price(tick.time, price);
        }
        true
    }

    fn change_sums(&mut self, tick: &Tick, is_gain: bool) {
        let sums = Sums::of(tick);
        if let Some(pane) = self.panes.get_mut(tick.time) {
            pane.sums.change(sums, is_gain);
        }
        self.total.change(sums, is_gain);
        for window in self.windows.iter_mut().take_while(|window| window.start >= tick.time) {
            window.gone.change(sums, is_gain);
            if window.start_before() >= tick.time {
                let (trades, quote) = &mut window.gone_before;
                *trades = if is_gain { *trades + 1 } else { *trades - 1 };
                *quote = if is_gain { *quote + sums.quote() } else { *quote - sums.quote() };
            }
        }
    }

    /// Puts a trade, which will stand at `at`, between those of its trader on the same side. Returns when
    /// the one before it was.
    fn link(&mut self, at: usize, tick: &Tick) -> Seconds {
        let Some(trader) = tick.trader else { return 0 };
        let last = self.traders.entry(trader).or_default();
        let latest = *last.side(tick.side);
        let later = self.ticks.range_mut(at..).take_while(|kept| kept.tick.time <= latest);
        if let Some(next) = later.into_iter().find(|kept| is_alike(&kept.tick, tick)) {
            return std::mem::replace(&mut next.before, tick.time);
        }
        let before = *last;
        *last.side(tick.side) = latest.max(tick.time);
        let after = *last;
        self.move_trader(before, after);
        latest
    }

    /// Takes a trade, which stood at `at`, from between those of its trader.
    fn unlink(&mut self, at: usize, kept: &Kept) {
        let Some(trader) = kept.tick.trader else { return };
        let Some(last) = self.traders.get_mut(&trader) else { return };
        let latest = *last.side(kept.tick.side);
        let later = self.ticks.range_mut(at..).take_while(|kept| kept.tick.time <= latest);
        if let Some(next) = later.into_iter().find(|other| is_alike(&other.tick, &kept.tick)) {
            next.before = kept.before;
        } else if latest == kept.tick.time {
            let before = *last;
            *last.side(kept.tick.side) = kept.before;
            let after = *last;
            self.move_trader(before, after);
        }
    }

    /// Counts a trader in the panes of his last trades.
    fn move_trader(&mut self, before: Last, after: Last) {
        if before.any() != after.any() {
            self.move_count(before.any(), after.any(), |distinct| &mut distinct.traders);
        }
        if before.buy != after.buy {
            self.move_count(before.buy, after.buy, |distinct| &mut distinct.buyers);
        }
        if before.sell != after.sell {
            self.move_count(before.sell, after.sell, |distinct| &mut distinct.sellers);
        }
    }

    fn move_count(&mut self, from: Seconds, to: Seconds, of: fn(&mut Distinct) -> &mut u64) {
        self.count(to, of, |count| *count += 1);
        self.count(from, of, |count| *count -= 1);
    }

    /// Counts a trader in or out at `time`. Where the pane has been let go it makes no difference: what was
    /// in it is in the total and in all that is gone.
    fn count(&mut self, time: Seconds, of: fn(&mut Distinct) -> &mut u64, change: fn(&mut u64)) {
        let Some(pane) = self.panes.get_mut(time) else { return };
        change(of(&mut pane.sums.distinct));
        change(of(&mut self.total.distinct));
        for window in self.windows.iter_mut().take_while(|window| window.start >= time) {
            change(of(&mut window.gone.distinct));
        }
    }

    /// The start of the widest window.
    fn reach(&self) -> Seconds {
        self.windows.last().map_or(0, |window| window.start)
    }

    /// Adds the price of the trade at `at`.
    fn add_price(&mut self, at: usize, time: Seconds, price: Price) {
        self.highs.insert(time, price);
        self.lows.insert(time, price);
        if let Some(pane) = self.panes.get_mut(time) {
            pane.high = Some(pane.high.get().map_or(price, |high| high.max(price))).into();
            pane.low = Some(pane.low.get().map_or(price, |low| low.min(price))).into();
        }
        let mut later = self.ticks.range(at + 1..).take_while(|kept| kept.tick.time == time);
        if !later.any(|kept| kept.tick.price.is_some()) {
            self.set_close(time, Some(price).into());
        }
    }

    /// Takes out the price of a trade that is no longer among the ticks.
    fn drop_price(&mut self, time: Seconds, price: Price) {
        let first = self.ticks.partition_point(|kept| kept.tick.time < time);
        let left = || {
            let same = self.ticks.range(first..).take_while(|kept| kept.tick.time == time);
            same.filter_map(|kept| kept.tick.price)
        };
        let (high, low, close) = (left().max(), left().min(), left().last());
        let close = close.map_or_else(|| self.panes.close_at(time.saturating_sub(1)), |p| Some(p).into());
        if let Some(pane) = self.panes.get_mut(time) {
            (pane.high, pane.low) = (high.into(), low.into());
        }
        let reach = self.reach();
        if high != Some(price)
            && let Some(after) = self.highs.take(time, price)
        {
            for pane in self.panes.range(after.max(reach), time) {
                pane.high.get().into_iter().for_each(|high| self.highs.insert(pane.time, high));
            }
        }
        if low != Some(price)
            && let Some(after) = self.lows.take(time, price)
        {
            for pane in self.panes.range(after.max(reach), time) {
                pane.low.get().into_iter().for_each(|low| self.lows.insert(pane.time, low));
            }
        }
        self.set_close(time, close);
    }

    fn set_close(&mut self, time: Seconds, close: MaybePrice) {
        self.panes.set_close(time, close);
        for window in self.windows.iter_mut().take_while(|window| window.start >= time) {
            window.then = self.panes.close_at(window.start);
        }
    }

    /// True if something leaves a window at `now`.
    pub(super) fn is_due(&self, window: usize, now: Seconds) -> bool {
        self.windows.get(window).is_some_and(|w| w.due <= now || w.due_before <= now)
    }

    /// When something leaves a window, or the last can be let go.
    pub(super) fn next_due(&self, horizon: Horizon) -> Option<Seconds> {
        let last = self.panes.last()?;
        let longest = self.windows.last().map_or(0, |window| window.width.saturating_mul(2));
        let end = coarse(last.time).saturating_add(longest.max(horizon.0 + 1));
        let dues = self.windows.iter().map(|window| window.due.min(window.due_before));
        dues.chain([end]).min()
    }

    /// Moves the windows to `now`, and lets go what none of them and no correction needs.
    pub(super) fn advance(&mut self, now: Seconds, horizon: Horizon) {
        for window in &mut self.windows {
            window.advance(now, &self.panes);
        }
        while self.ticks.front().is_some_and(|kept| horizon.is_past(kept.tick.time, now)) {
            self.ticks.pop_front();
        }
        shrink(&mut self.ticks);
        let start_before = self.windows.last().map_or(now, Window::start_before);
        self.panes.let_go(start_before.min(now.saturating_sub(horizon.0 + 1)));
        self.panes.join_before(now.saturating_sub(horizon.0.max(2 * FINE_S)));
        let reach = self.reach();
        self.highs.let_go(reach);
        self.lows.let_go(reach);
        let gone = self.windows.last().map_or(0, |window| window.gone.distinct.traders);
        let left = usize::try_from(self.total.distinct.traders - gone).unwrap_or(usize::MAX);
        // Now and then, so that it costs little for each.
        if self.traders.len() / 2 > left.saturating_add(8) {
            self.traders.retain(|_, last| last.any() > reach);
            self.traders.shrink_to(2 * left);
        }
    }

    /// What a window holds.
    pub(super) fn figures(&self, window: usize) -> Option<Figures> {
        let window = self.windows.get(window)?;
        let gone = (window.gone.trades(), window.gone.quote());
        let (trades, quote) = window.gone_before;
        Some(Figures {
            start: window.start,
            sums: self.total - window.gone,
            previous: (gone.0 - trades, gone.1 - quote),
            high: self.highs.after(window.start),
            low: self.lows.after(window.start),
            now: self.panes.close().get(),
            then: window.then.get(),
        })
    }
}

fn place(kept: &Kept) -> (Seconds, EventId) {
    (kept.tick.time, kept.tick.id)
}

/// True if the trades are on the same side and by the same trader.
fn is_alike(a: &Tick, b: &Tick) -> bool {
    a.side == b.side && a.trader == b.trader
}
