//! `millrace run`: source, dataflow and sinks, until it is told to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use config::{Config, ControlsConfig, Speed};
use serde_json::Value;
use sinks::sqlite::EmbeddedStore;
use sinks::{Sink, SinkConfig, sqlite};

use crate::cli::Global;
use crate::clock::utc;
use crate::console::Console;
use crate::controls::Followed;
use crate::engine::{self, Job, Store, Summary, Watch};
use crate::failure::{Outcome, WithHint as _};
use crate::source::Sources;
use crate::ticker::Ticker;
use crate::{demo, monitor, settings, source, stop};

const EXAMPLES: &str = "\
Examples:
  millrace run
  millrace run --db /var/lib/millrace/live.db --workers 4
  millrace run --speed max --seconds 60
  millrace --config millrace.toml run
  millrace run --list wallets.jsonl

Ctrl-C or SIGTERM ends it cleanly: what was read is worked out, written and checkpointed. Started
again on the same database it goes on where it was. Without a terminal it logs a JSON line every
few seconds.

The page is at http://127.0.0.1:8080/ while it runs, and the API under /docs there. Or look at the
result by other means:
  sqlite3 millrace.db \"select * from candles where interval = '1m' order by open_time desc limit 10\"";

const GOES_ON: &str =
    "what was written is whole; the next run on this database goes on from its last checkpoint";

/// Under this name the database remembers what it is fed with.
const SOURCE_META: &str = "source";

/// Run the pipeline: by default a simulated market into the database millrace.db
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Run {
    /// The database, instead of the configured one; it is created if it is not there
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// Stop by itself after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Threads that compute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    workers: Option<i64>,
    /// A multiple of the speed of the market, or `max`
    #[arg(long, value_name = "SPEED")]
    speed: Option<Speed>,
    /// Files with lists of wallets whose trades are matched, instead of the configured ones; they are followed,
    /// so that an edit is taken in as it happens
    #[arg(long = "list", value_name = "FILE")]
    lists: Vec<PathBuf>,
    /// Files with alert rules, instead of the configured ones; they are followed too
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Where the page and the API are served, instead of the configured address
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "no_api")]
    listen: Option<String>,
    /// Serve nothing
    #[arg(long)]
    no_api: bool,
}

impl Run {
    pub(crate) fn run(self, global: &Global, console: &Arc<Console>) -> anyhow::Result<Outcome> {
        let mut layers = settings::layers(global);
        if let Some(workers) = self.workers {
            layers = layers.flag("--workers", "run.workers", workers);
        }
        if let Some(speed) = self.speed {
            layers = layers.flag("--speed", "run.speed", speed.to_string());
        }
        if self.no_api {
            layers = layers.flag("--no-api", "api.enabled", false);
        }
        if let Some(listen) = self.listen {
            layers = layers.flag("--listen", "api.listen", listen);
        }
        let mut config = settings::load(layers)?.config;
        if let Some(path) = self.db {
            use_database(&mut config, path);
        }
        if !self.lists.is_empty() {
            config.controls.lists = self.lists;
        }
        if !self.rules.is_empty() {
            config.controls.rules = self.rules;
        }
        let shown_off = demo::enliven(&mut config);
        let stop = stop::on_signal()?;
        let (store, sinks) = open_sinks(&config)?;
        let is_kept = store.is_some();
        let watch = Arc::new(Watch::default());
        let Sources { source, oracle } = source::open_with_oracle(&config.source, &config.oracle)?;
        let served = serve(&config, database(&config), &watch)?;
        if let Some(url) = &served.url {
            console.say(&format!("the page is at {url}"));
        }
        let job = Job {
            source,
            oracle,
            controls: followed(&config.controls).into_iter().chain(shown_off.into_iter().flatten()).collect(),
            sinks,
            store,
            params: config.dataflow.clone(),
            run: config.run.clone(),
            stop: Arc::clone(&stop),
            watch: Arc::clone(&watch),
            tap: served.tap,
        };
        let flow = format!("{}  {}", flow(&config), served.url.as_deref().unwrap_or_default());
        let subject = monitor::Subject {
            flow: flow.trim_end().to_owned(),
            workers: config.run.workers,
            watch: Arc::clone(&watch),
        };
        let alarm = self.seconds.map(|seconds| stop_after(seconds, &stop)).transpose()?;
        let shown = monitor::start(subject, console)?;
        let summary = engine::run(job);
        drop((shown, alarm, served.server));
        console.release();
        let summary = if is_kept { summary.hint(GOES_ON)? } else { summary? };
        console.say(&farewell(&summary, &watch, &config));
        Ok(Outcome::refused_if(!watch.rejects().is_empty()))
    }
}

/// What is served beside a run; all of it is absent if nothing is.
struct Served {
    /// Ends when it is dropped.
    #[cfg(feature = "api")]
    server: Option<::api::Server>,
    #[cfg(not(feature = "api"))]
    server: (),
    tap: Option<engine::Tap>,
    url: Option<String>,
}

#[cfg(feature = "api")]
fn serve(config: &Config, store: Option<PathBuf>, watch: &Arc<Watch>) -> anyhow::Result<Served> {
    let serving = crate::api::start(config, store, watch)?;
    let url = serving.as_ref().map(|serving| serving.server.url());
    let (server, tap) = serving.map(|serving| (serving.server, serving.tap)).unzip();
    Ok(Served { server, tap, url })
}

#[cfg(not(feature = "api"))]
fn serve(config: &Config, _: Option<PathBuf>, _: &Arc<Watch>) -> anyhow::Result<Served> {
    if config.api.enabled {
        tracing::debug!("this millrace was built without the feature `api`");
    }
    Ok(Served { server: (), tap: None, url: None })
}

/// The files that are followed, by what they hold.
fn followed(config: &ControlsConfig) -> Vec<Followed> {
    let some = |paths: &Vec<PathBuf>| Some(paths.clone()).filter(|paths| !paths.is_empty());
    some(&config.lists)
        .map(Followed::lists)
        .into_iter()
        .chain(some(&config.rules).map(Followed::rules))
        .collect()
}

/// Puts the path into the configured database, or adds one.
pub(super) fn use_database(config: &mut Config, path: PathBuf) {
    let configured = config.sinks.iter_mut().find_map(|sink| match sink {
        SinkConfig::Sqlite(config) => Some(config),
        _ => None,
    });
    match configured {
        Some(database) => database.path = path,
        None => config.sinks.push(SinkConfig::Sqlite(sqlite::Config { path, ..sqlite::Config::default() })),
    }
}

/// Sets `stop` once the time is over.
fn stop_after(seconds: u64, stop: &Arc<AtomicBool>) -> anyhow::Result<Ticker> {
    let stop = Arc::clone(stop);
    Ticker::start(Duration::from_secs(seconds), move || stop.store(true, Ordering::Relaxed))
}

/// The path of the embedded store, if there is one.
fn database(config: &Config) -> Option<PathBuf> {
    config.sinks.iter().find_map(|sink| match sink {
        SinkConfig::Sqlite(database) => Some(database.path.clone()),
        _ => None,
    })
}

type Opened = (Option<Store>, Vec<Box<dyn Sink>>);

/// The first database is the store of the event log and the checkpoints; the others are only written to.
fn open_sinks(config: &Config) -> anyhow::Result<Opened> {
    let mut opened: Opened = (None, Vec::new());
    for sink in &config.sinks {
        match sink {
            SinkConfig::Sqlite(database) if opened.0.is_none() => {
                let mut store = EmbeddedStore::open(database)?;
                remember_source(&mut store, config)?;
                opened.0 = Some(Store::new(store));
            }
            other => opened.1.push(other.open()?),
        }
    }
    Ok(opened)
}

/// A database holds one stream of events: going on with another one would mix two markets.
fn remember_source(store: &mut EmbeddedStore, config: &Config) -> anyhow::Result<()> {
    let path = store.path().display().to_string();
    let present = source::identity(&config.source, &config.oracle)?;
    match store.meta(SOURCE_META)? {
        None => {
            store.set_meta(SOURCE_META, &present)?;
            Ok(store.commit()?)
        }
        Some(before) if before == present => Ok(()),
        Some(before) => {
            Err(anyhow!("{path} was filled from another source: {}", difference(&before, &present)))
                .hint("give this run another database with --db, or the settings that the database has")
        }
    }
}

/// What is not the same in two sources, as `key: before → present`.
fn difference(before: &str, present: &str) -> String {
    let settings =
        |identity: &str| -> BTreeMap<String, Value> { serde_json::from_str(identity).unwrap_or_default() };
    let (before, present) = (settings(before), settings(present));
    let keys: BTreeSet<_> = before.keys().chain(present.keys()).collect();
    let value =
        |side: &BTreeMap<String, Value>, key: &str| side.get(key).map_or("none".to_owned(), Value::to_string);
    let differing = keys.into_iter().filter(|key| before.get(*key) != present.get(*key));
    let each: Vec<_> =
        differing.map(|key| format!("{key}: {} → {}", value(&before, key), value(&present, key))).collect();
    each.join(", ")
}

fn flow(config: &Config) -> String {
    let name = |sink: &SinkConfig| format!("{} {}", sink.type_name(), sink.place());
    let sinks: Vec<String> = config.sinks.iter().map(name).collect();
    format!("{} → {}", source::name(&config.source), sinks.join(", "))
}

/// What was done and how to look at it.
fn farewell(summary: &Summary, watch: &Watch, config: &Config) -> String {
    let until = summary.event_time.map_or_else(|| "the start".to_owned(), utc);
    let count = indicatif::HumanCount;
    let mut text = format!(
        "took in {} events up to {until} in {:.1} s: {}; wrote {} changes of candles",
        count(watch.events()),
        summary.took.as_secs_f64(),
        summary.trades,
        count(watch.candle_changes()),
    );
    for sink in &config.sinks {
        text.push_str(&match sink {
            SinkConfig::Sqlite(config) => look_at_database(&config.path),
            SinkConfig::Jsonl(config) => format!("\nlook at it: head {}/candles.jsonl", config.dir.display()),
            SinkConfig::ClickHouse(config) => {
                format!("\nlook at it: select * from {}.candles, at {}", config.database, config.url)
            }
            SinkConfig::Questdb(config) => {
                format!("\nlook at it: select * from {}candles, at {}", config.prefix, config.url)
            }
            #[cfg(feature = "kafka")]
            SinkConfig::Kafka(config) => {
                format!("\nlook at it: the topic {}.candles, at {}", config.prefix, config.brokers)
            }
        });
    }
    text
}

fn look_at_database(path: &Path) -> String {
    let query = "select * from candles where interval = '1m' order by open_time desc limit 10";
    format!("\nlook at it: sqlite3 {} \"{query}\"", path.display())
}
