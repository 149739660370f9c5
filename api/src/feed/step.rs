//! A flush as clients see it: rows spelled once, with what of them decides who gets them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::SystemTime;

use model::{Change, DEF_VERSION, Row, Schema, Time, Value};
use sinks::{Flush, encode};

use crate::answer::Shape;
use crate::rest::brief;

/// The changes of a flush.
pub(crate) struct Step {
    /// Where the step before ended.
    pub(crate) after: Time,
    /// The first time that is not in it.
    pub(crate) frontier: Time,
    /// When it was handed over, milliseconds since 1970.
    pub(crate) received_ms: u64,
    tables: BTreeMap<&'static str, Vec<Changed>>,
    /// About what it takes in memory.
    pub(crate) bytes: usize,
}

/// A key that changed.
pub(crate) struct Changed {
    /// The key as a JSON array.
    pub(crate) key: Box<[u8]>,
    /// The row as a JSON object; none if the key is gone.
    pub(crate) row: Option<Box<[u8]>>,
    /// Of a token, what of it goes with what is about it.
    pub(crate) brief: Option<Box<[u8]>>,
    /// The columns by which it is routed: those of [`routed`], in that order; of a key that is gone, null where the
    /// key does not say.
    facts: Vec<Value>,
    schema: &'static Schema,
}

impl Changed {
    /// A column by which it is routed.
    pub(crate) fn fact(&self, column: &str) -> &Value {
        static NULL: Value = Value::Null;
        let at = routed(self.schema.name).iter().position(|name| *name == column);
        at.and_then(|at| self.facts.get(at)).unwrap_or(&NULL)
    }
}

impl Step {
    /// The changes of a record.
    pub(crate) fn changes(&self, record: &str) -> &[Changed] {
        self.tables.get(record).map_or(&[], Vec::as_slice)
    }
}

/// The columns by which rows of a record find their subscribers.
fn routed(record: &str) -> &'static [&'static str] {
    match record {
        "trades" => {
            &["mint", "trader", "side", "value_usd", "program", "labels", "slot", "commitment", "event_id"]
        }
        "candles" => &["mint", "source", "interval", "in_primary", "in_all", "series", "id"],
        "token_stats" | "tokens" | "pools" | "concentration" | "holders" | "indicators" => &["mint"],
        "leaders" => &["board", "mint"],
        "lifecycle" => &["mint", "kind", "slot", "commitment"],
        "smart_matches" => &["list", "mint", "trader", "commitment", "event_id"],
        "smart_clusters" => &["list", "mint", "commitment"],
        "wallet_positions" | "wallet_stats" => &["trader"],
        "alerts" => &["rule_id", "mint", "commitment", "slot"],
        "progress" => &["record", "confirmed_slot", "finalized_slot"],
        _ => &[],
    }
}

/// Records whose rows pass only for keys that somebody listens to, with the columns that may name such a key: a
/// trade changes some forty rows of these.
pub(crate) fn listened_by(record: &str) -> Option<&'static [&'static str]> {
    match record {
        "candles" => Some(&["mint", "id"]),
        "indicators" | "token_stats" | "holders" | "concentration" => Some(&["mint"]),
        "wallet_positions" | "wallet_stats" => Some(&["trader"]),
        _ => None,
    }
}

/// Records that no channel has.
fn is_unheard(record: &str) -> bool {
    matches!(record, "rejects" | "labels" | "smart_list" | "alert_rules" | "gaps")
}

/// Spells rows.
#[derive(Default)]
pub(super) struct Speller {
    shapes: HashMap<&'static str, (Shape, Option<Shape>)>,
}

impl Speller {
    /// The step of a flush, for whoever listens to these keys.
    pub(super) fn spell(&mut self, flush: &Flush, interest: &BTreeSet<Value>) -> Step {
        let mut tables = BTreeMap::new();
        let mut bytes = 0;
        for table in flush.tables.iter().filter(|table| !is_unheard(table.schema.name)) {
            let schema = table.schema;
            let shapes = self.shapes.entry(schema.name).or_insert_with(|| {
                (Shape::whole(schema), (schema.name == "tokens").then(|| brief(schema, true)))
            });
            let keys: Option<Vec<usize>> = listened_by(schema.name).map(|columns| {
                let at = |name: &&str| {
                    schema.columns.iter().position(|c| c.name == *name).filter(|at| *at < schema.key)
                };
                columns.iter().filter_map(at).collect()
            });
            let is_heard = |change: &Change| {
                let key = change.key(schema);
                keys.as_ref().is_none_or(|keys| {
                    keys.iter().filter_map(|at| key.get(*at)).any(|value| interest.contains(value))
                })
            };
            let heard = table.changes.iter().filter(|(_, change)| is_heard(change));
            let changed: Vec<Changed> =
                heard.filter_map(|(time, change)| spelled(schema, shapes, (*time, change))).collect();
            bytes += changed.iter().map(Changed::bytes).sum::<usize>();
            if !changed.is_empty() {
                tables.insert(schema.name, changed);
            }
        }
        Step { after: 0, frontier: flush.frontier, received_ms: now_ms(), tables, bytes }
    }
}

impl Changed {
    fn bytes(&self) -> usize {
        let texts = self.row.as_ref().map_or(0, |row| row.len()) + self.brief.as_ref().map_or(0, |b| b.len());
        self.key.len() + texts + self.facts.len() * size_of::<Value>() + size_of::<Self>()
    }
}

/// Spells one change; none only if a text cannot be written to memory.
fn spelled(
    schema: &'static Schema,
    (whole, brief): &(Shape, Option<Shape>),
    (time, change): (Time, &Change),
) -> Option<Changed> {
    let key_values = change.key(schema);
    let mut key = Vec::new();
    encode::key(key_values, &mut key).ok()?;
    let values = match change {
        Change::Upsert(row) => row.as_slice(),
        Change::Delete(key) => key.as_slice(),
    };
    let fact = |name: &&str| {
        let at = schema.columns.iter().position(|column| column.name == *name);
        at.and_then(|at| values.get(at)).cloned().unwrap_or(Value::Null)
    };
    let facts = routed(schema.name).iter().map(fact).collect();
    let (mut row, mut short) = (None, None);
    if let Change::Upsert(values) = change {
        let mut full: Row = values.clone();
        full.extend([Value::Count(time), Value::Count(DEF_VERSION.into())]);
        let written = |shape: &Shape| {
            let mut out = Vec::new();
            shape.object(&full, &mut out).ok().map(|()| out.into_boxed_slice())
        };
        row = Some(written(whole)?);
        short = brief.as_ref().and_then(written);
    }
    Some(Changed { key: key.into_boxed_slice(), row, brief: short, facts, schema })
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
