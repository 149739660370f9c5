//! The bare loop: candles in hash maps, in one thread, without taking anything back.
//!
//! The loop does what one would write for one run over a clean file: no retraction, no late trade, no timer,
//! no snapshot, nothing let go. The loop adds the same ticks to the same bars, so that the comparison is of
//! the cost of being incremental and correctable, not of another way to count.

use model::{Address, Seconds};
use operators::bar::{Bar, NOBODY, Role, Seen, Tick, TraderKey};
use operators::candles::{Input, Interval, Params, Series};
use operators::primary::{Ground, Move, Pool, Primary};
use rustc_hash::FxHashMap;

#[derive(Default)]
struct Token {
    pools: Vec<Pool>,
    moves: Vec<Move>,
    primary: Primary,
}

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
    tokens: FxHashMap<Address, Token>,
    /// By series, pool or mint, interval and start.
    pub(crate) bars: FxHashMap<(Series, Address, Interval, Seconds), Open>,
}

impl Candles {
    /// Takes in the next trade or migration in canonical order.
    pub(crate) fn add(&mut self, input: &Input, params: &Params) {
        let (mint, pool, is_curve, quote_mint) = match input {
            Input::Trade(trade) => (trade.mint, trade.pool, trade.is_curve, Some(trade.quote_mint)),
            Input::Migration { mint, to, .. } => (*mint, *to, false, None),
        };
        let token = self.tokens.entry(mint).or_default();
        let index = match token.pools.iter().position(|p| p.address == pool) {
            Some(index) => index,
            None => {
                token.pools.push(Pool { address: pool, is_curve, quote_mint, trades: 1 });
                token.pools.len() - 1
            }
        };
        token.pools[index].quote_mint = token.pools[index].quote_mint.or(quote_mint);
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        match input {
            Input::Migration { id, .. } => token.moves.push(Move { id: *id, to: index }),
            Input::Trade(trade) => {
                let tick = Tick { pool: index, ..trade.tick };
                let role = token.primary.step(
                    &tick,
                    Ground { pools: &token.pools, moves: &token.moves, params: &params.primary },
                );
                self.add_tick(mint, pool, &Tick { role, ..tick }, params);
            }
        }
    }

    fn add_tick(&mut self, mint: Address, pool: Address, tick: &Tick, params: &Params) {
        for interval in &params.intervals {
            let open = interval.floor(tick.time);
            self.bars.entry((Series::Pool, pool, *interval, open)).or_default().add(tick, open);
            if tick.role >= Role::All {
                self.bars.entry((Series::All, mint, *interval, open)).or_default().add(tick, open);
            }
            if tick.role == Role::Primary {
                self.bars.entry((Series::Primary, mint, *interval, open)).or_default().add(tick, open);
            }
        }
    }
}
