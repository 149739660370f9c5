//! The record `pools`.

use model::{Address, Column, Kind, Price, Program, Record, Row, Schema, Seconds, Value};
use serde::{Deserialize, Serialize};

use super::LiquidityKind;
use crate::number::{Number, column};

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
    const SCHEMA: &'static Schema = &Schema {
        name: "pools",
        doc: "Every pool and bonding curve, as of the last thing that happened in it; at most once a second.",
        key: 1,
        columns: &[
            Column::new("pool", Kind::Address, "Pool or bonding curve."),
            Column::new("program", Kind::Symbol, "Its program."),
            Column::new("mint", Kind::Address, "Base token."),
            Column::new("quote_mint", Kind::Address, "Quote token."),
            Column::new("base_vault", Kind::Address, "Where it keeps its base; null if no event said it."),
            Column::new("quote_vault", Kind::Address, "Where it keeps its quote; null as base_vault."),
            Column::new("base_reserve", Kind::Amount, "Base that sets the price, raw units."),
            Column::new("quote_reserve", Kind::Amount, "Quote that sets the price, raw units."),
            Column::new(
                "virtual_quote",
                Kind::Sum,
                "How much of quote_reserve is not in the pool, raw units; null if unknown.",
            ),
            Column::new(
                "liquidity_usd",
                Kind::Float,
                "USD at the rate of the last trade; null without one. See liquidity_kind.",
            ),
            Column::new("spot_price", Kind::Float, "Price at the margin, quote coins per base coin."),
            Column::new("opened_at", Kind::Time, "When it was opened; null if that was not seen."),
            Column::new("canonical", Kind::Bool, "True if the token migrated to it."),
            Column::new(
                "liquidity_kind",
                Kind::Symbol,
                "curve: quote in it; constant_product: twice that; concentrated: both vaults.",
            ),
        ],
    };
    type Key = Address;

    fn key(&self) -> Address {
        self.pool
    }

    fn row(&self) -> Row {
        vec![
            Value::from(self.pool),
            Value::from(self.program.name()),
            Value::from(self.mint),
            Value::from(self.quote_mint),
            Value::from(self.vaults.0),
            Value::from(self.vaults.1),
            Value::amount(self.reserves.map(|(base, _)| base)),
            Value::amount(self.reserves.map(|(_, quote)| quote)),
            self.virtual_quote.map_or(Value::Null, Value::Sum),
            column(self.liquidity_micros.and_then(|micros| Number::coins(micros, 6))),
            Value::from(self.spot),
            Value::time(self.opened_at),
            Value::Bool(self.is_canonical),
            Value::from(LiquidityKind::of(self.program).name()),
        ]
    }
}
