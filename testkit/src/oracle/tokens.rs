//! Tokens, pools and lives by brute force: for every token and pool, scan every event.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::Params;
use model::{Address, ChainEvent, CurveState, Event, EventId, Price, Program, Seconds, Side, SlotState};
use operators::holders::Holdings;
use operators::labels::risk::{Risk, Signs};
use operators::number::Number;
use operators::tokens::score::Score;
use operators::tokens::{
    Created, Lifecycle, LiquidityKind, Moment, Owned, Pool, Stage, Status, Token, Trading, Valuation,
};
use operators::usd::ValuedTrade;
use operators::windows::TokenStats;

use super::usd::clean_price;
use super::{Facts, labels, series, windows};

/// What is so of one pool.
#[derive(Clone, Default)]
struct Market {
    address: Address,
    program: Option<Program>,
    quote_mint: Option<Address>,
    base_decimals: Option<u8>,
    quote_decimals: Option<u8>,
    reserves: Option<(u64, u64)>,
    apart: Option<(i128, i128)>,
    said_spot: Option<Price>,
    said_curve: Option<CurveState>,
    rate_nanos: Option<u64>,
    clean: Option<(Price, Option<u64>)>,
    supply: Option<(EventId, u64)>,
    first_trade: Option<EventId>,
    last_trade: Option<(EventId, Seconds, Side)>,
}

/// One token and all that happened to it, in canonical order.
struct Story<'a> {
    mint: Address,
    events: Vec<&'a ChainEvent>,
    markets: Vec<Market>,
    facts: &'a Facts<'a>,
    params: &'a Params,
    stats: &'a [TokenStats],
    holdings: Option<&'a Holdings>,
}

/// The tokens, pools and lives of the facts.
pub(super) fn tokens(facts: &Facts<'_>) -> (Vec<Token>, Vec<Pool>, Vec<Lifecycle>) {
    let params = facts.params;
    let heard = heard(facts);
    let marks = labels::labels(&facts.survivors, facts.events, facts.now, params).1;
    let trades = (facts.valued.as_slice(), facts.parts.as_slice());
    let stats = windows::windows(trades, &facts.moves, &marks, facts.now, &params.market.windows);
    let holdings = facts.holdings();
    let named: Vec<ChainEvent> = facts.survivors.iter().map(|event| with_mint(event, &heard)).collect();
    let mints: BTreeSet<Address> =
        named.iter().filter(|e| is_heard(e)).filter_map(ChainEvent::mint).collect();
    let (mut tokens, mut pools, mut lives) = (Vec::new(), Vec::new(), Vec::new());
    for mint in mints {
        let events = named.iter().filter(|e| is_heard(e) && e.mint() == Some(mint)).collect();
        let mut story = Story {
            mint,
            events,
            markets: Vec::new(),
            facts,
            params,
            stats: &stats,
            holdings: holdings.get(&mint),
        };
        story.markets = story.markets(&heard);
        tokens.push(story.token());
        pools.extend(story.markets.iter().map(|market| story.pool(market)));
        lives.extend(story.lives());
    }
    (tokens, pools, lives)
}

/// Balances say nothing here, nor do new parameters of a curve that is not named, nor a pair of which nobody knows
/// which token is the money.
fn is_heard(event: &ChainEvent) -> bool {
    match event {
        ChainEvent::Trade(event) => event.quote_known,
        ChainEvent::PoolCreated(event) => event.quote_known,
        ChainEvent::LiquidityChanged(event) => event.quote_known,
        ChainEvent::BalancesChanged(_) => false,
        ChainEvent::CurveParametersChanged(event) => event.pool.is_some(),
        _ => true,
    }
}

/// The events that were once taken for real, though a fork of theirs may have died since.
pub(super) fn heard<'a>(facts: &Facts<'a>) -> Vec<&'a ChainEvent> {
    let (mut clock, mut states) = (0, BTreeMap::new());
    let mut batches: Vec<(Seconds, Vec<&Event>)> = Vec::new();
    for event in facts.events {
        clock = clock.max(event.clock().unwrap_or(0));
        match batches.last_mut().filter(|(second, _)| *second == clock) {
            Some((_, batch)) => batch.push(event),
            None => batches.push((clock, vec![event])),
        }
    }
    let mut heard = Vec::new();
    for (clock, batch) in batches {
        for event in &batch {
            if let Event::Slot(status) = event {
                let state = states.entry(status.slot).or_insert(status.state);
                *state = status.state.max(*state);
            }
        }
        heard.extend(batch.into_iter().filter_map(|event| {
            let Event::Chain(event) = event else { return None };
            let is_dead = |state: Option<&SlotState>| state == Some(&SlotState::Dead);
            let slot = event.origin().id.slot;
            let is_lost = is_dead(states.get(&slot)) && is_dead(facts.states.get(&slot));
            let is_late = event.origin().block_time + facts.params.correction_horizon_s < clock;
            (!is_lost && !is_late).then_some(event)
        }));
    }
    heard
}

/// A completion that names its curve only, with the token of which the curve is known to be.
pub(super) fn with_mint(event: &ChainEvent, heard: &[&ChainEvent]) -> ChainEvent {
    let ChainEvent::CurveCompleted(completed) = event else { return event.clone() };
    let of_curve = heard.iter().find_map(|event| match event {
        ChainEvent::Trade(e) if e.pool == completed.pool => Some(e.mint),
        ChainEvent::TokenCreated(e) if e.pool == completed.pool => Some(e.mint),
        _ => None,
    });
    let mut named = completed.clone();
    named.mint = named.mint.or(of_curve);
    ChainEvent::CurveCompleted(named)
}

/// In which pool an event does something.
fn pool_of(event: &ChainEvent) -> Option<(Address, Program)> {
    match event {
        ChainEvent::Trade(e) => Some((e.pool, e.program)),
        ChainEvent::TokenCreated(e) => Some((e.pool, e.program)),
        ChainEvent::PoolCreated(e) => Some((e.pool, e.program)),
        ChainEvent::LiquidityChanged(e) => Some((e.pool, e.program)),
        ChainEvent::CurveParametersChanged(e) => Some((e.pool?, e.program)),
        _ => None,
    }
}

impl Market {
    /// Takes note of what never changes: whichever event says it, though it be of a dead fork.
    fn learn(&mut self, event: &ChainEvent) {
        let (quote, base_decimals, quote_decimals) = match event {
            ChainEvent::Trade(e) => (e.quote_mint, Some(e.base_decimals), Some(e.quote_decimals)),
            ChainEvent::TokenCreated(e) => (e.quote_mint, Some(e.decimals), None),
            ChainEvent::PoolCreated(e) => (e.quote_mint, Some(e.base_decimals), Some(e.quote_decimals)),
            ChainEvent::LiquidityChanged(e) => (e.quote_mint, None, None),
            _ => return,
        };
        self.quote_mint = Some(quote);
        self.base_decimals = self.base_decimals.or(base_decimals);
        self.quote_decimals = self.quote_decimals.or(quote_decimals);
    }

    fn quote_decimals(&self) -> Option<u8> {
        let usual = if self.quote_mint == Some(Address::WSOL) { 9 } else { 6 };
        self.quote_decimals.or(self.quote_mint.is_some_and(|mint| mint.is_currency()).then_some(usual))
    }

    fn is_curve(&self) -> bool {
        self.program.is_some_and(Program::is_curve)
    }

    fn step(&mut self, event: &ChainEvent, trades: &[ValuedTrade]) {
        let (before, mut is_moved) = (self.reserves, true);
        // What comes with other reserves and does not say how far the curve is makes that unknown.
        self.said_curve = match event {
            ChainEvent::Trade(e) => {
                e.curve.or(self.said_curve.filter(|_| e.base_reserve.is_none() || e.quote_reserve.is_none()))
            }
            ChainEvent::CurveCompleted(_) | ChainEvent::BalancesChanged(_) => self.said_curve,
            _ => None,
        };
        match event {
            ChainEvent::Trade(e) => {
                let valued =
                    trades.iter().find(|t| t.trade().origin.id == e.origin.id).expect("it is valued");
                self.first_trade = self.first_trade.or(Some(e.origin.id));
                self.last_trade = Some((e.origin.id, e.origin.block_time, e.side));
                self.rate_nanos = valued.usd.map(|usd| usd.nanos);
                if let Some(price) = clean_price(valued) {
                    self.clean = Some((price, self.rate_nanos));
                }
                self.supply = e.base_supply.map(|supply| (e.origin.id, supply)).or(self.supply);
                is_moved = e.base_reserve.is_some() && e.quote_reserve.is_some();
                self.reserves = if is_moved { e.base_reserve.zip(e.quote_reserve) } else { before };
                if e.spot_after.is_some() {
                    (is_moved, self.said_spot) = (false, e.spot_after);
                }
            }
            ChainEvent::TokenCreated(e) => {
                self.reserves = e.virtual_base.zip(e.virtual_quote);
                self.apart = self
                    .reserves
                    .zip(e.real_base)
                    .map(|((base, quote), real)| (i128::from(base) - i128::from(real), i128::from(quote)));
            }
            ChainEvent::PoolCreated(e) => self.reserves = e.base_amount.zip(e.quote_amount),
            ChainEvent::LiquidityChanged(e) => {
                let (base, quote) = self.apart.unwrap_or((0, 0));
                let sum = |a: u64, b: i128| u64::try_from(i128::from(a) + b).ok();
                self.reserves = sum(e.base_reserve, base).zip(sum(e.quote_reserve, quote));
            }
            ChainEvent::CurveParametersChanged(e) => {
                self.reserves = Some((e.virtual_base, e.virtual_quote));
                if let (Some(base), Some(quote)) = (e.real_base, e.real_quote) {
                    let apart = |a: u64, b: u64| i128::from(a) - i128::from(b);
                    self.apart = Some((apart(e.virtual_base, base), apart(e.virtual_quote, quote)));
                }
            }
            ChainEvent::Migrated(_) => {
                (self.reserves, self.apart) = (Some((0, 0)), Some((0, 0)));
                return;
            }
            _ => return,
        }
        if is_moved {
            self.said_spot = None;
        }
    }

    fn spot(&self) -> Option<Price> {
        self.said_spot.or_else(|| {
            let (base, quote) = self.reserves?;
            Price::ratio(quote.into(), self.quote_decimals()?, base.into(), self.base_decimals?)
        })
    }

    fn apart(&self, params: &Params) -> Option<(i128, i128)> {
        let params = &params.market.tokens;
        let usual = (
            i128::from(params.curve_base) - i128::from(params.curve_to_sell),
            i128::from(params.curve_quote),
        );
        let is_usual = self.program == Some(Program::Pump) && self.quote_mint == Some(Address::WSOL);
        let unsaid = if self.is_curve() { is_usual.then_some(usual) } else { Some((0, 0)) };
        self.apart.or(unsaid)
    }

    /// What is really there.
    fn real(&self, params: &Params) -> Option<(u64, u64)> {
        let ((base, quote), apart) = self.reserves.zip(self.apart(params))?;
        let real = |a: u64, b: i128| u64::try_from(i128::from(a) - b).ok();
        Some((real(base, apart.0)?, real(quote, apart.1)?))
    }

    fn kind(&self) -> LiquidityKind {
        match self.program {
            Some(Program::RaydiumClmm | Program::MeteoraDammV2) => LiquidityKind::Concentrated,
            _ if self.is_curve() => LiquidityKind::Curve,
            _ => LiquidityKind::ConstantProduct,
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "made up amounts are small")]
    fn liquidity_micros(&self, params: &Params) -> Option<u128> {
        let said = self.said_curve.filter(|_| self.is_curve()).map(|said| (0, said.quote));
        let (base, quote) = said.or(self.real(params))?;
        let nanos = self.rate_nanos?;
        let quote = u128::from(quote) * u128::from(nanos) / 1000 / 10u128.pow(self.quote_decimals()?.into());
        Some(match self.kind() {
            LiquidityKind::Curve => quote,
            LiquidityKind::ConstantProduct => quote * 2,
            LiquidityKind::Concentrated => {
                let rate = Price::ratio(nanos.into(), 9, 1, 0)?.get();
                let coins = Price::ratio(base.into(), self.base_decimals?, 1, 0).map_or(0.0, Price::get);
                quote + (self.spot()?.get() * rate * coins * 1e6) as u128
            }
        })
    }
}

impl Story<'_> {
    fn markets(&self, heard: &[&ChainEvent]) -> Vec<Market> {
        let there: BTreeSet<Address> =
            self.events.iter().filter_map(|e| pool_of(e)).map(|(pool, _)| pool).collect();
        let market = |address: Address| {
            let mut market = Market { address, ..Market::default() };
            for event in heard.iter().filter(|event| is_heard(event)) {
                if let Some((_, program)) = pool_of(event).filter(|(pool, _)| *pool == address) {
                    market.program = Some(program);
                    market.learn(event);
                }
            }
            for event in &self.events {
                let is_emptied = matches!(event, ChainEvent::Migrated(e) if e.from == address);
                if is_emptied || pool_of(event).is_some_and(|(pool, _)| pool == address) {
                    market.step(event, &self.facts.valued);
                }
            }
            market
        };
        there.into_iter().map(market).collect()
    }

    fn moment(&self, find: impl Fn(&ChainEvent) -> Option<Option<Address>>) -> Option<Moment> {
        self.events.iter().find_map(|event| {
            let origin = event.origin();
            Some(Moment { time: origin.block_time, id: origin.id, pool: find(event)? })
        })
    }

    fn created(&self) -> Option<&model::TokenCreated> {
        self.events.iter().find_map(|event| match event {
            ChainEvent::TokenCreated(event) => Some(event),
            _ => None,
        })
    }

    fn completed(&self) -> Option<Moment> {
        self.moment(|event| match event {
            ChainEvent::CurveCompleted(event) => Some(Some(event.pool)),
            _ => None,
        })
    }

    fn migrated(&self) -> Option<Moment> {
        let told = self.moment(|event| match event {
            ChainEvent::Migrated(event) => Some(event.to),
            _ => None,
        });
        let complete = self.completed().map(|moment| moment.id);
        told.or_else(|| {
            self.moment(|event| match event {
                ChainEvent::PoolCreated(event) if complete.is_some_and(|id| event.origin.id > id) => {
                    Some(Some(event.pool))
                }
                _ => None,
            })
        })
    }

    /// The last trade; before any, the first of what happens once.
    fn silent_since(&self) -> Option<Moment> {
        let last = self.events.iter().rev().find_map(|event| match event {
            ChainEvent::Trade(e) => {
                Some(Moment { time: e.origin.block_time, id: e.origin.id, pool: Some(e.pool) })
            }
            _ => None,
        });
        last.or_else(|| {
            self.moment(|event| match event {
                ChainEvent::TokenCreated(e) => Some(Some(e.pool)),
                ChainEvent::CurveCompleted(e) => Some(Some(e.pool)),
                ChainEvent::Migrated(e) => Some(e.to),
                ChainEvent::PoolCreated(e) => Some(Some(e.pool)),
                _ => None,
            })
        })
    }

    fn dead(&self) -> Option<Moment> {
        let since = self.silent_since()?;
        let time = since.time + self.params.market.tokens.dead_s;
        (time <= self.facts.now).then_some(Moment { time, ..since })
    }

    fn lives(&self) -> Vec<Lifecycle> {
        let created =
            self.created().map(|e| Moment { time: e.origin.block_time, id: e.origin.id, pool: Some(e.pool) });
        let stages = [
            (Stage::Created, created),
            (Stage::Completed, self.completed()),
            (Stage::Migrated, self.migrated()),
            (Stage::Dead, self.dead()),
        ];
        let life = |(stage, moment): (Stage, Option<Moment>)| {
            moment.map(|moment| Lifecycle { mint: self.mint, stage, moment })
        };
        stages.into_iter().filter_map(life).collect()
    }

    fn pool(&self, market: &Market) -> Pool {
        let opening = self.events.iter().find_map(|event| match event {
            ChainEvent::PoolCreated(event) if event.pool == market.address => Some(event),
            _ => None,
        });
        let launch = self.created().filter(|event| event.pool == market.address);
        let opened = opening.map(|e| &e.origin).or(launch.map(|e| &e.origin));
        Pool {
            pool: market.address,
            program: market.program.expect("an event says it"),
            mint: self.mint,
            quote_mint: market.quote_mint,
            vaults: opening.map_or((None, None), |event| (event.base_vault, event.quote_vault)),
            reserves: market.reserves,
            virtual_quote: market.apart(self.params).map(|a| a.1).filter(|_| market.reserves.is_some()),
            liquidity_micros: market.liquidity_micros(self.params),
            spot: market.spot(),
            opened_at: opened.map(|origin| origin.block_time),
            is_canonical: self.migrated().is_some_and(|moment| moment.pool == Some(market.address)),
        }
    }

    fn curve(&self) -> Option<&Market> {
        let own = self.created().map(|event| event.pool);
        let mut curves = self.markets.iter().filter(|market| market.is_curve());
        let first = curves.clone().next();
        curves.find(|market| Some(market.address) == own).or(first)
    }

    /// The pool of the candles' series `primary`, once it is none of curves.
    fn chosen(&self) -> Option<&Market> {
        let facts = self.facts;
        let params = &self.params.market.candles;
        let primary = series::last_primary(&facts.valued, &self.mint, &facts.moves, params);
        let market = self.markets.iter().find(|market| Some(market.address) == primary)?;
        let has_left = self.migrated().is_some() || self.curve().is_none();
        (has_left && !market.is_curve()).then_some(market)
    }

    fn primary(&self) -> Option<&Market> {
        let target = self.migrated().and_then(|moment| moment.pool);
        let traded = self.markets.iter().filter(|market| market.first_trade.is_some());
        let first_traded = traded.min_by_key(|market| market.first_trade);
        let moved = self.markets.iter().find(|market| Some(market.address) == target);
        self.chosen().or(moved).or(self.curve()).or(first_traded).or(self.markets.first())
    }

    #[expect(clippy::cast_precision_loss, reason = "as the definition has it")]
    fn progress(&self) -> Option<Number> {
        let curve = self.curve();
        if self.completed().is_some() || (self.migrated().is_some() && curve.is_some()) {
            return Number::new(100.0);
        }
        let curve = curve?;
        if let Some(CurveState { done, target, .. }) = curve.said_curve {
            let pct = (target > 0).then(|| 100.0 * (done as f64 / target as f64))?;
            return Number::new(pct.min(100.0));
        }
        let usual = (curve.program == Some(Program::Pump)).then_some(self.params.market.tokens.curve_to_sell);
        let all = self.created().and_then(|event| event.real_base).or(usual)?;
        let (left, _) = curve.real(self.params)?;
        Number::new((100.0 * (1.0 - left as f64 / all as f64)).clamp(0.0, 100.0))
    }

    fn valuation(&self, supply: Option<u64>, decimals: Option<u8>) -> Valuation {
        let Some(market) = self.primary() else { return Valuation::default() };
        let (price, nanos) =
            market.clean.map_or((market.spot(), market.rate_nanos), |(price, nanos)| (Some(price), nanos));
        let rate = nanos.and_then(|nanos| Price::ratio(nanos.into(), 9, 1, 0));
        let price_usd = price.zip(rate).and_then(|(price, rate)| Price::new(price.get() * rate.get()));
        let coins = supply.zip(decimals).and_then(|(s, d)| Price::ratio(s.into(), d, 1, 0));
        let cap = |price: Option<Price>| {
            price.zip(coins).and_then(|(price, coins)| Price::new(price.get() * coins.get()))
        };
        Valuation { price, price_usd, market_cap: cap(price), market_cap_usd: cap(price_usd) }
    }

    #[expect(clippy::cast_precision_loss, reason = "as the definition has it")]
    fn trading(&self, has_price: bool) -> Trading {
        let params = &self.params.market.tokens;
        let window = |width: Seconds| -> Option<&TokenStats> {
            self.stats.iter().find(|s| s.mint == self.mint && s.window.seconds() == width)
        };
        let (hour, day) = (window(params.hour_s), window(params.day_s));
        let change = |stats: Option<&TokenStats>| match stats {
            Some(stats) => stats.change.percent(),
            None => has_price.then_some(0.0),
        };
        let decimals = self.primary().and_then(Market::quote_decimals);
        let quote = day.map_or(0, |day| day.sums.quote());
        let is_valued = |day: &TokenStats| day.sums.trades() == 0 || day.sums.usd_missing < day.sums.trades();
        let usd = match day {
            Some(day) => is_valued(day).then_some(day.sums.buy_usd + day.sums.sell_usd),
            None => Some(0),
        };
        Trading {
            txns_24h: day.map_or(0, |day| u64::from(day.sums.trades())),
            volume_24h: decimals.and_then(|d| Number::new(quote as f64 / 10f64.powi(d.into()))),
            volume_usd_24h: usd.and_then(|micros| Number::new(micros as f64 / 1e6)),
            change_1h: change(hour).and_then(Number::new),
            change_24h: change(day).and_then(Number::new),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as the definition has it")]
    fn owned(&self, held: &Holdings) -> Owned {
        let day = self
            .stats
            .iter()
            .find(|s| s.mint == self.mint && s.window.seconds() == self.params.market.tokens.day_s);
        let share = |part: u128, of: u128| (of > 0).then(|| 100.0 * part as f64 / of as f64);
        let signs = Signs {
            bundlers: held.bundlers.wallets,
            snipers: held.snipers.wallets,
            bundlers_held_pct: held.held_pct(held.bundlers),
            snipers_held_pct: held.held_pct(held.snipers),
            marked_pct: day.and_then(|day| share(day.sums.quote() - day.filtered.quote, day.sums.quote())),
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
            risk: Risk::new(&signs, &self.params.market.labels.risk),
        }
    }

    fn token(&self) -> Token {
        let created = self.created();
        let primary = self.primary();
        let traded = self.markets.iter().filter_map(|market| market.supply).max().map(|(_, supply)| supply);
        let supply = traded.or(created.and_then(|event| event.supply));
        let known_decimals = self.markets.iter().find_map(|market| market.base_decimals);
        let decimals = created.map(|event| event.decimals).or(known_decimals);
        let valuation = self.valuation(supply, decimals);
        let trading = self.trading(valuation.price.is_some());
        let liquidity_micros = primary.and_then(|market| market.liquidity_micros(self.params));
        let last = self.markets.iter().filter_map(|market| market.last_trade).max_by_key(|(id, ..)| *id);
        let status = match last {
            _ if self.dead().is_some() => Status::Dead,
            _ if self.migrated().is_some() => Status::Migrated,
            _ if self.completed().is_some() => Status::Completed,
            Some(_) => Status::Trading,
            None => Status::Created,
        };
        let (score, score_classic) = scores(&trading, liquidity_micros);
        Token {
            mint: self.mint,
            created: created.cloned().map(Created::from),
            program: created.map(|event| event.program).or(primary.and_then(|market| market.program)),
            first_seen_slot: self.events.first().expect("a token has events").origin().id.slot,
            decimals,
            supply,
            quote_mint: primary.and_then(|market| market.quote_mint),
            primary_pool: primary.map(|market| market.address),
            valuation,
            liquidity_micros,
            liquidity_kind: primary.map(Market::kind),
            curve_progress_pct: self.progress(),
            status,
            completed: self.completed(),
            migrated: self.migrated(),
            last_trade: last.map(|(_, time, side)| (time, side)),
            trading,
            owned: self.holdings.map(|held| self.owned(held)),
            score,
            score_classic,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "as the definition has it")]
fn scores(trading: &Trading, liquidity_micros: Option<u128>) -> (Option<Score>, Option<Number>) {
    let known = || {
        let volume = trading.volume_usd_24h?.get();
        let liquidity = liquidity_micros? as f64 / 10f64.powi(6);
        let momentum = 0.5 * trading.change_1h?.get() + 0.5 * trading.change_24h?.get();
        Some((volume, liquidity, momentum))
    };
    let Some((volume, liquidity, momentum)) = known() else { return (None, None) };
    let txns = trading.txns_24h as f64;
    let part = |most: f64, share: f64| {
        Number::new(if trading.txns_24h == 0 { 0.0 } else { most * share.clamp(0.0, 1.0) }).expect("finite")
    };
    let score = Score {
        volume: part(40.0, (1.0 + volume).log10() / 7.0),
        momentum: part(30.0, 0.5 + 0.5 * (momentum / 100.0).tanh()),
        liquidity: part(20.0, (1.0 + liquidity).log10() / 6.0),
        txns: part(10.0, txns / 1000.0),
    };
    let log = |value: f64| if value == 0.0 { 0.0 } else { value.log10() };
    let classic = log(volume) * 40.0 + momentum.min(30.0) + log(liquidity) * 20.0 + txns.min(1000.0) / 100.0;
    (Some(score), Number::new(classic.clamp(0.0, 100.0)))
}
