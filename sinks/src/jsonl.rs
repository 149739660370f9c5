//! Sink `jsonl`: a folder with one JSON Lines file a record, written at the end of a run.
//!
//! A file holds the rows as they stand at the end, sorted by key; a key that is gone is absent. `as_of`
//! is the last time that is in the whole, the same in every row: the file says what was true as of then. So
//! the bytes are a function of the events alone and not of how they were batched, and two runs can be
//! compared with `cmp`. Beside the files, `schemas.json` describes their records.
//!
//! A replay may be longer than memory, so rows wait in a spool on the disk of the folder, which needs
//! about as much room as the files. Each file is written under another name, synced, and then renamed:
//! a half-written file is never mistaken for a whole one. Files of an earlier run stay until then and
//! are replaced. `schemas.json` goes first and comes back last: a folder without it is not complete.
//!
//! What it does not do: resume. A run that ends before [`Sink::finish`] leaves nothing, and after an
//! error the sink refuses to go on, because its spool keeps no journal; start the replay again.

mod folder;
mod key;
mod spool;

use std::path::PathBuf;

use model::{Schema, Time};
use serde::{Deserialize, Serialize};

use crate::fit::check_schema;
use crate::{Flush, Sink, SinkError};
use folder::Folder;
use spool::Spool;

const NAME: &str = "jsonl";

/// The last time before a frontier: the frontier itself is still open.
fn last_time(frontier: Option<Time>) -> Time {
    frontier.map_or(0, |frontier| frontier.saturating_sub(1))
}

/// Settings of the sink `jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder of the files; it is created if it is not there.
    pub dir: PathBuf,
}

/// Removes a file when it is dropped; not there is as good.
struct FileRemoval(PathBuf);

impl Drop for FileRemoval {
    fn drop(&mut self) {
        // The file is private and useless by now; there is no one left to tell.
        drop(std::fs::remove_file(&self.0));
    }
}

/// Where a run stands.
enum State {
    /// Taking flushes; the frontier of the last one.
    Open(Box<Spool>, Option<Time>),
    /// The files are whole, as of this frontier.
    Finished(Option<Time>),
    /// A step failed.
    Failed,
}

/// The sink `jsonl`.
pub struct Jsonl {
    folder: Folder,
    state: State,
}

impl Jsonl {
    /// Creates the folder and an empty spool in it.
    ///
    /// # Errors
    /// When the folder cannot be created or written, or another run is writing to it.
    pub fn open(config: &Config) -> Result<Self, SinkError> {
        let fault = |e| SinkError::new(NAME, format!("write to the folder {}", config.dir.display()), e);
        let folder = Folder::open(&config.dir).map_err(fault)?;
        let spool = Spool::create(&config.dir).map_err(fault)?;
        Ok(Self { folder, state: State::Open(Box::new(spool), None) })
    }

    /// Runs a step on the open spool. The spool cannot be trusted after an error.
    fn step<T>(
        &mut self,
        doing: impl FnOnce() -> String,
        step: impl FnOnce(&Folder, &mut Spool, &mut Option<Time>) -> Result<T, SinkError>,
    ) -> Result<T, SinkError> {
        match &mut self.state {
            State::Open(spool, frontier) => {
                let result = step(&self.folder, spool, frontier);
                if result.is_err() {
                    self.state = State::Failed;
                }
                result
            }
            State::Finished(_) => {
                Err(SinkError::new(NAME, doing(), "its files are already written; open the sink anew"))
            }
            State::Failed => Err(SinkError::new(
                NAME,
                doing(),
                "an earlier step failed and lost rows; start the run again",
            )),
        }
    }
}

impl Sink for Jsonl {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&mut self, schemas: &[&'static Schema]) -> Result<(), SinkError> {
        let doing = || "prepare records".to_owned();
        self.step(doing, |_, spool, _| {
            for schema in schemas {
                let fault = |e| SinkError::new(NAME, format!("prepare the record {}", schema.name), e);
                check_schema(schema).map_err(|e| fault(e.into()))?;
                spool.prepare(schema).map_err(fault)?;
            }
            Ok(())
        })
    }

    /// None until the run is finished: nothing before that outlives a crash.
    fn committed(&mut self) -> Result<Option<Time>, SinkError> {
        Ok(match &self.state {
            State::Finished(frontier) => *frontier,
            State::Open(..) | State::Failed => None,
        })
    }

    fn write(&mut self, flush: &Flush) -> Result<(), SinkError> {
        let doing = || format!("write the flush up to {}", flush.frontier);
        self.step(doing, |_, spool, frontier| {
            if frontier.is_some_and(|done| flush.frontier <= done) {
                return Ok(());
            }
            for table in &flush.tables {
                spool.write(table).map_err(|e| {
                    SinkError::new(NAME, format!("write rows of the record {}", table.schema.name), e)
                })?;
            }
            *frontier = Some(flush.frontier);
            Ok(())
        })
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        if let State::Finished(_) = self.state {
            return Ok(());
        }
        let frontier = self.step(
            || "finish".to_owned(),
            |folder, spool, frontier| folder.publish(spool, last_time(*frontier)).map(|()| *frontier),
        )?;
        self.state = State::Finished(frontier);
        Ok(())
    }
}
