//! The indicators of one token at one interval.
//!
//! Bars are known by the token, as bars of its shortest interval; those of this interval are folded from
//! them. State:
//!
//! * `base`: the study after the bars that can no longer change. From there all others can be computed
//!   again, so a correction costs a walk over the bars within reach of one, however old the token.
//! * `sealed`: the last bar of which a part can no longer change, as far as it cannot.
//! * `closed`: the study after the last bar that has ended, so that usually no walk is needed at all.
//! * `rows`: what has been said of the bars that can change.

use model::Seconds;
use serde::{Deserialize, Serialize};

use super::input::Bar;
use super::record::Values;
use super::study::Study;
use super::{Params, step_s};
use crate::candles::Interval;
use crate::room;

/// The row emitted of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// Its first second.
    pub(super) open: Seconds,
    pub(super) values: Values,
    pub(super) is_provisional: bool,
}

/// A study and how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct After {
    /// The last bar that is in it, traded or filled.
    open: Seconds,
    /// The last bar with trades that is in it.
    traded: Seconds,
    study: Box<Study>,
}

/// How to read the bars of an interval.
#[derive(Clone, Copy)]
pub(super) struct Scale<'p> {
    pub(super) interval: Interval,
    pub(super) params: &'p Params,
}

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Track {
    base: Option<After>,
    sealed: Option<Bar>,
    closed: Option<After>,
    rows: Vec<Said>,
    /// The first bar that has changed since the rows were brought up to date.
    changed: Option<Seconds>,
    /// When the rows have to be brought up to date.
    due: Option<Seconds>,
}

impl Scale<'_> {
    /// Takes in the bars without trades before the one that starts at `open`.
    fn fill(self, after: &mut After, open: Seconds) {
        let length = self.interval.seconds();
        while after.open + length < open {
            after.study.push_filled();
            after.open += length;
        }
    }

    /// The study after `bar`, which is the next with trades after those that are in `after`.
    fn push(self, after: Option<After>, bar: Bar) -> After {
        let near = after.filter(|after| !self.is_apart(after.traded, bar.open)).map(|mut after| {
            self.fill(&mut after, bar.open);
            after.study
        });
        let mut study = near.unwrap_or_else(|| Box::new(Study::new(self.params)));
        study.push(bar.prices);
        After { open: bar.open, traded: bar.open, study }
    }

    /// The values with `bar`, which is still open. Only the gap before it stays in `after`.
    fn peek(self, after: &mut Option<After>, bar: Bar) -> Values {
        if let Some(after) = after.as_mut().filter(|after| !self.is_apart(after.traded, bar.open)) {
            self.fill(after, bar.open);
        }
        self.push(after.clone(), bar).study.values()
    }

    /// True if the silence between two bars is so long that the second starts anew.
    fn is_apart(self, before: Seconds, open: Seconds) -> bool {
        before.saturating_add(self.interval.seconds()).saturating_add(self.silence_s()) < open
    }

    /// The longest silence that is filled.
    fn silence_s(self) -> Seconds {
        self.interval.seconds().saturating_mul(self.params.gap_bars_max).min(self.params.remember_s)
    }

    /// The bars of this interval from `start` on, folded from shorter ones.
    fn fold(self, sealed: Option<Bar>, bars: &[Bar], start: Seconds) -> impl Iterator<Item = Bar> {
        let first = bars.partition_point(|bar| bar.open < start);
        let sealed = sealed.filter(|bar| bar.open >= start);
        let young = bars.get(first..).unwrap_or_default().iter().copied();
        let mut parts = sealed.into_iter().chain(young).peekable();
        std::iter::from_fn(move || {
            let first = parts.next()?;
            let mut bar = Bar { open: self.interval.floor(first.open), ..first };
            while let Some(part) = parts.next_if(|part| self.interval.floor(part.open) == bar.open) {
                bar.join(part.prices);
            }
            Some(bar)
        })
    }
}

impl Track {
    /// Takes note that a bar within the one that starts at `open` has changed at the second `now`.
    pub(super) fn note(&mut self, open: Seconds, now: Seconds, interval: Interval) {
        let step = step_s(interval);
        let due = now - now % step + step;
        self.due = Some(self.due.map_or(due, |at| at.min(due)));
        self.changed = Some(self.changed.map_or(open, |at| at.min(open)));
    }

    /// When [`Track::update`] has something to do.
    pub(super) fn due(&self) -> Option<Seconds> {
        self.due
    }

    /// True if bars have changed since the rows were brought up to date.
    pub(super) fn lags(&self) -> bool {
        self.changed.is_some()
    }

    /// Brings the rows up to date at the second `now`, and says what has become of each that changed:
    /// what it was and what it is.
    pub(super) fn update(
        &mut self,
        bars: &[Bar],
        scale: Scale<'_>,
        now: Seconds,
        mut say: impl FnMut(Option<Said>, Option<Said>),
    ) {
        self.due = None;
        let changed = self.changed.take().unwrap_or(Seconds::MAX);
        let closed = self.closed.take().filter(|after| after.open < changed);
        let mut after = closed.or_else(|| self.base.clone());
        let start = after.as_ref().map_or(0, |after| after.open + scale.interval.seconds());
        let before = self.rows.split_off(self.rows.partition_point(|row| row.open < start));
        let mut before = before.into_iter().peekable();
        for bar in scale.fold(self.sealed, bars, start) {
            while let Some(gone) = before.next_if(|row| row.open < bar.open) {
                say(Some(gone), None);
            }
            let old = before.next_if(|row| row.open == bar.open);
            let (open, end) = (bar.open, scale.interval.end(bar.open));
            let row = if end > now {
                self.due = Some(end);
                Said { open, values: scale.peek(&mut after, bar), is_provisional: true }
            } else {
                let next = scale.push(after.take(), bar);
                let known = old.filter(|old| open < changed && !old.is_provisional);
                let values = known.map_or_else(|| next.study.values(), |known| known.values);
                after = Some(next);
                Said { open, values, is_provisional: false }
            };
            if old != Some(row) {
                say(old, Some(row));
            }
            room::push(&mut self.rows, row);
        }
        before.for_each(|gone| say(Some(gone), None));
        self.closed = after;
    }

    /// Takes in a bar of the token that can no longer change.
    pub(super) fn seal(&mut self, part: Bar, scale: Scale<'_>) {
        let open = scale.interval.floor(part.open);
        match &mut self.sealed {
            Some(sealed) if sealed.open == open => sealed.join(part.prices),
            sealed => {
                if let Some(whole) = sealed.replace(Bar { open, ..part }) {
                    self.base = Some(scale.push(self.base.take(), whole));
                }
                self.rows.retain(|row| row.open >= open);
            }
        }
    }

    /// Lets go what only an active token needs.
    pub(super) fn rest(&mut self) {
        self.closed = None;
        self.rows.shrink_to_fit();
    }

    /// When a track without bars that can change starts anew whatever comes, if nothing can come that is
    /// older than `reach_s`.
    pub(super) fn forget_at(&self, scale: Scale<'_>, reach_s: Seconds) -> Option<Seconds> {
        let last = self.sealed?.open + 2 * scale.interval.seconds();
        Some(last.saturating_add(scale.silence_s()).saturating_add(reach_s).saturating_add(1))
    }

    /// True if it keeps nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.sealed.is_none() && self.rows.is_empty() && self.due.is_none()
    }
}
