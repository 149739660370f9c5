//! What candles keep of one token.
//!
//! * `ticks`: its trades within the correction horizon and one hour more. They are the truth.
//! * `buckets`: bars kept up to date, of every interval that is still open, and of intervals over an
//!   hour until nothing in them can change. A closed bar of a short interval is folded from the ticks
//!   when it is needed, which the hour more makes possible.
//!
//! A trade that comes in order is added to its open bars and that is all. Whatever may change the roles
//! of other trades (one that comes between others while there are several pools, one that is taken
//! back, a migration) replays the choice of the primary pool over the ticks.

use model::{Address, EventId, Seconds};
use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::buckets::{Buckets, Part};
use super::{Bars, Input, Interval, Params, Trade};
use crate::bar::{Role, Tick};
use crate::prelude::*;
use crate::primary::{Move, Pool, Primary};

/// Intervals up to this length are folded from ticks once they are closed.
const SHORT_S: Seconds = 3600;

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub struct Token {
    pools: Vec<Pool>,
    moves: Vec<Move>,
    /// When a trade or a move last came.
    active_at: Seconds,
    /// Sorted by block time and canonical order.
    ticks: Vec<Tick>,
    /// The choice of the primary pool before the first tick, and after the last.
    primary_before: Primary,
    primary: Primary,
    buckets: Buckets,
    /// Event time as far as this token has heard of it.
    now: Seconds,
    /// True once even the primary pool need not be known any more.
    is_forgotten: bool,
    /// When the next bucket ends or can be let go; none without buckets.
    bucket_due: Option<Seconds>,
}

/// A change to the ticks.
#[derive(Clone, Copy)]
enum Edit {
    Insert(usize, Tick),
    Remove(usize),
    Nothing,
}

type Settings = (Params, Horizon);

impl Token {
    fn change_trade(&mut self, mint: &Address, trade: Trade, diff: Diff, effects: &mut Effects<'_, Self>) {
        let Trade { pool, is_curve, quote_mint, mut tick, .. } = trade;
        let is_new_pool = self.note_pool(pool, is_curve, Some(quote_mint));
        tick.pool = self.pool_index(&pool);
        let at = self.ticks.partition_point(|t| (t.time, t.id) < (tick.time, tick.id));
        let is_last = at == self.ticks.len();
        if diff > 0 && (self.pools.len() == 1 || (is_last && !is_new_pool)) {
            tick.role = self.next_role(&tick, effects.params);
            self.add_to_buckets(mint, &tick, effects);
            self.ticks.insert(at, tick);
        } else if diff > 0 {
            self.edit(mint, Edit::Insert(at, tick), effects);
        } else {
            let same = |t: &Tick| Tick { role: tick.role, ..*t } == tick;
            let found = self.ticks.iter().skip(at).take_while(|t| t.id == tick.id).position(same);
            if let Some(offset) = found {
                self.edit(mint, Edit::Remove(at + offset), effects);
            }
        }
    }

    fn change_move(
        &mut self,
        mint: &Address,
        step: (EventId, Address),
        diff: Diff,
        effects: &mut Effects<'_, Self>,
    ) {
        let (id, to) = step;
        self.note_pool(to, false, None);
        let step = Move { id, to: self.pool_index(&to) };
        match self.moves.binary_search(&step) {
            Err(at) if diff > 0 => self.moves.insert(at, step),
            Ok(at) if diff < 0 => drop(self.moves.remove(at)),
            _ => return,
        }
        self.edit(mint, Edit::Nothing, effects);
    }

    /// Takes note of a pool. True if it is new, or only now known by a trade.
    fn note_pool(&mut self, address: Address, is_curve: bool, quote_mint: Option<Address>) -> bool {
        let pool = Pool { address, is_curve, quote_mint };
        match self.pools.iter_mut().find(|known| known.address == address) {
            None => self.pools.push(pool),
            Some(known) if known.quote_mint.is_none() => *known = pool,
            Some(_) => return false,
        }
        true
    }

    fn pool_index(&self, address: &Address) -> u32 {
        let index = self.pools.iter().position(|pool| pool.address == *address);
        index.and_then(|index| u32::try_from(index).ok()).unwrap_or(u32::MAX)
    }

    /// The role of a trade that comes after all others; with one pool there is nothing to choose.
    fn next_role(&mut self, tick: &Tick, (params, _): &Settings) -> Role {
        if self.pools.len() == 1 {
            return Role::Primary;
        }
        self.primary.step(tick, &self.pools, &self.moves, &params.primary)
    }

    /// Changes the ticks where that may change the roles of others.
    fn edit(&mut self, mint: &Address, edit: Edit, effects: &mut Effects<'_, Self>) {
        let gone = match edit {
            Edit::Remove(at) => self.ticks.get(at).copied(),
            _ => None,
        };
        let come = match edit {
            Edit::Insert(_, tick) => Some(tick),
            _ => None,
        };
        for tick in gone.iter().chain(&come) {
            self.touch_tick(mint, tick, effects);
        }
        match edit {
            Edit::Insert(at, tick) => self.ticks.insert(at, tick),
            Edit::Remove(at) => drop(self.ticks.remove(at)),
            Edit::Nothing => {}
        }
        if let Some(tick) = gone {
            self.remove_from_buckets(&tick, effects.params);
        }
        let is_new = |tick: &Tick| come.as_ref() == Some(tick);
        for (at, role) in self.changed_roles(&effects.params.0) {
            let Some(tick) = self.ticks.get(at).copied() else { continue };
            if is_new(&tick) {
                self.ticks[at].role = role;
                continue;
            }
            self.touch_tick(mint, &tick, effects);
            // First in the ticks: what is taken out of the bars may be looked for among them.
            self.ticks[at].role = role;
            self.remove_from_buckets(&tick, effects.params);
            self.add_to_buckets(mint, &Tick { role, ..tick }, effects);
        }
        let found = come.and_then(|come| self.ticks.iter().find(|t| Tick { role: come.role, ..**t } == come));
        if let Some(tick) = found.copied() {
            self.add_to_buckets(mint, &tick, effects);
        }
    }

    /// Chooses the primary pool again over all ticks; the ticks whose role that changes, by index.
    fn changed_roles(&mut self, params: &Params) -> Vec<(usize, Role)> {
        let mut primary = self.primary_before.clone();
        let mut changed = Vec::new();
        for (at, tick) in self.ticks.iter().enumerate() {
            let role = match self.pools.len() {
                1 => Role::Primary,
                _ => primary.step(tick, &self.pools, &self.moves, &params.primary),
            };
            if role != tick.role {
                changed.push((at, role));
            }
        }
        self.primary = primary;
        changed
    }

    /// Adds a trade to the buckets that are kept, and says that all its candles change. To be called
    /// before the trade is among the ticks, from which closed buckets are folded.
    fn add_to_buckets(&mut self, mint: &Address, tick: &Tick, effects: &mut Effects<'_, Self>) {
        let (params, horizon) = effects.params;
        for (index, interval) in params.intervals.iter().enumerate() {
            let part = Part { interval: index, open: interval.floor(tick.time) };
            if !is_kept(*interval, part.open, self.now) {
                self.touch_bucket(mint, part, effects);
            } else if let Some(bucket) = self.buckets.get_mut(part) {
                if bucket.touch(effects.time) {
                    let at = (*mint, *interval, part.open);
                    effects.touch(part, Bars::new(at, bucket, &self.pools, self.now));
                }
                bucket.add(tick);
            } else {
                effects.touch(part, None);
                self.buckets.insert(part, tick).touch(effects.time);
                let due = bucket_due(*interval, part.open, self.now, *horizon);
                self.bucket_due = Some(self.bucket_due.map_or(due, |at| at.min(due)));
            }
        }
    }

    fn remove_from_buckets(&mut self, tick: &Tick, (params, _): &Settings) {
        for (index, interval) in params.intervals.iter().enumerate() {
            let part = Part { interval: index, open: interval.floor(tick.time) };
            let Some(bucket) = self.buckets.get_mut(part) else { continue };
            bucket.remove(tick, range(&self.ticks, part.open, interval.end(part.open)));
            if bucket.is_empty() {
                self.buckets.remove(part);
            }
        }
    }

    /// Says that the candles of a tick are about to change.
    fn touch_tick(&mut self, mint: &Address, tick: &Tick, effects: &mut Effects<'_, Self>) {
        for (interval, length) in effects.params.0.intervals.iter().enumerate() {
            self.touch_bucket(mint, Part { interval, open: length.floor(tick.time) }, effects);
        }
    }

    /// Says that the candles of a bucket are about to change.
    fn touch_bucket(&mut self, mint: &Address, part: Part, effects: &mut Effects<'_, Self>) {
        if self.buckets.get_mut(part).is_none_or(|bucket| bucket.touch(effects.time)) {
            effects.touch(part, self.output(mint, &part, effects.params));
        }
    }

    /// Closes the bars that have ended and lets go what can no longer change.
    fn advance(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let ((params, horizon), now) = (effects.params, effects.now);
        let end = |part: &Part| params.intervals.get(part.interval).map_or(0, |i| i.end(part.open));
        let is_ending = |part: &Part| end(part) > self.now && end(part) <= now;
        let ending: Vec<Part> = self.buckets.parts().filter(is_ending).collect();
        for part in ending {
            self.touch_bucket(mint, part, effects);
        }
        self.now = now;
        self.buckets.retain(|part| {
            let is_long = params.intervals.get(part.interval).is_some_and(|i| i.seconds() > SHORT_S);
            end(&part) > now || (is_long && end(&part) + horizon.0 >= now)
        });
        if self.let_go_at(*horizon).is_some_and(|at| at <= now) {
            self.let_go(params, *horizon);
        }
        self.bucket_due = self.next_bucket_due(params, *horizon);
        if self.is_asleep() {
            // Their room too: a sleeping token may sleep for long.
            (self.buckets, self.ticks) = (Buckets::default(), Vec::new());
        }
        self.is_forgotten = self.forget_at(params).is_some_and(|at| at <= now);
    }

    fn next_bucket_due(&self, params: &Params, horizon: Horizon) -> Option<Seconds> {
        let due = self.buckets.parts().filter_map(|part| {
            let interval = *params.intervals.get(part.interval)?;
            Some(bucket_due(interval, part.open, self.now, horizon))
        });
        due.min()
    }

    fn let_go_at(&self, horizon: Horizon) -> Option<Seconds> {
        // In steps: each costs a walk over what is kept.
        self.ticks.first().map(|tick| tick.time + horizon.0 + SHORT_S + SHORT_S / 6)
    }

    /// True if all that is left to know of the token is which pool is its primary one.
    fn is_asleep(&self) -> bool {
        self.ticks.is_empty() && self.buckets.is_empty()
    }

    /// When a token that sleeps is forgotten.
    fn forget_at(&self, params: &Params) -> Option<Seconds> {
        self.is_asleep().then(|| self.active_at.saturating_add(params.remember_s))
    }

    fn let_go(&mut self, params: &Params, horizon: Horizon) {
        let keep = Horizon(horizon.0 + SHORT_S);
        let count = self.ticks.partition_point(|tick| keep.is_past(tick.time, self.now));
        for tick in self.ticks.drain(..count) {
            self.primary_before.step(&tick, &self.pools, &self.moves, &params.primary);
            for (interval, length) in params.intervals.iter().enumerate() {
                if let Some(bucket) = self.buckets.get_mut(Part { interval, open: length.floor(tick.time) }) {
                    bucket.seal(&tick);
                }
            }
        }
    }
}

/// True if the bucket is kept and not folded from the ticks when it is needed.
fn is_kept(interval: Interval, open: Seconds, now: Seconds) -> bool {
    interval.seconds() > SHORT_S || interval.end(open) > now
}

/// When a bucket that is kept has to be looked at next: to be closed, or to be let go.
fn bucket_due(interval: Interval, open: Seconds, now: Seconds, horizon: Horizon) -> Seconds {
    let end = interval.end(open);
    if end > now { end } else { end + horizon.0 + 1 }
}

/// The ticks in `[from, to)`.
fn range(ticks: &[Tick], from: Seconds, to: Seconds) -> &[Tick] {
    let start = ticks.partition_point(|tick| tick.time < from);
    let end = ticks.partition_point(|tick| tick.time < to);
    ticks.get(start..end).unwrap_or_default()
}

impl State for Token {
    type Key = Address;
    type Input = Input;
    type Part = Part;
    type Output = Bars;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        match input {
            Input::Trade(trade) => trade.mint,
            Input::Migration { mint, .. } => *mint,
        }
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, mint: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        self.now = self.now.max(effects.now);
        self.active_at = self.now;
        match input {
            Input::Trade(trade) => self.change_trade(mint, trade, diff, effects),
            Input::Migration { id, to, .. } => self.change_move(mint, (id, to), diff, effects),
        }
    }

    fn next_timer(&self, (params, horizon): &Settings) -> Option<Seconds> {
        let due = [self.bucket_due, self.let_go_at(*horizon), self.forget_at(params)];
        due.into_iter().flatten().min()
    }

    fn on_timer(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        self.advance(mint, effects);
    }

    fn output(&self, mint: &Address, part: &Part, (params, _): &Settings) -> Option<Bars> {
        let interval = *params.intervals.get(part.interval)?;
        let at = (*mint, interval, part.open);
        if is_kept(interval, part.open, self.now) {
            return Bars::new(at, self.buckets.get(*part)?, &self.pools, self.now);
        }
        let ticks = range(&self.ticks, part.open, interval.end(part.open));
        Bars::new(at, &Bucket::of(ticks)?, &self.pools, self.now)
    }

    fn is_idle(&self) -> bool {
        self.is_forgotten
    }
}
