//! A simulated market that writes transactions as the chain does.
//!
//! [`Market`] yields transactions of pump.fun and PumpSwap, byte for byte in the layouts of 2026-10, news
//! of slots, and an oracle's price of SOL. It is the demo, the load generator, and the random stream of the tests, so it behaves
//! like the real market: tens of thousands of launches a day, most of them dead within minutes, one in
//! a hundred graduating; heavy-tailed trade sizes; developers, snipers, bundles, those who know more,
//! bots, rugs; failed transactions, truncated logs, old layouts; and, on demand, forks, duplicates and
//! late deliveries.
//!
//! The same [`Params`] give the same items on every platform: chance comes from `ChaCha8` and plain
//! arithmetic, and nothing is ordered by a hash.
//!
//! It does not simulate wealth (wallets are topped up unseen), other programs, block limits, or the
//! balances of the protocol's own accounts. Its addresses are hashes, not program-derived addresses, and
//! its signatures sign nothing.

mod addresses;
mod assemble;
mod behaviour;
mod bytes;
mod chain;
mod curve;
pub(crate) mod dice;
mod draft;
mod economy;
mod encode_create;
mod encode_migration;
mod encode_pump;
mod encode_pumpswap;
pub mod json;
mod launch;
mod oracle;
mod orders;
mod params;
mod pool;
mod program_events;
mod pump_instructions;
mod source;
#[cfg(test)]
mod tests;
mod token;
mod transaction_builder;
mod wallets;

pub use chain::Market;
pub use params::Params;
pub use source::Simulate;

use std::fmt;

use model::{PriceQuote, SlotStatus};

use crate::transaction::Transaction;

/// Wallets of a simulated market that are worth following.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// Those that buy early what will rise.
    Sharp,
    /// Those that trade large amounts.
    Whales,
}

/// Such wallets of the market of a seed, the busiest first.
pub fn wallets(seed: u64, following: Following) -> impl Iterator<Item = model::Address> {
    let kind = match following {
        Following::Sharp => wallets::Kind::Smart,
        Following::Whales => wallets::Kind::Whale,
    };
    wallets::Wallets::addresses(seed, kind)
}

/// One delivery of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every item is a transaction, the larger")]
pub enum Item {
    /// A transaction.
    Transaction(Transaction),
    /// News of a slot.
    Slot(SlotStatus),
    /// The price of SOL in USD.
    Quote(PriceQuote),
}

/// Parameters that no market can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParamsError {
    /// Key, and what would be right.
    pub problems: Vec<(&'static str, String)>,
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated market cannot be started:")?;
        for (i, (key, problem)) in self.problems.iter().enumerate() {
            write!(f, "{} `{key}` {problem}", if i == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}
