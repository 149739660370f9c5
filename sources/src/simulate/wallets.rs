//! The people of the market, and what their wallets hold.
//!
//! Every wallet keeps one way of behaving for the whole run, so that what a wallet did says something of
//! what it will do. Money from outside (an exchange, a friend) arrives unseen whenever a wallet would
//! run dry: what the simulation follows is trades, not wealth.

use model::Address;

use super::addresses::{numbered, tag};
use super::dice::Dice;

/// How a wallet behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Chases what rises, sells at random.
    Retail,
    /// Large amounts, otherwise like retail.
    Whale,
    /// Buys early what will rise, sells near the top.
    Smart,
    /// A bot that buys within seconds of a launch and leaves within minutes.
    Sniper,
    /// A bot that trades around the trades of others in the same slot.
    Arbitrageur,
    /// Trades with itself to look busy.
    Washer,
    /// Launches tokens.
    Developer,
}

/// Index of a wallet.
pub(crate) type WalletId = u32;

/// One wallet; amounts are raw units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wallet {
    pub(crate) address: Address,
    pub(crate) lamports: u64,
    /// Wrapped SOL; none as long as the account was never opened.
    pub(crate) wrapped: Option<u64>,
    pub(crate) usdc: u64,
}

/// Every wallet, grouped by kind.
pub(crate) struct Wallets {
    wallets: Vec<Wallet>,
}

/// How many wallets there are of each kind, in the order of their ids.
const KINDS: [(Kind, u32); 7] = [
    (Kind::Retail, 40_000),
    (Kind::Whale, 400),
    (Kind::Smart, 120),
    (Kind::Sniper, 150),
    (Kind::Arbitrageur, 24),
    (Kind::Washer, 80),
    (Kind::Developer, 12_000),
];

impl Wallets {
    pub(crate) fn new(seed: u64, dice: &mut Dice) -> Self {
        let all: u32 = KINDS.iter().map(|(_, count)| count).sum();
        let wallet = |id: u32| Wallet {
            address: numbered(tag::WALLET, seed, id.into()),
            lamports: 200_000_000 + dice.below(8_000_000_000),
            wrapped: None,
            usdc: dice.below(2_000_000_000),
        };
        Self { wallets: (0..all).map(wallet).collect() }
    }

    /// A wallet of a kind. Among equals some are far busier than others, as on the chain.
    pub(crate) fn pick(&self, kind: Kind, dice: &mut Dice) -> WalletId {
        let mut first = 0;
        for (other, count) in KINDS {
            if other == kind {
                // The square leans towards the low ids: a tenth of the wallets makes a third of the trades.
                let (a, b) = (dice.below(count.into()), dice.below(count.into()));
                let low = a.saturating_mul(b) / u64::from(count);
                return first + u32::try_from(low).unwrap_or(0);
            }
            first += count;
        }
        0
    }

    /// The addresses of the wallets of a kind, by number: the first are the busiest.
    pub(crate) fn addresses(seed: u64, wanted: Kind) -> impl Iterator<Item = Address> {
        let before: u32 = KINDS.iter().take_while(|(kind, _)| *kind != wanted).map(|(_, count)| count).sum();
        let count = KINDS.iter().find(|(kind, _)| *kind == wanted).map_or(0, |(_, count)| *count);
        (before..before + count).map(move |id| numbered(tag::WALLET, seed, id.into()))
    }

    /// Every wallet's address and kind.
    #[cfg(test)]
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (Address, Kind)> {
        let kinds = KINDS.iter().flat_map(|(kind, count)| (0..*count).map(|_| *kind));
        self.wallets.iter().map(|wallet| wallet.address).zip(kinds)
    }

    pub(crate) fn get(&self, id: WalletId) -> Wallet {
        // Ids come from `pick` alone, so this is always within.
        self.wallets[usize::try_from(id).unwrap_or(0)]
    }

    pub(crate) fn get_mut(&mut self, id: WalletId) -> &mut Wallet {
        &mut self.wallets[usize::try_from(id).unwrap_or(0)]
    }

    /// Money from outside, if the wallet could not pay `lamports` and the fees around it.
    pub(crate) fn provide_lamports(&mut self, id: WalletId, lamports: u64) {
        let wallet = self.get_mut(id);
        let needed = lamports.saturating_add(100_000_000);
        if wallet.lamports < needed {
            wallet.lamports = needed.saturating_mul(3);
        }
    }

    /// The same for wrapped SOL.
    pub(crate) fn provide_wrapped(&mut self, id: WalletId, amount: u64) {
        let wallet = self.get_mut(id);
        if wallet.wrapped.unwrap_or(0) < amount {
            wallet.wrapped = Some(amount.saturating_mul(2));
        }
    }

    /// The same for USDC.
    pub(crate) fn provide_usdc(&mut self, id: WalletId, amount: u64) {
        let wallet = self.get_mut(id);
        if wallet.usdc < amount {
            wallet.usdc = amount.saturating_mul(3);
        }
    }
}
