//! What is not about one token alone: pools, trades by name, boards, what happens in the lives of tokens; and charts.

use model::Value;

use super::chart::{BARS, INTERVALS, chart};
use super::tokens::newest_trades;
use super::{behind, between, filtered, one, rows, rows_with_tokens, shape};
use crate::answer::{Answer, Shape};
use crate::app::App;
use crate::history::{Moment, Select};
use crate::parameter::{Ask, Form, Parameter};
use crate::problem::Problem;
use crate::route::{CURSOR, FIELDS, FROM, Gives, LIMIT, MINT, Route, TO};

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/tokens/{mint}/chart",
        tag: "tokens",
        doc: "Bars of a token, ascending; 2,000 at most, the newest kept.",
        parameters: &[
            MINT,
            Parameter::new("interval", Form::Choice(INTERVALS), "Length of a bar.").or("1m"),
            Parameter::new("series", Form::Text(44), "`primary`, `all`, or the address of a pool.")
                .or("primary"),
            Parameter {
                doc: "Not before this, milliseconds since 1970; a day before `to` if not said.",
                ..FROM
            },
            Parameter { doc: "Before this, milliseconds since 1970; now if not said.", ..TO },
            Parameter::new(
                "countback",
                Form::Count(1, BARS),
                "So many bars before `to`, whatever `from` says.",
            ),
            Parameter::new(
                "fill",
                Form::Choice(&["none", "prev_close", "null"]),
                "Where nothing was traded.",
            )
            .or("none"),
            Parameter::new("connect", Form::Flag, "Bars open where the one before closed.").or("false"),
            Parameter::new("indicators", Form::Flag, "Adds rows of `indicators`.").or("false"),
        ],
        gives: Gives::Object,
        find: chart,
    },
    Route {
        path: "/pools/{pool}",
        tag: "market",
        doc: "A pool.",
        parameters: &[Parameter::new("pool", Form::Address, "The pool or bonding curve."), FIELDS],
        gives: Gives::Row("pools"),
        find: pool,
    },
    Route {
        path: "/trades/{event_id}",
        tag: "market",
        doc: "A trade by its place in the chain.",
        parameters: &[Parameter::new("event_id", Form::Text(80), "`slot-tx-outer-inner`."), FIELDS],
        gives: Gives::Row("trades"),
        find: trade,
    },
    Route {
        path: "/tx/{signature}",
        tag: "market",
        doc: "The trades of a transaction.",
        parameters: &[Parameter::new("signature", Form::Text(90), "The transaction, base58."), FIELDS],
        gives: Gives::Rows("trades"),
        find: transaction,
    },
    Route {
        path: "/leaders/{board}",
        tag: "market",
        doc: "A board: the tokens that lead by volume, gains, age and so on, each with what is known of it.",
        parameters: &[Parameter::new("board", Form::Text(32), "Such as `volume`; see the record `leaders`.")],
        gives: Gives::Rows("leaders"),
        find: board,
    },
    Route {
        path: "/lifecycle",
        tag: "market",
        doc: "Creations, completions, migrations and deaths, the newest first.",
        parameters: &[
            Parameter::new(
                "kind",
                Form::Choice(&["created", "completed", "migrated", "dead"]),
                "Only these.",
            ),
            Parameter::new("mint", Form::Address, "Only of this token."),
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
        gives: Gives::Rows("lifecycle"),
        find: lifecycle,
    },
];

fn pool(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    named(ask, (moment, app), ("pools", "pool", "pool"))
}

fn trade(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    named(ask, (moment, app), ("trades", "event_id", "trade"))
}

/// The row of a record whose key is a parameter of the path.
fn named(
    ask: &Ask,
    (moment, app): (&dyn Moment, &App),
    (record, column, what): (&str, &str, &str),
) -> Result<Answer, Problem> {
    let schema = app.record(record)?;
    let select = filtered(Select::of(schema, 1), ask, &[column]);
    let row = one(moment, &select, (what, ask.given(column)))?;
    let mut data = Vec::new();
    shape(ask, schema)?.object(&row, &mut data)?;
    Ok(Answer::new(data))
}

fn transaction(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("trades")?;
    let select = newest_trades(filtered(Select::of(schema, 500), ask, &["signature"]));
    let mut found = moment.rows(&select)?;
    if found.is_empty() {
        return Err(Problem::not_found("trade in the transaction", ask.given("signature")));
    }
    found.reverse();
    let mut data = Vec::new();
    shape(ask, schema)?.array(&found, &mut data)?;
    Ok(Answer::new(data))
}

fn board(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("leaders")?;
    let select = filtered(Select::of(schema, 1_000), ask, &["board"]).by("rank", false);
    rows_with_tokens(moment, app, schema, (moment.rows(&select)?, None)).map(|answer| answer.kept_for(2))
}

fn lifecycle(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("lifecycle")?;
    let select = between(filtered(Select::of(schema, 0), ask, &["kind", "mint"]), ask, "at");
    let select = select.latest("at", Some(0)).latest("mint", None).latest("kind", None);
    let (found, paging) = behind(ask, moment, app, select)?;
    rows_with_tokens(moment, app, schema, (found, Some(paging)))
}

/// Rows of a record by some of its columns, the newest first.
pub(super) fn newest(
    ask: &Ask,
    (moment, app): (&dyn Moment, &App),
    record: &str,
    (columns, time, key): (&[&str], &str, &[&str]),
) -> Result<Answer, Problem> {
    let schema = app.record(record)?;
    let mut select = between(filtered(Select::of(schema, 0), ask, columns), ask, time).latest(time, Some(0));
    for column in key {
        select = select.latest(column, None);
    }
    let (found, paging) = behind(ask, moment, app, select)?;
    if schema.columns.iter().any(|column| column.name == "mint") && ask.texts("fields").is_none() {
        return rows_with_tokens(moment, app, schema, (found, Some(paging)));
    }
    rows(&shape(ask, schema)?, (found, paging))
}

/// The rows of a record that have a value in a column, as JSON.
pub(super) fn array_of(
    moment: &dyn Moment,
    app: &App,
    record: &str,
    (column, of): (&str, &Value),
) -> Result<Vec<u8>, Problem> {
    let schema = app.record(record)?;
    let found = moment.rows(&Select::of(schema, 1_000).is(column, of.clone()))?;
    let mut data = Vec::new();
    Shape::whole(schema).array(&found, &mut data)?;
    Ok(data)
}
