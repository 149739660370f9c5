//! The engine and the commands of millrace: the only room with a clock, threads and a terminal.
//!
//! `cli` declares the commands, `commands` holds one file a command, [`engine`] joins source, dataflow and
//! sinks on worker threads. Nothing in here decides what is computed: the dataflow does. The binary calls
//! [`main`]; the benches call [`engine::run`], so that they measure the engine that users run.

#[cfg(feature = "api")]
mod api;
mod chain_order;
mod cli;
mod clock;
mod commands;
mod console;
mod controls;
mod demo;
pub mod engine;
mod event_log;
mod failure;
mod logging;
mod monitor;
mod output;
mod rules;
mod screen;
mod settings;
mod source;
mod stop;
mod ticker;

use std::process::ExitCode;

use clap::Parser;

/// Runs the command that the process's arguments name, and reports its failure on standard error.
#[must_use]
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let console = console::Console::new(cli.global.quiet);
    logging::start(&cli.global, &console);
    match commands::run(cli.command, &cli.global, &console) {
        Ok(outcome) => outcome.into(),
        Err(error) if failure::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
