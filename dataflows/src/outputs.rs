//! The edge: where maintained collections leave the graph.
//!
//! Only closed times leave. Each worker hands out the changes of the keys that it maintains; a time is
//! complete when the probe has passed it, for then every worker has handed out its part.
//!
//! A worker hands out typed changes as they are ([`Leaving`]), and whoever takes them keeps the last of
//! each key ([`Conflation`](crate::Conflation)) until rows are made: netting changes and spelling out rows
//! costs more than most operators, and needs no worker. Changes of one key may come from several workers.

use std::rc::Rc;

use model::{Diff, Group, Record, Schema, Time};
use operators::keyed::{Waiting, stash};
use operators::prelude::Collection;
use operators::slots::Dropped;
use operators::trades::CommittedTrade;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::ProbeHandle;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::probe::Probe;

use crate::conflation::Changes;
use crate::tally::Shared;

/// The changes of one record at one closed time on one worker.
pub struct Leaving {
    schema: &'static Schema,
    time: Time,
    changes: Box<dyn Changes>,
}

impl Leaving {
    pub(crate) fn new(schema: &'static Schema, time: Time, changes: Box<dyn Changes>) -> Self {
        Self { schema, time, changes }
    }

    /// The closed time.
    #[must_use]
    pub const fn time(&self) -> Time {
        self.time
    }

    /// Number of changes, before they are consolidated.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn into_changes(self) -> (&'static Schema, Box<dyn Changes>) {
        (self.schema, self.changes)
    }
}

/// Where the dataflows of one worker emit what they maintain.
pub struct Outputs {
    send: Rc<dyn Fn(Leaving)>,
    probe: ProbeHandle<Time>,
    tally: Shared,
}

impl Outputs {
    /// Outputs that hand everything to `send` before `probe` passes its time.
    pub fn new(probe: ProbeHandle<Time>, send: impl Fn(Leaving) + 'static) -> Self {
        Self { send: Rc::new(send), probe, tally: Shared::default() }
    }

    /// Where trades went, once all times that were given are closed.
    pub(crate) fn tally(&self) -> Shared {
        Rc::clone(&self.tally)
    }

    /// Counts trades that are no rows.
    pub fn count(&mut self, dropped: Collection<'_, Dropped>) {
        let tally = Rc::clone(&self.tally);
        dropped
            .inner
            .unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(Pipeline, "tally", |_, _| {
                move |input, _| {
                    let mut sums = tally.get();
                    input.for_each_time(|_, batches| {
                        for (why, _, diff) in batches.flatten() {
                            sums.drop(*why, *diff);
                        }
                    });
                    tally.set(sums);
                }
            })
            .probe_with(&self.probe);
    }

    /// Emits a maintained collection as the record that it is of.
    pub fn emit<G: Group>(&mut self, collection: Collection<'_, G>) {
        let send = Rc::clone(&self.send);
        let schema = G::Record::SCHEMA;
        let tally = (schema.name == CommittedTrade::SCHEMA.name).then(|| Rc::clone(&self.tally));
        let mut open: Waiting<G> = Waiting::new();
        collection
            .inner
            .unary_frontier::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
                Pipeline,
                schema.name,
                |capability, _| {
                    // Held, so that the probe cannot pass a time that has not left.
                    let mut held = Some(capability);
                    move |(input, frontier), _| {
                        input.for_each_time(|_, batches| {
                            for batch in batches {
                                stash(&mut open, std::mem::take(batch));
                            }
                        });
                        let upper = frontier.frontier().first().copied();
                        while let Some(entry) = open.first_entry() {
                            if upper.is_some_and(|upper| *entry.key() >= upper) {
                                break;
                            }
                            let (time, changes) = entry.remove_entry();
                            if let Some(tally) = &tally {
                                let mut sums = tally.get();
                                sums.rows += changes.iter().flatten().map(|(_, _, diff)| diff).sum::<Diff>();
                                tally.set(sums);
                            }
                            send(Leaving::new(schema, time, Box::new(changes)));
                        }
                        match (&mut held, upper) {
                            (Some(held), Some(upper)) => held.downgrade(&upper),
                            _ => held = None,
                        }
                    }
                },
            )
            .probe_with(&self.probe);
    }
}
