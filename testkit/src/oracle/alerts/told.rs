//! What is told of tokens as of a time, second after second: ends of bars, and how holdings are spread.

use std::collections::{BTreeMap, BTreeSet};

use model::{Address, EventId, Seconds};
use operators::alerts::Shares;
use operators::indicators::Indicators;

use super::super::{Facts, indicators};
use super::points::What;

/// For how long bars after a trade that was taken back do not count.
const CORRECTED_S: Seconds = 61;

#[derive(Default)]
pub(super) struct Told {
    tokens: BTreeMap<Address, Token>,
    /// Trades, with their tokens and times, at the last second.
    trades: BTreeMap<EventId, (Address, Seconds)>,
    bars: Vec<Indicators>,
}

#[derive(Default)]
struct Token {
    present: Option<Shares>,
    tell_at: Option<Seconds>,
    shares: BTreeMap<Seconds, Shares>,
    /// Bars after the first second do not count until the second.
    held_back: Option<(Seconds, Seconds)>,
}

impl Told {
    /// When something happens by itself after a second in which something came.
    pub(super) fn dues(&self, second: Seconds) -> impl Iterator<Item = Seconds> {
        let ends = self.tokens.values().filter_map(|token| token.held_back.map(|(_, until)| until));
        // Holdings are told a second later.
        std::iter::once(second + 1).chain(ends)
    }

    pub(super) fn bring_up(&mut self, facts: &Facts<'_>) {
        let now = facts.now;
        let trades: BTreeMap<EventId, (Address, Seconds)> = facts
            .valued
            .iter()
            .filter(|valued| valued.trade().quote_known)
            .map(|valued| (valued.trade().origin.id, (valued.trade().mint, valued.trade().origin.block_time)))
            .collect();
        let mut gone: BTreeMap<Address, Seconds> = BTreeMap::new();
        for (mint, time) in self.trades.iter().filter(|(id, _)| !trades.contains_key(id)).map(|(_, at)| at) {
            let first = gone.entry(*mint).or_insert(*time);
            *first = (*first).min(*time);
        }
        self.trades = trades;
        self.bars = indicators::indicators(facts.events, (now, false), facts.params);
        let held = facts.holdings();
        let mints: BTreeSet<Address> =
            self.tokens.keys().chain(held.keys()).chain(gone.keys()).copied().collect();
        for mint in mints {
            let held = held.get(&mint).map(Shares::of);
            self.tokens.entry(mint).or_default().bring_up(held, gone.get(&mint).copied(), now);
        }
    }

    /// Bars that have ended and how holdings were spread, of every token.
    pub(super) fn points(&self) -> Vec<(Address, Seconds, What)> {
        let mut points = Vec::new();
        for bar in self.bars.iter().filter(|bar| !bar.is_provisional) {
            let time = bar.open_time + bar.interval.seconds();
            let held_back = self.tokens.get(&bar.mint).and_then(|token| token.held_back);
            if held_back.is_none_or(|(from, _)| time <= from) {
                let what = What::Bar { interval: bar.interval.seconds(), values: bar.values };
                points.push((bar.mint, time, what));
            }
        }
        for (mint, token) in &self.tokens {
            points.extend(token.shares.iter().map(|(time, shares)| (*mint, *time, What::Shares(*shares))));
        }
        points
    }
}

impl Token {
    fn bring_up(&mut self, held: Option<Shares>, gone: Option<Seconds>, now: Seconds) {
        let is_new = held.is_some() && held != self.present;
        self.present = held.or(self.present);
        if is_new || self.tell_at.is_some_and(|at| at <= now) {
            self.tell_at = None;
            self.shares.extend(self.present.map(|present| (now, present)));
        }
        self.held_back = self.held_back.filter(|(_, until)| *until > now);
        if let Some(gone) = gone {
            self.shares.retain(|time, _| *time <= gone);
            self.tell_at = Some(now + 1);
            let from = self.held_back.map_or(gone, |(from, _)| from.min(gone));
            self.held_back = Some((from, now + CORRECTED_S));
        }
    }
}
