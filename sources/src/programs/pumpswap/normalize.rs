//! PumpSwap in the vocabulary. The LP fee stays in the pool: reserves after a trade include it.

use model::{Address, ChainEvent, CurveParametersChanged, PoolCreated, Program};

use super::{Amounts, Boost, Buy, CreatePool, Event, Sell};
use crate::normalize::swap::{Pricing, Swap, Taken};
use crate::normalize::{Context, Refusal};
use crate::pools::{Hint, Orientation, Pool, owned_by};

const BASE: usize = 0;
const QUOTE: usize = 1;

pub(super) fn normalize(event: &Event, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    match event {
        Event::Buy(event) => trade(at, &event.amounts, &event.into()),
        Event::Sell(event) => trade(at, &event.amounts, &event.into()),
        Event::CreatePool(event) => Ok(create(event, at)),
        Event::Deposit(event) => {
            let before = [event.pool_base_token_reserves, event.pool_quote_token_reserves];
            let known = pool(at, event.pool, before)?;
            Ok(at.liquidity(event.pool, &known, true, [event.base_amount_in, event.quote_amount_in], before))
        }
        Event::Withdraw(event) => {
            let before = [event.pool_base_token_reserves, event.pool_quote_token_reserves];
            let known = pool(at, event.pool, before)?;
            Ok(at.liquidity(
                event.pool,
                &known,
                false,
                [event.base_amount_out, event.quote_amount_out],
                before,
            ))
        }
        Event::Boost(event) => Ok(boost(event, at)),
    }
}

/// Fields that a purchase and a sale name differently.
struct Sides {
    pool: Address,
    user: Address,
    base: u64,
    reserves: [u64; 2],
    fees: Taken,
    lp_fee: u64,
    base_supply: Option<u64>,
}

impl From<&Buy> for Sides {
    fn from(event: &Buy) -> Self {
        let layout = &event.layout;
        Self {
            pool: layout.pool,
            user: layout.user,
            base: layout.base_amount_out,
            reserves: [layout.pool_base_token_reserves, layout.pool_quote_token_reserves],
            fees: Taken {
                protocol: Some(layout.protocol_fee),
                creator: layout.coin_creator_fee,
                lp: Some(layout.lp_fee),
                cashback: layout.cashback,
            },
            lp_fee: layout.lp_fee,
            base_supply: layout.base_supply,
        }
    }
}

impl From<&Sell> for Sides {
    fn from(event: &Sell) -> Self {
        let layout = &event.layout;
        Self {
            pool: layout.pool,
            user: layout.user,
            base: layout.base_amount_in,
            reserves: [layout.pool_base_token_reserves, layout.pool_quote_token_reserves],
            fees: Taken {
                protocol: Some(layout.protocol_fee),
                creator: layout.coin_creator_fee,
                lp: Some(layout.lp_fee),
                cashback: layout.cashback,
            },
            lp_fee: layout.lp_fee,
            base_supply: layout.base_supply,
        }
    }
}

fn trade(at: &mut Context<'_>, amounts: &Amounts, sides: &Sides) -> Result<ChainEvent, Refusal> {
    let known = pool(at, sides.pool, sides.reserves)?;
    let quote = amounts.quote_amount;
    let [base_before, quote_before] = sides.reserves;
    let (base_after, quote_after) = if amounts.is_buy {
        let into = quote.checked_add(sides.lp_fee);
        (base_before.checked_sub(sides.base), into.and_then(|into| quote_before.checked_add(into)))
    } else {
        let out = quote.checked_sub(sides.lp_fee);
        (base_before.checked_add(sides.base), out.and_then(|out| quote_before.checked_sub(out)))
    };
    // The virtual part may be negative; reserves that come to nothing set no price.
    let effective =
        |real: u64| u64::try_from(amounts.virtual_quote_reserves.saturating_add(real.into())).ok();
    let swap = Swap {
        input: if amounts.is_buy { QUOTE } else { BASE },
        amounts: [sides.base, quote],
        user_amounts: [Some(sides.base), Some(amounts.user_quote_amount)],
        tells_transfer_fees: false,
        price: Pricing::Reserves {
            before: [Some(base_before), effective(quote_before)],
            after: [base_after, quote_after.and_then(effective)],
        },
        fees: [Taken::default(), sides.fees],
        supply: [sides.base_supply, None],
        curve: None,
        user: Some(sides.user),
    };
    Ok(at.trade(sides.pool, &known, &swap))
}

/// All of a pool. If neither the instruction nor an earlier event tells its mints, its own token
/// accounts do: the pool owns its vaults, and the event says what is in them.
fn pool(at: &mut Context<'_>, pool: Address, reserves: [u64; 2]) -> Result<Pool, Refusal> {
    let mut hint = at.hint(false);
    if hint.mints == [None; 2]
        && at.pools.get(&pool).is_none()
        && let [first, second] = owned_by(at.tx, &pool)[..]
    {
        let ordered = if first.amount == reserves[BASE] { [first, second] } else { [second, first] };
        hint = Hint {
            mints: ordered.map(|balance| Some(balance.mint)),
            decimals: ordered.map(|balance| Some(balance.decimals)),
            vaults: ordered.map(|balance| at.tx.keys.get(usize::from(balance.account)).copied()),
        };
    }
    at.pool(pool, hint)
}

fn create(event: &CreatePool, at: &mut Context<'_>) -> ChainEvent {
    let known = Pool {
        mints: [event.base_mint, event.quote_mint],
        decimals: [event.base_mint_decimals, event.quote_mint_decimals],
        vaults: at.decoded.named.vaults,
    };
    at.pools.learn(event.pool, known);
    let amounts = [event.pool_base_amount, event.pool_quote_amount];
    let Orientation { quote, is_known } = at.pools.orientation(Program::Pumpswap, &known.mints);
    let base = 1 - quote;
    ChainEvent::PoolCreated(PoolCreated {
        origin: at.origin,
        program: Program::Pumpswap,
        pool: event.pool,
        mint: known.mints[base],
        quote_mint: known.mints[quote],
        quote_known: is_known,
        creator: Some(event.creator),
        base_vault: known.vaults[base],
        quote_vault: known.vaults[quote],
        base_decimals: known.decimals[base],
        quote_decimals: known.decimals[quote],
        base_amount: Some(amounts[base]),
        quote_amount: Some(amounts[quote]),
    })
}

/// The pool's own purchase, whose base is burnt: no trade, and another price.
fn boost(event: &Boost, at: &Context<'_>) -> ChainEvent {
    let quote = i128::from(event.real_quote_after).saturating_add(event.virtual_quote);
    ChainEvent::CurveParametersChanged(CurveParametersChanged {
        origin: at.origin,
        program: Program::Pumpswap,
        mint: event.mint,
        pool: Some(event.pool),
        virtual_base: event.base_after,
        virtual_quote: u64::try_from(quote).unwrap_or(event.real_quote_after),
        real_base: Some(event.base_after),
        real_quote: Some(event.real_quote_after),
    })
}
