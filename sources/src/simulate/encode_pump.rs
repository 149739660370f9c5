//! pump.fun's instructions and events, byte by byte (PROTOCOLS §1).
//!
//! Layouts are those of 2026-10. An older program writes the same event without its last fields, so an
//! older layout is the newest one cut at a known length.

use model::{Address, Seconds, Side};

use super::addresses::{
    ASSOCIATED_TOKEN, MAYHEM, MAYHEM_AGENT, MAYHEM_STATE, MINT_AUTHORITY, PUMP, PUMP_AUTHORITY,
    PUMP_FEE_CONFIG, PUMP_FEES, PUMP_GLOBAL, PUMP_VOLUME, SYSTEM, TOKEN, TOKEN_2022, derive, tag,
    token_account,
};
use super::bytes::Bytes;
use super::curve::{Curve, MIGRATED_BASE, REAL_BASE_START, SUPPLY};
use super::draft::{Creation, CurveForm, CurveTrade, Quote};
use super::transaction_builder::{Builder, EVENT_TAG, TOKEN_RENT, TokenAccount, token_program};

const TRADE_EVENT: [u8; 8] = [0xbd, 0xdb, 0x7f, 0xd3, 0x4e, 0xe6, 0x61, 0xee];
const CREATE_EVENT: [u8; 8] = [0x1b, 0x72, 0xa9, 0x4d, 0xde, 0xeb, 0x63, 0x76];
const COMPLETE_EVENT: [u8; 8] = [0x5f, 0x72, 0x61, 0x9c, 0xd4, 0x2e, 0x98, 0x08];
const MAYHEM_EVENT: [u8; 8] = [0x75, 0x7b, 0xe4, 0xb6, 0xa1, 0xa8, 0xdc, 0xd6];
const GET_FEES: [u8; 8] = [0xe7, 0x25, 0x7e, 0x55, 0xcf, 0x5b, 0x3f, 0x34];
/// Lamports that keep a curve's account alive.
pub(crate) const CURVE_RENT: u64 = 1_628_640;

/// Opens the associated token account of `owner`, paid by `payer`.
pub(crate) fn open_token_account(b: &mut Builder, depth: u8, payer: &Address, token: &TokenAccount) {
    let program = token_program(&token.mint);
    b.token_account(token);
    let accounts = [*payer, token.account, token.owner, token.mint, SYSTEM.address, program.address];
    b.enter(&ASSOCIATED_TOKEN, depth, &accounts, vec![1]);
    b.log("CreateIdempotent");
    b.enter(program, depth + 1, &[token.mint], vec![21, 7, 0]);
    b.log("Instruction: GetAccountDataSize");
    b.leave(program, depth + 1, Some(1_444));
    let create = Bytes::new([0; 8], 44).numbers([TOKEN_RENT, 165]).key(&program.address).done();
    b.enter(&SYSTEM, depth + 1, &[*payer, token.account], create[4..].to_vec());
    b.leave(&SYSTEM, depth + 1, None);
    b.move_lamports(payer, &token.account, TOKEN_RENT);
    b.log("Initialize the associated token account");
    b.enter(program, depth + 1, &[token.account], vec![22]);
    b.log("Instruction: InitializeImmutableOwner");
    b.leave(program, depth + 1, Some(674));
    let owner = [&[18], &token.owner.0[..]].concat();
    b.enter(program, depth + 1, &[token.account, token.mint], owner);
    b.log("Instruction: InitializeAccount3");
    b.leave(program, depth + 1, Some(2_027));
    b.leave(&ASSOCIATED_TOKEN, depth, Some(18_343));
}

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

pub(crate) fn quote_vault(account: Address, owner: Address, before: Option<u64>) -> TokenAccount {
    TokenAccount { account, mint: Address::USDC, owner, decimals: 6, before }
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

/// How events name a quote: SOL is 32 zero bytes, not the wrapped mint.
pub(crate) fn event_mint(quote: Quote) -> Address {
    if quote == Quote::Sol { Address::ZERO } else { quote.mint() }
}

/// A trade on the curve, at the transaction's own level (`depth` 1) or below a caller.
pub(crate) fn trade(b: &mut Builder, t: &CurveTrade, depth: u8, time: Seconds) {
    let agent = t.rewritten.is_some();
    declare(b, t, depth);
    let depth = if agent {
        b.enter(&MAYHEM, depth, &[t.accounts.mint, t.accounts.curve, MAYHEM_AGENT], vec![1]);
        depth + 1
    } else {
        depth
    };
    let (name, accounts, data) = instruction(t);
    b.enter(&PUMP, depth, &accounts, data);
    b.log(name);
    get_fees(b, depth, &PUMP_FEE_CONFIG, &PUMP, [0, t.charges.protocol, t.charges.creator]);
    settle(b, t, depth + 1);
    b.event(&PUMP, &PUMP_AUTHORITY, depth, trade_event(t, time));
    if let Some(rewritten) = &t.rewritten {
        b.event(&PUMP, &PUMP_AUTHORITY, depth, mayhem_event(t, rewritten, time));
    }
    if t.side == Side::Buy && t.after.is_complete() {
        let a = &t.accounts;
        let complete = Bytes::new(EVENT_TAG, 144)
            .raw(&COMPLETE_EVENT)
            .keys(&[t.user, a.mint, a.curve])
            .number(time)
            .key(&event_mint(a.quote));
        b.event(&PUMP, &PUMP_AUTHORITY, depth, complete.done());
    }
    b.leave(&PUMP, depth, Some(71_354));
    if agent {
        b.leave(&MAYHEM, depth - 1, Some(93_480));
    }
}

/// The trade that refuses its price: nothing but log lines.
pub(crate) fn refused_trade(b: &mut Builder, t: &CurveTrade) {
    declare(b, t, 1);
    let (name, accounts, data) = instruction(t);
    b.enter(&PUMP, 1, &accounts, data);
    b.log(name);
    b.log("AnchorError thrown in programs/pump/src/lib.rs:717. Error Code: TooMuchSolRequired. Error Number: 6002. Error Message: slippage: Too much SOL required to buy the given amount of tokens..");
    b.fail(&PUMP, 1, 6002);
}

/// The accounts of a trade and what they hold.
fn declare(b: &mut Builder, t: &CurveTrade, depth: u8) {
    let a = &t.accounts;
    let lamports = if a.quote == Quote::Sol { CURVE_RENT + t.before.real_quote } else { CURVE_RENT };
    b.account(&a.curve, lamports);
    let vault = TokenAccount {
        account: a.vault,
        mint: a.mint,
        owner: a.curve,
        decimals: 6,
        before: Some(t.before.real_base + MIGRATED_BASE),
    };
    b.token_account(&vault);
    let user = TokenAccount {
        account: token_account(&t.user, &a.mint),
        owner: t.user,
        before: t.user_base,
        ..vault
    };
    if t.user_base.is_none() && !b.exists(&user.account) {
        open_token_account(b, depth, &t.user, &user);
    } else {
        b.token_account(&user);
    }
    if a.quote == Quote::Usdc {
        b.token_account(&quote_vault(a.quote_vault(), a.curve, Some(t.before.real_quote)));
        b.token_account(&quote_vault(token_account(&t.user, &Address::USDC), t.user, Some(t.user_quote)));
        for owner in [a.fee_recipient(), a.creator_vault()] {
            b.token_account(&quote_vault(token_account(&owner, &Address::USDC), owner, Some(51_837_219_004)));
        }
    }
}

/// Log name, accounts and data of the instruction.
fn instruction(t: &CurveTrade) -> (&'static str, Vec<Address>, Vec<u8>) {
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

/// The call that asks what to charge.
pub(crate) fn get_fees(
    b: &mut Builder,
    depth: u8,
    config: &Address,
    by: &super::addresses::Called,
    bps: [u64; 3],
) {
    let answer: Vec<u8> = bps.iter().flat_map(|n| n.to_le_bytes()).collect();
    b.enter(&PUMP_FEES, depth + 1, &[*config, by.address], GET_FEES.to_vec());
    b.log("Instruction: GetFees");
    b.leave_returning(&PUMP_FEES, depth + 1, 3_136, &answer);
}

/// Moves tokens and quote, charges included.
fn settle(b: &mut Builder, t: &CurveTrade, depth: u8) {
    let a = &t.accounts;
    let user_tokens = token_account(&t.user, &a.mint);
    let (from, to, owner) = match t.side {
        Side::Buy => (a.vault, user_tokens, a.curve),
        Side::Sell => (user_tokens, a.vault, t.user),
    };
    b.transfer(depth, &from, &to, &owner, t.swap.base);
    let [_, fee, creator, cashback] = t.charged;
    let legs = [
        (a.fee_recipient(), fee),
        (a.creator_vault(), creator),
        (derive(tag::VOLUME, &[&t.user, &PUMP.address]), cashback),
    ];
    match (a.quote, t.side) {
        (Quote::Sol, Side::Buy) => {
            b.pay(depth, &t.user, &a.curve, t.swap.quote);
            for (to, amount) in legs.into_iter().filter(|(_, amount)| *amount > 0) {
                b.pay(depth, &t.user, &to, amount);
            }
        }
        (Quote::Sol, Side::Sell) => {
            // The curve belongs to the program, which moves its lamports without a call.
            b.move_lamports(&a.curve, &t.user, t.user_amount());
            for (to, amount) in legs {
                b.move_lamports(&a.curve, &to, amount);
            }
        }
        (Quote::Usdc, side) => {
            let user = token_account(&t.user, &Address::USDC);
            let curve = a.quote_vault();
            let (payer, owner) = if side == Side::Buy { (user, t.user) } else { (curve, a.curve) };
            let main = if side == Side::Buy { (curve, t.swap.quote) } else { (user, t.user_amount()) };
            b.transfer(depth, &payer, &main.0, &owner, main.1);
            for (to, amount) in legs.into_iter().filter(|(_, amount)| *amount > 0) {
                b.transfer(depth, &payer, &token_account(&to, &Address::USDC), &owner, amount);
            }
        }
    }
}

fn trade_event(t: &CurveTrade, time: Seconds) -> Vec<u8> {
    let a = &t.accounts;
    let [_, fee, creator_fee, cashback] = t.charged;
    let quote = [t.after.virtual_quote, t.after.real_quote];
    // A curve of another quote leaves the SOL fields empty.
    let [virtual_sol, real_sol] = if a.quote == Quote::Sol { quote } else { [0, 0] };
    let sol = if a.quote == Quote::Sol { t.swap.quote } else { 0 };
    let name = match (t.form, t.side) {
        (CurveForm::ExactIn, Side::Buy) => "buy_exact_sol_in",
        (_, side) => side.name(),
    };
    // The longer lists of fields begin with the shorter ones; `lengths` notes where a version ended.
    let mut lengths = [0; 6];
    let mut bytes = Bytes::new(EVENT_TAG, 420)
        .raw(&TRADE_EVENT)
        .key(&a.mint)
        .numbers([sol, t.swap.base])
        .flag(t.side == Side::Buy)
        .key(&t.user)
        .number(time)
        .numbers([virtual_sol, t.after.virtual_base, real_sol, t.after.real_base])
        .key(&a.fee_recipient())
        .numbers([t.charges.protocol, fee])
        .key(&a.creator)
        .numbers([t.charges.creator, creator_fee]);
    lengths[5] = bytes.len();
    bytes = bytes.flag(t.side == Side::Buy).numbers([0, 0, 0, 0]);
    lengths[4] = bytes.len();
    bytes = bytes.text(name).flag(a.mayhem);
    lengths[3] = bytes.len();
    bytes = bytes.numbers([t.charges.cashback, cashback]);
    lengths[2] = bytes.len();
    bytes = bytes.numbers([5_000, fee / 2]).raw(&[0; 4]).key(&event_mint(a.quote)).numbers([
        t.swap.quote,
        t.after.virtual_quote,
        t.after.real_quote,
    ]);
    lengths[1] = bytes.len();
    bytes = bytes.numbers([0, 0]);
    lengths[0] = bytes.len();
    let mut bytes = bytes.number(0).done();
    if let Some(back) = t.layouts_back.checked_sub(1) {
        bytes.truncate(lengths[usize::from(back).min(lengths.len() - 1)]);
    }
    bytes
}

/// The agent's trade leaves the curve, so the program rewrites the reserves that set the price.
fn mayhem_event(t: &CurveTrade, rewritten: &Curve, time: Seconds) -> Vec<u8> {
    Bytes::new(EVENT_TAG, 104)
        .raw(&MAYHEM_EVENT)
        .number(time)
        .key(&t.accounts.mint)
        .numbers([t.after.virtual_base, t.after.virtual_quote])
        .numbers([rewritten.virtual_base, rewritten.virtual_quote])
        .numbers([rewritten.real_base, rewritten.real_quote])
        .done()
}
