//! A day of trades: the rhythm of a day, a burst each hour, launches, wallets that come back.
//!
//! Tokens are drawn by how recently they were launched, by Zipf's law, so that most trades are of the newest
//! tokens and a token falls silent by itself.

use model::{
    ChainEvent, Event, EventId, Origin, Program, Seconds, Signature, SlotState, SlotStatus, TokenCreated,
    TxPlace,
};
use sources::{Counts, Source, SourceError, Step};

use crate::made_up::{MadeUp, START, TOKENS, address};

/// Half an hour, seconds.
pub(super) const HALF_HOUR_S: Seconds = 1_800;
const DAY_S: u32 = 86_400;
/// Launches of a day.
const LAUNCHES: u64 = 25_000;
/// A burst lasts for the first so many seconds of each hour …
const BURST_S: u64 = 60;
/// … with so many times the average.
const BURST_FACTOR: f64 = 12.0;
/// Slots a second.
const SLOTS: u64 = 4;
/// Launches that one slot has room for; more wait for the next.
const LAUNCHES_OF_A_SLOT: u64 = 8;

/// A source that never ends.
pub(super) struct DayMarket {
    market: MadeUp,
    rate: f64,
    /// Trades that are due: a fraction goes on to the next second.
    due: f64,
    second: Seconds,
    trades: u64,
    launched: u64,
}

impl DayMarket {
    /// A market of `rate` trades a second on average.
    pub(super) fn new(rate: u32) -> Self {
        Self { market: MadeUp::new(1), rate: rate.into(), due: 0.0, second: 0, trades: 0, launched: 0 }
    }

    /// Trades of a second of the day: an average of `rate` over each day.
    fn pace(&self) -> f64 {
        let in_hour = self.second % 3600;
        if in_hour < BURST_S {
            return self.rate * BURST_FACTOR;
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds of an hour")]
        let left = (3600.0 - BURST_FACTOR * BURST_S as f64) / (3600 - BURST_S) as f64;
        let of_day = f64::from(u32::try_from(self.second % u64::from(DAY_S)).unwrap_or(0)) / f64::from(DAY_S);
        self.rate * left * (1.0 - 0.6 * (of_day * std::f64::consts::TAU).cos())
    }

    fn slot(&mut self, slot: u64, trades: u64, events: &mut Vec<Event>) {
        let time = START + self.second;
        let status =
            |slot, state| Event::Slot(SlotStatus { slot, state, parent: None, block_time: Some(time) });
        events.push(status(slot, SlotState::Processed));
        events.push(status(slot - 3, SlotState::Confirmed));
        events.push(status(slot - 32, SlotState::Finalized));
        for tx in 0..trades {
            let token = self.market.recent_token(self.launched);
            // The first places of a slot are those of its launches.
            let place = LAUNCHES_OF_A_SLOT + tx;
            events.extend(self.market.swap((token % TOKENS, token), time, slot, (self.trades, place)));
            self.trades += 1;
        }
    }

    /// The next token is launched, with its curve where its trades will be.
    fn launch(&mut self, slot: u64, place: u64) -> Event {
        let token = TOKENS + self.launched;
        self.launched += 1;
        let tx = TxPlace::Index(u32::try_from(place).unwrap_or(0));
        let id = EventId { slot, tx, outer_ix: 0, inner_ix: -1 };
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&address(b'L', token).0);
        let user = address(b'W', token % 10_000);
        Event::Chain(ChainEvent::TokenCreated(TokenCreated {
            origin: Origin {
                id,
                signature: Signature(signature),
                block_time: START + self.second,
                received_at: None,
            },
            program: Program::Pump,
            mint: address(b'M', token),
            pool: address(b'P', token),
            quote_mint: model::Address::WSOL,
            creator: Some(user),
            user,
            name: format!("Token {token}"),
            symbol: format!("T{token}"),
            uri: String::new(),
            decimals: 6,
            supply: Some(1_000_000_000_000_000),
            virtual_base: None,
            virtual_quote: None,
            real_base: None,
            is_mayhem: false,
            is_cashback: false,
        }))
    }
}

impl Source for DayMarket {
    fn name(&self) -> &'static str {
        "day"
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        self.due += self.pace();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "trades of a second")]
        let trades = self.due as u64;
        #[expect(clippy::cast_precision_loss, reason = "trades of a second")]
        let passed = trades as f64;
        self.due -= passed;
        events.extend(MadeUp::quote(START + self.second, self.second));
        for at in 0..SLOTS {
            let slot = 1_000 + self.second * SLOTS + at;
            let launches = (self.second * SLOTS + at + 1) * LAUNCHES / (u64::from(DAY_S) * SLOTS);
            for place in 0..(launches - self.launched).min(LAUNCHES_OF_A_SLOT) {
                let launched = self.launch(slot, place);
                events.push(launched);
            }
            self.slot(slot, (trades + at) / SLOTS, events);
        }
        self.second += 1;
        Ok(Step::More)
    }

    fn counts(&self) -> Counts {
        Counts::new()
    }
}

/// A source that has ended: what is there to do is in the log.
pub(super) struct Ended;

impl Source for Ended {
    fn name(&self) -> &'static str {
        "day"
    }

    fn read(&mut self, _: &mut Vec<Event>) -> Result<Step, SourceError> {
        Ok(Step::End)
    }

    fn counts(&self) -> Counts {
        Counts::new()
    }
}
