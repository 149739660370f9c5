//! The tables of the records: their definitions, and the writing of rows.

use std::fmt::Write;

use model::{Change, DEF_VERSION, Schema, Time};
use rusqlite::{Connection, OptionalExtension};

use super::value::{Bound, column_type};
use super::{Fault, integer, open_to_read, unsigned};
use crate::fit::{COMMON_COLUMNS, check_change, check_schema};
use crate::{Description, Table};

/// A table that is ready for rows.
pub(super) struct RecordTable {
    schema: &'static Schema,
    upsert: String,
    delete: String,
}

impl RecordTable {
    /// Creates the table, or adds the columns that it lacks, or refuses one that does not fit.
    pub(super) fn prepare(connection: &Connection, schema: &'static Schema) -> Result<Self, Fault> {
        check_schema(schema)?;
        let wanted = Description::from(schema);
        let exists: bool = connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)",
            (schema.name,),
            |row| row.get(0),
        )?;
        let stored = if exists {
            let found = describe(connection, schema.name)?
                .ok_or("a table or view of this name was made by another program; drop it or rename it")?;
            extend(connection, found, wanted)?
        } else {
            connection.execute_batch(&create(&wanted))?;
            wanted
        };
        for index in schema.indexes {
            connection.execute_batch(&create_index(schema, index))?;
        }
        connection.execute(
            "INSERT OR REPLACE INTO _schemas VALUES (?1, ?2)",
            (schema.name, serde_json::to_string(&stored)?),
        )?;
        Ok(Self { schema, upsert: upsert(schema), delete: delete(schema) })
    }

    /// Writes the changes of a flush. Writing them again changes nothing.
    pub(super) fn write(&self, connection: &Connection, changes: &Table) -> Result<(), Fault> {
        let mut upsert = connection.prepare_cached(&self.upsert)?;
        let mut delete = connection.prepare_cached(&self.delete)?;
        let columns = self.schema.columns.len();
        for (as_of, change) in &changes.changes {
            check_change(self.schema, change)?;
            match change {
                Change::Upsert(row) => {
                    for (i, value) in (1..).zip(row) {
                        upsert.raw_bind_parameter(i, Bound(value))?;
                    }
                    upsert.raw_bind_parameter(columns + 1, integer(*as_of)?)?;
                    upsert.raw_execute()?;
                }
                Change::Delete(key) => {
                    for (i, value) in (1..).zip(key) {
                        delete.raw_bind_parameter(i, Bound(value))?;
                    }
                    delete.raw_execute()?;
                }
            }
        }
        Ok(())
    }
}

/// The description that a table was made by, with the columns that were added since.
fn describe(connection: &Connection, record: &str) -> Result<Option<Description>, Fault> {
    let json: Option<String> = connection
        .prepare_cached("SELECT description FROM _schemas WHERE record = ?1")?
        .query_row((record,), |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

/// The records of the database, by name.
pub(crate) fn descriptions(connection: &Connection) -> Result<Vec<Description>, Fault> {
    let mut select = connection.prepare("SELECT description FROM _schemas ORDER BY record")?;
    let mut rows = select.query(())?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(serde_json::from_str(row.get_ref(0)?.as_str()?)?);
    }
    Ok(all)
}

/// The frontier of a database, read beside a run that may be writing to it.
pub(crate) fn frontier(path: &std::path::Path) -> Result<Option<Time>, Fault> {
    let connection = open_to_read(path)?;
    let found: Option<i64> =
        connection.query_row("SELECT frontier FROM _progress", (), |row| row.get(0)).optional()?;
    found.map(unsigned).transpose()
}

/// The definition of a table. Docs stand in it as comments, where `.schema` shows them.
fn create(description: &Description) -> String {
    let mut sql = format!("CREATE TABLE \"{}\" ( -- {}\n", description.record, comment(&description.doc));
    for column in &description.columns {
        let kind = column_type(column.kind);
        // Infallible: it writes to a string.
        let _ = writeln!(sql, "    \"{}\" {kind}, -- {}", column.name, comment(&column.doc));
    }
    let [as_of, def_version] = COMMON_COLUMNS;
    let key: Vec<String> = description.key_columns().iter().map(|c| format!("\"{}\"", c.name)).collect();
    let _ = write!(
        sql,
        "    {as_of} INTEGER NOT NULL, -- Logical time of the change, Unix microseconds.\n    \
         {def_version} INTEGER NOT NULL, -- Version of the formulas.\n    \
         PRIMARY KEY ({})\n) STRICT, WITHOUT ROWID",
        key.join(", ")
    );
    sql
}

/// The definition of a secondary index, which readers search by.
fn create_index(schema: &Schema, columns: &[&str]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    format!(
        "CREATE INDEX IF NOT EXISTS \"{0}_by_{1}\" ON \"{0}\" ({2})",
        schema.name,
        columns.join("_"),
        quoted.join(", ")
    )
}

/// A doc on one line.
fn comment(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Adds the columns that the table lacks. Those that only the table has stay, and are null in new rows.
fn extend(
    connection: &Connection,
    mut found: Description,
    wanted: Description,
) -> Result<Description, Fault> {
    let misfit = |what: String| -> Fault {
        format!("the table was made for other rows: {what}; name another path and replay into it, or drop the table")
            .into()
    };
    let names =
        |d: &Description| d.key_columns().iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(", ");
    if names(&found) != names(&wanted) {
        return Err(misfit(format!("its key is ({}), not ({})", names(&found), names(&wanted))));
    }
    for column in wanted.columns {
        match found.columns.iter_mut().find(|c| c.name == column.name) {
            Some(stored) if stored.kind != column.kind => {
                return Err(misfit(format!(
                    "its column `{}` holds {:?}, not {:?}",
                    column.name, stored.kind, column.kind
                )));
            }
            Some(stored) => stored.doc = column.doc,
            None => {
                connection.execute_batch(&format!(
                    "ALTER TABLE \"{}\" ADD COLUMN \"{}\" {}",
                    found.record,
                    column.name,
                    column_type(column.kind)
                ))?;
                found.columns.push(column);
            }
        }
    }
    Ok(Description { doc: wanted.doc, ..found })
}

/// Replaces the row as a whole, so that a column which this program does not know becomes null instead
/// of keeping the value of another row.
fn upsert(schema: &Schema) -> String {
    let names: String = schema.columns.iter().map(|column| format!("\"{}\", ", column.name)).collect();
    let places: String = (1..=schema.columns.len()).map(|i| format!("?{i}, ")).collect();
    let [as_of, def_version] = COMMON_COLUMNS;
    format!(
        "INSERT OR REPLACE INTO \"{}\" ({names}{as_of}, {def_version}) VALUES ({places}?{}, {DEF_VERSION})",
        schema.name,
        schema.columns.len() + 1
    )
}

fn delete(schema: &Schema) -> String {
    let key: Vec<String> = schema.columns[..schema.key]
        .iter()
        .zip(1..)
        .map(|(column, i)| format!("\"{}\" = ?{i}", column.name))
        .collect();
    format!("DELETE FROM \"{}\" WHERE {}", schema.name, key.join(" AND "))
}

/// Writes the frontier of a flush.
pub(super) fn write_progress(connection: &Connection, frontier: Time, log_offset: u64) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO _progress VALUES (1, ?1, ?2)")?
        .execute((integer(frontier)?, integer(log_offset)?))?;
    Ok(())
}
