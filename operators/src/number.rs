//! Finite numbers with a total order.
//!
//! They are what is derived for people and for ranks, in floats: shares, scores, USD. State and records
//! hold many that may be missing, so that must cost nothing. A number is no money: sums stay in whole units.

use std::cmp::Ordering;
use std::num::NonZeroU64;

use model::RowWriter;
use model::record::{Cell, kinds};
use serde::{Deserialize, Serialize};

/// A finite number with a total order, as small when it is missing as when it is there.
///
/// The field holds the complement of the number's bits, which is zero for no finite number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Number(NonZeroU64);

impl Number {
    /// The number; none if it is infinite or not one. Minus zero is zero.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        // Zero has two signs, which would be two numbers in a total order.
        let value = if value == 0.0 { 0.0 } else { value };
        value.is_finite().then(|| NonZeroU64::new(!value.to_bits()).map(Self)).flatten()
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        f64::from_bits(!self.0.get())
    }

    /// Whole coins of an amount in raw units, and USD of millionths with six decimals.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people and for order; exact up to 2^53")]
    pub fn coins(raw: u128, decimals: u8) -> Option<Self> {
        Self::new(raw as f64 / 10f64.powi(decimals.into()))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().total_cmp(&other.get())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

impl Cell<kinds::Float> for Number {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.float(self.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_went_in_and_sort_as_they_should() {
        let values = [f64::MIN, -1.5, -f64::MIN_POSITIVE, 0.0, 1e-300, 1.0, f64::MAX];
        let numbers: Vec<Number> = values.iter().filter_map(|value| Number::new(*value)).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        assert_eq!(numbers.iter().map(|number| number.get()).collect::<Vec<_>>(), values);
        assert_eq!(Number::new(-0.0), Number::new(0.0));
        assert_eq!((Number::new(f64::NAN), Number::new(f64::INFINITY)), (None, None));
        assert_eq!(size_of::<Option<Number>>(), 8);
    }
}
