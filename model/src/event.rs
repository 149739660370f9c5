//! Events that a source yields.

use serde::{Deserialize, Serialize};

use crate::{Address, Control, Origin, Price, Program, Reject, Seconds, SlotState, Trade};

/// A token was created on a launchpad.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenCreated {
    /// Name, order, transaction, time.
    pub origin: Origin,
    /// The launchpad.
    pub program: Program,
    /// The token.
    pub mint: Address,
    /// Its bonding curve.
    pub pool: Address,
    /// Quote token of the curve.
    pub quote_mint: Address,
    /// Owner of the creator fee; none in old layouts that do not say.
    pub creator: Option<Address>,
    /// Who signed the creation.
    pub user: Address,
    /// Name as the creator wrote it.
    pub name: String,
    /// Symbol as the creator wrote it.
    pub symbol: String,
    /// Where its metadata lie.
    pub uri: String,
    /// Decimals of the token.
    pub decimals: u8,
    /// Whole supply, raw units.
    pub supply: Option<u64>,
    /// Virtual base reserve at the start, raw units.
    pub virtual_base: Option<u64>,
    /// Virtual quote reserve at the start, raw units.
    pub virtual_quote: Option<u64>,
    /// Base that the curve has to sell, raw units.
    pub real_base: Option<u64>,
    /// Traded by the launchpad's own agent, whose trades do not follow the curve.
    pub is_mayhem: bool,
    /// The creator fee goes back to the traders.
    pub is_cashback: bool,
}

/// A bonding curve has sold everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CurveCompleted {
    /// Name, order, transaction, time.
    pub origin: Origin,
    /// The launchpad.
    pub program: Program,
    /// The token; none where the event names the curve only.
    pub mint: Option<Address>,
    /// The curve.
    pub pool: Address,
    /// Who bought the last of it, where the event says.
    pub user: Option<Address>,
}

/// A token left its bonding curve for a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Migrated {
    /// Name, order, transaction, time.
    pub origin: Origin,
    /// The launchpad.
    pub program: Program,
    /// The token.
    pub mint: Address,
    /// The curve it leaves.
    pub from: Address,
    /// The pool it goes to; none where the event does not say.
    pub to: Option<Address>,
    /// Base put into the pool, raw units.
    pub base_amount: u64,
    /// Quote put into the pool, raw units.
    pub quote_amount: u64,
    /// Fee of the migration, raw quote units.
    pub fee: u64,
}

/// A pool was opened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PoolCreated {
    /// Name, order, transaction, time.
    pub origin: Origin,
    /// Whose pool.
    pub program: Program,
    /// The pool.
    pub pool: Address,
    /// Base token, oriented as in a [`Trade`].
    pub mint: Address,
    /// Quote token.
    pub quote_mint: Address,
    /// As in a [`Trade`].
    pub quote_known: bool,
    /// Who opened it.
    pub creator: Option<Address>,
    /// Where the pool keeps its base.
    pub base_vault: Option<Address>,
    /// Where the pool keeps its quote.
    pub quote_vault: Option<Address>,
    /// Decimals of the base token.
    pub base_decimals: u8,
    /// Decimals of the quote token.
    pub quote_decimals: u8,
    /// Base put in, raw units.
    pub base_amount: Option<u64>,
    /// Quote put in, raw units.
    pub quote_amount: Option<u64>,
}

/// Liquidity went into a pool or came out of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LiquidityChanged {
    /// Name, order, transaction, time.
    pub origin: Origin,
    /// Whose pool.
    pub program: Program,
    /// The pool.
    pub pool: Address,
    /// Base token, oriented as in a [`Trade`].
    pub mint: Address,
    /// Quote token.
    pub quote_mint: Address,
    /// As in a [`Trade`].
    pub quote_known: bool,
    /// Whose liquidity, where known.
    pub provider: Option<Address>,
    /// True if it went in.
    pub added: bool,
    /// Base moved, raw units.
    pub base_amount: u64,
    /// Quote moved, raw units.
    pub quote_amount: u64,
    /// Base in the pool afterwards, raw units.
    pub base_reserve: u64,
    /// Quote in the pool afterwards, raw units.
    pub quote_reserve: u64,
}

/// The price moved without a trade: a curve was given other reserves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CurveParametersChanged {
    /// Name, order, transaction, time.
    pub origin: Origin,
    /// Whose curve or pool.
    pub program: Program,
    /// The token.
    pub mint: Address,
    /// The curve or pool, where the event says.
    pub pool: Option<Address>,
    /// Base that sets the price from now on, raw units.
    pub virtual_base: u64,
    /// Quote that sets the price from now on, raw units.
    pub virtual_quote: u64,
    /// Base really there, raw units.
    pub real_base: Option<u64>,
    /// Quote really there, raw units.
    pub real_quote: Option<u64>,
}

/// The balance of one token account before and after a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountBalance {
    /// Whose account.
    pub owner: Address,
    /// The leading eight bytes of the account's address, big endian: enough to tell the accounts of one
    /// owner apart.
    pub account: u64,
    /// Before, raw units; 0 if there was no such account.
    pub before: u64,
    /// After, raw units; 0 if there is none any more.
    pub after: u64,
}

/// Changes of balances by a transaction, of a token that another of its events is about.
///
/// Balances are per account, not per owner: a transaction lists the accounts that it touches and no
/// others, so the sum over an owner's accounts is known only by who remembers the others. Each is the
/// balance itself and not a difference, so one that is seen puts right whatever was missed before it.
///
/// The event comes after all instructions of its transaction, see [`EventId::of_balances`](crate::EventId::of_balances).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BalancesChanged {
    /// Name, order, transaction, time.
    pub origin: Origin,
    /// The token.
    pub mint: Address,
    /// The accounts whose balance is another one, and those of the token's traders even if it is not, one
    /// with the name 0 that holds nothing if such a trader has none; sorted. Balances of unknown owners are
    /// left out.
    pub balances: Vec<AccountBalance>,
}

/// Something that happened on the chain, named by its [`Origin`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ChainEvent {
    /// See [`Trade`].
    Trade(Trade),
    /// See [`TokenCreated`].
    TokenCreated(TokenCreated),
    /// See [`CurveCompleted`].
    CurveCompleted(CurveCompleted),
    /// See [`Migrated`].
    Migrated(Migrated),
    /// See [`PoolCreated`].
    PoolCreated(PoolCreated),
    /// See [`LiquidityChanged`].
    LiquidityChanged(LiquidityChanged),
    /// See [`CurveParametersChanged`].
    CurveParametersChanged(CurveParametersChanged),
    /// See [`BalancesChanged`].
    BalancesChanged(BalancesChanged),
}

impl ChainEvent {
    /// Name, order, transaction, time.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        match self {
            Self::Trade(e) => &e.origin,
            Self::TokenCreated(e) => &e.origin,
            Self::CurveCompleted(e) => &e.origin,
            Self::Migrated(e) => &e.origin,
            Self::PoolCreated(e) => &e.origin,
            Self::LiquidityChanged(e) => &e.origin,
            Self::CurveParametersChanged(e) => &e.origin,
            Self::BalancesChanged(e) => &e.origin,
        }
    }

    /// The token that it is about; none where the event does not say.
    #[must_use]
    pub const fn mint(&self) -> Option<Address> {
        match self {
            Self::Trade(e) => Some(e.mint),
            Self::TokenCreated(e) => Some(e.mint),
            Self::CurveCompleted(e) => e.mint,
            Self::Migrated(e) => Some(e.mint),
            Self::PoolCreated(e) => Some(e.mint),
            Self::LiquidityChanged(e) => Some(e.mint),
            Self::CurveParametersChanged(e) => Some(e.mint),
            Self::BalancesChanged(e) => Some(e.mint),
        }
    }

    /// Mutable access to the origin, for a source that learns more of it.
    pub const fn origin_mut(&mut self) -> &mut Origin {
        match self {
            Self::Trade(e) => &mut e.origin,
            Self::TokenCreated(e) => &mut e.origin,
            Self::CurveCompleted(e) => &mut e.origin,
            Self::Migrated(e) => &mut e.origin,
            Self::PoolCreated(e) => &mut e.origin,
            Self::LiquidityChanged(e) => &mut e.origin,
            Self::CurveParametersChanged(e) => &mut e.origin,
            Self::BalancesChanged(e) => &mut e.origin,
        }
    }
}

/// State of a slot as a feed reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotStatus {
    /// The slot.
    pub slot: u64,
    /// Its state.
    pub state: SlotState,
    /// The slot it builds on, where the feed says.
    pub parent: Option<u64>,
    /// Block time, where the feed says.
    pub block_time: Option<Seconds>,
}

/// A price of a quote token in USD, from an oracle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PriceQuote {
    /// The quote token.
    pub mint: Address,
    /// USD per coin.
    pub usd: Price,
    /// When the oracle published it.
    pub publish_time: Seconds,
    /// Which oracle.
    pub source: String,
}

/// One item of a source, and one entry of the event log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a trade, the largest; boxing it would cost an allocation a trade"
)]
pub enum Event {
    /// Something on the chain.
    Chain(ChainEvent),
    /// News of a slot.
    Slot(SlotStatus),
    /// A price of a quote token.
    Quote(PriceQuote),
    /// A change to a list or a label.
    Control(Control),
    /// Something that a source could not make sense of.
    Reject(Reject),
    /// Something that a log holds for the run that goes on; no source yields it.
    Mark(Mark),
}

/// Notes of a run in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mark {
    /// The run ended here, and rows that lag were published.
    Ended,
    /// The source had ended after so many events, and those of them that still waited were decided on.
    SourceEnded(u64),
}

impl Mark {
    /// [`Mark::Ended`] as an event.
    pub const ENDED: Event = Event::Mark(Self::Ended);
}

impl Event {
    /// The event time that moves the clock; none for what has no place on the chain's clock.
    #[must_use]
    pub fn clock(&self) -> Option<Seconds> {
        match self {
            Self::Chain(event) => Some(event.origin().block_time),
            Self::Slot(status) => status.block_time,
            Self::Quote(_) | Self::Control(_) | Self::Reject(_) | Self::Mark(_) => None,
        }
    }
}
