//! The worth of open positions: the price of a token put beside all its positions, now and then.
//!
//! By token and not by wallet, because a price concerns the positions of one token. The price is looked at once
//! in `mark_s`, so that a token that trades a thousand times a minute does not write the rows of all its
//! holders a thousand times.

use model::{Address, Price};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use super::record::WalletPosition;
use super::{Mode, Params, own_second};
use crate::prelude::*;
use crate::tokens::Token;

/// Price of a token, and the quote that the price is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// The quote token that `price` is in.
    pub quote_mint: Option<Address>,
    /// In coins of quote.
    pub price: Option<Price>,
    /// In USD.
    pub price_usd: Option<Price>,
}

impl Mark {
    /// The mark that a price sets.
    #[must_use]
    pub const fn of(token: &Token) -> Self {
        let valuation = &token.valuation;
        Self { quote_mint: token.quote_mint, price: valuation.price, price_usd: valuation.price_usd }
    }
}

/// The position of a wallet in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holding {
    /// The wallet.
    pub trader: Address,
    /// The token.
    pub mint: Address,
    /// The ledger.
    pub ledger: Ledger,
}

/// One input element of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "boxing a holding would cost an allocation each")]
pub enum Input {
    /// The position of one wallet in the token.
    Holding(Holding),
    /// The price of the token.
    Price(Address, Mark),
}

/// The open positions of a token. Their order reaches no output.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Holders {
    open: FxHashMap<Address, Ledger>,
    latest: Option<Mark>,
    /// The price that the emitted rows carry.
    mark: Option<Mark>,
    mark_at: Option<Seconds>,
}

impl Holders {
    fn row(&self, holding: &Holding, mode: Mode) -> WalletPosition {
        let Holding { trader, mint, ledger } = *holding;
        let mark = self.mark.filter(|_| ledger.is_open());
        WalletPosition { trader, mint, ledger, mark, mode }
    }
}

impl State for Holders {
    type Key = Address;
    type Input = Input;
    type Part = ();
    type Output = WalletPosition;
    type Params = Params;

    fn key(input: &Input) -> Address {
        match input {
            Input::Holding(holding) => holding.mint,
            Input::Price(mint, _) => *mint,
        }
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, mint: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        let params = effects.params;
        match input {
            Input::Holding(holding) => {
                effects.emit(self.row(&holding, params.mode), diff);
                if diff < 0 {
                    self.open.remove(&holding.trader);
                } else if holding.ledger.is_open() {
                    self.open.insert(holding.trader, holding.ledger);
                }
            }
            Input::Price(_, mark) => {
                self.latest = (diff > 0).then_some(mark);
                let at = own_second(mint.route(), effects.now + 1, params.mark_s);
                self.mark_at.get_or_insert(at);
            }
        }
    }

    fn next_timer(&self, _: &Params) -> Option<Seconds> {
        self.mark_at
    }

    fn on_timer(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        self.publish(mint, effects);
    }

    fn lags(&self, _: Seconds, _: &Params) -> bool {
        self.mark_at.is_some()
    }

    fn publish(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        self.mark_at = None;
        if self.mark == self.latest {
            return;
        }
        let before = std::mem::replace(&mut self.mark, self.latest);
        for (trader, ledger) in &self.open {
            let row = |mark| WalletPosition {
                trader: *trader,
                mint: *mint,
                ledger: *ledger,
                mark,
                mode: effects.params.mode,
            };
            let (before, after) = (row(before), row(self.mark));
            effects.emit(before, -1);
            effects.emit(after, 1);
        }
    }

    fn output(&self, _: &Address, (): &(), _: &Params) -> Option<WalletPosition> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.open.is_empty() && self.latest.is_none() && self.mark.is_none()
    }

    /// Rows of closed positions need no price.
    fn outlives(row: &WalletPosition) -> bool {
        !row.ledger.is_open()
    }
}

#[cfg(test)]
mod tests {
    use model::Side;
    use model::time::start_of;

    use super::*;
    use crate::keyed::Store;
    use crate::wallets::input::{Currency, Fill};

    const MINT: Address = Address([7; 32]);

    fn holding(trader: u8, sides: &[Side]) -> Holding {
        let mut ledger = Ledger::default();
        for side in sides {
            let (base, base_decimals, currency) = (2_000_000, 6, Currency::Sol);
            let fill =
                Fill { side: *side, base, base_decimals, currency, quote: 1_000_000_000, usd: Some(1) };
            ledger.trade(&fill, 5);
            ledger.close(5, Mode::Adjusted);
        }
        Holding { trader: Address([trader; 32]), mint: MINT, ledger }
    }

    fn price(sol: f64) -> Input {
        let mark = Mark { quote_mint: Some(Address::WSOL), price: Price::new(sol), price_usd: None };
        Input::Price(MINT, mark)
    }

    fn step(
        store: &mut Store<Holders>,
        second: Seconds,
        changes: &[(Input, Diff)],
    ) -> Vec<(Option<i128>, Diff)> {
        let mut emitted = Vec::new();
        store.fire(start_of(second));
        for (input, diff) in changes {
            store.apply(start_of(second), *input, *diff);
        }
        store.close(|row, diff| emitted.push((row.unrealised_quote(), diff)));
        emitted.sort_unstable();
        emitted
    }

    #[test]
    fn open_positions_follow_the_price_and_closed_ones_do_not() {
        let mut store = Store::new(Params { mark_s: 10, ..Params::default() });
        let own = own_second(MINT.route(), 100, 10);
        let (open, closed) = (holding(1, &[Side::Buy]), holding(2, &[Side::Buy, Side::Sell]));
        let changes = [(Input::Holding(open), 1), (Input::Holding(closed), 1), (price(0.75), 1)];
        assert_eq!(step(&mut store, own, &changes), [(None, 1), (Some(0), 1)]);
        assert_eq!(step(&mut store, own + 9, &[(price(0.75), -1), (price(2.0), 1)]), []);
        // Two coins at 2 SOL that cost 1.
        let marked = [(None, -1), (Some(3_000_000_000), 1)];
        assert_eq!(step(&mut store, own + 10, &[]), marked);
        assert_eq!(step(&mut store, own + 11, &[(Input::Holding(open), -1)]), [(Some(3_000_000_000), -1)]);
        assert_eq!(step(&mut store, own + 12, &[(price(2.0), -1)]), []);
        step(&mut store, own + 20, &[]);
        assert!(store.is_empty(), "nothing is held and the token is forgotten");
    }
}
