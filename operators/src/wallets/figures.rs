//! Figures of one wallet over one period.
//!
//! Figures come in two groups, in SOL and in USD, each over one set of tokens: a sum of some tokens beside a
//! count of others says nothing. Each group counts the tokens that it leaves out. A token
//! belongs to a group by all of its trades, so it is asked when figures are added up, and not when it is traded.
//!
//! Source: DEFINITIONS §9, "one set a figure".

use serde::{Deserialize, Serialize};

use super::Mode;
use super::equity::{self, Equity};
use super::input::Currency;
use super::ledger::Ledger;
use super::pane::{Holds, Outcome, Pane};
pub use super::period::Period;
use crate::number::Number;

/// A group of tokens, and what a wallet did with them: those whose every trade was paid in SOL, or those whose every
/// trade has a value in USD. A token may be in both. All figures of a group are over the same tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// Tokens that were traded, or of which an episode ended.
    pub positions: u64,
    /// Tokens that were traded.
    pub mints: u64,
    /// Number of trades.
    pub trades: u64,
    /// Days (UTC) with a trade.
    pub active_days: u64,
    /// Episodes that ended.
    pub closed: u64,
    /// Episodes that ended with a gain.
    pub wins: u64,
    /// Episodes that ended with a loss.
    pub losses: u64,
    /// Cost of everything that was sold: lamports, or millionths of a USD.
    pub sold_cost: u128,
    /// Made by sales.
    pub realised: i128,
    /// Made by the episodes that ended with a gain.
    pub gained: u128,
    /// Lost by the episodes that ended with a loss.
    pub lost: u128,
}

impl Group {
    fn add(&mut self, pane: &Pane, outcome: &Outcome) {
        self.trades += u64::from(pane.trades);
        self.closed += u64::from(pane.closed);
        self.wins += u64::from(outcome.wins);
        self.losses += u64::from(outcome.losses);
        self.sold_cost += u128::from(outcome.sold_cost);
        self.realised += i128::from(outcome.realised);
        self.gained += u128::from(outcome.gained);
        self.lost += u128::from(outcome.lost);
    }

    const fn add_position(&mut self, is_traded: bool) {
        self.positions += 1;
        self.mints += is_traded as u64;
    }

    /// Wins over wins and losses; none without either.
    #[must_use]
    pub fn win_rate(&self) -> Option<Number> {
        ratio(i128::from(self.wins), u128::from(self.wins + self.losses))
    }
}

/// See the module. Amounts are in lamports, over the group in SOL, where not said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Figures {
    /// The tokens whose every trade was paid in SOL.
    pub sol: Group,
    /// The tokens whose every trade has a value in USD; amounts in millionths of a USD.
    pub usd: Group,
    /// Tokens that were traded, or of which an episode ended, in a group or not.
    pub positions: u64,
    /// Number of trades of all tokens.
    pub trades: u64,
    /// Episodes of all tokens that ended.
    pub closed: u64,
    /// Ended episodes of tokens in neither group.
    pub closed_left_out: u64,
    /// Number of tokens that were traded.
    pub distinct_mints: u64,
    /// Number of days (UTC) on which something was traded.
    pub active_days: u64,
    /// First hour (since the Unix epoch) of which something is in the figures.
    pub first_hour: Option<u64>,
    /// Median of how long episodes lasted, of all tokens that were paid in one currency, in milliseconds.
    pub median_hold_ms: Option<u64>,
    /// The same over the group in SOL.
    pub median_hold_sol_ms: Option<u64>,
    /// Paid for what was bought.
    pub invested: u128,
    /// Brought by sales.
    pub proceeds: u128,
    /// Brought by sales of what was not bought.
    pub unmatched: u128,
    /// The most that was made with one token, and what was made with all that brought a gain.
    pub top_token: (i128, i128),
    /// Number of episodes with a return, and the sum of its logarithm, in millionths.
    pub returns: (u64, i128),
    /// Traded tokens that the wallet had created.
    pub own_tokens: u64,
    /// How what was made spreads over days; none with too few of them.
    pub equity: Option<Equity>,
}

/// Sums of tokens whose entries were dropped.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Totals {
    figures: Figures,
    holds: [Holds; 2],
}

impl Totals {
    /// Takes in days with a trade whose panes are no longer kept apart: of all tokens, and of those paid in SOL.
    pub(super) fn add_days(&mut self, all: &[u64], sol: &[u64]) {
        self.figures.active_days += all.len() as u64;
        self.figures.sol.active_days += sol.len() as u64;
    }

    /// Takes in a token that is evicted.
    pub(super) fn add(&mut self, item: Item<'_>) {
        self.figures.add_item(item, ALL_HOURS, &mut [Vec::new(), Vec::new()], &mut self.holds);
    }
}

/// A token of a wallet, as figures see it.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) panes: &'a [Pane],
    /// The sum of those that are older than any period.
    pub(super) old: Option<&'a Pane>,
    pub(super) is_own: bool,
}

/// All hours that ever were.
pub(super) const ALL_HOURS: (u64, u64) = (0, u64::MAX);

impl<'a> Item<'a> {
    fn within(self, (first, end): (u64, u64)) -> impl Iterator<Item = &'a Pane> {
        let old = self.old.filter(|_| first == 0);
        old.into_iter().chain(in_hours(self.panes, (first, end)))
    }
}

/// The figures of a period as they are added up, token by token: of several periods in one pass, since to find a token
/// costs more than to add it.
pub(super) struct Sum {
    figures: Figures,
    /// Days with a trade: of all tokens, and of those paid in SOL. The same two of `holds`.
    days: [Vec<u64>; 2],
    holds: [Holds; 2],
    hours: (u64, u64),
    /// True if some days are known as a sum only.
    has_old: bool,
    mode: Mode,
}

impl Sum {
    /// For the hours from the first to before the end; from hour 0 on of all there has been, with what is no longer
    /// kept by token.
    pub(super) fn of(hours: (u64, u64), totals: Option<&Totals>, mode: Mode) -> Self {
        let totals = totals.filter(|_| hours.0 == 0);
        let has_old = totals.is_some();
        let Totals { figures, holds } = totals.cloned().unwrap_or_default();
        Self { figures, days: Default::default(), holds, hours, has_old, mode }
    }

    /// Adds a token.
    pub(super) fn add(&mut self, item: Item<'_>) {
        if item.ledger.is_valid(self.mode) {
            self.has_old |= item.old.is_some() && self.hours.0 == 0;
            self.figures.add_item(item, self.hours, &mut self.days, &mut self.holds);
        }
    }

    /// The figures, once all of `items` have been added; none if nothing was traded.
    pub(super) fn finish<'a>(self, items: impl Iterator<Item = Item<'a>> + Clone) -> Option<Figures> {
        let Self { mut figures, mut days, holds, hours, has_old, mode } = self;
        if figures.trades == 0 && figures.closed == 0 {
            return None;
        }
        for days in &mut days {
            days.sort_unstable();
            days.dedup();
        }
        let [all, sol] = &days;
        figures.active_days += all.len() as u64;
        figures.sol.active_days += sol.len() as u64;
        [figures.median_hold_ms, figures.median_hold_sol_ms] = holds.map(|holds| holds.median_ms());
        if !has_old && all.len() >= equity::DAYS_MIN {
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
        days: &mut [Vec<u64>; 2],
        holds: &mut [Holds; 2],
    ) {
        let (is_sol, is_usd) = (is_sol(item.ledger), item.ledger.usd_is_known());
        let (mut trades, mut closed, mut made) = (0, 0, 0);
        for pane in item.within(hours) {
            self.add_pane(pane, (is_sol, is_usd));
            trades += u64::from(pane.trades);
            closed += u64::from(pane.closed);
            made += i128::from(pane.quote.realised);
            let [all, of_sol] = &mut *days;
            // The number of days that are kept as a sum is known already.
            let day =
                (pane.trades > 0 && !item.old.is_some_and(|old| std::ptr::eq(old, pane))).then(|| pane.day());
            all.extend(day);
            of_sol.extend(day.filter(|_| is_sol));
            let [all, of_sol] = &mut *holds;
            if item.ledger.quote_is_known() {
                all.merge(&pane.holds);
            }
            if is_sol {
                of_sol.merge(&pane.holds);
            }
        }
        if trades == 0 && closed == 0 {
            return;
        }
        let is_traded = trades > 0;
        self.positions += 1;
        self.distinct_mints += u64::from(is_traded);
        self.own_tokens += u64::from(is_traded && item.is_own);
        if is_sol {
            self.sol.add_position(is_traded);
            self.top_token.0 = self.top_token.0.max(made);
            self.top_token.1 += made.max(0);
        }
        if is_usd {
            self.usd.add_position(is_traded);
        }
    }

    fn add_pane(&mut self, pane: &Pane, (is_sol, is_usd): (bool, bool)) {
        self.trades += u64::from(pane.trades);
        self.closed += u64::from(pane.closed);
        self.first_hour = Some(self.first_hour.map_or(pane.hour, |first| first.min(pane.hour)));
        if is_sol {
            self.sol.add(pane, &pane.quote);
            self.invested += u128::from(pane.invested);
            self.proceeds += u128::from(pane.proceeds);
            self.unmatched += u128::from(pane.unmatched);
            self.returns =
                (self.returns.0 + u64::from(pane.returns.0), self.returns.1 + i128::from(pane.returns.1));
        }
        if is_usd {
            self.usd.add(pane, &pane.usd);
        }
        if !is_sol && !is_usd {
            self.closed_left_out += u64::from(pane.closed);
        }
    }

    /// Gains over losses of a group; none without losses, or if an ended episode is in neither group.
    #[must_use]
    pub fn profit_factor(&self, group: &Group) -> Option<Number> {
        ratio(i128::try_from(group.gained).ok()?, group.lost).filter(|_| self.is_whole())
    }

    /// True if no ended episode of a group was a loss; none if an ended episode is in neither group.
    #[must_use]
    pub fn no_loss(&self, group: &Group) -> Option<bool> {
        self.is_whole().then_some(group.lost == 0)
    }

    /// Gain of a group over its cost; none without a cost, or if an ended episode is in neither group.
    #[must_use]
    pub fn roi(&self, group: &Group) -> Option<Number> {
        ratio(group.realised, group.sold_cost).filter(|_| self.is_whole())
    }

    /// True if every episode that ended is in a group.
    const fn is_whole(&self) -> bool {
        self.closed_left_out == 0
    }

    /// Tokens that are not in a group.
    #[must_use]
    pub const fn left_out(&self, group: &Group) -> u64 {
        self.positions.saturating_sub(group.positions)
    }

    /// Share of the ended episodes that is not in the group in SOL; none if none ended.
    #[must_use]
    pub fn outside_sol_share(&self) -> Option<Number> {
        let outside = self.closed.saturating_sub(self.sol.closed);
        ratio(i128::from(outside), u128::from(self.closed))
    }

    /// Trades on a day on which anything was traded.
    #[must_use]
    pub fn trades_per_day(&self) -> Option<Number> {
        ratio(i128::from(self.trades), u128::from(self.active_days))
    }

    /// Share of the best token in the gains of all tokens that brought a gain.
    #[must_use]
    pub fn top_token_share(&self) -> Option<Number> {
        ratio(self.top_token.0, u128::try_from(self.top_token.1).ok()?)
    }

    /// Share of unmatched sales (tokens sold without a purchase) in the proceeds of all sales.
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

    #[test]
    fn a_ratio_over_nothing_is_none() {
        let nothing = Figures::default();
        let group = &nothing.sol;
        assert_eq!((group.win_rate(), nothing.profit_factor(group), nothing.roi(group)), (None, None, None));
        assert_eq!((nothing.top_token_share(), nothing.unmatched_share()), (None, None));
    }
}
