//! Ctrl-C and SIGTERM: the first asks for a clean end, the second ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

/// Exit code of a process that a signal ended, as shells spell it: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// A flag that is set once the process is asked to end.
///
/// # Errors
/// When the system refuses a signal handler.
pub(crate) fn on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            // Asked twice: whoever asks does not want to wait for the last flush.
            std::process::exit(INTERRUPTED);
        }
    })
    .context("cannot handle Ctrl-C")?;
    Ok(stop)
}
