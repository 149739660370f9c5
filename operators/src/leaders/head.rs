//! The head of a board within a shard: the first tokens, kept in order, and some more in reserve.
//!
//! Most changes are of tokens far behind, and end with one comparison. One that leaves the head is replaced from the
//! reserve; once the reserve is used up, all tokens of the shard are looked at again.

use serde::{Deserialize, Serialize};

use super::{Candidate, Params};

/// As many times the size of a board are kept.
const RESERVE: usize = 4;

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Head {
    /// The first of the shard, sorted. Whoever is not among them comes after the last of them.
    candidates: Vec<Candidate>,
    /// True if there are others.
    has_others: bool,
}

fn size(params: &Params) -> usize {
    usize::try_from(params.size).unwrap_or(usize::MAX)
}

impl Head {
    /// Puts a candidate on the board, or takes it off.
    pub(super) fn change(&mut self, candidate: Candidate, is_there: bool, params: &Params) {
        let is_behind = self.candidates.last().is_none_or(|last| *last < candidate);
        if is_behind && self.has_others {
            return;
        }
        match self.candidates.binary_search(&candidate) {
            Err(at) if is_there => {
                self.candidates.insert(at, candidate);
                if self.candidates.len() > size(params).saturating_mul(RESERVE) {
                    self.candidates.pop();
                    self.has_others = true;
                }
            }
            Ok(at) if !is_there => drop(self.candidates.remove(at)),
            _ => {}
        }
    }

    /// The first, in order; `all` gives all candidates of the shard.
    pub(super) fn first(&mut self, params: &Params, all: impl FnOnce() -> Vec<Candidate>) -> &[Candidate] {
        let size = size(params);
        if self.has_others && self.candidates.len() < size {
            self.candidates = all();
            let kept = size.saturating_mul(RESERVE);
            self.has_others = self.candidates.len() > kept;
            if self.has_others {
                self.candidates.select_nth_unstable(kept);
                self.candidates.truncate(kept);
            }
            self.candidates.sort_unstable();
        }
        self.candidates.get(..size).unwrap_or(&self.candidates)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BTreeSet;

    use model::Address;

    use super::*;
    use crate::leaders::{Kind, Place, Unit};
    use crate::number::Number;

    fn candidate(mint: u8, value: u32) -> Candidate {
        let value = Reverse(Number::new(f64::from(value)).unwrap());
        Candidate { board: Kind::Volume, place: Place { unit: Unit::Usd, value }, mint: Address([mint; 32]) }
    }

    #[test]
    fn whatever_comes_and_goes_the_first_are_the_first_of_all() {
        let params = Params { size: 3, ..Params::default() };
        let (mut head, mut all) = (Head::default(), BTreeSet::new());
        let (mut state, mut lookups) = (7u32, 0);
        for round in 0..4000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Many come, then more go than come.
            let (value, pick) = ((state >> 8) % 50, (state >> 16) as usize);
            let candidate = candidate(u8::try_from((state >> 24) % 200).unwrap(), value);
            if (state >> 4) % 10 < if round % 400 < 200 { 7 } else { 2 } {
                all.insert(candidate);
                head.change(candidate, true, &params);
            } else if !all.is_empty() {
                // The first go more often than others.
                let at = if round % 3 == 0 { pick % all.len() } else { 0 };
                let gone = *all.iter().nth(at).unwrap();
                all.remove(&gone);
                head.change(gone, false, &params);
            }
            let expected: Vec<Candidate> = all.iter().copied().take(3).collect();
            let first = head.first(&params, || {
                lookups += 1;
                all.iter().rev().copied().collect()
            });
            assert_eq!(first, expected, "round {round}");
        }
        assert!((1..1000).contains(&lookups), "all were looked at {lookups} times");
    }
}
