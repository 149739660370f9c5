//! Candles by brute force: for every bar, scan every trade.

use std::collections::{BTreeMap, BTreeSet};

use model::{Address, Migrated, Seconds, Side};
use operators::bar::{Distinct, Span};
use operators::candles::{Candle, Interval, Ohlc, Params, Series};
use operators::usd::ValuedTrade;

use super::usd::clean_price;

/// All candles of all trades; `trades` and `moves` are in canonical order.
pub(super) fn candles(
    trades: &[ValuedTrade],
    moves: &[Migrated],
    now: Seconds,
    params: &Params,
) -> Vec<Candle> {
    let mut series: BTreeMap<(Series, Address), Vec<&ValuedTrade>> = BTreeMap::new();
    for trade in trades {
        series.entry((Series::Pool, trade.trade().pool)).or_default().push(trade);
    }
    let mints: BTreeSet<Address> = trades.iter().map(|t| t.trade().mint).collect();
    for mint in mints {
        let of_mint: Vec<&ValuedTrade> = trades.iter().filter(|t| t.trade().mint == mint).collect();
        let first_move = moves.iter().find(|m| m.mint == mint && m.to.is_some());
        for (trade, primary) in of_mint.iter().zip(primary_pools(&of_mint, first_move, params)) {
            if trade.trade().pool == primary {
                series.entry((Series::Primary, mint)).or_default().push(trade);
            }
            let quote = of_mint.iter().find(|t| t.trade().pool == primary).map(|t| t.trade().quote_mint);
            if quote == Some(trade.trade().quote_mint) {
                series.entry((Series::All, mint)).or_default().push(trade);
            }
        }
    }
    let mut candles = Vec::new();
    for ((series, id), trades) in series {
        for interval in &params.intervals {
            let opens: BTreeSet<Seconds> =
                trades.iter().map(|t| t.trade().origin.block_time / interval.seconds()).collect();
            for open in opens {
                let open_time = open * interval.seconds();
                let within = |t: &&&ValuedTrade| t.trade().origin.block_time / interval.seconds() == open;
                let of_bar: Vec<&ValuedTrade> = trades.iter().filter(within).copied().collect();
                candles.push(candle((series, id, *interval, open_time), &of_bar, now));
            }
        }
    }
    candles
}

/// The primary pool at each trade of one token.
pub(super) fn primary_pools(
    trades: &[&ValuedTrade],
    first_move: Option<&Migrated>,
    params: &Params,
) -> Vec<Address> {
    let params = &params.primary;
    let mut primary: Option<(Address, bool)> = None;
    let mut has_moved = false;
    let mut reserves: BTreeMap<Address, Option<u64>> = BTreeMap::new();
    let mut ahead: BTreeMap<Address, Seconds> = BTreeMap::new();
    let mut pools: BTreeMap<Address, (Address, bool)> = BTreeMap::new();
    for t in trades {
        pools.insert(t.trade().pool, (t.trade().quote_mint, t.trade().program.is_curve()));
    }
    let mut chosen = Vec::new();
    for trade in trades.iter().map(|t| t.trade()) {
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
        for (pool, (quote, rival_is_curve)) in &pools {
            let own = reserves.get(&present).copied().flatten();
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
        chosen.push(present);
    }
    chosen
}

fn candle(key: (Series, Address, Interval, Seconds), trades: &[&ValuedTrade], now: Seconds) -> Candle {
    let (series, id, interval, open_time) = key;
    let of_side = |side: Side| trades.iter().filter(move |t| t.trade().side == side);
    let quote = |side: Side| of_side(side).map(|t| u128::from(t.trade().quote_amount)).sum();
    let count = |side: Side| of_side(side).count() as u64;
    let distinct =
        |side: Side| of_side(side).filter_map(|t| t.trade().trader).collect::<BTreeSet<_>>().len() as u64;
    let (first, last) = (trades.first().expect("a bar has trades"), trades.last().expect("a bar has trades"));
    let clean: Vec<&&ValuedTrade> = trades.iter().filter(|t| clean_price(t).is_some()).collect();
    let prices = clean.iter().filter_map(|t| t.priced.price);
    Candle {
        series,
        id,
        interval,
        open_time,
        span: Span {
            first: first.trade().origin.id,
            last: last.trade().origin.id,
            decimals: (last.trade().base_decimals, last.trade().quote_decimals),
        },
        prices: clean.first().zip(clean.last()).and_then(|(open, close)| {
            Some(Ohlc {
                open: open.priced.price?,
                close: close.priced.price?,
                market_cap: close.trade().market_cap(),
                high: prices.clone().max()?,
                low: prices.clone().min()?,
            })
        }),
        volume_base: trades.iter().map(|t| u128::from(t.trade().base_amount)).sum(),
        buy_quote: quote(Side::Buy),
        sell_quote: quote(Side::Sell),
        value_micros: trades.iter().filter_map(|t| t.value_micros()).sum(),
        unvalued: trades.iter().filter(|t| t.usd.is_none()).count() as u64,
        buys: count(Side::Buy),
        sells: count(Side::Sell),
        distinct: Distinct {
            traders: trades.iter().filter_map(|t| t.trade().trader).collect::<BTreeSet<_>>().len() as u64,
            buyers: distinct(Side::Buy),
            sellers: distinct(Side::Sell),
        },
        is_closed: open_time + interval.seconds() <= now,
    }
}
