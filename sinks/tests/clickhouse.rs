//! What may happen between the sink `clickhouse` and its server, with a real one.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

mod proxy;
mod services;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use model::{Cadence, Change, Column, Kind, Schema, Time, Value};
use proxy::Proxy;
use sinks::clickhouse::{ClickHouse, Config, Reader, SchemaMode, Server};
use sinks::{Flush, Sink, Table};

static PRICES: Schema = Schema {
    name: "prices",
    doc: "The creator's prices.",
    key: 1,
    cadence: Cadence::Flush,
    indexes: &[],
    columns: &[Column::new("mint", Kind::Text, "Token."), Column::new("price", Kind::Count, "It's a price.")],
};

/// A database of its own.
struct Database {
    config: Config,
    server: String,
    password_file: tempfile::NamedTempFile,
}

impl Database {
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let found = services::find("CLICKHOUSE")?;
        let password_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(password_file.path(), format!("{}\n", found["PASSWORD"])).unwrap();
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let config = Config {
            url: found["URL"].clone(),
            database: format!("faults_{}_{number}", std::process::id()),
            user: found["USER"].clone(),
            password_file: password_file.path().to_owned(),
            ..Config::default()
        };
        let server = found["URL"].trim_start_matches("http://").to_owned();
        Some(Self { config, server, password_file })
    }

    fn through(&self, proxy: &Proxy) -> Config {
        Config { url: format!("http://{}", proxy.address), ..self.config.clone() }
    }

    fn ask(&self, sql: &str) -> Vec<u8> {
        Server::new(&self.config).unwrap().fetch(sql).unwrap()
    }

    /// The number that a query answers with.
    fn number(&self, sql: &str) -> u64 {
        u64::from_le_bytes(self.ask(sql).try_into().unwrap())
    }

    fn lines(&self) -> Vec<String> {
        Reader::new(&self.config).unwrap().rows(&PRICES).unwrap().map(|row| row.unwrap().line).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _is_gone = Server::new(&self.config)
            .unwrap()
            .fetch(&format!("DROP DATABASE IF EXISTS {} SYNC", self.config.database));
        self.password_file.as_file().sync_all().ok();
    }
}

fn open(config: &Config) -> ClickHouse {
    let mut sink = ClickHouse::open(config).unwrap();
    sink.prepare(&[&PRICES]).unwrap();
    sink
}

fn flush(frontier: Time, changes: Vec<Change>) -> Flush {
    let changes = changes.into_iter().map(|change| (frontier - 1, change)).collect();
    Flush { frontier, tables: vec![Table { schema: &PRICES, changes }] }
}

fn price(mint: &'static str, price: u64) -> Change {
    Change::Upsert(vec![Value::from(mint), Value::Count(price)])
}

fn line(mint: &str, price: u64) -> String {
    format!("{{\"mint\":\"{mint}\",\"price\":{price},\"def_version\":{}}}", model::DEF_VERSION)
}

/// Writes a flush as the engine does: again, while that may help.
fn write(sink: &mut ClickHouse, flush: &Flush) {
    let until = Instant::now() + Duration::from_secs(20);
    while let Err(error) = sink.write(flush) {
        assert!(error.is_transient && Instant::now() < until, "{error}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn refusal(config: &Config) -> String {
    match ClickHouse::open(config) {
        Ok(mut sink) => sink.prepare(&[&PRICES]).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_wrong_password_is_refused_at_once_and_not_repeated() {
    let Some(database) = Database::new() else { return };
    std::fs::write(database.password_file.path(), "not the pass word").unwrap();
    let started = Instant::now();
    let said = refusal(&database.config);
    std::fs::write(database.password_file.path(), &services::find("CLICKHOUSE").unwrap()["PASSWORD"])
        .unwrap();
    assert!(said.contains("refuses the user `millrace` or its password; set `user`"), "{said}");
    assert!(!said.contains("pass word"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(5));
    let missing = Config { password_file: "/nowhere/password".into(), ..database.config.clone() };
    assert!(refusal(&missing).contains("cannot read the password from /nowhere/password"));
}

#[test]
fn a_server_that_is_not_there_is_said_at_once() {
    let Some(database) = Database::new() else { return };
    let proxy = Proxy::new(&database.server);
    proxy.cut(true);
    let said = refusal(&database.through(&proxy));
    assert!(
        said.contains(&proxy.address) && said.contains("is the server running, and `url` right?"),
        "{said}"
    );
}

#[test]
fn a_table_that_is_gone_ends_the_run_and_says_what_to_do() {
    let Some(database) = Database::new() else { return };
    let mut sink = open(&database.config);
    database.ask("DROP TABLE prices_versions SYNC");
    let started = Instant::now();
    let said = sink.write(&flush(10, vec![price("a", 1)])).unwrap_err().to_string();
    assert!(said.contains("prices_versions") && said.contains("millrace schema apply"), "{said}");
    assert!(started.elapsed() < Duration::from_secs(5), "it does not pass by waiting");
    assert_eq!(sink.committed().unwrap(), None);
}

#[test]
fn with_check_nothing_is_created() {
    let Some(database) = Database::new() else { return };
    let check = Config { schema: SchemaMode::Check, ..database.config.clone() };
    let said = refusal(&check);
    assert!(said.contains("millrace schema apply"), "{said}");
    drop(open(&database.config));
    drop(open(&check));
    database.ask("ALTER TABLE prices_versions DROP COLUMN price");
    let said = refusal(&check);
    assert!(said.contains("missing for prices; `millrace schema diff` shows them"), "{said}");
}

#[test]
fn a_new_column_is_added_and_the_rows_stay() {
    static WIDER: Schema = Schema {
        columns: &[PRICES.columns[0], PRICES.columns[1], Column::new("volume", Kind::Sum, "Raw units.")],
        ..PRICES
    };
    let Some(database) = Database::new() else { return };
    open(&database.config).write(&flush(10, vec![price("a", 1), price("b", 2)])).unwrap();
    let mut sink = ClickHouse::open(&database.config).unwrap();
    sink.prepare(&[&WIDER]).unwrap();
    let row = vec![Value::from("b"), Value::Count(3), Value::Sum(-5)];
    let tables = vec![Table { schema: &WIDER, changes: vec![(19, Change::Upsert(row))] }];
    sink.write(&Flush { frontier: 20, tables }).unwrap();
    let reader = Reader::new(&database.config).unwrap();
    let lines: Vec<String> = reader.rows(&WIDER).unwrap().map(|row| row.unwrap().line).collect();
    assert!(lines[0].starts_with("{\"mint\":\"a\",\"price\":1,\"volume\":null"), "{lines:?}");
    assert!(lines[1].starts_with("{\"mint\":\"b\",\"price\":3,\"volume\":\"-5\""), "{lines:?}");
    // A program that does not know the column goes on beside it.
    open(&database.config).write(&flush(30, vec![price("a", 4)])).unwrap();
    assert_eq!(database.lines(), [line("a", 4), line("b", 3)]);
}

#[test]
fn a_column_of_another_type_is_refused() {
    static RETYPED: Schema =
        Schema { columns: &[PRICES.columns[0], Column::new("price", Kind::Float, "")], ..PRICES };
    let Some(database) = Database::new() else { return };
    open(&database.config).write(&flush(10, vec![price("a", 1)])).unwrap();
    let said = ClickHouse::open(&database.config).unwrap().prepare(&[&RETYPED]).unwrap_err().to_string();
    assert!(
        said.contains("the column `price` of `prices_versions` is Nullable(UInt64), not Nullable(Float64)"),
        "{said}"
    );
    assert!(said.contains("name another database and replay into it"), "{said}");
    assert_eq!(database.lines(), [line("a", 1)]);
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    let Some(database) = Database::new() else { return };
    let proxy = Proxy::new(&database.server);
    let mut sink = open(&database.through(&proxy));
    sink.write(&flush(10, vec![price("a", 1)])).unwrap();
    proxy.cut(true);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| write(&mut sink, &flush(20, vec![price("a", 2)])));
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(database.lines(), [line("a", 1)]);
        proxy.cut(false);
        writing.join().unwrap();
    });
    assert_eq!(sink.committed().unwrap(), Some(20));
    assert_eq!(database.lines(), [line("a", 2)]);
}

#[test]
fn an_insert_whose_answer_is_lost_adds_its_rows_once() {
    let Some(database) = Database::new() else { return };
    let proxy = Proxy::new(&database.server);
    let mut sink = open(&database.through(&proxy));
    proxy.lose_answer("prices_versions");
    write(&mut sink, &flush(10, vec![price("a", 1), price("b", 2)]));
    assert_eq!(proxy.losses(), 1);
    assert_eq!(database.number("SELECT count() FROM prices_versions"), 2);
    assert_eq!(database.lines(), [line("a", 1), line("b", 2)]);
}

#[test]
fn rows_without_their_frontier_are_written_again_and_win() {
    let Some(database) = Database::new() else { return };
    let proxy = Proxy::new(&database.server);
    let config = database.through(&proxy);
    let mut sink = open(&config);
    sink.write(&flush(10, vec![price("a", 1), price("b", 1)])).unwrap();
    // The rows arrive, and before the frontier does the run is gone.
    proxy.lose_requests("INSERT INTO _progress");
    sink.write(&flush(1_000, vec![price("a", 7), price("c", 7)])).unwrap_err();
    assert!(proxy.losses() > 0);
    drop(sink);
    let mut sink = open(&database.config);
    assert_eq!(sink.committed().unwrap(), Some(10));
    // The next run may cut its flushes elsewhere, and have other times: its rows stand all the same.
    sink.write(&flush(20, vec![price("a", 2)])).unwrap();
    sink.write(&flush(30, vec![price("b", 3), Change::Delete(vec![Value::from("c")])])).unwrap();
    assert_eq!(database.lines(), [line("a", 2), line("b", 3)]);
    assert_eq!(database.number("SELECT count() FROM (SELECT DISTINCT mint FROM prices_versions)"), 3);
}

#[test]
fn a_slow_server_is_waited_for_as_long_as_the_settings_say() {
    let Some(database) = Database::new() else { return };
    let proxy = Proxy::new(&database.server);
    let patient = Config { timeout_ms: 10_000, ..database.through(&proxy) };
    let mut sink = open(&patient);
    proxy.delay(Duration::from_millis(300));
    sink.write(&flush(10, vec![price("a", 1)])).unwrap();
    drop(sink);
    let hasty = Config { timeout_ms: 100, ..patient };
    let said = refusal(&hasty);
    assert!(said.contains("did not answer within 100 ms"), "{said}");
    assert_eq!(database.lines(), [line("a", 1)]);
}

#[test]
fn the_older_of_two_runs_is_told_that_it_is_the_older() {
    let Some(database) = Database::new() else { return };
    let mut older = open(&database.config);
    older.write(&flush(10, vec![price("a", 1)])).unwrap();
    let mut newer = open(&database.config);
    assert_eq!(newer.committed().unwrap(), Some(10));
    let said = older.write(&flush(20, vec![price("a", 2)])).unwrap_err().to_string();
    assert!(said.contains("another run is writing to it"), "{said}");
    newer.write(&flush(30, vec![price("a", 3)])).unwrap();
    assert_eq!(database.lines(), [line("a", 3)]);
}

#[test]
fn batches_have_the_size_of_the_settings_and_docs_are_in_the_tables() {
    let Some(database) = Database::new() else { return };
    let config = Config { batch_rows: 2, ..database.config.clone() };
    open(&config).write(&flush(10, vec![price("a", 1), price("b", 2), price("c", 3)])).unwrap();
    assert_eq!(database.lines().len(), 3);
    // Every insert is a block, and blocks are numbered.
    let parts = "SELECT toUInt64(max(max_block_number)) FROM system.parts \
                 WHERE database = currentDatabase() AND table = 'prices_versions'";
    assert_eq!(database.number(parts), 2);
    let documented = "SELECT countIf(comment = 'It\\'s a price.') FROM system.columns WHERE database = currentDatabase() AND table = 'prices_versions'";
    assert_eq!(database.number(documented), 1);
}
