//! Servers that are killed and that stand still, with real ones. What a sink has acknowledged is there afterwards,
//! and what it has not is written again by trying again, as the engine does.
//!
//! A test program of its own, with one test at a time: no other test may need the servers meanwhile.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

#[path = "services/act.rs"]
mod act;
mod servers;
mod services;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::{Cadence, Change, Column, Kind, Schema, Time, Value};
use sinks::kafka::Format;
use sinks::{Description, Flush, Sink, SinkConfig, SinkError, Table};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

static PRICES: Schema = Schema {
    name: "prices",
    doc: "Prices.",
    key: 1,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[Column::new("mint", Kind::Text, "Token."), Column::new("price", Kind::Count, "Price.")],
};

/// Rows of a flush.
const ROWS: u64 = 500;

/// Every row of a flush has the number of the flush as its price; flush `n` writes every `n`th row.
fn flush(number: u64) -> Flush {
    let frontier: Time = number * 10;
    let rows = (0..ROWS).filter(|row| row % number == 0);
    let mut changes: Vec<(Time, Change)> = rows
        .map(|row| {
            (frontier - 1, Change::Upsert(vec![Value::text(format!("{row:05}")), Value::Count(number)]))
        })
        .collect();
    changes.sort_by(|(_, a), (_, b)| a.key(&PRICES).cmp(b.key(&PRICES)));
    Flush { frontier, tables: vec![Table { schema: &PRICES, changes }] }
}

/// What stands after so many flushes.
fn expected(flushes: u64) -> BTreeMap<String, u64> {
    let price = |row: u64| (1..=flushes).rev().find(|number| row.is_multiple_of(*number)).unwrap();
    (0..ROWS).map(|row| (format!("{row:05}"), price(row))).collect()
}

fn held(config: &SinkConfig) -> BTreeMap<String, u64> {
    let mut rows = BTreeMap::new();
    let description = Description::from(&PRICES);
    let mut contents = config.contents().unwrap();
    contents
        .read(&description, &mut |row| {
            let json: serde_json::Value = serde_json::from_str(&row.line).unwrap();
            rows.insert(json["mint"].as_str().unwrap().to_owned(), json["price"].as_u64().unwrap());
            Ok(())
        })
        .unwrap();
    rows
}

/// `STOP` makes a server stand still, `CONT` lets it go on.
fn signal(signal: &str, name: &str) {
    let pid = std::fs::read_to_string(services::home().join(name).join("pid")).unwrap();
    assert!(Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().unwrap().success());
    if signal == "STOP" {
        // Threads stop one by one after the signal was sent; until the last one has, a request may be answered.
        let until = Instant::now() + Duration::from_secs(10);
        while !stands_still(pid.trim()) {
            assert!(Instant::now() < until, "{name} does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Whether every thread of a process is stopped (state `T` in `/proc`).
fn stands_still(pid: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("stat")).ok()).all(
        |stat| {
            // The name before the state stands in brackets and may hold anything.
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        },
    )
}

/// Does something again, while that may help, as the engine writes. Says how often it did not.
fn patiently(mut attempt: impl FnMut() -> Result<(), SinkError>) -> u32 {
    let until = Instant::now() + Duration::from_secs(120);
    let mut failures = 0;
    while let Err(error) = attempt() {
        assert!(error.is_transient && Instant::now() < until, "{error}");
        failures += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    failures
}

fn write(sink: &mut dyn Sink, flush: &Flush) -> u32 {
    patiently(|| sink.write(flush))
}

/// Lets something happen to each server between two flushes, and says how often a sink failed in it.
fn through(timeout_ms: u32, happens: fn(&str), ends: fn(&str)) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // How a value is written makes no difference here.
    let is_meant = |config: &SinkConfig| !matches!(config, SinkConfig::Kafka(c) if c.format == Format::Avro);
    for config in servers::all().into_iter().filter(is_meant) {
        let config = servers::with_timeout(&config, timeout_ms);
        let name = config.type_name();
        let mut sink = config.open().unwrap();
        // A server that was killed a moment ago may not be quite up.
        patiently(|| sink.prepare(&[&PRICES]));
        assert_eq!(write(sink.as_mut(), &flush(1)) + write(sink.as_mut(), &flush(2)), 0, "{name}");
        happens(name);
        let outcome = sink.write(&flush(3));
        assert!(outcome.as_ref().is_err_and(|error| error.is_transient), "{name}: {outcome:?}");
        std::thread::scope(|scope| {
            let writing =
                scope.spawn(|| (3..=5).map(|number| write(sink.as_mut(), &flush(number))).sum::<u32>());
            std::thread::sleep(Duration::from_millis(1_500));
            ends(name);
            writing.join().unwrap();
        });
        assert_eq!(sink.committed().unwrap(), Some(50), "{name}");
        assert_eq!(held(&config), expected(5), "{name}");
        drop(sink);
        let mut again = config.open().unwrap();
        patiently(|| again.prepare(&[&PRICES]));
        assert_eq!(again.committed().unwrap(), Some(50), "{name}");
        servers::clean(&config);
    }
}

#[test]
fn a_server_that_is_killed_loses_nothing_and_is_caught_up_with() {
    through(5_000, |name| act::services("kill", name), |name| act::services("up", name));
}

#[test]
fn a_server_that_stands_still_is_waited_for() {
    through(1_000, |name| signal("STOP", name), |name| signal("CONT", name));
}
