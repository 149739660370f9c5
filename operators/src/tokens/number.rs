//! Numbers that are neither prices nor amounts.

use std::cmp::Ordering;

use model::Value;
use serde::{Deserialize, Serialize};

/// A finite number with a total order: a percentage, a score, what a leader is measured by.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Number(f64);

impl Number {
    /// The number; none if it is infinite or not one.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        // Zero has two signs, which would be two numbers in a total order.
        value.is_finite().then_some(Self(value + 0.0))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Whole coins of an amount in raw units, and USD of millionths with six decimals.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for people and for order; exact up to 2^53")]
    pub fn coins(raw: u128, decimals: u8) -> Option<Self> {
        Self::new(raw as f64 / 10f64.powi(decimals.into()))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Float(number.0)
    }
}

/// A column of a number that may be missing.
pub(crate) fn column(number: Option<Number>) -> Value {
    number.map_or(Value::Null, Value::from)
}
