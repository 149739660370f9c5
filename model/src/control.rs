//! Control inputs: what people change while the pipeline runs.
//!
//! They are collections like everything else: logged, replayed, and known from a time on. An entry
//! says both when it is valid and since when it is known, so that a past question is answered with
//! what was known then. A retracted entry counts as if it had never been said; an end is said by
//! an entry that has one.

use serde::{Deserialize, Serialize};

use crate::time::MICROS_PER_SECOND;
use crate::{Address, Rule, Seconds, Time};

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
    /// Class within the list, where it has classes: `30d`, `all`.
    pub tier: Option<String>,
    /// Why the wallet is on the list.
    pub reason: String,
}

/// A label put on an address by a person or another system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelEntry {
    /// The labelled address.
    pub subject: Address,
    /// Kind of the label, e.g. `protocol` or `exchange`.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// Since when the label is known.
    pub known_from: Time,
}

/// A change to a control collection. A retraction names its entry whole, and the time from which the retraction
/// is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Adds a wallet to a list. Among entries that differ only from `valid_to` on, the last known counts.
    AddListEntry(ListEntry),
    /// Takes a wallet off a list.
    RemoveListEntry {
        /// The entry that was added.
        entry: ListEntry,
        /// Since when it is known to be wrong.
        known_from: Time,
    },
    /// Puts a label on an address.
    AddLabel(LabelEntry),
    /// Takes a label off an address.
    RemoveLabel {
        /// The entry that was added.
        entry: LabelEntry,
        /// Since when it is known to be wrong.
        known_from: Time,
    },
    /// Adds an alert rule.
    AddRule(Box<Rule>),
    /// Takes an alert rule back, and what it has said with it. A rule that is to end and let stand what it
    /// has said is replaced by one that is valid until then.
    RemoveRule {
        /// The rule that was added.
        rule: Box<Rule>,
        /// Since when it is known to be gone.
        known_from: Time,
    },
}

impl Control {
    /// Since when the change is known.
    #[must_use]
    pub const fn known_from(&self) -> Time {
        match self {
            Self::AddListEntry(entry) => entry.known_from,
            Self::AddLabel(entry) => entry.known_from,
            Self::AddRule(rule) => rule.known_from,
            Self::RemoveListEntry { known_from, .. }
            | Self::RemoveLabel { known_from, .. }
            | Self::RemoveRule { known_from, .. } => *known_from,
        }
    }

    /// The same change, known since another time.
    #[must_use]
    pub fn since(mut self, time: Time) -> Self {
        let known_from = match &mut self {
            Self::AddListEntry(entry) => &mut entry.known_from,
            Self::AddLabel(entry) => &mut entry.known_from,
            Self::AddRule(rule) => &mut rule.known_from,
            Self::RemoveListEntry { known_from, .. }
            | Self::RemoveLabel { known_from, .. }
            | Self::RemoveRule { known_from, .. } => known_from,
        };
        *known_from = time;
        self
    }

    /// The retraction of this change, known since `time`; a retraction is returned as it is.
    #[must_use]
    pub fn taken_back(self, time: Time) -> Self {
        match self {
            Self::AddListEntry(entry) => Self::RemoveListEntry { entry, known_from: time },
            Self::AddLabel(entry) => Self::RemoveLabel { entry, known_from: time },
            Self::AddRule(rule) => Self::RemoveRule { rule, known_from: time },
            back @ (Self::RemoveListEntry { .. } | Self::RemoveLabel { .. } | Self::RemoveRule { .. }) => {
                back
            }
        }
    }

    /// True if it takes back what was said.
    #[must_use]
    pub const fn is_taken_back(&self) -> bool {
        match self {
            Self::AddListEntry(_) | Self::AddLabel(_) | Self::AddRule(_) => false,
            Self::RemoveListEntry { .. } | Self::RemoveLabel { .. } | Self::RemoveRule { .. } => true,
        }
    }

    /// The content of the change without the time since when it is known: equal for all who say the same.
    #[must_use]
    pub fn statement(self) -> Self {
        let said = match self {
            Self::RemoveListEntry { entry, .. } => Self::AddListEntry(entry),
            Self::RemoveLabel { entry, .. } => Self::AddLabel(entry),
            Self::RemoveRule { rule, .. } => Self::AddRule(rule),
            said @ (Self::AddListEntry(_) | Self::AddLabel(_) | Self::AddRule(_)) => said,
        };
        said.since(0)
    }

    /// The second before whose events the change belongs into a stream: what happened in it or later was
    /// done when the change was known.
    #[must_use]
    pub const fn due(&self) -> Seconds {
        self.known_from().div_ceil(MICROS_PER_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(known_from: Time) -> ListEntry {
        ListEntry {
            list: "whales".to_owned(),
            trader: Address::WSOL,
            valid_from: 0,
            valid_to: None,
            known_from,
            score: None,
            tier: None,
            reason: String::new(),
        }
    }

    #[test]
    fn what_takes_back_names_what_was_said_and_when_it_is_known() {
        let said = Control::AddListEntry(entry(5_000_000));
        let back = said.clone().taken_back(7_000_001);
        assert_eq!(back, Control::RemoveListEntry { entry: entry(5_000_000), known_from: 7_000_001 });
        assert_eq!((said.due(), back.due()), (5, 8));
        assert_eq!(said.since(9), Control::AddListEntry(entry(9)));
    }
}
