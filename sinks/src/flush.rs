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
    tables: BTreeMap<&'static str, Waiting>,
    len: usize,
}

/// The last change of every key of a record.
#[derive(Debug)]
struct Waiting {
    schema: &'static Schema,
    changes: BTreeMap<Row, (Time, Change)>,
}

impl Conflator {
    /// Takes in a batch. Batches of one record come in the order of their times.
    pub fn add(&mut self, batch: Batch) {
        let Batch { schema, time, changes } = batch;
        let waiting =
            self.tables.entry(schema.name).or_insert_with(|| Waiting { schema, changes: BTreeMap::new() });
        for change in changes {
            let before = waiting.changes.insert(change.key(schema).to_vec(), (time, change));
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
            .map(|waiting| Table { schema: waiting.schema, changes: waiting.changes.into_values().collect() })
            .filter(|table| !table.changes.is_empty())
            .collect();
        Flush { frontier, tables }
    }
}

#[cfg(test)]
mod tests {
    use model::{Column, Kind, Value};

    use super::*;

    static PRICES: Schema = Schema {
        name: "prices",
        doc: "",
        key: 1,
        cadence: model::Cadence::Flush,
        indexes: &[],
        columns: &[
            Column { name: "mint", kind: Kind::Text, doc: "" },
            Column { name: "price", kind: Kind::Count, doc: "" },
        ],
    };
    static COUNTS: Schema = Schema { name: "counts", ..PRICES };

    fn upsert(key: &'static str, price: u64) -> Change {
        Change::Upsert(vec![Value::from(key), Value::Count(price)])
    }

    fn delete(key: &'static str) -> Change {
        Change::Delete(vec![Value::from(key)])
    }

    fn batch(schema: &'static Schema, time: Time, changes: Vec<Change>) -> Batch {
        Batch { schema, time, changes }
    }

    #[test]
    fn the_last_change_of_a_key_wins_and_keeps_its_time() {
        let mut conflator = Conflator::default();
        conflator.add(batch(&PRICES, 1, vec![upsert("a", 1), upsert("b", 1)]));
        conflator.add(batch(&PRICES, 2, vec![upsert("b", 2)]));
        assert_eq!(conflator.len(), 2);
        let flush = conflator.take(3);
        assert_eq!(flush.frontier, 3);
        assert_eq!(flush.tables[0].changes, [(1, upsert("a", 1)), (2, upsert("b", 2))]);
    }

    #[test]
    fn an_end_after_a_row_stays_an_end() {
        // The row before this flush may be in the sink, so the end must get there.
        let mut conflator = Conflator::default();
        conflator.add(batch(&PRICES, 1, vec![upsert("a", 1)]));
        conflator.add(batch(&PRICES, 2, vec![delete("a")]));
        assert_eq!(conflator.take(3).tables[0].changes, [(2, delete("a"))]);
    }

    #[test]
    fn a_row_after_an_end_is_a_row() {
        let mut conflator = Conflator::default();
        conflator.add(batch(&PRICES, 1, vec![delete("a")]));
        conflator.add(batch(&PRICES, 2, vec![upsert("a", 5)]));
        assert_eq!(conflator.take(3).tables[0].changes, [(2, upsert("a", 5))]);
    }

    #[test]
    fn tables_are_in_order_of_name_and_changes_in_order_of_key() {
        let mut conflator = Conflator::default();
        conflator.add(batch(&PRICES, 1, vec![upsert("c", 1)]));
        conflator.add(batch(&COUNTS, 1, vec![upsert("a", 1)]));
        conflator.add(batch(&PRICES, 2, vec![delete("a"), upsert("b", 1)]));
        let flush = conflator.take(3);
        let names: Vec<&str> = flush.tables.iter().map(|table| table.schema.name).collect();
        assert_eq!(names, ["counts", "prices"]);
        assert_eq!(flush.tables[1].changes, [(2, delete("a")), (2, upsert("b", 1)), (1, upsert("c", 1))]);
        assert_eq!(flush.len(), 4);
    }

    #[test]
    fn what_was_taken_is_gone() {
        let mut conflator = Conflator::default();
        conflator.add(batch(&PRICES, 1, vec![upsert("a", 1)]));
        conflator.take(2);
        assert!(conflator.is_empty());
        assert!(conflator.take(3).is_empty());
    }
}
