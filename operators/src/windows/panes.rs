//! The trades of a token summed by second, and by ten seconds once they can no longer change.
//!
//! Panes are what leaves a window. Those of a second are needed as long as a trade in them can be
//! corrected and a window that moves by the second may still be left by them; after that only windows
//! that move by ten seconds read them, which see no difference when ten are one. Once they have left all
//! windows only the windows before those need them, and of these only the number and quote of trades.

use std::collections::VecDeque;

use model::Price;
use serde::{Deserialize, Serialize};

use super::{Short, Sums, coarse};
use crate::bar::MaybeAmount;
use crate::room;

/// The trades of one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Fine {
    pub(super) pane: Pane,
    /// Highest clean price.
    pub(super) high: Option<Price>,
    /// Lowest clean price.
    pub(super) low: Option<Price>,
    /// Value of the largest trade.
    pub(super) largest: MaybeAmount,
}

/// The trades of one second, or of ten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pane {
    /// Its last second.
    pub(super) time: Short,
    /// Its trades. Distinct traders are those of whom no later trade is known.
    pub(super) sums: Sums,
    /// Last clean price in the pane, or before it if it has none.
    pub(super) close: Option<Price>,
}

/// The trades of ten seconds that have left all windows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Past {
    time: Short,
    trades: u32,
    quote: u128,
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Panes {
    /// All of them before `coarse`.
    past: VecDeque<Past>,
    /// Of ten seconds, all of them before `fine`.
    coarse: VecDeque<Pane>,
    /// Of one second.
    fine: VecDeque<Fine>,
    /// The last clean price before `coarse`.
    before: Option<Price>,
}

impl Panes {
    /// True if there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.past.is_empty() && self.coarse.is_empty() && self.fine.is_empty()
    }

    /// None yet, with the last clean price known from before.
    pub(super) fn starting_at(before: Option<Price>) -> Self {
        Self { before, ..Self::default() }
    }

    /// The time of the last pane.
    pub(super) fn last(&self) -> Option<Short> {
        let fine = self.fine.back().map(|fine| fine.pane.time);
        fine.or_else(|| self.coarse.back().map(|pane| pane.time)).or_else(|| self.past.back().map(|p| p.time))
    }

    /// The last clean price.
    pub(super) fn close(&self) -> Option<Price> {
        let last = self.fine.back().map(|fine| &fine.pane).or(self.coarse.back());
        last.map_or(self.before, |pane| pane.close)
    }

    /// The last clean price at or before `time`, which is no earlier than the start of the widest window.
    pub(super) fn close_at(&self, time: Short) -> Option<Price> {
        let fine = self.fine.partition_point(|fine| fine.pane.time <= time).checked_sub(1);
        if let Some(fine) = fine.and_then(|at| self.fine.get(at)) {
            return fine.pane.close;
        }
        let coarse = self.coarse.partition_point(|pane| pane.time <= time).checked_sub(1);
        coarse.and_then(|at| self.coarse.get(at)).map_or(self.before, |pane| pane.close)
    }

    /// The pane of the second `time`, which can be corrected.
    pub(super) fn fine_mut(&mut self, time: Short) -> Option<&mut Fine> {
        if self.fine.back().is_some_and(|fine| fine.pane.time == time) {
            return self.fine.back_mut();
        }
        let at = self.fine.binary_search_by_key(&time, |fine| fine.pane.time).ok()?;
        self.fine.get_mut(at)
    }

    /// The pane that holds `time`, unless it has left all windows.
    pub(super) fn get_mut(&mut self, time: Short) -> Option<&mut Pane> {
        // By the place and not by trying: a borrow that may be returned cannot be given up.
        if self.fine.front().is_some_and(|fine| fine.pane.time <= time) {
            return self.fine_mut(time).map(|fine| &mut fine.pane);
        }
        let at = self.coarse.binary_search_by_key(&coarse(time), |pane| pane.time).ok()?;
        self.coarse.get_mut(at)
    }

    /// Sees to it that there is a pane of the second `time`. True if it is new.
    pub(super) fn ensure(&mut self, time: Short) -> bool {
        let new = |close| Fine { pane: Pane { time, close, ..Pane::default() }, ..Fine::default() };
        match self.fine.back() {
            Some(last) if last.pane.time == time => return false,
            Some(last) if last.pane.time > time => {
                let at = self.fine.binary_search_by_key(&time, |fine| fine.pane.time);
                let Err(at) = at else { return false };
                let new = new(self.close_at(time));
                room::insert_at(&mut self.fine, at, new);
            }
            _ => {
                let new = new(self.close());
                room::push_back(&mut self.fine, new);
            }
        }
        true
    }

    /// Sets the last clean price of the second `time`, and of those after it up to the next with its own.
    pub(super) fn set_close(&mut self, time: Short, close: Option<Price>) {
        if let Some(last) = self.fine.back_mut().filter(|last| last.pane.time == time) {
            last.pane.close = close;
            return;
        }
        let at = self.fine.partition_point(|fine| fine.pane.time < time);
        let mut later = self.fine.range_mut(at..);
        if let Some(fine) = later.next() {
            fine.pane.close = close;
        }
        for fine in later.take_while(|fine| fine.high.is_none()) {
            fine.pane.close = close;
        }
    }

    /// The panes in `(after, upto]` that can be corrected.
    pub(super) fn fine(&self, after: Short, upto: Short) -> impl Iterator<Item = &Fine> {
        let (first, end) = span(&self.fine, after, upto, |fine| fine.pane.time);
        self.fine.range(first..end)
    }

    /// The panes in `(after, upto]`; `after` is no earlier than the start of the widest window.
    pub(super) fn range(&self, after: Short, upto: Short) -> impl Iterator<Item = &Pane> {
        let (first, end) = span(&self.coarse, after, upto, |pane| pane.time);
        self.coarse.range(first..end).chain(self.fine(after, upto).map(|fine| &fine.pane))
    }

    /// Number and quote of the trades in `(after, upto]`.
    pub(super) fn volume(&self, after: Short, upto: Short) -> (u32, u128) {
        let (first, end) = span(&self.past, after, upto, |past| past.time);
        let past = self.past.range(first..end).map(|past| (past.trades, past.quote));
        let present = self.range(after, upto).map(|pane| (pane.sums.trades(), pane.sums.quote()));
        past.chain(present)
            .fold((0, 0), |sum, (trades, quote)| (sum.0.wrapping_add(trades), sum.1.wrapping_add(quote)))
    }

    /// The time of the first pane after `time`.
    pub(super) fn next_after(&self, time: Short) -> Option<Short> {
        // The place is searched for in one list only: in which, its last pane tells.
        if self.past.back().is_some_and(|past| past.time > time) {
            let at = self.past.partition_point(|past| past.time <= time);
            return self.past.get(at).map(|past| past.time);
        }
        if self.coarse.back().is_some_and(|pane| pane.time > time) {
            let at = self.coarse.partition_point(|pane| pane.time <= time);
            return self.coarse.get(at).map(|pane| pane.time);
        }
        let at = self.fine.partition_point(|fine| fine.pane.time <= time);
        self.fine.get(at).map(|fine| fine.pane.time)
    }

    /// Joins the panes of every ten seconds that are over before `end`; `settle` is told each.
    pub(super) fn join_before(&mut self, end: Short, mut settle: impl FnMut(&Fine)) {
        while let Some(fine) = self.fine.front() {
            let time = coarse(fine.pane.time);
            if time >= end {
                break;
            }
            settle(fine);
            match self.coarse.back_mut() {
                Some(last) if last.time == time => {
                    last.sums += fine.pane.sums;
                    last.close = fine.pane.close;
                }
                _ => room::push_back(&mut self.coarse, Pane { time, ..fine.pane }),
            }
            self.fine.pop_front();
        }
        room::shrink(&mut self.fine);
    }

    /// Reduces the panes of ten seconds that have left the widest window, which starts at `start`.
    pub(super) fn reduce_upto(&mut self, start: Short) {
        while let Some(pane) = self.coarse.front().filter(|pane| pane.time <= start) {
            let (trades, quote) = (pane.sums.trades(), pane.sums.quote());
            room::push_back(&mut self.past, Past { time: pane.time, trades, quote });
            self.before = pane.close;
            self.coarse.pop_front();
        }
        room::shrink(&mut self.coarse);
    }

    /// Lets go the panes that are over at `end`, which have all left the widest window.
    pub(super) fn let_go(&mut self, end: Short) {
        while self.past.front().is_some_and(|past| past.time <= end) {
            self.past.pop_front();
        }
        while let Some(fine) = self.fine.front().filter(|fine| fine.pane.time <= end) {
            self.before = fine.pane.close;
            self.fine.pop_front();
        }
        room::shrink(&mut self.past);
        room::shrink(&mut self.fine);
    }
}

/// Where the items in `(after, upto]` begin and end.
fn span<T>(of: &VecDeque<T>, after: Short, upto: Short, time: fn(&T) -> Short) -> (usize, usize) {
    if of.back().is_none_or(|last| time(last) <= after) {
        return (0, 0);
    }
    let first = of.partition_point(|item| time(item) <= after);
    (first, of.partition_point(|item| time(item) <= upto).max(first))
}
