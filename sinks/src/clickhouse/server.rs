//! The connection: requests one after the other.

use std::future::Future;
use std::time::Duration;

use clickhouse::Client;
use clickhouse::error::Error;
use clickhouse::query::BytesCursor;
use tokio::runtime::Runtime;

use super::fault::Fault;
use super::{Config, NAME};
use crate::{SinkError, secret};

/// Bytes of a batch that are packed and sent at once.
const PIECE_BYTES: usize = 1 << 20;

/// A server, and how to talk to it.
///
/// The client is asynchronous and a sink is not: its runtime stands still between requests.
pub struct Server {
    runtime: Runtime,
    client: Client,
    url: String,
    database: String,
    user: String,
    timeout_ms: u64,
}

impl Server {
    /// Makes a client; no connection is made.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub fn new(config: &Config) -> Result<Self, SinkError> {
        let password = password(config).map_err(|e| e.at("make a client"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| SinkError::new(NAME, "start its runtime", e))?;
        let client = Client::default()
            .with_url(&config.url)
            .with_user(&config.user)
            .with_password(password)
            // An error in the middle of an answer would otherwise be part of it.
            .with_setting("wait_end_of_query", "1");
        Ok(Self {
            runtime,
            client,
            url: config.url.clone(),
            database: config.database.clone(),
            user: config.user.clone(),
            timeout_ms: config.timeout_ms,
        })
    }

    /// The database of the tables.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// Runs a statement outside the database.
    pub(super) fn execute_outside(&self, sql: &str) -> Result<(), Fault> {
        self.once(self.client.query_raw(sql).execute())
    }

    /// Asks for what does not depend on the database, which may not be there.
    pub(super) fn query_outside(&self, sql: &str) -> Result<Vec<u8>, Fault> {
        self.once(async {
            Ok(self.client.query_raw(sql).fetch_bytes("RowBinary")?.collect().await?.to_vec())
        })
    }

    /// Runs a statement.
    pub(super) fn execute(&self, sql: &str) -> Result<(), Fault> {
        self.once(self.inside().query_raw(sql).execute())
    }

    /// The answer to a query, in the format `RowBinary`.
    ///
    /// # Errors
    /// When the server refuses, or does not answer for too long.
    pub fn fetch(&self, sql: &str) -> Result<Vec<u8>, SinkError> {
        self.query(sql).map_err(|e| e.at("query"))
    }

    pub(super) fn query(&self, sql: &str) -> Result<Vec<u8>, Fault> {
        self.once(async { Ok(self.open(sql)?.collect().await?.to_vec()) })
    }

    /// An answer that is read piece by piece.
    pub(super) fn stream(&self, sql: &str) -> Result<BytesCursor, Fault> {
        // The server is not to gather it all first. What goes wrong in the middle ends an answer within a row.
        let client = self.inside().with_setting("wait_end_of_query", "0");
        client.query_raw(sql).fetch_bytes("RowBinary").map_err(|e| Fault::of(&e, &self.url, &self.user))
    }

    /// The next piece of an answer; none at its end.
    pub(super) fn next(&self, cursor: &mut BytesCursor) -> Result<Option<Vec<u8>>, Fault> {
        self.once(async { Ok(cursor.next().await?.map(|piece| piece.to_vec())) })
    }

    /// Adds rows in the format `RowBinary`. With the same token they are added once.
    pub(super) fn insert(&self, sql: &str, token: &str, rows: &[u8]) -> Result<(), Fault> {
        self.once(async {
            let mut insert =
                self.inside().insert_formatted_with(sql).with_setting("insert_deduplication_token", token);
            for piece in rows.chunks(PIECE_BYTES) {
                insert.send(piece.to_vec().into()).await?;
            }
            insert.end().await
        })
    }

    fn open(&self, sql: &str) -> Result<BytesCursor, Error> {
        self.inside().query_raw(sql).fetch_bytes("RowBinary")
    }

    fn inside(&self) -> Client {
        // Rows of a replay may be of any number of days, each a partition.
        self.client.clone().with_database(&self.database).with_setting("max_partitions_per_insert_block", "0")
    }

    fn once<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
        let timeout = Duration::from_millis(self.timeout_ms);
        match self.runtime.block_on(async { tokio::time::timeout(timeout, request).await }) {
            Ok(answer) => answer.map_err(|e| Fault::of(&e, &self.url, &self.user)),
            Err(_) => Err(Fault::silence(&self.url, self.timeout_ms)),
        }
    }
}

/// The password, from where the settings say it is.
fn password(config: &Config) -> Result<String, Fault> {
    let found = secret::password(&config.password_env, &config.password_file).map_err(Fault::lasting)?;
    Ok(found.unwrap_or_default())
}
