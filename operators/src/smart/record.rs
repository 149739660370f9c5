//! The records `smart_list`, `smart_matches` and `smart_clusters`.

use model::{Address, Column, EventId, Kind, ListEntry, Record, Row, Schema, Seconds, Value};
use serde::{Deserialize, Serialize};

use super::input::Traded;
use super::membership::begins;
use crate::commitment::SingleEvent;
use crate::labels::LabelSet;
use crate::usd::usd_value;
use crate::wallets::input::Currency;

/// A wallet on a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed(pub ListEntry);

impl Record for Listed {
    const SCHEMA: &'static Schema = &Schema {
        name: "smart_list",
        doc: "Which wallets are on which lists, from when until when, and why.",
        key: 3,
        columns: &[
            Column::new("list", Kind::Symbol, "Name of the list."),
            Column::new("trader", Kind::Address, "The wallet."),
            Column::new("valid_from", Kind::Time, "First moment on the list."),
            Column::new("valid_to", Kind::Time, "First moment no longer on it; null while it lasts."),
            Column::new("known_from", Kind::Time, "Since when this is known."),
            Column::new("score", Kind::Count, "0 to 100, where the list ranks."),
            Column::new("tier", Kind::Symbol, "Class within the list, where it has classes."),
            Column::new("reason", Kind::Text, "Why the wallet is on the list."),
        ],
    };
    type Key = (String, Address, u64);

    fn key(&self) -> Self::Key {
        (self.0.list.clone(), self.0.trader, begins(&self.0))
    }

    fn row(&self) -> Row {
        let Self(entry) = self;
        vec![
            Value::text(&entry.list),
            Value::from(entry.trader),
            Value::Count(begins(entry)),
            Value::count(entry.valid_to.map(|time| time / 1000)),
            Value::Count(entry.known_from / 1000),
            Value::count(entry.score),
            entry.tier.as_ref().map_or(Value::Null, Value::text),
            Value::text(&entry.reason),
        ]
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
    /// What is kept of the trade.
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

impl SingleEvent for Match {
    const SCHEMA: &'static Schema = &Schema {
        name: "smart_matches",
        doc: "Trades of wallets that were on a list when they traded.",
        key: 2,
        columns: &[
            Column::new("event_id", Kind::Text, "The trade."),
            Column::new("list", Kind::Symbol, "Name of the list."),
            Column::new("trader", Kind::Address, "The wallet."),
            Column::new("mint", Kind::Address, "The token."),
            Column::new("side", Kind::Symbol, "buy or sell."),
            Column::new("value_usd", Kind::Float, "What was paid, USD; null without an oracle price."),
            Column::new("score", Kind::Count, "Where the list ranks the wallet, 0 to 100."),
            Column::new("opens", Kind::Bool, "The trade opened a position of the wallet in the token."),
            Column::new("closes", Kind::Bool, "The trade closed it: next to nothing is left."),
            Column::new(
                "historical",
                Kind::Bool,
                "That the wallet is on the list was not known when it traded: the list was edited later.",
            ),
            Column::new("block_time", Kind::Time, "When it traded."),
            Column::new("base_amount", Kind::Amount, "Base, raw units."),
            Column::new("quote_amount", Kind::Amount, "Quote that moved the reserves, raw units."),
            Column::new("commitment", Kind::Symbol, "processed, confirmed, finalized."),
        ],
    };
    type Key = (EventId, String);

    fn key(&self) -> Self::Key {
        (self.event, self.list.clone())
    }

    fn event(&self) -> EventId {
        self.event
    }

    fn block_time(&self) -> Seconds {
        self.trade.time
    }

    fn cells(&self, _: LabelSet) -> Row {
        let trade = &self.trade;
        vec![
            Value::text(self.event.to_string()),
            Value::text(&self.list),
            Value::from(self.trader),
            Value::from(trade.mint),
            Value::from(trade.side.name()),
            trade.value_micros().map_or(Value::Null, |micros| usd_value(micros.into())),
            Value::count(self.score),
            Value::Bool(self.opens),
            Value::Bool(self.closes),
            Value::Bool(self.historical),
            Value::time(trade.time),
            Value::Amount(trade.base),
            Value::Amount(trade.quote),
        ]
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
    /// What that is an amount of.
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

impl SingleEvent for Cluster {
    const SCHEMA: &'static Schema = &Schema {
        name: "smart_clusters",
        doc: "Several wallets of a list that bought the same token within a window.",
        key: 3,
        columns: &[
            Column::new("list", Kind::Symbol, "Name of the list."),
            Column::new("mint", Kind::Address, "The token."),
            Column::new("window_start", Kind::Time, "Block time of first_event."),
            Column::new(
                "traders",
                Kind::Text,
                "Wallets that bought more than they sold from first_event to last_event, comma-separated.",
            ),
            Column::new("count", Kind::Count, "How many those are. It falls when they sell again."),
            Column::new(
                "net_quote",
                Kind::Sum,
                "Quote that they paid less what they got, raw units of quote_mint.",
            ),
            Column::new("first_event", Kind::Text, "First buy of one of the wallets that made the cluster."),
            Column::new("last_event", Kind::Text, "Last trade of a listed wallet in the window."),
            Column::new(
                "historical",
                Kind::Bool,
                "It was no cluster by what was known then: too few of the wallets were known to be on the list.",
            ),
            Column::new(
                "quote_mint",
                Kind::Address,
                "What net_quote is an amount of: what first_event was paid in.",
            ),
            Column::new("commitment", Kind::Symbol, "That of last_event: processed, confirmed, finalized."),
        ],
    };
    type Key = (String, Address, Seconds);

    fn key(&self) -> Self::Key {
        (self.list.clone(), self.mint, self.window_start)
    }

    fn event(&self) -> EventId {
        self.last_event
    }

    fn block_time(&self) -> Seconds {
        self.last_time
    }

    fn cells(&self, _: LabelSet) -> Row {
        let traders: Vec<String> = self.traders.iter().map(Address::to_string).collect();
        vec![
            Value::text(&self.list),
            Value::from(self.mint),
            Value::time(self.window_start),
            Value::text(traders.join(",")),
            Value::Count(u64::try_from(traders.len()).unwrap_or(u64::MAX)),
            self.net_quote.map_or(Value::Null, Value::Sum),
            Value::text(self.first_event.to_string()),
            Value::text(self.last_event.to_string()),
            Value::Bool(self.historical),
            Value::from(self.currency.mint()),
        ]
    }
}
