//! A replay is a function of the events: not of workers, order or copies.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{files, millrace, rows, run, run_well, shared, signal, stderr};
use serde_json::Value;

/// Replays `inputs` into `out` and gives the files it wrote.
fn replay(
    folder: &Path,
    inputs: &[&str],
    out: &str,
    options: &[&str],
) -> std::collections::BTreeMap<String, Vec<u8>> {
    let arguments = [&["-q", "replay", "--out", out], options, inputs].concat();
    let output = run(folder, &arguments);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{arguments:?}: {}", stderr(&output));
    files(&folder.join(out))
}

fn same(
    a: &std::collections::BTreeMap<String, Vec<u8>>,
    b: &std::collections::BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    assert!(a.keys().eq(b.keys()), "{what}: {:?} and {:?}", a.keys(), b.keys());
    for (name, bytes) in a {
        assert!(*bytes == b[name], "{what}: {name} differs");
    }
}

/// A market with everything that disturbs a feed, in a file.
fn disturbed_market(folder: &Path, seconds: &str) {
    let settings = "[source.simulate]\nfork_probability = 0.02\nduplicate_ratio = 0.05\nlate_ratio = 0.05\n";
    std::fs::write(folder.join("disturbed.toml"), settings).unwrap();
    let config = ["--config", "disturbed.toml"];
    let what = ["-q", "simulate", "--seed", "5", "--seconds", seconds, "--out", "market.jsonl"];
    run_well(folder, &[&config[..], &what[..]].concat());
}

/// The lines of a file in another order, some of them twice, in two files.
fn shuffle(folder: &Path) {
    let text = std::fs::read_to_string(folder.join("market.jsonl")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let step = (lines.len() / 3..).find(|step| gcd(*step, lines.len()) == 1).unwrap();
    let shuffled: Vec<_> = (0..lines.len()).map(|i| lines[i * step % lines.len()]).collect();
    let (a, b) = shuffled.split_at(lines.len() / 2);
    std::fs::write(folder.join("b.jsonl"), format!("{}\n", a.join("\n"))).unwrap();
    let twice: Vec<_> = b.iter().chain(a.iter().step_by(3)).copied().collect();
    std::fs::write(folder.join("a.jsonl"), format!("{}\n", twice.join("\n"))).unwrap();
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[test]
fn any_number_of_workers_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    disturbed_market(folder.path(), "120");
    let one = replay(folder.path(), &["market.jsonl"], "one", &["--workers", "1"]);
    assert!(!one["trades.jsonl"].is_empty() && !one["candles.jsonl"].is_empty());
    for workers in ["2", "3"] {
        let more = replay(folder.path(), &["market.jsonl"], workers, &["--workers", workers]);
        same(&one, &more, &format!("{workers} workers"));
    }
}

#[test]
fn shuffled_and_duplicated_input_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    disturbed_market(folder.path(), "120");
    shuffle(folder.path());
    let straight = replay(folder.path(), &["market.jsonl"], "straight", &[]);
    let shuffled = replay(folder.path(), &["a.jsonl", "b.jsonl"], "shuffled", &["--workers", "2"]);
    same(&straight, &shuffled, "shuffled");
}

#[test]
fn arrival_order_ends_with_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    disturbed_market(folder.path(), "120");
    replay(folder.path(), &["market.jsonl"], "chain", &[]);
    replay(folder.path(), &["market.jsonl"], "arrival", &["--order", "arrival", "--workers", "2"]);
    let output = run(folder.path(), &["diff", "chain", "arrival"]);
    let text = crate::common::stdout(&output);
    // A label found after its slot was finalized is not written to the trade's row.
    let mut differences = text.lines().filter(|line| line.starts_with("  "));
    assert!(differences.all(|line| line.contains(": labels ") && line.ends_with(" | null")), "{text}");
    assert!(text.contains("candles "), "{text}");
}

#[test]
fn trades_of_a_replay_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    run_well(folder.path(), &["-q", "simulate", "--seed", "5", "--seconds", "120", "--out", "market.jsonl"]);
    replay(folder.path(), &["market.jsonl"], "first", &[]);
    replay(folder.path(), &["first/trades.jsonl"], "second", &["--source", "trades"]);
    let ids = |out: &str| -> Vec<Value> {
        rows(&folder.path().join(out).join("trades.jsonl"))
            .iter()
            .map(|row| row["event_id"].clone())
            .collect()
    };
    assert!(!ids("first").is_empty());
    assert_eq!(ids("first"), ids("second"));
}

/// Nothing of what two outputs hold differs.
fn agree(folder: &Path, a: &str, b: &str) {
    let output = run(folder, &["diff", a, b]);
    assert_eq!(output.status.code(), Some(0), "{a} and {b}: {}", crate::common::stdout(&output));
}

/// Runs a recording into the database `run.db`, with more settings of `[run]`.
fn run_into_database(folder: &Path, settings: &str) {
    let source = "[source]\ntype = \"transactions\"\n[source.transactions]\npaths = [\"market.jsonl\"]\n";
    let text = format!("{source}[run]\nspeed = \"max\"\nflush_interval_ms = 20\n{settings}\n");
    std::fs::write(folder.join("run.toml"), text).unwrap();
    run_well(folder, &["-q", "--config", "run.toml", "run", "--db", "run.db"]);
}

#[test]
fn at_the_speed_of_life_the_rows_are_those_of_a_replay_at_once() {
    let folder = tempfile::tempdir().unwrap();
    disturbed_market(folder.path(), "6");
    let at_once = replay(folder.path(), &["market.jsonl"], "at_once", &[]);
    let started = Instant::now();
    let live = replay(folder.path(), &["market.jsonl"], "live", &["--speed", "live"]);
    assert!(started.elapsed() > Duration::from_secs(5), "six seconds of the market take as long");
    same(&at_once, &live, "live");
}

#[test]
fn neither_the_speed_nor_where_events_were_kept_changes_a_row() {
    let folder = tempfile::tempdir().unwrap();
    disturbed_market(folder.path(), "30");
    let at_once = replay(folder.path(), &["market.jsonl"], "at_once", &[]);
    let started = Instant::now();
    let paced = replay(folder.path(), &["market.jsonl"], "paced", &["--speed", "10x", "--workers", "2"]);
    assert!(
        started.elapsed() > Duration::from_millis(2_500),
        "half a minute of the market, ten times as fast"
    );
    same(&at_once, &paced, "ten times as fast");
    run_into_database(folder.path(), "checkpoint_interval_s = 1");
    replay(folder.path(), &[], "log", &["--log", "run.db"]);
    agree(folder.path(), "at_once", "log");
    let arrival = ["--log", "run.db", "--order", "arrival", "--speed", "10", "--workers", "2"];
    replay(folder.path(), &[], "log_paced", &arrival);
    agree(folder.path(), "at_once", "log_paced");
    assert!(rows(&folder.path().join("log_paced/token_stats.jsonl")).len() > 100);
}

#[test]
fn a_log_that_has_let_go_of_events_says_so() {
    let folder = tempfile::tempdir().unwrap();
    disturbed_market(folder.path(), "120");
    run_into_database(folder.path(), "log_retention_s = 10");
    let output = run(folder.path(), &["replay", "--log", "run.db", "--out", "log"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("events are no longer in the log") && text.contains("log_retention_s"), "{text}");
    let times = |path: &str| -> Vec<u64> {
        rows(&folder.path().join(path)).iter().map(|row| row["block_time"].as_u64().unwrap()).collect()
    };
    replay(folder.path(), &["market.jsonl"], "all", &[]);
    let (all, kept) = (times("all/trades.jsonl"), times("log/trades.jsonl"));
    let last = all.iter().max().unwrap();
    // A run ends its clock two seconds past the last event: what was kept is counted back from there.
    let recent = |times: &[u64]| times.iter().filter(|time| **time + 7_000 >= *last).count();
    assert!(recent(&all) > 10 && recent(&kept) == recent(&all), "the last seconds are whole");
    assert!(kept.len() < all.len() * 3 / 4, "{} of {}", kept.len(), all.len());
    let missing = run(folder.path(), &["replay", "--log", "nowhere.db", "--out", "none"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("nowhere.db"), "{}", stderr(&missing));
}

#[test]
fn quotes_of_a_file_are_those_of_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    disturbed_market(folder.path(), "60");
    let text = std::fs::read_to_string(folder.path().join("market.jsonl")).unwrap();
    let (quotes, bare): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.contains("\"publish_time\""));
    assert_eq!(quotes.len(), 60);
    let shuffled: Vec<_> = (0..60).map(|i| quotes[i * 7 % 60]).collect();
    std::fs::write(folder.path().join("quotes.jsonl"), shuffled.join("\n")).unwrap();
    std::fs::write(folder.path().join("bare.jsonl"), bare.join("\n")).unwrap();
    let within = replay(folder.path(), &["market.jsonl"], "within", &[]);
    for (input, out) in [("bare.jsonl", "beside"), ("market.jsonl", "instead")] {
        let arguments = ["replay", input, "--quotes", "quotes.jsonl", "--out", out];
        let said = stderr(&run(folder.path(), &arguments));
        assert!(said.contains("quotes 60"), "{said}");
        assert_eq!(said.contains("quote_passed_over 60"), out == "instead", "{said}");
        same(&within, &files(&folder.path().join(out)), out);
    }
    // A run takes its quotes in the order in which they stand.
    std::fs::write(folder.path().join("quotes.jsonl"), quotes.join("\n")).unwrap();
    let settings = "[source]\ntype = \"transactions\"\n[source.transactions]\npaths = [\"bare.jsonl\"]\n\
                    [oracle]\ntype = \"file\"\n[oracle.file]\npaths = [\"quotes.jsonl\"]\n\
                    [run]\nspeed = \"max\"\n[[sinks]]\ntype = \"jsonl\"\ndir = \"run\"\n";
    std::fs::write(folder.path().join("run.toml"), settings).unwrap();
    run_well(folder.path(), &["-q", "--config", "run.toml", "run"]);
    agree(folder.path(), "within", "run");
}

#[test]
fn differences_are_found_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    run_well(folder.path(), &["-q", "simulate", "--seed", "5", "--seconds", "60", "--out", "market.jsonl"]);
    replay(folder.path(), &["market.jsonl"], "a", &[]);
    let text = std::fs::read_to_string(folder.path().join("market.jsonl")).unwrap();
    let most: Vec<_> = text.lines().take(text.lines().count() * 9 / 10).collect();
    std::fs::write(folder.path().join("most.jsonl"), most.join("\n")).unwrap();
    replay(folder.path(), &["most.jsonl"], "b", &[]);
    let output = run(folder.path(), &["diff", "a", "b"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let shown = crate::common::stdout(&output);
    assert!(shown.contains("trades") && shown.contains("candles"), "{shown}");
    let same = run_well(folder.path(), &["diff", "a", "a"]);
    assert!(crate::common::stdout(&same).contains("no differences"), "{}", crate::common::stdout(&same));
}

#[test]
fn what_was_refused_is_a_row_and_exit_code_3() {
    let folder = tempfile::tempdir().unwrap();
    run_well(folder.path(), &["-q", "simulate", "--seed", "5", "--seconds", "30", "--out", "market.jsonl"]);
    std::fs::write(folder.path().join("broken.jsonl"), "{\"slot\":\n").unwrap();
    std::fs::write(folder.path().join("list.jsonl"), "{\"list\": \"a\", \"trader\": \"b\"}\n").unwrap();
    let missing = run(folder.path(), &["replay", "market.jsonl", "missing", "--out", "out"]);
    assert_eq!(missing.status.code(), Some(1), "{}", stderr(&missing));
    assert!(stderr(&missing).contains("cannot read missing: "), "{}", stderr(&missing));
    let output =
        run(folder.path(), &["replay", "market.jsonl", "broken.jsonl", "list.jsonl", "--out", "out"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let rejects = rows(&folder.path().join("out/rejects.jsonl"));
    let cursors: Vec<_> = rejects.iter().map(|row| row["cursor"].as_str().unwrap()).collect();
    assert_eq!(cursors.len(), 2, "{cursors:?}");
    assert!(cursors.iter().any(|cursor| cursor.contains("broken.jsonl:1")), "{cursors:?}");
    assert!(
        stderr(&output).contains("list.jsonl:1: malformed: document: is an entry of a list of wallets: give")
    );
    assert!(stderr(&output).contains("2 refused"), "{}", stderr(&output));
    assert!(!rows(&folder.path().join("out/trades.jsonl")).is_empty());
}

#[test]
fn recorded_transactions_replay_alike_with_any_number_of_workers() {
    let Some(recorded) = shared("transactions") else {
        println!("skipped: no recorded transactions beside the checkout");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let input = recorded.to_str().unwrap();
    let one = replay(folder.path(), &[input], "one", &[]);
    for workers in ["2", "3"] {
        same(&one, &replay(folder.path(), &[input], workers, &["--workers", workers]), workers);
    }
    assert!(rows(&folder.path().join("one/trades.jsonl")).len() > 50);
}

#[test]
fn an_interrupted_replay_says_that_its_result_is_a_part() {
    let folder = tempfile::tempdir().unwrap();
    run_well(folder.path(), &["-q", "simulate", "--seed", "5", "--seconds", "600", "--out", "market.jsonl"]);
    let child = millrace(folder.path(), &["replay", "market.jsonl", "--out", "out", "--speed", "1"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Ten minutes at this speed: it cannot be done before the signal, however slow the machine.
    std::thread::sleep(Duration::from_secs(2));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("error: interrupted: out holds"), "{}", stderr(&output));
}
