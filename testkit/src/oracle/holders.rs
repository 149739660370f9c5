//! Holders by brute force: for every token and owner, go through every event.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::Params;
use model::{Address, ChainEvent, Side, Signature};
use operators::holders::accounts::OwnerKind;
use operators::holders::{Concentration, CreatorHolding, Group, Holder, Holdings, Supply};
use operators::labels::accounts::known;
use operators::labels::{Label, LabelKind};

/// What an owner holds, and whether trades had the last word.
type Balance = (u64, bool);

/// The largest owners of all tokens, and how the holdings of each are spread; `events` are those that
/// happened, in canonical order.
pub(super) fn holders(events: &[ChainEvent], params: &Params) -> (Vec<Holder>, Vec<Concentration>) {
    let is_of_holders = |event: &&ChainEvent| {
        !matches!(event, ChainEvent::CurveCompleted(_) | ChainEvent::CurveParametersChanged(_))
    };
    let mints: BTreeSet<Address> = events.iter().filter(is_of_holders).filter_map(ChainEvent::mint).collect();
    let (mut largest, mut spread) = (Vec::new(), Vec::new());
    let currencies = [Address::WSOL, Address::USDC, Address::USDT];
    for mint in mints.into_iter().filter(|mint| !currencies.contains(mint)) {
        let of_mint: Vec<&ChainEvent> = events.iter().filter(|event| event.mint() == Some(mint)).collect();
        let (rows, row) = of_token(mint, &of_mint, params);
        largest.extend(rows);
        spread.push(row);
    }
    (largest, spread)
}

fn of_token(mint: Address, events: &[&ChainEvent], params: &Params) -> (Vec<Holder>, Concentration) {
    let dust = params.market.holders.dust;
    let owners: BTreeSet<Address> = events.iter().flat_map(|event| owners_of(event)).collect();
    let all: Vec<(Address, Balance, OwnerKind)> = owners
        .into_iter()
        .map(|owner| (owner, balance(owner, events), kind(owner, events, params)))
        .collect();
    let burnt = all.iter().filter(|(.., kind)| *kind == OwnerKind::Burn).map(|(_, (held, _), _)| held).sum();
    let supply = events.iter().filter_map(|event| supply(event)).min().map(|total| Supply { total, burnt });
    let mut owners: Vec<_> = all.into_iter().filter(|(_, (held, _), _)| *held > dust).collect();
    owners.sort_by_key(|(owner, (held, _), _)| (std::cmp::Reverse(*held), *owner));
    let raw: Vec<u128> = owners.iter().map(|(_, (held, _), _)| u128::from(*held)).collect();
    let is_holder = |kind| matches!(kind, OwnerKind::Wallet | OwnerKind::Creator);
    let held: Vec<u128> = owners
        .iter()
        .filter(|(.., kind)| is_holder(*kind))
        .map(|(_, (held, _), _)| u128::from(*held))
        .collect();
    let rows = owners.iter().zip(1..).take(params.market.holders.top);
    let rows = rows.map(|((owner, (balance, is_from_trades), kind), rank)| Holder {
        mint,
        owner: *owner,
        balance: *balance,
        supply,
        rank,
        kind: *kind,
        is_from_trades: *is_from_trades,
    });
    (rows.collect(), spread(mint, supply, &held, &raw))
}

/// `held` and `raw` are the balances of holders and of all owners, the largest first.
fn spread(mint: Address, supply: Option<Supply>, held: &[u128], raw: &[u128]) -> Concentration {
    let sum = held.iter().sum();
    Concentration {
        mint,
        holders: held.len() as u64,
        holders_raw: raw.len() as u64,
        sum,
        weighted: held.iter().rev().zip(1..).map(|(x, i): (&u128, u128)| i * x).sum(),
        squares: held.iter().map(|x| x * x).sum(),
        top10: held.iter().take(10).sum(),
        top10_raw: raw.iter().take(10).sum(),
        supply,
        nakamoto: (1..=held.len())
            .find(|count| held.iter().take(*count).sum::<u128>() * 2 > sum)
            .map(|count| count as u64),
    }
}

/// What the record `tokens` says of those who hold one token; `labels` are all that there are, `spread` is
/// that of the token.
pub(super) fn holdings(events: &[ChainEvent], labels: &[Label], spread: &Concentration) -> Holdings {
    let mint = spread.mint;
    let events: Vec<&ChainEvent> = events.iter().filter(|event| event.mint() == Some(mint)).collect();
    let owners: BTreeSet<Address> = events.iter().flat_map(|event| owners_of(event)).collect();
    let group = |kind: LabelKind| {
        let is_labelled = |owner: &&Address| {
            labels.iter().any(|l| l.kind == kind && l.mint == Some(mint) && l.wallet == Some(**owner))
        };
        let held = owners.iter().filter(is_labelled).map(|owner| u128::from(balance(*owner, &events).0));
        let wallets = u32::try_from(held.clone().count()).expect("few are made up");
        Group { wallets, held: held.sum() }
    };
    let creators: BTreeSet<Address> = events.iter().flat_map(|event| creators_of(event)).collect();
    let histories: Vec<Vec<u64>> = creators
        .iter()
        .map(|creator| history(*creator, &events).iter().map(|(held, _)| *held).collect())
        .collect();
    let held = histories.iter().filter_map(|history| history.last()).map(|held| u128::from(*held)).sum();
    let has_sold = held == 0 && histories.iter().flatten().any(|held| *held > 0);
    Holdings {
        mint,
        holders: spread.holders,
        top10: spread.top10,
        supply: spread.supply,
        creator: (!creators.is_empty()).then_some(CreatorHolding { held, has_sold, sold_at: None }),
        snipers: group(LabelKind::Sniper),
        bundlers: group(LabelKind::Bundler),
        insiders: group(LabelKind::Insider),
    }
}

fn creators_of(event: &ChainEvent) -> Vec<Address> {
    match event {
        ChainEvent::TokenCreated(e) => e.creator.into_iter().chain([e.user]).collect(),
        _ => Vec::new(),
    }
}

fn owners_of(event: &ChainEvent) -> Vec<Address> {
    match event {
        ChainEvent::Trade(trade) => trade.trader.into_iter().collect(),
        ChainEvent::BalancesChanged(event) => event.balances.iter().map(|balance| balance.owner).collect(),
        _ => Vec::new(),
    }
}

fn balance(owner: Address, events: &[&ChainEvent]) -> Balance {
    history(owner, events).last().copied().unwrap_or_default()
}

/// What an owner held after each event.
fn history(owner: Address, events: &[&ChainEvent]) -> Vec<Balance> {
    let told: BTreeSet<Signature> = events
        .iter()
        .filter(|event| matches!(event, ChainEvent::BalancesChanged(_)))
        .filter(|event| owners_of(event).contains(&owner))
        .map(|event| event.origin().signature)
        .collect();
    let mut accounts: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut held, mut is_from_trades) = (0u64, false);
    let after = |event: &&ChainEvent| {
        match event {
            ChainEvent::BalancesChanged(event) => {
                for balance in event.balances.iter().filter(|balance| balance.owner == owner) {
                    accounts.insert(balance.account, balance.after);
                    (held, is_from_trades) = (accounts.values().sum(), false);
                }
            }
            ChainEvent::Trade(trade)
                if trade.trader == Some(owner) && !told.contains(&trade.origin.signature) =>
            {
                is_from_trades = true;
                held = match trade.side {
                    Side::Buy => held + trade.base_user,
                    Side::Sell => held.saturating_sub(trade.base_user),
                };
            }
            _ => {}
        }
        (held, is_from_trades)
    };
    events.iter().map(after).collect()
}

fn supply(event: &ChainEvent) -> Option<u64> {
    match event {
        ChainEvent::Trade(trade) => trade.base_supply,
        ChainEvent::TokenCreated(created) => created.supply,
        _ => None,
    }
}

fn kind(owner: Address, events: &[&ChainEvent], params: &Params) -> OwnerKind {
    let pools = || {
        events.iter().flat_map(|event| match event {
            ChainEvent::Trade(e) => vec![(e.pool, e.program.is_curve())],
            ChainEvent::TokenCreated(e) => vec![(e.pool, e.program.is_curve())],
            ChainEvent::PoolCreated(e) => vec![(e.pool, e.program.is_curve())],
            ChainEvent::LiquidityChanged(e) => vec![(e.pool, e.program.is_curve())],
            ChainEvent::Migrated(e) => {
                e.to.into_iter().map(|to| (to, false)).chain([(e.from, true)]).collect()
            }
            _ => Vec::new(),
        })
    };
    let creators = || events.iter().flat_map(|event| creators_of(event));
    if owner == Address::ZERO {
        OwnerKind::Burn
    } else if pools().any(|pool| pool == (owner, true)) {
        OwnerKind::Curve
    } else if pools().any(|(pool, _)| pool == owner) {
        OwnerKind::Pool
    } else if known(&owner).is_some() || params.market.labels.protocol_accounts.contains(&owner) {
        OwnerKind::Protocol
    } else if creators().any(|creator| creator == owner) {
        OwnerKind::Creator
    } else {
        OwnerKind::Wallet
    }
}
