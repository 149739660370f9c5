//! The commented example: every key, each with its default.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use config::{Config, Layers, Loaded};
use serde_json::Value;

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/millrace.toml")
}

fn load(text: &str) -> Result<Loaded, config::Problems> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.toml");
    std::fs::write(&path, text).unwrap();
    Layers::default().file(&path).load()
}

#[test]
fn the_example_is_the_default() {
    let loaded = Layers::default().file(&example()).load().unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(Layers::default().load().unwrap().config, Config::default());
}

/// The paths of all keys, those without a default too: JSON has a null where TOML has nothing.
fn keys(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                keys(value, &format!("{path}.{key}"), found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                keys(item, path, found);
            }
        }
        _ => found.push(path.trim_start_matches('.').to_owned()),
    }
}

#[test]
fn every_key_stands_in_the_example_with_a_comment() {
    let text = std::fs::read_to_string(example()).unwrap();
    let mut section = String::new();
    let mut documented = Vec::new();
    let mut before = "";
    for line in text.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if let Some(header) = bare.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).to_owned();
        } else if let Some((key, _)) = bare.split_once(" = ")
            && !key.contains(' ')
        {
            // Only the name of a sink may do without: its section says what it is.
            assert!(before.starts_with('#') || key == "type", "`{key}` of [{section}] has no comment");
            documented.push(format!("{section}.{key}"));
        }
        before = line;
    }
    let mut all = Vec::new();
    keys(&serde_json::to_value(Config::default()).unwrap(), "", &mut all);
    assert!(all.len() > 30, "{all:?}");
    let mut servers = vec!["run.cadence_s".to_owned(), "sinks.ttl_days".to_owned()];
    for config in [
        serde_json::to_value(sinks::clickhouse::Config::default()),
        serde_json::to_value(sinks::kafka::Config::default()),
        serde_json::to_value(sinks::questdb::Config::default()),
    ] {
        keys(&config.unwrap(), ".sinks", &mut servers);
    }
    servers.retain(|key| !key.starts_with("sinks.ttl_days."));
    for key in all.iter().chain(&servers) {
        assert!(documented.contains(key), "{key} is not in the example");
    }
    documented.retain(|key| !all.contains(key));
    let others: Vec<String> = documented.into_iter().filter(|key| !servers.contains(key)).collect();
    assert_eq!(others, ["sinks.dir"], "keys that are not there");
}

#[test]
fn commented_keys_of_the_example_are_right_when_they_are_not_comments() {
    let text = std::fs::read_to_string(example()).unwrap();
    let is_setting = |bare: &str| {
        bare.starts_with('[') || bare.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|bare| is_setting(bare)).unwrap_or(line))
        .collect();
    let loaded = load(&uncommented.join("\n")).unwrap();
    assert_eq!(loaded.config.source.simulate.seconds, Some(3_600));
    assert_eq!(loaded.config.sinks.len(), 5);
}

#[test]
fn the_printed_configuration_loads_as_the_same() {
    let loaded = load("[run]\nworkers = 3\n[[sinks]]\ntype = 'jsonl'\ndir = 'out'\n").unwrap();
    let printed = loaded.to_toml();
    assert_eq!(load(&printed).unwrap().config, loaded.config);
    assert!(printed.contains("m.toml:2\n"), "{printed}");
}

#[test]
fn problems_of_all_sections_and_sinks_are_reported_at_once() {
    let text = "\
[source.simulate]
failed_ratio = 2.0
[dataflow.market.candles]
intervals = ['1m', '1x']
[dataflow.market.prices]
factor = 0.5
[run]
workers = 0
[[sinks]]
type = 'sqlite'
paht = 'a.db'
cache_mib = 0
[[sinks]]
dir = 'out'
[[sinks]]
type = 'csv'
[[sinks]]
type = 'jsonl'
";
    let problems = load(text).unwrap_err().to_string();
    let found: Vec<_> = problems.lines().map(|line| line.rsplit_once("m.toml:").unwrap().1).collect();
    for expected in [
        "2: source.simulate.failed_ratio: must be from 0 to 1, is 2",
        "4: dataflow.market.candles.intervals[1]: `1x` is not an interval such as 15s, 1m, 4h or 1d",
        "6: dataflow.market.prices.factor: must be at least 1",
        "8: run.workers: must be at least 1, is 0",
        "11: sinks[0].paht: no such key; did you mean `path`?",
        "12: sinks[0].cache_mib: 0 is out of range; from 1 to 65536",
        "13: sinks[1]: `type` is missing: \"clickhouse\", \"jsonl\", \"kafka\", \"questdb\" or \"sqlite\"",
        "16: sinks[2].type: expected \"clickhouse\", \"jsonl\", \"kafka\", \"questdb\" or \"sqlite\", found \"csv\"",
        "17: sinks[3]: `dir` is missing",
    ] {
        assert!(found.contains(&expected), "{expected:?} is not in\n{problems}");
    }
    assert_eq!(found.len(), 9, "{problems}");
}

#[test]
fn what_cannot_work_is_found_before_it_is_tried() {
    let problems = |text: &str| load(text).unwrap_err().to_string();
    for (text, wanted) in [
        (
            "[[sinks]]\ntype = 'jsonl'\ndir = 'out'\n[[sinks]]\ntype = 'jsonl'\ndir = './out'\n",
            "sinks[1]: writes to ./out, where sinks[0] does",
        ),
        ("[source]\ntype = 'trades'\n", "source.trades.paths: is empty"),
        (
            "[dataflow.market.smart]\nretain_s = 60\n",
            "dataflow.market.smart.retain_s: is 60, must be at least correction_horizon_s",
        ),
        ("[run]\nworkers = 1000\n", "run.workers: must be at most "),
        ("[dataflow]\nclock_jump_s = 1\n", "dataflow.clock_jump_s: is 1, must be 60 to 86400"),
    ] {
        let found = problems(text);
        assert!(found.contains(wanted), "{found}");
    }
}
