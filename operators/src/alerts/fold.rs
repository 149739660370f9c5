//! The rules of one token, folded over its points.
//!
//! A fold is what all points up to some point, and the time up to then, make of a token and of the rules
//! that are not at rest there. It is plain data: a copy of it is a checkpoint, from which the points after it
//! are folded again when one of them changes.
//!
//! A value that moves meets the rules whose levels it crosses, and those that wait for it to come back down;
//! every other rule costs nothing.

use std::collections::BTreeSet;

use model::rule::Level;
use model::{EventId, Seconds};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::index::{Index, RuleAt, Rules, crossed};
use super::input::{Place, Point, What};
use super::instance::{Fired, Instance, Occasion};
use super::market::Market;
use super::past::{History, Kept};
use super::seen::{Seen, seen};
use super::watch::{Series, Track};

/// What a fold asks.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) rules: &'a Rules,
    /// The rules of all tokens.
    pub(super) shared: &'a Index,
    /// The rules of this token.
    pub(super) own: &'a Index,
}

/// An alert that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) rule: RuleAt,
    pub(super) fired: Fired,
    /// Where in the fold: at the point of this place; what time does comes before the points of its second.
    pub(super) place: Place,
}

type Levels = BTreeSet<(Level, RuleAt)>;

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Fold {
    pub(super) market: Market,
    /// Up to where the silence since the last trade has been looked at, seconds.
    silence_s: Seconds,
    /// The last time at which time alone has done something.
    pub(super) advanced: Seconds,
    /// Those that are not at rest. They are only looked up.
    instances: FxHashMap<RuleAt, Instance>,
    /// Rules that wait for the value to come down to a level.
    waiting: Vec<(Track, Levels)>,
    /// When what is pending is due.
    dues: BTreeSet<(Seconds, RuleAt)>,
}

impl Fold {
    /// A fold with nothing behind it but what is known of the token.
    pub(super) fn after(market: Market) -> Self {
        Self { market, ..Self::default() }
    }

    /// Rules that are not at rest.
    pub(super) fn len(&self) -> usize {
        self.instances.len()
    }

    /// Takes in the next point.
    pub(super) fn step(&mut self, history: History<'_>, asked: Asked<'_>, found: &mut Vec<Found>) {
        let last = history.count.checked_sub(1).and_then(|last| history.points.get(last));
        let Some(Kept { point, .. }) = last else { return };
        self.advance(point.time, asked, found);
        if history.is_held_back(point) {
            return;
        }
        let before = self.market;
        self.market.take(point, history.usual);
        let after = self.market;
        let Some(cause) = point.cause(before.last_trade.map(|(_, id)| id)) else { return };
        let see = |series: Series| seen(series, (&before, &after), point, &history);
        let mut touched: Vec<(RuleAt, Occasion)> = Vec::new();
        let occasion = |track: Track, seen: &Seen, is_crossing: bool| {
            let x = if track.is_falling { -seen.value } else { seen.value };
            let Seen { evidence, is_historical, .. } = *seen;
            Occasion { is_crossing, x, place: point.place(), cause, evidence, is_historical }
        };
        let is_trade = matches!(point.what, What::Trade(_));
        if is_trade {
            self.silence_s = 0;
        }
        for (track, levels) in &mut self.waiting {
            let seen = match track.series {
                Series::Silence => is_trade.then_some(Seen::event(0.0)),
                series => see(series),
            };
            let Some(seen) = seen else { continue };
            let below = occasion(*track, &seen, false);
            touched.extend(come_down(levels, below.x).map(|at| (at, below)));
        }
        for index in [asked.shared, asked.own] {
            for (track, levels) in index.tracks() {
                let Some(seen) = see(track.series) else { continue };
                let crossing = occasion(*track, &seen, true);
                let Some((from, from_time)) = came_from(*track, &seen) else { continue };
                for (_, at) in crossed(levels, from, crossing.x) {
                    // A rule to which the value before is not known has not seen it cross.
                    if asked.rules.get(at).is_some_and(|ready| ready.knows(from_time)) {
                        touched.push((at, crossing));
                    }
                }
            }
        }
        for (at, occasion) in touched {
            self.touch(at, &occasion, asked, found);
        }
        for at in asked.shared.each.iter().chain(&asked.own.each) {
            self.measure(*at, point, asked, found);
        }
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, time: Seconds, asked: Asked<'_>, found: &mut Vec<Found>) {
        while let Some((due, at)) = self.dues.first().copied().filter(|(due, _)| *due <= time) {
            self.dues.pop_first();
            self.advanced = self.advanced.max(due);
            let (Some(ready), Some(instance)) = (asked.rules.get(at), self.instances.get_mut(&at)) else {
                continue;
            };
            if let Some(fired) = instance.mature(ready) {
                found.push(Found { rule: at, fired, place: beginning(due) });
            }
            self.index(at, asked, due);
        }
        let Some((last, id)) = self.market.last_trade else { return };
        let gap = time.saturating_sub(last);
        if gap <= self.silence_s {
            return;
        }
        let range = (float(self.silence_s), float(gap));
        self.silence_s = gap;
        let track = Track { series: Series::Silence, is_falling: false };
        for index in [asked.shared, asked.own] {
            for (level, at) in index.levels(track).into_iter().flat_map(|l| crossed(l, range.0, range.1)) {
                let time = last.saturating_add(whole(level.0));
                self.advanced = self.advanced.max(time);
                let x = float(whole(level.0));
                let (place, evidence) = (beginning(time), None);
                let is_historical = false;
                let occasion = Occasion { is_crossing: true, x, place, cause: id, evidence, is_historical };
                self.touch(at, &occasion, asked, found);
            }
        }
    }

    /// When time alone does something next.
    pub(super) fn next_due(&self, shared: &Index, own: &Index) -> Option<Seconds> {
        let track = Track { series: Series::Silence, is_falling: false };
        let silence = self.market.last_trade.and_then(|(last, _)| {
            let levels = [shared, own].into_iter().filter_map(|index| index.levels(track));
            let next = |levels: &Levels| {
                crossed(levels, float(self.silence_s), f64::MAX).next().map(|(level, _)| whole(level.0))
            };
            levels.filter_map(next).min().map(|silence| last.saturating_add(silence))
        });
        self.dues.first().map(|(due, _)| *due).into_iter().chain(silence).min()
    }

    fn touch(&mut self, at: RuleAt, occasion: &Occasion, asked: Asked<'_>, found: &mut Vec<Found>) {
        let Some(ready) = asked.rules.get(at).filter(|ready| ready.knows(occasion.place.0)) else { return };
        let instance = self.instances.entry(at).or_default();
        if !occasion.is_crossing {
            instance.waits_at = None; // taken out by `come_down`
        }
        if let Some(fired) = instance.see(ready, occasion, &self.market) {
            found.push(Found { rule: at, fired, place: occasion.place });
        }
        self.index(at, asked, occasion.place.0);
    }

    fn measure(&mut self, at: RuleAt, point: &Point, asked: Asked<'_>, found: &mut Vec<Found>) {
        let Some(ready) = asked.rules.get(at).filter(|ready| ready.knows(point.time)) else { return };
        let Series::SinceAlert(unit) = ready.watch.track.series else { return };
        let Some(price) = self.market.price(unit).filter(|price| price.id == point.id) else { return };
        let instance = self.instances.entry(at).or_default();
        if let Some(fired) = instance.measure(ready, &price, &self.market) {
            found.push(Found { rule: at, fired, place: point.place() });
        }
    }

    /// Brings up to date where a rule waits and when it is due; forgets it if it is at rest.
    fn index(&mut self, at: RuleAt, asked: Asked<'_>, time: Seconds) {
        let (Some(ready), Some(instance)) = (asked.rules.get(at), self.instances.get_mut(&at)) else {
            return;
        };
        let wake = instance.wake(ready);
        let waited = std::mem::replace(&mut instance.waits_at, wake);
        let due = instance.pending.map(|pending| pending.at);
        if instance.is_at_rest(ready, time) {
            self.instances.remove(&at);
        }
        self.dues.retain(|(_, other)| *other != at);
        self.dues.extend(due.map(|due| (due, at)));
        if waited == wake {
            return;
        }
        let track = ready.watch.track;
        let levels = match self.waiting.iter().position(|(other, _)| *other == track) {
            Some(place) => self.waiting.get_mut(place),
            None => {
                self.waiting.push((track, Levels::new()));
                self.waiting.last_mut()
            }
        };
        let Some((_, levels)) = levels else { return };
        if let Some(waited) = waited {
            levels.remove(&(Level(waited), at));
        }
        levels.extend(wake.map(|wake| (Level(wake), at)));
    }

    /// Forgets a rule.
    pub(super) fn remove(&mut self, at: RuleAt) {
        self.instances.remove(&at);
        self.dues.retain(|(_, other)| *other != at);
        for (_, levels) in &mut self.waiting {
            levels.retain(|(_, other)| *other != at);
        }
        self.waiting.retain(|(_, levels)| !levels.is_empty());
    }

    /// Takes over a rule from a fold over the same points that knows this one only.
    pub(super) fn graft(&mut self, at: RuleAt, other: &Self) {
        self.advanced = self.advanced.max(other.advanced);
        self.silence_s = other.silence_s;
        self.dues.extend(&other.dues);
        self.instances.extend(other.instances.get(&at).map(|instance| (at, instance.clone())));
        for (track, levels) in &other.waiting {
            match self.waiting.iter_mut().find(|(mine, _)| mine == track) {
                Some((_, mine)) => mine.extend(levels),
                None => self.waiting.push((*track, levels.clone())),
            }
        }
    }
}

/// Takes out those that wait at `x` or above.
fn come_down(levels: &mut Levels, x: f64) -> impl Iterator<Item = RuleAt> {
    std::iter::from_fn(move || {
        levels.last().filter(|(level, _)| level.0 >= x)?;
        levels.pop_last().map(|(_, at)| at)
    })
}

/// Where a value comes from, seen as the track sees it, and when that was; an event comes from nowhere.
fn came_from(track: Track, seen: &Seen) -> Option<(f64, Option<Seconds>)> {
    if track.series.is_event() {
        return Some((f64::NEG_INFINITY, None));
    }
    let (before, time) = seen.before?;
    Some((if track.is_falling { -before } else { before }, track.series.looks_back().then_some(time)))
}

/// What time does comes before the points of its second.
const fn beginning(second: Seconds) -> Place {
    (second, EventId::FIRST, (0, 0))
}

#[expect(clippy::cast_precision_loss, reason = "durations stay far below 2^53")]
const fn float(seconds: Seconds) -> f64 {
    seconds as f64
}

/// Whole seconds, rounded up. A threshold is above 0 and at most thirty days.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of a number in that range")]
fn whole(seconds: f64) -> Seconds {
    seconds.ceil() as Seconds
}
