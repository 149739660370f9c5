//! Sink `kafka`: one topic a record, one transaction a flush.
//!
//! **Topics** are named `<prefix>.<record>` and are created with the settings of [`Config`] where they are
//! not there. Every message is keyed by the record's key, as a JSON array of its columns. A topic keeps
//! the last row of every key (`cleanup.policy=compact`); those of single events (the ones with a column
//! `commitment`) would grow for ever and also forget what is older than `retention_s`
//! (`compact,delete`). A key that is gone is a message without a value.
//!
//! **Messages** have the headers `schema` (the record), `version` (of the formulas), `as_of` (logical
//! time of the change, Unix microseconds), and `commitment` where the row has one. The value is one JSON
//! object, as in a JSON Lines file, or Avro in its single-object encoding: two marker bytes, the
//! fingerprint of the schema, the binary row. The topic `<prefix>._schemas` holds a description of every
//! record, keyed by its name, with the Avro schema and its fingerprint.
//!
//! **Once.** A flush and the frontier that it reaches are one transaction; the frontier goes to the topic
//! `<prefix>._progress`, keyed by the transactional id. So consumers that read with
//! `isolation.level=read_committed` see each change once, whatever failed between. After a failure, or
//! when it is opened, the sink takes up its transactional id again: that ends a transaction that was
//! left open, and shuts out whoever used the id before (a run that is thought dead and is not). Then it
//! reads from `_progress` whether the flush that it was writing is there.
//!
//! librdkafka's `flush` answers well even if messages could not be delivered, so deliveries are counted
//! where they are reported, and a transaction with a lost message is not committed.
//!
//! What it does not do: TLS, and SASL mechanisms other than `PLAIN`; both need OpenSSL in the build.

mod avro;
mod consume;
mod contents;
mod message;
mod producer;
mod sink;
mod topics;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use contents::Topics;
pub use sink::Kafka;

use crate::SinkError;

const NAME: &str = "kafka";

/// Why a step failed; the sink says what it was doing.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object.
    #[default]
    Json,
    /// Avro, single-object encoding.
    Avro,
}

/// How messages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// Little work.
    #[default]
    Lz4,
    /// More work, smaller.
    Zstd,
}

/// Settings of the sink `kafka`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Brokers to begin with, `host:port` with commas between.
    pub brokers: String,
    /// What topics begin with: `<prefix>.<record>`.
    pub prefix: String,
    /// Name under which only one run may write at a time; empty for the prefix.
    pub transactional_id: String,
    /// How rows are written.
    pub format: Format,
    /// How messages are compressed.
    pub compression: Compression,
    /// Partitions of topics that are created.
    pub partitions: u16,
    /// Copies of each partition of topics that are created.
    pub replication: u16,
    /// How long topics of single events that are created keep them, seconds.
    pub retention_s: u64,
    /// Memory for messages that wait for the broker, MiB.
    pub queue_mib: u32,
    /// How long a step may take before it counts as failed, milliseconds.
    pub timeout_ms: u32,
    /// As whom to log in, with SASL/PLAIN; empty for nobody.
    pub user: String,
    /// The environment variable that holds the password; empty for none.
    pub password_env: String,
    /// The file that holds the password; empty for none.
    pub password_file: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".to_owned(),
            prefix: "millrace".to_owned(),
            transactional_id: String::new(),
            format: Format::Json,
            compression: Compression::Lz4,
            partitions: 6,
            replication: 1,
            retention_s: 7 * 86_400,
            queue_mib: 64,
            timeout_ms: 30_000,
            user: String::new(),
            password_env: String::new(),
            password_file: PathBuf::new(),
        }
    }
}

impl Config {
    /// What is out of range: the key, and what would be right.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.brokers.split(',').any(|broker| !broker.trim().contains(':')) {
            problems.push(("brokers", "name brokers as host:port, with commas between".to_owned()));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.prefix.is_empty() || self.prefix.len() > 200 || !self.prefix.chars().all(is_plain) {
            let message = "must be 1 to 200 letters, digits, dots, underscores and hyphens";
            problems.push(("prefix", message.to_owned()));
        }
        let mut range = |key, value: u64, least: u64, most: u64| {
            if !(least..=most).contains(&value) {
                problems.push((key, format!("{value} is out of range; from {least} to {most}")));
            }
        };
        range("partitions", self.partitions.into(), 1, 10_000);
        range("replication", self.replication.into(), 1, 100);
        range("retention_s", self.retention_s, 60, 100 * 366 * 86_400);
        range("queue_mib", self.queue_mib.into(), 1, 2_000);
        // librdkafka's own bound of `socket.timeout.ms`.
        range("timeout_ms", self.timeout_ms.into(), 1_000, 300_000);
        let has_password = !self.password_env.is_empty() || !self.password_file.as_os_str().is_empty();
        if self.user.is_empty() == has_password {
            let message = "goes with `password_env` or `password_file`, and these with a user";
            problems.push(("user", message.to_owned()));
        }
        problems
    }

    /// The transactional id, which is the sink's name in `_progress` too.
    fn id(&self) -> &str {
        if self.transactional_id.is_empty() { &self.prefix } else { &self.transactional_id }
    }

    fn topic(&self, record: &str) -> String {
        format!("{}.{record}", self.prefix)
    }

    /// Where the sink keeps what it has written up to.
    fn progress_topic(&self) -> String {
        self.topic("_progress")
    }

    /// Where descriptions of the records are.
    fn schemas_topic(&self) -> String {
        self.topic("_schemas")
    }
}

fn error(doing: impl Into<String>, source: impl Into<Fault>) -> SinkError {
    SinkError::new(NAME, doing, source)
}
