//! From a draft and a place to a transaction.

use crate::transaction::Transaction;

use super::addresses::{COMPUTE_BUDGET, ROUTER, derive, tag};
use super::draft::{Draft, Failure, Step};
use super::transaction_builder::{Builder, Place};
use super::{encode_create, encode_migration, encode_pump, encode_pumpswap};

/// Lamports a signature costs.
const SIGNATURE_FEE: u64 = 5_000;

/// Writes `draft` as it lands at `place`.
pub(crate) fn assemble(draft: &Draft, place: Place) -> Transaction {
    let signers = std::iter::once(draft.payer).chain(draft.co_signers.iter().copied());
    let mut b = Builder::new(signers.map(|p| (p.address, p.lamports)), draft.unit_limit.into());
    budget(&mut b, draft);
    if draft.tip > 0 {
        let tips = derive(tag::OTHER, &[&COMPUTE_BUDGET.address]);
        b.pay(1, &draft.payer.address, &tips, draft.tip);
    }
    let error = match draft.failure {
        Some(Failure::Slippage) => Some(refuse(&mut b, draft)),
        Some(Failure::Afterwards) => {
            steps(&mut b, draft, place);
            b.enter(&ROUTER, 1, &[draft.payer.address], vec![7]);
            b.log("Instruction: AssertProfit");
            b.fail(&ROUTER, 1, 6001);
            Some(6001)
        }
        None => {
            steps(&mut b, draft, place);
            None
        }
    };
    if let Some(share) = draft.cut_logs {
        b.cut_logs(share);
    }
    let signatures = 1 + u64::try_from(draft.co_signers.len()).unwrap_or(0);
    let priority = super::curve::mul_div_up(draft.unit_price, draft.unit_limit.into(), 1_000_000);
    b.finish(draft.signature, place, SIGNATURE_FEE * signatures + priority, error)
}

fn budget(b: &mut Builder, draft: &Draft) {
    let limit = [&[2], &draft.unit_limit.to_le_bytes()[..]].concat();
    let price = [&[3], &draft.unit_price.to_le_bytes()[..]].concat();
    for data in [limit, price] {
        b.enter(&COMPUTE_BUDGET, 1, &[], data);
        b.leave(&COMPUTE_BUDGET, 1, None);
    }
}

fn steps(b: &mut Builder, draft: &Draft, place: Place) {
    let depth = if draft.routed { 2 } else { 1 };
    if draft.routed {
        b.enter(&ROUTER, 1, &[draft.payer.address], vec![1, 0, 0, 0]);
        b.log("Instruction: Route");
    }
    for step in &draft.steps {
        let time = place.block_time;
        match step {
            Step::Create(creation) => encode_create::create(b, creation, time),
            Step::CurveTrade(trade) => encode_pump::trade(b, trade, depth, time),
            Step::Migrate(migration) => encode_migration::migrate(b, migration, time),
            Step::PoolTrade(trade) => encode_pumpswap::trade(b, trade, depth, time),
            Step::Liquidity(liquidity) => encode_pumpswap::liquidity(b, liquidity, time),
        }
    }
    if draft.routed {
        b.leave(&ROUTER, 1, Some(180_000));
    }
}

/// The first trade refuses; returns the program's error code.
fn refuse(b: &mut Builder, draft: &Draft) -> u32 {
    for step in &draft.steps {
        match step {
            Step::CurveTrade(trade) => {
                encode_pump::refused_trade(b, trade);
                return 6002;
            }
            Step::PoolTrade(trade) => {
                encode_pumpswap::refused_trade(b, trade);
                return 6004;
            }
            Step::Create(_) | Step::Migrate(_) | Step::Liquidity(_) => {}
        }
    }
    6000
}
