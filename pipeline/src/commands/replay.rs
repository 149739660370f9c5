//! `millrace replay`: recorded input through the dataflow into files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use config::{Config, SourceConfig, SourceKind, Speed};
use model::Event;
use sinks::{SinkConfig, jsonl};
use sources::Source;
use sources::ahead::Ahead;
use sources::lists::{self, Lists};
use sources::quoted::Quoted;
use sources::quotes::{self, Quotes};

use crate::chain_order::ChainOrder;
use crate::cli::Global;
use crate::console::{Console, Progress};
use crate::engine::{self, Job, Summary, Watch};
use crate::event_log::EventLog;
use crate::failure::{Outcome, WithHint as _};
use crate::ticker::Ticker;
use crate::{rules, settings, source, stop};

const EXAMPLES: &str = "\
Examples:
  millrace replay recordings/ --out result
  millrace replay a.jsonl b.jsonl.zst --out result --workers 4
  millrace replay result/trades.jsonl --source trades --out again
  zstdcat feed.jsonl.zst | millrace replay - --out result
  millrace replay recordings/ --quotes sol-usd.jsonl --speed 10x --out result
  millrace replay --log millrace.db --out result
  millrace replay recordings/ --list wallets.jsonl --rules rules.toml --out result

Files may be packed (.zst, .gz). Normalized trades (--source trades) are JSON Lines or CSV whose first line
names the columns, with the names of the record `trades`. Needed: slot, signature, block_time (milliseconds
since 1970, or UTC as 2026-05-01T12:30:00Z), program, pool, mint, quote_mint, side (buy, sell), base_amount,
quote_amount (raw units), base_decimals, quote_decimals, and outer_ix or event_id. May be there: tx_index,
inner_ix, trader, trader_kind, quote_user, base_user, base_reserve, quote_reserve, base_supply, spot_before,
spot_price, fee_protocol, fee_creator, fee_lp, cashback, compute_units, priority_fee, received_at, commitment.
Columns that are derived (price, value_usd, labels, …) are passed over.

Writes result/<record>.jsonl: the rows as they stand at the end, sorted by key. The same events
give the same bytes, whatever the number of workers, the order of the files or their overlaps.
Exit code 3 if some of the input was refused; result/rejects.jsonl says what and why.";

/// How often the progress bar moves.
const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// Rejects that are named on standard error; all of them are in a file.
const REJECTS_NAMED: usize = 10;

/// Feed recorded transactions, trades or the log of a run, and write the results as JSON Lines
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Replay {
    #[command(flatten)]
    recording: Recording,
    /// The folder of the results; it is created if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Alert rules (TOML or JSON) that are there from the start
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// `live`, a multiple of the speed at which it happened such as `10x`, or `max`
    #[arg(long, value_name = "SPEED", default_value = "max")]
    speed: Speed,
}

/// What was recorded, and how it is read.
#[derive(Debug, Args)]
pub(crate) struct Recording {
    /// Files, folders (read with what is in them), or `-` for standard input; `.zst` and `.gz` are unpacked
    #[arg(required_unless_present = "log", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Instead of files, the events that a run has logged in this database
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "source"])]
    log: Option<PathBuf>,
    /// Files with prices of quote tokens in USD; they replace those that the recording holds
    #[arg(long, value_name = "FILE")]
    quotes: Vec<PathBuf>,
    /// Files with lists of wallets whose trades are matched, instead of the configured ones and of those that a
    /// log holds; what they hold was always known unless it says since when it is
    #[arg(long = "list", value_name = "FILE")]
    lists: Vec<PathBuf>,
    /// Threads that compute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    workers: Option<i64>,
    /// What the files hold
    #[arg(long, value_name = "SOURCE", default_value = "transactions")]
    source: Recorded,
    /// In which order events are fed
    #[arg(long, value_name = "ORDER", default_value = "chain")]
    order: Order,
}

/// What was fed.
pub(crate) struct Fed {
    watch: Arc<Watch>,
    pub(crate) was_interrupted: bool,
}

/// What files may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Recorded {
    /// Transactions and blocks as nodes and Yellowstone return them
    Transactions,
    /// Normalized trades, such as the trades.jsonl of a replay
    Trades,
}

/// In which order events are fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// Sorted by slot and canonical order: nothing is late
    Chain,
    /// As the files have them, as a live feed would bring them
    Arrival,
}

impl Replay {
    pub(crate) fn run(self, global: &Global, console: &Arc<Console>) -> anyhow::Result<Outcome> {
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot create the folder {}", self.out.display()))?;
        let rules = rules::read(&self.rules, console)?;
        let told = (console, rules.events, "replay");
        let (summary, fed) = self.recording.feed(global, told, self.speed, &self.out)?;
        let rejects = rows(&self.out, "rejects")?;
        self.name_rejects(rejects, console)?;
        console.say(&self.farewell(&summary, &fed, rejects)?);
        if fed.was_interrupted {
            bail!("interrupted: {} holds the results of what was read until then only", self.out.display());
        }
        Ok(Outcome::refused_if(rejects > 0 || rules.are_refused))
    }

    /// Names the first of what was refused.
    fn name_rejects(&self, rejects: u64, console: &Console) -> anyhow::Result<()> {
        let path = self.out.join("rejects.jsonl");
        let unreadable = || format!("cannot read {}", path.display());
        let lines = BufReader::new(File::open(&path).with_context(unreadable)?).lines();
        // Rows are in the order of their keys as text, in which line 10 comes before line 2.
        let mut first: BTreeSet<(Vec<Piece>, String)> = BTreeSet::new();
        for line in lines {
            let row: serde_json::Value = serde_json::from_str(&line.with_context(unreadable)?)?;
            let text = |column: &str| {
                row.get(column).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
            };
            let cursor = text("cursor");
            first.insert((pieces(&cursor), format!("{cursor}: {}: {}", text("reason"), text("detail"))));
            if first.len() > REJECTS_NAMED {
                first.pop_last();
            }
        }
        for (_, refused) in &first {
            console.say(&format!("refused: {refused}"));
        }
        let named = u64::try_from(REJECTS_NAMED).unwrap_or(u64::MAX);
        if rejects > named {
            console.say(&format!("… and {} more, see {}", rejects - named, path.display()));
        }
        Ok(())
    }

    /// One line of what went in, what came out and what was left aside.
    fn farewell(&self, summary: &Summary, fed: &Fed, rejects: u64) -> anyhow::Result<String> {
        let count = indicatif::HumanCount;
        let mut text = format!(
            "{} events: {}; {} candles, {} refused",
            count(fed.watch.events()),
            summary.trades,
            count(rows(&self.out, "candles")?),
            count(rejects),
        );
        for (name, value) in &summary.counts {
            text.push_str(&format!(", {name} {value}"));
        }
        text.push_str(&format!("; {:.1} s; see {}", summary.took.as_secs_f64(), self.out.display()));
        Ok(text)
    }
}

impl Recording {
    /// Feeds what was recorded, behind `ahead`, and writes the results to the folder `out`.
    pub(crate) fn feed(
        &self,
        global: &Global,
        (console, ahead, what): (&Arc<Console>, Vec<Event>, &str),
        speed: Speed,
        out: &Path,
    ) -> anyhow::Result<(Summary, Fed)> {
        let mut layers = settings::layers(global).flag("--speed", "run.speed", speed.to_string());
        if let Some(workers) = self.workers {
            layers = layers.flag("--workers", "run.workers", workers);
        }
        let mut config = settings::load(layers)?.config;
        let stop = stop::on_signal()?;
        let sink = SinkConfig::Jsonl(jsonl::Config { dir: out.to_owned() }).open()?;
        self.choose_source(&mut config.source);
        let watch = Arc::new(Watch::default());
        let source = self.open_source(&config, console, out)?;
        let job = Job {
            source: Box::new(Ahead::new(source, ahead)),
            oracle: None,
            controls: Vec::new(),
            sinks: vec![sink],
            store: None,
            params: config.dataflow,
            run: config.run,
            stop: Arc::clone(&stop),
            watch: Arc::clone(&watch),
            tap: None,
        };
        let bar = show(console.progress(what), &watch)?;
        let summary = engine::run(job);
        drop(bar);
        let summary =
            summary.hint(format!("nothing was written; start the {what} again once the cause is gone"))?;
        Ok((summary, Fed { watch, was_interrupted: stop.load(Ordering::Relaxed) }))
    }

    fn choose_source(&self, config: &mut SourceConfig) {
        match self.source {
            Recorded::Transactions => {
                config.kind = SourceKind::Transactions;
                config.transactions.paths.clone_from(&self.paths);
            }
            Recorded::Trades => {
                config.kind = SourceKind::Trades;
                config.trades.paths.clone_from(&self.paths);
            }
        }
    }

    fn open_source(&self, config: &Config, console: &Console, out: &Path) -> anyhow::Result<Box<dyn Source>> {
        let source = match &self.log {
            Some(path) => Box::new(open_log(path, console)?),
            None => source::open(&config.source)?,
        };
        let source = if self.quotes.is_empty() {
            source
        } else {
            let quotes = Quotes::new(&quotes::Config { paths: self.quotes.clone() });
            Box::new(Quoted::new(source, Box::new(quotes)))
        };
        // The log of a run holds what the configured lists said while it went on.
        let configured = if self.log.is_some() { &[][..] } else { &config.controls.lists };
        let paths = if self.lists.is_empty() { configured } else { &self.lists };
        let source: Box<dyn Source> = if paths.is_empty() {
            source
        } else {
            let lists = Lists::read(&lists::Config { paths: paths.to_vec() });
            Box::new(Quoted::with_lists(source, Box::new(lists)))
        };
        Ok(match self.order {
            Order::Chain => Box::new(ChainOrder::new(source, out.to_owned())),
            Order::Arrival => source,
        })
    }
}

/// A piece of a cursor: digits compare as numbers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    Number(u128),
    Text(String),
}

fn pieces(cursor: &str) -> Vec<Piece> {
    let bytes: Vec<char> = cursor.chars().collect();
    let runs = bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    let piece = |run: &[char]| {
        let text: String = run.iter().collect();
        text.parse().map_or(Piece::Text(text), Piece::Number)
    };
    runs.map(piece).collect()
}

/// Opens the log of a database, and says what is missing of it.
fn open_log(path: &Path, console: &Console) -> anyhow::Result<EventLog> {
    let log = EventLog::open(path)?;
    if log.let_go() > 0 {
        console.complain(&format!(
            "{}: its first {} events are no longer in the log, and not in the results; `log_retention_s` of \
             [run] says for how long a run keeps them",
            path.display(),
            indicatif::HumanCount(log.let_go()),
        ));
    }
    Ok(log)
}

fn show(bar: Progress, watch: &Arc<Watch>) -> anyhow::Result<Ticker> {
    let watch = Arc::clone(watch);
    Ticker::start(BAR_INTERVAL, move || {
        bar.show(watch.done_ratio(), format!("{} events", indicatif::HumanCount(watch.events())));
    })
}

/// The number of rows of a record that was written.
fn rows(folder: &Path, record: &str) -> anyhow::Result<u64> {
    let path = folder.join(format!("{record}.jsonl"));
    let count = || -> io::Result<u64> {
        let (mut file, mut buffer, mut lines) = (File::open(&path)?, vec![0; 1 << 16], 0_u64);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(lines);
            }
            let feeds = buffer.iter().take(read).filter(|byte| **byte == b'\n').count();
            lines += u64::try_from(feeds).map_err(io::Error::other)?;
        }
    };
    count().with_context(|| format!("cannot read {}", path.display()))
}
