//! A share of the tokens with all rules that concern them.
//!
//! Rules of all tokens are kept once for a share, indexed by level; a token keeps something of its own only of
//! those that are not at rest there.

use std::collections::BTreeMap;

use model::Address;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::index::{Index, Rules};
use super::input::{Input, Point, Shares, Target};
use super::market::Usual;
use super::record::Alert;
use super::rulebook::Standing;
use super::token::{Around, Before, Token};
use super::{Params, settles_s};
use crate::prelude::*;

/// Into so many shares tokens are divided. As many workers have a part.
pub const SHARES: u8 = 16;

/// The share of a token.
pub(super) fn share(mint: &Address) -> u8 {
    (mint.route() >> 32).to_le_bytes()[0] % SHARES
}

/// What came of a token at the present time.
type Told = (Vec<(Point, Diff)>, Option<Shares>);

/// What a share is told beforehand.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of alerts.
    pub params: Params,
    /// How late things may come.
    pub horizon: Horizon,
    /// The curve of which nothing is said.
    pub usual: Usual,
    /// The lengths of the bars that indicators are computed for, seconds.
    pub bars_s: Vec<Seconds>,
}

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub struct Shard {
    rules: Rules,
    /// The rules of all tokens.
    shared: Index,
    /// Their order reaches no output: each speaks for itself.
    tokens: FxHashMap<Address, Box<Token>>,
    timers: BTreeMap<Seconds, Vec<Address>>,
    /// What came at the present time.
    #[serde(skip)]
    told: FxHashMap<Address, Told>,
    #[serde(skip)]
    changed_rules: Vec<(Target, Standing, Diff)>,
    #[serde(skip)]
    due: FxHashSet<Address>,
    /// True at the end of the input: how holdings are spread is told as of the beginning of the next second.
    #[serde(skip)]
    has_ended: bool,
}

impl Shard {
    fn change_points(&mut self, settings: &Settings, now: Seconds, changed: &mut Changed) {
        let Settings { params, horizon, usual, .. } = settings;
        let (keep, usual) = (params.kept_from(*horizon, now), *usual);
        let told = std::mem::take(&mut self.told);
        let due = std::mem::take(&mut self.due);
        for (mint, (mut changes, held)) in told {
            let around = Around { mint: &mint, rules: &self.rules, shared: &self.shared, now, keep, usual };
            let token = self.tokens.entry(mint).or_default();
            token.change(&mut changes, held, around, changed.entry(mint).or_default());
        }
        for mint in due {
            let Some(token) = self.tokens.get_mut(&mint) else { continue };
            let around = Around { mint: &mint, rules: &self.rules, shared: &self.shared, now, keep, usual };
            token.change(&mut Vec::new(), None, around, changed.entry(mint).or_default());
            token.prune(now.saturating_sub(settles_s(*horizon)), around);
        }
    }

    fn remove_rule(
        &mut self,
        target: Target,
        standing: &Standing,
        (settings, now, keep): (&Settings, Seconds, Seconds),
        changed: &mut Changed,
    ) {
        let Some((at, ready)) = self.rules.remove(target, standing) else { return };
        if let Target::Share(_) = target {
            self.shared.remove(&ready.watch, at);
        }
        let (rules, shared) = (std::mem::take(&mut self.rules), std::mem::take(&mut self.shared));
        let usual = settings.usual;
        for (mint, token) in self.concerned(target) {
            let around = Around { mint: &mint, rules: &rules, shared: &shared, now, keep, usual };
            token.remove_rule(at, &ready, around, changed.entry(mint).or_default());
        }
        (self.rules, self.shared) = (rules, shared);
    }

    fn add_rule(
        &mut self,
        target: Target,
        standing: Standing,
        (settings, now, keep): (&Settings, Seconds, Seconds),
        changed: &mut Changed,
    ) {
        let Some(at) = self.rules.insert(target, standing, settings.params.history_s) else { return };
        let is_own = match target {
            Target::Mint(mint) => {
                self.tokens.entry(mint).or_default();
                true
            }
            Target::Share(_) => {
                if let Some(ready) = self.rules.get(at) {
                    self.shared.insert(&ready.watch, at);
                }
                false
            }
        };
        let (rules, shared) = (std::mem::take(&mut self.rules), std::mem::take(&mut self.shared));
        let usual = settings.usual;
        for (mint, token) in self.concerned(target) {
            let around = Around { mint: &mint, rules: &rules, shared: &shared, now, keep, usual };
            token.add_rule(at, is_own, around, changed.entry(mint).or_default());
        }
        (self.rules, self.shared) = (rules, shared);
    }

    /// The tokens that a rule is about.
    fn concerned(&mut self, target: Target) -> impl Iterator<Item = (Address, &mut Token)> {
        let (one, all) = match target {
            Target::Mint(mint) => (self.tokens.get_mut(&mint).map(|token| (mint, token)), None),
            Target::Share(_) => (None, Some(self.tokens.iter_mut().map(|(mint, token)| (*mint, token)))),
        };
        one.into_iter().chain(all.into_iter().flatten()).map(|(mint, token)| (mint, token.as_mut()))
    }

    /// Says what changed, sets timers, and forgets tokens of which nothing is left.
    fn close(&mut self, changed: Changed, effects: &mut Effects<'_, Self>) {
        let Settings { params, horizon, .. } = effects.params;
        for (mint, before) in changed {
            let Some(token) = self.tokens.get_mut(&mint) else { continue };
            for (id, before) in before {
                effects.replace(before, token.alert(id).cloned());
            }
            if token.is_forgotten(effects.now, params.remember_s) {
                self.tokens.remove(&mint);
                continue;
            }
            let timer = token.next_timer(&self.shared, params.keeps_s(*horizon), params.remember_s);
            if timer != token.timer {
                token.timer = timer;
                if let Some(second) = timer {
                    self.timers.entry(second).or_default().push(mint);
                }
            }
        }
    }
}

/// Tokens that something happened to, and the alerts of each that changed.
type Changed = BTreeMap<Address, Before>;

impl State for Shard {
    type Key = u8;
    type Input = Input;
    type Part = ();
    type Output = Alert;
    type Params = Settings;

    fn key(input: &Input) -> u8 {
        match input {
            Input::Point(mint, _) | Input::Held(mint, _) | Input::Rule(Target::Mint(mint), _) => share(mint),
            Input::Rule(Target::Share(share), _) => *share,
        }
    }

    fn route(share: &u8) -> u64 {
        (*share).into()
    }

    fn apply(&mut self, _: &u8, input: Input, diff: Diff, _: &mut Effects<'_, Self>) {
        match input {
            Input::Point(mint, point) => self.told.entry(mint).or_default().0.push((point, diff)),
            Input::Held(mint, shares) => self.told.entry(mint).or_default().1 = Some(shares),
            Input::Rule(target, standing) => self.changed_rules.push((target, *standing, diff)),
        }
    }

    fn settle(&mut self, _: &u8, effects: &mut Effects<'_, Self>) {
        let now = effects.now + Seconds::from(std::mem::take(&mut self.has_ended));
        let settings = effects.params;
        let keep = settings.params.kept_from(settings.horizon, now);
        let mut changed = Changed::new();
        let mut rules = std::mem::take(&mut self.changed_rules);
        // What is taken back first, and in an order that does not depend on the workers.
        rules.sort_unstable_by(|a, b| (a.2 > 0, a.0, &a.1).cmp(&(b.2 > 0, b.0, &b.1)));
        let added = rules.split_off(rules.partition_point(|(.., diff)| *diff < 0));
        for (target, standing, _) in rules {
            self.remove_rule(target, &standing, (settings, now, keep), &mut changed);
        }
        self.change_points(effects.params, now, &mut changed);
        for (target, standing, _) in added {
            self.add_rule(target, standing, (settings, now, keep), &mut changed);
        }
        self.close(changed, effects);
    }

    fn next_timer(&self, _: &Self::Params) -> Option<Seconds> {
        self.timers.first_key_value().map(|(second, _)| *second)
    }

    fn on_timer(&mut self, _: &u8, effects: &mut Effects<'_, Self>) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| *entry.key() <= effects.now) {
            let (second, mints) = entry.remove_entry();
            for mint in mints {
                // Those that have been set anew since are passed over.
                if let Some(token) = self.tokens.get_mut(&mint)
                    && token.timer == Some(second)
                {
                    token.timer = None;
                    self.due.insert(mint);
                }
            }
        }
    }

    /// Spreads of holdings come in the second after the one that they are of, and at the end of the input in it.
    fn lags(&self, _: Seconds, _: &Self::Params) -> bool {
        self.told.values().any(|(_, held)| held.is_some())
    }

    fn publish(&mut self, _: &u8, _: &mut Effects<'_, Self>) {
        self.has_ended = true;
    }

    fn output(&self, _: &u8, (): &(), _: &Self::Params) -> Option<Alert> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.tokens.is_empty() && self.rules.is_empty()
    }

    /// Alerts last.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}
