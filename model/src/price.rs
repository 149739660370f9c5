//! Prices.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A price in quote coins per base coin: finite, positive, totally ordered.
///
/// It is computed in one division from integers and never accumulated, so it does not depend on the
/// order in which trades are added.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Price(f64);

impl Price {
    /// The price `value`, unless it is zero, negative, infinite or not a number.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        (value.is_finite() && value > 0.0).then_some(Self(value))
    }

    /// `(quote / 10^quote_decimals) / (base / 10^base_decimals)`; none if either amount is zero.
    ///
    /// Source: DEFINITIONS §2, `p_exec` and the constant-product `p_spot`.
    #[must_use]
    pub fn ratio(quote: u128, quote_decimals: u8, base: u128, base_decimals: u8) -> Option<Self> {
        if base == 0 {
            return None;
        }
        Self::new(float(quote) / float(base) * ten_to(i32::from(base_decimals) - i32::from(quote_decimals)))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// The nearest float; exact up to 2^53, which no formula here needs to exceed.
#[expect(clippy::cast_precision_loss, reason = "prices are floats by definition")]
fn float(value: u128) -> f64 {
    value as f64
}

/// `10^exponent`. Powers up to 22 are exact, and decimals never differ by more.
fn ten_to(exponent: i32) -> f64 {
    if exponent < 0 { 1.0 / 10f64.powi(-exponent) } else { 10f64.powi(exponent) }
}

impl Eq for Price {}

impl Ord for Price {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Price {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Price {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
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
    fn nothing_is_not_a_price() {
        assert_eq!(Price::ratio(0, 9, 5, 6), None);
        assert_eq!(Price::ratio(5, 9, 0, 6), None);
        assert_eq!(Price::new(f64::NAN), None);
        assert_eq!(Price::new(-1.0), None);
    }
}
