//! Series: which trades speak for a token.
//!
//! A token trades in many pools, and any of them can be moved to any price. So each trade is given a role
//! ([`Role`]): of the primary pool, whose prices are the token's; of another pool in the same quote token, which
//! counts in volumes, and in the prices of the series `all` while enough lies in that pool; or of its own pool
//! alone. Candles, windows and alert rules take trades with their roles, so that they cannot disagree.
//!
//! The roles are found by [`crate::primary`], a fold over the trades that stand, in canonical order. One that comes
//! late or is retracted makes the fold run again, and the trades whose role is another one are retracted and
//! emitted again with it. A change of liquidity passes if it is one of the primary pool's: it is the token's.
//!
//! A trade of a pair of which nobody knows which token is the money speaks for nothing: its role is
//! [`Role::Pool`], whatever else is known.
//!
//! Source: DEFINITIONS §1, base and quote, §2, the price of a token, and §3, series keys. Prices are not judged here
//! but by [`crate::prices`].

mod token;

use model::{Address, ChainEvent, EventId, LiquidityChanged, Migrated};
use serde::{Deserialize, Serialize};

pub use token::Token;

use crate::bar::Role;
use crate::prelude::*;
use crate::primary;
use crate::usd::ValuedTrade;

/// Settings of [`series`].
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// How the primary pool is chosen.
    pub primary: primary::Params,
    /// For how long the primary pool of a silent token is remembered, in seconds.
    pub remember_s: Seconds,
}

/// A trade and which series of its token it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesTrade {
    /// The trade.
    pub valued: ValuedTrade,
    /// Its role.
    pub role: Role,
}

impl SeriesTrade {
    /// True if its price is one of the token's.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.role == Role::Primary
    }

    /// False of a pair of which nobody knows which token is the money: it is no trade of the token.
    #[must_use]
    pub fn is_of_token(&self) -> bool {
        self.valued.trade().quote_known
    }
}

/// Of a token with several pools, the one that is its primary one after the last trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Chosen {
    /// The token.
    pub mint: Address,
    /// The pool.
    pub pool: Address,
}

/// An input of a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// A trade.
    Trade(ValuedTrade),
    /// Liquidity went into a pool of it or came out.
    Liquidity(Box<LiquidityChanged>),
    /// The token leaves its curve for a pool.
    Migration {
        /// The token.
        mint: Address,
        /// When.
        id: EventId,
        /// To which pool.
        to: Address,
    },
}

impl Input {
    /// A migration; none if the event does not say to which pool.
    #[must_use]
    pub fn migration(event: &Migrated) -> Option<Self> {
        Some(Self::Migration { mint: event.mint, id: event.origin.id, to: event.to? })
    }
}

/// An output of a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// A trade with its role.
    Trade(SeriesTrade),
    /// A change of the token's liquidity.
    Liquidity(Box<LiquidityChanged>),
    /// Its primary pool.
    Chosen(Chosen),
}

/// The outputs of [`series`].
pub struct Series<'s> {
    /// All trades with their roles.
    pub trades: Collection<'s, SeriesTrade>,
    /// Changes of liquidity of primary pools.
    pub liquidity: Collection<'s, LiquidityChanged>,
    /// The primary pools of tokens with several.
    pub chosen: Collection<'s, Chosen>,
}

/// Finds the role of every trade.
///
/// `events` are those that tell where a token's trading and liquidity move; other events do nothing here.
pub fn series<'s>(
    trades: Collection<'s, ValuedTrade>,
    events: Collection<'s, ChainEvent>,
    params: Params,
    horizon: Horizon,
    states: &States,
) -> Series<'s> {
    let happened = |event| match event {
        ChainEvent::Migrated(event) => Input::migration(&event),
        ChainEvent::LiquidityChanged(event) if event.quote_known => Some(Input::Liquidity(Box::new(event))),
        _ => None,
    };
    let intake = Intake::of(trades, |trade| Some(Input::Trade(trade))).and(events, happened);
    let way = |output| match output {
        Output::Trade(trade) => Either::Left(trade),
        Output::Liquidity(event) => Either::Right(Either::Left(*event)),
        Output::Chosen(chosen) => Either::Right(Either::Right(Only(chosen))),
    };
    let (trades, (liquidity, chosen)) =
        keyed_apart::<Token, _>(intake, "series", (params, horizon), states, way);
    Series { trades, liquidity, chosen }
}
