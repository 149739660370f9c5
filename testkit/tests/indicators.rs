//! Indicators against the oracle at any second, and against themselves run in every other way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use dataflows::Params;
use model::{Event, Record as _, Seconds, Value};
use operators::candles::Interval;
use operators::indicators::Indicators;
use testkit::oracle;
use testkit::run::{Plan, assert_same, run, tables_at};
use testkit::stream::{Shape, events};

fn params(correction_horizon_s: u64, intervals: &[&str], gap_bars_max: u64, remember_s: Seconds) -> Params {
    let mut params = Params { correction_horizon_s, ..Params::default() };
    let interval = |text: &&str| Interval::try_from((*text).to_owned()).unwrap();
    params.market.indicators.intervals = intervals.iter().map(interval).collect();
    params.market.indicators.gap_bars_max = gap_bars_max;
    params.market.indicators.remember_s = remember_s;
    params.market.indicators.level_bars = 30;
    params.market.indicators.volatility_bars = 5;
    // What is not looked at here costs time.
    params.market.candles.intervals = params.market.indicators.intervals[..1].to_vec();
    params.market.windows.widths.truncate(1);
    params
}

/// Seconds, minutes and hours; corrections far back, silences that are filled and that start anew, bars
/// that are let go while the bars of longer intervals that they are part of go on.
fn cases() -> Vec<(Shape, Params)> {
    let mut cases = Vec::new();
    for seed in 200..202 {
        let dense = Shape { seed, slots: 250, gap_s_max: 1, late_s_max: 90 };
        cases.push((dense, params(60, &["1s", "7s"], 1000, 100_000)));
        let minutes = Shape { seed, slots: 500, gap_s_max: 60, late_s_max: 300 };
        cases.push((minutes, params(300, &["1m", "3m", "15m", "1h", "4h"], 8, 100_000)));
        let sparse = Shape { seed, slots: 200, gap_s_max: 900, late_s_max: 3000 };
        cases.push((sparse, params(1800, &["5m", "30m", "2h", "1d"], 50, 5000)));
        let silent = Shape { seed, slots: 60, gap_s_max: 15_000, late_s_max: 1700 };
        cases.push((silent, params(1800, &["1m", "10m", "1h"], 100, 20_000)));
    }
    cases
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

/// How many rows there are in all, and how many say something, by column.
#[derive(Default)]
struct Tally(Vec<usize>);

impl Tally {
    fn add(&mut self, row: &[Value]) {
        self.0.resize(row.len(), 0);
        for (count, value) in self.0.iter_mut().zip(row) {
            *count += usize::from(!matches!(value, Value::Null | Value::Bool(false)));
        }
    }
}

#[test]
fn indicators_equal_the_oracle_at_any_second() {
    let mut tally = Tally::default();
    for (shape, params) in cases() {
        let events = events(shape);
        let history = run(&events, &params, Plan::PLAIN);
        let last = events.iter().filter_map(Event::clock).max().unwrap();
        let first = *history.changes.keys().next().unwrap();
        let step = usize::try_from((last - first) / 12).unwrap() | 1;
        let changed = history.changes.keys().step_by(history.changes.len() / 12 + 1).copied();
        let seconds: Vec<Seconds> = (first..=last).step_by(step).chain(changed).chain([last]).collect();
        for (second, tables) in tables_at(&history, &seconds) {
            let expected = oracle::table("indicators", &events[..come(&events, second)], second, &params);
            let found = tables.get("indicators").cloned().unwrap_or_default();
            for row in expected.values() {
                tally.add(row);
            }
            for (key, row) in &expected {
                assert_eq!(Some(row), found.get(key), "{shape:?} at {second}: {key:?}");
            }
            let surplus = found.keys().find(|key| !expected.contains_key(*key));
            assert_eq!(surplus, None, "{shape:?} at {second}: a row too many");
        }
    }
    for (count, column) in tally.0.iter().zip(Indicators::SCHEMA.columns) {
        assert!(*count > 50, "`{}` is said {count} times: the streams say too little", column.name);
    }
}

#[test]
fn workers_batches_and_restarts_do_not_show_in_indicators() {
    for (shape, params) in cases().into_iter().skip(1).take(2) {
        let events = events(shape);
        let plain = run(&events, &params, Plan::PLAIN);
        assert!(!plain.changes.is_empty());
        for plan in Plan::variants(events.len() / 3) {
            assert_same(&plain, &run(&events, &params, plan), &format!("{shape:?}, {plan:?}"));
        }
    }
}
