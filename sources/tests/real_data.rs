//! The decoders against transactions recorded on mainnet, decoded independently.
//!
//! The recordings lie beside the checkout and are not part of it; without them these tests say so and
//! pass.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "the functions that tests share are tests as well"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use model::{Address, ChainEvent, Event, Program, RejectReason, Side, Trade, TraderKind};
use serde_json::Value;
use sources::decode::{Carrier, Decoded, decode};
use sources::decoder::Decoder;
use sources::formats::{Feed, parse};
use sources::programs::pump::SUPPLY;
use sources::programs::{self, EVENT_INSTRUCTION};
use sources::transaction::Transaction;
use sources::{Source, Step};

fn data(path: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no recorded data at {}", path.display());
    None
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every recorded transaction by its file name.
fn transactions() -> Option<BTreeMap<String, Transaction>> {
    let folder = data("transactions")?;
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let mut items = parse(&serde_json::from_slice(&bytes).unwrap()).unwrap().items;
        assert_eq!(items.len(), 1, "{}", path.display());
        let Ok(Feed::Transaction(tx)) = items.remove(0) else { panic!("{}: no transaction", path.display()) };
        all.insert(path.file_name().unwrap().to_string_lossy().into_owned(), tx);
    }
    assert_eq!(all.len(), 76);
    Some(all)
}

/// Names that describe the expectation, not the event.
const ABOUT: [&str; 5] = ["layout", "n_in_tx", "sig_verified", "checks", "file"];

/// The fields in which a printed event differs from a row, among those that both have.
fn differences(row: &Value, printed: &Value) -> Vec<String> {
    let (row, printed) = (row.as_object().unwrap(), printed.as_object().unwrap());
    let compared = row.iter().filter(|(name, _)| !ABOUT.contains(&name.as_str()));
    compared
        .filter_map(|(name, expected)| {
            let found = printed.get(name)?;
            (found != expected).then(|| format!("{name}: {found} instead of {expected}"))
        })
        .collect()
}

#[test]
fn every_expected_event_is_found_and_equal() {
    let (Some(all), Some(expected)) = (transactions(), data("expected.jsonl")) else { return };
    let mut problems = Vec::new();
    let mut compared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in lines(&expected) {
        let file = row["file"].as_str().unwrap().trim_start_matches("transactions/");
        let events = decode(&all[file]).events;
        let printed: Vec<Value> = events.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
        let same = |printed: &&Value| {
            ["program", "event", "outer", "inner", "source"].iter().all(|name| printed[name] == row[name])
        };
        let candidates: Vec<&Value> = printed.iter().filter(same).collect();
        if candidates.iter().any(|candidate| differences(&row, candidate).is_empty()) {
            let names =
                row.as_object().unwrap().keys().filter(|name| candidates[0].get(name.as_str()).is_some());
            let kind = format!("{} {}", row["program"], row["event"]);
            compared.entry(kind).or_default().extend(names.cloned());
            continue;
        }
        let found: Vec<_> = candidates.iter().map(|candidate| differences(&row, candidate)).collect();
        problems.push(format!("{file} {} {} {}: {found:?}", row["event"], row["outer"], row["inner"]));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    // A field that is printed nowhere is compared nowhere: nearly all must be.
    let least = compared.values().map(BTreeSet::len).min().unwrap();
    assert!(least >= 11, "{compared:#?}");
}

#[test]
fn every_name_of_an_expected_row_is_printed() {
    let (Some(all), Some(expected)) = (transactions(), data("expected.jsonl")) else { return };
    for row in lines(&expected) {
        let file = row["file"].as_str().unwrap().trim_start_matches("transactions/");
        let events = decode(&all[file]).events;
        let event = events
            .iter()
            .find(|event| row["event"] == event.payload.name() && row["program"] == event.program.name());
        let printed = serde_json::to_value(event.unwrap()).unwrap();
        let missing: Vec<&String> = row
            .as_object()
            .unwrap()
            .iter()
            // A null says that the event does not tell; we need not tell that.
            .filter(|(name, value)| !value.is_null() && !ABOUT.contains(&name.as_str()))
            .map(|(name, _)| name)
            .filter(|name| printed.get(name.as_str()).is_none())
            .collect();
        assert!(missing.is_empty(), "{file} {}: {missing:?} not printed", row["event"]);
    }
}

#[test]
fn failed_transactions_give_no_events_and_are_counted() {
    let Some(all) = transactions() else { return };
    let mut decoder = Decoder::new("test");
    let mut failed = 0;
    for (file, tx) in all.iter().filter(|(_, tx)| tx.error.is_some()) {
        let mut events = Vec::new();
        decoder.events(tx, file, &mut events);
        assert_eq!(events, [], "{file}");
        assert!(decode(tx).events.iter().all(|event| event.failed), "{file}");
        failed += 1;
    }
    assert!(failed > 0);
    assert_eq!(decoder.counts()["failed_tx"], failed);
}

#[test]
fn a_truncated_log_takes_no_event_that_is_an_instruction() {
    let Some(all) = transactions() else { return };
    let mut cut_events = 0;
    for (file, tx) in &all {
        let whole = decode(tx);
        let mut cut = tx.clone();
        let logs = cut.logs.as_mut().unwrap();
        logs.truncate(logs.len() / 2);
        logs.push("Log truncated".to_owned());
        let decoding = decode(&cut);
        assert!(decoding.truncated || decoding.events.is_empty(), "{file}");
        let instructions = |events: &[Decoded]| -> Vec<Decoded> {
            events.iter().filter(|event| event.source == Carrier::Cpi).cloned().collect()
        };
        assert_eq!(instructions(&decoding.events), instructions(&whole.events), "{file}");
        cut_events += instructions(&whole.events).len();
    }
    assert!(cut_events > 50);
}

#[test]
fn the_recorded_transaction_with_a_truncated_log_gives_all_five_trades() {
    let Some(all) = transactions() else { return };
    let Some((_, tx)) = all.iter().find(|(file, _)| file.starts_with("3S2vFszSSCxdeS8JJgzh")) else {
        println!("skipped: that transaction is not among the recordings");
        return;
    };
    assert!(decode(tx).truncated);
    assert_eq!(trades(&normalized(tx)).len(), 5);
}

#[test]
fn every_payload_decodes() {
    let Some(path) = data("payloads.jsonl") else { return };
    let rows = lines(&path);
    assert_eq!(rows.len(), 21);
    for row in rows {
        let program = Program::at(&row["program"].as_str().unwrap().parse().unwrap()).unwrap();
        let bytes = match row["base64"].as_str() {
            Some(text) => STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).unwrap(),
            None => unhex(row["hex"].as_str().unwrap()),
        };
        let bytes = bytes.strip_prefix(&EVENT_INSTRUCTION[..]).unwrap_or(&bytes);
        let payload = programs::decode(program, bytes);
        assert!(payload.is_ok(), "{}: {payload:?}", row["note"]);
    }
}

#[test]
fn recorded_payloads_survive_every_cut_and_every_changed_byte() {
    let Some(path) = data("payloads.jsonl") else { return };
    for row in lines(&path) {
        let program = Program::at(&row["program"].as_str().unwrap().parse().unwrap()).unwrap();
        let bytes = match row["base64"].as_str() {
            Some(text) => STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).unwrap(),
            None => unhex(row["hex"].as_str().unwrap()),
        };
        let bytes = bytes.strip_prefix(&EVENT_INSTRUCTION[..]).unwrap_or(&bytes);
        let shortest =
            (0..=bytes.len()).find(|length| programs::decode(program, &bytes[..*length]).is_ok()).unwrap();
        for length in shortest..=bytes.len() {
            assert!(programs::decode(program, &bytes[..length]).is_ok(), "{} cut at {length}", row["note"]);
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 0xff;
            let _ = programs::decode(program, &changed);
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn unusual_payloads_have_the_values_that_make_them_unusual() {
    let Some(path) = data("payloads.jsonl") else { return };
    let printed = |note: &str| -> Value {
        let row = lines(&path).into_iter().find(|row| row["note"].as_str().unwrap().contains(note)).unwrap();
        let program = Program::at(&row["program"].as_str().unwrap().parse().unwrap()).unwrap();
        let bytes = STANDARD.decode(row["base64"].as_str().unwrap()).unwrap();
        serde_json::to_value(programs::decode(program, &bytes).unwrap()).unwrap()
    };
    let other_quote = printed("coin quoted in PUMP token");
    assert!(other_quote["quote_amount"].as_u64().unwrap() > 0);
    assert_eq!(other_quote["real_sol_reserves"], 0);
    assert_eq!(printed("one shareholder")["shareholders"].as_array().unwrap().len(), 1);
    assert_eq!(printed("SOL-quoted mayhem coin sell")["mayhem_mode"], true);
    let boosted = printed("virtual_quote_reserves and holder rewards");
    let effective =
        boosted["quote_reserve"].as_u64().unwrap() + boosted["virtual_quote_reserves"].as_u64().unwrap();
    assert_eq!(effective, 238_277_830_469);
}

#[test]
fn yellowstone_recordings_are_read() {
    for (file, expected) in [
        ("subscribe_update_transaction_tx.json", 1),
        ("subscribe_update_transaction_tx2.json", 1),
        ("subscribe_update_block_sample.json", 3),
    ] {
        let Some(path) = data("yellowstone").map(|folder| folder.join(file)) else { return };
        let bytes = std::fs::read(path).unwrap();
        let items = parse(&serde_json::from_slice(&bytes).unwrap()).unwrap().items;
        let mut transactions = 0;
        for item in items {
            match item.unwrap() {
                Feed::Transaction(tx) => {
                    assert!(tx.index.is_some() && tx.slot.is_some() && !tx.instructions.is_empty());
                    assert!(tx.inner.is_some() && tx.logs.is_some());
                    transactions += 1;
                }
                Feed::Slot(news) => assert!(news.block_time.is_some()),
                Feed::Quote(quote) => panic!("{file}: {quote:?}"),
                Feed::Ignored(kind) => panic!("{file}: {kind}"),
            }
        }
        assert_eq!(transactions, expected, "{file}");
    }
}

/// The events of one transaction, as if it had a slot and a time where the recording has none.
fn normalized(tx: &Transaction) -> Vec<Event> {
    let mut tx = tx.clone();
    tx.slot = tx.slot.or(Some(1));
    tx.block_time = tx.block_time.or(Some(1_700_000_000));
    let mut events = Vec::new();
    Decoder::new("test").events(&tx, "test", &mut events);
    events
}

fn trades(events: &[Event]) -> Vec<Trade> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Chain(ChainEvent::Trade(trade)) => Some(*trade),
            _ => None,
        })
        .collect()
}

#[test]
fn every_event_finds_its_pool_and_a_place_of_its_own() {
    let Some(all) = transactions() else { return };
    let mut rejects = Vec::new();
    for (file, tx) in &all {
        let mut ids = BTreeSet::new();
        for event in normalized(tx) {
            match event {
                Event::Chain(event) => assert!(ids.insert(event.origin().id), "{file}: {event:?}"),
                Event::Reject(reject) => rejects.push((file, reject)),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(rejects, []);
}

/// How much the balances of a token account changed in a transaction.
fn vault_change(tx: &Transaction, vault: &Address) -> Option<i128> {
    let amount = |balances: &[sources::transaction::TokenBalance]| {
        balances.iter().find(|b| tx.keys[usize::from(b.account)] == *vault).map(|b| i128::from(b.amount))
    };
    Some(amount(&tx.post_token_balances).unwrap_or(0) - amount(&tx.pre_token_balances)?)
}

#[test]
fn amounts_are_what_the_vaults_gained_and_lost() {
    let Some(all) = transactions() else { return };
    let mut checked: BTreeMap<Program, usize> = BTreeMap::new();
    for (file, tx) in &all {
        let trades = trades(&normalized(tx));
        let decoded: Vec<Decoded> = decode(tx).events;
        for trade in &trades {
            // The pool's other trades in the transaction would be in the balances as well.
            if trades.iter().filter(|other| other.pool == trade.pool).count() > 1 {
                continue;
            }
            let vaults = decoded
                .iter()
                .find(|d| {
                    d.event_id.is_none_or(|id| id.outer_ix == trade.origin.id.outer_ix)
                        && d.named.pool == Some(trade.pool)
                })
                .map(|d| d.named.vaults);
            let vaults = vaults.unwrap_or_default().into_iter().flatten();
            let base_vaults = vaults.filter(|vault| tx.mint_of(vault) == Some(trade.mint));
            for vault in base_vaults {
                let Some(change) = vault_change(tx, &vault) else { continue };
                // Creation mints into the vault before the first trade; migration empties it.
                if decoded.iter().any(|d| matches!(d.payload.name(), "CreateEvent" | "CreatePoolEvent")) {
                    continue;
                }
                let amount = i128::from(trade.base_amount);
                let expected = if trade.side == Side::Buy { -amount } else { amount };
                assert_eq!(change, expected, "{file} {trade:?}");
                *checked.entry(trade.program).or_default() += 1;
            }
        }
    }
    println!("{checked:?}");
    assert_eq!(checked.len(), Program::ALL.len(), "{checked:?}");
}

#[test]
fn curves_that_say_how_far_they_are_agree_with_their_vaults() {
    let Some(all) = transactions() else { return };
    let mut checked: BTreeMap<Program, usize> = BTreeMap::new();
    for (file, tx) in &all {
        let decoded: Vec<Decoded> = decode(tx).events;
        let trades = trades(&normalized(tx));
        // Balances are those after the last trade of the transaction.
        let mut last: BTreeMap<Address, &Trade> = BTreeMap::new();
        last.extend(trades.iter().map(|trade| (trade.pool, trade)));
        for trade in last.into_values() {
            let says = matches!(trade.program, Program::MeteoraDbc | Program::RaydiumLaunchlab);
            assert_eq!(trade.curve.is_some(), says, "{file}: {trade:?}");
            let Some(curve) = trade.curve else { continue };
            assert!(curve.done > 0 && curve.done <= curve.target, "{file}: {curve:?}");
            let named = decoded.iter().find(|d| d.named.pool == Some(trade.pool)).map(|d| d.named.vaults);
            for vault in named.unwrap_or_default().into_iter().flatten() {
                let after = tx.post_token_balances.iter().find(|b| tx.keys[usize::from(b.account)] == vault);
                let Some(amount) = after.map(|balance| balance.amount) else { continue };
                if tx.mint_of(&vault) == Some(trade.quote_mint) {
                    // Fees that have not been collected lie there too.
                    assert!(amount >= curve.quote, "{file}: {amount} {curve:?}");
                    assert!(amount - curve.quote < 10_000 + curve.quote / 5, "{file}: {amount} {curve:?}");
                    *checked.entry(trade.program).or_default() += 1;
                }
            }
        }
    }
    println!("{checked:?}");
    assert_eq!(checked.len(), 2, "{checked:?}");
}

#[test]
fn prices_before_trade_and_after_agree() {
    let Some(all) = transactions() else { return };
    let mut checked = 0;
    for (file, tx) in &all {
        for trade in trades(&normalized(tx)) {
            let price = trade.price().unwrap().get();
            let Some(after) = trade.spot_after else { panic!("{file}: no price after {trade:?}") };
            let Some(before) = trade.spot_before else {
                // Concentrated liquidity tells the price after only.
                assert!((price / after.get() - 1.0).abs() < 0.1, "{file} {price} {after:?} {trade:?}");
                continue;
            };
            assert!(before == after || (after > before) == (trade.side == Side::Buy), "{file} {trade:?}");
            // The agent of a mayhem coin does not trade along the curve.
            if trade.program == Program::Pump && trade.base_supply > Some(SUPPLY) {
                continue;
            }
            // The trade's own price lies between the two, but for a fee that may be in it.
            let (low, high) = (before.min(after).get(), before.max(after).get());
            assert!(price > low * 0.97 && price < high * 1.03, "{file} {low} {price} {high} {trade:?}");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}

#[test]
fn the_supply_of_a_new_token_is_what_its_creation_left_in_accounts() {
    let Some(all) = transactions() else { return };
    let mut checked = BTreeSet::new();
    for (file, tx) in &all {
        let events = normalized(tx);
        let created = events.iter().filter_map(|event| match event {
            Event::Chain(ChainEvent::TokenCreated(created)) => Some((created, created.supply?)),
            _ => None,
        });
        for (created, supply) in created {
            let held: u64 = events
                .iter()
                .filter_map(|event| match event {
                    Event::Chain(ChainEvent::BalancesChanged(told)) if told.mint == created.mint => {
                        Some(told)
                    }
                    _ => None,
                })
                .flat_map(|told| told.balances.iter().map(|balance| balance.after))
                .sum();
            if held > 0 {
                assert_eq!(supply, held, "{file}");
                checked.insert(created.is_mayhem);
            }
        }
    }
    assert_eq!(checked.len(), 2, "a mayhem coin and others");
}

#[test]
fn nearly_every_trade_has_a_trader() {
    let Some(all) = transactions() else { return };
    let mut kinds: BTreeMap<TraderKind, usize> = BTreeMap::new();
    for tx in all.values() {
        for trade in trades(&normalized(tx)) {
            assert_eq!(trade.trader.is_none(), trade.trader_kind == TraderKind::Unknown);
            *kinds.entry(trade.trader_kind).or_default() += 1;
        }
    }
    println!("{kinds:?}");
    assert!(kinds[&TraderKind::Signer] > 60, "{kinds:?}");
}

#[test]
fn liquidity_is_what_the_vaults_gained_and_lost() {
    let Some(all) = transactions() else { return };
    let mut checked = BTreeSet::new();
    for (file, tx) in &all {
        let vaults: Vec<Address> =
            decode(tx).events.iter().flat_map(|event| event.named.vaults).flatten().collect();
        for event in normalized(tx) {
            let Event::Chain(ChainEvent::LiquidityChanged(change)) = event else { continue };
            for (mint, amount) in
                [(change.mint, change.base_amount), (change.quote_mint, change.quote_amount)]
            {
                let vault = vaults.iter().find(|vault| tx.mint_of(vault) == Some(mint)).unwrap();
                let amount = i128::from(amount);
                let expected = if change.added { amount } else { -amount };
                assert_eq!(vault_change(tx, vault), Some(expected), "{file} {change:?}");
                checked.insert((change.program, change.added));
            }
        }
    }
    println!("{checked:?}");
    assert!(checked.len() >= 3, "{checked:?}");
}

#[test]
fn no_trade_has_sol_for_its_base_if_the_other_side_is_no_dollar() {
    let Some(all) = transactions() else { return };
    let (mut turned, mut of_sol) = (0, 0);
    for tx in all.values() {
        let turned_pools: BTreeSet<Address> = decode(tx)
            .events
            .iter()
            .filter(|event| event.program == Program::Pumpswap && event.named.mints[0] == Some(Address::WSOL))
            .filter_map(|event| event.named.pool)
            .collect();
        for trade in trades(&normalized(tx)) {
            if trade.mint == Address::WSOL {
                assert!([Address::USDC, Address::USDT].contains(&trade.quote_mint), "{trade:?}");
                of_sol += 1;
            }
            turned += usize::from(turned_pools.contains(&trade.pool));
        }
    }
    println!("{turned} trades in inverted pools, {of_sol} of SOL itself");
    assert!(turned >= 2);
}

#[test]
fn the_source_reads_the_whole_folder() {
    let Some(folder) = data("transactions") else { return };
    let config = sources::transactions::Config { paths: vec![folder], ..Default::default() };
    let mut source = sources::transactions::Transactions::new(&config);
    let mut events = Vec::new();
    while source.read(&mut events).unwrap() == Step::More {}
    let counts = source.counts();
    assert_eq!(counts["tx"], 76);
    assert_eq!(source.done_ratio(), Some(1.0));
    let reasons: BTreeSet<RejectReason> = events
        .iter()
        .filter_map(|event| if let Event::Reject(reject) = event { Some(reject.reason) } else { None })
        .collect();
    // Some recordings have neither slot nor time; nothing else is refused.
    assert_eq!(reasons, BTreeSet::from([RejectReason::Unplaced]));
    println!("{} trades, {counts:?}", trades(&events).len());
    assert!(trades(&events).len() > 75);
    let settled: BTreeSet<u64> = events
        .iter()
        .filter_map(|event| if let Event::Slot(status) = event { Some(status.slot) } else { None })
        .collect();
    assert!(trades(&events).iter().all(|trade| settled.contains(&trade.origin.id.slot)));
}

#[test]
fn a_pool_that_is_opened_names_its_vaults_and_what_went_into_them() {
    let Some(all) = transactions() else { return };
    let mut programs = BTreeSet::new();
    for (file, tx) in &all {
        for event in normalized(tx) {
            let Event::Chain(ChainEvent::PoolCreated(pool)) = event else { continue };
            for (vault, mint, amount) in [
                (pool.base_vault, pool.mint, pool.base_amount),
                (pool.quote_vault, pool.quote_mint, pool.quote_amount),
            ] {
                let balance = tx.token_balance(&vault.unwrap()).unwrap();
                assert_eq!((balance.mint, Some(balance.amount)), (mint, amount), "{file} {pool:?}");
            }
            programs.insert(pool.program);
        }
    }
    assert_eq!(programs, BTreeSet::from([Program::Pumpswap, Program::RaydiumAmmV4]));
}

#[test]
fn balances_after_a_trade_are_those_of_who_traded() {
    let Some(all) = transactions() else { return };
    let (mut checked, mut missing, mut accounts) = (0, 0, Vec::new());
    for (file, tx) in &all {
        let events = normalized(tx);
        let trades = trades(&events);
        for event in &events {
            let Event::Chain(ChainEvent::BalancesChanged(changed)) = event else { continue };
            assert!(!changed.mint.is_currency() && !changed.balances.is_empty(), "{file}");
            assert_eq!(events.last().map(is_of_balances), Some(true), "{file}: they come last");
            accounts.push(changed.balances.len());
            let of_mint: Vec<&Trade> = trades.iter().filter(|t| t.mint == changed.mint).collect();
            // With several trades in one transaction the balances are the sum of them.
            let [trade] = &of_mint[..] else { continue };
            let trader = changed.balances.iter().find(|balance| Some(balance.owner) == trade.trader);
            let Some(trader) = trader else {
                missing += 1;
                continue;
            };
            let change = trader.before.abs_diff(trader.after);
            let is_gain = trader.after > trader.before;
            if change == trade.base_amount {
                assert_eq!(is_gain, trade.side == Side::Buy, "{file} {trade:?}");
                checked += 1;
            }
        }
    }
    println!("{checked} agree, {missing} traders without a change; accounts by event: {accounts:?}");
    assert!(checked > 40, "{checked}");
}

fn is_of_balances(event: &Event) -> bool {
    matches!(event, Event::Chain(ChainEvent::BalancesChanged(_)))
}
