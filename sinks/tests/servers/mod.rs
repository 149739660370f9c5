//! Settings of sinks at the servers that are up, each with a place of its own; and what a test does to that place
//! behind the sink's back.

#![expect(dead_code, reason = "every test uses a part of it")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sinks::{SinkConfig, clickhouse, kafka, questdb};

use crate::services;

/// A name that no other test has.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    format!("t{now}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A file with the password of a server's user. It stays in the system's folder of temporary files, and is put
/// there whole: another test may be reading it.
fn password_file(password: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("millrace-test-password-{password}"));
    let new = path.with_extension(unique());
    std::fs::write(&new, format!("{password}\n")).unwrap();
    std::fs::rename(&new, &path).unwrap();
    path
}

/// A database of its own.
pub(crate) fn in_clickhouse() -> Option<SinkConfig> {
    let found = services::find("CLICKHOUSE")?;
    Some(SinkConfig::ClickHouse(clickhouse::Config {
        url: found["URL"].clone(),
        database: unique(),
        user: found["USER"].clone(),
        password_file: password_file(&found["PASSWORD"]),
        // The rows are of the year 1970.
        ttl_days: [].into(),
        ..clickhouse::Config::default()
    }))
}

/// Topics of its own.
pub(crate) fn in_kafka(format: kafka::Format) -> Option<SinkConfig> {
    let brokers = services::find("KAFKA")?["BROKERS"].clone();
    let prefix = unique();
    Some(SinkConfig::Kafka(kafka::Config {
        brokers,
        prefix,
        partitions: 2,
        format,
        ..kafka::Config::default()
    }))
}

/// Tables of its own.
pub(crate) fn in_questdb() -> Option<SinkConfig> {
    let found = services::find("QUESTDB")?;
    Some(SinkConfig::Questdb(questdb::Config {
        url: found["URL"].clone(),
        user: found["USER"].clone(),
        password_file: password_file(&found["PASSWORD"]),
        prefix: format!("{}_", unique()),
        ..questdb::Config::default()
    }))
}

/// A place at each server that is up.
pub(crate) fn all() -> Vec<SinkConfig> {
    let all = [in_clickhouse(), in_kafka(kafka::Format::Json), in_kafka(kafka::Format::Avro), in_questdb()];
    all.into_iter().flatten().collect()
}

/// The same place with another password, or with the right one where a password is asked for.
pub(crate) fn with_password(config: &SinkConfig, password: Option<&str>) -> SinkConfig {
    let mut config = config.clone();
    match &mut config {
        SinkConfig::ClickHouse(config) => config.password_file = file_of("CLICKHOUSE", password),
        SinkConfig::Questdb(config) => config.password_file = file_of("QUESTDB", password),
        SinkConfig::Kafka(config) => {
            let found = services::find("KAFKA").unwrap();
            config.brokers.clone_from(&found["SASL_BROKERS"]);
            config.user.clone_from(&found["USER"]);
            config.password_file = file_of("KAFKA", password);
        }
        _ => {}
    }
    config
}

fn file_of(name: &str, password: Option<&str>) -> PathBuf {
    let found = services::find(name).unwrap();
    password_file(password.unwrap_or(&found["PASSWORD"]))
}

/// The same place with as little room on the way to the server as can be set.
pub(crate) fn with_little_room(config: &SinkConfig) -> SinkConfig {
    let mut config = config.clone();
    match &mut config {
        SinkConfig::ClickHouse(config) => config.batch_rows = 700,
        SinkConfig::Kafka(config) => config.queue_mib = 1,
        SinkConfig::Questdb(config) => config.rows_per_request = 700,
        _ => {}
    }
    config
}

/// The same place, with this many milliseconds for a request.
pub(crate) fn with_timeout(config: &SinkConfig, timeout_ms: u32) -> SinkConfig {
    let mut config = config.clone();
    match &mut config {
        SinkConfig::ClickHouse(config) => config.timeout_ms = timeout_ms.into(),
        SinkConfig::Kafka(config) => config.timeout_ms = timeout_ms,
        SinkConfig::Questdb(config) => config.timeout_ms = timeout_ms,
        _ => {}
    }
    config
}

/// Removes what a record is stored in.
pub(crate) fn remove(config: &SinkConfig, record: &str) {
    match config {
        SinkConfig::ClickHouse(config) => in_database(config, &format!("DROP TABLE {record}_versions SYNC")),
        SinkConfig::Kafka(config) => {
            delete_topics(&|name| name == format!("{}.{record}", config.prefix));
        }
        SinkConfig::Questdb(config) => {
            drop_table(config, "TABLE", &format!("{}{record}_versions", config.prefix));
        }
        _ => {}
    }
}

/// Removes what a test has left on a server.
pub(crate) fn clean(config: &SinkConfig) {
    match config {
        SinkConfig::ClickHouse(config) => {
            in_database(config, &format!("DROP DATABASE IF EXISTS {} SYNC", config.database));
        }
        SinkConfig::Kafka(config) => delete_topics(&|name| name.starts_with(&config.prefix)),
        SinkConfig::Questdb(config) => {
            let found = sql(config, "SELECT table_name, table_type FROM tables()");
            for row in found["dataset"].as_array().unwrap() {
                let (name, kind) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
                if name.starts_with(&config.prefix) {
                    drop_table(config, if kind == "V" { "VIEW" } else { "TABLE" }, name);
                }
            }
        }
        _ => {}
    }
}

fn in_database(config: &clickhouse::Config, sql: &str) {
    clickhouse::Server::new(config).unwrap().fetch(sql).ok();
}

fn delete_topics(is_meant: &dyn Fn(&str) -> bool) {
    use rdkafka::admin::{AdminClient, AdminOptions};
    use rdkafka::client::DefaultClientContext;
    let mut client = rdkafka::ClientConfig::new();
    client.set("bootstrap.servers", &services::find("KAFKA").unwrap()["BROKERS"]);
    let admin: AdminClient<DefaultClientContext> = client.create().unwrap();
    let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(10)).unwrap();
    let names = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
    let meant: Vec<&str> = names.filter(|name| is_meant(name)).collect();
    if meant.is_empty() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(admin.delete_topics(&meant, &AdminOptions::new())).unwrap();
}

fn drop_table(config: &questdb::Config, what: &str, name: &str) {
    sql(config, &format!("DROP {what} \"{name}\""));
}

/// Runs a statement of QuestDB.
fn sql(config: &questdb::Config, sql: &str) -> serde_json::Value {
    use base64::Engine as _;
    let password = &services::find("QUESTDB").unwrap()["PASSWORD"];
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{}:{password}", config.user));
    let request = ureq::get(format!("{}/exec", config.url)).query("query", sql);
    let request =
        request.header("Authorization", format!("Basic {both}")).config().http_status_as_error(false);
    let text = request.build().call().unwrap().into_body().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap()
}
