//! A swap in a program's own order of tokens, and the trade that it is.

use model::{Address, ChainEvent, CurveState, Fee, Fees, Price, Side, Trade, TraderKind};

use super::Context;
use super::moved::Swapped;
use crate::pools::{Orientation, Pool};

/// A swap between a user and a pool. Arrays have token 0 and token 1 of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swap {
    /// The token that the user gives, 0 or 1.
    pub(crate) input: usize,
    /// Amounts that moved the reserves, before fees that leave the pool.
    pub(crate) amounts: [u64; 2],
    /// Amounts that the user paid or received after every fee.
    pub(crate) user_amounts: [Option<u64>; 2],
    /// True if the transfer fees of the tokens are among those.
    pub(crate) tells_transfer_fees: bool,
    /// The source of the price.
    pub(crate) price: Pricing,
    /// Fees, by the token they are taken in.
    pub(crate) fees: [Taken; 2],
    /// Supply of the tokens.
    pub(crate) supply: [Option<u64>; 2],
    /// How far the bonding curve is, where the event says it.
    pub(crate) curve: Option<CurveState>,
    /// The wallet that event or instruction name.
    pub(crate) user: Option<Address>,
}

/// Fees taken in one of the tokens, raw units. None = the event does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    /// To the protocol.
    pub(crate) protocol: Option<u64>,
    /// To the creator of the token.
    pub(crate) creator: Option<u64>,
    /// To the liquidity providers.
    pub(crate) lp: Option<u64>,
    /// Charged now, claimable by the trader later.
    pub(crate) cashback: Option<u64>,
}

/// The fees of a swap, each with its leg. Where both legs have one of a kind, one of the two is nothing.
fn fees(base: &Taken, quote: &Taken) -> Fees {
    let fee = |of: fn(&Taken) -> Option<u64>| match (of(quote), of(base)) {
        (None | Some(0), Some(amount)) if amount > 0 => Some(Fee::Base(amount)),
        (None, Some(amount)) => Some(Fee::Base(amount)),
        (quote, _) => quote.map(Fee::Quote),
    };
    Fees {
        protocol: fee(|taken| taken.protocol),
        creator: fee(|taken| taken.creator),
        lp: fee(|taken| taken.lp),
        cashback: fee(|taken| taken.cashback),
    }
}

/// Source of a pool's price.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pricing {
    /// The reserves, virtual ones included, before and after the swap; none where they make no sense.
    Reserves {
        /// Before.
        before: [Option<u64>; 2],
        /// After.
        after: [Option<u64>; 2],
    },
    /// The square root of token 1 per token 0 in raw units, times 2^64, after the swap.
    SqrtPrice(u128),
}

impl Context<'_> {
    /// The trade that a swap is, oriented by mint.
    pub(crate) fn trade(&mut self, pool: Address, known: &Pool, swap: &Swap) -> ChainEvent {
        let Orientation { quote, is_known } = self.pools.orientation(self.decoded.program, &known.mints);
        let base = 1 - quote;
        let decimals = (known.decimals[base], known.decimals[quote]);
        let side = if swap.input == quote { Side::Buy } else { Side::Sell };
        let base_user = swap.user_amounts[base];
        self.swapped = Some(Swapped {
            named: swap.user,
            base_user: base_user.unwrap_or(swap.amounts[base]),
            tells_transfer_fees: swap.tells_transfer_fees && base_user.is_some(),
            base_vault: known.vaults[base],
            quote_vault: known.vaults[quote],
            cause: self.decoded.cause,
        });
        let (spot_before, spot_after, after) = match swap.price {
            Pricing::Reserves { before, after } => {
                let spot = |reserves: [Option<u64>; 2]| {
                    Price::ratio(reserves[quote]?.into(), decimals.1, reserves[base]?.into(), decimals.0)
                };
                (spot(before), spot(after), after)
            }
            Pricing::SqrtPrice(root) => (None, sqrt_price(root, base, decimals), [None; 2]),
        };
        ChainEvent::Trade(Trade {
            origin: self.origin,
            program: self.decoded.program,
            pool,
            mint: known.mints[base],
            quote_mint: known.mints[quote],
            quote_known: is_known,
            // Whose it is shows when all trades of the transaction are known: see `moved`.
            trader: None,
            trader_kind: TraderKind::Unknown,
            side,
            base_amount: swap.amounts[base],
            base_user: swap.amounts[base],
            base_user_known: false,
            quote_amount: swap.amounts[quote],
            quote_user: swap.user_amounts[quote],
            base_decimals: decimals.0,
            quote_decimals: decimals.1,
            spot_before,
            spot_after,
            base_reserve: after[base],
            quote_reserve: after[quote],
            base_supply: swap.supply[base],
            curve: swap.curve,
            fees: fees(&swap.fees[base], &swap.fees[quote]),
            compute_units: self.tx.compute_units.and_then(|units| u32::try_from(units).ok()),
            priority_fee: self.tx.priority_fee(),
        })
    }
}

/// The price that a square root of it stands for: `(root / 2^64)^2 · 10^(d0 − d1)` is token 1 per token
/// 0, inverted if base is token 1. `decimals` are those of base and quote.
///
/// Source: DEFINITIONS §2, `p_spot` of concentrated liquidity.
#[expect(clippy::cast_precision_loss, reason = "prices are floats by definition")]
fn sqrt_price(root: u128, base: usize, decimals: (u8, u8)) -> Option<Price> {
    const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
    let ratio = (root as f64 / TWO_TO_64).powi(2);
    let raw = if base == 0 { ratio } else { 1.0 / ratio };
    Price::new(raw * 10f64.powi(i32::from(decimals.0) - i32::from(decimals.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_root_is_a_price_from_either_side() {
        // Token 1 per token 0 is 4 in raw units.
        let root = 2u128 << 64;
        assert_eq!(sqrt_price(root, 0, (6, 6)).map(Price::get), Some(4.0));
        assert_eq!(sqrt_price(root, 1, (6, 6)).map(Price::get), Some(0.25));
        // Base has 9 decimals and quote 6: a whole base coin is 1000 times as many raw units.
        assert_eq!(sqrt_price(root, 0, (9, 6)).map(Price::get), Some(4000.0));
        assert_eq!(sqrt_price(0, 1, (6, 6)), None);
    }
}
