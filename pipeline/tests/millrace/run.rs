//! `run`: into a database, stopped cleanly, gone on with.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{millrace, run, run_well, signal, stderr, stdout};

/// How long a started process may take to do what it was told, before the test gives it up.
const PATIENCE: Duration = Duration::from_secs(120);

fn is_whole(folder: &Path, database: &str) {
    let output = run_well(folder, &["diff", database, database]);
    let text = stdout(&output);
    for record in ["trades", "candles"] {
        let line = text.lines().find(|line| line.starts_with(record)).unwrap_or_else(|| panic!("{text}"));
        assert_ne!(line.split_whitespace().nth(1), Some("0"), "no {record} in\n{text}");
    }
}

#[test]
fn the_first_command_fills_a_database_and_says_how_to_look_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = run_well(folder.path(), &["run", "--speed", "max", "--seconds", "3"]);
    let text = stderr(&output);
    assert!(text.contains("sqlite3 millrace.db \"select "), "{text}");
    let logged: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let last = logged.iter().rfind(|line| line["message"] == "running").unwrap_or_else(|| panic!("{text}"));
    assert!(last["events"].as_u64().unwrap() > 100, "{last}");
    assert_eq!(last["rejects"], 0);
    is_whole(folder.path(), "millrace.db");
}

#[test]
fn a_signal_ends_a_run_cleanly_and_the_next_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[source.simulate]\nseconds = 400\n[run]\ncheckpoint_interval_s = 1\n";
    std::fs::write(folder.path().join("m.toml"), settings).unwrap();
    let child = millrace(folder.path(), &["--config", "m.toml", "run", "--speed", "60"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    is_whole(folder.path(), "millrace.db");

    run_well(folder.path(), &["--config", "m.toml", "run", "--speed", "max"]);
    run_well(folder.path(), &["--config", "m.toml", "run", "--speed", "max", "--db", "at-once.db"]);
    let output = run(folder.path(), &["diff", "millrace.db", "at-once.db"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_run_that_was_killed_ends_as_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        "[source.simulate]\nseconds = 400\n[run]\ncheckpoint_interval_s = 1\nflush_interval_ms = 100\n";
    std::fs::write(folder.path().join("m.toml"), settings).unwrap();
    for seconds in [2, 3] {
        let mut child =
            millrace(folder.path(), &["-q", "--config", "m.toml", "run", "--speed", "60"]).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(seconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    run_well(folder.path(), &["--config", "m.toml", "run", "--speed", "max", "--workers", "2"]);
    run_well(folder.path(), &["--config", "m.toml", "run", "--speed", "max", "--db", "at-once.db"]);
    let output = run(folder.path(), &["diff", "millrace.db", "at-once.db"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_database_of_another_source_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = |seed: &str, arguments: &[&str]| {
        millrace(folder.path(), arguments).env("MILLRACE_SOURCE__SIMULATE__SEED", seed).output().unwrap()
    };
    assert_eq!(run("3", &["-q", "run", "--speed", "max", "--seconds", "1"]).status.code(), Some(0));
    let output = run("2", &["run"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("millrace.db was filled from another source: seed: 3 → 2\nhint: "), "{text}");
}

#[test]
fn a_database_that_another_run_holds_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = millrace(folder.path(), &["-q", "run"]).spawn().unwrap();
    let started = Instant::now();
    while !folder.path().join("millrace.db").exists() {
        assert!(started.elapsed() < PATIENCE, "the database does not appear");
        std::thread::sleep(Duration::from_millis(50));
    }
    let second = run(folder.path(), &["run", "--seconds", "1"]);
    signal(&child, "INT");
    assert!(child.wait().unwrap().success());
    assert_eq!(second.status.code(), Some(1), "{}", stderr(&second));
    assert!(stderr(&second).contains("millrace.db"), "{}", stderr(&second));
}

#[test]
fn an_oracle_that_refuses_ends_the_run_with_its_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hermes", listener.local_addr().unwrap());
    let serve = move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = BufReader::new(connection.try_clone().unwrap()).lines();
        let line = request.next().unwrap().unwrap();
        while request.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let answer = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 14\r\n\r\nno key, no way";
        connection.write_all(answer.as_bytes()).unwrap();
        line
    };
    let server = std::thread::Builder::new().name("server".to_owned()).spawn(serve).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = format!("[oracle]\ntype = \"hermes\"\n[oracle.hermes]\nurl = \"{url}\"\n");
    std::fs::write(folder.path().join("m.toml"), settings).unwrap();
    let output = run(folder.path(), &["-q", "--config", "m.toml", "run"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("/hermes/v2/updates/price/stream refuses: 401 Unauthorized no key, no way"),
        "{text}"
    );
    assert!(server.join().unwrap().starts_with("GET /hermes/v2/updates/price/stream?parsed=true"));
}
