//! Candles: open, high, low, close and volume of every pool and token, at every interval.
//!
//! A candle covers the trades whose block time is in `[open_time, open_time + interval)`, half open, in
//! UTC. Prices are those of clean trades, first and last in canonical order; counts and volumes are of
//! all trades. A late trade joins the candle of its block time, a trade that is retracted leaves it.
//! There are three series: each pool's, each token's `all` (every pool quoted in the same token as the
//! primary one; its price counts while enough lies in it) and `primary`. To which a trade belongs it says itself
//! ([`crate::series`]).
//!
//! Within the correction horizon the trades themselves are kept ([`token`]). Candles that are open are
//! kept up to date as trades come; those that are closed are folded again from the trades in the rare
//! case that one changes. What is past the horizon can no longer change and is let go.
//!
//! All series of a token, interval and start leave as one item ([`Bars`]): they change together and are
//! nearly always the same.
//!
//! Source: DEFINITIONS §3. A bar of a longer interval equals the fold of its shorter bars in prices,
//! sums and counts (a test holds it to that); it is not computed so, because adding a trade to twelve
//! open bars costs less than folding dozens of children again. No trades, no candle: filling gaps is
//! the reader's.

mod buckets;
mod correct;
mod input;
mod lines;
mod record;
pub mod token;
mod traders;

use model::Seconds;
use serde::{Deserialize, Serialize};

pub use input::Input;
pub use record::{Bars, Candle, Ohlc, Series};
pub use token::Token;

use crate::prelude::*;
use crate::primary;
use crate::series::SeriesTrade;

/// Settings of [`candles`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Lengths of the candles, e.g. `"1m"`.
    pub intervals: Vec<Interval>,
    /// How the primary pool is chosen.
    pub primary: primary::Params,
    /// For how long a silent token and its primary pool are remembered, in seconds.
    pub remember_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        let seconds = [1, 15, 30, 60, 300, 900, 1800, 3600, 14_400, 21_600, 43_200, 86_400];
        Self {
            intervals: seconds.map(Interval).to_vec(),
            primary: primary::Params::default(),
            remember_s: 30 * 86_400,
        }
    }
}

/// Maintains the candles of every pool and token.
pub fn candles<'s>(
    trades: Collection<'s, SeriesTrade>,
    params: &Params,
    horizon: Horizon,
    states: &States,
) -> Collection<'s, Bars> {
    let intake = Intake::of(trades, |trade| Some(Input::trade(&trade)));
    keyed::<Token>(intake, "candles", (params.clone(), horizon), states)
}

/// The length of a candle in seconds, spelled as `15s`, `1m`, `4h`, `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval(Seconds);

impl Interval {
    /// Its seconds; at least one.
    #[must_use]
    pub const fn seconds(self) -> Seconds {
        self.0
    }

    /// The start of the candle that holds `time`.
    #[must_use]
    pub const fn floor(self, time: Seconds) -> Seconds {
        time - time % self.0
    }

    /// The end of the candle that starts at `open`: the first second that is not in it.
    #[must_use]
    pub const fn end(self, open: Seconds) -> Seconds {
        open.saturating_add(self.0)
    }
}

const UNITS: [(&str, Seconds); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        let (unit, seconds) =
            UNITS.into_iter().find(|(_, s)| interval.0.is_multiple_of(*s)).unwrap_or(("s", 1));
        format!("{}{unit}", interval.0 / seconds)
    }
}

impl TryFrom<String> for Interval {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parse = || {
            let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
            let count: Seconds = text.strip_suffix(unit)?.parse().ok()?;
            count.checked_mul(seconds).filter(|s| *s > 0).map(Interval)
        };
        parse().ok_or_else(|| format!("`{text}` is not an interval such as 15s, 1m, 4h or 1d"))
    }
}
