//! Trades to candles.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{anyhow, ensure};
use differential_dataflow::input::InputSession;
use model::{Diff, Record as _, Time};
use operators::candles::{Bars, Candle, Input, Params, Token};
use operators::keyed::{Intake, States, Store, keyed};
use operators::prelude::Horizon;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::probe::Probe as _;

use crate::bare;
use crate::report::Line;
use crate::workload;

/// Trades of one closed time: what gathers in a few milliseconds under load.
const BATCH: usize = 10_000;

/// Measures the bare loop, the states without timely, and the operator on one and two workers.
pub(crate) fn run(quick: bool) -> anyhow::Result<Vec<Line>> {
    let params = dataflows::Params::default();
    let horizon = params.horizon();
    let inputs = workload::ticks(&workload::transactions(if quick { 100_000 } else { 1_000_000 })?, &params);
    let params = params.market.candles;
    let items = (inputs.len() as u64, "trades");

    let started = Instant::now();
    let mut candles = bare::Candles::default();
    for input in &inputs {
        candles.add(input, &params);
    }
    let bare = Line::new(
        "bare loop, nothing can be taken back",
        items,
        started.elapsed(),
        candles.bars.len() as u64,
    );
    let expected: u64 = candles.bars.values().map(|open| open.bar.trades()).sum();

    let started = Instant::now();
    let (changes, sum) = states_alone(&inputs, &params, horizon);
    let alone = Line::new("states without timely", items, started.elapsed(), changes).next_to(&bare);
    ensure!(sum == expected, "the states count {sum} trades in all candles, the bare loop {expected}");

    let mut lines = vec![alone];
    let inputs = Arc::new(inputs);
    for workers in [1, 2] {
        let started = Instant::now();
        let (changes, sum) = dataflow(&inputs, &params, horizon, workers)?;
        let what = format!("operator, {workers} worker(s), {BATCH} a batch");
        lines.push(Line::new(&what, items, started.elapsed(), changes).next_to(&bare));
        ensure!(sum == expected, "the operator counts {sum} trades in all candles, the bare loop {expected}");
    }
    lines.insert(0, bare);
    Ok(lines)
}

/// The logical times of a batch and the batch.
fn batches(inputs: &[Input]) -> impl Iterator<Item = (Time, &[Input])> {
    let mut time = 0;
    inputs.chunks(BATCH).map(move |batch| {
        let second = batch.iter().map(Input::time).max().unwrap_or(0);
        time = model::time::start_of(second).max(time + 1);
        (time, batch)
    })
}

fn states_alone(inputs: &[Input], params: &Params, horizon: Horizon) -> (u64, u64) {
    let mut store = Store::<Token>::new((params.clone(), horizon));
    let mut tally = (0, 0);
    for (time, batch) in batches(inputs) {
        store.fire(time);
        for input in batch {
            store.apply(time, *input, 1);
        }
        store.close(|bars, diff| count(&mut tally, &bars, diff));
    }
    (tally.0, tally.1)
}

/// Changes, and the trades in all candles that stand.
fn count(tally: &mut (u64, u64), bars: &Bars, diff: Diff) {
    for trades in bars.trades() {
        tally.0 += 1;
        tally.1 = if diff > 0 { tally.1.wrapping_add(trades) } else { tally.1.wrapping_sub(trades) };
    }
}

fn dataflow(
    inputs: &Arc<Vec<Input>>,
    params: &Params,
    horizon: Horizon,
    workers: usize,
) -> anyhow::Result<(u64, u64)> {
    let (changes, trades) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (all_changes, all_trades) = (Arc::clone(&changes), Arc::clone(&trades));
    let (inputs, params) = (Arc::clone(inputs), params.clone());
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let (index, peers) = (worker.index(), worker.peers());
        let mut session = InputSession::<Time, Input, Diff>::new();
        let (probe, counted) = (ProbeHandle::new(), std::rc::Rc::new(std::cell::Cell::new((0, 0))));
        let tally = std::rc::Rc::clone(&counted);
        worker.dataflow::<Time, _, _>(|scope| {
            let input = session.to_collection(scope);
            keyed::<Token>(
                Intake::of(input, Some),
                Candle::SCHEMA.name,
                (params.clone(), horizon),
                &States::fresh(),
            )
            .inspect(move |(bars, _, diff)| {
                let mut present = tally.get();
                count(&mut present, bars, *diff);
                tally.set(present);
            })
            .inner
            .probe_with(&probe);
        });
        for (time, batch) in batches(&inputs) {
            session.advance_to(time);
            for input in batch.iter().skip(index).step_by(peers) {
                session.update(*input, 1);
            }
            session.advance_to(time + 1);
            session.flush();
            worker.step_or_park_while(None, || probe.less_than(&(time + 1)));
        }
        let (changes, trades) = counted.get();
        all_changes.fetch_add(changes, Ordering::Relaxed);
        all_trades.fetch_add(trades, Ordering::Relaxed);
    });
    for outcome in guards.map_err(|e| anyhow!(e))?.join() {
        outcome.map_err(|e| anyhow!(e))?;
    }
    // Sums over workers may wrap on the way: one takes back what another gave.
    Ok((changes.load(Ordering::Relaxed), trades.load(Ordering::Relaxed)))
}
