//! The record `leaders`.

use model::{Address, Cadence, Record, columns};
use serde::{Deserialize, Serialize};

use crate::number::Number;

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Most traded in 24 hours.
    Volume,
    /// Greatest market capitalisation.
    MarketCap,
    /// Highest score.
    Trending,
    /// Greatest gain in an hour.
    Gainers,
    /// Created last.
    New,
    /// Furthest on its curve, and not at its end.
    Graduating,
}

impl Kind {
    /// Every board.
    pub const ALL: [Self; 6] =
        [Self::Volume, Self::MarketCap, Self::Trending, Self::Gainers, Self::New, Self::Graduating];

    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::MarketCap => "market_cap",
            Self::Trending => "trending",
            Self::Gainers => "gainers",
            Self::New => "new",
            Self::Graduating => "graduating",
        }
    }
}

/// Unit of a value. Among two values on one board the one in the lesser unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Unit {
    /// USD.
    Usd,
    /// Quote coins.
    Quote,
    /// Points of a score.
    Points,
    /// Percent.
    Percent,
    /// Milliseconds since the Unix epoch.
    Ms,
}

impl Unit {
    /// Name in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Quote => "quote",
            Self::Points => "points",
            Self::Percent => "percent",
            Self::Ms => "ms",
        }
    }
}

/// The measure of a token on a board. The least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Unit of the value.
    pub unit: Unit,
    /// The value; the greater comes first.
    pub value: std::cmp::Reverse<Number>,
}

/// A token on a board. Its leading fields are its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leader {
    /// The board.
    pub board: Kind,
    /// Its rank, from 1.
    pub rank: u32,
    /// The token.
    pub mint: Address,
    /// The measure of the token.
    pub place: Place,
}

impl Record for Leader {
    columns! {
        self: "leaders", "The tokens that are first on each board; brought up to date once a second.";
        cadence: Cadence::Seconds(1);
        key {
            board: Symbol = self.board.name(),
                "volume, market_cap, trending (score_v1), gainers (1h), new, graduating.";
            rank: Count = self.rank, "From 1.";
        }
        mint: Address = self.mint, "The token.";
        value: Float = self.place.value.0, "What it is measured by, see unit.";
        unit: Symbol = self.place.unit.name(), "usd, quote (coins), points, percent, ms (Unix time).";
    }
    type Key = (Kind, u32);

    fn key(&self) -> Self::Key {
        (self.board, self.rank)
    }
}
