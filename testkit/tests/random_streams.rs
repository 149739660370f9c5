//! Random streams against the oracle, and against themselves run in every other way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use dataflows::Params;
use model::time::MICROS_PER_SECOND;
use model::{Event, Record as _, Row, Seconds, Value};
use operators::candles::{Candle, Interval};
use operators::keyed::PLACES;
use operators::wallets::Mode;
use operators::{leaders, smart, wallets};
use testkit::oracle::{tables, tables_at_end, without_received_at};
use testkit::run::{Plan, Tables, assert_same, ended, run, said, tables_at};
use testkit::stream::{Shape, address, events};

fn params(horizon_s: u64, intervals: &[&str], takeover_s: Seconds) -> Params {
    let mut params = Params { correction_horizon_s: horizon_s, ..Params::default() };
    let interval = |text: &&str| Interval::try_from((*text).to_owned()).unwrap();
    params.market.candles.intervals = intervals.iter().map(interval).collect();
    params.market.windows.widths.clone_from(&params.market.candles.intervals);
    params.market.indicators.intervals.clone_from(&params.market.candles.intervals);
    params.market.candles.primary.takeover_s = takeover_s;
    params.market.labels.fresh_s = horizon_s * 3 / 2;
    params.market.labels.wash.window_s = horizon_s;
    params.market.labels.protocol_accounts = vec![address(b'W', 11)];
    params.market.usd.correction_s = horizon_s / 2;
    params.market.smart = smart::Params {
        retain_s: horizon_s * 5 / 4,
        remember_s: horizon_s * 3 / 2,
        cluster_wallets: 2,
        cluster_window_s: horizon_s / 2,
    };
    let widths: Vec<Seconds> = params.market.windows.widths.iter().map(|width| width.seconds()).collect();
    // The narrowest counts as the hour, the widest as the day, in which the quiet token dies.
    (params.market.tokens.hour_s, params.market.tokens.day_s) = (widths[0], widths[widths.len() - 1]);
    params.market.tokens.dead_s = horizon_s / 2;
    params.market.leaders = leaders::Params { size: 3, gainers_liquidity_usd_min: 0.1, gainers_txns_min: 2 };
    params
}

/// Dense: several slots a second. Sparse: hours go by, so that states are let go on the way.
fn cases() -> Vec<(Shape, Params)> {
    let mut cases = Vec::new();
    for (seed, mode) in (0..12).zip([Mode::Adjusted, Mode::Raw, Mode::Strict].into_iter().cycle()) {
        let dense = Shape { seed, slots: 120, gap_s_max: 1, late_s_max: 90 };
        let mut of_dense = params(60, &["1s", "15s", "1m"], 10);
        let sparse = Shape { seed, slots: 150, gap_s_max: 400, late_s_max: 3000 };
        let mut of_sparse = params(1800, &["1m", "30m", "1h", "4h"], 900);
        for params in [&mut of_dense, &mut of_sparse] {
            params.market.wallets =
                wallets::Params { mode, step_s: 4, mark_s: 3, ..wallets::Params::default() };
        }
        cases.push((dense, of_dense));
        cases.push((sparse, of_sparse));
    }
    cases
}

/// What the oracle knows nothing of is left out.
fn comparable(mut tables: Tables) -> Tables {
    tables.remove("rejects");
    if let Some(trades) = tables.remove("trades") {
        tables.insert("trades", without_received_at(trades));
    }
    tables
}

/// How many events have come by the end of each second of the clock.
fn arrivals(events: &[Event]) -> Vec<(Seconds, usize)> {
    let mut clock = 0;
    let mut arrivals: Vec<(Seconds, usize)> = Vec::new();
    for (count, event) in events.iter().enumerate() {
        clock = clock.max(event.clock().unwrap_or(0));
        match arrivals.last_mut() {
            Some((second, last)) if *second == clock => *last = count + 1,
            _ => arrivals.push((clock, count + 1)),
        }
    }
    arrivals
}

#[test]
fn outputs_equal_the_oracle_at_every_sampled_second_and_at_the_end() {
    for (shape, params) in cases() {
        let events = events(shape);
        let history = run(&events, &params, Plan::PLAIN);
        let arrivals = arrivals(&events);
        let sampled: Vec<(Seconds, usize)> =
            arrivals.iter().step_by(arrivals.len() / 12 + 1).chain(arrivals.last()).copied().collect();
        let seconds: Vec<Seconds> = sampled.iter().map(|(second, _)| *second).collect();
        let found = tables_at(&history, &seconds);
        for (second, count) in sampled {
            let expected = tables(&events[..count], second, &params);
            let found = comparable(found[&second].clone());
            for (name, expected) in &expected {
                for (key, row) in expected {
                    let other = found.get(name).and_then(|table| table.get(key));
                    assert_eq!(Some(row), other, "{shape:?} at {second}: {name} {key:?}");
                }
                let surplus = found[name].keys().find(|key| !expected.contains_key(*key));
                assert_eq!(surplus, None, "{shape:?} at {second}: {name} has a row too many");
            }
            assert_eq!(expected.len(), found.len(), "{shape:?} at {second}");
        }
    }
}

#[test]
fn workers_batches_and_restarts_do_not_show() {
    for (shape, params) in cases().into_iter().take(8) {
        let events = events(shape);
        let plain = run(&events, &params, Plan::PLAIN);
        assert!(!plain.changes.is_empty());
        for plan in Plan::variants(events.len() / 3) {
            assert_same(&plain, &run(&events, &params, plan), &format!("{shape:?}, {plan:?}"));
        }
    }
}

/// Sparse streams whose tokens are forgotten on the way, again and again; by `tokens` not, which lets their rows stand.
fn forgetful(seed: u64) -> (Shape, Params) {
    let shape = Shape { seed, slots: 300, gap_s_max: 400, late_s_max: 90 };
    let mut params = params(60, &["1s", "15s", "1m"], 10);
    let remember_s = 1 + 7 * seed;
    params.market.candles.remember_s = remember_s;
    params.market.windows.remember_s = remember_s;
    params.market.prices.remember_s = remember_s;
    params.market.holders.remember_s = remember_s;
    params.market.indicators.remember_s = remember_s;
    params.market.alerts.remember_s = remember_s;
    params.market.wallets =
        wallets::Params { step_s: 4, mark_s: 3, remember_s, ..wallets::Params::default() };
    (shape, params)
}

/// The store asserts meanwhile that no key is forgotten while a row of it stands.
#[test]
fn what_is_forgotten_leaves_nothing_behind_however_it_is_run() {
    for seed in 0..6 {
        let (shape, params) = forgetful(seed);
        let events = events(shape);
        let plain = run(&events, &params, Plan::PLAIN);
        // Cut within a second, a trade that is retracted in the second in which it comes is heard of, and lengthens the
        // memory of its token.
        let uncut = |plan: &Plan| plan.at_once == usize::MAX;
        for plan in Plan::variants(events.len() / 3).into_iter().filter(uncut).step_by(2) {
            assert_same(&plain, &run(&events, &params, plan), &format!("{shape:?}, {plan:?}"));
        }
        let last = arrivals(&events).last().unwrap().0;
        let closed = Candle::SCHEMA.columns.iter().position(|c| c.name == "is_closed").unwrap();
        let end = Candle::SCHEMA.columns.iter().position(|c| c.name == "open_time").unwrap();
        for row in plain.tables["candles"].values() {
            let Value::Count(open_ms) = row[end] else { panic!("open_time is a time") };
            let is_over = open_ms / 1000 + 60 <= last;
            assert!(row[closed] == Value::Bool(true) || !is_over, "{shape:?}: {row:?} was never closed");
        }
    }
}

/// Which pools a token traded in is forgotten, its candles by pool are not.
#[test]
fn candles_of_pools_are_the_same_whether_their_token_is_forgotten_or_not() {
    for seed in 0..6 {
        let (shape, params) = forgetful(seed);
        let mut lasting = params.clone();
        lasting.market.candles.remember_s = Params::default().market.candles.remember_s;
        let events = events(shape);
        let of_pools = |params: &Params| {
            let mut candles = run(&events, params, Plan::PLAIN).tables.remove("candles").unwrap();
            candles.retain(|key, _| key[0].as_text() == Some("pool"));
            candles
        };
        assert_eq!(of_pools(&params), of_pools(&lasting), "{shape:?}");
    }
}

#[test]
fn where_the_input_ends_all_rows_are_up_to_date() {
    for (shape, params) in cases().into_iter().take(12) {
        let events = events(shape);
        let end = events.iter().filter_map(Event::clock).max().unwrap();
        let expected = tables_at_end(&events, end, &params);
        let found = comparable(ended(&events, &params, 1));
        for (name, expected) in &expected {
            let found = found.get(name).unwrap_or_else(|| panic!("{shape:?}: no {name}"));
            for key in expected.keys().chain(found.keys()) {
                assert_eq!(expected.get(key), found.get(key), "{shape:?}: {name} {key:?}");
            }
        }
        let with_workers = comparable(ended(&events, &params, 3));
        assert!(found == with_workers, "{shape:?}: workers show");
    }
}

#[test]
fn where_the_input_goes_on_after_its_end_the_end_does_not_show() {
    for (shape, params) in cases().into_iter().take(8) {
        let events = events(shape);
        let plain = run(&events, &params, Plan::PLAIN);
        for (part, workers) in [(1, 1), (2, 3), (3, 2)] {
            let ending = Some(events.len() * part / 4);
            let restart = (part == 2).then_some((40, 2));
            let plan = Plan { ending, workers, restart, stepwise: part == 1, ..Plan::PLAIN };
            assert_same(&plain, &run(&events, &params, plan), &format!("{shape:?}, {plan:?}"));
        }
    }
}

/// Sinks pass over what they have by its time, so a run that goes on has to say the same at the same times, also where
/// it hands over at once what was handed over bit by bit.
#[test]
fn what_is_said_is_said_at_the_same_times_however_it_is_handed_over() {
    for (shape, params) in cases().into_iter().take(4) {
        let events = events(shape);
        let at_once = 3;
        let plain = said(&events, &params, Plan { at_once, ..Plan::PLAIN });
        let in_places = plain.keys().filter(|time| **time % MICROS_PER_SECOND > PLACES / 2).count();
        assert!(in_places > 100, "timers fire within seconds");
        // Those that are cut like this already are there uncut too.
        let uncut = |plan: &Plan| plan.at_once == usize::MAX;
        for plan in Plan::variants(events.len() / at_once).into_iter().filter(uncut) {
            let plan = Plan { at_once, ..plan };
            let found = said(&events, &params, plan);
            for (time, changes) in &plain {
                assert_eq!(Some(changes), found.get(time), "{shape:?}, {plan:?}, at {time}");
            }
            assert_eq!(plain.len(), found.len(), "{shape:?}, {plan:?}");
        }
    }
}

/// A column of a row of `candles` that is a sum or a count.
fn whole(row: &Row, column: &str) -> Option<u128> {
    let at = Candle::SCHEMA.columns.iter().position(|c| c.name == column).unwrap();
    match &row[at] {
        Value::Sum(value) => value.to_string().parse().ok(),
        Value::Count(value) => Some((*value).into()),
        _ => None,
    }
}

/// A column of a row of `candles` as a number; none if it is null.
fn number(row: &Row, column: &str) -> Option<f64> {
    let at = Candle::SCHEMA.columns.iter().position(|c| c.name == column).unwrap();
    match &row[at] {
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

#[test]
fn a_longer_bar_is_the_fold_of_its_shorter_ones() {
    for (shape, params) in cases() {
        let tables = run(&events(shape), &params, Plan::PLAIN).tables;
        let candles = &tables["candles"];
        let lengths: Vec<u64> = params.market.candles.intervals.iter().map(|i| i.seconds()).collect();
        let names: Vec<String> = params.market.candles.intervals.iter().map(|i| String::from(*i)).collect();
        for (row, (longer, shorter)) in candles.values().flat_map(|row| {
            let at = names.iter().position(|name| Some(name.as_str()) == row[2].as_text()).unwrap();
            at.checked_sub(1).map(|before| (row, (lengths[at], names[before].as_str())))
        }) {
            let Value::Count(open) = row[3] else { panic!("open_time is a time") };
            let parts: Vec<&Row> = candles
                .values()
                .filter(|part| part[..2] == row[..2] && part[2].as_text() == Some(shorter))
                .filter(|part| (Value::Count(open)..Value::Count(open + longer * 1000)).contains(&part[3]))
                .collect();
            let values = |column| parts.iter().filter_map(move |part| number(part, column));
            for column in ["volume_base", "buy_volume_quote", "sell_volume_quote", "trades", "buys", "sells"]
            {
                let sum: Option<u128> = parts.iter().map(|part| whole(part, column)).sum();
                assert!(sum.is_some());
                assert_eq!(sum, whole(row, column), "{column} of {row:?}");
            }
            assert_eq!(values("open").next(), number(row, "open"), "open of {row:?}");
            assert_eq!(values("close").next_back(), number(row, "close"), "close of {row:?}");
            assert_eq!(values("high").reduce(f64::max), number(row, "high"), "high of {row:?}");
            assert_eq!(values("low").reduce(f64::min), number(row, "low"), "low of {row:?}");
        }
    }
}
