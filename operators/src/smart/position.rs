//! Whether a wallet holds something of a token that it bought: when a position opens and when it closes.
//!
//! A position is open from the first buy until next to nothing is left of it: at most a raw unit, or a
//! thousandth of the most that was held (DEFINITIONS §9, "closed"). Only purchases and sales count;
//! transfers are the business of [`crate::wallets`].

use model::{Seconds, Side};
use serde::{Deserialize, Serialize};

use super::input::Traded;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Bought and not sold, raw units.
    quantity: u64,
    /// The most that it was while open; 0 if it is not open.
    peak: u64,
    /// Block time of the last trade.
    last: Seconds,
}

/// The effect of a trade on the position of its wallet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The trade opened the position.
    pub opens: bool,
    /// The trade closed the position.
    pub closes: bool,
}

impl Position {
    /// Takes in the next trade. After `remember_s` without one a position starts anew.
    pub fn trade(&mut self, trade: &Traded, remember_s: Seconds) -> Turn {
        if self.is_forgotten(remember_s, trade.time) {
            *self = Self::default();
        }
        self.last = trade.time;
        let mut turn = Turn::default();
        match trade.side {
            Side::Buy => {
                turn.opens = self.peak == 0 && trade.base > 0;
                self.quantity = self.quantity.saturating_add(trade.base);
                self.peak = self.peak.max(self.quantity);
            }
            Side::Sell => self.quantity = self.quantity.saturating_sub(trade.base),
        }
        if self.peak > 0 && self.quantity <= (self.peak / 1000).max(1) {
            self.peak = 0;
            turn.closes = true;
        }
        turn
    }

    /// True if a trade at `time` would start anew.
    #[must_use]
    pub const fn is_forgotten(&self, remember_s: Seconds, time: Seconds) -> bool {
        self.last.saturating_add(remember_s) < time
    }

    /// When nothing that can still come takes this up.
    #[must_use]
    pub const fn forget_at(&self, remember_s: Seconds, late_s: Seconds) -> Seconds {
        self.last.saturating_add(remember_s).saturating_add(late_s).saturating_add(1)
    }

    /// True if it is as good as none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.quantity == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::traded;
    use super::*;

    /// Buys are positive, sales negative, a second apart; what each does.
    fn turns(amounts: &[i64]) -> String {
        let mut position = Position::default();
        let turn = |(at, amount): (usize, &i64)| {
            let at = u64::try_from(at).unwrap();
            let turn = position.trade(&traded(at, *amount), 100);
            match (turn.opens, turn.closes) {
                (true, false) => 'o',
                (false, true) => 'c',
                (true, true) => 'b',
                (false, false) => '-',
            }
        };
        amounts.iter().enumerate().map(turn).collect()
    }

    #[test]
    fn it_opens_with_the_first_buy_and_closes_with_next_to_nothing_left() {
        // A position of 15,000 is closed with at most 15 left; one more keeps it open.
        assert_eq!(turns(&[10_000, 5_000, -9_000, -5_984, -1, 20]), "o---co");
    }

    #[test]
    fn what_was_not_bought_is_no_position() {
        assert_eq!(turns(&[-10, 0, 1, 500, -1_000, -1]), "--boc-");
    }

    #[test]
    fn it_is_forgotten_in_silence() {
        let mut position = Position::default();
        assert!(position.trade(&traded(0, 50), 100).opens);
        assert!(!position.trade(&traded(100, 50), 100).opens);
        assert!(position.trade(&traded(201, 50), 100).opens);
    }
}
