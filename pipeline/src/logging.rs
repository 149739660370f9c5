//! The log: lines for people on a terminal, JSON lines for machines elsewhere.

use std::sync::Arc;

use tracing_subscriber::filter::LevelFilter;

use crate::cli::{Global, LogLevel};
use crate::console::{Console, LogWriter};

/// Starts the log on standard error.
pub(crate) fn start(global: &Global, console: &Arc<Console>) {
    let level = match global.log_level {
        _ if global.quiet => LevelFilter::ERROR,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let writer = LogWriter(Arc::clone(console));
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(move || writer.clone());
    if console.stderr_is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().flatten_event(true).with_ansi(false).init();
    }
}
