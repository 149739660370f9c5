//! What wallets do on purpose: launches with a crowd, sandwiches, arbitrage, wash trading; and what is said
//! of wallets and lists.

use model::time::start_of;
use model::{
    AccountBalance, Address, BalancesChanged, ChainEvent, Control, Event, EventId, LabelEntry, ListEntry,
    Origin, Program, Seconds, Side, TokenCreated, Trade,
};
use rand::RngExt;

use super::{Pool, Shape, Stream, address};

/// What goes on over several slots.
#[derive(Default)]
pub(super) struct Schemes {
    /// Tokens launched so far.
    launched: u64,
    /// The pool of the last launch, and how many slots are left of it.
    crowd: Option<(usize, u64)>,
    /// Who washes: his next trade, and how many are left.
    wash: Option<(Trade, u32)>,
    /// Labels that are given.
    given: Vec<LabelEntry>,
    /// Entries of lists.
    listed: Vec<ListEntry>,
}

/// Transactions of schemes come after the others of their slot.
const TX: u32 = 10;

impl Stream {
    pub(super) fn scheme(&mut self, slot: u64, now: Seconds, shape: Shape) {
        match self.random.random_range(0..20) {
            0 => self.launch(slot, now, shape),
            1 => self.sandwich(slot, now, shape),
            2 => self.arbitrage(slot, now, shape),
            3 if self.schemes.wash.is_none() => {
                let trade = self.made(slot, TX, now);
                self.schemes.wash = trade.map(|trade| (trade, 10));
            }
            4 => self.say(now),
            _ => {}
        }
        self.crowd(slot, now, shape);
        self.wash(slot, now, shape);
    }

    /// A trade of a wallet.
    fn made(&mut self, slot: u64, tx: u32, now: Seconds) -> Option<Trade> {
        match self.trade(slot, tx, now) {
            ChainEvent::Trade(trade) => Some(trade).filter(|trade| trade.trader.is_some()),
            _ => None,
        }
    }

    fn send(&mut self, trade: Trade, now: Seconds, shape: Shape) {
        self.deliver(&ChainEvent::Trade(trade), now, shape);
    }

    /// A token is created, sometimes unseen, and several buy at once.
    fn launch(&mut self, slot: u64, now: Seconds, shape: Shape) {
        self.schemes.launched += 1;
        let number = 100 + self.schemes.launched;
        let (mint, pool) = (address(b'M', number), address(b'P', number));
        self.pools.push(Pool { program: Program::Pump, mint, quote_mint: Address::WSOL, address: pool });
        self.schemes.crowd = Some((self.pools.len() - 1, 15));
        if self.chance(0.3) {
            return;
        }
        let origin = self.origin(slot, TX, now);
        let user = address(b'W', self.random.random_range(0..40));
        let created = TokenCreated {
            origin,
            program: Program::Pump,
            mint,
            pool,
            quote_mint: Address::WSOL,
            creator: self.chance(0.8).then_some(user),
            user,
            name: "Token".to_owned(),
            symbol: "TOK".to_owned(),
            uri: String::new(),
            decimals: 6,
            supply: Some(1_000_000_000_000_000),
            virtual_base: None,
            virtual_quote: None,
            real_base: None,
            is_mayhem: false,
            is_cashback: false,
        };
        self.deliver(&ChainEvent::TokenCreated(created), now, shape);
        if self.chance(0.5) {
            self.hand_out(slot, TX + 60, (mint, pool), user, (now, shape));
        }
    }

    /// The creator buys and hands some of it to others in the same transaction, once or twice.
    fn hand_out(
        &mut self,
        slot: u64,
        tx: u32,
        (mint, pool): (Address, Address),
        creator: Address,
        (now, shape): (Seconds, Shape),
    ) {
        let Some(trade) = self.made(slot, tx, now) else { return };
        let (program, quote_mint, side) = (Program::Pump, Address::WSOL, Side::Buy);
        let trader = if self.chance(0.8) { Some(creator) } else { trade.trader };
        let bought = Trade { program, mint, quote_mint, pool, side, trader, ..trade };
        self.send(bought, now, shape);
        let base = bought.base_amount;
        let mut balances = vec![AccountBalance { owner: pool, account: 1, before: 1_000_000_000, after: 0 }];
        let own = AccountBalance { owner: creator, account: 2, before: 0, after: base / 2 };
        balances.push(own);
        for account in 3..5 {
            let owner = address(b'W', self.random.random_range(0..40));
            let (before, after) = if self.chance(0.8) { (0, base / 4) } else { (base / 4, 0) };
            balances.push(AccountBalance { owner, account, before, after });
        }
        if self.chance(0.2) {
            balances.truncate(2);
        }
        balances.sort_unstable();
        let mut origin = bought.origin;
        origin.id = EventId::of_balances(slot, origin.id.tx, 0);
        self.deliver(&ChainEvent::BalancesChanged(BalancesChanged { origin, mint, balances }), now, shape);
    }

    /// Those who buy a new token.
    fn crowd(&mut self, slot: u64, now: Seconds, shape: Shape) {
        let Some((at, left)) = self.schemes.crowd.filter(|(_, left)| *left > 0) else { return };
        self.schemes.crowd = Some((at, left - 1));
        let many = if left == 15 { 7 } else { 2 };
        for tx in 0..self.random.random_range(0..=many) {
            let Pool { program, mint, quote_mint, address: pool } = self.pools[at];
            let side = if self.chance(0.85) { Side::Buy } else { Side::Sell };
            let Some(trade) = self.made(slot, TX + 1 + tx, now) else { continue };
            self.send(Trade { program, mint, quote_mint, pool, side, ..trade }, now, shape);
        }
    }

    /// One buys before another and sells after him, nearly always as much.
    fn sandwich(&mut self, slot: u64, now: Seconds, shape: Shape) {
        let Some(front) = self.made(slot, TX + 20, now) else { return };
        let opposite = if front.side == Side::Buy { Side::Sell } else { Side::Buy };
        let trader = Some(address(b'W', self.random.random_range(0..40)));
        let left = if self.chance(0.8) { front.base_amount } else { front.base_amount / 2 };
        let victim = Trade { origin: self.origin(slot, TX + 21, now), trader, ..front };
        let origin = self.origin(slot, TX + 22, now);
        let paid = self.chance(0.5).then_some(front.quote_amount / 2);
        let back =
            Trade { origin, side: opposite, base_amount: left, base_user: left, quote_user: paid, ..front };
        for trade in [front, victim, back] {
            self.send(trade, now, shape);
        }
    }

    /// One transaction buys in one pool and sells in another.
    fn arbitrage(&mut self, slot: u64, now: Seconds, shape: Shape) {
        let Some(trade) = self.made(slot, TX + 30, now) else { return };
        let others = self.pools.iter().filter(|pool| pool.mint == trade.mint);
        let others: Vec<(Program, Address, Address)> =
            others.map(|pool| (pool.program, pool.quote_mint, pool.address)).collect();
        let (program, quote_mint, pool) = others[self.random.random_range(0..others.len())];
        let mut origin: Origin = trade.origin;
        origin.id.outer_ix += 1;
        let side = if trade.side == Side::Buy { Side::Sell } else { Side::Buy };
        self.send(trade, now, shape);
        self.send(Trade { origin, program, quote_mint, pool, side, ..trade }, now, shape);
    }

    /// One buys and sells the same over and over, sometimes several times a slot.
    fn wash(&mut self, slot: u64, now: Seconds, shape: Shape) {
        for tx in 0..self.random.random_range(0..3) {
            let Some((trade, left)) = self.schemes.wash.filter(|(_, left)| *left > 0) else {
                self.schemes.wash = None;
                return;
            };
            let side = if trade.side == Side::Buy { Side::Sell } else { Side::Buy };
            let quote_amount = self.random.random_range(100_000_000..500_000_000);
            let origin = self.origin(slot, TX + 40 + tx, now);
            let next = Trade { origin, side, quote_amount, ..trade };
            self.schemes.wash = Some((next, left - 1));
            self.send(next, now, shape);
        }
    }

    /// Something is said of a wallet, or taken back.
    fn say(&mut self, now: Seconds) {
        let at = now + self.random.random_range(0..100);
        if let Some(entry) = self.schemes.given.pop_if(|_| now.is_multiple_of(2)) {
            self.arrive(at, Event::Control(Control::AddLabel(entry).taken_back(start_of(now))));
            return;
        }
        let entry = LabelEntry {
            subject: address(b'W', self.random.random_range(0..10)),
            kind: if self.chance(0.7) { "protocol" } else { "bot" }.to_owned(),
            reason: if self.chance(0.5) { "seen" } else { "heard" }.to_owned(),
            known_from: start_of(now),
        };
        self.schemes.given.push(entry.clone());
        self.arrive(at, Event::Control(Control::AddLabel(entry)));
    }

    /// A wallet is put on a list, or taken off, or it turns out until when it was on it. What is said comes
    /// later than it was known, earlier, twice, or after it was taken back.
    pub(super) fn edit_lists(&mut self, now: Seconds, shape: Shape) {
        if !self.chance(0.4) {
            return;
        }
        let far = shape.late_s_max + 60;
        let at = now + self.random.random_range(0..60);
        let near = |stream: &mut Self| start_of(now + stream.random.random_range(0..2 * far)) - start_of(far);
        let known_from = if self.chance(0.7) { start_of(at) } else { near(self) + 500_000 };
        let listed = self.schemes.listed.len();
        let entry = match self.random.random_range(0..10) {
            0..2 if listed > 0 => {
                let entry = self.schemes.listed.swap_remove(self.random.random_range(0..listed));
                let back = Control::AddListEntry(entry).taken_back(known_from);
                return self.arrive(at, Event::Control(back));
            }
            2..4 if listed > 0 => {
                let entry = self.schemes.listed[self.random.random_range(0..listed)].clone();
                let valid_to = self.chance(0.7).then(|| near(self));
                ListEntry { valid_to, known_from, score: Some(90), ..entry }
            }
            _ => ListEntry {
                list: if self.chance(0.6) { "whales" } else { "friends" }.to_owned(),
                trader: address(b'W', self.random.random_range(0..40)),
                valid_from: if self.chance(0.6) { 0 } else { near(self) },
                valid_to: self.chance(0.2).then(|| near(self)),
                known_from,
                score: self.chance(0.5).then_some(70),
                tier: self.chance(0.2).then(|| "all".to_owned()),
                reason: "seen".to_owned(),
            },
        };
        for _ in 0..if self.chance(0.1) { 2 } else { 1 } {
            self.schemes.listed.push(entry.clone());
            self.arrive(at, Event::Control(Control::AddListEntry(entry.clone())));
        }
    }
}
