//! What leaves: rows of a declared schema.
//!
//! A dataflow emits typed records; at its edge they become rows. Sinks know schemas and rows only, and
//! tables, topics and documents are generated from the schemas, so a new record needs no sink code.
//!
//! Every record has a key. At one closed time a key has at most one change: a new row, or its end.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::sync::Arc;

use crate::{Address, Price, Seconds, Signature, Time};

/// What a column holds; encoders and table definitions derive from it.
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
    /// What it holds. Every column but those of the key may be null.
    pub kind: Kind,
    /// What it means, with its unit.
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
}

/// The value of one column in one row.
#[derive(Clone, Debug)]
pub enum Value {
    /// Missing or not defined.
    Null,
    /// Of a [`Kind::Bool`].
    Bool(bool),
    /// Of a [`Kind::Count`] or [`Kind::Time`].
    Count(u64),
    /// Of a [`Kind::Amount`].
    Amount(u64),
    /// Of a [`Kind::Sum`].
    Sum(i128),
    /// Of a [`Kind::Float`]; always finite.
    Float(f64),
    /// Of a [`Kind::Symbol`] with a name known at compile time.
    Symbol(&'static str),
    /// Of a [`Kind::Symbol`] or [`Kind::Text`].
    Text(Arc<str>),
    /// Of a [`Kind::Address`].
    Address(Address),
}

impl Value {
    /// A count or time that may be missing.
    #[must_use]
    pub fn count(value: Option<impl Into<u64>>) -> Self {
        value.map_or(Self::Null, |v| Self::Count(v.into()))
    }

    /// A time in seconds, which may be missing, as the milliseconds of a [`Kind::Time`].
    #[must_use]
    pub fn time(at: impl Into<Option<Seconds>>) -> Self {
        Self::count(at.into().map(|at| at.saturating_mul(1000)))
    }

    /// A raw amount that may be missing.
    #[must_use]
    pub fn amount(value: Option<u64>) -> Self {
        value.map_or(Self::Null, Self::Amount)
    }

    /// A float; null if it is infinite or not a number.
    #[must_use]
    pub fn float(value: Option<f64>) -> Self {
        value.filter(|v| v.is_finite()).map_or(Self::Null, Self::Float)
    }

    /// The text of a symbol or text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Symbol(text) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Rank of the variant, so that values of different kinds have an order too. Text is text however stored.
    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Count(_) => 2,
            Self::Amount(_) => 3,
            Self::Sum(_) => 4,
            Self::Float(_) => 5,
            Self::Symbol(_) | Self::Text(_) => 6,
            Self::Address(_) => 7,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Count(a), Self::Count(b)) | (Self::Amount(a), Self::Amount(b)) => a.cmp(b),
            (Self::Sum(a), Self::Sum(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Address(a), Self::Address(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()).then_with(|| a.as_text().cmp(&b.as_text())),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Symbol(value)
    }
}

impl From<Address> for Value {
    fn from(value: Address) -> Self {
        Self::Address(value)
    }
}

impl From<Option<Address>> for Value {
    fn from(value: Option<Address>) -> Self {
        value.map_or(Self::Null, Self::Address)
    }
}

impl From<Option<Signature>> for Value {
    fn from(value: Option<Signature>) -> Self {
        value.map_or(Self::Null, |s| Self::text(s.to_string()))
    }
}

impl From<Option<Price>> for Value {
    fn from(value: Option<Price>) -> Self {
        value.map_or(Self::Null, |p| Self::Float(p.get()))
    }
}

impl Value {
    /// Text made at run time.
    #[must_use]
    pub fn text(value: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(value.as_ref()))
    }
}

/// The columns of one record, in the schema's order.
pub type Row = Vec<Value>;

/// A type that a dataflow may emit.
pub trait Record: Ord + Clone + Debug + Send + 'static {
    /// Its schema.
    const SCHEMA: &'static Schema;
    /// What the leading columns of the schema say, as a type that compares fast.
    type Key: Ord;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// Its columns, in the schema's order.
    fn row(&self) -> Row;
}

/// Rows of one record that change together, such as the candles of all series of one minute: what moves
/// through a dataflow as one and becomes rows only where it leaves. A record is a group of itself.
pub trait Group: Ord + Clone + Debug + Send + 'static {
    /// Whose rows.
    type Record: Record;
    /// What names the group: of two groups with one key only one is there at a time.
    type Key: Ord;
    /// Its key. Groups order by it first.
    fn group_key(&self) -> Self::Key;
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
