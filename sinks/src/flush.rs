//! Gathers the batches of several closed times into one write.

use std::collections::BTreeMap;

use model::{Batch, Change, Row, Schema, Time};

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
    /// All changes of times before this one are in this flush or an earlier one.
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

/// Keeps the last change of every key until it is flushed.
#[derive(Debug, Default)]
pub struct Conflator {
    tables: BTreeMap<&'static str, (&'static Schema, BTreeMap<Row, (Time, Change)>)>,
    len: usize,
}

impl Conflator {
    /// Takes in a batch. Batches of one record come in the order of their times.
    pub fn add(&mut self, batch: Batch) {
        let Batch { schema, time, changes } = batch;
        let (_, table) = self.tables.entry(schema.name).or_insert_with(|| (schema, BTreeMap::new()));
        for change in changes {
            let before = table.insert(change.key(schema).to_vec(), (time, change));
            self.len += usize::from(before.is_none());
        }
    }

    /// Number of keys that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hands over what has gathered; `frontier` is the first time that is still open.
    pub fn take(&mut self, frontier: Time) -> Flush {
        self.len = 0;
        let tables = std::mem::take(&mut self.tables)
            .into_values()
            .map(|(schema, changes)| Table { schema, changes: changes.into_values().collect() })
            .filter(|table| !table.changes.is_empty())
            .collect();
        Flush { frontier, tables }
    }
}
