//! The rules of a share of the tokens, and where they stand in order of their levels.

use std::collections::BTreeSet;

use model::rule::{Level, Scope};
use model::{Rule, Seconds};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::input::Target;
use super::rulebook::Standing;
use super::watch::{Series, Track, Watch};

/// A rule's place in [`Rules`].
pub(super) type RuleAt = u32;

/// A rule, ready to be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) rule: Rule,
    pub(super) watch: Watch,
    pub(super) known: Seconds,
    /// What happened before is not its business.
    pub(super) floor: Seconds,
}

impl Ready {
    /// True if all that a value at `time` is made of is the rule's business. Of a value that is made of the
    /// present only, the one before always is, which is said by none.
    pub(super) fn knows(&self, time: impl Into<Option<Seconds>>) -> bool {
        time.into().is_none_or(|time| time.saturating_sub(self.watch.lookback) >= self.floor)
    }
}

/// The rules of a share of the tokens.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Rules {
    slots: Vec<Option<Ready>>,
    free: Vec<RuleAt>,
    places: FxHashMap<(Target, String, u32), RuleAt>,
}

impl Rules {
    pub(super) fn get(&self, at: RuleAt) -> Option<&Ready> {
        self.slots.get(usize::try_from(at).ok()?)?.as_ref()
    }

    /// Puts a rule in, and says where; none if there are too many.
    pub(super) fn insert(
        &mut self,
        target: Target,
        Standing { rule, known }: Standing,
        history_s: Seconds,
    ) -> Option<RuleAt> {
        // The last `history_s` seconds, the present one included.
        let floor = (known + 1).saturating_sub(history_s);
        let name = (target, rule.id.clone(), rule.version);
        let ready = Ready { watch: Watch::of(&rule), rule, known, floor };
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.slots.push(None);
                RuleAt::try_from(self.slots.len() - 1).ok()?
            }
        };
        *self.slots.get_mut(usize::try_from(at).ok()?)? = Some(ready);
        self.places.insert(name, at);
        Some(at)
    }

    /// Takes a rule out; where it was, and what it watched.
    pub(super) fn remove(&mut self, target: Target, standing: &Standing) -> Option<(RuleAt, Ready)> {
        let at = self.places.remove(&(target, standing.rule.id.clone(), standing.rule.version))?;
        let ready = self.slots.get_mut(usize::try_from(at).ok()?)?.take()?;
        self.free.push(at);
        Some((at, ready))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// What lets a token pass; a rule of one token has no filter.
pub(super) const fn filter(rule: &Rule) -> Option<&model::rule::Filter> {
    match &rule.scope {
        Scope::All(filter) => Some(filter),
        Scope::Mint(_) | Scope::List(_) => None,
    }
}

/// Rules by what they watch and by level, so that a value that moves meets only those that it crosses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    tracks: Vec<(Track, BTreeSet<(Level, RuleAt)>)>,
    /// Rules that have a level of their own at every token, and are asked every time.
    pub(super) each: Vec<RuleAt>,
}

impl Index {
    /// Without rules.
    pub(super) const EMPTY: Self = Self { tracks: Vec::new(), each: Vec::new() };

    pub(super) fn insert(&mut self, watch: &Watch, at: RuleAt) {
        if matches!(watch.track.series, Series::SinceAlert(_)) {
            self.each.push(at);
            return;
        }
        let entry = (Level(watch.level), at);
        match self.tracks.iter_mut().find(|(track, _)| *track == watch.track) {
            Some((_, levels)) => drop(levels.insert(entry)),
            None => self.tracks.push((watch.track, BTreeSet::from([entry]))),
        }
    }

    pub(super) fn remove(&mut self, watch: &Watch, at: RuleAt) {
        self.each.retain(|other| *other != at);
        if let Some((_, levels)) = self.tracks.iter_mut().find(|(track, _)| *track == watch.track) {
            levels.remove(&(Level(watch.level), at));
        }
        self.tracks.retain(|(_, levels)| !levels.is_empty());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.each.is_empty()
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = &(Track, BTreeSet<(Level, RuleAt)>)> {
        self.tracks.iter()
    }

    /// Rules over trades of listed wallets.
    pub(super) fn of_matches(&self) -> impl Iterator<Item = RuleAt> {
        let tracks = self.tracks.iter().filter(|(track, _)| track.series.is_of_matches());
        tracks.flat_map(|(_, levels)| levels.iter().map(|(_, at)| *at))
    }

    /// The levels of a track.
    pub(super) fn levels(&self, track: Track) -> Option<&BTreeSet<(Level, RuleAt)>> {
        self.tracks.iter().find(|(other, _)| *other == track).map(|(_, levels)| levels)
    }
}

/// The rules whose level is above `from` and not above `to`.
pub(super) fn crossed(
    levels: &BTreeSet<(Level, RuleAt)>,
    from: f64,
    to: f64,
) -> impl Iterator<Item = (Level, RuleAt)> {
    // `range` wants its bounds in order.
    let bounds = (from < to).then_some((Level(from), RuleAt::MAX)..=(Level(to), RuleAt::MAX));
    bounds
        .into_iter()
        .flat_map(|bounds| levels.range(bounds))
        .copied()
        .filter(move |(level, _)| level.0 > from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_moves_meets_the_levels_on_its_way() {
        let levels = BTreeSet::from([(Level(1.0), 0), (Level(2.0), 7), (Level(2.0), 9), (Level(3.0), 1)]);
        let met = |from, to| crossed(&levels, from, to).map(|(_, at)| at).collect::<Vec<_>>();
        assert_eq!(
            met(1.0, 2.0),
            [7, 9],
            "the one that it comes from is not met, the one that it reaches is"
        );
        assert_eq!(met(f64::NEG_INFINITY, 5.0), [0, 7, 9, 1]);
        assert!(met(2.5, 2.9).is_empty());
        assert!(met(3.0, 1.0).is_empty(), "nor those that it leaves above it");
    }
}
