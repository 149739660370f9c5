//! The rule `smart_v1`: which wallets of a list have done well, by an open rule with open numbers.
//!
//! The wallets of one list, `candidates`, are rated once a day (UTC), once the day before is past
//! correction, by what they did in the 30 days that end with it. Who passes every threshold stands on the
//! list of this rule, with a score, a tier and a reason that names every figure. A change of score or tier
//! ends one entry and begins another, so the list says at any time who stood on it when, and why.
//!
//! **Score**: the mean log return per position that was closed, shrunk towards that of all who are rated
//! (`n/(n+20)`), ranked among those on the list, 0 to 100. **Tier**: the longest of 30d, 90d, 180d and all
//! such that the wallet passes over it and over each shorter one.
//!
//! One key, because ranks concern all who are rated, and those are the few thousand wallets of a list.
//!
//! Source: DEFINITIONS §10. The evaluator does not look for candidates, and no open position counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::time::start_of;
use model::{Address, ListEntry};
use serde::{Deserialize, Serialize};

use crate::number::Number;
use crate::prelude::*;
use crate::wallets::figures::ratio;
use crate::wallets::{Figures, Period, Rating};

/// Settings of [`smart_v1`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// The list whose wallets are rated.
    pub candidates: String,
    /// The list that is made.
    pub list: String,
    /// Labels that keep a wallet off the list.
    pub excluded_labels: Vec<String>,
    /// Positions closed, at least.
    pub closed_min: u64,
    /// Tokens traded, at least.
    pub distinct_mints_min: u64,
    /// Days with a trade, at least.
    pub active_days_min: u64,
    /// SOL made by sales, at least.
    pub realised_sol_min: f64,
    /// Profit factor, at least; without a loss it is as high as can be.
    pub profit_factor_min: f64,
    /// Share of wins, at least.
    pub win_rate_min: f64,
    /// Median time for which positions were held, in seconds, at least.
    pub median_hold_s_min: u64,
    /// Trades on a day with any, at most.
    pub trades_per_day_max: f64,
    /// Share of the proceeds that came from what was not bought, at most.
    pub unmatched_share_max: f64,
    /// Share of the best token in what was made, at most.
    pub top_token_share_max: f64,
    /// Share of closed positions that were not paid in SOL alone, at most.
    pub outside_sol_share_max: f64,
    /// The return is shrunk as if so many positions had had that of all who are rated.
    pub shrink_positions: f64,
}

impl Default for Params {
    fn default() -> Self {
        let labels = ["protocol", "pool", "exchange", "bot", "arbitrage"];
        Self {
            candidates: "candidates".to_owned(),
            list: "smart_v1".to_owned(),
            excluded_labels: labels.map(str::to_owned).to_vec(),
            closed_min: 20,
            distinct_mints_min: 10,
            active_days_min: 7,
            realised_sol_min: 20.0,
            profit_factor_min: 1.5,
            win_rate_min: 0.35,
            median_hold_s_min: 60,
            trades_per_day_max: 150.0,
            unmatched_share_max: 0.1,
            top_token_share_max: 0.5,
            outside_sol_share_max: 0.2,
            shrink_positions: 20.0,
        }
    }
}

impl Params {
    /// Problems of the values, each with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let is_share = |value: f64| (0.0..=1.0).contains(&value);
        let share = "must be a ratio, 0 to 1";
        let checks = [
            (self.list != self.candidates, "list", "must not be the list of candidates"),
            (!self.list.is_empty(), "list", "must have a name"),
            (self.realised_sol_min.is_finite(), "realised_sol_min", "must be a number"),
            (self.profit_factor_min >= 0.0, "profit_factor_min", "must not be negative"),
            (is_share(self.win_rate_min), "win_rate_min", share),
            (self.trades_per_day_max > 0.0, "trades_per_day_max", "must be more than 0"),
            (is_share(self.unmatched_share_max), "unmatched_share_max", share),
            (is_share(self.top_token_share_max), "top_token_share_max", share),
            (is_share(self.outside_sol_share_max), "outside_sol_share_max", share),
            (self.shrink_positions >= 0.0, "shrink_positions", "must not be negative"),
        ];
        checks.into_iter().filter(|(is_right, ..)| !is_right).map(|(_, key, what)| (key, what)).collect()
    }

    /// True if what a wallet did passes: by the tokens that it paid in SOL alone, of which nearly all of what it
    /// closed must be. A figure that is not defined does not pass, but for a profit without losses.
    fn is_passed(&self, figures: &Figures) -> bool {
        let at_least = |value: Option<Number>, min: f64| value.is_some_and(|value| value.get() >= min);
        let at_most = |value: Option<Number>, max: f64| value.is_some_and(|value| value.get() <= max);
        let group = &figures.sol;
        let hold = figures.median_hold_sol_ms.unwrap_or(0);
        let is_sole_gain = figures.no_loss(group) == Some(true) && group.gained > 0;
        let per_day = ratio(i128::from(group.trades), u128::from(group.active_days));
        group.closed >= self.closed_min
            && group.mints >= self.distinct_mints_min
            && group.active_days >= self.active_days_min
            && sol(group.realised) >= self.realised_sol_min
            && figures.usd.realised >= 0
            && at_most(figures.outside_sol_share(), self.outside_sol_share_max)
            && (is_sole_gain || at_least(figures.profit_factor(group), self.profit_factor_min))
            && at_least(group.win_rate(), self.win_rate_min)
            && hold >= self.median_hold_s_min.saturating_mul(1000)
            && at_most(per_day, self.trades_per_day_max)
            && at_most(figures.unmatched_share(), self.unmatched_share_max)
            && at_most(figures.top_token_share(), self.top_token_share_max)
            && figures.own_tokens == 0
    }

    /// The longest period over which a wallet passes; none if it does not over the shortest.
    fn tier(&self, rating: &Rating) -> Option<Period> {
        if !rating.labels.is_empty() {
            return None;
        }
        let passed = Period::TIERS
            .into_iter()
            .take_while(|tier| figures(rating, *tier).is_some_and(|figures| self.is_passed(figures)));
        passed.last()
    }
}

/// The shortest period, by which wallets are ranked.
const WINDOW: Period = Period::Days30;

fn figures(rating: &Rating, period: Period) -> Option<&Figures> {
    rating.figures.iter().find(|(of, _)| *of == period).map(|(_, figures)| figures)
}

#[expect(clippy::cast_precision_loss, reason = "held against a threshold")]
fn sol(lamports: i128) -> f64 {
    lamports as f64 / 1e9
}

/// Maintains the list: entries that last, and those that have ended.
pub fn smart_v1<'s>(
    ratings: Collection<'s, Rating>,
    params: &Params,
    step_s: Seconds,
    states: &States,
) -> Collection<'s, ListEntry> {
    keyed::<Evaluator>(Intake::of(ratings, Some), "smart_v1", (params.clone(), step_s), states)
}

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub struct Evaluator {
    ratings: BTreeMap<Address, Rating>,
    /// The entries that last.
    entries: BTreeMap<Address, ListEntry>,
    evaluate_at: Option<Seconds>,
}

/// Where a wallet stands.
struct Standing<'a> {
    rating: &'a Rating,
    tier: Period,
    /// Mean log return in 30 days, shrunk.
    value: Number,
}

impl Evaluator {
    /// Who is on the list now, with score, tier and reason.
    fn list(&self, params: &Params) -> BTreeMap<Address, (u8, &'static str, String)> {
        let all = || self.ratings.values().filter_map(|rating| figures(rating, WINDOW));
        let sums = all().map(|figures| figures.returns).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let mean = Figures { returns: sums, ..Figures::default() }.mean_log_return();
        let mean = mean.map_or(0.0, Number::get);
        let standing = |rating| {
            let tier = params.tier(rating)?;
            let value = shrunk(figures(rating, WINDOW)?, mean, params.shrink_positions)?;
            Some(Standing { rating, tier, value })
        };
        let passed: Vec<Standing<'_>> = self.ratings.values().filter_map(standing).collect();
        let mut values: Vec<Number> = passed.iter().map(|standing| standing.value).collect();
        values.sort_unstable();
        let entry = |standing: Standing<'_>| {
            let below = values.partition_point(|value| *value < standing.value);
            let score = match values.len() - 1 {
                0 => 100,
                others => u8::try_from(below * 100 / others).unwrap_or(100),
            };
            (standing.rating.trader, (score, standing.tier.name(), reason(&standing)))
        };
        passed.into_iter().map(entry).collect()
    }

    /// Ends and begins entries so that the list is what it should be.
    fn evaluate(&mut self, effects: &mut Effects<'_, Self>) {
        let (params, now) = (&effects.params.0, start_of(effects.now));
        let list = self.list(params);
        let same = |entry: &ListEntry| {
            let wanted = list.get(&entry.trader);
            wanted.is_some_and(|(score, tier, _)| {
                entry.score == Some(*score) && entry.tier.as_deref() == Some(tier)
            })
        };
        let (lasting, ended) =
            std::mem::take(&mut self.entries).into_iter().partition(|(_, entry)| same(entry));
        self.entries = lasting;
        for (_, entry) in BTreeMap::<Address, ListEntry>::into_iter(ended) {
            effects.emit(entry.clone(), -1);
            effects.emit(ListEntry { valid_to: Some(now), ..entry }, 1);
        }
        for (trader, (score, tier, reason)) in list {
            if self.entries.contains_key(&trader) {
                continue;
            }
            let entry = ListEntry {
                list: params.list.clone(),
                trader,
                valid_from: now,
                valid_to: None,
                known_from: now,
                score: Some(score),
                tier: Some(tier.to_owned()),
                reason,
            };
            effects.emit(entry.clone(), 1);
            self.entries.insert(trader, entry);
        }
    }
}

/// The mean log return, drawn towards that of all; none if no position had one.
#[expect(clippy::cast_precision_loss, reason = "counts of positions")]
fn shrunk(figures: &Figures, of_all: f64, weight: f64) -> Option<Number> {
    let (count, mean) = (figures.returns.0 as f64, figures.mean_log_return()?);
    Number::new((count * mean.get() + weight * of_all) / (count + weight))
}

/// Every figure that decided.
fn reason(standing: &Standing<'_>) -> String {
    let Some(figures) = figures(standing.rating, WINDOW) else { return String::new() };
    let number = |value: Option<Number>| value.map_or(f64::INFINITY, Number::get);
    let group = &figures.sol;
    let mut text = format!(
        "passes over {}; in {}: closed {}, tokens {}, active days {}, realised {:.2} SOL, profit factor {:.2}",
        standing.tier.name(),
        WINDOW.name(),
        group.closed,
        group.mints,
        group.active_days,
        sol(group.realised),
        number(figures.profit_factor(group)),
    );
    // Into a string nothing fails.
    let _ = write!(
        text,
        ", win rate {:.2}, median hold {} s, trades a day {:.1}, unmatched {:.2}, best token {:.2}, \
         closed outside SOL {:.2}, realised {:.2} USD where known, mean log return {:.4} over {} positions, shrunk to {:.4}",
        number(group.win_rate()),
        figures.median_hold_sol_ms.unwrap_or(0) / 1000,
        number(ratio(i128::from(group.trades), u128::from(group.active_days))),
        number(figures.unmatched_share()),
        number(figures.top_token_share()),
        number(figures.outside_sol_share()),
        sol(figures.usd.realised.saturating_mul(1000)),
        number(figures.mean_log_return()),
        figures.returns.0,
        standing.value.get(),
    );
    text
}

impl State for Evaluator {
    type Key = ();
    type Input = Rating;
    /// Entries are emitted as they begin and end.
    type Part = ();
    type Output = ListEntry;
    /// And how long the wallets of one day take to say what they did, in seconds.
    type Params = (Params, Seconds);

    fn key(_: &Rating) {}

    fn route((): &()) -> u64 {
        0
    }

    fn apply(&mut self, (): &(), rating: Rating, diff: Diff, effects: &mut Effects<'_, Self>) {
        // Retractions of one wallet come before its inserts.
        if diff > 0 {
            self.ratings.insert(rating.trader, rating);
        } else {
            self.ratings.remove(&rating.trader);
        }
        // Each wallet speaks at its own second: after a step all have.
        let at = effects.now + effects.params.1 + 1;
        self.evaluate_at.get_or_insert(at);
    }

    fn next_timer(&self, _: &Self::Params) -> Option<Seconds> {
        self.evaluate_at
    }

    fn on_timer(&mut self, (): &(), effects: &mut Effects<'_, Self>) {
        self.evaluate_at = None;
        self.evaluate(effects);
    }

    fn output(&self, (): &(), (): &(), _: &Self::Params) -> Option<ListEntry> {
        None
    }

    fn is_idle(&self) -> bool {
        self.ratings.is_empty() && self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyed::Store;
    use crate::wallets::figures::Group;

    fn good() -> Figures {
        let sol = Group {
            positions: 10,
            mints: 10,
            trades: 60,
            active_days: 7,
            closed: 20,
            wins: 8,
            losses: 12,
            sold_cost: 100_000_000_000,
            realised: 20_000_000_000,
            gained: 45_000_000_000,
            lost: 30_000_000_000,
        };
        Figures {
            sol,
            // A quarter of as many more was paid otherwise.
            closed: 25,
            median_hold_sol_ms: Some(60_000),
            proceeds: 120_000_000_000,
            unmatched: 12_000_000_000,
            top_token: (10_000_000_000, 20_000_000_000),
            returns: (20, 2_000_000),
            ..Figures::default()
        }
    }

    fn rating(trader: u8, figures: &Figures) -> Rating {
        let figures = Period::TIERS.map(|period| (period, figures.clone())).to_vec();
        Rating { trader: Address([trader; 32]), day: 20_000, labels: Vec::new(), figures }
    }

    struct Run {
        store: Store<Evaluator>,
        entries: Vec<ListEntry>,
        second: Seconds,
    }

    impl Run {
        fn new() -> Self {
            Self { store: Store::new((Params::default(), 60)), entries: Vec::new(), second: 1_700_000_000 }
        }

        /// The ratings that stand after the changes have been evaluated: who, since when, until when, score, tier.
        fn step(&mut self, changes: &[(Rating, Diff)]) -> Vec<(u8, u64, Option<u64>, u8, String)> {
            for second in [self.second, self.second + 61] {
                self.store.fire(start_of(second));
                if second == self.second {
                    for (rating, diff) in changes {
                        self.store.apply(start_of(second), rating.clone(), *diff);
                    }
                }
                let entries = &mut self.entries;
                self.store.close(|entry, diff| match diff {
                    1 => entries.push(entry),
                    _ => entries.retain(|other| *other != entry),
                });
            }
            self.second += 1000;
            self.entries.sort();
            let since = |time: u64| time / 1_000_000 - 1_700_000_000;
            let entry = |entry: &ListEntry| {
                let tier = entry.tier.clone().unwrap();
                let to = entry.valid_to.map(since);
                assert_eq!((entry.list.as_str(), entry.known_from), ("smart_v1", entry.valid_from));
                (entry.trader.0[0], since(entry.valid_from), to, entry.score.unwrap(), tier)
            };
            self.entries.iter().map(entry).collect()
        }
    }

    #[test]
    fn every_threshold_keeps_off_who_is_just_beyond_it() {
        let params = Params::default();
        assert!(params.is_passed(&good()), "on every threshold");
        let worse: [fn(&mut Figures); 14] = [
            |f| f.sol.closed -= 1,
            |f| f.sol.mints -= 1,
            |f| f.sol.active_days -= 1,
            |f| f.sol.realised -= 1,
            |f| f.sol.lost += 1,
            |f| (f.sol.wins, f.sol.losses) = (6, 12),
            |f| f.median_hold_sol_ms = Some(59_000),
            |f| f.sol.trades = 7 * 150 + 1,
            |f| f.closed += 1,
            |f| f.usd.realised = -1,
            |f| f.closed_left_out = 1,
            |f| f.unmatched += 1,
            |f| f.top_token.0 += 1,
            |f| f.own_tokens = 1,
        ];
        for (at, worsen) in worse.into_iter().enumerate() {
            let mut figures = good();
            worsen(&mut figures);
            assert!(!params.is_passed(&figures), "{at}");
        }
        let lossless = |closed_left_out, gained| {
            let sol = Group { lost: 0, gained, ..good().sol };
            params.is_passed(&Figures { sol, closed_left_out, ..good() })
        };
        assert!(lossless(0, 45_000_000_000), "no loss is no bad factor");
        assert!(!lossless(0, 0));
        assert!(!lossless(1, 45_000_000_000), "nobody knows what the position in neither group lost");
    }

    #[test]
    fn labels_keep_off_and_the_tier_ends_at_the_first_period_that_fails() {
        let params = Params::default();
        let mut rating = rating(1, &good());
        assert_eq!(params.tier(&rating), Some(Period::All));
        rating.figures[1].1.sol.closed = 1;
        assert_eq!(params.tier(&rating), Some(Period::Days30), "90d fails, whatever the longer ones do");
        rating.labels.push("bot".to_owned());
        assert_eq!(params.tier(&rating), None);
    }

    #[test]
    fn scores_are_ranks_of_shrunk_returns() {
        let mut run = Run::new();
        // Over few positions a mean of 0.17 counts less than 0.15 over many.
        let few = Figures { returns: (2, 340_000), ..good() };
        let many = Figures { returns: (200, 30_000_000), ..good() };
        let ratings = [(rating(1, &few), 1), (rating(2, &many), 1), (rating(3, &good()), 1)];
        let all = || "all".to_owned();
        assert_eq!(
            run.step(&ratings),
            [(1, 61, None, 50, all()), (2, 61, None, 100, all()), (3, 61, None, 0, all())]
        );
        assert!(run.entries[0].reason.contains("closed 20, tokens 10"), "{}", run.entries[0].reason);
    }

    #[test]
    fn a_list_keeps_who_stood_on_it_when() {
        let mut run = Run::new();
        let all = || "all".to_owned();
        assert_eq!(run.step(&[(rating(1, &good()), 1)]), [(1, 61, None, 100, all())]);
        // The next day with other figures and the same standing: nothing changes.
        let next = Rating { day: 20_001, ..rating(1, &Figures { closed: 24, ..good() }) };
        let changes = [(rating(1, &good()), -1), (next.clone(), 1)];
        assert_eq!(run.step(&changes), [(1, 61, None, 100, all())]);
        // Another comes who is better: the score of the first is another one.
        let better = rating(2, &Figures { returns: (20, 9_000_000), ..good() });
        let expected =
            [(1, 61, Some(2061), 100, all()), (1, 2061, None, 0, all()), (2, 2061, None, 100, all())];
        assert_eq!(run.step(&[(better.clone(), 1)]), expected);
        // The first fails.
        let worse = rating(1, &Figures { closed: 100, ..good() });
        let expected =
            [(1, 61, Some(2061), 100, all()), (1, 2061, Some(3061), 0, all()), (2, 2061, None, 100, all())];
        assert_eq!(run.step(&[(next, -1), (worse, 1)]), expected);
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        let wrong = Params { list: "candidates".to_owned(), win_rate_min: 2.0, ..Params::default() };
        let keys: Vec<&str> = wrong.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["list", "win_rate_min"]);
        assert_eq!(Params::default().problems(), []);
    }
}
