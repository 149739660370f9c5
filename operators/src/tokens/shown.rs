//! What was last written of a row that is brought up to date once a second.

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) enum Shown<T> {
    /// What the state says now: nothing has changed since. It takes no room.
    #[default]
    AsIs,
    /// This.
    Was(Option<Box<T>>),
}

impl<T: Eq + Clone> Shown<T> {
    /// True if a change must not be made before the row is kept.
    pub(super) const fn is_as_is(&self) -> bool {
        matches!(self, Self::AsIs)
    }

    /// Keeps the row before the state changes.
    pub(super) fn keep(&mut self, row: Option<T>) {
        *self = Self::Was(row.map(Box::new));
    }

    /// Writes what the row is now, if it is another one.
    pub(super) fn renew(&mut self, row: Option<T>, mut emit: impl FnMut(T, isize)) {
        let Self::Was(before) = self else { return };
        if before.as_deref() == row.as_ref() {
            return;
        }
        if let Some(row) = &row {
            emit(row.clone(), 1);
        }
        if let Some(before) = std::mem::replace(before, row.map(Box::new)) {
            emit(*before, -1);
        }
    }
}
