//! What rules are asked about: the points of a token, in canonical order.
//!
//! A point that is no event, such as the end of a bar, comes before the events of its second, and what it
//! makes rules say was caused by the last trade before it.

use model::{Address, ChainEvent, EventId, LiquidityChanged, Origin, Price, Program, Seconds, Side};
use serde::{Deserialize, Serialize};

pub use super::told::{Bar, Shares, SmartTrade, list_key};

use super::rulebook::Standing;
use crate::bar::MaybeAmount;
use crate::number::Number;
use crate::series::SeriesTrade;

/// What arrives for a share of the tokens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// Something that happened to a token.
    Point(Address, Point),
    /// How the holdings of a token are spread from now on.
    Held(Address, Shares),
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
    /// The event; before all of them for a point that is none.
    pub id: EventId,
    /// What happened.
    pub what: What,
    /// Whose event it is; none if that is not said.
    pub program: Option<Program>,
}

/// Where a point stands among those of its token: by time, event, and what there is of one event.
pub type Place = (Seconds, EventId, (u8, u64));

/// What is known of a bonding curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Curve {
    /// Base that sets the price, raw units.
    pub reserve: MaybeAmount,
    /// How much of that is not for sale.
    pub apart: Option<i64>,
    /// What there was to sell.
    pub to_sell: MaybeAmount,
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
        /// Its bonding curve, if it was created with one.
        curve: Option<Curve>,
    },
    /// The parameters of its curve are others.
    Curve(Curve),
    /// Its curve has sold everything.
    Completed,
    /// It left its curve.
    Migrated,
    /// Liquidity went into the primary pool or came out of it.
    Liquidity {
        /// True if it went in.
        is_in: bool,
        /// How much, percent of the quote that was there before.
        pct: Price,
    },
    /// A trade was one of a wallet on a list.
    Smart(SmartTrade),
    /// A bar ended.
    Bar(Bar),
    /// Holdings were spread like this, as was known then.
    Shares(Shares),
}

/// What rules need of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Figures {
    /// Clean price in USD and in SOL, as [`Unit`](model::rule::Unit) names them; none of a pool that is not the
    /// token's primary one.
    pub prices: [Option<Price>; 2],
    /// Market capitalisations at those prices, if the trade says the supply.
    pub caps: [Option<Price>; 2],
    /// Supply of the token, coins.
    pub supply: Option<Price>,
    /// What was paid, millionths of a USD.
    pub value_micros: MaybeAmount,
    /// Side of the trader.
    pub side: Side,
    /// What it says of how far the bonding curve is, if it was traded on one.
    pub curve: Option<Sold>,
}

/// What a trade says of how far a bonding curve is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Sold {
    /// So far, percent; none without an end to the curve.
    Said(Option<Number>),
    /// How much base sets the price, from which it follows.
    Reserve {
        /// Raw units.
        base: u64,
        /// Whether the curve is a usual one of pump.
        is_usual: bool,
    },
}

impl Point {
    /// Where it stands among the points of its token.
    #[must_use]
    pub fn place(&self) -> Place {
        let within = match &self.what {
            What::Smart(smart) => (1, smart.list),
            What::Bar(bar) => (2, bar.interval_s.into()),
            What::Shares(_) => Self::SHARES,
            _ => (0, 0),
        };
        (self.time, self.id, within)
    }

    /// The last part of the place of how holdings are spread.
    pub(super) const SHARES: (u8, u64) = (3, 0);

    /// The event that what it makes rules say was caused by, if the last trade before it was `last`.
    #[must_use]
    pub fn cause(&self, last: Option<EventId>) -> Option<EventId> {
        match self.what {
            What::Bar(_) | What::Shares(_) => last,
            _ => Some(self.id),
        }
    }

    /// What rules need of a trade.
    #[must_use]
    pub fn of_trade(of_series: &SeriesTrade) -> Self {
        let valued = &of_series.valued;
        let trade = valued.trade();
        let clean = valued.clean_price().filter(|_| of_series.is_primary());
        let in_usd = clean.and_then(|_| valued.price_usd());
        let in_sol = clean.filter(|_| trade.quote_mint == Address::WSOL);
        let caps = [in_usd.and_then(|_| valued.market_cap_usd()), in_sol.and_then(|_| trade.market_cap())];
        let is_usual = trade.program == Program::Pump && trade.quote_mint == Address::WSOL;
        let reserves = trade.base_reserve.zip(trade.quote_reserve);
        let of_reserve = reserves.map(|(base, _)| Sold::Reserve { base, is_usual });
        let said = trade.curve.map(|curve| Sold::Said(curve.progress_pct().and_then(Number::new)));
        let sold = said.or(of_reserve).filter(|_| trade.program.is_curve());
        let figures = Figures {
            prices: [in_usd, in_sol],
            caps,
            supply: coins(trade.base_supply, trade.base_decimals),
            value_micros: valued.value_micros().and_then(|micros| u64::try_from(micros).ok()).into(),
            side: trade.side,
            curve: sold,
        };
        let origin = &trade.origin;
        let (time, id, program) = (origin.block_time, origin.id, Some(trade.program));
        Self { time, id, what: What::Trade(figures), program }
    }

    /// The token of a change of its liquidity and what rules need of it; none if there was no liquidity before.
    #[must_use]
    pub fn of_liquidity(event: &LiquidityChanged) -> Option<(Address, Self)> {
        let (moved, after) = (u128::from(event.quote_amount), u128::from(event.quote_reserve));
        let before = if event.added { after.checked_sub(moved)? } else { after + moved };
        let pct = Price::ratio(moved * 100, 0, before, 0)?;
        let what = What::Liquidity { is_in: event.added, pct };
        let Origin { id, block_time: time, .. } = event.origin;
        Some((event.mint, Self { time, id, what, program: Some(event.program) }))
    }

    /// The token of another event and what rules need of it; none if that is nothing.
    #[must_use]
    pub fn of_event(event: &ChainEvent) -> Option<(Address, Self)> {
        let (program, what) = match event {
            ChainEvent::TokenCreated(event) => {
                let supply = coins(event.supply, event.decimals);
                let sets = event.virtual_base.zip(event.virtual_quote).map(|(base, _)| base);
                let apart = sets.zip(event.real_base).and_then(|(sets, real)| apart(sets, real));
                let curve = Curve { reserve: sets.into(), apart, to_sell: event.real_base.into() };
                let curve = event.program.is_curve().then_some(curve);
                (event.program, What::Created { creator: event.creator, supply, curve })
            }
            ChainEvent::CurveCompleted(event) => (event.program, What::Completed),
            ChainEvent::Migrated(event) => (event.program, What::Migrated),
            ChainEvent::CurveParametersChanged(event) if event.pool.is_some() => {
                let real = event.real_base.zip(event.real_quote);
                let apart = real.and_then(|(real, _)| apart(event.virtual_base, real));
                let curve = Curve { reserve: Some(event.virtual_base).into(), apart, to_sell: None.into() };
                (event.program, What::Curve(curve))
            }
            ChainEvent::Trade(_)
            | ChainEvent::PoolCreated(_)
            | ChainEvent::LiquidityChanged(_)
            | ChainEvent::CurveParametersChanged(_)
            | ChainEvent::BalancesChanged(_) => return None,
        };
        let origin = event.origin();
        let (time, id, program) = (origin.block_time, origin.id, Some(program));
        Some((event.mint()?, Self { time, id, what, program }))
    }
}

/// How much of what sets the price is not for sale.
fn apart(sets: u64, for_sale: u64) -> Option<i64> {
    i64::try_from(i128::from(sets) - i128::from(for_sale)).ok()
}

fn coins(supply: Option<u64>, decimals: u8) -> Option<Price> {
    Price::ratio(supply?.into(), decimals, 1, 0)
}
