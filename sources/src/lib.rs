//! Where events come from.
//!
//! A source yields [`model::Event`]s: it reads (files, a simulated market, later live feeds), turns
//! what it read into [`transaction::Transaction`]s, and has the decoders in [`programs`] make events of
//! them. What it cannot use becomes a [`model::Reject`] among the events, or a count in [`Counts`].
//!
//! A source neither sorts nor drops duplicates: order and identity are in the events, and the
//! dataflow settles both.

pub mod ahead;
pub mod archive;
#[cfg(feature = "rpc")]
pub mod audit;
#[cfg(feature = "rpc")]
pub mod backfill;
mod balances;
mod base58;
mod bounds;
mod captures;
mod columns;
pub mod decode;
pub mod decoder;
mod documents;
pub mod fields;
mod files;
pub mod formats;
mod held;
pub mod hermes;
mod holdings;
pub mod lists;
pub mod live;
pub mod logs;
pub mod normalize;
pub mod pools;
mod printed;
pub mod programs;
pub mod quoted;
pub mod quotes;
pub mod ranks;
#[cfg(feature = "rpc")]
pub mod rpc;
pub mod simulate;
pub mod trades;
pub mod transaction;
pub mod transactions;
mod unknown;

use std::collections::BTreeMap;

use model::Event;

/// What a source says after a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There may be more.
    More,
    /// This was all; a live source never says so.
    End,
}

/// Counts that are no events, by name: `failed_tx`, `unknown.pump.<discriminator>`, …
pub type Counts = BTreeMap<String, u64>;

/// A stream of events.
pub trait Source: Send {
    /// Name in logs, progress and rejects.
    fn name(&self) -> &str;

    /// Appends the next events, a bounded number of them, to `events`.
    ///
    /// # Errors
    /// When the source as a whole cannot go on. One bad item is a [`model::Reject`] among the events,
    /// and its good neighbours go on.
    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError>;

    /// What was counted so far.
    fn counts(&self) -> Counts;

    /// How far a finite source has come, from 0 to 1.
    fn done_ratio(&self) -> Option<f64> {
        None
    }
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or folder could not be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The path as it was given.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The far side refuses, and asking again would not help.
    #[error("{address} refuses: {answer}")]
    Refused {
        /// What was asked.
        address: String,
        /// What it answered.
        answer: String,
    },
}
