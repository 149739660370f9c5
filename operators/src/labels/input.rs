//! Input elements of the rules.

use model::{Address, EventId, Seconds, Side, TokenCreated};
use serde::{Deserialize, Serialize};

use super::insider::Moved;

/// One input element of a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input {
    /// A trade.
    Trade(Trade),
    /// The token was created.
    Created(Creation),
    /// A transaction moved balances that trades alone may not explain.
    Moved(Moved),
}

/// A trade and where it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trade {
    /// The token.
    pub mint: Address,
    /// Canonical order.
    pub id: EventId,
    /// Block time.
    pub time: Seconds,
    /// Where.
    pub pool: Pool,
    /// The wallet.
    pub trader: Option<Address>,
    /// Its side.
    pub side: Side,
    /// The amounts that changed hands.
    pub amounts: Amounts,
}

/// Where a trade was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pool {
    /// The pool.
    pub address: Address,
    /// The token that the trade is quoted in.
    pub quote_mint: Address,
    /// True if it is a bonding curve.
    pub is_curve: bool,
}

/// Amounts that changed hands, raw units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Amounts {
    /// Base that the wallet's balance gained or gave: what a transfer fee kept is not in it.
    pub base: u64,
    /// Quote that moved the reserves.
    pub quote: u64,
    /// Quote that the wallet paid or received after every fee; where not known, what moved the reserves.
    pub paid: u64,
}

/// The creation of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Creation {
    /// The token.
    pub mint: Address,
    /// Canonical order.
    pub id: EventId,
    /// Block time.
    pub time: Seconds,
    /// Who signed.
    pub user: Address,
    /// Whose token it is, where the event says.
    pub creator: Option<Address>,
}

impl Trade {
    /// The part of a trade that the rules need.
    #[must_use]
    pub fn of(trade: &model::Trade) -> Self {
        Self {
            mint: trade.mint,
            id: trade.origin.id,
            time: trade.origin.block_time,
            pool: Pool {
                address: trade.pool,
                quote_mint: trade.quote_mint,
                is_curve: trade.program.is_curve(),
            },
            trader: trade.trader,
            side: trade.side,
            amounts: Amounts {
                base: trade.base_user,
                quote: trade.quote_amount,
                paid: trade.quote_user.unwrap_or(trade.quote_amount),
            },
        }
    }
}

impl Creation {
    /// The part of a creation that the rules need.
    #[must_use]
    pub fn of(event: &TokenCreated) -> Self {
        let origin = &event.origin;
        let (id, time) = (origin.id, origin.block_time);
        Self { mint: event.mint, id, time, user: event.user, creator: event.creator }
    }

    /// True if the token is `wallet`'s own.
    #[must_use]
    pub fn is_by(&self, wallet: &Address) -> bool {
        self.user == *wallet || self.creator == Some(*wallet)
    }
}
