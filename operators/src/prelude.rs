//! What every operator imports.

pub use model::{Diff, Seconds, Time};

pub use crate::keyed::{Effects, State, States, keyed};

/// A collection at the one `Time` and `Diff` of this system; no operator is generic in them.
pub type Collection<'s, D> = differential_dataflow::VecCollection<'s, Time, D, Diff>;

/// How long after its block time an event can still come, be corrected or be taken back, in seconds.
///
/// The operators that keep what is needed for corrections all let it go by this one bound, so that
/// what one still accepts no other has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Horizon(pub Seconds);

impl Horizon {
    /// True if an event of `block_time` comes too late at `now`.
    #[must_use]
    pub fn is_past(self, block_time: Seconds, now: Seconds) -> bool {
        block_time.saturating_add(self.0) < now
    }
}
