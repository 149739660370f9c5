//! Changes as rows of ILP and, where a row has to be found by its key alone, as SQL.

use model::{Change, DEF_VERSION, Kind, Schema, Time, Value};
use questdb::Error;
use questdb::ingress::{Buffer, ColumnName, DecimalView, TableName, TimestampMicros};

use super::Config;
use super::tables::{IS_DELETED, Layout, literal};
use crate::Description;
use crate::failure::Failure;

/// Keys of one `UPDATE`, so that its text stays well below what the server takes as a URL.
const KEYS_PER_UPDATE: usize = 200;

/// Microseconds of a millisecond.
const MS: u64 = 1_000;

/// Makes rows of the changes of one record.
pub(super) struct Rows {
    pub(super) table: String,
    schema: &'static Schema,
    layout: Layout,
}

/// What of a flush could not be a row.
pub(super) type Updates = Vec<String>;

impl Rows {
    pub(super) fn new(config: &Config, schema: &'static Schema) -> Self {
        let layout = Layout::of(&Description::from(schema));
        Self { table: config.versions(schema.name), schema, layout }
    }

    /// Appends a change to the buffer, or its key to those that an `UPDATE` ends.
    pub(super) fn push(
        &self,
        as_of: Time,
        change: &Change,
        buffer: &mut Buffer,
        ended: &mut Vec<String>,
    ) -> Result<(), Failure> {
        let (values, is_deleted) = match (change, self.layout) {
            (Change::Delete(key), Layout::Events(_)) => {
                let key = key.first().and_then(Value::as_text).unwrap_or_default();
                ended.push(literal(key));
                return Ok(());
            }
            (Change::Delete(key), _) => (key, true),
            (Change::Upsert(row), _) => (row, false),
        };
        let timestamp = match self.layout.column() {
            None => micros(as_of),
            Some(at) => match values.get(at) {
                Some(Value::Count(ms)) => micros(ms.saturating_mul(MS)),
                _ => {
                    let name = self.schema.columns.get(at).map_or("", |column| column.name);
                    let message = format!("a row of {} has no {name}, by which it is stored", self.table);
                    return Err(Failure::lasting(message));
                }
            },
        };
        self.row(values, as_of, is_deleted, timestamp, buffer)
            .map_err(|e| Failure::lasting(format!("table {}: {}", self.table, e.msg())))
    }

    fn row(
        &self,
        values: &[Value],
        as_of: Time,
        is_deleted: bool,
        timestamp: TimestampMicros,
        buffer: &mut Buffer,
    ) -> Result<(), Error> {
        buffer.table(TableName::new_unchecked(&self.table))?;
        for (at, (column, value)) in self.schema.columns.iter().zip(values).enumerate() {
            if self.layout.column() != Some(at) {
                // Names are identifiers, which was checked when the record was prepared.
                let name = ColumnName::new_unchecked(column.name);
                put(buffer, name, column.kind, value, at < self.schema.key)?;
            }
        }
        if self.layout.column().is_some() {
            buffer.column_ts(ColumnName::new_unchecked("as_of"), micros(as_of))?;
        }
        buffer.column_i64(ColumnName::new_unchecked("def_version"), i64::from(DEF_VERSION))?;
        buffer.column_bool(ColumnName::new_unchecked(IS_DELETED), is_deleted)?;
        buffer.at(timestamp)
    }

    /// The statements that end keys.
    pub(super) fn updates(&self, ended: &[String], as_of: Time) -> Updates {
        let key = self.schema.columns.first().map_or("", |column| column.name);
        let chunks = ended.chunks(KEYS_PER_UPDATE);
        chunks
            .map(|keys| {
                format!(
                    "UPDATE \"{}\" SET {IS_DELETED} = true, as_of = cast({as_of} AS TIMESTAMP) WHERE \"{key}\" IN ({})",
                    self.table,
                    keys.join(", ")
                )
            })
            .collect()
    }
}

fn micros(time: u64) -> TimestampMicros {
    TimestampMicros::new(i64::try_from(time).unwrap_or(i64::MAX))
}

fn put(
    buffer: &mut Buffer,
    name: ColumnName<'_>,
    kind: Kind,
    value: &Value,
    is_key: bool,
) -> Result<(), Error> {
    match value {
        Value::Null => {}
        Value::Bool(b) => drop(buffer.column_str(name, if *b { "true" } else { "false" })?),
        Value::Count(n) if kind == Kind::Time => drop(buffer.column_ts(name, micros(n.saturating_mul(MS)))?),
        Value::Count(n) => drop(buffer.column_i64(name, i64::try_from(*n).unwrap_or(i64::MAX))?),
        Value::Amount(n) if is_key => drop(buffer.column_str(name, n.to_string())?),
        Value::Amount(n) => number(buffer, name, i128::from(*n))?,
        Value::Sum(n) => number(buffer, name, *n)?,
        // −0 + 0 is 0: not every sink knows minus zero.
        Value::Float(f) => drop(buffer.column_f64(name, f + 0.0)?),
        // As a text too where the column is a symbol: ILP has no quotes for symbols, and a text may be anything.
        Value::Symbol(text) => drop(buffer.column_str(name, text)?),
        Value::Text(text) => drop(buffer.column_str(name, text)?),
        Value::Address(address) => drop(buffer.column_str(name, address.to_string())?),
    }
    Ok(())
}

fn number(buffer: &mut Buffer, name: ColumnName<'_>, n: i128) -> Result<(), Error> {
    let bytes = n.to_be_bytes();
    buffer.column_dec(name, DecimalView::try_new_scaled(0, &bytes[..])?).map(drop)
}
