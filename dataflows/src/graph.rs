//! Every dataflow, built on one worker: what an engine or a test drives.

use std::collections::BTreeMap;

use model::{Event, Time};
use operators::keyed::{Ending, RestoreError, Snapshot, States};
use timely::dataflow::ProbeHandle;
use timely::worker::Worker;

use crate::tally::{Shared, Tally};
use crate::{ALL, Feeds, Inputs, Leaving, Outputs, Params};

/// The dataflows of one worker.
pub struct Graph {
    feeds: Feeds,
    states: States,
    probe: ProbeHandle<Time>,
    tally: Shared,
}

impl Graph {
    /// Builds every dataflow on `worker`; changes go to `send` before their time is closed.
    ///
    /// # Errors
    /// When `states` are restored from a snapshot that cannot be read.
    pub fn build(
        worker: &mut Worker,
        params: &Params,
        states: States,
        send: impl Fn(Leaving) + 'static,
    ) -> Result<Self, RestoreError> {
        let probe = ProbeHandle::new();
        let mut outputs = Outputs::new(probe.clone(), send);
        let feeds = worker.dataflow::<Time, _, _>(|scope| {
            let (feeds, inputs): (Feeds, Inputs<'_>) = Feeds::new(scope);
            for dataflow in ALL {
                (dataflow.build)(&inputs, params, &states, &mut outputs);
            }
            feeds
        });
        match states.take_failure() {
            Some(failure) => Err(failure),
            None => Ok(Self { feeds, states, probe, tally: outputs.tally() }),
        }
    }

    /// What tells whether a snapshot of each operator can be read, by operator.
    #[must_use]
    pub fn layouts(params: &Params) -> BTreeMap<&'static str, String> {
        let params = params.clone();
        timely::execute_directly(move |worker| {
            let graph = Self::build(worker, &params, States::fresh(), drop);
            graph.map(|graph| graph.states.layouts()).unwrap_or_default()
        })
    }

    /// Feeds an event at `time`.
    pub fn give(&mut self, event: Event, time: Time) {
        self.feeds.give(event, time);
    }

    /// Says that the input ends, before that time is closed. All workers are told the same.
    pub fn end_input(&mut self, ending: Ending) {
        self.states.endings().add(ending);
    }

    /// Says that nothing before `time` will be given any more.
    pub fn advance(&mut self, time: Time) {
        self.feeds.advance(time);
    }

    /// True once all changes of times before `time` have been sent, on all workers.
    #[must_use]
    pub fn is_closed(&self, time: Time) -> bool {
        !self.probe.less_than(&time)
    }

    /// Where the trades of the closed times went, of those that came to this worker at their end.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.get()
    }

    /// The states of the keyed operators. They are those of a closed time if that time is closed and
    /// nothing after it has been given.
    ///
    /// # Errors
    /// When a state cannot be serialized.
    pub fn snapshot(&self) -> Result<Snapshot, operators::keyed::SnapshotError> {
        self.states.snapshot()
    }
}
