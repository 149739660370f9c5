//! Which pool is a token's primary one, trade by trade.
//!
//! A token's price series follows its primary pool: the launchpad's curve until the token migrates,
//! then the pool it migrated to, and from then on whichever pool has held clearly more liquidity for
//! long enough. A token that was never on a curve starts with the first pool it traded in.
//!
//! It is a fold over the trades and migrations of the token in canonical order ([`Primary`]), so it can be
//! run again when one comes late or is taken back: from the nearest place before it at which the state
//! of the fold was written down, until it is what it was ([`Choice`]).
//!
//! Source: DEFINITIONS §3, series keys. Liquidity is compared among pools with the same quote token by
//! their quote reserves, which needs no USD; pools in another quote token never take over.

use model::{Address, EventId, Seconds};
use serde::{Deserialize, Serialize};

use crate::bar::{Place, Role, Tick};

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
    /// Number of its trades, of all that were ever taken in and not retracted.
    pub trades: i64,
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

/// How many trades lie between the states of the fold that are kept.
const STRIDE: usize = 64;

/// The fold over the trades that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Before the first trade that is kept.
    before: Primary,
    /// After the last.
    after: Primary,
    /// States on the way, each as of before any trade at its place or later. Sorted.
    marks: Vec<(Place, Primary)>,
    /// Trades since the last mark.
    unmarked: usize,
}

/// What the fold needs beside the trades.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The pools, by index.
    pub pools: &'a [Pool],
    /// Sorted.
    pub moves: &'a [Move],
    /// Settings.
    pub params: &'a Params,
}

impl Choice {
    /// The primary pool after the last trade, an index. With one pool there is none to choose.
    #[must_use]
    pub const fn primary(&self) -> Option<u32> {
        self.after.pool
    }

    /// Takes in a trade that comes after all others and says which series it belongs to.
    pub fn step(&mut self, tick: &Tick, ground: Ground<'_>) -> Role {
        if ground.pools.len() == 1 {
            return Role::Primary; // nothing to choose, and nothing to remember until there is
        }
        if self.unmarked >= STRIDE {
            self.marks.push((tick.place(), self.after.clone()));
            self.unmarked = 0;
        }
        self.unmarked += 1;
        self.after.step(tick, ground)
    }

    /// Takes in the first of the kept trades, which is let go.
    pub fn let_go(&mut self, tick: &Tick, ground: Ground<'_>) {
        // With one pool too: it stays the primary one when another comes long after.
        self.before.step(tick, ground);
        let past = self.marks.partition_point(|(place, _)| *place <= tick.place());
        self.marks.drain(..past);
    }

    /// Chooses again where the trades have changed from `from` to `upto`; without these bounds, over all
    /// of them, which a new pool or migration needs. Returns the trades whose role is another one, by
    /// index.
    pub fn replay(
        &mut self,
        ticks: &[Tick],
        bounds: Option<(Place, Place)>,
        ground: Ground<'_>,
    ) -> Vec<(usize, Role)> {
        if ground.pools.len() == 1 {
            let start = bounds.map_or(0, |(from, _)| ticks.partition_point(|tick| tick.place() < from));
            let upto = |tick: &Tick| bounds.is_none_or(|(_, upto)| tick.place() <= upto);
            let concerned = ticks.iter().enumerate().skip(start).take_while(|(_, tick)| upto(tick));
            let others = concerned.filter(|(_, tick)| tick.role != Role::Primary);
            return others.map(|(at, _)| (at, Role::Primary)).collect();
        }
        if bounds.is_none() {
            self.marks.clear();
        }
        let mut next = bounds.map_or(0, |(from, _)| self.marks.partition_point(|(place, _)| *place <= from));
        let mark = next.checked_sub(1).and_then(|at| self.marks.get(at));
        let (mut primary, start) = match mark {
            Some((place, primary)) => (primary.clone(), ticks.partition_point(|tick| tick.place() < *place)),
            None => (self.before.clone(), 0),
        };
        let mut changed = Vec::new();
        for (at, tick) in ticks.iter().enumerate().skip(start) {
            while let Some((place, state)) = self.marks.get_mut(next).filter(|(p, _)| *p <= tick.place()) {
                if *state == primary && bounds.is_some_and(|(_, upto)| upto < *place) {
                    return changed; // from here on all is as it was
                }
                state.clone_from(&primary);
                next += 1;
            }
            if bounds.is_none() && at % STRIDE == 0 {
                self.marks.push((tick.place(), primary.clone()));
                next += 1;
            }
            let role = primary.step(tick, ground);
            if role != tick.role {
                changed.push((at, role));
            }
        }
        // Marks past the last trade, which was taken back, say nothing new.
        self.marks.truncate(next);
        self.after = primary;
        changed
    }
}

impl Primary {
    /// Takes in the next trade and says which series it belongs to.
    pub fn step(&mut self, tick: &Tick, ground: Ground<'_>) -> Role {
        let Ground { pools, moves, params } = ground;
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
            *reserve = tick.quote_reserve.get();
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

#[cfg(test)]
mod tests {
    use model::{Side, TxPlace};

    use super::*;
    use crate::bar::NOBODY;

    const PARAMS: Params = Params { takeover_ratio: 1.2, takeover_s: 1 };

    /// Three pools of one quote token, one of them a curve.
    fn pools() -> Vec<Pool> {
        let pool = |number: u8| Pool {
            address: Address([number; 32]),
            is_curve: number == 0,
            quote_mint: Some(Address::WSOL),
            trades: 1,
        };
        (0..3).map(pool).collect()
    }

    /// Numbers that look random and are the same in every run.
    fn random(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed >> 33
    }

    fn tick(at: u64, seed: &mut u64) -> Tick {
        // The curve only at first, so that the others may take over from each other.
        let pool = if at < 100 { random(seed) % 3 } else { 1 + random(seed) % 2 };
        Tick {
            time: at / 4,
            id: EventId { slot: at, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 },
            pool: u32::try_from(pool).unwrap(),
            role: Role::Pool,
            side: Side::Buy,
            decimals: (6, 9),
            price: None,
            market_cap: None,
            base: 1,
            quote: 1,
            quote_reserve: Some(1000 + random(seed) % 2000).into(),
            value_micros: None.into(),
            trader: NOBODY,
        }
    }

    /// The roles of all trades, chosen from the beginning.
    fn from_scratch(ticks: &[Tick], ground: Ground<'_>) -> Vec<Role> {
        let mut primary = Primary::default();
        ticks.iter().map(|tick| primary.step(tick, ground)).collect()
    }

    #[test]
    fn late_trades_and_those_taken_back_lead_to_what_all_trades_lead_to() {
        let (pools, mut seed, mut changes) = (pools(), 7, 0);
        let moves = [Move { id: tick(90, &mut 1).id, to: 1 }];
        let ground = Ground { pools: &pools, moves: &moves, params: &PARAMS };
        let (mut choice, mut ticks) = (Choice::default(), Vec::new());
        for at in (0..3000).step_by(2) {
            let mut tick = tick(at, &mut seed);
            tick.role = choice.step(&tick, ground);
            ticks.push(tick);
        }
        assert_eq!(ticks.iter().map(|t| t.role).collect::<Vec<_>>(), from_scratch(&ticks, ground));
        for round in 0..200 {
            let index = usize::try_from(random(&mut seed)).unwrap() % ticks.len();
            let place = if round % 2 == 0 {
                ticks.remove(index).place()
            } else {
                let late = tick(random(&mut seed) % 1500 * 2 + 1, &mut seed);
                let at = ticks.partition_point(|tick| tick.place() < late.place());
                ticks.insert(at, late);
                late.place()
            };
            let changed = choice.replay(&ticks, Some((place, place)), ground);
            changes += changed.len();
            for (at, role) in changed {
                ticks[at].role = role;
            }
            let next = choice.clone().step(&tick(4000, &mut 3), ground);
            let mut with_next = ticks.clone();
            with_next.push(tick(4000, &mut 3));
            let roles: Vec<Role> = ticks.iter().map(|t| t.role).chain([next]).collect();
            assert_eq!(roles, from_scratch(&with_next, ground), "round {round}");
        }
        assert!(changes > 200, "only {changes} roles changed, those of the 100 that came included");
    }

    #[test]
    fn a_late_trade_is_replayed_until_the_states_agree_again() {
        let (pools, mut seed) = (pools(), 7);
        let ground = Ground { pools: &pools, moves: &[], params: &PARAMS };
        let mut choice = Choice::default();
        // Always the same reserve: nothing ever takes over.
        let still = |at: u64, seed: &mut u64| Tick {
            pool: 1 + u32::try_from(at / 2 % 2).unwrap(),
            quote_reserve: Some(1000).into(),
            ..tick(at, seed)
        };
        let mut ticks: Vec<Tick> = (0..3000).step_by(2).map(|at| still(at, &mut seed)).collect();
        for tick in &mut ticks {
            tick.role = choice.step(tick, ground);
        }
        let late = still(601, &mut seed);
        let at = ticks.partition_point(|tick| tick.place() < late.place());
        ticks.insert(at, late);
        // What is far behind is not looked at, so that it is wrong there does not show.
        for tick in ticks.iter_mut().skip(at + 3 * STRIDE) {
            tick.role = Role::Pool;
        }
        let changed = choice.replay(&ticks, Some((late.place(), late.place())), ground);
        assert!(changed.iter().all(|(changed, _)| *changed == at), "{changed:?}");
    }
}
