//! The launch of a token, and what its fate sets in motion.

use super::addresses::{numbered, tag};
use super::curve::{Curve, VIRTUAL_LAMPORTS_START, VIRTUAL_USDC_START};
use super::dice::{Dice, float, whole};
use super::draft::{Creation, CurveAccounts, Payer, Quote, Step};
use super::economy::{Economy, TokenId, What};
use super::token::{SOL, Token};
use super::wallets::{Kind, WalletId};

const FIRST: [&str; 24] = [
    "Moon", "Baby", "Doge", "Pepe", "Shiba", "Giga", "Based", "Sigma", "Turbo", "Mega", "Dark", "Golden",
    "Tiny", "Angry", "Sleepy", "Cosmic", "Laser", "Quantum", "Wojak", "Chill", "Mister", "Grumpy", "Happy",
    "Ultra",
];
const SECOND: [&str; 24] = [
    "Cat", "Dog", "Frog", "Guy", "Inu", "Coin", "Rocket", "Ape", "Goat", "Penguin", "Hamster", "Wizard",
    "King", "Banana", "Duck", "Shrimp", "Bonk", "Whale", "Agent", "Otter", "Dragon", "Potato", "Goblin",
    "Unicorn",
];

impl Economy {
    /// Launches a token: its creation, what comes in the same slot, and what will follow.
    pub(crate) fn launch(&mut self) {
        let developer = self.wallets.pick(Kind::Developer, &mut self.dice);
        let id = self.new_token_id();
        let accounts = self.new_accounts(id, developer);
        let start = if accounts.quote == Quote::Sol { VIRTUAL_LAMPORTS_START } else { VIRTUAL_USDC_START };
        let curve = Curve::new(start);
        let token = Token::new(accounts, developer, curve, &mut self.dice);
        let lamports = match accounts.quote {
            Quote::Sol => token.peak,
            Quote::Usdc => token.peak.saturating_mul(1_000) / 180,
        };
        self.tokens.insert(id, token);
        let gross =
            whole(self.dice.lognormal(0.5, 1.0) * float(SOL)).clamp(SOL / 100, 30 * SOL).min(lamports);
        // What the developer needs is there before the balances are written down.
        self.wallets.provide_lamports(developer, gross.max(2 * SOL));
        let payer = self.payer(developer);
        let (name, symbol, uri) = names(&mut self.dice);
        let creation = Creation { accounts, user: payer.address, name, symbol, uri, curve };
        let mut steps = vec![Step::Create(Box::new(creation))];
        if self.dice.chance(0.85)
            && let Some(step) = self.plan_buy(id, developer, gross)
        {
            self.apply(id, developer, &step);
            steps.push(step);
        }
        let mut draft = self.sign(payer, developer, steps);
        draft.unit_limit = 400_000;
        draft.co_signers.push(Payer { address: accounts.mint, lamports: 0 });
        self.out.push(draft);
        self.follow_up(id, lamports);
        // Whatever comes, the crowd has a look.
        let Some(token) = self.tokens.get_mut(&id) else { return };
        token.followed = true;
        let gap = token.gap_slots;
        let delay = 1.0 + self.dice.exponential(gap);
        self.schedule(delay, id, What::Crowd { again: true });
    }

    fn new_accounts(&mut self, id: TokenId, developer: WalletId) -> CurveAccounts {
        let mayhem = self.dice.chance(0.04);
        let cashback = !mayhem && self.dice.chance(0.12);
        let quote = if !mayhem && self.dice.chance(0.02) { Quote::Usdc } else { Quote::Sol };
        let creator = if self.dice.chance(0.9) {
            developer
        } else {
            self.wallets.pick(Kind::Developer, &mut self.dice)
        };
        let mint = numbered(tag::MINT, self.params.seed, id.into());
        CurveAccounts::new(mint, self.wallets.get(creator).address, quote, mayhem, cashback)
    }

    /// Bundle, snipers, those who know more, and the developer's exit.
    fn follow_up(&mut self, id: TokenId, peak_lamports: u64) {
        if self.dice.chance(0.06) {
            self.bundle(id);
        }
        for _ in 0..self.dice.poisson(1.3) {
            let wallet = self.wallets.pick(Kind::Sniper, &mut self.dice);
            // Within five seconds.
            let delay = float(self.dice.between(0, 12));
            self.schedule(delay, id, What::Snipe { wallet });
        }
        let knowing = match peak_lamports / SOL {
            0..=3 => 0.0,
            4..=9 => 0.15,
            10..=39 => 0.8,
            _ => 2.5,
        };
        for _ in 0..self.dice.poisson(knowing) {
            let wallet = self.wallets.pick(Kind::Smart, &mut self.dice);
            let delay = 8.0 + self.dice.exponential(60.0);
            self.schedule(delay, id, What::Enter { wallet });
        }
        let developer = self.tokens.get(&id).map_or(0, |t| t.developer);
        let delay = 12.0 + self.dice.exponential(250.0);
        if self.dice.chance(0.25) {
            self.schedule(delay, id, What::Rug);
        } else if self.dice.chance(0.6) {
            self.schedule(delay * 4.0, id, What::Sell { wallet: developer, bps: 10_000 });
        }
        if self.tokens.get(&id).is_some_and(|t| t.accounts.mayhem) {
            let left = u32::try_from(self.dice.between(5, 60)).unwrap_or(5);
            self.schedule(20.0, id, What::Mayhem { left });
        }
    }

    /// Four or more wallets of one hand buy in the launch slot: each in a transaction of its own, or
    /// four in one that all of them sign.
    fn bundle(&mut self, id: TokenId) {
        let count = self.dice.between(4, 8);
        let together = self.dice.chance(0.4);
        let mut steps: Vec<Step> = Vec::new();
        let mut signers: Vec<(WalletId, Payer)> = Vec::new();
        for i in 0..count {
            let wallet = self.wallets.pick(Kind::Retail, &mut self.dice);
            if signers.iter().any(|(other, _)| *other == wallet) {
                continue;
            }
            let gross = self.dice.between(SOL / 5, 2 * SOL);
            self.wallets.provide_lamports(wallet, gross);
            let payer = self.payer(wallet);
            let Some(step) = self.plan_buy(id, wallet, gross) else { continue };
            self.apply(id, wallet, &step);
            let delay = 20.0 + self.dice.exponential(300.0);
            self.schedule(delay, id, What::Sell { wallet, bps: 10_000 });
            steps.push(step);
            signers.push((wallet, payer));
            if !together || steps.len() == 4 || i + 1 == count {
                self.sign_together(std::mem::take(&mut signers), std::mem::take(&mut steps));
            }
        }
        self.sign_together(signers, steps);
    }

    fn sign_together(&mut self, signers: Vec<(WalletId, Payer)>, steps: Vec<Step>) {
        let mut signers = signers.into_iter();
        let Some((wallet, payer)) = signers.next() else { return };
        let mut draft = self.sign(payer, wallet, steps);
        draft.tip = draft.tip.max(1_000_000);
        draft.co_signers.extend(signers.map(|(_, payer)| payer));
        draft.unit_limit = 600_000;
        self.out.push(draft);
    }
}

/// Name, symbol and where the metadata lie.
fn names(dice: &mut Dice) -> (String, String, String) {
    const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (first, second) = (dice.pick(&FIRST).unwrap_or("Moon"), dice.pick(&SECOND).unwrap_or("Cat"));
    let name = if dice.chance(0.3) { second.to_owned() } else { format!("{first} {second}") };
    let symbol: String =
        name.chars().filter(char::is_ascii_alphabetic).take(8).map(|c| c.to_ascii_uppercase()).collect();
    let digits = dice.bytes::<52>().map(|b| char::from(BASE32[usize::from(b % 32)]));
    let uri = format!("https://ipfs.io/ipfs/bafkrei{}", digits.iter().collect::<String>());
    (name, symbol, uri)
}
