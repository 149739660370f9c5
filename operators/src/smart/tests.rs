//! Matches and clusters without timely.

use model::time::start_of;
use model::{Address, EventId, ListEntry, Price, Side, Time, TxPlace};

use super::cluster::Day;
use super::input::{Input, Traded};
use super::trader::{Output, Trader};
use super::*;
use crate::keyed::Store;

const WALLET: Address = Address([7; 32]);
const HORIZON: Horizon = Horizon(60);

pub(super) fn place(slot: u64) -> EventId {
    EventId { slot, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 }
}

/// A trade at a second, in the slot of that number: a buy if the amount is positive.
pub(super) fn traded(at: u64, amount: i64) -> Traded {
    let trade = model::Trade {
        origin: model::Origin {
            id: place(at),
            signature: model::Signature([1; 64]),
            block_time: at,
            received_at: None,
        },
        program: model::Program::Pump,
        pool: Address([3; 32]),
        mint: Address([4; 32]),
        quote_mint: Address::WSOL,
        quote_known: true,
        trader: Some(WALLET),
        trader_kind: model::TraderKind::Signer,
        side: if amount > 0 { Side::Buy } else { Side::Sell },
        base_amount: amount.unsigned_abs(),
        base_user: amount.unsigned_abs(),
        base_user_known: false,
        quote_amount: amount.unsigned_abs() * 10,
        quote_user: None,
        base_decimals: 6,
        quote_decimals: 9,
        spot_before: None,
        spot_after: None,
        base_reserve: None,
        quote_reserve: None,
        base_supply: None,
        curve: None,
        fees: model::Fees::default(),
        compute_units: None,
        priority_fee: None,
    };
    let priced = crate::prices::PricedTrade {
        trade: std::sync::Arc::new(trade),
        price: Price::new(1.0),
        price_ok: true,
    };
    Traded::of(&ValuedTrade { priced, usd: None })
}

/// An entry of a list with logical times.
pub(super) fn entry(list: &str, valid_from: Time, valid_to: Option<Time>, known_from: Time) -> ListEntry {
    ListEntry {
        list: list.to_owned(),
        trader: WALLET,
        valid_from,
        valid_to,
        known_from,
        score: Some(50),
        tier: None,
        reason: "test".to_owned(),
    }
}

fn params() -> Params {
    Params { retain_s: 100, remember_s: 1000, cluster_wallets: 2, cluster_window_s: 50 }
}

/// A wallet, and its matches as they have come out.
struct Run {
    store: Store<Trader>,
    matches: std::collections::BTreeMap<Match, Diff>,
    listed: std::collections::BTreeMap<Listed, Diff>,
}

impl Run {
    fn new() -> Self {
        let (matches, listed) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
        Self { store: Store::new((params(), HORIZON)), matches, listed }
    }

    fn at(&mut self, second: u64, changes: Vec<(Input, Diff)>) -> &mut Self {
        let time = start_of(second);
        self.store.fire(time);
        for (input, diff) in changes {
            self.store.apply(time, input, diff);
        }
        let (matches, listed) = (&mut self.matches, &mut self.listed);
        self.store.close(|output, diff| match output {
            Output::Match(matched) => *matches.entry(matched).or_default() += diff,
            Output::Listed(row) => *listed.entry(row).or_default() += diff,
        });
        self.matches.retain(|_, count| *count != 0);
        self.listed.retain(|_, count| *count != 0);
        assert!(self.matches.values().chain(self.listed.values()).all(|count| *count == 1));
        self
    }

    fn trade(&mut self, second: u64, trade: Traded, diff: Diff) -> &mut Self {
        self.at(second, vec![(Input::Trade(WALLET, trade), diff)])
    }

    fn edit(&mut self, second: u64, entry: ListEntry, diff: Diff) -> &mut Self {
        self.at(second, vec![(Input::Entry(entry), diff)])
    }

    /// Slot, and o(pens), c(loses), h(istorical) of each match.
    fn told(&self) -> Vec<String> {
        let flag = |is: bool, letter: &'static str| if is { letter } else { "" };
        let tell = |m: &Match| {
            format!(
                "{}{}{}{}",
                m.event.slot,
                flag(m.opens, "o"),
                flag(m.closes, "c"),
                flag(m.historical, "h")
            )
        };
        self.matches.keys().map(tell).collect()
    }
}

#[test]
fn an_edit_is_answered_for_the_retained_past_and_marked() {
    let mut run = Run::new();
    run.trade(10, traded(10, 50), 1).trade(60, traded(60, 50), 1).trade(120, traded(120, -100), 1);
    assert!(run.matches.is_empty());
    run.edit(130, entry("a", 0, None, start_of(130)), 1);
    assert_eq!(run.told(), ["60h", "120ch"], "what is older than is retained is not answered for");
    run.trade(130, traded(130, 5), 1);
    assert_eq!(run.told(), ["60h", "120ch", "130o"]);
    run.edit(140, entry("a", 0, None, start_of(130)), -1);
    assert!(run.matches.is_empty() && run.listed.is_empty());
}

#[test]
fn a_list_holds_from_its_beginning_to_its_end() {
    let mut run = Run::new();
    run.edit(1, entry("a", start_of(20), Some(start_of(40)), 0), 1);
    for at in [19, 20, 39, 40] {
        run.trade(at, traded(at, 50), 1);
    }
    assert_eq!(run.told(), ["20", "39"]);
    // The entry had never ended, which is known from now on.
    run.edit(50, entry("a", start_of(20), None, start_of(50)), 1);
    assert_eq!(run.told(), ["20", "39", "40h"]);
    assert_eq!(run.listed.len(), 1, "the last known version");
}

#[test]
fn a_late_trade_moves_where_the_position_opened() {
    let mut run = Run::new();
    run.edit(1, entry("a", 0, None, 0), 1);
    run.trade(20, traded(20, 50), 1).trade(30, traded(30, -50), 1);
    assert_eq!(run.told(), ["20o", "30c"]);
    run.trade(31, traded(10, 50), 1);
    assert_eq!(run.told(), ["10o", "20", "30"]);
    run.trade(32, traded(20, 50), -1);
    assert_eq!(run.told(), ["10o", "30c"]);
    run.trade(33, traded(10, 50), -1);
    assert_eq!(run.told(), ["30"]);
}

#[test]
fn what_left_the_retained_past_still_says_what_is_held() {
    let mut run = Run::new();
    run.trade(10, traded(10, 50), 1).at(500, vec![]);
    run.edit(501, entry("a", 0, None, 0), 1);
    run.trade(510, traded(510, -50), 1).trade(520, traded(520, 50), 1);
    assert_eq!(run.told(), ["510c", "520o"]);
}

#[test]
fn a_silent_wallet_is_let_go_unless_it_is_listed() {
    let mut run = Run::new();
    run.trade(10, traded(10, 50), 1).at(500, vec![]);
    assert!(!run.store.is_empty(), "it holds something");
    run.at(2000, vec![]);
    assert!(run.store.is_empty());
    run.edit(2001, entry("a", 0, None, 0), 1).at(9000, vec![]);
    assert!(!run.store.is_empty());
    run.edit(9001, entry("a", 0, None, 0), -1);
    assert!(run.store.is_empty());
}

/// Matches of one day, and the clusters as they have come out.
struct Clusters {
    store: Store<Day>,
    clusters: std::collections::BTreeMap<Cluster, Diff>,
}

impl Clusters {
    fn new() -> Self {
        Self { store: Store::new((params(), HORIZON)), clusters: std::collections::BTreeMap::new() }
    }

    fn at(&mut self, second: u64, changes: &[(u8, u64, i64, bool, Diff)]) -> Vec<String> {
        let time = start_of(second);
        self.store.fire(time);
        for (wallet, at, amount, historical, diff) in changes {
            let trade = traded(*at, *amount);
            let matched = Match {
                event: trade.id,
                list: "a".to_owned(),
                trader: Address([*wallet; 32]),
                trade,
                score: None,
                opens: false,
                closes: false,
                historical: *historical,
            };
            self.store.apply(time, matched, *diff);
        }
        let clusters = &mut self.clusters;
        self.store.close(|cluster, diff| *clusters.entry(cluster).or_default() += diff);
        self.clusters.retain(|_, count| *count != 0);
        assert!(self.clusters.values().all(|count| *count == 1));
        let tell = |c: &Cluster| {
            let traders: Vec<String> = c.traders.iter().map(|t| t.0[0].to_string()).collect();
            let flag = if c.historical { "h" } else { "" };
            format!("{}-{} {} {}{flag}", c.window_start, c.last_time, traders.join("+"), c.net_quote.unwrap())
        };
        self.clusters.keys().map(tell).collect()
    }
}

#[test]
fn distinct_wallets_that_buy_within_the_window_are_a_cluster() {
    let mut run = Clusters::new();
    assert!(run.at(10, &[(1, 10, 100, false, 1), (1, 11, 100, false, 1)]).is_empty());
    assert!(run.at(61, &[(2, 61, 100, false, 1)]).is_empty(), "the first buys are out of the window");
    assert_eq!(run.at(62, &[(3, 62, 70, false, 1)]), ["61-62 2+3 1700"]);
    assert_eq!(run.at(100, &[(2, 100, -100, false, 1)]), ["61-100 3 700"]);
    // After the window the next can come, and what was in it does not count again.
    assert_eq!(run.at(111, &[(4, 111, 1, false, 1)]), ["61-100 3 700"]);
    assert_eq!(run.at(112, &[(5, 112, 1, false, 1)]), ["61-100 3 700", "111-112 4+5 20"]);
}

#[test]
fn a_trade_that_is_taken_back_takes_its_cluster_along() {
    let mut run = Clusters::new();
    run.at(10, &[(1, 10, 100, false, 1), (2, 20, 100, false, 1)]);
    assert_eq!(run.at(70, &[(3, 61, 70, false, 1), (4, 62, 70, false, 1)]).len(), 2);
    assert_eq!(run.at(71, &[(1, 10, 100, false, -1)]), ["20-62 2+3+4 2400"]);
    assert_eq!(run.at(72, &[(1, 10, 100, false, 1)]), ["10-20 1+2 2000", "61-62 3+4 1400"]);
}

#[test]
fn a_cluster_is_historical_unless_enough_of_it_was_known() {
    let mut run = Clusters::new();
    assert_eq!(run.at(10, &[(1, 10, 100, true, 1), (2, 11, 100, false, 1)]), ["10-11 1+2 2000h"]);
    assert_eq!(run.at(12, &[(3, 12, 1, false, 1)]), ["10-12 1+2+3 2010"]);
}

#[test]
fn nothing_reaches_over_midnight_and_a_day_is_let_go() {
    let mut run = Clusters::new();
    assert!(run.at(86_400, &[(1, 86_399, 1, false, 1), (2, 86_400, 1, false, 1)]).is_empty());
    assert_eq!(run.at(86_401, &[(3, 86_401, 1, false, 1)]), ["86400-86401 2+3 20"]);
    assert_eq!(run.at(4 * 86_400, &[]).len(), 1, "what was found stays");
    assert!(run.store.is_empty());
}
