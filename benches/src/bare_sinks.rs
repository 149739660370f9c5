//! The bare insert loops that sinks are measured beside: each client's own way of writing rows, and nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use questdb::ingress::{Buffer, ColumnName, DecimalView, Protocol, ProtocolVersion, SenderBuilder};
use questdb::ingress::{TableName, TimestampMicros};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use serde::Serialize;
use sinks::SinkConfig;

use crate::sinks::{Place, TRADES, Trade};

/// How long a server may take for a step.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Writes all trades in batches of this size; says how long it took.
pub(crate) fn run(place: &Place, trades: &[Trade], batch: usize) -> anyhow::Result<Duration> {
    match &place.config {
        SinkConfig::Sqlite(_) => in_sqlite(&place.folder, trades, batch),
        SinkConfig::ClickHouse(config) => runtime()?.block_on(in_clickhouse(config, trades, batch)),
        SinkConfig::Kafka(config) => in_kafka(config, trades, batch),
        SinkConfig::Questdb(config) => in_questdb(config, trades, batch),
        other @ SinkConfig::Jsonl(_) => bail!("there is no bare loop for {}", other.type_name()),
    }
}

/// Removes what the sink and the bare loop wrote.
pub(crate) fn clean(place: &Place) -> anyhow::Result<()> {
    match &place.config {
        SinkConfig::ClickHouse(config) => {
            let drop = format!("DROP DATABASE {} SYNC", config.database);
            sinks::clickhouse::Server::new(config)?.fetch(&drop)?;
        }
        SinkConfig::Kafka(config) => {
            let admin = admin(config)?;
            let metadata = admin.inner().fetch_metadata(None, TIMEOUT)?;
            let names = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
            let own: Vec<&str> = names.filter(|name| name.starts_with(&config.prefix)).collect();
            runtime()?.block_on(admin.delete_topics(&own, &AdminOptions::new()))?;
        }
        SinkConfig::Questdb(config) => {
            for name in ["bench_trades_versions", "_progress", "bare"] {
                sql(config, &format!("DROP TABLE IF EXISTS \"{}{name}\"", config.prefix))?;
            }
            sql(config, &format!("DROP VIEW IF EXISTS \"{}bench_trades\"", config.prefix))?;
        }
        _ => {}
    }
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")
}

fn password(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).context("cannot read a password")
}

fn in_sqlite(folder: &Path, trades: &[Trade], batch: usize) -> anyhow::Result<Duration> {
    let mut connection = rusqlite::Connection::open(folder.join("bare.db"))?;
    connection.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;
         CREATE TABLE trades (event_id TEXT PRIMARY KEY, block_time INTEGER, mint TEXT, trader TEXT, signature TEXT,
             side TEXT, commitment TEXT, slot INTEGER, base_amount TEXT, quote_amount TEXT, volume TEXT, price REAL,
             value_usd REAL, as_of INTEGER, def_version INTEGER) WITHOUT ROWID",
    )?;
    let started = Instant::now();
    for trades in trades.chunks(batch) {
        let transaction = connection.transaction()?;
        let mut insert = transaction
            .prepare("INSERT OR REPLACE INTO trades VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
        for trade in trades {
            insert.execute(rusqlite::params![
                trade.event_id,
                trade.block_time_ms.cast_signed(),
                trade.mint,
                trade.trader,
                trade.signature,
                trade.side,
                "confirmed",
                trade.slot.cast_signed(),
                trade.base_amount.to_string(),
                trade.quote_amount.to_string(),
                trade.base_amount.to_string(),
                trade.price,
                trade.price * 150.0,
                (trade.block_time_ms * 1_000).cast_signed(),
                1,
            ])?;
        }
        drop(insert);
        transaction.commit()?;
    }
    Ok(started.elapsed())
}

/// A row of the sink's own table.
#[derive(clickhouse::Row, Serialize)]
struct Inserted<'t> {
    event_id: &'t str,
    block_time: Option<i64>,
    mint: Option<&'t str>,
    trader: Option<&'t str>,
    signature: Option<&'t str>,
    side: Option<&'t str>,
    commitment: Option<&'t str>,
    slot: Option<u64>,
    base_amount: Option<u64>,
    quote_amount: Option<u64>,
    volume: Option<i128>,
    price: Option<f64>,
    value_usd: Option<f64>,
    as_of: i64,
    def_version: u16,
    #[serde(rename = "_version")]
    version: u64,
    #[serde(rename = "_is_deleted")]
    is_deleted: u8,
}

impl<'t> From<&'t Trade> for Inserted<'t> {
    fn from(trade: &'t Trade) -> Self {
        Self {
            event_id: &trade.event_id,
            block_time: Some(trade.block_time_ms.cast_signed()),
            mint: Some(&trade.mint),
            trader: Some(&trade.trader),
            signature: Some(&trade.signature),
            side: Some(trade.side),
            commitment: Some("confirmed"),
            slot: Some(trade.slot),
            base_amount: Some(trade.base_amount),
            quote_amount: Some(trade.quote_amount),
            volume: Some(trade.base_amount.into()),
            price: Some(trade.price),
            value_usd: Some(trade.price * 150.0),
            as_of: (trade.block_time_ms * 1_000).cast_signed(),
            def_version: 1,
            version: 1,
            is_deleted: 0,
        }
    }
}

async fn in_clickhouse(
    config: &sinks::clickhouse::Config,
    trades: &[Trade],
    batch: usize,
) -> anyhow::Result<Duration> {
    let client = clickhouse::Client::default()
        .with_url(&config.url)
        .with_user(&config.user)
        .with_password(password(&config.password_file)?)
        .with_database(&config.database);
    client.query(&format!("CREATE TABLE bare AS {}_versions", TRADES.name)).execute().await?;
    let started = Instant::now();
    for trades in trades.chunks(batch) {
        let mut insert = client.insert::<Inserted<'_>>("bare").await?;
        for trade in trades {
            insert.write(&Inserted::from(trade)).await?;
        }
        insert.end().await?;
    }
    Ok(started.elapsed())
}

/// The value of a message.
#[derive(Serialize)]
struct Sent<'t> {
    event_id: &'t str,
    block_time: u64,
    mint: &'t str,
    trader: &'t str,
    signature: &'t str,
    side: &'t str,
    commitment: &'t str,
    slot: u64,
    base_amount: String,
    quote_amount: String,
    volume: String,
    price: f64,
    value_usd: f64,
    as_of: u64,
    def_version: u16,
}

impl<'t> From<&'t Trade> for Sent<'t> {
    fn from(trade: &'t Trade) -> Self {
        Self {
            event_id: &trade.event_id,
            block_time: trade.block_time_ms,
            mint: &trade.mint,
            trader: &trade.trader,
            signature: &trade.signature,
            side: trade.side,
            commitment: "confirmed",
            slot: trade.slot,
            base_amount: trade.base_amount.to_string(),
            quote_amount: trade.quote_amount.to_string(),
            volume: trade.base_amount.to_string(),
            price: trade.price,
            value_usd: trade.price * 150.0,
            as_of: trade.block_time_ms * 1_000,
            def_version: 1,
        }
    }
}

fn admin(config: &sinks::kafka::Config) -> anyhow::Result<AdminClient<DefaultClientContext>> {
    Ok(ClientConfig::new().set("bootstrap.servers", &config.brokers).create()?)
}

fn in_kafka(config: &sinks::kafka::Config, trades: &[Trade], batch: usize) -> anyhow::Result<Duration> {
    let topic = format!("{}.bare", config.prefix);
    let new = NewTopic::new(&topic, config.partitions.into(), TopicReplication::Fixed(1));
    runtime()?.block_on(admin(config)?.create_topics(&[new], &AdminOptions::new()))?;
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &config.brokers)
        .set("transactional.id", &topic)
        .set("compression.type", "lz4")
        .set("linger.ms", "5")
        .set("queue.buffering.max.kbytes", (config.queue_mib * 1024).to_string())
        .set("queue.buffering.max.messages", "1000000")
        .create()?;
    producer.init_transactions(TIMEOUT)?;
    let started = Instant::now();
    for trades in trades.chunks(batch) {
        producer.begin_transaction()?;
        for trade in trades {
            let key = serde_json::to_vec(&[&trade.event_id])?;
            let value = serde_json::to_vec(&Sent::from(trade))?;
            let as_of = (trade.block_time_ms * 1_000).to_string();
            let headers =
                [("schema", TRADES.name), ("version", "1"), ("as_of", &as_of), ("commitment", "confirmed")];
            let headers =
                headers.into_iter().fold(OwnedHeaders::new_with_capacity(4), |headers, (key, value)| {
                    headers.insert(Header { key, value: Some(value) })
                });
            let mut record = BaseRecord::to(&topic).key(&key).payload(&value).headers(headers);
            while let Err((error, back)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                std::thread::sleep(Duration::from_millis(1));
                record = back;
            }
        }
        producer.commit_transaction(TIMEOUT)?;
    }
    Ok(started.elapsed())
}

fn in_questdb(config: &sinks::questdb::Config, trades: &[Trade], batch: usize) -> anyhow::Result<Duration> {
    let table = format!("{}bare", config.prefix);
    sql(config, &format!("CREATE TABLE \"{table}\" (LIKE \"{}{}_versions\")", config.prefix, TRADES.name))?;
    let address = config.url.trim_start_matches("http://");
    let (host, port) = address.split_once(':').context("the address of QuestDB has no port")?;
    let mut sender = SenderBuilder::new(Protocol::Http, host, port)
        .protocol_version(ProtocolVersion::V3)?
        .request_timeout(TIMEOUT)?
        .username(&config.user)?
        .password(&password(&config.password_file)?)?
        .build()?;
    let started = Instant::now();
    let mut buffer = sender.new_buffer();
    for trades in trades.chunks(batch) {
        for trade in trades {
            put(&table, trade, &mut buffer)?;
        }
        sender.flush_and_keep_with_flags(&buffer, true)?;
        buffer.clear();
    }
    Ok(started.elapsed())
}

fn put(table: &str, trade: &Trade, buffer: &mut Buffer) -> Result<(), questdb::Error> {
    let name = ColumnName::new_unchecked;
    let micros = TimestampMicros::new((trade.block_time_ms * 1_000).cast_signed());
    let decimal = |n: u64| n.to_be_bytes();
    buffer.table(TableName::new_unchecked(table))?;
    buffer.column_str(name("event_id"), &trade.event_id)?;
    buffer.column_str(name("mint"), &trade.mint)?;
    buffer.column_str(name("trader"), &trade.trader)?;
    buffer.column_str(name("signature"), &trade.signature)?;
    buffer.column_str(name("side"), trade.side)?;
    buffer.column_str(name("commitment"), "confirmed")?;
    buffer.column_i64(name("slot"), trade.slot.cast_signed())?;
    for (column, n) in [
        ("base_amount", trade.base_amount),
        ("quote_amount", trade.quote_amount),
        ("volume", trade.base_amount),
    ] {
        buffer.column_dec(name(column), DecimalView::try_new_scaled(0, &decimal(n)[..])?)?;
    }
    buffer.column_f64(name("price"), trade.price)?;
    buffer.column_f64(name("value_usd"), trade.price * 150.0)?;
    buffer.column_ts(name("as_of"), micros)?;
    buffer.column_i64(name("def_version"), 1)?;
    buffer.column_bool(name("is_deleted"), false)?;
    buffer.at(micros)
}

/// Runs a statement of QuestDB.
fn sql(config: &sinks::questdb::Config, sql: &str) -> anyhow::Result<()> {
    use base64::Engine as _;
    let both = format!("{}:{}", config.user, password(&config.password_file)?);
    let both = base64::engine::general_purpose::STANDARD.encode(both);
    let request = ureq::get(format!("{}/exec", config.url)).query("query", sql);
    request.header("Authorization", format!("Basic {both}")).call().context(sql.to_owned())?;
    Ok(())
}
