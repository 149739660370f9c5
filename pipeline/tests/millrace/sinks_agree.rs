//! A simulated market into SQLite and into all servers at once, each of which is killed in the middle: in the end
//! all hold the same. ClickHouse's views are compared row by row with the embedded store, the analysts' queries give what
//! the same question gives there, and the dashboards' queries run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use serde_json::Value;
use sinks::clickhouse::{Config, Reader, Server};
use sinks::kafka::Format;
use sinks::{SinkConfig, snapshot};
use tempfile::TempDir;

use crate::common::{millrace, run, run_well, signal, stderr, stdout};
use crate::{act, servers, services};

/// A market in which a token leaves its curve, with forks, late and double deliveries.
const MARKET: &str = "
[source.simulate]
seed = 6
seconds = 1200
scale = 3.0
pools_at_start = 12
fork_probability = 0.01
duplicate_ratio = 0.05
late_ratio = 0.05
[controls]
lists = [\"whales.jsonl\"]
rules = [\"rules.toml\"]
[run]
workers = 2
speed = \"max\"
[[sinks]]
type = \"sqlite\"
path = \"market.db\"
";

/// Rules that have something to say of it.
const RULES: &str = "
[[rules]]
id = \"large-trade\"
kind = { whale_trade = {} }
scope = { all = {} }
threshold = 500
[[rules]]
id = \"whale-buys\"
kind = { smart_buy = { list = \"whales\" } }
scope = { all = {} }
";

/// Servers are killed here, so that only one test may need them at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Nothing here takes this long, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// What the queries are asked with, beside the token that left its curve.
const PARAMETERS: [(&str, &str); 5] =
    [("limit", "20"), ("minutes", "10"), ("progress_min", "1"), ("top10_min", "5"), ("rsi_max", "60")];

struct Market {
    folder: TempDir,
    config: Config,
    /// The places on all servers.
    sinks: Vec<SinkConfig>,
}

impl Market {
    /// Runs the market, in two runs, into places of its own on all servers that are up.
    fn new() -> Option<Self> {
        let Some(SinkConfig::ClickHouse(config)) = servers::in_clickhouse() else { return None };
        let all = [
            Some(SinkConfig::ClickHouse(config.clone())),
            servers::in_kafka(Format::Json),
            servers::in_questdb(),
        ];
        let sinks: Vec<SinkConfig> = all.into_iter().flatten().collect();
        let folder = TempDir::new().unwrap();
        let servers = toml::to_string(&BTreeMap::from([("sinks", &sinks)])).unwrap();
        std::fs::write(folder.path().join("market.toml"), format!("{MARKET}\n{servers}")).unwrap();
        std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
        std::fs::write(folder.path().join("whales.jsonl"), "").unwrap();
        let market = Self { folder, config, sinks };
        market.run_through_outages();
        market.list_whales();
        market.millrace(&["run"]);
        Some(market)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        millrace(self.folder.path(), &[&["--config", "market.toml", "--quiet"], arguments].concat())
    }

    fn millrace(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        // 3: some transactions of the market are truncated.
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    }

    /// Runs the market for a while. Server by server is killed once the run is well on its way, and started again.
    fn run_through_outages(&self) {
        let errors = std::fs::File::create(self.folder.path().join("errors")).unwrap();
        let mut running = self.command(&["run", "--speed", "5"]).stderr(errors).spawn().unwrap();
        let started = Instant::now();
        for server in self.sinks.iter().map(SinkConfig::type_name) {
            let frontier = self.frontier();
            while self.frontier() == frontier {
                assert!(
                    running.try_wait().unwrap().is_none(),
                    "the market is over before {server} was killed"
                );
                assert!(started.elapsed() < PATIENCE, "nothing is written");
                std::thread::sleep(Duration::from_millis(20));
            }
            act::services("kill", server);
            std::thread::sleep(Duration::from_millis(500));
            act::services("up", server);
        }
        signal(&running, "TERM");
        let ended = running.wait().unwrap();
        let errors = std::fs::read_to_string(self.folder.path().join("errors")).unwrap();
        assert!(matches!(ended.code(), Some(0 | 3)), "{errors}");
    }

    /// Lists the wallets that have traded most, so that the second run matches the trades of the first too.
    fn list_whales(&self) {
        let traders = "SELECT trader FROM trades WHERE trader IS NOT NULL \
            GROUP BY trader ORDER BY count(*) DESC, trader LIMIT 50";
        let lines = self.ask_store(traders).into_iter().flatten().map(|trader| match trader {
            Cell::Text(trader) => format!("{{\"list\": \"whales\", \"trader\": \"{trader}\"}}\n"),
            other => panic!("{other:?} is no wallet"),
        });
        std::fs::write(self.folder.path().join("whales.jsonl"), lines.collect::<String>()).unwrap();
    }

    /// Up to where the embedded store is.
    fn frontier(&self) -> Option<i64> {
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        // Before the first flush there is no such table, or nothing in it.
        connection.query_row("SELECT frontier FROM _progress", (), |row| row.get(0)).ok()
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("market.db")
    }

    fn ask(&self, sql: &str) -> Vec<Vec<Cell>> {
        let answer = Server::new(&self.config).unwrap().fetch(&format!("{sql}\nFORMAT JSONCompactEachRow"));
        let answer = answer.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        String::from_utf8(answer).unwrap().lines().map(read_line).collect()
    }

    fn ask_store(&self, sql: &str) -> Vec<Vec<Cell>> {
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}\n{error}"));
        let width = statement.column_count();
        let mut rows = statement.query(()).unwrap();
        let mut all = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            all.push((0..width).map(|i| Cell::stored(row.get_ref(i).unwrap())).collect());
        }
        all
    }

    fn parameters(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> =
            PARAMETERS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let migrated =
            self.ask_store("SELECT mint FROM lifecycle WHERE kind = 'migrated' ORDER BY at LIMIT 1");
        let Some(Cell::Text(mint)) = migrated.into_iter().flatten().next() else {
            panic!("no token of this market left its curve: take another seed");
        };
        all.insert("mint".to_owned(), format!("'{mint}'"));
        all
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        // After a failure what is there may tell why.
        if !std::thread::panicking() {
            self.sinks.iter().for_each(servers::clean);
        }
    }
}

/// What stands in one place of an answer, whichever database gave it.
#[derive(Clone, Debug)]
enum Cell {
    Null,
    Number(f64),
    Text(String),
}

impl Cell {
    fn stored(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            #[expect(clippy::cast_precision_loss, reason = "compared as floats")]
            ValueRef::Integer(n) => Self::Number(n as f64),
            ValueRef::Real(f) => Self::Number(f),
            ValueRef::Text(text) | ValueRef::Blob(text) => Self::text(&String::from_utf8_lossy(text)),
        }
    }

    fn text(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Text(text.to_owned()), Self::Number)
    }

    /// Sums of floats depend on their order, which two databases do not share.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Number(a), Self::Number(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-9),
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => false,
        }
    }
}

fn read_line(line: &str) -> Vec<Cell> {
    let cells: Vec<Value> = serde_json::from_str(line).unwrap();
    let cell = |value: Value| match value {
        Value::Null => Cell::Null,
        Value::Bool(b) => Cell::Number(f64::from(u8::from(b))),
        Value::Number(n) => Cell::Number(n.as_f64().unwrap()),
        Value::String(text) => Cell::text(&text),
        other => panic!("{other} is no cell"),
    };
    cells.into_iter().map(cell).collect()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder of the repository with this ending, by name.
fn texts(folder: &str, ending: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(repository().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// Puts the values in the place of `{name:Type}` and `{name}`.
fn filled(sql: &str, parameters: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, behind) = after.split_once('}').unwrap();
        let name = inside.split(':').next().unwrap();
        filled.push_str(before);
        filled.push_str(parameters.get(name).unwrap_or_else(|| panic!("no value for {name}")));
        rest = behind;
    }
    filled + rest
}

#[test]
fn all_sinks_hold_the_same_and_queries_and_dashboards_run() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(market) = Market::new() else { return };
    all_sinks_are_verified(&market);
    views_hold_what_the_embedded_store_holds(&market);
    refuse_two_transactions(&market);
    queries_give_what_the_embedded_store_gives(&market);
    dashboards_run(&market);
    a_row_that_differs_is_found(&market);
}

fn all_sinks_are_verified(market: &Market) {
    let verified = market.command(&["verify"]).output().unwrap();
    let told = stdout(&verified);
    assert_eq!(verified.status.code(), Some(0), "{told}{}", stderr(&verified));
    for schema in dataflows::schemas() {
        let line = told.lines().find(|line| line.starts_with(&format!("{} ", schema.name)));
        assert!(line.is_some_and(|line| line.ends_with("  all")), "{} in\n{told}", schema.name);
    }
}

fn a_row_that_differs_is_found(market: &Market) {
    let tampered = "INSERT INTO candles_versions \
        SELECT * REPLACE (trades + 1 AS trades, _version + 1 AS _version) FROM candles_versions FINAL LIMIT 1";
    Server::new(&market.config).unwrap().fetch(tampered).unwrap();
    let verified = market.command(&["verify", "--record", "candles"]).output().unwrap();
    let told = stdout(&verified);
    assert_eq!(verified.status.code(), Some(4), "{told}");
    assert!(told.lines().last().unwrap().ends_with("  clickhouse"), "{told}");
}

fn views_hold_what_the_embedded_store_holds(market: &Market) {
    let reader = Reader::new(&market.config).unwrap();
    let mut total = 0;
    for schema in dataflows::schemas() {
        let stored = snapshot::read_rows(&market.database(), schema.name).unwrap();
        let mut held = reader.rows(schema).unwrap();
        for expected in stored {
            let expected = expected.unwrap();
            let found = held.next().unwrap_or_else(|| panic!("{} ends before {}", schema.name, expected.key));
            assert_eq!(found.unwrap().line, expected.line, "{}", schema.name);
            total += 1;
        }
        assert!(held.next().is_none(), "{} has more rows", schema.name);
    }
    assert!(total > 10_000, "{total} rows");
    let versions = market.ask("SELECT count() FROM candles_versions");
    let rows = market.ask("SELECT count() FROM candles");
    let count = |rows: &[Vec<Cell>]| match rows[0][0] {
        Cell::Number(n) => n,
        _ => panic!("no count"),
    };
    assert!(count(&versions) > count(&rows), "nothing was written twice, so that the view proves nothing");
}

/// Nothing of a simulated market is refused, and a query of what was is to be asked too.
fn refuse_two_transactions(market: &Market) {
    let columns = "source, cursor, reason, signature, slot, as_of, def_version";
    let rows = ["'a', '1', 'malformed', 'x', 7", "'a', '2', 'malformed', 'y', 9"];
    let connection = rusqlite::Connection::open(market.database()).unwrap();
    let server = Server::new(&market.config).unwrap();
    for row in rows {
        connection.execute(&format!("INSERT INTO rejects ({columns}) VALUES ({row}, 1, 1)"), ()).unwrap();
        let insert = format!(
            "INSERT INTO rejects_versions ({columns}, _version, _is_deleted) VALUES ({row}, 1, 1, 1, 0)"
        );
        server.fetch(&insert).unwrap();
    }
}

fn queries_give_what_the_embedded_store_gives(market: &Market) {
    let parameters = market.parameters();
    let (queries, mut checks) = (texts("queries", "sql"), texts("queries/check", "sql"));
    assert!(queries.len() >= 15);
    for (name, query) in &queries {
        let check = checks.remove(name).unwrap_or_else(|| panic!("queries/check/{name}.sql is missing"));
        let found = market.ask(&filled(query, &parameters));
        let expected = market.ask_store(&filled(&check, &parameters));
        assert!(!expected.is_empty(), "{name} is asked of a market that has nothing for it");
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}\n{expected:?}");
        for (found, expected) in found.iter().zip(&expected) {
            let is_same =
                found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| a.is_same(b));
            assert!(is_same, "{name}:\n{found:?}\n{expected:?}");
        }
    }
    assert!(checks.is_empty(), "checks of no query: {:?}", checks.keys());
}

fn dashboards_run(market: &Market) {
    let parameters = market.parameters();
    let mut queries = 0;
    for (name, text) in texts("config/grafana/dashboards", "json") {
        let dashboard: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(dashboard["uid"], Value::from(name.clone()), "a dashboard's uid is its file's name");
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            assert!(!market.ask(variable["query"].as_str().unwrap()).is_empty(), "{name}: {variable}");
        }
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap_or(&Vec::new()) {
                let Some(sql) = target["rawSql"].as_str() else { continue };
                assert_eq!(target["datasource"]["uid"], "clickhouse", "{name}: {}", panel["title"]);
                let rows = market.ask(&without_macros(sql, &parameters["mint"]));
                assert!(!rows.is_empty(), "{name}: {} shows nothing", panel["title"]);
                queries += 1;
            }
        }
    }
    assert!(queries >= 10, "{queries} queries");
}

/// A query as Grafana sends it: its macros and variables replaced, for all of time.
fn without_macros(sql: &str, mint: &str) -> String {
    let mut sql = sql.replace("${mint:sqlstring}", mint);
    for (name, replacement) in [("$__timeFilter(", "isNotNull("), ("$__timeInterval(", "toStartOfMinute(")] {
        sql = sql.replace(name, replacement);
    }
    assert!(!sql.contains("$_") && !sql.contains("${"), "a macro that the test does not know: {sql}");
    sql
}

#[test]
fn schema_says_what_is_missing_and_adds_it() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(found) = services::find("CLICKHOUSE") else { return };
    let folder = TempDir::new().unwrap();
    let database = format!("schema_{}", std::process::id());
    std::fs::write(folder.path().join("password"), &found["PASSWORD"]).unwrap();
    let sink = format!(
        "[[sinks]]\ntype = \"clickhouse\"\nurl = \"{}\"\ndatabase = \"{database}\"\nuser = \"{}\"\npassword_file = \"password\"\n",
        found["URL"], found["USER"]
    );
    std::fs::write(folder.path().join("m.toml"), sink).unwrap();
    let schema = |action| run(folder.path(), &["--config", "m.toml", "schema", action]);
    let config = Config {
        url: found["URL"].clone(),
        database: database.clone(),
        user: found["USER"].clone(),
        password_file: folder.path().join("password"),
        ..Config::default()
    };
    let server = Server::new(&config).unwrap();

    let before = schema("diff");
    assert_eq!(before.status.code(), Some(4));
    assert!(stdout(&before).contains("CREATE TABLE IF NOT EXISTS `trades_versions`"), "{}", stdout(&before));
    assert_eq!(schema("apply").status.code(), Some(0));
    let after = schema("diff");
    assert_eq!(stdout(&after), format!("-- {database}: nothing to do\n"));
    assert_eq!(after.status.code(), Some(0));

    server.fetch("ALTER TABLE tokens_versions DROP COLUMN risk").unwrap();
    assert!(stdout(&schema("diff")).contains("ALTER TABLE `tokens_versions` ADD COLUMN `risk`"));
    assert_eq!(schema("apply").status.code(), Some(0));
    assert_eq!(schema("diff").status.code(), Some(0));

    server.fetch("ALTER TABLE tokens_versions MODIFY COLUMN decimals Nullable(Int64)").unwrap();
    let refused = schema("apply");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("the column `decimals` of `tokens_versions` is"),
        "{}",
        stderr(&refused)
    );
    server.fetch(&format!("DROP DATABASE {database} SYNC")).unwrap();
}

#[test]
fn schema_print_needs_no_server() {
    let folder = TempDir::new().unwrap();
    let printed = stdout(&run_well(folder.path(), &["schema", "print"]));
    for schema in dataflows::schemas() {
        assert!(printed.contains(&format!("CREATE OR REPLACE VIEW `{}`", schema.name)), "{}", schema.name);
    }
    assert!(printed.contains("TTL toDateTime(open_time) + toIntervalDay(400)"));
}

#[test]
fn verify_finds_one_row_that_is_not_the_same() {
    let folder = TempDir::new().unwrap();
    let file = "source.simulate.seconds = 20\nrun.speed = \"max\"\n\
        [[sinks]]\ntype = \"sqlite\"\npath = \"a.db\"\n[[sinks]]\ntype = \"sqlite\"\npath = \"b.db\"\n";
    std::fs::write(folder.path().join("m.toml"), file).unwrap();
    let millrace =
        |arguments: &[&str]| run(folder.path(), &[&["--config", "m.toml", "-q"], arguments].concat());
    assert!(matches!(millrace(&["run"]).status.code(), Some(0 | 3)));
    let same = millrace(&["verify"]);
    assert_eq!(same.status.code(), Some(0), "{}{}", stdout(&same), stderr(&same));
    let connection = rusqlite::Connection::open(folder.path().join("b.db")).unwrap();
    let changed = "UPDATE trades SET slot = slot + 1 WHERE event_id = (SELECT max(event_id) FROM trades)";
    assert_eq!(connection.execute(changed, ()).unwrap(), 1);
    assert_eq!(millrace(&["verify", "--record", "candles"]).status.code(), Some(0));
    let other = millrace(&["verify", "--record", "trades"]);
    assert_eq!(other.status.code(), Some(4));
    let told = stdout(&other);
    assert!(told.lines().last().unwrap().ends_with("  sqlite b.db"), "{told}");
    connection.execute("UPDATE _progress SET frontier = frontier - 1", ()).unwrap();
    let behind = millrace(&["verify", "--record", "candles"]);
    assert_eq!(behind.status.code(), Some(4));
    assert!(stdout(&behind).contains("they are not at the same time"), "{}", stdout(&behind));
    let unknown = millrace(&["verify", "--record", "trade"]);
    assert!(
        stderr(&unknown).contains("there is no record trade\nhint: records are "),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn compose_starts_the_versions_that_tests_run_against() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let compose = read("compose.yaml");
    for (image, server) in [("questdb/questdb", "questdb"), ("apache/kafka", "kafka")] {
        // The first version in the file is that of the list itself.
        let pom = read(&format!("scripts/servers/{server}.pom.xml"));
        let version = pom.split("<version>").nth(2).unwrap().split('<').next().unwrap();
        assert!(compose.contains(&format!("image: {image}:{version}\n")), "{image} {version}");
    }
    let image = "image: clickhouse/clickhouse-server:";
    let version = compose.split(image).nth(1).unwrap().split('\n').next().unwrap();
    assert!(read("scripts/services").contains(&format!("chdb-lib-linux-x64-gnu-{version}.")), "{version}");
}
