//! What a rule watches, at every point of a token.

use std::collections::{BTreeMap, BTreeSet};

use model::rule::{Direction, Group, Indicator, Kind, Unit};
use model::{Address, EventId, Rule, Seconds, Side};
use operators::alerts::list_key;
use operators::indicators::Values;
use operators::number::Number;

use super::points::{Point, Smart, Sold, What, number};

/// One rule and one token.
pub(super) struct Asked<'a> {
    pub(super) rule: &'a Rule,
    pub(super) floor: Seconds,
    pub(super) points: &'a [Point],
    /// What the usual curve is like.
    pub(super) usual: &'a operators::tokens::Params,
}

/// A value and the event that it is measured from.
pub(super) type Value = (f64, Option<EventId>);

impl Asked<'_> {
    fn unit(&self) -> usize {
        usize::from(self.rule.unit == Unit::Sol)
    }

    pub(super) fn threshold(&self) -> f64 {
        self.rule.threshold.map_or(0.0, |level| level.0)
    }

    /// The last price up to a point.
    fn price(&self, upto: usize) -> Option<(f64, usize)> {
        (0..=upto).rev().find_map(|at| match self.points[at].what {
            What::Trade { prices, .. } => prices[self.unit()].map(|price| (price, at)),
            _ => None,
        })
    }

    pub(super) fn own_price(&self, at: usize) -> Option<f64> {
        self.price(at).filter(|(_, of)| *of == at).map(|(price, _)| price)
    }

    fn smart(&self, list: Option<&String>, score_min: Option<u8>, trade: &Smart) -> Option<Value> {
        let is_meant = is_of(list, trade) && trade.score >= score_min.unwrap_or(0);
        let value = if self.rule.threshold.is_some() { trade.value } else { Some(1.0) };
        value.filter(|_| is_meant).map(|value| (value, None))
    }

    /// Trades of wallets of a list in the window up to a point, in order.
    fn smart_trades(&self, list: Option<&String>, window: Seconds, upto: usize) -> Vec<(usize, Smart)> {
        let is_within = |at: &usize| self.points[*at].time + window > self.points[upto].time;
        let trades = (0..=upto).filter(is_within).filter_map(|at| match self.points[at].what {
            What::Smart(trade) if is_of(list, &trade) => Some((at, trade)),
            _ => None,
        });
        trades.collect()
    }

    /// The wallets that bought more than they sold there.
    fn buyers(&self, list: Option<&String>, window: Seconds, upto: usize) -> BTreeSet<Address> {
        let mut net: BTreeMap<Address, i128> = BTreeMap::new();
        for (_, trade) in self.smart_trades(list, window, upto) {
            *net.entry(trade.trader).or_default() += trade.base;
        }
        net.into_iter().filter(|(_, base)| *base > 0).map(|(trader, _)| trader).collect()
    }

    /// True if what a point shows was not all known when it happened.
    pub(super) fn is_historical(&self, at: usize) -> bool {
        match (&self.rule.kind, self.points[at].what) {
            (Kind::SmartCluster { list, window_s }, _) => {
                self.smart_trades(list.as_ref(), *window_s, at).iter().any(|(_, trade)| trade.is_historical)
            }
            (_, What::Smart(trade)) => trade.is_historical,
            _ => false,
        }
    }

    /// The event that causes what a point shows: itself, or the last trade.
    pub(super) fn cause(&self, at: usize) -> Option<EventId> {
        let is_trade = |point: &&Point| matches!(point.what, What::Trade { .. });
        self.points[at].id.or_else(|| self.points[..at].iter().rev().find(is_trade)?.id)
    }

    /// Percent of the curve that is sold, if a point shows that.
    fn progress(&self, upto: usize) -> Option<f64> {
        let (mut curve, mut is_over, mut shown) = ((None, None, None), false, None);
        for point in &self.points[..=upto] {
            shown = None;
            match point.what {
                What::Created { curve: Some(created), .. } => curve = created,
                What::Curve((sets, apart, _)) => curve = (sets, apart.or(curve.1), curve.2),
                What::Trade { curve: Some(Sold::Pct(said)), .. } => {
                    if let Some(said) = said.filter(|_| !is_over) {
                        shown = Some(said);
                        is_over = said >= 100.0;
                    }
                    continue;
                }
                What::Trade { curve: Some(Sold::Left(sets, is_usual)), .. } => {
                    curve.0 = Some(sets);
                    if is_usual {
                        let usual = i128::from(self.usual.curve_base) - i128::from(self.usual.curve_to_sell);
                        curve.1 = curve.1.or(Some(usual));
                        curve.2 = curve.2.or(Some(self.usual.curve_to_sell));
                    }
                }
                What::Completed => {
                    (shown, is_over) = (Some(100.0), true);
                    continue;
                }
                _ => continue,
            }
            let (Some(sets), Some(apart), Some(all)) = curve else { continue };
            let Ok(left) = u64::try_from(i128::from(sets) - apart) else { continue };
            if !is_over && all > 0 {
                let sold = 100.0 * (1.0 - number(left.into()) / number(all.into()));
                shown = Some(sold.clamp(0.0, 100.0));
                is_over = sold >= 100.0;
            }
        }
        shown
    }

    pub(super) fn cap(&self, at: usize, unit: usize) -> Option<f64> {
        let What::Trade { prices, caps, .. } = self.points[at].what else { return None };
        let supply = (0..=at).rev().find_map(|at| match self.points[at].what {
            What::Trade { supply, .. } | What::Created { supply, .. } => supply,
            _ => None,
        });
        caps[unit].or_else(|| Some(prices[unit]? * supply?))
    }

    /// Last point of a second or before.
    fn until(&self, time: Seconds, upto: usize) -> Option<usize> {
        (0..=upto).rev().find(|at| self.points[*at].time <= time)
    }

    fn volume(&self, from: Seconds, to: Seconds, upto: usize) -> f64 {
        let values = self.points[..=upto].iter().filter(|point| point.time > from && point.time <= to);
        let micros = values.filter_map(|point| match point.what {
            What::Trade { value, .. } => value,
            _ => None,
        });
        // Whole millionths, so that the order of addition does not show.
        micros.map(|value| (value * 1e6).round()).sum::<f64>() / 1e6
    }

    /// How many wallets of a list have bought, and from when on.
    fn cluster(&self, list: Option<&String>, window: Seconds, at: usize) -> Value {
        let buyers = self.buyers(list, window, at);
        let of_them = |(_, trade): &(usize, Smart)| buyers.contains(&trade.trader);
        let first = self.smart_trades(list, window, at).into_iter().find(of_them);
        let first = first.filter(|(first, _)| self.points[*first].id != self.points[at].id);
        (number(buyers.len() as u128), first.and_then(|(at, _)| self.points[at].id))
    }

    /// By how much a price is above all before it, percent.
    fn above_high(&self, at: usize) -> Option<Value> {
        let price = self.own_price(at)?;
        let earlier = (0..at).filter_map(|at| Some((self.own_price(at)?, at)));
        // Of equal ones the first.
        let high = earlier.fold(None, |high: Option<(f64, usize)>, (price, at)| match high {
            Some((most, _)) if price <= most => high,
            _ => Some((price, at)),
        })?;
        Some((100.0 * (price / high.0 - 1.0), self.points[high.1].id))
    }

    /// By how much a price is above that of a window ago, percent.
    fn price_move(&self, window: Seconds, at: usize) -> Option<Value> {
        let price = self.own_price(at)?;
        let then = self.until(self.points[at].time.checked_sub(window)?, at)?;
        let (before, of) = self.price(then)?;
        Some((100.0 * (price / before - 1.0), self.points[of].id))
    }

    /// How often the volume of a window is the mean of the twelve before it.
    fn volume_spike(&self, window: Seconds, floor_usd: f64, at: usize) -> Option<f64> {
        let time = self.points[at].time;
        let start = time.checked_sub(13 * window)?;
        let is_trade = |at: usize| matches!(self.points[at].what, What::Trade { .. });
        let first = (0..=at).find(|at| is_trade(*at))?;
        (self.points[first].time <= start).then_some(())?;
        let mean = self.volume(start, time - window, at) / 12.0;
        (mean > 0.0 && mean >= floor_usd).then_some(())?;
        Some(self.volume(time - window, time, at) / mean)
    }

    /// The value that a point shows; none if it shows none.
    pub(super) fn value(&self, at: usize) -> Option<Value> {
        let what = self.points[at].what;
        let simple = |value: f64| Some((value, None));
        match (&self.rule.kind, what) {
            (Kind::PriceAbove | Kind::PriceBelow | Kind::Target { .. } | Kind::Stop { .. }, _) => {
                simple(self.own_price(at)?)
            }
            (Kind::MarketCapAbove | Kind::MarketCapBelow, _) => simple(self.cap(at, self.unit())?),
            (Kind::CurveProgress, _) => simple(self.progress(at)?),
            (Kind::SmartBuy { list, score_min }, What::Smart(trade)) if trade.side == Side::Buy => {
                self.smart(list.as_ref(), *score_min, &trade)
            }
            (Kind::SmartSell { list, score_min }, What::Smart(trade)) if trade.side == Side::Sell => {
                self.smart(list.as_ref(), *score_min, &trade)
            }
            (Kind::SmartCluster { list, window_s }, What::Smart(trade)) if is_of(list.as_ref(), &trade) => {
                Some(self.cluster(list.as_ref(), *window_s, at))
            }
            (Kind::Top10Share, What::Shares(shares)) => simple(shares.top10_pct()?),
            (Kind::LabelShare { group }, What::Shares(shares)) => {
                let at = Group::ALL.iter().position(|other| other == group)?;
                simple(f64::from(shares.groups[at]?) / 10.0)
            }
            (Kind::DevSold, What::Shares(shares)) => simple(f64::from(u8::from(shares.has_dev_sold?))),
            (Kind::IndicatorCross { indicator, interval_s, .. }, What::Bar { interval, values })
                if interval == *interval_s =>
            {
                simple(indicator_value(*indicator, &values)?)
            }
            (Kind::AllTimeHigh, _) => self.above_high(at),
            (Kind::PriceMove { window_s, .. }, _) => self.price_move(*window_s, at),
            (Kind::VolumeSpike { window_s, floor_usd }, What::Trade { .. }) => {
                simple(self.volume_spike(*window_s, floor_usd.0, at)?)
            }
            (Kind::WhaleTrade { side }, What::Trade { value, side: of, .. }) => {
                simple(value.filter(|_| side.is_none_or(|side| side == of))?)
            }
            (Kind::LiquidityChange { direction }, What::Liquidity { is_in, pct })
                if is_in == (*direction == Direction::Up) =>
            {
                simple(pct)
            }
            (Kind::LiquidityRemoved, What::Liquidity { is_in: false, pct }) => simple(pct),
            (Kind::Completed, What::Completed)
            | (Kind::Migrated, What::Migrated)
            | (Kind::NewToken, What::Created { .. }) => simple(1.0),
            _ => None,
        }
    }
}

pub(super) fn is_smart(kind: &Kind) -> bool {
    matches!(kind, Kind::SmartBuy { .. } | Kind::SmartSell { .. })
}

fn is_of(list: Option<&String>, trade: &Smart) -> bool {
    list.is_none_or(|list| list_key(list) == trade.list)
}

fn indicator_value(indicator: Indicator, values: &Values) -> Option<f64> {
    let slow = values.ema26.map(Number::get).filter(|slow| *slow != 0.0);
    Some(match indicator {
        Indicator::Rsi14 => values.rsi14?.get(),
        Indicator::MacdHistPct => 100.0 * values.macd_hist?.get() / slow?,
        Indicator::EmaSpreadPct => 100.0 * (values.ema12?.get() / slow? - 1.0),
        Indicator::BollingerPct => 100.0 * values.bb_position?.get(),
        Indicator::VolatilityPct => 100.0 * values.volatility?.get(),
    })
}
