//! Relative strength, convergence of averages, true range.

use serde::{Deserialize, Serialize};

use super::average::{Ema, Wilder};

/// Relative strength index: of the last moves, how much went up. 0 to 100.
///
/// Source: DEFINITIONS §7, RSI(14) Wilder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rsi {
    close: Option<f64>,
    gain: Wilder,
    loss: Wilder,
}

impl Rsi {
    /// Over `period` moves, so that the first value is at bar `period + 1`.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { close: None, gain: Wilder::new(period), loss: Wilder::new(period) }
    }

    /// Takes in the next close.
    pub fn push(&mut self, close: f64) {
        if let Some(previous) = self.close.replace(close) {
            self.gain.push((close - previous).max(0.0));
            self.loss.push((previous - close).max(0.0));
        }
    }

    /// The index; 100 without losses, 50 without any move.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let (gain, loss) = self.gain.value().zip(self.loss.value())?;
        Some(match (gain > 0.0, loss > 0.0) {
            (false, false) => 50.0,
            (true, false) => 100.0,
            (_, true) => 100.0 - 100.0 / (1.0 + gain / loss),
        })
    }
}

/// Moving average convergence divergence: how far the fast average of closes is above the slow one.
///
/// Source: DEFINITIONS §7, MACD 12/26/9.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Macd {
    /// The fast average.
    pub fast: Ema,
    /// The slow average.
    pub slow: Ema,
    /// The average of the line.
    signal: Ema,
}

impl Macd {
    /// The difference of averages over so many closes, and its signal over so many bars of its line.
    #[must_use]
    pub const fn new(fast: u32, slow: u32, signal: u32) -> Self {
        Self { fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal) }
    }

    /// Takes in the next close.
    pub fn push(&mut self, close: f64) {
        self.fast.push(close);
        self.slow.push(close);
        if let Some(line) = self.line() {
            self.signal.push(line);
        }
    }

    /// Fast average less slow average.
    #[must_use]
    pub fn line(&self) -> Option<f64> {
        Some(self.fast.value()? - self.slow.value()?)
    }

    /// The average of the line.
    #[must_use]
    pub fn signal(&self) -> Option<f64> {
        self.signal.value()
    }

    /// Line less signal.
    #[must_use]
    pub fn histogram(&self) -> Option<f64> {
        Some(self.line()? - self.signal()?)
    }
}

/// Average true range: how far the price moves in a bar, gaps included.
///
/// Source: DEFINITIONS §7, ATR(14) Wilder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Atr {
    close: Option<f64>,
    range: Wilder,
}

impl Atr {
    /// Over `period` bars.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { close: None, range: Wilder::new(period) }
    }

    /// Takes in the next bar.
    pub fn push(&mut self, high: f64, low: f64, close: f64) {
        let range = match self.close.replace(close) {
            None => high - low,
            Some(previous) => (high - low).max((high - previous).abs()).max((low - previous).abs()),
        };
        self.range.push(range);
    }

    /// The range.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.range.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsi(closes: impl IntoIterator<Item = f64>) -> Option<f64> {
        let mut rsi = Rsi::new(2);
        closes.into_iter().for_each(|close| rsi.push(close));
        rsi.value()
    }

    #[test]
    fn strength_is_the_share_of_gains() {
        assert_eq!(rsi([1.0, 2.0]), None, "two moves need three closes");
        // Gains 3 and 0, losses 0 and 1: 1.5 against 0.5.
        assert_eq!(rsi([1.0, 4.0, 3.0]), Some(75.0));
        assert_eq!(rsi([1.0, 2.0, 3.0]), Some(100.0));
        assert_eq!(rsi([3.0, 2.0, 1.0]), Some(0.0));
        assert_eq!(rsi([3.0, 3.0, 3.0]), Some(50.0));
    }

    #[test]
    fn the_signal_starts_after_as_many_bars_of_the_line() {
        let mut macd = Macd::new(1, 2, 2);
        let mut said = Vec::new();
        for close in [1.0, 3.0, 3.0] {
            macd.push(close);
            said.push((macd.line(), macd.signal(), macd.histogram()));
        }
        assert_eq!(said[0], (None, None, None));
        assert_eq!(said[1], (Some(1.0), None, None), "3 less the mean of 1 and 3");
        let (line, signal, histogram) = said[2];
        let slow = 2.0 / 3.0 * 3.0 + (1.0 - 2.0 / 3.0) * 2.0;
        assert_eq!(line, Some(3.0 - slow));
        assert_eq!(signal, Some((1.0 + 3.0 - slow) / 2.0));
        assert_eq!(histogram, line.zip(signal).map(|(line, signal)| line - signal));
    }

    #[test]
    fn a_true_range_reaches_from_the_close_before() {
        let mut atr = Atr::new(2);
        atr.push(3.0, 2.0, 2.0);
        assert_eq!(atr.value(), None);
        atr.push(6.0, 5.0, 5.0); // 6 − 2
        assert_eq!(atr.value(), Some(2.5));
        atr.push(2.0, 1.0, 1.0); // 5 − 1
        assert_eq!(atr.value(), Some(3.25));
    }
}
