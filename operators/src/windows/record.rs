//! The record `token_stats`.

use model::{Address, Cadence, Price, Record, columns};
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
    columns! {
        self: "token_stats",
            "Trades of every token in sliding windows (start, now]; a token idle for twice the window has no row.";
        cadence: Cadence::Seconds(1);
        let s = &self.sums;
        let net = i128::try_from(s.buy_quote).ok().zip(i128::try_from(s.sell_quote).ok());
        // One of the sides may have no trades, and then has traded nothing.
        let of_valued = |value: f64| s.usd().map(|_| value);
        key {
            mint: Address = self.mint, "The token.";
            window: Symbol = spell(self.window), "Width, e.g. 1m; whole hours in hours: 24h.";
        }
        txns: Count = s.trades(), "Number of trades in pools with quote_mint.";
        buys: Count = s.buys, "Number of buys.";
        sells: Count = s.sells, "Number of sells.";
        makers: Count = s.traders, "Distinct traders, exact; unknown ones are not counted.";
        buyers: Count = s.buyers, "Distinct traders who bought, exact.";
        sellers: Count = s.sellers, "Distinct traders who sold, exact.";
        net_buyers: Sum = i128::from(s.buyers) - i128::from(s.sellers), "Buyers less sellers.";
        volume_quote: Sum = s.quote(), "Quote traded, raw units of quote_mint.";
        buy_volume_quote: Sum = s.buy_quote, "Quote paid by buyers, raw units.";
        sell_volume_quote: Sum = s.sell_quote, "Quote received by sellers, raw units.";
        net_volume_quote: Sum = net.map(|(buy, sell)| buy - sell), "Buy volume less sell volume, raw units.";
        volume_usd: Float = s.usd().map(usd),
            "Sum of the trades' values, USD; null if there are trades and none has a value.";
        volume_usd_missing: Count = s.usd_missing, "Trades without a value in USD.";
        buy_volume_usd: Float = of_valued(usd(s.buy_usd)),
            "Value of the buys, USD; null as volume_usd.";
        sell_volume_usd: Float = of_valued(usd(s.sell_usd)),
            "Value of the sells, USD; null as volume_usd.";
        net_volume_usd: Float = of_valued(usd(s.buy_usd) - usd(s.sell_usd)),
            "Buy volume less sell volume, USD; null as volume_usd.";
        avg_trade_usd: Float = self.mean_usd(), "Mean value of the trades that have one, USD; null if none.";
        max_trade_usd: Float = self.largest.map(|micros| usd(micros.into())),
            "Value of the largest trade, USD; null if none has one.";
        high: Float = self.high, "Highest clean price; null without clean trades.";
        low: Float = self.low, "Lowest clean price; null without clean trades.";
        price_change_pct: Float = self.change.percent(),
            "100 (p_now / p_then − 1): last clean price against the last at or before start; if partial, \
                 against the first known; null without.";
        partial: Bool = self.change.is_partial, "True if the first known trade in quote_mint is after start.";
        prev_txns: Count = self.previous.trades, "Number of trades in (start − window, start].";
        prev_volume_quote: Sum = self.previous.quote, "Quote traded in (start − window, start], raw units.";
        txns_change_pct: Float = self.trades_change_percent(),
            "100 (txns / prev_txns − 1); null if that is 0.";
        volume_change_pct: Float = self.volume_change_percent(),
            "100 (volume_quote / prev_volume_quote − 1); null if that is 0.";
        filtered_txns: Count = self.filtered.trades,
            "Trades without those labelled sandwich, arbitrage, wash or protocol.";
        filtered_makers: Count = self.filtered.traders, "Distinct traders of those, exact.";
        filtered_volume_quote: Sum = self.filtered.quote, "Quote traded in those, raw units.";
        quote_mint: Address = self.quote_mint, "Quote token: that of the primary pool.";
        tick_s: Count = tick_s(self.window),
            "Step in which trades leave, seconds: start = now rounded down to it, less window.";
    }
    type Key = (Address, Interval);

    fn key(&self) -> Self::Key {
        (self.mint, self.window)
    }
}
