//! Gathers what the workers send into flushes, and the parts of a checkpoint into one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use dataflows::{Conflation, Leaving, Tally};
use model::{Seconds, Time};
use operators::keyed::Snapshot;
use sinks::{Flush, Table};

use super::recovery::Beside;
use super::sinks::Outlets;
use super::{End, Job, Store, Watch};

/// Messages that wait for the egress, at most.
pub(super) const QUEUE_MESSAGES: usize = 1024;

/// Keys that gather before a flush, at most, whatever the interval.
const FLUSH_KEYS_MAX: usize = 200_000;

/// What the workers say.
pub(super) enum Message {
    /// Changes of a time that is not yet closed.
    Leaving(Leaving),
    /// Every time before this one is closed: its batches have been sent.
    Closed(Time),
    /// One worker's part of a checkpoint.
    Part(Part),
    /// Where the trades went that came to one worker, all in all.
    Tally(Tally),
}

/// One worker's part of a checkpoint.
pub(super) struct Part {
    pub(super) worker: usize,
    /// First time that is not in it.
    pub(super) time: Time,
    /// Offset in the log of the first event that is not in it.
    pub(super) offset: u64,
    /// What of the events before that did not come from the source.
    pub(super) beside: Arc<Beside>,
    pub(super) states: Snapshot,
}

/// Starts the thread.
pub(super) fn start(
    inbox: Receiver<Message>,
    outlets: Outlets,
    job: &Job,
    end: &End,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let mut egress = Egress {
        open: BTreeMap::new(),
        closed: 0,
        flushed: 0,
        conflation: Conflation::new(job.run.cadence_s.clone()),
        interval: Duration::from_millis(job.run.flush_interval_ms),
        due: Instant::now(),
        parts: Vec::new(),
        checkpoints: VecDeque::new(),
        peers: job.run.workers,
        outlets,
        writer: job.store.clone().map(|store| Writer::start(store, job.run.log_retention_s)).transpose()?,
        watch: Arc::clone(&job.watch),
        end: end.clone(),
    };
    let end = end.clone();
    let body = move || {
        let mut outcome = egress.run(&inbox);
        if let Some(writer) = egress.writer.take() {
            // What it could not do explains why the egress could not go on.
            outcome = writer.finish(None).and(outcome);
        }
        if outcome.is_err() {
            end.fail();
        }
        let ended = egress.outlets.end(!end.has_failed());
        // What a sink says explains why the egress could not go on.
        ended.and(outcome)
    };
    std::thread::Builder::new().name("egress".to_owned()).spawn(body).context("cannot start a thread")
}

struct Egress {
    open: BTreeMap<Time, Vec<Leaving>>,
    closed: Time,
    flushed: Time,
    conflation: Conflation,
    interval: Duration,
    due: Instant,
    parts: Vec<Part>,
    /// Checkpoints that are whole, each with the time up to which every sink must have its rows before it is saved.
    checkpoints: VecDeque<(Time, Vec<Part>)>,
    peers: usize,
    outlets: Outlets,
    writer: Option<Writer>,
    watch: Arc<Watch>,
    end: End,
}

impl Egress {
    fn run(&mut self, inbox: &Receiver<Message>) -> anyhow::Result<()> {
        loop {
            let wait = self.due.saturating_duration_since(Instant::now());
            match inbox.recv_timeout(wait) {
                Ok(Message::Leaving(leaving)) => self.open.entry(leaving.time()).or_default().push(leaving),
                Ok(Message::Closed(time)) => self.close(time)?,
                Ok(Message::Part(part)) => self.gather(part)?,
                Ok(Message::Tally(tally)) => self.watch.counted(&tally),
                Err(RecvTimeoutError::Timeout) => self.flush()?,
                Err(RecvTimeoutError::Disconnected) => {
                    self.conflation.seal();
                    // What has been flushed last may not be all of it: rows of state waited for their grid point.
                    // A microsecond more is a frontier that no sink has, in every run alike; what is new in the
                    // next run comes after what any sink has.
                    if self.closed > 0 && !self.end.has_failed() {
                        self.closed += 1;
                    }
                    self.flush()?;
                    return self.save_newest();
                }
            }
            self.save_due()?;
        }
    }

    fn close(&mut self, upto: Time) -> anyhow::Result<()> {
        let still_open = self.open.split_off(&upto);
        let closed = std::mem::replace(&mut self.open, still_open).into_values().flatten();
        for leaving in closed {
            // Where a sink stopped in an earlier run a flush must end too, or it would be given again
            // what it has together with what it has not.
            while let Some(boundary) = self.outlets.boundary(self.flushed, leaving.time()) {
                self.closed = boundary;
                self.flush()?;
            }
            self.conflation.add(leaving);
        }
        self.closed = upto;
        self.watch.closed(upto);
        if self.conflation.len() >= FLUSH_KEYS_MAX || Instant::now() >= self.due {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands on what has changed. Nothing more of a time that has been flushed can leave: sinks pass over a
    /// frontier that they have.
    fn flush(&mut self) -> anyhow::Result<()> {
        self.due = Instant::now() + self.interval;
        if self.closed > self.flushed {
            self.flushed = self.closed;
            let taken = self.conflation.take(self.closed).into_iter();
            let tables = taken.map(|taken| Table { schema: taken.schema, changes: taken.changes }).collect();
            let flush = Flush { frontier: self.closed, tables };
            self.watch.let_out(&flush);
            self.outlets.write(flush)?;
        }
        Ok(())
    }

    fn gather(&mut self, part: Part) -> anyhow::Result<()> {
        self.parts.push(part);
        if self.parts.len() < self.peers {
            return Ok(());
        }
        let mut parts = std::mem::take(&mut self.parts);
        parts.sort_by_key(|part| part.worker);
        // What the checkpoint is of must not wait for a grid point: nobody would know of it after a restart. If
        // that time has been flushed already, it leaves with the next flush, and the checkpoint waits for that.
        self.conflation.seal();
        let is_late = self.closed == self.flushed && !self.conflation.is_empty();
        let upto = self.closed + Time::from(is_late);
        self.flush()?;
        // While a sink is away checkpoints would gather: kept are the one to be saved first, so that there is one
        // as soon as can be, and the newest.
        self.checkpoints.truncate(1);
        self.checkpoints.push_back((upto, parts));
        Ok(())
    }

    /// Has saved what is due. A checkpoint must not be durable before the rows that led to it, and nothing waits
    /// for it but the log, which grows.
    fn save_due(&mut self) -> anyhow::Result<()> {
        while let Some((upto, parts)) = self.checkpoints.pop_front_if(|(upto, _)| self.outlets.have(*upto)) {
            let Some(writer) = &mut self.writer else { continue };
            if let Some(parts) = writer.offer(parts)? {
                self.checkpoints.push_front((upto, parts));
                break;
            }
        }
        Ok(())
    }

    /// Waits until the newest is saved: nothing comes after it.
    fn save_newest(&mut self) -> anyhow::Result<()> {
        let newest = self.checkpoints.pop_back().filter(|(upto, _)| *upto <= self.flushed);
        let Some(writer) = self.writer.take() else { return Ok(()) };
        if let Some((upto, _)) = &newest {
            self.outlets.wait_for(*upto)?;
        }
        writer.finish(newest.map(|(_, parts)| parts))
    }
}

/// The thread that writes checkpoints, so that no flush waits for one.
struct Writer {
    /// Nothing waits in it: it takes a checkpoint if the thread waits for one.
    send: SyncSender<Vec<Part>>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Writer {
    fn start(store: Store, log_retention_s: Seconds) -> anyhow::Result<Self> {
        let (send, inbox) = sync_channel::<Vec<Part>>(0);
        let body = move || inbox.iter().try_for_each(|parts| store.save_checkpoint(parts, log_retention_s));
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(body);
        Ok(Self { send, thread: thread.context("cannot start a thread")? })
    }

    /// Gives the thread a checkpoint, or gives it back while the thread writes another.
    fn offer(&mut self, parts: Vec<Part>) -> anyhow::Result<Option<Vec<Part>>> {
        match self.send.try_send(parts) {
            Ok(()) => Ok(None),
            Err(TrySendError::Full(parts)) => Ok(Some(parts)),
            Err(TrySendError::Disconnected(_)) => bail!("the checkpoint before could not be written"),
        }
    }

    /// Writes the last one, if there is one, and ends.
    fn finish(self, last: Option<Vec<Part>>) -> anyhow::Result<()> {
        if let Some(parts) = last {
            // The thread says why it is gone.
            drop(self.send.send(parts));
        }
        drop(self.send);
        self.thread.join().map_err(|_| anyhow!("the thread that writes checkpoints panicked"))?
    }
}
