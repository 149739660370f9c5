//! Clusters: several wallets of a list that buy one token within a window.
//!
//! The matches of a token are gone through in canonical order. As soon as enough distinct wallets have bought
//! more of it than they sold within the window that ends with a match, there is a cluster. A cluster begins with
//! the first buy of one of them, lasts for the window from there, and takes in the matches that follow in it;
//! only what comes after that can make the next. So each buy counts in one cluster, and a token that is bought
//! all day has one a window and not one a trade.
//!
//! State is kept by list, token and day (UTC), and nothing reaches over midnight: a cluster depends
//! on the matches of one day, and when none of those can change any more all of it is let go. Matches are few,
//! so a day is gone through from the start unless one is added at its end.
//!
//! Wallets of one owner are counted apart: funding clusters are not known here.
//!
//! Source: DEFINITIONS §10, `smart_cluster`.

use std::collections::BTreeMap;

use model::{Address, EventId, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::Params;
use super::record::{Cluster, Match};
use super::trader::Settings;
use crate::prelude::*;
use crate::wallets::input::Currency;

const DAY_S: Seconds = 86_400;

/// State of the matches of one list in one token on one day.
#[derive(Default, Serialize, Deserialize)]
pub struct Day {
    /// In canonical order.
    steps: Vec<Step>,
    found: Found,
    /// How many steps `found` is of; none if one before its end has changed.
    seen: Option<usize>,
}

/// The part that a match plays in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Step {
    id: EventId,
    time: Seconds,
    trader: Address,
    side: Side,
    base: u64,
    quote: u64,
    currency: Currency,
    historical: bool,
}

/// The clusters of some leading steps.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Found {
    clusters: Vec<Cluster>,
    /// At which step the last of them begins, and when its window ends.
    last: Option<(usize, Seconds)>,
}

/// Sums of the wallets over some steps.
#[derive(Default)]
struct Sums {
    /// Base bought less sold; the same of what was known when it happened; quote paid less got.
    by_trader: BTreeMap<Address, [i128; 3]>,
}

impl Step {
    fn of(matched: &Match) -> Self {
        let Match { event, trader, trade, historical, .. } = matched;
        Self {
            id: *event,
            time: trade.time,
            trader: *trader,
            side: trade.side,
            base: trade.base,
            quote: trade.quote,
            currency: trade.currency,
            historical: *historical,
        }
    }

    fn signed(&self, amount: u64) -> i128 {
        match self.side {
            Side::Buy => amount.into(),
            Side::Sell => -i128::from(amount),
        }
    }
}

impl Sums {
    fn of(steps: &[Step], currency: Currency) -> Self {
        let mut by_trader: BTreeMap<Address, [i128; 3]> = BTreeMap::new();
        for step in steps {
            let [base, known, quote] = by_trader.entry(step.trader).or_default();
            *base += step.signed(step.base);
            *known += if step.historical { 0 } else { step.signed(step.base) };
            *quote += if step.currency == currency { step.signed(step.quote) } else { 0 };
        }
        Self { by_trader }
    }

    fn buyers(&self) -> impl Iterator<Item = (&Address, &[i128; 3])> {
        self.by_trader.iter().filter(|(_, [base, ..])| *base > 0)
    }

    fn is_buyer(&self, trader: &Address) -> bool {
        self.by_trader.get(trader).is_some_and(|[base, ..]| *base > 0)
    }
}

impl Found {
    /// Takes in the step at `at`, the one after all that were taken in.
    fn step(&mut self, key: &Key, steps: &[Step], at: usize, params: &Params) {
        let Some(step) = steps.get(at) else { return };
        if let Some((from, _)) = self.last.filter(|(_, end)| step.time < *end) {
            // A cluster that was known at the time stays one when its wallets sell.
            let was_known = self.clusters.pop().is_some_and(|before| !before.historical);
            let now = cluster(key, steps.get(from..=at).unwrap_or_default(), params);
            let historical = |now: &Cluster| now.historical && !was_known;
            self.clusters.extend(now.map(|now| Cluster { historical: historical(&now), ..now }));
            return;
        }
        let begins = self.last.map_or(0, |(_, end)| end);
        let is_outside = |other: &Step| {
            other.time < begins || other.time.saturating_add(params.cluster_window_s) <= step.time
        };
        let after_end = self.last.map_or(0, |(from, _)| from);
        let from = after_end + steps.iter().skip(after_end).take_while(|other| is_outside(other)).count();
        let window = steps.get(from..=at).unwrap_or_default();
        let sums = Sums::of(window, Currency::Other);
        if sums.buyers().count() < params.cluster_wallets {
            return;
        }
        let is_first = |other: &Step| other.side == Side::Buy && sums.is_buyer(&other.trader);
        let from = from + window.iter().take_while(|other| !is_first(other)).count();
        let window = steps.get(from..=at).unwrap_or_default();
        if let Some(first) = window.first() {
            self.last = Some((from, first.time.saturating_add(params.cluster_window_s)));
            self.clusters.extend(cluster(key, window, params));
        }
    }
}

type Key = (String, Address, u64);

/// The cluster that begins with the first of some steps and has come to the last.
fn cluster((list, mint, _): &Key, steps: &[Step], params: &Params) -> Option<Cluster> {
    let (first, last) = (steps.first()?, steps.last()?);
    let sums = Sums::of(steps, first.currency);
    let known = sums.buyers().filter(|(_, [_, known, _])| *known > 0).count();
    let net_quote = sums.buyers().map(|(_, [.., quote])| quote).sum();
    Some(Cluster {
        list: list.clone(),
        mint: *mint,
        window_start: first.time,
        traders: sums.buyers().map(|(trader, _)| *trader).collect(),
        net_quote: (first.currency != Currency::Other).then_some(net_quote),
        currency: first.currency,
        first_event: first.id,
        last_event: last.id,
        last_time: last.time,
        historical: known < params.cluster_wallets,
    })
}

impl State for Day {
    type Key = Key;
    type Input = Match;
    type Part = ();
    type Output = Cluster;
    type Params = Settings;

    fn key(matched: &Match) -> Key {
        (matched.list.clone(), matched.trade.mint, matched.trade.time / DAY_S)
    }

    fn route((_, mint, _): &Key) -> u64 {
        mint.route()
    }

    fn apply(&mut self, _: &Key, matched: Match, diff: Diff, _: &mut Effects<'_, Self>) {
        let step = Step::of(&matched);
        let at = self.steps.partition_point(|other| *other < step);
        if at < self.steps.len() {
            self.seen = None;
        }
        if diff > 0 {
            self.steps.insert(at, step);
        } else if self.steps.get(at) == Some(&step) {
            self.steps.remove(at);
        }
    }

    fn settle(&mut self, key: &Key, effects: &mut Effects<'_, Self>) {
        let seen = self.seen.unwrap_or(0);
        if seen == self.steps.len() && self.seen.is_some() {
            return;
        }
        let before = self.found.clusters.clone();
        if self.seen.is_none() {
            self.found = Found::default();
        }
        for at in seen..self.steps.len() {
            self.found.step(key, &self.steps, at, &effects.params.0);
        }
        self.seen = Some(self.steps.len());
        let after = &self.found.clusters;
        let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
        for gone in before.into_iter().skip(same) {
            effects.emit(gone, -1);
        }
        for new in after.iter().skip(same) {
            effects.emit(new.clone(), 1);
        }
    }

    fn next_timer(&self, (params, horizon): &Settings) -> Option<Seconds> {
        let first = self.steps.first()?;
        let end = (first.time / DAY_S + 1).saturating_mul(DAY_S);
        Some(end.saturating_add(params.retained(*horizon).0).saturating_add(1))
    }

    fn on_timer(&mut self, _: &Key, _: &mut Effects<'_, Self>) {
        *self = Self { seen: Some(0), ..Self::default() };
    }

    fn output(&self, _: &Key, (): &(), _: &Settings) -> Option<Cluster> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.steps.is_empty()
    }

    /// Clusters last.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}
