//! Fetches a range of slots and proves that nothing of it is missing.
//!
//! A node's word that a slot has no block is no proof: the same answer is given for blocks that exist. Proof is
//! the parent link of a later block that passes over the slot. So a range is walked from its end to its start
//! along the parent links: a slot that a link passes over is empty, a block that a link names must be there with
//! that hash, and is asked for again, from another endpoint if need be. Whatever stays unproven is reported, slot
//! by slot, with the reason.
//!
//! Fetching decides nothing about numbers: the same lines give the same events whether they were fetched or
//! came live.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::rpc::{Block, Fetched, Rpc, RpcError};

/// So many slots after a range are asked for a block whose link proves the end of the range.
const BEYOND_MAX: u64 = 64;
/// How often a block is asked for that a link names.
const TRIES: u32 = 3;

/// A range as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The blocks of the chain, by slot.
    pub blocks: BTreeMap<u64, Block>,
    /// Slots that are proven to have none.
    pub empty: u64,
    /// Slots of which neither is known, with the reason.
    pub open: BTreeMap<u64, String>,
}

/// Blocks by slot, each with the endpoint that gave it.
type Given = BTreeMap<u64, (usize, Block)>;

/// Fetches and proves a range. `done` counts the slots that were asked for.
///
/// # Errors
/// When no endpoint is left, one block could not be fetched in time, or `stop` is set.
pub fn fetch(
    rpc: &Rpc,
    slots: &RangeInclusive<u64>,
    stop: &AtomicBool,
    done: &AtomicU64,
) -> Result<Range, RpcError> {
    let mut given = fetch_all(rpc, slots, stop, done)?;
    let mut walk = Walk { rpc, stop, first: *slots.start(), last: *slots.end(), range: Range::default() };
    let anchor = walk.anchor(&mut given)?;
    walk.down(anchor, &mut given)?;
    let mut range = walk.range;
    for (slot, (_, block)) in given {
        if slots.contains(&slot) && !range.open.contains_key(&slot) {
            range.blocks.insert(slot, block);
        }
    }
    Ok(range)
}

/// Asks for each slot of a range, several at once.
fn fetch_all(
    rpc: &Rpc,
    slots: &RangeInclusive<u64>,
    stop: &AtomicBool,
    done: &AtomicU64,
) -> Result<Given, RpcError> {
    let next = AtomicU64::new(*slots.start());
    let found: Mutex<(Given, Option<RpcError>)> = Mutex::default();
    let work = || {
        loop {
            let slot = next.fetch_add(1, Ordering::Relaxed);
            if !slots.contains(&slot) || found.lock().unwrap_or_else(PoisonError::into_inner).1.is_some() {
                return;
            }
            let fetched = rpc.block(slot, None, stop);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            match fetched {
                Ok(Fetched::Block(endpoint, block)) => drop(found.0.insert(slot, (endpoint, block))),
                Ok(Fetched::Absent) => {}
                Err(error) => {
                    found.1.get_or_insert(error);
                }
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..rpc.concurrency() {
            // A thread that cannot be started leaves its work to the others, and to this one.
            let _ = std::thread::Builder::new().name("backfill".to_owned()).spawn_scoped(scope, work);
        }
        work();
    });
    match found.into_inner().unwrap_or_else(PoisonError::into_inner) {
        (given, None) => Ok(given),
        (_, Some(error)) => Err(error),
    }
}

struct Walk<'a> {
    rpc: &'a Rpc,
    stop: &'a AtomicBool,
    first: u64,
    last: u64,
    range: Range,
}

impl Walk<'_> {
    /// The block from which the links are followed: the last of the range, or the first after it.
    fn anchor(&mut self, given: &mut Given) -> Result<Option<u64>, RpcError> {
        if given.contains_key(&self.last) {
            return Ok(Some(self.last));
        }
        for slot in (self.last + 1)..=self.last.saturating_add(BEYOND_MAX) {
            if let Fetched::Block(endpoint, block) = self.rpc.block(slot, None, self.stop)? {
                given.insert(slot, (endpoint, block));
                return Ok(Some(slot));
            }
        }
        let newest = given.last_key_value().map(|(slot, _)| *slot);
        let from = newest.map_or(self.first, |slot| slot + 1);
        for slot in from..=self.last {
            self.range.open.insert(slot, format!("no block after slot {} says what was there", self.last));
        }
        Ok(newest)
    }

    fn down(&mut self, anchor: Option<u64>, given: &mut Given) -> Result<(), RpcError> {
        let mut child = anchor;
        while let Some(at) = child {
            let Some((_, block)) = given.get(&at) else { break };
            let (parent, hash) = (block.parent, block.parent_hash.clone());
            for slot in (parent + 1).max(self.first)..at.min(self.last + 1) {
                if given.contains_key(&slot) {
                    let reason = format!("an endpoint has a block of it, and slot {at} builds on {parent}");
                    self.range.open.insert(slot, reason);
                } else {
                    self.range.empty += 1;
                }
            }
            if parent < self.first {
                break;
            }
            child = if self.ensure(parent, &hash, given)? {
                Some(parent)
            } else {
                self.range
                    .open
                    .insert(parent, format!("slot {at} builds on its block {hash}, which no endpoint gave"));
                self.skip(parent, given)
            };
        }
        Ok(())
    }

    /// Sees to it that the block of a slot is there and is the one of this hash.
    fn ensure(&self, slot: u64, hash: &str, given: &mut Given) -> Result<bool, RpcError> {
        for _ in 0..TRIES {
            let except = match given.get(&slot) {
                Some((_, block)) if block.hash == hash => return Ok(true),
                Some((endpoint, _)) => Some(*endpoint),
                None => None,
            };
            if let Fetched::Block(endpoint, block) = self.rpc.block(slot, except, self.stop)? {
                given.insert(slot, (endpoint, block));
            }
        }
        Ok(given.get(&slot).is_some_and(|(_, block)| block.hash == hash))
    }

    /// Goes on below a block that is missing: at the next one that is there. The slots between are unproven.
    fn skip(&mut self, missing: u64, given: &Given) -> Option<u64> {
        let below = given.range(self.first..missing).next_back().map(|(slot, _)| *slot);
        for slot in below.map_or(self.first, |slot| slot + 1)..missing {
            self.range.open.insert(slot, format!("the block of slot {missing} would say what was there"));
        }
        below
    }
}

/// The first slot whose block time is at most `age_s` before that of `newest`, found by bisection. No clock but
/// the chain's is read.
///
/// # Errors
/// As [`fetch`], and when no endpoint has the times.
pub fn since(rpc: &Rpc, newest: u64, age_s: u64, stop: &AtomicBool) -> Result<u64, RpcError> {
    /// A slot takes no less than this, milliseconds.
    const SLOT_MS_LEAST: u64 = 100;
    let Some((_, now)) = time_from(rpc, newest, 0, stop)? else {
        return Err(RpcError::AllOut("no endpoint has the time of the newest slot".to_owned()));
    };
    let wanted = now.saturating_sub(age_s);
    let mut low = newest.saturating_sub(age_s.saturating_mul(1_000) / SLOT_MS_LEAST);
    let mut high = newest;
    while low < high {
        let middle = low + (high - low) / 2;
        match time_from(rpc, middle, high, stop)? {
            Some((_, time)) if time < wanted => low = middle + 1,
            Some(_) => high = middle,
            // Older than what the endpoints keep.
            None => low = middle + 1,
        }
    }
    Ok(low)
}

/// The time of the first slot from `slot` to `last` that has one, a few tried.
fn time_from(rpc: &Rpc, slot: u64, last: u64, stop: &AtomicBool) -> Result<Option<(u64, u64)>, RpcError> {
    const TRIED_MAX: u64 = 16;
    for at in slot..=last.max(slot).min(slot + TRIED_MAX) {
        if let Some(time) = rpc.block_time(at, stop)? {
            return Ok(Some((at, time)));
        }
    }
    Ok(None)
}
