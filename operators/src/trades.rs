//! The record `trades`: every trade, with its price, its value, its labels and how settled it is.

use model::record::ms;
use model::{Cadence, EventId, Fee, Price, Record, columns};

use crate::commitment::{Committed, SingleEvent};
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

impl Record for Committed<ValuedTrade> {
    columns! {
        self: "trades", "Every trade, once, with its price and how settled it is.";
        cadence: Cadence::Flush;
        indexes: [["mint", "slot", "tx_index", "outer_ix", "inner_ix"], ["trader", "slot"], ["signature"]];
        let ValuedTrade { priced: PricedTrade { trade, price, price_ok }, usd } = &self.record;
        let origin = &trade.origin;
        let market_cap = market_cap(trade.spot_after.or(*price), trade.base_supply, trade.base_decimals);
        let age_s = usd.and_then(|usd| Some(origin.block_time - usd.publish_time?));
        key {
            event_id: Text = self.record.event(), "Name and canonical order: slot-tx-outer-inner.";
        }
        slot: Count = origin.id.slot, "Slot of the block.";
        tx_index: Count = origin.id.tx.index(), "Transaction in the block; null if the source does not know.";
        outer_ix: Count = origin.id.outer_ix, "Top-level instruction.";
        inner_ix: Count = u64::try_from(origin.id.inner_ix).ok(),
            "Inner instruction; null for the top-level one.";
        signature: Text = origin.signature, "Transaction.";
        block_time: Time = ms(origin.block_time), "Event time.";
        received_at: Time = origin.received_at, "When a source saw it first, where recorded.";
        program: Symbol = trade.program.name(), "Program of the pool.";
        pool: Address = trade.pool, "Pool or bonding curve.";
        mint: Address = trade.mint, "Base token.";
        quote_mint: Address = trade.quote_mint, "Quote token.";
        trader: Address = trade.trader, "Wallet; null if unknown.";
        trader_kind: Symbol = trade.trader_kind.name(), "How the wallet was found: signer, owner, named, unknown.";
        side: Symbol = trade.side.name(), "Side of the wallet: buy, sell.";
        base_amount: Amount = trade.base_amount, "Base that moved the pool, raw units.";
        quote_amount: Amount = trade.quote_amount, "Quote that moved the reserves, raw units.";
        quote_user: Amount = trade.quote_user,
            "Quote that the wallet paid or received after fees, raw units.";
        base_user: Amount = trade.base_user,
            "Base that the wallet's balance really gained or gave, raw units: after transfer fees and fees in base.";
        base_user_known: Bool = trade.base_user_known,
            "True if balances or the event show base_user; else base_amount.";
        quote_known: Bool = trade.quote_known, "True if it is known which of the two tokens is the money.";
        base_decimals: Count = trade.base_decimals, "Decimals of the base token.";
        quote_decimals: Count = trade.quote_decimals, "Decimals of the quote token.";
        price: Float = *price, "Price of the trade, quote coins per base coin.";
        spot_price: Float = trade.spot_after, "Price at the margin after the trade.";
        spot_before: Float = trade.spot_before, "Price at the margin before the trade.";
        price_ok: Bool = price.map(|_| *price_ok), "True if the price is credible.";
        price_usd: Float = self.record.price_usd(), "Price in USD; null without a price of the quote token.";
        value_usd: Float = self.record.value_micros().and_then(usd_value),
            "Quote amount in USD; null without a price of the quote token.";
        usd_source: Symbol = usd.as_ref().map(|usd| usd.source.as_str()),
            "Whose price of the quote token: an oracle, or peg.";
        usd_age_ms: Count = age_s.map(|age_s| age_s * 1000),
            "How old that price was at the block time; null for a peg.";
        market_cap_quote: Float = market_cap,
            "Spot price times supply, quote coins; null if the supply is unknown.";
        market_cap_usd: Float = usd.zip(market_cap).and_then(|(usd, cap)| usd.convert(cap)),
            "The same in USD; null without an oracle price.";
        base_reserve: Amount = trade.base_reserve, "Base that sets the price after the trade, raw units.";
        quote_reserve: Amount = trade.quote_reserve, "Quote that sets the price after the trade, raw units.";
        base_supply: Amount = trade.base_supply, "Supply of the base token as of the trade, raw units.";
        fee_protocol: Amount = trade.fees.protocol.and_then(Fee::quote),
            "Fee to the protocol, if in quote: raw quote units.";
        fee_creator: Amount = trade.fees.creator.and_then(Fee::quote),
            "Fee to the creator, if in quote: raw quote units.";
        fee_lp: Amount = trade.fees.lp.and_then(Fee::quote),
            "Fee to the liquidity providers, if in quote: raw quote units.";
        cashback: Amount = trade.fees.cashback.and_then(Fee::quote),
            "Charged now, claimable by the trader, if in quote: raw quote units.";
        fee_protocol_base: Amount = trade.fees.protocol.and_then(Fee::base),
            "Fee to the protocol, if in base: raw base units.";
        fee_creator_base: Amount = trade.fees.creator.and_then(Fee::base),
            "Fee to the creator, if in base: raw base units.";
        fee_lp_base: Amount = trade.fees.lp.and_then(Fee::base),
            "Fee to the liquidity providers, if in base: raw base units.";
        cashback_base: Amount = trade.fees.cashback.and_then(Fee::base),
            "Charged now, claimable by the trader, if in base: raw base units.";
        compute_units: Count = trade.compute_units, "Compute units of the transaction.";
        priority_fee: Count = trade.priority_fee, "Priority fee of the transaction, lamports.";
        labels: Text = self.labels.names(),
            "Labels that the trade has within its slot, comma-separated: sandwich, arbitrage, protocol; null without.";
        commitment: Symbol = self.commitment.name(),
            "How settled the slot is: processed, confirmed, finalized.";
    }
    type Key = EventId;

    fn key(&self) -> Self::Key {
        self.record.event()
    }
}

impl SingleEvent for ValuedTrade {
    fn event(&self) -> EventId {
        self.trade().origin.id
    }

    fn block_time(&self) -> Seconds {
        self.trade().origin.block_time
    }
}
