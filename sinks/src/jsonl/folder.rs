//! The folder of the files: who may write to it, and how its files become whole all at once.

use std::borrow::Cow;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use model::{Schema, Time};

use super::spool::Spool;
use super::{FileRemoval, NAME};
use crate::encode;
use crate::folder_layout::{SCHEMAS_FILE, Schemas, file_of};
use crate::{Description, SinkError};

/// A folder that this run alone writes to.
pub(super) struct Folder {
    path: PathBuf,
    /// Held until the end of the run; the system lets go of it even if the run is killed.
    _lock: Option<File>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        fs::create_dir_all(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// Writes the files of all prepared records and puts them in place of those of an earlier run.
    pub(super) fn publish(&self, spool: &Spool, as_of: Time) -> Result<(), SinkError> {
        let schemas: Vec<&'static Schema> = spool.schemas().collect();
        let mut common = Vec::new();
        encode::common(as_of, &mut common)
            .map_err(|e| SinkError::new(NAME, "encode the common columns", e))?;
        common.push(b'\n');

        let mut parts = Vec::new();
        for schema in &schemas {
            parts.push(self.part(&file_of(schema.name), |file| {
                spool.read(schema.name, |line| {
                    file.write_all(line)?;
                    file.write_all(&common)
                })
            })?);
        }
        let records: Vec<Description> = schemas.into_iter().map(Description::from).collect();
        let described = self.part(SCHEMAS_FILE, |file| {
            serde_json::to_writer_pretty(&mut *file, &Schemas { records: Cow::Owned(records) })?;
            Ok(file.write_all(b"\n")?)
        })?;

        let complete = self.path.join(SCHEMAS_FILE);
        match fs::remove_file(&complete) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(self.fault(SCHEMAS_FILE, e)),
            _ => {}
        }
        for part in &parts {
            self.put(part)?;
        }
        self.put(&described)?;
        self.sync().map_err(|e| self.fault("its folder", e))
    }

    /// Writes a file under a name that says it is not whole yet.
    fn part(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<Part, SinkError> {
        let path = self.path.join(format!("{name}.part"));
        let part = Part { name: name.to_owned(), removal: FileRemoval(path) };
        let written = || {
            let mut file = BufWriter::with_capacity(1 << 20, File::create(&part.removal.0)?);
            write(&mut file)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            Ok(())
        };
        written().map_err(|e: Box<dyn std::error::Error + Send + Sync>| self.fault(name, e))?;
        Ok(part)
    }

    fn put(&self, part: &Part) -> Result<(), SinkError> {
        fs::rename(&part.removal.0, self.path.join(&part.name)).map_err(|e| self.fault(&part.name, e))?;
        Ok(())
    }

    /// Makes the renames durable, where the system knows how.
    fn sync(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(&self.path)?.sync_all() } else { Ok(()) }
    }

    fn fault(&self, name: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SinkError {
        SinkError::new(NAME, format!("write {}", self.path.join(name).display()), error)
    }
}

/// A file that is written and not in its place yet.
struct Part {
    name: String,
    removal: FileRemoval,
}

/// Locks the folder itself, so that no file is left behind.
///
/// None where the system cannot lock a folder (Windows, some network file systems): there, two runs
/// into one folder are not kept apart.
fn lock(path: &Path) -> Result<Option<File>, Box<dyn std::error::Error + Send + Sync>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let folder = File::open(path)?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => {
            Err("another run is writing to it; wait for it to end, or name another folder".into())
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}
