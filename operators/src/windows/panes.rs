//! The trades of a token summed by second, and by ten seconds once they can no longer change.
//!
//! Panes are what leaves a window. Those of a second are needed as long as a trade in them can be
//! corrected and a window that moves by the second may still be left by them; after that only windows
//! that move by ten seconds read them, which see no difference when ten are one.

use std::collections::VecDeque;

use model::{Price, Seconds};
use serde::{Deserialize, Serialize};

use super::{Sums, coarse};

/// A price that may be missing, in eight bytes; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct MaybePrice(f64);

impl MaybePrice {
    pub(super) fn get(self) -> Option<Price> {
        Price::new(self.0)
    }
}

impl From<Option<Price>> for MaybePrice {
    fn from(price: Option<Price>) -> Self {
        Self(price.map_or(0.0, Price::get))
    }
}

/// The trades of one second, or of ten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pane {
    /// Its last second.
    pub(super) time: Seconds,
    /// Its trades. Distinct traders are those of whom no later trade is known.
    pub(super) sums: Sums,
    /// Highest clean price.
    pub(super) high: MaybePrice,
    /// Lowest clean price.
    pub(super) low: MaybePrice,
    /// Last clean price in the pane, or before it if it has none.
    pub(super) close: MaybePrice,
}

impl Pane {
    /// Joins with a pane that is later.
    fn join(&mut self, later: &Self) {
        self.sums += later.sums;
        let of = |a: Option<Price>, b: Option<Price>, choose: fn(Price, Price) -> Price| match (a, b) {
            (Some(a), Some(b)) => Some(choose(a, b)),
            (a, b) => a.or(b),
        };
        self.high = of(self.high.get(), later.high.get(), Price::max).into();
        self.low = of(self.low.get(), later.low.get(), Price::min).into();
        self.close = later.close;
    }
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Panes {
    /// Of ten seconds, all of them before `fine`.
    coarse: VecDeque<Pane>,
    /// Of one second.
    fine: VecDeque<Pane>,
    /// The last clean price before all panes.
    before: MaybePrice,
}

impl Panes {
    /// True if there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.coarse.is_empty() && self.fine.is_empty()
    }

    /// None yet, with the last clean price known from before.
    pub(super) fn starting_at(before: MaybePrice) -> Self {
        Self { before, ..Self::default() }
    }

    /// The last pane.
    pub(super) fn last(&self) -> Option<&Pane> {
        self.fine.back().or(self.coarse.back())
    }

    /// The last clean price.
    pub(super) fn close(&self) -> MaybePrice {
        self.last().map_or(self.before, |pane| pane.close)
    }

    /// The last clean price at or before `time`.
    pub(super) fn close_at(&self, time: Seconds) -> MaybePrice {
        let last = |panes: &VecDeque<Pane>| {
            let end = panes.partition_point(|pane| pane.time <= time);
            end.checked_sub(1).and_then(|at| panes.get(at)).map(|pane| pane.close)
        };
        last(&self.fine).or_else(|| last(&self.coarse)).unwrap_or(self.before)
    }

    /// The pane that holds `time`.
    pub(super) fn get_mut(&mut self, time: Seconds) -> Option<&mut Pane> {
        if self.fine.back().is_some_and(|pane| pane.time == time) {
            return self.fine.back_mut();
        }
        if let Ok(at) = self.fine.binary_search_by_key(&time, |pane| pane.time) {
            return self.fine.get_mut(at);
        }
        let at = self.coarse.binary_search_by_key(&coarse(time), |pane| pane.time);
        at.ok().and_then(|at| self.coarse.get_mut(at))
    }

    /// Sees to it that there is a pane of the second `time`. True if it is new.
    pub(super) fn ensure(&mut self, time: Seconds) -> bool {
        match self.fine.back() {
            Some(last) if last.time == time => return false,
            Some(last) if last.time > time => {
                let Err(at) = self.fine.binary_search_by_key(&time, |pane| pane.time) else { return false };
                let close = self.close_at(time);
                self.fine.insert(at, Pane { time, close, ..Pane::default() });
            }
            _ => {
                let close = self.close();
                self.fine.push_back(Pane { time, close, ..Pane::default() });
            }
        }
        true
    }

    /// Sets the last clean price of the second `time`, and of those after it up to the next with its own.
    pub(super) fn set_close(&mut self, time: Seconds, close: MaybePrice) {
        if let Some(last) = self.fine.back_mut().filter(|pane| pane.time == time) {
            last.close = close;
            return;
        }
        let at = self.fine.partition_point(|pane| pane.time < time);
        let mut panes = self.fine.range_mut(at..);
        if let Some(pane) = panes.next() {
            pane.close = close;
        }
        for pane in panes.take_while(|pane| pane.high.get().is_none()) {
            pane.close = close;
        }
    }

    /// The panes in `(after, upto]`.
    pub(super) fn range(&self, after: Seconds, upto: Seconds) -> impl Iterator<Item = &Pane> {
        let of = move |panes: &'_ VecDeque<Pane>| {
            let first = panes.partition_point(|pane| pane.time <= after);
            (first, panes.partition_point(|pane| pane.time <= upto).max(first))
        };
        let ((a, b), (c, d)) = (of(&self.coarse), of(&self.fine));
        self.coarse.range(a..b).chain(self.fine.range(c..d))
    }

    /// The time of the first pane after `time`.
    pub(super) fn next_after(&self, time: Seconds) -> Option<Seconds> {
        let next = |panes: &VecDeque<Pane>| {
            let at = panes.partition_point(|pane| pane.time <= time);
            panes.get(at).map(|pane| pane.time)
        };
        // Nearly always the fine ones begin after `time` or hold it.
        match self.coarse.back() {
            Some(last) if last.time > time => next(&self.coarse),
            _ => next(&self.fine),
        }
    }

    /// Joins the panes of every ten seconds that are over before `end`.
    pub(super) fn join_before(&mut self, end: Seconds) {
        while let Some(pane) = self.fine.front() {
            let time = coarse(pane.time);
            if time >= end {
                break;
            }
            match self.coarse.back_mut() {
                Some(last) if last.time == time => last.join(pane),
                _ => self.coarse.push_back(Pane { time, ..*pane }),
            }
            self.fine.pop_front();
        }
        shrink(&mut self.fine);
    }

    /// Lets go the panes that are over at `end`.
    pub(super) fn let_go(&mut self, end: Seconds) {
        for panes in [&mut self.coarse, &mut self.fine] {
            while let Some(pane) = panes.front().filter(|pane| pane.time <= end) {
                self.before = pane.close;
                panes.pop_front();
            }
            shrink(panes);
        }
    }
}

/// Gives memory back that a busier time has left behind.
pub(super) fn shrink<T>(list: &mut VecDeque<T>) {
    if list.capacity() > 32 && list.len() < list.capacity() / 4 {
        list.shrink_to(list.len() * 2);
    }
}
