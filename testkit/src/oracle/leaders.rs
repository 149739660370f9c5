//! Boards by brute force: for every board, sort every token.

use std::cmp::Reverse;

use model::Price;
use operators::leaders::{Kind, Leader, Params, Place, Unit};
use operators::number::Number;
use operators::tokens::{Status, Token};

/// The boards of some tokens.
pub(super) fn leaders(tokens: &[Token], params: &Params) -> Vec<Leader> {
    let mut leaders = Vec::new();
    for board in Kind::ALL {
        let alive = tokens.iter().filter(|token| token.status != Status::Dead && !token.mint.is_currency());
        let mut standing: Vec<_> =
            alive.filter_map(|token| Some((measure(token, board, params)?, token.mint))).collect();
        // In USD first, then by value, then by mint.
        standing.sort_by_key(|((unit, value), mint)| (*unit, Reverse(*value), *mint));
        for ((unit, value), mint) in standing.into_iter().take(params.size as usize) {
            let rank = 1 + leaders.iter().filter(|leader: &&Leader| leader.board == board).count();
            let rank = u32::try_from(rank).expect("boards are short");
            leaders.push(Leader { board, rank, mint, place: Place { unit, value: Reverse(value) } });
        }
    }
    leaders
}

#[expect(clippy::cast_precision_loss, reason = "times are far below 2^53")]
fn measure(token: &Token, board: Kind, params: &Params) -> Option<(Unit, Number)> {
    let trading = &token.trading;
    let either = |usd: Option<Number>, quote: Option<Number>| match (usd, quote) {
        (Some(usd), _) => Some((Unit::Usd, usd)),
        (None, quote) => Some((Unit::Quote, quote?)),
    };
    let price = |price: Option<Price>| Number::new(price?.get());
    match board {
        Kind::Volume if trading.txns_24h == 0 => None,
        Kind::Volume => either(trading.volume_usd_24h, trading.volume_24h),
        Kind::MarketCap => either(price(token.valuation.market_cap_usd), price(token.valuation.market_cap)),
        Kind::Trending => {
            let score = token.score.as_ref()?.total()?;
            (score.get() > 0.0).then_some((Unit::Points, score))
        }
        Kind::Gainers => {
            let is_liquid = token.liquidity_usd()?.get() >= params.gainers_liquidity_usd_min;
            let gain = trading.change_1h?;
            let is_there = is_liquid && trading.txns_24h >= params.gainers_txns_min && gain.get() > 0.0;
            is_there.then_some((Unit::Percent, gain))
        }
        Kind::New => Some((Unit::Ms, Number::new(token.created_at()? as f64 * 1000.0)?)),
        Kind::Graduating => {
            let progress = token.curve_progress_pct?;
            let is_there = [Status::Created, Status::Trading].contains(&token.status) && progress.get() > 0.0;
            is_there.then_some((Unit::Percent, progress))
        }
    }
}
