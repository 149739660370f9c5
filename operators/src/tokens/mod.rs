//! Tokens: all that is known of each, its pools, and what happened to it.
//!
//! One keyed operator by mint joins trades, the events of launchpads and pools, the windows of
//! [`crate::windows`] and the holdings of [`crate::holders`], and keeps three records: `tokens`, `pools`,
//! `lifecycle`.
//!
//! **Once a second.** A token changes with every trade, but a row of forty columns is not worth writing
//! for each. What happens to a token in a second is taken in as it comes, and its row and those of its
//! pools are written once, in the second after. So at the end of a second they say what was so at the end
//! of the second before, whatever the batches, and a token costs at most one row a second. `lifecycle`,
//! which is rare and which others wait for, is written at once. Holdings come once a second themselves, so
//! what a row says of holders is a second older than the rest of it.
//!
//! **In canonical order.** What a pool holds and costs is a fold over what happened in it.
//! What comes last goes to the end of the fold; what comes late or is taken back makes it fold again
//! what is kept, which is everything within [`Horizon::kept_s`].
//!
//! **Reserves.** `base_reserve` and `quote_reserve` are those that set the price, as in `trades`. In a
//! bonding curve part of them is virtual: what is virtual is what the creation of the curve, or the last
//! change of its parameters, has said; of a pump curve quoted in SOL that nobody saw created it is the
//! usual amount ([`Params::curve_base`]). What is really there is the rest.
//!
//! **The primary pool** is the one that the token migrated to, once something is known of it; before,
//! its curve; without a curve, the pool in which it was traded first. A rival that takes its place does so here when
//! it does in [`crate::series`]. Pools of pairs of which nobody knows which token is the money are no part of it, and
//! have no row in `pools`.
//!
//! **Progress of a curve.** Curves whose trades say how far they are (LaunchLab in tokens, Meteora DBC in quote raised)
//! are believed; of pump's it follows from the reserves.
//!
//! USD is at the rate of the trade that a figure is of: a token that nobody trades does not move with
//! SOL. It does not know burns and locks, so that `market_cap_usd` and `fdv_usd` agree. An event that
//! changes a curve's parameters without naming the curve is passed over. A token that is forgotten
//! ([`Params::remember_s`]) keeps its rows and starts anew.
//!
//! Source: DEFINITIONS §5, §7, §13.

mod figures;
mod history;
mod input;
mod lifecycle;
mod milestones;
mod pool;
mod present;
mod record;
pub mod score;
mod shown;
mod summary;
mod tracked;

use model::ChainEvent;
use serde::{Deserialize, Serialize};

pub use figures::LiquidityKind;
pub use input::{Activity, Entry, Input, PoolName, Step, Window};
pub use lifecycle::{Lifecycle, Stage};
pub use milestones::{Created, Milestone, Moment};
pub use pool::Pool;
pub use record::{Owned, Status, Token, Trading, Valuation};
pub use tracked::{Output, Row, Settings, Tracked};

use crate::holders::Holdings;
use crate::labels::risk;
use crate::prelude::*;
use crate::series::Chosen;
use crate::usd::ValuedTrade;
use crate::windows::TokenStats;

/// Settings of [`tokens`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// After so many seconds without a trade a token is dead.
    pub dead_s: Seconds,
    /// Width of the window whose change of price counts as that of an hour, in seconds.
    pub hour_s: Seconds,
    /// Width of the window that counts as that of a day, in seconds.
    pub day_s: Seconds,
    /// Base that sets the price of a pump curve at its start, raw units.
    pub curve_base: u64,
    /// Quote that sets the price of a pump curve in SOL at its start, lamports. None of it is there.
    pub curve_quote: u64,
    /// Base that a pump curve has to sell, raw units.
    pub curve_to_sell: u64,
    /// For how long a token that is no longer traded is remembered, in seconds.
    pub remember_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            dead_s: 86_400,
            hour_s: 3600,
            day_s: 86_400,
            curve_base: 1_073_000_000_000_000,
            curve_quote: 30_000_000_000,
            curve_to_sell: 793_100_000_000_000,
            remember_s: 30 * 86_400,
        }
    }
}

/// The records of [`tokens`].
pub struct Tokens<'s> {
    /// Tokens, as of the second before.
    pub tokens: Collection<'s, Token>,
    /// Pools, as of the second before.
    pub pools: Collection<'s, Pool>,
    /// What happened to tokens.
    pub lifecycle: Collection<'s, Lifecycle>,
}

/// Maintains what is known of every token, pool and life; `risk` says what gives points in the score of risk.
pub fn tokens<'s>(
    trades: Collection<'s, ValuedTrade>,
    events: Collection<'s, ChainEvent>,
    stats: Collection<'s, TokenStats>,
    (holdings, chosen): (Collection<'s, Holdings>, Collection<'s, Chosen>),
    (params, risk): (&Params, &risk::Params),
    horizon: Horizon,
    states: &States,
) -> Tokens<'s> {
    let widths = (params.hour_s, params.day_s);
    let of_stats = move |stats: TokenStats, diff: Diff| {
        let inputs = Input::stats(&stats, widths, diff > 0).into_iter().flatten();
        inputs.map(move |input| (input, diff.abs()))
    };
    let of_chosen = |Chosen { mint, pool }, diff: Diff| {
        Some((Input::Chosen { mint, pool, is_put: diff > 0 }, diff.abs()))
    };
    let intake = Intake::of(trades, |trade| Input::trade(&trade))
        .and(events, Input::event)
        .and_changes(stats, of_stats)
        .and_changes(holdings, |held, diff| Some((Input::Held(Box::new(held), diff > 0), diff.abs())))
        .and_changes(chosen, of_chosen);
    let settings = Settings { tokens: params.clone(), risk: *risk, horizon };
    let way = |output| match output {
        Output::Lifecycle(lifecycle) => Either::Left(lifecycle),
        Output::Row(Row::Token(token)) => Either::Right(Either::Left(token)),
        Output::Row(Row::Pool(pool)) => Either::Right(Either::Right(Only(pool))),
    };
    let (lifecycle, (tokens, pools)) = keyed_apart::<Tracked, _>(intake, "tokens", settings, states, way);
    Tokens { tokens, pools, lifecycle }
}
