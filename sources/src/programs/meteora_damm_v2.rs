//! Meteora dynamic pools, version 2.
//!
//! `next_sqrt_price` is the price after the swap: token B per token A in raw units is `(it / 2^64)^2`.
//! Reserves are those after. The events name no mints. Older versions of the program, and pools that have not
//! been touched since, write `EvtSwap` alone; newer ones both or `EvtSwap2` alone.

mod normalize;

use model::{Address, ChainEvent};

use super::{Accounts, Form, Instruction, ProgramEvent, events, listed};
use crate::decode::Named;
use crate::fields::{as_text, layout};
use crate::normalize::{Context, Refusal};
use crate::printed::Added;

events! {
    /// Events of the dynamic pools.
    {
        /// A swap, old form.
        0x1b3c15d58aaabb93 "EvtSwap" => Swap,
        /// A swap, new form.
        0xbd4233a826507599 "EvtSwap2" => Swap2,
    }
    ignored {
        0xe432f655cb428625 "EvtInitializePool",
        0xaff2089d1ef7b9a9 "EvtAddLiquidity",
        0x572e5862af60225b "EvtRemoveLiquidity",
        0xc5ab4e7fe0d3570d "EvtLiquidityChange",
        0x9c0f77c61db5dd37 "EvtCreatePosition",
        0x149190448f8ed6b2 "EvtClosePosition",
        0xc6b6b734610c3138 "EvtClaimPositionFee",
        0xda5693c8ebbcd7e7 "EvtClaimReward",
        0xa83f6c53db5202c8 "EvtLockPosition",
        0xbaf44bfbbc0d1921 "EvtClaimProtocolFee",
        0x83cfb4aeb449a536 "EvtCreateConfig",
    }
}

impl ProgramEvent for Event {
    fn accounts(data: &[u8], _count: usize) -> Option<Accounts> {
        listed(INSTRUCTIONS, data)
    }

    fn timestamp(&self) -> Option<i64> {
        let (Self::Swap(Swap { timestamp, .. }) | Self::Swap2(Swap2 { timestamp, .. })) = self;
        i64::try_from(*timestamp).ok()
    }

    fn form(&self) -> Form {
        match self {
            Self::Swap(old) => Form::Old(old.pool),
            Self::Swap2(new) => Form::New(new.pool),
        }
    }

    fn added(&self, named: &Named) -> Added {
        Added { user: named.user, ..Added::default() }
    }

    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
        normalize::normalize(self, at)
    }
}

layout! {
    /// `EvtSwap`. `trade_direction` 0 gives token A, 1 gives token B.
    Swap {
        pool: Address,
        trade_direction: u8,
        has_referral: bool,
        amount_in: u64,
        minimum_amount_out: u64,
        output_amount: u64,
        #[serde(serialize_with = "as_text")]
        next_sqrt_price: u128,
        lp_fee: u64,
        protocol_fee: u64,
        partner_fee: u64,
        referral_fee: u64,
        actual_amount_in: u64,
        #[serde(skip)]
        timestamp: u64,
    }
}

layout! {
    /// `EvtSwap2`. `trade_direction` 0 gives token A, 1 gives token B.
    Swap2 {
        pool: Address,
        trade_direction: u8,
        collect_fee_mode: u8,
        has_referral: bool,
        amount_0: u64,
        amount_1: u64,
        swap_mode: u8,
        included_fee_input_amount: u64,
        excluded_fee_input_amount: u64,
        amount_left: u64,
        output_amount: u64,
        #[serde(serialize_with = "as_text")]
        next_sqrt_price: u128,
        claiming_fee: u64,
        protocol_fee: u64,
        compounding_fee: u64,
        referral_fee: u64,
        included_transfer_fee_amount_in: u64,
        included_transfer_fee_amount_out: u64,
        excluded_transfer_fee_amount_out: u64,
        #[serde(skip)]
        timestamp: u64,
        reserve_a_amount: u64,
        reserve_b_amount: u64,
    }
}

const SWAP: Accounts = Accounts::pool(1).mints(6, 7).vaults(4, 5).user(8);

/// The instructions whose accounts are known.
pub const INSTRUCTIONS: &[Instruction] = &[
    Instruction::new(0xf8c69e91e17587c8, SWAP), // swap
    Instruction::new(0x414b3f4ceb5b5b88, SWAP), // swap2
];
