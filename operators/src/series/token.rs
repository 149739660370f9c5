//! One token: its trades and changes of liquidity for as long as they can be retracted, and the choice of its
//! primary pool.
//!
//! The changes of one logical time are gathered, put in order and taken in together. Those that come after all
//! others go on from where the choice is; anything else makes it run again.

use model::{Address, EventId, LiquidityChanged, Seconds, Side, Trade};
use serde::{Deserialize, Serialize};

use super::{Chosen, Input, Output, Params, SeriesTrade};
use crate::bar::Role;
use crate::prelude::*;
use crate::primary::{Choice, Ground, Move, Pool, Step};
use crate::room;
use crate::usd::ValuedTrade;

/// Steps are let go this much later than they might be: each time costs a walk over what is kept.
const LET_GO_STEP_S: Seconds = 60;

/// The trade or change of liquidity behind a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Event {
    Trade(ValuedTrade),
    Liquidity(Box<LiquidityChanged>),
}

impl Event {
    /// Its output in a role.
    fn output(&self, role: Role) -> Option<Output> {
        match self {
            Self::Trade(valued) => {
                let valued = valued.clone();
                Some(Output::Trade(SeriesTrade { valued, role }))
            }
            Self::Liquidity(event) => (role == Role::Primary).then(|| Output::Liquidity(event.clone())),
        }
    }
}

/// An event that comes or is retracted.
type Change = (Step, Event, Diff);

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub struct Token {
    pools: Vec<Pool>,
    moves: Vec<Move>,
    /// In canonical order.
    steps: Vec<Step>,
    /// The event of each step.
    events: Vec<Event>,
    choice: Choice,
    /// The primary pool that was told.
    told: Option<Chosen>,
    /// When something last came.
    active_at: Seconds,
    /// True once even the primary pool need not be known any more.
    is_forgotten: bool,
    /// Changes of the present time.
    #[serde(skip)]
    pending: Vec<Change>,
    /// True if there is a pool or a move among them that was not known, or one less.
    #[serde(skip)]
    is_ground_new: bool,
}

type Settings = (Params, Horizon);

/// The least that was in the pool of a trade before it and after it.
fn held(trade: &Trade) -> Option<u64> {
    let after = trade.quote_reserve?;
    Some(match trade.side {
        Side::Buy => after.saturating_sub(trade.quote_amount),
        Side::Sell => after,
    })
}

impl Token {
    fn note_trade(&mut self, valued: ValuedTrade, diff: Diff) {
        let trade = valued.trade();
        let (id, time, is_curve) = (trade.origin.id, trade.origin.block_time, trade.program.is_curve());
        let (quote_reserve, held) = (trade.quote_reserve.into(), held(trade).into());
        let (address, quote_mint) = (trade.pool, trade.quote_mint);
        let index = self.pool(address);
        if let Some(pool) = self.pools.get_mut(index as usize) {
            let had_traded = pool.has_traded();
            let trades = pool.trades + i64::try_from(diff).unwrap_or_default();
            *pool = Pool { address, is_curve, quote_mint: Some(quote_mint), trades };
            self.is_ground_new |= had_traded != pool.has_traded();
        }
        let step = Step { id, time, pool: index, role: Role::Pool, is_trade: true, quote_reserve, held };
        self.pending.push((step, Event::Trade(valued), diff));
    }

    fn note_liquidity(&mut self, event: Box<LiquidityChanged>, diff: Diff) {
        let pool = self.pool(event.pool);
        let (id, time, none) = (event.origin.id, event.origin.block_time, None.into());
        let step =
            Step { id, time, pool, role: Role::Pool, is_trade: false, quote_reserve: none, held: none };
        self.pending.push((step, Event::Liquidity(event), diff));
    }

    fn note_move(&mut self, id: EventId, to: Address, diff: Diff) {
        let step = Move { id, to: self.pool(to) };
        match self.moves.binary_search(&step) {
            Err(at) if diff > 0 => self.moves.insert(at, step),
            Ok(at) if diff < 0 => drop(self.moves.remove(at)),
            _ => return,
        }
        self.is_ground_new = true;
    }

    /// The index of a pool, which may be new.
    fn pool(&mut self, address: Address) -> u32 {
        let known = self.pools.iter().position(|pool| pool.address == address);
        let at = known.unwrap_or_else(|| {
            self.is_ground_new = true;
            room::push(&mut self.pools, Pool { address, is_curve: false, quote_mint: None, trades: 0 });
            self.pools.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// True if the changes come after all that is kept, and the choice goes on from where it is.
    fn is_in_order(&self, pending: &[Change]) -> bool {
        let first = pending.first().map(|(step, ..)| step.id);
        (!self.is_ground_new || self.pools.len() == 1)
            && pending.iter().all(|(.., diff)| *diff > 0)
            && self.steps.last().is_none_or(|last| first.is_none_or(|first| last.id < first))
    }

    /// Takes in what comes after everything else.
    fn append(&mut self, pending: Vec<Change>, effects: &mut Effects<'_, Self>) {
        let ground = Ground { pools: &self.pools, moves: &self.moves, params: &effects.params.0.primary };
        for (mut step, event, diff) in pending {
            step.role = self.choice.step(&step, ground);
            if let Some(output) = event.output(step.role) {
                effects.emit(output, diff);
            }
            room::push(&mut self.steps, step);
            room::push(&mut self.events, event);
        }
    }

    /// Takes in anything else.
    fn correct(&mut self, pending: &[Change], effects: &mut Effects<'_, Self>) {
        let mut bounds: Option<(EventId, EventId)> = None;
        let mut come: Vec<EventId> = Vec::new();
        for same in pending.chunk_by(|a, b| (a.0.id, &a.1) == (b.0.id, &b.1)) {
            let diff: Diff = same.iter().map(|(.., diff)| diff).sum();
            let Some((step, event, _)) = same.first().filter(|_| diff != 0) else { continue };
            if diff < 0 {
                let Some(gone) = self.remove(step.id, event) else { continue };
                if let Some(output) = event.output(gone) {
                    effects.emit(output, -1);
                }
            } else {
                let at = room::place(&self.steps, |kept| kept.id <= step.id);
                room::insert(&mut self.steps, at, *step);
                room::insert(&mut self.events, at, event.clone());
                come.push(step.id);
            }
            let (from, upto) = bounds.unwrap_or((step.id, step.id));
            bounds = Some((from.min(step.id), upto.max(step.id)));
        }
        let bounds = bounds.filter(|_| !self.is_ground_new);
        if bounds.is_none() && !self.is_ground_new {
            return;
        }
        let ground = Ground { pools: &self.pools, moves: &self.moves, params: &effects.params.0.primary };
        for (at, role) in self.choice.replay(&self.steps, bounds, ground) {
            let Some((step, event)) = self.steps.get_mut(at).zip(self.events.get(at)) else { continue };
            let before = std::mem::replace(&mut step.role, role);
            if come.binary_search(&step.id).is_err() {
                effects.replace(event.output(before), event.output(role));
            }
        }
        // Each under its name, once: of one name and several events those that are not new have been retracted.
        come.dedup();
        for id in come {
            let from = self.steps.partition_point(|step| step.id < id);
            let named = self.steps.iter().zip(&self.events).skip(from).take_while(|(step, _)| step.id == id);
            for output in named.filter_map(|(step, event)| event.output(step.role)) {
                effects.emit(output, 1);
            }
        }
    }

    /// Takes out an event; its role. An event that is past correction is not there.
    fn remove(&mut self, id: EventId, event: &Event) -> Option<Role> {
        let from = self.steps.partition_point(|step| step.id < id);
        let named = self.steps.iter().zip(&self.events).skip(from).take_while(|(step, _)| step.id == id);
        let at = from + named.into_iter().position(|(_, kept)| kept == event)?;
        self.events.remove(at);
        Some(self.steps.remove(at).role)
    }

    /// The primary pool, where there is a choice.
    fn chosen(&self, mint: &Address) -> Option<Chosen> {
        // A pool whose trades have all been retracted is none to choose from, as if it had never been.
        let is_there = |(at, pool): &(usize, &Pool)| {
            pool.has_traded() || self.moves.iter().any(|step| step.to as usize == *at)
        };
        if self.is_forgotten || self.pools.iter().enumerate().filter(is_there).count() < 2 {
            return None;
        }
        let pool = self.pools.get(self.choice.primary()? as usize)?;
        Some(Chosen { mint: *mint, pool: pool.address })
    }

    /// Tells of the primary pool, if it is another one.
    fn tell(&mut self, chosen: Option<Chosen>, effects: &mut Effects<'_, Self>) {
        let told = std::mem::replace(&mut self.told, chosen);
        effects.replace(told.map(Output::Chosen), chosen.map(Output::Chosen));
    }

    /// Lets go of steps that can no longer be retracted.
    fn let_go(&mut self, (params, horizon): &Settings, now: Seconds) {
        let keep = Horizon(horizon.kept_s());
        let count = self.steps.iter().take_while(|step| keep.is_past(step.time, now)).count();
        let ground = Ground { pools: &self.pools, moves: &self.moves, params: &params.primary };
        for step in self.steps.drain(..count) {
            self.choice.let_go(&step, ground);
        }
        self.events.drain(..count);
        if self.steps.capacity() > 4 * self.steps.len() {
            self.steps.shrink_to_fit();
            self.events.shrink_to_fit();
        }
    }

    fn let_go_at(&self, horizon: Horizon) -> Option<Seconds> {
        let first = self.steps.first()?;
        Some(first.time.saturating_add(horizon.kept_s()).saturating_add(LET_GO_STEP_S))
    }

    fn forget_at(&self, params: &Params) -> Option<Seconds> {
        self.steps.is_empty().then(|| self.active_at.saturating_add(params.remember_s))
    }
}

impl State for Token {
    type Key = Address;
    type Input = Input;
    /// Changes are emitted as they are found; `output` is never called.
    type Part = std::convert::Infallible;
    type Output = Output;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        match input {
            Input::Trade(valued) => valued.trade().mint,
            Input::Liquidity(event) => event.mint,
            Input::Migration { mint, .. } => *mint,
        }
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, _: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        self.active_at = self.active_at.max(effects.now);
        self.is_forgotten = false;
        match input {
            Input::Trade(valued) if !valued.trade().quote_known => {
                effects.emit(Output::Trade(SeriesTrade { valued, role: Role::Pool }), diff);
            }
            Input::Trade(valued) => self.note_trade(valued, diff),
            Input::Liquidity(event) => self.note_liquidity(event, diff),
            Input::Migration { id, to, .. } => self.note_move(id, to, diff),
        }
    }

    fn settle(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let mut pending = std::mem::take(&mut self.pending);
        if !pending.is_sorted_by(|a, b| (a.0.id, &a.1) <= (b.0.id, &b.1)) {
            pending.sort_by(|a, b| (a.0.id, &a.1).cmp(&(b.0.id, &b.1)));
        }
        if self.is_in_order(&pending) {
            self.append(pending, effects);
        } else {
            self.correct(&pending, effects);
        }
        self.is_ground_new = false;
        self.tell(self.chosen(mint), effects);
    }

    fn next_timer(&self, (params, horizon): &Settings) -> Option<Seconds> {
        self.let_go_at(*horizon).or_else(|| self.forget_at(params))
    }

    fn on_timer(&mut self, _: &Address, effects: &mut Effects<'_, Self>) {
        self.let_go(effects.params, effects.now);
        self.is_forgotten = self.forget_at(&effects.params.0).is_some_and(|at| at <= effects.now);
        if self.is_forgotten {
            self.tell(None, effects);
        }
    }

    fn output(&self, _: &Address, part: &Self::Part, _: &Settings) -> Option<Output> {
        match *part {}
    }

    fn is_idle(&self) -> bool {
        self.is_forgotten
    }

    /// Trades and changes of liquidity stand for as long as what they are made of does.
    fn outlives(output: &Output) -> bool {
        !matches!(output, Output::Chosen(_))
    }
}
