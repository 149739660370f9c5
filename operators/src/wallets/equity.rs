//! How steady the profit of a wallet is: Sharpe, Sortino, drawdown.
//!
//! Nobody sees how much SOL a wallet could have spent, so its **capital** is taken to be the most that it
//! paid for tokens on one day of the period. Equity begins with it and changes by what is realised, day by
//! day (UTC), from the first to the last day on which the wallet traded; days between without a trade
//! have a return of zero.
//!
//! Source: DEFINITIONS §9: `r_d = Δequity/equity_{d−1}`; `sharpe = mean/stdev·√365` with the sample
//! deviation, `sortino = mean/√mean(min(r,0)²)·√365`, `max_drawdown = max(1 − E/peak E)`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pane::Pane;
use crate::number::Number;

/// Least number of days on which the wallet traded.
pub const DAYS_MIN: usize = 20;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Equity {
    /// None if all days are alike, or some day began with nothing.
    pub sharpe: Option<Number>,
    /// None if no day brought a loss, or some day began with nothing.
    pub sortino: Option<Number>,
    /// Greatest loss from a peak, as a ratio of the peak.
    pub max_drawdown: Option<Number>,
}

impl Equity {
    /// The equity of some panes; none if nothing was ever paid.
    pub(super) fn of<'a>(panes: impl Iterator<Item = &'a Pane>) -> Option<Self> {
        let mut days: BTreeMap<u64, (u128, i128)> = BTreeMap::new();
        for pane in panes {
            let (invested, realised) = days.entry(pane.day()).or_default();
            *invested += u128::from(pane.invested);
            *realised += i128::from(pane.quote.realised);
        }
        let capital = days.values().map(|(invested, _)| *invested).max().filter(|capital| *capital > 0)?;
        let (first, last) = (*days.first_key_value()?.0, *days.last_key_value()?.0);
        let mut equity = i128::try_from(capital).ok()?;
        let (mut returns, mut peak, mut drawdown) = (Vec::new(), equity, 0.0f64);
        for day in first..=last {
            let made = days.get(&day).map_or(0, |(_, realised)| *realised);
            returns.push((equity > 0).then(|| float(made) / float(equity)));
            equity += made;
            peak = peak.max(equity);
            drawdown = drawdown.max(1.0 - float(equity) / float(peak));
        }
        let returns: Option<Vec<f64>> = returns.into_iter().collect();
        let of = |figure: fn(&[f64]) -> Option<f64>| figure(returns.as_ref()?).and_then(Number::new);
        Some(Self { sharpe: of(sharpe), sortino: of(sortino), max_drawdown: Number::new(drawdown) })
    }
}

const YEAR: f64 = 365.0;

fn sharpe(returns: &[f64]) -> Option<f64> {
    let (count, mean) = (count(returns), mean(returns)?);
    let squares: f64 = returns.iter().map(|r| (r - mean) * (r - mean)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    (count > 1.0 && deviation > 0.0).then(|| mean / deviation * YEAR.sqrt())
}

fn sortino(returns: &[f64]) -> Option<f64> {
    let mean = mean(returns)?;
    let downside: f64 = returns.iter().map(|r| r.min(0.0) * r.min(0.0)).sum();
    let deviation = (downside / count(returns)).sqrt();
    (deviation > 0.0).then(|| mean / deviation * YEAR.sqrt())
}

fn mean(returns: &[f64]) -> Option<f64> {
    (!returns.is_empty()).then(|| returns.iter().sum::<f64>() / count(returns))
}

#[expect(clippy::cast_precision_loss, reason = "a number of days")]
const fn count(returns: &[f64]) -> f64 {
    returns.len() as f64
}

#[expect(clippy::cast_precision_loss, reason = "for ratios")]
const fn float(amount: i128) -> f64 {
    amount as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallets::pane::Outcome;

    fn pane(day: u64, invested: u64, realised: i64) -> Pane {
        let quote = Outcome { realised, ..Outcome::default() };
        Pane { hour: day * 24 + 5, invested, quote, ..Pane::default() }
    }

    #[test]
    fn four_days_worked_out_by_hand() {
        // Capital 100: 100 → 110 → 99 → 99 → 118.8, returns 0.1, −0.1, 0, 0.2; mean 0.05.
        let panes = [pane(1, 100, 10), pane(2, 60, -11), pane(4, 99, 20), pane(4, 1, 0)];
        let equity = Equity::of(panes.iter()).unwrap();
        let returns = [0.1, -0.1, 0.0, 20.0 / 99.0];
        let mean = returns.iter().sum::<f64>() / 4.0;
        let deviation = (returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
        let close = |number: Option<Number>, value: f64| (number.unwrap().get() / value - 1.0).abs() < 1e-12;
        assert!(close(equity.sharpe, mean / deviation * 365f64.sqrt()));
        assert!(close(equity.sortino, mean / 0.05 * 365f64.sqrt()), "√(0.01/4)");
        assert!(close(equity.max_drawdown, 0.1));
    }

    #[test]
    fn what_does_not_vary_or_never_falls_has_no_ratio() {
        let still = Equity::of([pane(1, 100, 0), pane(2, 50, 0)].iter()).unwrap();
        assert_eq!((still.sharpe, still.sortino, still.max_drawdown), (None, None, Number::new(0.0)));
        assert_eq!(Equity::of([pane(1, 0, 10)].iter()), None, "no capital");
        let ruined = Equity::of([pane(1, 100, -100), pane(2, 0, 5)].iter()).unwrap();
        assert_eq!((ruined.sharpe, ruined.max_drawdown), (None, Number::new(1.0)));
    }
}
