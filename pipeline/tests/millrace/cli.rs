//! The command line as a user meets it: help, messages, exit codes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use sinks::SinkConfig;

use crate::common::{millrace, rows, run, run_well, shared, stderr, stdout};

/// A transaction of a version that does not exist: one signature, version byte 0x87.
const VERSION_7: &str = r#"{"slot":1,"blockTime":1700000000,"meta":{"err":null},"transaction":["AQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQWHAQAAAQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMAAA==","base64"]}"#;

const COMMANDS: [&str; 10] =
    ["run", "replay", "decode", "simulate", "diff", "schema", "verify", "backtest", "why", "config"];

/// Writes a simulated market of some seconds to `name` in `folder`.
fn simulate(folder: &Path, name: &str, seconds: u32) {
    run_well(folder, &["-q", "simulate", "--seed", "3", "--seconds", &seconds.to_string(), "--out", name]);
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn help_names_every_command_and_every_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let help = stdout(&run_well(folder.path(), &["--help"]));
    for command in COMMANDS {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is not in\n{help}");
    }
    for line in ["0  done", "1  failed", "2  wrong", "3  done, but", "4  `diff`"] {
        assert!(help.contains(line), "{line} is not in\n{help}");
    }
    for command in &COMMANDS[..7] {
        let help = stdout(&run_well(folder.path(), &[command, "--help"]));
        assert!(help.contains(&format!("Examples:\n  millrace {command}")), "no example in\n{help}");
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["rnu"][..], &["replay"], &["run", "--workers", "many"], &["run", "--speed", "-1"]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn all_problems_of_the_configuration_are_reported_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        "[source.simulate]\nseed = 'x'\n\n[run]\nwokers = 3\n\n[[sinks]]\ntype = 'sqlit'\n\n[dataflows]\n";
    std::fs::write(folder.path().join("m.toml"), file).unwrap();
    let output = millrace(folder.path(), &["config", "check", "m.toml"])
        .env("MILLRACE_RUN__FLUSH_INTERVAL_MS", "soon")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    let types: Vec<String> = SinkConfig::TYPES.iter().map(|name| format!("\"{name}\"")).collect();
    let (last, others) = types.split_last().unwrap();
    let types = format!("{} or {last}", others.join(", "));
    for line in [
        "  m.toml:2: source.simulate.seed: expected a whole number, not negative, found \"x\"\n",
        "  m.toml:5: run.wokers: no such key; did you mean `workers`?\n",
        &format!("  m.toml:8: sinks[0].type: expected {types}, found \"sqlit\"; did you mean \"sqlite\"?\n"),
        "  m.toml:10: dataflows: no such key; did you mean `dataflow`?\n",
        "  environment variable MILLRACE_RUN__FLUSH_INTERVAL_MS: run.flush_interval_ms: expected a whole number, \
         not negative, found \"soon\"\n",
        "\nhint: ",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    assert_eq!(text.lines().count(), 7, "{text}");
}

#[test]
fn the_printed_configuration_can_be_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let printed =
        millrace(folder.path(), &["config", "print"]).env("MILLRACE_RUN__WORKERS", "3").output().unwrap();
    let printed = stdout(&printed);
    assert!(printed.contains("workers = 3 # environment variable MILLRACE_RUN__WORKERS\n"), "{printed}");
    assert!(printed.contains("seed = 1 # default\n"), "{printed}");
    std::fs::write(folder.path().join("m.toml"), &printed).unwrap();
    assert_eq!(stdout(&run_well(folder.path(), &["config", "check", "m.toml"])), "m.toml is right\n");
    let again = stdout(&run_well(folder.path(), &["--config", "m.toml", "config", "print"]));
    let values = |text: &str| toml_values(text);
    assert_eq!(values(&again), values(&printed));
}

/// The lines of a TOML file without their comments.
fn toml_values(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split(" # ").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_cannot_be_decoded_is_named_and_the_rest_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    simulate(folder.path(), "good.jsonl", 20);
    let good = std::fs::read_to_string(path("good.jsonl")).unwrap();
    let transactions: Vec<_> = good.lines().filter(|line| line.contains("\"transaction\"")).collect();
    std::fs::write(path("garbage.bin"), b"\x00\xff\xfenothing of sense\x80").unwrap();
    let half = &transactions[0][..transactions[0].len() / 2];
    std::fs::write(path("half.jsonl"), format!("{}\n{half}\n{}\n", transactions[0], transactions[1]))
        .unwrap();
    std::fs::write(path("version.json"), VERSION_7).unwrap();

    // A path that is not there is a mistake of the command line, and nothing is read.
    let output = run(folder.path(), &["decode", "missing.json", "good.jsonl"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot read missing.json: No such file"), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");

    let output = run(folder.path(), &["decode", "garbage.bin", "half.jsonl", "version.json", "good.jsonl"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let text = stderr(&output);
    for (place, reason) in [("garbage.bin", ""), ("half.jsonl:2", ""), ("version.json", "version 7")] {
        let line =
            text.lines().find(|line| line.contains(place)).unwrap_or_else(|| panic!("no {place} in\n{text}"));
        assert!(line.contains(reason), "{reason} is not in: {line}");
        assert!(line.len() > line.find(place).unwrap() + place.len() + 10, "no reason in: {line}");
    }

    let all = json_lines(&stdout(&output)).len();
    let alone = json_lines(&stdout(&run_well(folder.path(), &["decode", "good.jsonl"]))).len();
    std::fs::write(path("pair.jsonl"), format!("{}\n{}\n", transactions[0], transactions[1])).unwrap();
    let pair = json_lines(&stdout(&run_well(folder.path(), &["decode", "pair.jsonl"]))).len();
    assert_eq!(all, alone + pair, "the good neighbours of bad lines");
    assert!(alone > 0);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    simulate(folder.path(), "market.jsonl", 120);
    let mut child = millrace(folder.path(), &["-q", "decode", "market.jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(serde_json::from_str::<Value>(&first).is_ok(), "{first}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn recorded_transactions_decode_without_a_word() {
    let Some(recorded) = shared("transactions") else {
        println!("skipped: no recorded transactions beside the checkout");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output = run_well(folder.path(), &["-q", "decode", recorded.to_str().unwrap()]);
    assert_eq!(stderr(&output), "");
    let events = json_lines(&stdout(&output));
    let expected = rows(&shared("expected.jsonl").expect("beside the transactions"));
    let name = |row: &Value| {
        ["signature", "program", "event", "outer", "inner"].map(|column| row[column].to_string()).join(" ")
    };
    let mut found: Vec<_> = events.iter().map(name).collect();
    found.sort();
    for row in expected.iter().filter(|row| row["failed"] == Value::Bool(false)) {
        assert!(found.binary_search(&name(row)).is_ok(), "{} is missing", name(row));
    }
    assert!(events.iter().all(|row| row["failed"] == Value::Bool(false)));
}

#[test]
fn events_of_failed_transactions_are_printed_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.toml"), "[source.simulate]\nfailed_ratio = 0.5\n").unwrap();
    let simulate = ["-q", "--config", "m.toml", "simulate", "--seconds", "20", "--out", "market.jsonl"];
    run_well(folder.path(), &simulate);
    let decode = |options: &[&str]| run_well(folder.path(), &[&["decode", "market.jsonl"], options].concat());
    let is_failed = |event: &&Value| event["failed"] == Value::Bool(true);

    let without = decode(&[]);
    assert_eq!(json_lines(&stdout(&without)).iter().filter(is_failed).count(), 0);
    assert!(stderr(&without).contains(" failed transaction (--failed prints them)"), "{}", stderr(&without));
    let with = json_lines(&stdout(&decode(&["--failed"])));
    assert!(with.iter().filter(is_failed).count() > 10);
}

#[test]
fn a_simulated_market_decodes_whole_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    simulate(folder.path(), "market.jsonl", 60);
    simulate(folder.path(), "market.jsonl.zst", 60);
    let plain = stdout(&run_well(folder.path(), &["decode", "market.jsonl"]));
    let packed = stdout(&run_well(folder.path(), &["decode", "market.jsonl.zst"]));
    assert!(plain.lines().count() > 100, "{} events", plain.lines().count());
    assert!(plain == packed, "the packed market is another one");
    assert!(json_lines(&plain).iter().any(|event| event["event"] == "TradeEvent"));

    let size = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
    assert!(size("market.jsonl.zst") * 3 < size("market.jsonl"));
    let printed =
        run_well(folder.path(), &["-q", "simulate", "--seed", "3", "--seconds", "60", "--out", "-"]);
    assert!(printed.stdout == std::fs::read(folder.path().join("market.jsonl")).unwrap());
}

#[test]
fn an_unwritable_output_is_exit_code_1_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let output = run(folder.path(), &["simulate", "--seconds", "1", "--out", "file/market.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.starts_with("error: ") && text.contains("file/market.jsonl"), "{text}");
}
