//! Small facts of a database, by name: where its events come from, with which parameters.

use rusqlite::{Connection, OptionalExtension};

pub(super) fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM _meta WHERE key = ?1")?
        .query_row((key,), |row| row.get(0))
        .optional()
}

pub(super) fn set(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO _meta VALUES (?1, ?2)")?.execute((key, value))?;
    Ok(())
}
