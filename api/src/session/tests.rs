//! Subscriptions against a store in memory: whatever is cut, filtered, held or conflated, a client that follows the
//! rule ends with what the store holds.

use std::collections::BTreeMap;
use std::sync::Mutex;

use model::{Change, Column, Kind as ColumnKind, Row};
use proptest::prelude::*;
use serde_json::Value as Json;
use sinks::{Flush, Table};

use super::*;
use crate::app::Subject;
use crate::channel::Filters;
use crate::cursor::Cursors;
use crate::feed::{self, Feed, Hub};
use crate::history::{History, Test, Unavailable};

static TRADES: Schema = Schema {
    name: "trades",
    doc: "",
    key: 1,
    cadence: model::Cadence::Flush,
    indexes: &[],
    columns: &[
        Column::new("event_id", ColumnKind::Text, ""),
        Column::new("slot", ColumnKind::Count, ""),
        Column::new("tx_index", ColumnKind::Count, ""),
        Column::new("mint", ColumnKind::Address, ""),
        Column::new("side", ColumnKind::Symbol, ""),
        Column::new("value_usd", ColumnKind::Float, ""),
        Column::new("labels", ColumnKind::Text, ""),
        Column::new("commitment", ColumnKind::Symbol, ""),
    ],
};

static PROGRESS: Schema = Schema {
    name: "progress",
    doc: "",
    key: 1,
    cadence: model::Cadence::Flush,
    indexes: &[],
    columns: &[
        Column::new("record", ColumnKind::Text, ""),
        Column::new("confirmed_slot", ColumnKind::Count, ""),
        Column::new("finalized_slot", ColumnKind::Count, ""),
    ],
};

static LEADERS: Schema = Schema {
    name: "leaders",
    doc: "",
    key: 2,
    cadence: model::Cadence::Flush,
    indexes: &[],
    columns: &[
        Column::new("board", ColumnKind::Symbol, ""),
        Column::new("rank", ColumnKind::Count, ""),
        Column::new("mint", ColumnKind::Address, ""),
    ],
};

static TOKENS: Schema = Schema {
    name: "tokens",
    doc: "",
    key: 1,
    cadence: model::Cadence::Flush,
    indexes: &[],
    columns: &[Column::new("mint", ColumnKind::Address, ""), Column::new("price", ColumnKind::Float, "")],
};

static CANDLES: Schema = Schema {
    name: "candles",
    doc: "",
    key: 4,
    cadence: model::Cadence::Flush,
    indexes: &[],
    columns: &[
        Column::new("mint", ColumnKind::Address, ""),
        Column::new("source", ColumnKind::Text, ""),
        Column::new("interval", ColumnKind::Symbol, ""),
        Column::new("open_time", ColumnKind::Time, ""),
        Column::new("in_primary", ColumnKind::Bool, ""),
        Column::new("close", ColumnKind::Float, ""),
    ],
};

/// Rows by record and key.
type Stored = BTreeMap<&'static str, BTreeMap<Row, (Time, Row)>>;

/// A store in memory, as of its last flush.
#[derive(Default)]
struct Memory(Mutex<(Time, Stored)>);

impl Memory {
    fn write(&self, flush: &Flush) {
        let mut inner = self.0.lock().unwrap();
        inner.0 = flush.frontier;
        for table in &flush.tables {
            let rows = inner.1.entry(table.schema.name).or_default();
            for (time, change) in &table.changes {
                match change {
                    Change::Upsert(row) => {
                        rows.insert(change.key(table.schema).to_vec(), (*time, row.clone()));
                    }
                    Change::Delete(key) => {
                        rows.remove(key);
                    }
                }
            }
        }
    }
}

/// Addresses are text in what a store gives.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Address(address) => Value::text(address.to_string()),
        other => other.clone(),
    }
}

impl History for Memory {
    fn now(&self, read: &mut dyn FnMut(&dyn Moment)) -> Result<(), Unavailable> {
        let (frontier, stored) = self.0.lock().unwrap().clone();
        read(&Page(frontier, &stored));
        Ok(())
    }
}

struct Page<'s>(Time, &'s Stored);

fn passes(test: &Test, schema: &Schema, row: &[Value]) -> bool {
    let of = |column: &str| as_text(value(schema, row, column));
    match test {
        Test::Is(column, wanted) => of(&column.column) == as_text(wanted),
        Test::In(column, wanted) => wanted.iter().any(|wanted| of(&column.column) == as_text(wanted)),
        Test::AtLeast(column, least) => {
            let known = of(&column.column);
            !matches!(known, Value::Null) && known >= *least
        }
        Test::Holds(column, text) => {
            of(&column.column).as_text().is_some_and(|all| all.contains(text.as_str()))
        }
        other => panic!("{other:?}"),
    }
}

impl Moment for Page<'_> {
    fn frontier(&self) -> Time {
        self.0
    }

    fn rows(&self, select: &Select) -> Result<Vec<Row>, Unavailable> {
        let schema = select.schema;
        let none = BTreeMap::new();
        let stored = self.1.get(schema.name).unwrap_or(&none).values();
        let mut rows: Vec<Row> = stored
            .filter(|(_, row)| select.tests.iter().all(|test| passes(test, schema, row)))
            .map(|(time, row)| {
                row.iter().map(as_text).chain([Value::Count(*time), Value::Count(1)]).collect()
            })
            .collect();
        if let Some(sort) = select.order.first() {
            let by = |row: &Row| value(schema, row, &sort.of.column).clone();
            rows.sort_by(|a, b| if sort.is_descending { by(b).cmp(&by(a)) } else { by(a).cmp(&by(b)) });
        }
        rows.truncate(select.limit);
        Ok(rows)
    }

    fn count(&self, select: &Select) -> Result<u64, Unavailable> {
        Ok(self.rows(select)?.len() as u64)
    }
}

/// A pipeline that flushes into a store and a feed.
struct World {
    app: Arc<App>,
    feed: Feed,
    store: Arc<Memory>,
    /// Flushes that the store has not got yet.
    late: Vec<Arc<Flush>>,
    frontier: Time,
}

impl World {
    fn new() -> Self {
        let subject = Subject {
            schemas: vec![&TRADES, &PROGRESS, &LEADERS, &TOKENS, &CANDLES],
            source: "test".to_owned(),
            is_simulated: true,
            clock: Arc::new(|| 0),
        };
        let (hub, store) = (Arc::new(Hub::new()), Arc::new(Memory::default()));
        let names = (Vec::new(), Vec::new());
        let feed = feed::start(Arc::clone(&hub)).unwrap();
        let app =
            App::new(subject, Arc::clone(&store) as Arc<dyn History>, hub, Cursors::new().unwrap(), names);
        let mut world = Self { app: Arc::new(app), feed, store, late: Vec::new(), frontier: 0 };
        world.flush(Vec::new());
        world
    }

    /// Flushes, and waits until the feed has it; the store stays behind if it is told to.
    fn flush(&mut self, tables: Vec<Table>) {
        self.flush_ahead(tables);
        self.catch_up();
    }

    fn flush_ahead(&mut self, tables: Vec<Table>) {
        self.frontier += 1_000;
        let flush = Arc::new(Flush { frontier: self.frontier, tables });
        self.feed.offer(&flush);
        while self.app.hub.frontier() < self.frontier {
            std::thread::yield_now();
        }
        self.late.push(flush);
    }

    fn catch_up(&mut self) {
        for flush in self.late.drain(..) {
            self.store.write(&flush);
        }
    }

    fn subscribe(&self, ch: &str, filters: &Filters, max_rate: Option<f64>) -> Client {
        let channel = Channel::parse(ch, filters, &self.app).unwrap();
        self.app.hub.hear(&channel.keys);
        Client { subscription: Subscription::new(1, channel, max_rate), ..Client::default_of() }
    }

    /// The keys of the trades that the store holds and that pass.
    fn trades(&self, is_wanted: impl Fn(&[Value]) -> bool) -> Vec<String> {
        let inner = self.store.0.lock().unwrap();
        let none = BTreeMap::new();
        let rows = inner.1.get("trades").unwrap_or(&none).values().filter(|(_, row)| is_wanted(row));
        rows.map(|(_, row)| row[0].as_text().unwrap().to_owned()).collect()
    }
}

/// A client that follows the rule: apply a change if it goes on from what was last.
struct Client {
    subscription: Subscription,
    rows: BTreeMap<String, Json>,
    last: Option<u64>,
    frames: usize,
    reasons: Vec<String>,
}

impl Client {
    fn default_of() -> Self {
        let nowhere = Channel {
            name: String::new(),
            parts: Vec::new(),
            level: Level::Processed,
            must_know: false,
            keys: Vec::new(),
        };
        let subscription = Subscription::new(0, nowhere, None);
        Self { subscription, rows: BTreeMap::new(), last: None, frames: 0, reasons: Vec::new() }
    }

    fn begin(&mut self, world: &World, reason: Reason) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let channel = Arc::clone(&self.subscription.channel);
        let taken = runtime.block_on(snapshot(&world.app, &channel));
        let Ok(taken) = taken else { panic!("no snapshot") };
        let frame = self.subscription.begin(taken, reason);
        self.take(&frame);
    }

    /// Takes what there is.
    fn read(&mut self, world: &World) {
        match self.subscription.next(&world.app, Instant::now()) {
            Next::Nothing => {}
            Next::Frame(frame) => self.take(&frame),
            Next::Snapshot(reason) => self.begin(world, reason),
        }
    }

    fn take(&mut self, frame: &str) {
        let frame: Json = serde_json::from_str(frame).unwrap_or_else(|e| panic!("{e}: {frame}"));
        self.frames += 1;
        if frame["op"] == "snapshot" {
            self.reasons.push(frame["reason"].as_str().unwrap().to_owned());
            self.rows.clear();
        } else {
            assert_eq!(frame["prev"].as_u64(), self.last, "a frame goes on from the one before: {frame}");
        }
        let as_of = frame["as_of"].as_u64();
        assert!(frame["op"] == "snapshot" || as_of > self.last);
        self.last = as_of;
        let single = Json::Object([("trades".to_owned(), frame.clone())].into_iter().collect());
        let tables = frame.get("tables").unwrap_or(&single).as_object().unwrap().clone();
        for (record, table) in tables {
            let key = |row: &Json| match record.as_str() {
                _ if !row["open_time"].is_null() => serde_json::json!([record, row["open_time"]]).to_string(),
                "trades" => serde_json::json!([record, row["event_id"]]).to_string(),
                "leaders" => serde_json::json!([record, row["board"], row["rank"]]).to_string(),
                _ => serde_json::json!([record, row["mint"]]).to_string(),
            };
            for row in table["rows"].as_array().into_iter().chain(table["upserts"].as_array()).flatten() {
                self.rows.insert(key(row), row.clone());
            }
            for gone in table["deletes"].as_array().into_iter().flatten() {
                let named = std::iter::once(Json::from(record.as_str()))
                    .chain(gone.as_array().unwrap().iter().cloned());
                self.rows.remove(&Json::from(named.collect::<Vec<_>>()).to_string());
            }
        }
    }

    fn trades(&self) -> Vec<String> {
        self.rows.values().map(|row| row["event_id"].as_str().unwrap().to_owned()).collect()
    }
}

fn mint(number: u8) -> Value {
    Value::Address(model::Address([number + 1; 32]))
}

#[derive(Clone, Debug)]
struct Made {
    slot: u64,
    mint: u8,
    is_buy: bool,
    usd: Option<u8>,
    is_gone: bool,
}

fn id(made: &Made) -> Value {
    Value::text(format!("{:04}-{}-0--1", made.slot, made.mint))
}

fn change(made: &Made) -> Change {
    if made.is_gone {
        return Change::Delete(vec![id(made)]);
    }
    Change::Upsert(vec![
        id(made),
        Value::Count(made.slot),
        Value::Count(0),
        mint(made.mint),
        Value::from(if made.is_buy { "buy" } else { "sell" }),
        made.usd.map_or(Value::Null, |usd| Value::Float(usd.into())),
        Value::from(if made.is_buy { "sniper" } else { "" }),
        Value::from("processed"),
    ])
}

fn table(schema: &'static Schema, time: Time, changes: impl IntoIterator<Item = Change>) -> Vec<Table> {
    let mut last: BTreeMap<Row, (Time, Change)> = BTreeMap::new();
    for change in changes {
        last.insert(change.key(schema).to_vec(), (time, change));
    }
    let changes: Vec<_> = last.into_values().collect();
    if changes.is_empty() { Vec::new() } else { vec![Table { schema, changes }] }
}

fn settled(confirmed: u64) -> Vec<Table> {
    let row = vec![Value::from("*"), Value::Count(confirmed), Value::Count(confirmed / 2)];
    table(&PROGRESS, 1, [Change::Upsert(row)])
}

fn made() -> impl Strategy<Value = Made> {
    (1..40u64, 0..3u8, any::<bool>(), proptest::option::of(0..200u8), proptest::bool::weighted(0.2))
        .prop_map(|(slot, mint, is_buy, usd, is_gone)| Made { slot, mint, is_buy, usd, is_gone })
}

/// A step of the world or of a client: a flush, slots that settle, a read, a cut.
#[derive(Clone, Debug)]
enum Act {
    Flush(Vec<Made>),
    Settle,
    Read,
    Cut,
}

fn steps() -> impl Strategy<Value = Vec<Act>> {
    let step = prop_oneof![
        4 => proptest::collection::vec(made(), 0..6).prop_map(Act::Flush),
        1 => Just(Act::Settle),
        3 => Just(Act::Read),
        1 => Just(Act::Cut),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// R1, R2: over filters, levels, cuts and conflation `prev` chains, and the end is that of the store.
    #[test]
    fn a_client_ends_with_what_the_store_holds(steps in steps(), side in any::<bool>(), least in 0..3u8, level in 0..3u8) {
        let mut world = World::new();
        let filters = Filters {
            side: side.then(|| "buy".to_owned()),
            min_usd: (least > 0).then(|| f64::from(least) * 50.0),
            label: (side && least == 2).then(|| "sniper".to_owned()),
            min_commitment: [Level::Processed, Level::Confirmed, Level::Finalized][usize::from(level)],
            ..Filters::default()
        };
        let ch = if least == 1 { format!("trades:{}", as_text(&mint(1)).as_text().unwrap()) } else { "trades".to_owned() };
        let mut client = world.subscribe(&ch, &filters, None);
        client.begin(&world, Reason::New);
        let mut confirmed = 0;
        for step in steps {
            match step {
                Act::Flush(all) => world.flush(table(&TRADES, world.frontier, all.iter().map(change))),
                Act::Settle => {
                    confirmed += 10;
                    world.flush(settled(confirmed));
                }
                Act::Read => client.read(&world),
                Act::Cut => {
                    // The line is lost; the client comes back with the last that it has.
                    let (rows, last) = (client.rows.clone(), client.last);
                    client = world.subscribe(&ch, &filters, None);
                    (client.rows, client.last) = (rows, last);
                    if !client.subscription.resume(&world.app, last.unwrap()) {
                        client.begin(&world, Reason::Gap);
                    }
                }
            }
        }
        client.read(&world);
        let settled = match level { 0 => u64::MAX, 1 => confirmed, _ => confirmed / 2 };
        let wanted = world.trades(|row| {
            let usd = if let Value::Float(usd) = row[5] { Some(usd) } else { None };
            (!side || row[4] == Value::from("buy"))
                && (least == 0 || usd.is_some_and(|usd| usd >= f64::from(least) * 50.0))
                && (least != 1 || row[3] == mint(1))
                && matches!(row[1], Value::Count(slot) if slot <= settled)
        });
        let mut found = client.trades();
        found.sort();
        // A row that no longer passes the filter stays with who had it, until it is deleted.
        prop_assert!(wanted.iter().all(|id| found.contains(id)), "{wanted:?} in {found:?}");
        if !side && least == 0 {
            prop_assert_eq!(found, wanted);
        }
    }
}

/// R5: a thousand updates of a key are at most so many frames, and the last value.
#[test]
fn a_client_that_asks_for_few_frames_gets_few_and_the_last_value() {
    let mut world = World::new();
    let row = |price: u32| Change::Upsert(vec![mint(0), Value::Float(price.into())]);
    world.flush(table(&TOKENS, 1, [row(0)]));
    let ch = format!("token:{}", as_text(&mint(0)).as_text().unwrap());
    let mut client = world.subscribe(&ch, &Filters::default(), Some(20.0));
    world.flush(Vec::new());
    client.begin(&world, Reason::New);
    let began = Instant::now();
    for price in 1..=1_000 {
        world.flush(table(&TOKENS, 1, [row(price)]));
        client.read(&world);
    }
    let most = began.elapsed().as_secs_f64() * 20.0 + 2.0;
    assert!((client.frames as f64) <= most, "{} frames, at most {most}", client.frames);
    while client.last != Some(world.frontier) {
        client.read(&world);
    }
    assert_eq!(client.rows.values().next().unwrap()["price"], 1_000.0);
}

/// R1: past the ring comes a snapshot that says why, and never silence.
#[test]
fn who_is_past_the_ring_gets_a_snapshot_that_says_why() {
    let mut world = World::new();
    let mut client = world.subscribe("trades", &Filters::default(), None);
    client.begin(&world, Reason::New);
    assert!(!client.subscription.resume(&world.app, 1), "a place before the ring");
    let mut client = world.subscribe("trades", &Filters::default(), None);
    assert!(!client.subscription.resume(&world.app, world.frontier - 1), "a place that was never given out");
    client.begin(&world, Reason::Gap);
    let long = |slot: u64| Made { slot, mint: 0, is_buy: true, usd: None, is_gone: false };
    // More than the ring holds.
    for round in 0..70u64 {
        let text = Value::text("x".repeat(1 << 20));
        let Change::Upsert(mut row) = change(&long(round + 1)) else { unreachable!() };
        row[6] = text;
        world.flush(table(&TRADES, 1, [Change::Upsert(row)]));
    }
    client.read(&world);
    assert_eq!(client.reasons, ["gap", "lagged"]);
    assert_eq!(client.trades().len(), 50, "the last fifty");
    client.read(&world);
    assert_eq!(client.reasons.len(), 2);
}

/// A snapshot waits for the store, so that nothing lies between it and the feed.
#[test]
fn a_snapshot_waits_for_a_store_that_is_behind_the_feed() {
    let mut world = World::new();
    let sell = |slot| change(&Made { slot, mint: 0, is_buy: false, usd: None, is_gone: false });
    world.flush_ahead(table(&TRADES, 1, [sell(1)]));
    world.app.hub.hear(&[]);
    let mut client = world.subscribe("trades", &Filters::default(), None);
    // The store has the flush before: what it lacks is in the ring.
    client.begin(&world, Reason::New);
    assert_eq!(client.trades(), Vec::<String>::new());
    client.read(&world);
    assert_eq!(client.trades(), ["0001-0-0--1"]);
    world.catch_up();
}

/// A board whose newcomer is not known yet is read anew; one that is told with it is not.
#[test]
fn a_token_on_a_board_is_known_from_the_same_frame_on() {
    let mut world = World::new();
    let token = |number: u8| Change::Upsert(vec![mint(number), Value::Float(1.0)]);
    let leader = |number: u8| Change::Upsert(vec![Value::from("volume"), Value::Count(1), mint(number)]);
    world.flush(table(&TOKENS, 1, [token(0), token(1), token(2)]));
    world.flush(table(&LEADERS, 1, [leader(0)]));
    let mut client = world.subscribe("market", &Filters::default(), None);
    client.begin(&world, Reason::New);
    assert_eq!(client.rows.len(), 2, "{:?}", client.rows);
    world.flush(table(&LEADERS, 1, [leader(1)]));
    client.read(&world);
    assert_eq!(client.reasons, ["new", "moved"]);
    let tables = [table(&LEADERS, 1, [leader(2)]), table(&TOKENS, 1, [token(2)])].concat();
    world.flush(tables);
    client.read(&world);
    assert_eq!(client.reasons, ["new", "moved"]);
    let known = client.rows.values().filter(|row| row["price"] == 1.0).count();
    assert_eq!(known, 2, "{:?}", client.rows);
}

/// Rows of cold records pass from the step on after somebody began to listen, and a snapshot waits for that.
#[test]
fn rows_of_cold_records_go_on_from_their_snapshot() {
    let mut world = World::new();
    let bar = |open_time: u64, close: f64| {
        let series = [mint(0), Value::from("primary"), Value::from("1m"), Value::Count(open_time)];
        Change::Upsert(series.into_iter().chain([Value::Bool(true), Value::Float(close)]).collect())
    };
    world.flush(table(&CANDLES, 1, [bar(0, 1.0)]));
    let ch = format!("candles:{}:1m", as_text(&mint(0)).as_text().unwrap());
    let mut client = world.subscribe(&ch, &Filters::default(), None);
    assert_eq!(world.app.hub.heard_since(&client.subscription.channel.keys), Time::MAX, "no step has it yet");
    world.flush(table(&CANDLES, 1, [bar(0, 2.0), bar(60_000, 3.0)]));
    client.begin(&world, Reason::New);
    world.flush(table(&CANDLES, 1, [bar(60_000, 4.0)]));
    client.read(&world);
    assert_eq!(client.reasons, ["new"]);
    let closes: Vec<f64> = client.rows.values().map(|row| row["close"].as_f64().unwrap()).collect();
    assert_eq!(closes, [2.0, 4.0]);
    let last = client.last;
    let mut again = world.subscribe(&ch, &Filters::default(), None);
    assert!(again.subscription.resume(&world.app, last.unwrap()), "it is still listened to");
}

/// R27: a feed that cannot follow is cut, begins a new epoch, and never waits.
#[test]
fn a_feed_that_overflows_begins_a_new_epoch() {
    let world = World::new();
    let epoch = world.app.hub.epoch();
    let rows =
        (0..2_000u64).map(|slot| change(&Made { slot, mint: 0, is_buy: true, usd: None, is_gone: false }));
    let flush = Arc::new(Flush { frontier: 1 << 40, tables: table(&TRADES, 1, rows) });
    let began = Instant::now();
    for _ in 0..3_000 {
        world.feed.offer(&flush);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "whoever hands over does not wait");
    // The next one finds that some were passed over.
    let deadline = Instant::now() + Duration::from_secs(60);
    while world.app.hub.epoch() == epoch && Instant::now() < deadline {
        world.feed.offer(&flush);
        std::thread::yield_now();
    }
    assert_ne!(world.app.hub.epoch(), epoch);
}
