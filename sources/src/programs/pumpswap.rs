//! PumpSwap constant-product pools.
//!
//! Reserves in a trade are those before it. Fields of a purchase mean different things by the
//! instruction (`buy` and `buy_exact_quote_in` swap two of them), so what counts is worked out of those
//! that do not change their meaning. Pools may be inverted: base is then the quote token of the market.

mod normalize;

use model::{Address, ChainEvent};
use serde::Serialize;

use super::{Accounts, Instruction, ProgramEvent, ReservesAre, events, listed};
use crate::decode::Named;
use crate::fields::{InstructionName, Missing, as_signed_number, layout};
use crate::normalize::{Context, Refusal};
use crate::printed::Added;

events! {
    /// Events of PumpSwap.
    {
        /// Base was bought.
        0x67f4521f2cf57777 "BuyEvent" => Buy,
        /// Base was sold.
        0x3e2f370aa503dc2a "SellEvent" => Sell,
        /// A pool was opened.
        0xb1310cd2a076a774 "CreatePoolEvent" => CreatePool,
        /// Liquidity went in.
        0x78f83d531f8e6b90 "DepositEvent" => Deposit,
        /// Liquidity came out.
        0x1609851aa02c47c0 "WithdrawEvent" => Withdraw,
        /// Base was bought out of the pool and burnt, without a trade.
        0x3f451c16305cc2b9 "BoostBuyAndBurnEvent" => Boost,
    }
    ignored {
        0xae7c4af90451f611 "InitBoostEvent",
        0xe8f5c2eeeada3a59 "CollectCoinCreatorFeeEvent",
        0xe2d6f62107f293e5 "ClaimCashbackEvent",
        0x4facf631cd5bcee8 "ClaimTokenIncentivesEvent",
        0x86240d48e86582d8 "InitUserVolumeAccumulatorEvent",
        0xc57aa77c74515bff "SyncUserVolumeAccumulatorEvent",
        0x929fbdac925838f4 "CloseUserVolumeAccumulatorEvent",
        0x6161d7905d92167c "ExtendAccountEvent",
        0x6b34598137e25116 "CreateConfigEvent",
        0x5a1741233ef4bcd0 "UpdateFeeConfigEvent",
        0xe198ab57f63f42ea "UpdateAdminEvent",
        0x6bfdc14ce4ca1b68 "DisableEvent",
        0xf2e7eb664163bdd3 "SetBondingCurveCoinCreatorEvent",
        0x966bc77b7ccf66e4 "SetMetaplexCoinCreatorEvent",
    }
}

impl ProgramEvent for Event {
    fn accounts(data: &[u8], _count: usize) -> Option<Accounts> {
        listed(INSTRUCTIONS, data)
    }

    fn timestamp(&self) -> Option<i64> {
        Some(match self {
            Self::Buy(event) => event.layout.timestamp,
            Self::Sell(event) => event.layout.timestamp,
            Self::CreatePool(event) => event.timestamp,
            Self::Deposit(event) => event.timestamp,
            Self::Withdraw(event) => event.timestamp,
            Self::Boost(event) => event.timestamp,
        })
    }

    fn added(&self, named: &Named) -> Added {
        match self {
            Self::Buy(_) | Self::Sell(_) => Added::mints(named),
            _ => Added::default(),
        }
    }

    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
        normalize::normalize(self, at)
    }
}

layout! {
    /// `BuyEvent` as it lies in the bytes.
    BuyLayout {
        #[serde(skip)]
        timestamp: i64,
        #[serde(rename = "base_amount")]
        base_amount_out: u64,
        max_quote_amount_in: u64,
        user_base_token_reserves: u64,
        user_quote_token_reserves: u64,
        #[serde(rename = "base_reserve")]
        pool_base_token_reserves: u64,
        #[serde(rename = "quote_reserve")]
        pool_quote_token_reserves: u64,
        quote_amount_in: u64,
        lp_fee_basis_points: u64,
        lp_fee: u64,
        protocol_fee_basis_points: u64,
        protocol_fee: u64,
        quote_amount_in_with_lp_fee: u64,
        user_quote_amount_in: u64,
        pool: Address,
        user: Address,
        user_base_token_account: Address,
        user_quote_token_account: Address,
        protocol_fee_recipient: Address,
        protocol_fee_recipient_token_account: Address,
    }
    tail {
        coin_creator: Address,
        coin_creator_fee_basis_points: u64,
        coin_creator_fee: u64,
        track_volume: bool,
        total_unclaimed_tokens: u64,
        total_claimed_tokens: u64,
        current_sol_volume: u64,
        last_update_timestamp: i64,
        min_base_amount_out: u64,
        ix_name: InstructionName,
        cashback_fee_basis_points: u64,
        cashback: u64,
        buyback_fee_basis_points: u64,
        buyback_fee: u64,
        #[serde(skip)]
        virtual_quote_reserves: i128,
        can_boost: bool,
        base_supply: u64,
        holder_rewards_bps: u64,
        holder_rewards: u64,
    }
}

layout! {
    /// `SellEvent` as it lies in the bytes.
    SellLayout {
        #[serde(skip)]
        timestamp: i64,
        #[serde(rename = "base_amount")]
        base_amount_in: u64,
        min_quote_amount_out: u64,
        user_base_token_reserves: u64,
        user_quote_token_reserves: u64,
        #[serde(rename = "base_reserve")]
        pool_base_token_reserves: u64,
        #[serde(rename = "quote_reserve")]
        pool_quote_token_reserves: u64,
        quote_amount_out: u64,
        lp_fee_basis_points: u64,
        lp_fee: u64,
        protocol_fee_basis_points: u64,
        protocol_fee: u64,
        quote_amount_out_without_lp_fee: u64,
        user_quote_amount_out: u64,
        pool: Address,
        user: Address,
        user_base_token_account: Address,
        user_quote_token_account: Address,
        protocol_fee_recipient: Address,
        protocol_fee_recipient_token_account: Address,
    }
    tail {
        coin_creator: Address,
        coin_creator_fee_basis_points: u64,
        coin_creator_fee: u64,
        cashback_fee_basis_points: u64,
        cashback: u64,
        buyback_fee_basis_points: u64,
        buyback_fee: u64,
        #[serde(skip)]
        virtual_quote_reserves: i128,
        can_boost: bool,
        base_supply: u64,
        holder_rewards_bps: u64,
        holder_rewards: u64,
    }
}

/// Fields common to a purchase and a sale, worked out of either layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Amounts {
    /// True if the user bought the pool's base.
    pub is_buy: bool,
    /// Quote that the swap formula took or gave, before every fee.
    pub quote_amount: u64,
    /// Quote that the user paid or received, after every fee.
    pub user_quote_amount: u64,
    /// Fees that are gone: LP, protocol and creator. Cashback, which the user may claim, is not in it.
    pub fee: u64,
    /// Quote that sets the price without being in the pool; zero in layouts that do not know it.
    #[serde(serialize_with = "as_signed_number")]
    pub virtual_quote_reserves: i128,
    /// Always before the trade.
    pub reserves_are: ReservesAre,
}

fn fees(lp: u64, protocol: u64, creator: Option<u64>) -> u64 {
    [protocol, creator.unwrap_or(0)].into_iter().fold(lp, u64::saturating_add)
}

/// Base was bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Buy {
    /// The bytes' own fields.
    #[serde(flatten)]
    pub layout: BuyLayout,
    /// The amounts worked out of these fields.
    #[serde(flatten)]
    pub amounts: Amounts,
}

impl Buy {
    /// Reads the fields after the discriminator.
    ///
    /// # Errors
    /// When they end within the head.
    pub fn read(bytes: &[u8]) -> Result<Self, Missing> {
        let layout = BuyLayout::read(bytes)?;
        // `quote_amount_in` and `user_quote_amount_in` change places with the instruction; these do not.
        let net = layout.quote_amount_in_with_lp_fee.saturating_sub(layout.lp_fee);
        let gross = layout.quote_amount_in.max(layout.user_quote_amount_in);
        let amounts = Amounts {
            is_buy: true,
            quote_amount: net,
            user_quote_amount: gross,
            fee: fees(layout.lp_fee, layout.protocol_fee, layout.coin_creator_fee),
            virtual_quote_reserves: layout.virtual_quote_reserves.unwrap_or(0),
            reserves_are: ReservesAre::Pre,
        };
        Ok(Self { layout, amounts })
    }
}

/// Base was sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sell {
    /// The bytes' own fields.
    #[serde(flatten)]
    pub layout: SellLayout,
    /// The amounts worked out of these fields.
    #[serde(flatten)]
    pub amounts: Amounts,
}

impl Sell {
    /// Reads the fields after the discriminator.
    ///
    /// # Errors
    /// When they end within the head.
    pub fn read(bytes: &[u8]) -> Result<Self, Missing> {
        let layout = SellLayout::read(bytes)?;
        let amounts = Amounts {
            is_buy: false,
            quote_amount: layout.quote_amount_out,
            user_quote_amount: layout.user_quote_amount_out,
            fee: fees(layout.lp_fee, layout.protocol_fee, layout.coin_creator_fee),
            virtual_quote_reserves: layout.virtual_quote_reserves.unwrap_or(0),
            reserves_are: ReservesAre::Pre,
        };
        Ok(Self { layout, amounts })
    }
}

layout! {
    /// `CreatePoolEvent`: a pool was opened.
    CreatePool {
        #[serde(skip)]
        timestamp: i64,
        index: u16,
        creator: Address,
        base_mint: Address,
        quote_mint: Address,
        base_mint_decimals: u8,
        quote_mint_decimals: u8,
        base_amount_in: u64,
        quote_amount_in: u64,
        pool_base_amount: u64,
        pool_quote_amount: u64,
        minimum_liquidity: u64,
        initial_liquidity: u64,
        lp_token_amount_out: u64,
        pool_bump: u8,
        pool: Address,
        lp_mint: Address,
        user_base_token_account: Address,
        user_quote_token_account: Address,
    }
    tail {
        coin_creator: Address,
        is_mayhem_mode: bool,
        creator_fee_bps: u64,
        can_edit_creator_fee: bool,
        is_holder_reward: bool,
    }
}

layout! {
    /// `DepositEvent`: liquidity went in. Reserves are those before.
    Deposit {
        #[serde(skip)]
        timestamp: i64,
        lp_token_amount_out: u64,
        max_base_amount_in: u64,
        max_quote_amount_in: u64,
        user_base_token_reserves: u64,
        user_quote_token_reserves: u64,
        pool_base_token_reserves: u64,
        pool_quote_token_reserves: u64,
        base_amount_in: u64,
        quote_amount_in: u64,
        lp_mint_supply: u64,
        pool: Address,
        user: Address,
        user_base_token_account: Address,
        user_quote_token_account: Address,
        user_pool_token_account: Address,
    }
}

layout! {
    /// `WithdrawEvent`: liquidity came out. Reserves are those before.
    Withdraw {
        #[serde(skip)]
        timestamp: i64,
        lp_token_amount_in: u64,
        min_base_amount_out: u64,
        min_quote_amount_out: u64,
        user_base_token_reserves: u64,
        user_quote_token_reserves: u64,
        pool_base_token_reserves: u64,
        pool_quote_token_reserves: u64,
        base_amount_out: u64,
        quote_amount_out: u64,
        lp_mint_supply: u64,
        pool: Address,
        user: Address,
        user_base_token_account: Address,
        user_quote_token_account: Address,
        user_pool_token_account: Address,
    }
}

layout! {
    /// `BoostBuyAndBurnEvent`: base was bought out of the pool and burnt; the reserves are those after.
    Boost {
        #[serde(skip)]
        timestamp: i64,
        mint: Address,
        bonding_curve: Address,
        pool: Address,
        authority: Address,
        quote_requested: u64,
        quote_used: u64,
        base_burned: u64,
        #[serde(serialize_with = "as_signed_number")]
        virtual_quote: i128,
        real_quote_after: u64,
        base_after: u64,
        vault_remaining: u64,
    }
}

const SWAP: Accounts = Accounts::pool(0).mints(3, 4).vaults(7, 8).user(1);
const LIQUIDITY: Accounts = Accounts::pool(0).mints(3, 4).vaults(9, 10).user(2);

/// The instructions whose accounts are known.
pub const INSTRUCTIONS: &[Instruction] = &[
    Instruction::new(0x66063d1201daebea, SWAP),      // buy
    Instruction::new(0xc62e1552b4d9e870, SWAP),      // buy_exact_quote_in
    Instruction::new(0x33e685a4017f83ad, SWAP),      // sell
    Instruction::new(0xe992d18ecf6840bc, LIQUIDITY), // create_pool
    Instruction::new(0xf223c68952e1f2b6, LIQUIDITY), // deposit
    Instruction::new(0xb712469c946da122, LIQUIDITY), // withdraw
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A purchase with these values for `quote_amount_in` and `user_quote_amount_in`; LP fee 2, with fee 102.
    fn buy(quote_in: u64, user_quote_in: u64) -> Buy {
        let numbers = [0, 10, 999, 0, 0, 5_000, 6_000, quote_in, 20, 2, 5, 1, 102, user_quote_in];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|n: &u64| n.to_le_bytes()).collect();
        bytes.extend([7; 6 * 32]);
        Buy::read(&bytes).unwrap()
    }

    #[test]
    fn both_forms_of_purchase_come_to_the_same() {
        assert_eq!(buy(100, 103).amounts, buy(103, 100).amounts);
        assert_eq!(buy(100, 103).amounts.quote_amount, 100);
        // The fixture's creator fee is not in its layout: LP 2 and protocol 1.
        assert_eq!(buy(100, 103).amounts.fee, 3);
    }

    #[test]
    fn virtual_reserves_are_zero_where_the_layout_has_none_and_signed_where_it_has() {
        assert_eq!(buy(1, 1).amounts.virtual_quote_reserves, 0);
        let numbers = [0u64; 14];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        bytes.extend([7; 6 * 32]);
        bytes.extend([0; 32 + 16 + 16 + 16]);
        bytes.extend((-5i128).to_le_bytes());
        assert_eq!(Sell::read(&bytes).unwrap().amounts.virtual_quote_reserves, -5);
    }
}
