//! One bar of a candle series: what a set of trades adds up to.
//!
//! A bar takes trades in any order and gives them back exactly. Sums and counts are integers and
//! subtract; distinct traders are counted with multiplicity; only the edges (first, last, open, high,
//! low, close) cannot be subtracted, so taking out a trade that stands at an edge says that the edges
//! must be found again among what is left.

use model::{EventId, Price, Seconds, Side};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// What a candle needs of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tick {
    /// Block time. First, so that the ticks of a bar lie next to each other.
    pub time: Seconds,
    /// Canonical order.
    pub id: EventId,
    /// Price; none if it does not belong to the clean series.
    pub price: Option<Price>,
    /// Market capitalisation at that price, in quote coins.
    pub market_cap: Option<Price>,
    /// Base, raw units.
    pub base: u64,
    /// Quote, raw units.
    pub quote: u64,
    /// Side of the trader.
    pub side: Side,
    /// The trader.
    pub trader: Option<TraderKey>,
    /// The pool, an index into the pools of the mint.
    pub pool: u32,
    /// Which series of the mint it belongs to.
    pub role: Role,
    /// Quote in the pool after the trade, raw units.
    pub quote_reserve: Option<u64>,
    /// Decimals of base and quote.
    pub decimals: (u8, u8),
}

/// The first half of an address. Half as large and as hard to counterfeit as one needs for counting.
pub type TraderKey = [u8; 16];

/// Which series of its mint a trade belongs to. Each role belongs to all series of the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Its pool's only: the pool is quoted in another token than the primary one.
    Pool,
    /// Its pool's and `all`.
    All,
    /// Its pool's, `all` and `primary`.
    Primary,
}

/// What stands at the edges of a bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edges {
    /// First and last trade, clean or not.
    pub span: Option<Span>,
    /// Prices of the clean trades.
    pub prices: Option<Prices>,
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

/// Open, high, low and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Prices {
    /// First clean trade.
    pub open: (EventId, Price),
    /// Last clean trade.
    pub close: (EventId, Price),
    /// Market capitalisation at the close.
    pub market_cap: Option<Price>,
    /// Highest clean price.
    pub high: Price,
    /// Lowest clean price.
    pub low: Price,
}

impl Edges {
    /// Widens the edges by a trade.
    pub fn add(&mut self, tick: &Tick) {
        let own = Span { first: tick.id, last: tick.id, decimals: tick.decimals };
        let span = self.span.get_or_insert(own);
        span.first = span.first.min(tick.id);
        if span.last <= tick.id {
            (span.last, span.decimals) = (tick.id, tick.decimals);
        }
        let Some(price) = tick.price else { return };
        let at = (tick.id, price);
        let own = Prices { open: at, close: at, market_cap: tick.market_cap, high: price, low: price };
        let prices = self.prices.get_or_insert(own);
        prices.open = prices.open.min(at);
        if prices.close <= at {
            prices.close = at;
            prices.market_cap = tick.market_cap;
        }
        prices.high = prices.high.max(price);
        prices.low = prices.low.min(price);
    }

    /// True if the trade stands at an edge, so that without it the edges would be others.
    fn hold(&self, tick: &Tick) -> bool {
        let is_end = self.span.is_some_and(|span| tick.id == span.first || tick.id == span.last);
        is_end
            || self.prices.zip(tick.price).is_some_and(|(prices, price)| {
                let Prices { open, close, high, low, .. } = prices;
                tick.id == open.0 || tick.id == close.0 || price == high || price == low
            })
    }
}

/// What a set of trades adds up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// First, last, open, high, low, close.
    pub edges: Edges,
    /// Base traded, raw units.
    pub base: u128,
    /// Quote paid by buyers, raw units.
    pub buy_quote: u128,
    /// Quote received by sellers, raw units.
    pub sell_quote: u128,
    /// Number of buys.
    pub buys: u64,
    /// Number of sells.
    pub sells: u64,
    /// Who traded.
    pub traders: Traders,
}

impl Bar {
    /// Number of trades.
    #[must_use]
    pub const fn trades(&self) -> u64 {
        self.buys + self.sells
    }

    /// Adds a trade.
    pub fn add(&mut self, tick: &Tick) {
        self.edges.add(tick);
        self.base += u128::from(tick.base);
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
        if let Some(trader) = tick.trader {
            self.traders.add(trader, tick.side);
        }
    }

    /// Takes a trade out that was added. True if the edges must be found again.
    #[must_use]
    pub fn remove(&mut self, tick: &Tick) -> bool {
        self.base -= u128::from(tick.base);
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
        if let Some(trader) = tick.trader {
            self.traders.remove(trader, tick.side);
        }
        self.edges.hold(tick)
    }
}

/// Distinct traders, with how often each bought and sold.
///
/// Most bars have few, and a short sorted list beats a map until there are many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Traders {
    /// Two dozen at most, sorted.
    Few(Vec<(TraderKey, Times)>),
    /// More. Its order reaches no output: it is only counted.
    Many(FxHashMap<TraderKey, Times>, Distinct),
}

const FEW: usize = 24;

/// How often a trader bought and sold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    buys: u32,
    sells: u32,
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

impl Default for Traders {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Times {
    fn side(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    fn distinct(self) -> Distinct {
        Distinct {
            traders: u64::from(self.buys + self.sells > 0),
            buyers: u64::from(self.buys > 0),
            sellers: u64::from(self.sells > 0),
        }
    }
}

impl Distinct {
    fn replace(&mut self, before: Self, after: Self) {
        self.traders = self.traders + after.traders - before.traders;
        self.buyers = self.buyers + after.buyers - before.buyers;
        self.sellers = self.sellers + after.sellers - before.sellers;
    }
}

impl Traders {
    /// How many there are.
    #[must_use]
    pub fn distinct(&self) -> Distinct {
        match self {
            Self::Few(list) => {
                let mut total = Distinct::default();
                for (_, times) in list {
                    total.replace(Distinct::default(), times.distinct());
                }
                total
            }
            Self::Many(_, distinct) => *distinct,
        }
    }

    fn add(&mut self, trader: TraderKey, side: Side) {
        if let Self::Few(list) = self
            && list.len() >= FEW
        {
            let distinct = self.distinct();
            if let Self::Few(list) = std::mem::take(self) {
                *self = Self::Many(list.into_iter().collect(), distinct);
            }
        }
        match self {
            Self::Few(list) => match list.binary_search_by(|(key, _)| key.cmp(&trader)) {
                Ok(at) => *list[at].1.side(side) += 1,
                Err(at) => {
                    let mut times = Times::default();
                    *times.side(side) += 1;
                    list.insert(at, (trader, times));
                }
            },
            Self::Many(map, distinct) => {
                let times = map.entry(trader).or_default();
                let before = times.distinct();
                *times.side(side) += 1;
                distinct.replace(before, times.distinct());
            }
        }
    }

    fn remove(&mut self, trader: TraderKey, side: Side) {
        match self {
            Self::Few(list) => {
                if let Ok(at) = list.binary_search_by(|(key, _)| key.cmp(&trader)) {
                    *list[at].1.side(side) -= 1;
                    if list[at].1 == Times::default() {
                        list.remove(at);
                    }
                }
            }
            Self::Many(map, distinct) => {
                if let Some(times) = map.get_mut(&trader) {
                    let before = times.distinct();
                    *times.side(side) -= 1;
                    distinct.replace(before, times.distinct());
                    if *times == Times::default() {
                        map.remove(&trader);
                    }
                }
            }
        }
    }
}
