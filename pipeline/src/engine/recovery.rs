//! What outlives a run: the event log and the checkpoints, in the embedded store.
//!
//! To go on is to load the newest checkpoint, give the operators their states back, hand over the log
//! from the checkpoint's offset with the times the events had, and pass over what each sink has
//! already. The result is that of a run that was never interrupted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{anyhow, bail};
use dataflows::Clock;
use model::time::{second_of, start_of};
use model::{Event, Schema, Seconds, Time};
use operators::keyed::Snapshot;
use serde::{Deserialize, Serialize};
use sinks::sqlite::{Checkpoint, EmbeddedStore};
use sinks::{Flush, Sink, SinkError};

use super::egress::Part;
use super::fingerprint::Fingerprint;
use super::sinks::Ready;
use crate::controls::Said;
use crate::failure::WithHint as _;

/// The part of a checkpoint that says what of the log did not come from the source. The others are named
/// `worker/operator`.
const BESIDE: &str = "beside";
/// The part that says what the checkpoint is of.
const FINGERPRINT: &str = "fingerprint";

/// What of the events of the log did not come from the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beside {
    /// How many they are.
    pub(super) events: u64,
    /// What people have said and not taken back.
    pub(super) said: Said,
    /// After how many of its events the source ended in earlier runs, with some that waited.
    pub(super) ends: Vec<u64>,
}

/// From where a run goes on.
#[derive(Default)]
pub(super) struct Resume {
    pub(super) clock: Clock,
    /// Offset in the log of the first event to hand over.
    pub(super) offset: u64,
    /// What of the events before it did not come from the source.
    pub(super) beside: Beside,
    /// The first time that no sink has.
    pub(super) reach: Time,
    /// What the workers of the earlier run wrote down.
    pub(super) snapshots: Arc<Vec<Snapshot>>,
}

impl Resume {
    /// Takes note of what a sink has. Refuses one that lacks rows from before the checkpoint: those events are no
    /// longer in the log, so it would never get them, and nothing would say so.
    pub(super) fn meet(&mut self, sink: &Ready) -> anyhow::Result<()> {
        if sink.committed <= self.clock.last() && self.clock != Clock::default() {
            bail!(
                "{}: it lacks rows from before the last checkpoint, which are not worked out again; an \
                 output must be there from a database's first run on: leave it out, or name a new database",
                sink.name()
            );
        }
        self.reach = self.reach.max(sink.committed);
        Ok(())
    }
}

/// The embedded store, shared by the thread that appends events and the one that writes rows. What
/// both write between two flushes is one transaction.
///
/// A step that fails takes back what both have written since the last commit, and the workers may have
/// been given events of it. Nothing may be written after that, or there would be rows of events that the
/// log does not have: every later step fails with the error of the first.
#[derive(Clone)]
pub struct Store(Arc<Mutex<Shared>>);

struct Shared {
    store: EmbeddedStore,
    /// What the checkpoints of this run are of.
    fingerprint: Fingerprint,
    /// The first failure: what was being done, and why it could not be.
    failure: Option<(String, String)>,
}

impl Store {
    /// Shares a store.
    pub fn new(store: EmbeddedStore) -> Self {
        Self(Arc::new(Mutex::new(Shared { store, fingerprint: Fingerprint::default(), failure: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic in the middle of a step has rolled nothing forward that SQLite will not roll back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn step<T>(
        &self,
        step: impl FnOnce(&mut EmbeddedStore) -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        let mut shared = self.lock();
        if let Some((doing, cause)) = &shared.failure {
            return Err(SinkError::new(shared.store.name(), doing.clone(), cause.clone()));
        }
        let outcome = step(&mut shared.store);
        if let Err(error) = &outcome {
            shared.failure = Some((error.doing.clone(), error.source.to_string()));
        }
        outcome
    }

    /// From where to go on: the newest checkpoint that is whole, or the beginning of the log.
    ///
    /// A checkpoint of other settings or of another layout is never taken up. If the log holds every event, and nothing
    /// but this database has rows (`is_alone`), all is worked out again from there; else the run is refused.
    pub(super) fn resume(&self, present: Fingerprint, is_alone: bool) -> anyhow::Result<Resume> {
        let checkpoint = self.newest_whole()?;
        let is_whole = self.step(|store| store.log_start())? == 0;
        if let Some(checkpoint) = &checkpoint {
            let before = checkpoint.parts.iter().find(|(name, _)| name == FINGERPRINT);
            let before = before.and_then(|(_, bytes)| postcard::from_bytes::<Fingerprint>(bytes).ok());
            let differences = before.unwrap_or_default().differences(&present);
            if !differences.is_empty() {
                let path = self.lock().store.path().display().to_string();
                let what = differences.join(", ");
                if !(is_whole && is_alone) {
                    let why = if is_whole {
                        "another output has rows of it too"
                    } else {
                        "its log no longer holds every event"
                    };
                    return Err(anyhow!(
                        "{path} was computed otherwise, and cannot be computed again: {why}; what is not the same: {what}"
                    ))
                    .hint("give this run another database with --db, or the settings that the database has");
                }
                tracing::error!(
                    database = path,
                    what,
                    "computed otherwise: all is worked out again from its log"
                );
                self.step(EmbeddedStore::forget_results)?;
                self.lock().fingerprint = present;
                return Ok(Resume::default());
            }
        }
        self.lock().fingerprint = present;
        let Some(checkpoint) = checkpoint else {
            let offset = self.step(|store| store.log_start())?;
            return Ok(Resume { offset, ..Resume::default() });
        };
        let last = checkpoint.time.saturating_sub(1);
        let (mut snapshots, mut beside): (Vec<Snapshot>, Beside) = (Vec::new(), Beside::default());
        for (name, bytes) in checkpoint.parts {
            if name == FINGERPRINT {
                continue;
            }
            if name == BESIDE {
                beside = postcard::from_bytes(&bytes).map_err(|error| {
                    anyhow!(
                        "the checkpoint does not say what of the log did not come from the source: {error}"
                    )
                })?;
                continue;
            }
            // `worker/operator`, workers in order.
            let (worker, operator) = name.split_once('/').unwrap_or(("0", &name));
            let worker: usize = worker.parse().unwrap_or(0);
            if snapshots.len() <= worker {
                snapshots.resize_with(worker + 1, Vec::new);
            }
            if let Some(snapshot) = snapshots.get_mut(worker) {
                snapshot.push((operator.to_owned(), bytes));
            }
        }
        Ok(Resume {
            clock: Clock::resume(second_of(last), last),
            offset: checkpoint.log_offset,
            beside,
            reach: 0,
            snapshots: Arc::new(snapshots),
        })
    }

    /// The newest checkpoint that can be read; none if there is none and the log holds every event.
    fn newest_whole(&self) -> anyhow::Result<Option<Checkpoint>> {
        let places = self.step(|store| store.checkpoints())?;
        for place in &places {
            // Not a step: one that is damaged is no reason to write nothing.
            let loaded = self.lock().store.load_checkpoint(*place);
            match loaded {
                Ok(checkpoint) => return Ok(Some(checkpoint)),
                Err(error) => {
                    tracing::error!(time = place.time, %error, "a checkpoint is damaged; the one before it is taken, or the log");
                }
            }
        }
        if !places.is_empty() && self.step(|store| store.log_start())? > 0 {
            return Err(anyhow!("no checkpoint can be read, and the log no longer holds every event"))
                .hint("`millrace replay --log` works out what the log still holds");
        }
        Ok(None)
    }

    pub(super) fn read_log(&self, from: u64, limit: usize) -> anyhow::Result<Vec<(Time, Event)>> {
        Ok(self.step(|store| store.read_events(from, limit))?)
    }

    pub(super) fn append(&self, offset: u64, batches: &[(Time, Vec<Event>)]) -> anyhow::Result<()> {
        let events = batches.iter().flat_map(|(time, events)| events.iter().map(|event| (*time, event)));
        Ok(self.step(|store| store.append_events(offset, events))?)
    }

    /// Writes a checkpoint whose parts come from all workers, and lets go of the log before it, but for
    /// what is to be kept of it.
    pub(super) fn save_checkpoint(&self, parts: Vec<Part>, retention_s: Seconds) -> anyhow::Result<()> {
        let Some(Part { time, offset, beside, .. }) = parts.first() else { return Ok(()) };
        let (time, log_offset) = (*time, *offset);
        let beside = (BESIDE.to_owned(), postcard::to_stdvec(beside.as_ref())?);
        let kept_from = start_of(second_of(time).saturating_sub(retention_s));
        let named = parts.into_iter().flat_map(|part| {
            let worker = part.worker;
            part.states.into_iter().map(move |(operator, bytes)| (format!("{worker}/{operator}"), bytes))
        });
        let fingerprint = (FINGERPRINT.to_owned(), postcard::to_stdvec(&self.lock().fingerprint)?);
        let parts = named.chain([beside, fingerprint]).collect();
        let checkpoint = Checkpoint { time, log_offset, parts };
        for step in checkpoint.steps() {
            self.step_aside(|store| store.write_checkpoint(step))?;
        }
        while self.step_aside(EmbeddedStore::remove_checkpoint_piece)? {}
        Ok(self.step(|store| {
            let kept = store.log_offset_of(kept_from)?;
            store.prune_log(log_offset.min(kept))?;
            store.commit()
        })?)
    }

    /// A step of work that nobody waits for. It rests for as long as the step took, for whoever has the lock gets
    /// it again, and others wait for it.
    fn step_aside<T>(
        &self,
        step: impl FnOnce(&mut EmbeddedStore) -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        let started = Instant::now();
        let outcome = self.step(step);
        std::thread::sleep(started.elapsed());
        outcome
    }
}

impl Sink for Store {
    fn name(&self) -> &'static str {
        self.lock().store.name()
    }

    fn prepare(&mut self, schemas: &[&'static Schema]) -> Result<(), SinkError> {
        self.step(|store| store.prepare(schemas))
    }

    fn committed(&mut self) -> Result<Option<Time>, SinkError> {
        self.step(Sink::committed)
    }

    fn write(&mut self, flush: &Flush) -> Result<(), SinkError> {
        self.step(|store| store.write(flush))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.step(Sink::finish)
    }
}
