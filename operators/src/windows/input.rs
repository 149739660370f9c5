//! What windows take in.

use model::{Address, EventId, Migrated, Price, Seconds, Side};
use serde::{Deserialize, Serialize};

use crate::bar::TraderKey;
use crate::labels::Mark;
use crate::series::SeriesTrade;

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
    /// A trade that is left out of what is filtered.
    Mark {
        /// The token.
        mint: Address,
        /// The trade.
        event: EventId,
    },
}

/// A trade and where it was done.
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
    /// The trade.
    pub tick: Tick,
}

/// What windows need of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tick {
    /// Block time.
    pub time: Seconds,
    /// Canonical order.
    pub id: EventId,
    /// Price; none if it does not belong to the clean series of the token's primary pool.
    pub price: Option<Price>,
    /// Quote, raw units.
    pub quote: u64,
    /// Its value in millionths of a USD, at most 2^64 − 2; none if it is not known.
    pub usd: Option<u64>,
    /// Side of the trader.
    pub side: Side,
    /// The trader.
    pub trader: Option<TraderKey>,
}

impl Input {
    /// A trade; none if it is none of the token's.
    #[must_use]
    pub fn trade(of_series: &SeriesTrade) -> Option<Self> {
        let valued = &of_series.valued;
        let trade = valued.trade();
        of_series.is_of_token().then(|| {
            Self::Trade(Trade {
                mint: trade.mint,
                pool: trade.pool,
                is_curve: trade.program.is_curve(),
                quote_mint: trade.quote_mint,
                tick: Tick {
                    time: trade.origin.block_time,
                    id: trade.origin.id,
                    price: valued.clean_price().filter(|_| of_series.is_primary()),
                    quote: trade.quote_amount,
                    usd: valued
                        .value_micros()
                        .map(|micros| u64::try_from(micros).unwrap_or(u64::MAX).min(u64::MAX - 1)),
                    side: trade.side,
                    trader: trade.trader.as_ref().and_then(|trader| trader.0.first_chunk().copied()),
                },
            })
        })
    }

    /// A mark on a trade.
    #[must_use]
    pub const fn mark(mark: &Mark) -> Self {
        Self::Mark { mint: mark.mint, event: mark.event }
    }

    /// A migration; none if the event does not say to which pool.
    #[must_use]
    pub fn migration(event: &Migrated) -> Option<Self> {
        Some(Self::Migration { mint: event.mint, id: event.origin.id, to: event.to? })
    }
}
