//! What a sink holds, however it holds it.

use std::path::PathBuf;

use model::Time;

use super::{SnapshotRow, rows};
use crate::{Description, SinkError};

/// What a sink holds, to be read and compared. It is opened beside the sink and does not disturb it.
pub trait Contents: Send {
    /// The frontier up to which everything is there; none before the first flush, or where it is not said.
    ///
    /// # Errors
    /// When the far side cannot be asked.
    fn frontier(&mut self) -> Result<Option<Time>, SinkError>;

    /// Hands over the rows of a record as they stand, each key once, in any order.
    ///
    /// # Errors
    /// When the far side cannot be read, or holds what the sink would not have written; and what `each` returns.
    fn read(
        &mut self,
        record: &Description,
        each: &mut dyn FnMut(SnapshotRow) -> Result<(), SinkError>,
    ) -> Result<(), SinkError>;
}

/// The finished output of the sink `jsonl` or `sqlite`.
pub struct Finished {
    sink: &'static str,
    path: PathBuf,
}

impl Finished {
    /// A folder or a database.
    #[must_use]
    pub fn new(sink: &'static str, path: PathBuf) -> Self {
        Self { sink, path }
    }
}

impl Contents for Finished {
    fn frontier(&mut self) -> Result<Option<Time>, SinkError> {
        #[cfg(feature = "sqlite")]
        if self.path.is_file() {
            return crate::sqlite::frontier(&self.path)
                .map_err(|e| SinkError::new(self.sink, format!("read {}", self.path.display()), e));
        }
        Ok(None)
    }

    fn read(
        &mut self,
        record: &Description,
        each: &mut dyn FnMut(SnapshotRow) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let fault = |e| SinkError::new(self.sink, format!("read the record {}", record.record), e);
        for row in rows(&self.path, record.clone()).map_err(fault)? {
            each(row.map_err(fault)?)?;
        }
        Ok(())
    }
}
