//! Chance, the same on every platform.
//!
//! `ChaCha8` gives the same bytes everywhere; the rest of the way must not lose that. The system's `ln`
//! and `exp` may differ in the last bit between platforms, and a bit is enough to make two markets part.
//! So the two functions here use only `+ - * /`, whose results IEEE 754 fixes, and whole numbers come
//! from a multiplication and a shift instead of a library's sampling method, which may change with its
//! version.
//!
//! Not for statistics: the normal distribution is a sum of twelve uniforms, whose tails end at six
//! standard deviations.

use std::f64::consts::LN_2;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream of chance.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `seed`. `stream` separates uses, so that a change of one leaves the others alone.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// A whole number below `end`, which must not be zero.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The high half of the product; its bias is of the order of `end` / 2^64.
        u64::try_from((u128::from(self.0.next_u64()) * u128::from(end)) >> 64).unwrap_or(0)
    }

    /// An index of a slice of `len` items, which must not be empty.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap_or(u64::MAX))).unwrap_or(0)
    }

    /// A whole number from `first` to `last`, both possible.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last.saturating_sub(first) + 1)
    }

    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        if items.is_empty() { None } else { items.get(self.index(items.len())).copied() }
    }

    /// Uniform in (0, 1), never exactly 0 or 1.
    pub(crate) fn unit(&mut self) -> f64 {
        // 52 bits and a half step are exact in a double.
        let bits = self.0.next_u64() >> 12;
        (float(bits) + 0.5) / 4_503_599_627_370_496.0
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Waiting time of something that happens on average every `mean`.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * ln(self.unit())
    }

    /// How often something happens that does so `mean` times on average.
    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 30.0 {
            // Close to normal, and the product below would take a number a count.
            return whole(mean + sqrt(mean) * self.normal() + 0.5);
        }
        let (limit, mut product, mut count) = (exp(-mean), self.unit(), 0);
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Log-normal with the given median; `sigma` is the deviation of the logarithm.
    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }

    /// Pareto: at least `least`, and above `x` with probability `(least / x)^alpha`.
    pub(crate) fn pareto(&mut self, least: f64, alpha: f64) -> f64 {
        least * exp(-ln(self.unit()) / alpha)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the dice deal in rough magnitudes; the loss is the same everywhere"
)]
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}

/// The whole part; 0 for negative numbers and for what is not a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates and takes what is not a number to 0, which is what is wanted"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value as u64
}

/// IEEE 754 fixes the result of a square root, unlike that of `ln` and `exp`.
fn sqrt(value: f64) -> f64 {
    value.sqrt()
}

/// Natural logarithm of a positive, normal number.
fn ln(value: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = value.to_bits();
    let exponent = float(bits >> 52) - 1023.0;
    let mantissa = f64::from_bits((bits & MANTISSA) | (1023 << 52));
    // ln m = 2 artanh((m - 1) / (m + 1)); the quotient is at most 1/3, so 16 terms are more than enough.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let (mut power, mut sum, mut odd) = (s, 0.0, 1.0);
    for _ in 0..16 {
        sum += power / odd;
        power *= s * s;
        odd += 2.0;
    }
    exponent * LN_2 + 2.0 * sum
}

/// e to the `value`, for values from about −700 to 700.
fn exp(value: f64) -> f64 {
    let value = value.clamp(-700.0, 700.0);
    let twos = (value / LN_2).round();
    let rest = value - twos * LN_2;
    let (mut term, mut sum, mut n) = (1.0, 1.0, 1.0);
    for _ in 0..16 {
        term *= rest / n;
        sum += term;
        n += 1.0;
    }
    sum * f64::from_bits(whole(twos + 1023.0) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_functions_agree_with_the_system_s() {
        for i in 1..2000 {
            let x = f64::from(i) * 0.037;
            assert!((ln(x) - x.ln()).abs() < 1e-13 * (1.0 + x.ln().abs()), "ln {x}");
            let y = x - 37.0;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-13, "exp {y}");
        }
    }

    #[test]
    fn means_are_what_was_asked_for() {
        let mut dice = Dice::new(1, 0);
        let n = 100_000;
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || dice.exponential(3.0)) - 3.0).abs() < 0.05);
        assert!((mean(&mut || float(dice.poisson(0.3))) - 0.3).abs() < 0.01);
        assert!((mean(&mut || float(dice.poisson(50.0))) - 50.0).abs() < 0.2);
        assert!((mean(&mut || float(dice.below(10))) - 4.5).abs() < 0.05);
        let above = mean(&mut || f64::from(u8::from(dice.pareto(1.0, 1.0) > 100.0)));
        assert!((above - 0.01).abs() < 0.002, "{above}");
    }

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        // Written down once: another value here means that recorded runs can no longer be repeated.
        let mut dice = Dice::new(42, 7);
        let drawn: Vec<u64> = (0..4).map(|_| dice.below(1_000_000)).collect();
        assert_eq!(drawn, [128_506, 326_330, 615_444, 493_831]);
    }
}
