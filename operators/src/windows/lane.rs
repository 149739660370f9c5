//! A token in one quote token: its windows, and what is remembered of it in silence.

use model::{Address, EventId, Price, Seconds};
use serde::{Deserialize, Serialize};

use super::live::{Figures, Live};
use super::panes::MaybePrice;
use super::{Change, Params, Tick};
use crate::prelude::*;

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lane {
    pub(super) quote_mint: Address,
    /// Block time of the first trade.
    first: Option<Seconds>,
    /// The first clean trade.
    first_clean: Option<(Seconds, EventId, Price)>,
    /// The last clean price, while there are no windows.
    close: MaybePrice,
    /// None once all windows are empty and nothing can be corrected.
    live: Option<Box<Live>>,
}

impl Lane {
    pub(super) fn new(quote_mint: Address) -> Self {
        Self { quote_mint, first: None, first_clean: None, close: MaybePrice::default(), live: None }
    }

    /// Adds a trade.
    pub(super) fn insert(&mut self, tick: Tick, pool: u32, now: Seconds, params: &Params) {
        let close = self.close;
        let live = self.live.get_or_insert_with(|| Box::new(Live::new(now, params, close)));
        live.insert(tick, pool);
        self.first = Some(self.first.map_or(tick.time, |first| first.min(tick.time)));
        if let Some(price) = tick.price {
            let own = (tick.time, tick.id, price);
            self.first_clean = Some(self.first_clean.map_or(own, |first| first.min(own)));
        }
    }

    /// Takes a trade out. False if it is not there, or past correction.
    pub(super) fn remove(&mut self, tick: &Tick, pool: u32) -> bool {
        let Some(live) = self.live.as_mut() else { return false };
        if !live.remove(tick, pool) {
            return false;
        }
        // What is first and can be taken back has nothing before it that cannot.
        if self.first == Some(tick.time) {
            self.first = live.ticks().next().map(|(_, tick)| tick.time);
        }
        if self.first_clean.is_some_and(|(time, id, _)| (time, id) == (tick.time, tick.id)) {
            let mut clean = live.ticks().filter_map(|(_, t)| Some((t.time, t.id, t.price?)));
            self.first_clean = clean.next();
        }
        true
    }

    /// The first trade in a pool among those that can be corrected.
    pub(super) fn first_in(&self, pool: u32) -> Option<EventId> {
        let mut ticks = self.live.iter().flat_map(|live| live.ticks());
        ticks.find(|(of, _)| *of == pool).map(|(_, tick)| tick.id)
    }

    /// True if there are no windows.
    pub(super) fn is_asleep(&self) -> bool {
        self.live.is_none()
    }

    /// True if something leaves a window at `now`.
    pub(super) fn is_due(&self, window: usize, now: Seconds) -> bool {
        self.live.as_ref().is_some_and(|live| live.is_due(window, now))
    }

    /// When it is to be advanced next.
    pub(super) fn next_due(&self, horizon: Horizon) -> Option<Seconds> {
        self.live.as_ref().and_then(|live| live.next_due(horizon))
    }

    /// Moves the windows to `now`.
    pub(super) fn advance(&mut self, now: Seconds, horizon: Horizon) {
        let Some(live) = &mut self.live else { return };
        live.advance(now, horizon);
        if live.is_empty() {
            self.close = live.close();
            self.live = None;
        }
    }

    /// What a window holds, and how its price changed.
    pub(super) fn figures(&self, window: usize) -> Option<(Figures, Change)> {
        let figures = self.live.as_ref()?.figures(window)?;
        let is_partial = self.first.is_some_and(|first| first > figures.start);
        let first = self.first_clean.map(|(_, _, price)| price);
        let then = if is_partial { first } else { figures.then };
        let change = Change { now: figures.now, then, is_partial };
        Some((figures, change))
    }
}
