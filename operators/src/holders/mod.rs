//! Who holds every token: the largest owners, how the holdings are spread, what the creator and labelled
//! wallets have of them.
//!
//! **Whose balance.** An owner has the sum of its token accounts, as transactions tell it
//! ([`BalancesChanged`]). Where a transaction tells no balances (a source of
//! trades, a feed that leaves them out) the trade itself adds or takes; the column `basis` says
//! which of the two a balance rests on. A balance that is told puts right what was missed before it.
//! Transfers outside of the transactions that come are not seen until the owner trades again.
//!
//! **Who counts.** Curves, pools, burn addresses and protocol accounts are owners and no holders
//! (`accounts`). They have rows in `holders` like everyone, with their kind.
//!
//! **When.** Holders and concentration are brought up to date once a second: what comes within a second
//! of event time is there when the next one begins. A trade moves the share of its trader and the rank
//! of others, so rows for every trade would be twenty where one is new.
//!
//! **How.** Owners at rest are one small entry of a hash map; what can still be corrected is kept event by
//! event in canonical order, and folded away once it cannot. A change touches the owner only. Once a
//! second the owners who changed move on a board that keeps what concentration is made of: balances in
//! order with their sums (`ranks`), and the largest owners (`top`). So a second costs what changed in it,
//! and not the number of holders.
//!
//! **Cost.** An owner at rest 88 bytes in a hash map, with its free room 102 to 203, and 8 among
//! the ranks; each event within [`Horizon::kept_s`] 72 for the trade and as much for each balance that it
//! changed. Events past it are folded within a quarter of that time. A token in which nothing happened for
//! `remember_s` is forgotten, and its rows go.
//!
//! Source: DEFINITIONS §6; §8 for what labelled wallets hold.

pub mod accounts;
mod board;
mod input;
mod owner;
mod ranks;
mod record;
mod shown;
mod supplies;
mod token;
mod top;

use std::sync::Arc;

use model::{Address, BalancesChanged, ChainEvent, Seconds};
use serde::{Deserialize, Serialize};

pub use input::{Input, Labelled, Moment, Trade};
pub use record::{Concentration, CreatorHolding, Group, Holder, Holdings, Supply};
pub use token::Token;

use crate::labels::Label;
use crate::prelude::*;

/// Settings of [`holders`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How many of the largest owners of a token have a row.
    pub top: usize,
    /// Balances up to this many raw units count as none.
    pub dust: u64,
    /// For how long the holders of a token in which nothing happens are remembered, in seconds.
    pub remember_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        Self { top: 20, dust: 0, remember_s: 30 * 86_400 }
    }
}

/// One output element of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// One of its largest owners.
    Holder(Holder),
    /// How its holdings are spread.
    Concentration(Concentration),
    /// The part that the record `tokens` takes.
    Holdings(Holdings),
}

/// Collections that [`holders`] maintains.
pub struct Held<'s> {
    /// The largest owners of every token.
    pub holders: Collection<'s, Holder>,
    /// How the holdings of every token are spread.
    pub concentration: Collection<'s, Concentration>,
    /// The part that other operators take.
    pub holdings: Collection<'s, Holdings>,
}

/// Maintains who holds every token.
///
/// `events` are those that are neither trades nor balances: creations, pools, migrations.
///
/// `labels` say which wallets bought in its first moments, in its launch slot, or got tokens from its
/// creator; other labels do nothing here. `protocol_accounts` are no holders, as are those that are known.
pub fn holders<'s>(
    trades: Collection<'s, Arc<model::Trade>>,
    balances: Collection<'s, Arc<BalancesChanged>>,
    events: Collection<'s, ChainEvent>,
    labels: Collection<'s, Label>,
    (params, protocol_accounts): (&Params, &[Address]),
    horizon: Horizon,
    states: &States,
) -> Held<'s> {
    let intake = Intake::of(trades, |trade| Input::trade(&trade))
        .and(balances, |event| Input::balances(&event))
        .and(events, |event| Input::of(event).into_iter().flatten())
        .and(labels, |label| Input::label(&label));
    let settings =
        token::Settings { params: params.clone(), protocol_accounts: protocol_accounts.to_vec(), horizon };
    let way = |output| match output {
        Output::Holder(holder) => Either::Left(holder),
        Output::Concentration(concentration) => Either::Right(Either::Left(concentration)),
        Output::Holdings(holdings) => Either::Right(Either::Right(Only(holdings))),
    };
    let (holders, (concentration, holdings)) =
        keyed_apart::<Token, _>(intake, "holders", settings, states, way);
    Held { holders, concentration, holdings }
}
