//! The windows of one token in one quote token, while there is anything in them.
//!
//! What is kept, and why it is enough:
//!
//! * `total`: the sums of all trades so far, and for each window what has left it. The window is the
//!   difference, so a trade is added once and not once a window.
//! * `panes`: what will leave, and when.
//! * `makers`: when each trader last bought and last sold. He is counted in the pane of that trade and in
//!   no earlier one, so he leaves a window with his last trade in it.
//! * `ticks`: the trades that can still be taken back or marked.
//! * `marked`: what is left out of `filtered_*`. Nearly always there is none.

use model::{EventId, Price, Seconds};
use serde::{Deserialize, Serialize};

use super::makers::{Last, Makers};
use super::marked::{Marked, Removed};
use super::panes::Panes;
use super::stairs::Extremes;
use super::ticks::{Kept, Ticks};
use super::window::{Moment, Window};
use super::{FINE_S, Params, Short, Sums, short};

/// What a window holds.
pub(super) struct Figures {
    pub(super) start: Short,
    pub(super) sums: Sums,
    /// Number and quote of the trades of the window before.
    pub(super) previous: (u32, u128),
    pub(super) high: Option<Price>,
    pub(super) low: Option<Price>,
    /// Value of the largest trade, in millionths of a USD.
    pub(super) largest: Option<u64>,
    /// The last clean price up to the start.
    pub(super) then: Option<Price>,
    pub(super) removed: Removed,
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Live {
    ticks: Ticks,
    panes: Panes,
    highs: Extremes<Price, true>,
    lows: Extremes<Price, false>,
    largest: Extremes<u64, true>,
    makers: Makers,
    total: Sums,
    /// By width, ascending; so their starts descend.
    windows: Vec<Window>,
    marked: Option<Box<Marked>>,
}

impl Live {
    /// Nothing yet; `before` is the last clean price known.
    pub(super) fn new(now: Short, params: &Params, before: Option<Price>) -> Self {
        let windows = params.widths.iter();
        let windows = windows.map(|width| Window::new(short(width.seconds()), Moment::present(now), before));
        Self {
            ticks: Ticks::default(),
            panes: Panes::starting_at(before),
            highs: Extremes::default(),
            lows: Extremes::default(),
            largest: Extremes::default(),
            makers: Makers::default(),
            total: Sums::default(),
            windows: windows.collect(),
            marked: None,
        }
    }

    /// The trades that can be corrected, in order.
    pub(super) fn ticks(&self) -> impl Iterator<Item = &Kept> {
        self.ticks.iter()
    }

    /// True if it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.panes.is_empty()
    }

    /// The last clean price.
    pub(super) fn close(&self) -> Option<Price> {
        self.panes.close()
    }

    /// Adds a trade.
    pub(super) fn insert(&mut self, kept: Kept) {
        if self.panes.ensure(kept.time) {
            let pane = Moment::pane(kept.time);
            self.windows.iter_mut().for_each(|window| window.expect(pane));
        }
        self.change_sums(&kept, true);
        let at = self.ticks.insert(kept);
        let last = self.link(at, &kept);
        self.add_extremes(at, &kept);
        if kept.is_marked && self.marked.is_none() {
            self.marked = Some(Box::new(Marked::new(self.windows.len())));
        }
        if let Some(marked) = &mut self.marked {
            marked.insert(&kept, &self.ticks, last, &self.windows);
        }
    }

    /// Takes a trade out. False if it is not there, or past correction.
    pub(super) fn remove(&mut self, kept: &Kept) -> bool {
        let Some((at, kept)) = self.ticks.remove(kept) else { return false };
        self.change_sums(&kept, false);
        let last = self.unlink(at, &kept);
        self.drop_extremes(&kept);
        if let Some(marked) = &mut self.marked {
            marked.remove(&kept, last, &self.windows);
        }
        true
    }

    /// Says of the trade with this id, if it is here, whether it is left out of what is filtered.
    pub(super) fn mark(&mut self, id: EventId, is_marked: bool) {
        for at in self.ticks.find(id) {
            let Some(kept) = self.ticks.get_mut(at).filter(|kept| kept.is_marked != is_marked) else {
                continue;
            };
            kept.is_marked = is_marked;
            let kept = *kept;
            let last = self.makers.get(kept.maker);
            let windows = self.windows.len();
            let marked = self.marked.get_or_insert_with(|| Box::new(Marked::new(windows)));
            marked.flip(&kept, &self.ticks, last, &self.windows);
        }
    }

    fn change_sums(&mut self, kept: &Kept, is_gain: bool) {
        let sums = kept.sums();
        if let Some(fine) = self.panes.fine_mut(kept.time) {
            fine.pane.sums.change(sums, is_gain);
        }
        self.total.change(sums, is_gain);
        for window in self.windows.iter_mut().take_while(|window| window.start >= kept.time) {
            window.gone.change(sums, is_gain);
            if window.start_before() >= kept.time {
                let (trades, quote) = (&mut window.trades_before, &mut window.quote_before);
                *trades = if is_gain { trades.wrapping_add(1) } else { trades.wrapping_sub(1) };
                *quote =
                    if is_gain { quote.wrapping_add(sums.quote()) } else { quote.wrapping_sub(sums.quote()) };
            }
        }
    }

    /// Puts a trade, which stands at `at`, between those of its trader on the same side. Returns when its
    /// trader last traded.
    fn link(&mut self, at: usize, kept: &Kept) -> Last {
        if !kept.maker.is_known() {
            return Last::default();
        }
        let last = self.makers.entry(kept.maker);
        let latest = *last.side(kept.side);
        let later = self.ticks.rest_mut(at + 1).take_while(|other| other.time <= latest);
        let next = later.into_iter().find(|other| other.is_alike(kept));
        let before = *last;
        let own_before = match next {
            Some(next) => std::mem::replace(&mut next.before, kept.time),
            None => std::mem::replace(last.side(kept.side), latest.max(kept.time)),
        };
        let after = *last;
        if let Some(own) = self.ticks.get_mut(at) {
            own.before = own_before;
        }
        self.move_maker(before, after);
        after
    }

    /// Takes a trade, which stood at `at`, from between those of its trader. Returns when its trader last
    /// traded.
    fn unlink(&mut self, at: usize, kept: &Kept) -> Last {
        if !kept.maker.is_known() {
            return Last::default();
        }
        let last = self.makers.entry(kept.maker);
        let latest = *last.side(kept.side);
        let later = self.ticks.rest_mut(at).take_while(|other| other.time <= latest);
        let next = later.into_iter().find(|other| other.is_alike(kept));
        let before = *last;
        match next {
            Some(next) => next.before = kept.before,
            None if latest == kept.time => *last.side(kept.side) = kept.before,
            None => {}
        }
        let after = *last;
        self.move_maker(before, after);
        after
    }

    /// Counts a trader in the panes of his last trades.
    fn move_maker(&mut self, before: Last, after: Last) {
        if before.any() != after.any() {
            self.move_count(before.any(), after.any(), |sums| &mut sums.traders);
        }
        if before.buy != after.buy {
            self.move_count(before.buy, after.buy, |sums| &mut sums.buyers);
        }
        if before.sell != after.sell {
            self.move_count(before.sell, after.sell, |sums| &mut sums.sellers);
        }
    }

    fn move_count(&mut self, from: Short, to: Short, of: fn(&mut Sums) -> &mut u32) {
        self.count(to, |sums| *of(sums) = of(sums).wrapping_add(1));
        self.count(from, |sums| *of(sums) = of(sums).wrapping_sub(1));
    }

    /// Counts a trader in or out at `time`. Where the pane has left all windows it makes no difference:
    /// what was in it is in the total and in all that is gone.
    fn count(&mut self, time: Short, change: impl Fn(&mut Sums)) {
        let Some(pane) = self.panes.get_mut(time).filter(|_| time > 0) else { return };
        change(&mut pane.sums);
        change(&mut self.total);
        for window in self.windows.iter_mut().take_while(|window| window.start >= time) {
            change(&mut window.gone);
        }
    }

    /// The start of the widest window.
    fn reach(&self) -> Short {
        self.windows.last().map_or(0, |window| window.start)
    }

    /// Adds price and value of the trade at `at`.
    fn add_extremes(&mut self, at: usize, kept: &Kept) {
        let Some(fine) = self.panes.fine_mut(kept.time) else { return };
        if let Some(usd) = kept.usd()
            && fine.largest.get().is_none_or(|largest| largest < usd)
        {
            fine.largest = Some(usd).into();
            self.largest.insert(kept.time, usd);
        }
        let Some(price) = kept.price() else { return };
        if fine.high.is_none_or(|high| high < price) {
            fine.high = Some(price);
            self.highs.insert(kept.time, price);
        }
        if fine.low.is_none_or(|low| low > price) {
            fine.low = Some(price);
            self.lows.insert(kept.time, price);
        }
        if self.ticks.is_close(at, kept.time) {
            self.set_close(kept.time, Some(price));
        }
    }

    /// Takes out price and value of a trade that is no longer among the ticks.
    fn drop_extremes(&mut self, kept: &Kept) {
        let time = kept.time;
        let prices = || self.ticks.of(time).filter_map(Kept::price);
        let (high, low, close) = (prices().max(), prices().min(), prices().last());
        let largest = self.ticks.of(time).filter_map(Kept::usd).max();
        if let Some(fine) = self.panes.fine_mut(time) {
            (fine.high, fine.low, fine.largest) = (high, low, largest.into());
        }
        let reach = self.reach();
        if let Some(usd) = kept.usd().filter(|usd| largest != Some(*usd))
            && let Some(after) = self.largest.take(time, usd)
        {
            let panes = self.panes.fine(after.max(reach), time);
            let again = panes.filter_map(|fine| Some((fine.pane.time, fine.largest.get()?)));
            again.for_each(|(time, usd)| self.largest.insert(time, usd));
        }
        let Some(price) = kept.price() else { return };
        if high != Some(price)
            && let Some(after) = self.highs.take(time, price)
        {
            let panes = self.panes.fine(after.max(reach), time);
            let again = panes.filter_map(|fine| Some((fine.pane.time, fine.high?)));
            again.for_each(|(time, high)| self.highs.insert(time, high));
        }
        if low != Some(price)
            && let Some(after) = self.lows.take(time, price)
        {
            let panes = self.panes.fine(after.max(reach), time);
            let again = panes.filter_map(|fine| Some((fine.pane.time, fine.low?)));
            again.for_each(|(time, low)| self.lows.insert(time, low));
        }
        let before = || self.panes.close_at(time.saturating_sub(1));
        self.set_close(time, close.map_or_else(before, Some));
    }

    fn set_close(&mut self, time: Short, close: Option<Price>) {
        self.panes.set_close(time, close);
        for window in self.windows.iter_mut().take_while(|window| window.start >= time) {
            window.then = self.panes.close_at(window.start);
        }
    }

    /// The windows that something leaves at `now`, one bit each.
    pub(super) fn due(&self, now: Short) -> u64 {
        let due = self.windows.iter().zip(0..).filter(|(window, _)| window.due <= now);
        due.fold(0, |bits, (_, at)| bits | 1 << at)
    }

    /// When something leaves a window, or the last can be let go.
    pub(super) fn next_due(&self, kept_s: Seconds) -> Option<Seconds> {
        let last = Seconds::from(self.panes.last()?);
        let longest = self.windows.last().map_or(0, |window| Seconds::from(window.width) * 2);
        let end = last.next_multiple_of(Seconds::from(super::COARSE_TICK_S));
        let end = end.saturating_add(longest.max(kept_s.saturating_add(1)));
        let due = self.windows.iter().map(|window| window.due).min()?;
        Some(if due == Short::MAX { end } else { end.min(due.into()) })
    }

    /// Moves the windows to `now`, and lets go what none of them and no correction needs.
    pub(super) fn advance(&mut self, now: Short, kept_s: Seconds) {
        let moment = Moment::present(now);
        if let Some(marked) = &mut self.marked {
            let before: Vec<Short> = self.windows.iter().map(|window| window.start).collect();
            self.windows.iter_mut().for_each(|window| window.advance(moment, &self.panes));
            marked.advance(&before, &self.windows);
        } else {
            self.windows.iter_mut().for_each(|window| window.advance(moment, &self.panes));
        }
        self.settle(now, short(kept_s));
        let reach = self.reach();
        self.highs.let_go(reach);
        self.lows.let_go(reach);
        self.largest.let_go(reach);
        let gone = self.windows.last().map_or(0, |window| window.gone.traders);
        self.makers.let_go(reach, self.total.traders.wrapping_sub(gone));
    }

    /// Packs what can no longer be corrected, and lets go what has left.
    fn settle(&mut self, now: Short, kept_s: Short) {
        while let Some(kept) = self.ticks.pop_before(now.saturating_sub(kept_s)) {
            if let Some(marked) = &mut self.marked {
                marked.settle(&kept);
            }
        }
        self.ticks.shrink();
        if self.marked.as_ref().is_some_and(|marked| marked.is_empty()) {
            self.marked = None;
        }
        let start_before = self.windows.last().map_or(now, Window::start_before);
        let reach = self.reach();
        let (highs, lows, largest) = (&mut self.highs, &mut self.lows, &mut self.largest);
        let settle = |fine: &super::panes::Fine| {
            let time = fine.pane.time;
            fine.high.into_iter().for_each(|high| highs.settle(time, high));
            fine.low.into_iter().for_each(|low| lows.settle(time, low));
            fine.largest.get().into_iter().for_each(|usd| largest.settle(time, usd));
        };
        self.panes.let_go(start_before.min(now.saturating_sub(kept_s.saturating_add(1))));
        self.panes.join_before(now.saturating_sub(kept_s.max(2 * FINE_S)), settle);
        self.panes.reduce_upto(reach);
    }

    /// What a window holds.
    pub(super) fn figures(&self, window: usize) -> Option<Figures> {
        let removed = self.marked.as_ref().map_or(Removed::default(), |marked| marked.removed(window));
        let window = self.windows.get(window)?;
        let (trades, quote) = (window.trades_before, window.quote_before);
        Some(Figures {
            start: window.start,
            sums: self.total - window.gone,
            previous: (window.gone.trades().wrapping_sub(trades), window.gone.quote().wrapping_sub(quote)),
            high: self.highs.after(window.start),
            low: self.lows.after(window.start),
            largest: self.largest.after(window.start),
            then: window.then,
            removed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::makers::Maker;
    use super::super::panes::{Fine, Pane};
    use super::*;

    #[test]
    fn what_is_kept_most_often_has_the_size_that_the_module_tells() {
        let sizes = [size_of::<Window>(), size_of::<Fine>(), size_of::<Pane>(), size_of::<Kept>()];
        assert_eq!(sizes, [144, 144, 112, 88]);
        assert_eq!(size_of::<(Maker, Last)>(), 24);
    }
}
