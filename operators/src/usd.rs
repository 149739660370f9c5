//! Worth of trades in USD: the as-of join of trades with the prices of their quote tokens.
//!
//! A trade is valued at the last oracle price of its quote token that was published up to its block
//! time and is not older than [`Params::age_s_max`]. A token that is pegged by configuration has its
//! peg. Without either the trade has no value: null, and never a wrong number. When a price comes late
//! the trades that it concerns are taken back and put again with their new value.
//!
//! Trades are kept for that by quote token, minute and one of several lanes, so that all workers have
//! a share of SOL; a price goes to the minutes that it can matter to, in every lane. Trades are kept
//! for [`Params::correction_s`], prices as long as a trade can still come: a trade that comes or is
//! taken back after its minute has settled finds the price that the others had. A price that comes
//! after all its minutes have settled is refused and named.
//!
//! Source: DEFINITIONS §2, `p_usd`. Values are whole millionths of a USD, so that sums are exact.
//! Prices are not judged: an oracle's word counts. Two oracles of one token are not averaged, the
//! later publication counts.

use std::collections::BTreeMap;

use model::{Address, Price, PriceQuote, Reject, RejectReason, Trade};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::prelude::*;
use crate::prices::PricedTrade;

/// Settings of [`usd`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How old an oracle price may be at the block time of a trade, in seconds.
    pub age_s_max: Seconds,
    /// How late an oracle price can come and still correct the trades that it concerns, in seconds.
    pub correction_s: Seconds,
    /// USD per coin of tokens that are taken as stable, by mint.
    pub pegs: BTreeMap<Address, Price>,
}

impl Default for Params {
    fn default() -> Self {
        let one = Price::ratio(1, 0, 1, 0);
        let pegs = [Address::USDC, Address::USDT].into_iter().filter_map(|mint| Some((mint, one?)));
        Self { age_s_max: 60, correction_s: 60, pegs: pegs.collect() }
    }
}

/// A price of a quote token in USD.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UsdRate {
    /// When it was published, in seconds; none for a peg, which is never old.
    pub publish_time: Option<Seconds>,
    /// Who says so.
    pub source: SourceName,
    /// Billionths of a USD per coin.
    pub nanos: u64,
}

/// The name of an oracle, cut to what fits beside a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceName([u8; 15]);

impl SourceName {
    /// The source of a peg.
    pub const PEG: Self = Self(*b"peg\0\0\0\0\0\0\0\0\0\0\0\0");

    /// The name, cut to 15 bytes.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut bytes = [0; 15];
        let mut end = name.len().min(bytes.len());
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        bytes[..end].copy_from_slice(&name.as_bytes()[..end]);
        Self(bytes)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

impl UsdRate {
    /// A rate; none if it is out of reach.
    #[must_use]
    pub fn new(usd: Price, publish_time: Option<Seconds>, source: SourceName) -> Option<Self> {
        let nanos = (usd.get() * 1e9).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        (0.0..1e19).contains(&nanos).then_some(Self { publish_time, source, nanos: nanos as u64 })
    }

    /// Millionths of a USD that an amount in raw units is worth, rounded down.
    #[must_use]
    pub fn micros(&self, amount: u64, decimals: u8) -> u128 {
        micros(amount, decimals, self.nanos)
    }

    /// USD per coin.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        Price::ratio(self.nanos.into(), 9, 1, 0)
    }

    /// USD for a price or a sum of quote coins.
    #[must_use]
    pub fn convert(&self, quote: Price) -> Option<Price> {
        Price::new(quote.get() * self.price()?.get())
    }
}

/// Millionths of a USD that an amount in raw units is worth at so many billionths a coin, rounded down.
#[must_use]
pub fn micros(amount: u64, decimals: u8, nanos: u64) -> u128 {
    u128::from(amount) * u128::from(nanos) / 1000 / 10u128.saturating_pow(decimals.into())
}

/// A trade with what it was worth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValuedTrade {
    /// The trade and its price.
    pub priced: PricedTrade,
    /// The price of its quote token; none if missing or too old.
    pub usd: Option<UsdRate>,
}

/// Decimals of the rate of a quote token.
const NANOS: i32 = 9;

/// A trade worth less, in millionths of a USD, says nothing of the price.
const DUST_MICROS: u128 = 10_000;

impl ValuedTrade {
    /// The trade.
    #[must_use]
    pub fn trade(&self) -> &Trade {
        &self.priced.trade
    }

    /// The price, if it belongs to the clean series: credible, and of more than dust in base and in USD.
    ///
    /// Source: DEFINITIONS §2.
    #[must_use]
    pub fn clean_price(&self) -> Option<Price> {
        let is_dust = self.value_micros().is_some_and(|value| value < DUST_MICROS);
        self.priced.clean_price().filter(|_| !is_dust)
    }

    /// The price in USD: as the price, one quotient.
    #[must_use]
    pub fn price_usd(&self) -> Option<Price> {
        let Trade { quote_amount, base_amount, .. } = *self.trade();
        let above = [quote_amount.into(), self.usd?.nanos.into()];
        Price::quotient(&above, &[base_amount.into()], self.base_ten() - NANOS)
    }

    /// Market capitalisation at its price, in USD; none without a price in USD or if the supply is not known.
    #[must_use]
    pub fn market_cap_usd(&self) -> Option<Price> {
        let trade = self.trade();
        let above = [trade.quote_amount.into(), trade.base_supply?.into(), self.usd?.nanos.into()];
        let ten = -i32::from(trade.quote_decimals) - NANOS;
        Price::quotient(&above, &[trade.base_amount.into()], ten)
    }

    /// The power of ten between raw units and coins in its price.
    fn base_ten(&self) -> i32 {
        i32::from(self.trade().base_decimals) - i32::from(self.trade().quote_decimals)
    }

    /// The amount paid, in millionths of a USD.
    #[must_use]
    pub fn value_micros(&self) -> Option<u128> {
        let Trade { quote_amount, quote_decimals, .. } = *self.priced.trade;
        Some(self.usd?.micros(quote_amount, quote_decimals))
    }
}

/// Values every trade; and the prices that came too late to value any.
pub fn usd<'s>(
    trades: Collection<'s, PricedTrade>,
    quotes: Collection<'s, PriceQuote>,
    params: &Params,
    horizon: Horizon,
    states: &States,
) -> (Collection<'s, ValuedTrade>, Collection<'s, Reject>) {
    let age_s_max = params.age_s_max;
    let traded = |trade: PricedTrade| {
        let Trade { quote_known, quote_mint, pool, .. } = *trade.trade;
        // Nobody prices the zero address: what may not be the money of the pair gives no value.
        let priced_in = if quote_known { quote_mint } else { Address::ZERO };
        let slice = Slice::of(priced_in, trade.trade.origin.block_time, pool);
        Some((slice, Input::Trade(trade)))
    };
    let quoted = move |quote: PriceQuote| {
        let slices = Slice::all(quote.mint, quote.publish_time, age_s_max);
        slices.map(move |slice| (slice, Input::Quote(quote.clone())))
    };
    let intake = Intake::of(trades, traded).and(quotes, quoted);
    keyed_apart::<Minute, _>(intake, "usd", (params.clone(), horizon), states, |output| match output {
        Output::Valued(trade) => Either::Left(trade),
        Output::TooLate(reject) => Either::Right(Only(*reject)),
    })
}

/// Millionths of a USD as a column: USD.
#[must_use]
pub fn usd_value(micros: u128) -> Option<Price> {
    Price::ratio(micros, 6, 1, 0)
}

/// Lanes of a minute: as many workers have a share of the trades in one quote token.
const LANES: u64 = 16;

const MINUTE_S: Seconds = 60;

/// Trades that are valued together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slice {
    quote_mint: Address,
    minute: u64,
    lane: u8,
}

impl Slice {
    fn of(quote_mint: Address, time: Seconds, pool: Address) -> Self {
        let lane = (pool.route() % LANES) as u8;
        Self { quote_mint, minute: time / MINUTE_S, lane }
    }

    /// The slices that a price can matter to.
    fn all(quote_mint: Address, published: Seconds, age_s_max: Seconds) -> impl Iterator<Item = Self> {
        let last = published.saturating_add(age_s_max) / MINUTE_S;
        let minutes = published / MINUTE_S..=last;
        minutes.flat_map(move |minute| (0..16).map(move |lane| Self { quote_mint, minute, lane }))
    }

    const fn end(&self) -> Seconds {
        self.minute.saturating_add(1).saturating_mul(MINUTE_S)
    }
}

/// One input element of a slice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Input {
    /// A trade.
    Trade(PricedTrade),
    /// A price of its quote token.
    Quote(PriceQuote),
}

/// One output element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A trade.
    Valued(ValuedTrade),
    /// A price that is refused.
    TooLate(Box<Reject>),
}

/// State of a slice.
#[derive(Default, Serialize, Deserialize)]
pub struct Minute {
    /// Prices by publication, with how often each came.
    rates: BTreeMap<UsdRate, Diff>,
    /// Trades by block time, until the minute settles. Their order reaches no output.
    trades: FxHashMap<Seconds, Vec<PricedTrade>>,
    settle_at: Option<Seconds>,
    forget_at: Seconds,
}

impl Minute {
    fn rate(&self, mint: &Address, time: Seconds, params: &Params) -> Option<UsdRate> {
        if let Some(peg) = params.pegs.get(mint) {
            return UsdRate::new(*peg, None, SourceName::PEG);
        }
        let is_published = |rate: &&UsdRate| rate.publish_time.is_some_and(|at| at <= time);
        let last = self.rates.keys().rev().find(is_published)?;
        let published = last.publish_time?;
        (published.saturating_add(params.age_s_max) >= time).then_some(*last)
    }

    fn value(&mut self, slice: &Slice, trade: PricedTrade, diff: Diff, effects: &mut Effects<'_, Self>) {
        let (params, _) = effects.params;
        let time = trade.trade.origin.block_time;
        let usd = self.rate(&slice.quote_mint, time, params);
        if !is_settled(slice, effects) && !params.pegs.contains_key(&slice.quote_mint) {
            let kept = self.trades.entry(time).or_default();
            if diff > 0 {
                kept.push(trade.clone());
            } else if let Some(at) = kept.iter().position(|other| *other == trade) {
                kept.swap_remove(at);
            }
        }
        effects.emit(Output::Valued(ValuedTrade { priced: trade, usd }), diff);
    }

    fn publish(&mut self, slice: &Slice, quote: &PriceQuote, diff: Diff, effects: &mut Effects<'_, Self>) {
        let (params, _) = effects.params;
        if is_settled(slice, effects) {
            // Said once, by the slice that it would have mattered to last.
            let is_last = Slice::all(quote.mint, quote.publish_time, params.age_s_max).last();
            if is_last == Some(*slice) {
                effects.emit(Output::TooLate(Box::new(too_late(quote, effects.now))), diff);
            }
            return;
        }
        let source = SourceName::new(&quote.source);
        let Some(rate) = UsdRate::new(quote.usd, Some(quote.publish_time), source) else { return };
        let concerned = |time: &Seconds| {
            *time >= quote.publish_time && *time <= quote.publish_time.saturating_add(params.age_s_max)
        };
        let mut times: Vec<Seconds> = self.trades.keys().copied().filter(concerned).collect();
        times.sort_unstable();
        let before: Vec<_> = times.iter().map(|time| self.rate(&slice.quote_mint, *time, params)).collect();
        let count = self.rates.entry(rate).or_default();
        *count += diff;
        if *count == 0 {
            self.rates.remove(&rate);
        }
        for (time, before) in times.iter().zip(before) {
            let after = self.rate(&slice.quote_mint, *time, params);
            if before == after {
                continue;
            }
            for trade in self.trades.get(time).into_iter().flatten() {
                let valued = |usd| Output::Valued(ValuedTrade { priced: trade.clone(), usd });
                effects.emit(valued(before), -1);
                effects.emit(valued(after), 1);
            }
        }
    }
}

fn settles_at(slice: &Slice, params: &Params) -> Seconds {
    slice.end().saturating_add(params.correction_s)
}

fn is_settled(slice: &Slice, effects: &Effects<'_, Minute>) -> bool {
    settles_at(slice, &effects.params.0) <= effects.now
}

fn too_late(quote: &PriceQuote, now: Seconds) -> Reject {
    let late = now.saturating_sub(quote.publish_time);
    Reject {
        source: quote.source.clone(),
        cursor: format!("{} {}", quote.mint, quote.publish_time),
        reason: RejectReason::TooLate,
        program: None,
        signature: None,
        slot: None,
        detail: format!("an oracle price came {late} s after it was published; trades have settled without"),
    }
}

impl State for Minute {
    type Key = Slice;
    type Input = (Slice, Input);
    type Part = ();
    type Output = Output;
    type Params = (Params, Horizon);

    fn key((slice, _): &(Slice, Input)) -> Slice {
        *slice
    }

    fn route(slice: &Slice) -> u64 {
        // A pool has its lane in every minute, so its trades stay with one worker.
        slice.lane.into()
    }

    fn apply(
        &mut self,
        slice: &Slice,
        (_, input): (Slice, Input),
        diff: Diff,
        effects: &mut Effects<'_, Self>,
    ) {
        let (params, horizon) = effects.params;
        if self.forget_at == 0 {
            self.settle_at = Some(settles_at(slice, params));
        }
        // A second longer than a slot can take its trades back.
        let last = slice.end().max(effects.now);
        self.forget_at = last.saturating_add(horizon.0).saturating_add(2);
        match input {
            Input::Trade(trade) => self.value(slice, trade, diff, effects),
            Input::Quote(quote) => self.publish(slice, &quote, diff, effects),
        }
    }

    fn next_timer(&self, _: &Self::Params) -> Option<Seconds> {
        Some(self.settle_at.unwrap_or(self.forget_at))
    }

    fn on_timer(&mut self, _: &Slice, effects: &mut Effects<'_, Self>) {
        if self.settle_at.take_if(|at| *at <= effects.now).is_some() {
            self.trades = FxHashMap::default();
        }
        if self.forget_at <= effects.now {
            *self = Self::default();
        }
    }

    fn output(&self, _: &Slice, (): &(), _: &Self::Params) -> Option<Output> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.forget_at == 0
    }

    /// Trades stand for as long as what they are made of does.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}
