//! Shows a running pipeline: on the live screen, or as log lines where nobody looks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Address;

use crate::console::Console;
use crate::engine::{TokenCandle, Watch};
use crate::screen::{self, Glance, TokenLine, Totals};
use crate::ticker::Ticker;

const SCREEN_INTERVAL: Duration = Duration::from_secs(1);
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Tokens asked for: more than any screen has room for.
const TOKENS_MAX: usize = 50;

/// What is known of the run from the start.
pub(crate) struct Subject {
    /// Source and sinks, such as `simulate → sqlite millrace.db`.
    pub(crate) flow: String,
    pub(crate) workers: usize,
    pub(crate) watch: Arc<Watch>,
}

/// Starts to show the run, until the ticker is dropped.
pub(crate) fn start(subject: Subject, console: &Arc<Console>) -> anyhow::Result<Ticker> {
    let mut meter = Meter { subject, started: Instant::now(), last: (Instant::now(), Totals::default()) };
    if !console.has_screen() {
        return Ticker::start(LOG_INTERVAL, move || log(&meter.read()));
    }
    let console = Arc::clone(console);
    Ticker::start(SCREEN_INTERVAL, move || {
        let (rows, columns) = console.size();
        // A screen that cannot be drawn must not end the run; the log still says what matters.
        if let Err(error) = console.draw(&screen::lines(&meter.read(), rows, columns)) {
            tracing::debug!(%error, "cannot draw the screen");
        }
    })
}

/// Reads the watch and makes rates of its counts.
struct Meter {
    subject: Subject,
    started: Instant,
    last: (Instant, Totals),
}

impl Meter {
    fn read(&mut self) -> Glance {
        let watch = &self.subject.watch;
        let totals =
            Totals { events: watch.events(), trades: watch.trades(), candles: watch.candle_changes() };
        let now = Instant::now();
        let (then, before) = std::mem::replace(&mut self.last, (now, totals));
        let passed = now - then;
        Glance {
            flow: self.subject.flow.clone(),
            workers: self.subject.workers,
            running: self.started.elapsed(),
            totals,
            events_per_s: per_second(totals.events - before.events, passed),
            trades_per_s: per_second(totals.trades - before.trades, passed),
            event_time: watch.event_second(),
            closed_to: watch.closed_second(),
            lag_ms: watch.lag_ms(),
            rejects: watch.rejects(),
            tokens: watch.top_tokens(TOKENS_MAX).iter().filter_map(token).collect(),
        }
    }
}

fn per_second(count: u64, passed: Duration) -> u64 {
    let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / passed_ms
}

fn token(candle: &TokenCandle) -> Option<TokenLine> {
    let [open, high, low, close] = candle.prices?;
    #[expect(clippy::cast_precision_loss, reason = "a number for people, with two digits behind the point")]
    let volume = candle.volume_quote as f64 / 1e9;
    let TokenCandle { mint, open_time, trades, .. } = *candle;
    Some(TokenLine { name: short(&mint), open_time, trades, volume, open, high, low, close })
}

/// The ends of an address: enough to tell tokens apart on a screen.
fn short(address: &Address) -> String {
    let text = address.to_string();
    match (text.get(..6), text.get(text.len().saturating_sub(6)..)) {
        (Some(head), Some(tail)) => format!("{head}…{tail}"),
        _ => text,
    }
}

fn log(glance: &Glance) {
    tracing::info!(
        events = glance.totals.events,
        events_per_s = glance.events_per_s,
        trades = glance.totals.trades,
        candle_changes = glance.totals.candles,
        rejects = glance.rejects.values().sum::<u64>(),
        event_time_s = glance.event_time,
        closed_to_s = glance.closed_to,
        lag_ms = glance.lag_ms,
        "running"
    );
}
