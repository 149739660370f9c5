//! The record `indicators`.

use model::{Address, Column, Kind, Record, Row, Schema, Seconds, Value};
use serde::{Deserialize, Serialize};

use crate::candles::Interval;
use crate::number::{Number, column};

/// What the indicators are at a bar; none where there are not yet enough bars.
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
    const SCHEMA: &'static Schema = &Schema {
        name: "indicators",
        doc: "Technical indicators at each bar of a token's primary series; a bar without clean trades has no row.",
        key: 3,
        columns: &[
            Column::new("mint", Kind::Address, "The token."),
            Column::new("interval", Kind::Symbol, "Length of the bar, e.g. 1m."),
            Column::new("open_time", Kind::Time, "Start of the bar, UTC."),
            Column::new(
                "rsi14",
                Kind::Float,
                "Relative strength of 14 moves, Wilder, 0 to 100; null before bar 15.",
            ),
            Column::new("macd", Kind::Float, "ema12 − ema26; null before bar 26."),
            Column::new("macd_signal", Kind::Float, "Exponential average of 9 macd; null before bar 34."),
            Column::new("macd_hist", Kind::Float, "macd − macd_signal."),
            Column::new("bb_mid", Kind::Float, "Mean of the last 20 closes; null before bar 20."),
            Column::new("bb_up", Kind::Float, "bb_mid + 2 population standard deviations."),
            Column::new("bb_low", Kind::Float, "bb_mid − 2 population standard deviations."),
            Column::new("atr14", Kind::Float, "Average true range, Wilder, quote coins; null before bar 14."),
            Column::new("ema12", Kind::Float, "Exponential average of closes; null before bar 12."),
            Column::new("ema26", Kind::Float, "Exponential average of closes; null before bar 26."),
            Column::new(
                "volatility",
                Kind::Float,
                "Sample standard deviation of the last volatility_bars logarithmic returns; null before so many.",
            ),
            Column::new(
                "support",
                Kind::Float,
                "Nearest level of pivots below the close; null without one or without atr14.",
            ),
            Column::new("resistance", Kind::Float, "Nearest level of pivots above the close; as support."),
            Column::new("provisional", Kind::Bool, "True while the bar is open."),
            Column::new("series", Kind::Symbol, "filled: bars without trades count, at the close before."),
            Column::new(
                "bb_position_ratio",
                Kind::Float,
                "%B = (close − bb_low) / (bb_up − bb_low); null if they are equal.",
            ),
            Column::new("bb_bandwidth_ratio", Kind::Float, "(bb_up − bb_low) / bb_mid."),
            Column::new(
                "parkinson",
                Kind::Float,
                "√(Σ ln²(high / low) / (4 n ln 2)) of the last n = volatility_bars bars; null before so many.",
            ),
            Column::new(
                "support_strength",
                Kind::Count,
                "Pivots that make support, of the last level_bars bars.",
            ),
            Column::new("resistance_strength", Kind::Count, "Pivots that make resistance."),
        ],
    };
    type Key = (Address, Interval, Seconds);

    fn key(&self) -> Self::Key {
        (self.mint, self.interval, self.open_time)
    }

    fn row(&self) -> Row {
        let values = self.values;
        vec![
            Value::from(self.mint),
            Value::text(String::from(self.interval)),
            Value::Count(self.open_time * 1000),
            column(values.rsi14),
            column(values.macd),
            column(values.macd_signal),
            column(values.macd_hist),
            column(values.bb_mid),
            column(values.bb_up),
            column(values.bb_low),
            column(values.atr14),
            column(values.ema12),
            column(values.ema26),
            column(values.volatility),
            column(values.support),
            column(values.resistance),
            Value::Bool(self.is_provisional),
            Value::from("filled"),
            column(values.bb_position),
            column(values.bb_bandwidth),
            column(values.parkinson),
            Value::count(values.support_strength),
            Value::count(values.resistance_strength),
        ]
    }
}
