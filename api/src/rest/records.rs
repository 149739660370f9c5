//! Any record by its schema, and how far everything is.

use model::{Kind, Value};

use super::{behind, rows, shape};
use crate::answer::Answer;
use crate::app::App;
use crate::history::{Moment, Select};
use crate::openapi;
use crate::parameter::{Ask, Form, Parameter};
use crate::problem::Problem;
use crate::route::{CURSOR, FIELDS, Gives, LIMIT_100, Route};

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/records",
        tag: "records",
        doc: "The records that there are, with their keys and columns.",
        parameters: &[],
        gives: Gives::Array,
        find: records,
    },
    Route {
        path: "/records/{record}",
        tag: "records",
        doc: "Rows of any record in the order of its key.",
        parameters: &[
            Parameter::new("record", Form::Text(64), "The record."),
            Parameter::new("key", Form::Names, "The first columns of the key, with commas between."),
            FIELDS,
            LIMIT_100,
            CURSOR,
        ],
        gives: Gives::Array,
        find: record,
    },
    Route {
        path: "/progress",
        tag: "records",
        doc: "How far everything is: up to the frontier all changes are seen.",
        parameters: &[],
        gives: Gives::Object,
        find: progress,
    },
    Route {
        path: "/sources",
        tag: "records",
        doc: "Where events come from.",
        parameters: &[],
        gives: Gives::Array,
        find: sources,
    },
];

fn records(_: &Ask, _: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let all: Vec<serde_json::Value> = app
        .records
        .values()
        .map(|schema| {
            let key: Vec<&str> = schema.columns.iter().take(schema.key).map(|column| column.name).collect();
            let columns: Vec<serde_json::Value> = schema
                .columns
                .iter()
                .map(|c| serde_json::json!({ "name": c.name, "kind": openapi::kind_name(c.kind), "doc": c.doc }))
                .collect();
            serde_json::json!({ "record": schema.name, "doc": schema.doc, "key": key, "columns": columns })
        })
        .collect();
    Ok(Answer::new(serde_json::Value::from(all).to_string().into_bytes()).kept_for(300))
}

fn record(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record(ask.given("record"))?;
    let mut select = Select::of(schema, 0);
    let said = ask.texts("key").unwrap_or_default();
    if said.len() > schema.key {
        return Err(Problem::parameter(
            "key",
            format!("the key of `{}` has {} columns", schema.name, schema.key),
        ));
    }
    for (column, text) in schema.columns.iter().zip(said) {
        let value = match column.kind {
            Kind::Count | Kind::Time => text.parse().ok().filter(|n| *n < 1 << 53).map(Value::Count),
            _ => Some(Value::text(text)),
        };
        let wrong = || Problem::parameter("key", format!("`{}` is a whole number", column.name));
        select = select.is(column.name, value.ok_or_else(wrong)?);
    }
    for column in schema.columns.iter().take(schema.key) {
        select = select.by(column.name, false);
    }
    rows(&shape(ask, schema)?, behind(ask, moment, app, select)?)
}

fn progress(_: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let settled = app.settled(moment)?;
    let progress = serde_json::json!({
        "frontier": app.hub.frontier(),
        "durable_to": moment.frontier(),
        "confirmed_to": settled.confirmed_to,
        "finalized_to": settled.finalized_to,
        "lag_ms": app.lag_ms(moment.frontier()),
        "epoch": app.hub.epoch(),
    });
    Ok(Answer::new(progress.to_string().into_bytes()))
}

fn sources(_: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let all = serde_json::json!([{
        "source": app.subject.source,
        "is_simulated": app.subject.is_simulated,
        "lag_ms": app.lag_ms(moment.frontier()),
    }]);
    Ok(Answer::new(all.to_string().into_bytes()))
}
