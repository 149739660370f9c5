//! The record `candles`.

use model::{Address, Column, Kind, Price, Record, Row, Schema, Seconds, Value};

use super::Interval;
use super::bucket::{Bucket, Line};
use crate::bar::{Bar, Distinct, Edges, Span};
use crate::primary::Pool;

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
    /// First and last trade.
    pub span: Span,
    /// Prices; none without clean trades.
    pub prices: Option<Ohlc>,
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

/// Prices of a candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ohlc {
    /// First clean price.
    pub open: Price,
    /// Highest.
    pub high: Price,
    /// Lowest.
    pub low: Price,
    /// Last.
    pub close: Price,
    /// Market capitalisation at the close, in quote coins.
    pub market_cap: Option<Price>,
}

impl Candle {
    fn new(
        (series, id, interval, open_time): (Series, Address, Interval, Seconds),
        bar: &Bar,
        is_closed: bool,
    ) -> Option<Self> {
        let Edges { span, prices } = bar.edges;
        Some(Self {
            series,
            id,
            interval,
            open_time,
            span: span?,
            prices: prices.map(|p| Ohlc {
                open: p.open.1,
                high: p.high,
                low: p.low,
                close: p.close.1,
                market_cap: p.market_cap,
            }),
            volume_base: bar.base,
            buy_quote: bar.buy_quote,
            sell_quote: bar.sell_quote,
            buys: bar.buys,
            sells: bar.sells,
            distinct: bar.traders.distinct(),
            is_closed,
        })
    }

    /// Volume-weighted average price: all quote over all base.
    #[must_use]
    pub fn vwap(&self) -> Option<Price> {
        let (base_decimals, quote_decimals) = self.span.decimals;
        Price::ratio(self.buy_quote + self.sell_quote, quote_decimals, self.volume_base, base_decimals)
    }
}

/// The candles of one token, interval and start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are the large one; boxing it would cost an allocation each"
)]
pub enum Bars {
    /// One pool, whose candle is the token's `all` and `primary` as well.
    Same {
        /// The token.
        mint: Address,
        /// The pool's candle.
        candle: Candle,
    },
    /// Several candles.
    Apart(Vec<Candle>),
}

impl Bars {
    /// What a bucket has of a token, interval and start; none without trades.
    pub(super) fn new(
        (mint, interval, open): (Address, Interval, Seconds),
        bucket: &Bucket,
        pools: &[Pool],
        now: Seconds,
    ) -> Option<Self> {
        let is_closed = interval.end(open) <= now;
        let candle = |line: Line| {
            let (series, id) = match line {
                Line::Pool(index) => (Series::Pool, pools.get(index as usize)?.address),
                Line::All => (Series::All, mint),
                Line::Primary => (Series::Primary, mint),
            };
            Candle::new((series, id, interval, open), bucket.bar(line)?, is_closed)
        };
        if let Some(pool) = bucket.only_pool() {
            return candle(Line::Pool(pool)).map(|candle| Self::Same { mint, candle });
        }
        let candles: Vec<Candle> = bucket.lines().filter_map(candle).collect();
        (!candles.is_empty()).then_some(Self::Apart(candles))
    }

    /// The candles, one by one.
    pub fn candles(self) -> impl Iterator<Item = Candle> {
        let (same, apart) = match self {
            Self::Same { mint, candle } => {
                let of = |series| Candle { series, id: mint, ..candle.clone() };
                let (primary, all) = (of(Series::Primary), of(Series::All));
                (Some([candle, primary, all]), Vec::new())
            }
            Self::Apart(candles) => (None, candles),
        };
        same.into_iter().flatten().chain(apart)
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
        let prices = self.prices;
        vec![
            Value::from(self.series.name()),
            Value::from(self.id),
            Value::text(String::from(self.interval)),
            Value::Count(self.open_time * 1000),
            Value::from(prices.map(|p| p.open)),
            Value::from(prices.map(|p| p.high)),
            Value::from(prices.map(|p| p.low)),
            Value::from(prices.map(|p| p.close)),
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
            Value::text(self.span.first.to_string()),
            Value::text(self.span.last.to_string()),
            Value::Bool(self.is_closed),
        ]
    }
}
