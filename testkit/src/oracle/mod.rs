//! What the outputs should be, worked out from scratch.
//!
//! It takes the bag of events that have come, in the order in which they came only because lateness is
//! judged by it, and recomputes everything by the definitions, in the plainest way: whole lists, sorted
//! and scanned, nothing incremental. Slow on purpose, and written without the operators' code but for
//! the types that carry the results.

pub mod alerts;
mod candles;
mod holders;
mod indicators;
mod labels;
mod leaders;
mod rating;
mod series;
mod smart;
mod tokens;
mod usd;
mod wallets;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use dataflows::Params;
use model::{
    Address, ChainEvent, Commitment, Event, EventId, Migrated, Price, Record, Row, Seconds, SlotState, Trade,
    TxPlace,
};
use operators::commitment::{Committed, SingleEvent};
use operators::holders::{Concentration, Holder, Holdings};
use operators::labels::{LabelKind, LabelSet, Mark};
use operators::prices::PricedTrade;
use operators::smart::Match;
use operators::tokens::{Lifecycle, Stage};
use operators::trades::CommittedTrade;
use operators::usd::ValuedTrade;

use crate::run::Tables;

/// The records that it knows.
const RECORDS: [&str; 16] = [
    "trades",
    "candles",
    "token_stats",
    "labels",
    "indicators",
    "holders",
    "concentration",
    "tokens",
    "pools",
    "lifecycle",
    "leaders",
    "wallet_positions",
    "wallet_stats",
    "smart_list",
    "smart_matches",
    "smart_clusters",
];

/// The rows of all records after `events` have come and time has reached `now`; none of what is empty.
///
/// `tokens` and `pools` are as of the second before, `leaders` and what `tokens` says of holders as of the
/// one before that. `received_at` of
/// the trades is left out: of several deliveries any may stand once a slot is final.
#[must_use]
pub fn tables(events: &[Event], now: Seconds, params: &Params) -> Tables {
    tables_of(|_| true, events, now, params)
}

/// The rows of those records that are wanted, as [`tables`] says them.
#[must_use]
pub fn tables_of(is_wanted: fn(&str) -> bool, events: &[Event], now: Seconds, params: &Params) -> Tables {
    let facts = Facts::new(events, now, params);
    let names = RECORDS.into_iter().filter(|name| is_wanted(name));
    let tables = names.map(|name| (name, facts.table(name)));
    tables.filter(|(_, table)| !table.is_empty()).collect()
}

/// The rows of all records after `events` have come, which are all: nothing lags.
#[must_use]
pub fn tables_at_end(events: &[Event], now: Seconds, params: &Params) -> Tables {
    let facts = Facts { is_end: true, ..Facts::new(events, now, params) };
    let tables = RECORDS.into_iter().map(|name| (name, facts.table(name)));
    tables.filter(|(_, table)| !table.is_empty()).collect()
}

/// The rows of one record, as [`tables`] says them.
#[must_use]
pub fn table(name: &str, events: &[Event], now: Seconds, params: &Params) -> BTreeMap<Row, Row> {
    Facts::new(events, now, params).table(name)
}

/// What every record is worked out from.
struct Facts<'a> {
    events: &'a [Event],
    now: Seconds,
    params: &'a Params,
    states: BTreeMap<u64, SlotState>,
    survivors: Vec<ChainEvent>,
    moves: Vec<Migrated>,
    valued: Vec<ValuedTrade>,
    /// Which series each of them speaks for.
    parts: Vec<series::Part>,
    /// True if all events have come and all rows are up to date.
    is_end: bool,
}

impl<'a> Facts<'a> {
    fn new(events: &'a [Event], now: Seconds, params: &'a Params) -> Self {
        let states = slot_states(events);
        let survivors = survivors(events, &states, params);
        let trades: Vec<Trade> = survivors.iter().filter_map(as_trade).collect();
        let moves: Vec<Migrated> = survivors.iter().filter_map(as_migration).collect();
        let valued = usd::usd(&prices(&trades, params), events, params);
        let parts = series::parts(&valued, &moves, &params.market.candles);
        Self { events, now, params, states, survivors, moves, valued, parts, is_end: false }
    }

    fn table(&self, name: &str) -> BTreeMap<Row, Row> {
        let Self { events, now, params, survivors, moves, valued, parts, .. } = self;
        let market = &params.market;
        match name {
            "trades" => self.trades(),
            "candles" => rows(&candles::candles(valued, moves, *now, &market.candles)),
            "token_stats" => {
                let marks = labels::labels(survivors, events, *now, params).1;
                rows(&windows::windows((valued, parts), moves, &marks, *now, &market.windows))
            }
            "labels" => rows(&labels::labels(survivors, events, *now, params).0),
            "indicators" => rows(&indicators::indicators(events, (*now, self.is_end), params)),
            "holders" => rows(&self.before().held().0),
            "concentration" => rows(&self.before().held().1),
            "tokens" => rows(&tokens::tokens(&self.before()).0),
            "pools" => rows(&tokens::tokens(&self.before()).1),
            "lifecycle" => rows(&self.lifecycle()),
            "leaders" => {
                let tokens = tokens::tokens(&self.before().before()).0;
                rows(&leaders::leaders(&tokens, &market.leaders))
            }
            "wallet_positions" => wallets::positions(self),
            "wallet_stats" => wallets::stats(self),
            "smart_list" => rows(&smart::list(self)),
            "smart_matches" => rows(&self.stamped(self.matches())),
            "smart_clusters" => rows(&self.stamped(smart::clusters(&self.matches(), params))),
            _ => panic!("the oracle does not know `{name}`"),
        }
    }

    /// The facts as of the end of the second before, which some records say at any time of a second; at the end the
    /// same facts.
    fn before(&self) -> Self {
        if self.is_end {
            return Self { is_end: true, ..Self::new(self.events, self.now, self.params) };
        }
        Self::new(before(self.events, self.now), self.now.saturating_sub(1), self.params)
    }

    /// What is said of those who hold each token, as it was a second before.
    fn holdings(&self) -> BTreeMap<Address, Holdings> {
        let before = self.before();
        let labels = labels::labels(&before.survivors, before.events, before.now, self.params).0;
        let spreads = before.held().1;
        let of_token = |spread| holders::holdings(&before.survivors, &labels, spread);
        spreads.iter().map(|spread| (spread.mint, of_token(spread))).collect()
    }

    fn held(&self) -> (Vec<Holder>, Vec<Concentration>) {
        holders::holders(&self.survivors, self.params)
    }

    fn lifecycle(&self) -> Vec<Committed<Lifecycle>> {
        let stamp = |record: Lifecycle| {
            let of_slot = self.states.get(&record.moment.id.slot).and_then(|state| state.commitment());
            let commitment = match record.stage {
                Stage::Dead => Commitment::Finalized,
                _ => of_slot.unwrap_or(Commitment::Processed),
            };
            Committed { record, labels: LabelSet::default(), commitment }
        };
        tokens::tokens(self).2.into_iter().map(stamp).collect()
    }

    fn matches(&self) -> Vec<Match> {
        smart::matches(self)
    }

    /// Records with how settled the slots of their events are.
    fn stamped<R: SingleEvent>(&self, records: Vec<R>) -> Vec<Committed<R>> {
        let stamp = |record: R| {
            let of_slot = self.states.get(&record.event().slot).and_then(|state| state.commitment());
            let commitment = record.commitment(of_slot);
            Committed { record, labels: LabelSet::default(), commitment }
        };
        records.into_iter().map(stamp).collect()
    }

    fn trades(&self) -> BTreeMap<Row, Row> {
        let mut known =
            Known { events: self.events, now: self.now, params: self.params, marks: BTreeMap::new() };
        let stamped = self.valued.iter().map(|valued| {
            let id = valued.trade().origin.id;
            let commitment = self.states.get(&id.slot).and_then(|state| state.commitment());
            let commitment = commitment.unwrap_or(Commitment::Processed);
            CommittedTrade { record: valued.clone(), labels: known.labels(valued.trade()), commitment }
        });
        without_received_at(rows(&stamped.collect::<Vec<_>>()))
    }
}

fn rows<R: Record>(records: &[R]) -> BTreeMap<Row, Row> {
    records.iter().map(keyed).collect()
}

/// The marks of trades after `events` have come and time has reached `now`.
#[must_use]
pub fn marks(events: &[Event], now: Seconds, params: &Params) -> BTreeSet<Mark> {
    let survivors = survivors(events, &slot_states(events), params);
    labels::labels(&survivors, events, now, params).1
}

/// What was known of trades when their slots settled.
struct Known<'a> {
    events: &'a [Event],
    now: Seconds,
    params: &'a Params,
    marks: BTreeMap<Seconds, BTreeSet<Mark>>,
}

impl Known<'_> {
    /// The labels of a trade at the end of the second in which its slot was finalized, at the end of its
    /// horizon, or now.
    fn labels(&mut self, trade: &Trade) -> LabelSet {
        let id = trade.origin.id;
        let mut clock = 0;
        let finalized = self.events.iter().find_map(|event| {
            clock = clock.max(event.clock().unwrap_or(0));
            let Event::Slot(status) = event else { return None };
            (status.slot == id.slot && status.state == SlotState::Finalized).then_some(clock)
        });
        let horizon = trade.origin.block_time + self.params.correction_horizon_s;
        let at = finalized.unwrap_or(self.now).min(horizon).min(self.now);
        let marks = self.marks.entry(at).or_insert_with(|| {
            let mut clock = 0;
            let is_come = |event: &&Event| {
                clock = clock.max(event.clock().unwrap_or(0));
                clock <= at
            };
            let come = self.events.iter().take_while(is_come).count();
            marks(&self.events[..come], at, self.params)
        });
        let of_trade = marks.iter().filter(|mark| mark.event == id).map(|mark| mark.kind);
        of_trade.filter(|kind| *kind != LabelKind::Wash).collect()
    }
}

/// The events that came before the clock reached `now`.
fn before(events: &[Event], now: Seconds) -> &[Event] {
    let reaches = |event: &Event| event.clock().is_some_and(|second| second >= now);
    let count = events.iter().position(reaches).unwrap_or(events.len());
    &events[..count]
}

/// Sets `received_at` of `trades` to null, see [`tables`].
#[must_use]
pub fn without_received_at(mut trades: BTreeMap<Row, Row>) -> BTreeMap<Row, Row> {
    let at = CommittedTrade::SCHEMA.columns.iter().position(|column| column.name == "received_at");
    for row in trades.values_mut() {
        row[at.expect("trades have the column")] = model::Value::Null;
    }
    trades
}

fn keyed<R: Record>(record: &R) -> (Row, Row) {
    let row = record.row();
    (row[..R::SCHEMA.key].to_vec(), row)
}

fn as_trade(event: &ChainEvent) -> Option<Trade> {
    match event {
        ChainEvent::Trade(trade) => Some(*trade),
        _ => None,
    }
}

fn as_migration(event: &ChainEvent) -> Option<Migrated> {
    match event {
        ChainEvent::Migrated(event) => Some(event.clone()),
        _ => None,
    }
}

fn slot_states(events: &[Event]) -> BTreeMap<u64, SlotState> {
    let mut states: BTreeMap<u64, SlotState> = BTreeMap::new();
    for event in events {
        if let Event::Slot(status) = event {
            let state = states.entry(status.slot).or_insert(status.state);
            *state = status.state.max(*state);
        }
    }
    states
}

/// Each event once, none of dead slots, none that came too late; in canonical order.
fn survivors(events: &[Event], states: &BTreeMap<u64, SlotState>, params: &Params) -> Vec<ChainEvent> {
    let mut clock = 0;
    let mut by_place: BTreeMap<(u64, u64, u16, i16), ChainEvent> = BTreeMap::new();
    for event in events {
        clock = clock.max(event.clock().unwrap_or(0));
        let Event::Chain(event) = event else { continue };
        let origin = event.origin();
        let EventId { slot, outer_ix, inner_ix, .. } = origin.id;
        let is_late = origin.block_time + params.correction_horizon_s < clock;
        if is_late || states.get(&slot) == Some(&SlotState::Dead) {
            continue;
        }
        let place = (slot, TxPlace::prefix(&origin.signature), outer_ix, inner_ix);
        let least = by_place.entry(place).or_insert_with(|| event.clone());
        if event < least {
            *least = event.clone();
        }
    }
    // Two transactions may claim one name; the first of them has it.
    let mut names: BTreeSet<(u64, u32, u16, i16)> = BTreeSet::new();
    by_place.retain(|_, event| {
        let EventId { slot, tx, outer_ix, inner_ix } = event.origin().id;
        tx.index().is_none_or(|index| names.insert((slot, index, outer_ix, inner_ix)))
    });
    let mut survivors: Vec<ChainEvent> = by_place.into_values().collect();
    survivors.sort_by_key(|event| event.origin().id);
    survivors
}

/// Every trade with its price, judged in canonical order pool by pool.
fn prices(trades: &[Trade], params: &Params) -> Vec<PricedTrade> {
    let mut judged: Vec<PricedTrade> = Vec::new();
    for trade in trades {
        let of_pool: Vec<&PricedTrade> = judged.iter().filter(|p| p.trade.pool == trade.pool).collect();
        let first = trades.iter().filter(|t| t.pool == trade.pool && t.price().is_some() && !t.is_dust());
        let born = first.map(|t| t.origin.block_time).min().unwrap_or(0);
        judged.push(judge(*trade, &of_pool, born, params));
    }
    judged
}

fn judge(trade: Trade, before: &[&PricedTrade], born: Seconds, params: &Params) -> PricedTrade {
    let params = &params.market.prices;
    let (quote, base) = (trade.quote_amount, trade.base_amount);
    let Some(price) = Price::ratio(quote.into(), trade.quote_decimals, base.into(), trade.base_decimals)
    else {
        return PricedTrade { trade: trade.into(), price: None, price_ok: false };
    };
    let time = trade.origin.block_time;
    let clean = before.iter().rev().filter(|p| p.price_ok && !p.trade.is_dust());
    let last = clean.take(params.reference_trades);
    let near = last.filter(|p| p.trade.origin.block_time + params.reference_s >= time);
    let mut near: Vec<f64> = near.filter_map(|p| p.price).map(Price::get).collect();
    near.sort_by(f64::total_cmp);
    let factor = if time < born + params.young_s { params.factor_young } else { params.factor };
    let is_near = near.is_empty() || {
        let median = near[(near.len() - 1) / 2];
        price.get() / median <= factor && price.get() / median >= 1.0 / factor
    };
    let is_explained = trade.spot_before.zip(trade.spot_after).is_some_and(|(a, b)| {
        let slack = 1.0 + params.curve_tolerance_ratio;
        let (low, high) = (a.get().min(b.get()), a.get().max(b.get()));
        price.get() >= low / slack && price.get() <= high * slack
    });
    PricedTrade { trade: trade.into(), price: Some(price), price_ok: is_explained || is_near }
}
