//! pump.fun's instructions and events, byte by byte (PROTOCOLS §1).
//!
//! Layouts are those of 2026-10. An older program writes the same event without its last fields, so an
//! older layout is the newest one cut at a known length.

use model::{Address, Seconds, Side};

use super::addresses::{
    ASSOCIATED_TOKEN, MAYHEM, MAYHEM_AGENT, PUMP, PUMP_AUTHORITY, PUMP_FEE_CONFIG, PUMP_FEES, SYSTEM, derive,
    tag, token_account,
};
use super::bytes::Bytes;
use super::curve::{Curve, MIGRATED_BASE};
use super::draft::{CurveForm, CurveTrade, Quote};
use super::pump_instructions::instruction;
use super::transaction_builder::{Builder, EVENT_TAG, TOKEN_RENT, TokenAccount, token_program};

const TRADE_EVENT: [u8; 8] = [0xbd, 0xdb, 0x7f, 0xd3, 0x4e, 0xe6, 0x61, 0xee];
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

/// A token account for USDC.
pub(crate) fn quote_vault(account: Address, owner: Address, before: Option<u64>) -> TokenAccount {
    TokenAccount { account, mint: Address::USDC, owner, decimals: 6, before }
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
