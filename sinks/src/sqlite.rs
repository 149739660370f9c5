//! Sink `sqlite`, the embedded store: outputs, event log, checkpoints and progress in one database file.
//!
//! One file because one transaction must hold them together: a flush's rows with its frontier, and a
//! checkpoint with the log that it continues. Whatever the moment of a crash, the file holds the state
//! of one commit, so a restart loads a checkpoint, reads the log from its offset, and what the tables
//! hold already is known from the frontier.
//!
//! **Durability.** The database is in WAL mode with `synchronous = NORMAL`: a commit survives the death
//! of the process at once, and a loss of power may take back the last commits, in order and whole,
//! never a part of one. That is enough because nothing here is the only copy: the log, the tables and
//! the progress go back together, and the source is read again from where the log then ends. Syncing
//! each commit would cost a disk flush each, thousands a second.
//!
//! **Tables.** One table a record, named like it. `WITHOUT ROWID`: rows are only ever found by their
//! key, and a rowid would be a second tree, with the key's bytes once more, to keep in step. Measured,
//! candles take half the space and less than half the time without it, and trades gain too. `STRICT`: a
//! value of the wrong type is refused instead of kept. [`Kind`](model::Kind)s are stored as
//!
//! | kind | type | |
//! |---|---|---|
//! | Count, Time | `INTEGER` | times are Unix milliseconds |
//! | Bool | `INTEGER` | 0 or 1 |
//! | Float | `REAL` | SQLite keeps minus zero as zero |
//! | Symbol, Text | `TEXT` | |
//! | Address | `TEXT` | base58 |
//! | Amount, Sum | `ANY` | an integer; beyond 2⁶³ a text of fixed width |
//!
//! Amounts are integers wherever SQLite has one (it ends at 2⁶³ − 1; the whole supply of an ordinary
//! token is 2⁵⁰), so `ORDER BY`, `>`, `max` and `sum` are exact. Storing them all as text would make
//! every one of these wrong or slow for the sake of values that hardly occur. Such a value is written
//! in decimal, padded with zeros to one width: SQLite orders text after numbers and text of one width
//! by its digits, so the order is still the order of the numbers. Only sums below −2⁶³ sort wrongly. A
//! `sum` past 2⁶³ fails with "integer overflow" rather than give a wrong answer; divide first, as in
//! `sum(volume_base / 1e6)`. `ANY` and not `INTEGER`: the latter would turn the large ones into floats.
//!
//! Tables of the store itself begin with an underscore. Programs may read the file at any time
//! (`sqlite3 -readonly millrace.db`); only one run may write to it.

mod checkpoint;
mod event_log;
mod file;
mod log_reader;
mod meta;
mod reader;
mod records;
mod store;
mod value;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use checkpoint::{Checkpoint, CheckpointPlace, CheckpointStep};
pub use log_reader::LogReader;
pub use reader::{Reader, View};
pub use store::{EmbeddedStore, Progress};

pub(crate) use file::open_to_read;
pub(crate) use records::{descriptions, frontier};
pub(crate) use value::read as read_value;

const NAME: &str = "sqlite";

/// Settings of the sink `sqlite`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The database file; it is created if it is not there.
    pub path: PathBuf,
    /// How long to wait for another program that holds the file locked, in milliseconds.
    pub busy_timeout_ms: u32,
    /// Memory for cached pages, in MiB.
    pub cache_mib: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: PathBuf::from("millrace.db"), busy_timeout_ms: 5_000, cache_mib: 64 }
    }
}

/// Why a step of the store failed; the parts of the store say what, the store says where.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The integer of SQLite for a time, an offset or a count.
fn integer(value: u64) -> Result<i64, Fault> {
    i64::try_from(value).map_err(|_| format!("{value} is beyond 2^63, where SQLite's integers end").into())
}

/// The number behind an integer that [`integer`] wrote.
fn unsigned(value: i64) -> Result<u64, Fault> {
    u64::try_from(value)
        .map_err(|_| format!("{value} where no negative number can be; the file was changed").into())
}
