//! Raydium CPMM in the vocabulary. Token 0 is the mint whose bytes are the lesser.
//!
//! Amounts are those that crossed the vaults: the fee is in the input. Part of it accrues outside the
//! reserves at a rate that the event does not tell, so the price after is true to some basis points.

use model::{Address, ChainEvent};

use super::{Event, LpChange, Swap as SwapEvent};
use crate::decode::Named;
use crate::normalize::swap::{Pricing, Swap, Taken};
use crate::normalize::{Context, Refusal};
use crate::pools::Hint;
use crate::programs::accounts::Order;

pub(super) fn normalize(event: &Event, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    match event {
        Event::Swap(event) => trade(event, at),
        Event::LpChange(event) => liquidity(event, at),
    }
}

fn trade(event: &SwapEvent, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let layout = &event.layout;
    let pool = layout.pool_id;
    let (hint, zero_in) = tokens(event, at)?;
    let known = at.pool(pool, hint)?;
    let (input, output) = if zero_in { (0, 1) } else { (1, 0) };
    let mut fees = [Taken::default(); 2];
    fees[input].lp = layout.trade_fee;
    let creator_in = if layout.creator_fee_on_input == Some(false) { output } else { input };
    fees[creator_in].creator = layout.creator_fee;
    let swap = Swap {
        input,
        amounts: ordered(zero_in, layout.input_amount, layout.output_amount),
        // The part of a transfer that a Token-2022 mint keeps, the user pays, or does not receive.
        user_amounts: ordered(
            zero_in,
            layout.input_amount.checked_add(layout.input_transfer_fee),
            layout.output_amount.checked_sub(layout.output_transfer_fee),
        ),
        tells_transfer_fees: true,
        price: Pricing::Reserves {
            before: ordered(zero_in, layout.input_vault_before, layout.output_vault_before).map(Some),
            after: ordered(
                zero_in,
                layout.input_vault_before.checked_add(layout.input_amount),
                layout.output_vault_before.checked_sub(layout.output_amount),
            ),
        },
        fees,
        supply: [None; 2],
        curve: None,
        user: at.decoded.named.user,
    };
    Ok(at.trade(pool, &known, &swap))
}

/// Values for input and output, in the order of the pool's tokens.
fn ordered<T>(zero_in: bool, of_input: T, of_output: T) -> [T; 2] {
    if zero_in { [of_input, of_output] } else { [of_output, of_input] }
}

/// The tokens in the pool's order, and whether token 0 goes in. The event tells, or the instruction, or
/// the vaults of the instruction.
fn tokens(event: &SwapEvent, at: &Context<'_>) -> Result<(Hint, bool), Refusal> {
    let named = &at.decoded.named;
    let layout = &event.layout;
    // Only a swap's accounts stand in the order of input and output.
    let named = if named.order == Order::Swap { *named } else { Named::default() };
    let mint = |side: usize, written: Option<Address>| {
        written.or(named.mints[side]).or_else(|| named.vaults[side].and_then(|vault| at.tx.mint_of(&vault)))
    };
    let mints = [mint(0, layout.input_mint), mint(1, layout.output_mint)];
    let [Some(input), Some(output)] = mints else {
        return Err(
            at.unknown_pool("the event is of a layout without mints, and its instruction is not known")
        );
    };
    let hint = Hint { mints, vaults: named.vaults, ..Hint::default() };
    let zero_in = input < output;
    Ok((if zero_in { hint } else { hint.flipped() }, zero_in))
}

fn liquidity(event: &LpChange, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let known = at.pool(event.pool_id, at.hint(false))?;
    let amounts = [event.token_0_amount, event.token_1_amount];
    let before = [event.token_0_vault_before, event.token_1_vault_before];
    Ok(at.liquidity(event.pool_id, &known, event.change_type == 0, amounts, before))
}
