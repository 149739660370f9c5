//! Smart money: lists of wallets, their trades, and what several of them bought together.

use std::collections::BTreeMap;

use model::Value;

use super::market::newest;
use super::wallets::listed;
use super::{behind, rows, shape};
use crate::answer::{Answer, value};
use crate::app::App;
use crate::history::{Moment, Of, Select, Test};
use crate::parameter::{Ask, Form, Parameter};
use crate::problem::Problem;
use crate::route::{CURSOR, FIELDS, FROM, Gives, LIMIT, Route, TO};

/// Entries that are counted, at most.
const ENTRIES: usize = 100_000;
const LIST: Parameter = Parameter::new("list", Form::Text(64), "Only of this list.");
const ON: Parameter = Parameter::new("mint", Form::Address, "Only of this token.");
const HISTORICAL: Parameter = Parameter::new(
    "historical",
    Form::Flag,
    "Whether the wallet was found to be on the list only afterwards.",
);
const AS_OF: Parameter =
    Parameter::new("as_of", Form::Count(0, 1 << 52), "As of this moment, milliseconds since 1970.");

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/smart/matches",
        tag: "smart",
        doc: "Trades of wallets while they were on a list, the newest first.",
        parameters: &[
            LIST,
            ON,
            Parameter::new("trader", Form::Address, "Only of this wallet."),
            Parameter::new("side", Form::Choice(&["buy", "sell"]), "Only this side."),
            HISTORICAL,
            FROM,
            TO,
            AS_OF,
            LIMIT,
            CURSOR,
        ],
        gives: Gives::Rows("smart_matches"),
        find: listed,
    },
    Route {
        path: "/smart/clusters",
        tag: "smart",
        doc: "Tokens that several wallets of a list bought within a while, the newest first.",
        parameters: &[LIST, ON, HISTORICAL, FROM, TO, LIMIT, CURSOR],
        gives: Gives::Rows("smart_clusters"),
        find: clusters,
    },
    Route {
        path: "/lists",
        tag: "smart",
        doc: "The lists of wallets, with how many are on each.",
        parameters: &[],
        gives: Gives::Array,
        find: lists,
    },
    Route {
        path: "/lists/{name}",
        tag: "smart",
        doc: "Entries of a list with both times: when they hold, and since when that is known.",
        parameters: &[
            Parameter::new("name", Form::Text(64), "The list."),
            AS_OF,
            Parameter::new(
                "known",
                Form::Count(0, 1 << 52),
                "What was known at this moment, milliseconds since 1970.",
            ),
            FIELDS,
            LIMIT,
            CURSOR,
        ],
        gives: Gives::Rows("smart_list"),
        find: entries,
    },
];

fn clusters(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let columns = ["list", "mint", "historical"];
    newest(ask, (moment, app), "smart_clusters", (&columns, "window_start", &["list", "mint"]))
}

fn lists(_: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("smart_list")?;
    let now_ms = moment.frontier() / 1_000;
    // By name: wallets that are on it now, and entries in all.
    let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for row in moment.rows(&Select::of(schema, ENTRIES))? {
        let Some(list) = value(schema, &row, "list").as_text() else { continue };
        let counts = found.entry(list.to_owned()).or_default();
        counts.1 += 1;
        let begins = matches!(value(schema, &row, "valid_from"), Value::Count(from) if *from <= now_ms);
        let is_over = matches!(value(schema, &row, "valid_to"), Value::Count(to) if *to <= now_ms);
        counts.0 += u64::from(begins && !is_over);
    }
    let each = |(name, (now, all))| serde_json::json!({ "list": name, "wallets": now, "entries": all });
    let all: Vec<serde_json::Value> = found.into_iter().map(each).collect();
    Ok(Answer::new(serde_json::Value::from(all).to_string().into_bytes()).kept_for(2))
}

fn entries(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("smart_list")?;
    let mut select = Select::of(schema, 0).is("list", Value::text(ask.given("name")));
    if let Some(at) = ask.value("as_of") {
        let lasts = vec![Test::Unknown(Of::own("valid_to")), Test::AtLeast(Of::own("valid_to"), after(&at))];
        select = select.with(Test::AtMost(Of::own("valid_from"), at)).with(Test::Any(lasts));
    }
    if let Some(known) = ask.value("known") {
        select = select.with(Test::AtMost(Of::own("known_from"), known));
    }
    let select = select.by("trader", false).by("valid_from", false);
    rows(&shape(ask, schema)?, behind(ask, moment, app, select)?).map(|answer| answer.kept_for(2))
}

/// The next moment.
fn after(at: &Value) -> Value {
    match at {
        Value::Count(ms) => Value::Count(ms.saturating_add(1)),
        other => other.clone(),
    }
}
