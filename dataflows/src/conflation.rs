//! Typed conflation: of every key what its group was when it last left, and what it is now.
//!
//! Most changes are overwritten before they leave: a token that trades a hundred times in a second changes
//! its candles a hundred times, and one row of each leaves. So changes are kept as the typed groups that
//! operators emit, and a row is written only when it is taken for a flush.
//!
//! Within one time, changes of a key may come in any order and from several workers; they are netted once
//! the time is complete. So `emit` needs no exchange by key.
//!
//! A change is *sealed* when its row may leave. Records of events are sealed with every flush. Records of
//! state are sealed at the grid points of their cadence, in event time: a row that leaves says what was so
//! at the end of the second before a grid point, however the run was batched. A run that is faster than
//! time passes over grid points between two flushes. Checkpoints and ends of runs seal everything.
//!
//! Nothing here knows of sinks or of the wall clock; who takes decides when.

use std::any::Any;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use model::time::second_of;
use model::{Cadence, Change, Diff, Group, Record, Schema, Seconds, Time};
use rustc_hash::FxHashMap;

use crate::Leaving;

/// The changes of one record that have been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whose rows.
    pub schema: &'static Schema,
    /// At most one change a key, sorted by key, each with the time of the last change of its group.
    pub changes: Vec<(Time, Change)>,
}

/// Cadences in seconds by the name of the record, in the place of those of the schemas.
pub type Cadences = BTreeMap<String, u32>;

/// Keeps what has changed until it is taken.
#[derive(Default)]
pub struct Conflation {
    records: BTreeMap<&'static str, (&'static Schema, Box<dyn Keys>)>,
    cadences: Cadences,
    /// The time whose changes are coming in.
    open: Time,
}

impl Conflation {
    /// Empty, with these cadences.
    #[must_use]
    pub fn new(cadences: Cadences) -> Self {
        Self { cadences, ..Self::default() }
    }

    /// Takes in changes. They come in the order of their times.
    pub fn add(&mut self, leaving: Leaving) {
        if leaving.time() > self.open {
            self.settle();
            self.open = leaving.time();
            let second = second_of(self.open);
            self.records.values_mut().for_each(|(_, keys)| keys.seal_before(second));
        }
        let (schema, changes) = leaving.into_changes();
        let (_, keys) = self.records.entry(schema.name).or_insert_with(|| {
            let cadence = self.cadences.get(schema.name).map(|seconds| Cadence::Seconds(*seconds));
            (schema, changes.keys(cadence, second_of(self.open)))
        });
        changes.give(keys.as_mut());
    }

    fn settle(&mut self) {
        self.records.values_mut().for_each(|(_, keys)| keys.settle(self.open));
    }

    /// Number of keys whose changes are taken the next time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.values().map(|(_, keys)| keys.len()).sum()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Seals everything that has been added, grid or not: where a run ends or a checkpoint is taken.
    pub fn seal(&mut self) {
        self.settle();
        self.records.values_mut().for_each(|(_, keys)| keys.seal());
    }

    /// Hands over what is sealed and changed before `frontier`, by the name of the record. All changes of
    /// earlier times have been added, and none of later ones.
    pub fn take(&mut self, frontier: Time) -> Vec<Taken> {
        self.settle();
        self.open = self.open.max(frontier);
        let second = second_of(frontier);
        let mut all = Vec::new();
        for (schema, keys) in self.records.values_mut() {
            keys.seal_before(second);
            let mut changes = keys.take();
            changes.sort_unstable_by(|(_, a), (_, b)| a.key(schema).cmp(b.key(schema)));
            if !changes.is_empty() {
                all.push(Taken { schema, changes });
            }
        }
        all
    }
}

/// Changes of some type on their way to their keys.
pub(crate) trait Changes: Send {
    /// Their number, before they are netted.
    fn len(&self) -> usize;
    /// Keys without changes, of their type; grid points after a second seal.
    fn keys(&self, cadence: Option<Cadence>, second: Seconds) -> Box<dyn Keys>;
    /// Hands them to the keys of their type.
    fn give(self: Box<Self>, keys: &mut dyn Keys);
}

/// As containers bring them.
pub(crate) type Containers<G> = Vec<Vec<(G, Time, Diff)>>;

impl<G: Group> Changes for Containers<G> {
    fn len(&self) -> usize {
        self.iter().map(Vec::len).sum()
    }

    fn keys(&self, cadence: Option<Cadence>, second: Seconds) -> Box<dyn Keys> {
        Box::new(KeysOf::<G>::new(cadence, second))
    }

    fn give(self: Box<Self>, keys: &mut dyn Keys) {
        let keys: &mut dyn Any = keys;
        // Each record is emitted as one type, so they are of the type that the first changes made.
        if let Some(keys) = keys.downcast_mut::<KeysOf<G>>() {
            keys.open.extend(self.into_iter().flatten().map(|(group, _, diff)| (group, diff)));
        } else {
            debug_assert!(false, "the record {} is emitted as groups of two types", G::Record::SCHEMA.name);
        }
    }
}

/// The keys of one record that have changed.
pub(crate) trait Keys: Any + Send {
    /// Nets the changes of a time, which is complete.
    fn settle(&mut self, time: Time);
    /// Seals what the grid points up to the start of a second let go.
    fn seal_before(&mut self, second: Seconds);
    /// Seals everything.
    fn seal(&mut self);
    /// Seals what leaves with every flush, and hands over what is sealed.
    fn take(&mut self) -> Vec<(Time, Change)>;
    /// Number of keys that the next take may hand over.
    fn len(&self) -> usize;
}

struct KeysOf<G: Group> {
    slots: FxHashMap<G::Key, Slot<G>>,
    /// Changes of the time that is coming in.
    open: Vec<(G, Diff)>,
    /// Keys with a change that is not sealed, by the step of their grid in seconds; 0 = every flush.
    dirty: BTreeMap<u32, Vec<G::Key>>,
    sealed: Vec<G::Key>,
    second: Seconds,
    cadence: Option<Cadence>,
}

/// What there is of a key that has changed.
struct Slot<G> {
    /// The group that the sinks have; if they have none, one that has come and gone since.
    before: Option<G>,
    has_left: bool,
    /// What may leave, with the time of its change.
    sealed: Option<(Time, Option<G>)>,
    /// What has changed since.
    now: Option<(Time, Option<G>)>,
    step_s: u32,
}

impl<G: Group> KeysOf<G> {
    fn new(cadence: Option<Cadence>, second: Seconds) -> Self {
        Self {
            slots: FxHashMap::default(),
            open: Vec::new(),
            dirty: BTreeMap::new(),
            sealed: Vec::new(),
            second,
            cadence,
        }
    }

    /// The step of the grid that the change to a group waits for.
    fn step_s(&self, group: &G) -> u32 {
        let own = step_s(group.cadence());
        // An open bar may be slower than the settings say, never faster.
        self.cadence.map_or(own, |cadence| match G::Record::SCHEMA.cadence {
            Cadence::Bars => own.max(step_s(cadence)),
            Cadence::Flush | Cadence::Seconds(_) => step_s(cadence),
        })
    }

    fn change(&mut self, key: G::Key, time: Time, minus: Option<G>, plus: Option<G>) {
        let Some(step_s) = plus.as_ref().or(minus.as_ref()).map(|group| self.step_s(group)) else { return };
        let slot = match self.slots.entry(key.clone()) {
            Entry::Occupied(entry) => {
                let slot = entry.into_mut();
                if slot.before.is_none() {
                    slot.before = minus;
                }
                slot
            }
            Entry::Vacant(entry) => {
                let has_left = minus.is_some();
                entry.insert(Slot { before: minus, has_left, sealed: None, now: None, step_s })
            }
        };
        if slot.now.is_none() || slot.step_s != step_s {
            self.dirty.entry(step_s).or_default().push(key);
        }
        slot.step_s = step_s;
        slot.now = Some((time, plus));
    }

    fn seal_step(&mut self, step_s: u32) {
        let Some(keys) = self.dirty.get_mut(&step_s) else { return };
        for key in keys.drain(..) {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            // None: another grid has sealed it.
            if let Some(now) = slot.now.take()
                && slot.sealed.replace(now).is_none()
            {
                self.sealed.push(key);
            }
        }
    }
}

const fn step_s(cadence: Cadence) -> u32 {
    match cadence {
        Cadence::Flush => 0,
        Cadence::Seconds(seconds) => seconds,
        Cadence::Bars => 1,
    }
}

impl<G: Group> Keys for KeysOf<G> {
    fn settle(&mut self, time: Time) {
        let mut open = std::mem::take(&mut self.open);
        open.sort_unstable_by_key(|(group, _)| group.group_key());
        let mut of_key: Vec<(G, Diff)> = Vec::new();
        let mut changes = open.drain(..).peekable();
        while let Some(first) = changes.next() {
            let key = first.0.group_key();
            of_key.push(first);
            while let Some((group, diff)) = changes.next_if(|(group, _)| group.group_key() == key) {
                match of_key.iter_mut().find(|(other, _)| *other == group) {
                    Some((_, count)) => *count += diff,
                    None => of_key.push((group, diff)),
                }
            }
            let (mut minus, mut plus) = (None, None);
            for (group, count) in of_key.drain(..) {
                match count.signum() {
                    1 => plus = Some(group),
                    -1 => minus = Some(group),
                    _ => {}
                }
            }
            self.change(key, time, minus, plus);
        }
        drop(changes);
        self.open = open;
    }

    fn seal_before(&mut self, second: Seconds) {
        if second == self.second {
            return;
        }
        let passed = |step_s: &u32| {
            let step_s = u64::from(*step_s);
            step_s > 0 && second / step_s > self.second / step_s
        };
        let steps: Vec<u32> = self.dirty.keys().copied().filter(passed).collect();
        steps.into_iter().for_each(|step_s| self.seal_step(step_s));
        self.second = second;
    }

    fn seal(&mut self) {
        let steps: Vec<u32> = self.dirty.keys().copied().collect();
        steps.into_iter().for_each(|step_s| self.seal_step(step_s));
    }

    fn take(&mut self) -> Vec<(Time, Change)> {
        self.seal_step(0);
        let mut changes = Vec::with_capacity(self.sealed.len());
        for key in self.sealed.drain(..) {
            let Entry::Occupied(mut entry) = self.slots.entry(key) else { continue };
            let slot = entry.get_mut();
            let (before, has_left) = (slot.before.take(), slot.has_left);
            let Some((time, after)) = slot.sealed.take() else { continue };
            if slot.now.is_some() {
                slot.before.clone_from(&after);
                slot.has_left = after.is_some();
            } else {
                entry.remove();
            }
            replace(before, has_left, after, |change| changes.push((time, change)));
        }
        changes
    }

    fn len(&self) -> usize {
        self.sealed.len() + self.dirty.get(&0).map_or(0, Vec::len)
    }
}

/// The changes of rows from the group that was there to the one that is. A row as it has left does not
/// leave again.
fn replace<G: Group>(before: Option<G>, has_left: bool, after: Option<G>, mut put: impl FnMut(Change)) {
    let records = |group: Option<G>| {
        let mut records: Vec<G::Record> = group.into_iter().flat_map(Group::records).collect();
        records.sort_unstable();
        records
    };
    let (before, after) = (records(before), records(after));
    let find = |records: &[G::Record], wanted: &G::Record| {
        records.binary_search_by(|record| record.key().cmp(&wanted.key())).ok()
    };
    for record in &before {
        if find(&after, record).is_none() {
            put(Change::Delete(record.key_row()));
        }
    }
    for record in &after {
        let is_same = |at: usize| has_left && before.get(at) == Some(record);
        if !find(&before, record).is_some_and(is_same) {
            put(Change::Upsert(record.row()));
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Value, columns};

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Cell {
        name: &'static str,
        value: u64,
    }

    impl Record for Cell {
        columns! {
            self: "cells", "";
            cadence: Cadence::Flush;
            key { name: Text = self.name, ""; }
            value: Count = self.value, "";
        }
        type Key = &'static str;

        fn key(&self) -> &'static str {
            self.name
        }
    }

    /// The cells of one sheet.
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Sheet(u8, Vec<Cell>);

    impl Group for Sheet {
        type Record = Cell;
        type Key = u8;

        fn group_key(&self) -> u8 {
            self.0
        }

        fn records(self) -> impl Iterator<Item = Cell> {
            self.1.into_iter()
        }
    }

    fn sheet(cells: &[(&'static str, u64)]) -> Sheet {
        Sheet(1, cells.iter().map(|(name, value)| Cell { name, value: *value }).collect())
    }

    fn leaving<G: Group>(time: Time, changes: Vec<(G, Diff)>) -> Leaving {
        let containers: Containers<G> =
            changes.into_iter().map(|(group, diff)| vec![(group, time, diff)]).collect();
        Leaving::new(G::Record::SCHEMA, time, Box::new(containers))
    }

    fn changes(taken: Vec<Taken>) -> Vec<(Time, Change)> {
        taken.into_iter().flat_map(|taken| taken.changes).collect()
    }

    fn rows(changes: Vec<(Sheet, Diff)>) -> Vec<Change> {
        let mut conflation = Conflation::default();
        conflation.add(leaving(0, changes));
        let taken = conflation.take(1);
        taken.into_iter().flat_map(|taken| taken.changes).map(|(_, change)| change).collect()
    }

    fn upsert(name: &'static str, value: u64) -> Change {
        Change::Upsert(Cell { name, value }.row())
    }

    fn delete(name: &'static str) -> Change {
        Change::Delete(vec![Value::from(name)])
    }

    #[test]
    fn of_a_group_that_is_replaced_only_what_differs_leaves() {
        let before = sheet(&[("a", 1), ("b", 1), ("c", 1)]);
        let after = sheet(&[("a", 1), ("b", 2), ("d", 1)]);
        let expected = [upsert("b", 2), delete("c"), upsert("d", 1)];
        assert_eq!(rows(vec![(before.clone(), -1), (after.clone(), 1)]), expected);
        assert_eq!(rows(vec![(after, 1), (before, -1)]), expected, "in whatever order they come");
    }

    #[test]
    fn changes_of_one_time_that_cancel_each_other_do_not_leave() {
        let (a, b, c) = (sheet(&[("a", 1)]), sheet(&[("a", 2)]), sheet(&[("a", 3)]));
        assert_eq!(rows(vec![(a.clone(), 1), (a.clone(), -1)]), []);
        assert_eq!(rows(vec![(a.clone(), -1)]), [delete("a")]);
        assert_eq!(rows(vec![(a.clone(), 1)]), [upsert("a", 1)]);
        let through = vec![(b.clone(), 1), (c, 1), (a, -1), (b, -1)];
        assert_eq!(rows(through), [upsert("a", 3)]);
    }

    #[test]
    fn changes_of_a_key_from_two_workers_are_netted() {
        let mut conflation = Conflation::default();
        conflation.add(leaving(5, vec![(sheet(&[("a", 2)]), 1)]));
        conflation.add(leaving(5, vec![(sheet(&[("a", 1)]), -1)]));
        assert_eq!(changes(conflation.take(6)), [(5, upsert("a", 2))]);
    }

    #[test]
    fn the_last_change_of_a_key_leaves_with_its_time() {
        let mut conflation = Conflation::default();
        let cell = |value| Cell { name: "a", value };
        conflation.add(leaving(1, vec![(cell(1), 1), (Cell { name: "b", value: 7 }, 1)]));
        conflation.add(leaving(2, vec![(cell(1), -1), (cell(2), 1)]));
        assert_eq!(conflation.take(3)[0].changes, [(2, upsert("a", 2)), (1, upsert("b", 7))]);
        assert!(conflation.is_empty());
        conflation.seal();
        assert_eq!(conflation.take(4), []);
        conflation.add(leaving(5, vec![(cell(2), -1)]));
        conflation.add(leaving(6, vec![(cell(2), 1)]));
        assert_eq!(conflation.take(7), [], "the sinks have that row");
    }

    #[test]
    fn an_end_after_a_row_that_never_left_is_an_end() {
        // An earlier run may have cut its flushes elsewhere and written the row.
        let mut conflation = Conflation::default();
        conflation.add(leaving(1, vec![(Cell { name: "a", value: 1 }, 1)]));
        conflation.add(leaving(2, vec![(Cell { name: "a", value: 1 }, -1)]));
        assert_eq!(changes(conflation.take(3)), [(2, delete("a"))]);
    }

    /// Seconds as microseconds, with a fraction.
    const fn at(second: u64, micros: u64) -> Time {
        second * 1_000_000 + micros
    }

    #[test]
    fn a_row_of_state_says_what_was_so_at_its_grid_point() {
        let mut conflation = Conflation::new([("cells".to_owned(), 5)].into());
        let cell = |value| Cell { name: "a", value };
        conflation.add(leaving(at(11, 0), vec![(cell(1), 1)]));
        assert_eq!(conflation.take(at(12, 0)), [], "not before the grid point");
        conflation.add(leaving(at(14, 9), vec![(cell(1), -1), (cell(2), 1)]));
        conflation.add(leaving(at(15, 0), vec![(cell(2), -1), (cell(3), 1)]));
        assert_eq!(changes(conflation.take(at(15, 1))), [(at(14, 9), upsert("a", 2))]);
        assert_eq!(conflation.take(at(19, 0)), []);
        assert_eq!(changes(conflation.take(at(20, 0))), [(at(15, 0), upsert("a", 3))]);
        conflation.add(leaving(at(21, 0), vec![(cell(3), -1)]));
        conflation.seal();
        assert_eq!(changes(conflation.take(at(21, 1))), [(at(21, 0), delete("a"))]);
    }

    #[test]
    fn how_flushes_are_cut_does_not_show_in_what_a_record_of_state_says() {
        let flushed_after = |seconds: &[u64]| {
            let mut conflation = Conflation::new([("cells".to_owned(), 2)].into());
            let mut rows = BTreeMap::new();
            let mut put = |taken: Vec<Taken>| {
                changes(taken).into_iter().for_each(|(time, change)| drop(rows.insert(time, change)));
            };
            for second in 0..10 {
                let was = (second > 0).then(|| (Cell { name: "a", value: second - 1 }, -1));
                let is = (Cell { name: "a", value: second }, 1);
                conflation.add(leaving(at(second, 3), was.into_iter().chain([is]).collect()));
                if seconds.contains(&second) {
                    put(conflation.take(at(second, 4)));
                }
            }
            put(conflation.take(at(10, 0)));
            rows
        };
        let often = flushed_after(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(often.keys().copied().collect::<Vec<_>>(), [1, 3, 5, 7, 9].map(|second| at(second, 3)));
        for seconds in [&[][..], &[3], &[2, 5], &[1, 4, 8]] {
            let seldom = flushed_after(seconds);
            assert!(seldom.iter().all(|(time, row)| often.get(time) == Some(row)), "{seldom:?}");
            assert_eq!(seldom.last_key_value(), often.last_key_value());
        }
    }
}
