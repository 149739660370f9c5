//! What candles keep of one token.
//!
//! * `ticks`: its trades within the correction horizon and the longest interval up to an hour. They are the truth.
//! * `buckets`: bars kept up to date, of every interval that is still open, and of intervals over an
//!   hour until nothing in them can change. A closed bar of a short interval is folded from the ticks
//!   when it is needed, which the time more makes possible.
//! * `traders`: when each trader last traded, so that bars need no sets of traders.
//!
//! The trades of one logical time are gathered, put in order and taken in together. Those that come
//! after all others, as nearly all do, are added to their bars and that is all. Whatever else happens
//! (one comes between others, one is retracted, one comes to belong to other series) is for `correct`.
//!
//! Why what is let go is not missed: a change is of a trade within the horizon H, at `now − H` or later.
//! A bar of an hour or less that has it begins after `now − H − 1 h`, so all its trades are kept. A
//! longer one is kept as long as it ends at `now − H` or later, and a trade is let go before
//! `now − H − 1 h`: so every trade that was let go lies before the end of every bar that is kept, and
//! those in a bar are those since its start. Their sums, edges and numbers of traders are `sealed` in
//! the bar; that a trader is among them is known from the last of his that was let go. What is taken back
//! later than that, as the fork of a slot may die once more than H after it, changes the bars that are
//! still whole and leaves the others as they are.

use std::sync::Arc;

use model::{Address, Seconds};
use serde::{Deserialize, Serialize};

use super::buckets::{Buckets, Part};
use super::lines::{Lines, PoolName};
use super::record::{BarGroup, Bars};
use super::traders::{Before, Traders};
use super::{Input, Interval, Params};
use crate::bar::Tick;
use crate::prelude::*;
use crate::room;

/// Intervals up to this length are folded from ticks once they are closed.
const SHORT_S: Seconds = 3600;

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub struct Token {
    /// The pools that it has traded in, in no order.
    pub(super) pools: Vec<Address>,
    /// When a trade last came.
    active_at: Seconds,
    /// Sorted by block time and canonical order.
    pub(super) ticks: Vec<Tick>,
    /// No trade from here on was let go.
    whole_from: Seconds,
    pub(super) traders: Traders,
    pub(super) buckets: Buckets,
    /// Event time as far as this token has heard of it.
    pub(super) now: Seconds,
    /// True once nothing need be known of it any more.
    is_forgotten: bool,
    /// When the next bucket ends or can be let go; none without buckets.
    bucket_due: Option<Seconds>,
    /// Changes of the present time.
    #[serde(skip)]
    pending: Vec<Pending>,
}

/// A change that has not been taken in.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) tick: Tick,
    pub(super) diff: Diff,
    before: Before,
}

pub(super) type Settings = (Params, Horizon);

impl Token {
    /// The index of a pool, which may be new.
    fn pool(&mut self, address: Address) -> u32 {
        let known = self.pools.iter().position(|pool| *pool == address);
        let at = known.unwrap_or_else(|| {
            room::push(&mut self.pools, address);
            self.pools.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// True if the changes are trades that come after all that are kept.
    fn is_in_order(&self, pending: &[Pending]) -> bool {
        let first = pending.first().map(|change| change.tick.place());
        pending.iter().all(|change| change.diff > 0)
            && self.ticks.last().is_none_or(|last| first.is_none_or(|first| last.place() < first))
    }

    /// Takes in trades that come after all others.
    fn append(&mut self, mint: &Address, pending: &mut [Pending], effects: &mut Effects<'_, Self>) {
        let (params, horizon) = effects.params;
        for Pending { tick, before, .. } in &mut *pending {
            *before = self.traders.note(tick, &self.pools);
        }
        if let Some(last) = pending.last() {
            self.buckets.fetch(last.tick.time);
        }
        for (index, interval) in params.intervals.iter().enumerate() {
            let mut rest = &*pending;
            while let Some(first) = rest.first() {
                let open = interval.floor(first.tick.time);
                let part = Part { interval: index, open, end: interval.end(open) };
                let count = rest.iter().take_while(|change| change.tick.time < part.end).count();
                let (come, later) = rest.split_at(count);
                self.extend((mint, *interval, part), come, *horizon, effects);
                rest = later;
            }
        }
        self.ticks.extend(pending.iter().map(|change| change.tick));
    }

    /// Adds trades that come after all others to the bars of a part.
    fn extend(
        &mut self,
        at: (&Address, Interval, Part),
        come: &[Pending],
        horizon: Horizon,
        effects: &mut Effects<'_, Self>,
    ) {
        let (mint, interval, part) = at;
        let now = self.now;
        if self.is_settled(part, horizon) {
            return;
        }
        let add = |group: &mut BarGroup| {
            for change in come {
                group.add(&change.tick, &change.before, &self.pools);
            }
        };
        if let Some(bucket) = self.buckets.get_mut(part) {
            // Copied and then put in its place: that way the count of who shares it is written to once,
            // and not where it has yet to come from memory.
            let mut group = BarGroup::clone(&bucket.group);
            add(&mut group);
            let after = Arc::new(group);
            let before = std::mem::replace(&mut bucket.group, Arc::clone(&after));
            effects.emit(Bars::new(before, now), -1);
            effects.emit(Bars::new(after, now), 1);
            return;
        }
        let Some(first) = come.first().map(|change| PoolName::of(&change.tick, &self.pools)) else { return };
        let found = (!is_kept(part, now)).then(|| self.fold(mint, interval, part)).flatten();
        if let Some(before) = &found {
            effects.emit(Bars::new(Arc::new(before.clone()), now), -1);
        }
        let mut group = found.unwrap_or_else(|| BarGroup::new(*mint, interval, part.open, first));
        add(&mut group);
        let group = Arc::new(group);
        if is_kept(part, now) {
            self.keep(part, Arc::clone(&group), horizon);
        }
        effects.emit(Bars::new(group, now), 1);
    }

    /// Keeps the bars of a part, and looks at them again when they end.
    pub(super) fn keep(&mut self, part: Part, group: Arc<BarGroup>, horizon: Horizon) {
        self.buckets.set(part, group);
        let due = bucket_due(part, self.now, horizon);
        self.bucket_due = Some(self.bucket_due.map_or(due, |at| at.min(due)));
    }

    /// The bars of a part that is not kept, from the ticks.
    pub(super) fn fold(&self, mint: &Address, interval: Interval, part: Part) -> Option<BarGroup> {
        let ticks = range(&self.ticks, part);
        let mut group = BarGroup::new(*mint, interval, part.open, PoolName::of(ticks.first()?, &self.pools));
        let mut traders = Traders::default();
        for tick in ticks {
            let before = traders.note(tick, &self.pools);
            group.add(tick, &before, &self.pools);
        }
        Some(group)
    }

    /// True if nothing that a bar has can change any more.
    pub(super) fn is_settled(&self, part: Part, horizon: Horizon) -> bool {
        if is_long(part) { horizon.is_past(part.end, self.now) } else { part.open < self.whole_from }
    }

    /// Closes the bars that have ended and lets go what can no longer change.
    fn advance(&mut self, effects: &mut Effects<'_, Self>) {
        let ((params, horizon), now) = (effects.params, effects.now);
        let is_kept = |part: &Part| part.end > now || (is_long(*part) && !horizon.is_past(part.end, now));
        let is_ending = |part: &Part| part.end > self.now && part.end <= now;
        let mut close = |part: Part, group: Arc<BarGroup>| {
            if is_ending(&part) {
                effects.emit(Bars::new(Arc::clone(&group), self.now), -1);
                effects.emit(Bars::new(group, now), 1);
            }
        };
        for bucket in self.buckets.drop_unless(is_kept) {
            close(bucket.part, bucket.group);
        }
        for bucket in self.buckets.iter().filter(|bucket| is_ending(&bucket.part)) {
            close(bucket.part, Arc::clone(&bucket.group));
        }
        self.now = now;
        if self.let_go_at(params, *horizon).is_some_and(|at| at <= now) {
            self.let_go(params, *horizon);
        }
        self.bucket_due = self.buckets.iter().map(|bucket| bucket_due(bucket.part, now, *horizon)).min();
        if self.is_asleep() {
            // Their room too: a sleeping token may sleep for long.
            (self.buckets, self.ticks, self.traders) = Default::default();
        }
        self.is_forgotten = self.forget_at(params).is_some_and(|at| at <= now);
    }

    fn let_go_at(&self, params: &Params, horizon: Horizon) -> Option<Seconds> {
        // In steps: each costs a walk over what is kept.
        self.ticks.first().map(|tick| tick.time + kept_s(params, horizon) + SHORT_S / 6)
    }

    /// True if nothing is kept of what it traded.
    fn is_asleep(&self) -> bool {
        self.ticks.is_empty() && self.buckets.is_empty()
    }

    /// When a token that sleeps is forgotten.
    fn forget_at(&self, params: &Params) -> Option<Seconds> {
        self.is_asleep().then(|| self.active_at.saturating_add(params.remember_s))
    }

    fn let_go(&mut self, params: &Params, horizon: Horizon) {
        let keep = Horizon(kept_s(params, horizon));
        let count = self.ticks.partition_point(|tick| keep.is_past(tick.time, self.now));
        for tick in self.ticks.drain(..count) {
            self.whole_from = tick.time + 1;
            let before = self.traders.settle(&tick, &self.pools);
            for bucket in self.buckets.iter_mut().filter(|bucket| bucket.part.has(tick.time)) {
                let new = || Box::new(Lines::new(PoolName::of(&tick, &self.pools)));
                let sealed = bucket.sealed.get_or_insert_with(new);
                sealed.part_ways(&tick, &self.pools);
                sealed.each_of(&tick, |line, bar| {
                    if let Some(tick) = line.of(&tick) {
                        bar.add(&tick, before.of(line), bucket.part.open);
                    }
                });
            }
        }
        if self.ticks.capacity() > 4 * self.ticks.len() {
            self.ticks.shrink_to_fit();
        }
        let kept_from = self.buckets.iter().map(|bucket| bucket.part.open).min();
        self.traders.let_go(kept_from.unwrap_or(self.now));
    }
}

/// For how long after its block time a trade is kept: until no bar that is folded from trades and has one that can
/// still change has it too, and for as long as it can be taken back.
fn kept_s(params: &Params, horizon: Horizon) -> Seconds {
    let lengths = params.intervals.iter().map(|interval| interval.seconds());
    let folded = lengths.filter(|length| *length <= SHORT_S).max().unwrap_or(0);
    horizon.kept_s().max(horizon.0 + folded)
}

/// True if the bars of the part are kept for as long as they can change.
fn is_long(part: Part) -> bool {
    part.end - part.open > SHORT_S
}

/// True if the bucket is kept and not folded from the ticks when it is needed.
pub(super) fn is_kept(part: Part, now: Seconds) -> bool {
    is_long(part) || part.end > now
}

/// When a bucket that is kept has to be looked at next: to be closed, or to be let go.
fn bucket_due(part: Part, now: Seconds, horizon: Horizon) -> Seconds {
    if part.end > now { part.end } else { part.end + horizon.0 + 1 }
}

/// The places of a part in the ticks.
pub(super) fn places(ticks: &[Tick], part: Part) -> std::ops::Range<usize> {
    let start = ticks.partition_point(|tick| tick.time < part.open);
    let later = ticks.get(start..).unwrap_or_default();
    start..start + later.partition_point(|tick| tick.time < part.end)
}

/// The ticks of a part.
pub(super) fn range(ticks: &[Tick], part: Part) -> &[Tick] {
    ticks.get(places(ticks, part)).unwrap_or_default()
}

impl State for Token {
    type Key = Address;
    type Input = Input;
    /// Changes are emitted as they are found; `output` is never called.
    type Part = std::convert::Infallible;
    type Output = Bars;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        input.mint
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, _: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        self.now = self.now.max(effects.now);
        self.active_at = self.now;
        self.is_forgotten = false;
        let tick = Tick { pool: self.pool(input.pool), ..input.tick };
        self.pending.push(Pending { tick, diff, before: Before::default() });
    }

    fn settle(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let mut pending = std::mem::take(&mut self.pending);
        if !pending.is_sorted_by_key(|change| change.tick.place()) {
            pending.sort_by_key(|change| change.tick.place());
        }
        if self.is_in_order(&pending) {
            self.append(mint, &mut pending, effects);
        } else {
            self.correct(mint, &pending, effects);
        }
    }

    fn next_timer(&self, (params, horizon): &Settings) -> Option<Seconds> {
        let due = [self.bucket_due, self.let_go_at(params, *horizon), self.forget_at(params)];
        due.into_iter().flatten().min()
    }

    fn on_timer(&mut self, _: &Address, effects: &mut Effects<'_, Self>) {
        self.advance(effects);
    }

    fn output(&self, _: &Address, part: &Self::Part, _: &Settings) -> Option<Bars> {
        match *part {}
    }

    fn is_idle(&self) -> bool {
        self.is_forgotten
    }

    /// Bars that have been closed last.
    fn outlives(bars: &Bars) -> bool {
        bars.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::time::{second_of, start_of};
    use model::{EventId, Group, Price, Side, TxPlace};

    use super::*;
    use crate::bar::{NOBODY, Role};
    use crate::keyed::Store;

    const START: Seconds = 1_000_000;

    fn fresh() -> Store<Token> {
        let intervals = vec![Interval(1), Interval(60), Interval(14_400)];
        Store::new((Params { intervals, remember_s: 20_000, ..Params::default() }, Horizon(10)))
    }

    /// A trade in the one pool of the one token.
    fn trade(time: Seconds) -> Input {
        Input {
            mint: Address([9; 32]),
            pool: Address([1; 32]),
            tick: Tick {
                time,
                id: EventId { slot: time, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 },
                pool: 0,
                role: Role::Primary,
                side: Side::Buy,
                decimals: (6, 9),
                price: Price::new(1.0),
                market_cap: None,
                base: 1,
                quote: 1,
                value_micros: None.into(),
                trader: NOBODY,
            },
        }
    }

    /// The bars that stand, by interval and start, whether they are closed, and how many trades they are of.
    type Standing = BTreeMap<(Interval, Seconds), Vec<(bool, u64)>>;

    /// Closes the present time.
    fn close(store: &mut Store<Token>, standing: &mut Standing) {
        store.close(|bars, diff| {
            let (_, interval, open) = bars.group_key();
            let of_key = standing.entry((interval, open)).or_default();
            let own = (bars.is_closed(), bars.trades().max().unwrap());
            if diff > 0 {
                of_key.push(own);
            } else {
                let at = of_key.iter().position(|other| *other == own).expect("what is retracted stands");
                of_key.remove(at);
            }
        });
    }

    /// Fires all timers before a second.
    fn pass(store: &mut Store<Token>, second: Seconds, standing: &mut Standing) -> Seconds {
        let mut last = 0;
        while let Some(time) = store.next_timer().filter(|time| *time < start_of(second)) {
            last = second_of(time);
            store.fire(time);
            close(store, standing);
        }
        last
    }

    #[test]
    fn a_trade_in_the_second_in_which_its_token_is_forgotten_is_not_forgotten() {
        let (mut store, mut standing) = (fresh(), Standing::new());
        store.apply(start_of(START), trade(START), 1);
        close(&mut store, &mut standing);
        let forgotten_at = pass(&mut store, Seconds::MAX / 2_000_000, &mut standing);
        assert!(store.is_empty() && forgotten_at >= START + 20_000, "forgotten at {forgotten_at}");

        let (mut store, mut standing) = (fresh(), Standing::new());
        store.apply(start_of(START), trade(START), 1);
        close(&mut store, &mut standing);
        pass(&mut store, forgotten_at, &mut standing);
        store.apply(start_of(forgotten_at), trade(forgotten_at), 1);
        close(&mut store, &mut standing);
        assert!(!store.is_empty(), "the token has a trade");
        store.apply(start_of(forgotten_at) + 1, trade(forgotten_at), 1);
        close(&mut store, &mut standing);
        pass(&mut store, Seconds::MAX / 2_000_000, &mut standing);
        assert!(store.is_empty());
        for (key, bars) in standing {
            assert!(matches!(bars[..], [(true, 1 | 2)]), "{key:?}: {bars:?}");
        }
    }
}
