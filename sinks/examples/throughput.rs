//! Rows and events a second of the sinks, on this machine's disk:
//! `cargo run --release -p sinks --example throughput [ROWS]`.
//!
//! The numbers say what the choices of the store cost (pages, chunks, batch sizes); they are no test.

#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::path::Path;
use std::time::Instant;

use model::{
    Address, Cadence, ChainEvent, Change, Column, Event, EventId, Fees, Kind, Origin, Program, Row, Schema,
    Side, Signature, Time, Trade, TraderKind, TxPlace, Value,
};
use sinks::sqlite::{Checkpoint, Config, EmbeddedStore};
use sinks::{Flush, Sink, SinkError, Table, jsonl};

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, doc: "As in the record of the same name." }
}

static TRADES: Schema = Schema {
    name: "trades",
    doc: "A wide row that is written once.",
    key: 1,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[
        column("event_id", Kind::Text),
        column("slot", Kind::Count),
        column("signature", Kind::Text),
        column("block_time", Kind::Time),
        column("program", Kind::Symbol),
        column("pool", Kind::Address),
        column("mint", Kind::Address),
        column("quote_mint", Kind::Address),
        column("trader", Kind::Address),
        column("side", Kind::Symbol),
        column("base_amount", Kind::Amount),
        column("quote_amount", Kind::Amount),
        column("price", Kind::Float),
        column("spot_price", Kind::Float),
        column("base_reserve", Kind::Amount),
        column("quote_reserve", Kind::Amount),
        column("fee_protocol", Kind::Amount),
        column("compute_units", Kind::Count),
        column("commitment", Kind::Symbol),
    ],
};

static CANDLES: Schema = Schema {
    name: "candles",
    doc: "A row that is written again and again.",
    key: 4,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[
        column("series", Kind::Symbol),
        column("id", Kind::Address),
        column("interval", Kind::Symbol),
        column("open_time", Kind::Time),
        column("open", Kind::Float),
        column("high", Kind::Float),
        column("low", Kind::Float),
        column("close", Kind::Float),
        column("volume_base", Kind::Sum),
        column("volume_quote", Kind::Sum),
        column("trades", Kind::Count),
        column("vwap", Kind::Float),
        column("is_closed", Kind::Bool),
    ],
};

/// A well-spread number from a counter (splitmix64).
fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn address(n: u64) -> Address {
    let mut bytes = [0; 32];
    for (chunk, i) in bytes.chunks_mut(8).zip(0..) {
        chunk.copy_from_slice(&mix(n * 4 + i).to_le_bytes());
    }
    Address(bytes)
}

fn signature(n: u64) -> Signature {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&address(n).0);
    bytes[32..].copy_from_slice(&address(!n >> 8).0);
    Signature(bytes)
}

fn event(n: u64) -> (Time, Event) {
    let trade = Trade {
        origin: Origin {
            id: EventId { slot: 300_000_000 + n / 400, tx: TxPlace::Index(7), outer_ix: 2, inner_ix: 1 },
            signature: signature(n),
            block_time: 1_700_000_000 + n / 1_000,
            received_at: None,
        },
        program: Program::Pump,
        pool: address(n % 5_000),
        mint: address(n % 5_000 + 5_000),
        quote_mint: Address::WSOL,
        quote_known: true,
        trader: Some(address(n % 70_000)),
        trader_kind: TraderKind::Signer,
        side: Side::Buy,
        base_amount: mix(n) >> 24,
        base_user: mix(n) >> 24,
        base_user_known: false,
        quote_amount: mix(n) >> 34,
        quote_user: Some(mix(n) >> 34),
        base_decimals: 6,
        quote_decimals: 9,
        spot_before: None,
        spot_after: None,
        base_reserve: Some(mix(n) >> 14),
        quote_reserve: Some(mix(n) >> 29),
        base_supply: None,
        curve: None,
        fees: Fees::default(),
        compute_units: Some(90_000),
        priority_fee: Some(5_000),
    };
    (1_700_000_000_000_000 + n, Event::Chain(ChainEvent::Trade(trade)))
}

fn trade_row(n: u64) -> Row {
    let float = |n: u64| Value::Float(f64::from(u32::try_from(n >> 32).unwrap_or(0)) * 1e-9);
    vec![
        Value::text(format!("{}-{}-2-1", 300_000_000 + n / 400, n % 400)),
        Value::Count(300_000_000 + n / 400),
        Value::text(signature(n).to_string()),
        Value::Count(1_700_000_000_000 + n),
        Value::from("pump"),
        Value::from(address(n % 5_000)),
        Value::from(address(n % 5_000 + 5_000)),
        Value::from(Address::WSOL),
        Value::from(address(n % 70_000)),
        Value::from("buy"),
        Value::Amount(mix(n) >> 24),
        Value::Amount(mix(n) >> 34),
        float(mix(n)),
        float(mix(n + 1)),
        Value::Amount(mix(n) >> 14),
        Value::Amount(mix(n) >> 29),
        Value::Amount(mix(n) >> 40),
        Value::Count(90_000),
        Value::from("confirmed"),
    ]
}

/// Most changes go to few candles, as most trades go to few tokens.
fn candle_row(n: u64) -> Row {
    let token = mix(n) % 50_000 * (mix(n + 1) % 1_000) / 1_000;
    let float = Value::Float(f64::from(u32::try_from(mix(n) >> 32).unwrap_or(0)) * 1e-9);
    vec![
        Value::from("pool"),
        Value::from(address(token)),
        Value::from("1m"),
        Value::Count(1_700_000_000_000 + n / 100_000 * 60_000),
        float.clone(),
        float.clone(),
        float.clone(),
        float.clone(),
        Value::Sum(i128::from(n) << 20),
        Value::Sum(i128::from(n) << 10),
        Value::Count(n),
        float,
        Value::Bool(false),
    ]
}

/// Writes rows in flushes of `size` and gives rows a second; making the rows is not counted.
fn rows(
    sink: &mut dyn Sink,
    schema: &'static Schema,
    count: u64,
    size: u64,
    row: fn(u64) -> Row,
) -> Result<f64, SinkError> {
    sink.prepare(&[schema])?;
    let mut seconds = 0.0;
    for first in (0..count).step_by(usize::try_from(size).unwrap_or(1)) {
        let time = 1 + first;
        let mut rows: Vec<Row> = (first..first + size).map(row).collect();
        rows.sort_unstable();
        // A key has one change a flush.
        rows.dedup_by(|a, b| a[..schema.key] == b[..schema.key]);
        let changes = rows.into_iter().map(|row| (time, Change::Upsert(row))).collect();
        let flush = Flush { frontier: time + 1, tables: vec![Table { schema, changes }] };
        let started = Instant::now();
        sink.write(&flush)?;
        seconds += started.elapsed().as_secs_f64();
    }
    let started = Instant::now();
    sink.finish()?;
    seconds += started.elapsed().as_secs_f64();
    Ok(thousands(count) / seconds)
}

fn thousands(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / 1_000.0
}

fn log(store: &mut EmbeddedStore, count: u64, size: usize, per_commit: usize) -> Result<(), SinkError> {
    let events: Vec<(Time, Event)> = (0..count).map(event).collect();
    let started = Instant::now();
    for (i, batch) in (1..).zip(events.chunks(size)) {
        let events = batch.iter().map(|(time, event)| (*time, event));
        store.append_events(store.log_end(), events)?;
        if i % (per_commit / size).max(1) == 0 {
            store.commit()?;
        }
    }
    store.commit()?;
    let written = thousands(count) / started.elapsed().as_secs_f64();
    let started = Instant::now();
    let mut next = store.log_end() - count;
    while next < store.log_end() {
        next += u64::try_from(store.read_events(next, 4_096)?.len()).unwrap_or(0);
    }
    let read = thousands(count) / started.elapsed().as_secs_f64();
    println!("log, {size} at a time, {per_commit} a commit: {written:.0}k events/s in, {read:.0}k out");
    Ok(())
}

fn open(dir: &Path, name: &str) -> Result<EmbeddedStore, SinkError> {
    EmbeddedStore::open(&Config { path: dir.join(name), ..Config::default() })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(500_000), |text| text.parse())?;
    let dir = tempfile::TempDir::new_in(".")?;
    let dir = dir.path();
    for (schema, row) in [(&TRADES, trade_row as fn(u64) -> Row), (&CANDLES, candle_row)] {
        for size in [100, 1_000, 10_000] {
            let mut store = open(dir, &format!("{}-{size}.db", schema.name))?;
            let rate = rows(&mut store, schema, count, size, row)?;
            let bytes = std::fs::metadata(store.path())?.len() / 1_000_000;
            println!("sqlite {}, {size} a flush: {rate:.0}k rows/s, {bytes} MB", schema.name);
        }
        let mut sink = jsonl::Jsonl::open(&jsonl::Config { dir: dir.join(schema.name) })?;
        let rate = rows(&mut sink, schema, count, 10_000, row)?;
        println!("jsonl {}, 10000 a flush: {rate:.0}k rows/s with the files", schema.name);
    }
    let mut store = open(dir, "log.db")?;
    for (size, per_commit) in [(1, 1), (1, 1_000), (100, 1_000), (1_000, 10_000)] {
        log(&mut store, count.min(200_000), size, per_commit)?;
    }
    let parts = (0..10).map(|i| (format!("part {i}"), vec![7; 20_000_000])).collect();
    let started = Instant::now();
    store.save_checkpoint(&Checkpoint { time: 1, log_offset: 0, parts })?;
    println!("checkpoint of 200 MB: {:.2} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    store.newest_checkpoint()?;
    println!("loaded: {:.2} s", started.elapsed().as_secs_f64());
    Ok(())
}
