//! Scores of tokens.
//!
//! Source: DEFINITIONS §13. `score_classic` is kept because users know it, although volume alone
//! saturates it at 316 USD; `score_v1` says of what it consists. What is not known makes no score:
//! null, and not a low one.

use serde::{Deserialize, Serialize};

use crate::number::Number;

/// What scores are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs {
    /// Traded in 24 hours, USD.
    pub volume_usd: f64,
    /// Change of the price in an hour, percent.
    pub change_1h: f64,
    /// Change of the price in 24 hours, percent.
    pub change_24h: f64,
    /// Liquidity of the primary pool, USD.
    pub liquidity_usd: f64,
    /// Trades in 24 hours.
    pub txns: u64,
}

impl Inputs {
    /// Source: DEFINITIONS §7, momentum; percent.
    fn momentum(&self) -> f64 {
        0.5 * self.change_1h + 0.5 * self.change_24h
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of trades in a day")]
    fn txns(&self) -> f64 {
        self.txns as f64
    }
}

/// The score of a token, 0 to 100, in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Score {
    /// Of 40, for volume.
    pub volume: Number,
    /// Of 30, for momentum.
    pub momentum: Number,
    /// Of 20, for liquidity.
    pub liquidity: Number,
    /// Of 10, for the number of trades.
    pub txns: Number,
}

impl Score {
    /// `score_v1`; all parts are 0 without trades.
    #[must_use]
    pub fn new(inputs: &Inputs) -> Option<Self> {
        let weight = if inputs.txns == 0 { 0.0 } else { 1.0 };
        let part = |most: f64, share: f64| Number::new(weight * most * share.clamp(0.0, 1.0));
        Some(Self {
            volume: part(40.0, (1.0 + inputs.volume_usd).log10() / 7.0)?,
            momentum: part(30.0, 0.5 + 0.5 * (inputs.momentum() / 100.0).tanh())?,
            liquidity: part(20.0, (1.0 + inputs.liquidity_usd).log10() / 6.0)?,
            txns: part(10.0, inputs.txns() / 1000.0)?,
        })
    }

    /// The sum of the parts.
    #[must_use]
    pub fn total(&self) -> Option<Number> {
        Number::new(self.volume.get() + self.momentum.get() + self.liquidity.get() + self.txns.get())
    }
}

/// `score_classic`, 0 to 100.
#[must_use]
pub fn classic(inputs: &Inputs) -> Option<Number> {
    let or_one = |value: f64| if value == 0.0 { 1.0 } else { value };
    let score = or_one(inputs.volume_usd).log10() * 40.0
        + inputs.momentum().min(30.0)
        + or_one(inputs.liquidity_usd).log10() * 20.0
        + inputs.txns().min(1000.0) / 100.0;
    Number::new(score.clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Inputs =
        Inputs { volume_usd: 0.0, change_1h: 0.0, change_24h: 0.0, liquidity_usd: 0.0, txns: 0 };

    fn total(inputs: &Inputs) -> f64 {
        Score::new(inputs).unwrap().total().unwrap().get()
    }

    #[test]
    fn one_trade_of_316_usd_saturates_the_old_score_and_not_the_new() {
        let inputs = Inputs { volume_usd: 316.23, txns: 1, ..NOTHING };
        assert_eq!(classic(&inputs).unwrap().get(), 100.0);
        assert!((total(&inputs) - 29.303_567_149_788_36).abs() < 1e-9);
    }

    #[test]
    fn nothing_scores_nothing() {
        assert_eq!((total(&NOTHING), classic(&NOTHING).unwrap().get()), (0.0, 0.0));
        let idle = Inputs { liquidity_usd: 1e6, change_24h: 900.0, ..NOTHING };
        assert_eq!(total(&idle), 0.0, "no trades");
    }

    #[test]
    fn a_score_ends_at_a_hundred_however_much_there_is() {
        let most = Inputs {
            volume_usd: 1e12,
            change_1h: 1e9,
            change_24h: 1e9,
            liquidity_usd: 1e12,
            txns: 1_000_000,
        };
        assert!((total(&most) - 100.0).abs() < 1e-9);
        assert_eq!(classic(&most).unwrap().get(), 100.0);
        let fallen = Inputs { volume_usd: 2.0, change_1h: -99.0, change_24h: -99.0, ..NOTHING };
        assert_eq!(classic(&fallen).unwrap().get(), 0.0);
    }
}
