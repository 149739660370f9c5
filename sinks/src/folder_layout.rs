//! What stands in a folder of JSON Lines files: agreed between the sink that writes it and the reader.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Description;

/// Describes the records of the folder; only there while the folder is complete.
pub(crate) const SCHEMAS_FILE: &str = "schemas.json";

/// What [`SCHEMAS_FILE`] holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Schemas<'a> {
    /// The records of the run, by name.
    pub(crate) records: Cow<'a, [Description]>,
}

/// The name of the file of a record.
pub(crate) fn file_of(record: &str) -> String {
    format!("{record}.jsonl")
}
