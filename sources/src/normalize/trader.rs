//! Whose trade it is.
//!
//! The wallet is the owner of the token account that changed: not the fee payer, not a router. An event
//! names its user, which is the wallet if it signed; an aggregator puts an account of its own there, and
//! then the token balances tell.

use model::{Address, Side, TraderKind};

use crate::pools::{Pool, PoolRegistry};
use crate::transaction::{TokenBalance, Transaction};

/// The wallet of a trade and how it was found. `base` is the side of the pool that is the base token.
pub(super) fn trader(
    tx: &Transaction,
    pools: &PoolRegistry,
    pool: Address,
    known: &Pool,
    base: usize,
    side: Side,
    user: Option<Address>,
) -> (Option<Address>, TraderKind) {
    if let Some(user) = user.filter(|user| tx.is_signer(user)) {
        return (Some(user), TraderKind::Signer);
    }
    let is_vault = |balance: &TokenBalance| {
        let account = tx.keys.get(usize::from(balance.account)).copied();
        account.is_some() && known.vaults.contains(&account)
    };
    // One authority owns the vaults of all pools of a program: whoever owns this pool's is no wallet.
    let balances = || tx.pre_token_balances.iter().chain(&tx.post_token_balances);
    let keepers: Vec<Address> = balances().filter(|b| is_vault(b)).filter_map(|b| b.owner).collect();
    let best = changes(tx, &known.mints[base])
        .into_iter()
        .filter(|(owner, _)| *owner != pool && !keepers.contains(owner) && pools.get(owner).is_none())
        .filter(|(_, change)| if side == Side::Buy { *change > 0 } else { *change < 0 })
        .max_by_key(|(owner, change)| {
            (tx.is_signer(owner), Some(*owner) == user, change.unsigned_abs(), std::cmp::Reverse(*owner))
        });
    best.map_or((None, TraderKind::Unknown), |(owner, _)| (Some(owner), TraderKind::Owner))
}

/// How much each owner's holdings of a mint changed.
fn changes(tx: &Transaction, mint: &Address) -> Vec<(Address, i128)> {
    let mut changes: Vec<(Address, i128)> = Vec::new();
    let before = tx.pre_token_balances.iter().map(|balance| (balance, -1));
    let after = tx.post_token_balances.iter().map(|balance| (balance, 1));
    for (balance, sign) in before.chain(after).filter(|(balance, _)| balance.mint == *mint) {
        let Some(owner) = balance.owner else { continue };
        let change = i128::from(balance.amount) * sign;
        match changes.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, sum)) => *sum += change,
            None => changes.push((owner, change)),
        }
    }
    changes
}

/// The owner, other than signers, whose holdings of `mint` changed by exactly `change`.
pub(super) fn counterparty(tx: &Transaction, mint: &Address, change: i128) -> Option<Address> {
    let mut owners =
        changes(tx, mint).into_iter().filter(|(owner, by)| *by == change && !tx.is_signer(owner));
    let (owner, _) = owners.next()?;
    // Two of them would be a guess.
    owners.next().is_none().then_some(owner)
}

#[cfg(test)]
mod tests {
    use model::Signature;

    use super::*;

    const MINT: Address = Address([1; 32]);
    const POOL: Address = Address([2; 32]);
    const VAULT: Address = Address([3; 32]);
    const AUTHORITY: Address = Address([4; 32]);
    const WALLET: Address = Address([5; 32]);
    const ROUTER: Address = Address([6; 32]);

    fn balance(account: u16, owner: Address, amount: u64) -> TokenBalance {
        TokenBalance { account, mint: MINT, owner: Some(owner), amount, decimals: 6 }
    }

    /// `WALLET` pays the fee and receives 7 of `MINT` from the vault.
    fn purchase() -> (Transaction, Pool) {
        let mut tx = Transaction::new(Signature([0; 64]));
        tx.keys = vec![WALLET, VAULT];
        tx.signers = 1;
        tx.pre_token_balances = vec![balance(1, AUTHORITY, 10)];
        tx.post_token_balances = vec![balance(1, AUTHORITY, 3), balance(0, WALLET, 7)];
        let pool = Pool { mints: [MINT, Address::WSOL], decimals: [6, 9], vaults: [Some(VAULT), None] };
        (tx, pool)
    }

    fn found(side: Side, user: Option<Address>) -> (Option<Address>, TraderKind) {
        let (tx, pool) = purchase();
        trader(&tx, &PoolRegistry::default(), POOL, &pool, 0, side, user)
    }

    #[test]
    fn a_user_who_signed_is_the_trader() {
        assert_eq!(found(Side::Buy, Some(WALLET)), (Some(WALLET), TraderKind::Signer));
    }

    #[test]
    fn behind_a_router_stands_the_owner_whose_balance_moved() {
        assert_eq!(found(Side::Buy, Some(ROUTER)), (Some(WALLET), TraderKind::Owner));
        assert_eq!(found(Side::Buy, None), (Some(WALLET), TraderKind::Owner));
    }

    #[test]
    fn a_pools_own_accounts_are_no_trader() {
        // The only balance that fell is the vault's.
        assert_eq!(found(Side::Sell, None), (None, TraderKind::Unknown));
    }

    #[test]
    fn the_other_party_is_told_by_the_exact_amount() {
        let (tx, _) = purchase();
        assert_eq!(counterparty(&tx, &MINT, -7), Some(AUTHORITY));
        assert_eq!(counterparty(&tx, &MINT, -6), None);
    }
}
