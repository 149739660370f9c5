//! What windows keep of one token: its windows in each quote token, of which one is shown.

use model::{Address, Seconds, Time};
use serde::{Deserialize, Serialize};

use super::lane::Lane;
use super::quotes::Quotes;
use super::{FINE_S, Input, Params, Previous, TokenStats, Trade};
use crate::prelude::*;

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Token {
    quotes: Quotes,
    /// By quote token. Nearly every token has one.
    lanes: Vec<Lane>,
    /// The lane that is shown.
    shown: Option<u32>,
    /// Event time as far as this token has heard of it.
    now: Seconds,
    /// When something last came.
    active_at: Seconds,
    is_forgotten: bool,
    /// The logical time of the last touch, and the windows touched at it, one bit each.
    #[serde(skip)]
    touched: (Time, u64),
}

type Settings = (Params, Horizon);

impl Token {
    fn change_trade(&mut self, trade: &Trade, diff: Diff, effects: &Effects<'_, Self>) {
        let (params, _) = effects.params;
        let Trade { pool, is_curve, quote_mint, tick, .. } = *trade;
        let at = self.lane_of(quote_mint);
        let pool = self.quotes.pool(pool, is_curve, u32::try_from(at).unwrap_or(u32::MAX));
        let Some(lane) = self.lanes.get_mut(at) else { return };
        if diff > 0 {
            lane.insert(tick, pool, self.now, params);
            self.quotes.note(pool, tick.id);
        } else if lane.remove(&tick, pool) {
            self.quotes.forget(pool, tick.id, || lane.first_in(pool));
        }
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

    /// Says that a window is about to change.
    fn touch(&mut self, mint: &Address, window: usize, effects: &mut Effects<'_, Self>) {
        if self.touched.0 != effects.time {
            self.touched = (effects.time, 0);
        }
        let bit = u32::try_from(window).ok().and_then(|window| 1u64.checked_shl(window)).unwrap_or(0);
        if self.touched.1 & bit == 0 {
            self.touched.1 |= bit;
            effects.touch(window, self.output(mint, &window, effects.params));
        }
    }

    /// Moves all windows to the present second.
    fn advance(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let ((params, horizon), now) = (effects.params, effects.now);
        let correctable = correctable(*horizon);
        for window in 0..params.widths.len() {
            if self.shown().is_some_and(|lane| lane.is_due(window, now)) {
                self.touch(mint, window, effects);
            }
        }
        self.now = now;
        for lane in &mut self.lanes {
            lane.advance(now, correctable);
        }
        self.is_forgotten = self.forget_at(params).is_some_and(|at| at <= now);
    }

    /// When a token that sleeps is forgotten.
    fn forget_at(&self, params: &Params) -> Option<Seconds> {
        let is_asleep = self.lanes.iter().all(Lane::is_asleep);
        is_asleep.then(|| self.active_at.saturating_add(params.remember_s))
    }
}

/// For how long a trade is kept to be taken back: an hour more than it can come late, as in candles. The
/// news that a slot is dead may be as late itself, and is about trades that are older by then.
const fn correctable(horizon: Horizon) -> Horizon {
    Horizon(horizon.0.saturating_add(FINE_S))
}

impl State for Token {
    type Key = Address;
    type Input = Input;
    /// Which of the widths, by index.
    type Part = usize;
    type Output = TokenStats;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        match input {
            Input::Trade(trade) => trade.mint,
            Input::Migration { mint, .. } => *mint,
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
        for window in 0..effects.params.0.widths.len() {
            self.touch(mint, window, effects);
        }
        match input {
            Input::Trade(trade) => self.change_trade(&trade, diff, effects),
            Input::Migration { id, to, .. } => self.quotes.change_move(id, to, diff > 0),
        }
        self.shown = self.quotes.lane().and_then(|lane| u32::try_from(lane).ok());
    }

    fn next_timer(&self, (params, horizon): &Settings) -> Option<Seconds> {
        let dues = self.lanes.iter().filter_map(|lane| lane.next_due(correctable(*horizon)));
        dues.chain(self.forget_at(params)).min()
    }

    fn on_timer(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        self.advance(mint, effects);
    }

    fn output(&self, mint: &Address, window: &usize, (params, _): &Settings) -> Option<TokenStats> {
        let lane = self.shown()?;
        let (figures, change) = lane.figures(*window)?;
        let (trades, quote) = figures.previous;
        (figures.sums.trades() + trades > 0).then_some(TokenStats {
            mint: *mint,
            window: *params.widths.get(*window)?,
            quote_mint: lane.quote_mint,
            sums: figures.sums,
            high: figures.high,
            low: figures.low,
            change,
            previous: Previous { trades, quote },
        })
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

    /// A store with one window of a minute and a horizon of as much.
    fn store() -> Store<Token> {
        let widths = vec![Interval::try_from("1m".to_owned()).unwrap()];
        Store::new((Params { widths, remember_s: 100_000 }, Horizon(60)))
    }

    /// A buy of trader `trader` in the one pool with the quote token `quote`.
    fn buy(time: Seconds, trader: u8, quote: u8, price: f64) -> Input {
        let id = EventId { slot: time, tx: TxPlace::Index(trader.into()), outer_ix: 0, inner_ix: -1 };
        let tick = Tick {
            time,
            id,
            price: Price::new(price),
            quote: 5,
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
        store.close(|stats, diff| put = (diff > 0).then_some(stats).or(put.take()));
        put
    }

    fn bytes(store: &Store<Token>) -> usize {
        postcard::to_stdvec(&store.states().map(|(_, state)| state).collect::<Vec<_>>()).unwrap().len()
    }

    #[test]
    fn traders_who_have_left_are_let_go_and_count_again_when_they_return() {
        let mut store = store();
        let many: Vec<(Input, Diff)> = (0..200).map(|trader| (buy(1000, trader, SOL, 1.0), 1)).collect();
        assert_eq!(step(&mut store, 1000, &many).unwrap().sums.distinct.traders, 200);
        let before = bytes(&store);
        let two = [(buy(1030, 3, SOL, 1.0), 1), (buy(1030, 4, SOL, 1.0), 1)];
        assert_eq!(step(&mut store, 1030, &two).unwrap().sums.distinct.traders, 200);
        assert_eq!(step(&mut store, 1060, &[]).unwrap().sums.distinct.traders, 2);
        let again = [(buy(1061, 3, SOL, 1.0), 1), (buy(1061, 7, SOL, 1.0), 1)];
        assert_eq!(step(&mut store, 1061, &again).unwrap().sums.distinct.traders, 3);
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
}
