//! From the events of the programs to the events of the vocabulary.
//!
//! Every program has its own words, its own order of the two tokens, and its own idea of what an amount
//! includes. Here they become one: base is what the market is about, quote is what it is paid in, side
//! is the wallet's, and reserves are those that set the price after the event.
//!
//! Common to all programs is here; how each program's events are read stands beside its layouts, in
//! [`programs`](crate::programs).

mod moved;
pub(crate) mod swap;
pub(crate) mod trader;

use model::{Address, ChainEvent, LiquidityChanged, Origin, RejectReason};

pub use moved::{Placed, Swapped, attribute};

use crate::bounds;
use crate::decode::Decoded;
use crate::pools::{Hint, Orientation, Pool, PoolRegistry, UnknownPool};
use crate::programs::accounts::Order;
use crate::transaction::{Instruction, Transaction};

/// Why a decoded event has no place in the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of reason.
    pub reason: RejectReason,
    /// The reason, for a person.
    pub detail: String,
}

impl From<UnknownPool> for Refusal {
    fn from(error: UnknownPool) -> Self {
        Self { reason: RejectReason::UnknownPool, detail: error.to_string() }
    }
}

/// Makes a decoded event one of the vocabulary. A trade comes without its trader, who shows once all trades
/// of the transaction are there: [`attribute`] takes what it needs for that.
///
/// # Errors
/// When it has no place on the chain, or names a pool whose tokens are not known.
pub fn normalize(
    decoded: &Decoded,
    tx: &Transaction,
    pools: &mut PoolRegistry,
) -> Result<(ChainEvent, Option<Swapped>), Refusal> {
    let mut at = Context { decoded, tx, pools, origin: origin(decoded, tx)?, swapped: None };
    let event = decoded.payload.normalize(&mut at)?;
    Ok((event, at.swapped))
}

/// Name and time of an event. Block time counts; the event's own time stands in where there is none.
fn origin(decoded: &Decoded, tx: &Transaction) -> Result<Origin, Refusal> {
    let unplaced = |detail: &str| Refusal { reason: RejectReason::Unplaced, detail: detail.to_owned() };
    if tx.slot.is_none() {
        return Err(unplaced(
            "the transaction has no slot: keep the `slot` of getTransaction, and add the one asked for to getBlock",
        ));
    }
    let id = decoded.event_id.ok_or_else(|| {
        unplaced("the log does not tell which instruction wrote the event; record inner instructions as well")
    })?;
    let own_time = || decoded.timestamp.and_then(|time| u64::try_from(time).ok());
    let block_time = tx.block_time.or_else(own_time).ok_or_else(|| {
        unplaced(
            "neither the transaction nor the event has a time; record the transaction with its `blockTime`",
        )
    })?;
    bounds::block_time(block_time).map_err(|detail| Refusal { reason: RejectReason::Malformed, detail })?;
    Ok(Origin { id, signature: decoded.signature, block_time, received_at: tx.received_at })
}

/// An event and what surrounds it.
pub(crate) struct Context<'a> {
    pub(crate) decoded: &'a Decoded,
    pub(crate) tx: &'a Transaction,
    pub(crate) pools: &'a mut PoolRegistry,
    pub(crate) origin: Origin,
    /// Facts of the swap that the trade does not carry.
    swapped: Option<Swapped>,
}

impl<'a> Context<'a> {
    /// The pool as the instruction tells it, in the program's order. `zero_in` says whether the user
    /// gives token 0, for instructions that order their tokens as the swap does.
    pub(crate) fn hint(&self, zero_in: bool) -> Hint {
        let named = &self.decoded.named;
        let hint = Hint { mints: named.mints, vaults: named.vaults, ..Hint::default() };
        if named.order == Order::Swap && !zero_in { hint.flipped() } else { hint }
    }

    /// All of a pool.
    pub(crate) fn pool(&mut self, pool: Address, hint: Hint) -> Result<Pool, Refusal> {
        let known = self.pools.resolve(self.tx, pool, hint)?;
        for decimals in known.decimals {
            bounds::decimals(decimals)
                .map_err(|detail| Refusal { reason: RejectReason::Malformed, detail })?;
        }
        Ok(known)
    }

    /// The pool that the instruction names.
    pub(crate) fn named_pool(&self) -> Result<Address, Refusal> {
        self.decoded.named.pool.ok_or_else(|| {
            self.unknown_pool(
                "the event names no pool, and the instruction that wrote it is not known to name one",
            )
        })
    }

    /// A refusal because a pool or a token is not known.
    pub(crate) fn unknown_pool(&self, detail: &str) -> Refusal {
        Refusal {
            reason: RejectReason::UnknownPool,
            detail: format!("{}: {detail}", self.decoded.payload.name()),
        }
    }

    /// The instruction that caused the event.
    pub(crate) fn cause(&self) -> Option<&'a Instruction> {
        match self.decoded.cause? {
            (outer, None) => self.tx.instructions.get(usize::from(outer)),
            (outer, Some(inner)) => {
                let groups = self.tx.inner.as_deref().unwrap_or_default();
                groups.iter().find(|group| group.outer == outer)?.instructions.get(usize::from(inner))
            }
        }
    }

    /// Liquidity that went in or out, in the program's order. `before` are the reserves before.
    pub(crate) fn liquidity(
        &mut self,
        pool: Address,
        known: &Pool,
        added: bool,
        amounts: [u64; 2],
        before: [u64; 2],
    ) -> ChainEvent {
        let Orientation { quote, is_known } = self.pools.orientation(self.decoded.program, &known.mints);
        let base = 1 - quote;
        let after = |side: usize| {
            if added {
                before[side].saturating_add(amounts[side])
            } else {
                before[side].saturating_sub(amounts[side])
            }
        };
        ChainEvent::LiquidityChanged(LiquidityChanged {
            origin: self.origin,
            program: self.decoded.program,
            pool,
            mint: known.mints[base],
            quote_mint: known.mints[quote],
            quote_known: is_known,
            provider: self.decoded.named.user,
            added,
            base_amount: amounts[base],
            quote_amount: amounts[quote],
            base_reserve: after(base),
            quote_reserve: after(quote),
        })
    }
}
