//! Smart money: lists of wallets, their trades as they happen, and what several of them buy together.
//!
//! Lists are collections that are edited while trades come. A trade of a listed wallet is a match, by
//! what is valid at its block time; where that was not yet known then, the match says so
//! (`historical`). An edit is answered at once for the retained past, from what [`trader`] keeps of every
//! wallet's trades: so a list that is edited in mid-stream and one that was so from the start give the same
//! matches but for that flag. [`cluster`] follows the matches, token by token.
//!
//! Everything here is keyed: who is on which list and what a wallet has traded stands in one place, by
//! wallet, so a trade of a wallet on no list is put down and costs nothing more, and all of it is in the
//! checkpoint.
//!
//! Source: DEFINITIONS §10. Entries come from control inputs and from [`evaluator`], which rates
//! the wallets of a list.

pub mod cluster;
pub mod evaluator;
pub mod input;
pub mod membership;
pub mod position;
mod record;
#[cfg(test)]
mod tests;
pub mod trader;

use differential_dataflow::AsCollection;
use model::{Control, ListEntry, SlotStatus};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::core::Map;

pub use record::{Cluster, Listed, Match};

use crate::commitment::{Committed, committed};
use crate::prelude::*;
use crate::usd::ValuedTrade;

/// Settings of [`smart`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// For how long trades are kept so that an edit of a list is answered for them, in seconds of
    /// block time; the correction horizon at least.
    pub retain_s: Seconds,
    /// For how long it is remembered that a wallet holds a token that it does not trade, in seconds.
    pub remember_s: Seconds,
    /// How many distinct wallets make a cluster.
    pub cluster_wallets: usize,
    /// Within how many seconds they buy.
    pub cluster_window_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        Self { retain_s: 86_400, remember_s: 30 * 86_400, cluster_wallets: 3, cluster_window_s: 1_800 }
    }
}

impl Params {
    /// Problems of the values, each with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let checks = [
            (self.retain_s <= 30 * 86_400, "retain_s", "must be at most 2592000"),
            (self.remember_s >= self.retain_s, "remember_s", "must not be less than retain_s"),
            (self.cluster_wallets > 0, "cluster_wallets", "must be at least 1"),
            ((1..=86_400).contains(&self.cluster_window_s), "cluster_window_s", "must be 1 to 86400"),
        ];
        checks.into_iter().filter(|(is_right, ..)| !is_right).map(|(_, key, what)| (key, what)).collect()
    }

    /// For how long trades are kept: what can still be corrected is.
    #[must_use]
    pub fn retained(&self, horizon: Horizon) -> Horizon {
        Horizon(self.retain_s.max(horizon.0))
    }
}

/// The records.
pub struct Smart<'s> {
    /// Who is on which list.
    pub list: Collection<'s, Listed>,
    /// Trades of listed wallets.
    pub matches: Collection<'s, Committed<Match>>,
    /// The same without how settled they are.
    pub found: Collection<'s, Match>,
    /// Tokens that several of them bought together.
    pub clusters: Collection<'s, Committed<Cluster>>,
}

/// The entries of lists among what people say.
#[must_use]
pub fn entries(controls: Collection<'_, Control>) -> Collection<'_, ListEntry> {
    let entries = controls.inner.flat_map(|(control, time, diff)| match control {
        Control::AddListEntry(entry) => Some((entry, time, diff)),
        Control::RemoveListEntry { entry, .. } => Some((entry, time, -diff)),
        _ => None,
    });
    entries.as_collection()
}

/// Matches trades with lists.
pub fn smart<'s>(
    trades: Collection<'s, ValuedTrade>,
    entries: Collection<'s, ListEntry>,
    statuses: Collection<'s, SlotStatus>,
    params: &Params,
    horizon: Horizon,
    states: &States,
) -> Smart<'s> {
    let traded = |valued: ValuedTrade| {
        let trader = valued.trade().trader?;
        Some(input::Input::Trade(trader, input::Traded::of(&valued)))
    };
    let settings = (params.clone(), horizon);
    let intake = Intake::of(trades, traded).and(entries, |entry| Some(input::Input::Entry(entry)));
    let way = |output| match output {
        trader::Output::Listed(listed) => Either::Left(listed),
        trader::Output::Match(matched) => Either::Right(Only(matched)),
    };
    let (list, matches) =
        keyed_apart::<trader::Trader, _>(intake, "smart_traders", settings.clone(), states, way);
    let clusters =
        keyed::<cluster::Day>(Intake::of(matches.clone(), Some), "smart_cluster_days", settings, states);
    // How settled a slot is has to be known for as long as an edit is answered for its trades.
    let retained = params.retained(horizon);
    let found = matches.clone();
    let matches = committed(matches, None, statuses.clone(), retained, states);
    let clusters = committed(clusters, None, statuses, retained, states);
    Smart { list, matches, found, clusters }
}
