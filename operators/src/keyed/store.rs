//! The states of one worker's keys and their timers, without timely.
//!
//! This is all that [`keyed`](super::keyed) does but the routing: tests and the single-threaded loops
//! of the benches drive it directly.

use model::time::{second_of, start_of};
use model::{Diff, Seconds, Time};
use rustc_hash::FxHashMap;

use super::timers::{Timers, time_of};
use super::{Effects, Ending, State};

struct Entry<S: State> {
    state: S,
    /// When the timer that is set for this key fires; entries of the queue that say otherwise are passed over.
    timer: Option<Time>,
    /// Parts touched at the present time and what they were before.
    touched: Touched<S>,
    is_dirty: bool,
    /// True if its timer has fired at the present time.
    has_fired: bool,
    /// Outputs that stand and that the state still owes a word on.
    #[cfg(debug_assertions)]
    live: Live,
}

impl<S: State> Entry<S> {
    fn new(state: S) -> Self {
        Self {
            state,
            timer: None,
            touched: Vec::new(),
            is_dirty: false,
            has_fired: false,
            #[cfg(debug_assertions)]
            live: Live::default(),
        }
    }

    /// Before anything happens to it at a time.
    fn begin(&mut self, key: &S::Key, dirty: &mut Vec<S::Key>, spare: &mut Vec<Touched<S>>) {
        if !self.is_dirty {
            self.is_dirty = true;
            self.touched = spare.pop().unwrap_or_default();
            dirty.push(key.clone());
        }
    }

    fn fire(
        &mut self,
        key: &S::Key,
        (now, time): (Seconds, Time),
        params: &S::Params,
        emitted: &mut Vec<(S::Output, Diff)>,
    ) {
        self.timer = None;
        self.has_fired = true;
        #[cfg(debug_assertions)]
        let first = emitted.len();
        let mut effects = Effects { now, time, params, touched: &mut self.touched, emitted };
        self.state.on_timer(key, &mut effects);
        #[cfg(debug_assertions)]
        self.live.count::<S>(emitted.get(first..).unwrap_or_default());
    }

    /// After all that happened to it at a time: lets the state settle, and emits how the touched parts changed.
    fn finish(
        &mut self,
        key: &S::Key,
        (now, time): (Seconds, Time),
        params: &S::Params,
        emitted: &mut Vec<(S::Output, Diff)>,
    ) {
        #[cfg(debug_assertions)]
        let first = emitted.len();
        let mut effects = Effects { now, time, params, touched: &mut self.touched, emitted };
        self.state.settle(key, &mut effects);
        // Stable, so the first word on a part, what it was before this time, stays first.
        self.touched.sort_by(|a, b| a.0.cmp(&b.0));
        self.touched.dedup_by(|later, first| later.0 == first.0);
        for (part, before) in self.touched.drain(..) {
            let after = self.state.output(key, &part, params);
            if before != after {
                emitted.extend(before.map(|output| (output, -1)));
                emitted.extend(after.map(|output| (output, 1)));
            }
        }
        #[cfg(debug_assertions)]
        self.live.count::<S>(emitted.get(first..).unwrap_or_default());
    }
}

/// How many outputs of a key stand that must not outlive its state ([`State::outlives`]): a state that is dropped
/// while one stands would never retract it.
///
/// Debug builds only. A state that was restored has outputs that were counted elsewhere, so its count says nothing.
#[cfg(debug_assertions)]
#[derive(Clone, Copy, Default)]
struct Live {
    count: Diff,
    is_unknown: bool,
}

#[cfg(debug_assertions)]
impl Live {
    fn count<S: State>(&mut self, emitted: &[(S::Output, Diff)]) {
        for (output, diff) in emitted {
            self.change::<S>(output, *diff);
        }
    }

    fn change<S: State>(&mut self, output: &S::Output, diff: Diff) {
        if !S::outlives(output) {
            self.count += diff;
        }
    }

    /// At the close of a time: nothing may be retracted that was not inserted, and nothing be left behind.
    fn check<S: State>(&self, is_dropped: bool) {
        let state = std::any::type_name::<S>();
        assert!(self.is_unknown || self.count >= 0, "{state} retracts {} rows too many", -self.count);
        assert!(
            self.is_unknown || !is_dropped || self.count == 0,
            "{state} drops a key that has {} rows",
            self.count
        );
    }
}

/// The states of the keys of one worker.
pub struct Store<S: State> {
    params: S::Params,
    /// The present time: that of the last change or timer.
    time: Time,
    /// Each on its own: a table that grows moves what is in it, and a state is some hundred bytes or more.
    entries: FxHashMap<S::Key, Box<Entry<S>>>,
    timers: Timers<S::Key>,
    dirty: Vec<S::Key>,
    emitted: Vec<(S::Output, Diff)>,
    /// Outputs to undo after the ending that is being published.
    before_ending: Option<Before<S>>,
    /// Empty lists for what a key will touch. They go round: one for each key would be room for four outputs each.
    spare: Vec<Touched<S>>,
}

/// So many of them are kept; in a burst more are made, and let go after it.
const SPARE: usize = 1024;

/// How things were before an ending.
struct Before<S: State> {
    /// Each key that the ending changed.
    keys: Vec<(S::Key, Option<Kept>)>,
    /// Outputs emitted.
    emitted: Vec<(S::Output, Diff)>,
}

/// A key as it was; its state as in a snapshot, for states need not be cloned.
struct Kept {
    state: Vec<u8>,
    timer: Option<Time>,
    #[cfg(debug_assertions)]
    live: Live,
}

impl<S: State> Before<S> {
    fn keep(&mut self, key: &S::Key, entry: Option<&Entry<S>>) {
        let kept = entry.and_then(|entry| {
            // Cannot fail where a snapshot does not.
            let state = postcard::to_stdvec(&entry.state).ok()?;
            Some(Kept {
                state,
                timer: entry.timer,
                #[cfg(debug_assertions)]
                live: entry.live,
            })
        });
        self.keys.push((key.clone(), kept));
    }
}

type Touched<S> = Vec<(<S as State>::Part, Option<<S as State>::Output>)>;

impl<S: State> Store<S> {
    /// A store without keys.
    #[must_use]
    pub fn new(params: S::Params) -> Self {
        Self {
            params,
            time: 0,
            entries: FxHashMap::default(),
            timers: Timers::default(),
            dirty: Vec::new(),
            emitted: Vec::new(),
            before_ending: None,
            spare: Vec::new(),
        }
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if no key has state.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The start of the second of the next timer.
    #[must_use]
    pub fn next_timer(&self) -> Option<Time> {
        self.timers.next_second().map(start_of)
    }

    /// The time before `upper` at which the next timer fires.
    pub(super) fn next_before(&mut self, upper: Time) -> Option<Time> {
        let entries = &self.entries;
        let is_set = |key: &S::Key, at: Time| entries.get(key).is_some_and(|entry| entry.timer == Some(at));
        self.timers.next_before(upper, S::route, is_set)
    }

    /// Takes in one change of the present time, after the key's own timer if that is due.
    pub fn apply(&mut self, time: Time, input: S::Input, diff: Diff) {
        self.time = time;
        let key = S::key(&input);
        self.keep(&key);
        let entry = match self.entries.get_mut(&key) {
            Some(entry) => entry,
            None => self.entries.entry(key.clone()).or_insert_with(|| Box::new(Entry::new(S::default()))),
        };
        entry.begin(&key, &mut self.dirty, &mut self.spare);
        let now = second_of(time);
        if entry.timer.is_some_and(|at| second_of(at) <= now) {
            entry.fire(&key, (now, time), &self.params, &mut self.emitted);
        }
        if entry.has_fired && entry.state.is_idle() {
            // Whether a change comes in the batch of the timer or in a later one of its second, it finds a key that
            // has been forgotten.
            entry.finish(&key, (now, time), &self.params, &mut self.emitted);
            entry.state = S::default();
        }
        #[cfg(debug_assertions)]
        let first = self.emitted.len();
        let (params, touched, emitted) = (&self.params, &mut entry.touched, &mut self.emitted);
        let mut effects = Effects { now, time, params, touched, emitted };
        entry.state.apply(&key, input, diff, &mut effects);
        #[cfg(debug_assertions)]
        entry.live.count::<S>(self.emitted.get(first..).unwrap_or_default());
    }

    /// Fires the timers of the second of `time` and of those before. Called before the changes of that time are
    /// applied.
    pub fn fire(&mut self, time: Time) {
        self.fire_before(start_of(second_of(time) + 1), time);
    }

    /// Fires at `time` the timers whose times are before `upper`.
    pub(super) fn fire_before(&mut self, upper: Time, time: Time) {
        self.time = time;
        while self.next_before(upper).is_some() {
            let Some(key) = self.timers.pop() else { break };
            self.keep(&key);
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            entry.begin(&key, &mut self.dirty, &mut self.spare);
            entry.fire(&key, (second_of(time), time), &self.params, &mut self.emitted);
        }
    }

    /// Before anything of an ending.
    pub(super) fn begin_ending(&mut self, ending: Ending) {
        self.before_ending = ending.is_undone.then(|| Before { keys: Vec::new(), emitted: Vec::new() });
    }

    /// Before a key changes: keeps it if that is to be undone.
    fn keep(&mut self, key: &S::Key) {
        let Some(before) = &mut self.before_ending else { return };
        let entry = self.entries.get(key).map(Box::as_ref);
        if entry.is_none_or(|entry| !entry.is_dirty) {
            before.keep(key, entry);
        }
    }

    /// Has every key published that lags, once the changes of the ending's time are applied.
    pub(super) fn publish(&mut self, time: Time) {
        self.time = time;
        let (now, params) = (second_of(time), &self.params);
        let lagging = self.entries.iter().filter(|(_, entry)| entry.state.lags(now, params));
        let mut keys: Vec<S::Key> = lagging.map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        for key in keys {
            self.keep(&key);
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            entry.begin(&key, &mut self.dirty, &mut self.spare);
            #[cfg(debug_assertions)]
            let first = self.emitted.len();
            let (params, touched, emitted) = (&self.params, &mut entry.touched, &mut self.emitted);
            entry.state.publish(&key, &mut Effects { now, time, params, touched, emitted });
            #[cfg(debug_assertions)]
            entry.live.count::<S>(self.emitted.get(first..).unwrap_or_default());
        }
    }

    /// Takes back all that the ending before `time` did.
    pub(super) fn undo(&mut self, time: Time, mut emit: impl FnMut(S::Output, Diff)) {
        self.time = time;
        let Some(before) = self.before_ending.take() else { return };
        for (output, diff) in before.emitted {
            emit(output, -diff);
        }
        for (key, kept) in before.keys {
            let state = kept.as_ref().and_then(|kept| postcard::from_bytes(&kept.state).ok());
            let Some((kept, state)) = kept.zip(state) else {
                self.entries.remove(&key);
                continue;
            };
            // One that would have fired meanwhile fires next.
            let timer = kept.timer.map(|at| at.max(time + 1));
            if let Some(at) = timer {
                self.timers.set(at, key.clone(), S::route(&key));
            }
            let entry = Entry {
                timer,
                #[cfg(debug_assertions)]
                live: kept.live,
                ..Entry::new(state)
            };
            self.entries.insert(key, Box::new(entry));
        }
    }

    /// Closes the present time: emits how the outputs changed, sets timers, forgets idle keys.
    pub fn close(&mut self, mut emit: impl FnMut(S::Output, Diff)) {
        let before = &mut self.before_ending;
        let mut emit = |output: S::Output, diff| {
            if let Some(before) = before {
                before.emitted.push((output.clone(), diff));
            }
            emit(output, diff);
        };
        for (output, diff) in self.emitted.drain(..) {
            emit(output, diff);
        }
        for key in self.dirty.drain(..) {
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            (entry.is_dirty, entry.has_fired) = (false, false);
            entry.finish(&key, (second_of(self.time), self.time), &self.params, &mut self.emitted);
            for (output, diff) in self.emitted.drain(..) {
                emit(output, diff);
            }
            if self.spare.len() < SPARE {
                self.spare.push(std::mem::take(&mut entry.touched));
            }
            let is_idle = entry.state.is_idle();
            #[cfg(debug_assertions)]
            entry.live.check::<S>(is_idle);
            if is_idle {
                self.entries.remove(&key);
                continue;
            }
            let timer = timer_of(&key, &entry.state, &self.params, self.time);
            if timer != entry.timer {
                entry.timer = timer;
                if let Some(at) = timer {
                    let route = S::route(&key);
                    self.timers.set(at, key, route);
                }
            }
        }
    }

    /// The states of all keys, sorted by key so that equal states give equal bytes.
    pub fn states(&self) -> impl Iterator<Item = (&S::Key, &S)> {
        let mut states: Vec<_> = self.entries.iter().map(|(key, entry)| (key, &entry.state)).collect();
        states.sort_by(|a, b| a.0.cmp(b.0));
        states.into_iter()
    }

    /// Puts a state back as it was before the time `from`. Its outputs are taken as emitted already.
    pub fn restore(&mut self, from: Time, key: S::Key, state: S) {
        let timer = timer_of(&key, &state, &self.params, from.saturating_sub(1));
        if let Some(at) = timer {
            self.timers.set(at, key.clone(), S::route(&key));
        }
        let mut entry = Entry { timer, ..Entry::new(state) };
        #[cfg(debug_assertions)]
        (entry.live.is_unknown = true);
        self.entries.insert(key, Box::new(entry));
    }
}

/// When the timer of a state fires, after the time `now`.
fn timer_of<S: State>(key: &S::Key, state: &S, params: &S::Params, now: Time) -> Option<Time> {
    state.next_timer(params).map(|second| time_of(second, S::route(key)).max(now + 1))
}

#[cfg(test)]
mod tests {
    use model::Address;
    use serde::{Deserialize, Serialize};

    use super::*;

    /// Counts what comes and forgets it after ten seconds.
    #[derive(Default, Serialize, Deserialize)]
    struct Count {
        count: Diff,
        forget_at: Seconds,
    }

    impl State for Count {
        type Key = Address;
        type Input = (Address, u8);
        type Part = ();
        type Output = Diff;
        type Params = ();

        fn key(input: &(Address, u8)) -> Address {
            input.0
        }
        fn route(key: &Address) -> u64 {
            key.route()
        }
        fn apply(&mut self, key: &Address, _: (Address, u8), diff: Diff, effects: &mut Effects<'_, Self>) {
            effects.touch((), self.output(key, &(), &()));
            self.count += diff;
            self.forget_at = effects.now + 10;
        }
        fn next_timer(&self, (): &()) -> Option<Seconds> {
            Some(self.forget_at)
        }
        fn on_timer(&mut self, key: &Address, effects: &mut Effects<'_, Self>) {
            effects.touch((), self.output(key, &(), &()));
            self.count = 0;
        }
        fn output(&self, _: &Address, (): &(), (): &()) -> Option<Diff> {
            (self.count != 0).then_some(self.count)
        }
        fn is_idle(&self) -> bool {
            self.count == 0
        }
    }

    const KEY: Address = Address::WSOL;

    /// Applies changes at a second and closes it; what is emitted.
    fn step(store: &mut Store<Count>, second: Seconds, changes: &[Diff]) -> Vec<(Diff, Diff)> {
        let time = start_of(second);
        store.fire(time);
        for diff in changes {
            store.apply(time, (KEY, 0), *diff);
        }
        let mut emitted = Vec::new();
        store.close(|output, diff| emitted.push((output, diff)));
        emitted
    }

    #[test]
    fn only_what_differs_at_the_close_is_emitted() {
        let mut store = Store::<Count>::new(());
        assert_eq!(step(&mut store, 1, &[1, 1]), [(2, 1)]);
        assert_eq!(step(&mut store, 2, &[1, -1]), []);
        assert_eq!(step(&mut store, 3, &[1]), [(2, -1), (3, 1)]);
    }

    #[test]
    fn a_timer_fires_when_it_is_due_and_not_when_it_was_moved() {
        let mut store = Store::<Count>::new(());
        step(&mut store, 1, &[1]);
        step(&mut store, 5, &[1]);
        assert_eq!(store.next_timer(), Some(start_of(11)));
        assert_eq!(step(&mut store, 11, &[]), []);
        assert_eq!(step(&mut store, 15, &[]), [(2, -1)]);
        assert!(store.is_empty(), "an idle key is forgotten");
    }

    #[test]
    fn the_timer_of_a_key_that_changes_fires_before_the_change() {
        let mut store = Store::<Count>::new(());
        step(&mut store, 1, &[1]);
        let mut emitted = Vec::new();
        store.apply(start_of(11), (KEY, 0), 2);
        store.close(|output, diff| emitted.push((output, diff)));
        assert_eq!(emitted, [(1, -1), (2, 1)]);
        assert_eq!(step(&mut store, 12, &[]), [], "and not again when its turn would have come");
    }

    /// Emits what comes and forgets the key at once.
    #[derive(Default, Serialize, Deserialize)]
    struct Careless;

    impl State for Careless {
        type Key = Address;
        type Input = Address;
        type Part = ();
        type Output = Address;
        type Params = ();

        fn key(input: &Address) -> Address {
            *input
        }
        fn route(key: &Address) -> u64 {
            key.route()
        }
        fn apply(&mut self, key: &Address, _: Address, diff: Diff, effects: &mut Effects<'_, Self>) {
            effects.emit(*key, diff);
        }
        fn next_timer(&self, (): &()) -> Option<Seconds> {
            None
        }
        fn on_timer(&mut self, _: &Address, _: &mut Effects<'_, Self>) {}
        fn output(&self, _: &Address, (): &(), (): &()) -> Option<Address> {
            None
        }
        fn is_idle(&self) -> bool {
            true
        }
    }

    #[test]
    #[should_panic(expected = "drops a key that has 1 rows")]
    fn a_key_is_not_dropped_while_a_row_of_it_stands() {
        let mut store = Store::<Careless>::new(());
        store.apply(start_of(1), KEY, 1);
        store.close(|_, _| {});
    }

    #[test]
    #[should_panic(expected = "retracts 1 rows too many")]
    fn a_row_that_was_not_inserted_is_not_retracted() {
        let mut store = Store::<Careless>::new(());
        store.apply(start_of(1), KEY, -1);
        store.close(|_, _| {});
    }

    #[test]
    fn a_restored_state_goes_on_where_it_was() {
        let mut store = Store::<Count>::new(());
        step(&mut store, 1, &[1, 1]);
        let bytes = postcard::to_stdvec(&store.states().collect::<Vec<_>>()).unwrap();
        let mut restored = Store::<Count>::new(());
        for (key, state) in postcard::from_bytes::<Vec<(Address, Count)>>(&bytes).unwrap() {
            restored.restore(start_of(1) + 1, key, state);
        }
        assert_eq!(step(&mut restored, 2, &[1]), [(2, -1), (3, 1)]);
        assert_eq!(step(&mut restored, 12, &[]), [(3, -1)]);
    }
}
