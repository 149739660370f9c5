//! Outputs: rows of a declared schema.
//!
//! A dataflow emits typed records; at its edge they become rows. Sinks know schemas and rows only, and
//! tables, topics and documents are generated from the schemas, so a new record needs no sink code.
//!
//! Every record has a key. At one closed time a key has at most one change: a new row, or its end.

pub(crate) mod columns;
pub(crate) mod value;

use std::fmt::Debug;
use std::hash::Hash;

pub use self::columns::{Cell, Formatted, RowWriter, kinds, ms, put};
pub use self::value::{Row, Value};
use crate::Time;

/// Kind of a column's values; encoders and table definitions derive from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text with few distinct values.
    Symbol,
    /// Any text.
    Text,
    /// An address, base58 in text forms.
    Address,
    /// A whole number that stays far below 2^53: a count, a slot, an index, a duration. A JSON number.
    Count,
    /// A raw amount in the token's smallest unit, unsigned, up to 2^64. A JSON string.
    Amount,
    /// A sum or difference of raw amounts, up to 2^127. A JSON string.
    Sum,
    /// A price, a percentage, a ratio. A JSON number.
    Float,
    /// True or false.
    Bool,
    /// Milliseconds since the Unix epoch. A JSON number.
    Time,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in every sink.
    pub name: &'static str,
    /// Kind of its values. Every column but those of the key may be null.
    pub kind: Kind,
    /// Meaning, with the unit.
    pub doc: &'static str,
}

impl Column {
    /// A column.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, doc }
    }
}

/// Everything a sink knows of a record.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// Name of the table, topic and file.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// How many of the leading columns are the key.
    pub key: usize,
    /// Columns in order, without the common ones (`as_of`, `def_version`), which the sinks add.
    pub columns: &'static [Column],
    /// How often a change of a key leaves.
    pub cadence: Cadence,
    /// Columns (`as_of` too) of each secondary index that an embedded store keeps for readers.
    pub indexes: &'static [&'static [&'static str]],
}

impl Schema {
    /// Where the column of this name is.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// How often what has changed leaves, in event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cadence {
    /// With every flush: records of events.
    Flush,
    /// At whole multiples of so many seconds: records of state.
    Seconds(u32),
    /// An open bar at most sixty times in its life, and at most once a second; a closed one at the next second.
    Bars,
}

/// A type that a dataflow may emit. [`columns!`](crate::columns) gives all but the key.
pub trait Record: Ord + Clone + Debug + Send + 'static {
    /// Its schema.
    const SCHEMA: &'static Schema;
    /// Values of the key's columns, as a type that compares fast.
    type Key: Ord + Hash + Clone + Send;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// Hands over its columns, in the schema's order.
    fn write<W: RowWriter + ?Sized>(&self, row: &mut W);
    /// Hands over the columns of its key.
    fn write_key<W: RowWriter + ?Sized>(&self, row: &mut W);

    /// Its columns as values.
    fn row(&self) -> Row {
        let mut row = Row::with_capacity(Self::SCHEMA.columns.len());
        self.write(&mut row);
        row
    }

    /// The columns of its key as values.
    fn key_row(&self) -> Row {
        let mut row = Row::with_capacity(Self::SCHEMA.key);
        self.write_key(&mut row);
        row
    }
}

/// Rows of one record that change together, such as the candles of all series of one minute: what moves
/// through a dataflow as one and becomes rows only where it leaves. A record is a group of itself.
pub trait Group: Ord + Clone + Debug + Send + 'static {
    /// Whose rows.
    type Record: Record;
    /// Name of the group: among two groups with one key only one is there at a time.
    type Key: Ord + Hash + Clone + Send;
    /// Its key. Groups order by it first.
    fn group_key(&self) -> Self::Key;
    /// How often a change to this group leaves.
    fn cadence(&self) -> Cadence {
        Self::Record::SCHEMA.cadence
    }
    /// Its rows.
    fn records(self) -> impl Iterator<Item = Self::Record>;
}

impl<R: Record> Group for R {
    type Record = R;
    type Key = R::Key;

    fn group_key(&self) -> Self::Key {
        Record::key(self)
    }

    fn records(self) -> impl Iterator<Item = R> {
        std::iter::once(self)
    }
}

/// The change of one key at one closed time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The key's row is this one from now on.
    Upsert(Row),
    /// The key is gone; these are the key's columns.
    Delete(Row),
}

impl Change {
    /// The key's columns.
    #[must_use]
    pub fn key(&self, schema: &Schema) -> &[Value] {
        match self {
            Self::Upsert(row) => row.get(..schema.key).unwrap_or(row),
            Self::Delete(key) => key,
        }
    }
}

/// All changes of one record at one closed time on one worker, at most one a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Whose rows.
    pub schema: &'static Schema,
    /// The closed time.
    pub time: Time,
    /// The changes.
    pub changes: Vec<Change>,
}
