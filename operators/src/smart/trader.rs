//! State of one wallet: on which lists the wallet stands, and its trades of the retained past, so that an edit
//! of a list is answered for those at once.
//!
//! Nearly no wallet is on a list, and of one that is not a trade is put down and nothing else. Where
//! positions open and close is worked out from the moment on when somebody asks, and kept up to date from
//! then on: a trade at the end costs one step, one that comes late or is taken back costs the trades of its
//! token. The effect of a trade that leaves the retained past is folded into one number a token.

use std::collections::BTreeMap;

use model::{Address, EventId, ListEntry, Seconds, Time};
use serde::{Deserialize, Serialize};

use super::Params;
use super::input::{Input, Traded};
use super::membership::{Memberships, begins};
use super::position::{Position, Turn};
use super::record::{Listed, Match};
use crate::prelude::*;

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub struct Trader {
    /// In canonical order.
    trades: Vec<Kept>,
    /// Positions before the retained trades.
    before: BTreeMap<Address, Position>,
    /// When the first of those can be let go, if there are no trades.
    sweep_at: Seconds,
    /// None while the wallet is on no list.
    listed: Option<Box<OnLists>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Kept {
    trade: Traded,
    /// Right only while the wallet is on a list.
    turn: Turn,
}

/// State that only a wallet on a list has.
#[derive(Default, Serialize, Deserialize)]
struct OnLists {
    memberships: Memberships,
    /// Positions after all trades.
    after: BTreeMap<Address, Position>,
}

/// One part of the output, which changes as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The entry of a list that begins at this moment, in milliseconds.
    Entry(String, u64),
    /// The match of a trade with a list.
    Match(String, EventId),
}

/// One output element of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The wallet stands on a list.
    Listed(Listed),
    /// The wallet traded while on a list.
    Match(Match),
}

/// Settings and for how long an event can still come or be taken back.
pub type Settings = (Params, Horizon);

/// How much longer than they must trades are kept, so that they are let go many at once: a part of the time.
const SLACK: Seconds = 16;

impl Trader {
    fn change_trade(&mut self, trader: &Address, trade: Traded, diff: Diff, effects: &mut Effects<'_, Self>) {
        let (params, horizon) = effects.params;
        if params.retained(*horizon).is_past(trade.time, effects.now) {
            return; // a fork that dies past the horizon is not undone
        }
        let at = self.trades.partition_point(|other| other.trade < trade);
        let is_there = self.trades.get(at).is_some_and(|other| other.trade == trade);
        if is_there == (diff > 0) {
            return;
        }
        self.touch_matches(trader, trade.id, effects);
        let is_last = diff > 0 && at == self.trades.len();
        if diff > 0 {
            self.trades.insert(at, Kept { trade, turn: Turn::default() });
        } else {
            self.trades.remove(at);
        }
        if is_last {
            let remember_s = effects.params.0.remember_s;
            if let (Some(listed), Some(kept)) = (&mut self.listed, self.trades.last_mut()) {
                let before = self.before.get(&trade.mint).copied().unwrap_or_default();
                let position = listed.after.entry(trade.mint).or_insert(before);
                kept.turn = position.trade(&trade, remember_s);
            }
        } else if self.listed.is_some() {
            self.follow(trader, &trade.mint, effects);
        }
    }

    /// Works out anew what the trades did to the position in a token.
    fn follow(&mut self, trader: &Address, mint: &Address, effects: &mut Effects<'_, Self>) {
        let mut position = self.before.get(mint).copied().unwrap_or_default();
        let mut turned = Vec::new();
        for (at, kept) in self.trades.iter().enumerate().filter(|(_, kept)| kept.trade.mint == *mint) {
            let turn = position.trade(&kept.trade, effects.params.0.remember_s);
            if turn != kept.turn {
                turned.push((at, kept.trade.id, turn));
            }
        }
        for (at, id, turn) in turned {
            self.touch_matches(trader, id, effects);
            if let Some(kept) = self.trades.get_mut(at) {
                kept.turn = turn;
            }
        }
        if let Some(listed) = &mut self.listed {
            listed.after.insert(*mint, position);
        }
    }

    /// Works out what every trade did, when the wallet comes on its first list.
    fn follow_all(&mut self, remember_s: Seconds) -> Box<OnLists> {
        let mut after = self.before.clone();
        for kept in &mut self.trades {
            kept.turn = after.entry(kept.trade.mint).or_default().trade(&kept.trade, remember_s);
        }
        Box::new(OnLists { memberships: Memberships::default(), after })
    }

    fn change_entry(
        &mut self,
        trader: &Address,
        entry: ListEntry,
        diff: Diff,
        effects: &mut Effects<'_, Self>,
    ) {
        let ((params, horizon), now) = (effects.params, effects.now);
        if self.listed.is_none() {
            self.listed = Some(self.follow_all(params.remember_s));
        }
        let part = Part::Entry(entry.list.clone(), begins(&entry));
        effects.touch(part.clone(), self.output(trader, &part, effects.params));
        let retained = params.retained(*horizon);
        for kept in self.trades.iter().filter(|kept| !retained.is_past(kept.trade.time, now)) {
            let part = Part::Match(entry.list.clone(), kept.trade.id);
            effects.touch(part.clone(), self.output(trader, &part, effects.params));
        }
        if let Some(listed) = &mut self.listed {
            listed.memberships.change(entry, diff);
        }
        self.listed.take_if(|listed| listed.memberships.is_empty());
    }

    fn touch_matches(&self, trader: &Address, id: EventId, effects: &mut Effects<'_, Self>) {
        for list in self.listed.iter().flat_map(|listed| listed.memberships.lists()) {
            let part = Part::Match(list.to_owned(), id);
            effects.touch(part.clone(), self.output(trader, &part, effects.params));
        }
    }

    fn matched(&self, trader: &Address, list: &str, id: EventId) -> Option<Match> {
        let memberships = &self.listed.as_ref()?.memberships;
        let at = self.trades.partition_point(|other| other.trade.id < id);
        let Kept { trade, turn } = self.trades.get(at).filter(|kept| kept.trade.id == id)?;
        let entry = memberships.on(list, trade.at(), Time::MAX)?;
        let was_known = memberships.on(list, trade.at(), trade.at()).is_some();
        Some(Match {
            event: id,
            list: list.to_owned(),
            trader: *trader,
            trade: *trade,
            score: entry.score,
            opens: turn.opens,
            closes: turn.closes,
            historical: !was_known,
        })
    }

    /// Lets go the trades that are past.
    fn let_go(&mut self, retained: Horizon, params: &Params, now: Seconds) {
        let gone = self.trades.iter().take_while(|kept| retained.is_past(kept.trade.time, now)).count();
        for kept in self.trades.drain(..gone) {
            self.before.entry(kept.trade.mint).or_default().trade(&kept.trade, params.remember_s);
        }
        if gone > 0 {
            self.trades.shrink_to(2 * self.trades.len());
        }
    }

    /// Lets go the positions that nothing takes up any more.
    fn sweep(&mut self, params: &Params, horizon: Horizon, now: Seconds) {
        let forget_at = |position: &Position| position.forget_at(params.remember_s, horizon.0);
        self.before.retain(|_, position| !position.is_empty() && forget_at(position) > now);
        if let Some(listed) = &mut self.listed {
            // An empty one stays: it may follow from trades that are kept, and not from `before` alone.
            listed.after.retain(|_, position| forget_at(position) > now);
        }
        self.sweep_at = self.before.values().map(forget_at).min().unwrap_or(0);
    }
}

impl State for Trader {
    type Key = Address;
    type Input = Input;
    type Part = Part;
    type Output = Output;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        match input {
            Input::Trade(trader, _) => *trader,
            Input::Entry(entry) => entry.trader,
        }
    }

    fn route(trader: &Address) -> u64 {
        trader.route()
    }

    fn apply(&mut self, trader: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        match input {
            Input::Trade(_, trade) => self.change_trade(trader, trade, diff, effects),
            Input::Entry(entry) => self.change_entry(trader, entry, diff, effects),
        }
    }

    fn next_timer(&self, (params, horizon): &Settings) -> Option<Seconds> {
        let retained = params.retained(*horizon).0;
        match self.trades.first() {
            Some(first) => Some(first.trade.time.saturating_add(retained + retained / SLACK + 1)),
            None => (self.sweep_at > 0).then_some(self.sweep_at),
        }
    }

    fn on_timer(&mut self, _: &Address, effects: &mut Effects<'_, Self>) {
        let (params, horizon) = effects.params;
        self.let_go(params.retained(*horizon), params, effects.now);
        self.sweep(params, *horizon, effects.now);
    }

    fn output(&self, trader: &Address, part: &Part, _: &Settings) -> Option<Output> {
        match part {
            Part::Entry(list, begin) => {
                let entry = self.listed.as_ref()?.memberships.version(list, *begin)?;
                Some(Output::Listed(Listed(entry.clone())))
            }
            Part::Match(list, id) => self.matched(trader, list, *id).map(Output::Match),
        }
    }

    fn is_idle(&self) -> bool {
        self.trades.is_empty() && self.before.is_empty() && self.listed.is_none()
    }

    /// Matches last.
    fn outlives(output: &Output) -> bool {
        matches!(output, Output::Match(_))
    }
}
