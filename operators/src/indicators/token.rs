//! State of the indicators for one token: its shortest bars within reach of a correction, and a track for
//! each interval.

use model::{Address, Seconds};
use serde::{Deserialize, Serialize};

use super::Params;
use super::input::{Bar, Input, Prices};
use super::record::Indicators;
use super::track::{Scale, Track};
use crate::prelude::*;
use crate::room;

/// How much longer than the horizon bars are kept, as candles keep trades.
const MORE_S: Seconds = 3600;

/// Bars are let go in steps of this: each costs a look at every track.
const LET_GO_STEP_S: Seconds = 600;

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Token {
    /// Bars of the shortest interval that can change, in order.
    bars: Vec<Bar>,
    /// By interval.
    tracks: Vec<Track>,
    /// Bars before this second can no longer change.
    sealed_to: Seconds,
}

type Settings = (Params, Horizon);

/// How long after its end a bar can change, at most.
const fn reach_s(horizon: Horizon) -> Seconds {
    horizon.0.saturating_add(MORE_S)
}

/// Each interval with its track.
fn scales(params: &Params) -> impl Iterator<Item = Scale<'_>> {
    params.intervals.iter().map(|interval| Scale { interval: *interval, params })
}

impl Token {
    /// Puts a bar in the place of the one that starts at `open`, or takes that out. True if that changes
    /// anything.
    fn put(&mut self, open: Seconds, prices: Option<Prices>) -> bool {
        let at = self.bars.partition_point(|bar| bar.open < open);
        let known = self.bars.get_mut(at).filter(|bar| bar.open == open);
        if known.as_ref().map(|bar| bar.prices) == prices {
            return false;
        }
        match (known, prices) {
            (Some(bar), Some(prices)) => bar.prices = prices,
            (Some(_), None) => drop(self.bars.remove(at)),
            (None, Some(prices)) => room::insert(&mut self.bars, at, Bar { open, prices }),
            (None, None) => {}
        }
        true
    }

    /// Brings the rows up to date of the tracks that are meant.
    fn update(&mut self, is_meant: impl Fn(&Track) -> bool, mint: &Address, effects: &mut Effects<'_, Self>) {
        let (now, params) = (effects.now, &effects.params.0);
        for (track, scale) in self.tracks.iter_mut().zip(scales(params)) {
            if !is_meant(track) {
                continue;
            }
            track.update(&self.bars, scale, now, |before, after| {
                for (said, diff) in
                    before.map(|said| (said, -1)).into_iter().chain(after.map(|said| (said, 1)))
                {
                    let row = Indicators {
                        mint: *mint,
                        interval: scale.interval,
                        open_time: said.open,
                        values: said.values,
                        is_provisional: said.is_provisional,
                    };
                    effects.emit(row, diff);
                }
            });
        }
    }

    /// When bars are let go next, or what is left of them.
    fn let_go_at(&self, (params, horizon): &Settings) -> Option<Seconds> {
        let length = params.intervals.first()?.seconds();
        match self.bars.first() {
            Some(bar) => Some(bar.open + length + reach_s(*horizon) + LET_GO_STEP_S),
            None => self.forget_at(params, *horizon).min(),
        }
    }

    fn forget_at(&self, params: &Params, horizon: Horizon) -> impl Iterator<Item = Seconds> {
        let tracks = self.tracks.iter().zip(scales(params));
        tracks.filter_map(move |(track, scale)| track.forget_at(scale, reach_s(horizon)))
    }

    fn let_go(&mut self, (params, horizon): &Settings, now: Seconds) {
        let Some(length) = params.intervals.first() else { return };
        let is_past = |bar: &Bar| length.end(bar.open).saturating_add(reach_s(*horizon)) <= now;
        let count = self.bars.partition_point(is_past);
        for bar in self.bars.drain(..count) {
            self.sealed_to = length.end(bar.open);
            for (track, scale) in self.tracks.iter_mut().zip(scales(params)) {
                track.seal(bar, scale);
            }
        }
        if !self.bars.is_empty() {
            return;
        }
        self.bars.shrink_to_fit();
        for (track, scale) in self.tracks.iter_mut().zip(scales(params)) {
            if track.forget_at(scale, reach_s(*horizon)).is_some_and(|at| at <= now) {
                *track = Track::default();
            } else {
                track.rest();
            }
        }
    }
}

impl State for Token {
    type Key = Address;
    type Input = Input;
    type Part = ();
    type Output = Indicators;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        input.mint
    }

    fn route(mint: &Address) -> u64 {
        mint.route()
    }

    fn apply(&mut self, _: &Address, input: Input, _: Diff, effects: &mut Effects<'_, Self>) {
        let Input { open, prices, .. } = input;
        if open < self.sealed_to || !self.put(open, prices) {
            return;
        }
        let params = &effects.params.0;
        self.tracks.resize_with(params.intervals.len(), Track::default);
        for (track, scale) in self.tracks.iter_mut().zip(scales(params)) {
            track.note(scale.interval.floor(open), effects.now, scale.interval);
        }
    }

    fn next_timer(&self, settings: &Settings) -> Option<Seconds> {
        self.tracks.iter().filter_map(Track::due).chain(self.let_go_at(settings)).min()
    }

    fn on_timer(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        let now = effects.now;
        self.update(|track| track.due().is_some_and(|due| due <= now), mint, effects);
        if self.let_go_at(effects.params).is_some_and(|at| at <= effects.now) {
            self.let_go(effects.params, effects.now);
        }
    }

    fn lags(&self, _: Seconds, _: &Settings) -> bool {
        self.tracks.iter().any(Track::lags)
    }

    fn publish(&mut self, mint: &Address, effects: &mut Effects<'_, Self>) {
        self.update(Track::lags, mint, effects);
    }

    fn output(&self, _: &Address, (): &(), _: &Settings) -> Option<Indicators> {
        None // emitted as it changes
    }

    fn is_idle(&self) -> bool {
        self.bars.is_empty() && self.tracks.iter().all(Track::is_empty)
    }

    /// Values at bars that have been closed last.
    fn outlives(row: &Indicators) -> bool {
        !row.is_provisional
    }
}
