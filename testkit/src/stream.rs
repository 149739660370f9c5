//! Random streams made to hurt.
//!
//! Few tokens, few pools, few traders, so that everything meets: trades come late and twice, without
//! their index and again with it; slots die, also before their events come; tokens are created, complete
//! their curve and migrate, pools open and change, also late and again and again, in any order; prices are
//! absurd, amounts zero, dust or huge, oracles late; a pool holds next to nothing now and then; some events are past
//! the horizon. Tokens are launched into a
//! crowd; wallets sandwich others, trade between pools and with themselves; labels are given and taken back,
//! and lists edited.
//! The seed decides all.

mod schemes;

use model::{
    AccountBalance, Address, BalancesChanged, ChainEvent, CurveCompleted, CurveParametersChanged, CurveState,
    Event, EventId, Fees, LiquidityChanged, Migrated, Origin, PoolCreated, Price, PriceQuote, Program,
    Seconds, Side, Signature, SlotState, SlotStatus, TokenCreated, Trade, TraderKind, TxPlace,
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What a stream is like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Decides everything else.
    pub seed: u64,
    /// Number of slots.
    pub slots: u64,
    /// Seconds between slots, at most; 0 or 1 gives several slots a second.
    pub gap_s_max: Seconds,
    /// How late an event comes, at most.
    pub late_s_max: Seconds,
}

/// First block time of every stream.
pub const START: Seconds = 1_700_000_000;

/// An address that spells a number.
#[must_use]
pub fn address(kind: u8, number: u64) -> Address {
    let mut bytes = [kind; 32];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    Address(bytes)
}

/// The token that is hardly traded.
const QUIET: u64 = 5;

#[derive(Clone, Copy)]
struct Pool {
    program: Program,
    mint: Address,
    quote_mint: Address,
    address: Address,
}

struct Stream {
    random: ChaCha8Rng,
    of_balances: ChaCha8Rng,
    of_lists: ChaCha8Rng,
    pools: Vec<Pool>,
    /// What comes, and at which second it comes.
    arrivals: Vec<(Seconds, u64, Event)>,
    serial: u64,
    /// What goes on over several slots.
    schemes: schemes::Schemes,
}

/// The events in the order of arrival.
#[must_use]
pub fn events(shape: Shape) -> Vec<Event> {
    let mut stream = Stream {
        random: ChaCha8Rng::seed_from_u64(shape.seed),
        of_balances: ChaCha8Rng::seed_from_u64(!shape.seed),
        of_lists: ChaCha8Rng::seed_from_u64(shape.seed ^ 0x7157),
        pools: pools(),
        arrivals: Vec::new(),
        serial: 0,
        schemes: schemes::Schemes::default(),
    };
    let mut now = START;
    for slot in 0..shape.slots {
        now += stream.random.random_range(0..=shape.gap_s_max);
        stream.slot(1000 + slot, now, shape);
        stream.quote(now, shape);
    }
    stream.arrivals.sort_by_key(|(at, order, _)| (*at, *order));
    stream.arrivals.into_iter().map(|(_, _, event)| event).collect()
}

fn trader(event: &ChainEvent) -> Option<Address> {
    match event {
        ChainEvent::Trade(trade) => trade.trader,
        _ => None,
    }
}

/// True unless nobody knows which of the two tokens of a pool is the money.
fn is_known(pool: &Address) -> bool {
    *pool != address(b'P', 21)
}

/// Five tokens: on a curve that moves to a pool and has a rival; in two pools with other quotes, of one of
/// which nobody knows whether it is the money; two on a curve only; one that is hardly traded.
fn pools() -> Vec<Pool> {
    let pool = |program, mint, quote_mint, number| Pool {
        program,
        mint: address(b'M', mint),
        quote_mint,
        address: address(b'P', number),
    };
    vec![
        pool(Program::Pump, 1, Address::WSOL, 10),
        pool(Program::Pumpswap, 1, Address::WSOL, 11),
        pool(Program::RaydiumCpmm, 1, Address::WSOL, 12),
        pool(Program::RaydiumAmmV4, 1, Address::USDC, 13),
        pool(Program::RaydiumAmmV4, 2, Address::WSOL, 20),
        pool(Program::RaydiumClmm, 2, Address::USDC, 21),
        pool(Program::Pump, 3, Address::WSOL, 30),
        pool(Program::MeteoraDbc, 4, Address::USDC, 40),
        pool(Program::RaydiumLaunchlab, QUIET, Address::WSOL, 50),
    ]
}

impl Stream {
    fn slot(&mut self, slot: u64, now: Seconds, shape: Shape) {
        for tx in 0..self.random.random_range(0..4u32) {
            let event = match self.random.random_range(0..50) {
                0 => self.migration(slot, tx, now),
                1..=4 => self.rare(slot, tx, now),
                _ => self.trade(slot, tx, now),
            };
            self.deliver(&event, now, shape);
        }
        self.scheme(slot, now, shape);
        std::mem::swap(&mut self.random, &mut self.of_lists);
        self.edit_lists(now, shape);
        std::mem::swap(&mut self.random, &mut self.of_lists);
        let fate = if self.chance(0.12) { SlotState::Dead } else { SlotState::Finalized };
        for state in [SlotState::Processed, SlotState::Confirmed, fate] {
            if self.chance(0.9) {
                let block_time = self.chance(0.7).then_some(now);
                let at = now + self.random.random_range(0..30);
                let status = SlotStatus { slot, state, parent: slot.checked_sub(1), block_time };
                self.arrive(at, Event::Slot(status));
            }
        }
    }

    /// Once or several times, at once or late, with its index or without; of a trade or a creation often
    /// with what it did to balances.
    fn deliver(&mut self, event: &ChainEvent, now: Seconds, shape: Shape) {
        let party = match event {
            ChainEvent::Trade(trade) => Some((trade.trader, trade.pool)),
            ChainEvent::TokenCreated(created) => Some((Some(created.user), created.pool)),
            _ => None,
        };
        if let Some((owner, pool)) = party {
            // By dice of their own, so that all else is as it would be without.
            std::mem::swap(&mut self.random, &mut self.of_balances);
            if self.chance(0.6) {
                let balances = self.balances(event, owner, pool);
                self.deliver(&balances, now, shape);
            }
            std::mem::swap(&mut self.random, &mut self.of_balances);
        }
        for _ in 0..if self.chance(0.2) { 2 } else { 1 } {
            let mut event = event.clone();
            let origin = event.origin_mut();
            if self.chance(0.2) {
                origin.id.tx = TxPlace::new(None, &origin.signature);
            }
            if self.chance(0.3) {
                origin.received_at = Some(now * 1000 + self.random.random_range(0..1000));
            }
            let late = if self.chance(0.1) { self.random.random_range(0..=shape.late_s_max) } else { 0 };
            self.arrive(now + late, Event::Chain(event));
        }
    }

    /// Balances of those who took part, of an account or two, and now and then of someone else.
    fn balances(&mut self, event: &ChainEvent, owner: Option<Address>, pool: Address) -> ChainEvent {
        let mut origin = *event.origin();
        // A place of its own for each trade: of two events in one place either may stand.
        let rank = i16::try_from(origin.id.outer_ix).unwrap_or(0);
        origin.id = EventId::of_balances(origin.id.slot, origin.id.tx, rank);
        let other = match self.random.random_range(0..10) {
            0 => Some(Address::ZERO),
            1 => Some(address(b'P', 10)),
            2..6 => Some(address(b'W', self.random.random_range(0..40))),
            _ => None,
        };
        let mut balances = Vec::new();
        for owner in [owner, Some(pool), other].into_iter().flatten() {
            for account in 1..=self.random.random_range(1..3u64) {
                let after = match self.random.random_range(0..8) {
                    0..3 => 0,
                    3 => 1000,
                    _ => self.random.random_range(1..50_000_000),
                };
                let before = self.before(event, Some(owner) == trader(event), after);
                balances.push(AccountBalance { owner, account, before, after });
            }
        }
        balances.sort_unstable();
        // An account has one balance.
        balances.dedup_by_key(|balance| (balance.owner, balance.account));
        ChainEvent::BalancesChanged(BalancesChanged {
            origin,
            mint: event.mint().unwrap_or(Address::ZERO),
            balances,
        })
    }

    /// What an account held before: often just what the trade leaves of it, else more or less.
    fn before(&self, event: &ChainEvent, is_trader: bool, after: u64) -> u64 {
        let ChainEvent::Trade(trade) = event else { return 0 };
        let is_more = is_trader == (trade.side == Side::Buy);
        // Not by dice, so that all else is as it would be without.
        let chance = (trade.base_amount ^ after ^ self.serial).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        match chance % 4 {
            0 => chance % 50_000_000,
            _ if is_more => after.saturating_sub(trade.base_amount),
            _ => after + trade.base_amount,
        }
    }

    fn arrive(&mut self, at: Seconds, event: Event) {
        // Within a second any order will do.
        self.arrivals.push((at, self.random.next_u64(), event));
    }

    fn trade(&mut self, slot: u64, tx: u32, now: Seconds) -> ChainEvent {
        let at = self.random.random_range(0..self.pools.len());
        let is_too_loud = self.pools[at].mint == address(b'M', QUIET) && !self.chance(0.1);
        let at = if is_too_loud { 0 } else { at };
        let Pool { program, mint, quote_mint, address: pool } = self.pools[at];
        let base_amount = match self.random.random_range(0..20) {
            0 => 0,
            1 => self.random.random_range(1..100),
            _ => self.random.random_range(1_000..50_000_000),
        };
        let price = self.random.random_range(0.5..2.0);
        let absurd = if self.chance(0.1) { self.random.random_range(0.01..100.0) } else { 1.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "made up"
        )]
        let quote_amount = (base_amount as f64 * price * absurd) as u64;
        // Not by dice, so that all else is as it would be without.
        let chance = self.serial.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32;
        let (base_amount, quote_amount) = match chance % 61 {
            0 => (base_amount << 30, quote_amount << 30),
            _ => (base_amount, quote_amount),
        };
        let is_tiny = pool == address(b'P', 12) && chance.is_multiple_of(3);
        let spot = |value: f64| Price::new(value / 1000.0);
        let knows_spot = self.chance(0.8);
        let is_taxed = mint.0[7].is_multiple_of(4);
        let trader = self.chance(0.95).then(|| address(b'W', self.random.random_range(0..40)));
        // In this order, so that the dice fall as they did.
        let origin = self.origin(slot, tx, now);
        let side = if self.chance(0.5) { Side::Buy } else { Side::Sell };
        ChainEvent::Trade(Trade {
            origin,
            program,
            pool,
            mint,
            quote_mint,
            quote_known: is_known(&pool),
            trader,
            trader_kind: if trader.is_some() { TraderKind::Signer } else { TraderKind::Unknown },
            side,
            base_amount,
            // Some tokens keep a part of each transfer: who buys gets less than the pool gave, who sells gives more
            // than it got.
            base_user: match side {
                _ if !is_taxed => base_amount,
                Side::Buy => base_amount - base_amount / 10,
                Side::Sell => base_amount + base_amount / 9,
            },
            base_user_known: is_taxed,
            quote_amount,
            // Most say what the trader paid or got beside what the pool did.
            quote_user: (!self.serial.is_multiple_of(4)).then(|| quote_amount / 100 * (99 + self.serial % 3)),
            base_decimals: 6,
            quote_decimals: 9,
            spot_before: spot(price).filter(|_| knows_spot),
            spot_after: spot(price * 1.01).filter(|_| knows_spot),
            base_reserve: Some(1_000_000_000),
            quote_reserve: self
                .chance(0.9)
                .then(|| self.random.random_range(1_000_000..5_000_000) / if is_tiny { 1000 } else { 1 }),
            base_supply: self.chance(0.5).then_some(1_000_000_000_000_000 - self.serial % 3),
            curve: self.curve_state(program),
            fees: Fees::default(),
            compute_units: Some(60_000),
            priority_fee: Some(5_000),
        })
    }

    /// How far a curve is: most say it where any do. One has no target.
    fn curve_state(&self, program: Program) -> Option<CurveState> {
        // Not by dice, so that all else is as it would be without.
        let chance = self.serial.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let says =
            matches!(program, Program::MeteoraDbc | Program::RaydiumLaunchlab) && !chance.is_multiple_of(4);
        let target = if chance % 32 == 1 { 0 } else { 900 };
        says.then_some(CurveState { done: chance / 32 % 1000, target, quote: 1_000_000 + chance % 1000 })
    }

    /// A price of SOL, sometimes; in time, late, or far too late, and sometimes from a second oracle.
    fn quote(&mut self, now: Seconds, shape: Shape) {
        let usd = Price::new(self.random.random_range(0.1..300.0));
        let Some(usd) = usd.filter(|_| self.chance(0.3)) else { return };
        let publish_time = now.saturating_sub(self.random.random_range(0..20));
        let quote = PriceQuote {
            mint: Address::WSOL,
            usd,
            publish_time,
            source: if self.chance(0.2) { "second" } else { "first" }.to_owned(),
        };
        for _ in 0..if self.chance(0.1) { 2 } else { 1 } {
            let late = if self.chance(0.3) { self.random.random_range(0..=shape.late_s_max) } else { 0 };
            self.arrive(now + late, Event::Quote(quote.clone()));
        }
    }

    fn migration(&mut self, slot: u64, tx: u32, now: Seconds) -> ChainEvent {
        ChainEvent::Migrated(Migrated {
            origin: self.origin(slot, tx, now),
            program: Program::Pump,
            mint: address(b'M', 1),
            from: address(b'P', 10),
            to: Some(address(b'P', 11)),
            base_amount: 1,
            quote_amount: 1,
            fee: 0,
        })
    }

    /// What happens to a pool or a token now and then.
    fn rare(&mut self, slot: u64, tx: u32, now: Seconds) -> ChainEvent {
        let at = self.random.random_range(0..self.pools.len());
        let pool = self.pools[at];
        let Pool { program, mint, quote_mint, address } = pool;
        let origin = self.origin(slot, tx, now);
        let amount = |random: &mut ChaCha8Rng| random.random_range(1_000_000..2_000_000_000);
        match self.random.random_range(0..3) {
            0 if program.is_curve() => self.created(origin, pool),
            0 => ChainEvent::PoolCreated(PoolCreated {
                origin,
                program,
                pool: address,
                mint,
                quote_mint,
                quote_known: is_known(&address),
                creator: None,
                base_vault: Some(self::address(b'V', at as u64)),
                quote_vault: None,
                base_decimals: 6,
                quote_decimals: 9,
                base_amount: Some(amount(&mut self.random)),
                quote_amount: self.chance(0.8).then_some(5_000_000),
            }),
            1 if program.is_curve() => ChainEvent::CurveCompleted(CurveCompleted {
                origin,
                program,
                mint: (program != Program::MeteoraDbc).then_some(mint),
                pool: address,
                user: None,
            }),
            1 => {
                let (base_reserve, quote_reserve) = (amount(&mut self.random), amount(&mut self.random));
                ChainEvent::LiquidityChanged(LiquidityChanged {
                    origin,
                    program,
                    pool: address,
                    mint,
                    quote_mint,
                    quote_known: is_known(&address),
                    provider: None,
                    added: !quote_reserve.is_multiple_of(3),
                    base_amount: 1,
                    // From next to nothing to all but everything.
                    quote_amount: [
                        1,
                        quote_reserve / 3,
                        quote_reserve / 2,
                        quote_reserve,
                        quote_reserve * 200,
                    ][(quote_reserve % 5) as usize],
                    base_reserve,
                    quote_reserve,
                })
            }
            _ => {
                let (real_base, real_quote) = (self.chance(0.8), self.chance(0.8));
                ChainEvent::CurveParametersChanged(CurveParametersChanged {
                    origin,
                    program,
                    mint,
                    pool: self.chance(0.8).then_some(address),
                    virtual_base: amount(&mut self.random),
                    virtual_quote: amount(&mut self.random),
                    real_base: real_base.then(|| amount(&mut self.random)),
                    real_quote: real_quote.then(|| amount(&mut self.random)),
                })
            }
        }
    }

    fn created(&mut self, origin: Origin, pool: Pool) -> ChainEvent {
        let says = self.chance(0.7);
        ChainEvent::TokenCreated(TokenCreated {
            origin,
            program: pool.program,
            mint: pool.mint,
            pool: pool.address,
            quote_mint: pool.quote_mint,
            creator: Some(address(b'W', 1)),
            user: address(b'W', 2),
            name: "A token".to_owned(),
            symbol: "TOKEN".to_owned(),
            uri: format!("https://example.org/{}", self.serial),
            decimals: 6,
            supply: says.then_some(1_000_000_000_000_000),
            virtual_base: says.then_some(1_073_000_000),
            virtual_quote: says.then_some(30_000_000),
            real_base: self.chance(0.7).then_some(793_100_000),
            is_mayhem: false,
            is_cashback: false,
        })
    }

    fn origin(&mut self, slot: u64, tx: u32, block_time: Seconds) -> Origin {
        self.serial += 1;
        let mut signature = [7; 64];
        signature[..8].copy_from_slice(&self.serial.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        let id = EventId { slot, tx: TxPlace::Index(tx), outer_ix: 2, inner_ix: -1 };
        Origin { id, signature: Signature(signature), block_time, received_at: None }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.random.random_bool(probability)
    }
}
