//! `millrace schema`: the tables that ClickHouse holds the records in.

use std::io::Write;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use sinks::SinkConfig;
use sinks::clickhouse::{self, Drift, Server};

use crate::cli::Global;
use crate::failure::{Outcome, WithHint as _};
use crate::settings;

const EXAMPLES: &str = "\
Examples:
  millrace schema print                              the definitions of all tables and views
  millrace --config millrace.toml schema diff        what the tables of the server lack
  millrace --config millrace.toml schema apply       adds it

Tables and columns are added, nothing is dropped. A type, a key, an order that has changed is refused: name
another database and replay into it. `run` does what `apply` does, unless the sink has schema = \"check\".";

/// Print, compare or apply the tables of the ClickHouse sinks
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Schema {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the definitions; of the default settings if no ClickHouse sink is configured
    Print,
    /// Show what `apply` would do, and what it would refuse. Exit code 4 if there is anything
    Diff,
    /// Create what is missing, without loss
    Apply,
}

impl Schema {
    pub(crate) fn run(self, global: &Global) -> anyhow::Result<Outcome> {
        let sinks = settings::load(settings::layers(global))?.config.sinks;
        let mut configured: Vec<clickhouse::Config> = sinks
            .into_iter()
            .filter_map(|sink| match sink {
                SinkConfig::ClickHouse(config) => Some(config),
                _ => None,
            })
            .collect();
        if configured.is_empty() {
            match self.action {
                Action::Print => configured.push(clickhouse::Config::default()),
                _ => return no_sink(),
            }
        }
        let mut out = std::io::stdout().lock();
        let mut outcome = Outcome::Done;
        for config in &configured {
            let text = match self.action {
                Action::Print => print(config),
                Action::Diff => {
                    let drifts = drifts(config)?.1;
                    if !drifts.is_empty() {
                        outcome = Outcome::Different;
                    }
                    describe(config, &drifts)
                }
                Action::Apply => {
                    let (server, drifts) = drifts(config)?;
                    clickhouse::apply(&server, &drifts)?;
                    let steps: usize = drifts.iter().map(|drift| drift.steps.len()).sum();
                    format!("-- {}: {steps} statements done\n", config.database)
                }
            };
            out.write_all(text.as_bytes()).context("cannot write to standard output")?;
        }
        Ok(outcome)
    }
}

fn no_sink() -> anyhow::Result<Outcome> {
    let problem = || bail!("no sink of type \"clickhouse\" is configured");
    problem().hint("name the configuration with --config; `config/examples/millrace.toml` shows such a sink")
}

fn drifts(config: &clickhouse::Config) -> anyhow::Result<(Server, Vec<Drift>)> {
    let server = Server::new(config)?;
    let drifts = clickhouse::drifts(&server, config, &dataflows::schemas())?;
    Ok((server, drifts))
}

fn print(config: &clickhouse::Config) -> String {
    let mut text = format!("CREATE DATABASE IF NOT EXISTS `{0}`;\nUSE `{0}`;\n", config.database);
    for definition in clickhouse::definitions(config, &dataflows::schemas()) {
        text.push_str(&format!("\n{definition};\n"));
    }
    text
}

fn describe(config: &clickhouse::Config, drifts: &[Drift]) -> String {
    if drifts.is_empty() {
        return format!("-- {}: nothing to do\n", config.database);
    }
    let mut text = format!("-- {}\n", config.database);
    for drift in drifts {
        for misfit in &drift.misfits {
            text.push_str(&format!("-- refused: {misfit}\n"));
        }
        for step in &drift.steps {
            text.push_str(&format!("{step};\n"));
        }
    }
    text
}
