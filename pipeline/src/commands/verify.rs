//! `millrace verify`: do all sinks of a configuration hold the same?
//!
//! Sinks are given the same flushes, and each says up to which closed time it has them. At one such time all must hold
//! the same rows, whatever tables, topics or files these are in. A row counts as it would stand in a JSON Lines
//! file, without `as_of` and `received_at`, which say when a run did its work.

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread::{Builder, scope};

use anyhow::{Context as _, anyhow};
use clap::Args;
use model::time::second_of;
use model::{Schema, Time};
use sinks::snapshot::{Contents, Digest};
use sinks::{Description, SinkConfig};

use crate::cli::Global;
use crate::clock::utc;
use crate::commands::run::use_database;
use crate::failure::{Outcome, WithHint as _};
use crate::settings;

const EXAMPLES: &str = "\
Examples:
  millrace verify --config millrace.toml
  millrace verify --config millrace.toml --record trades --record candles

For each record: how many rows there are, a checksum of them, and which sinks hold just these. Run it when nothing
is written to the sinks. Exit code 4 if they do not all hold the same, up to the same time.";

/// Compare what the configured sinks hold: rows and checksums
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// A record to compare, more than once for several; all if none is named
    #[arg(long = "record", value_name = "NAME")]
    records: Vec<String>,
    /// The database, instead of the configured one
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
}

/// A sink that is looked at.
struct Held {
    label: String,
    contents: Box<dyn Contents>,
    /// None of sinks that do not say.
    frontier: Option<Time>,
}

impl Verify {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<Outcome> {
        let mut config = settings::load(settings::layers(global))?.config;
        if let Some(path) = self.db {
            use_database(&mut config, path);
        }
        let schemas = chosen(&self.records)?;
        let mut held = open(&config.sinks)?;
        let mut out = io::stdout().lock();
        let mut is_same = write_frontiers(&held, &mut out).context("cannot write to standard output")?;
        for schema in schemas {
            let digests = digests(&mut held, schema)?;
            is_same &= digests.iter().all(|digest| Some(digest) == digests.first());
            write_record(schema.name, &held, &digests, &mut out)
                .context("cannot write to standard output")?;
        }
        for sink in &mut held {
            if sink.contents.frontier()? != sink.frontier {
                return Err(anyhow!("a run is writing to {} meanwhile", sink.label))
                    .hint("stop it, and compare then");
            }
        }
        Ok(if is_same { Outcome::Done } else { Outcome::Different })
    }
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Schema>> {
    let all = dataflows::schemas();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|schema| schema.name != **name)) {
        let known: Vec<&str> = all.iter().map(|schema| schema.name).collect();
        return Err(anyhow!("there is no record {unknown}"))
            .hint(format!("records are {}", known.join(", ")));
    }
    let is_chosen = |schema: &&Schema| names.is_empty() || names.iter().any(|name| name == schema.name);
    Ok(all.into_iter().filter(is_chosen).collect())
}

fn open(sinks: &[SinkConfig]) -> anyhow::Result<Vec<Held>> {
    let is_alone =
        |sink: &SinkConfig| sinks.iter().filter(|other| other.type_name() == sink.type_name()).count() == 1;
    let each = sinks.iter().map(|sink| {
        let label = if is_alone(sink) {
            sink.type_name().to_owned()
        } else {
            format!("{} {}", sink.type_name(), sink.place())
        };
        let mut contents = sink.contents()?;
        let frontier = contents.frontier()?;
        Ok(Held { label, contents, frontier })
    });
    each.collect()
}

/// Says up to where each sink is; false if that is not the same.
fn write_frontiers(held: &[Held], out: &mut impl Write) -> io::Result<bool> {
    for sink in held {
        let upto = sink.frontier.map_or_else(
            || "it does not say up to when".to_owned(),
            |frontier| format!("up to {}.{:06}", utc(second_of(frontier)), frontier % 1_000_000),
        );
        writeln!(out, "{}: {upto}", sink.label)?;
    }
    let mut said = held.iter().filter_map(|sink| sink.frontier);
    let first = said.next();
    let is_same = said.all(|frontier| Some(frontier) == first);
    if !is_same {
        writeln!(out, "they are not at the same time: start the run again, it catches up")?;
    }
    writeln!(out, "\n{:<16} {:>12}  {:<32}  held by", "record", "rows", "checksum")?;
    Ok(is_same)
}

/// What each sink holds of a record; all are read at the same time.
fn digests(held: &mut [Held], schema: &'static Schema) -> anyhow::Result<Vec<Digest>> {
    let description = Description::from(schema);
    scope(|scope| {
        let readers: Vec<_> = held
            .iter_mut()
            .map(|sink| {
                let description = &description;
                Builder::new().spawn_scoped(scope, move || sink.contents.digest(description))
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| {
                let outcome = reader.context("cannot start a thread")?.join();
                Ok(outcome.map_err(|_| anyhow!("a reader panicked"))??)
            })
            .collect()
    })
}

/// One line for each content that there is.
fn write_record(record: &str, held: &[Held], digests: &[Digest], out: &mut impl Write) -> io::Result<()> {
    let mut told: Vec<&Digest> = Vec::new();
    for digest in digests {
        if told.contains(&digest) {
            continue;
        }
        let name = if told.is_empty() { record } else { "" };
        told.push(digest);
        let holders = held.iter().zip(digests).filter(|(_, other)| *other == digest);
        let holders: Vec<&str> = holders.map(|(sink, _)| sink.label.as_str()).collect();
        let all = holders.len() == held.len() && held.len() > 1;
        let holders = if all { "all".to_owned() } else { holders.join(", ") };
        writeln!(out, "{name:<16} {:>12}  {digest}  {holders}", digest.rows)?;
    }
    Ok(())
}
