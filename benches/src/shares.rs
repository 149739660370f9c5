//! Where the time goes: what each operator of a worker takes, by timely's own log of when it is scheduled, and
//! what its states take in a snapshot.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use timely::logging::{StartStop, TimelyEvent, TimelyEventBuilder};
use timely::worker::Worker;

/// One operator.
#[derive(Clone, Serialize)]
pub(crate) struct Share {
    /// Its name; operators of one name are added up.
    pub(crate) operator: String,
    /// How long it was scheduled.
    pub(crate) took_ms: u64,
    /// Size of its states, bytes of a snapshot.
    pub(crate) state_bytes: u64,
}

/// Listens to the log of a worker.
#[derive(Clone, Default)]
pub(crate) struct Listener(Rc<RefCell<Heard>>);

#[derive(Default)]
struct Heard {
    /// Names of operators; the dataflow itself, which is an operator too, is left out.
    names: BTreeMap<usize, String>,
    since: BTreeMap<usize, Duration>,
    took: BTreeMap<usize, Duration>,
}

impl Listener {
    /// Listens to the operators that are built from now on.
    pub(crate) fn of(worker: &Worker) -> Self {
        let listener = Self::default();
        let heard = Rc::clone(&listener.0);
        if let Some(mut log) = worker.log_register() {
            log.insert::<TimelyEventBuilder, _>("timely", move |_, events| {
                for (at, event) in events.iter().flatten() {
                    heard.borrow_mut().hear(*at, event);
                }
            });
        }
        listener
    }

    /// Forgets what has been so far.
    pub(crate) fn begin(&self) {
        self.0.borrow_mut().took.clear();
    }

    /// Time that each operator took, the longest first.
    pub(crate) fn shares(&self, states: &[(String, Vec<u8>)]) -> Vec<Share> {
        let heard = self.0.borrow();
        let mut by_name: BTreeMap<&str, (Duration, u64)> = BTreeMap::new();
        for (id, took) in &heard.took {
            if let Some(name) = heard.names.get(id) {
                by_name.entry(name).or_default().0 += *took;
            }
        }
        for (name, bytes) in states {
            by_name.entry(name).or_default().1 += bytes.len() as u64;
        }
        let share = |(name, (took, state_bytes)): (&str, (Duration, u64))| Share {
            operator: name.to_owned(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            state_bytes,
        };
        let mut shares: Vec<Share> = by_name.into_iter().map(share).collect();
        shares.sort_by_key(|share| std::cmp::Reverse((share.took_ms, share.state_bytes)));
        shares
    }
}

impl Heard {
    fn hear(&mut self, at: Duration, event: &TimelyEvent) {
        match event {
            TimelyEvent::Operates(operator) if operator.addr.len() > 1 => {
                self.names.insert(operator.id, operator.name.clone());
            }
            TimelyEvent::Schedule(schedule) => match schedule.start_stop {
                StartStop::Start => drop(self.since.insert(schedule.id, at)),
                StartStop::Stop => {
                    let since = self.since.remove(&schedule.id).unwrap_or(at);
                    *self.took.entry(schedule.id).or_default() += at.saturating_sub(since);
                }
            },
            _ => {}
        }
    }
}
