//! Holds recordings against the chain: which transactions are missing, which are too many, and which stand at
//! another place or time.
//!
//! Both sides are cut to what is taken in: transactions of known programs that did not fail. A slot that cannot
//! be proven is left out of the comparison and named by whoever fetched it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use model::{Program, Seconds, Signature};

use crate::backfill::Range;
use crate::formats::{Feed, Json, parse};
use crate::transaction::Transaction;
use crate::transactions::Recording;

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// The place in the block.
    pub index: Option<u32>,
    /// The block time.
    pub time: Option<Seconds>,
}

/// Transactions by slot and signature.
pub type Held = BTreeMap<(u64, Signature), Stand>;

/// The part of a recording that is of some slots.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The transactions.
    pub held: Held,
    /// Items that could not be read: where, and why.
    pub unreadable: Vec<(String, String)>,
}

impl Recorded {
    /// Reads recordings, in files and folders.
    #[must_use]
    pub fn read(paths: &[PathBuf], slots: &RangeInclusive<u64>) -> Self {
        let mut recorded = Self::default();
        for item in Recording::new(paths) {
            match item.feed {
                Ok(Feed::Transaction(tx)) => note(&mut recorded.held, slots, &tx),
                Ok(_) => {}
                Err(reason) => recorded.unreadable.push((item.cursor, reason)),
            }
        }
        recorded
    }
}

/// The transactions of a range that was fetched.
#[must_use]
pub fn chain(range: &Range, slots: &RangeInclusive<u64>) -> Held {
    let mut held = Held::new();
    for line in range.blocks.values().flat_map(|block| &block.lines) {
        let Ok(json) = serde_json::from_str::<Json<'_>>(line) else { continue };
        for item in parse(&json).map(|parsed| parsed.items).unwrap_or_default() {
            if let Ok(Feed::Transaction(tx)) = item {
                note(&mut held, slots, &tx);
            }
        }
    }
    held
}

fn note(held: &mut Held, slots: &RangeInclusive<u64>, tx: &Transaction) {
    let Some(slot) = tx.slot.filter(|slot| slots.contains(slot)) else { return };
    if tx.error.is_none() && tx.keys.iter().any(|key| Program::at(key).is_some()) {
        held.insert((slot, tx.signature), Stand { index: tx.index, time: tx.block_time });
    }
}

/// How a recording and the chain differ, each in order of slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Transactions that were compared.
    pub compared: u64,
    /// On the chain only.
    pub missing: Vec<(u64, Signature)>,
    /// In the recording only.
    pub extra: Vec<(u64, Signature)>,
    /// At another place of their block; one that the recording does not know is no other place.
    pub moved: Vec<(u64, Signature)>,
    /// With another block time.
    pub retimed: Vec<(u64, Signature)>,
}

impl Differences {
    /// Compares; slots of `unproven` count on neither side.
    #[must_use]
    pub fn between(recorded: &Held, chain: &Held, unproven: &BTreeMap<u64, String>) -> Self {
        let is_proven = |key: &&(u64, Signature)| !unproven.contains_key(&key.0);
        let mut found = Self::default();
        for (key, there) in chain.iter().filter(|(key, _)| is_proven(key)) {
            found.compared += 1;
            let Some(here) = recorded.get(key) else {
                found.missing.push(*key);
                continue;
            };
            if here.index.is_some() && here.index != there.index {
                found.moved.push(*key);
            }
            if here.time != there.time {
                found.retimed.push(*key);
            }
        }
        found.extra =
            recorded.keys().filter(is_proven).filter(|key| !chain.contains_key(*key)).copied().collect();
        found
    }

    /// The kinds of difference with what is of each.
    #[must_use]
    pub fn kinds(&self) -> [(&'static str, &[(u64, Signature)]); 4] {
        [
            ("missing", &self.missing),
            ("extra", &self.extra),
            ("at another index", &self.moved),
            ("at another time", &self.retimed),
        ]
    }
}
