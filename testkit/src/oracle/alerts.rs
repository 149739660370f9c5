//! Alerts by brute force: every rule asked at every point of every token, second after second.
//!
//! What was said and no longer follows depends on what had come by the end of each second, so it is worked
//! out for all of them, one after the other.

use std::collections::BTreeMap;

use dataflows::Params;
use model::rule::{Direction, Kind, Scope, Unit};
use model::{
    Address, AlertId, ChainEvent, Commitment, Control, Event, EventId, Program, Row, Rule, Seconds, Side,
    SlotState,
};
use operators::alerts::{Alert, CommittedAlert, Reason, Standing};
use operators::tokens::Number;

use super::Facts;

type Table = BTreeMap<Row, Row>;

/// `alerts` and `alert_rules` at the end of every second in which something came.
#[must_use]
pub fn history(events: &[Event], params: &Params) -> Vec<(Seconds, Table, Table)> {
    let mut ever = Ever::default();
    let mut before: Option<usize> = None;
    let mut history = Vec::new();
    for (second, count) in arrivals(events) {
        if let Some(before) = before {
            // Time alone may have done something since.
            ever.bring_up(&Facts::new(&events[..before], second - 1, params));
        }
        ever.bring_up(&Facts::new(&events[..count], second, params));
        let rules: Vec<Standing> = standing(&events[..count]).into_values().collect();
        history.push((second, ever.rows(), super::rows(&rules)));
        before = Some(count);
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

/// What every rule that stands says of the past, each as often as it is there.
#[must_use]
pub fn all(events: &[Event], now: Seconds, params: &Params) -> Vec<Alert> {
    said(&Facts::new(events, now, params)).into_values().collect()
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
    fn bring_up(&mut self, facts: &Facts<'_>) {
        let horizon = facts.params.correction_horizon_s;
        let kept_from = facts.params.market.alerts.kept_from(facts.params.horizon(), facts.now);
        let mut said = said(facts);
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

/// What happened to a token.
#[derive(Clone, Copy)]
struct Point {
    time: Seconds,
    id: EventId,
    program: Program,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Trade { prices: [Option<f64>; 2], supply: Option<f64>, value: Option<f64>, side: Side },
    Created { creator: Option<Address>, supply: Option<f64> },
    Completed,
    Migrated,
    Liquidity { is_in: bool, pct: f64 },
}

#[expect(clippy::cast_precision_loss, reason = "small enough")]
fn number(value: u128) -> f64 {
    value as f64
}

fn points(facts: &Facts<'_>) -> BTreeMap<Address, Vec<Point>> {
    let coins = |raw: Option<u64>, decimals: u8| {
        raw.filter(|raw| *raw > 0).map(|raw| number(raw.into()) * (1.0 / 10f64.powi(decimals.into())))
    };
    let mut points: BTreeMap<Address, Vec<Point>> = BTreeMap::new();
    for valued in &facts.valued {
        let trade = valued.trade();
        let clean = valued.clean_price().map(model::Price::get);
        let rate = valued.usd.as_ref().and_then(operators::usd::UsdRate::price).map(model::Price::get);
        let value = valued.value_micros().map(|micros| number(micros) / 1e6);
        let what = What::Trade {
            prices: [
                clean.zip(rate).map(|(price, rate)| price * rate),
                clean.filter(|_| trade.quote_mint == Address::WSOL),
            ],
            supply: coins(trade.base_supply, trade.base_decimals),
            value,
            side: trade.side,
        };
        let origin = trade.origin;
        let point = Point { time: origin.block_time, id: origin.id, program: trade.program, what };
        points.entry(trade.mint).or_default().push(point);
    }
    for event in &facts.survivors {
        let (program, what) = match event {
            ChainEvent::TokenCreated(event) => {
                let supply = coins(event.supply, event.decimals);
                (event.program, What::Created { creator: event.creator, supply })
            }
            ChainEvent::CurveCompleted(event) => (event.program, What::Completed),
            ChainEvent::Migrated(event) => (event.program, What::Migrated),
            ChainEvent::LiquidityChanged(event) => {
                let (moved, after) = (u128::from(event.quote_amount), u128::from(event.quote_reserve));
                let before = if event.added { after.saturating_sub(moved) } else { after + moved };
                if before == 0 || moved == 0 {
                    continue;
                }
                (
                    event.program,
                    What::Liquidity { is_in: event.added, pct: number(moved * 100) / number(before) },
                )
            }
            _ => continue,
        };
        let Some(mint) = event.mint() else { continue };
        let origin = event.origin();
        points.entry(mint).or_default().push(Point { time: origin.block_time, id: origin.id, program, what });
    }
    for points in points.values_mut() {
        points.sort_by_key(|point| (point.time, point.id));
    }
    points
}

/// Every alert that follows, by name.
fn said(facts: &Facts<'_>) -> BTreeMap<AlertId, Alert> {
    let points = points(facts);
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
            for fired in (Asked { rule: &rule, floor, points }).ask(facts.now) {
                let alert = alert(&rule, known, mint, &fired);
                said.insert(alert.id, alert);
            }
        }
    }
    said
}

fn alert(rule: &Rule, known: Seconds, mint: &Address, fired: &Fired) -> Alert {
    let is_occurrence = matches!(rule.kind, Kind::Completed | Kind::Migrated | Kind::NewToken);
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
        historical: fired.at < known,
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
}

/// One rule and one token.
struct Asked<'a> {
    rule: &'a Rule,
    floor: Seconds,
    points: &'a [Point],
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
            (Kind::AllTimeHigh, _) => {
                let price = self.own_price(at)?;
                let earlier = (0..at).filter_map(|at| Some((self.own_price(at)?, at)));
                // Of equal ones the first.
                let high = earlier.fold(None, |high: Option<(f64, usize)>, (price, at)| match high {
                    Some((most, _)) if price <= most => high,
                    _ => Some((price, at)),
                })?;
                Some((100.0 * (price / high.0 - 1.0), Some(self.points[high.1].id)))
            }
            (Kind::PriceMove { window_s, .. }, _) => {
                let price = self.own_price(at)?;
                let then = self.until(time.checked_sub(*window_s)?, at)?;
                let (before, of) = self.price(then)?;
                Some((100.0 * (price / before - 1.0), Some(self.points[of].id)))
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
            Kind::PriceMove { window_s, .. } => window_s,
            Kind::VolumeSpike { window_s, .. } => 13 * window_s,
            _ => 0,
        }
    }

    /// Which way, at which level, and back to where.
    fn levels(&self) -> (bool, f64, f64) {
        let (threshold, reset) = (self.threshold(), self.rule.options.reset_pct.0);
        let down = |level: f64| (true, level, level + level * reset / 100.0);
        let up = |level: f64| (false, level, level - level * reset / 100.0);
        match self.rule.kind {
            Kind::PriceBelow | Kind::MarketCapBelow => down(threshold),
            Kind::PriceMove { direction: Direction::Down, .. } => {
                (true, -threshold, -threshold + threshold * reset / 100.0)
            }
            Kind::Stop { entry } => down(entry.0 * (1.0 - threshold / 100.0)),
            Kind::Target { entry } => up(entry.0 * (1.0 + threshold / 100.0)),
            Kind::AllTimeHigh => (false, threshold.max(f64::MIN_POSITIVE), -reset),
            Kind::LiquidityRemoved => up(99.0),
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
        (filter.programs.is_empty() || filter.programs.contains(&self.points[at].program))
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
        let is_event = matches!(
            self.rule.kind,
            Kind::WhaleTrade { .. }
                | Kind::LiquidityChange { .. }
                | Kind::LiquidityRemoved
                | Kind::Completed
                | Kind::Migrated
                | Kind::NewToken
        );
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
            let before = last;
            let shown = self.value(at);
            if let Some((value, _)) = shown {
                last = Some((value, point.time));
            } else if lookback > 0 && self.shows(at) {
                // There was something to say and it is not known, so the next does not come from anywhere.
                last = None;
            }
            let Some((value, evidence)) = shown.filter(|_| knows(point.time)) else { continue };
            let reaches = |value: f64| if is_down { value <= level } else { value >= level };
            if !is_event && !reaches(value) {
                pending = None;
                over_since = over_since.or(is_firing.then_some(point.time));
                has_gone_back |= if is_down { value >= back && value > level } else { value <= back };
                continue;
            }
            let is_known =
                |(_, time): &(f64, Seconds)| lookback == 0 || (knows(*time) && time + 21_600 >= point.time);
            let came = before.filter(is_known).is_some_and(|(before, _)| !reaches(before));
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
            let found = Fired { at: point.time + options.for_s, cause: point.id, evidence, value };
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

    /// True if a point could show a value of a rule that looks back.
    fn shows(&self, at: usize) -> bool {
        match self.rule.kind {
            Kind::PriceMove { .. } => self.own_price(at).is_some(),
            _ => matches!(self.points[at].what, What::Trade { .. }),
        }
    }

    fn moves(&self, direction: Direction) -> Vec<Fired> {
        let mut fired = Vec::new();
        let mut from: Option<(f64, EventId)> = None;
        for (at, point) in self.points.iter().enumerate().filter(|(_, point)| point.time >= self.floor) {
            let Some(price) = self.own_price(at) else { continue };
            let (reference, event) = *from.get_or_insert((price, point.id));
            let change = 100.0 * (price / reference - 1.0);
            let is_far = match direction {
                Direction::Up => change >= self.threshold(),
                Direction::Down => -change >= self.threshold(),
            };
            if is_far && self.passes(at, point.time) && self.may_fire(&fired, point.time) {
                let evidence = Some(event);
                fired.push(Fired { at: point.time, cause: point.id, evidence, value: change });
                from = Some((price, point.id));
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
            if until < at || at < self.floor {
                continue;
            }
            // As of the last point before that.
            let last = self.points.iter().rposition(|point| point.time < at).unwrap_or(0);
            if self.passes(last, at) && self.may_fire(&fired, at) {
                fired.push(Fired { at, cause: trade.id, evidence: None, value: length });
            }
        }
        fired
    }
}
