//! The record `lifecycle`.

use model::{Address, Column, Commitment, EventId, Kind, Row, Schema, Seconds, Value};
use serde::{Deserialize, Serialize};

use super::milestones::Moment;
use crate::commitment::SingleEvent;
use crate::labels::LabelSet;

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

impl SingleEvent for Lifecycle {
    const SCHEMA: &'static Schema = &Schema {
        name: "lifecycle",
        doc: "What happened to every token: created, completed, migrated, dead.",
        key: 2,
        columns: &[
            Column::new("mint", Kind::Address, "The token."),
            Column::new(
                "kind",
                Kind::Symbol,
                "created, completed, migrated, dead (taken back when it trades again).",
            ),
            Column::new("at", Kind::Time, "Event time; of dead, from when on."),
            Column::new("slot", Kind::Count, "Slot of the event."),
            Column::new("event_id", Kind::Text, "The event; of dead, the last one before the silence."),
            Column::new(
                "pool",
                Kind::Address,
                "Curve (created, completed), pool migrated to, pool of the last event (dead); null if unknown.",
            ),
            Column::new(
                "commitment",
                Kind::Symbol,
                "How settled the slot is: processed, confirmed, finalized.",
            ),
        ],
    };
    type Key = (Address, Stage);

    fn key(&self) -> Self::Key {
        (self.mint, self.stage)
    }

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

    fn cells(&self, _: LabelSet) -> Row {
        vec![
            Value::from(self.mint),
            Value::from(self.stage.name()),
            Value::time(self.moment.time),
            Value::Count(self.moment.id.slot),
            Value::text(self.moment.id.to_string()),
            Value::from(self.moment.pool),
        ]
    }
}
