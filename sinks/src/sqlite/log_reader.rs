//! Reads the event log of a database that another process may be writing to.

use std::path::{Path, PathBuf};

use model::{Event, Time};
use rusqlite::Connection;

use super::event_log::EventLog;
use super::file::open_to_read;
use super::store::located;
use super::{Fault, NAME};
use crate::SinkError;
use crate::database_error::DatabaseError;

/// The event log as of one moment, whatever a run appends or prunes meanwhile.
///
/// The database keeps what was pruned until the reader is dropped.
pub struct LogReader {
    connection: Connection,
    path: PathBuf,
    log: EventLog,
}

impl LogReader {
    /// Opens the log as it is now.
    ///
    /// # Errors
    /// When the file cannot be read, is not a database of millrace or is one of another format.
    pub fn open(path: &Path) -> Result<Self, SinkError> {
        let open = || -> Result<Self, Fault> {
            let connection = open_to_read(path)?;
            connection.execute_batch("BEGIN").map_err(|e| DatabaseError::new(path, e))?;
            let log = EventLog::load(&connection).map_err(|e| located(path, e))?;
            Ok(Self { connection, path: path.to_owned(), log })
        };
        open().map_err(|e| SinkError::new(NAME, "open the database", e))
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first offset that is still there; [`end`](Self::end) if none is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn start(&self) -> Result<u64, SinkError> {
        self.log.start(&self.connection).map_err(|e| self.fault("read the event log".to_owned(), e))
    }

    /// The offset behind the last event.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.log.end()
    }

    /// Up to `limit` events from an offset on, each with the logical time it got; fewer only at the end.
    ///
    /// # Errors
    /// When the offset is not in the log, or the log cannot be read.
    pub fn read(&self, from: u64, limit: usize) -> Result<Vec<(Time, Event)>, SinkError> {
        let read = self.log.read(&self.connection, from, limit);
        read.map_err(|e| self.fault(format!("read the event log from offset {from}"), e))
    }

    fn fault(&self, doing: String, error: Fault) -> SinkError {
        SinkError::new(NAME, doing, located(&self.path, error))
    }
}
