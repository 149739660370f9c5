//! When timers fire: each at a logical time within its second that follows from its key.
//!
//! At the turn of a second the timers of many keys are due at once, and to fire them all would hold up the first
//! trades of the second. So each key has a place among [`PLACES`], and its timer fires with the batch of that number,
//! or after the second's last batch if there are fewer.
//!
//! Nothing else decides: not how much is to do, nor how many batches were handed over together. What a run that goes on
//! works out again it so says at the times at which it was said before, and those are what sinks go by when they
//! pass over what they have.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::time::{second_of, start_of};
use model::{Seconds, Time};

/// So many places a second has: about half as many as it has batches where there is much to do.
pub const PLACES: Time = 128;

/// The time at which a timer that is set for `second` fires, by the route of its key.
pub(super) const fn time_of(second: Seconds, route: u64) -> Time {
    // Other bits than those by which keys are routed to workers.
    start_of(second) + (route.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - PLACES.ilog2()))
}

/// Keys by the times at which their timers fire. One that is set anew is there twice.
pub(super) struct Timers<K> {
    /// Those of seconds that have not begun.
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
    /// Sets a timer.
    pub(super) fn set(&mut self, at: Time, key: K) {
        let second = second_of(at);
        if second > self.begun {
            self.later.entry(second).or_default().push(key);
        } else {
            let place = self.due.partition_point(|(other, _)| *other > at);
            self.due.insert(place, (at, key));
        }
    }

    /// The second of the next timer.
    pub(super) fn next_second(&self) -> Option<Seconds> {
        let due = self.due.last().map(|(at, _)| second_of(*at));
        due.or_else(|| self.later.first_key_value().map(|(second, _)| *second))
    }

    /// The time of the next timer that fires before `upper`; `timer_of` tells what is set for a key.
    pub(super) fn next_before(&mut self, upper: Time, timer_of: impl Fn(&K) -> Option<Time>) -> Option<Time> {
        loop {
            while let Some((at, key)) = self.due.last() {
                if timer_of(key) == Some(*at) {
                    return Some(*at).filter(|at| *at < upper);
                }
                self.due.pop();
            }
            let begins = self.later.first_entry().filter(|later| start_of(*later.key()) < upper)?;
            let (second, keys) = begins.remove_entry();
            self.begun = second;
            self.due.extend(keys.into_iter().filter_map(|key| Some((timer_of(&key)?, key))));
            self.due.retain(|(at, _)| second_of(*at) == second);
            self.due.sort_by_key(|(at, _)| Reverse(*at));
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

    /// Sets timers, and says when each fires that fires before `upper`.
    fn fired(timers: &mut Timers<u64>, upper: Time, set: &BTreeMap<u64, Time>) -> Vec<(Time, u64)> {
        let next = |timers: &mut Timers<u64>| timers.next_before(upper, |key| set.get(key).copied());
        std::iter::from_fn(|| Some((next(timers)?, timers.pop()?))).collect()
    }

    fn timers(set: &[(u64, Time)]) -> Timers<u64> {
        let mut timers = Timers::default();
        set.iter().for_each(|(key, at)| timers.set(*at, *key));
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
        let before = expected.partition_point(|(at, _)| *at < start_of(5) + 40);
        let mut timers = timers(&set);
        assert_eq!(fired(&mut timers, start_of(5) + 40, &standing), expected[..before]);
        assert_eq!(timers.next_second(), Some(5));
        assert_eq!(fired(&mut timers, start_of(9), &standing), expected[before..]);
    }

    #[test]
    fn one_that_is_set_for_a_second_that_has_begun_still_fires_in_it() {
        let mut standing = BTreeMap::from([(1, start_of(5) + 20)]);
        let mut timers = timers(&[(1, start_of(5) + 20)]);
        assert_eq!(fired(&mut timers, start_of(5) + 1, &standing), []);
        for (key, at) in [(2, start_of(5) + 10), (3, start_of(5) + 30), (4, start_of(6))] {
            timers.set(at, key);
            standing.insert(key, at);
        }
        let order = [(start_of(5) + 10, 2), (start_of(5) + 20, 1), (start_of(5) + 30, 3)];
        assert_eq!(fired(&mut timers, start_of(6), &standing), order);
    }

    #[test]
    fn one_that_was_set_anew_does_not_fire_when_it_would_have() {
        let standing = BTreeMap::from([(1, start_of(9))]);
        let mut timers = timers(&[(1, start_of(5)), (1, start_of(9)), (2, start_of(5))]);
        assert_eq!(fired(&mut timers, start_of(99), &standing), [(start_of(9), 1)]);
    }
}
