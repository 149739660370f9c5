//! Keeps the rows of a run on disk, in the order of their keys, until the files are written.
//!
//! A private SQLite database is the sorted, updatable, bounded-memory map that this needs: rows are
//! replaced and deleted by key while the run goes on, and read once, in order, at its end. It is never
//! recovered after a crash, so it keeps no journal and syncs nothing; the price is that it cannot be
//! trusted after an error, and is then given up as a whole.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use model::{Change, Schema};
use rusqlite::Connection;

use super::{FileRemoval, key};
use crate::Table;
use crate::database_error::DatabaseError;
use crate::encode::JsonEncoder;
use crate::fit::check_change;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Its name in the folder of the files.
const FILE: &str = ".spool.sqlite";

/// A page of 16 KiB keeps every ordinary row within its page (SQLite gives a row a quarter of one), and
/// the cache of 64 MiB bounds the memory whatever the length of the run.
const SETTINGS: &str = "PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536; BEGIN";

/// The spool of one run. What it holds is gone when it is dropped.
pub(super) struct Spool {
    // Closed before its file is removed: fields are dropped in this order.
    connection: Connection,
    _removal: Option<FileRemoval>,
    path: PathBuf,
    tables: BTreeMap<&'static str, SpoolTable>,
    key: Vec<u8>,
    line: Vec<u8>,
}

struct SpoolTable {
    schema: &'static Schema,
    encoder: JsonEncoder,
    upsert: String,
    delete: String,
    select: String,
}

impl Spool {
    /// An empty spool in this folder. One that a killed run left there is replaced.
    pub(super) fn create(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
        let connection = Connection::open(&path).map_err(|e| DatabaseError::new(&path, e))?;
        let removal = FileRemoval(path.clone());
        connection.execute_batch(SETTINGS).map_err(|e| DatabaseError::new(&path, e))?;
        // Where the system allows it the name goes at once, so that not even a killed run leaves a file.
        let removal = if cfg!(unix) { None } else { Some(removal) };
        Ok(Self {
            connection,
            _removal: removal,
            path,
            tables: BTreeMap::new(),
            key: Vec::new(),
            line: Vec::new(),
        })
    }

    /// Makes room for a record; nothing if that was done before.
    pub(super) fn prepare(&mut self, schema: &'static Schema) -> Result<(), Error> {
        if self.tables.contains_key(schema.name) {
            return Ok(());
        }
        let name = schema.name;
        self.connection
            .execute_batch(&format!(
                "CREATE TABLE \"{name}\" (key BLOB PRIMARY KEY, line BLOB NOT NULL) WITHOUT ROWID"
            ))
            .map_err(|e| DatabaseError::new(&self.path, e))?;
        let table = SpoolTable {
            schema,
            encoder: JsonEncoder::new(schema),
            upsert: format!("INSERT OR REPLACE INTO \"{name}\" VALUES (?1, ?2)"),
            delete: format!("DELETE FROM \"{name}\" WHERE key = ?1"),
            select: format!("SELECT line FROM \"{name}\" ORDER BY key"),
        };
        self.tables.insert(name, table);
        Ok(())
    }

    /// The prepared records, by name.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &'static Schema> {
        self.tables.values().map(|table| table.schema)
    }

    /// Takes in the changes of a record.
    pub(super) fn write(&mut self, changes: &Table) -> Result<(), Error> {
        let Some(table) = self.tables.get(changes.schema.name) else {
            return Err(format!("the record {} was not prepared", changes.schema.name).into());
        };
        let fault = |e| DatabaseError::new(&self.path, e);
        let mut upsert = self.connection.prepare_cached(&table.upsert).map_err(fault)?;
        let mut delete = self.connection.prepare_cached(&table.delete).map_err(fault)?;
        for (_, change) in &changes.changes {
            check_change(table.schema, change)?;
            self.key.clear();
            key::encode(change.key(table.schema), &mut self.key)?;
            match change {
                Change::Upsert(row) => {
                    self.line.clear();
                    table.encoder.columns(row, &mut self.line)?;
                    upsert.execute((&self.key, &self.line)).map_err(fault)?;
                }
                Change::Delete(_) => {
                    delete.execute((&self.key,)).map_err(fault)?;
                }
            }
        }
        Ok(())
    }

    /// Hands over the rows of a record in the order of their keys, each without its common columns.
    pub(super) fn read(
        &self,
        name: &str,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        let Some(table) = self.tables.get(name) else {
            return Err(format!("the record {name} was not prepared").into());
        };
        let fault = |e| DatabaseError::new(&self.path, e);
        let mut select = self.connection.prepare(&table.select).map_err(fault)?;
        let mut rows = select.query(()).map_err(fault)?;
        while let Some(row) = rows.next().map_err(fault)? {
            let line = row.get_ref(0).map_err(fault)?;
            take(line.as_blob().map_err(|e| fault(e.into()))?)?;
        }
        Ok(())
    }
}
