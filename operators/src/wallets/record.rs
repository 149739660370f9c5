//! The records `wallet_positions` and `wallet_stats`.

use model::{Address, Column, Group, Kind, Price, Record, Row, Schema, Value};
use serde::{Deserialize, Serialize};

use super::Mode;
use super::figures::{Figures, Period, ratio};
use super::input::Currency;
use super::ledger::{Book, Ledger};
use super::marks::Mark;
use crate::number::{Number, column};

/// What a wallet has of a token, and what it has made with it. Its leading fields are its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WalletPosition {
    /// The wallet.
    pub trader: Address,
    /// The token.
    pub mint: Address,
    /// The ledger.
    pub ledger: Ledger,
    /// What the token costs; none of a position that is closed, or if that is not known.
    pub mark: Option<Mark>,
    /// What sales of what was not bought count as.
    pub mode: Mode,
}

impl WalletPosition {
    /// What is held is worth this much more than it cost, raw units of quote; none if its price is not
    /// known. What is left of a closed position is worth nothing.
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

    /// What the row says of one of the two books.
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

/// What an amount of base is worth in raw units of quote; none if that is out of reach.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a price is a float")]
fn raw(base: u64, price: Price, decimals: i32) -> Option<i128> {
    let scale = 10f64.powi(decimals.abs());
    let coins = base as f64 * price.get();
    let worth = if decimals < 0 { coins / scale } else { coins * scale };
    (worth < 1e30).then(|| worth.round() as i128)
}

fn sum(value: Option<i128>) -> Value {
    value.map_or(Value::Null, Value::Sum)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn usd(micros: Option<i128>) -> Value {
    Value::float(micros.map(|micros| micros as f64 / 1e6))
}

impl Record for WalletPosition {
    const SCHEMA: &'static Schema = &Schema {
        name: "wallet_positions",
        doc: "What every wallet has of every token and what it has made with it, at average cost; brought \
              up to date once in wallets.step_s, unrealised profit once in wallets.mark_s.",
        key: 2,
        columns: POSITION_COLUMNS,
    };
    type Key = (Address, Address);

    fn key(&self) -> Self::Key {
        (self.trader, self.mint)
    }

    fn row(&self) -> Row {
        let ledger = &self.ledger;
        let quote = self.money(&ledger.quote, ledger.quote_is_known(), self.unrealised_quote());
        let dollars = self.money(&ledger.usd, ledger.usd_is_known(), self.unrealised_usd());
        vec![
            Value::from(self.trader),
            Value::from(self.mint),
            Value::from(ledger.currency.filter(|_| ledger.quote_is_known()).and_then(Currency::mint)),
            Value::Amount(ledger.quantity),
            Value::amount(quote.cost),
            sum(quote.realised),
            sum(quote.unrealised),
            sum(quote.total),
            Value::amount(quote.invested),
            column(quote.roi),
            column(quote.realised_roi),
            usd(dollars.cost.map(i128::from)),
            usd(dollars.realised),
            usd(dollars.unrealised),
            usd(dollars.total),
            usd(dollars.invested.map(i128::from)),
            column(dollars.roi),
            column(dollars.realised_roi),
            Value::Count(ledger.buys.into()),
            Value::Count(ledger.sells.into()),
            Value::Amount(ledger.unmatched),
            Value::Amount(ledger.moved_in),
            Value::Amount(ledger.moved_out),
            Value::count(ledger.hold_ms()),
            Value::time(ledger.opened_at),
            Value::time(ledger.closed_at),
            Value::from(self.mode.name()),
            Value::Bool(ledger.is_valid(self.mode)),
        ]
    }
}

const POSITION_COLUMNS: &[Column] = &[
    Column::new("trader", Kind::Address, "The wallet."),
    Column::new("mint", Kind::Address, "The token."),
    Column::new(
        "quote_mint",
        Kind::Address,
        "What _quote columns are amounts of: SOL, USDC or USDT; null, and they too, if trades were in several \
         or in another token.",
    ),
    Column::new("quantity", Kind::Amount, "Bought and neither sold nor sent away, raw units."),
    Column::new("cost_quote", Kind::Amount, "What that has cost, raw units of quote."),
    Column::new("realised_quote", Kind::Sum, "What sales have made beyond the cost of what was sold."),
    Column::new(
        "unrealised_quote",
        Kind::Sum,
        "What is held is worth this much more than it cost, at the price of the token in quote_mint; null if \
         that is not known.",
    ),
    Column::new("total_quote", Kind::Sum, "realised_quote + unrealised_quote."),
    Column::new("invested_quote", Kind::Amount, "Paid for everything that was bought."),
    Column::new("roi_quote", Kind::Float, "total / invested, a ratio; null if 0 was invested."),
    Column::new("realised_roi_quote", Kind::Float, "realised / cost of what was sold, a ratio."),
    Column::new(
        "cost_usd",
        Kind::Float,
        "As cost_quote in USD; null, as all of _usd, if the value of a trade is not known.",
    ),
    Column::new("realised_usd", Kind::Float, "As realised_quote, by the values at the times of the trades."),
    Column::new("unrealised_usd", Kind::Float, "As unrealised_quote, in USD."),
    Column::new("total_usd", Kind::Float, "realised_usd + unrealised_usd."),
    Column::new("invested_usd", Kind::Float, "As invested_quote, in USD."),
    Column::new("roi_usd", Kind::Float, "As roi_quote, in USD."),
    Column::new("realised_roi_usd", Kind::Float, "As realised_roi_quote, in USD."),
    Column::new("buys", Kind::Count, "Number of buys."),
    Column::new("sells", Kind::Count, "Number of sales."),
    Column::new("unmatched", Kind::Amount, "Sold without having been bought, raw units."),
    Column::new(
        "unmatched_in",
        Kind::Amount,
        "Got without a trade since the first one, as far as seen, raw units. It has no cost.",
    ),
    Column::new(
        "moved_out",
        Kind::Amount,
        "Sent away or burnt since the first trade, as far as seen, raw units. It takes its cost along.",
    ),
    Column::new(
        "hold_ms",
        Kind::Count,
        "How long what was sold had been held, the mean by cost; null before a sale.",
    ),
    Column::new("opened_at", Kind::Time, "First buy since the position was last closed."),
    Column::new("closed_at", Kind::Time, "When at most a thousandth of its peak was left; null while open."),
    Column::new(
        "mode",
        Kind::Symbol,
        "What sales without a buy count as: strict, adjusted (nothing), raw (profit).",
    ),
    Column::new(
        "valid",
        Kind::Bool,
        "False if mode is strict and something was sold without having been bought.",
    ),
];

/// What a wallet did in a period. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WalletStats {
    /// The wallet.
    pub trader: Address,
    /// The period, which ends now.
    pub period: Period,
    /// What it did.
    pub figures: Figures,
}

/// What a wallet did in all periods. Periods in which it did the same share what is said of them.
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
    const SCHEMA: &'static Schema = &Schema {
        name: "wallet_stats",
        doc: "What every wallet did in a period that ends now: ledgers at its end less ledgers at its start. \
              Amounts in SOL are of tokens that were paid in SOL.",
        key: 2,
        columns: STATS_COLUMNS,
    };
    type Key = (Address, Period);

    fn key(&self) -> Self::Key {
        (self.trader, self.period)
    }

    fn row(&self) -> Row {
        let figures = &self.figures;
        let equity = figures.equity;
        vec![
            Value::from(self.trader),
            Value::from(self.period.name()),
            Value::Count(figures.trades),
            Value::Count(figures.closed),
            Value::Count(figures.wins),
            Value::Count(figures.losses),
            column(figures.win_rate()),
            Value::Sum(figures.realised),
            usd(Some(figures.realised_usd)),
            Value::Count(figures.usd_missing),
            column(figures.profit_factor()),
            Value::Bool(figures.losses_sum == 0),
            column(figures.roi()),
            Value::count(figures.median_hold_ms),
            column(figures.trades_per_day()),
            Value::Count(figures.distinct_mints),
            Value::Count(figures.active_days),
            column(figures.top_token_share()),
            column(figures.unmatched_share()),
            column(figures.mean_log_return()),
            column(equity.and_then(|equity| equity.sharpe)),
            column(equity.and_then(|equity| equity.sortino)),
            column(equity.and_then(|equity| equity.max_drawdown)),
        ]
    }
}

const STATS_COLUMNS: &[Column] = &[
    Column::new("trader", Kind::Address, "The wallet."),
    Column::new(
        "period",
        Kind::Symbol,
        "1d (begins at a whole hour), 7d, 30d, 90d (begin at midnight UTC), all. Without a trade in it: no row.",
    ),
    Column::new("trades", Kind::Count, "Number of trades."),
    Column::new("closed", Kind::Count, "Positions that were closed; one that is opened again counts again."),
    Column::new("wins", Kind::Count, "Of those, with a gain."),
    Column::new("losses", Kind::Count, "Of those, with a loss."),
    Column::new("win_rate", Kind::Float, "wins / (wins + losses); null without either."),
    Column::new("realised_quote", Kind::Sum, "Made by sales, lamports."),
    Column::new(
        "realised_usd",
        Kind::Float,
        "Made by sales of all tokens whose trades all have a value in USD.",
    ),
    Column::new("usd_missing", Kind::Count, "Tokens that are left out of realised_usd."),
    Column::new(
        "profit_factor",
        Kind::Float,
        "SOL gained by positions that were closed with a gain over SOL lost by those with a loss; null if \
         none was lost.",
    ),
    Column::new("no_loss", Kind::Bool, "True if no SOL was lost by a position that was closed."),
    Column::new("roi", Kind::Float, "realised_quote over the cost of what was sold, a ratio."),
    Column::new(
        "median_hold_ms",
        Kind::Count,
        "Median, over positions that were closed, of the mean age of what was sold; in whole seconds, from a \
         minute on rounded down by at most 3 %.",
    ),
    Column::new("trades_per_day", Kind::Float, "trades / active_days."),
    Column::new("distinct_mints", Kind::Count, "Tokens that were traded."),
    Column::new("active_days", Kind::Count, "Days (UTC) with a trade."),
    Column::new(
        "top_token_share",
        Kind::Float,
        "SOL made with the best token over SOL made with all that brought a gain.",
    ),
    Column::new(
        "unmatched_share",
        Kind::Float,
        "SOL from sales of what was not bought over SOL from all sales.",
    ),
    Column::new(
        "mean_log_return",
        Kind::Float,
        "Mean of ln(proceeds / cost) over positions that were closed, each at most a factor of 1000 either way.",
    ),
    Column::new(
        "sharpe",
        Kind::Float,
        "Of daily realised returns on the most that was paid on one day; null under 20 active days, and of all once something is older than 90 days.",
    ),
    Column::new("sortino", Kind::Float, "The same against losing days only."),
    Column::new(
        "max_drawdown",
        Kind::Float,
        "Greatest loss from a peak of that equity, a ratio of the peak.",
    ),
];
