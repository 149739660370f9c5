//! Trades to sliding windows.
//!
//! The input is made up: trades over tokens with Zipf's law, nothing late. `dense` is a market in which
//! tens of batches share a second, so that it shows what a trade costs; in `sparse` every batch is a
//! second of its own and all windows are short, so that as much leaves as comes: it shows what an expiry
//! costs, as in a replay of days. Only the second half is timed: the first meets tokens that are new.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use differential_dataflow::input::InputSession;
use model::{Address, Diff, EventId, Price, Record as _, Seconds, Side, Time, TxPlace};
use operators::keyed::{Intake, States, Store, keyed};
use operators::windows::{Input, Params, Tick, Token, TokenStats, Trade};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::probe::Probe as _;

use crate::bare_windows;
use crate::made_up::{Random, START, WALLETS, Zipf, address};
use crate::report::Line;

/// Trades of one closed time.
const BATCH: usize = 10_000;
const TOKENS: u64 = 50_000;

/// A market.
struct Shape {
    name: &'static str,
    /// Batches that share a second.
    batches_per_s: usize,
    widths: Vec<u64>,
}

fn shapes() -> [Shape; 2] {
    let widths = vec![60, 300, 900, 3600, 14_400, 21_600, 43_200, 86_400];
    let short = vec![2, 4, 6, 8, 10, 12, 14, 16];
    [
        Shape { name: "dense", batches_per_s: 30, widths },
        Shape { name: "sparse", batches_per_s: 1, widths: short },
    ]
}

/// Measures the bare loop, the states without timely, and the operator on one worker, in each market.
pub(crate) fn run(quick: bool) -> anyhow::Result<Vec<Line>> {
    let count = if quick { 500_000 } else { 2_000_000 };
    let mut lines = Vec::new();
    for shape in shapes() {
        lines.extend(measure(&shape, count)?);
    }
    Ok(lines)
}

fn measure(shape: &Shape, count: usize) -> anyhow::Result<Vec<Line>> {
    let widths =
        shape.widths.iter().map(|width| format!("{width}s").try_into().map_err(|e| anyhow!("{e:?}")));
    let params = Params { widths: widths.collect::<anyhow::Result<_>>()?, ..Params::default() };
    let kept_s = dataflows::Params::default().horizon().kept_s();
    let batches = Arc::new(batches(shape, count));
    let warm = batches.len() / 2;
    let timed: usize = batches.iter().skip(warm).map(|(_, batch)| batch.len()).sum();
    let items = (timed as u64, "trades");

    let mut started = Instant::now();
    let mut bare = bare_windows::Windows::new(&shape.widths);
    let mut written = (0, 0);
    for (at, (time, batch)) in batches.iter().enumerate() {
        if at == warm {
            (started, written.0) = (Instant::now(), 0);
        }
        bare.batch(model::time::second_of(*time), batch, |trades| {
            written.0 += 1;
            written.1 = trades.wrapping_add(written.1);
        });
    }
    let line = |what: &str| format!("{}, {what}", shape.name);
    let what = line("bare loop, nothing can be taken back");
    let reference = Line::new(&what, items, started.elapsed(), written.0);
    std::hint::black_box(written.1);
    let expected = bare.standing();

    let (took, changes, sum) = states_alone(&batches, &params, kept_s, warm);
    let alone = Line::new(&line("states without timely"), items, took, changes).next_to(&reference);
    ensure!(sum == expected, "the states count {sum} trades in all windows, the bare loop {expected}");

    let (took, changes, sum) = dataflow(&batches, &params, kept_s, warm)?;
    let what = line(&format!("operator, 1 worker, {BATCH} a batch"));
    let operator = Line::new(&what, items, took, changes).next_to(&reference);
    ensure!(sum == expected, "the operator counts {sum} trades in all windows, the bare loop {expected}");
    Ok(vec![reference, alone, operator])
}

/// The trades in canonical order, by logical time.
fn batches(shape: &Shape, count: usize) -> Vec<(Time, Vec<Input>)> {
    let (mut random, zipf) = (Random(7), Zipf::new(TOKENS));
    let mut batches = Vec::new();
    for batch in 0..count.div_ceil(BATCH) {
        let second = START + (batch / shape.batches_per_s) as u64;
        let time = model::time::start_of(second) + (batch % shape.batches_per_s) as u64;
        let trades = (0..BATCH as u64).map(|tx| trade(&mut random, &zipf, second, batch as u64, tx));
        batches.push((time, trades.collect()));
    }
    batches
}

fn trade(random: &mut Random, zipf: &Zipf, time: Seconds, slot: u64, tx: u64) -> Input {
    let token = zipf.draw(random);
    #[expect(clippy::cast_precision_loss, reason = "made up")]
    let price = Price::new(1.0 + (random.next() % 1_000_000) as f64 / 1e6);
    let trader = address(b'W', random.next() % WALLETS);
    Input::Trade(Trade {
        mint: address(b'M', token),
        pool: address(b'P', token),
        is_curve: true,
        quote_mint: Address::WSOL,
        tick: Tick {
            time,
            id: EventId {
                slot,
                tx: TxPlace::Index(u32::try_from(tx).unwrap_or(u32::MAX)),
                outer_ix: 0,
                inner_ix: -1,
            },
            price,
            quote: random.next() % 1_000_000_000,
            usd: Some(random.next() % 1_000_000_000),
            side: if random.next().is_multiple_of(2) { Side::Buy } else { Side::Sell },
            trader: trader.0.first_chunk().copied(),
        },
    })
}

/// How long the batches from the one at `warm` on take, how many rows change in them, and the trades in all
/// windows at the end.
fn states_alone(
    batches: &[(Time, Vec<Input>)],
    params: &Params,
    kept_s: Seconds,
    warm: usize,
) -> (Duration, u64, u64) {
    let mut store = Store::<Token>::new((params.clone(), kept_s));
    let (mut started, mut tally) = (Instant::now(), (0, 0));
    for (at, (time, batch)) in batches.iter().enumerate() {
        if at == warm {
            (started, tally.0) = (Instant::now(), 0);
        }
        store.fire(*time);
        for input in batch {
            store.apply(*time, input.clone(), 1);
        }
        store.close(|stats, diff| count(&mut tally, &stats, diff));
    }
    (started.elapsed(), tally.0, tally.1)
}

/// Changes of rows, and the trades in all windows that stand.
fn count(tally: &mut (u64, u64), stats: &TokenStats, diff: Diff) {
    let trades = u64::from(stats.sums.trades());
    tally.0 += 1;
    tally.1 = if diff > 0 { tally.1.wrapping_add(trades) } else { tally.1.wrapping_sub(trades) };
}

/// The same through the dataflow.
fn dataflow(
    batches: &Arc<Vec<(Time, Vec<Input>)>>,
    params: &Params,
    kept_s: Seconds,
    warm: usize,
) -> anyhow::Result<(Duration, u64, u64)> {
    let (batches, params) = (Arc::clone(batches), params.clone());
    let guards = timely::execute(timely::Config::thread(), move |worker| {
        let mut session = InputSession::<Time, Input, Diff>::new();
        let (probe, counted) = (ProbeHandle::new(), Rc::new(Cell::new((0, 0))));
        let tally = Rc::clone(&counted);
        worker.dataflow::<Time, _, _>(|scope| {
            let input = session.to_collection(scope);
            keyed::<Token>(
                Intake::of(input, Some),
                TokenStats::SCHEMA.name,
                (params.clone(), kept_s),
                &States::fresh(),
            )
            .inspect(move |(stats, _, diff)| {
                let mut present = tally.get();
                count(&mut present, stats, *diff);
                tally.set(present);
            })
            .inner
            .probe_with(&probe);
        });
        let mut started = Instant::now();
        for (at, (time, batch)) in batches.iter().enumerate() {
            if at == warm {
                started = Instant::now();
                counted.set((0, counted.get().1));
            }
            session.advance_to(*time);
            batch.iter().for_each(|input| session.update(input.clone(), 1));
            session.advance_to(*time + 1);
            session.flush();
            worker.step_or_park_while(None, || probe.less_than(&(*time + 1)));
        }
        let (changes, trades) = counted.get();
        (started.elapsed(), changes, trades)
    });
    let outcome = guards.map_err(|e| anyhow!(e))?.join().into_iter().next();
    outcome.ok_or_else(|| anyhow!("no worker ran"))?.map_err(|e| anyhow!(e))
}
