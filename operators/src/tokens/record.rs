//! The record `tokens`.

use model::record::ms;
use model::{Address, Cadence, Price, Program, Record, Seconds, Side, columns};
use serde::{Deserialize, Serialize};

use super::LiquidityKind;
use super::milestones::{Created, Moment};
use super::score::Score;
use crate::labels::risk::Risk;
use crate::number::Number;

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
    columns! {
        self: "tokens", "Every token with all that is known of it; brought up to date once a second.";
        cadence: Cadence::Seconds(1);
        let created = self.created.as_deref();
        let owned = self.owned.as_ref();
        let Valuation { price, price_usd, market_cap, market_cap_usd } = self.valuation;
        let Trading { txns_24h, volume_24h, volume_usd_24h, change_1h, change_24h } = self.trading;
        key {
            mint: Address = self.mint, "The token.";
        }
        name: Text = created.map(|created| &created.name),
            "Name as its creator wrote it; null if the creation was not seen.";
        symbol: Text = created.map(|created| &created.symbol), "Symbol as its creator wrote it; null as name.";
        uri: Text = created.map(|created| &created.uri), "Where its metadata lie; null as name.";
        creator: Address = created.and_then(|created| created.creator),
            "Owner of the creator fee; null as name.";
        program: Symbol = self.program.map(Program::name),
            "Program that it was created on, or that of its primary pool.";
        created_at: Time = ms(self.created_at()), "When it was created; null as name.";
        first_seen_slot: Count = self.first_seen_slot, "Slot of the first event that is known of it.";
        decimals: Count = self.decimals, "Its decimals.";
        total_supply: Amount = self.supply, "Supply as of the last event that says it, raw units.";
        quote_mint: Address = self.quote_mint, "What its primary pool is quoted in.";
        primary_pool: Address = self.primary_pool, "Pool whose price is its price.";
        price: Float = price,
            "Last clean price in the primary pool, quote coins; before the first, the price at the margin.";
        price_usd: Float = price_usd, "The same in USD as of that trade; null without an oracle price.";
        market_cap_usd: Float = market_cap_usd, "price_usd times supply; locks are not known.";
        fdv_usd: Float = market_cap_usd, "price_usd times supply.";
        liquidity_usd: Float = self.liquidity_usd(), "Liquidity of the primary pool, USD.";
        liquidity_kind: Symbol = self.liquidity_kind.map(LiquidityKind::name), "How it is counted, see pools.";
        curve_progress_pct: Float = self.curve_progress_pct,
            "How much of its curve is done, 0 to 100: of the tokens for sale, or of the quote to raise if that ends it.";
        status: Symbol = self.status.name(), "created, trading, completed, migrated, dead.";
        graduated_at: Time = ms(self.completed.map(|moment| moment.time)), "When its curve was complete.";
        migrated_at: Time = ms(self.migrated.map(|moment| moment.time)), "When it left the curve.";
        migrated_to: Address = self.migrated.and_then(|moment| moment.pool), "The pool that it migrated to.";
        last_trade_at: Time = ms(self.last_trade.map(|(time, _)| time)), "Block time of the last trade.";
        last_trade_side: Symbol = self.last_trade.map(|(_, side)| side.name()),
            "Side of the last trade: buy, sell.";
        holders: Count = owned.map(|owned| owned.holders),
            "Wallets that hold it; null before balances are known.";
        top10_pct: Float = owned.and_then(|owned| owned.top10_pct),
            "Share of the ten largest holders, 0 to 100; null as holders.";
        dev_hold_pct: Float = owned.and_then(|owned| owned.creator_held_pct),
            "Share of the creator, 0 to 100; null as holders, or if its creation was not seen.";
        dev_sold: Bool = owned.and_then(|owned| owned.creator_sold),
            "True if the creator held some and has none left; null as dev_hold_pct.";
        snipers_held_pct: Float = owned.and_then(|owned| owned.snipers_held_pct),
            "Share of snipers, 0 to 100; null as holders.";
        bundlers_held_pct: Float = owned.and_then(|owned| owned.bundlers_held_pct),
            "Share of bundlers, 0 to 100; null as holders.";
        score_v1: Float = self.score.and_then(|score| score.total()),
            "Score of activity, 0 to 100; null if a part is unknown.";
        score_classic: Float = self.score_classic, "The older score, 0 to 100; null if a part is unknown.";
        risk: Count = owned.map(|owned| u64::from(owned.risk.total())),
            "Points for signs of danger, see risk_items; null as holders.";
        risk_items: Text = owned.map(|owned| owned.risk.spell()),
            "The signs that gave points, as `bundlers:15,marked:15`.";
        market_cap_quote: Float = market_cap, "price times supply, quote coins.";
        txns_24h: Count = txns_24h, "Trades in 24 hours.";
        volume_24h_quote: Float = volume_24h, "Traded in 24 hours, quote coins.";
        volume_24h_usd: Float = volume_usd_24h, "Traded in 24 hours, USD.";
        price_change_1h_pct: Float = change_1h, "Change of the price in an hour, percent.";
        price_change_24h_pct: Float = change_24h, "Change of the price in 24 hours, percent.";
        score_v1_volume: Float = self.score.map(|score| score.volume), "Part of score_v1, of 40.";
        score_v1_momentum: Float = self.score.map(|score| score.momentum), "Part of score_v1, of 30.";
        score_v1_liquidity: Float = self.score.map(|score| score.liquidity), "Part of score_v1, of 20.";
        score_v1_txns: Float = self.score.map(|score| score.txns), "Part of score_v1, of 10.";
    }
    type Key = Address;

    fn key(&self) -> Address {
        self.mint
    }
}
