//! The first of a share of the tokens, on each board.

use std::cmp::Reverse;

use model::{Address, Price};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::head::Head;
use super::{Candidate, Kind, Params, Place, Unit};
use crate::number::Number;
use crate::prelude::*;
use crate::tokens::{Status, Token};

/// Where a token stands on each board, in the order of [`Kind::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Standing([Option<Place>; 6]);

impl Standing {
    /// Where a token stands; none if on no board. The rows of dead tokens stay, and a shard must not grow with them.
    #[must_use]
    pub fn of(token: &Token, params: &Params) -> Option<Self> {
        if token.status == Status::Dead || token.mint.is_currency() {
            return None;
        }
        let places = Kind::ALL.map(|board| place(token, board, params));
        places.iter().any(Option::is_some).then_some(Self(places))
    }
}

fn place(token: &Token, board: Kind, params: &Params) -> Option<Place> {
    let at = |unit: Unit, value: Option<Number>| Some(Place { unit, value: Reverse(value?) });
    let first_of =
        |usd: Option<Number>, quote: Option<Number>| at(Unit::Usd, usd).or_else(|| at(Unit::Quote, quote));
    let trading = &token.trading;
    match board {
        Kind::Volume if trading.txns_24h > 0 => first_of(trading.volume_usd_24h, trading.volume_24h),
        Kind::Volume => None,
        Kind::MarketCap => {
            let number = |price: Option<Price>| price.and_then(|price| Number::new(price.get()));
            first_of(number(token.valuation.market_cap_usd), number(token.valuation.market_cap))
        }
        Kind::Trending => at(Unit::Points, token.score?.total().filter(|score| score.get() > 0.0)),
        Kind::Gainers => {
            let is_liquid = token.liquidity_usd()?.get() >= params.gainers_liquidity_usd_min;
            let is_traded = trading.txns_24h >= params.gainers_txns_min;
            let gain = trading.change_1h.filter(|change| change.get() > 0.0);
            at(Unit::Percent, gain.filter(|_| is_liquid && is_traded))
        }
        Kind::New => {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds stay far below 2^53")]
            let created_ms = token.created_at()?.saturating_mul(1000) as f64;
            at(Unit::Ms, Number::new(created_ms))
        }
        Kind::Graduating => {
            let is_on_curve = matches!(token.status, Status::Created | Status::Trading);
            let progress = token.curve_progress_pct.filter(|progress| progress.get() > 0.0);
            at(Unit::Percent, progress.filter(|_| is_on_curve))
        }
    }
}

/// Into so many shards tokens are divided. As many workers have a share.
const SHARDS: u64 = 16;

/// State of a shard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Shard {
    /// Its order reaches no output: all are looked at, and places and mints decide.
    tokens: FxHashMap<Address, Standing>,
    /// By board.
    heads: [Head; 6],
    /// The rows emitted last: the first on each board, in order.
    said: Vec<Candidate>,
    publish_at: Option<Seconds>,
}

impl Shard {
    /// Puts a token on its boards, or takes it off.
    fn change(&mut self, mint: Address, standing: &Standing, is_there: bool, params: &Params) {
        for ((head, board), place) in self.heads.iter_mut().zip(Kind::ALL).zip(standing.0) {
            let Some(place) = place else { continue };
            head.change(Candidate { board, place, mint }, is_there, params);
        }
    }

    /// The first on each board, in order.
    fn first(&mut self, params: &Params) -> Vec<Candidate> {
        let mut first = Vec::with_capacity(self.said.len());
        for (at, board) in Kind::ALL.into_iter().enumerate() {
            let Some(head) = self.heads.get_mut(at) else { continue };
            let stands = |(mint, standing): (&Address, &Standing)| {
                let place = standing.0.get(at).copied().flatten()?;
                Some(Candidate { board, place, mint: *mint })
            };
            first.extend(head.first(params, || self.tokens.iter().filter_map(stands).collect()));
        }
        first
    }
}

impl State for Shard {
    type Key = u64;
    type Input = (Address, Standing);
    /// All is emitted when time has come.
    type Part = ();
    type Output = Candidate;
    type Params = Params;

    fn key((mint, _): &Self::Input) -> u64 {
        mint.route() % SHARDS
    }

    fn route(shard: &u64) -> u64 {
        *shard // as the token is routed, if the number of workers divides that of the shards
    }

    fn apply(&mut self, _: &u64, input: Self::Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        let (mint, standing) = input;
        if diff > 0 {
            if let Some(before) = self.tokens.insert(mint, standing) {
                self.change(mint, &before, false, effects.params);
            }
            self.change(mint, &standing, true, effects.params);
        } else if self.tokens.get(&mint) == Some(&standing) {
            self.tokens.remove(&mint);
            self.change(mint, &standing, false, effects.params);
        }
        self.publish_at.get_or_insert(effects.now.saturating_add(1));
    }

    fn next_timer(&self, _: &Params) -> Option<Seconds> {
        self.publish_at
    }

    fn on_timer(&mut self, shard: &u64, effects: &mut Effects<'_, Self>) {
        if self.publish_at.take_if(|at| *at <= effects.now).is_some() {
            self.publish(shard, effects);
        }
    }

    fn lags(&self, _: Seconds, _: &Params) -> bool {
        self.publish_at.is_some()
    }

    fn publish(&mut self, _: &u64, effects: &mut Effects<'_, Self>) {
        let first = self.first(effects.params);
        let is_in = |list: &[Candidate], candidate: &Candidate| list.binary_search(candidate).is_ok();
        for gone in self.said.iter().filter(|candidate| !is_in(&first, candidate)) {
            effects.emit(*gone, -1);
        }
        for come in first.iter().filter(|candidate| !is_in(&self.said, candidate)) {
            effects.emit(*come, 1);
        }
        self.said = first;
    }

    fn output(&self, _: &u64, (): &(), _: &Params) -> Option<Candidate> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.tokens.is_empty() && self.said.is_empty() && self.publish_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use model::time::start_of;

    use super::*;
    use crate::keyed::Store;

    fn input(mint: u8, volume: f64) -> (Address, Standing) {
        let mut places = [None; 6];
        places[0] = Some(Place { unit: Unit::Usd, value: Reverse(Number::new(volume).unwrap()) });
        // The first byte routes: all of one shard.
        let mut address = [0; 32];
        address[31] = mint;
        (Address(address), Standing(places))
    }

    /// Outputs of a second, as `(number of the mint, diff)`.
    fn step(
        store: &mut Store<Shard>,
        second: Seconds,
        changes: &[((Address, Standing), Diff)],
    ) -> Vec<(u8, Diff)> {
        store.fire(start_of(second));
        for (input, diff) in changes {
            store.apply(start_of(second), *input, *diff);
        }
        let mut left = Vec::new();
        store.close(|candidate, diff| left.push((candidate.mint.0[31], diff)));
        left
    }

    #[test]
    fn a_shard_says_its_first_once_a_second_and_only_what_is_other() {
        let mut store = Store::<Shard>::new(Params { size: 2, ..Params::default() });
        let come = [(input(1, 10.0), 1), (input(2, 30.0), 1), (input(3, 20.0), 1)];
        assert_eq!(step(&mut store, 5, &come), [], "not before the second is over");
        let change = [(input(3, 20.0), -1), (input(3, 5.0), 1)];
        assert_eq!(step(&mut store, 6, &change), [(2, 1), (3, 1)], "as of the end of the second before");
        assert_eq!(step(&mut store, 7, &[]), [(3, -1), (1, 1)]);
        let gone = [(input(2, 30.0), -1)];
        assert_eq!(step(&mut store, 8, &gone), []);
        assert_eq!(step(&mut store, 9, &[]), [(2, -1), (3, 1)]);
        let all = [(input(1, 10.0), -1), (input(3, 5.0), -1)];
        step(&mut store, 10, &all);
        step(&mut store, 11, &[]);
        assert!(store.is_empty(), "nothing is kept of tokens that are gone");
    }
}
