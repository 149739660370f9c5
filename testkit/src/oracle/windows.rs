//! Sliding windows by brute force: for every token and width, scan every trade.

use std::collections::BTreeSet;

use model::{Address, EventId, Migrated, Seconds, Side};
use operators::candles::Interval;
use operators::labels::Mark;
use operators::usd::ValuedTrade;
use operators::windows::{Change, Filtered, Params, Previous, Sums, TokenStats};

use super::series::Part;
use super::usd::clean_price;

/// All windows of all tokens; `trades`, of which `parts` tell what they speak for, and `moves` are in canonical order.
pub(super) fn windows(
    (trades, parts): (&[ValuedTrade], &[Part]),
    moves: &[Migrated],
    marks: &BTreeSet<Mark>,
    now: Seconds,
    params: &Params,
) -> Vec<TokenStats> {
    let known = || trades.iter().zip(parts).filter(|(t, _)| t.trade().quote_known);
    let mints: BTreeSet<Address> = known().map(|(t, _)| t.trade().mint).collect();
    let marked: BTreeSet<EventId> = marks.iter().map(|mark| mark.event).collect();
    let mut windows = Vec::new();
    for mint in mints {
        let of_mint: Vec<Counted<'_>> = known().filter(|(t, _)| t.trade().mint == mint).collect();
        let target = moves.iter().filter(|m| m.mint == mint).find_map(|m| m.to);
        let moved_to = of_mint.iter().find(|(t, _)| Some(t.trade().pool) == target);
        let curve = of_mint.iter().find(|(t, _)| t.trade().program.is_curve());
        let home = moved_to.or(curve).or(of_mint.first()).expect("a token has trades");
        let quote = home.0.trade().quote_mint;
        let counted: Vec<Counted<'_>> =
            of_mint.iter().filter(|(t, _)| t.trade().quote_mint == quote).copied().collect();
        windows.extend(params.widths.iter().filter_map(|width| window(*width, &counted, &marked, now)));
    }
    windows
}

/// A trade and the series that it speaks for.
type Counted<'a> = (&'a ValuedTrade, &'a Part);

fn window(
    width: Interval,
    counted: &[Counted<'_>],
    marked: &BTreeSet<EventId>,
    now: Seconds,
) -> Option<TokenStats> {
    let trades: Vec<&ValuedTrade> = counted.iter().map(|(trade, _)| *trade).collect();
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
    let primary: Vec<&ValuedTrade> =
        counted.iter().filter(|(_, part)| part.is_primary).map(|(trade, _)| *trade).collect();
    let clean = |from: Seconds, to: Seconds| {
        let is_within = move |t: &&ValuedTrade| time(t) > from && time(t) <= to;
        primary.iter().copied().filter(is_within).filter_map(clean_price)
    };
    let is_partial = trades.iter().all(|t| time(t) > start);
    let is_clear = |t: &&&ValuedTrade| !marked.contains(&t.trade().origin.id);
    let clear: Vec<&ValuedTrade> = present.iter().filter(is_clear).copied().collect();
    let first = trades.first()?;
    Some(TokenStats {
        mint: first.trade().mint,
        window: width,
        quote_mint: first.trade().quote_mint,
        sums: sums(&present),
        high: clean(start, now).max(),
        low: clean(start, now).min(),
        largest: present.iter().filter_map(|t| value(t)).max(),
        change: Change {
            now: clean(0, now).next_back(),
            then: if is_partial { clean(0, now).next() } else { clean(0, start).next_back() },
            is_partial,
        },
        previous: Previous { trades: count(&before), quote: quote(&before) },
        filtered: Filtered { trades: count(&clear), traders: distinct(&clear), quote: quote(&clear) },
    })
}

fn sums(trades: &[&ValuedTrade]) -> Sums {
    let of = |side: Side| -> Vec<&ValuedTrade> {
        trades.iter().filter(|t| t.trade().side == side).copied().collect()
    };
    let (buys, sells) = (of(Side::Buy), of(Side::Sell));
    let usd = |trades: &[&ValuedTrade]| trades.iter().filter_map(|t| value(t)).map(u128::from).sum();
    Sums {
        buy_quote: quote(&buys),
        sell_quote: quote(&sells),
        buy_usd: usd(&buys),
        sell_usd: usd(&sells),
        buys: count(&buys),
        sells: count(&sells),
        usd_missing: trades.iter().filter(|t| t.usd.is_none()).map(|_| 1).sum(),
        traders: distinct(trades),
        buyers: distinct(&buys),
        sellers: distinct(&sells),
    }
}

/// Whole millionths of a USD.
fn value(trade: &ValuedTrade) -> Option<u64> {
    let t = trade.trade();
    let units = 10u128.pow(t.quote_decimals.into());
    let value = u128::from(t.quote_amount) * u128::from(trade.usd?.nanos) / (units * 1000);
    Some(u64::try_from(value).expect("no trade is worth 18 million million USD"))
}

fn quote(trades: &[&ValuedTrade]) -> u128 {
    trades.iter().map(|t| u128::from(t.trade().quote_amount)).sum()
}

fn count(trades: &[&ValuedTrade]) -> u32 {
    u32::try_from(trades.len()).expect("a stream is short")
}

fn distinct(trades: &[&ValuedTrade]) -> u32 {
    let traders: BTreeSet<Address> = trades.iter().filter_map(|t| t.trade().trader).collect();
    u32::try_from(traders.len()).expect("a stream is short")
}
