//! When a rule fires at a token, by its values at every point.

use model::exact::changed_by_pct;
use model::rule::{Direction, Kind, Scope};
use model::{EventId, Seconds};

use super::points::{Point, What};
use super::values::{Asked, is_smart};

#[derive(Clone, Copy)]
pub(super) struct Fired {
    pub(super) at: Seconds,
    pub(super) cause: EventId,
    pub(super) evidence: Option<EventId>,
    pub(super) value: f64,
    pub(super) is_historical: bool,
}

impl Asked<'_> {
    pub(super) fn ask(&self, now: Seconds) -> Vec<Fired> {
        match self.rule.kind {
            Kind::FeedStale => self.silences(now),
            Kind::MoveSinceAlert { direction } => self.moves(direction),
            _ => self.crossings(now),
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
        let off = |level: f64, way: f64| {
            if level > 0.0 {
                changed_by_pct(level, way * reset)
            } else {
                -changed_by_pct(-level, -way * reset)
            }
        };
        let down = |level: f64| (true, level, off(level, 1.0));
        let up = |level: f64| (false, level, off(level, -1.0));
        match self.rule.kind {
            Kind::PriceBelow | Kind::MarketCapBelow => down(threshold),
            Kind::PriceMove { direction: Direction::Down, .. } => down(-threshold),
            Kind::Stop { entry } => down(changed_by_pct(entry.0, -threshold)),
            Kind::Target { entry } => up(changed_by_pct(entry.0, threshold)),
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
