//! What is left out where marked trades are filtered out.
//!
//! Marked trades are rare, so the windows know nothing of them; here it is kept what they take away. For
//! numbers and volumes that is the sum of the marked trades. A trader is missing among the filtered ones of
//! a window if he traded in it, but last without a mark before it: so the pane of his last trade counts him
//! as hidden, and the pane of his last trade without a mark takes that back.

use std::collections::VecDeque;

use model::{EventId, Side};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::Short;
use super::makers::{Last, Maker};
use super::ticks::{Kept, Ticks};
use super::window::Window;
use crate::room;

/// The marks of one token: on trades that can be corrected, and on trades that have yet to come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Marks {
    /// Sorted by trade.
    list: Vec<Mark>,
    /// When some can be let go.
    due: Short,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Mark {
    event: EventId,
    /// How many the trade carries. Before a time is closed it may be less than none.
    count: i32,
    /// When no trade can come or be there that it is on.
    end: Short,
}

impl Marks {
    /// True if the trade carries a mark.
    pub(super) fn has(&self, event: EventId) -> bool {
        let at = self.list.binary_search_by_key(&event, |mark| mark.event);
        at.ok().and_then(|at| self.list.get(at)).is_some_and(|mark| mark.count > 0)
    }

    /// Puts `change` marks on a trade; `end` is when they can be let go.
    pub(super) fn change(&mut self, event: EventId, change: i32, end: Short) {
        if self.list.is_empty() {
            self.due = end;
        }
        match self.list.binary_search_by_key(&event, |mark| mark.event) {
            Err(at) => self.list.insert(at, Mark { event, count: change, end }),
            Ok(at) => {
                let Some(mark) = self.list.get_mut(at) else { return };
                mark.count = mark.count.saturating_add(change);
                mark.end = mark.end.max(end);
                if mark.count == 0 {
                    self.list.remove(at);
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Lets go those that no trade can carry any more; `step` is how long to wait until it looks again.
    pub(super) fn let_go(&mut self, now: Short, step: Short) {
        if self.due > now {
            return;
        }
        self.list.retain(|mark| mark.end > now);
        self.due = now.saturating_add(step);
        if self.list.capacity() > 32 && self.list.len() < self.list.capacity() / 4 {
            self.list.shrink_to(self.list.len() * 2);
        }
    }
}

/// What marked trades take away. All arithmetic wraps, as that of sums does.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Removed {
    /// Number of marked trades.
    pub(super) trades: u32,
    /// Quote traded in them, raw units.
    pub(super) quote: u128,
    /// Traders who have made no others.
    pub(super) traders: u32,
}

impl Removed {
    fn plus(self, other: Self) -> Self {
        Self {
            trades: self.trades.wrapping_add(other.trades),
            quote: self.quote.wrapping_add(other.quote),
            traders: self.traders.wrapping_add(other.traders),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            trades: self.trades.wrapping_sub(other.trades),
            quote: self.quote.wrapping_sub(other.quote),
            traders: self.traders.wrapping_sub(other.traders),
        }
    }
}

/// A trader some of whose trades carry marks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tracked {
    /// When he last traded, with or without a mark, and without, as far as it is counted.
    last: Short,
    clean: Short,
    /// His last trade without a mark among those that can no longer be corrected; 0 if none.
    settled: Short,
    /// Those that can, ascending.
    times: Vec<Short>,
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Marked {
    /// By second, ascending.
    panes: VecDeque<(Short, Removed)>,
    total: Removed,
    /// What has left each window.
    gone: Vec<Removed>,
    /// Its order reaches no output: it is only looked up.
    makers: FxHashMap<Maker, Tracked>,
    /// How many panes were let go since traders were.
    popped: usize,
}

impl Marked {
    /// Nothing yet, of as many windows.
    pub(super) fn new(windows: usize) -> Self {
        Self {
            panes: VecDeque::new(),
            total: Removed::default(),
            gone: vec![Removed::default(); windows],
            makers: FxHashMap::default(),
            popped: 0,
        }
    }

    /// What is taken away from a window.
    pub(super) fn removed(&self, window: usize) -> Removed {
        self.gone.get(window).map_or(Removed::default(), |gone| self.total.minus(*gone))
    }

    /// True if it takes nothing away any more and knows of no trader.
    pub(super) fn is_empty(&self) -> bool {
        self.panes.is_empty() && self.makers.is_empty()
    }

    /// A trade has come, and stands among `ticks`; `last` is when its trader traded last.
    pub(super) fn insert(&mut self, kept: &Kept, ticks: &Ticks, last: Last, windows: &[Window]) {
        if kept.is_marked {
            self.change_sums(kept, true, windows);
            self.track(kept.maker, ticks, last);
        } else if let Some(tracked) = self.makers.get_mut(&kept.maker) {
            tracked.add(kept.time);
        }
        self.count(kept.maker, last, windows);
    }

    /// A trade was taken back.
    pub(super) fn remove(&mut self, kept: &Kept, last: Last, windows: &[Window]) {
        if kept.is_marked {
            self.change_sums(kept, false, windows);
        } else if let Some(tracked) = self.makers.get_mut(&kept.maker) {
            tracked.take(kept.time);
        }
        self.count(kept.maker, last, windows);
    }

    /// A trade that stands among `ticks` has got its first mark, or lost its last.
    pub(super) fn flip(&mut self, kept: &Kept, ticks: &Ticks, last: Last, windows: &[Window]) {
        self.change_sums(kept, kept.is_marked, windows);
        match self.makers.get_mut(&kept.maker) {
            None => self.track(kept.maker, ticks, last),
            Some(tracked) if kept.is_marked => tracked.take(kept.time),
            Some(tracked) => tracked.add(kept.time),
        }
        self.count(kept.maker, last, windows);
    }

    /// A trade can no longer be corrected.
    pub(super) fn settle(&mut self, kept: &Kept) {
        if let Some(tracked) = self.makers.get_mut(&kept.maker).filter(|_| !kept.is_marked) {
            tracked.take(kept.time);
            tracked.settled = tracked.settled.max(kept.time);
        }
    }

    /// Lets out what has left the windows, whose starts were `before`, and lets go what none reaches.
    pub(super) fn advance(&mut self, before: &[Short], windows: &[Window]) {
        for ((gone, before), window) in self.gone.iter_mut().zip(before).zip(windows) {
            let first = self.panes.partition_point(|(time, _)| time <= before);
            let left = self.panes.range(first..).take_while(|(time, _)| *time <= window.start);
            *gone = left.fold(*gone, |gone, (_, removed)| gone.plus(*removed));
        }
        let reach = reach(windows);
        while self.panes.front().is_some_and(|(time, _)| *time <= reach) {
            self.panes.pop_front();
            self.popped += 1;
        }
        // Now and then, so that it costs little for each.
        if self.popped > self.makers.len() {
            self.popped = 0;
            self.makers.retain(|_, tracked| tracked.last > reach);
        }
    }

    /// Begins to follow a trader.
    fn track(&mut self, maker: Maker, ticks: &Ticks, last: Last) {
        if !maker.is_known() || self.makers.contains_key(&maker) {
            return;
        }
        // Last and clean alike, as he has been counted so far.
        let mut tracked = Tracked { last: last.any(), clean: last.any(), ..Tracked::default() };
        for (side, mut time) in [(Side::Buy, last.buy), (Side::Sell, last.sell)] {
            while time > 0 {
                let mut own = ticks.of(time).filter(|k| k.maker == maker && k.side == side).peekable();
                let Some(before) = own.peek().map(|first| first.before) else {
                    tracked.settled = tracked.settled.max(time);
                    break;
                };
                own.filter(|kept| !kept.is_marked).for_each(|kept| tracked.add(kept.time));
                time = before;
            }
        }
        self.makers.insert(maker, tracked);
    }

    /// Counts a trader where he last traded, and where he last traded without a mark.
    fn count(&mut self, maker: Maker, last: Last, windows: &[Window]) {
        let Some(tracked) = self.makers.get_mut(&maker) else { return };
        let (old, old_clean) = (tracked.last, tracked.clean);
        let (new, new_clean) = (last.any(), tracked.times.last().copied().unwrap_or(tracked.settled));
        (tracked.last, tracked.clean) = (new, new_clean);
        let one = Removed { traders: 1, ..Removed::default() };
        if old != new {
            self.change(old, one, false, windows);
            self.change(new, one, true, windows);
        }
        if old_clean != new_clean {
            self.change(old_clean, one, true, windows);
            self.change(new_clean, one, false, windows);
        }
    }

    fn change_sums(&mut self, kept: &Kept, is_gain: bool, windows: &[Window]) {
        let of = Removed { trades: 1, quote: kept.sums().quote(), traders: 0 };
        self.change(kept.time, of, is_gain, windows);
    }

    /// Changes what is removed at `time`. Where that has left all windows it makes no difference.
    fn change(&mut self, time: Short, by: Removed, is_gain: bool, windows: &[Window]) {
        if time <= reach(windows) {
            return;
        }
        let change = |of: &mut Removed| *of = if is_gain { of.plus(by) } else { of.minus(by) };
        change(&mut self.total);
        let left = windows.iter().take_while(|window| window.start >= time);
        self.gone.iter_mut().zip(left).for_each(|(gone, _)| change(gone));
        let at = room::place_in(&self.panes, |(t, _)| *t < time);
        if self.panes.get(at).is_none_or(|(t, _)| *t != time) {
            self.panes.insert(at, (time, Removed::default()));
        }
        if let Some((_, removed)) = self.panes.get_mut(at) {
            change(removed);
        }
    }
}

impl Tracked {
    fn add(&mut self, time: Short) {
        let at = self.times.partition_point(|other| *other <= time);
        self.times.insert(at, time);
    }

    fn take(&mut self, time: Short) {
        if let Ok(at) = self.times.binary_search(&time) {
            self.times.remove(at);
        }
    }
}

/// The start of the widest window.
fn reach(windows: &[Window]) -> Short {
    windows.last().map_or(0, |window| window.start)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use differential_dataflow::consolidation::consolidate;
    use model::time::start_of;
    use model::{Address, Group, Seconds, TxPlace};

    use super::*;
    use crate::candles::Interval;
    use crate::keyed::Store;
    use crate::prelude::*;
    use crate::windows::{Filtered, Input, Params, Tick, Token, Trade};

    const MINT: Address = Address([9; 32]);
    const WIDTHS: [&str; 5] = ["10s", "1m", "10m", "3610s", "2h"];

    /// Numbers that look like chance.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }

        fn choose<T: Copy>(&mut self, of: &[T]) -> Option<T> {
            (!of.is_empty()).then(|| of[usize::try_from(self.below(of.len() as u64)).unwrap()])
        }
    }

    fn tick(random: &mut Random, serial: u64, time: Seconds) -> Tick {
        Tick {
            time,
            id: EventId { slot: time, tx: TxPlace::Unknown(serial), outer_ix: 0, inner_ix: -1 },
            price: None,
            quote: random.below(1000),
            usd: None,
            side: if random.below(2) == 0 { Side::Buy } else { Side::Sell },
            trader: Some(random.below(6)).filter(|n| *n > 0).map(|n| [u8::try_from(n).unwrap(); 16]),
        }
    }

    fn trade(tick: Tick) -> Input {
        let pool = Address([1; 32]);
        Input::Trade(Trade { mint: MINT, pool, is_curve: false, quote_mint: Address::WSOL, tick })
    }

    /// What is left in each window that has a row, by brute force.
    fn filtered(
        ticks: &[Tick],
        marks: &BTreeMap<EventId, Diff>,
        now: Seconds,
    ) -> BTreeMap<Interval, Filtered> {
        let mut all = BTreeMap::new();
        for width in WIDTHS {
            let width = Interval::try_from(width.to_owned()).unwrap();
            let start = now / crate::windows::tick_s(width) * crate::windows::tick_s(width) - width.seconds();
            if !ticks.iter().any(|tick| tick.time > start - width.seconds()) {
                continue;
            }
            let within = ticks.iter().filter(|tick| tick.time > start);
            let left: Vec<&Tick> = within.filter(|t| marks.get(&t.id).is_none_or(|n| *n <= 0)).collect();
            let traders: BTreeSet<_> = left.iter().filter_map(|tick| tick.trader).collect();
            let count = |count: usize| u32::try_from(count).unwrap();
            let quote = left.iter().map(|tick| u128::from(tick.quote)).sum();
            all.insert(width, Filtered { trades: count(left.len()), traders: count(traders.len()), quote });
        }
        all
    }

    /// A token, its rows, and what they should be of.
    struct Scene {
        random: Random,
        store: Store<Token>,
        rows: BTreeMap<Interval, Filtered>,
        now: Seconds,
        ticks: Vec<Tick>,
        /// Trades that have marks and have yet to come.
        announced: Vec<Tick>,
        marks: BTreeMap<EventId, Diff>,
        changes: Vec<(Input, Diff)>,
    }

    impl Scene {
        fn new(seed: u64) -> Self {
            let widths = WIDTHS.map(|width| Interval::try_from(width.to_owned()).unwrap()).to_vec();
            Self {
                random: Random(seed),
                store: Store::new((Params { widths, remember_s: 100_000 }, 3660)),
                rows: BTreeMap::new(),
                now: 100_000,
                ticks: Vec::new(),
                announced: Vec::new(),
                marks: BTreeMap::new(),
                changes: Vec::new(),
            }
        }

        /// Applies the changes of one time, which is not the last's, and keeps the rows.
        fn apply(&mut self, time: Time) {
            self.store.fire(time);
            for (input, diff) in self.changes.drain(..) {
                self.store.apply(time, input, diff);
            }
            let (mut gone, mut come) = (Vec::new(), Vec::new());
            self.store
                .close(|stats, diff| if diff < 0 { &mut gone } else { &mut come }.extend(stats.records()));
            for stats in &gone {
                self.rows.remove(&stats.window);
            }
            self.rows.extend(come.iter().map(|stats| (stats.window, stats.filtered)));
        }

        /// Lets time pass, with every timer on its way.
        fn pass(&mut self, to: Seconds) {
            while let Some(timer) = self.store.next_timer().filter(|timer| *timer < start_of(to)) {
                self.apply(timer);
                let due = model::time::second_of(timer);
                assert_eq!(self.rows, filtered(&self.ticks, &self.marks, due), "by itself at {due}");
            }
            self.now = to;
        }

        fn mark(&mut self, event: EventId, diff: Diff) {
            *self.marks.entry(event).or_default() += diff;
            self.changes.push((Input::Mark { mint: MINT, event }, diff));
        }

        fn come(&mut self, tick: Tick) {
            self.changes.push((trade(tick), 1));
            self.ticks.push(tick);
        }

        /// A trade comes, with a mark or before it or without.
        fn come_or_announce(&mut self, serial: u64) {
            let now = self.now;
            let announced = std::mem::take(&mut self.announced);
            announced.into_iter().filter(|tick| tick.time + 60 >= now).for_each(|tick| self.come(tick));
            let time = now - self.random.below(60);
            let own = tick(&mut self.random, serial, time);
            let choice = self.random.below(4);
            if choice < 2 {
                self.mark(own.id, 1);
            }
            if choice == 0 {
                self.announced.push(own);
            } else {
                self.come(own);
            }
        }

        /// A trade that came is marked, or marked again, or taken back; or a mark is.
        fn change(&mut self) {
            let now = self.now;
            let young = (0..self.ticks.len()).filter(|at| self.ticks[*at].time + 3000 > now);
            let young: Vec<usize> = young.collect();
            if let Some(at) = self.random.choose(&young) {
                match self.random.below(8) {
                    0 => {
                        let tick = self.ticks.remove(at);
                        self.changes.push((trade(tick), -1));
                    }
                    1 | 2 => self.mark(self.ticks[at].id, 1),
                    _ => {}
                }
            }
            let marked = self.marks.iter().filter(|(id, n)| **n > 0 && id.slot + 3000 > now);
            let marked: Vec<EventId> = marked.map(|(id, _)| *id).collect();
            if let Some(id) = self.random.choose(&marked).filter(|_| self.random.below(3) == 0) {
                self.mark(id, -1);
            }
        }
    }

    /// How often marks hid a trader.
    fn check(seed: u64) -> usize {
        let mut scene = Scene::new(seed);
        let mut hidden = 0;
        for serial in 0..700 {
            let by = match scene.random.below(40) {
                0 => 3000,
                1..5 => scene.random.below(900),
                _ => scene.random.below(4),
            };
            scene.pass(scene.now + by);
            scene.come_or_announce(serial);
            scene.change();
            // As in the operator: consolidated, what is taken back first, else in any order.
            consolidate(&mut scene.changes);
            let random = &mut scene.random;
            scene.changes.sort_by_cached_key(|(_, diff)| (*diff > 0, random.below(9)));
            scene.apply(start_of(scene.now) + serial);
            let expected = filtered(&scene.ticks, &scene.marks, scene.now);
            assert_eq!(scene.rows, expected, "seed {seed} at {}", scene.now);
            let plain = filtered(&scene.ticks, &BTreeMap::new(), scene.now);
            hidden += usize::from(plain.iter().any(|(w, f)| f.traders != scene.rows[w].traders));
        }
        scene.pass(scene.now + 20_000);
        assert_eq!(scene.rows, BTreeMap::new(), "seed {seed}: all is over");
        hidden
    }

    #[test]
    fn what_is_filtered_equals_brute_force_whatever_is_marked_and_when() {
        let hidden: usize = (1..=12).map(check).sum();
        assert!(hidden > 1500, "marks hid a trader in only {hidden} of 8400 steps");
    }

    #[test]
    fn marks_are_let_go_when_no_trade_can_carry_them() {
        let (mut marks, id) = (Marks::default(), |n| EventId { slot: n, ..EventId::FIRST });
        for n in 0..10 {
            marks.change(id(n), 1, 100 + u32::try_from(n).unwrap());
        }
        assert!(marks.has(id(3)));
        marks.change(id(3), -1, 103);
        assert!(!marks.has(id(3)), "it was taken back");
        marks.let_go(105, 10);
        assert!(!marks.has(id(5)) && marks.has(id(6)));
        marks.let_go(114, 10);
        assert!(marks.has(id(6)), "not yet looked at again");
        marks.let_go(115, 10);
        assert!(marks.is_empty());
    }
}
