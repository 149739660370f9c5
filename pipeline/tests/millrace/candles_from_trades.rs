//! `candles.jsonl` computed again from `trades.jsonl`, slowly and plainly.
//!
//! Nothing of the pipeline is used here: the trades are grouped by series, interval and bucket, and
//! every column is computed from the group by its definition (DEFINITIONS §3). Both files must agree
//! row for row and column for column.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::common::{rows, run_well, shared};

/// Length in seconds of every interval, by name.
const INTERVALS: [(&str, u64); 12] = [
    ("1s", 1),
    ("15s", 15),
    ("30s", 30),
    ("1m", 60),
    ("5m", 300),
    ("15m", 900),
    ("30m", 1_800),
    ("1h", 3_600),
    ("4h", 14_400),
    ("6h", 21_600),
    ("12h", 43_200),
    ("1d", 86_400),
];

const CURVES: [&str; 3] = ["pump", "raydium_launchlab", "meteora_dbc"];

/// Canonical order: transactions with an index first, the others by their signature.
type Place = (u64, bool, u64, u64, i64);

#[derive(Debug)]
struct Trade {
    place: Place,
    id: String,
    second: u64,
    pool: String,
    mint: String,
    quote_mint: String,
    is_curve: bool,
    trader: Option<String>,
    is_buy: bool,
    base: u128,
    quote: u128,
    base_decimals: u64,
    quote_decimals: u64,
    /// The price, if it belongs to the clean series.
    clean: Option<f64>,
    /// Supply in coins, as the market capitalisation of the row implies.
    supply: Option<f64>,
    value_usd: Option<f64>,
    quote_reserve: Option<u128>,
    /// False of a pair of which nobody knows which token is the money: it speaks for no token.
    is_known: bool,
    is_primary: bool,
    is_in_all: bool,
    /// Whether its price counts in `all`.
    is_priced_in_all: bool,
}

fn text(row: &Value, column: &str) -> String {
    row[column].as_str().unwrap_or_else(|| panic!("{column} of {row}")).to_owned()
}

fn number(row: &Value, column: &str) -> u64 {
    row[column].as_u64().unwrap_or_else(|| panic!("{column} of {row}"))
}

fn place(id: &str) -> Place {
    let mut parts = id.splitn(4, '-');
    let mut next = || parts.next().unwrap();
    let slot = next().parse().unwrap();
    let tx = next();
    let (is_unindexed, tx) = match tx.strip_prefix('s') {
        Some(prefix) => (true, u64::from_str_radix(prefix, 16).unwrap()),
        None => (false, tx.parse().unwrap()),
    };
    (slot, is_unindexed, tx, next().parse().unwrap(), next().parse().unwrap())
}

fn trade(row: &Value) -> Trade {
    let id = text(row, "event_id");
    let base: u128 = text(row, "base_amount").parse().unwrap();
    let base_decimals = number(row, "base_decimals");
    let is_dust = base * 10_000 < 10u128.pow(u32::try_from(base_decimals).unwrap());
    let price = row["price"].as_f64();
    let value_usd = row["value_usd"].as_f64();
    let is_clean = row["price_ok"] == json!(true) && !is_dust && value_usd.is_none_or(|usd| usd >= 0.01);
    let shown = row["spot_price"].as_f64().or(price);
    Trade {
        place: place(&id),
        id,
        second: number(row, "block_time") / 1_000,
        pool: text(row, "pool"),
        mint: text(row, "mint"),
        quote_mint: text(row, "quote_mint"),
        is_curve: CURVES.contains(&text(row, "program").as_str()),
        trader: row["trader"].as_str().map(str::to_owned),
        is_buy: text(row, "side") == "buy",
        base,
        quote: text(row, "quote_amount").parse().unwrap(),
        base_decimals,
        quote_decimals: number(row, "quote_decimals"),
        clean: price.filter(|_| is_clean),
        supply: row["market_cap_quote"].as_f64().zip(shown).map(|(cap, price)| cap / price),
        value_usd,
        quote_reserve: row["quote_reserve"].as_str().map(|text| text.parse().unwrap()),
        is_known: row["quote_known"] == json!(true),
        is_primary: false,
        is_in_all: false,
        is_priced_in_all: false,
    }
}

/// Marks the trades of one mint, in canonical order, that belong to `primary` and `all`.
///
/// The trades alone do not say when the token migrated or where to: where migrations are recorded, it is
/// taken to have left its curve after the curve's last trade, for the first pool to trade from then on. A token that was silent for
/// thirty days starts anew.
fn choose_primary(trades: &mut [Trade], has_migrations: bool) {
    let last_on_curve = match has_migrations {
        true => trades.iter().rposition(|trade| trade.is_curve && trade.is_known),
        false => Some(trades.len()),
    };
    let mut primary: Option<(String, String, bool)> = None; // pool, quote, is it a curve
    let mut reserves: BTreeMap<String, (String, Option<u128>)> = BTreeMap::new();
    // Of curves too, which no pool takes over from by what it holds.
    let mut all_reserves: BTreeMap<String, Option<u128>> = BTreeMap::new();
    let mut ahead_since: BTreeMap<String, u64> = BTreeMap::new();
    let mut forgotten_at = u64::MAX;
    for (i, trade) in trades.iter_mut().enumerate() {
        if trade.second >= forgotten_at {
            primary = None;
            reserves.clear();
            ahead_since.clear();
        }
        forgotten_at = trade.second + 30 * 86_400;
        if !trade.is_known {
            continue;
        }
        let own = (trade.pool.clone(), trade.quote_mint.clone(), trade.is_curve);
        let takes_over = match &primary {
            None => true,
            Some((_, _, true)) => !trade.is_curve && last_on_curve.is_some_and(|last| i > last),
            Some((_, _, false)) => trade.is_curve && last_on_curve.is_some_and(|last| i <= last),
        };
        if takes_over {
            primary = Some(own);
            ahead_since.clear();
        }
        let due = ahead_since
            .iter()
            .filter(|(_, since)| **since + 600 <= trade.second)
            .min_by_key(|(_, since)| **since);
        if let Some(pool) = due.map(|(pool, _)| pool.clone()) {
            primary = Some((pool.clone(), reserves[&pool].0.clone(), false));
            ahead_since.clear();
        }
        all_reserves.insert(trade.pool.clone(), trade.quote_reserve);
        if !trade.is_curve {
            reserves.insert(trade.pool.clone(), (trade.quote_mint.clone(), trade.quote_reserve));
        }
        let (pool, quote, is_curve) = primary.as_ref().unwrap();
        let own = reserves.get(pool).and_then(|(_, reserve)| *reserve);
        for (rival, (rival_quote, reserve)) in &reserves {
            let is_ahead = own.zip(*reserve).is_some_and(|(own, rival)| rival * 10 > own * 12);
            if !is_curve && rival != pool && rival_quote == quote && is_ahead {
                ahead_since.entry(rival.clone()).or_insert(trade.second);
            } else {
                ahead_since.remove(rival);
            }
        }
        trade.is_primary = trade.pool == *pool;
        trade.is_in_all = trade.quote_mint == *quote;
        let held = trade.quote_reserve.map(|after| {
            let before = if trade.is_buy { after.saturating_sub(trade.quote) } else { after + trade.quote };
            before.min(after)
        });
        let present = all_reserves.get(pool).copied().flatten();
        let is_deep = held.zip(present).is_some_and(|(held, present)| held * 10 >= present);
        trade.is_priced_in_all = trade.is_primary || (trade.is_in_all && is_deep);
    }
}

fn distinct<'t>(trades: impl Iterator<Item = &'t &'t Trade>) -> usize {
    trades.filter_map(|trade| trade.trader.as_deref()).collect::<BTreeSet<_>>().len()
}

/// The columns of the candle of `trades`, which are in canonical order and at least one.
fn candle(trades: &[&Trade], series: &str) -> BTreeMap<&'static str, Value> {
    let is_priced = |trade: &&&Trade| trade.clean.is_some() && (series != "all" || trade.is_priced_in_all);
    let clean: Vec<&Trade> = trades.iter().filter(is_priced).copied().collect();
    let prices: Vec<_> = clean.iter().filter_map(|trade| trade.clean).collect();
    let closing = clean.last();
    let buys: Vec<_> = trades.iter().filter(|trade| trade.is_buy).copied().collect();
    let sells: Vec<_> = trades.iter().filter(|trade| !trade.is_buy).copied().collect();
    let quote = |trades: &[&Trade]| trades.iter().map(|trade| trade.quote).sum::<u128>();
    let base: u128 = trades.iter().map(|trade| trade.base).sum();
    let last = trades.last().unwrap();
    let values: Vec<f64> = trades.iter().filter_map(|trade| trade.value_usd).collect();
    let scale =
        10f64.powi(i32::try_from(last.base_decimals).unwrap() - i32::try_from(last.quote_decimals).unwrap());
    let clean_base: u128 = clean.iter().map(|trade| trade.base).sum();
    let vwap = (!clean.is_empty()).then(|| quote(&clean) as f64 / clean_base as f64 * scale);
    BTreeMap::from([
        ("open", json!(prices.first())),
        ("close", json!(prices.last())),
        ("high", json!(prices.iter().copied().reduce(f64::max))),
        ("low", json!(prices.iter().copied().reduce(f64::min))),
        ("volume_base", json!(base.to_string())),
        ("volume_quote", json!(quote(trades).to_string())),
        ("buy_volume_quote", json!(quote(&buys).to_string())),
        ("sell_volume_quote", json!(quote(&sells).to_string())),
        ("volume_usd", json!((!values.is_empty()).then(|| values.iter().sum::<f64>()))),
        ("volume_usd_missing", json!(trades.len() - values.len())),
        ("trades", json!(trades.len())),
        ("buys", json!(buys.len())),
        ("sells", json!(sells.len())),
        ("traders", json!(distinct(trades.iter()))),
        ("buyers", json!(distinct(buys.iter()))),
        ("sellers", json!(distinct(sells.iter()))),
        ("vwap", json!(vwap)),
        ("market_cap_close", json!(closing.and_then(|trade| Some(trade.clean? * trade.supply?)))),
        ("first_event", json!(trades[0].id)),
        ("last_event", json!(last.id)),
    ])
}

/// Exactly equal, but for floats that are quotients: those may differ in the last digits.
fn agree(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * a.abs().max(b.abs()),
        _ => a == b,
    }
}

type Key = (String, String, String, u64);

/// Recomputes the candles of a replay and compares. Returns how many there are.
fn check(folder: &Path, has_migrations: bool) -> usize {
    let mut by_mint: BTreeMap<String, Vec<Trade>> = BTreeMap::new();
    for row in rows(&folder.join("trades.jsonl")) {
        let trade = trade(&row);
        by_mint.entry(trade.mint.clone()).or_default().push(trade);
    }
    let mut groups: BTreeMap<Key, Vec<&Trade>> = BTreeMap::new();
    for trades in by_mint.values_mut() {
        trades.sort_by_key(|trade| trade.place);
        choose_primary(trades, has_migrations);
    }
    for trade in by_mint.values().flatten() {
        for (name, seconds) in INTERVALS {
            let open_time = trade.second / seconds * seconds * 1_000;
            let mut join = |series: &str, id: &str| {
                let key = (series.to_owned(), id.to_owned(), name.to_owned(), open_time);
                groups.entry(key).or_default().push(trade);
            };
            join("pool", &trade.pool);
            if trade.is_in_all {
                join("all", &trade.mint);
            }
            if trade.is_primary {
                join("primary", &trade.mint);
            }
        }
    }
    let mut found = BTreeSet::new();
    for row in rows(&folder.join("candles.jsonl")) {
        let key = (text(&row, "series"), text(&row, "id"), text(&row, "interval"), number(&row, "open_time"));
        let group = groups.get(&key).unwrap_or_else(|| panic!("a candle without trades: {row}"));
        for (column, expected) in candle(group, &key.0) {
            let value = &row[column];
            assert!(agree(value, &expected), "{column} of {key:?} is {value}, expected {expected}");
        }
        let seconds = INTERVALS.iter().find(|(name, _)| *name == key.2).unwrap().1;
        let is_over = number(&row, "as_of") / 1_000_000 >= key.3 / 1_000 + seconds;
        assert_eq!(row["is_closed"], json!(is_over), "is_closed of {key:?}");
        assert!(found.insert(key.clone()), "{key:?} is there twice");
    }
    let missing: Vec<_> = groups.keys().filter(|key| !found.contains(*key)).collect();
    assert!(missing.is_empty(), "{} candles are missing, such as {:?}", missing.len(), missing[0]);
    found.len()
}

#[test]
fn candles_of_a_simulated_market_agree_with_its_trades() {
    let folder = tempfile::tempdir().unwrap();
    run_well(folder.path(), &["-q", "simulate", "--seed", "11", "--seconds", "600", "--out", "market.jsonl"]);
    run_well(folder.path(), &["-q", "replay", "market.jsonl", "--out", "out", "--workers", "2"]);
    let candles = check(&folder.path().join("out"), true);
    assert!(candles > 10_000, "only {candles} candles");
}

#[test]
fn candles_of_recorded_transactions_agree_with_their_trades() {
    let Some(recorded) = shared("transactions") else {
        println!("skipped: no recorded transactions beside the checkout");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output =
        crate::common::run(folder.path(), &["-q", "replay", recorded.to_str().unwrap(), "--out", "out"]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", crate::common::stderr(&output));
    // No token among them is recorded both on its curve and at its migration.
    assert!(check(&folder.path().join("out"), false) > 100);
}

#[test]
fn candles_of_captured_swaps_agree_with_their_trades() {
    let Some(captured) = shared("trades/pumpswap_2026-06.jsonl") else {
        println!("skipped: no captured swaps beside the checkout");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let input = captured.to_str().unwrap();
    run_well(folder.path(), &["-q", "replay", "--source", "trades", input, "--out", "out"]);
    assert!(check(&folder.path().join("out"), false) > 10_000);
}
