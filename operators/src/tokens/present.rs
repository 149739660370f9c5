//! A value of another operator, as it is there now.

use serde::{Deserialize, Serialize};

use crate::prelude::Diff;

/// What is put and taken back, in any order within one time: once that is complete, one value is left or
/// none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Present<T>(Vec<(T, Diff)>);

impl<T> Default for Present<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> Present<T> {
    /// Puts a value, or takes it back.
    pub(super) fn change(&mut self, value: T, diff: Diff) {
        match self.0.iter().position(|(other, _)| *other == value) {
            Some(at) => {
                self.0[at].1 += diff;
                if self.0[at].1 == 0 {
                    self.0.swap_remove(at);
                }
            }
            None => self.0.push((value, diff)),
        }
    }

    /// The value.
    pub(super) fn get(&self) -> Option<&T> {
        self.0.iter().filter(|(_, count)| *count > 0).map(|(value, _)| value).max()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
