//! The market: trades and what derives from them.
//!
//! ```text
//! events ──► slots ──► events that happened ──► trades ──► prices ──► usd ──┬─► trades (record)
//! slot news ──┘  └──► rejects (too late)        oracle prices ─────────┘      └─► series ──┬─► candles (record) ──► indicators (record)
//!                                                                                         └─► windows ──► token_stats (record)
//! trades, creations, labels that are given ──► labels (record)
//! trades, balances, creations, pools, labels ──► holders, concentration (records)
//! trades, other events, windows, primary pools of series ──► tokens ──► tokens, pools, lifecycle (records)
//!                                     └──► leaders (record)
//! trades of series, their liquidity, other events, holdings, indicators, matches, rules ──► alert_rules, alerts (records)
//! trades, balances, tokens, labels ──► wallets ──► wallet_positions, wallet_stats (records)
//!                                         └──► ratings ──► a list
//! trades, lists ──► smart ──► smart_list, smart_matches, smart_clusters (records)
//! ```

use std::sync::Arc;

use model::{BalancesChanged, ChainEvent, Record, Reject, Schema};
use operators::alerts::{CommittedAlert, Standing};
use operators::candles::{Candle, Interval};
use operators::commitment::Committed;
use operators::holders::{Concentration, Holder};
use operators::indicators::Indicators;
use operators::keyed::States;
use operators::labels::{Label, LabelKind};
use operators::leaders::Leader;
use operators::prelude::{Collection, Horizon};
use operators::series::Series;
use operators::smart::{Cluster, Listed, Match, Smart, evaluator};
use operators::tokens::{Lifecycle, Pool, Token, Tokens};
use operators::trades::CommittedTrade;
use operators::usd::ValuedTrade;
use operators::wallets::{Rated, WalletPosition, WalletStats, Wallets};
use operators::windows::TokenStats;
use operators::{
    alerts, candles, commitment, curves, holders, indicators, labels, leaders, prices, series, slots, smart,
    tokens, usd, wallets, windows,
};
use serde::{Deserialize, Serialize};

use crate::{Inputs, Outputs};

/// Settings of the market dataflow.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Which prices are credible.
    pub prices: prices::Params,
    /// What trades were worth in USD.
    pub usd: usd::Params,
    /// Candles.
    pub candles: candles::Params,
    /// Sliding windows.
    pub windows: windows::Params,
    /// What wallets and trades are found to be.
    pub labels: labels::Params,
    /// Technical indicators.
    pub indicators: indicators::Params,
    /// Who holds tokens.
    pub holders: holders::Params,
    /// Tokens, pools, lives.
    pub tokens: tokens::Params,
    /// Boards of leaders.
    pub leaders: leaders::Params,
    /// Alert rules.
    pub alerts: alerts::Params,
    /// Ledgers of wallets.
    pub wallets: wallets::Params,
    /// Which wallets have done well.
    pub rating: evaluator::Params,
    /// Lists of wallets, and what they trade.
    pub smart: smart::Params,
}

impl Params {
    /// What is wrong with the values, each with the path of its key.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut check = |is_right: bool, key: &str, what: &str| {
            if !is_right {
                problems.push((key.to_owned(), what.to_owned()));
            }
        };
        let Self {
            prices,
            usd,
            candles,
            windows,
            labels,
            indicators,
            holders,
            tokens,
            leaders,
            alerts,
            wallets,
            rating,
            smart,
        } = self;
        check(prices.reference_trades > 0, "prices.reference_trades", "must be at least 1");
        check(prices.factor >= 1.0, "prices.factor", "must be at least 1");
        check(prices.factor_young >= 1.0, "prices.factor_young", "must be at least 1");
        check(prices.curve_tolerance_ratio >= 0.0, "prices.curve_tolerance_ratio", "must not be negative");
        check(usd.age_s_max <= 3600, "usd.age_s_max", "must be at most 3600");
        check(usd.correction_s <= 86_400, "usd.correction_s", "must be at most 86400");
        for (mint, peg) in &usd.pegs {
            check(peg.get() > 0.0, &format!("usd.pegs.{mint}"), "must be more than 0");
        }
        check(!candles.intervals.is_empty(), "candles.intervals", "must name at least one interval");
        let is_ascending = candles.intervals.is_sorted_by(|a, b| a < b);
        check(is_ascending, "candles.intervals", "must be in ascending order, each once");
        check(candles.primary.takeover_ratio >= 1.0, "candles.primary.takeover_ratio", "must be at least 1");
        let share = candles.primary.price_liquidity_ratio;
        check(share >= 0.0, "candles.primary.price_liquidity_ratio", "must not be negative");
        check(!windows.widths.is_empty(), "windows.widths", "must name at least one width");
        check(
            windows.widths.is_sorted_by(|a, b| a < b),
            "windows.widths",
            "must be in ascending order, each once",
        );
        check(windows.widths.len() <= 64, "windows.widths", "must be at most 64");
        let in_ticks = windows.widths.iter().all(|w| w.seconds().is_multiple_of(windows::tick_s(*w)));
        check(in_ticks, "windows.widths", "over an hour must be whole tens of seconds");
        check_indicators(indicators, &candles.intervals, &mut check);
        // As long as a token may sleep on an ordinary day: who forgets sooner starts it anew in the midst of its life.
        for (section, remember_s) in [
            ("prices", prices.remember_s),
            ("candles", candles.remember_s),
            ("windows", windows.remember_s),
            ("indicators", indicators.remember_s),
            ("holders", holders.remember_s),
            ("tokens", tokens.remember_s),
            ("alerts", alerts.remember_s),
        ] {
            check(remember_s >= 86_400, &format!("{section}.remember_s"), "must be at least 86400, a day");
        }
        check((1..=1000).contains(&holders.top), "holders.top", "must be 1 to 1000");
        check_tokens(tokens, windows, &mut check);
        check_leaders(leaders, &mut check);
        for (section, found) in
            [("wallets", wallets.problems()), ("rating", rating.problems()), ("smart", smart.problems())]
        {
            found.into_iter().for_each(|(key, what)| check(false, &format!("{section}.{key}"), what));
        }
        problems.extend(labels.problems().into_iter().map(|(key, what)| (format!("labels.{key}"), what)));
        problems
    }
}

/// Checks the settings of indicators, which are computed from candles of the intervals `of_candles`.
fn check_indicators(
    params: &indicators::Params,
    of_candles: &[Interval],
    check: &mut impl FnMut(bool, &str, &str),
) {
    let intervals = &params.intervals;
    let is_ascending = intervals.is_sorted_by(|a, b| a < b);
    check(is_ascending, "indicators.intervals", "must be in ascending order, each once");
    if let Some(first) = intervals.first() {
        check(of_candles.contains(first), "indicators.intervals", "must begin with one of candles.intervals");
        let are_whole = intervals.iter().all(|i| i.seconds().is_multiple_of(first.seconds()));
        check(are_whole, "indicators.intervals", "must be whole multiples of the first");
    }
    let is_enough = (2..=1000).contains(&params.volatility_bars);
    check(is_enough, "indicators.volatility_bars", "must be from 2 to 1000");
    let is_bounded = (3..=1000).contains(&params.level_bars);
    check(is_bounded, "indicators.level_bars", "must be from 3 to 1000");
    check(params.level_join_atr >= 0.0, "indicators.level_join_atr", "must not be negative");
}

/// Checks the settings of tokens, which read two of the windows.
fn check_tokens(
    params: &tokens::Params,
    windows: &windows::Params,
    check: &mut impl FnMut(bool, &str, &str),
) {
    let is_width = |seconds| windows.widths.iter().any(|width| width.seconds() == seconds);
    check(is_width(params.hour_s), "tokens.hour_s", "must be one of windows.widths");
    check(is_width(params.day_s), "tokens.day_s", "must be one of windows.widths");
    check(params.dead_s > 0, "tokens.dead_s", "must be at least 1");
    check(params.curve_base >= params.curve_to_sell, "tokens.curve_base", "must be at least curve_to_sell");
    check(params.curve_to_sell > 0, "tokens.curve_to_sell", "must be at least 1");
}

fn check_leaders(params: &leaders::Params, check: &mut impl FnMut(bool, &str, &str)) {
    check((1..=1000).contains(&params.size), "leaders.size", "must be from 1 to 1000");
    let is_floor = params.gainers_liquidity_usd_min >= 0.0;
    check(is_floor, "leaders.gainers_liquidity_usd_min", "must not be negative");
}

/// What it emits.
pub const RECORDS: &[&Schema] = &[
    CommittedTrade::SCHEMA,
    Candle::SCHEMA,
    TokenStats::SCHEMA,
    Indicators::SCHEMA,
    Label::SCHEMA,
    Holder::SCHEMA,
    Concentration::SCHEMA,
    Token::SCHEMA,
    Pool::SCHEMA,
    Committed::<Lifecycle>::SCHEMA,
    Leader::SCHEMA,
    Standing::SCHEMA,
    CommittedAlert::SCHEMA,
    WalletPosition::SCHEMA,
    WalletStats::SCHEMA,
    Listed::SCHEMA,
    Committed::<Match>::SCHEMA,
    Committed::<Cluster>::SCHEMA,
    Reject::SCHEMA,
];

/// Builds the dataflow.
pub fn build<'s>(inputs: &Inputs<'s>, params: &crate::Params, states: &States, out: &mut Outputs) {
    let horizon = params.horizon();
    let params = &params.market;
    let slots::Happened { trades, balances, events, rejects, dropped } =
        slots::slots(inputs.events.clone(), inputs.slots.clone(), horizon, states);
    out.count(dropped);
    let found = labels::labels(
        trades.clone(),
        balances.clone(),
        events.clone(),
        inputs.controls.clone(),
        &params.labels,
        horizon,
        states,
    );
    out.emit(found.labels.clone());
    let held = holders::holders(
        trades.clone(),
        balances.clone(),
        events.clone(),
        found.labels.clone(),
        (&params.holders, &params.labels.protocol_accounts),
        horizon,
        states,
    );
    out.emit(held.holders);
    out.emit(held.concentration);
    let priced = prices::prices(trades, &params.prices, horizon, states);
    let (valued, late_quotes) = usd::usd(priced, inputs.quotes.clone(), &params.usd, horizon, states);
    let statuses = inputs.slots.clone();
    // A wash shows minutes after its first trade, when the trade's row has settled or not as it happens.
    let within_slot = found.marks.clone().filter(|mark| mark.kind != LabelKind::Wash);
    out.emit(commitment::committed(valued.clone(), Some(within_slot), statuses, horizon, states));
    let marks = (found.marks, params.labels.reach_s(horizon));
    let candles::Params { primary, remember_s, .. } = &params.candles;
    let of_series = series::Params { primary: primary.clone(), remember_s: *remember_s };
    let Series { trades: of_series, liquidity, chosen } =
        series::series(valued.clone(), events.clone(), of_series, horizon, states);
    let stats = windows::windows(of_series.clone(), events.clone(), marks, &params.windows, horizon, states);
    out.emit(stats.clone());
    let bars = candles::candles(of_series.clone(), &params.candles, horizon, states);
    let named = curves::curves(valued.clone(), events.clone(), &params.tokens, states);
    let Tokens { tokens, pools, lifecycle } = tokens::tokens(
        valued.clone(),
        named.clone(),
        stats,
        (held.holdings.clone(), chosen),
        (&params.tokens, &params.labels.risk),
        horizon,
        states,
    );
    out.emit(leaders::leaders(tokens.clone(), &params.leaders, states));
    let taken =
        TakenByWallets { trades: valued, tokens: tokens.clone(), balances, events, labels: found.labels };
    let matches = emit_wallets(taken, inputs, (params, horizon), states, out);
    out.emit(tokens);
    out.emit(pools);
    out.emit(commitment::committed(lifecycle, None, inputs.slots.clone(), horizon, states));
    let indicators = indicators::indicators(bars.clone(), &params.indicators, horizon, states);
    out.emit(bars);
    out.emit(indicators.clone());
    let happenings = alerts::Happenings {
        trades: of_series,
        liquidity,
        events: named,
        holdings: held.holdings,
        indicators,
        matches,
    };
    let refused = emit_alerts(happenings, inputs, (params, horizon), states, out);
    out.emit(inputs.rejects.clone().concat(rejects).concat(late_quotes).concat(refused));
}

/// Asks alert rules about what happens to tokens. What it gives back are the rules that are refused.
fn emit_alerts<'s>(
    happenings: alerts::Happenings<'s>,
    inputs: &Inputs<'s>,
    (params, horizon): (&Params, Horizon),
    states: &States,
    out: &mut Outputs,
) -> Collection<'s, Reject> {
    let usual = alerts::Usual::from(&params.tokens);
    let bars_s = params.indicators.intervals.iter().map(|interval| interval.seconds()).collect();
    let settings = alerts::Settings { params: params.alerts.clone(), horizon, usual, bars_s };
    let told = (inputs.controls.clone(), inputs.slots.clone());
    let said = alerts::alerts(happenings, told, settings, states);
    out.emit(said.rules);
    out.emit(said.alerts);
    said.rejects
}

/// What wallets take in.
struct TakenByWallets<'s> {
    trades: Collection<'s, ValuedTrade>,
    tokens: Collection<'s, Token>,
    balances: Collection<'s, Arc<BalancesChanged>>,
    events: Collection<'s, ChainEvent>,
    labels: Collection<'s, Label>,
}

/// Keeps the ledgers of wallets, rates those that are to be rated, and matches trades with lists: those that
/// people keep, and the one that is made. What it gives back are the matches.
fn emit_wallets<'s>(
    taken: TakenByWallets<'s>,
    inputs: &Inputs<'s>,
    (params, horizon): (&Params, Horizon),
    states: &States,
    out: &mut Outputs,
) -> Collection<'s, Match> {
    let TakenByWallets { trades, tokens, balances, events, labels } = taken;
    let rated = Rated {
        controls: inputs.controls.clone(),
        labels,
        candidates: &params.rating.candidates,
        excluded: &params.rating.excluded_labels,
    };
    let priced = (trades.clone(), tokens);
    let Wallets { positions, stats, ratings } =
        wallets::wallets(priced, (balances, events), rated, &params.wallets, horizon, states);
    out.emit(positions);
    out.emit(stats);
    let made = evaluator::smart_v1(ratings, &params.rating, params.wallets.step_s, states);
    let entries = smart::entries(inputs.controls.clone()).concat(made);
    let Smart { list, matches, found, clusters } =
        smart::smart(trades, entries, inputs.slots.clone(), &params.smart, horizon, states);
    out.emit(list);
    out.emit(matches);
    out.emit(clusters);
    found
}
