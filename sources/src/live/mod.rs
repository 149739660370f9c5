//! What live feeds deliver, made whole blocks: once each, on one chain, with its gaps.
//!
//! A live feed sends transactions without a time, out of order, twice, from blocks that die, and stops
//! in the middle of one. [`Live`] gathers what each connection sends until a block meta seals it, passes
//! each sealed block on once whichever endpoint had it first, follows which blocks count by their hashes
//! and parent links, and keeps as values the slots that are missing.
//!
//! When an endpoint is connected to, from which slot, and when it is left says [`endpoint`]; why a stream
//! ended, [`ends`].
//!
//! No part of it knows a socket, a thread or a clock: it is handed updates and times and appends what follows
//! from them, so that any order of arrival can be tested. It neither connects nor decodes nor fetches; no source
//! uses it yet.

mod bank;
mod chain;
pub mod endpoint;
pub mod ends;
mod gaps;
mod merge;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::{Seconds, SlotState};

use crate::transaction::Transaction;

pub use gaps::{Gap, GapCause, GapState};
pub use merge::Live;

/// Names one connection; another after each reconnect.
pub type ConnectionId = u64;

/// Names a block: the leading 8 bytes of its hash, big endian. 0 names none.
pub type BlockTag = u64;

/// Which blocks of a connection hold all that the feed's filter lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Those whose bank was created while the connection stood, and replayed ones well below the first such.
    Created,
    /// All but those of the first four slots; for a server that does not announce banks and replays nothing.
    AfterFirst,
    /// All: the feed sends blocks when they are confirmed.
    Always,
}

/// What seals a bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockMeta {
    /// The slot.
    pub slot: u64,
    /// The bank of this connection's server; 0 if it does not say.
    pub bank: u64,
    /// The block.
    pub block: BlockTag,
    /// Slot of the block before it.
    pub parent_slot: u64,
    /// The block before it.
    pub parent: BlockTag,
    /// When it was made; none if the feed does not know.
    pub block_time: Option<Seconds>,
    /// How many transactions the block has, with those that no filter lets through.
    pub transactions: u64,
}

/// What a connection delivers.
#[derive(Clone, Debug)]
pub enum Update {
    /// A bank was created.
    Created {
        /// Its slot.
        slot: u64,
        /// As in [`BlockMeta::bank`].
        bank: u64,
    },
    /// A transaction was executed.
    Transaction {
        /// Its slot.
        slot: u64,
        /// As in [`BlockMeta::bank`].
        bank: u64,
        /// The transaction.
        tx: Box<Transaction>,
        /// How much memory it takes, about.
        bytes: usize,
    },
    /// A block is complete.
    Meta(BlockMeta),
    /// A slot's state.
    Status {
        /// The slot.
        slot: u64,
        /// As in [`BlockMeta::bank`].
        bank: u64,
        /// Its state.
        state: SlotState,
    },
}

/// A block as a whole, from a connection or fetched.
#[derive(Clone, Debug)]
pub struct SealedBlock {
    /// What sealed it.
    pub meta: BlockMeta,
    /// Its transactions.
    pub transactions: Vec<Box<Transaction>>,
}

/// What follows from the updates, in the order in which it is to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A transaction with its slot, index and block time.
    Transaction {
        /// The block that it is in.
        block: BlockTag,
        /// The transaction.
        tx: Box<Transaction>,
    },
    /// What became of a block.
    Slot {
        /// The slot.
        slot: u64,
        /// The block.
        block: BlockTag,
        /// Its state.
        state: SlotState,
        /// Slot of the block before it.
        parent_slot: u64,
        /// When it was made.
        block_time: Seconds,
    },
    /// Slots are missing, or no longer.
    Gap(Gap),
    /// An item that cannot be used; its neighbours go on.
    Reject {
        /// Slot, and signature where there is one.
        cursor: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// Counts that are no news, by name.
pub type LiveCounts = BTreeMap<&'static str, u64>;

/// A block that the log holds and that is not yet final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedBlock {
    /// The block.
    pub block: BlockTag,
    /// Its slot.
    pub slot: u64,
    /// The block before it; 0 if the log does not say.
    pub parent: BlockTag,
    /// Slot of the block before it.
    pub parent_slot: u64,
    /// Its state.
    pub state: SlotState,
    /// When it was made.
    pub block_time: Seconds,
}

/// What a log knows, from which a run goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// The greatest slot up to which nothing is missing or undecided; none before the first block.
    pub closed: Option<u64>,
    /// Slots that are missing.
    pub gaps: Vec<Gap>,
    /// Blocks above the closed slot.
    pub blocks: Vec<LoggedBlock>,
}
