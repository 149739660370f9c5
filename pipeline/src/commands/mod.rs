//! One file a command: its options, its help, what it does.

#[cfg(feature = "rpc")]
pub(crate) mod audit;
#[cfg(feature = "rpc")]
pub(crate) mod backfill;
pub(crate) mod backtest;
pub(crate) mod config;
pub(crate) mod decode;
pub(crate) mod diff;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod simulate;
pub(crate) mod verify;
pub(crate) mod why;

use std::sync::Arc;

use crate::cli::{Command, Global};
use crate::console::Console;
use crate::failure::Outcome;

/// Does what was asked for.
pub(crate) fn run(command: Command, global: &Global, console: &Arc<Console>) -> anyhow::Result<Outcome> {
    match command {
        Command::Run(options) => options.run(global, console),
        Command::Replay(options) => options.run(global, console),
        Command::Decode(options) => options.run(console),
        Command::Simulate(options) => options.run(global, console),
        #[cfg(feature = "rpc")]
        Command::Audit(options) => options.run(console),
        #[cfg(feature = "rpc")]
        Command::Backfill(options) => options.run(console),
        Command::Backtest(options) => options.run(global, console),
        Command::Why(options) => options.run(),
        Command::Diff(options) => options.run(),
        Command::Config(options) => options.run(global),
        Command::Schema(options) => options.run(global),
        Command::Verify(options) => options.run(global),
    }
}
