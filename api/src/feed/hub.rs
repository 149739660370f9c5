//! The ring of steps that all connections read, each from its own place.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::{Time, Value};
use tokio::sync::watch;

use super::step::{Step, now_ms};

/// What the ring holds at most.
const BYTES: usize = 64 << 20;
/// For how long.
const KEPT: Duration = Duration::from_secs(90);
/// For how long keys go on to be heard after the last who listened.
const INTEREST_KEPT: Duration = Duration::from_secs(60);

/// The steps that a connection has not had, or why it cannot have them.
pub(crate) enum Steps {
    /// In order; none if it is up to date.
    Some(Vec<Arc<Step>>),
    /// They are no longer there.
    Gone,
}

/// The ring, and who listens to what.
pub(crate) struct Hub {
    ring: Mutex<Ring>,
    latest: watch::Sender<Time>,
    ended: watch::Sender<bool>,
}

struct Ring {
    epoch: String,
    /// Where the first step begins; none before there was one.
    start: Option<Time>,
    steps: VecDeque<(Instant, Arc<Step>)>,
    bytes: usize,
    interest: BTreeMap<Value, Interest>,
}

/// Who listens to a key.
struct Interest {
    listeners: usize,
    /// Changes of the key after this are in the steps.
    since: Time,
    /// When the last listener went.
    left: Instant,
}

impl Hub {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let ring =
            Ring { epoch: epoch(), start: None, steps: VecDeque::new(), bytes: 0, interest: BTreeMap::new() };
        Self { ring: Mutex::new(ring), latest: watch::Sender::new(0), ended: watch::Sender::new(false) }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells when there is a further step.
    pub(crate) fn listen(&self) -> watch::Receiver<Time> {
        self.latest.subscribe()
    }

    /// Tells when there will be no further one.
    pub(crate) fn until_end(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    /// The first time that is in no step yet; 0 before the first step.
    pub(crate) fn frontier(&self) -> Time {
        *self.latest.borrow()
    }

    /// The present epoch.
    pub(crate) fn epoch(&self) -> String {
        self.ring().epoch.clone()
    }

    /// Bytes and steps of the ring.
    pub(crate) fn size(&self) -> (usize, usize) {
        let ring = self.ring();
        (ring.bytes, ring.steps.len())
    }

    /// Adds the step that `spell` makes of what the keys that are listened to need.
    pub(super) fn push(&self, spell: impl FnOnce(&BTreeSet<Value>) -> Step, frontier: Time) {
        let interest = {
            let mut ring = self.ring();
            ring.interest.retain(|_, of| of.listeners > 0 || of.left.elapsed() < INTEREST_KEPT);
            let Some(_) = ring.start else {
                // Nothing is known of what came before the first flush: it only says where things begin.
                ring.start = Some(frontier);
                drop(ring);
                self.latest.send_replace(frontier);
                return;
            };
            ring.interest.keys().cloned().collect::<BTreeSet<_>>()
        };
        // Spelled outside the lock. Whoever begins to listen meanwhile is in the step after this one.
        let mut step = spell(&interest);
        let mut ring = self.ring();
        step.after = ring.steps.back().map_or(ring.start.unwrap_or(0), |(_, last)| last.frontier);
        for (_, of) in
            ring.interest.iter_mut().filter(|(key, of)| of.since == Time::MAX && interest.contains(key))
        {
            of.since = step.after;
        }
        ring.bytes += step.bytes;
        ring.steps.push_back((Instant::now(), Arc::new(step)));
        ring.evict();
        drop(ring);
        self.latest.send_replace(frontier);
    }

    /// Forgets everything: what was missed cannot be told.
    pub(super) fn begin_anew(&self) {
        let mut ring = self.ring();
        ring.epoch = epoch();
        ring.start = None;
        ring.steps.clear();
        ring.bytes = 0;
    }

    /// There will be no further step.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// The steps after a place, in the present epoch.
    pub(crate) fn after(&self, place: Time) -> Steps {
        let ring = self.ring();
        let start = ring.steps.front().map(|(_, step)| step.after).or(ring.start);
        if start.is_none_or(|start| place < start) {
            return Steps::Gone;
        }
        let at = ring.steps.partition_point(|(_, step)| step.frontier <= place);
        // A place within a step was never given out.
        if ring.steps.get(at).is_some_and(|(_, step)| step.after > place) {
            return Steps::Gone;
        }
        Steps::Some(ring.steps.iter().skip(at).map(|(_, step)| Arc::clone(step)).collect())
    }

    /// All steps of the ring up to a place.
    pub(crate) fn upto(&self, place: Time) -> Vec<Arc<Step>> {
        let ring = self.ring();
        let before = ring.steps.iter().take_while(|(_, step)| step.frontier <= place);
        before.map(|(_, step)| Arc::clone(step)).collect()
    }

    /// From which place on the ring can go on; none before the first step.
    pub(crate) fn start(&self) -> Option<Time> {
        let ring = self.ring();
        ring.steps.front().map(|(_, step)| step.after).or(ring.start)
    }

    /// Begins to listen to keys. A snapshot as of the frontier that is given back, or later, goes on with the steps
    /// without a gap; none before the first step.
    pub(crate) fn hear(&self, keys: &[Value]) -> Option<Time> {
        let mut ring = self.ring();
        let last = ring.steps.back().map(|(_, step)| step.frontier).or(ring.start)?;
        let mut from = last;
        for key in keys {
            let of = ring.interest.entry(key.clone()).or_insert_with(|| Interest {
                listeners: 0,
                // Known once there is a step that has it: the one that is being spelled does not.
                since: Time::MAX,
                left: Instant::now(),
            });
            of.listeners += 1;
            from = from.max(of.since);
        }
        Some(from)
    }

    /// The place from which on changes of all these keys are in the steps; the greatest time if that is not known yet.
    pub(crate) fn heard_since(&self, keys: &[Value]) -> Time {
        let ring = self.ring();
        keys.iter().map(|key| ring.interest.get(key).map_or(Time::MAX, |of| of.since)).max().unwrap_or(0)
    }

    /// Ends to listen.
    pub(crate) fn leave(&self, keys: &[Value]) {
        let mut ring = self.ring();
        for key in keys {
            if let Some(of) = ring.interest.get_mut(key) {
                of.listeners = of.listeners.saturating_sub(1);
                of.left = Instant::now();
            }
        }
    }
}

impl Ring {
    fn evict(&mut self) {
        while self.steps.len() > 1
            && (self.bytes > BYTES || self.steps.front().is_some_and(|(at, _)| at.elapsed() > KEPT))
        {
            if let Some((_, step)) = self.steps.pop_front() {
                self.bytes = self.bytes.saturating_sub(step.bytes);
            }
        }
    }
}

/// A name that no other run has had.
fn epoch() -> String {
    format!("{:x}.{:x}", now_ms(), std::process::id())
}
