//! Compares two finished outputs row by row.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Key, Rows, SnapshotError, SnapshotRow, records, rows};
use crate::Description;

/// How two outputs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffReport {
    /// One entry a record that either side has, by name.
    pub records: Vec<RecordDiff>,
}

/// How a record differs. A record that one side does not have is compared as one without rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecordDiff {
    /// The record.
    pub record: String,
    /// Rows of the first output.
    pub rows_a: u64,
    /// Rows of the second output.
    pub rows_b: u64,
    /// Keys that only the first output has.
    pub only_a: u64,
    /// Keys that only the second output has.
    pub only_b: u64,
    /// Keys that both have with different columns.
    pub different: u64,
    /// The first of these, in the order of the keys.
    pub samples: Vec<RowDiff>,
}

/// How a row differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum RowDiff {
    /// Only the first output has it.
    OnlyInA {
        /// Its key.
        key: Key,
        /// The row as JSON.
        line: String,
    },
    /// Only the second output has it.
    OnlyInB {
        /// Its key.
        key: Key,
        /// The row as JSON.
        line: String,
    },
    /// Both have it, and not alike.
    Different {
        /// Its key.
        key: Key,
        /// The columns that differ, by name.
        columns: Vec<ColumnDiff>,
    },
}

/// How a column differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnDiff {
    /// The column.
    pub name: String,
    /// Its JSON in the first output; none where that has no such column.
    pub a: Option<String>,
    /// Its JSON in the second output; none where that has no such column.
    pub b: Option<String>,
}

impl DiffReport {
    /// True if both outputs hold the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.records.iter().all(|record| record.only_a + record.only_b + record.different == 0)
    }
}

/// Compares two finished outputs, each a folder of the sink `jsonl` or a database of the sink `sqlite`.
///
/// `as_of` and `received_at` are left out; everything else is compared exactly, floats included. Of each
/// record the first `limit` differences are kept; all are counted.
///
/// # Errors
/// When an output cannot be read or is not complete, or a record has another key on the other side.
pub fn diff(a: &Path, b: &Path, limit: usize) -> Result<DiffReport, SnapshotError> {
    let by_name = |path| -> Result<BTreeMap<String, Description>, SnapshotError> {
        Ok(records(path)?.into_iter().map(|d| (d.record.to_string(), d)).collect())
    };
    let (mut in_a, mut in_b) = (by_name(a)?, by_name(b)?);
    let names: BTreeSet<String> = in_a.keys().chain(in_b.keys()).cloned().collect();
    let mut report = DiffReport { records: Vec::with_capacity(names.len()) };
    for record in names {
        let (of_a, of_b) = (in_a.remove(&record), in_b.remove(&record));
        if let (Some(of_a), Some(of_b)) = (&of_a, &of_b) {
            check_keys(of_a, of_b)?;
        }
        let mut of_a = Side::new(of_a.map(|d| rows(a, d)).transpose()?)?;
        let mut of_b = Side::new(of_b.map(|d| rows(b, d)).transpose()?)?;
        let mut found = RecordDiff { record, ..RecordDiff::default() };
        merge(&mut of_a, &mut of_b, limit, &mut found)?;
        (found.rows_a, found.rows_b) = (of_a.taken, of_b.taken);
        report.records.push(found);
    }
    Ok(report)
}

/// Rows can only be merged by keys that compare alike.
fn check_keys(a: &Description, b: &Description) -> Result<(), SnapshotError> {
    let key = |d: &Description| {
        let columns = d.key_columns().iter();
        columns.map(|c| format!("{} {:?}", c.name, c.kind)).collect::<Vec<_>>().join(", ")
    };
    if key(a) == key(b) {
        return Ok(());
    }
    Err(SnapshotError::Keys { record: a.record.to_string(), a: key(a), b: key(b) })
}

/// One side of a merge: the row it stands at, and how many it has given.
struct Side {
    rows: Option<Rows>,
    head: Option<SnapshotRow>,
    taken: u64,
}

impl Side {
    fn new(rows: Option<Rows>) -> Result<Self, SnapshotError> {
        let mut side = Self { rows, head: None, taken: 0 };
        side.head = side.read()?;
        Ok(side)
    }

    fn read(&mut self) -> Result<Option<SnapshotRow>, SnapshotError> {
        self.rows.as_mut().and_then(Rows::next).transpose()
    }

    fn take(&mut self) -> Result<Option<SnapshotRow>, SnapshotError> {
        let next = if self.head.is_some() { self.read()? } else { None };
        let taken = std::mem::replace(&mut self.head, next);
        self.taken += u64::from(taken.is_some());
        Ok(taken)
    }
}

fn merge(a: &mut Side, b: &mut Side, limit: usize, found: &mut RecordDiff) -> Result<(), SnapshotError> {
    loop {
        let order = match (&a.head, &b.head) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.key.cmp(&b.key),
        };
        let of_a = if order.is_le() { a.take()? } else { None };
        let of_b = if order.is_ge() { b.take()? } else { None };
        let difference = match (of_a, of_b) {
            (Some(a), Some(b)) if a.line == b.line => None,
            (Some(a), Some(b)) => {
                let columns = columns(&a.line, &b.line);
                (!columns.is_empty()).then(|| {
                    found.different += 1;
                    RowDiff::Different { key: a.key, columns }
                })
            }
            (Some(SnapshotRow { key, line }), None) => {
                found.only_a += 1;
                Some(RowDiff::OnlyInA { key, line })
            }
            (None, Some(SnapshotRow { key, line })) => {
                found.only_b += 1;
                Some(RowDiff::OnlyInB { key, line })
            }
            (None, None) => None,
        };
        found.samples.extend(difference.filter(|_| found.samples.len() < limit));
    }
}

/// The columns that differ. None at all if the two only name them in another order, as a table does that
/// was given a column later.
fn columns(a: &str, b: &str) -> Vec<ColumnDiff> {
    let members = |line| serde_json::from_str::<BTreeMap<&str, &RawValue>>(line).unwrap_or_default();
    let (a, b) = (members(a), members(b));
    let names: BTreeSet<&str> = a.keys().chain(b.keys()).copied().collect();
    let value = |side: &BTreeMap<&str, &RawValue>, name| side.get(name).map(|json| json.get().to_owned());
    names
        .into_iter()
        .map(|name| ColumnDiff { name: name.to_owned(), a: value(&a, name), b: value(&b, name) })
        .filter(|column| column.a != column.b)
        .collect()
}
