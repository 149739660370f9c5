//! Input that could not be used, and why. Nothing is dropped without one of these or a count.

use serde::{Deserialize, Serialize};

use crate::{Address, Cadence, Record, Signature, columns};

/// Why something was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Not readable as what it should be: broken JSON, missing fields, a version that is not known.
    Malformed,
    /// An event of a known program that is not known itself, or whose bytes do not fit its layout.
    Undecoded,
    /// An event that names a pool whose tokens are not known.
    UnknownPool,
    /// No slot or no block time: it has no place on the chain.
    Unplaced,
    /// Older than the correction horizon when it came.
    TooLate,
    /// A block time that cannot be: before the chain began, far in the future, or far ahead of all others.
    ImplausibleTime,
    /// Another event stands under its id.
    Conflict,
}

impl RejectReason {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Undecoded => "undecoded",
            Self::UnknownPool => "unknown_pool",
            Self::Unplaced => "unplaced",
            Self::TooLate => "too_late",
            Self::ImplausibleTime => "implausible_time",
            Self::Conflict => "conflict",
        }
    }
}

/// One input that was not used; the row of the record `rejects`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reject {
    /// The source, or the operator, that refused it.
    pub source: String,
    /// Where in the source: `path:line`, an offset, an event id.
    pub cursor: String,
    /// Why.
    pub reason: RejectReason,
    /// The program it belongs to, where known.
    pub program: Option<Address>,
    /// The transaction, where known.
    pub signature: Option<Signature>,
    /// The slot, where known.
    pub slot: Option<u64>,
    /// The fault in words, for a person.
    pub detail: String,
}

impl Record for Reject {
    columns! {
        self: "rejects", "What was not used, and why.";
        cadence: Cadence::Flush;
        key {
            source: Symbol = &self.source, "The source or operator that refused it.";
            cursor: Text = &self.cursor, "Where in the source.";
        }
        reason: Symbol = self.reason.name(), "Why.";
        program: Address = self.program, "Program, where known.";
        signature: Text = self.signature, "Transaction, where known.";
        slot: Count = self.slot, "Slot, where known.";
        detail: Text = &self.detail, "What exactly was wrong.";
    }

    type Key = (String, String);

    fn key(&self) -> Self::Key {
        (self.source.clone(), self.cursor.clone())
    }
}
