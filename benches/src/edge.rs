//! From typed changes to rows that are encoded: what a trade costs after it has been computed.
//!
//! The typed changes of a market are recorded once, as the workers hand them out, and then played: conflated
//! and taken in flushes of 200 ms of event time, encoded as JSON into nowhere, and written into an embedded
//! store. Beside them stands a loop that was written by hand for one record: bars of a minute in a hash
//! map, spelled as JSON where they changed.
//!
//! Encoders of ClickHouse, Kafka's Avro and QuestDB are not measured by themselves: `sinks` does so with
//! their servers.

use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use dataflows::{Clock, Conflation, Graph, Leaving, Params, schemas};
use model::time::start_of;
use model::{Address, ChainEvent, Change, Event, Time};
use operators::keyed::States;
use rustc_hash::FxHashMap;
use sinks::encode::JsonEncoder;
use sinks::sqlite::{Config, EmbeddedStore};
use sinks::{Flush, Sink as _, Table};

use crate::made_up::START;
use crate::report::Line;
use crate::seat::Load;

/// Event time between two flushes, microseconds.
const FLUSH_US: u64 = 200_000;
/// Trades a second of event time.
const RATE: u64 = 500;

/// Changes emitted up to a frontier, still typed.
struct Recorded {
    frontier: Time,
    leavings: Vec<Leaving>,
}

/// Measures.
pub(crate) fn run(quick: bool) -> anyhow::Result<Vec<Line>> {
    let (lead_s, seconds) = if quick { (5, 10) } else { (75, 120) };
    let load = Load::new(RATE, lead_s, seconds);
    let trades = (load.trades, "trades");
    let bare = bare(&load)?;
    let recorded = record(load)?;
    let changes: usize = recorded.iter().flat_map(|flush| &flush.leavings).map(Leaving::len).sum();

    let started = Instant::now();
    let flushes: Vec<Flush> = play(recorded);
    let conflated = started.elapsed();
    let rows: u64 = flushes.iter().map(|flush| flush.len() as u64).sum();
    let json = json(&flushes)?;
    let stored = store(&flushes)?;
    let line = |what: &str, took, out| Line::new(what, trades, took, out);
    let of_rows = |what: &str, took| Line::new(what, (rows, "rows"), took, rows);
    Ok(vec![
        Line::new("by hand: 1m bars to JSON", trades, bare.0, bare.1),
        line("typed changes to rows of flushes", conflated, rows),
        Line::new("the same, by typed change", (changes as u64, "changes"), conflated, rows),
        of_rows("the same, by row", conflated),
        of_rows("rows to JSON, into nowhere", json),
        of_rows("rows into the embedded store", stored),
        line("all three, by trade", conflated + json + stored, rows),
    ])
}

/// Runs the market over the load and keeps what leaves once the lead is over.
fn record(load: Load) -> anyhow::Result<Vec<Recorded>> {
    let worker = move |worker: &mut timely::worker::Worker| -> anyhow::Result<Vec<Recorded>> {
        let (mut recorded, sent) = (Vec::new(), Rc::new(RefCell::new(Vec::new())));
        let send_to = Rc::clone(&sent);
        let mut graph = Graph::build(worker, &Params::default(), States::fresh(), move |leaving| {
            send_to.borrow_mut().push(leaving);
        })?;
        let mut clock = Clock::resume(START, start_of(START));
        let begins = load.events.get(load.lead).map_or(0, |(at, _)| *at);
        let mut take_in = |events: Vec<Event>, is_kept: bool| {
            let mut frontier = 0;
            for (time, events) in clock.cut(events) {
                events.into_iter().for_each(|event| graph.give(event, time));
                frontier = time + 1;
                graph.advance(frontier);
                worker.step_or_park_while(None, || !graph.is_closed(frontier));
            }
            let leavings: Vec<Leaving> = sent.take();
            if is_kept {
                recorded.push(Recorded { frontier, leavings });
            }
        };
        for (_, events) in &load.launches {
            take_in(events.clone(), false);
        }
        for window in load.events.chunk_by(|(a, _), (b, _)| a / FLUSH_US == b / FLUSH_US) {
            let is_kept = window.first().is_some_and(|(at, _)| *at >= begins);
            take_in(window.iter().map(|(_, event)| event.clone()).collect(), is_kept);
        }
        Ok(recorded)
    };
    timely::execute_directly(worker)
}

fn play(recorded: Vec<Recorded>) -> Vec<Flush> {
    let mut conflation = Conflation::default();
    let mut flushes = Vec::with_capacity(recorded.len());
    for Recorded { frontier, leavings } in recorded {
        leavings.into_iter().for_each(|leaving| conflation.add(leaving));
        let taken = conflation.take(frontier).into_iter();
        let tables = taken.map(|taken| Table { schema: taken.schema, changes: taken.changes }).collect();
        flushes.push(Flush { frontier, tables });
    }
    flushes
}

fn json(flushes: &[Flush]) -> anyhow::Result<Duration> {
    let encoders: FxHashMap<&str, JsonEncoder> =
        schemas().into_iter().map(|schema| (schema.name, JsonEncoder::new(schema))).collect();
    let (started, mut out) = (Instant::now(), Vec::new());
    for table in flushes.iter().flat_map(|flush| &flush.tables) {
        let encoder = encoders.get(table.schema.name).context("a record that no dataflow names")?;
        for (as_of, change) in &table.changes {
            if let Change::Upsert(row) = change {
                out.clear();
                encoder.row(row, *as_of, &mut out)?;
                std::hint::black_box(&out);
            }
        }
    }
    Ok(started.elapsed())
}

fn store(flushes: &[Flush]) -> anyhow::Result<Duration> {
    let folder = std::env::temp_dir().join(format!("millrace-edge-{}", std::process::id()));
    std::fs::create_dir_all(&folder).context("cannot make a folder for the store")?;
    let mut store = EmbeddedStore::open(&Config { path: folder.join("edge.db"), ..Config::default() })?;
    store.prepare(&schemas())?;
    let started = Instant::now();
    flushes.iter().try_for_each(|flush| store.write(flush))?;
    let took = started.elapsed();
    drop(store);
    std::fs::remove_dir_all(&folder).context("cannot remove what was measured")?;
    Ok(took)
}

/// A bar by hand.
struct Bar {
    prices: [f64; 4],
    base: u64,
    quote: u64,
    trades: u32,
    is_changed: bool,
}

/// Bars of a minute, conflated and spelled by hand; the time, and the rows.
#[expect(clippy::cast_precision_loss, reason = "a price")]
fn bare(load: &Load) -> anyhow::Result<(Duration, u64)> {
    let mut bars: FxHashMap<(Address, u64), Bar> = FxHashMap::default();
    let (mut changed, mut out, mut rows) = (Vec::new(), Vec::new(), 0);
    let measured = load.events.get(load.lead..).ok_or_else(|| anyhow!("nothing to measure"))?;
    let started = Instant::now();
    for window in measured.chunk_by(|(a, _), (b, _)| a / FLUSH_US == b / FLUSH_US) {
        for (_, event) in window {
            let Event::Chain(ChainEvent::Trade(trade)) = event else { continue };
            let key = (trade.mint, trade.origin.block_time / 60);
            let price = trade.quote_amount as f64 / trade.base_amount.max(1) as f64;
            let empty = || Bar { prices: [price; 4], base: 0, quote: 0, trades: 0, is_changed: false };
            let bar = bars.entry(key).or_insert_with(empty);
            let [_, high, low, close] = &mut bar.prices;
            (*high, *low, *close) = (high.max(price), low.min(price), price);
            bar.base += trade.base_amount;
            bar.quote += trade.quote_amount;
            bar.trades += 1;
            if !std::mem::replace(&mut bar.is_changed, true) {
                changed.push(key);
            }
        }
        for key in changed.drain(..) {
            let Some(bar) = bars.get_mut(&key) else { continue };
            bar.is_changed = false;
            let [open, high, low, close] = bar.prices;
            out.clear();
            write!(
                out,
                "{{\"mint\":\"{}\",\"open_time\":{},\"open\":{open},\"high\":{high},\"low\":{low},\
                 \"close\":{close},\"base\":\"{}\",\"quote\":\"{}\",\"trades\":{}}}",
                key.0,
                key.1 * 60_000,
                bar.base,
                bar.quote,
                bar.trades
            )?;
            std::hint::black_box(&out);
            rows += 1;
        }
    }
    Ok((started.elapsed(), rows))
}
