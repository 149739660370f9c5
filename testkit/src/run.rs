//! Drives the dataflows.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use dataflows::{Clock, Conflation, Graph, Leaving, Params};
use model::time::second_of;
use model::{Batch, Change, Event, Mark, Row, Seconds, Time};
use operators::keyed::{Ending, Snapshot, States};

/// How a run is done. None of it may show in the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Number of workers.
    pub workers: usize,
    /// So many events are cut into batches at once; within a second that is how many a batch has.
    pub at_once: usize,
    /// Whether each batch is closed before the next is given, or all are given first.
    pub stepwise: bool,
    /// Whether the run is interrupted after this many batches and goes on from the snapshot, with as
    /// many workers as it says.
    pub restart: Option<(usize, usize)>,
    /// Whether the input ends after so many events and then goes on.
    pub ending: Option<usize>,
}

impl Plan {
    /// One worker, step by step, in one go.
    pub const PLAIN: Self =
        Self { workers: 1, at_once: usize::MAX, stepwise: true, restart: None, ending: None };

    /// Every way in which a stream of `batches` should give the same.
    #[must_use]
    pub fn variants(batches: usize) -> Vec<Self> {
        let mut plans = Vec::new();
        for workers in 1..=3 {
            for (at_once, stepwise) in [(3, true), (usize::MAX, true), (usize::MAX, false)] {
                plans.push(Self { workers, at_once, stepwise, ..Self::PLAIN });
            }
            for part in 1..4 {
                let restart = Some((batches * part / 4, workers % 3 + 1));
                plans.push(Self { workers, stepwise: false, restart, ..Self::PLAIN });
            }
        }
        plans
    }
}

/// The rows of all records: by name and key.
pub type Tables = BTreeMap<&'static str, BTreeMap<Row, Row>>;

/// Records that are brought up to date at seconds of their own, minutes apart: before the input ends they say what
/// had come by the last of them, and that is a matter of arrival.
pub const LAGGING: [&str; 2] = ["wallet_positions", "wallet_stats"];

/// By record and key what became of a row; none = gone.
pub type Changes = BTreeMap<(&'static str, Row), Option<Row>>;

/// What the outputs were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// By second: what was different at its end from its beginning.
    pub changes: BTreeMap<Seconds, Changes>,
    /// The rows at the end.
    pub tables: Tables,
}

/// Runs every dataflow over `events`, in the order of arrival, until every second is closed.
#[must_use]
pub fn run(events: &[Event], params: &Params, plan: Plan) -> History {
    let (changes, tables) = add_up(sent(events, params, plan), second_of);
    History { changes, tables }
}

/// The same run: what was different after each logical time from before.
#[must_use]
pub fn said(events: &[Event], params: &Params, plan: Plan) -> BTreeMap<Time, Changes> {
    add_up(sent(events, params, plan), |time| time).0
}

/// Runs every dataflow over `events` until the input ends, and gives the rows that stand then.
#[must_use]
pub fn ended(events: &[Event], params: &Params, workers: usize) -> Tables {
    let mut clock = Clock::default();
    let mut batches = clock.cut(events.iter().cloned());
    clock.pause();
    let at = clock.mint();
    batches.push((at, vec![Mark::ENDED]));
    add_up(part(&batches, (0, at + 1), params, Plan::PLAIN, workers, Vec::new()).0, second_of).1
}

/// Runs until every second is closed; the batches that were sent.
fn sent(events: &[Event], params: &Params, plan: Plan) -> Vec<Batch> {
    let mut clock = Clock::default();
    let (before, after) = events.split_at(plan.ending.unwrap_or(0).min(events.len()));
    let mut batches = Vec::new();
    for (part, ends) in [(before, true), (after, false)] {
        for events in part.chunks(plan.at_once) {
            batches.extend(clock.cut(events.iter().cloned()));
        }
        if ends && plan.ending.is_some() {
            clock.pause();
            batches.push((clock.mint(), vec![Mark::ENDED]));
            // The ending is undone at the time after it.
            clock.mint();
        }
    }
    let end = clock.end();
    let (first, rest) = batches.split_at(plan.restart.map_or(batches.len(), |(at, _)| at.min(batches.len())));
    let is_ending = first.last().is_some_and(|(_, events)| events.contains(&Mark::ENDED));
    let middle = first.last().map_or(0, |(time, _)| time + 1 + Time::from(is_ending));
    let Some((_, workers)) = plan.restart else {
        return part(first, (0, end), params, plan, plan.workers, Vec::new()).0;
    };
    let (mut sent, snapshots) = part(first, (0, middle), params, plan, plan.workers, Vec::new());
    sent.extend(part(rest, (middle, end), params, plan, workers, snapshots).0);
    sent
}

/// Runs from `start` until `end` is closed; the batches that were sent, and the snapshots at the end.
fn part(
    batches: &[(Time, Vec<Event>)],
    (start, end): (Time, Time),
    params: &Params,
    plan: Plan,
    workers: usize,
    restored: Vec<Snapshot>,
) -> (Vec<Batch>, Vec<Snapshot>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (snapshots, taken) = sync_channel(workers);
    let (batches, params, restored) = (batches.to_vec(), params.clone(), Arc::new(restored));
    let collected = Arc::clone(&sent);
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let (index, peers) = (worker.index(), worker.peers());
        let states = States::restored(Arc::clone(&restored), start, index, peers);
        let sent = Arc::clone(&collected);
        let send = move |leaving: Leaving| {
            sent.lock().expect("no test panics while it sends").push(leaving);
        };
        let mut graph = Graph::build(worker, &params, states, send).expect("the snapshot is readable");
        let mut close =
            |graph: &Graph, upto: Time| worker.step_or_park_while(None, || !graph.is_closed(upto));
        for (time, events) in &batches {
            if events.contains(&Mark::ENDED) {
                graph.end_input(Ending { at: *time, is_undone: end > *time + 1 });
            }
            for event in events.iter().skip(index).step_by(peers) {
                graph.give(event.clone(), *time);
            }
            if plan.stepwise {
                graph.advance(*time + 1);
                close(&graph, *time + 1);
            }
        }
        graph.advance(end);
        close(&graph, end);
        let snapshot = graph.snapshot().expect("states can be written");
        snapshots.send((index, snapshot)).expect("the test waits for it");
    });
    guards.expect("timely starts");
    let mut taken: Vec<(usize, Snapshot)> = taken.iter().take(workers).collect();
    taken.sort_by_key(|(index, _)| *index);
    let sent = std::mem::take(&mut *sent.lock().expect("no test panics while it sends"));
    (time_by_time(sent), taken.into_iter().map(|(_, snapshot)| snapshot).collect())
}

/// The rows of every time by themselves, whatever the cadences say.
fn time_by_time(mut sent: Vec<Leaving>) -> Vec<Batch> {
    sent.sort_by_key(Leaving::time);
    let (mut conflation, mut batches) = (Conflation::default(), Vec::new());
    let mut sent = sent.into_iter().peekable();
    while let Some(leaving) = sent.next() {
        let time = leaving.time();
        conflation.add(leaving);
        if sent.peek().is_some_and(|next| next.time() == time) {
            continue;
        }
        conflation.seal();
        for taken in conflation.take(time + 1) {
            let changes = taken.changes.into_iter().map(|(_, change)| change).collect();
            batches.push(Batch { schema: taken.schema, time, changes });
        }
    }
    batches
}

/// Adds up what was sent, by what `unit` makes of its time; the changes of each, and the rows at the end.
fn add_up(mut batches: Vec<Batch>, unit: impl Fn(Time) -> u64) -> (BTreeMap<u64, Changes>, Tables) {
    batches.sort_by_key(|batch| batch.time);
    let (mut all, mut tables) = (BTreeMap::<u64, Changes>::new(), Tables::new());
    for batch in batches {
        let name = batch.schema.name;
        let changes = all.entry(unit(batch.time)).or_default();
        let table = tables.entry(name).or_default();
        for change in batch.changes {
            let key = change.key(batch.schema).to_vec();
            let row = match change {
                Change::Upsert(row) => Some(row),
                Change::Delete(_) => None,
            };
            let before = match &row {
                Some(row) => table.insert(key.clone(), row.clone()),
                None => table.remove(&key),
            };
            // A row written as it is is no change, and one changed back within the unit neither; so
            // what it was before has to be known, and is kept by comparing tables below.
            assert!(row.is_some() || before.is_some(), "{name}: {key:?} is deleted and was not there");
            changes.insert((name, key), row);
        }
    }
    drop_unchanged(&mut all);
    (all, tables)
}

/// Drops changes to what a row was already.
fn drop_unchanged(all: &mut BTreeMap<u64, Changes>) {
    let mut present: BTreeMap<(&'static str, Row), Row> = BTreeMap::new();
    for changes in all.values_mut() {
        changes.retain(|key, row| {
            let before = match row {
                Some(row) => present.insert(key.clone(), row.clone()),
                None => present.remove(key),
            };
            before != *row
        });
    }
    all.retain(|_, changes| !changes.is_empty());
}

/// The rows at the end of each second named in `seconds`.
#[must_use]
pub fn tables_at(history: &History, seconds: &[Seconds]) -> BTreeMap<Seconds, Tables> {
    let mut tables = Tables::new();
    let mut changes = history.changes.iter().peekable();
    let mut wanted: Vec<Seconds> = seconds.to_vec();
    wanted.sort_unstable();
    let mut found = BTreeMap::new();
    for second in wanted {
        while let Some((_, changes)) = changes.next_if(|(at, _)| **at <= second) {
            for ((name, key), row) in changes {
                let table = tables.entry(name).or_default();
                match row {
                    Some(row) => drop(table.insert(key.clone(), row.clone())),
                    None => drop(table.remove(key)),
                }
            }
        }
        tables.retain(|_, table| !table.is_empty());
        found.insert(second, tables.clone());
    }
    found
}

/// Fails with the first difference between two histories.
pub fn assert_same(expected: &History, found: &History, what: &str) {
    if expected == found {
        return;
    }
    let seconds =
        expected.changes.keys().chain(found.changes.keys()).collect::<std::collections::BTreeSet<_>>();
    for second in seconds {
        let (none, also_none) = (BTreeMap::new(), BTreeMap::new());
        let left = expected.changes.get(second).unwrap_or(&none);
        let right = found.changes.get(second).unwrap_or(&also_none);
        for key in left.keys().chain(right.keys()) {
            let (left, right) = (left.get(key), right.get(key));
            assert!(
                left == right,
                "{what}: at second {second}, {key:?}\nexpected {left:?}\nfound    {right:?}"
            );
        }
    }
    panic!("{what}: the tables at the end differ");
}
