//! Highest or lowest value of every window that ends now, in one list.
//!
//! A value that a later one reaches or passes is never again the highest of a window that ends now. What is
//! left are steps that fall with time, and the highest of a window is the first step in it.
//!
//! A step that is taken out uncovers those that it hid, so they have to be known from elsewhere. That is
//! so only for values that can be taken out; the others are kept in stairs of their own, which nothing
//! uncovers again, and need not be known otherwise ([`Extremes`]).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Short;
use crate::room;

/// Highest or lowest values of every window, of which the late ones can be taken out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Extremes<T, const HIGHEST: bool> {
    /// Those that stand for good.
    settled: Stairs<T, HIGHEST>,
    /// All of them later.
    recent: Stairs<T, HIGHEST>,
}

impl<T, const HIGHEST: bool> Default for Extremes<T, HIGHEST> {
    fn default() -> Self {
        Self { settled: Stairs::default(), recent: Stairs::default() }
    }
}

impl<T: Ord + Copy, const HIGHEST: bool> Extremes<T, HIGHEST> {
    /// The highest after `start`.
    pub(super) fn after(&self, start: Short) -> Option<T> {
        let (old, new) = (self.settled.after(start), self.recent.after(start));
        match (old, new) {
            (Some(old), Some(new)) => Some(if reaches::<T, HIGHEST>(new, old) { new } else { old }),
            (old, new) => old.or(new),
        }
    }

    /// Puts a value in its place.
    pub(super) fn insert(&mut self, time: Short, value: T) {
        self.recent.insert(time, value);
    }

    /// Says that a value, which was put, can no longer be taken out.
    pub(super) fn settle(&mut self, time: Short, value: T) {
        self.settled.insert(time, value);
        self.recent.let_go(time);
    }

    /// Takes a value out. If it was a step, tells the time of the one before it (0 if there is none): the
    /// values after that one up to `time` are to be put again.
    pub(super) fn take(&mut self, time: Short, value: T) -> Option<Short> {
        self.recent.take(time, value)
    }

    /// Lets go what no window reaches that starts at `start` or later.
    pub(super) fn let_go(&mut self, start: Short) {
        self.settled.let_go(start);
        self.recent.let_go(start);
    }
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stairs<T, const HIGHEST: bool>(VecDeque<(Short, T)>);

impl<T, const HIGHEST: bool> Default for Stairs<T, HIGHEST> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Ord + Copy, const HIGHEST: bool> Stairs<T, HIGHEST> {
    fn after(&self, start: Short) -> Option<T> {
        // Most windows either hold all steps or none.
        match self.0.front() {
            Some((first, value)) if *first > start => return Some(*value),
            _ if self.0.back().is_none_or(|(last, _)| *last <= start) => return None,
            _ => {}
        }
        let first = self.0.partition_point(|(time, _)| *time <= start);
        self.0.get(first).map(|(_, value)| *value)
    }

    /// Puts a value in its place, unless it is no step; those that it hides are no steps any more.
    fn insert(&mut self, time: Short, value: T) {
        let at = room::place_in(&self.0, |(t, _)| *t < time);
        let same = self.0.get(at).copied();
        if same.is_some_and(|(_, later)| reaches::<T, HIGHEST>(later, value)) {
            return;
        }
        if same.is_some_and(|(t, _)| t == time) {
            self.0.remove(at);
        }
        let hidden =
            self.0.iter().take(at).rev().take_while(|(_, v)| reaches::<T, HIGHEST>(value, *v)).count();
        self.0.drain(at - hidden..at);
        room::insert_at(&mut self.0, at - hidden, (time, value));
    }

    fn take(&mut self, time: Short, value: T) -> Option<Short> {
        let at = self.0.partition_point(|(t, _)| *t < time);
        if self.0.get(at) != Some(&(time, value)) {
            return None;
        }
        self.0.remove(at);
        let before = at.checked_sub(1).and_then(|at| self.0.get(at));
        Some(before.map_or(0, |(time, _)| *time))
    }

    fn let_go(&mut self, start: Short) {
        while self.0.front().is_some_and(|(time, _)| *time <= start) {
            self.0.pop_front();
        }
    }
}

fn reaches<T: Ord + Copy, const HIGHEST: bool>(value: T, other: T) -> bool {
    if HIGHEST { value >= other } else { value <= other }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look like chance.
    fn numbers() -> impl Iterator<Item = u32> {
        let mut state = 1u64;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(state >> 33).unwrap()
        })
    }

    fn take<const HIGHEST: bool>(
        of: &mut Extremes<u32, HIGHEST>,
        present: &[(Short, u32)],
        at: (Short, u32),
    ) {
        let Some(before) = of.take(at.0, at.1) else { return };
        let again = present.iter().filter(|(t, _)| (before + 1..=at.0).contains(t));
        again.for_each(|(t, v)| of.insert(*t, *v));
    }

    #[test]
    fn the_first_step_of_a_window_is_its_extreme_whatever_comes_and_goes() {
        let (mut highs, mut lows) = (Extremes::<u32, true>::default(), Extremes::<u32, false>::default());
        let mut present: Vec<(Short, u32)> = Vec::new();
        let mut settled: Vec<(Short, u32)> = Vec::new();
        let mut base = 1;
        for (round, n) in numbers().take(2000).enumerate() {
            let (time, value) = (base + n % 23, n / 23 % 17 + 1);
            if round % 40 == 39 {
                base += 5;
                present.sort_unstable();
                let count = present.partition_point(|(time, _)| *time < base);
                for (time, value) in present.drain(..count) {
                    highs.settle(time, value);
                    lows.settle(time, value);
                    settled.push((time, value));
                }
            } else if n % 5 < 2 && !present.is_empty() {
                let at = present.remove(n as usize % present.len());
                take(&mut highs, &present, at);
                take(&mut lows, &present, at);
            } else {
                present.push((time, value));
                highs.insert(time, value);
                lows.insert(time, value);
            }
            for start in base.saturating_sub(20)..base + 25 {
                let all = settled.iter().chain(&present);
                let within = || all.clone().filter(|(t, _)| *t > start).map(|(_, v)| *v);
                assert_eq!(highs.after(start), within().max(), "highest after {start} of {present:?}");
                assert_eq!(lows.after(start), within().min(), "lowest after {start} of {present:?}");
            }
        }
    }
}
