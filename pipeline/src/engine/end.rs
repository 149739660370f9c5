//! Why a run ends before its source does: it was asked to, or a part of it failed.
//!
//! Both let the source stop. What was read until then is worked out in either case, but only a run
//! without failure completes its sinks: a folder of files must not look whole when it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by all threads of a run.
#[derive(Clone, Debug)]
pub(super) struct End {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
}

impl End {
    /// Of a run that ends once `stop` is set.
    pub(super) fn new(stop: &Arc<AtomicBool>) -> Self {
        Self { stop: Arc::clone(stop), failed: Arc::default() }
    }

    /// Says that a part of the run failed. Whoever says it reports the error as well.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// True once a part of the run failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// True once nothing more is to be read.
    pub(super) fn has_come(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.has_failed()
    }
}
