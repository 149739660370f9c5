//! The price of SOL in USD: a slow random walk, one quote a second.
//!
//! It has a stream of chance of its own, and nothing on the chain looks at it, so that the market of a
//! seed is the same with it and without it. It is drawn back to where it began, or a market that runs for
//! weeks would end at prices that nobody has seen.

use model::{Address, Price, PriceQuote, Seconds};

use super::dice::{Dice, float, whole};

/// Who is said to have published the quotes.
const SOURCE: &str = "simulated";
/// Steps of the price in a dollar, as oracles publish it.
const STEPS: u64 = 100_000_000;
/// Deviation of the logarithm of the price over a second: about six percent a day.
const SIGMA: f64 = 0.000_2;
/// Share of the way back to the start that the price goes a second: half of it in two days.
const PULL: f64 = 0.000_004;

/// The oracle.
pub(super) struct Oracle {
    dice: Dice,
    /// Publish time of the next quote.
    next: Seconds,
    start: f64,
    /// In steps.
    price: f64,
}

impl Oracle {
    /// One that says `sol_usd` first, in USD.
    pub(super) fn new(seed: u64, first: Seconds, sol_usd: f64) -> Self {
        let start = sol_usd * float(STEPS);
        Self { dice: Dice::new(seed, 4), next: first, start, price: start }
    }

    /// The next quote, if it is published up to a time.
    pub(super) fn next(&mut self, upto: Seconds) -> Option<PriceQuote> {
        if self.next > upto {
            return None;
        }
        // Whole steps, and then one division: the decimal number that an oracle would publish.
        let usd = Price::new(float(whole(self.price)) / float(STEPS))?;
        let quote =
            PriceQuote { mint: Address::WSOL, usd, publish_time: self.next, source: SOURCE.to_owned() };
        self.next += 1;
        self.price = self.dice.lognormal(self.price, SIGMA) + PULL * (self.start - self.price);
        Some(quote)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(seed: u64, seconds: Seconds) -> Vec<f64> {
        let mut oracle = Oracle::new(seed, 0, 150.0);
        (0..seconds).map(|second| oracle.next(second).unwrap().usd.get()).collect()
    }

    #[test]
    fn it_begins_where_it_is_told_to_and_moves_little_a_second() {
        let prices = walk(1, 86_400);
        assert!((prices[0] - 150.0).abs() < 1e-9);
        assert!(prices.windows(2).all(|pair| (pair[1] / pair[0] - 1.0).abs() < 0.002));
        assert!(prices.iter().any(|price| (price / 150.0 - 1.0).abs() > 0.01), "it moves");
        assert!(prices.iter().all(|price| (90.0..250.0).contains(price)), "it stays in sight");
        assert_ne!(prices, walk(2, 86_400));
    }

    #[test]
    fn there_is_one_a_second_and_none_before_its_time() {
        let mut oracle = Oracle::new(1, 10, 150.0);
        assert_eq!(oracle.next(9), None);
        let times: Vec<_> = std::iter::from_fn(|| oracle.next(12)).map(|quote| quote.publish_time).collect();
        assert_eq!(times, [10, 11, 12]);
    }
}
