//! The topics of the records: their settings and their descriptions.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Schema;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::consume::{Reader, failure};
use super::message::is_of_events;
use super::producer::{client_config, may_pass};
use super::{Config, Fault, Format, avro};
use crate::Description;
use crate::failure::Failure;

/// What the topic `_schemas` says of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Published {
    #[serde(flatten)]
    pub(super) description: Description,
    pub(super) format: Format,
    /// The Avro schema of values, where they are Avro.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) avro: Option<Json>,
    /// Its fingerprint, 16 hexadecimal digits, most significant first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<String>,
}

impl Published {
    pub(super) fn new(schema: &'static Schema, format: Format) -> Self {
        let description = Description::from(schema);
        let is_avro = format == Format::Avro;
        let avro = is_avro.then(|| avro::schema(&description));
        let fingerprint = is_avro.then(|| avro::spelled(avro::fingerprint(&description)));
        Self { description, format, avro, fingerprint }
    }

    /// Refuses a topic that was filled with other rows. Columns may be added; none may go or change.
    pub(super) fn check(&self, found: &Self) -> Result<(), Fault> {
        let misfit = |what: String| -> Result<(), Fault> {
            Err(format!(
                "the topic was filled with other rows: {what}; name another prefix, or delete the topic"
            )
            .into())
        };
        let names =
            |d: &Description| d.key_columns().iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(", ");
        let (mine, theirs) = (names(&self.description), names(&found.description));
        if mine != theirs {
            return misfit(format!("its key is ({theirs}), not ({mine})"));
        }
        if self.format != found.format {
            return misfit(format!("its values are {:?}, not {:?}", found.format, self.format));
        }
        for column in &found.description.columns {
            let same = self.description.columns.iter().find(|mine| mine.name == column.name);
            match same {
                Some(mine) if mine.kind == column.kind => {}
                Some(mine) => {
                    return misfit(format!(
                        "its column `{}` holds {:?}, not {:?}",
                        column.name, column.kind, mine.kind
                    ));
                }
                None => return misfit(format!("it has a column `{}` that is not known here", column.name)),
            }
        }
        Ok(())
    }
}

/// What `_schemas` holds.
#[derive(Default)]
pub(super) struct Registry {
    /// The records as they are written now, by name.
    pub(super) records: BTreeMap<String, Published>,
    /// Every record as it was ever written in Avro, by fingerprint.
    pub(super) fingerprints: BTreeMap<String, Description>,
}

/// Reads `_schemas`: under a record's name stands how it is written now, under a fingerprint what that means.
pub(super) fn published(config: &Config, reader: &Reader) -> Result<Registry, Failure> {
    let topic = config.schemas_topic();
    let mut found = Registry::default();
    reader.read(&topic, &mut |key, value| {
        let key = String::from_utf8_lossy(key).into_owned();
        let Some(value) = value else { return Ok(()) };
        let read: Published = serde_json::from_slice(value)
            .map_err(|e| Failure::lasting(format!("the topic {topic} holds no description of {key}: {e}")))?;
        if read.fingerprint.as_ref() == Some(&key) {
            found.fingerprints.insert(key, read.description);
        } else {
            found.records.insert(key, read);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Creates the topics that are not there.
pub(super) fn create(config: &Config, schemas: &[&'static Schema]) -> Result<(), Failure> {
    let client = client_config(config).map_err(Failure::lasting)?;
    let admin: AdminClient<DefaultClientContext> = client.create().map_err(|e| failure(&e))?;
    let replication = || TopicReplication::Fixed(config.replication.into());
    let retention_ms = (config.retention_s.saturating_mul(1_000)).to_string();
    let own = [config.progress_topic(), config.schemas_topic()];
    let mut topics: Vec<NewTopic<'_>> = own
        .iter()
        .map(|name| NewTopic::new(name, 1, replication()).set("cleanup.policy", "compact"))
        .collect();
    let names: Vec<String> = schemas.iter().map(|schema| config.topic(schema.name)).collect();
    for (schema, name) in schemas.iter().zip(&names) {
        let topic = NewTopic::new(name, config.partitions.into(), replication());
        topics.push(if is_of_events(schema) {
            topic.set("cleanup.policy", "compact,delete").set("retention.ms", &retention_ms)
        } else {
            topic.set("cleanup.policy", "compact")
        });
    }
    let timeout = Duration::from_millis(config.timeout_ms.into());
    let options = AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|e| Failure::lasting(e.to_string()))?;
    let results = runtime.block_on(admin.create_topics(&topics, &options)).map_err(|e| failure(&e))?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                return Err(Failure {
                    message: format!("the topic {topic} cannot be created: {code}"),
                    may_pass: may_pass(code),
                });
            }
        }
    }
    Ok(())
}
