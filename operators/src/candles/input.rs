//! What candles take in.

use model::{Address, EventId, Migrated, Seconds};
use serde::{Deserialize, Serialize};

use crate::bar::{NOBODY, Role, Tick, TraderKey};
use crate::usd::ValuedTrade;

/// What arrives for a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input {
    /// A trade.
    Trade(Trade),
    /// The token leaves its curve for a pool.
    Migration {
        /// The token.
        mint: Address,
        /// When.
        id: EventId,
        /// To which pool.
        to: Address,
    },
}

/// A trade as candles take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trade {
    /// The token.
    pub mint: Address,
    /// The pool.
    pub pool: Address,
    /// True if the pool is a bonding curve.
    pub is_curve: bool,
    /// What the pool is quoted in.
    pub quote_mint: Address,
    /// The trade; its pool's index and its role are for the token to say.
    pub tick: Tick,
}

impl Input {
    /// A trade.
    #[must_use]
    pub fn trade(valued: &ValuedTrade) -> Self {
        let trade = valued.trade();
        let price = valued.clean_price();
        // Beyond 18 trillion USD it is no value.
        let value_micros = valued.value_micros().and_then(|value| u64::try_from(value).ok());
        Self::Trade(Trade {
            mint: trade.mint,
            pool: trade.pool,
            is_curve: trade.program.is_curve(),
            quote_mint: trade.quote_mint,
            tick: Tick {
                time: trade.origin.block_time,
                id: trade.origin.id,
                pool: 0,
                role: Role::Pool,
                side: trade.side,
                decimals: (trade.base_decimals, trade.quote_decimals),
                price,
                market_cap: price.and_then(|_| trade.market_cap()),
                base: trade.base_amount,
                quote: trade.quote_amount,
                quote_reserve: trade.quote_reserve.into(),
                value_micros: value_micros.into(),
                trader: trade.trader.as_ref().and_then(trader_key).unwrap_or(NOBODY),
            },
        })
    }

    /// Block time of a trade.
    #[must_use]
    pub fn time(&self) -> Option<Seconds> {
        match self {
            Self::Trade(trade) => Some(trade.tick.time),
            Self::Migration { .. } => None,
        }
    }

    /// A migration; none if the event does not say to which pool.
    #[must_use]
    pub fn migration(event: &Migrated) -> Option<Self> {
        Some(Self::Migration { mint: event.mint, id: event.origin.id, to: event.to? })
    }
}

fn trader_key(trader: &Address) -> Option<TraderKey> {
    trader.0.first_chunk().copied()
}
