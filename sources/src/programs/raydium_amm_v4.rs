//! Raydium's first constant-product pools, which log `ray_log: <base64>` and are no Anchor program.
//!
//! A log names neither pool nor mint nor user: they come from the instruction that wrote it. Reserves
//! are those before. The fee, 25 basis points of what comes in, is not logged either; it is computed.

mod normalize;

use model::{Address, ChainEvent};
use serde::Serialize;

use super::{Accounts, ProgramEvent, ReservesAre, Undecoded};
use crate::decode::Named;
use crate::fields::{Missing, as_number, layout};
use crate::normalize::{Context, Refusal};
use crate::printed::Added;

/// Events of Raydium AMM v4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// A pool was opened.
    Init(Init),
    /// Liquidity went in.
    Deposit(Deposit),
    /// Liquidity came out.
    Withdraw(Withdraw),
    /// A swap of an exact input.
    SwapBaseIn(Swap),
    /// A swap for an exact output.
    SwapBaseOut(Swap),
}

impl Event {
    /// None: the first byte of a log is its type.
    pub const DISCRIMINATORS: &[u64] = &[];

    /// Name of the event.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "Init",
            Self::Deposit(_) => "Deposit",
            Self::Withdraw(_) => "Withdraw",
            Self::SwapBaseIn(_) => "SwapBaseIn",
            Self::SwapBaseOut(_) => "SwapBaseOut",
        }
    }

    /// Decodes a log, whose first byte is its type.
    ///
    /// # Errors
    /// When the bytes are no log that is known and whole.
    pub fn decode(bytes: &[u8]) -> Result<Self, Undecoded> {
        let Some((kind, fields)) = bytes.split_first() else { return Err(Undecoded::Unknown(0)) };
        let short = |event: &'static str| move |missing: Missing| Undecoded::Short { event, missing };
        match kind {
            0 => Init::read(fields).map(Self::Init).map_err(short("Init")),
            1 => Deposit::read(fields).map(Self::Deposit).map_err(short("Deposit")),
            2 => Withdraw::read(fields).map(Self::Withdraw).map_err(short("Withdraw")),
            3 => BaseIn::read(fields).map(|log| Self::SwapBaseIn(log.into())).map_err(short("SwapBaseIn")),
            4 => BaseOut::read(fields).map(|log| Self::SwapBaseOut(log.into())).map_err(short("SwapBaseOut")),
            unknown => Err(Undecoded::Unknown(u64::from(*unknown))),
        }
    }
}

impl ProgramEvent for Event {
    const LOGS_ONLY: bool = true;

    fn accounts(data: &[u8], count: usize) -> Option<Accounts> {
        accounts(data, count)
    }

    fn added(&self, named: &Named) -> Added {
        Added { pool: named.pool, ..Added::default() }
    }

    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
        normalize::normalize(self, at)
    }
}

layout! {
    /// Type 0: a pool was opened.
    Init {
        time: u64,
        pc_decimals: u8,
        coin_decimals: u8,
        pc_lot_size: u64,
        coin_lot_size: u64,
        pc_amount: u64,
        coin_amount: u64,
        market: Address,
    }
}

layout! {
    /// Type 1: liquidity went in.
    Deposit {
        max_coin: u64,
        max_pc: u64,
        base: u64,
        pool_coin: u64,
        pool_pc: u64,
        pool_lp: u64,
        #[serde(serialize_with = "as_number")]
        calc_pnl_x: u128,
        #[serde(serialize_with = "as_number")]
        calc_pnl_y: u128,
        deduct_coin: u64,
        deduct_pc: u64,
        mint_lp: u64,
    }
}

layout! {
    /// Type 2: liquidity came out.
    Withdraw {
        withdraw_lp: u64,
        user_lp: u64,
        pool_coin: u64,
        pool_pc: u64,
        pool_lp: u64,
        #[serde(serialize_with = "as_number")]
        calc_pnl_x: u128,
        #[serde(serialize_with = "as_number")]
        calc_pnl_y: u128,
        out_coin: u64,
        out_pc: u64,
    }
}

layout! {
    /// Type 3: a swap of an exact input.
    BaseIn {
        amount_in: u64,
        minimum_out: u64,
        direction: u64,
        user_source: u64,
        pool_coin: u64,
        pool_pc: u64,
        out_amount: u64,
    }
}

layout! {
    /// Type 4: a swap for an exact output.
    BaseOut {
        max_in: u64,
        amount_out: u64,
        direction: u64,
        user_source: u64,
        pool_coin: u64,
        pool_pc: u64,
        deduct_in: u64,
    }
}

/// A swap of either type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// 1 = pc in and coin out, 2 = coin in and pc out.
    pub direction: u64,
    /// Amount paid in, fee included, raw units.
    pub amount_in: u64,
    /// Amount paid out, raw units.
    pub amount_out: u64,
    /// Coin in the pool before, less owed profit, raw units.
    pub pool_coin: u64,
    /// Pc in the pool before, less owed profit, raw units.
    pub pool_pc: u64,
    /// Balance of the account that paid, before, raw units.
    pub user_source: u64,
    /// The bound the user set: least output or most input, raw units.
    pub limit: u64,
    /// The fee in `amount_in`, raw units: 25 basis points, rounded up.
    pub fee: u64,
    /// Always before the swap.
    pub reserves_are: ReservesAre,
}

impl Swap {
    /// True if coin went in.
    #[must_use]
    pub const fn coin_in(&self) -> bool {
        self.direction == 2
    }
}

/// 25 basis points, rounded up.
fn fee(amount_in: u64) -> u64 {
    // Exact without leaving 64 bits: 25/10000 = 1/400.
    amount_in.div_ceil(400)
}

impl From<BaseIn> for Swap {
    fn from(log: BaseIn) -> Self {
        Self {
            direction: log.direction,
            amount_in: log.amount_in,
            amount_out: log.out_amount,
            pool_coin: log.pool_coin,
            pool_pc: log.pool_pc,
            user_source: log.user_source,
            limit: log.minimum_out,
            fee: fee(log.amount_in),
            reserves_are: ReservesAre::Pre,
        }
    }
}

impl From<BaseOut> for Swap {
    fn from(log: BaseOut) -> Self {
        Self {
            direction: log.direction,
            amount_in: log.deduct_in,
            amount_out: log.amount_out,
            pool_coin: log.pool_coin,
            pool_pc: log.pool_pc,
            user_source: log.user_source,
            limit: log.max_in,
            fee: fee(log.deduct_in),
            reserves_are: ReservesAre::Pre,
        }
    }
}

/// Where an instruction keeps its accounts. Its first byte is its type, and the number of accounts
/// tells whether the optional `target_orders` is among them.
#[must_use]
pub fn accounts(data: &[u8], count: usize) -> Option<Accounts> {
    let count = u8::try_from(count).ok()?;
    match *data.first()? {
        1 => Some(Accounts::pool(4).mints(8, 9).vaults(10, 11).user(17)),
        3 => Some(Accounts::pool(1).vaults(6, 7).user(12)),
        4 => Some(Accounts::pool(1).vaults(6, 7)),
        9 | 11 if count >= 18 => Some(Accounts::pool(1).vaults(5, 6).user(count - 1)),
        9 | 11 if count == 17 => Some(Accounts::pool(1).vaults(4, 5).user(16)),
        16 | 17 => Some(Accounts::pool(1).vaults(3, 4).user(7)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fee_is_rounded_up() {
        assert_eq!([fee(0), fee(1), fee(400), fee(401), fee(1_000_000_000)], [0, 1, 1, 2, 2_500_000]);
        assert!(fee(u64::MAX) > 0);
    }

    #[test]
    fn exact_output_prints_as_exact_input_does() {
        let bytes: Vec<u8> = [4]
            .into_iter()
            .chain([1000u64, 90, 1, 7, 50, 60, 800].iter().flat_map(|n| n.to_le_bytes()))
            .collect();
        let event = Event::decode(&bytes).unwrap();
        let Event::SwapBaseOut(swap) = &event else { panic!("{event:?}") };
        assert_eq!((swap.amount_in, swap.amount_out, swap.limit, swap.fee), (800, 90, 1000, 2));
    }

    #[test]
    fn accounts_depend_on_their_number() {
        assert_eq!(accounts(&[9], 18).unwrap().vaults, [Some(5), Some(6)]);
        assert_eq!(accounts(&[9], 17).unwrap().vaults, [Some(4), Some(5)]);
        assert_eq!(accounts(&[9], 5), None);
        assert_eq!(accounts(&[], 18), None);
    }
}
