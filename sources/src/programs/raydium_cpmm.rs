//! Raydium constant-product pools with Anchor events.
//!
//! Vault amounts are those before and exclude fees that accrued; amounts exclude what a Token-2022 mint
//! keeps of a transfer. Early layouts name no mint; none names the user.

mod normalize;

use model::{Address, ChainEvent};
use serde::Serialize;

use super::{Accounts, Instruction, ProgramEvent, ReservesAre, events, listed};
use crate::decode::Named;
use crate::fields::{Missing, layout};
use crate::normalize::{Context, Refusal};
use crate::printed::Added;

events! {
    /// Events of Raydium CPMM.
    {
        /// A swap.
        0x40c6cde8260871e2 "SwapEvent" => Swap,
        /// Liquidity went in or came out.
        0x79a3cdc939da753c "LpChangeEvent" => LpChange,
    }
    ignored {}
}

impl ProgramEvent for Event {
    const LOGS_ONLY: bool = true;

    fn accounts(data: &[u8], _count: usize) -> Option<Accounts> {
        listed(INSTRUCTIONS, data)
    }

    fn added(&self, named: &Named) -> Added {
        Added { user: named.user, ..Added::default() }
    }

    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
        normalize::normalize(self, at)
    }
}

layout! {
    /// `SwapEvent` as it lies in the bytes.
    SwapLayout {
        #[serde(rename = "pool")]
        pool_id: Address,
        #[serde(rename = "in_reserve")]
        input_vault_before: u64,
        #[serde(rename = "out_reserve")]
        output_vault_before: u64,
        #[serde(rename = "amount_in")]
        input_amount: u64,
        #[serde(rename = "amount_out")]
        output_amount: u64,
        input_transfer_fee: u64,
        output_transfer_fee: u64,
    }
    tail {
        base_input: bool,
        input_mint: Address,
        output_mint: Address,
        #[serde(rename = "fee")]
        trade_fee: u64,
        creator_fee: u64,
        creator_fee_on_input: bool,
    }
}

/// A swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Swap {
    /// The bytes' own fields.
    #[serde(flatten)]
    pub layout: SwapLayout,
    /// Always before the swap.
    pub reserves_are: ReservesAre,
}

impl Swap {
    /// Reads the fields after the discriminator.
    ///
    /// There are recordings of the oldest layout whose trailing zero bytes were trimmed (it ends in two fees
    /// that are nearly always zero). If they end within or after `output_amount`, the zeros are put back.
    ///
    /// # Errors
    /// When they end before that.
    pub fn read(bytes: &[u8]) -> Result<Self, Missing> {
        const HEAD: usize = 32 + 6 * 8;
        const UP_TO_OUTPUT: usize = 32 + 3 * 8;
        let mut whole = [0; HEAD];
        let layout = match whole.get_mut(..bytes.len()) {
            Some(start) if bytes.len() > UP_TO_OUTPUT => {
                start.copy_from_slice(bytes);
                SwapLayout::read(&whole)?
            }
            _ => SwapLayout::read(bytes)?,
        };
        Ok(Self { layout, reserves_are: ReservesAre::Pre })
    }
}

layout! {
    /// `LpChangeEvent`: liquidity went in (`change_type` 0) or came out (1). Not written by `initialize`.
    LpChange {
        pool_id: Address,
        lp_amount_before: u64,
        token_0_vault_before: u64,
        token_1_vault_before: u64,
        token_0_amount: u64,
        token_1_amount: u64,
        token_0_transfer_fee: u64,
        token_1_transfer_fee: u64,
        change_type: u8,
    }
}

const SWAP: Accounts = Accounts::pool(3).mints(10, 11).vaults(6, 7).user(0).in_swap_order();
const LIQUIDITY: Accounts = Accounts::pool(2).mints(10, 11).vaults(6, 7).user(0);

/// The instructions whose accounts are known.
pub const INSTRUCTIONS: &[Instruction] = &[
    Instruction::new(0x8fbe5adac41e33de, SWAP),      // swap_base_input
    Instruction::new(0x37d96256a34ab4ad, SWAP),      // swap_base_output
    Instruction::new(0xf223c68952e1f2b6, LIQUIDITY), // deposit
    Instruction::new(0xb712469c946da122, LIQUIDITY), // withdraw
    Instruction::new(0xafaf6d1f0d989bed, Accounts::pool(3).mints(4, 5).vaults(10, 11).user(0)), // initialize
];

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> Vec<u8> {
        let numbers = [100u64, 200, 10, 7, 0, 0];
        [1; 32].into_iter().chain(numbers.into_iter().flat_map(u64::to_le_bytes)).collect()
    }

    #[test]
    fn zeros_trimmed_off_the_oldest_layout_are_put_back() {
        let whole = Swap::read(&bytes()).unwrap();
        assert_eq!((whole.layout.output_amount, whole.layout.base_input), (7, None));
        assert_eq!(Swap::read(&bytes()[..57]), Ok(whole));
        assert_eq!(Swap::read(&bytes()[..56]), Err(Missing("output_amount")));
    }

    #[test]
    fn the_newest_layout_tells_mints_and_fee() {
        let mut bytes = bytes();
        bytes.push(1);
        bytes.extend([2; 32]);
        bytes.extend([3; 32]);
        bytes.extend([5, 0, 0, 0, 0, 0, 0, 0]);
        let swap = Swap::read(&bytes).unwrap();
        assert_eq!(swap.layout.input_mint, Some(Address([2; 32])));
        assert_eq!((swap.layout.trade_fee, swap.layout.creator_fee), (Some(5), None));
    }
}
