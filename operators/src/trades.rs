//! The record `trades`: every trade, with how settled it is.
//!
//! Commitment belongs to the slot, so a trade's row is written again when its slot is confirmed and
//! finalized. Only rows of single events are stamped like this; aggregates are not rewritten because
//! their slots settled. Rows of a finalized slot are no longer kept here.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use differential_dataflow::collection::concatenate;
use model::{Column, Commitment, EventId, Kind, Price, Record, Row, Schema, SlotState, SlotStatus, Value};
use serde::{Deserialize, Serialize};

use crate::prelude::*;
use crate::prices::PricedTrade;
use crate::usd::{ValuedTrade, usd_value};

/// A row of `trades`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommittedTrade {
    /// The trade, its price and its value.
    pub valued: ValuedTrade,
    /// How settled its slot is.
    pub commitment: Commitment,
}

/// Stamps every trade with the commitment of its slot.
pub fn trades<'s>(
    trades: Collection<'s, ValuedTrade>,
    statuses: Collection<'s, SlotStatus>,
    horizon: Horizon,
    states: &States,
) -> Collection<'s, CommittedTrade> {
    let inputs = [trades.map(Input::Trade), statuses.map(|s| Input::Status(s.slot, s.state))];
    let scope = inputs[0].scope();
    keyed::<Slot>(concatenate(scope, inputs), "trades", horizon, states)
}

/// What arrives for a slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "nearly every input is a trade")]
pub enum Input {
    /// One of its trades.
    Trade(ValuedTrade),
    /// What became of it.
    Status(u64, SlotState),
}

/// What is kept of a slot.
#[derive(Default, Serialize, Deserialize)]
pub struct Slot {
    commitment: Option<Commitment>,
    /// Trades whose rows may yet be written again.
    trades: BTreeMap<ValuedTrade, Diff>,
    forget_at: Seconds,
}

impl Slot {
    fn stamp(&self, valued: ValuedTrade) -> CommittedTrade {
        CommittedTrade { valued, commitment: self.commitment.unwrap_or_default() }
    }

    fn change(&mut self, trade: ValuedTrade, diff: Diff, effects: &mut Effects<'_, Self>) {
        self.keep(trade.trade().origin.block_time, effects);
        effects.emit(self.stamp(trade.clone()), diff);
        if self.commitment == Some(Commitment::Finalized) {
            return;
        }
        match self.trades.entry(trade) {
            Entry::Vacant(vacant) => drop(vacant.insert(diff)),
            Entry::Occupied(occupied) if *occupied.get() == -diff => drop(occupied.remove()),
            Entry::Occupied(mut occupied) => *occupied.get_mut() += diff,
        }
    }

    fn commit(&mut self, commitment: Commitment, effects: &mut Effects<'_, Self>) {
        if self.commitment.is_some_and(|present| present >= commitment) {
            return;
        }
        let is_rewritten = self.commitment.unwrap_or_default() != commitment;
        for (trade, diff) in self.trades.iter().filter(|_| is_rewritten) {
            effects.emit(self.stamp(trade.clone()), -diff);
            effects.emit(CommittedTrade { valued: trade.clone(), commitment }, *diff);
        }
        self.commitment = Some(commitment);
        if commitment == Commitment::Finalized {
            self.trades = BTreeMap::new();
        }
    }

    fn keep(&mut self, time: Seconds, effects: &Effects<'_, Self>) {
        // One second longer than a slot's events are kept: what still comes finds its commitment.
        self.forget_at = self.forget_at.max(time.saturating_add(effects.params.0) + 2);
    }
}

impl State for Slot {
    type Key = u64;
    type Input = Input;
    type Part = ();
    type Output = CommittedTrade;
    type Params = Horizon;

    fn key(input: &Input) -> u64 {
        match input {
            Input::Trade(trade) => trade.trade().origin.id.slot,
            Input::Status(slot, _) => *slot,
        }
    }

    fn route(slot: &u64) -> u64 {
        *slot
    }

    fn apply(&mut self, _: &u64, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        match input {
            Input::Trade(trade) => self.change(trade, diff, effects),
            Input::Status(_, state) => {
                // Its trades may come with a later block time than the clock has seen.
                self.keep(effects.now.saturating_add(effects.params.0), effects);
                if let Some(commitment) = state.commitment() {
                    self.commit(commitment, effects);
                }
            }
        }
    }

    fn next_timer(&self, _: &Horizon) -> Option<Seconds> {
        Some(self.forget_at)
    }

    fn on_timer(&mut self, _: &u64, effects: &mut Effects<'_, Self>) {
        if self.forget_at <= effects.now {
            *self = Self::default();
        }
    }

    fn output(&self, _: &u64, (): &(), _: &Horizon) -> Option<CommittedTrade> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.commitment.is_none() && self.trades.is_empty()
    }
}

/// Market capitalisation in quote coins: price times supply in coins.
///
/// Source: DEFINITIONS §5.
#[must_use]
pub fn market_cap(price: Option<Price>, supply: Option<u64>, base_decimals: u8) -> Option<Price> {
    let coins = Price::ratio(supply?.into(), base_decimals, 1, 0)?;
    Price::new(price?.get() * coins.get())
}

impl Record for CommittedTrade {
    const SCHEMA: &'static Schema = &Schema {
        name: "trades",
        doc: "Every trade, once, with its price and how settled it is.",
        key: 1,
        columns: COLUMNS,
    };
    type Key = EventId;

    fn key(&self) -> EventId {
        self.valued.trade().origin.id
    }

    fn row(&self) -> Row {
        let ValuedTrade { priced: PricedTrade { trade, price, price_ok }, usd } = &self.valued;
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
            Value::Count(origin.block_time.saturating_mul(1000)),
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
            Value::Count(trade.base_decimals.into()),
            Value::Count(trade.quote_decimals.into()),
            Value::from(*price),
            Value::from(trade.spot_after),
            Value::from(trade.spot_before),
            price.map_or(Value::Null, |_| Value::Bool(*price_ok)),
            Value::from(self.valued.price_usd()),
            self.valued.value_micros().map_or(Value::Null, usd_value),
            usd.as_ref().map_or(Value::Null, |usd| Value::text(usd.source.as_str())),
            Value::count(age_s.map(|age_s| age_s * 1000)),
            Value::from(market_cap),
            Value::from(usd.zip(market_cap).and_then(|(usd, cap)| usd.convert(cap))),
            Value::amount(trade.base_reserve),
            Value::amount(trade.quote_reserve),
            Value::amount(trade.base_supply),
            Value::amount(trade.fees.protocol),
            Value::amount(trade.fees.creator),
            Value::amount(trade.fees.lp),
            Value::amount(trade.fees.cashback),
            Value::count(trade.compute_units),
            Value::count(trade.priority_fee),
            Value::Null,
            Value::from(self.commitment.name()),
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
    Column::new("trader_kind", Kind::Symbol, "How the wallet was found: signer, owner, unknown."),
    Column::new("side", Kind::Symbol, "Side of the wallet: buy, sell."),
    Column::new("base_amount", Kind::Amount, "Base that changed hands, raw units."),
    Column::new("quote_amount", Kind::Amount, "Quote that moved the reserves, raw units."),
    Column::new("quote_user", Kind::Amount, "Quote that the wallet paid or received after fees, raw units."),
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
    Column::new("fee_protocol", Kind::Amount, "Fee to the protocol, raw quote units."),
    Column::new("fee_creator", Kind::Amount, "Fee to the creator, raw quote units."),
    Column::new("fee_lp", Kind::Amount, "Fee to the liquidity providers, raw quote units."),
    Column::new("cashback", Kind::Amount, "Charged now, claimable by the trader, raw quote units."),
    Column::new("compute_units", Kind::Count, "Compute units of the transaction."),
    Column::new("priority_fee", Kind::Count, "Priority fee of the transaction, lamports."),
    Column::new("labels", Kind::Text, "Labels of the trade, comma-separated; null without any."),
    Column::new("commitment", Kind::Symbol, "How settled the slot is: processed, confirmed, finalized."),
];
