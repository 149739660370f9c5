//! All ledgers of one wallet.

use model::{Address, Diff, Seconds};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::figures::{ALL_HOURS, Figures, Item, Period, Sum, Totals, is_sol};
use super::input::{Input, News};
use super::marks::Holding;
use super::pane::DAY_H;
use super::position::Position;
use super::rating::{Candidate, Rating};
use super::record::WalletBoard;
use super::{Mode, Params, own_second};
use crate::prelude::*;
use crate::room;

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Wallet {
    /// Their order reaches no output: they are looked up and added up.
    positions: FxHashMap<Address, Box<Position>>,
    /// Tokens of which something has come.
    dirty: Vec<Address>,
    /// Figures of the periods as emitted last.
    shown: Vec<(Vec<Period>, Figures)>,
    totals: Option<Box<Totals>>,
    /// When what has come is looked at.
    refresh_at: Option<Seconds>,
    /// When something is let go or leaves a period.
    settle_at: Option<Seconds>,
    /// When something last came.
    active_at: Seconds,
    /// State that only wallets that are rated, or labelled, have.
    candidate: Option<Box<Candidate>>,
}

/// One output element of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every output is a holding")]
pub enum Output {
    /// Its position in a token.
    Holding(Holding),
    /// Its figures by period.
    Board(WalletBoard),
    /// Its rating.
    Rating(Rating),
}

type Settings = (Params, Horizon);

fn holding(trader: &Address, mint: &Address, position: &Position) -> Option<Output> {
    let ledger = position.tally().ledger;
    position.is_traded().then_some(Output::Holding(Holding { trader: *trader, mint: *mint, ledger }))
}

fn item(position: &Position) -> Item<'_> {
    let tally = position.tally();
    let (ledger, old) = (&tally.ledger, tally.old.as_deref());
    Item { ledger, panes: &tally.panes, old, is_own: position.created > 0 }
}

impl Wallet {
    /// Looks at what has come.
    fn refresh(&mut self, trader: &Address, effects: &mut Effects<'_, Self>) {
        let mode = effects.params.0.mode;
        for mint in std::mem::take(&mut self.dirty) {
            let Some(position) = self.positions.get_mut(&mint) else { continue };
            position.is_dirty = false;
            let before = holding(trader, &mint, position);
            position.refresh(mode);
            effects.replace(before, holding(trader, &mint, position));
            if position.is_nothing() {
                self.positions.remove(&mint);
            }
        }
    }

    /// Lets go of what can no longer be corrected, and of what is older than any period.
    fn settle(&mut self, trader: &Address, effects: &mut Effects<'_, Self>) {
        let ((Params { mode, .. }, horizon), now) = (effects.params, effects.now);
        let cut = now.saturating_sub(horizon.kept_s());
        let is_candidate = self.candidate.as_ref().is_some_and(|candidate| candidate.is_rated());
        let longest = if is_candidate { Period::Days180 } else { Period::Days90 };
        let last_day = longest.first_hour(now) / DAY_H;
        let (totals, mut days) = (&mut self.totals, [Vec::new(), Vec::new()]);
        self.positions.retain(|mint, position| {
            let old = position.settle(cut, now, last_day, *mode);
            let ledger = &position.tally().ledger;
            if ledger.is_valid(*mode) {
                let [all, sol] = &mut days;
                sol.extend(old.iter().filter(|_| is_sol(ledger)));
                all.extend(old);
            }
            let is_gone = position.is_nothing();
            if let Some(row) = holding(trader, mint, position).filter(|_| is_gone) {
                effects.emit(row, -1);
                if ledger.is_valid(*mode) {
                    totals.get_or_insert_default().add(item(position));
                }
            }
            !is_gone
        });
        for days in &mut days {
            days.sort_unstable();
            days.dedup();
        }
        let [all, sol] = &days;
        if !all.is_empty() {
            totals.get_or_insert_default().add_days(all, sol);
        }
    }

    fn items(&self) -> impl Iterator<Item = Item<'_>> + Clone {
        self.positions.values().filter(|position| position.is_traded()).map(|position| item(position))
    }

    /// Figures of each period that ends now.
    fn figures(&self, now: Seconds, mode: Mode) -> Vec<(Vec<Period>, Figures)> {
        let totals = self.totals.as_deref();
        let (mut all, mut oldest) = (Sum::of(ALL_HOURS, totals, mode), u64::MAX);
        for item in self.items() {
            let first = item.old.or(item.panes.first());
            oldest = first.map_or(oldest, |pane| oldest.min(pane.hour));
            all.add(item);
        }
        let all = all.finish(self.items());
        // A wallet that is younger than a period has all its entries within the period.
        let is_part = |period: &Period| totals.is_some() || oldest < period.first_hour(now);
        let parts = Period::ALL.into_iter().filter(|period| *period != Period::All && is_part(period));
        let mut sums: Vec<(Period, Sum)> =
            parts.map(|period| (period, Sum::of((period.first_hour(now), u64::MAX), None, mode))).collect();
        self.add_up(&mut sums);
        let mut sums = sums.into_iter().peekable();
        let mut figures: Vec<(Vec<Period>, Figures)> = Vec::new();
        for period in Period::ALL {
            let of_period = match sums.next_if(|(part, _)| *part == period) {
                Some((_, sum)) => sum.finish(self.items()),
                None => all.clone(),
            };
            let Some(of_period) = of_period else { continue };
            match figures.last_mut() {
                Some((periods, known)) if *known == of_period => periods.push(period),
                _ => room::push(&mut figures, (vec![period], of_period)),
            }
        }
        figures
    }

    /// Adds all of its tokens to each sum.
    fn add_up(&self, sums: &mut [(Period, Sum)]) {
        if !sums.is_empty() {
            self.items().for_each(|item| sums.iter_mut().for_each(|(_, sum)| sum.add(item)));
        }
    }

    /// Lets what it did leave if it is something else.
    fn show(
        &mut self,
        trader: &Address,
        figures: Vec<(Vec<Period>, Figures)>,
        effects: &mut Effects<'_, Self>,
    ) {
        if self.shown == figures {
            return;
        }
        let before = std::mem::replace(&mut self.shown, figures);
        let board = |figures: Vec<_>| {
            let is_there = !figures.is_empty();
            is_there.then_some(Output::Board(WalletBoard { trader: *trader, figures }))
        };
        effects.replace(board(before), board(self.shown.clone()));
    }

    /// When something can be let go or leaves a period next.
    fn settles_at(&self, trader: &Address, now: Seconds, settings: &Settings) -> Option<Seconds> {
        let (params, horizon) = settings;
        let is_recent = self.positions.values().any(|position| position.is_recent());
        let settles = is_recent.then(|| now + horizon.kept_s() / 4);
        let first_hours = Period::ALL.map(|period| (period, period.first_hour(now)));
        let leaves = self.items().flat_map(|item| {
            first_hours.into_iter().filter_map(move |(period, first)| {
                let at = item.panes.partition_point(|pane| pane.hour < first);
                period.leaves_at(item.panes.get(at)?.hour)
            })
        });
        let next = settles.into_iter().chain(leaves.min()).min()?;
        Some(own_second(trader.route(), next.max(now + 1), params.step_s))
    }

    /// Lets leave what the wallet is rated by, if it is to be rated and a day has become final.
    fn rate(&mut self, trader: &Address, effects: &mut Effects<'_, Self>) {
        let Some(mut candidate) = self.candidate.take() else { return };
        let ((params, horizon), now) = (effects.params, effects.now);
        if let Some(day) = candidate.is_due(now, *horizon) {
            let (end, totals) = (day * DAY_H, self.totals.as_deref());
            let midnight = end * 3600;
            let sum =
                |period: Period| (period, Sum::of((period.first_hour(midnight), end), totals, params.mode));
            let mut sums: Vec<_> = Period::TIERS.into_iter().map(sum).collect();
            self.add_up(&mut sums);
            let figures =
                sums.into_iter().filter_map(|(period, sum)| Some((period, sum.finish(self.items())?)));
            let figures: Vec<_> = figures.collect();
            let rating = candidate.rating(*trader, day, figures);
            let before = std::mem::replace(&mut candidate.rated, rating.clone());
            effects.replace(before.map(Output::Rating), rating.map(Output::Rating));
        }
        let is_rated = candidate.is_rated() && self.has_traded();
        let at = is_rated.then(|| candidate.due_at(now, *horizon));
        candidate.rate_at = at.map(|at| own_second(trader.route(), at, params.step_s));
        self.candidate = Some(candidate).filter(|candidate| !candidate.is_nothing());
    }

    /// True if there is something to say of it.
    fn has_traded(&self) -> bool {
        !self.positions.is_empty() || self.totals.is_some()
    }

    fn forget_at(&self, params: &Params) -> Option<Seconds> {
        self.has_traded().then(|| self.active_at.saturating_add(params.remember_s))
    }

    /// Has a candidate rated of which something has come, and who slept until then.
    fn wake(&mut self, trader: &Address, now: Seconds, (params, horizon): &Settings) {
        let Some(candidate) = &mut self.candidate else { return };
        if candidate.rate_at.is_none() && candidate.is_rated() {
            let at = candidate.due_at(now, *horizon);
            candidate.rate_at = Some(own_second(trader.route(), at, params.step_s));
        }
    }

    fn forget(&mut self, trader: &Address, effects: &mut Effects<'_, Self>) {
        for (mint, position) in &self.positions {
            if let Some(row) = holding(trader, mint, position) {
                effects.emit(row, -1);
            }
        }
        self.show(trader, Vec::new(), effects);
        let mut candidate = self.candidate.take();
        if let Some(candidate) = &mut candidate {
            candidate.rate_at = None;
            effects.replace(candidate.rated.take().map(Output::Rating), None);
        }
        *self = Self { candidate: candidate.filter(|candidate| !candidate.is_nothing()), ..Self::default() };
    }
}

impl State for Wallet {
    type Key = Address;
    type Input = Input;
    /// Outputs are emitted as they are found to differ.
    type Part = ();
    type Output = Output;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        input.trader
    }

    fn route(trader: &Address) -> u64 {
        trader.route()
    }

    fn apply(&mut self, trader: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        let now = effects.now;
        self.active_at = now;
        let mint = match input.news {
            News::Entry(mint, entry) => {
                self.positions.entry(mint).or_default().change(entry, diff);
                mint
            }
            News::Created(mint) => {
                self.positions.entry(mint).or_default().created += diff;
                mint
            }
            News::Labelled(kind) => {
                self.candidate.get_or_insert_default().label(kind, diff);
                return;
            }
            News::Candidate(candidacy) => {
                let candidate = self.candidate.get_or_insert_default();
                candidate.change(candidacy, diff);
                let at = candidate.rate_from(now);
                candidate.rate_at = Some(own_second(trader.route(), at, effects.params.0.step_s));
                return;
            }
        };
        self.wake(trader, now, effects.params);
        let Some(position) = self.positions.get_mut(&mint) else { return };
        if !position.is_dirty {
            position.is_dirty = true;
            self.dirty.push(mint);
        }
        if self.refresh_at.is_none() {
            self.refresh_at = Some(own_second(trader.route(), now + 1, effects.params.0.step_s));
        }
    }

    fn next_timer(&self, (params, _): &Settings) -> Option<Seconds> {
        let rate_at = self.candidate.as_ref().and_then(|candidate| candidate.rate_at);
        let times = [self.refresh_at, self.settle_at, rate_at, self.forget_at(params)];
        times.into_iter().flatten().min()
    }

    fn on_timer(&mut self, trader: &Address, effects: &mut Effects<'_, Self>) {
        let (settings, now) = (effects.params, effects.now);
        if self.forget_at(&settings.0).is_some_and(|at| at <= now) {
            self.forget(trader, effects);
            return;
        }
        self.refresh_at = None;
        self.refresh(trader, effects);
        if self.settle_at.is_none_or(|at| at <= now) {
            self.settle(trader, effects);
        }
        let figures = self.figures(now, settings.0.mode);
        self.show(trader, figures, effects);
        self.rate(trader, effects);
        self.settle_at = self.settles_at(trader, now, settings);
    }

    fn lags(&self, now: Seconds, (params, _): &Settings) -> bool {
        // Entries leave a period at the wallet's own second, up to a step after it is due.
        let may_leave = self.settle_at.is_some_and(|at| at <= now.saturating_add(params.step_s));
        self.refresh_at.is_some() || may_leave
    }

    fn publish(&mut self, trader: &Address, effects: &mut Effects<'_, Self>) {
        self.refresh(trader, effects);
        let figures = self.figures(effects.now, effects.params.0.mode);
        self.show(trader, figures, effects);
    }

    fn output(&self, _: &Address, (): &(), _: &Settings) -> Option<Output> {
        None
    }

    fn is_idle(&self) -> bool {
        let is_empty = self.positions.is_empty() && self.totals.is_none() && self.shown.is_empty();
        is_empty && self.candidate.is_none()
    }
}

#[cfg(test)]
mod tests {
    use model::time::start_of;
    use model::{EventId, Side, TxPlace};

    use std::collections::VecDeque;

    use super::*;
    use crate::keyed::Store;
    use crate::wallets::input::{Candidacy, Currency, Entry, Fill, What};
    use crate::wallets::ledger::Ledger;

    const TRADER: Address = Address([9; 32]);
    const HORIZON: Horizon = Horizon(60);
    /// A midnight.
    const START: Seconds = 19_700 * 86_400;

    fn mint(number: u8) -> Address {
        Address([number; 32])
    }

    fn entry(of: u8, time: Seconds, what: What) -> Input {
        let id = EventId { slot: time, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 };
        Input { trader: TRADER, news: News::Entry(mint(of), Entry { id, time, tx: time, what }) }
    }

    fn trade(of: u8, time: Seconds, side: Side, base: u64, quote: u64) -> Input {
        let (base_decimals, currency) = (6, Currency::Sol);
        entry(of, time, What::Trade(Fill { side, base, base_decimals, currency, quote, usd: Some(quote) }))
    }

    /// The outputs that stand.
    #[derive(Default)]
    struct View {
        holdings: Vec<Holding>,
        boards: Vec<WalletBoard>,
        ratings: Vec<Rating>,
    }

    impl View {
        /// Lets time pass to a second at which all has been looked at, and gives changes at it.
        fn step(&mut self, store: &mut Store<Wallet>, second: Seconds, changes: &[(Input, Diff)]) {
            store.fire(start_of(second));
            for (input, diff) in changes {
                store.apply(start_of(second), input.clone(), *diff);
            }
            store.close(|output, diff| self.take_in(output, diff));
        }

        fn pass(&mut self, store: &mut Store<Wallet>, upto: Seconds) {
            while let Some(time) = store.next_timer().filter(|time| *time <= start_of(upto)) {
                store.fire(time);
                store.close(|output, diff| self.take_in(output, diff));
            }
        }

        fn take_in(&mut self, output: Output, diff: Diff) {
            fn change<T: PartialEq + std::fmt::Debug>(all: &mut Vec<T>, one: T, diff: Diff) {
                if diff > 0 {
                    all.push(one);
                } else {
                    let at = all.iter().position(|other| *other == one);
                    all.remove(at.unwrap_or_else(|| panic!("{one:?} is taken back and was not there")));
                }
            }
            match output {
                Output::Holding(holding) => change(&mut self.holdings, holding, diff),
                Output::Board(board) => change(&mut self.boards, board, diff),
                Output::Rating(rating) => change(&mut self.ratings, rating, diff),
            }
        }

        fn ledger(&self, of: u8) -> &Ledger {
            let mut found = self.holdings.iter().filter(|holding| holding.mint == mint(of));
            let ledger = &found.next().unwrap().ledger;
            assert!(found.next().is_none());
            ledger
        }

        fn figures(&self, period: Period) -> Option<&Figures> {
            let [board] = self.boards.as_slice() else { return None };
            board.figures.iter().find(|(periods, _)| periods.contains(&period)).map(|(_, figures)| figures)
        }
    }

    fn store() -> Store<Wallet> {
        Store::new((Params::default(), HORIZON))
    }

    fn bytes(store: &Store<Wallet>) -> usize {
        postcard::to_stdvec(&store.states().map(|(_, state)| state).collect::<Vec<_>>()).unwrap().len()
    }

    #[test]
    fn late_trades_and_those_taken_back_are_as_if_they_had_come_in_order() {
        let trades: Vec<Input> = (0..200)
            .map(|at: u64| {
                let side = if at % 7 < 3 { Side::Buy } else { Side::Sell };
                trade(1, START + at, side, 100 + at * 37 % 90, 1000 + at * 91 % 700)
            })
            .collect();
        let (mut plain, mut expected) = (store(), View::default());
        for (at, trade) in (0..).zip(&trades) {
            expected.step(&mut plain, START + at, &[(trade.clone(), 1)]);
        }
        expected.pass(&mut plain, START + 400);
        let (mut mixed, mut view) = (store(), View::default());
        // Thirty at a time come in the wrong order, each with another that is taken back a minute later.
        let indices: Vec<usize> = (0..trades.len()).collect();
        let order = indices.chunks(30).flat_map(|chunk| chunk.iter().rev());
        let wrong = |at: usize| trade(1, START + at as u64, Side::Buy, 7, 7);
        let mut wrong_ones = VecDeque::new();
        for (now, at) in (START..).zip(order) {
            let mut changes = vec![(trades[*at].clone(), 1), (wrong(*at), 1)];
            wrong_ones.push_back(*at);
            if wrong_ones.len() > 60 {
                changes.extend(wrong_ones.pop_front().map(|at| (wrong(at), -1)));
            }
            view.step(&mut mixed, now, &changes);
        }
        let left: Vec<(Input, Diff)> = wrong_ones.into_iter().map(|at| (wrong(at), -1)).collect();
        view.step(&mut mixed, START + 230, &left);
        view.pass(&mut mixed, START + 400);
        assert_eq!(view.ledger(1), expected.ledger(1));
        assert_eq!(view.boards, expected.boards);
        assert!(expected.figures(Period::Day).unwrap().closed > 0);
    }

    #[test]
    fn what_is_past_correction_is_let_go_and_changes_nothing() {
        let (mut store, mut view) = (store(), View::default());
        for at in 0..100 {
            let side = if at % 2 == 0 { Side::Buy } else { Side::Sell };
            view.step(&mut store, START + at, &[(trade(1, START + at, side, 10, 1000 + at), 1)]);
        }
        view.pass(&mut store, START + 200);
        let (before, size) = (*view.ledger(1), bytes(&store));
        view.pass(&mut store, START + 2 * 3660);
        assert_eq!(*view.ledger(1), before);
        assert!(bytes(&store) * 4 < size, "{} of {size} bytes", bytes(&store));
        // A retraction this late is past correction.
        view.step(&mut store, START + 2 * 3660, &[(trade(1, START + 4, Side::Buy, 10, 1004), -1)]);
        view.pass(&mut store, START + 3 * 3660);
        assert_eq!(*view.ledger(1), before);
    }

    #[test]
    fn a_trade_leaves_one_period_after_the_other() {
        let (mut store, mut view) = (store(), View::default());
        view.step(&mut store, START + 5, &[(trade(1, START + 5, Side::Buy, 10, 100), 1)]);
        view.step(&mut store, START + 9, &[(trade(1, START + 9, Side::Sell, 10, 150), 1)]);
        let day = 86_400;
        let there = |view: &View| Period::ALL.map(|period| view.figures(period).is_some());
        for (at, expected) in [
            (60, [true; 5]),
            (day + 3600 - 1, [true; 5]),
            (day + 3600 + 60, [false, true, true, true, true]),
            (8 * day + 60, [false, false, true, true, true]),
            (31 * day + 60, [false, false, false, true, true]),
            (91 * day - 1, [false, false, false, true, true]),
            (91 * day + 60, [false, false, false, false, true]),
        ] {
            view.pass(&mut store, START + at);
            assert_eq!(there(&view), expected, "after {at} s");
        }
        // Closed and older than all periods: the row goes, the sums stay.
        assert_eq!(view.holdings, []);
        let all = view.figures(Period::All).unwrap().clone();
        assert_eq!(
            (all.closed, all.sol.wins, all.sol.realised, all.distinct_mints, all.active_days),
            (1, 1, 50, 1, 1)
        );
        assert_eq!(all.first_hour, Some(START / 3600), "since when it counts");
        view.step(&mut store, START + 100 * day, &[(trade(2, START + 100 * day, Side::Buy, 10, 100), 1)]);
        view.pass(&mut store, START + 100 * day + 60);
        let all = view.figures(Period::All).unwrap();
        assert_eq!((all.trades, all.invested, all.distinct_mints, all.active_days), (3, 200, 2, 2));
        assert_eq!(all.top_token, (50, 50));
        assert_eq!(view.figures(Period::Day).unwrap().trades, 1);
        // And in the end the wallet is forgotten. Should it come back, it says since when it counts.
        view.pass(&mut store, START + 300 * day);
        assert!(view.holdings.is_empty() && view.boards.is_empty() && store.is_empty());
        let back = START + 301 * day;
        view.step(&mut store, back, &[(trade(1, back, Side::Buy, 10, 100), 1)]);
        view.pass(&mut store, back + 60);
        let all = view.figures(Period::All).unwrap();
        assert_eq!((all.trades, all.first_hour), (1, Some(back / 3600)));
    }

    #[test]
    fn a_token_leaves_a_group_with_all_that_it_did_before() {
        let (mut store, mut view) = (store(), View::default());
        let changes = [(trade(1, START, Side::Buy, 10, 100), 1), (trade(1, START + 1, Side::Sell, 5, 80), 1)];
        view.step(&mut store, START + 1, &changes);
        // By its own second in that minute the wallet has let the day go.
        let late = START + 91 * 86_400 + 60;
        view.pass(&mut store, late);
        let all = view.figures(Period::All).unwrap();
        assert_eq!((all.sol.positions, all.sol.realised, all.active_days), (1, 30, 1), "as a sum by now");
        // The rest is sold for dollars: nothing that the token did was in SOL alone.
        let fill = Fill {
            side: Side::Sell,
            base: 5,
            base_decimals: 6,
            currency: Currency::Usdc,
            quote: 7,
            usd: Some(70),
        };
        view.step(&mut store, late, &[(entry(1, late, What::Trade(fill)), 1)]);
        view.pass(&mut store, late + 60);
        let all = view.figures(Period::All).unwrap();
        assert_eq!((all.trades, all.closed, all.left_out(&all.sol), all.left_out(&all.usd)), (3, 1, 1, 0));
        assert_eq!((all.sol.positions, all.sol.trades, all.sol.realised), (0, 0, 0));
        assert_eq!((all.usd.closed, all.usd.wins, all.usd.realised), (1, 1, 50), "80 and 70 for 100");
    }

    #[test]
    fn transfers_are_what_balances_changed_by_beyond_trades() {
        let (mut store, mut view) = (store(), View::default());
        let balance = |time, more, less| entry(1, time, What::Moved { more, less });
        let same_tx = |mut input: Input, tx| {
            if let News::Entry(_, entry) = &mut input.news {
                (entry.tx, entry.id.outer_ix) = (tx, u16::MAX);
            }
            input
        };
        let buy = trade(1, START + 1, Side::Buy, 100, 1000);
        // 100 bought and 40 of them sent on; the balance comes first.
        view.step(&mut store, START + 2, &[(same_tx(balance(START + 1, 60, 0), START + 1), 1)]);
        view.step(&mut store, START + 3, &[(buy.clone(), 1)]);
        view.pass(&mut store, START + 70);
        let ledger = view.ledger(1);
        assert_eq!((ledger.quantity, ledger.quote.cost, ledger.moved_out), (60, 600, 40));
        // Without its trade the balance is something that came.
        view.step(&mut store, START + 71, &[(buy, -1), (trade(1, START, Side::Buy, 1, 10), 1)]);
        view.pass(&mut store, START + 140);
        assert_eq!((view.ledger(1).quantity, view.ledger(1).moved_in), (1, 60));
    }

    #[test]
    fn a_candidate_says_what_it_did_up_to_the_last_midnight_that_is_final() {
        let (mut store, mut view) = (store(), View::default());
        let says = |news| Input { trader: TRADER, news };
        let candidacy = Candidacy { valid_from: 0, known_from: 0, valid_to: None };
        let day = 86_400;
        let second = START + day - 10;
        let changes = [
            (says(News::Candidate(candidacy)), 1),
            (says(News::Labelled("bot".to_owned())), 1),
            (says(News::Created(mint(1))), 1),
            (trade(1, second, Side::Buy, 10, 100), 1),
        ];
        view.step(&mut store, second, &changes);
        view.pass(&mut store, START + day + 59);
        assert_eq!(view.ratings, [], "nothing before that day");
        view.step(&mut store, START + day + 30, &[(trade(2, START + day + 1, Side::Buy, 10, 100), 1)]);
        view.pass(&mut store, START + day + 60 + 61);
        let [rating] = view.ratings.as_slice() else { panic!("{:?}", view.ratings) };
        assert_eq!((rating.day, &rating.labels), (START / day + 1, &vec!["bot".to_owned()]));
        let (period, figures) = &rating.figures[0];
        assert_eq!(
            (*period, figures.trades, figures.own_tokens),
            (Period::Days30, 1, 1),
            "the second is of today"
        );
        // The wallet is no candidate any more from a known time on.
        let ended = Candidacy { known_from: 5, valid_to: Some(start_of(START + day)), ..candidacy };
        view.step(&mut store, START + 2 * day, &[(says(News::Candidate(ended)), 1)]);
        view.pass(&mut store, START + 3 * day);
        assert_eq!(view.ratings, []);
    }
}
