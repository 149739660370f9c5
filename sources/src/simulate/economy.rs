//! The market without a chain: who does what in which slot.
//!
//! Everything that will happen is a task on one agenda, ordered by slot and then by the order in which
//! it was decided. A task makes transactions and decides on further tasks (a buyer's later sale, the
//! next trade of the crowd), so the work is proportional to the trades and not to tokens times slots.

use std::collections::BTreeMap;

use super::addresses::{numbered, tag};
use super::curve::SUPPLY;
use super::dice::{Dice, float, whole};
use super::draft::{CurveAccounts, Draft, Failure, Payer, Quote, Step};
use super::params::Params;
use super::pool::Pool;
use super::token::{SOL, Token};
use super::wallets::{Kind, WalletId, Wallets};
use model::{Address, Signature};

/// Index of a token.
pub(crate) type TokenId = u32;

/// What a task does with its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Someone of the crowd trades; `again` if the next one of the crowd follows from it.
    Crowd { again: bool },
    /// A bot buys right after the launch and leaves soon.
    Snipe { wallet: WalletId },
    /// A wallet that knows more buys, and waits for the height.
    Enter { wallet: WalletId },
    /// A wallet sells this many basis points of what it has.
    Sell { wallet: WalletId, bps: u64 },
    /// The developer sells everything.
    Rug,
    /// The mayhem agent trades, and so many times more.
    Mayhem { left: u32 },
    /// The complete curve moves to a pool.
    Migrate,
    /// A wallet buys and sells to itself, and so many times more.
    Wash { wallet: WalletId, buys: bool, left: u32 },
    /// Liquidity goes into the pool or comes out.
    Provide { wallet: WalletId, lp: u64 },
}

/// A task of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) token: TokenId,
    pub(crate) what: What,
}

/// The market's state.
pub(crate) struct Economy {
    pub(crate) dice: Dice,
    pub(crate) params: Params,
    pub(crate) wallets: Wallets,
    pub(crate) tokens: BTreeMap<TokenId, Token>,
    pub(crate) next_token: TokenId,
    agenda: BTreeMap<(u64, u64), Task>,
    decided: u64,
    /// The present slot, counted from the first.
    pub(crate) now: u64,
    /// Where transactions of the present slot go.
    pub(crate) out: Vec<Draft>,
}

/// Launches by the hour of the day (UTC), as a factor of the mean: Europe's afternoon is America's morning.
const RHYTHM: [f64; 24] = [
    1.05, 1.00, 0.95, 0.90, 0.85, 0.80, 0.78, 0.78, 0.80, 0.84, 0.88, 0.93, 1.00, 1.08, 1.16, 1.22, 1.25,
    1.25, 1.22, 1.18, 1.14, 1.10, 1.08, 1.06,
];

impl Economy {
    pub(crate) fn new(params: &Params) -> Self {
        let mut dice = Dice::new(params.seed, 1);
        let wallets = Wallets::new(params.seed, &mut dice);
        let mut economy = Self {
            dice,
            params: params.clone(),
            wallets,
            tokens: BTreeMap::new(),
            next_token: 0,
            agenda: BTreeMap::new(),
            decided: 0,
            now: 0,
            out: Vec::new(),
        };
        for number in 0..params.pools_at_start {
            economy.establish(number);
        }
        economy
    }

    /// The transactions of the slot `now`, in order; at most `most`, the rest waits.
    pub(crate) fn slot(&mut self, now: u64, most: u64) -> Vec<Draft> {
        self.now = now;
        let seconds = float(self.params.slot_ms) / 1_000.0;
        let hour = (self.params.start_time_s + now * self.params.slot_ms / 1_000) / 3_600 % 24;
        let rhythm = RHYTHM[usize::try_from(hour).unwrap_or(0)];
        let mean = self.params.launches_per_day * self.params.scale * rhythm / 86_400.0 * seconds;
        // A market that is far behind its orders launches nothing new, or it would never catch up.
        let behind = self.agenda.first_key_value().is_some_and(|((due, _), _)| due + 64 < now);
        let launches = if behind { 0 } else { self.dice.poisson(mean) };
        for _ in 0..launches {
            self.launch();
        }
        while u64::try_from(self.out.len()).unwrap_or(u64::MAX) < most {
            let Some(entry) = self.agenda.first_entry().filter(|e| e.key().0 <= now) else { break };
            let task = entry.remove();
            self.perform(task);
            self.settle_pending(task.token);
        }
        std::mem::take(&mut self.out)
    }

    /// Forgets a token that nothing on the agenda names any more.
    fn settle_pending(&mut self, id: TokenId) {
        if let Some(token) = self.tokens.get_mut(&id) {
            token.pending = token.pending.saturating_sub(1);
            if token.pending == 0 {
                self.tokens.remove(&id);
            }
        }
    }

    /// Puts a task on the agenda, `delay_slots` from now.
    pub(crate) fn schedule(&mut self, delay_slots: f64, token: TokenId, what: What) {
        if let Some(entry) = self.tokens.get_mut(&token) {
            entry.pending += 1;
            self.decided += 1;
            self.agenda.insert((self.now + whole(delay_slots), self.decided), Task { token, what });
        }
    }

    /// A draft of `wallet`, signed and priced. Takes the fee from the wallet.
    pub(crate) fn sign(&mut self, payer: Payer, wallet: WalletId, steps: Vec<Step>) -> Draft {
        let dice = &mut self.dice;
        let unit_limit = u32::try_from(dice.between(90, 400) * 1_000).unwrap_or(u32::MAX);
        let unit_price = whole(dice.lognormal(120_000.0, 1.6)).min(20_000_000);
        let tip = if dice.chance(0.35) { whole(dice.lognormal(400_000.0, 1.2)).min(20_000_000) } else { 0 };
        let cut_logs = dice.chance(self.params.truncated_ratio).then(|| dice.bytes::<1>()[0]);
        let draft = Draft {
            signature: Signature(dice.bytes()),
            payer,
            co_signers: Vec::new(),
            steps,
            routed: false,
            failure: None,
            unit_limit,
            unit_price,
            tip,
            cut_logs,
        };
        let fee = 5_000 + tip + unit_price * u64::from(unit_limit) / 1_000_000;
        let wallet = self.wallets.get_mut(wallet);
        wallet.lamports = wallet.lamports.saturating_sub(fee);
        draft
    }

    /// The wallet as a signer, with what it holds now.
    pub(crate) fn payer(&self, wallet: WalletId) -> Payer {
        let wallet = self.wallets.get(wallet);
        Payer { address: wallet.address, lamports: wallet.lamports }
    }

    /// A transaction that did not get through, of an order that was not carried out.
    pub(crate) fn failed(&mut self, wallet: WalletId, step: Step) -> Draft {
        let payer = self.payer(wallet);
        let mut draft = self.sign(payer, wallet, vec![step]);
        draft.failure = Some(if self.dice.chance(0.7) { Failure::Slippage } else { Failure::Afterwards });
        draft
    }

    /// A transaction against the present state that leaves no trace in it: one that a dying fork holds
    /// and that never lands again.
    pub(crate) fn lost(&mut self) -> Option<Draft> {
        let ids: Vec<TokenId> = self.tokens.keys().copied().collect();
        let id = self.dice.pick(&ids)?;
        let wallet = self.wallets.pick(Kind::Retail, &mut self.dice);
        let gross = self.dice.between(10_000_000, 500_000_000);
        let step = self.plan_buy(id, wallet, gross)?;
        let payer = self.payer(wallet);
        Some(self.sign(payer, wallet, vec![step]))
    }

    /// A token from before the first slot, with its pool and its holders.
    fn establish(&mut self, number: u32) {
        let developer = self.wallets.pick(Kind::Developer, &mut self.dice);
        let creator = self.wallets.get(developer).address;
        let id = self.new_token_id();
        let mint = numbered(tag::MINT, self.params.seed, id.into());
        let accounts = CurveAccounts::new(mint, creator, Quote::Sol, false, number % 8 == 5);
        // Somewhere along the curve that the migration starts on.
        let times = self.dice.lognormal(1.2, 0.9).clamp(0.15, 30.0);
        let lamports = whole(84_990_359_151.0 * times);
        let tokens = whole(206_900_000_000_000.0 / times).min(SUPPLY / 2);
        let (coin, sol) = ((mint, 6, tokens), (Address::WSOL, 9, lamports));
        let inverted = number % 10 == 9;
        let mut pool = if inverted { Pool::open(sol, coin, false) } else { Pool::open(coin, sol, true) };
        pool.cashback = accounts.cashback;
        if number % 7 == 3 && !inverted {
            pool.virtual_quote = lamports / 12;
        }
        let mut token = Token::established(accounts, developer, pool, &mut self.dice);
        let loyal = self.params.loyal_ratio * f64::from(self.params.pools_at_start);
        token.is_loyal = f64::from(number) < loyal;
        let holders = self.dice.between(60, 200);
        for _ in 0..holders {
            let wallet = self.wallets.pick(Kind::Retail, &mut self.dice);
            if token.balance(wallet).is_none() {
                token.crowd.push(wallet);
            }
            token.credit(wallet, (SUPPLY - tokens) / 2 / holders);
        }
        self.tokens.insert(id, token);
        self.start_pool(id);
    }

    /// What begins with a pool: trade, sometimes with people who only look busy.
    pub(crate) fn start_pool(&mut self, id: TokenId) {
        if let Some(token) = self.tokens.get_mut(&id).filter(|t| !t.followed) {
            token.followed = true;
            self.schedule(2.0, id, What::Crowd { again: true });
        }
        if self.dice.chance(0.1) {
            for _ in 0..2 {
                let wallet = self.wallets.pick(Kind::Washer, &mut self.dice);
                let left = u32::try_from(self.dice.between(20, 200)).unwrap_or(20);
                self.schedule(10.0, id, What::Wash { wallet, buys: true, left });
            }
        }
        if self.dice.chance(0.15) {
            let wallet = self.wallets.pick(Kind::Whale, &mut self.dice);
            let delay = self.dice.exponential(600.0);
            self.schedule(delay, id, What::Provide { wallet, lp: 0 });
        }
    }

    pub(crate) fn new_token_id(&mut self) -> TokenId {
        self.next_token += 1;
        self.next_token
    }

    /// Amount that someone of the crowd spends on a token, in lamports.
    pub(crate) fn crowd_lamports(&mut self, peak_lamports: u64) -> (Kind, u64) {
        let dice = &mut self.dice;
        let (kind, sol) = if dice.chance(0.025) {
            (Kind::Whale, dice.pareto(3.0, 1.4).min(60.0))
        } else {
            (Kind::Retail, dice.lognormal(0.2, 1.25).clamp(0.003, 25.0))
        };
        let most = peak_lamports / 3 + SOL / 50;
        (kind, whole(sol * float(SOL)).min(most))
    }
}
