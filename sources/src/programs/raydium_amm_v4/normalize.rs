//! Raydium AMM v4 in the vocabulary. Coin is token 0, pc is token 1, and either may be SOL.
//!
//! Amounts are those that crossed the vaults: the fee, 25 basis points of the input, is in them.

use model::{ChainEvent, PoolCreated, Program};

use super::{Event, Init, Swap as Log};
use crate::normalize::swap::{Pricing, Swap, Taken};
use crate::normalize::{Context, Refusal};
use crate::pools::{Hint, Orientation};

pub(super) fn normalize(event: &Event, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    match event {
        Event::SwapBaseIn(log) | Event::SwapBaseOut(log) => trade(log, at),
        Event::Init(log) => create(log, at),
        Event::Deposit(log) => {
            let pool = at.named_pool()?;
            let known = at.pool(pool, at.hint(false))?;
            Ok(at.liquidity(
                pool,
                &known,
                true,
                [log.deduct_coin, log.deduct_pc],
                [log.pool_coin, log.pool_pc],
            ))
        }
        Event::Withdraw(log) => {
            let pool = at.named_pool()?;
            let known = at.pool(pool, at.hint(false))?;
            Ok(at.liquidity(pool, &known, false, [log.out_coin, log.out_pc], [log.pool_coin, log.pool_pc]))
        }
    }
}

fn trade(log: &Log, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let pool = at.named_pool()?;
    let known = at.pool(pool, at.hint(false))?;
    let input = usize::from(!log.coin_in());
    let amounts =
        if log.coin_in() { [log.amount_in, log.amount_out] } else { [log.amount_out, log.amount_in] };
    let before = [log.pool_coin, log.pool_pc];
    let mut after = before.map(Some);
    after[input] = before[input].checked_add(amounts[input]);
    after[1 - input] = before[1 - input].checked_sub(amounts[1 - input]);
    let mut fees = [Taken::default(); 2];
    // 22 of the 25 basis points go to the liquidity providers.
    let protocol = log.fee / 25 * 3 + log.fee % 25 * 3 / 25;
    fees[input] = Taken { protocol: Some(protocol), lp: Some(log.fee - protocol), ..Taken::default() };
    let swap = Swap {
        input,
        amounts,
        user_amounts: amounts.map(Some),
        tells_transfer_fees: false,
        price: Pricing::Reserves { before: before.map(Some), after },
        fees,
        supply: [None; 2],
        curve: None,
        user: at.decoded.named.user,
    };
    Ok(at.trade(pool, &known, &swap))
}

fn create(log: &Init, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let pool = at.named_pool()?;
    let hint = Hint { decimals: [Some(log.coin_decimals), Some(log.pc_decimals)], ..at.hint(false) };
    let known = at.pool(pool, hint)?;
    let amounts = [log.coin_amount, log.pc_amount];
    let Orientation { quote, is_known } = at.pools.orientation(Program::RaydiumAmmV4, &known.mints);
    let base = 1 - quote;
    Ok(ChainEvent::PoolCreated(PoolCreated {
        origin: at.origin,
        program: Program::RaydiumAmmV4,
        pool,
        mint: known.mints[base],
        quote_mint: known.mints[quote],
        quote_known: is_known,
        creator: at.decoded.named.user,
        base_vault: known.vaults[base],
        quote_vault: known.vaults[quote],
        base_decimals: known.decimals[base],
        quote_decimals: known.decimals[quote],
        base_amount: Some(amounts[base]),
        quote_amount: Some(amounts[quote]),
    }))
}
