//! The market as a whole: what it writes decodes to what it did, and it looks like the real one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use model::{Address, ChainEvent, Event, Program, Side, Signature, SlotState, Trade};

use super::assemble::assemble;
use super::curve::{Curve, MIGRATED_BASE, VIRTUAL_USDC_START};
use super::draft::{CurveAccounts, Draft, Migration, Payer, PoolTrade, Quote, Step};
use super::economy::Economy;
use super::pool::Pool;
use super::transaction_builder::Place;
use super::wallets::Kind;
use super::{Item, Market, Params, json};
use crate::decoder::Decoder;
use crate::formats::{self, Feed};
use crate::transaction::Transaction;

fn run(params: &Params) -> Vec<Item> {
    let mut market = Market::new(params).unwrap();
    let mut items = Vec::new();
    while market.next_slot(&mut items) {}
    items
}

fn transactions(items: &[Item]) -> impl Iterator<Item = &Transaction> {
    items.iter().filter_map(|item| match item {
        Item::Transaction(transaction) => Some(transaction),
        Item::Slot(_) | Item::Quote(_) => None,
    })
}

/// One disturbed run for all tests that only look at it.
fn disturbed_items() -> &'static [Item] {
    static ITEMS: OnceLock<Vec<Item>> = OnceLock::new();
    ITEMS.get_or_init(|| run(&disturbed()))
}

fn disturbed() -> Params {
    Params {
        seconds: Some(240),
        scale: 3.0,
        fork_probability: 0.05,
        fork_depth_slots_max: 5,
        duplicate_ratio: 0.05,
        late_ratio: 0.05,
        ..Params::default()
    }
}

/// Every draft of an undisturbed market.
fn drafted(params: &Params, slots: u64, mut each: impl FnMut(&Draft)) {
    let mut economy = Economy::new(params);
    for slot in 0..slots {
        economy.slot(slot, u64::MAX).iter().for_each(&mut each);
    }
}

/// Every transaction of an undisturbed market as it lands, with the draft it came from.
fn landed(params: &Params, slots: u64, mut each: impl FnMut(&Draft, Transaction)) {
    let mut economy = Economy::new(params);
    for slot in 0..slots {
        for (index, draft) in (0..).zip(economy.slot(slot, u64::MAX)) {
            let place = Place { slot: 1_000 + slot, index, block_time: params.start_time_s + slot * 2 / 5 };
            each(&draft, assemble(&draft, place));
        }
    }
}

/// A pool's step as the coin's trader sees it: (buys the coin, coin, sol, sol paid or received).
fn coin_view(t: &PoolTrade) -> (bool, u64, u64, u64) {
    let user = if t.side == Side::Buy { t.swap.gross() } else { t.swap.proceeds() };
    if t.pool.is_inverted() {
        (t.side == Side::Sell, t.swap.quote, t.swap.base, user)
    } else {
        (t.side == Side::Buy, t.swap.base, t.swap.quote, user)
    }
}

fn assert_decoded(step: &Step, events: &mut impl Iterator<Item = ChainEvent>, draft: &Draft) {
    let event = events.next();
    match (step, event) {
        (Step::Create(c), Some(ChainEvent::TokenCreated(e))) => {
            assert_eq!((e.mint, e.pool, e.user), (c.accounts.mint, c.accounts.curve, c.user));
            assert_eq!((&e.name, &e.symbol, &e.uri), (&c.name, &c.symbol, &c.uri));
            assert_eq!((e.is_mayhem, e.is_cashback), (c.accounts.mayhem, c.accounts.cashback));
            assert_eq!(e.quote_mint, c.accounts.quote.mint());
            assert_eq!(e.creator, Some(c.accounts.creator));
            assert_eq!(e.virtual_quote, Some(c.curve.virtual_quote));
        }
        (Step::CurveTrade(t), Some(ChainEvent::Trade(e))) => {
            assert_eq!((e.program, e.pool, e.mint), (Program::Pump, t.accounts.curve, t.accounts.mint));
            assert_eq!((e.side, e.base_amount, e.quote_amount), (t.side, t.swap.base, t.swap.quote));
            assert_eq!(
                (e.quote_mint, e.quote_decimals),
                (t.accounts.quote.mint(), t.accounts.quote.decimals())
            );
            assert_eq!(
                (e.quote_reserve, e.base_reserve),
                (Some(t.after.virtual_quote), Some(t.after.virtual_base))
            );
            assert!(e.quote_user.is_none_or(|q| q == t.user_amount()), "{e:?}");
            assert!(e.quote_user.is_some() || t.layouts_back > 0);
            assert!(e.trader == Some(t.user) || t.rewritten.is_some(), "{e:?}");
            if t.rewritten.is_some() {
                assert!(matches!(events.next(), Some(ChainEvent::CurveParametersChanged(_))));
            }
            if t.after.is_complete() {
                assert!(matches!(events.next(), Some(ChainEvent::CurveCompleted(_))));
            }
        }
        (Step::PoolTrade(t), Some(ChainEvent::Trade(e))) => {
            let (buys, coin, sol, user) = coin_view(t);
            assert_eq!((e.program, e.pool, e.quote_mint), (Program::Pumpswap, t.pool.address, Address::WSOL));
            assert_eq!((e.side == Side::Buy, e.base_amount), (buys, coin), "{t:?}");
            assert_eq!(e.quote_amount, sol, "{t:?}");
            assert_eq!((e.base_decimals, e.quote_decimals), (6, 9));
            assert_eq!(e.trader, Some(t.user));
            if !t.pool.is_inverted() && t.layouts_back == 0 {
                assert_eq!(e.quote_user, Some(user));
                let after = if buys { t.pool.bought(&t.swap) } else { t.pool.sold(&t.swap) };
                assert_eq!(
                    (e.quote_reserve, e.base_reserve),
                    (Some(after.effective_quote()), Some(after.base))
                );
            }
        }
        (Step::Migrate(m), Some(ChainEvent::PoolCreated(e))) => {
            assert_eq!(
                (e.pool, e.mint, e.base_amount),
                (m.pool.address, m.accounts.mint, Some(MIGRATED_BASE))
            );
            let Some(ChainEvent::Migrated(e)) = events.next() else { panic!("no migration event") };
            assert_eq!(
                (e.from, e.to, e.quote_amount),
                (m.accounts.curve, Some(m.pool.address), m.pool.quote)
            );
        }
        (Step::Liquidity(l), Some(ChainEvent::LiquidityChanged(e))) => {
            assert_eq!((e.pool, e.added), (l.pool.address, l.added));
        }
        (step, event) => panic!("{step:?} became {event:?} in {draft:?}"),
    }
}

#[test]
fn everything_decodes_to_what_was_done() {
    let params = Params { scale: 4.0, truncated_ratio: 0.02, old_layout_ratio: 0.2, ..Params::default() };
    let mut decoder = Decoder::new("simulate");
    let mut seen = BTreeMap::new();
    landed(&params, 2_400, |draft, transaction| {
        let mut events = Vec::new();
        decoder.events(&transaction, "", &mut events);
        if draft.failure.is_some() {
            assert_eq!(events, [], "a failed transaction gives nothing");
            *seen.entry("failed").or_insert(0) += 1;
            return;
        }
        let chain = events.into_iter().map(|event| match event {
            Event::Chain(event) => event,
            other => panic!("{other:?} from {draft:?}"),
        });
        let mut chain = chain.filter(|event| !matches!(event, ChainEvent::BalancesChanged(_)));
        for step in &draft.steps {
            assert_decoded(step, &mut chain, draft);
            let name = match step {
                Step::Create(_) => "create",
                Step::CurveTrade(t) if t.rewritten.is_some() => "agent",
                Step::CurveTrade(t) if t.accounts.quote.decimals() == 6 => "usdc",
                Step::CurveTrade(_) => "curve",
                Step::Migrate(_) => "migrate",
                Step::PoolTrade(t) if t.pool.is_inverted() => "inverted",
                Step::PoolTrade(_) => "pool",
                Step::Liquidity(_) => "liquidity",
            };
            *seen.entry(name).or_insert(0) += 1;
        }
        assert_eq!(chain.next(), None);
    });
    let kinds = ["agent", "create", "curve", "failed", "inverted", "liquidity", "migrate", "pool", "usdc"];
    assert!(kinds.iter().all(|kind| seen.get(kind).is_some_and(|count| *count > 3)), "{seen:?}");
    let unknown: Vec<_> = decoder.counts().iter().filter(|(name, _)| name.contains("unknown")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn a_migration_of_another_quote_opens_a_pool_of_that_quote() {
    for (quote, mint) in [(Quote::Usdc, 1), (Quote::Sol, 1), (Quote::Sol, 2)] {
        let [mint, user] = [Address([mint; 32]), Address([9; 32])];
        let accounts = CurveAccounts::new(mint, user, quote, false, false);
        let start = Curve::new(VIRTUAL_USDC_START);
        let curve = start.bought(start.buy(u64::MAX / 4).unwrap());
        let sides = ((mint, 6, MIGRATED_BASE), (quote.mint(), quote.decimals(), curve.real_quote - 5));
        let pool = Pool::open(sides.0, sides.1, true);
        let migration = Migration { accounts, user, curve, pool, fee: 5 };
        let draft = Draft {
            signature: Signature([3; 64]),
            payer: Payer { address: user, lamports: 1_000_000_000 },
            co_signers: Vec::new(),
            steps: vec![Step::Migrate(Box::new(migration))],
            routed: false,
            failure: None,
            unit_limit: 500_000,
            unit_price: 0,
            tip: 0,
            cut_logs: None,
        };
        let transaction = assemble(&draft, Place { slot: 1, index: 0, block_time: 1_790_000_000 });
        let mut events = Vec::new();
        Decoder::new("simulate").events(&transaction, "", &mut events);
        let [
            Event::Chain(ChainEvent::PoolCreated(opened)),
            Event::Chain(ChainEvent::Migrated(moved)),
            Event::Chain(ChainEvent::BalancesChanged(_)),
        ] = events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert_eq!((opened.mint, opened.quote_mint), (mint, quote.mint()));
        assert_eq!(opened.quote_amount, Some(curve.real_quote - 5));
        assert_eq!((moved.mint, moved.quote_amount, moved.fee), (mint, curve.real_quote - 5, 5));
    }
}

#[test]
fn the_same_seed_gives_the_same_feed() {
    let first = disturbed_items();
    assert!(first.len() > 3_000, "{}", first.len());
    assert!(first == run(&disturbed()), "two runs of one seed differ");
    assert!(first != run(&Params { seed: 2, ..disturbed() }), "the seed changes nothing");
}

#[test]
fn balances_go_on_from_transaction_to_transaction() {
    let mut decoder = Decoder::new("simulate");
    // By owner and account: what is known to be there.
    let mut known: BTreeMap<(Address, u64), u64> = BTreeMap::new();
    let (mut trades, mut checked) = (0, 0);
    landed(&Params { scale: 4.0, ..Params::default() }, 1_200, |draft, tx| {
        let mut events = Vec::new();
        decoder.events(&tx, "", &mut events);
        let traded: Vec<Trade> = events
            .iter()
            .filter_map(|event| if let Event::Chain(ChainEvent::Trade(t)) = event { Some(*t) } else { None })
            .collect();
        for event in &events {
            let Event::Chain(ChainEvent::BalancesChanged(changed)) = event else { continue };
            // Accounts of the protocol itself are not followed.
            let is_party = |owner| traded.iter().any(|t| t.trader == Some(owner) || t.pool == owner);
            for balance in &changed.balances {
                let before = known.insert((balance.owner, balance.account), balance.after);
                if let Some(before) = before.filter(|_| is_party(balance.owner)) {
                    assert_eq!(before, balance.before, "{draft:?}");
                    checked += 1;
                }
            }
            if let [trade] = &traded[..]
                && trade.mint == changed.mint
                && let [Step::CurveTrade(_)] = draft.steps.as_slice()
            {
                let of = |owner| changed.balances.iter().find(|balance| Some(balance.owner) == owner);
                let (pool, trader) = (of(Some(trade.pool)).unwrap(), of(trade.trader).unwrap());
                assert_eq!(pool.before.abs_diff(pool.after), trade.base_amount);
                assert_eq!(trader.before.abs_diff(trader.after), trade.base_amount);
                assert_eq!(trader.after > trader.before, trade.side == Side::Buy);
                trades += 1;
            }
        }
    });
    assert!(trades > 1_000 && checked > 1_000, "{trades} trades, {checked} balances");
}

#[test]
fn balances_follow_from_what_happened() {
    // By token account: what the last transaction left there.
    let mut vaults: BTreeMap<Address, u64> = BTreeMap::new();
    landed(&Params { scale: 4.0, ..Params::default() }, 1_200, |draft, tx| {
        let lamports = |balances: &[u64]| balances.iter().map(|b| u128::from(*b)).sum::<u128>();
        let fee = u128::from(tx.fee.unwrap());
        let balances = |list: &[crate::transaction::TokenBalance]| -> BTreeMap<Address, u64> {
            list.iter().map(|b| (tx.keys[usize::from(b.account)], b.amount)).collect()
        };
        let (pre, post) = (balances(&tx.pre_token_balances), balances(&tx.post_token_balances));
        if draft.failure.is_some() {
            assert_eq!(pre, post);
            return;
        }
        assert_eq!(lamports(&tx.pre_balances), lamports(&tx.post_balances) + fee, "{draft:?}");
        let watched = draft.steps.iter().flat_map(|step| match step {
            Step::CurveTrade(t) => vec![t.accounts.vault],
            Step::PoolTrade(t) => vec![t.pool.base_vault, t.pool.quote_vault],
            Step::Liquidity(l) => vec![l.pool.base_vault, l.pool.quote_vault],
            Step::Create(_) | Step::Migrate(_) => Vec::new(),
        });
        for vault in watched.collect::<BTreeSet<_>>() {
            if let (Some(known), Some(before)) = (vaults.get(&vault), pre.get(&vault)) {
                assert_eq!(known, before, "{vault} changed between transactions: {draft:?}");
            }
            vaults.insert(vault, post[&vault]);
        }
        if let [Step::CurveTrade(t)] = draft.steps.as_slice() {
            assert_eq!(post[&t.accounts.vault], t.after.real_base + MIGRATED_BASE);
        }
        if let [Step::PoolTrade(t)] = draft.steps.as_slice() {
            let after = if t.side == Side::Buy { t.pool.bought(&t.swap) } else { t.pool.sold(&t.swap) };
            assert_eq!((post[&t.pool.base_vault], post[&t.pool.quote_vault]), (after.base, after.quote));
        }
    });
    assert!(vaults.len() > 100);
}

#[test]
fn a_dead_slot_s_transactions_land_again_or_never() {
    let items = disturbed_items();
    let mut states: BTreeMap<u64, SlotState> = BTreeMap::new();
    for item in items {
        if let Item::Slot(status) = item {
            let state = states.entry(status.slot).or_insert(status.state);
            *state = (*state).max(status.state);
        }
    }
    let dead: BTreeSet<u64> =
        states.iter().filter(|(_, s)| **s == SlotState::Dead).map(|(slot, _)| *slot).collect();
    assert!(dead.len() > 20, "{}", dead.len());
    assert!(
        states.values().all(|s| matches!(s, SlotState::Dead | SlotState::Finalized)),
        "a slot is left open"
    );
    let mut living: BTreeMap<Signature, BTreeSet<u64>> = BTreeMap::new();
    let mut died: BTreeMap<Signature, u64> = BTreeMap::new();
    for tx in transactions(items) {
        let slot = tx.slot.unwrap();
        if dead.contains(&slot) {
            died.insert(tx.signature, slot);
        } else {
            living.entry(tx.signature).or_default().insert(slot);
        }
    }
    assert!(living.values().all(|slots| slots.len() == 1), "a signature lives in one slot");
    let back = died.iter().filter(|(signature, _)| living.contains_key(signature)).count();
    assert!(back > died.len() / 2 && back < died.len(), "{back} of {} came back", died.len());
    for (signature, slot) in &died {
        let later = living.get(signature).and_then(BTreeSet::first);
        assert!(later.is_none_or(|later| later > slot));
    }
}

#[test]
fn the_living_chain_is_one_unbroken_market() {
    // Only survivors, in canonical order: reserves follow from each other without a gap.
    let items = disturbed_items();
    let dead: BTreeSet<u64> = items
        .iter()
        .filter_map(|item| match item {
            Item::Slot(status) if status.state == SlotState::Dead => Some(status.slot),
            _ => None,
        })
        .collect();
    let ordered: BTreeMap<_, &Transaction> = transactions(items)
        .filter(|tx| !dead.contains(&tx.slot.unwrap()))
        .map(|tx| ((tx.slot, tx.index), tx))
        .collect();
    let mut decoder = Decoder::new("simulate");
    let mut events = Vec::new();
    for tx in ordered.values() {
        decoder.events(tx, "", &mut events);
    }
    let mut reserves: BTreeMap<Address, u64> = BTreeMap::new();
    let mut checked = 0;
    for event in events {
        let Event::Chain(event) = event else { panic!("{event:?}") };
        match event {
            ChainEvent::Trade(t) if t.program == Program::Pump => {
                let after = t.base_reserve.unwrap();
                let before = if t.side == Side::Buy { after + t.base_amount } else { after - t.base_amount };
                if let Some(known) = reserves.insert(t.pool, after) {
                    assert_eq!(known, before, "{t:?}");
                    checked += 1;
                }
            }
            ChainEvent::CurveParametersChanged(c) => {
                reserves.retain(|pool, _| Some(*pool) != c.pool);
                reserves.extend(c.pool.map(|pool| (pool, c.virtual_base)));
            }
            _ => {}
        }
    }
    assert!(checked > 1_000, "{checked}");
}

#[test]
fn duplicates_are_the_same_transaction_and_late_ones_come_behind_their_slot() {
    let items = disturbed_items();
    let mut bytes: BTreeMap<(Signature, u64), &Transaction> = BTreeMap::new();
    let (mut again, mut behind, mut latest) = (0, 0, 0);
    for item in items {
        match item {
            Item::Slot(status) => latest = latest.max(status.slot),
            Item::Transaction(tx) => {
                if let Some(first) = bytes.insert((tx.signature, tx.slot.unwrap()), tx) {
                    assert_eq!(first, tx);
                    again += 1;
                }
                behind += u32::from(tx.slot.unwrap() <= latest);
            }
            Item::Quote(_) => {}
        }
    }
    assert!(again > 100 && behind > 200, "{again} {behind}");
}

#[test]
fn a_disturbed_feed_tells_of_the_same_chain() {
    let plain = Params { seconds: Some(60), scale: 3.0, ..Params::default() };
    let chain = |params: &Params| -> BTreeMap<Signature, Transaction> {
        transactions(&run(params)).map(|tx| (tx.signature, tx.clone())).collect()
    };
    let disturbed = chain(&Params { duplicate_ratio: 0.2, late_ratio: 0.3, ..plain.clone() });
    assert!(disturbed.len() > 1_000);
    assert!(disturbed == chain(&plain));
}

#[test]
fn a_rate_is_kept_to() {
    let params =
        Params { seconds: Some(60), scale: 50.0, trades_per_second_max: Some(25), ..Params::default() };
    let count = transactions(&run(&params)).count();
    // Launches of a slot may go over its limit.
    assert!((1_400..2_600).contains(&count), "{count}");
}

#[test]
fn it_looks_like_the_real_market() {
    let params = Params { scale: 4.0, ..Params::default() };
    let mut trades: BTreeMap<Address, u64> = BTreeMap::new();
    let (mut launches, mut graduates, mut failed, mut all) = (0.0, 0.0, 0.0, 0.0);
    let mut sizes = Vec::new();
    // Half an hour at four times the speed.
    drafted(&params, 4_500, |draft| {
        all += 1.0;
        if draft.failure.is_some() {
            failed += 1.0;
            return;
        }
        for step in &draft.steps {
            match step {
                Step::Create(_) => launches += 1.0,
                Step::Migrate(_) => graduates += 1.0,
                Step::CurveTrade(t) => {
                    *trades.entry(t.accounts.mint).or_default() += 1;
                    if t.accounts.quote.decimals() == 9 {
                        sizes.push(t.swap.quote);
                    }
                }
                Step::PoolTrade(_) | Step::Liquidity(_) => {}
            }
        }
    });
    let a_day = launches / params.scale * 48.0;
    assert!((15_000.0..40_000.0).contains(&a_day), "{a_day} launches a day");
    assert!((0.003..0.02).contains(&(graduates / launches)), "{graduates} of {launches} graduated");
    assert!((0.015..0.05).contains(&(failed / all)), "{failed} of {all} failed");
    let mut counts: Vec<u64> = trades.values().copied().collect();
    counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
    let top: u64 = counts[..counts.len() / 100].iter().sum();
    let total: u64 = counts.iter().sum();
    assert!(top * 100 / total >= 12, "the top hundredth has {top} of {total} trades");
    assert!(counts[counts.len() / 2] < 40, "the median token lives on");
    sizes.sort_unstable();
    let quantile = |percent: usize| sizes[sizes.len() * percent / 100];
    assert!(quantile(99) > 15 * quantile(50), "{} {}", quantile(99), quantile(50));
}

#[test]
fn those_who_know_more_earn_what_the_crowd_loses() {
    let params = Params { scale: 4.0, pools_at_start: 0, ..Params::default() };
    let kinds: BTreeMap<Address, Kind> = Economy::new(&params).wallets.kinds().collect();
    // Lamports in and out by kind, on curves; what is left in the bag counts for nothing.
    let mut cash: BTreeMap<String, (i128, i128)> = BTreeMap::new();
    drafted(&params, 6_000, |draft| {
        for step in draft.steps.iter().filter(|_| draft.failure.is_none()) {
            let Step::CurveTrade(t) = step else { continue };
            if t.accounts.quote.decimals() != 9 {
                continue;
            }
            let kind = kinds.get(&t.user).map_or("agent".to_owned(), |kind| format!("{kind:?}"));
            let entry = cash.entry(kind).or_default();
            let amount = i128::from(t.user_amount());
            if t.side == Side::Buy { entry.0 += amount } else { entry.1 += amount }
        }
    });
    let (paid, got) = cash["Smart"];
    assert!(got * 10 > paid * 12, "the smart earn too little: {paid} to {got}");
    let (paid, got) = cash["Retail"];
    assert!(got < paid, "the crowd should lose: {paid} to {got}");
}

#[test]
fn buyers_come_back_as_often_as_they_are_to() {
    let returned = |returning_ratio: f64| {
        let params = Params { pools_at_start: 5, scale: 0.1, returning_ratio, ..Params::default() };
        let (mut seen, mut buys, mut again) = (BTreeSet::new(), 0.0, 0.0);
        drafted(&params, 3_000, |draft| {
            for step in draft.steps.iter().filter(|_| draft.failure.is_none()) {
                let Step::PoolTrade(t) = step else { continue };
                if coin_view(t).0 {
                    buys += 1.0;
                    again += f64::from(u8::from(!seen.insert((t.user, t.pool.address))));
                }
            }
        });
        again / buys
    };
    let (never, often) = (returned(0.0), returned(0.7));
    assert!(never < 0.2 && (0.6..0.85).contains(&often), "{never} {often}");
}

#[test]
fn crowds_that_are_loyal_do_not_thin_out() {
    // Trades in the first and in the last quarter of an hour.
    let quarters = |loyal_ratio: f64| {
        let params = Params { pools_at_start: 20, scale: 0.01, loyal_ratio, ..Params::default() };
        let mut economy = Economy::new(&params);
        let mut trades = |slots: std::ops::Range<u64>| -> usize {
            let drafts = slots.flat_map(|slot| economy.slot(slot, u64::MAX)).collect::<Vec<_>>();
            let steps = drafts.iter().flat_map(|draft| &draft.steps);
            steps.filter(|step| matches!(step, Step::PoolTrade(_))).count()
        };
        let (first, _, last) = (trades(0..2_250), trades(2_250..6_750), trades(6_750..9_000));
        (first, last)
    };
    let ((first, last), (_, last_of_others)) = (quarters(1.0), quarters(0.0));
    assert!(last * 4 > first * 3 && last > 2 * last_of_others, "{first} {last} {last_of_others}");
}

#[test]
fn parameters_out_of_range_are_named_together() {
    let params = Params { late_ratio: 2.0, slot_ms: 0, fork_depth_slots_max: 33, ..Params::default() };
    let error = Market::new(&params).err().unwrap();
    let keys: Vec<&str> = error.problems.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["late_ratio", "fork_depth_slots_max", "slot_ms"]);
    assert!(error.to_string().contains("`slot_ms` must be from 1"), "{error}");
}

#[test]
fn what_is_written_as_json_is_read_back() {
    let items = disturbed_items();
    let (mut read, mut quotes) = (0, 0);
    for item in items.iter().step_by(7) {
        let mut line = Vec::new();
        json::write_item(item, &mut line).unwrap();
        let parsed = formats::parse(&serde_json::from_slice(&line).unwrap()).unwrap();
        let feeds: Vec<Feed> = parsed.items.into_iter().map(Result::unwrap).collect();
        match (item, feeds.as_slice()) {
            (Item::Transaction(wrote), [Feed::Transaction(read)]) => assert_eq!(read, wrote),
            (Item::Slot(wrote), [Feed::Slot(read)]) => {
                assert_eq!((read.slot, read.state, read.parent), (wrote.slot, wrote.state, wrote.parent));
            }
            (Item::Quote(wrote), [Feed::Quote(read)]) => {
                assert_eq!(read, wrote);
                quotes += 1;
            }
            (item, feeds) => panic!("{item:?} came back as {feeds:?}"),
        }
        read += 1;
    }
    assert!(read > 400 && quotes > 2, "{read} {quotes}");
}
