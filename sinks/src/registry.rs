//! The sinks that a configuration can name.

#[cfg(any(feature = "jsonl", feature = "sqlite"))]
use std::path::Path;

use serde::{Deserialize, Serialize};

#[cfg(feature = "clickhouse")]
use crate::clickhouse;
#[cfg(feature = "jsonl")]
use crate::jsonl;
#[cfg(feature = "kafka")]
use crate::kafka;
#[cfg(feature = "questdb")]
use crate::questdb;
use crate::snapshot::Contents;
#[cfg(any(feature = "jsonl", feature = "sqlite"))]
use crate::snapshot::Finished;
#[cfg(feature = "sqlite")]
use crate::sqlite;
use crate::{Sink, SinkError};

/// One sink of a configuration; `type` names which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SinkConfig {
    /// A folder of JSON Lines files, written at the end of a run.
    #[cfg(feature = "jsonl")]
    Jsonl(jsonl::Config),
    /// The embedded store: tables in a SQLite database.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::Config),
    /// Tables and views in ClickHouse.
    #[cfg(feature = "clickhouse")]
    #[serde(rename = "clickhouse")]
    ClickHouse(clickhouse::Config),
    /// Topics of Kafka.
    #[cfg(feature = "kafka")]
    Kafka(kafka::Config),
    /// Tables of QuestDB.
    #[cfg(feature = "questdb")]
    Questdb(questdb::Config),
}

/// One thing that is wrong with the settings of a sink.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The key within the sink's settings, such as `path`.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    fn new(key: &str, message: impl Into<String>) -> Self {
        Self { key: key.to_owned(), message: message.into() }
    }
}

impl SinkConfig {
    /// Every type of sink of this build, as `type` spells it, in order.
    pub const TYPES: &[&str] = &[
        #[cfg(feature = "clickhouse")]
        "clickhouse",
        #[cfg(feature = "jsonl")]
        "jsonl",
        #[cfg(feature = "kafka")]
        "kafka",
        #[cfg(feature = "questdb")]
        "questdb",
        #[cfg(feature = "sqlite")]
        "sqlite",
    ];

    /// Everything that is wrong with the settings, as far as it can be told without opening anything.
    #[must_use]
    pub fn validate(&self) -> Vec<Problem> {
        match self {
            #[cfg(feature = "jsonl")]
            Self::Jsonl(config) => check_dir(&config.dir),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => {
                let mut problems = check_file(&config.path);
                if config.busy_timeout_ms > 600_000 {
                    let message =
                        format!("{} is too long; at most 600000 (ten minutes)", config.busy_timeout_ms);
                    problems.push(Problem::new("busy_timeout_ms", message));
                }
                if !(1..=65_536).contains(&config.cache_mib) {
                    let message = format!("{} is out of range; from 1 to 65536", config.cache_mib);
                    problems.push(Problem::new("cache_mib", message));
                }
                problems
            }
            #[cfg(feature = "clickhouse")]
            Self::ClickHouse(config) => {
                config.problems().into_iter().map(|(key, message)| Problem::new(key, message)).collect()
            }
            #[cfg(feature = "kafka")]
            Self::Kafka(config) => told(config.problems()),
            #[cfg(feature = "questdb")]
            Self::Questdb(config) => told(config.problems()),
        }
    }

    /// The type, as a configuration spells it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            #[cfg(feature = "jsonl")]
            Self::Jsonl(_) => "jsonl",
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => "sqlite",
            #[cfg(feature = "clickhouse")]
            Self::ClickHouse(_) => "clickhouse",
            #[cfg(feature = "kafka")]
            Self::Kafka(_) => "kafka",
            #[cfg(feature = "questdb")]
            Self::Questdb(_) => "questdb",
        }
    }

    /// Where it writes to, for people: a path or an address.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            #[cfg(feature = "jsonl")]
            Self::Jsonl(config) => config.dir.display().to_string(),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => config.path.display().to_string(),
            #[cfg(feature = "clickhouse")]
            Self::ClickHouse(config) => format!("{} {}", config.url, config.database),
            #[cfg(feature = "kafka")]
            Self::Kafka(config) => format!("{} {}", config.brokers, config.prefix),
            #[cfg(feature = "questdb")]
            Self::Questdb(config) => config.url.clone(),
        }
    }

    /// Opens what the sink holds, to read it. A run that writes to it is not disturbed.
    ///
    /// # Errors
    /// When it cannot be reached or refuses.
    pub fn contents(&self) -> Result<Box<dyn Contents>, SinkError> {
        match self {
            #[cfg(feature = "jsonl")]
            Self::Jsonl(config) => Ok(Box::new(Finished::new("jsonl", config.dir.clone()))),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => Ok(Box::new(Finished::new("sqlite", config.path.clone()))),
            #[cfg(feature = "clickhouse")]
            Self::ClickHouse(config) => Ok(Box::new(clickhouse::Reader::new(config)?)),
            #[cfg(feature = "kafka")]
            Self::Kafka(config) => Ok(Box::new(kafka::Topics::open(config)?)),
            #[cfg(feature = "questdb")]
            Self::Questdb(config) => Ok(Box::new(questdb::Tables::open(config)?)),
        }
    }

    /// Opens the sink.
    ///
    /// # Errors
    /// When it cannot be reached or refuses.
    pub fn open(&self) -> Result<Box<dyn Sink>, SinkError> {
        match self {
            #[cfg(feature = "jsonl")]
            Self::Jsonl(config) => Ok(Box::new(jsonl::Jsonl::open(config)?)),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(config) => Ok(Box::new(sqlite::EmbeddedStore::open(config)?)),
            #[cfg(feature = "clickhouse")]
            Self::ClickHouse(config) => Ok(Box::new(clickhouse::ClickHouse::open(config)?)),
            #[cfg(feature = "kafka")]
            Self::Kafka(config) => Ok(Box::new(kafka::Kafka::open(config)?)),
            #[cfg(feature = "questdb")]
            Self::Questdb(config) => Ok(Box::new(questdb::QuestDb::open(config)?)),
        }
    }
}

#[cfg(any(feature = "kafka", feature = "questdb"))]
fn told(problems: Vec<(&'static str, String)>) -> Vec<Problem> {
    problems.into_iter().map(|(key, message)| Problem::new(key, message)).collect()
}

#[cfg(feature = "jsonl")]
fn check_dir(dir: &Path) -> Vec<Problem> {
    let message = if dir.as_os_str().is_empty() {
        "is empty; name a folder, such as \"out\"".to_owned()
    } else if dir.is_file() {
        format!("{} is a file; name a folder", dir.display())
    } else {
        return Vec::new();
    };
    vec![Problem::new("dir", message)]
}

#[cfg(feature = "sqlite")]
fn check_file(path: &Path) -> Vec<Problem> {
    let message = if path.as_os_str().is_empty() {
        "is empty; name a file, such as \"millrace.db\"".to_owned()
    } else if path.is_dir() {
        format!("{} is a folder; name a file", path.display())
    } else if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        format!("the folder of {} does not exist; create it first", path.display())
    } else {
        return Vec::new();
    };
    vec![Problem::new("path", message)]
}

#[cfg(all(test, feature = "jsonl", feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_by_type_and_unknown_keys_are_refused() {
        let read = |json: &str| serde_json::from_str::<SinkConfig>(json);
        assert_eq!(read(r#"{"type":"sqlite"}"#).unwrap(), SinkConfig::Sqlite(sqlite::Config::default()));
        assert_eq!(
            read(r#"{"type":"jsonl","dir":"out"}"#).unwrap(),
            SinkConfig::Jsonl(jsonl::Config { dir: "out".into() })
        );
        let unknown = read(r#"{"type":"sqlite","paht":"a.db"}"#).unwrap_err().to_string();
        assert!(unknown.contains("paht") && unknown.contains("busy_timeout_ms"), "{unknown}");
    }

    #[test]
    fn every_type_can_be_named() {
        for name in SinkConfig::TYPES {
            let read = serde_json::from_str::<SinkConfig>(&format!(r#"{{"type":"{name}","dir":"out"}}"#));
            // The key is of one type only; the others refuse it, which they can only if they are known.
            match read {
                Ok(config) => assert_eq!(config.type_name(), *name),
                Err(e) => assert!(e.to_string().contains("unknown field `dir`"), "{e}"),
            }
        }
    }

    #[test]
    fn all_problems_are_told_at_once_with_what_is_right() {
        let config = sqlite::Config { path: "".into(), busy_timeout_ms: 1_000_000, cache_mib: 0 };
        let keys: Vec<String> = SinkConfig::Sqlite(config).validate().into_iter().map(|p| p.key).collect();
        assert_eq!(keys, ["path", "busy_timeout_ms", "cache_mib"]);
        let problems = SinkConfig::Jsonl(jsonl::Config { dir: "".into() }).validate();
        assert_eq!(problems[0].message, "is empty; name a folder, such as \"out\"");
        assert!(SinkConfig::Sqlite(sqlite::Config::default()).validate().is_empty());
    }
}
