//! PumpSwap's instructions and events, byte by byte (PROTOCOLS §2).

use model::{Address, Seconds, Side};

use super::addresses::{
    ASSOCIATED_TOKEN, PUMP_FEES, PUMPSWAP, SWAP_AUTHORITY, SWAP_FEE_CONFIG, SWAP_FEE_RECIPIENT, SWAP_GLOBAL,
    SWAP_VOLUME, SYSTEM, TOKEN_2022, derive, tag, token_account,
};
use super::bytes::Bytes;
use super::draft::{Liquidity, PoolForm, PoolTrade};
use super::encode_pump::{get_fees, open_token_account};
use super::pool::Pool;
use super::transaction_builder::{Builder, EVENT_TAG, TokenAccount, token_program};

const BUY_EVENT: [u8; 8] = [0x67, 0xf4, 0x52, 0x1f, 0x2c, 0xf5, 0x77, 0x77];
const SELL_EVENT: [u8; 8] = [0x3e, 0x2f, 0x37, 0x0a, 0xa5, 0x03, 0xdc, 0x2a];
const DEPOSIT_EVENT: [u8; 8] = [0x78, 0xf8, 0x3d, 0x53, 0x1f, 0x8e, 0x6b, 0x90];
const WITHDRAW_EVENT: [u8; 8] = [0x16, 0x09, 0x85, 0x1a, 0xa0, 0x2c, 0x47, 0xc0];

/// What the protocol's and the creators' token accounts hold, which the simulation does not follow.
const COLLECTED: u64 = 2_814_423_091_418;

pub(crate) fn vaults(pool: &Pool, before: Option<(u64, u64)>) -> [TokenAccount; 2] {
    [
        TokenAccount {
            account: pool.base_vault,
            mint: pool.base_mint,
            owner: pool.address,
            decimals: pool.base_decimals,
            before: before.map(|b| b.0),
        },
        TokenAccount {
            account: pool.quote_vault,
            mint: pool.quote_mint,
            owner: pool.address,
            decimals: pool.quote_decimals,
            before: before.map(|b| b.1),
        },
    ]
}

/// The same accounts for somebody else than the pool.
fn owned(by: Address, [base, quote]: [TokenAccount; 2], before: [Option<u64>; 2]) -> [TokenAccount; 2] {
    [(base, before[0]), (quote, before[1])].map(|(token, before)| TokenAccount {
        account: token_account(&by, &token.mint),
        owner: by,
        before,
        ..token
    })
}

/// The accounts of a trade: vaults, the user's two, the protocol's and the creator's.
fn declare(b: &mut Builder, t: &PoolTrade, depth: u8) {
    let pool = vaults(&t.pool, Some((t.pool.base, t.pool.quote)));
    pool.iter().for_each(|token| b.token_account(token));
    for token in owned(t.user, pool, [t.user_base, t.user_quote]) {
        if token.before.is_none() && !b.exists(&token.account) {
            open_token_account(b, depth, &t.user, &token);
        } else {
            b.token_account(&token);
        }
    }
    let [_, to_protocol] = owned(SWAP_FEE_RECIPIENT, pool, [None, Some(COLLECTED)]);
    let [_, to_creator] = owned(creator_vault(t), pool, [None, Some(COLLECTED / 300)]);
    let [_, to_user] = owned(volume(t), pool, [None, Some(COLLECTED / 90_000)]);
    b.token_account(&to_protocol);
    if t.swap.charged[2] > 0 {
        b.token_account(&to_creator);
    }
    if t.swap.charged[3] > 0 {
        b.token_account(&to_user);
    }
}

fn creator_vault(t: &PoolTrade) -> Address {
    derive(tag::CREATOR_VAULT, &[&t.creator, &PUMPSWAP.address])
}

/// Where the pool's program books what a user may claim back.
fn volume(t: &PoolTrade) -> Address {
    derive(tag::VOLUME, &[&t.user, &PUMPSWAP.address])
}

/// Name, accounts and data of the instruction.
fn instruction(t: &PoolTrade) -> (&'static str, Vec<Address>, Vec<u8>) {
    let pool = &t.pool;
    let quote_program = token_program(&pool.quote_mint).address;
    let creator = creator_vault(t);
    let mut accounts = vec![
        pool.address,
        t.user,
        SWAP_GLOBAL,
        pool.base_mint,
        pool.quote_mint,
        token_account(&t.user, &pool.base_mint),
        token_account(&t.user, &pool.quote_mint),
        pool.base_vault,
        pool.quote_vault,
        SWAP_FEE_RECIPIENT,
        token_account(&SWAP_FEE_RECIPIENT, &pool.quote_mint),
        token_program(&pool.base_mint).address,
        quote_program,
        SYSTEM.address,
        ASSOCIATED_TOKEN.address,
        SWAP_AUTHORITY,
        PUMPSWAP.address,
        token_account(&creator, &pool.quote_mint),
        creator,
    ];
    if t.side == Side::Buy {
        accounts.extend([SWAP_VOLUME, volume(t)]);
    }
    accounts.extend([SWAP_FEE_CONFIG, PUMP_FEES.address, derive(tag::OTHER, &[&pool.address])]);
    let base = t.swap.base;
    let (gross, proceeds) = (t.swap.gross(), t.swap.proceeds());
    let (name, data) = match (t.side, t.form) {
        (Side::Sell, _) => (
            "Instruction: Sell",
            Bytes::new([0x33, 0xe6, 0x85, 0xa4, 0x01, 0x7f, 0x83, 0xad], 17)
                .numbers([base, proceeds - proceeds / 20]),
        ),
        (Side::Buy, PoolForm::Plain) => (
            "Instruction: Buy",
            Bytes::new([0x66, 0x06, 0x3d, 0x12, 0x01, 0xda, 0xeb, 0xea], 17)
                .numbers([base, gross + gross / 20]),
        ),
        (Side::Buy, PoolForm::ExactIn) => (
            "Instruction: BuyExactQuoteIn",
            Bytes::new([0xc6, 0x2e, 0x15, 0x52, 0xb4, 0xd9, 0xe8, 0x70], 17)
                .numbers([gross, base - base / 20]),
        ),
    };
    (name, accounts, data.done())
}

/// A trade against a pool, at the transaction's own level (`depth` 1) or below a caller.
pub(crate) fn trade(b: &mut Builder, t: &PoolTrade, depth: u8, time: Seconds) {
    declare(b, t, depth);
    let (name, accounts, data) = instruction(t);
    b.enter(&PUMPSWAP, depth, &accounts, data);
    b.log(name);
    let charges = t.swap.charges;
    get_fees(b, depth, &SWAP_FEE_CONFIG, &PUMPSWAP, [charges.lp, charges.protocol, charges.creator]);
    settle(b, t, depth + 1);
    let event = if t.side == Side::Buy { buy_event(t, time) } else { sell_event(t, time) };
    b.event(&PUMPSWAP, &SWAP_AUTHORITY, depth, event);
    b.leave(&PUMPSWAP, depth, Some(99_814));
}

/// The trade that refuses its price: nothing but log lines.
pub(crate) fn refused_trade(b: &mut Builder, t: &PoolTrade) {
    declare(b, t, 1);
    let (name, accounts, data) = instruction(t);
    b.enter(&PUMPSWAP, 1, &accounts, data);
    b.log(name);
    b.log("AnchorError thrown in programs/pump-amm/src/instructions/buy.rs:380. Error Code: ExceededSlippage. Error Number: 6004. Error Message: ExceededSlippage.");
    b.fail(&PUMPSWAP, 1, 6004);
}

/// Moves base and quote, charges included; the liquidity providers' share stays in the pool.
fn settle(b: &mut Builder, t: &PoolTrade, depth: u8) {
    let pool = &t.pool;
    let [user_base, user_quote] =
        [&pool.base_mint, &pool.quote_mint].map(|mint| token_account(&t.user, mint));
    let [lp, protocol, creator, cashback] = t.swap.charged;
    let (payer, owner) = match t.side {
        Side::Buy => {
            b.transfer(depth, &pool.base_vault, &user_base, &pool.address, t.swap.base);
            b.transfer(depth, &user_quote, &pool.quote_vault, &t.user, t.swap.quote + lp);
            (user_quote, t.user)
        }
        Side::Sell => {
            b.transfer(depth, &user_base, &pool.base_vault, &t.user, t.swap.base);
            b.transfer(depth, &pool.quote_vault, &user_quote, &pool.address, t.swap.proceeds());
            (pool.quote_vault, pool.address)
        }
    };
    for (to, amount) in [(SWAP_FEE_RECIPIENT, protocol), (creator_vault(t), creator), (volume(t), cashback)] {
        if amount > 0 {
            b.transfer(depth, &payer, &token_account(&to, &pool.quote_mint), &owner, amount);
        }
    }
}

/// The fields that buy and sell events share, up to the creator's fee.
fn event_head(
    t: &PoolTrade,
    discriminator: [u8; 8],
    time: Seconds,
    limits: [u64; 2],
    last: [u64; 2],
) -> Bytes {
    let (pool, swap) = (&t.pool, &t.swap);
    let [lp, protocol, creator, _] = swap.charged;
    let quote_first =
        if t.side == Side::Buy && t.form == PoolForm::ExactIn { swap.gross() } else { swap.quote };
    Bytes::new(EVENT_TAG, 512)
        .raw(&discriminator)
        .number(time)
        .numbers(limits)
        .numbers([t.user_base.unwrap_or(0), t.user_quote.unwrap_or(0), pool.base, pool.quote, quote_first])
        .numbers([swap.charges.lp, lp, swap.charges.protocol, protocol])
        .numbers(last)
        .keys(&[
            pool.address,
            t.user,
            token_account(&t.user, &pool.base_mint),
            token_account(&t.user, &pool.quote_mint),
            SWAP_FEE_RECIPIENT,
            token_account(&SWAP_FEE_RECIPIENT, &pool.quote_mint),
        ])
        .key(&t.creator)
        .numbers([swap.charges.creator, creator])
}

fn buy_event(t: &PoolTrade, time: Seconds) -> Vec<u8> {
    let swap = &t.swap;
    let with_lp = swap.quote + swap.charged[0];
    let exact = t.form == PoolForm::ExactIn;
    // `buy_exact_quote_in` writes what was paid first and the net input last; `buy` the other way round.
    let last = if exact { swap.quote } else { swap.gross() };
    let name = if exact { "buy_exact_quote_in" } else { "buy" };
    let limits = [swap.base, swap.gross() + swap.gross() / 20];
    let mut lengths = [0; 5];
    let mut bytes = event_head(t, BUY_EVENT, time, limits, [with_lp, last]);
    lengths[4] = bytes.len();
    bytes = bytes.flag(true).numbers([0, 0, 0, 0]);
    lengths[3] = bytes.len();
    bytes = bytes.number(swap.base - swap.base / 20).text(name);
    lengths[2] = bytes.len();
    bytes = bytes.numbers([swap.charges.cashback, swap.charged[3]]);
    lengths[1] = bytes.len();
    bytes = tail(bytes, t, &mut lengths);
    cut(bytes, &lengths, t)
}

fn sell_event(t: &PoolTrade, time: Seconds) -> Vec<u8> {
    let swap = &t.swap;
    let proceeds = swap.proceeds();
    let limits = [swap.base, proceeds - proceeds / 20];
    let mut lengths = [0; 5];
    let mut bytes = event_head(t, SELL_EVENT, time, limits, [swap.quote - swap.charged[0], proceeds]);
    lengths[4] = bytes.len();
    lengths[3] = bytes.len();
    lengths[2] = bytes.len();
    bytes = bytes.numbers([swap.charges.cashback, swap.charged[3]]);
    lengths[1] = bytes.len();
    bytes = tail(bytes, t, &mut lengths);
    cut(bytes, &lengths, t)
}

/// The fields that both events gained since 2026-04.
fn tail(bytes: Bytes, t: &PoolTrade, lengths: &mut [usize; 5]) -> Bytes {
    let bytes = bytes.numbers([5_000, t.swap.charged[1] / 2]);
    lengths[0] = bytes.len();
    bytes
        .raw(&i128::from(t.pool.virtual_quote).to_le_bytes())
        .flag(false)
        .number(t.pool.base_supply)
        .numbers([0, 0])
}

fn cut(bytes: Bytes, lengths: &[usize; 5], t: &PoolTrade) -> Vec<u8> {
    let mut bytes = bytes.done();
    if let Some(back) = t.layouts_back.checked_sub(1) {
        bytes.truncate(lengths[usize::from(back).min(lengths.len() - 1)]);
    }
    bytes
}

/// `deposit` or `withdraw`.
pub(crate) fn liquidity(b: &mut Builder, l: &Liquidity, time: Seconds) {
    let pool = &l.pool;
    let lp_mint = derive(tag::LP_MINT, &[&pool.address]);
    let of_pool = vaults(pool, Some((pool.base, pool.quote)));
    let of_user = owned(l.user, of_pool, [Some(l.user_base), Some(l.user_quote)]);
    let lp_account = TokenAccount {
        account: token_account(&l.user, &lp_mint),
        mint: lp_mint,
        owner: l.user,
        decimals: 9,
        before: Some(l.user_lp),
    };
    of_pool.iter().chain(&of_user).for_each(|token| b.token_account(token));
    b.token_account(&lp_account);
    let accounts = [
        pool.address,
        SWAP_GLOBAL,
        l.user,
        pool.base_mint,
        pool.quote_mint,
        lp_mint,
        of_user[0].account,
        of_user[1].account,
        lp_account.account,
        pool.base_vault,
        pool.quote_vault,
        token_program(&pool.quote_mint).address,
        TOKEN_2022.address,
        SWAP_AUTHORITY,
        PUMPSWAP.address,
    ];
    let (name, discriminator, event, limits) = if l.added {
        let limits = [l.lp, l.base + l.base / 50, l.quote + l.quote / 50];
        ("Instruction: Deposit", [0xf2, 0x23, 0xc6, 0x89, 0x52, 0xe1, 0xf2, 0xb6], DEPOSIT_EVENT, limits)
    } else {
        let limits = [l.lp, l.base - l.base / 50, l.quote - l.quote / 50];
        ("Instruction: Withdraw", [0xb7, 0x12, 0x46, 0x9c, 0x94, 0x6d, 0xa1, 0x22], WITHDRAW_EVENT, limits)
    };
    b.enter(&PUMPSWAP, 1, &accounts, Bytes::new(discriminator, 24).numbers(limits).done());
    b.log(name);
    for (i, amount) in [l.base, l.quote].into_iter().enumerate() {
        let (user, vault) = (&of_user[i].account, &of_pool[i].account);
        if l.added {
            b.transfer(2, user, vault, &l.user, amount);
        } else {
            b.transfer(2, vault, user, &pool.address, amount);
        }
    }
    b.enter(
        &TOKEN_2022,
        2,
        &[lp_mint, lp_account.account],
        [&[if l.added { 7 } else { 8 }], &l.lp.to_le_bytes()[..]].concat(),
    );
    b.log(if l.added { "Instruction: MintTo" } else { "Instruction: Burn" });
    b.leave(&TOKEN_2022, 2, Some(1_295));
    b.book(&lp_account.account, &lp_mint, l.added, l.lp);
    let bytes = Bytes::new(EVENT_TAG, 256)
        .raw(&event)
        .number(time)
        .numbers(limits)
        .numbers([l.user_base, l.user_quote, pool.base, pool.quote, l.base, l.quote, pool.lp_supply])
        .keys(&[pool.address, l.user, of_user[0].account, of_user[1].account, lp_account.account]);
    b.event(&PUMPSWAP, &SWAP_AUTHORITY, 1, bytes.done());
    b.leave(&PUMPSWAP, 1, Some(61_400));
}
