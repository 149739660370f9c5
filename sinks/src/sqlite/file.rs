//! Opens the database file: whose it is, of which format, and that no other run writes to it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Config, Fault, meta};
use crate::database_error::DatabaseError;

/// Marks a database of millrace ("mill"), so that no other program's file is written to.
const APPLICATION_ID: i32 = 0x6d69_6c6c;

/// Version of everything in the file that is not a table of a record, the bytes of the logged events
/// included. A change of [`model::Event`] changes it.
pub(super) const FORMAT: i32 = 7;

const TABLES: &str = "
CREATE TABLE _meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE _schemas (
    record TEXT PRIMARY KEY,
    description TEXT NOT NULL -- JSON: key, columns, kinds, docs
) STRICT, WITHOUT ROWID;
CREATE TABLE _event_log (
    first_offset INTEGER PRIMARY KEY,
    events INTEGER NOT NULL, -- how many; their offsets are dense
    first_time INTEGER NOT NULL, -- logical time of the first of them, microseconds
    bytes BLOB NOT NULL -- postcard of (time, event), one after the other
) STRICT;
CREATE TABLE _checkpoints (
    time INTEGER PRIMARY KEY, -- logical, microseconds
    log_offset INTEGER NOT NULL, -- where to go on reading the log
    parts INTEGER NOT NULL
) STRICT;
CREATE TABLE _checkpoint_pieces (
    time INTEGER NOT NULL,
    part INTEGER NOT NULL,
    piece INTEGER NOT NULL,
    name TEXT NOT NULL,
    bytes BLOB NOT NULL,
    checksum INTEGER NOT NULL, -- XXH64 of name and bytes
    PRIMARY KEY (time, part, piece)
) STRICT;
CREATE TABLE _progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    frontier INTEGER NOT NULL, -- all changes of times before this are in the tables
    log_offset INTEGER NOT NULL -- where the log ended then
) STRICT;
";

/// Opens the database to write, and creates it if it is not there.
/// Gives the number of the claim too.
pub(super) fn open_to_write(config: &Config) -> Result<(Connection, FileLock, u64), Fault> {
    let fault = |e| DatabaseError::new(&config.path, e);
    let lock = FileLock::take(&config.path)?;
    let connection = Connection::open(&config.path).map_err(fault)?;
    connection.busy_timeout(Duration::from_millis(config.busy_timeout_ms.into())).map_err(fault)?;
    let is_new = identify(&connection, &config.path)?.is_none();
    configure(&connection, config.cache_mib).map_err(fault)?;
    if is_new {
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};
                 {TABLES} COMMIT"
            ))
            .map_err(fault)?;
    }
    let claim = claim(&connection).map_err(|error| super::store::located(&config.path, error))?;
    Ok((connection, lock, claim))
}

/// Opens a finished or running database to read.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| DatabaseError::new(path, e))?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(|e| DatabaseError::new(path, e))?;
    match identify(&connection, path)? {
        Some(()) => Ok(connection),
        None => Err(format!("{}: an empty file, not a database of millrace", path.display()).into()),
    }
}

/// Refuses what is not ours or not of this format; none if the database is empty.
fn identify(connection: &Connection, path: &Path) -> Result<Option<()>, Fault> {
    let number = |pragma: &str| -> Result<i32, Fault> {
        let read = connection.pragma_query_value(None, pragma, |row| row.get(0));
        Ok(read.map_err(|e| DatabaseError::new(path, e))?)
    };
    let path = path.display();
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION_ID, FORMAT) => Ok(Some(())),
        (APPLICATION_ID, found) if found > FORMAT => Err(format!(
            "{path}: written by a newer millrace (format {found}, this one knows {FORMAT}); \
             run that version, or name another path"
        )
        .into()),
        (APPLICATION_ID, found) => Err(format!(
            "{path}: written by an older millrace (format {found}, this one writes {FORMAT}); \
             name another path and replay into it"
        )
        .into()),
        _ if number("schema_version")? == 0 => Ok(None),
        _ => Err(format!("{path}: a database of another program; name another path").into()),
    }
}

/// Sizes: 8 KiB pages hold several of the widest ordinary rows, where 4 KiB would spill them; measured,
/// candles are written up to twice as fast, trades alike. The WAL is copied back every 32 MiB, so that hot
/// pages are copied once instead of at each commit.
fn configure(connection: &Connection, cache_mib: u32) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA page_size = 8192")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -{}; PRAGMA wal_autocheckpoint = 4096;
         PRAGMA journal_size_limit = 67108864",
        u64::from(cache_mib) * 1024
    ))?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// Keeps a second run from writing to the same file: two would interleave their logs.
///
/// One lock is on a file of the database's name, one on the database itself, which has other names too (links). SQLite's
/// own locks are of another kind, and would be lost with any handle of the database that is closed; so the handle here
/// is closed last, and never opened for a name that another run holds. The system lets go of both even if the run
/// is killed; the empty file stays. Where a file system knows no locks, [`claim`] still tells.
pub(super) struct FileLock {
    /// None where the file system knows no locks.
    _by_name: Option<File>,
    _by_inode: Option<File>,
}

impl FileLock {
    fn take(database: &Path) -> Result<Self, Fault> {
        let mut path = database.as_os_str().to_owned();
        path.push("-lock");
        let by_name = lock(&PathBuf::from(path), database)?;
        let by_inode = lock(database, database)?;
        Ok(Self { _by_name: by_name, _by_inode: by_inode })
    }
}

fn lock(path: &Path, database: &Path) -> Result<Option<File>, Fault> {
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(|e| {
        format!("{}: {e}; check that its folder exists and is writable for this user", path.display())
    })?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            let by = if path == database { ", under another name of the same file" } else { "" };
            Err(format!(
                "{}: another run is writing to it{by}; stop that one, or name another path",
                database.display()
            )
            .into())
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Name of the number of the run that may write.
const CLAIM: &str = "claim";

/// Makes this run the one that may write, and gives its number. Who had it finds out at its next transaction.
fn claim(connection: &Connection) -> Result<u64, Fault> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let number = claimed(connection)? + 1;
    meta::set(connection, CLAIM, &number.to_string())?;
    connection.execute_batch("COMMIT")?;
    Ok(number)
}

/// The number of the run that may write.
pub(super) fn claimed(connection: &Connection) -> Result<u64, Fault> {
    Ok(meta::get(connection, CLAIM)?.and_then(|number| number.parse().ok()).unwrap_or(0))
}
