//! Snapshots of keyed state, and its return on any number of workers.
//!
//! A worker's keyed operators register here when they are built. Between two steps, when everything
//! before a time is closed and nothing after it has been sent, the states are exactly those of that
//! time, and [`States::snapshot`] writes them down. To restore, every worker is given the snapshots of
//! all workers and takes the keys that are routed to it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use model::Time;

use super::{Endings, State, Store};

/// The states of the keyed operators of one worker at one closed time: `(operator, bytes)`.
pub type Snapshot = Vec<(String, Vec<u8>)>;

/// A snapshot that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot of operator `{operator}` cannot be read: {source}")]
pub struct RestoreError {
    operator: String,
    source: postcard::Error,
}

/// A state that cannot be written down.
#[derive(Debug, thiserror::Error)]
#[error("the state of operator `{operator}` cannot be written: {source}")]
pub struct SnapshotError {
    operator: &'static str,
    source: postcard::Error,
}

type Write = Box<dyn Fn() -> Result<Vec<u8>, postcard::Error>>;

#[derive(Default)]
struct Registry {
    writers: BTreeMap<&'static str, Write>,
    layouts: BTreeMap<&'static str, String>,
    failure: Option<RestoreError>,
}

/// The keyed operators of one worker: what they restore from, and how to snapshot them.
#[derive(Clone, Default)]
pub struct States {
    restored: Arc<Vec<Snapshot>>,
    from: Time,
    index: u64,
    peers: u64,
    registry: Rc<RefCell<Registry>>,
    endings: Endings,
}

impl States {
    /// For a worker that starts afresh.
    #[must_use]
    pub fn fresh() -> Self {
        Self::default()
    }

    /// For worker `index` of `peers` that goes on from the snapshots of all workers of an earlier run; `from` is the
    /// first time that is not in them.
    #[must_use]
    pub fn restored(snapshots: Arc<Vec<Snapshot>>, from: Time, index: usize, peers: usize) -> Self {
        let (index, peers) = (index as u64, peers as u64);
        Self { restored: snapshots, from, index, peers, ..Self::default() }
    }

    /// Fingerprint by which an operator tells whether it can read a snapshot: how its empty state is written, and
    /// [`State::LAYOUT`].
    #[must_use]
    pub fn layouts(&self) -> BTreeMap<&'static str, String> {
        self.registry.borrow().layouts.clone()
    }

    /// The endings of the worker's input.
    #[must_use]
    pub fn endings(&self) -> Endings {
        self.endings.clone()
    }

    /// The states of all keyed operators as they are now.
    ///
    /// # Errors
    /// When a state cannot be serialized.
    pub fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        let registry = self.registry.borrow();
        let written = registry.writers.iter().map(|(operator, write)| match write() {
            Ok(bytes) => Ok(((*operator).to_owned(), bytes)),
            Err(source) => Err(SnapshotError { operator, source }),
        });
        written.collect()
    }

    /// The first failure of a restore, if there was one.
    #[must_use]
    pub fn take_failure(&self) -> Option<RestoreError> {
        self.registry.borrow_mut().failure.take()
    }

    /// Registers an operator under its name and fills its store from the snapshots.
    pub(super) fn register<S: State>(&self, name: &'static str, store: &Rc<RefCell<Store<S>>>) {
        let bytes = self.restored.iter().flatten().filter(|(operator, _)| operator == name);
        for (_, bytes) in bytes {
            if let Err(source) = self.fill(&mut store.borrow_mut(), bytes) {
                self.registry.borrow_mut().failure = Some(RestoreError { operator: name.to_owned(), source });
            }
        }
        let empty = postcard::to_stdvec(&S::default()).unwrap_or_default();
        let empty: String = empty.iter().map(|byte| format!("{byte:02x}")).collect();
        self.registry.borrow_mut().layouts.insert(name, format!("{} {empty}", S::LAYOUT));
        let (store, size) = (Rc::clone(store), Cell::new(0));
        let write = move || {
            let store = store.borrow();
            let states: Vec<(&S::Key, &S)> = store.states().collect();
            // Room for what it was last time: a list that grows by doubling is copied, and is there twice meanwhile.
            let bytes = postcard::to_extend(&states, Vec::with_capacity(size.get()))?;
            size.set(bytes.len() + bytes.len() / 8);
            Ok(bytes)
        };
        self.registry.borrow_mut().writers.insert(name, Box::new(write));
    }

    fn fill<S: State>(&self, store: &mut Store<S>, bytes: &[u8]) -> Result<(), postcard::Error> {
        for (key, state) in postcard::from_bytes::<Vec<(S::Key, S)>>(bytes)? {
            // As timely's exchange routes.
            if S::route(&key) % self.peers.max(1) == self.index {
                store.restore(self.from, key, state);
            }
        }
        Ok(())
    }
}
