//! The edge: where maintained collections leave the graph.
//!
//! Only closed times leave. Each worker hands out the changes of the keys that it maintains; a time is
//! complete when the probe has passed it, for then every worker has handed out its part.
//!
//! A worker hands out typed changes as they are ([`Leaving`]) and whoever takes them makes rows of them:
//! consolidating and spelling out rows costs more than most operators, and needs no worker.

use std::rc::Rc;

use differential_dataflow::consolidation::consolidate;
use model::{Batch, Change, Diff, Group, Record, Schema, Time};
use operators::keyed::{Waiting, stash};
use operators::prelude::Collection;
use operators::slots::Dropped;
use operators::trades::CommittedTrade;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::ProbeHandle;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::probe::Probe;

use crate::tally::Shared;

/// The changes of one record at one closed time on one worker.
pub struct Leaving {
    schema: &'static Schema,
    time: Time,
    changes: Box<dyn Changes>,
}

impl Leaving {
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

    /// As rows: one upsert or delete a key; none if nothing is left once the changes are consolidated.
    #[must_use]
    pub fn batch(self) -> Option<Batch> {
        let changes = self.changes.rows();
        (!changes.is_empty()).then_some(Batch { schema: self.schema, time: self.time, changes })
    }
}

/// Changes of some type.
trait Changes: Send {
    fn len(&self) -> usize;
    fn rows(self: Box<Self>) -> Vec<Change>;
}

/// As containers bring them.
type Containers<G> = Vec<Vec<(G, Time, Diff)>>;

impl<G: Group> Changes for Containers<G> {
    fn len(&self) -> usize {
        self.iter().map(Vec::len).sum()
    }

    fn rows(self: Box<Self>) -> Vec<Change> {
        let mut changes: Vec<(G, Diff)> =
            self.into_iter().flatten().map(|(group, _, diff)| (group, diff)).collect();
        consolidate(&mut changes);
        let mut rows = Vec::with_capacity(changes.len());
        // Groups order by key first, so the changes of a key stand together.
        for of_one_key in changes.chunk_by(|(a, _), (b, _)| a.group_key() == b.group_key()) {
            replace(of_one_key, &mut rows);
        }
        rows
    }
}

/// The change from the group that is taken back, if any, to the one that is put.
fn replace<G: Group>(changes: &[(G, Diff)], rows: &mut Vec<Change>) {
    let records = |is_put: bool| {
        let group = changes.iter().rev().find(|(_, diff)| (*diff > 0) == is_put);
        let mut records: Vec<G::Record> = group.into_iter().flat_map(|(g, _)| g.clone().records()).collect();
        records.sort_unstable();
        records
    };
    let (before, after) = (records(false), records(true));
    let find = |records: &[G::Record], wanted: &G::Record| {
        let at = records.binary_search_by(|record| record.key().cmp(&wanted.key()));
        at.ok().and_then(|at| records.get(at).cloned())
    };
    for record in &before {
        if find(&after, record).is_none() {
            rows.push(Change::Delete(record.key_row()));
        }
    }
    for record in &after {
        if find(&before, record).as_ref() != Some(record) {
            rows.push(Change::Upsert(record.row()));
        }
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
                            send(Leaving { schema, time, changes: Box::new(changes) });
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

#[cfg(test)]
mod tests {
    use model::{Cadence, Value, columns};

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Cell {
        name: &'static str,
        value: u64,
    }

    impl Record for Cell {
        columns! {
            self: "cells", "";
            cadence: Cadence::Flush;
            key { name: Text = self.name, ""; }
            value: Count = self.value, "";
        }
        type Key = &'static str;

        fn key(&self) -> &'static str {
            self.name
        }
    }

    /// The cells of one sheet.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Sheet(u8, Vec<Cell>);

    impl Group for Sheet {
        type Record = Cell;
        type Key = u8;

        fn group_key(&self) -> u8 {
            self.0
        }

        fn records(self) -> impl Iterator<Item = Cell> {
            self.1.into_iter()
        }
    }

    fn sheet(cells: &[(&'static str, u64)]) -> Sheet {
        Sheet(1, cells.iter().map(|(name, value)| Cell { name, value: *value }).collect())
    }

    fn rows(changes: Vec<(Sheet, Diff)>) -> Vec<Change> {
        let containers: Containers<Sheet> =
            changes.into_iter().map(|(sheet, diff)| vec![(sheet, 0, diff)]).collect();
        Box::new(containers).rows()
    }

    fn upsert(name: &'static str, value: u64) -> Change {
        Change::Upsert(Cell { name, value }.row())
    }

    #[test]
    fn of_a_group_that_is_replaced_only_what_differs_leaves() {
        let before = sheet(&[("a", 1), ("b", 1), ("c", 1)]);
        let after = sheet(&[("a", 1), ("b", 2), ("d", 1)]);
        let expected = [Change::Delete(vec![Value::from("c")]), upsert("b", 2), upsert("d", 1)];
        assert_eq!(rows(vec![(before.clone(), -1), (after.clone(), 1)]), expected);
        assert_eq!(rows(vec![(after, 1), (before, -1)]), expected, "in whatever order they come");
    }

    #[test]
    fn what_is_put_and_taken_back_does_not_leave() {
        assert_eq!(rows(vec![(sheet(&[("a", 1)]), 1), (sheet(&[("a", 1)]), -1)]), []);
        assert_eq!(rows(vec![(sheet(&[("a", 1)]), -1)]), [Change::Delete(vec![Value::from("a")])]);
        assert_eq!(rows(vec![(sheet(&[("a", 1)]), 1)]), [upsert("a", 1)]);
    }
}
