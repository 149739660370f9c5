//! The record `trades`: every trade, with its price, its value, its labels and how settled it is.

use model::{Column, EventId, Fee, Kind, Price, Row, Schema, Value};

use crate::commitment::{Committed, SingleEvent};
use crate::labels::LabelSet;
use crate::prelude::*;
use crate::prices::PricedTrade;
use crate::usd::{ValuedTrade, usd_value};

/// A row of `trades`.
pub type CommittedTrade = Committed<ValuedTrade>;

/// Market capitalisation in quote coins: price times supply in coins.
///
/// Source: DEFINITIONS §5.
#[must_use]
pub fn market_cap(price: Option<Price>, supply: Option<u64>, base_decimals: u8) -> Option<Price> {
    let coins = Price::ratio(supply?.into(), base_decimals, 1, 0)?;
    Price::new(price?.get() * coins.get())
}

impl SingleEvent for ValuedTrade {
    const SCHEMA: &'static Schema = &Schema {
        name: "trades",
        doc: "Every trade, once, with its price and how settled it is.",
        key: 1,
        columns: COLUMNS,
    };
    type Key = EventId;

    fn key(&self) -> EventId {
        self.event()
    }

    fn event(&self) -> EventId {
        self.trade().origin.id
    }

    fn block_time(&self) -> Seconds {
        self.trade().origin.block_time
    }

    fn cells(&self, labels: LabelSet) -> Row {
        let Self { priced: PricedTrade { trade, price, price_ok }, usd } = self;
        let origin = &trade.origin;
        let market_cap = market_cap(trade.spot_after.or(*price), trade.base_supply, trade.base_decimals);
        let age_s = usd.and_then(|usd| Some(origin.block_time - usd.publish_time?));
        vec![
            Value::text(origin.id.to_string()),
            Value::Count(origin.id.slot),
            Value::count(origin.id.tx.index()),
            Value::Count(origin.id.outer_ix.into()),
            Value::count(u64::try_from(origin.id.inner_ix).ok()),
            Value::text(origin.signature.to_string()),
            Value::time(origin.block_time),
            Value::count(origin.received_at),
            Value::from(trade.program.name()),
            Value::from(trade.pool),
            Value::from(trade.mint),
            Value::from(trade.quote_mint),
            Value::from(trade.trader),
            Value::from(trade.trader_kind.name()),
            Value::from(trade.side.name()),
            Value::Amount(trade.base_amount),
            Value::Amount(trade.quote_amount),
            Value::amount(trade.quote_user),
            Value::Amount(trade.base_user),
            Value::Bool(trade.base_user_known),
            Value::Bool(trade.quote_known),
            Value::Count(trade.base_decimals.into()),
            Value::Count(trade.quote_decimals.into()),
            Value::from(*price),
            Value::from(trade.spot_after),
            Value::from(trade.spot_before),
            price.map_or(Value::Null, |_| Value::Bool(*price_ok)),
            Value::from(self.price_usd()),
            self.value_micros().map_or(Value::Null, usd_value),
            usd.as_ref().map_or(Value::Null, |usd| Value::text(usd.source.as_str())),
            Value::count(age_s.map(|age_s| age_s * 1000)),
            Value::from(market_cap),
            Value::from(usd.zip(market_cap).and_then(|(usd, cap)| usd.convert(cap))),
            Value::amount(trade.base_reserve),
            Value::amount(trade.quote_reserve),
            Value::amount(trade.base_supply),
            Value::amount(trade.fees.protocol.and_then(Fee::quote)),
            Value::amount(trade.fees.creator.and_then(Fee::quote)),
            Value::amount(trade.fees.lp.and_then(Fee::quote)),
            Value::amount(trade.fees.cashback.and_then(Fee::quote)),
            Value::amount(trade.fees.protocol.and_then(Fee::base)),
            Value::amount(trade.fees.creator.and_then(Fee::base)),
            Value::amount(trade.fees.lp.and_then(Fee::base)),
            Value::amount(trade.fees.cashback.and_then(Fee::base)),
            Value::count(trade.compute_units),
            Value::count(trade.priority_fee),
            labels.names().map_or(Value::Null, Value::text),
        ]
    }
}

const COLUMNS: &[Column] = &[
    Column::new("event_id", Kind::Text, "Name and canonical order: slot-tx-outer-inner."),
    Column::new("slot", Kind::Count, "Slot of the block."),
    Column::new("tx_index", Kind::Count, "Transaction in the block; null if the source does not know."),
    Column::new("outer_ix", Kind::Count, "Top-level instruction."),
    Column::new("inner_ix", Kind::Count, "Inner instruction; null for the top-level one."),
    Column::new("signature", Kind::Text, "Transaction."),
    Column::new("block_time", Kind::Time, "Event time."),
    Column::new("received_at", Kind::Time, "When a source saw it first, where recorded."),
    Column::new("program", Kind::Symbol, "Program of the pool."),
    Column::new("pool", Kind::Address, "Pool or bonding curve."),
    Column::new("mint", Kind::Address, "Base token."),
    Column::new("quote_mint", Kind::Address, "Quote token."),
    Column::new("trader", Kind::Address, "Wallet; null if unknown."),
    Column::new("trader_kind", Kind::Symbol, "How the wallet was found: signer, owner, named, unknown."),
    Column::new("side", Kind::Symbol, "Side of the wallet: buy, sell."),
    Column::new("base_amount", Kind::Amount, "Base that moved the pool, raw units."),
    Column::new("quote_amount", Kind::Amount, "Quote that moved the reserves, raw units."),
    Column::new("quote_user", Kind::Amount, "Quote that the wallet paid or received after fees, raw units."),
    Column::new(
        "base_user",
        Kind::Amount,
        "Base that the wallet's balance really gained or gave, raw units: after transfer fees and fees in base.",
    ),
    Column::new(
        "base_user_known",
        Kind::Bool,
        "True if balances or the event show base_user; else base_amount.",
    ),
    Column::new("quote_known", Kind::Bool, "True if it is known which of the two tokens is the money."),
    Column::new("base_decimals", Kind::Count, "Decimals of the base token."),
    Column::new("quote_decimals", Kind::Count, "Decimals of the quote token."),
    Column::new("price", Kind::Float, "Price of the trade, quote coins per base coin."),
    Column::new("spot_price", Kind::Float, "Price at the margin after the trade."),
    Column::new("spot_before", Kind::Float, "Price at the margin before the trade."),
    Column::new("price_ok", Kind::Bool, "True if the price is credible."),
    Column::new("price_usd", Kind::Float, "Price in USD; null without a price of the quote token."),
    Column::new("value_usd", Kind::Float, "Quote amount in USD; null without a price of the quote token."),
    Column::new("usd_source", Kind::Symbol, "Whose price of the quote token: an oracle, or peg."),
    Column::new("usd_age_ms", Kind::Count, "How old that price was at the block time; null for a peg."),
    Column::new(
        "market_cap_quote",
        Kind::Float,
        "Spot price times supply, quote coins; null if the supply is unknown.",
    ),
    Column::new("market_cap_usd", Kind::Float, "The same in USD; null without an oracle price."),
    Column::new("base_reserve", Kind::Amount, "Base that sets the price after the trade, raw units."),
    Column::new("quote_reserve", Kind::Amount, "Quote that sets the price after the trade, raw units."),
    Column::new("base_supply", Kind::Amount, "Supply of the base token as of the trade, raw units."),
    Column::new("fee_protocol", Kind::Amount, "Fee to the protocol, if in quote: raw quote units."),
    Column::new("fee_creator", Kind::Amount, "Fee to the creator, if in quote: raw quote units."),
    Column::new("fee_lp", Kind::Amount, "Fee to the liquidity providers, if in quote: raw quote units."),
    Column::new(
        "cashback",
        Kind::Amount,
        "Charged now, claimable by the trader, if in quote: raw quote units.",
    ),
    Column::new("fee_protocol_base", Kind::Amount, "Fee to the protocol, if in base: raw base units."),
    Column::new("fee_creator_base", Kind::Amount, "Fee to the creator, if in base: raw base units."),
    Column::new("fee_lp_base", Kind::Amount, "Fee to the liquidity providers, if in base: raw base units."),
    Column::new(
        "cashback_base",
        Kind::Amount,
        "Charged now, claimable by the trader, if in base: raw base units.",
    ),
    Column::new("compute_units", Kind::Count, "Compute units of the transaction."),
    Column::new("priority_fee", Kind::Count, "Priority fee of the transaction, lamports."),
    Column::new(
        "labels",
        Kind::Text,
        "Labels that the trade has within its slot, comma-separated: sandwich, arbitrage, protocol; null without.",
    ),
    Column::new("commitment", Kind::Symbol, "How settled the slot is: processed, confirmed, finalized."),
];
