//! The binary `millrace`: the only room with a clock, threads and a terminal.
//!
//! `cli` says what there is, `commands` holds one file a command, `engine` joins source, dataflow and
//! sinks on worker threads. Nothing in here decides what is computed: that is the dataflow's.

mod chain_order;
mod cli;
mod clock;
mod commands;
mod console;
mod controls;
mod engine;
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

fn main() -> ExitCode {
    allocator::keep_pages();
    let cli = cli::Cli::parse();
    let console = console::Console::new(cli.global.quiet);
    logging::start(&cli.global, &console);
    match commands::run(cli.command, &cli.global, &console) {
        Ok(outcome) => outcome.into(),
        Err(error) if failure::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
