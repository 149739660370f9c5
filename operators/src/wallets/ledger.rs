//! The ledger of one token of one wallet: what it holds, what that cost, what it has made.
//!
//! Cost is averaged: what is sold or sent away takes its share of the cost of everything that is held. So
//! a ledger is a fold over its entries in canonical order, and whatever comes late is folded again. A ledger is
//! kept twice, in the currency of the trades and in USD, because neither follows from the other.
//!
//! A sale of tokens that were never bought is **unmatched**. Its proceeds are kept apart, and the
//! [`Mode`] decides what it counts as.
//!
//! An **episode** goes from the first buy until next to nothing is left. Wins and losses are
//! counted by episode. The rest that an episode leaves stays in the ledger, with its cost, and counts as worth nothing.
//!
//! Source: DEFINITIONS §9. A share is one division of integers, rounded down, so that nothing depends on
//! more than the order of the entries.

use model::{Seconds, Side};
use serde::{Deserialize, Serialize};

use super::Mode;
use super::input::{Currency, Fill};

/// One of the two books of a ledger, in raw units of a currency or in millionths of a USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Book {
    /// Cost of the tokens that are held.
    pub cost: u64,
    /// Everything bought has cost this much.
    pub invested: u64,
    /// Cost of the tokens that were sold out of it.
    pub sold_cost: u64,
    /// Gain of matched sales beyond their cost.
    pub realised: i64,
    /// Proceeds of unmatched sales.
    pub unmatched: u64,
    /// Proceeds of all sales.
    pub proceeds: u64,
}

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ledger {
    /// Bought and neither sold nor sent away, raw units.
    pub quantity: u64,
    /// The most that it was in this episode; 0 if none is open.
    pub peak: u64,
    /// In the currency of the trades.
    pub quote: Book,
    /// In USD.
    pub usd: Book,
    /// The currency of the trades; none before the first one.
    pub currency: Option<Currency>,
    /// True if there were trades in several: then the book in quote means nothing.
    pub is_mixed: bool,
    /// Decimals of the token.
    pub base_decimals: u8,
    /// Trades whose value in USD is not known: with any the book in USD means nothing.
    pub usd_missing: u32,
    /// Number of buys.
    pub buys: u32,
    /// Number of sales.
    pub sells: u32,
    /// Sold without having been bought, raw units.
    pub unmatched: u64,
    /// Got without a trade since the first one, raw units.
    pub moved_in: u64,
    /// Sent away or burnt since the first trade, raw units.
    pub moved_out: u64,
    /// When what is held was bought, in milliseconds; the mean, by cost.
    bought_at_ms: u64,
    /// Σ cost · age over what was sold, the age in milliseconds.
    aged: u128,
    /// First buy of the last episode, block time.
    pub opened_at: Option<Seconds>,
    /// End of the last episode, block time; none while it is open.
    pub closed_at: Option<Seconds>,
    episode: Episode,
}

/// Sums over the sales of an episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Episode {
    quote: Gain,
    usd: Gain,
    aged: u128,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Gain {
    cost: u64,
    realised: i64,
    unmatched: u64,
}

/// Outcome of one sale, in one book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sale {
    /// Cost of the tokens sold.
    pub cost: u64,
    /// Gain of the matched part.
    pub realised: i64,
    /// Proceeds of the unmatched part.
    pub unmatched: u64,
    /// All of it.
    pub proceeds: u64,
}

/// The end of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Gain of the episode in the book in quote. Whether a book means anything is known by the ledger alone, and may
    /// change after the end.
    pub quote: i64,
    /// Gain of the episode in the book in USD.
    pub usd: i64,
    /// How long what was sold had been held, in seconds; the mean, by cost.
    pub hold_s: u64,
    /// Natural logarithm of proceeds over cost of the book in quote, in millionths; none without cost.
    pub log_return_micros: Option<i64>,
}

/// A part of a whole, rounded down.
fn share(value: u64, part: u64, whole: u64) -> u64 {
    let share = u128::from(value) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// The difference. Amounts of a currency are far below 2^63.
fn less(more: u64, less: u64) -> i64 {
    i64::try_from(i128::from(more) - i128::from(less)).unwrap_or(i64::MAX)
}

impl Book {
    const fn buy(&mut self, paid: u64) {
        self.cost = self.cost.saturating_add(paid);
        self.invested = self.invested.saturating_add(paid);
    }

    /// Sells `base` for `got`; of that `matched` out of `held`.
    fn sell(&mut self, got: u64, base: u64, (matched, held): (u64, u64)) -> Sale {
        let of_matched = if matched == base { got } else { share(got, matched, base) };
        let cost = share(self.cost, matched, held);
        let sale = Sale {
            cost,
            realised: less(of_matched, cost),
            unmatched: got.saturating_sub(of_matched),
            proceeds: got,
        };
        self.cost -= cost;
        self.sold_cost = self.sold_cost.saturating_add(cost);
        self.realised = self.realised.saturating_add(sale.realised);
        self.unmatched = self.unmatched.saturating_add(sale.unmatched);
        self.proceeds = self.proceeds.saturating_add(got);
        sale
    }
}

impl Gain {
    const fn add(&mut self, sale: &Sale) {
        self.cost = self.cost.saturating_add(sale.cost);
        self.realised = self.realised.saturating_add(sale.realised);
        self.unmatched = self.unmatched.saturating_add(sale.unmatched);
    }

    fn realised(&self, mode: Mode) -> i64 {
        mode.realised(self.realised, self.unmatched)
    }
}

impl Ledger {
    /// Takes in a trade; returns what a sale comes to in both books.
    pub fn trade(&mut self, fill: &Fill, time: Seconds) -> Option<(Sale, Sale)> {
        let first = *self.currency.get_or_insert(fill.currency);
        self.is_mixed |= first != fill.currency || fill.currency == Currency::Other;
        self.base_decimals = fill.base_decimals;
        self.usd_missing = self.usd_missing.saturating_add(u32::from(fill.usd.is_none()));
        match fill.side {
            Side::Buy => {
                self.buy(fill, time);
                None
            }
            Side::Sell => Some(self.sell(fill, time)),
        }
    }

    fn buy(&mut self, fill: &Fill, time: Seconds) {
        self.buys = self.buys.saturating_add(1);
        if self.peak == 0 && fill.base > 0 {
            (self.opened_at, self.closed_at) = (Some(time), None);
            self.episode = Episode::default();
        }
        let (held, paid) = (u128::from(self.quote.cost), u128::from(fill.quote));
        let ages = held * u128::from(self.bought_at_ms) + paid * u128::from(ms(time));
        if let Some(mean) = ages.checked_div(held + paid) {
            self.bought_at_ms = u64::try_from(mean).unwrap_or(u64::MAX);
        }
        self.quote.buy(fill.quote);
        self.usd.buy(fill.usd.unwrap_or(0));
        self.quantity = self.quantity.saturating_add(fill.base);
        self.peak = self.peak.max(self.quantity);
    }

    fn sell(&mut self, fill: &Fill, time: Seconds) -> (Sale, Sale) {
        self.sells = self.sells.saturating_add(1);
        let held = self.quantity;
        let matched = fill.base.min(held);
        let quote = self.quote.sell(fill.quote, fill.base, (matched, held));
        let usd = self.usd.sell(fill.usd.unwrap_or(0), fill.base, (matched, held));
        let age = u128::from(quote.cost) * u128::from(ms(time).saturating_sub(self.bought_at_ms));
        self.aged += age;
        self.quantity -= matched;
        self.unmatched = self.unmatched.saturating_add(fill.base - matched);
        if self.peak > 0 {
            self.episode.quote.add(&quote);
            self.episode.usd.add(&usd);
            self.episode.aged += age;
        }
        (quote, usd)
    }

    /// Takes in tokens that came without a trade. They have no cost: their sale is unmatched. Before the
    /// first trade there is no ledger.
    pub const fn get(&mut self, amount: u64) {
        if !self.is_traded() {
            return;
        }
        self.moved_in = self.moved_in.saturating_add(amount);
    }

    /// Takes in what was sent away or burnt: it takes its cost along, and nothing is realised.
    pub fn send(&mut self, amount: u64) {
        if !self.is_traded() {
            return;
        }
        let (held, part) = (self.quantity, amount.min(self.quantity));
        self.quote.cost -= share(self.quote.cost, part, held);
        self.usd.cost -= share(self.usd.cost, part, held);
        self.quantity -= part;
        self.moved_out = self.moved_out.saturating_add(amount);
    }

    /// Ends the episode if next to nothing is left of it.
    pub fn close(&mut self, time: Seconds, mode: Mode) -> Option<Closing> {
        if self.peak == 0 || self.quantity > (self.peak / 1000).max(1) {
            return None;
        }
        self.peak = 0;
        self.closed_at = Some(time);
        let Episode { quote, usd, aged } = std::mem::take(&mut self.episode);
        Some(Closing {
            quote: quote.realised(mode),
            usd: usd.realised(mode),
            hold_s: mean_s(aged, quote.cost).unwrap_or(0),
            log_return_micros: log_return_micros(quote.cost, quote.realised(mode)),
        })
    }

    /// True if there was a trade; with transfers only there is no ledger.
    #[must_use]
    pub const fn is_traded(&self) -> bool {
        self.buys > 0 || self.sells > 0
    }

    /// True if the book in quote is of one currency.
    #[must_use]
    pub const fn quote_is_known(&self) -> bool {
        !self.is_mixed
    }

    /// True if the value of every trade is known.
    #[must_use]
    pub const fn usd_is_known(&self) -> bool {
        self.usd_missing == 0
    }

    /// True if an episode is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.peak > 0
    }

    /// True if the ledger counts: under [`Mode::Strict`] what was sold must have been bought.
    #[must_use]
    pub fn is_valid(&self, mode: Mode) -> bool {
        mode != Mode::Strict || self.unmatched == 0
    }

    /// The gain that a book has realised; nothing if the ledger does not count.
    #[must_use]
    pub fn realised(&self, book: &Book, mode: Mode) -> i64 {
        if self.is_valid(mode) { mode.realised(book.realised, book.unmatched) } else { 0 }
    }

    /// How long what was sold had been held, the mean by cost, in milliseconds; none if nothing was sold
    /// that had a cost, or costs are in several currencies.
    #[must_use]
    pub fn hold_ms(&self) -> Option<u64> {
        let cost = u128::from(self.quote.sold_cost);
        let mean = self.aged.checked_div(cost).filter(|_| !self.is_mixed)?;
        u64::try_from(mean).ok()
    }
}

const fn ms(time: Seconds) -> u64 {
    time.saturating_mul(1000)
}

fn mean_s(aged: u128, cost: u64) -> Option<u64> {
    u64::try_from(aged.checked_div(u128::from(cost))? / 1000).ok()
}

/// The greatest factor, either way, that a return counts as.
const RETURN_MAX: f64 = 1000.0;

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a logarithm, bounded")]
fn log_return_micros(cost: u64, realised: i64) -> Option<i64> {
    if cost == 0 {
        return None;
    }
    let proceeds = i128::from(cost) + i128::from(realised);
    let factor = (proceeds as f64 / cost as f64).clamp(1.0 / RETURN_MAX, RETURN_MAX);
    // Kept as a whole number, so that sums do not depend on the order of addition.
    Some((factor.ln() * 1e6).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Amounts in hundredths.
    fn trade(ledger: &mut Ledger, side: Side, base: u64, quote: u64, time: Seconds) -> Option<Closing> {
        let usd = Some(quote * 150);
        let fill = Fill { side, base, base_decimals: 6, currency: Currency::Sol, quote, usd };
        ledger.trade(&fill, time);
        ledger.close(time, Mode::Adjusted)
    }

    /// Two buys of 1000 at 10 and 20, 1500 sold at 54, 1000 sold at 12, of which half were never bought; one
    /// percent goes off as a fee each time.
    fn known() -> Ledger {
        let mut ledger = Ledger::default();
        trade(&mut ledger, Side::Buy, 1000, 1010, 10);
        trade(&mut ledger, Side::Buy, 1000, 2020, 20);
        trade(&mut ledger, Side::Sell, 1500, 5346, 30);
        ledger.get(500);
        trade(&mut ledger, Side::Sell, 1000, 1188, 40);
        ledger
    }

    #[test]
    fn the_known_answer_of_the_definitions() {
        let ledger = known();
        let realised = |mode| ledger.realised(&ledger.quote, mode);
        assert_eq!((realised(Mode::Adjusted), ledger.is_valid(Mode::Adjusted)), (2910, true));
        assert_eq!((realised(Mode::Raw), ledger.is_valid(Mode::Raw)), (3504, true));
        assert_eq!((realised(Mode::Strict), ledger.is_valid(Mode::Strict)), (0, false));
        assert_eq!((ledger.quantity, ledger.quote.cost, ledger.moved_in, ledger.unmatched), (0, 0, 500, 500));
        assert_eq!(ledger.realised(&ledger.usd, Mode::Adjusted), 2910 * 150, "the book in USD is apart");
    }

    #[test]
    fn a_loss_and_a_gain_with_their_ages() {
        let mut ledger = Ledger::default();
        trade(&mut ledger, Side::Buy, 100, 1000, 100);
        trade(&mut ledger, Side::Buy, 100, 3000, 200);
        // Bought at 175 in the mean; a quarter of the cost goes at 185, the rest at 195.
        assert_eq!(trade(&mut ledger, Side::Sell, 50, 500, 185), None);
        assert_eq!((ledger.quote.realised, ledger.quote.cost), (-500, 3000));
        let closing = trade(&mut ledger, Side::Sell, 150, 6000, 195).unwrap();
        assert_eq!((closing.quote, closing.usd, closing.hold_s), (2500, 2500 * 150, 17));
        assert_eq!(ledger.hold_ms(), Some(17_500));
        assert_eq!(closing.log_return_micros, Some(485_508), "ln 6500/4000");
        assert_eq!((ledger.opened_at, ledger.closed_at), (Some(100), Some(195)));
    }

    #[test]
    fn what_is_sent_away_takes_its_cost_along() {
        let mut ledger = Ledger::default();
        trade(&mut ledger, Side::Buy, 400, 1000, 1);
        ledger.send(100);
        assert_eq!((ledger.quantity, ledger.quote.cost, ledger.quote.realised), (300, 750, 0));
        assert_eq!(ledger.close(2, Mode::Adjusted), None);
        ledger.send(300);
        let closing = ledger.close(3, Mode::Adjusted).unwrap();
        assert_eq!((closing.quote, closing.log_return_micros), (0, None));
    }

    #[test]
    fn an_episode_ends_with_a_thousandth_left_and_the_next_begins_anew() {
        let mut ledger = Ledger::default();
        trade(&mut ledger, Side::Buy, 10_000, 1000, 1);
        assert_eq!(trade(&mut ledger, Side::Sell, 9_989, 2000, 2), None);
        let closing = trade(&mut ledger, Side::Sell, 1, 0, 3).unwrap();
        assert_eq!(closing.quote, 1002, "the rest has cost 2, as shares round down");
        assert!(!ledger.is_open());
        // The rest may still be sold: such a sale is of no episode.
        assert_eq!(trade(&mut ledger, Side::Sell, 10, 5, 4), None);
        trade(&mut ledger, Side::Buy, 100, 500, 5);
        let closing = trade(&mut ledger, Side::Sell, 100, 400, 6).unwrap();
        assert_eq!((closing.quote, ledger.opened_at), (-100, Some(5)));
    }

    #[test]
    fn what_is_not_known_leaves_the_other_book_alone() {
        let fill =
            |currency, usd| Fill { side: Side::Buy, base: 10, base_decimals: 6, currency, quote: 100, usd };
        let mut ledger = Ledger::default();
        ledger.trade(&fill(Currency::Sol, None), 1);
        assert!(ledger.quote_is_known() && !ledger.usd_is_known());
        let mut ledger = Ledger::default();
        ledger.trade(&fill(Currency::Sol, Some(5)), 1);
        ledger.trade(&fill(Currency::Usdc, Some(5)), 2);
        assert!(!ledger.quote_is_known() && ledger.usd_is_known());
        let mut ledger = Ledger::default();
        ledger.trade(&fill(Currency::Other, Some(5)), 1);
        assert!(!ledger.quote_is_known());
    }

    #[test]
    fn a_total_loss_has_a_bounded_return() {
        assert_eq!(log_return_micros(1000, -1000), Some(-6_907_755));
        assert_eq!(log_return_micros(1, 1_000_000), Some(6_907_755));
        assert_eq!(log_return_micros(0, 10), None);
    }
}
