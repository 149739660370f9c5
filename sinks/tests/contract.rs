//! What every sink has to do, run over every sink. A new sink is one more line in [`every_sink`].

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

mod servers;
mod services;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use model::{Address, Cadence, Change, Column, Kind, Row, Schema, Time, Value};
use proptest::prelude::*;
use sinks::{Flush, Sink, SinkConfig, Table, jsonl, snapshot, sqlite};
use tempfile::TempDir;

static CANDLES: Schema = Schema {
    name: "candles",
    doc: "Open, high, low and close.",
    key: 2,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[
        Column { name: "mint", kind: Kind::Address, doc: "Token." },
        Column { name: "open_time", kind: Kind::Time, doc: "Start." },
        Column { name: "close", kind: Kind::Float, doc: "Last price." },
        Column { name: "volume", kind: Kind::Sum, doc: "Raw units." },
    ],
};

static EVERYTHING: Schema = Schema {
    name: "everything",
    doc: "Every kind there is.",
    key: 5,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[
        Column { name: "symbol", kind: Kind::Symbol, doc: "" },
        Column { name: "address", kind: Kind::Address, doc: "" },
        Column { name: "count", kind: Kind::Count, doc: "" },
        Column { name: "amount", kind: Kind::Amount, doc: "" },
        Column { name: "flag", kind: Kind::Bool, doc: "" },
        Column { name: "sum", kind: Kind::Sum, doc: "" },
        Column { name: "float", kind: Kind::Float, doc: "" },
        Column { name: "text", kind: Kind::Text, doc: "" },
        Column { name: "at", kind: Kind::Time, doc: "" },
        Column { name: "received_at", kind: Kind::Time, doc: "When it came in." },
    ],
};

/// A sink, and where what it wrote can be read.
struct Place {
    _dir: Option<TempDir>,
    config: SinkConfig,
    /// The finished output, of sinks that write to files.
    output: Option<PathBuf>,
    /// True if a sink that is opened again goes on where the last one stopped.
    resumes: bool,
}

impl Place {
    fn open(&self) -> Box<dyn Sink> {
        let mut sink = self.config.open().unwrap();
        sink.prepare(&[&CANDLES, &EVERYTHING]).unwrap();
        sink
    }

    fn lines(&self, record: &str) -> Vec<String> {
        self.lines_of(if record == CANDLES.name { &CANDLES } else { &EVERYTHING })
    }

    fn lines_of(&self, schema: &'static Schema) -> Vec<String> {
        let mut contents = self.config.contents().unwrap();
        let description = sinks::Description::from(schema);
        let mut rows = Vec::new();
        contents
            .read(&description, &mut |row| {
                rows.push(row);
                Ok(())
            })
            .unwrap();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows.into_iter().map(|row| row.line).collect()
    }

    fn say(&self) -> &'static str {
        self.config.type_name()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // After a failure what is there may tell why.
        if !std::thread::panicking() {
            servers::clean(&self.config);
        }
    }
}

fn every_sink() -> Vec<Place> {
    every_file().into_iter().chain(every_server()).collect()
}

fn every_file() -> Vec<Place> {
    let of_files = |resumes, make: fn(PathBuf) -> (PathBuf, SinkConfig)| {
        let dir = TempDir::new().unwrap();
        let (output, config) = make(dir.path().to_owned());
        Place { _dir: Some(dir), config, output: Some(output), resumes }
    };
    vec![
        of_files(false, |dir| {
            let dir = dir.join("out");
            (dir.clone(), SinkConfig::Jsonl(jsonl::Config { dir }))
        }),
        of_files(true, |dir| {
            let path = dir.join("millrace.db");
            (path.clone(), SinkConfig::Sqlite(sqlite::Config { path, ..sqlite::Config::default() }))
        }),
    ]
}

/// The sinks that write to servers, as far as these are up.
fn every_server() -> Vec<Place> {
    servers::all()
        .into_iter()
        .map(|config| Place { _dir: None, config, output: None, resumes: true })
        .collect()
}

fn mint(n: u8) -> Address {
    Address([n; 32])
}

fn candle(n: u8, open_time: u64, close: f64) -> Change {
    let volume = i128::from(n) * 1_000;
    Change::Upsert(vec![
        Value::from(mint(n)),
        Value::Count(open_time),
        Value::Float(close),
        Value::Sum(volume),
    ])
}

fn no_candle(n: u8, open_time: u64) -> Change {
    Change::Delete(vec![Value::from(mint(n)), Value::Count(open_time)])
}

/// A flush of one record; its changes are sorted here, as a conflator sorts them.
fn flush(frontier: Time, schema: &'static Schema, changes: Vec<Change>) -> Flush {
    let mut changes: Vec<(Time, Change)> = changes.into_iter().map(|change| (frontier - 1, change)).collect();
    changes.sort_by(|(_, a), (_, b)| a.key(schema).cmp(b.key(schema)));
    Flush { frontier, tables: vec![Table { schema, changes }] }
}

fn line(n: u8, open_time: u64, close: &str) -> String {
    format!(
        "{{\"mint\":\"{}\",\"open_time\":{open_time},\"close\":{close},\"volume\":\"{n}000\",\"def_version\":{}}}",
        mint(n),
        model::DEF_VERSION
    )
}

#[test]
fn rows_are_added_corrected_and_ended() {
    for place in every_sink() {
        let mut sink = place.open();
        sink.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0), candle(2, 60, 2.0), candle(3, 60, 3.0)]))
            .unwrap();
        sink.write(&flush(20, &CANDLES, vec![candle(2, 60, 2.5), no_candle(3, 60), candle(1, 120, 1.5)]))
            .unwrap();
        sink.write(&flush(30, &CANDLES, vec![no_candle(9, 60)])).unwrap();
        sink.finish().unwrap();
        let mut expected = vec![line(1, 60, "1.0"), line(1, 120, "1.5"), line(2, 60, "2.5")];
        expected.sort_by_key(|line| line.split(',').next().map(str::to_owned));
        assert_eq!(place.lines("candles"), expected, "{}", place.say());
        assert_eq!(place.lines("everything"), [""; 0], "{}", place.say());
    }
}

#[test]
fn committed_is_what_a_restart_finds() {
    for place in every_sink() {
        let mut sink = place.open();
        assert_eq!(sink.committed().unwrap(), None, "{}", place.say());
        sink.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0)])).unwrap();
        let said = sink.committed().unwrap();
        assert_eq!(said, place.resumes.then_some(10), "{}", place.say());
        drop(sink);
        assert_eq!(place.open().committed().unwrap(), said, "{}", place.say());
    }
}

#[test]
fn a_finished_run_is_committed() {
    for place in every_sink() {
        let mut sink = place.open();
        sink.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0)])).unwrap();
        sink.finish().unwrap();
        sink.finish().unwrap();
        assert_eq!(sink.committed().unwrap(), Some(10), "{}", place.say());
    }
}

#[test]
fn an_empty_flush_moves_the_frontier() {
    for place in every_sink() {
        let mut sink = place.open();
        sink.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0)])).unwrap();
        sink.write(&Flush { frontier: 99, tables: Vec::new() }).unwrap();
        sink.finish().unwrap();
        assert_eq!(sink.committed().unwrap(), Some(99), "{}", place.say());
        assert_eq!(place.lines("candles"), [line(1, 60, "1.0")], "{}", place.say());
    }
}

#[test]
fn a_flush_that_was_written_and_not_acknowledged_is_written_again() {
    let flushes = [
        flush(10, &CANDLES, vec![candle(1, 60, 1.0), candle(2, 60, 2.0)]),
        flush(20, &CANDLES, vec![candle(1, 60, 1.5), no_candle(2, 60)]),
        flush(30, &CANDLES, vec![candle(2, 60, 7.0)]),
    ];
    for place in every_sink() {
        for until in 0..flushes.len() {
            let mut sink = place.open();
            // As the engine does: all that the sink does not say it has, and the last one once more.
            let committed = sink.committed().unwrap().unwrap_or(0);
            for flush in flushes.iter().take(until + 1).filter(|flush| flush.frontier >= committed) {
                sink.write(flush).unwrap();
            }
        }
        let mut sink = place.open();
        let committed = sink.committed().unwrap();
        assert_eq!(committed, place.resumes.then_some(30), "{}", place.say());
        for flush in &flushes {
            sink.write(flush).unwrap();
        }
        sink.finish().unwrap();
        drop(sink);
        let mut expected = vec![line(1, 60, "1.5"), line(2, 60, "7.0")];
        expected.sort();
        assert_eq!(place.lines("candles"), expected, "{}", place.say());
    }
}

#[test]
fn an_older_flush_does_not_undo_a_newer_one() {
    for place in every_sink() {
        let mut sink = place.open();
        sink.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0)])).unwrap();
        sink.write(&flush(20, &CANDLES, vec![candle(1, 60, 2.0)])).unwrap();
        sink.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0)])).unwrap();
        sink.finish().unwrap();
        assert_eq!(sink.committed().unwrap(), Some(20), "{}", place.say());
        assert_eq!(place.lines("candles"), [line(1, 60, "2.0")], "{}", place.say());
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_leaves_nothing() {
    static OTHER: Schema = Schema { name: "other", ..CANDLES };
    for place in every_sink() {
        let bad_row: Row = vec![Value::from(mint(2)), Value::Count(60), Value::from("high"), Value::Sum(0)];
        for (bad, says) in [
            (flush(20, &OTHER, vec![candle(2, 60, 2.0)]), "record other was not prepared"),
            (flush(20, &CANDLES, vec![candle(3, 60, 1.0), Change::Upsert(bad_row)]), "`close` takes Float"),
            (
                flush(20, &CANDLES, vec![Change::Delete(vec![Value::from(mint(2))])]),
                "1 values where there are 2",
            ),
        ] {
            let mut sink = place.open();
            let before = sink.committed().unwrap();
            let message = sink.write(&bad).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{}: cannot write", place.say())), "{message}");
            assert!(message.contains(says), "{message}");
            assert_eq!(sink.committed().unwrap(), before, "{}", place.say());
        }
        let mut sink = place.open();
        sink.finish().unwrap();
        assert_eq!(place.lines("candles"), [""; 0], "{}", place.say());
    }
}

#[test]
fn a_schema_that_cannot_be_stored_is_refused() {
    static NAMELESS: Schema = Schema { name: "no name", ..CANDLES };
    for place in every_sink() {
        let message = place.config.open().unwrap().prepare(&[&NAMELESS]).unwrap_err().to_string();
        assert!(message.contains("`no name` is not a name"), "{message}");
    }
}

#[test]
fn preparing_again_keeps_the_rows() {
    for place in every_sink() {
        let mut sink = place.open();
        sink.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0)])).unwrap();
        sink.prepare(&[&EVERYTHING, &CANDLES]).unwrap();
        sink.finish().unwrap();
        assert_eq!(place.lines("candles"), [line(1, 60, "1.0")], "{}", place.say());
    }
}

#[test]
fn a_second_run_into_the_same_place_is_refused() {
    for place in every_sink().into_iter().filter(|place| place.output.is_some()) {
        let first = place.open();
        let message = place.config.open().err().unwrap().to_string();
        assert!(message.contains("another run is writing to it"), "{message}");
        drop(first);
        place.open();
    }
}

#[test]
fn a_second_run_into_the_same_server_shuts_out_the_first() {
    for place in every_server() {
        let mut first = place.open();
        first.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0)])).unwrap();
        let mut second = place.open();
        assert_eq!(second.committed().unwrap(), Some(10), "{}", place.say());
        let error = first.write(&flush(20, &CANDLES, vec![candle(1, 60, 9.0)])).unwrap_err();
        assert!(error.to_string().contains("another run"), "{error}");
        assert!(!error.is_transient, "{error}");
        second.write(&flush(20, &CANDLES, vec![candle(1, 60, 2.0)])).unwrap();
        assert_eq!(place.lines("candles"), [line(1, 60, "2.0")], "{}", place.say());
    }
}

#[test]
fn a_wrong_password_is_refused_at_once_and_not_repeated() {
    for place in every_server() {
        // With the right one everything is made.
        let right = servers::with_password(&place.config, None);
        right.open().unwrap().prepare(&[&CANDLES]).unwrap();
        let wrong = servers::with_password(&place.config, Some("open-sesame"));
        let started = Instant::now();
        let error = wrong.open().and_then(|mut sink| sink.prepare(&[&CANDLES])).unwrap_err();
        assert!(!error.is_transient && !error.to_string().contains("sesame"), "{error}");
        let words = ["password", "authentication", "Authentication"];
        assert!(words.iter().any(|word| error.to_string().contains(word)), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10), "{}", place.say());
    }
}

#[test]
fn a_table_that_is_gone_ends_the_run_and_is_named() {
    for place in every_server() {
        let mut sink = place.open();
        sink.write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0)])).unwrap();
        servers::remove(&place.config, CANDLES.name);
        let started = Instant::now();
        let error = sink.write(&flush(20, &CANDLES, vec![candle(1, 60, 2.0)])).unwrap_err();
        assert!(!error.is_transient && error.to_string().contains("candles"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10), "{}: it does not pass by waiting", place.say());
        assert_eq!(sink.committed().unwrap(), Some(10), "{}", place.say());
    }
}

#[test]
fn a_column_that_is_new_is_added_and_one_of_another_type_is_refused() {
    static WIDER: Schema = Schema {
        columns: &[
            CANDLES.columns[0],
            CANDLES.columns[1],
            CANDLES.columns[2],
            CANDLES.columns[3],
            Column { name: "trades", kind: Kind::Count, doc: "How many." },
        ],
        ..CANDLES
    };
    static RETYPED: Schema = Schema {
        columns: &[
            CANDLES.columns[0],
            CANDLES.columns[1],
            Column { name: "close", kind: Kind::Text, doc: "" },
            CANDLES.columns[3],
        ],
        ..CANDLES
    };
    for place in every_server() {
        place.open().write(&flush(10, &CANDLES, vec![candle(1, 60, 1.0), candle(2, 60, 2.0)])).unwrap();
        let mut sink = place.config.open().unwrap();
        sink.prepare(&[&WIDER]).unwrap();
        let Change::Upsert(mut row) = candle(2, 60, 2.5) else { panic!("a candle is a row") };
        row.push(Value::Count(7));
        sink.write(&flush(20, &WIDER, vec![Change::Upsert(row)])).unwrap();
        let wider = |close: &str, n: u8, trades: &str| {
            line(n, 60, close).replace(",\"def_version\"", &format!(",\"trades\":{trades},\"def_version\""))
        };
        let mut expected = vec![wider("1.0", 1, "null"), wider("2.5", 2, "7")];
        expected.sort();
        assert_eq!(place.lines_of(&WIDER), expected, "{}", place.say());
        let error = place.config.open().unwrap().prepare(&[&RETYPED]).unwrap_err();
        assert!(!error.is_transient && error.to_string().contains("`close`"), "{error}");
        assert_eq!(place.lines_of(&WIDER), expected, "{}", place.say());
    }
}

#[test]
fn a_flush_that_does_not_fit_into_what_the_client_holds_arrives_whole() {
    const ROWS: u64 = 9_000;
    for mut place in every_server() {
        place.config = servers::with_little_room(&place.config);
        let mut sink = place.open();
        for frontier in [10, 20] {
            let rows: Vec<Change> = (0..ROWS)
                .map(|n| {
                    let mut row: Row = vec![Value::text("x".repeat(200)), Value::from(mint(1))];
                    row.extend([Value::Count(n), Value::Amount(frontier), Value::Bool(true)]);
                    row.extend([Value::Sum(1), Value::Null, Value::text("y"), Value::Null, Value::Null]);
                    Change::Upsert(row)
                })
                .collect();
            sink.write(&flush(frontier, &EVERYTHING, rows)).unwrap();
        }
        let lines = place.lines_of(&EVERYTHING);
        assert_eq!(lines.len() as u64, 2 * ROWS, "{}", place.say());
    }
}

fn any_text() -> impl Strategy<Value = Value> {
    prop_oneof!["[a-c\u{0}\"\u{e9}]{0,3}", any::<String>()].prop_map(Value::text)
}

fn any_row() -> impl Strategy<Value = Row> {
    let amount = prop_oneof![0..4u64, Just(1 << 63), any::<u64>()];
    let sum = prop_oneof![Just(i128::MIN), Just(i128::MAX), any::<i64>().prop_map(i128::from), any::<i128>()];
    let float = prop_oneof![Just(-0.0), Just(f64::MIN_POSITIVE), any::<f64>()];
    let count = || 0..(1u64 << 53);
    (any_text(), 0..3u8, 0..3u64, amount, any::<bool>(), sum, float, any_text(), count(), any::<bool>())
        .prop_map(|(symbol, address, n, amount, flag, sum, float, text, at, is_null)| {
            let or_null = |value| if is_null { Value::Null } else { value };
            vec![
                symbol,
                Value::from(Address([address * 90; 32])),
                Value::Count(n),
                Value::Amount(amount),
                Value::Bool(flag),
                Value::Sum(sum),
                or_null(Value::float(Some(float))),
                or_null(text),
                or_null(Value::Count(at)),
                Value::Null,
            ]
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every value comes back as it went, in the order of the keys as they are printed, however the
    /// changes were batched, from every sink alike.
    #[test]
    fn all_sinks_of_files_hold_the_same(rows in prop::collection::vec(any_row(), 1..40), size in 1..10usize) {
        hold_the_same(&every_file(), &rows, size)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    /// The same from servers, which take longer.
    #[test]
    fn all_sinks_hold_the_same(rows in prop::collection::vec(any_row(), 80..120), size in 20..60usize) {
        hold_the_same(&every_sink(), &rows, size)?;
    }
}

fn hold_the_same(places: &[Place], rows: &[Row], size: usize) -> Result<(), TestCaseError> {
    for place in places {
        let mut sink = place.open();
        for (frontier, part) in (2..).zip(rows.chunks(size)) {
            let mut latest = std::collections::BTreeMap::new();
            for row in part {
                latest.insert(row[..5].to_vec(), row.clone());
            }
            sink.write(&flush(frontier, &EVERYTHING, latest.into_values().map(Change::Upsert).collect()))
                .unwrap();
        }
        sink.finish().unwrap();
    }
    let mut expected = std::collections::BTreeMap::new();
    for row in rows {
        let key = (row[0].as_text().unwrap(), text_of(&row[1]), row[2..5].to_vec());
        expected.insert(key, row);
    }
    let mut lines = Vec::new();
    for row in expected.into_values() {
        let mut line = Vec::new();
        let schema: &'static Schema = &EVERYTHING;
        sinks::encode::JsonEncoder::new(schema).row(row, 0, &mut line).unwrap();
        lines.push(String::from_utf8(line).unwrap().replace(",\"received_at\":null,\"as_of\":0", ""));
    }
    for place in places {
        prop_assert_eq!(place.lines("everything"), lines.clone(), "{}", place.say());
    }
    let outputs: Vec<&PathBuf> = places.iter().filter_map(|place| place.output.as_ref()).collect();
    for pair in outputs.windows(2) {
        prop_assert!(snapshot::diff(pair[0], pair[1], 9).unwrap().is_same());
    }
    Ok(())
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Address(address) => address.to_string(),
        other => format!("{other:?} is no address"),
    }
}
