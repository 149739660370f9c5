//! One window: what has left it, and when more will.

use model::Seconds;
use serde::{Deserialize, Serialize};

use super::panes::{MaybePrice, Panes};
use super::{Sums, tick_of};

/// See the module. What is in it is the total less what has left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Window {
    pub(super) width: Seconds,
    /// The last second that is not in it.
    pub(super) start: Seconds,
    /// Trades up to `start`.
    pub(super) gone: Sums,
    /// Number and quote of those that have left the window before it as well.
    pub(super) gone_before: (u64, u128),
    /// The last clean price up to `start`.
    pub(super) then: MaybePrice,
    /// When the next pane leaves it; [`Seconds::MAX`] if there is none.
    pub(super) due: Seconds,
    /// When the next pane leaves the window before it.
    pub(super) due_before: Seconds,
}

impl Window {
    pub(super) fn new(width: Seconds, now: Seconds, then: MaybePrice) -> Self {
        let start = start(width, now);
        let due = Seconds::MAX;
        Self { width, start, gone: Sums::default(), gone_before: (0, 0), then, due, due_before: due }
    }

    pub(super) const fn start_before(&self) -> Seconds {
        self.start.saturating_sub(self.width)
    }

    /// When a pane leaves it.
    const fn exit(&self, pane: Seconds) -> Seconds {
        pane.next_multiple_of(tick_of(self.width)).saturating_add(self.width)
    }

    /// Takes note of a new pane.
    pub(super) fn expect(&mut self, pane: Seconds) {
        let exit = self.exit(pane);
        if pane > self.start {
            self.due = self.due.min(exit);
        }
        if pane > self.start_before() {
            self.due_before = self.due_before.min(exit.saturating_add(self.width));
        }
    }

    /// Lets out what has left by `now`.
    pub(super) fn advance(&mut self, now: Seconds, panes: &Panes) {
        let (old, old_before) = (self.start, self.start_before());
        self.start = start(self.width, now);
        if self.due <= now {
            for pane in panes.range(old, self.start) {
                self.gone += pane.sums;
                self.then = pane.close;
            }
            self.due = panes.next_after(self.start).map_or(Seconds::MAX, |pane| self.exit(pane));
        }
        if self.due_before <= now {
            for pane in panes.range(old_before, self.start_before()) {
                self.gone_before.0 += pane.sums.trades();
                self.gone_before.1 += pane.sums.quote();
            }
            let next = panes.next_after(self.start_before());
            self.due_before = next.map_or(Seconds::MAX, |p| self.exit(p).saturating_add(self.width));
        }
    }
}

/// The start of a window at `now`.
const fn start(width: Seconds, now: Seconds) -> Seconds {
    (now - now % tick_of(width)).saturating_sub(width)
}
