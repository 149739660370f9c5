//! From the section `source` to a running source.

use anyhow::Context as _;
use config::{SourceConfig, SourceKind};
use sources::Source;
use sources::simulate::Simulate;
use sources::trades::Trades;
use sources::transactions::Transactions;

/// Opens the source that is chosen.
pub(crate) fn open(config: &SourceConfig) -> anyhow::Result<Box<dyn Source>> {
    Ok(match config.kind {
        SourceKind::Simulate => Box::new(Simulate::new(&config.simulate)?),
        SourceKind::Transactions => Box::new(Transactions::new(&config.transactions)),
        SourceKind::Trades => Box::new(Trades::new(&config.trades)),
    })
}

/// Name of the source that is chosen.
pub(crate) const fn name(config: &SourceConfig) -> &'static str {
    match config.kind {
        SourceKind::Simulate => "simulate",
        SourceKind::Transactions => "transactions",
        SourceKind::Trades => "trades",
    }
}

/// What makes one stream of events another one: the kind of source and its settings, as one JSON object.
///
/// How long a simulated market runs is among them: where it ends its last slots settle, and a longer
/// one has its next trades there.
pub(crate) fn identity(config: &SourceConfig) -> anyhow::Result<String> {
    let mut settings = match config.kind {
        SourceKind::Simulate => serde_json::to_value(&config.simulate),
        SourceKind::Transactions => serde_json::to_value(&config.transactions),
        SourceKind::Trades => serde_json::to_value(&config.trades),
    }
    .context("cannot spell the settings of the source")?;
    if let Some(settings) = settings.as_object_mut() {
        settings.insert("type".to_owned(), name(config).into());
    }
    Ok(settings.to_string())
}
