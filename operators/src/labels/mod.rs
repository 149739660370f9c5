//! Labels: what a wallet, a wallet in a token, or a trade has been found to be.
//!
//! A label says what was found, by which rule, why, and by which events. It is derived from trades as
//! everything else is: a late trade or a dead fork takes it back or puts it right. The few labels that
//! belong to single trades also leave as [`Mark`]s, the short form in which other operators take them to
//! leave such trades out.
//!
//! Source: DEFINITIONS §8. No funding clusters and no groups of a block engine are known here: what is
//! found is found from trades alone.

mod record;
pub mod risk;

use model::{Address, EventId};
use serde::{Deserialize, Serialize};

pub use record::{Label, Reason, Role, Subject};

/// Version of the rules: raised when a rule finds something else in the same trades.
pub const RULE_VERSION: u32 = 1;

/// What something is labelled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// A wallet that bought a token in its first moments.
    Sniper,
    /// One of several wallets that bought a token in its launch slot.
    Bundler,
    /// A wallet that holds tokens which it got from the creator and never bought.
    Insider,
    /// A wallet that was first seen shortly before it traded.
    Fresh,
    /// A trade that is part of a sandwich.
    Sandwich,
    /// A trade of a transaction that bought in one pool and sold in another.
    Arbitrage,
    /// A wallet that trades a token with itself.
    Wash,
    /// A wallet that a machine trades.
    Bot,
    /// An account of a protocol: a fee recipient, a vault, a router.
    Protocol,
}

impl LabelKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Sniper,
        Self::Bundler,
        Self::Insider,
        Self::Fresh,
        Self::Sandwich,
        Self::Arbitrage,
        Self::Wash,
        Self::Bot,
        Self::Protocol,
    ];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sniper => "sniper",
            Self::Bundler => "bundler",
            Self::Insider => "insider",
            Self::Fresh => "fresh",
            Self::Sandwich => "sandwich",
            Self::Arbitrage => "arbitrage",
            Self::Wash => "wash",
            Self::Bot => "bot",
            Self::Protocol => "protocol",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// This trade carries that label. Only [`LabelKind::Sandwich`] (the trades of who made it, not of its
/// victims), [`LabelKind::Arbitrage`], [`LabelKind::Wash`] and [`LabelKind::Protocol`] are marks; a
/// trade may carry several, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The token.
    pub mint: Address,
    /// The trade.
    pub event: EventId,
    /// What it is part of.
    pub kind: LabelKind,
}
