//! The OpenAPI document, made of the table of routes and the schemas of the records.

use std::collections::BTreeMap;

use model::{Kind, Schema};
use serde_json::{Map, Value, json};

use crate::parameter::{EVERYWHERE, Form, Parameter};
use crate::problem;
use crate::rest;
use crate::route::{Gives, Route};

/// The name of a kind, as finished outputs spell it.
pub(crate) const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Symbol => "symbol",
        Kind::Text => "text",
        Kind::Address => "address",
        Kind::Count => "count",
        Kind::Amount => "amount",
        Kind::Sum => "sum",
        Kind::Float => "float",
        Kind::Bool => "bool",
        Kind::Time => "time",
    }
}

/// The document.
pub(crate) fn document(records: &BTreeMap<&'static str, &'static Schema>) -> Value {
    let mut paths = Map::new();
    for route in rest::routes() {
        paths.insert(format!("/api/v1{}", route.path), json!({ "get": operation(route, records) }));
    }
    for (path, doc) in
        [("/health/live", "The server answers."), ("/health/ready", "It has something to answer.")]
    {
        let unready = json!({ "description": "Not yet.", "content": problem_content() });
        let fine = json!({ "description": "Yes.", "content": { "text/plain": { "schema": { "type": "string" } }, "application/json": { "schema": { "type": "object" } } } });
        paths.insert(
            path.to_owned(),
            json!({ "get": { "tags": ["health"], "summary": doc, "responses": { "200": fine, "503": unready } } }),
        );
    }
    let mut schemas = Map::new();
    for schema in records.values() {
        schemas.insert(schema.name.to_owned(), row(schema));
    }
    schemas.insert("meta".to_owned(), meta());
    schemas.insert("problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "millrace",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What leaves the pipeline: tokens, trades, candles, holders, wallets, smart money, alerts. \
                            Each answer is of one frontier, `meta.as_of`. Streams: `/ws` and `/api/v1/stream`.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn operation(route: &Route, records: &BTreeMap<&'static str, &'static Schema>) -> Value {
    let parameters: Vec<Value> =
        route.parameters.iter().chain(&EVERYWHERE).map(|parameter| described(route, parameter)).collect();
    let refer = |record: &str| match records.contains_key(record) {
        true => json!({ "$ref": format!("#/components/schemas/{record}") }),
        false => json!({ "type": "object" }),
    };
    let data = match route.gives {
        Gives::Rows(record) => json!({ "type": "array", "items": refer(record) }),
        Gives::Row(record) => refer(record),
        Gives::Array => json!({ "type": "array", "items": { "type": "object" } }),
        Gives::Object => json!({ "type": "object" }),
    };
    let answer = json!({
        "type": "object",
        "required": ["data", "meta"],
        "properties": { "data": data, "meta": { "$ref": "#/components/schemas/meta" } },
    });
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({ "description": "The answer.", "content": { "application/json": { "schema": answer } } }),
    );
    responses
        .insert("304".to_owned(), json!({ "description": "As the `If-None-Match` of the request has it." }));
    let refusals = [
        ("400", "A parameter is not right."),
        ("403", "The server does not answer to this name."),
        ("404", "There is no such thing."),
        ("410", "The cursor has expired."),
        ("414", "The request is too long."),
        ("503", "Not ready, behind, busy, or the store is away."),
    ];
    for (status, description) in refusals {
        responses
            .insert(status.to_owned(), json!({ "description": description, "content": problem_content() }));
    }
    json!({ "tags": [route.tag], "summary": route.doc, "parameters": parameters, "responses": responses })
}

fn described(route: &Route, parameter: &Parameter) -> Value {
    let is_in_path = route.is_in_path(parameter.name);
    let mut schema = match parameter.form {
        Form::Text(most) => json!({ "type": "string", "minLength": 1, "maxLength": most }),
        Form::Address => json!({ "type": "string", "pattern": "^[1-9A-HJ-NP-Za-km-z]{32,44}$" }),
        Form::Addresses(_) | Form::Names => json!({ "type": "string" }),
        Form::Count(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Form::Number => json!({ "type": "number" }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Choice(choices) => json!({ "type": "string", "enum": choices }),
        Form::Choices(choices) => {
            json!({ "type": "string", "description": format!("Some of {}, with commas between.", choices.join(" ")) })
        }
    };
    if let (Some(default), Some(members)) = (parameter.default, schema.as_object_mut()) {
        let default = match parameter.form {
            Form::Count(..) => default.parse::<u64>().map_or(Value::Null, Value::from),
            Form::Flag => Value::from(default == "true"),
            _ => Value::from(default),
        };
        members.insert("default".to_owned(), default);
    }
    json!({
        "name": parameter.name,
        "in": if is_in_path { "path" } else { "query" },
        "required": is_in_path || parameter.name == "q",
        "description": parameter.doc,
        "schema": schema,
    })
}

/// A row, whose columns beside the key may be null.
fn row(schema: &Schema) -> Value {
    let mut properties = Map::new();
    for (at, column) in schema.columns.iter().enumerate() {
        let kind = match column.kind {
            Kind::Symbol | Kind::Text | Kind::Address | Kind::Amount | Kind::Sum => "string",
            Kind::Count | Kind::Time => "integer",
            Kind::Float => "number",
            Kind::Bool => "boolean",
        };
        let kind = if at < schema.key { json!(kind) } else { json!([kind, "null"]) };
        properties.insert(column.name.to_owned(), json!({ "type": kind, "description": column.doc }));
    }
    properties.insert(
        "as_of".to_owned(),
        json!({ "type": "integer", "description": "Logical time of the change, microseconds." }),
    );
    properties.insert(
        "def_version".to_owned(),
        json!({ "type": "integer", "description": "Version of the formulas." }),
    );
    json!({ "type": "object", "description": schema.doc, "properties": properties })
}

fn meta() -> Value {
    let time = |doc: &str| json!({ "type": ["integer", "null"], "description": doc });
    json!({
        "type": "object",
        "required": ["as_of", "lag_ms"],
        "properties": {
            "as_of": { "type": "integer", "description": "The frontier that the answer is of, microseconds." },
            "durable_to": time("Everything before this is durable, microseconds."),
            "confirmed_to": time("Everything before this is confirmed, milliseconds."),
            "finalized_to": time("Everything before this is finalized, milliseconds."),
            "lag_ms": { "type": "integer", "description": "How far the frontier is behind the chain." },
            "epoch": { "type": "string", "description": "With `as_of` the token that a stream goes on from." },
            "page": time("Which page, of lists with a frozen order."),
            "limit": time("Rows of a page."),
            "total": time("Rows of all pages."),
            "has_more": { "type": "boolean", "description": "Whether there is a next page." },
            "next": { "type": ["string", "null"], "description": "The cursor of the next page." },
        },
    })
}

fn problem_schema() -> Value {
    let types: Vec<String> =
        problem::Kind::ALL.iter().map(|kind| format!("/problems/{}", kind.name())).collect();
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "enum": types },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
            "errors": { "type": "array", "items": { "type": "object" } },
        },
    })
}

fn problem_content() -> Value {
    json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/problem" } } })
}
