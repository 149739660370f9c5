//! Rows a second into each sink, beside the bare insert loop of its client in the same run.
//!
//! Both write the same rows in the same batches: a batch is a flush here, and an insert, a transaction or a request
//! there. The sink's further work (it checks every row, tells its progress, and finds out who else writes) is the
//! difference. Whoever compares the lines of two sinks compares their servers, which share the machine with the
//! client here. Needs the servers: `scripts/services up`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use model::{Address, Cadence, Change, Column, Kind, Row, Schema, Time, Value};
use sinks::{Flush, SinkConfig, Table, clickhouse, kafka, questdb, sqlite};

use crate::bare_sinks;
use crate::report::Line;

/// A trade, as far as it matters how wide a row is and what is in it.
pub(crate) static TRADES: Schema = Schema {
    name: "bench_trades",
    doc: "Trades.",
    key: 1,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[
        Column::new("event_id", Kind::Text, "Event."),
        Column::new("block_time", Kind::Time, "Time."),
        Column::new("mint", Kind::Address, "Token."),
        Column::new("trader", Kind::Address, "Wallet."),
        Column::new("signature", Kind::Text, "Transaction."),
        Column::new("side", Kind::Symbol, "Side."),
        Column::new("commitment", Kind::Symbol, "How settled."),
        Column::new("slot", Kind::Count, "Slot."),
        Column::new("base_amount", Kind::Amount, "Raw units."),
        Column::new("quote_amount", Kind::Amount, "Raw units."),
        Column::new("volume", Kind::Sum, "Raw units."),
        Column::new("price", Kind::Float, "Price."),
        Column::new("value_usd", Kind::Float, "USD."),
    ],
};

/// Rows of a flush.
const BATCH: u64 = 50_000;
/// Block time of the first trade, milliseconds.
const START_MS: u64 = 1_790_000_000_000;

/// A trade as the bare loops take it.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub(crate) event_id: String,
    pub(crate) block_time_ms: u64,
    pub(crate) mint: String,
    pub(crate) trader: String,
    pub(crate) signature: String,
    pub(crate) side: &'static str,
    pub(crate) slot: u64,
    pub(crate) base_amount: u64,
    pub(crate) quote_amount: u64,
    pub(crate) price: f64,
}

impl Trade {
    /// The trade of a number. A few tokens, many traders.
    #[expect(clippy::cast_precision_loss, reason = "any price will do")]
    fn new(n: u64) -> Self {
        let chance = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
        let address = |kind: u64, of: u64| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&(kind + of).wrapping_mul(0xd6e8_feb8_6659_fd93).to_le_bytes());
            bytes[24..].copy_from_slice(&of.wrapping_mul(0xa076_1d64_78bd_642f).to_le_bytes());
            Address(bytes).to_string()
        };
        let (slot, base_amount) = (448_000_000 + n / 1_000, 1_000_000 + chance % 1_000_000_000);
        let price = (1 + chance % 997) as f64 * 1e-9;
        Self {
            event_id: format!("{slot}-{}-0--1", n % 1_000),
            block_time_ms: START_MS + n / 3,
            mint: address(1, chance % 1_000),
            trader: address(2, chance % 100_000),
            signature: format!("{}{}", address(3, n), address(4, n)),
            side: if chance.is_multiple_of(2) { "buy" } else { "sell" },
            slot,
            base_amount,
            quote_amount: chance % 10_000_000_000,
            price,
        }
    }

    fn row(&self) -> Row {
        let address = |text: &str| text.parse().map_or(Value::Null, Value::Address);
        vec![
            Value::text(&self.event_id),
            Value::Count(self.block_time_ms),
            address(&self.mint),
            address(&self.trader),
            Value::text(&self.signature),
            Value::Symbol(self.side),
            Value::Symbol("confirmed"),
            Value::Count(self.slot),
            Value::Amount(self.base_amount),
            Value::Amount(self.quote_amount),
            Value::Sum(self.base_amount.into()),
            Value::Float(self.price),
            Value::Float(self.price * 150.0),
        ]
    }
}

/// Where a bare loop writes to, and what is there besides.
pub(crate) struct Place {
    pub(crate) config: SinkConfig,
    pub(crate) folder: PathBuf,
}

/// Measures.
pub(crate) fn run(quick: bool) -> anyhow::Result<Vec<Line>> {
    let batches = if quick { 2 } else { 10 };
    let trades: Vec<Trade> = (0..batches * BATCH).map(Trade::new).collect();
    let flushes: Vec<Flush> = trades.chunks(usize::try_from(BATCH)?).zip(1..).map(flush).collect();
    let folder = std::env::temp_dir().join(format!("millrace-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).context("cannot make a folder for what is measured")?;
    let mut lines = Vec::new();
    for config in places(&folder)? {
        let place = Place { config, folder: folder.clone() };
        let name = place.config.type_name();
        let count = (trades.len() as u64, "rows");
        let sink = through_sink(&place, &flushes)?;
        let rows = held(&place)?;
        anyhow::ensure!(rows == count.0, "{name} holds {rows} rows, and was given {}", count.0);
        let bare = bare_sinks::run(&place, &trades, usize::try_from(BATCH)?)?;
        let bare = Line::new(&format!("{name}: the client's insert loop"), count, bare, count.0);
        let sink = Line::new(&format!("{name}: sink"), count, sink, rows).next_to(&bare);
        lines.extend([bare, sink]);
        bare_sinks::clean(&place)?;
    }
    std::fs::remove_dir_all(&folder).context("cannot remove what was measured")?;
    Ok(lines)
}

fn flush((trades, number): (&[Trade], Time)) -> Flush {
    let frontier = START_MS * 1_000 + number;
    let mut changes: Vec<(Time, Change)> =
        trades.iter().map(|trade| (frontier - 1, Change::Upsert(trade.row()))).collect();
    changes.sort_by(|(_, a), (_, b)| a.key(&TRADES).cmp(b.key(&TRADES)));
    Flush { frontier, tables: vec![Table { schema: &TRADES, changes }] }
}

fn through_sink(place: &Place, flushes: &[Flush]) -> anyhow::Result<Duration> {
    let mut sink = place.config.open()?;
    sink.prepare(&[&TRADES])?;
    // As a run does before it writes: only now is it known who writes.
    sink.committed()?;
    let started = Instant::now();
    for flush in flushes {
        sink.write(flush)?;
    }
    Ok(started.elapsed())
}

fn held(place: &Place) -> anyhow::Result<u64> {
    Ok(place.config.contents()?.digest(&sinks::Description::from(&TRADES))?.rows)
}

/// The named servers, each with a place of its own, beside a database.
///
/// # Errors
/// When the servers are not running, or a name is none of theirs.
pub(crate) fn servers(names: &[String], db: &Path) -> anyhow::Result<Vec<SinkConfig>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let places = places(db.parent().unwrap_or(Path::new(".")))?;
    let of = |name: &String| {
        let place = places.iter().find(|place| place.type_name() == name && name != "sqlite");
        place.cloned().ok_or_else(|| anyhow!("{name} is none of the servers clickhouse, kafka, questdb"))
    };
    names.iter().map(of).collect()
}

/// The embedded store, and a place of its own on each server.
fn places(folder: &Path) -> anyhow::Result<Vec<SinkConfig>> {
    let env = services()?;
    let of = |key: &str| {
        env.get(key)
            .cloned()
            .ok_or_else(|| anyhow!("{key} is not known: start the servers with scripts/services up"))
    };
    let name = format!("bench_{}", std::process::id());
    let file = |name: &str, password: String| -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        std::fs::write(&path, password)?;
        Ok(path)
    };
    Ok(vec![
        SinkConfig::Sqlite(sqlite::Config { path: folder.join("sink.db"), ..sqlite::Config::default() }),
        SinkConfig::ClickHouse(clickhouse::Config {
            url: of("MILLRACE_CLICKHOUSE_URL")?,
            user: of("MILLRACE_CLICKHOUSE_USER")?,
            password_file: file("clickhouse", of("MILLRACE_CLICKHOUSE_PASSWORD")?)?,
            database: name.clone(),
            ..clickhouse::Config::default()
        }),
        SinkConfig::Kafka(kafka::Config {
            brokers: of("MILLRACE_KAFKA_BROKERS")?,
            prefix: name.clone(),
            ..kafka::Config::default()
        }),
        SinkConfig::Questdb(questdb::Config {
            url: of("MILLRACE_QUESTDB_URL")?,
            user: of("MILLRACE_QUESTDB_USER")?,
            password_file: file("questdb", of("MILLRACE_QUESTDB_PASSWORD")?)?,
            prefix: format!("{name}_"),
            ..questdb::Config::default()
        }),
    ])
}

/// Where `scripts/services` says the servers are.
fn services() -> anyhow::Result<BTreeMap<String, String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/services");
    let set = std::env::var_os("MILLRACE_SERVICES_DIR").filter(|dir| !dir.is_empty());
    let file = set.map_or(root, PathBuf::from).join("env");
    let text = std::fs::read_to_string(&file).with_context(|| {
        format!("cannot read {}: start the servers with scripts/services up", file.display())
    })?;
    let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    Ok(text.lines().filter_map(pair).collect())
}
