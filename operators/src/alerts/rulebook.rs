//! Which rules stand: what people add, less what they take back.
//!
//! A rule is named by its id and version. If two different rules of one name stand, the greater counts. Rules
//! that differ only in since when they are known are one rule.

use std::collections::BTreeMap;

use model::time::MICROS_PER_SECOND;
use model::{Address, Rule, Time};
use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// A rule that stands. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Standing {
    /// The rule, without that it says since when it is known.
    pub rule: Rule,
    /// Since when it is known, in whole seconds, and not before it came.
    pub known: Seconds,
}

/// How often a rule was added, less how often it was taken back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Entry {
    count: Diff,
    known: Seconds,
    /// When it went; one that comes back within the second has never been gone.
    gone_at: Option<Seconds>,
}

/// The rules of one name.
#[derive(Default, Serialize, Deserialize)]
pub struct Rulebook {
    rules: BTreeMap<Rule, Entry>,
}

impl State for Rulebook {
    type Key = (String, u32);
    type Input = (Rule, Time);
    type Part = ();
    type Output = Standing;
    type Params = ();

    fn key((rule, _): &(Rule, Time)) -> (String, u32) {
        (rule.id.clone(), rule.version)
    }

    fn route((id, _): &(String, u32)) -> u64 {
        let mut bytes = [0_u8; 32];
        for (at, byte) in id.bytes().enumerate() {
            bytes[at % 8] = byte.wrapping_add(bytes[at % 8].rotate_left(3));
        }
        Address(bytes).route()
    }

    fn apply(
        &mut self,
        key: &Self::Key,
        (rule, known_from): Self::Input,
        diff: Diff,
        effects: &mut Effects<'_, Self>,
    ) {
        effects.touch((), self.output(key, &(), &()));
        let now = effects.now;
        let known = known_from.div_ceil(MICROS_PER_SECOND).max(now);
        let rule = Rule { known_from: 0, ..rule };
        let entry = self.rules.entry(rule).or_insert(Entry { count: 0, known, gone_at: None });
        let was_there = entry.count > 0;
        entry.count += diff;
        if entry.count > 0 {
            if !was_there && entry.gone_at != Some(now) {
                entry.known = known;
            }
            entry.gone_at = None;
        } else if was_there || entry.count == 0 {
            entry.gone_at = Some(now);
        }
    }

    fn next_timer(&self, (): &()) -> Option<Seconds> {
        let gone = self.rules.values().filter(|entry| entry.count == 0).filter_map(|entry| entry.gone_at);
        gone.min().map(|at| at + 1)
    }

    fn on_timer(&mut self, _: &Self::Key, effects: &mut Effects<'_, Self>) {
        self.rules.retain(|_, entry| entry.count != 0 || entry.gone_at.is_some_and(|at| at >= effects.now));
    }

    fn output(&self, _: &Self::Key, (): &(), (): &()) -> Option<Standing> {
        let (rule, entry) = self.rules.iter().rev().find(|(_, entry)| entry.count > 0)?;
        Some(Standing { rule: rule.clone(), known: entry.known })
    }

    fn is_idle(&self) -> bool {
        self.rules.is_empty()
    }
}
