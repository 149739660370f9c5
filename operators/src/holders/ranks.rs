//! The balances of the holders of one token, in order, with the sums that concentration is made of.
//!
//! A sorted list in chunks, each with its sum, so that a balance that comes or goes costs one pass over
//! the chunks and one chunk, and what is asked of all of them (Gini's weighted sum, the ten largest, how
//! few hold half) is there or a few chunks away. Recomputing it from all balances would cost a token
//! with 10,000 holders a sort for every trade.
//!
//! Owners are not in it: equal balances are equal.

use serde::{Deserialize, Serialize};

/// Balances in a chunk before it is cut in two.
const CHUNK: usize = 128;

/// Source: DEFINITIONS §6.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ranks {
    /// None is empty; ascending.
    chunks: Vec<Chunk>,
    count: u64,
    sum: u128,
    /// Σ i·x over the balances x in ascending order, i from 1.
    weighted: u128,
    /// Σ x², exact while the sum stays below 2^64, as that of a token's balances does.
    squares: u128,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Chunk {
    sum: u128,
    values: Vec<u64>,
}

/// Where a balance stands or would stand.
struct Spot {
    chunk: usize,
    at: usize,
    /// How many are before it, and their sum.
    before: (u128, u128),
}

impl Ranks {
    /// Number of balances.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub(super) const fn sum(&self) -> u128 {
        self.sum
    }

    /// Σ i·x in ascending order.
    pub(super) const fn weighted(&self) -> u128 {
        self.weighted
    }

    /// Σ x².
    pub(super) const fn squares(&self) -> u128 {
        self.squares
    }

    pub(super) fn insert(&mut self, value: u64) {
        let spot = self.spot(value);
        let (count, sum) = spot.before;
        // Owners above move up by one place.
        self.weighted += (count + 1) * u128::from(value) + (self.sum - sum);
        self.count += 1;
        self.sum += u128::from(value);
        self.squares = self.squares.wrapping_add(square(value));
        if self.chunks.is_empty() {
            self.chunks.push(Chunk::default());
        }
        // Above all others it joins the last chunk.
        let index = spot.chunk.min(self.chunks.len() - 1);
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        let at = if index < spot.chunk { chunk.values.len() } else { spot.at };
        chunk.sum += u128::from(value);
        chunk.values.insert(at, value);
        if chunk.values.len() > CHUNK {
            let upper = Chunk::of(chunk.values.split_off(CHUNK / 2));
            chunk.sum -= upper.sum;
            self.chunks.insert(index + 1, upper);
        }
    }

    /// Takes one of the balances that equal `value` out; nothing if there is none.
    pub(super) fn remove(&mut self, value: u64) {
        let Spot { chunk: index, at, before: (count, sum) } = self.spot(value);
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        if chunk.values.get(at) != Some(&value) {
            return;
        }
        chunk.values.remove(at);
        chunk.sum -= u128::from(value);
        self.count -= 1;
        self.sum -= u128::from(value);
        self.weighted -= (count + 1) * u128::from(value) + (self.sum - sum);
        self.squares = self.squares.wrapping_sub(square(value));
        self.merge(index);
    }

    /// The sum of the `count` largest.
    pub(super) fn largest(&self, count: usize) -> u128 {
        self.chunks.iter().rev().flat_map(|c| c.values.iter().rev()).take(count).map(|x| u128::from(*x)).sum()
    }

    /// The least number of balances that hold more than half of the sum; none of nothing.
    pub(super) fn majority(&self) -> Option<u64> {
        let (mut count, mut sum) = (0, 0);
        for chunk in self.chunks.iter().rev() {
            if (sum + chunk.sum) * 2 <= self.sum {
                count += chunk.values.len() as u64;
                sum += chunk.sum;
                continue;
            }
            for value in chunk.values.iter().rev() {
                count += 1;
                sum += u128::from(*value);
                if sum * 2 > self.sum {
                    return Some(count);
                }
            }
        }
        None
    }

    fn spot(&self, value: u64) -> Spot {
        let (mut count, mut sum) = (0, 0);
        for (index, chunk) in self.chunks.iter().enumerate() {
            if chunk.values.last().is_some_and(|last| *last >= value) {
                let at = chunk.values.partition_point(|x| *x < value);
                let below: u128 = chunk.values.iter().take(at).map(|x| u128::from(*x)).sum();
                return Spot { chunk: index, at, before: (count + at as u128, sum + below) };
            }
            count += chunk.values.len() as u128;
            sum += chunk.sum;
        }
        Spot { chunk: self.chunks.len(), at: 0, before: (count, sum) }
    }

    /// Joins a chunk that has become small with the one after it, or drops it if it is empty.
    fn merge(&mut self, index: usize) {
        let size = |index: usize| self.chunks.get(index).map_or(CHUNK, |chunk| chunk.values.len());
        if size(index) == 0 {
            self.chunks.remove(index);
        } else if size(index) + size(index + 1) <= CHUNK / 2 {
            let upper = self.chunks.remove(index + 1);
            if let Some(chunk) = self.chunks.get_mut(index) {
                chunk.sum += upper.sum;
                chunk.values.extend(upper.values);
            }
        }
    }
}

impl Chunk {
    fn of(values: Vec<u64>) -> Self {
        Self { sum: values.iter().map(|x| u128::from(*x)).sum(), values }
    }
}

fn square(value: u64) -> u128 {
    u128::from(value) * u128::from(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is maintained, from scratch.
    fn check(ranks: &Ranks, values: &[u64]) {
        let mut values = values.to_vec();
        values.sort_unstable();
        let wide = || values.iter().map(|x| u128::from(*x));
        let sum: u128 = wide().sum();
        assert_eq!((ranks.count(), ranks.sum()), (values.len() as u64, sum));
        assert_eq!(ranks.weighted(), wide().zip(1..).map(|(x, i): (u128, u128)| x * i).sum());
        assert_eq!(ranks.squares(), wide().map(|x| x * x).sum());
        assert_eq!(ranks.largest(10), wide().rev().take(10).sum());
        let mut half = 0;
        let majority = wide().rev().position(|x| {
            half += x;
            half * 2 > sum
        });
        assert_eq!(ranks.majority(), majority.map(|at| at as u64 + 1));
        let kept: Vec<u64> = ranks.chunks.iter().flat_map(|chunk| chunk.values.clone()).collect();
        assert_eq!(kept, values);
        for chunk in &ranks.chunks {
            assert_eq!(*chunk, Chunk::of(chunk.values.clone()));
            assert!(!chunk.values.is_empty() && chunk.values.len() <= CHUNK);
        }
    }

    #[test]
    fn sums_are_those_of_all_balances_whatever_came_and_went() {
        let (mut ranks, mut values, mut random) = (Ranks::default(), Vec::new(), 7u64);
        for step in 0..6_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Grows, then shrinks; small numbers, so that many are equal.
            let is_gain = (random >> 40) % 10 < if step < 3_000 { 7 } else { 3 };
            if is_gain || values.is_empty() {
                let value = (random >> 33) % 900 + 1;
                values.push(value);
                ranks.insert(value);
            } else {
                let at = usize::try_from(random >> 33).unwrap() % values.len();
                ranks.remove(values.swap_remove(at));
            }
            if step % 97 == 0 {
                check(&ranks, &values);
            }
        }
        assert!(values.len() < 400 && ranks.chunks.len() < 20, "{} chunks", ranks.chunks.len());
        for value in values.drain(..) {
            ranks.remove(value);
        }
        assert_eq!(ranks, Ranks::default());
    }

    #[test]
    fn what_is_not_there_cannot_be_taken_out() {
        let mut ranks = Ranks::default();
        ranks.remove(5);
        ranks.insert(4);
        ranks.insert(6);
        ranks.remove(5);
        ranks.remove(7);
        check(&ranks, &[4, 6]);
    }
}
