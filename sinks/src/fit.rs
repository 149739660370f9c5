//! Checks that a schema can be stored and that rows are what their schema says.
//!
//! A sink checks before it writes, so that a mistake of an operator is named by record and column
//! instead of turning up as a wrong table. Kinds are checked in every build, not only in debug ones: it
//! costs one comparison a column beside an encoding that costs a hundred times as much.

use std::collections::BTreeSet;

use model::{Change, Kind, Row, Schema, Value};

/// The columns that every sink adds to every record.
pub const COMMON_COLUMNS: [&str; 2] = ["as_of", "def_version"];

/// The greatest count or time that a JSON number carries exactly in every reader.
const COUNT_MAX: u64 = (1 << 53) - 1;

/// Why a schema cannot be stored or a row does not fit its schema. It is a mistake of the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A name that is not a plain identifier in every sink.
    #[error("`{0}` is not a name of lower-case letters, digits and underscores that begins with a letter")]
    Name(String),
    /// Two columns of one name, or one that sinks add themselves.
    #[error("the column `{0}` is there twice")]
    Twice(&'static str),
    /// The key has no column, or more than there are.
    #[error("a key of {key} columns in a record of {columns}")]
    KeyLength {
        /// Columns of the key.
        key: usize,
        /// Columns of the record.
        columns: usize,
    },
    /// A kind that has no order that all sinks share.
    #[error("the column `{column}` cannot be in a key: it is a {kind:?}")]
    KeyKind {
        /// The column.
        column: &'static str,
        /// Its kind.
        kind: Kind,
    },
    /// A secondary index over a column that is not there.
    #[error("an index over the column `{0}`, which is not there")]
    Index(&'static str),
    /// A row or key with more or fewer values than columns.
    #[error("{values} values where there are {columns} columns")]
    Length {
        /// Values of the row or key.
        values: usize,
        /// Columns of the record or its key.
        columns: usize,
    },
    /// A value of another kind than its column, or one outside its range.
    #[error("the column `{column}` takes {kind:?}, not {value}")]
    Value {
        /// The column.
        column: &'static str,
        /// Its kind.
        kind: Kind,
        /// The value.
        value: String,
    },
}

/// Checks that a schema can be stored by every sink.
///
/// # Errors
/// When a name is no identifier, a column is there twice, the key cannot be a key, or an index names a
/// column that is not there.
pub fn check_schema(schema: &Schema) -> Result<(), Misfit> {
    if schema.key == 0 || schema.key > schema.columns.len() {
        return Err(Misfit::KeyLength { key: schema.key, columns: schema.columns.len() });
    }
    let mut seen = BTreeSet::from(COMMON_COLUMNS);
    for name in std::iter::once(schema.name).chain(schema.columns.iter().map(|column| column.name)) {
        if !is_identifier(name) {
            return Err(Misfit::Name(name.to_owned()));
        }
    }
    for (i, column) in schema.columns.iter().enumerate() {
        if !seen.insert(column.name) {
            return Err(Misfit::Twice(column.name));
        }
        // Floats have two zeros, and sums do not fit the integers of SQLite: neither sorts alike everywhere.
        if i < schema.key && matches!(column.kind, Kind::Float | Kind::Sum) {
            return Err(Misfit::KeyKind { column: column.name, kind: column.kind });
        }
    }
    let mut indexed = schema.indexes.iter().flat_map(|index| index.iter());
    match indexed.find(|column| !seen.contains(*column)) {
        Some(column) => Err(Misfit::Index(column)),
        None => Ok(()),
    }
}

pub(crate) fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Checks that a change fits its schema.
///
/// # Errors
/// When it has the wrong number of values, a value of the wrong kind, or a key that is not whole.
pub fn check_change(schema: &Schema, change: &Change) -> Result<(), Misfit> {
    match change {
        Change::Upsert(row) => check_values(schema, row, schema.columns.len()),
        Change::Delete(key) => check_values(schema, key, schema.key),
    }
}

fn check_values(schema: &Schema, values: &Row, columns: usize) -> Result<(), Misfit> {
    if values.len() != columns {
        return Err(Misfit::Length { values: values.len(), columns });
    }
    for (i, (column, value)) in schema.columns.iter().zip(values).enumerate() {
        let fits = match value {
            Value::Null => i >= schema.key,
            Value::Bool(_) => column.kind == Kind::Bool,
            Value::Count(n) => matches!(column.kind, Kind::Count | Kind::Time) && *n <= COUNT_MAX,
            Value::Amount(_) => column.kind == Kind::Amount,
            Value::Sum(_) => column.kind == Kind::Sum,
            Value::Float(f) => column.kind == Kind::Float && f.is_finite(),
            Value::Symbol(_) | Value::Text(_) => matches!(column.kind, Kind::Symbol | Kind::Text),
            Value::Address(_) => column.kind == Kind::Address,
        };
        if !fits {
            return Err(Misfit::Value {
                column: column.name,
                kind: column.kind,
                value: format!("{value:?}").chars().take(96).collect(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Column;

    use super::*;

    static SCHEMA: Schema = Schema {
        name: "swaps",
        doc: "",
        key: 1,
        cadence: model::Cadence::Flush,
        indexes: &[],
        columns: &[
            Column { name: "id", kind: Kind::Text, doc: "" },
            Column { name: "price", kind: Kind::Float, doc: "" },
        ],
    };

    fn schema(name: &'static str, key: usize, columns: &'static [Column]) -> Schema {
        Schema { name, doc: "", key, columns, cadence: model::Cadence::Flush, indexes: &[] }
    }

    #[test]
    fn a_plain_schema_and_its_rows_fit() {
        check_schema(&SCHEMA).unwrap();
        let row = vec![Value::from("a"), Value::Float(1.5)];
        check_change(&SCHEMA, &Change::Upsert(row)).unwrap();
        check_change(&SCHEMA, &Change::Upsert(vec![Value::from("a"), Value::Null])).unwrap();
        check_change(&SCHEMA, &Change::Delete(vec![Value::from("a")])).unwrap();
    }

    #[test]
    fn schemas_that_no_sink_can_store_are_refused() {
        assert_eq!(
            check_schema(&schema("Swaps; --", 1, SCHEMA.columns)),
            Err(Misfit::Name("Swaps; --".to_owned()))
        );
        assert!(matches!(check_schema(&schema("swaps", 0, SCHEMA.columns)), Err(Misfit::KeyLength { .. })));
        assert!(matches!(check_schema(&schema("swaps", 3, SCHEMA.columns)), Err(Misfit::KeyLength { .. })));
        assert!(matches!(check_schema(&schema("swaps", 2, SCHEMA.columns)), Err(Misfit::KeyKind { .. })));
        let indexed = |indexes: &'static [&'static [&'static str]]| Schema {
            indexes,
            ..schema("swaps", 1, SCHEMA.columns)
        };
        check_schema(&indexed(&[&["price", "as_of"]])).unwrap();
        assert_eq!(check_schema(&indexed(&[&["side"]])), Err(Misfit::Index("side")));
        let reserved = &[Column { name: "as_of", kind: Kind::Count, doc: "" }];
        assert_eq!(check_schema(&schema("swaps", 1, reserved)), Err(Misfit::Twice("as_of")));
    }

    #[test]
    fn rows_that_do_not_fit_name_the_column() {
        let refused = |change: Change| check_change(&SCHEMA, &change).unwrap_err().to_string();
        assert_eq!(
            refused(Change::Upsert(vec![Value::from("a"), Value::Count(1)])),
            "the column `price` takes Float, not Count(1)"
        );
        assert_eq!(
            refused(Change::Upsert(vec![Value::Null, Value::Null])),
            "the column `id` takes Text, not Null"
        );
        assert_eq!(
            refused(Change::Upsert(vec![Value::from("a"), Value::Float(f64::NAN)])),
            "the column `price` takes Float, not Float(NaN)"
        );
        assert_eq!(refused(Change::Delete(vec![])), "0 values where there are 1 columns");
    }
}
