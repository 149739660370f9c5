//! The record `token_stats`.

use model::{Address, Column, Kind, Price, Record, Row, Schema, Value};

use super::{Sums, tick_s};
use crate::candles::Interval;

/// A window of a token. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenStats {
    /// The token.
    pub mint: Address,
    /// The width of the window.
    pub window: Interval,
    /// What the pools that count are quoted in.
    pub quote_mint: Address,
    /// Its trades.
    pub sums: Sums,
    /// Highest clean price.
    pub high: Option<Price>,
    /// Lowest clean price.
    pub low: Option<Price>,
    /// How the price changed.
    pub change: Change,
    /// The window before it.
    pub previous: Previous,
}

/// How a price changed over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change {
    /// The last clean price.
    pub now: Option<Price>,
    /// The last clean price at or before the window's start; of a younger token its first.
    pub then: Option<Price>,
    /// True if the token's first known trade is after the window's start.
    pub is_partial: bool,
}

impl Change {
    /// In percent; none without both prices.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        let (now, then) = self.now.zip(self.then)?;
        Some(100.0 * (now.get() / then.get() - 1.0))
    }
}

/// The window before a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Previous {
    /// Number of its trades.
    pub trades: u64,
    /// Quote traded in it, raw units.
    pub quote: u128,
}

impl TokenStats {
    /// How the volume changed against the window before, in percent; none if that had none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a percentage of two sums")]
    pub fn volume_change_percent(&self) -> Option<f64> {
        let (now, before) = (self.sums.quote(), self.previous.quote);
        (before > 0).then(|| 100.0 * (now as f64 / before as f64 - 1.0))
    }
}

/// A day is `24h`, as windows are called: it is not a day of the calendar, as a candle's `1d` is.
fn spell(width: Interval) -> String {
    match width.seconds() {
        seconds if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ => String::from(width),
    }
}

impl Record for TokenStats {
    const SCHEMA: &'static Schema = &Schema {
        name: "token_stats",
        doc: "Trades of every token in sliding windows (start, now]; a token idle for twice the window has no row.",
        key: 2,
        columns: &[
            Column::new("mint", Kind::Address, "The token."),
            Column::new("window", Kind::Symbol, "Width, e.g. 1m; whole hours in hours: 24h."),
            Column::new("txns", Kind::Count, "Number of trades in pools with quote_mint."),
            Column::new("buys", Kind::Count, "Number of buys."),
            Column::new("sells", Kind::Count, "Number of sells."),
            Column::new("makers", Kind::Count, "Distinct traders, exact; unknown ones are not counted."),
            Column::new("buyers", Kind::Count, "Distinct traders who bought, exact."),
            Column::new("sellers", Kind::Count, "Distinct traders who sold, exact."),
            Column::new("volume_quote", Kind::Sum, "Quote traded, raw units of quote_mint."),
            Column::new("buy_volume_quote", Kind::Sum, "Quote paid by buyers, raw units."),
            Column::new("sell_volume_quote", Kind::Sum, "Quote received by sellers, raw units."),
            Column::new("net_volume_quote", Kind::Sum, "Buy volume less sell volume, raw units."),
            Column::new("volume_usd", Kind::Float, "Value traded, USD; null without an oracle price."),
            Column::new("avg_trade_usd", Kind::Float, "Mean value of a trade, USD; null as volume_usd."),
            Column::new("max_trade_usd", Kind::Float, "Value of the largest trade, USD; null as volume_usd."),
            Column::new("high", Kind::Float, "Highest clean price; null without clean trades."),
            Column::new("low", Kind::Float, "Lowest clean price; null without clean trades."),
            Column::new(
                "price_change_pct",
                Kind::Float,
                "100 (p_now / p_then − 1): last clean price against the last at or before start; if partial, \
                 against the first known; null without.",
            ),
            Column::new("partial", Kind::Bool, "True if the first known trade in quote_mint is after start."),
            Column::new("prev_txns", Kind::Count, "Number of trades in (start − window, start]."),
            Column::new(
                "prev_volume_quote",
                Kind::Sum,
                "Quote traded in (start − window, start], raw units.",
            ),
            Column::new(
                "volume_change_pct",
                Kind::Float,
                "100 (volume_quote / prev_volume_quote − 1); null if that is 0.",
            ),
            Column::new(
                "filtered_txns",
                Kind::Count,
                "Trades without labelled ones; no trade has a label yet, so as txns.",
            ),
            Column::new("filtered_makers", Kind::Count, "Distinct traders of those; as makers."),
            Column::new("filtered_volume_quote", Kind::Sum, "Quote traded in those; as volume_quote."),
            Column::new("quote_mint", Kind::Address, "Quote token: that of the primary pool."),
            Column::new(
                "tick_s",
                Kind::Count,
                "Step in which trades leave, seconds: start = now rounded down to it, less window.",
            ),
        ],
    };
    type Key = (Address, Interval);

    fn key(&self) -> Self::Key {
        (self.mint, self.window)
    }

    fn row(&self) -> Row {
        let sum = |value: u128| i128::try_from(value).map_or(Value::Null, Value::Sum);
        let Sums { buy_quote, sell_quote, buys, sells, distinct } = self.sums;
        let net = i128::try_from(buy_quote).ok().zip(i128::try_from(sell_quote).ok());
        let (txns, volume) = (self.sums.trades(), self.sums.quote());
        vec![
            Value::from(self.mint),
            Value::text(spell(self.window)),
            Value::Count(txns),
            Value::Count(buys),
            Value::Count(sells),
            Value::Count(distinct.traders),
            Value::Count(distinct.buyers),
            Value::Count(distinct.sellers),
            sum(volume),
            sum(buy_quote),
            sum(sell_quote),
            net.map_or(Value::Null, |(buy, sell)| Value::Sum(buy - sell)),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::from(self.high),
            Value::from(self.low),
            Value::float(self.change.percent()),
            Value::Bool(self.change.is_partial),
            Value::Count(self.previous.trades),
            sum(self.previous.quote),
            Value::float(self.volume_change_percent()),
            Value::Count(txns),
            Value::Count(distinct.traders),
            sum(volume),
            Value::from(self.quote_mint),
            Value::Count(tick_s(self.window)),
        ]
    }
}
