//! The timely workers: each feeds its share of the events to its graph and reports what is closed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::Thread;
use std::time::Duration;

use anyhow::anyhow;
use dataflows::Graph;
use model::{Event, Time};
use operators::keyed::{Ending, States};
use timely::worker::Worker;

use super::egress::{Message, Part};
use super::recovery::{Beside, Resume};
use super::{End, Job};

/// How long a worker sleeps at most when it has nothing to do; whoever has something wakes it.
const PARK: Duration = Duration::from_millis(1);

/// What the workers are told. All are told the same, in the same order.
pub(super) enum Command {
    /// Take these events in, publish what lags at the endings, and close every time before `upto`.
    Feed { batches: Vec<(Time, Vec<Event>)>, endings: Vec<Ending>, upto: Time },
    /// Close every time before `time` and write the states down.
    Checkpoint { time: Time, offset: u64, beside: Arc<Beside> },
    /// There will be nothing more.
    Finish,
}

/// The running workers.
pub(super) struct Workers {
    guards: timely::communication::WorkerGuards<anyhow::Result<()>>,
    commands: Vec<SyncSender<Command>>,
    threads: Vec<Thread>,
    /// Feeds that a worker has not yet closed.
    busy: Arc<AtomicUsize>,
}

/// Starts the workers.
pub(super) fn start(
    job: &Job,
    resume: &Resume,
    out: &SyncSender<Message>,
    end: &End,
) -> anyhow::Result<Workers> {
    let peers = job.run.workers;
    // One feed in work and one that waits: the next batch is ready when the last is done.
    let (commands, inboxes): (Vec<_>, Vec<_>) = (0..peers).map(|_| sync_channel(1)).unzip();
    let inboxes = Mutex::new(inboxes.into_iter().map(Some).collect::<Vec<Option<Receiver<Command>>>>());
    let (names, threads) = sync_channel(peers);
    let (params, snapshots, from) =
        (job.params.clone(), Arc::clone(&resume.snapshots), resume.clock.last() + 1);
    let busy = Arc::new(AtomicUsize::new(0));
    let (out, shared_busy) = (out.clone(), Arc::clone(&busy));
    let health = Health { has_lost_one: Arc::default(), end: end.clone() };
    let body = move |worker: &mut Worker| -> anyhow::Result<()> {
        let inbox =
            inboxes.lock().ok().and_then(|mut all| all.get_mut(worker.index()).and_then(Option::take));
        let inbox = inbox.ok_or_else(|| anyhow!("worker {} has no inbox", worker.index()))?;
        names.send((worker.index(), std::thread::current())).ok();
        let states = States::restored(Arc::clone(&snapshots), from, worker.index(), worker.peers());
        let leavings = out.clone();
        // A closed egress means that a sink failed; the run is being stopped.
        let send = move |leaving| drop(leavings.send(Message::Leaving(leaving)));
        let graph = Graph::build(worker, &params, states, send).inspect_err(|_| health.lose())?;
        let (out, busy, health) = (out.clone(), Arc::clone(&shared_busy), health.clone());
        Seat { worker, graph, out, busy, health }.work(&inbox)
    };
    let guards = timely::execute(timely::Config::process(peers), body).map_err(|e| anyhow!("timely: {e}"))?;
    let mut named: Vec<(usize, Thread)> = threads.iter().take(peers).collect();
    named.sort_by_key(|(index, _)| *index);
    let threads = named.into_iter().map(|(_, thread)| thread).collect();
    Ok(Workers { guards, commands, threads, busy })
}

impl Workers {
    /// Gives every worker its share of the events. Waits while the workers have enough to do.
    pub(super) fn feed(&self, batches: Vec<(Time, Vec<Event>)>, endings: &[Ending], upto: Time) {
        let peers = self.commands.len();
        let mut shares: Vec<Vec<(Time, Vec<Event>)>> = (0..peers).map(|_| Vec::new()).collect();
        if let [only] = shares.as_mut_slice() {
            *only = batches;
        } else {
            for (time, events) in batches {
                deal(&mut shares, time, events);
            }
        }
        for (index, batches) in shares.into_iter().enumerate() {
            self.busy.fetch_add(1, Ordering::AcqRel);
            self.send(index, Command::Feed { batches, endings: endings.to_vec(), upto });
        }
    }

    /// Tells every worker the same.
    pub(super) fn send_all(&self, command: impl Fn() -> Command) {
        for index in 0..self.commands.len() {
            self.send(index, command());
        }
    }

    /// True while a worker has not closed what it was given.
    pub(super) fn are_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire) > 0
    }

    fn send(&self, index: usize, command: Command) {
        // A worker that is gone has failed; its error is reported when it is joined.
        if let Some(inbox) = self.commands.get(index) {
            inbox.send(command).ok();
        }
        if let Some(thread) = self.threads.get(index) {
            thread.unpark();
        }
    }

    /// Waits for the workers to end.
    pub(super) fn join(self) -> anyhow::Result<()> {
        drop(self.commands);
        for outcome in self.guards.join() {
            outcome.map_err(|e| anyhow!("a worker failed: {e}"))??;
        }
        Ok(())
    }
}

/// Deals events out in turn: where they go from here is the graph's business.
fn deal(shares: &mut [Vec<(Time, Vec<Event>)>], time: Time, events: Vec<Event>) {
    let peers = shares.len();
    let each = events.len().div_ceil(peers);
    let mut dealt: Vec<Vec<Event>> = (0..peers).map(|_| Vec::with_capacity(each)).collect();
    for (event, to) in events.into_iter().zip((0..peers).cycle()) {
        if let Some(share) = dealt.get_mut(to) {
            share.push(event);
        }
    }
    for (share, events) in shares.iter_mut().zip(dealt) {
        share.push((time, events));
    }
}

/// Whether all workers are at work.
///
/// Once one has failed its part is missing: times close without it. So it says so before it lets go of
/// its inputs, and from then on the others report nothing closed, and end.
#[derive(Clone)]
struct Health {
    has_lost_one: Arc<AtomicBool>,
    end: End,
}

impl Health {
    fn lose(&self) {
        self.has_lost_one.store(true, Ordering::Release);
        self.end.fail();
    }

    fn is_good(&self) -> bool {
        !self.has_lost_one.load(Ordering::Acquire)
    }
}

/// A worker at its work.
struct Seat<'w> {
    worker: &'w mut Worker,
    graph: Graph,
    out: SyncSender<Message>,
    busy: Arc<AtomicUsize>,
    health: Health,
}

impl Seat<'_> {
    fn work(mut self, inbox: &Receiver<Command>) -> anyhow::Result<()> {
        self.follow(inbox).inspect_err(|_| self.health.lose())
    }

    fn follow(&mut self, inbox: &Receiver<Command>) -> anyhow::Result<()> {
        while self.health.is_good() {
            match inbox.try_recv() {
                Ok(Command::Feed { batches, endings, upto }) => {
                    endings.into_iter().for_each(|ending| self.graph.end_input(ending));
                    for (time, events) in batches {
                        for event in events {
                            self.graph.give(event, time);
                        }
                    }
                    self.graph.advance(upto);
                    self.close(upto);
                    self.busy.fetch_sub(1, Ordering::AcqRel);
                }
                Ok(Command::Checkpoint { time, offset, beside }) => {
                    self.graph.advance(time);
                    if !self.close(time) {
                        break;
                    }
                    let states = self.graph.snapshot()?;
                    let part = Part { worker: self.worker.index(), time, offset, beside, states };
                    self.out.send(Message::Part(part)).ok();
                }
                Ok(Command::Finish) => {
                    self.out.send(Message::Tally(self.graph.tally())).ok();
                    return Ok(());
                }
                Err(TryRecvError::Disconnected) => return Ok(()),
                // The other workers may need this one for what they have to do.
                Err(TryRecvError::Empty) => drop(self.worker.step_or_park(Some(PARK))),
            }
        }
        Ok(())
    }

    /// Waits until every time before `upto` is closed. Times are closed on all workers at once, so one reports it.
    /// False if a worker is missing.
    fn close(&mut self, upto: Time) -> bool {
        while self.health.is_good() && !self.graph.is_closed(upto) {
            self.worker.step_or_park(Some(PARK));
        }
        // Asked last: a worker that fails closes its times only after it has said so.
        let is_closed = self.health.is_good();
        if is_closed && self.worker.index() == 0 {
            self.out.send(Message::Closed(upto)).ok();
        }
        is_closed
    }
}
