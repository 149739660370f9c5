//! All indicators of one series, bar by bar.

use serde::{Deserialize, Serialize};

use super::bands::{Bollinger, Parkinson, Volatility};
use super::levels::Levels;
use super::oscillators::{Atr, Macd, Rsi};
use super::record::Values;
use super::{Params, Prices};
use crate::number::Number;

/// The indicators after some bar.
///
/// A study only goes forward. The effect of a bar cannot be taken out again, so whoever may have to correct a
/// bar keeps the study before it. Equal bars give equal values, to the last bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    close: f64,
    macd: Macd,
    rsi: Rsi,
    atr: Atr,
    bollinger: Bollinger,
    volatility: Volatility,
    parkinson: Parkinson,
    levels: Levels,
}

impl Study {
    /// Before the first bar.
    #[must_use]
    pub const fn new(params: &Params) -> Self {
        Self {
            close: 0.0,
            macd: Macd::new(12, 26, 9),
            rsi: Rsi::new(14),
            atr: Atr::new(14),
            bollinger: Bollinger::new(20),
            volatility: Volatility::new(params.volatility_bars),
            parkinson: Parkinson::new(params.volatility_bars),
            levels: Levels::new(params.level_bars, params.level_join_atr),
        }
    }

    /// Takes in the next bar.
    pub fn push(&mut self, prices: Prices) {
        let Prices { high, low, close } = prices;
        self.push_numbers(high.get(), low.get(), close.get());
    }

    /// Takes in a bar without trades: all its prices are the close before it.
    pub fn push_filled(&mut self) {
        self.push_numbers(self.close, self.close, self.close);
    }

    fn push_numbers(&mut self, high: f64, low: f64, close: f64) {
        self.close = close;
        self.macd.push(close);
        self.rsi.push(close);
        self.atr.push(high, low, close);
        self.bollinger.push(close);
        self.volatility.push(close);
        self.parkinson.push(high, low);
        self.levels.push(high, low);
    }

    /// Values of the indicators.
    #[must_use]
    pub fn values(&self) -> Values {
        let number = |value: Option<f64>| value.and_then(Number::new);
        let bands = self.bollinger.value();
        let atr = self.atr.value();
        let (support, resistance) = atr.map_or((None, None), |atr| self.levels.around(self.close, atr));
        Values {
            rsi14: number(self.rsi.value()),
            macd: number(self.macd.line()),
            macd_signal: number(self.macd.signal()),
            macd_hist: number(self.macd.histogram()),
            bb_mid: number(bands.map(|bands| bands.mid)),
            bb_up: number(bands.map(|bands| bands.up)),
            bb_low: number(bands.map(|bands| bands.low)),
            bb_position: number(bands.and_then(|bands| bands.position)),
            bb_bandwidth: number(bands.map(|bands| bands.bandwidth)),
            atr14: number(atr),
            ema12: number(self.macd.fast.value()),
            ema26: number(self.macd.slow.value()),
            volatility: number(self.volatility.value()),
            parkinson: number(self.parkinson.value()),
            support: number(support.map(|level| level.price)),
            support_strength: support.map(|level| level.strength),
            resistance: number(resistance.map(|level| level.price)),
            resistance_strength: resistance.map(|level| level.strength),
        }
    }
}
