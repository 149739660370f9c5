//! The market dataflow as a whole: how many trades a second it takes, and how long each takes.
//!
//! Closed loop: the next batch is given when the last is closed, so that what is measured is how much can
//! be done. Open loop: trades are offered by the clock whether or not the last are done, in batches of
//! whatever has come, and the time from a trade's offer until its outputs are closed is measured; one that
//! is kept waiting counts with all its waiting. What leaves is typed changes, as workers hand them out;
//! rows are made by whoever writes them.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use dataflows::{ALL, Feeds, Inputs, Leaving, Outputs, Params};
use hdrhistogram::Histogram;
use model::time::start_of;
use model::{ChainEvent, Event, Seconds, Time};
use operators::keyed::States;
use operators::{candles, prices, slots, usd, windows};
use serde::Serialize;
use timely::dataflow::ProbeHandle;
use timely::worker::Worker;

use crate::bare_market::BareMarket;
use crate::made_up::{MadeUp, START, TOKENS};
use crate::report;

/// Which outputs are maintained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Candles,
    Windows,
    Market,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Candles => "candles",
            Self::Windows => "windows",
            Self::Market => "market",
        }
    }
}

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
    /// Resident memory that the states take, in bytes a live token.
    bytes_per_token: Option<u64>,
    /// What the windows' snapshot takes, in bytes an open window.
    bytes_per_window: Option<u64>,
}

/// Events with the microsecond at which each is offered; trades with their number.
struct Load {
    launches: Vec<(Seconds, Vec<Event>)>,
    events: Vec<(u64, Event)>,
    /// So many events come first and are not measured: until slots are finalized, so that what is given
    /// up has begun to make room for what comes.
    lead: usize,
    /// Trades that are measured.
    trades: u64,
}

impl Load {
    fn new(per_second: u64, lead_s: u64, seconds: u64) -> Self {
        let mut market = MadeUp::new(per_second);
        let launches = market.launches();
        let (mut events, mut next, mut lead) = (Vec::new(), Vec::new(), 0);
        for trade in 0..per_second * (lead_s + seconds) {
            if trade == per_second * lead_s {
                lead = events.len();
            }
            let at = market.next(&mut next);
            events.extend(next.drain(..).map(|event| (at, event)));
        }
        Self { launches, events, lead, trades: per_second * seconds }
    }
}

/// Events a closed time in the closed loop, about what gathers at that pace.
const BATCH_EVENTS: usize = 20_000;
/// Trades a second of event time in the closed loop: what the chain has at its busiest, several times over.
/// How much is kept depends on it, since it is kept by time.
const DENSITY: u64 = 10_000;
/// Seconds of event time before the closed loop is measured: slots are finalized and oracle prices are past
/// correction.
const LEAD_CLOSED_S: u64 = 75;
/// The same before the open loop, where a second holds more: until slots are finalized.
const LEAD_OPEN_S: u64 = 14;

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
}

/// Measures and prints.
pub(crate) fn run(which: &Which, quick: bool, json: bool) -> anyhow::Result<()> {
    let mut setups = vec![(Part::Candles, 1), (Part::Windows, 1), (Part::Market, 1), (Part::Market, 2)];
    setups.retain(|(part, workers)| {
        which.part.is_none_or(|only| only == *part) && which.workers.is_none_or(|only| only == *workers)
    });
    let is_wanted = |rate| which.rate.is_none_or(|only| only == rate);
    let mut lines = Vec::new();
    if is_wanted(0) {
        let load = Arc::new(Load::new(DENSITY, LEAD_CLOSED_S, if quick { 30 } else { 120 }));
        let bare = bare(&load);
        for (part, workers) in &setups {
            let mut line = measure(*part, *workers, &load, Pace::Closed)?;
            if *part == Part::Market {
                line.times_bare = Some(bare.per_s / line.per_s);
            }
            lines.push(line);
        }
        lines.insert(0, bare);
    }
    let rates: &[u64] = if quick { &[10_000, 100_000] } else { &[10_000, 50_000, 100_000, 200_000] };
    for rate in rates.iter().filter(|rate| is_wanted(**rate)) {
        let load = Arc::new(Load::new(*rate, LEAD_OPEN_S, if quick { 3 } else { 10 }));
        for (part, workers) in &setups {
            lines.push(measure(*part, *workers, &load, Pace::Open)?);
        }
    }
    let heads = ["trades/s", "× bare", "p50 µs", "p99 µs", "p99.9 µs", "max µs", "B/token", "B/window"];
    report::table(&lines, json, heads, |line| {
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
    })
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Closed,
    Open,
}

/// What the workers agree on: how far the next batch goes, and its time.
#[derive(Default)]
struct Turn {
    upto: AtomicU64,
    time: AtomicU64,
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn measure(part: Part, workers: usize, load: &Arc<Load>, pace: Pace) -> anyhow::Result<Line> {
    let before = resident_bytes();
    let histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    let shared = Arc::new((Turn::default(), Barrier::new(workers), Mutex::new(histogram)));
    let (load_of, shared_of) = (Arc::clone(load), Arc::clone(&shared));
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let mut seat = Seat::new(worker, part, Arc::clone(&load_of), Arc::clone(&shared_of));
        seat.warm_up();
        let took = seat.measure(pace);
        let resident = resident_bytes();
        (took, resident, seat.window_bytes())
    });
    let mut took = Duration::ZERO;
    let (mut resident, mut windows) = (0, 0);
    for outcome in guards.map_err(|e| anyhow!(e))?.join() {
        let (wall, after, bytes) = outcome.map_err(|e| anyhow!(e))?;
        took = took.max(wall);
        resident = resident.max(after);
        windows += bytes;
    }
    let what = match pace {
        Pace::Closed => format!("closed loop, {}, {workers} worker(s)", part.name()),
        Pace::Open => {
            let first = load.events.get(load.lead).map_or(0, |(at, _)| *at);
            let rate = load.trades * 1_000_000 / load.events.last().map_or(1, |(at, _)| at + 1 - first);
            format!("open loop, {rate} a second, {}, {workers} worker(s)", part.name())
        }
    };
    let mut line =
        Line { what, trades: load.trades, per_s: load.trades as f64 / took.as_secs_f64(), ..Line::default() };
    if pace == Pace::Closed {
        line.bytes_per_token = Some(resident.saturating_sub(before) / TOKENS);
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

/// A worker, its share of the events, and the graph.
struct Seat<'w> {
    worker: &'w mut Worker,
    load: Arc<Load>,
    shared: Arc<(Turn, Barrier, Mutex<Histogram<u64>>)>,
    feeds: Feeds,
    probe: ProbeHandle<Time>,
    states: States,
    left: Rc<Cell<u64>>,
    time: Time,
}

impl<'w> Seat<'w> {
    fn new(
        worker: &'w mut Worker,
        part: Part,
        load: Arc<Load>,
        shared: Arc<(Turn, Barrier, Mutex<Histogram<u64>>)>,
    ) -> Self {
        let (probe, states, left) = (ProbeHandle::new(), States::fresh(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&left);
        let send = move |leaving: Leaving| count.set(count.get() + leaving.len() as u64);
        let mut outputs = Outputs::new(probe.clone(), send);
        let feeds = worker.dataflow::<Time, _, _>(|scope| {
            let (feeds, inputs) = Feeds::new(scope);
            build(part, &inputs, &states, &mut outputs);
            feeds
        });
        Self { worker, load, shared, feeds, probe, states, left, time: start_of(START) }
    }

    /// Lets every token trade once, and that be over.
    fn warm_up(&mut self) {
        let load = Arc::clone(&self.load);
        for (second, events) in &load.launches {
            self.give(&events.iter().collect::<Vec<_>>(), start_of(*second));
            self.close(start_of(*second) + 1);
        }
        self.close(start_of(START));
    }

    fn give(&mut self, events: &[&Event], time: Time) {
        let (index, peers) = (self.worker.index(), self.worker.peers());
        for event in events.iter().skip(index).step_by(peers) {
            self.feeds.give((*event).clone(), time);
        }
    }

    fn close(&mut self, upto: Time) {
        self.feeds.advance(upto);
        while self.probe.less_than(&upto) {
            self.worker.step();
        }
    }

    /// Takes in what leads up to it, and then what is measured.
    fn measure(&mut self, pace: Pace) -> Duration {
        let load = Arc::clone(&self.load);
        let (lead, measured) = load.events.split_at(load.lead);
        self.take_in(lead, Pace::Closed);
        self.take_in(measured, pace)
    }

    fn take_in(&mut self, events: &[(u64, Event)], pace: Pace) -> Duration {
        let shared = Arc::clone(&self.shared);
        let (turn, barrier, histogram) = &*shared;
        let offered = |at: u64| at - events.first().map_or(0, |(first, _)| *first);
        let mut from = 0;
        barrier.wait();
        let started = Instant::now();
        while from < events.len() {
            if self.worker.index() == 0 {
                let upto = next_batch(events, from, started, pace);
                let second = START + events.get(upto - 1).map_or(0, |(at, _)| at / 1_000_000);
                self.time = start_of(second).max(self.time + 1);
                turn.upto.store(upto as u64, Ordering::Release);
                turn.time.store(self.time, Ordering::Release);
            }
            barrier.wait();
            let upto = usize::try_from(turn.upto.load(Ordering::Acquire)).unwrap_or(usize::MAX);
            self.time = turn.time.load(Ordering::Acquire);
            let batch = events.get(from..upto).unwrap_or_default();
            self.give(&batch.iter().map(|(_, event)| event).collect::<Vec<_>>(), self.time);
            self.close(self.time + 1);
            if pace == Pace::Open && self.worker.index() == 0 {
                let closed = started.elapsed().as_micros();
                if let Ok(mut histogram) = histogram.lock() {
                    for (at, _) in batch.iter().filter(|(_, event)| is_trade(event)) {
                        let waited = closed.saturating_sub(offered(*at).into());
                        histogram.saturating_record(u64::try_from(waited).unwrap_or(u64::MAX));
                    }
                }
            }
            from = upto;
            barrier.wait();
        }
        std::hint::black_box(self.left.get());
        started.elapsed()
    }

    /// What the windows' snapshot takes.
    fn window_bytes(&self) -> u64 {
        let snapshot = self.states.snapshot().unwrap_or_default();
        snapshot.iter().filter(|(name, _)| name == "windows").map(|(_, bytes)| bytes.len() as u64).sum()
    }
}

const fn is_trade(event: &Event) -> bool {
    matches!(event, Event::Chain(ChainEvent::Trade(_)))
}

/// Where the next batch ends: it does not reach over a change of the second. In the open loop it is what
/// has come by now; waits until something has.
fn next_batch(events: &[(u64, Event)], from: usize, started: Instant, pace: Pace) -> usize {
    let first = events.get(from).map_or(0, |(at, _)| *at);
    let second_end = (first / 1_000_000 + 1) * 1_000_000;
    let rest = events.get(from..).unwrap_or_default();
    match pace {
        Pace::Closed => {
            let batch = rest.get(..BATCH_EVENTS.min(rest.len())).unwrap_or_default();
            from + batch.partition_point(|(at, _)| *at < second_end)
        }
        Pace::Open => {
            let passed = || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            let start = events.first().map_or(0, |(at, _)| *at);
            while passed() < first - start {
                std::thread::yield_now();
            }
            let now = passed();
            from + rest.partition_point(|(at, _)| *at < second_end && *at - start <= now)
        }
    }
}

/// Builds the operators that a part needs.
fn build<'s>(part: Part, inputs: &Inputs<'s>, states: &States, out: &mut Outputs) {
    let params = Params::default();
    if part == Part::Market {
        for dataflow in ALL {
            (dataflow.build)(inputs, &params, states, out);
        }
        return;
    }
    let (horizon, params) = (params.horizon(), params.market);
    let slots::Happened { trades, events, .. } =
        slots::slots(inputs.events.clone(), inputs.slots.clone(), horizon, states);
    let priced = prices::prices(trades, &params.prices, horizon, states);
    let (valued, _) = usd::usd(priced, inputs.quotes.clone(), &params.usd, horizon, states);
    if part == Part::Candles {
        out.emit(candles::candles(valued, events, &params.candles, horizon, states));
    } else {
        let marks = events.clone().flat_map(|_| None);
        out.emit(windows::windows(valued, events, marks, &params.windows, horizon, states));
    }
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
