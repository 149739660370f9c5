//! The trade: one swap of a base token against a quote token.

use serde::{Deserialize, Serialize};

use crate::{Address, Origin, Price, Program};

/// The side of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The user received base.
    Buy,
    /// The user gave base.
    Sell,
}

impl Side {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// How the trader of a trade was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraderKind {
    /// The user that the event names, and it signed the transaction; or who signed first, where the accounts
    /// tell nothing.
    Signer,
    /// The owner of the token account that changed; who signed was another, or the event names another.
    Owner,
    /// Nobody could be made out: the trade counts, the trader does not.
    Unknown,
    /// The user that the event names, in a feed that tells neither signers nor balances.
    Named,
}

impl TraderKind {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signer => "signer",
            Self::Owner => "owner",
            Self::Unknown => "unknown",
            Self::Named => "named",
        }
    }
}

/// A fee and the leg of the trade that it is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fee {
    /// Raw quote units.
    Quote(u64),
    /// Raw base units: pools whose own quote token is what this trade calls base take their fees in it.
    Base(u64),
}

impl Fee {
    /// Raw quote units; none if the fee is taken in base.
    #[must_use]
    pub const fn quote(self) -> Option<u64> {
        match self {
            Self::Quote(amount) => Some(amount),
            Self::Base(_) => None,
        }
    }

    /// Raw base units; none if the fee is taken in quote.
    #[must_use]
    pub const fn base(self) -> Option<u64> {
        match self {
            Self::Quote(_) => None,
            Self::Base(amount) => Some(amount),
        }
    }
}

/// Fees of a trade. None = the event does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fees {
    /// To the protocol.
    pub protocol: Option<Fee>,
    /// To the creator of the token.
    pub creator: Option<Fee>,
    /// To the liquidity providers.
    pub lp: Option<Fee>,
    /// Charged now, claimable by the trader later.
    pub cashback: Option<Fee>,
}

/// How far a bonding curve is after a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CurveState {
    /// Base sold or quote raised, whichever completes the curve, raw units.
    pub done: u64,
    /// How much of it completes the curve, raw units.
    pub target: u64,
    /// Quote that is in the curve, raw units.
    pub quote: u64,
}

impl CurveState {
    /// How much of the curve is done, in percent from 0 to 100; none without a target.
    ///
    /// Source: DEFINITIONS §5, `curve_progress_pct` of curves that say it themselves.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a percentage of amounts")]
    pub fn progress_pct(&self) -> Option<f64> {
        (self.target > 0).then(|| (100.0 * (self.done as f64 / self.target as f64)).min(100.0))
    }
}

/// One swap, oriented so that `mint` is what is bought and sold and `quote_mint` is what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trade {
    /// Name, order, transaction, time.
    pub origin: Origin,
    /// Whose event it is.
    pub program: Program,
    /// Pool or bonding curve.
    pub pool: Address,
    /// Base token.
    pub mint: Address,
    /// Quote token; SOL is always [`Address::WSOL`].
    pub quote_mint: Address,
    /// True if it is known that `quote_mint` is what the market is paid in. In a pair of which nothing says
    /// it, the smaller address is base: such a trade has no USD value and enters no series but its pool's.
    pub quote_known: bool,
    /// The wallet; none if unknown.
    pub trader: Option<Address>,
    /// How the wallet was found.
    pub trader_kind: TraderKind,
    /// Side of the wallet.
    pub side: Side,
    /// Base that moved the pool, raw units. Prices and volumes use it.
    pub base_amount: u64,
    /// Base that the wallet's balance really gained or gave, raw units: after transfer fees of the token and
    /// after fees taken in base. Profit and loss uses it. Equals `base_amount` where nothing shows it.
    pub base_user: u64,
    /// True if the balances, or the event, show `base_user`.
    pub base_user_known: bool,
    /// Quote that moved the reserves, before fees that leave the pool, raw units. Prices and volumes use it.
    pub quote_amount: u64,
    /// Quote that the wallet paid or received after every fee, raw units. Profit and loss uses it.
    pub quote_user: Option<u64>,
    /// Decimals of the base token.
    pub base_decimals: u8,
    /// Decimals of the quote token.
    pub quote_decimals: u8,
    /// Price at the margin before the trade.
    pub spot_before: Option<Price>,
    /// Price at the margin after the trade.
    pub spot_after: Option<Price>,
    /// Base that sets the price after the trade, virtual reserves included, raw units.
    pub base_reserve: Option<u64>,
    /// Quote that sets the price after the trade, virtual reserves included, raw units.
    pub quote_reserve: Option<u64>,
    /// Supply of the base token as of the trade, raw units.
    pub base_supply: Option<u64>,
    /// How far its bonding curve is, where the event says it.
    pub curve: Option<CurveState>,
    /// Fees.
    pub fees: Fees,
    /// Compute units of the whole transaction.
    pub compute_units: Option<u32>,
    /// Priority fee of the whole transaction, lamports.
    pub priority_fee: Option<u64>,
}

impl Trade {
    /// Price at which the trade was done; none if either amount is zero.
    ///
    /// Source: DEFINITIONS §2, `p_exec`.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        Price::ratio(
            self.quote_amount.into(),
            self.quote_decimals,
            self.base_amount.into(),
            self.base_decimals,
        )
    }

    /// Market capitalisation at its price, quote coins; none if either amount is zero or the supply is not known.
    ///
    /// Source: DEFINITIONS §5. The decimals of the base token cancel out.
    #[must_use]
    pub fn market_cap(&self) -> Option<Price> {
        let above = [self.quote_amount.into(), self.base_supply?.into()];
        Price::quotient(&above, &[self.base_amount.into()], -i32::from(self.quote_decimals))
    }

    /// True if the trade is too small to say anything of the price: less than a 10,000th of a coin.
    ///
    /// Source: DEFINITIONS §2, the bound on base; the bound on USD value needs a USD price.
    #[must_use]
    pub fn is_dust(&self) -> bool {
        // base < 10^decimals / 10000, without the division.
        u128::from(self.base_amount) * 10_000 < 10u128.saturating_pow(self.base_decimals.into())
    }
}
