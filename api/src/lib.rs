//! The API: everything that leaves the pipeline, for whoever asks over HTTP.
//!
//! REST answers are read from the store within one transaction, so that each is of one frontier, which it names
//! (`meta.as_of`). Streams are fed from the edge, flush by flush: a subscription begins with a snapshot that is read
//! from the store, and goes on with the changes of every later flush. Frontier, resume token and read-your-writes
//! token are one number.
//!
//! Rows are spelled by their schemas, exactly as in JSON Lines; a new record needs no code here to be readable
//! under `/api/v1/records/{record}`. Parameters, their checks and the OpenAPI document come from one table of routes.
//!
//! What it does not do: hold back the pipeline. Its feed is bounded; where it cannot follow it is cut, begins a new
//! epoch, and clients get snapshots. It computes nothing that leaves, and knows no operator.

mod config;

pub use config::Config;

#[cfg(feature = "server")]
mod answer;
#[cfg(feature = "server")]
mod app;
#[cfg(feature = "server")]
mod channel;
#[cfg(feature = "server")]
mod cursor;
#[cfg(feature = "server")]
mod embedded;
#[cfg(feature = "server")]
mod feed;
#[cfg(feature = "server")]
mod history;
#[cfg(feature = "server")]
mod metrics;
#[cfg(feature = "server")]
mod openapi;
#[cfg(feature = "server")]
mod page;
#[cfg(feature = "server")]
mod parameter;
#[cfg(feature = "server")]
mod problem;
#[cfg(feature = "server")]
mod rest;
#[cfg(feature = "server")]
mod route;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod session;
#[cfg(feature = "server")]
mod sse;
#[cfg(feature = "server")]
mod ws;

#[cfg(feature = "server")]
pub use app::{ChainClock, Subject};
#[cfg(feature = "server")]
pub use embedded::Embedded;
#[cfg(feature = "server")]
pub use feed::Feed;
#[cfg(feature = "server")]
pub use history::{History, Moment, Select, Unavailable};
#[cfg(feature = "server")]
pub use server::{Server, StartError};
