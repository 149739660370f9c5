//! The source `trades`: normalized trades, one JSON object a line, or CSV with a line of names.
//!
//! The names are those of the record `trades`, so that what a replay wrote reads back as the same trades,
//! to the last bit, but for how far a bonding curve was, which no column says; columns that are derived (`price`, `value_usd`, `labels`, …) are passed over and
//! worked out anew. Amounts are raw units, as strings or numbers; times are milliseconds or ISO 8601 in UTC.
//!
//! Needed: `slot signature block_time program pool mint quote_mint side base_amount quote_amount
//! base_decimals quote_decimals`. Places: `event_id`, or `outer_ix` and, below a top-level instruction,
//! `inner_ix`, with `tx_index` where known. All others may be absent or null.
//!
//! A line may instead be a coin with the swaps of its first minutes in a pool: see `captures`.

use std::fmt;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use model::{
    Address, ChainEvent, Commitment, Event, EventId, Fee, Fees, Millis, Origin, Price, Program, Reject,
    RejectReason, Seconds, Side, Signature, SlotStatus, Trade, TraderKind, TxPlace,
};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bounds;
use crate::captures::Coin;
use crate::documents::{Document, Documents};
use crate::transactions::state;
use crate::{Counts, Source, SourceError, Step};

/// Name of the source.
const NAME: &str = "trades";
/// Lines taken in by one read.
const LINES_PER_READ: usize = 2048;

/// Settings of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files and folders; `-` is standard input.
    pub paths: Vec<PathBuf>,
    /// How settled the slots are of trades that do not say: `processed`, `confirmed`, `finalized`.
    pub commitment: Commitment,
}

impl Default for Config {
    fn default() -> Self {
        Self { paths: Vec::new(), commitment: Commitment::Finalized }
    }
}

/// The source.
pub struct Trades {
    documents: Documents<Entry>,
    commitment: Commitment,
    /// The slot of the last trade, of which nothing was said yet.
    slot: Option<(u64, Commitment, Seconds)>,
    trades: u64,
}

impl Trades {
    /// The source with these settings; nothing is opened yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            documents: Documents::new(&config.paths),
            commitment: config.commitment,
            slot: None,
            trades: 0,
        }
    }

    fn take(&mut self, document: &Document<Entry>, events: &mut Vec<Event>) {
        let (reason, detail, line) = match &document.content {
            Ok(Entry::Trade(line)) => match line.trade().and_then(within_bounds) {
                Ok(trade) => return self.give(trade, line.commitment, events),
                Err((reason, detail)) => (reason, detail, Some(&**line)),
            },
            Ok(Entry::Coin(coin)) => return self.take_coin(coin, &document.cursor, events),
            Ok(Entry::Neither(detail)) | Err(detail) => (RejectReason::Malformed, detail.clone(), None),
        };
        events.push(Event::Reject(Reject {
            source: NAME.to_owned(),
            cursor: document.cursor.clone(),
            reason,
            program: line.map(|line| line.program.address()),
            signature: line.map(|line| line.signature),
            slot: bounds::named_slot(line.and_then(|line| line.slot)),
            detail,
        }));
    }

    fn take_coin(&mut self, coin: &Coin, cursor: &str, events: &mut Vec<Event>) {
        for (index, trade) in coin.trades().into_iter().enumerate() {
            match trade.and_then(|trade| within_bounds(trade).map_err(|(_, detail)| detail)) {
                Ok(trade) => self.give(trade, None, events),
                Err(detail) => events.push(Event::Reject(Reject {
                    source: NAME.to_owned(),
                    cursor: format!("{cursor}[{index}]"),
                    reason: RejectReason::Malformed,
                    program: None,
                    signature: None,
                    slot: None,
                    detail,
                })),
            }
        }
    }

    fn give(&mut self, trade: Trade, commitment: Option<Commitment>, events: &mut Vec<Event>) {
        let commitment = commitment.unwrap_or(self.commitment);
        self.enter_slot(Some((trade.origin.id.slot, commitment, trade.origin.block_time)), events);
        self.trades += 1;
        events.push(Event::Chain(ChainEvent::Trade(trade)));
    }

    /// Says of the slot before how settled it is, once the trades of another begin.
    fn enter_slot(&mut self, slot: Option<(u64, Commitment, Seconds)>, events: &mut Vec<Event>) {
        if self.slot.map(|(slot, commitment, _)| (slot, commitment))
            == slot.map(|(s, commitment, _)| (s, commitment))
        {
            return;
        }
        if let Some((slot, commitment, block_time)) = std::mem::replace(&mut self.slot, slot) {
            let status =
                SlotStatus { slot, state: state(commitment), parent: None, block_time: Some(block_time) };
            events.push(Event::Slot(status));
        }
    }
}

impl Source for Trades {
    fn name(&self) -> &str {
        NAME
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        for _ in 0..LINES_PER_READ {
            let Some(document) = self.documents.next() else {
                self.enter_slot(None, events);
                return Ok(Step::End);
            };
            self.take(&document, events);
        }
        Ok(Step::More)
    }

    fn counts(&self) -> Counts {
        let skipped = self.documents.files().skipped();
        let counts = [("trades", self.trades), ("skipped_file", skipped)];
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }

    fn done_ratio(&self) -> Option<f64> {
        self.documents.files().done_ratio()
    }
}

/// What a document holds.
#[derive(Debug)]
enum Entry {
    Trade(Box<Line>),
    Coin(Coin),
    /// What is wrong with it.
    Neither(String),
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Which of the two it is shows only when it is seen whole: nothing but its fields says so.
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let error = match serde_json::from_str(raw.get()) {
            Ok(line) => return Ok(Self::Trade(Box::new(line))),
            Err(error) => error,
        };
        Ok(match serde_json::from_str(raw.get()) {
            Ok(coin) => Self::Coin(coin),
            Err(other) if raw.get().contains("\"swaps\"") => Self::Neither(other.to_string()),
            Err(_) => Self::Neither(other_kind(raw.get()).map_or_else(|| error.to_string(), str::to_owned)),
        })
    }
}

/// What a line is instead, and how it is read.
fn other_kind(text: &str) -> Option<&'static str> {
    let has = |field: &str| text.contains(&format!("\"{field}\""));
    if has("transaction") || has("transactions") || has("jsonrpc") {
        return Some("is a transaction or a block, and no normalized trade: leave out `--source trades`");
    }
    if has("usd") && has("publish_time") {
        return Some("is a price of a quote token, and no trade: give its file with `--quotes`");
    }
    ((has("list") || has("label")) && (has("trader") || has("address")))
        .then_some("is an entry of a list of wallets, and no trade: give its file with `--list`")
}

/// A line as it is written.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    event_id: Option<String>,
    #[serde(default)]
    slot: Option<u64>,
    #[serde(default)]
    tx_index: Option<u32>,
    #[serde(default)]
    outer_ix: Option<u16>,
    #[serde(default)]
    inner_ix: Option<i16>,
    signature: Signature,
    #[serde(default, deserialize_with = "optional_time")]
    block_time: Option<Millis>,
    #[serde(default, deserialize_with = "optional_time")]
    received_at: Option<Millis>,
    program: Program,
    pool: Address,
    mint: Address,
    quote_mint: Address,
    #[serde(default)]
    quote_known: Option<bool>,
    #[serde(default)]
    trader: Option<Address>,
    #[serde(default)]
    trader_kind: Option<TraderKind>,
    side: Side,
    #[serde(deserialize_with = "amount")]
    base_amount: u64,
    #[serde(deserialize_with = "amount")]
    quote_amount: u64,
    #[serde(default, deserialize_with = "optional_amount")]
    quote_user: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    base_user: Option<u64>,
    #[serde(default)]
    base_user_known: Option<bool>,
    base_decimals: u8,
    quote_decimals: u8,
    #[serde(default)]
    spot_before: Option<f64>,
    #[serde(default)]
    spot_price: Option<f64>,
    #[serde(default, deserialize_with = "optional_amount")]
    base_reserve: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    quote_reserve: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    base_supply: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    fee_protocol: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    fee_creator: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    fee_lp: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    cashback: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    fee_protocol_base: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    fee_creator_base: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    fee_lp_base: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    cashback_base: Option<u64>,
    #[serde(default)]
    compute_units: Option<u32>,
    #[serde(default)]
    priority_fee: Option<u64>,
    #[serde(default)]
    commitment: Option<Commitment>,
}

/// A time as milliseconds or as ISO 8601.
struct Moment(Millis);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MillisOrText).map(Self)
    }
}

struct MillisOrText;

impl Visitor<'_> for MillisOrText {
    type Value = Millis;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time: milliseconds since 1970, or UTC as 2026-05-01T12:30:00Z")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Millis, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Millis, E> {
        if let Ok(millis) = text.parse() {
            return Ok(millis);
        }
        let wrong = |_| {
            E::custom(format_args!(
                "`{text}` is no time: milliseconds since 1970, or UTC as 2026-05-01T12:30:00Z"
            ))
        };
        let time = humantime::parse_rfc3339_weak(text).map_err(wrong)?;
        let since = time
            .duration_since(UNIX_EPOCH)
            .map_err(|_| E::custom(format_args!("`{text}` is before 1970")))?;
        Millis::try_from(since.as_millis()).map_err(|_| E::custom(format_args!("`{text}` is too far ahead")))
    }
}

fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    Ok(Option::<Moment>::deserialize(deserializer)?.map(|Moment(time)| time))
}

/// An amount as a number or a string.
struct Amount(u64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrText).map(Self)
    }
}

struct NumberOrText;

impl Visitor<'_> for NumberOrText {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a raw amount: a whole number of 64 bits, or a string of its digits")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map_err(|_| E::custom(format_args!("`{text}` is no raw amount of 64 bits")))
    }
}

fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Amount::deserialize(deserializer).map(|Amount(amount)| amount)
}

fn optional_amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<Amount>::deserialize(deserializer)?.map(|Amount(amount)| amount))
}

fn within_bounds(trade: Trade) -> Result<Trade, (RejectReason, String)> {
    bounds::trade(&trade).map(|()| trade).map_err(|detail| (RejectReason::Malformed, detail))
}

/// A fee from its two columns, of which one is null.
fn fee(quote: Option<u64>, base: Option<u64>) -> Option<Fee> {
    quote.map(Fee::Quote).or(base.map(Fee::Base))
}

impl Line {
    fn trade(&self) -> Result<Trade, (RejectReason, String)> {
        Ok(Trade {
            origin: self.origin()?,
            program: self.program,
            pool: self.pool,
            mint: self.mint,
            quote_mint: self.quote_mint,
            quote_known: self.quote_known.unwrap_or(true),
            trader: self.trader,
            trader_kind: match (self.trader, self.trader_kind) {
                (None, _) => TraderKind::Unknown,
                (Some(_), None | Some(TraderKind::Unknown)) => TraderKind::Owner,
                (Some(_), Some(kind)) => kind,
            },
            side: self.side,
            base_amount: self.base_amount,
            base_user: self.base_user.unwrap_or(self.base_amount),
            base_user_known: self.base_user.is_some() && self.base_user_known.unwrap_or(true),
            quote_amount: self.quote_amount,
            quote_user: self.quote_user,
            base_decimals: self.base_decimals,
            quote_decimals: self.quote_decimals,
            spot_before: self.spot_before.and_then(Price::new),
            spot_after: self.spot_price.and_then(Price::new),
            base_reserve: self.base_reserve,
            quote_reserve: self.quote_reserve,
            base_supply: self.base_supply,
            curve: None,
            fees: Fees {
                protocol: fee(self.fee_protocol, self.fee_protocol_base),
                creator: fee(self.fee_creator, self.fee_creator_base),
                lp: fee(self.fee_lp, self.fee_lp_base),
                cashback: fee(self.cashback, self.cashback_base),
            },
            compute_units: self.compute_units,
            priority_fee: self.priority_fee,
        })
    }

    fn origin(&self) -> Result<Origin, (RejectReason, String)> {
        /// Milliseconds of the year 2001: no block is older, and no time in seconds is as large.
        const LEAST: Millis = 1_000_000_000_000;
        let unplaced = |detail: &str| (RejectReason::Unplaced, detail.to_owned());
        let block_time = self.block_time.ok_or_else(|| {
            unplaced("`block_time` is missing: milliseconds since 1970 of the trade's block")
        })?;
        if block_time < LEAST {
            let detail =
                format!("`block_time` is {block_time}: it should be milliseconds since 1970, not seconds");
            return Err((RejectReason::Malformed, detail));
        }
        let id = self.id()?;
        Ok(Origin {
            id,
            signature: self.signature,
            block_time: block_time / 1_000,
            received_at: self.received_at,
        })
    }

    fn id(&self) -> Result<EventId, (RejectReason, String)> {
        let unplaced = |detail: &str| (RejectReason::Unplaced, detail.to_owned());
        let id: Option<EventId> = self
            .event_id
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: model::ParseEventIdError| (RejectReason::Malformed, error.to_string()))?;
        if let Some(id) = id {
            if self.slot.is_some_and(|slot| slot != id.slot) {
                return Err((
                    RejectReason::Malformed,
                    "`slot` and `event_id` name different slots".to_owned(),
                ));
            }
            return Ok(id);
        }
        Ok(EventId {
            slot: self.slot.ok_or_else(|| unplaced("`slot` is missing: the slot of the trade's block"))?,
            tx: TxPlace::new(self.tx_index, &self.signature),
            outer_ix: self.outer_ix.ok_or_else(|| {
                unplaced("`outer_ix` is missing: the index of the trade's top-level instruction")
            })?,
            inner_ix: self.inner_ix.unwrap_or(-1),
        })
    }
}

#[cfg(test)]
mod tests {
    use model::SlotState;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn line() -> Value {
        json!({"event_id": "7-3-1--1", "slot": 7, "tx_index": 3, "outer_ix": 1, "inner_ix": null,
            "signature": Signature([1; 64]).to_string(), "block_time": 1_700_000_000_000_u64, "program": "pump",
            "pool": Address([2; 32]).to_string(), "mint": Address([3; 32]).to_string(),
            "quote_mint": Address::WSOL.to_string(), "trader": Address([4; 32]).to_string(), "trader_kind": "signer",
            "side": "buy", "base_amount": "18446744073709551615", "quote_amount": 5, "quote_user": null,
            "base_decimals": 6, "quote_decimals": 9, "spot_price": 1.5, "price": 2.0, "labels": null,
            "commitment": "confirmed"})
    }

    fn read(lines: &[Value]) -> Vec<Event> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trades.jsonl");
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&path, text.join("\n")).unwrap();
        let mut source = Trades::new(&Config { paths: vec![path], ..Config::default() });
        let mut events = Vec::new();
        while source.read(&mut events).unwrap() == Step::More {}
        events
    }

    /// A trade as a replay writes it: every column of the record `trades`, in its order, then the common ones.
    fn row(trade: &Trade) -> Value {
        let id = trade.origin.id;
        let text = |amount: Option<u64>| amount.map(|amount| amount.to_string());
        let mut row = json!({
            "event_id": id.to_string(), "slot": id.slot, "tx_index": id.tx.index(), "outer_ix": id.outer_ix,
            "inner_ix": u64::try_from(id.inner_ix).ok(), "signature": trade.origin.signature,
            "block_time": trade.origin.block_time * 1000, "received_at": trade.origin.received_at,
            "program": trade.program.name(), "pool": trade.pool, "mint": trade.mint, "quote_mint": trade.quote_mint,
            "trader": trade.trader, "trader_kind": trade.trader_kind.name(), "side": trade.side.name(),
            "base_amount": trade.base_amount.to_string(), "quote_amount": trade.quote_amount.to_string(),
            "quote_user": text(trade.quote_user), "base_user": trade.base_user.to_string(),
            "base_user_known": trade.base_user_known, "quote_known": trade.quote_known, "base_decimals": trade.base_decimals,
            "quote_decimals": trade.quote_decimals, "price": 0.1, "spot_price": trade.spot_after.map(Price::get),
            "spot_before": trade.spot_before.map(Price::get), "price_ok": true, "price_usd": 0.2, "value_usd": 0.3,
            "market_cap_quote": 0.4, "market_cap_usd": 0.5, "base_reserve": text(trade.base_reserve),
            "quote_reserve": text(trade.quote_reserve), "base_supply": text(trade.base_supply),
            "compute_units": trade.compute_units, "priority_fee": trade.priority_fee, "labels": "a,b",
            "commitment": "finalized", "as_of": 1_700_000_001_000_000_u64, "def_version": 1,
        });
        let Fees { protocol, creator, lp, cashback } = trade.fees;
        let fees =
            [("fee_protocol", protocol), ("fee_creator", creator), ("fee_lp", lp), ("cashback", cashback)];
        for (name, fee) in fees {
            row[name] = json!(text(fee.and_then(Fee::quote)));
            row[format!("{name}_base")] = json!(text(fee.and_then(Fee::base)));
        }
        row
    }

    /// What a trade may lack, all of it or nothing: 11 numbers.
    fn trade(id: EventId, trader: Option<Address>, numbers: Option<[u64; 11]>, prices: [f64; 2]) -> Trade {
        let number = |index: usize| numbers.map(|numbers| numbers[index]);
        let price = |index: usize| numbers.and_then(|_| Price::new(prices[index]));
        Trade {
            origin: Origin {
                id,
                signature: Signature([1; 64]),
                block_time: 1_700_000_000,
                received_at: number(0),
            },
            program: Program::RaydiumAmmV4,
            pool: Address([2; 32]),
            mint: Address([3; 32]),
            quote_mint: Address::WSOL,
            quote_known: numbers.is_some(),
            trader,
            trader_kind: if trader.is_some() { TraderKind::Owner } else { TraderKind::Unknown },
            side: Side::Sell,
            base_amount: u64::MAX,
            base_user: number(2).unwrap_or(u64::MAX),
            base_user_known: numbers.is_some(),
            quote_amount: 5,
            quote_user: number(1),
            base_decimals: 6,
            quote_decimals: 9,
            spot_before: price(0),
            spot_after: price(1),
            base_reserve: number(2),
            quote_reserve: number(3),
            base_supply: number(4),
            curve: None,
            fees: Fees {
                protocol: number(5).map(Fee::Quote),
                creator: number(6).map(Fee::Base),
                lp: number(7).map(Fee::Quote),
                cashback: number(8).map(Fee::Base),
            },
            compute_units: number(9).and_then(|units| u32::try_from(units >> 32).ok()),
            priority_fee: number(10),
        }
    }

    proptest! {
        #[test]
        fn what_a_replay_wrote_reads_back_as_the_same_trade(
            place in (1u64.., prop::option::of(any::<u32>()), any::<u16>(), -1i16..),
            trader in prop::option::of(any::<[u8; 32]>().prop_map(Address)),
            numbers in prop::option::of(any::<[u64; 11]>()),
            prices in any::<[f64; 2]>().prop_map(|prices| prices.map(f64::abs)),
        ) {
            let (slot, index, outer_ix, inner_ix) = place;
            let id = EventId { slot, tx: TxPlace::new(index, &Signature([1; 64])), outer_ix, inner_ix };
            let trade = trade(id, trader, numbers, prices);
            let text = row(&trade).to_string();
            let line: Line = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(line.trade(), Ok(trade), "{}", text);
        }
    }

    #[test]
    fn a_row_of_the_record_is_a_trade_again() {
        let events = read(&[line()]);
        let [Event::Chain(ChainEvent::Trade(trade)), Event::Slot(status)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(trade.origin.id.to_string(), "7-3-1--1");
        assert_eq!(
            (trade.origin.block_time, trade.base_amount, trade.quote_amount),
            (1_700_000_000, u64::MAX, 5)
        );
        assert_eq!((trade.trader_kind, trade.spot_after), (TraderKind::Signer, Price::new(1.5)));
        assert_eq!((status.slot, status.state), (7, SlotState::Confirmed));
    }

    #[test]
    fn the_place_may_be_spelled_by_its_parts() {
        let mut by_parts = line();
        by_parts.as_object_mut().unwrap().remove("event_id");
        assert_eq!(read(&[by_parts.clone()]), read(&[line()]));
        by_parts["tx_index"] = Value::Null;
        let Event::Chain(event) = &read(&[by_parts])[0] else { panic!() };
        assert_eq!(event.origin().id.to_string(), "7-s0101010101010101-1--1");
    }

    #[test]
    fn a_coin_with_its_swaps_is_its_trades() {
        let swap =
            |ts: u64, sol: f64| json!({"side": "buy", "sol": sol, "tokens": 10.5, "ts": ts, "price": null});
        let (mint, pool) = (Address([3; 32]).to_string(), Address([2; 32]).to_string());
        let swaps = [swap(1_700_000_000, 0.5), swap(1_700_000_000, -1.0), swap(1_700_000_001, 0.25)];
        let coin = json!({"mint": mint, "pool": pool, "swaps": swaps});
        let events = read(&[line(), coin, json!({"mint": mint, "pool": "?", "swaps": []})]);
        let kinds: Vec<_> = events
            .iter()
            .map(|event| match event {
                Event::Chain(ChainEvent::Trade(trade)) => format!("{} lamports", trade.quote_amount),
                Event::Slot(status) => format!("slot {}", status.slot),
                Event::Reject(reject) => reject.cursor.rsplit(':').next().unwrap().to_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            "5 lamports",
            "slot 7",
            "500000000 lamports",
            "2[1]",
            "slot 1700000000",
            "250000000 lamports",
            "3",
            "slot 1700000001",
        ];
        assert_eq!(kinds, expected);
        let Event::Reject(reject) = &events[6] else { panic!() };
        assert!(reject.detail.contains("base58") || reject.detail.contains('?'), "{reject:?}");
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        let reject = |change: fn(&mut Value)| {
            let mut line = line();
            line.as_object_mut().unwrap().remove("event_id");
            change(&mut line);
            match read(&[line]).remove(0) {
                Event::Reject(reject) => (reject.reason, reject.detail),
                other => panic!("{other:?}"),
            }
        };
        let without_slot = reject(|line| line["slot"] = Value::Null);
        assert_eq!(without_slot.0, RejectReason::Unplaced);
        assert!(without_slot.1.contains("`slot` is missing"));
        assert!(reject(|line| line["outer_ix"] = Value::Null).1.contains("`outer_ix` is missing"));
        assert!(reject(|line| line["block_time"] = Value::Null).1.contains("`block_time` is missing"));
        assert!(reject(|line| line["block_time"] = json!(1_700_000_000)).1.contains("not seconds"));
        let amount = reject(|line| line["base_amount"] = json!("1.5"));
        assert_eq!(amount.0, RejectReason::Malformed);
        assert!(amount.1.contains("`1.5` is no raw amount"), "{amount:?}");
        let amount = reject(|line| line["base_amount"] = json!(1.5));
        assert!(amount.1.contains("expected a raw amount: a whole number of 64 bits"), "{amount:?}");
        assert!(reject(|line| line["event_id"] = json!("8-1-1-1")).1.contains("different slots"));
    }
}
