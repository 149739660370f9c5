//! The binary from outside: what a user types, reads and gets.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../sinks/tests/services/act.rs"]
mod act;
mod alerts;
#[cfg(feature = "api")]
mod api;
#[cfg(feature = "rpc")]
mod backfill;
mod candles_from_trades;
mod captured_swaps;
mod cli;
mod common;
mod intake;
#[cfg(feature = "rpc")]
#[path = "../../../sources/tests/node/mod.rs"]
#[expect(dead_code, reason = "the tests of sources use the rest")]
mod node;
mod prices;
mod recomputed;
mod replay;
mod run;
#[path = "../../../sinks/tests/servers/mod.rs"]
mod servers;
#[path = "../../../sinks/tests/services/mod.rs"]
mod services;
mod sinks_agree;
mod smart;
mod state;
mod wallets;
