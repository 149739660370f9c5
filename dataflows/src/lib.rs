//! Named compositions of operators, and the edge where their outputs leave.
//!
//! A dataflow is a function that takes [`Inputs`], applies operators, and emits what they maintain to
//! [`Outputs`]. There is a plain list of them, [`ALL`]. Only here is it decided which operator feeds
//! which; only at the edge do typed records become rows.
//!
//! Nothing here knows of threads, clocks or sinks: the engine that runs a dataflow does.

pub mod clock;
pub mod conflation;
pub mod gate;
pub mod graph;
pub mod inputs;
pub mod market;
pub mod outputs;
pub mod tally;

use model::Schema;
use operators::keyed::States;
use operators::prelude::Horizon;
use serde::{Deserialize, Serialize};

pub use clock::Clock;
pub use conflation::{Cadences, Conflation, Taken};
pub use gate::Gate;
pub use graph::Graph;
pub use inputs::{Feeds, Inputs};
pub use outputs::{Leaving, Outputs};
pub use tally::Tally;

/// Settings of every dataflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How long after its block time an event can still come, be corrected or be taken back, in
    /// seconds. What is older is refused as `too_late`; memory grows with it.
    pub correction_horizon_s: u64,
    /// How far ahead of all before it a block time can be without three other transactions agreeing with it, in
    /// seconds. What is further is refused as `implausible_time`.
    pub clock_jump_s: u64,
    /// See [`market`].
    pub market: market::Params,
}

impl Default for Params {
    fn default() -> Self {
        Self { correction_horizon_s: 7200, clock_jump_s: 600, market: market::Params::default() }
    }
}

impl Params {
    /// The correction horizon.
    #[must_use]
    pub const fn horizon(&self) -> Horizon {
        Horizon(self.correction_horizon_s)
    }

    /// What is wrong with the values, each with the path of its key.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.correction_horizon_s < 60 {
            let what = format!(
                "is {}, must be at least 60: forks settle within a minute",
                self.correction_horizon_s
            );
            problems.push(("correction_horizon_s".to_owned(), what));
        }
        if !(60..=86_400).contains(&self.clock_jump_s) {
            let what = format!("is {}, must be 60 to 86400", self.clock_jump_s);
            problems.push(("clock_jump_s".to_owned(), what));
        }
        let (retain_s, horizon_s) = (self.market.smart.retain_s, self.correction_horizon_s);
        if retain_s < horizon_s {
            let what = format!("is {retain_s}, must be at least correction_horizon_s, {horizon_s}");
            problems.push(("market.smart.retain_s".to_owned(), what));
        }
        problems
            .extend(self.market.problems().into_iter().map(|(key, what)| (format!("market.{key}"), what)));
        problems
    }
}

/// A named composition.
pub struct Dataflow {
    /// Its name.
    pub name: &'static str,
    /// The records that it emits.
    pub records: &'static [&'static Schema],
    /// Builds it.
    pub build: for<'s> fn(&Inputs<'s>, &Params, &States, &mut Outputs),
}

/// Every dataflow.
pub const ALL: &[Dataflow] = &[Dataflow { name: "market", records: market::RECORDS, build: market::build }];

/// The schemas of everything that the dataflows emit.
#[must_use]
pub fn schemas() -> Vec<&'static Schema> {
    ALL.iter().flat_map(|dataflow| dataflow.records).copied().collect()
}
