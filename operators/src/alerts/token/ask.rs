//! One rule, asked about all that is kept of the past.
//!
//! That is how a rule that comes is answered, and how an edit of a list of wallets is: it tells of trades that
//! were long ago, of a past that has otherwise settled. Nothing but the rules over such trades depends on
//! them, so those alone are folded again, and from the first point that is kept.

use super::{Around, Before, Fold, Kept, NO_RULES, Token};
use crate::alerts::fold::Asked;
use crate::alerts::index::{Index, RuleAt};
use crate::alerts::input::{Point, What};
use crate::alerts::past::History;
use crate::alerts::record::Reason;
use crate::prelude::*;

impl Token {
    /// Puts in, or takes out, the trade of a listed wallet at a place that has settled; the place from which
    /// on points carry something else, none if nothing changes any more.
    pub(super) fn edit(&mut self, at: usize, point: Point, diff: Diff, around: Around<'_>) -> Option<usize> {
        if !matches!(point.what, What::Smart(_)) || point.time < around.keep {
            return None;
        }
        let shift = |count: &mut u64| *count = if diff > 0 { *count + 1 } else { *count - 1 };
        if diff > 0 {
            self.insert(at, Kept::new(point, around.now));
        } else if self.points.get(at).is_some_and(|kept| kept.point == point) {
            self.points.remove(at);
        } else {
            return None;
        }
        shift(&mut self.folded);
        shift(&mut self.base.0);
        self.checkpoints.iter_mut().for_each(|(of, _)| shift(of));
        Some(at)
    }

    /// Asks the rules over trades of listed wallets once more, after some of those have been put in or taken
    /// out.
    pub(super) fn ask_again(&mut self, around: Around<'_>, before: &mut Before) {
        let rules: Vec<RuleAt> = around.shared.of_matches().chain(self.own().of_matches()).collect();
        for at in rules {
            let Some(ready) = around.rules.get(at) else { continue };
            for said in self.said.values_mut().filter(|said| said.is_of(ready)) {
                said.is_in_doubt = said.alert.retracted.is_none();
            }
            self.folds().for_each(|fold| fold.remove(at));
            self.ask(at, around, before);
            self.retract(|said| said.is_in_doubt, Reason::Corrected, around, before);
        }
    }

    /// Asks one rule that no fold knows.
    pub(super) fn ask(&mut self, at: RuleAt, around: Around<'_>, before: &mut Before) {
        let Some(ready) = around.rules.get(at).filter(|_| !self.points.is_empty()) else { return };
        let mut alone = Index::default();
        alone.insert(&ready.watch, at);
        let asked = Asked { rules: around.rules, shared: &NO_RULES, own: &alone };
        let (mut fold, mut found) = (Fold::after(self.pruned), Vec::new());
        let folds = std::iter::once(&mut self.base).chain(&mut self.checkpoints);
        let mut folds = folds.peekable();
        for count in 0..=self.points.len() {
            if count > 0 {
                let held_back_from = self.doubts.bars_from();
                let (points, pruned, usual) = (&self.points, &self.pruned, around.usual);
                let history = History { points, count, pruned, usual, held_back_from };
                fold.step(history, asked, &mut found);
            }
            let total = self.pruned_count + count as u64;
            while let Some((_, checkpoint)) = folds.next_if(|(of, _)| *of <= total) {
                checkpoint.graft(at, &fold);
            }
        }
        fold.advance(around.now, asked, &mut found);
        self.head.graft(at, &fold);
        for found in found {
            self.say(&found, around, before);
        }
    }

    /// All folds that are kept.
    pub(super) fn folds(&mut self) -> impl Iterator<Item = &mut Fold> {
        let folds = std::iter::once(&mut self.base).chain(&mut self.checkpoints).map(|(_, fold)| fold);
        folds.chain([&mut self.head])
    }
}
