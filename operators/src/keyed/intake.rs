//! Intake of a keyed operator: the changes of several collections, each turned into inputs of its own.
//!
//! A worker that is alone turns them within the operator: a batch of a few trades costs an operator little beside
//! being scheduled, so one that only turns one thing into another would double that. Among several workers they are
//! turned before, because it is an input that has a key to route by.

use model::{Diff, Time};
use timely::ExchangeData;
use timely::container::buffer::default_capacity;
use timely::dataflow::Scope;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::vec::Map;

use super::{Waiting, stash};
use crate::prelude::Collection;

/// See the module.
pub struct Intake<'s, I> {
    scope: Scope<'s, Time>,
    sources: Vec<Connect<'s, I>>,
}

/// Makes a source an input of an operator; routes by the function.
type Connect<'s, I> = Box<dyn FnOnce(&mut OperatorBuilder<'s, Time>, fn(&I) -> u64) -> Read<I> + 's>;

/// Takes in what has come.
pub(super) type Read<I> = Box<dyn FnMut(&mut Waiting<I>)>;

impl<'s, I: ExchangeData> Intake<'s, I> {
    /// Each element of a collection as what `into` makes of it.
    pub fn of<D: Clone + 'static, O: IntoIterator<Item = I> + 'static>(
        collection: Collection<'s, D>,
        into: impl Fn(D) -> O + 'static,
    ) -> Self {
        Self { scope: collection.scope(), sources: Vec::new() }.and(collection, into)
    }

    /// Adds the changes of another collection.
    #[must_use]
    pub fn and<D: Clone + 'static, O: IntoIterator<Item = I> + 'static>(
        self,
        collection: Collection<'s, D>,
        into: impl Fn(D) -> O + 'static,
    ) -> Self {
        self.and_changes(collection, move |data, diff| into(data).into_iter().map(move |input| (input, diff)))
    }

    /// Adds the changes of another collection whose inserts and retractions become different inputs.
    #[must_use]
    pub fn and_changes<D: Clone + 'static, O: IntoIterator<Item = (I, Diff)> + 'static>(
        mut self,
        collection: Collection<'s, D>,
        into: impl Fn(D, Diff) -> O + 'static,
    ) -> Self {
        let is_alone = self.scope.peers() == 1;
        self.sources.push(Box::new(move |builder, route| {
            if is_alone {
                within(builder, collection, into)
            } else {
                before(builder, route, collection, into)
            }
        }));
        self
    }

    pub(super) const fn scope(&self) -> Scope<'s, Time> {
        self.scope
    }

    pub(super) fn connect(
        self,
        builder: &mut OperatorBuilder<'s, Time>,
        route: fn(&I) -> u64,
    ) -> Vec<Read<I>> {
        self.sources.into_iter().map(|connect| connect(builder, route)).collect()
    }
}

/// Turns changes into inputs where they are taken in.
fn within<'s, I: 'static, D: Clone + 'static, O: IntoIterator<Item = (I, Diff)>>(
    builder: &mut OperatorBuilder<'s, Time>,
    collection: Collection<'s, D>,
    into: impl Fn(D, Diff) -> O + 'static,
) -> Read<I> {
    let mut input = builder.new_input(collection.inner, Pipeline);
    // As large as timely's own: memory that is freed is what the next batch finds.
    let room = default_capacity::<(I, Time, Diff)>();
    Box::new(move |waiting| {
        input.for_each(|_, batch| {
            let mut inputs = Vec::new();
            for (data, time, diff) in batch.drain(..) {
                for (input, diff) in into(data, diff) {
                    if inputs.len() == inputs.capacity() {
                        stash(waiting, std::mem::replace(&mut inputs, Vec::with_capacity(room)));
                    }
                    inputs.push((input, time, diff));
                }
            }
            stash(waiting, inputs);
        });
    })
}

/// Turns changes into inputs, which then go to the worker of their key.
fn before<'s, I: ExchangeData, D: Clone + 'static, O: IntoIterator<Item = (I, Diff)> + 'static>(
    builder: &mut OperatorBuilder<'s, Time>,
    route: fn(&I) -> u64,
    collection: Collection<'s, D>,
    into: impl Fn(D, Diff) -> O + 'static,
) -> Read<I> {
    let inputs = collection.inner.flat_map(move |(data, time, diff)| {
        into(data, diff).into_iter().map(move |(input, diff)| (input, time, diff))
    });
    let by_key = Exchange::new(move |(input, _, _): &(I, Time, Diff)| route(input));
    let mut input = builder.new_input(inputs, by_key);
    Box::new(move |waiting| input.for_each(|_, batch| stash(waiting, std::mem::take(batch))))
}
