//! Identity and canonical order of what happens on the chain.
//!
//! An event is named by where it stands: slot, transaction in the slot, instruction in the
//! transaction. The name is also the order in which the chain did things, so nothing else (arrival,
//! endpoint, partition, worker) ever decides what came first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Millis, Seconds, Signature};

/// A transaction's place in its slot.
///
/// Sources that fetch one transaction by its signature do not learn its index. Such a transaction
/// orders after the indexed ones, by the leading bytes of its signature, until the same one comes with
/// its index and takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TxPlace {
    /// Index in the block.
    Index(u32),
    /// The first eight bytes of the signature, big endian, so that they order as the signature does.
    Unknown(u64),
}

impl TxPlace {
    /// The place of a transaction whose index may not be known.
    #[must_use]
    pub fn new(index: Option<u32>, signature: &Signature) -> Self {
        index.map_or_else(|| Self::Unknown(Self::prefix(signature)), Self::Index)
    }

    /// The leading bytes by which an unindexed transaction orders.
    #[must_use]
    pub fn prefix(signature: &Signature) -> u64 {
        signature.0.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))
    }

    /// The index, where known.
    #[must_use]
    pub fn index(&self) -> Option<u32> {
        match self {
            Self::Index(index) => Some(*index),
            Self::Unknown(_) => None,
        }
    }
}

/// The name of an event: `(slot, transaction, outer instruction, inner instruction)`.
///
/// Its text is `slot-tx-outer-inner`; an unknown transaction index is spelled `s` and 16 hexadecimal
/// digits of the signature. Ids order as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    /// Slot of the block.
    pub slot: u64,
    /// Transaction in the slot.
    pub tx: TxPlace,
    /// Index of the top-level instruction; where only logs are known, the ordinal of the event.
    pub outer_ix: u16,
    /// Index of the inner instruction under it; −1 for the top-level instruction itself.
    pub inner_ix: i16,
}

impl EventId {
    /// Before every event.
    pub const FIRST: Self = Self { slot: 0, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: i16::MIN };

    /// The name of what a transaction did to the balances of a token: after all its instructions, of
    /// which it has no 65,535, and apart by the token's rank among those of whose accounts it tells.
    #[must_use]
    pub const fn of_balances(slot: u64, tx: TxPlace, rank: i16) -> Self {
        Self { slot, tx, outer_ix: u16::MAX, inner_ix: rank }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tx {
            TxPlace::Index(index) => write!(f, "{}-{index}-", self.slot)?,
            TxPlace::Unknown(prefix) => write!(f, "{}-s{prefix:016x}-", self.slot)?,
        }
        write!(f, "{}-{}", self.outer_ix, self.inner_ix)
    }
}

/// Text that is not `slot-tx-outer-inner`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an event id of the form slot-tx-outer-inner")]
pub struct ParseEventIdError(String);

impl FromStr for EventId {
    type Err = ParseEventIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.splitn(4, '-');
            let slot = parts.next()?.parse().ok()?;
            let tx = parts.next()?;
            let tx = match tx.strip_prefix('s') {
                Some(prefix) => TxPlace::Unknown(u64::from_str_radix(prefix, 16).ok()?),
                None => TxPlace::Index(tx.parse().ok()?),
            };
            let outer_ix = parts.next()?.parse().ok()?;
            let inner_ix = parts.next()?.parse().ok()?;
            Some(Self { slot, tx, outer_ix, inner_ix })
        };
        parse().ok_or_else(|| ParseEventIdError(text.chars().take(96).collect()))
    }
}

/// Fields that every event of the chain carries: its name, its transaction, its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Name and canonical order.
    pub id: EventId,
    /// The transaction.
    pub signature: Signature,
    /// Block time: the event time.
    pub block_time: Seconds,
    /// When the source saw it first, where the recording says.
    pub received_at: Option<Millis>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(tx: TxPlace) -> EventId {
        EventId { slot: 7, tx, outer_ix: 2, inner_ix: -1 }
    }

    #[test]
    fn text_round_trips() {
        for (tx, text) in
            [(TxPlace::Index(31), "7-31-2--1"), (TxPlace::Unknown(0xab), "7-s00000000000000ab-2--1")]
        {
            assert_eq!(id(tx).to_string(), text);
            assert_eq!(text.parse::<EventId>().unwrap(), id(tx));
        }
        assert!("7-31-2".parse::<EventId>().is_err());
    }

    #[test]
    fn unindexed_transactions_order_after_indexed_ones() {
        assert!(id(TxPlace::Index(u32::MAX)) < id(TxPlace::Unknown(0)));
        assert!(id(TxPlace::Unknown(1)) < id(TxPlace::Unknown(2)));
    }
}
