//! Marks against the oracle, and whether the random streams hold every kind of label.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;

use dataflows::{Clock, Feeds, Params};
use model::time::second_of;
use model::{Diff, Event, Seconds, Time};
use operators::keyed::States;
use operators::labels::{LabelKind, Mark, labels};
use operators::slots::{Happened, slots};
use testkit::oracle;
use testkit::stream::{Shape, address, events};
use timely::dataflow::ProbeHandle;

fn cases() -> Vec<(Shape, Params)> {
    let mut cases = Vec::new();
    for seed in 200..210 {
        for (correction_horizon_s, gap_s_max, late_s_max) in [(60, 1, 90), (300, 20, 400), (1800, 300, 2500)]
        {
            let mut params = Params { correction_horizon_s, ..Params::default() };
            params.market.labels.protocol_accounts = vec![address(b'W', 11)];
            params.market.labels.remember_token_s = 86_400;
            cases.push((Shape { seed, slots: 200, gap_s_max, late_s_max }, params));
        }
    }
    cases
}

/// The marks as they come and go.
fn marks(events: &[Event], params: &Params) -> Vec<(Mark, Time, Diff)> {
    let mut clock = Clock::default();
    let batches = clock.cut(events.iter().cloned());
    let (params, end) = (params.clone(), clock.end());
    let (send, found) = mpsc::sync_channel(1);
    let guards = timely::execute(timely::Config::process(1), move |worker| {
        let (probe, seen) = (ProbeHandle::new(), std::rc::Rc::new(std::cell::RefCell::new(Vec::new())));
        let (states, collected) = (States::fresh(), std::rc::Rc::clone(&seen));
        let mut feeds = worker.dataflow::<Time, _, _>(|scope| {
            let (feeds, inputs) = Feeds::new(scope);
            let Happened { trades, balances, events, .. } =
                slots(inputs.events, inputs.slots, params.horizon(), &states);
            let settings = &params.market.labels;
            let found =
                labels(trades, balances, events, inputs.controls, settings, params.horizon(), &states);
            found.marks.inspect(move |change| collected.borrow_mut().push(*change)).probe_with(&probe);
            feeds
        });
        for (time, events) in &batches {
            for event in events {
                feeds.give(event.clone(), *time);
            }
        }
        feeds.advance(end);
        worker.step_or_park_while(None, || probe.less_than(&end));
        send.send(seen.take()).unwrap();
    });
    guards.unwrap();
    found.recv().unwrap()
}

#[test]
fn marks_equal_the_oracle_at_sampled_seconds() {
    let mut kinds: BTreeMap<LabelKind, usize> = BTreeMap::new();
    for (shape, params) in cases() {
        let events = events(shape);
        let changes = marks(&events, &params);
        let mut clock = 0;
        let mut ends: BTreeMap<Seconds, usize> = BTreeMap::new();
        for (count, event) in events.iter().enumerate() {
            clock = clock.max(event.clock().unwrap_or(0));
            ends.insert(clock, count + 1);
        }
        for (second, count) in ends.iter().step_by(ends.len() / 15 + 1).chain(ends.last_key_value()) {
            let mut found: BTreeMap<Mark, Diff> = BTreeMap::new();
            for (mark, _, diff) in changes.iter().filter(|(_, time, _)| second_of(*time) <= *second) {
                *found.entry(*mark).or_default() += diff;
            }
            found.retain(|_, count| *count != 0);
            let expected = oracle::marks(&events[..*count], *second, &params);
            let expected: BTreeMap<Mark, Diff> = expected.into_iter().map(|mark| (mark, 1)).collect();
            let wrong = found.iter().find(|change| expected.get(change.0) != Some(change.1));
            assert_eq!(wrong, None, "{shape:?} at {second}: a mark too many");
            let missing = expected.keys().find(|mark| !found.contains_key(mark));
            assert_eq!(missing, None, "{shape:?} at {second}: a mark is missing");
            expected.keys().for_each(|mark| *kinds.entry(mark.kind).or_default() += 1);
        }
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    assert!(kinds.values().all(|count| *count > 100), "too few to prove anything: {kinds:?}");
}

#[test]
fn random_streams_hold_every_kind_of_label() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (shape, params) in cases() {
        let events = events(shape);
        let last = events.iter().filter_map(Event::clock).max().unwrap();
        for row in oracle::table("labels", &events, last, &params).values() {
            *kinds.entry(row[1].as_text().unwrap().to_owned()).or_default() += 1;
        }
    }
    let found: BTreeSet<&str> = kinds.keys().map(String::as_str).collect();
    assert_eq!(found, LabelKind::ALL.into_iter().map(LabelKind::name).collect(), "{kinds:?}");
    assert!(kinds.values().all(|count| *count >= 10), "too few to prove anything: {kinds:?}");
}
