//! Formulas against the answers that their definitions come with.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

use std::path::Path;

use dataflows::Params;
use model::{
    AccountBalance, Address, BalancesChanged, ChainEvent, Event, EventId, Origin, Record as _, Signature,
    TxPlace, Value,
};
use operators::holders::Concentration;
use serde_json::Value as Json;
use testkit::run::{Plan, run};

/// The answers; none where they are not at hand.
fn answers() -> Option<Json> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/spec/known_answers.json"));
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: no known answers at {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// A transaction after which the owners of a token hold these balances.
fn held(balances: &[u64]) -> Event {
    let signature = Signature([1; 64]);
    let id = EventId::of_balances(1, TxPlace::Index(0), 0);
    let account = |(owner, after): (u8, &u64)| {
        let owner = Address([owner; 32]);
        AccountBalance { owner, account: owner.prefix(), before: 0, after: *after }
    };
    Event::Chain(ChainEvent::BalancesChanged(BalancesChanged {
        origin: Origin { id, signature, block_time: 1_700_000_000, received_at: None },
        mint: Address([200; 32]),
        balances: (1..).zip(balances).map(account).collect(),
    }))
}

#[test]
fn concentration() {
    let Some(answers) = answers() else { return };
    let known = &answers["holders"];
    let balances: Vec<u64> =
        known["balances"].as_array().unwrap().iter().map(|x| x.as_u64().unwrap()).collect();
    let tables = run(&[held(&balances)], &Params::default(), Plan::PLAIN).tables;
    let row = tables["concentration"].values().next().unwrap();
    let number = |column: &str| {
        let at = Concentration::SCHEMA.columns.iter().position(|c| c.name == column).unwrap();
        match &row[at] {
            Value::Float(value) => *value,
            Value::Count(value) => value.to_string().parse().unwrap(),
            other => panic!("{column} is {other:?}"),
        }
    };
    assert_eq!(number("holders"), balances.len() as f64);
    for column in ["gini", "hhi", "nakamoto"] {
        let expected = known[column].as_f64().unwrap();
        assert!((number(column) / expected - 1.0).abs() < 1e-12, "{column} {}", number(column));
    }
}
