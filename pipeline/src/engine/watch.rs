//! What there is to see of a run while it runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dataflows::Tally;
use model::time::second_of;
use model::{Address, ChainEvent, Change, Event, Millis, Row, Schema, Seconds, Time, Value};
use sinks::{Flush, Table};

/// Counts, clocks and the latest candles of a run. Filled by the engine, read by a screen or a log.
#[derive(Debug, Default)]
pub struct Watch {
    events: AtomicU64,
    trades: AtomicU64,
    candles: AtomicU64,
    event_second: AtomicU64,
    closed_second: AtomicU64,
    /// In thousandths; more than 1000 = not known.
    done: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// When the batches that are not yet closed were handed over, by their last time.
    open: BTreeMap<Time, Instant>,
    lag_ms: Option<Millis>,
    rejects: BTreeMap<String, u64>,
    tally: Tally,
    tokens: HashMap<Address, TokenCandle>,
}

/// The latest one-minute candle of a token's primary series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TokenCandle {
    pub(crate) mint: Address,
    /// Start of the minute.
    pub(crate) open_time: Seconds,
    pub(crate) trades: u64,
    /// Raw quote units.
    pub(crate) volume_quote: i128,
    /// Open, high, low, close.
    pub(crate) prices: Option<[f64; 4]>,
}

/// Tokens whose latest candle is older than this are no longer shown.
const SHOWN_S: Seconds = 120;

impl Watch {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn took_in(&self, batches: &[(Time, Vec<Event>)], second: Seconds) {
        let events: usize = batches.iter().map(|(_, events)| events.len()).sum();
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        let is_trade = |event: &&Event| matches!(event, Event::Chain(ChainEvent::Trade(_)));
        let trades = batches.iter().flat_map(|(_, events)| events).filter(is_trade).count();
        self.trades.fetch_add(trades as u64, Ordering::Relaxed);
        self.event_second.fetch_max(second, Ordering::Relaxed);
        if let Some((last, _)) = batches.last() {
            self.inner().open.insert(*last, Instant::now());
        }
    }

    pub(super) fn set_done_ratio(&self, ratio: Option<f64>) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        let thousandths = ratio.map_or(u64::MAX, |ratio| (ratio.clamp(0.0, 1.0) * 1000.0) as u64);
        self.done.store(thousandths, Ordering::Relaxed);
    }

    pub(super) fn let_out(&self, flush: &Flush) {
        for table in &flush.tables {
            match table.schema.name {
                "candles" => {
                    self.candles.fetch_add(table.changes.len() as u64, Ordering::Relaxed);
                    let mut inner = self.inner();
                    for candle in rows(table).filter_map(|row| token_candle(&row)) {
                        let latest = inner.tokens.entry(candle.mint).or_insert_with(|| candle.clone());
                        if latest.open_time <= candle.open_time {
                            *latest = candle;
                        }
                    }
                }
                "rejects" => {
                    let mut inner = self.inner();
                    for row in rows(table) {
                        let reason = row.get("reason").as_text().unwrap_or("unknown");
                        *inner.rejects.entry(reason.to_owned()).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn closed(&self, upto: Time) {
        let second = second_of(upto);
        let before = self.closed_second.fetch_max(second, Ordering::Relaxed);
        let mut inner = self.inner();
        let still_open = inner.open.split_off(&upto);
        let closed = std::mem::replace(&mut inner.open, still_open);
        if let Some(since) = closed.values().next() {
            inner.lag_ms = u64::try_from(since.elapsed().as_millis()).ok();
        }
        if before < second {
            inner.tokens.retain(|_, candle| candle.open_time + SHOWN_S > second);
        }
    }

    pub(super) fn counted(&self, tally: &Tally) {
        self.inner().tally.add(tally);
    }

    /// Where the trades went that were handed over, once the run is over.
    pub fn tally(&self) -> Tally {
        self.inner().tally
    }

    /// Events handed over so far.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Trades handed over so far; one that comes twice counts twice.
    pub fn trades(&self) -> u64 {
        self.trades.load(Ordering::Relaxed)
    }

    /// Changes of `candles` so far.
    pub(crate) fn candle_changes(&self) -> u64 {
        self.candles.load(Ordering::Relaxed)
    }

    /// The greatest block time seen.
    pub(crate) fn event_second(&self) -> Option<Seconds> {
        Some(self.event_second.load(Ordering::Relaxed)).filter(|second| *second > 0)
    }

    /// Everything before this event second has left for the sinks.
    pub fn closed_second(&self) -> Option<Seconds> {
        Some(self.closed_second.load(Ordering::Relaxed)).filter(|second| *second > 0)
    }

    /// How far a finite source has come, from 0 to 1.
    pub(crate) fn done_ratio(&self) -> Option<f64> {
        let done = u32::try_from(self.done.load(Ordering::Relaxed)).ok().filter(|done| *done <= 1000);
        done.map(|done| f64::from(done) / 1000.0)
    }

    /// How long the last batch that closed was in work.
    pub fn lag_ms(&self) -> Option<Millis> {
        self.inner().lag_ms
    }

    /// What was refused, by reason.
    pub(crate) fn rejects(&self) -> BTreeMap<String, u64> {
        self.inner().rejects.clone()
    }

    /// The latest one-minute candles of the tokens with the most volume, greatest first.
    pub(crate) fn top_tokens(&self, count: usize) -> Vec<TokenCandle> {
        let mut tokens: Vec<TokenCandle> = self.inner().tokens.values().cloned().collect();
        tokens.sort_by(|a, b| b.volume_quote.cmp(&a.volume_quote).then(a.mint.cmp(&b.mint)));
        tokens.truncate(count);
        tokens
    }
}

/// A row whose columns are found by name.
struct Named<'a> {
    schema: &'static Schema,
    row: &'a Row,
}

impl Named<'_> {
    fn get(&self, name: &str) -> &Value {
        self.schema.position(name).and_then(|at| self.row.get(at)).unwrap_or(&Value::Null)
    }

    fn count(&self, name: &str) -> u64 {
        if let Value::Count(count) = self.get(name) { *count } else { 0 }
    }

    fn float(&self, name: &str) -> Option<f64> {
        if let Value::Float(value) = self.get(name) { Some(*value) } else { None }
    }
}

/// The rows that are put.
fn rows(table: &Table) -> impl Iterator<Item = Named<'_>> {
    table.changes.iter().filter_map(|(_, change)| match change {
        Change::Upsert(row) => Some(Named { schema: table.schema, row }),
        Change::Delete(_) => None,
    })
}

/// The one-minute candle of a primary series; none of another.
fn token_candle(row: &Named<'_>) -> Option<TokenCandle> {
    if row.get("series").as_text() != Some("primary") || row.get("interval").as_text() != Some("1m") {
        return None;
    }
    let Value::Address(mint) = row.get("id") else { return None };
    let prices = || Some([row.float("open")?, row.float("high")?, row.float("low")?, row.float("close")?]);
    Some(TokenCandle {
        mint: *mint,
        open_time: row.count("open_time") / 1000,
        trades: row.count("trades"),
        volume_quote: if let Value::Sum(volume) = row.get("volume_quote") { *volume } else { 0 },
        prices: prices(),
    })
}
