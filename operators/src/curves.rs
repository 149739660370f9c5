//! Completions of bonding curves, with the token that each is of.
//!
//! Some launchpads say of a completion only which curve it is of; the token is known from the curve's
//! creation or from its trades. Completions without a token wait here, by curve, until that is heard. Completions
//! that name their token pass by.
//!
//! The token of a curve is the same on every fork, so it is not unlearned. A curve of which nothing has
//! been heard for [`Params::remember_s`] is forgotten.

use model::{Address, ChainEvent, CurveCompleted, Program};
use serde::{Deserialize, Serialize};

use crate::prelude::*;
use crate::tokens::Params;
use crate::usd::ValuedTrade;

/// The events, each completion with its token. A completion whose token is not known is held back.
pub fn curves<'s>(
    trades: Collection<'s, ValuedTrade>,
    events: Collection<'s, ChainEvent>,
    params: &Params,
    states: &States,
) -> Collection<'s, ChainEvent> {
    // The only launchpad that says so little.
    let heard = |valued: ValuedTrade| {
        let trade = valued.trade();
        (trade.program == Program::MeteoraDbc).then_some(Input::Curve(trade.pool, trade.mint))
    };
    let created = |event| match event {
        ChainEvent::TokenCreated(event) if event.program == Program::MeteoraDbc => {
            Some(Input::Curve(event.pool, event.mint))
        }
        _ => None,
    };
    let intake = Intake::of(trades, heard).and(events.clone(), created);
    let (unnamed, events) = split(events, |event| match event {
        ChainEvent::CurveCompleted(event) if event.mint.is_none() => {
            Either::Left(Input::Completed(Box::new(event)))
        }
        event => Either::Right(event),
    });
    let named = keyed::<Curve>(intake.and(unnamed, Some), "curves", params.remember_s, states);
    events.concat(named.map(ChainEvent::CurveCompleted))
}

/// One input element of a curve.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// The curve is of that token.
    Curve(Address, Address),
    /// The curve is complete.
    Completed(Box<CurveCompleted>),
}

/// State of a curve.
#[derive(Default, Serialize, Deserialize)]
pub struct Curve {
    mint: Option<Address>,
    /// Completions that have come, sorted.
    completions: Vec<CurveCompleted>,
    forget_at: Seconds,
}

impl State for Curve {
    type Key = Address;
    type Input = Input;
    /// Nothing that is kept changes.
    type Part = ();
    type Output = CurveCompleted;
    type Params = Seconds;

    fn key(input: &Input) -> Address {
        match input {
            Input::Curve(curve, _) => *curve,
            Input::Completed(event) => event.pool,
        }
    }

    fn route(curve: &Address) -> u64 {
        curve.route()
    }

    fn apply(&mut self, _: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        self.forget_at = effects.now.saturating_add(*effects.params);
        match input {
            Input::Curve(_, mint) => {
                if self.mint.is_none() {
                    self.mint = Some(mint);
                    for event in &self.completions {
                        effects.emit(CurveCompleted { mint: self.mint, ..event.clone() }, 1);
                    }
                }
            }
            Input::Completed(event) => {
                let event = *event;
                match self.completions.binary_search(&event) {
                    Err(at) if diff > 0 => self.completions.insert(at, event.clone()),
                    Ok(at) if diff < 0 => drop(self.completions.remove(at)),
                    _ => return,
                }
                if self.mint.is_some() {
                    effects.emit(CurveCompleted { mint: self.mint, ..event }, diff);
                }
            }
        }
    }

    fn next_timer(&self, _: &Seconds) -> Option<Seconds> {
        Some(self.forget_at)
    }

    fn on_timer(&mut self, _: &Address, effects: &mut Effects<'_, Self>) {
        if self.forget_at <= effects.now {
            *self = Self::default();
        }
    }

    fn output(&self, _: &Address, (): &(), _: &Seconds) -> Option<CurveCompleted> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.forget_at == 0
    }

    /// Events stand for as long as what they are made of does.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use model::time::start_of;
    use model::{EventId, Origin, Signature};

    use super::*;
    use crate::keyed::Store;

    const CURVE: Address = Address([1; 32]);
    const TOKEN: Address = Address([2; 32]);

    fn completed() -> CurveCompleted {
        let id = EventId { slot: 9, ..EventId::FIRST };
        let origin = Origin { id, signature: Signature([0; 64]), block_time: 90, received_at: None };
        CurveCompleted { origin, program: Program::MeteoraDbc, mint: None, pool: CURVE, user: None }
    }

    fn step(
        store: &mut Store<Curve>,
        second: Seconds,
        input: Option<(Input, Diff)>,
    ) -> Vec<(Option<Address>, Diff)> {
        store.fire(start_of(second));
        if let Some((input, diff)) = input {
            store.apply(start_of(second), input, diff);
        }
        let mut emitted = Vec::new();
        store.close(|event, diff| emitted.push((event.mint, diff)));
        emitted
    }

    #[test]
    fn a_completion_waits_for_its_token_and_is_taken_back_with_it() {
        let mut store = Store::<Curve>::new(1000);
        let complete = || Input::Completed(Box::new(completed()));
        assert_eq!(step(&mut store, 90, Some((complete(), 1))), []);
        let curve = Input::Curve(CURVE, TOKEN);
        assert_eq!(step(&mut store, 91, Some((curve.clone(), 1))), [(Some(TOKEN), 1)]);
        assert_eq!(step(&mut store, 92, Some((curve.clone(), -1))), [], "it stays a curve of the token");
        assert_eq!(step(&mut store, 93, Some((complete(), -1))), [(Some(TOKEN), -1)]);
        assert_eq!(step(&mut store, 94, Some((complete(), 1))), [(Some(TOKEN), 1)]);
        step(&mut store, 1094, None);
        assert!(store.is_empty(), "a curve is forgotten in the end");
    }
}
