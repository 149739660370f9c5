//! The shape of the house, held by its absences: what a room must not depend on.
//!
//! Whoever changes an operator must not have to build a network client or a database for it.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::process::Command;

/// What makes a build heavy.
const HEAVY: [&str; 8] =
    ["tokio", "tonic", "hyper", "rdkafka", "rusqlite", "reqwest", "clickhouse", "questdb-rs"];

/// The crates that `package` pulls in when it is built, itself included.
fn dependencies(package: &str, options: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--quiet", "--locked", "--edges", "normal,build", "--prefix", "none"])
        .args(["--format", "{p}", "--package", package])
        .args(options)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).expect("cargo writes UTF-8");
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn assert_absent(package: &str, absent: &[&str]) {
    assert_absent_with(package, &[], absent);
}

/// The same of a build with these options.
fn assert_absent_with(package: &str, options: &[&str], absent: &[&str]) {
    let found = dependencies(package, options);
    assert!(found.contains(package), "{package} is not in its own tree: the test reads it wrongly");
    for name in absent {
        assert!(!found.contains(*name), "{package} must not depend on {name}");
    }
}

#[test]
fn the_light_rooms_pull_nothing_heavy() {
    for package in ["model", "operators", "dataflows", "testkit"] {
        assert_absent(package, &HEAVY);
        assert_absent(package, &["clap", "serde_json", "tracing"]);
    }
}

#[test]
fn arrows_point_one_way() {
    let rooms = ["operators", "dataflows", "sources", "sinks", "config", "api", "pipeline", "testkit"];
    assert_absent("model", &rooms);
    assert_absent("model", &["timely", "differential-dataflow"]);
    assert_absent("operators", &["dataflows", "sources", "sinks", "config", "pipeline", "testkit"]);
    assert_absent("dataflows", &["sources", "sinks", "config", "pipeline", "testkit"]);
    for room in ["sources", "sinks"] {
        assert_absent(room, &["operators", "dataflows", "timely", "differential-dataflow", "config"]);
    }
    assert_absent("sources", &["sinks", "api"]);
    assert_absent("sinks", &["sources", "api"]);
    // What is served is read by schema: the API knows no operator and no engine, also with its server.
    assert_absent("api", &["operators", "dataflows", "sources", "config", "pipeline", "testkit"]);
    assert_absent_with(
        "api",
        &["--features", "server"],
        &["operators", "dataflows", "sources", "config", "timely"],
    );
    // What is unsafe, and whose memory it is, is for binaries alone to choose.
    for room in ["model", "operators", "dataflows", "sources", "sinks", "config", "api", "testkit"] {
        assert_absent(room, &["allocator", "mimalloc"]);
    }
}

#[test]
fn nothing_needs_more_than_a_rust_toolchain_and_a_c_compiler() {
    assert_absent(
        "pipeline",
        &["openssl-sys", "cmake", "prost-build", "protobuf-src", "bindgen", "aws-lc-sys"],
    );
}
