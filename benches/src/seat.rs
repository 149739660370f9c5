//! One worker of a measurement: what it is given, and how it takes that in.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use dataflows::{ALL, Clock, Feeds, Inputs, Leaving, Outputs, Params};
use hdrhistogram::Histogram;
use model::time::start_of;
use model::{ChainEvent, Event, Seconds, Time};
use operators::keyed::States;
use operators::{candles, prices, series, slots, usd, windows};
use timely::dataflow::ProbeHandle;
use timely::worker::Worker;

use crate::made_up::{MadeUp, START};
use crate::shares::Listener;

/// Which outputs are maintained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Candles,
    Windows,
    Market,
}

impl Part {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Candles => "candles",
            Self::Windows => "windows",
            Self::Market => "market",
        }
    }
}

/// Events with the microsecond at which each is offered; trades with their number.
pub(crate) struct Load {
    pub(crate) launches: Vec<(Seconds, Vec<Event>)>,
    pub(crate) events: Vec<(u64, Event)>,
    /// So many events come first and are not measured: until slots are finalized, so that what is given
    /// up has begun to make room for what comes.
    pub(crate) lead: usize,
    /// Trades that are measured.
    pub(crate) trades: u64,
}

impl Load {
    pub(crate) fn new(per_second: u64, lead_s: u64, seconds: u64) -> Self {
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
pub(crate) const BATCH_EVENTS: usize = 20_000;

/// For so long before it is measured a load comes at the pace at which it will be, so that what came before as fast as
/// it could has no part in it.
const IN_STRIDE_US: u64 = 2_000_000;

/// When the next batch is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Closed,
    Open,
}

/// Agreement of the workers: how far the next batch goes, and its time.
#[derive(Default)]
pub(crate) struct Turn {
    upto: AtomicU64,
    time: AtomicU64,
}

/// State that the workers share: the next batch, where they meet, and how long it took, in microseconds.
pub(crate) type Shared = (Turn, Barrier, Mutex<Histogram<u64>>);

/// A worker, its share of the events, and the graph.
pub(crate) struct Seat<'w> {
    worker: &'w mut Worker,
    load: Arc<Load>,
    shared: Arc<Shared>,
    feeds: Feeds,
    probe: ProbeHandle<Time>,
    pub(crate) states: States,
    left: Rc<Cell<u64>>,
    pub(crate) listener: Listener,
    clock: Clock,
    pace: Pace,
}

impl<'w> Seat<'w> {
    /// A worker that is to take in `load`. Its operators are timed only in the closed loop, where they are scheduled
    /// seldom: to read a clock twice for each of a batch of a few trades would show.
    pub(crate) fn new(
        worker: &'w mut Worker,
        (part, pace): (Part, Pace),
        load: Arc<Load>,
        shared: Arc<Shared>,
    ) -> Self {
        let (probe, states, left) = (ProbeHandle::new(), States::fresh(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&left);
        let send = move |leaving: Leaving| count.set(count.get() + leaving.len() as u64);
        let mut outputs = Outputs::new(probe.clone(), send);
        let listener = if pace == Pace::Closed { Listener::of(worker) } else { Listener::default() };
        let feeds = worker.dataflow::<Time, _, _>(|scope| {
            let (feeds, inputs) = Feeds::new(scope);
            build(part, &inputs, &states, &mut outputs);
            feeds
        });
        Self {
            worker,
            load,
            shared,
            feeds,
            probe,
            states,
            left,
            listener,
            clock: Clock::resume(START, start_of(START)),
            pace,
        }
    }

    /// Lets every token trade once, and that be over.
    pub(crate) fn warm_up(&mut self) {
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
    pub(crate) fn measure(&mut self) -> Duration {
        let pace = self.pace;
        let load = Arc::clone(&self.load);
        let (lead, measured) = load.events.split_at(load.lead);
        let begins = measured.first().map_or(0, |(at, _)| *at);
        let at_pace = lead.partition_point(|(at, _)| at + IN_STRIDE_US < begins);
        let (lead, last) = lead.split_at(if pace == Pace::Open { at_pace } else { lead.len() });
        self.take_in(lead, Pace::Closed);
        self.take_in(last, pace);
        if let Ok(mut histogram) = self.shared.2.lock() {
            histogram.reset();
        }
        self.listener.begin();
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
                let upto = next_batch(events, from, started, pace, &mut self.clock);
                turn.upto.store(upto as u64, Ordering::Release);
                turn.time.store(self.clock.last(), Ordering::Release);
            }
            barrier.wait();
            let upto = usize::try_from(turn.upto.load(Ordering::Acquire)).unwrap_or(usize::MAX);
            let time = turn.time.load(Ordering::Acquire);
            let batch = events.get(from..upto).unwrap_or_default();
            self.give(&batch.iter().map(|(_, event)| event).collect::<Vec<_>>(), time);
            self.close(time + 1);
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
}

const fn is_trade(event: &Event) -> bool {
    matches!(event, Event::Chain(ChainEvent::Trade(_)))
}

/// Where the next batch ends, whose time `clock` then has: it does not reach over a change of the second. In the open
/// loop it is what has come by now; while nothing has, time goes on, as it does in a run.
fn next_batch(
    events: &[(u64, Event)],
    from: usize,
    started: Instant,
    pace: Pace,
    clock: &mut Clock,
) -> usize {
    let first = events.get(from).map_or(0, |(at, _)| *at);
    let second_end = (first / 1_000_000 + 1) * 1_000_000;
    let rest = events.get(from..).unwrap_or_default();
    let count = match pace {
        Pace::Closed => {
            let batch = rest.get(..BATCH_EVENTS.min(rest.len())).unwrap_or_default();
            batch.partition_point(|(at, _)| *at < second_end)
        }
        Pace::Open => {
            let passed = || u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            let start = events.first().map_or(0, |(at, _)| *at);
            while passed() < first - start {
                if clock.idle() {
                    return from;
                }
                std::thread::yield_now();
            }
            let now = passed();
            rest.partition_point(|(at, _)| *at < second_end && *at - start <= now)
        }
    };
    *clock = Clock::resume(START + first / 1_000_000, clock.last());
    clock.mint();
    from + count
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
    let candles::Params { primary, remember_s, .. } = &params.candles;
    let of_series = series::Params { primary: primary.clone(), remember_s: *remember_s };
    let trades = series::series(valued, events.clone(), of_series, horizon, states).trades;
    if part == Part::Candles {
        out.emit(candles::candles(trades, &params.candles, horizon, states));
    } else {
        let marks = (events.clone().flat_map(|_| None), 0);
        out.emit(windows::windows(trades, events, marks, &params.windows, horizon, states));
    }
}
