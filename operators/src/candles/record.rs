//! The record `candles`.

use model::{Address, Column, Kind, Price, Record, Row, Schema, Seconds, Value};

use super::Interval;
use crate::bar::{Bar, Distinct, Edges};

/// Which trades a candle is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Series {
    /// Of one pool.
    Pool,
    /// Of the token's primary pool at the time.
    Primary,
    /// Of all the token's pools with the same quote token as the primary one.
    All,
}

impl Series {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Primary => "primary",
            Self::All => "all",
        }
    }
}

/// One candle. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Candle {
    /// Which trades.
    pub series: Series,
    /// The pool, or the mint.
    pub id: Address,
    /// Its length.
    pub interval: Interval,
    /// Its first second.
    pub open_time: Seconds,
    /// Prices, first and last trade.
    pub edges: Edges,
    /// Base traded, raw units.
    pub volume_base: u128,
    /// Quote paid by buyers, raw units.
    pub buy_quote: u128,
    /// Quote received by sellers, raw units.
    pub sell_quote: u128,
    /// Number of buys.
    pub buys: u64,
    /// Number of sells.
    pub sells: u64,
    /// Numbers of distinct traders.
    pub distinct: Distinct,
    /// True once event time has reached its end.
    pub is_closed: bool,
}

impl Candle {
    pub(super) fn new(
        (series, id, interval, open_time): (Series, Address, Interval, Seconds),
        bar: &Bar,
        is_closed: bool,
    ) -> Self {
        Self {
            series,
            id,
            interval,
            open_time,
            edges: bar.edges,
            volume_base: bar.base,
            buy_quote: bar.buy_quote,
            sell_quote: bar.sell_quote,
            buys: bar.buys,
            sells: bar.sells,
            distinct: bar.traders.distinct(),
            is_closed,
        }
    }

    /// Volume-weighted average price: all quote over all base.
    #[must_use]
    pub fn vwap(&self) -> Option<Price> {
        let (base_decimals, quote_decimals) = self.edges.span?.decimals;
        Price::ratio(self.buy_quote + self.sell_quote, quote_decimals, self.volume_base, base_decimals)
    }
}

impl Record for Candle {
    const SCHEMA: &'static Schema = &Schema {
        name: "candles",
        doc: "Open, high, low, close and volume by interval, of every pool and token.",
        key: 4,
        columns: &[
            Column::new("series", Kind::Symbol, "pool, primary or all."),
            Column::new("id", Kind::Address, "The pool, or the mint."),
            Column::new("interval", Kind::Symbol, "Length, e.g. 1m."),
            Column::new("open_time", Kind::Time, "Start, UTC."),
            Column::new(
                "open",
                Kind::Float,
                "First clean price; null without clean trades, as the next three.",
            ),
            Column::new("high", Kind::Float, "Highest clean price."),
            Column::new("low", Kind::Float, "Lowest clean price."),
            Column::new("close", Kind::Float, "Last clean price."),
            Column::new("volume_base", Kind::Sum, "Base traded, raw units."),
            Column::new("volume_quote", Kind::Sum, "Quote traded, raw units."),
            Column::new("volume_usd", Kind::Float, "Sum of the trades' USD values; null without any."),
            Column::new("volume_usd_missing", Kind::Count, "Trades without a USD value."),
            Column::new("buy_volume_quote", Kind::Sum, "Quote paid by buyers, raw units."),
            Column::new("sell_volume_quote", Kind::Sum, "Quote received by sellers, raw units."),
            Column::new("trades", Kind::Count, "Number of trades."),
            Column::new("buys", Kind::Count, "Number of buys."),
            Column::new("sells", Kind::Count, "Number of sells."),
            Column::new("traders", Kind::Count, "Distinct traders."),
            Column::new("buyers", Kind::Count, "Distinct traders who bought."),
            Column::new("sellers", Kind::Count, "Distinct traders who sold."),
            Column::new("vwap", Kind::Float, "All quote over all base."),
            Column::new("market_cap_close", Kind::Float, "Close times supply, quote coins; null if unknown."),
            Column::new("first_event", Kind::Text, "First trade in canonical order."),
            Column::new("last_event", Kind::Text, "Last trade in canonical order."),
            Column::new("is_closed", Kind::Bool, "True once event time has reached the end."),
        ],
    };
    type Key = (Series, Address, Interval, Seconds);

    fn key(&self) -> Self::Key {
        (self.series, self.id, self.interval, self.open_time)
    }

    fn row(&self) -> Row {
        let sum = |value: u128| i128::try_from(value).map_or(Value::Null, Value::Sum);
        let trades = self.buys + self.sells;
        let prices = self.edges.prices;
        vec![
            Value::from(self.series.name()),
            Value::from(self.id),
            Value::text(String::from(self.interval)),
            Value::Count(self.open_time * 1000),
            Value::from(prices.map(|p| p.open.1)),
            Value::from(prices.map(|p| p.high)),
            Value::from(prices.map(|p| p.low)),
            Value::from(prices.map(|p| p.close.1)),
            sum(self.volume_base),
            sum(self.buy_quote + self.sell_quote),
            Value::Null,
            Value::Count(trades),
            sum(self.buy_quote),
            sum(self.sell_quote),
            Value::Count(trades),
            Value::Count(self.buys),
            Value::Count(self.sells),
            Value::Count(self.distinct.traders),
            Value::Count(self.distinct.buyers),
            Value::Count(self.distinct.sellers),
            Value::from(self.vwap()),
            Value::from(prices.and_then(|p| p.market_cap)),
            self.edges.span.map_or(Value::Null, |span| Value::text(span.first.to_string())),
            self.edges.span.map_or(Value::Null, |span| Value::text(span.last.to_string())),
            Value::Bool(self.is_closed),
        ]
    }
}
