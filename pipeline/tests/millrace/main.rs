//! The binary from outside: what a user types, reads and gets.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod alerts;
mod candles_from_trades;
mod captured_swaps;
mod cli;
mod common;
mod replay;
mod run;
mod smart;
