//! The record `tokens`.

use model::{Address, Column, Kind, Price, Program, Record, Row, Schema, Seconds, Side, Value};
use serde::{Deserialize, Serialize};

use super::LiquidityKind;
use super::milestones::{Created, Moment};
use super::score::Score;
use crate::labels::risk::Risk;
use crate::number::{Number, column};

/// Where a token is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It was created and has not been traded.
    Created,
    /// It is traded.
    Trading,
    /// Its curve has sold everything.
    Completed,
    /// It left the curve for a pool.
    Migrated,
    /// It has not been traded for long, whatever it was before.
    Dead,
}

impl Status {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Trading => "trading",
            Self::Completed => "completed",
            Self::Migrated => "migrated",
            Self::Dead => "dead",
        }
    }
}

/// What a token costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Valuation {
    /// Price in quote coins.
    pub price: Option<Price>,
    /// Price in USD.
    pub price_usd: Option<Price>,
    /// Price times supply, quote coins.
    pub market_cap: Option<Price>,
    /// Price times supply, USD.
    pub market_cap_usd: Option<Price>,
}

/// What was traded of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trading {
    /// Trades in 24 hours.
    pub txns_24h: u64,
    /// Traded in 24 hours, quote coins.
    pub volume_24h: Option<Number>,
    /// Traded in 24 hours, USD.
    pub volume_usd_24h: Option<Number>,
    /// Change of the price in an hour, percent.
    pub change_1h: Option<Number>,
    /// Change of the price in 24 hours, percent.
    pub change_24h: Option<Number>,
}

/// What is said of those who hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owned {
    /// Number of holders.
    pub holders: u64,
    /// Share of the ten largest holders, percent.
    pub top10_pct: Option<Number>,
    /// Share of the creator, percent; none if the creation is not known.
    pub creator_held_pct: Option<Number>,
    /// True if the creator held some and has none; none if the creation is not known.
    pub creator_sold: Option<bool>,
    /// Share of snipers, percent.
    pub snipers_held_pct: Option<Number>,
    /// Share of bundlers, percent.
    pub bundlers_held_pct: Option<Number>,
    /// Signs of danger.
    pub risk: Risk,
}

/// A token and all that is known of it. Its leading field is its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Token {
    /// The token.
    pub mint: Address,
    /// Its creation, if that was seen.
    pub created: Option<Created>,
    /// Where it was created, or else the program of its primary pool.
    pub program: Option<Program>,
    /// Slot of the first event that is known of it.
    pub first_seen_slot: u64,
    /// Its decimals.
    pub decimals: Option<u8>,
    /// Its supply, raw units.
    pub supply: Option<u64>,
    /// What its primary pool is quoted in.
    pub quote_mint: Option<Address>,
    /// Its primary pool.
    pub primary_pool: Option<Address>,
    /// What it costs.
    pub valuation: Valuation,
    /// Liquidity of the primary pool, in millionths of a USD.
    pub liquidity_micros: Option<u128>,
    /// How that is counted.
    pub liquidity_kind: Option<LiquidityKind>,
    /// How much of its curve is sold, percent.
    pub curve_progress_pct: Option<Number>,
    /// Where it is in its life.
    pub status: Status,
    /// When its curve was complete.
    pub completed: Option<Moment>,
    /// When it left the curve, and for which pool.
    pub migrated: Option<Moment>,
    /// Block time and side of the last trade.
    pub last_trade: Option<(Seconds, Side)>,
    /// What was traded of it.
    pub trading: Trading,
    /// Of those who hold it; none before that is known.
    pub owned: Option<Owned>,
    /// `score_v1`.
    pub score: Option<Score>,
    /// `score_classic`.
    pub score_classic: Option<Number>,
}

impl Token {
    /// Liquidity of the primary pool in USD.
    #[must_use]
    pub fn liquidity_usd(&self) -> Option<Number> {
        self.liquidity_micros.and_then(|micros| Number::coins(micros, 6))
    }

    /// When it was created.
    #[must_use]
    pub fn created_at(&self) -> Option<Seconds> {
        self.created.as_ref().map(|created| created.origin.block_time)
    }
}

impl Record for Token {
    const SCHEMA: &'static Schema = &Schema {
        name: "tokens",
        doc: "Every token with all that is known of it; brought up to date once a second.",
        key: 1,
        columns: COLUMNS,
    };
    type Key = Address;

    fn key(&self) -> Address {
        self.mint
    }

    fn row(&self) -> Row {
        let created = self.created.as_deref();
        let text = |text: fn(&model::TokenCreated) -> &str| {
            created.map_or(Value::Null, |created| Value::text(text(created)))
        };
        let owned = self.owned.as_ref();
        let share = |share: fn(&Owned) -> Option<Number>| column(owned.and_then(share));
        let part = |part: fn(&Score) -> Number| column(self.score.as_ref().map(part));
        let Valuation { price, price_usd, market_cap, market_cap_usd } = self.valuation;
        let Trading { txns_24h, volume_24h, volume_usd_24h, change_1h, change_24h } = self.trading;
        vec![
            Value::from(self.mint),
            text(|created| &created.name),
            text(|created| &created.symbol),
            text(|created| &created.uri),
            Value::from(created.and_then(|created| created.creator)),
            self.program.map_or(Value::Null, |program| Value::from(program.name())),
            Value::time(self.created_at()),
            Value::Count(self.first_seen_slot),
            Value::count(self.decimals),
            Value::amount(self.supply),
            Value::from(self.quote_mint),
            Value::from(self.primary_pool),
            Value::from(price),
            Value::from(price_usd),
            Value::from(market_cap_usd),
            Value::from(market_cap_usd),
            column(self.liquidity_usd()),
            self.liquidity_kind.map_or(Value::Null, |kind| Value::from(kind.name())),
            column(self.curve_progress_pct),
            Value::from(self.status.name()),
            Value::time(self.completed.map(|moment| moment.time)),
            Value::time(self.migrated.map(|moment| moment.time)),
            Value::from(self.migrated.and_then(|moment| moment.pool)),
            Value::time(self.last_trade.map(|(time, _)| time)),
            self.last_trade.map_or(Value::Null, |(_, side)| Value::from(side.name())),
            Value::count(owned.map(|owned| owned.holders)),
            share(|owned| owned.top10_pct),
            share(|owned| owned.creator_held_pct),
            owned.and_then(|owned| owned.creator_sold).map_or(Value::Null, Value::Bool),
            share(|owned| owned.snipers_held_pct),
            share(|owned| owned.bundlers_held_pct),
            column(self.score.and_then(|score| score.total())),
            column(self.score_classic),
            Value::count(owned.map(|owned| u64::from(owned.risk.total()))),
            owned.map_or(Value::Null, |owned| Value::text(owned.risk.spell())),
            Value::from(market_cap),
            Value::Count(txns_24h),
            column(volume_24h),
            column(volume_usd_24h),
            column(change_1h),
            column(change_24h),
            part(|score| score.volume),
            part(|score| score.momentum),
            part(|score| score.liquidity),
            part(|score| score.txns),
        ]
    }
}

const COLUMNS: &[Column] = &[
    Column::new("mint", Kind::Address, "The token."),
    Column::new("name", Kind::Text, "Name as its creator wrote it; null if the creation was not seen."),
    Column::new("symbol", Kind::Text, "Symbol as its creator wrote it; null as name."),
    Column::new("uri", Kind::Text, "Where its metadata lie; null as name."),
    Column::new("creator", Kind::Address, "Owner of the creator fee; null as name."),
    Column::new("program", Kind::Symbol, "Program that it was created on, or that of its primary pool."),
    Column::new("created_at", Kind::Time, "When it was created; null as name."),
    Column::new("first_seen_slot", Kind::Count, "Slot of the first event that is known of it."),
    Column::new("decimals", Kind::Count, "Its decimals."),
    Column::new("total_supply", Kind::Amount, "Supply as of the last event that says it, raw units."),
    Column::new("quote_mint", Kind::Address, "What its primary pool is quoted in."),
    Column::new("primary_pool", Kind::Address, "Pool whose price is its price."),
    Column::new(
        "price",
        Kind::Float,
        "Last clean price in the primary pool, quote coins; before the first, the price at the margin.",
    ),
    Column::new("price_usd", Kind::Float, "The same in USD as of that trade; null without an oracle price."),
    Column::new("market_cap_usd", Kind::Float, "price_usd times supply; locks are not known."),
    Column::new("fdv_usd", Kind::Float, "price_usd times supply."),
    Column::new("liquidity_usd", Kind::Float, "Liquidity of the primary pool, USD."),
    Column::new("liquidity_kind", Kind::Symbol, "How it is counted, see pools."),
    Column::new(
        "curve_progress_pct",
        Kind::Float,
        "How much of its curve is done, 0 to 100: of the tokens for sale, or of the quote to raise if that ends it.",
    ),
    Column::new("status", Kind::Symbol, "created, trading, completed, migrated, dead."),
    Column::new("graduated_at", Kind::Time, "When its curve was complete."),
    Column::new("migrated_at", Kind::Time, "When it left the curve."),
    Column::new("migrated_to", Kind::Address, "The pool that it migrated to."),
    Column::new("last_trade_at", Kind::Time, "Block time of the last trade."),
    Column::new("last_trade_side", Kind::Symbol, "Side of the last trade: buy, sell."),
    Column::new("holders", Kind::Count, "Wallets that hold it; null before balances are known."),
    Column::new("top10_pct", Kind::Float, "Share of the ten largest holders, 0 to 100; null as holders."),
    Column::new(
        "dev_hold_pct",
        Kind::Float,
        "Share of the creator, 0 to 100; null as holders, or if its creation was not seen.",
    ),
    Column::new(
        "dev_sold",
        Kind::Bool,
        "True if the creator held some and has none left; null as dev_hold_pct.",
    ),
    Column::new("snipers_held_pct", Kind::Float, "Share of snipers, 0 to 100; null as holders."),
    Column::new("bundlers_held_pct", Kind::Float, "Share of bundlers, 0 to 100; null as holders."),
    Column::new("score_v1", Kind::Float, "Score of activity, 0 to 100; null if a part is unknown."),
    Column::new("score_classic", Kind::Float, "The older score, 0 to 100; null if a part is unknown."),
    Column::new("risk", Kind::Count, "Points for signs of danger, see risk_items; null as holders."),
    Column::new("risk_items", Kind::Text, "The signs that gave points, as `bundlers:15,marked:15`."),
    Column::new("market_cap_quote", Kind::Float, "price times supply, quote coins."),
    Column::new("txns_24h", Kind::Count, "Trades in 24 hours."),
    Column::new("volume_24h_quote", Kind::Float, "Traded in 24 hours, quote coins."),
    Column::new("volume_24h_usd", Kind::Float, "Traded in 24 hours, USD."),
    Column::new("price_change_1h_pct", Kind::Float, "Change of the price in an hour, percent."),
    Column::new("price_change_24h_pct", Kind::Float, "Change of the price in 24 hours, percent."),
    Column::new("score_v1_volume", Kind::Float, "Part of score_v1, of 40."),
    Column::new("score_v1_momentum", Kind::Float, "Part of score_v1, of 30."),
    Column::new("score_v1_liquidity", Kind::Float, "Part of score_v1, of 20."),
    Column::new("score_v1_txns", Kind::Float, "Part of score_v1, of 10."),
];
