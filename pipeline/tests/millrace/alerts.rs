//! Alert rules: `backtest`, `why`, and rules that a replay is given.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::common::{rows, run, run_well, stderr, stdout};

const RULES: &str = r#"
[[rules]]
id = "whales"
kind = { whale_trade = {} }
scope = { all = {} }
threshold = 200
options = { cooldown_s = 0 }

[[rules]]
id = "wrong"
kind = { whale_trade = {} }
scope = { all = {} }
threshold = -3

[[rules]]
id = "fall"
kind = { price_move = { window_s = 60, direction = "down" } }
scope = { all = {} }
threshold = 10
unit = "sol"
"#;

fn market(folder: &Path) {
    run_well(folder, &["-q", "simulate", "--seed", "3", "--seconds", "120", "--out", "market.jsonl"]);
    std::fs::write(folder.join("rules.toml"), RULES).unwrap();
}

fn ids<'a>(alerts: impl IntoIterator<Item = &'a Value>) -> BTreeSet<&'a str> {
    alerts.into_iter().map(|row| row["alert_id"].as_str().unwrap()).collect()
}

#[test]
fn a_backtest_says_what_the_trades_say_and_what_a_replay_with_the_rules_says() {
    let folder = tempfile::tempdir().unwrap();
    market(folder.path());
    let output = run(folder.path(), &["backtest", "--rules", "rules.toml", "market.jsonl"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    // The line of the field, counted from the first.
    let line = RULES.lines().position(|line| line == "threshold = -3").unwrap() + 1;
    let complaint = format!("rules.toml:{line}: rules[1].threshold: is -3, must be a value in USD above 0");
    assert!(stderr(&output).contains(&complaint), "{}", stderr(&output));
    let alerts: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(alerts.is_sorted_by_key(|row| row["fired_at"].as_u64().unwrap()));
    let of = |rule: &'static str| alerts.iter().filter(move |row| row["rule_id"] == rule);
    assert!(of("fall").count() > 0);

    let arguments = ["-q", "replay", "--rules", "rules.toml", "market.jsonl", "--out", "result"];
    assert_eq!(run(folder.path(), &arguments).status.code(), Some(3));
    let result = folder.path().join("result");
    assert_eq!(ids(&rows(&result.join("alerts.jsonl"))), ids(&alerts));
    assert_eq!(rows(&result.join("alert_rules.jsonl")).len(), 2);

    // By hand: every trade that is worth as much, and no other.
    let trades = rows(&result.join("trades.jsonl"));
    let large = trades.iter().filter(|row| row["value_usd"].as_f64().is_some_and(|value| value >= 200.0));
    let large: BTreeSet<&str> = large.map(|row| row["event_id"].as_str().unwrap()).collect();
    let causes: BTreeSet<&str> = of("whales").map(|row| row["cause_event"].as_str().unwrap()).collect();
    assert!(!large.is_empty());
    assert_eq!(large, causes);
}

#[test]
fn why_names_the_trades_behind_an_alert() {
    let folder = tempfile::tempdir().unwrap();
    market(folder.path());
    run(folder.path(), &["-q", "replay", "--rules", "rules.toml", "market.jsonl", "--out", "result"]);
    let alerts = rows(&folder.path().join("result/alerts.jsonl"));
    let alert = alerts.iter().find(|row| row["rule_id"] == "fall").unwrap();
    let id = alert["alert_id"].as_str().unwrap();
    let text = stdout(&run_well(folder.path(), &["why", id, "--from", "result"]));
    let evidence: Vec<&str> = alert["evidence"].as_str().unwrap().split(',').collect();
    assert_eq!(evidence.len(), 2, "the trade it fell from, and the one it fell to");
    for event in evidence {
        assert!(text.contains(&format!("\n  {event}  trade at ")), "{text}");
    }
    assert!(text.contains("fall version 1: price_move 10"), "{text}");
    let none = run(folder.path(), &["why", &"0".repeat(32), "--from", "result"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("has no alert"), "{}", stderr(&none));
    assert_eq!(run(folder.path(), &["why", "0f"]).status.code(), Some(2));
}
