//! What a token's record is made of.

use model::{Address, ChainEvent, CurveState, EventId, Price, Program, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::milestones::{Created, Milestone};
use crate::holders::Holdings;
use crate::usd::ValuedTrade;
use crate::windows::TokenStats;

/// What arrives for a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// Something happened in a pool.
    Step(Address, PoolName, Entry),
    /// Something happened to the token itself.
    Milestone(Address, Milestone),
    /// A window is put, or taken back.
    Stats {
        /// The token.
        mint: Address,
        /// Which window.
        window: Window,
        /// What is in it.
        activity: Activity,
        /// Whether it is put. That it is taken back is an input too and not a change of multiplicity:
        /// a token whose changes are all additions costs less, see [`crate::keyed`].
        is_put: bool,
    },
    /// What wallets hold is put, or taken back; as with windows.
    Held(Box<Holdings>, bool),
    /// Its primary pool is put, or taken back; as with windows.
    Chosen {
        /// The token.
        mint: Address,
        /// The pool.
        pool: Address,
        /// Whether it is put.
        is_put: bool,
    },
}

/// The windows that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Window {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// What is in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Activity {
    /// Number of trades.
    pub trades: u32,
    /// Quote traded, raw units.
    pub quote: u128,
    /// Of that in trades that carry a mark.
    pub marked_quote: u128,
    /// What that was worth, in millionths of a USD, where known.
    pub usd_micros: Option<u128>,
    /// The last clean price, and the one at the window's start.
    pub prices: Option<(Price, Price)>,
}

/// What is known of a pool from any event that names it. What an event does not say another may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PoolName {
    /// Its address.
    pub address: Address,
    /// Its program.
    pub program: Program,
    /// What it is quoted in.
    pub quote_mint: Option<Address>,
    /// Decimals of the base token.
    pub base_decimals: Option<u8>,
    /// Decimals of the quote token.
    pub quote_decimals: Option<u8>,
}

impl PoolName {
    /// Adds what another event says.
    pub(super) fn learn(&mut self, other: &Self) {
        self.quote_mint = self.quote_mint.or(other.quote_mint);
        self.base_decimals = self.base_decimals.or(other.base_decimals);
        self.quote_decimals = self.quote_decimals.or(other.quote_decimals);
    }
}

/// Something that happened in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Canonical order.
    pub id: EventId,
    /// Block time.
    pub time: Seconds,
    /// The pool, an index into those of the token; it is the token that says it.
    pub pool: u32,
    /// What happened.
    pub step: Step,
}

/// What happened in a pool. Amounts are raw units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// A trade.
    Trade {
        /// Side of the trader.
        side: Side,
        /// Price; none if it does not belong to the clean series.
        price: Option<Price>,
        /// Billionths of a USD that a coin of the quote token was worth.
        usd_nanos: Option<u64>,
        /// Supply of the token.
        supply: Option<u64>,
        /// Base that sets the price from then on.
        base: Option<u64>,
        /// Quote that sets the price from then on.
        quote: Option<u64>,
        /// Price at the margin from then on.
        spot: Option<Price>,
        /// How far the bonding curve is from then on.
        curve: Option<CurveState>,
    },
    /// A bonding curve was opened.
    Launched {
        /// Base that sets the price.
        base: Option<u64>,
        /// Quote that sets the price; none of it is there.
        quote: Option<u64>,
        /// Base to be sold.
        to_sell: Option<u64>,
    },
    /// A pool was opened with that in it.
    Opened {
        /// Base.
        base: Option<u64>,
        /// Quote.
        quote: Option<u64>,
    },
    /// Liquidity went in or out; that is in the pool afterwards.
    Holds {
        /// Base.
        base: u64,
        /// Quote.
        quote: u64,
    },
    /// Other reserves set the price from then on.
    Prices {
        /// Base that sets the price.
        base: u64,
        /// Quote that sets the price.
        quote: u64,
        /// Base that is there.
        real_base: Option<u64>,
        /// Quote that is there.
        real_quote: Option<u64>,
    },
    /// All that was in a curve went to a pool.
    Emptied,
}

impl Input {
    /// A trade; none of a pair of which nobody knows which token is the money.
    #[must_use]
    pub fn trade(valued: &ValuedTrade) -> Option<Self> {
        let trade = Some(valued.trade()).filter(|trade| trade.quote_known)?;
        let name = PoolName {
            address: trade.pool,
            program: trade.program,
            quote_mint: Some(trade.quote_mint),
            base_decimals: Some(trade.base_decimals),
            quote_decimals: Some(trade.quote_decimals),
        };
        let step = Step::Trade {
            side: trade.side,
            price: valued.clean_price(),
            usd_nanos: valued.usd.map(|usd| usd.nanos),
            supply: trade.base_supply,
            base: trade.base_reserve,
            quote: trade.quote_reserve,
            spot: trade.spot_after,
            curve: trade.curve,
        };
        let entry = Entry { id: trade.origin.id, time: trade.origin.block_time, pool: 0, step };
        Some(Self::Step(trade.mint, name, entry))
    }

    /// What an event of the chain that is not a trade says, in the pools and of the token; nothing, if nobody knows
    /// which token of the pair is the money.
    pub fn event(event: ChainEvent) -> impl Iterator<Item = Self> {
        let event = Some(event).filter(is_of_token);
        event.into_iter().flat_map(Self::said)
    }

    fn said(event: ChainEvent) -> impl Iterator<Item = Self> {
        let step = step(&event).map(|(mint, name, entry)| Self::Step(mint, name, entry));
        let mint = event.mint();
        let milestone = match event {
            ChainEvent::TokenCreated(event) => Some(Milestone::Created(Created::from(event))),
            ChainEvent::CurveCompleted(event) => Some(Milestone::Completed(Box::new(event))),
            ChainEvent::Migrated(event) => Some(Milestone::Migrated(Box::new(event))),
            ChainEvent::PoolCreated(event) => Some(Milestone::Opened(Box::new(event))),
            _ => None,
        };
        let milestone = milestone.zip(mint).map(|(milestone, mint)| Self::Milestone(mint, milestone));
        step.into_iter().chain(milestone)
    }

    /// The windows that it is read as: an hour, a day, both if they are set to be the same, or none.
    #[must_use]
    pub fn stats(stats: &TokenStats, (hour_s, day_s): (Seconds, Seconds), is_put: bool) -> [Option<Self>; 2] {
        [(Window::Hour, hour_s), (Window::Day, day_s)].map(|(window, width_s)| {
            let TokenStats { mint, sums, filtered, change, .. } = stats;
            let activity = Activity {
                trades: sums.trades(),
                quote: sums.quote(),
                marked_quote: sums.quote().saturating_sub(filtered.quote),
                usd_micros: sums.usd(),
                prices: change.now.zip(change.then),
            };
            let is_read = stats.window.seconds() == width_s;
            is_read.then_some(Self::Stats { mint: *mint, window, activity, is_put })
        })
    }
}

const fn is_of_token(event: &ChainEvent) -> bool {
    match event {
        ChainEvent::PoolCreated(event) => event.quote_known,
        ChainEvent::LiquidityChanged(event) => event.quote_known,
        _ => true,
    }
}

/// What an event does in a pool; none if it does nothing there, or does not say in which.
fn step(event: &ChainEvent) -> Option<(Address, PoolName, Entry)> {
    let (name, step) = match event {
        ChainEvent::TokenCreated(event) => (
            PoolName {
                address: event.pool,
                program: event.program,
                quote_mint: Some(event.quote_mint),
                base_decimals: Some(event.decimals),
                quote_decimals: None,
            },
            Step::Launched { base: event.virtual_base, quote: event.virtual_quote, to_sell: event.real_base },
        ),
        ChainEvent::PoolCreated(event) => (
            PoolName {
                address: event.pool,
                program: event.program,
                quote_mint: Some(event.quote_mint),
                base_decimals: Some(event.base_decimals),
                quote_decimals: Some(event.quote_decimals),
            },
            Step::Opened { base: event.base_amount, quote: event.quote_amount },
        ),
        ChainEvent::LiquidityChanged(event) => (
            PoolName { quote_mint: Some(event.quote_mint), ..bare(event.pool, event.program) },
            Step::Holds { base: event.base_reserve, quote: event.quote_reserve },
        ),
        ChainEvent::CurveParametersChanged(event) => (
            bare(event.pool?, event.program),
            Step::Prices {
                base: event.virtual_base,
                quote: event.virtual_quote,
                real_base: event.real_base,
                real_quote: event.real_quote,
            },
        ),
        ChainEvent::Migrated(event) => (bare(event.from, event.program), Step::Emptied),
        ChainEvent::Trade(_) | ChainEvent::CurveCompleted(_) | ChainEvent::BalancesChanged(_) => return None,
    };
    let origin = event.origin();
    Some((event.mint()?, name, Entry { id: origin.id, time: origin.block_time, pool: 0, step }))
}

const fn bare(address: Address, program: Program) -> PoolName {
    PoolName { address, program, quote_mint: None, base_decimals: None, quote_decimals: None }
}
