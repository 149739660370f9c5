//! The store as its owner sees it: one connection, one thread, one transaction at a time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{Event, Schema, Time};
use rusqlite::{Connection, OptionalExtension};

use super::checkpoint::{self, Checkpoint, CheckpointPlace, CheckpointStep};
use super::event_log::EventLog;
use super::file::{FileLock, claimed, open_to_write};
use super::records::{RecordTable, write_progress};
use super::{Config, Fault, NAME, meta, unsigned};
use crate::database_error::DatabaseError;
use crate::{Flush, Sink, SinkError};

/// How far the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// All changes of times before this one are in the tables.
    pub frontier: Time,
    /// The offset at which the log ended when the frontier was written.
    pub log_offset: u64,
}

/// The embedded store. One thread owns it.
///
/// What is written gathers in one transaction until [`commit`](Self::commit), which the sink's
/// [`write`](Sink::write) and [`save_checkpoint`](Self::save_checkpoint) end with: appends of many small
/// batches and the flush that follows them cost one commit.
///
/// An error of any method that writes takes back everything since the last commit, so that no half of a
/// step can be committed later. [`log_end`](Self::log_end) then says from where to append again.
pub struct EmbeddedStore {
    connection: Connection,
    path: PathBuf,
    tables: BTreeMap<&'static str, RecordTable>,
    log: EventLog,
    /// Number of this run among those that have written.
    claim: u64,
    /// The last to go: see there.
    _lock: FileLock,
}

impl EmbeddedStore {
    /// Opens the database, and creates it if it is not there.
    ///
    /// # Errors
    /// When the file cannot be opened, is not a database of millrace or is one of another format, or
    /// another run is writing to it.
    pub fn open(config: &Config) -> Result<Self, SinkError> {
        let fault = |e| SinkError::new(NAME, "open the database", e);
        let (connection, lock, claim) = open_to_write(config).map_err(fault)?;
        let log = EventLog::load(&connection).map_err(|e| fault(located(&config.path, e)))?;
        Ok(Self { connection, path: config.path.clone(), tables: BTreeMap::new(), log, claim, _lock: lock })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A small fact by its name, such as the seed of the simulator that the log comes from.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn meta(&self, key: &str) -> Result<Option<String>, SinkError> {
        meta::get(&self.connection, key).map_err(|e| self.fault(format!("read the meta key {key}"), e.into()))
    }

    /// Sets a small fact, with the next commit.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), SinkError> {
        self.change(
            || format!("write the meta key {key}"),
            |store| Ok(meta::set(&store.connection, key, value)?),
        )
    }

    /// The first offset that the log still holds; [`log_end`](Self::log_end) if it holds none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn log_start(&self) -> Result<u64, SinkError> {
        self.log.start(&self.connection).map_err(|e| self.fault("read the event log", e))
    }

    /// The offset that the next event gets.
    #[must_use]
    pub fn log_end(&self) -> u64 {
        self.log.end()
    }

    /// Appends events, each with its logical time, with the next commit.
    ///
    /// # Errors
    /// When `first_offset` is not [`log_end`](Self::log_end), or the database cannot be written.
    pub fn append_events<'e>(
        &mut self,
        first_offset: u64,
        events: impl IntoIterator<Item = (Time, &'e Event)>,
    ) -> Result<(), SinkError> {
        self.change(
            || format!("append to the event log at offset {first_offset}"),
            |store| store.log.append(&store.connection, first_offset, events),
        )
    }

    /// Up to `limit` events from an offset on, those not yet committed included; fewer only at the end.
    ///
    /// # Errors
    /// When the offset is not in the log, or the log cannot be read or, for what has gathered, written.
    pub fn read_events(&mut self, from: u64, limit: usize) -> Result<Vec<(Time, Event)>, SinkError> {
        let doing = || format!("read the event log from offset {from}");
        if self.log.has_pending() {
            self.change(doing, |store| store.log.write_pending(&store.connection))?;
        }
        self.log.read(&self.connection, from, limit).map_err(|e| self.fault(doing(), e))
    }

    /// Removes the log before an offset, with the next commit, as far as no kept checkpoint needs it, and
    /// gives the number of events removed. Whole chunks go, so a few events before the offset may stay.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn prune_log(&mut self, before_offset: u64) -> Result<u64, SinkError> {
        self.change(
            || format!("prune the event log before offset {before_offset}"),
            |store| {
                // Without a checkpoint a restart needs the log from its start.
                let needed =
                    checkpoint::list(&store.connection)?.last().map_or(0, |oldest| oldest.log_offset);
                store.log.write_pending(&store.connection)?;
                store.log.prune(&store.connection, before_offset.min(needed))
            },
        )
    }

    /// An offset before which no event has a later time than this: with the chunks before it go only
    /// events of that time and earlier.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn log_offset_of(&self, time: Time) -> Result<u64, SinkError> {
        self.log
            .offset_of(&self.connection, time)
            .map_err(|e| self.fault(format!("look up the time {time} in the event log"), e))
    }

    /// Writes a checkpoint. The newest two are kept; one of the same time is replaced. It is written in steps,
    /// each of which is committed: who shares the store does them one by one, with
    /// [`write_checkpoint`](Self::write_checkpoint) and [`remove_checkpoint_piece`](Self::remove_checkpoint_piece).
    ///
    /// # Errors
    /// When the log does not reach to the checkpoint's offset, or the database cannot be written.
    pub fn save_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), SinkError> {
        checkpoint.steps().try_for_each(|step| self.write_checkpoint(step))?;
        while self.remove_checkpoint_piece()? {}
        Ok(())
    }

    /// Does one of the [steps](Checkpoint::steps) of writing a checkpoint, and commits.
    ///
    /// # Errors
    /// As [`save_checkpoint`](Self::save_checkpoint).
    pub fn write_checkpoint(&mut self, step: CheckpointStep<'_>) -> Result<(), SinkError> {
        self.change(
            || "save a checkpoint".to_owned(),
            |store| {
                if let CheckpointStep::End { place, .. } = step {
                    let (end, offset) = (store.log.end(), place.log_offset);
                    if offset > end {
                        return Err(
                            format!("it goes on at offset {offset} of a log that ends at {end}").into()
                        );
                    }
                }
                checkpoint::write(&store.connection, step)
            },
        )?;
        self.commit()
    }

    /// Removes a piece of a checkpoint that is no longer kept or was never finished, and commits; false if there
    /// is none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove_checkpoint_piece(&mut self) -> Result<bool, SinkError> {
        let is_removed = self.change(
            || "remove what is left of a checkpoint".to_owned(),
            |store| checkpoint::remove_piece(&store.connection),
        )?;
        self.commit()?;
        Ok(is_removed)
    }

    /// The kept checkpoints, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn checkpoints(&self) -> Result<Vec<CheckpointPlace>, SinkError> {
        checkpoint::list(&self.connection).map_err(|e| self.fault("list the checkpoints", e))
    }

    /// One of [`checkpoints`](Self::checkpoints), with its parts.
    ///
    /// # Errors
    /// When it is no longer there, not whole, or the database cannot be read.
    pub fn load_checkpoint(&self, place: CheckpointPlace) -> Result<Checkpoint, SinkError> {
        checkpoint::load(&self.connection, place)
            .map_err(|e| self.fault(format!("load the checkpoint of time {}", place.time), e))
    }

    /// The newest checkpoint; none if there is none.
    ///
    /// # Errors
    /// As [`load_checkpoint`](Self::load_checkpoint).
    pub fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, SinkError> {
        self.checkpoints()?.first().map(|place| self.load_checkpoint(*place)).transpose()
    }

    /// Empties the tables and forgets the checkpoints and how far the tables are, so that all of it is worked out again
    /// from the log; commits.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget_results(&mut self) -> Result<(), SinkError> {
        self.change(
            || "empty the tables".to_owned(),
            |store| {
                let mut select = store.connection.prepare("SELECT record FROM _schemas")?;
                let records = select.query_map((), |row| row.get::<_, String>(0))?;
                for record in records.collect::<Result<Vec<_>, _>>()? {
                    store.connection.execute(&format!("DELETE FROM \"{record}\""), ())?;
                }
                for table in ["_progress", "_checkpoint_pieces", "_checkpoints"] {
                    store.connection.execute(&format!("DELETE FROM {table}"), ())?;
                }
                Ok(())
            },
        )?;
        self.commit()
    }

    /// How far the tables are, what is not yet committed included; none before the first flush.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn progress(&self) -> Result<Option<Progress>, SinkError> {
        self.read_progress().map_err(|e| self.fault("read the progress", e))
    }

    fn read_progress(&self) -> Result<Option<Progress>, Fault> {
        let found: Option<(i64, i64)> = self
            .connection
            .prepare_cached("SELECT frontier, log_offset FROM _progress")?
            .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let progress = |(frontier, log_offset)| {
            Ok(Progress { frontier: unsigned(frontier)?, log_offset: unsigned(log_offset)? })
        };
        found.map(progress).transpose()
    }

    /// Writes a flush and its frontier, with the next commit; nothing if its frontier is not beyond the
    /// one that is there. [`Sink::write`] does the same and commits.
    ///
    /// # Errors
    /// When a record was not prepared, a row does not fit its schema, or the database cannot be written.
    pub fn write_rows(&mut self, flush: &Flush) -> Result<(), SinkError> {
        self.change(
            || format!("write the flush up to {}", flush.frontier),
            |store| {
                if store.read_progress()?.is_some_and(|done| flush.frontier <= done.frontier) {
                    return Ok(());
                }
                for changes in &flush.tables {
                    let name = changes.schema.name;
                    let table = store
                        .tables
                        .get(name)
                        .ok_or_else(|| format!("the record {name} was not prepared"))?;
                    table
                        .write(&store.connection, changes)
                        .map_err(|e| -> Fault { Box::new(InTable { table: name, source: e }) })?;
                }
                write_progress(&store.connection, flush.frontier, store.log.end())
            },
        )
    }

    /// Makes everything since the last commit durable, all or nothing.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing since the last commit is kept.
    pub fn commit(&mut self) -> Result<(), SinkError> {
        self.change(
            || "commit".to_owned(),
            |store| {
                store.log.write_pending(&store.connection)?;
                Ok(store.connection.execute_batch("COMMIT")?)
            },
        )
    }

    /// Runs a step inside the transaction. If it fails, the whole transaction is taken back.
    fn change<T>(
        &mut self,
        doing: impl FnOnce() -> String,
        step: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, SinkError> {
        let result = self.begin().and_then(|()| step(self));
        result.map_err(|error| {
            let undone = self.roll_back();
            let error = self.fault(doing(), error);
            match undone {
                Ok(()) => error,
                Err(e) => SinkError::new(NAME, format!("go on after this: {error}"), e),
            }
        })
    }

    fn begin(&self) -> Result<(), Fault> {
        if self.connection.is_autocommit() {
            // Immediate: a transaction that only finds out later that it cannot write is a deadlock.
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
            if claimed(&self.connection)? != self.claim {
                return Err(
                    "another run writes to it now, and this one may no longer; stop one of them".into()
                );
            }
        }
        Ok(())
    }

    fn roll_back(&mut self) -> Result<(), Fault> {
        // On some errors, such as a full disk, SQLite has rolled back already.
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.log = EventLog::load(&self.connection)?;
        Ok(())
    }

    fn fault(&self, doing: impl Into<String>, error: Fault) -> SinkError {
        SinkError::new(NAME, doing, located(&self.path, error))
    }
}

/// Adds the file, and what to do, to an error of the database.
pub(super) fn located(path: &Path, error: Fault) -> Fault {
    let located = match error.downcast::<InTable>() {
        Ok(in_table) => {
            return Box::new(InTable { table: in_table.table, source: located(path, in_table.source) });
        }
        Err(error) => error.downcast::<rusqlite::Error>(),
    };
    match located {
        Ok(error) => Box::new(DatabaseError::new(path, *error)),
        Err(other) => format!("{}: {other}", path.display()).into(),
    }
}

/// An error that one table is to blame for.
#[derive(Debug, thiserror::Error)]
#[error("table {table}: {source}")]
struct InTable {
    table: &'static str,
    source: Fault,
}

impl Sink for EmbeddedStore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&mut self, schemas: &[&'static Schema]) -> Result<(), SinkError> {
        for schema in schemas {
            self.change(
                || format!("prepare the table {}", schema.name),
                |store| {
                    let table = RecordTable::prepare(&store.connection, schema)?;
                    store.tables.insert(schema.name, table);
                    Ok(())
                },
            )?;
        }
        self.commit()
    }

    fn committed(&mut self) -> Result<Option<Time>, SinkError> {
        Ok(self.progress()?.map(|progress| progress.frontier))
    }

    fn write(&mut self, flush: &Flush) -> Result<(), SinkError> {
        self.write_rows(flush)?;
        self.commit()
    }

    /// Commits, and copies the WAL back, so that the file alone is the whole database.
    fn finish(&mut self) -> Result<(), SinkError> {
        self.commit()?;
        // A reader in the way keeps part of the WAL, which is no error: it is copied back later.
        self.connection
            .pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))
            .map_err(|e| self.fault("finish", e.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    static TEXTS: Schema = Schema {
        name: "texts",
        doc: "",
        key: 1,
        cadence: model::Cadence::Flush,
        indexes: &[],
        columns: &[model::Column { name: "text", kind: model::Kind::Text, doc: "" }],
    };

    #[test]
    fn a_full_disk_is_told_and_takes_back_the_whole_transaction() {
        let dir = tempfile::TempDir::new().unwrap();
        let config = Config { path: dir.path().join("full.db"), ..Config::default() };
        let mut store = EmbeddedStore::open(&config).unwrap();
        store.prepare(&[&TEXTS]).unwrap();
        let flush = |frontier, length| {
            let row = vec![model::Value::text("x".repeat(length))];
            let changes = vec![(frontier - 1, model::Change::Upsert(row))];
            Flush { frontier, tables: vec![Table { schema: &TEXTS, changes }] }
        };
        store.write(&flush(10, 10)).unwrap();

        // A limit on pages gives the error that a full disk gives.
        let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let limit = |store: &EmbeddedStore, pages: i64| {
            store.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        };
        limit(&store, pages + 2);
        let slot = Event::Slot(model::SlotStatus {
            slot: 1,
            state: model::SlotState::Dead,
            parent: None,
            block_time: None,
        });
        store.append_events(0, [(1, &slot)]).unwrap();
        let message = store.write(&flush(20, 100_000)).unwrap_err().to_string();
        assert!(message.contains("full.db") && message.contains("table texts"), "{message}");
        assert!(message.contains("free space on its disk"), "{message}");
        assert_eq!((store.log_end(), store.committed().unwrap()), (0, Some(10)));

        limit(&store, 1_000_000);
        store.append_events(0, [(1, &slot)]).unwrap();
        store.write(&flush(20, 100_000)).unwrap();
        assert_eq!((store.log_end(), store.committed().unwrap()), (1, Some(20)));
    }
}
