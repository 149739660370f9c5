//! Control inputs: what people change while the pipeline runs.
//!
//! They are collections like everything else: logged, replayed, and known from a time on. An entry
//! says both when it is valid and since when it is known, so that a past question is answered with
//! what was known then.

use serde::{Deserialize, Serialize};

use crate::{Address, Time};

/// A wallet's membership of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListEntry {
    /// Name of the list.
    pub list: String,
    /// The wallet.
    pub trader: Address,
    /// First moment of validity.
    pub valid_from: Time,
    /// First moment that is no longer valid; none while it lasts.
    pub valid_to: Option<Time>,
    /// Since when the entry is known.
    pub known_from: Time,
    /// 0 to 100, where the list ranks.
    pub score: Option<u8>,
    /// Why the wallet is on the list.
    pub reason: String,
}

/// A label put on an address by a person or another system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelEntry {
    /// The labelled address.
    pub subject: Address,
    /// What it is, e.g. `protocol` or `exchange`.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// Since when the label is known.
    pub known_from: Time,
}

/// A change to a control collection. An entry that is taken back is named whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Adds a wallet to a list.
    AddListEntry(ListEntry),
    /// Takes a wallet off a list.
    RemoveListEntry(ListEntry),
    /// Puts a label on an address.
    AddLabel(LabelEntry),
    /// Takes a label off an address.
    RemoveLabel(LabelEntry),
}
