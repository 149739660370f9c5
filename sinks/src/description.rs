//! A schema as finished output carries it, so that a reader needs no program to know what it reads.

use std::borrow::Cow;

use model::{Kind, Schema};
use serde::{Deserialize, Serialize};

/// A record of a finished output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Name of the table or file.
    pub record: Cow<'static, str>,
    /// One sentence.
    pub doc: Cow<'static, str>,
    /// How many of the leading columns are the key.
    pub key: usize,
    /// The columns in order, without the common ones.
    pub columns: Vec<ColumnDescription>,
}

/// A column of a finished output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDescription {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it holds.
    #[serde(with = "KindName")]
    pub kind: Kind,
    /// What it means, with its unit.
    pub doc: Cow<'static, str>,
}

/// The names of the kinds in stored descriptions.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Kind", rename_all = "snake_case")]
enum KindName {
    Symbol,
    Text,
    Address,
    Count,
    Amount,
    Sum,
    Float,
    Bool,
    Time,
}

impl From<&'static Schema> for Description {
    fn from(schema: &'static Schema) -> Self {
        let columns = schema.columns.iter().map(|column| ColumnDescription {
            name: column.name.into(),
            kind: column.kind,
            doc: column.doc.into(),
        });
        Self {
            record: schema.name.into(),
            doc: schema.doc.into(),
            key: schema.key,
            columns: columns.collect(),
        }
    }
}

impl Description {
    /// The key's columns.
    #[must_use]
    pub fn key_columns(&self) -> &[ColumnDescription] {
        self.columns.get(..self.key).unwrap_or(&self.columns)
    }
}
