//! What is kept of one token.

use model::{Address, Seconds};
use serde::{Deserialize, Serialize};

use super::history::History;
use super::milestones::{Milestones, Moment};
use super::present::Present;
use super::shown::Shown;
use super::{Activity, Entry, Input, Lifecycle, Milestone, Params, Pool, PoolName, Stage, Token, Window};
use crate::holders::Holdings;
use crate::labels::risk;
use crate::prelude::*;

/// What is let go is let go in steps, because each wakes the token.
const STEP_S: Seconds = 600;

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Tracked {
    pub(super) history: History,
    /// What has happened at the present time, not yet part of the history.
    #[serde(skip)]
    coming: Vec<Entry>,
    pub(super) milestones: Milestones,
    pub(super) hour: Present<Activity>,
    pub(super) day: Present<Activity>,
    pub(super) held: Present<Box<Holdings>>,
    /// The pool of its candles' primary series, where there is a choice.
    pub(super) chosen: Present<Address>,
    pub(super) is_dead: bool,
    shown: Shown<Token>,
    /// When rows are to be written: in the second after the first change since they were.
    publish_at: Option<Seconds>,
    /// Event time as far as this token has heard of it.
    now: Seconds,
    /// When something last came from the chain.
    active_at: Seconds,
    is_forgotten: bool,
}

/// What leaves for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every output is a row")]
pub enum Output {
    /// Something happened to it.
    Lifecycle(Lifecycle),
    /// A row that is brought up to date once a second.
    Row(Row),
}

/// A row that is brought up to date once a second.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "both are large")]
pub enum Row {
    /// Of the token.
    Token(Token),
    /// Of one of its pools.
    Pool(Pool),
}

/// What [`Tracked`] goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of tokens.
    pub tokens: Params,
    /// What gives points in the score of risk.
    pub risk: risk::Params,
    /// How late something can come.
    pub horizon: Horizon,
}

impl Tracked {
    /// To be called before anything changes of which rows tell.
    fn stir(&mut self, mint: &Address, settings: &Settings) {
        if self.shown.is_as_is() {
            let row = self.summary(mint, settings);
            self.shown.keep(row);
        }
        self.publish_at.get_or_insert(self.now.saturating_add(1));
    }

    /// To be called before anything changes of which the row of a pool tells.
    fn stir_pool(&mut self, mint: &Address, at: usize, params: &Params) {
        if self.history.pools.get(at).is_some_and(|pool| pool.shown.is_as_is()) {
            let row = self.pool_row(mint, at, params);
            self.history.pools[at].shown.keep(row);
        }
        if let Some(pool) = self.history.pools.get_mut(at) {
            pool.is_changed = true;
        }
    }

    fn change_step(&mut self, mint: &Address, step: (PoolName, Entry), diff: Diff, params: &Params) {
        let (name, mut entry) = step;
        if let Some(at) = self.history.find(&name.address) {
            self.stir_pool(mint, at, params);
        }
        let at = self.history.note(name);
        self.stir_pool(mint, at, params);
        entry.pool = u32::try_from(at).unwrap_or(u32::MAX);
        if diff > 0 {
            self.coming.push(entry);
        } else {
            self.history.remove(&entry);
        }
    }

    fn change_milestone(&mut self, mint: &Address, milestone: Milestone, diff: Diff, params: &Params) {
        for at in 0..self.history.pools.len() {
            self.stir_pool(mint, at, params);
        }
        self.milestones.change(milestone, diff > 0);
    }

    /// Writes the rows that have changed, as they are now.
    fn write(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let settings = effects.params;
        let row = self.summary(mint, settings);
        self.shown.renew(row, |token, diff| effects.emit(Output::Row(Row::Token(token)), diff));
        for at in 0..self.history.pools.len() {
            if !self.history.pools[at].is_changed {
                continue;
            }
            let row = self.pool_row(mint, at, &settings.tokens);
            let pool = &mut self.history.pools[at];
            pool.is_changed = false;
            pool.shown.renew(row, |pool, diff| effects.emit(Output::Row(Row::Pool(pool)), diff));
        }
    }

    /// The last trade, or before any what happened first: since then it is silent.
    fn silent_since(&self) -> Option<Moment> {
        let Some(trade) = self.history.last_trade() else { return self.milestones.first() };
        let pool = self.history.pools.get(trade.pool as usize).map(|pool| pool.name.address);
        Some(Moment { time: trade.time, id: trade.id, pool })
    }

    fn dead_at(&self, params: &Params) -> Option<Seconds> {
        Some(self.silent_since()?.time.saturating_add(params.dead_s))
    }

    /// Says whether it is dead by now.
    fn judge(&mut self, effects: &mut Effects<'_, Self>) {
        let is_dead = self.dead_at(&effects.params.tokens).is_some_and(|at| at <= self.now);
        if is_dead && !self.is_dead {
            effects.touch(Stage::Dead, None);
        }
        self.is_dead = is_dead;
    }

    fn let_go_at(&self, horizon: Horizon) -> Option<Seconds> {
        let first = self.history.first_kept()?;
        Some(first.saturating_add(horizon.kept_s()).saturating_add(STEP_S))
    }

    /// True if all that can be corrected is settled and written.
    fn is_asleep(&self) -> bool {
        self.history.first_kept().is_none() && self.publish_at.is_none()
    }

    /// True if no other operator has a row of it that it would have to retract here.
    fn is_alone(&self) -> bool {
        self.hour.is_empty() && self.day.is_empty() && self.held.is_empty() && self.chosen.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.milestones.is_empty()
            && self.is_alone()
            && self.history.pools.iter().all(|pool| pool.latest == super::figures::Figures::default())
    }

    fn forget_at(&self, params: &Params) -> Option<Seconds> {
        (self.is_asleep() && self.is_alone()).then(|| self.active_at.saturating_add(params.remember_s))
    }
}

impl State for Tracked {
    type Key = Address;
    type Input = Input;
    type Part = Stage;
    type Output = Output;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        match input {
            Input::Step(mint, ..) | Input::Milestone(mint, _) => *mint,
            Input::Stats { mint, .. } | Input::Chosen { mint, .. } => *mint,
            Input::Held(holdings, _) => holdings.mint,
        }
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, mint: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        let settings = effects.params;
        let params = &settings.tokens;
        self.now = self.now.max(effects.now);
        self.is_forgotten = false;
        self.stir(mint, settings);
        match input {
            Input::Step(_, name, entry) => {
                self.active_at = self.now;
                if self.is_dead {
                    effects.touch(Stage::Dead, self.output(mint, &Stage::Dead, effects.params));
                }
                self.change_step(mint, (name, entry), diff, params);
            }
            Input::Milestone(_, milestone) => {
                self.active_at = self.now;
                for stage in Stage::ALL {
                    effects.touch(stage, self.output(mint, &stage, effects.params));
                }
                self.change_milestone(mint, milestone, diff, params);
            }
            Input::Stats { window, activity, is_put, .. } => {
                let present = match window {
                    Window::Hour => &mut self.hour,
                    Window::Day => &mut self.day,
                };
                present.change(activity, if is_put { diff } else { -diff });
            }
            Input::Held(holdings, is_put) => self.held.change(holdings, if is_put { diff } else { -diff }),
            Input::Chosen { pool, is_put, .. } => self.chosen.change(pool, if is_put { diff } else { -diff }),
        }
    }

    fn settle(&mut self, _: &Address, effects: &mut Effects<'_, Self>) {
        self.history.add(std::mem::take(&mut self.coming));
        self.judge(effects);
    }

    fn next_timer(&self, settings: &Settings) -> Option<Seconds> {
        let (params, horizon) = (&settings.tokens, settings.horizon);
        let dead_at = self.dead_at(params).filter(|_| !self.is_dead);
        let due = [self.publish_at, dead_at, self.let_go_at(horizon), self.forget_at(params)];
        due.into_iter().flatten().min()
    }

    fn on_timer(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let (settings, now) = (effects.params, effects.now);
        let (params, horizon) = (&settings.tokens, settings.horizon);
        self.now = now;
        // First, so that what is written is as of the second before.
        if self.publish_at.take_if(|at| *at <= now).is_some() {
            self.write(mint, effects);
        }
        if !self.is_dead && self.dead_at(params).is_some_and(|at| at <= now) {
            self.stir(mint, settings);
            self.judge(effects);
        }
        if self.let_go_at(horizon).is_some_and(|at| at <= now) {
            self.history.let_go(Horizon(horizon.kept_s()), now);
        }
        if self.is_asleep() {
            self.shown = Shown::AsIs;
            for pool in &mut self.history.pools {
                pool.shown = Shown::AsIs;
            }
        }
        self.is_forgotten = self.forget_at(params).is_some_and(|at| at <= now);
    }

    fn lags(&self, _: Seconds, _: &Settings) -> bool {
        self.publish_at.is_some()
    }

    fn publish(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        // Part of the rows, and otherwise only counted at the close of the time.
        self.history.add(std::mem::take(&mut self.coming));
        self.judge(effects);
        self.write(mint, effects);
    }

    fn output(&self, mint: &Address, stage: &Stage, settings: &Settings) -> Option<Output> {
        let moment = match stage {
            Stage::Created => self.milestones.created_at(),
            Stage::Completed => self.milestones.completed(),
            Stage::Migrated => self.milestones.migrated(),
            Stage::Dead if self.is_dead => self
                .silent_since()
                .zip(self.dead_at(&settings.tokens))
                .map(|(moment, time)| Moment { time, ..moment }),
            Stage::Dead => None,
        };
        let moment = moment?;
        Some(Output::Lifecycle(Lifecycle { mint: *mint, stage: *stage, moment }))
    }

    fn is_idle(&self) -> bool {
        self.is_forgotten || (self.publish_at.is_none() && self.is_empty())
    }

    /// A token that is forgotten keeps its rows.
    fn outlives(_row: &Output) -> bool {
        true
    }
}
