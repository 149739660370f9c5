//! Events that stand: each event once, and nothing of a dead fork.
//!
//! Sources deliver duplicates (reconnects, several endpoints, several commitments), transactions
//! without their index that come again with it, and blocks of forks that die. This operator settles
//! all three by slot, so that no later operator knows of them: from here on a trade is there (`+1`) or
//! taken back (`-1`).
//!
//! Among several deliveries of one event the least stands, so that the order of arrival decides nothing;
//! once its slot is finalized only the event's place is kept, and the one that stands stays. An event
//! older than the horizon is refused and named: later operators have forgotten what it would correct.
//!
//! Among two different trades under one id the least stands too, and the other is a reject. The fate of trades that
//! do not stand is counted ([`Dropped`]), so that whoever counts those that come in can account for every one.
//!
//! How settled an event is, is not said here: see [`crate::trades`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    BalancesChanged, ChainEvent, EventId, Origin, Reject, RejectReason, Side, SlotState, SlotStatus, Trade,
    TxPlace,
};
use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// Events that stand, each once. The body of a trade is shared by all operators that take it in: copied for
/// each of them it would cost more than most of them do.
pub struct Happened<'s> {
    /// Trades.
    pub trades: Collection<'s, Arc<Trade>>,
    /// Balances after transactions.
    pub balances: Collection<'s, Arc<BalancesChanged>>,
    /// All other events.
    pub events: Collection<'s, ChainEvent>,
    /// Events that came too late to count, and trades that others stand in the way of.
    pub rejects: Collection<'s, Reject>,
    /// Trades that do not stand, each delivery once.
    pub dropped: Collection<'s, Dropped>,
}

/// Why a delivered trade is not among those that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Dropped {
    /// Past the correction horizon.
    Late,
    /// The same trade again.
    Duplicate,
    /// Another trade stands under its id.
    Conflict,
    /// Its slot is dead.
    Dead,
}

/// The events that happened, and those that do not count.
pub fn slots<'s>(
    events: Collection<'s, ChainEvent>,
    statuses: Collection<'s, SlotStatus>,
    horizon: Horizon,
    states: &States,
) -> Happened<'s> {
    let intake = Intake::of(events, |event| Some(Input::Event(Delivered::from(event))))
        .and(statuses, |status| Some(Input::Status(status.slot, status.state)));
    let way = |output| match output {
        Output::Happened(Delivered::Trade(trade)) => Either::Left(trade),
        Output::Happened(Delivered::Balances(balances)) => Either::Right(Either::Left(balances)),
        Output::Happened(Delivered::Other(event)) => {
            Either::Right(Either::Right(Either::Left(Arc::unwrap_or_clone(event))))
        }
        Output::Refused(reject) => Either::Right(Either::Right(Either::Right(Either::Left(*reject)))),
        Output::Dropped(why) => Either::Right(Either::Right(Either::Right(Either::Right(Only(why))))),
    };
    let (trades, (balances, (events, (rejects, dropped)))) =
        keyed_apart::<Slot, _>(intake, "slots", horizon, states, way);
    Happened { trades, balances, events, rejects, dropped }
}

/// An event, once in memory however many keep it. In the order of [`ChainEvent`], less one of balances,
/// which has a place of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Delivered {
    /// A trade.
    Trade(Arc<Trade>),
    /// Balances.
    Balances(Arc<BalancesChanged>),
    /// Anything else.
    Other(Arc<ChainEvent>),
}

impl From<ChainEvent> for Delivered {
    fn from(event: ChainEvent) -> Self {
        match event {
            ChainEvent::Trade(trade) => Self::Trade(Arc::new(trade)),
            ChainEvent::BalancesChanged(balances) => Self::Balances(Arc::new(balances)),
            other => Self::Other(Arc::new(other)),
        }
    }
}

impl From<Delivered> for ChainEvent {
    fn from(event: Delivered) -> Self {
        match event {
            Delivered::Trade(trade) => Self::Trade(Arc::unwrap_or_clone(trade)),
            Delivered::Balances(balances) => Self::BalancesChanged(Arc::unwrap_or_clone(balances)),
            Delivered::Other(event) => Arc::unwrap_or_clone(event),
        }
    }
}

impl Delivered {
    fn origin(&self) -> &Origin {
        match self {
            Self::Trade(trade) => &trade.origin,
            Self::Balances(balances) => &balances.origin,
            Self::Other(event) => event.origin(),
        }
    }
}

/// One input element of a slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// One of its events.
    Event(Delivered),
    /// The state that the slot reached.
    Status(u64, SlotState),
}

/// One output element of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// An event of a slot that lives.
    Happened(Delivered),
    /// An event that is refused.
    Refused(Box<Reject>),
    /// A trade that does not stand.
    Dropped(Dropped),
}

/// Names an event within its slot, whether or not the index of its transaction is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    tx: u64,
    outer_ix: u16,
    inner_ix: i16,
}

impl Place {
    fn of(event: &Delivered) -> Self {
        let origin = event.origin();
        let EventId { outer_ix, inner_ix, .. } = origin.id;
        Self { tx: TxPlace::prefix(&origin.signature), outer_ix, inner_ix }
    }
}

/// The name of an event in every output, where the index of its transaction is known.
type Name = (u32, u16, i16);

fn name(event: &Delivered) -> Option<Name> {
    let EventId { tx, outer_ix, inner_ix, .. } = event.origin().id;
    Some((tx.index()?, outer_ix, inner_ix))
}

/// State of a slot.
#[derive(Default, Serialize, Deserialize)]
pub struct Slot {
    state: Option<SlotState>,
    /// Deliveries by place, the least first, with how often each came. Nearly always there is one, and a
    /// map of one would take the room of eleven.
    events: BTreeMap<Place, Vec<(Delivered, Diff)>>,
    /// Places of events that can no longer change: any further delivery is a duplicate.
    settled: BTreeSet<Place>,
    /// The transaction whose event has a name.
    names: BTreeMap<Name, u64>,
    /// All transactions that claim a name, where there are several.
    rivals: BTreeMap<Name, BTreeSet<u64>>,
    settle_at: Option<Seconds>,
    forget_at: Seconds,
}

/// All that leaves because of one place.
#[derive(Default)]
struct Told {
    /// The event, if one stands.
    stands: Option<Delivered>,
    /// A trade that another one stands in the way of.
    refused: Option<Reject>,
    /// Deliveries of trades that do not stand.
    dropped: [(Diff, Option<Dropped>); 2],
}

impl Slot {
    /// The status of a place, as far as it is known.
    fn told(&self, place: &Place) -> Told {
        let Some(deliveries) = self.events.get(place) else { return Told::default() };
        let Some(stands) = standing(deliveries) else { return Told::default() };
        let all: Diff = deliveries.iter().map(|(_, count)| count).sum();
        let is_trade = matches!(stands, Delivered::Trade(_));
        let drop = |count: Diff, why| (if is_trade { count } else { 0 }, Some(why));
        let mut told = Told::default();
        if self.state == Some(SlotState::Dead) {
            told.dropped[0] = drop(all, Dropped::Dead);
            return told;
        }
        let owner = name(stands).and_then(|name| self.names.get(&name)).copied().unwrap_or(place.tx);
        if owner != place.tx {
            told.refused = conflict(stands, None);
            told.dropped[0] = drop(all, if is_trade { Dropped::Conflict } else { Dropped::Duplicate });
            return told;
        }
        let others = deliveries.iter().filter(|(other, _)| differs(other, stands));
        let conflicts: Diff = others.clone().map(|(_, count)| count).sum();
        told.refused = others.map(|(other, _)| other).next().and_then(|other| conflict(other, Some(stands)));
        told.dropped[0] = drop(conflicts, Dropped::Conflict);
        told.dropped[1] = drop(all - 1 - conflicts, Dropped::Duplicate);
        told.stands = Some(stands.clone());
        told
    }

    fn deliver(&mut self, event: Delivered, diff: Diff, effects: &mut Effects<'_, Self>) {
        let origin = event.origin();
        let is_trade = matches!(event, Delivered::Trade(_));
        if effects.params.is_past(origin.block_time, effects.now) {
            effects.emit(Output::Refused(Box::new(too_late(&event, effects.now))), diff);
            if is_trade {
                effects.emit(Output::Dropped(Dropped::Late), diff);
            }
            return;
        }
        let place = Place::of(&event);
        if self.settled.contains(&place) {
            if is_trade {
                effects.emit(Output::Dropped(Dropped::Duplicate), diff);
            }
            return;
        }
        self.keep(origin.block_time, effects);
        let rival = self.rival(&event, &place);
        let before = [Some(place), rival].map(|place| place.map(|place| self.told(&place)));
        let name = name(&event);
        let deliveries = self.events.entry(place).or_insert_with(|| Vec::with_capacity(1));
        match deliveries.binary_search_by(|(other, _)| other.cmp(&event)) {
            Ok(at) => deliveries[at].1 += diff,
            Err(at) => deliveries.insert(at, (event, diff)),
        }
        deliveries.retain(|(_, count)| *count != 0);
        if deliveries.is_empty() {
            self.events.remove(&place);
        }
        if let Some(name) = name {
            self.claim(name, &place);
        }
        for (place, before) in [Some(place), rival].into_iter().zip(before) {
            if let Some((place, before)) = place.zip(before) {
                say(before, self.told(&place), effects);
            }
        }
        self.settle_soon(effects.now);
    }

    /// The place of the event of another transaction that has the name of this one, or claims it next.
    fn rival(&self, event: &Delivered, place: &Place) -> Option<Place> {
        let name = name(event)?;
        let tx = match self.names.get(&name) {
            Some(owner) if *owner != place.tx => *owner,
            Some(_) => *self.rivals.get(&name)?.iter().find(|tx| **tx != place.tx)?,
            None => return None,
        };
        Some(Place { tx, ..*place })
    }

    /// Settles which transaction has a name once its claim has come or gone: the least, but one that is settled stays.
    fn claim(&mut self, name: Name, place: &Place) {
        let is_there = self.events.get(place).and_then(|deliveries| standing(deliveries)).is_some();
        let owner = self.names.get(&name).copied();
        if owner == Some(place.tx) && is_there && !self.rivals.contains_key(&name) {
            return;
        }
        let mut claims = self.rivals.remove(&name).unwrap_or_else(|| owner.into_iter().collect());
        if is_there {
            claims.insert(place.tx);
        } else {
            claims.remove(&place.tx);
        }
        let is_settled = |tx: &u64| self.settled.contains(&Place { tx: *tx, ..*place });
        let owner = claims.iter().find(|tx| is_settled(tx)).or_else(|| claims.first()).copied();
        match owner {
            Some(owner) => drop(self.names.insert(name, owner)),
            None => drop(self.names.remove(&name)),
        }
        if claims.len() > 1 {
            self.rivals.insert(name, claims);
        }
    }

    fn become_state(&mut self, state: SlotState, effects: &mut Effects<'_, Self>) {
        // Its events may come with a later block time than the clock has seen.
        self.keep(effects.now.saturating_add(effects.params.0), effects);
        if self.state.is_some_and(|present| present >= state) {
            return;
        }
        let turns = self.state == Some(SlotState::Dead) || state == SlotState::Dead;
        let told = |slot: &Self| -> Vec<Told> {
            let places = slot.events.keys().filter(|_| turns);
            places.map(|place| slot.told(place)).collect()
        };
        let before = told(self);
        self.state = Some(state);
        let after = told(self);
        before.into_iter().zip(after).for_each(|(before, after)| say(before, after, effects));
        self.settle_soon(effects.now);
    }

    /// Settles in the next second, when the outputs of this one have left.
    fn settle_soon(&mut self, now: Seconds) {
        if self.state == Some(SlotState::Finalized) {
            self.settle_at.get_or_insert(now + 1);
        }
    }

    fn settle(&mut self) {
        // Without its index it may yet be replaced.
        let is_placed = |(_, deliveries): &(Place, Vec<(Delivered, Diff)>)| {
            deliveries.first().is_some_and(|(e, _)| e.origin().id.tx.index().is_some())
        };
        // All at once: a map that loses one after the other balances itself each time.
        let (placed, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.events).into_iter().partition(is_placed);
        self.events = others.into_iter().collect();
        self.settled.append(&mut placed.into_iter().map(|(place, _)| place).collect());
    }

    fn keep(&mut self, time: Seconds, effects: &Effects<'_, Self>) {
        self.forget_at = self.forget_at.max(time.saturating_add(effects.params.0) + 1);
    }
}

/// Emits what has become of a place.
fn say(before: Told, after: Told, effects: &mut Effects<'_, Slot>) {
    let happened = |told: Option<Delivered>| told.map(Output::Happened);
    effects.replace(happened(before.stands), happened(after.stands));
    let refused = |told: Option<Reject>| told.map(|reject| Output::Refused(Box::new(reject)));
    effects.replace(refused(before.refused), refused(after.refused));
    for (count, why) in before.dropped.into_iter().map(|(count, why)| (-count, why)).chain(after.dropped) {
        if let Some(why) = why.filter(|_| count != 0) {
            effects.emit(Output::Dropped(why), count);
        }
    }
}

/// True if two deliveries of one place are two different trades, and not one that is told in two ways.
fn differs(one: &Delivered, other: &Delivered) -> bool {
    let (Delivered::Trade(one), Delivered::Trade(other)) = (one, other) else { return false };
    let is_other = one.origin.signature != other.origin.signature
        || one.trader.zip(other.trader).is_some_and(|(one, other)| one != other);
    let what = |trade: &Trade| (trade.pool, trade.mint, trade.side, trade.base_amount, trade.quote_amount);
    is_other || what(one) != what(other)
}

/// The reject of a trade under whose id `stands` does, or one of another transaction.
fn conflict(event: &Delivered, stands: Option<&Delivered>) -> Option<Reject> {
    let Delivered::Trade(trade) = event else { return None };
    let what = |trade: &Trade| {
        let side = if trade.side == Side::Buy { "buys" } else { "sells" };
        format!("{side} {} for {} in pool {}", trade.base_amount, trade.quote_amount, trade.pool)
    };
    let other = match stands {
        Some(Delivered::Trade(other)) => format!("one that {}", what(other)),
        _ => "one of another transaction".to_owned(),
    };
    let Origin { id, signature, .. } = trade.origin;
    Some(Reject {
        source: "slots".to_owned(),
        cursor: format!("{id} {signature}"),
        reason: RejectReason::Conflict,
        program: Some(trade.program.address()),
        signature: Some(signature),
        slot: Some(id.slot),
        detail: format!("it {}, and another trade stands under its id: {other}", what(trade)),
    })
}

/// The delivery that stands.
fn standing(deliveries: &[(Delivered, Diff)]) -> Option<&Delivered> {
    deliveries.iter().find(|(_, count)| *count > 0).map(|(event, _)| event)
}

fn too_late(event: &Delivered, now: Seconds) -> Reject {
    let origin = event.origin();
    let late = now.saturating_sub(origin.block_time);
    Reject {
        source: "slots".to_owned(),
        cursor: origin.id.to_string(),
        reason: RejectReason::TooLate,
        program: None,
        signature: Some(origin.signature),
        slot: Some(origin.id.slot),
        detail: format!("came {late} s after its block time, past the correction horizon"),
    }
}

impl State for Slot {
    type Key = u64;
    type Input = Input;
    // Events leave as they come, in the order of their block: whoever takes them in puts them last, and not between.
    type Part = ();
    type Output = Output;
    type Params = Horizon;

    fn key(input: &Input) -> u64 {
        match input {
            Input::Event(event) => event.origin().id.slot,
            Input::Status(slot, _) => *slot,
        }
    }

    fn route(slot: &u64) -> u64 {
        *slot // consecutive: they spread as they are
    }

    fn apply(&mut self, _: &u64, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        match input {
            Input::Event(event) => self.deliver(event, diff, effects),
            Input::Status(_, state) => self.become_state(state, effects),
        }
    }

    fn next_timer(&self, _: &Horizon) -> Option<Seconds> {
        Some(self.settle_at.map_or(self.forget_at, |at| at.min(self.forget_at)))
    }

    fn on_timer(&mut self, _: &u64, effects: &mut Effects<'_, Self>) {
        if self.forget_at <= effects.now {
            *self = Self::default();
        } else if self.settle_at.take_if(|at| *at <= effects.now).is_some() {
            self.settle();
        }
    }

    fn output(&self, _: &u64, (): &(), _: &Horizon) -> Option<Output> {
        None
    }

    fn is_idle(&self) -> bool {
        self.state.is_none() && self.events.is_empty() && self.settled.is_empty()
    }

    /// Events stand as long as their slot does, which is forgotten once it is final.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}
