//! Technical indicators: what averages, oscillators, bands and levels say at every bar of a token.
//!
//! The input is the primary series ([`crate::primary`]) of clean prices. Bars without trades count, at
//! the close before them, but have no row, as they have no candle. A silence of more than `gap_bars_max`
//! bars, or of `remember_s`, starts the series anew: after it, indicators are null until there are
//! enough bars again.
//!
//! **When.** The rows of an interval are brought up to date at whole multiples of a step ([`step_s`]: a
//! sixtieth of the interval, a second at least and a minute at most), and then say what has come before
//! that second. A bar ends at such a second, so what is not `provisional` is exact when it appears; the
//! row of an open bar, and a row that a late trade corrects, may lag by a step. Written with every trade
//! they would be the most expensive rows of all, and nobody reads a daily average by the second.
//!
//! **How.** Only the shortest interval's bars are taken in; the others, which are whole multiples of it,
//! are folded from them. These are recurrences: a bar changes all that follow. So each
//! series keeps its state at the last bar that can no longer change, and the one after the last closed bar;
//! an open bar is computed from the latter, a correction from the former, each from a copy, because
//! subtracting from floats would not give back what was. A value is therefore the same to the last bit
//! whatever way one comes to it.
//!
//! Source: DEFINITIONS §7. Momentum and velocity are of sliding windows and not here.

pub mod average;
pub mod bands;
mod input;
pub mod levels;
pub mod oscillators;
mod record;
mod study;
mod token;
mod track;

use model::Seconds;
use serde::{Deserialize, Serialize};

pub use input::{Bar, Input, Prices, bars};
pub use record::{Indicators, Values};
pub use study::Study;
pub use token::Token;

use crate::candles::{Bars, Interval};
use crate::prelude::*;

/// Settings of [`indicators`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Lengths of the bars, ascending: the first one of the candles', the others whole multiples of it.
    pub intervals: Vec<Interval>,
    /// Over how many returns volatility is taken, and over how many bars Parkinson's.
    pub volatility_bars: usize,
    /// For how many bars a pivot counts.
    pub level_bars: u64,
    /// How wide a level is at most, in average true ranges.
    pub level_join_atr: f64,
    /// The longest silence that is filled, in bars.
    pub gap_bars_max: u64,
    /// The longest silence that is filled, in seconds, if that is less.
    pub remember_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        let intervals = ["1m", "5m", "15m", "1h", "4h", "1d"];
        let intervals = intervals.into_iter().filter_map(|text| Interval::try_from(text.to_owned()).ok());
        Self {
            intervals: intervals.collect(),
            volatility_bars: 20,
            level_bars: 200,
            level_join_atr: 0.5,
            gap_bars_max: 1000,
            remember_s: 2 * 86_400,
        }
    }
}

/// Maintains the indicators of every token.
///
/// `candles` are of any series and interval; only the primary series of the first interval is read.
pub fn indicators<'s>(
    candles: Collection<'s, Bars>,
    params: &Params,
    horizon: Horizon,
    states: &States,
) -> Collection<'s, Indicators> {
    let first = params.intervals.first().copied();
    let bars = bars(candles, first);
    keyed::<Token>(Intake::of(bars, Some), "indicators", (params.clone(), horizon), states)
}

/// The longest step.
const STEP_S_MAX: Seconds = 60;

/// The seconds at whose whole multiples the rows of an interval are brought up to date: the longest
/// divisor of the interval that is no more than a sixtieth of it and a minute.
#[must_use]
pub fn step_s(interval: Interval) -> Seconds {
    let most = (interval.seconds() / 60).clamp(1, STEP_S_MAX);
    (1..=most).rev().find(|step| interval.seconds().is_multiple_of(*step)).unwrap_or(1)
}

#[cfg(test)]
mod tests;
