//! How outputs leave a keyed operator: all by one outlet, or each kind by its own.
//!
//! An operator that does nothing but part what another says moves all of it once more, and has to be scheduled, which
//! is much of what a batch of a few trades costs.

use differential_dataflow::AsCollection;
use model::{Diff, Time};
use timely::container::{CapacityContainerBuilder, ContainerBuilder, PushInto};
use timely::dataflow::channels::pushers::Output;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use crate::prelude::Collection;

/// By which outlet an output leaves: the first, or one of the others.
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The others.
    Right(B),
}

/// The last outlet, or the only one.
pub struct Only<D>(pub D);

/// Names the outlets of an operator: `Either<A, Either<B, Only<C>>>` has three.
pub trait Ways: 'static {
    /// The collections that leave by the outlets.
    type Collections<'s>;
    /// The outlets.
    type Outlets: 'static;

    /// Adds them to an operator.
    fn open<'s>(builder: &mut OperatorBuilder<'s, Time>) -> (Self::Outlets, Self::Collections<'s>);

    /// Lets an output leave by its outlet.
    fn leave(self, outlets: &mut Self::Outlets, time: Time, diff: Diff);

    /// Does something with every outlet, in the order in which they were added.
    fn each(outlets: &mut Self::Outlets, act: &mut dyn FnMut(&mut dyn Hold));
}

/// Operations of an outlet of any type.
pub trait Hold {
    /// Is given the right to send at the frontier of the operator and after it.
    fn hold(&mut self, capability: Option<Capability<Time>>);

    /// Sends what is left of the changes of a time.
    fn finish(&mut self, time: Time);

    /// Sends nothing any more before the frontier, or at all if there is none.
    fn downgrade(&mut self, frontier: Option<Time>);
}

/// An outlet.
pub struct Outlet<D: Clone + 'static> {
    output: Output<Time, Vec<(D, Time, Diff)>>,
    changes: CapacityContainerBuilder<Vec<(D, Time, Diff)>>,
    held: Option<Capability<Time>>,
}

impl<D: Clone + 'static> Outlet<D> {
    fn open<'s>(builder: &mut OperatorBuilder<'s, Time>) -> (Self, Collection<'s, D>) {
        let (output, stream) = builder.new_output();
        (Self { output, changes: CapacityContainerBuilder::default(), held: None }, stream.as_collection())
    }

    fn give(&mut self, data: D, time: Time, diff: Diff) {
        self.changes.push_into((data, time, diff));
        while let Some(changes) = self.changes.extract() {
            send(&mut self.output, self.held.as_ref(), time, changes);
        }
    }
}

impl<D: Clone + 'static> Hold for Outlet<D> {
    fn hold(&mut self, capability: Option<Capability<Time>>) {
        self.held = capability;
    }

    fn finish(&mut self, time: Time) {
        while let Some(changes) = self.changes.finish() {
            send(&mut self.output, self.held.as_ref(), time, changes);
        }
    }

    fn downgrade(&mut self, frontier: Option<Time>) {
        match (&mut self.held, frontier) {
            (Some(held), Some(frontier)) => held.downgrade(&frontier),
            (held, _) => *held = None,
        }
    }
}

fn send<D: Clone + 'static>(
    output: &mut Output<Time, Vec<(D, Time, Diff)>>,
    held: Option<&Capability<Time>>,
    time: Time,
    changes: &mut Vec<(D, Time, Diff)>,
) {
    if let Some(held) = held {
        output.activate().give(&held.delayed(&time), changes);
    }
}

impl<D: Clone + 'static> Ways for Only<D> {
    type Collections<'s> = Collection<'s, D>;
    type Outlets = Outlet<D>;

    fn open<'s>(builder: &mut OperatorBuilder<'s, Time>) -> (Self::Outlets, Self::Collections<'s>) {
        Outlet::open(builder)
    }

    fn leave(self, outlet: &mut Self::Outlets, time: Time, diff: Diff) {
        outlet.give(self.0, time, diff);
    }

    fn each(outlet: &mut Self::Outlets, act: &mut dyn FnMut(&mut dyn Hold)) {
        act(outlet);
    }
}

impl<A: Clone + 'static, W: Ways> Ways for Either<A, W> {
    type Collections<'s> = (Collection<'s, A>, W::Collections<'s>);
    type Outlets = (Outlet<A>, W::Outlets);

    fn open<'s>(builder: &mut OperatorBuilder<'s, Time>) -> (Self::Outlets, Self::Collections<'s>) {
        let (outlet, first) = Outlet::open(builder);
        let (outlets, others) = W::open(builder);
        ((outlet, outlets), (first, others))
    }

    fn leave(self, (outlet, outlets): &mut Self::Outlets, time: Time, diff: Diff) {
        match self {
            Self::Left(data) => outlet.give(data, time, diff),
            Self::Right(others) => others.leave(outlets, time, diff),
        }
    }

    fn each((outlet, outlets): &mut Self::Outlets, act: &mut dyn FnMut(&mut dyn Hold)) {
        act(outlet);
        W::each(outlets, act);
    }
}
