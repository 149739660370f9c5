//! Lists of wallets and their matches, against plain joins of files and against lists that were there before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{millrace, rows, run, run_well, shared, stderr, stdout};

/// A market of ten minutes, replayed into `plain`.
fn market(folder: &Path) {
    run_well(folder, &["-q", "simulate", "--seed", "9", "--seconds", "600", "--out", "market.jsonl"]);
    run_well(folder, &["-q", "replay", "market.jsonl", "--out", "plain"]);
}

/// The wallets that traded most, with the block times of their trades.
fn busiest(folder: &Path, count: usize) -> Vec<(String, Vec<u64>)> {
    let mut times: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in rows(&folder.join("plain/trades.jsonl")) {
        if let Some(trader) = row["trader"].as_str() {
            times.entry(trader.to_owned()).or_default().push(row["block_time"].as_u64().unwrap());
        }
    }
    let mut times: Vec<_> = times.into_iter().collect();
    times.sort_by_key(|(_, times)| std::cmp::Reverse(times.len()));
    times.truncate(count);
    times
}

#[test]
fn a_list_that_is_edited_in_mid_stream_matches_as_one_that_was_so_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    market(folder.path());
    let wallets = busiest(folder.path(), 20);
    let middle = wallets[0].1[wallets[0].1.len() / 2];
    let (mut edited, mut whole) = (String::new(), String::new());
    for (number, (wallet, _)) in wallets.iter().enumerate() {
        let mut entry = json!({"list": "whales", "trader": wallet, "score": number});
        // One of them was on the list until the middle only.
        if number == 1 {
            entry["valid_to"] = middle.into();
        }
        writeln!(whole, "{entry}").unwrap();
        if number % 2 == 1 {
            // Until then it was thought that he would stay.
            if number == 1 {
                entry.as_object_mut().unwrap().remove("valid_to");
                writeln!(edited, "{entry}").unwrap();
                entry["valid_to"] = middle.into();
            }
            entry["known_from"] = middle.into();
        }
        writeln!(edited, "{entry}").unwrap();
    }
    std::fs::write(folder.path().join("edited.jsonl"), edited).unwrap();
    std::fs::write(folder.path().join("whole.jsonl"), whole).unwrap();
    for (list, order, workers) in
        [("edited", "chain", "1"), ("whole", "chain", "2"), ("edited", "arrival", "2")]
    {
        let (file, out) = (format!("{list}.jsonl"), format!("{list}-{order}"));
        let options = ["--list", &file, "--out", &out, "--order", order, "--workers", workers];
        run_well(folder.path(), &[&["-q", "replay", "market.jsonl"], &options[..]].concat());
    }
    let (others, historical) = differences(folder.path(), "whole-chain", "edited-chain");
    assert!(others.is_empty(), "{others:#?}");
    assert!(historical > 20, "{historical}");
    let matches = |out: &str| -> Vec<Value> {
        let mut rows = rows(&folder.path().join(out).join("smart_matches.jsonl"));
        rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("as_of")));
        rows
    };
    assert_eq!(matches("edited-chain"), matches("edited-arrival"));
    let historical = matches("edited-chain").iter().filter(|row| row["historical"] == true).count();
    let live = matches("edited-chain").len() - historical;
    assert!(historical > 20 && live > 20, "{historical} and {live}");
    assert!(matches("whole-chain").iter().all(|row| row["historical"] == false));
    assert!(!rows(&folder.path().join("edited-chain/smart_clusters.jsonl")).is_empty());
}

/// What two results do not agree on but for what the time of knowing changes, and on how many matches that is.
fn differences(folder: &Path, whole: &str, edited: &str) -> (Vec<String>, usize) {
    let output = run(folder, &["diff", whole, edited, "--limit", "100000"]);
    let text = stdout(&output);
    let lines = text.lines().filter(|line| line.starts_with("  "));
    let (of_knowing, others): (Vec<&str>, Vec<&str>) = lines.partition(|line| {
        let is_one_column = line.matches(" | ").count() == 1;
        line.ends_with(": historical false | true") || (is_one_column && line.contains(": known_from 0 | "))
    });
    let historical = of_knowing.iter().filter(|line| line.contains(": historical ")).count();
    (others.into_iter().map(str::to_owned).collect(), historical)
}

#[test]
fn a_list_is_followed_while_a_run_goes_on_and_from_one_run_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[source.simulate]\nseed = 9\nseconds = 600\n[run]\ncheckpoint_interval_s = 1\n\
                    [controls]\nlists = [\"list.jsonl\"]\n";
    std::fs::write(folder.path().join("m.toml"), settings).unwrap();
    market(folder.path());
    let wallets = busiest(folder.path(), 20);
    let write = |of: std::ops::Range<usize>, score: u64| {
        let lines = wallets[of].iter().map(|(wallet, _)| {
            json!({"list": "whales", "trader": wallet, "score": score}).to_string() + "\n"
        });
        std::fs::write(folder.path().join("list.jsonl"), lines.collect::<String>()).unwrap();
    };
    write(0..10, 5);
    let options = ["-q", "--config", "m.toml", "run", "--speed", "30", "--seconds", "8"];
    let child = millrace(folder.path(), &options).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    write(5..15, 6);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    write(7..20, 7);
    run_well(folder.path(), &["-q", "--config", "m.toml", "run", "--speed", "max", "--workers", "2"]);
    run_well(folder.path(), &["-q", "--config", "m.toml", "run", "--speed", "max", "--db", "whole.db"]);
    let (others, historical) = differences(folder.path(), "whole.db", "millrace.db");
    assert!(others.is_empty(), "{others:#?}");
    assert!(historical > 20, "{historical}");
    // The log has said all that, and says it again.
    let replay = ["-q", "--config", "m.toml", "replay", "--log", "millrace.db", "--out"];
    run_well(folder.path(), &[&replay[..], &["again"]].concat());
    run_well(folder.path(), &[&replay[..], &["instead", "--list", "list.jsonl"]].concat());
    let (others, historical) = differences(folder.path(), "instead", "again");
    assert!(others.is_empty(), "{others:#?}");
    assert!(historical > 20, "{historical}");
}

#[test]
fn what_is_wrong_in_a_list_is_refused_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    run_well(folder.path(), &["-q", "simulate", "--seed", "9", "--seconds", "60", "--out", "market.jsonl"]);
    run_well(folder.path(), &["-q", "replay", "market.jsonl", "--out", "plain"]);
    let (wallet, times) = busiest(folder.path(), 1).remove(0);
    let lines = format!(
        "{{\"list\":\"a\",\"trader\":\"no\"}}\n{{\"list\":\"a\",\"trader\":\"{wallet}\"}}\n{{\"list\":\"b\",\"trader\":\"{wallet}\",\"score\":-1}}\n"
    );
    std::fs::write(folder.path().join("a.jsonl"), lines).unwrap();
    let output = run(folder.path(), &["replay", "market.jsonl", "--list", "a.jsonl", "--out", "out"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("a.jsonl:1: malformed: trader: `no` is not a base58 address of 32 bytes"),
        "{said}"
    );
    assert!(
        said.contains("a.jsonl:3: malformed: score: should be a whole number from 0 to 100, is -1"),
        "{said}"
    );
    assert_eq!(rows(&folder.path().join("out/smart_matches.jsonl")).len(), times.len());
    assert_eq!(rows(&folder.path().join("out/smart_list.jsonl")).len(), 1);
}

#[test]
fn captured_swaps_match_public_wallets_as_a_plain_join_does() {
    let (Some(swaps), Some(wallets)) = (shared("trades/pumpswap_2026-06.jsonl"), shared("wallets.jsonl"))
    else {
        println!("skipped: no captured swaps or no wallets beside the checkout");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (input, list) = (swaps.to_str().unwrap(), wallets.to_str().unwrap());
    let arguments = ["-q", "replay", "--source", "trades", input, "--list", list, "--out", "out"];
    run_well(folder.path(), &arguments);
    let listed: BTreeMap<String, String> = rows(&wallets)
        .iter()
        .map(|row| (row["address"].as_str().unwrap().to_owned(), row["label"].as_str().unwrap().to_owned()))
        .collect();
    assert!(listed.len() > 150);
    // Retained is what the list is held against when it is known from the start: all of it.
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut expected: Vec<[String; 5]> = Vec::new();
    for coin in rows(&swaps) {
        for swap in coin["swaps"].as_array().unwrap() {
            if let Some(list) = listed.get(swap["trader"].as_str().unwrap_or_default()) {
                let second = swap["ts"].as_u64().unwrap() * 1000;
                let trader = text(&swap["trader"]);
                expected.push([
                    list.clone(),
                    trader,
                    text(&coin["mint"]),
                    text(&swap["side"]),
                    second.to_string(),
                ]);
            }
        }
    }
    let mut found: Vec<[String; 5]> = Vec::new();
    for row in rows(&folder.path().join("out/smart_matches.jsonl")) {
        assert_eq!(row["historical"], false, "{row}");
        let of = |column: &str| text(&row[column]);
        found.push([of("list"), of("trader"), of("mint"), of("side"), row["block_time"].to_string()]);
    }
    expected.sort();
    found.sort();
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
    let rows_of_list = rows(&folder.path().join("out/smart_list.jsonl"));
    let traders: BTreeSet<String> = rows_of_list.iter().map(|row| text(&row["trader"])).collect();
    assert_eq!(traders, listed.into_keys().collect());
}
