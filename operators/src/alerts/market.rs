//! What is known of a token at a point: a fold over its points, of a fixed size.

use model::rule::{Filter, Unit};
use model::{Address, EventId, Program, Seconds};
use serde::{Deserialize, Serialize};

use super::input::{Curve, Figures, Point, Shares, Sold, What};

/// A number that was seen, when, and in which event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sight {
    pub(super) value: f64,
    pub(super) time: Seconds,
    pub(super) id: EventId,
}

/// See the module. Pairs are in USD and in SOL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Market {
    prices: [Option<Sight>; 2],
    caps: [Option<Sight>; 2],
    highs: [Option<Sight>; 2],
    /// By how much the last price was above the highest before it, percent.
    above_high: [Option<Sight>; 2],
    supply: Option<f64>,
    curve: Curve,
    /// How much of the curve is sold, percent.
    progress: Option<Sight>,
    /// How holdings are spread, and since when.
    pub(super) shares: Option<(Shares, Seconds)>,
    /// Millionths of a USD, of all trades.
    pub(super) volume_micros: u64,
    first_trade: Option<Seconds>,
    pub(super) last_trade: Option<(Seconds, EventId)>,
    created: Option<(Seconds, Option<Address>)>,
    /// Of the last event.
    program: Option<Program>,
}

/// The place of a unit in a pair.
pub(super) const fn at(unit: Unit) -> usize {
    match unit {
        Unit::Usd => 0,
        Unit::Sol => 1,
    }
}

/// The usual bonding curve of pump: what is taken of one that nobody saw created.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    /// Base that sets the price and is not for sale, raw units.
    pub apart: Option<i64>,
    /// Base that there is to sell, raw units.
    pub to_sell: u64,
}

impl From<&crate::tokens::Params> for Usual {
    fn from(params: &crate::tokens::Params) -> Self {
        let apart = i128::from(params.curve_base) - i128::from(params.curve_to_sell);
        Self { apart: i64::try_from(apart).ok(), to_sell: params.curve_to_sell }
    }
}

impl Market {
    /// Takes in the next point.
    pub(super) fn take(&mut self, point: &Point, usual: Usual) {
        self.program = point.program.or(self.program);
        match &point.what {
            What::Trade(figures) => self.trade(point, figures, usual),
            What::Created { creator, supply, curve } => {
                self.created.get_or_insert((point.time, *creator));
                self.supply = supply.map(model::Price::get).or(self.supply);
                if let Some(curve) = curve {
                    self.curve = *curve;
                    self.sold(point);
                }
            }
            What::Curve(curve) => {
                let Curve { apart, to_sell, .. } = self.curve;
                self.curve = Curve { apart: curve.apart.or(apart), to_sell, ..*curve };
                self.sold(point);
            }
            What::Completed => self.progress = Some(Sight { value: 100.0, time: point.time, id: point.id }),
            What::Shares(shares) => self.shares = Some((*shares, point.time)),
            What::Migrated | What::Liquidity { .. } | What::Smart(_) | What::Bar(_) => {}
        }
    }

    /// Works out how much of the curve is sold.
    ///
    /// Source: DEFINITIONS §5, `curve_progress_pct`.
    fn sold(&mut self, point: &Point) {
        let Curve { reserve, apart, to_sell } = self.curve;
        let Some(((reserve, apart), to_sell)) = reserve.get().zip(apart).zip(to_sell.get()) else { return };
        let Ok(left) = u64::try_from(i128::from(reserve) - i128::from(apart)) else { return };
        if to_sell == 0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "a percentage of amounts")]
        let value = (100.0 * (1.0 - left as f64 / to_sell as f64)).clamp(0.0, 100.0);
        self.is_at(value, point);
    }

    /// Takes note of how far the curve is, unless it is over.
    fn is_at(&mut self, value: f64, point: &Point) {
        if self.progress.is_none_or(|progress| progress.value < 100.0) {
            self.progress = Some(Sight { value, time: point.time, id: point.id });
        }
    }

    fn trade(&mut self, point: &Point, figures: &Figures, usual: Usual) {
        let sight = |value: f64| Sight { value, time: point.time, id: point.id };
        match figures.curve {
            Some(Sold::Said(said)) => {
                said.into_iter().for_each(|pct| self.is_at(pct.get(), point));
            }
            Some(Sold::Reserve { base, is_usual }) => {
                self.curve.reserve = Some(base).into();
                if is_usual {
                    self.curve.apart = self.curve.apart.or(usual.apart);
                    self.curve.to_sell = self.curve.to_sell.get().or(Some(usual.to_sell)).into();
                }
                self.sold(point);
            }
            None => {}
        }
        self.supply = figures.supply.map(model::Price::get).or(self.supply);
        for (at, price) in figures.prices.iter().enumerate() {
            let Some(price) = price.map(model::Price::get) else { continue };
            self.prices[at] = Some(sight(price));
            let cap = figures.caps[at].map(model::Price::get);
            if let Some(cap) = cap.or_else(|| Some(price * self.supply?)) {
                self.caps[at] = Some(sight(cap));
            }
            let high = self.highs[at].map(|high| high.value);
            self.above_high[at] = high.map(|high| sight(100.0 * (price / high - 1.0)));
            if high.is_none_or(|high| price > high) {
                self.highs[at] = Some(sight(price));
            }
        }
        self.volume_micros = self.volume_micros.wrapping_add(figures.value_micros.get().unwrap_or(0));
        self.first_trade.get_or_insert(point.time);
        self.last_trade = Some((point.time, point.id));
    }

    pub(super) fn price(&self, unit: Unit) -> Option<Sight> {
        self.prices[at(unit)]
    }

    pub(super) fn cap(&self, unit: Unit) -> Option<Sight> {
        self.caps[at(unit)]
    }

    pub(super) fn progress(&self) -> Option<Sight> {
        self.progress
    }

    pub(super) fn high(&self, unit: Unit) -> Option<Sight> {
        self.highs[at(unit)]
    }

    pub(super) fn above_high(&self, unit: Unit) -> Option<Sight> {
        self.above_high[at(unit)]
    }

    /// True if the token was traded at `time` or before.
    pub(super) fn was_traded_by(&self, time: Seconds) -> bool {
        self.first_trade.is_some_and(|first| first <= time)
    }

    /// True if a filter lets the token pass at a point. What is not known does not pass.
    ///
    /// Source: DEFINITIONS §12, scope.
    pub(super) fn passes(&self, filter: &Filter, time: Seconds) -> bool {
        let of_program = |program: Program| filter.programs.contains(&program);
        let is_program = filter.programs.is_empty() || self.program.is_some_and(of_program);
        let creator = self.created.and_then(|(_, creator)| creator);
        let is_creator =
            filter.creators.is_empty() || creator.is_some_and(|creator| filter.creators.contains(&creator));
        let cap = self.cap(Unit::Usd).map(|cap| cap.value);
        let is_large = filter.market_cap_usd_min.is_none_or(|min| cap.is_some_and(|cap| cap >= min.0));
        let is_small = filter.market_cap_usd_max.is_none_or(|max| cap.is_some_and(|cap| cap <= max.0));
        let is_young = filter
            .age_s_max
            .is_none_or(|age| self.created.is_some_and(|(created, _)| time.saturating_sub(created) <= age));
        is_program && is_creator && is_large && is_small && is_young
    }
}
