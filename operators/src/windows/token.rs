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
