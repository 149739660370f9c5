//! Small scenes with their outputs: one file is one test.
//!
//! A file has three parts: settings, what comes in the order in which it comes, and after a line `---`
//! what was different at the end of each second. The last part is compared as text; with `UPDATE_GOLDEN`
//! set in the environment it is written instead, to be read and checked by whoever changed it.
//!
//! ```text
//! # A comment.
//! set market.candles.intervals = ["1m"]      a setting, in TOML
//! show candles: open close trades            a record, and which of its columns
//! 5s slot 1.0: alice buys 10 CAT for 2 SOL in curve        at second 5, slot 1, transaction 0
//! 5s slot 1.0.2: alice sells 10 CAT for 2 SOL in pool      the same transaction, instruction 2
//! 9s slot 3.0: CAT moves to pool
//! 1s slot 0.1: alice creates CAT in curve at 1000 CAT and 30 SOL, 800 to sell
//! 6s slot 2.0: bob buys 10 CAT for 2 SOL in curve leaving 990 CAT and 32 SOL
//! 6s slot 2.1: bob buys 10 CAT for 300 USDC in dollars being 9 to bob       of 10 his balance gained 9
//! 7s slot 2.1: CAT completes curve
//! 8s slot 2.2: pool opens with 200 CAT and 80 SOL    later: pool holds 100 CAT and 40 SOL
//! 9s slot 3.2: CAT moves from curve to pool
//! 9s slot 3.1: alice creates CAT in curve       with nothing said of its reserves
//! 9s slot 3.1: CAT is held: curve 990 alice 7 alice/2 3       after the transaction, by account
//! 9s slot 3.1: CAT is held: alice 5>7 bob 9>0        before and after; without the former it was nothing
//! alice is known as protocol                 a label that is given; taken back with `is not known as`
//! rule { id = "up", kind = "price_above", … }     an alert rule, in TOML; taken back with `no rule { … }`
//! whales lists alice from 5s to 90s known 8s score 80       an entry of a list, from the start if nothing else is said
//! whales drops alice from 5s to 90s known 8s score 80       taken back
//! slot 1 dead
//! SOL is 150 USD at 4s                     an oracle price and when it was published
//! 70s passes                                 nothing but time
//! ---
//! 5s
//!   + candles pool curve 1m 0s: open=0.2 close=0.2 trades=1
//! ```
//!
//! Pools whose name starts with `curve` are bonding curves, others constant-product pools. Tokens have
//! six decimals, SOL nine. Times are seconds since the start of 2026.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dataflows::Params;
use model::time::start_of;
use model::{
    AccountBalance, Address, BalancesChanged, ChainEvent, Control, CurveCompleted, Event, EventId, Fees,
    LabelEntry, LiquidityChanged, ListEntry, Migrated, Origin, PoolCreated, Price, PriceQuote, Program, Row,
    Rule, Seconds, Side, Signature, SlotState, SlotStatus, TokenCreated, Trade, TraderKind, TxPlace, Value,
};

use crate::run::{History, Plan, assert_same, run};

/// 2026-01-01 00:00:00 UTC.
const START: Seconds = 1_767_225_600;

/// Runs the scene of a file in every way and compares its outputs.
pub fn check(path: &std::path::Path) {
    let text = std::fs::read_to_string(path).expect("the golden file is readable");
    let (scene, expected) = text.split_once("---\n").unwrap_or((&text, ""));
    let mut parsed = Scene::default();
    for (number, line) in scene.lines().enumerate() {
        if parsed.read(line.trim()).is_none() {
            panic!("{}:{}: cannot read `{line}`", path.display(), number + 1);
        }
    }
    let params = toml::from_str(&parsed.settings).expect("the settings fit");
    let history = run(&parsed.events, &params, Plan::PLAIN);
    for plan in Plan::variants(parsed.events.len()) {
        let what = format!("{}, {plan:?}", path.display());
        assert_same(&history, &run(&parsed.events, &params, plan), &what);
    }
    let found = parsed.tell(&history);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, format!("{scene}---\n{found}")).expect("the golden file is writable");
    } else {
        assert!(found == expected, "{}: expected\n{expected}\nfound\n{found}", path.display());
    }
}

#[derive(Default)]
struct Scene {
    settings: String,
    /// Records to show, with their columns.
    shown: BTreeMap<String, Vec<String>>,
    events: Vec<Event>,
    names: BTreeMap<Address, String>,
}

impl Scene {
    fn read(&mut self, line: &str) -> Option<()> {
        if line.is_empty() || line.starts_with('#') {
            return Some(());
        }
        if let Some(setting) = line.strip_prefix("set ") {
            writeln!(self.settings, "{setting}").ok()?;
            return toml::from_str::<Params>(&self.settings).ok().map(drop);
        }
        if let Some((record, columns)) = line.strip_prefix("show ").and_then(|l| l.split_once(':')) {
            let columns = columns.split_whitespace().map(str::to_owned).collect();
            self.shown.insert(record.to_owned(), columns);
            return Some(());
        }
        let added = line.strip_prefix("rule ").map(|rule| (rule, true));
        if let Some((rule, is_added)) = added.or(line.strip_prefix("no rule ").map(|rule| (rule, false))) {
            self.events.push(Event::Control(rule_control(rule, is_added)?));
            return Some(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let event = match words.as_slice() {
            ["slot", slot, state] => status(slot.parse().ok()?, state, None)?,
            ["SOL", "is", usd, "USD", "at", time] => Event::Quote(PriceQuote {
                mint: Address::WSOL,
                usd: usd.parse().ok().and_then(Price::new)?,
                publish_time: START + seconds(time)?,
                source: "oracle".to_owned(),
            }),
            [wallet, "is", "known", "as", kind] => {
                Event::Control(Control::AddLabel(self.given(wallet, kind)))
            }
            [wallet, "is", "not", "known", "as", kind] => {
                Event::Control(Control::AddLabel(self.given(wallet, kind)).taken_back(start_of(START)))
            }
            [list, "lists", wallet, options @ ..] => {
                Event::Control(Control::AddListEntry(self.entry(list, wallet, options)?))
            }
            [list, "drops", wallet, options @ ..] => {
                let entry = self.entry(list, wallet, options)?;
                Event::Control(Control::AddListEntry(entry).taken_back(start_of(START)))
            }
            [time, "passes"] => status(0, "processed", Some(START + seconds(time)?))?,
            [time, "slot", place, rest @ ..] => {
                let origin = origin(seconds(time)?, place.strip_suffix(':')?)?;
                self.happening(origin, rest)?
            }
            _ => return None,
        };
        self.events.push(event);
        Some(())
    }

    fn happening(&mut self, origin: Origin, words: &[&str]) -> Option<Event> {
        if let Some(event) = self.market(origin, words) {
            return Some(Event::Chain(event));
        }
        Some(Event::Chain(match words {
            [trader, verb, base, token, "for", quote, currency, "in", pool, rest @ ..] => {
                let side = match *verb {
                    "buys" => Side::Buy,
                    "sells" => Side::Sell,
                    _ => return None,
                };
                let (quote_mint, quote_decimals) = match *currency {
                    "SOL" => (Address::WSOL, 9),
                    "USDC" => (Address::USDC, 6),
                    _ => return None,
                };
                let amounts = (raw(base, 6)?, raw(quote, quote_decimals.into())?);
                let trade = self.trade(origin, side, amounts, [trader, token, pool]);
                let trade = Trade { quote_mint, quote_decimals, ..trade };
                ChainEvent::Trade(match rest {
                    [] => trade,
                    ["leaving", base, _, "and", quote, "SOL"] => {
                        let (base_reserve, quote_reserve) = (Some(raw(base, 6)?), Some(raw(quote, 9)?));
                        Trade { base_reserve, quote_reserve, ..trade }
                    }
                    // What the balance of the trader shows, where the token keeps a part of each transfer.
                    ["being", base_user, "to", who] if who == trader => {
                        Trade { base_user: raw(base_user, 6)?, base_user_known: true, ..trade }
                    }
                    _ => return None,
                })
            }
            [creator, "creates", token, "in", pool] => {
                ChainEvent::TokenCreated(self.creation(origin, [creator, token, pool]))
            }
            [token, "is", "held:", accounts @ ..] => {
                ChainEvent::BalancesChanged(self.balances(origin, token, accounts)?)
            }
            [token, "moves", "to", pool] => ChainEvent::Migrated(Migrated {
                origin,
                program: Program::Pump,
                mint: self.address(token),
                from: Address::ZERO,
                to: Some(self.address(pool)),
                base_amount: 0,
                quote_amount: 0,
                fee: 0,
            }),
            _ => return None,
        }))
    }

    /// What happens to a token's curve and pools.
    fn market(&mut self, origin: Origin, words: &[&str]) -> Option<ChainEvent> {
        Some(match words {
            [
                creator,
                "creates",
                token,
                "in",
                pool,
                "at",
                base,
                _,
                "and",
                quote,
                "SOL,",
                to_sell,
                "to",
                "sell",
            ] => {
                let created = self.creation(origin, [creator, token, pool]);
                ChainEvent::TokenCreated(TokenCreated {
                    virtual_base: Some(raw(base, 6)?),
                    virtual_quote: Some(raw(quote, 9)?),
                    real_base: Some(raw(to_sell, 6)?),
                    ..created
                })
            }
            [token, "completes", pool] => ChainEvent::CurveCompleted(CurveCompleted {
                origin,
                program: Program::Pump,
                mint: Some(self.address(token)),
                pool: self.address(pool),
                user: None,
            }),
            [token, "moves", "from", curve, "to", pool] => ChainEvent::Migrated(Migrated {
                origin,
                program: Program::Pump,
                mint: self.address(token),
                from: self.address(curve),
                to: Some(self.address(pool)),
                base_amount: 0,
                quote_amount: 0,
                fee: 0,
            }),
            [pool, "opens", "with", base, token, "and", quote, "SOL"] => {
                let amounts = (raw(base, 6)?, raw(quote, 9)?);
                ChainEvent::PoolCreated(self.opening(origin, [pool, token], amounts))
            }
            [pool, "holds", base, token, "and", quote, "SOL"] => {
                ChainEvent::LiquidityChanged(LiquidityChanged {
                    origin,
                    program: Program::Pumpswap,
                    pool: self.address(pool),
                    mint: self.address(token),
                    quote_mint: Address::WSOL,
                    quote_known: true,
                    provider: None,
                    added: true,
                    base_amount: 0,
                    quote_amount: 0,
                    base_reserve: raw(base, 6)?,
                    quote_reserve: raw(quote, 9)?,
                })
            }
            _ => return None,
        })
    }

    fn opening(&mut self, origin: Origin, names: [&str; 2], amounts: (u64, u64)) -> PoolCreated {
        let [pool, token] = names;
        PoolCreated {
            origin,
            program: Program::Pumpswap,
            pool: self.address(pool),
            mint: self.address(token),
            quote_mint: Address::WSOL,
            quote_known: true,
            creator: None,
            base_vault: None,
            quote_vault: None,
            base_decimals: 6,
            quote_decimals: 9,
            base_amount: Some(amounts.0),
            quote_amount: Some(amounts.1),
        }
    }

    fn trade(&mut self, origin: Origin, side: Side, amounts: (u64, u64), names: [&str; 3]) -> Trade {
        let [trader, token, pool] = names;
        Trade {
            origin,
            program: if pool.starts_with("curve") { Program::Pump } else { Program::Pumpswap },
            pool: self.address(pool),
            mint: self.address(token),
            quote_mint: Address::WSOL,
            quote_known: true,
            trader: Some(self.address(trader)),
            trader_kind: TraderKind::Signer,
            side,
            base_amount: amounts.0,
            base_user: amounts.0,
            base_user_known: false,
            quote_amount: amounts.1,
            quote_user: None,
            base_decimals: 6,
            quote_decimals: 9,
            spot_before: None,
            spot_after: None,
            base_reserve: None,
            quote_reserve: None,
            base_supply: None,
            curve: None,
            fees: Fees::default(),
            compute_units: None,
            priority_fee: None,
        }
    }

    /// Pairs of an owner, with the number of its account if it has several, and the balance.
    fn balances(&mut self, mut origin: Origin, token: &str, accounts: &[&str]) -> Option<BalancesChanged> {
        origin.id = EventId::of_balances(origin.id.slot, origin.id.tx, 0);
        let (pairs, []) = accounts.as_chunks::<2>() else { return None };
        let balances = pairs.iter().map(|[account, amount]| {
            let (owner, number) = account.split_once('/').unwrap_or((account, "1"));
            let owner = match owner {
                "nobody" => Address::ZERO,
                owner => self.address(owner),
            };
            let account = owner.prefix().wrapping_add(number.parse().ok()?);
            let (before, after) = amount.split_once('>').unwrap_or(("0", amount));
            Some(AccountBalance { owner, account, before: raw(before, 6)?, after: raw(after, 6)? })
        });
        let balances = balances.collect::<Option<Vec<AccountBalance>>>()?;
        Some(BalancesChanged { origin, mint: self.address(token), balances })
    }

    fn creation(&mut self, origin: Origin, names: [&str; 3]) -> TokenCreated {
        let [creator, token, pool] = names;
        TokenCreated {
            origin,
            program: Program::Pump,
            mint: self.address(token),
            pool: self.address(pool),
            quote_mint: Address::WSOL,
            creator: Some(self.address(creator)),
            user: self.address(creator),
            name: token.to_owned(),
            symbol: token.to_owned(),
            uri: String::new(),
            decimals: 6,
            supply: Some(1_000_000_000),
            virtual_base: None,
            virtual_quote: None,
            real_base: None,
            is_mayhem: false,
            is_cashback: false,
        }
    }

    fn given(&mut self, wallet: &str, kind: &str) -> LabelEntry {
        let (subject, reason) = (self.address(wallet), "said so".to_owned());
        LabelEntry { subject, kind: kind.to_owned(), reason, known_from: start_of(START) }
    }

    /// An entry of a list; what is not said of it was so from the start.
    fn entry(&mut self, list: &str, wallet: &str, options: &[&str]) -> Option<ListEntry> {
        let mut entry = ListEntry {
            list: list.to_owned(),
            trader: self.address(wallet),
            valid_from: start_of(START),
            valid_to: None,
            known_from: start_of(START),
            score: None,
            tier: None,
            reason: "said so".to_owned(),
        };
        let (pairs, []) = options.as_chunks::<2>() else { return None };
        for [option, value] in pairs {
            let time = || seconds(value).map(|time| start_of(START + time));
            match *option {
                "from" => entry.valid_from = time()?,
                "to" => entry.valid_to = Some(time()?),
                "known" => entry.known_from = time()?,
                "score" => entry.score = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(entry)
    }

    /// The address that a name stands for: the one it spells, or the name itself, filled up.
    fn address(&mut self, name: &str) -> Address {
        if let Ok(address) = name.parse() {
            return address;
        }
        let mut bytes = [0; 32];
        for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
            *byte = letter;
        }
        self.names.insert(Address(bytes), name.to_owned());
        Address(bytes)
    }

    /// The changes of each second, in words.
    fn tell(&self, history: &History) -> String {
        let mut told = String::new();
        let mut present: BTreeMap<(&str, Row), Row> = BTreeMap::new();
        for (second, changes) in &history.changes {
            let mut lines: Vec<String> = Vec::new();
            for ((name, key), row) in changes {
                let before = match row {
                    Some(row) => present.insert((name, key.clone()), row.clone()),
                    None => present.remove(&(*name, key.clone())),
                };
                lines.extend(self.tell_change(name, key, before.as_ref(), row.as_ref()));
            }
            if !lines.is_empty() {
                told += &format!("{}s\n{}\n", second - START, lines.join("\n"));
            }
        }
        told
    }

    /// A line for a change that the shown columns show.
    fn tell_change(
        &self,
        name: &str,
        key: &Row,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Option<String> {
        let shown = self.shown.get(name)?;
        let schema = dataflows::schemas().into_iter().find(|schema| schema.name == name)?;
        let columns = |row: &Row| -> String {
            let cells = schema.columns.iter().zip(row).filter(|(c, _)| shown.iter().any(|s| s == c.name));
            cells.map(|(column, value)| format!(" {}={}", column.name, self.spell(value))).collect()
        };
        let key: String = key.iter().map(|value| format!(" {}", self.spell(value))).collect();
        match (before.map(columns), after.map(columns)) {
            (None, Some(after)) => Some(format!("  + {name}{key}:{after}")),
            (Some(before), Some(after)) if before != after => Some(format!("  ~ {name}{key}:{after}")),
            (Some(_), None) => Some(format!("  - {name}{key}")),
            _ => None,
        }
    }

    fn spell(&self, value: &Value) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Count(value) if *value >= START * 1000 => format!("{}s", value / 1000 - START),
            Value::Count(value) | Value::Amount(value) => value.to_string(),
            Value::Sum(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Symbol(text) => (*text).to_owned(),
            Value::Text(text) => self.spell_addresses(text),
            Value::Address(address) => {
                self.names.get(address).cloned().unwrap_or_else(|| address.to_string())
            }
        }
    }
}

impl Scene {
    /// A text whose parts between colons or commas may be addresses.
    fn spell_addresses(&self, text: &str) -> String {
        let name = |part: &str| part.parse().ok().and_then(|address| self.names.get(&address).cloned());
        let is_between = |letter| matches!(letter, ':' | ',');
        let spell = |part: &str| {
            let (bare, rest) = part.split_at(part.len() - usize::from(part.ends_with(is_between)));
            name(bare).unwrap_or_else(|| bare.to_owned()) + rest
        };
        text.split_inclusive(is_between).map(spell).collect()
    }
}

/// An alert rule in TOML that is added, or taken back.
fn rule_control(text: &str, is_added: bool) -> Option<Control> {
    let mut rules: BTreeMap<String, Box<Rule>> = toml::from_str(&format!("rule = {text}")).ok()?;
    let rule = rules.remove("rule").filter(|rule| rule.problems().is_empty())?;
    let said = Control::AddRule(rule);
    Some(if is_added { said } else { said.taken_back(start_of(START)) })
}

fn seconds(text: &str) -> Option<Seconds> {
    text.strip_suffix('s')?.parse().ok()
}

/// A decimal number as raw units.
fn raw(text: &str, decimals: u32) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scale = 10u64.checked_pow(decimals.checked_sub(u32::try_from(fraction.len()).ok()?)?)?;
    format!("{whole}{fraction}").parse::<u64>().ok()?.checked_mul(scale)
}

fn status(slot: u64, state: &str, block_time: Option<Seconds>) -> Option<Event> {
    let state = match state {
        "processed" => SlotState::Processed,
        "confirmed" => SlotState::Confirmed,
        "finalized" => SlotState::Finalized,
        "dead" => SlotState::Dead,
        _ => return None,
    };
    Some(Event::Slot(SlotStatus { slot, state, parent: None, block_time }))
}

/// `slot.tx` or `slot.tx.instruction`, or `slot.?` for a transaction whose index is not known and which is transaction 0.
fn origin(second: Seconds, place: &str) -> Option<Origin> {
    let (slot, place) = place.split_once('.')?;
    let (tx, outer_ix) = place.split_once('.').unwrap_or((place, "0"));
    let slot: u64 = slot.parse().ok()?;
    let index: Option<u32> = if tx == "?" { None } else { Some(tx.parse().ok()?) };
    let mut signature = [1; 64];
    signature[..8].copy_from_slice(&(slot * 1000 + u64::from(index.unwrap_or(0))).to_be_bytes());
    let signature = Signature(signature);
    let id =
        EventId { slot, tx: TxPlace::new(index, &signature), outer_ix: outer_ix.parse().ok()?, inner_ix: -1 };
    Some(Origin { id, signature, block_time: START + second, received_at: None })
}
