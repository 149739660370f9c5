//! A token in one quote token: its windows, and what is remembered of it in silence.

use model::{Address, EventId, Price, Seconds};
use serde::{Deserialize, Serialize};

use super::live::Live;
use super::ticks::Kept;
use super::{Change, Filtered, Params, Previous, Short, TokenStats};

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lane {
    pub(super) quote_mint: Address,
    /// Block time of the first trade.
    first: Option<Short>,
    /// The first clean trade.
    first_clean: Option<(Short, EventId, Price)>,
    /// The last clean price, while there are no windows.
    close: Option<Price>,
    /// None once all windows are empty and nothing can be corrected.
    live: Option<Box<Live>>,
}

impl Lane {
    pub(super) fn new(quote_mint: Address) -> Self {
        Self { quote_mint, first: None, first_clean: None, close: None, live: None }
    }

    /// Adds a trade.
    pub(super) fn insert(&mut self, kept: Kept, now: Short, params: &Params) {
        let close = self.close;
        let live = self.live.get_or_insert_with(|| Box::new(Live::new(now, params, close)));
        live.insert(kept);
        self.first = Some(self.first.map_or(kept.time, |first| first.min(kept.time)));
        if let Some(price) = kept.price() {
            let own = (kept.time, kept.id, price);
            self.first_clean = Some(self.first_clean.map_or(own, |first| first.min(own)));
        }
    }

    /// Takes a trade out. False if it is not there, or past correction.
    pub(super) fn remove(&mut self, kept: &Kept) -> bool {
        let Some(live) = self.live.as_mut() else { return false };
        if !live.remove(kept) {
            return false;
        }
        // What is first and can be taken back has nothing before it that cannot.
        if self.first == Some(kept.time) {
            self.first = live.ticks().next().map(|kept| kept.time);
        }
        if self.first_clean.is_some_and(|(time, id, _)| (time, id) == (kept.time, kept.id)) {
            let mut clean = live.ticks().filter_map(|k| Some((k.time, k.id, k.price()?)));
            self.first_clean = clean.next();
        }
        true
    }

    /// Says of a trade, if it is here, whether it is left out of what is filtered.
    pub(super) fn mark(&mut self, id: EventId, is_marked: bool) {
        if let Some(live) = &mut self.live {
            live.mark(id, is_marked);
        }
    }

    /// The first trade in a pool among those that can be corrected.
    pub(super) fn first_in(&self, pool: u32) -> Option<EventId> {
        let mut ticks = self.live.iter().flat_map(|live| live.ticks());
        ticks.find(|kept| kept.pool == pool).map(|kept| kept.id)
    }

    /// True if there are no windows.
    pub(super) fn is_asleep(&self) -> bool {
        self.live.is_none()
    }

    /// The windows that something leaves at `now`, one bit each.
    pub(super) fn due(&self, now: Short) -> u64 {
        self.live.as_ref().map_or(0, |live| live.due(now))
    }

    /// When it is to be advanced next.
    pub(super) fn next_due(&self, kept_s: Seconds) -> Option<Seconds> {
        self.live.as_ref().and_then(|live| live.next_due(kept_s))
    }

    /// Moves the windows to `now`.
    pub(super) fn advance(&mut self, now: Short, kept_s: Seconds) {
        let Some(live) = &mut self.live else { return };
        live.advance(now, kept_s);
        if live.is_empty() {
            self.close = live.close();
            self.live = None;
        }
    }

    /// What a window holds; none if neither it nor the one before it holds a trade.
    pub(super) fn window(&self, mint: &Address, at: usize, params: &Params) -> Option<TokenStats> {
        let window = *params.widths.get(at)?;
        let live = self.live.as_ref()?;
        let figures = live.figures(at)?;
        let (sums, removed, (trades, quote)) = (figures.sums, figures.removed, figures.previous);
        if sums.trades() == 0 && trades == 0 {
            return None;
        }
        let is_partial = self.first.is_some_and(|first| first > figures.start);
        let first = || self.first_clean.map(|(_, _, price)| price);
        let then = if is_partial { first() } else { figures.then };
        Some(TokenStats {
            mint: *mint,
            window,
            quote_mint: self.quote_mint,
            sums,
            high: figures.high,
            low: figures.low,
            largest: figures.largest,
            change: Change { now: live.close(), then, is_partial },
            previous: Previous { trades, quote },
            filtered: Filtered {
                trades: sums.trades().wrapping_sub(removed.trades),
                traders: sums.traders.wrapping_sub(removed.traders),
                quote: sums.quote().wrapping_sub(removed.quote),
            },
        })
    }
}
