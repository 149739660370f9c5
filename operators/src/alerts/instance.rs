//! What a rule remembers of a token: whether it may fire, and whether it is about to.
//!
//! A rule fires when its value comes to the level from below, if it has gone back over the band since it
//! fired last, the cooldown has passed, and nothing else of its options forbids it. A value that is not known
//! changes nothing.
//!
//! Source: DEFINITIONS §12.

use model::{EventId, Seconds};
use serde::{Deserialize, Serialize};

use super::index::{Ready, filter};
use super::input::Place;
use super::market::{Market, Sight};
use super::watch::Series;

const HOUR_S: Seconds = 3600;

/// A value that has come to where a rule is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occasion {
    /// True if it came to the level from below, false if it is below it.
    pub(super) is_crossing: bool,
    /// The value, negated where less is waited for.
    pub(super) x: f64,
    pub(super) place: Place,
    pub(super) cause: EventId,
    pub(super) evidence: Option<EventId>,
    pub(super) is_historical: bool,
}

/// An alert that a rule gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fired {
    pub(super) at: Seconds,
    pub(super) cause: EventId,
    pub(super) evidence: Option<EventId>,
    /// The value, negated where less is waited for.
    pub(super) x: f64,
    /// Not all of it was known when it happened.
    pub(super) is_historical: bool,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Instance {
    /// It has fired, and the value has not gone back since.
    is_spent: bool,
    fired_at: Option<Seconds>,
    /// When it fired in the last hour, if that is capped.
    in_hour: Vec<Seconds>,
    /// The condition has to hold until `at`.
    pub(super) pending: Option<Fired>,
    /// It fires on until the condition has been over for long enough.
    is_firing: bool,
    over_since: Option<Seconds>,
    /// What a move is measured from.
    pub(super) reference: Option<(f64, EventId)>,
    /// Where it waits for the value to come down to, as it is indexed.
    pub(super) waits_at: Option<f64>,
}

impl Instance {
    /// What comes of an occasion.
    pub(super) fn see(&mut self, ready: &Ready, occasion: &Occasion, market: &Market) -> Option<Fired> {
        let options = &ready.rule.options;
        let Occasion { place: (time, ..), x, evidence, is_historical, .. } = *occasion;
        if !occasion.is_crossing {
            self.pending = None;
            if self.is_firing {
                self.over_since.get_or_insert(time);
            }
            if x <= ready.watch.back {
                self.is_spent = false;
            }
            return None;
        }
        if self.is_firing {
            if self.over_since.is_some_and(|over| time < over.saturating_add(options.keep_s)) {
                self.over_since = None;
                return None;
            }
            (self.is_firing, self.over_since) = (false, None);
        }
        let passes = filter(&ready.rule).is_none_or(|filter| market.passes(filter, time));
        if !passes || !self.may_fire(ready, time) {
            return None;
        }
        let at = time.saturating_add(options.for_s);
        let fired = Fired { at, cause: occasion.cause, evidence, x, is_historical };
        if options.for_s > 0 {
            self.pending = Some(fired);
            return None;
        }
        self.fire(ready, time);
        Some(fired)
    }

    /// What comes of a price, for a rule that measures from its last alert.
    pub(super) fn measure(&mut self, ready: &Ready, price: &Sight, market: &Market) -> Option<Fired> {
        let (from, event) = *self.reference.get_or_insert((price.value, price.id));
        let change = 100.0 * (price.value / from - 1.0);
        let x = if ready.watch.track.is_falling { -change } else { change };
        let passes = filter(&ready.rule).is_none_or(|filter| market.passes(filter, price.time));
        if x < ready.watch.level || !passes || !self.may_fire(ready, price.time) {
            return None;
        }
        self.fire(ready, price.time);
        self.reference = Some((price.value, price.id));
        let (at, cause, evidence) = (price.time, price.id, Some(event));
        Some(Fired { at, cause, evidence, x, is_historical: false })
    }

    /// The condition has held for as long as it has to.
    pub(super) fn mature(&mut self, ready: &Ready) -> Option<Fired> {
        let fired = self.pending.take()?;
        ready.rule.is_valid_at(fired.at).then(|| {
            self.fire(ready, fired.at);
            fired
        })
    }

    fn may_fire(&self, ready: &Ready, time: Seconds) -> bool {
        let options = &ready.rule.options;
        let is_cool = self.fired_at.is_none_or(|at| time >= at.saturating_add(options.cooldown_s));
        let in_hour = self.in_hour.iter().filter(|at| at.saturating_add(HOUR_S) > time).count();
        let is_capped =
            options.max_per_hour.is_some_and(|cap| in_hour >= usize::try_from(cap).unwrap_or(usize::MAX));
        let is_over = options.once && self.fired_at.is_some();
        !self.is_spent && is_cool && !is_capped && !is_over && ready.rule.is_valid_at(time)
    }

    fn fire(&mut self, ready: &Ready, time: Seconds) {
        let options = &ready.rule.options;
        let series = ready.watch.track.series;
        // What is gone with its event has gone back, and so has what is measured from the last alert.
        self.is_spent = !series.is_event() && !matches!(series, Series::SinceAlert(_));
        self.fired_at = Some(time);
        if options.max_per_hour.is_some() {
            self.in_hour.retain(|at| at.saturating_add(HOUR_S) > time);
            self.in_hour.push(time);
        }
        self.is_firing = options.keep_s > 0;
        self.over_since = None;
    }

    /// To where the value has to come down for the rule to be told; none if it need not be.
    pub(super) fn wake(&self, ready: &Ready) -> Option<f64> {
        if self.pending.is_some() || (self.is_firing && self.over_since.is_none()) {
            Some(ready.watch.level.next_down())
        } else {
            self.is_spent.then_some(ready.watch.back)
        }
    }

    /// True if a rule that has never fired would do the same from `time` on.
    pub(super) fn is_at_rest(&self, ready: &Ready, time: Seconds) -> bool {
        let options = &ready.rule.options;
        let is_cool = self.fired_at.is_none_or(|at| time >= at.saturating_add(options.cooldown_s));
        let is_counted = (options.once && self.fired_at.is_some()) || !self.in_hour.is_empty();
        let is_open = self.pending.is_some() || self.is_firing || self.reference.is_some();
        !self.is_spent && is_cool && !is_counted && !is_open
    }
}
