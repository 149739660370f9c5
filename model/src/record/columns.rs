//! One line a column: name, kind, value and meaning of each column of a record stand together.
//!
//! [`columns!`](crate::columns) makes the schema of a record and the code that writes its row from one
//! list, so that the two cannot drift apart. Whoever takes a row is a [`RowWriter`]: a row is handed over
//! value by value, and nothing is put into a container on the way. A column of one kind takes the types of
//! that kind only ([`Cell`]), so a price in the place of a count does not compile.

use std::fmt::{self, Display};

#[cfg(doc)]
use super::Kind;
use crate::{Address, AlertId, EventId, Millis, Price, Seconds, Signature};

/// Takes the values of a row, column by column in the schema's order.
pub trait RowWriter {
    /// Missing or not defined.
    fn null(&mut self);
    /// Takes the value of a [`Kind::Bool`].
    fn bool(&mut self, value: bool);
    /// Takes the value of a [`Kind::Count`].
    fn count(&mut self, value: u64);
    /// Takes the value of a [`Kind::Time`], milliseconds since the Unix epoch.
    fn time(&mut self, at: Millis);
    /// Takes the value of a [`Kind::Amount`].
    fn amount(&mut self, value: u64);
    /// Takes the value of a [`Kind::Sum`].
    fn sum(&mut self, value: i128);
    /// Takes the value of a [`Kind::Float`]; finite.
    fn float(&mut self, value: f64);
    /// Takes the value of a [`Kind::Symbol`].
    fn symbol(&mut self, value: &str);
    /// Takes the value of a [`Kind::Text`].
    fn text(&mut self, value: &str);
    /// Takes the value of a [`Kind::Address`].
    fn address(&mut self, value: &Address);
    /// Takes the value of a [`Kind::Text`] that is still to be formatted.
    fn formatted(&mut self, value: fmt::Arguments<'_>) {
        match value.as_str() {
            Some(text) => self.text(text),
            None => self.text(&value.to_string()),
        }
    }
}

/// Kinds of columns as types, so that a column takes only values of its kind.
pub mod kinds {
    /// [`Kind::Symbol`](crate::Kind::Symbol).
    #[derive(Clone, Copy, Debug)]
    pub struct Symbol;
    /// [`Kind::Text`](crate::Kind::Text).
    #[derive(Clone, Copy, Debug)]
    pub struct Text;
    /// [`Kind::Address`](crate::Kind::Address).
    #[derive(Clone, Copy, Debug)]
    pub struct Address;
    /// [`Kind::Count`](crate::Kind::Count).
    #[derive(Clone, Copy, Debug)]
    pub struct Count;
    /// [`Kind::Amount`](crate::Kind::Amount).
    #[derive(Clone, Copy, Debug)]
    pub struct Amount;
    /// [`Kind::Sum`](crate::Kind::Sum).
    #[derive(Clone, Copy, Debug)]
    pub struct Sum;
    /// [`Kind::Float`](crate::Kind::Float).
    #[derive(Clone, Copy, Debug)]
    pub struct Float;
    /// [`Kind::Bool`](crate::Kind::Bool).
    #[derive(Clone, Copy, Debug)]
    pub struct Bool;
    /// [`Kind::Time`](crate::Kind::Time).
    #[derive(Clone, Copy, Debug)]
    pub struct Time;
}

/// A value of a column of the kind `K`. `None` is null; so is a float that is not finite, and a sum that
/// does not fit.
pub trait Cell<K> {
    /// Hands the value over.
    fn put<W: RowWriter + ?Sized>(self, row: &mut W);
}

/// Hands over a value of a column of the kind `K`.
pub fn put<K, W: RowWriter + ?Sized>(row: &mut W, value: impl Cell<K>) {
    value.put(row);
}

/// A time in seconds, which may be missing, as the milliseconds of a [`Kind::Time`].
#[must_use]
pub fn ms(at: impl Into<Option<Seconds>>) -> Option<Millis> {
    at.into().map(|at| at.saturating_mul(1000))
}

/// The text of a value that is formatted straight into the row.
#[derive(Clone, Copy, Debug)]
pub struct Formatted<T>(pub T);

impl<K, T: Cell<K>> Cell<K> for Option<T> {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        match self {
            Some(value) => value.put(row),
            None => row.null(),
        }
    }
}

macro_rules! counts {
    ($($of:ty)*) => { $(
        impl Cell<kinds::Count> for $of {
            fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
                row.count(self.into());
            }
        }
    )* };
}

counts!(u8 u16 u32 u64);

impl Cell<kinds::Count> for usize {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.count(u64::try_from(self).unwrap_or(u64::MAX));
    }
}

impl Cell<kinds::Time> for Millis {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.time(self);
    }
}

impl Cell<kinds::Amount> for u64 {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.amount(self);
    }
}

impl Cell<kinds::Sum> for i128 {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.sum(self);
    }
}

impl Cell<kinds::Sum> for u128 {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        match i128::try_from(self) {
            Ok(value) => row.sum(value),
            Err(_) => row.null(),
        }
    }
}

impl Cell<kinds::Float> for f64 {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        if self.is_finite() { row.float(self) } else { row.null() }
    }
}

impl Cell<kinds::Float> for Price {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.float(self.get());
    }
}

impl Cell<kinds::Bool> for bool {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.bool(self);
    }
}

impl Cell<kinds::Address> for Address {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.address(&self);
    }
}

macro_rules! texts {
    ($($of:ty)*) => { $(
        impl Cell<kinds::Symbol> for $of {
            fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
                row.symbol(self.as_ref());
            }
        }

        impl Cell<kinds::Text> for $of {
            fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
                row.text(self.as_ref());
            }
        }
    )* };
}

texts!(&str &String String);

impl<T: Display> Cell<kinds::Text> for Formatted<T> {
    fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
        row.formatted(format_args!("{}", self.0));
    }
}

macro_rules! formatted {
    ($($of:ty)*) => { $(
        impl Cell<kinds::Text> for $of {
            fn put<W: RowWriter + ?Sized>(self, row: &mut W) {
                Formatted(self).put(row);
            }
        }
    )* };
}

formatted!(EventId Signature AlertId);

/// The columns of a record, in the place of `SCHEMA`, `write` and `write_key` of a
/// [`Record`](crate::Record).
///
/// ```
/// # use model::{columns, Cadence, Record};
/// #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
/// struct Rain {
///     place: &'static str,
///     millimetres: u32,
/// }
///
/// impl Record for Rain {
///     columns! {
///         self: "rain", "How much it has rained.";
///         cadence: Cadence::Seconds(5);
///         key {
///             place: Symbol = self.place, "Where.";
///         }
///         millimetres: Count = self.millimetres, "How much.";
///     }
///     type Key = &'static str;
///
///     fn key(&self) -> &'static str {
///         self.place
///     }
/// }
/// assert_eq!(Rain::SCHEMA.columns[1].doc, "How much.");
/// ```
///
/// After `cadence` there may be `indexes: [["mint", "slot"], …];` and `let` bindings that several columns
/// use; the columns of the key do without them.
#[macro_export]
macro_rules! columns {
    (
        $this:ident: $name:literal, $doc:expr;
        cadence: $cadence:expr;
        $(indexes: [$($index:expr),* $(,)?];)?
        $(let $pattern:pat = $init:expr;)*
        key { $($key:ident: $key_kind:ident = $key_value:expr, $key_doc:expr;)+ }
        $($column:ident: $kind:ident = $value:expr, $column_doc:expr;)*
    ) => {
        const SCHEMA: &'static $crate::Schema = &$crate::Schema {
            name: $name,
            doc: $doc,
            key: [$(stringify!($key)),+].len(),
            columns: &[
                $($crate::Column::new(stringify!($key), $crate::Kind::$key_kind, $key_doc),)+
                $($crate::Column::new(stringify!($column), $crate::Kind::$kind, $column_doc),)*
            ],
            cadence: $cadence,
            indexes: &[$($(&$index),*)?],
        };

        fn write<W: $crate::RowWriter + ?Sized>(&$this, row: &mut W) {
            $(let $pattern = $init;)*
            $($crate::record::put::<$crate::record::kinds::$key_kind, W>(row, $key_value);)+
            $($crate::record::put::<$crate::record::kinds::$kind, W>(row, $value);)*
        }

        fn write_key<W: $crate::RowWriter + ?Sized>(&$this, row: &mut W) {
            $($crate::record::put::<$crate::record::kinds::$key_kind, W>(row, $key_value);)+
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cadence, Column, Kind, Record, Value};

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Sample {
        id: u32,
        price: Option<Price>,
        sum: u128,
        at: Option<Seconds>,
        event: EventId,
    }

    impl Record for Sample {
        columns! {
            self: "samples", "One of each.";
            cadence: Cadence::Flush;
            indexes: [["sum"], ["at", "id"]];
            let twice = self.sum.checked_mul(2);
            key {
                id: Count = self.id, "Its number.";
            }
            price: Float = self.price, "Its price.";
            sum: Sum = twice, "Twice its sum.";
            at: Time = ms(self.at), "When.";
            event: Text = self.event, "Which.";
            side: Symbol = "buy", "Always the same.";
        }
        type Key = u32;

        fn key(&self) -> u32 {
            self.id
        }
    }

    const EVENT: EventId = EventId { slot: 7, tx: crate::TxPlace::Index(1), outer_ix: 2, inner_ix: -1 };

    #[test]
    fn schema_and_row_come_from_one_list() {
        let names: Vec<&str> = Sample::SCHEMA.columns.iter().map(|column| column.name).collect();
        assert_eq!(names, ["id", "price", "sum", "at", "event", "side"]);
        assert_eq!(Sample::SCHEMA.columns[2], Column::new("sum", Kind::Sum, "Twice its sum."));
        assert_eq!((Sample::SCHEMA.key, Sample::SCHEMA.cadence), (1, Cadence::Flush));
        assert_eq!(Sample::SCHEMA.indexes, [["sum"].as_slice(), &["at", "id"]]);
        let sample = Sample { id: 1, price: None, sum: 4, at: Some(3), event: EVENT };
        let row = [
            Value::Count(1),
            Value::Null,
            Value::Sum(8),
            Value::Count(3000),
            Value::from("7-1-2--1"),
            Value::from("buy"),
        ];
        assert_eq!(sample.row(), row);
        assert_eq!(sample.key_row(), row[..1]);
    }

    #[test]
    fn values_that_no_column_can_hold_are_null() {
        let mut row = crate::Row::new();
        put::<kinds::Sum, _>(&mut row, u128::MAX);
        put::<kinds::Float, _>(&mut row, f64::NAN);
        put::<kinds::Float, _>(&mut row, Some(f64::INFINITY));
        put::<kinds::Text, _>(&mut row, None::<&str>);
        assert_eq!(row, [Value::Null, Value::Null, Value::Null, Value::Null]);
    }
}
