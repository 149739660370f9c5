//! What can be set.

use model::Seconds;
use serde::{Deserialize, Serialize};

use super::dice::whole;

/// The simulated market.
///
/// The defaults are a market like the real one of 2026 on an undisturbed feed; the disturbances (forks,
/// duplicates, late deliveries) are on demand. The same parameters give the same bytes on every
/// platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Seed of all chance.
    pub seed: u64,
    /// Block time of the first slot, seconds since the Unix epoch.
    pub start_time_s: Seconds,
    /// Number of the first slot.
    pub first_slot: u64,
    /// How long the market runs, in seconds of block time; endless if absent.
    pub seconds: Option<u64>,
    /// Time between slots, in milliseconds.
    pub slot_ms: u64,
    /// Tokens launched a day, before `scale`.
    pub launches_per_day: f64,
    /// Multiplies launches, and with them everything that follows from a launch.
    pub scale: f64,
    /// No more trades than this land a second; the rest waits. No limit if absent.
    pub trades_per_second_max: Option<u64>,
    /// Pools that exist before the first slot, so that the first minute is no desert.
    pub pools_at_start: u32,
    /// Share of those pools whose crowd does not thin out while prices fall, 0 to 1.
    pub loyal_ratio: f64,
    /// Share of the crowd's buys by wallets that bought the token before, as far as there are any, 0 to 1.
    pub returning_ratio: f64,
    /// Price of SOL at the start, in USD.
    pub sol_usd: f64,
    /// Share of transactions that fail, 0 to 1.
    pub failed_ratio: f64,
    /// Share of transactions whose logs are truncated, 0 to 1.
    pub truncated_ratio: f64,
    /// Share of trades written by an older version of the program, 0 to 1.
    pub old_layout_ratio: f64,
    /// Probability that a slot has no block, 0 to 1.
    pub skip_probability: f64,
    /// Probability that a slot begins a fork that dies, 0 to 1.
    pub fork_probability: f64,
    /// Most slots a dying fork is long, 1 to 32.
    pub fork_depth_slots_max: u64,
    /// Share of a dead slot's transactions that never land again, 0 to 1.
    pub fork_lost_ratio: f64,
    /// Share of transactions that are delivered twice, 0 to 1.
    pub duplicate_ratio: f64,
    /// Share of transactions that are delivered late, 0 to 1.
    pub late_ratio: f64,
    /// Most slots that a late or second delivery is behind.
    pub late_slots_max: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            seed: 1,
            start_time_s: 1_790_000_000,
            first_slot: 448_000_000,
            seconds: None,
            slot_ms: 400,
            launches_per_day: 25_000.0,
            scale: 1.0,
            trades_per_second_max: None,
            pools_at_start: 40,
            loyal_ratio: 0.0,
            returning_ratio: 0.0,
            sol_usd: 150.0,
            failed_ratio: 0.03,
            truncated_ratio: 0.002,
            old_layout_ratio: 0.05,
            skip_probability: 0.01,
            fork_probability: 0.0,
            fork_depth_slots_max: 3,
            fork_lost_ratio: 0.1,
            duplicate_ratio: 0.0,
            late_ratio: 0.0,
            late_slots_max: 8,
        }
    }
}

/// Most pools at the start.
const POOLS_MAX: u64 = 100_000;

/// Trades a second of the default market, measured over its first hour.
const TRADES_PER_SECOND: f64 = 23.0;

impl Params {
    /// The same market, scaled to about `rate` trades a second from the first minute on: launches and
    /// the pools at the start grow together. It is a mean over minutes; bursts go well above it, and
    /// `trades_per_second_max` bounds them.
    #[must_use]
    pub fn with_trades_per_second(mut self, rate: f64) -> Self {
        let market = Self::default();
        let times = rate / TRADES_PER_SECOND;
        self.scale = times * market.launches_per_day / self.launches_per_day.max(1.0);
        let pools = whole(times * f64::from(market.pools_at_start)).clamp(1, POOLS_MAX);
        self.pools_at_start = u32::try_from(pools).unwrap_or(u32::MAX);
        self
    }

    /// Everything that is wrong, as (key, what would be right); empty if nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let ratios = [
            ("failed_ratio", self.failed_ratio),
            ("truncated_ratio", self.truncated_ratio),
            ("old_layout_ratio", self.old_layout_ratio),
            ("skip_probability", self.skip_probability),
            ("fork_probability", self.fork_probability),
            ("fork_lost_ratio", self.fork_lost_ratio),
            ("duplicate_ratio", self.duplicate_ratio),
            ("late_ratio", self.late_ratio),
            ("loyal_ratio", self.loyal_ratio),
            ("returning_ratio", self.returning_ratio),
        ];
        for (key, value) in ratios {
            if !(0.0..=1.0).contains(&value) {
                problems.push((key, format!("must be from 0 to 1, is {value}")));
            }
        }
        for (key, value, most) in
            [("launches_per_day", self.launches_per_day, 1e9), ("scale", self.scale, 1e5)]
        {
            if !(0.0..=most).contains(&value) {
                problems.push((key, format!("must be from 0 to {most}, is {value}")));
            }
        }
        if !(0.01..=1e6).contains(&self.sol_usd) {
            problems.push(("sol_usd", format!("must be from 0.01 to 1000000, is {}", self.sol_usd)));
        }
        for (key, value, range) in [
            ("fork_depth_slots_max", self.fork_depth_slots_max, 1..=32),
            ("late_slots_max", self.late_slots_max, 1..=1_000_000),
            ("slot_ms", self.slot_ms, 1..=60_000),
            ("first_slot", self.first_slot, 1..=u64::MAX >> 16),
            ("start_time_s", self.start_time_s, 0..=u64::from(u32::MAX) * 2),
            ("seconds", self.seconds.unwrap_or(1), 0..=10_000_000_000),
            ("trades_per_second_max", self.trades_per_second_max.unwrap_or(1), 1..=u64::MAX),
            ("pools_at_start", self.pools_at_start.into(), 0..=POOLS_MAX),
        ] {
            if !range.contains(&value) {
                problems
                    .push((key, format!("must be from {} to {}, is {value}", range.start(), range.end())));
            }
        }
        problems
    }
}
