//! Which trades speak for a token, by brute force: pool by pool, trade by trade.

use std::collections::{BTreeMap, BTreeSet};

use model::{Address, ChainEvent, EventId, Migrated, Seconds, Side, Trade};
use operators::candles::Params;
use operators::usd::ValuedTrade;

/// The part of a trade in the series of its token.
#[derive(Clone, Copy, Default)]
pub(super) struct Part {
    pub(super) is_primary: bool,
    pub(super) is_in_all: bool,
    pub(super) is_priced_in_all: bool,
}

/// The primary pool at a trade, and the quote in it after that.
type Primary = (Address, Option<u64>);

/// The parts of all trades, which are in canonical order.
pub(super) fn parts(trades: &[ValuedTrade], moves: &[Migrated], params: &Params) -> Vec<Part> {
    let mints: BTreeSet<Address> = trades.iter().map(|t| t.trade().mint).collect();
    let mut parts: BTreeMap<EventId, Part> = BTreeMap::new();
    for mint in mints {
        let of_mint = of_token(trades, &mint);
        for (trade, (primary, reserve)) in of_mint.iter().zip(primaries(&of_mint, moves, params)) {
            let quote = of_mint.iter().find(|t| t.pool == primary).map(|t| t.quote_mint);
            let is_primary = trade.pool == primary;
            let is_in_all = quote == Some(trade.quote_mint);
            #[expect(clippy::cast_precision_loss, reason = "as the definition has it")]
            let is_deep = held(trade).zip(reserve).is_some_and(|(held, reserve)| {
                held as f64 >= reserve as f64 * params.primary.price_liquidity_ratio
            });
            let part = Part { is_primary, is_in_all, is_priced_in_all: is_primary || (is_in_all && is_deep) };
            parts.insert(trade.origin.id, part);
        }
    }
    trades.iter().map(|t| parts.get(&t.trade().origin.id).copied().unwrap_or_default()).collect()
}

/// The changes of liquidity that are those of their tokens: of the pool that is primary when they happen.
pub(super) fn liquidity(
    trades: &[ValuedTrade],
    events: &[ChainEvent],
    moves: &[Migrated],
    params: &Params,
) -> BTreeSet<EventId> {
    let mut found = BTreeSet::new();
    for event in events {
        let ChainEvent::LiquidityChanged(event) = event else { continue };
        let id = event.origin.id;
        let of_mint = of_token(trades, &event.mint);
        let before = of_mint.iter().take_while(|trade| trade.origin.id < id).count();
        let moved = moves.iter().find(|m| m.mint == event.mint && m.to.is_some());
        // The first move counts from where it stands, if no trade has come to tell of it yet.
        let last = before.checked_sub(1).map(|last| (of_mint[last].origin.id, last));
        let moved_since =
            moved.filter(|m| m.origin.id <= id && last.is_none_or(|(last, _)| last < m.origin.id));
        let chosen = last.map(|(_, last)| primaries(&of_mint, moves, params)[last].0);
        let primary = moved_since.and_then(|m| m.to).or(chosen);
        if event.quote_known && primary.is_none_or(|primary| primary == event.pool) {
            found.insert(id);
        }
    }
    found
}

/// The trades of a token of which it is known which of both is the money.
fn of_token<'a>(trades: &'a [ValuedTrade], mint: &Address) -> Vec<&'a Trade> {
    trades.iter().map(ValuedTrade::trade).filter(|t| t.mint == *mint && t.quote_known).collect()
}

/// What was in the pool of a trade all the while.
fn held(trade: &Trade) -> Option<u64> {
    let after = trade.quote_reserve?;
    let before = match trade.side {
        Side::Buy => after.saturating_sub(trade.quote_amount),
        Side::Sell => after.saturating_add(trade.quote_amount),
    };
    Some(after.min(before))
}

/// The primary pool after the last trade of a token.
pub(super) fn last_primary(
    trades: &[ValuedTrade],
    mint: &Address,
    moves: &[Migrated],
    params: &Params,
) -> Option<Address> {
    let of_mint = of_token(trades, mint);
    primaries(&of_mint, moves, params).last().map(|(pool, _)| *pool)
}

/// The primary pool at each trade of one token.
fn primaries(trades: &[&Trade], moves: &[Migrated], params: &Params) -> Vec<Primary> {
    let params = &params.primary;
    let mint = trades.first().map(|trade| trade.mint);
    let first_move = moves.iter().find(|m| Some(m.mint) == mint && m.to.is_some());
    let mut primary: Option<(Address, bool)> = None;
    let mut has_moved = false;
    let mut reserves: BTreeMap<Address, Option<u64>> = BTreeMap::new();
    let mut ahead: BTreeMap<Address, Seconds> = BTreeMap::new();
    let mut pools: BTreeMap<Address, (Address, bool)> = BTreeMap::new();
    for trade in trades {
        pools.insert(trade.pool, (trade.quote_mint, trade.program.is_curve()));
    }
    let mut chosen = Vec::new();
    for trade in trades {
        let now = trade.origin.block_time;
        let present = primary;
        if let Some(to) =
            first_move.filter(|m| !has_moved && m.origin.id <= trade.origin.id).and_then(|m| m.to)
        {
            has_moved = true;
            primary = Some((to, pools.get(&to).is_some_and(|(_, is_curve)| *is_curve)));
        }
        let is_curve = trade.program.is_curve();
        match primary {
            None => primary = Some((trade.pool, is_curve)),
            Some((_, false)) if is_curve && !has_moved => primary = Some((trade.pool, true)),
            Some(_) => {}
        }
        if present != primary {
            ahead.clear();
        }
        let due = ahead.iter().filter(|(_, since)| *since + params.takeover_s <= now);
        let best = due.min_by_key(|(pool, since)| {
            (**since, std::cmp::Reverse(reserves.get(*pool).copied().flatten()), **pool)
        });
        if let Some((pool, _)) = best {
            primary = Some((*pool, false));
            ahead.clear();
        }
        reserves.insert(trade.pool, trade.quote_reserve);
        let (present, is_curve) = primary.expect("chosen above");
        let own = reserves.get(&present).copied().flatten();
        for (pool, (quote, rival_is_curve)) in &pools {
            let rival = reserves.get(pool).copied().flatten();
            let may = *pool != present && !is_curve && !rival_is_curve;
            let is_same_quote = pools.get(&present).is_some_and(|(own, _)| own == quote);
            #[expect(clippy::cast_precision_loss, reason = "as the definition has it")]
            let is_more =
                own.zip(rival).is_some_and(|(own, rival)| rival as f64 > own as f64 * params.takeover_ratio);
            if may && is_same_quote && is_more {
                ahead.entry(*pool).or_insert(now);
            } else {
                ahead.remove(pool);
            }
        }
        chosen.push((present, own));
    }
    chosen
}
