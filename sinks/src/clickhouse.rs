//! Sink `clickhouse`: a table and a view a record, in ClickHouse.
//!
//! **Tables.** The table `NAME_versions` is a `ReplacingMergeTree`: rows are only ever added, and of the
//! rows of one key the one with the greatest `_version` stands; a deletion is a row with `_is_deleted`.
//! Until ClickHouse merges them the table holds every version, so that whoever sums it counts twice.
//! The view `NAME` is what to query: it is the table with `FINAL`, one row a key, without the deleted
//! ones. Rows of one key are always in one partition, because partitions are cut by columns of the key, and
//! the view says so, which spares the comparison across partitions.
//!
//! **Order.** What is no column of the key cannot stand in `ORDER BY`: ClickHouse replaces by that order, a
//! deletion names the key alone, and a fork may put another trade in the place of one. So the order is a
//! permutation of the key, the one that analysts look things up by; what they also look up by (the mint
//! or trader of a trade) has a Bloom filter on every granule. `layout` holds these choices.
//!
//! **Types.**
//!
//! | kind | type | |
//! |---|---|---|
//! | Symbol | `LowCardinality(String)` | |
//! | Text, Address | `String` | base58 |
//! | Count, Amount | `UInt64` | |
//! | Sum | `Int128` | |
//! | Float | `Float64` | |
//! | Bool | `Bool` | |
//! | Time | `DateTime64(3, 'UTC')` | |
//!
//! Columns outside the key are `Nullable`: what is missing is not zero. `as_of` is a `DateTime64(6, 'UTC')`.
//!
//! **A crash.** ClickHouse has no transaction over tables. A flush writes its rows, and when the server has
//! all of them its frontier into `_progress`; what a crash leaves of a flush without its frontier is written
//! again by the next run. Its versions are greater than all of any earlier run, whatever the rows say, because
//! a version is the number of the run's claim and then that of the flush. The claim also fences: of two
//! runs into one database the older one is refused at its next flush.
//!
//! **Failures.** What may pass (no connection, no answer, too many parts, no memory) is told from what does not (a
//! wrong password, a table that is gone). A flush that is written again has the same version and the same
//! deduplication tokens, so that a batch whose answer was lost is not added twice.
//!
//! What it does not do: remove tombstones; they are left to the tables' time to live. It keeps no connection of
//! its own alive, and replicated tables have to be made by hand, with `schema = "check"`.

mod claim;
mod ddl;
mod drift;
mod fault;
mod layout;
mod reader;
mod row_binary;
mod server;
mod store;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use ddl::definitions;
pub use drift::{Drift, apply, drifts};
pub use reader::{Reader, Rows};
pub use server::Server;
pub use store::ClickHouse;

const NAME: &str = "clickhouse";

/// Settings of the sink `clickhouse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the server's HTTP interface is.
    pub url: String,
    /// The database of the tables; it is created if it is not there and may be.
    pub database: String,
    /// As whom to write.
    pub user: String,
    /// The environment variable that holds the password; empty for none.
    pub password_env: String,
    /// The file that holds the password; empty for none.
    pub password_file: PathBuf,
    /// What to do at the start with tables that do not fit.
    pub schema: SchemaMode,
    /// Rows of one insert, at most.
    pub batch_rows: usize,
    /// How long one request may take, in milliseconds.
    pub timeout_ms: u64,
    /// After how many days of event time rows are dropped, by record.
    pub ttl_days: BTreeMap<String, u32>,
}

/// What to do at the start with tables that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaMode {
    /// Create tables and add columns.
    Apply,
    /// Refuse to start.
    Check,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".to_owned(),
            database: "millrace".to_owned(),
            user: "default".to_owned(),
            password_env: String::new(),
            password_file: PathBuf::new(),
            schema: SchemaMode::Apply,
            batch_rows: 100_000,
            timeout_ms: 30_000,
            ttl_days: [("trades".to_owned(), 400), ("candles".to_owned(), 400)].into(),
        }
    }
}

impl Config {
    /// What is wrong with the settings, each with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !(self.url.starts_with("http://") || self.url.starts_with("https://")) {
            let url = &self.url;
            problems
                .push(("url", format!("{url:?} is no address of HTTP, such as \"http://127.0.0.1:8123\"")));
        }
        if !crate::fit::is_identifier(&self.database) {
            let message =
                "must be a name of lower-case letters, digits and underscores that begins with a letter";
            problems.push(("database", message.to_owned()));
        }
        if !self.password_env.is_empty() && !self.password_file.as_os_str().is_empty() {
            problems
                .push(("password_file", "is given beside password_env; leave one of them out".to_owned()));
        }
        if !(1..=1_000_000).contains(&self.batch_rows) {
            problems.push(("batch_rows", format!("{} is out of range; from 1 to 1000000", self.batch_rows)));
        }
        if !(1..=600_000).contains(&self.timeout_ms) {
            let message = format!("{} is out of range; from 1 to 600000 (ten minutes)", self.timeout_ms);
            problems.push(("timeout_ms", message));
        }
        if let Some((record, _)) = self.ttl_days.iter().find(|(_, days)| **days == 0) {
            let message = format!("{record} would be kept for no day; leave it out to keep it for ever");
            problems.push(("ttl_days", message));
        }
        problems
    }
}
