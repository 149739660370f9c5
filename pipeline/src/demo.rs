//! What `run` shows if nothing was said of its source: a market with something to see.
//!
//! Hundreds of trades a second instead of some twenty, most of them of tokens that are launched while one looks, a list of the wallets that trade well in
//! it, and alert rules. It is a function of the defaults, so a run that goes on finds the same market; whoever sets
//! anything of `[source]` gets exactly that instead.

use config::{Config, SourceConfig};
use model::{Control, Event, ListEntry, Rule};
use sources::simulate::{self, Following};

use crate::controls::Followed;

/// Launches, as a multiple of those of the real market: every few seconds one, so that there is something to see.
const SCALE: f64 = 20.0;
/// Pools at the start: few, since they are of tokens whose names nobody has seen.
const POOLS_AT_START: u32 = 80;
/// Wallets of each list.
const WALLETS: usize = 40;

/// Rules, as they stand in a file of rules, as JSON.
const RULES: &str = r#"[
  {"id": "graduated", "owner": "demo", "kind": "completed", "scope": {"all": {}}},
  {"id": "rug", "owner": "demo", "kind": "liquidity_removed", "scope": {"all": {}}},
  {"id": "whale-buys", "owner": "demo", "kind": {"whale_trade": {"side": "buy"}}, "scope": {"all": {}},
   "threshold": 5000, "options": {"cooldown_s": 60}},
  {"id": "up-by-half-in-five-minutes", "owner": "demo", "kind": {"price_move": {"window_s": 300, "direction": "up"}},
   "scope": {"all": {"market_cap_usd_min": 20000}}, "threshold": 50, "options": {"cooldown_s": 300}},
  {"id": "curve-nearly-sold", "owner": "demo", "kind": "curve_progress", "scope": {"all": {}}, "threshold": 90},
  {"id": "smart-cluster", "owner": "demo", "kind": {"smart_cluster": {"window_s": 900}}, "scope": {"all": {}},
   "threshold": 3, "options": {"cooldown_s": 900}},
  {"id": "creator-is-out", "owner": "demo", "kind": "dev_sold", "scope": {"all": {"market_cap_usd_min": 10000}}}
]"#;

/// Makes the configuration that of the demo, if nothing was said that would be passed over by it; gives what people
/// say in it.
pub(crate) fn enliven(config: &mut Config) -> Option<Vec<Followed>> {
    if config.source != SourceConfig::default() {
        return None;
    }
    config.source.simulate = simulate::Params {
        scale: SCALE,
        pools_at_start: POOLS_AT_START,
        loyal_ratio: 0.6,
        returning_ratio: 0.25,
        ..simulate::Params::default()
    };
    let seed = config.source.simulate.seed;
    let mut said = Vec::new();
    if config.controls.lists.is_empty() {
        said.push(Followed::lists_of(move || listed(seed)));
    }
    if config.controls.rules.is_empty() {
        said.push(Followed::rules_of(rules));
    }
    Some(said)
}

/// The wallets that trade well, and those that trade much.
fn listed(seed: u64) -> Vec<Event> {
    let entry = |list: &'static str, reason: &'static str| {
        move |(number, trader)| {
            let score = u8::try_from(number).ok().map(|number: u8| 100u8.saturating_sub(number));
            Event::Control(Control::AddListEntry(ListEntry {
                list: list.to_owned(),
                trader,
                valid_from: 0,
                valid_to: None,
                known_from: 0,
                score,
                tier: None,
                reason: reason.to_owned(),
            }))
        }
    };
    let of = |kind| (0usize..).zip(simulate::wallets(seed, kind)).take(WALLETS);
    let sharp =
        of(Following::Sharp).map(entry("sharp", "buys early what will rise, in the simulated market"));
    sharp
        .chain(of(Following::Whales).map(entry("whales", "trades large amounts, in the simulated market")))
        .collect()
}

fn rules() -> Vec<Event> {
    // Cannot fail: a test reads them.
    let rules: Vec<Rule> = serde_json::from_str(RULES).unwrap_or_default();
    rules.into_iter().map(|rule| Event::Control(Control::AddRule(Box::new(rule)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_source_of_which_nothing_was_said_becomes_the_demo() {
        let mut config = Config::default();
        assert_eq!(enliven(&mut config).map(|said| said.len()), Some(2));
        assert!(config.source.simulate.scale > 5.0);
        assert!(config.source.simulate.problems().is_empty());
        assert!(enliven(&mut config).is_none(), "it is said now");

        let mut config = Config::default();
        config.controls.rules.push("rules.toml".into());
        assert_eq!(enliven(&mut config).map(|said| said.len()), Some(1), "files go before what is built in");
    }

    #[test]
    fn its_rules_and_lists_are_right() {
        let rules: Vec<Rule> = serde_json::from_str(RULES).unwrap();
        assert_eq!(rules.len(), 7);
        for rule in &rules {
            assert!(rule.problems().is_empty(), "{}: {:?}", rule.id, rule.problems());
        }
        assert_eq!(listed(1).len(), 2 * WALLETS);
    }
}
