//! The timely operator around a [`Store`].

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use differential_dataflow::AsCollection;
use differential_dataflow::consolidation::consolidate;
use model::{Diff, Time};
use rustc_hash::FxHashSet;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::operator::Operator;

use super::{State, States, Store};
use crate::prelude::Collection;

/// Changes that came and wait for their time to close, as containers brought them.
pub type Waiting<D> = BTreeMap<Time, Vec<Vec<(D, Time, Diff)>>>;
type Outputs<S> = Vec<(<S as State>::Output, Time, Diff)>;

/// Maintains the outputs of the states `S` over `input`.
///
/// `name` names the operator in logs and in snapshots; it is unique within a dataflow.
pub fn keyed<'s, S: State>(
    input: Collection<'s, S::Input>,
    name: &'static str,
    params: S::Params,
    states: &States,
) -> Collection<'s, S::Output> {
    let store = Rc::new(RefCell::new(Store::<S>::new(params)));
    states.register(name, &store);
    let by_key = Exchange::new(|(input, _, _): &(S::Input, Time, Diff)| S::route(&S::key(input)));
    input
        .inner
        .unary_frontier::<CapacityContainerBuilder<Outputs<S>>, _, _, _>(
            by_key,
            name,
            move |capability, _| {
                // The operator always holds a capability for its input's frontier, so that a timer can emit
                // at its own time. That holds nothing back: the output cannot be ahead of the input anyway.
                let mut held = Some(capability);
                let mut waiting: Waiting<S::Input> = BTreeMap::new();
                move |(input, frontier), output| {
                    input.for_each_time(|_, batches| {
                        for batch in batches {
                            stash(&mut waiting, std::mem::take(batch));
                        }
                    });
                    let Some(capability) = held.as_mut() else { return };
                    let upper = frontier.frontier().first().copied();
                    let mut store = store.borrow_mut();
                    while let Some(time) = next_time(&waiting, &store, upper, *capability.time()) {
                        store.fire(time);
                        apply(&mut store, time, waiting.remove(&time).unwrap_or_default());
                        let now = capability.delayed(&time);
                        let mut session = output.session(&now);
                        store.close(|output, diff| session.give((output, time, diff)));
                    }
                    match upper {
                        Some(upper) => capability.downgrade(&upper),
                        None => held = None,
                    }
                }
            },
        )
        .as_collection()
}

/// Applies the changes of a time. Those of a key of which something is taken back are consolidated,
/// and what is taken back goes first: timely does not keep the order of batches of one time.
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

/// The next closed time at which something happens: a change that came, or a timer.
fn next_time<S: State>(
    waiting: &Waiting<S::Input>,
    store: &Store<S>,
    upper: Option<Time>,
    lower: Time,
) -> Option<Time> {
    let change = waiting.first_key_value().map(|(time, _)| *time);
    // After a restore a timer may be due before the time at which the run goes on.
    let timer = store.next_timer().map(|time| time.max(lower));
    match upper {
        // Once the input has ended nothing more becomes due: time stands still.
        None => change,
        Some(upper) => change.into_iter().chain(timer).min().filter(|time| *time < upper),
    }
}
