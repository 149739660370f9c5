//! Reads a folder of the sink `jsonl`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use super::{Key, NOT_COMPARED, SnapshotError, SnapshotRow, key_part};
use crate::Description;
use crate::fit::COMMON_COLUMNS;
use crate::folder_layout::{SCHEMAS_FILE, Schemas, file_of};

/// The records of a complete folder.
pub(super) fn records(folder: &Path) -> Result<Vec<Description>, SnapshotError> {
    let path = folder.join(SCHEMAS_FILE);
    let json = match fs::read(&path) {
        Ok(json) => json,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(SnapshotError::Incomplete { path: folder.to_owned() });
        }
        Err(source) => return Err(SnapshotError::Io { path, source }),
    };
    match serde_json::from_slice::<Schemas<'_>>(&json) {
        Ok(schemas) => Ok(schemas.records.into_owned()),
        Err(e) => {
            let line = u64::try_from(e.line()).unwrap_or_default();
            Err(SnapshotError::Line { path, line, reason: e.to_string() })
        }
    }
}

/// The rows of one file.
pub(super) struct FileRows {
    path: PathBuf,
    file: BufReader<File>,
    description: Description,
    line: String,
    line_number: u64,
    last: Option<Key>,
}

impl FileRows {
    pub(super) fn open(folder: &Path, description: Description) -> Result<Self, SnapshotError> {
        let path = folder.join(file_of(&description.record));
        let file = match File::open(&path) {
            Ok(file) => BufReader::with_capacity(1 << 18, file),
            Err(source) => return Err(SnapshotError::Io { path, source }),
        };
        Ok(Self { path, file, description, line: String::new(), line_number: 0, last: None })
    }

    pub(super) fn next(&mut self) -> Option<Result<SnapshotRow, SnapshotError>> {
        self.line.clear();
        match self.file.read_line(&mut self.line) {
            Ok(0) => return None,
            Ok(_) => self.line_number += 1,
            Err(source) => return Some(Err(SnapshotError::Io { path: self.path.clone(), source })),
        }
        Some(self.row().map_err(|reason| SnapshotError::Line {
            path: self.path.clone(),
            line: self.line_number,
            reason,
        }))
    }

    fn row(&mut self) -> Result<SnapshotRow, String> {
        let mut members: BTreeMap<&str, &RawValue> =
            serde_json::from_str(&self.line).map_err(|e| format!("not a JSON object on one line: {e}"))?;
        let mut key = Vec::with_capacity(self.description.key);
        let mut line = String::with_capacity(self.line.len());
        let own = self.description.columns.iter().map(|column| &*column.name);
        for (i, name) in own.chain(COMMON_COLUMNS).enumerate() {
            let value = members.remove(name).ok_or_else(|| format!("the column `{name}` is missing"))?.get();
            if let Some(column) = self.description.key_columns().get(i) {
                let part = key_part(column, value);
                key.push(
                    part.ok_or_else(|| format!("the column `{name}` takes {:?}, not {value}", column.kind))?,
                );
            }
            push_member(&mut line, name, value);
        }
        if let Some(name) = members.keys().next() {
            return Err(format!("the member `{name}` is not in {SCHEMAS_FILE}"));
        }
        line.push('}');
        let key = Key(key);
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            return Err(format!("the key {key} is not behind that of the line before; the file was changed"));
        }
        self.last = Some(key.clone());
        Ok(SnapshotRow { key, line })
    }
}

/// Appends a member to an object that is being written, unless it is one that is not compared.
pub(crate) fn push_member(line: &mut String, name: &str, json: &str) {
    if name == NOT_COMPARED || name == COMMON_COLUMNS[0] {
        return;
    }
    line.push(if line.is_empty() { '{' } else { ',' });
    line.push('"');
    line.push_str(name);
    line.push_str("\":");
    line.push_str(json);
}
