//! The connection: requests one after the other, tried again while that may help.

use std::future::Future;
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::error::Error;
use clickhouse::query::BytesCursor;
use tokio::runtime::Runtime;

use super::fault::Fault;
use super::{Config, NAME};
use crate::SinkError;

/// The wait before the first further try; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
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
    retry_for: Duration,
}

impl Server {
    /// Makes a client; no connection is made.
    ///
    /// # Errors
    /// When the password cannot be read.
    pub fn new(config: &Config) -> Result<Self, SinkError> {
        let fault = |e: Fault| SinkError::new(NAME, "make a client", e);
        let password = password(config).map_err(fault)?;
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
            retry_for: Duration::from_secs(config.retry_for_s),
        })
    }

    /// The database of the tables.
    pub(super) fn database(&self) -> &str {
        &self.database
    }

    /// Runs a statement outside the database, once: at the start nobody waits for a server that is away.
    pub(super) fn execute_outside(&self, sql: &str) -> Result<(), Fault> {
        self.once(self.client.query_raw(sql).execute())
    }

    /// Asks for what does not depend on the database, which may not be there.
    pub(super) fn query_outside(&self, sql: &str) -> Result<Vec<u8>, Fault> {
        self.again(|| async {
            Ok(self.client.query_raw(sql).fetch_bytes("RowBinary")?.collect().await?.to_vec())
        })
    }

    /// Runs a statement that may run twice.
    pub(super) fn execute(&self, sql: &str) -> Result<(), Fault> {
        self.again(|| self.inside().query_raw(sql).execute())
    }

    /// The answer to a query, in the format `RowBinary`.
    ///
    /// # Errors
    /// When the server refuses, or does not answer for too long.
    pub fn fetch(&self, sql: &str) -> Result<Vec<u8>, SinkError> {
        self.query(sql).map_err(|e| SinkError::new(NAME, "query", e))
    }

    pub(super) fn query(&self, sql: &str) -> Result<Vec<u8>, Fault> {
        self.again(|| async { Ok(self.open(sql)?.collect().await?.to_vec()) })
    }

    /// An answer that is read piece by piece.
    pub(super) fn stream(&self, sql: &str) -> Result<BytesCursor, Fault> {
        self.open(sql).map_err(|e| Fault::of(&e, &self.url, &self.user))
    }

    /// The next piece of an answer; none at its end.
    pub(super) fn next(&self, cursor: &mut BytesCursor) -> Result<Option<Vec<u8>>, Fault> {
        self.once(async { Ok(cursor.next().await?.map(|piece| piece.to_vec())) })
    }

    /// Adds rows in the format `RowBinary`. With the same token they are added once.
    pub(super) fn insert(&self, sql: &str, token: &str, rows: &[u8]) -> Result<(), Fault> {
        self.again(|| async {
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

    fn again<T, F: Future<Output = Result<T, Error>>>(
        &self,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Fault> {
        let until = Instant::now() + self.retry_for;
        let mut wait = FIRST_WAIT;
        loop {
            match self.once(request()) {
                Err(fault) if fault.may_pass && Instant::now() + wait < until => std::thread::sleep(wait),
                outcome => return outcome,
            }
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }
}

/// The password, from where the settings say it is. No message holds it.
fn password(config: &Config) -> Result<String, Fault> {
    if !config.password_env.is_empty() {
        return std::env::var(&config.password_env).map_err(|_| {
            Fault::lasting(format!("the environment has no {} with the password", config.password_env))
        });
    }
    if config.password_file.as_os_str().is_empty() {
        return Ok(String::new());
    }
    std::fs::read_to_string(&config.password_file)
        .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
        .map_err(|e| {
            Fault::lasting(format!("cannot read the password from {}: {e}", config.password_file.display()))
        })
}
