//! The record `pools`.

use model::record::ms;
use model::{Address, Cadence, Price, Program, Record, Seconds, columns};
use serde::{Deserialize, Serialize};

use super::LiquidityKind;
use crate::number::Number;

/// A pool or bonding curve. Its leading field is its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pool {
    /// Its address.
    pub pool: Address,
    /// Its program.
    pub program: Program,
    /// The base token.
    pub mint: Address,
    /// The quote token, where known.
    pub quote_mint: Option<Address>,
    /// Where it keeps its base and its quote, where an event has said it.
    pub vaults: (Option<Address>, Option<Address>),
    /// Base and quote that set the price, raw units.
    pub reserves: Option<(u64, u64)>,
    /// How much of the quote that sets the price is not there, raw units.
    pub virtual_quote: Option<i128>,
    /// Liquidity in millionths of a USD.
    pub liquidity_micros: Option<u128>,
    /// Price at the margin.
    pub spot: Option<Price>,
    /// When it was opened.
    pub opened_at: Option<Seconds>,
    /// True if the token migrated to it.
    pub is_canonical: bool,
}

impl Record for Pool {
    columns! {
        self: "pools",
            "Every pool and bonding curve, as of the last thing that happened in it; at most once a second.";
        cadence: Cadence::Seconds(1);
        key {
            pool: Address = self.pool, "Pool or bonding curve.";
        }
        program: Symbol = self.program.name(), "Its program.";
        mint: Address = self.mint, "Base token.";
        quote_mint: Address = self.quote_mint, "Quote token.";
        base_vault: Address = self.vaults.0, "Where it keeps its base; null if no event said it.";
        quote_vault: Address = self.vaults.1, "Where it keeps its quote; null as base_vault.";
        base_reserve: Amount = self.reserves.map(|(base, _)| base), "Base that sets the price, raw units.";
        quote_reserve: Amount = self.reserves.map(|(_, quote)| quote),
            "Quote that sets the price, raw units.";
        virtual_quote: Sum = self.virtual_quote,
            "How much of quote_reserve is not in the pool, raw units; null if unknown.";
        liquidity_usd: Float = self.liquidity_micros.and_then(|micros| Number::coins(micros, 6)),
            "USD at the rate of the last trade; null without one. See liquidity_kind.";
        spot_price: Float = self.spot, "Price at the margin, quote coins per base coin.";
        opened_at: Time = ms(self.opened_at), "When it was opened; null if that was not seen.";
        canonical: Bool = self.is_canonical, "True if the token migrated to it.";
        liquidity_kind: Symbol = LiquidityKind::of(self.program).name(),
            "curve: quote in it; constant_product: twice that; concentrated: both vaults.";
    }
    type Key = Address;

    fn key(&self) -> Address {
        self.pool
    }
}
