//! A transaction before it lands: everything it does, and nothing of where it does it.
//!
//! A draft knows amounts and balances but neither slot nor time. That is what lets a fork deliver the
//! same transaction twice: the draft is written into the block that dies and, later, into one that
//! lives, with the same signature and another time.

use model::{Address, Side, Signature};

use super::addresses::{self, derive, tag, token_account};
use super::curve::{Charges, Curve, Swap};
use super::pool::{Pool, PoolSwap};

/// A transaction without its place.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) signature: Signature,
    /// Pays the fee; the first signer.
    pub(crate) payer: Payer,
    /// Further signers.
    pub(crate) co_signers: Vec<Payer>,
    pub(crate) steps: Vec<Step>,
    /// The steps are called by an aggregator, not by the transaction itself.
    pub(crate) routed: bool,
    pub(crate) failure: Option<Failure>,
    /// Compute units asked for.
    pub(crate) unit_limit: u32,
    /// Price of a compute unit in millionths of a lamport.
    pub(crate) unit_price: u64,
    /// Lamports for the block's leader, 0 for none.
    pub(crate) tip: u64,
    /// Log lines are cut after this many 256ths.
    pub(crate) cut_logs: Option<u8>,
}

/// A signer and its lamports before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payer {
    pub(crate) address: Address,
    pub(crate) lamports: u64,
}

/// How a transaction fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The first trade refuses: no event was written.
    Slippage,
    /// What comes after the trades refuses: their events are in the logs and never happened.
    Afterwards,
}

/// What a curve is paid in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quote {
    Sol,
    Usdc,
}

impl Quote {
    pub(crate) const fn mint(self) -> Address {
        match self {
            Self::Sol => Address::WSOL,
            Self::Usdc => Address::USDC,
        }
    }

    pub(crate) const fn decimals(self) -> u8 {
        match self {
            Self::Sol => 9,
            Self::Usdc => 6,
        }
    }
}

/// The accounts and the nature of a token's curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurveAccounts {
    pub(crate) mint: Address,
    pub(crate) curve: Address,
    /// Where the curve keeps its tokens.
    pub(crate) vault: Address,
    pub(crate) creator: Address,
    pub(crate) quote: Quote,
    pub(crate) mayhem: bool,
    pub(crate) cashback: bool,
}

impl CurveAccounts {
    pub(crate) fn new(mint: Address, creator: Address, quote: Quote, mayhem: bool, cashback: bool) -> Self {
        let curve = derive(tag::CURVE, &[&mint]);
        Self { mint, curve, vault: token_account(&curve, &mint), creator, quote, mayhem, cashback }
    }

    /// Where a curve of another quote than SOL keeps it.
    pub(crate) fn quote_vault(&self) -> Address {
        token_account(&self.curve, &self.quote.mint())
    }

    pub(crate) fn creator_vault(&self) -> Address {
        derive(tag::CREATOR_VAULT, &[&self.creator])
    }

    pub(crate) const fn fee_recipient(&self) -> Address {
        if self.mayhem { addresses::MAYHEM_FEE_RECIPIENT } else { addresses::PUMP_FEE_RECIPIENT }
    }
}

/// One thing that a transaction does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create(Box<Creation>),
    CurveTrade(CurveTrade),
    Migrate(Box<Migration>),
    PoolTrade(PoolTrade),
    Liquidity(Liquidity),
}

/// `create_v2`.
#[derive(Clone, Debug)]
pub(crate) struct Creation {
    pub(crate) accounts: CurveAccounts,
    pub(crate) user: Address,
    pub(crate) name: String,
    pub(crate) symbol: String,
    pub(crate) uri: String,
    pub(crate) curve: Curve,
}

/// Which instruction a curve trade came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CurveForm {
    /// `buy` or `sell`.
    Plain,
    /// `buy_exact_sol_in`.
    ExactIn,
    /// `buy_v2` or `sell_v2`.
    V2,
}

/// A trade on a curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CurveTrade {
    pub(crate) accounts: CurveAccounts,
    pub(crate) form: CurveForm,
    pub(crate) side: Side,
    pub(crate) user: Address,
    /// Tokens of the user before; none if the account is opened in this transaction.
    pub(crate) user_base: Option<u64>,
    /// Quote tokens of the user before, for quotes that are tokens.
    pub(crate) user_quote: u64,
    pub(crate) swap: Swap,
    pub(crate) charges: Charges,
    /// Amounts charged: lp, protocol, creator, cashback.
    pub(crate) charged: [u64; 4],
    pub(crate) before: Curve,
    pub(crate) after: Curve,
    /// The mayhem agent's trade, followed by a rewrite of the virtual reserves to these.
    pub(crate) rewritten: Option<Curve>,
    /// Event fields that this version of the program does not write yet: 0 = it writes all.
    pub(crate) layouts_back: u8,
}

impl CurveTrade {
    /// Quote that the user pays or receives, charges included.
    pub(crate) fn user_amount(&self) -> u64 {
        let charged: u64 = self.charged.iter().sum();
        match self.side {
            Side::Buy => self.swap.quote + charged,
            Side::Sell => self.swap.quote.saturating_sub(charged),
        }
    }
}

/// A migration, with the pool it opens.
#[derive(Clone, Debug)]
pub(crate) struct Migration {
    pub(crate) accounts: CurveAccounts,
    pub(crate) user: Address,
    pub(crate) curve: Curve,
    pub(crate) pool: Pool,
    pub(crate) fee: u64,
}

/// Which instruction a pool trade came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PoolForm {
    /// `buy` or `sell`.
    Plain,
    /// `buy_exact_quote_in`.
    ExactIn,
}

/// A trade against a pool; the side is that of the pool's base, coin or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolTrade {
    /// The pool before.
    pub(crate) pool: Pool,
    pub(crate) creator: Address,
    pub(crate) form: PoolForm,
    pub(crate) side: Side,
    pub(crate) user: Address,
    /// Base of the user before; none if the account is opened in this transaction.
    pub(crate) user_base: Option<u64>,
    /// Quote of the user before; none if the account is opened in this transaction.
    pub(crate) user_quote: Option<u64>,
    pub(crate) swap: PoolSwap,
    /// Event fields that this version of the program does not write yet: 0 = it writes all.
    pub(crate) layouts_back: u8,
}

/// Liquidity that goes into a pool or comes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Liquidity {
    /// The pool before.
    pub(crate) pool: Pool,
    pub(crate) user: Address,
    pub(crate) added: bool,
    pub(crate) base: u64,
    pub(crate) quote: u64,
    pub(crate) lp: u64,
    pub(crate) user_base: u64,
    pub(crate) user_quote: u64,
    pub(crate) user_lp: u64,
}
