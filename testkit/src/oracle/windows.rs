//! Sliding windows by brute force: for every token and width, scan every trade.

use std::collections::BTreeSet;

use model::{Address, Migrated, Seconds, Side};
use operators::bar::Distinct;
use operators::candles::Interval;
use operators::usd::ValuedTrade;

use super::usd::clean_price;
use operators::windows::{Change, Params, Previous, Sums, TokenStats};

/// All windows of all tokens; `trades` and `moves` are in canonical order.
pub(super) fn windows(
    trades: &[ValuedTrade],
    moves: &[Migrated],
    now: Seconds,
    params: &Params,
) -> Vec<TokenStats> {
    let mints: BTreeSet<Address> = trades.iter().map(|t| t.trade().mint).collect();
    let mut windows = Vec::new();
    for mint in mints {
        let of_mint: Vec<&ValuedTrade> = trades.iter().filter(|t| t.trade().mint == mint).collect();
        let target = moves.iter().filter(|m| m.mint == mint).find_map(|m| m.to);
        let moved_to = of_mint.iter().find(|t| Some(t.trade().pool) == target);
        let curve = of_mint.iter().find(|t| t.trade().program.is_curve());
        let home = moved_to.or(curve).or(of_mint.first()).expect("a token has trades");
        let quote = home.trade().quote_mint;
        let counted: Vec<&ValuedTrade> =
            of_mint.iter().filter(|t| t.trade().quote_mint == quote).copied().collect();
        windows.extend(params.widths.iter().filter_map(|width| window(*width, &counted, now)));
    }
    windows
}

fn window(width: Interval, trades: &[&ValuedTrade], now: Seconds) -> Option<TokenStats> {
    let seconds = width.seconds();
    let tick = if seconds > 3600 { 10 } else { 1 };
    let start = now / tick * tick - seconds;
    let time = |t: &ValuedTrade| t.trade().origin.block_time;
    let within = |from: Seconds, to: Seconds| -> Vec<&ValuedTrade> {
        trades.iter().filter(|t| time(t) > from && time(t) <= to).copied().collect()
    };
    let (present, before) = (within(start, now), within(start - seconds, start));
    if present.is_empty() && before.is_empty() {
        return None;
    }
    let clean = |from: Seconds, to: Seconds| within(from, to).into_iter().filter_map(clean_price);
    let is_partial = trades.iter().all(|t| time(t) > start);
    let quote = |trades: &[&ValuedTrade]| trades.iter().map(|t| u128::from(t.trade().quote_amount)).sum();
    let of = |side: Side| -> Vec<&ValuedTrade> {
        present.iter().filter(|t| t.trade().side == side).copied().collect()
    };
    let distinct = |trades: &[&ValuedTrade]| {
        trades.iter().filter_map(|t| t.trade().trader).collect::<BTreeSet<_>>().len() as u64
    };
    let (buys, sells) = (of(Side::Buy), of(Side::Sell));
    let first = trades.first()?;
    Some(TokenStats {
        mint: first.trade().mint,
        window: width,
        quote_mint: first.trade().quote_mint,
        sums: Sums {
            buy_quote: quote(&buys),
            sell_quote: quote(&sells),
            buys: buys.len() as u64,
            sells: sells.len() as u64,
            distinct: Distinct {
                traders: distinct(&present),
                buyers: distinct(&buys),
                sellers: distinct(&sells),
            },
        },
        high: clean(start, now).max(),
        low: clean(start, now).min(),
        change: Change {
            now: clean(0, now).next_back(),
            then: if is_partial { clean(0, now).next() } else { clean(0, start).next_back() },
            is_partial,
        },
        previous: Previous { trades: before.len() as u64, quote: quote(&before) },
    })
}
