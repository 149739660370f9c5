//! Changes of candles that are not simply the next trades.
//!
//! A trade that comes late or is retracted changes the sums and counts of its bars by itself, and the
//! traders of its bars are asked again for that one trader; edges are found again from either end of
//! the bar. So it costs what the trade costs and not what the token has traded. Only if a trade that
//! stood at the highest or lowest price is gone are all trades of the bar looked at.
//!
//! A trade that comes to belong to other series is one that goes and one that comes. If many change at once, as when
//! the choice of the primary pool comes out otherwise, their bars are folded again, and so is who traded.

use std::sync::Arc;

use model::{Address, Price};

use super::buckets::Part;
use super::lines::{Line, Lines, PoolName};
use super::record::{BarGroup, Bars};
use super::token::{Pending, Settings, Token, is_kept, places, range};
use super::traders::{Before, Sides, both};
use crate::bar::{NOBODY, Place, Tick, TraderKey};
use crate::prelude::*;
use crate::room;

/// What becomes of the ticks: both sorted.
struct Edit {
    /// As they were kept.
    gone: Vec<Tick>,
    come: Vec<Tick>,
}

impl Edit {
    fn ticks(&self) -> impl Iterator<Item = &Tick> {
        self.gone.iter().chain(&self.come)
    }

    /// From the first place that changes to the last.
    fn bounds(&self) -> Option<(Place, Place)> {
        let places = || self.ticks().map(Tick::place);
        places().min().zip(places().max())
    }
}

/// An edit is small whose square is below this and the number of the trades that are kept.
const SMALL_EDIT: usize = 64;

/// A part that may change.
struct Affected {
    part: Part,
    before: Option<Bars>,
    /// Whether the traders of the edit had traded in it.
    traders: Vec<(Line, TraderKey, Sides)>,
}

impl Token {
    /// Takes in the changes of one time, sorted by place.
    pub(super) fn correct(&mut self, mint: &Address, pending: &[Pending], effects: &mut Effects<'_, Self>) {
        let edit = self.edit(pending);
        if edit.ticks().next().is_none() {
            return;
        }
        let mut affected: Vec<Affected> = Vec::new();
        for tick in edit.ticks() {
            self.affect(mint, tick, effects.params, &mut affected);
        }
        // Each change asks the others of its bars and traders.
        let changes = edit.ticks().count();
        let is_small = changes * changes <= SMALL_EDIT + self.ticks.len();
        if is_small {
            for affected in &mut affected {
                affected.traders = self.traders_of(affected.part, &edit);
            }
        }
        self.change_ticks(&edit);
        if is_small {
            self.adjust_traders(&edit);
            for affected in &affected {
                self.adjust(mint, affected, &edit, effects.params);
            }
        } else {
            self.refold(mint, &affected, effects.params);
        }
        for Affected { part, before, .. } in affected {
            let after = self.bars(mint, part, effects.params);
            effects.replace(before, after);
        }
    }

    /// The changes in sum. A trade that is retracted and is not kept is past correction.
    fn edit(&self, pending: &[Pending]) -> Edit {
        let mut changes: Vec<(Tick, Diff)> = pending.iter().map(|p| (p.tick, p.diff)).collect();
        changes.sort_unstable();
        let mut edit = Edit { gone: Vec::new(), come: Vec::new() };
        for same in changes.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((tick, _)) = same.first() else { continue };
            let diff: Diff = same.iter().map(|(_, diff)| diff).sum();
            if diff > 0 {
                edit.come.push(*tick);
            } else if diff < 0 {
                let at = self.ticks.partition_point(|kept| kept.place() < tick.place());
                let here = self.ticks.iter().skip(at).take_while(|kept| kept.place() == tick.place());
                edit.gone.extend(here.copied().find(|kept| kept == tick));
            }
        }
        edit
    }

    /// Takes note of the parts that a tick is in and that can change, with what they are.
    fn affect(&self, mint: &Address, tick: &Tick, settings: &Settings, affected: &mut Vec<Affected>) {
        let (params, horizon) = settings;
        for (index, interval) in params.intervals.iter().enumerate() {
            let open = interval.floor(tick.time);
            let part = Part { interval: index, open, end: interval.end(open) };
            if self.is_settled(part, *horizon) || affected.iter().any(|known| known.part == part) {
                continue;
            }
            affected.push(Affected { part, before: self.bars(mint, part, settings), traders: Vec::new() });
        }
    }

    /// What leaves of a part as it is.
    fn bars(&self, mint: &Address, part: Part, (params, _): &Settings) -> Option<Bars> {
        let group = if is_kept(part, self.now) {
            Arc::clone(&self.buckets.get(part)?.group)
        } else {
            Arc::new(self.fold(mint, *params.intervals.get(part.interval)?, part)?)
        };
        Some(Bars::new(group, self.now))
    }

    /// Whether the traders of the edit have traded in a part, by series.
    fn traders_of(&self, part: Part, edit: &Edit) -> Vec<(Line, TraderKey, Sides)> {
        if !is_kept(part, self.now) {
            return Vec::new(); // it is folded
        }
        let inside = edit.ticks().filter(|tick| part.has(tick.time) && tick.trader != NOBODY);
        let mut keys: Vec<(Line, TraderKey)> =
            inside.flat_map(|tick| Line::around(tick).map(|line| (line, tick.trader))).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(|(line, trader)| (line, trader, self.sides(line, trader, part))).collect()
    }

    /// Whether a trader has traded in a part.
    fn sides(&self, line: Line, trader: TraderKey, part: Part) -> Sides {
        let last = self.traders.get(line, &trader);
        both(|side| {
            let is_his = |tick: &Tick| tick.trader == trader && tick.side == side && line.has(tick);
            last.seen.is_from(side, part.open)
                && (!last.seen.is_from(side, part.end)
                    || last.settled.is_from(side, part.open)
                    || range(&self.ticks, part).iter().any(is_his))
        })
    }

    fn change_ticks(&mut self, edit: &Edit) {
        let Some((from, _)) = edit.bounds() else { return };
        let from = self.ticks.partition_point(|tick| tick.place() < from);
        let tail = self.ticks.split_off(from);
        room::reserve(&mut self.ticks, tail.len() + edit.come.len());
        let (mut gone, mut come) = (edit.gone.iter().peekable(), edit.come.iter().peekable());
        for tick in tail {
            while let Some(new) = come.next_if(|new| new.place() < tick.place()) {
                self.ticks.push(*new);
            }
            if gone.next_if(|gone| **gone == tick).is_none() {
                self.ticks.push(tick);
            }
        }
        self.ticks.extend(come);
    }

    /// Brings up to date when the traders of the edit last traded.
    fn adjust_traders(&mut self, edit: &Edit) {
        for tick in &edit.come {
            self.traders.part_ways(tick, &self.pools);
        }
        let mut traders: Vec<TraderKey> = edit.ticks().filter_map(Tick::known_trader).collect();
        traders.sort_unstable();
        traders.dedup();
        for trader in traders {
            self.traders.change(trader, |line, mut last| {
                let is_his = |tick: &&Tick| tick.trader == trader && line.has(tick);
                for come in edit.come.iter().filter(is_his) {
                    last.seen.note(come.side, come.time);
                }
                for gone in edit.gone.iter().filter(is_his) {
                    let side = gone.side;
                    let of_side = |tick: &&Tick| is_his(tick) && tick.side == side;
                    let is_later = edit.come.iter().filter(of_side).any(|come| come.time >= gone.time);
                    if last.seen.is_from(side, gone.time + 1) || is_later {
                        continue;
                    }
                    let found = self.ticks.iter().rev().find(of_side);
                    last.seen.clear(side);
                    last.seen = last.seen.max(last.settled);
                    found.into_iter().for_each(|tick| last.seen.note(side, tick.time));
                }
                last
            });
        }
    }

    /// Changes the bars of a part that is kept by the trades that came and went.
    fn adjust(&mut self, mint: &Address, affected: &Affected, edit: &Edit, settings: &Settings) {
        let (params, part) = (&settings.0, affected.part);
        if !is_kept(part, self.now) {
            return; // folded when it is needed
        }
        let inside = |tick: &&Tick| part.has(tick.time);
        if self.buckets.get(part).is_none() {
            let Some((first, interval)) =
                edit.come.iter().find(inside).zip(params.intervals.get(part.interval))
            else {
                return;
            };
            let group = BarGroup::new(*mint, *interval, part.open, PoolName::of(first, &self.pools));
            self.keep(part, Arc::new(group), settings.1);
        }
        let sides: Vec<Sides> =
            affected.traders.iter().map(|(line, trader, _)| self.sides(*line, *trader, part)).collect();
        let Some(bucket) = self.buckets.get_mut(part) else { return };
        let group = Arc::make_mut(&mut bucket.group);
        for tick in edit.come.iter().filter(inside) {
            group.bars.part_ways(tick, &self.pools);
        }
        let kept = range(&self.ticks, part);
        for (line, bar) in group.bars.own_mut() {
            let of_line = |tick: &Tick| line.of(tick).filter(|tick| part.has(tick.time));
            let (gone, come) = (edit.gone.iter().filter_map(of_line), edit.come.iter().filter_map(of_line));
            if gone.clone().chain(come.clone()).next().is_none() {
                continue;
            }
            come.clone().for_each(|tick| bar.count(&tick));
            gone.clone().for_each(|tick| bar.discount(&tick));
            for ((_, _, before), now) in
                affected.traders.iter().zip(&sides).filter(|((of, _, _), _)| *of == line)
            {
                bar.recount(*before, *now);
            }
            let came: Vec<Price> = come.filter_map(|tick| tick.price).collect();
            let is_torn = bar.prices.is_some_and(|prices| {
                let is_at = |edge: Price| gone.clone().any(|tick| tick.price == Some(edge));
                (is_at(prices.high) && came.iter().all(|price| *price < prices.high))
                    || (is_at(prices.low) && came.iter().all(|price| *price > prices.low))
            });
            let sealed = bucket.sealed.as_ref().and_then(|sealed| sealed.get(line));
            bar.find_edges(sealed, &kept.iter().filter_map(|tick| line.of(tick)), &came, is_torn);
        }
        if group.is_empty() {
            self.buckets.remove(part);
        }
    }

    /// Finds again who traded and what the affected parts have.
    fn refold(&mut self, mint: &Address, affected: &[Affected], settings: &Settings) {
        self.traders.rewind();
        let before: Vec<Before> =
            self.ticks.iter().map(|tick| self.traders.note(tick, &self.pools)).collect();
        for Affected { part, .. } in affected {
            let part = *part;
            if !is_kept(part, self.now) {
                continue;
            }
            let sealed = self.buckets.get(part).and_then(|bucket| bucket.sealed.as_deref().cloned());
            let ticks = places(&self.ticks, part);
            let first = self.ticks.get(ticks.clone()).and_then(<[Tick]>::first);
            let bars = sealed.or_else(|| Some(Lines::new(PoolName::of(first?, &self.pools))));
            let Some((bars, interval)) = bars.zip(settings.0.intervals.get(part.interval)) else {
                self.buckets.remove(part);
                continue;
            };
            let mut group = BarGroup { mint: *mint, interval: *interval, open: part.open, bars };
            for (tick, before) in self.ticks.iter().zip(&before).take(ticks.end).skip(ticks.start) {
                group.add(tick, before, &self.pools);
            }
            self.keep(part, Arc::new(group), settings.1);
        }
    }
}
