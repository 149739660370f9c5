//! Gains of a wallet with one token within an hour, or within a day.
//!
//! Periods are sums of panes, so that the profit of a period is the ledger at its end less the ledger at
//! its start. A day takes whole hours, longer periods take whole days: what is old leaves a period at the
//! turn of an hour or of a day (UTC).

use model::Seconds;
use serde::{Deserialize, Serialize};

use super::Mode;
use super::ledger::{Closing, Sale};

/// See the module. Amounts of quote are raw units.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pane {
    /// Its first hour since the Unix epoch.
    pub hour: u64,
    /// Number of trades.
    pub trades: u32,
    /// Episodes that ended.
    pub closed: u32,
    /// By the book in quote.
    pub quote: Outcome,
    /// By the book in USD.
    pub usd: Outcome,
    /// Paid for what was bought.
    pub invested: u64,
    /// Brought by sales.
    pub proceeds: u64,
    /// Brought by sales of what was not bought.
    pub unmatched: u64,
    /// Number of episodes with a return, and the sum of its logarithm, in millionths.
    pub returns: (u32, i64),
    /// How long episodes lasted.
    pub holds: Holds,
}

/// The outcome of sales and ended episodes, by one of the two books: raw units of quote, or millionths of a USD.
///
/// Both books are kept, whether they mean anything or not: one trade in another currency, or without a value,
/// takes a token out of a book with all that it did before, and a value that comes late brings it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Outcome {
    /// Episodes that ended with a gain.
    pub wins: u32,
    /// Episodes that ended with a loss.
    pub losses: u32,
    /// Cost of everything that was sold.
    pub sold_cost: u64,
    /// Made by sales.
    pub realised: i64,
    /// Made by the episodes that ended with a gain.
    pub gained: u64,
    /// Lost by the episodes that ended with a loss.
    pub lost: u64,
}

impl Outcome {
    const fn sell(&mut self, cost: u64, realised: i64) {
        self.sold_cost = self.sold_cost.saturating_add(cost);
        self.realised = self.realised.saturating_add(realised);
    }

    /// An episode that made nothing is neither won nor lost.
    fn close(&mut self, realised: i64) {
        let amount = realised.unsigned_abs();
        match realised {
            1.. => (self.wins, self.gained) = (self.wins + 1, self.gained.saturating_add(amount)),
            0 => {}
            ..0 => (self.losses, self.lost) = (self.losses + 1, self.lost.saturating_add(amount)),
        }
    }

    const fn add(&mut self, other: &Self) {
        self.wins += other.wins;
        self.losses += other.losses;
        self.sell(other.sold_cost, other.realised);
        self.gained = self.gained.saturating_add(other.gained);
        self.lost = self.lost.saturating_add(other.lost);
    }
}

/// Hours of a day.
pub const DAY_H: u64 = 24;

/// The hour of a time.
#[must_use]
pub const fn hour_of(time: Seconds) -> u64 {
    time / 3600
}

impl Pane {
    /// The day that it is of.
    #[must_use]
    pub const fn day(&self) -> u64 {
        self.hour / DAY_H
    }

    /// Takes in a purchase for `paid`.
    pub const fn buy(&mut self, paid: u64) {
        self.trades = self.trades.saturating_add(1);
        self.invested = self.invested.saturating_add(paid);
    }

    /// Takes in a sale, as it comes to in both books.
    pub fn sell(&mut self, quote: &Sale, usd: &Sale, mode: Mode) {
        self.trades = self.trades.saturating_add(1);
        self.proceeds = self.proceeds.saturating_add(quote.proceeds);
        self.unmatched = self.unmatched.saturating_add(quote.unmatched);
        self.quote.sell(quote.cost, mode.realised(quote.realised, quote.unmatched));
        self.usd.sell(usd.cost, mode.realised(usd.realised, usd.unmatched));
    }

    /// Takes in the end of an episode.
    pub fn close(&mut self, closing: &Closing) {
        self.closed += 1;
        self.holds.add(bucket(closing.hold_s), 1);
        if let Some(log_return) = closing.log_return_micros {
            self.returns = (self.returns.0 + 1, self.returns.1.saturating_add(log_return));
        }
        self.quote.close(closing.quote);
        self.usd.close(closing.usd);
    }

    /// Adds another pane of the same token.
    pub fn add(&mut self, other: &Self) {
        self.trades = self.trades.saturating_add(other.trades);
        self.closed += other.closed;
        self.quote.add(&other.quote);
        self.usd.add(&other.usd);
        self.invested = self.invested.saturating_add(other.invested);
        self.proceeds = self.proceeds.saturating_add(other.proceeds);
        self.unmatched = self.unmatched.saturating_add(other.unmatched);
        self.returns = (self.returns.0 + other.returns.0, self.returns.1.saturating_add(other.returns.1));
        self.holds.merge(&other.holds);
    }
}

/// How often which hold times occurred, by bucket, sorted. Hold times are whole seconds; from a minute on
/// they are rounded down, by at most three percent, so that any number of them takes bounded room.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holds(Vec<(u16, u32)>);

/// Buckets for each power of two.
const STEPS: u64 = 32;

/// Below this many seconds each second has its bucket.
const EXACT_S: u64 = 64;

/// The bucket of a hold time in seconds.
#[must_use]
pub fn bucket(seconds: u64) -> u16 {
    if seconds < EXACT_S {
        return u16::try_from(seconds).unwrap_or(u16::MAX);
    }
    let power = u64::from(seconds.ilog2());
    let step = (seconds >> (power - 5)) % STEPS;
    u16::try_from(EXACT_S + (power - 6) * STEPS + step).unwrap_or(u16::MAX)
}

/// The least hold time of a bucket, in seconds.
#[must_use]
pub fn least(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    match bucket.checked_sub(EXACT_S) {
        None => bucket,
        Some(above) => (STEPS + above % STEPS) << (above / STEPS + 1),
    }
}

impl Holds {
    fn add(&mut self, bucket: u16, count: u32) {
        match self.0.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => {
                if let Some((_, known)) = self.0.get_mut(at) {
                    *known = known.saturating_add(count);
                }
            }
            Err(at) => self.0.insert(at, (bucket, count)),
        }
    }

    /// Adds what others have seen.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            self.add(*bucket, *count);
        }
    }

    /// The median, in milliseconds; of two in the middle the lesser.
    #[must_use]
    pub fn median_ms(&self) -> Option<u64> {
        let count: u64 = self.0.iter().map(|(_, count)| u64::from(*count)).sum();
        let mut before = count.checked_sub(1)? / 2;
        let middle = self.0.iter().find(|(_, count)| {
            let is_here = before < u64::from(*count);
            before = before.saturating_sub(u64::from(*count));
            is_here
        });
        middle.map(|(bucket, _)| least(*bucket).saturating_mul(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hold_times_are_rounded_by_at_most_three_percent() {
        for seconds in (0..10_000).chain((13..40).map(|power| (1 << power) + 12_345)) {
            let rounded = least(bucket(seconds));
            assert!(rounded <= seconds && (seconds - rounded) * 32 <= seconds, "{seconds} became {rounded}");
            assert!(seconds >= 64 || rounded == seconds);
        }
        assert!((0..5000).all(|s| bucket(s) <= bucket(s + 1)), "in order");
    }

    #[test]
    fn the_median_of_few() {
        let holds = |seconds: &[u64]| {
            let mut holds = Holds::default();
            for s in seconds {
                holds.add(bucket(*s), 1);
            }
            holds.median_ms()
        };
        assert_eq!(holds(&[]), None);
        assert_eq!(holds(&[5, 60, 7]), Some(7000));
        assert_eq!(holds(&[60, 7, 7, 61]), Some(7000), "the lesser of two");
        assert_eq!(holds(&[7, 60, 60, 60]), Some(60_000));
    }
}
