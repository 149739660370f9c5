//! Starts and ends the servers, as `scripts/services` does.

use std::process::{Command, Stdio};

use crate::services::root;

/// `up` starts a server, `down` stops it, `kill` ends it as a crash would.
pub(crate) fn services(action: &str, name: &str) {
    let mut script = Command::new(root().join("scripts/services"));
    let status = script.args([action, name]).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "scripts/services {action} {name}");
}
