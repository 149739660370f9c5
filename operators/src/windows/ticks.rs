//! The trades of a token that can still be corrected.
//!
//! They are kept to find again what one that is taken back had hidden: an earlier price, the trade that
//! its trader made before.

use std::collections::VecDeque;

use model::{EventId, Price, Side};
use serde::{Deserialize, Serialize};

use super::makers::Maker;
use super::{Short, Sums, Tick, short};
use crate::bar::MaybeAmount;
use crate::room;

/// One of them. What may be missing is packed: there are many.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) id: EventId,
    price: Option<Price>,
    usd: MaybeAmount,
    quote: u64,
    pub(super) maker: Maker,
    pub(super) time: Short,
    /// When its trader last did the same before it; 0 if never.
    pub(super) before: Short,
    /// The pool, an index.
    pub(super) pool: u32,
    pub(super) side: Side,
    /// True if it is left out of what is filtered.
    pub(super) is_marked: bool,
}

impl Kept {
    pub(super) fn new(tick: &Tick, pool: u32, is_marked: bool) -> Self {
        Self {
            id: tick.id,
            price: tick.price,
            usd: tick.usd.into(),
            quote: tick.quote,
            maker: tick.trader.into(),
            time: short(tick.time),
            before: 0,
            pool,
            side: tick.side,
            is_marked,
        }
    }

    pub(super) fn price(&self) -> Option<Price> {
        self.price
    }

    pub(super) fn usd(&self) -> Option<u64> {
        self.usd.get()
    }

    pub(super) fn sums(&self) -> Sums {
        Sums::of(self.side, self.quote, self.usd())
    }

    fn place(&self) -> (Short, EventId) {
        (self.time, self.id)
    }

    /// True if the trades are on the same side and by the same trader.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        self.side == other.side && self.maker == other.maker
    }

    /// True if it is the same trade, whatever became of it since.
    fn is_same(&self, other: &Self) -> bool {
        let of = |kept: &Self| (kept.id, kept.price, kept.usd, kept.quote, kept.pool);
        of(self) == of(other) && self.is_alike(other)
    }
}

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ticks {
    /// Sorted by block time and canonical order.
    list: VecDeque<Kept>,
    /// True if canonical order may be another than that of block time.
    is_tangled: bool,
}

impl Ticks {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.list.iter()
    }

    /// Puts a trade in its place; where that is.
    pub(super) fn insert(&mut self, kept: Kept) -> usize {
        let at = match self.list.back() {
            Some(last) if last.place() > kept.place() => {
                self.list.partition_point(|other| other.place() < kept.place())
            }
            _ => self.list.len(),
        };
        let before = at.checked_sub(1).and_then(|at| self.list.get(at));
        let is_after = before.is_none_or(|before| before.id <= kept.id);
        let is_before = self.list.get(at).is_none_or(|after| kept.id <= after.id);
        self.is_tangled |= !(is_after && is_before);
        room::insert_at(&mut self.list, at, kept);
        at
    }

    /// Takes a trade out; where it was, and what became of it.
    pub(super) fn remove(&mut self, kept: &Kept) -> Option<(usize, Kept)> {
        let first = self.list.partition_point(|other| other.place() < kept.place());
        let alike = self.list.range(first..).take_while(|other| other.id == kept.id);
        let at = first + alike.into_iter().position(|other| other.is_same(kept))?;
        Some((at, self.list.remove(at)?))
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Kept> {
        self.list.get_mut(at)
    }

    /// The trades from `at` on, in order.
    pub(super) fn rest_mut(&mut self, at: usize) -> impl Iterator<Item = &mut Kept> {
        self.list.range_mut(at..)
    }

    /// The trades of a second, in order.
    pub(super) fn of(&self, time: Short) -> impl Iterator<Item = &Kept> {
        let first = self.list.partition_point(|kept| kept.time < time);
        self.list.range(first..).take_while(move |kept| kept.time == time)
    }

    /// True if a trade at `at` has a price and is the last with one in its second.
    pub(super) fn is_close(&self, at: usize, time: Short) -> bool {
        let mut later = self.list.range(at + 1..).take_while(|kept| kept.time == time);
        !later.any(|kept| kept.price().is_some())
    }

    /// Where the trades with an id are. There is one or none, but within a time that is not yet closed.
    pub(super) fn find(&self, id: EventId) -> Vec<usize> {
        if self.is_tangled {
            let all = self.list.iter().enumerate().filter(|(_, kept)| kept.id == id);
            return all.map(|(at, _)| at).collect();
        }
        let first = self.list.partition_point(|kept| kept.id < id);
        let same = self.list.range(first..).take_while(|kept| kept.id == id);
        same.zip(first..).map(|(_, at)| at).collect()
    }

    /// Takes out the first if it is past correction.
    pub(super) fn pop_before(&mut self, time: Short) -> Option<Kept> {
        self.list.front().filter(|kept| kept.time < time)?;
        self.list.pop_front()
    }

    /// Gives back memory that is no longer used.
    pub(super) fn shrink(&mut self) {
        self.is_tangled &= !self.list.is_empty();
        room::shrink(&mut self.list);
    }
}
