//! The records `smart_list`, `smart_matches` and `smart_clusters`.

use model::record::ms;
use model::{Address, Cadence, EventId, ListEntry, Record, Seconds, columns};
use serde::{Deserialize, Serialize};

use super::input::Traded;
use super::membership::begins;
use crate::commitment::{Committed, SingleEvent};
use crate::usd::usd_value;
use crate::wallets::input::Currency;

/// A wallet on a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed(pub ListEntry);

impl Record for Listed {
    columns! {
        self: "smart_list", "Which wallets are on which lists, from when until when, and why.";
        cadence: Cadence::Flush;
        let Self(entry) = self;
        key {
            list: Symbol = &self.0.list, "Name of the list.";
            trader: Address = self.0.trader, "The wallet.";
            valid_from: Time = begins(&self.0), "First moment on the list.";
        }
        valid_to: Time = entry.valid_to.map(|time| time / 1000),
            "First moment no longer on it; null while it lasts.";
        known_from: Time = entry.known_from / 1000, "Since when this is known.";
        score: Count = entry.score, "0 to 100, where the list ranks.";
        tier: Symbol = entry.tier.as_ref(), "Class within the list, where it has classes.";
        reason: Text = &entry.reason, "Why the wallet is on the list.";
    }
    type Key = (String, Address, u64);

    fn key(&self) -> Self::Key {
        (self.0.list.clone(), self.0.trader, begins(&self.0))
    }
}

/// A trade of a wallet that is on a list. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Match {
    /// The trade.
    pub event: EventId,
    /// Name of the list.
    pub list: String,
    /// The wallet.
    pub trader: Address,
    /// The short form of the trade.
    pub trade: Traded,
    /// Where the list ranks the wallet.
    pub score: Option<u8>,
    /// The trade opened a position.
    pub opens: bool,
    /// The trade closed the position.
    pub closes: bool,
    /// True if that the wallet is on the list was not known when it traded.
    pub historical: bool,
}

impl Record for Committed<Match> {
    columns! {
        self: "smart_matches", "Trades of wallets that were on a list when they traded.";
        cadence: Cadence::Flush;
        indexes: [["mint"], ["trader"]];
        let trade = &self.record.trade;
        key {
            event_id: Text = self.record.event, "The trade.";
            list: Symbol = &self.record.list, "Name of the list.";
        }
        trader: Address = self.record.trader, "The wallet.";
        mint: Address = trade.mint, "The token.";
        side: Symbol = trade.side.name(), "buy or sell.";
        value_usd: Float = trade.value_micros().and_then(|micros| usd_value(micros.into())),
            "What was paid, USD; null without an oracle price.";
        score: Count = self.record.score, "Where the list ranks the wallet, 0 to 100.";
        opens: Bool = self.record.opens, "The trade opened a position of the wallet in the token.";
        closes: Bool = self.record.closes, "The trade closed it: next to nothing is left.";
        historical: Bool = self.record.historical,
            "That the wallet is on the list was not known when it traded: the list was edited later.";
        block_time: Time = ms(trade.time), "When it traded.";
        base_user: Amount = trade.base, "Base that the wallet's balance gained or gave, raw units.";
        quote_user: Amount = trade.quote,
            "Quote that the wallet paid or received after every fee, raw units; where not known, what moved the \
         reserves.";
        commitment: Symbol = self.commitment.name(), "processed, confirmed, finalized.";
    }
    type Key = (EventId, String);

    fn key(&self) -> Self::Key {
        (self.record.event, self.record.list.clone())
    }
}

impl SingleEvent for Match {
    fn event(&self) -> EventId {
        self.event
    }

    fn block_time(&self) -> Seconds {
        self.trade.time
    }
}

/// Several wallets of a list that bought one token together. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cluster {
    /// Name of the list.
    pub list: String,
    /// The token.
    pub mint: Address,
    /// Block time of the first event.
    pub window_start: Seconds,
    /// The wallets that have bought more than they sold, as far as the window has gone, in order.
    pub traders: Vec<Address>,
    /// Quote that they paid less what they got, raw units; none if the first event is of another currency
    /// than SOL, USDC and USDT.
    pub net_quote: Option<i128>,
    /// The currency of that amount.
    pub currency: Currency,
    /// The first buy of one of the wallets that made it.
    pub first_event: EventId,
    /// The last match in the window.
    pub last_event: EventId,
    /// Block time of the last match in the window.
    pub last_time: Seconds,
    /// True if it was no cluster by what was known then: too few of the wallets were known to be on the list.
    pub historical: bool,
}

impl Record for Committed<Cluster> {
    columns! {
        self: "smart_clusters", "Several wallets of a list that bought the same token within a window.";
        cadence: Cadence::Flush;
        let traders = self.record.traders.iter().map(Address::to_string).collect::<Vec<_>>();
        key {
            list: Symbol = &self.record.list, "Name of the list.";
            mint: Address = self.record.mint, "The token.";
            window_start: Time = ms(self.record.window_start), "Block time of first_event.";
        }
        traders: Text = traders.join(","),
            "Wallets that bought more than they sold from first_event to last_event, comma-separated.";
        count: Count = traders.len(),
            "How many those are. It falls when they sell again.";
        net_quote: Sum = self.record.net_quote, "Quote that they paid less what they got, raw units of quote_mint.";
        first_event: Text = self.record.first_event, "First buy of one of the wallets that made the cluster.";
        last_event: Text = self.record.last_event, "Last trade of a listed wallet in the window.";
        historical: Bool = self.record.historical,
            "It was no cluster by what was known then: too few of the wallets were known to be on the list.";
        quote_mint: Address = self.record.currency.mint(),
            "What net_quote is an amount of: what first_event was paid in.";
        commitment: Symbol = self.commitment.name(), "That of last_event: processed, confirmed, finalized.";
    }
    type Key = (String, Address, Seconds);

    fn key(&self) -> Self::Key {
        (self.record.list.clone(), self.record.mint, self.record.window_start)
    }
}

impl SingleEvent for Cluster {
    fn event(&self) -> EventId {
        self.last_event
    }

    fn block_time(&self) -> Seconds {
        self.last_time
    }
}
