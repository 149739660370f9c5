//! When timers fire: each at a logical time within its second that follows from its key.
//!
//! At the turn of a second the timers of many keys are due at once, and to fire them all would hold up the first
//! trades of the second. So each key has a place among [`PLACES`], and its timer fires with the batch of that number,
//! or after the second's last batch if there are fewer.
//!
//! Nothing else decides: not how much is to do, nor how many batches were handed over together. A run that goes on and
//! works something out again emits it at the times at which it was said before, and those are what sinks go by when they
//! pass over what they have.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::time::{second_of, start_of};
use model::{Seconds, Time};

/// So many places a second has: about half as many as it has batches where there is much to do.
pub const PLACES: Time = 512;

/// The time at which a timer that is set for `second` fires, by the route of its key.
pub(super) const fn time_of(second: Seconds, route: u64) -> Time {
    // Other bits than those by which keys are routed to workers.
    start_of(second) + (route.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - PLACES.ilog2()))
}

/// Keys by the times at which their timers fire. One that is set anew is there twice.
pub(super) struct Timers<K> {
    /// Timers that fire at their places in seconds that have not begun.
    later: BTreeMap<Seconds, Vec<K>>,
    /// The others, the next to fire last.
    due: Vec<(Time, K)>,
    /// The last second that has begun.
    begun: Seconds,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { later: BTreeMap::new(), due: Vec::new(), begun: 0 }
    }
}

impl<K> Timers<K> {
    /// Sets the timer of a key with this route.
    pub(super) fn set(&mut self, at: Time, key: K, route: u64) {
        let second = second_of(at);
        if second > self.begun && at == time_of(second, route) {
            self.later.entry(second).or_default().push(key);
        } else {
            let after = self.due.partition_point(|(other, _)| *other > at);
            self.due.insert(after, (at, key));
        }
    }

    /// The second of the next timer.
    pub(super) fn next_second(&self) -> Option<Seconds> {
        let due = self.due.last().map(|(at, _)| second_of(*at));
        due.into_iter().chain(self.later.first_key_value().map(|(second, _)| *second)).min()
    }

    /// The time of the next timer that fires before `upper`, by the routes of the keys and what is set for each.
    pub(super) fn next_before(
        &mut self,
        upper: Time,
        route: impl Fn(&K) -> u64,
        is_set: impl Fn(&K, Time) -> bool,
    ) -> Option<Time> {
        loop {
            let due = self.due.last().map(|(at, _)| *at);
            let begins = self.later.first_entry().filter(|later| {
                let start = start_of(*later.key());
                start < upper && due.is_none_or(|at| start <= at)
            });
            if let Some(begins) = begins {
                let (second, keys) = begins.remove_entry();
                self.begun = second;
                self.due.extend(keys.into_iter().map(|key| (time_of(second, route(&key)), key)));
                self.due.sort_by_key(|(at, _)| Reverse(*at));
                continue;
            }
            let (at, key) = self.due.last().filter(|(at, _)| *at < upper)?;
            if is_set(key, *at) {
                return Some(*at);
            }
            self.due.pop();
        }
    }

    /// Takes the next timer out, as [`Timers::next_before`] has told it.
    pub(super) fn pop(&mut self) -> Option<K> {
        self.due.pop().map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says when each timer fires that fires before `upper`, and of which key; a key's route is the key.
    fn fired(timers: &mut Timers<u64>, upper: Time, set: &BTreeMap<u64, Time>) -> Vec<(Time, u64)> {
        let is_set = |key: &u64, at: Time| set.get(key) == Some(&at);
        let next = |timers: &mut Timers<u64>| timers.next_before(upper, |key| *key, is_set);
        std::iter::from_fn(|| Some((next(timers)?, timers.pop()?))).collect()
    }

    fn timers(set: &[(u64, Time)]) -> Timers<u64> {
        let mut timers = Timers::default();
        set.iter().for_each(|(key, at)| timers.set(*at, *key, *key));
        timers
    }

    #[test]
    fn keys_are_spread_over_the_places() {
        let mut counts = BTreeMap::<Time, u64>::new();
        for route in 0..PLACES * 100 {
            *counts.entry(time_of(7, route)).or_default() += 1;
        }
        assert!(counts.keys().copied().eq(start_of(7)..start_of(7) + PLACES));
        assert!(counts.values().all(|count| (50..200).contains(count)), "{counts:?}");
    }

    #[test]
    fn timers_fire_in_the_order_of_their_times_however_they_were_set() {
        let set: Vec<(u64, Time)> = (0..50).map(|key| (key, time_of(5 + key % 2, key))).collect();
        let standing = set.iter().copied().collect();
        let mut expected: Vec<(Time, u64)> = set.iter().map(|(key, at)| (*at, *key)).collect();
        expected.sort_unstable();
        let middle = start_of(5) + PLACES / 2;
        let before = expected.partition_point(|(at, _)| *at < middle);
        let mut timers = timers(&set);
        assert_eq!(fired(&mut timers, middle, &standing), expected[..before]);
        assert_eq!(timers.next_second(), Some(5));
        assert_eq!(fired(&mut timers, start_of(9), &standing), expected[before..]);
    }

    #[test]
    fn one_that_is_set_for_a_second_that_has_begun_still_fires_in_it() {
        let set: Vec<(u64, Time)> = (0..9).map(|key| (key, time_of(5, key))).collect();
        let standing: BTreeMap<u64, Time> = set.iter().copied().collect();
        let mut timers = timers(&set[..4]);
        assert_eq!(fired(&mut timers, start_of(5) + 1, &standing).len(), 1, "the place of 0 is 0");
        set[4..].iter().for_each(|(key, at)| timers.set(*at, *key, *key));
        let fired = fired(&mut timers, start_of(6), &standing);
        assert!(fired.len() == 8 && fired.is_sorted());
    }

    #[test]
    fn one_that_is_late_fires_between_those_that_are_not() {
        let (late, place) = (start_of(5) + 7, time_of(5, 3));
        let standing = BTreeMap::from([(1, late), (2, start_of(4) + 9), (3, place)]);
        let mut timers = timers(&[(1, late), (2, start_of(4) + 9), (3, place)]);
        let order = [(start_of(4) + 9, 2), (late, 1), (place, 3)];
        assert_eq!(fired(&mut timers, start_of(9), &standing), order);
    }

    #[test]
    fn one_that_was_set_anew_does_not_fire_when_it_would_have() {
        let (before, after) = (time_of(5, 1), time_of(9, 1));
        let standing = BTreeMap::from([(1, after)]);
        let mut timers = timers(&[(1, before), (1, after), (2, time_of(5, 2))]);
        assert_eq!(fired(&mut timers, start_of(99), &standing), [(after, 1)]);
    }
}
