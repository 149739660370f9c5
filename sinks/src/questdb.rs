//! Sink `questdb`: one table a record, rows over ILP/HTTP, definitions and deletions in SQL.
//!
//! QuestDB knows rows by their designated timestamp, and replaces a row only by one of the same timestamp
//! and key (`DEDUP UPSERT KEYS`). A table is partitioned by it too. So each record is laid out by the time
//! that it has:
//!
//! | layout | records | timestamp | one row a key | a key that is gone |
//! |---|---|---|---|---|
//! | in place | with a time in the key, as `candles` | that time | yes | `is_deleted` is set |
//! | events | of chain events, as `trades` | `block_time` | yes | `is_deleted` is set by an `UPDATE` |
//! | history | all others, as `tokens` | `as_of` | a row for each change | a last row with `is_deleted` |
//!
//! The table is `NAME_versions`. What to query is the view `NAME`, the rows as they are: without those that are
//! deleted and, where there is a history, only the latest of each key (`LATEST ON`). A history grows with every
//! change and keeps `history_ttl_days`; a key that has not changed for so long is forgotten with it.
//!
//! | kind | type | |
//! |---|---|---|
//! | Symbol | `SYMBOL` | |
//! | Text, Address | `VARCHAR` | |
//! | Count | `LONG` | |
//! | Time | `TIMESTAMP` | microseconds |
//! | Amount | `DECIMAL(20,0)` | exact to 2⁶⁴; in a key a `VARCHAR`, since `LATEST ON` takes no decimals |
//! | Sum | `DECIMAL(39,0)` | exact to 2¹²⁷ |
//! | Float | `DOUBLE` | |
//! | Bool | `SYMBOL` | `true` or `false`: a `BOOLEAN` cannot be null |
//!
//! **Once.** A request of ILP is one transaction of one table; a flush is several. The frontier goes to the
//! table `_progress` after all of them, so a flush that was interrupted is written again as a whole, and
//! writing a row again changes nothing. Between the first table and the last a reader sees some tables
//! ahead of others. QuestDB acknowledges what it has in its write-ahead log: the death of the server loses
//! nothing, a loss of power may, unless the server runs with `cairo.commit.mode=sync`. Readers see it when
//! the log has been applied, a moment later. Who takes many millions of rows over HTTP and reads them slowly asks for
//! `NAME_versions` without a condition: with one, as views have, the server aborts after a minute what it had not
//! filtered by then, whatever time the query was given.
//!
//! **Who writes.** `_progress` names the run that writes. One that is started takes over, and the other ends at
//! its next flush. This is looked up, not locked: a flush that is on its way still arrives.
//!
//! A table that was dropped would be made anew by ILP, with other types. So before each flush the tables are
//! looked up, and one that is missing is an error.
//!
//! Two blocks of one slot with different block times would leave a trade of the one that died and one of
//! the other under one event id; chains do not make such blocks in practice, and `millrace verify` tells.

mod contents;
mod http;
mod rows;
mod sink;
mod tables;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use contents::Tables;
pub use sink::QuestDb;

const NAME: &str = "questdb";

/// Settings of the sink `questdb`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where its HTTP side answers.
    pub url: String,
    /// As whom to log in; empty for nobody.
    pub user: String,
    /// The environment variable that holds the password; empty for none.
    pub password_env: String,
    /// The file that holds the password; empty for none.
    pub password_file: PathBuf,
    /// What names of tables and views begin with.
    pub prefix: String,
    /// Days of event time that tables are created to keep; 0 for ever.
    pub ttl_days: u32,
    /// The same for tables that keep a row for each change.
    pub history_ttl_days: u32,
    /// Rows of a request, at most.
    pub rows_per_request: u32,
    /// How long a request may take before it counts as failed, milliseconds.
    pub timeout_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:9000".to_owned(),
            user: String::new(),
            password_env: String::new(),
            password_file: PathBuf::new(),
            prefix: String::new(),
            ttl_days: 400,
            history_ttl_days: 30,
            rows_per_request: 50_000,
            timeout_ms: 30_000,
        }
    }
}

impl Config {
    /// What is out of range: the key, and what would be right.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if http::Place::parse(&self.url).is_none() {
            let message = format!("{} is not such as \"http://127.0.0.1:9000\"", self.url);
            problems.push(("url", message));
        }
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if self.prefix.len() > 60 || !self.prefix.chars().all(is_plain) {
            let message = "takes up to 60 lower-case letters, digits and underscores";
            problems.push(("prefix", message.to_owned()));
        }
        let mut range = |key, value: u32, least: u32, most: u32| {
            if !(least..=most).contains(&value) {
                problems.push((key, format!("{value} is out of range; from {least} to {most}")));
            }
        };
        range("ttl_days", self.ttl_days, 0, 36_600);
        range("history_ttl_days", self.history_ttl_days, 0, 36_600);
        range("rows_per_request", self.rows_per_request, 1, 1_000_000);
        range("timeout_ms", self.timeout_ms, 100, 3_600_000);
        let has_password = !self.password_env.is_empty() || !self.password_file.as_os_str().is_empty();
        if self.user.is_empty() == has_password {
            let message = "goes with `password_env` or `password_file`, and these with a user";
            problems.push(("user", message.to_owned()));
        }
        problems
    }

    /// The table of a record's rows.
    fn versions(&self, record: &str) -> String {
        format!("{}{record}_versions", self.prefix)
    }

    /// The view of a record's rows as they are, or a table of the sink's own.
    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}
