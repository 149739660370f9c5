//! What a rule watches: a series of values, and the level at which it fires.
//!
//! A rule that waits for less is one that waits for more of the negated value, so that there is one case:
//! a value that comes from below to a level. All rules that watch one series one way share a [`Track`], and
//! are indexed in it by level.

use model::rule::{Direction, Kind, LOOKBACK_S_MAX, Level, SPIKE_WINDOWS, Unit};
use model::{EventId, Rule, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::input::{Point, What};
use super::market::{Market, Sight};

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
    /// Percent since the rule last spoke: another value for every rule.
    SinceAlert(Unit),
}

impl Series {
    /// True if the value is there with its event only.
    pub(super) const fn is_event(self) -> bool {
        matches!(self, Self::Value(_) | Self::Liquidity(_) | Self::Completed | Self::Migrated | Self::Created)
    }

    /// True if it is made of more than a point and the one before.
    pub(super) const fn looks_back(self) -> bool {
        self.lookback() > 0
    }

    /// How far back of a point it looks.
    const fn lookback(self) -> Seconds {
        match self {
            Self::Move(_, window) => window,
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
            Kind::Target { entry } => (Series::Price(unit), false, entry.0 * (1.0 + threshold / 100.0)),
            Kind::Stop { entry } => (Series::Price(unit), true, -(entry.0 * (1.0 - threshold / 100.0))),
        };
        let reset = rule.options.reset_pct.0;
        let back = match series {
            Series::AboveHigh(_) => -reset,
            _ => level - level.abs() * reset / 100.0,
        };
        // With a band of nothing it still has to have been below the level.
        let back = back.min(level.next_down());
        Self { track: Track { series, is_falling }, level, back, lookback: series.lookback() }
    }
}

/// What a series did at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// The value before, and when that was; none at the first, and of an event.
    pub(super) before: Option<(f64, Seconds)>,
    pub(super) value: f64,
    /// Of two events that make the value, the earlier.
    pub(super) evidence: Option<EventId>,
}

/// What a window looks back to.
pub(super) trait Past {
    /// The price as of the end of a second.
    fn price(&self, unit: Unit, time: Seconds) -> Option<Sight>;
    /// The volume of all trades up to the end of a second, millionths of a USD.
    fn volume_micros(&self, time: Seconds) -> u64;
}

/// What a series is at a point that takes the token from `before` to `after`; none if the point says nothing
/// of it, or it is not known.
///
/// Source: DEFINITIONS §12.
pub(super) fn seen(
    series: Series,
    (before, after): (&Market, &Market),
    point: &Point,
    past: &impl Past,
) -> Option<Seen> {
    let event = |value: f64| Seen { before: None, value, evidence: None };
    match series {
        Series::Completed => matches!(point.what, What::Completed).then(|| event(1.0)),
        Series::Migrated => matches!(point.what, What::Migrated).then(|| event(1.0)),
        Series::Created => matches!(point.what, What::Created { .. }).then(|| event(1.0)),
        Series::Liquidity(direction) => match point.what {
            What::Liquidity { is_in, pct } if is_in == (direction == Direction::Up) => Some(event(pct.get())),
            _ => None,
        },
        Series::Value(side) => match point.what {
            What::Trade(figures) if side.is_none_or(|side| side == figures.side) => {
                figures.value_micros.map(|micros| event(usd(micros)))
            }
            _ => None,
        },
        Series::Price(unit) => moved(before.price(unit), after.price(unit), point),
        Series::Cap(unit) => moved(before.cap(unit), after.cap(unit), point),
        Series::AboveHigh(unit) => {
            let seen = moved(before.above_high(unit), after.above_high(unit), point)?;
            Some(Seen { evidence: before.high(unit).map(|high| high.id), ..seen })
        }
        Series::Move(unit, window) => in_window(unit, window, (before, after), point, past),
        Series::Volume(window, floor) => volume((window, floor), (before, after), point, past),
        // Time moves it, not a point; and every rule has one of its own.
        Series::Silence | Series::SinceAlert(_) => None,
    }
}

/// Millionths of a USD as USD.
#[expect(clippy::cast_precision_loss, reason = "exact up to nine billion USD")]
pub(super) fn usd(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn moved(before: Option<Sight>, after: Option<Sight>, point: &Point) -> Option<Seen> {
    let after = after.filter(|after| after.id == point.id)?;
    let before = before.map(|before| (before.value, before.time));
    Some(Seen { before, value: after.value, evidence: None })
}

/// Percent between the price `window` before it and a price.
fn change(unit: Unit, window: Seconds, sight: &Sight, past: &impl Past) -> Option<(f64, EventId)> {
    let then = past.price(unit, sight.time.checked_sub(window)?)?;
    Some((100.0 * (sight.value / then.value - 1.0), then.id))
}

fn in_window(
    unit: Unit,
    window: Seconds,
    (before, after): (&Market, &Market),
    point: &Point,
    past: &impl Past,
) -> Option<Seen> {
    let sight = after.price(unit).filter(|sight| sight.id == point.id)?;
    let (value, then) = change(unit, window, &sight, past)?;
    let last = before.price(unit).filter(|last| is_near(last.time, point.time));
    let before = last.and_then(|last| Some((change(unit, window, &last, past)?.0, last.time)));
    Some(Seen { before, value, evidence: Some(then) })
}

/// What was longer ago is not what a value has changed from: nobody keeps what it was made of.
const fn is_near(before: Seconds, time: Seconds) -> bool {
    before.saturating_add(LOOKBACK_S_MAX) >= time
}

fn volume(
    (window, floor): (Seconds, Level),
    (before, after): (&Market, &Market),
    point: &Point,
    past: &impl Past,
) -> Option<Seen> {
    matches!(point.what, What::Trade(_)).then_some(())?;
    let ratio = |market: &Market, time: Seconds| {
        let start = time.checked_sub(window * (SPIKE_WINDOWS + 1))?;
        market.was_traded_by(start).then_some(())?;
        let middle = past.volume_micros(time - window);
        let present = usd(market.volume_micros.wrapping_sub(middle));
        #[expect(clippy::cast_precision_loss, reason = "twelve")]
        let mean = usd(middle.wrapping_sub(past.volume_micros(start))) / SPIKE_WINDOWS as f64;
        (mean > 0.0 && mean >= floor.0).then(|| present / mean)
    };
    let value = ratio(after, point.time)?;
    let last = before.last_trade.filter(|(last, _)| is_near(*last, point.time));
    let before = last.and_then(|(last, _)| Some((ratio(before, last)?, last)));
    Some(Seen { before, value, evidence: None })
}
