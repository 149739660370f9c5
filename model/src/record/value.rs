//! The value of one column in one row, owned: what is read back from a sink, and what tests are made of.

use std::cmp::Ordering;
use std::sync::Arc;

use super::RowWriter;
use crate::{Address, Millis, Price, Seconds, Signature};

/// The value of one column in one row.
#[derive(Clone, Debug)]
pub enum Value {
    /// Missing or not defined.
    Null,
    /// A [`Kind::Bool`](crate::Kind::Bool).
    Bool(bool),
    /// A [`Kind::Count`](crate::Kind::Count) or [`Kind::Time`](crate::Kind::Time).
    Count(u64),
    /// A [`Kind::Amount`](crate::Kind::Amount).
    Amount(u64),
    /// A [`Kind::Sum`](crate::Kind::Sum).
    Sum(i128),
    /// A [`Kind::Float`](crate::Kind::Float); always finite.
    Float(f64),
    /// A [`Kind::Symbol`](crate::Kind::Symbol) with a name known at compile time.
    Symbol(&'static str),
    /// A [`Kind::Symbol`](crate::Kind::Symbol) or [`Kind::Text`](crate::Kind::Text).
    Text(Arc<str>),
    /// A [`Kind::Address`](crate::Kind::Address).
    Address(Address),
}

impl Value {
    /// A count or time that may be missing.
    #[must_use]
    pub fn count(value: Option<impl Into<u64>>) -> Self {
        value.map_or(Self::Null, |v| Self::Count(v.into()))
    }

    /// A time in seconds, which may be missing, as the milliseconds of a [`Kind::Time`](crate::Kind::Time).
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

impl RowWriter for Row {
    fn null(&mut self) {
        self.push(Value::Null);
    }

    fn bool(&mut self, value: bool) {
        self.push(Value::Bool(value));
    }

    fn count(&mut self, value: u64) {
        self.push(Value::Count(value));
    }

    fn time(&mut self, at: Millis) {
        self.push(Value::Count(at));
    }

    fn amount(&mut self, value: u64) {
        self.push(Value::Amount(value));
    }

    fn sum(&mut self, value: i128) {
        self.push(Value::Sum(value));
    }

    fn float(&mut self, value: f64) {
        self.push(Value::Float(value));
    }

    fn symbol(&mut self, value: &str) {
        self.push(Value::text(value));
    }

    fn text(&mut self, value: &str) {
        self.push(Value::text(value));
    }

    fn address(&mut self, value: &Address) {
        self.push(Value::Address(*value));
    }
}

/// The columns of one record, in the schema's order.
pub type Row = Vec<Value>;
