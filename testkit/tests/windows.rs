//! Sliding windows against the oracle at any second, those in which nothing comes included.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use dataflows::Params;
use model::{Event, Record as _, Row, Seconds, Value};
use operators::candles::Interval;
use operators::windows::TokenStats;
use testkit::oracle;
use testkit::run::{Plan, assert_same, run, tables_at};
use testkit::stream::{Shape, events};

fn params(correction_horizon_s: u64, widths: &[&str]) -> Params {
    let mut params = Params { correction_horizon_s, ..Params::default() };
    let interval = |text: &&str| Interval::try_from((*text).to_owned()).unwrap();
    params.market.windows.widths = widths.iter().map(interval).collect();
    // What is not looked at here costs time.
    params.market.candles.intervals.truncate(1);
    params.market.indicators.intervals.clear();
    params
}

/// Seconds and hours; windows shorter and longer than the horizon, moving by the second and by ten.
fn cases() -> Vec<(Shape, Params)> {
    let mut cases = Vec::new();
    for seed in 100..104 {
        let dense = Shape { seed, slots: 150, gap_s_max: 1, late_s_max: 90 };
        cases.push((dense, params(60, &["1s", "5s", "20s", "1m"])));
        let idle = Shape { seed, slots: 60, gap_s_max: 900, late_s_max: 1700 };
        cases.push((idle, params(1800, &["30s", "2m"])));
        let ticks = Shape { seed, slots: 400, gap_s_max: 90, late_s_max: 1200 };
        let mut of_ticks = params(900, &["10m", "1h", "3610s", "2h"]);
        // A wash that shows hours after its first trade.
        of_ticks.market.labels.wash.window_s = 7200;
        cases.push((ticks, of_ticks));
        let long = Shape { seed, slots: 200, gap_s_max: 600, late_s_max: 9000 };
        cases.push((long, params(10_000, &["1m", "15m", "61m", "4h", "6h"])));
    }
    cases
}

fn column<'a>(row: &'a Row, name: &str) -> &'a Value {
    &row[TokenStats::SCHEMA.columns.iter().position(|column| column.name == name).unwrap()]
}

/// How many events have come by the end of a second of the clock.
fn come(events: &[Event], second: Seconds) -> usize {
    let mut clock = 0;
    let is_in = |event: &&Event| {
        clock = clock.max(event.clock().unwrap_or(0));
        clock <= second
    };
    events.iter().take_while(is_in).count()
}

#[test]
fn windows_equal_the_oracle_at_any_second() {
    let (mut rows, mut empty, mut filtered) = (0, 0, 0);
    for (shape, params) in cases() {
        let events = events(shape);
        let history = run(&events, &params, Plan::PLAIN);
        let last = events.iter().filter_map(Event::clock).max().unwrap();
        let first = *history.changes.keys().next().unwrap();
        // Odd, so that it meets every second of ten.
        let step = usize::try_from((last - first) / 40).unwrap() | 1;
        let changed = history.changes.keys().step_by(history.changes.len() / 20 + 1).copied();
        let seconds: Vec<Seconds> = (first..=last).step_by(step).chain(changed).chain([last]).collect();
        for (second, tables) in tables_at(&history, &seconds) {
            let expected = oracle::table("token_stats", &events[..come(&events, second)], second, &params);
            let found = tables.get("token_stats").cloned().unwrap_or_default();
            for (key, row) in &expected {
                assert_eq!(Some(row), found.get(key), "{shape:?} at {second}: {key:?}");
            }
            let surplus = found.keys().find(|key| !expected.contains_key(*key));
            assert_eq!(surplus, None, "{shape:?} at {second}: a row too many");
            rows += expected.len();
            let is_filtered = |row: &&Row| column(row, "txns") != column(row, "filtered_txns");
            filtered += expected.values().filter(is_filtered).count();
            empty += usize::from(expected.is_empty());
        }
    }
    assert!(rows > 1000 && empty > 10, "{rows} rows, {empty} times none: the streams say too little");
    assert!(filtered > 100, "marked trades are in only {filtered} of {rows} rows");
}

#[test]
fn workers_batches_and_restarts_do_not_show_in_windows() {
    for (shape, params) in cases().into_iter().take(4) {
        let events = events(shape);
        let plain = run(&events, &params, Plan::PLAIN);
        assert!(!plain.changes.is_empty());
        for plan in Plan::variants(events.len() / 3) {
            assert_same(&plain, &run(&events, &params, plan), &format!("{shape:?}, {plan:?}"));
        }
    }
}
