//! Records of single events, stamped with what becomes known of the event later: how settled its slot
//! is, and which labels it carries.
//!
//! Commitment belongs to the slot, so a row is written again when its slot is confirmed and finalized.
//! Only records of single events are stamped like this; aggregates are not rewritten because their slots
//! settled. In the second after its slot is finalized a row is let go: from then on it can be taken back,
//! but labels that come later, or past the correction horizon, are no longer written to it. They are in
//! the record `labels`.

use std::fmt::Debug;

use model::{Commitment, EventId, Record, SlotState, SlotStatus};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use timely::ExchangeData;

use crate::labels::{LabelKind, LabelSet, Mark};
use crate::prelude::*;

/// What a record of one event says of itself. It orders by its key first; columns are those of
/// [`Committed`].
pub trait SingleEvent: ExchangeData + Ord + Clone + Debug + Send {
    /// The event.
    fn event(&self) -> EventId;
    /// Block time of the event.
    fn block_time(&self) -> Seconds;
    /// How settled the record is, by what is known of the slot of its event.
    fn commitment(&self, of_slot: Option<Commitment>) -> Commitment {
        of_slot.unwrap_or_default()
    }
}

/// A record of an event and what is known of the event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Committed<R> {
    /// The record.
    pub record: R,
    /// Which labels the event carries.
    pub labels: LabelSet,
    /// How settled its slot is.
    pub commitment: Commitment,
}

/// Stamps every record with what is known of its event; `marks` are those that say labels of it.
pub fn committed<'s, R: SingleEvent>(
    records: Collection<'s, R>,
    marks: Option<Collection<'s, Mark>>,
    statuses: Collection<'s, SlotStatus>,
    horizon: Horizon,
    states: &States,
) -> Collection<'s, Committed<R>>
where
    Committed<R>: Record,
{
    let mut intake = Intake::of(records, |record| Some(Input::Record(record)))
        .and(statuses, |status| Some(Input::Status(status.slot, status.state)));
    if let Some(marks) = marks {
        intake = intake.and(marks, |mark| Some(Input::Mark(mark.event, mark.kind)));
    }
    keyed::<Slot<R>>(intake, Committed::<R>::SCHEMA.name, horizon, states)
}

/// What arrives for a slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input<R> {
    /// The record of one of its events.
    Record(R),
    /// One of its events carries a label.
    Mark(EventId, LabelKind),
    /// What became of it.
    Status(u64, SlotState),
}

/// What is kept of a slot.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "R: Serialize", deserialize = "R: DeserializeOwned"))]
pub struct Slot<R> {
    commitment: Option<Commitment>,
    /// Records that may yet be written again.
    records: Vec<R>,
    /// Labels of its events, with how often each was given; fixed once it has settled.
    marks: Vec<(EventId, LabelKind, Diff)>,
    /// In the second after it was finalized.
    settle_at: Option<Seconds>,
    /// When the horizon of its records has passed.
    settle_by: Seconds,
    /// True from then on: labels that come are no longer taken.
    is_labelled: bool,
    has_settled: bool,
    forget_at: Seconds,
}

impl<R> Default for Slot<R> {
    fn default() -> Self {
        Self {
            commitment: None,
            records: Vec::new(),
            marks: Vec::new(),
            settle_at: None,
            settle_by: 0,
            is_labelled: false,
            has_settled: false,
            forget_at: 0,
        }
    }
}

impl<R: SingleEvent> Slot<R> {
    fn stamp(&self, record: R) -> Committed<R> {
        let event = record.event();
        let given = self.marks.iter().filter(|(of, _, count)| *of == event && *count > 0);
        let labels = given.map(|(_, kind, _)| *kind).collect();
        let commitment = record.commitment(self.commitment);
        Committed { record, labels, commitment }
    }

    fn change(&mut self, record: &R, diff: Diff, effects: &mut Effects<'_, Self>) {
        self.keep(record.block_time(), effects);
        effects.emit(self.stamp(record.clone()), diff);
        if self.has_settled {
            return;
        }
        for _ in diff..0 {
            // What is taken back is mostly recent.
            if let Some(at) = self.records.iter().rposition(|kept| kept == record) {
                self.records.swap_remove(at);
            }
        }
        self.settle_by = self.settle_by.max(record.block_time().saturating_add(effects.params.0) + 1);
        for _ in 0..diff {
            self.records.push(record.clone());
        }
    }

    /// Does something that changes the stamps of the records that `is_concerned` names.
    fn restamp(
        &mut self,
        is_concerned: impl Fn(&R) -> bool,
        change: impl FnOnce(&mut Self),
        effects: &mut Effects<'_, Self>,
    ) {
        for record in self.records.iter().filter(|record| is_concerned(record)) {
            effects.emit(self.stamp(record.clone()), -1);
        }
        change(self);
        for record in self.records.iter().filter(|record| is_concerned(record)) {
            effects.emit(self.stamp(record.clone()), 1);
        }
    }

    fn mark(&mut self, event: EventId, kind: LabelKind, diff: Diff, effects: &mut Effects<'_, Self>) {
        self.keep(effects.now, effects);
        if self.has_settled || self.is_labelled {
            return;
        }
        let change = |slot: &mut Self| match slot.marks.iter_mut().find(|m| (m.0, m.1) == (event, kind)) {
            Some((.., count)) => *count += diff,
            None => slot.marks.push((event, kind, diff)),
        };
        self.restamp(|record| record.event() == event, change, effects);
    }

    fn commit(&mut self, commitment: Commitment, effects: &mut Effects<'_, Self>) {
        let present = self.commitment.unwrap_or_default();
        let is_rewritten = present < commitment;
        self.restamp(|_| is_rewritten, |slot| slot.commitment = Some(present.max(commitment)), effects);
        if commitment == Commitment::Finalized && !self.has_settled {
            self.settle_at.get_or_insert(effects.now + 1);
        }
    }

    fn keep(&mut self, time: Seconds, effects: &Effects<'_, Self>) {
        // One second longer than a slot's events are kept: what still comes finds its commitment.
        self.forget_at = self.forget_at.max(time.saturating_add(effects.params.0) + 2);
    }
}

impl<R: SingleEvent> State for Slot<R> {
    type Key = u64;
    type Input = Input<R>;
    type Part = ();
    type Output = Committed<R>;
    type Params = Horizon;

    fn key(input: &Input<R>) -> u64 {
        match input {
            Input::Record(record) => record.event().slot,
            Input::Mark(event, _) => event.slot,
            Input::Status(slot, _) => *slot,
        }
    }

    fn route(slot: &u64) -> u64 {
        *slot
    }

    fn apply(&mut self, _: &u64, input: Input<R>, diff: Diff, effects: &mut Effects<'_, Self>) {
        match input {
            Input::Record(record) => self.change(&record, diff, effects),
            Input::Mark(event, kind) => self.mark(event, kind, diff, effects),
            Input::Status(_, state) => {
                // Its events may come with a later block time than the clock has seen.
                self.keep(effects.now.saturating_add(effects.params.0), effects);
                if let Some(commitment) = state.commitment() {
                    self.commit(commitment, effects);
                }
            }
        }
    }

    fn next_timer(&self, _: &Horizon) -> Option<Seconds> {
        let by = (!self.has_settled && !self.is_labelled && self.settle_by > 0).then_some(self.settle_by);
        self.settle_at.into_iter().chain(by).chain([self.forget_at]).min()
    }

    fn on_timer(&mut self, _: &u64, effects: &mut Effects<'_, Self>) {
        let is_final = self.settle_at.take_if(|at| *at <= effects.now).is_some();
        self.is_labelled |= self.settle_by > 0 && self.settle_by <= effects.now;
        if is_final {
            self.has_settled = true;
            self.records = Vec::new();
        }
        if self.forget_at <= effects.now {
            *self = Self::default();
        }
    }

    fn output(&self, _: &u64, (): &(), _: &Horizon) -> Option<Committed<R>> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.forget_at == 0
    }

    /// Rows of a slot last; it is forgotten once they are final.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}
