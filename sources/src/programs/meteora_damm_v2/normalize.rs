//! Meteora DAMM v2 in the vocabulary. Amounts are those that crossed the vaults.

use model::ChainEvent;

use super::{Event, Swap as Old, Swap2};
use crate::normalize::swap::{Pricing, Swap, Taken};
use crate::normalize::{Context, Refusal};

pub(super) fn normalize(event: &Event, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    match event {
        Event::Swap(event) => old(event, at),
        Event::Swap2(event) => new(event, at),
    }
}

/// The tokens that go in and out.
const fn sides(trade_direction: u8) -> (usize, usize) {
    if trade_direction == 0 { (0, 1) } else { (1, 0) }
}

/// The old form tells neither what the pool keeps its fees in nor what a token keeps of a transfer out.
fn old(event: &Old, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let known = at.pool(event.pool, at.hint(false))?;
    let (input, output) = sides(event.trade_direction);
    let mut amounts = [0; 2];
    amounts[input] = event.actual_amount_in;
    amounts[output] = event.output_amount;
    let mut user_amounts = amounts;
    user_amounts[input] = event.amount_in;
    let mut fees = [Taken::default(); 2];
    if input == 0 {
        // Pools keep their fees in what goes out, or in token B alone: of token A they keep none. Which
        // of the two a pool does, and so what a swap of token B bears, the event does not tell.
        fees[output] = Taken {
            protocol: Some(event.protocol_fee.saturating_add(event.referral_fee)),
            lp: Some(event.lp_fee.saturating_add(event.partner_fee)),
            ..Taken::default()
        };
    }
    let swap = Swap {
        input,
        amounts,
        user_amounts: user_amounts.map(Some),
        tells_transfer_fees: false,
        price: Pricing::SqrtPrice(event.next_sqrt_price),
        fees,
        supply: [None; 2],
        curve: None,
        user: at.decoded.named.user,
    };
    Ok(at.trade(event.pool, &known, &swap))
}

fn new(event: &Swap2, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let known = at.pool(event.pool, at.hint(false))?;
    let (input, output) = sides(event.trade_direction);
    let mut amounts = [0; 2];
    amounts[input] = event.included_fee_input_amount;
    amounts[output] = event.output_amount;
    let mut user_amounts = [0; 2];
    user_amounts[input] = event.included_transfer_fee_amount_in;
    user_amounts[output] = event.excluded_transfer_fee_amount_out;
    let fee_in_input = event.included_fee_input_amount != event.excluded_fee_input_amount;
    let mut fees = [Taken::default(); 2];
    fees[if fee_in_input { input } else { output }] = Taken {
        protocol: Some(event.protocol_fee.saturating_add(event.referral_fee)),
        lp: Some(event.claiming_fee.saturating_add(event.compounding_fee)),
        ..Taken::default()
    };
    let swap = Swap {
        input,
        amounts,
        user_amounts: user_amounts.map(Some),
        tells_transfer_fees: true,
        price: Pricing::SqrtPrice(event.next_sqrt_price),
        fees,
        supply: [None; 2],
        curve: None,
        user: at.decoded.named.user,
    };
    Ok(at.trade(event.pool, &known, &swap))
}
