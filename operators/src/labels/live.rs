//! State of a token that trades: its tape, its counts and its memory of wallets.

use std::collections::{BTreeMap, BTreeSet};

use model::{Address, EventId, Seconds};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::input::Creation;
use super::insider::{self, Moved};
use super::launch::{Launch, label};
use super::record::Label;
use super::tape::{Tape, Tick};
use super::token::{Output, Part, Token};
use super::wash::{Money, Trips};
use super::{LabelKind, Params, block};
use crate::prelude::*;

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Live {
    pub(super) tape: Tape,
    pub(super) creations: Vec<Creation>,
    pub(super) moves: Vec<Moved>,
    /// Trades on the tape by wallet, quoted in SOL and in dollars.
    counts: FxHashMap<Address, [u32; 2]>,
    pub(super) trips: BTreeMap<(Address, Money), Trips>,
    /// The slot that was last touched, and when.
    #[serde(skip)]
    touched: Option<(Time, u64)>,
}

impl Live {
    pub(super) fn launch<'a>(&'a self, params: &'a Params) -> Option<Launch<'a>> {
        Launch::find(&self.tape, &self.creations, params)
    }

    /// The launch's first trade and the creation; none without one or the other.
    pub(super) fn origin<'a>(&'a self, params: &'a Params) -> Option<(&'a Tick, &'a Creation)> {
        let first = self.launch(params)?.first();
        Some((first, self.creations.iter().min_by_key(|creation| creation.id)?))
    }

    pub(super) fn insiders(&self, params: &Params) -> BTreeSet<Address> {
        let Some((first, creation)) = self.origin(params).filter(|_| !self.moves.is_empty()) else {
            return BTreeSet::new();
        };
        insider::insiders(first, creation, &self.tape, &self.moves)
    }

    pub(super) fn insider(&self, wallet: &Address, params: &Params) -> Option<Label> {
        let (first, creation) = self.origin(params)?;
        insider::insider(first, creation, &self.tape, &self.moves, wallet)
    }

    /// Block time of the earliest of what is kept.
    pub(super) fn start(&self) -> Option<Seconds> {
        self.moves.iter().map(|moved| moved.time).chain(self.tape.start()).min()
    }

    /// Says that the sandwiches and arbitrage of the slot of `tick` are about to change. A change to a slot
    /// that has one side with it and without it changes nothing.
    pub(super) fn touch_slot(&mut self, mint: &Address, tick: &Tick, effects: &mut Effects<'_, Token>) {
        let slot = tick.id.slot;
        if self.touched == Some((effects.time, slot)) || self.tape.slot(slot).all(|t| t.side == tick.side) {
            return;
        }
        self.touched = Some((effects.time, slot));
        let before = block::found(mint, slot, &self.tape, &effects.params.0).map(Output::Found);
        effects.touch(Part::Slot(slot), before);
    }

    pub(super) fn money(&self, tick: &Tick) -> Option<Money> {
        self.tape.pool(tick).and_then(|pool| Money::of(&pool.quote_mint))
    }

    pub(super) fn first_wash(&self, mint: &Address, wallet: &Address, params: &Params) -> Option<Label> {
        let of_wallet = self.trips.range((*wallet, Money::Sol)..=(*wallet, Money::Dollar));
        let wash =
            of_wallet.filter_map(|(_, trips)| trips.first_wash(&params.wash)).min_by_key(|w| w.closed)?;
        let (kind, since) = (LabelKind::Wash, wash.closed.0);
        let label = label(mint, wallet, kind, wash.reason, wash.evidence, since);
        Some(Label { quote_mint: Some(wash.money.mint()), ..label })
    }

    pub(super) fn first_close(&self, wallet: &Address) -> Option<(Seconds, EventId)> {
        let of_wallet = self.trips.range((*wallet, Money::Sol)..=(*wallet, Money::Dollar));
        of_wallet.filter_map(|(_, trips)| trips.first_close()).min()
    }

    pub(super) fn is_washed(&self, wallet: &Address, place: (Seconds, EventId)) -> bool {
        self.trips.range((*wallet, Money::Sol)..=(*wallet, Money::Dollar)).any(|(_, t)| t.is_wash(place))
    }

    /// The trades on the tape by the wallet of `tick`, quoted alike, without `tick`: there are `count` of
    /// them, and nearly always they are among the last.
    pub(super) fn others(&self, tick: &Tick, money: Money, count: u32) -> impl Iterator<Item = &Tick> {
        let is_alike = move |t: &&Tick| t.id != tick.id && self.money(t) == Some(money);
        self.tape.last_of(tick.trader).filter(is_alike).take(count as usize)
    }

    /// Counts a trade in or out; how many there are now.
    pub(super) fn count(&mut self, wallet: &Address, money: Money, diff: Diff) -> u32 {
        let counts = self.counts.entry(*wallet).or_default();
        let count = &mut counts[money as usize];
        *count = if diff > 0 { *count + 1 } else { count.saturating_sub(1) };
        let left = *count;
        if *counts == [0, 0] {
            self.counts.remove(wallet);
        }
        left
    }

    pub(super) fn let_go_before(&mut self, time: Seconds) {
        let mut gone = Vec::new();
        self.tape.let_go_before(time, |tick| gone.push(*tick));
        for tick in gone {
            if let Some((wallet, money)) = tick.trader.zip(self.money(&tick)) {
                self.count(&wallet, money, -1);
            }
        }
        if self.counts.capacity() > 4 * self.counts.len() + 16 {
            self.counts.shrink_to(2 * self.counts.len());
        }
    }
}
