//! Conditions that a rule can watch, and the numbers by which each is set.

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

/// Whose share of the supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Wallets that bought in the first moments.
    Snipers,
    /// Wallets that bought together in the launch slot.
    Bundlers,
    /// Wallets that got tokens from the creator without having bought any.
    Insiders,
}

impl Group {
    /// Every group.
    pub const ALL: [Self; 3] = [Self::Snipers, Self::Bundlers, Self::Insiders];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snipers => "snipers",
            Self::Bundlers => "bundlers",
            Self::Insiders => "insiders",
        }
    }
}

/// Which technical indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Indicator {
    /// Relative strength, 0 to 100.
    Rsi14,
    /// The histogram of the MACD over the slow average, percent: 0 where the line crosses its signal.
    MacdHistPct,
    /// The fast average over the slow one, percent: 0 where they cross.
    EmaSpreadPct,
    /// Place between the Bollinger bands, percent: 0 at the lower, 100 at the upper.
    BollingerPct,
    /// Sample deviation of logarithmic returns, percent.
    VolatilityPct,
}

impl Indicator {
    /// Every indicator.
    pub const ALL: [Self; 5] =
        [Self::Rsi14, Self::MacdHistPct, Self::EmaSpreadPct, Self::BollingerPct, Self::VolatilityPct];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsi14 => "rsi14",
            Self::MacdHistPct => "macd_hist_pct",
            Self::EmaSpreadPct => "ema_spread_pct",
            Self::BollingerPct => "bollinger_pct",
            Self::VolatilityPct => "volatility_pct",
        }
    }
}

/// Condition that a rule watches.
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
        /// Trades of this side only.
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
    /// The curve has sold the threshold, percent of what it had to sell.
    CurveProgress,
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
    /// A wallet of a list buys; for the threshold, USD, at least, if there is one.
    SmartBuy {
        /// Name of the list; left out = any.
        #[serde(default)]
        list: Option<String>,
        /// Where the list has to rank the wallet, at least.
        #[serde(default)]
        score_min: Option<u8>,
    },
    /// A wallet of a list sells; as `SmartBuy`.
    SmartSell {
        /// Name of the list; left out = any.
        #[serde(default)]
        list: Option<String>,
        /// Where the list has to rank the wallet, at least.
        #[serde(default)]
        score_min: Option<u8>,
    },
    /// The threshold of distinct wallets of a list have bought more than they sold, within the window.
    SmartCluster {
        /// Name of the list; left out = any.
        #[serde(default)]
        list: Option<String>,
        /// Width of the window, seconds.
        window_s: Seconds,
    },
    /// The creator holds nothing any more.
    DevSold,
    /// The ten largest holders come to the threshold, percent of the supply.
    Top10Share,
    /// Wallets with a label come to the threshold, percent of the supply.
    LabelShare {
        /// Which.
        group: Group,
    },
    /// An indicator comes to the threshold at the end of a bar.
    IndicatorCross {
        /// Which.
        indicator: Indicator,
        /// Length of the bars, seconds: one of those that indicators are computed for.
        interval_s: Seconds,
        /// From below (up) or from above (down).
        #[serde(default)]
        direction: Direction,
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
            Self::CurveProgress => "curve_progress",
            Self::Completed => "completed",
            Self::Migrated => "migrated",
            Self::NewToken => "new_token",
            Self::FeedStale => "feed_stale",
            Self::Target { .. } => "target",
            Self::Stop { .. } => "stop",
            Self::SmartBuy { .. } => "smart_buy",
            Self::SmartSell { .. } => "smart_sell",
            Self::SmartCluster { .. } => "smart_cluster",
            Self::DevSold => "dev_sold",
            Self::Top10Share => "top10_share",
            Self::LabelShare { .. } => "label_share",
            Self::IndicatorCross { .. } => "indicator_cross",
        }
    }

    /// Name of the threshold, and how large it may be; none of a kind without one.
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
            Self::SmartBuy { .. } | Self::SmartSell { .. } => ("a value in USD, or left out", f64::MAX),
            Self::SmartCluster { .. } => ("a number of wallets", 1e6),
            Self::CurveProgress | Self::Top10Share | Self::LabelShare { .. } => ("a percentage", 100.0),
            Self::IndicatorCross { .. } => ("a value of the indicator", 1e9),
            Self::FeedStale => ("a number of seconds", 2_592_000.0),
            Self::LiquidityRemoved | Self::Completed | Self::Migrated | Self::NewToken | Self::DevSold => {
                return None;
            }
        })
    }

    /// True if the threshold may be left out.
    pub(super) const fn is_threshold_optional(&self) -> bool {
        matches!(self, Self::AllTimeHigh | Self::SmartBuy { .. } | Self::SmartSell { .. })
    }

    /// True if a threshold may be zero or less.
    pub(super) const fn may_be_negative(&self) -> bool {
        matches!(self, Self::IndicatorCross { .. })
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
                | Self::SmartBuy { .. }
                | Self::SmartSell { .. }
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
            Self::SmartBuy { list, score_min } | Self::SmartSell { list, score_min } => {
                check(list.as_ref().is_none_or(|list| !list.is_empty()), "list", EMPTY.to_owned());
                let is_score = score_min.is_none_or(|score| score <= 100);
                check(is_score, "score_min", "must be from 0 to 100".to_owned());
            }
            Self::SmartCluster { list, window_s } => {
                check(list.as_ref().is_none_or(|list| !list.is_empty()), "list", EMPTY.to_owned());
                let is_right = (1..=LOOKBACK_S_MAX).contains(window_s);
                check(is_right, "window_s", format!("is {window_s}, must be from 1 to {LOOKBACK_S_MAX}"));
            }
            Self::IndicatorCross { interval_s, .. } => {
                let is_right = (1..=BAR_S_MAX).contains(interval_s);
                check(is_right, "interval_s", format!("is {interval_s}, must be from 1 to {BAR_S_MAX}"));
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

const EMPTY: &str = "must name a list, or be left out";

/// The longest bar of an indicator that a rule may watch, seconds.
pub const BAR_S_MAX: Seconds = 2 * LOOKBACK_S_MAX;

/// How far back of a trade a rule may look, seconds.
pub const LOOKBACK_S_MAX: Seconds = 21_600;
