//! Tokens: the list with its filters, one with all that is known of it, its trades, holders, labels and traders.

use std::collections::BTreeMap;

use model::{Kind, Row, Schema, Value};

use super::{behind, between, brief, filtered, one, rows, shape, sorted};
use crate::answer::{Answer, Paging, Shape, list, value};
use crate::app::App;
use crate::history::{Beside, Moment, Of, Select, Sort, Test};
use crate::parameter::{Ask, Form, Parameter};
use crate::problem::Problem;
use crate::route::{CURSOR, FIELDS, FROM, Gives, LIMIT, LIMIT_100, MINT, Route, TO};

/// Holders that go with a token.
const HOLDERS: usize = 20;
const STATUSES: &[&str] = &["created", "trading", "completed", "migrated", "dead"];
const SIDES: &[&str] = &["buy", "sell"];
const LEVELS: &[&str] = &["processed", "confirmed", "finalized"];

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/tokens",
        tag: "tokens",
        doc: "Tokens, filtered and sorted. The order is frozen for a minute for whoever goes on with the cursor.",
        parameters: &[
            Parameter::new(
                "sort",
                Form::Text(64),
                "A numeric or time column of `tokens`, or `WINDOW.COLUMN` of `token_stats`, such as `5m.volume_usd`.",
            )
            .or("volume_24h_usd"),
            Parameter::new("order", Form::Choice(&["asc", "desc"]), "Unknown values come last in both.").or("desc"),
            Parameter::new("min_liquidity", Form::Number, "Liquidity of the primary pool at least, USD."),
            Parameter::new("min_volume", Form::Number, "Volume of 24 hours at least, USD."),
            Parameter::new("min_market_cap", Form::Number, "USD."),
            Parameter::new("max_market_cap", Form::Number, "USD."),
            Parameter::new("min_holders", Form::Count(0, 1 << 40), "Holders at least."),
            Parameter::new("max_top10", Form::Number, "Share of the ten largest holders at most, percent."),
            Parameter::new("max_risk", Form::Count(0, 100), "Points of risk at most."),
            Parameter::new("min_age", Form::Count(0, 1 << 32), "Created at least so many seconds ago."),
            Parameter::new("max_age", Form::Count(0, 1 << 32), "Created at most so many seconds ago."),
            Parameter::new("active", Form::Count(0, 1 << 32), "Traded within so many seconds."),
            Parameter::new("program", Form::Text(32), "Program."),
            Parameter::new("status", Form::Choices(STATUSES), "Some of these, with commas between."),
            Parameter::new("quote", Form::Address, "What the primary pool is quoted in."),
            Parameter::new("search", Form::Text(64), "Part of the name or symbol."),
            Parameter::new("mints", Form::Addresses(100), "Only these, with commas between."),
            Parameter::new("windows", Form::Names, "Adds these windows of `token_stats`, such as `5m,1h`."),
            FIELDS,
            LIMIT,
            Parameter::new("page", Form::Count(1, 10_000), "From 1; without a cursor.").or("1"),
            CURSOR,
        ],
        gives: Gives::Rows("tokens"),
        find: tokens,
    },
    Route {
        path: "/tokens/{mint}",
        tag: "tokens",
        doc: "A token with its windows, primary pool, concentration, largest holders, labels and lifecycle, all of one frontier.",
        parameters: &[MINT],
        gives: Gives::Object,
        find: token,
    },
    Route {
        path: "/tokens/{mint}/trades",
        tag: "tokens",
        doc: "Trades of a token, the newest in chain order first.",
        parameters: &[
            MINT,
            Parameter::new("side", Form::Choice(SIDES), "Side of the wallet."),
            Parameter::new("trader", Form::Address, "Of this wallet."),
            Parameter::new("min_usd", Form::Number, "Worth this at least, USD."),
            Parameter::new("label", Form::Text(32), "With this label."),
            Parameter::new("commitment", Form::Choice(LEVELS), "Settled at least so."),
            FROM,
            TO,
            Parameter::new("as_of", Form::Count(0, 1 << 52), "Not after this moment, milliseconds since 1970."),
            FIELDS,
            LIMIT_100,
            CURSOR,
        ],
        gives: Gives::Rows("trades"),
        find: trades,
    },
    Route {
        path: "/tokens/{mint}/holders",
        tag: "tokens",
        doc: "The largest holders of a token.",
        parameters: &[MINT, FIELDS, LIMIT, CURSOR],
        gives: Gives::Rows("holders"),
        find: holders,
    },
    Route {
        path: "/tokens/{mint}/labels",
        tag: "tokens",
        doc: "What was found of wallets and trades of a token, with reasons and evidence.",
        parameters: &[
            MINT,
            Parameter::new("kind", Form::Text(32), "Only labels of this kind, such as `sniper`."),
            FIELDS,
            LIMIT,
            CURSOR,
        ],
        gives: Gives::Rows("labels"),
        find: labels,
    },
    Route {
        path: "/tokens/{mint}/traders",
        tag: "tokens",
        doc: "What each wallet has made of a token. By profit come those only that were seen to buy it.",
        parameters: &[
            MINT,
            Parameter::new(
                "sort",
                Form::Choice(&["total_usd", "realised_usd", "unrealised_usd", "invested_usd", "buys", "sells"]),
                "By which column of `wallet_positions`, from the greatest.",
            )
            .or("total_usd"),
            FIELDS,
            LIMIT,
            CURSOR,
        ],
        gives: Gives::Rows("wallet_positions"),
        find: traders,
    },
];

fn tokens(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("tokens")?;
    let shape = shape(ask, schema)?;
    let select = listed(ask, moment, app, schema)?;
    let (found, paging) = sorted(ask, moment, app, (&select, "mint"))?;
    match ask.texts("windows") {
        Some(windows) => with_windows(moment, app, (&shape, found, paging), windows),
        None => rows(&shape, (found, paging)),
    }
}

/// The first rows of the board, by volume, as JSON.
pub(crate) fn first(moment: &dyn Moment, app: &App) -> Result<Vec<u8>, Problem> {
    const ROWS: usize = 20;
    let schema = app.record("tokens")?;
    let select = Select::of(schema, ROWS).by("volume_24h_usd", true).by("mint", false);
    let found = moment.rows(&select)?;
    let mut rows = Vec::new();
    brief(schema, true).array(&found, &mut rows)?;
    let rows = String::from_utf8(rows).unwrap_or_default();
    let lag_ms = app.lag_ms(moment.frontier());
    Ok(format!("{{\"rows\":{rows},\"as_of\":{},\"lag_ms\":{lag_ms}}}", moment.frontier()).into_bytes())
}

/// The filters and the order of the list.
fn listed(ask: &Ask, moment: &dyn Moment, app: &App, schema: &'static Schema) -> Result<Select, Problem> {
    let mut select = Select::of(schema, 0);
    for (name, column) in [
        ("min_liquidity", "liquidity_usd"),
        ("min_volume", "volume_24h_usd"),
        ("min_market_cap", "market_cap_usd"),
        ("min_holders", "holders"),
    ] {
        if let Some(value) = ask.value(name) {
            select = select.with(Test::AtLeast(Of::own(column), value));
        }
    }
    for (name, column) in
        [("max_market_cap", "market_cap_usd"), ("max_top10", "top10_pct"), ("max_risk", "risk")]
    {
        if let Some(value) = ask.value(name) {
            select = select.with(Test::AtMost(Of::own(column), value));
        }
    }
    let ago = |seconds: u64| {
        Value::Count((moment.frontier() / 1_000).saturating_sub(seconds.saturating_mul(1_000)))
    };
    if let Some(age) = ask.count("min_age") {
        select = select.with(Test::AtMost(Of::own("created_at"), ago(age)));
    }
    if let Some(age) = ask.count("max_age") {
        select = select.with(Test::AtLeast(Of::own("created_at"), ago(age)));
    }
    if let Some(since) = ask.count("active") {
        select = select.with(Test::AtLeast(Of::own("last_trade_at"), ago(since)));
    }
    // As lists of one: a frozen order is not held against what may change.
    for (name, column) in [("program", "program"), ("quote", "quote_mint")] {
        if let Some(value) = ask.value(name) {
            select = select.with(Test::In(Of::own(column), vec![value]));
        }
    }
    for (name, column) in [("status", "status"), ("mints", "mint")] {
        if let Some(texts) = ask.texts(name) {
            select = select.with(Test::In(Of::own(column), texts.iter().map(Value::text).collect()));
        }
    }
    if let Some(text) = ask.text("search") {
        let holds = |column: &str| Test::Holds(Of::own(column), text.to_owned());
        select = select.with(Test::Any(vec![holds("name"), holds("symbol")]));
    }
    let (of, beside) = sort_column(ask.given("sort"), schema, app)?;
    select.beside = beside;
    let is_descending = ask.text("order") != Some("asc");
    select.order = vec![
        Sort { of, or: None, is_descending },
        Sort { of: Of::own("mint"), or: None, is_descending: false },
    ];
    Ok(select)
}

/// The column that `sort` names, and the window that it is of.
fn sort_column(sort: &str, schema: &'static Schema, app: &App) -> Result<(Of, Option<Beside>), Problem> {
    let is_number = |schema: &Schema, name: &str| {
        let found = schema.columns.iter().find(|column| column.name == name);
        found.is_some_and(|c| {
            matches!(c.kind, Kind::Count | Kind::Amount | Kind::Sum | Kind::Float | Kind::Time)
        })
    };
    let refused = |record: &str| {
        Problem::parameter(
            "sort",
            format!("`sort` is no numeric or time column of `{record}`; see /api/v1/records"),
        )
    };
    let Some((window, column)) = sort.split_once('.') else {
        return if is_number(schema, sort) { Ok((Of::own(sort), None)) } else { Err(refused("tokens")) };
    };
    let stats = app.record("token_stats")?;
    if !is_number(stats, column) {
        return Err(refused("token_stats"));
    }
    let beside = Beside { schema: stats, on: "mint", fixed: ("window", Value::text(window)) };
    Ok((Of::beside(column), Some(beside)))
}

/// Rows of tokens, each with the windows that were asked for as `stats`.
fn with_windows(
    moment: &dyn Moment,
    app: &App,
    (shape, found, paging): (&Shape, Vec<Row>, Paging),
    windows: &[String],
) -> Result<Answer, Problem> {
    let (tokens, stats) = (app.record("tokens")?, app.record("token_stats")?);
    let mints: Vec<Value> = found.iter().map(|row| value(tokens, row, "mint").clone()).collect();
    let most = mints.len().saturating_mul(windows.len());
    let select = Select::of(stats, most)
        .with(Test::In(Of::own("mint"), mints))
        .with(Test::In(Of::own("window"), windows.iter().map(Value::text).collect()))
        .by("mint", false);
    let mut by_mint: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in moment.rows(&select)? {
        if let Some(mint) = value(stats, &row, "mint").as_text() {
            by_mint.entry(mint.to_owned()).or_default().push(row);
        }
    }
    let each = Shape::whole(stats);
    let mut data = Vec::new();
    list(&found, &mut data, |row, out| {
        shape.open(row, out)?;
        out.extend_from_slice(if out.last() == Some(&b'{') { b"\"stats\":" } else { b",\"stats\":" });
        let none = Vec::new();
        let of_token =
            value(tokens, row, "mint").as_text().and_then(|mint| by_mint.get(mint)).unwrap_or(&none);
        keyed(stats, &each, of_token, "window", out)?;
        out.push(b'}');
        Ok(())
    })?;
    Ok(Answer::new(data).paged(paging))
}

/// Appends an object with a row a member, named by a column.
fn keyed(
    schema: &Schema,
    shape: &Shape,
    found: &[Row],
    column: &str,
    out: &mut Vec<u8>,
) -> std::io::Result<()> {
    out.push(b'{');
    for (i, row) in found.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let name = value(schema, row, column).as_text().unwrap_or_default();
        out.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
        out.push(b':');
        shape.object(row, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn token(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let mint = ask.given("mint");
    let by_mint = |record: &str, most: usize| -> Result<(&'static Schema, Select), Problem> {
        let schema = app.record(record)?;
        Ok((schema, Select::of(schema, most).is("mint", Value::text(mint))))
    };
    let (tokens, select) = by_mint("tokens", 1)?;
    let token = one(moment, &select, ("token", mint))?;
    let mut out = b"{\"token\":".to_vec();
    Shape::whole(tokens).object(&token, &mut out)?;
    let (stats, select) = by_mint("token_stats", 64)?;
    out.extend_from_slice(b",\"stats\":");
    keyed(stats, &Shape::whole(stats), &moment.rows(&select)?, "window", &mut out)?;
    let pools = app.record("pools")?;
    let pool = Select::of(pools, 1).is("pool", value(tokens, &token, "primary_pool").clone());
    let (concentration, of_mint) = by_mint("concentration", 1)?;
    for (name, schema, select) in [("pool", pools, pool), ("concentration", concentration, of_mint)] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        match moment.rows(&select)?.first() {
            Some(row) => Shape::whole(schema).object(row, &mut out)?,
            None => out.extend_from_slice(b"null"),
        }
    }
    let (holders, select) = by_mint("holders", HOLDERS)?;
    let (lifecycle, of_mint) = by_mint("lifecycle", 64)?;
    for (name, schema, select) in
        [("holders", holders, select.by("rank", false)), ("lifecycle", lifecycle, of_mint.by("slot", false))]
    {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        Shape::whole(schema).array(&moment.rows(&select)?, &mut out)?;
    }
    out.extend_from_slice(b",\"labels\":");
    out.extend_from_slice(label_counts(moment, app, mint)?.to_string().as_bytes());
    out.push(b'}');
    Ok(Answer::new(out))
}

/// How many labels of each kind a token has.
fn label_counts(moment: &dyn Moment, app: &App, mint: &str) -> Result<serde_json::Value, Problem> {
    let schema = app.record("labels")?;
    let kind = schema.columns.iter().position(|column| column.name == "kind");
    let select = Select {
        columns: Some(kind.into_iter().collect()),
        ..Select::of(schema, 100_000).is("mint", Value::text(mint))
    };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for row in moment.rows(&select)? {
        if let Some(kind) = row.first().and_then(Value::as_text) {
            *counts.entry(kind.to_owned()).or_default() += 1;
        }
    }
    Ok(serde_json::json!(counts))
}

/// The newest in chain order first. An unknown transaction index counts as the last, no inner instruction as the
/// first.
pub(super) fn newest_trades(select: Select) -> Select {
    select
        .latest("slot", None)
        .latest("tx_index", Some(i64::from(u32::MAX)))
        .latest("outer_ix", None)
        .latest("inner_ix", Some(-1))
        .latest("event_id", None)
}

fn trades(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("trades")?;
    let mut select = filtered(Select::of(schema, 0), ask, &["mint", "side", "trader"]);
    select = between(select, ask, "block_time");
    if let Some(least) = ask.value("min_usd") {
        select = select.with(Test::AtLeast(Of::own("value_usd"), least));
    }
    if let Some(label) = ask.text("label") {
        select = select.with(Test::Holds(Of::own("labels"), label.to_owned()));
    }
    if let Some(level) = ask.text("commitment") {
        let at_least = LEVELS.iter().skip_while(|other| **other != level).map(|other| Value::text(*other));
        select = select.with(Test::In(Of::own("commitment"), at_least.collect()));
    }
    let shape = shape(ask, schema)?;
    rows(&shape, behind(ask, moment, app, newest_trades(select))?)
}

fn holders(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("holders")?;
    let select = filtered(Select::of(schema, 0), ask, &["mint"]).by("rank", false).by("owner", false);
    rows(&shape(ask, schema)?, behind(ask, moment, app, select)?)
}

fn labels(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("labels")?;
    let select =
        filtered(Select::of(schema, 0), ask, &["mint", "kind"]).by("subject", false).by("kind", false);
    rows(&shape(ask, schema)?, behind(ask, moment, app, select)?)
}

fn traders(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let schema = app.record("wallet_positions")?;
    let sort = ask.given("sort");
    let mut select = filtered(Select::of(schema, 0), ask, &["mint"]).by(sort, true).by("trader", false);
    if ["total_usd", "realised_usd", "unrealised_usd"].contains(&sort) {
        // A sale without a purchase has made nothing, which is more than a loss: it must lead nobody.
        select = select.with(Test::AtLeast(Of::own("buys"), Value::Count(1)));
    }
    rows(&shape(ask, schema)?, sorted(ask, moment, app, (&select, "trader"))?)
}
