//! Profit and loss of wallets: a ledger for every token of every wallet, and figures of each wallet by period.
//!
//! **Ledgers** ([`ledger`]) average cost, in the currency of the trades and in USD, each on its own.
//! **Transfers** are what a transaction did to a balance beyond its trades ([`input`]); only transactions
//! that come for another reason are seen. Tokens that come in without a trade have no cost. **Periods**
//! ([`pane`]) are differences of ledgers, not ledgers begun within the period. **Figures** ([`figures`]) come in
//! two groups, each over one set of tokens.
//!
//! **When.** A wallet is brought up to date once in `step_s`, at a second of its own, so that many are not
//! due at once; what comes before that second is in its rows. Between them a trade costs being put in its
//! place, which is why this keeps up with the market. The worth of open positions follows the price of
//! the token once in `mark_s`, at a second of the token's own: a price moves all positions of its token.
//!
//! **State.** For each token of a wallet some 360 bytes, and 160 for each hour (after a day: each
//! day) on which it was traded; for each trade that can still be corrected 90. Entries older than 90 days
//! are kept as sums: the row of a position that was closed goes then. A wallet that has been silent for
//! `remember_s` is forgotten, with all its rows; should it come back, `since` says from when on it counts.
//!
//! Source: DEFINITIONS §9. Left out: a transfer between wallets of one owner takes no cost
//! along, as no clusters of wallets are known here; network fees are not taken off.

pub mod equity;
pub mod figures;
pub mod input;
pub mod ledger;
pub mod marks;
pub mod pane;
mod period;
mod position;
pub mod rating;
mod record;
pub mod wallet;

use std::sync::Arc;

use model::{BalancesChanged, ChainEvent, Control};
use serde::{Deserialize, Serialize};

pub use figures::{Figures, Period};
pub use rating::Rating;
pub use record::{WalletBoard, WalletPosition, WalletStats};

use crate::labels::Label;
use crate::prelude::*;
use crate::tokens::Token;
use crate::usd::ValuedTrade;

/// How the proceeds of unmatched sales count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Such a position is not valid and left out of everything that is added up.
    Strict,
    /// As nothing.
    #[default]
    Adjusted,
    /// As profit.
    Raw,
}

impl Mode {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Adjusted => "adjusted",
            Self::Raw => "raw",
        }
    }

    /// The gain that counts, of which `matched` by sales of tokens that had been bought.
    #[must_use]
    pub fn realised(self, matched: i64, unmatched: u64) -> i64 {
        match self {
            Self::Strict | Self::Adjusted => matched,
            Self::Raw => matched.saturating_add(i64::try_from(unmatched).unwrap_or(i64::MAX)),
        }
    }
}

/// Settings of [`wallets`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How the proceeds of unmatched sales count.
    pub mode: Mode,
    /// How often a wallet is brought up to date, in seconds.
    pub step_s: Seconds,
    /// How often what open positions are worth follows the price, in seconds.
    pub mark_s: Seconds,
    /// For how long a wallet that is silent is remembered, in seconds.
    pub remember_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        Self { mode: Mode::Adjusted, step_s: 60, mark_s: 300, remember_s: 180 * DAY_S }
    }
}

const DAY_S: Seconds = 86_400;

impl Params {
    /// Problems of the values, each with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let checks = [
            ((1..=3600).contains(&self.step_s), "step_s", "must be 1 to 3600"),
            ((1..=DAY_S).contains(&self.mark_s), "mark_s", "must be 1 to 86400"),
            (self.remember_s >= 92 * DAY_S, "remember_s", "must be at least 7948800, 92 days"),
        ];
        checks.into_iter().filter(|(is_right, ..)| !is_right).map(|(_, key, what)| (key, what)).collect()
    }
}

/// The first second from `after` on that is `route`'s own among `step_s`.
#[must_use]
pub const fn own_second(route: u64, after: Seconds, step_s: Seconds) -> Seconds {
    // A number that routes is well spread in its upper half.
    let own = (route >> 32) % step_s;
    after + (own + step_s - after % step_s) % step_s
}

/// Collections that [`wallets`] maintains.
pub struct Wallets<'s> {
    /// The position of every wallet in every token, with its gains.
    pub positions: Collection<'s, WalletPosition>,
    /// Figures of every wallet over each period.
    pub stats: Collection<'s, WalletBoard>,
    /// Figures that candidates are rated by.
    pub ratings: Collection<'s, Rating>,
}

/// Who is to be rated, and who must not be.
pub struct Rated<'s, 'a> {
    /// Says who is on the list `candidates`, and gives labels.
    pub controls: Collection<'s, Control>,
    /// Labels that were found.
    pub labels: Collection<'s, Label>,
    /// The list of the wallets that are to be rated.
    pub candidates: &'a str,
    /// The labels that keep a wallet from being rated.
    pub excluded: &'a [String],
}

/// Maintains the ledgers of wallets.
///
/// `tokens` give the prices. `events` are those that are neither trades nor balances: creations matter,
/// others do nothing here.
pub fn wallets<'s>(
    (trades, tokens): (Collection<'s, ValuedTrade>, Collection<'s, Token>),
    (balances, events): (Collection<'s, Arc<BalancesChanged>>, Collection<'s, ChainEvent>),
    rated: Rated<'s, '_>,
    params: &Params,
    horizon: Horizon,
    states: &States,
) -> Wallets<'s> {
    let created = |event| match event {
        ChainEvent::TokenCreated(event) => input::Input::created(&event).collect(),
        _ => Vec::new(),
    };
    let Rated { controls, labels, candidates, excluded } = rated;
    let (kinds, list) = (excluded.to_vec(), candidates.to_owned());
    let said = move |control, diff| {
        let (input, sign) = input::Input::said(&control, &kinds, &list)?;
        Some((input, diff * sign))
    };
    let kinds = excluded.to_vec();
    let intake = Intake::of(trades, |trade| input::Input::trade(&trade))
        .and(balances, |event| input::Input::moved(&event))
        .and(events, created)
        .and(labels, move |label| input::Input::label(&label, &kinds))
        .and_changes(controls, said);
    let way = |output| match output {
        wallet::Output::Holding(holding) => Either::Left(holding),
        wallet::Output::Board(board) => Either::Right(Either::Left(board)),
        wallet::Output::Rating(rating) => Either::Right(Either::Right(Only(rating))),
    };
    let settings = (params.clone(), horizon);
    let (holdings, (stats, ratings)) =
        keyed_apart::<wallet::Wallet, _>(intake, "wallets", settings, states, way);
    let intake = Intake::of(holdings, |holding| Some(marks::Input::Holding(holding)))
        .and(tokens, |token| Some(marks::Input::Price(token.mint, marks::Mark::of(&token))));
    let positions = keyed::<marks::Holders>(intake, "wallet_marks", params.clone(), states);
    Wallets { positions, stats, ratings }
}
