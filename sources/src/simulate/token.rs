//! The life of one token: where it trades, who holds it, and what will become of it.
//!
//! A token is born with a fate: the height it will reach, drawn from a Pareto distribution, which is
//! what makes popularity Zipf-like and graduation rare. Until it is there buyers outnumber sellers, then
//! the other way round, and the time between trades grows until nobody is left.

use std::collections::BTreeMap;

use super::curve::Curve;
use super::dice::{Dice, float, whole};
use super::draft::{CurveAccounts, Quote};
use super::pool::Pool;
use super::wallets::WalletId;

/// Lamports in a SOL.
pub(crate) const SOL: u64 = 1_000_000_000;
/// SOL in a completed curve.
const CURVE_SOL: f64 = 85.0;

/// Where a token trades.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Venue {
    Curve(Curve),
    /// Sold out and not yet migrated: nobody can trade.
    Complete(Curve),
    Pool(Pool),
}

/// A holder that waits for a height.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    pub(crate) wallet: WalletId,
    /// Quote in the venue at which it sells.
    pub(crate) level: u64,
}

/// One token.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) accounts: CurveAccounts,
    pub(crate) developer: WalletId,
    pub(crate) venue: Venue,
    /// Who holds how much.
    pub(crate) balances: BTreeMap<WalletId, u64>,
    /// Tokens of the mayhem agent.
    pub(crate) agent: u64,
    /// Holders that sell at random: everyone without a plan.
    pub(crate) crowd: Vec<WalletId>,
    /// Everyone of the crowd who ever bought.
    pub(crate) buyers: Vec<WalletId>,
    pub(crate) exits: Vec<Exit>,
    /// Quote in the venue at which the mood turns.
    pub(crate) peak: u64,
    pub(crate) rising: bool,
    /// Mean time between trades of the crowd, in slots.
    pub(crate) gap_slots: f64,
    /// Factor by which the gap grows with every trade while falling.
    pub(crate) fading: f64,
    /// The gap stays as it is.
    pub(crate) is_loyal: bool,
    /// Trades of the crowd in the present mood, and the most there will be.
    pub(crate) trades: u64,
    pub(crate) trades_max: u64,
    /// A next trade of the crowd is on the agenda.
    pub(crate) followed: bool,
    /// Tasks on the agenda that name this token.
    pub(crate) pending: u32,
}

impl Token {
    /// A token at its launch.
    pub(crate) fn new(accounts: CurveAccounts, developer: WalletId, curve: Curve, dice: &mut Dice) -> Self {
        // A Pareto with exponent 1: one in 90 is meant for more than a curve holds.
        let sol = dice.pareto(0.95, 1.0).min(CURVE_SOL * 1.2);
        let haste = dice.lognormal(1.0, 0.8);
        let unit = if accounts.quote == Quote::Sol { float(SOL) } else { float(curve.virtual_quote) / 30.0 };
        Self {
            accounts,
            developer,
            venue: Venue::Curve(curve),
            balances: BTreeMap::new(),
            agent: if accounts.mayhem { super::curve::SUPPLY } else { 0 },
            crowd: Vec::new(),
            buyers: Vec::new(),
            exits: Vec::new(),
            peak: whole(sol * unit),
            rising: true,
            gap_slots: (haste * 24.0 / (1.0 + sol / 4.0)).clamp(0.6, 90.0),
            fading: 1.0 + 2.5 / (4.0 + sol),
            is_loyal: false,
            trades: 0,
            trades_max: whole(14.0 * sol) + 12,
            followed: false,
            pending: 0,
        }
    }

    /// A token that has its pool already, with `holders` from an unseen past.
    pub(crate) fn established(
        accounts: CurveAccounts,
        developer: WalletId,
        pool: Pool,
        dice: &mut Dice,
    ) -> Self {
        let mut token = Self::new(accounts, developer, Curve::new(0), dice);
        token.open_pool(pool, dice);
        // Its first rush is over.
        token.gap_slots = dice.lognormal(10.0, 0.9).clamp(1.0, 200.0);
        token.rising = dice.chance(0.5);
        token
    }

    /// Moves to a pool and draws what becomes of it there.
    pub(crate) fn open_pool(&mut self, pool: Pool, dice: &mut Dice) {
        self.venue = Venue::Pool(pool);
        self.exits.clear();
        self.rise(dice);
        self.gap_slots = dice.lognormal(4.0, 0.7).clamp(1.0, 60.0);
        self.fading = 1.008;
        self.rising = dice.chance(0.7);
    }

    /// A new wave of buyers.
    pub(crate) fn rise(&mut self, dice: &mut Dice) {
        let times = dice.pareto(1.08, 1.3).min(14.0);
        self.peak = whole(float(self.level()) * times);
        self.rising = true;
        self.trades = 0;
        self.trades_max = 300 + dice.below(1_200);
    }

    /// The mood turns; from here on sellers outnumber buyers.
    pub(crate) fn fall(&mut self) {
        self.rising = false;
        self.thin_out(1.5);
    }

    /// The crowd trades more rarely, by this factor.
    pub(crate) fn thin_out(&mut self, factor: f64) {
        if !self.is_loyal {
            self.gap_slots *= factor;
        }
    }

    /// Quote in the venue: what measures how well the token does.
    pub(crate) fn level(&self) -> u64 {
        match &self.venue {
            Venue::Curve(curve) | Venue::Complete(curve) => curve.real_quote,
            Venue::Pool(pool) => {
                // The side of the pool that is not the coin.
                if pool.is_inverted() { pool.base } else { pool.quote }
            }
        }
    }

    /// Tokens of a wallet; none if it never held any.
    pub(crate) fn balance(&self, wallet: WalletId) -> Option<u64> {
        self.balances.get(&wallet).copied()
    }

    pub(crate) fn credit(&mut self, wallet: WalletId, amount: u64) {
        *self.balances.entry(wallet).or_insert(0) += amount;
    }

    pub(crate) fn debit(&mut self, wallet: WalletId, amount: u64) {
        if let Some(balance) = self.balances.get_mut(&wallet) {
            *balance = balance.saturating_sub(amount);
        }
    }
}
