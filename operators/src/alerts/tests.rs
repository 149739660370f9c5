//! The operator in small: one token, one rule or a few.

use model::rule::{Filter, Kind, Level, Options, Scope, Unit};
use model::time::start_of;
use model::{Address, EventId, Price, Program, Rule, Side, TxPlace};

use super::*;
use crate::keyed::Store;

const CAT: Address = Address([7; 32]);

fn store() -> Store<Shard> {
    Store::new(Settings {
        params: Params { history_s: 1000, ..Params::default() },
        horizon: Horizon(600),
        usual: Usual::from(&crate::tokens::Params::default()),
        bars_s: Vec::new(),
    })
}

fn trade(time: Seconds, price: f64) -> Input {
    let figures = Figures {
        caps: [None; 2],
        prices: [Price::new(price), None],
        supply: None,
        value_micros: Some(1_000_000).into(),
        side: Side::Buy,
        curve: None,
    };
    let id = EventId { slot: time, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 };
    let (what, program) = (What::Trade(figures), Some(Program::Pump));
    Input::Point(CAT, Point { time, id, what, program })
}

fn above(id: &str, threshold: f64) -> Rule {
    Rule {
        id: id.to_owned(),
        version: 1,
        owner: String::new(),
        kind: Kind::PriceAbove,
        scope: Scope::All(Filter::default()),
        threshold: Some(Level(threshold)),
        unit: Unit::Usd,
        options: Options { cooldown_s: 0, ..Options::default() },
        valid_from_s: None,
        valid_to_s: None,
        known_from: 0,
    }
}

fn asked(rule: &Rule, known: Seconds) -> Vec<Input> {
    let mut inputs = addressed(&Standing { rule: rule.clone(), known });
    inputs.retain(|input| Shard::key(input) == Shard::key(&trade(0, 1.0)));
    inputs
}

/// Applies changes at a second; what is said, less what is taken back: when, why not, historical or not.
fn step(
    store: &mut Store<Shard>,
    now: Seconds,
    inputs: Vec<(Input, Diff)>,
) -> Vec<(Seconds, Option<Reason>, bool)> {
    store.fire(start_of(now));
    for (input, diff) in inputs {
        store.apply(start_of(now), input, diff);
    }
    let mut said = Vec::new();
    store.close(|alert, diff| {
        if diff > 0 {
            said.push((alert.fired_at, alert.retracted, alert.historical));
        }
    });
    // They come in the order of their names.
    said.sort_unstable();
    said
}

fn with_rule(rule: &Rule) -> Store<Shard> {
    let mut store = store();
    step(&mut store, 0, asked(rule, 0).into_iter().map(|input| (input, 1)).collect());
    store
}

#[test]
fn a_rule_fires_when_the_price_comes_to_it_from_below_and_again_after_the_band() {
    let mut store = with_rule(&above("two", 2.0));
    // The first price is no change; 1.97 is not far enough below; 1.96 is.
    let prices = [2.5, 1.9, 2.0, 2.1, 1.97, 2.2, 1.96, 2.3];
    let said: Vec<Seconds> = prices
        .iter()
        .enumerate()
        .flat_map(|(at, price)| {
            let time = at as Seconds + 1;
            step(&mut store, time, vec![(trade(time, *price), 1)])
                .into_iter()
                .map(|(at, ..)| at)
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(said, [3, 8]);
}

#[test]
fn what_comes_late_or_is_taken_back_is_as_if_it_had_come_in_order() {
    let mut store = with_rule(&above("two", 2.0));
    step(&mut store, 1, vec![(trade(1, 1.0), 1)]);
    assert_eq!(step(&mut store, 5, vec![(trade(5, 3.0), 1)]), [(5, None, false)]);
    // A price above came before, so that was no change any more, and this was.
    let said = step(&mut store, 6, vec![(trade(3, 2.5), 1)]);
    assert_eq!(said, [(3, None, false), (5, Some(Reason::Corrected), false)]);
    let said = step(&mut store, 7, vec![(trade(3, 2.5), -1)]);
    assert_eq!(said, [(3, Some(Reason::Corrected), false), (5, None, false)]);
}

#[test]
fn what_does_not_outlive_its_second_has_never_been() {
    let mut store = with_rule(&above("two", 2.0));
    step(&mut store, 1, vec![(trade(1, 1.0), 1)]);
    assert_eq!(step(&mut store, 5, vec![(trade(5, 3.0), 1)]).len(), 1);
    assert_eq!(step(&mut store, 5, vec![(trade(5, 3.0), -1)]), [], "taken back, and nothing said instead");
}

#[test]
fn a_new_rule_says_of_the_past_what_it_would_have_said() {
    let prices = [1.0, 2.5, 1.0, 1.5, 2.0, 1.2, 4.0];
    let trades = |store: &mut Store<Shard>| -> Vec<Seconds> {
        let said = prices.iter().enumerate().map(|(at, price)| {
            let time = 10 * (at as Seconds + 1);
            step(store, time, vec![(trade(time, *price), 1)])
        });
        said.flatten().map(|(at, ..)| at).collect()
    };
    let from_the_start = trades(&mut with_rule(&above("two", 2.0)));
    assert_eq!(from_the_start, [20, 50, 70]);
    let mut late = store();
    assert!(trades(&mut late).is_empty());
    let rule = above("two", 2.0);
    let said = step(&mut late, 80, asked(&rule, 80).into_iter().map(|input| (input, 1)).collect());
    assert_eq!(said, from_the_start.iter().map(|at| (*at, None, true)).collect::<Vec<_>>());
    // And goes on from there.
    assert_eq!(step(&mut late, 81, vec![(trade(81, 1.0), 1)]), []);
    assert_eq!(step(&mut late, 82, vec![(trade(82, 2.0), 1)]), [(82, None, false)]);
    let gone = step(&mut late, 90, asked(&rule, 80).into_iter().map(|input| (input, -1)).collect());
    assert_eq!(gone.len(), 4);
    assert!(gone.iter().all(|(_, reason, _)| *reason == Some(Reason::RuleRemoved)));
}

#[test]
fn a_restored_state_says_nothing_again_and_corrects_what_was_said() {
    let mut store = with_rule(&above("two", 2.0));
    for time in 1..100 {
        step(&mut store, time, vec![(trade(time, if time == 70 { 3.0 } else { 1.0 }), 1)]);
    }
    let bytes = postcard::to_stdvec(&store.states().collect::<Vec<_>>()).unwrap();
    let mut restored = self::store();
    for (key, state) in postcard::from_bytes::<Vec<(u8, Shard)>>(&bytes).unwrap() {
        restored.restore(0, key, state);
    }
    assert_eq!(step(&mut restored, 100, vec![(trade(100, 1.0), 1)]), []);
    let said = step(&mut restored, 101, vec![(trade(70, 3.0), -1)]);
    assert_eq!(said, [(70, Some(Reason::Corrected), false)]);
}

#[test]
fn an_edit_of_a_list_is_answered_for_a_past_that_has_settled() {
    let matched = |time: Seconds| {
        let id = EventId { slot: time, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 };
        let what = What::Smart(SmartTrade {
            list: list_key("whales"),
            trader: CAT,
            side: Side::Buy,
            base: 1,
            value_micros: None.into(),
            score: None,
            is_historical: true,
        });
        Input::Point(CAT, Point { time, id, what, program: None })
    };
    let price = above("two", 2.0);
    let kind = Kind::SmartBuy { list: Some("whales".to_owned()), score_min: None };
    let smart = Rule { id: "whales".to_owned(), kind, threshold: None, ..price.clone() };
    let mut store = with_rule(&price);
    step(&mut store, 0, asked(&smart, 0).into_iter().map(|input| (input, 1)).collect());
    for (time, price) in [(10, 1.0), (20_000, 1.0), (30_000, 3.0), (45_000, 1.0)] {
        step(&mut store, time, vec![(trade(time, price), 1)]);
    }
    // By now the first point has been let go, and those before the last have settled.
    let said = step(&mut store, 45_001, vec![(matched(20_000), 1), (matched(30_000), 1), (matched(9), 1)]);
    assert_eq!(
        said,
        [(20_000, None, true), (30_000, None, true)],
        "what is no longer kept is not answered for"
    );
    // The others go on as if nothing had been.
    assert_eq!(step(&mut store, 45_002, vec![(trade(45_002, 2.5), 1)]), [(45_002, None, false)]);
    let said = step(&mut store, 45_003, vec![(matched(20_000), -1)]);
    assert_eq!(said, [(20_000, Some(Reason::Corrected), true)]);
}
