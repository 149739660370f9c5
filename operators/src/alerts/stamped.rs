//! Alerts with how settled the slots of their events are.
//!
//! A slot that dies takes back its events, and with them goes what followed; only here is it known that this
//! is why. Past the horizon nothing is known of a slot any more, and nothing in it changes: an alert about
//! so old an event is final.

use std::collections::BTreeMap;

use model::{AlertId, Commitment, SlotState};
use serde::{Deserialize, Serialize};

use super::record::{Alert, CommittedAlert, Reason};
use crate::prelude::*;

/// What arrives for a slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum News {
    /// An alert that one of its events caused.
    Alert(Box<Alert>),
    /// What became of it.
    Status(u64, SlotState),
}

/// What is kept of a slot.
#[derive(Default, Serialize, Deserialize)]
pub struct Slot {
    state: Option<SlotState>,
    /// Alerts, and whether they were past the horizon when they came.
    alerts: BTreeMap<AlertId, (Alert, bool)>,
    forget_at: Seconds,
}

impl Slot {
    fn stamp(&self, (alert, is_old): &(Alert, bool)) -> CommittedAlert {
        let commitment = match self.state.and_then(SlotState::commitment) {
            _ if *is_old => Commitment::Finalized,
            known => known.unwrap_or_default(),
        };
        let mut alert = alert.clone();
        if self.state == Some(SlotState::Dead) && alert.retracted == Some(Reason::Corrected) {
            alert.retracted = Some(Reason::SlotDead);
        }
        CommittedAlert { alert, commitment }
    }
}

impl State for Slot {
    type Key = u64;
    type Input = News;
    type Part = AlertId;
    type Output = CommittedAlert;
    type Params = Horizon;

    fn key(news: &News) -> u64 {
        match news {
            News::Alert(alert) => alert.cause.slot,
            News::Status(slot, _) => *slot,
        }
    }

    fn route(slot: &u64) -> u64 {
        *slot
    }

    fn apply(&mut self, slot: &u64, news: News, diff: Diff, effects: &mut Effects<'_, Self>) {
        // Its events may come with a later block time than the clock has seen.
        let horizon = effects.params.0;
        self.forget_at = self.forget_at.max(effects.now.saturating_add(2 * horizon) + 2);
        match news {
            News::Alert(alert) => {
                let alert = *alert;
                let id = alert.id;
                let before = match self.alerts.get(&id) {
                    Some(known) => Some(self.stamp(known)),
                    // Forgotten; its row still stands.
                    None if diff < 0 => Some(self.stamp(&(alert.clone(), true))),
                    None => None,
                };
                effects.touch(id, before);
                if diff > 0 {
                    let is_old = effects.params.is_past(alert.fired_at, effects.now);
                    self.alerts.insert(id, (alert, is_old));
                } else {
                    self.alerts.remove(&id);
                }
            }
            News::Status(_, state) => {
                if self.state.is_some_and(|present| present >= state) {
                    return;
                }
                for id in self.alerts.keys() {
                    effects.touch(*id, self.output(slot, id, effects.params));
                }
                self.state = Some(state);
            }
        }
    }

    fn next_timer(&self, _: &Horizon) -> Option<Seconds> {
        Some(self.forget_at)
    }

    fn on_timer(&mut self, _: &u64, effects: &mut Effects<'_, Self>) {
        if self.forget_at <= effects.now {
            *self = Self::default();
        }
    }

    fn output(&self, _: &u64, id: &AlertId, _: &Horizon) -> Option<CommittedAlert> {
        self.alerts.get(id).map(|known| self.stamp(known))
    }

    fn is_idle(&self) -> bool {
        self.forget_at == 0
    }

    /// Alerts last; their slot is forgotten once they are final.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}
