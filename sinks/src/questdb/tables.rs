//! The tables of the records: how each is laid out, its definition, and what may stand there already.

use std::collections::BTreeMap;

use model::Kind;
use serde_json::Value as Json;

use super::Config;
use super::http::Http;
use crate::failure::Failure;
use crate::fit::COMMON_COLUMNS;
use crate::{ColumnDescription, Description};

/// The column that marks rows of keys that are gone.
pub(super) const IS_DELETED: &str = "is_deleted";

/// How a record is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// By a time in the key, the column of this index.
    InPlace(usize),
    /// By the block time of the event, which does not change; the column of this index.
    Events(usize),
    /// By the time of the change.
    History,
}

impl Layout {
    pub(super) fn of(record: &Description) -> Self {
        let time = |columns: &[ColumnDescription]| columns.iter().position(|c| c.kind == Kind::Time);
        if let Some(at) = time(record.key_columns()) {
            return Self::InPlace(at);
        }
        let is_event = record.key == 1 && record.columns.first().is_some_and(|c| c.name == "event_id");
        let block_time =
            || record.columns.iter().position(|c| c.name == "block_time" && c.kind == Kind::Time);
        match is_event.then(block_time).flatten() {
            Some(at) => Self::Events(at),
            None => Self::History,
        }
    }

    /// The column that is the designated timestamp; none for `as_of`.
    pub(super) const fn column(self) -> Option<usize> {
        match self {
            Self::InPlace(at) | Self::Events(at) => Some(at),
            Self::History => None,
        }
    }

    fn timestamp(self, record: &Description) -> &str {
        let column = self.column().and_then(|at| record.columns.get(at));
        column.map_or(COMMON_COLUMNS[0], |column| &column.name)
    }
}

/// The type of a column.
pub(super) const fn column_type(kind: Kind, is_key: bool) -> &'static str {
    match kind {
        Kind::Symbol | Kind::Bool => "SYMBOL",
        Kind::Amount if is_key => "VARCHAR",
        Kind::Text | Kind::Address => "VARCHAR",
        Kind::Count => "LONG",
        Kind::Time => "TIMESTAMP",
        Kind::Amount => "DECIMAL(20,0)",
        Kind::Sum => "DECIMAL(39,0)",
        Kind::Float => "DOUBLE",
    }
}

/// The columns of a record's table with their types.
fn columns(record: &Description) -> Vec<(&str, &'static str)> {
    let own = record.columns.iter().enumerate();
    let own = own.map(|(i, column)| (&*column.name, column_type(column.kind, i < record.key)));
    let [as_of, def_version] = COMMON_COLUMNS;
    own.chain([(as_of, "TIMESTAMP"), (def_version, "LONG"), (IS_DELETED, "BOOLEAN")]).collect()
}

/// The columns by which a row is replaced.
fn upsert_keys(record: &Description) -> Vec<&str> {
    let timestamp = Layout::of(record).timestamp(record);
    let key = record.key_columns().iter().map(|column| &*column.name);
    std::iter::once(timestamp).chain(key.filter(|name| *name != timestamp)).collect()
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// The definition of a record's table.
pub(super) fn create(config: &Config, record: &Description) -> String {
    let layout = Layout::of(record);
    let columns: Vec<String> =
        columns(record).into_iter().map(|(name, kind)| format!("    \"{name}\" {kind}")).collect();
    let days = if layout == Layout::History { config.history_ttl_days } else { config.ttl_days };
    let ttl = if days == 0 { String::new() } else { format!(" TTL {days} DAYS") };
    format!(
        "CREATE TABLE IF NOT EXISTS \"{}\" (\n{}\n) TIMESTAMP(\"{}\") PARTITION BY DAY{ttl} WAL\nDEDUP UPSERT KEYS({})",
        config.versions(&record.record),
        columns.join(",\n"),
        layout.timestamp(record),
        quoted(upsert_keys(record)),
    )
}

/// The definition of the view of a record's rows as they are.
///
/// Columns are named with their table: QuestDB 9.3 takes a bare `"count"` in a view for the function.
pub(super) fn create_view(config: &Config, record: &Description) -> String {
    let (rows, view) = (latest(config, record), config.named(&record.record));
    let own = record.columns.iter().map(|column| &*column.name);
    let all: Vec<String> = own.chain(COMMON_COLUMNS).map(|name| format!("r.\"{name}\"")).collect();
    let all = all.join(", ");
    format!("CREATE OR REPLACE VIEW \"{view}\" AS (SELECT {all} FROM {rows} r WHERE NOT r.{IS_DELETED})")
}

/// What to select from for the last row of each key, which may be one that is deleted.
pub(super) fn latest(config: &Config, record: &Description) -> String {
    let table = config.versions(&record.record);
    match Layout::of(record) {
        Layout::InPlace(_) | Layout::Events(_) => format!("\"{table}\""),
        Layout::History => {
            let key = quoted(record.key_columns().iter().map(|column| &*column.name));
            format!("(SELECT * FROM \"{table}\" LATEST ON as_of PARTITION BY {key})")
        }
    }
}

/// The table of progress; it has one row.
pub(super) fn create_progress(config: &Config) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS \"{}\" (ts TIMESTAMP, frontier LONG, run VARCHAR) \
         TIMESTAMP(ts) PARTITION BY YEAR WAL DEDUP UPSERT KEYS(ts)",
        config.named("_progress")
    )
}

/// A text in SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Creates a record's table and view, or adds the columns that the table lacks, or refuses one that does not fit.
pub(super) fn prepare(http: &Http, config: &Config, record: &Description) -> Result<(), Failure> {
    let table = config.versions(&record.record);
    http.execute(&create(config, record))?;
    let found = http.query(&format!("SHOW COLUMNS FROM \"{table}\""))?;
    let text = |row: &[Json], at: usize| row.get(at).and_then(Json::as_str).unwrap_or_default().to_owned();
    let types: BTreeMap<String, String> =
        found.dataset.iter().map(|row| (text(row, 0), text(row, 1))).collect();
    let is_key = |row: &&Vec<Json>| row.last() == Some(&Json::Bool(true));
    let mut keys: Vec<String> = found.dataset.iter().filter(is_key).map(|row| text(row, 0)).collect();
    let mut wanted = upsert_keys(record);
    keys.sort();
    wanted.sort_unstable();
    let misfit = |what: String| {
        Failure::lasting(format!(
            "the table {table} was made for other rows: {what}; name another prefix, or drop the table"
        ))
    };
    if keys != wanted {
        return Err(misfit(format!(
            "it replaces rows by ({}), not by ({})",
            keys.join(", "),
            wanted.join(", ")
        )));
    }
    for (name, kind) in columns(record) {
        match types.get(name) {
            Some(found) if found == kind => {}
            Some(found) => return Err(misfit(format!("its column `{name}` is a {found}, not a {kind}"))),
            None => http.execute(&format!("ALTER TABLE \"{table}\" ADD COLUMN \"{name}\" {kind}"))?,
        }
    }
    http.execute(&format!("SELECT wait_wal_table({})", literal(&table)))?;
    http.execute(&create_view(config, record))
}

#[cfg(test)]
mod tests {
    use model::{Cadence, Column, Schema};

    use super::*;

    const TEXT: Column = Column::new("id", Kind::Text, "");
    static CANDLES: Schema = Schema {
        name: "candles",
        doc: "",
        key: 2,
        cadence: Cadence::Flush,
        indexes: &[],
        columns: &[
            TEXT,
            Column::new("open_time", Kind::Time, ""),
            Column::new("close", Kind::Float, ""),
            Column::new("volume", Kind::Sum, ""),
        ],
    };
    static TRADES: Schema = Schema {
        name: "trades",
        doc: "",
        key: 1,
        cadence: Cadence::Flush,
        indexes: &[],
        columns: &[Column::new("event_id", Kind::Text, ""), Column::new("block_time", Kind::Time, "")],
    };
    static TOKENS: Schema = Schema {
        name: "tokens",
        doc: "",
        key: 1,
        cadence: Cadence::Flush,
        indexes: &[],
        columns: &[TEXT, Column::new("created_at", Kind::Time, "")],
    };

    #[test]
    fn a_record_is_laid_out_by_the_time_that_it_has() {
        assert_eq!(Layout::of(&Description::from(&CANDLES)), Layout::InPlace(1));
        assert_eq!(Layout::of(&Description::from(&TRADES)), Layout::Events(1));
        assert_eq!(Layout::of(&Description::from(&TOKENS)), Layout::History);
    }

    #[test]
    fn definitions() {
        let config = Config { prefix: "a_".to_owned(), history_ttl_days: 0, ..Config::default() };
        assert_eq!(
            create(&config, &Description::from(&CANDLES)),
            "CREATE TABLE IF NOT EXISTS \"a_candles_versions\" (\n    \"id\" VARCHAR,\n    \"open_time\" TIMESTAMP,\n    \
             \"close\" DOUBLE,\n    \"volume\" DECIMAL(39,0),\n    \"as_of\" TIMESTAMP,\n    \
             \"def_version\" LONG,\n    \"is_deleted\" BOOLEAN\n) TIMESTAMP(\"open_time\") PARTITION BY DAY \
             TTL 400 DAYS WAL\nDEDUP UPSERT KEYS(\"open_time\", \"id\")"
        );
        let tokens = Description::from(&TOKENS);
        assert!(
            create(&config, &tokens)
                .ends_with("TIMESTAMP(\"as_of\") PARTITION BY DAY WAL\nDEDUP UPSERT KEYS(\"as_of\", \"id\")")
        );
        assert_eq!(
            create_view(&config, &tokens),
            "CREATE OR REPLACE VIEW \"a_tokens\" AS (SELECT r.\"id\", r.\"created_at\", r.\"as_of\", \
             r.\"def_version\" FROM (SELECT * FROM \"a_tokens_versions\" LATEST ON as_of PARTITION BY \"id\") r \
             WHERE NOT r.is_deleted)"
        );
    }

    #[test]
    fn texts_cannot_leave_their_quotes() {
        assert_eq!(literal("a'b"), "'a''b'");
    }
}
