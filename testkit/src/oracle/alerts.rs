//! Alerts by brute force: every rule asked at every point of every token, second after second.
//!
//! What was said and no longer follows depends on what had come by the end of each second, so it is worked
//! out for all of them, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::Params;
use model::rule::{Direction, Group, Indicator, Kind, Scope, Unit};
use model::{Address, AlertId, Commitment, Control, Event, EventId, Row, Rule, Seconds, Side, SlotState};
use operators::alerts::{Alert, CommittedAlert, Reason, Standing, list_key};
use operators::indicators::Values;
use operators::number::Number;

use super::Facts;

mod points;
mod told;

use points::{Point, Smart, Sold, What, points};

type Table = BTreeMap<Row, Row>;

/// `alerts` and `alert_rules` at the end of every second in which something came.
#[must_use]
pub fn history(events: &[Event], params: &Params) -> Vec<(Seconds, Table, Table)> {
    let mut ever = Ever::default();
    let mut told = told::Told::default();
    let mut before: Option<(Seconds, usize)> = None;
    let mut history = Vec::new();
    for (second, count) in arrivals(events) {
        if let Some((last, before)) = before {
            // Time alone may have done something since: holdings are told in the next second, and so on.
            let mut idle: Vec<Seconds> = told.dues(last).filter(|due| *due < second).collect();
            idle.push(second - 1);
            idle.sort_unstable();
            idle.dedup();
            for idle in idle.into_iter().filter(|idle| *idle > last) {
                let facts = Facts::new(&events[..before], idle, params);
                told.bring_up(&facts);
                ever.bring_up(&facts, &told);
            }
        }
        let facts = Facts::new(&events[..count], second, params);
        told.bring_up(&facts);
        ever.bring_up(&facts, &told);
        let rules: Vec<Standing> = standing(&events[..count]).into_values().collect();
        history.push((second, ever.rows(), super::rows(&rules)));
        before = Some((second, count));
    }
    history
}

/// How many events have come by the end of each second of the clock.
fn arrivals(events: &[Event]) -> Vec<(Seconds, usize)> {
    let mut arrivals: Vec<(Seconds, usize)> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let clock = arrivals.last().map_or(0, |(second, _)| *second);
        let second = clock.max(event.clock().unwrap_or(0));
        match arrivals.last_mut() {
            Some((last, count)) if *last == second => *count = at + 1,
            _ => arrivals.push((second, at + 1)),
        }
    }
    arrivals
}

/// Every alert that has stood at the end of a second.
#[derive(Default)]
struct Ever {
    alerts: BTreeMap<AlertId, Known>,
}

struct Known {
    alert: Alert,
    is_old: bool,
    commitment: Commitment,
    is_dead: bool,
}

impl Ever {
    fn bring_up(&mut self, facts: &Facts<'_>, told: &told::Told) {
        let horizon = facts.params.correction_horizon_s;
        let kept_from = facts.params.market.alerts.kept_from(facts.params.horizon(), facts.now);
        let mut said = said(facts, told);
        let rules = standing(facts.events);
        for (id, known) in &mut self.alerts {
            let name = (known.alert.rule_id.clone(), known.alert.rule_version);
            let mut present = match said.remove(id) {
                Some(alert) => alert,
                None if known.alert.fired_at < kept_from => continue,
                None => {
                    let is_there = rules.contains_key(&name);
                    let reason = if is_there { Reason::Corrected } else { Reason::RuleRemoved };
                    Alert { retracted: Some(reason), ..known.alert.clone() }
                }
            };
            // What is retracted says what it said when it still stood.
            std::mem::swap(&mut known.alert, &mut present);
            if known.alert != present {
                known.is_old = known.alert.fired_at + horizon < facts.now;
            }
        }
        for (id, alert) in said {
            let is_old = alert.fired_at + horizon < facts.now;
            let known = Known { alert, is_old, commitment: Commitment::Processed, is_dead: false };
            self.alerts.insert(id, known);
        }
        for known in self.alerts.values_mut() {
            let state = facts.states.get(&known.alert.cause.slot).copied();
            known.is_dead = state == Some(SlotState::Dead);
            known.commitment = state.and_then(SlotState::commitment).unwrap_or_default();
            if known.is_old {
                known.commitment = Commitment::Finalized;
            }
        }
    }

    fn rows(&self) -> Table {
        let stamped = self.alerts.values().map(|known| {
            let mut alert = known.alert.clone();
            if known.is_dead && alert.retracted == Some(Reason::Corrected) {
                alert.retracted = Some(Reason::SlotDead);
            }
            CommittedAlert { alert, commitment: known.commitment }
        });
        stamped.map(|row| super::keyed(&row)).collect()
    }
}

/// The rules that stand, by name.
fn standing(events: &[Event]) -> BTreeMap<(String, u32), Standing> {
    let mut clock = 0;
    let mut counts: BTreeMap<Rule, (i64, Seconds, Option<Seconds>)> = BTreeMap::new();
    for event in events {
        clock = clock.max(event.clock().unwrap_or(0));
        let Event::Control(control) = event else { continue };
        let (rule, known_from, is_added) = match control {
            Control::AddRule(rule) => (rule, rule.known_from, true),
            Control::RemoveRule { rule, known_from } => (rule, *known_from, false),
            _ => continue,
        };
        if !rule.problems().is_empty() {
            continue;
        }
        let rule = Rule { known_from: 0, ..(**rule).clone() };
        let known = known_from.div_ceil(1_000_000).max(clock);
        let (count, since, gone) = counts.entry(rule).or_insert((0, known, None));
        if is_added && *count == 0 && *gone != Some(clock) {
            *since = known;
        }
        *count += if is_added { 1 } else { -1 };
        *gone = (*count == 0).then_some(clock);
    }
    let there = counts.into_iter().filter(|(_, (count, ..))| *count > 0);
    there.map(|(rule, (_, known, _))| ((rule.id.clone(), rule.version), Standing { rule, known })).collect()
}

/// Every alert that follows, by name.
fn said(facts: &Facts<'_>, told: &told::Told) -> BTreeMap<AlertId, Alert> {
    let points = points(facts, told);
    let history_s = facts.params.market.alerts.history_s;
    let mut said = BTreeMap::new();
    for Standing { rule, known } in standing(facts.events).into_values() {
        let floor = (known + 1).saturating_sub(history_s);
        for (mint, points) in &points {
            let is_meant = match &rule.scope {
                Scope::Mint(of) => of == mint,
                Scope::List(mints) => mints.contains(mint),
                Scope::All(_) => true,
            };
            if !is_meant {
                continue;
            }
            let usual = &facts.params.market.tokens;
            for fired in (Asked { rule: &rule, floor, points, usual }).ask(facts.now) {
                let alert = alert(&rule, known, mint, &fired);
                said.insert(alert.id, alert);
            }
        }
    }
    said
}

fn alert(rule: &Rule, known: Seconds, mint: &Address, fired: &Fired) -> Alert {
    let is_occurrence =
        matches!(rule.kind, Kind::Completed | Kind::Migrated | Kind::NewToken | Kind::DevSold)
            || (is_smart(&rule.kind) && rule.threshold.is_none());
    Alert {
        id: AlertId::new(&rule.id, rule.version, mint, &fired.cause),
        rule_id: rule.id.clone(),
        rule_version: rule.version,
        mint: *mint,
        kind: rule.kind.clone(),
        value: Number::new(fired.value).filter(|_| !is_occurrence),
        threshold: rule.threshold.and_then(|level| Number::new(level.0)),
        fired_at: fired.at,
        cause: fired.cause,
        evidence: fired.evidence,
        historical: fired.at < known || fired.is_historical,
        deliver_by: rule.options.max_age_s.map(|age| fired.at + age),
        retracted: None,
    }
}

#[derive(Clone, Copy)]
struct Fired {
    at: Seconds,
    cause: EventId,
    evidence: Option<EventId>,
    value: f64,
    is_historical: bool,
}

/// One rule and one token.
struct Asked<'a> {
    rule: &'a Rule,
    floor: Seconds,
    points: &'a [Point],
    /// What the usual curve is like.
    usual: &'a operators::tokens::Params,
}

/// A value and the event that it is measured from.
type Value = (f64, Option<EventId>);

impl Asked<'_> {
    fn ask(&self, now: Seconds) -> Vec<Fired> {
        match self.rule.kind {
            Kind::FeedStale => self.silences(now),
            Kind::MoveSinceAlert { direction } => self.moves(direction),
            _ => self.crossings(now),
        }
    }

    fn unit(&self) -> usize {
        usize::from(self.rule.unit == Unit::Sol)
    }

    fn threshold(&self) -> f64 {
        self.rule.threshold.map_or(0.0, |level| level.0)
    }

    /// The last price up to a point.
    fn price(&self, upto: usize) -> Option<(f64, usize)> {
        (0..=upto).rev().find_map(|at| match self.points[at].what {
            What::Trade { prices, .. } => prices[self.unit()].map(|price| (price, at)),
            _ => None,
        })
    }

    fn own_price(&self, at: usize) -> Option<f64> {
        self.price(at).filter(|(_, of)| *of == at).map(|(price, _)| price)
    }

    fn smart(&self, list: Option<&String>, score_min: Option<u8>, trade: &Smart) -> Option<Value> {
        let is_meant = is_of(list, trade) && trade.score >= score_min.unwrap_or(0);
        let value = if self.rule.threshold.is_some() { trade.value } else { Some(1.0) };
        value.filter(|_| is_meant).map(|value| (value, None))
    }

    /// Trades of wallets of a list in the window up to a point, in order.
    fn smart_trades(&self, list: Option<&String>, window: Seconds, upto: usize) -> Vec<(usize, Smart)> {
        let is_within = |at: &usize| self.points[*at].time + window > self.points[upto].time;
        let trades = (0..=upto).filter(is_within).filter_map(|at| match self.points[at].what {
            What::Smart(trade) if is_of(list, &trade) => Some((at, trade)),
            _ => None,
        });
        trades.collect()
    }

    /// The wallets that bought more than they sold there.
    fn buyers(&self, list: Option<&String>, window: Seconds, upto: usize) -> BTreeSet<Address> {
        let mut net: BTreeMap<Address, i128> = BTreeMap::new();
        for (_, trade) in self.smart_trades(list, window, upto) {
            *net.entry(trade.trader).or_default() += trade.base;
        }
        net.into_iter().filter(|(_, base)| *base > 0).map(|(trader, _)| trader).collect()
    }

    /// True if what a point shows was not all known when it happened.
    fn is_historical(&self, at: usize) -> bool {
        match (&self.rule.kind, self.points[at].what) {
            (Kind::SmartCluster { list, window_s }, _) => {
                self.smart_trades(list.as_ref(), *window_s, at).iter().any(|(_, trade)| trade.is_historical)
            }
            (_, What::Smart(trade)) => trade.is_historical,
            _ => false,
        }
    }

    /// The event that causes what a point shows: itself, or the last trade.
    fn cause(&self, at: usize) -> Option<EventId> {
        let is_trade = |point: &&Point| matches!(point.what, What::Trade { .. });
        self.points[at].id.or_else(|| self.points[..at].iter().rev().find(is_trade)?.id)
    }

    /// Percent of the curve that is sold, if a point shows that.
    fn progress(&self, upto: usize) -> Option<f64> {
        let (mut curve, mut is_over, mut shown) = ((None, None, None), false, None);
        for point in &self.points[..=upto] {
            shown = None;
            match point.what {
                What::Created { curve: Some(created), .. } => curve = created,
                What::Curve((sets, apart, _)) => curve = (sets, apart.or(curve.1), curve.2),
                What::Trade { curve: Some(Sold::Pct(said)), .. } => {
                    if let Some(said) = said.filter(|_| !is_over) {
                        shown = Some(said);
                        is_over = said >= 100.0;
                    }
                    continue;
                }
                What::Trade { curve: Some(Sold::Left(sets, is_usual)), .. } => {
                    curve.0 = Some(sets);
                    if is_usual {
                        let usual = i128::from(self.usual.curve_base) - i128::from(self.usual.curve_to_sell);
                        curve.1 = curve.1.or(Some(usual));
                        curve.2 = curve.2.or(Some(self.usual.curve_to_sell));
                    }
                }
                What::Completed => {
                    (shown, is_over) = (Some(100.0), true);
                    continue;
                }
                _ => continue,
            }
            let (Some(sets), Some(apart), Some(all)) = curve else { continue };
            let Ok(left) = u64::try_from(i128::from(sets) - apart) else { continue };
            if !is_over && all > 0 {
                let sold = 100.0 * (1.0 - points::number(left.into()) / points::number(all.into()));
                shown = Some(sold.clamp(0.0, 100.0));
                is_over = sold >= 100.0;
            }
        }
        shown
    }

    fn cap(&self, at: usize, unit: usize) -> Option<f64> {
        let What::Trade { prices, .. } = self.points[at].what else { return None };
        let supply = (0..=at).rev().find_map(|at| match self.points[at].what {
            What::Trade { supply, .. } | What::Created { supply, .. } => supply,
            _ => None,
        });
        Some(prices[unit]? * supply?)
    }

    /// Last point of a second or before.
    fn until(&self, time: Seconds, upto: usize) -> Option<usize> {
        (0..=upto).rev().find(|at| self.points[*at].time <= time)
    }

    fn volume(&self, from: Seconds, to: Seconds, upto: usize) -> f64 {
        let values = self.points[..=upto].iter().filter(|point| point.time > from && point.time <= to);
        let micros = values.filter_map(|point| match point.what {
            What::Trade { value, .. } => value,
            _ => None,
        });
        // Whole millionths, so that the order of addition does not show.
        micros.map(|value| (value * 1e6).round()).sum::<f64>() / 1e6
    }

    /// The value that a point shows; none if it shows none.
    fn value(&self, at: usize) -> Option<Value> {
        let Point { time, what, .. } = self.points[at];
        let simple = |value: f64| Some((value, None));
        match (&self.rule.kind, what) {
            (Kind::PriceAbove | Kind::PriceBelow | Kind::Target { .. } | Kind::Stop { .. }, _) => {
                simple(self.own_price(at)?)
            }
            (Kind::MarketCapAbove | Kind::MarketCapBelow, _) => simple(self.cap(at, self.unit())?),
            (Kind::CurveProgress, _) => simple(self.progress(at)?),
            (Kind::SmartBuy { list, score_min }, What::Smart(trade)) if trade.side == Side::Buy => {
                self.smart(list.as_ref(), *score_min, &trade)
            }
            (Kind::SmartSell { list, score_min }, What::Smart(trade)) if trade.side == Side::Sell => {
                self.smart(list.as_ref(), *score_min, &trade)
            }
            (Kind::SmartCluster { list, window_s }, What::Smart(trade)) if is_of(list.as_ref(), &trade) => {
                let buyers = self.buyers(list.as_ref(), *window_s, at);
                let of_them = |(_, trade): &(usize, Smart)| buyers.contains(&trade.trader);
                let first = self.smart_trades(list.as_ref(), *window_s, at).into_iter().find(of_them);
                let first = first.filter(|(first, _)| self.points[*first].id != self.points[at].id);
                Some((points::number(buyers.len() as u128), first.and_then(|(at, _)| self.points[at].id)))
            }
            (Kind::Top10Share, What::Shares(shares)) => simple(shares.top10_pct()?),
            (Kind::LabelShare { group }, What::Shares(shares)) => {
                let at = Group::ALL.iter().position(|other| other == group)?;
                simple(f64::from(shares.groups[at]?) / 10.0)
            }
            (Kind::DevSold, What::Shares(shares)) => simple(f64::from(u8::from(shares.has_dev_sold?))),
            (Kind::IndicatorCross { indicator, interval_s, .. }, What::Bar { interval, values })
                if interval == *interval_s =>
            {
                simple(indicator_value(*indicator, &values)?)
            }
            (Kind::AllTimeHigh, _) => {
                let price = self.own_price(at)?;
                let earlier = (0..at).filter_map(|at| Some((self.own_price(at)?, at)));
                // Of equal ones the first.
                let high = earlier.fold(None, |high: Option<(f64, usize)>, (price, at)| match high {
                    Some((most, _)) if price <= most => high,
                    _ => Some((price, at)),
                })?;
                Some((100.0 * (price / high.0 - 1.0), self.points[high.1].id))
            }
            (Kind::PriceMove { window_s, .. }, _) => {
                let price = self.own_price(at)?;
                let then = self.until(time.checked_sub(*window_s)?, at)?;
                let (before, of) = self.price(then)?;
                Some((100.0 * (price / before - 1.0), self.points[of].id))
            }
            (Kind::VolumeSpike { window_s, floor_usd }, What::Trade { .. }) => {
                let start = time.checked_sub(13 * window_s)?;
                let is_trade = |at: usize| matches!(self.points[at].what, What::Trade { .. });
                let first = (0..=at).find(|at| is_trade(*at))?;
                (self.points[first].time <= start).then_some(())?;
                let mean = self.volume(start, time - window_s, at) / 12.0;
                (mean > 0.0 && mean >= floor_usd.0).then_some(())?;
                simple(self.volume(time - window_s, time, at) / mean)
            }
            (Kind::WhaleTrade { side }, What::Trade { value, side: of, .. }) => {
                simple(value.filter(|_| side.is_none_or(|side| side == of))?)
            }
            (Kind::LiquidityChange { direction }, What::Liquidity { is_in, pct })
                if is_in == (*direction == Direction::Up) =>
            {
                simple(pct)
            }
            (Kind::LiquidityRemoved, What::Liquidity { is_in: false, pct }) => simple(pct),
            (Kind::Completed, What::Completed)
            | (Kind::Migrated, What::Migrated)
            | (Kind::NewToken, What::Created { .. }) => simple(1.0),
            _ => None,
        }
    }

    fn lookback(&self) -> Seconds {
        match self.rule.kind {
            Kind::PriceMove { window_s, .. } | Kind::SmartCluster { window_s, .. } => window_s,
            Kind::VolumeSpike { window_s, .. } => 13 * window_s,
            _ => 0,
        }
    }

    /// Which way, at which level, and back to where.
    fn levels(&self) -> (bool, f64, f64) {
        let (threshold, reset) = (self.threshold(), self.rule.options.reset_pct.0);
        let down = |level: f64| (true, level, level + level.abs() * reset / 100.0);
        let up = |level: f64| (false, level, level - level.abs() * reset / 100.0);
        match self.rule.kind {
            Kind::PriceBelow | Kind::MarketCapBelow => down(threshold),
            Kind::PriceMove { direction: Direction::Down, .. } => {
                (true, -threshold, -threshold + threshold * reset / 100.0)
            }
            Kind::Stop { entry } => down(entry.0 * (1.0 - threshold / 100.0)),
            Kind::Target { entry } => up(entry.0 * (1.0 + threshold / 100.0)),
            Kind::AllTimeHigh => (false, threshold.max(f64::MIN_POSITIVE), -reset),
            Kind::IndicatorCross { direction: Direction::Down, .. } => down(threshold),
            Kind::SmartBuy { .. } | Kind::SmartSell { .. } if self.rule.threshold.is_none() => up(1.0),
            Kind::LiquidityRemoved => up(99.0),
            Kind::DevSold => up(1.0),
            Kind::Completed | Kind::Migrated | Kind::NewToken => up(1.0),
            _ => up(threshold),
        }
    }

    fn passes(&self, at: usize, time: Seconds) -> bool {
        let Scope::All(filter) = &self.rule.scope else { return true };
        let creation = self.points[..=at].iter().find_map(|point| match point.what {
            What::Created { creator, .. } => Some((point.time, creator)),
            _ => None,
        });
        let cap = (0..=at).rev().find_map(|at| self.cap(at, 0));
        let program = self.points[..=at].iter().rev().find_map(|point| point.program);
        (filter.programs.is_empty() || program.is_some_and(|of| filter.programs.contains(&of)))
            && (filter.creators.is_empty()
                || creation.and_then(|(_, by)| by).is_some_and(|by| filter.creators.contains(&by)))
            && filter.market_cap_usd_min.is_none_or(|min| cap.is_some_and(|cap| cap >= min.0))
            && filter.market_cap_usd_max.is_none_or(|max| cap.is_some_and(|cap| cap <= max.0))
            && filter.age_s_max.is_none_or(|age| creation.is_some_and(|(at, _)| time - at <= age))
    }

    fn may_fire(&self, fired: &[Fired], time: Seconds) -> bool {
        let options = &self.rule.options;
        let in_hour = fired.iter().filter(|fired| fired.at + 3600 > time).count();
        fired.last().is_none_or(|last| time >= last.at + options.cooldown_s)
            && options.max_per_hour.is_none_or(|cap| in_hour < cap as usize)
            && (!options.once || fired.is_empty())
            && self.rule.is_valid_at(time)
    }

    /// Rules that fire when a value comes to a level.
    fn crossings(&self, now: Seconds) -> Vec<Fired> {
        let is_event = self.is_event();
        let (is_down, level, back) = self.levels();
        let options = &self.rule.options;
        let lookback = self.lookback();
        let knows = |time: Seconds| time.saturating_sub(lookback) >= self.floor;
        let mut fired: Vec<Fired> = Vec::new();
        let mut has_gone_back = true;
        let mut pending: Option<Fired> = None;
        let (mut is_firing, mut over_since) = (false, None::<Seconds>);
        let mut last: Option<(f64, Seconds)> = None;
        for (at, point) in self.points.iter().enumerate() {
            if let Some(due) = pending.take_if(|due| due.at <= point.time)
                && self.rule.is_valid_at(due.at)
            {
                (has_gone_back, is_firing, over_since) = (false, options.keep_s > 0, None);
                fired.push(due);
            }
            let before = self.came_from(last, point.time);
            let shown = self.value(at);
            let is_share = self.is_share();
            if let Some((value, _)) = shown {
                last = Some((value, point.time));
            } else if self.shows(at) {
                // There was something to say and it is not known, so the next does not come from anywhere.
                last = None;
            }
            let Some(cause) = self.cause(at) else { continue };
            let Some((value, evidence)) = shown.filter(|_| knows(point.time)) else { continue };
            let reaches = |value: f64| if is_down { value <= level } else { value >= level };
            if !is_event && !reaches(value) {
                pending = None;
                over_since = over_since.or(is_firing.then_some(point.time));
                has_gone_back |= if is_down { value >= back && value > level } else { value <= back };
                continue;
            }
            let is_bar = matches!(self.rule.kind, Kind::IndicatorCross { .. });
            let is_known = |(_, time): &(f64, Seconds)| {
                let is_near = time + if is_bar { 43_200 } else { 21_600 } >= point.time;
                (lookback == 0 || knows(*time)) && (is_near || (lookback == 0 && !is_bar))
            };
            // What is told of holdings for the first time comes from nothing.
            let came = before.filter(is_known).map_or(is_share, |(before, _)| !reaches(before));
            if !(is_event && reaches(value) || !is_event && came) {
                continue;
            }
            let is_kept = over_since.is_some_and(|over| point.time < over + options.keep_s);
            (is_firing, over_since) = (is_firing && is_kept, None);
            if is_kept || !self.passes(at, point.time) || !(has_gone_back || is_event) {
                continue;
            }
            if !self.may_fire(&fired, point.time) {
                continue;
            }
            let is_historical = self.is_historical(at);
            let found = Fired { at: point.time + options.for_s, cause, evidence, value, is_historical };
            if options.for_s > 0 {
                pending = Some(found);
            } else {
                (has_gone_back, is_firing) = (false, options.keep_s > 0);
                fired.push(found);
            }
        }
        let matured = pending.filter(|due| due.at <= now && self.rule.is_valid_at(due.at));
        fired.extend(matured);
        fired
    }

    /// True if a value is there with its event only.
    fn is_event(&self) -> bool {
        matches!(
            self.rule.kind,
            Kind::WhaleTrade { .. }
                | Kind::LiquidityChange { .. }
                | Kind::LiquidityRemoved
                | Kind::Completed
                | Kind::Migrated
                | Kind::NewToken
        ) || is_smart(&self.rule.kind)
    }

    /// What a value was before: of a cluster nobody, where nobody has been for a window.
    fn came_from(&self, last: Option<(f64, Seconds)>, time: Seconds) -> Option<(f64, Seconds)> {
        let Kind::SmartCluster { window_s, .. } = self.rule.kind else { return last };
        last.filter(|(_, at)| at + window_s > time).or(Some((0.0, time)))
    }

    fn is_share(&self) -> bool {
        matches!(self.rule.kind, Kind::Top10Share | Kind::LabelShare { .. } | Kind::DevSold)
    }

    /// True if a point that shows no value says that there is none.
    fn shows(&self, at: usize) -> bool {
        match self.rule.kind {
            _ if self.is_share() => matches!(self.points[at].what, What::Shares(_)),
            Kind::IndicatorCross { interval_s, .. } => {
                matches!(self.points[at].what, What::Bar { interval, .. } if interval == interval_s)
            }
            Kind::PriceMove { .. } => self.own_price(at).is_some(),
            Kind::VolumeSpike { .. } => matches!(self.points[at].what, What::Trade { .. }),
            _ => false,
        }
    }

    fn moves(&self, direction: Direction) -> Vec<Fired> {
        let mut fired = Vec::new();
        let mut from: Option<(f64, EventId)> = None;
        for (at, point) in self.points.iter().enumerate().filter(|(_, point)| point.time >= self.floor) {
            let Some(price) = self.own_price(at) else { continue };
            let Some(cause) = point.id else { continue };
            let (reference, event) = *from.get_or_insert((price, cause));
            let change = 100.0 * (price / reference - 1.0);
            let is_far = match direction {
                Direction::Up => change >= self.threshold(),
                Direction::Down => -change >= self.threshold(),
            };
            if is_far && self.passes(at, point.time) && self.may_fire(&fired, point.time) {
                let evidence = Some(event);
                let is_historical = false;
                fired.push(Fired { at: point.time, cause, evidence, value: change, is_historical });
                from = Some((price, cause));
            }
        }
        fired
    }

    fn silences(&self, now: Seconds) -> Vec<Fired> {
        let is_trade = |(_, point): &(usize, &Point)| matches!(point.what, What::Trade { .. });
        let trades: Vec<(usize, &Point)> = self.points.iter().enumerate().filter(is_trade).collect();
        let length = self.threshold().ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made up, and small")]
        let seconds = length as Seconds;
        let mut fired: Vec<Fired> = Vec::new();
        for (n, (_, trade)) in trades.iter().enumerate() {
            let until = trades.get(n + 1).map_or(now, |(_, next)| next.time);
            let at = trade.time + seconds;
            let Some(cause) = trade.id else { continue };
            if until < at || at < self.floor {
                continue;
            }
            // As of the last point before that.
            let last = self.points.iter().rposition(|point| point.time < at).unwrap_or(0);
            if self.passes(last, at) && self.may_fire(&fired, at) {
                fired.push(Fired { at, cause, evidence: None, value: length, is_historical: false });
            }
        }
        fired
    }
}

fn is_smart(kind: &Kind) -> bool {
    matches!(kind, Kind::SmartBuy { .. } | Kind::SmartSell { .. })
}

fn is_of(list: Option<&String>, trade: &Smart) -> bool {
    list.is_none_or(|list| list_key(list) == trade.list)
}

fn indicator_value(indicator: Indicator, values: &Values) -> Option<f64> {
    let slow = values.ema26.map(Number::get).filter(|slow| *slow != 0.0);
    Some(match indicator {
        Indicator::Rsi14 => values.rsi14?.get(),
        Indicator::MacdHistPct => 100.0 * values.macd_hist?.get() / slow?,
        Indicator::EmaSpreadPct => 100.0 * (values.ema12?.get() / slow? - 1.0),
        Indicator::BollingerPct => 100.0 * values.bb_position?.get(),
        Indicator::VolatilityPct => 100.0 * values.volatility?.get(),
    })
}
