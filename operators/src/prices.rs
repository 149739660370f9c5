//! Is the price of a trade credible?
//!
//! Every trade has the price at which it was done; some of those prices say nothing of the market: a
//! launchpad's agent that trades off its curve, a route that books amounts oddly. Such a trade is kept
//! and counted, and stays out of the clean price series.
//!
//! A price is credible if the pool's own reserves explain it, which almost all do and which needs no
//! memory, or else if it is within a factor of the median of the clean trades before it. Only the few
//! trades that the reserves do not explain are kept, and judged again when a trade before them comes
//! late or is taken back.
//!
//! Source: DEFINITIONS §2, `price_ok`. "Before" is canonical order, so arrival decides nothing. With no
//! clean trade in reach there is nothing to hold against a price, and it stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Address, EventId, Price, Trade};
use serde::{Deserialize, Serialize};

use crate::prelude::*;
use crate::room;

/// Settings of [`prices`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How many of the last clean trades the median is of.
    pub reference_trades: usize,
    /// How far back those trades may lie, in seconds.
    pub reference_s: Seconds,
    /// How far from the median a price may be, as a factor.
    pub factor: f64,
    /// The same factor in a pool's first moments.
    pub factor_young: f64,
    /// How long a pool's first moments last, in seconds. They begin with its first trade of more than dust.
    pub young_s: Seconds,
    /// How far outside the prices before and after a trade its own may lie, as a ratio; fees cause some.
    pub curve_tolerance_ratio: f64,
    /// For how long the beginning of a silent pool is remembered, in seconds.
    pub remember_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            reference_trades: 21,
            reference_s: 300,
            factor: 4.0,
            factor_young: 10.0,
            young_s: 60,
            curve_tolerance_ratio: 0.03,
            remember_s: 30 * 86_400,
        }
    }
}

/// A trade with its price.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PricedTrade {
    /// The trade.
    pub trade: Arc<Trade>,
    /// Price at which it was done; none if an amount is zero.
    pub price: Option<Price>,
    /// True if that price is credible.
    pub price_ok: bool,
}

impl PricedTrade {
    /// The price, if it belongs to the clean series: credible, and of more than dust.
    #[must_use]
    pub fn clean_price(&self) -> Option<Price> {
        self.price.filter(|_| self.price_ok && !self.trade.is_dust())
    }
}

/// Prices every trade.
pub fn prices<'s>(
    trades: Collection<'s, Arc<Trade>>,
    params: &Params,
    horizon: Horizon,
    states: &States,
) -> Collection<'s, PricedTrade> {
    keyed::<Pool>(Intake::of(trades, Some), "prices", (params.clone(), horizon), states)
}

/// A clean trade that others are held against.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Reference {
    id: EventId,
    time: Seconds,
    price: Price,
}

/// A trade that the reserves do not explain.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Doubtful {
    trade: Arc<Trade>,
    price: Price,
    price_ok: bool,
}

/// What is kept of a pool.
#[derive(Default, Serialize, Deserialize)]
pub struct Pool {
    /// Block time of the first trade, once that cannot be corrected any more.
    settled_first: Option<Seconds>,
    /// When a trade last came.
    active_at: Seconds,
    is_forgotten: bool,
    /// In canonical order.
    references: Vec<Reference>,
    doubtful: BTreeMap<EventId, Doubtful>,
}

impl Pool {
    /// Judges again every doubtful trade from `id` on: a verdict depends on those before it.
    fn judge_from(&mut self, id: EventId, params: &Params) {
        let later: Vec<EventId> = self.doubtful.range(id..).map(|(id, _)| *id).collect();
        for id in later {
            let verdict = self.doubtful.get(&id).map(|doubtful| self.is_credible(id, doubtful, params));
            if let (Some(doubtful), Some(verdict)) = (self.doubtful.get_mut(&id), verdict) {
                doubtful.price_ok = verdict;
            }
        }
    }

    fn is_credible(&self, id: EventId, doubtful: &Doubtful, params: &Params) -> bool {
        let time = doubtful.trade.origin.block_time;
        let Some(median) = self.median_before(id, time, params) else { return true };
        let is_young = self.first().is_some_and(|first| time < first.saturating_add(params.young_s));
        let factor = if is_young { params.factor_young } else { params.factor };
        let ratio = doubtful.price.get() / median.get();
        ratio <= factor && ratio >= 1.0 / factor
    }

    /// The median of the last clean trades before `id`; of an even number, the lower one.
    fn median_before(&self, id: EventId, time: Seconds, params: &Params) -> Option<Price> {
        let end = self.references.partition_point(|r| r.id < id);
        let explained = self.references.iter().take(end).rev().copied();
        let stood = self.doubtful.range(..id).rev().filter(|(_, d)| d.price_ok && !d.trade.is_dust());
        let stood =
            stood.map(|(id, d)| Reference { id: *id, time: d.trade.origin.block_time, price: d.price });
        let is_near = |r: &Reference| r.time.saturating_add(params.reference_s) >= time;
        let mut nearest: Vec<Reference> =
            explained.take(params.reference_trades).chain(stood.take(params.reference_trades)).collect();
        nearest.sort_by_key(|reference| std::cmp::Reverse(reference.id));
        nearest.truncate(params.reference_trades);
        let mut prices: Vec<Price> = nearest.iter().filter(|r| is_near(r)).map(|r| r.price).collect();
        prices.sort();
        prices.get(prices.len().saturating_sub(1) / 2).copied()
    }

    fn touch_from(&self, id: EventId, pool: &Address, effects: &mut Effects<'_, Self>) {
        for (id, _) in self.doubtful.range(id..) {
            effects.touch(*id, self.output(pool, id, effects.params));
        }
    }

    /// Block time of the first trade of more than dust.
    fn first(&self) -> Option<Seconds> {
        let reference = self.references.first().map(|r| r.time);
        let mut doubtful = self.doubtful.values().filter(|d| !d.trade.is_dust());
        let doubtful = doubtful.next().map(|d| d.trade.origin.block_time);
        self.settled_first.or_else(|| reference.into_iter().chain(doubtful).min())
    }

    fn change_reference(&mut self, reference: Reference, diff: Diff) {
        let at = room::place(&self.references, |r| r.id < reference.id);
        let is_there = self.references.get(at).is_some_and(|r| r.id == reference.id);
        if diff < 0 && is_there {
            self.references.remove(at);
        } else if diff > 0 && !is_there {
            self.references.insert(at, reference);
        }
    }

    fn oldest(&self) -> Option<Seconds> {
        let references = self.references.first().map(|r| r.time);
        let doubtful = self.doubtful.first_key_value().map(|(_, d)| d.trade.origin.block_time);
        references.into_iter().chain(doubtful).min()
    }
}

/// True if the trade was done between the prices that the reserves give before and after it.
fn is_explained(trade: &Trade, price: Price, params: &Params) -> bool {
    let (Some(before), Some(after)) = (trade.spot_before, trade.spot_after) else { return false };
    let (low, high) = (before.min(after).get(), before.max(after).get());
    let slack = 1.0 + params.curve_tolerance_ratio;
    price.get() <= high * slack && price.get() >= low / slack
}

impl State for Pool {
    type Key = Address;
    type Input = Arc<Trade>;
    type Part = EventId;
    type Output = PricedTrade;
    type Params = (Params, Horizon);

    fn key(trade: &Arc<Trade>) -> Address {
        trade.pool
    }

    fn route(pool: &Address) -> u64 {
        pool.route()
    }

    fn apply(&mut self, pool: &Address, trade: Arc<Trade>, diff: Diff, effects: &mut Effects<'_, Self>) {
        let (params, _) = effects.params;
        let (id, time) = (trade.origin.id, trade.origin.block_time);
        self.active_at = self.active_at.max(effects.now);
        self.is_forgotten = false;
        let Some(price) = trade.price() else {
            effects.emit(PricedTrade { trade, price: None, price_ok: false }, diff);
            return;
        };
        let first = self.first();
        if is_explained(&trade, price, params) {
            if !trade.is_dust() {
                self.change_reference(Reference { id, time, price }, diff);
            }
            effects.emit(PricedTrade { trade, price: Some(price), price_ok: true }, diff);
        } else {
            effects.touch(id, self.output(pool, &id, effects.params));
            if diff > 0 {
                self.doubtful.insert(id, Doubtful { trade, price, price_ok: true });
            } else {
                self.doubtful.remove(&id);
            }
        }
        // Whatever this trade does, it does to doubtful ones after it; another beginning of the pool's
        // life concerns them all.
        let from = if self.first() == first { id } else { EventId::FIRST };
        self.touch_from(from, pool, effects);
        self.judge_from(from, params);
    }

    fn next_timer(&self, (params, horizon): &Self::Params) -> Option<Seconds> {
        // Not at every trade's own end: letting go in steps costs less than it keeps.
        let let_go = self.oldest().map(|oldest| oldest + horizon.0 + 2 * params.reference_s + 1);
        Some(let_go.unwrap_or(self.active_at.saturating_add(params.remember_s)))
    }

    fn on_timer(&mut self, _: &Address, effects: &mut Effects<'_, Self>) {
        let (params, horizon) = effects.params;
        let keep = Horizon(horizon.0 + params.reference_s);
        if self.first().is_some_and(|first| keep.is_past(first, effects.now)) {
            self.settled_first = self.first();
        }
        self.references.retain(|r| !keep.is_past(r.time, effects.now));
        self.doubtful.retain(|_, d| !keep.is_past(d.trade.origin.block_time, effects.now));
        let is_silent = self.active_at.saturating_add(params.remember_s) <= effects.now;
        self.is_forgotten = is_silent && self.oldest().is_none();
    }

    fn output(&self, _: &Address, id: &EventId, _: &Self::Params) -> Option<PricedTrade> {
        let Doubtful { trade, price, price_ok } = self.doubtful.get(id)?;
        Some(PricedTrade { trade: Arc::clone(trade), price: Some(*price), price_ok: *price_ok })
    }

    fn is_idle(&self) -> bool {
        self.is_forgotten
    }

    /// Trades stand for as long as what they are made of does.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}
