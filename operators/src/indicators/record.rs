//! The record `indicators`.

use model::record::ms;
use model::{Address, Cadence, Record, Seconds, columns};
use serde::{Deserialize, Serialize};

use crate::candles::Interval;
use crate::number::Number;

/// Values of the indicators at a bar; none where there are not yet enough bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Values {
    /// Relative strength, 0 to 100.
    pub rsi14: Option<Number>,
    /// Fast average less slow one, quote coins.
    pub macd: Option<Number>,
    /// Average of `macd`.
    pub macd_signal: Option<Number>,
    /// `macd` less its signal.
    pub macd_hist: Option<Number>,
    /// Mean of the last 20 closes.
    pub bb_mid: Option<Number>,
    /// Two deviations above.
    pub bb_up: Option<Number>,
    /// Two deviations below.
    pub bb_low: Option<Number>,
    /// %B, 0 at the lower band and 1 at the upper.
    pub bb_position: Option<Number>,
    /// Distance of the bands over their mean.
    pub bb_bandwidth: Option<Number>,
    /// Average true range, quote coins.
    pub atr14: Option<Number>,
    /// Exponential average of 12 closes.
    pub ema12: Option<Number>,
    /// Exponential average of 26 closes.
    pub ema26: Option<Number>,
    /// Sample deviation of logarithmic returns.
    pub volatility: Option<Number>,
    /// Parkinson's volatility.
    pub parkinson: Option<Number>,
    /// Nearest level below the close.
    pub support: Option<Number>,
    /// Its pivots.
    pub support_strength: Option<u32>,
    /// Nearest level above the close.
    pub resistance: Option<Number>,
    /// Its pivots.
    pub resistance_strength: Option<u32>,
}

/// The indicators of one token at one bar. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Indicators {
    /// The token.
    pub mint: Address,
    /// The length of the bar.
    pub interval: Interval,
    /// The first second of the bar.
    pub open_time: Seconds,
    /// The indicators.
    pub values: Values,
    /// True while the bar is open.
    pub is_provisional: bool,
}

impl Record for Indicators {
    columns! {
        self: "indicators",
            "Technical indicators at each bar of a token's primary series; a bar without clean trades has no row.";
        cadence: Cadence::Seconds(5);
        let values = self.values;
        key {
            mint: Address = self.mint, "The token.";
            interval: Symbol = String::from(self.interval), "Length of the bar, e.g. 1m.";
            open_time: Time = ms(self.open_time), "Start of the bar, UTC.";
        }
        rsi14: Float = values.rsi14, "Relative strength of 14 moves, Wilder, 0 to 100; null before bar 15.";
        macd: Float = values.macd, "ema12 − ema26; null before bar 26.";
        macd_signal: Float = values.macd_signal, "Exponential average of 9 macd; null before bar 34.";
        macd_hist: Float = values.macd_hist, "macd − macd_signal.";
        bb_mid: Float = values.bb_mid, "Mean of the last 20 closes; null before bar 20.";
        bb_up: Float = values.bb_up, "bb_mid + 2 population standard deviations.";
        bb_low: Float = values.bb_low, "bb_mid − 2 population standard deviations.";
        atr14: Float = values.atr14, "Average true range, Wilder, quote coins; null before bar 14.";
        ema12: Float = values.ema12, "Exponential average of closes; null before bar 12.";
        ema26: Float = values.ema26, "Exponential average of closes; null before bar 26.";
        volatility: Float = values.volatility,
            "Sample standard deviation of the last volatility_bars logarithmic returns; null before so many.";
        support: Float = values.support,
            "Nearest level of pivots below the close; null without one or without atr14.";
        resistance: Float = values.resistance, "Nearest level of pivots above the close; as support.";
        provisional: Bool = self.is_provisional, "True while the bar is open.";
        series: Symbol = "filled", "filled: bars without trades count, at the close before.";
        bb_position_ratio: Float = values.bb_position,
            "%B = (close − bb_low) / (bb_up − bb_low); null if they are equal.";
        bb_bandwidth_ratio: Float = values.bb_bandwidth, "(bb_up − bb_low) / bb_mid.";
        parkinson: Float = values.parkinson,
            "√(Σ ln²(high / low) / (4 n ln 2)) of the last n = volatility_bars bars; null before so many.";
        support_strength: Count = values.support_strength,
            "Pivots that make support, of the last level_bars bars.";
        resistance_strength: Count = values.resistance_strength, "Pivots that make resistance.";
    }
    type Key = (Address, Interval, Seconds);

    fn key(&self) -> Self::Key {
        (self.mint, self.interval, self.open_time)
    }
}
