//! Simulated markets, and a captured one, through every dataflow: against the oracle, and against
//! themselves.
//!
//! The random streams of `testkit` are made to hurt, with few tokens and short lists; these are made to
//! be like the chain: launches, curves that complete and move to pools, deep forks whose transactions
//! land again, all of it decoded from bytes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dataflows::Params;
use model::{ChainEvent, Event, Record as _, Reject, Seconds, SlotState, TxPlace, Value};
use operators::candles::Interval;
use operators::trades::CommittedTrade;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sources::simulate::{self, Simulate};
use sources::trades::{self, Trades};
use sources::{Source, Step};
use testkit::oracle;
use testkit::run::{History, LAGGING, Plan, Tables, assert_same, run, tables_at};

/// How late an event may come here. Short, so that states are let go while the market goes on.
const HORIZON_S: Seconds = 60;

/// Markets in which tokens graduate within the few minutes; most markets have none in as many.
const SEEDS: [u64; 3] = [6, 1, 3];

fn params() -> Params {
    let mut params = Params { correction_horizon_s: HORIZON_S, ..Params::default() };
    let interval = |text: &str| Interval::try_from(text.to_owned()).unwrap();
    params.market.candles.intervals = ["1s", "15s", "1m", "1h"].map(interval).to_vec();
    // Prices of oracles come as late as everything else.
    params.market.usd.correction_s = 2 * HORIZON_S;
    params
}

/// A few minutes with everything that a feed does to a market.
fn disturbed(seed: u64) -> simulate::Params {
    simulate::Params {
        seed,
        seconds: Some(150),
        scale: 3.0,
        pools_at_start: 12,
        truncated_ratio: 0.02,
        old_layout_ratio: 0.2,
        skip_probability: 0.03,
        fork_probability: 0.02,
        fork_depth_slots_max: 32,
        duplicate_ratio: 0.1,
        late_ratio: 0.1,
        late_slots_max: 60,
        ..simulate::Params::default()
    }
}

/// The events of a market in the order in which its feed delivers them.
fn feed(market: &simulate::Params) -> Vec<Event> {
    read(&mut Simulate::new(market).unwrap())
}

fn read(source: &mut dyn Source) -> Vec<Event> {
    let mut events = Vec::new();
    while source.read(&mut events).unwrap() == Step::More {}
    events
}

fn dead_slots(events: &[Event]) -> BTreeSet<u64> {
    let dead = |event: &Event| match event {
        Event::Slot(status) if status.state == SlotState::Dead => Some(status.slot),
        _ => None,
    };
    events.iter().filter_map(dead).collect()
}

/// The slot in which a transaction's event or reject is said to be.
fn slot_of(event: &Event) -> Option<u64> {
    match event {
        Event::Chain(event) => Some(event.origin().id.slot),
        Event::Reject(reject) => reject.slot,
        _ => None,
    }
}

/// What of the tables does not depend on which delivery of an event came, and when.
fn comparable(mut tables: Tables) -> Tables {
    // A reject names a delivery.
    tables.remove(Reject::SCHEMA.name);
    if let Some(trades) = tables.remove("trades") {
        tables.insert("trades", oracle::without_received_at(trades));
    }
    tables
}

/// The same less the records that lag.
fn without_lagging(tables: Tables) -> Tables {
    let mut tables = comparable(tables);
    tables.retain(|name, _| !LAGGING.contains(name));
    tables
}

fn assert_same_tables(expected: &Tables, found: &Tables, what: &str) {
    assert!(expected.keys().eq(found.keys()), "{what}: {:?} and {:?}", expected.keys(), found.keys());
    for (name, expected) in expected {
        let found = &found[name];
        for key in expected.keys().chain(found.keys()) {
            assert_eq!(expected.get(key), found.get(key), "{what}: {name} {key:?}");
        }
    }
}

/// How many events have come by the end of each second of the clock.
fn arrivals(events: &[Event]) -> BTreeMap<Seconds, usize> {
    let mut clock = 0;
    let mut arrivals = BTreeMap::new();
    for (count, event) in (1..).zip(events) {
        clock = clock.max(event.clock().unwrap_or(0));
        arrivals.insert(clock, count);
    }
    arrivals
}

#[test]
fn the_markets_are_worth_the_name() {
    for seed in SEEDS {
        let events = feed(&disturbed(seed));
        let count = |is: fn(&ChainEvent) -> bool| {
            events.iter().filter(|event| matches!(event, Event::Chain(event) if is(event))).count()
        };
        let trades = count(|event| matches!(event, ChainEvent::Trade(_)));
        let launches = count(|event| matches!(event, ChainEvent::TokenCreated(_)));
        let moves = count(|event| matches!(event, ChainEvent::Migrated(_)));
        let dead = dead_slots(&events);
        let died = events.iter().filter_map(slot_of).filter(|slot| dead.contains(slot)).count();
        println!("seed {seed}: {} events, {trades} trades, {launches} launches, {moves} moves", events.len());
        println!("  {} dead slots with {died} events", dead.len());
        assert!(trades > 1_000 && launches > 20 && moves > 0 && died > 50, "seed {seed}");
        assert!(dead.iter().any(|slot| (0..8).all(|more| dead.contains(&(slot + more)))), "seed {seed}");
    }
}

#[test]
fn outputs_equal_the_oracle_at_sampled_seconds_and_at_the_end() {
    let params = params();
    for seed in SEEDS {
        let events = feed(&disturbed(seed));
        let history = run(&events, &params, Plan::PLAIN);
        let arrivals: Vec<(Seconds, usize)> = arrivals(&events).into_iter().collect();
        let sampled: Vec<_> = arrivals.iter().step_by(94).skip(1).chain(arrivals.last()).copied().collect();
        let seconds: Vec<Seconds> = sampled.iter().map(|(second, _)| *second).collect();
        let found = tables_at(&history, &seconds);
        for (second, count) in sampled {
            let expected = oracle::tables(&events[..count], second, &params);
            assert_same_tables(
                &expected,
                &comparable(found[&second].clone()),
                &format!("seed {seed} at {second}"),
            );
        }
    }
}

/// Eighteen coins one after the other, with hours of silence between them.
#[test]
fn captured_swaps_equal_the_oracle_in_the_middle_and_at_the_end_of_every_sixth_coin() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/trades/pumpswap_2026-06.jsonl");
    if !path.exists() {
        println!("skipped: no captured swaps beside the checkout");
        return;
    }
    let params = params();
    let events = read(&mut Trades::new(&trades::Config { paths: vec![path], ..Default::default() }));
    assert!(events.len() > 11_000);
    let arrivals: Vec<(Seconds, usize)> = arrivals(&events).into_iter().collect();
    let is_last = |at: &usize| arrivals.get(at + 1).is_none_or(|(next, _)| *next > arrivals[*at].0 + 600);
    let ends = (0..arrivals.len()).filter(is_last).step_by(6).chain([arrivals.len() - 1]);
    let sampled: Vec<_> = ends.flat_map(|end| [arrivals[end - 30], arrivals[end]]).collect();
    assert!(sampled.len() > 6);
    let seconds: Vec<Seconds> = sampled.iter().map(|(second, _)| *second).collect();
    let found = tables_at(&run(&events, &params, Plan::PLAIN), &seconds);
    for (second, count) in sampled {
        // The wallets of all coins by brute force would take a quarter of an hour.
        let expected = oracle::tables_of(|name| !LAGGING.contains(&name), &events[..count], second, &params);
        let found = without_lagging(found[&second].clone());
        assert_same_tables(&expected, &found, &format!("captured, at {second}"));
    }
}

#[test]
fn workers_batches_and_restarts_do_not_show() {
    let params = params();
    let events = feed(&disturbed(SEEDS[0]));
    let plain = run(&events, &params, Plan::PLAIN);
    assert!(plain.changes.len() > 100, "something happens in nearly every second");
    // As many batches as there are seconds in which something came.
    for plan in Plan::variants(arrivals(&events).len()) {
        assert_same(&plain, &run(&events, &params, plan), &format!("{plan:?}"));
    }
}

/// The stream in another order in which nothing is later than the horizon, some of it twice or more.
fn shuffled(events: &[Event], seed: u64) -> Vec<Event> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut arrivals = BTreeMap::new();
    let mut clock = 0;
    for (order, event) in (0_u64..).zip(events) {
        clock = clock.max(event.clock().unwrap_or(0));
        let happened = match event {
            Event::Chain(event) => event.origin().block_time,
            _ => clock,
        };
        for copy in 0..random.random_range(1..=3_u8) {
            let mut event = event.clone();
            if let Event::Chain(event) = &mut event
                && copy > 0
            {
                let origin = event.origin_mut();
                origin.received_at = Some(origin.block_time * 1_000 + u64::from(copy));
                // A feed that does not know the index of a transaction.
                if random.random_bool(0.3) {
                    origin.id.tx = TxPlace::new(None, &origin.signature);
                }
            }
            // What came before it has no later block time than this, so the clock is no further.
            let at = happened + random.random_range(0..=HORIZON_S);
            arrivals.insert((at, random.random::<u64>(), order, copy), event);
        }
    }
    arrivals.into_values().collect()
}

#[test]
fn order_and_copies_do_not_show_in_the_end() {
    let params = params();
    for seed in SEEDS {
        let events = feed(&disturbed(seed));
        let mut expected = comparable(run(&events, &params, Plan::PLAIN).tables);
        let shuffled = shuffled(&events, seed);
        assert!(shuffled.len() > events.len() * 3 / 2);
        let plan = Plan { workers: 2, ..Plan::PLAIN };
        let History { mut tables, .. } = run(&shuffled, &params, plan);
        let rejects = tables.get("rejects").map_or(0, BTreeMap::len);
        let rejected = events.iter().filter(|event| matches!(event, Event::Reject(_))).count();
        assert!(rejects <= rejected, "{rejects} rejects of {rejected}: nothing was too late");
        // Of the others some say what was known by when (a wallet first seen, a label found before a slot was
        // finalized) or lag behind; each is held against the oracle in its own order of arrival.
        for tables in [&mut expected, &mut tables] {
            tables.retain(|name, _| ["trades", "candles", "token_stats", "pools"].contains(name));
            for row in tables.get_mut("trades").into_iter().flat_map(BTreeMap::values_mut) {
                let at = CommittedTrade::SCHEMA.columns.iter().position(|column| column.name == "labels");
                row[at.unwrap()] = Value::Null;
            }
        }
        assert_same_tables(&expected, &comparable(tables), &format!("seed {seed}, shuffled"));
    }
}

#[test]
fn forks_leave_no_trace() {
    let params = params();
    for seed in SEEDS {
        let events = feed(&disturbed(seed));
        let dead = dead_slots(&events);
        let of_the_living = |event: &&Event| slot_of(event).is_none_or(|slot| !dead.contains(&slot));
        let living: Vec<Event> = events.iter().filter(of_the_living).cloned().collect();
        assert!(living.len() + 50 < events.len(), "seed {seed}: too little dies");
        let with = without_lagging(run(&events, &params, Plan::PLAIN).tables);
        let without = without_lagging(run(&living, &params, Plan::PLAIN).tables);
        assert_same_tables(&without, &with, &format!("seed {seed}"));
    }
}
