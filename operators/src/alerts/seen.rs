//! What the series that rules watch are at a point, and where they come from.

use std::collections::BTreeMap;

use model::rule::{BAR_S_MAX, Direction, Indicator, LOOKBACK_S_MAX, Level, SPIKE_WINDOWS, Unit};
use model::{Address, EventId, Seconds, Side};

use super::input::{Point, Shares, SmartTrade, What};
use super::market::{Market, Sight};
use super::watch::Series;

/// What a series did at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// The value before, and when that was; none at the first, and of an event.
    pub(super) before: Option<(f64, Seconds)>,
    pub(super) value: f64,
    /// Of two events that make the value, the earlier.
    pub(super) evidence: Option<EventId>,
    /// Not all that makes the value was known when it happened.
    pub(super) is_historical: bool,
}

impl Seen {
    pub(super) const fn event(value: f64) -> Self {
        Self { before: None, value, evidence: None, is_historical: false }
    }
}

/// What a window looks back to.
pub(super) trait Past {
    /// The price as of the end of a second.
    fn price(&self, unit: Unit, time: Seconds) -> Option<Sight>;
    /// The volume of all trades up to the end of a second, millionths of a USD.
    fn volume_micros(&self, time: Seconds) -> u64;
    /// The trades of listed wallets before the present point, the latest first.
    fn smart(&self) -> impl Iterator<Item = (&Point, &SmartTrade)>;
    /// The bars that ended before the present point, the latest first: when, how long, and an indicator.
    fn bars(&self, indicator: Indicator) -> impl Iterator<Item = (Seconds, Seconds, Option<f64>)>;
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
    let event = |value: f64| Seen::event(value);
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
                figures.value_micros.get().map(|micros| event(usd(micros)))
            }
            _ => None,
        },
        Series::Price(unit) => moved(before.price(unit), after.price(unit), point),
        Series::Cap(unit) => moved(before.cap(unit), after.cap(unit), point),
        Series::AboveHigh(unit) => {
            let seen = moved(before.above_high(unit), after.above_high(unit), point)?;
            Some(Seen { evidence: before.high(unit).map(|high| high.id), ..seen })
        }
        Series::Progress => moved(before.progress(), after.progress(), point),
        Series::Smart(list, side, score_min, is_valued) => smart((list, side, score_min, is_valued), point),
        Series::Cluster(list, window) => cluster(list, window, point, past),
        Series::DevSold | Series::Top10 | Series::Held(_) => share(series, before, point),
        Series::Indicator(indicator, interval) => bar(indicator, interval, point, past),
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
    Some(Seen { before, ..Seen::event(after.value) })
}

fn smart((list, side, score_min, is_valued): (Option<u64>, Side, u8, bool), point: &Point) -> Option<Seen> {
    let What::Smart(trade) = &point.what else { return None };
    let is_meant = list.is_none_or(|list| list == trade.list)
        && trade.side == side
        && trade.score.unwrap_or(0) >= score_min;
    let value = if is_valued { trade.value_micros.get().map(usd) } else { Some(1.0) };
    let value = value.filter(|_| is_meant)?;
    Some(Seen { is_historical: trade.is_historical, ..Seen::event(value) })
}

/// Source: DEFINITIONS §10, `smart_cluster`, with the rule's own number and window.
fn cluster(list: Option<u64>, window: Seconds, point: &Point, past: &impl Past) -> Option<Seen> {
    let is_meant = |trade: &SmartTrade| list.is_none_or(|list| list == trade.list);
    let What::Smart(present) = &point.what else { return None };
    let present = Some((point, present)).filter(|(_, trade)| is_meant(trade))?;
    let reach = point.time.saturating_sub(2 * window);
    let earlier = past.smart().take_while(|(point, _)| point.time > reach);
    let all: Vec<(&Point, &SmartTrade)> =
        std::iter::once(present).chain(earlier.filter(|(_, trade)| is_meant(trade))).collect();
    let (value, evidence, is_historical) = buyers(&all, window);
    let last = all.get(1).filter(|(last, _)| last.time + window > point.time);
    let before = last.map_or((0.0, point.time), |(last, _)| {
        (buyers(all.get(1..).unwrap_or_default(), window).0, last.time)
    });
    let evidence = evidence.filter(|event| *event != point.id);
    Some(Seen { before: Some(before), value, evidence, is_historical })
}

/// How many wallets bought more than they sold in the window that ends with the first of some trades, the
/// latest first; the first event of one of them; and whether one was not known to be listed.
fn buyers(trades: &[(&Point, &SmartTrade)], window: Seconds) -> (f64, Option<EventId>, bool) {
    let Some(end) = trades.first().map(|(point, _)| point.time) else { return (0.0, None, false) };
    let within = || trades.iter().take_while(|(point, _)| point.time + window > end);
    let mut net: BTreeMap<Address, i128> = BTreeMap::new();
    for (_, trade) in within() {
        *net.entry(trade.trader).or_default() += trade.signed();
    }
    net.retain(|_, base| *base > 0);
    let first = within().filter(|(_, trade)| net.contains_key(&trade.trader)).last();
    let is_historical = within().any(|(_, trade)| trade.is_historical);
    #[expect(clippy::cast_precision_loss, reason = "a number of wallets")]
    (net.len() as f64, first.map(|(point, _)| point.id), is_historical)
}

/// What is known of a token for the first time comes from nothing.
fn share(series: Series, before: &Market, point: &Point) -> Option<Seen> {
    let What::Shares(shares) = &point.what else { return None };
    let value = |shares: &Shares| match series {
        Series::Top10 => shares.top10_pct(),
        Series::Held(group) => shares.group_pct(group),
        _ => shares.has_dev_sold.map(|has_sold| if has_sold { 1.0 } else { 0.0 }),
    };
    let last = before.shares.and_then(|(shares, time)| Some((value(&shares)?, time)));
    let last = last.unwrap_or((f64::NEG_INFINITY, point.time));
    Some(Seen { before: Some(last), ..Seen::event(value(shares)?) })
}

fn bar(indicator: Indicator, interval: Seconds, point: &Point, past: &impl Past) -> Option<Seen> {
    let What::Bar(bar) = &point.what else { return None };
    let value = bar.value(indicator).filter(|_| u64::from(bar.interval_s) == interval)?;
    let mut earlier =
        past.bars(indicator).take_while(|(end, ..)| end.saturating_add(BAR_S_MAX) >= point.time);
    let last = earlier.find(|(_, length, _)| *length == interval);
    let before = last.and_then(|(end, _, value)| Some((value?, end)));
    Some(Seen { before, ..Seen::event(value) })
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
    Some(Seen { before, evidence: Some(then), ..Seen::event(value) })
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
    Some(Seen { before, ..Seen::event(value) })
}
