//! Boards of leaders: the tokens that are first by volume, market capitalisation, score, gain, age, and
//! progress on their curve.
//!
//! From the rows of [`crate::tokens`], in two steps. Tokens stand in shards, as many on every worker; once
//! a second a shard that has changed says which of its tokens are first on each board ([`Shard`]), and a
//! board puts together what the shards say ([`Board`]). A shard keeps the head of each board in order, and not all of
//! its tokens: most that change are far behind.
//!
//! A shard speaks in the second after its tokens have changed, and these tell of the second before: at the
//! end of a second a board says what was so two seconds earlier.
//!
//! Values in USD come before values in quote coins, which stand in where the USD value is not known. Equal
//! values stand by mint. A token that is dead is on no board, nor is money: SOL, USDC, USDT.

mod board;
mod head;
mod record;
mod shard;

use serde::{Deserialize, Serialize};

pub use board::{Board, Candidate};
pub use record::{Kind, Leader, Place, Unit};
pub use shard::{Shard, Standing};

use crate::prelude::*;
use crate::tokens::Token;

/// Settings of [`leaders`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// Tokens on a board.
    pub size: u32,
    /// Liquidity of a token on the board of gainers, at least, in USD; a token of unknown liquidity is not on it.
    pub gainers_liquidity_usd_min: f64,
    /// Trades in a day of a token on that board, at least.
    pub gainers_txns_min: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { size: 50, gainers_liquidity_usd_min: 1000.0, gainers_txns_min: 10 }
    }
}

/// Maintains the boards.
pub fn leaders<'s>(
    tokens: Collection<'s, Token>,
    params: &Params,
    states: &States,
) -> Collection<'s, Leader> {
    let of = params.clone();
    let standings = Intake::of(tokens, move |token| Some((token.mint, Standing::of(&token, &of)?)));
    let candidates = keyed::<Shard>(standings, "leaders_shards", params.clone(), states);
    keyed::<Board>(Intake::of(candidates, Some), "leaders", params.clone(), states)
}
