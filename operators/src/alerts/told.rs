//! What other operators tell of a token: trades of listed wallets, ends of bars, spreads of holdings.

use model::rule::{Group, Indicator};
use model::{Address, EventId, Seconds, Side};
use serde::{Deserialize, Serialize};

use super::input::{Point, What};
use crate::bar::MaybeAmount;
use crate::holders::Holdings;
use crate::indicators::{Indicators, Values};
use crate::number::Number;
use crate::smart::Match;

/// A trade of a wallet that is on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SmartTrade {
    /// The list, by [`list_key`].
    pub list: u64,
    /// The wallet.
    pub trader: Address,
    /// Its side.
    pub side: Side,
    /// Base, raw units.
    pub base: u64,
    /// What was paid, millionths of a USD.
    pub value_micros: MaybeAmount,
    /// Where the list ranks the wallet.
    pub score: Option<u8>,
    /// True if that the wallet is on the list was not known when it traded.
    pub is_historical: bool,
}

/// The name of a list as a number: FNV-1a.
#[must_use]
pub fn list_key(name: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// What indicators are at the end of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bar {
    /// Length of the bar, seconds.
    pub interval_s: u32,
    /// By [`Indicator::ALL`]; none where there are not yet enough bars.
    pub values: [Option<Number>; 5],
}

impl Bar {
    /// What an indicator is.
    #[must_use]
    pub fn value(&self, indicator: Indicator) -> Option<f64> {
        let at = Indicator::ALL.iter().position(|other| *other == indicator)?;
        self.values.get(at)?.map(Number::get)
    }

    /// The token and the point of a bar that has ended.
    #[must_use]
    pub fn point(row: &Indicators) -> Option<(Address, Point)> {
        if row.is_provisional {
            return None;
        }
        let interval_s = u32::try_from(row.interval.seconds()).ok()?;
        let values = Indicator::ALL.map(|indicator| value(indicator, &row.values).and_then(Number::new));
        let (time, what) = (row.interval.end(row.open_time), What::Bar(Self { interval_s, values }));
        Some((row.mint, Point { time, id: EventId::FIRST, what, program: None }))
    }
}

/// Source: DEFINITIONS §7; of averages in percent of the slow one, so that one rule fits all tokens.
fn value(indicator: Indicator, values: &Values) -> Option<f64> {
    let get = |number: Option<Number>| number.map(Number::get);
    let slow = get(values.ema26).filter(|slow| *slow != 0.0);
    match indicator {
        Indicator::Rsi14 => get(values.rsi14),
        Indicator::MacdHistPct => Some(100.0 * get(values.macd_hist)? / slow?),
        Indicator::EmaSpreadPct => Some(100.0 * (get(values.ema12)? / slow? - 1.0)),
        Indicator::BollingerPct => Some(100.0 * get(values.bb_position)?),
        Indicator::VolatilityPct => Some(100.0 * get(values.volatility)?),
    }
}

/// How the holdings of a token are spread: shares in tenths of a percent, so that not every trade makes
/// another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shares {
    /// Of the ten largest holders, of what is not burnt.
    pub top10: Option<u16>,
    /// Of wallets with a label, by [`Group::ALL`].
    pub groups: [Option<u16>; 3],
    /// The creator holds nothing and once did; none if the creator is not known.
    pub has_dev_sold: Option<bool>,
}

impl Shares {
    /// Of the holdings of a token.
    #[must_use]
    pub fn of(holdings: &Holdings) -> Self {
        let groups = [holdings.snipers, holdings.bundlers, holdings.insiders];
        Self {
            top10: holdings.top10_pct().map(tenths),
            groups: groups.map(|group| holdings.held_pct(group).map(tenths)),
            has_dev_sold: holdings.creator.map(|creator| creator.has_sold),
        }
    }

    /// Share of a group, percent.
    #[must_use]
    pub fn group_pct(&self, group: Group) -> Option<f64> {
        let at = Group::ALL.iter().position(|other| *other == group)?;
        self.groups.get(at)?.map(percent)
    }

    /// Share of the ten largest holders, percent.
    #[must_use]
    pub fn top10_pct(&self) -> Option<f64> {
        self.top10.map(percent)
    }

    /// As a point at the beginning of a second.
    pub(super) const fn point(self, time: Seconds) -> Point {
        Point { time, id: EventId::FIRST, what: What::Shares(self), program: None }
    }
}

/// Percent as whole tenths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within its bounds")]
fn tenths(pct: f64) -> u16 {
    (pct * 10.0).round().clamp(0.0, 1000.0) as u16
}

fn percent(tenths: u16) -> f64 {
    f64::from(tenths) / 10.0
}

impl SmartTrade {
    /// The token and the point of a match.
    #[must_use]
    pub fn point(matched: &Match) -> (Address, Point) {
        let Match { event, list, trader, trade, score, historical, .. } = matched;
        let smart = Self {
            list: list_key(list),
            trader: *trader,
            side: trade.side,
            base: trade.base,
            value_micros: trade.value_micros().into(),
            score: *score,
            is_historical: *historical,
        };
        (trade.mint, Point { time: trade.time, id: *event, what: What::Smart(smart), program: None })
    }

    /// What was paid, USD.
    #[must_use]
    pub fn value_usd(&self) -> Option<Number> {
        self.value_micros.get().and_then(|micros| Number::coins(micros.into(), 6))
    }

    /// Base bought, or sold as less than nothing.
    pub(super) fn signed(&self) -> i128 {
        match self.side {
            Side::Buy => self.base.into(),
            Side::Sell => -i128::from(self.base),
        }
    }
}
