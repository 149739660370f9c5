//! What a rule watches, and the numbers by which it is set.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::{Seconds, Side};

/// A number that somebody sets: finite where [`crate::Rule::problems`] finds nothing, and totally ordered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Level(pub f64);

impl PartialEq for Level {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Level {}

impl Ord for Level {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Level {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// In what a price or a market capitalisation is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// USD; null without an oracle price.
    #[default]
    Usd,
    /// SOL: of trades that are quoted in it.
    Sol,
}

/// Which way a value has to move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To more.
    #[default]
    Up,
    /// To less.
    Down,
}

/// What a rule watches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// The clean price comes to the threshold from below.
    PriceAbove,
    /// The clean price comes to the threshold from above.
    PriceBelow,
    /// The clean price has moved by the threshold, percent, within the window.
    PriceMove {
        /// Width of the window, seconds.
        window_s: Seconds,
        /// Up or down.
        #[serde(default)]
        direction: Direction,
    },
    /// The clean price has moved by the threshold, percent, since this rule last spoke, or since the first
    /// price that it saw.
    MoveSinceAlert {
        /// Up or down.
        #[serde(default)]
        direction: Direction,
    },
    /// Price times supply comes to the threshold from below.
    MarketCapAbove,
    /// Price times supply comes to the threshold from above.
    MarketCapBelow,
    /// The clean price is above every earlier one, by the threshold, percent, if there is one.
    AllTimeHigh,
    /// The volume of the window is the threshold times the mean of the twelve windows before it.
    VolumeSpike {
        /// Width of a window, seconds.
        window_s: Seconds,
        /// The mean that there has to be, USD.
        #[serde(default)]
        floor_usd: Level,
    },
    /// A trade is worth the threshold, USD.
    WhaleTrade {
        /// Of this side only.
        #[serde(default)]
        side: Option<Side>,
    },
    /// Liquidity goes into a pool or out of it: the threshold, percent of what was there.
    LiquidityChange {
        /// In (up) or out (down).
        #[serde(default)]
        direction: Direction,
    },
    /// The whole liquidity of a pool is taken out: 99 percent of it or more.
    LiquidityRemoved,
    /// The curve has sold everything.
    Completed,
    /// The token left its curve.
    Migrated,
    /// The token was created.
    NewToken,
    /// No trade for the threshold, seconds.
    FeedStale,
    /// The price comes to the threshold, percent above the entry.
    Target {
        /// Price of the entry, in the rule's unit.
        entry: Level,
    },
    /// The price comes to the threshold, percent below the entry.
    Stop {
        /// Price of the entry, in the rule's unit.
        entry: Level,
    },
}

impl Default for Level {
    fn default() -> Self {
        Self(0.0)
    }
}

impl Kind {
    /// Name in every output.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PriceAbove => "price_above",
            Self::PriceBelow => "price_below",
            Self::PriceMove { .. } => "price_move",
            Self::MoveSinceAlert { .. } => "move_since_alert",
            Self::MarketCapAbove => "market_cap_above",
            Self::MarketCapBelow => "market_cap_below",
            Self::AllTimeHigh => "all_time_high",
            Self::VolumeSpike { .. } => "volume_spike",
            Self::WhaleTrade { .. } => "whale_trade",
            Self::LiquidityChange { .. } => "liquidity_change",
            Self::LiquidityRemoved => "liquidity_removed",
            Self::Completed => "completed",
            Self::Migrated => "migrated",
            Self::NewToken => "new_token",
            Self::FeedStale => "feed_stale",
            Self::Target { .. } => "target",
            Self::Stop { .. } => "stop",
        }
    }

    /// What the threshold is, and how large it may be; none of a kind that has none.
    pub(super) const fn threshold(&self) -> Option<(&'static str, f64)> {
        Some(match self {
            Self::PriceAbove | Self::PriceBelow => ("a price", f64::MAX),
            Self::MarketCapAbove | Self::MarketCapBelow => ("a market capitalisation", f64::MAX),
            Self::PriceMove { direction: Direction::Down, .. }
            | Self::MoveSinceAlert { direction: Direction::Down }
            | Self::LiquidityChange { direction: Direction::Down }
            | Self::Stop { .. } => ("a percentage", 100.0),
            Self::PriceMove { .. }
            | Self::MoveSinceAlert { .. }
            | Self::LiquidityChange { .. }
            | Self::Target { .. } => ("a percentage", 1e9),
            Self::AllTimeHigh => ("a percentage, or left out", 1e9),
            Self::VolumeSpike { .. } => ("a multiple of the mean", 1e9),
            Self::WhaleTrade { .. } => ("a value in USD", f64::MAX),
            Self::FeedStale => ("a number of seconds", 2_592_000.0),
            Self::LiquidityRemoved | Self::Completed | Self::Migrated | Self::NewToken => return None,
        })
    }

    /// True if there is no such thing as how long its condition holds.
    pub(super) const fn is_momentary(&self) -> bool {
        matches!(
            self,
            Self::MoveSinceAlert { .. }
                | Self::WhaleTrade { .. }
                | Self::LiquidityChange { .. }
                | Self::LiquidityRemoved
                | Self::Completed
                | Self::Migrated
                | Self::NewToken
                | Self::FeedStale
        )
    }

    pub(super) fn problems(&self, found: &mut Vec<(String, String)>) {
        let name = self.name();
        let mut check = |is_right: bool, key: &str, what: String| {
            if !is_right {
                found.push((format!("kind.{name}.{key}"), what));
            }
        };
        match self {
            Self::PriceMove { window_s, .. } => {
                let is_right = (1..=LOOKBACK_S_MAX).contains(window_s);
                check(is_right, "window_s", format!("is {window_s}, must be from 1 to {LOOKBACK_S_MAX}"));
            }
            Self::VolumeSpike { window_s, floor_usd } => {
                let most = LOOKBACK_S_MAX / (SPIKE_WINDOWS + 1);
                let is_right = (1..=most).contains(window_s);
                check(is_right, "window_s", format!("is {window_s}, must be from 1 to {most}"));
                let is_floor = floor_usd.0.is_finite() && floor_usd.0 >= 0.0;
                check(is_floor, "floor_usd", format!("is {}, must not be negative", floor_usd.0));
            }
            Self::Target { entry } | Self::Stop { entry } => {
                let is_price = entry.0.is_finite() && entry.0 > 0.0;
                check(is_price, "entry", format!("is {}, must be more than 0", entry.0));
            }
            _ => {}
        }
    }
}

/// Windows whose mean a volume is compared with.
pub const SPIKE_WINDOWS: Seconds = 12;

/// How far back of a trade a rule may look, seconds.
pub const LOOKBACK_S_MAX: Seconds = 21_600;
