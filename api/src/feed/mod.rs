//! The feed: every flush, as it leaves the edge, before the sinks have it.
//!
//! Whoever hands over a flush never waits ([`Feed::offer`]). A thread of its own spells the rows and puts them as a
//! step into one ring that all connections read, each from its own place; there is no queue for a client, so that
//! memory does not depend on how slow clients are. If the thread cannot follow, flushes are passed over, the ring is
//! emptied, and the epoch changes: clients get snapshots and nothing is missing without being told.

mod hub;
mod step;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use sinks::Flush;

pub(crate) use hub::{Hub, Steps};
use step::Speller;
pub(crate) use step::{Changed, Step, now_ms};

/// Flushes that wait to be spelled, at most.
const WAITING: usize = 256;

/// Where flushes are handed over.
#[derive(Clone)]
pub struct Feed {
    to: SyncSender<Arc<Flush>>,
    has_overflowed: Arc<AtomicBool>,
}

impl Feed {
    /// Hands over a flush. Never waits: where there is no room the feed is cut, and begins anew.
    pub fn offer(&self, flush: &Arc<Flush>) {
        if let Err(TrySendError::Full(_)) = self.to.try_send(Arc::clone(flush)) {
            self.has_overflowed.store(true, Ordering::Release);
        }
    }
}

/// Starts the thread that spells; it ends once the last [`Feed`] is dropped.
pub(crate) fn start(hub: Arc<Hub>) -> std::io::Result<Feed> {
    let (to, from) = sync_channel(WAITING);
    let has_overflowed = Arc::new(AtomicBool::new(false));
    let overflowed = Arc::clone(&has_overflowed);
    std::thread::Builder::new().name("api-feed".to_owned()).spawn(move || spell(&hub, &from, &overflowed))?;
    Ok(Feed { to, has_overflowed })
}

fn spell(hub: &Hub, from: &Receiver<Arc<Flush>>, has_overflowed: &AtomicBool) {
    let mut speller = Speller::default();
    while let Ok(flush) = from.recv() {
        if has_overflowed.swap(false, Ordering::AcqRel) {
            tracing::warn!("the feed of the API was cut: it could not follow; clients get snapshots");
            // What waits is older than what was passed over: it is of no use any more.
            while from.try_recv().is_ok() {}
            hub.begin_anew();
            continue;
        }
        hub.push(|interest| speller.spell(&flush, interest), flush.frontier);
    }
    hub.end();
}
