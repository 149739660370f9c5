//! Which tokens a pool trades.
//!
//! Most events name a pool at best. Its mints come from the transaction itself where it tells them (the
//! token balances of the vaults, then the accounts of the instruction), else from what an earlier
//! transaction told of the same pool. What a pool trades never changes, so what is known stays known.
//!
//! The registry holds one small entry a pool seen, and never forgets one: at the rate of all launches
//! on the chain that is some megabytes a day.

use model::{Address, Program};
use rustc_hash::FxHashMap;

use crate::ranks::{QuoteRanks, larger};
use crate::transaction::{TokenBalance, Transaction};

/// The two sides of a pool, in the program's own order (base and quote, coin and pc, token 0 and 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The mints.
    pub mints: [Address; 2],
    /// Their decimals.
    pub decimals: [u8; 2],
    /// Where the pool keeps them, where known.
    pub vaults: [Option<Address>; 2],
}

/// What a transaction's event and instruction tell of a pool, in the program's own order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// The mints.
    pub mints: [Option<Address>; 2],
    /// Their decimals.
    pub decimals: [Option<u8>; 2],
    /// The vaults.
    pub vaults: [Option<Address>; 2],
}

impl Hint {
    /// The same in the other order.
    #[must_use]
    pub fn flipped(mut self) -> Self {
        self.mints.reverse();
        self.decimals.reverse();
        self.vaults.reverse();
        self
    }
}

/// A pool of which something is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPool {
    /// One of its mints.
    #[error(
        "mint {side} of pool {pool} is not known: neither the instruction nor the token balances tell, and no \
         earlier transaction did; include the transaction that opened the pool, or record token balances"
    )]
    Mint {
        /// The pool.
        pool: Address,
        /// 0 or 1, in the program's own order.
        side: usize,
    },
    /// The decimals of one of its mints.
    #[error("decimals of mint {mint} of pool {pool} are not known: no token balance of it was seen")]
    Decimals {
        /// The pool.
        pool: Address,
        /// The mint.
        mint: Address,
    },
}

/// Which side of a pool is the quote token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orientation {
    /// 0 or 1, in the program's own order.
    pub quote: usize,
    /// False if nothing says so, and the smaller address is called base.
    pub is_known: bool,
}

/// What is known of pools and mints.
#[derive(Clone, Debug, Default)]
pub struct PoolRegistry {
    ranks: QuoteRanks,
    /// The quote tokens of pairs without a rank, the pair in the order of addresses, and whether it is known.
    unranked: FxHashMap<[Address; 2], (Address, bool)>,
    pools: FxHashMap<Address, Pool>,
    decimals: FxHashMap<Address, u8>,
    curves: FxHashMap<Address, Address>,
    /// Of mints with another supply than their launchpad's usual one, raw units.
    supplies: FxHashMap<Address, u64>,
}

impl PoolRegistry {
    /// Knows nothing yet but which tokens are money.
    #[must_use]
    pub fn new(ranks: QuoteRanks) -> Self {
        Self { ranks, ..Self::default() }
    }

    /// Which of the two mints of a pool is the quote token. Once decided for a pair it stays, also when more
    /// is learned, so that all its pools agree.
    pub fn orientation(&mut self, program: Program, mints: &[Address; 2]) -> Orientation {
        if let Some(quote) = self.ranks.quote_side(mints) {
            return Orientation { quote, is_known: true };
        }
        if program.is_curve() {
            // Base and quote are a curve's own order.
            return Orientation { quote: 1, is_known: true };
        }
        let quote = match mints.map(|mint| self.curves.contains_key(&mint)) {
            [true, false] => Some(1),
            [false, true] => Some(0),
            _ => None,
        };
        let now = (mints[quote.unwrap_or_else(|| larger(mints))], quote.is_some());
        let mut pair = *mints;
        pair.sort_unstable();
        let (quote_mint, is_known) = *self.unranked.entry(pair).or_insert(now);
        Orientation { quote: usize::from(mints[1] == quote_mint), is_known }
    }

    /// What is known of a pool.
    #[must_use]
    pub fn get(&self, pool: &Address) -> Option<&Pool> {
        self.pools.get(pool)
    }

    /// The bonding curve of a mint.
    #[must_use]
    pub fn curve(&self, mint: &Address) -> Option<Address> {
        self.curves.get(mint).copied()
    }

    /// The supply of a mint, raw units, if it is not the usual one of its launchpad.
    #[must_use]
    pub fn supply(&self, mint: &Address) -> Option<u64> {
        self.supplies.get(mint).copied()
    }

    /// Takes in the supply of a mint that is not the usual one of its launchpad.
    pub fn learn_supply(&mut self, mint: Address, supply: u64) {
        self.supplies.insert(mint, supply);
    }

    /// Takes in whose curve `curve` is.
    pub fn learn_curve(&mut self, mint: Address, curve: Address) {
        self.curves.entry(mint).or_insert(curve);
    }

    /// Takes in a pool.
    pub fn learn(&mut self, pool: Address, what: Pool) {
        for (mint, decimals) in what.mints.into_iter().zip(what.decimals) {
            self.decimals.entry(mint).or_insert(decimals);
        }
        self.pools.insert(pool, what);
    }

    /// All of a pool, from the transaction, the hint and what was learned, in this order; it is learned.
    ///
    /// # Errors
    /// When a mint or its decimals are in none of them.
    pub fn resolve(&mut self, tx: &Transaction, pool: Address, hint: Hint) -> Result<Pool, UnknownPool> {
        let known = self.pools.get(&pool).copied();
        let side = |side: usize| {
            let vault = hint.vaults[side].or(known.and_then(|known| known.vaults[side]));
            let balance = vault.and_then(|vault| tx.token_balance(&vault));
            let mint = balance
                .map(|balance| balance.mint)
                .or(hint.mints[side])
                .or(known.map(|known| known.mints[side]))
                .ok_or(UnknownPool::Mint { pool, side })?;
            let decimals = balance
                .map(|balance| balance.decimals)
                .or(hint.decimals[side])
                .or(known.filter(|known| known.mints[side] == mint).map(|known| known.decimals[side]))
                .or_else(|| self.decimals(tx, &mint))
                .ok_or(UnknownPool::Decimals { pool, mint })?;
            Ok((mint, decimals, vault))
        };
        let [first, second] = [side(0)?, side(1)?];
        let found =
            Pool { mints: [first.0, second.0], decimals: [first.1, second.1], vaults: [first.2, second.2] };
        if known != Some(found) {
            self.learn(pool, found);
        }
        Ok(found)
    }

    /// The decimals of a mint: of a known quote token, of a balance in the transaction, or learned.
    #[must_use]
    pub fn decimals(&self, tx: &Transaction, mint: &Address) -> Option<u8> {
        match *mint {
            Address::WSOL => return Some(9),
            Address::USDC | Address::USDT => return Some(6),
            _ => {}
        }
        tx.post_token_balances
            .iter()
            .chain(&tx.pre_token_balances)
            .find(|balance| balance.mint == *mint)
            .map(|balance| balance.decimals)
            .or_else(|| self.decimals.get(mint).copied())
    }
}

/// The tokens that `owner` has accounts of, with the balance before: at most one entry a mint.
#[must_use]
pub fn owned_by(tx: &Transaction, owner: &Address) -> Vec<TokenBalance> {
    let mut owned: Vec<TokenBalance> = Vec::new();
    for balance in tx.pre_token_balances.iter().chain(&tx.post_token_balances) {
        if balance.owner == Some(*owner) && owned.iter().all(|other| other.mint != balance.mint) {
            owned.push(*balance);
        }
    }
    owned
}

#[cfg(test)]
mod tests {
    use model::Signature;

    use super::*;

    const MINT: Address = Address([5; 32]);
    const POOL: Address = Address([6; 32]);
    const VAULT: Address = Address([7; 32]);

    fn transaction() -> Transaction {
        Transaction { keys: vec![POOL, VAULT], ..Transaction::new(Signature([1; 64])) }
    }

    fn balance(account: u16, mint: Address, decimals: u8) -> TokenBalance {
        TokenBalance { account, mint, owner: Some(POOL), amount: 10, decimals }
    }

    #[test]
    fn of_two_unknown_tokens_the_launched_one_is_base_and_what_is_decided_stays() {
        let other = Address([4; 32]);
        let quote = |pools: &mut PoolRegistry, program, mints| {
            let side = pools.orientation(program, &mints);
            (mints[side.quote], side.is_known)
        };
        let mut pools = PoolRegistry::default();
        let amm = Program::RaydiumCpmm;
        assert_eq!(quote(&mut pools, amm, [MINT, other]), (MINT, false), "the smaller address is base");
        pools.learn_curve(other, POOL);
        let mut told = pools.clone();
        pools.learn_curve(MINT, POOL);
        assert_eq!(quote(&mut pools, amm, [other, MINT]), (MINT, false), "it was decided");
        assert_eq!(quote(&mut told, amm, [other, Address([9; 32])]), (Address([9; 32]), true));
        assert_eq!(quote(&mut told, amm, [Address([1; 32]), other]), (Address([1; 32]), true));
        // A curve sells its own token, whatever for.
        let curve = Program::MeteoraDbc;
        assert_eq!(quote(&mut PoolRegistry::default(), curve, [MINT, other]), (other, true));
        assert_eq!(quote(&mut PoolRegistry::default(), curve, [Address::WSOL, MINT]), (Address::WSOL, true));
    }

    #[test]
    fn the_transactions_own_balances_win_and_are_remembered() {
        let mut pools = PoolRegistry::default();
        let mut tx = transaction();
        tx.post_token_balances.push(balance(1, MINT, 8));
        let hint =
            Hint { vaults: [Some(VAULT), None], mints: [None, Some(Address::WSOL)], ..Hint::default() };
        let found = pools.resolve(&tx, POOL, hint).unwrap();
        assert_eq!((found.mints, found.decimals), ([MINT, Address::WSOL], [8, 9]));
        assert_eq!(pools.resolve(&transaction(), POOL, Hint::default()), Ok(found));
    }

    #[test]
    fn what_nobody_tells_is_an_error_that_names_it() {
        let error = PoolRegistry::default().resolve(&transaction(), POOL, Hint::default()).unwrap_err();
        assert_eq!(error, UnknownPool::Mint { pool: POOL, side: 0 });
        let hint = Hint { mints: [Some(MINT), Some(Address::WSOL)], ..Hint::default() };
        let error = PoolRegistry::default().resolve(&transaction(), POOL, hint).unwrap_err();
        assert_eq!(error, UnknownPool::Decimals { pool: POOL, mint: MINT });
    }
}
