//! The pools of a token, and what happened in them that can still be corrected.
//!
//! What happened late is folded in from the mark before it on, and only as far as it makes a difference:
//! the later of two events nearly always has the last word, so that is a few steps however long the
//! history.

use std::collections::{BTreeMap, VecDeque};

use model::{Address, EventId};
use serde::{Deserialize, Serialize};

use super::figures::{Figures, LastTrade};
use super::shown::Shown;
use super::{Entry, Pool, PoolName};
use crate::prelude::*;
use crate::room;

/// Steps from one mark to the next.
const MARK_STEPS: u32 = 256;

/// A pool of the token.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PoolState {
    pub(super) name: PoolName,
    /// Up to what was let go.
    settled: Figures,
    /// Up to and including what is named, every so many steps.
    marks: BTreeMap<EventId, Figures>,
    /// Steps since the last mark.
    unmarked: u32,
    /// Up to the last that happened.
    pub(super) latest: Figures,
    pub(super) shown: Shown<Pool>,
    /// True if it may differ from what is shown.
    pub(super) is_changed: bool,
}

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct History {
    pub(super) pools: Vec<PoolState>,
    /// In canonical order, of all pools.
    entries: VecDeque<Entry>,
    /// The first of those that were let go.
    first_let_go: Option<EventId>,
}

impl PoolState {
    /// Takes in what happened last.
    fn step(&mut self, entry: &Entry) {
        self.latest.step(entry);
        self.unmarked += 1;
        if self.unmarked >= MARK_STEPS {
            self.unmarked = 0;
            self.marks.insert(entry.id, self.latest.clone());
        }
    }
}

impl History {
    /// The index of a pool that is known.
    pub(super) fn find(&self, pool: &Address) -> Option<usize> {
        self.pools.iter().position(|state| state.name.address == *pool)
    }

    /// The index of a pool, which may be new.
    pub(super) fn note(&mut self, name: PoolName) -> usize {
        if let Some(at) = self.find(&name.address) {
            self.pools[at].name.learn(&name);
            return at;
        }
        let (settled, latest) = (Figures::default(), Figures::default());
        let marks = BTreeMap::new();
        let (shown, is_changed) = (Shown::AsIs, false);
        self.pools.push(PoolState { name, settled, marks, unmarked: 0, latest, shown, is_changed });
        self.pools.len() - 1
    }

    /// Takes in what happened; those of one time, in any order.
    pub(super) fn add(&mut self, mut entries: Vec<Entry>) {
        entries.sort_unstable();
        for entry in entries {
            if self.entries.back().is_none_or(|last| *last < entry) {
                if let Some(pool) = self.pools.get_mut(entry.pool as usize) {
                    pool.step(&entry);
                }
                room::push_back(&mut self.entries, entry);
            } else {
                let at = self.entries.partition_point(|other| *other < entry);
                room::insert_at(&mut self.entries, at, entry);
                self.fold(entry.pool, entry.id);
            }
        }
    }

    /// Takes back what happened. What was let go stays.
    pub(super) fn remove(&mut self, entry: &Entry) {
        let first = self.entries.partition_point(|other| other.id < entry.id);
        let same = self.entries.range(first..).take_while(|other| other.id == entry.id);
        if let Some(offset) = same.clone().position(|other| other == entry) {
            self.entries.remove(first + offset);
            self.fold(entry.pool, entry.id);
        }
    }

    /// Folds a pool again where something has changed at `id`.
    fn fold(&mut self, pool: u32, id: EventId) {
        let Some(state) = self.pools.get_mut(pool as usize) else { return };
        let before = state.marks.range(..id).next_back();
        let (from, mut figures) = match before {
            Some((mark, figures)) => (self.entries.partition_point(|e| e.id <= *mark), figures.clone()),
            None => (0, state.settled.clone()),
        };
        let mut marks = state.marks.range_mut(id..).peekable();
        for entry in self.entries.range(from..).filter(|entry| entry.pool == pool) {
            while let Some((_, mark)) = marks.next_if(|(mark, _)| **mark < entry.id) {
                if *mark == figures {
                    return;
                }
                mark.clone_from(&figures);
            }
            figures.step(entry);
        }
        marks.for_each(|(_, mark)| mark.clone_from(&figures));
        state.latest = figures;
    }

    /// Lets go what is past the horizon.
    pub(super) fn let_go(&mut self, horizon: Horizon, now: Seconds) {
        while let Some(entry) = self.entries.pop_front_if(|entry| horizon.is_past(entry.time, now)) {
            self.first_let_go = self.first_let_go.or(Some(entry.id));
            if let Some(pool) = self.pools.get_mut(entry.pool as usize) {
                pool.settled.step(&entry);
                while pool.marks.first_entry().is_some_and(|mark| *mark.key() <= entry.id) {
                    pool.marks.pop_first();
                }
            }
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    /// Block time of the first that is kept.
    pub(super) fn first_kept(&self) -> Option<Seconds> {
        self.entries.front().map(|entry| entry.time)
    }

    /// The first that happened.
    pub(super) fn first(&self) -> Option<EventId> {
        self.first_let_go.into_iter().chain(self.entries.front().map(|entry| entry.id)).min()
    }

    /// The last trade in any pool.
    pub(super) fn last_trade(&self) -> Option<LastTrade> {
        self.pools.iter().filter_map(|pool| pool.latest.trade).max_by_key(|trade| trade.id)
    }
}
