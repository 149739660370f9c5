//! Does something again and again on a thread of its own, and once more at the end.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

/// A running ticker. Dropping it ends it too.
pub(crate) struct Ticker {
    /// Never sent to: that it is gone tells the thread to end.
    alive: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Calls `tick` every `interval`.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn start(interval: Duration, mut tick: impl FnMut() + Send + 'static) -> anyhow::Result<Self> {
        let (alive, ended) = sync_channel(0);
        let body = move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                tick();
            }
            tick();
        };
        let thread = std::thread::Builder::new()
            .name("ticker".to_owned())
            .spawn(body)
            .context("cannot start a thread")?;
        Ok(Self { alive: Some(alive), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            // A tick that panicked has said so itself, and nothing depends on it.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn ticks_once_more_at_the_end() {
        let ticks = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&ticks);
        let ticker = Ticker::start(Duration::from_secs(3_600), move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        drop(ticker.unwrap());
        assert_eq!(ticks.load(Ordering::SeqCst), 1);
    }
}
