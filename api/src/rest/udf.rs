//! The protocol that TradingView's charting library pulls its data by (UDF).
//!
//! Its answers are not wrapped: the library reads them as they are. What is wrong is told as `{"s": "error"}`, since
//! it looks at no status.

use std::collections::BTreeMap;

use model::{Row, Schema, Value};
use serde_json::{Value as Json, json};

use super::chart::{BARS, Fill, Span, bars, candles, length_ms};
use super::search::searched;
use crate::answer::value;
use crate::app::App;
use crate::history::{Moment, Of, Select, Test};
use crate::problem::Problem;

/// The library's names of intervals, and ours.
const RESOLUTIONS: [(&str, &str); 12] = [
    ("1S", "1s"),
    ("15S", "15s"),
    ("30S", "30s"),
    ("1", "1m"),
    ("5", "5m"),
    ("15", "15m"),
    ("30", "30m"),
    ("60", "1h"),
    ("240", "4h"),
    ("360", "6h"),
    ("720", "12h"),
    ("1D", "1d"),
];
/// Digits of a price that are shown.
const DIGITS: i32 = 5;
/// Digits behind the point, at most.
const DIGITS_BEHIND: i32 = 16;
/// Marks of an answer, of each kind.
const MARKS: usize = 500;

/// What the query says.
pub(crate) type Said = BTreeMap<String, String>;

/// What it can answer without a store.
pub(crate) fn config() -> Json {
    let resolutions: Vec<&str> = RESOLUTIONS.iter().map(|(name, _)| *name).collect();
    json!({
        "supports_search": true,
        "supports_group_request": false,
        "supports_marks": true,
        "supports_timescale_marks": true,
        "supports_time": true,
        "supported_resolutions": resolutions,
        "exchanges": [{ "value": "", "name": "All", "desc": "" }],
        "symbols_types": [{ "name": "All", "value": "" }, { "name": "Crypto", "value": "crypto" }],
    })
}

/// Answers one of its questions.
pub(crate) fn answer(name: &str, said: &Said, moment: &dyn Moment, app: &App) -> Result<Json, Problem> {
    let of = |name: &str| said.get(name).map_or("", String::as_str);
    match name {
        "symbols" => symbol(of("symbol"), moment, app),
        "search" => search(said, moment, app),
        "history" => history(said, moment, app),
        "marks" => marks(said, moment, app),
        "timescale_marks" => timescale_marks(said, moment, app),
        "quotes" => quotes(of("symbols"), moment, app),
        _ => Ok(error("unknown_request")),
    }
}

/// How the library is told that something is wrong.
pub(crate) fn error(message: &str) -> Json {
    json!({ "s": "error", "errmsg": message })
}

fn token(mint: &str, moment: &dyn Moment, app: &App) -> Result<Option<(&'static Schema, Row)>, Problem> {
    let schema = app.record("tokens")?;
    let select = Select::of(schema, 1).is("mint", Value::text(mint));
    Ok(moment.rows(&select)?.into_iter().next().map(|row| (schema, row)))
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(f) => Some(*f),
        _ => None,
    }
}

/// A name as its creator wrote it, without what cannot be seen, or the ends of the address.
fn called(schema: &Schema, row: &Row, column: &str, mint: &str) -> String {
    let text = value(schema, row, column).as_text().unwrap_or_default();
    let clean: String = text.chars().filter(|c| !c.is_control()).take(32).collect();
    if clean.trim().is_empty() { mint.chars().take(8).collect() } else { clean }
}

fn symbol(mint: &str, moment: &dyn Moment, app: &App) -> Result<Json, Problem> {
    let Some((schema, row)) = token(mint, moment, app)? else { return Ok(error("unknown_symbol")) };
    let name = called(schema, &row, "symbol", mint);
    Ok(json!({
        "ticker": mint,
        "name": name,
        "full_name": name,
        "description": called(schema, &row, "name", mint),
        "type": "crypto",
        "session": "24x7",
        "timezone": "Etc/UTC",
        "exchange": value(schema, &row, "program").as_text().unwrap_or_default(),
        "listed_exchange": value(schema, &row, "program").as_text().unwrap_or_default(),
        "has_seconds": true,
        "has_intraday": true,
        "has_daily": true,
        "seconds_multipliers": ["1", "15", "30"],
        "intraday_multipliers": ["1", "5", "15", "30", "60", "240", "360", "720"],
        "supported_resolutions": RESOLUTIONS.map(|(name, _)| name),
        "currency_code": "SOL",
        "data_status": "streaming",
        "format": "price",
        "minmov": 1,
        "pricescale": price_scale(float(value(schema, &row, "price"))),
    }))
}

/// A power of ten: so many steps has a unit of the price that the price has five digits.
fn price_scale(price: Option<f64>) -> u64 {
    let price = price.filter(|price| *price > 0.0 && price.is_finite()).unwrap_or(1e-6);
    #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a float is between −324 and 309")]
    let magnitude = price.log10().floor() as i32;
    let behind = (DIGITS - 1 - magnitude).clamp(0, DIGITS_BEHIND);
    10u64.saturating_pow(u32::try_from(behind).unwrap_or(0))
}

fn search(said: &Said, moment: &dyn Moment, app: &App) -> Result<Json, Problem> {
    let of = |name: &str| said.get(name).map_or("", String::as_str);
    let limit = of("limit").parse().unwrap_or(30usize).clamp(1, 50);
    if of("query").trim().is_empty() {
        return Ok(json!([]));
    }
    let query: String = of("query").chars().take(64).collect();
    let found: Vec<Json> = serde_json::from_slice(&searched(app, moment, &query, limit)?).unwrap_or_default();
    let is_wanted = |hit: &&Json| {
        let exchange = of("exchange");
        hit["type"] == "token" && (exchange.is_empty() || hit["program"].as_str() == Some(exchange))
    };
    let each = |hit: &Json| {
        let mint = hit["mint"].as_str().unwrap_or_default();
        let or_mint = |name: &str| {
            let text = hit[name].as_str().unwrap_or_default();
            if text.is_empty() { mint.to_owned() } else { text.to_owned() }
        };
        json!({
            "symbol": or_mint("symbol"),
            "full_name": or_mint("symbol"),
            "description": or_mint("name"),
            "exchange": hit["program"],
            "ticker": mint,
            "type": "crypto",
        })
    };
    Ok(Json::from(found.iter().filter(is_wanted).map(each).collect::<Vec<_>>()))
}

/// A time in seconds as milliseconds.
fn ms(said: &Said, name: &str) -> Option<u64> {
    let seconds: i64 = said.get(name)?.parse().ok()?;
    Some(u64::try_from(seconds).unwrap_or(0).min(1 << 40).saturating_mul(1_000))
}

fn interval_of(said: &Said) -> Option<&'static str> {
    let resolution = said.get("resolution")?;
    let resolution = if resolution == "D" { "1D" } else { resolution.as_str() };
    RESOLUTIONS.iter().find(|(name, _)| *name == resolution).map(|(_, interval)| *interval)
}

/// Bars in `[from, to)`; with `countback` so many before `to`, whatever `from` says.
fn history(said: &Said, moment: &dyn Moment, app: &App) -> Result<Json, Problem> {
    let Some(interval) = interval_of(said) else { return Ok(error("unknown_resolution")) };
    let mint = said.get("symbol").map_or("", String::as_str);
    if token(mint, moment, app)?.is_none() {
        return Ok(error("unknown_symbol"));
    }
    let countback =
        said.get("countback").and_then(|count| count.parse().ok()).filter(|count: &u64| *count > 0);
    let now_ms = moment.frontier() / 1_000;
    // Nothing is known of bars that have not begun, and they are not filled.
    let to = ms(said, "to").unwrap_or(u64::MAX).min(now_ms.saturating_add(1));
    let from = ms(said, "from").unwrap_or(0);
    let select = candles(app, mint, "primary", interval)?;
    let span = Span {
        interval: interval.to_owned(),
        from: if countback.is_some() { None } else { Some(from) },
        to,
        count: countback.unwrap_or(BARS),
        fill: if countback.is_some() { Fill::PreviousClose } else { Fill::Nothing },
        connect: false,
    };
    let schema = select.schema;
    let mut found = bars(moment, &select, &span)?;
    found.retain(|row| float(value(schema, row, "open")).is_some());
    if found.is_empty() {
        return no_data(moment, &select, from.min(to));
    }
    let column = |name: &str| -> Vec<Option<f64>> {
        found.iter().map(|row| float(value(schema, row, name))).collect()
    };
    let times: Vec<u64> = found.iter().map(|row| opened(schema, row) / 1_000).collect();
    let volumes: Vec<f64> =
        found.iter().map(|row| float(value(schema, row, "volume_usd")).unwrap_or(0.0)).collect();
    Ok(json!({
        "s": "ok",
        "t": times,
        "o": column("open"),
        "h": column("high"),
        "l": column("low"),
        "c": column("close"),
        "v": volumes,
    }))
}

fn opened(schema: &Schema, row: &Row) -> u64 {
    match value(schema, row, "open_time") {
        Value::Count(ms) => *ms,
        _ => 0,
    }
}

/// Where the library should look next; without that it stops to ask.
fn no_data(moment: &dyn Moment, select: &Select, before: u64) -> Result<Json, Problem> {
    let mut older = select.clone().with(Test::Below(Of::own("open_time"), Value::Count(before)));
    older.limit = 1;
    let older = moment.rows(&older.by("open_time", true))?;
    Ok(match older.first() {
        Some(row) => json!({ "s": "no_data", "nextTime": opened(select.schema, row) / 1_000 }),
        None => json!({ "s": "no_data" }),
    })
}

/// Events of a record, each with the time of its bar in seconds.
type Happened = (&'static Schema, Vec<(u64, Row)>);

/// A mark on a bar.
struct Mark {
    id: String,
    time: u64,
    text: String,
    label: &'static str,
    color: &'static str,
}

/// The events of a token between two times, by record: of each the row and the time of its bar, in seconds.
fn happened(
    said: &Said,
    (moment, app): (&dyn Moment, &App),
    (record, time): (&str, &str),
) -> Result<Happened, Problem> {
    let schema = app.record(record)?;
    let mint = said.get("symbol").map_or("", String::as_str);
    let select = Select::of(schema, MARKS)
        .is("mint", Value::text(mint))
        .with(Test::AtLeast(Of::own(time), Value::Count(ms(said, "from").unwrap_or(0))))
        .with(Test::AtMost(Of::own(time), Value::Count(ms(said, "to").unwrap_or(u64::MAX >> 12))))
        .by(time, true);
    let length = interval_of(said).map_or(60_000, length_ms).max(1);
    let mut rows: Vec<(u64, Row)> = moment
        .rows(&select)?
        .into_iter()
        .map(|row| {
            let at = match value(schema, &row, time) {
                Value::Count(ms) => *ms,
                _ => 0,
            };
            (at / length * length / 1_000, row)
        })
        .collect();
    rows.reverse();
    Ok((schema, rows))
}

fn text(schema: &Schema, row: &Row, column: &str) -> String {
    value(schema, row, column).as_text().unwrap_or_default().to_owned()
}

fn marks(said: &Said, moment: &dyn Moment, app: &App) -> Result<Json, Problem> {
    let mut all = Vec::new();
    let (schema, matches) = happened(said, (moment, app), ("smart_matches", "block_time"))?;
    for (at, row) in &matches {
        let is_buy = text(schema, row, "side") == "buy";
        let key = format!("{}-{}", text(schema, row, "event_id"), text(schema, row, "list"));
        let words = format!(
            "{} {} of {}",
            text(schema, row, "list"),
            text(schema, row, "side"),
            text(schema, row, "trader")
        );
        let (label, color) = if is_buy { ("B", "green") } else { ("S", "red") };
        all.push(Mark { id: key, time: *at, text: words, label, color });
    }
    let (schema, alerts) = happened(said, (moment, app), ("alerts", "fired_at"))?;
    for (at, row) in &alerts {
        let words = format!("{}: {}", text(schema, row, "rule_id"), text(schema, row, "kind"));
        all.push(Mark {
            id: text(schema, row, "alert_id"),
            time: *at,
            text: words,
            label: "A",
            color: "yellow",
        });
    }
    let column = |each: &dyn Fn(&Mark) -> Json| -> Vec<Json> { all.iter().map(each).collect() };
    Ok(json!({
        "id": column(&|mark| mark.id.clone().into()),
        "time": column(&|mark| mark.time.into()),
        "color": column(&|mark| mark.color.into()),
        "text": column(&|mark| mark.text.clone().into()),
        "label": column(&|mark| mark.label.into()),
        "labelFontColor": column(&|_| "white".into()),
        "minSize": column(&|_| 14.into()),
    }))
}

fn timescale_marks(said: &Said, moment: &dyn Moment, app: &App) -> Result<Json, Problem> {
    let (schema, lifecycle) = happened(said, (moment, app), ("lifecycle", "at"))?;
    let each = |(at, row): &(u64, Row)| {
        let kind = text(schema, row, "kind");
        let label: String = kind.chars().take(1).flat_map(char::to_uppercase).collect();
        json!({ "id": format!("{kind}-{at}"), "time": at, "color": "blue", "label": label, "tooltip": [kind] })
    };
    Ok(Json::from(lifecycle.iter().map(each).collect::<Vec<_>>()))
}

fn quotes(symbols: &str, moment: &dyn Moment, app: &App) -> Result<Json, Problem> {
    let mut all = Vec::new();
    for mint in symbols.split(',').map(str::trim).filter(|mint| !mint.is_empty()).take(100) {
        let Some((schema, row)) = token(mint, moment, app)? else {
            all.push(json!({ "s": "error", "n": mint, "errmsg": "unknown_symbol" }));
            continue;
        };
        let price = float(value(schema, &row, "price"));
        let change = float(value(schema, &row, "price_change_24h_pct"));
        let before = price.zip(change).map(|(price, change)| price / (1.0 + change / 100.0));
        all.push(json!({
            "s": "ok",
            "n": mint,
            "v": {
                "lp": price,
                "ch": price.zip(before).map(|(price, before)| price - before).filter(|ch| ch.is_finite()),
                "chp": change,
                "volume": float(value(schema, &row, "volume_24h_usd")),
                "short_name": called(schema, &row, "symbol", mint),
                "description": called(schema, &row, "name", mint),
            },
        }));
    }
    Ok(json!({ "s": "ok", "d": all }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_has_five_digits_as_far_as_the_library_can_show_them() {
        let scale = |price| price_scale(Some(price));
        assert_eq!(scale(0.000_012_345), 1_000_000_000);
        assert_eq!(scale(1.0), 10_000);
        assert_eq!(scale(123_456.0), 1);
        assert_eq!(scale(1e-30), 10_000_000_000_000_000);
        assert_eq!(price_scale(None), 10_000_000_000);
    }

    #[test]
    fn every_resolution_is_an_interval() {
        for (_, interval) in RESOLUTIONS {
            assert!(super::super::chart::INTERVALS.contains(&interval));
        }
    }
}
