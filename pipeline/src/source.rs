//! From the sections `source` and `oracle` to running sources.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use config::{OracleConfig, OracleKind, SourceConfig, SourceKind};
use sources::Source;
use sources::quoted::Quoted;
use sources::quotes::Quotes;
use sources::simulate::Simulate;
use sources::trades::Trades;
use sources::transactions::Transactions;

/// Refuses a path that is not there, and names folders that hold nothing.
pub(crate) fn check_paths(paths: &[PathBuf]) -> anyhow::Result<Vec<&Path>> {
    let mut empty = Vec::new();
    for path in paths.iter().filter(|path| path.as_os_str() != "-") {
        let unreadable = || format!("cannot read {}", path.display());
        let is_folder = std::fs::metadata(path).with_context(unreadable)?.is_dir();
        if is_folder && std::fs::read_dir(path).with_context(unreadable)?.next().is_none() {
            empty.push(path.as_path());
        }
    }
    Ok(empty)
}

/// The paths of a source that reads files.
fn paths(config: &SourceConfig) -> &[PathBuf] {
    match config.kind {
        SourceKind::Transactions => &config.transactions.paths,
        SourceKind::Trades => &config.trades.paths,
        _ => &[],
    }
}

/// Opens the source that is chosen.
pub(crate) fn open(config: &SourceConfig) -> anyhow::Result<Box<dyn Source>> {
    for folder in check_paths(paths(config))? {
        tracing::warn!(folder = %folder.display(), "an empty folder: there is nothing to read in it");
    }
    Ok(match config.kind {
        SourceKind::Simulate => Box::new(Simulate::new(&config.simulate)?.ranked(&config.quote_ranks)),
        SourceKind::Transactions => {
            Box::new(Transactions::new(&config.transactions).ranked(&config.quote_ranks))
        }
        SourceKind::Trades => Box::new(Trades::new(&config.trades)),
    })
}

/// A source, and a live oracle beside it if that is what prices quote tokens.
pub(crate) struct Sources {
    pub(crate) source: Box<dyn Source>,
    pub(crate) oracle: Option<Box<dyn Source>>,
}

/// Opens the source and the oracle that are chosen. Quotes in files are merged into the source at once.
pub(crate) fn open_with_oracle(source: &SourceConfig, oracle: &OracleConfig) -> anyhow::Result<Sources> {
    let source = open(source)?;
    Ok(match oracle.kind {
        OracleKind::None => Sources { source, oracle: None },
        OracleKind::File => {
            let quotes = Box::new(Quotes::new(&oracle.file));
            Sources { source: Box::new(Quoted::new(source, quotes)), oracle: None }
        }
        OracleKind::Hermes => Sources { source, oracle: Some(hermes(oracle)?) },
    })
}

#[cfg(feature = "hermes")]
fn hermes(oracle: &OracleConfig) -> anyhow::Result<Box<dyn Source>> {
    let hermes = sources::hermes::Hermes::start(&oracle.hermes);
    Ok(Box::new(hermes.context("cannot start a thread for the oracle")?))
}

#[cfg(not(feature = "hermes"))]
fn hermes(_: &OracleConfig) -> anyhow::Result<Box<dyn Source>> {
    anyhow::bail!("oracle.type is \"hermes\", and this millrace was built without the feature `hermes`")
}

/// Name of the source that is chosen.
pub(crate) const fn name(config: &SourceConfig) -> &'static str {
    match config.kind {
        SourceKind::Simulate => "simulate",
        SourceKind::Transactions => "transactions",
        SourceKind::Trades => "trades",
    }
}

/// What makes one stream of events another one: the kind of source and its settings, as one JSON object,
/// and the oracle beside it. How a live oracle is reached is no part of it: what it said is in the log.
///
/// How long a simulated market runs is among them: where it ends its last slots settle, and a longer
/// one has its next trades there.
pub(crate) fn identity(config: &SourceConfig, oracle: &OracleConfig) -> anyhow::Result<String> {
    let mut settings = match config.kind {
        SourceKind::Simulate => serde_json::to_value(&config.simulate),
        SourceKind::Transactions => serde_json::to_value(&config.transactions),
        SourceKind::Trades => serde_json::to_value(&config.trades),
    }
    .context("cannot spell the settings of the source")?;
    if let Some(settings) = settings.as_object_mut() {
        settings.insert("type".to_owned(), name(config).into());
        let oracle = match oracle.kind {
            OracleKind::None => None,
            OracleKind::File => Some(format!("file {:?}", oracle.file.paths)),
            OracleKind::Hermes => Some(sources::hermes::NAME.to_owned()),
        };
        if config.quote_ranks != sources::ranks::QuoteRanks::default() {
            settings.insert("quote_ranks".to_owned(), serde_json::json!(config.quote_ranks));
        }
        settings.extend(oracle.map(|oracle| ("oracle".to_owned(), oracle.into())));
    }
    Ok(settings.to_string())
}
