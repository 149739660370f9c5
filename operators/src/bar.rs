//! One bar of a candle series: what a set of trades adds up to.
//!
//! A bar is small and flat: counters and edges, no set of traders. Whether a trader is new in it is
//! said by whoever adds the trade, from when that trader last traded ([`Seen`]): one look-up then serves
//! the bars of all intervals.
//!
//! Trades are added in canonical order. One that comes late or is taken back changes the sums and
//! counts, which are integers and subtract; the edges (first, last, open, high, low, close) are then
//! found again by [`Bar::find_edges`] among the trades of the bar that are still kept.

use model::{EventId, Price, Seconds, Side};
use serde::{Deserialize, Serialize};

use crate::candles::Ohlc;

/// What a candle needs of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tick {
    /// Block time. First, so that the ticks of a bar lie next to each other.
    pub time: Seconds,
    /// Canonical order.
    pub id: EventId,
    /// The pool, an index into the pools of the mint.
    pub pool: u32,
    /// Which series of the mint it belongs to.
    pub role: Role,
    /// Side of the trader.
    pub side: Side,
    /// Decimals of base and quote.
    pub decimals: (u8, u8),
    /// Price; none if it does not belong to the clean series.
    pub price: Option<Price>,
    /// Market capitalisation at that price, in quote coins.
    pub market_cap: Option<Price>,
    /// Base, raw units.
    pub base: u64,
    /// Quote, raw units.
    pub quote: u64,
    /// What it was worth, in millionths of a USD.
    pub value_micros: MaybeAmount,
    /// The trader; all zero if unknown.
    pub trader: TraderKey,
}

/// The first half of an address. Half as large and as hard to counterfeit as one needs for counting.
pub type TraderKey = [u8; 16];

/// The key of a trader who is not known. It is that of the system program too, which cannot trade.
pub const NOBODY: TraderKey = [0; 16];

/// An amount that may be missing, in eight bytes; the greatest is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MaybeAmount(u64);

impl MaybeAmount {
    /// The amount.
    #[must_use]
    pub fn get(self) -> Option<u64> {
        (self.0 != u64::MAX).then_some(self.0)
    }
}

impl Default for MaybeAmount {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl From<Option<u64>> for MaybeAmount {
    fn from(amount: Option<u64>) -> Self {
        Self(amount.unwrap_or(u64::MAX))
    }
}

impl Tick {
    /// Its place in the order of the ticks.
    #[must_use]
    pub const fn place(&self) -> Place {
        (self.time, self.id)
    }

    /// Its trader, where known.
    #[must_use]
    pub fn known_trader(&self) -> Option<TraderKey> {
        (self.trader != NOBODY).then_some(self.trader)
    }
}

/// A place in the order of ticks: by block time, then canonical.
pub type Place = (Seconds, EventId);

/// Which series of its mint a trade belongs to. Each role belongs to all series of the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Its pool's only: the pool is quoted in another token than the primary one, or nobody knows in which.
    Pool,
    /// Its pool's and `all`, but there without its price: too little lies in the pool for that to count.
    Volume,
    /// Its pool's and `all`.
    All,
    /// Its pool's, `all` and `primary`.
    Primary,
}

/// First and last trade of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First in canonical order.
    pub first: EventId,
    /// Last in canonical order.
    pub last: EventId,
    /// Decimals of base and quote, as of the last.
    pub decimals: (u8, u8),
}

/// Numbers of distinct traders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Distinct {
    /// Of either side.
    pub traders: u64,
    /// Who bought.
    pub buyers: u64,
    /// Who sold.
    pub sellers: u64,
}

/// When a trader last bought and last sold.
///
/// One second later than it was, so that zero is never. Seconds fit until the year 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    buy: u32,
    sell: u32,
}

impl Seen {
    /// Takes note of a trade at `time`.
    pub fn note(&mut self, side: Side, time: Seconds) {
        let at = u32::try_from(time.saturating_add(1)).unwrap_or(u32::MAX);
        let seen = self.of_mut(side);
        *seen = at.max(*seen);
    }

    /// Forgets one side.
    pub fn clear(&mut self, side: Side) {
        *self.of_mut(side) = 0;
    }

    /// True if he traded at `open` or later.
    #[must_use]
    pub fn is_any_from(self, open: Seconds) -> bool {
        u64::from(self.buy.max(self.sell)) > open
    }

    /// True if he did so on that side.
    #[must_use]
    pub fn is_from(self, side: Side, open: Seconds) -> bool {
        u64::from(self.of(side)) > open
    }

    /// The later of both, side by side.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { buy: self.buy.max(other.buy), sell: self.sell.max(other.sell) }
    }

    const fn of(self, side: Side) -> u32 {
        match side {
            Side::Buy => self.buy,
            Side::Sell => self.sell,
        }
    }

    const fn of_mut(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::Buy => &mut self.buy,
            Side::Sell => &mut self.sell,
        }
    }
}

/// What a set of trades adds up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bar {
    /// First and last trade, clean or not.
    pub span: Span,
    /// Prices of the clean trades.
    pub prices: Option<Ohlc>,
    /// Base traded, raw units.
    pub base: u128,
    /// Quote paid by buyers, raw units.
    pub buy_quote: u128,
    /// Quote received by sellers, raw units.
    pub sell_quote: u128,
    /// Base and quote of the clean trades, raw units: the average price is of them.
    pub clean: (u128, u128),
    /// What the trades were worth, in millionths of a USD.
    pub value_micros: u128,
    /// Trades that have no such value.
    pub unvalued: u32,
    /// Number of buys.
    pub buys: u32,
    /// Number of sells.
    pub sells: u32,
    /// Distinct traders.
    pub traders: u32,
    /// Distinct traders who bought.
    pub buyers: u32,
    /// Distinct traders who sold.
    pub sellers: u32,
}

impl Default for Bar {
    fn default() -> Self {
        Self {
            span: Span { first: EventId::FIRST, last: EventId::FIRST, decimals: (0, 0) },
            prices: None,
            base: 0,
            buy_quote: 0,
            sell_quote: 0,
            clean: (0, 0),
            value_micros: 0,
            unvalued: 0,
            buys: 0,
            sells: 0,
            traders: 0,
            buyers: 0,
            sellers: 0,
        }
    }
}

impl Bar {
    /// Something of every cache line of it.
    pub(crate) fn fetch(&self) -> u64 {
        let Self { span, prices, base, value_micros, sellers, .. } = self;
        let prices = prices.map_or(0, |prices| prices.low.get().to_bits());
        let ids = span.first.slot.wrapping_add(span.last.slot);
        [prices, u64::from(*base > 0), u64::from(*value_micros > 0), u64::from(*sellers)]
            .into_iter()
            .fold(ids, u64::wrapping_add)
    }

    /// Number of trades.
    #[must_use]
    pub fn trades(&self) -> u64 {
        u64::from(self.buys) + u64::from(self.sells)
    }

    /// Adds a trade that comes after all others. `open` is where the bar begins, and `before` when the
    /// trader had traded before it, in the bar's series.
    pub fn add(&mut self, tick: &Tick, before: Seen, open: Seconds) {
        if self.trades() == 0 {
            self.span.first = tick.id;
        }
        self.span.last = tick.id;
        self.span.decimals = tick.decimals;
        if let Some(price) = tick.price {
            let own =
                Ohlc { open: price, high: price, low: price, close: price, market_cap: tick.market_cap };
            let prices = self.prices.get_or_insert(own);
            prices.high = prices.high.max(price);
            prices.low = prices.low.min(price);
            prices.close = price;
            prices.market_cap = tick.market_cap;
        }
        self.count(tick);
        if tick.trader != NOBODY {
            let (is_new, is_new_on_side) = (!before.is_any_from(open), !before.is_from(tick.side, open));
            self.traders += u32::from(is_new);
            self.buyers += u32::from(is_new_on_side && tick.side == Side::Buy);
            self.sellers += u32::from(is_new_on_side && tick.side == Side::Sell);
        }
    }

    /// Adds a trade to the sums.
    pub fn count(&mut self, tick: &Tick) {
        self.base += u128::from(tick.base);
        if tick.price.is_some() {
            self.clean.0 += u128::from(tick.base);
            self.clean.1 += u128::from(tick.quote);
        }
        match tick.side {
            Side::Buy => {
                self.buys += 1;
                self.buy_quote += u128::from(tick.quote);
            }
            Side::Sell => {
                self.sells += 1;
                self.sell_quote += u128::from(tick.quote);
            }
        }
        match tick.value_micros.get() {
            Some(value) => self.value_micros += u128::from(value),
            None => self.unvalued += 1,
        }
    }

    /// Takes a trade out of the sums.
    pub fn discount(&mut self, tick: &Tick) {
        self.base -= u128::from(tick.base);
        if tick.price.is_some() {
            self.clean.0 -= u128::from(tick.base);
            self.clean.1 -= u128::from(tick.quote);
        }
        match tick.side {
            Side::Buy => {
                self.buys -= 1;
                self.buy_quote -= u128::from(tick.quote);
            }
            Side::Sell => {
                self.sells -= 1;
                self.sell_quote -= u128::from(tick.quote);
            }
        }
        match tick.value_micros.get() {
            Some(value) => self.value_micros -= u128::from(value),
            None => self.unvalued -= 1,
        }
    }

    /// Changes the numbers of distinct traders by one who bought or sold in it `before`, and does `now`.
    pub fn recount(&mut self, before: (bool, bool), now: (bool, bool)) {
        let change = |count: &mut u32, before: bool, now: bool| {
            *count = *count + u32::from(now) - u32::from(before);
        };
        change(&mut self.traders, before.0 || before.1, now.0 || now.1);
        change(&mut self.buyers, before.0, now.0);
        change(&mut self.sellers, before.1, now.1);
    }

    /// Finds first, last, open and close again among the trades of the bar: `sealed` adds up those that
    /// are no longer kept, which come first, and `kept` are the others, in order. High and low too if
    /// they may have been those of a trade that is gone (`is_torn`); otherwise they only widen by `came`.
    pub fn find_edges(
        &mut self,
        sealed: Option<&Self>,
        kept: &(impl DoubleEndedIterator<Item = Tick> + Clone),
        came: &[Price],
        is_torn: bool,
    ) {
        let sealed = sealed.filter(|bar| bar.trades() > 0);
        if let Some(first) = sealed.map(|bar| bar.span.first).or_else(|| Some(kept.clone().next()?.id)) {
            self.span.first = first;
        }
        let of = |tick: Tick| (tick.id, tick.decimals);
        let last = kept.clone().next_back().map(of);
        if let Some((last, decimals)) = last.or(sealed.map(|bar| (bar.span.last, bar.span.decimals))) {
            (self.span.last, self.span.decimals) = (last, decimals);
        }
        let before = sealed.and_then(|bar| bar.prices);
        let clean = || kept.clone().filter_map(|tick| Some((tick.price?, tick.market_cap)));
        let open = before.map(|prices| prices.open).or_else(|| Some(clean().next()?.0));
        let close = clean().next_back().or(before.map(|prices| (prices.close, prices.market_cap)));
        let Some((open, (close, market_cap))) = open.zip(close) else {
            self.prices = None;
            return;
        };
        let range = match self.prices.filter(|_| !is_torn) {
            Some(prices) => Some((prices.low, prices.high)),
            None => before.map(|prices| (prices.low, prices.high)),
        };
        let (mut low, mut high) = range.unwrap_or((open, open));
        let mut widen = |price: Price| (low, high) = (low.min(price), high.max(price));
        if is_torn {
            clean().for_each(|(price, _)| widen(price));
        } else {
            came.iter().for_each(|price| widen(*price));
        }
        self.prices = Some(Ohlc { open, high, low, close, market_cap });
    }
}
