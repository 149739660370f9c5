//! The timely operator around a [`Store`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use differential_dataflow::consolidation::consolidate;
use model::{Diff, Time};
use rustc_hash::FxHashSet;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::endings::{Course, Turn};
use super::{Intake, Only, State, States, Store, Ways};
use crate::prelude::Collection;

/// Changes that came and wait for their time to close, as containers brought them.
pub type Waiting<D> = BTreeMap<Time, Vec<Vec<(D, Time, Diff)>>>;

/// Maintains the outputs of the states `S` over what `intake` takes in.
///
/// `name` names the operator in logs and in snapshots; it is unique within a dataflow.
pub fn keyed<'s, S: State>(
    intake: Intake<'s, S::Input>,
    name: &'static str,
    params: S::Params,
    states: &States,
) -> Collection<'s, S::Output> {
    keyed_apart::<S, _>(intake, name, params, states, Only)
}

/// The same, with outputs that leave by several outlets, each by the one that `way` says.
pub fn keyed_apart<'s, S: State, W: Ways>(
    intake: Intake<'s, S::Input>,
    name: &'static str,
    params: S::Params,
    states: &States,
    way: impl Fn(S::Output) -> W + 'static,
) -> W::Collections<'s> {
    let store = Rc::new(RefCell::new(Store::<S>::new(params)));
    states.register(name, &store);
    let mut course = Course::new(states.endings());
    let mut builder = OperatorBuilder::new(name.to_owned(), intake.scope());
    let mut reads = intake.connect(&mut builder, |input| S::route(&S::key(input)));
    let (mut outlets, collections) = W::open(&mut builder);
    builder.build(move |capabilities| {
        // The operator always holds capabilities for the frontier of its inputs, so that a timer can emit at
        // its own time. Doing so holds nothing back: the outputs cannot be ahead of the inputs anyway.
        let mut capabilities = capabilities.into_iter();
        W::each(&mut outlets, &mut |outlet| outlet.hold(capabilities.next()));
        let mut waiting: Waiting<S::Input> = BTreeMap::new();
        move |frontiers| {
            for read in &mut reads {
                read(&mut waiting);
            }
            let upper = frontiers.iter().filter_map(|frontier| frontier.frontier().first().copied()).min();
            let mut store = store.borrow_mut();
            while let Some(time) = next(&waiting, &mut store, course.next().map(Turn::time), upper) {
                let turn = course.next().filter(|turn| turn.time() == time);
                let changes = waiting.remove(&time).unwrap_or_default();
                let leave = |output, diff| way(output).leave(&mut outlets, time, diff);
                match turn {
                    // Retractions of other operators are undone here with all else.
                    Some(Turn::Undo(_)) => store.undo(time, leave),
                    _ => step(&mut store, time, changes, turn, leave),
                }
                if turn.is_some() {
                    course.step();
                }
                W::each(&mut outlets, &mut |outlet| outlet.finish(time));
            }
            W::each(&mut outlets, &mut |outlet| outlet.downgrade(upper));
        }
    });
    collections
}

/// Takes in a time: fires timers, applies changes, publishes at an ending.
fn step<S: State>(
    store: &mut Store<S>,
    time: Time,
    changes: Vec<Vec<(S::Input, Time, Diff)>>,
    turn: Option<Turn>,
    leave: impl FnMut(S::Output, Diff),
) {
    if let Some(Turn::Publish(ending)) = turn {
        store.begin_ending(ending);
    }
    store.fire_before(time + 1, time);
    apply(store, time, changes);
    if turn.is_some() {
        store.publish(time);
    }
    store.close(leave);
}

/// Applies the changes of a time. The changes of a key with a retraction among them are consolidated,
/// and retractions go first: timely does not keep the order of batches of one time.
fn apply<S: State>(store: &mut Store<S>, time: Time, batches: Vec<Vec<(S::Input, Time, Diff)>>) {
    let taken_back = batches.iter().flatten().filter(|(_, _, diff)| *diff < 0);
    let keys: FxHashSet<S::Key> = taken_back.map(|(input, _, _)| S::key(input)).collect();
    let mut mixed = Vec::new();
    for (input, _, diff) in batches.into_iter().flatten() {
        if keys.is_empty() || !keys.contains(&S::key(&input)) {
            store.apply(time, input, diff);
        } else {
            mixed.push((input, diff));
        }
    }
    consolidate(&mut mixed);
    let (back, there): (Vec<_>, Vec<_>) = mixed.into_iter().partition(|(_, diff)| *diff < 0);
    for (input, diff) in back.into_iter().chain(there) {
        store.apply(time, input, diff);
    }
}

/// Puts a container with those of its time. Nearly always it is of one time and moves
/// as a whole.
pub fn stash<D>(waiting: &mut Waiting<D>, mut batch: Vec<(D, Time, Diff)>) {
    while let Some(time) = batch.first().map(|(_, time, _)| *time) {
        let same = batch.iter().take_while(|(_, t, _)| *t == time).count();
        let rest = batch.split_off(same);
        waiting.entry(time).or_default().push(batch);
        batch = rest;
    }
}

/// The next closed time at which something happens: a change that came, a timer, or something about an ending.
fn next<S: State>(
    waiting: &Waiting<S::Input>,
    store: &mut Store<S>,
    turn: Option<Time>,
    upper: Option<Time>,
) -> Option<Time> {
    let change = waiting.first_key_value().map(|(time, _)| *time);
    // Once the input has ended nothing more becomes due: time stands still.
    let Some(upper) = upper else { return change };
    let change = change.into_iter().chain(turn).filter(|time| *time < upper).min();
    store.next_before(change.unwrap_or(upper)).or(change)
}
