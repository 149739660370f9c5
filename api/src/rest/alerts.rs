//! Alerts, the rules behind them, and why each was given.

use model::{Row, Schema, Value};

use super::market::newest;
use super::tokens::newest_trades;
use super::{behind, filtered, one, rows, shape};
use crate::answer::{Answer, Shape, value};
use crate::app::App;
use crate::history::{Moment, Of, Select, Test};
use crate::parameter::{Ask, Form, Parameter};
use crate::problem::Problem;
use crate::route::{CURSOR, FIELDS, FROM, Gives, LIMIT, Route, TO};

const ALERT: Parameter = Parameter::new("alert_id", Form::Text(64), "The alert.");
const RULE: Parameter = Parameter::new("rule_id", Form::Text(128), "The rule.");
/// Events that are shown as evidence.
const EVIDENCE: usize = 200;

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/alerts",
        tag: "alerts",
        doc: "Alerts, the newest first.",
        parameters: &[
            Parameter::new("rule_id", Form::Text(128), "Only of this rule."),
            Parameter::new("mint", Form::Address, "Only of this token."),
            Parameter::new("kind", Form::Text(64), "Only of rules of this kind."),
            Parameter::new(
                "state",
                Form::Choice(&["fired", "confirmed", "finalized", "retracted"]),
                "Only in this state.",
            ),
            Parameter::new("historical", Form::Flag, "Whether the rule was known only afterwards."),
            FROM,
            TO,
            Parameter::new(
                "as_of",
                Form::Count(0, 1 << 52),
                "Not after this moment, milliseconds since 1970.",
            ),
            LIMIT,
            CURSOR,
        ],
        gives: Gives::Rows("alerts"),
        find: alerts,
    },
    Route {
        path: "/alerts/{alert_id}",
        tag: "alerts",
        doc: "An alert.",
        parameters: &[ALERT, FIELDS],
        gives: Gives::Row("alerts"),
        find: alert,
    },
    Route {
        path: "/alerts/{alert_id}/why",
        tag: "alerts",
        doc: "Why an alert was given: the version of its rule, and the trades that caused it.",
        parameters: &[ALERT],
        gives: Gives::Object,
        find: why,
    },
    Route {
        path: "/rules",
        tag: "alerts",
        doc: "Alert rules, all versions of each.",
        parameters: &[Parameter::new("kind", Form::Text(64), "Only of this kind."), FIELDS, LIMIT, CURSOR],
        gives: Gives::Rows("alert_rules"),
        find: rules,
    },
    Route {
        path: "/rules/{rule_id}",
        tag: "alerts",
        doc: "The versions of a rule, the newest first.",
        parameters: &[RULE],
        gives: Gives::Rows("alert_rules"),
        find: rule,
    },
];

fn alerts(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let columns = ["rule_id", "mint", "kind", "state", "historical"];
    newest(ask, (moment, app), "alerts", (&columns, "fired_at", &["alert_id"]))
}

fn find_alert(ask: &Ask, moment: &dyn Moment, schema: &'static Schema) -> Result<Row, Problem> {
    let select = filtered(Select::of(schema, 1), ask, &["alert_id"]);
    one(moment, &select, ("alert", ask.given("alert_id")))
}

fn alert(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("alerts")?;
    let row = find_alert(ask, moment, schema)?;
    let mut data = Vec::new();
    shape(ask, schema)?.object(&row, &mut data)?;
    Ok(Answer::new(data))
}

fn why(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("alerts")?;
    let row = find_alert(ask, moment, schema)?;
    let mut out = b"{\"alert\":".to_vec();
    Shape::whole(schema).object(&row, &mut out)?;
    let rules = app.record("alert_rules")?;
    let select = Select::of(rules, 1)
        .is("rule_id", value(schema, &row, "rule_id").clone())
        .is("version", value(schema, &row, "rule_version").clone());
    out.extend_from_slice(b",\"rule\":");
    match moment.rows(&select)?.first() {
        Some(rule) => Shape::whole(rules).object(rule, &mut out)?,
        None => out.extend_from_slice(b"null"),
    }
    let events = value(schema, &row, "evidence").as_text().unwrap_or_default().split(',');
    let cause = value(schema, &row, "cause_event").as_text();
    let mut events: Vec<Value> =
        events.chain(cause).filter(|id| !id.is_empty()).take(EVIDENCE).map(Value::text).collect();
    events.sort();
    events.dedup();
    let trades = app.record("trades")?;
    let select = Select::of(trades, EVIDENCE).with(Test::In(Of::own("event_id"), events));
    let mut found = moment.rows(&newest_trades(select))?;
    found.reverse();
    out.extend_from_slice(b",\"evidence\":");
    Shape::whole(trades).array(&found, &mut out)?;
    out.push(b'}');
    Ok(Answer::new(out))
}

fn rules(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("alert_rules")?;
    let select = filtered(Select::of(schema, 0), ask, &["kind"]).by("rule_id", false).by("version", false);
    rows(&shape(ask, schema)?, behind(ask, moment, app, select)?).map(|answer| answer.kept_for(2))
}

fn rule(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("alert_rules")?;
    let select = filtered(Select::of(schema, 500), ask, &["rule_id"]).by("version", true);
    let found = moment.rows(&select)?;
    if found.is_empty() {
        return Err(Problem::not_found("rule", ask.given("rule_id")));
    }
    let mut data = Vec::new();
    Shape::whole(schema).array(&found, &mut data)?;
    Ok(Answer::new(data))
}
