//! Alerts: rules as a collection, and what follows from them.
//!
//! ```text
//! controls ──► rulebook ──► rules that stand ──┬─► alert_rules (record)
//! trades, events, … ──► points of tokens ──────┴─► shares of tokens ──► alerts ──► stamped ──► alerts (record)
//! ```
//!
//! **A function of what happened.** The points of a token are taken in canonical order, whenever they come.
//! What comes late or is taken back is folded in where it belongs; an alert that does not follow any more is
//! retracted under its name, with the reason, and one that now does is given. So a live run, a replay and a
//! backtest say the same under the same names, and a restart says nothing again.
//!
//! **Costs what is crossed.** A rule waits at a level. The rules of a token, and once for each share of the
//! tokens those of all, stand in order of their levels, so a price that moves meets those between the two
//! prices only. Exceptions: a rule that measures from its last alert has a level of its own at each token and
//! is asked at each trade; a window that rules look back over is looked up at each trade, once for all rules
//! of that window.
//!
//! **The price of a token is that of its primary pool** ([`crate::series`]), and so is its liquidity: a trade in
//! another pool counts in volumes and as a large trade, and moves no price, high, target or stop.
//!
//! **Answers for the past.** A rule that comes is asked about what is kept of the past at once
//! ([`Params::history_s`]), as if it had been there; what it finds is marked `historical`. What it finds
//! depends on that past only: where a value is made of more, it is not known.
//!
//! A list of wallets that is edited is a change of the past too: rules over trades of listed wallets are asked
//! again about what is kept of the past, and what they find by the edit is `historical`.
//!
//! A rule that is taken back takes back what it said. One that is to end, and let stand what it said, is
//! replaced by the same one with an end to its validity.
//!
//! It does not deliver anything, and `max_per_hour` and `once` count for each token apart.
//!
//! Source: DEFINITIONS §12.

mod fold;
mod index;
mod input;
mod instance;
mod market;
mod past;
mod record;
mod rulebook;
mod seen;
mod shard;
mod stamped;
#[cfg(test)]
mod tests;
mod token;
mod told;
mod watch;

use differential_dataflow::AsCollection;
use model::rule::{BAR_S_MAX, Kind, LOOKBACK_S_MAX, Scope};
use model::{ChainEvent, Control, LiquidityChanged, Reject, RejectReason, Rule, SlotStatus, Time};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::vec::Map;

pub use input::{Bar, Curve, Figures, Input, Place, Point, Shares, SmartTrade, Sold, Target, What, list_key};
pub use market::Usual;
pub use record::{Alert, CommittedAlert, Reason};
pub use rulebook::{Rulebook, Standing};
pub use shard::{SHARES, Settings, Shard};
pub use stamped::{News, Slot};

use crate::holders::Holdings;
use crate::indicators::Indicators;
use crate::prelude::*;
use crate::series::SeriesTrade;
use crate::smart::Match;

/// Settings of [`alerts`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// For how long of the past a new rule answers, in seconds. Memory grows with it: some 200 bytes a trade.
    pub history_s: Seconds,
    /// For how long a token that is no longer traded is remembered, in seconds.
    pub remember_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        Self { history_s: 86_400, remember_s: 30 * 86_400 }
    }
}

impl Params {
    /// How long points are kept: to answer for the past, and to fold again what changes within the horizon,
    /// looking back from there and from the point before.
    const fn keeps_s(&self, horizon: Horizon) -> Seconds {
        let longest = if BAR_S_MAX > 2 * LOOKBACK_S_MAX { BAR_S_MAX } else { 2 * LOOKBACK_S_MAX };
        let corrected = settles_s(horizon) + longest + 60;
        if self.history_s > corrected { self.history_s } else { corrected }
    }

    /// From when on points and alerts are kept.
    #[must_use]
    pub const fn kept_from(&self, horizon: Horizon, now: Seconds) -> Seconds {
        now.saturating_sub(self.keeps_s(horizon))
    }
}

/// How long after its block time an event can be taken back: a slot of which news came late is known for twice
/// the horizon.
const fn settles_s(horizon: Horizon) -> Seconds {
    2 * horizon.0 + 60
}

/// The records of [`alerts`].
pub struct Alerts<'s> {
    /// Rules that stand.
    pub rules: Collection<'s, Standing>,
    /// What they say.
    pub alerts: Collection<'s, CommittedAlert>,
    /// Rules that are refused.
    pub rejects: Collection<'s, Reject>,
}

/// What happens to tokens.
pub struct Happenings<'s> {
    /// Trades with their value and their part in the series of their tokens.
    pub trades: Collection<'s, SeriesTrade>,
    /// Changes of the liquidity of tokens.
    pub liquidity: Collection<'s, LiquidityChanged>,
    /// Other events.
    pub events: Collection<'s, ChainEvent>,
    /// How holdings are spread.
    pub holdings: Collection<'s, Holdings>,
    /// Technical indicators.
    pub indicators: Collection<'s, Indicators>,
    /// Trades of wallets on lists.
    pub matches: Collection<'s, Match>,
}

/// Maintains what alert rules say of tokens.
pub fn alerts<'s>(
    happenings: Happenings<'s>,
    (controls, statuses): (Collection<'s, Control>, Collection<'s, SlotStatus>),
    settings: Settings,
    states: &States,
) -> Alerts<'s> {
    let horizon = settings.horizon;
    let bars_s = settings.bars_s.clone();
    let judged = controls.flat_map(move |control| Judged::of(control, &bars_s));
    let (changes, rejects) = split(judged, |judged| match judged {
        Judged::Right(change) => Either::Left(change),
        Judged::Refused(reject) => Either::Right(reject),
    });
    let rules = changes.inner.map(|((rule, known_from, is_there), time, diff)| {
        ((rule, known_from), time, if is_there { diff } else { -diff })
    });
    let rules = keyed::<Rulebook>(Intake::of(rules.as_collection(), Some), "rulebook", (), states);
    let Happenings { trades, liquidity, events, holdings, indicators, matches } = happenings;
    // What was so before is what it was before.
    let held = |holdings: Holdings, diff: Diff| {
        (diff > 0).then(|| (Input::Held(holdings.mint, Shares::of(&holdings)), diff))
    };
    let point = |(mint, point)| Input::Point(mint, point);
    let traded = |trade: SeriesTrade| {
        let mint = trade.valued.trade().mint;
        trade.is_of_token().then(|| Input::Point(mint, Point::of_trade(&trade)))
    };
    let intake = Intake::of(trades, traded)
        .and(liquidity, move |event| Point::of_liquidity(&event).map(point))
        .and(events, move |event| Point::of_event(&event).map(point))
        .and(indicators, move |row| Bar::point(&row).map(point))
        .and_changes(holdings, held)
        .and(matches, move |matched| Some(point(SmartTrade::point(&matched))))
        .and(rules.clone(), |standing| addressed(&standing));
    let said = keyed::<Shard>(intake, "alerts", settings, states);
    let news = Intake::of(said, |alert| Some(News::Alert(Box::new(alert))))
        .and(statuses, |status| Some(News::Status(status.slot, status.state)));
    let stamped = keyed::<Slot>(news, "alerts_stamped", horizon, states);
    Alerts { rules, alerts: stamped, rejects }
}

/// A rule for each token that it names, or for each share of all tokens.
fn addressed(standing: &Standing) -> Vec<Input> {
    let of = |target: Target, scope: Scope| {
        let rule = Rule { scope, ..standing.rule.clone() };
        Input::Rule(target, Box::new(Standing { rule, known: standing.known }))
    };
    match &standing.rule.scope {
        Scope::Mint(mint) => vec![of(Target::Mint(*mint), Scope::Mint(*mint))],
        Scope::List(mints) => {
            let mut mints = mints.clone();
            mints.sort_unstable();
            mints.dedup();
            mints.into_iter().map(|mint| of(Target::Mint(mint), Scope::Mint(mint))).collect()
        }
        Scope::All(filter) => {
            let shares = (0..SHARES).map(|share| of(Target::Share(share), Scope::All(filter.clone())));
            shares.collect()
        }
    }
}

/// What becomes of something that people say.
#[derive(Clone)]
enum Judged {
    /// A rule, since when that is known, and whether it is there or gone.
    Right((Rule, Time, bool)),
    /// A rule that is refused.
    Refused(Reject),
}

impl Judged {
    fn of(control: Control, bars_s: &[Seconds]) -> Option<Self> {
        let (rule, known_from, is_there) = match control {
            Control::AddRule(rule) => {
                let known_from = rule.known_from;
                (rule, known_from, true)
            }
            Control::RemoveRule { rule, known_from } => (rule, known_from, false),
            _ => return None,
        };
        match refused(&rule, bars_s) {
            None => Some(Self::Right((*rule, known_from, is_there))),
            // What was never there is not missed.
            Some(reject) => is_there.then_some(Self::Refused(reject)),
        }
    }
}

/// What is wrong with a rule that came by another way than a file, which has been checked, or that does not fit
/// what is computed.
fn refused(rule: &Rule, bars_s: &[Seconds]) -> Option<Reject> {
    let mut problems = rule.problems();
    if let Kind::IndicatorCross { interval_s, .. } = rule.kind
        && !bars_s.contains(&interval_s)
    {
        let path = "kind.indicator_cross.interval_s".to_owned();
        problems.push((path, format!("is {interval_s}, must be one of {bars_s:?}")));
    }
    if problems.is_empty() {
        return None;
    }
    let each: Vec<String> = problems.iter().map(|(path, what)| format!("{path} {what}")).collect();
    Some(Reject {
        source: "alert_rules".to_owned(),
        cursor: format!("{} {}", rule.id.chars().take(128).collect::<String>(), rule.version),
        reason: RejectReason::Malformed,
        program: None,
        signature: None,
        slot: None,
        detail: each.join("; "),
    })
}
