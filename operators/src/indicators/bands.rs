//! Figures of the last n bars as a whole: Bollinger bands, volatility.

use serde::{Deserialize, Serialize};

/// The last values, oldest first.
///
/// Sums over them are taken anew each time: a running sum would depend on what has left it, to the last
/// bit, and two ways to one bar could differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Last {
    length: usize,
    values: Vec<f64>,
}

impl Last {
    const fn new(length: usize) -> Self {
        Self { length, values: Vec::new() }
    }

    fn push(&mut self, value: f64) {
        if self.values.len() >= self.length && !self.values.is_empty() {
            self.values.remove(0);
        }
        self.values.push(value);
    }

    /// The values and how many they are, once there are enough.
    fn full(&self) -> Option<(&[f64], f64)> {
        let count = u32::try_from(self.values.len()).ok().filter(|count| *count > 0)?;
        (self.values.len() >= self.length).then_some((&self.values, f64::from(count)))
    }
}

/// Bollinger bands: the mean of the last closes, and two standard deviations above and below.
///
/// Source: DEFINITIONS §7, Bollinger 20/2, population σ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bollinger(Last);

/// The bands at some bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    /// The mean.
    pub mid: f64,
    /// Two deviations above.
    pub up: f64,
    /// Two deviations below.
    pub low: f64,
    /// Where the last close is: 0 at the lower band, 1 at the upper; none if they are equal.
    pub position: Option<f64>,
    /// Distance of the bands over the mean.
    pub bandwidth: f64,
}

impl Bollinger {
    /// Over `period` closes.
    #[must_use]
    pub const fn new(period: usize) -> Self {
        Self(Last::new(period))
    }

    /// Takes in the next close, which is positive.
    pub fn push(&mut self, close: f64) {
        self.0.push(close);
    }

    /// The bands; none before there are enough closes.
    #[must_use]
    pub fn value(&self) -> Option<Bands> {
        let (closes, count) = self.0.full()?;
        let close = closes.last()?;
        // A mean of equal numbers need not be that number to the last bit.
        let is_flat = closes.iter().all(|other| other == close);
        let mid = if is_flat { *close } else { closes.iter().sum::<f64>() / count };
        let variance = closes.iter().map(|close| (close - mid) * (close - mid)).sum::<f64>() / count;
        let (up, low) = (mid + 2.0 * variance.sqrt(), mid - 2.0 * variance.sqrt());
        let position = (up > low).then(|| (close - low) / (up - low));
        Some(Bands { mid, up, low, position, bandwidth: (up - low) / mid })
    }
}

/// Volatility: sample standard deviation of the last logarithmic returns.
///
/// Source: DEFINITIONS §7, `volatility_n`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volatility {
    close: Option<f64>,
    returns: Last,
}

impl Volatility {
    /// Over `period` returns, at least two.
    #[must_use]
    pub const fn new(period: usize) -> Self {
        Self { close: None, returns: Last::new(period) }
    }

    /// Takes in the next close, which is positive.
    pub fn push(&mut self, close: f64) {
        if let Some(previous) = self.close.replace(close) {
            self.returns.push((close / previous).ln());
        }
    }

    /// The deviation, a ratio per bar; none before there are enough returns.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let (returns, count) = self.returns.full().filter(|(_, count)| *count > 1.0)?;
        let mean = returns.iter().sum::<f64>() / count;
        let squares = returns.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        Some((squares / (count - 1.0)).sqrt())
    }
}

/// Parkinson's volatility: from the range of each bar instead of its close.
///
/// Source: DEFINITIONS §7, Parkinson.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parkinson(Last);

impl Parkinson {
    /// Over `period` bars.
    #[must_use]
    pub const fn new(period: usize) -> Self {
        Self(Last::new(period))
    }

    /// Takes in the next bar; both prices are positive.
    pub fn push(&mut self, high: f64, low: f64) {
        let range = (high / low).ln();
        self.0.push(range * range);
    }

    /// The deviation, a ratio per bar; none before there are enough bars.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let (squares, count) = self.0.full()?;
        Some((squares.iter().sum::<f64>() / (4.0 * count * std::f64::consts::LN_2)).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_two_deviations_from_the_mean() {
        let mut bollinger = Bollinger::new(4);
        for close in [90.0, 2.0, 4.0, 4.0] {
            bollinger.push(close);
        }
        bollinger.push(6.0); // 90 has left: mean 4, population variance 2
        let bands = bollinger.value().unwrap();
        let two = 2.0 * 2f64.sqrt();
        assert_eq!((bands.mid, bands.up, bands.low), (4.0, 4.0 + two, 4.0 - two));
        assert!((bands.bandwidth - two / 2.0).abs() < 1e-12);
        assert!((bands.position.unwrap() - (0.5 + 1.0 / two)).abs() < 1e-12);
    }

    #[test]
    fn equal_closes_have_no_place_between_the_bands() {
        // Ten times 0.1 is not 1.
        let mut bollinger = Bollinger::new(10);
        (0..9).for_each(|_| bollinger.push(0.1));
        assert_eq!(bollinger.value(), None);
        bollinger.push(0.1);
        let bands = bollinger.value().unwrap();
        assert_eq!((bands.mid, bands.up, bands.position, bands.bandwidth), (0.1, 0.1, None, 0.0));
    }

    #[test]
    fn volatility_is_the_sample_deviation_of_returns() {
        let mut volatility = Volatility::new(2);
        for (close, expected) in [(1.0, None), (2.0, None), (1.0, Some(2f64.sqrt() * 2f64.ln()))] {
            volatility.push(close);
            let found = volatility.value();
            assert_eq!(found.is_some(), expected.is_some());
            assert!(found.zip(expected).is_none_or(|(found, expected)| (found - expected).abs() < 1e-12));
        }
    }

    #[test]
    fn parkinson_reads_ranges() {
        let mut parkinson = Parkinson::new(2);
        parkinson.push(2.0, 1.0);
        assert_eq!(parkinson.value(), None);
        parkinson.push(2.0, 1.0);
        // √(2 ln²2 / (4·2 ln 2)) = √(ln 2 / 4)
        assert!((parkinson.value().unwrap() - (2f64.ln() / 4.0).sqrt()).abs() < 1e-12);
    }
}
