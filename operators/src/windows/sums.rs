//! What trades add up to and can be taken out of again, exactly.

use std::ops::{AddAssign, Sub, SubAssign};

use model::Side;
use serde::{Deserialize, Serialize};

use super::Tick;
use crate::bar::Distinct;

/// Sums and counts of trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sums {
    /// Quote paid by buyers, raw units.
    pub buy_quote: u128,
    /// Quote received by sellers, raw units.
    pub sell_quote: u128,
    /// Number of buys.
    pub buys: u64,
    /// Number of sells.
    pub sells: u64,
    /// Numbers of distinct traders.
    pub distinct: Distinct,
}

impl Sums {
    /// Of one trade, without its trader.
    #[must_use]
    pub(super) fn of(tick: &Tick) -> Self {
        let quote = u128::from(tick.quote);
        match tick.side {
            Side::Buy => Self { buys: 1, buy_quote: quote, ..Self::default() },
            Side::Sell => Self { sells: 1, sell_quote: quote, ..Self::default() },
        }
    }

    /// Number of trades.
    #[must_use]
    pub const fn trades(&self) -> u64 {
        self.buys + self.sells
    }

    /// Quote traded, raw units.
    #[must_use]
    pub const fn quote(&self) -> u128 {
        self.buy_quote + self.sell_quote
    }

    /// Adds `other`, or takes it out.
    pub(super) fn change(&mut self, other: Self, is_gain: bool) {
        if is_gain { *self += other } else { *self -= other }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.buy_quote += other.buy_quote;
        self.sell_quote += other.sell_quote;
        self.buys += other.buys;
        self.sells += other.sells;
        self.distinct.traders += other.distinct.traders;
        self.distinct.buyers += other.distinct.buyers;
        self.distinct.sellers += other.distinct.sellers;
    }
}

impl SubAssign for Sums {
    fn sub_assign(&mut self, other: Self) {
        self.buy_quote -= other.buy_quote;
        self.sell_quote -= other.sell_quote;
        self.buys -= other.buys;
        self.sells -= other.sells;
        self.distinct.traders -= other.distinct.traders;
        self.distinct.buyers -= other.distinct.buyers;
        self.distinct.sellers -= other.distinct.sellers;
    }
}

impl Sub for Sums {
    type Output = Self;
    fn sub(mut self, other: Self) -> Self {
        self -= other;
        self
    }
}
