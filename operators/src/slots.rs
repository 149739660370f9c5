//! What really happened: each event once, and nothing of a dead fork.
//!
//! Sources deliver duplicates (reconnects, several endpoints, several commitments), transactions
//! without their index that come again with it, and blocks of forks that die. This operator settles
//! all three by slot, so that no later operator knows of them: from here on a trade is there (`+1`) or
//! taken back (`-1`).
//!
//! Of several deliveries of one event the least stands, so that the order of arrival decides nothing;
//! once its slot is finalized only the event's place is kept, and the one that stands stays. An event
//! older than the horizon is refused and named: later operators have forgotten what it would correct.
//!
//! It does not say how settled an event is: see [`crate::trades`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{
    BalancesChanged, ChainEvent, EventId, Origin, Reject, RejectReason, SlotState, SlotStatus, Trade, TxPlace,
};
use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// What happened, each event once. What is of every trade is shared by all that take it in: copied for
/// each of them it would cost more than most of them do.
pub struct Happened<'s> {
    /// Trades.
    pub trades: Collection<'s, Arc<Trade>>,
    /// Balances after transactions.
    pub balances: Collection<'s, Arc<BalancesChanged>>,
    /// All other events.
    pub events: Collection<'s, ChainEvent>,
    /// Events that came too late to count.
    pub late: Collection<'s, Reject>,
}

/// The events that happened, and those that came too late to count.
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
        Output::TooLate(reject) => Either::Right(Either::Right(Either::Right(Only(*reject)))),
    };
    let (trades, (balances, (events, late))) = keyed_apart::<Slot, _>(intake, "slots", horizon, states, way);
    Happened { trades, balances, events, late }
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

/// What arrives for a slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// One of its events.
    Event(Delivered),
    /// What became of it.
    Status(u64, SlotState),
}

/// What leaves for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// An event of a slot that lives.
    Happened(Delivered),
    /// An event that is refused.
    TooLate(Box<Reject>),
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

/// What is kept of a slot.
#[derive(Default, Serialize, Deserialize)]
pub struct Slot {
    state: Option<SlotState>,
    /// Deliveries by place, the least first, with how often each came. Nearly always there is one, and a
    /// map of one would take the room of eleven.
    events: BTreeMap<Place, Vec<(Delivered, Diff)>>,
    /// Places of events that can no longer change: any further delivery is a duplicate.
    settled: BTreeSet<Place>,
    settle_at: Option<Seconds>,
    forget_at: Seconds,
}

impl Slot {
    /// What happened at a place, as far as is known.
    fn happened(&self, place: &Place) -> Option<Output> {
        if self.state == Some(SlotState::Dead) {
            return None;
        }
        standing(self.events.get(place)?).cloned().map(Output::Happened)
    }

    fn deliver(&mut self, event: Delivered, diff: Diff, effects: &mut Effects<'_, Self>) {
        let origin = event.origin();
        if effects.params.is_past(origin.block_time, effects.now) {
            effects.emit(Output::TooLate(Box::new(too_late(&event, effects.now))), diff);
            return;
        }
        let place = Place::of(&event);
        if self.settled.contains(&place) {
            return;
        }
        self.keep(origin.block_time, effects);
        let before = self.happened(&place);
        let deliveries = self.events.entry(place).or_insert_with(|| Vec::with_capacity(1));
        match deliveries.binary_search_by(|(other, _)| other.cmp(&event)) {
            Ok(at) => deliveries[at].1 += diff,
            Err(at) => deliveries.insert(at, (event, diff)),
        }
        deliveries.retain(|(_, count)| *count != 0);
        if deliveries.is_empty() {
            self.events.remove(&place);
        }
        effects.replace(before, self.happened(&place));
        self.settle_soon(effects.now);
    }

    fn become_state(&mut self, state: SlotState, effects: &mut Effects<'_, Self>) {
        // Its events may come with a later block time than the clock has seen.
        self.keep(effects.now.saturating_add(effects.params.0), effects);
        if self.state.is_some_and(|present| present >= state) {
            return;
        }
        let was_dead = self.state == Some(SlotState::Dead);
        self.state = Some(state);
        let sign = Diff::from(was_dead) - Diff::from(state == SlotState::Dead);
        if sign != 0 {
            for event in self.events.values().filter_map(|deliveries| standing(deliveries)) {
                effects.emit(Output::Happened(event.clone()), sign);
            }
        }
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
