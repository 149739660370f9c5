//! pump.fun bonding curves.
//!
//! Reserves in a trade are those after it. Amounts of coins that are quoted in another token than SOL
//! are zero in the `sol_*` fields and stand in the `quote_*` fields, in that token's own decimals; the
//! printed `quote_amount` and `quote_reserve` are whichever of the two counts.

mod normalize;

use model::{Address, ChainEvent};
use serde::Serialize;

use super::{Accounts, Instruction, ProgramEvent, ReservesAre, events, listed};
use crate::decode::Named;
use crate::fields::{Field, Fields, InstructionName, Missing, layout};
use crate::normalize::{Context, Refusal};
use crate::printed::Added;

/// Decimals of every coin of the launchpad.
pub const DECIMALS: u8 = 6;
/// Supply of a coin whose creation does not say, raw units.
pub const SUPPLY: u64 = 1_000_000_000_000_000;

/// Supply of a mayhem coin, raw units: its agent is given as much again when the coin is created, which the events do not
/// say and the mint does.
pub const MAYHEM_SUPPLY: u64 = 2 * SUPPLY;

events! {
    /// Events of pump.fun.
    {
        /// A trade on the curve.
        0xbddb7fd34ee661ee "TradeEvent" => Trade,
        /// A coin was created.
        0x1b72a94ddeeb6376 "CreateEvent" => Create,
        /// A curve sold everything.
        0x5f72619cd42e9808 "CompleteEvent" => Complete,
        /// A coin moved to PumpSwap.
        0xbde95db95c94ea94 "CompletePumpAmmMigrationEvent" => Migration,
        /// A mayhem curve was given other reserves.
        0x757be4b6a1a8dcd6 "UpdateMayhemVirtualParamsEvent" => MayhemUpdate,
    }
    ignored {
        0x6161d7905d92167c "ExtendAccountEvent",
        0xdfc39ff63e308f83 "SetParamsEvent",
        0x7a027f010ebf0caf "CollectCreatorFeeEvent",
        0xe2d6f62107f293e5 "ClaimCashbackEvent",
        0xa537817004b3ca28 "DistributeCreatorFeesEvent",
        0x6e7ce262aaff1178 "AdminCtoEvent",
        0x4facf631cd5bcee8 "ClaimTokenIncentivesEvent",
        0x86240d48e86582d8 "InitUserVolumeAccumulatorEvent",
        0xc57aa77c74515bff "SyncUserVolumeAccumulatorEvent",
        0x929fbdac925838f4 "CloseUserVolumeAccumulatorEvent",
        0xed347b25f5fb48d2 "SetCreatorEvent",
        0x8ecb06207f69bfa2 "SetMetaplexCreatorEvent",
    }
}

impl ProgramEvent for Event {
    fn accounts(data: &[u8], _count: usize) -> Option<Accounts> {
        listed(INSTRUCTIONS, data)
    }

    fn timestamp(&self) -> Option<i64> {
        match self {
            Self::Trade(event) => Some(event.layout.timestamp),
            Self::Create(event) => event.timestamp,
            Self::Complete(event) => Some(event.timestamp),
            Self::Migration(event) => Some(event.timestamp),
            Self::MayhemUpdate(event) => Some(event.timestamp),
        }
    }

    fn added(&self, named: &Named) -> Added {
        match self {
            Self::Trade(_) => Added { pool: named.pool, ..Added::default() },
            _ => Added::default(),
        }
    }

    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
        normalize::normalize(self, at)
    }
}

layout! {
    /// `TradeEvent` as it lies in the bytes. Printed are the amounts and reserves that [`Trade`] chooses.
    TradeLayout {
        mint: Address,
        #[serde(skip)]
        sol_amount: u64,
        #[serde(rename = "base_amount")]
        token_amount: u64,
        is_buy: bool,
        user: Address,
        #[serde(skip)]
        timestamp: i64,
        #[serde(skip)]
        virtual_sol_reserves: u64,
        #[serde(rename = "base_reserve")]
        virtual_token_reserves: u64,
    }
    tail {
        real_sol_reserves: u64,
        real_token_reserves: u64,
        fee_recipient: Address,
        fee_basis_points: u64,
        fee: u64,
        creator: Address,
        creator_fee_basis_points: u64,
        creator_fee: u64,
        track_volume: bool,
        total_unclaimed_tokens: u64,
        total_claimed_tokens: u64,
        current_sol_volume: u64,
        last_update_timestamp: i64,
        ix_name: InstructionName,
        mayhem_mode: bool,
        cashback_fee_basis_points: u64,
        cashback: u64,
        buyback_fee_basis_points: u64,
        buyback_fee: u64,
        shareholders: Vec<Shareholder>,
        quote_mint: Address,
        #[serde(skip)]
        quote_amount: u64,
        #[serde(skip)]
        virtual_quote_reserves: u64,
        real_quote_reserves: u64,
        holder_rewards_bps: u64,
        holder_rewards: u64,
    }
}

/// One of those among whom a creator fee is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shareholder {
    /// The wallet.
    pub address: Address,
    /// Its share in basis points.
    pub share_bps: u16,
}

impl Field for Shareholder {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { address: Field::read(fields)?, share_bps: Field::read(fields)? })
    }
}

/// A trade on the curve. `quote_amount` is what the curve took or gave, without fees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trade {
    /// The bytes' own fields.
    #[serde(flatten)]
    pub layout: TradeLayout,
    /// Quote that entered or left the curve, raw units of the quote token.
    pub quote_amount: u64,
    /// Virtual quote reserve after the trade, raw units of the quote token.
    pub quote_reserve: u64,
    /// Always after the trade.
    pub reserves_are: ReservesAre,
}

impl Trade {
    /// Reads the fields after the discriminator.
    ///
    /// # Errors
    /// When they end within the head.
    pub fn read(bytes: &[u8]) -> Result<Self, Missing> {
        let layout = TradeLayout::read(bytes)?;
        let in_sol = quote_mint(layout.quote_mint) == Address::WSOL;
        let choose = |sol: u64, quote: Option<u64>| if in_sol { sol } else { quote.unwrap_or(sol) };
        Ok(Self {
            quote_amount: choose(layout.sol_amount, layout.quote_amount),
            quote_reserve: choose(layout.virtual_sol_reserves, layout.virtual_quote_reserves),
            reserves_are: ReservesAre::Post,
            layout,
        })
    }
}

/// The quote token of a coin: layouts without one, and the zero address, mean SOL.
#[must_use]
pub fn quote_mint(written: Option<Address>) -> Address {
    written.filter(|mint| *mint != Address::ZERO).unwrap_or(Address::WSOL)
}

layout! {
    /// `CreateEvent`: a coin and its curve. Sources disagree on the byte after `creator_fee_bps`, so it is left.
    Create {
        name: String,
        symbol: String,
        uri: String,
        mint: Address,
        bonding_curve: Address,
        user: Address,
    }
    tail {
        creator: Address,
        #[serde(skip)]
        timestamp: i64,
        virtual_token_reserves: u64,
        virtual_sol_reserves: u64,
        real_token_reserves: u64,
        token_total_supply: u64,
        token_program: Address,
        is_mayhem_mode: bool,
        is_cashback_enabled: bool,
        quote_mint: Address,
        virtual_quote_reserves: u64,
        creator_fee_bps: u64,
    }
}

layout! {
    /// `CompleteEvent`: the curve sold everything.
    Complete {
        user: Address,
        mint: Address,
        bonding_curve: Address,
        #[serde(skip)]
        timestamp: i64,
    }
    tail { quote_mint: Address, }
}

layout! {
    /// `CompletePumpAmmMigrationEvent`: the coin moved to a PumpSwap pool.
    Migration {
        user: Address,
        mint: Address,
        mint_amount: u64,
        sol_amount: u64,
        pool_migration_fee: u64,
        bonding_curve: Address,
        #[serde(skip)]
        timestamp: i64,
        pool: Address,
    }
    tail { quote_mint: Address, }
}

layout! {
    /// `UpdateMayhemVirtualParamsEvent`: the agent's curve was given other virtual reserves.
    MayhemUpdate {
        #[serde(skip)]
        timestamp: i64,
        mint: Address,
        virtual_token: u64,
        virtual_sol: u64,
        new_virtual_token: u64,
        new_virtual_sol: u64,
        real_token: u64,
        real_sol: u64,
    }
}

/// Accounts of `buy`, `sell` and their like, which only know SOL.
const SOL_TRADE: Accounts = Accounts::pool(3).mint(2).vault(4).user(6);
/// Accounts of the second generation, which know any quote token.
const QUOTE_TRADE: Accounts = Accounts::pool(10).mints(1, 2).vaults(11, 12).user(13);

/// The instructions whose accounts are known.
pub const INSTRUCTIONS: &[Instruction] = &[
    Instruction::new(0x66063d1201daebea, SOL_TRADE),   // buy
    Instruction::new(0x38fc74089edfcd5f, SOL_TRADE),   // buy_exact_sol_in
    Instruction::new(0x33e685a4017f83ad, SOL_TRADE),   // sell
    Instruction::new(0xb817ee6167c5d33d, QUOTE_TRADE), // buy_v2
    Instruction::new(0xc2ab1c46684d5b2f, QUOTE_TRADE), // buy_exact_quote_in_v2
    Instruction::new(0x5df6823ce7e940b2, QUOTE_TRADE), // sell_v2
    Instruction::new(0x181ec828051c0777, Accounts::pool(2).mint(0).user(7)), // create
    Instruction::new(0xd6904cec5f8b31b4, Accounts::pool(2).mint(0).user(5)), // create_v2
    Instruction::new(0x9beae792ec9ea21e, Accounts::pool(3).mint(2).user(5)), // migrate
    Instruction::new(0xbbcb121fceedfe29, Accounts::pool(4).mints(2, 3).user(7)), // migrate_v2
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A trade of 7 tokens for 5 lamports, up to and without `real_sol_reserves`.
    fn head() -> Vec<u8> {
        let mut bytes = [1; 32].to_vec();
        bytes.extend(5u64.to_le_bytes());
        bytes.extend(7u64.to_le_bytes());
        bytes.push(1);
        bytes.extend([2; 32]);
        bytes.extend(1_700_000_000i64.to_le_bytes());
        bytes.extend(30u64.to_le_bytes());
        bytes.extend(1_000u64.to_le_bytes());
        bytes
    }

    /// The tail from `real_sol_reserves` up to `shareholders`, with the name "buy" and one shareholder.
    fn tail() -> Vec<u8> {
        let mut bytes = vec![0; 16 + 32 + 16 + 32 + 16 + 1 + 32];
        bytes.extend([3, 0, 0, 0]);
        bytes.extend(b"buy");
        bytes.extend([0; 1 + 16 + 16]);
        bytes.extend([1, 0, 0, 0]);
        bytes.extend([8; 32]);
        bytes.extend(9u16.to_le_bytes());
        bytes
    }

    #[test]
    fn the_oldest_layout_knows_no_fees() {
        let trade = Trade::read(&head()).unwrap();
        assert_eq!((trade.quote_amount, trade.layout.token_amount, trade.quote_reserve), (5, 7, 30));
        assert_eq!((trade.layout.fee, trade.layout.real_sol_reserves), (None, None));
    }

    #[test]
    fn a_coin_quoted_in_another_token_uses_its_quote_fields() {
        let mut bytes = [head(), tail()].concat();
        bytes.extend(Address::USDC.0);
        for value in [50u64, 300, 200] {
            bytes.extend(value.to_le_bytes());
        }
        let trade = Trade::read(&bytes).unwrap();
        assert_eq!((trade.quote_amount, trade.quote_reserve), (50, 300));
        assert_eq!(trade.layout.shareholders.as_ref().map(Vec::len), Some(1));
        assert_eq!(trade.layout.ix_name.as_ref().map(InstructionName::as_str), Some("buy"));
        assert_eq!(trade.layout.holder_rewards, None);
    }

    #[test]
    fn a_zero_quote_mint_means_sol() {
        let mut bytes = [head(), tail()].concat();
        bytes.extend([0; 32]);
        bytes.extend([0; 24]);
        assert_eq!(Trade::read(&bytes).unwrap().quote_amount, 5);
        assert_eq!(quote_mint(Some(Address::ZERO)), Address::WSOL);
        assert_eq!(quote_mint(Some(Address::USDC)), Address::USDC);
    }

    #[test]
    fn prints_one_flat_object() {
        let json = serde_json::to_value(Event::Trade(Trade::read(&head()).unwrap())).unwrap();
        assert_eq!(json["quote_amount"], 5);
        assert_eq!(json["base_reserve"], 1_000);
        assert_eq!(json["reserves_are"], "post");
        assert!(json["fee"].is_null());
        assert_eq!(json.get("sol_amount"), None);
    }
}
