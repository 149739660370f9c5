//! Which blocks count: by their hashes and the links to their parents, whoever delivered them.
//!
//! A slot is proven empty, and a block that was left is dead, only by a final block whose parent link
//! passes over it; no silence and no server's word does that.

use std::collections::{BTreeMap, BTreeSet};

use model::{Seconds, Signature, SlotState};

use super::{BlockTag, News};

/// A block that was passed on.
pub(super) struct Block {
    pub(super) slot: u64,
    pub(super) parent: BlockTag,
    pub(super) parent_slot: u64,
    pub(super) block_time: Seconds,
    pub(super) state: SlotState,
    /// How many transactions it has in all.
    pub(super) transactions: u64,
    /// What was passed on of it; none if an earlier run did that.
    pub(super) signatures: Option<BTreeSet<Signature>>,
}

/// What a slot has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// No block of the chain is there.
    Empty,
    /// This one is.
    Final(BlockTag),
    /// Nobody will ever say.
    GivenUp,
}

/// What a final block said of the slots below it.
#[derive(Default)]
pub(super) struct Walk {
    /// Slots that are decided: those of a range.
    pub(super) decided: Vec<(u64, u64)>,
    /// The slot of a final block that nobody has delivered.
    pub(super) missing: Option<u64>,
}

/// The blocks above the closed slot.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) blocks: BTreeMap<BlockTag, Block>,
    by_slot: BTreeMap<u64, Vec<BlockTag>>,
    fates: BTreeMap<u64, Fate>,
    /// States of slots of which it is not known which block they are of.
    undecided: BTreeMap<u64, SlotState>,
    pub(super) closed: Option<u64>,
    pub(super) newest: u64,
}

impl Chain {
    pub(super) fn is_closed(&self, slot: u64) -> bool {
        self.closed.is_some_and(|closed| slot <= closed)
    }

    pub(super) fn has_slot(&self, slot: u64) -> bool {
        self.by_slot.contains_key(&slot)
    }

    pub(super) fn fate(&self, slot: u64) -> Option<Fate> {
        self.fates.get(&slot).copied()
    }

    /// The greatest slot below `slot` of which a block was passed on, or else the closed slot.
    pub(super) fn known_below(&self, slot: u64) -> Option<u64> {
        self.by_slot.range(..slot).next_back().map(|(slot, _)| *slot).max(self.closed)
    }

    pub(super) fn insert(&mut self, tag: BlockTag, block: Block) {
        self.newest = self.newest.max(block.slot);
        self.by_slot.entry(block.slot).or_default().push(tag);
        self.blocks.insert(tag, block);
    }

    /// The state that is known of a slot's block by other ways than its own name, now that it is there:
    /// its slot's, or that of a block above it.
    pub(super) fn implied(&mut self, tag: BlockTag) -> Option<SlotState> {
        let block = self.blocks.get(&tag)?;
        if self.fate(block.slot) == Some(Fate::Final(tag)) {
            return Some(SlotState::Finalized);
        }
        let child =
            self.blocks.values().filter(|child| child.parent == tag && child.state == SlotState::Confirmed);
        let from_child = child.map(|child| child.state).max();
        let lone = self.by_slot.get(&block.slot).is_some_and(|tags| tags.len() == 1);
        let own = if lone { self.undecided.remove(&block.slot) } else { None };
        from_child.max(own)
    }

    /// The block of a slot whose block is not named, if that can be told; else the state waits.
    pub(super) fn resolve(&mut self, slot: u64, state: SlotState) -> Option<BlockTag> {
        match self.by_slot.get(&slot).map(Vec::as_slice) {
            Some([lone]) => Some(*lone),
            Some(several) => {
                let named = several.iter().copied().find(|tag| self.has_child(*tag));
                // A slot of several blocks is not dead because one of them is.
                if named.is_none() || state == SlotState::Dead {
                    self.wait(slot, state);
                    return None;
                }
                named
            }
            None => {
                self.wait(slot, state);
                None
            }
        }
    }

    fn has_child(&self, tag: BlockTag) -> bool {
        self.blocks.values().any(|block| block.parent == tag && block.state != SlotState::Dead)
    }

    fn wait(&mut self, slot: u64, state: SlotState) {
        if state != SlotState::Processed && state != SlotState::Dead && !self.is_closed(slot) {
            let waiting = self.undecided.entry(slot).or_insert(state);
            *waiting = (*waiting).max(state);
        }
    }

    /// The state that waits for a block to be named, if `child` names one of its slot.
    pub(super) fn named_by(&mut self, child: BlockTag) -> Option<(BlockTag, SlotState)> {
        let parent = self.blocks.get(&child)?.parent;
        let slot = self.blocks.get(&parent)?.slot;
        Some((parent, self.undecided.remove(&slot)?))
    }

    /// Raises a block's state, and what follows from it for others.
    pub(super) fn raise(&mut self, tag: BlockTag, state: SlotState, news: &mut Vec<News>) -> Walk {
        match state {
            SlotState::Processed => Walk::default(),
            SlotState::Dead => {
                self.become_state(tag, SlotState::Dead, news);
                Walk::default()
            }
            SlotState::Confirmed => {
                let mut at = Some(tag);
                while let Some(tag) = at.take() {
                    if self.become_state(tag, SlotState::Confirmed, news) {
                        self.kill_others(tag, news);
                        at = self.blocks.get(&tag).map(|block| block.parent);
                    }
                }
                Walk::default()
            }
            SlotState::Finalized => self.finalize(tag, news),
        }
    }

    fn finalize(&mut self, tag: BlockTag, news: &mut Vec<News>) -> Walk {
        let mut walk = Walk::default();
        let mut at = tag;
        while self.become_state(at, SlotState::Finalized, news) {
            self.kill_others(at, news);
            let Some((slot, parent_slot, parent)) =
                self.blocks.get(&at).map(|block| (block.slot, block.parent_slot, block.parent))
            else {
                break;
            };
            self.fates.insert(slot, Fate::Final(at));
            walk.decided.push((parent_slot + 1, slot));
            let first = self.closed.map_or(slot, |closed| parent_slot.max(closed) + 1);
            for empty in first..slot {
                self.fates.insert(empty, Fate::Empty);
                for left in self.by_slot.get(&empty).cloned().unwrap_or_default() {
                    self.become_state(left, SlotState::Dead, news);
                }
            }
            if self.is_closed(parent_slot) {
                break;
            }
            if !self.blocks.contains_key(&parent) {
                if self.fate(parent_slot) == Some(Fate::GivenUp) {
                    break;
                }
                self.fates.insert(parent_slot, Fate::Final(parent));
                walk.missing = Some(parent_slot);
                break;
            }
            at = parent;
        }
        walk
    }

    fn kill_others(&mut self, tag: BlockTag, news: &mut Vec<News>) {
        let Some(slot) = self.blocks.get(&tag).map(|block| block.slot) else { return };
        for other in self.by_slot.get(&slot).cloned().unwrap_or_default() {
            if other != tag {
                self.become_state(other, SlotState::Dead, news);
            }
        }
    }

    /// True if it is news.
    fn become_state(&mut self, tag: BlockTag, state: SlotState, news: &mut Vec<News>) -> bool {
        let Some(block) = self.blocks.get_mut(&tag).filter(|block| block.state < state) else { return false };
        block.state = state;
        news.push(block.news(tag));
        true
    }

    /// Says of slots that nobody will ever deliver them.
    pub(super) fn give_up(&mut self, first: u64, last: u64) {
        for slot in first..=last {
            self.fates.entry(slot).or_insert(Fate::GivenUp);
        }
    }

    /// Moves the closed slot as far as all is decided and there, and forgets what is below.
    pub(super) fn close(&mut self, is_open: impl Fn(u64) -> bool) {
        while let Some(next) = self.closed.and_then(|closed| closed.checked_add(1)) {
            let is_there = match self.fate(next) {
                Some(Fate::Final(tag)) => self.blocks.contains_key(&tag),
                Some(Fate::Empty | Fate::GivenUp) => true,
                None => false,
            };
            if !is_there || is_open(next) {
                return;
            }
            self.closed = Some(next);
            self.fates.remove(&next);
            self.undecided.remove(&next);
            for tag in self.by_slot.remove(&next).unwrap_or_default() {
                self.blocks.remove(&tag);
            }
        }
    }
}

impl Block {
    pub(super) fn news(&self, block: BlockTag) -> News {
        let Self { slot, state, parent_slot, block_time, .. } = *self;
        News::Slot { slot, block, state, parent_slot, block_time }
    }
}
