//! The record `lifecycle`.

use model::record::ms;
use model::{Address, Cadence, Commitment, EventId, Record, Seconds, columns};
use serde::{Deserialize, Serialize};

use super::milestones::Moment;
use crate::commitment::{Committed, SingleEvent};

/// What happens to a token in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// It was created on a launchpad.
    Created,
    /// Its curve has sold everything.
    Completed,
    /// It left the curve for a pool.
    Migrated,
    /// It has not been traded for long.
    Dead,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Created, Self::Completed, Self::Migrated, Self::Dead];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Completed => "completed",
            Self::Migrated => "migrated",
            Self::Dead => "dead",
        }
    }
}

/// A stage that a token has reached. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lifecycle {
    /// The token.
    pub mint: Address,
    /// The stage.
    pub stage: Stage,
    /// When, and by which event. Of a dead token, the last event before it fell silent, and the second
    /// from which it was dead.
    pub moment: Moment,
}

impl Record for Committed<Lifecycle> {
    columns! {
        self: "lifecycle", "What happened to every token: created, completed, migrated, dead.";
        cadence: Cadence::Flush;
        key {
            mint: Address = self.record.mint, "The token.";
            kind: Symbol = self.record.stage.name(),
                "created, completed, migrated, dead (taken back when it trades again).";
        }
        at: Time = ms(self.record.moment.time), "Event time; of dead, from when on.";
        slot: Count = self.record.moment.id.slot, "Slot of the event.";
        event_id: Text = self.record.moment.id, "The event; of dead, the last one before the silence.";
        pool: Address = self.record.moment.pool,
            "Curve (created, completed), pool migrated to, pool of the last event (dead); null if unknown.";
        commitment: Symbol = self.commitment.name(),
            "How settled the slot is: processed, confirmed, finalized.";
    }
    type Key = (Address, Stage);

    fn key(&self) -> Self::Key {
        (self.record.mint, self.record.stage)
    }
}

impl SingleEvent for Lifecycle {
    fn event(&self) -> EventId {
        self.moment.id
    }

    fn block_time(&self) -> Seconds {
        self.moment.time
    }

    fn commitment(&self, of_slot: Option<Commitment>) -> Commitment {
        match self.stage {
            // Nothing is known any more of a slot in which a token last traded; it has long settled.
            Stage::Dead => Commitment::Finalized,
            _ => of_slot.unwrap_or_default(),
        }
    }
}
