//! Wallets: what they have made, hold and traded, and the lists that they are on.

use model::Value;

use super::market::{array_of, newest};
use super::tokens::newest_trades;
use super::{behind, between, filtered, rows_with_tokens};
use crate::answer::Answer;
use crate::app::App;
use crate::history::{Moment, Of, Select, Sort, Test};
use crate::parameter::{Ask, Form, Parameter};
use crate::problem::Problem;
use crate::route::{CURSOR, FROM, Gives, LIMIT, LIMIT_100, Route, TO};

const ADDRESS: Parameter = Parameter::new("address", Form::Address, "The wallet.");

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/wallets/{address}",
        tag: "wallets",
        doc: "Figures of a wallet by period, the lists that it is on, and what was found of it.",
        parameters: &[ADDRESS],
        gives: Gives::Object,
        find: wallet,
    },
    Route {
        path: "/wallets/{address}/positions",
        tag: "wallets",
        doc: "What a wallet has of every token, and what it has made.",
        parameters: &[
            ADDRESS,
            Parameter::new("open", Form::Flag, "Only those that are open, or only those that are closed."),
            LIMIT,
            CURSOR,
        ],
        gives: Gives::Rows("wallet_positions"),
        find: positions,
    },
    Route {
        path: "/wallets/{address}/trades",
        tag: "wallets",
        doc: "Trades of a wallet, the newest in chain order first.",
        parameters: &[ADDRESS, FROM, TO, LIMIT_100, CURSOR],
        gives: Gives::Rows("trades"),
        find: trades,
    },
    Route {
        path: "/wallets/{address}/matches",
        tag: "wallets",
        doc: "Trades of a wallet while it was on a list.",
        parameters: &[ADDRESS, FROM, TO, LIMIT, CURSOR],
        gives: Gives::Rows("smart_matches"),
        find: matches,
    },
];

fn wallet(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let address = Value::text(ask.given("address"));
    let mut out = b"{\"address\":".to_vec();
    out.extend_from_slice(serde_json::Value::from(ask.given("address")).to_string().as_bytes());
    for (name, record, column) in [
        ("stats", "wallet_stats", "trader"),
        ("lists", "smart_list", "trader"),
        ("labels", "labels", "wallet"),
    ] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        // A wallet's labels are found by its address only if it is a label of the wallet as such.
        let column = if record == "labels" { "subject" } else { column };
        out.extend_from_slice(&array_of(moment, app, record, (column, &address))?);
    }
    out.push(b'}');
    Ok(Answer::new(out))
}

fn positions(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("wallet_positions")?;
    let mut select = Select::of(schema, 0).is("trader", Value::text(ask.given("address")));
    match ask.flag("open") {
        Some(true) => select = select.with(Test::Unknown(Of::own("closed_at"))),
        Some(false) => select = select.with(Test::AtLeast(Of::own("closed_at"), Value::Count(0))),
        None => {}
    }
    select.order.push(Sort { of: Of::own("opened_at"), or: Some(0), is_descending: true });
    let (found, paging) = behind(ask, moment, app, select.latest("mint", None))?;
    rows_with_tokens(moment, app, schema, (found, Some(paging)))
}

fn trades(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("trades")?;
    let select = Select::of(schema, 0).is("trader", Value::text(ask.given("address")));
    let select = newest_trades(between(select, ask, "block_time"));
    let (found, paging) = behind(ask, moment, app, select)?;
    rows_with_tokens(moment, app, schema, (found, Some(paging)))
}

fn matches(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("smart_matches")?;
    let select = filtered(Select::of(schema, 0), ask, &[]).is("trader", Value::text(ask.given("address")));
    let select = between(select, ask, "block_time").latest("block_time", Some(0));
    let (found, paging) = behind(ask, moment, app, select.latest("event_id", None).latest("list", None))?;
    rows_with_tokens(moment, app, schema, (found, Some(paging)))
}

/// Trades of listed wallets, for the routes of smart money.
pub(super) fn listed(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let columns = ["list", "mint", "trader", "side", "historical"];
    newest(ask, (moment, app), "smart_matches", (&columns, "block_time", &["event_id", "list"]))
}
