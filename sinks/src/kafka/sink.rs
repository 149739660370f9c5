//! The sink: what it holds between flushes, and how it comes back from a failure.

use std::collections::BTreeMap;

use model::{Schema, Time};
use rdkafka::message::{Header, OwnedHeaders};
use serde::{Deserialize, Serialize};

use super::consume::Reader;
use super::message::Messages;
use super::producer::Producer;
use super::topics::{self, Published};
use super::{Config, Fault, NAME, error};
use crate::failure::Failure;
use crate::fit::{check_change, check_schema};
use crate::{Flush, Sink, SinkError};

/// What `_progress` says of a sink.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    /// All changes of times before this one are in the topics.
    pub(super) frontier: Time,
}

/// The sink `kafka`.
pub struct Kafka {
    config: Config,
    records: BTreeMap<&'static str, Messages>,
    /// None before the first use, and after a failure.
    connection: Option<Connection>,
}

struct Connection {
    producer: Producer,
    frontier: Option<Time>,
}

impl Kafka {
    /// Reads the settings. Nothing is asked of the brokers before [`Sink::prepare`].
    ///
    /// # Errors
    /// When the password is not in the environment.
    pub fn open(config: &Config) -> Result<Self, SinkError> {
        super::producer::client_config(config).map_err(|e| error("read the settings", e))?;
        Ok(Self { config: config.clone(), records: BTreeMap::new(), connection: None })
    }

    fn fault(&self, doing: &str) -> impl FnOnce(Failure) -> SinkError + use<> {
        let doing = format!("{doing} at {}", self.config.brokers);
        move |failure| failure.into_error(NAME, doing)
    }

    /// Learns up to where the topics are.
    fn connect(config: &Config, producer: Producer) -> Result<Connection, Failure> {
        let found = Reader::open(config)?.last(&config.progress_topic(), config.id().as_bytes())?;
        let read = |bytes: Vec<u8>| {
            serde_json::from_slice::<Progress>(&bytes).map_err(|e| {
                Failure::lasting(format!("the topic {} holds no progress: {e}", config.progress_topic()))
            })
        };
        let frontier = found.map(read).transpose()?.map(|progress| progress.frontier);
        Ok(Connection { producer, frontier })
    }

    fn connection(&mut self) -> Result<&mut Connection, SinkError> {
        if self.connection.is_none() {
            let connection =
                Producer::open(&self.config).and_then(|producer| Self::connect(&self.config, producer));
            let connection = connection.map_err(self.fault("take up the transactional id"))?;
            return Ok(self.connection.insert(connection));
        }
        self.connection.as_mut().ok_or_else(|| error("connect", "there is no connection"))
    }

    /// Refuses what does not fit before anything of it is sent.
    fn check(&self, flush: &Flush) -> Result<(), Fault> {
        for table in &flush.tables {
            let name = table.schema.name;
            if !self.records.contains_key(name) {
                return Err(format!("the record {name} was not prepared").into());
            }
            for (_, change) in &table.changes {
                check_change(table.schema, change).map_err(|e| format!("record {name}: {e}"))?;
            }
        }
        Ok(())
    }

    /// One transaction.
    fn send(&mut self, flush: &Flush) -> Result<(), Failure> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let producer = &connection.producer;
        // A broker may make a topic that is missing when it is written to, with other settings.
        let names = flush.tables.iter().map(|table| self.config.topic(table.schema.name));
        producer.check_topics(names.chain([self.config.progress_topic()]))?;
        producer.begin()?;
        for table in &flush.tables {
            let Some(messages) = self.records.get_mut(table.schema.name) else { continue };
            // The topic is borrowed beside the buffers of the messages.
            let topic = messages.topic.clone();
            for (as_of, change) in &table.changes {
                let message =
                    messages.message(*as_of, change).map_err(|e| Failure::lasting(e.to_string()))?;
                producer.send(&topic, message.key, message.value, message.headers)?;
            }
        }
        let progress = serde_json::to_vec(&Progress { frontier: flush.frontier })
            .map_err(|e| Failure::lasting(e.to_string()))?;
        let headers = OwnedHeaders::new().insert(Header { key: "schema", value: Some("_progress") });
        producer.send(
            &self.config.progress_topic(),
            self.config.id().as_bytes(),
            Some(&progress),
            headers,
        )?;
        producer.commit()?;
        connection.frontier = Some(flush.frontier);
        Ok(())
    }

    /// Describes the records in `_schemas`, those that are not yet described so.
    fn publish(&self, producer: &Producer, schemas: &[&'static Schema]) -> Result<(), SinkError> {
        let reader = Reader::open(&self.config).map_err(self.fault("read the topics"))?;
        let found = topics::published(&self.config, &reader).map_err(self.fault("read the schemas"))?;
        let mut news = Vec::new();
        for schema in schemas {
            let wanted = Published::new(schema, self.config.format);
            if let Some(found) = found.records.get(schema.name) {
                let topic = self.config.topic(schema.name);
                wanted.check(found).map_err(|e| error(format!("prepare the topic {topic}"), e))?;
                if *found == wanted {
                    continue;
                }
            }
            let json = serde_json::to_vec(&wanted).map_err(|e| error("describe a record", e))?;
            news.extend(wanted.fingerprint.map(|fingerprint| (fingerprint, json.clone())));
            news.push((schema.name.to_owned(), json));
        }
        if news.is_empty() {
            return Ok(());
        }
        let topic = self.config.schemas_topic();
        let sent = producer.begin().and_then(|()| {
            for (name, json) in &news {
                let headers = OwnedHeaders::new().insert(Header { key: "schema", value: Some("_schemas") });
                producer.send(&topic, name.as_bytes(), Some(json), headers)?;
            }
            producer.commit()
        });
        sent.map_err(self.fault("publish the schemas"))
    }
}

impl Sink for Kafka {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&mut self, schemas: &[&'static Schema]) -> Result<(), SinkError> {
        for schema in schemas {
            check_schema(schema).map_err(|e| error(format!("prepare the record {}", schema.name), e))?;
        }
        // First of all: it is told at once that the password is wrong, where requests would only time out.
        let producer = match self.connection.take() {
            Some(connection) => connection.producer,
            None => Producer::open(&self.config).map_err(self.fault("take up the transactional id"))?,
        };
        topics::create(&self.config, schemas).map_err(self.fault("create the topics"))?;
        self.publish(&producer, schemas)?;
        let connection = Self::connect(&self.config, producer).map_err(self.fault("read the progress"))?;
        self.connection = Some(connection);
        for schema in schemas {
            let messages = Messages::new(self.config.topic(schema.name), schema, self.config.format);
            self.records.insert(schema.name, messages);
        }
        Ok(())
    }

    fn committed(&mut self) -> Result<Option<Time>, SinkError> {
        Ok(self.connection()?.frontier)
    }

    fn write(&mut self, flush: &Flush) -> Result<(), SinkError> {
        let doing = format!("write the flush up to {}", flush.frontier);
        self.check(flush).map_err(|e| error(&*doing, e))?;
        if self.connection()?.frontier.is_some_and(|done| flush.frontier <= done) {
            return Ok(());
        }
        self.send(flush).map_err(|failure| {
            // Whatever became of the transaction, the next attempt learns it from the brokers.
            self.connection = None;
            self.fault(&doing)(failure)
        })
    }
}
