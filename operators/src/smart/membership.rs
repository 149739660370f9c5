//! Versions of a wallet's membership of a list, and when each was known.
//!
//! Entries of one list that begin at the same moment are versions of one statement, and the last known
//! one counts. So the end of a membership is said by a version that has one, and what was known
//! before it came is not forgotten: of a trade it can be asked whether the wallet is on the list by all
//! that is known now, and whether it was by what was known then.
//!
//! Source: DEFINITIONS §10, lists.

use std::collections::BTreeMap;

use model::{ListEntry, Time};
use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// The entries of one wallet in all lists, with how often each was said.
#[derive(Default, Serialize, Deserialize)]
pub struct Memberships {
    /// In order: by list, then by beginning.
    entries: BTreeMap<ListEntry, Diff>,
}

/// When an entry begins, as it is written: in milliseconds.
#[must_use]
pub const fn begins(entry: &ListEntry) -> u64 {
    entry.valid_from / 1000
}

fn covers(entry: &ListEntry, at: Time) -> bool {
    entry.valid_from <= at && entry.valid_to.is_none_or(|end| at < end)
}

impl Memberships {
    /// Takes in an entry, or takes it back.
    pub fn change(&mut self, entry: ListEntry, diff: Diff) {
        let count = self.entries.entry(entry).or_default();
        *count += diff;
        self.entries.retain(|_, count| *count != 0);
    }

    /// True if nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names of the lists, each once.
    pub fn lists(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        let names = self.entries.keys().map(|entry| entry.list.as_str());
        names.filter(move |name| last.replace(*name) != Some(*name))
    }

    /// Every version that is said of a list.
    fn said<'a>(&'a self, list: &str) -> impl Iterator<Item = &'a ListEntry> {
        let said = self.entries.iter().filter(|(_, count)| **count > 0).map(|(entry, _)| entry);
        said.filter(move |entry| entry.list == list)
    }

    /// The versions of a list known at `known`: the last one for each beginning.
    fn known_at<'a>(&'a self, list: &str, known: Time) -> BTreeMap<u64, &'a ListEntry> {
        let mut versions: BTreeMap<u64, &ListEntry> = BTreeMap::new();
        for entry in self.said(list).filter(|entry| entry.known_from <= known) {
            let version = versions.entry(begins(entry)).or_insert(entry);
            if (version.known_from, *version) < (entry.known_from, entry) {
                *version = entry;
            }
        }
        versions
    }

    /// The entry of a list that begins at a moment, by all that is known.
    #[must_use]
    pub fn version<'a>(&'a self, list: &str, begin: u64) -> Option<&'a ListEntry> {
        let versions = self.said(list).filter(|entry| begins(entry) == begin);
        versions.max_by_key(|entry| (entry.known_from, *entry))
    }

    /// The entry by which the wallet is on a list at `at`, by what is known at `known`; of several the one
    /// that begins last.
    #[must_use]
    pub fn on<'a>(&'a self, list: &str, at: Time, known: Time) -> Option<&'a ListEntry> {
        self.known_at(list, known).into_values().rev().find(|entry| covers(entry, at))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;

    #[test]
    fn the_last_known_version_counts_and_the_one_before_is_not_forgotten() {
        let mut of_wallet = Memberships::default();
        of_wallet.change(entry("a", 10_000, None, 10_000), 1);
        let ended = entry("a", 10_000, Some(50_000), 60_000);
        of_wallet.change(ended.clone(), 1);
        assert!(of_wallet.on("a", 49_999, Time::MAX).is_some());
        assert!(of_wallet.on("a", 50_000, Time::MAX).is_none());
        assert!(of_wallet.on("a", 50_000, 59_999).is_some(), "as it was known then");
        assert!(of_wallet.on("a", 9_999, Time::MAX).is_none());
        assert!(of_wallet.on("a", 20_000, 9_999).is_none(), "not known yet");
        assert_eq!(of_wallet.version("a", 10), Some(&ended));
        of_wallet.change(ended, -1);
        assert!(of_wallet.on("a", 50_000, Time::MAX).is_some());
    }

    #[test]
    fn lists_and_beginnings_are_apart() {
        let mut of_wallet = Memberships::default();
        for said in [entry("b", 5_000, Some(9_000), 0), entry("b", 20_000, None, 0), entry("a", 0, None, 0)] {
            of_wallet.change(said, 1);
        }
        assert_eq!(of_wallet.lists().collect::<Vec<_>>(), ["a", "b"]);
        let begin = |at| of_wallet.on("b", at, 0).map(|entry| entry.valid_from);
        assert_eq!((begin(8_999), begin(9_000), begin(20_000)), (Some(5_000), None, Some(20_000)));
        of_wallet.change(entry("a", 0, None, 0), -1);
        assert_eq!(of_wallet.lists().collect::<Vec<_>>(), ["b"]);
    }
}
