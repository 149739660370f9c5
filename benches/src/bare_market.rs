//! The bare loop of the whole market: in one thread, without taking anything back.
//!
//! A loop as one would write it for one run over a clean file, from the same events: each trade once, valued at
//! the last price of SOL, written when it comes and again when its slot is confirmed and finalized;
//! candles and windows as their own bare loops keep them; last price and reserves of tokens and pools;
//! balances of owners and the ten largest of each token that changed, once a second; sandwiches within a
//! slot. The loop leaves out what the dataflow does beyond that: indicators, Gini, Herfindahl and Nakamoto,
//! labels of wallets, wash trades, boards.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Address, ChainEvent, Event, EventId, Price, Seconds, SlotState, Trade};
use operators::bar::Role;
use operators::prices::PricedTrade;
use operators::series::SeriesTrade;
use operators::usd::{SourceName, UsdRate, ValuedTrade};
use operators::{candles, windows};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::bare::Candles;
use crate::bare_windows::Windows;

#[derive(Default)]
struct Token {
    last: Option<(EventId, Option<Price>)>,
    balances: FxHashMap<(Address, u64), u64>,
    largest: BTreeSet<(u64, Address)>,
}

/// See the module.
pub(crate) struct BareMarket {
    seen: FxHashSet<EventId>,
    slots: FxHashMap<u64, Vec<ValuedTrade>>,
    rate: Option<UsdRate>,
    candles: Candles,
    params: candles::Params,
    windows: Windows,
    batch: Vec<windows::Input>,
    tokens: FxHashMap<Address, Token>,
    pools: FxHashMap<Address, (EventId, Option<u64>)>,
    changed: FxHashSet<Address>,
    second: Seconds,
    written: u64,
}

impl Default for BareMarket {
    fn default() -> Self {
        let widths: Vec<Seconds> = windows::Params::default().widths.iter().map(|w| w.seconds()).collect();
        Self {
            seen: FxHashSet::default(),
            slots: FxHashMap::default(),
            rate: None,
            candles: Candles::default(),
            params: candles::Params::default(),
            windows: Windows::new(&widths),
            batch: Vec::new(),
            tokens: FxHashMap::default(),
            pools: FxHashMap::default(),
            changed: FxHashSet::default(),
            second: 0,
            written: 0,
        }
    }
}

impl BareMarket {
    /// Takes in the next event in canonical order.
    pub(crate) fn take_in(&mut self, event: &Event) {
        match event {
            Event::Quote(quote) => {
                let source = SourceName::new(&quote.source);
                self.rate = UsdRate::new(quote.usd, Some(quote.publish_time), source);
            }
            Event::Slot(status) => match status.state {
                SlotState::Confirmed => {
                    self.written += self.slots.get(&status.slot).map_or(0, Vec::len) as u64;
                }
                SlotState::Finalized => {
                    self.written += self.slots.remove(&status.slot).map_or(0, |rows| rows.len()) as u64;
                }
                _ => {}
            },
            Event::Chain(ChainEvent::Trade(trade)) => self.trade(*trade),
            Event::Chain(ChainEvent::BalancesChanged(changed)) => {
                let token = self.tokens.entry(changed.mint).or_default();
                for balance in &changed.balances {
                    let key = (balance.owner, balance.account);
                    let before = token.balances.insert(key, balance.after).unwrap_or(0);
                    token.largest.remove(&(before, balance.owner));
                    token.largest.insert((balance.after, balance.owner));
                }
                self.changed.insert(changed.mint);
            }
            _ => {}
        }
    }

    fn trade(&mut self, trade: Trade) {
        if !self.seen.insert(trade.origin.id) {
            return;
        }
        let price = trade.price();
        let valued = ValuedTrade {
            priced: PricedTrade { trade: Arc::new(trade), price, price_ok: price.is_some() },
            usd: self.rate,
        };
        // In the simulated market a token trades in one pool at a time.
        let of_series = SeriesTrade { valued, role: Role::Primary };
        self.candles.add(&candles::Input::trade(&of_series), &self.params);
        self.batch.extend(windows::Input::trade(&of_series));
        let valued = of_series.valued;
        let token = self.tokens.entry(trade.mint).or_default();
        token.last = Some((trade.origin.id, valued.price_usd()));
        self.pools.insert(trade.pool, (trade.origin.id, trade.quote_reserve));
        let of_slot = self.slots.entry(trade.origin.id.slot).or_default();
        let is_sandwich = of_slot.iter().rev().take(64).any(|other| {
            let other = other.trade();
            other.pool == trade.pool && other.trader == trade.trader && other.side != trade.side
        });
        of_slot.push(valued);
        self.written += 3 + u64::from(is_sandwich);
    }

    /// Writes what has changed.
    pub(crate) fn close(&mut self, now: Seconds) {
        let written = &mut self.written;
        self.windows.batch(now, &self.batch, |_| *written += 1);
        self.batch.clear();
        if self.second < now {
            self.second = now;
            for mint in self.changed.drain() {
                let Some(token) = self.tokens.get(&mint) else { continue };
                let held: u128 = token.largest.iter().rev().take(10).map(|(held, _)| u128::from(*held)).sum();
                self.written += u64::from(held > 0 && token.last.is_some());
            }
        }
    }

    /// Rows written, but for those of candles.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }
}
