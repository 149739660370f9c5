//! Sliding windows: what happened to every token in the last minute, hour, day.
//!
//! A window of width W covers the trades whose block time is in `(start, now]`. `now` is event time, and
//! `start` is `now − W` up to an hour; above, it is rounded down to whole ten seconds, so that trades
//! leave in steps of a tick ([`tick_s`]). The window before it, of which `prev_*` speak, is `(start − W, start]`.
//! Counts and volumes are of all trades, prices of clean ones of the primary pool ([`crate::series`]): another pool
//! moves no high, low or change. A late trade joins every window that still
//! covers its block time, a trade that is retracted leaves them, and in silence all falls to zero by
//! itself: a token that has been idle for 2W has no row.
//!
//! **Which trades.** Those of all pools that are quoted in the same token as the primary pool: amounts in
//! SOL and in USDC do not add up to one volume. Which token that is, `quotes` says; it agrees with the
//! series `all` of [`crate::candles`], except that a token that moves to a pool with another quote
//! changes over as a whole, so that no row ever mixes two.
//!
//! **How.** Trades are summed by second into panes, and panes older than any correction into ten seconds
//! (`panes`). A trade changes one pane and one running total, whatever the number of windows; a window
//! is the total less what has left it (`live`). A timer is set for the second at which the next pane
//! leaves a window, and for no other. A trader is counted in the pane of the last trade that he made, so
//! distinct counts subtract as sums do and are exact. The highest and lowest prices and the largest trade
//! are the steps of one staircase each for all windows (`stairs`). What marked trades take away is kept
//! apart (`marked`); a token without marks pays nothing for it.
//!
//! **What it costs.** 144 bytes for each window of a token that trades, 144 for each second with a trade in
//! it as long as that can be corrected (but two hours at least), then 112 for each ten seconds with a trade
//! up to the longest window and 32 up to twice that; 88 bytes for each trade within [`Horizon::kept_s`], or as
//! long as labels can mark it, if that is longer. A distinct trader within the longest window costs 24 bytes in a
//! hash map, with its free room 29 to 57: the exact daily count of a token with a hundred thousand traders, 3.3
//! megabytes. A token
//! that has been silent for twice the longest window keeps a few hundred bytes, until it has been silent for
//! `remember_s`.
//!
//! Source: DEFINITIONS §4. A trade counts with at most 2^64 − 2 millionths of a USD. It does not find out
//! which trades are marked: [`crate::labels`] does.

mod input;
mod lane;
mod live;
mod makers;
mod marked;
mod panes;
mod quotes;
mod record;
mod stairs;
mod sums;
mod ticks;
mod token;
mod window;

use model::{ChainEvent, Seconds};
use serde::{Deserialize, Serialize};

pub use input::{Input, Tick, Trade};
pub use record::{Change, Filtered, Previous, TokenStats};
pub use sums::Sums;
pub use token::Token;

use crate::candles::Interval;
use crate::labels::Mark;
use crate::prelude::*;
use crate::series::SeriesTrade;

/// Settings of [`windows`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Widths of the windows, ascending. Those over an hour are whole tens of seconds.
    pub widths: Vec<Interval>,
    /// For how long the first and the last price of a silent token are remembered, in seconds.
    pub remember_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        let widths = ["1m", "5m", "15m", "1h", "4h", "6h", "12h", "24h"];
        let widths = widths.into_iter().filter_map(|width| Interval::try_from(width.to_owned()).ok());
        Self { widths: widths.collect(), remember_s: 30 * 86_400 }
    }
}

/// Maintains the windows of every token.
///
/// `events` are those that tell where a token's trading moves; other events do nothing here. `marks` say
/// which trades are left out of `filtered_*`; they may come before their trade or after it, up to so many seconds
/// after its block time.
pub fn windows<'s>(
    trades: Collection<'s, SeriesTrade>,
    events: Collection<'s, ChainEvent>,
    (marks, marks_reach_s): (Collection<'s, Mark>, Seconds),
    params: &Params,
    horizon: Horizon,
    states: &States,
) -> Collection<'s, TokenStats> {
    let moved = |event| match event {
        ChainEvent::Migrated(event) => Input::migration(&event),
        _ => None,
    };
    let intake = Intake::of(trades, |trade| Input::trade(&trade))
        .and(events, moved)
        .and(marks, |mark| Some(Input::mark(&mark)));
    let kept_s = horizon.kept_s().max(marks_reach_s);
    keyed::<Token>(intake, "windows", (params.clone(), kept_s), states)
}

/// Block times and widths as they are kept: seconds, in half the room.
type Short = u32;

/// What is later than 2106 is taken to be in 2106.
fn short(seconds: Seconds) -> Short {
    Short::try_from(seconds).unwrap_or(Short::MAX)
}

/// Windows up to this width move every second.
const FINE_S: Short = 3600;

/// The step of wider windows, and the length of the panes that only they read.
const COARSE_TICK_S: Short = 10;

/// The step in which trades leave a window: a second up to an hour, ten seconds above.
#[must_use]
pub fn tick_s(width: Interval) -> Seconds {
    tick_of(short(width.seconds())).into()
}

const fn tick_of(width: Short) -> Short {
    if width <= FINE_S { 1 } else { COARSE_TICK_S }
}

/// The end of the ten seconds that `time` is in, as wider windows see it.
const fn coarse(time: Short) -> Short {
    match time.checked_next_multiple_of(COARSE_TICK_S) {
        Some(end) => end,
        None => Short::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widths_are_eight_unless_others_are_wanted() {
        let seconds: Vec<Seconds> = Params::default().widths.iter().map(|width| width.seconds()).collect();
        assert_eq!(seconds, [60, 300, 900, 3600, 14_400, 21_600, 43_200, 86_400]);
    }

    #[test]
    fn trades_leave_windows_over_an_hour_every_ten_seconds() {
        let ticks: Vec<Seconds> = Params::default().widths.into_iter().map(tick_s).collect();
        assert_eq!(ticks, [1, 1, 1, 1, 10, 10, 10, 10]);
    }
}
