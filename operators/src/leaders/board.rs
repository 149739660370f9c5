//! A board: what the shards say, put together.

use model::{Address, Time};
use serde::{Deserialize, Serialize};

use super::{Kind, Leader, Params, Place};
use crate::prelude::*;

/// A token that may be on a board. In order of board, place and mint: the first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Candidate {
    /// The board.
    pub board: Kind,
    /// The measure of the token.
    pub place: Place,
    /// The token.
    pub mint: Address,
}

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Board {
    /// Sorted.
    candidates: Vec<Candidate>,
    /// The logical time of the last change.
    #[serde(skip)]
    touched_at: Option<Time>,
}

impl State for Board {
    type Key = Kind;
    type Input = Candidate;
    /// The rank, from 0.
    type Part = u32;
    type Output = Leader;
    type Params = Params;

    fn key(candidate: &Candidate) -> Kind {
        candidate.board
    }

    fn route(board: &Kind) -> u64 {
        *board as u64
    }

    fn apply(&mut self, board: &Kind, input: Candidate, diff: Diff, effects: &mut Effects<'_, Self>) {
        if self.touched_at != Some(effects.time) {
            self.touched_at = Some(effects.time);
            for rank in 0..effects.params.size {
                effects.touch(rank, self.output(board, &rank, effects.params));
            }
        }
        match self.candidates.binary_search(&input) {
            Err(at) if diff > 0 => self.candidates.insert(at, input),
            Ok(at) if diff < 0 => drop(self.candidates.remove(at)),
            _ => {}
        }
    }

    fn next_timer(&self, _: &Params) -> Option<Seconds> {
        None
    }

    fn on_timer(&mut self, _: &Kind, _: &mut Effects<'_, Self>) {}

    fn output(&self, board: &Kind, rank: &u32, _: &Params) -> Option<Leader> {
        let candidate = self.candidates.get(usize::try_from(*rank).ok()?)?;
        Some(Leader { board: *board, rank: rank + 1, mint: candidate.mint, place: candidate.place })
    }

    fn is_idle(&self) -> bool {
        self.candidates.is_empty()
    }
}
