//! The edge: where maintained collections leave the graph as batches of rows.
//!
//! Only closed times leave. The changes of one record at one closed time are consolidated, and a key
//! that is taken back and put again leaves as one upsert. Each worker sends the keys that it maintains;
//! a time is complete when the probe has passed it, for then every worker has sent its part.

use std::collections::BTreeMap;
use std::rc::Rc;

use differential_dataflow::consolidation::consolidate;
use model::{Batch, Change, Diff, Record, Time};
use operators::prelude::Collection;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::ProbeHandle;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::operators::probe::Probe;

/// Where the dataflows of one worker emit what they maintain.
pub struct Outputs {
    send: Rc<dyn Fn(Batch)>,
    probe: ProbeHandle<Time>,
}

impl Outputs {
    /// Outputs that hand every batch to `send` before `probe` passes its time.
    pub fn new(probe: ProbeHandle<Time>, send: impl Fn(Batch) + 'static) -> Self {
        Self { send: Rc::new(send), probe }
    }

    /// Emits a maintained collection as the record that it is of.
    pub fn emit<R: Record>(&mut self, collection: Collection<'_, R>) {
        let send = Rc::clone(&self.send);
        let mut open: BTreeMap<Time, Vec<(R, Diff)>> = BTreeMap::new();
        collection
            .inner
            .unary_frontier::<CapacityContainerBuilder<Vec<()>>, _, _, _>(
                Pipeline,
                R::SCHEMA.name,
                |capability, _| {
                    // Held, so that the probe cannot pass a time whose batch has not left.
                    let mut held = Some(capability);
                    move |(input, frontier), _| {
                        input.for_each_time(|_, batches| {
                            for (record, time, diff) in batches.flat_map(std::mem::take) {
                                open.entry(time).or_default().push((record, diff));
                            }
                        });
                        let upper = frontier.frontier().first().copied();
                        while let Some(entry) = open.first_entry() {
                            if upper.is_some_and(|upper| *entry.key() >= upper) {
                                break;
                            }
                            let (time, changes) = entry.remove_entry();
                            if let Some(batch) = batch(time, changes) {
                                send(batch);
                            }
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

/// The changes as one upsert or delete a key; none if nothing is left of them.
fn batch<R: Record>(time: Time, mut changes: Vec<(R, Diff)>) -> Option<Batch> {
    consolidate(&mut changes);
    // Records order by key first, so the changes of a key stand together.
    let of_one_key = changes.chunk_by(|(a, _), (b, _)| a.key() == b.key());
    let changes: Vec<Change> = of_one_key.filter_map(change).collect();
    (!changes.is_empty()).then_some(Batch { schema: R::SCHEMA, time, changes })
}

fn change<R: Record>(changes: &[(R, Diff)]) -> Option<Change> {
    if let Some((record, _)) = changes.iter().rev().find(|(_, diff)| *diff > 0) {
        return Some(Change::Upsert(record.row()));
    }
    let (record, _) = changes.first()?;
    let mut key = record.row();
    key.truncate(R::SCHEMA.key);
    Some(Change::Delete(key))
}
