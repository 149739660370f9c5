//! What leaves the operator: the windows of one token that changed at one time, together.
//!
//! A trade changes all windows of its token. As one item they cost one allocation, and move and are
//! compared as one; records are made of them where they are needed.

use model::{Address, Group, Price, Seconds};

use super::record::{Filtered, Previous};
use super::{Change, Sums, TokenStats};
use crate::bar::MaybeAmount;
use crate::candles::Interval;

/// Some windows of a token. A change of some windows takes back what these have been and puts what they
/// are; it says nothing of the others, so only the records add up over time, not the groups.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stats {
    pub(super) mint: Address,
    /// Which windows it speaks of, one bit each; those without trades are not there.
    pub(super) of: u64,
    pub(super) quote_mint: Address,
    /// The last clean price.
    pub(super) now: Option<Price>,
    pub(super) windows: Vec<Shown>,
}

/// One window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    pub(super) window: Interval,
    pub(super) sums: Sums,
    pub(super) high: Option<Price>,
    pub(super) low: Option<Price>,
    pub(super) then: Option<Price>,
    pub(super) largest: MaybeAmount,
    pub(super) is_partial: bool,
    pub(super) previous: Previous,
    pub(super) filtered: Filtered,
}

impl Stats {
    /// What the trades of each window add up to.
    pub fn sums(&self) -> impl Iterator<Item = &Sums> {
        self.windows.iter().map(|shown| &shown.sums)
    }

    /// The token.
    #[must_use]
    pub const fn mint(&self) -> Address {
        self.mint
    }

    /// What it says of the window of a width, if it speaks of it: sums, those without marked trades, and
    /// how the price changed.
    #[must_use]
    pub fn window(&self, width_s: Seconds) -> Option<(&Sums, &Filtered, Change)> {
        let shown = self.windows.iter().find(|shown| shown.window.seconds() == width_s)?;
        let change = Change { now: self.now, then: shown.then, is_partial: shown.is_partial };
        Some((&shown.sums, &shown.filtered, change))
    }
}

impl Group for Stats {
    type Record = TokenStats;
    type Key = (Address, u64);

    fn group_key(&self) -> Self::Key {
        (self.mint, self.of)
    }

    fn records(self) -> impl Iterator<Item = TokenStats> {
        let Self { mint, quote_mint, now, windows, .. } = self;
        windows.into_iter().map(move |shown| TokenStats {
            mint,
            window: shown.window,
            quote_mint,
            sums: shown.sums,
            high: shown.high,
            low: shown.low,
            largest: shown.largest.get(),
            change: Change { now, then: shown.then, is_partial: shown.is_partial },
            previous: shown.previous,
            filtered: shown.filtered,
        })
    }
}
