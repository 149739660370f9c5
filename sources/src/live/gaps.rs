//! Slots that are missing, as values.
//!
//! A gap says the same of each of its slots, and a later value replaces an earlier one slot by slot. So
//! the values alone tell what is still to be filled, after a restart too.

use std::collections::BTreeMap;

/// Whether slots are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapState {
    /// Nobody has delivered them yet.
    Open,
    /// They were delivered, or proven empty.
    Filled,
    /// Nobody has them any more.
    Unfillable,
}

/// Why slots are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapCause {
    /// No connection was there.
    Disconnect,
    /// The run had not begun or was down.
    Start,
    /// A block began before the connection did.
    PartialBlock,
    /// A block was never sealed, or without its time.
    NoMeta,
    /// More was unsealed than may be held.
    HoldFull,
    /// The server threw out a reader that was too slow.
    Lagged,
    /// The server's replay does not reach back so far.
    ReplayTooOld,
}

/// Slots that are missing, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The first of them.
    pub first_slot: u64,
    /// The last of them.
    pub last_slot: u64,
    /// Whether they are missing.
    pub state: GapState,
    /// Why they were.
    pub cause: GapCause,
}

/// The slots that are missing: ranges that do not overlap, by their first slot.
#[derive(Default)]
pub(super) struct Gaps(BTreeMap<u64, (u64, GapCause)>);

impl Gaps {
    pub(super) fn covers(&self, slot: u64) -> bool {
        self.0.range(..=slot).next_back().is_some_and(|(_, (last, _))| *last >= slot)
    }

    /// Notes that slots are missing; the news are those that were not noted before.
    pub(super) fn open(&mut self, first: u64, last: u64, cause: GapCause) -> Vec<Gap> {
        let mut news = Vec::new();
        let mut from = first;
        if let Some((_, (end, _))) = self.0.range(..=first).next_back()
            && *end >= first
        {
            from = end.saturating_add(1);
        }
        while from <= last {
            let next = self.0.range(from..=last).next().map(|(first, (last, _))| (*first, *last));
            let to = next.map_or(last, |(first, _)| first.saturating_sub(1));
            if from <= to && next.is_none_or(|(first, _)| first > from) {
                self.0.insert(from, (to, cause));
                news.push(Gap { first_slot: from, last_slot: to, state: GapState::Open, cause });
            }
            match next {
                Some((_, end)) if end < last => from = end + 1,
                _ => break,
            }
        }
        news
    }

    /// Notes that slots are missing no more; the news are those that were.
    pub(super) fn settle(&mut self, first: u64, last: u64, state: GapState) -> Vec<Gap> {
        let mut news = Vec::new();
        let before = self.0.range(..first).next_back().filter(|(_, (end, _))| *end >= first);
        let mut hit: Vec<u64> = before.map(|(start, _)| *start).into_iter().collect();
        hit.extend(self.0.range(first..=last).map(|(start, _)| *start));
        for start in hit {
            let Some((end, cause)) = self.0.remove(&start) else { continue };
            if start < first {
                self.0.insert(start, (first - 1, cause));
            }
            if end > last {
                self.0.insert(last + 1, (end, cause));
            }
            news.push(Gap { first_slot: start.max(first), last_slot: end.min(last), state, cause });
        }
        news
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Gap> + '_ {
        self.0.iter().map(|(&first_slot, &(last_slot, cause))| Gap {
            first_slot,
            last_slot,
            state: GapState::Open,
            cause,
        })
    }
}
