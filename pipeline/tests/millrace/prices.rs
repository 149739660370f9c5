//! Which prices speak for a token, and when a price has reached a level, from made-up trades whose right answers are
//! known.

use std::path::Path;

use serde_json::Value;

use crate::common::{rows, run_well, shared};

/// Replays trades under rules into `out`; false if they are not there.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn replayed(folder: &Path, name: &str, quotes: Option<&str>) -> bool {
    let path = |name: &str| shared(&format!("faults/{name}")).map(|path| path.to_str().unwrap().to_owned());
    let number = name.split('-').next().unwrap();
    let (Some(trades), Some(rules)) = (path(name), path(&format!("{number}-rules.toml"))) else {
        println!("skipped: ../shared/data/faults is not there");
        return false;
    };
    let mut arguments = vec!["replay".to_owned(), trades];
    arguments.extend(["--source", "trades", "--rules"].map(str::to_owned));
    arguments.push(rules);
    if let Some(quotes) = quotes {
        arguments.extend(["--quotes".to_owned(), path(quotes).unwrap()]);
    }
    arguments.extend(["--out", "out"].map(str::to_owned));
    run_well(folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    true
}

/// The rows of a table; none if nothing was written of it.
fn table(folder: &Path, name: &str) -> Vec<Value> {
    let path = folder.join(format!("out/{name}.jsonl"));
    if path.exists() { rows(&path) } else { Vec::new() }
}

#[test]
fn a_pool_in_which_nothing_lies_moves_no_price_of_its_token() {
    const MINT: &str = "FjiDxjdmT2zKbhMWgJrGLTFxteDJJU9Vb8qsWVYPcSDY";
    let folder = tempfile::tempdir().unwrap();
    if !replayed(folder.path(), "04-tiny-pool.jsonl", Some("04-quotes.jsonl")) {
        return;
    }
    assert_eq!(table(folder.path(), "alerts"), Vec::<Value>::new());
    let stats = table(folder.path(), "token_stats");
    let stats: Vec<&Value> =
        stats.iter().filter(|row| row["mint"] == MINT && row["high"] != Value::Null).collect();
    assert!(!stats.is_empty());
    for row in stats {
        assert_eq!((&row["high"], &row["low"]), (&Value::from(3.2e-5), &Value::from(3e-5)), "{row}");
        assert_eq!(row["txns"], 5, "all trades count: {row}");
    }
    let candles = table(folder.path(), "candles");
    let day = |series: &str, id: &str| {
        let is_meant = |row: &&Value| row["series"] == series && row["id"] == id && row["interval"] == "1d";
        candles.iter().find(is_meant).unwrap_or_else(|| panic!("{series} of {id} has no candle")).clone()
    };
    let [all, primary] = ["all", "primary"].map(|series| day(series, MINT));
    let tiny = day("pool", "Brjurw4AN7WH7CJFwa9ud6frBBxZr1kCQEjdUP2LiDXQ");
    assert_eq!((&all["trades"], &primary["trades"], &tiny["trades"]), (&5.into(), &3.into(), &2.into()));
    for row in [&all, &primary] {
        assert_eq!((&row["high"], &row["vwap"]), (&Value::from(3.2e-5), &Value::from(3.1e-5)), "{row}");
    }
    assert_eq!((&tiny["high"], &tiny["vwap"]), (&Value::from(0.03), &Value::from(0.03)), "{tiny}");
}

#[test]
fn a_price_at_a_level_has_reached_it() {
    let folder = tempfile::tempdir().unwrap();
    if !replayed(folder.path(), "06-exactly-at-level.jsonl", None) {
        return;
    }
    let alerts = table(folder.path(), "alerts");
    let told = alerts.iter().map(|row| {
        let fired_s = row["fired_at"].as_u64().unwrap() / 1000 - 1_790_000_000;
        (row["rule_id"].as_str().unwrap(), fired_s, row["value"].as_f64().unwrap())
    });
    let mut told: Vec<(&str, u64, f64)> = told.collect();
    told.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let right = [
        ("buy-the-dip", 15, 2.9e-5),
        ("buy-the-dip", 55, 1.45e-5),
        ("stop-10", 55, 1.45e-5),
        ("target-50", 35, 4.5e-5),
    ];
    assert_eq!(told, right);
}
