//! Several kinds of labels at once.

use serde::{Deserialize, Serialize};

use super::LabelKind;

/// A set of kinds; ordered by what it holds, cheap to copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LabelSet(u16);

impl LabelSet {
    const fn bit(kind: LabelKind) -> u16 {
        1 << (kind as u16)
    }

    /// True if it holds no kind.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if it holds the kind.
    #[must_use]
    pub const fn contains(self, kind: LabelKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// The names, comma-separated, in the order of [`LabelKind::ALL`]; none without any.
    #[must_use]
    pub fn names(self) -> Option<String> {
        let kinds = LabelKind::ALL.into_iter().filter(|kind| self.contains(*kind));
        let names: Vec<&str> = kinds.map(LabelKind::name).collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

impl FromIterator<LabelKind> for LabelSet {
    fn from_iter<I: IntoIterator<Item = LabelKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |set, kind| set | Self::bit(kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_one_order_and_each_once() {
        let set: LabelSet = [LabelKind::Wash, LabelKind::Sandwich, LabelKind::Wash].into_iter().collect();
        assert_eq!(set.names().as_deref(), Some("sandwich,wash"));
        assert_eq!(LabelSet::default().names(), None);
        assert!(set.contains(LabelKind::Wash) && !set.contains(LabelKind::Bot));
    }
}
