//! Labels: what a wallet, a wallet in a token, or a trade has been found to be.
//!
//! A label says what was found, by which rule, why, and by which events. Labels are derived from trades as
//! everything else is: a late trade or a dead fork takes it back or puts it right. The few labels that
//! belong to single trades also leave as [`Mark`]s, the short form in which other operators take them to
//! leave such trades out.
//!
//! A pattern of a token (snipers, bundlers, sandwiches, arbitrage, wash trading) is found by token, from
//! one tape of its trades ([`token`]); a trait of a wallet whatever it trades, by wallet ([`wallet`]).
//! Two operators, because each costs a trade one more exchange. Once a label can no longer be corrected,
//! what showed it is let go and the label stays; only a wallet's freshness ends by itself.
//!
//! Source: DEFINITIONS §8. No funding clusters and no groups of a block engine are known here, and of
//! transfers only those that a trade comes with.

pub mod accounts;
pub mod block;
pub mod input;
pub mod insider;
pub mod launch;
mod live;
mod record;
pub mod risk;
mod set;
mod tape;
pub mod token;
pub mod wallet;
pub mod wash;

use std::sync::Arc;

use differential_dataflow::collection::concatenate;
use model::time::second_of;
use model::{Address, BalancesChanged, ChainEvent, Control, EventId, LabelEntry, Trade};
use serde::{Deserialize, Serialize};

pub use record::{Label, Reason, Role, Subject};
pub use set::LabelSet;

use crate::prelude::*;

/// Settings of [`labels`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How long after the first trade of its token a buy makes a sniper, in seconds.
    pub sniper_s: Seconds,
    /// The same in slots; either will do.
    pub sniper_slots: u64,
    /// How many wallets that buy in the launch slot are bundlers.
    pub bundler_wallets: usize,
    /// Most that a sandwich or an arbitrage may leave bought or sold, in hundredths of a percent of all
    /// base that it traded.
    pub net_bps_max: u32,
    /// Wash trading.
    pub wash: wash::Params,
    /// For how long after its first trade a wallet is fresh, in seconds.
    pub fresh_s: Seconds,
    /// Wallets first seen before this block time are not fresh: set it to a day after the first event of a
    /// new installation, to which every wallet is new. Seconds since the Unix epoch.
    pub fresh_since_s: Seconds,
    /// Accounts of protocols, beside those of [`accounts`].
    pub protocol_accounts: Vec<Address>,
    /// For how long it is remembered that a silent token was launched, in seconds.
    pub remember_token_s: Seconds,
    /// For how long it is remembered that a silent wallet was seen, in seconds.
    pub remember_wallet_s: Seconds,
    /// The score of risk.
    pub risk: risk::Params,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            sniper_s: 5,
            sniper_slots: 12,
            bundler_wallets: 4,
            net_bps_max: 200,
            wash: wash::Params::default(),
            fresh_s: 86_400,
            fresh_since_s: 0,
            protocol_accounts: Vec::new(),
            remember_token_s: 30 * 86_400,
            remember_wallet_s: 7 * 86_400,
            risk: risk::Params::default(),
        }
    }
}

impl Params {
    /// How long after its block time a trade can still get a mark or lose one, in seconds: its last neighbour in the
    /// longest rule's reach may come as late as any event.
    #[must_use]
    pub fn reach_s(&self, horizon: Horizon) -> Seconds {
        horizon.0.saturating_add(self.wash.window_s.max(launch::LAUNCH_S))
    }

    /// Problems of the values, each with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let Self { sniper_s, bundler_wallets, wash, remember_token_s, remember_wallet_s, fresh_s, .. } = self;
        let in_launch = format!("must be at most {}", launch::LAUNCH_S);
        let a_day = "must be at least 86400";
        let checks = [
            (*sniper_s <= launch::LAUNCH_S, "sniper_s", in_launch.as_str()),
            (*bundler_wallets > 0, "bundler_wallets", "must be at least 1"),
            (self.net_bps_max <= 10_000, "net_bps_max", "must be at most 10000"),
            ((1..=86_400).contains(&wash.window_s), "wash.window_s", "must be 1 to 86400"),
            (wash.round_trips_min > 0, "wash.round_trips_min", "must be at least 1"),
            (wash.net_bps_max <= 10_000, "wash.net_bps_max", "must be at most 10000"),
            (*remember_token_s >= 86_400, "remember_token_s", a_day),
            (*remember_wallet_s >= 86_400, "remember_wallet_s", a_day),
            (remember_wallet_s >= fresh_s, "remember_wallet_s", "must not be less than fresh_s"),
        ];
        let wrong = checks.into_iter().filter(|(is_right, ..)| !is_right);
        let wrong = wrong.map(|(_, key, what)| (key, what.to_owned()));
        wrong.chain(self.risk.problems().into_iter().map(|(key, what)| (key, what.to_owned()))).collect()
    }
}

/// The labels, and the marks of the trades that other operators leave out.
pub struct Labels<'s> {
    /// The record.
    pub labels: Collection<'s, Label>,
    /// The marks.
    pub marks: Collection<'s, Mark>,
}

/// Labels wallets and trades.
///
/// `trades`, `balances` and `events` are those that happened, each once; of the latter creations matter,
/// and others do nothing here. `controls` tell of labels that are given.
pub fn labels<'s>(
    trades: Collection<'s, Arc<Trade>>,
    balances: Collection<'s, Arc<BalancesChanged>>,
    events: Collection<'s, ChainEvent>,
    controls: Collection<'s, Control>,
    params: &Params,
    horizon: Horizon,
    states: &States,
) -> Labels<'s> {
    let settings = (params.clone(), horizon);
    let origin = |event| match event {
        ChainEvent::TokenCreated(event) => Some(input::Input::Created(input::Creation::of(&event))),
        _ => None,
    };
    let of_wallet = |trade: Arc<Trade>| {
        let model::Origin { id, block_time: time, .. } = trade.origin;
        trade.trader.map(|wallet| wallet::Input::Trade(wallet, wallet::Trade { id, time, mint: trade.mint }))
    };
    let scope = trades.scope();
    let said = Intake::of(trades.clone(), of_wallet).and_changes(controls, given);
    let of_wallets = keyed::<wallet::Wallet>(said, "wallet_labels", settings.clone(), states);
    let done = Intake::of(trades, |trade| Some(input::Input::Trade(input::Trade::of(&trade))))
        .and(events, origin)
        .and(balances, |event| insider::Moved::of(&event).map(input::Input::Moved));
    let of_tokens = keyed::<token::Token>(done, "token_labels", settings, states);
    let outputs = [of_tokens.flat_map(Found::of_token), of_wallets.map(Found::of_wallet)];
    let found = concatenate(scope, outputs);
    let (labels, marks) = split(found, |found| match found {
        Found::Label(label) => Either::Left(label),
        Found::Mark(mark) => Either::Right(mark),
    });
    Labels { labels, marks }
}

/// A label that is given, or taken back.
fn given(control: Control, diff: Diff) -> Option<(wallet::Input, Diff)> {
    let (entry, diff): (LabelEntry, Diff) = match control {
        Control::AddLabel(entry) => (entry, diff),
        Control::RemoveLabel { entry, .. } => (entry, -diff),
        _ => return None,
    };
    let kind = LabelKind::named(&entry.kind).filter(|kind| kind.can_be_given())?;
    let given = wallet::Given { kind, since: second_of(entry.known_from), reason: entry.reason };
    Some((wallet::Input::Given(entry.subject, given), diff))
}

/// Something that was found.
#[derive(Clone)]
enum Found {
    Label(Label),
    Mark(Mark),
}

impl Found {
    fn of_token(output: token::Output) -> Vec<Self> {
        match output {
            token::Output::Found(found) => {
                let labels = found.labels.into_iter().map(Self::Label);
                labels.chain(found.marks.into_iter().map(Self::Mark)).collect()
            }
            token::Output::Label(label) => vec![Self::Label(label)],
            token::Output::Mark(mark) => vec![Self::Mark(mark)],
        }
    }

    fn of_wallet(output: wallet::Output) -> Self {
        match output {
            wallet::Output::Label(label) => Self::Label(label),
            wallet::Output::Mark(mark) => Self::Mark(mark),
        }
    }
}

/// Version of the rules: raised when a rule finds something else in the same trades.
pub const RULE_VERSION: u32 = 1;

/// Kind of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelKind {
    /// A wallet that bought a token in its first moments.
    Sniper,
    /// One of several wallets that bought a token in its launch slot.
    Bundler,
    /// A wallet that holds tokens which it got from the creator and never bought.
    Insider,
    /// A wallet that was first seen shortly before it traded.
    Fresh,
    /// A trade that is part of a sandwich.
    Sandwich,
    /// A trade of a transaction that bought in one pool and sold in another.
    Arbitrage,
    /// A wallet that trades a token with itself.
    Wash,
    /// A wallet that a machine trades.
    Bot,
    /// An account of a protocol: a fee recipient, a vault, a router.
    Protocol,
}

impl LabelKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Sniper,
        Self::Bundler,
        Self::Insider,
        Self::Fresh,
        Self::Sandwich,
        Self::Arbitrage,
        Self::Wash,
        Self::Bot,
        Self::Protocol,
    ];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sniper => "sniper",
            Self::Bundler => "bundler",
            Self::Insider => "insider",
            Self::Fresh => "fresh",
            Self::Sandwich => "sandwich",
            Self::Arbitrage => "arbitrage",
            Self::Wash => "wash",
            Self::Bot => "bot",
            Self::Protocol => "protocol",
        }
    }

    /// True if somebody may say this of a wallet; the others are found only.
    #[must_use]
    pub const fn can_be_given(self) -> bool {
        matches!(self, Self::Bot | Self::Protocol)
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// This trade carries that label. Only [`LabelKind::Sandwich`] (the trades of who made it, not of its
/// victims), [`LabelKind::Arbitrage`], [`LabelKind::Wash`] and [`LabelKind::Protocol`] are marks; a
/// trade may carry several kinds, each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The token.
    pub mint: Address,
    /// The trade.
    pub event: EventId,
    /// The pattern that the trade is part of.
    pub kind: LabelKind,
}
