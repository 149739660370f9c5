//! What a run takes in, what it refuses, and what it says where its input ends.

use std::path::Path;

use serde_json::Value;

use crate::common::{rows, run, run_well, shared, stderr, stdout};

/// Replays a file of normalized trades or of transactions into `out`; the rows of `trades` and of `rejects`.
fn replayed(folder: &Path, path: &Path, source: &str) -> (Vec<Value>, Vec<Value>) {
    let path = path.to_str().unwrap();
    let output = run(folder, &["replay", path, "--source", source, "--out", "out"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{path}: {}", stderr(&output));
    (rows(&folder.join("out/trades.jsonl")), rows(&folder.join("out/rejects.jsonl")))
}

#[test]
fn one_wrong_block_time_is_refused_by_name_and_all_others_stand() {
    for (name, source) in [
        ("05-three-hours-ahead.jsonl", "trades"),
        ("05-microseconds.jsonl", "trades"),
        ("05-transaction-milliseconds.jsonl", "transactions"),
    ] {
        let Some(path) = shared(&format!("faults/{name}")) else {
            println!("skipped: no faults beside the checkout");
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let (trades, rejects) = replayed(folder.path(), &path, source);
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert_eq!(trades.len(), lines - 1, "{name}: {rejects:?}");
        let reasons: Vec<_> = rejects.iter().map(|reject| reject["reason"].as_str().unwrap()).collect();
        // One that no block of any chain can have is refused where it is read.
        let is_possible = name == "05-three-hours-ahead.jsonl";
        assert_eq!(reasons, [if is_possible { "implausible_time" } else { "malformed" }], "{name}");
    }
}

/// A simulated market as a file with one transaction edited: `field` of it is `value`.
fn edited_market(folder: &Path, field: &str, value: &str) -> usize {
    let what = ["-q", "simulate", "--seed", "9", "--seconds", "4", "--rate", "30", "--out", "market.jsonl"];
    run_well(folder, &what);
    let text = std::fs::read_to_string(folder.join("market.jsonl")).unwrap();
    let (whole, _) = replayed(folder, &folder.join("market.jsonl"), "transactions");
    // One that holds one trade.
    let once = whole.iter().map(|trade| trade["signature"].as_str().unwrap());
    let signature = once
        .skip(20)
        .find(|one| whole.iter().filter(|trade| trade["signature"].as_str() == Some(one)).count() == 1);
    let signature = signature.unwrap();
    let is_meant = |line: &&str| line.contains(&format!("\"{signature}\""));
    let line = text.lines().find(is_meant).unwrap();
    let at = line.find(&format!("\"{field}\":")).unwrap() + field.len() + 3;
    let end = at + line[at..].find([',', '}']).unwrap();
    let edited = format!("{}{value}{}", &line[..at], &line[end..]);
    std::fs::write(folder.join("market.jsonl"), text.replace(line, &edited)).unwrap();
    whole.len()
}

#[test]
fn a_number_beyond_all_bounds_costs_its_own_transaction_and_nothing_else() {
    for (field, value) in [("blockTime", "9223372036854775807"), ("slot", "18446744073709551615")] {
        let folder = tempfile::tempdir().unwrap();
        let all = edited_market(folder.path(), field, value);
        let (trades, rejects) = replayed(folder.path(), &folder.path().join("market.jsonl"), "transactions");
        assert_eq!((trades.len(), rejects.len()), (all - 1, 1), "{field}: {rejects:?}");
        // The same in a run, whose database goes on.
        let market = folder.path().join("market.jsonl");
        let source = format!(
            "[source]\ntype = \"transactions\"\n[source.transactions]\npaths = [\"{}\"]\n",
            market.display()
        );
        std::fs::write(folder.path().join("run.toml"), format!("{source}[run]\nspeed = \"max\"\n")).unwrap();
        for _ in 0..2 {
            let output = run(folder.path(), &["-q", "--config", "run.toml", "run", "--db", "run.db"]);
            assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
        }
        let output = run(folder.path(), &["diff", "out", "run.db"]);
        assert_eq!(output.status.code(), Some(0), "{field}: {}", stdout(&output));
    }
}

/// A purchase and a sale ten seconds later, and nothing after them.
fn two_trades(folder: &Path) {
    let address = |last: char| format!("{}{last}", "1".repeat(31));
    let trade = |slot: u64, side: &str| {
        let signature = format!("{}{}", "1".repeat(63), if side == "buy" { '2' } else { '3' });
        let time = 1_700_000_000_000 + slot * 400;
        format!(
            "{{\"slot\":{slot},\"tx_index\":0,\"outer_ix\":0,\"signature\":\"{signature}\",\"block_time\":{time},\
             \"program\":\"pumpswap\",\"pool\":\"{}\",\"mint\":\"{}\",\
             \"quote_mint\":\"So11111111111111111111111111111111111111112\",\"trader\":\"{}\",\"side\":\"{side}\",\
             \"base_amount\":1000000000,\"quote_amount\":1000000000,\"base_decimals\":6,\"quote_decimals\":9}}\n",
            address('2'),
            address('3'),
            address('4')
        )
    };
    std::fs::write(folder.join("trades.jsonl"), trade(1_000, "buy") + &trade(1_025, "sell")).unwrap();
}

#[test]
fn the_end_of_a_file_brings_all_rows_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_trades(folder);
    run_well(folder, &["replay", "trades.jsonl", "--source", "trades", "--out", "replayed"]);
    let stats = rows(&folder.join("replayed/wallet_stats.jsonl"));
    let all = stats.iter().find(|row| row["period"] == "all").unwrap_or_else(|| panic!("{stats:?}"));
    assert_eq!(all["closed"], 1, "{all}");
    assert_eq!(rows(&folder.join("replayed/wallet_positions.jsonl")).len(), 1);
    let source = "[source]\ntype = \"trades\"\n[source.trades]\npaths = [\"trades.jsonl\"]\n";
    std::fs::write(folder.join("run.toml"), format!("{source}[run]\nspeed = \"max\"\n")).unwrap();
    run_well(folder, &["-q", "--config", "run.toml", "run", "--db", "run.db"]);
    run_well(folder, &["replay", "--log", "run.db", "--out", "log"]);
    for (one, other) in [("replayed", "run.db"), ("run.db", "log")] {
        let output = run(folder, &["diff", one, other]);
        assert_eq!(output.status.code(), Some(0), "{one} and {other}: {}", stdout(&output));
    }
}

/// The numbers of `194 trades in = 193 rows + 1 implausible_time`.
fn account(text: &str) -> (u64, Vec<u64>) {
    let line = text.lines().find(|line| line.contains(" trades in = ")).unwrap_or_else(|| panic!("{text}"));
    let (before, after) = line.split_once(" trades in = ").unwrap();
    let number = |text: &str| text.split_whitespace().next().unwrap().parse().unwrap();
    let given = before.rsplit(' ').next().unwrap().parse().unwrap();
    (given, after.split(';').next().unwrap().split(" + ").map(number).collect())
}

#[test]
fn every_trade_of_every_source_is_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let market = "[source.simulate]\nseconds = 60\nfork_probability = 0.05\nduplicate_ratio = 0.1\nlate_ratio = 0.1\n\
                  [run]\nspeed = \"max\"\n[dataflow]\ncorrection_horizon_s = 60\n";
    std::fs::write(folder.join("m.toml"), market).unwrap();
    let told = |arguments: &[&str]| stderr(&run(folder, &[&["--config", "m.toml"], arguments].concat()));
    told(&["-q", "simulate", "--out", "market.jsonl"]);
    let said = [
        told(&["run", "--db", "run.db"]),
        told(&["replay", "market.jsonl", "--out", "replayed"]),
        told(&["replay", "market.jsonl", "--out", "arrived", "--order", "arrival", "--workers", "2"]),
        told(&["replay", "--log", "run.db", "--out", "log"]),
        told(&["replay", "replayed/trades.jsonl", "--source", "trades", "--out", "again"]),
    ];
    for text in said {
        let (given, counted) = account(&text);
        assert!(given > 300, "{text}");
        assert_eq!(given, counted.iter().sum::<u64>(), "{text}");
    }
    let (given, counted) = account(&told(&["replay", "market.jsonl", "--out", "counted"]));
    assert_eq!(counted[0], rows(&folder.join("counted/trades.jsonl")).len() as u64);
    assert!(counted[0] < given, "some are of dead slots, and some come twice");
}

/// A line of `trades.jsonl` with some of its fields edited.
fn edited(line: &str, edits: &[(&str, Value)]) -> String {
    let mut row: Value = serde_json::from_str(line).unwrap();
    for (field, value) in edits {
        row[*field] = value.clone();
    }
    format!("{row}\n")
}

#[test]
fn of_two_different_trades_under_one_id_the_second_is_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_trades(folder);
    let text = std::fs::read_to_string(folder.join("trades.jsonl")).unwrap();
    let line = text.lines().next().unwrap();
    let other_signature = Value::from(format!("{}5", "1".repeat(63)));
    for (name, edits) in [
        ("amount", vec![("base_amount", Value::from(2_000_000_000_u64))]),
        ("signature", vec![("signature", other_signature)]),
    ] {
        for order in ["before", "after"] {
            let other = edited(line, &edits);
            let lines = if order == "before" { other + &text } else { text.clone() + &other };
            std::fs::write(folder.join("both.jsonl"), lines).unwrap();
            let (trades, rejects) = replayed(folder, &folder.join("both.jsonl"), "trades");
            assert_eq!((trades.len(), rejects.len()), (2, 1), "{name} {order}: {rejects:?}");
            assert_eq!(rejects[0]["reason"], "conflict", "{name} {order}");
            assert_eq!(trades[0]["base_amount"], "1000000000", "{name} {order}: the least stands");
        }
    }
}

#[test]
fn the_same_trades_are_read_from_csv_packed_with_a_mark_and_with_iso_times() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_trades(folder);
    let (expected, _) = replayed(folder, &folder.join("trades.jsonl"), "trades");
    let lines: Vec<Value> = rows(&folder.join("trades.jsonl"));
    let names: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    let cell = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |row: &Value| names.iter().map(|name| cell(&row[name.as_str()])).collect::<Vec<_>>().join(",");
    let head = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",");
    let csv = format!("\u{feff}{head}\n{}\n{}\n", line(&lines[0]), line(&lines[1]));
    // 1,700,000,400,000 and 410,000 milliseconds.
    let iso =
        csv.replace("1700000400000", "2023-11-14T22:20:00Z").replace("1700000410000", "2023-11-14 22:20:10");
    assert!(csv.contains("1700000400000") && csv != iso);
    for (name, text) in [("a.csv", csv), ("b.csv", iso)] {
        std::fs::write(folder.join(name), text).unwrap();
        let (trades, rejects) = replayed(folder, &folder.join(name), "trades");
        assert_eq!((trades.as_slice(), rejects.len()), (expected.as_slice(), 0), "{name}: {rejects:?}");
    }
}

#[test]
fn a_file_of_another_kind_is_told_how_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_trades(folder);
    run_well(folder, &["-q", "run", "--speed", "max", "--seconds", "1", "--db", "run.db"]);
    run_well(folder, &["-q", "simulate", "--seconds", "2", "--out", "market.jsonl"]);
    for (path, source, wanted) in [
        ("trades.jsonl", "transactions", "is a normalized trade: read it with `--source trades`"),
        ("market.jsonl", "trades", "leave out `--source trades`"),
        ("run.db", "transactions", "`millrace replay --log` reads what its run has logged"),
    ] {
        let output = run(folder, &["replay", path, "--source", source, "--out", "out"]);
        assert_eq!(output.status.code(), Some(3), "{path}: {}", stderr(&output));
        assert!(stderr(&output).contains(wanted), "{path}: {}", stderr(&output));
    }
    std::fs::create_dir(folder.join("nothing")).unwrap();
    let output = run(folder, &["replay", "nothing", "--out", "out"]);
    assert!(stderr(&output).contains("an empty folder"), "{}", stderr(&output));
}

#[test]
fn refusals_are_named_in_the_order_of_lines() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (1..=12).map(|n| format!("{{\"slot\": {n}}}")).collect();
    std::fs::write(folder.path().join("bad.jsonl"), lines.join("\n")).unwrap();
    let output = run(folder.path(), &["replay", "bad.jsonl", "--source", "trades", "--out", "out"]);
    let text = stderr(&output);
    let named = text.lines().filter_map(|line| line.strip_prefix("refused: bad.jsonl:"));
    let named: Vec<&str> = named.map(|rest| rest.split(':').next().unwrap()).collect();
    assert_eq!(named, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"], "{text}");
}
