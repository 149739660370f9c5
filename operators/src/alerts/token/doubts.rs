//! What is told of a token as of a time, when trades before that are taken back.
//!
//! How holdings are spread is told once a second, as it was known then. It is not told again of the past,
//! so what was told after a trade that has since been taken back is void, and what is so now counts from the
//! next second on. Bars are told again, within a step of a minute at most; until then those after the trade do
//! not count, so that nothing is said that is taken back at once.

use model::{EventId, Seconds};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::Token;
use crate::alerts::input::{Point, Shares, What};
use crate::alerts::past::Kept;
use crate::prelude::*;

/// How long it takes until bars have been corrected: the longest step of indicators, and a second.
const CORRECTED_S: Seconds = 61;

/// See the module.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Doubts {
    /// How holdings are spread.
    present: Option<Shares>,
    /// When that is to be told again.
    tell_at: Option<Seconds>,
    /// Bars after the first do not count until the second.
    bars: Option<(Seconds, Seconds)>,
}

impl Doubts {
    /// Bars that ended after this do not count.
    pub(super) fn bars_from(&self) -> Option<Seconds> {
        self.bars.map(|(from, _)| from)
    }

    /// When something of it is over.
    pub(super) fn due(&self) -> Option<Seconds> {
        self.tell_at.into_iter().chain(self.bars.map(|(_, until)| until)).min()
    }
}

/// Trades that are taken back.
pub(super) struct Gone {
    now: Seconds,
    /// Those that are put again with other figures, and when they came.
    put: FxHashMap<EventId, Seconds>,
    /// The first of the others.
    first: Option<Seconds>,
}

impl Gone {
    /// Before any change.
    pub(super) fn of(changes: &[(Point, Diff)], now: Seconds) -> Self {
        let mut put = FxHashMap::default();
        if changes.iter().any(|(_, diff)| *diff < 0) {
            let trades = changes.iter().filter(|(point, diff)| *diff > 0 && is_trade(point));
            put.extend(trades.map(|(point, _)| (point.id, now)));
        }
        Self { now, put, first: None }
    }

    /// When a point that is put came.
    pub(super) fn came_at(&self, point: &Point) -> Seconds {
        self.put.get(&point.id).copied().unwrap_or(self.now)
    }

    /// Takes in that a point is taken back. One that came in this second has never been.
    pub(super) fn take(&mut self, kept: &Kept) {
        if !is_trade(&kept.point) {
            return;
        }
        match self.put.get_mut(&kept.point.id) {
            Some(came_at) => *came_at = kept.came_at,
            None if kept.came_at < self.now => {
                self.first = self.first.into_iter().chain([kept.point.time]).min();
            }
            None => {}
        }
    }

    /// The time of the first trade that is gone.
    pub(super) const fn since(&self) -> Option<Seconds> {
        self.first
    }
}

const fn is_trade(point: &Point) -> bool {
    matches!(point.what, What::Trade(_))
}

impl Token {
    /// Takes in how holdings are spread and that a trade is gone; where the first point is that this changes.
    pub(super) fn doubt(&mut self, gone: Option<Seconds>, held: Option<Shares>, now: Seconds) -> Option<u64> {
        let is_due = |at: Option<Seconds>| at.is_some_and(|at| at <= now);
        let mut first = None;
        let is_new = held.is_some() && held != self.doubts.present;
        self.doubts.present = held.or(self.doubts.present);
        let waits = self.doubts.tell_at.is_some_and(|at| at > now);
        if is_due(self.doubts.tell_at) || (is_new && !waits) {
            self.doubts.tell_at = None;
            first = super::earlier(first, self.tell(now));
        }
        if is_due(self.doubts.bars.map(|(_, until)| until)) {
            let from = self.doubts.bars_from();
            self.doubts.bars = None;
            first = super::earlier(first, from.and_then(|from| self.first_after(from)));
        }
        if let Some(gone) = gone {
            let from = self.doubts.bars_from().map_or(gone, |from| from.min(gone));
            self.doubts.bars = Some((from, now + CORRECTED_S));
            self.doubts.tell_at = Some(now + 1);
            first = super::earlier(first, self.first_after(gone));
            self.void(gone);
        }
        first
    }

    /// Where the first point after a second is, among those that can still change.
    fn first_after(&self, second: Seconds) -> Option<u64> {
        let at = self.pruned_count + self.points.partition_point(|kept| kept.point.time <= second) as u64;
        (at < self.pruned_count + self.points.len() as u64).then_some(at.max(self.base.0))
    }

    /// Puts how holdings are spread at the beginning of the present second.
    fn tell(&mut self, now: Seconds) -> Option<u64> {
        let point = self.doubts.present?.point(now);
        let at = self.points.partition_point(|kept| kept.point.place() < point.place());
        let place = self.pruned_count + at as u64;
        if place < self.base.0 {
            return None;
        }
        match self.points.get_mut(at).filter(|kept| kept.point.place() == point.place()) {
            Some(kept) => kept.point = point,
            None => self.insert(at, Kept::new(point, now)),
        }
        Some(place)
    }

    /// Takes out what was told of holdings after a second.
    fn void(&mut self, second: Seconds) {
        let settled = usize::try_from(self.base.0 - self.pruned_count).unwrap_or(usize::MAX);
        let from = self.points.partition_point(|kept| kept.point.time <= second).max(settled);
        for at in (from..self.points.len()).rev() {
            if self.points.get(at).is_some_and(|kept| matches!(kept.point.what, What::Shares(_))) {
                self.points.remove(at);
            }
        }
    }
}
