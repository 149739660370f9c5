//! What a sink is handed: the changes of all records up to a closed time, at most one a key.

use model::{Change, Schema, Time};

/// The changes of one record in a flush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Whose rows.
    pub schema: &'static Schema,
    /// At most one change a key, sorted by key, each with the closed time it is of.
    pub changes: Vec<(Time, Change)>,
}

/// Everything that changed since the flush before, up to a frontier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flush {
    /// All changes of times before this one are in this flush or an earlier one; those of records of state as far
    /// as the last grid point of their cadence.
    pub frontier: Time,
    /// One table a record that changed, sorted by name.
    pub tables: Vec<Table>,
}

impl Flush {
    /// Number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.iter().map(|table| table.changes.len()).sum()
    }

    /// True if nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}
