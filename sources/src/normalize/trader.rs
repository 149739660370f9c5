//! Whose trade it is.
//!
//! The wallet is the owner of the token account that changed: not the fee payer, not a router. An event
//! or its instruction names a user; that is the wallet if its account moved by what the event says. An
//! aggregator puts an account of its own there, and some wallets pay for what others receive: then the
//! accounts tell. In this order:
//!
//! 1. the named user, if its holdings moved by exactly that amount, or the swap's own transfer was with an
//!    account of it;
//! 2. the owner of the account that the swap's own transfer was with, if it is a wallet;
//! 3. the named user, if it signed;
//! 4. the named user, if its holdings moved that way by at least half of it;
//! 5. an owner, if its holdings of base moved that way, then of quote the other way: a signer before
//!    others, the exact amount before others, the larger change before others;
//! 6. whoever signed first; in a feed that tells no signers, the named user.
//!
//! Pools move as much as wallets do. Known pools are left out, and so is every address that is no
//! point of the curve ed25519: no key signs for it, a program does.
//!
//! Source: DEFINITIONS §1.

use curve25519_dalek::edwards::CompressedEdwardsY;
use model::{Address, Side, TraderKind};

use super::moved::Swapped;
use crate::holdings::{Holdings, change_of, listed_changes};
use crate::pools::PoolRegistry;
use crate::transaction::Transaction;

/// Facts of a trade that its trader follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// The trade's own part.
    pub(super) swapped: &'a Swapped,
    /// Change that the holdings of the user should show, all swaps of this mint that name it together.
    pub(super) named_change: i128,
    /// Base token.
    pub(super) mint: Address,
    /// Quote token.
    pub(super) quote_mint: Address,
    /// Side of the wallet.
    pub(super) side: Side,
}

/// Finds traders within one transaction.
pub(super) struct Traders<'a> {
    pub(super) tx: &'a Transaction,
    pub(super) pools: &'a PoolRegistry,
    pub(super) holdings: &'a Holdings<'a>,
    /// Pools of the transaction, and whoever owns their vaults: one authority owns those of a whole program.
    pub(super) keepers: Vec<Address>,
}

impl Traders<'_> {
    /// The wallet of a trade and how it was found.
    pub(super) fn trader(&self, asked: &Question<'_>) -> (Option<Address>, TraderKind) {
        let named = asked.swapped.named;
        let found = |owner: Address| {
            let signed = Some(owner) == named && self.tx.is_signer(&owner);
            (Some(owner), if signed { TraderKind::Signer } else { TraderKind::Owner })
        };
        if let Some(user) = named
            && asked.named_change != 0
            && change_of(&listed_changes(self.tx, &asked.mint), &user) == asked.named_change
        {
            return found(user);
        }
        let other_side = self.other_side(asked);
        let is_same = named.is_some() && other_side == named;
        if let Some(owner) = other_side.filter(|owner| is_same || self.is_wallet(owner)) {
            // A router's own account takes in and passes on; whose it is, the balances tell.
            if !is_same || self.tx.is_signer(&owner) || is_on_curve(&owner) {
                return found(owner);
            }
        }
        if let Some(user) = named.filter(|user| self.tx.is_signer(user)) {
            return (Some(user), TraderKind::Signer);
        }
        let changes = self.holdings.changes(&asked.mint);
        if let Some(user) = named.filter(|user| {
            let change = change_of(&changes, user);
            change.signum() == asked.named_change.signum()
                && change.unsigned_abs() >= asked.named_change.unsigned_abs().div_ceil(2).max(1)
        }) {
            return found(user);
        }
        let is_buy = asked.side == Side::Buy;
        let best = self
            .best(&changes, is_buy, asked)
            .or_else(|| self.best(&self.holdings.changes(&asked.quote_mint), !is_buy, asked));
        match (best, self.tx.keys.first().filter(|_| self.tx.signers > 0)) {
            (Some(owner), _) => (Some(owner), TraderKind::Owner),
            (None, Some(signer)) => (Some(*signer), TraderKind::Signer),
            (None, None) => named.map_or((None, TraderKind::Unknown), |user| (Some(user), TraderKind::Named)),
        }
    }

    /// The owner whose holdings moved up or down and who is most likely the wallet.
    fn best(&self, changes: &[(Address, i128)], is_up: bool, asked: &Question<'_>) -> Option<Address> {
        let exact = u128::from(asked.swapped.base_user);
        let moved = changes.iter().filter(|(_, change)| if is_up { *change > 0 } else { *change < 0 });
        moved
            .filter(|(owner, _)| self.is_wallet(owner))
            .max_by_key(|(owner, change)| {
                let change = change.unsigned_abs();
                (self.tx.is_signer(owner), change == exact, change, std::cmp::Reverse(*owner))
            })
            .map(|(owner, _)| *owner)
    }

    /// The owner of the account that base went to, or came from, in the swap's own transfer.
    fn other_side(&self, asked: &Question<'_>) -> Option<Address> {
        let vault = asked.swapped.base_vault?;
        let (outer, cause) = asked.swapped.cause?;
        let vault =
            self.tx.keys.iter().position(|key| *key == vault).and_then(|at| u16::try_from(at).ok())?;
        let transfer = self.holdings.transfers().iter().find(|transfer| {
            let (ours, theirs) = match asked.side {
                Side::Buy => (transfer.from, transfer.to),
                Side::Sell => (transfer.to, transfer.from),
            };
            transfer.place > (outer, cause)
                && transfer.place.0 == outer
                && ours == Some(vault)
                && theirs.is_some()
        })?;
        self.holdings.owner(if asked.side == Side::Buy { transfer.to? } else { transfer.from? })
    }

    /// True for what may be somebody's wallet.
    fn is_wallet(&self, owner: &Address) -> bool {
        !self.keepers.contains(owner)
            && self.pools.get(owner).is_none()
            && (self.tx.is_signer(owner) || is_on_curve(owner))
    }
}

/// True if a key can sign for an address: if it is a point of the curve. Programs derive addresses that
/// are not.
fn is_on_curve(address: &Address) -> bool {
    CompressedEdwardsY(address.0).decompress().is_some()
}

/// The owner, other than signers, whose holdings of `mint` changed by exactly `change`.
pub(crate) fn counterparty(tx: &Transaction, mint: &Address, change: i128) -> Option<Address> {
    let changes = listed_changes(tx, mint);
    let mut owners = changes.into_iter().filter(|(owner, by)| *by == change && !tx.is_signer(owner));
    let (owner, _) = owners.next()?;
    // Two of them would be a guess.
    owners.next().is_none().then_some(owner)
}

#[cfg(test)]
mod tests {
    use model::Signature;

    use super::*;
    use crate::transaction::TokenBalance;

    #[test]
    fn a_key_is_a_point_of_the_curve_and_a_derived_address_is_not() {
        assert!(is_on_curve(&Address::literal("5xBKtJic9eJsMwPx4dUFRekWDfjdCCZThKVq26r7vent")));
        assert!(!is_on_curve(&Address::literal("AeanNmmxpMEcSv3a3rKaRcrPjXDwpEiG37syPRyu3VJ2")));
        // The authority that Raydium derives for all its pools.
        assert!(!is_on_curve(&Address::literal("GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL")));
    }

    #[test]
    fn the_other_party_is_told_by_the_exact_amount() {
        let [mint, vault, owner] = [1, 2, 3].map(|byte| Address([byte; 32]));
        let mut tx = Transaction::new(Signature([0; 64]));
        tx.keys = vec![vault];
        let balance = |amount| TokenBalance { account: 0, mint, owner: Some(owner), amount, decimals: 6 };
        (tx.pre_token_balances, tx.post_token_balances) = (vec![balance(10)], vec![balance(3)]);
        assert_eq!(counterparty(&tx, &mint, -7), Some(owner));
        assert_eq!(counterparty(&tx, &mint, -6), None);
    }
}
