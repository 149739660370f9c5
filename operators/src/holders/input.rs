//! Input elements of the operator of holders.

use model::{AccountBalance, Address, BalancesChanged, ChainEvent, EventId, Origin, Seconds, Side, TxPlace};
use serde::{Deserialize, Serialize};

use crate::labels::{Label, LabelKind, Subject};

/// One input element of a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input {
    /// A trade.
    Trade(Trade),
    /// Balances after a transaction.
    Balances {
        /// The token.
        mint: Address,
        /// When.
        moment: Moment,
        /// The accounts with their balances.
        balances: Vec<AccountBalance>,
    },
    /// A pool of the token has been seen.
    Pool {
        /// The token.
        mint: Address,
        /// The pool.
        pool: Address,
        /// True if it is a bonding curve.
        is_curve: bool,
    },
    /// The token was created.
    Created {
        /// The token.
        mint: Address,
        /// The creator, if known, and who signed.
        creators: [Option<Address>; 2],
        /// Whole supply, raw units.
        supply: Option<u64>,
        /// When.
        time: Seconds,
    },
    /// A wallet is labelled in the token.
    Label {
        /// The token.
        mint: Address,
        /// The wallet.
        owner: Address,
        /// As what.
        kind: Labelled,
    },
}

/// Where an event stands, and of which transaction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Block time.
    pub time: Seconds,
    /// Canonical order.
    pub id: EventId,
    /// The leading bytes of the transaction's signature, which name it whether or not its index is known.
    pub tx: u64,
}

/// The part of a trade that the operator needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trade {
    /// The token.
    pub mint: Address,
    /// When.
    pub moment: Moment,
    /// The trader, if known.
    pub owner: Option<Address>,
    /// Side of the trader.
    pub side: Side,
    /// Raw units.
    pub amount: u64,
    /// The pool.
    pub pool: Address,
    /// True if the pool is a bonding curve.
    pub is_curve: bool,
    /// Supply of the token as of the trade, raw units.
    pub supply: Option<u64>,
}

/// The labels of which it is said how much their wallets hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Labelled {
    /// Bought in the first moments.
    Sniper,
    /// Bought in the launch slot, as several did.
    Bundler,
    /// Got tokens from the creator.
    Insider,
}

impl Moment {
    fn of(origin: &Origin) -> Self {
        Self { time: origin.block_time, id: origin.id, tx: TxPlace::prefix(&origin.signature) }
    }
}

impl Input {
    /// The input that a trade is; none if its token is a currency.
    #[must_use]
    pub fn trade(trade: &model::Trade) -> Option<Self> {
        (!trade.mint.is_currency()).then_some(Self::Trade(Trade {
            mint: trade.mint,
            moment: Moment::of(&trade.origin),
            owner: trade.trader,
            side: trade.side,
            amount: trade.base_user,
            pool: trade.pool,
            is_curve: trade.program.is_curve(),
            supply: trade.base_supply,
        }))
    }

    /// The input that balances after a transaction are; none if the token is a currency.
    #[must_use]
    pub fn balances(event: &BalancesChanged) -> Option<Self> {
        let (mint, moment) = (event.mint, Moment::of(&event.origin));
        (!mint.is_currency()).then(|| Self::Balances { mint, moment, balances: event.balances.clone() })
    }

    /// The inputs that another event is, at most two.
    #[must_use]
    pub fn of(event: ChainEvent) -> [Option<Self>; 2] {
        if event.mint().is_none_or(|mint| mint.is_currency()) {
            return [None, None];
        }
        let pool = |mint, pool, is_curve| Some(Self::Pool { mint, pool, is_curve });
        match event {
            ChainEvent::TokenCreated(event) => [
                Some(Self::Created {
                    mint: event.mint,
                    creators: [event.creator.filter(|creator| *creator != event.user), Some(event.user)],
                    supply: event.supply,
                    time: event.origin.block_time,
                }),
                pool(event.mint, event.pool, event.program.is_curve()),
            ],
            ChainEvent::Migrated(event) => {
                [pool(event.mint, event.from, true), event.to.and_then(|to| pool(event.mint, to, false))]
            }
            ChainEvent::PoolCreated(event) => [pool(event.mint, event.pool, event.program.is_curve()), None],
            ChainEvent::LiquidityChanged(event) => {
                [pool(event.mint, event.pool, event.program.is_curve()), None]
            }
            ChainEvent::Trade(_)
            | ChainEvent::BalancesChanged(_)
            | ChainEvent::CurveCompleted(_)
            | ChainEvent::CurveParametersChanged(_) => [None, None],
        }
    }

    /// The input that a label is; none if the label is not about a wallet in a token, or not one that holders look at.
    #[must_use]
    pub fn label(label: &Label) -> Option<Self> {
        let Subject::Holder { wallet: owner, mint } = label.subject else { return None };
        let kind = match label.kind {
            LabelKind::Sniper => Labelled::Sniper,
            LabelKind::Bundler => Labelled::Bundler,
            LabelKind::Insider => Labelled::Insider,
            _ => return None,
        };
        Some(Self::Label { mint, owner, kind })
    }

    /// The token.
    #[must_use]
    pub const fn mint(&self) -> Address {
        match self {
            Self::Trade(trade) => trade.mint,
            Self::Balances { mint, .. }
            | Self::Pool { mint, .. }
            | Self::Created { mint, .. }
            | Self::Label { mint, .. } => *mint,
        }
    }
}
