//! Alerts by brute force: every rule asked at every point of every token, second after second.
//!
//! What was said and no longer follows depends on what had come by the end of each second, so it is worked
//! out for all of them, one after the other.

use std::collections::BTreeMap;

use dataflows::Params;
use model::rule::{Kind, Scope};
use model::{Address, AlertId, Commitment, Control, Event, Row, Rule, Seconds, SlotState};
use operators::alerts::{Alert, CommittedAlert, Reason, Standing};
use operators::number::Number;

use super::Facts;

mod fires;
mod points;
mod told;
mod values;

use fires::Fired;
use points::points;
use values::{Asked, is_smart};

type Table = BTreeMap<Row, Row>;

/// `alerts` and `alert_rules` at the end of every second in which something came.
#[must_use]
pub fn history(events: &[Event], params: &Params) -> Vec<(Seconds, Table, Table)> {
    let mut ever = Ever::default();
    let mut told = told::Told::default();
    let mut before: Option<(Seconds, usize)> = None;
    let mut history = Vec::new();
    for (second, count) in arrivals(events) {
        if let Some((last, before)) = before {
            // Time alone may have done something since: holdings are told in the next second, and so on.
            let mut idle: Vec<Seconds> = told.dues(last).filter(|due| *due < second).collect();
            idle.push(second - 1);
            idle.sort_unstable();
            idle.dedup();
            for idle in idle.into_iter().filter(|idle| *idle > last) {
                let facts = Facts::new(&events[..before], idle, params);
                told.bring_up(&facts);
                ever.bring_up(&facts, &told);
            }
        }
        let facts = Facts::new(&events[..count], second, params);
        told.bring_up(&facts);
        ever.bring_up(&facts, &told);
        let rules: Vec<Standing> = standing(&events[..count]).into_values().collect();
        history.push((second, ever.rows(), super::rows(&rules)));
        before = Some((second, count));
    }
    history
}

/// How many events have come by the end of each second of the clock.
fn arrivals(events: &[Event]) -> Vec<(Seconds, usize)> {
    let mut arrivals: Vec<(Seconds, usize)> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let clock = arrivals.last().map_or(0, |(second, _)| *second);
        let second = clock.max(event.clock().unwrap_or(0));
        match arrivals.last_mut() {
            Some((last, count)) if *last == second => *count = at + 1,
            _ => arrivals.push((second, at + 1)),
        }
    }
    arrivals
}

/// Every alert that has stood at the end of a second.
#[derive(Default)]
struct Ever {
    alerts: BTreeMap<AlertId, Known>,
}

struct Known {
    alert: Alert,
    is_old: bool,
    commitment: Commitment,
    is_dead: bool,
}

impl Ever {
    fn bring_up(&mut self, facts: &Facts<'_>, told: &told::Told) {
        let horizon = facts.params.correction_horizon_s;
        let kept_from = facts.params.market.alerts.kept_from(facts.params.horizon(), facts.now);
        let mut said = said(facts, told);
        let rules = standing(facts.events);
        for (id, known) in &mut self.alerts {
            let name = (known.alert.rule_id.clone(), known.alert.rule_version);
            let mut present = match said.remove(id) {
                Some(alert) => alert,
                None if known.alert.fired_at < kept_from => continue,
                None => {
                    let is_there = rules.contains_key(&name);
                    let reason = if is_there { Reason::Corrected } else { Reason::RuleRemoved };
                    Alert { retracted: Some(reason), ..known.alert.clone() }
                }
            };
            // What is retracted says what it said when it still stood.
            std::mem::swap(&mut known.alert, &mut present);
            if known.alert != present {
                known.is_old = known.alert.fired_at + horizon < facts.now;
            }
        }
        for (id, alert) in said {
            let is_old = alert.fired_at + horizon < facts.now;
            let known = Known { alert, is_old, commitment: Commitment::Processed, is_dead: false };
            self.alerts.insert(id, known);
        }
        for known in self.alerts.values_mut() {
            let state = facts.states.get(&known.alert.cause.slot).copied();
            known.is_dead = state == Some(SlotState::Dead);
            known.commitment = state.and_then(SlotState::commitment).unwrap_or_default();
            if known.is_old {
                known.commitment = Commitment::Finalized;
            }
        }
    }

    fn rows(&self) -> Table {
        let stamped = self.alerts.values().map(|known| {
            let mut alert = known.alert.clone();
            if known.is_dead && alert.retracted == Some(Reason::Corrected) {
                alert.retracted = Some(Reason::SlotDead);
            }
            CommittedAlert { alert, commitment: known.commitment }
        });
        stamped.map(|row| super::keyed(&row)).collect()
    }
}

/// The rules that stand, by name.
fn standing(events: &[Event]) -> BTreeMap<(String, u32), Standing> {
    let mut clock = 0;
    let mut counts: BTreeMap<Rule, (i64, Seconds, Option<Seconds>)> = BTreeMap::new();
    for event in events {
        clock = clock.max(event.clock().unwrap_or(0));
        let Event::Control(control) = event else { continue };
        let (rule, known_from, is_added) = match control {
            Control::AddRule(rule) => (rule, rule.known_from, true),
            Control::RemoveRule { rule, known_from } => (rule, *known_from, false),
            _ => continue,
        };
        if !rule.problems().is_empty() {
            continue;
        }
        let rule = Rule { known_from: 0, ..(**rule).clone() };
        let known = known_from.div_ceil(1_000_000).max(clock);
        let (count, since, gone) = counts.entry(rule).or_insert((0, known, None));
        if is_added && *count == 0 && *gone != Some(clock) {
            *since = known;
        }
        *count += if is_added { 1 } else { -1 };
        *gone = (*count == 0).then_some(clock);
    }
    let there = counts.into_iter().filter(|(_, (count, ..))| *count > 0);
    there.map(|(rule, (_, known, _))| ((rule.id.clone(), rule.version), Standing { rule, known })).collect()
}

/// Every alert that follows, by name.
fn said(facts: &Facts<'_>, told: &told::Told) -> BTreeMap<AlertId, Alert> {
    let points = points(facts, told);
    let history_s = facts.params.market.alerts.history_s;
    let mut said = BTreeMap::new();
    for Standing { rule, known } in standing(facts.events).into_values() {
        let floor = (known + 1).saturating_sub(history_s);
        for (mint, points) in &points {
            let is_meant = match &rule.scope {
                Scope::Mint(of) => of == mint,
                Scope::List(mints) => mints.contains(mint),
                Scope::All(_) => true,
            };
            if !is_meant {
                continue;
            }
            let usual = &facts.params.market.tokens;
            for fired in (Asked { rule: &rule, floor, points, usual }).ask(facts.now) {
                let alert = alert(&rule, known, mint, &fired);
                said.insert(alert.id, alert);
            }
        }
    }
    said
}

fn alert(rule: &Rule, known: Seconds, mint: &Address, fired: &Fired) -> Alert {
    let is_occurrence =
        matches!(rule.kind, Kind::Completed | Kind::Migrated | Kind::NewToken | Kind::DevSold)
            || (is_smart(&rule.kind) && rule.threshold.is_none());
    Alert {
        id: AlertId::new(&rule.id, rule.version, mint, &fired.cause),
        rule_id: rule.id.clone(),
        rule_version: rule.version,
        mint: *mint,
        kind: rule.kind.clone(),
        value: Number::new(fired.value).filter(|_| !is_occurrence),
        threshold: rule.threshold.and_then(|level| Number::new(level.0)),
        fired_at: fired.at,
        cause: fired.cause,
        evidence: fired.evidence,
        historical: fired.at < known || fired.is_historical,
        deliver_by: rule.options.max_age_s.map(|age| fired.at + age),
        retracted: None,
    }
}
