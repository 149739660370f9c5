//! The bars of one token, interval and start, of all series together.
//!
//! Most tokens trade in one pool, and then the pool's bar, `all` and `primary` are the same bar. So a
//! bucket keeps a bar of its own for `all` only once a trade is not in it or a second pool comes, and
//! for `primary` only once a trade is in `all` and not in it.

use model::Time;
use serde::{Deserialize, Serialize};

use crate::bar::{Bar, Edges, Role, Tick};

/// Which series of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// Of a pool, by index.
    Pool(u32),
    /// Of all pools with the quote token of the primary one.
    All,
    /// Of the primary pool.
    Primary,
}

impl Line {
    fn has(self, tick: &Tick) -> bool {
        match self {
            Self::Pool(pool) => tick.pool == pool,
            Self::All => tick.role >= Role::All,
            Self::Primary => tick.role == Role::Primary,
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bucket {
    /// The pool of the first trade that came, an index, and its bar.
    first: (u32, Bar),
    /// Other pools.
    others: Vec<(u32, Bar)>,
    /// None while it is the same as the first pool's.
    all: Option<Box<Bar>>,
    /// None while it is the same as `all`.
    primary: Option<Box<Bar>>,
    /// Edges among the trades that are no longer kept, by series.
    sealed: Vec<(Line, Edges)>,
    /// The logical time at which its outputs were last said to change.
    #[serde(skip)]
    touched_at: Option<Time>,
}

impl Bucket {
    /// The bucket of one trade.
    #[must_use]
    pub fn new(tick: &Tick) -> Self {
        let mut bucket = Self {
            first: (tick.pool, Bar::default()),
            others: Vec::new(),
            all: None,
            primary: None,
            sealed: Vec::new(),
            touched_at: None,
        };
        bucket.add(tick);
        bucket
    }

    /// The bucket of `ticks`, all of which are in its interval; none without any.
    #[must_use]
    pub fn of(ticks: &[Tick]) -> Option<Self> {
        let (first, rest) = ticks.split_first()?;
        let mut bucket = Self::new(first);
        for tick in rest {
            bucket.add(tick);
        }
        Some(bucket)
    }

    fn pools(&self) -> impl Iterator<Item = &(u32, Bar)> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn pools_mut(&mut self) -> impl Iterator<Item = &mut (u32, Bar)> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    /// The bar of a series; none if it has no trades.
    #[must_use]
    pub fn bar(&self, line: Line) -> Option<&Bar> {
        let all = || self.all.as_deref().unwrap_or(&self.first.1);
        let bar = match line {
            Line::Pool(pool) => self.pools().find(|(p, _)| *p == pool).map(|(_, bar)| bar),
            Line::All => Some(all()),
            Line::Primary => Some(self.primary.as_deref().unwrap_or_else(all)),
        };
        bar.filter(|bar| bar.trades() > 0)
    }

    /// The pool whose bar is that of every series, if there is only one bar.
    #[must_use]
    pub fn only_pool(&self) -> Option<u32> {
        let is_only = self.others.is_empty() && self.all.is_none() && self.primary.is_none();
        is_only.then_some(self.first.0)
    }

    /// The series it may have bars of.
    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.pools().map(|(pool, _)| Line::Pool(*pool)).chain([Line::All, Line::Primary])
    }

    /// True if it has no trades, kept or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pools().all(|(_, bar)| bar.trades() == 0)
    }

    /// True the first time that it is asked at `time`.
    pub fn touch(&mut self, time: Time) -> bool {
        self.touched_at.replace(time) != Some(time)
    }

    /// Adds a trade to the series that its role gives it to.
    pub fn add(&mut self, tick: &Tick) {
        self.part_ways(tick);
        let of_pool = self.pools_mut().find(|(pool, _)| *pool == tick.pool);
        if of_pool.map(|(_, bar)| bar.add(tick)).is_none() {
            let mut bar = Bar::default();
            bar.add(tick);
            self.others.push((tick.pool, bar));
        }
        for (line, bar) in [(Line::All, &mut self.all), (Line::Primary, &mut self.primary)] {
            if let Some(bar) = bar.as_mut().filter(|_| line.has(tick)) {
                bar.add(tick);
            }
        }
    }

    /// Takes a trade out of the series that its role gave it to. `left` are the trades of the bucket
    /// that stay, as far as they are kept; they are only read if the edges must be found again.
    pub fn remove(&mut self, tick: &Tick, left: &[Tick]) {
        // A series without a bar of its own shares the bar from which the trade is taken.
        let pools = std::iter::once(&mut self.first).chain(&mut self.others);
        let pool = pools.into_iter().find(|(pool, _)| *pool == tick.pool).map(|(_, bar)| bar);
        let bars = [
            (Line::Pool(tick.pool), pool),
            (Line::All, self.all.as_deref_mut()),
            (Line::Primary, self.primary.as_deref_mut()),
        ];
        for (line, bar) in bars {
            let Some(bar) = bar.filter(|_| line.has(tick)) else { continue };
            if bar.remove(tick) {
                let sealed = self.sealed.iter().find(|(sealed, _)| *sealed == line);
                bar.edges = sealed.map(|(_, edges)| *edges).unwrap_or_default();
                for tick in left.iter().filter(|tick| line.has(tick)) {
                    bar.edges.add(tick);
                }
            }
        }
    }

    /// Notes the edges of a trade that is no longer kept; it stays in the bars.
    pub fn seal(&mut self, tick: &Tick) {
        for line in [Line::Pool(tick.pool), Line::All, Line::Primary] {
            if !line.has(tick) {
                continue;
            }
            match self.sealed.iter_mut().find(|(sealed, _)| *sealed == line) {
                Some((_, edges)) => edges.add(tick),
                None => {
                    let mut edges = Edges::default();
                    edges.add(tick);
                    self.sealed.push((line, edges));
                }
            }
        }
    }

    /// Gives `all` and `primary` bars of their own, before a trade that sets them apart is added.
    fn part_ways(&mut self, tick: &Tick) {
        if self.all.is_none() {
            let is_only_pool = self.pools().all(|(pool, _)| *pool == tick.pool);
            if !is_only_pool || tick.role == Role::Pool {
                self.all = Some(Box::new(self.first.1.clone()));
            }
        }
        if self.primary.is_none() && tick.role == Role::All {
            let all = self.all.as_deref().unwrap_or(&self.first.1);
            self.primary = Some(Box::new(all.clone()));
        }
    }
}
