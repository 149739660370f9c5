//! `millrace backtest`: what alert rules would have said.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use config::Speed;
use serde_json::Value;

use super::replay::Recording;
use crate::cli::Global;
use crate::console::Console;
use crate::failure::Outcome;
use crate::rules;

const EXAMPLES: &str = "\
Examples:
  millrace backtest --rules rules.toml recordings/
  millrace backtest --rules rules.toml result/trades.jsonl --source trades
  millrace backtest --rules rules.toml --log millrace.db
  millrace backtest --rules rules.toml recordings/ --quotes sol-usd.jsonl > alerts.jsonl

Prints the alerts as JSON lines in the order in which they fired, under the names that a live run with
these rules gives them. The rules count as known from the start. Without --quotes, what is recorded says
what SOL costs; where it does not, rules in USD say nothing.

A file of rules is TOML with a table for each, or JSON with a list:
  [[rules]]
  id = \"up-by-half\"
  kind = { price_move = { window_s = 300 } }
  scope = { all = { programs = [\"pump\"] } }
  threshold = 50

Exit code 3 if a rule was refused; it is named with the path of the field and what would be right.";

/// Say what alert rules would have fired over recorded data
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Backtest {
    /// Files of alert rules
    #[arg(long, value_name = "FILE", required = true)]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    recording: Recording,
}

impl Backtest {
    pub(crate) fn run(self, global: &Global, console: &Arc<Console>) -> anyhow::Result<Outcome> {
        let rules = rules::read(&self.rules, console)?;
        let count = rules.events.len();
        let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
        let told = (console, rules.events, "backtest");
        let (_, fed) = self.recording.feed(global, told, Speed::Max, folder.path())?;
        if fed.was_interrupted {
            bail!("interrupted");
        }
        let path = folder.path().join("alerts.jsonl");
        let file = std::fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut alerts = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.with_context(|| format!("cannot read {}", path.display()))?;
            let row: Value = serde_json::from_str(&line)?;
            let fired_at = row.get("fired_at").and_then(Value::as_u64).unwrap_or_default();
            alerts.push((fired_at, line));
        }
        alerts.sort_unstable();
        let mut out = io::stdout().lock();
        for (_, line) in &alerts {
            writeln!(out, "{line}").context("cannot write to standard output")?;
        }
        out.flush().context("cannot write to standard output")?;
        console.say(&format!("{count} rules: {} alerts", alerts.len()));
        Ok(Outcome::refused_if(rules.are_refused))
    }
}
