//! The figures that a wallet is rated by: up to a midnight (UTC) that is past correction.
//!
//! Only wallets of a list are rated. A day is final once its last trade is older than the correction
//! horizon; from then on nothing that is counted can change, and the wallet says what it did up to then, at
//! the next of its own seconds. Ratings live by themselves: whoever makes a list of them
//! ([`crate::smart::evaluator`]) reads nothing else.

use std::collections::BTreeMap;

use model::time::second_of;
use model::{Address, Diff, Seconds};
use serde::{Deserialize, Serialize};

use super::DAY_S;
use super::figures::{Figures, Period};
use super::input::Candidacy;
use crate::prelude::Horizon;

/// The figures that a wallet is rated by. The leading field is the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rating {
    /// The wallet.
    pub trader: Address,
    /// The day, since the Unix epoch, that begins with the midnight up to which is counted.
    pub day: u64,
    /// Labels that keep it from being rated.
    pub labels: Vec<String>,
    /// Figures of the periods that end then, the shortest first. Periods without a trade are left out.
    pub figures: Vec<(Period, Figures)>,
}

/// State of a wallet that is rated, or labelled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Candidate {
    /// How often it was said.
    candidacies: BTreeMap<Candidacy, Diff>,
    /// How often they were given.
    labels: BTreeMap<String, Diff>,
    /// When it is rated next.
    pub(super) rate_at: Option<Seconds>,
    /// The rating that was emitted last.
    pub(super) rated: Option<Rating>,
    /// Up to which day that is.
    day: u64,
}

/// The day that began with the last midnight before which nothing can change any more.
fn final_day(now: Seconds, horizon: Horizon) -> u64 {
    now.saturating_sub(horizon.0 + 1) / DAY_S
}

impl Candidate {
    pub(super) fn label(&mut self, kind: String, diff: Diff) {
        *self.labels.entry(kind).or_default() += diff;
        self.labels.retain(|_, count| *count != 0);
    }

    pub(super) fn change(&mut self, candidacy: Candidacy, diff: Diff) {
        *self.candidacies.entry(candidacy).or_default() += diff;
        self.candidacies.retain(|_, count| *count != 0);
    }

    /// True if it is to be rated at some time.
    pub(super) fn is_rated(&self) -> bool {
        !self.candidacies.is_empty() || self.rated.is_some()
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.is_rated() && self.labels.is_empty()
    }

    /// When it is first looked at after a change at `now`: not within the second, in which more may come.
    pub(super) fn rate_from(&mut self, now: Seconds) -> Seconds {
        self.day = 0;
        now + 1
    }

    /// The day up to which the wallet is to be rated anew, if there is one.
    pub(super) fn is_due(&mut self, now: Seconds, horizon: Horizon) -> Option<u64> {
        let day = final_day(now, horizon);
        (std::mem::replace(&mut self.day, day) != day).then_some(day)
    }

    /// When the next day is final.
    pub(super) fn due_at(&self, now: Seconds, horizon: Horizon) -> Seconds {
        (final_day(now, horizon) + 1) * DAY_S + horizon.0 + 1
    }

    /// The rating of the wallet; none if the wallet is not to be rated then, or has done nothing.
    pub(super) fn rating(
        &self,
        trader: Address,
        day: u64,
        figures: Vec<(Period, Figures)>,
    ) -> Option<Rating> {
        let midnight = day * DAY_S;
        let mut by_start: BTreeMap<_, &Candidacy> = BTreeMap::new();
        for (candidacy, _) in self.candidacies.iter().filter(|(_, count)| **count > 0) {
            by_start.insert(candidacy.valid_from, candidacy); // the last known of them
        }
        let is_valid = |c: &&Candidacy| c.valid_to.is_none_or(|at| second_of(at) > midnight);
        let is_candidate = by_start.into_values().any(|candidacy| is_valid(&candidacy));
        let labels = self.labels.iter().filter(|(_, count)| **count > 0);
        let labels = labels.map(|(kind, _)| kind.clone()).collect();
        (is_candidate && !figures.is_empty()).then_some(Rating { trader, day, labels, figures })
    }
}
