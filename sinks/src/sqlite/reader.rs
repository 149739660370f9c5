//! Reads the store beside the run that writes to it.
//!
//! Everything that is read within one [`View`] is of one frontier: a read transaction spans it, and in WAL mode the
//! writer is not held back by it. A view is meant to be short, since the WAL cannot shrink while one is open.

use std::path::{Path, PathBuf};

use model::{Kind, Row, Time, Value};
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::store::located;
use super::value::{Bound, read};
use super::{Fault, NAME, open_to_read, unsigned};
use crate::SinkError;

/// Statements that stay prepared.
const STATEMENTS: usize = 128;

/// One connection that only reads.
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens the database.
    ///
    /// # Errors
    /// When the file is not there, is not a database of millrace or is one of another format.
    pub fn open(path: &Path) -> Result<Self, SinkError> {
        let connection =
            open_to_read(path).map_err(|e| SinkError::new(NAME, "open the database to read", e))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { connection, path: path.to_owned() })
    }

    /// The database as it stands now; none before the first flush.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn view(&self) -> Result<Option<View<'_>>, SinkError> {
        let begin = self.connection.execute_batch("BEGIN").map_err(Fault::from);
        begin.map_err(|e| self.fault("begin to read", e))?;
        // From here on the view ends the transaction, whatever happens.
        let mut view = View { reader: self, frontier: 0 };
        let frontier = view.read_frontier().map_err(|e| self.fault("read the progress", e))?;
        Ok(frontier.map(|frontier| {
            view.frontier = frontier;
            view
        }))
    }

    fn fault(&self, doing: impl Into<String>, error: Fault) -> SinkError {
        SinkError::new(NAME, doing, located(&self.path, error))
    }
}

/// The database at one frontier.
pub struct View<'r> {
    reader: &'r Reader,
    frontier: Time,
}

impl View<'_> {
    /// All changes of times before this one are seen.
    #[must_use]
    pub const fn frontier(&self) -> Time {
        self.frontier
    }

    fn read_frontier(&self) -> Result<Option<Time>, Fault> {
        let found: Option<i64> = self
            .reader
            .connection
            .prepare_cached("SELECT frontier FROM _progress")?
            .query_row((), |row| row.get(0))
            .optional()?;
        found.map(unsigned).transpose()
    }

    /// The rows of a statement, whose columns are of these kinds. Addresses come as text.
    ///
    /// # Errors
    /// When the statement is not one of SQL, or gives values of other kinds.
    pub fn query(&self, sql: &str, parameters: &[Value], kinds: &[Kind]) -> Result<Vec<Row>, SinkError> {
        self.read(sql, parameters, kinds).map_err(|e| self.reader.fault("read rows", e))
    }

    fn read(&self, sql: &str, parameters: &[Value], kinds: &[Kind]) -> Result<Vec<Row>, Fault> {
        let mut statement = self.reader.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(parameters.iter().map(Bound)))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values = kinds.iter().enumerate().map(|(i, kind)| read(*kind, row.get_ref(i)?));
            found.push(values.collect::<Result<Row, Fault>>()?);
        }
        Ok(found)
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        // Nothing was written, so that nothing can be lost; what is wrong with the database the next view says.
        drop(self.reader.connection.execute_batch("COMMIT"));
    }
}
