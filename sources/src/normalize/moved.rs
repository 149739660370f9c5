//! Real gains and losses of the wallets of a transaction's trades.
//!
//! An event says what moved the pool, and of some fees who bears them. A wallet may gain less and give
//! more than that: the token keeps a part of each transfer, or a router does. The balances of its accounts
//! show it, so far as they can be put down to the trade:
//!
//! * they changed by what the events say: then that is right;
//! * they fell short by no more than the mint has kept: then it kept it of these trades, of each in
//!   proportion;
//! * there is one trade of the token, and they are off by at most a tenth: then somebody took a fee;
//! * else the wallet did something beside, and the events' word stands, as not shown.
//!
//! Source: DEFINITIONS §1, the two base legs.

use model::{Address, ChainEvent, Event, Side, Trade};

use super::trader::{Question, Traders};
use crate::holdings::{Holdings, change_of};
use crate::pools::PoolRegistry;
use crate::transaction::Transaction;

/// Facts of a swap that its trade does not carry.
#[derive(Clone, Copy, Debug)]
pub struct Swapped {
    /// The user that the event names, or its instruction.
    pub(super) named: Option<Address>,
    /// Base that the user gained or gave, by the event: after fees in base, raw units.
    pub(super) base_user: u64,
    /// True if the event tells the transfer fees of its tokens, so that these are in `base_user` too.
    pub(super) tells_transfer_fees: bool,
    /// Where the pool keeps its base, where known.
    pub(super) base_vault: Option<Address>,
    /// Where it keeps its quote, where known.
    pub(super) quote_vault: Option<Address>,
    /// The instruction that caused it: top-level, and under it.
    pub(super) cause: Option<(u16, Option<u16>)>,
}

/// A trade among the events of its transaction, with what it does not say.
pub type Placed = (usize, Swapped);

/// Finds out whose each trade of a transaction is and what it moved. `swaps` are the places of the trades
/// among `events`, which are all of one transaction.
pub fn attribute(tx: &Transaction, pools: &PoolRegistry, events: &mut [Event], swaps: &[Placed]) {
    let mut trades: Vec<(Trade, Swapped)> = Vec::with_capacity(swaps.len());
    for (at, swapped) in swaps {
        if let Some(Event::Chain(ChainEvent::Trade(trade))) = events.get(*at) {
            trades.push((*trade, *swapped));
        }
    }
    if trades.is_empty() {
        return;
    }
    let holdings = Holdings::of(tx);
    name(tx, pools, &holdings, &mut trades);
    weigh(&holdings, &mut trades);
    for ((at, _), (trade, _)) in swaps.iter().zip(trades) {
        if let Some(Event::Chain(ChainEvent::Trade(place))) = events.get_mut(*at) {
            *place = trade;
        }
    }
}

fn name(tx: &Transaction, pools: &PoolRegistry, holdings: &Holdings<'_>, trades: &mut [(Trade, Swapped)]) {
    let vaults = trades.iter().flat_map(|(_, swapped)| [swapped.base_vault, swapped.quote_vault]).flatten();
    let owners = vaults.filter_map(|vault| tx.token_balance(&vault)?.owner);
    let keepers = owners.chain(trades.iter().map(|(trade, _)| trade.pool)).collect();
    let traders = Traders { tx, pools, holdings, keepers };
    for at in 0..trades.len() {
        let (trade, swapped) = trades[at];
        let same =
            trades.iter().filter(|(other, its)| its.named == swapped.named && other.mint == trade.mint);
        let asked = Question {
            swapped: &swapped,
            named_change: same.map(|(other, its)| signed(other.side, its.base_user)).sum(),
            mint: trade.mint,
            quote_mint: trade.quote_mint,
            side: trade.side,
        };
        let (trader, trader_kind) = traders.trader(&asked);
        trades[at].0 = Trade { trader, trader_kind, ..trade };
    }
}

fn weigh(holdings: &Holdings<'_>, trades: &mut [(Trade, Swapped)]) {
    for at in 0..trades.len() {
        let (first, _) = trades[at];
        let is_same =
            |(other, _): &(Trade, Swapped)| (other.mint, other.trader) == (first.mint, first.trader);
        // Each group once, at its first.
        if !trades.iter().take(at).any(is_same) {
            let mut group: Vec<&mut (Trade, Swapped)> =
                trades.iter_mut().filter(|trade| is_same(trade)).collect();
            settle(holdings, &mut group);
        }
    }
}

/// Says what the trades of one wallet in one token moved.
fn settle(holdings: &Holdings<'_>, group: &mut [&mut (Trade, Swapped)]) {
    for (trade, swapped) in group.iter_mut() {
        (trade.base_user, trade.base_user_known) = (swapped.base_user, swapped.tells_transfer_fees);
    }
    let Some((mint, Some(trader))) = group.first().map(|(trade, _)| (trade.mint, trade.trader)) else {
        return;
    };
    let changes = holdings.changes(&mint);
    if changes.is_empty() {
        return;
    }
    let change = change_of(&changes, &trader);
    let said: i128 = group.iter().map(|(trade, swapped)| signed(trade.side, swapped.base_user)).sum();
    let short = said - change;
    if short == 0 {
        group.iter_mut().for_each(|(trade, _)| trade.base_user_known = true);
    } else if short > 0 && mint != Address::WSOL && short <= holdings.kept(&mint) {
        share(short, group);
    } else if let [(trade, swapped)] = group
        && change.signum() == said.signum()
        && short.unsigned_abs() <= u128::from(swapped.base_user / 10)
        && let Ok(amount) = u64::try_from(change.unsigned_abs())
    {
        (trade.base_user, trade.base_user_known) = (amount, true);
    }
}

/// Takes what the mint kept off the trades whose events do not tell it, in proportion; off all if all do.
fn share(kept: i128, group: &mut [&mut (Trade, Swapped)]) {
    let all_tell = group.iter().all(|(_, swapped)| swapped.tells_transfer_fees);
    let bears = |swapped: &Swapped| all_tell || !swapped.tells_transfer_fees;
    let mut whole: i128 =
        group.iter().filter(|(_, swapped)| bears(swapped)).map(|(_, s)| i128::from(s.base_user)).sum();
    let mut left = kept;
    for (trade, swapped) in group.iter_mut() {
        trade.base_user_known = true;
        if !bears(swapped) || whole == 0 {
            continue;
        }
        // The rest is shared among the swaps that are left, so that the parts add up.
        let amount = i128::from(swapped.base_user);
        let part = left * amount / whole;
        (left, whole) = (left - part, whole - amount);
        let moved = if trade.side == Side::Buy { amount - part } else { amount + part };
        trade.base_user = u64::try_from(moved.max(0)).unwrap_or(u64::MAX);
    }
}

fn signed(side: Side, amount: u64) -> i128 {
    if side == Side::Buy { amount.into() } else { -i128::from(amount) }
}

#[cfg(test)]
mod tests {
    use model::{EventId, Fees, Origin, Program, Signature, TraderKind, TxPlace};

    use super::*;
    use crate::transaction::{InnerInstructions, Instruction, TokenBalance};

    const MINT: Address = Address([1; 32]);
    const POOL: Address = Address([2; 32]);
    const VAULT: Address = Address([3; 32]);
    /// Points of the curve, as keys of wallets are.
    const ANN: Address = Address::literal("5xBKtJic9eJsMwPx4dUFRekWDfjdCCZThKVq26r7vent");
    const BOB: Address = Address::literal("DNfuF1L62WWyW3pNakVkyGGFzVVhj4Yr52jSmdTyeBHm");
    /// Addresses that programs derived.
    const ROUTER: Address = Address::literal("D5YqVMoSxnqeZAKAUUE1Dm3bmjtdxQ5DCF356ozqN9cM");
    const OTHER_POOL: Address = Address::literal("AeanNmmxpMEcSv3a3rKaRcrPjXDwpEiG37syPRyu3VJ2");

    /// Token accounts: 10 and up are those of the owners below.
    const OWNERS: [Address; 5] = [POOL, ANN, BOB, ROUTER, OTHER_POOL];

    /// A transaction that `signer` signs, in which the token accounts of `OWNERS` go from the one balance to
    /// the other. The vault of the pool is the first of them.
    fn transaction(signer: Address, balances: &[(usize, u64, u64)]) -> Transaction {
        let mut tx = Transaction::new(Signature([0; 64]));
        tx.keys = vec![signer, VAULT];
        tx.keys.extend([20, 21, 22, 23].map(|account| Address([account; 32])));
        tx.keys.push(crate::holdings::TOKEN_PROGRAMS[0]);
        tx.keys.extend(OWNERS);
        tx.signers = 1;
        for (of, before, after) in balances {
            let account = u16::try_from(1 + of).unwrap();
            let balance =
                |amount| TokenBalance { account, mint: MINT, owner: Some(OWNERS[*of]), amount, decimals: 6 };
            tx.pre_token_balances.push(balance(*before));
            tx.post_token_balances.push(balance(*after));
        }
        tx
    }

    fn swap(side: Side, base: u64, named: Option<Address>) -> (Trade, Swapped) {
        let origin = Origin {
            id: EventId { slot: 1, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: 0 },
            signature: Signature([0; 64]),
            block_time: 1_700_000_000,
            received_at: None,
        };
        let trade = Trade {
            origin,
            program: Program::Pumpswap,
            pool: POOL,
            mint: MINT,
            quote_mint: Address::WSOL,
            quote_known: true,
            trader: None,
            trader_kind: TraderKind::Unknown,
            side,
            base_amount: base,
            base_user: base,
            base_user_known: false,
            quote_amount: 1,
            quote_user: None,
            base_decimals: 6,
            quote_decimals: 9,
            spot_before: None,
            spot_after: None,
            base_reserve: None,
            quote_reserve: None,
            base_supply: None,
            curve: None,
            fees: Fees::default(),
            compute_units: None,
            priority_fee: None,
        };
        let swapped = Swapped {
            named,
            base_user: base,
            tells_transfer_fees: false,
            base_vault: Some(VAULT),
            quote_vault: None,
            cause: Some((0, None)),
        };
        (trade, swapped)
    }

    fn attributed(tx: &Transaction, swaps: &[(Trade, Swapped)]) -> Vec<Trade> {
        let mut events: Vec<Event> =
            swaps.iter().map(|(trade, _)| Event::Chain(ChainEvent::Trade(*trade))).collect();
        let places: Vec<Placed> = swaps.iter().map(|(_, swapped)| *swapped).enumerate().collect();
        attribute(tx, &PoolRegistry::default(), &mut events, &places);
        let trade = |event| match event {
            Event::Chain(ChainEvent::Trade(trade)) => trade,
            other => panic!("{other:?}"),
        };
        events.into_iter().map(trade).collect()
    }

    fn trader(tx: &Transaction, side: Side, named: Option<Address>) -> (Option<Address>, TraderKind) {
        let trade = attributed(tx, &[swap(side, 7, named)])[0];
        (trade.trader, trade.trader_kind)
    }

    fn moved(trades: &[Trade]) -> Vec<(u64, bool)> {
        trades.iter().map(|trade| (trade.base_user, trade.base_user_known)).collect()
    }

    /// A transfer between token accounts of `OWNERS`, under the first instruction.
    fn transfer(tx: &mut Transaction, from: u16, to: u16, amount: u64) {
        let data = [&[3][..], &amount.to_le_bytes()].concat();
        let instruction =
            Instruction { program: 6, accounts: vec![1 + from, 1 + to, 0], data, stack_height: None };
        if tx.instructions.is_empty() {
            tx.instructions.push(Instruction {
                program: 0,
                accounts: vec![],
                data: vec![],
                stack_height: None,
            });
            tx.inner = Some(vec![InnerInstructions { outer: 0, instructions: Vec::new() }]);
        }
        tx.inner.as_mut().unwrap()[0].instructions.push(instruction);
    }

    #[test]
    fn the_named_user_whose_account_moved_by_the_amount_is_the_trader_signed_or_not() {
        let tx = transaction(ANN, &[(0, 17, 3), (1, 0, 7), (2, 0, 7)]);
        assert_eq!(trader(&tx, Side::Buy, Some(ANN)), (Some(ANN), TraderKind::Signer));
        assert_eq!(trader(&tx, Side::Buy, Some(BOB)), (Some(BOB), TraderKind::Owner));
    }

    #[test]
    fn behind_a_router_stands_the_owner_whose_balance_moved() {
        let tx = transaction(ANN, &[(0, 10, 3), (1, 0, 7)]);
        assert_eq!(trader(&tx, Side::Buy, Some(ROUTER)), (Some(ANN), TraderKind::Owner));
        assert_eq!(trader(&tx, Side::Buy, None), (Some(ANN), TraderKind::Owner));
    }

    #[test]
    fn who_receives_what_another_pays_for_is_the_trader() {
        let mut tx = transaction(ANN, &[(0, 27, 0), (1, 0, 20), (2, 0, 7)]);
        transfer(&mut tx, 0, 2, 7);
        assert_eq!(trader(&tx, Side::Buy, Some(ANN)), (Some(BOB), TraderKind::Owner));
    }

    #[test]
    fn another_pool_that_takes_in_what_this_one_gave_is_no_trader() {
        let tx = transaction(ANN, &[(0, 10, 3), (4, 0, 7)]);
        assert_eq!(trader(&tx, Side::Buy, Some(ROUTER)), (Some(ANN), TraderKind::Signer));
    }

    #[test]
    fn without_balances_and_signers_the_named_user_is_taken_at_its_word() {
        let mut tx = Transaction::new(Signature([0; 64]));
        assert_eq!(trader(&tx, Side::Sell, Some(ANN)), (Some(ANN), TraderKind::Named));
        assert_eq!(trader(&tx, Side::Sell, None), (None, TraderKind::Unknown));
        (tx.keys, tx.signers) = (vec![BOB], 1);
        assert_eq!(trader(&tx, Side::Sell, Some(ROUTER)), (Some(BOB), TraderKind::Signer));
    }

    #[test]
    fn a_temporary_account_names_its_owner_when_it_is_opened() {
        // The router sells for Bob, who keeps his tokens in an account of this transaction only.
        let mut tx = transaction(ANN, &[(0, 3, 10), (3, 1, 1)]);
        let opening = Instruction {
            program: 6,
            accounts: vec![3, 7],
            data: [&[18][..], &BOB.0].concat(),
            stack_height: None,
        };
        tx.keys[7] = MINT;
        transfer(&mut tx, 2, 3, 7);
        transfer(&mut tx, 3, 0, 7);
        tx.instructions.insert(0, opening);
        tx.inner.as_mut().unwrap()[0].outer = 1;
        let (trade, swapped) = swap(Side::Sell, 7, Some(ROUTER));
        let found = attributed(&tx, &[(trade, Swapped { cause: Some((1, Some(0))), ..swapped })]);
        assert_eq!((found[0].trader, found[0].base_user_known), (Some(BOB), true));
    }

    #[test]
    fn what_the_token_keeps_of_a_transfer_is_not_gained_and_is_given() {
        let bought = transaction(ANN, &[(0, 100, 0), (1, 0, 90)]);
        let found = attributed(&bought, &[swap(Side::Buy, 100, Some(ANN))]);
        assert_eq!((found[0].base_amount, moved(&found)), (100, vec![(90, true)]));
        let sold = transaction(ANN, &[(0, 0, 81), (1, 90, 0)]);
        assert_eq!(moved(&attributed(&sold, &[swap(Side::Sell, 81, Some(ANN))])), [(90, true)]);
    }

    #[test]
    fn of_several_trades_the_token_keeps_its_part_of_each() {
        let tx = transaction(ANN, &[(0, 100, 0), (1, 5, 95)]);
        let swaps = [swap(Side::Buy, 25, Some(ANN)), swap(Side::Buy, 75, Some(ANN))];
        // 10 of 100: 2.5 of 25, and the rest of the other.
        assert_eq!(moved(&attributed(&tx, &swaps)), [(23, true), (67, true)]);
    }

    #[test]
    fn an_event_that_tells_the_transfer_fee_is_believed_unless_balances_say_otherwise() {
        let (trade, swapped) = swap(Side::Buy, 100, Some(ANN));
        let told = (trade, Swapped { base_user: 90, tells_transfer_fees: true, ..swapped });
        let alone = Transaction { keys: vec![ANN], signers: 1, ..Transaction::new(Signature([0; 64])) };
        assert_eq!(moved(&attributed(&alone, &[told])), [(90, true)]);
        assert_eq!(moved(&attributed(&transaction(ANN, &[(0, 100, 0), (1, 0, 80)]), &[told])), [(80, true)]);
        assert_eq!(moved(&attributed(&alone, &[(trade, swapped)])), [(100, false)]);
    }

    #[test]
    fn a_router_that_takes_a_part_leaves_the_wallet_the_rest() {
        let tx = transaction(ANN, &[(0, 100, 0), (1, 0, 99), (3, 0, 1)]);
        assert_eq!(moved(&attributed(&tx, &[swap(Side::Buy, 100, Some(ANN))])), [(99, true)]);
    }

    #[test]
    fn what_a_wallet_does_beside_its_trade_is_no_part_of_it() {
        let tx = transaction(ANN, &[(0, 100, 0), (1, 0, 40), (2, 0, 60)]);
        assert_eq!(moved(&attributed(&tx, &[swap(Side::Buy, 100, Some(ANN))])), [(100, false)]);
        // Bought and sold: nothing is left, and that is what the events say.
        let tx = transaction(ANN, &[(0, 100, 100), (1, 5, 5)]);
        let swaps = [swap(Side::Buy, 25, Some(ANN)), swap(Side::Sell, 25, Some(ANN))];
        assert_eq!(moved(&attributed(&tx, &swaps)), [(25, true), (25, true)]);
    }
}
