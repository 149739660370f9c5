//! What trades add up to and can be taken out of again, exactly.
//!
//! Counts have 32 bits and wrap, as all arithmetic here does: a running total may pass any bound, and
//! what is shown is the difference of two totals, which is right as long as itself fits. No window holds
//! four thousand million trades of one token.

use std::ops::{AddAssign, Sub, SubAssign};

use model::Side;
use serde::{Deserialize, Serialize};

/// Sums and counts of trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sums {
    /// Quote paid by buyers, raw units.
    pub buy_quote: u128,
    /// Quote received by sellers, raw units.
    pub sell_quote: u128,
    /// The same in millionths of a USD, of the trades that have a value.
    pub buy_usd: u128,
    /// The same of sells.
    pub sell_usd: u128,
    /// Number of buys.
    pub buys: u32,
    /// Number of sells.
    pub sells: u32,
    /// Trades without a value in USD.
    pub usd_missing: u32,
    /// Distinct traders.
    pub traders: u32,
    /// Distinct traders who bought.
    pub buyers: u32,
    /// Distinct traders who sold.
    pub sellers: u32,
}

impl Sums {
    /// Of one trade, without its trader.
    #[must_use]
    pub(super) fn of(side: Side, quote: u64, usd: Option<u64>) -> Self {
        let (quote, value) = (u128::from(quote), u128::from(usd.unwrap_or(0)));
        let usd_missing = u32::from(usd.is_none());
        match side {
            Side::Buy => Self { buys: 1, buy_quote: quote, buy_usd: value, usd_missing, ..Self::default() },
            Side::Sell => {
                Self { sells: 1, sell_quote: quote, sell_usd: value, usd_missing, ..Self::default() }
            }
        }
    }

    /// Number of trades.
    #[must_use]
    pub const fn trades(&self) -> u32 {
        self.buys.wrapping_add(self.sells)
    }

    /// Quote traded, raw units.
    #[must_use]
    pub const fn quote(&self) -> u128 {
        self.buy_quote.wrapping_add(self.sell_quote)
    }

    /// Trades that have a value in USD.
    #[must_use]
    pub const fn valued(&self) -> u32 {
        self.trades().wrapping_sub(self.usd_missing)
    }

    /// Their value, in millionths of a USD; none if there are trades and none of them has one.
    #[must_use]
    pub const fn usd(&self) -> Option<u128> {
        if self.trades() > 0 && self.valued() == 0 {
            return None;
        }
        Some(self.buy_usd.wrapping_add(self.sell_usd))
    }

    /// Adds `other`, or takes it out.
    pub(super) fn change(&mut self, other: Self, is_gain: bool) {
        if is_gain { *self += other } else { *self -= other }
    }

    fn combine(&mut self, other: Self, wide: fn(u128, u128) -> u128, narrow: fn(u32, u32) -> u32) {
        self.buy_quote = wide(self.buy_quote, other.buy_quote);
        self.sell_quote = wide(self.sell_quote, other.sell_quote);
        self.buy_usd = wide(self.buy_usd, other.buy_usd);
        self.sell_usd = wide(self.sell_usd, other.sell_usd);
        self.buys = narrow(self.buys, other.buys);
        self.sells = narrow(self.sells, other.sells);
        self.usd_missing = narrow(self.usd_missing, other.usd_missing);
        self.traders = narrow(self.traders, other.traders);
        self.buyers = narrow(self.buyers, other.buyers);
        self.sellers = narrow(self.sellers, other.sellers);
    }
}

impl AddAssign for Sums {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.combine(other, u128::wrapping_add, u32::wrapping_add);
    }
}

impl SubAssign for Sums {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        self.combine(other, u128::wrapping_sub, u32::wrapping_sub);
    }
}

impl Sub for Sums {
    type Output = Self;
    #[inline]
    fn sub(mut self, other: Self) -> Self {
        self -= other;
        self
    }
}
