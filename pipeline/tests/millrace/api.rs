//! The API beside a run: what is asked of it, and what it streams, against what the store holds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use crate::common::millrace;

/// A market that ends by itself, some hundred trades a second at its speed.
const MARKET: &str =
    "[source.simulate]\nseconds = 240\npools_at_start = 60\nscale = 4.0\n[run]\nspeed = 12\n";

/// A run that serves.
struct Served {
    folder: TempDir,
    child: Child,
    address: String,
}

impl Served {
    fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("m.toml"), settings).unwrap();
        let mut command = millrace(folder.path(), &["--config", "m.toml", "run", "--listen", "127.0.0.1:0"]);
        command.env("MILLRACE_API__ENABLED", "true").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("the page is at http://").map(|rest| rest.trim_end_matches('/').to_owned())
        });
        let address = url.expect("a run says where its page is");
        // Read on, so that the run can go on writing.
        std::thread::Builder::new().name("stderr".to_owned()).spawn(move || lines.for_each(drop)).unwrap();
        let served = Self { folder, child, address };
        while served.ask("/health/ready").0 != 200 {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        served
    }

    /// Status and body.
    fn ask(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = self.answer(path, &[]);
        (status, serde_json::from_str(&body).unwrap_or(Value::Null))
    }

    fn answer(&self, path: &str, headers: &[(&str, &str)]) -> (u16, BTreeMap<String, String>, String) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        let mut request = agent.get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.call().unwrap();
        let named = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let headers = named.collect();
        let body = response.body_mut().read_to_vec().unwrap();
        (response.status().as_u16(), headers, String::from_utf8_lossy(&body).into_owned())
    }

    /// The data of an answer that must be well.
    fn data(&self, path: &str) -> Value {
        let (status, body) = self.ask(path);
        assert_eq!(status, 200, "{path}: {body}");
        body["data"].clone()
    }

    /// The busiest token.
    fn mint(&self) -> String {
        let tokens = loop {
            let found = self.data("/api/v1/tokens?limit=1&sort=1h.txns");
            if found.as_array().is_some_and(|all| !all.is_empty()) {
                break found;
            }
        };
        tokens[0]["mint"].as_str().unwrap().to_owned()
    }

    /// Waits for the run to end by itself, and gives its database.
    fn ended(&mut self) -> rusqlite::Connection {
        assert!(self.child.wait().unwrap().code().is_some_and(|code| code == 0 || code == 3));
        rusqlite::Connection::open(self.folder.path().join("millrace.db")).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn texts(rows: &Value, member: &str) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row[member].as_str().unwrap().to_owned()).collect()
}

/// Chain order of an event id: slot, transaction, outer, inner.
fn place(event_id: &str) -> Vec<i64> {
    let (head, inner) = event_id.rsplit_once("--1").map_or((event_id, None), |(head, _)| (head, Some(-1)));
    head.split('-').map(|part| part.parse().unwrap()).chain(inner).collect()
}

/// R9, R16: parts of one answer agree, integers that do not fit are strings, what is unknown is null.
#[test]
fn answers_are_of_one_frontier_and_rows_are_of_their_schemas() {
    let served = Served::start(MARKET);
    let mint = served.mint();
    for _ in 0..20 {
        let (_, body) = served.ask(&format!("/api/v1/tokens/{mint}"));
        let as_of = body["meta"]["as_of"].as_u64().unwrap();
        let data = &body["data"];
        let parts = [&data["token"], &data["pool"], &data["concentration"]].into_iter();
        for part in parts.chain(data["stats"].as_object().unwrap().values()).filter(|part| !part.is_null()) {
            assert!(part["as_of"].as_u64().unwrap() < as_of, "{part} at {as_of}");
        }
        // At the same frontier each part is the row that the record has.
        let (_, rows) = served.ask(&format!("/api/v1/records/token_stats?key={mint},24h"));
        if rows["meta"]["as_of"].as_u64() == Some(as_of) {
            assert_eq!(rows["data"][0], data["stats"]["24h"]);
        }
    }
    let mut rows = 0;
    for record in served.data("/api/v1/records").as_array().unwrap() {
        let name = record["record"].as_str().unwrap();
        for row in served.data(&format!("/api/v1/records/{name}?limit=50")).as_array().unwrap() {
            rows += 1;
            for column in record["columns"].as_array().unwrap() {
                let value = &row[column["name"].as_str().unwrap()];
                let is_right = value.is_null()
                    || match column["kind"].as_str().unwrap() {
                        "amount" | "sum" => value.as_str().is_some_and(|n| n.parse::<i128>().is_ok()),
                        "count" | "time" => value.is_u64(),
                        "float" => value.is_f64(),
                        "bool" => value.is_boolean(),
                        _ => value.is_string(),
                    };
                assert!(is_right, "{name}.{}: {value}", column["name"]);
                assert!(
                    row.get(column["name"].as_str().unwrap()).is_some(),
                    "{name} lacks {}",
                    column["name"]
                );
            }
        }
    }
    assert!(rows > 200, "{rows}");
}

/// R10: whatever arrives meanwhile, pages neither repeat nor skip.
#[test]
fn pages_of_events_neither_repeat_nor_skip_while_trades_arrive() {
    let served = Served::start(MARKET);
    let mint = served.mint();
    let walk = || {
        let (mut path, mut found) =
            (format!("/api/v1/tokens/{mint}/trades?limit=7&fields=event_id"), Vec::new());
        loop {
            let (status, body) = served.ask(&path);
            assert_eq!(status, 200, "{body}");
            found.extend(texts(&body["data"], "event_id"));
            match body["meta"]["next"].as_str() {
                Some(next) => {
                    path = format!("/api/v1/tokens/{mint}/trades?limit=7&fields=event_id&cursor={next}");
                }
                None => return found,
            }
        }
    };
    let first = walk();
    assert!(first.len() > 7, "{first:?}");
    assert!(first.is_sorted_by(|a, b| place(a) > place(b)), "the newest first: {first:?}");
    let again: Vec<String> = walk().into_iter().filter(|id| place(id) <= place(&first[0])).collect();
    assert_eq!(first, again);

    // A list whose order changes all the time: frozen for whoever goes on.
    let (mut path, mut mints) = ("/api/v1/tokens?limit=9&sort=1m.txns&fields=mint".to_owned(), Vec::new());
    let total = loop {
        let (status, body) = served.ask(&path);
        assert_eq!(status, 200, "{body}");
        mints.extend(texts(&body["data"], "mint"));
        match body["meta"]["next"].as_str() {
            Some(next) => path = format!("/api/v1/tokens?limit=9&sort=1m.txns&fields=mint&cursor={next}"),
            None => break body["meta"]["total"].as_u64().unwrap(),
        }
    };
    assert_eq!(mints.len() as u64, total);
    assert_eq!(mints.iter().collect::<BTreeSet<_>>().len() as u64, total, "none twice");
}

/// R26 in part: what is wrong is told with what would be right, and nothing else happens.
#[test]
fn wrong_requests_are_told_what_would_be_right() {
    let served = Served::start(MARKET);
    let mint = served.mint();
    for (path, status, kind, words) in [
        ("/api/v1/tokens?minLiquidity=1", 400, "invalid-parameter", "`min_liquidity`"),
        ("/api/v1/tokens?limit=501&order=up", 400, "invalid-parameter", "one of asc desc"),
        ("/api/v1/tokens?sort=name", 400, "invalid-parameter", "numeric or time column"),
        ("/api/v1/tokens?cursor=AAAA", 400, "invalid-parameter", "`cursor`"),
        ("/api/v1/tokens/x", 400, "invalid-parameter", "base58"),
        ("/api/v1/tokens?as_of=1", 400, "as-of-not-kept", "lifecycle"),
        ("/api/v1/tokens?search=%ff", 400, "invalid-parameter", "UTF-8"),
        ("/api/v1/tokens/11111111111111111111111111111111", 404, "not-found", "no token"),
        ("/api/v1/records/secrets", 404, "not-found", "no record"),
        ("/api/v1/search", 400, "invalid-parameter", "`q` is missing"),
        ("/api/v1/stream", 400, "invalid-parameter", "`ch`"),
        ("/api/v1/stream?ch=x", 400, "invalid-parameter", "no channel"),
        ("/api/v1/nothing", 404, "not-found", "/docs"),
        ("/ws?key=mk_secret", 400, "invalid-parameter", "logs"),
        ("/api/v1/tokens?min_as_of=2000000000000000", 400, "invalid-parameter", "that far ahead"),
    ] {
        let (found, body) = served.ask(path);
        assert_eq!((found, &body["type"]), (status, &json!(format!("/problems/{kind}"))), "{path}: {body}");
        assert!(body["detail"].as_str().unwrap().contains(words), "{path}: {body}");
        assert!(!body.to_string().contains("mk_secret"), "{body}");
    }
    // A frontier that has not come yet is waited for, up to two seconds.
    let as_of = served.ask("/api/v1/progress").1["meta"]["as_of"].as_u64().unwrap();
    let (status, body) = served.ask(&format!("/api/v1/progress?min_as_of={}", as_of + 2_000_000));
    assert_eq!(status, 200, "{body}");
    assert!(body["meta"]["as_of"].as_u64().unwrap() >= as_of + 2_000_000, "{body}");
    let (status, body) = served.ask(&format!("/api/v1/progress?min_as_of={}", as_of + 59_000_000));
    assert_eq!((status, &body["type"]), (503, &json!("/problems/behind")));
    let (status, _, _) = served.answer("/api/v1/tokens", &[("host", "evil.example")]);
    assert_eq!(status, 403, "a name that it does not answer to");
    let _ = mint;
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let served = Served::start(MARKET);
    let path = "/api/v1/records";
    let (_, headers, plain) = served.answer(path, &[]);
    let etag = headers["etag"].clone();
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["content-security-policy"].starts_with("default-src 'none'"));
    let (status, _, body) = served.answer(path, &[("if-none-match", &etag)]);
    assert_eq!((status, body.as_str()), (304, ""));
    let (_, headers, unpacked) = served.answer(path, &[("accept-encoding", "gzip")]);
    assert_eq!(headers.get("etag"), Some(&etag), "{}", unpacked.len() + plain.len());
    let document = served.ask("/openapi.json").1;
    for path in document["paths"].as_object().unwrap().keys().filter(|path| !path.contains('{')) {
        let path = if path.ends_with("/search") { "/api/v1/search?q=a" } else { path };
        assert_eq!(served.answer(path, &[]).0, 200, "{path}");
    }
    assert!(served.answer("/metrics", &[]).2.contains("api_request_seconds_count"));
}

/// What a client holds of one subscription.
#[derive(Default)]
struct Held {
    /// By record, then by key.
    rows: BTreeMap<String, BTreeMap<String, Value>>,
    keys: BTreeMap<String, Vec<String>>,
    last: Option<u64>,
    epoch: String,
    snapshots: Vec<String>,
    resumed: usize,
}

impl Held {
    fn key(&self, record: &str, row: &Value) -> String {
        Value::from(self.keys[record].iter().map(|name| row[name].clone()).collect::<Vec<_>>()).to_string()
    }

    /// Takes a frame as the rule for clients has it.
    fn take(&mut self, frame: &Value) {
        let single = json!({ "": frame });
        let tables = frame.get("tables").unwrap_or(&single).as_object().unwrap();
        let as_of = frame["as_of"].as_u64().unwrap();
        match frame["op"].as_str().unwrap() {
            "snapshot" => {
                self.snapshots.push(frame["reason"].as_str().unwrap().to_owned());
                self.rows.clear();
                for (record, table) in tables {
                    let key = table["key"].as_array().unwrap().iter().map(|k| k.as_str().unwrap().to_owned());
                    self.keys.insert(record.clone(), key.collect());
                    for row in table["rows"].as_array().unwrap() {
                        let key = self.key(record, row);
                        self.rows.entry(record.clone()).or_default().insert(key, row.clone());
                    }
                }
            }
            "resumed" => {
                assert_eq!(Some(as_of), self.last);
                self.resumed += 1;
            }
            _ => {
                assert_eq!(
                    frame["prev"].as_u64(),
                    self.last,
                    "R2: a frame goes on from the one before: {frame}"
                );
                assert!(Some(as_of) > self.last);
                for (record, table) in tables {
                    for row in table["upserts"].as_array().unwrap() {
                        let key = self.key(record, row);
                        self.rows.entry(record.clone()).or_default().insert(key, row.clone());
                    }
                    for key in table["deletes"].as_array().unwrap() {
                        self.rows.entry(record.clone()).or_default().remove(&key.to_string());
                    }
                }
            }
        }
        self.last = Some(as_of);
    }
}

/// Follows channels until the run ends, with the line cut after every so many frames.
async fn follow(address: &str, channels: &[Value], cut_after: usize) -> BTreeMap<u64, Held> {
    let mut held: BTreeMap<u64, Held> = BTreeMap::new();
    'connected: loop {
        let Ok((mut socket, _)) = tokio_tungstenite::connect_async(format!("ws://{address}/ws")).await else {
            return held; // the run has ended
        };
        let mut frames = 0;
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["op"].as_str().unwrap() {
                "hello" => {
                    let epoch = frame["epoch"].as_str().unwrap();
                    for channel in channels {
                        let id = channel["id"].as_u64().unwrap();
                        let of = held.entry(id).or_default();
                        epoch.clone_into(&mut of.epoch);
                        let mut wanted = channel.clone();
                        wanted["op"] = "subscribe".into();
                        if let Some(last) = of.last {
                            wanted["after"] = format!("{epoch}:{last}").into();
                        }
                        socket.send(Message::text(wanted.to_string())).await.unwrap();
                    }
                }
                "snapshot" | "change" | "resumed" => {
                    held.get_mut(&frame["id"].as_u64().unwrap()).unwrap().take(&frame);
                    frames += 1;
                    if frames >= cut_after {
                        continue 'connected; // without a farewell
                    }
                }
                "error" => panic!("{frame}"),
                "goodbye" => return held,
                _ => {}
            }
        }
    }
}

/// The rows of a statement, by the JSON of their first columns.
fn stored(database: &rusqlite::Connection, sql: &str, key: usize) -> BTreeSet<String> {
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map((), |row| {
        let part = |at| {
            row.get::<_, rusqlite::types::Value>(at).map(|value| match value {
                rusqlite::types::Value::Integer(n) => json!(n),
                rusqlite::types::Value::Text(text) => json!(text),
                other => panic!("{other:?}"),
            })
        };
        Ok(Value::from((0..key).map(part).collect::<Result<Vec<_>, _>>()?).to_string())
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// R1, R2: after every cut a client goes on or is told why not, and at the end it holds what the store holds.
#[test]
fn a_client_whose_line_is_cut_ends_with_what_the_store_holds() {
    let mut served = Served::start(MARKET);
    let mint = served.mint();
    let channels = [
        json!({ "id": 1, "ch": "trades" }),
        json!({ "id": 2, "ch": "market" }),
        json!({ "id": 3, "ch": format!("candles:{mint}:1m") }),
        json!({ "id": 4, "ch": "trades", "side": "buy", "max_rate": 2 }),
        json!({ "id": 5, "ch": format!("token:{mint}") }),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let held = runtime.block_on(follow(&served.address.clone(), &channels, 19));
    let database = served.ended();
    let [trades, market, candles, buys, token] = [1, 2, 3, 4, 5].map(|id| &held[&id]);

    // Of trades the first snapshot had the last fifty; from there on all are held.
    let of = |held: &Held, sql: &str| {
        let rows = &held.rows[""];
        let first = rows.values().map(|row| row["slot"].as_u64().unwrap()).min().unwrap();
        let wanted = stored(&database, &format!("SELECT event_id FROM trades WHERE slot > {first} {sql}"), 1);
        let found: BTreeSet<String> = rows
            .iter()
            .filter(|(_, row)| row["slot"].as_u64().unwrap() > first)
            .map(|(key, _)| key.clone())
            .collect();
        assert!(wanted.len() > 500, "{}", wanted.len());
        let lacking: Vec<&String> = wanted.difference(&found).collect();
        let surplus: Vec<&String> = found.difference(&wanted).collect();
        assert!(
            lacking.is_empty() && surplus.is_empty(),
            "{sql}: lacks {} of {}, the first {:?} and the last {:?}; has {} too many",
            lacking.len(),
            wanted.len(),
            lacking.first(),
            lacking.last(),
            surplus.len()
        );
    };
    of(trades, "");
    of(buys, "AND side = 'buy'");
    assert!(trades.resumed >= 2 && trades.snapshots == ["new"], "{:?} {}", trades.snapshots, trades.resumed);

    let found: BTreeSet<String> = market.rows["leaders"]
        .values()
        .map(|row| json!([row["board"], row["rank"], row["mint"]]).to_string())
        .collect();
    assert_eq!(found, stored(&database, "SELECT board, rank, mint FROM leaders", 3));
    for row in market.rows["leaders"].values() {
        let key = json!([row["mint"]]).to_string();
        assert!(market.rows["tokens"].contains_key(&key), "the token of {row} is not known");
    }
    assert!(candles.rows[""].len() > 2, "{:?}", candles.rows);
    let told = candles.rows[""]
        .values()
        .map(|row| (row["open_time"].as_i64(), row["close"].as_f64(), row["trades"].as_i64()));
    for (open_time, close, trades) in told {
        let sql = "SELECT count(*) FROM candles WHERE interval = '1m' AND open_time = ?1 AND close IS ?2 AND trades = ?3";
        let found: i64 = database.query_row(sql, (open_time, close, trades), |row| row.get(0)).unwrap();
        assert!(found > 0, "{open_time:?} {close:?} {trades:?} of {mint}");
    }
    let windows =
        stored(&database, &format!("SELECT mint, window, txns FROM token_stats WHERE mint = '{mint}'"), 3);
    let told = token.rows["token_stats"].values();
    let told: BTreeSet<String> =
        told.map(|row| json!([row["mint"], row["window"], row["txns"]]).to_string()).collect();
    assert_eq!(told, windows);
}

/// Server-sent events carry the same frames, and go on behind the last event's id.
#[test]
fn server_sent_events_go_on_behind_the_last_id() {
    let served = Served::start(MARKET);
    let read = |after: Option<&str>, frames: usize| {
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        let mut request =
            agent.get(format!("http://{}/api/v1/stream?ch=trades&ch=new-tokens", served.address));
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        let response = request.call().unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (mut held, mut id, mut names) = (BTreeMap::<u64, Vec<Value>>::new(), String::new(), Vec::new());
        let (mut name, mut count) = (String::new(), 0);
        for line in BufReader::new(response.into_body().into_reader()).lines().map_while(Result::ok) {
            if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut name);
            } else if let Some(text) = line.strip_prefix("id: ") {
                text.clone_into(&mut id);
            } else if let Some(text) = line.strip_prefix("data: ") {
                let frame: Value = serde_json::from_str(text).unwrap();
                if let Some(of) = frame["id"].as_u64() {
                    held.entry(of).or_default().push(frame);
                    names.push(name.clone());
                    count += 1;
                }
            }
            if count >= frames && line.is_empty() && !id.is_empty() {
                break;
            }
        }
        (held, id, names)
    };
    let (first, id, names) = read(None, 6);
    assert_eq!(names[..2], ["snapshot", "snapshot"]);
    let last = first[&0].last().unwrap()["as_of"].as_u64().unwrap();
    let (second, _, names) = read(Some(&id), 3);
    assert!(names.iter().all(|name| name == "change" || name == "snapshot"));
    let next = &second[&0][0];
    assert_eq!(next["op"], "change", "trades go on without a snapshot: {next}");
    assert!(next["prev"].as_u64().unwrap() >= last, "{next} after {id}");
}

/// R15: the charting library scrolls back to the first bar in finitely many calls, and no bar comes twice.
#[test]
fn charts_scroll_back_to_their_first_bar_and_end_there() {
    let served = Served::start(MARKET);
    let mint = served.mint();
    let symbol = served.ask(&format!("/udf/symbols?symbol={mint}")).1;
    assert_eq!((&symbol["ticker"], &symbol["session"]), (&json!(mint), &json!("24x7")));
    let now = loop {
        let now: u64 = served.ask("/udf/time").1.as_u64().unwrap();
        let path = format!("/udf/history?symbol={mint}&resolution=1S&from=0&to={now}&countback=40");
        if served.ask(&path).1["t"].as_array().is_some_and(|bars| bars.len() > 3) {
            break now;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let (mut to, mut seen, mut calls) = (now, BTreeSet::new(), 0);
    loop {
        calls += 1;
        assert!(calls < 50, "it does not end");
        let path = format!("/udf/history?symbol={mint}&resolution=1S&from=0&to={to}&countback=40");
        let bars = served.ask(&path).1;
        if bars["s"] == "no_data" {
            assert_eq!(bars.get("nextTime"), None, "else the library asks for ever: {bars}");
            break;
        }
        let times: Vec<u64> = bars["t"].as_array().unwrap().iter().map(|t| t.as_u64().unwrap()).collect();
        assert!(
            times.is_sorted() && times.len() <= 40 && *times.last().unwrap() < to,
            "{times:?} before {to}"
        );
        for time in &times {
            assert!(seen.insert(*time), "{time} comes twice");
        }
        to = times[0];
    }
    assert!(seen.len() > 3, "{seen:?}");
    let first = *seen.first().unwrap();
    let whole = served
        .ask(&format!("/udf/history?symbol={mint}&resolution=1S&from={}&to={}", first + 1, first + 1))
        .1;
    assert_eq!(whole, json!({ "s": "no_data", "nextTime": first }), "where the bar before is");
    assert_eq!(served.ask("/udf/history?symbol=x&resolution=1&from=0&to=1").1["errmsg"], "unknown_symbol");
    assert_eq!(served.ask("/udf/config").1["supports_time"], true);
    let upper = served
        .data("/api/v1/tokens?limit=50")
        .as_array()
        .unwrap()
        .iter()
        .find_map(|t| t["symbol"].as_str().map(str::to_uppercase));
    let found = served
        .ask(&format!("/udf/search?query={}&type=&exchange=&limit=5", upper.unwrap().replace(' ', "%20")))
        .1;
    assert_eq!(found[0]["type"], "crypto", "{found}");
}

/// The page and its files, and nothing from elsewhere in them.
#[test]
fn the_page_is_served_with_its_first_rows_and_loads_nothing_from_elsewhere() {
    let served = Served::start(MARKET);
    let mint = served.mint();
    for path in ["/", &format!("/t/{mint}"), "/smart", "/alerts", "/docs", &format!("/w/{mint}")] {
        let (status, headers, html) = served.answer(path, &[]);
        assert_eq!((status, headers["content-type"].as_str()), (200, "text/html; charset=utf-8"), "{path}");
        assert!(!html.contains("{{"), "{html}");
        let files: Vec<&str> = html.split('"').filter(|part| part.starts_with("/static/")).collect();
        assert!(files.len() >= 3);
        for file in files {
            let (status, headers, _) = served.answer(file, &[]);
            assert_eq!(status, 200, "{file}");
            assert!(headers["cache-control"].contains("immutable"));
        }
    }
    let (_, _, html) = served.answer("/", &[]);
    assert!(html.contains(&mint[..8]), "the first rows stand in the document");
    for file in ["index.html", "app.css", "app.js", "token.js", "pages.js"] {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/page").join(file))
                .unwrap();
        let foreign: Vec<&str> = text.split_whitespace().filter(|word| word.contains("://")).collect();
        let own = |word: &&str| word.contains("location") || word.contains("www.w3.org");
        assert!(foreign.iter().all(own), "{file}: {foreign:?}");
    }
}
