//! Prices an order against its venue, and carries it out.
//!
//! Planning and carrying out are two things, because a transaction may be written without happening: it
//! fails, or it dies with its fork.

use model::Side;

use super::curve::{Charges, Curve, Swap, mul_div};
use super::dice::float;
use super::draft::{CurveForm, CurveTrade, PoolForm, PoolTrade, Quote, Step};
use super::economy::{Economy, TokenId, What};
use super::pool::{Pool, PoolSwap};
use super::token::Venue;
use super::wallets::WalletId;

/// Millionths of a dollar for a lamport are 180 / 1000: SOL at 180 dollars.
const USDC_PER_LAMPORT: (u64, u64) = (180, 1_000);

impl Economy {
    /// Prices a purchase for `lamports` in all. None if nothing can be bought.
    pub(crate) fn plan_buy(&mut self, id: TokenId, wallet: WalletId, lamports: u64) -> Option<Step> {
        match self.tokens.get(&id)?.venue {
            Venue::Curve(curve) => self.plan_curve_buy(id, wallet, lamports, curve),
            Venue::Complete(_) => None,
            Venue::Pool(pool) => {
                self.wallets.provide_wrapped(wallet, lamports + lamports / 10);
                self.wallets.provide_lamports(wallet, 0);
                if pool.is_inverted() {
                    let swap = pool.sell(lamports)?;
                    self.pool_step(id, wallet, pool, Side::Sell, PoolForm::Plain, swap)
                } else if self.dice.chance(0.5) {
                    let swap = pool.buy(lamports)?;
                    self.pool_step(id, wallet, pool, Side::Buy, PoolForm::ExactIn, swap)
                } else {
                    let swap = pool.buy_base(pool.buy(lamports)?.base)?;
                    self.pool_step(id, wallet, pool, Side::Buy, PoolForm::Plain, swap)
                }
            }
        }
    }

    /// Prices a sale of `amount` tokens. None if it brings nothing or the wallet has none.
    pub(crate) fn plan_sell(&mut self, id: TokenId, wallet: WalletId, amount: u64) -> Option<Step> {
        let token = self.tokens.get(&id)?;
        let amount = amount.min(token.balance(wallet)?);
        let venue = token.venue;
        self.wallets.provide_lamports(wallet, 0);
        match venue {
            Venue::Curve(curve) => {
                let swap = curve.sell(amount)?;
                self.curve_step(id, wallet, Side::Sell, CurveForm::Plain, swap, curve)
            }
            Venue::Complete(_) => None,
            Venue::Pool(pool) if pool.is_inverted() => {
                let swap = pool.buy(amount)?;
                self.wallets.provide_wrapped(wallet, 0);
                self.pool_step(id, wallet, pool, Side::Buy, PoolForm::ExactIn, swap)
            }
            Venue::Pool(pool) => {
                let swap = pool.sell(amount)?;
                self.wallets.provide_wrapped(wallet, 0);
                self.pool_step(id, wallet, pool, Side::Sell, PoolForm::Plain, swap)
            }
        }
    }

    fn plan_curve_buy(&mut self, id: TokenId, wallet: WalletId, lamports: u64, curve: Curve) -> Option<Step> {
        let accounts = self.tokens.get(&id)?.accounts;
        let gross = match accounts.quote {
            Quote::Sol => lamports,
            Quote::Usdc => mul_div(lamports, USDC_PER_LAMPORT.0, USDC_PER_LAMPORT.1),
        };
        self.wallets.provide_lamports(wallet, lamports);
        self.wallets.provide_usdc(wallet, gross);
        let swap = curve.buy(curve_charges(accounts.cashback).net_of(gross))?;
        let exact = accounts.quote == Quote::Sol && swap.base < curve.real_base && self.dice.chance(0.4);
        let (form, swap) =
            if exact { (CurveForm::ExactIn, swap) } else { (CurveForm::Plain, curve.buy_base(swap.base)?) };
        self.curve_step(id, wallet, Side::Buy, form, swap, curve)
    }

    fn curve_step(
        &mut self,
        id: TokenId,
        wallet: WalletId,
        side: Side,
        form: CurveForm,
        swap: Swap,
        before: Curve,
    ) -> Option<Step> {
        let token = self.tokens.get(&id)?;
        let (accounts, user_base) = (token.accounts, token.balance(wallet));
        let charges = curve_charges(accounts.cashback);
        let plain_coin = accounts.quote == Quote::Sol && !accounts.mayhem && !accounts.cashback;
        let v2 = accounts.quote == Quote::Usdc || (form == CurveForm::Plain && self.dice.chance(0.25));
        let user = self.wallets.get(wallet);
        Some(Step::CurveTrade(CurveTrade {
            accounts,
            form: if v2 { CurveForm::V2 } else { form },
            side,
            user: user.address,
            user_base,
            user_quote: user.usdc,
            swap,
            charges,
            charged: charges.on(swap.quote),
            before,
            after: if side == Side::Buy { before.bought(swap) } else { before.sold(swap) },
            rewritten: None,
            layouts_back: self.layouts_back(plain_coin, 6),
        }))
    }

    /// How many versions old the program that writes the event is. Older ones leave fields out, which
    /// only coins that do without those fields can afford.
    fn layouts_back(&mut self, affordable: bool, most: u64) -> u8 {
        if affordable && self.dice.chance(self.params.old_layout_ratio) {
            u8::try_from(self.dice.between(1, most)).unwrap_or(0)
        } else {
            0
        }
    }

    fn pool_step(
        &mut self,
        id: TokenId,
        wallet: WalletId,
        pool: Pool,
        side: Side,
        form: PoolForm,
        swap: PoolSwap,
    ) -> Option<Step> {
        let token = self.tokens.get(&id)?;
        let (creator, coin) = (token.accounts.creator, token.balance(wallet));
        let user = self.wallets.get(wallet);
        let (user_base, user_quote) =
            if pool.is_inverted() { (user.wrapped, coin) } else { (coin, user.wrapped) };
        let layouts_back = self.layouts_back(pool.virtual_quote == 0 && !pool.cashback, 5);
        Some(Step::PoolTrade(PoolTrade {
            pool,
            creator,
            form,
            side,
            user: user.address,
            user_base,
            user_quote,
            swap,
            layouts_back,
        }))
    }

    /// Carries out a planned trade of `wallet`, and sets off what its new height calls for.
    pub(crate) fn apply(&mut self, id: TokenId, wallet: WalletId, step: &Step) {
        let Some(token) = self.tokens.get_mut(&id) else { return };
        let person = self.wallets.get_mut(wallet);
        match step {
            Step::CurveTrade(t) => {
                token.venue = Venue::Curve(t.after);
                let money =
                    if t.accounts.quote == Quote::Sol { &mut person.lamports } else { &mut person.usdc };
                if t.side == Side::Buy {
                    *money = money.saturating_sub(t.user_amount());
                    token.credit(wallet, t.swap.base);
                } else {
                    *money += t.user_amount();
                    token.debit(wallet, t.swap.base);
                }
                if t.after.is_complete() {
                    token.venue = Venue::Complete(t.after);
                }
            }
            Step::PoolTrade(t) => {
                let buys_base = t.side == Side::Buy;
                let after = if buys_base { t.pool.bought(&t.swap) } else { t.pool.sold(&t.swap) };
                token.venue = Venue::Pool(after);
                let quote = if buys_base { t.swap.gross() } else { t.swap.proceeds() };
                let (coin, sol) =
                    if t.pool.is_inverted() { (quote, t.swap.base) } else { (t.swap.base, quote) };
                let wrapped = person.wrapped.unwrap_or(0);
                if buys_base == t.pool.is_inverted() {
                    token.debit(wallet, coin);
                    person.wrapped = Some(wrapped + sol);
                } else {
                    token.credit(wallet, coin);
                    person.wrapped = Some(wrapped.saturating_sub(sol));
                }
            }
            Step::Create(_) | Step::Migrate(_) | Step::Liquidity(_) => {}
        }
        self.after_trade(id);
    }

    /// What a new height sets off: sales of those who waited for it, and the migration.
    fn after_trade(&mut self, id: TokenId) {
        let Some(token) = self.tokens.get_mut(&id) else { return };
        let level = token.level();
        if let Venue::Complete(_) = token.venue {
            let delay = float(self.dice.between(5, 40));
            self.schedule(delay, id, What::Migrate);
            return;
        }
        if token.exits.iter().all(|exit| exit.level > level) {
            return;
        }
        let due: Vec<WalletId> = token.exits.iter().filter(|e| e.level <= level).map(|e| e.wallet).collect();
        token.exits.retain(|exit| exit.level > level);
        for wallet in due {
            let delay = float(self.dice.between(1, 6));
            let bps = if self.dice.chance(0.7) { 10_000 } else { 6_000 };
            self.schedule(delay, id, What::Sell { wallet, bps });
        }
    }
}

/// What the curve charges: a cashback coin pays its traders back what others pay the creator.
fn curve_charges(cashback: bool) -> Charges {
    if cashback {
        Charges { protocol: 95, cashback: 30, ..Charges::default() }
    } else {
        Charges { protocol: 95, creator: 30, ..Charges::default() }
    }
}
