//! The servers that `scripts/services up` has started, for tests.
//!
//! Where one is not there its tests say so and pass, unless `MILLRACE_SERVICES_REQUIRED=1`.

#![expect(dead_code, reason = "every test uses a part of it")]
#![expect(clippy::print_stderr, reason = "a test says why it does nothing")]

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the file `env` of the services says; empty if they were never started.
fn addresses() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder =
        std::env::var_os("MILLRACE_SERVICES_DIR").map_or_else(|| root.join("target/services"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("env")).unwrap_or_default();
    let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    text.lines().filter_map(pair).collect()
}

/// The value of a variable of the services, if the server that it is of is up.
fn of_server(name: &str, address: &str, value: &str) -> Option<String> {
    let all = addresses();
    let is_up = all.get(address).is_some_and(|address| {
        let host = address.trim_start_matches("http://");
        TcpStream::connect(host).is_ok()
    });
    if is_up {
        return all.get(value).cloned();
    }
    let required = std::env::var("MILLRACE_SERVICES_REQUIRED").is_ok_and(|value| value == "1");
    assert!(!required, "{name} is not up; start it with scripts/services up");
    eprintln!("skipped for {name}: it is not up; start it with scripts/services up");
    None
}

/// Ends a server as a crash would, or starts it.
pub(crate) fn services(action: &str, name: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/services");
    let status =
        Command::new(script).args([action, name]).stdout(std::process::Stdio::null()).status().unwrap();
    assert!(status.success(), "scripts/services {action} {name}");
}

/// A name that no other test has.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    format!("t{now}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A file with the password of a server's user. It stays in the system's folder of temporary files.
fn password_file(password: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("millrace-test-password-{}", std::process::id()));
    std::fs::write(&path, password).unwrap();
    path
}

/// Settings of Kafka with topics of their own; none if it is not up.
#[cfg(feature = "kafka")]
pub(crate) fn kafka() -> Option<sinks::kafka::Config> {
    let brokers = of_server("kafka", "MILLRACE_KAFKA_BROKERS", "MILLRACE_KAFKA_BROKERS")?;
    let prefix = unique();
    Some(sinks::kafka::Config { brokers, prefix, partitions: 2, ..sinks::kafka::Config::default() })
}

/// The same for the listener that asks for a password.
#[cfg(feature = "kafka")]
pub(crate) fn kafka_with_password(password: Option<&str>) -> Option<sinks::kafka::Config> {
    let of = |value| of_server("kafka", "MILLRACE_KAFKA_SASL_BROKERS", value);
    let right = of("MILLRACE_KAFKA_PASSWORD")?;
    Some(sinks::kafka::Config {
        brokers: of("MILLRACE_KAFKA_SASL_BROKERS")?,
        user: of("MILLRACE_KAFKA_USER")?,
        password_file: password_file(password.unwrap_or(&right)),
        ..kafka()?
    })
}

/// Settings of QuestDB with tables of their own; none if it is not up.
#[cfg(feature = "questdb")]
pub(crate) fn questdb() -> Option<sinks::questdb::Config> {
    let of = |value| of_server("questdb", "MILLRACE_QUESTDB_URL", value);
    Some(sinks::questdb::Config {
        url: of("MILLRACE_QUESTDB_URL")?,
        user: of("MILLRACE_QUESTDB_USER")?,
        password_file: password_file(&of("MILLRACE_QUESTDB_PASSWORD")?),
        prefix: format!("{}_", unique()),
        ..sinks::questdb::Config::default()
    })
}

/// Removes what a test has left on a server.
pub(crate) fn clean(config: &sinks::SinkConfig) {
    match config {
        #[cfg(feature = "kafka")]
        sinks::SinkConfig::Kafka(config) => delete_topics(config),
        #[cfg(feature = "questdb")]
        sinks::SinkConfig::Questdb(config) => drop_tables(config),
        _ => {}
    }
}

#[cfg(feature = "kafka")]
fn delete_topics(config: &sinks::kafka::Config) {
    use rdkafka::admin::{AdminClient, AdminOptions};
    use rdkafka::client::DefaultClientContext;
    let mut client = rdkafka::ClientConfig::new();
    client.set("bootstrap.servers", &config.brokers);
    let Ok(admin) = client.create::<AdminClient<DefaultClientContext>>() else { return };
    let metadata = admin.inner().fetch_metadata(None, std::time::Duration::from_secs(10));
    let Ok(metadata) = metadata else { return };
    let names = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
    let own: Vec<&str> = names.filter(|name| name.starts_with(&config.prefix)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(admin.delete_topics(&own, &AdminOptions::new())).ok();
}

/// Runs a statement.
#[cfg(feature = "questdb")]
pub(crate) fn sql(config: &sinks::questdb::Config, sql: &str) -> serde_json::Value {
    use base64::Engine as _;
    let password = std::fs::read_to_string(&config.password_file).unwrap();
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{}:{password}", config.user));
    let request = ureq::get(format!("{}/exec", config.url)).query("query", sql);
    let request =
        request.header("Authorization", format!("Basic {both}")).config().http_status_as_error(false);
    let text = request.build().call().unwrap().into_body().read_to_string().unwrap();
    serde_json::from_str(&text).unwrap()
}

#[cfg(feature = "questdb")]
fn drop_tables(config: &sinks::questdb::Config) {
    let found = sql(config, "SELECT table_name, table_type FROM tables()");
    for row in found["dataset"].as_array().unwrap() {
        let (name, kind) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
        if name.starts_with(&config.prefix) {
            let what = if kind == "V" { "VIEW" } else { "TABLE" };
            sql(config, &format!("DROP {what} \"{name}\""));
        }
    }
}
