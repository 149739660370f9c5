//! Reads a database of the sink `sqlite`.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};

use super::folder::push_member;
use super::{Key, SnapshotError, SnapshotRow, key_part};
use crate::Description;
use crate::database_error::DatabaseError;
use crate::encode;
use crate::fit::COMMON_COLUMNS;
use crate::sqlite::{descriptions, open_to_read, read_value};

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Rows of a page. A page is read at once, so that no statement has to outlive a call.
const PAGE: usize = 1_000;

/// The records of a database.
pub(super) fn records(path: &Path) -> Result<Vec<Description>, SnapshotError> {
    open_to_read(path)
        .and_then(|connection| descriptions(&connection).map_err(|e| located(path, e)))
        .map_err(|source| SnapshotError::Database { record: "*".to_owned(), source })
}

/// The rows of one table, as of one moment: one read transaction spans them all.
pub(super) struct TableRows {
    path: PathBuf,
    connection: Connection,
    description: Description,
    page: VecDeque<SnapshotRow>,
    /// The key of the last row that was read, as the table holds it.
    last: Option<Vec<Stored>>,
    is_end: bool,
}

impl TableRows {
    pub(super) fn open(path: &Path, description: Description) -> Result<Self, SnapshotError> {
        let open = || {
            let connection = open_to_read(path)?;
            connection.execute_batch("BEGIN").map_err(|e| DatabaseError::new(path, e))?;
            Ok(connection)
        };
        let record = &description.record;
        let connection =
            open().map_err(|source| SnapshotError::Database { record: record.to_string(), source })?;
        Ok(Self {
            path: path.to_owned(),
            connection,
            description,
            page: VecDeque::new(),
            last: None,
            is_end: false,
        })
    }

    pub(super) fn next(&mut self) -> Option<Result<SnapshotRow, SnapshotError>> {
        if self.page.is_empty() && !self.is_end {
            if let Err(e) = self.read_page() {
                self.is_end = true;
                return Some(Err(SnapshotError::Database {
                    record: self.description.record.to_string(),
                    source: located(&self.path, e),
                }));
            }
            self.is_end = self.page.len() < PAGE;
        }
        self.page.pop_front().map(Ok)
    }

    fn read_page(&mut self) -> Result<(), Fault> {
        let sql = select(&self.description, self.last.is_some());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(self.last.iter().flatten()))?;
        let mut json = Vec::new();
        while let Some(row) = rows.next()? {
            let (mut key, mut line) = (Vec::with_capacity(self.description.key), String::new());
            for (i, column) in self.description.columns.iter().enumerate() {
                let value = read_value(column.kind, row.get_ref(i)?)
                    .map_err(|e| format!("column {}: {e}", column.name))?;
                json.clear();
                encode::value(&value, &mut json)?;
                let json = std::str::from_utf8(&json)?;
                if i < self.description.key {
                    key.push(
                        key_part(column, json).ok_or_else(|| format!("column {}: no key", column.name))?,
                    );
                }
                push_member(&mut line, &column.name, json);
            }
            let def_version: i64 = row.get(self.description.columns.len())?;
            push_member(&mut line, COMMON_COLUMNS[1], &def_version.to_string());
            line.push('}');
            self.page.push_back(SnapshotRow { key: Key(key), line });
            if self.page.len() == PAGE {
                self.last = Some((0..self.description.key).map(|i| row.get(i)).collect::<Result<_, _>>()?);
            }
        }
        Ok(())
    }
}

/// One page in the order of the key, from the start or behind a key.
fn select(description: &Description, is_behind: bool) -> String {
    let quoted = |names: &mut dyn Iterator<Item = &str>| {
        names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    };
    let columns = quoted(&mut description.columns.iter().map(|column| &*column.name));
    let key = quoted(&mut description.key_columns().iter().map(|column| &*column.name));
    let behind = if is_behind {
        let places: Vec<String> = (1..=description.key).map(|i| format!("?{i}")).collect();
        format!("WHERE ({key}) > ({})", places.join(", "))
    } else {
        String::new()
    };
    let [_, def_version] = COMMON_COLUMNS;
    format!(
        "SELECT {columns}, {def_version} FROM \"{}\" {behind} ORDER BY {key} LIMIT {PAGE}",
        description.record
    )
}

fn located(path: &Path, error: Fault) -> Fault {
    match error.downcast::<rusqlite::Error>() {
        Ok(error) => Box::new(DatabaseError::new(path, *error)),
        Err(other) => format!("{}: {other}", path.display()).into(),
    }
}
