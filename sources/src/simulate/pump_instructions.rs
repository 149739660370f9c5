//! pump.fun's trade instructions: which there are, their accounts and their data (PROTOCOLS §1).

use model::{Address, Side};

use super::addresses::{
    ASSOCIATED_TOKEN, PUMP, PUMP_AUTHORITY, PUMP_FEE_CONFIG, PUMP_FEES, PUMP_GLOBAL, PUMP_VOLUME, SYSTEM,
    TOKEN, TOKEN_2022, derive, tag, token_account,
};
use super::bytes::Bytes;
use super::draft::{CurveForm, CurveTrade};

/// Log name, accounts and data of the instruction.
pub(crate) fn instruction(t: &CurveTrade) -> (&'static str, Vec<Address>, Vec<u8>) {
    let data = |discriminator, limits: [u64; 2]| Bytes::new(discriminator, 17).numbers(limits);
    // Limits with 5 % of slippage, not fills.
    let (most, least) = (t.user_amount() + t.user_amount() / 20, t.user_amount() - t.user_amount() / 20);
    let (buy, tokens) = (t.side == Side::Buy, t.swap.base);
    match (t.form, buy) {
        (CurveForm::V2, true) => {
            let data = data([0xb8, 0x17, 0xee, 0x61, 0x67, 0xc5, 0xd3, 0x3d], [tokens, most]);
            ("Instruction: BuyV2", accounts_v2(t), data.done())
        }
        (CurveForm::V2, false) => {
            let data = data([0x5d, 0xf6, 0x82, 0x3c, 0xe7, 0xe9, 0x40, 0xb2], [tokens, least]);
            ("Instruction: SellV2", accounts_v2(t), data.done())
        }
        (CurveForm::ExactIn, true) => {
            let least_tokens = tokens - tokens / 20;
            let data =
                data([0x38, 0xfc, 0x74, 0x08, 0x9e, 0xdf, 0xcd, 0x5f], [t.user_amount(), least_tokens]);
            ("Instruction: BuyExactSolIn", accounts(t), data.flag(true).done())
        }
        (CurveForm::Plain, true) => {
            let data = data([0x66, 0x06, 0x3d, 0x12, 0x01, 0xda, 0xeb, 0xea], [tokens, most]);
            ("Instruction: Buy", accounts(t), data.flag(true).done())
        }
        (_, false) => {
            let data = data([0x33, 0xe6, 0x85, 0xa4, 0x01, 0x7f, 0x83, 0xad], [tokens, least]);
            ("Instruction: Sell", accounts(t), data.done())
        }
    }
}

/// Accounts of `buy`, `buy_exact_sol_in` (18) and `sell` (16 or 17).
fn accounts(t: &CurveTrade) -> Vec<Address> {
    let a = &t.accounts;
    let volume = derive(tag::VOLUME, &[&t.user, &PUMP.address]);
    let mut accounts = vec![
        PUMP_GLOBAL,
        a.fee_recipient(),
        a.mint,
        a.curve,
        a.vault,
        token_account(&t.user, &a.mint),
        t.user,
        SYSTEM.address,
    ];
    if t.side == Side::Buy {
        accounts.extend([
            TOKEN_2022.address,
            a.creator_vault(),
            PUMP_AUTHORITY,
            PUMP.address,
            PUMP_VOLUME,
            volume,
        ]);
    } else {
        accounts.extend([a.creator_vault(), TOKEN_2022.address, PUMP_AUTHORITY, PUMP.address]);
    }
    accounts.extend([PUMP_FEE_CONFIG, PUMP_FEES.address]);
    if t.side == Side::Sell && a.cashback {
        accounts.push(volume);
    }
    accounts.extend([derive(tag::OTHER, &[&a.curve]), derive(tag::OTHER, &[&PUMP_GLOBAL])]);
    accounts
}

/// Accounts of `buy_v2` (27) and `sell_v2` (26).
fn accounts_v2(t: &CurveTrade) -> Vec<Address> {
    let a = &t.accounts;
    let quote = a.quote.mint();
    let (fees, creator) = (a.fee_recipient(), a.creator_vault());
    let volume = derive(tag::VOLUME, &[&t.user, &PUMP.address]);
    let buyback = derive(tag::OTHER, &[&PUMP_FEES.address]);
    let mut accounts = vec![
        PUMP_GLOBAL,
        a.mint,
        quote,
        TOKEN_2022.address,
        TOKEN.address,
        ASSOCIATED_TOKEN.address,
        fees,
        token_account(&fees, &quote),
        buyback,
        token_account(&buyback, &quote),
        a.curve,
        a.vault,
        a.quote_vault(),
        t.user,
        token_account(&t.user, &a.mint),
        token_account(&t.user, &quote),
        creator,
        token_account(&creator, &quote),
        derive(tag::OTHER, &[&a.mint]),
    ];
    if t.side == Side::Buy {
        accounts.push(PUMP_VOLUME);
    }
    accounts.extend([
        volume,
        token_account(&volume, &quote),
        PUMP_FEE_CONFIG,
        PUMP_FEES.address,
        SYSTEM.address,
        PUMP_AUTHORITY,
        PUMP.address,
    ]);
    accounts
}
