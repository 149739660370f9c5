//! What can be read, group by group, and what the groups have in common.

mod alerts;
mod chart;
mod market;
mod records;
mod search;
mod smart;
mod tokens;
pub(crate) mod udf;
mod wallets;

use std::collections::HashMap;
use std::sync::Arc;

use model::{Row, Schema, Value};

use crate::answer::{Answer, Paging, Shape, list, value};
use crate::app::App;
use crate::history::{Moment, Of, Select, Test};
use crate::parameter::Ask;
use crate::problem::Problem;
use crate::route::Route;

pub(crate) use chart::candles;
pub(crate) use search::searched;
pub(crate) use tokens::first as first_tokens;

/// Every route, in the order of the documents.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    [
        tokens::ROUTES,
        market::ROUTES,
        search::ROUTES,
        wallets::ROUTES,
        smart::ROUTES,
        alerts::ROUTES,
        records::ROUTES,
    ]
    .into_iter()
    .flatten()
}

/// Keys of a frozen order, at most.
const ORDER_LENGTH: usize = 10_000;

/// The shape of rows that the request asks for.
fn shape(ask: &Ask, schema: &'static Schema) -> Result<Shape, Problem> {
    match ask.texts("fields") {
        Some(names) => Shape::cut(schema, names).map_err(|detail| Problem::parameter("fields", detail)),
        None => Ok(Shape::whole(schema)),
    }
}

/// The only row, or a problem that says what is not there.
fn one(moment: &dyn Moment, select: &Select, (what, name): (&str, &str)) -> Result<Row, Problem> {
    moment.rows(select)?.into_iter().next().ok_or_else(|| Problem::not_found(what, name))
}

/// Adds tests for those parameters that were said and are columns of the same name.
fn filtered(mut select: Select, ask: &Ask, columns: &[&str]) -> Select {
    for column in columns {
        if let Some(value) = ask.value(column) {
            select = select.with(Test::Is(Of::own(column), value));
        }
    }
    select
}

/// Adds the bounds `from` and `to` on a column.
fn between(mut select: Select, ask: &Ask, column: &str) -> Select {
    if let Some(from) = ask.value("from") {
        select = select.with(Test::AtLeast(Of::own(column), from));
    }
    if let Some(to) = ask.value("to") {
        select = select.with(Test::Below(Of::own(column), to));
    }
    if let Some(as_of) = ask.value("as_of") {
        select = select.with(Test::AtMost(Of::own(column), as_of));
    }
    select
}

/// A page of rows behind a place in their order, which ends with their key: nothing is repeated or left out.
fn behind(
    ask: &Ask,
    moment: &dyn Moment,
    app: &App,
    mut select: Select,
) -> Result<(Vec<Row>, Paging), Problem> {
    let limit = ask.count("limit").unwrap_or(50);
    if let Some(cursor) = ask.text("cursor") {
        select.behind = Some(app.cursors.read(&ask.subject, cursor)?);
    }
    let asked = usize::try_from(limit).unwrap_or(1);
    select.limit = asked + 1;
    let mut rows = moment.rows(&select)?;
    let has_more = rows.len() > asked;
    rows.truncate(asked);
    let place = |row: &Row| -> Vec<Value> {
        let part = |sort: &crate::history::Sort| match (value(select.schema, row, &sort.of.column), sort.or) {
            (Value::Null, Some(or)) => Value::Sum(or.into()),
            (known, _) => known.clone(),
        };
        select.order.iter().map(part).collect()
    };
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|row| app.cursors.write(&ask.subject, &place(row)));
    Ok((rows, Paging { limit, next, ..Paging::default() }))
}

/// A page of rows in an order that changes all the time: it is frozen for whoever goes on. `key` is the column that
/// tells rows apart.
fn sorted(
    ask: &Ask,
    moment: &dyn Moment,
    app: &App,
    (select, key): (&Select, &'static str),
) -> Result<(Vec<Row>, Paging), Problem> {
    let limit = ask.count("limit").unwrap_or(50);
    let size = usize::try_from(limit).unwrap_or(1);
    let (keys, id, from) = match ask.text("cursor") {
        Some(cursor) => {
            let place = app.cursors.read(&ask.subject, cursor)?;
            let number = |at: usize| match place.get(at) {
                Some(Value::Sum(n)) => u64::try_from(*n).ok(),
                _ => None,
            };
            let wrong = || Problem::parameter("cursor", "`cursor` is none that was given for this request");
            let (id, from) = (number(0).ok_or_else(wrong)?, number(1).ok_or_else(wrong)?);
            (app.cursors.frozen(&ask.subject, id)?, Some(id), usize::try_from(from).unwrap_or(usize::MAX))
        }
        None => {
            let at = select.schema.columns.iter().position(|column| column.name == key);
            let keys =
                Select { columns: Some(at.into_iter().collect()), limit: ORDER_LENGTH, ..select.clone() };
            let rows = moment.rows(&keys)?.into_iter();
            let keys: Vec<Value> = rows.filter_map(|row| row.into_iter().next()).collect();
            let page = usize::try_from(ask.count("page").unwrap_or(1)).unwrap_or(usize::MAX);
            (Arc::new(keys), None, page.saturating_sub(1).saturating_mul(size))
        }
    };
    let here: Vec<Value> = keys.iter().skip(from).take(size).cloned().collect();
    let upto = from.saturating_add(here.len());
    let next = (upto < keys.len() && !here.is_empty()).then(|| {
        let id = id.unwrap_or_else(|| app.cursors.freeze(&ask.subject, Arc::clone(&keys)));
        app.cursors.write(&ask.subject, &[Value::Count(id), Value::Count(upto as u64)])
    });
    let paging = Paging { page: Some((from / size + 1) as u64), limit, total: Some(keys.len() as u64), next };
    // What names the list still holds; what it is sorted and filtered by may have changed since.
    let tests = select.tests.iter().filter(|test| matches!(test, Test::Is(of, _) if !of.is_beside)).cloned();
    let rows = Select { tests: tests.collect(), ..Select::of(select.schema, size) };
    let rows = moment.rows(&rows.with(Test::In(Of::own(key), here.clone())))?;
    let mut by_key: HashMap<String, Row> = rows
        .into_iter()
        .filter_map(|row| Some((value(select.schema, &row, key).as_text()?.to_owned(), row)))
        .collect();
    let rows = here.iter().filter_map(|key| by_key.remove(key.as_text()?)).collect();
    Ok((rows, paging))
}

/// An answer that is an array of rows.
fn rows(shape: &Shape, (rows, paging): (Vec<Row>, Paging)) -> Result<Answer, Problem> {
    let mut data = Vec::new();
    shape.array(&rows, &mut data)?;
    Ok(Answer::new(data).paged(paging))
}

/// What of a token goes with what is about it.
pub(crate) const TOKEN_COLUMNS: [&str; 26] = [
    "name",
    "symbol",
    "program",
    "created_at",
    "decimals",
    "quote_mint",
    "price",
    "price_usd",
    "market_cap_usd",
    "liquidity_usd",
    "curve_progress_pct",
    "status",
    "graduated_at",
    "migrated_at",
    "last_trade_at",
    "last_trade_side",
    "holders",
    "top10_pct",
    "dev_sold",
    "risk",
    "txns_24h",
    "volume_24h_usd",
    "price_change_1h_pct",
    "price_change_24h_pct",
    "snipers_held_pct",
    "score_v1",
];

/// The shape of a token that goes with what is about it: those columns, and `mint` if it stands alone.
pub(crate) fn brief(schema: &'static Schema, has_mint: bool) -> Shape {
    let is_there = |name: &&str| schema.columns.iter().any(|column| column.name == *name);
    let names: Vec<String> = has_mint
        .then_some("mint")
        .into_iter()
        .chain(TOKEN_COLUMNS)
        .filter(is_there)
        .map(str::to_owned)
        .collect();
    Shape::cut(schema, &names).unwrap_or_else(|_| Shape::whole(schema))
}

/// The tokens of these mints.
fn tokens_of(moment: &dyn Moment, app: &App, mints: Vec<Value>) -> Result<HashMap<String, Row>, Problem> {
    let schema = app.record("tokens")?;
    let select = Select::of(schema, mints.len()).with(Test::In(Of::own("mint"), mints));
    let keyed = |row: Row| Some((value(schema, &row, "mint").as_text()?.to_owned(), row));
    Ok(moment.rows(&select)?.into_iter().filter_map(keyed).collect())
}

/// An answer that is an array of rows, each with the token that it is about as `token`.
fn rows_with_tokens(
    moment: &dyn Moment,
    app: &App,
    schema: &'static Schema,
    (rows, paging): (Vec<Row>, Option<Paging>),
) -> Result<Answer, Problem> {
    let mints = rows.iter().map(|row| value(schema, row, "mint").clone()).collect();
    let tokens = tokens_of(moment, app, mints)?;
    let token = brief(app.record("tokens")?, false);
    let shape = Shape::whole(schema);
    let mut data = Vec::new();
    list(&rows, &mut data, |row, out| {
        shape.open(row, out)?;
        out.extend_from_slice(b",\"token\":");
        match value(schema, row, "mint").as_text().and_then(|mint| tokens.get(mint)) {
            Some(row) => token.object(row, out)?,
            None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
        Ok(())
    })?;
    let answer = Answer::new(data);
    Ok(match paging {
        Some(paging) => answer.paged(paging),
        None => answer,
    })
}
