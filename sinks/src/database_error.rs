//! What SQLite says, with the file it is about and what a person can do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// An error of a database file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}; {advice}", path.display())]
pub(crate) struct DatabaseError {
    path: PathBuf,
    source: rusqlite::Error,
    advice: &'static str,
}

impl DatabaseError {
    pub(crate) fn new(path: &Path, source: rusqlite::Error) -> Self {
        Self { path: path.to_owned(), advice: advice(&source), source }
    }
}

fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free space on its disk and start again",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program is writing to it: close that program, or give it longer (busy_timeout_ms)"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "make the file and its folder writable for this user"
        }
        Some(ErrorCode::CannotOpen) => "check that its folder exists and is writable for this user",
        Some(ErrorCode::DatabaseCorrupt) => {
            "the file is damaged: move it away with its -wal and -shm files, then start anew or from a copy"
        }
        Some(ErrorCode::NotADatabase) => {
            "the file is something else, or damaged: name another path, or move it away"
        }
        Some(ErrorCode::SystemIoFailure) => "check the disk: the system could not read or write it",
        Some(ErrorCode::OutOfMemory) => "give the process more memory, or a smaller cache_mib",
        _ => "this is a mistake of the program or of a hand-made change to the file: please report it",
    }
}
