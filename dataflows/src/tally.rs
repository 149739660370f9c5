//! Accounts for every trade that comes in: it is a row, or it is counted by why it is none.
//!
//! The counts are of changes, so what is retracted is subtracted: a slot that dies moves its trades from rows to
//! `dead`. Whoever feeds a dataflow knows how many trades it gave, and all of them must be here.

use std::cell::Cell;
use std::rc::Rc;

use model::Diff;
use operators::slots::Dropped;

/// Where trades went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows of `trades` that stand.
    pub rows: Diff,
    /// Came past the correction horizon; each is in `rejects` as `too_late`.
    pub late: Diff,
    /// The same trade again.
    pub duplicates: Diff,
    /// Another trade stands under the same id; each is in `rejects` as `conflict`.
    pub conflicts: Diff,
    /// Their slot is dead.
    pub dead: Diff,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> Diff {
        self.rows + self.late + self.duplicates + self.conflicts + self.dead
    }

    /// Adds what another worker counted.
    pub const fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.late += other.late;
        self.duplicates += other.duplicates;
        self.conflicts += other.conflicts;
        self.dead += other.dead;
    }

    pub(crate) const fn drop(&mut self, why: Dropped, diff: Diff) {
        match why {
            Dropped::Late => self.late += diff,
            Dropped::Duplicate => self.duplicates += diff,
            Dropped::Conflict => self.conflicts += diff,
            Dropped::Dead => self.dead += diff,
        }
    }
}

/// A tally that the outputs of a worker share.
pub(crate) type Shared = Rc<Cell<Tally>>;
