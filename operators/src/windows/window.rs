//! One window: what has left it, and when more will.

use model::Price;
use serde::{Deserialize, Serialize};

use super::panes::Panes;
use super::{Short, Sums, coarse, tick_of};

/// See the module. What is in it is the total less what has left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) width: Short,
    /// The last second that is not in it.
    pub(super) start: Short,
    /// When the next pane leaves it, or the window before it; [`Short::MAX`] if there is none.
    pub(super) due: Short,
    /// When the next pane leaves it.
    exit_due: Short,
    /// Trades up to `start`.
    pub(super) gone: Sums,
    /// Number of those that have left the window before it as well.
    pub(super) trades_before: u32,
    /// Their quote.
    pub(super) quote_before: u128,
    /// The last clean price up to `start`.
    pub(super) then: Option<Price>,
}

/// A second as windows see it: those that move by the second, and those that move by ten.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    fine: Short,
    coarse: Short,
}

impl Moment {
    /// The present, which wide windows see begin with its ten seconds.
    pub(super) fn present(now: Short) -> Self {
        Self { fine: now, coarse: now - now % super::COARSE_TICK_S }
    }

    /// A pane, which wide windows see in the last of its ten seconds.
    pub(super) fn pane(time: Short) -> Self {
        Self { fine: time, coarse: coarse(time) }
    }

    fn to(self, width: Short) -> Short {
        if tick_of(width) == 1 { self.fine } else { self.coarse }
    }
}

impl Window {
    pub(super) fn new(width: Short, now: Moment, then: Option<Price>) -> Self {
        let (start, due) = (now.to(width).saturating_sub(width), Short::MAX);
        Self {
            width,
            start,
            due,
            exit_due: due,
            gone: Sums::default(),
            trades_before: 0,
            quote_before: 0,
            then,
        }
    }

    pub(super) const fn start_before(&self) -> Short {
        self.start.saturating_sub(self.width)
    }

    /// When a pane leaves it.
    fn exit(&self, pane: Moment) -> Short {
        pane.to(self.width).saturating_add(self.width)
    }

    /// Takes note of a new pane.
    pub(super) fn expect(&mut self, pane: Moment) {
        let exit = self.exit(pane);
        if pane.fine > self.start {
            self.exit_due = self.exit_due.min(exit);
            self.due = self.due.min(exit);
        } else if pane.fine > self.start_before() {
            self.due = self.due.min(exit.saturating_add(self.width));
        }
    }

    /// Lets out what has left by `now`. To be called when something has.
    pub(super) fn advance(&mut self, now: Moment, panes: &Panes) {
        let (old, old_before) = (self.start, self.start_before());
        self.start = now.to(self.width).saturating_sub(self.width);
        if self.due > now.fine {
            return;
        }
        if self.exit_due <= now.fine {
            for pane in panes.range(old, self.start) {
                self.gone += pane.sums;
                self.then = pane.close;
            }
            let next = panes.next_after(self.start);
            self.exit_due = next.map_or(Short::MAX, |pane| self.exit(Moment::pane(pane)));
        }
        let (trades, quote) = panes.volume(old_before, self.start_before());
        self.trades_before = self.trades_before.wrapping_add(trades);
        self.quote_before = self.quote_before.wrapping_add(quote);
        let next = panes.next_after(self.start_before());
        let exit = next.map_or(Short::MAX, |pane| self.exit(Moment::pane(pane)).saturating_add(self.width));
        self.due = self.exit_due.min(exit);
    }
}
