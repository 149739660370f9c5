//! The command line: what there is to say, and the help that teaches it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[cfg(feature = "rpc")]
use crate::commands::{audit, backfill};
use crate::commands::{backtest, config, decode, diff, replay, run, schema, simulate, verify, why};

const EXAMPLES: &str = "\
Examples:
  millrace run                                 a simulated market into ./millrace.db, until Ctrl-C
  millrace run --speed max --seconds 60        as fast as it goes, for a minute
  millrace replay recordings/ --out result     recorded transactions into result/<record>.jsonl
  millrace decode tx.json                      what a transaction holds, one JSON line an event
  millrace simulate --seconds 60 --out m.jsonl.zst
  millrace backfill --since 30m --rpc-env RPC_URL --out raw   recorded blocks of the real chain
  millrace backtest --rules rules.toml recordings/   what alert rules would have said
  millrace why 0f3c…                           the events behind an alert
  millrace diff result-a result-b              what two runs do not agree on
  millrace config print > millrace.toml        every setting, to be edited and given with --config

Exit codes:
  0  done
  1  failed
  2  wrong command line or configuration
  3  done, but some of the input was refused
  4  `diff`, `schema diff`, `verify` or `audit` found differences

Settings, from weak to strong: built-in default, --config FILE, environment, flags.
In the environment, MILLRACE_RUN__WORKERS=2 sets `workers` of the section [run].";

/// Solana memecoin trades in, candles out.
///
/// Reads transactions (recorded or simulated), decodes the trades of pump.fun, PumpSwap, Raydium and
/// Meteora, and keeps candles up to date while they come, exactly: late trades, duplicates and dropped
/// forks are corrected, and a replay gives what the live run gave.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Heading of the options of every command.
const GENERAL: &str = "General options";

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Configuration file (TOML); `millrace config print` shows one
    #[arg(long, value_name = "FILE", global = true, help_heading = GENERAL)]
    pub(crate) config: Option<PathBuf>,
    /// Least severe log messages to be shown on standard error
    #[arg(long, value_name = "LEVEL", global = true, help_heading = GENERAL, default_value = "info")]
    pub(crate) log_level: LogLevel,
    /// No progress, no screen, no log but errors
    #[arg(short, long, global = true, help_heading = GENERAL)]
    pub(crate) quiet: bool,
}

/// Severity of a log message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Run),
    Replay(replay::Replay),
    Decode(decode::Decode),
    Simulate(simulate::Simulate),
    #[cfg(feature = "rpc")]
    Audit(audit::Audit),
    #[cfg(feature = "rpc")]
    Backfill(backfill::Backfill),
    Backtest(backtest::Backtest),
    Why(why::Why),
    Diff(diff::Diff),
    Config(config::Config),
    Schema(schema::Schema),
    Verify(verify::Verify),
}
