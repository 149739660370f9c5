//! Candles by brute force: for every bar, scan every trade.

use std::collections::{BTreeMap, BTreeSet};

use model::{Address, Migrated, Seconds, Side};
use operators::bar::{Distinct, Span};
use operators::candles::{Candle, Interval, Ohlc, Params, Series};
use operators::usd::ValuedTrade;

use super::series;
use super::usd::clean_price;

/// All candles of all trades; `trades` and `moves` are in canonical order.
pub(super) fn candles(
    trades: &[ValuedTrade],
    moves: &[Migrated],
    now: Seconds,
    params: &Params,
) -> Vec<Candle> {
    // With each trade whether its price counts.
    let mut series: BTreeMap<(Series, Address), Vec<(&ValuedTrade, bool)>> = BTreeMap::new();
    for trade in trades {
        series.entry((Series::Pool, trade.trade().pool)).or_default().push((trade, true));
    }
    for (trade, part) in trades.iter().zip(series::parts(trades, moves, params)) {
        let mint = trade.trade().mint;
        if part.is_primary {
            series.entry((Series::Primary, mint)).or_default().push((trade, true));
        }
        if part.is_in_all {
            series.entry((Series::All, mint)).or_default().push((trade, part.is_priced_in_all));
        }
    }
    let mut candles = Vec::new();
    for ((series, id), trades) in series {
        for interval in &params.intervals {
            let opens: BTreeSet<Seconds> =
                trades.iter().map(|(t, _)| t.trade().origin.block_time / interval.seconds()).collect();
            for open in opens {
                let open_time = open * interval.seconds();
                let within =
                    |(t, _): &&(&ValuedTrade, bool)| t.trade().origin.block_time / interval.seconds() == open;
                let of_bar: Vec<(&ValuedTrade, bool)> = trades.iter().filter(within).copied().collect();
                candles.push(candle((series, id, *interval, open_time), &of_bar, now));
            }
        }
    }
    candles
}

fn candle(
    key: (Series, Address, Interval, Seconds),
    counted: &[(&ValuedTrade, bool)],
    now: Seconds,
) -> Candle {
    let (series, id, interval, open_time) = key;
    let trades: Vec<&ValuedTrade> = counted.iter().map(|(trade, _)| *trade).collect();
    let of_side = |side: Side| trades.iter().filter(move |t| t.trade().side == side);
    let quote = |side: Side| of_side(side).map(|t| u128::from(t.trade().quote_amount)).sum();
    let count = |side: Side| of_side(side).count() as u64;
    let distinct =
        |side: Side| of_side(side).filter_map(|t| t.trade().trader).collect::<BTreeSet<_>>().len() as u64;
    let (first, last) = (trades.first().expect("a bar has trades"), trades.last().expect("a bar has trades"));
    let clean = counted.iter().filter(|(trade, is_priced)| *is_priced && clean_price(trade).is_some());
    let clean: Vec<&ValuedTrade> = clean.map(|(trade, _)| *trade).collect();
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
        clean: (
            clean.iter().map(|t| u128::from(t.trade().base_amount)).sum(),
            clean.iter().map(|t| u128::from(t.trade().quote_amount)).sum(),
        ),
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
