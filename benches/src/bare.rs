//! The bare loop: candles in hash maps, in one thread, without taking anything back.
//!
//! The loop does what one would write for one run over a clean file: no retraction, no late trade, no timer,
//! no snapshot, nothing let go. The loop adds the same ticks to the same bars, so that the comparison is of
//! the cost of being incremental and correctable, not of another way to count.

use model::{Address, Seconds};
use operators::bar::{Bar, NOBODY, Role, Seen, Tick, TraderKey};
use operators::candles::{Input, Interval, Params, Series};
use rustc_hash::FxHashMap;

/// A bar and who traded in it.
#[derive(Default)]
pub(crate) struct Open {
    pub(crate) bar: Bar,
    traders: FxHashMap<TraderKey, Seen>,
}

impl Open {
    fn add(&mut self, tick: &Tick, open: Seconds) {
        let mut before = Seen::default();
        if tick.trader != NOBODY {
            let seen = self.traders.entry(tick.trader).or_default();
            before = *seen;
            seen.note(tick.side, tick.time);
        }
        self.bar.add(tick, before, open);
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Candles {
    /// By series, pool or mint, interval and start.
    pub(crate) bars: FxHashMap<(Series, Address, Interval, Seconds), Open>,
}

impl Candles {
    /// Takes in the next trade in canonical order.
    pub(crate) fn add(&mut self, input: &Input, params: &Params) {
        self.add_tick(input.mint, input.pool, &input.tick, params);
    }

    fn add_tick(&mut self, mint: Address, pool: Address, tick: &Tick, params: &Params) {
        for interval in &params.intervals {
            let open = interval.floor(tick.time);
            self.bars.entry((Series::Pool, pool, *interval, open)).or_default().add(tick, open);
            // In the made-up market no pool is too small for its price to count.
            if tick.role >= Role::Volume {
                self.bars.entry((Series::All, mint, *interval, open)).or_default().add(tick, open);
            }
            if tick.role == Role::Primary {
                self.bars.entry((Series::Primary, mint, *interval, open)).or_default().add(tick, open);
            }
        }
    }
}
