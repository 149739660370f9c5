//! Where the input ends, for good or until a later run goes on.
//!
//! Some rows follow what they are of by a timer: a wallet once a minute, an indicator in steps, a board two seconds
//! late. At the end of the input no timer comes, so an ending tells every keyed operator to publish what it holds back,
//! as of the last second. All do so at one time: what an operator publishes is an input of the next at that time.
//!
//! A later run may go on where the input ended, and must say the same as if it had never ended. So the time after an
//! ending takes it back: each operator retracts what it published, and puts its states back as they were. Within the
//! whole second an ending and its undoing leave nothing. A run that stops at the ending never comes to that time.
//!
//! Endings stand in the event log, so a run that goes on from a checkpoint before one passes through it at the times
//! that it had.

use std::cell::RefCell;
use std::rc::Rc;

use model::Time;

/// An end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When: no other input is of this time, nor of the one after it.
    pub at: Time,
    /// True if the input goes on afterwards.
    pub is_undone: bool,
}

/// The endings of a worker's input, as its operators are told of them.
#[derive(Clone, Debug, Default)]
pub struct Endings(Rc<RefCell<Vec<Ending>>>);

impl Endings {
    /// Adds the next ending, before its time is closed.
    pub fn add(&self, ending: Ending) {
        self.0.borrow_mut().push(ending);
    }

    fn get(&self, index: usize) -> Option<Ending> {
        self.0.borrow().get(index).copied()
    }
}

/// The next step of an operator towards the next ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Publishes.
    Publish(Ending),
    /// Takes back what it published.
    Undo(Time),
}

impl Turn {
    pub(super) const fn time(self) -> Time {
        match self {
            Self::Publish(ending) => ending.at,
            Self::Undo(time) => time,
        }
    }
}

/// How far an operator has come among the endings.
#[derive(Debug)]
pub(super) struct Course {
    endings: Endings,
    /// Endings that are over.
    past: usize,
    /// True if the next has been published.
    is_published: bool,
}

impl Course {
    pub(super) const fn new(endings: Endings) -> Self {
        Self { endings, past: 0, is_published: false }
    }

    pub(super) fn next(&self) -> Option<Turn> {
        let ending = self.endings.get(self.past)?;
        Some(if self.is_published { Turn::Undo(ending.at + 1) } else { Turn::Publish(ending) })
    }

    /// The turn that is next has been taken.
    pub(super) fn step(&mut self) {
        let Some(turn) = self.next() else { return };
        let is_over = !matches!(turn, Turn::Publish(Ending { is_undone: true, .. }));
        self.past += usize::from(is_over);
        self.is_published = !is_over;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_undone_before_the_next_and_the_last_never() {
        let endings = Endings::default();
        let mut course = Course::new(endings.clone());
        assert_eq!(course.next(), None);
        let (first, last) = (Ending { at: 5, is_undone: true }, Ending { at: 9, is_undone: false });
        endings.add(first);
        endings.add(last);
        let turns: Vec<Turn> = std::iter::from_fn(|| course.next().inspect(|_| course.step())).collect();
        assert_eq!(turns, [Turn::Publish(first), Turn::Undo(6), Turn::Publish(last)]);
    }
}
