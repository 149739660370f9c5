//! What a rule watches: a series of values, and the level at which it fires.
//!
//! A rule that waits for less is one that waits for more of the negated value, so that there is one case:
//! a value that comes from below to a level. All rules that watch one series one way share a [`Track`], and
//! are indexed in it by level.
//!
//! Prices are quotients that were rounded once, and so are levels, from the numbers as they are written
//! ([`model::exact`]): a price at a level has reached it.

use model::exact::changed_by_pct;
use model::rule::{Direction, Group, Indicator, Kind, Level, SPIKE_WINDOWS, Unit};
use model::{Rule, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::input::list_key;

/// A value of a token that goes up and down, or that is there with an event and gone at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Series {
    Price(Unit),
    Cap(Unit),
    /// Percent above the highest price before.
    AboveHigh(Unit),
    /// Percent in a window.
    Move(Unit, Seconds),
    /// A window's volume as a multiple of the mean of those before it; and the least mean, USD.
    Volume(Seconds, Level),
    /// Seconds without a trade.
    Silence,
    /// USD of a trade of this side, or of either.
    Value(Option<Side>),
    /// Percent that went into a pool, or came out.
    Liquidity(Direction),
    Completed,
    Migrated,
    Created,
    /// Percent of the curve that is sold.
    Progress,
    /// USD of a trade of a wallet on this list, or on any, that is ranked this high; 1 for a rule without
    /// a threshold.
    Smart(Option<u64>, Side, u8, bool),
    /// Distinct wallets of this list, or of any, that bought within a window.
    Cluster(Option<u64>, Seconds),
    DevSold,
    Top10,
    Held(Group),
    /// An indicator at bars of so many seconds.
    Indicator(Indicator, Seconds),
    /// Percent since the rule last spoke: another value for every rule.
    SinceAlert(Unit),
}

impl Series {
    /// True if the value is there with its event only.
    pub(super) const fn is_event(self) -> bool {
        matches!(
            self,
            Self::Value(_)
                | Self::Liquidity(_)
                | Self::Completed
                | Self::Migrated
                | Self::Created
                | Self::Smart(..)
        )
    }

    /// True if it is made of trades of listed wallets.
    pub(super) const fn is_of_matches(self) -> bool {
        matches!(self, Self::Smart(..) | Self::Cluster(..))
    }

    /// True if its value says nothing but that there was one.
    pub(super) const fn is_occurrence(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Migrated | Self::Created | Self::DevSold | Self::Smart(_, _, _, false)
        )
    }

    /// True if it is made of more than a point and the one before.
    pub(super) const fn looks_back(self) -> bool {
        self.lookback() > 0
    }

    /// How far back of a point it looks.
    const fn lookback(self) -> Seconds {
        match self {
            Self::Move(_, window) | Self::Cluster(_, window) => window,
            Self::Volume(window, _) => window * (SPIKE_WINDOWS + 1),
            _ => 0,
        }
    }
}

/// A series, seen from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Track {
    pub(super) series: Series,
    /// True if less is waited for.
    pub(super) is_falling: bool,
}

/// What a rule waits for, see the module.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Watch {
    pub(super) track: Track,
    /// It fires when the value, or the negated one, comes to this.
    pub(super) level: f64,
    /// It may fire again once that has been this or less.
    pub(super) back: f64,
    pub(super) lookback: Seconds,
}

impl Watch {
    /// What a rule waits for, by its kind and threshold.
    pub(super) fn of(rule: &Rule) -> Self {
        let threshold = rule.threshold.map_or(0.0, |level| level.0);
        let unit = rule.unit;
        let smart = |list: &Option<String>, side: Side, score_min: Option<u8>| {
            let list = list.as_deref().map(list_key);
            let (is_valued, level) = rule.threshold.map_or((false, 1.0), |level| (true, level.0));
            (Series::Smart(list, side, score_min.unwrap_or(0), is_valued), false, level)
        };
        let (series, is_falling, level) = match rule.kind {
            Kind::PriceAbove => (Series::Price(unit), false, threshold),
            Kind::PriceBelow => (Series::Price(unit), true, -threshold),
            Kind::PriceMove { window_s, direction } => {
                (Series::Move(unit, window_s), direction == Direction::Down, threshold)
            }
            Kind::MoveSinceAlert { direction } => {
                (Series::SinceAlert(unit), direction == Direction::Down, threshold)
            }
            Kind::MarketCapAbove => (Series::Cap(unit), false, threshold),
            Kind::MarketCapBelow => (Series::Cap(unit), true, -threshold),
            // Without a threshold, by anything at all.
            Kind::AllTimeHigh => (Series::AboveHigh(unit), false, threshold.max(f64::MIN_POSITIVE)),
            Kind::VolumeSpike { window_s, floor_usd } => {
                (Series::Volume(window_s, floor_usd), false, threshold)
            }
            Kind::WhaleTrade { side } => (Series::Value(side), false, threshold),
            Kind::LiquidityChange { direction } => (Series::Liquidity(direction), false, threshold),
            Kind::LiquidityRemoved => (Series::Liquidity(Direction::Down), false, 99.0),
            Kind::Completed => (Series::Completed, false, 1.0),
            Kind::Migrated => (Series::Migrated, false, 1.0),
            Kind::NewToken => (Series::Created, false, 1.0),
            Kind::FeedStale => (Series::Silence, false, threshold),
            Kind::Target { entry } => (Series::Price(unit), false, changed_by_pct(entry.0, threshold)),
            Kind::Stop { entry } => (Series::Price(unit), true, -changed_by_pct(entry.0, -threshold)),
            Kind::CurveProgress => (Series::Progress, false, threshold),
            Kind::SmartBuy { ref list, score_min } => smart(list, Side::Buy, score_min),
            Kind::SmartSell { ref list, score_min } => smart(list, Side::Sell, score_min),
            Kind::SmartCluster { ref list, window_s } => {
                (Series::Cluster(list.as_deref().map(list_key), window_s), false, threshold)
            }
            Kind::DevSold => (Series::DevSold, false, 1.0),
            Kind::Top10Share => (Series::Top10, false, threshold),
            Kind::LabelShare { group } => (Series::Held(group), false, threshold),
            Kind::IndicatorCross { indicator, interval_s, direction } => match direction {
                Direction::Up => (Series::Indicator(indicator, interval_s), false, threshold),
                Direction::Down => (Series::Indicator(indicator, interval_s), true, -threshold),
            },
        };
        let reset = rule.options.reset_pct.0;
        let back = match series {
            Series::AboveHigh(_) => -reset,
            _ if level > 0.0 => changed_by_pct(level, -reset),
            _ => -changed_by_pct(-level, reset),
        };
        // With a band of nothing it still has to have been below the level.
        let back = back.min(level.next_down());
        Self { track: Track { series, is_falling }, level, back, lookback: series.lookback() }
    }
}
