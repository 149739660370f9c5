//! What is no trade of the market's people: the mayhem agent, migrations, liquidity.

use model::Side;

use super::addresses::MAYHEM_AGENT;
use super::curve::{
    Charges, Curve, MIGRATED_BASE, MIGRATED_LAMPORTS, MIGRATION_FEE, Swap, mul_div, mul_div_up,
};
use super::draft::{CurveForm, CurveTrade, Draft, Liquidity, Migration, Quote, Step};
use super::economy::{Economy, TokenId, What};
use super::pool::Pool;
use super::token::{SOL, Venue};
use super::wallets::{Kind, WalletId};

impl Economy {
    /// The mayhem agent trades for nothing and off the curve; the program then moves the curve's
    /// virtual reserves a little.
    pub(crate) fn mayhem(&mut self, id: TokenId, left: u32) {
        if let Some((trade, rewritten)) = self.plan_mayhem(id) {
            let Some(token) = self.tokens.get_mut(&id) else { return };
            token.agent = if trade.side == Side::Buy {
                token.agent + trade.swap.base
            } else {
                token.agent - trade.swap.base
            };
            token.venue = Venue::Curve(rewritten);
            let wallet = self.wallets.pick(Kind::Developer, &mut self.dice);
            self.wallets.provide_lamports(wallet, 0);
            let payer = self.payer(wallet);
            let draft = self.sign(payer, wallet, vec![Step::CurveTrade(trade)]);
            self.out.push(draft);
        }
        if left > 0 {
            let delay = 5.0 + self.dice.exponential(60.0);
            self.schedule(delay, id, What::Mayhem { left: left - 1 });
        }
    }

    fn plan_mayhem(&mut self, id: TokenId) -> Option<(CurveTrade, Curve)> {
        let token = self.tokens.get(&id)?;
        let Venue::Curve(before) = token.venue else { return None };
        let dice = &mut self.dice;
        let side = if dice.chance(0.5) && before.real_quote > SOL / 10 { Side::Sell } else { Side::Buy };
        let on_curve = match side {
            Side::Buy => before.buy(dice.between(SOL / 50, SOL / 2))?,
            Side::Sell => {
                before.sell(mul_div(before.virtual_base, dice.between(1, 100), 10_000).min(token.agent))?
            }
        };
        let quote = mul_div(on_curve.quote, dice.between(9_700, 10_300), 10_000);
        let quote = if side == Side::Sell { quote.min(before.real_quote) } else { quote };
        let swap = Swap { quote, ..on_curve };
        let after = if side == Side::Buy { before.bought(swap) } else { before.sold(swap) };
        if after.is_complete() {
            return None;
        }
        // Both reserves by nearly the same factor: another depth, about the same price.
        let factor = dice.between(9_900, 10_100);
        let rewritten = Curve {
            virtual_quote: mul_div(after.virtual_quote, factor, 10_000),
            virtual_base: mul_div(after.virtual_base, factor + dice.between(0, 20) - 10, 10_000)
                .max(after.real_base + 1),
            ..after
        };
        let trade = CurveTrade {
            accounts: token.accounts,
            form: CurveForm::Plain,
            side,
            user: MAYHEM_AGENT,
            user_base: Some(token.agent),
            user_quote: 0,
            swap,
            charges: Charges::default(),
            charged: [0; 4],
            before,
            after,
            rewritten: Some(rewritten),
            layouts_back: 0,
        };
        Some((trade, rewritten))
    }

    /// Opens the pool of a complete curve.
    pub(crate) fn migrate(&mut self, id: TokenId) {
        let Some(token) = self.tokens.get(&id) else { return };
        let Venue::Complete(curve) = token.venue else { return };
        let accounts = token.accounts;
        let usual = accounts.quote == Quote::Sol && !accounts.mayhem;
        let quote = if usual { MIGRATED_LAMPORTS } else { curve.real_quote.saturating_sub(MIGRATION_FEE) };
        let fee = if accounts.quote == Quote::Sol { MIGRATION_FEE } else { curve.real_quote - quote };
        let coin = (accounts.mint, 6, MIGRATED_BASE);
        let mut pool = Pool::open(coin, (accounts.quote.mint(), accounts.quote.decimals(), quote), true);
        pool.cashback = accounts.cashback;
        let worker = self.wallets.pick(Kind::Arbitrageur, &mut self.dice);
        self.wallets.provide_lamports(worker, 0);
        let payer = self.payer(worker);
        let migration = Migration { accounts, user: payer.address, curve, pool, fee };
        let mut draft = self.sign(payer, worker, vec![Step::Migrate(Box::new(migration))]);
        draft.unit_limit = 500_000;
        self.out.push(draft);
        if accounts.quote == Quote::Usdc {
            // Nobody follows it there: the simulated pools are quoted in SOL.
            return;
        }
        if let Some(token) = self.tokens.get_mut(&id) {
            token.open_pool(pool, &mut self.dice);
        }
        self.start_pool(id);
    }

    /// Liquidity: in first, and some time later out again.
    pub(crate) fn provide(&mut self, id: TokenId, wallet: WalletId, lp: u64) {
        let Some((draft, lp)) = self.plan_liquidity(id, wallet, lp) else { return };
        self.out.push(draft);
        if lp > 0 {
            let delay = self.dice.exponential(3_000.0);
            self.schedule(delay, id, What::Provide { wallet, lp });
        }
    }

    /// A deposit if `held` is 0, else the withdrawal of it. Returns what the wallet then holds.
    fn plan_liquidity(&mut self, id: TokenId, wallet: WalletId, held: u64) -> Option<(Draft, u64)> {
        let Venue::Pool(pool) = self.tokens.get(&id)?.venue else { return None };
        let added = held == 0;
        let lp = if added { pool.lp_supply / self.dice.between(20, 200) } else { held };
        let share = |reserve: u64| {
            if added { mul_div_up(reserve, lp, pool.lp_supply) } else { mul_div(reserve, lp, pool.lp_supply) }
        };
        let (base, quote) = (share(pool.base), share(pool.quote));
        let (coin, sol) = if pool.is_inverted() { (quote, base) } else { (base, quote) };
        self.wallets.provide_wrapped(wallet, sol);
        self.wallets.provide_lamports(wallet, 0);
        let payer = self.payer(wallet);
        let token = self.tokens.get_mut(&id)?;
        if added && token.balance(wallet).unwrap_or(0) < coin {
            token.credit(wallet, coin);
        }
        let had = (token.balance(wallet).unwrap_or(0), self.wallets.get(wallet).wrapped.unwrap_or(0));
        let (user_base, user_quote) = if pool.is_inverted() { (had.1, had.0) } else { had };
        let mut after = pool;
        let person = self.wallets.get_mut(wallet);
        if added {
            (after.base, after.quote, after.lp_supply) =
                (pool.base + base, pool.quote + quote, pool.lp_supply + lp);
            token.debit(wallet, coin);
            person.wrapped = Some(had.1.saturating_sub(sol));
        } else {
            (after.base, after.quote, after.lp_supply) =
                (pool.base - base, pool.quote - quote, pool.lp_supply - lp);
            token.credit(wallet, coin);
            person.wrapped = Some(had.1 + sol);
        }
        token.venue = Venue::Pool(after);
        let liquidity = Liquidity {
            pool,
            user: payer.address,
            added,
            base,
            quote,
            lp,
            user_base,
            user_quote,
            user_lp: held,
        };
        let draft = self.sign(payer, wallet, vec![Step::Liquidity(liquidity)]);
        Some((draft, if added { lp } else { 0 }))
    }
}
