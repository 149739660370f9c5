//! Numbers that may be missing, in eight bytes.

use std::cmp::Ordering;

use model::Price;
use serde::{Deserialize, Serialize};

/// A price that may be missing; zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct MaybePrice(f64);

impl MaybePrice {
    pub(super) fn get(self) -> Option<Price> {
        Price::new(self.0)
    }
}

/// It is finite and not negative, as a price is.
impl Eq for MaybePrice {}

impl Ord for MaybePrice {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for MaybePrice {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<Option<Price>> for MaybePrice {
    fn from(price: Option<Price>) -> Self {
        Self(price.map_or(0.0, Price::get))
    }
}

/// A value in millionths of a USD that may be missing; the greatest number is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct MaybeUsd(u64);

impl MaybeUsd {
    pub(super) fn get(self) -> Option<u64> {
        (self.0 != u64::MAX).then_some(self.0)
    }
}

impl Default for MaybeUsd {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl From<Option<u64>> for MaybeUsd {
    fn from(micros: Option<u64>) -> Self {
        Self(micros.unwrap_or(u64::MAX))
    }
}
