//! What a wallet did in a period.

use model::Seconds;
use serde::{Deserialize, Serialize};

use super::Mode;
use super::equity::{self, Equity};
use super::input::Currency;
use super::ledger::Ledger;
use super::pane::{DAY_H, Holds, Pane, hour_of};
use crate::number::Number;

/// A period that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Period {
    /// `1d`.
    Day,
    /// `7d`.
    Days7,
    /// `30d`.
    Days30,
    /// `90d`.
    Days90,
    /// `180d`, of wallets that are rated only.
    Days180,
    /// `all`.
    All,
}

impl Period {
    /// The periods of figures, the shortest first.
    pub const ALL: [Self; 5] = [Self::Day, Self::Days7, Self::Days30, Self::Days90, Self::All];

    /// The periods by which wallets are rated, the shortest first.
    pub const TIERS: [Self; 4] = [Self::Days30, Self::Days90, Self::Days180, Self::All];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Days180 => "180d",
            Self::All => "all",
        }
    }

    const fn days(self) -> Option<u64> {
        match self {
            Self::Day => Some(1),
            Self::Days7 => Some(7),
            Self::Days30 => Some(30),
            Self::Days90 => Some(90),
            Self::Days180 => Some(180),
            Self::All => None,
        }
    }

    /// The first hour of the period that ends at `now`: of a day the hour in which it begins, of longer
    /// ones that of the day in which they begin.
    #[must_use]
    pub fn first_hour(self, now: Seconds) -> u64 {
        let hour = hour_of(now);
        match self.days() {
            None => 0,
            Some(1) => hour.saturating_sub(DAY_H),
            Some(days) => (hour / DAY_H).saturating_sub(days) * DAY_H,
        }
    }

    /// When the pane that begins at `hour` is no longer of the period; never, of `all`.
    #[must_use]
    pub fn leaves_at(self, hour: u64) -> Option<Seconds> {
        let hour = match self.days()? {
            1 => hour + DAY_H + 1,
            days => (hour / DAY_H + days + 1) * DAY_H,
        };
        Some(hour * 3600)
    }
}

/// See the module. Amounts are in lamports, of the tokens that were paid in SOL, where not said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Figures {
    /// Number of trades.
    pub trades: u64,
    /// Episodes that ended.
    pub closed: u64,
    /// Of those, with a gain.
    pub wins: u64,
    /// Of those, with a loss.
    pub losses: u64,
    /// Paid for what was bought.
    pub invested: u128,
    /// What was sold had cost this much.
    pub sold_cost: u128,
    /// Made by sales.
    pub realised: i128,
    /// Brought by sales.
    pub proceeds: u128,
    /// Brought by sales of what was not bought.
    pub unmatched: u128,
    /// Made by the episodes that ended with a gain.
    pub gains: u128,
    /// Lost by the episodes that ended with a loss.
    pub losses_sum: u128,
    /// Made by sales of all tokens whose trades all have a value, in millionths of a USD.
    pub realised_usd: i128,
    /// Tokens of which some trade has none.
    pub usd_missing: u64,
    /// Median of how long episodes lasted, in milliseconds.
    pub median_hold_ms: Option<u64>,
    /// Number of tokens that were traded.
    pub distinct_mints: u64,
    /// Number of days (UTC) on which something was traded.
    pub active_days: u64,
    /// The most that was made with one token, and what was made with all that brought a gain.
    pub top_token: (i128, i128),
    /// Number of episodes with a return, and the sum of its logarithm, in millionths.
    pub returns: (u64, i128),
    /// Of the tokens that were traded, how many the wallet had created.
    pub own_tokens: u64,
    /// How what was made spreads over days; none with too few of them.
    pub equity: Option<Equity>,
}

/// What is no longer kept by token.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Of tokens that were paid in SOL.
    sol: Pane,
    /// Of others: of these the numbers only.
    other: Pane,
    realised_usd: i128,
    usd_missing: u64,
    mints: u64,
    own_tokens: u64,
    top_token: (i128, i128),
    pub(super) active_days: u64,
}

impl Totals {
    /// Takes in a pane that is let go.
    pub(super) fn add_pane(&mut self, pane: &Pane, ledger: &Ledger) {
        if is_sol(ledger) { &mut self.sol } else { &mut self.other }.add(pane);
        if ledger.usd_is_known() {
            self.realised_usd += i128::from(pane.realised_usd);
        }
    }

    /// Takes in a token that is let go.
    pub(super) fn add_token(&mut self, ledger: &Ledger, is_own: bool, mode: Mode) {
        self.mints += 1;
        self.usd_missing += u64::from(!ledger.usd_is_known());
        self.own_tokens += u64::from(is_own);
        if is_sol(ledger) {
            let made = i128::from(ledger.realised(&ledger.quote, mode));
            self.top_token.0 = self.top_token.0.max(made);
            self.top_token.1 += made.max(0);
        }
    }
}

/// A token of a wallet, as figures see it.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) panes: &'a [Pane],
    pub(super) is_own: bool,
}

/// The figures of a period as they are added up, token by token: of several periods in one pass, since to find a token
/// costs more than to add it.
pub(super) struct Sum {
    figures: Figures,
    days: Vec<u64>,
    holds: Holds,
    hours: (u64, u64),
    is_all: bool,
    mode: Mode,
}

impl Sum {
    /// For the hours from `first` to before `end`; with what is no longer kept by token, of all there has been.
    pub(super) fn of((first, end): (u64, u64), totals: Option<&Totals>, mode: Mode) -> Self {
        let (mut figures, mut holds) = (Figures::default(), Holds::default());
        if let Some(totals) = totals {
            figures.add_totals(totals, &mut holds);
        }
        Self { figures, days: Vec::new(), holds, hours: (first, end), is_all: totals.is_some(), mode }
    }

    /// Adds a token.
    pub(super) fn add(&mut self, item: Item<'_>) {
        let Self { figures, days, holds, hours, is_all, mode } = self;
        if item.ledger.is_valid(*mode) {
            figures.add_item(item, *hours, (*is_all, *mode), (days, holds));
        }
    }

    /// The figures, once all of `items` have been added; none if nothing was traded.
    pub(super) fn finish<'a>(self, items: impl Iterator<Item = Item<'a>> + Clone) -> Option<Figures> {
        let Self { mut figures, mut days, holds, hours, is_all, mode } = self;
        if figures.trades == 0 && figures.closed == 0 {
            return None;
        }
        days.sort_unstable();
        days.dedup();
        figures.active_days += days.len() as u64;
        figures.median_hold_ms = holds.median_ms();
        if !is_all && days.len() >= equity::DAYS_MIN {
            let valid = items.filter(|item| item.ledger.is_valid(mode) && is_sol(item.ledger));
            let panes = valid.flat_map(|item| in_hours(item.panes, hours));
            // An episode may end on a day without a trade.
            figures.equity = Equity::of(panes.filter(|pane| pane.trades > 0));
        }
        Some(figures)
    }
}

impl Figures {
    fn add_item(
        &mut self,
        item: Item<'_>,
        hours: (u64, u64),
        (is_all, mode): (bool, Mode),
        (days, holds): (&mut Vec<u64>, &mut Holds),
    ) {
        let (is_sol, is_usd) = (is_sol(item.ledger), item.ledger.usd_is_known());
        let (mut trades, mut made) = (0, 0);
        if is_all {
            // What is of panes that are gone: all that is in the ledger less what is in those that are kept.
            let ledger = item.ledger;
            trades = u64::from(ledger.buys) + u64::from(ledger.sells);
            trades = trades.saturating_sub(item.panes.iter().map(|pane| u64::from(pane.trades)).sum());
            made = i128::from(ledger.realised(&ledger.quote, mode));
            made -= item.panes.iter().map(|pane| i128::from(pane.realised)).sum::<i128>();
        }
        for pane in in_hours(item.panes, hours) {
            self.add_pane(pane, is_sol, is_usd, holds);
            trades += u64::from(pane.trades);
            made += i128::from(pane.realised);
            if pane.trades > 0 {
                days.push(pane.day());
            }
        }
        if trades == 0 {
            return;
        }
        self.distinct_mints += 1;
        self.usd_missing += u64::from(!is_usd);
        self.own_tokens += u64::from(item.is_own);
        if is_sol {
            self.add_token(made);
        }
    }

    fn add_pane(&mut self, pane: &Pane, is_sol: bool, is_usd: bool, holds: &mut Holds) {
        self.trades += u64::from(pane.trades);
        self.closed += u64::from(pane.closed);
        self.wins += u64::from(pane.wins);
        self.losses += u64::from(pane.losses);
        self.returns =
            (self.returns.0 + u64::from(pane.returns.0), self.returns.1 + i128::from(pane.returns.1));
        holds.merge(&pane.holds);
        if is_sol {
            self.invested += u128::from(pane.invested);
            self.sold_cost += u128::from(pane.sold_cost);
            self.realised += i128::from(pane.realised);
            self.proceeds += u128::from(pane.proceeds);
            self.unmatched += u128::from(pane.unmatched);
            self.gains += u128::from(pane.gains);
            self.losses_sum += u128::from(pane.losses_sum);
        }
        if is_usd {
            self.realised_usd += i128::from(pane.realised_usd);
        }
    }

    fn add_token(&mut self, made: i128) {
        self.top_token.0 = self.top_token.0.max(made);
        self.top_token.1 += made.max(0);
    }

    /// Adds what is no longer kept by token.
    fn add_totals(&mut self, totals: &Totals, holds: &mut Holds) {
        self.add_pane(&totals.sol, true, false, holds);
        self.add_pane(&totals.other, false, false, holds);
        self.realised_usd += totals.realised_usd;
        self.usd_missing += totals.usd_missing;
        self.distinct_mints += totals.mints;
        self.active_days += totals.active_days;
        self.own_tokens += totals.own_tokens;
        self.top_token = totals.top_token;
    }

    /// Wins over wins and losses; none without either.
    #[must_use]
    pub fn win_rate(&self) -> Option<Number> {
        ratio(i128::from(self.wins), u128::from(self.wins + self.losses))
    }

    /// Gains over losses; none without losses.
    #[must_use]
    pub fn profit_factor(&self) -> Option<Number> {
        ratio(i128::try_from(self.gains).ok()?, self.losses_sum)
    }

    /// What was made over what it had cost.
    #[must_use]
    pub fn roi(&self) -> Option<Number> {
        ratio(self.realised, self.sold_cost)
    }

    /// Trades on a day on which anything was traded.
    #[must_use]
    pub fn trades_per_day(&self) -> Option<Number> {
        ratio(i128::from(self.trades), u128::from(self.active_days))
    }

    /// What the best token made, of all that was made with tokens that brought a gain.
    #[must_use]
    pub fn top_token_share(&self) -> Option<Number> {
        ratio(self.top_token.0, u128::try_from(self.top_token.1).ok()?)
    }

    /// What sales of what was not bought brought, of what all sales brought.
    #[must_use]
    pub fn unmatched_share(&self) -> Option<Number> {
        ratio(i128::try_from(self.unmatched).ok()?, self.proceeds)
    }

    /// Mean logarithm of proceeds over cost, over the episodes that ended.
    #[must_use]
    pub fn mean_log_return(&self) -> Option<Number> {
        let (count, sum) = self.returns;
        ratio(sum, u128::from(count) * 1_000_000)
    }
}

/// True if the book in quote is one in SOL.
pub(super) fn is_sol(ledger: &Ledger) -> bool {
    ledger.quote_is_known() && ledger.currency == Some(Currency::Sol)
}

fn in_hours(panes: &[Pane], (first, end): (u64, u64)) -> impl Iterator<Item = &Pane> + Clone {
    panes.iter().filter(move |pane| (first..end).contains(&pane.hour))
}

/// A ratio of whole numbers; none if it is one over nothing.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a ratio is a float by definition")]
pub fn ratio(part: i128, whole: u128) -> Option<Number> {
    if whole == 0 { None } else { Number::new(part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14 22:13:20 UTC.
    const NOW: Seconds = 1_700_000_000;

    #[test]
    fn a_pane_is_of_a_period_until_it_leaves() {
        for period in Period::ALL {
            for hour in (0..3000).map(|back| hour_of(NOW) - back) {
                let is_in = hour >= period.first_hour(NOW);
                assert_eq!(is_in, period.leaves_at(hour).is_none_or(|at| at > NOW), "{period:?} {hour}");
            }
        }
        assert_eq!(Period::Day.first_hour(NOW), hour_of(NOW) - 24);
        assert_eq!(Period::Days7.first_hour(NOW) * 3600, 1_699_315_200, "a midnight");
    }

    #[test]
    fn a_ratio_over_nothing_is_none() {
        let nothing = Figures::default();
        assert_eq!((nothing.win_rate(), nothing.profit_factor(), nothing.roi()), (None, None, None));
        assert_eq!((nothing.top_token_share(), nothing.unmatched_share()), (None, None));
    }
}
