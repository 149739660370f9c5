//! Raydium LaunchLab bonding curves, on which other launchpads are built.
//!
//! Its trade is not append-only: a field was put in the middle, so the number of bytes says which of
//! two layouts it is. `real_base` counts tokens sold: the price is
//! `(virtual_quote + real_quote) / (virtual_base − real_base)`.

mod normalize;

use model::{Address, ChainEvent};
use serde::Serialize;

use super::{Accounts, Instruction, ProgramEvent, ReservesAre, events, listed};
use crate::decode::Named;
use crate::fields::{Field, Fields, Missing, layout};
use crate::normalize::{Context, Refusal};
use crate::printed::Added;

events! {
    /// Events of LaunchLab.
    {
        /// A trade on the curve.
        0xbddb7fd34ee661ee "TradeEvent" => Trade,
        /// A curve was opened.
        0x97d7e20976a173ae "PoolCreateEvent" => PoolCreate,
    }
    ignored {
        0x15c2725778d3e220 "ClaimVestedEvent",
        0x96980bb334d2bf7d "CreateVestingEvent",
    }
}

impl ProgramEvent for Event {
    fn accounts(data: &[u8], _count: usize) -> Option<Accounts> {
        listed(INSTRUCTIONS, data)
    }

    fn added(&self, named: &Named) -> Added {
        let user = matches!(self, Self::Trade(_)).then_some(named.user).flatten();
        Added { user, ..Added::mints(named) }
    }

    fn normalize(&self, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
        normalize::normalize(self, at)
    }
}

layout! {
    /// `TradeEvent` before the creator fee.
    OldTrade {
        pool_state: Address,
        total_base_sell: u64,
        virtual_base: u64,
        virtual_quote: u64,
        real_base_before: u64,
        real_quote_before: u64,
        real_base_after: u64,
        real_quote_after: u64,
        amount_in: u64,
        amount_out: u64,
        protocol_fee: u64,
        platform_fee: u64,
        share_fee: u64,
        trade_direction: u8,
        pool_status: u8,
    }
}

layout! {
    /// `TradeEvent` with the creator fee.
    NewTrade {
        pool_state: Address,
        total_base_sell: u64,
        virtual_base: u64,
        virtual_quote: u64,
        real_base_before: u64,
        real_quote_before: u64,
        real_base_after: u64,
        real_quote_after: u64,
        amount_in: u64,
        amount_out: u64,
        protocol_fee: u64,
        platform_fee: u64,
        creator_fee: u64,
        share_fee: u64,
        trade_direction: u8,
        pool_status: u8,
    }
    tail { exact_in: bool, }
}

/// Bytes of the new layout, without discriminator and tail.
const NEW_TRADE_BYTES: usize = 32 + 13 * 8 + 2;

/// A trade of either layout. The fields without a comment are as the program names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "a layout's fields bear the names of the program's own definition")]
pub struct Trade {
    #[serde(rename = "pool")]
    pub pool_state: Address,
    pub is_buy: bool,
    /// Base that left or entered the curve, raw units.
    pub base_amount: u64,
    /// Quote that the user paid or received, after fees, raw units.
    pub quote_amount: u64,
    /// Quote that entered or left the curve, without fees, raw units.
    pub curve_quote_amount: u64,
    pub total_base_sell: u64,
    pub virtual_base: u64,
    pub virtual_quote: u64,
    pub real_base_before: u64,
    pub real_quote_before: u64,
    pub real_base_after: u64,
    pub real_quote_after: u64,
    pub amount_in: u64,
    pub amount_out: u64,
    /// All fees together, raw quote units.
    pub fees: u64,
    pub protocol_fee: u64,
    pub platform_fee: u64,
    pub creator_fee: Option<u64>,
    pub share_fee: u64,
    pub pool_status: u8,
    pub exact_in: Option<bool>,
    pub reserves_are: ReservesAre,
}

impl Trade {
    /// Reads the fields after the discriminator.
    ///
    /// # Errors
    /// When they end within the head.
    pub fn read(bytes: &[u8]) -> Result<Self, Missing> {
        if bytes.len() >= NEW_TRADE_BYTES {
            return NewTrade::read(bytes).map(Self::from);
        }
        let old = OldTrade::read(bytes)?;
        Ok(Self {
            creator_fee: None,
            ..Self::from(NewTrade {
                pool_state: old.pool_state,
                total_base_sell: old.total_base_sell,
                virtual_base: old.virtual_base,
                virtual_quote: old.virtual_quote,
                real_base_before: old.real_base_before,
                real_quote_before: old.real_quote_before,
                real_base_after: old.real_base_after,
                real_quote_after: old.real_quote_after,
                amount_in: old.amount_in,
                amount_out: old.amount_out,
                protocol_fee: old.protocol_fee,
                platform_fee: old.platform_fee,
                creator_fee: 0,
                share_fee: old.share_fee,
                trade_direction: old.trade_direction,
                pool_status: old.pool_status,
                exact_in: None,
            })
        })
    }
}

impl From<NewTrade> for Trade {
    fn from(trade: NewTrade) -> Self {
        let fees = [trade.protocol_fee, trade.platform_fee, trade.creator_fee, trade.share_fee];
        Self {
            pool_state: trade.pool_state,
            is_buy: trade.trade_direction == 0,
            base_amount: trade.real_base_after.abs_diff(trade.real_base_before),
            quote_amount: if trade.trade_direction == 0 { trade.amount_in } else { trade.amount_out },
            curve_quote_amount: trade.real_quote_after.abs_diff(trade.real_quote_before),
            total_base_sell: trade.total_base_sell,
            virtual_base: trade.virtual_base,
            virtual_quote: trade.virtual_quote,
            real_base_before: trade.real_base_before,
            real_quote_before: trade.real_quote_before,
            real_base_after: trade.real_base_after,
            real_quote_after: trade.real_quote_after,
            amount_in: trade.amount_in,
            amount_out: trade.amount_out,
            fees: fees.into_iter().fold(0, u64::saturating_add),
            protocol_fee: trade.protocol_fee,
            platform_fee: trade.platform_fee,
            creator_fee: Some(trade.creator_fee),
            share_fee: trade.share_fee,
            pool_status: trade.pool_status,
            exact_in: trade.exact_in,
            reserves_are: ReservesAre::Post,
        }
    }
}

/// How a curve sets its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// 0 constant product, 1 fixed price, 2 linear.
    pub curve: u8,
    /// Supply of the token, raw units.
    pub supply: u64,
    /// Tokens that the curve sells in all, raw units; other curves than the constant product do not say.
    pub total_base_sell: Option<u64>,
    /// Amount that the curve wants to raise, raw quote units.
    pub total_quote_fund_raising: u64,
    /// Where the token goes: 0 AMM v4, 1 CPMM.
    pub migrate_type: u8,
}

impl Field for Curve {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let curve = u8::read(fields)?;
        let supply = Field::read(fields)?;
        let total_base_sell = if curve == 0 { Some(Field::read(fields)?) } else { None };
        Some(Self {
            curve,
            supply,
            total_base_sell,
            total_quote_fund_raising: Field::read(fields)?,
            migrate_type: Field::read(fields)?,
        })
    }
}

layout! {
    /// `PoolCreateEvent`: a curve was opened. The mint is in the instruction only.
    PoolCreate {
        #[serde(rename = "pool")]
        pool_state: Address,
        creator: Address,
        config: Address,
        decimals: u8,
        name: String,
        symbol: String,
        uri: String,
        #[serde(flatten)]
        curve: Curve,
        total_locked: u64,
        cliff: u64,
        unlock: u64,
    }
    tail { amm_fee_on: u8, }
}

const TRADE: Accounts = Accounts::pool(4).mints(9, 10).vaults(7, 8).user(0);
const INITIALIZE: Accounts = Accounts::pool(5).mints(6, 7).vaults(8, 9).user(0);

/// The instructions whose accounts are known.
pub const INSTRUCTIONS: &[Instruction] = &[
    Instruction::new(0xfaea0d7bd59c13ec, TRADE),      // buy_exact_in
    Instruction::new(0x18d3742869039938, TRADE),      // buy_exact_out
    Instruction::new(0x9527de9bd37c981a, TRADE),      // sell_exact_in
    Instruction::new(0x5fc8472208090ba6, TRADE),      // sell_exact_out
    Instruction::new(0xafaf6d1f0d989bed, INITIALIZE), // initialize
    Instruction::new(0x4399af27da102620, INITIALIZE), // initialize_v2
    Instruction::new(0x25be7ede2c9aab11, INITIALIZE), // initialize_with_token_2022
];

#[cfg(test)]
mod tests {
    use super::*;

    fn trade(numbers: &[u64], tail: &[u8]) -> Trade {
        let mut bytes = vec![1; 32];
        bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
        bytes.extend(tail);
        Trade::read(&bytes).unwrap()
    }

    #[test]
    fn the_number_of_bytes_tells_the_layouts_apart() {
        let old = trade(&[9, 100, 30, 1, 2, 6, 12, 11, 5, 3, 4, 5], &[0, 1]);
        assert_eq!((old.creator_fee, old.share_fee, old.fees), (None, 5, 12));
        assert_eq!((old.is_buy, old.pool_status, old.exact_in), (true, 1, None));
        let new = trade(&[9, 100, 30, 1, 2, 6, 12, 11, 5, 3, 4, 7, 5], &[1, 2, 1]);
        assert_eq!((new.creator_fee, new.share_fee, new.fees), (Some(7), 5, 19));
        assert_eq!((new.is_buy, new.pool_status, new.exact_in), (false, 2, Some(true)));
        assert_eq!((new.base_amount, new.quote_amount, new.curve_quote_amount), (5, 5, 10));
    }

    #[test]
    fn only_the_constant_product_says_what_it_sells() {
        let mut bytes = vec![0];
        bytes.extend([1u64, 2, 3].iter().flat_map(|n| n.to_le_bytes()));
        bytes.push(1);
        assert_eq!(Curve::read(&mut Fields::new(&bytes)).unwrap().total_base_sell, Some(2));
        bytes[0] = 2;
        let linear = Curve::read(&mut Fields::new(&bytes)).unwrap();
        assert_eq!((linear.total_base_sell, linear.total_quote_fund_raising), (None, 2));
    }
}
