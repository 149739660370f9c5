//! pump.fun in the vocabulary. Coins quoted in SOL have WSOL as their quote token.

use model::{Address, ChainEvent, CurveCompleted, CurveParametersChanged, Migrated, Program, TokenCreated};

use super::{Create, DECIMALS, Event, MAYHEM_SUPPLY, SUPPLY, Trade, quote_mint};
use crate::holdings::Holdings;
use crate::normalize::swap::{Pricing, Swap, Taken};
use crate::normalize::trader::counterparty;
use crate::normalize::{Context, Refusal};
use crate::pools::Hint;

const BASE: usize = 0;
const QUOTE: usize = 1;

pub(super) fn normalize(event: &Event, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    match event {
        Event::Trade(event) => trade(event, at),
        Event::Create(event) => Ok(create(event, at)),
        Event::Complete(event) => Ok(ChainEvent::CurveCompleted(CurveCompleted {
            origin: at.origin,
            program: Program::Pump,
            mint: Some(event.mint),
            pool: event.bonding_curve,
            user: Some(event.user),
        })),
        Event::Migration(event) => Ok(ChainEvent::Migrated(Migrated {
            origin: at.origin,
            program: Program::Pump,
            mint: event.mint,
            from: event.bonding_curve,
            to: Some(event.pool),
            base_amount: event.mint_amount,
            quote_amount: event.sol_amount,
            fee: event.pool_migration_fee,
        })),
        Event::MayhemUpdate(event) => Ok(ChainEvent::CurveParametersChanged(CurveParametersChanged {
            origin: at.origin,
            program: Program::Pump,
            mint: event.mint,
            pool: at.pools.curve(&event.mint),
            virtual_base: event.new_virtual_token,
            virtual_quote: event.new_virtual_sol,
            real_base: Some(event.real_token),
            real_quote: Some(event.real_sol),
        })),
    }
}

fn create(event: &Create, at: &mut Context<'_>) -> ChainEvent {
    at.pools.learn_curve(event.mint, event.bonding_curve);
    let quote_mint = quote_mint(event.quote_mint);
    let is_mayhem = event.is_mayhem_mode.unwrap_or(false);
    let supply = if is_mayhem {
        // The event says what the curve was given. The instructions say how much was minted in all.
        let minted = Holdings::of(at.tx).minted(&event.mint);
        let supply = if minted > 0 { minted } else { MAYHEM_SUPPLY };
        at.pools.learn_supply(event.mint, supply);
        Some(supply)
    } else {
        event.token_total_supply
    };
    let virtual_quote = if quote_mint == Address::WSOL {
        event.virtual_sol_reserves.or(event.virtual_quote_reserves)
    } else {
        event.virtual_quote_reserves
    };
    ChainEvent::TokenCreated(TokenCreated {
        origin: at.origin,
        program: Program::Pump,
        mint: event.mint,
        pool: event.bonding_curve,
        quote_mint,
        creator: event.creator,
        user: event.user,
        name: event.name.clone(),
        symbol: event.symbol.clone(),
        uri: event.uri.clone(),
        decimals: DECIMALS,
        supply,
        virtual_base: event.virtual_token_reserves,
        virtual_quote,
        real_base: event.real_token_reserves,
        is_mayhem,
        is_cashback: event.is_cashback_enabled.unwrap_or(false),
    })
}

fn trade(event: &Trade, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let layout = &event.layout;
    let pool = curve(event, at)?;
    at.pools.learn_curve(layout.mint, pool);
    let hint = Hint {
        mints: [Some(layout.mint), Some(quote_mint(layout.quote_mint))],
        decimals: [Some(DECIMALS), None],
        ..at.hint(false)
    };
    let known = at.pool(pool, hint)?;
    let (base, quote) = (layout.token_amount, event.quote_amount);
    // Where the layout has no fees, what the user paid is not known; it has no cashback before it has fees.
    let charged = layout
        .fee
        .zip(layout.creator_fee)
        .map(|(fee, creator)| fee.saturating_add(creator).saturating_add(layout.cashback.unwrap_or(0)));
    let user_quote = charged
        .and_then(|fees| if layout.is_buy { quote.checked_add(fees) } else { quote.checked_sub(fees) });
    let before = if layout.is_buy {
        [layout.virtual_token_reserves.checked_add(base), event.quote_reserve.checked_sub(quote)]
    } else {
        [layout.virtual_token_reserves.checked_sub(base), event.quote_reserve.checked_add(quote)]
    };
    let supply = match layout.mayhem_mode {
        Some(true) => at.pools.supply(&layout.mint).unwrap_or(MAYHEM_SUPPLY),
        _ => SUPPLY,
    };
    let fees =
        Taken { protocol: layout.fee, creator: layout.creator_fee, lp: None, cashback: layout.cashback };
    let swap = Swap {
        input: if layout.is_buy { QUOTE } else { BASE },
        amounts: [base, quote],
        user_amounts: [Some(base), user_quote],
        tells_transfer_fees: false,
        price: Pricing::Reserves {
            before,
            after: [Some(layout.virtual_token_reserves), Some(event.quote_reserve)],
        },
        fees: [Taken::default(), fees],
        supply: [Some(supply), None],
        curve: None,
        user: Some(layout.user),
    };
    Ok(at.trade(pool, &known, &swap))
}

/// The curve of a trade: as the instruction names it, as an earlier event did, or the one owner whose
/// holdings changed by the trade.
fn curve(event: &Trade, at: &Context<'_>) -> Result<Address, Refusal> {
    let layout = &event.layout;
    let amount = i128::from(layout.token_amount);
    let change = if layout.is_buy { -amount } else { amount };
    at.decoded
        .named
        .pool
        .or_else(|| at.pools.curve(&layout.mint))
        .or_else(|| counterparty(at.tx, &layout.mint, change))
        .ok_or_else(|| {
            at.unknown_pool("the bonding curve is named neither by the instruction nor by an earlier event")
        })
}
