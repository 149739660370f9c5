//! Alert rules over random streams: edited on the way, and asked again by brute force at every second.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};

use dataflows::Params;
use model::rule::{Direction, Filter, Group, Indicator, Kind, Level, Options, Scope, Unit};
use model::{ChainEvent, Control, Event, Program, Row, Rule, Seconds, Side};
use operators::candles::Interval;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testkit::oracle::alerts::history;
use testkit::run::{Plan, assert_same, run, tables_at};
use testkit::stream::{Shape, address, events};

/// One stream and what is done with it.
struct Case {
    shape: Shape,
    params: Params,
    events: Vec<Event>,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for seed in 0..3 {
        let dense = Shape { seed, slots: 100, gap_s_max: 1, late_s_max: 50 };
        cases.push(case(dense, 60, 40, (30, 12)));
        let sparse = Shape { seed, slots: 110, gap_s_max: 500, late_s_max: 1500 };
        cases.push(case(sparse, 1800, 20_000, (7000, 3000)));
    }
    cases
}

/// `reach`: how long windows are, and how long everything else that is a duration, at most.
fn case(shape: Shape, horizon_s: u64, history_s: Seconds, reach: (Seconds, Seconds)) -> Case {
    let mut params = Params { correction_horizon_s: horizon_s, ..Params::default() };
    let interval = |text: &str| vec![Interval::try_from(text.to_owned()).unwrap()];
    // So that there are enough bars for indicators.
    let bar_s = if shape.gap_s_max > 1 { 60 } else { 2 };
    let bar = format!("{bar_s}s");
    params.market.candles.intervals = interval(&bar);
    params.market.windows.widths = interval("1m");
    params.market.indicators.intervals = interval(&bar);
    (params.market.tokens.hour_s, params.market.tokens.day_s) = (60, 60);
    params.market.usd.correction_s = horizon_s / 2;
    params.market.alerts.history_s = history_s;
    let random = ChaCha8Rng::seed_from_u64(shape.seed ^ 0xA1E7);
    let mut dice = Dice { random, reach, bar_s, kinds: shape.seed };
    let events = dice.with_rules(events(shape).into_iter().map(scarce).collect());
    Case { shape, params, events }
}

/// Kinds of rules, some twice.
const KINDS: u64 = 27;

/// The same with so little of each token that a wallet has a share of it, and a creator who sells.
fn scarce(mut event: Event) -> Event {
    let scarce = |supply: Option<u64>| supply.map(|supply| supply / 1_000_000);
    match &mut event {
        Event::Chain(ChainEvent::Trade(trade)) => trade.base_supply = scarce(trade.base_supply),
        Event::Chain(ChainEvent::TokenCreated(created)) => created.supply = scarce(created.supply),
        Event::Chain(ChainEvent::BalancesChanged(moved)) => {
            let of_creator = moved.balances.iter_mut().filter(|balance| balance.owner == address(b'W', 1));
            of_creator.filter(|b| b.after.is_multiple_of(3)).for_each(|balance| balance.after = 0);
        }
        _ => {}
    }
    event
}

struct Dice {
    random: ChaCha8Rng,
    reach: (Seconds, Seconds),
    bar_s: Seconds,
    /// Rules made; each is of the next kind, so that there is something of all.
    kinds: u64,
}

impl Dice {
    /// Rules from the start, and rules that come, change and go on the way.
    fn with_rules(&mut self, stream: Vec<Event>) -> Vec<Event> {
        let mut standing: Vec<Rule> = Vec::new();
        let mut events = Vec::new();
        let count = stream.len();
        for (at, event) in stream.into_iter().enumerate() {
            let is_start = at == 0;
            for _ in 0..if is_start { 36 } else { usize::from(self.chance(24.0 / count as f64)) } {
                self.edit(at, &mut standing, &mut events);
            }
            events.push(event);
        }
        events
    }

    fn edit(&mut self, at: usize, standing: &mut Vec<Rule>, events: &mut Vec<Event>) {
        let add = |rule: &Rule| Event::Control(Control::AddRule(Box::new(rule.clone())));
        let remove = |rule: Rule| Event::Control(Control::RemoveRule { rule: Box::new(rule), known_from: 0 });
        if at > 0 && !standing.is_empty() && self.chance(0.4) {
            let rule = standing.swap_remove(self.random.random_range(0..standing.len()));
            events.push(remove(rule.clone()));
            if self.chance(0.6) {
                // Changed, as another version or under the same one, or as it was.
                let mut changed = rule;
                match self.random.random_range(0..3) {
                    0 => changed.version += 1,
                    1 => changed.threshold = changed.threshold.map(|level| Level(level.0 * 1.1)),
                    _ => {}
                }
                events.push(add(&changed));
                standing.push(changed);
            }
            return;
        }
        let rule = self.rule(events.len());
        events.push(add(&rule));
        standing.push(rule);
    }

    fn rule(&mut self, serial: usize) -> Rule {
        let unit = if self.chance(0.5) { Unit::Usd } else { Unit::Sol };
        let (kind, threshold) = self.kind(unit);
        let mint = |dice: &mut Self| address(b'M', dice.random.random_range(1..6));
        let scope = match self.random.random_range(0..4) {
            0 => Scope::Mint(mint(self)),
            1 => Scope::List(vec![mint(self), mint(self)]),
            2 => Scope::All(Filter::default()),
            _ => Scope::All(self.filter()),
        };
        let options = self.options(&kind);
        let is_short = self.chance(0.15);
        let rule = Rule {
            id: format!("rule-{serial}"),
            version: 1,
            owner: String::new(),
            kind,
            scope,
            threshold: threshold.map(Level),
            unit,
            options,
            valid_from_s: is_short.then_some(testkit::stream::START + self.reach.1),
            valid_to_s: is_short.then_some(testkit::stream::START + 6 * self.reach.1),
            known_from: 0,
        };
        assert_eq!(rule.problems(), [], "{rule:?}");
        rule
    }

    fn kind(&mut self, unit: Unit) -> (Kind, Option<f64>) {
        let price = match unit {
            Unit::Usd => 10f64.powf(self.random.random_range(-3.4..-0.7)),
            Unit::Sol => self.random.random_range(0.0006..0.0019),
        };
        let direction = if self.chance(0.5) { Direction::Up } else { Direction::Down };
        let (window, reach) = self.reach;
        let pct = self.random.random_range(5.0..70.0);
        self.kinds += 1;
        match self.kinds % KINDS {
            0 | 1 => (Kind::PriceAbove, Some(price)),
            2 | 3 => (Kind::PriceBelow, Some(price)),
            4 => (Kind::MarketCapAbove, Some(price * 1e3)),
            5 => (Kind::MarketCapBelow, Some(price * 1e3)),
            6 => {
                let window_s = self.random.random_range(1..=window);
                (Kind::PriceMove { window_s, direction }, Some(pct))
            }
            7 => (Kind::MoveSinceAlert { direction }, Some(pct)),
            8 => (Kind::AllTimeHigh, self.chance(0.5).then_some(pct)),
            9 => {
                let window_s = self.random.random_range(1..=window / 13);
                let floor_usd = Level(if self.chance(0.5) { 0.0 } else { 0.01 });
                (Kind::VolumeSpike { window_s, floor_usd }, Some(self.random.random_range(0.5..5.0)))
            }
            10 => {
                let side = [None, Some(Side::Buy), Some(Side::Sell)][self.random.random_range(0..3)];
                (Kind::WhaleTrade { side }, Some(self.random.random_range(0.01..15.0)))
            }
            11 => (Kind::LiquidityChange { direction }, Some(pct)),
            12 => (Kind::FeedStale, Some(self.random.random_range(1.0..reach as f64))),
            13 => (Kind::Target { entry: Level(price) }, Some(pct)),
            14 => (Kind::Stop { entry: Level(price * 2.0) }, Some(pct)),
            15 => (Kind::Completed, None),
            16 => (Kind::NewToken, None),
            17 => (Kind::LiquidityRemoved, None),
            18 => (Kind::CurveProgress, Some(pct)),
            19 => (Kind::Top10Share, Some(pct / 5.0)),
            20 => {
                let group = Group::ALL[self.random.random_range(0..3)];
                (Kind::LabelShare { group }, Some(pct / 20.0))
            }
            21 => (Kind::DevSold, None),
            22 => {
                let indicator = Indicator::ALL[self.random.random_range(0..5)];
                let level = match indicator {
                    Indicator::Rsi14 | Indicator::BollingerPct => self.random.random_range(20.0..80.0),
                    Indicator::VolatilityPct => pct,
                    Indicator::MacdHistPct | Indicator::EmaSpreadPct => {
                        [0.0, 1.0][self.random.random_range(0..2)]
                    }
                };
                (Kind::IndicatorCross { indicator, interval_s: self.bar_s, direction }, Some(level))
            }
            23 => (Kind::Migrated, None),
            of_smart => {
                let list = self.chance(0.7).then(|| "whales".to_owned());
                let score_min = self.chance(0.3).then_some(50);
                let threshold = self.chance(0.5).then_some(0.05);
                match of_smart {
                    24 => (Kind::SmartBuy { list, score_min }, threshold),
                    25 => (Kind::SmartSell { list, score_min }, threshold),
                    _ => (Kind::SmartCluster { list, window_s: window / 3 }, Some(2.0)),
                }
            }
        }
    }

    fn options(&mut self, kind: &Kind) -> Options {
        let reach = self.reach.1;
        let lasts = matches!(
            kind,
            Kind::PriceAbove
                | Kind::PriceBelow
                | Kind::MarketCapAbove
                | Kind::MarketCapBelow
                | Kind::PriceMove { .. }
                | Kind::AllTimeHigh
                | Kind::VolumeSpike { .. }
                | Kind::Target { .. }
                | Kind::Stop { .. }
                | Kind::CurveProgress
                | Kind::Top10Share
                | Kind::LabelShare { .. }
                | Kind::DevSold
                | Kind::IndicatorCross { .. }
        );
        let mut seconds =
            |likely: f64| if self.chance(likely) { self.random.random_range(1..=reach) } else { 0 };
        let (cooldown_s, for_s, keep_s) = (seconds(0.5), seconds(0.3), seconds(0.3));
        Options {
            reset_pct: Level(if self.chance(0.3) { 0.0 } else { self.random.random_range(0.0..30.0) }),
            cooldown_s,
            for_s: if lasts { for_s } else { 0 },
            keep_s: if lasts { keep_s } else { 0 },
            max_per_hour: self.chance(0.2).then_some(2),
            once: self.chance(0.1),
            expires_s: self.chance(0.1).then_some(testkit::stream::START + 4 * reach),
            max_age_s: self.chance(0.1).then_some(60),
        }
    }

    fn filter(&mut self) -> Filter {
        let reach = self.reach.1;
        Filter {
            programs: if self.chance(0.4) { vec![Program::Pump, Program::RaydiumAmmV4] } else { Vec::new() },
            creators: if self.chance(0.2) { vec![address(b'W', 1)] } else { Vec::new() },
            market_cap_usd_min: self.chance(0.3).then_some(Level(1.0)),
            market_cap_usd_max: self.chance(0.3).then_some(Level(50.0)),
            age_s_max: self.chance(0.3).then_some(reach),
        }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.random.random_bool(probability)
    }
}

const RECORDS: [&str; 2] = ["alerts", "alert_rules"];

#[test]
fn alerts_equal_the_brute_force_at_every_second() {
    let (mut states, mut kinds, mut reasons) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut historical = 0;
    for Case { shape, params, events } in cases() {
        let expected = history(&events, &params);
        let seconds: Vec<Seconds> = expected.iter().map(|(second, ..)| *second).collect();
        let found = tables_at(&run(&events, &params, Plan::PLAIN), &seconds);
        for (second, alerts, rules) in expected {
            for (name, expected) in RECORDS.into_iter().zip([&alerts, &rules]) {
                let none = BTreeMap::new();
                let found = found[&second].get(name).unwrap_or(&none);
                compare(expected, found, &format!("{shape:?} at {second}: {name}"));
            }
            for row in alerts.values() {
                kinds.insert(row[4].clone());
                states.insert(row[7].clone());
                reasons.insert(row[12].clone());
                historical += usize::from(row[11] == model::Value::Bool(true));
            }
        }
    }
    // Otherwise it would not say much.
    assert_eq!((states.len(), reasons.len()), (4, 4), "{states:?} {reasons:?}");
    assert!(kinds.len() >= 20, "{kinds:?}");
    assert!(historical > 100, "{historical}");
}

fn compare(expected: &BTreeMap<Row, Row>, found: &BTreeMap<Row, Row>, what: &str) {
    for (key, row) in expected {
        assert_eq!(Some(row), found.get(key), "{what} {key:?}");
    }
    let surplus = found.iter().find(|(key, _)| !expected.contains_key(*key));
    assert_eq!(surplus, None, "{what}: a row too many");
}

#[test]
fn workers_batches_and_restarts_do_not_show() {
    for Case { shape, params, events } in cases().into_iter().take(4) {
        let plain = run(&events, &params, Plan::PLAIN);
        assert!(!plain.tables["alerts"].is_empty());
        for plan in Plan::variants(events.len() / 3) {
            let mut found = run(&events, &params, plan);
            let mut expected = plain.clone();
            for history in [&mut found, &mut expected] {
                history.tables.retain(|name, _| RECORDS.contains(name));
                for changes in history.changes.values_mut() {
                    changes.retain(|(name, _), _| RECORDS.contains(name));
                }
                history.changes.retain(|_, changes| !changes.is_empty());
            }
            assert_same(&expected, &found, &format!("{shape:?}, {plan:?}"));
        }
    }
}
