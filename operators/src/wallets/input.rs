//! Elements that the operator of wallets takes in.

use model::{
    Address, BalancesChanged, Control, EventId, ListEntry, Origin, Seconds, Side, Time, TokenCreated, TxPlace,
};
use serde::{Deserialize, Serialize};

use crate::labels::{Label, LabelKind, accounts};
use crate::prelude::Diff;
use crate::usd::ValuedTrade;

/// One input element of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// The wallet.
    pub trader: Address,
    /// The news itself.
    pub news: News,
}

/// See [`Input`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum News {
    /// Something happened to what it has of a token.
    Entry(Address, Entry),
    /// The wallet created a token.
    Created(Address),
    /// The wallet carries a label that keeps it from being rated.
    Labelled(String),
    /// The wallet is to be rated.
    Candidate(Candidacy),
}

/// For how long a wallet is to be rated. Among periods that begin at one time the last known counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Candidacy {
    /// First moment.
    pub valid_from: Time,
    /// Since when this is known.
    pub known_from: Time,
    /// First moment after the last; none while it lasts.
    pub valid_to: Option<Time>,
}

/// An entry of a ledger. Entries order as the chain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Canonical order.
    pub id: EventId,
    /// Block time.
    pub time: Seconds,
    /// The leading bytes of the transaction's signature, which name it whether or not its index is known.
    pub tx: u64,
    /// The kind of entry, with its amounts.
    pub what: What,
}

/// See [`Entry`]. Amounts of base are raw units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// A trade.
    Trade(Fill),
    /// By how much a transaction changed what the wallet holds, its trades included.
    Moved {
        /// More by this much.
        more: u64,
        /// Less by this much; one of the two is 0.
        less: u64,
    },
}

/// The part of a trade that a ledger needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fill {
    /// Side of the wallet.
    pub side: Side,
    /// Base that the wallet's balance gained or gave, raw units: what a transfer fee kept is not in it.
    pub base: u64,
    /// Decimals of the base token.
    pub base_decimals: u8,
    /// The currency that `quote` is an amount of.
    pub currency: Currency,
    /// Amount that the wallet paid or received after every fee, raw units.
    pub quote: u64,
    /// The same in millionths of a USD; none if that is not known.
    pub usd: Option<u64>,
}

/// The currency that a trade was paid in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Currency {
    /// SOL.
    Sol,
    /// USDC.
    Usdc,
    /// USDT.
    Usdt,
    /// Any other token, of which no ledger is kept.
    Other,
}

impl Currency {
    /// The currency that a mint is.
    #[must_use]
    pub const fn of(mint: &Address) -> Self {
        match *mint {
            Address::WSOL => Self::Sol,
            Address::USDC => Self::Usdc,
            Address::USDT => Self::Usdt,
            _ => Self::Other,
        }
    }

    /// The token.
    #[must_use]
    pub const fn mint(self) -> Option<Address> {
        match self {
            Self::Sol => Some(Address::WSOL),
            Self::Usdc => Some(Address::USDC),
            Self::Usdt => Some(Address::USDT),
            Self::Other => None,
        }
    }

    /// Its decimals.
    #[must_use]
    pub const fn decimals(self) -> i32 {
        match self {
            Self::Sol => 9,
            Self::Usdc | Self::Usdt | Self::Other => 6,
        }
    }
}

impl Input {
    /// The entry of a trade in the ledger of its trader; none if the trader is not known, or the token is a
    /// currency.
    #[must_use]
    pub fn trade(valued: &ValuedTrade) -> Option<Self> {
        let trade = valued.trade();
        let trader = trade.trader?;
        if trade.mint.is_currency() {
            return None;
        }
        // The wallet's own side of the trade, not the pool's: fees lie between the two.
        let quote = trade.quote_user.unwrap_or(trade.quote_amount);
        let usd = valued.usd.map(|rate| rate.micros(quote, trade.quote_decimals));
        let fill = Fill {
            side: trade.side,
            base: trade.base_user,
            base_decimals: trade.base_decimals,
            currency: Currency::of(&trade.quote_mint),
            quote,
            usd: usd.and_then(|micros| u64::try_from(micros).ok()),
        };
        let entry = Entry::new(&trade.origin, What::Trade(fill));
        Some(Self { trader, news: News::Entry(trade.mint, entry) })
    }

    /// Changes of balances that a transaction made beside, or instead of, trades.
    ///
    /// Where it tells of two owners and one got what the other gave, it is a trade with a pool and nothing
    /// else: that is nearly every transaction, and none of it need go to a ledger.
    #[must_use]
    pub fn moved(event: &BalancesChanged) -> Vec<Self> {
        let BalancesChanged { origin, mint, balances } = event;
        if mint.is_currency() {
            return Vec::new();
        }
        let mut owners: Vec<(Address, i128)> = Vec::with_capacity(2);
        for balance in balances {
            let change = i128::from(balance.after) - i128::from(balance.before);
            match owners.iter_mut().find(|(owner, _)| *owner == balance.owner) {
                Some((_, sum)) => *sum += change,
                None => owners.push((balance.owner, change)),
            }
        }
        if let [(_, one), (_, other)] = owners.as_slice()
            && *one == -*other
            && *one != 0
        {
            return Vec::new();
        }
        owners.retain(|(owner, _)| accounts::known(owner).is_none() && *owner != Address::ZERO);
        let input = |(trader, change): (Address, i128)| {
            let amount = u64::try_from(change.unsigned_abs()).unwrap_or(u64::MAX);
            let (more, less) = if change >= 0 { (amount, 0) } else { (0, amount) };
            let entry = Entry::new(origin, What::Moved { more, less });
            Self { trader, news: News::Entry(*mint, entry) }
        };
        owners.into_iter().map(input).collect()
    }
}

impl Input {
    /// Who created a token: who signed, and whom the event names.
    pub fn created(event: &TokenCreated) -> impl Iterator<Item = Self> + use<> {
        let named = event.creator.filter(|creator| *creator != event.user);
        let news = News::Created(event.mint);
        [Some(event.user), named].into_iter().flatten().map(move |trader| Self { trader, news: news.clone() })
    }

    /// The news that a label is, if its kind is one of `kinds`.
    #[must_use]
    pub fn label(label: &Label, kinds: &[String]) -> Option<Self> {
        let kind = kinds.iter().find(|kind| *kind == label.kind.name())?;
        Some(Self { trader: label.wallet?, news: News::Labelled(kind.clone()) })
    }

    /// The wallet and what of it somebody says, or takes back if the number is negative: a label of `kinds`
    /// that is no label of this system, or that it is on the list `candidates`.
    #[must_use]
    pub fn said(control: &Control, kinds: &[String], candidates: &str) -> Option<(Self, Diff)> {
        if let Control::AddLabel(entry) | Control::RemoveLabel { entry, .. } = control {
            let is_own = LabelKind::named(&entry.kind).is_some_and(LabelKind::can_be_given);
            let news = News::Labelled(kinds.iter().find(|kind| **kind == entry.kind)?.clone());
            let diff = if matches!(control, Control::AddLabel(_)) { 1 } else { -1 };
            return (!is_own).then_some((Self { trader: entry.subject, news }, diff));
        }
        let (Control::AddListEntry(entry) | Control::RemoveListEntry { entry, .. }) = control else {
            return None;
        };
        let diff = if matches!(control, Control::AddListEntry(_)) { 1 } else { -1 };
        let ListEntry { list, trader, valid_from, valid_to, known_from, .. } = entry;
        let news = News::Candidate(Candidacy {
            valid_from: *valid_from,
            known_from: *known_from,
            valid_to: *valid_to,
        });
        (list == candidates).then_some((Self { trader: *trader, news }, diff))
    }
}

impl Entry {
    fn new(origin: &Origin, what: What) -> Self {
        Self { id: origin.id, time: origin.block_time, tx: TxPlace::prefix(&origin.signature), what }
    }
}
