//! Meteora dynamic bonding curves.
//!
//! One swap writes two events, `EvtSwap` and the richer `EvtSwap2`; both are decoded, and whoever counts
//! trades counts one of them. Tokens whose transfers call a hook have instructions and events of their own,
//! with the same fields. `next_sqrt_price` is the price after the swap: quote per base in raw units
//! is `(it / 2^64)^2`. No event but the creation names a mint.

mod normalize;

use model::{Address, ChainEvent};

use super::{Accounts, Form, Instruction, ProgramEvent, events, listed};
use crate::decode::Named;
use crate::fields::{as_text, layout};
use crate::normalize::{Context, Refusal};
use crate::printed::Added;

events! {
    /// Events of the dynamic bonding curve.
    {
        /// A swap, old form.
        0x1b3c15d58aaabb93 "EvtSwap" => Swap,
        /// A swap, new form.
        0xbd4233a826507599 "EvtSwap2" => Swap2,
        /// A swap of a token with a transfer hook.
        0x863ba8785e3372e7 "EvtSwap2WithTransferHook" => HookedSwap(Swap2),
        /// A curve raised what it wanted.
        0xe5e756549c864b18 "EvtCurveComplete" => CurveComplete,
        /// A curve of a token with a transfer hook did.
        0x3b2f6dcd0d1f2c9f "EvtCurveCompleteWithTransferHook" => HookedCurveComplete(CurveComplete),
        /// A curve was opened.
        0xe432f655cb428625 "EvtInitializePool" => InitializePool,
        /// A curve of a token with a transfer hook was opened.
        0xd589a435c14a0f6e "EvtInitializePoolWithTransferHook" => HookedInitializePool(InitializePool),
    }
    ignored {
        0x83cfb4aeb449a536 "EvtCreateConfig",
        0xa34a42bb77c31a90 "EvtCreateConfigV2",
        0x1a5375f05cca70fe "EvtClaimTradingFee",
        0x9ae4d7ca859bd68a "EvtClaimCreatorTradingFee",
        0xbaf44bfbbc0d1921 "EvtClaimProtocolFee",
        0x63a7853fd68faf8b "EvtCreateMeteoraMigrationMetadata",
        0x676f84a88cfd9672 "EvtCreateDammV2MigrationMetadata",
        0x7ec062c3bb45906c "EvtCreateVirtualPoolMetadata",
        0x6d6f1cdd86c3e6cb "EvtProtocolWithdrawSurplus",
        0x9849150f4257359d "EvtCreatorWithdrawSurplus",
        0xc3389809e8482316 "EvtPartnerWithdrawSurplus",
        0x6be1a5ed5b9ed5dc "EvtUpdatePoolCreator",
        0xb6518704272e84fd "EvtCreateConfigV2WithTransferHook",
        0x72ce909c4c94cc19 "EvtVirtualPoolMetadataWithTransferHook",
        0xbb854209cda1540d "EvtClaimProtocolFee2",
        0x8d022edea93f7dec "EvtClaimProtocolFee2WithTransferHook",
        0x5d495173c1130eb7 "EvtClaimTradingFeeWithTransferHook",
        0x946cff8455d54eaa "EvtClaimCreatorTradingFeeWithTransferHook",
        0xed80fe6efd06d197 "EvtPartnerWithdrawSurplusWithTransferHook",
        0xd1e4c99153015862 "EvtCreatorWithdrawSurplusWithTransferHook",
        0xe47ad9b0cba0681f "EvtUpdatePoolCreatorWithTransferHook",
        0x1acb5455a11764d6 "EvtWithdrawMigrationFee",
        0xb15cc46582c85f0c "EvtWithdrawMigrationFeeWithTransferHook",
        0xbfbd688f6f9c5ee5 "EvtWithdrawLeftover",
        0x956f952c8840af3e "EvtClaimPoolCreationFee",
        0x78b917b5e8385b2d "EvtClaimPoolCreationFeeWithTransferHook",
        0xaedf2c96916259c3 "EvtPartnerClaimPoolCreationFee",
        0x649eb17b66287c88 "EvtPartnerClaimPoolCreationFeeWithTransferHook",
    }
}

impl ProgramEvent for Event {
    fn accounts(data: &[u8], _count: usize) -> Option<Accounts> {
        listed(INSTRUCTIONS, data)
    }

    fn timestamp(&self) -> Option<i64> {
        match self {
            Self::Swap(event) => i64::try_from(event.timestamp).ok(),
            Self::Swap2(event) | Self::HookedSwap(event) => i64::try_from(event.timestamp).ok(),
            Self::CurveComplete(_)
            | Self::HookedCurveComplete(_)
            | Self::InitializePool(_)
            | Self::HookedInitializePool(_) => None,
        }
    }

    fn form(&self) -> Form {
        match self {
            Self::Swap(old) => Form::Old(old.pool),
            Self::Swap2(new) | Self::HookedSwap(new) => Form::New(new.pool),
            _ => Form::Only,
        }
    }

    fn added(&self, named: &Named) -> Added {
        match self {
            Self::Swap(_) | Self::Swap2(_) => Added { user: named.user, ..Added::mints(named) },
            _ => Added::default(),
        }
    }

    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
        normalize::normalize(self, at)
    }
}

layout! {
    /// `EvtSwap`. `trade_direction` 0 sells base, 1 buys it.
    Swap {
        pool: Address,
        config: Address,
        trade_direction: u8,
        has_referral: bool,
        requested_amount_in: u64,
        minimum_amount_out: u64,
        actual_input_amount: u64,
        output_amount: u64,
        #[serde(serialize_with = "as_text")]
        next_sqrt_price: u128,
        trading_fee: u64,
        protocol_fee: u64,
        referral_fee: u64,
        amount_in: u64,
        #[serde(skip)]
        timestamp: u64,
    }
}

layout! {
    /// `EvtSwap2`. `trade_direction` 0 sells base, 1 buys it.
    Swap2 {
        pool: Address,
        config: Address,
        trade_direction: u8,
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
        trading_fee: u64,
        protocol_fee: u64,
        referral_fee: u64,
        quote_reserve_amount: u64,
        migration_threshold: u64,
        #[serde(skip)]
        timestamp: u64,
    }
}

layout! {
    /// `EvtCurveComplete`.
    CurveComplete { pool: Address, config: Address, base_reserve: u64, quote_reserve: u64, }
}

layout! {
    /// `EvtInitializePool`. Name and symbol are in the instruction only.
    InitializePool {
        pool: Address,
        config: Address,
        creator: Address,
        base_mint: Address,
        pool_type: u8,
        activation_point: u64,
    }
}

const SWAP: Accounts = Accounts::pool(2).mints(7, 8).vaults(5, 6).user(9);
const INITIALIZE: Accounts = Accounts::pool(5).mints(3, 4).vaults(6, 7).user(2);

/// First eight bytes of the instructions that open a curve; name, symbol and URI follow.
pub const INITIALIZE_INSTRUCTIONS: [u64; 3] = [0x8c55d7b06636684f, 0xa976334e916edc9b, 0xb60de9b12a918702];

/// The instructions whose accounts are known.
pub const INSTRUCTIONS: &[Instruction] = &[
    Instruction::new(0xf8c69e91e17587c8, SWAP),               // swap
    Instruction::new(0x414b3f4ceb5b5b88, SWAP),               // swap2
    Instruction::new(0xb75d992818e6c297, SWAP),               // swap2_with_transfer_hook
    Instruction::new(INITIALIZE_INSTRUCTIONS[0], INITIALIZE), // with_spl_token
    Instruction::new(INITIALIZE_INSTRUCTIONS[1], INITIALIZE), // with_token2022
    Instruction::new(INITIALIZE_INSTRUCTIONS[2], INITIALIZE), // with_token2022_transfer_hook
];

layout! {
    /// Arguments of the instructions that open a curve.
    InitializeArguments { name: String, symbol: String, uri: String, }
}

impl InitializeArguments {
    /// Reads them from an instruction's data, if it is one of those.
    #[must_use]
    pub fn from_instruction(data: &[u8]) -> Option<Self> {
        let (discriminator, arguments) = super::split(data);
        INITIALIZE_INSTRUCTIONS.contains(&discriminator).then(|| Self::read(arguments).ok()).flatten()
    }
}
