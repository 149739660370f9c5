//! Which pool is a token's primary one, trade by trade, and whose prices speak for the token.
//!
//! A token's price series follows its primary pool: the launchpad's curve until the token migrates,
//! then the pool it migrated to, and from then on whichever pool has held clearly more liquidity for
//! long enough. A token that was never on a curve starts with the first pool it traded in.
//!
//! A pool that holds little can be moved to any price for next to nothing. So the price of
//! another pool counts in the series `all` only if that pool held a share of the primary's liquidity before the
//! trade and after it; a trade that fills an empty pool makes it no deeper for itself.
//!
//! The choice is a fold over the trades and migrations of the token in canonical order ([`Primary`]), so it can be
//! run again when one comes late or is retracted: from the nearest place before it at which the state
//! of the fold was written down, until it is as before ([`Choice`]). Pools whose trades have all been retracted
//! count as if nobody had heard of them.
//!
//! Source: DEFINITIONS §2, the price of a token, and §3, series keys. Liquidity is compared among pools with the
//! same quote token by their quote reserves, which needs no USD; pools in another quote token never take over.
//! Where a reserve is not known, no share of it is shown. The fold learns of reserves by trades alone.

use model::{Address, EventId, Seconds};
use serde::{Deserialize, Serialize};

use crate::bar::{MaybeAmount, Role};

/// Settings of the choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Params {
    /// How many times the primary pool's liquidity another pool must hold.
    pub takeover_ratio: f64,
    /// For how long, in seconds.
    pub takeover_s: Seconds,
    /// How many times the primary pool's liquidity another pool must hold for its price to count in the series `all`.
    pub price_liquidity_ratio: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { takeover_ratio: 1.2, takeover_s: 600, price_liquidity_ratio: 0.1 }
    }
}

/// A trade, or a change of liquidity, as far as the choice asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Canonical order.
    pub id: EventId,
    /// Block time.
    pub time: Seconds,
    /// The pool, an index.
    pub pool: u32,
    /// Which series it belongs to, as was last found.
    pub role: Role,
    /// True unless it is a change of liquidity, which has a role and chooses nothing.
    pub is_trade: bool,
    /// Quote in the pool after it, raw units.
    pub quote_reserve: MaybeAmount,
    /// The least that was in the pool before it and after it.
    pub held: MaybeAmount,
}

/// A pool of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its address.
    pub address: Address,
    /// True if it is a launchpad's bonding curve.
    pub is_curve: bool,
    /// The token that it is quoted in; none until it has traded.
    pub quote_mint: Option<Address>,
    /// Number of its trades, of all that were ever taken in and not retracted.
    pub trades: i64,
}

impl Pool {
    /// True if a trade in it stands.
    #[must_use]
    pub const fn has_traded(&self) -> bool {
        self.trades > 0
    }

    /// The token that it is quoted in, if a trade in it stands.
    fn quote(&self) -> Option<Address> {
        self.quote_mint.filter(|_| self.has_traded())
    }

    const fn is_traded_curve(&self) -> bool {
        self.is_curve && self.has_traded()
    }
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
    marks: Vec<(EventId, Primary)>,
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

    /// Takes in a step that comes after all others and says which series it belongs to.
    pub fn step(&mut self, step: &Step, ground: Ground<'_>) -> Role {
        if ground.pools.len() == 1 {
            return Role::Primary; // nothing to choose, and nothing to remember until there is
        }
        if self.unmarked >= STRIDE {
            self.marks.push((step.id, self.after.clone()));
            self.unmarked = 0;
        }
        self.unmarked += 1;
        self.after.step(step, ground)
    }

    /// Takes in the first of the kept steps, which is let go.
    pub fn let_go(&mut self, step: &Step, ground: Ground<'_>) {
        // With one pool too: it stays the primary one when another comes long after.
        self.before.step(step, ground);
        let past = self.marks.partition_point(|(id, _)| *id <= step.id);
        self.marks.drain(..past);
    }

    /// Chooses again where the steps have changed from `from` to `upto`; without these bounds, over all
    /// of them, which a new pool or migration needs. Returns the steps whose role is another one, by
    /// index.
    pub fn replay(
        &mut self,
        steps: &[Step],
        bounds: Option<(EventId, EventId)>,
        ground: Ground<'_>,
    ) -> Vec<(usize, Role)> {
        if ground.pools.len() == 1 {
            let start = bounds.map_or(0, |(from, _)| steps.partition_point(|step| step.id < from));
            let upto = |step: &Step| bounds.is_none_or(|(_, upto)| step.id <= upto);
            let concerned = steps.iter().enumerate().skip(start).take_while(|(_, step)| upto(step));
            let others = concerned.filter(|(_, step)| step.role != Role::Primary);
            return others.map(|(at, _)| (at, Role::Primary)).collect();
        }
        if bounds.is_none() {
            self.marks.clear();
        }
        let mut next = bounds.map_or(0, |(from, _)| self.marks.partition_point(|(id, _)| *id <= from));
        let mark = next.checked_sub(1).and_then(|at| self.marks.get(at));
        let (mut primary, start) = match mark {
            Some((id, primary)) => (primary.clone(), steps.partition_point(|step| step.id < *id)),
            None => (self.before.clone(), 0),
        };
        let mut changed = Vec::new();
        for (at, step) in steps.iter().enumerate().skip(start) {
            while let Some((id, state)) = self.marks.get_mut(next).filter(|(id, _)| *id <= step.id) {
                if *state == primary && bounds.is_some_and(|(_, upto)| upto < *id) {
                    return changed; // from here on all is as it was
                }
                state.clone_from(&primary);
                next += 1;
            }
            if bounds.is_none() && at % STRIDE == 0 {
                self.marks.push((step.id, primary.clone()));
                next += 1;
            }
            let role = primary.step(step, ground);
            if role != step.role {
                changed.push((at, role));
            }
        }
        // Marks past the last step, which was retracted, say nothing new.
        self.marks.truncate(next);
        self.after = primary;
        changed
    }
}

impl Primary {
    /// Takes in the next step and says which series it belongs to.
    pub fn step(&mut self, step: &Step, ground: Ground<'_>) -> Role {
        let Ground { pools, moves, params } = ground;
        self.standing.resize(pools.len(), (None, None));
        if !self.has_migrated
            && let Some(first) = moves.first().filter(|m| m.id <= step.id)
        {
            self.has_migrated = true;
            self.take_over(first.to);
        }
        if !step.is_trade {
            // Before any trade no pool speaks for the token but the one that something happens in.
            let speaks = self.pool.is_none_or(|primary| primary == step.pool);
            return if speaks { Role::Primary } else { Role::Pool };
        }
        self.choose_first(step, pools);
        self.switch_if_due(step.time, pools, params);
        if let Some((reserve, _)) = self.standing.get_mut(step.pool as usize) {
            *reserve = step.quote_reserve.get();
        }
        self.compare(step.time, pools, params);
        self.role(step, pools, params)
    }

    fn role(&self, step: &Step, pools: &[Pool], params: &Params) -> Role {
        let Some(primary) = self.pool else { return Role::Pool };
        if step.pool == primary {
            return Role::Primary;
        }
        let quote = |pool: u32| pools.get(pool as usize).and_then(Pool::quote);
        if quote(step.pool) != quote(primary) {
            return Role::Pool;
        }
        let own = self.standing.get(primary as usize).and_then(|(reserve, _)| *reserve);
        let is_deep = own.zip(step.held.get()).is_some_and(|(own, held)| is_share(held, own, params));
        if is_deep { Role::All } else { Role::Volume }
    }

    /// Before a migration the curve is primary, as soon as it is seen to trade.
    fn choose_first(&mut self, step: &Step, pools: &[Pool]) {
        let is_curve = pools.get(step.pool as usize).is_some_and(Pool::is_traded_curve);
        let present = self.pool.and_then(|p| pools.get(p as usize));
        let is_better = is_curve && !self.has_migrated && present.is_some_and(|p| !p.is_traded_curve());
        if present.is_none() || is_better {
            self.take_over(step.pool);
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
                && !present.is_traded_curve()
                && !pool.is_traded_curve()
                && present.quote().is_some_and(|quote| pool.quote() == Some(quote));
            let is_ahead = own.zip(*reserve).is_some_and(|(own, rival)| exceeds(rival, own, params));
            *ahead = (is_rival && is_ahead).then(|| ahead.unwrap_or(now));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a threshold with two digits on reserves")]
fn exceeds(rival: u64, own: u64, params: &Params) -> bool {
    rival as f64 > own as f64 * params.takeover_ratio
}

#[expect(clippy::cast_precision_loss, reason = "a threshold with two digits on reserves")]
fn is_share(held: u64, own: u64, params: &Params) -> bool {
    held as f64 >= own as f64 * params.price_liquidity_ratio
}

#[cfg(test)]
mod tests {
    use model::TxPlace;

    use super::*;

    const PARAMS: Params = Params { takeover_ratio: 1.2, takeover_s: 1, price_liquidity_ratio: 0.75 };

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

    fn step(at: u64, seed: &mut u64) -> Step {
        // The curve only at first, so that the others may take over from each other.
        let pool = if at < 100 { random(seed) % 3 } else { 1 + random(seed) % 2 };
        let reserve = 1000 + random(seed) % 2000;
        Step {
            id: EventId { slot: at, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 },
            time: at / 4,
            pool: u32::try_from(pool).unwrap(),
            role: Role::Pool,
            is_trade: !at.is_multiple_of(7),
            quote_reserve: Some(reserve).into(),
            held: Some(reserve - random(seed) % 500).into(),
        }
    }

    /// The roles of all trades, chosen from the beginning.
    fn from_scratch(steps: &[Step], ground: Ground<'_>) -> Vec<Role> {
        let mut primary = Primary::default();
        steps.iter().map(|step| primary.step(step, ground)).collect()
    }

    #[test]
    fn late_trades_and_those_taken_back_lead_to_what_all_trades_lead_to() {
        let (pools, mut seed, mut changes) = (pools(), 7, 0);
        let moves = [Move { id: step(90, &mut 1).id, to: 1 }];
        let ground = Ground { pools: &pools, moves: &moves, params: &PARAMS };
        let (mut choice, mut steps) = (Choice::default(), Vec::new());
        for at in (0..3000).step_by(2) {
            let mut step = step(at, &mut seed);
            step.role = choice.step(&step, ground);
            steps.push(step);
        }
        assert_eq!(steps.iter().map(|t| t.role).collect::<Vec<_>>(), from_scratch(&steps, ground));
        for round in 0..200 {
            let index = usize::try_from(random(&mut seed)).unwrap() % steps.len();
            let place = if round % 2 == 0 {
                steps.remove(index).id
            } else {
                let late = step(random(&mut seed) % 1500 * 2 + 1, &mut seed);
                let at = steps.partition_point(|step| step.id < late.id);
                steps.insert(at, late);
                late.id
            };
            let changed = choice.replay(&steps, Some((place, place)), ground);
            changes += changed.len();
            for (at, role) in changed {
                steps[at].role = role;
            }
            let next = choice.clone().step(&step(4000, &mut 3), ground);
            let mut with_next = steps.clone();
            with_next.push(step(4000, &mut 3));
            let roles: Vec<Role> = steps.iter().map(|t| t.role).chain([next]).collect();
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
        let still = |at: u64, seed: &mut u64| Step {
            pool: 1 + u32::try_from(at / 2 % 2).unwrap(),
            quote_reserve: Some(1000).into(),
            ..step(at, seed)
        };
        let mut steps: Vec<Step> = (0..3000).step_by(2).map(|at| still(at, &mut seed)).collect();
        for step in &mut steps {
            step.role = choice.step(step, ground);
        }
        let late = still(601, &mut seed);
        let at = steps.partition_point(|step| step.id < late.id);
        steps.insert(at, late);
        // What is far behind is not looked at, so that it is wrong there does not show.
        for step in steps.iter_mut().skip(at + 3 * STRIDE) {
            step.role = Role::Pool;
        }
        let changed = choice.replay(&steps, Some((late.id, late.id)), ground);
        assert!(changed.iter().all(|(changed, _)| *changed == at), "{changed:?}");
    }
}
