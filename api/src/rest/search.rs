//! Search: tokens, pools and wallets by address, tokens by symbol and name.

use model::{Address, Row, Value};

use super::brief;
use crate::answer::{Answer, Shape, value};
use crate::app::App;
use crate::history::{Moment, Of, Select, Test};
use crate::parameter::{Ask, Form, Parameter};
use crate::problem::Problem;
use crate::route::{Gives, Route};

/// Tokens that match, at most; the best of them by the store's order of liquidity are looked at.
const CANDIDATES: usize = 2_000;

pub(super) const ROUTES: &[Route] = &[Route {
    path: "/search",
    tag: "search",
    doc: "By exact address of a token, pool or wallet, else by symbol and name: exact, then from the start, then anywhere; of equals the most liquid first.",
    parameters: &[
        Parameter::new("q", Form::Text(64), "What is looked for, from 1 to 64 characters."),
        Parameter::new("limit", Form::Count(1, 50), "Results.").or("20"),
    ],
    gives: Gives::Array,
    find: search,
}];

fn search(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let limit = usize::try_from(ask.count("limit").unwrap_or(20)).unwrap_or(20);
    searched(app, moment, ask.text("q").unwrap_or_default(), limit).map(Answer::new)
}

/// What is found, as JSON.
pub(crate) fn searched(app: &App, moment: &dyn Moment, q: &str, limit: usize) -> Result<Vec<u8>, Problem> {
    let wanted = q.trim();
    if wanted.is_empty() || wanted.contains('\0') {
        return Err(Problem::parameter("q", "`q` is missing; text of 1 to 64 characters"));
    }
    let mut found: Vec<(&'static str, Row)> = Vec::new();
    if wanted.parse::<Address>().is_ok() {
        for (kind, record, column) in
            [("token", "tokens", "mint"), ("pool", "pools", "pool"), ("wallet", "wallet_stats", "trader")]
        {
            let select = Select::of(app.record(record)?, 1).is(column, Value::text(wanted));
            found.extend(moment.rows(&select)?.into_iter().map(|row| (kind, row)));
        }
    }
    let tokens = app.record("tokens")?;
    let text =
        |row: &Row, column: &str| value(tokens, row, column).as_text().unwrap_or_default().to_lowercase();
    let holds = |column: &str| Test::Holds(Of::own(column), wanted.to_owned());
    let select = Select::of(tokens, CANDIDATES)
        .with(Test::Any(vec![holds("symbol"), holds("name")]))
        .by("liquidity_usd", true)
        .by("mint", false);
    let lower = wanted.to_lowercase();
    let mut named: Vec<(u8, Row)> = moment
        .rows(&select)?
        .into_iter()
        .map(|row| {
            let (symbol, name) = (text(&row, "symbol"), text(&row, "name"));
            let rank = match () {
                () if symbol == lower => 0,
                () if name == lower => 1,
                () if symbol.starts_with(&lower) => 2,
                () if name.starts_with(&lower) => 3,
                () => 4,
            };
            (rank, row)
        })
        .collect();
    // Stable: of equals the store's order stays.
    named.sort_by_key(|(rank, _)| *rank);
    found.extend(named.into_iter().map(|(_, row)| ("token", row)));
    found.truncate(limit);
    written(app, &found)
}

fn written(app: &App, found: &[(&'static str, Row)]) -> Result<Vec<u8>, Problem> {
    let token = brief(app.record("tokens")?, true);
    let (pools, wallets) = (app.record("pools")?, app.record("wallet_stats")?);
    let mut data = Vec::new();
    crate::answer::list(found, &mut data, |(kind, row), out| {
        match *kind {
            "token" => token.open(row, out)?,
            "pool" => Shape::whole(pools).open(row, out)?,
            _ => Shape::whole(wallets).open(row, out)?,
        }
        out.extend_from_slice(format!(",\"type\":\"{kind}\"}}").as_bytes());
        Ok(())
    })?;
    Ok(data)
}
