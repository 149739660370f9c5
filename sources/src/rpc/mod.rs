//! A node's JSON-RPC: blocks by number, from one endpoint or several.
//!
//! An endpoint is asked no more often than its budget allows, and is left alone when it says so; what it
//! answers with an error is judged by its code (`verdict`), because the codes of nodes and vendors mean
//! less than they seem: an endpoint that says "skipped" may be wrong, so an absent block is never proof of an
//! empty slot. Only the parent link of a later block is (see [`crate::backfill`]).
//!
//! Source: the tables of codes that Agave's RPC and its vendors answer with. The module does not subscribe,
//! and it does not fetch single transactions.

mod block;
mod budget;
mod client;
mod pool;
mod verdict;

pub use block::{Block, BlockError};
pub use client::Endpoint;
pub use pool::{Fetched, Rpc, RpcError};
