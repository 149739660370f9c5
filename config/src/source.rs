//! Which source feeds the pipeline: the section `source`.

use serde::{Deserialize, Serialize};

/// The source that is read, and the settings of every kind of source.
///
/// Each kind keeps its own section, so that a file may hold the settings of several and one word
/// chooses between them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// Which one is read.
    #[serde(rename = "type")]
    pub kind: SourceKind,
    /// Which tokens are money, for sources that decode transactions.
    pub quote_ranks: sources::ranks::QuoteRanks,
    /// The simulated market.
    pub simulate: sources::simulate::Params,
    /// Recorded transactions.
    pub transactions: sources::transactions::Config,
    /// Normalized trades.
    pub trades: sources::trades::Config,
}

/// The kinds of sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A simulated market.
    #[default]
    Simulate,
    /// Recorded transactions.
    Transactions,
    /// Normalized trades.
    Trades,
}
