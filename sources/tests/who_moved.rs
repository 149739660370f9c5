//! What the trades of recorded transactions say of wallets, against the balances of these wallets.
//!
//! The recordings lie beside the checkout and are not part of it; without them these tests say so and
//! pass.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the functions that tests share are tests as well"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{Address, ChainEvent, Event, Fee, Program, Side, Trade, TraderKind};
use sources::decode::decode;
use sources::decoder::Decoder;
use sources::formats::{Feed, parse};
use sources::transaction::{Instruction, TokenBalance, Transaction};

fn data(path: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no recorded data at {}", path.display());
    None
}

/// The transactions of a file, one document after another.
fn read(path: &Path) -> Vec<Transaction> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut all = Vec::new();
    for document in serde_json::Deserializer::from_str(&text).into_iter::<Box<serde_json::value::RawValue>>()
    {
        let document = document.unwrap();
        for item in parse(&serde_json::from_str(document.get()).unwrap()).unwrap().items {
            let Ok(Feed::Transaction(mut tx)) = item else { panic!("{}", path.display()) };
            tx.slot = tx.slot.or(Some(1));
            tx.block_time = tx.block_time.or(Some(1_700_000_000));
            all.push(tx);
        }
    }
    all
}

fn recorded() -> Option<Vec<(String, Transaction)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(data("transactions")?).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        all.extend(read(&path).into_iter().map(|tx| (name.clone(), tx)));
    }
    assert_eq!(all.len(), 76);
    Some(all)
}

fn trades(tx: &Transaction) -> Vec<Trade> {
    let mut events = Vec::new();
    Decoder::new("test").events(tx, "test", &mut events);
    let trade = |event| match event {
        Event::Chain(ChainEvent::Trade(trade)) => Some(trade),
        _ => None,
    };
    events.into_iter().filter_map(trade).collect()
}

/// How much an owner's accounts of a mint changed, by the lists of balances.
fn change(tx: &Transaction, mint: Address, owner: Address) -> i128 {
    let sum = |balances: &[TokenBalance]| -> i128 {
        let own = balances.iter().filter(|b| b.mint == mint && b.owner == Some(owner));
        own.map(|balance| i128::from(balance.amount)).sum()
    };
    sum(&tx.post_token_balances) - sum(&tx.pre_token_balances)
}

fn signed(side: Side, amount: u64) -> i128 {
    if side == Side::Buy { amount.into() } else { -i128::from(amount) }
}

#[test]
fn the_base_of_a_wallets_only_trade_of_a_token_is_what_its_accounts_gained_or_gave() {
    let Some(all) = recorded() else { return };
    let mut equal: BTreeMap<Program, usize> = BTreeMap::new();
    for (file, tx) in &all {
        let trades = trades(tx);
        for trade in &trades {
            let same = |other: &&Trade| (other.mint, other.trader) == (trade.mint, trade.trader);
            let Some(owner) = trade.trader.filter(|_| trades.iter().filter(same).count() == 1) else {
                continue;
            };
            let change = change(tx, trade.mint, owner);
            // What a router passes on, and wrapped SOL that is unwrapped again, is no balance of the wallet.
            if change == 0 || trade.mint == Address::WSOL {
                continue;
            }
            assert_eq!(signed(trade.side, trade.base_user), change, "{file} {trade:?}");
            assert!(trade.base_user_known, "{file} {trade:?}");
            *equal.entry(trade.program).or_default() += 1;
        }
    }
    println!("{equal:?}");
    assert!(equal.len() == Program::ALL.len() && equal.values().sum::<usize>() > 50, "{equal:?}");
}

#[test]
fn several_trades_of_a_token_add_up_to_what_the_wallet_gained_or_gave() {
    let Some(all) = recorded() else { return };
    let mut checked = 0;
    for (file, tx) in &all {
        let mut sums: BTreeMap<(Address, Address), (i128, usize, bool)> = BTreeMap::new();
        for trade in trades(tx) {
            let Some(trader) = trade.trader else { panic!("{file}: nobody's {trade:?}") };
            let (sum, count, known) = sums.entry((trader, trade.mint)).or_insert((0, 0, true));
            *sum += signed(trade.side, trade.base_user);
            *count += 1;
            *known &= trade.base_user_known;
        }
        for ((trader, mint), (sum, count, known)) in sums {
            if count > 1 && known {
                assert_eq!(sum, change(tx, mint, trader), "{file}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 6, "{checked}");
}

/// What a wallet's SOL changed by, wrapped and not, without rent, the network's fee, and what it sent beside
/// the instruction `cause`: tips, fees of routers.
fn sol_of_the_swap(tx: &Transaction, owner: Address, cause: Option<(u16, Option<u16>)>) -> Option<i128> {
    let at = tx.keys.iter().position(|key| *key == owner)?;
    if tx.pre_balances.len() != tx.keys.len() {
        return None;
    }
    let balances = || tx.post_token_balances.iter().chain(&tx.pre_token_balances);
    let is_own =
        |account: usize| balances().any(|b| usize::from(b.account) == account && b.owner == Some(owner));
    let wrapped = |balances: &[TokenBalance], account: usize| {
        let found = balances.iter().find(|b| usize::from(b.account) == account && b.mint == Address::WSOL);
        found.map_or(0, |balance| i128::from(balance.amount))
    };
    let mut sol = i128::from(tx.post_balances[at]) - i128::from(tx.pre_balances[at]);
    sol += if at == 0 { i128::from(tx.fee?) } else { 0 };
    for account in (0..tx.keys.len()).filter(|account| *account != at) {
        let [before, after] = [tx.pre_balances[account], tx.post_balances[account]].map(i128::from);
        let [held, holds] =
            [wrapped(&tx.pre_token_balances, account), wrapped(&tx.post_token_balances, account)];
        sol += if is_own(account) { holds - held } else { 0 };
        sol += if before == 0 { after - holds } else { 0 };
        sol -= if after == 0 { before - held } else { 0 };
    }
    let sent = |instruction: &Instruction| -> Option<i128> {
        let is_transfer = tx.keys.get(usize::from(instruction.program)) == Some(&Address::ZERO)
            && instruction.data.starts_with(&[2, 0, 0, 0]);
        let [from, to] =
            [instruction.accounts.first()?, instruction.accounts.get(1)?].map(|a| usize::from(*a));
        let counts = is_transfer && from == at && tx.pre_balances[to] > 0 && !is_own(to);
        counts.then(|| u64::from_le_bytes(instruction.data[4..12].try_into().unwrap()).into())
    };
    let (outer, inner) = cause?;
    for (index, top) in (0..).zip(&tx.instructions) {
        sol += sent(top).unwrap_or(0);
        for group in tx.inner.iter().flatten().filter(|group| group.outer == index) {
            for (under, instruction) in (0..).zip(&group.instructions) {
                // What the swap itself sends comes after its instruction, and is its price and its fees.
                let is_of_swap = index == outer && inner.is_none_or(|inner| under > inner);
                sol += if is_of_swap { 0 } else { sent(instruction).unwrap_or(0) };
            }
        }
    }
    Some(sol)
}

#[test]
fn the_sol_of_a_wallets_only_trade_is_what_it_paid_or_got_but_for_rent_and_fees() {
    let Some(all) = recorded() else { return };
    let mut checked: BTreeMap<Program, usize> = BTreeMap::new();
    let mut other = Vec::new();
    for (file, tx) in &all {
        let trades = trades(tx);
        let [trade] = &trades[..] else { continue };
        let (Some(owner), Some(paid)) = (trade.trader, trade.quote_user) else { continue };
        let decoded = decode(tx).events;
        // A curve that is opened in the transaction gets rent that looks like a price.
        let opens = decoded.iter().any(|event| event.payload.name() == "CreateEvent");
        if trade.quote_mint != Address::WSOL || opens {
            continue;
        }
        let cause = decoded.iter().find(|event| event.event_id == Some(trade.origin.id)).unwrap().cause;
        let Some(sol) = sol_of_the_swap(tx, owner, cause) else { continue };
        if sol == -signed(trade.side, paid) {
            *checked.entry(trade.program).or_default() += 1;
        } else {
            other.push((&file[..8], sol, trade.program, trade.side, paid));
        }
    }
    println!("{checked:?}, of routes with other legs: {other:?}");
    assert!(checked.values().sum::<usize>() >= 15 && checked.len() >= 6, "{checked:?} {other:?}");
}

fn fault(name: &str) -> Option<Vec<Trade>> {
    Some(read(&data(&format!("faults/{name}"))?).iter().flat_map(trades).collect())
}

#[test]
fn a_transfer_fee_makes_the_wallet_gain_less_and_give_more_than_the_pool_moved() {
    let (Some(taxed), Some(plain)) = (fault("03-transfer-fee-10.jsonl"), fault("03-transfer-fee-0.jsonl"))
    else {
        return;
    };
    let moved = |trades: &[Trade]| -> Vec<(Side, u64, u64, bool)> {
        trades.iter().map(|t| (t.side, t.base_amount, t.base_user, t.base_user_known)).collect()
    };
    let bought = (Side::Buy, 10_000_000_000, 9_000_000_000, true);
    assert_eq!(moved(&taxed), [bought, (Side::Sell, 8_100_000_000, 9_000_000_000, true), bought]);
    let whole = |side| (side, 10_000_000_000, 10_000_000_000, true);
    assert_eq!(moved(&plain), [whole(Side::Buy), whole(Side::Sell), whole(Side::Buy)]);
}

#[test]
fn users_who_did_not_sign_have_the_trades_that_name_them() {
    let Some(trades) = fault("07-unsigned-users.json") else { return };
    let found: Vec<(String, TraderKind, u64, bool)> = trades
        .iter()
        .map(|t| {
            (t.trader.unwrap().to_string()[..5].to_owned(), t.trader_kind, t.base_user, t.base_user_known)
        })
        .collect();
    let expected = [
        ("Gh6D6", TraderKind::Signer, 12_373_970_345_963),
        ("7SPkz", TraderKind::Owner, 12_100_159_018_198),
        ("GdCFP", TraderKind::Owner, 12_023_935_360_031),
        ("8rL9d", TraderKind::Owner, 12_044_860_698_416),
    ];
    assert_eq!(found, expected.map(|(name, kind, amount)| (name.to_owned(), kind, amount, true)));
}

#[test]
fn fees_of_an_inverted_pool_are_base_and_its_wallets_pay_them() {
    let Some(all) = recorded() else { return };
    let mut seen = 0;
    for (file, tx) in &all {
        for trade in trades(tx) {
            let Some(Fee::Base(protocol)) = trade.fees.protocol else { continue };
            let lp = trade.fees.lp.and_then(Fee::base).unwrap_or(0);
            if trade.program == Program::Pumpswap {
                assert!(trade.base_user != trade.base_amount && protocol > 0 && lp > 0, "{file} {trade:?}");
                let is_more = trade.base_user > trade.base_amount;
                assert_eq!(is_more, trade.side == Side::Sell, "{file} {trade:?}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
fn a_coin_in_dollars_is_the_base_whatever_its_address() {
    let Some(all) = recorded() else { return };
    let Some((_, tx)) = all.iter().find(|(file, _)| file.starts_with("5si5yrF")) else {
        panic!("is missing")
    };
    let [trade] = trades(tx)[..] else { panic!("one trade") };
    assert!(trade.mint.to_string().starts_with("C6AX") && trade.quote_known, "{trade:?}");
    assert_eq!(trade.quote_mint.to_string(), "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB");
    let price = trade.price().unwrap().get();
    assert!(trade.side == Side::Sell && (price - 3.0590e-6).abs() < 1e-10, "{price} {trade:?}");
}

#[test]
fn pools_of_two_unknown_tokens_are_told_apart_and_all_others_have_a_known_quote() {
    let Some(all) = recorded() else { return };
    let mut unknown = Vec::new();
    for (_, tx) in &all {
        unknown.extend(trades(tx).into_iter().filter(|trade| !trade.quote_known));
    }
    // One arbitrage between two coins.
    let pairs: Vec<_> =
        unknown.iter().map(|t| [t.mint, t.quote_mint].map(|m| m.to_string()[..5].to_owned())).collect();
    assert_eq!(pairs, [["LiGHt".to_owned(), "9VxEx".to_owned()]]);
    assert!(unknown.iter().all(|trade| trade.mint < trade.quote_mint));
}

#[test]
fn a_swap_of_which_the_old_form_alone_is_written_is_a_trade() {
    let Some(found) = fault("09-damm-evtswap-only.json") else { return };
    let [trade] = found[..] else { panic!("{found:?}") };
    assert_eq!(
        (trade.program, trade.side, trade.quote_mint),
        (Program::MeteoraDammV2, Side::Buy, Address::WSOL)
    );
    assert_eq!((trade.quote_amount, trade.quote_user), (637_326_372, Some(637_326_372)));
    // What the vault gave and the wallet got, by the balances of the transaction.
    assert_eq!((trade.base_amount, trade.base_user), (6_730_447_370_930, 6_730_447_370_930));
    assert!(trade.base_user_known && trade.quote_known && trade.spot_after.is_some());
    assert_eq!(trade.fees.lp.and_then(Fee::quote), None, "the pool keeps its fees in what goes out");
    // The recording that it was made of has the new form too, and one trade.
    let Some(all) = recorded() else { return };
    let of_program = |tx: &&(String, Transaction)| {
        trades(&tx.1).iter().any(|trade| trade.program == Program::MeteoraDammV2)
    };
    assert!(all.iter().filter(of_program).all(|(_, tx)| trades(tx).len() == 1));
}

#[test]
fn a_swap_of_a_token_with_a_transfer_hook_is_a_trade() {
    let Some(found) = fault("10-dbc-transfer-hook.json") else { return };
    let [trade] = found[..] else { panic!("{found:?}") };
    assert_eq!((trade.program, trade.side), (Program::MeteoraDbc, Side::Sell));
    assert!(trade.mint.to_string().starts_with("E1st") && trade.quote_mint.to_string().starts_with("USD1"));
    assert_eq!((trade.base_amount, trade.base_user, trade.base_user_known), (2_431_999, 2_431_999, true));
    // Two left the curve for the wallet, and seven for fees.
    assert_eq!((trade.quote_amount, trade.quote_user), (9, Some(2)));
    assert!(trade.curve.is_some() && trade.trader.is_some());
}

#[test]
fn the_supply_of_a_mayhem_coin_has_its_agents_share_so_nobody_holds_more_than_all() {
    let Some(all) = recorded() else { return };
    let mut seen = 0;
    for (file, tx) in &all {
        let mut events = Vec::new();
        Decoder::new("test").events(tx, "test", &mut events);
        let created = events.iter().find_map(|event| match event {
            Event::Chain(ChainEvent::TokenCreated(created)) if created.is_mayhem => Some(created.clone()),
            _ => None,
        });
        let Some(created) = created else { continue };
        let of_mint = tx.post_token_balances.iter().filter(|balance| balance.mint == created.mint);
        let held: u64 = of_mint.map(|balance| balance.amount).sum();
        assert_eq!((created.supply, held), (Some(2_000_000_000_000_000), 2_000_000_000_000_000), "{file}");
        for trade in trades(tx).iter().filter(|trade| trade.mint == created.mint) {
            assert_eq!(trade.base_supply, created.supply, "{file}");
        }
        seen += 1;
    }
    assert!(seen > 0);
}
