//! What the people of the market do when their time comes.

use super::curve::mul_div;
use super::draft::{Quote, Step};
use super::economy::{Economy, Task, TokenId, What};
use super::token::{Exit, SOL, Venue};
use super::wallets::{Kind, WalletId};

/// Slots without a trade after which the crowd has forgotten a token: ten minutes.
const FORGOTTEN_SLOTS: f64 = 1_500.0;

impl Economy {
    /// Does what a task says.
    pub(crate) fn perform(&mut self, task: Task) {
        let id = task.token;
        match task.what {
            What::Crowd { again } => self.crowd(id, again),
            What::Snipe { wallet } => {
                let gross = self.dice.between(SOL / 10, 2 * SOL);
                if self.buy(id, wallet, gross) {
                    let delay = 8.0 + self.dice.exponential(100.0);
                    self.schedule(delay, id, What::Sell { wallet, bps: 10_000 });
                }
            }
            What::Enter { wallet } => self.enter(id, wallet),
            What::Sell { wallet, bps } => {
                let amount = self.tokens.get(&id).and_then(|t| t.balance(wallet)).unwrap_or(0);
                self.sell(id, wallet, mul_div(amount, bps, 10_000));
            }
            What::Rug => self.rug(id),
            What::Mayhem { left } => self.mayhem(id, left),
            What::Migrate => self.migrate(id),
            What::Wash { wallet, buys, left } => self.wash(id, wallet, buys, left),
            What::Provide { wallet, lp } => self.provide(id, wallet, lp),
        }
    }

    /// Buys for `lamports`; false if nothing came of it.
    fn buy(&mut self, id: TokenId, wallet: WalletId, lamports: u64) -> bool {
        let Some(step) = self.plan_buy(id, wallet, lamports) else { return false };
        self.carry_out(id, wallet, step)
    }

    fn sell(&mut self, id: TokenId, wallet: WalletId, amount: u64) -> bool {
        let Some(step) = self.plan_sell(id, wallet, amount) else { return false };
        self.carry_out(id, wallet, step)
    }

    /// Signs and carries out a planned trade; now and then after an attempt that fails.
    fn carry_out(&mut self, id: TokenId, wallet: WalletId, step: Step) -> bool {
        if self.dice.chance(self.params.failed_ratio) {
            let failed = self.failed(wallet, step.clone());
            self.out.push(failed);
        }
        let payer = self.payer(wallet);
        self.apply(id, wallet, &step);
        let mut draft = self.sign(payer, wallet, vec![step]);
        draft.routed = self.dice.chance(0.04);
        self.out.push(draft);
        true
    }

    /// One of the crowd trades, as the mood is.
    fn crowd(&mut self, id: TokenId, again: bool) {
        let Some(token) = self.tokens.get_mut(&id) else { return };
        if let Venue::Complete(_) = token.venue {
            // Nobody can trade; the crowd comes back when there is a pool.
            token.followed &= !again;
            return;
        }
        let in_pool = matches!(token.venue, Venue::Pool(_));
        token.trades += 1;
        if token.rising && (token.level() >= token.peak || token.trades > token.trades_max) {
            self.turn(id);
        }
        let Some(token) = self.tokens.get_mut(&id) else { return };
        if !token.rising {
            token.thin_out(token.fading);
        }
        let buys = match (token.rising, in_pool) {
            (true, false) => 0.70,
            (true, true) => 0.58,
            (false, false) => 0.33,
            (false, true) => 0.44,
        };
        let peak = match token.accounts.quote {
            Quote::Sol => token.peak,
            Quote::Usdc => token.peak.saturating_mul(1_000) / 180,
        };
        if self.dice.chance(buys) {
            self.crowd_buy(id, peak, in_pool);
        } else {
            self.crowd_sell(id);
        }
        if self.dice.chance(0.05) {
            // Trades attract trades.
            for _ in 0..self.dice.poisson(3.0) {
                let delay = self.dice.exponential(4.0);
                self.schedule(delay, id, What::Crowd { again: false });
            }
        }
        if again {
            self.next_of_crowd(id, in_pool);
        }
    }

    fn next_of_crowd(&mut self, id: TokenId, in_pool: bool) {
        let Some(token) = self.tokens.get_mut(&id) else { return };
        if token.gap_slots > FORGOTTEN_SLOTS {
            if !(in_pool && self.dice.chance(0.5)) {
                return;
            }
            token.gap_slots = 12.0;
            token.rise(&mut self.dice);
        } else if in_pool && !token.rising && self.dice.chance(0.002) {
            token.rise(&mut self.dice);
        }
        let gap = token.gap_slots;
        let delay = self.dice.exponential(gap);
        self.schedule(delay, id, What::Crowd { again: true });
    }

    /// The mood turns: who waited for more gives up within a minute.
    fn turn(&mut self, id: TokenId) {
        let Some(token) = self.tokens.get_mut(&id) else { return };
        token.fall();
        for exit in std::mem::take(&mut token.exits) {
            let delay = self.dice.exponential(40.0);
            self.schedule(delay, id, What::Sell { wallet: exit.wallet, bps: 10_000 });
        }
    }

    fn crowd_buy(&mut self, id: TokenId, peak_lamports: u64, in_pool: bool) {
        let (kind, lamports) = self.crowd_lamports(peak_lamports);
        let wallet = self.returning(id).unwrap_or_else(|| self.wallets.pick(kind, &mut self.dice));
        let sandwiched = in_pool && lamports > 2 * SOL && self.dice.chance(0.3);
        let bot = self.wallets.pick(Kind::Arbitrageur, &mut self.dice);
        if sandwiched {
            self.buy(id, bot, lamports * 2);
        }
        let held = self.tokens.get(&id).and_then(|t| t.balance(wallet));
        if self.buy(id, wallet, lamports)
            && let Some(token) = self.tokens.get_mut(&id)
        {
            if held.is_none() {
                token.buyers.push(wallet);
            }
            if held.unwrap_or(0) == 0 {
                token.crowd.push(wallet);
            }
        }
        if sandwiched {
            let amount = self.tokens.get(&id).and_then(|t| t.balance(bot)).unwrap_or(0);
            self.sell(id, bot, amount);
        }
    }

    /// Somebody of the crowd who bought before, now and then.
    fn returning(&mut self, id: TokenId) -> Option<WalletId> {
        // No chance is drawn for what never happens: the default market stays as it is.
        let is_one = self.params.returning_ratio > 0.0 && self.dice.chance(self.params.returning_ratio);
        let buyers = &self.tokens.get(&id).filter(|_| is_one)?.buyers;
        self.dice.pick(buyers)
    }

    fn crowd_sell(&mut self, id: TokenId) {
        let Some(token) = self.tokens.get_mut(&id) else { return };
        if token.crowd.is_empty() {
            return;
        }
        let at = self.dice.index(token.crowd.len());
        let wallet = token.crowd[at];
        let balance = token.balance(wallet).unwrap_or(0);
        let amount = if self.dice.chance(0.6) {
            token.crowd.swap_remove(at);
            balance
        } else {
            mul_div(balance, self.dice.between(2_000, 7_000), 10_000)
        };
        if self.dice.chance(0.03) {
            self.rotate(id, wallet, amount);
        } else {
            self.sell(id, wallet, amount);
        }
    }

    /// Sells one token and buys another with the proceeds, in one transaction of an aggregator.
    fn rotate(&mut self, id: TokenId, wallet: WalletId, amount: u64) {
        let lamports = self.dice.between(SOL / 50, SOL);
        // Everything is there before the balances are written down: no money arrives in a transaction.
        self.wallets.provide_lamports(wallet, lamports);
        self.wallets.provide_wrapped(wallet, 2 * SOL);
        self.wallets.provide_usdc(wallet, SOL);
        let payer = self.payer(wallet);
        let Some(sale) = self.plan_sell(id, wallet, amount) else { return };
        self.apply(id, wallet, &sale);
        let mut steps = vec![sale];
        let others: Vec<TokenId> = self
            .tokens
            .iter()
            .filter(|(other, t)| **other != id && !t.accounts.mayhem)
            .map(|(other, _)| *other)
            .collect();
        if let Some(other) = self.dice.pick(&others)
            && let Some(purchase) = self.plan_buy(other, wallet, lamports)
        {
            self.apply(other, wallet, &purchase);
            if let Some(token) = self.tokens.get_mut(&other)
                && !token.crowd.contains(&wallet)
            {
                token.crowd.push(wallet);
            }
            steps.push(purchase);
        }
        let mut draft = self.sign(payer, wallet, steps);
        draft.routed = true;
        draft.unit_limit = 600_000;
        self.out.push(draft);
    }

    /// A wallet that knows more buys early, and waits.
    fn enter(&mut self, id: TokenId, wallet: WalletId) {
        let Some(token) = self.tokens.get(&id) else { return };
        let (peak, level) = (token.peak, token.level());
        if !token.rising || level > peak / 4 {
            return;
        }
        let gross = self.dice.between(SOL / 4, 2 * SOL).min(peak / 8 + SOL / 10);
        if self.buy(id, wallet, gross) {
            let level = mul_div(peak, self.dice.between(6_000, 9_500), 10_000);
            if let Some(token) = self.tokens.get_mut(&id) {
                token.exits.push(Exit { wallet, level });
            }
        }
    }

    /// The developer sells everything, and the mood is gone.
    fn rug(&mut self, id: TokenId) {
        let Some(token) = self.tokens.get(&id) else { return };
        let (developer, amount) = (token.developer, token.balance(token.developer).unwrap_or(0));
        if token.rising {
            self.turn(id);
        }
        self.sell(id, developer, amount);
    }

    fn wash(&mut self, id: TokenId, wallet: WalletId, buys: bool, left: u32) {
        if buys {
            let gross = self.dice.between(SOL / 2, 2 * SOL);
            self.buy(id, wallet, gross);
        } else {
            let amount = self.tokens.get(&id).and_then(|t| t.balance(wallet)).unwrap_or(0);
            self.sell(id, wallet, amount);
        }
        if left > 0 {
            let delay = 2.0 + self.dice.exponential(15.0);
            self.schedule(delay, id, What::Wash { wallet, buys: !buys, left: left - 1 });
        }
    }
}
