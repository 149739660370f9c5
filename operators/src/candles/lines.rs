//! Something that is kept for every series of a token: a bar, or who traded.
//!
//! Most tokens trade in one pool, and then the pool's, `all` and `primary` are the same. So one is kept
//! for `all` only once a trade is not in it or a second pool comes, and one for `primary` only once a
//! trade is in `all` and not in it.

use model::Address;
use serde::{Deserialize, Serialize};

use crate::bar::{Role, Tick};

/// Which series of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    /// Of a pool, by index.
    Pool(u32),
    /// Of all pools with the quote token of the primary one.
    All,
    /// Of the primary pool.
    Primary,
}

impl Line {
    /// The series that a trade of any role may belong to.
    pub(super) const fn around(tick: &Tick) -> [Self; 3] {
        [Self::Pool(tick.pool), Self::All, Self::Primary]
    }

    /// True if the trade belongs to it.
    pub(super) fn has(self, tick: &Tick) -> bool {
        match self {
            Self::Pool(pool) => tick.pool == pool,
            Self::All => tick.role >= Role::Volume,
            Self::Primary => tick.role == Role::Primary,
        }
    }

    /// A trade as it counts in it, if it belongs to it: in `all` some count without their price.
    pub(super) fn of(self, tick: &Tick) -> Option<Tick> {
        let is_priced = self != Self::All || tick.role >= Role::All;
        self.has(tick).then(|| Tick {
            price: tick.price.filter(|_| is_priced),
            market_cap: tick.market_cap.filter(|_| is_priced),
            ..*tick
        })
    }
}

/// A pool of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct PoolName {
    pub(super) address: Address,
    /// Its place among the token's pools.
    index: u32,
}

impl PoolName {
    /// The pool of a trade.
    pub(super) fn of(tick: &Tick, pools: &[Address]) -> Self {
        let address = pools.get(tick.pool as usize).copied().unwrap_or_default();
        Self { address, index: tick.pool }
    }
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lines<T> {
    /// The pool of the first trade that came.
    first_pool: PoolName,
    first: T,
    /// Boxed, because few have it.
    apart: Option<Box<Apart<T>>>,
}

/// What is there beside the first pool's.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Apart<T> {
    others: Vec<(PoolName, T)>,
    /// None while it is the same as the first pool's.
    all: Option<T>,
    /// None while it is the same as `all`.
    primary: Option<T>,
}

impl<T: Clone + Default> Lines<T> {
    /// For a token, or a bar, that begins with a trade in `pool`.
    pub(super) fn new(pool: PoolName) -> Self {
        Self { first_pool: pool, first: T::default(), apart: None }
    }

    /// That of the only pool, if all its trades belong to all series.
    pub(super) fn only(&self) -> Option<(PoolName, &T)> {
        self.apart.is_none().then_some((self.first_pool, &self.first))
    }

    /// That of a series; none if it has none.
    pub(super) fn get(&self, line: Line) -> Option<&T> {
        let apart = self.apart.as_deref();
        let all = || apart.and_then(|apart| apart.all.as_ref()).unwrap_or(&self.first);
        match line {
            Line::Pool(pool) if pool == self.first_pool.index => Some(&self.first),
            Line::Pool(pool) => {
                let others = apart.map(|apart| apart.others.as_slice()).unwrap_or_default();
                others.iter().find(|(name, _)| name.index == pool).map(|(_, own)| own)
            }
            Line::All => Some(all()),
            Line::Primary => Some(apart.and_then(|apart| apart.primary.as_ref()).unwrap_or_else(all)),
        }
    }

    /// Those of the pools.
    pub(super) fn pools(&self) -> impl Iterator<Item = (PoolName, &T)> {
        let others = self.apart.iter().flat_map(|apart| &apart.others);
        std::iter::once((self.first_pool, &self.first)).chain(others.map(|(name, own)| (*name, own)))
    }

    /// All that are kept, each once.
    pub(super) fn own_mut(&mut self) -> impl Iterator<Item = (Line, &mut T)> {
        let apart = self.apart.iter_mut().flat_map(|apart| {
            let others = apart.others.iter_mut().map(|(name, own)| (Line::Pool(name.index), own));
            let all = apart.all.as_mut().map(|all| (Line::All, all));
            let primary = apart.primary.as_mut().map(|primary| (Line::Primary, primary));
            others.chain(all).chain(primary)
        });
        std::iter::once((Line::Pool(self.first_pool.index), &mut self.first)).chain(apart)
    }

    /// Makes room for a trade: its pool gets one, and so do `all` and `primary` if the trade sets them
    /// apart. To be called before the trade is added.
    pub(super) fn part_ways(&mut self, tick: &Tick, pools: &[Address]) {
        let is_first = tick.pool == self.first_pool.index;
        if self.apart.is_none() && is_first && tick.role == Role::Primary {
            return;
        }
        let first = &self.first;
        let apart = self
            .apart
            .get_or_insert_with(|| Box::new(Apart { others: Vec::new(), all: None, primary: None }));
        if apart.all.is_none() && !(apart.others.is_empty() && is_first && tick.role >= Role::All) {
            apart.all = Some(first.clone());
        }
        if apart.primary.is_none() && matches!(tick.role, Role::Volume | Role::All) {
            apart.primary = Some(apart.all.as_ref().unwrap_or(first).clone());
        }
        if !is_first && !apart.others.iter().any(|(name, _)| name.index == tick.pool) {
            apart.others.push((PoolName::of(tick, pools), T::default()));
        }
    }

    /// Does something to each that the trade belongs to.
    pub(super) fn each_of(&mut self, tick: &Tick, mut act: impl FnMut(Line, &mut T)) {
        let Some(apart) = self.apart.as_deref_mut() else {
            act(Line::Pool(self.first_pool.index), &mut self.first);
            return;
        };
        if tick.pool == self.first_pool.index {
            act(Line::Pool(tick.pool), &mut self.first);
        } else if let Some((_, own)) = apart.others.iter_mut().find(|(name, _)| name.index == tick.pool) {
            act(Line::Pool(tick.pool), own);
        }
        for (line, own) in [(Line::All, &mut apart.all), (Line::Primary, &mut apart.primary)] {
            if let Some(own) = own.as_mut().filter(|_| line.has(tick)) {
                act(line, own);
            }
        }
    }
}
