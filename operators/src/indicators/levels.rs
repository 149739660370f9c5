//! Support and resistance: prices at which the market turned.
//!
//! A bar whose high is above the highs of the two bars on either side is a pivot, and one whose low is
//! below their lows; a run of equal bars is none. Pivots of the last bars, from the lowest up, make
//! levels: one that lies within a share of the average true range above the lowest pivot of the level
//! below it joins that level, so that a level never grows wider than that. The price of a level is the
//! mean of its pivots, its strength their number.

use serde::{Deserialize, Serialize};

/// Bars on each side of a pivot.
const SIDE: usize = 2;

/// The middle of the bars that are looked at, and how many they are.
const WIDTH: usize = 2 * SIDE + 1;

/// A price at which the market turned, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Pivot {
    /// Number of the bar.
    bar: u64,
    price: f64,
}

/// The pivots of the last bars.
///
/// Source: DEFINITIONS §7, support and resistance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Levels {
    /// For how many bars a pivot counts, the present one included.
    span: u64,
    /// How wide a level is at most, in average true ranges.
    join_atr: f64,
    /// How many bars there were.
    bars: u64,
    /// High and low of the last bars.
    recent: Vec<(f64, f64)>,
    /// From the lowest price up.
    pivots: Vec<Pivot>,
}

/// A level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The mean of its pivots.
    pub price: f64,
    /// How many they are.
    pub strength: u32,
}

impl Levels {
    /// Levels from the pivots of the last `span` bars, joined within `join_atr` average true ranges.
    #[must_use]
    pub const fn new(span: u64, join_atr: f64) -> Self {
        Self { span, join_atr, bars: 0, recent: Vec::new(), pivots: Vec::new() }
    }

    /// Takes in the next bar.
    pub fn push(&mut self, high: f64, low: f64) {
        if self.recent.len() == WIDTH {
            self.recent.remove(0);
        }
        self.recent.push((high, low));
        self.bars += 1;
        let (bars, span) = (self.bars, self.span);
        // The bar with the number `bars − span` is the first that does not count.
        self.pivots.retain(|pivot| pivot.bar + span > bars);
        if self.recent.len() < WIDTH {
            return;
        }
        let Some((high, low)) = self.recent.get(SIDE).copied() else { return };
        let mut others = self.recent.iter().enumerate().filter(|(at, _)| *at != SIDE);
        let is_low = others.clone().all(|(_, other)| low < other.1);
        if others.all(|(_, other)| high > other.0) {
            self.add(high);
        }
        if is_low {
            self.add(low);
        }
    }

    /// Adds a pivot at the middle of the recent bars.
    fn add(&mut self, price: f64) {
        let bar = self.bars - SIDE as u64;
        if bar + self.span > self.bars {
            let at = self.pivots.partition_point(|pivot| pivot.price <= price);
            self.pivots.insert(at, Pivot { bar, price });
        }
    }

    /// The nearest level below `close`, and the nearest above.
    #[must_use]
    pub fn around(&self, close: f64, atr: f64) -> (Option<Level>, Option<Level>) {
        let width = self.join_atr * atr;
        let (mut below, mut above) = (None, None);
        let mut rest = self.pivots.as_slice();
        while let Some(lowest) = rest.first() {
            let (level, higher) = rest.split_at(rest.partition_point(|p| p.price - lowest.price <= width));
            let strength = u32::try_from(level.len()).unwrap_or(u32::MAX);
            let price = level.iter().map(|pivot| pivot.price).sum::<f64>() / f64::from(strength);
            let level = Level { price, strength };
            if price < close {
                below = Some(level);
            } else if price > close {
                above = Some(level);
                break;
            }
            rest = higher;
        }
        (below, above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bars whose high is the price and whose low is a tenth of it less.
    fn levels(span: u64, highs: &[f64]) -> Levels {
        let mut levels = Levels::new(span, 0.5);
        highs.iter().for_each(|high| levels.push(*high, high * 0.9));
        levels
    }

    #[test]
    fn a_pivot_is_known_two_bars_later() {
        let highs = [10.0, 11.0, 15.0, 12.0, 11.0, 9.0, 10.0, 12.0];
        assert_eq!(levels(200, &highs[..4]).around(12.0, 1.0), (None, None));
        let resistance = Some(Level { price: 15.0, strength: 1 });
        assert_eq!(levels(200, &highs[..5]).around(12.0, 1.0), (None, resistance));
        let support = Some(Level { price: 9.0 * 0.9, strength: 1 });
        assert_eq!(levels(200, &highs).around(12.0, 1.0), (support, resistance));
        assert_eq!(levels(200, &highs).around(15.0, 1.0), (support, None), "neither below nor above");
    }

    #[test]
    fn equal_neighbours_are_no_pivot() {
        let flat = levels(200, &[10.0, 11.0, 15.0, 15.0, 11.0, 9.0]);
        assert_eq!(flat.around(12.0, 1.0), (None, None));
    }

    #[test]
    fn pivots_within_half_a_range_are_one_level() {
        let highs = [1.0, 2.0, 10.0, 2.0, 1.0, 2.0, 10.4, 2.0, 1.0, 2.0, 10.8, 2.0, 1.0];
        // Width 0.5: 10.4 joins 10, and 10.8 is too far from 10.
        let (_, above) = levels(200, &highs).around(5.0, 1.0);
        assert_eq!(above, Some(Level { price: (10.0 + 10.4) / 2.0, strength: 2 }));
        let (below, _) = levels(200, &highs).around(11.0, 1.0);
        assert_eq!(below, Some(Level { price: 10.8, strength: 1 }));
    }

    #[test]
    fn a_pivot_leaves_with_its_bar() {
        let highs = [1.0, 2.0, 10.0, 2.0, 1.0];
        assert!(levels(3, &highs).around(5.0, 1.0).1.is_some(), "the third of the last three");
        assert_eq!(levels(2, &highs).around(5.0, 1.0).1, None);
        let mut moved = levels(4, &highs);
        moved.push(1.0, 0.9);
        assert!(moved.around(5.0, 1.0).1.is_some());
        moved.push(1.0, 0.9);
        assert_eq!(moved.around(5.0, 1.0).1, None);
    }
}
