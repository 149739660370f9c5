//! A change as a message.

use model::{Change, DEF_VERSION, Schema, Time, Value};
use rdkafka::message::{Header, OwnedHeaders};

use super::avro;
use super::{Fault, Format};
use crate::Description;
use crate::encode::{self, JsonEncoder};

/// Column whose value is a header too.
const COMMITMENT: &str = "commitment";

/// Makes messages of the changes of one record. Its buffers are used again for each.
pub(super) struct Messages {
    pub(super) topic: String,
    pub(super) schema: &'static Schema,
    encoder: Encoder,
    /// Where the commitment is in a row.
    commitment: Option<usize>,
    version: String,
    key: Vec<u8>,
    value: Vec<u8>,
}

enum Encoder {
    Json(JsonEncoder),
    Avro(avro::Encoder),
}

/// One message; it borrows from what made it.
pub(super) struct Message<'m> {
    pub(super) key: &'m [u8],
    /// None for a key that is gone.
    pub(super) value: Option<&'m [u8]>,
    pub(super) headers: OwnedHeaders,
}

impl Messages {
    pub(super) fn new(topic: String, schema: &'static Schema, format: Format) -> Self {
        let encoder = match format {
            Format::Json => Encoder::Json(JsonEncoder::new(schema)),
            Format::Avro => Encoder::Avro(avro::Encoder::new(&Description::from(schema))),
        };
        let commitment = schema.columns.iter().position(|column| column.name == COMMITMENT);
        let version = DEF_VERSION.to_string();
        Self { topic, schema, encoder, commitment, version, key: Vec::new(), value: Vec::new() }
    }

    pub(super) fn message(&mut self, as_of: Time, change: &Change) -> Result<Message<'_>, Fault> {
        self.key.clear();
        encode::key(change.key(self.schema), &mut self.key)?;
        let mut commitment = None;
        let value = match change {
            Change::Upsert(row) => {
                self.value.clear();
                match &self.encoder {
                    Encoder::Json(encoder) => encoder.row(row, as_of, &mut self.value)?,
                    Encoder::Avro(encoder) => encoder.row(row, as_of, &mut self.value)?,
                }
                commitment = self.commitment.and_then(|at| row.get(at)).and_then(Value::as_text);
                Some(&*self.value)
            }
            Change::Delete(_) => None,
        };
        let as_of = as_of.to_string();
        let mut headers = OwnedHeaders::new_with_capacity(4)
            .insert(Header { key: "schema", value: Some(self.schema.name) })
            .insert(Header { key: "version", value: Some(&self.version) })
            .insert(Header { key: "as_of", value: Some(&as_of) });
        if let Some(commitment) = commitment {
            headers = headers.insert(Header { key: COMMITMENT, value: Some(commitment) });
        }
        Ok(Message { key: &self.key, value, headers })
    }
}

/// True for records of single events: they carry a commitment, and there is no end to their keys.
pub(super) fn is_of_events(schema: &Schema) -> bool {
    schema.columns.iter().any(|column| column.name == COMMITMENT)
}
