//! The bonding curve's integer arithmetic: constant product over virtual reserves.
//!
//! Every formula is the program's own, rounding included, so that the reserves of simulated trades obey
//! the same equalities as real ones (PROTOCOLS §1, curve facts).

/// Raw units of a token that a new curve has to sell.
pub(crate) const REAL_BASE_START: u64 = 793_100_000_000_000;
/// Virtual reserve of tokens of a new curve.
pub(crate) const VIRTUAL_BASE_START: u64 = 1_073_000_000_000_000;
/// Virtual lamports of a new SOL-quoted curve.
pub(crate) const VIRTUAL_LAMPORTS_START: u64 = 30_000_000_000;
/// Virtual quote of a new USDC-quoted curve, in millionths: what 30 SOL cost at 180 dollars.
pub(crate) const VIRTUAL_USDC_START: u64 = 5_400_000_000;
/// Whole supply of a token, raw units.
pub(crate) const SUPPLY: u64 = 1_000_000_000_000_000;
/// Tokens that go into the pool on migration, raw units.
pub(crate) const MIGRATED_BASE: u64 = 206_900_000_000_000;
/// Lamports that go into the pool on migration of an ordinary coin.
pub(crate) const MIGRATED_LAMPORTS: u64 = 84_990_359_151;
/// Lamports that the migration costs.
pub(crate) const MIGRATION_FEE: u64 = 15_000_001;

/// The reserves of a curve, raw units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Curve {
    pub(crate) virtual_quote: u64,
    pub(crate) virtual_base: u64,
    pub(crate) real_quote: u64,
    pub(crate) real_base: u64,
}

/// What changes hands, without fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) base: u64,
    pub(crate) quote: u64,
}

/// Charges on a trade in basis points. A cashback coin charges `cashback` in place of `creator`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charges {
    pub(crate) lp: u64,
    pub(crate) protocol: u64,
    pub(crate) creator: u64,
    pub(crate) cashback: u64,
}

impl Charges {
    /// Sum in basis points.
    pub(crate) const fn total(&self) -> u64 {
        self.lp + self.protocol + self.creator + self.cashback
    }

    /// The amounts charged on `quote`: lp, protocol, creator, cashback.
    pub(crate) fn on(&self, quote: u64) -> [u64; 4] {
        [self.lp, self.protocol, self.creator, self.cashback].map(|bps| share_up(quote, bps))
    }

    /// The most that can be swapped if `gross` pays for the swap and its charges.
    pub(crate) fn net_of(&self, gross: u64) -> u64 {
        let mut net = mul_div(gross, 10_000, 10_000 + self.total());
        while net > 0 && net + self.on(net).iter().sum::<u64>() > gross {
            net -= 1;
        }
        net
    }
}

impl Curve {
    /// A new curve with the given virtual quote.
    pub(crate) const fn new(virtual_quote: u64) -> Self {
        Self { virtual_quote, virtual_base: VIRTUAL_BASE_START, real_quote: 0, real_base: REAL_BASE_START }
    }

    /// True once everything is sold.
    pub(crate) const fn is_complete(&self) -> bool {
        self.real_base == 0
    }

    /// What `quote` buys; the rest of the curve at its price if that is less. None if it buys nothing.
    pub(crate) fn buy(&self, quote: u64) -> Option<Swap> {
        // One unit less on both sides: the counterpart of the one that a purchase by tokens adds.
        let base = mul_div(quote.checked_sub(1)?, self.virtual_base, self.virtual_quote + quote - 1);
        if base >= self.real_base {
            return self.buy_base(self.real_base);
        }
        (base > 0).then_some(Swap { base, quote })
    }

    /// What `base` tokens cost.
    pub(crate) fn buy_base(&self, base: u64) -> Option<Swap> {
        if base == 0 || base > self.real_base || base >= self.virtual_base {
            return None;
        }
        Some(Swap { base, quote: mul_div(self.virtual_quote, base, self.virtual_base - base) + 1 })
    }

    /// What `base` tokens bring. None if that is nothing, or more than the curve holds.
    pub(crate) fn sell(&self, base: u64) -> Option<Swap> {
        let quote = mul_div(self.virtual_quote, base, self.virtual_base + base);
        (quote > 0 && quote <= self.real_quote).then_some(Swap { base, quote })
    }

    /// The reserves after a purchase that [`Self::buy`] allowed.
    pub(crate) const fn bought(&self, swap: Swap) -> Self {
        Self {
            virtual_quote: self.virtual_quote + swap.quote,
            virtual_base: self.virtual_base - swap.base,
            real_quote: self.real_quote + swap.quote,
            real_base: self.real_base - swap.base,
        }
    }

    /// The reserves after a sale that [`Self::sell`] allowed.
    pub(crate) const fn sold(&self, swap: Swap) -> Self {
        Self {
            virtual_quote: self.virtual_quote - swap.quote,
            virtual_base: self.virtual_base + swap.base,
            real_quote: self.real_quote - swap.quote,
            real_base: self.real_base + swap.base,
        }
    }
}

/// `a * b / divisor` rounded down; the greatest number if it does not fit.
pub(crate) fn mul_div(a: u64, b: u64, divisor: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product.checked_div(divisor.into()).and_then(|q| u64::try_from(q).ok()).unwrap_or(u64::MAX)
}

/// `a * b / divisor` rounded up.
pub(crate) fn mul_div_up(a: u64, b: u64, divisor: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let divisor = u128::from(divisor.max(1));
    u64::try_from(product.div_ceil(divisor)).unwrap_or(u64::MAX)
}

/// `bps` basis points of `amount`, rounded up, as the programs charge them.
pub(crate) fn share_up(amount: u64, bps: u64) -> u64 {
    mul_div_up(amount, bps, 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_curve_costs_what_it_does_on_the_chain() {
        let curve = Curve::new(VIRTUAL_LAMPORTS_START);
        let swap = curve.buy(200_000_000_000).unwrap();
        assert_eq!(swap, Swap { base: REAL_BASE_START, quote: 85_005_359_057 });
        let after = curve.bought(swap);
        assert!(after.is_complete());
        assert_eq!(after.virtual_quote, 115_005_359_057);
        assert_eq!(after.virtual_base, 279_900_000_000_000);
    }

    #[test]
    fn a_purchase_by_sol_gives_what_the_real_one_gave() {
        // The dev buy of 3 SOL of slot 435946190: 30 basis points of cashback, 95 of fee.
        let charges = Charges { protocol: 95, cashback: 30, ..Charges::default() };
        let net = charges.net_of(3_000_000_000);
        assert_eq!((net, charges.on(net)), (2_962_962_962, [0, 28_148_149, 0, 8_888_889]));
        let swap = Curve::new(VIRTUAL_LAMPORTS_START).buy(net).unwrap();
        assert_eq!(swap, Swap { base: 96_449_438_144_093, quote: 2_962_962_962 });
    }

    #[test]
    fn a_round_trip_never_pays() {
        let mut curve = Curve::new(VIRTUAL_LAMPORTS_START);
        for quote in [100, 1_000, 999_999_937, 40_000_000_003] {
            let bought = curve.buy(quote).unwrap();
            let between = curve.bought(bought);
            let sold = between.sell(bought.base).unwrap();
            assert!(sold.quote <= bought.quote, "{bought:?} {sold:?}");
            assert_eq!(between.virtual_quote - between.real_quote, VIRTUAL_LAMPORTS_START);
            assert_eq!(between.virtual_base - between.real_base, VIRTUAL_BASE_START - REAL_BASE_START);
            curve = between.sold(sold);
        }
    }

    #[test]
    fn nothing_is_refused() {
        let curve = Curve::new(VIRTUAL_LAMPORTS_START);
        assert_eq!(curve.buy(0), None);
        assert_eq!(curve.buy(1), None);
        assert_eq!(curve.sell(1_000_000), None, "an empty curve has nothing to pay with");
    }
}
