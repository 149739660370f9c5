//! The record `labels`.

use std::fmt;

use model::record::{Formatted, ms};
use model::{Address, Cadence, EventId, Record, Seconds, columns};
use serde::{Deserialize, Serialize};

use super::{LabelKind, RULE_VERSION};

/// A label. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Label {
    /// The subject of the label.
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
    /// The quote token of amounts in the reason; none without such amounts.
    pub quote_mint: Option<Address>,
}

/// Subjects of labels.
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

    fn role(&self) -> Option<&'static str> {
        match self {
            Self::Sandwiched { role, .. } => Some(role.name()),
            _ => None,
        }
    }

    fn count(&self) -> Option<u64> {
        Some(match self {
            Self::Sniped { slots, .. } => *slots,
            Self::Bundled { wallets } => u64::from(*wallets),
            Self::Arbitraged { pools, .. } => u64::from(*pools),
            Self::Washed { round_trips, .. } => u64::from(*round_trips),
            Self::HandedOut | Self::New { .. } | Self::Sandwiched { .. } | Self::Given(_) => {
                return None;
            }
        })
    }

    fn quote(&self) -> Option<i128> {
        match self {
            Self::Sandwiched { drained, .. } => Some(*drained),
            Self::Arbitraged { profit, .. } => *profit,
            Self::Washed { gross, .. } => i128::try_from(*gross).ok(),
            _ => None,
        }
    }
}

impl Record for Label {
    columns! {
        self: "labels", "What wallets and trades have been found to be, by which rule and why.";
        cadence: Cadence::Flush;
        indexes: [["mint"]];
        let evidence = self.evidence.iter().map(EventId::to_string).collect::<Vec<_>>();
        key {
            subject: Text = Formatted(self.subject), "What is labelled: wallet, wallet:mint, or event id.";
            kind: Symbol = self.kind.name(),
                "sniper, bundler, insider, fresh, sandwich, arbitrage, wash, bot, protocol.";
        }
        mint: Address = self.mint, "The token in which it was found; null if not about one.";
        wallet: Address = self.wallet, "The wallet; null if it is not known.";
        reason: Text = self.reason.text(), "Why, in words.";
        evidence: Text = (!evidence.is_empty()).then(|| evidence.join(",")),
            "Event ids that show it, comma-separated; null if given.";
        rule_version: Count = RULE_VERSION, "Version of the rules.";
        valid_from: Time = ms(self.valid_from), "Block time from which it holds; if given, since when known.";
        role: Symbol = self.reason.role(), "Of a sandwich: front, victim, back.";
        count: Count = self.reason.count(),
            "Slots since the first trade (sniper), wallets (bundler), pools (arbitrage), round trips (wash).";
        quote: Sum = self.reason.quote(),
            "Profit of who made it (sandwich, arbitrage), quote traded on both sides (wash), raw units of \
                 quote_mint.";
        quote_mint: Address = self.quote_mint, "What quote is an amount of; null without.";
    }
    type Key = (Subject, LabelKind);

    fn key(&self) -> Self::Key {
        (self.subject, self.kind)
    }
}
