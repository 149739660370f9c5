//! What the topics hold, as a reader of all of them finds it.

use std::collections::{BTreeMap, HashMap};

use model::Time;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::consume::Reader;
use super::sink::Progress;
use super::topics::{self, Registry};
use super::{Config, Fault, Format, NAME, avro, error};
use crate::failure::Failure;
use crate::snapshot::{Contents, Digest, SnapshotRow, hash};
use crate::{Description, SinkError};

/// The topics of a sink, to be read.
///
/// A topic keeps rows that later ones replace until it is compacted, so the keys of the record that is read
/// are in memory, each with its last row.
pub struct Topics {
    config: Config,
    reader: Reader,
    registry: Registry,
}

impl Topics {
    /// Finds the records of the topics.
    ///
    /// # Errors
    /// When the brokers cannot be reached, or the password is not in the environment.
    pub fn open(config: &Config) -> Result<Self, SinkError> {
        let reader = Reader::open(config).map_err(|e| fault(config, "read the topics", e))?;
        let registry =
            topics::published(config, &reader).map_err(|e| fault(config, "read the schemas", e))?;
        Ok(Self { config: config.clone(), reader, registry })
    }

    /// A row that was written when the record had fewer columns has none of the others.
    fn row(&self, record: &Description, value: &[u8]) -> Result<SnapshotRow, Fault> {
        let format = self.registry.records.get(&*record.record).map(|published| published.format);
        if format == Some(Format::Avro) {
            let members = avro::decode(&self.registry.fingerprints, value)?;
            return Ok(SnapshotRow::of_members(record, |name| members.get(name).map(Json::to_string))?);
        }
        let members: BTreeMap<&str, &RawValue> = serde_json::from_slice(value)?;
        Ok(SnapshotRow::of_members(record, |name| members.get(name).map(|json| json.get().to_owned()))?)
    }

    fn last_values(&self, record: &str) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Failure> {
        let mut rows = BTreeMap::new();
        self.reader.read(&self.config.topic(record), &mut |key, value| {
            match value {
                Some(value) => drop(rows.insert(key.to_vec(), value.to_vec())),
                None => drop(rows.remove(key)),
            }
            Ok(())
        })?;
        Ok(rows)
    }
}

fn fault(config: &Config, doing: &str, failure: Failure) -> SinkError {
    failure.into_error(NAME, format!("{doing} at {}", config.brokers))
}

impl Contents for Topics {
    fn frontier(&mut self) -> Result<Option<Time>, SinkError> {
        let topic = self.config.progress_topic();
        let found = self.reader.last(&topic, self.config.id().as_bytes());
        let found = found.map_err(|e| fault(&self.config, "read the progress", e))?;
        let progress = found.map(|bytes| serde_json::from_slice::<Progress>(&bytes)).transpose();
        Ok(progress.map_err(|e| error(format!("read the topic {topic}"), e))?.map(|p| p.frontier))
    }

    fn read(
        &mut self,
        record: &Description,
        each: &mut dyn FnMut(SnapshotRow) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let doing = format!("read the topic {}", self.config.topic(&record.record));
        let rows = self.last_values(&record.record).map_err(|e| fault(&self.config, &doing, e))?;
        for value in rows.into_values() {
            each(self.row(record, &value).map_err(|e| error(&*doing, e))?)?;
        }
        Ok(())
    }

    /// Keeps two hashes for a key, and no row: a topic may hold more than fits into memory.
    fn digest(&mut self, record: &Description) -> Result<Digest, SinkError> {
        let doing = format!("read the topic {}", self.config.topic(&record.record));
        let (mut digest, mut rows) = (Digest::default(), HashMap::new());
        let mut each = |key: &[u8], value: Option<&[u8]>| {
            let key = hash(key);
            let before = match value {
                Some(value) => {
                    let row = self.row(record, value).map_err(|e| Failure::lasting(e.to_string()))?;
                    let row = hash(row.line.as_bytes());
                    digest.put(row);
                    rows.insert(key, row)
                }
                None => rows.remove(&key),
            };
            if let Some(before) = before {
                digest.take_out(before);
            }
            Ok(())
        };
        self.reader
            .read(&self.config.topic(&record.record), &mut each)
            .map_err(|e| fault(&self.config, &doing, e))?;
        Ok(digest)
    }
}
