//! Values as SQLite holds them; which kind becomes which type, and why, is said at the module's top.

use model::{Kind, Value};
use rusqlite::types::{ToSql, ToSqlOutput, Value as Stored, ValueRef};

use super::Fault;

/// Digits of the greatest amount, 2⁶⁴ − 1.
const AMOUNT_WIDTH: usize = 20;
/// Digits of the greatest sum, 2¹²⁷ − 1.
const SUM_WIDTH: usize = 39;

/// The column type of a kind.
pub(super) const fn column_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Symbol | Kind::Text | Kind::Address => "TEXT",
        Kind::Count | Kind::Time | Kind::Bool => "INTEGER",
        Kind::Amount | Kind::Sum => "ANY",
        Kind::Float => "REAL",
    }
}

/// A value on its way into the database.
pub(super) struct Bound<'v>(pub(super) &'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = |text: String| ToSqlOutput::Owned(Stored::Text(text));
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Stored::Null),
            Value::Bool(b) => ToSqlOutput::Owned(Stored::Integer(i64::from(*b))),
            Value::Count(n) | Value::Amount(n) => match i64::try_from(*n) {
                Ok(n) => ToSqlOutput::Owned(Stored::Integer(n)),
                Err(_) => text(format!("{n:0AMOUNT_WIDTH$}")),
            },
            Value::Sum(n) => match i64::try_from(*n) {
                Ok(n) => ToSqlOutput::Owned(Stored::Integer(n)),
                Err(_) => text(format!("{n:0SUM_WIDTH$}")),
            },
            Value::Float(f) => ToSqlOutput::Owned(Stored::Real(*f)),
            Value::Symbol(s) => ToSqlOutput::Borrowed(ValueRef::Text(s.as_bytes())),
            Value::Text(s) => ToSqlOutput::Borrowed(ValueRef::Text(s.as_bytes())),
            Value::Address(address) => text(address.to_string()),
        })
    }
}

/// Reads a value back. Addresses come as text.
///
/// # Errors
/// When the database holds something that [`Bound`] would not have written.
pub(crate) fn read(kind: Kind, stored: ValueRef<'_>) -> Result<Value, Fault> {
    let value = match (kind, stored) {
        (_, ValueRef::Null) => Some(Value::Null),
        (Kind::Symbol | Kind::Text | Kind::Address, ValueRef::Text(s)) => {
            Some(Value::text(std::str::from_utf8(s)?))
        }
        (Kind::Count | Kind::Time, ValueRef::Integer(n)) => u64::try_from(n).ok().map(Value::Count),
        (Kind::Bool, ValueRef::Integer(n @ (0 | 1))) => Some(Value::Bool(n == 1)),
        (Kind::Amount, ValueRef::Integer(n)) => u64::try_from(n).ok().map(Value::Amount),
        (Kind::Amount, ValueRef::Text(s)) => std::str::from_utf8(s)?.parse().ok().map(Value::Amount),
        (Kind::Sum, ValueRef::Integer(n)) => Some(Value::Sum(n.into())),
        (Kind::Sum, ValueRef::Text(s)) => std::str::from_utf8(s)?.parse().ok().map(Value::Sum),
        (Kind::Float, ValueRef::Real(f)) => Some(Value::Float(f)),
        _ => None,
    };
    value.ok_or_else(|| format!("{stored:?} is no {kind:?}; the table was changed by hand").into())
}

#[cfg(test)]
mod tests {
    use model::Address;
    use rusqlite::Connection;

    use super::*;

    /// What SQLite gives back for a value in a column of its kind, and how it spells it.
    fn through(kind: Kind, value: &Value) -> Value {
        let connection = Connection::open_in_memory().unwrap();
        let column = column_type(kind);
        connection.execute_batch(&format!("CREATE TABLE t (v {column}) STRICT")).unwrap();
        connection.execute("INSERT INTO t VALUES (?1)", (Bound(value),)).unwrap();
        connection.query_one("SELECT v FROM t", (), |row| Ok(read(kind, row.get_ref(0)?).unwrap())).unwrap()
    }

    #[test]
    fn values_come_back_as_they_went() {
        for n in [0, 1, u64::try_from(i64::MAX).unwrap(), 1 << 63, u64::MAX] {
            assert_eq!(through(Kind::Amount, &Value::Amount(n)), Value::Amount(n));
        }
        for n in [0, -1, i128::from(i64::MIN), i128::from(i64::MIN) - 1, i128::MIN, i128::MAX] {
            assert_eq!(through(Kind::Sum, &Value::Sum(n)), Value::Sum(n));
        }
        for f in [0.1, -1e-300, 1e300, 3.0] {
            assert_eq!(through(Kind::Float, &Value::Float(f)), Value::Float(f));
        }
        assert_eq!(through(Kind::Bool, &Value::Bool(true)), Value::Bool(true));
        assert_eq!(through(Kind::Text, &Value::text("a\0b")), Value::text("a\0b"));
        assert_eq!(through(Kind::Time, &Value::Null), Value::Null);
        let address = Value::from(Address::WSOL);
        assert_eq!(through(Kind::Address, &address), Value::text(Address::WSOL.to_string()));
    }

    #[test]
    fn amounts_sort_and_add_up_exactly_in_sql() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (v ANY) STRICT").unwrap();
        let amounts = [u64::MAX, 2, (1 << 53) + 1, 1 << 63, 10, u64::try_from(i64::MAX).unwrap()];
        for amount in amounts {
            connection.execute("INSERT INTO t VALUES (?1)", (Bound(&Value::Amount(amount)),)).unwrap();
        }
        let mut select = connection.prepare("SELECT v FROM t ORDER BY v").unwrap();
        let sorted: Vec<Value> = select
            .query_map((), |row| Ok(read(Kind::Amount, row.get_ref(0)?).unwrap()))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut expected = amounts.map(Value::Amount);
        expected.sort();
        assert_eq!(sorted, expected);
        let sum: i64 = connection
            .query_one("SELECT sum(v) FROM t WHERE v < 9223372036854775807", (), |row| row.get(0))
            .unwrap();
        assert_eq!(sum, (1 << 53) + 1 + 2 + 10);
    }

    #[test]
    fn what_the_store_did_not_write_is_refused() {
        assert!(read(Kind::Bool, ValueRef::Integer(2)).is_err());
        assert!(read(Kind::Count, ValueRef::Integer(-1)).is_err());
        assert!(read(Kind::Amount, ValueRef::Text(b"many")).is_err());
        assert!(read(Kind::Float, ValueRef::Text(b"1")).is_err());
    }
}
