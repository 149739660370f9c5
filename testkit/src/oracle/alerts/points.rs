//! What happened to every token, in canonical order.

use std::collections::BTreeMap;

use model::exact::quotient;
use model::{Address, ChainEvent, CurveState, EventId, Program, Seconds, Side};
use operators::alerts::{Shares, list_key};
use operators::indicators::Values;
use operators::smart::Match;
use operators::usd::ValuedTrade;

use super::super::{Facts, series, smart, tokens};
use super::told::Told;

/// What happened to a token.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) time: Seconds,
    /// None of what is no event.
    pub(super) id: Option<EventId>,
    pub(super) program: Option<Program>,
    pub(super) what: What,
}

/// What a trade says of its curve.
#[derive(Clone, Copy)]
pub(super) enum Sold {
    /// Percent.
    Pct(Option<f64>),
    /// Base that sets the price, and whether the curve is a usual one.
    Left(u64, bool),
}

#[derive(Clone, Copy)]
pub(super) enum What {
    Trade {
        prices: [Option<f64>; 2],
        caps: [Option<f64>; 2],
        supply: Option<f64>,
        value: Option<f64>,
        side: Side,
        curve: Option<Sold>,
    },
    Created {
        creator: Option<Address>,
        supply: Option<f64>,
        curve: Option<Curve>,
    },
    Curve(Curve),
    Completed,
    Migrated,
    Liquidity {
        is_in: bool,
        pct: f64,
    },
    /// Of a wallet on a list: which, who, base bought or sold, USD, rank, and whether that was not known.
    Smart(Smart),
    Bar {
        interval: Seconds,
        values: Values,
    },
    Shares(Shares),
}

#[derive(Clone, Copy)]
pub(super) struct Smart {
    pub(super) list: u64,
    pub(super) trader: Address,
    pub(super) side: Side,
    pub(super) base: i128,
    pub(super) value: Option<f64>,
    pub(super) score: u8,
    pub(super) is_historical: bool,
}

/// Base that sets the price, how much of it is not for sale, and what there was to sell.
pub(super) type Curve = (Option<u64>, Option<i128>, Option<u64>);

#[expect(clippy::cast_precision_loss, reason = "small enough")]
pub(super) fn number(value: u128) -> f64 {
    value as f64
}

fn coins(raw: Option<u64>, decimals: u8) -> Option<f64> {
    raw.filter(|raw| *raw > 0).map(|raw| number(raw.into()) * (1.0 / 10f64.powi(decimals.into())))
}

pub(super) fn points(facts: &Facts<'_>, told: &Told) -> BTreeMap<Address, Vec<Point>> {
    let mut points: BTreeMap<Address, Vec<Point>> = BTreeMap::new();
    for (valued, part) in facts.valued.iter().zip(&facts.parts).filter(|(t, _)| t.trade().quote_known) {
        points.entry(valued.trade().mint).or_default().push(of_trade(valued, part.is_primary));
    }
    let params = &facts.params.market.candles;
    let of_tokens = series::liquidity(&facts.valued, &facts.survivors, &facts.moves, params);
    let heard = tokens::heard(facts);
    let is_of_token = |event: &&ChainEvent| match event {
        ChainEvent::LiquidityChanged(event) => of_tokens.contains(&event.origin.id),
        _ => true,
    };
    for event in facts.survivors.iter().filter(is_of_token) {
        let Some((program, what)) = of_event(event) else { continue };
        // Some completions say only of which curve they are.
        let Some(mint) = tokens::with_mint(event, &heard).mint() else { continue };
        let origin = event.origin();
        let (time, id, program) = (origin.block_time, Some(origin.id), Some(program));
        points.entry(mint).or_default().push(Point { time, id, program, what });
    }
    let mut matches = smart::matches(facts);
    matches.sort_by_key(|matched| (matched.event, list_key(&matched.list)));
    for matched in matches {
        points.entry(matched.trade.mint).or_default().push(of_match(&matched));
    }
    for (mint, time, what) in told.points() {
        points.entry(mint).or_default().push(Point { time, id: None, program: None, what });
    }
    for points in points.values_mut() {
        // Bars before holdings, as they were put.
        points.sort_by_key(|point| (point.time, point.id));
    }
    points
}

fn of_trade(valued: &ValuedTrade, is_primary: bool) -> Point {
    let trade = valued.trade();
    let is_clean = is_primary && valued.clean_price().is_some();
    let (quote, base) = (u128::from(trade.quote_amount), u128::from(trade.base_amount));
    let ten = |decimals: u8| -i32::from(decimals);
    // One quotient each, of all that there is to multiply and divide.
    let value = |more: &[u128], power: i32| {
        let above: Vec<u128> = std::iter::once(quote).chain(more.iter().copied()).collect();
        let exact = quotient(&above, &[base], power + ten(trade.quote_decimals));
        exact.filter(|_| is_clean)
    };
    let rate = valued.usd.map(|rate| u128::from(rate.nanos));
    let supply = trade.base_supply.map(u128::from);
    let coins_of_base = i32::from(trade.base_decimals);
    let is_sol = trade.quote_mint == Address::WSOL;
    let is_usual = trade.program == Program::Pump && trade.quote_mint == Address::WSOL;
    let reserves = trade.base_reserve.zip(trade.quote_reserve);
    let what = What::Trade {
        prices: [
            rate.and_then(|rate| value(&[rate], coins_of_base - 9)),
            value(&[], coins_of_base).filter(|_| is_sol),
        ],
        caps: [
            rate.zip(supply).and_then(|(rate, supply)| value(&[rate, supply], -9)),
            supply.and_then(|supply| value(&[supply], 0)).filter(|_| is_sol),
        ],
        supply: coins(trade.base_supply, trade.base_decimals),
        value: valued.value_micros().map(|micros| number(micros) / 1e6),
        side: trade.side,
        curve: match trade.curve {
            _ if !trade.program.is_curve() => None,
            Some(said) if said.target == 0 => Some(Sold::Pct(None)),
            Some(CurveState { done, target, .. }) => {
                Some(Sold::Pct(Some((100.0 * (number(done.into()) / number(target.into()))).min(100.0))))
            }
            None => reserves.map(|(base, _)| Sold::Left(base, is_usual)),
        },
    };
    let origin = trade.origin;
    Point { time: origin.block_time, id: Some(origin.id), program: Some(trade.program), what }
}

fn of_event(event: &ChainEvent) -> Option<(Program, What)> {
    Some(match event {
        ChainEvent::TokenCreated(event) => {
            let supply = coins(event.supply, event.decimals);
            let sets = event.virtual_base.filter(|_| event.virtual_quote.is_some());
            let apart = sets.zip(event.real_base).map(|(a, b)| i128::from(a) - i128::from(b));
            let curve = (sets, apart, event.real_base);
            let curve = event.program.is_curve().then_some(curve);
            (event.program, What::Created { creator: event.creator, supply, curve })
        }
        ChainEvent::CurveCompleted(event) => (event.program, What::Completed),
        ChainEvent::Migrated(event) => (event.program, What::Migrated),
        ChainEvent::LiquidityChanged(event) => {
            let (moved, after) = (u128::from(event.quote_amount), u128::from(event.quote_reserve));
            let before = if event.added { after.saturating_sub(moved) } else { after + moved };
            if before == 0 || moved == 0 {
                return None;
            }
            let pct = number(moved * 100) / number(before);
            (event.program, What::Liquidity { is_in: event.added, pct })
        }
        ChainEvent::CurveParametersChanged(event) if event.pool.is_some() => {
            let real = event.real_base.filter(|_| event.real_quote.is_some());
            let apart = real.map(|real| i128::from(event.virtual_base) - i128::from(real));
            (event.program, What::Curve((Some(event.virtual_base), apart, None)))
        }
        _ => return None,
    })
}

fn of_match(matched: &Match) -> Point {
    let trade = matched.trade;
    let what = What::Smart(Smart {
        list: list_key(&matched.list),
        trader: matched.trader,
        side: trade.side,
        base: smart::signed(matched, trade.base),
        value: trade.value_micros().map(|micros| number(micros.into()) / 1e6),
        score: matched.score.unwrap_or(0),
        is_historical: matched.historical,
    });
    Point { time: trade.time, id: Some(matched.event), program: None, what }
}
