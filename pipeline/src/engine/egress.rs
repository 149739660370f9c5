//! Gathers what the workers send into flushes, and the parts of a checkpoint into one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use dataflows::{Leaving, Tally};
use model::{Seconds, Time};
use operators::keyed::Snapshot;
use sinks::Conflator;

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
        conflator: Conflator::default(),
        interval: Duration::from_millis(job.run.flush_interval_ms),
        due: Instant::now(),
        parts: Vec::new(),
        checkpoints: VecDeque::new(),
        peers: job.run.workers,
        outlets,
        store: job.store.clone(),
        log_retention_s: job.run.log_retention_s,
        watch: Arc::clone(&job.watch),
    };
    let end = end.clone();
    let body = move || {
        let outcome = egress.run(&inbox);
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
    conflator: Conflator,
    interval: Duration,
    due: Instant,
    parts: Vec<Part>,
    /// Checkpoints that are whole, each with the time up to which every sink must have its rows before it is saved.
    checkpoints: VecDeque<(Time, Vec<Part>)>,
    peers: usize,
    outlets: Outlets,
    store: Option<Store>,
    log_retention_s: Seconds,
    watch: Arc<Watch>,
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
        for batch in closed.filter_map(Leaving::batch) {
            // Where a sink stopped in an earlier run a flush must end too, or it would be given again
            // what it has together with what it has not.
            while let Some(boundary) = self.outlets.boundary(self.flushed, batch.time) {
                self.closed = boundary;
                self.flush()?;
            }
            self.watch.let_out(&batch);
            self.conflator.add(batch);
        }
        self.closed = upto;
        self.watch.closed(upto);
        if self.conflator.len() >= FLUSH_KEYS_MAX || Instant::now() >= self.due {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.due = Instant::now() + self.interval;
        if self.closed > self.flushed {
            self.flushed = self.closed;
            self.outlets.write(self.conflator.take(self.closed))?;
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
        self.flush()?;
        // While a sink is away checkpoints would gather: kept are the one to be saved first, so that there is one
        // as soon as can be, and the newest.
        self.checkpoints.truncate(1);
        self.checkpoints.push_back((self.flushed, parts));
        Ok(())
    }

    /// Saves what is due. A checkpoint must not be durable before the rows that led to it, and nothing waits
    /// for it but the log, which grows.
    fn save_due(&mut self) -> anyhow::Result<()> {
        while let Some((_, parts)) = self.checkpoints.pop_front_if(|(upto, _)| self.outlets.have(*upto)) {
            self.save(parts)?;
        }
        Ok(())
    }

    /// Waits until the newest can be saved: nothing comes after it.
    fn save_newest(&mut self) -> anyhow::Result<()> {
        let Some((upto, parts)) = self.checkpoints.pop_back() else { return Ok(()) };
        self.outlets.wait_for(upto)?;
        self.save(parts)
    }

    fn save(&self, parts: Vec<Part>) -> anyhow::Result<()> {
        match &self.store {
            Some(store) => store.save_checkpoint(parts, self.log_retention_s),
            None => Ok(()),
        }
    }
}
