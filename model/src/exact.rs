//! Quotients of integers, rounded once.
//!
//! A quotient of two products of integers and a power of ten is worked out exactly and then rounded to the nearest
//! float, of two equally near ones to the even one: the result is the float that every other exact method gives. Two
//! consequences carry the comparisons of prices with levels:
//!
//! * Rounding is monotone: of two exact ratios the greater never becomes the lesser float. So a price that has reached
//!   a level compares as having reached it, if both were rounded once; only a ratio closer to the level than any float
//!   but the level's own cannot be told from it.
//! * A decimal number that somebody writes (`0.000029`) is read as the float nearest to it, so a ratio that is exactly
//!   that number becomes that float.
//!
//! Nearly all quotients fit into 128 bits, and many into floats, where one division is exact by itself; the rest is
//! worked out in 2048. Results below the smallest normal float are not rounded once; no price is there.

/// Integers up to this are floats.
const EXACT: u128 = 1 << 53;

/// `Π above / Π below · 10^ten` as the nearest float; none if a factor is zero, or if it is out of all reach.
#[must_use]
pub fn quotient(above: &[u128], below: &[u128], ten: i32) -> Option<f64> {
    if above.contains(&0) || below.contains(&0) {
        return None;
    }
    let power = 10u128.checked_pow(ten.unsigned_abs());
    let product = |factors: &[u128], is_scaled: bool| {
        let first = if is_scaled { power? } else { 1 };
        factors.iter().try_fold(first, |product, factor| product.checked_mul(*factor))
    };
    match product(above, ten > 0).zip(product(below, ten < 0)) {
        Some((above, below)) => Some(narrow(above, below)),
        None => wide(above, below, ten),
    }
}

/// Quotient of two numbers that are not zero.
#[expect(clippy::cast_precision_loss, reason = "exact where it is done")]
fn narrow(above: u128, below: u128) -> f64 {
    if above <= EXACT && below <= EXACT {
        return above as f64 / below as f64;
    }
    // Both begin with a one, so the quotient is between a half and two.
    let (shift, other) = (above.leading_zeros(), below.leading_zeros());
    let (mut rest, below) = (above << shift, below << other);
    let mut bits = 0u128;
    let mut is_over = false;
    for _ in 0..=FRACTION {
        bits <<= 1;
        if is_over || rest >= below {
            rest = rest.wrapping_sub(below);
            bits |= 1;
        }
        is_over = rest >> 127 == 1;
        rest <<= 1;
    }
    rounded(bits, is_over || rest != 0, other.cast_signed() - shift.cast_signed())
}

/// Bits of a quotient after the first: more than a float has, so that one more says how to round.
const FRACTION: i32 = 66;

/// The float nearest to `bits`, and a little more if `is_more`, over `2^FRACTION`, times `2^two`.
#[expect(clippy::cast_precision_loss, reason = "this is where it is rounded")]
fn rounded(bits: u128, is_more: bool, two: i32) -> f64 {
    // The last bit stands for all that follow.
    let bits = (bits << 1) | u128::from(is_more);
    times_two_to(bits as f64, two - FRACTION - 1)
}

fn times_two_to(value: f64, two: i32) -> f64 {
    // In two steps: the power alone may be out of reach where the product is not.
    value * 2f64.powi(two / 2) * 2f64.powi(two - two / 2)
}

const LIMBS: usize = 32;
const LIMBS_U32: u32 = 32;

/// A number of 2048 bits, the least first.
#[derive(Clone, Copy)]
struct Wide([u64; LIMBS]);

impl Wide {
    /// A product; none if it is too large.
    fn product(factors: &[u128], five: u32) -> Option<Self> {
        let mut wide = Self([0; LIMBS]);
        wide.0[0] = 1;
        #[expect(clippy::cast_possible_truncation, reason = "its two halves")]
        for factor in factors {
            let low = wide.times(*factor as u64)?;
            let high = wide.times((*factor >> 64) as u64)?.shifted(64)?;
            wide = low.plus(&high)?;
        }
        (0..five).try_fold(wide, |wide, _| wide.times(5))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half, and the upper one is carried")]
    fn times(mut self, factor: u64) -> Option<Self> {
        let mut carry = 0u128;
        for limb in &mut self.0 {
            let product = u128::from(*limb) * u128::from(factor) + carry;
            (*limb, carry) = (product as u64, product >> 64);
        }
        (carry == 0).then_some(self)
    }

    fn plus(mut self, other: &Self) -> Option<Self> {
        let mut carry = false;
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            (*limb, carry) = limb.carrying_add(other, carry);
        }
        (!carry).then_some(self)
    }

    /// Less another that is not greater.
    fn minus(mut self, other: &Self) -> Self {
        let mut borrow = false;
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            (*limb, borrow) = limb.borrowing_sub(other, borrow);
        }
        self
    }

    fn bits(&self) -> u32 {
        let zeros: u32 = self.0.iter().rev().take_while(|limb| **limb == 0).map(|_| 64).sum();
        let first = self.0.iter().rev().find(|limb| **limb != 0);
        first.map_or(0, |limb| 64 * LIMBS_U32 - zeros - limb.leading_zeros())
    }

    /// Times a power of two; none if it is too large.
    fn shifted(self, by: u32) -> Option<Self> {
        if self.bits() + by > 64 * LIMBS_U32 {
            return None;
        }
        let (limbs, bits) = (usize::try_from(by / 64).ok()?, by % 64);
        let mut shifted = Self([0; LIMBS]);
        for (at, limb) in shifted.0.iter_mut().enumerate().skip(limbs) {
            let from = |at: Option<usize>| at.and_then(|at| self.0.get(at)).copied().unwrap_or(0);
            let below = from(at.checked_sub(limbs + 1)).checked_shr(64 - bits).unwrap_or(0);
            *limb = (from(at.checked_sub(limbs)) << bits) | below;
        }
        Some(shifted)
    }

    fn halved(mut self) -> Self {
        let mut above = 0;
        for limb in self.0.iter_mut().rev() {
            let last = *limb << 63;
            (*limb, above) = ((*limb >> 1) | above, last);
        }
        self
    }

    fn reaches(&self, other: &Self) -> bool {
        self.0.iter().rev().ge(other.0.iter().rev())
    }
}

/// Whatever the size. A power of ten is one of five and one of two, which only moves the point.
fn wide(above: &[u128], below: &[u128], ten: i32) -> Option<f64> {
    let five = |is_scaled: bool| if is_scaled { ten.unsigned_abs() } else { 0 };
    let above = Wide::product(above, five(ten > 0))?;
    let below = Wide::product(below, five(ten < 0))?;
    // Both with the same first bit, so that the quotient is between a half and two.
    let (shift, other) = (above.bits(), below.bits());
    let top = shift.max(other) + FRACTION.cast_unsigned();
    let mut rest = above.shifted(top - shift)?;
    let mut below = below.shifted(top - other)?;
    let mut bits = 0u128;
    for _ in 0..=FRACTION {
        bits <<= 1;
        if rest.reaches(&below) {
            rest = rest.minus(&below);
            bits |= 1;
        }
        below = below.halved();
    }
    let two = shift.cast_signed() - other.cast_signed() + ten;
    let value = rounded(bits, rest.bits() > 0, two);
    (value.is_finite() && value > 0.0).then_some(value)
}

/// A positive number as it is written: digits and a power of ten, the shortest that are read as it.
#[must_use]
pub fn decimal(value: f64) -> Option<(u128, i32)> {
    if !value.is_finite() || value <= 0.0 {
        return None;
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, exponent - i32::try_from(fraction.len()).ok()?))
}

/// `value · (1 + pct / 100)` of two numbers as they are written, rounded once; `pct` is more than −100.
///
/// Source: DEFINITIONS §2, levels.
#[must_use]
pub fn changed_by_pct(value: f64, pct: f64) -> f64 {
    let exact = || {
        let (digits, ten) = decimal(value)?;
        if pct == 0.0 {
            return Some(value);
        }
        let (change, of_change) = decimal(pct.abs())?;
        // A hundred percent and the change, in the smaller unit of both.
        let unit = of_change.min(0);
        let power = |ten: i32| 10u128.checked_pow(ten.unsigned_abs());
        let hundred = power(unit)?.checked_mul(100)?;
        let change = power(of_change - unit)?.checked_mul(change)?;
        let all = if pct > 0.0 { hundred.checked_add(change) } else { hundred.checked_sub(change) };
        quotient(&[digits, all?], &[1], ten + unit - 2)
    };
    // Out of reach are changes of less than any float, or by more than any.
    exact().unwrap_or(value * (1.0 + pct / 100.0))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "random bits, of which some are taken")]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    /// Products of integers by the method of school, and nothing else: digits to the base 2^32, the least first.
    #[derive(Clone)]
    struct Integer(Vec<u32>);

    impl Integer {
        fn one() -> Self {
            Self(vec![1])
        }

        fn times(&self, factor: u128) -> Self {
            let mut digits = vec![0u64; self.0.len() + 5];
            for (at, digit) in self.0.iter().enumerate() {
                let mut carry = 0u64;
                for place in 0..4 {
                    let part = u64::from((factor >> (32 * place)) as u32);
                    let sum = digits[at + place] + u64::from(*digit) * part + carry;
                    (digits[at + place], carry) = (sum & 0xffff_ffff, sum >> 32);
                }
                let mut at = at + 4;
                while carry > 0 {
                    let sum = digits[at] + carry;
                    (digits[at], carry) = (sum & 0xffff_ffff, sum >> 32);
                    at += 1;
                }
            }
            while digits.last() == Some(&0) {
                digits.pop();
            }
            Self(digits.into_iter().map(|digit| u32::try_from(digit).unwrap()).collect())
        }

        fn times_power(&self, of: u128, power: i32) -> Self {
            (0..power.max(0)).fold(self.clone(), |product, _| product.times(of))
        }

        fn cmp(&self, other: &Self) -> Ordering {
            self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
        }
    }

    /// True if a float is the nearest one: the ratio is not beyond the middle between it and either neighbour, and in
    /// the middle only if it is even. By multiplications alone.
    fn is_nearest(value: f64, above: &[u128], below: &[u128], ten: i32) -> bool {
        let (mantissa, exponent) =
            ((value.to_bits() & ((1 << 52) - 1)) | (1 << 52), (value.to_bits() >> 52) as i32 - 1075);
        // Two steps to the neighbour, so that one is the middle; below a power of two they are half as far.
        let is_power = mantissa == 1 << 52;
        let middles = [
            (4 * u128::from(mantissa) - if is_power { 1 } else { 2 }, Ordering::Greater),
            (4 * u128::from(mantissa) + 2, Ordering::Less),
        ];
        middles.into_iter().all(|(middle, side)| {
            // above · 10^ten against middle · 2^(exponent − 2) · below
            let ratio = above.iter().fold(Integer::one(), |product, factor| product.times(*factor));
            let ratio = ratio.times_power(10, ten).times_power(2, 2 - exponent);
            let other =
                below.iter().fold(Integer::one().times(middle), |product, factor| product.times(*factor));
            let other = other.times_power(10, -ten).times_power(2, exponent - 2);
            let found = ratio.cmp(&other);
            found == side || (found == Ordering::Equal && mantissa % 2 == 0)
        })
    }

    /// Numbers that look random and are the same in every run.
    fn random(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 32) ^ (*seed << 17)
    }

    /// A number of any length up to 128 bits.
    fn number(seed: &mut u64, bits: u32) -> u128 {
        let wide = (u128::from(random(seed)) << 64) | u128::from(random(seed));
        (wide >> (128 - 1 - random(seed) % u64::from(bits)) as u32).max(1)
    }

    #[test]
    fn quotients_are_the_nearest_floats() {
        let mut seed = 1;
        for round in 0..20_000 {
            let (bits, ten) = match round % 4 {
                0 => (64, -3),
                1 => (64, (random(&mut seed) % 37) as i32 - 18),
                2 => (128, (random(&mut seed) % 19) as i32 - 9),
                _ => (128, (random(&mut seed) % 441) as i32 - 220),
            };
            let above: Vec<u128> = (0..=random(&mut seed) % 2).map(|_| number(&mut seed, bits)).collect();
            let below = [number(&mut seed, bits)];
            let value = quotient(&above, &below, ten).unwrap();
            assert!(is_nearest(value, &above, &below, ten), "{value:e} of {above:?} / {below:?} e{ten}");
        }
    }

    #[test]
    fn in_the_middle_between_two_floats_it_is_the_even_one() {
        let mut seed = 2;
        for round in 0..2000 {
            let mantissa = (1 << 53) | (u128::from(random(&mut seed)) & ((1 << 53) - 1)) | 1;
            let below = number(&mut seed, 64);
            let above = mantissa * below;
            let (above, below) = if round % 2 == 0 {
                (vec![above], vec![below])
            } else {
                (vec![mantissa, below, 1 << 90], vec![below, 1 << 90])
            };
            let value = quotient(&above, &below, 0).unwrap();
            assert!(is_nearest(value, &above, &below, 0) && value.to_bits().is_multiple_of(2), "{value:e}");
        }
    }

    #[test]
    fn both_ways_give_the_same() {
        let mut seed = 3;
        for _ in 0..5000 {
            let (above, below) = (number(&mut seed, 128), number(&mut seed, 128));
            assert_eq!(Some(narrow(above, below)), wide(&[above], &[below], 0), "{above} / {below}");
        }
    }

    #[test]
    fn numbers_are_taken_as_they_are_written() {
        assert_eq!(decimal(0.000_029), Some((29, -6)));
        assert_eq!(decimal(50.0), Some((5, 1)));
        assert_eq!(decimal(1234.5), Some((12_345, -1)));
        assert_eq!(decimal(0.0), None);
        let mut seed = 4;
        for _ in 0..2000 {
            let value = f64::from_bits(random(&mut seed) >> 1);
            let Some((digits, ten)) = decimal(value).filter(|_| value >= f64::MIN_POSITIVE) else { continue };
            assert_eq!(quotient(&[digits], &[1], ten), Some(value));
        }
    }

    #[test]
    fn levels_are_what_they_are_on_paper() {
        assert_eq!(changed_by_pct(0.000_03, 50.0), 0.000_045);
        assert_eq!(changed_by_pct(0.000_3, 10.0), 0.000_33);
        assert_eq!(changed_by_pct(0.000_029, -50.0), 0.000_014_5);
        assert_eq!(changed_by_pct(1.1, 10.0), 1.21);
        assert_eq!(changed_by_pct(0.07, 0.7), 0.070_49);
        assert_eq!(changed_by_pct(5.0, 1e-300), 5.0);
        let off = (1..1000).filter(|pct| {
            0.000_3 * (1.0 + f64::from(*pct) / 100.0) != changed_by_pct(0.000_3, f64::from(*pct))
        });
        assert!(off.count() > 100, "floats are off by themselves");
    }
}
