//! Bars of a token, with or without the gaps between them filled.

use model::{Kind, Row, Schema, Value};

use crate::answer::{Answer, Shape, list, value};
use crate::app::App;
use crate::history::{Moment, Of, Select, Test};
use crate::parameter::Ask;
use crate::problem::Problem;

/// Bars of an answer, at most.
pub(super) const BARS: u64 = 2_000;
pub(super) const INTERVALS: &[&str] =
    &["1s", "15s", "30s", "1m", "5m", "15m", "30m", "1h", "4h", "6h", "12h", "1d"];

/// How long an interval is, milliseconds.
pub(super) fn length_ms(interval: &str) -> u64 {
    let (number, unit) = interval.split_at(interval.len().saturating_sub(1));
    let unit = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 86_400_000,
    };
    number.parse::<u64>().unwrap_or(1).saturating_mul(unit)
}

/// Bars of one series: of the primary pool, of all pools, or of one pool.
pub(crate) fn candles(app: &App, mint: &str, series: &str, interval: &str) -> Result<Select, Problem> {
    let schema = app.record("candles")?;
    let has = |name: &str| schema.columns.iter().any(|column| column.name == name);
    let select = Select::of(schema, 0).is("interval", Value::text(interval));
    Ok(if has("source") {
        // A bar stands once, however many series it is the bar of.
        let select = select.is("mint", Value::text(mint));
        match series {
            "primary" | "all" => select.is(if series == "all" { "in_all" } else { "in_primary" }, true),
            pool => select.is("source", Value::text(pool)),
        }
    } else {
        match series {
            "primary" | "all" => select.is("series", Value::text(series)).is("id", Value::text(mint)),
            pool => select.is("series", "pool").is("id", Value::text(pool)),
        }
    })
}

/// What is asked of a chart.
pub(super) struct Span {
    pub(super) interval: String,
    /// First moment, milliseconds; none if `count` says it.
    pub(super) from: Option<u64>,
    /// First moment after it.
    pub(super) to: u64,
    pub(super) count: u64,
    pub(super) fill: Fill,
    /// Whether a bar opens where the one before closed.
    pub(super) connect: bool,
}

/// What stands where nothing was traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    Nothing,
    /// A bar at the last price.
    PreviousClose,
    /// A bar without prices.
    Unknown,
}

pub(super) fn chart(ask: &Ask, moment: &dyn Moment, app: &App) -> Result<Answer, Problem> {
    let mint = ask.given("mint");
    let interval = ask.given("interval");
    let now_ms = moment.frontier() / 1_000;
    let to = ask.count("to").unwrap_or(now_ms.saturating_add(1));
    let countback = ask.count("countback");
    let day_before = to.saturating_sub(86_400_000);
    let span = Span {
        interval: interval.to_owned(),
        from: if countback.is_some() { None } else { Some(ask.count("from").unwrap_or(day_before)) },
        to,
        count: countback.unwrap_or(BARS),
        fill: match ask.text("fill") {
            Some("prev_close") => Fill::PreviousClose,
            Some("null") => Fill::Unknown,
            _ => Fill::Nothing,
        },
        connect: ask.flag("connect").unwrap_or(false),
    };
    let series = ask.given("series");
    let select = candles(app, mint, series, interval)?;
    let found = bars(moment, &select, &span)?;
    let mut out = serde_json::json!({ "interval": interval, "series": series }).to_string().into_bytes();
    out.pop();
    out.extend_from_slice(b",\"bars\":");
    Shape::whole(select.schema).array(&found, &mut out)?;
    if ask.flag("indicators") == Some(true) {
        out.extend_from_slice(b",\"indicators\":");
        let open = found.first().map_or(to, |bar| count(value(select.schema, bar, "open_time")));
        indicators(app, moment, (mint, interval, open, to), &mut out)?;
    }
    out.push(b'}');
    let is_closed = to <= now_ms.saturating_sub(length_ms(interval));
    Ok(Answer::new(out).kept_for(if is_closed { 300 } else { 1 }))
}

fn indicators(
    app: &App,
    moment: &dyn Moment,
    (mint, interval, from, to): (&str, &str, u64, u64),
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let schema = app.record("indicators")?;
    let select = Select::of(schema, usize::try_from(BARS).unwrap_or(usize::MAX))
        .is("mint", Value::text(mint))
        .is("interval", Value::text(interval))
        .with(Test::AtLeast(Of::own("open_time"), Value::Count(from)))
        .with(Test::Below(Of::own("open_time"), Value::Count(to)))
        .by("open_time", false);
    let shape = Shape::whole(schema);
    Ok(list(&moment.rows(&select)?, out, |row, out| shape.object(row, out))?)
}

fn count(value: &Value) -> u64 {
    match value {
        Value::Count(n) => *n,
        _ => 0,
    }
}

/// The bars of a span, the newest kept where there are too many, in ascending order.
pub(super) fn bars(moment: &dyn Moment, select: &Select, span: &Span) -> Result<Vec<Row>, Problem> {
    let schema = select.schema;
    let most = usize::try_from(span.count.min(BARS)).unwrap_or(usize::MAX);
    let before = |to: u64, limit: usize| {
        let mut select = select.clone().with(Test::Below(Of::own("open_time"), Value::Count(to)));
        select.limit = limit;
        select.by("open_time", true)
    };
    let mut newest = before(span.to, most);
    let length = length_ms(&span.interval).max(1);
    let from = match span.fill {
        // Filled, so many bars reach back so far and no further.
        Fill::PreviousClose | Fill::Unknown => {
            let last = span.to.saturating_sub(1) / length * length;
            let reach = span.count.min(BARS).saturating_sub(1).saturating_mul(length);
            Some(span.from.unwrap_or(0).max(last.saturating_sub(reach)))
        }
        Fill::Nothing => span.from,
    };
    if let Some(from) = from {
        newest = newest.with(Test::AtLeast(Of::own("open_time"), Value::Count(from)));
    }
    let mut found = moment.rows(&newest)?;
    found.reverse();
    if span.fill == Fill::Nothing && !span.connect {
        return Ok(found);
    }
    let first = found.first().map_or(from.unwrap_or(0), |bar| count(value(schema, bar, "open_time")));
    let start = if span.fill == Fill::Nothing { first } else { from.unwrap_or(first) };
    let earlier = moment.rows(&before(start, 1))?;
    Ok(filled(schema, earlier.first(), found, (start, span)))
}

/// Fills the gaps of bars in ascending order. Nothing is made up before the first bar that there ever was.
fn filled(schema: &Schema, earlier: Option<&Row>, found: Vec<Row>, (start, span): (u64, &Span)) -> Vec<Row> {
    let at = |name: &str| schema.columns.iter().position(|column| column.name == name);
    let (Some(open), Some(close), Some(open_time)) = (at("open"), at("close"), at("open_time")) else {
        return found;
    };
    let length = length_ms(&span.interval).max(1);
    let mut last = earlier.cloned();
    let mut next = start.div_ceil(length) * length;
    let mut out = Vec::new();
    let gap = |last: &Option<Row>, upto: u64, next: &mut u64, out: &mut Vec<Row>| {
        while *next < upto {
            if let (Some(last), true) = (last, span.fill != Fill::Nothing) {
                out.push(empty(schema, last, (*next, span.fill)));
            }
            *next += length;
        }
    };
    for mut bar in found {
        let opened = bar.get(open_time).map_or(next, count);
        gap(&last, opened, &mut next, &mut out);
        next = opened + length;
        let before = last.replace(bar.clone());
        if let (true, Some(before)) = (span.connect, before)
            && let (Some(price), Some(opens)) = (before.get(close), bar.get_mut(open))
            && !matches!(price, Value::Null)
        {
            *opens = price.clone();
        }
        out.push(bar);
    }
    gap(&last, span.to, &mut next, &mut out);
    let surplus = out.len().saturating_sub(usize::try_from(span.count.min(BARS)).unwrap_or(usize::MAX));
    out.split_off(surplus)
}

/// A bar in which nothing was traded, after this one.
fn empty(schema: &Schema, last: &Row, (open_time, fill): (u64, Fill)) -> Row {
    let close = value(schema, last, "close").clone();
    let of = |(at, known): (usize, &Value)| {
        let Some(column) = schema.columns.get(at) else { return known.clone() };
        match (column.name, column.kind) {
            _ if at < schema.key && column.name != "open_time" => known.clone(),
            ("open_time", _) => Value::Count(open_time),
            ("open" | "high" | "low" | "close", _) if fill == Fill::PreviousClose => close.clone(),
            ("is_closed" | "in_primary" | "in_all", _) => known.clone(),
            ("price_ok", _) => Value::Null,
            (_, Kind::Count) => Value::Count(0),
            (_, Kind::Sum) => Value::Sum(0),
            (_, Kind::Amount) => Value::Amount(0),
            _ => Value::Null,
        }
    };
    let columns = schema.columns.len();
    let own = last.iter().take(columns).enumerate().map(of);
    own.chain(last.iter().skip(columns).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use model::Column;

    use super::*;

    static BARS_OF: Schema = Schema {
        name: "candles",
        doc: "",
        key: 2,
        cadence: model::Cadence::Flush,
        indexes: &[],
        columns: &[
            Column::new("id", Kind::Text, ""),
            Column::new("open_time", Kind::Time, ""),
            Column::new("open", Kind::Float, ""),
            Column::new("close", Kind::Float, ""),
            Column::new("trades", Kind::Count, ""),
        ],
    };

    fn bar(second: u64, open: f64, close: f64) -> Row {
        vec![
            Value::text("a"),
            Value::Count(second * 1_000),
            Value::Float(open),
            Value::Float(close),
            Value::Count(1),
            Value::Count(7),
            Value::Count(1),
        ]
    }

    fn told(rows: &[Row]) -> Vec<(u64, Option<f64>, u64)> {
        let price = |v: &Value| if let Value::Float(f) = v { Some(*f) } else { None };
        rows.iter().map(|r| (count(&r[1]) / 1_000, price(&r[2]), count(&r[4]))).collect()
    }

    fn span(fill: Fill, connect: bool) -> Span {
        Span { interval: "1s".to_owned(), from: None, to: 6_000, count: 100, fill, connect }
    }

    #[test]
    fn gaps_are_filled_with_the_close_before_or_with_nothing_known() {
        let bars = || vec![bar(2, 1.0, 2.0), bar(4, 3.0, 4.0)];
        let fill = |fill, start| told(&filled(&BARS_OF, None, bars(), (start, &span(fill, false))));
        let expected = [(2, Some(1.0), 1), (3, Some(2.0), 0), (4, Some(3.0), 1), (5, Some(4.0), 0)];
        assert_eq!(fill(Fill::PreviousClose, 2_000), expected);
        assert_eq!(
            fill(Fill::PreviousClose, 0),
            expected,
            "nothing before the first bar that there ever was"
        );
        let unknown = [(2, Some(1.0), 1), (3, None, 0), (4, Some(3.0), 1), (5, None, 0)];
        assert_eq!(fill(Fill::Unknown, 2_000), unknown);
        let earlier = bar(0, 5.0, 6.0);
        let after = filled(&BARS_OF, Some(&earlier), bars(), (1_000, &span(Fill::PreviousClose, false)));
        assert_eq!(told(&after)[0], (1, Some(6.0), 0), "the last close goes on");
    }

    #[test]
    fn connected_bars_open_where_the_one_before_closed() {
        let bars = vec![bar(2, 1.0, 2.0), bar(4, 3.0, 4.0)];
        let connected = filled(&BARS_OF, None, bars, (2_000, &span(Fill::Nothing, true)));
        assert_eq!(told(&connected), [(2, Some(1.0), 1), (4, Some(2.0), 1)]);
    }

    #[test]
    fn intervals_have_their_length() {
        assert_eq!(
            ["1s", "15s", "1m", "4h", "1d"].map(length_ms),
            [1_000, 15_000, 60_000, 14_400_000, 86_400_000]
        );
    }
}
