//! Where the servers are that `scripts/services up` started.

#![expect(clippy::print_stderr, reason = "a test says why it does nothing")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The variables of `name` (`CLICKHOUSE`, `KAFKA`, `QUESTDB`) without their prefix: `URL`, `USER`, …; none if the
/// server was not started. With `MILLRACE_SERVICES_REQUIRED` a server that is not there is a failure.
pub(crate) fn find(name: &str) -> Option<BTreeMap<String, String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/services");
    let home =
        std::env::var_os("MILLRACE_SERVICES_DIR").filter(|dir| !dir.is_empty()).map_or(root, PathBuf::from);
    let text = std::fs::read_to_string(home.join("env")).unwrap_or_default();
    let prefix = format!("MILLRACE_{name}_");
    let found: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix)?.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    if !found.is_empty() {
        return Some(found);
    }
    let said = format!("{name} is not running: `scripts/services up` starts it");
    assert!(std::env::var_os("MILLRACE_SERVICES_REQUIRED").is_none(), "{said}");
    eprintln!("passed over: {said}");
    None
}
