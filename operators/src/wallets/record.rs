//! The records `wallet_positions` and `wallet_stats`.

use model::record::ms;
use model::{Address, Cadence, Group, Price, Record, columns};
use serde::{Deserialize, Serialize};

use super::Mode;
use super::figures::{Figures, Period, ratio};
use super::input::Currency;
use super::ledger::{Book, Ledger};
use super::marks::Mark;
use crate::number::Number;

/// The position of a wallet in a token, with its gains. The leading fields are the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WalletPosition {
    /// The wallet.
    pub trader: Address,
    /// The token.
    pub mint: Address,
    /// The ledger.
    pub ledger: Ledger,
    /// Price of the token; none of a position that is closed, or if no price is known.
    pub mark: Option<Mark>,
    /// How the proceeds of unmatched sales count.
    pub mode: Mode,
}

impl WalletPosition {
    /// Worth of the tokens held beyond their cost, raw units of quote; none if their price is not
    /// known. The rest of a closed position is worth nothing.
    #[must_use]
    pub fn unrealised_quote(&self) -> Option<i128> {
        let ledger = &self.ledger;
        let currency = ledger.currency.filter(|_| ledger.quote_is_known())?;
        let same = |mark: &Mark| mark.quote_mint == currency.mint();
        let price = self.mark.filter(same).and_then(|mark| mark.price);
        self.unrealised(&ledger.quote, price, currency.decimals())
    }

    /// The same in millionths of a USD.
    #[must_use]
    pub fn unrealised_usd(&self) -> Option<i128> {
        if !self.ledger.usd_is_known() {
            return None;
        }
        self.unrealised(&self.ledger.usd, self.mark.and_then(|mark| mark.price_usd), 6)
    }

    fn unrealised(&self, book: &Book, price: Option<Price>, decimals: i32) -> Option<i128> {
        let ledger = &self.ledger;
        if !ledger.is_valid(self.mode) {
            return None;
        }
        if !ledger.is_open() {
            return Some(-i128::from(book.cost));
        }
        let worth = raw(ledger.quantity, price?, decimals - i32::from(ledger.base_decimals))?;
        Some(worth - i128::from(book.cost))
    }

    /// The columns of one of the two books.
    fn money(&self, book: &Book, is_known: bool, unrealised: Option<i128>) -> Money {
        if !is_known {
            return Money::default();
        }
        let realised = i128::from(self.ledger.realised(book, self.mode));
        let total = unrealised.map(|unrealised| realised + unrealised);
        Money {
            cost: Some(book.cost),
            invested: Some(book.invested),
            realised: Some(realised),
            unrealised,
            total,
            roi: total.and_then(|total| ratio(total, book.invested.into())),
            realised_roi: ratio(realised, book.sold_cost.into()),
        }
    }
}

#[derive(Default)]
struct Money {
    cost: Option<u64>,
    invested: Option<u64>,
    realised: Option<i128>,
    unrealised: Option<i128>,
    total: Option<i128>,
    roi: Option<Number>,
    realised_roi: Option<Number>,
}

/// Worth of an amount of base in raw units of quote; none if that is out of reach.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a price is a float")]
fn raw(base: u64, price: Price, decimals: i32) -> Option<i128> {
    let scale = 10f64.powi(decimals.abs());
    let coins = base as f64 * price.get();
    let worth = if decimals < 0 { coins / scale } else { coins * scale };
    (worth < 1e30).then(|| worth.round() as i128)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn usd(micros: Option<i128>) -> Option<f64> {
    micros.map(|micros| micros as f64 / 1e6)
}

impl Record for WalletPosition {
    columns! {
        self: "wallet_positions",
            "What every wallet has of every token and what it has made with it, at average cost; brought \
              up to date once in wallets.step_s, unrealised profit once in wallets.mark_s.";
        cadence: Cadence::Seconds(5);
        let ledger = &self.ledger;
        let quote = self.money(&ledger.quote, ledger.quote_is_known(), self.unrealised_quote());
        let dollars = self.money(&ledger.usd, ledger.usd_is_known(), self.unrealised_usd());
        key {
            trader: Address = self.trader, "The wallet.";
            mint: Address = self.mint, "The token.";
        }
        quote_mint: Address = ledger.currency.filter(|_| ledger.quote_is_known()).and_then(Currency::mint),
            "What _quote columns are amounts of: SOL, USDC or USDT; null, and they too, if trades were in several \
         or in another token.";
        quantity: Amount = ledger.quantity, "Bought and neither sold nor sent away, raw units.";
        cost_quote: Amount = quote.cost, "What that has cost, raw units of quote.";
        realised_quote: Sum = quote.realised, "What sales have made beyond the cost of what was sold.";
        unrealised_quote: Sum = quote.unrealised,
            "What is held is worth this much more than it cost, at the price of the token in quote_mint; null if \
         that is not known.";
        total_quote: Sum = quote.total, "realised_quote + unrealised_quote.";
        invested_quote: Amount = quote.invested, "Paid for everything that was bought.";
        roi_quote: Float = quote.roi, "total / invested, a ratio; null if 0 was invested.";
        realised_roi_quote: Float = quote.realised_roi, "realised / cost of what was sold, a ratio.";
        cost_usd: Float = usd(dollars.cost.map(i128::from)),
            "As cost_quote in USD; null, as all of _usd, if the value of a trade is not known.";
        realised_usd: Float = usd(dollars.realised),
            "As realised_quote, by the values at the times of the trades.";
        unrealised_usd: Float = usd(dollars.unrealised), "As unrealised_quote, in USD.";
        total_usd: Float = usd(dollars.total), "realised_usd + unrealised_usd.";
        invested_usd: Float = usd(dollars.invested.map(i128::from)), "As invested_quote, in USD.";
        roi_usd: Float = dollars.roi, "As roi_quote, in USD.";
        realised_roi_usd: Float = dollars.realised_roi, "As realised_roi_quote, in USD.";
        buys: Count = ledger.buys, "Number of buys.";
        sells: Count = ledger.sells, "Number of sales.";
        unmatched: Amount = ledger.unmatched, "Sold without having been bought, raw units.";
        unmatched_in: Amount = ledger.moved_in,
            "Got without a trade since the first one, as far as seen, raw units. It has no cost.";
        moved_out: Amount = ledger.moved_out,
            "Sent away or burnt since the first trade, as far as seen, raw units. It takes its cost along.";
        hold_ms: Count = ledger.hold_ms(),
            "How long what was sold had been held, the mean by cost; null before a sale.";
        opened_at: Time = ms(ledger.opened_at), "First buy since the position was last closed.";
        closed_at: Time = ms(ledger.closed_at),
            "When at most a thousandth of its peak was left; null while open.";
        mode: Symbol = self.mode.name(),
            "What sales without a buy count as: strict, adjusted (nothing), raw (profit).";
        valid: Bool = ledger.is_valid(self.mode),
            "False if mode is strict and something was sold without having been bought.";
    }
    type Key = (Address, Address);

    fn key(&self) -> Self::Key {
        (self.trader, self.mint)
    }
}
/// Figures of a wallet over one period. The leading fields are the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WalletStats {
    /// The wallet.
    pub trader: Address,
    /// The period, which ends now.
    pub period: Period,
    /// The figures.
    pub figures: Figures,
}

/// Figures of a wallet over all periods. Periods with equal figures share one entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WalletBoard {
    /// The wallet.
    pub trader: Address,
    /// Periods, and what it did in each of them. Periods without a trade are left out.
    pub figures: Vec<(Vec<Period>, Figures)>,
}

impl Group for WalletBoard {
    type Record = WalletStats;
    type Key = Address;

    fn group_key(&self) -> Address {
        self.trader
    }

    fn records(self) -> impl Iterator<Item = WalletStats> {
        let trader = self.trader;
        self.figures.into_iter().flat_map(move |(periods, figures)| {
            periods.into_iter().map(move |period| WalletStats { trader, period, figures: figures.clone() })
        })
    }
}

impl Record for WalletStats {
    columns! {
        self: "wallet_stats",
            "What every wallet did in a period that ends now: ledgers at its end less ledgers at its start. \
              Columns with _sol are over the tokens whose every trade was paid in SOL, those with _usd over the \
              tokens whose every trade has a value in USD; a token may be in both.";
        cadence: Cadence::Seconds(5);
        let figures = &self.figures;
        let (sol, dollars, equity) = (&figures.sol, &figures.usd, figures.equity);
        key {
            trader: Address = self.trader, "The wallet.";
            period: Symbol = self.period.name(),
                "1d (begins at a whole hour), 7d, 30d, 90d (begin at midnight UTC), all. Without a trade in it: no row.";
        }
        since: Time = figures.first_hour.and_then(|hour| ms(hour * 3600)),
            "Start of the hour of the first trade that is counted. A wallet that was silent for wallets.remember_s \
         has been forgotten, and its `all` begins anew.";
        trades: Count = figures.trades, "Number of trades of all tokens.";
        closed: Count = figures.closed,
            "Positions of all tokens that were closed; one that is opened again counts again.";
        closed_sol: Count = sol.closed, "Closed positions of tokens whose every trade was paid in SOL.";
        wins_sol: Count = sol.wins, "Positions of closed_sol with a gain in SOL.";
        losses_sol: Count = sol.losses, "Positions of closed_sol with a loss in SOL.";
        win_rate_sol: Float = sol.win_rate(), "wins_sol / (wins_sol + losses_sol); null without either.";
        realised_sol: Sum = sol.realised, "Made by sales of the same tokens, lamports.";
        profit_factor_sol: Float = figures.profit_factor(sol),
            "SOL gained by closed_sol with a gain over SOL lost by those with a loss; null if none was lost, or if \
         a closed position is of neither group.";
        roi_sol: Float = figures.roi(sol),
            "realised_sol over the cost of what was sold, a ratio; null if that is 0, or if a closed position is of \
         neither group.";
        no_loss_sol: Bool = figures.no_loss(sol),
            "True if none of closed_sol lost any SOL; null if a closed position is of neither group.";
        closed_usd: Count = dollars.closed,
            "Closed positions of tokens whose every trade has a value in USD, whatever it was paid in.";
        wins_usd: Count = dollars.wins, "Positions of closed_usd with a gain in USD.";
        losses_usd: Count = dollars.losses, "Positions of closed_usd with a loss in USD.";
        win_rate_usd: Float = dollars.win_rate(), "wins_usd / (wins_usd + losses_usd); null without either.";
        realised_usd: Float = usd(Some(dollars.realised)), "Made by sales of the same tokens, USD.";
        profit_factor_usd: Float = figures.profit_factor(dollars), "As profit_factor_sol, in USD.";
        roi_usd: Float = figures.roi(dollars), "As roi_sol, in USD.";
        no_loss_usd: Bool = figures.no_loss(dollars), "As no_loss_sol, in USD.";
        positions_left_out_sol: Count = figures.left_out(sol),
            "Tokens traded or closed in the period that are not in the figures with _sol.";
        positions_left_out_usd: Count = figures.left_out(dollars),
            "Tokens traded or closed in the period that are not in the figures with _usd.";
        median_hold_ms: Count = figures.median_hold_ms,
            "Median, over closed positions of tokens that were paid in one currency, of the mean age of what was \
         sold; in whole seconds, from a minute on rounded down by at most 3 %.";
        trades_per_day: Float = figures.trades_per_day(), "trades / active_days.";
        distinct_mints: Count = figures.distinct_mints, "Tokens that were traded.";
        active_days: Count = figures.active_days, "Days (UTC) with a trade.";
        top_token_share: Float = figures.top_token_share(),
            "SOL made with the best token over SOL made with all that brought a gain, of the tokens of _sol.";
        unmatched_share: Float = figures.unmatched_share(),
            "SOL from sales of what was not bought over SOL from all sales, of the tokens of _sol.";
        mean_log_return: Float = figures.mean_log_return(),
            "Mean of ln(proceeds / cost) over closed_sol, each at most a factor of 1000 either way.";
        sharpe: Float = equity.and_then(|equity| equity.sharpe),
            "Of daily realised returns in SOL on the most that was paid on one day; null under 20 active days, and of all once something is older than 90 days.";
        sortino: Float = equity.and_then(|equity| equity.sortino), "The same against losing days only.";
        max_drawdown: Float = equity.and_then(|equity| equity.max_drawdown),
            "Greatest loss from a peak of that equity, a ratio of the peak.";
    }
    type Key = (Address, Period);

    fn key(&self) -> Self::Key {
        (self.trader, self.period)
    }
}
