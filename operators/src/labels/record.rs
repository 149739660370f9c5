//! The record `labels`.

use std::fmt;

use model::{Address, Column, EventId, Kind, Record, Row, Schema, Seconds, Value};
use serde::{Deserialize, Serialize};

use super::{LabelKind, RULE_VERSION};

/// A label. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    /// What is labelled.
    pub subject: Subject,
    /// As what.
    pub kind: LabelKind,
    /// The token in which it was found; none if the label is not about one.
    pub mint: Option<Address>,
    /// The wallet; none if it is not known.
    pub wallet: Option<Address>,
    /// Why.
    pub reason: Reason,
    /// The events that show it, in canonical order.
    pub evidence: Vec<EventId>,
    /// Block time from which it holds; of a label that is given, when it became known.
    pub valid_from: Seconds,
    /// What amounts of quote in the reason are of; none without such amounts.
    pub quote_mint: Option<Address>,
}

/// What can be labelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// A wallet, whatever it trades: `wallet`.
    Wallet(Address),
    /// A wallet in one token: `wallet:mint`.
    Holder {
        /// The wallet.
        wallet: Address,
        /// The token.
        mint: Address,
    },
    /// A trade: its event id.
    Trade(EventId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(wallet) => wallet.fmt(f),
            Self::Holder { wallet, mint } => write!(f, "{wallet}:{mint}"),
            Self::Trade(event) => event.fmt(f),
        }
    }
}

/// The part of a trade in a sandwich.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Moves the price against the victim.
    Front,
    /// Pays the worse price.
    Victim,
    /// Takes the difference.
    Back,
}

impl Role {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Victim => "victim",
            Self::Back => "back",
        }
    }
}

/// Why a label was given, with the numbers that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Bought this long after the token's first trade.
    Sniped {
        /// Slots.
        slots: u64,
        /// Seconds of block time.
        seconds: Seconds,
    },
    /// Bought in the launch slot, as so many wallets did.
    Bundled {
        /// Distinct wallets.
        wallets: u32,
    },
    /// Got tokens from the creator without having bought any.
    HandedOut,
    /// First seen less than this long ago.
    New {
        /// Seconds of block time.
        seconds: Seconds,
    },
    /// Part of a sandwich.
    Sandwiched {
        /// Which part.
        role: Role,
        /// Profit of who made it, raw quote units.
        drained: i128,
    },
    /// Part of an arbitrage.
    Arbitraged {
        /// Distinct pools.
        pools: u32,
        /// Profit, raw quote units; none if the pools are not quoted in one token.
        profit: Option<i128>,
    },
    /// Bought and sold the same over and over.
    Washed {
        /// Changes from buying to selling or back, counted in pairs.
        round_trips: u32,
        /// Quote traded on both sides, raw units.
        gross: u128,
    },
    /// Given by a list or a person, with their words.
    Given(String),
}

impl Reason {
    fn text(&self) -> String {
        match self {
            Self::Sniped { slots, seconds } => {
                format!("bought {slots} slots and {seconds} s after the first trade")
            }
            Self::Bundled { wallets } => format!("one of {wallets} wallets that bought in the launch slot"),
            Self::HandedOut => "got tokens from the creator without buying any".to_owned(),
            Self::New { seconds } => format!("first seen less than {seconds} s ago"),
            Self::Sandwiched { role, .. } => format!("{} of a sandwich", role.name()),
            Self::Arbitraged { pools, .. } => format!("bought and sold in {pools} pools at once"),
            Self::Washed { round_trips, .. } => {
                format!("{round_trips} round trips that leave nothing bought or sold")
            }
            Self::Given(reason) => reason.clone(),
        }
    }

    fn role(&self) -> Value {
        match self {
            Self::Sandwiched { role, .. } => Value::from(role.name()),
            _ => Value::Null,
        }
    }

    fn count(&self) -> Value {
        Value::Count(match self {
            Self::Sniped { slots, .. } => *slots,
            Self::Bundled { wallets } => u64::from(*wallets),
            Self::Arbitraged { pools, .. } => u64::from(*pools),
            Self::Washed { round_trips, .. } => u64::from(*round_trips),
            Self::HandedOut | Self::New { .. } | Self::Sandwiched { .. } | Self::Given(_) => {
                return Value::Null;
            }
        })
    }

    fn quote(&self) -> Value {
        let quote = match self {
            Self::Sandwiched { drained, .. } => Some(*drained),
            Self::Arbitraged { profit, .. } => *profit,
            Self::Washed { gross, .. } => i128::try_from(*gross).ok(),
            _ => None,
        };
        quote.map_or(Value::Null, Value::Sum)
    }
}

impl Record for Label {
    const SCHEMA: &'static Schema = &Schema {
        name: "labels",
        doc: "What wallets and trades have been found to be, by which rule and why.",
        key: 2,
        columns: &[
            Column::new("subject", Kind::Text, "What is labelled: wallet, wallet:mint, or event id."),
            Column::new(
                "kind",
                Kind::Symbol,
                "sniper, bundler, insider, fresh, sandwich, arbitrage, wash, bot, protocol.",
            ),
            Column::new("mint", Kind::Address, "The token in which it was found; null if not about one."),
            Column::new("wallet", Kind::Address, "The wallet; null if it is not known."),
            Column::new("reason", Kind::Text, "Why, in words."),
            Column::new("evidence", Kind::Text, "Event ids that show it, comma-separated; null if given."),
            Column::new("rule_version", Kind::Count, "Version of the rules."),
            Column::new(
                "valid_from",
                Kind::Time,
                "Block time from which it holds; if given, since when known.",
            ),
            Column::new("role", Kind::Symbol, "Of a sandwich: front, victim, back."),
            Column::new(
                "count",
                Kind::Count,
                "Slots since the first trade (sniper), wallets (bundler), pools (arbitrage), round trips (wash).",
            ),
            Column::new(
                "quote",
                Kind::Sum,
                "Profit of who made it (sandwich, arbitrage), quote traded on both sides (wash), raw units of \
                 quote_mint.",
            ),
            Column::new("quote_mint", Kind::Address, "What quote is an amount of; null without."),
        ],
    };
    type Key = (Subject, LabelKind);

    fn key(&self) -> Self::Key {
        (self.subject, self.kind)
    }

    fn row(&self) -> Row {
        let evidence: Vec<String> = self.evidence.iter().map(EventId::to_string).collect();
        vec![
            Value::text(self.subject.to_string()),
            Value::from(self.kind.name()),
            Value::from(self.mint),
            Value::from(self.wallet),
            Value::text(self.reason.text()),
            if evidence.is_empty() { Value::Null } else { Value::text(evidence.join(",")) },
            Value::Count(RULE_VERSION.into()),
            Value::time(self.valid_from),
            self.reason.role(),
            self.reason.count(),
            self.reason.quote(),
            Value::from(self.quote_mint),
        ]
    }
}
