//! A market that is made up: tokens by Zipf's law, nothing late, as many trades a second as one wants.
//!
//! The simulated market of `sources` is truer to life and makes some thousand trades a second; this one
//! is for what must be offered faster than that. Each trade comes with the balances after it, as it does
//! from the chain; slots are confirmed and finalized; the price of SOL comes every second.

use model::{
    AccountBalance, Address, BalancesChanged, ChainEvent, Event, EventId, Fees, Origin, Price, PriceQuote,
    Program, Seconds, Side, Signature, SlotState, SlotStatus, Trade, TraderKind, TxPlace,
};

/// Live tokens.
pub(crate) const TOKENS: u64 = 50_000;
/// Wallets that trade.
pub(crate) const WALLETS: u64 = 200_000;
/// First second.
pub(crate) const START: Seconds = 1_767_225_600;
/// Slots a second.
const SLOTS: u64 = 5;
/// Wallets of a token of which one trades it again.
const REGULARS: usize = 8;
/// Trades in a hundred that are of such a wallet. In the captured swaps of pump tokens a wallet trades a
/// token two and a half times.
const REGULAR_PERCENT: u64 = 60;

/// Numbers that look like chance: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }
}

const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// An address that looks like chance.
pub(crate) fn address(kind: u8, number: u64) -> Address {
    let mut bytes = [kind; 32];
    bytes[..8].copy_from_slice(&mix(number).to_be_bytes());
    bytes[8..16].copy_from_slice(&mix(number ^ u64::MAX).to_be_bytes());
    Address(bytes)
}

/// Ranks by Zipf's law with exponent 1.1.
pub(crate) struct Zipf(Vec<f64>);

impl Zipf {
    pub(crate) fn new(ranks: u64) -> Self {
        let mut sum = 0.0;
        #[expect(clippy::cast_precision_loss, reason = "a rank")]
        let weights = (1..=ranks).map(|rank| (rank as f64).powf(-1.1));
        Self(weights.map(|weight| (sum += weight, sum).1).collect())
    }

    pub(crate) fn draw(&self, random: &mut Random) -> u64 {
        #[expect(clippy::cast_precision_loss, reason = "made up")]
        let at = random.next() as f64 / u64::MAX as f64 * self.0.last().copied().unwrap_or(1.0);
        self.0.partition_point(|reach| *reach < at) as u64
    }
}

/// See the module.
pub(crate) struct MadeUp {
    random: Random,
    zipf: Zipf,
    /// The wallets that traded each token last.
    regulars: Vec<[u64; REGULARS]>,
    per_second: u64,
    trades: u64,
    /// After how long another token takes the place of each, in seconds.
    life_s: Option<Seconds>,
}

impl MadeUp {
    /// A market whose tokens live as long as it does.
    pub(crate) fn new(per_second: u64) -> Self {
        Self {
            random: Random(11),
            zipf: Zipf::new(TOKENS),
            regulars: (0..TOKENS).map(|_| [0; REGULARS]).collect(),
            per_second,
            trades: 0,
            life_s: None,
        }
    }

    /// The same with tokens that come and go: each is traded for `life_s`, and each has an end of its own.
    pub(crate) fn replaced_after(self, life_s: Seconds) -> Self {
        Self { life_s: Some(life_s), ..self }
    }

    /// The token that has a place among the ranks.
    fn token(&self, rank: u64, time: Seconds) -> u64 {
        let lives = self.life_s.map_or(0, |life_s| (time - START + mix(rank) % life_s) / life_s);
        rank + TOKENS * lives
    }

    /// One trade of every token in the ten minutes that end two minutes before the start: so that no launch
    /// is going on. By second.
    pub(crate) fn launches(&mut self) -> Vec<(Seconds, Vec<Event>)> {
        let second = |second: u64| {
            let tokens = (second..TOKENS).step_by(600);
            let time = START - 720 + second;
            let swap = |token| self.swap((token, token), time, 1 + second, (token, token));
            (time, tokens.flat_map(swap).collect())
        };
        (0..600).map(second).collect()
    }

    /// The next trade, with what comes along with it; and microseconds since the start.
    pub(crate) fn next(&mut self, events: &mut Vec<Event>) -> u64 {
        let (trade, rate) = (self.trades, self.per_second);
        self.trades += 1;
        let offset_us = trade * 1_000_000 / rate;
        let time = START + offset_us / 1_000_000;
        let slot_of = |trade: u64| 1000 + trade * SLOTS / rate;
        let slot = slot_of(trade);
        if trade == 0 || slot_of(trade - 1) != slot {
            let news =
                |slot, state| Event::Slot(SlotStatus { slot, state, parent: None, block_time: Some(time) });
            events.push(news(slot, SlotState::Processed));
            events.push(news(slot - 3, SlotState::Confirmed));
            events.push(news(slot - 60, SlotState::Finalized));
        }
        if trade.is_multiple_of(rate) {
            events.extend(Self::quote(time, trade / rate));
        }
        let rank = self.zipf.draw(&mut self.random);
        events.extend(self.swap((rank, self.token(rank, time)), time, slot, (trade, trade)));
        offset_us
    }

    /// The price of SOL at a second.
    #[expect(clippy::cast_precision_loss, reason = "made up")]
    pub(crate) fn quote(publish_time: Seconds, second: u64) -> Option<Event> {
        let usd = Price::new(150.0 + (second % 10) as f64)?;
        let source = "made_up".to_owned();
        Some(Event::Quote(PriceQuote { mint: Address::WSOL, usd, publish_time, source }))
    }

    /// A token, most likely one of the last of [`TOKENS`] older ones and `launched` later ones.
    pub(crate) fn recent_token(&mut self, launched: u64) -> u64 {
        TOKENS + launched - 1 - self.zipf.draw(&mut self.random).min(TOKENS - 1)
    }

    /// A trade of a token, whose rank among the others is for its regulars; of all trades the one with the number
    /// `serial`, and at a place in its slot. The balance it leaves in its trader's account comes along.
    pub(crate) fn swap(
        &mut self,
        (rank, token): (u64, u64),
        block_time: Seconds,
        slot: u64,
        (serial, place): (u64, u64),
    ) -> [Event; 2] {
        let random = &mut self.random;
        let (mint, pool) = (address(b'M', token), address(b'P', token));
        let wallet = wallet(random, self.regulars.get_mut(usize::try_from(rank).unwrap_or(0)));
        let trader = address(b'W', wallet);
        let base_amount = 1_000_000_000 + random.next() % 1_000_000_000;
        let quote_amount = base_amount / 10 * (90 + random.next() % 20) / 100;
        let side = if random.next().is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let tx = TxPlace::Index(u32::try_from(place).unwrap_or(u32::MAX));
        let mut signature = [0; 64];
        signature[..8].copy_from_slice(&mix(serial ^ (slot << 40)).to_be_bytes());
        let signature = Signature(signature);
        let origin = |id| Origin { id, signature, block_time, received_at: None };
        let (low, high) = (Price::new(0.000_05), Price::new(0.000_2));
        let trade = Trade {
            origin: origin(EventId { slot, tx, outer_ix: 2, inner_ix: -1 }),
            program: Program::Pumpswap,
            pool,
            mint,
            quote_mint: Address::WSOL,
            quote_known: true,
            trader: Some(trader),
            trader_kind: TraderKind::Signer,
            side,
            base_amount,
            base_user: base_amount,
            base_user_known: false,
            quote_amount,
            quote_user: Some(quote_amount),
            base_decimals: 6,
            quote_decimals: 9,
            spot_before: low,
            spot_after: high,
            base_reserve: Some(200_000_000_000_000),
            quote_reserve: Some(80_000_000_000 + random.next() % 1_000_000_000),
            base_supply: Some(1_000_000_000_000_000),
            curve: None,
            fees: Fees::default(),
            compute_units: Some(90_000),
            priority_fee: Some(5_000),
        };
        let after = random.next() % 1_000_000_000_000;
        let balances = vec![AccountBalance { owner: trader, account: wallet + 1, before: 0, after }];
        let balances = BalancesChanged { origin: origin(EventId::of_balances(slot, tx, 0)), mint, balances };
        [Event::Chain(ChainEvent::Trade(trade)), Event::Chain(ChainEvent::BalancesChanged(balances))]
    }
}

/// Who trades a token: one that did before, or anybody.
fn wallet(random: &mut Random, regulars: Option<&mut [u64; REGULARS]>) -> u64 {
    let (chance, pick) = (random.next() % 100, random.next());
    let place = usize::try_from(pick % REGULARS as u64).unwrap_or(0);
    let Some(regular) = regulars.and_then(|regulars| regulars.get_mut(place)) else {
        return pick % WALLETS;
    };
    if chance >= REGULAR_PERCENT {
        *regular = mix(pick) % WALLETS;
    }
    *regular
}
