//! The records `alerts` and `alert_rules`.

use std::fmt::Write as _;

use model::rule::{Direction, Filter, Kind, Scope, Unit};
use model::{
    Address, AlertId, Column, Commitment, EventId, Kind as ColumnKind, Record, Row, Rule, Schema, Seconds,
    Value,
};
use serde::{Deserialize, Serialize};

use super::rulebook::Standing;
use crate::number::{Number, column};

/// Why an alert no longer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// The slot of its event is on a fork that was left.
    SlotDead,
    /// What came late, or was taken back, is such that it does not follow any more.
    Corrected,
    /// Its rule was taken back.
    RuleRemoved,
}

impl Reason {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlotDead => "slot_dead",
            Self::Corrected => "corrected",
            Self::RuleRemoved => "rule_removed",
        }
    }
}

/// What a rule says of a token. Its leading field is its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alert {
    /// Its name.
    pub id: AlertId,
    /// The rule.
    pub rule_id: String,
    /// Its version.
    pub rule_version: u32,
    /// The token.
    pub mint: Address,
    /// What the rule watches.
    pub kind: Kind,
    /// What the value was.
    pub value: Option<Number>,
    /// The rule's threshold.
    pub threshold: Option<Number>,
    /// When, in event time.
    pub fired_at: Seconds,
    /// The event that caused it.
    pub cause: EventId,
    /// The earlier event that the value is measured from, if there is one.
    pub evidence: Option<EventId>,
    /// The rule was not known yet when it happened.
    pub historical: bool,
    /// Until when it is worth delivering; none = for ever.
    pub deliver_by: Option<Seconds>,
    /// Why it no longer stands; none if it does.
    pub retracted: Option<Reason>,
}

/// An alert and how settled it is: a row of `alerts`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommittedAlert {
    /// The alert.
    pub alert: Alert,
    /// How settled the slot of its event is.
    pub commitment: Commitment,
}

impl Record for CommittedAlert {
    const SCHEMA: &'static Schema = &Schema {
        name: "alerts",
        doc: "What alert rules said, once under one name, with how settled it is.",
        key: 1,
        columns: &[
            Column::new("alert_id", ColumnKind::Text, "Hash of rule, version, token and causing event."),
            Column::new("rule_id", ColumnKind::Text, "The rule."),
            Column::new("rule_version", ColumnKind::Count, "Its version."),
            Column::new("mint", ColumnKind::Address, "The token."),
            Column::new("kind", ColumnKind::Symbol, "What the rule watches."),
            Column::new("value", ColumnKind::Float, "What the value was; null of an event as such."),
            Column::new("threshold", ColumnKind::Float, "The rule's threshold; null as value."),
            Column::new(
                "state",
                ColumnKind::Symbol,
                "fired, confirmed, finalized (as the slot of the event), retracted.",
            ),
            Column::new("fired_at", ColumnKind::Time, "When, in event time."),
            Column::new("cause_event", ColumnKind::Text, "The event that caused it."),
            Column::new("evidence", ColumnKind::Text, "Causing events in their order, comma-separated."),
            Column::new(
                "historical",
                ColumnKind::Bool,
                "True if the rule was not known yet when it happened.",
            ),
            Column::new(
                "reason",
                ColumnKind::Symbol,
                "Why it was retracted: slot_dead, corrected, rule_removed; null if it stands.",
            ),
            Column::new(
                "deliver_by",
                ColumnKind::Time,
                "Until when it is worth delivering; null = for ever.",
            ),
            Column::new(
                "commitment",
                ColumnKind::Symbol,
                "How settled the slot is: processed, confirmed, finalized.",
            ),
        ],
    };
    type Key = AlertId;

    fn key(&self) -> AlertId {
        self.alert.id
    }

    fn row(&self) -> Row {
        let Alert { value, threshold, retracted, .. } = self.alert;
        let alert = &self.alert;
        let state = match (retracted, self.commitment) {
            (Some(_), _) => "retracted",
            (None, Commitment::Processed) => "fired",
            (None, settled) => settled.name(),
        };
        let earlier = alert.evidence.map_or_else(String::new, |event| format!("{event},"));
        vec![
            Value::text(alert.id.to_string()),
            Value::text(alert.rule_id.as_str()),
            Value::Count(alert.rule_version.into()),
            Value::from(alert.mint),
            Value::from(alert.kind.name()),
            column(value),
            column(threshold),
            Value::from(state),
            Value::time(alert.fired_at),
            Value::text(alert.cause.to_string()),
            Value::text(format!("{earlier}{}", alert.cause)),
            Value::Bool(alert.historical),
            retracted.map_or(Value::Null, |reason| Value::from(reason.name())),
            Value::time(alert.deliver_by),
            Value::from(self.commitment.name()),
        ]
    }
}

impl Record for Standing {
    const SCHEMA: &'static Schema = &Schema {
        name: "alert_rules",
        doc: "The alert rules that stand.",
        key: 2,
        columns: &[
            Column::new("rule_id", ColumnKind::Text, "Name of the rule."),
            Column::new("version", ColumnKind::Count, "Which version of it."),
            Column::new("owner", ColumnKind::Text, "Whose it is; null if nobody's."),
            Column::new("kind", ColumnKind::Symbol, "What it watches."),
            Column::new("scope", ColumnKind::Text, "Of which tokens: mint, list, or all with a filter."),
            Column::new("threshold", ColumnKind::Float, "When it fires; null of a kind that has none."),
            Column::new("options", ColumnKind::Text, "Parameters of the kind and options, as name=value."),
            Column::new("valid_from", ColumnKind::Time, "First moment of validity; null if always."),
            Column::new("valid_to", ColumnKind::Time, "First moment that is not valid; null while it lasts."),
            Column::new("known_from", ColumnKind::Time, "Since when it is known."),
        ],
    };
    type Key = (String, u32);

    fn key(&self) -> (String, u32) {
        (self.rule.id.clone(), self.rule.version)
    }

    fn row(&self) -> Row {
        let rule = &self.rule;
        vec![
            Value::text(rule.id.as_str()),
            Value::Count(rule.version.into()),
            if rule.owner.is_empty() { Value::Null } else { Value::text(rule.owner.as_str()) },
            Value::from(rule.kind.name()),
            Value::text(scope(&rule.scope)),
            Value::float(rule.threshold.map(|level| level.0)),
            Value::text(options(rule)),
            Value::time(rule.valid_from_s),
            Value::time(rule.valid_to_s),
            Value::time(self.known),
        ]
    }
}

fn scope(scope: &Scope) -> String {
    let names = |mints: &[Address]| mints.iter().map(Address::to_string).collect::<Vec<_>>().join(",");
    match scope {
        Scope::Mint(mint) => format!("mint={mint}"),
        Scope::List(mints) => format!("list={}", names(mints)),
        Scope::All(filter) => {
            let Filter { programs, creators, market_cap_usd_min, market_cap_usd_max, age_s_max } = filter;
            let programs: Vec<&str> = programs.iter().map(|program| program.name()).collect();
            let mut words = Words::new("all");
            words.push("programs", (!programs.is_empty()).then(|| programs.join(",")));
            words.push("creators", (!creators.is_empty()).then(|| names(creators)));
            words.push("market_cap_usd_min", market_cap_usd_min.map(|level| level.0));
            words.push("market_cap_usd_max", market_cap_usd_max.map(|level| level.0));
            words.push("age_s_max", *age_s_max);
            words.0
        }
    }
}

/// Parameters of the kind and options, those that are not the default only.
fn options(rule: &Rule) -> String {
    let mut words = Words::new(match rule.unit {
        Unit::Usd => "unit=usd",
        Unit::Sol => "unit=sol",
    });
    let way = |direction: &Direction| match direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    match &rule.kind {
        Kind::PriceMove { window_s, direction } => {
            words.push("window_s", Some(window_s));
            words.push("direction", Some(way(direction)));
        }
        Kind::MoveSinceAlert { direction } | Kind::LiquidityChange { direction } => {
            words.push("direction", Some(way(direction)));
        }
        Kind::VolumeSpike { window_s, floor_usd } => {
            words.push("window_s", Some(window_s));
            words.push("floor_usd", Some(floor_usd.0));
        }
        Kind::WhaleTrade { side } => words.push("side", side.map(model::Side::name)),
        Kind::Target { entry } | Kind::Stop { entry } => words.push("entry", Some(entry.0)),
        Kind::SmartBuy { list, score_min } | Kind::SmartSell { list, score_min } => {
            words.push("list", list.as_ref());
            words.push("score_min", *score_min);
        }
        Kind::SmartCluster { list, window_s } => {
            words.push("list", list.as_ref());
            words.push("window_s", Some(window_s));
        }
        Kind::LabelShare { group } => words.push("group", Some(group.name())),
        Kind::IndicatorCross { indicator, interval_s, direction } => {
            words.push("indicator", Some(indicator.name()));
            words.push("interval_s", Some(interval_s));
            words.push("direction", Some(way(direction)));
        }
        _ => {}
    }
    let options = &rule.options;
    words.push("reset_pct", Some(options.reset_pct.0));
    words.push("cooldown_s", Some(options.cooldown_s));
    words.push("for_s", Some(options.for_s).filter(|seconds| *seconds > 0));
    words.push("keep_s", Some(options.keep_s).filter(|seconds| *seconds > 0));
    words.push("max_per_hour", options.max_per_hour);
    words.push("once", options.once.then_some(true));
    words.push("expires_s", options.expires_s);
    words.push("max_age_s", options.max_age_s);
    words.0
}

/// Words with spaces between.
struct Words(String);

impl Words {
    fn new(first: &str) -> Self {
        Self(first.to_owned())
    }

    fn push(&mut self, name: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            // Cannot fail: it is written to memory.
            let _ = write!(self.0, " {name}={value}");
        }
    }
}
