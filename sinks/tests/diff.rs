//! Two finished outputs are compared, whatever sinks wrote them.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::path::Path;

use model::{Cadence, Change, Column, Kind, Schema, Value};
use sinks::snapshot::{ColumnDiff, Key, KeyPart, RowDiff, diff, read_rows};
use sinks::{Flush, SinkConfig, Table, jsonl, sqlite};
use tempfile::TempDir;

static TRADES: Schema = Schema {
    name: "trades",
    doc: "",
    key: 1,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[
        Column { name: "id", kind: Kind::Count, doc: "" },
        Column { name: "price", kind: Kind::Float, doc: "" },
        Column { name: "amount", kind: Kind::Amount, doc: "" },
        Column { name: "received_at", kind: Kind::Time, doc: "" },
    ],
};

fn trade(id: u64, price: f64, amount: u64, received_at: u64) -> Change {
    Change::Upsert(vec![
        Value::Count(id),
        Value::Float(price),
        Value::Amount(amount),
        Value::Count(received_at),
    ])
}

fn write(config: &SinkConfig, schema: &'static Schema, frontier: u64, changes: Vec<Change>) {
    let mut sink = config.open().unwrap();
    sink.prepare(&[schema]).unwrap();
    let changes = changes.into_iter().map(|change| (frontier - 1, change)).collect();
    sink.write(&Flush { frontier, tables: vec![Table { schema, changes }] }).unwrap();
    sink.finish().unwrap();
}

fn folder(path: &Path) -> SinkConfig {
    SinkConfig::Jsonl(jsonl::Config { dir: path.to_owned() })
}

fn database(path: &Path) -> SinkConfig {
    SinkConfig::Sqlite(sqlite::Config { path: path.to_owned(), ..sqlite::Config::default() })
}

fn key(id: u64) -> Key {
    Key(vec![KeyPart::Number(id)])
}

#[test]
fn runs_that_differ_only_in_when_they_ran_are_the_same() {
    let dir = TempDir::new().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b.db"));
    // More than a page of the database, with keys that order by number and not by text.
    write(&folder(&a), &TRADES, 10, (0..2_500).map(|id| trade(id, 0.1, id, 7)).collect());
    write(&database(&b), &TRADES, 99, (0..2_500).map(|id| trade(id, 0.1, id, 8)).collect());
    let report = diff(&a, &b, 5).unwrap();
    assert!(report.is_same(), "{report:?}");
    assert_eq!((report.records[0].rows_a, report.records[0].rows_b), (2_500, 2_500));
}

#[test]
fn every_difference_is_counted_and_the_first_are_told() {
    let dir = TempDir::new().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b.db"));
    write(&folder(&a), &TRADES, 10, vec![trade(1, 0.1, 5, 0), trade(2, 0.1, 5, 0), trade(4, 0.3, 5, 0)]);
    write(
        &database(&b),
        &TRADES,
        10,
        vec![trade(2, 0.1, 6, 0), trade(3, 1.0, 5, 0), trade(4, 0.1 + 0.2, 5, 0)],
    );
    let report = diff(&a, &b, 3).unwrap();
    assert!(!report.is_same());
    let record = &report.records[0];
    assert_eq!((record.only_a, record.only_b, record.different), (1, 1, 2));
    let json = format!("{{\"id\":1,\"price\":0.1,\"amount\":\"5\",\"def_version\":{}}}", model::DEF_VERSION);
    let column = |name: &str, a: &str, b: &str| ColumnDiff {
        name: name.to_owned(),
        a: Some(a.to_owned()),
        b: Some(b.to_owned()),
    };
    assert_eq!(record.samples.len(), 3);
    assert_eq!(record.samples[0], RowDiff::OnlyInA { key: key(1), line: json.clone() });
    assert_eq!(
        record.samples[1],
        RowDiff::Different { key: key(2), columns: vec![column("amount", "\"5\"", "\"6\"")] }
    );
    let all = diff(&a, &b, 100).unwrap();
    assert_eq!(
        all.records[0].samples.last(),
        Some(&RowDiff::Different {
            key: key(4),
            columns: vec![column("price", "0.3", "0.30000000000000004")]
        })
    );
}

#[test]
fn a_record_that_one_side_lacks_differs_by_its_rows() {
    static OTHERS: Schema = Schema { name: "others", ..TRADES };
    let dir = TempDir::new().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    write(&folder(&a), &TRADES, 10, vec![trade(1, 0.1, 5, 0)]);
    write(&folder(&b), &OTHERS, 10, vec![]);
    let report = diff(&a, &b, 3).unwrap();
    let counts: Vec<_> = report.records.iter().map(|r| (r.record.as_str(), r.only_a, r.only_b)).collect();
    assert_eq!(counts, [("others", 0, 0), ("trades", 1, 0)]);
}

#[test]
fn records_with_other_keys_cannot_be_compared() {
    static BY_PRICE: Schema = Schema {
        key: 2,
        cadence: Cadence::Flush,
        indexes: &[],
        columns: &[
            Column { name: "id", kind: Kind::Count, doc: "" },
            Column { name: "amount", kind: Kind::Amount, doc: "" },
        ],
        ..TRADES
    };
    let dir = TempDir::new().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    write(&folder(&a), &TRADES, 10, vec![]);
    write(&folder(&b), &BY_PRICE, 10, vec![]);
    assert_eq!(
        diff(&a, &b, 3).unwrap_err().to_string(),
        "the record trades cannot be compared: its key is (id Count) on one side and \
         (id Count, amount Amount) on the other"
    );
}

#[test]
fn what_is_no_output_is_refused_by_name() {
    let dir = TempDir::new().unwrap();
    let good = dir.path().join("good");
    write(&folder(&good), &TRADES, 10, vec![trade(1, 0.5, 1, 0), trade(2, 0.5, 1, 0)]);
    let refused = |path: &Path| diff(&good, path, 3).unwrap_err().to_string();

    assert!(refused(&dir.path().join("nothing")).starts_with("cannot read "));
    assert!(refused(dir.path()).contains("has no schemas.json: its run did not finish"));
    let text = dir.path().join("text");
    std::fs::write(&text, "a plain text that is longer than the header of a database ".repeat(9)).unwrap();
    assert!(refused(&text).contains("text: file is not a database"), "{}", refused(&text));

    assert!(read_rows(&good, "alerts").err().unwrap().to_string().ends_with("has no record alerts"));
}

#[test]
fn a_changed_file_is_refused_with_its_line() {
    let dir = TempDir::new().unwrap();
    let (good, changed) = (dir.path().join("good"), dir.path().join("changed"));
    for folder_path in [&good, &changed] {
        write(&folder(folder_path), &TRADES, 10, vec![trade(1, 0.5, 1, 0), trade(2, 0.5, 1, 0)]);
    }
    let path = changed.join("trades.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let (first, second) = text.split_once('\n').unwrap();
    for (wrong, says) in [
        (format!("{second}{first}\n"), "trades.jsonl:2: the key 1 is not behind that of the line before"),
        (text[..text.len() - 9].to_owned(), "trades.jsonl:2: not a JSON object on one line"),
        (text.replacen("\"price\":0.5,", "", 1), "trades.jsonl:1: the column `price` is missing"),
        (
            text.replacen("\"id\":1", "\"id\":\"x\"", 1),
            "trades.jsonl:1: the column `id` takes Count, not \"x\"",
        ),
        (text.replacen("{", "{\"more\":1,", 1), "trades.jsonl:1: the member `more` is not in schemas.json"),
    ] {
        std::fs::write(&path, wrong).unwrap();
        let message = diff(&good, &changed, 3).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}
