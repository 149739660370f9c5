//! A whole day of the market through the engine that users run, into the embedded store: what a trade costs from
//! the source to the disk, what stays in memory, and how soon a killed run is ready again.
//!
//! The events are made up (no decoding), so that the figures are those of the dataflow, the edge and the sinks. A
//! child process runs the day at full speed and prints a line each half hour of event time; once the day is over
//! the child is killed in the middle of its work, and this process opens what it left behind.
//!
//! The bench does not pace the events: a lag is how long a batch was in work, and says what a checkpoint holds up.

mod market;
mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use config::{RunParams, Speed};
use hdrhistogram::Histogram;
use pipeline::engine::{self, Job, Store, Watch};
use serde::Serialize;
use sinks::sqlite::{self, EmbeddedStore};
use sources::Source;

use self::market::{DayMarket, Ended, HALF_HOUR_S};
use self::process::Usage;
use crate::made_up::START;
use crate::report::{self, Table};
use crate::sinks::servers;

/// How much of a day, and where it goes.
#[derive(Args)]
pub(crate) struct Day {
    /// Hours of event time.
    #[arg(long, default_value_t = 24.0)]
    hours: f64,
    /// Trades a second, on average over the hours of a day; a minute of each hour has twelve times as many.
    #[arg(long, default_value_t = 250)]
    rate: u32,
    /// Threads that compute.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Further sinks beside the embedded store: clickhouse, kafka, questdb. Needs the servers:
    /// `scripts/services up`.
    #[arg(long, value_delimiter = ',')]
    sinks: Vec<String>,
    /// Keeps the database here, instead of in a folder that is removed at the end.
    #[arg(long)]
    db: Option<PathBuf>,
    /// Runs the day in this process and never ends: how this bench starts itself.
    #[arg(long, hide = true)]
    child: bool,
}

/// The cost of a half hour of event time.
#[derive(Serialize)]
struct Line {
    hour: f64,
    trades: u64,
    /// Trades a second of wall time.
    per_s: f64,
    /// Processor time of the process, microseconds a trade.
    cpu_us_per_trade: f64,
    resident_mib: u64,
    /// Bytes that the process had written to disk since its start.
    written_mib: u64,
    /// Size of the database with its write-ahead log.
    store_mib: u64,
    lag_p99_ms: u64,
    lag_max_ms: u64,
    /// Processor time by thread, microseconds a trade.
    threads: BTreeMap<String, f64>,
}

/// Runs the day in a child, kills it, and goes on from what it left.
pub(crate) fn run(day: &Day, quick: bool, json: bool) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("millrace-day-{}", std::process::id()));
    let db = day.db.clone().unwrap_or_else(|| folder.join("day.db"));
    if day.child {
        return work(day, &db, json);
    }
    std::fs::create_dir_all(&folder).context("cannot make a folder for the day")?;
    ensure!(!db.exists(), "{} exists: the day begins with a new database", db.display());
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("day").arg("--child").arg("--db").arg(&db);
    command.args(["--hours", &(if quick { day.hours.min(1.0) } else { day.hours }).to_string()]);
    command.args(["--rate", &day.rate.to_string(), "--workers", &day.workers.to_string()]);
    if !day.sinks.is_empty() {
        command.args(["--sinks", &day.sinks.join(",")]);
    }
    if json {
        command.arg("--json");
    }
    let mut child = command.stdin(Stdio::null()).spawn().context("cannot start the day")?;
    let over = marker(&db);
    while !over.exists() {
        if let Some(status) = child.try_wait()? {
            anyhow::bail!("the day ended by itself: {status}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().context("cannot kill the day")?;
    child.wait()?;
    let ready = Ready { ready_after_kill_s: go_on(day, &db)?.as_secs_f64() };
    report::table(&[ready], json, ["seconds"], |ready| {
        ("after the kill: whole again and ended".to_owned(), [format!("{:.1}", ready.ready_after_kill_s)])
    })?;
    std::fs::remove_file(over).context("cannot remove the sign that the day is over")?;
    std::fs::remove_dir_all(&folder).context("cannot remove the day")
}

#[derive(Serialize)]
struct Ready {
    ready_after_kill_s: f64,
}

/// Says that the day is over: a file beside the database.
fn marker(db: &Path) -> PathBuf {
    db.with_extension("over")
}

/// Runs the day and prints as it goes. Goes on until it is killed.
fn work(day: &Day, db: &Path, json: bool) -> anyhow::Result<()> {
    let watch = Arc::new(Watch::default());
    let source = Box::new(DayMarket::new(day.rate));
    let job = job(day, db, source, Arc::clone(&watch))?;
    let running = std::thread::Builder::new().name("ingress".to_owned()).spawn(move || engine::run(job))?;
    let heads = [
        "trades",
        "trades/s",
        "CPU µs/trade",
        "resident MiB",
        "written MiB",
        "store MiB",
        "lag p99 ms",
        "max ms",
    ];
    let mut table = Table::begin(json, heads)?;
    let mut meter = Meter::new(db)?;
    let mut next = START + HALF_HOUR_S;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a day")]
    let end = START + (day.hours * 3600.0) as u64;
    while !running.is_finished() {
        std::thread::sleep(Duration::from_millis(2));
        meter.note(&watch);
        let closed = watch.closed_second().unwrap_or(0);
        if closed >= next || closed >= end {
            let line = meter.line(closed, watch.trades())?;
            table.line(&line, || line.cells())?;
            next += HALF_HOUR_S;
            if closed >= end {
                // The run goes on behind this until the process is killed.
                if !json {
                    report::table(&meter.threads(), json, ["CPU µs/trade"], |(name, us)| {
                        (name.clone(), [format!("{us:.1}")])
                    })?;
                }
                std::fs::write(marker(db), "")?;
                break;
            }
        }
    }
    running.join().map_err(|_| anyhow::anyhow!("the run panicked"))?.map(drop)
}

/// Opens what the killed run left and ends at once; how long that took.
fn go_on(day: &Day, db: &Path) -> anyhow::Result<Duration> {
    let started = Instant::now();
    engine::run(job(day, db, Box::new(Ended), Arc::new(Watch::default()))?)?;
    Ok(started.elapsed())
}

fn job(day: &Day, db: &Path, source: Box<dyn Source>, watch: Arc<Watch>) -> anyhow::Result<Job> {
    let store = EmbeddedStore::open(&sqlite::Config { path: db.to_owned(), ..sqlite::Config::default() })?;
    let sinks = servers(&day.sinks, db)?.iter().map(sinks::SinkConfig::open).collect::<Result<_, _>>()?;
    Ok(Job {
        source,
        oracle: None,
        controls: Vec::new(),
        sinks,
        store: Some(Store::new(store)),
        params: dataflows::Params::default(),
        run: RunParams { workers: day.workers, speed: Speed::Max, ..RunParams::default() },
        stop: Arc::new(AtomicBool::new(false)),
        watch,
        tap: None,
    })
}

/// Measures from one line to the next.
struct Meter {
    db: PathBuf,
    since: Instant,
    trades: u64,
    usage: Usage,
    first: Usage,
    lags_ms: Histogram<u64>,
}

impl Meter {
    fn new(db: &Path) -> anyhow::Result<Self> {
        let usage = Usage::now()?;
        let lags_ms = Histogram::new_with_bounds(1, 3_600_000, 3)?;
        Ok(Self { db: db.to_owned(), since: Instant::now(), trades: 0, first: usage.clone(), usage, lags_ms })
    }

    fn note(&mut self, watch: &Watch) {
        if let Some(lag_ms) = watch.lag_ms() {
            self.lags_ms.saturating_record(lag_ms);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn line(&mut self, closed: u64, trades: u64) -> anyhow::Result<Line> {
        let usage = Usage::now()?;
        let new = (trades - self.trades).max(1) as f64;
        let threads = usage.cpu_us_since(&self.usage);
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let wal = self.db.with_extension("db-wal");
        let line = Line {
            hour: (closed - START) as f64 / 3600.0,
            trades,
            per_s: new / self.since.elapsed().as_secs_f64(),
            cpu_us_per_trade: threads.values().sum::<f64>() / new,
            resident_mib: crate::market::resident_bytes() >> 20,
            written_mib: usage.written_bytes >> 20,
            store_mib: (size(&self.db) + size(&wal)) >> 20,
            lag_p99_ms: self.lags_ms.value_at_quantile(0.99),
            lag_max_ms: self.lags_ms.max(),
            threads: threads.into_iter().map(|(name, us)| (name, us / new)).collect(),
        };
        (self.since, self.trades, self.usage) = (Instant::now(), trades, usage);
        self.lags_ms.reset();
        Ok(line)
    }

    /// Processor time by thread since the start, microseconds a trade; the greatest first.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn threads(&self) -> Vec<(String, f64)> {
        let all = self.trades.max(1) as f64;
        let mut threads: Vec<_> =
            self.usage.cpu_us_since(&self.first).into_iter().map(|(name, us)| (name, us / all)).collect();
        threads.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        threads
    }
}

impl Line {
    fn cells(&self) -> (String, [String; 8]) {
        let cells = [
            self.trades.to_string(),
            format!("{:.0}", self.per_s),
            format!("{:.1}", self.cpu_us_per_trade),
            self.resident_mib.to_string(),
            self.written_mib.to_string(),
            self.store_mib.to_string(),
            self.lag_p99_ms.to_string(),
            self.lag_max_ms.to_string(),
        ];
        (format!("hour {:.1}", self.hour), cells)
    }
}
