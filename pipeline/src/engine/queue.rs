//! What waits for one sink: flushes, in order, up to a bound.
//!
//! The bound is in flushes and in rows. Flushes alone would bound no memory, since one holds what changed in an
//! interval, however much that was; rows alone would let a sink fall behind by hours on a quiet market. A
//! flush counts until it is durable, so that the one that is being written again and again is in the bound.
//! A single flush of more rows than the bound is let in when nothing else is there.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use model::Time;
use sinks::Flush;

/// How the flushes of a run end. What was put in is written in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// With all there is: the sink completes what it has.
    Complete,
    /// In the middle, because something failed.
    CutOff,
}

/// What a sink is to do next.
pub(super) enum Next {
    /// Write this.
    Write(Arc<Flush>),
    /// There is nothing more.
    End(Last),
}

/// Shared by the egress and the thread of a sink.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something was put in, became durable, or ended.
    changed: Condvar,
    flushes_max: usize,
    rows_max: usize,
}

struct State {
    flushes: VecDeque<Arc<Flush>>,
    /// Rows of flushes that are not durable.
    rows: usize,
    /// All times before this one are durable.
    durable: Time,
    last: Option<Last>,
    /// The sink takes nothing more: it failed, or is done.
    is_closed: bool,
}

impl Queue {
    /// An empty queue of a sink that has all times before `durable`.
    pub(super) fn new(durable: Time, flushes_max: usize, rows_max: usize) -> Self {
        let state = State { flushes: VecDeque::new(), rows: 0, durable, last: None, is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), flushes_max, rows_max }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No step leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, is_to_wait: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let waited = self.changed.wait_while(self.lock(), |state| is_to_wait(state));
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a flush in; waits while there is no room. False if the sink takes nothing more.
    pub(super) fn push(&self, flush: Arc<Flush>) -> bool {
        let rows = flush.len();
        let is_full = |state: &State| {
            state.flushes.len() >= self.flushes_max
                || (state.rows > 0 && state.rows.saturating_add(rows) > self.rows_max)
        };
        let mut state = self.wait_while(|state| !state.is_closed && is_full(state));
        if state.is_closed {
            return false;
        }
        state.rows += rows;
        state.flushes.push_back(flush);
        self.changed.notify_all();
        true
    }

    /// What to do next; waits until there is something.
    pub(super) fn next(&self) -> Next {
        loop {
            let mut state = self.wait_while(|state| state.flushes.is_empty() && state.last.is_none());
            if let Some(flush) = state.flushes.pop_front() {
                self.changed.notify_all();
                return Next::Write(flush);
            }
            if let Some(last) = state.last {
                return Next::End(last);
            }
        }
    }

    /// Says that a flush is durable.
    pub(super) fn written(&self, flush: &Flush) {
        let mut state = self.lock();
        state.rows = state.rows.saturating_sub(flush.len());
        state.durable = state.durable.max(flush.frontier);
        self.changed.notify_all();
    }

    /// Says that nothing more is put in.
    pub(super) fn end(&self, last: Last) {
        self.lock().last.get_or_insert(last);
        self.changed.notify_all();
    }

    /// Says that the sink takes nothing more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// True if all times before `upto` are durable.
    pub(super) fn has(&self, upto: Time) -> bool {
        self.lock().durable >= upto
    }

    /// Waits until all times before `upto` are durable. False if they never will be.
    pub(super) fn wait_for(&self, upto: Time) -> bool {
        self.wait_while(|state| !state.is_closed && state.durable < upto).durable >= upto
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, sync_channel};
    use std::time::Duration;

    use model::{Cadence, Change, Column, Kind, Schema, Value};
    use sinks::Table;

    use super::*;

    static COUNTS: Schema = Schema {
        name: "counts",
        doc: "",
        key: 1,
        cadence: Cadence::Flush,
        indexes: &[],
        columns: &[Column { name: "id", kind: Kind::Count, doc: "" }],
    };

    fn flush(frontier: Time, rows: u64) -> Arc<Flush> {
        let changes = (0..rows).map(|n| (frontier - 1, Change::Upsert(vec![Value::Count(n)]))).collect();
        Arc::new(Flush { frontier, tables: vec![Table { schema: &COUNTS, changes }] })
    }

    fn take(queue: &Queue) -> Arc<Flush> {
        match queue.next() {
            Next::Write(flush) => flush,
            Next::End(last) => panic!("it ended: {last:?}"),
        }
    }

    /// Puts a flush in from another thread; says whether it waits, and afterwards that it went in.
    fn waits(queue: &Arc<Queue>, pushed: Arc<Flush>, free: impl FnOnce()) -> bool {
        let (done, outcome) = sync_channel(1);
        let shared = Arc::clone(queue);
        let thread = std::thread::Builder::new().spawn(move || done.send(shared.push(pushed))).unwrap();
        let waits = outcome.recv_timeout(Duration::from_millis(50)) == Err(RecvTimeoutError::Timeout);
        free();
        if waits {
            assert!(outcome.recv_timeout(Duration::from_secs(60)).unwrap());
        }
        thread.join().unwrap().ok();
        waits
    }

    #[test]
    fn who_puts_in_waits_for_room_in_flushes_and_in_rows() {
        let queue = Arc::new(Queue::new(0, 2, 10));
        assert!(queue.push(flush(10, 99)), "one that is larger than the bound is let in alone");
        assert!(waits(&queue, flush(20, 1), || queue.written(&take(&queue))));
        assert!(!waits(&queue, flush(30, 9), || ()));
        assert!(waits(&queue, flush(40, 0), || drop(take(&queue))), "two wait already");
        // The flush of frontier 20 was taken and is not yet durable: its row counts.
        assert_eq!(take(&queue).frontier, 30);
        assert!(waits(&queue, flush(50, 1), || queue.written(&flush(20, 1))));
    }

    #[test]
    fn what_is_durable_is_told_and_the_end_comes_after_all() {
        let queue = Queue::new(10, 9, 99);
        assert!(queue.has(10) && !queue.has(11));
        assert!(queue.push(flush(20, 1)) && queue.push(flush(30, 1)));
        queue.end(Last::Complete);
        for frontier in [20, 30] {
            let flush = take(&queue);
            assert_eq!(flush.frontier, frontier);
            queue.written(&flush);
        }
        assert!(queue.wait_for(30) && matches!(queue.next(), Next::End(Last::Complete)));
        queue.close();
        assert!(!queue.wait_for(31) && !queue.push(flush(40, 1)));
    }

    #[test]
    fn the_first_word_on_how_it_ends_counts() {
        let queue = Queue::new(0, 9, 99);
        assert!(queue.push(flush(20, 1)));
        queue.end(Last::CutOff);
        queue.end(Last::Complete);
        assert_eq!(take(&queue).frontier, 20, "what was read is worked out all the same");
        assert!(matches!(queue.next(), Next::End(Last::CutOff)));
    }
}
