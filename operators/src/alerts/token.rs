//! What is kept of a token: its points, folds over them, and what its rules have said.
//!
//! A point that comes last is folded in, and that is nearly all. One that comes late or is taken back makes
//! the token go back to the last checkpoint before it and fold again what came after. So what is said is that
//! which would have been said had everything come in its order: an alert that does not follow any more is
//! retracted under its name, one that now does is given.
//!
//! An alert counts as given if it stood at the end of a second: within one, outputs may not depend on how
//! events were batched, and one that does not outlive its second is as if it had never been.

mod ask;
mod doubts;

use std::collections::{BTreeMap, VecDeque};

use model::{Address, AlertId};
use serde::{Deserialize, Serialize};

use super::fold::{Asked, Fold, Found};
use super::index::{Index, Ready, RuleAt};
use super::input::{Place, Point, Shares};
use super::market::{Market, Usual};
use super::past::{History, Kept};
use super::record::{Alert, Reason};
use crate::number::Number;
use crate::prelude::*;
use crate::room;
use doubts::{Doubts, Gone};

/// Points between checkpoints, beside one for each rule that is not at rest: a checkpoint costs as much as
/// there are of them.
const CHECKPOINT_POINTS: u64 = 32;

/// An alert and what is known of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Said {
    alert: Alert,
    /// Where in the fold it was found.
    place: Place,
    /// The second in which it was found as it is.
    found_at: Seconds,
    /// What it was when that second began, if it was given before.
    earlier: Option<Box<(Alert, Place)>>,
    /// What it followed from is being folded again.
    is_in_doubt: bool,
}

impl Said {
    fn is_of(&self, ready: &Ready) -> bool {
        (&self.alert.rule_id, self.alert.rule_version) == (&ready.rule.id, ready.rule.version)
    }
}

/// Alerts that changed, and what they were before.
pub(super) type Before = BTreeMap<AlertId, Option<Alert>>;

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Token {
    /// Those that can still be asked for, in order.
    points: VecDeque<Kept>,
    /// What all points before those have made of the token, and how many they were.
    pruned: Market,
    pruned_count: u64,
    /// The fold over what can no longer change, and over how many points that is.
    base: (u64, Fold),
    /// Folds over more points, and over how many.
    #[serde(skip)]
    checkpoints: Vec<(u64, Fold)>,
    /// The fold over all points.
    head: Fold,
    folded: u64,
    /// The rules of this token.
    own: Option<Box<Index>>,
    said: BTreeMap<AlertId, Said>,
    doubts: Doubts,
    /// The timer that is set for it.
    pub(super) timer: Option<Seconds>,
}

/// What a token is told beside its own.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) mint: &'a Address,
    pub(super) rules: &'a super::index::Rules,
    pub(super) shared: &'a Index,
    pub(super) now: Seconds,
    /// What was said before stands as it is.
    pub(super) keep: Seconds,
    pub(super) usual: Usual,
}

static NO_RULES: Index = Index::EMPTY;

impl Token {
    fn own(&self) -> &Index {
        self.own.as_deref().unwrap_or(&NO_RULES)
    }

    /// What is known up to the first `count` of the points that are kept.
    fn history(&self, count: usize, usual: Usual) -> History<'_> {
        let Self { points, pruned, .. } = self;
        History { points, count, pruned, usual, held_back_from: self.doubts.bars_from() }
    }

    /// Takes in points and how holdings are spread, and lets time pass.
    pub(super) fn change(
        &mut self,
        changes: &mut Vec<(Point, Diff)>,
        held: Option<Shares>,
        around: Around<'_>,
        before: &mut Before,
    ) {
        let (mut first, mut edited) = (None, None);
        changes.sort_unstable_by_key(|(point, diff)| (*diff > 0, *point));
        let mut gone = Gone::of(changes, around.now);
        for (point, diff) in changes.drain(..) {
            let at = self.points.partition_point(|kept| kept.point < point);
            if self.pruned_count + (at as u64) < self.base.0 {
                edited = self.edit(at, point, diff, around).into_iter().chain(edited).min();
                continue;
            }
            if diff > 0 {
                self.insert(at, Kept::new(point, gone.came_at(&point)));
            } else if self.points.get(at).is_some_and(|kept| kept.point == point) {
                self.points.remove(at).into_iter().for_each(|kept| gone.take(&kept));
            } else {
                continue;
            }
            first = earlier(first, Some(self.pruned_count + at as u64));
        }
        first = earlier(first, self.doubt(gone.since(), held, around.now));
        let place = |at: u64| self.points.get(usize::try_from(at - self.pruned_count).ok()?);
        if let Some(first) = first
            && (first < self.folded || place(first).is_some_and(|k| k.point.time < self.head.advanced))
        {
            self.go_back(first);
        }
        if let Some(first) = edited {
            self.carry_from(first);
        }
        self.go_on(around, before);
        if edited.is_some() {
            self.ask_again(around, before);
        }
    }

    fn insert(&mut self, at: usize, kept: Kept) {
        room::insert_at(&mut self.points, at, kept);
    }

    /// Goes back to where the first `count` points, at most, have been folded.
    fn go_back(&mut self, count: u64) {
        while self.checkpoints.last().is_some_and(|(of, _)| *of > count) {
            self.checkpoints.pop();
        }
        let (of, fold) = self.checkpoints.last().unwrap_or(&self.base);
        (self.folded, self.head) = (*of, fold.clone());
        let last = of.checked_sub(self.pruned_count + 1);
        let last = last.and_then(|at| self.points.get(usize::try_from(at).ok()?));
        let place = last.map(|kept| kept.point.place());
        for said in self.said.values_mut() {
            said.is_in_doubt = said.alert.retracted.is_none() && place.is_none_or(|place| said.place > place);
        }
    }

    /// Folds what has not been folded, lets time pass, and says what came of it.
    fn go_on(&mut self, around: Around<'_>, before: &mut Before) {
        let mut found = Vec::new();
        let mut head = std::mem::take(&mut self.head);
        while let Some(count) = self.next_count() {
            self.carry(count);
            let asked = Asked { rules: around.rules, shared: around.shared, own: self.own() };
            head.step(self.history(count, around.usual), asked, &mut found);
            self.folded += 1;
            let last = self.checkpoints.last().unwrap_or(&self.base).0;
            if self.folded >= last + CHECKPOINT_POINTS + head.len() as u64 {
                self.checkpoints.push((self.folded, head.clone()));
            }
        }
        let asked = Asked { rules: around.rules, shared: around.shared, own: self.own() };
        head.advance(around.now, asked, &mut found);
        self.head = head;
        for found in found {
            self.say(&found, around, before);
        }
        self.retract(|said| said.is_in_doubt, Reason::Corrected, around, before);
    }

    /// How many of the points that are kept are folded once the next one is.
    fn next_count(&self) -> Option<usize> {
        let folded = usize::try_from(self.folded - self.pruned_count).ok()?;
        (folded < self.points.len()).then_some(folded + 1)
    }

    /// Fills in what all points from a place on carry on.
    fn carry_from(&mut self, at: usize) {
        (at + 1..=self.points.len()).for_each(|count| self.carry(count));
    }

    /// Fills in what a point carries on from the one before it.
    fn carry(&mut self, count: usize) {
        let before = count.checked_sub(2).and_then(|at| self.points.get(at)).cloned();
        if let Some(kept) = count.checked_sub(1).and_then(|at| self.points.get_mut(at)) {
            kept.carry(before.as_ref(), &self.pruned);
        }
    }

    fn say(&mut self, found: &Found, around: Around<'_>, before: &mut Before) {
        let Some(ready) = around.rules.get(found.rule) else { return };
        let alert = alert(found, ready, around.mint);
        let id = alert.id;
        let said = self.said.remove(&id);
        before.entry(id).or_insert_with(|| said.as_ref().map(|said| said.alert.clone()));
        let (found_at, earlier) = match said {
            Some(said) if said.found_at == around.now || said.alert == alert => (said.found_at, said.earlier),
            Some(said) => (around.now, Some(Box::new((said.alert, said.place)))),
            None => (around.now, None),
        };
        self.said.insert(id, Said { alert, place: found.place, found_at, earlier, is_in_doubt: false });
    }

    /// Retracts alerts; those of this second are as if they had never been.
    fn retract(
        &mut self,
        is_gone: impl Fn(&Said) -> bool,
        reason: Reason,
        around: Around<'_>,
        before: &mut Before,
    ) {
        self.said.retain(|id, said| {
            let is_past = said.place.0 < around.keep;
            if is_past || said.alert.retracted == Some(reason) || !is_gone(said) {
                return true;
            }
            before.entry(*id).or_insert_with(|| Some(said.alert.clone()));
            said.is_in_doubt = false;
            if said.found_at == around.now {
                let Some(earlier) = said.earlier.take() else { return false };
                (said.alert, said.place) = *earlier;
                said.found_at = 0;
            }
            said.alert.retracted = Some(reason);
            true
        });
    }

    /// Asks a rule of the token, also about what is kept of the past.
    pub(super) fn add_rule(&mut self, at: RuleAt, is_own: bool, around: Around<'_>, before: &mut Before) {
        let Some(ready) = around.rules.get(at) else { return };
        if is_own {
            self.own.get_or_insert_default().insert(&ready.watch, at);
        }
        // What it had said before it was removed, and does not say again, has been corrected since.
        let was_removed =
            |said: &Said| said.is_of(ready) && said.alert.retracted == Some(Reason::RuleRemoved);
        self.retract(was_removed, Reason::Corrected, around, before);
        self.ask(at, around, before);
    }

    /// No longer asks a rule, and retracts what it has said.
    pub(super) fn remove_rule(&mut self, at: RuleAt, ready: &Ready, around: Around<'_>, before: &mut Before) {
        if let Some(own) = &mut self.own {
            own.remove(&ready.watch, at);
        }
        self.own.take_if(|own| own.is_empty());
        self.folds().for_each(|fold| fold.remove(at));
        self.retract(|said| said.is_of(ready), Reason::RuleRemoved, around, before);
    }

    /// When it wants to be looked at next: for a rule that waits for time, or to let go of what is past.
    pub(super) fn next_timer(
        &self,
        shared: &Index,
        keeps_s: Seconds,
        remember_s: Seconds,
    ) -> Option<Seconds> {
        let oldest = self.points.front().map(|kept| kept.point.time.saturating_add(keeps_s));
        let last = self.head.market.last_trade.filter(|_| self.own.is_none());
        let forget = last.map(|(last, _)| last.saturating_add(remember_s));
        let prune = oldest.or(forget).map(|at| at + 1);
        let due = self.head.next_due(shared, self.own());
        due.into_iter().chain(prune).chain(self.doubts.due()).min()
    }

    /// Lets go of what is past: points, and folds before `horizon`, where nothing changes any more.
    pub(super) fn prune(&mut self, horizon: Seconds, around: Around<'_>) {
        let keep = around.keep;
        let horizon = self.doubts.bars_from().map_or(horizon, |from| horizon.min(from));
        let settled = self.points.partition_point(|kept| kept.point.time < horizon) as u64;
        let settled = self.pruned_count + settled;
        let count = self.checkpoints.iter().take_while(|(of, _)| *of <= settled).count();
        if let Some(last) = self.checkpoints.drain(..count).next_back() {
            self.base = last;
        }
        let (mut of, mut fold) = std::mem::take(&mut self.base);
        while of < settled {
            of += 1;
            let count = usize::try_from(of - self.pruned_count).unwrap_or(usize::MAX);
            let asked = Asked { rules: around.rules, shared: around.shared, own: self.own() };
            // What it finds has been said.
            fold.step(self.history(count, around.usual), asked, &mut Vec::new());
        }
        self.base = (of, fold);
        while self.pruned_count < of
            && let Some(kept) = self.points.pop_front_if(|kept| kept.point.time < keep)
        {
            self.pruned.take(&kept.point, around.usual);
            self.pruned_count += 1;
        }
        room::shrink(&mut self.points);
        self.said.retain(|_, said| said.place.0 >= keep);
        for said in self.said.values_mut() {
            said.earlier.take_if(|_| said.found_at < around.now);
        }
    }

    /// True if nothing of it is needed any more.
    pub(super) fn is_forgotten(&self, now: Seconds, remember_s: Seconds) -> bool {
        let is_silent =
            self.head.market.last_trade.is_none_or(|(last, _)| last.saturating_add(remember_s) < now);
        is_silent && self.points.is_empty() && self.said.is_empty() && self.own.is_none()
    }

    /// What was said under a name.
    pub(super) fn alert(&self, id: AlertId) -> Option<&Alert> {
        self.said.get(&id).map(|said| &said.alert)
    }
}

/// The earlier of two places among points.
fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

fn alert(found: &Found, ready: &Ready, mint: &Address) -> Alert {
    let (rule, fired) = (&ready.rule, &found.fired);
    let track = ready.watch.track;
    let x = if track.is_falling { -fired.x } else { fired.x };
    Alert {
        id: AlertId::new(&rule.id, rule.version, mint, &fired.cause),
        rule_id: rule.id.clone(),
        rule_version: rule.version,
        mint: *mint,
        kind: rule.kind.clone(),
        value: Number::new(x).filter(|_| !track.series.is_occurrence()),
        threshold: rule.threshold.and_then(|level| Number::new(level.0)),
        fired_at: fired.at,
        cause: fired.cause,
        evidence: fired.evidence,
        historical: fired.is_historical || fired.at < ready.known,
        deliver_by: rule.options.max_age_s.map(|age| fired.at.saturating_add(age)),
        retracted: None,
    }
}
