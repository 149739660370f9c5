//! A migration, byte by byte: pump.fun empties a complete curve into a new PumpSwap pool, in one
//! transaction that carries the events of both programs.

use model::{Address, Seconds};

use super::addresses::{
    ASSOCIATED_TOKEN, MIGRATION_AUTHORITY, PUMP, PUMP_AUTHORITY, PUMP_GLOBAL, PUMPSWAP, SWAP_AUTHORITY,
    SWAP_GLOBAL, SYSTEM, TOKEN, TOKEN_2022, derive, tag, token_account,
};
use super::bytes::Bytes;
use super::curve::MIGRATED_BASE;
use super::draft::{Migration, Quote};
use super::encode_pump::{CURVE_RENT, event_mint, open_token_account, quote_vault};
use super::encode_pumpswap::vaults;
use super::transaction_builder::{Builder, EVENT_TAG, TokenAccount, token_program};

const MIGRATION_EVENT: [u8; 8] = [0xbd, 0xe9, 0x5d, 0xb9, 0x5c, 0x94, 0xea, 0x94];
const CREATE_POOL_EVENT: [u8; 8] = [0xb1, 0x31, 0x0c, 0xd2, 0xa0, 0x76, 0xa7, 0x74];
/// Liquidity tokens that stay in a new pool for ever.
const MINIMUM_LIQUIDITY: u64 = 100;

/// `migrate`: empties the curve into a new pool.
pub(crate) fn migrate(b: &mut Builder, m: &Migration, time: Seconds) {
    let (a, pool) = (&m.accounts, &m.pool);
    let vault = TokenAccount {
        account: a.vault,
        mint: a.mint,
        owner: a.curve,
        decimals: 6,
        before: Some(MIGRATED_BASE),
    };
    b.token_account(&vault);
    let lamports = if a.quote == Quote::Sol { m.curve.real_quote } else { 0 };
    b.account(&a.curve, CURVE_RENT + lamports);
    let authority = derive(tag::MIGRATION, &[&a.mint]);
    let quote = pool.quote_mint;
    let tokens =
        TokenAccount { account: token_account(&authority, &a.mint), owner: authority, before: None, ..vault };
    let quotes = TokenAccount {
        account: token_account(&authority, &quote),
        mint: quote,
        owner: authority,
        decimals: pool.quote_decimals,
        before: None,
    };
    let accounts = accounts(m, &authority);
    if is_v2(m) {
        b.enter(&PUMP, 1, &accounts, vec![0xbb, 0xcb, 0x12, 0x1f, 0xce, 0xed, 0xfe, 0x29]);
        b.log("Instruction: MigrateV2");
    } else {
        b.enter(&PUMP, 1, &accounts, vec![0x9b, 0xea, 0xe7, 0x92, 0xec, 0x9e, 0xa2, 0x1e]);
        b.log("Instruction: Migrate");
    }
    open_token_account(b, 2, &m.user, &tokens);
    open_token_account(b, 2, &m.user, &quotes);
    b.transfer(2, &a.vault, &tokens.account, &a.curve, MIGRATED_BASE);
    if a.quote == Quote::Sol {
        b.move_lamports(&a.curve, &MIGRATION_AUTHORITY, m.fee.min(m.curve.real_quote));
        b.wrap(&a.curve, &quotes.account, pool.quote);
        b.enter(&TOKEN, 2, &[quotes.account], vec![17]);
        b.log("Instruction: SyncNative");
        b.leave(&TOKEN, 2, Some(3_406));
    } else {
        b.token_account(&quote_vault(a.quote_vault(), a.curve, Some(m.curve.real_quote)));
        b.transfer(2, &a.quote_vault(), &quotes.account, &a.curve, pool.quote);
    }
    create_pool(b, m, &authority, time);
    let event = Bytes::new(EVENT_TAG, 200)
        .raw(&MIGRATION_EVENT)
        .keys(&[m.user, a.mint])
        .numbers([MIGRATED_BASE, pool.quote, m.fee])
        .key(&a.curve)
        .number(time)
        .key(&pool.address)
        .key(&event_mint(a.quote));
    b.event(&PUMP, &PUMP_AUTHORITY, 1, event.done());
    b.leave(&PUMP, 1, Some(325_798));
}

/// Other quotes than SOL need the second version; for SOL both are in use.
fn is_v2(m: &Migration) -> bool {
    m.accounts.quote == Quote::Usdc || m.accounts.mint.0[0].is_multiple_of(2)
}

/// Accounts of `migrate` and of `migrate_v2`, which names the quote and its vault too.
fn accounts(m: &Migration, authority: &Address) -> Vec<Address> {
    let (a, pool) = (&m.accounts, &m.pool);
    let (quote, lp_mint) = (pool.quote_mint, derive(tag::LP_MINT, &[&pool.address]));
    let mut accounts = vec![PUMP_GLOBAL, MIGRATION_AUTHORITY, a.mint];
    if is_v2(m) {
        accounts.extend([quote, a.curve, a.vault, a.quote_vault()]);
    } else {
        accounts.extend([a.curve, a.vault]);
    }
    accounts.extend([m.user, SYSTEM.address, TOKEN_2022.address]);
    if !is_v2(m) {
        accounts.push(PUMPSWAP.address);
    }
    accounts.extend([
        pool.address,
        *authority,
        token_account(authority, &a.mint),
        token_account(authority, &quote),
        SWAP_GLOBAL,
        lp_mint,
        token_account(authority, &lp_mint),
        pool.base_vault,
        pool.quote_vault,
        TOKEN_2022.address,
        ASSOCIATED_TOKEN.address,
        SWAP_AUTHORITY,
        PUMP_AUTHORITY,
        PUMP.address,
        PUMPSWAP.address,
        token_program(&quote).address,
    ]);
    accounts
}

/// `create_pool`, called by a migration on the authority of `creator`.
fn create_pool(b: &mut Builder, m: &Migration, creator: &Address, time: Seconds) {
    let pool = &m.pool;
    let opened = vaults(pool, None);
    let lp_mint = derive(tag::LP_MINT, &[&pool.address]);
    let [base, quote] = [&pool.base_mint, &pool.quote_mint].map(|mint| token_account(creator, mint));
    let accounts = [
        pool.address,
        SWAP_GLOBAL,
        *creator,
        pool.base_mint,
        pool.quote_mint,
        lp_mint,
        base,
        quote,
        token_account(creator, &lp_mint),
        pool.base_vault,
        pool.quote_vault,
        SYSTEM.address,
        TOKEN_2022.address,
        token_program(&pool.base_mint).address,
        token_program(&pool.quote_mint).address,
        ASSOCIATED_TOKEN.address,
        SWAP_AUTHORITY,
        PUMPSWAP.address,
    ];
    let data = Bytes::new([0xe9, 0x92, 0xd1, 0x8e, 0xcf, 0x68, 0x40, 0xbc], 50)
        .raw(&[0, 0])
        .numbers([pool.base, pool.quote])
        .key(&m.accounts.creator);
    b.enter(&PUMPSWAP, 2, &accounts, data.done());
    b.log("Instruction: CreatePool");
    for vault in &opened {
        open_token_account(b, 3, &m.user, vault);
    }
    b.transfer(3, &base, &pool.base_vault, creator, pool.base);
    b.transfer(3, &quote, &pool.quote_vault, creator, pool.quote);
    let event = Bytes::new(EVENT_TAG, 344)
        .raw(&CREATE_POOL_EVENT)
        .number(time)
        .raw(&[0, 0])
        .keys(&[*creator, pool.base_mint, pool.quote_mint])
        .byte(pool.base_decimals)
        .byte(pool.quote_decimals)
        .numbers([pool.base, pool.quote, pool.base, pool.quote])
        .numbers([MINIMUM_LIQUIDITY, pool.lp_supply, pool.lp_supply - MINIMUM_LIQUIDITY])
        .byte(255)
        .keys(&[pool.address, lp_mint, base, quote, m.accounts.creator])
        .flag(m.accounts.mayhem)
        .number(0)
        .flag(false)
        .flag(false);
    b.event(&PUMPSWAP, &SWAP_AUTHORITY, 2, event.done());
    b.leave(&PUMPSWAP, 2, Some(116_000));
}
