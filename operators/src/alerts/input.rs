//! What rules are asked about: the points of a token, in canonical order.

use model::{Address, ChainEvent, EventId, Price, Program, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::rulebook::Standing;
use crate::usd::ValuedTrade;

/// What arrives for a share of the tokens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// Something that happened to a token.
    Point(Address, Point),
    /// A rule for one token, or, with the number of the share, for all.
    Rule(Target, Box<Standing>),
}

/// To whom a rule goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// To the share that holds the token.
    Mint(Address),
    /// To this share, for all of its tokens.
    Share(u8),
}

/// Something that happened to a token. Points order by time, then as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    /// Block time.
    pub time: Seconds,
    /// The event.
    pub id: EventId,
    /// Whose event it is.
    pub program: Program,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// A trade.
    Trade(Figures),
    /// The token was created.
    Created {
        /// By whom, where that is known.
        creator: Option<Address>,
        /// Supply, coins.
        supply: Option<Price>,
    },
    /// Its curve has sold everything.
    Completed,
    /// It left its curve.
    Migrated,
    /// Liquidity went into a pool or came out of it.
    Liquidity {
        /// True if it went in.
        is_in: bool,
        /// How much, percent of the quote that was there before.
        pct: Price,
    },
}

/// What rules need of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Figures {
    /// Clean price in USD and in SOL, as [`Unit`](model::rule::Unit) names them.
    pub prices: [Option<Price>; 2],
    /// Supply of the token, coins.
    pub supply: Option<Price>,
    /// What was paid, millionths of a USD.
    pub value_micros: Option<u64>,
    /// Side of the trader.
    pub side: Side,
}

impl Point {
    /// Where it stands among the points of its token.
    #[must_use]
    pub const fn place(&self) -> (Seconds, EventId) {
        (self.time, self.id)
    }

    /// What rules need of a trade.
    #[must_use]
    pub fn of_trade(valued: &ValuedTrade) -> Self {
        let trade = valued.trade();
        let clean = valued.clean_price();
        let usd = valued.usd.as_ref().zip(clean).and_then(|(rate, price)| rate.convert(price));
        let sol = clean.filter(|_| trade.quote_mint == Address::WSOL);
        let figures = Figures {
            prices: [usd, sol],
            supply: coins(trade.base_supply, trade.base_decimals),
            value_micros: valued.value_micros().and_then(|micros| u64::try_from(micros).ok()),
            side: trade.side,
        };
        let origin = &trade.origin;
        Self { time: origin.block_time, id: origin.id, program: trade.program, what: What::Trade(figures) }
    }

    /// The token of another event and what rules need of it; none if that is nothing.
    #[must_use]
    pub fn of_event(event: &ChainEvent) -> Option<(Address, Self)> {
        let (program, what) = match event {
            ChainEvent::TokenCreated(event) => {
                let supply = coins(event.supply, event.decimals);
                (event.program, What::Created { creator: event.creator, supply })
            }
            ChainEvent::CurveCompleted(event) => (event.program, What::Completed),
            ChainEvent::Migrated(event) => (event.program, What::Migrated),
            ChainEvent::LiquidityChanged(event) => {
                let (moved, after) = (u128::from(event.quote_amount), u128::from(event.quote_reserve));
                let before = if event.added { after.checked_sub(moved)? } else { after + moved };
                let pct = Price::ratio(moved * 100, 0, before, 0)?;
                (event.program, What::Liquidity { is_in: event.added, pct })
            }
            ChainEvent::Trade(_)
            | ChainEvent::PoolCreated(_)
            | ChainEvent::CurveParametersChanged(_)
            | ChainEvent::BalancesChanged(_) => return None,
        };
        let origin = event.origin();
        Some((event.mint()?, Self { time: origin.block_time, id: origin.id, program, what }))
    }
}

fn coins(supply: Option<u64>, decimals: u8) -> Option<Price> {
    Price::ratio(supply?.into(), decimals, 1, 0)
}
