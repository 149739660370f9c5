//! The list `sinks`, read item by item.
//!
//! serde reads an enum tagged by `type` from a buffer and loses the path of what is wrong in it. So
//! the tag is looked at here and the settings are read as what it says they are.

use sinks::SinkConfig;
use toml::Value;

use crate::layers::Layers;
use crate::path::KeyPath;
use crate::wording;

/// Reads the sinks that are right, each with its index; what is wrong becomes a problem of `layers`.
pub(crate) fn read(layers: &mut Layers) -> Vec<(usize, SinkConfig)> {
    let at = KeyPath::default().key("sinks");
    let items = match layers.get(&at) {
        Some(Value::Array(items)) => items.len(),
        other => {
            let found = other.map_or_else(|| "nothing".to_owned(), wording::describe);
            layers.wrong(&at, format!("expected a list of tables ([[sinks]]), found {found}"));
            return Vec::new();
        }
    };
    (0..items).filter_map(|index| Some((index, read_one(layers, &at.clone().index(index))?))).collect()
}

fn read_one(layers: &mut Layers, at: &KeyPath) -> Option<SinkConfig> {
    if !layers.get(at).is_some_and(Value::is_table) {
        layers.wrong(at, "expected a table".to_owned());
        return None;
    }
    let tag = at.clone().key("type");
    let kind = match layers.get(&tag) {
        Some(Value::String(kind)) => kind.clone(),
        Some(other) => {
            let found = wording::describe(other);
            layers
                .wrong(&tag, format!("expected {}, found {found}", wording::one_of(SinkConfig::TYPES, '"')));
            return None;
        }
        None => {
            layers.wrong(at, format!("`type` is missing: {}", wording::one_of(SinkConfig::TYPES, '"')));
            return None;
        }
    };
    layers.take(&tag);
    match kind.as_str() {
        "clickhouse" => layers.read(at).map(SinkConfig::ClickHouse),
        "jsonl" => layers.read(at).map(SinkConfig::Jsonl),
        "sqlite" => layers.read(at).map(SinkConfig::Sqlite),
        #[cfg(feature = "kafka")]
        "kafka" => layers.read(at).map(SinkConfig::Kafka),
        "questdb" => layers.read(at).map(SinkConfig::Questdb),
        other => {
            layers.wrong(&tag, wording::unknown_choice(other, SinkConfig::TYPES));
            None
        }
    }
}
