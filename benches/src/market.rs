//! The market dataflow as a whole: how many trades a second it takes, and how long each takes.
//!
//! Closed loop: the next batch is given when the last is closed, so that what is measured is how much can
//! be done. Open loop: trades are offered by the clock whether or not the last are done, in batches of
//! whatever has come, and the time from a trade's offer until its outputs are closed is measured; one that
//! is kept waiting counts with all its waiting. The outputs are typed changes, as workers hand them out;
//! rows are made by whoever writes them.

use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use clap::Args;
use hdrhistogram::Histogram;
use model::time::start_of;
use model::{Event, Seconds, Time};
use operators::windows;
use serde::Serialize;

use crate::bare_market::BareMarket;
use crate::made_up::{START, TOKENS};
use crate::report;
use crate::seat::{BATCH_EVENTS, Load, Pace, Part, Seat, Turn};
use crate::shares::Share;

/// One measurement.
#[derive(Default, Serialize)]
struct Line {
    what: String,
    trades: u64,
    /// Trades a second of wall time.
    per_s: f64,
    /// Wall time as a multiple of the bare loop's.
    times_bare: Option<f64>,
    /// From offer to closed, microseconds.
    p50_us: Option<u64>,
    p99_us: Option<u64>,
    p999_us: Option<u64>,
    max_us: Option<u64>,
    /// Snapshot of all operators, bytes a live token.
    bytes_per_token: Option<u64>,
    /// Snapshot of the windows, bytes an open window.
    bytes_per_window: Option<u64>,
    /// Share of each operator of the first worker, in the closed loop.
    operators: Vec<Share>,
}

/// Trades a second of event time in the closed loop: what the chain has at its busiest, several times over.
/// How much is kept depends on it, since it is kept by time.
const DENSITY: u64 = 10_000;

/// How much is measured, in seconds of event time.
struct Sizes {
    /// Before the closed loop is measured: slots are finalized and oracle prices are past correction.
    lead_closed: u64,
    closed: u64,
    /// The same before the open loop, where a second holds more: until slots are finalized.
    lead_open: u64,
    open: u64,
    /// Trades a second that are offered in the open loop.
    rates: &'static [u64],
}

const FULL: Sizes = Sizes {
    lead_closed: 75,
    closed: 60,
    lead_open: 14,
    open: 10,
    rates: &[5_000, 10_000, 50_000, 100_000, 200_000],
};
/// Without waiting for anything to be finalized.
const QUICK: Sizes = Sizes { lead_closed: 7, closed: 5, lead_open: 3, open: 2, rates: &[10_000] };

/// A rate that is so many times what the closed loop took is not offered.
const BEYOND: f64 = 1.5;

/// Which measurements to make; all where nothing is said.
#[derive(Args)]
pub(crate) struct Which {
    /// Only this part.
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// Only with so many workers.
    #[arg(long)]
    workers: Option<usize>,
    /// Only the open loop with so many trades a second; 0 is the closed loop.
    #[arg(long)]
    rate: Option<u64>,
    /// Also prints what each operator takes of the time in the closed loop, and what its states take.
    #[arg(long)]
    operators: bool,
}

/// Measures and prints.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn run(which: &Which, quick: bool, json: bool) -> anyhow::Result<()> {
    let sizes = if quick { QUICK } else { FULL };
    let mut setups = vec![(Part::Candles, 1), (Part::Windows, 1), (Part::Market, 1), (Part::Market, 2)];
    if quick {
        setups.truncate(3);
    }
    setups.retain(|(part, workers)| {
        which.part.is_none_or(|only| only == *part) && which.workers.is_none_or(|only| only == *workers)
    });
    let is_wanted = |rate| which.rate.is_none_or(|only| only == rate);
    let mut lines = Vec::new();
    let mut sustained = Vec::new();
    if is_wanted(0) {
        let load = Arc::new(Load::new(DENSITY, sizes.lead_closed, sizes.closed));
        let bare = bare(&load);
        for (part, workers) in &setups {
            let mut line = measure(*part, *workers, &load, Pace::Closed)?;
            if *part == Part::Market {
                line.times_bare = Some(bare.per_s / line.per_s);
            }
            sustained.push(((*part, *workers), line.per_s));
            lines.push(line);
        }
        lines.insert(0, bare);
    }
    for rate in sizes.rates.iter().filter(|rate| is_wanted(**rate)) {
        let load = Arc::new(Load::new(*rate, sizes.lead_open, sizes.open));
        for setup @ (part, workers) in &setups {
            let closed = sustained.iter().find(|(of, _)| of == setup);
            if closed.is_some_and(|(_, per_s)| *rate as f64 > BEYOND * per_s) {
                // A rate that is not kept up with waits for ever longer, which tells only how long one measured.
                let what = open_loop(*rate, *part, *workers) + ": too much";
                lines.push(Line { what, ..Line::default() });
                continue;
            }
            lines.push(measure(*part, *workers, &load, Pace::Open)?);
        }
    }
    print(&lines, which, json)
}

fn print(lines: &[Line], which: &Which, json: bool) -> anyhow::Result<()> {
    let heads = ["trades/s", "× bare", "p50 µs", "p99 µs", "p99.9 µs", "max µs", "B/token", "B/window"];
    report::table(lines, json, heads, |line| {
        let or_dash = |value: Option<u64>| value.map_or("–".to_owned(), |value| value.to_string());
        let times = line.times_bare.map_or("–".to_owned(), |times| format!("{times:.2}"));
        let cells = [
            format!("{:.0}", line.per_s),
            times,
            or_dash(line.p50_us),
            or_dash(line.p99_us),
            or_dash(line.p999_us),
            or_dash(line.max_us),
            or_dash(line.bytes_per_token),
            or_dash(line.bytes_per_window),
        ];
        (line.what.clone(), cells)
    })?;
    for line in lines.iter().filter(|line| which.operators && !json && !line.operators.is_empty()) {
        report::table(&line.operators, json, ["ms", "state bytes"], |share| {
            (share.operator.clone(), [share.took_ms.to_string(), share.state_bytes.to_string()])
        })?;
    }
    Ok(())
}

fn open_loop(rate: u64, part: Part, workers: usize) -> String {
    format!("open loop, {rate} a second, {}, {workers} worker(s)", part.name())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn bare(load: &Load) -> Line {
    let mut market = BareMarket::default();
    for (second, events) in &load.launches {
        for event in events {
            market.take_in(event);
        }
        market.close(*second);
    }
    let (lead, measured) = load.events.split_at(load.lead);
    let mut take_in = |events: &[(u64, Event)]| {
        for batch in events.chunks(BATCH_EVENTS) {
            let now = START + batch.last().map_or(0, |(at, _)| at / 1_000_000);
            for (_, event) in batch {
                market.take_in(event);
            }
            market.close(now);
        }
    };
    take_in(lead);
    let started = Instant::now();
    take_in(measured);
    let took = started.elapsed().as_secs_f64();
    std::hint::black_box(market.written());
    let what = "closed loop, bare single-threaded market".to_owned();
    Line { what, trades: load.trades, per_s: load.trades as f64 / took, ..Line::default() }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn measure(part: Part, workers: usize, load: &Arc<Load>, pace: Pace) -> anyhow::Result<Line> {
    if part == Part::Market {
        touch(load.events.len() as u64 * KEPT_AN_EVENT + TOKENS * KEPT_A_TOKEN);
    }
    let histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    let shared = Arc::new((Turn::default(), Barrier::new(workers), Mutex::new(histogram)));
    let (load_of, shared_of) = (Arc::clone(load), Arc::clone(&shared));
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let mut seat = Seat::new(worker, (part, pace), Arc::clone(&load_of), Arc::clone(&shared_of));
        seat.warm_up();
        let took = seat.measure();
        let states = seat.states.snapshot().unwrap_or_default();
        (took, seat.listener.shares(&states))
    });
    let mut took = Duration::ZERO;
    let (mut states, mut windows, mut operators) = (0, 0, Vec::new());
    for outcome in guards.map_err(|e| anyhow!(e))?.join() {
        let (wall, shares) = outcome.map_err(|e| anyhow!(e))?;
        took = took.max(wall);
        states += shares.iter().map(|share| share.state_bytes).sum::<u64>();
        windows +=
            shares.iter().filter(|share| share.operator == "windows").map(|s| s.state_bytes).sum::<u64>();
        if operators.is_empty() {
            operators = shares;
        }
    }
    let what = match pace {
        Pace::Closed => format!("closed loop, {}, {workers} worker(s)", part.name()),
        Pace::Open => {
            let first = load.events.get(load.lead).map_or(0, |(at, _)| *at);
            let rate = load.trades * 1_000_000 / load.events.last().map_or(1, |(at, _)| at + 1 - first);
            open_loop(rate, part, workers)
        }
    };
    let mut line =
        Line { what, trades: load.trades, per_s: load.trades as f64 / took.as_secs_f64(), ..Line::default() };
    if pace == Pace::Closed {
        line.operators = operators;
        line.bytes_per_token = Some(states / TOKENS);
        let widths = windows::Params::default().widths.len() as u64;
        line.bytes_per_window = (part != Part::Candles).then_some(windows / (TOKENS * widths));
    } else {
        let histogram = shared.2.lock().map_err(|_| anyhow!("a worker failed")).context("latencies")?;
        line.p50_us = Some(histogram.value_at_quantile(0.5));
        line.p99_us = Some(histogram.value_at_quantile(0.99));
        line.p999_us = Some(histogram.value_at_quantile(0.999));
        line.max_us = Some(histogram.max());
    }
    Ok(line)
}

/// About what the whole market keeps of an event, and of a token, bytes.
const KEPT_AN_EVENT: u64 = 2_000;
const KEPT_A_TOKEN: u64 = 64_000;

/// Has the kernel find so many bytes, and leaves them to the allocator: a run that has gone on for as long as it keeps
/// trades finds room where it gave some up, and waits for the kernel no more.
fn touch(bytes: u64) {
    let blocks: Vec<Vec<u8>> = (0..bytes >> 20).map(|_| vec![1; 1 << 20]).collect();
    drop(std::hint::black_box(blocks));
}

/// Resident memory of this process.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Seconds since the start as event time.
pub(crate) const fn at(seconds: Seconds) -> Time {
    start_of(START + seconds)
}
