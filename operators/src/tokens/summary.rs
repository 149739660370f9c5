//! From what is kept of a token to its row and those of its pools.

use model::{Address, Price};

use super::figures::{LiquidityKind, quote_decimals};
use super::history::PoolState;
use super::score::{self, Inputs, Score};
use super::tracked::Tracked;
use super::{Activity, Owned, Params, Pool, Settings, Status, Token, Trading, Valuation};
use crate::holders::Holdings;
use crate::labels::risk::{self, Risk, Signs};
use crate::number::Number;
use crate::trades::market_cap;

impl Tracked {
    /// The row of a pool; none if nothing happened in it.
    pub(super) fn pool_row(&self, mint: &Address, at: usize, params: &Params) -> Option<Pool> {
        let PoolState { name, latest, .. } =
            self.history.pools.get(at).filter(|pool| pool.latest.is_there)?;
        let opening = self.milestones.opening(&name.address);
        let created = self.milestones.created_at().filter(|moment| moment.pool == Some(name.address));
        let opened_at = opening.map(|event| event.origin.block_time).or(created.map(|moment| moment.time));
        let migrated = self.milestones.migrated();
        Some(Pool {
            pool: name.address,
            program: name.program,
            mint: *mint,
            quote_mint: name.quote_mint,
            vaults: opening.map_or((None, None), |event| (event.base_vault, event.quote_vault)),
            reserves: latest.reserves(),
            virtual_quote: latest.reserves().and(latest.apart(name, params)).map(|(_, quote)| quote),
            liquidity_micros: latest.liquidity_micros(name, params),
            spot: latest.spot(name),
            opened_at,
            is_canonical: migrated.is_some_and(|moment| moment.pool == Some(name.address)),
        })
    }

    /// The row of the token; none if nothing is known of it.
    pub(super) fn summary(&self, mint: &Address, settings: &Settings) -> Option<Token> {
        let params = &settings.tokens;
        let first = self.history.first().into_iter().chain(self.milestones.first().map(|m| m.id)).min()?;
        let created = self.milestones.created();
        let primary = self.primary();
        let supply = self.supply();
        let decimals = created
            .map(|event| event.decimals)
            .or_else(|| self.history.pools.iter().find_map(|pool| pool.name.base_decimals));
        let valuation = primary.map_or_else(Valuation::default, |pool| valuation(pool, supply, decimals));
        let liquidity_micros = primary.and_then(|pool| pool.latest.liquidity_micros(&pool.name, params));
        let trading = self.trading(primary, valuation.price.is_some());
        let inputs = score_inputs(&trading, liquidity_micros);
        Some(Token {
            mint: *mint,
            created: created.cloned(),
            program: created.map(|event| event.program).or(primary.map(|pool| pool.name.program)),
            first_seen_slot: first.slot,
            decimals,
            supply,
            quote_mint: primary.and_then(|pool| pool.name.quote_mint),
            primary_pool: primary.map(|pool| pool.name.address),
            valuation,
            liquidity_micros,
            liquidity_kind: primary.map(|pool| LiquidityKind::of(pool.name.program)),
            curve_progress_pct: self.curve_progress(params),
            status: self.status(),
            completed: self.milestones.completed(),
            migrated: self.milestones.migrated(),
            last_trade: self.history.last_trade().map(|trade| (trade.time, trade.side)),
            trading,
            owned: self.held.get().map(|held| self.owned(held, &settings.risk)),
            score: inputs.as_ref().and_then(Score::new),
            score_classic: inputs.as_ref().and_then(score::classic),
        })
    }

    fn owned(&self, held: &Holdings, params: &risk::Params) -> Owned {
        let signs = Signs {
            bundlers: held.bundlers.wallets,
            snipers: held.snipers.wallets,
            bundlers_held_pct: held.held_pct(held.bundlers),
            snipers_held_pct: held.held_pct(held.snipers),
            marked_pct: self.day.get().and_then(marked_pct),
            top10_pct: held.top10_pct(),
            creator_held_pct: held.dev_hold_pct(),
            creator_sold: held.creator.map(|creator| creator.has_sold),
        };
        let number = |value: Option<f64>| value.and_then(Number::new);
        Owned {
            holders: held.holders,
            top10_pct: number(signs.top10_pct),
            creator_held_pct: number(signs.creator_held_pct),
            creator_sold: signs.creator_sold,
            snipers_held_pct: number(signs.snipers_held_pct),
            bundlers_held_pct: number(signs.bundlers_held_pct),
            risk: Risk::new(&signs, params),
        }
    }

    /// The pool whose price is the token's.
    fn primary(&self) -> Option<&PoolState> {
        let there = || self.history.pools.iter().filter(|pool| pool.latest.is_there);
        let find = |address: Option<Address>| there().find(|pool| Some(pool.name.address) == address);
        let migrated = self.milestones.migrated();
        let traded = there().filter(|pool| pool.latest.first_trade.is_some());
        // Until something is traded where it migrated to, its candles are still at the curve.
        let chosen = find(self.chosen.get().copied())
            .filter(|pool| !pool.name.program.is_curve())
            .filter(|_| migrated.is_some() || self.curve().is_none());
        chosen
            .or_else(|| find(migrated.and_then(|moment| moment.pool)))
            .or_else(|| self.curve())
            .or_else(|| traded.min_by_key(|pool| pool.latest.first_trade))
            .or_else(|| there().min_by_key(|pool| pool.name.address))
    }

    /// Its bonding curve: the one that it was created on, or else the one that it is traded on.
    fn curve(&self) -> Option<&PoolState> {
        let created = self.milestones.created().map(|event| event.pool);
        let curves = self.history.pools.iter().filter(|pool| pool.latest.is_there);
        curves
            .filter(|pool| pool.name.program.is_curve())
            .min_by_key(|pool| (Some(pool.name.address) != created, pool.name.address))
    }

    /// As of the last event that says it.
    fn supply(&self) -> Option<u64> {
        let traded = self.history.pools.iter().filter_map(|pool| pool.latest.supply).max();
        traded.map(|(_, supply)| supply).or_else(|| self.milestones.created()?.supply)
    }

    /// Source: DEFINITIONS §5.
    fn curve_progress(&self, params: &Params) -> Option<Number> {
        let curve = self.curve();
        let is_over = self.milestones.completed().is_some()
            || (curve.is_some() && self.milestones.migrated().is_some());
        if is_over {
            return Number::new(100.0);
        }
        let curve = curve?;
        if let Some(said) = curve.latest.curve {
            return said.progress_pct().and_then(Number::new);
        }
        let (left, _) = curve.latest.held(&curve.name, params)?;
        let to_sell = self.milestones.created().and_then(|event| event.real_base);
        let is_pump = curve.name.program == model::Program::Pump;
        let to_sell = to_sell.or_else(|| is_pump.then_some(params.curve_to_sell)).filter(|all| *all > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "a percentage of amounts")]
        let sold = 1.0 - left as f64 / to_sell as f64;
        Number::new((100.0 * sold).clamp(0.0, 100.0))
    }

    fn status(&self) -> Status {
        if self.is_dead {
            Status::Dead
        } else if self.milestones.migrated().is_some() {
            Status::Migrated
        } else if self.milestones.completed().is_some() {
            Status::Completed
        } else if self.history.last_trade().is_some() {
            Status::Trading
        } else {
            Status::Created
        }
    }

    /// `has_price` says that there is a price, so that without a window it has not changed.
    fn trading(&self, primary: Option<&PoolState>, has_price: bool) -> Trading {
        let (hour, day) = (self.hour.get(), self.day.get());
        let change = |window: Option<&Activity>| match window {
            Some(activity) => activity.prices.and_then(|(now, then)| percent(now, then)),
            None => Number::new(0.0).filter(|_| has_price),
        };
        let decimals = primary.and_then(|pool| quote_decimals(&pool.name));
        let quote = day.map_or(0, |activity| activity.quote);
        let usd_micros = day.map_or(Some(0), |activity| activity.usd_micros);
        Trading {
            txns_24h: day.map_or(0, |activity| u64::from(activity.trades)),
            volume_24h: decimals.and_then(|decimals| Number::coins(quote, decimals)),
            volume_usd_24h: usd_micros.and_then(|micros| Number::coins(micros, 6)),
            change_1h: change(hour),
            change_24h: change(day),
        }
    }
}

/// How much of the volume is in trades that carry a mark, in percent; none without volume.
#[expect(clippy::cast_precision_loss, reason = "a percentage of two sums")]
fn marked_pct(day: &Activity) -> Option<f64> {
    (day.quote > 0).then(|| 100.0 * day.marked_quote as f64 / day.quote as f64)
}

/// Source: DEFINITIONS §4, `price_change_pct`.
fn percent(now: Price, then: Price) -> Option<Number> {
    Number::new(100.0 * (now.get() / then.get() - 1.0))
}

/// Source: DEFINITIONS §5.
fn valuation(pool: &PoolState, supply: Option<u64>, decimals: Option<u8>) -> Valuation {
    let figures = &pool.latest;
    let (price, nanos) = match figures.clean {
        Some((price, nanos)) => (Some(price), nanos),
        None => (figures.spot(&pool.name), figures.usd_nanos),
    };
    let rate = nanos.and_then(|nanos| Price::ratio(nanos.into(), 9, 1, 0));
    let price_usd = price.zip(rate).and_then(|(price, rate)| Price::new(price.get() * rate.get()));
    let cap = |price: Option<Price>| decimals.and_then(|decimals| market_cap(price, supply, decimals));
    Valuation { price, price_usd, market_cap: cap(price), market_cap_usd: cap(price_usd) }
}

/// None if one of them is not known.
fn score_inputs(trading: &Trading, liquidity_micros: Option<u128>) -> Option<Inputs> {
    Some(Inputs {
        volume_usd: trading.volume_usd_24h?.get(),
        change_1h: trading.change_1h?.get(),
        change_24h: trading.change_24h?.get(),
        liquidity_usd: Number::coins(liquidity_micros?, 6)?.get(),
        txns: trading.txns_24h,
    })
}
