//! Compares the tables of a server with what the schemas ask for.
//!
//! What is lacking can be added without loss: a table, a column, a view, a time to live. What cannot be changed
//! without writing the rows anew (a type, the order, the partitions, the key) is refused, and so is
//! to drop what only the table has: its columns stay, and are null in new rows.

use std::collections::BTreeMap;

use model::Schema;

use super::ddl::{self, COMMON, PROGRESS, table_of};
use super::fault::Fault;
use super::layout::layout;
use super::row_binary::Input;
use super::server::Server;
use super::{Config, NAME};
use crate::SinkError;
use crate::fit::check_schema;

/// How the tables of one record differ from its schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// The record; `_progress` for what all share.
    pub record: String,
    /// Statements that bring the tables in line without loss, in order.
    pub steps: Vec<String>,
    /// What no statement can change without loss.
    pub misfits: Vec<String>,
}

impl Drift {
    /// True if there is nothing to do.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.steps.is_empty() && self.misfits.is_empty()
    }
}

/// ClickHouse's number of the error that there is no such database.
const NO_DATABASE: u32 = 81;

/// A table as the server has it.
struct Found {
    engine: String,
    engine_full: String,
    order: String,
    partition: String,
    /// Type of each column.
    columns: BTreeMap<String, String>,
}

/// What differs, record by record; records that do not differ are left out.
///
/// # Errors
/// When a schema cannot be stored, or the server cannot be asked.
pub fn drifts(
    server: &Server,
    config: &Config,
    schemas: &[&'static Schema],
) -> Result<Vec<Drift>, SinkError> {
    let found = match tables(server) {
        Err(fault) if fault.code == Some(NO_DATABASE) => BTreeMap::new(),
        outcome => outcome.map_err(|e| e.at("read the tables' definitions"))?,
    };
    let mut all = Vec::new();
    if !found.contains_key("_progress") {
        all.push(Drift {
            record: "_progress".to_owned(),
            steps: vec![PROGRESS.to_owned()],
            misfits: Vec::new(),
        });
    }
    for schema in schemas {
        check_schema(schema)
            .map_err(|e| SinkError::new(NAME, format!("store the record {}", schema.name), e))?;
        all.push(drift(&found, schema, config.ttl_days.get(schema.name).copied()));
    }
    all.retain(|drift| !drift.is_none());
    Ok(all)
}

/// Creates the database if it is not there, and does all steps.
///
/// # Errors
/// When there are misfits, before the first step; or when the server refuses one.
pub fn apply(server: &Server, drifts: &[Drift]) -> Result<(), SinkError> {
    let database = server.database();
    let misfits: Vec<&str> = drifts.iter().flat_map(|drift| &drift.misfits).map(String::as_str).collect();
    if !misfits.is_empty() {
        let message = format!(
            "the tables were made for other rows: {}; name another database and replay into it, or drop these tables",
            misfits.join("; ")
        );
        return Err(SinkError::new(NAME, format!("use the database {database}"), message));
    }
    server
        .execute_outside(&format!("CREATE DATABASE IF NOT EXISTS `{database}`"))
        .map_err(|e| e.at(format!("create the database {database}")))?;
    for drift in drifts {
        for step in &drift.steps {
            server.execute(step).map_err(|e| e.at(format!("prepare the table {}", drift.record)))?;
        }
    }
    Ok(())
}

fn drift(found: &BTreeMap<String, Found>, schema: &Schema, ttl_days: Option<u32>) -> Drift {
    let mut drift = Drift { record: schema.name.to_owned(), ..Drift::default() };
    match found.get(&table_of(schema.name)) {
        None => drift.steps.push(ddl::table(schema, ttl_days)),
        Some(table) => {
            check_shape(table, schema, &mut drift.misfits);
            check_columns(table, schema, &mut drift);
            check_ttl(table, schema, ttl_days, &mut drift.steps);
        }
    }
    let view = ddl::view(schema);
    match found.get(schema.name) {
        Some(other) if other.engine != "View" => {
            drift
                .misfits
                .push(format!("`{}` is a table of another program, not a view; rename it", schema.name));
        }
        // A view has the columns that it was made with, so that a new one needs it anew.
        Some(made) if drift.steps.is_empty() && names_of(made) == names(schema) => {}
        _ => drift.steps.push(view),
    }
    drift
}

fn names_of(view: &Found) -> Vec<&str> {
    let mut names: Vec<&str> = view.columns.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The columns of a view, sorted.
fn names(schema: &Schema) -> Vec<&'static str> {
    let mut names: Vec<&str> = schema.columns.iter().map(|column| column.name).collect();
    names.extend(crate::fit::COMMON_COLUMNS);
    names.sort_unstable();
    names
}

fn check_shape(table: &Found, schema: &Schema, misfits: &mut Vec<String>) {
    let layout = layout(schema);
    let name = table_of(schema.name);
    if !table.engine.ends_with("ReplacingMergeTree") {
        misfits.push(format!("`{name}` is a {}, not a ReplacingMergeTree", table.engine));
        return;
    }
    let bare = |text: &str| text.replace(['`', ' '], "");
    let order = layout.order.join(",");
    // A single column is in parentheses or not, by how it was written.
    if bare(&table.order).trim_matches(['(', ')']) != order {
        misfits.push(format!("`{name}` is ordered by ({}), not ({order})", table.order));
    }
    let partition = layout.partition.unwrap_or_default();
    if bare(&table.partition) != bare(&partition) {
        let spelled = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        misfits.push(format!(
            "`{name}` is cut into partitions by {}, not {}",
            spelled(&table.partition),
            spelled(&partition)
        ));
    }
}

fn check_columns(table: &Found, schema: &Schema, drift: &mut Drift) {
    let name = table_of(schema.name);
    for (i, column) in schema.columns.iter().enumerate() {
        let wanted = ddl::type_of(column, i < schema.key);
        match table.columns.get(column.name) {
            Some(found) if *found == wanted => {}
            Some(found) => {
                drift
                    .misfits
                    .push(format!("the column `{}` of `{name}` is {found}, not {wanted}", column.name));
            }
            None if i < schema.key => {
                drift.misfits.push(format!("`{name}` lacks the column `{}` of the key", column.name));
            }
            None => {
                drift.steps.push(format!("ALTER TABLE `{name}` ADD COLUMN {}", ddl::column(column, false)));
            }
        }
    }
    for (own, kind, _, _) in COMMON {
        match table.columns.get(own) {
            Some(found) if found == kind => {}
            found => {
                let found = found.map_or("missing", String::as_str);
                drift.misfits.push(format!("the column `{own}` of `{name}` is {found}, not {kind}"));
            }
        }
    }
}

fn check_ttl(table: &Found, schema: &Schema, wanted: Option<u32>, steps: &mut Vec<String>) {
    let days = |text: &str| text.split_once("toIntervalDay(")?.1.split_once(')')?.0.parse::<u32>().ok();
    let found = days(&table.engine_full);
    let name = table_of(schema.name);
    match wanted {
        Some(wanted) if found != Some(wanted) => {
            steps.push(format!("ALTER TABLE `{name}` MODIFY TTL {}", ddl::ttl(schema, wanted)));
        }
        None if found.is_some() => steps.push(format!("ALTER TABLE `{name}` REMOVE TTL")),
        _ => {}
    }
}

fn tables(server: &Server) -> Result<BTreeMap<String, Found>, Fault> {
    let database = server.database();
    let mut all = BTreeMap::new();
    let answer = server.query_outside(&format!(
        "SELECT name, engine, engine_full, sorting_key, partition_key FROM system.tables WHERE database = '{database}'"
    ))?;
    let mut input = Input(&answer);
    let text = |input: &mut Input<'_>| input.text().map(|text| String::from_utf8_lossy(text).into_owned());
    while let Some(name) = text(&mut input) {
        let mut next = || text(&mut input).unwrap_or_default();
        let (engine, engine_full, order, partition) = (next(), next(), next(), next());
        all.insert(name, Found { engine, engine_full, order, partition, columns: BTreeMap::new() });
    }
    let answer = server
        .query(&format!("SELECT table, name, type FROM system.columns WHERE database = '{database}'"))?;
    let mut input = Input(&answer);
    while let Some(table) = text(&mut input) {
        let (name, kind) = (text(&mut input).unwrap_or_default(), text(&mut input).unwrap_or_default());
        if let Some(found) = all.get_mut(&table) {
            found.columns.insert(name, kind);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use model::{Cadence, Column, Kind};

    use super::*;

    static BEFORE: Schema = Schema {
        name: "prices",
        doc: "Prices.",
        key: 1,
        cadence: Cadence::Flush,
        indexes: &[],
        columns: &[Column::new("mint", Kind::Address, ""), Column::new("price", Kind::Float, "")],
    };

    /// The tables as they are after the statements for a schema.
    fn made(schema: &Schema, ttl_days: Option<u32>) -> BTreeMap<String, Found> {
        let layout = layout(schema);
        let own = schema.columns.iter().enumerate();
        let mut columns: BTreeMap<String, String> =
            own.map(|(i, c)| (c.name.to_owned(), ddl::type_of(c, i < schema.key))).collect();
        let view = columns
            .clone()
            .into_iter()
            .chain(crate::fit::COMMON_COLUMNS.map(|name| (name.to_owned(), String::new())));
        let view = Found {
            engine: "View".to_owned(),
            engine_full: String::new(),
            order: String::new(),
            partition: String::new(),
            columns: view.collect(),
        };
        columns.extend(COMMON.map(|(name, kind, _, _)| (name.to_owned(), kind.to_owned())));
        let table = Found {
            engine: "ReplacingMergeTree".to_owned(),
            engine_full: ttl_days.map(|days| ddl::ttl(schema, days)).unwrap_or_default(),
            order: layout.order.join(", "),
            partition: layout.partition.unwrap_or_default(),
            columns,
        };
        [(table_of(schema.name), table), (schema.name.to_owned(), view)].into()
    }

    #[test]
    fn what_was_made_from_a_schema_fits_it() {
        assert!(drift(&made(&BEFORE, Some(9)), &BEFORE, Some(9)).is_none());
    }

    #[test]
    fn a_column_is_added_and_the_view_is_made_anew() {
        static AFTER: Schema = Schema {
            columns: &[BEFORE.columns[0], BEFORE.columns[1], Column::new("volume", Kind::Sum, "Raw.")],
            ..BEFORE
        };
        let found = drift(&made(&BEFORE, None), &AFTER, None);
        assert_eq!(found.misfits, [""; 0]);
        assert!(
            found.steps[0].starts_with("ALTER TABLE `prices_versions` ADD COLUMN `volume` Nullable(Int128)")
        );
        assert!(found.steps[1].starts_with("CREATE OR REPLACE VIEW `prices`"));
    }

    #[test]
    fn a_column_that_only_the_table_has_stays() {
        static FEWER: Schema = Schema { columns: &[BEFORE.columns[0]], ..BEFORE };
        let found = drift(&made(&BEFORE, None), &FEWER, None);
        assert!(
            found.misfits.is_empty() && found.steps.iter().all(|step| !step.contains("DROP")),
            "{found:?}"
        );
    }

    #[test]
    fn what_would_lose_rows_is_refused() {
        static RETYPED: Schema =
            Schema { columns: &[BEFORE.columns[0], Column::new("price", Kind::Sum, "")], ..BEFORE };
        let found = drift(&made(&BEFORE, None), &RETYPED, None);
        assert_eq!(
            found.misfits,
            ["the column `price` of `prices_versions` is Nullable(Float64), not Nullable(Int128)"]
        );
        static REKEYED: Schema =
            Schema { key: 2, columns: &[BEFORE.columns[0], Column::new("price", Kind::Count, "")], ..BEFORE };
        let found = drift(&made(&BEFORE, None), &REKEYED, None);
        assert_eq!(found.misfits[0], "`prices_versions` is ordered by (mint), not (mint,price)");
    }

    #[test]
    fn a_time_to_live_follows_the_settings() {
        let steps = |has, wants| drift(&made(&BEFORE, has), &BEFORE, wants).steps;
        assert!(steps(None, Some(5))[0].ends_with("MODIFY TTL toDateTime(as_of) + toIntervalDay(5)"));
        assert_eq!(steps(Some(5), None)[0], "ALTER TABLE `prices_versions` REMOVE TTL");
    }
}
