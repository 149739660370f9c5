//! What the sink `jsonl` promises of its files, beside the contract of all sinks.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::fs;
use std::path::Path;

use model::{Cadence, Change, Column, Kind, Schema, Value};
use sinks::jsonl::{Config, Jsonl};
use sinks::{Flush, Sink, Table};
use tempfile::TempDir;

static COUNTS: Schema = Schema {
    name: "counts",
    doc: "How many.",
    key: 1,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[
        Column { name: "id", kind: Kind::Count, doc: "Which." },
        Column { name: "n", kind: Kind::Amount, doc: "How many." },
    ],
};
static OTHERS: Schema = Schema { name: "others", ..COUNTS };

fn open(dir: &Path) -> Jsonl {
    let mut sink = Jsonl::open(&Config { dir: dir.to_owned() }).unwrap();
    sink.prepare(&[&COUNTS, &OTHERS]).unwrap();
    sink
}

fn flush(frontier: u64, rows: &[(u64, u64)]) -> Flush {
    let row = |(id, n): &(u64, u64)| Change::Upsert(vec![Value::Count(*id), Value::Amount(*n)]);
    let changes = rows.iter().map(|r| (frontier - 1, row(r))).collect();
    Flush { frontier, tables: vec![Table { schema: &COUNTS, changes }] }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn line(id: u64, n: u64, as_of: u64) -> String {
    format!("{{\"id\":{id},\"n\":\"{n}\",\"as_of\":{as_of},\"def_version\":{}}}\n", model::DEF_VERSION)
}

#[test]
fn files_say_what_was_true_at_the_end_in_the_order_of_the_key() {
    let dir = TempDir::new().unwrap();
    let mut sink = open(dir.path());
    sink.write(&flush(5, &[(10, 1), (9, 1)])).unwrap();
    sink.write(&flush(8, &[(100, 2), (9, 3)])).unwrap();
    sink.finish().unwrap();
    assert_eq!(
        fs::read_to_string(dir.path().join("counts.jsonl")).unwrap(),
        [line(9, 3, 7), line(10, 1, 7), line(100, 2, 7)].concat()
    );
    assert_eq!(fs::read_to_string(dir.path().join("others.jsonl")).unwrap(), "");
    drop(sink);
    assert_eq!(names(dir.path()), ["counts.jsonl", "others.jsonl", "schemas.json"]);
}

#[test]
fn the_bytes_do_not_depend_on_the_batches() {
    let bytes = |flushes: &[Flush]| {
        let dir = TempDir::new().unwrap();
        let mut sink = open(dir.path());
        for flush in flushes {
            sink.write(flush).unwrap();
        }
        sink.finish().unwrap();
        names(dir.path()).iter().map(|name| fs::read(dir.path().join(name)).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(
        bytes(&[flush(5, &[(1, 1)]), flush(6, &[(2, 7)]), flush(9, &[(1, 3)])]),
        bytes(&[flush(9, &[(1, 3), (2, 7)])])
    );
}

#[test]
fn a_run_that_does_not_finish_leaves_the_files_of_the_one_before() {
    let dir = TempDir::new().unwrap();
    let mut sink = open(dir.path());
    sink.write(&flush(5, &[(1, 1)])).unwrap();
    sink.finish().unwrap();
    drop(sink);
    let before = fs::read(dir.path().join("counts.jsonl")).unwrap();

    let mut sink = open(dir.path());
    sink.write(&flush(5, &[(2, 2)])).unwrap();
    #[cfg(unix)] // not even a killed run leaves its spool
    assert_eq!(names(dir.path()), ["counts.jsonl", "others.jsonl", "schemas.json"]);
    drop(sink);
    assert_eq!(names(dir.path()), ["counts.jsonl", "others.jsonl", "schemas.json"]);
    assert_eq!(fs::read(dir.path().join("counts.jsonl")).unwrap(), before);
}

#[test]
fn a_finished_run_replaces_the_files_of_the_one_before_and_what_a_killed_one_left() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("counts.jsonl"), "old and longer than what is new; old and longer\n".repeat(9))
        .unwrap();
    fs::write(dir.path().join("counts.jsonl.part"), "half a li").unwrap();
    fs::write(dir.path().join(".spool.sqlite"), "half a page").unwrap();
    let mut sink = open(dir.path());
    sink.write(&flush(5, &[(1, 1)])).unwrap();
    sink.finish().unwrap();
    drop(sink);
    assert_eq!(fs::read_to_string(dir.path().join("counts.jsonl")).unwrap(), line(1, 1, 4));
    assert_eq!(names(dir.path()), ["counts.jsonl", "others.jsonl", "schemas.json"]);
}

#[test]
fn after_an_error_nothing_is_published() {
    let dir = TempDir::new().unwrap();
    let mut sink = open(dir.path());
    sink.write(&flush(5, &[(1, 1)])).unwrap();
    let mut bad = flush(6, &[(2, 1)]);
    bad.tables[0].changes.push((5, Change::Upsert(vec![Value::Count(3)])));
    sink.write(&bad).unwrap_err();
    for message in [sink.write(&flush(6, &[(2, 1)])).unwrap_err(), sink.finish().unwrap_err()] {
        assert!(message.to_string().contains("an earlier step failed"), "{message}");
    }
    drop(sink);
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_file_that_cannot_be_put_in_its_place_is_named_and_the_folder_is_not_complete() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("others.jsonl/in the way")).unwrap();
    fs::write(dir.path().join("schemas.json"), "{}").unwrap();
    let mut sink = open(dir.path());
    let message = sink.finish().unwrap_err().to_string();
    assert!(message.starts_with("jsonl: cannot write ") && message.contains("others.jsonl: "), "{message}");
    drop(sink);
    assert!(!dir.path().join("schemas.json").exists());
    assert_eq!(names(dir.path()), ["counts.jsonl", "others.jsonl"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let message = Jsonl::open(&Config { dir: file.join("out") }).err().unwrap().to_string();
    assert!(
        message.starts_with("jsonl: cannot write to the folder ") && message.contains("file"),
        "{message}"
    );
}
