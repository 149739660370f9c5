//! Numbers that cannot be.
//!
//! A column of counts holds what 63 bits hold, as the integers of most databases do, and a block has a time
//! between the chain's first day and the end of the century. What is beyond is no large value but a broken
//! one; let in, it would stop a sink or carry the clock away with it, and cost its neighbours. So it is refused where it
//! is read, with its name.
//!
//! Source: DEFINITIONS §1, plausible time: the part that needs no other event. Whether a time fits those around
//! it is for the intake to say.

use model::time::{FIRST_BLOCK_TIME, LAST_BLOCK_TIME};
use model::{Seconds, SlotStatus, Trade};

use crate::transaction::Transaction;

/// The largest slot, fee and time that a column takes.
const MOST: u64 = i64::MAX.unsigned_abs();

/// Powers of ten beyond this one are no integers of 128 bits.
const MOST_DECIMALS: u8 = 38;

/// A block time.
///
/// # Errors
/// When it is outside of what a block can have.
pub(crate) fn block_time(time: Seconds) -> Result<(), String> {
    let is_possible = (FIRST_BLOCK_TIME..LAST_BLOCK_TIME).contains(&time);
    is_possible.then_some(()).ok_or_else(|| {
        format!("block time {time} cannot be: seconds since 1970, from 2020-03-16 to 2100-01-01, are what a block has")
    })
}

fn count(name: &str, value: u64) -> Result<(), String> {
    (value <= MOST).then_some(()).ok_or_else(|| format!("{name} {value} cannot be: the largest is 2^63 − 1"))
}

/// Decimals of a token.
///
/// # Errors
/// When no amount could be scaled by them.
pub(crate) fn decimals(decimals: u8) -> Result<(), String> {
    (decimals <= MOST_DECIMALS)
        .then_some(())
        .ok_or_else(|| format!("{decimals} decimals cannot be: the most is {MOST_DECIMALS}"))
}

/// What a feed says of a slot.
///
/// # Errors
/// The first number that cannot be.
pub(crate) fn status(status: &SlotStatus) -> Result<(), String> {
    count("slot", status.slot)?;
    status.parent.map_or(Ok(()), |parent| count("parent slot", parent))?;
    status.block_time.map_or(Ok(()), block_time)
}

/// A transaction, before it is decoded.
///
/// # Errors
/// The first number that cannot be.
pub(crate) fn transaction(tx: &Transaction) -> Result<(), String> {
    tx.slot.map_or(Ok(()), |slot| count("slot", slot))?;
    tx.block_time.map_or(Ok(()), block_time)?;
    tx.received_at.map_or(Ok(()), |time| count("time of receipt", time))?;
    tx.fee.map_or(Ok(()), |fee| count("fee", fee))
}

/// A trade that came normalized.
///
/// # Errors
/// The first number that cannot be.
pub(crate) fn trade(trade: &Trade) -> Result<(), String> {
    count("slot", trade.origin.id.slot)?;
    block_time(trade.origin.block_time)?;
    trade.origin.received_at.map_or(Ok(()), |time| count("time of receipt", time))?;
    trade.priority_fee.map_or(Ok(()), |fee| count("priority fee", fee))?;
    decimals(trade.base_decimals)?;
    decimals(trade.quote_decimals)
}

/// A slot as rejects name it; none if that cannot be written either.
pub(crate) fn named_slot(slot: Option<u64>) -> Option<u64> {
    slot.filter(|slot| *slot <= MOST)
}

#[cfg(test)]
mod tests {
    use model::{Signature, SlotState};

    use super::*;

    #[test]
    fn the_ends_are_within_and_what_is_beyond_is_named() {
        assert!(block_time(FIRST_BLOCK_TIME).is_ok() && block_time(LAST_BLOCK_TIME - 1).is_ok());
        for time in [0, FIRST_BLOCK_TIME - 1, LAST_BLOCK_TIME, 1_790_000_000_000, u64::MAX] {
            assert!(block_time(time).unwrap_err().contains(&time.to_string()));
        }
        assert!(decimals(38).is_ok() && decimals(39).is_err());
    }

    #[test]
    fn each_number_of_a_transaction_and_of_a_slot_is_looked_at() {
        let whole = Transaction::new(Signature([1; 64]));
        assert_eq!(transaction(&whole), Ok(()));
        let broken = [
            (Transaction { slot: Some(u64::MAX), ..whole.clone() }, "slot"),
            (Transaction { block_time: Some(1), ..whole.clone() }, "block time"),
            (Transaction { received_at: Some(u64::MAX), ..whole.clone() }, "receipt"),
            (Transaction { fee: Some(1 << 63), ..whole }, "fee"),
        ];
        for (tx, name) in broken {
            assert!(transaction(&tx).unwrap_err().contains(name), "{name}");
        }
        let news = SlotStatus { slot: 5, state: SlotState::Finalized, parent: Some(4), block_time: None };
        assert_eq!(status(&news), Ok(()));
        for wrong in [
            SlotStatus { slot: u64::MAX, ..news },
            SlotStatus { parent: Some(u64::MAX), ..news },
            SlotStatus { block_time: Some(5), ..news },
        ] {
            assert!(status(&wrong).is_err(), "{wrong:?}");
        }
        assert_eq!((named_slot(Some(5)), named_slot(Some(u64::MAX))), (Some(5), None));
    }
}
