//! The records `alerts` and `alert_rules`.

use std::fmt::Write as _;

use model::record::ms;
use model::rule::{Direction, Filter, Kind, Scope, Unit};
use model::{Address, AlertId, Cadence, Commitment, EventId, Record, Rule, Seconds, columns};
use serde::{Deserialize, Serialize};

use super::rulebook::Standing;
use crate::number::Number;

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
    columns! {
        self: "alerts", "What alert rules said, once under one name, with how settled it is.";
        cadence: Cadence::Flush;
        indexes: [["as_of"], ["fired_at"]];
        let Alert { value, threshold, retracted, .. } = self.alert;
        let alert = &self.alert;
        let state = match (retracted, self.commitment) {
        (Some(_), _) => "retracted",
        (None, Commitment::Processed) => "fired",
        (None, settled) => settled.name(),
        };
        let earlier = alert.evidence.map_or_else(String::new, |event| format!("{event},"));
        key {
            alert_id: Text = self.alert.id, "Hash of rule, version, token and causing event.";
        }
        rule_id: Text = alert.rule_id.as_str(), "The rule.";
        rule_version: Count = alert.rule_version, "Its version.";
        mint: Address = alert.mint, "The token.";
        kind: Symbol = alert.kind.name(), "What the rule watches.";
        value: Float = value, "What the value was; null of an event as such.";
        threshold: Float = threshold, "The rule's threshold; null as value.";
        state: Symbol = state, "fired, confirmed, finalized (as the slot of the event), retracted.";
        fired_at: Time = ms(alert.fired_at), "When, in event time.";
        cause_event: Text = alert.cause, "The event that caused it.";
        evidence: Text = format!("{earlier}{}", alert.cause),
            "Causing events in their order, comma-separated.";
        historical: Bool = alert.historical, "True if the rule was not known yet when it happened.";
        reason: Symbol = retracted.map(Reason::name),
            "Why it was retracted: slot_dead, corrected, rule_removed; null if it stands.";
        deliver_by: Time = ms(alert.deliver_by), "Until when it is worth delivering; null = for ever.";
        commitment: Symbol = self.commitment.name(),
            "How settled the slot is: processed, confirmed, finalized.";
    }
    type Key = AlertId;

    fn key(&self) -> AlertId {
        self.alert.id
    }
}

impl Record for Standing {
    columns! {
        self: "alert_rules", "The alert rules that stand.";
        cadence: Cadence::Flush;
        let rule = &self.rule;
        key {
            rule_id: Text = &self.rule.id, "Name of the rule.";
            version: Count = self.rule.version, "Which version of it.";
        }
        owner: Text = (!rule.owner.is_empty()).then_some(rule.owner.as_str()),
            "Whose it is; null if nobody's.";
        kind: Symbol = rule.kind.name(), "What it watches.";
        scope: Text = scope(&rule.scope), "Of which tokens: mint, list, or all with a filter.";
        threshold: Float = rule.threshold.map(|level| level.0),
            "When it fires; null of a kind that has none.";
        options: Text = options(rule), "Parameters of the kind and options, as name=value.";
        valid_from: Time = ms(rule.valid_from_s), "First moment of validity; null if always.";
        valid_to: Time = ms(rule.valid_to_s), "First moment that is not valid; null while it lasts.";
        known_from: Time = ms(self.known), "Since when it is known.";
    }
    type Key = (String, u32);

    fn key(&self) -> (String, u32) {
        (self.rule.id.clone(), self.rule.version)
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
