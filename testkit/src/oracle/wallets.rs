//! Wallets by brute force: for every token of every wallet, go through every event; for every period, go
//! through all that came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use model::{Address, ChainEvent, EventId, Row, Seconds, Side, TxPlace, Value};
use operators::labels::accounts::known;
use operators::tokens::Token;
use operators::wallets::{Mode, own_second};

use super::{Facts, before, tokens};

/// What happened to a token of a wallet.
struct Entry {
    id: EventId,
    time: Seconds,
    tx: u64,
    what: What,
}

enum What {
    Trade { side: Side, base: u64, decimals: u8, quote_mint: Address, quote: u64, usd: Option<u128> },
    Balance(i128),
}

/// A buy or a sale, once it is in the books.
#[derive(Default)]
struct Done {
    time: Seconds,
    paid: u64,
    cost: u64,
    got: u64,
    realised: i128,
    unmatched: u64,
    realised_usd: i128,
    cost_usd: u64,
}

/// An episode that ended: what it made in quote and in USD.
struct Closing {
    time: Seconds,
    made: i128,
    made_usd: i128,
    hold_s: u64,
    log_return: Option<i128>,
}

#[derive(Default)]
struct Book {
    cost: u64,
    invested: u64,
    sold_cost: u64,
    matched: i128,
    unmatched: u64,
    of_episode: (u64, i128),
}

/// What there is of a token of a wallet.
#[derive(Default)]
struct Position {
    mint: Address,
    quantity: u64,
    peak: u64,
    quote: Book,
    usd: Book,
    quote_mints: BTreeSet<Address>,
    decimals: u8,
    usd_missing: u64,
    counts: (u64, u64),
    unmatched: u64,
    moved: (u64, u64),
    bought_at_ms: u64,
    aged: (u128, u128),
    opened_at: Option<Seconds>,
    closed_at: Option<Seconds>,
    done: Vec<Done>,
    closings: Vec<Closing>,
}

fn part(value: u64, part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    (u128::from(value) * u128::from(part) / u128::from(whole)).try_into().expect("a part")
}

impl Book {
    /// What is sold had this cost, made this much, and brought this much without having been bought.
    fn sell(&mut self, got: u64, base: u64, matched: u64, held: u64, mode: Mode) -> (u64, i128, u64) {
        let cost = part(self.cost, matched, held);
        let of_matched = if base == matched { got } else { part(got, matched, base) };
        let (made, unmatched) = (i128::from(of_matched) - i128::from(cost), got - of_matched);
        self.cost -= cost;
        self.sold_cost += cost;
        self.matched += made;
        self.unmatched += unmatched;
        let realised = made + if mode == Mode::Raw { i128::from(unmatched) } else { 0 };
        self.of_episode = (self.of_episode.0 + cost, self.of_episode.1 + realised);
        (cost, realised, unmatched)
    }
}

impl Position {
    fn of(mint: Address, entries: &[Entry], mode: Mode) -> Self {
        let mut position = Self { mint, ..Self::default() };
        for entry in entries {
            match &entry.what {
                What::Trade { .. } => position.trade(entry, mode),
                What::Balance(change) => position.balance(entry, *change, entries),
            }
            position.close(entry.time);
        }
        position
    }

    fn trade(&mut self, entry: &Entry, mode: Mode) {
        let What::Trade { side, base, decimals, quote_mint, quote, usd } = entry.what else { return };
        self.quote_mints.insert(quote_mint);
        self.decimals = decimals;
        self.usd_missing += u64::from(usd.is_none());
        let usd = u64::try_from(usd.unwrap_or(0)).expect("values are small");
        let ms = entry.time * 1000;
        let mut done = Done { time: entry.time, ..Done::default() };
        if side == Side::Buy {
            self.counts.0 += 1;
            if self.peak == 0 && base > 0 {
                (self.opened_at, self.closed_at) = (Some(entry.time), None);
                (self.quote.of_episode, self.usd.of_episode, self.aged.1) = ((0, 0), (0, 0), 0);
            }
            let sum = u128::from(self.quote.cost) + u128::from(quote);
            let weighted = u128::from(self.quote.cost) * u128::from(self.bought_at_ms)
                + u128::from(quote) * u128::from(ms);
            if let Some(mean) = weighted.checked_div(sum) {
                self.bought_at_ms = mean.try_into().expect("a time");
            }
            for (book, paid) in [(&mut self.quote, quote), (&mut self.usd, usd)] {
                book.cost += paid;
                book.invested += paid;
            }
            self.quantity += base;
            self.peak = self.peak.max(self.quantity);
            done.paid = quote;
        } else {
            self.counts.1 += 1;
            let (held, matched) = (self.quantity, base.min(self.quantity));
            let (cost, realised, unmatched) = self.quote.sell(quote, base, matched, held, mode);
            let (cost_usd, realised_usd, _) = self.usd.sell(usd, base, matched, held, mode);
            let age = u128::from(cost) * u128::from(ms - self.bought_at_ms.min(ms));
            self.aged = (self.aged.0 + age, self.aged.1 + age);
            self.quantity -= matched;
            self.unmatched += base - matched;
            done = Done { cost, got: quote, realised, unmatched, realised_usd, cost_usd, ..done };
        }
        self.done.push(done);
    }

    fn balance(&mut self, entry: &Entry, change: i128, entries: &[Entry]) {
        if self.counts == (0, 0) {
            return; // nothing is kept before the first trade
        }
        let of_tx: Vec<&Entry> = entries.iter().filter(|other| other.tx == entry.tx).collect();
        let first = of_tx.iter().find(|other| matches!(other.what, What::Balance(_)));
        let traded: i128 = of_tx
            .iter()
            .map(|other| match other.what {
                What::Trade { side: Side::Buy, base, .. } => i128::from(base),
                What::Trade { base, .. } => -i128::from(base),
                What::Balance(_) => 0,
            })
            .sum();
        let is_first = first.is_some_and(|first| first.id == entry.id);
        let moved = change - if is_first { traded } else { 0 };
        let amount = u64::try_from(moved.unsigned_abs()).expect("balances are small");
        if moved >= 0 {
            self.moved.0 += amount;
            return;
        }
        self.moved.1 += amount;
        let gone = amount.min(self.quantity);
        for book in [&mut self.quote, &mut self.usd] {
            book.cost -= part(book.cost, gone, self.quantity);
        }
        self.quantity -= gone;
    }

    fn close(&mut self, time: Seconds) {
        if self.peak == 0 || self.quantity > 1.max(self.peak / 1000) {
            return;
        }
        self.peak = 0;
        self.closed_at = Some(time);
        let ((cost, made), (_, made_usd)) = (self.quote.of_episode, self.usd.of_episode);
        let hold_ms = self.aged.1.checked_div(self.quote.of_episode.0.into()).unwrap_or(0);
        self.closings.push(Closing {
            time,
            made,
            made_usd,
            hold_s: u64::try_from(hold_ms / 1000).expect("a time"),
            log_return: log_return(cost, made),
        });
    }

    /// The one currency of the trades.
    fn quote_mint(&self) -> Option<Address> {
        let mut mints = self.quote_mints.iter().filter(|mint| mint.is_currency());
        mints.next().filter(|_| self.quote_mints.len() == 1).copied()
    }

    fn is_valid(&self, mode: Mode) -> bool {
        mode != Mode::Strict || self.unmatched == 0
    }

    fn realised(&self, book: &Book, mode: Mode) -> i128 {
        match mode {
            Mode::Raw => book.matched + i128::from(book.unmatched),
            Mode::Strict if self.unmatched > 0 => 0,
            _ => book.matched,
        }
    }

    /// Cost, realised, unrealised, total, invested, and the two returns.
    fn money(&self, book: &Book, is_known: bool, unit: f64, worth: Option<f64>, mode: Mode) -> Vec<Value> {
        if !is_known {
            return vec![Value::Null; 7];
        }
        let realised = self.realised(book, mode);
        let held = match worth {
            _ if self.peak == 0 => Some(0.0),
            worth => worth,
        };
        let held = held.filter(|_| self.is_valid(mode));
        let unrealised = held.map(|held| integer(held) - i128::from(book.cost));
        let total = unrealised.map(|unrealised| realised + unrealised);
        let amount = |raw: Option<i128>, is_sum: bool| match raw {
            None => Value::Null,
            Some(raw) if unit > 1.0 => Value::Float(float(raw) / unit),
            Some(raw) if is_sum => Value::Sum(raw),
            Some(raw) => Value::Amount(raw.try_into().expect("not negative")),
        };
        vec![
            amount(Some(book.cost.into()), false),
            amount(Some(realised), true),
            amount(unrealised, true),
            amount(total, true),
            amount(Some(book.invested.into()), false),
            total.map_or(Value::Null, |total| ratio(total, book.invested.into())),
            ratio(realised, book.sold_cost.into()),
        ]
    }

    fn row(&self, trader: Address, mint: Address, token: Option<&Token>, mode: Mode) -> Row {
        let quote_mint = self.quote_mint();
        let decimals = if quote_mint == Some(Address::WSOL) { 9 } else { 6 };
        let worth = |price: f64, decimals: i32| {
            let shift = decimals - i32::from(self.decimals);
            let coins = float(self.quantity.into()) * price;
            if shift < 0 { coins / 10f64.powi(-shift) } else { coins * 10f64.powi(shift) }
        };
        let price = token.filter(|token| token.quote_mint == quote_mint).and_then(|t| t.valuation.price);
        let usd = token.and_then(|token| token.valuation.price_usd);
        let quote_worth = price.map(|price| worth(price.get(), decimals));
        let usd_worth = usd.map(|price| worth(price.get(), 6));
        let time = |at: Option<Seconds>| Value::count(at.map(|at| at * 1000));
        let hold = self.aged.0.checked_div(self.quote.sold_cost.into()).filter(|_| quote_mint.is_some());
        let mut row = vec![
            Value::from(trader),
            Value::from(mint),
            Value::from(quote_mint),
            Value::Amount(self.quantity),
        ];
        row.extend(self.money(&self.quote, quote_mint.is_some(), 1.0, quote_worth, mode));
        row.extend(self.money(&self.usd, self.usd_missing == 0, 1e6, usd_worth, mode));
        row.extend([
            Value::Count(self.counts.0),
            Value::Count(self.counts.1),
            Value::Amount(self.unmatched),
            Value::Amount(self.moved.0),
            Value::Amount(self.moved.1),
            Value::count(hold.map(|ms| u64::try_from(ms).expect("a time"))),
            time(self.opened_at),
            time(self.closed_at),
            Value::from(mode.name()),
            Value::Bool(self.is_valid(mode)),
        ]);
        row
    }
}

#[expect(clippy::cast_precision_loss, reason = "as the definitions say")]
fn float(value: i128) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, reason = "rounded")]
fn integer(value: f64) -> i128 {
    value.round() as i128
}

fn ratio(part: i128, whole: i128) -> Value {
    Value::float((whole != 0).then(|| float(part) / float(whole) + 0.0))
}

fn log_return(cost: u64, realised: i128) -> Option<i128> {
    if cost == 0 {
        return None;
    }
    let factor = float(i128::from(cost) + realised) / float(cost.into());
    Some(integer(factor.clamp(0.001, 1000.0).ln() * 1e6))
}

/// By wallet and token, as of the last own second of the wallet.
fn all(facts: &Facts<'_>) -> BTreeMap<Address, BTreeMap<Address, Position>> {
    let params = &facts.params.market.wallets;
    let mut all: BTreeMap<Address, BTreeMap<Address, Position>> = BTreeMap::new();
    if facts.is_end {
        gather(entries(facts), params.mode, &mut all);
        return all;
    }
    let seconds = (facts.now + 1).saturating_sub(params.step_s)..=facts.now;
    for second in seconds {
        // Only what came before a second is in what is said at it.
        let events = before(facts.events, second);
        let then = Facts::new(events, second.saturating_sub(1), facts.params);
        let mut entries = entries(&then);
        entries.retain(|(trader, _), _| own_second(trader.route(), second, params.step_s) == second);
        gather(entries, params.mode, &mut all);
    }
    all
}

/// Adds the positions that entries make.
fn gather(
    entries: BTreeMap<(Address, Address), Vec<Entry>>,
    mode: Mode,
    all: &mut BTreeMap<Address, BTreeMap<Address, Position>>,
) {
    for ((trader, mint), mut entries) in entries {
        entries.sort_by_key(|entry| entry.id);
        if entries.iter().any(|entry| matches!(entry.what, What::Trade { .. })) {
            all.entry(trader).or_default().insert(mint, Position::of(mint, &entries, mode));
        }
    }
}

fn entries(facts: &Facts<'_>) -> BTreeMap<(Address, Address), Vec<Entry>> {
    let mut entries: BTreeMap<(Address, Address), Vec<Entry>> = BTreeMap::new();
    for valued in &facts.valued {
        let trade = valued.trade();
        let Some(trader) = trade.trader else { continue };
        let quote = trade.quote_user.unwrap_or(trade.quote_amount);
        let nanos = valued.usd.map(|rate| u128::from(quote) * u128::from(rate.nanos) / 1000);
        let what = What::Trade {
            side: trade.side,
            base: trade.base_user,
            decimals: trade.base_decimals,
            quote_mint: trade.quote_mint,
            quote,
            usd: nanos.map(|nanos| nanos / 10u128.pow(trade.quote_decimals.into())),
        };
        let origin = &trade.origin;
        let tx = TxPlace::prefix(&origin.signature);
        let entry = Entry { id: origin.id, time: origin.block_time, tx, what };
        entries.entry((trader, trade.mint)).or_default().push(entry);
    }
    for event in &facts.survivors {
        let ChainEvent::BalancesChanged(event) = event else { continue };
        let mut owners: BTreeMap<Address, i128> = BTreeMap::new();
        for balance in &event.balances {
            *owners.entry(balance.owner).or_default() +=
                i128::from(balance.after) - i128::from(balance.before);
        }
        let is_plain = owners.len() == 2 && owners.values().sum::<i128>() == 0;
        if is_plain && owners.values().all(|change| *change != 0) {
            continue;
        }
        let origin = &event.origin;
        for (owner, change) in owners {
            if known(&owner).is_none() && owner != Address::ZERO {
                let tx = TxPlace::prefix(&origin.signature);
                let what = What::Balance(change);
                let entry = Entry { id: origin.id, time: origin.block_time, tx, what };
                entries.entry((owner, event.mint)).or_default().push(entry);
            }
        }
    }
    entries
}

/// What a wallet did within each of some times, by what the facts hold.
pub(super) fn of_wallet(
    facts: &Facts<'_>,
    wallet: Address,
    times: &[Range<Seconds>],
) -> Vec<Option<Figures>> {
    let mode = facts.params.market.wallets.mode;
    let of_wallet = entries(facts).into_iter().filter(|((trader, _), _)| *trader == wallet);
    let positions: Vec<Position> = of_wallet
        .map(|((_, mint), mut entries)| {
            entries.sort_by_key(|entry| entry.id);
            Position::of(mint, &entries, mode)
        })
        .collect();
    let valid: Vec<&Position> = positions.iter().filter(|position| position.is_valid(mode)).collect();
    times.iter().map(|times| figures(&valid, times)).collect()
}

/// The record `wallet_positions`.
pub(super) fn positions(facts: &Facts<'_>) -> BTreeMap<Row, Row> {
    let params = &facts.params.market.wallets;
    let mut tokens_at: BTreeMap<Seconds, Vec<Token>> = BTreeMap::new();
    let mut rows = BTreeMap::new();
    for (trader, positions) in all(facts) {
        for (mint, position) in positions {
            let own = |second: &Seconds| own_second(mint.route(), *second, params.mark_s) == *second;
            let second = (0..=facts.now).rev().find(own).expect("there is one in every step");
            let tokens = tokens_at.entry(second).or_insert_with(|| {
                if facts.is_end {
                    return tokens::tokens(facts).0;
                }
                let then = Facts::new(before(facts.events, second), second.saturating_sub(1), facts.params);
                tokens::tokens(&then.before()).0
            });
            let token = tokens.iter().find(|token| token.mint == mint);
            let row = position.row(trader, mint, token, params.mode);
            rows.insert(row[..2].to_vec(), row);
        }
    }
    rows
}

/// The record `wallet_stats`.
pub(super) fn stats(facts: &Facts<'_>) -> BTreeMap<Row, Row> {
    let params = &facts.params.market.wallets;
    let mut rows = BTreeMap::new();
    for (trader, positions) in all(facts) {
        let own = |second: &Seconds| own_second(trader.route(), *second, params.step_s) == *second;
        let own = (0..=facts.now).rev().find(own).expect("there is one in every step");
        let now = if facts.is_end { facts.now } else { own };
        let valid: Vec<&Position> = positions.values().filter(|p| p.is_valid(params.mode)).collect();
        let day = 86_400;
        let starts = [
            ("1d", (now / 3600 * 3600).saturating_sub(day)),
            ("7d", (now / day).saturating_sub(7) * day),
            ("30d", (now / day).saturating_sub(30) * day),
            ("90d", (now / day).saturating_sub(90) * day),
            ("all", 0),
        ];
        for (period, start) in starts {
            if let Some(figures) = figures(&valid, &(start..Seconds::MAX)) {
                let key = vec![Value::from(trader), Value::from(period)];
                let mut row = key.clone();
                row.extend(figures.row);
                rows.insert(key, row);
            }
        }
    }
    rows
}

/// What was done in a period.
pub(super) struct Figures {
    /// As columns.
    pub(super) row: Row,
    /// What is said of the tokens that were paid in SOL.
    pub(super) sol: OfGroup,
    /// Of the positions that were closed, how many are of other tokens.
    pub(super) closed_outside: usize,
    /// What was made in USD with the tokens whose trades all have a value.
    pub(super) made_usd: i128,
    /// How many of those that were closed had a return, and the sum of its logarithm, in millionths.
    pub(super) returns: (u64, i128),
    /// The tokens that were traded.
    pub(super) traded: BTreeSet<Address>,
}

/// What was done with some tokens.
pub(super) struct OfGroup {
    /// Tokens with a trade or a position that was closed.
    tokens: BTreeSet<Address>,
    /// Tokens with a trade.
    pub(super) traded: BTreeSet<Address>,
    pub(super) trades: usize,
    pub(super) days: BTreeSet<u64>,
    pub(super) closed: usize,
    pub(super) wins: usize,
    pub(super) losses: usize,
    pub(super) realised: i128,
    cost: i128,
    pub(super) gained: i128,
    pub(super) lost: i128,
    /// In seconds, the least first.
    holds: Vec<u64>,
}

impl OfGroup {
    /// `in_usd` says which book counts.
    fn of(positions: &[&Position], times: &Range<Seconds>, in_usd: bool) -> Self {
        let done = |p: &&&Position| p.done.iter().filter(|done| times.contains(&done.time)).count();
        let all = || positions.iter().flat_map(|p| &p.done).filter(|done| times.contains(&done.time));
        let closings = positions.iter().flat_map(|p| p.closings.iter().map(|closing| (p.mint, closing)));
        let closings: Vec<_> = closings.filter(|(_, closing)| times.contains(&closing.time)).collect();
        let made = closings.iter().map(|(_, c)| if in_usd { c.made_usd } else { c.made });
        let (wins, rest): (Vec<i128>, Vec<i128>) = made.partition(|made| *made > 0);
        let losses: Vec<i128> = rest.into_iter().filter(|made| *made < 0).collect();
        let traded: BTreeSet<Address> = positions.iter().filter(|p| done(p) > 0).map(|p| p.mint).collect();
        let mut holds: Vec<u64> = closings.iter().map(|(_, closing)| rounded(closing.hold_s)).collect();
        holds.sort_unstable();
        Self {
            tokens: traded.iter().copied().chain(closings.iter().map(|(mint, _)| *mint)).collect(),
            traded,
            trades: all().count(),
            days: all().map(|done| done.time / 86_400).collect(),
            closed: closings.len(),
            wins: wins.len(),
            losses: losses.len(),
            realised: all().map(|done| if in_usd { done.realised_usd } else { done.realised }).sum(),
            cost: all().map(|done| i128::from(if in_usd { done.cost_usd } else { done.cost })).sum(),
            gained: wins.iter().sum(),
            lost: -losses.iter().sum::<i128>(),
            holds,
        }
    }

    pub(super) fn median_hold_s(&self) -> Option<u64> {
        self.holds.get(self.holds.len().saturating_sub(1) / 2).copied()
    }

    /// The columns of a group; what is a ratio over all that was closed only if `is_whole`.
    fn columns(&self, realised: Value, is_whole: bool) -> Row {
        let whole = |value: Value| if is_whole { value } else { Value::Null };
        let (wins, losses) = (self.wins as i128, self.losses as i128);
        vec![
            Value::Count(self.closed as u64),
            Value::Count(self.wins as u64),
            Value::Count(self.losses as u64),
            ratio(wins, wins + losses),
            realised,
            whole(ratio(self.gained, self.lost)),
            whole(ratio(self.realised, self.cost)),
            whole(Value::Bool(self.lost == 0)),
        ]
    }
}

/// What was done within `times`.
fn figures(positions: &[&Position], times: &Range<Seconds>) -> Option<Figures> {
    let some = |is_in: fn(&Position) -> bool, in_usd| {
        let some: Vec<&Position> = positions.iter().copied().filter(|p| is_in(p)).collect();
        (OfGroup::of(&some, times, in_usd), some)
    };
    let is_sol = |p: &Position| p.quote_mint() == Some(Address::WSOL);
    let (all, _) = some(|_| true, false);
    if all.trades == 0 && all.closed == 0 {
        return None;
    }
    let (sol, of_sol) = some(is_sol, false);
    let (usd, _) = some(|p| p.usd_missing == 0, true);
    let (neither, _) = some(|p| p.quote_mint() != Some(Address::WSOL) && p.usd_missing > 0, false);
    let (in_one_currency, _) = some(|p| p.quote_mint().is_some(), false);
    let done = || of_sol.iter().flat_map(|p| &p.done).filter(|done| times.contains(&done.time));
    let made = of_sol.iter().map(|p| {
        let done = p.done.iter().filter(|done| times.contains(&done.time));
        done.map(|done| done.realised).sum::<i128>()
    });
    let made: Vec<i128> = made.collect();
    let closings = of_sol.iter().flat_map(|p| &p.closings).filter(|c| times.contains(&c.time));
    let returns: Vec<i128> = closings.filter_map(|closing| closing.log_return).collect();
    let times_of_all = positions
        .iter()
        .flat_map(|p| p.done.iter().map(|d| d.time).chain(p.closings.iter().map(|c| c.time)))
        .filter(|time| times.contains(time));
    let since = times_of_all.min().map(|time| time / 3600 * 3600 * 1000);
    let mut row = vec![Value::count(since), Value::Count(all.trades as u64), Value::Count(all.closed as u64)];
    row.extend(sol.columns(Value::Sum(sol.realised), neither.closed == 0));
    row.extend(usd.columns(Value::Float(float(usd.realised) / 1e6), neither.closed == 0));
    row.extend([
        Value::Count((all.tokens.len() - sol.tokens.len()) as u64),
        Value::Count((all.tokens.len() - usd.tokens.len()) as u64),
        Value::count(in_one_currency.median_hold_s().map(|hold| hold * 1000)),
        ratio(all.trades as i128, all.days.len() as i128),
        Value::Count(all.traded.len() as u64),
        Value::Count(all.days.len() as u64),
        ratio(made.iter().copied().fold(0, i128::max), made.iter().map(|made| (*made).max(0)).sum()),
        ratio(done().map(|d| i128::from(d.unmatched)).sum(), done().map(|d| i128::from(d.got)).sum()),
        ratio(returns.iter().sum(), returns.len() as i128 * 1_000_000),
    ]);
    row.extend(if all.days.len() < 20 { vec![Value::Null; 3] } else { equity(positions, times) });
    Some(Figures {
        row,
        closed_outside: all.closed - sol.closed,
        made_usd: usd.realised,
        returns: (returns.len() as u64, returns.iter().sum()),
        traded: all.traded,
        sol,
    })
}

/// From a minute on to five bits after the first.
fn rounded(seconds: u64) -> u64 {
    let shift = (0..64).find(|shift| seconds >> shift < 64).expect("64 bits");
    seconds >> shift << shift
}

/// Sharpe, Sortino, drawdown.
fn equity(positions: &[&Position], times: &Range<Seconds>) -> Row {
    let done: Vec<&Done> = positions
        .iter()
        .filter(|position| position.quote_mint() == Some(Address::WSOL))
        .flat_map(|position| position.done.iter().filter(|done| times.contains(&done.time)))
        .collect();
    let day = |done: &&&Done| done.time / 86_400;
    let days = done.iter().map(|done| day(&done));
    let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { return vec![Value::Null; 3] };
    let paid = |at: u64| done.iter().filter(|d| day(d) == at).map(|d| i128::from(d.paid)).sum::<i128>();
    let capital = (first..=last).map(paid).max().filter(|capital| *capital > 0);
    let Some(capital) = capital else { return vec![Value::Null; 3] };
    let made = |at: u64| done.iter().filter(|d| day(d) == at).map(|d| d.realised).sum::<i128>();
    let equities: Vec<i128> = (first..=last)
        .scan(capital, |equity, at| {
            *equity += made(at);
            Some(*equity)
        })
        .collect();
    let drawdown = (0..equities.len()).map(|at| {
        let peak = equities[..=at].iter().copied().fold(capital, i128::max);
        1.0 - float(equities[at]) / float(peak)
    });
    let drawdown = drawdown.fold(0.0, f64::max);
    let begins: Vec<i128> = std::iter::once(capital).chain(equities).collect();
    let returns: Vec<f64> = begins.windows(2).map(|pair| float(pair[1] - pair[0]) / float(pair[0])).collect();
    let is_defined = begins[..begins.len() - 1].iter().all(|equity| *equity > 0);
    let count = float(returns.len() as i128);
    let mean = returns.iter().sum::<f64>() / count;
    let spread = (returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (count - 1.0)).sqrt();
    let down = (returns.iter().map(|r| r.min(0.0) * r.min(0.0)).sum::<f64>() / count).sqrt();
    let over = |by: f64| Value::float((is_defined && by > 0.0).then(|| mean / by * 365f64.sqrt()));
    vec![over(spread), over(down), Value::Float(drawdown)]
}
