//! Raydium concentrated liquidity.
//!
//! `sqrt_price_x64` is the price after the swap: token 1 per token 0 in raw units is `(it / 2^64)^2`.
//! The event carries no reserves, because none set the price, and no mints.

mod normalize;

use model::{Address, ChainEvent};

use super::{Accounts, Instruction, ProgramEvent, events, listed};
use crate::fields::{as_text, layout};
use crate::normalize::{Context, Refusal};

events! {
    /// Events of Raydium CLMM.
    {
        /// A swap.
        0x40c6cde8260871e2 "SwapEvent" => Swap,
    }
    ignored {
        0x195e4b2f7063353f "PoolCreatedEvent",
        0x641e57f9c4df9ace "CreatePersonalPositionEvent",
        0x314f69d420221e54 "IncreaseLiquidityEvent",
        0x3ade563a44325538 "DecreaseLiquidityEvent",
        0xed7094e63954b4a2 "LiquidityCalculateEvent",
        0x7ef0afce9e58996b "LiquidityChangeEvent",
        0xa6ae69c051a15369 "CollectPersonalFeeEvent",
        0xce57114f2d29d53d "CollectProtocolFeeEvent",
        0x6d7fba4e724125ec "UpdateRewardInfosEvent",
        0xf7bd07776a705f97 "ConfigChangeEvent",
    }
}

impl ProgramEvent for Event {
    const LOGS_ONLY: bool = true;

    fn accounts(data: &[u8], _count: usize) -> Option<Accounts> {
        listed(INSTRUCTIONS, data)
    }

    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
        normalize::normalize(self, at)
    }
}

layout! {
    /// `SwapEvent`.
    Swap {
        #[serde(rename = "pool")]
        pool_state: Address,
        #[serde(rename = "user")]
        sender: Address,
        token_account_0: Address,
        token_account_1: Address,
        amount_0: u64,
        transfer_fee_0: u64,
        amount_1: u64,
        transfer_fee_1: u64,
        zero_for_one: bool,
        #[serde(serialize_with = "as_text")]
        sqrt_price_x64: u128,
        #[serde(serialize_with = "as_text")]
        liquidity: u128,
        tick: i32,
    }
    tail { trade_fee_0: u64, trade_fee_1: u64, }
}

const SWAP: Accounts = Accounts::pool(2).vaults(5, 6).user(0).in_swap_order();

/// The instructions whose accounts are known.
pub const INSTRUCTIONS: &[Instruction] = &[
    Instruction::new(0xf8c69e91e17587c8, SWAP),               // swap
    Instruction::new(0x2b04ed0b1ac91e62, SWAP.mints(11, 12)), // swap_v2
];
