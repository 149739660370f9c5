//! Reads the views back, so that what they hold can be compared with another sink's output.

use clickhouse::query::BytesCursor;
use model::Time;

use super::Config;
use super::fault::Fault;
use super::row_binary::Input;
use super::server::Server;
use crate::fit::COMMON_COLUMNS;
use crate::snapshot::{Contents, Key, SnapshotRow, key_part, push_member};
use crate::{ColumnDescription, Description, SinkError, encode};

/// Reads a database.
pub struct Reader {
    server: Server,
}

impl Reader {
    /// Makes a reader; no connection is made.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub fn new(config: &Config) -> Result<Self, SinkError> {
        Ok(Self { server: Server::new(config)? })
    }

    /// The frontier of the last whole flush; none before the first.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn committed(&self) -> Result<Option<Time>, SinkError> {
        let answer = self
            .server
            .query("SELECT max(frontier) FROM _progress")
            .map_err(|e| e.at("read the progress"))?;
        Ok(Input(&answer).u64().filter(|frontier| *frontier > 0))
    }

    /// The rows of a record in the order of their keys.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn rows(&self, record: impl Into<Description>) -> Result<Rows<'_>, SinkError> {
        self.open(record.into(), true)
    }

    fn open(&self, description: Description, is_ordered: bool) -> Result<Rows<'_>, SinkError> {
        let quoted = |count: usize| {
            let names = description.columns.iter().take(count).map(|column| format!("`{}`", column.name));
            names.collect::<Vec<_>>().join(", ")
        };
        let [_, def_version] = COMMON_COLUMNS;
        let mut sql = format!(
            "SELECT {}, {def_version} FROM `{}`",
            quoted(description.columns.len()),
            description.record
        );
        if is_ordered {
            sql.push_str(&format!(" ORDER BY {}", quoted(description.key)));
        }
        let cursor = self.server.stream(&sql).map_err(|e| fault(&description, e))?;
        Ok(Rows { server: &self.server, description, cursor, bytes: Vec::new(), at: 0, is_end: false })
    }
}

/// The rows of one record, as of one moment.
pub struct Rows<'r> {
    server: &'r Server,
    description: Description,
    cursor: BytesCursor,
    bytes: Vec<u8>,
    /// How many of the bytes have been read.
    at: usize,
    is_end: bool,
}

impl Iterator for Rows<'_> {
    type Item = Result<SnapshotRow, SinkError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_end || self.at < self.bytes.len() {
            let mut input = Input(self.bytes.get(self.at..).unwrap_or_default());
            if let Some(row) = read_row(&self.description, &mut input) {
                self.at = self.bytes.len() - input.0.len();
                return Some(row.map_err(|e| fault(&self.description, e)));
            }
            if self.is_end {
                self.at = self.bytes.len();
                return Some(Err(fault(&self.description, Fault::lasting("the answer ends within a row"))));
            }
            match self.server.next(&mut self.cursor) {
                Ok(Some(piece)) => {
                    self.bytes.drain(..self.at);
                    self.at = 0;
                    self.bytes.extend_from_slice(&piece);
                }
                Ok(None) => self.is_end = true,
                Err(e) => {
                    (self.is_end, self.at) = (true, self.bytes.len());
                    return Some(Err(fault(&self.description, e)));
                }
            }
        }
        None
    }
}

/// The next row; none if there are not enough bytes for one.
fn read_row(description: &Description, input: &mut Input<'_>) -> Option<Result<SnapshotRow, Fault>> {
    let (mut key, mut line, mut json) = (Vec::with_capacity(description.key), String::new(), Vec::new());
    for (i, column) in description.columns.iter().enumerate() {
        let value = input.value(column.kind, i < description.key)?;
        json.clear();
        if let Err(e) = encode::value(&value, &mut json) {
            return Some(Err(Fault::lasting(e.to_string())));
        }
        let json = String::from_utf8_lossy(&json);
        if i < description.key {
            match key_part(column, &json) {
                Some(part) => key.push(part),
                None => return Some(Err(no_key(column))),
            }
        }
        push_member(&mut line, &column.name, &json);
    }
    push_member(&mut line, COMMON_COLUMNS[1], &input.u16()?.to_string());
    line.push('}');
    Some(Ok(SnapshotRow { key: Key(key), line }))
}

fn no_key(column: &ColumnDescription) -> Fault {
    Fault::lasting(format!("the column {} holds no key", column.name))
}

fn fault(record: &Description, fault: Fault) -> SinkError {
    fault.at(format!("read the record {}", record.record))
}

impl Contents for Reader {
    fn frontier(&mut self) -> Result<Option<Time>, SinkError> {
        self.committed()
    }

    fn read(
        &mut self,
        record: &Description,
        each: &mut dyn FnMut(SnapshotRow) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        // To put a large table in order takes memory that the server may not have.
        for row in self.open(record.clone(), false)? {
            each(row?)?;
        }
        Ok(())
    }
}
