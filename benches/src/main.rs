//! Throughput of the parts, each next to a bare single-threaded loop over the same input in the same run.
//!
//! The input is the simulated market, so it has the real one's shape: a few tokens with most of the
//! trades, many with a handful. A figure here is one run on the machine it ran on; compare the lines of
//! one run with each other, not with those of another machine.

mod alerts;
mod bare;
mod bare_market;
mod bare_sinks;
mod bare_windows;
mod candles;
mod day;
mod decode;
mod edge;
mod made_up;
mod market;
mod report;
mod seat;
mod shares;
mod sinks;
mod soak;
mod windows;
mod workload;

use clap::{Parser, Subcommand};

/// Measures the parts of millrace next to a bare single-threaded loop.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
    /// Prints the figures as JSON, one object a line.
    #[arg(long, global = true)]
    json: bool,
    /// Takes less input: under a minute in all.
    #[arg(long, global = true)]
    quick: bool,
}

#[derive(Subcommand)]
enum Bench {
    /// Transactions to events: from the transaction in memory, and from its JSON.
    Decode,
    /// Trades to candles: all intervals and series.
    Candles,
    /// Trades to sliding windows: eight widths.
    Windows,
    /// A trade with no alert rules, a million, and a thousand for all tokens.
    Alerts(alerts::Sizes),
    /// All of the market dataflow: how much it takes, and how long it takes.
    Market(market::Which),
    /// Typed changes to rows, and rows to JSON and into the embedded store.
    Edge,
    /// Rows into SQLite, ClickHouse, Kafka and QuestDB. Needs the servers: `scripts/services up`.
    Sinks,
    /// A day of the market through the whole engine, from the source to the embedded store.
    Day(day::Day),
    /// Eight days of the market at full speed, with tokens that come and go: what stays in memory.
    Soak,
}

fn main() -> anyhow::Result<()> {
    allocator::keep_pages();
    let Arguments { bench, json, quick } = Arguments::parse();
    match bench {
        Bench::Decode => report::print(&decode::run(quick)?, json),
        Bench::Candles => report::print(&candles::run(quick)?, json),
        Bench::Windows => report::print(&windows::run(quick)?, json),
        Bench::Market(which) => market::run(&which, quick, json),
        Bench::Alerts(sizes) => alerts::run(&sizes, quick, json),
        Bench::Edge => report::print(&edge::run(quick)?, json),
        Bench::Sinks => report::print(&sinks::run(quick)?, json),
        Bench::Day(day) => day::run(&day, quick, json),
        Bench::Soak => soak::run(quick, json),
    }
}
