//! Where the servers are that `scripts/services up` started.

#![expect(clippy::print_stderr, reason = "a test says why it does nothing")]

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where they keep what is theirs.
pub(crate) fn home() -> PathBuf {
    let set = std::env::var_os("MILLRACE_SERVICES_DIR").filter(|dir| !dir.is_empty());
    set.map_or_else(|| root().join("target/services"), PathBuf::from)
}

/// The variables of `name` (`CLICKHOUSE`, `KAFKA`, `QUESTDB`) without their prefix: `URL`, `USER`, …; none if the
/// server is not up. With `MILLRACE_SERVICES_REQUIRED=1` a server that is not up is a failure.
pub(crate) fn find(name: &str) -> Option<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(home().join("env")).unwrap_or_default();
    let prefix = format!("MILLRACE_{name}_");
    let found: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix)?.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let address = found.get("URL").or(found.get("BROKERS"));
    if address.is_some_and(|address| TcpStream::connect(address.trim_start_matches("http://")).is_ok()) {
        return Some(found);
    }
    let said = format!("{name} is not running: `scripts/services up` starts it");
    assert!(!std::env::var("MILLRACE_SERVICES_REQUIRED").is_ok_and(|value| value == "1"), "{said}");
    eprintln!("passed over: {said}");
    None
}
