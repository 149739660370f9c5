//! Which pool is a token's primary one, trade by trade.
//!
//! A token's price series follows its primary pool: the launchpad's curve until the token migrates,
//! then the pool it migrated to, and from then on whichever pool has held clearly more liquidity for
//! long enough. A token that was never on a curve starts with the first pool it traded in.
//!
//! It is a fold over the trades and migrations of the token in canonical order, so it can be run again
//! when one comes late or is taken back.
//!
//! Source: DEFINITIONS §3, series keys. Liquidity is compared among pools with the same quote token by
//! their quote reserves, which needs no USD; pools in another quote token never take over.

use model::{Address, EventId, Seconds};
use serde::{Deserialize, Serialize};

use crate::bar::{Role, Tick};

/// Settings of the choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How many times the primary pool's liquidity another pool must hold.
    pub takeover_ratio: f64,
    /// For how long, in seconds.
    pub takeover_s: Seconds,
}

impl Default for Params {
    fn default() -> Self {
        Self { takeover_ratio: 1.2, takeover_s: 600 }
    }
}

/// A pool of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its address.
    pub address: Address,
    /// True if it is a launchpad's bonding curve.
    pub is_curve: bool,
    /// What it is quoted in; none until it has traded.
    pub quote_mint: Option<Address>,
}

/// The token leaves its curve for a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Move {
    /// When, in canonical order.
    pub id: EventId,
    /// To which pool, an index.
    pub to: u32,
}

/// The state of the fold after some trade.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primary {
    pool: Option<u32>,
    has_migrated: bool,
    /// By pool: quote reserve after its last trade, and since when it is clearly ahead of the primary.
    standing: Vec<(Option<u64>, Option<Seconds>)>,
}

impl Primary {
    /// The primary pool, an index.
    #[must_use]
    pub fn pool(&self) -> Option<u32> {
        self.pool
    }

    /// Takes in the next trade and says which series it belongs to. `moves` are sorted.
    pub fn step(&mut self, tick: &Tick, pools: &[Pool], moves: &[Move], params: &Params) -> Role {
        self.standing.resize(pools.len(), (None, None));
        if !self.has_migrated
            && let Some(first) = moves.first().filter(|m| m.id <= tick.id)
        {
            self.has_migrated = true;
            self.take_over(first.to);
        }
        self.choose_first(tick, pools);
        self.switch_if_due(tick.time, pools, params);
        if let Some((reserve, _)) = self.standing.get_mut(tick.pool as usize) {
            *reserve = tick.quote_reserve;
        }
        self.compare(tick.time, pools, params);
        self.role(tick.pool, pools)
    }

    fn role(&self, pool: u32, pools: &[Pool]) -> Role {
        let Some(primary) = self.pool else { return Role::Pool };
        if pool == primary {
            return Role::Primary;
        }
        let quote = |pool: u32| pools.get(pool as usize).and_then(|p| p.quote_mint);
        if quote(pool) == quote(primary) { Role::All } else { Role::Pool }
    }

    /// Before a migration the curve is primary, as soon as it is seen to trade.
    fn choose_first(&mut self, tick: &Tick, pools: &[Pool]) {
        let is_curve = pools.get(tick.pool as usize).is_some_and(|p| p.is_curve);
        let present = self.pool.and_then(|p| pools.get(p as usize));
        if present.is_none() || (is_curve && !self.has_migrated && present.is_some_and(|p| !p.is_curve)) {
            self.take_over(tick.pool);
        }
    }

    fn take_over(&mut self, pool: u32) {
        self.pool = Some(pool);
        for (_, ahead) in &mut self.standing {
            *ahead = None;
        }
    }

    /// Gives the primary's place to the pool that has been ahead for long enough, if there is one; of
    /// several, to the one that was first, and of equals to the one with more liquidity.
    fn switch_if_due(&mut self, now: Seconds, pools: &[Pool], params: &Params) {
        let due = |since: Seconds| since.saturating_add(params.takeover_s) <= now;
        let standing = self.standing.iter().zip(pools).zip(0u32..);
        let ahead = standing.filter_map(|(((reserve, since), pool), index)| {
            let since = since.filter(|since| due(*since))?;
            Some((since, std::cmp::Reverse(*reserve), pool.address, index))
        });
        if let Some((_, _, _, pool)) = ahead.min() {
            self.take_over(pool);
        }
    }

    fn compare(&mut self, now: Seconds, pools: &[Pool], params: &Params) {
        let Some(primary) = self.pool else { return };
        let Some(present) = pools.get(primary as usize) else { return };
        let own = self.standing.get(primary as usize).and_then(|(reserve, _)| *reserve);
        for ((pool, (reserve, ahead)), index) in pools.iter().zip(&mut self.standing).zip(0u32..) {
            let is_rival = index != primary
                && !present.is_curve
                && !pool.is_curve
                && pool.quote_mint == present.quote_mint;
            let is_ahead = own.zip(*reserve).is_some_and(|(own, rival)| exceeds(rival, own, params));
            *ahead = (is_rival && is_ahead).then(|| ahead.unwrap_or(now));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a threshold with two digits on reserves")]
fn exceeds(rival: u64, own: u64, params: &Params) -> bool {
    rival as f64 > own as f64 * params.takeover_ratio
}
