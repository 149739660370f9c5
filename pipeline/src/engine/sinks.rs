//! One thread a sink, so that a slow one holds back only what waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};
use model::Time;
use sinks::{Flush, Sink, SinkError};

use super::{End, Job};

enum Task {
    Write(Arc<Flush>),
    /// Answer when everything before is durable.
    Report(SyncSender<()>),
    /// That was all: complete what you have.
    Finish,
}

/// The running sinks.
pub(super) struct Outlets(Vec<Outlet>);

struct Outlet {
    queue: Option<SyncSender<Task>>,
    /// What the sink had when the run started.
    committed: Time,
    thread: Option<JoinHandle<Result<(), SinkError>>>,
}

/// Starts the sinks.
pub(super) fn start(sinks: Vec<Box<dyn Sink>>, job: &Job, end: &End) -> anyhow::Result<Outlets> {
    let outlets = sinks.into_iter().map(|mut sink| {
        let (queue, tasks) = sync_channel(job.run.sink_queue_flushes);
        let committed = sink.committed()?.unwrap_or(0);
        let end = end.clone();
        let thread = std::thread::Builder::new()
            .name(sink.name().to_owned())
            .spawn(move || work(sink.as_mut(), &tasks, &end))
            .context("cannot start a thread")?;
        Ok(Outlet { queue: Some(queue), committed, thread: Some(thread) })
    });
    Ok(Outlets(outlets.collect::<anyhow::Result<_>>()?))
}

fn work(sink: &mut dyn Sink, tasks: &Receiver<Task>, end: &End) -> Result<(), SinkError> {
    let mut write_all = || {
        for task in tasks {
            match task {
                Task::Write(flush) => sink.write(&flush)?,
                Task::Report(done) => drop(done.send(())),
                Task::Finish => sink.finish()?,
            }
        }
        Ok(())
    };
    let outcome = write_all();
    if outcome.is_err() {
        // What cannot be written need not be worked out either.
        end.fail();
    }
    outcome
}

impl Outlets {
    /// The first frontier in `(from, to]` at which a sink stopped in an earlier run.
    pub(super) fn boundary(&self, from: Time, to: Time) -> Option<Time> {
        self.0.iter().map(|outlet| outlet.committed).filter(|at| *at > from && *at <= to).min()
    }

    /// Hands a flush to every sink that does not have it. Waits while a sink has enough to do.
    pub(super) fn write(&self, flush: Flush) -> anyhow::Result<()> {
        let flush = Arc::new(flush);
        for outlet in self.0.iter().filter(|outlet| outlet.committed < flush.frontier) {
            outlet.send(Task::Write(Arc::clone(&flush)))?;
        }
        Ok(())
    }

    /// Waits until everything handed over is durable.
    pub(super) fn wait(&self) -> anyhow::Result<()> {
        for outlet in &self.0 {
            let (done, report) = sync_channel(1);
            outlet.send(Task::Report(done))?;
            report.recv().context("a sink stopped")?;
        }
        Ok(())
    }

    /// Ends the sinks, and lets them complete what they have if it is all there is. The first error of
    /// any is returned.
    pub(super) fn end(&mut self, is_complete: bool) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for outlet in &mut self.0 {
            if let Some(queue) = outlet.queue.take().filter(|_| is_complete) {
                // One that has stopped says why when it is joined.
                queue.send(Task::Finish).ok();
            }
        }
        for thread in self.0.iter_mut().filter_map(|outlet| outlet.thread.take()) {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => outcome = outcome.and(Err(error.into())),
                Err(_) => outcome = outcome.and(Err(anyhow::anyhow!("a sink's thread panicked"))),
            }
        }
        outcome
    }
}

impl Outlet {
    fn send(&self, task: Task) -> anyhow::Result<()> {
        match self.queue.as_ref().map(|queue| queue.send(task)) {
            Some(Ok(())) => Ok(()),
            _ => bail!("a sink stopped"),
        }
    }
}
