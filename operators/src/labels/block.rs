//! Patterns among the trades of one token in one slot: sandwiches and arbitrage.
//!
//! **Sandwich**: in one pool a wallet trades, another trades in the same direction later, and the first
//! trades in the other direction later still, about as much as before. The wallet's first matching trade
//! closes the sandwich, and a trade is the front or the back of one only. Profit is quote received less
//! quote paid, after fees.
//!
//! **Arbitrage**: one transaction trades in two pools or more and leaves about nothing bought or sold.
//!
//! A group in which all buy or all sell is neither, which is nearly every group.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use model::{Address, EventId, Side};

use super::record::{Label, Reason, Role, Subject};
use super::tape::{Tape, Tick};
use super::{LabelKind, Mark, Params};

/// Patterns found in a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Labels of its trades.
    pub labels: Vec<Label>,
    /// Marks of its trades.
    pub marks: Vec<Mark>,
}

/// The patterns among the trades of a slot; none if there is no pattern.
pub(super) fn found(mint: &Address, slot: u64, tape: &Tape, params: &Params) -> Option<Found> {
    let ticks: Vec<&Tick> = tape.slot(slot).collect();
    if !has_both_sides(ticks.iter().copied()) {
        return None;
    }
    let mut found = Found::default();
    sandwiches(mint, &ticks, tape, params, &mut found);
    for group in ticks.chunk_by(|a, b| a.id.tx == b.id.tx) {
        arbitrage(mint, group, tape, params, &mut found);
    }
    (!found.labels.is_empty()).then_some(found)
}

/// True if somebody buys and somebody sells.
pub(super) fn has_both_sides<'a>(mut ticks: impl Iterator<Item = &'a Tick>) -> bool {
    let Some(first) = ticks.next().map(|tick| tick.side) else { return false };
    ticks.any(|tick| tick.side != first)
}

/// True if bought and sold are about the same: |net| ≤ `net_bps_max` of the sum of both.
pub(super) const fn is_flat(bought: u128, sold: u128, net_bps_max: u32) -> bool {
    let gross = bought.saturating_add(sold);
    gross > 0 && bought.abs_diff(sold).saturating_mul(10_000) <= gross.saturating_mul(net_bps_max as u128)
}

/// Quote received less quote paid, raw units.
fn profit<'a>(ticks: impl Iterator<Item = &'a Tick>) -> i128 {
    ticks.fold(0, |sum, tick| match tick.side {
        Side::Buy => sum - i128::from(tick.amounts.paid),
        Side::Sell => sum + i128::from(tick.amounts.paid),
    })
}

/// The trades between `front` and `back` that pay for the sandwich.
fn victims<'a>(ticks: &[&'a Tick], front: usize, back: usize) -> impl Iterator<Item = &'a Tick> {
    let first = ticks[front];
    let is_victim = move |tick: &&Tick| {
        tick.pool == first.pool
            && tick.side == first.side
            && tick.trader.is_some()
            && tick.trader != first.trader
    };
    ticks[front + 1..back].iter().copied().filter(is_victim)
}

/// The places of the trades by wallets that both buy and sell in one pool, by pool and wallet; in order.
/// Nobody else makes a sandwich, and in a busy slot nearly all are somebody else.
fn two_sided(ticks: &[&Tick]) -> BTreeMap<usize, Rc<[usize]>> {
    let mut places: Vec<usize> = (0..ticks.len()).filter(|at| ticks[*at].trader.is_some()).collect();
    let whose = |at: &usize| (ticks[*at].pool, ticks[*at].trader);
    places.sort_by_key(whose); // stable: of one wallet they stay in order
    let of_one = places.chunk_by(|a, b| whose(a) == whose(b));
    let two_sided = of_one.filter(|places| has_both_sides(places.iter().map(|at| ticks[*at])));
    let with_all = two_sided.flat_map(|places| {
        let all: Rc<[usize]> = places.into();
        places.iter().map(move |at| (*at, Rc::clone(&all)))
    });
    with_all.collect()
}

/// The back of the sandwich whose front is at `front`, among the trades of that wallet in that pool that are
/// not `used`.
fn back_of(
    front: usize,
    of_wallet: &[usize],
    ticks: &[&Tick],
    used: &BTreeSet<usize>,
    params: &Params,
) -> Option<usize> {
    let first = ticks[front];
    let base = u128::from(first.amounts.base);
    let backs = of_wallet.iter().copied().filter(|at| {
        let tick = ticks[*at];
        *at >= front + 2
            && tick.side != first.side
            && !used.contains(at)
            && is_flat(base, tick.amounts.base.into(), params.net_bps_max)
    });
    backs.into_iter().find(|at| victims(ticks, front, *at).next().is_some())
}

fn sandwiches(mint: &Address, ticks: &[&Tick], tape: &Tape, params: &Params, found: &mut Found) {
    let mut used = BTreeSet::new();
    let mut pairs = Vec::new();
    for (front, of_wallet) in two_sided(ticks) {
        if !used.contains(&front)
            && let Some(back) = back_of(front, &of_wallet, ticks, &used, params)
        {
            used.extend([front, back]);
            pairs.push((front, back));
        }
    }
    let ids =
        |places: &BTreeSet<usize>| -> BTreeSet<EventId> { places.iter().map(|at| ticks[*at].id).collect() };
    let mut labelled = ids(&used);
    for (front, back) in pairs {
        let (first, last) = (ticks[front], ticks[back]);
        let drained = profit([first, last].into_iter());
        let mut label = |tick: &Tick, role: Role, evidence: Vec<EventId>| {
            let reason = Reason::Sandwiched { role, drained };
            found.labels.push(of_trade(mint, tick, LabelKind::Sandwich, reason, evidence, quote(tick, tape)));
        };
        let all: Vec<EventId> = std::iter::once(first)
            .chain(victims(ticks, front, back))
            .chain([last])
            .map(|tick| tick.id)
            .collect();
        label(first, Role::Front, all.clone());
        label(last, Role::Back, all);
        for victim in victims(ticks, front, back) {
            // Whoever is in several sandwiches has the label of the first.
            if labelled.insert(victim.id) {
                label(victim, Role::Victim, vec![first.id, victim.id, last.id]);
            }
        }
        let marks = [first, last].map(|tick| Mark { mint: *mint, event: tick.id, kind: LabelKind::Sandwich });
        found.marks.extend(marks);
    }
}

fn arbitrage(mint: &Address, ticks: &[&Tick], tape: &Tape, params: &Params, found: &mut Found) {
    if !has_both_sides(ticks.iter().copied()) {
        return;
    }
    let pools: BTreeSet<u16> = ticks.iter().map(|tick| tick.pool).collect();
    let base = |side: Side| -> u128 {
        ticks.iter().filter(|tick| tick.side == side).map(|tick| u128::from(tick.amounts.base)).sum()
    };
    if pools.len() < 2 || !is_flat(base(Side::Buy), base(Side::Sell), params.net_bps_max) {
        return;
    }
    let quotes: BTreeSet<Option<Address>> = ticks.iter().map(|tick| quote(tick, tape)).collect();
    let in_one_quote = quotes.first().copied().flatten().filter(|_| quotes.len() == 1);
    let profit = in_one_quote.map(|_| profit(ticks.iter().copied()));
    let evidence: Vec<EventId> = ticks.iter().map(|tick| tick.id).collect();
    for tick in ticks {
        let reason = Reason::Arbitraged { pools: u32::try_from(pools.len()).unwrap_or(u32::MAX), profit };
        let kind = LabelKind::Arbitrage;
        found.labels.push(of_trade(mint, tick, kind, reason, evidence.clone(), in_one_quote));
        found.marks.push(Mark { mint: *mint, event: tick.id, kind });
    }
}

fn quote(tick: &Tick, tape: &Tape) -> Option<Address> {
    tape.pool(tick).map(|pool| pool.quote_mint)
}

fn of_trade(
    mint: &Address,
    tick: &Tick,
    kind: LabelKind,
    reason: Reason,
    evidence: Vec<EventId>,
    quote_mint: Option<Address>,
) -> Label {
    Label {
        subject: Subject::Trade(tick.id),
        kind,
        mint: Some(*mint),
        wallet: tick.trader,
        reason,
        evidence,
        valid_from: tick.time,
        quote_mint,
    }
}
