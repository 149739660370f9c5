//! Serves what a run lets out, beside it.
//!
//! The server reads the embedded store and is given each flush as it leaves. A run without a store has no history to
//! answer from, and serves nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::api::{ChainClock, Embedded, Server, Subject};
use anyhow::Context as _;
use config::{Config, SourceKind, Speed};
use model::Seconds;

use crate::engine::{Tap, Watch};
use crate::source;

/// A running server, and what the engine hands it.
pub(crate) struct Serving {
    /// Ends when it is dropped.
    pub(crate) server: Server,
    pub(crate) tap: Tap,
}

/// Starts to serve, if the settings say so.
pub(crate) fn start(
    config: &Config,
    store: Option<PathBuf>,
    watch: &Arc<Watch>,
) -> anyhow::Result<Option<Serving>> {
    if !config.api.enabled {
        return Ok(None);
    }
    let Some(path) = store else {
        tracing::warn!("the API is off: it reads the embedded store, and no sink is of type \"sqlite\"");
        return Ok(None);
    };
    let subject = Subject {
        schemas: dataflows::schemas(),
        source: source::name(&config.source).to_owned(),
        is_simulated: config.source.kind == SourceKind::Simulate,
        clock: clock(config, watch),
    };
    let history = Arc::new(Embedded::new(path));
    let (server, feed) = Server::start(&config.api, subject, history).context("cannot serve the API")?;
    Ok(Some(Serving { server, tap: Box::new(move |flush| feed.offer(flush)) }))
}

/// What time it is on the chain that the source tells of: since its last event time passes as fast as the run lets it.
fn clock(config: &Config, watch: &Arc<Watch>) -> ChainClock {
    let speed = match config.run.speed {
        Speed::Times(times) => times,
        Speed::Max => 0.0,
    };
    let watch = Arc::clone(watch);
    let seen: Mutex<(Seconds, Instant)> = Mutex::new((0, Instant::now()));
    Arc::new(move || {
        let second = watch.event_second().unwrap_or(0);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.0 != second {
            *seen = (second, Instant::now());
        }
        let since =
            Duration::try_from_secs_f64(seen.1.elapsed().as_secs_f64() * speed).unwrap_or(Duration::MAX);
        second.saturating_mul(1_000).saturating_add(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    })
}
