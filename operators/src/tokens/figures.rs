//! What a pool holds and costs: a fold over what happened in it, in canonical order.

use model::{Address, CurveState, EventId, Market, Price, Program, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::{Entry, Params, PoolName, Step};

/// How liquidity is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LiquidityKind {
    /// The quote that is really in a bonding curve.
    Curve,
    /// Twice the quote in a pool that keeps a constant product.
    ConstantProduct,
    /// Both vaults of a pool with concentrated liquidity.
    Concentrated,
}

impl LiquidityKind {
    pub(super) const fn of(program: Program) -> Self {
        match program.market() {
            Market::Curve => Self::Curve,
            Market::Concentrated => Self::Concentrated,
            Market::ConstantProduct => Self::ConstantProduct,
        }
    }

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Curve => "curve",
            Self::ConstantProduct => "constant_product",
            Self::Concentrated => "concentrated",
        }
    }
}

/// What sets the price at the margin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Spot {
    /// What an event said.
    Said(Price),
    /// The reserves.
    #[default]
    OfReserves,
}

/// The last trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct LastTrade {
    pub(super) id: EventId,
    pub(super) time: Seconds,
    pub(super) side: Side,
    pub(super) pool: u32,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Figures {
    /// True once something has been heard of the pool itself.
    pub(super) is_there: bool,
    /// Its first trade.
    pub(super) first_trade: Option<EventId>,
    pub(super) trade: Option<LastTrade>,
    /// What sets the price, base and quote.
    reserves: Option<(u64, u64)>,
    /// How much of that is not in the pool, where an event has said it.
    apart: Option<(i128, i128)>,
    spot: Spot,
    /// How far the bonding curve is, if what happened last says it.
    pub(super) curve: Option<CurveState>,
    /// Billionths of a USD a coin of the quote, as of the last trade.
    pub(super) usd_nanos: Option<u64>,
    pub(super) supply: Option<(EventId, u64)>,
    /// The last clean price, and what a coin of the quote was worth then.
    pub(super) clean: Option<(Price, Option<u64>)>,
}

impl Figures {
    /// Takes in what happened next.
    pub(super) fn step(&mut self, entry: &Entry) {
        if entry.step != Step::Emptied {
            self.is_there = true;
        }
        match entry.step {
            Step::Trade { .. } => self.trade(entry),
            Step::Launched { base, quote, to_sell } => {
                self.set(base.zip(quote));
                let apart = |(base, quote): (u64, u64)| {
                    to_sell.map(|to_sell| (i128::from(base) - i128::from(to_sell), i128::from(quote)))
                };
                self.apart = base.zip(quote).and_then(apart);
            }
            Step::Opened { base, quote } => self.set(base.zip(quote)),
            Step::Holds { base, quote } => {
                let (base_apart, quote_apart) = self.apart.unwrap_or_default();
                let sets = |held: u64, apart: i128| u64::try_from(i128::from(held) + apart).ok();
                self.set(sets(base, base_apart).zip(sets(quote, quote_apart)));
            }
            Step::Prices { base, quote, real_base, real_quote } => {
                self.set(Some((base, quote)));
                if let Some((real_base, real_quote)) = real_base.zip(real_quote) {
                    let apart = |sets: u64, held: u64| i128::from(sets) - i128::from(held);
                    self.apart = Some((apart(base, real_base), apart(quote, real_quote)));
                }
            }
            Step::Emptied => {
                (self.reserves, self.apart, self.curve) = (Some((0, 0)), Some((0, 0)), None);
            }
        }
    }

    fn trade(&mut self, entry: &Entry) {
        let Step::Trade { side, price, usd_nanos, supply, base, quote, spot, curve } = entry.step else {
            return;
        };
        self.first_trade.get_or_insert(entry.id);
        self.trade = Some(LastTrade { id: entry.id, time: entry.time, side, pool: entry.pool });
        self.usd_nanos = usd_nanos;
        if let Some(price) = price {
            self.clean = Some((price, usd_nanos));
        }
        if let Some(supply) = supply {
            self.supply = Some((entry.id, supply));
        }
        if let Some(reserves) = base.zip(quote) {
            self.set(Some(reserves));
        }
        self.curve = curve.or(self.curve);
        if let Some(spot) = spot {
            self.spot = Spot::Said(spot);
        }
    }

    fn set(&mut self, reserves: Option<(u64, u64)>) {
        self.reserves = reserves;
        self.spot = Spot::OfReserves;
        self.curve = None;
    }

    /// What sets the price, base and quote, raw units.
    pub(super) const fn reserves(&self) -> Option<(u64, u64)> {
        self.reserves
    }

    /// How much of what sets the price is not in the pool, base and quote. A pool has all, unless an
    /// event has said otherwise; a curve that nobody saw opened is taken for the usual one.
    pub(super) fn apart(&self, name: &PoolName, params: &Params) -> Option<(i128, i128)> {
        let usual = || {
            let Params { curve_base, curve_quote, curve_to_sell, .. } = *params;
            let is_usual = name.program == Program::Pump && name.quote_mint == Some(Address::WSOL);
            is_usual.then(|| (i128::from(curve_base) - i128::from(curve_to_sell), i128::from(curve_quote)))
        };
        self.apart.or_else(|| if name.program.is_curve() { usual() } else { Some((0, 0)) })
    }

    /// What is really in the pool, base and quote, raw units.
    pub(super) fn held(&self, name: &PoolName, params: &Params) -> Option<(u64, u64)> {
        let ((base, quote), apart) = self.reserves.zip(self.apart(name, params))?;
        let held = |sets: u64, apart: i128| u64::try_from(i128::from(sets) - apart).ok();
        held(base, apart.0).zip(held(quote, apart.1))
    }

    /// Price at the margin.
    pub(super) fn spot(&self, name: &PoolName) -> Option<Price> {
        match self.spot {
            Spot::Said(price) => Some(price),
            Spot::OfReserves => {
                let (base, quote) = self.reserves?;
                Price::ratio(quote.into(), quote_decimals(name)?, base.into(), name.base_decimals?)
            }
        }
    }

    /// Liquidity in millionths of a USD, at the rate of the last trade.
    ///
    /// Source: DEFINITIONS §5, `liquidity_usd`.
    pub(super) fn liquidity_micros(&self, name: &PoolName, params: &Params) -> Option<u128> {
        let (nanos, decimals) = (self.usd_nanos?, quote_decimals(name)?);
        let said = self.curve.filter(|_| name.program.is_curve()).map(|curve| (0, curve.quote));
        let (base, quote) = said.or_else(|| self.held(name, params))?;
        let quote = crate::usd::micros(quote, decimals, nanos);
        match LiquidityKind::of(name.program) {
            LiquidityKind::Curve => Some(quote),
            LiquidityKind::ConstantProduct => Some(2 * quote),
            LiquidityKind::Concentrated => {
                let price = self.spot(name)?.get() * Price::ratio(nanos.into(), 9, 1, 0)?.get();
                let coins = Price::ratio(base.into(), name.base_decimals?, 1, 0).map_or(0.0, Price::get);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "not negative, and a cast ends at the greatest number"
                )]
                let base = (price * coins * 1e6) as u128;
                Some(quote.saturating_add(base))
            }
        }
    }
}

/// Decimals of the quote token, which events on a curve's opening do not say.
pub(super) fn quote_decimals(name: &PoolName) -> Option<u8> {
    name.quote_decimals.or_else(|| match name.quote_mint? {
        Address::WSOL => Some(9),
        Address::USDC | Address::USDT => Some(6),
        _ => None,
    })
}
