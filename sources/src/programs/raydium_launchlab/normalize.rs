//! Raydium LaunchLab in the vocabulary.

use model::{ChainEvent, CurveState, Program, TokenCreated};

use super::{Event, PoolCreate, Trade};
use crate::normalize::swap::{Pricing, Swap, Taken};
use crate::normalize::{Context, Refusal};

const BASE: usize = 0;
const QUOTE: usize = 1;

pub(super) fn normalize(event: &Event, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    match event {
        Event::Trade(event) => trade(event, at),
        Event::PoolCreate(event) => create(event, at),
    }
}

fn trade(event: &Trade, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let known = at.pool(event.pool_state, at.hint(false))?;
    at.pools.learn_curve(known.mints[BASE], event.pool_state);
    let reserves = |sold: u64, raised: u64| {
        [event.virtual_base.checked_sub(sold), event.virtual_quote.checked_add(raised)]
    };
    let protocol =
        [event.platform_fee, event.share_fee].into_iter().fold(event.protocol_fee, u64::saturating_add);
    let fees = Taken { protocol: Some(protocol), creator: event.creator_fee, lp: None, cashback: None };
    let swap = Swap {
        input: if event.is_buy { QUOTE } else { BASE },
        amounts: [event.base_amount, event.curve_quote_amount],
        user_amounts: [Some(event.base_amount), Some(event.quote_amount)],
        tells_transfer_fees: false,
        price: Pricing::Reserves {
            before: reserves(event.real_base_before, event.real_quote_before),
            after: reserves(event.real_base_after, event.real_quote_after),
        },
        fees: [Taken::default(), fees],
        supply: [None; 2],
        curve: Some(CurveState {
            done: event.real_base_after,
            target: event.total_base_sell,
            quote: event.real_quote_after,
        }),
        user: at.decoded.named.user,
    };
    Ok(at.trade(event.pool_state, &known, &swap))
}

fn create(event: &PoolCreate, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let hint = crate::pools::Hint { decimals: [Some(event.decimals), None], ..at.hint(false) };
    let [Some(mint), Some(quote_mint)] = hint.mints else {
        return Err(
            at.unknown_pool("the event names no mint, and the instruction that wrote it is not known")
        );
    };
    at.pools.learn_curve(mint, event.pool_state);
    // The decimals of the quote token may not be in this transaction; the first trade learns them then.
    let _ = at.pools.resolve(at.tx, event.pool_state, hint);
    Ok(ChainEvent::TokenCreated(TokenCreated {
        origin: at.origin,
        program: Program::RaydiumLaunchlab,
        mint,
        pool: event.pool_state,
        quote_mint,
        creator: Some(event.creator),
        user: at.decoded.named.user.unwrap_or(event.creator),
        name: event.name.clone(),
        symbol: event.symbol.clone(),
        uri: event.uri.clone(),
        decimals: event.decimals,
        supply: Some(event.curve.supply),
        virtual_base: None,
        virtual_quote: None,
        real_base: event.curve.total_base_sell,
        is_mayhem: false,
        is_cashback: false,
    }))
}
