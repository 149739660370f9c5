//! The supply of a token, as its events say it.
//!
//! Launchpads mint all there will ever be, so the supply only falls, by burning, and the least that was
//! said is the latest. Doing so needs a count for each amount said, and not the order of the trades.

use std::collections::BTreeMap;

use model::{Diff, Seconds};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Supplies {
    /// The least that can no longer be taken back.
    settled: Option<u64>,
    /// How often each was said, and when last.
    said: BTreeMap<u64, (Diff, Seconds)>,
}

impl Supplies {
    /// Takes in that an event said `supply`, raw units, or that it did not happen.
    pub(super) fn change(&mut self, supply: u64, time: Seconds, diff: Diff) {
        match self.said.get_mut(&supply) {
            Some((count, last)) => {
                *count += diff;
                *last = time.max(*last);
                if *count <= 0 {
                    self.said.remove(&supply);
                }
            }
            None if diff > 0 && supply > 0 => drop(self.said.insert(supply, (diff, time))),
            None => {}
        }
    }

    /// Lets go of what was last said before `cut`.
    pub(super) fn settle(&mut self, cut: Seconds) {
        self.said.retain(|supply, (_, last)| {
            if *last < cut {
                self.settled = Some(self.settled.map_or(*supply, |least| least.min(*supply)));
            }
            *last >= cut
        });
    }

    /// The supply, raw units; none if nothing said it.
    pub(super) fn least(&self) -> Option<u64> {
        self.said.keys().next().copied().into_iter().chain(self.settled).min()
    }

    /// True if something can still be taken back.
    pub(super) fn is_recent(&self) -> bool {
        !self.said.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_was_said_stands_until_it_is_taken_back() {
        let mut supplies = Supplies::default();
        assert_eq!(supplies.least(), None);
        supplies.change(1000, 5, 1);
        supplies.change(990, 6, 1);
        supplies.change(990, 7, 1);
        supplies.change(0, 7, 1);
        assert_eq!(supplies.least(), Some(990));
        supplies.change(990, 6, -1);
        supplies.change(990, 7, -1);
        assert_eq!(supplies.least(), Some(1000));
    }

    #[test]
    fn what_is_settled_is_one_number() {
        let mut supplies = Supplies::default();
        for supply in 900..1000 {
            supplies.change(supply, supply, 1);
        }
        supplies.settle(2000);
        assert_eq!((supplies.least(), supplies.is_recent()), (Some(900), false));
        supplies.change(950, 950, -1);
        supplies.change(960, 2000, 1);
        assert_eq!(supplies.least(), Some(900));
    }
}
