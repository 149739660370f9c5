//! Reads a finished output back, so that two runs can be compared whatever sink they used.
//!
//! A row is its key and one JSON object without `as_of` and `received_at`, which say when a run did its
//! work and not what it found. Numbers stay as they are spelled: the same float is spelled the same by
//! every sink, so comparing text compares exactly.
//!
//! Rows are streamed in the order of their keys; neither side is ever in memory as a whole.

mod contents;
mod diff;
mod folder;
#[cfg(feature = "sqlite")]
mod store;

use std::fmt;
use std::path::{Path, PathBuf};

use model::Kind;
use serde::Serialize;

#[cfg(any(feature = "clickhouse", feature = "kafka", feature = "questdb"))]
pub(crate) use folder::push_member;

#[cfg(feature = "kafka")]
pub(crate) use contents::hash;
pub use contents::{Contents, Digest, Finished};
pub use diff::{ColumnDiff, DiffReport, RecordDiff, RowDiff, diff};

#[cfg(any(feature = "kafka", feature = "questdb"))]
use crate::fit::COMMON_COLUMNS;
use crate::{ColumnDescription, Description};

/// Columns that are left out of a comparison, beside `as_of`.
const NOT_COMPARED: &str = "received_at";

/// Why a finished output cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file that the system does not let us read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder without the description of its records.
    #[error(
        "{} has no schemas.json: its run did not finish, or it is no output; finish or repeat the run",
        path.display()
    )]
    Incomplete {
        /// The folder.
        path: PathBuf,
    },
    /// A line that the sink did not write so.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A database that cannot be read. The message names the file.
    #[error("cannot read the record {record}: {source}")]
    Database {
        /// The record; `*` for the database as a whole.
        record: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record that the output does not have.
    #[error("{} has no record {record}", path.display())]
    NoRecord {
        /// The output.
        path: PathBuf,
        /// The record.
        record: String,
    },
    /// A record whose key is not the same on both sides.
    #[error("the record {record} cannot be compared: its key is ({a}) on one side and ({b}) on the other")]
    Keys {
        /// The record.
        record: String,
        /// Key columns of the first output.
        a: String,
        /// Key columns of the second output.
        b: String,
    },
}

/// A part of a key, in the order of the outputs: numbers by size, texts by their bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum KeyPart {
    /// Of a column of kind `Bool`.
    Bool(bool),
    /// Of a column of kind `Count`, `Time` or `Amount`.
    Number(u64),
    /// Of a column of any other kind.
    Text(String),
}

/// The key of a row. It is spelled as its parts with spaces between.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Key(pub Vec<KeyPart>);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            match part {
                KeyPart::Bool(b) => write!(f, "{b}")?,
                KeyPart::Number(n) => write!(f, "{n}")?,
                KeyPart::Text(text) => f.write_str(text)?,
            }
        }
        Ok(())
    }
}

/// A row of a finished output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Its key.
    pub key: Key,
    /// The JSON object, without `as_of` and `received_at`.
    pub line: String,
}

impl SnapshotRow {
    /// A row from the JSON of its columns. One that is not there is null, as in a row that was written
    /// before the column was added; one of the key has to be there.
    #[cfg(any(feature = "kafka", feature = "questdb"))]
    pub(crate) fn of_members(
        record: &Description,
        mut json: impl FnMut(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut key = Vec::with_capacity(record.key);
        let mut line = String::new();
        let own = record.columns.iter().map(|column| &*column.name);
        for (i, name) in own.chain(COMMON_COLUMNS).enumerate() {
            let value = json(name).unwrap_or_else(|| "null".to_owned());
            if let Some(column) = record.key_columns().get(i) {
                let part = key_part(column, &value);
                key.push(
                    part.ok_or_else(|| format!("the column `{name}` takes {:?}, not {value}", column.kind))?,
                );
            }
            push_member(&mut line, name, &value);
        }
        line.push('}');
        Ok(Self { key: Key(key), line })
    }
}

/// The rows of a record in the order of their keys.
pub struct Rows(Reader);

enum Reader {
    Folder(folder::FileRows),
    #[cfg(feature = "sqlite")]
    Store(Box<store::TableRows>),
}

impl Iterator for Rows {
    type Item = Result<SnapshotRow, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Reader::Folder(rows) => rows.next(),
            #[cfg(feature = "sqlite")]
            Reader::Store(rows) => rows.next(),
        }
    }
}

/// The records of a finished output, by name: of a folder of the sink `jsonl`, or of a database of the
/// sink `sqlite`.
///
/// # Errors
/// When the output cannot be read or is not complete.
pub fn records(path: &Path) -> Result<Vec<Description>, SnapshotError> {
    match kind_of(path)? {
        Output::Folder => folder::records(path),
        #[cfg(feature = "sqlite")]
        Output::Store => store::records(path),
    }
}

/// The rows of a record of a finished output.
///
/// # Errors
/// When the output cannot be read, is not complete, or does not have the record.
pub fn read_rows(path: &Path, record: &str) -> Result<Rows, SnapshotError> {
    let description = records(path)?
        .into_iter()
        .find(|description| description.record == record)
        .ok_or_else(|| SnapshotError::NoRecord { path: path.to_owned(), record: record.to_owned() })?;
    rows(path, description)
}

fn rows(path: &Path, description: Description) -> Result<Rows, SnapshotError> {
    Ok(Rows(match kind_of(path)? {
        Output::Folder => Reader::Folder(folder::FileRows::open(path, description)?),
        #[cfg(feature = "sqlite")]
        Output::Store => Reader::Store(Box::new(store::TableRows::open(path, description)?)),
    }))
}

/// What stands at a path.
enum Output {
    Folder,
    #[cfg(feature = "sqlite")]
    Store,
}

fn kind_of(path: &Path) -> Result<Output, SnapshotError> {
    let found =
        std::fs::metadata(path).map_err(|source| SnapshotError::Io { path: path.to_owned(), source })?;
    if found.is_dir() {
        return Ok(Output::Folder);
    }
    #[cfg(feature = "sqlite")]
    return Ok(Output::Store);
    #[cfg(not(feature = "sqlite"))]
    Err(SnapshotError::Io {
        path: path.to_owned(),
        source: std::io::Error::other("this build reads folders only; build it with the feature `sqlite`"),
    })
}

/// Reads a part of a key from its JSON; none if it is not of its column's kind.
pub(crate) fn key_part(column: &ColumnDescription, json: &str) -> Option<KeyPart> {
    match column.kind {
        Kind::Bool => serde_json::from_str(json).ok().map(KeyPart::Bool),
        Kind::Count | Kind::Time => serde_json::from_str(json).ok().map(KeyPart::Number),
        Kind::Amount => {
            let digits: String = serde_json::from_str(json).ok()?;
            digits.parse().ok().map(KeyPart::Number)
        }
        Kind::Symbol | Kind::Text | Kind::Address | Kind::Sum | Kind::Float => {
            serde_json::from_str(json).ok().map(KeyPart::Text)
        }
    }
}
