//! A launch, byte by byte: `create_v2` and what it opens (PROTOCOLS §1).

use model::{Address, Seconds};

use super::addresses::{
    ASSOCIATED_TOKEN, MAYHEM, MAYHEM_AGENT, MAYHEM_STATE, MINT_AUTHORITY, PUMP, PUMP_AUTHORITY, PUMP_GLOBAL,
    SYSTEM, TOKEN, TOKEN_2022, derive, tag, token_account,
};
use super::bytes::Bytes;
use super::curve::{REAL_BASE_START, SUPPLY};
use super::draft::{Creation, Quote};
use super::encode_pump::{CURVE_RENT, event_mint, open_token_account, quote_vault};
use super::transaction_builder::{Builder, EVENT_TAG, TokenAccount};

const CREATE_EVENT: [u8; 8] = [0x1b, 0x72, 0xa9, 0x4d, 0xde, 0xeb, 0x63, 0x76];

/// `create_v2`.
pub(crate) fn create(b: &mut Builder, c: &Creation, time: Seconds) {
    let a = &c.accounts;
    let vault = TokenAccount { account: a.vault, mint: a.mint, owner: a.curve, decimals: 6, before: None };
    b.account(&a.mint, 0);
    b.account(&a.curve, 0);
    b.token_account(&vault);
    let mayhem_vault = token_account(&MAYHEM_AGENT, &a.mint);
    let mut accounts = vec![
        a.mint,
        MINT_AUTHORITY,
        a.curve,
        a.vault,
        PUMP_GLOBAL,
        c.user,
        SYSTEM.address,
        TOKEN_2022.address,
        ASSOCIATED_TOKEN.address,
        MAYHEM.address,
        MAYHEM_STATE,
        MAYHEM_AGENT,
        derive(tag::OTHER, &[&a.mint, &MAYHEM_STATE]),
        mayhem_vault,
        PUMP_AUTHORITY,
        PUMP.address,
    ];
    if a.quote == Quote::Usdc {
        accounts.extend([a.quote.mint(), a.quote_vault(), TOKEN.address]);
    }
    let data = Bytes::new([0xd6, 0x90, 0x4c, 0xec, 0x5f, 0x8b, 0x31, 0xb4], 256)
        .text(&c.name)
        .text(&c.symbol)
        .text(&c.uri)
        .key(&a.creator)
        .flag(a.mayhem)
        .flag(a.cashback);
    b.enter(&PUMP, 1, &accounts, data.done());
    b.log("Instruction: CreateV2");
    b.pay(2, &c.user, &a.mint, 3_626_160);
    b.enter(&TOKEN_2022, 2, &[a.mint], [&[20, 6], &MINT_AUTHORITY.0[..], &[0]].concat());
    b.log("Instruction: InitializeMint2");
    b.leave(&TOKEN_2022, 2, Some(1_693));
    b.pay(2, &c.user, &a.curve, CURVE_RENT);
    open_token_account(b, 2, &c.user, &vault);
    if a.quote == Quote::Usdc {
        open_token_account(b, 2, &c.user, &quote_vault(c.accounts.quote_vault(), a.curve, None));
    }
    mint_to(b, &a.mint, &a.vault);
    if a.mayhem {
        // The agent gets as many again.
        open_token_account(
            b,
            2,
            &c.user,
            &TokenAccount { account: mayhem_vault, owner: MAYHEM_AGENT, ..vault },
        );
        mint_to(b, &a.mint, &mayhem_vault);
    }
    b.event(&PUMP, &PUMP_AUTHORITY, 1, create_event(c, time));
    b.leave(&PUMP, 1, Some(99_196));
}

fn mint_to(b: &mut Builder, mint: &Address, account: &Address) {
    let data = [&[7], &SUPPLY.to_le_bytes()[..]].concat();
    b.enter(&TOKEN_2022, 2, &[*mint, *account, MINT_AUTHORITY], data);
    b.log("Instruction: MintTo");
    b.leave(&TOKEN_2022, 2, Some(1_642));
    b.book(account, mint, true, SUPPLY);
}

fn create_event(c: &Creation, time: Seconds) -> Vec<u8> {
    let a = &c.accounts;
    let quote_mint = event_mint(a.quote);
    let sol = if a.quote == Quote::Sol { c.curve.virtual_quote } else { 0 };
    Bytes::new(EVENT_TAG, 400)
        .raw(&CREATE_EVENT)
        .text(&c.name)
        .text(&c.symbol)
        .text(&c.uri)
        .keys(&[a.mint, a.curve, c.user, a.creator])
        .number(time)
        .numbers([c.curve.virtual_base, sol, REAL_BASE_START, SUPPLY])
        .key(&TOKEN_2022.address)
        .flag(a.mayhem)
        .flag(a.cashback)
        .key(&quote_mint)
        .number(c.curve.virtual_quote)
        .number(0)
        .flag(false)
        .done()
}
