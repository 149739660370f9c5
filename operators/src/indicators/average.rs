//! Averages that go on from their last value: exponential, and Wilder's.
//!
//! Both start with the mean of their first bars and say nothing before.

use serde::{Deserialize, Serialize};

/// The mean of the first `period` values, and what has been made of it since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seeded {
    period: u32,
    count: u32,
    /// The sum of the values until there are enough.
    value: f64,
}

impl Seeded {
    const fn new(period: u32) -> Self {
        Self { period, count: 0, value: 0.0 }
    }

    fn push(&mut self, value: f64, next: impl FnOnce(f64) -> f64) {
        if self.count >= self.period {
            self.value = next(self.value);
            return;
        }
        self.value += value;
        self.count += 1;
        if self.count == self.period {
            self.value /= f64::from(self.period);
        }
    }

    fn value(&self) -> Option<f64> {
        (self.count >= self.period).then_some(self.value)
    }
}

/// Exponential moving average: seed = mean of the first n, then `α x + (1 − α) previous`, α = 2/(n+1).
///
/// Source: DEFINITIONS §7, EMA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ema(Seeded);

impl Ema {
    /// Over `period` values.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self(Seeded::new(period))
    }

    /// Takes in the next value.
    pub fn push(&mut self, value: f64) {
        let alpha = 2.0 / (f64::from(self.0.period) + 1.0);
        self.0.push(value, |previous| alpha * value + (1.0 - alpha) * previous);
    }

    /// The average; none before there are `period` values.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.0.value()
    }
}

/// Wilder's average: seed = mean of the first n, then `((n − 1) previous + x) / n`.
///
/// Source: DEFINITIONS §7, RSI and ATR.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wilder(Seeded);

impl Wilder {
    /// Over `period` values.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self(Seeded::new(period))
    }

    /// Takes in the next value.
    pub fn push(&mut self, value: f64) {
        let period = f64::from(self.0.period);
        self.0.push(value, |previous| ((period - 1.0) * previous + value) / period);
    }

    /// The average; none before there are `period` values.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.0.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_starts_with_the_mean_of_its_first_values() {
        let mut ema = Ema::new(3);
        let mut wilder = Wilder::new(3);
        let mut said = Vec::new();
        for value in [1.0, 2.0, 6.0, 7.0] {
            ema.push(value);
            wilder.push(value);
            said.push((ema.value(), wilder.value()));
        }
        // (1 + 2 + 6) / 3 = 3; then 7/2 + 3/2 = 5, and (2·3 + 7) / 3.
        assert_eq!(said, [(None, None), (None, None), (Some(3.0), Some(3.0)), (Some(5.0), Some(13.0 / 3.0))]);
    }
}
