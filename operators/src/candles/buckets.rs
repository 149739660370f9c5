//! The buckets that a token keeps: few, sorted, next to each other.
//!
//! A token has one open bucket an interval and a handful of closed ones, so a sorted list is found in
//! faster, and is smaller by an order of magnitude, than a tree an interval.

use model::Seconds;
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use crate::bar::Tick;

/// The candles of one interval and start, of all series: they are in one bucket and change together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Which of the intervals, by index.
    pub(super) interval: usize,
    /// Its first second.
    pub(super) open: Seconds,
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Buckets(Vec<(Part, Box<Bucket>)>);

impl Buckets {
    fn find(&self, part: Part) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(&part))
    }

    pub(super) fn get(&self, part: Part) -> Option<&Bucket> {
        self.find(part).ok().map(|at| &*self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, part: Part) -> Option<&mut Bucket> {
        self.find(part).ok().map(|at| &mut *self.0[at].1)
    }

    /// Adds the bucket of a first trade.
    pub(super) fn insert(&mut self, part: Part, tick: &Tick) -> &mut Bucket {
        let (Ok(at) | Err(at)) = self.find(part);
        self.0.insert(at, (part, Box::new(Bucket::new(tick))));
        &mut self.0[at].1
    }

    pub(super) fn remove(&mut self, part: Part) {
        if let Ok(at) = self.find(part) {
            self.0.remove(at);
        }
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        self.0.iter().map(|(part, _)| *part)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(Part) -> bool) {
        self.0.retain(|(part, _)| keep(*part));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
