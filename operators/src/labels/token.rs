//! State of the rules for one token: the trades within the correction horizon and the longest rule's
//! reach, how often each wallet traded, and the trips of those who did so often.
//!
//! A trade that is alone in its slot, past the launch, and by a wallet with few trades touches nothing.

use model::{Address, EventId, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::block::{self, Found};
use super::input::{Creation, Input, Trade};
use super::insider::Moved;
use super::launch::LAUNCH_S;
use super::live::Live;
use super::record::Label;
use super::tape::Tick;
use super::wash::Trips;
use super::{LabelKind, Mark, Params};
use crate::prelude::*;

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub struct Token {
    live: Option<Box<Live>>,
    /// True once the launch can no longer change.
    is_launched: bool,
    /// Wallets whose label of wash trading can no longer change, sorted.
    washed: Vec<Address>,
    /// When something last came.
    active_at: Seconds,
}

/// One part of the output, which changes as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Sandwiches and arbitrage of a slot.
    Slot(u64),
    /// Whether a wallet is a sniper.
    Sniper(Address),
    /// Whether a wallet is a bundler.
    Bundler(Address),
    /// Whether a wallet is an insider.
    Insider(Address),
    /// Whether a wallet washes.
    Wash(Address),
    /// Whether a trade is wash trading.
    Washed(Address, Seconds, EventId),
}

type Settings = (Params, Horizon);

/// Trades are let go in steps of so many seconds.
const STEP_S: Seconds = 60;

impl Token {
    fn change_trade(&mut self, mint: &Address, trade: &Trade, diff: Diff, effects: &mut Effects<'_, Self>) {
        if effects.params.1.is_past(trade.time, effects.now) {
            return; // a fork that dies past the horizon is not undone
        }
        let live = self.live.get_or_insert_default();
        let Some(tick) = live.tape.tick(trade) else { return };
        let at = if diff > 0 { None } else { live.tape.position(&tick) };
        if diff < 0 && at.is_none() {
            return;
        }
        self.active_at = effects.now;
        live.touch_slot(mint, &tick, effects);
        let is_early = !self.is_launched && self.touch_launch(mint, &tick, effects);
        if !self.is_launched {
            self.touch_insiders(true, effects);
        }
        let Some(live) = self.live.as_mut() else { return };
        match at {
            None => live.tape.insert(tick),
            Some(at) => live.tape.remove(at),
        }
        if is_early {
            self.touch_whole_launch(mint, false, effects);
        }
        if !self.is_launched {
            self.touch_insiders(false, effects);
        }
        self.change_trips(mint, &tick, diff, effects);
    }

    /// Says what of the launch a trade is about to change. True if it may change who was early, so that all
    /// of it has to be looked at again.
    fn touch_launch(&self, mint: &Address, tick: &Tick, effects: &mut Effects<'_, Self>) -> bool {
        let Some(live) = &self.live else { return false };
        let launch = live.launch(&effects.params.0);
        let is_first = launch.as_ref().is_none_or(|launch| tick.id <= launch.first().id);
        if is_first && live.tape.is_on_curve(tick) {
            self.touch_whole_launch(mint, true, effects);
            return true;
        }
        let (Some(launch), Some(wallet), Side::Buy) = (launch, tick.trader, tick.side) else { return false };
        if launch.is_early(tick) {
            effects.touch(Part::Sniper(wallet), launch.sniper(mint, &wallet).map(Output::Label));
        }
        if launch.is_first_slot(tick) {
            for wallet in launch.first_slot_buyers().into_iter().chain([wallet]) {
                effects.touch(Part::Bundler(wallet), launch.bundler(mint, &wallet).map(Output::Label));
            }
        }
        false
    }

    /// Says that everything of the launch is about to change, or, afterwards, what has come with it.
    fn touch_whole_launch(&self, mint: &Address, is_before: bool, effects: &mut Effects<'_, Self>) {
        let Some(launch) = self.live.as_ref().and_then(|live| live.launch(&effects.params.0)) else { return };
        for wallet in launch.early_buyers() {
            let before = if is_before { launch.sniper(mint, &wallet) } else { None };
            effects.touch(Part::Sniper(wallet), before.map(Output::Label));
        }
        for wallet in launch.first_slot_buyers() {
            let before = if is_before { launch.bundler(mint, &wallet) } else { None };
            effects.touch(Part::Bundler(wallet), before.map(Output::Label));
        }
    }

    /// Says that who is an insider is about to change, or, afterwards, who has become one. Transactions
    /// that can show one are so few that all are looked at again.
    fn touch_insiders(&self, is_before: bool, effects: &mut Effects<'_, Self>) {
        let Some(live) = &self.live else { return };
        for wallet in live.insiders(&effects.params.0) {
            let before = if is_before { live.insider(&wallet, &effects.params.0) } else { None };
            effects.touch(Part::Insider(wallet), before.map(Output::Label));
        }
    }

    fn change_move(&mut self, moved: Moved, diff: Diff, effects: &mut Effects<'_, Self>) {
        if self.is_launched || effects.params.1.is_past(moved.time, effects.now) {
            return;
        }
        self.active_at = effects.now;
        self.touch_insiders(true, effects);
        change(&mut self.live.get_or_insert_default().moves, moved, diff);
        self.touch_insiders(false, effects);
    }

    /// Takes note of a trade that is, or is no longer, on the tape.
    fn change_trips(&mut self, mint: &Address, tick: &Tick, diff: Diff, effects: &mut Effects<'_, Self>) {
        let params = &effects.params.0;
        let Some(live) = self.live.as_mut() else { return };
        let Some((wallet, money)) = tick.trader.zip(live.money(tick)) else { return };
        let count = live.count(&wallet, money, diff);
        let key = (wallet, money);
        if !live.trips.contains_key(&key) {
            if diff < 0 || count < params.wash.trades_min() {
                return;
            }
            let trips = Trips::new(money, live.others(tick, money, count - 1));
            live.trips.insert(key, trips);
        }
        let place = (tick.time, tick.id);
        // Trades after the first wash do not change the label.
        let close = live.first_close(&wallet);
        let is_settled =
            close.is_some_and(|close| place > close) || self.washed.binary_search(&wallet).is_ok();
        let before =
            if is_settled || close.is_none() { None } else { live.first_wash(mint, &wallet, params) };
        let was_wash = diff < 0 && live.is_washed(&wallet, place);
        let Some(trips) = live.trips.get_mut(&key) else { return };
        let changed =
            if diff > 0 { trips.insert(tick, &params.wash) } else { trips.remove(tick, &params.wash) };
        let has_closed = before.is_some() || trips.first_close().is_some();
        if !is_settled && has_closed {
            effects.touch(Part::Wash(wallet), before.map(Output::Label));
        }
        if was_wash {
            effects.touch(Part::Washed(wallet, tick.time, tick.id), mark(mint, tick.id, true));
        }
        for (time, id) in changed {
            let was_wash = self.live.as_ref().is_some_and(|live| !live.is_washed(&wallet, (time, id)));
            effects.touch(Part::Washed(wallet, time, id), mark(mint, id, was_wash));
        }
    }

    fn change_creation(
        &mut self,
        mint: &Address,
        creation: Creation,
        diff: Diff,
        effects: &mut Effects<'_, Self>,
    ) {
        if self.is_launched || effects.params.1.is_past(creation.time, effects.now) {
            return;
        }
        self.active_at = effects.now;
        self.touch_whole_launch(mint, true, effects);
        self.touch_insiders(true, effects);
        change(&mut self.live.get_or_insert_default().creations, creation, diff);
        self.touch_whole_launch(mint, false, effects);
        self.touch_insiders(false, effects);
    }

    fn let_go(&mut self, effects: &Effects<'_, Self>) {
        let ((params, horizon), now) = (effects.params, effects.now);
        let Some(live) = self.live.as_mut() else { return };
        let launch = live.launch(params).map(|launch| launch.first().time);
        if launch.is_some_and(|first| horizon.is_past(first.saturating_add(LAUNCH_S), now)) {
            self.is_launched = true;
            (live.creations, live.moves) = (Vec::new(), Vec::new());
        }
        let start = now.saturating_sub(params.reach_s(*horizon));
        for ((wallet, _), trips) in &mut live.trips {
            if trips.let_go_before(start)
                && let Err(at) = self.washed.binary_search(wallet)
            {
                self.washed.insert(at, *wallet);
            }
        }
        live.trips.retain(|_, trips| !trips.is_empty());
        live.let_go_before(start);
        live.moves.retain(|moved| moved.time >= start);
        if live.start().is_none() && live.creations.is_empty() {
            self.live = None;
        }
    }
}

/// Adds or takes out one of a few.
fn change<T: PartialEq>(few: &mut Vec<T>, one: T, diff: Diff) {
    match few.iter().position(|other| *other == one) {
        Some(at) if diff < 0 => drop(few.remove(at)),
        None if diff > 0 => few.push(one),
        _ => {}
    }
}

fn mark(mint: &Address, event: EventId, is_wash: bool) -> Option<Output> {
    is_wash.then_some(Output::Mark(Mark { mint: *mint, event, kind: LabelKind::Wash }))
}

/// One output element of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The patterns found in a slot.
    Found(Found),
    /// A label.
    Label(Label),
    /// A mark.
    Mark(Mark),
}

impl State for Token {
    type Key = Address;
    type Input = Input;
    type Part = Part;
    type Output = Output;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        match input {
            Input::Trade(trade) => trade.mint,
            Input::Created(creation) => creation.mint,
            Input::Moved(moved) => moved.mint,
        }
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, mint: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        match input {
            Input::Trade(trade) => self.change_trade(mint, &trade, diff, effects),
            Input::Created(creation) => self.change_creation(mint, creation, diff, effects),
            Input::Moved(moved) => self.change_move(moved, diff, effects),
        }
    }

    fn next_timer(&self, (params, horizon): &Settings) -> Option<Seconds> {
        let start = self.live.as_ref().and_then(|live| live.start());
        match start {
            Some(start) => Some(start.saturating_add(params.reach_s(*horizon)).saturating_add(STEP_S)),
            None => Some(self.active_at.saturating_add(params.remember_token_s)),
        }
    }

    fn on_timer(&mut self, _: &Address, effects: &mut Effects<'_, Self>) {
        let is_silent = self.live.as_ref().is_none_or(|live| live.start().is_none());
        if is_silent && self.active_at.saturating_add(effects.params.0.remember_token_s) <= effects.now {
            *self = Self::default();
        } else {
            self.let_go(effects);
        }
    }

    fn output(&self, mint: &Address, part: &Part, (params, _): &Settings) -> Option<Output> {
        let live = self.live.as_ref()?;
        match part {
            Part::Slot(slot) => block::found(mint, *slot, &live.tape, params).map(Output::Found),
            Part::Sniper(wallet) => live.launch(params)?.sniper(mint, wallet).map(Output::Label),
            Part::Bundler(wallet) => live.launch(params)?.bundler(mint, wallet).map(Output::Label),
            Part::Insider(wallet) => live.insider(wallet, params).map(Output::Label),
            Part::Wash(wallet) => live.first_wash(mint, wallet, params).map(Output::Label),
            Part::Washed(wallet, time, id) => mark(mint, *id, live.is_washed(wallet, (*time, *id))),
        }
    }

    fn is_idle(&self) -> bool {
        self.live.is_none() && !self.is_launched && self.washed.is_empty()
    }

    /// Labels last.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
