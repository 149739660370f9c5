//! Where rows go.
//!
//! A sink knows schemas and rows and nothing of the records behind them: tables, files and topics are
//! derived from [`model::Schema`]. It is handed one [`Flush`] at a time: what changed up to a closed
//! time, at most once a key. It makes a flush and its progress durable together, so that after a crash
//! [`Sink::committed`] says truly what need not be written again.
//!
//! Sinks are plain blocking code, each on a thread of its own; one that is built on an asynchronous
//! client keeps its runtime to itself. Each sits behind a feature of its own name: `jsonl`, `sqlite`,
//! `clickhouse`, `kafka`, `questdb`.
//!
//! Whether a failure may pass is said by [`SinkError::is_transient`]: a server that does not answer may
//! come back, one that refuses will go on refusing. A sink makes one attempt a call and leaves what it
//! holds so that the next attempt is right, whatever became of the last; who calls it decides how long to try.
//!
//! Every sink orders a record by its key as it is printed: columns from left to right, numbers by size,
//! texts and addresses by the bytes of their text. So a file and a table of the same run read alike, and
//! [`snapshot::diff`] can compare them without sorting.

#[cfg(feature = "clickhouse")]
pub mod clickhouse;
#[cfg(any(feature = "jsonl", feature = "sqlite"))]
mod database_error;
pub mod description;
pub mod encode;
#[cfg(any(feature = "kafka", feature = "questdb"))]
mod failure;
pub mod fit;
pub mod flush;
mod folder_layout;
#[cfg(feature = "jsonl")]
pub mod jsonl;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "questdb")]
pub mod questdb;
#[cfg(any(
    feature = "jsonl",
    feature = "sqlite",
    feature = "clickhouse",
    feature = "kafka",
    feature = "questdb"
))]
mod registry;
#[cfg(any(feature = "clickhouse", feature = "kafka", feature = "questdb"))]
mod secret;
pub mod snapshot;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use description::{ColumnDescription, Description};
pub use flush::{Flush, Table};
#[cfg(any(
    feature = "jsonl",
    feature = "sqlite",
    feature = "clickhouse",
    feature = "kafka",
    feature = "questdb"
))]
pub use registry::{Problem, SinkConfig};

use std::error::Error;

use model::{Schema, Time};

/// A place where rows go.
pub trait Sink: Send {
    /// Name in logs and messages.
    fn name(&self) -> &'static str;

    /// Makes ready for rows of these schemas: creates tables, files or topics that are not there.
    ///
    /// # Errors
    /// When the far side refuses, or holds something that does not fit the schema.
    fn prepare(&mut self, schemas: &[&'static Schema]) -> Result<(), SinkError>;

    /// The frontier of the last flush that is durable; none before the first.
    ///
    /// # Errors
    /// When the far side cannot be asked.
    fn committed(&mut self) -> Result<Option<Time>, SinkError>;

    /// Writes a flush and its frontier, both or neither. Writing the same flush again changes nothing,
    /// and so does one whose frontier is not beyond the last one's.
    ///
    /// # Errors
    /// When the far side cannot be reached or refuses, or a row does not fit its schema.
    fn write(&mut self, flush: &Flush) -> Result<(), SinkError>;

    /// Completes what is only complete at the end of a run, such as the files of a replay.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Why a sink could not do its step.
#[derive(Debug, thiserror::Error)]
#[error("{sink}: cannot {doing}: {source}")]
pub struct SinkError {
    /// The sink.
    pub sink: &'static str,
    /// What was being done, with the table, file or address.
    pub doing: String,
    /// What went wrong.
    pub source: Box<dyn Error + Send + Sync>,
    /// True if the same step may succeed later: the far side cannot be reached, or is overloaded.
    pub is_transient: bool,
}

impl SinkError {
    /// An error of a step, such as `create the table trades`.
    pub fn new(
        sink: &'static str,
        doing: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { sink, doing: doing.into(), source: source.into(), is_transient: false }
    }

    /// The same, as one that may pass.
    #[must_use]
    pub fn transient(self) -> Self {
        Self { is_transient: true, ..self }
    }
}
