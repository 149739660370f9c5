//! Input elements: trades in the short form that is kept of them, and entries of lists.

use model::time::start_of;
use model::{Address, EventId, ListEntry, Seconds, Side, Time};
use serde::{Deserialize, Serialize};

use crate::usd::ValuedTrade;
use crate::wallets::input::Currency;

/// One input element of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// One of its trades.
    Trade(Address, Traded),
    /// The wallet stands on a list.
    Entry(ListEntry),
}

/// The short form of a trade that is kept. Trades order as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Traded {
    /// Canonical order.
    pub id: EventId,
    /// Block time.
    pub time: Seconds,
    /// The token.
    pub mint: Address,
    /// Side of the wallet.
    pub side: Side,
    /// The currency that `quote` is an amount of.
    pub currency: Currency,
    /// Base that the wallet's balance gained or gave, raw units.
    pub base: u64,
    /// Quote that the wallet paid or received after every fee, raw units; where not known, what moved the
    /// reserves.
    pub quote: u64,
    /// Its value in millionths of a USD; [`UNKNOWN`] without one, which takes half the room of an option.
    value: u64,
}

/// The value of a trade that has none.
const UNKNOWN: u64 = u64::MAX;

impl Traded {
    /// The short form of a trade.
    #[must_use]
    pub fn of(valued: &ValuedTrade) -> Self {
        let trade = valued.trade();
        let value = valued.value_micros().map(|micros| u64::try_from(micros).unwrap_or(UNKNOWN));
        Self {
            id: trade.origin.id,
            time: trade.origin.block_time,
            mint: trade.mint,
            side: trade.side,
            currency: Currency::of(&trade.quote_mint),
            base: trade.base_user,
            quote: trade.quote_user.unwrap_or(trade.quote_amount),
            value: value.unwrap_or(UNKNOWN),
        }
    }

    /// Its value in millionths of a USD; none if not known.
    #[must_use]
    pub fn value_micros(&self) -> Option<u64> {
        (self.value != UNKNOWN).then_some(self.value)
    }

    /// When it happened, as logical time.
    #[must_use]
    pub const fn at(&self) -> Time {
        start_of(self.time)
    }
}
