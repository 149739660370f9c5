//! The trades of one token that rules may still need, in canonical order.

use std::collections::VecDeque;

use model::{Address, EventId, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::input::{Amounts, Pool, Trade};
use crate::room;

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Tape {
    ticks: VecDeque<Tick>,
    /// A number of the trader of each of them, so that those of one are found in a fortieth of the memory.
    traders: VecDeque<u32>,
    pools: Vec<Pool>,
}

/// A trade on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tick {
    pub(super) id: EventId,
    pub(super) time: Seconds,
    pub(super) trader: Option<Address>,
    pub(super) amounts: Amounts,
    /// An index into the pools of the token.
    pub(super) pool: u16,
    pub(super) side: Side,
}

impl Tape {
    /// The trade as it stands, or will stand, on the tape; none if the token has too many pools to tell
    /// them apart.
    pub(super) fn tick(&mut self, trade: &Trade) -> Option<Tick> {
        let known = self.pools.iter().position(|pool| pool.address == trade.pool.address);
        let pool = u16::try_from(known.unwrap_or(self.pools.len())).ok()?;
        if known.is_none() {
            self.pools.push(trade.pool);
        }
        let Trade { id, time, trader, amounts, side, .. } = *trade;
        Some(Tick { id, time, trader, amounts, pool, side })
    }

    pub(super) fn insert(&mut self, tick: Tick) {
        let at = room::place_in(&self.ticks, |other| other.id <= tick.id);
        room::insert_at(&mut self.traders, at, number(tick.trader));
        room::insert_at(&mut self.ticks, at, tick);
    }

    pub(super) fn position(&self, tick: &Tick) -> Option<usize> {
        let from = self.from(tick.id);
        let same = self.ticks.range(from..).take_while(|other| other.id == tick.id);
        same.zip(from..).find(|(other, _)| *other == tick).map(|(_, at)| at)
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.traders.remove(at);
        self.ticks.remove(at);
    }

    /// The place of the first trade at or after `id`.
    fn from(&self, id: EventId) -> usize {
        self.ticks.partition_point(|tick| tick.id < id)
    }

    /// The trades from `id` on.
    pub(super) fn since(&self, id: EventId) -> impl Iterator<Item = &Tick> {
        self.ticks.range(self.from(id)..)
    }

    /// The trades of a slot. Nearly always they are the last ones.
    pub(super) fn slot(&self, slot: u64) -> impl Iterator<Item = &Tick> {
        let start = match self.ticks.back() {
            Some(last) if last.id.slot < slot => self.ticks.len(),
            Some(last) if last.id.slot == slot => {
                self.ticks.len() - self.ticks.iter().rev().take_while(|tick| tick.id.slot == slot).count()
            }
            _ => self.ticks.partition_point(|tick| tick.id.slot < slot),
        };
        self.ticks.range(start..).take_while(move |tick| tick.id.slot == slot)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Tick> {
        self.ticks.iter()
    }

    /// The trades of a trader, the last first.
    pub(super) fn last_of(&self, trader: Option<Address>) -> impl Iterator<Item = &Tick> {
        let wanted = number(trader);
        let maybe = self.traders.iter().enumerate().rev().filter(move |(_, number)| **number == wanted);
        maybe.filter_map(|(at, _)| self.ticks.get(at)).filter(move |tick| tick.trader == trader)
    }

    /// Block time of the earliest trade.
    pub(super) fn start(&self) -> Option<Seconds> {
        self.ticks.front().map(|tick| tick.time)
    }

    pub(super) fn pool(&self, tick: &Tick) -> Option<&Pool> {
        self.pools.get(usize::from(tick.pool))
    }

    pub(super) fn is_pool(&self, address: &Address) -> bool {
        self.pools.iter().any(|pool| pool.address == *address)
    }

    pub(super) fn is_on_curve(&self, tick: &Tick) -> bool {
        self.pool(tick).is_some_and(|pool| pool.is_curve)
    }

    /// The first trade on a bonding curve.
    pub(super) fn first_on_curve(&self) -> Option<&Tick> {
        // Most tokens that have left their curve are never asked; for those that never had one this is quick.
        if !self.pools.iter().any(|pool| pool.is_curve) {
            return None;
        }
        self.ticks.iter().find(|tick| self.is_on_curve(tick))
    }

    /// Lets go the slots before the first that has a trade at `time` or later.
    pub(super) fn let_go_before(&mut self, time: Seconds, mut gone: impl FnMut(&Tick)) {
        let kept = self.ticks.iter().position(|tick| tick.time >= time);
        let slot = kept.and_then(|at| self.ticks.get(at)).map(|tick| tick.id.slot);
        while self.ticks.front().is_some_and(|tick| Some(tick.id.slot) != slot) {
            self.traders.pop_front();
            self.ticks.pop_front().iter().for_each(&mut gone);
        }
        if self.ticks.capacity() > 4 * self.ticks.len() + 16 {
            self.ticks.shrink_to(2 * self.ticks.len());
            self.traders.shrink_to(2 * self.ticks.len());
        }
    }
}

/// A number that few traders share.
fn number(trader: Option<Address>) -> u32 {
    trader.map_or(0, |trader| (trader.route() >> 32) as u32)
}
