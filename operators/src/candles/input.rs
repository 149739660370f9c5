//! What candles take in.

use model::{Address, Seconds};
use serde::{Deserialize, Serialize};

use crate::bar::{NOBODY, Tick, TraderKey};
use crate::series::SeriesTrade;

/// A trade as candles take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Input {
    /// The token.
    pub mint: Address,
    /// The pool.
    pub pool: Address,
    /// The trade; its pool's index is for the token to say.
    pub tick: Tick,
}

impl Input {
    /// A trade.
    #[must_use]
    pub fn trade(SeriesTrade { valued, role }: &SeriesTrade) -> Self {
        let trade = valued.trade();
        let price = valued.clean_price();
        // Beyond 18 trillion USD it is no value.
        let value_micros = valued.value_micros().and_then(|value| u64::try_from(value).ok());
        Self {
            mint: trade.mint,
            pool: trade.pool,
            tick: Tick {
                time: trade.origin.block_time,
                id: trade.origin.id,
                pool: 0,
                role: *role,
                side: trade.side,
                decimals: (trade.base_decimals, trade.quote_decimals),
                price,
                market_cap: price.and_then(|_| trade.market_cap()),
                base: trade.base_amount,
                quote: trade.quote_amount,
                value_micros: value_micros.into(),
                trader: trade.trader.as_ref().and_then(trader_key).unwrap_or(NOBODY),
            },
        }
    }

    /// Block time of the trade.
    #[must_use]
    pub const fn time(&self) -> Seconds {
        self.tick.time
    }
}

fn trader_key(trader: &Address) -> Option<TraderKey> {
    trader.0.first_chunk().copied()
}
