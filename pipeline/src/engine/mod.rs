//! Joins source, dataflow and sinks: the one place with threads and a clock next to timely.
//!
//! ```text
//! source ─► ingress ─► workers (the dataflows) ─► egress ─► one thread a sink
//!              │ mints logical time       │ closes times     │ gathers flushes
//!              └─ appends to the event log└─ snapshots states └─ checkpoints
//! ```
//!
//! A live oracle stands beside the source and is read by the ingress too. What it says is not the same when
//! it is asked again, so that it is known by the log alone: on the way back into a run the events of the
//! source are counted, and those of the oracle are not. The same goes for what people say in files that are
//! followed; what of it stands is in the checkpoints as well, because it is what the files are held against.
//!
//! Every queue is bounded, so whoever is slow holds back whoever feeds him, up to the source. Batches
//! are as large as the last one took long: while the workers are busy events gather, and when they are
//! done they take what has gathered. So latency is low when there is little to do, and throughput high
//! when there is much, without a setting. While there is nothing to do, logical time goes on within its second, so that
//! timers need no further event to fire.
//!
//! A sink whose server is away is tried again, and its flushes wait; once as many wait as may, it holds back
//! whoever feeds it. Checkpoints wait for it too: one that is ahead of the rows of a sink is not saved.
//! Whatever else fails, the source, a worker, a sink for good, ends the run with its error; what is not durable is
//! worked out again from the log when the run starts again.

mod egress;
mod end;
mod fingerprint;
mod ingress;
mod queue;
mod recovery;
mod sinks;
#[cfg(test)]
mod tests;
mod watch;
mod workers;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use ::sinks::{Flush, Sink};
use ::sources::{Counts, Source};
use anyhow::{Context as _, ensure};
use dataflows::Tally;
use model::Seconds;

use crate::controls::Followed;
use end::End;
use fingerprint::Fingerprint;
pub use recovery::Store;
pub(crate) use watch::TokenCandle;
pub use watch::Watch;

/// What to run.
pub struct Job {
    /// Where events come from.
    pub source: Box<dyn Source>,
    /// A live oracle: its quotes are handed over as they come, and those of the source are passed over.
    pub oracle: Option<Box<dyn Source>>,
    /// Files that are followed: what people say in them is handed over as it changes.
    pub controls: Vec<Followed>,
    /// Where rows go.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The event log and the checkpoints; none for a run that starts from nothing and ends with its
    /// source. It is a sink too, and not among `sinks`.
    pub store: Option<Store>,
    /// Settings of the dataflows.
    pub params: dataflows::Params,
    /// How to run.
    pub run: config::RunParams,
    /// Set from outside to end the run.
    pub stop: Arc<AtomicBool>,
    /// Filled with what there is to see.
    pub watch: Arc<Watch>,
    /// Given each flush before the sinks have it. It never waits.
    pub tap: Option<Tap>,
}

/// Takes flushes as they leave.
pub type Tap = Box<dyn Fn(&Arc<Flush>) + Send>;

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// What the source counted: failed transactions, unknown events, …
    pub counts: Counts,
    /// Event time of the last event.
    pub event_time: Option<Seconds>,
    /// What became of the trades that came in.
    pub trades: Trades,
    /// How long it took.
    pub took: Duration,
}

/// What became of the trades that came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trades {
    /// How many came in, those of the log that were worked out again included.
    pub given: u64,
    /// Refused before they came to the dataflow: their block time cannot be.
    pub implausible: u64,
    /// Where the others went.
    pub tally: Tally,
}

impl Trades {
    /// True if every trade that came in is a row, a reject, or counted by name.
    #[must_use]
    pub fn are_all_there(&self) -> bool {
        let counted = i128::from(self.implausible) + self.tally.total() as i128;
        i128::from(self.given) == counted
    }
}

impl fmt::Display for Trades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { rows, late, duplicates, conflicts, dead } = self.tally;
        write!(f, "{} trades in = {rows} rows", self.given)?;
        let counts = [
            (i128::from(self.implausible), "implausible_time"),
            (late as i128, "too_late"),
            (conflicts as i128, "conflict"),
            (duplicates as i128, "duplicates"),
            (dead as i128, "of dead slots"),
        ];
        counts
            .iter()
            .filter(|(count, _)| *count != 0)
            .try_for_each(|(count, name)| write!(f, " + {count} {name}"))
    }
}

/// Runs until the source ends or `stop` is set; then everything that was read has left.
///
/// # Errors
/// When the source cannot go on, a sink fails, or the store's checkpoint cannot be read.
pub fn run(mut job: Job) -> anyhow::Result<Summary> {
    let started = std::time::Instant::now();
    let mut resume = match &job.store {
        Some(store) => store.resume(Fingerprint::of(&job.params)?, job.sinks.is_empty())?,
        None => recovery::Resume::default(),
    };
    let schemas = dataflows::schemas();
    let watch = Arc::clone(&job.watch);
    let end = End::new(&job.stop);
    let store = job.store.iter().map(|store| Box::new(store.clone()) as Box<dyn Sink>);
    let mut ready = Vec::new();
    for sink in store.chain(std::mem::take(&mut job.sinks)) {
        let sink = sinks::prepare(sink, &schemas, &end)?;
        resume.meet(&sink)?;
        ready.push(sink);
    }
    let (to_egress, from_workers) = sync_channel(egress::QUEUE_MESSAGES);
    let mut outlets = sinks::start(ready, &job, &end)?;
    outlets.tap = job.tap.take();
    let egress = egress::start(from_workers, outlets, &job, &end)?;
    let workers = workers::start(&job, &resume, &to_egress, &end)?;
    drop(to_egress);
    let summary = ingress::run(&mut job, &resume, &workers, &end);
    let worked = workers.join();
    let left = egress.join().map_err(|_| anyhow::anyhow!("the egress thread panicked"))?;
    // A sink's failure stops everything else, so it is the cause and the others are its effects.
    left.context("a sink failed")?;
    worked?;
    let summary = summary?;
    let mut trades = summary.trades;
    trades.tally = watch.tally();
    // Whatever the fault is that loses one, nobody is to find it out by counting rows.
    ensure!(trades.are_all_there(), "{trades}: some are lost, which is a fault of millrace");
    Ok(Summary { took: started.elapsed(), trades, ..summary })
}
