//! The keyed operator: one piece of state a key, changed by what arrives and by time.
//!
//! [`keyed`] routes the changes of a collection by key, applies those of each closed time to the key's
//! [`State`], fires the timers that fall due, and emits what became of the outputs as `-old +new`. All
//! of that is written once, here; an operator is the struct that implements [`State`], and unit-tests
//! as such, in a [`Store`] without timely.
//!
//! Why not differential's `reduce`: it keeps every input of a group and reads the group again at every
//! change. A state keeps what it needs, forgets by timer, and costs what the change costs: measured ten
//! to fifty times less for candles.
//!
//! Guarantees to a state: changes come time by time, in order. A timer fires within the second that it
//! is set for, and before any change of its key in that second. The changes of a key at one time come
//! consolidated if one of them retracts, and retractions come first. Not guaranteed: any other
//! order of changes within one time, which depends on how many workers there are.

mod endings;
mod intake;
mod operator;
mod outlets;
mod snapshot;
mod store;
mod timers;

use std::hash::Hash;

use model::{Diff, Seconds, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use endings::{Ending, Endings};
pub use intake::Intake;
pub use operator::{Waiting, keyed, keyed_apart, stash};
pub use outlets::{Either, Only, Ways};
pub use snapshot::{RestoreError, Snapshot, SnapshotError, States};
pub use store::Store;
pub use timers::PLACES;

/// State of a keyed operator for one key.
pub trait State: Serialize + DeserializeOwned + Default + 'static {
    /// The key that changes are grouped by.
    type Key: Ord + Hash + Clone + Serialize + DeserializeOwned + 'static;
    /// Input elements.
    type Input: timely::ExchangeData + Ord;
    /// A part of the key's output that changes as one, for example one candle.
    type Part: Ord;
    /// Output elements.
    type Output: Eq + Clone + 'static;
    /// Settings of the operator.
    type Params: Clone + 'static;

    /// Counts changes of what a snapshot of the state looks like that its empty state does not show: an order of
    /// fields, a field of something that it holds. A snapshot of another layout is not read.
    const LAYOUT: u32 = 1;

    /// The key of an input.
    fn key(input: &Self::Input) -> Self::Key;

    /// A number that routes the key to a worker: well spread, and the same in every run.
    fn route(key: &Self::Key) -> u64;

    /// Takes in one change at the event second `now`.
    ///
    /// Before it alters what [`State::output`] says of a part, it calls [`Effects::touch`] with what
    /// the part has been so far.
    fn apply(&mut self, key: &Self::Key, input: Self::Input, diff: Diff, effects: &mut Effects<'_, Self>);

    /// All changes of the present time have been applied, and its timers have fired.
    ///
    /// A state that can take in many changes at less cost than one by one keeps them until here, and is
    /// free of their order within the time, which depends on how many workers there are.
    fn settle(&mut self, _key: &Self::Key, _effects: &mut Effects<'_, Self>) {}

    /// The event second at which [`State::on_timer`] wants to be called next.
    fn next_timer(&self, params: &Self::Params) -> Option<Seconds>;

    /// Time has come to what [`State::next_timer`] asked for, or past it.
    fn on_timer(&mut self, key: &Self::Key, effects: &mut Effects<'_, Self>);

    /// True if rows of the key are older than what it knows, because a timer is to bring them up to date.
    fn lags(&self, _now: Seconds, _params: &Self::Params) -> bool {
        false
    }

    /// The input has ended: brings up to date what [`State::lags`] speaks of, as of the present second.
    ///
    /// No state sees what comes after: where the input goes on after all, every state is put back as it was before
    /// the end ([`Endings`]), so timers may be moved here.
    fn publish(&mut self, _key: &Self::Key, _effects: &mut Effects<'_, Self>) {}

    /// The output of a part as it is now; none if the part has none.
    fn output(&self, key: &Self::Key, part: &Self::Part, params: &Self::Params) -> Option<Self::Output>;

    /// True if the key can be forgotten: no output depends on it any more.
    fn is_idle(&self) -> bool;

    /// True if an output may stand when its key is forgotten: because it is final, or because it is handed on for
    /// an input that stands as well. Debug builds count the others, and no key may be dropped while one stands.
    fn outlives(_output: &Self::Output) -> bool {
        false
    }
}

/// Effects of a change or a timer on the outputs of its key.
pub struct Effects<'a, S: State> {
    /// The event second: whole, and the same for every batch within it.
    pub now: Seconds,
    /// The logical time. Logical times number batches: they may tell batches apart and decide nothing else.
    pub time: Time,
    /// Settings of the operator.
    pub params: &'a S::Params,
    touched: &'a mut Vec<(S::Part, Option<S::Output>)>,
    emitted: &'a mut Vec<(S::Output, Diff)>,
}

impl<S: State> Effects<'_, S> {
    /// Says that a part is about to change and what it has been until now. The first word on a part
    /// within one time counts.
    pub fn touch(&mut self, part: S::Part, before: Option<S::Output>) {
        self.touched.push((part, before));
    }

    /// Emits an output of which the state keeps nothing.
    pub fn emit(&mut self, output: S::Output, diff: Diff) {
        self.emitted.push((output, diff));
    }

    /// Emits what becomes of an output, if that is another.
    pub fn replace(&mut self, before: Option<S::Output>, after: Option<S::Output>) {
        if before != after {
            self.emitted.extend(before.map(|output| (output, -1)));
            self.emitted.extend(after.map(|output| (output, 1)));
        }
    }
}
