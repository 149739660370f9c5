//! Raydium CLMM in the vocabulary. Amounts are those that crossed the vaults: the fee is in the input.

use model::ChainEvent;

use super::Event;
use crate::normalize::swap::{Pricing, Swap, Taken};
use crate::normalize::{Context, Refusal};
use crate::pools::{Hint, owned_by};

pub(super) fn normalize(event: &Event, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let Event::Swap(event) = event;
    let pool = event.pool_state;
    let mut hint = at.hint(event.zero_for_one);
    if hint == Hint::default() && at.pools.get(&pool).is_none() {
        // An instruction that is not known. The pool owns its vaults; token 0 is the lesser mint.
        let mut owned = owned_by(at.tx, &pool);
        owned.sort_by_key(|balance| balance.mint);
        if let [first, second] = owned[..] {
            hint.mints = [Some(first.mint), Some(second.mint)];
        }
    }
    let known = at.pool(pool, hint)?;
    let input = usize::from(!event.zero_for_one);
    let amounts = [event.amount_0, event.amount_1];
    let transfer_fees = [event.transfer_fee_0, event.transfer_fee_1];
    let mut user_amounts = [None; 2];
    user_amounts[input] = amounts[input].checked_add(transfer_fees[input]);
    user_amounts[1 - input] = amounts[1 - input].checked_sub(transfer_fees[1 - input]);
    let swap = Swap {
        input,
        amounts,
        user_amounts,
        tells_transfer_fees: true,
        price: Pricing::SqrtPrice(event.sqrt_price_x64),
        fees: [event.trade_fee_0, event.trade_fee_1].map(|lp| Taken { lp, ..Taken::default() }),
        supply: [None; 2],
        curve: None,
        // `sender` is whoever called: a wallet, or a router.
        user: Some(event.sender),
    };
    Ok(at.trade(pool, &known, &swap))
}
