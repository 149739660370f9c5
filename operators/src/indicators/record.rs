//! The record `indicators`.

use std::cmp::Ordering;
use std::num::NonZeroU64;

use model::{Address, Column, Kind, Record, Row, Schema, Seconds, Value};
use serde::{Deserialize, Serialize};

use crate::candles::Interval;

/// A finite number with a total order, as small when it is missing as when it is there.
///
/// It holds the complement of the number's bits, which is zero for no finite number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Figure(NonZeroU64);

impl Figure {
    /// The number, unless it is infinite or none; minus zero is zero.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        let value = if value == 0.0 { 0.0 } else { value };
        value.is_finite().then(|| NonZeroU64::new(!value.to_bits()).map(Self)).flatten()
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        f64::from_bits(!self.0.get())
    }
}

impl Ord for Figure {
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().total_cmp(&other.get())
    }
}

impl PartialOrd for Figure {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Debug for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

/// What the indicators are at a bar; none where there are not yet enough bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Values {
    /// Relative strength, 0 to 100.
    pub rsi14: Option<Figure>,
    /// Fast average less slow one, quote coins.
    pub macd: Option<Figure>,
    /// Average of `macd`.
    pub macd_signal: Option<Figure>,
    /// `macd` less its signal.
    pub macd_hist: Option<Figure>,
    /// Mean of the last 20 closes.
    pub bb_mid: Option<Figure>,
    /// Two deviations above.
    pub bb_up: Option<Figure>,
    /// Two deviations below.
    pub bb_low: Option<Figure>,
    /// %B, 0 at the lower band and 1 at the upper.
    pub bb_position: Option<Figure>,
    /// Distance of the bands over their mean.
    pub bb_bandwidth: Option<Figure>,
    /// Average true range, quote coins.
    pub atr14: Option<Figure>,
    /// Exponential average of 12 closes.
    pub ema12: Option<Figure>,
    /// Exponential average of 26 closes.
    pub ema26: Option<Figure>,
    /// Sample deviation of logarithmic returns.
    pub volatility: Option<Figure>,
    /// Parkinson's volatility.
    pub parkinson: Option<Figure>,
    /// Nearest level below the close.
    pub support: Option<Figure>,
    /// Its pivots.
    pub support_strength: Option<u32>,
    /// Nearest level above the close.
    pub resistance: Option<Figure>,
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
        let float = |figure: Option<Figure>| Value::float(figure.map(Figure::get));
        let values = self.values;
        vec![
            Value::from(self.mint),
            Value::text(String::from(self.interval)),
            Value::Count(self.open_time * 1000),
            float(values.rsi14),
            float(values.macd),
            float(values.macd_signal),
            float(values.macd_hist),
            float(values.bb_mid),
            float(values.bb_up),
            float(values.bb_low),
            float(values.atr14),
            float(values.ema12),
            float(values.ema26),
            float(values.volatility),
            float(values.support),
            float(values.resistance),
            Value::Bool(self.is_provisional),
            Value::from("filled"),
            float(values.bb_position),
            float(values.bb_bandwidth),
            float(values.parkinson),
            Value::count(values.support_strength),
            Value::count(values.resistance_strength),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_back_as_they_went_in_and_sort_as_numbers_do() {
        let numbers = [f64::MIN, -1.5, -f64::MIN_POSITIVE, 0.0, 1e-300, 1.0, f64::MAX];
        let figures: Vec<Figure> = numbers.iter().filter_map(|number| Figure::new(*number)).collect();
        assert!(figures.is_sorted_by(|a, b| a < b));
        assert_eq!(figures.iter().map(|figure| figure.get()).collect::<Vec<_>>(), numbers);
        assert_eq!(Figure::new(-0.0), Figure::new(0.0));
        assert_eq!((Figure::new(f64::NAN), Figure::new(f64::INFINITY)), (None, None));
        assert_eq!(size_of::<Option<Figure>>(), 8);
    }
}
