//! A PumpSwap pool's integer arithmetic: constant product with charges on top.
//!
//! A pool knows a base and a quote and not which of them is the coin: anyone may open a pool whose base
//! is wrapped SOL. Formulas of PROTOCOLS §2.

use model::Address;

use super::addresses::{self, derive};
use super::curve::{Charges, mul_div, mul_div_up};

/// A pool and its reserves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    pub(crate) address: Address,
    pub(crate) base_mint: Address,
    pub(crate) quote_mint: Address,
    pub(crate) base_decimals: u8,
    pub(crate) quote_decimals: u8,
    pub(crate) base_vault: Address,
    pub(crate) quote_vault: Address,
    pub(crate) base: u64,
    pub(crate) quote: u64,
    /// Quote that counts for the price without being there.
    pub(crate) virtual_quote: u64,
    pub(crate) lp_supply: u64,
    /// Supply of the coin, for the market capitalisation that sets the charges.
    pub(crate) base_supply: u64,
    /// Opened by the migration of a curve: charges by tier and pays the creator.
    pub(crate) canonical: bool,
    pub(crate) cashback: bool,
}

/// One swap against a pool, priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolSwap {
    pub(crate) base: u64,
    /// Quote that the swap formula moves, before any charge.
    pub(crate) quote: u64,
    pub(crate) charges: Charges,
    /// Amounts charged: lp, protocol, creator, cashback.
    pub(crate) charged: [u64; 4],
}

impl PoolSwap {
    /// Quote that a buyer pays.
    pub(crate) fn gross(&self) -> u64 {
        self.quote + self.charged.iter().sum::<u64>()
    }

    /// Quote that a seller receives.
    pub(crate) fn proceeds(&self) -> u64 {
        self.quote.saturating_sub(self.charged.iter().sum())
    }
}

impl Pool {
    /// The pool of the two mints, filled with the given amounts.
    pub(crate) fn open(base: (Address, u8, u64), quote: (Address, u8, u64), canonical: bool) -> Self {
        let address = derive(addresses::tag::POOL, &[&base.0, &quote.0]);
        let product = u128::from(base.2) * u128::from(quote.2);
        Self {
            address,
            base_mint: base.0,
            quote_mint: quote.0,
            base_decimals: base.1,
            quote_decimals: quote.1,
            base_vault: addresses::token_account(&address, &base.0),
            quote_vault: addresses::token_account(&address, &quote.0),
            base: base.2,
            quote: quote.2,
            virtual_quote: 0,
            lp_supply: u64::try_from(product.isqrt()).unwrap_or(u64::MAX),
            base_supply: super::curve::SUPPLY,
            canonical,
            cashback: false,
        }
    }

    /// True if the pool's base is SOL, so that buying its base is selling the coin.
    pub(crate) fn is_inverted(&self) -> bool {
        self.base_mint == Address::WSOL
    }

    /// Quote that sets the price.
    pub(crate) const fn effective_quote(&self) -> u64 {
        self.quote + self.virtual_quote
    }

    /// What the pool charges at its present price.
    pub(crate) fn charges(&self) -> Charges {
        if !self.canonical {
            return Charges { lp: 25, protocol: 5, ..Charges::default() };
        }
        let (lp, protocol, creator) =
            tier(mul_div(self.effective_quote(), self.base_supply, self.base.max(1)));
        if self.cashback {
            Charges { lp, protocol, creator: 0, cashback: creator }
        } else {
            Charges { lp, protocol, creator, cashback: 0 }
        }
    }

    /// Buying `base`: the instruction `buy`.
    pub(crate) fn buy_base(&self, base: u64) -> Option<PoolSwap> {
        if base == 0 || base >= self.base / 2 {
            return None;
        }
        let quote = mul_div_up(self.effective_quote(), base, self.base - base);
        Some(self.priced(base, quote))
    }

    /// Buying for `gross` quote in all: the instruction `buy_exact_quote_in`.
    pub(crate) fn buy(&self, gross: u64) -> Option<PoolSwap> {
        let quote = self.charges().net_of(gross);
        let base = mul_div(self.base, quote, self.effective_quote() + quote);
        (base > 0 && base < self.base / 2).then(|| self.priced(base, quote))
    }

    /// Selling `base`. None if it brings nothing, or more than the pool can pay.
    pub(crate) fn sell(&self, base: u64) -> Option<PoolSwap> {
        let quote = mul_div(self.effective_quote(), base, self.base.checked_add(base)?);
        let swap = self.priced(base, quote);
        (swap.proceeds() > 0 && quote < self.quote / 2).then_some(swap)
    }

    fn priced(&self, base: u64, quote: u64) -> PoolSwap {
        let charges = self.charges();
        PoolSwap { base, quote, charges, charged: charges.on(quote) }
    }

    /// The pool after a purchase; the liquidity providers' share stays in it.
    pub(crate) const fn bought(mut self, swap: &PoolSwap) -> Self {
        self.base -= swap.base;
        self.quote += swap.quote + swap.charged[0];
        self
    }

    /// The pool after a sale.
    pub(crate) const fn sold(mut self, swap: &PoolSwap) -> Self {
        self.base += swap.base;
        self.quote -= swap.quote - swap.charged[0];
        self
    }
}

/// Basis points for liquidity providers, protocol and creator by market capitalisation in lamports.
fn tier(market_cap: u64) -> (u64, u64, u64) {
    /// From this many SOL on, the creator's basis points.
    const CREATOR: [(u64, u64); 24] = [
        (98_240, 5),
        (93_330, 8),
        (88_400, 10),
        (83_500, 13),
        (78_590, 15),
        (73_681, 18),
        (68_770, 20),
        (63_860, 23),
        (58_940, 25),
        (54_030, 28),
        (49_120, 30),
        (44_210, 35),
        (39_300, 40),
        (34_380, 45),
        (29_470, 50),
        (24_560, 55),
        (19_650, 60),
        (14_740, 65),
        (9_820, 70),
        (4_420, 75),
        (3_440, 80),
        (2_460, 85),
        (1_470, 90),
        (420, 95),
    ];
    let sol = market_cap / 1_000_000_000;
    CREATOR.iter().find(|(from, _)| sol >= *from).map_or((2, 93, 30), |(_, creator)| (20, 5, *creator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Pool {
        let mint = Address([7; 32]);
        Pool::open((mint, 6, 206_900_000_000_000), (Address::WSOL, 9, 84_990_359_151), true)
    }

    #[test]
    fn a_fresh_pool_is_in_the_first_tier() {
        // 84.99 SOL for 20.69 % of the supply: 410.8 SOL of market capitalisation.
        assert_eq!(pool().charges(), Charges { lp: 2, protocol: 93, creator: 30, cashback: 0 });
        let mut dear = pool();
        dear.quote = 100_000_000_000;
        assert_eq!(dear.charges(), Charges { lp: 20, protocol: 5, creator: 95, cashback: 0 });
        assert_eq!(tier(98_240_000_000_000), (20, 5, 5));
    }

    #[test]
    fn a_real_purchase_is_repeated_to_the_unit() {
        // Of 2026-09-24, in a pool whose virtual quote counts.
        let mut pool = pool();
        pool.base = 73_894_701_580_072;
        pool.quote = 220_693_325_181;
        pool.virtual_quote = 17_584_505_288;
        assert_eq!(pool.buy_base(141_859_566).unwrap().quote, 457_436);
    }

    #[test]
    fn the_product_never_shrinks() {
        let mut pool = pool();
        for gross in [10_000, 1_000_000_000, 7_777_777_777] {
            let before = u128::from(pool.base) * u128::from(pool.quote);
            let swap = pool.buy(gross).unwrap();
            assert!(swap.gross() <= gross);
            pool = pool.bought(&swap);
            let between = u128::from(pool.base) * u128::from(pool.quote);
            let back = pool.sell(swap.base).unwrap();
            assert!(back.proceeds() < swap.gross());
            pool = pool.sold(&back);
            assert!(before <= between && between <= u128::from(pool.base) * u128::from(pool.quote));
        }
    }
}
