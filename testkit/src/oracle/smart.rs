//! Lists and matches, by brute force: every trade is held against all that was said of its wallet.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::Params;
use model::time::start_of;
use model::{Address, Control, Event, ListEntry, Seconds, Side, Time};
use operators::smart::input::Traded;
use operators::smart::{Cluster, Listed, Match};
use operators::usd::ValuedTrade;
use operators::wallets::input::Currency;

use super::{Facts, rating};

const DAY_S: Seconds = 86_400;

/// What was said of lists, each with the second at which it came, and whether it was said or taken back.
struct Said(Vec<(Seconds, ListEntry, i64)>);

impl Said {
    /// What people said, and what is said of wallets that have done well.
    fn new(facts: &Facts<'_>) -> Self {
        let mut clock = 0;
        let mut said = rating::changes(facts);
        for event in facts.events {
            clock = clock.max(event.clock().unwrap_or(0));
            match event {
                Event::Control(Control::AddListEntry(entry)) => said.push((clock, entry.clone(), 1)),
                Event::Control(Control::RemoveListEntry { entry, .. }) => {
                    said.push((clock, entry.clone(), -1));
                }
                _ => {}
            }
        }
        Self(said)
    }

    /// The entries that stand, as far as they came by `until`.
    fn standing(&self, until: Seconds) -> Vec<&ListEntry> {
        let mut counts: BTreeMap<&ListEntry, i64> = BTreeMap::new();
        for (_, entry, count) in self.0.iter().filter(|(at, ..)| *at <= until) {
            *counts.entry(entry).or_default() += count;
        }
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(entry, _)| entry).collect()
    }
}

/// Of the entries that begin at one moment the last known.
fn last_known<'a>(entries: impl Iterator<Item = &'a ListEntry>) -> Vec<&'a ListEntry> {
    let mut entries: Vec<&ListEntry> = entries.collect();
    entries.sort_by_key(|entry| (entry.known_from, *entry));
    let key = |entry: &ListEntry| (entry.list.clone(), entry.trader, entry.valid_from / 1000);
    let by_key: BTreeMap<_, _> = entries.into_iter().map(|entry| (key(entry), entry)).collect();
    by_key.into_values().collect()
}

fn is_valid(entry: &ListEntry, at: Time) -> bool {
    at >= entry.valid_from && entry.valid_to.is_none_or(|to| to > at)
}

/// The rows of `smart_list`.
pub(super) fn list(facts: &Facts<'_>) -> Vec<Listed> {
    let said = Said::new(facts);
    last_known(said.standing(facts.now).into_iter()).into_iter().cloned().map(Listed).collect()
}

/// The matches, in canonical order.
pub(super) fn matches(facts: &Facts<'_>) -> Vec<Match> {
    let Facts { valued, now, params, .. } = facts;
    let said = Said::new(facts);
    let retained = params.market.smart.retain_s.max(params.correction_horizon_s);
    let turns = turns(valued, params.market.smart.remember_s);
    let mut matches = Vec::new();
    for trade in valued {
        let Some(trader) = trade.trade().trader else { continue };
        let (id, time) = (trade.trade().origin.id, trade.trade().origin.block_time);
        let at = start_of(time);
        let of_trader: Vec<&ListEntry> =
            said.standing((*now).min(time + retained)).into_iter().filter(|e| e.trader == trader).collect();
        let lists: BTreeSet<&str> = of_trader.iter().map(|entry| entry.list.as_str()).collect();
        for list in lists {
            let of_list = || of_trader.iter().copied().filter(|entry| entry.list == list);
            let valid = last_known(of_list()).into_iter().filter(|entry| is_valid(entry, at));
            let Some(entry) = valid.max_by_key(|entry| entry.valid_from) else { continue };
            let then = last_known(of_list().filter(|entry| entry.known_from <= at));
            let (opens, closes) = turns[&id];
            matches.push(Match {
                event: id,
                list: list.to_owned(),
                trader,
                trade: Traded::of(trade),
                score: entry.score,
                opens,
                closes,
                historical: !then.into_iter().any(|entry| is_valid(entry, at)),
            });
        }
    }
    matches
}

/// Which trades opened and closed positions.
fn turns(valued: &[ValuedTrade], remember_s: Seconds) -> BTreeMap<model::EventId, (bool, bool)> {
    /// Held, the most held while open, when last traded.
    type Holding = (u64, Option<u64>, Seconds);
    let mut holdings: BTreeMap<(Address, Address), Holding> = BTreeMap::new();
    let mut turns = BTreeMap::new();
    for trade in valued.iter().map(ValuedTrade::trade) {
        let Some(trader) = trade.trader else { continue };
        let time = trade.origin.block_time;
        let holding = holdings.entry((trader, trade.mint)).or_insert((0, None, time));
        if time > holding.2 + remember_s {
            *holding = (0, None, time);
        }
        let was_open = holding.1.is_some();
        match trade.side {
            Side::Buy if trade.base_user > 0 => {
                holding.0 += trade.base_user;
                holding.1 = Some(holding.1.unwrap_or(0).max(holding.0));
            }
            Side::Buy => {}
            Side::Sell => holding.0 -= trade.base_user.min(holding.0),
        }
        let opens = !was_open && holding.1.is_some();
        let closes = holding.1.is_some_and(|most| holding.0 <= 1 || holding.0 <= most / 1000);
        if closes {
            holding.1 = None;
        }
        holding.2 = time;
        turns.insert(trade.origin.id, (opens, closes));
    }
    turns
}

/// The clusters of some matches, which are in canonical order.
pub(super) fn clusters(matches: &[Match], params: &Params) -> Vec<Cluster> {
    let mut days: BTreeMap<(&str, Address, u64), Vec<&Match>> = BTreeMap::new();
    for matched in matches {
        let key = (matched.list.as_str(), matched.trade.mint, matched.trade.time / DAY_S);
        days.entry(key).or_default().push(matched);
    }
    days.values().flat_map(|day| of_day(day, params)).collect()
}

fn of_day(day: &[&Match], params: &Params) -> Vec<Cluster> {
    let params = &params.market.smart;
    let mut clusters = Vec::new();
    let mut free_from = 0;
    for (at, matched) in day.iter().enumerate() {
        let time = matched.trade.time;
        if time < free_from {
            continue;
        }
        let in_window = |other: &&&Match| {
            other.trade.time >= free_from && other.trade.time + params.cluster_window_s > time
        };
        let window: Vec<&Match> = day[..=at].iter().filter(in_window).copied().collect();
        let buyers = buyers(&window);
        if buyers.len() < params.cluster_wallets {
            continue;
        }
        let first = window.iter().find(|m| m.trade.side == Side::Buy && buyers.contains(&m.trader));
        let first = *first.expect("a buyer has bought");
        free_from = first.trade.time + params.cluster_window_s;
        let within = |other: &&&Match| other.event >= first.event && other.trade.time < free_from;
        let members: Vec<&Match> = day.iter().filter(within).copied().collect();
        let found =
            members.iter().position(|other| other.event == matched.event).expect("it is in the window");
        let is_known = (found..members.len()).any(|last| is_known(&members[..=last], params.cluster_wallets));
        clusters.push(cluster(&members, !is_known));
    }
    clusters
}

/// The wallets that bought more than they sold.
fn buyers(matches: &[&Match]) -> BTreeSet<Address> {
    let net = |trader: Address| -> i128 {
        let of_trader = matches.iter().filter(|m| m.trader == trader);
        of_trader.map(|m| signed(m, m.trade.base)).sum()
    };
    matches.iter().map(|m| m.trader).filter(|trader| net(*trader) > 0).collect()
}

/// Bought is more, sold is less.
pub(super) fn signed(matched: &Match, amount: u64) -> i128 {
    if matched.trade.side == Side::Buy { amount.into() } else { -i128::from(amount) }
}

/// True if enough of the buyers were known to be on the list when they bought.
fn is_known(members: &[&Match], wallets: usize) -> bool {
    let known: Vec<&Match> = members.iter().filter(|m| !m.historical).copied().collect();
    buyers(&known).intersection(&buyers(members)).count() >= wallets
}

fn cluster(members: &[&Match], historical: bool) -> Cluster {
    let (first, last) = (members[0], members[members.len() - 1]);
    let traders = buyers(members);
    let currency = first.trade.currency;
    let paid = members.iter().filter(|m| traders.contains(&m.trader) && m.trade.currency == currency);
    let net_quote = paid.map(|m| signed(m, m.trade.quote)).sum();
    Cluster {
        list: first.list.clone(),
        mint: first.trade.mint,
        window_start: first.trade.time,
        traders: traders.into_iter().collect(),
        net_quote: (currency != Currency::Other).then_some(net_quote),
        currency,
        first_event: first.event,
        last_event: last.event,
        last_time: last.trade.time,
        historical,
    }
}
