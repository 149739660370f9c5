//! How settled a slot is.

use serde::{Deserialize, Serialize};

/// How settled an event is. Subscribers choose the level they wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Commitment {
    /// In a block that one node has seen; the fork it is on may die.
    #[default]
    Processed,
    /// Voted for by a supermajority.
    Confirmed,
    /// Rooted: it can no longer change.
    Finalized,
}

impl Commitment {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Confirmed => "confirmed",
            Self::Finalized => "finalized",
        }
    }
}

/// State of a slot as a feed reports it.
///
/// The order is the order of strength: whatever the order of arrival, the greatest stands. A slot that
/// is rooted cannot be dead, so `Finalized` outranks `Dead`; a dead slot outranks a mere vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotState {
    /// Seen by one node.
    Processed,
    /// Voted for.
    Confirmed,
    /// On a fork that was left: nothing in it happened.
    Dead,
    /// Rooted.
    Finalized,
}

impl SlotState {
    /// The commitment of the slot's events; none if the slot is dead.
    #[must_use]
    pub const fn commitment(self) -> Option<Commitment> {
        match self {
            Self::Processed => Some(Commitment::Processed),
            Self::Confirmed => Some(Commitment::Confirmed),
            Self::Finalized => Some(Commitment::Finalized),
            Self::Dead => None,
        }
    }
}
