//! Prices.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::exact;

/// A price in quote coins per base coin: finite, positive, totally ordered.
///
/// A price is one quotient of integers, rounded once ([`crate::exact`]), and never accumulated, so it does not depend on the
/// order in which trades are added, and compares with a level as the exact ratio does. One that may be missing takes no
/// more room than one that is there.
///
/// The bits of positive floats order as the floats do, and none of them is zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Price(NonZeroU64);

impl Price {
    /// The price `value`, unless it is zero, negative, infinite or not a number.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        let is_price = value.is_finite() && value > 0.0;
        NonZeroU64::new(value.to_bits()).filter(|_| is_price).map(Self)
    }

    /// `(quote / 10^quote_decimals) / (base / 10^base_decimals)`, rounded once; none if either amount is zero.
    ///
    /// Source: DEFINITIONS §2, `p_exec` and the constant-product `p_spot`.
    #[must_use]
    pub fn ratio(quote: u128, quote_decimals: u8, base: u128, base_decimals: u8) -> Option<Self> {
        Self::quotient(&[quote], &[base], i32::from(base_decimals) - i32::from(quote_decimals))
    }

    /// `Π above / Π below · 10^ten`, rounded once; none if a factor is zero.
    #[must_use]
    pub fn quotient(above: &[u128], below: &[u128], ten: i32) -> Option<Self> {
        exact::quotient(above, below, ten).and_then(Self::new)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0.get())
    }
}

impl From<Price> for f64 {
    fn from(price: Price) -> Self {
        price.get()
    }
}

impl TryFrom<f64> for Price {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        Self::new(value).ok_or_else(|| format!("{value} is not a price"))
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_of_the_default_curve() {
        // 30 SOL against 1,073,000,000 tokens: market cap 27.96 SOL for a supply of 10^9.
        let price = Price::ratio(30_000_000_000, 9, 1_073_000_000_000_000, 6).unwrap();
        assert!((price.get() * 1e9 - 27.959).abs() < 1e-3);
    }

    #[test]
    fn a_price_that_can_be_written_in_full_is_what_is_written() {
        assert_eq!(Price::ratio(29_000_000, 9, 1_000_000_000, 6), Price::new(0.000_029));
        assert_eq!(Price::ratio(45_000_000, 9, 1_000_000_000, 6), Price::new(0.000_045));
    }

    #[test]
    fn prices_order_as_numbers_and_take_eight_bytes() {
        let prices = [f64::MIN_POSITIVE / 4.0, 1e-12, 0.1, 1.0, 1.0 + f64::EPSILON, 1e300].map(Price::new);
        assert!(prices.is_sorted() && prices.iter().all(Option::is_some));
        assert_eq!(size_of::<Option<Price>>(), 8);
    }

    #[test]
    fn nothing_is_not_a_price() {
        assert_eq!(Price::ratio(0, 9, 5, 6), None);
        assert_eq!(Price::ratio(5, 9, 0, 6), None);
        assert_eq!(Price::new(f64::NAN), None);
        assert_eq!(Price::new(-1.0), None);
    }
}
