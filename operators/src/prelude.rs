//! Names that every operator imports.

use differential_dataflow::AsCollection;
pub use model::{Diff, Seconds, Time};
use timely::dataflow::operators::core::OkErr;

pub use crate::keyed::{Effects, Either, Intake, Only, State, States, keyed, keyed_apart};

/// A collection at the one `Time` and `Diff` of this system; no operator is generic in them.
pub type Collection<'s, D> = differential_dataflow::VecCollection<'s, Time, D, Diff>;

/// The most that news of dead slots are allowed for.
const GRACE_S_MAX: Seconds = 3600;

/// How long after its block time an event can still come, be corrected or be taken back, in seconds.
///
/// The operators that keep what is needed for corrections all let it go by this one bound, so that
/// what one still accepts no other has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Horizon(pub Seconds);

impl Horizon {
    /// The same and what it takes for news of dead slots, which may be as late as events and are about events that
    /// are older by then: for so long after its block time an event is kept to be taken back, in seconds.
    #[must_use]
    pub const fn kept_s(self) -> Seconds {
        let grace = if self.0 < GRACE_S_MAX { self.0 } else { GRACE_S_MAX };
        self.0.saturating_add(grace)
    }

    /// True if an event of `block_time` comes too late at `now`.
    #[must_use]
    pub fn is_past(self, block_time: Seconds, now: Seconds) -> bool {
        block_time.saturating_add(self.0) < now
    }
}

/// Parts a collection in two, each change moved to where `part` says.
///
/// Two `flat_map`s would each need a copy of everything.
pub fn split<'s, D: Clone + 'static, A: Clone + 'static, B: Clone + 'static>(
    collection: Collection<'s, D>,
    part: impl Fn(D) -> Either<A, B> + 'static,
) -> (Collection<'s, A>, Collection<'s, B>) {
    let (left, right) = collection.inner.ok_err(move |(data, time, diff)| match part(data) {
        Either::Left(data) => Ok((data, time, diff)),
        Either::Right(data) => Err((data, time, diff)),
    });
    (left.as_collection(), right.as_collection())
}
