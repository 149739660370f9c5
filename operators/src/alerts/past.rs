//! The points of a token up to one, and how to find again what happened before.

use std::collections::VecDeque;

use model::Seconds;
use model::rule::{Indicator, Unit};
use serde::{Deserialize, Serialize};

use super::input::{Point, SmartTrade, What};
use super::market::{Market, Sight, Usual, at};
use super::seen::Past;

/// A point with what was so when it happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) point: Point,
    /// How many points before it the last one of each [`Thread`] was seen.
    pub(super) back: [u32; THREADS],
    /// Volume up to it, millionths of a USD.
    pub(super) volume_micros: u64,
    /// When it came.
    pub(super) came_at: Seconds,
}

/// Points that are found again from one to the next before it.
#[derive(Clone, Copy)]
enum Thread {
    Price(Unit),
    Smart,
    Bar,
}

const THREADS: usize = 4;

impl Thread {
    const ALL: [Self; THREADS] = [Self::Price(Unit::Usd), Self::Price(Unit::Sol), Self::Smart, Self::Bar];

    const fn at(self) -> usize {
        match self {
            Self::Price(unit) => at(unit),
            Self::Smart => 2,
            Self::Bar => 3,
        }
    }

    fn holds(self, point: &Point) -> bool {
        match (self, &point.what) {
            (Self::Price(unit), What::Trade(figures)) => figures.prices[at(unit)].is_some(),
            (Self::Smart, What::Smart(_)) | (Self::Bar, What::Bar(_)) => true,
            _ => false,
        }
    }
}

impl Kept {
    /// A point that has not been folded.
    pub(super) const fn new(point: Point, came_at: Seconds) -> Self {
        Self { point, back: [u32::MAX; THREADS], volume_micros: 0, came_at }
    }

    /// Fills in what it carries on from the one before it, or from what is no longer kept.
    pub(super) fn carry(&mut self, before: Option<&Self>, pruned: &Market) {
        self.back = before.map_or([u32::MAX; THREADS], |before| before.back);
        for (back, thread) in self.back.iter_mut().zip(Thread::ALL) {
            *back = if thread.holds(&self.point) { 0 } else { back.saturating_add(1) };
        }
        self.volume_micros = before.map_or(pruned.volume_micros, |before| before.volume_micros);
        if let What::Trade(figures) = &self.point.what {
            self.volume_micros = self.volume_micros.wrapping_add(figures.value_micros.get().unwrap_or(0));
        }
    }
}

/// The points up to one, and what was before the first that is kept.
#[derive(Clone, Copy)]
pub(super) struct History<'a> {
    pub(super) points: &'a VecDeque<Kept>,
    /// So many of them.
    pub(super) count: usize,
    pub(super) pruned: &'a Market,
    pub(super) usual: Usual,
    /// Bars that ended after this do not count: they are about to be corrected.
    pub(super) held_back_from: Option<Seconds>,
}

impl History<'_> {
    /// True if a point does not count for now.
    pub(super) fn is_held_back(&self, point: &Point) -> bool {
        matches!(point.what, What::Bar(_)) && self.held_back_from.is_some_and(|from| point.time > from)
    }

    /// The points of a thread at `last` or before, the latest first.
    fn thread(&self, thread: Thread, last: Option<usize>) -> impl Iterator<Item = &Point> {
        let of = move |last: usize| {
            let back = self.points.get(last)?.back.get(thread.at())?;
            last.checked_sub(usize::try_from(*back).ok()?)
        };
        let first = last.and_then(of);
        let all = std::iter::successors(first, move |at| of(at.checked_sub(1)?));
        all.filter_map(|at| self.points.get(at).map(|kept| &kept.point))
    }

    /// Place of the last point of a second or before; none if that is no longer kept.
    fn last(&self, time: Seconds) -> Option<usize> {
        let end = self.points.partition_point(|kept| kept.point.time <= time).min(self.count);
        end.checked_sub(1)
    }
}

impl Past for History<'_> {
    fn price(&self, unit: Unit, time: Seconds) -> Option<Sight> {
        let priced = self.thread(Thread::Price(unit), self.last(time)).next();
        let Some(point) = priced else { return self.pruned.price(unit) };
        let What::Trade(figures) = &point.what else { return None };
        let value = figures.prices[at(unit)]?.get();
        Some(Sight { value, time: point.time, id: point.id })
    }

    fn volume_micros(&self, time: Seconds) -> u64 {
        let last = self.last(time).and_then(|last| self.points.get(last));
        last.map_or(self.pruned.volume_micros, |kept| kept.volume_micros)
    }

    fn smart(&self) -> impl Iterator<Item = (&Point, &SmartTrade)> {
        self.thread(Thread::Smart, self.count.checked_sub(2)).filter_map(|point| match &point.what {
            What::Smart(trade) => Some((point, trade)),
            _ => None,
        })
    }

    fn bars(&self, indicator: Indicator) -> impl Iterator<Item = (Seconds, Seconds, Option<f64>)> {
        let bars = self.thread(Thread::Bar, self.count.checked_sub(2));
        bars.filter(|point| !self.is_held_back(point)).filter_map(move |point| match &point.what {
            What::Bar(bar) => Some((point.time, bar.interval_s.into(), bar.value(indicator))),
            _ => None,
        })
    }
}
