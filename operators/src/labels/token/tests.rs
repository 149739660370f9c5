use std::collections::BTreeMap;

use model::time::start_of;
use model::{Address, EventId, Side, TxPlace};

use super::*;
use crate::keyed::Store;
use crate::labels::input::{Amounts, Pool};

const MINT: Address = Address([1; 32]);
const HORIZON: Seconds = 100;

fn wallet(number: u8) -> Address {
    Address([number; 32])
}

/// A trade in slot `time` of a curve: two slots a second would change nothing here.
fn trade(time: Seconds, tx: u32, trader: u8, side: Side) -> Trade {
    Trade {
        mint: MINT,
        id: EventId { slot: time, tx: TxPlace::Index(tx), outer_ix: 0, inner_ix: -1 },
        time,
        pool: Pool { address: Address([9; 32]), quote_mint: Address::WSOL, is_curve: true },
        trader: Some(wallet(trader)),
        side,
        amounts: Amounts { base: 1000, quote: 500_000_000, paid: 500_000_000 },
    }
}

struct Run {
    store: Store<Token>,
    outputs: Vec<(Output, Diff)>,
}

impl Run {
    fn new() -> Self {
        let params = Params { remember_token_s: 86_400, ..Params::default() };
        Self { store: Store::new((params, Horizon(HORIZON))), outputs: Vec::new() }
    }

    /// Applies changes at a second, after the timers that are due until then.
    fn at(&mut self, second: Seconds, changes: &[(Trade, Diff)]) -> &mut Self {
        while let Some(due) = self.store.next_timer().filter(|due| *due < start_of(second)) {
            self.store.fire(due);
            self.close();
        }
        self.store.fire(start_of(second));
        for (trade, diff) in changes {
            self.store.apply(start_of(second), Input::Trade(*trade), *diff);
        }
        self.close();
        self
    }

    fn close(&mut self) {
        self.store.close(|output, diff| self.outputs.push((output, diff)));
    }

    /// The labels of a kind that stand, with their wallets.
    fn labels(&self, kind: LabelKind) -> Vec<Address> {
        let mut counts: BTreeMap<Address, Diff> = BTreeMap::new();
        for (output, diff) in &self.outputs {
            if let Output::Label(label) = output
                && label.kind == kind
            {
                *counts.entry(label.wallet.unwrap()).or_default() += diff;
            }
        }
        assert!(counts.values().all(|count| (0..=1).contains(count)), "{counts:?}");
        counts.into_iter().filter(|(_, count)| *count == 1).map(|(wallet, _)| wallet).collect()
    }

    fn marks(&self) -> Diff {
        let marks = self.outputs.iter().filter(|(output, _)| matches!(output, Output::Mark(_)));
        marks.map(|(_, diff)| *diff).sum()
    }
}

#[test]
fn a_late_first_trade_makes_others_late() {
    let mut run = Run::new();
    run.at(1020, &[(trade(1020, 0, 2, Side::Buy), 1)]);
    assert_eq!(run.labels(LabelKind::Sniper), [wallet(2)]);
    run.at(1030, &[(trade(1000, 0, 3, Side::Buy), 1)]);
    assert_eq!(run.labels(LabelKind::Sniper), [wallet(3)]);
    run.at(1031, &[(trade(1000, 0, 3, Side::Buy), -1)]);
    assert_eq!(run.labels(LabelKind::Sniper), [wallet(2)]);
}

#[test]
fn a_launch_that_is_over_is_remembered_and_its_labels_stay() {
    let mut run = Run::new();
    run.at(1000, &[(trade(1000, 0, 2, Side::Buy), 1)]);
    // Long after everything of the launch has been let go.
    run.at(9000, &[(trade(9000, 0, 3, Side::Buy), 1)]).at(20_000, &[]);
    assert_eq!(run.labels(LabelKind::Sniper), [wallet(2)]);
    assert_eq!(run.store.len(), 1, "that it was launched is remembered");
    run.at(200_000, &[]);
    assert!(run.store.is_empty(), "silence ends the memory");
}

#[test]
fn a_bundle_needs_its_fourth_wallet() {
    let mut run = Run::new();
    let buys = [2, 3, 4, 5].map(|n| trade(1000, u32::from(n), n, Side::Buy));
    run.at(1000, &buys[..3].iter().map(|buy| (*buy, 1)).collect::<Vec<_>>());
    run.at(1001, &[(trade(1000, 9, 2, Side::Buy), 1)]);
    assert_eq!(run.labels(LabelKind::Bundler), []);
    run.at(1002, &[(buys[3], 1)]);
    assert_eq!(run.labels(LabelKind::Bundler), [2, 3, 4, 5].map(wallet));
    run.at(1003, &[(buys[0], -1)]);
    assert_eq!(run.labels(LabelKind::Bundler), [2, 3, 4, 5].map(wallet), "wallet 2 bought twice");
    run.at(1004, &[(buys[1], -1)]);
    assert_eq!(run.labels(LabelKind::Bundler), []);
}

/// Six trades that make three round trips, from `start` on.
fn round_trips(start: Seconds, trader: u8) -> Vec<Trade> {
    let side = |n: u64| if n.is_multiple_of(2) { Side::Buy } else { Side::Sell };
    (0..6).map(|n| trade(start + 10 * n, 0, trader, side(n))).collect()
}

#[test]
fn wash_trading_goes_with_one_of_its_trades() {
    let mut run = Run::new();
    let trades = round_trips(1000, 7);
    for trade in &trades {
        run.at(trade.time, &[(*trade, 1)]);
    }
    assert_eq!((run.labels(LabelKind::Wash), run.marks()), (vec![wallet(7)], 6));
    run.at(1052, &[(trades[3], -1)]);
    assert_eq!((run.labels(LabelKind::Wash), run.marks()), (vec![], 0));
    run.at(1053, &[(trades[3], 1)]);
    assert_eq!((run.labels(LabelKind::Wash), run.marks()), (vec![wallet(7)], 6));
}

#[test]
fn whoever_washes_again_later_has_one_label_and_more_marks() {
    let mut run = Run::new();
    for trade in round_trips(1000, 7).iter().chain(&round_trips(50_000, 7)) {
        run.at(trade.time, &[(*trade, 1)]);
    }
    assert_eq!((run.labels(LabelKind::Wash), run.marks()), (vec![wallet(7)], 12));
}

#[test]
fn trades_too_far_apart_or_for_too_little_are_no_wash() {
    let mut run = Run::new();
    for (n, trade) in (0..).zip(round_trips(1000, 7)) {
        // 600 s between the first and the last: the window is half open.
        let time = 1000 + 120 * n;
        run.at(time, &[(Trade { time, id: EventId { slot: time, ..trade.id }, ..trade }, 1)]);
        let amounts = Amounts { quote: 100_000_000, ..trade.amounts };
        run.at(time, &[(Trade { trader: Some(wallet(8)), amounts, time, ..trade }, 1)]);
    }
    assert_eq!((run.labels(LabelKind::Wash), run.marks()), (vec![], 0));
}

#[test]
fn a_token_without_a_curve_is_forgotten_with_its_last_trade() {
    let mut run = Run::new();
    let bought = trade(1000, 0, 2, Side::Buy);
    run.at(1000, &[(Trade { pool: Pool { is_curve: false, ..bought.pool }, ..bought }, 1)]);
    assert_eq!(run.labels(LabelKind::Sniper), []);
    run.at(2000, &[]);
    assert!(run.store.is_empty());
}

#[test]
fn what_is_taken_back_past_the_horizon_stays() {
    let mut run = Run::new();
    let buy = trade(1000, 0, 2, Side::Buy);
    run.at(1000, &[(buy, 1)]).at(1101, &[(buy, -1)]);
    assert_eq!(run.labels(LabelKind::Sniper), [wallet(2)]);
}

/// Changes of balances by the creator's purchase of 1000 in transaction 5 of slot 1000.
fn moved(gains: &[(u8, i128)]) -> Input {
    let id = EventId::of_balances(1000, TxPlace::Index(5), 0);
    let gains = gains.iter().map(|(owner, gain)| (wallet(*owner), *gain)).collect();
    Input::Moved(Moved { mint: MINT, id, time: 1000, gains })
}

/// The insiders once wallet 2 has created the token, bought 1000 of it, and `gains` were told.
fn insiders(before: &[Trade], gains: &[(u8, i128)]) -> Vec<Address> {
    let mut run = Run::new();
    let id = EventId { slot: 1000, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 };
    let creation = Creation { mint: MINT, id, time: 1000, user: wallet(2), creator: None };
    run.at(1000, &before.iter().map(|trade| (*trade, 1)).collect::<Vec<_>>());
    run.store.apply(start_of(1001), moved(gains), 1);
    run.store.apply(start_of(1001), Input::Created(creation), 1);
    run.close();
    run.at(1002, &[(trade(1000, 5, 2, Side::Buy), 1)]);
    run.labels(LabelKind::Insider)
}

#[test]
fn whoever_gets_what_the_creator_bought_is_an_insider() {
    assert_eq!(insiders(&[], &[(2, 600), (3, 400), (9, -1000)]), [wallet(3)], "9 is the pool");
    assert_eq!(insiders(&[], &[(2, 1000), (3, 400), (4, -400), (9, -1000)]), [], "from another");
    assert_eq!(insiders(&[], &[(2, 600), (3, -10), (4, 410), (9, -1000)]), [wallet(4)]);
    assert_eq!(insiders(&[trade(1000, 1, 3, Side::Buy)], &[(2, 600), (3, 400), (9, -1000)]), [], "he bought");
    assert_eq!(insiders(&[trade(1000, 6, 3, Side::Buy)], &[(2, 600), (3, 400), (9, -1000)]), [wallet(3)]);
}
