//! The buckets that a token keeps: few, sorted, next to each other.
//!
//! A token has one open bucket an interval and a handful of closed ones, so a sorted list is found in
//! faster, and is smaller by an order of magnitude, than a tree an interval.

use std::sync::Arc;

use model::Seconds;
use serde::{Deserialize, Serialize};

use super::lines::Lines;
use super::record::BarGroup;
use crate::bar::Bar;
use crate::room;

/// The candles of one interval and start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Part {
    /// Which of the intervals, by index.
    pub(super) interval: usize,
    /// Its first second.
    pub(super) open: Seconds,
    /// The first second after its last.
    pub(super) end: Seconds,
}

impl Part {
    pub(super) const fn has(&self, time: Seconds) -> bool {
        self.open <= time && time < self.end
    }
}

/// The bars of a part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) part: Part,
    /// As it leaves. Written to by copying it, since the edge may still be reading what it was.
    pub(super) group: Arc<BarGroup>,
    /// Those of its trades that were let go.
    pub(super) sealed: Option<Box<Lines<Bar>>>,
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Buckets(Vec<Bucket>);

impl Buckets {
    fn find(&self, part: Part) -> Result<usize, usize> {
        self.0.binary_search_by(|bucket| bucket.part.cmp(&part))
    }

    pub(super) fn get(&self, part: Part) -> Option<&Bucket> {
        self.find(part).ok().map(|at| &self.0[at])
    }

    pub(super) fn get_mut(&mut self, part: Part) -> Option<&mut Bucket> {
        self.find(part).ok().map(|at| &mut self.0[at])
    }

    /// Puts the bars of a part in the place of what it has, if anything.
    pub(super) fn set(&mut self, part: Part, group: Arc<BarGroup>) -> &mut Bucket {
        let at = match self.find(part) {
            Ok(at) => {
                self.0[at].group = group;
                at
            }
            Err(at) => {
                room::insert(&mut self.0, at, Bucket { part, group, sealed: None });
                at
            }
        };
        &mut self.0[at]
    }

    pub(super) fn remove(&mut self, part: Part) {
        if let Ok(at) = self.find(part) {
            self.0.remove(at);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Bucket> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Bucket> {
        self.0.iter_mut()
    }

    /// Drops those whose part is not to be kept.
    pub(super) fn drop_unless(&mut self, keep: impl Fn(&Part) -> bool) -> impl Iterator<Item = Bucket> {
        self.0.extract_if(.., move |bucket| !keep(&bucket.part))
    }

    /// Reads what a trade at `time` will be added to, and does nothing with it.
    ///
    /// The bars lie scattered, and of most tokens they are in no cache when a trade comes. Read one after
    /// another each would be waited for; asked for at once they come together.
    pub(super) fn fetch(&self, time: Seconds) {
        let open = self.0.iter().filter(|bucket| bucket.part.has(time));
        std::hint::black_box(open.map(|bucket| bucket.group.fetch()).fold(0, u64::wrapping_add));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
