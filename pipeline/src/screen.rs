//! The one-screen summary of a running pipeline: what it says and how it is laid out.
//!
//! It is a pure function from what is known to lines, so that a test can read it; drawing the lines is
//! the console's business.

use std::collections::BTreeMap;
use std::time::Duration;

use console::{Alignment, pad_str, style, truncate_str};
use model::Seconds;

use crate::clock::utc;

/// What the screen shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Glance {
    /// Source and sinks, such as `simulate → sqlite millrace.db`.
    pub(crate) flow: String,
    pub(crate) workers: usize,
    /// Wall time since the start.
    pub(crate) running: Duration,
    pub(crate) totals: Totals,
    /// What came in per second of wall time since the glance before.
    pub(crate) events_per_s: u64,
    pub(crate) trades_per_s: u64,
    /// Greatest block time seen.
    pub(crate) event_time: Option<Seconds>,
    /// Everything before this event time has left for the sinks.
    pub(crate) closed_to: Option<Seconds>,
    /// From the arrival of an event to the close of its time, milliseconds.
    pub(crate) lag_ms: Option<u64>,
    /// How many were refused, by reason.
    pub(crate) rejects: BTreeMap<String, u64>,
    /// The tokens with the greatest volume in their present minute, greatest first.
    pub(crate) tokens: Vec<TokenLine>,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) events: u64,
    /// Changes of `trades`; a trade changes when its slot settles, too.
    pub(crate) trades: u64,
    /// Changes of `candles`.
    pub(crate) candles: u64,
}

/// A token and its latest one-minute candle.
#[derive(Clone, Debug)]
pub(crate) struct TokenLine {
    /// Mint or name.
    pub(crate) name: String,
    /// Start of the minute.
    pub(crate) open_time: Seconds,
    pub(crate) trades: u64,
    /// In whole quote coins.
    pub(crate) volume: f64,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
}

/// Lines that do not show tokens: three of counts, one each for the blank, the head, the rejects, the foot.
const OTHER_LINES: usize = 8;

/// The screen, at most `rows` lines of at most `columns` columns.
pub(crate) fn lines(glance: &Glance, rows: usize, columns: usize) -> Vec<String> {
    let mut lines = vec![head(glance), clocks(glance), counts(glance)];
    if !glance.rejects.is_empty() {
        lines.push(rejects(&glance.rejects));
    }
    lines.push(String::new());
    lines.push(
        style(row(["token", "minute", "trades", "volume", "open", "high", "low", "close", "change"]))
            .bold()
            .to_string(),
    );
    let room = rows.saturating_sub(OTHER_LINES).clamp(1, 20);
    lines.extend(glance.tokens.iter().take(room).map(token));
    if glance.tokens.is_empty() {
        lines.push(style("no candle yet").dim().to_string());
    }
    lines.push(style("Ctrl-C ends it cleanly").dim().to_string());
    // The last column stays free: some terminals wrap when it is written to.
    lines.iter().map(|line| truncate_str(line, columns.saturating_sub(1), "…").into_owned()).collect()
}

fn head(glance: &Glance) -> String {
    let workers = if glance.workers == 1 { "worker" } else { "workers" };
    let running = indicatif::HumanDuration(glance.running);
    format!("{} {}  {} {workers}  {running}", style("millrace").bold(), glance.flow, glance.workers)
}

fn clocks(glance: &Glance) -> String {
    let time = |second: Option<Seconds>| second.map_or_else(|| "-".to_owned(), utc);
    let lag = glance.lag_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    format!("event time {}  closed to {}  lag {lag}", time(glance.event_time), time(glance.closed_to))
}

fn counts(glance: &Glance) -> String {
    let count = indicatif::HumanCount;
    format!(
        "events {} ({}/s)  trades {} ({}/s)  changes of candles {}",
        count(glance.totals.events),
        count(glance.events_per_s),
        count(glance.totals.trades),
        count(glance.trades_per_s),
        count(glance.totals.candles),
    )
}

fn rejects(rejects: &BTreeMap<String, u64>) -> String {
    let each: Vec<_> = rejects.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    style(format!("refused: {}", each.join("  "))).yellow().to_string()
}

fn token(token: &TokenLine) -> String {
    let change = 100.0 * (token.close / token.open - 1.0);
    let minute = utc(token.open_time);
    let line = row([
        &token.name,
        minute.get(11..16).unwrap_or(&minute),
        &token.trades.to_string(),
        &format!("{:.2}", token.volume),
        &price(token.open),
        &price(token.high),
        &price(token.low),
        &price(token.close),
        &format!("{change:+.1} %"),
    ]);
    let styled = style(line);
    if change > 0.0 {
        styled.green().to_string()
    } else if change < 0.0 {
        styled.red().to_string()
    } else {
        styled.to_string()
    }
}

/// Four significant digits: prices of memecoins begin far behind the point.
fn price(price: f64) -> String {
    format!("{price:.3e}")
}

fn row(cells: [&str; 9]) -> String {
    const WIDTHS: [usize; 9] = [14, 6, 7, 11, 10, 10, 10, 10, 10];
    let mut line = String::new();
    for (i, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        let alignment = if i == 0 { Alignment::Left } else { Alignment::Right };
        line.push_str(&pad_str(cell, width, alignment, Some("…")));
        line.push(' ');
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use console::{measure_text_width, strip_ansi_codes};

    use super::*;

    fn glance(tokens: usize) -> Glance {
        let line = |i: usize| TokenLine {
            name: format!("token number {i} with a long name"),
            open_time: 1_777_380_300,
            trades: 12,
            volume: 3.5,
            open: 2.0e-8,
            high: 4.0e-8,
            low: 1.0e-8,
            close: 3.0e-8,
        };
        Glance {
            flow: "simulate → sqlite millrace.db".to_owned(),
            workers: 2,
            running: Duration::from_secs(75),
            totals: Totals { events: 12_345, trades: 9_999, candles: 7 },
            event_time: Some(1_777_380_336),
            rejects: BTreeMap::from([("malformed".to_owned(), 3)]),
            tokens: (0..tokens).map(line).collect(),
            ..Glance::default()
        }
    }

    fn plain(glance: &Glance, rows: usize, columns: usize) -> Vec<String> {
        lines(glance, rows, columns).iter().map(|line| strip_ansi_codes(line).into_owned()).collect()
    }

    #[test]
    fn says_what_comes_in_and_what_left() {
        let text = plain(&glance(1), 24, 120).join("\n");
        for part in [
            "simulate → sqlite millrace.db  2 workers  75 seconds",
            "event time 2026-04-28 12:45:36  closed to -  lag -",
            "events 12,345 (0/s)  trades 9,999 (0/s)  changes of candles 7",
            "refused: malformed 3",
            "2.000e-8   4.000e-8   1.000e-8   3.000e-8    +50.0 %",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn fits_the_terminal() {
        for (rows, columns) in [(24, 80), (10, 40), (50, 200)] {
            let lines = plain(&glance(100), rows, columns);
            assert!(lines.len() < rows, "{} lines in {rows} rows", lines.len());
            assert!(lines.iter().all(|line| measure_text_width(line) < columns));
        }
    }

    #[test]
    fn says_so_when_there_is_no_candle() {
        assert!(plain(&glance(0), 24, 80).contains(&"no candle yet".to_owned()));
    }
}
