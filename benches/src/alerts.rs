//! Alert rules: what a trade costs with none, with a million for single tokens, and with a thousand for all.
//!
//! The input is made up: 10,000 trades a second over 50,000 tokens with Zipf's law, each price a step of a
//! percent or so from the one before. The million are price levels, twenty at each token from a fifth to five
//! times its price; the thousand are prices, market capitalisations, values of trades, moves within a minute
//! and all-time highs. Measured is the state of the operator without timely, a hundred trades at a
//! time; the median says what a trade costs, the mean what bursts of alerts and timers add to that.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use model::rule::{Direction, Filter, Kind, Level, Options, Scope, Unit};
use model::{Address, EventId, Price, Program, Rule, Seconds, Side, Time, TxPlace};
use operators::alerts::{
    Figures, Input, Params, Point, SHARES, Settings, Shard, Standing, Target, Usual, What,
};
use operators::keyed::Store;
use serde::Serialize;

use crate::made_up::{Random, START, TOKENS, Zipf, address};
use crate::report;

/// How large it is.
#[derive(Args)]
pub(crate) struct Sizes {
    /// Price rules of single tokens, instead of a million, or a hundred thousand with --quick.
    #[arg(long)]
    rules: Option<usize>,
    /// Rules of all tokens.
    #[arg(long, default_value_t = 1000)]
    all_rules: usize,
    /// Tokens.
    #[arg(long, default_value_t = TOKENS)]
    tokens: u64,
    /// Seconds of trades, instead of 120, or 20 with --quick.
    #[arg(long)]
    seconds: Option<usize>,
}

/// Trades that are timed together.
const BATCH: usize = 100;
const PER_SECOND: usize = 10_000;

/// One measurement.
#[derive(Serialize)]
struct Line {
    /// Which rules there are.
    what: String,
    /// Rules.
    rules: usize,
    /// Trades that were timed.
    trades: usize,
    /// Nanoseconds a trade: the median over batches.
    median_ns: f64,
    /// Nanoseconds a trade: the mean.
    mean_ns: f64,
    /// Median as a multiple of that without rules.
    times_none: f64,
    /// Alerts that were given, with those that were taken back.
    alerts: u64,
}

/// Measures a trade with each set of rules.
pub(crate) fn run(sizes: &Sizes, quick: bool, json: bool) -> anyhow::Result<()> {
    let (seconds, of_one) = if quick { (20, 100_000) } else { (120, 1_000_000) };
    let seconds = sizes.seconds.unwrap_or(seconds);
    let batches = batches(seconds, sizes.tokens);
    let sets = [
        ("no rules", Vec::new()),
        ("price rules of single tokens", single(sizes.rules.unwrap_or(of_one), sizes.tokens)?),
        ("rules of all tokens", all(sizes.all_rules)?),
    ];
    let mut lines: Vec<Line> = Vec::new();
    for (what, rules) in sets {
        let line = measure(what, rules, &batches, lines.first())?;
        lines.push(line);
    }
    let heads = ["rules", "trades", "median ns", "mean ns", "× none", "alerts"];
    report::table(&lines, json, heads, |line| {
        let Line { what, rules, trades, median_ns, mean_ns, times_none, alerts } = line;
        let cells = [
            rules.to_string(),
            trades.to_string(),
            format!("{median_ns:.0}"),
            format!("{mean_ns:.0}"),
            format!("{times_none:.2}"),
            alerts.to_string(),
        ];
        (what.clone(), cells)
    })
}

type Batch = (Time, Vec<Input>);

fn measure(what: &str, rules: Vec<Input>, batches: &[Batch], none: Option<&Line>) -> anyhow::Result<Line> {
    let params = Params { history_s: 3600, ..Params::default() };
    let horizon = dataflows::Params::default().horizon();
    let usual = Usual::from(&operators::tokens::Params::default());
    let mut store = Store::<Shard>::new(Settings { params, horizon, usual, bars_s: Vec::new() });
    let count = match rules.first() {
        Some(Input::Rule(Target::Share(_), _)) => rules.len() / usize::from(SHARES),
        _ => rules.len(),
    };
    let start = model::time::start_of(START - 1);
    for rule in rules {
        store.apply(start, rule, 1);
    }
    store.close(|_, _| {});
    let mut alerts = 0_u64;
    let mut each = Vec::with_capacity(batches.len());
    for (time, batch) in batches {
        let inputs = batch.clone();
        let started = Instant::now();
        store.fire(*time);
        for input in inputs {
            store.apply(*time, input, 1);
        }
        store.close(|_, _| alerts += 1);
        each.push(started.elapsed().as_secs_f64() * 1e9 / BATCH as f64);
    }
    // The first half meets tokens that are new.
    let mut timed = each.split_off(each.len() / 2);
    let mean_ns = timed.iter().sum::<f64>() / timed.len() as f64;
    timed.sort_unstable_by(f64::total_cmp);
    let median_ns = *timed.get(timed.len() / 2).context("there are batches")?;
    ensure!(count == 0 || alerts > 0, "{what}: no rule fired, so nothing was measured");
    Ok(Line {
        what: what.to_owned(),
        rules: count,
        trades: timed.len() * BATCH,
        median_ns,
        mean_ns,
        times_none: none.map_or(1.0, |none| median_ns / none.median_ns),
        alerts,
    })
}

/// The trades in canonical order, by logical time.
fn batches(seconds: usize, tokens: u64) -> Vec<Batch> {
    let (mut random, zipf) = (Random(5), Zipf::new(tokens));
    let mut prices = vec![1.0_f64; usize::try_from(tokens).unwrap_or_default() + 1];
    let mut batches = Vec::new();
    for batch in 0..seconds * PER_SECOND / BATCH {
        let first = batch * BATCH;
        let second = START + (first / PER_SECOND) as Seconds;
        let time = model::time::start_of(second) + (first % PER_SECOND / BATCH) as u64;
        let trades = (first..first + BATCH).map(|serial| {
            let token = zipf.draw(&mut random);
            let price = prices.get_mut(usize::try_from(token).unwrap_or_default());
            let price = price.map_or(1.0, |price| {
                *price = (*price * (1.0 + (unit(&mut random) - 0.5) * 0.03)).clamp(0.05, 20.0);
                *price
            });
            trade(token, price, second, serial as u64, &mut random)
        });
        batches.push((time, trades.collect()));
    }
    batches
}

fn trade(token: u64, price: f64, time: Seconds, serial: u64, random: &mut Random) -> Input {
    let figures = Figures {
        caps: [None; 2],
        prices: [Price::new(price), Price::new(price / 150.0)],
        supply: Price::new(1e9),
        value_micros: Some(random.next() % 1_000_000_000).into(),
        side: if random.next().is_multiple_of(2) { Side::Buy } else { Side::Sell },
        curve: None,
    };
    let tx = TxPlace::Index(u32::try_from(serial).unwrap_or(u32::MAX));
    let id = EventId { slot: time * 3, tx, outer_ix: 0, inner_ix: -1 };
    Input::Point(
        address(b'M', token),
        Point { time, id, what: What::Trade(figures), program: Some(Program::Pumpswap) },
    )
}

/// From 0 to 1.
fn unit(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A level from a fifth to five times 1, as often above as below.
fn level(random: &mut Random) -> f64 {
    5.0_f64.powf(2.0 * unit(random) - 1.0)
}

fn rule(at: usize, kind: Kind, scope: Scope, threshold: Option<f64>) -> anyhow::Result<Standing> {
    let rule = Rule {
        id: format!("rule-{at}"),
        version: 1,
        owner: String::new(),
        kind,
        scope,
        threshold: threshold.map(Level),
        unit: Unit::Usd,
        options: Options::default(),
        valid_from_s: None,
        valid_to_s: None,
        known_from: 0,
    };
    ensure!(rule.problems().is_empty(), "{:?}", rule.problems());
    Ok(Standing { rule, known: START - 1 })
}

/// Price rules, as many at each token.
fn single(count: usize, tokens: u64) -> anyhow::Result<Vec<Input>> {
    let mut random = Random(9);
    (0..count)
        .map(|at| {
            let mint: Address = address(b'M', at as u64 % tokens);
            let level = level(&mut random);
            let kind = if level > 1.0 { Kind::PriceAbove } else { Kind::PriceBelow };
            Ok(Input::Rule(Target::Mint(mint), Box::new(rule(at, kind, Scope::Mint(mint), Some(level))?)))
        })
        .collect()
}

/// Rules of all tokens, each for each share of them.
fn all(count: usize) -> anyhow::Result<Vec<Input>> {
    let mut random = Random(13);
    let mut inputs = Vec::new();
    for at in 0..count {
        let level = level(&mut random);
        let (kind, threshold) = match at % 10 {
            0..3 => (Kind::PriceAbove, Some(level)),
            3..6 => (Kind::PriceBelow, Some(level)),
            6 => (Kind::MarketCapAbove, Some(level * 1e9)),
            7 => (Kind::WhaleTrade { side: None }, Some(900.0 + 20.0 * level)),
            8 => {
                let direction = if at % 20 == 8 { Direction::Up } else { Direction::Down };
                (Kind::PriceMove { window_s: 60, direction }, Some(2.0 + 10.0 * level))
            }
            _ => (Kind::AllTimeHigh, Some(level)),
        };
        let standing = rule(at, kind, Scope::All(Filter::default()), threshold)?;
        inputs.extend((0..SHARES).map(|share| Input::Rule(Target::Share(share), Box::new(standing.clone()))));
    }
    Ok(inputs)
}
