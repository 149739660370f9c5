//! The chain and the feed: slots, blocks, forks that die, and what a feed does to the order of things.
//!
//! A fork is told as a node that follows it sees it: slots with their transactions, then nothing more
//! of them; the next block builds on the slot before the fork, holds the same transactions again (the
//! same signatures, at a later time), and afterwards the abandoned slots are declared dead. Some of the
//! transactions never come back.
//!
//! Duplicates and late deliveries change the order of arrival only; forks and skipped slots move
//! transactions into later blocks, and so change what follows.

use std::collections::{BTreeMap, VecDeque};

use model::{Seconds, SlotState, SlotStatus};

use super::assemble::assemble;
use super::dice::{Dice, float};
use super::draft::Draft;
use super::economy::Economy;
use super::oracle::Oracle;
use super::params::Params;
use super::transaction_builder::Place;
use super::{Item, ParamsError};
use crate::transaction::Transaction;

/// Blocks on top of a block until it is confirmed, and until it is final.
const CONFIRMED_AFTER: usize = 2;
const FINALIZED_AFTER: usize = 32;
/// Index of the most distant next transaction in a block: what lies between is none of our programs'.
const STRIDE: u64 = 12;

/// A block that lives, on its way to being final.
#[derive(Clone, Copy, Debug)]
struct Block {
    slot: u64,
    parent: u64,
    time: Seconds,
}

/// A fork that will die.
#[derive(Debug)]
struct Fork {
    /// The last slot before it.
    parent: u64,
    /// Slots still to come.
    left: u64,
    blocks: Vec<Block>,
}

/// A simulated market, as a feed delivers it.
pub struct Market {
    params: Params,
    economy: Economy,
    oracle: Oracle,
    /// Of the chain: what lands where.
    dice: Dice,
    /// Of the feed: what arrives when. Apart, so that a disturbed feed tells of the same chain.
    feed_dice: Dice,
    /// The present slot, counted from the first.
    offset: u64,
    /// The slot that the next block builds on.
    parent: u64,
    fork: Option<Fork>,
    /// Blocks of the fork that the next block leaves.
    dying: Vec<Block>,
    /// Transactions of the fork that will land again.
    returning: Vec<Draft>,
    /// Blocks that are not final, oldest first; the first `confirmed` of them are confirmed.
    open: VecDeque<Block>,
    confirmed: usize,
    /// Deliveries yet to come, by slot and order.
    held: BTreeMap<(u64, u64), Transaction>,
    held_count: u64,
    ended: bool,
}

impl Market {
    /// The market of `params`.
    ///
    /// # Errors
    /// When parameters are out of range; all of them are named.
    pub fn new(params: &Params) -> Result<Self, ParamsError> {
        let problems = params.problems();
        if !problems.is_empty() {
            return Err(ParamsError { problems });
        }
        Ok(Self {
            economy: Economy::new(params),
            oracle: Oracle::new(params.seed, params.start_time_s, params.sol_usd),
            dice: Dice::new(params.seed, 2),
            feed_dice: Dice::new(params.seed, 3),
            offset: 0,
            parent: params.first_slot - 1,
            fork: None,
            dying: Vec::new(),
            returning: Vec::new(),
            open: VecDeque::new(),
            confirmed: 0,
            held: BTreeMap::new(),
            held_count: 0,
            ended: false,
            params: params.clone(),
        })
    }

    /// Block time of the next slot.
    #[must_use]
    pub fn block_time(&self) -> Seconds {
        self.params.start_time_s + self.offset.saturating_mul(self.params.slot_ms) / 1_000
    }

    /// How far a market with an end has come, from 0 to 1.
    #[must_use]
    pub fn done_ratio(&self) -> Option<f64> {
        let end = self.end()?;
        Some(if end == 0 { 1.0 } else { (float(self.offset) / float(end)).min(1.0) })
    }

    /// Slots until the end.
    fn end(&self) -> Option<u64> {
        self.params.seconds.map(|seconds| seconds.saturating_mul(1_000) / self.params.slot_ms)
    }

    /// Appends what the feed delivers in the next slot, in order of arrival. False once there is nothing
    /// more; the last items settle every slot.
    pub fn next_slot(&mut self, out: &mut Vec<Item>) -> bool {
        if self.ended {
            return false;
        }
        if self.end().is_some_and(|end| self.offset >= end) {
            self.finish(out);
            return false;
        }
        // Before what it is to value.
        let time = self.block_time();
        out.extend(std::iter::from_fn(|| self.oracle.next(time)).map(Item::Quote));
        self.deliver_held(out);
        let quiet = self.fork.is_none() && self.dying.is_empty();
        if quiet && self.dice.chance(self.params.skip_probability) {
            self.offset += 1;
            return true;
        }
        if quiet && self.dice.chance(self.params.fork_probability) {
            self.start_fork();
        }
        let block = Block {
            slot: self.params.first_slot + self.offset,
            parent: self.parent,
            time: self.block_time(),
        };
        let drafts = self.drafts();
        self.deliver_block(block, &drafts, out);
        self.parent = block.slot;
        self.offset += 1;
        self.settle(block, drafts, out);
        true
    }

    fn start_fork(&mut self) {
        let depth = self.dice.between(1, self.params.fork_depth_slots_max);
        // A fork must be left before the end, or its transactions would be missing.
        if self.end().is_none_or(|end| self.offset + depth < end) {
            self.fork = Some(Fork { parent: self.parent, left: depth, blocks: Vec::new() });
        }
    }

    /// The transactions of the present slot.
    fn drafts(&mut self) -> Vec<Draft> {
        let most = self.params.trades_per_second_max.map_or(u64::MAX, |max| {
            // Whole trades a slot whose sum keeps to the rate.
            let until =
                |offset: u64| u128::from(offset) * u128::from(max) * u128::from(self.params.slot_ms) / 1_000;
            u64::try_from(until(self.offset + 1) - until(self.offset)).unwrap_or(u64::MAX)
        });
        let own = self.economy.slot(self.offset, most);
        if self.fork.is_some() {
            return own;
        }
        let mut drafts = std::mem::take(&mut self.returning);
        drafts.extend(own);
        drafts
    }

    /// Delivers a block's transactions, and news of its slot.
    fn deliver_block(&mut self, block: Block, drafts: &[Draft], out: &mut Vec<Item>) {
        let mut index = 0;
        let last_of_fork = self.fork.as_ref().is_some_and(|fork| fork.left == 1);
        let lost = if last_of_fork { self.lost(drafts.len()) } else { Vec::new() };
        for draft in drafts.iter().chain(&lost) {
            index += 1 + self.dice.below(STRIDE);
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            self.deliver(assemble(draft, Place { slot: block.slot, index, block_time: block.time }), out);
        }
        out.push(news(block, SlotState::Processed));
    }

    /// Transactions that only the dying fork holds. They stand at its very end, so that nothing on the
    /// fork builds on them.
    fn lost(&mut self, last: usize) -> Vec<Draft> {
        let held = float(u64::try_from(self.returning.len() + last).unwrap_or(0));
        let count = self.dice.poisson(held * self.params.fork_lost_ratio);
        (0..count).filter_map(|_| self.economy.lost()).collect()
    }

    /// Delivers a transaction now, later, or twice.
    fn deliver(&mut self, transaction: Transaction, out: &mut Vec<Item>) {
        if self.feed_dice.chance(self.params.duplicate_ratio) {
            self.hold(transaction.clone());
        }
        if self.feed_dice.chance(self.params.late_ratio) {
            self.hold(transaction);
        } else {
            out.push(Item::Transaction(transaction));
        }
    }

    fn hold(&mut self, transaction: Transaction) {
        let due = self.offset + self.feed_dice.between(1, self.params.late_slots_max);
        self.held_count += 1;
        self.held.insert((due, self.held_count), transaction);
    }

    fn deliver_held(&mut self, out: &mut Vec<Item>) {
        while let Some(entry) = self.held.first_entry().filter(|e| e.key().0 <= self.offset) {
            out.push(Item::Transaction(entry.remove()));
        }
    }

    /// What a new block means for itself and for those before it.
    fn settle(&mut self, block: Block, drafts: Vec<Draft>, out: &mut Vec<Item>) {
        if let Some(mut fork) = self.fork.take() {
            self.returning.extend(drafts);
            fork.blocks.push(block);
            fork.left -= 1;
            if fork.left > 0 {
                self.fork = Some(fork);
            } else {
                // The next block leaves it.
                self.parent = fork.parent;
                self.dying = fork.blocks;
            }
            return;
        }
        for dead in std::mem::take(&mut self.dying) {
            out.push(news(dead, SlotState::Dead));
        }
        self.open.push_back(block);
        self.confirm(out);
    }

    fn confirm(&mut self, out: &mut Vec<Item>) {
        while self.open.len() > self.confirmed + CONFIRMED_AFTER {
            out.push(news(self.open[self.confirmed], SlotState::Confirmed));
            self.confirmed += 1;
        }
        while self.open.len() > FINALIZED_AFTER {
            if let Some(block) = self.open.pop_front() {
                out.push(news(block, SlotState::Finalized));
                self.confirmed -= 1;
            }
        }
    }

    /// Delivers what is still held and settles every slot.
    fn finish(&mut self, out: &mut Vec<Item>) {
        self.ended = true;
        out.extend(std::mem::take(&mut self.held).into_values().map(Item::Transaction));
        for block in self.open.iter().skip(self.confirmed) {
            out.push(news(*block, SlotState::Confirmed));
        }
        out.extend(self.open.drain(..).map(|block| news(block, SlotState::Finalized)));
    }
}

fn news(block: Block, state: SlotState) -> Item {
    Item::Slot(SlotStatus {
        slot: block.slot,
        state,
        parent: Some(block.parent),
        block_time: Some(block.time),
    })
}
