//! Highest or lowest price of every window that ends now, in one list.
//!
//! A price that a later one reaches or passes is never again the highest of a window that ends now. What is
//! left are steps that fall with time, and the highest of a window is the first step in it.

use std::collections::VecDeque;

use model::{Price, Seconds};
use serde::{Deserialize, Serialize};

/// See the module; of the highest prices or of the lowest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stairs<const HIGHEST: bool>(VecDeque<(Seconds, Price)>);

impl<const HIGHEST: bool> Stairs<HIGHEST> {
    /// The highest after `start`.
    pub(super) fn after(&self, start: Seconds) -> Option<Price> {
        let first = self.0.partition_point(|(time, _)| *time <= start);
        self.0.get(first).map(|(_, price)| *price)
    }

    /// Puts a price in its place, unless it is no step; those that it hides are no steps any more.
    pub(super) fn insert(&mut self, time: Seconds, price: Price) {
        let at = match self.0.back() {
            Some((last, _)) if *last >= time => self.0.partition_point(|(t, _)| *t < time),
            _ => self.0.len(),
        };
        let same = self.0.get(at).copied();
        if same.is_some_and(|(_, later)| reaches::<HIGHEST>(later, price)) {
            return;
        }
        if same.is_some_and(|(t, _)| t == time) {
            self.0.remove(at);
        }
        let hidden = self.0.iter().take(at).rev().take_while(|(_, p)| reaches::<HIGHEST>(price, *p)).count();
        if at == self.0.len() {
            self.0.truncate(at - hidden);
            self.0.push_back((time, price));
        } else {
            self.0.drain(at - hidden..at);
            self.0.insert(at - hidden, (time, price));
        }
    }

    /// Takes a step out, and tells the time of the one before it (0 if there is none): the prices after
    /// that one up to `time` are to be inserted again. None if it was no step.
    pub(super) fn take(&mut self, time: Seconds, price: Price) -> Option<Seconds> {
        let at = self.0.partition_point(|(t, _)| *t < time);
        if self.0.get(at) != Some(&(time, price)) {
            return None;
        }
        self.0.remove(at);
        let before = at.checked_sub(1).and_then(|at| self.0.get(at));
        Some(before.map_or(0, |(time, _)| *time))
    }

    /// Lets go what no window reaches that starts at `start` or later.
    pub(super) fn let_go(&mut self, start: Seconds) {
        while self.0.front().is_some_and(|(time, _)| *time <= start) {
            self.0.pop_front();
        }
    }
}

fn reaches<const HIGHEST: bool>(price: Price, other: Price) -> bool {
    if HIGHEST { price >= other } else { price <= other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(value: u32) -> Price {
        Price::new(value.into()).unwrap()
    }

    /// Numbers that look like chance.
    fn numbers() -> impl Iterator<Item = u32> {
        let mut state = 1u64;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(state >> 33).unwrap()
        })
    }

    #[test]
    fn the_first_step_of_a_window_is_its_extreme_whatever_comes_and_goes() {
        let (mut highs, mut lows) = (Stairs::<true>::default(), Stairs::<false>::default());
        let mut present: Vec<(Seconds, Price)> = Vec::new();
        for n in numbers().take(900) {
            let (time, value) = (u64::from(n % 23) + 1, price(n / 23 % 17 + 1));
            if n % 5 < 2 && !present.is_empty() {
                let (time, value) = present.remove(n as usize % present.len());
                if let Some(before) = highs.take(time, value) {
                    let again = present.iter().filter(|(t, _)| (before + 1..=time).contains(t));
                    again.for_each(|(t, p)| highs.insert(*t, *p));
                }
                if let Some(before) = lows.take(time, value) {
                    let again = present.iter().filter(|(t, _)| (before + 1..=time).contains(t));
                    again.for_each(|(t, p)| lows.insert(*t, *p));
                }
            } else {
                present.push((time, value));
                highs.insert(time, value);
                lows.insert(time, value);
            }
            for start in 0..25 {
                let within = || present.iter().filter(|(t, _)| *t > start).map(|(_, p)| *p);
                assert_eq!(highs.after(start), within().max(), "highest after {start} of {present:?}");
                assert_eq!(lows.after(start), within().min(), "lowest after {start} of {present:?}");
            }
        }
    }
}
