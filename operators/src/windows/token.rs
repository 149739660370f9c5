//! What windows keep of one token: its windows in each quote token, of which one is shown.

use model::{Address, EventId, Seconds, Time};
use serde::{Deserialize, Serialize};

use super::lane::Lane;
use super::marked::Marks;
use super::quotes::Quotes;
use super::ticks::Kept;
use super::{FINE_S, Input, Params, TokenStats, Trade, short};
use crate::prelude::*;

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Token {
    quotes: Quotes,
    /// By quote token. Nearly every token has one.
    lanes: Vec<Lane>,
    /// The lane that is shown.
    shown: Option<u32>,
    is_forgotten: bool,
    /// Event time as far as this token has heard of it.
    now: Seconds,
    /// When something last came.
    active_at: Seconds,
    /// Nearly every token has none.
    marks: Option<Box<Marks>>,
    /// The logical time of the last touch, and the windows touched at it, one bit each.
    #[serde(skip)]
    touched: (Time, u64),
}

/// The settings, and for how long a trade is kept to be taken back or marked.
type Settings = (Params, Seconds);

impl Token {
    fn change_trade(&mut self, trade: &Trade, diff: Diff, effects: &Effects<'_, Self>) {
        let (params, kept_s) = effects.params;
        let Trade { pool, is_curve, quote_mint, tick, .. } = trade;
        let at = self.lane_of(*quote_mint);
        let pool = self.quotes.pool(*pool, *is_curve, u32::try_from(at).unwrap_or(u32::MAX));
        let is_marked = self.marks.as_ref().is_some_and(|marks| marks.has(tick.id));
        let kept = Kept::new(tick, pool, is_marked);
        let Some(lane) = self.lanes.get_mut(at) else { return };
        if diff < 0 {
            if lane.remove(&kept) {
                self.quotes.forget(pool, tick.id, || lane.first_in(pool));
            }
        } else if tick.time.saturating_add(*kept_s) >= self.now {
            lane.insert(kept, short(self.now), params);
            self.quotes.note(pool, tick.id);
        }
    }

    fn change_mark(&mut self, event: EventId, diff: Diff, effects: &Effects<'_, Self>) {
        let (_, kept_s) = effects.params;
        let marks = self.marks.get_or_insert_with(Box::default);
        let end = self.now.saturating_add(*kept_s).saturating_add(1);
        marks.change(event, i32::try_from(diff).unwrap_or_default(), short(end));
        let is_marked = marks.has(event);
        self.lanes.iter_mut().for_each(|lane| lane.mark(event, is_marked));
    }

    /// The index of a lane, which may be new.
    fn lane_of(&mut self, quote_mint: Address) -> usize {
        self.lanes.iter().position(|lane| lane.quote_mint == quote_mint).unwrap_or_else(|| {
            self.lanes.push(Lane::new(quote_mint));
            self.lanes.len() - 1
        })
    }

    fn shown(&self) -> Option<&Lane> {
        self.shown.and_then(|at| self.lanes.get(at as usize))
    }

    /// Says that windows are about to change, one bit each.
    fn touch(&mut self, mint: &Address, windows: u64, effects: &mut Effects<'_, Self>) {
        if self.touched.0 != effects.time {
            self.touched = (effects.time, 0);
        }
        let mut new = windows & !self.touched.1;
        self.touched.1 |= new;
        while new != 0 {
            let window = new.trailing_zeros();
            effects.touch(window, self.output(mint, &window, effects.params));
            new &= new - 1;
        }
    }

    /// Moves all windows to the present second.
    fn advance(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let ((params, kept_s), now) = (effects.params, effects.now);
        let due = self.shown().map_or(0, |lane| lane.due(short(now)));
        self.touch(mint, due, effects);
        self.now = now;
        for lane in &mut self.lanes {
            lane.advance(short(now), *kept_s);
        }
        if let Some(marks) = &mut self.marks {
            marks.let_go(short(now), FINE_S);
            if marks.is_empty() {
                self.marks = None;
            }
        }
        self.is_forgotten = self.forget_at(params).is_some_and(|at| at <= now);
    }

    /// When a token that sleeps is forgotten.
    fn forget_at(&self, params: &Params) -> Option<Seconds> {
        let is_asleep = self.lanes.iter().all(Lane::is_asleep);
        is_asleep.then(|| self.active_at.saturating_add(params.remember_s))
    }
}

/// All windows, one bit each.
fn all(params: &Params) -> u64 {
    let count = u32::try_from(params.widths.len()).unwrap_or(u32::MAX);
    1u64.checked_shl(count).map_or(u64::MAX, |bit| bit - 1)
}

impl State for Token {
    type Key = Address;
    type Input = Input;
    /// A window, by its place among the widths.
    type Part = u32;
    type Output = TokenStats;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        match input {
            Input::Trade(trade) => trade.mint,
            Input::Migration { mint, .. } | Input::Mark { mint, .. } => *mint,
        }
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, mint: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        if self.now < effects.now {
            self.advance(mint, effects);
        }
        self.active_at = self.now;
        self.is_forgotten = false;
        self.touch(mint, all(&effects.params.0), effects);
        match input {
            Input::Trade(trade) => self.change_trade(&trade, diff, effects),
            Input::Migration { id, to, .. } => self.quotes.change_move(id, to, diff > 0),
            Input::Mark { event, .. } => self.change_mark(event, diff, effects),
        }
        self.shown = self.quotes.lane().and_then(|lane| u32::try_from(lane).ok());
    }

    fn next_timer(&self, (params, kept_s): &Settings) -> Option<Seconds> {
        let dues = self.lanes.iter().filter_map(|lane| lane.next_due(*kept_s));
        dues.chain(self.forget_at(params)).min()
    }

    fn on_timer(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        self.advance(mint, effects);
    }

    fn output(&self, mint: &Address, window: &u32, (params, _): &Settings) -> Option<TokenStats> {
        self.shown()?.window(mint, *window as usize, params)
    }

    fn is_idle(&self) -> bool {
        self.is_forgotten
    }
}

#[cfg(test)]
mod tests {
    use model::time::start_of;
    use model::{EventId, Price, Side, TxPlace};

    use super::*;
    use crate::candles::Interval;
    use crate::keyed::Store;
    use crate::windows::Tick;

    const SOL: u8 = 1;
    const USD: u8 = 2;

    /// A store with one window of a minute that keeps trades for an hour and as much.
    fn store() -> Store<Token> {
        let widths = vec![Interval::try_from("1m".to_owned()).unwrap()];
        Store::new((Params { widths, remember_s: 100_000 }, 3660))
    }

    /// A buy of trader `trader` in the one pool with the quote token `quote`.
    fn buy(time: Seconds, trader: u8, quote: u8, price: f64) -> Input {
        let id = EventId { slot: time, tx: TxPlace::Index(trader.into()), outer_ix: 0, inner_ix: -1 };
        let tick = Tick {
            time,
            id,
            price: Price::new(price),
            quote: 5,
            usd: None,
            side: Side::Buy,
            trader: Some([trader; 16]),
        };
        let address = |number| Address([number; 32]);
        Input::Trade(Trade {
            mint: address(9),
            pool: address(quote),
            is_curve: false,
            quote_mint: address(quote),
            tick,
        })
    }

    /// Applies changes at a second and closes it; the row that is put, if one is.
    fn step(store: &mut Store<Token>, second: Seconds, changes: &[(Input, Diff)]) -> Option<TokenStats> {
        store.fire(start_of(second));
        for (input, diff) in changes {
            store.apply(start_of(second), input.clone(), *diff);
        }
        let mut put = None;
        store.close(|stats, diff| {
            if diff > 0 {
                put = Some(stats);
            }
        });
        put
    }

    fn bytes(store: &Store<Token>) -> usize {
        postcard::to_stdvec(&store.states().map(|(_, state)| state).collect::<Vec<_>>()).unwrap().len()
    }

    #[test]
    fn traders_who_have_left_are_let_go_and_count_again_when_they_return() {
        let mut store = store();
        let many: Vec<(Input, Diff)> = (1..=200).map(|trader| (buy(1000, trader, SOL, 1.0), 1)).collect();
        assert_eq!(step(&mut store, 1000, &many).unwrap().sums.traders, 200);
        let before = bytes(&store);
        let two = [(buy(1030, 3, SOL, 1.0), 1), (buy(1030, 4, SOL, 1.0), 1)];
        assert_eq!(step(&mut store, 1030, &two).unwrap().sums.traders, 200);
        assert_eq!(step(&mut store, 1060, &[]).unwrap().sums.traders, 2);
        let again = [(buy(1061, 3, SOL, 1.0), 1), (buy(1061, 7, SOL, 1.0), 1)];
        assert_eq!(step(&mut store, 1061, &again).unwrap().sums.traders, 3);
        step(&mut store, 5000, &[(buy(5000, 7, SOL, 1.0), 1)]);
        assert!(bytes(&store) < before / 20, "{} bytes of {before}", bytes(&store));
    }

    #[test]
    fn when_the_first_trade_is_taken_back_the_second_is_first() {
        let mut store = store();
        let first = buy(1000, 1, USD, 1.0);
        step(&mut store, 1000, &[(first.clone(), 1)]);
        let usd = step(&mut store, 1020, &[(buy(1020, 1, USD, 3.0), 1), (buy(1020, 2, SOL, 8.0), 1)]);
        let usd = usd.unwrap();
        assert_eq!((usd.quote_mint, usd.change.percent()), (Address([USD; 32]), Some(200.0)));
        let row = step(&mut store, 1030, &[(first, -1)]).unwrap();
        assert_eq!((row.quote_mint, row.change.percent()), (Address([USD; 32]), Some(0.0)));
        let row = step(&mut store, 1061, &[(buy(1061, 1, USD, 6.0), 1)]).unwrap();
        assert!(row.change.is_partial, "the first trade is 41 seconds old");
        let row = step(&mut store, 1062, &[(buy(1020, 1, USD, 3.0), -1)]).unwrap();
        assert_eq!((row.quote_mint, row.sums.trades()), (Address([SOL; 32]), 1), "SOL was traded first");
    }

    #[test]
    fn a_silent_token_keeps_its_prices_and_little_else() {
        let mut store = store();
        step(&mut store, 1000, &[(buy(1000, 1, SOL, 2.0), 1)]);
        let alive = bytes(&store);
        step(&mut store, 9000, &[]);
        assert!(bytes(&store) < 200 && bytes(&store) < alive, "{} of {alive} bytes", bytes(&store));
        let row = step(&mut store, 9001, &[(buy(9001, 1, SOL, 3.0), 1)]).unwrap();
        assert_eq!((row.change.percent(), row.change.is_partial), (Some(50.0), false));
        step(&mut store, 50_000, &[]);
        step(&mut store, 109_002, &[]);
        assert!(store.is_empty(), "a token is forgotten in the end");
    }

    /// A store with the windows that are the default, and a token with a trade every 30 seconds.
    fn busy(trades: u64) -> Store<Token> {
        let mut store = Store::new((Params::default(), 10_800));
        for n in 0..trades {
            step(&mut store, 1_000_000 + 30 * n, &[(buy(1_000_000 + 30 * n, 1, SOL, 1.0), 1)]);
        }
        store
    }

    #[test]
    fn all_that_leaves_in_a_long_silence_leaves_at_once_when_it_is_heard_of_late() {
        let mut store = busy(100);
        let later = start_of(1_000_000 + 3 * 86_400);
        let mut left = Vec::new();
        store.fire(later);
        store.close(|stats, diff| left.push((stats.window, diff)));
        let all = Params::default().widths.into_iter().map(|width| (width, -1));
        assert_eq!(left, all.collect::<Vec<_>>(), "every window is retracted, once");
        assert!(bytes(&store) < 200, "and nothing else is kept: {} bytes", bytes(&store));
    }

    #[test]
    fn only_rows_that_stand_are_retracted_and_a_window_has_one_row() {
        let mut store = Store::<Token>::new((Params::default(), 10_800));
        let mut standing = std::collections::BTreeMap::<Interval, TokenStats>::new();
        let mut changes = 0;
        let mut next = 1_000_000;
        while let Some(time) =
            store.next_timer().or(Some(start_of(next))).filter(|at| *at < start_of(2_000_000))
        {
            // A few trades, the first of them taken back late, and then silence.
            let second = if next < 1_003_000 { next } else { model::time::second_of(time) };
            store.fire(start_of(second));
            if next < 1_003_000 {
                store.apply(start_of(second), buy(second, 1, SOL, 1.0), 1);
                if second == 1_001_000 {
                    store.apply(start_of(second), buy(1_000_000, 1, SOL, 1.0), -1);
                }
                next += 500;
            }
            store.close(|stats: TokenStats, diff| {
                changes += 1;
                match (standing.get(&stats.window), diff) {
                    (None, 1) => drop(standing.insert(stats.window, stats)),
                    (Some(before), -1) if *before == stats => drop(standing.remove(&stats.window)),
                    _ => panic!("{diff} of {stats:?}, where {standing:?} stands"),
                }
            });
        }
        assert!(standing.is_empty() && changes > 100, "{changes} changes, {standing:?}");
    }

    #[test]
    fn a_silence_costs_by_what_is_there_and_not_by_how_long_it_is() {
        let mut store = busy(20);
        let (mut times, mut written) = (0, 0);
        while let Some(time) = store.next_timer().filter(|time| *time < start_of(1_000_000 + 4 * 86_400)) {
            store.fire(time);
            store.close(|_, _| written += 1);
            times += 1;
        }
        // Each pane leaves each window, and the window before it.
        assert!(times <= 20 * 8 * 2 + 1, "{times} timers for 20 panes");
        assert!(written <= 5 * times, "{written} items at {times} times");
    }
}
