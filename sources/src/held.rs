//! Transactions that wait for the time of their block.
//!
//! A Yellowstone transaction comes before its block is known, so it carries no block time; the news of
//! the block, which do, follow. Events of programs that write no time of their own would have no place
//! without them. What waits is bounded: once much newer slots came, or too many transactions wait, a
//! transaction goes on without.

use std::collections::BTreeMap;

use model::Seconds;

use crate::transaction::Transaction;

/// A transaction waits until this many slots later at most, about 13 seconds.
const SLOTS_MAX: u64 = 32;
/// So many wait at most, some hundred megabytes.
const TRANSACTIONS_MAX: usize = 16_384;

/// A transaction and its cursor.
pub(crate) type Placed = (String, Transaction);

/// The transactions that wait, by slot.
#[derive(Default)]
pub(crate) struct Held {
    slots: BTreeMap<u64, Vec<Placed>>,
    count: usize,
}

impl Held {
    /// Takes in a transaction of `slot`, and gives those that have waited long enough.
    pub(crate) fn hold(&mut self, slot: u64, placed: Placed) -> Vec<Placed> {
        self.slots.entry(slot).or_default().push(placed);
        self.count += 1;
        let mut released = Vec::new();
        let newest = self.slots.last_key_value().map_or(slot, |(newest, _)| *newest);
        while let Some((oldest, _)) = self.slots.first_key_value() {
            let oldest = *oldest;
            if newest - oldest <= SLOTS_MAX && self.count <= TRANSACTIONS_MAX {
                break;
            }
            released.extend(self.release(oldest, None));
        }
        released
    }

    /// The transactions of a slot, with the time of its block.
    pub(crate) fn release(&mut self, slot: u64, block_time: Option<Seconds>) -> Vec<Placed> {
        let mut released = self.slots.remove(&slot).unwrap_or_default();
        self.count -= released.len();
        for (_, tx) in &mut released {
            tx.block_time = tx.block_time.or(block_time);
        }
        released
    }

    /// All that still wait, in the order of slots.
    pub(crate) fn release_all(&mut self) -> Vec<Placed> {
        self.count = 0;
        std::mem::take(&mut self.slots).into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use model::Signature;

    use super::*;

    fn placed(slot: u64) -> Placed {
        (slot.to_string(), Transaction::new(Signature([1; 64])))
    }

    #[test]
    fn a_slot_gets_its_time() {
        let mut held = Held::default();
        assert!(held.hold(7, placed(7)).is_empty());
        assert!(held.hold(8, placed(8)).is_empty());
        let released = held.release(7, Some(100));
        assert_eq!((released.len(), released[0].1.block_time), (1, Some(100)));
        assert!(held.release(7, Some(100)).is_empty());
        assert_eq!(held.release_all().len(), 1);
    }

    #[test]
    fn nothing_waits_for_ever() {
        let mut held = Held::default();
        held.hold(7, placed(7));
        let released = held.hold(7 + SLOTS_MAX + 1, placed(40));
        assert_eq!((released.len(), released[0].1.block_time), (1, None));
        // One of slot 40 waits already.
        for _ in 1..TRANSACTIONS_MAX {
            assert!(held.hold(40, placed(40)).is_empty());
        }
        assert_eq!(held.hold(40, placed(40)).len(), TRANSACTIONS_MAX + 1);
    }
}
