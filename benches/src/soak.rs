//! Days of the market at full speed, and what stays in memory: resident bytes, and what the operators' states
//! take, twice a day, and which operators those are in the end.
//!
//! Tokens live for a day, and everything that may forget them does so after a day. State of tokens must then no
//! longer grow once the widest window, the one before it, and the day in which they are remembered have passed: from
//! the fifth day on. Ledgers of wallets are kept for ninety days by their definition; they stand in a column of
//! their own.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::anyhow;
use dataflows::{Graph, Params};
use model::time::start_of;
use model::{Event, Seconds};
use operators::keyed::States;
use serde::Serialize;

use crate::made_up::{MadeUp, TOKENS};
use crate::market::{at, resident_bytes};
use crate::report::{self, Table};

#[derive(Serialize)]
struct Line {
    hour: u64,
    trades: u64,
    per_s: f64,
    resident_mib: u64,
    states_mib: u64,
    /// The part of it that [`LEDGERS`] are.
    ledgers_mib: u64,
    /// The same by operator, bytes.
    operators: BTreeMap<String, u64>,
}

const DAY_S: Seconds = 86_400;

/// The operators that keep what wallets did.
const LEDGERS: [&str; 2] = ["wallets", "wallet_marks"];

/// Settings with which nothing of a token is remembered for longer than a day.
fn forgetful() -> Params {
    let mut params = Params::default();
    let market = &mut params.market;
    for remember_s in [
        &mut market.prices.remember_s,
        &mut market.candles.remember_s,
        &mut market.windows.remember_s,
        &mut market.holders.remember_s,
        &mut market.labels.remember_token_s,
        &mut market.labels.remember_wallet_s,
        &mut market.indicators.remember_s,
        &mut market.tokens.remember_s,
        &mut market.alerts.remember_s,
        &mut market.smart.remember_s,
    ] {
        *remember_s = DAY_S;
    }
    params
}

/// Runs, and prints each line when it has come.
pub(crate) fn run(quick: bool, json: bool) -> anyhow::Result<()> {
    let (hours, per_second, step) = if quick { (6, 20, 1) } else { (8 * 24, 4, 12) };
    let guards = timely::execute(timely::Config::thread(), move |worker| {
        let mut graph = Graph::build(worker, &forgetful(), States::fresh(), drop)?;
        let mut market = MadeUp::new(per_second).replaced_after(DAY_S);
        let mut table =
            Table::begin(json, ["trades", "trades/s", "resident MiB", "states MiB", "ledgers MiB"])?;
        for (second, launches) in market.launches() {
            for event in launches {
                graph.give(event, start_of(second));
            }
            graph.advance(start_of(second) + 1);
            worker.step();
        }
        let (mut events, mut last, mut started) = (Vec::<Event>::new(), None, Instant::now());
        for second in 0..hours * 3600 {
            for _ in 0..per_second {
                market.next(&mut events);
            }
            for event in events.drain(..) {
                graph.give(event, at(second));
            }
            graph.advance(at(second + 1));
            while !graph.is_closed(at(second + 1)) {
                worker.step();
            }
            if (second + 1).is_multiple_of(step * 3600) {
                let line = Line::new(&graph, (second + 1) / 3600, per_second, step, started)?;
                table.line(&line, || line.cells())?;
                last = Some(line);
                started = Instant::now();
            }
        }
        anyhow::Ok(last)
    });
    let outcome = guards.map_err(|e| anyhow!(e))?.join().into_iter().next();
    let last = outcome.ok_or_else(|| anyhow!("no worker ran"))?.map_err(|e| anyhow!(e))??;
    let Some(last) = last.filter(|_| !json) else { return Ok(()) };
    let mut operators: Vec<_> = last.operators.iter().filter(|(_, bytes)| **bytes >= 1 << 20).collect();
    operators.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
    report::table(&operators, json, ["states MiB"], |(operator, bytes)| {
        ((*operator).clone(), [(**bytes >> 20).to_string()])
    })
}

impl Line {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    fn new(graph: &Graph, hour: u64, per_second: u64, step: u64, started: Instant) -> anyhow::Result<Self> {
        let per_s = (per_second * step * 3600) as f64 / started.elapsed().as_secs_f64();
        // Before the states are written down, which takes room too.
        let resident_mib = resident_bytes() >> 20;
        let states = graph.snapshot()?.into_iter();
        let operators: BTreeMap<String, u64> =
            states.map(|(operator, bytes)| (operator, bytes.len() as u64)).collect();
        Ok(Self {
            hour,
            trades: per_second * hour * 3600,
            per_s,
            resident_mib,
            states_mib: operators.values().sum::<u64>() >> 20,
            ledgers_mib: LEDGERS.iter().filter_map(|name| operators.get(*name)).sum::<u64>() >> 20,
            operators,
        })
    }

    fn cells(&self) -> (String, [String; 5]) {
        let cells = [
            self.trades.to_string(),
            format!("{:.0}", self.per_s),
            self.resident_mib.to_string(),
            self.states_mib.to_string(),
            self.ledgers_mib.to_string(),
        ];
        (format!("hour {}, {TOKENS} live tokens", self.hour), cells)
    }
}
