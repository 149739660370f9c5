//! Wallets over months: what leaves a period, days of profit and loss.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};

use dataflows::Params;
use model::time::start_of;
use model::{Control, Event, ListEntry, Record as _, Row, Seconds, SlotState, Time, Value};
use operators::smart::{Listed, evaluator};
use operators::wallets::{self, Mode};
use testkit::oracle::table;
use testkit::run::{Plan, assert_same, run, tables_at};
use testkit::stream::{Shape, address, events};

fn params(mode: Mode) -> Params {
    let mut params = Params { correction_horizon_s: 1800, ..Params::default() };
    params.market.wallets = wallets::Params { mode, step_s: 3, ..wallets::Params::default() };
    params
}

/// Some ten weeks: nothing is old enough to be kept as a sum only.
fn months(seed: u64) -> Shape {
    Shape { seed, slots: 600, gap_s_max: 20_000, late_s_max: 3000 }
}

/// What happens over months. The death of a slot that is told hours before the clock comes to that slot is
/// forgotten by then, which only a stream with such gaps shows; it is left out.
fn happened(shape: Shape) -> Vec<Event> {
    let is_early = |event: &Event| matches!(event, Event::Slot(status) if status.state == SlotState::Dead && status.block_time.is_none());
    events(shape).into_iter().filter(|event| !is_early(event)).collect()
}

fn clock(events: &[Event]) -> Seconds {
    events.iter().filter_map(Event::clock).max().unwrap()
}

#[test]
fn figures_of_months_equal_the_oracle() {
    let mut with_equity = 0;
    for (seed, mode) in [(1, Mode::Adjusted), (2, Mode::Raw), (3, Mode::Strict)] {
        let (events, params) = (happened(months(seed)), params(mode));
        for count in [events.len() / 2, events.len()] {
            let events = &events[..count];
            let now = clock(events);
            let history = run(events, &params, Plan::PLAIN);
            let found = tables_at(&history, &[now]).remove(&now).unwrap().remove("wallet_stats").unwrap();
            let expected = table("wallet_stats", events, now, &params);
            for (key, row) in &expected {
                assert_eq!(Some(row), found.get(key), "seed {seed}, {count} events, {key:?}");
                with_equity += usize::from(row.last() != Some(&Value::Null));
            }
            assert_eq!(expected.len(), found.len(), "seed {seed}, {count} events");
        }
    }
    assert!(with_equity > 50, "only {with_equity} rows have a drawdown");
}

/// The candidates: all wallets of the stream from its beginning, but for some who are named or taken back later.
fn with_candidates(mut events: Vec<Event>) -> Vec<Event> {
    let entry = |wallet: u64, valid_to: Option<Time>| ListEntry {
        list: "candidates".to_owned(),
        trader: address(b'W', wallet),
        valid_from: 0,
        valid_to,
        known_from: 0,
        score: None,
        tier: None,
        reason: "test".to_owned(),
    };
    let third = events.len() / 3;
    let at = start_of(clock(&events[..third]));
    let back = Control::AddListEntry(entry(1, None)).taken_back(at);
    let ended = Control::AddListEntry(ListEntry { known_from: at, ..entry(2, Some(at)) });
    let later = (30..40).map(|wallet| Control::AddListEntry(entry(wallet, None)).since(at));
    events.splice(third..third, [back, ended].into_iter().chain(later).map(Event::Control));
    let first = (0..30).map(|wallet| Event::Control(Control::AddListEntry(entry(wallet, None))));
    events.splice(0..0, first);
    events
}

#[test]
fn the_list_of_who_has_done_well_equals_the_oracle() {
    let at = |name: &str| Listed::SCHEMA.columns.iter().position(|column| column.name == name).unwrap();
    let (reason, valid_to, score) = (at("reason"), at("valid_to"), at("score"));
    let (mut lasting, mut ended, mut scores) = (0, 0, BTreeSet::new());
    for seed in [5, 6] {
        let mut params = params(Mode::Adjusted);
        params.market.rating = evaluator::Params {
            excluded_labels: vec!["bot".to_owned(), "exchange".to_owned()],
            closed_min: 1,
            distinct_mints_min: 2,
            active_days_min: 2,
            realised_sol_min: -10.0,
            profit_factor_min: 0.1,
            win_rate_min: 0.1,
            median_hold_s_min: 0,
            trades_per_day_max: 20.0,
            unmatched_share_max: 1.0,
            top_token_share_max: 1.0,
            outside_sol_share_max: 0.7,
            ..evaluator::Params::default()
        };
        let events = with_candidates(happened(Shape { slots: 250, gap_s_max: 40_000, ..months(seed) }));
        for count in [events.len() * 2 / 3, events.len()] {
            let events = &events[..count];
            let now = clock(events);
            let history = run(events, &params, Plan::PLAIN);
            let without_reasons = |rows: BTreeMap<Row, Row>| -> Vec<Row> {
                let rows = rows.into_values();
                rows.map(|mut row| {
                    row[reason] = Value::Null;
                    row
                })
                .collect()
            };
            let found = tables_at(&history, &[now]).remove(&now).unwrap().remove("smart_list").unwrap();
            let found = without_reasons(found);
            assert_eq!(without_reasons(table("smart_list", events, now, &params)), found, "seed {seed}");
            let made = found.iter().filter(|row| row[0].as_text() == Some("smart_v1"));
            for row in made {
                scores.insert(row[score].clone());
                *if row[valid_to] == Value::Null { &mut lasting } else { &mut ended } += 1;
            }
        }
        let plain = run(&events, &params, Plan::PLAIN);
        for plan in Plan::variants(events.len() / 2) {
            assert_same(&plain, &run(&events, &params, plan), &format!("seed {seed}, {plan:?}"));
        }
    }
    assert!(lasting > 5 && ended > 10 && scores.len() >= 5, "{lasting} last, {ended} ended, {scores:?}");
}

#[test]
fn workers_and_restarts_do_not_show_over_months() {
    let (events, params) =
        (happened(Shape { slots: 200, gap_s_max: 60_000, ..months(4) }), params(Mode::Adjusted));
    let plain = run(&events, &params, Plan::PLAIN);
    for plan in [
        Plan { workers: 3, stepwise: false, ..Plan::PLAIN },
        Plan { stepwise: false, restart: Some((60, 2)), ..Plan::PLAIN },
    ] {
        assert_same(&plain, &run(&events, &params, plan), &format!("{plan:?}"));
    }
}
