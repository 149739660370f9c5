//! One thread a sink, so that a slow one, or one whose server is away, holds back nothing but itself until
//! what waits for it has reached its bound. Only the embedded store holds back the others: it goes first ([`start`]).
//!
//! A sink makes one attempt; whether to try again is decided here, alike for all. What may pass is tried again at
//! growing intervals for `sink_retry_for_s`, and for a minute at the start of a run, when nothing is known of a sink
//! yet and its address may be wrong. After that, or after a failure that does not pass, the run ends: what is not
//! durable is worked out again when it is started again, from the checkpoint before it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use model::{Schema, Time};
use sinks::{Flush, Sink, SinkError};

use super::queue::{Last, Next, Queue};
use super::{End, Job, Tap};

/// The wait before the first further attempt; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How long a run that was asked to stop still tries. What is not durable by then, the next run works out.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How long a run that starts waits for a server that starts too.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// A sink that is ready for rows.
pub(super) struct Ready {
    sink: Box<dyn Sink>,
    /// It has all times before this.
    pub(super) committed: Time,
}

impl Ready {
    pub(super) fn name(&self) -> &str {
        self.sink.name()
    }
}

/// Makes a sink ready for rows of these schemas, once its server is there and says what it has.
pub(super) fn prepare(
    mut sink: Box<dyn Sink>,
    schemas: &[&'static Schema],
    end: &End,
) -> Result<Ready, SinkError> {
    let patience = Patience { at_work: START_PATIENCE, once_stopped: Duration::ZERO };
    let committed =
        patience.persist(sink.as_mut(), end, |sink| sink.prepare(schemas).and_then(|()| sink.committed()))?;
    Ok(Ready { sink, committed: committed.unwrap_or(0) })
}

/// The running sinks.
pub(super) struct Outlets {
    sinks: Vec<Outlet>,
    /// Goes first, and never waits.
    pub(super) tap: Option<Tap>,
}

struct Outlet {
    queue: Arc<Queue>,
    /// What the sink had when the run started.
    committed: Time,
    thread: Option<JoinHandle<Result<(), SinkError>>>,
}

/// Starts the sinks. Where there is a store it is the first of them, and no other is ahead of it: its flush makes the
/// log durable too, and rows of events that the log lost in a crash would not be those that are worked out again,
/// since what is read again may be cut into batches otherwise.
pub(super) fn start(sinks: Vec<Ready>, job: &Job, end: &End) -> anyhow::Result<Outlets> {
    let mut store: Option<Arc<Queue>> = None;
    let outlets = sinks.into_iter().map(|Ready { mut sink, committed }| {
        let queue = Arc::new(Queue::new(committed, job.run.sink_queue_flushes, job.run.sink_queue_rows));
        let ahead = store.clone();
        if job.store.is_some() {
            store.get_or_insert_with(|| Arc::clone(&queue));
        }
        let at_work = Duration::from_secs(job.run.sink_retry_for_s);
        let patience = Patience { at_work, once_stopped: STOP_PATIENCE };
        let (end, tasks) = (end.clone(), Arc::clone(&queue));
        let thread = std::thread::Builder::new()
            .name(sink.name().to_owned())
            .spawn(move || {
                let _closing = Closing(&tasks);
                Work { sink: sink.as_mut(), queue: &tasks, ahead: ahead.as_deref(), end: &end, patience }
                    .all()
            })
            .context("cannot start a thread")?;
        Ok(Outlet { queue, committed, thread: Some(thread) })
    });
    Ok(Outlets { sinks: outlets.collect::<anyhow::Result<_>>()?, tap: None })
}

/// Closes a queue once nobody takes from it any more, also if that is by a panic: who puts in must not wait.
struct Closing<'q>(&'q Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A sink at its work.
struct Work<'w> {
    sink: &'w mut dyn Sink,
    queue: &'w Queue,
    /// That of the store, which goes first.
    ahead: Option<&'w Queue>,
    end: &'w End,
    patience: Patience,
}

impl Work<'_> {
    fn all(mut self) -> Result<(), SinkError> {
        let outcome = self.write_all();
        if outcome.is_err() {
            // What cannot be written need not be worked out either.
            self.end.fail();
        }
        outcome
    }

    fn write_all(&mut self) -> Result<(), SinkError> {
        loop {
            match self.queue.next() {
                Next::Write(flush) => {
                    if self.ahead.is_some_and(|store| !store.wait_for(flush.frontier)) {
                        return Ok(()); // the store failed, and says why
                    }
                    self.write(&flush)?;
                    self.queue.written(&flush);
                }
                Next::End(Last::Complete) => return self.sink.finish(),
                Next::End(Last::CutOff) => return Ok(()),
            }
        }
    }

    fn write(&mut self, flush: &Flush) -> Result<(), SinkError> {
        self.patience.persist(self.sink, self.end, |sink| sink.write(flush))
    }
}

/// For how long a step is tried again.
struct Patience {
    at_work: Duration,
    /// After the run was asked to stop.
    once_stopped: Duration,
}

impl Patience {
    /// Takes a step as often as it takes.
    fn persist<T>(
        &self,
        sink: &mut dyn Sink,
        end: &End,
        mut step: impl FnMut(&mut dyn Sink) -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        let started = Instant::now();
        let (mut wait, mut stopped): (Duration, Option<Instant>) = (FIRST_WAIT, None);
        let outcome = loop {
            let error = match step(sink) {
                Ok(outcome) => break outcome,
                Err(error) => error,
            };
            if end.has_come() {
                stopped.get_or_insert_with(Instant::now);
            }
            let is_over = started.elapsed() >= self.at_work
                || end.has_failed()
                || stopped.is_some_and(|since| since.elapsed() >= self.once_stopped);
            if !error.is_transient || is_over {
                return Err(error);
            }
            if wait == FIRST_WAIT {
                tracing::warn!(sink = sink.name(), %error, "a sink is away; what is for it waits");
            }
            std::thread::sleep(wait);
            wait = LONGEST_WAIT.min(wait * 2);
        };
        if wait > FIRST_WAIT {
            let away_s = started.elapsed().as_secs_f64();
            tracing::info!(sink = sink.name(), away_s, "a sink is back");
        }
        Ok(outcome)
    }
}

impl Outlets {
    /// The first frontier in `(from, to]` at which a sink stopped in an earlier run.
    pub(super) fn boundary(&self, from: Time, to: Time) -> Option<Time> {
        self.sinks.iter().map(|outlet| outlet.committed).filter(|at| *at > from && *at <= to).min()
    }

    /// Hands a flush to every sink that does not have it. Waits while there is no room for one.
    pub(super) fn write(&self, flush: Flush) -> anyhow::Result<()> {
        let flush = Arc::new(flush);
        if let Some(tap) = &self.tap {
            tap(&flush);
        }
        for outlet in self.sinks.iter().filter(|outlet| outlet.committed < flush.frontier) {
            if !outlet.queue.push(Arc::clone(&flush)) {
                bail!("a sink stopped");
            }
        }
        Ok(())
    }

    /// True if every sink has all times before `upto`.
    pub(super) fn have(&self, upto: Time) -> bool {
        self.sinks.iter().all(|outlet| outlet.queue.has(upto))
    }

    /// Waits until every sink has all times before `upto`.
    pub(super) fn wait_for(&self, upto: Time) -> anyhow::Result<()> {
        if self.sinks.iter().all(|outlet| outlet.queue.wait_for(upto)) {
            Ok(())
        } else {
            bail!("a sink stopped")
        }
    }

    /// Ends the sinks, and lets them complete what they have if it is all there is. The first error of
    /// any is returned.
    pub(super) fn end(&mut self, is_complete: bool) -> anyhow::Result<()> {
        let last = if is_complete { Last::Complete } else { Last::CutOff };
        let mut outcome = Ok(());
        for outlet in &self.sinks {
            outlet.queue.end(last);
        }
        for thread in self.sinks.iter_mut().filter_map(|outlet| outlet.thread.take()) {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => outcome = outcome.and(Err(error.into())),
                Err(_) => outcome = outcome.and(Err(anyhow::anyhow!("a sink's thread panicked"))),
            }
        }
        outcome
    }
}
