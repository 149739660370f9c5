//! Real swaps of PumpSwap, replayed, against a plain recomputation of the file they come from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::common::{rows, run_well, shared};

/// A swap as the file has it, in raw units.
struct Swap {
    mint: String,
    pool: String,
    second: u64,
    is_buy: bool,
    base: u128,
    quote: u128,
    /// None where the capture hides who it was.
    trader: Option<String>,
}

/// What is added up of some swaps.
#[derive(Debug, Default, PartialEq, Eq)]
struct Total {
    trades: u64,
    buys: u64,
    volume_base: u128,
    volume_quote: u128,
    buy_volume_quote: u128,
    traders: BTreeSet<String>,
}

impl Total {
    fn add(&mut self, swap: &Swap) {
        self.trades += 1;
        self.volume_base += swap.base;
        self.volume_quote += swap.quote;
        if swap.is_buy {
            self.buys += 1;
            self.buy_volume_quote += swap.quote;
        }
        self.traders.extend(swap.trader.clone());
    }
}

/// Reads an amount digit by digit, so that no float is between the file and the raw units.
fn raw(number: &Value, decimals: usize) -> u128 {
    let text = number.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{part:0<decimals$}").parse().unwrap()
}

fn swaps(coins: &[Value]) -> Vec<Swap> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of_coin = |coin: &Value| -> Vec<Swap> {
        let swap = |swap: &Value| Swap {
            mint: text(&coin["mint"]),
            pool: text(&coin["pool"]),
            second: swap["ts"].as_u64().unwrap(),
            is_buy: swap["side"] == "buy",
            base: raw(&swap["tokens"], 6),
            quote: raw(&swap["sol"], 9),
            trader: swap["trader"].as_str().filter(|trader| !trader.starts_with("RDCT")).map(str::to_owned),
        };
        coin["swaps"].as_array().unwrap().iter().map(swap).collect()
    };
    coins.iter().flat_map(of_coin).collect()
}

fn amount(row: &Value, column: &str) -> u128 {
    row[column].as_str().unwrap().parse().unwrap()
}

/// The columns of a row that [`Total`] has; the distinct traders by their number alone.
fn total(row: &Value, trades: &str, traders: &str) -> (u64, u64, u128, u128, u64) {
    let count = |column: &str| row[column].as_u64().unwrap();
    let quote = amount(row, "volume_quote");
    (count(trades), count("buys"), quote, amount(row, "buy_volume_quote"), count(traders))
}

fn expected(total: &Total) -> (u64, u64, u128, u128, u64) {
    let Total { trades, buys, volume_quote, buy_volume_quote, traders, .. } = total;
    (*trades, *buys, *volume_quote, *buy_volume_quote, traders.len() as u64)
}

fn check_candles(found: &[Value], swaps: &[Swap]) {
    let intervals = BTreeMap::from([("1s", 1), ("1m", 60), ("5m", 300), ("1d", 86_400)]);
    let mut totals: BTreeMap<(String, &str, u64), Total> = BTreeMap::new();
    for swap in swaps {
        for (name, seconds) in &intervals {
            let open_time = swap.second / seconds * seconds * 1_000;
            totals.entry((swap.pool.clone(), *name, open_time)).or_default().add(swap);
        }
    }
    for row in found.iter().filter(|row| row["series"] == "pool") {
        let Some((name, _)) = intervals.get_key_value(row["interval"].as_str().unwrap()) else { continue };
        let key = (row["id"].as_str().unwrap().to_owned(), *name, row["open_time"].as_u64().unwrap());
        let of_file = totals.remove(&key).unwrap_or_else(|| panic!("no swaps for {row}"));
        assert_eq!(total(row, "trades", "traders"), expected(&of_file), "{key:?}");
        assert_eq!(amount(row, "volume_base"), of_file.volume_base, "{key:?}");
    }
    assert!(totals.is_empty(), "{} candles are missing: {:?}", totals.len(), totals.first_key_value());
}

fn check_windows(found: &[Value], swaps: &[Swap]) {
    let widths = [
        ("1m", 60),
        ("5m", 300),
        ("15m", 900),
        ("1h", 3_600),
        ("4h", 14_400),
        ("6h", 21_600),
        ("12h", 43_200),
        ("24h", 86_400),
    ];
    let now = found[0]["as_of"].as_u64().unwrap() / 1_000_000;
    let mut totals: BTreeMap<(String, &str), Total> = BTreeMap::new();
    for swap in swaps {
        for (name, seconds) in widths {
            let tick: u64 = if seconds > 3_600 { 10 } else { 1 };
            if now < (swap.second + seconds).next_multiple_of(tick) {
                totals.entry((swap.mint.clone(), name)).or_default().add(swap);
            }
        }
    }
    assert!(totals.len() > 10, "{:?}", totals.keys());
    for row in found.iter().filter(|row| row["txns"] != 0) {
        let window = widths.iter().find(|(name, _)| row["window"] == *name).unwrap().0;
        let key = (row["mint"].as_str().unwrap().to_owned(), window);
        let of_file = totals.remove(&key).unwrap_or_else(|| panic!("no swaps for {row}"));
        assert_eq!(total(row, "txns", "makers"), expected(&of_file), "{key:?}");
    }
    assert!(totals.is_empty(), "{} windows are missing: {:?}", totals.len(), totals.first_key_value());
}

#[test]
fn candles_and_windows_add_up_what_the_file_holds() {
    let Some(path) = shared("trades/pumpswap_2026-06.jsonl") else {
        println!("skipped: no captured swaps beside the checkout");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let input = path.to_str().unwrap();
    run_well(folder.path(), &["-q", "replay", "--source", "trades", input, "--out", "out", "--workers", "2"]);
    let found = |record: &str| rows(&folder.path().join("out").join(record));
    let swaps = swaps(&rows(&path));
    assert!(swaps.len() > 10_000);
    assert_eq!(found("trades.jsonl").len(), swaps.len());
    assert!(found("rejects.jsonl").is_empty());
    check_candles(&found("candles.jsonl"), &swaps);
    check_windows(&found("token_stats.jsonl"), &swaps);
}
