//! Input elements of the indicators: the shortest bars of the primary series, by their prices.
//!
//! A candle changes with every trade and once more when it closes; its prices change less. A change that leaves
//! the prices alone is left out here, before it is sent to another worker, and a bar that changes is sent as
//! what it is now, not as what it was and what it is: half as much, and nothing to put in order.

use differential_dataflow::AsCollection;
use model::{Address, Price, Seconds};
use serde::{Deserialize, Serialize};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator;

use crate::candles::{Bars, Interval};
use crate::keyed::{Waiting, stash};
use crate::prelude::*;

/// The prices of a bar that indicators read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Prices {
    /// Highest clean price.
    pub high: Price,
    /// Lowest clean price.
    pub low: Price,
    /// Last clean price.
    pub close: Price,
}

/// A bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bar {
    /// Its first second.
    pub open: Seconds,
    /// Its prices.
    pub prices: Prices,
}

impl Bar {
    /// Joins a bar that comes after it.
    pub fn join(&mut self, later: Prices) {
        self.prices = Prices {
            high: self.prices.high.max(later.high),
            low: self.prices.low.min(later.low),
            close: later.close,
        };
    }
}

/// A bar of a token as it is from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Input {
    /// The token.
    pub mint: Address,
    /// The first second of the bar.
    pub open: Seconds,
    /// Its prices; none if no clean trade is left in it.
    pub prices: Option<Prices>,
}

impl Input {
    /// The input that a candle of `interval` is; none if candles have no clean price or are of
    /// another interval.
    #[must_use]
    pub fn of(bars: &Bars, interval: Interval) -> Option<Self> {
        let prices = bars.primary_prices().filter(|_| bars.interval() == interval)?;
        let prices = Prices { high: prices.high, low: prices.low, close: prices.close };
        Some(Self { mint: bars.mint(), open: bars.open_time(), prices: Some(prices) })
    }

    /// The input of a bar that is retracted as `before` and inserted at once as `after`; none if its prices
    /// stay what they are.
    fn change(before: Option<Self>, after: Option<Self>) -> Option<Self> {
        match (before, after) {
            (before, after) if before == after => None,
            (_, Some(after)) => Some(after),
            (before, None) => before.map(|before| Self { prices: None, ..before }),
        }
    }
}

/// The inputs from the bars of `interval`, if there is one, in the primary series of every token.
pub fn bars<'s>(candles: Collection<'s, Bars>, interval: Option<Interval>) -> Collection<'s, Input> {
    type Builder = CapacityContainerBuilder<Vec<(Input, Time, Diff)>>;
    let name = "prices of bars";
    let bars = candles.inner.unary_frontier::<Builder, _, _, _>(Pipeline, name, |capability, _| {
        let mut held = Some(capability);
        let mut waiting: Waiting<Bars> = Waiting::new();
        move |(input, frontier), output| {
            input.for_each_time(|_, batches| {
                for batch in batches {
                    stash(&mut waiting, std::mem::take(batch));
                }
            });
            let upper = frontier.frontier().first().copied();
            while let (Some(entry), Some(capability)) = (waiting.first_entry(), held.as_ref()) {
                if upper.is_some_and(|upper| *entry.key() >= upper) {
                    break;
                }
                let (time, batches) = entry.remove_entry();
                let now = capability.delayed(&time);
                let mut session = output.session(&now);
                let candles = batches.into_iter().flatten().filter_map(|(candle, _, diff)| {
                    Some((interval.and_then(|interval| Input::of(&candle, interval))?, diff))
                });
                changes(candles, |input| session.give((input, time, 1)));
            }
            match (&mut held, upper) {
                (Some(held), Some(upper)) => held.downgrade(&upper),
                _ => held = None,
            }
        }
    });
    bars.as_collection()
}

/// The inputs from the bars of one time. A bar that changes leaves its operator as what it was and right
/// after it as what it is.
fn changes(bars: impl Iterator<Item = (Input, Diff)>, mut give: impl FnMut(Input)) {
    let mut before: Option<Input> = None;
    for (bar, diff) in bars {
        let is_same_bar = before.is_some_and(|before| (before.mint, before.open) == (bar.mint, bar.open));
        let last = before.take();
        if diff > 0 && is_same_bar {
            Input::change(last, Some(bar)).map(&mut give);
            continue;
        }
        Input::change(last, None).map(&mut give);
        if diff > 0 {
            give(bar);
        } else {
            before = Some(bar);
        }
    }
    Input::change(before, None).map(&mut give);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(open: Seconds, price: f64) -> Input {
        let price = Price::new(price).unwrap();
        let prices = Prices { high: price, low: price, close: price };
        Input { mint: Address::WSOL, open, prices: Some(prices) }
    }

    #[test]
    fn a_bar_is_sent_as_what_it_becomes() {
        let gone = |open| Input { prices: None, ..bar(open, 1.0) };
        let mut sent = Vec::new();
        let bars = [
            (bar(1, 1.0), -1),
            (bar(1, 2.0), 1),
            (bar(2, 1.0), -1), // closes, say
            (bar(2, 1.0), 1),
            (bar(3, 1.0), -1),
            (bar(4, 1.0), -1),
            (bar(5, 1.0), 1),
            (bar(6, 1.0), -1),
        ];
        changes(bars.into_iter(), |input| sent.push(input));
        assert_eq!(sent, [bar(1, 2.0), gone(3), gone(4), bar(5, 1.0), gone(6)]);
    }
}
