//! Meteora dynamic bonding curves in the vocabulary.
//!
//! The fee is taken from the input or from the output, as the curve's configuration says; it is in the
//! input if the input without it is less. The quote amount is what the curve took or gave, the base
//! amount what the user did.

use model::{Address, ChainEvent, CurveCompleted, CurveState, Program, TokenCreated};

use super::{Event, InitializeArguments, InitializePool, Swap as Swap1, Swap2};
use crate::normalize::swap::{Pricing, Swap, Taken};
use crate::normalize::{Context, Refusal};
use crate::pools::Hint;

const BASE: usize = 0;
const QUOTE: usize = 1;

pub(super) fn normalize(event: &Event, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    match event {
        Event::Swap(event) => trade(&event.into(), at),
        Event::Swap2(event) | Event::HookedSwap(event) => trade(&event.into(), at),
        Event::CurveComplete(event) | Event::HookedCurveComplete(event) => {
            let mint =
                at.pools.get(&event.pool).map(|pool| pool.mints[BASE]).or(at.decoded.named.mints[BASE]);
            Ok(ChainEvent::CurveCompleted(CurveCompleted {
                origin: at.origin,
                program: Program::MeteoraDbc,
                mint,
                pool: event.pool,
                user: at.decoded.named.user,
            }))
        }
        Event::InitializePool(event) | Event::HookedInitializePool(event) => create(event, at),
    }
}

/// Amounts that both forms of a swap tell.
struct Amounts {
    pool: Address,
    sells_base: bool,
    input_with_fee: u64,
    input_without_fee: u64,
    output: u64,
    sqrt_price: u128,
    trading_fee: u64,
    protocol_fee: u64,
    referral_fee: u64,
    curve: Option<CurveState>,
}

impl From<&Swap1> for Amounts {
    fn from(event: &Swap1) -> Self {
        Self {
            pool: event.pool,
            sells_base: event.trade_direction == 0,
            input_with_fee: event.amount_in,
            input_without_fee: event.actual_input_amount,
            output: event.output_amount,
            sqrt_price: event.next_sqrt_price,
            trading_fee: event.trading_fee,
            protocol_fee: event.protocol_fee,
            referral_fee: event.referral_fee,
            curve: None,
        }
    }
}

impl From<&Swap2> for Amounts {
    fn from(event: &Swap2) -> Self {
        Self {
            pool: event.pool,
            sells_base: event.trade_direction == 0,
            input_with_fee: event.included_fee_input_amount,
            input_without_fee: event.excluded_fee_input_amount,
            output: event.output_amount,
            sqrt_price: event.next_sqrt_price,
            trading_fee: event.trading_fee,
            protocol_fee: event.protocol_fee,
            referral_fee: event.referral_fee,
            curve: Some(CurveState {
                done: event.quote_reserve_amount,
                target: event.migration_threshold,
                quote: event.quote_reserve_amount,
            }),
        }
    }
}

fn trade(event: &Amounts, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let known = at.pool(event.pool, at.hint(false))?;
    at.pools.learn_curve(known.mints[BASE], event.pool);
    let (input, output) = if event.sells_base { (BASE, QUOTE) } else { (QUOTE, BASE) };
    let all_fees =
        [event.protocol_fee, event.referral_fee].into_iter().fold(event.trading_fee, u64::saturating_add);
    let fee_in_input = event.input_with_fee != event.input_without_fee;
    let mut user_amounts = [0; 2];
    user_amounts[input] = event.input_with_fee;
    user_amounts[output] = event.output;
    let mut amounts = user_amounts;
    amounts[QUOTE] = match (event.sells_base, fee_in_input) {
        (false, _) => event.input_without_fee,
        (true, true) => event.output,
        (true, false) => event.output.saturating_add(all_fees),
    };
    let mut fees = [Taken::default(); 2];
    fees[if fee_in_input { input } else { output }] = Taken {
        protocol: Some(event.protocol_fee.saturating_add(event.referral_fee)),
        lp: Some(event.trading_fee),
        ..Taken::default()
    };
    let swap = Swap {
        input,
        amounts,
        user_amounts: user_amounts.map(Some),
        tells_transfer_fees: false,
        price: Pricing::SqrtPrice(event.sqrt_price),
        fees,
        supply: [None; 2],
        curve: event.curve,
        user: at.decoded.named.user,
    };
    Ok(at.trade(event.pool, &known, &swap))
}

/// The event names neither quote token nor name: the instruction has both.
fn create(event: &InitializePool, at: &mut Context<'_>) -> Result<ChainEvent, Refusal> {
    let hint = Hint { mints: [Some(event.base_mint), at.hint(false).mints[QUOTE]], ..at.hint(false) };
    let arguments = at.cause().and_then(|cause| InitializeArguments::from_instruction(&cause.data));
    let (Some(quote_mint), Some(arguments)) = (hint.mints[QUOTE], arguments) else {
        return Err(
            at.unknown_pool("quote token and name are in the instruction only, and that is not known")
        );
    };
    let known = at.pool(event.pool, hint)?;
    at.pools.learn_curve(event.base_mint, event.pool);
    Ok(ChainEvent::TokenCreated(TokenCreated {
        origin: at.origin,
        program: Program::MeteoraDbc,
        mint: event.base_mint,
        pool: event.pool,
        quote_mint,
        creator: Some(event.creator),
        user: at.decoded.named.user.unwrap_or(event.creator),
        name: arguments.name,
        symbol: arguments.symbol,
        uri: arguments.uri,
        decimals: known.decimals[BASE],
        supply: None,
        virtual_base: None,
        virtual_quote: None,
        real_base: None,
        is_mayhem: false,
        is_cashback: false,
    }))
}
