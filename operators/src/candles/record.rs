//! The record `candles`.

use std::cmp::Ordering;
use std::sync::Arc;

use model::record::ms;
use model::{Address, Cadence, Group, Price, Record, Seconds, columns};
use serde::{Deserialize, Serialize};

use super::Interval;
use super::lines::{Line, Lines, PoolName};
use super::traders::Before;
use crate::bar::{Bar, Distinct, Span, Tick};

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
    /// Base and quote of the clean trades, raw units.
    pub clean: (u128, u128),
    /// What the trades were worth, in millionths of a USD, as far as that is known.
    pub value_micros: u128,
    /// Number of trades of which it is not.
    pub unvalued: u64,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Volume-weighted average price: the quote of all clean trades over their base, so that it lies between the
    /// lowest price and the highest.
    #[must_use]
    pub fn vwap(&self) -> Option<Price> {
        let ((base, quote), (base_decimals, quote_decimals)) = (self.clean, self.span.decimals);
        Price::ratio(quote, quote_decimals, base, base_decimals)
    }

    /// What its trades were worth in USD; none if that is known of none.
    #[must_use]
    pub fn volume_usd(&self) -> Option<f64> {
        let is_known = self.buys + self.sells > self.unvalued;
        #[expect(clippy::cast_precision_loss, reason = "a float by definition, made from the exact sum")]
        is_known.then(|| self.value_micros as f64 / 1e6)
    }
}

/// The bars of one token, interval and start, of all series: they change together.
///
/// Equal if its candles are: whether series that are the same are kept as one, and which pool came
/// first, depends on what has happened in between.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct BarGroup {
    pub(super) mint: Address,
    pub(super) interval: Interval,
    pub(super) open: Seconds,
    pub(super) bars: Lines<Bar>,
}

impl BarGroup {
    /// Without trades.
    pub(super) fn new(mint: Address, interval: Interval, open: Seconds, pool: PoolName) -> Self {
        Self { mint, interval, open, bars: Lines::new(pool) }
    }

    /// Its first second after its last.
    pub(super) fn end(&self) -> Seconds {
        self.interval.end(self.open)
    }

    /// True if no trade is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.bars.pools().all(|(_, bar)| bar.trades() == 0)
    }

    const fn key(&self) -> (Address, Interval, Seconds) {
        (self.mint, self.interval, self.open)
    }

    /// The bars of all series that have trades: of pools by address, of all, of the primary pool.
    fn series(&self) -> (Vec<(Address, &Bar)>, [Option<&Bar>; 2]) {
        let has_trades = |bar: &Bar| bar.trades() > 0;
        let pools = self.bars.pools().filter(|(_, bar)| has_trades(bar));
        let mut pools: Vec<(Address, &Bar)> = pools.map(|(pool, bar)| (pool.address, bar)).collect();
        pools.sort_unstable();
        (pools, [Line::All, Line::Primary].map(|line| self.bars.get(line).filter(|bar| has_trades(bar))))
    }

    /// Something of every cache line of it.
    pub(super) fn fetch(&self) -> u64 {
        let bar = self.bars.pools().next().map(|(_, bar)| bar.fetch()).unwrap_or_default();
        u64::from(self.mint.0[0]).wrapping_add(self.open).wrapping_add(bar)
    }

    /// Adds a trade that comes after all others.
    pub(super) fn add(&mut self, tick: &Tick, before: &Before, pools: &[Address]) {
        self.bars.part_ways(tick, pools);
        let open = self.open;
        self.bars.each_of(tick, |line, bar| {
            if let Some(tick) = line.of(tick) {
                bar.add(&tick, before.of(line), open);
            }
        });
    }
}

impl Ord for BarGroup {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key()).then_with(|| match (self.bars.only(), other.bars.only()) {
            (Some((pool, bar)), Some((other_pool, other_bar))) => {
                (pool.address, bar).cmp(&(other_pool.address, other_bar))
            }
            _ => self.series().cmp(&other.series()),
        })
    }
}

impl PartialOrd for BarGroup {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BarGroup {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for BarGroup {}

/// The candles of one token, interval and start, as they leave: all series together, because they
/// change together and are nearly always the same. Small to move: what it holds is shared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bars {
    group: Arc<BarGroup>,
    is_closed: bool,
}

impl Bars {
    /// The candles of a group as of `now`.
    pub(super) fn new(group: Arc<BarGroup>, now: Seconds) -> Self {
        let is_closed = group.end() <= now;
        Self { group, is_closed }
    }

    /// The candle of a series; of a pool's if it is the only one.
    fn candle(&self, series: Series, id: Address, bar: &Bar) -> Option<Candle> {
        let BarGroup { interval, open, .. } = *self.group;
        (bar.trades() > 0).then(|| Candle {
            series,
            id,
            interval,
            open_time: open,
            span: bar.span,
            prices: bar.prices,
            volume_base: bar.base,
            buy_quote: bar.buy_quote,
            sell_quote: bar.sell_quote,
            clean: bar.clean,
            value_micros: bar.value_micros,
            unvalued: bar.unvalued.into(),
            buys: bar.buys.into(),
            sells: bar.sells.into(),
            distinct: Distinct {
                traders: bar.traders.into(),
                buyers: bar.buyers.into(),
                sellers: bar.sellers.into(),
            },
            is_closed: self.is_closed,
        })
    }

    /// True if event time had reached their end.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The token.
    #[must_use]
    pub fn mint(&self) -> Address {
        self.group.mint
    }

    /// How long its candles are.
    #[must_use]
    pub fn interval(&self) -> Interval {
        self.group.interval
    }

    /// Their first second.
    #[must_use]
    pub fn open_time(&self) -> Seconds {
        self.group.open
    }

    /// The numbers of trades of its candles.
    pub fn trades(&self) -> impl Iterator<Item = u64> {
        let bars = &self.group.bars;
        let token = [Line::All, Line::Primary].into_iter().filter_map(|line| bars.get(line));
        bars.pools().map(|(_, bar)| bar).chain(token).map(Bar::trades).filter(|trades| *trades > 0)
    }

    /// The prices of the token's primary pool; none without clean trades.
    #[must_use]
    pub fn primary_prices(&self) -> Option<Ohlc> {
        self.group.bars.get(Line::Primary)?.prices
    }

    /// The candle of the token's primary pool; none if that did not trade.
    fn primary(&self) -> Option<Candle> {
        let bar = self.group.bars.get(Line::Primary)?;
        self.candle(Series::Primary, self.group.mint, bar)
    }
}

impl Group for Bars {
    type Record = Candle;
    type Key = (Address, Interval, Seconds);

    fn group_key(&self) -> Self::Key {
        (self.mint(), self.interval(), self.open_time())
    }

    /// An open bar changes at most sixty times in its life, and at most once a second; its closing and what
    /// corrects it afterwards leave at the next second.
    fn cadence(&self) -> Cadence {
        let step_s = if self.is_closed { 1 } else { (self.interval().seconds() / 60).max(1) };
        Cadence::Seconds(u32::try_from(step_s).unwrap_or(u32::MAX))
    }

    fn records(self) -> impl Iterator<Item = Candle> {
        let bars = &self.group.bars;
        let pools = bars.pools();
        let pools = pools.filter_map(|(pool, bar)| self.candle(Series::Pool, pool.address, bar));
        let all = bars.get(Line::All);
        let all = all.and_then(|bar| self.candle(Series::All, self.group.mint, bar));
        let candles: Vec<Candle> = pools.chain(self.primary()).chain(all).collect();
        candles.into_iter()
    }
}

impl Record for Candle {
    columns! {
        self: "candles", "Open, high, low, close and volume by interval, of every pool and token.";
        cadence: Cadence::Bars;
        let trades = self.buys + self.sells;
        let prices = self.prices;
        key {
            series: Symbol = self.series.name(), "pool, primary or all.";
            id: Address = self.id, "The pool, or the mint.";
            interval: Symbol = String::from(self.interval), "Length, e.g. 1m.";
            open_time: Time = ms(self.open_time), "Start, UTC.";
        }
        open: Float = prices.map(|p| p.open),
            "First clean price; null without clean trades, as the next three.";
        high: Float = prices.map(|p| p.high), "Highest clean price.";
        low: Float = prices.map(|p| p.low), "Lowest clean price.";
        close: Float = prices.map(|p| p.close), "Last clean price.";
        volume_base: Sum = self.volume_base, "Base traded, raw units.";
        volume_quote: Sum = self.buy_quote + self.sell_quote, "Quote traded, raw units.";
        volume_usd: Float = self.volume_usd(), "Sum of the trades' USD values; null without any.";
        volume_usd_missing: Count = self.unvalued, "Trades without a USD value.";
        buy_volume_quote: Sum = self.buy_quote, "Quote paid by buyers, raw units.";
        sell_volume_quote: Sum = self.sell_quote, "Quote received by sellers, raw units.";
        trades: Count = trades, "Number of trades.";
        buys: Count = self.buys, "Number of buys.";
        sells: Count = self.sells, "Number of sells.";
        traders: Count = self.distinct.traders, "Distinct traders.";
        buyers: Count = self.distinct.buyers, "Distinct traders who bought.";
        sellers: Count = self.distinct.sellers, "Distinct traders who sold.";
        vwap: Float = self.vwap(), "Quote of the clean trades over their base; null without any.";
        market_cap_close: Float = prices.and_then(|p| p.market_cap),
            "Close times supply, quote coins; null if unknown.";
        first_event: Text = self.span.first, "First trade in canonical order.";
        last_event: Text = self.span.last, "Last trade in canonical order.";
        is_closed: Bool = self.is_closed, "True once event time has reached the end.";
    }
    type Key = (Series, Address, Interval, Seconds);

    fn key(&self) -> Self::Key {
        (self.series, self.id, self.interval, self.open_time)
    }
}
