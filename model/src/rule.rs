//! Alert rules: what somebody wants to be told of.
//!
//! A rule is plain data: what it watches ([`Kind`]), of which tokens ([`Scope`]), at which threshold, and how
//! often it may speak ([`Options`]). A rule is named by its id and version; a rule that is changed gets another
//! version, so that what the former one has said stays its own. [`Rule::problems`] says what is wrong with
//! one, by the path of the field, so that it is refused and the others go on.
//!
//! Rules are not evaluated here: an operator does that.
//!
//! Source: DEFINITIONS §12.

mod kind;

use serde::{Deserialize, Serialize};

pub use kind::{BAR_S_MAX, Direction, Group, Indicator, Kind, LOOKBACK_S_MAX, Level, SPIKE_WINDOWS, Unit};

use crate::{Address, Program, Seconds, Time};

/// Tokens that a rule watches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One token.
    Mint(Address),
    /// These tokens.
    List(Vec<Address>),
    /// Every token that the filter lets pass when the rule would fire.
    All(Filter),
}

/// Conditions on a token for a rule of all tokens. An unknown figure does not pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// The event is one of these programs; empty = any.
    pub programs: Vec<Program>,
    /// Who created the token; empty = anybody.
    pub creators: Vec<Address>,
    /// Market capitalisation at the last clean trade, USD, at least.
    pub market_cap_usd_min: Option<Level>,
    /// The same, at most.
    pub market_cap_usd_max: Option<Level>,
    /// Seconds since the token was created, at most.
    pub age_s_max: Option<Seconds>,
}

/// How often a rule may speak, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// How far the value has to go back over the threshold before the rule may fire again, percent of the
    /// threshold; of an all-time high, percent of the price.
    pub reset_pct: Level,
    /// How long after it fired it may not fire again, seconds.
    pub cooldown_s: Seconds,
    /// How long the condition has to hold before it fires, seconds.
    pub for_s: Seconds,
    /// How long the condition has to be over before the rule stops firing, seconds: what comes back sooner
    /// is the same alert.
    pub keep_s: Seconds,
    /// How often it may fire within an hour, for one token.
    pub max_per_hour: Option<u32>,
    /// The rule fires once for a token and never again.
    pub once: bool,
    /// From when on it does not fire, seconds since the Unix epoch.
    pub expires_s: Option<Seconds>,
    /// An alert that is older than this when it is found is recorded and not delivered, seconds.
    pub max_age_s: Option<Seconds>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            reset_pct: Level(2.0),
            cooldown_s: 300,
            for_s: 0,
            keep_s: 0,
            max_per_hour: None,
            once: false,
            expires_s: None,
            max_age_s: None,
        }
    }
}

const fn first_version() -> u32 {
    1
}

/// A rule. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name.
    pub id: String,
    /// Which version of it.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Whose it is.
    #[serde(default)]
    pub owner: String,
    /// Condition that it watches.
    pub kind: Kind,
    /// Tokens that it watches.
    pub scope: Scope,
    /// When it fires; none for a kind that is an event as such.
    #[serde(default)]
    pub threshold: Option<Level>,
    /// In what prices and market capitalisations are compared.
    #[serde(default)]
    pub unit: Unit,
    /// How often it may speak.
    #[serde(default)]
    pub options: Options,
    /// First second of validity, seconds since the Unix epoch.
    #[serde(default)]
    pub valid_from_s: Option<Seconds>,
    /// First second that is no longer valid.
    #[serde(default)]
    pub valid_to_s: Option<Seconds>,
    /// Since when the rule is known, microseconds since the Unix epoch.
    #[serde(default)]
    pub known_from: Time,
}

/// Longest text of an id or an owner, bytes.
const NAME_BYTES_MAX: usize = 128;

/// Longest duration of an option, seconds.
const DURATION_S_MAX: Seconds = 2_592_000;

impl Rule {
    /// True if it may fire at a time, by its validity and expiry.
    #[must_use]
    pub fn is_valid_at(&self, time: Seconds) -> bool {
        self.valid_from_s.is_none_or(|from| from <= time)
            && self.valid_to_s.is_none_or(|to| time < to)
            && self.options.expires_s.is_none_or(|expires| time < expires)
    }

    /// Problems of the rule: the path of each field and what would be right.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if self.id.is_empty() || self.id.len() > NAME_BYTES_MAX || !self.id.bytes().all(is_name) {
            let what = "must be 1 to 128 of the characters a-z A-Z 0-9 - _ . :";
            found.push(("id".to_owned(), what.to_owned()));
        }
        if self.owner.len() > NAME_BYTES_MAX {
            found.push(("owner".to_owned(), "must be at most 128 bytes".to_owned()));
        }
        self.kind.problems(&mut found);
        self.check_threshold(&mut found);
        self.check_scope(&mut found);
        self.options.problems(&mut found);
        for (key, seconds) in [("for_s", self.options.for_s), ("keep_s", self.options.keep_s)] {
            if self.kind.is_momentary() && seconds > 0 {
                let what = format!("must be 0: {} is a moment", self.kind.name());
                found.push((format!("options.{key}"), what));
            }
        }
        if let (Some(from), Some(to)) = (self.valid_from_s, self.valid_to_s)
            && to <= from
        {
            found.push(("valid_to_s".to_owned(), format!("is {to}, must be after valid_from_s, {from}")));
        }
        found
    }

    fn check_threshold(&self, found: &mut Vec<(String, String)>) {
        let kind = self.kind.name();
        let what = match (self.kind.threshold(), self.threshold) {
            (None, None) => return,
            (None, Some(_)) => format!("must be left out: {kind} has none"),
            (Some(_), None) if self.kind.is_threshold_optional() => return,
            (Some((_, most)), Some(level)) if self.kind.may_be_negative() && level.0.abs() <= most => return,
            (Some((what, _)), None) => format!("is missing: {kind} needs {what}"),
            (Some((_, most)), Some(level)) if level.0 > 0.0 && level.0 <= most => return,
            (Some((what, most)), Some(level)) if self.kind.may_be_negative() => {
                format!("is {}, must be {what} from -{most} to {most}", level.0)
            }
            (Some((what, most)), Some(level)) if most == f64::MAX => {
                format!("is {}, must be {what} above 0", level.0)
            }
            (Some((what, most)), Some(level)) => {
                format!("is {}, must be {what} above 0 and at most {most}", level.0)
            }
        };
        found.push(("threshold".to_owned(), what));
    }

    fn check_scope(&self, found: &mut Vec<(String, String)>) {
        match &self.scope {
            Scope::Mint(_) => {}
            Scope::List(mints) if mints.is_empty() => {
                found.push(("scope.list".to_owned(), "must name at least one token".to_owned()));
            }
            Scope::List(_) => {}
            Scope::All(filter) => {
                let bounds = [
                    ("market_cap_usd_min", filter.market_cap_usd_min),
                    ("market_cap_usd_max", filter.market_cap_usd_max),
                ];
                for (key, level) in bounds {
                    if level.is_some_and(|level| !level.0.is_finite() || level.0 < 0.0) {
                        found.push((format!("scope.all.{key}"), "must not be negative".to_owned()));
                    }
                }
            }
        }
    }
}

impl Options {
    fn problems(&self, found: &mut Vec<(String, String)>) {
        let mut check = |is_right: bool, key: &str, what: String| {
            if !is_right {
                found.push((format!("options.{key}"), what));
            }
        };
        let reset = self.reset_pct.0;
        check((0.0..=100.0).contains(&reset), "reset_pct", format!("is {reset}, must be from 0 to 100"));
        for (key, seconds) in
            [("cooldown_s", self.cooldown_s), ("for_s", self.for_s), ("keep_s", self.keep_s)]
        {
            let what = format!("is {seconds}, must be at most {DURATION_S_MAX}");
            check(seconds <= DURATION_S_MAX, key, what);
        }
        let is_cap = self.max_per_hour.is_none_or(|cap| (1..=3600).contains(&cap));
        check(is_cap, "max_per_hour", "must be from 1 to 3600, or left out".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule {
            id: "wif-3".to_owned(),
            version: 1,
            owner: String::new(),
            kind: Kind::PriceAbove,
            scope: Scope::Mint(Address::WSOL),
            threshold: Some(Level(3.0)),
            unit: Unit::Usd,
            options: Options::default(),
            valid_from_s: None,
            valid_to_s: None,
            known_from: 0,
        }
    }

    #[test]
    fn a_rule_is_short_where_the_defaults_do() {
        let mint = Address::WSOL;
        let text = format!(
            r#"{{"id": "wif-3", "kind": "price_above", "scope": {{"mint": "{mint}"}}, "threshold": 3}}"#
        );
        assert_eq!(serde_json::from_str::<Rule>(&text).unwrap(), rule());
        assert!(rule().problems().is_empty());
        let unknown = text.replace("\"id\"", "\"treshold\": 1, \"id\"");
        assert!(serde_json::from_str::<Rule>(&unknown).unwrap_err().to_string().contains("treshold"));
    }

    #[test]
    fn it_survives_the_log() {
        let rule = Rule {
            kind: Kind::VolumeSpike { window_s: 60, floor_usd: Level(5.0) },
            scope: Scope::All(Filter { age_s_max: Some(60), ..Filter::default() }),
            ..rule()
        };
        let bytes = postcard::to_stdvec(&rule).unwrap();
        assert_eq!(postcard::from_bytes::<Rule>(&bytes).unwrap(), rule);
    }

    #[test]
    fn what_is_wrong_is_said_by_its_path() {
        let wrong = Rule {
            id: "a b".to_owned(),
            kind: Kind::PriceMove { window_s: 0, direction: Direction::Down },
            scope: Scope::List(Vec::new()),
            threshold: Some(Level(120.0)),
            options: Options { reset_pct: Level(-1.0), max_per_hour: Some(0), ..Options::default() },
            valid_from_s: Some(9),
            valid_to_s: Some(9),
            ..rule()
        };
        let paths: Vec<String> = wrong.problems().into_iter().map(|(path, _)| path).collect();
        let expected = [
            "id",
            "kind.price_move.window_s",
            "threshold",
            "scope.list",
            "options.reset_pct",
            "options.max_per_hour",
            "valid_to_s",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_threshold_is_there_where_the_kind_has_one() {
        let problems = |kind, threshold| Rule { kind, threshold, ..rule() }.problems();
        assert!(problems(Kind::Completed, None).is_empty());
        assert!(problems(Kind::AllTimeHigh, None).is_empty());
        let missing = problems(Kind::PriceBelow, None);
        assert_eq!(missing, [("threshold".to_owned(), "is missing: price_below needs a price".to_owned())]);
        let surplus = problems(Kind::Completed, Some(Level(1.0)));
        assert_eq!(surplus[0].1, "must be left out: completed has none");
        assert!(!problems(Kind::PriceAbove, Some(Level(f64::NAN))).is_empty());
        assert!(!problems(Kind::PriceAbove, Some(Level(f64::INFINITY))).is_empty());
    }

    #[test]
    fn validity_is_half_open() {
        let rule = Rule { valid_from_s: Some(5), valid_to_s: Some(9), ..rule() };
        assert_eq!([4, 5, 8, 9].map(|time| rule.is_valid_at(time)), [false, true, true, false]);
    }
}
