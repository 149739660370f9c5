//! The record `token_stats`.

use model::{Address, Column, Kind, Price, Record, Row, Schema, Value};
use serde::{Deserialize, Serialize};

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
    /// Value of the largest trade, in millionths of a USD.
    pub largest: Option<u64>,
    /// How the price changed.
    pub change: Change,
    /// The window before it.
    pub previous: Previous,
    /// Its trades that carry no mark.
    pub filtered: Filtered,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Previous {
    /// Number of its trades.
    pub trades: u32,
    /// Quote traded in it, raw units.
    pub quote: u128,
}

/// The trades of a window that carry no mark ([`crate::labels::Mark`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Filtered {
    /// Their number.
    pub trades: u32,
    /// Distinct traders who made them.
    pub traders: u32,
    /// Quote traded in them, raw units.
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

    /// How the number of trades changed against the window before, in percent; none if that had none.
    #[must_use]
    pub fn trades_change_percent(&self) -> Option<f64> {
        let (now, before) = (self.sums.trades(), self.previous.trades);
        (before > 0).then(|| 100.0 * (f64::from(now) / f64::from(before) - 1.0))
    }

    /// Mean value of the trades that have one, USD.
    #[must_use]
    pub fn mean_usd(&self) -> Option<f64> {
        let valued = self.sums.valued();
        self.sums.usd().filter(|_| valued > 0).map(|micros| usd(micros) / f64::from(valued))
    }
}

/// Millionths of a USD as USD. Zero is a number here: nothing was traded.
#[expect(clippy::cast_precision_loss, reason = "floats only at the edge")]
fn usd(micros: u128) -> f64 {
    micros as f64 / 1e6
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
            Column::new("net_buyers", Kind::Sum, "Buyers less sellers."),
            Column::new("volume_quote", Kind::Sum, "Quote traded, raw units of quote_mint."),
            Column::new("buy_volume_quote", Kind::Sum, "Quote paid by buyers, raw units."),
            Column::new("sell_volume_quote", Kind::Sum, "Quote received by sellers, raw units."),
            Column::new("net_volume_quote", Kind::Sum, "Buy volume less sell volume, raw units."),
            Column::new(
                "volume_usd",
                Kind::Float,
                "Sum of the trades' values, USD; null if there are trades and none has a value.",
            ),
            Column::new("volume_usd_missing", Kind::Count, "Trades without a value in USD."),
            Column::new("buy_volume_usd", Kind::Float, "Value of the buys, USD; null as volume_usd."),
            Column::new("sell_volume_usd", Kind::Float, "Value of the sells, USD; null as volume_usd."),
            Column::new(
                "net_volume_usd",
                Kind::Float,
                "Buy volume less sell volume, USD; null as volume_usd.",
            ),
            Column::new(
                "avg_trade_usd",
                Kind::Float,
                "Mean value of the trades that have one, USD; null if none.",
            ),
            Column::new(
                "max_trade_usd",
                Kind::Float,
                "Value of the largest trade, USD; null if none has one.",
            ),
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
            Column::new("txns_change_pct", Kind::Float, "100 (txns / prev_txns − 1); null if that is 0."),
            Column::new(
                "volume_change_pct",
                Kind::Float,
                "100 (volume_quote / prev_volume_quote − 1); null if that is 0.",
            ),
            Column::new(
                "filtered_txns",
                Kind::Count,
                "Trades without those labelled sandwich, arbitrage, wash or protocol.",
            ),
            Column::new("filtered_makers", Kind::Count, "Distinct traders of those, exact."),
            Column::new("filtered_volume_quote", Kind::Sum, "Quote traded in those, raw units."),
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
        let count = |value: u32| Value::Count(value.into());
        let sum = |value: u128| i128::try_from(value).map_or(Value::Null, Value::Sum);
        let s = &self.sums;
        let net = i128::try_from(s.buy_quote).ok().zip(i128::try_from(s.sell_quote).ok());
        // One of the sides may have no trades, and then has traded nothing.
        let of_valued = |value: f64| Value::float(s.usd().map(|_| value));
        vec![
            Value::from(self.mint),
            Value::text(spell(self.window)),
            count(s.trades()),
            count(s.buys),
            count(s.sells),
            count(s.traders),
            count(s.buyers),
            count(s.sellers),
            Value::Sum(i128::from(s.buyers) - i128::from(s.sellers)),
            sum(s.quote()),
            sum(s.buy_quote),
            sum(s.sell_quote),
            net.map_or(Value::Null, |(buy, sell)| Value::Sum(buy - sell)),
            Value::float(s.usd().map(usd)),
            count(s.usd_missing),
            of_valued(usd(s.buy_usd)),
            of_valued(usd(s.sell_usd)),
            of_valued(usd(s.buy_usd) - usd(s.sell_usd)),
            Value::float(self.mean_usd()),
            Value::float(self.largest.map(|micros| usd(micros.into()))),
            Value::from(self.high),
            Value::from(self.low),
            Value::float(self.change.percent()),
            Value::Bool(self.change.is_partial),
            count(self.previous.trades),
            sum(self.previous.quote),
            Value::float(self.trades_change_percent()),
            Value::float(self.volume_change_percent()),
            count(self.filtered.trades),
            count(self.filtered.traders),
            sum(self.filtered.quote),
            Value::from(self.quote_mint),
            Value::Count(tick_s(self.window)),
        ]
    }
}
