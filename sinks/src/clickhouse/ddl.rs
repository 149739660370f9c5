//! Definitions of tables and views.

use std::fmt::Write as _;

use model::{Column, Kind, Schema};

use super::Config;
use super::layout::layout;

/// The table behind a record's view.
pub(super) fn table_of(record: &str) -> String {
    format!("{record}_versions")
}

/// Where runs write how far they are.
pub(super) const PROGRESS: &str = "CREATE TABLE IF NOT EXISTS _progress (
    claim UInt64 COMMENT 'Number of the run.',
    writer UUID COMMENT 'The run.',
    frontier UInt64 COMMENT 'All changes of logical times before this one are in the tables, Unix microseconds.',
    at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When this was written.'
) ENGINE = ReplacingMergeTree(frontier) ORDER BY (claim, writer)
COMMENT 'How far the tables are.'";

/// The columns that the sink adds, with their types, codecs and docs.
pub(super) const COMMON: [(&str, &str, &str, &str); 4] = [
    ("as_of", "DateTime64(6, 'UTC')", "Delta, ZSTD(1)", "Logical time of the change."),
    ("def_version", "UInt16", "ZSTD(1)", "Version of the formulas."),
    ("_version", "UInt64", "Delta, ZSTD(1)", "Of the rows of a key the one with the greatest stands."),
    ("_is_deleted", "UInt8", "ZSTD(1)", "1 if the key is gone."),
];

/// The type of a column, as ClickHouse spells it.
pub(super) fn type_of(column: &Column, is_key: bool) -> String {
    let bare = match column.kind {
        Kind::Symbol if is_key => return "LowCardinality(String)".to_owned(),
        Kind::Symbol => return "LowCardinality(Nullable(String))".to_owned(),
        Kind::Text | Kind::Address => "String",
        Kind::Count | Kind::Amount => "UInt64",
        Kind::Sum => "Int128",
        Kind::Float => "Float64",
        Kind::Bool => "Bool",
        Kind::Time => "DateTime64(3, 'UTC')",
    };
    if is_key { bare.to_owned() } else { format!("Nullable({bare})") }
}

/// How a column is packed. Times ascend; counts and amounts have many zero bits; the rest is text or has no pattern.
const fn codec(kind: Kind) -> &'static str {
    match kind {
        Kind::Time => "Delta, ZSTD(1)",
        Kind::Count | Kind::Amount => "T64, ZSTD(1)",
        _ => "ZSTD(1)",
    }
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// One column as `CREATE TABLE` and `ADD COLUMN` take it.
pub(super) fn column(column: &Column, is_key: bool) -> String {
    let Column { name, kind, doc } = column;
    format!("`{name}` {} COMMENT {} CODEC({})", type_of(column, is_key), literal(doc), codec(*kind))
}

/// The definition of the table behind a record.
pub(super) fn table(schema: &Schema, ttl_days: Option<u32>) -> String {
    let layout = layout(schema);
    let mut sql = format!("CREATE TABLE IF NOT EXISTS `{}` (\n", table_of(schema.name));
    for (i, own) in schema.columns.iter().enumerate() {
        // Infallible: it writes to a string.
        let _ = writeln!(sql, "    {},", column(own, i < schema.key));
    }
    for (name, kind, codec, doc) in COMMON {
        let _ = writeln!(sql, "    `{name}` {kind} COMMENT {} CODEC({codec}),", literal(doc));
    }
    for name in &layout.lookups {
        let _ = writeln!(sql, "    INDEX `by_{name}` `{name}` TYPE bloom_filter(0.01) GRANULARITY 1,");
    }
    sql.truncate(sql.trim_end_matches([',', '\n']).len());
    sql.push_str("\n) ENGINE = ReplacingMergeTree(_version, _is_deleted)");
    if let Some(partition) = &layout.partition {
        let _ = write!(sql, "\nPARTITION BY {partition}");
    }
    let _ = write!(sql, "\nORDER BY ({})", layout.order.join(", "));
    if let Some(days) = ttl_days {
        let _ = write!(sql, "\nTTL {}", ttl(schema, days));
    }
    // Tokens of the last thousand inserts are remembered.
    let _ = write!(
        sql,
        "\nSETTINGS non_replicated_deduplication_window = 1000\nCOMMENT {}",
        literal(&format!("Every version of the rows of {}; query that instead.", schema.name))
    );
    sql
}

/// The expression after `TTL`.
pub(super) fn ttl(schema: &Schema, days: u32) -> String {
    format!("{} + toIntervalDay({days})", layout(schema).time)
}

/// The definition of the view of a record: one row a key, never a deleted one.
pub(super) fn view(schema: &Schema) -> String {
    let mut names: Vec<String> = schema.columns.iter().map(|column| format!("`{}`", column.name)).collect();
    names.extend(crate::fit::COMMON_COLUMNS.map(|name| format!("`{name}`")));
    format!(
        "CREATE OR REPLACE VIEW `{}` AS\nSELECT {}\nFROM `{}` FINAL\nSETTINGS do_not_merge_across_partitions_select_final = 1\nCOMMENT {}",
        schema.name,
        names.join(", "),
        table_of(schema.name),
        literal(schema.doc)
    )
}

/// All definitions of these records, in the order in which they can be made.
#[must_use]
pub fn definitions(config: &Config, schemas: &[&'static Schema]) -> Vec<String> {
    let mut all = vec![PROGRESS.to_owned()];
    for schema in schemas {
        all.push(table(schema, config.ttl_days.get(schema.name).copied()));
        all.push(view(schema));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_end_where_they_should() {
        assert_eq!(literal("a trader's \\"), "'a trader\\'s \\\\'");
    }
}
