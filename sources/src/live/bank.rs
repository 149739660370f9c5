//! What one connection has sent of blocks that are not yet sealed.
//!
//! Names of banks are those of one server process, so nothing here outlives its connection.

use std::collections::{BTreeMap, BTreeSet};

use model::SlotState;

use super::{BlockMeta, BlockTag, GapCause, SealedBlock, Update, Whole};
use crate::transaction::Transaction;

/// How many later slots are sealed before one that is not is given up.
pub(super) const SEAL_WITHIN_SLOTS: usize = 32;

/// How far below the first bank that was created on a connection a replayed block is surely whole, slots.
const REPLAY_MARGIN_SLOTS: u64 = 4;

/// How many first slots are not trusted where the server does not say which banks it created.
const FIRST_SLOTS: usize = 4;

/// After how many later seals a latecomer of a server without bank names is of the only block of its slot.
const LONE_AFTER_SLOTS: usize = 8;

/// How many sealed banks are remembered.
const SEALED_MAX: usize = 1_024;

/// What follows from an update on its connection.
pub(super) enum Gathered {
    /// A block.
    Whole(SealedBlock),
    /// A block of which something may be missing.
    Partial(SealedBlock),
    /// A transaction that came after its block.
    Late(BlockTag, Box<Transaction>),
    /// A bank was given up.
    Lost(u64, GapCause),
    /// The state of a block.
    Block(BlockTag, SlotState),
    /// The state of whichever block a slot has.
    Slot(u64, SlotState),
}

type Key = (u64, u64);

#[derive(Default)]
struct Bank {
    #[expect(
        clippy::vec_box,
        reason = "a transaction goes from its update to the news without being copied"
    )]
    transactions: Vec<Box<Transaction>>,
    bytes: usize,
    /// There once it is sealed, while it is not known whether it is whole.
    meta: Option<BlockMeta>,
    state: Option<SlotState>,
}

/// One connection.
pub(super) struct Connection {
    whole: Whole,
    banks: BTreeMap<Key, Bank>,
    sealed: BTreeMap<Key, BlockTag>,
    /// Sealed slots, the latest.
    seals: BTreeSet<u64>,
    created: BTreeSet<Key>,
    first_created: Option<u64>,
    first_slots: BTreeSet<u64>,
    pub(super) held: usize,
}

impl Connection {
    pub(super) fn new(whole: Whole) -> Self {
        Self {
            whole,
            banks: BTreeMap::new(),
            sealed: BTreeMap::new(),
            seals: BTreeSet::new(),
            created: BTreeSet::new(),
            first_created: None,
            first_slots: BTreeSet::new(),
            held: 0,
        }
    }

    pub(super) fn take(&mut self, update: Update, out: &mut Vec<Gathered>) {
        match update {
            Update::Created { slot, bank } => self.create((slot, bank), out),
            Update::Transaction { slot, bank, tx, bytes } => self.gather((slot, bank), tx, bytes, out),
            Update::Meta(meta) => self.seal(meta, out),
            Update::Status { slot, bank, state } => self.state((slot, bank), state, out),
        }
    }

    fn create(&mut self, key: Key, out: &mut Vec<Gathered>) {
        self.created.insert(key);
        while self.created.len() > SEALED_MAX {
            self.created.pop_first();
        }
        if self.first_created.is_none() {
            self.first_created = Some(key.0);
            let waiting: Vec<Key> =
                self.banks.iter().filter(|(_, bank)| bank.meta.is_some()).map(|(key, _)| *key).collect();
            for key in waiting {
                self.leave(key, out);
            }
        }
    }

    fn gather(&mut self, key: Key, tx: Box<Transaction>, bytes: usize, out: &mut Vec<Gathered>) {
        self.see(key.0);
        // Without bank names it may be of another block of the slot, whose meta has yet to come.
        if key.1 != 0
            && let Some(block) = self.sealed.get(&key)
        {
            out.push(Gathered::Late(*block, tx));
            return;
        }
        self.held += bytes;
        let bank = self.banks.entry(key).or_default();
        bank.bytes += bytes;
        bank.transactions.push(tx);
    }

    fn seal(&mut self, meta: BlockMeta, out: &mut Vec<Gathered>) {
        let key = (meta.slot, meta.bank);
        self.see(meta.slot);
        let before = self.sealed.get(&key).copied();
        if before == Some(meta.block) {
            return;
        }
        self.seals.insert(meta.slot);
        while self.seals.len() > 2 * SEAL_WITHIN_SLOTS {
            self.seals.pop_first();
        }
        self.banks.entry(key).or_default().meta = Some(meta);
        if before.is_some() {
            // A second block of the slot under the same name: which of them a transaction is of, nobody knows.
            if let Some(block) = self.remove(key).and_then(sealed) {
                out.push(Gathered::Partial(block));
            }
        } else if self.is_whole(key).is_some() {
            self.leave(key, out);
        }
        self.age(out);
    }

    fn state(&mut self, key: Key, state: SlotState, out: &mut Vec<Gathered>) {
        if key.1 == 0 {
            out.push(Gathered::Slot(key.0, state));
        } else if let Some(block) = self.sealed.get(&key) {
            out.push(Gathered::Block(*block, state));
        } else {
            let bank = self.banks.entry(key).or_default();
            bank.state = bank.state.max(Some(state));
        }
    }

    fn see(&mut self, slot: u64) {
        if self.whole == Whole::AfterFirst && self.first_slots.len() < FIRST_SLOTS {
            self.first_slots.insert(slot);
        }
    }

    /// None while nobody can tell.
    fn is_whole(&self, key: Key) -> Option<bool> {
        match self.whole {
            Whole::Always => Some(true),
            Whole::AfterFirst => Some(!self.first_slots.contains(&key.0)),
            Whole::Created if self.created.contains(&key) || self.created.contains(&(key.0, 0)) => Some(true),
            Whole::Created => {
                self.first_created.map(|first| key.0.saturating_add(REPLAY_MARGIN_SLOTS) < first)
            }
        }
    }

    /// Passes on a sealed bank.
    fn leave(&mut self, key: Key, out: &mut Vec<Gathered>) {
        let is_whole = self.is_whole(key) == Some(true);
        let Some(bank) = self.remove(key) else { return };
        let state = bank.state;
        let Some(block) = sealed(bank) else { return };
        let tag = block.meta.block;
        self.sealed.insert(key, tag);
        while self.sealed.len() > SEALED_MAX {
            self.sealed.pop_first();
        }
        let is_mixed = key.1 == 0 && has_two_at_one_index(&block.transactions);
        out.push(if is_whole && !is_mixed { Gathered::Whole(block) } else { Gathered::Partial(block) });
        out.extend(state.map(|state| Gathered::Block(tag, state)));
    }

    /// Gives up banks that should have been sealed long ago.
    fn age(&mut self, out: &mut Vec<Gathered>) {
        let later = |seals: &BTreeSet<u64>, slot: u64| seals.range(slot.saturating_add(1)..).count();
        let old: Vec<(Key, usize)> = self
            .banks
            .keys()
            .map(|key| (*key, later(&self.seals, key.0)))
            .take_while(|(_, later)| *later >= LONE_AFTER_SLOTS)
            .collect();
        for (key, later) in old {
            if let Some(block) = self.sealed.get(&key).copied() {
                let late = self.remove(key).map(|bank| bank.transactions).unwrap_or_default();
                out.extend(late.into_iter().map(|tx| Gathered::Late(block, tx)));
            } else if later >= SEAL_WITHIN_SLOTS {
                match self.banks.get(&key).is_some_and(|bank| bank.meta.is_some()) {
                    true => self.leave(key, out),
                    false => out.extend(self.lose(key, GapCause::NoMeta)),
                }
            }
        }
    }

    /// The slot of its oldest bank.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.banks.keys().next().map(|key| key.0)
    }

    pub(super) fn lose_oldest(&mut self, cause: GapCause) -> Option<Gathered> {
        let key = *self.banks.keys().next()?;
        self.lose(key, cause)
    }

    fn lose(&mut self, key: Key, cause: GapCause) -> Option<Gathered> {
        let bank = self.remove(key)?;
        // A mere state is no content.
        let is_content = bank.meta.is_some() || !bank.transactions.is_empty();
        is_content.then_some(Gathered::Lost(key.0, cause))
    }

    fn remove(&mut self, key: Key) -> Option<Bank> {
        let bank = self.banks.remove(&key)?;
        self.held -= bank.bytes;
        Some(bank)
    }
}

fn sealed(bank: Bank) -> Option<SealedBlock> {
    Some(SealedBlock { meta: bank.meta?, transactions: bank.transactions })
}

fn has_two_at_one_index(transactions: &[Box<Transaction>]) -> bool {
    let mut by_index = BTreeMap::new();
    transactions
        .iter()
        .filter_map(|tx| Some((tx.index?, tx.signature)))
        .any(|(index, signature)| by_index.insert(index, signature).is_some_and(|other| other != signature))
}
