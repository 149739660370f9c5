//! What a checkpoint is of: the settings of the dataflows, and how each operator writes its states down.
//!
//! States hold indices into lists of settings, sums over widths, and bytes without field names. Read under other
//! settings or by another layout they would give wrong numbers without an error, so a checkpoint says what it is
//! of, and a run that is of something else does not take it up.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use dataflows::{Graph, Params};
use model::DEF_VERSION;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// See the module: by the path of a setting or the name of an operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint(BTreeMap<String, String>);

impl Fingerprint {
    /// That of a run with these settings.
    pub(super) fn of(params: &Params) -> anyhow::Result<Self> {
        let mut all = BTreeMap::from([("def_version".to_owned(), DEF_VERSION.to_string())]);
        let settings = serde_json::to_value(params).context("cannot spell the settings of the dataflows")?;
        flatten("dataflow", &settings, &mut all);
        let layouts = Graph::layouts(params).into_iter();
        all.extend(layouts.map(|(operator, layout)| (format!("the layout of `{operator}`"), layout)));
        Ok(Self(all))
    }

    /// What is not the same: `key: before → present`, several of them.
    pub(super) fn differences(&self, present: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = self.0.keys().chain(present.0.keys()).collect();
        let differing = keys.into_iter().filter(|key| self.0.get(*key) != present.0.get(*key));
        let value = |side: &Self, key: &str| side.0.get(key).map_or("none", String::as_str).to_owned();
        let told = differing.map(|key| {
            if key.starts_with("the layout") {
                format!("{key} is another one")
            } else {
                format!("{key}: {} → {}", value(self, key), value(present, key))
            }
        });
        told.collect()
    }
}

/// Each value by its path; a list is one value.
fn flatten(path: &str, value: &Value, all: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(&format!("{path}.{key}"), value, all));
        }
        other => drop(all.insert(path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_setting_is_named_with_both_values() {
        let before = Fingerprint::of(&Params::default()).unwrap();
        let params = Params { correction_horizon_s: 99, ..Params::default() };
        let differences = before.differences(&Fingerprint::of(&params).unwrap());
        assert_eq!(differences, ["dataflow.correction_horizon_s: 7200 → 99"]);
        assert!(before.differences(&before).is_empty());
        assert!(before.0.keys().any(|key| key.contains("`candles`")), "{before:?}");
    }
}
