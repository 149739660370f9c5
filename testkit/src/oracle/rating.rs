//! The list that is made of the wallets that have done well, by brute force: every wallet is rated anew from
//! all events whenever it is looked at.

use std::collections::{BTreeMap, BTreeSet};

use model::time::{second_of, start_of};
use model::{Address, ChainEvent, Control, Event, ListEntry, Seconds, Time, Value};
use operators::labels::{Label, LabelKind};
use operators::wallets::own_second;

use super::wallets::Figures;
use super::{Facts, before, labels, wallets};

const DAY_S: Seconds = 86_400;

/// The lengths of the periods, and what they are called.
const TIERS: [(&str, Option<u64>); 4] =
    [("30d", Some(30)), ("90d", Some(90)), ("180d", Some(180)), ("all", None)];

/// What a wallet is rated by.
struct Rating {
    is_labelled: bool,
    /// Of each period that has a trade.
    figures: Vec<(&'static str, Figures)>,
    own: BTreeSet<Address>,
}

/// What becomes of the list: at which second which entry comes, or goes if the number is negative. Nothing is
/// said of the reasons.
pub(super) fn changes(facts: &Facts<'_>) -> Vec<(Seconds, ListEntry, i64)> {
    let step_s = facts.params.market.wallets.step_s;
    let mut ratings: BTreeMap<Address, Rating> = BTreeMap::new();
    let mut standing: BTreeMap<Address, ListEntry> = BTreeMap::new();
    let mut changes = Vec::new();
    let mut evaluate_at: Option<Seconds> = None;
    for (second, wallets) in looks(facts) {
        if let Some(at) = evaluate_at.filter(|at| *at <= second) {
            evaluate(facts, &ratings, at, &mut standing, &mut changes);
            evaluate_at = None;
        }
        // Only what came before is seen.
        let then = Facts::new(before(facts.events, second), second.saturating_sub(1), facts.params);
        let found = labels::labels(&then.survivors, then.events, then.now, then.params).0;
        for wallet in wallets {
            let before = ratings.remove(&wallet);
            let rating = rating(&then, &found, wallet, second);
            if before.is_some() || rating.is_some() {
                evaluate_at.get_or_insert(second + step_s + 1);
            }
            ratings.extend(rating.map(|rating| (wallet, rating)));
        }
    }
    if let Some(at) = evaluate_at.filter(|at| *at <= facts.now) {
        evaluate(facts, &ratings, at, &mut standing, &mut changes);
    }
    changes
}

/// What is said of candidates, with when it came.
fn said<'a>(facts: &Facts<'a>) -> Vec<(Seconds, &'a ListEntry, i64)> {
    let mut clock = 0;
    let mut said = Vec::new();
    for event in facts.events {
        clock = clock.max(event.clock().unwrap_or(0));
        let (entry, count) = match event {
            Event::Control(Control::AddListEntry(entry)) => (entry, 1),
            Event::Control(Control::RemoveListEntry { entry, .. }) => (entry, -1),
            _ => continue,
        };
        if entry.list == facts.params.market.rating.candidates {
            said.push((clock, entry, count));
        }
    }
    said
}

/// At which seconds which wallets are looked at: once a day, when the day before is past correction, and when
/// something is said of them.
fn looks(facts: &Facts<'_>) -> BTreeMap<Seconds, BTreeSet<Address>> {
    let step_s = facts.params.market.wallets.step_s;
    let clocks = || facts.events.iter().filter_map(Event::clock);
    let (Some(first), Some(last)) = (clocks().min(), clocks().max()) else { return BTreeMap::new() };
    let mut looks: BTreeMap<Seconds, BTreeSet<Address>> = BTreeMap::new();
    let mut look = |wallet: Address, from: Seconds| {
        let second = own_second(wallet.route(), from, step_s);
        if second <= facts.now {
            looks.entry(second).or_default().insert(wallet);
        }
    };
    for (at, entry, _) in said(facts) {
        look(entry.trader, at + 1);
        for day in first / DAY_S..=last / DAY_S {
            look(entry.trader, day * DAY_S + facts.params.correction_horizon_s + 1);
        }
    }
    looks
}

fn rating(facts: &Facts<'_>, found: &[Label], wallet: Address, second: Seconds) -> Option<Rating> {
    let midnight = second.saturating_sub(facts.params.correction_horizon_s + 1) / DAY_S * DAY_S;
    let mut counts: BTreeMap<&ListEntry, i64> = BTreeMap::new();
    for (at, entry, count) in said(facts) {
        if at < second && entry.trader == wallet {
            *counts.entry(entry).or_default() += count;
        }
    }
    let mut by_start: BTreeMap<Time, (Time, Option<Time>)> = BTreeMap::new();
    for entry in counts.into_iter().filter(|(_, count)| *count > 0).map(|(entry, _)| entry) {
        let version = by_start.entry(entry.valid_from).or_default();
        *version = (*version).max((entry.known_from, entry.valid_to));
    }
    if !by_start.values().any(|(_, end)| end.is_none_or(|end| second_of(end) > midnight)) {
        return None;
    }
    let start = |days: Option<u64>| days.map_or(0, |days| midnight.saturating_sub(days * DAY_S));
    let times = TIERS.map(|(_, days)| start(days)..midnight);
    let figures = wallets::of_wallet(facts, wallet, &times);
    let names = TIERS.iter().map(|(name, _)| *name);
    let figures: Vec<_> = names.zip(figures).filter_map(|(name, figures)| Some((name, figures?))).collect();
    let is_labelled = is_labelled(facts, found, wallet);
    (!figures.is_empty()).then(|| Rating { is_labelled, figures, own: own(facts, wallet) })
}

/// True if the wallet carries a label that keeps it off, found or given.
fn is_labelled(facts: &Facts<'_>, found: &[Label], wallet: Address) -> bool {
    let excluded = &facts.params.market.rating.excluded_labels;
    let is_excluded = |kind: &str| excluded.iter().any(|other| other == kind);
    let mut found = found.iter().filter(|label| label.wallet == Some(wallet));
    let mut given = 0;
    for event in facts.events {
        let (entry, count) = match event {
            Event::Control(Control::AddLabel(entry)) => (entry, 1),
            Event::Control(Control::RemoveLabel { entry, .. }) => (entry, -1),
            _ => continue,
        };
        let is_own = LabelKind::named(&entry.kind).is_some_and(LabelKind::can_be_given);
        if entry.subject == wallet && !is_own && is_excluded(&entry.kind) {
            given += count;
        }
    }
    given > 0 || found.any(|label| is_excluded(label.kind.name()))
}

/// The tokens that the wallet has created.
fn own(facts: &Facts<'_>, wallet: Address) -> BTreeSet<Address> {
    let of_event = |event: &ChainEvent| match event {
        ChainEvent::TokenCreated(event) if event.user == wallet || event.creator == Some(wallet) => {
            Some(event.mint)
        }
        _ => None,
    };
    facts.survivors.iter().filter_map(of_event).collect()
}

/// Who passes, with the value by which he is ranked, and the tier.
fn passed(facts: &Facts<'_>, ratings: &BTreeMap<Address, Rating>) -> Vec<(Address, f64, &'static str)> {
    let of_month = |rating: &Rating| {
        let (name, figures) = rating.figures.first()?;
        (*name == TIERS[0].0).then_some(figures.returns)
    };
    let all: Vec<(u64, i128)> = ratings.values().filter_map(of_month).collect();
    let (count, sum): (u64, i128) = (all.iter().map(|r| r.0).sum(), all.iter().map(|r| r.1).sum());
    let mean = if count == 0 { 0.0 } else { float(sum) / float(i128::from(count) * 1_000_000) };
    let mut passed = Vec::new();
    for (wallet, rating) in ratings.iter().filter(|(_, rating)| !rating.is_labelled) {
        let mut tier = None;
        for (name, _) in TIERS {
            match rating.figures.iter().find(|(of, _)| *of == name) {
                Some((_, figures)) if passes(facts, rating, figures) => tier = Some(name),
                _ => break,
            }
        }
        let Some((tier, (count, sum))) = tier.zip(of_month(rating)).filter(|(_, (count, _))| *count > 0)
        else {
            continue;
        };
        let weight = facts.params.market.rating.shrink_positions;
        let own = float(sum) / float(i128::from(count) * 1_000_000);
        let count = float(count.into());
        passed.push((*wallet, (count * own + weight * mean) / (count + weight), tier));
    }
    passed
}

fn passes(facts: &Facts<'_>, rating: &Rating, figures: &Figures) -> bool {
    let params = &facts.params.market.rating;
    let sol = &figures.sol;
    let closed = sol.closed + figures.closed_outside;
    // A position of which neither book is known could have lost anything.
    let is_whole = figures.row.iter().filter(|value| matches!(value, Value::Bool(_))).count() == 2;
    let share = |part: i128, whole: i128| (whole != 0).then(|| float(part) / float(whole));
    let at_least = |value: Option<f64>, min: f64| value.is_some_and(|value| value >= min);
    let at_most = |value: Option<f64>, max: f64| value.is_some_and(|value| value <= max);
    let from_the_end = |at: usize| match figures.row[figures.row.len() - at] {
        Value::Float(value) => Some(value),
        _ => None,
    };
    let factor = share(sol.gained, sol.lost);
    sol.closed as u64 >= params.closed_min
        && sol.traded.len() as u64 >= params.distinct_mints_min
        && sol.days.len() as u64 >= params.active_days_min
        && float(sol.realised) / 1e9 >= params.realised_sol_min
        && figures.made_usd >= 0
        && at_most(share(figures.closed_outside as i128, closed as i128), params.outside_sol_share_max)
        && is_whole
        && (factor.is_none() && sol.gained > 0 || at_least(factor, params.profit_factor_min))
        && at_least(share(sol.wins as i128, (sol.wins + sol.losses) as i128), params.win_rate_min)
        && sol.median_hold_s().unwrap_or(0) >= params.median_hold_s_min
        && at_most(share(sol.trades as i128, sol.days.len() as i128), params.trades_per_day_max)
        && at_most(from_the_end(5), params.unmatched_share_max)
        && at_most(from_the_end(6), params.top_token_share_max)
        && figures.traded.is_disjoint(&rating.own)
}

#[expect(clippy::cast_precision_loss, reason = "as the definitions say")]
fn float(value: i128) -> f64 {
    value as f64
}

fn evaluate(
    facts: &Facts<'_>,
    ratings: &BTreeMap<Address, Rating>,
    at: Seconds,
    standing: &mut BTreeMap<Address, ListEntry>,
    changes: &mut Vec<(Seconds, ListEntry, i64)>,
) {
    let passed = passed(facts, ratings);
    let mut wanted = BTreeMap::new();
    for (wallet, value, tier) in &passed {
        let below = passed.iter().filter(|(_, other, _)| other < value).count();
        let score = if passed.len() == 1 { 100 } else { below * 100 / (passed.len() - 1) };
        wanted.insert(*wallet, (u8::try_from(score).expect("at most 100"), *tier));
    }
    let now = start_of(at);
    for (wallet, entry) in std::mem::take(standing) {
        let stays = wanted.get(&wallet).map(|(score, tier)| (Some(*score), Some((*tier).to_owned())));
        if stays == Some((entry.score, entry.tier.clone())) {
            wanted.remove(&wallet);
            standing.insert(wallet, entry);
        } else {
            changes.push((at, entry.clone(), -1));
            changes.push((at, ListEntry { valid_to: Some(now), ..entry }, 1));
        }
    }
    for (trader, (score, tier)) in wanted {
        let entry = ListEntry {
            list: facts.params.market.rating.list.clone(),
            trader,
            valid_from: now,
            valid_to: None,
            known_from: now,
            score: Some(score),
            tier: Some(tier.to_owned()),
            reason: String::new(),
        };
        changes.push((at, entry.clone(), 1));
        standing.insert(trader, entry);
    }
}
