//! Labels by brute force: for every token, slot, wallet, scan every trade.

use std::collections::{BTreeMap, BTreeSet};

use dataflows::Params;
use model::{
    Address, BalancesChanged, ChainEvent, Control, Event, EventId, LabelEntry, Seconds, Side, TokenCreated,
    Trade,
};
use operators::labels::{Label, LabelKind, Mark, Reason, Role, Subject, accounts};

/// All labels and marks; `happened` is in canonical order.
pub(super) fn labels(
    happened: &[ChainEvent],
    events: &[Event],
    now: Seconds,
    params: &Params,
) -> (Vec<Label>, BTreeSet<Mark>) {
    let trades: Vec<&Trade> = happened
        .iter()
        .filter_map(|event| match event {
            ChainEvent::Trade(trade) => Some(trade),
            _ => None,
        })
        .collect();
    let mut found = Found { labels: Vec::new(), marks: BTreeSet::new(), params };
    let mints: BTreeSet<Address> = trades.iter().map(|t| t.mint).collect();
    for mint in mints {
        let of_mint: Vec<&Trade> = trades.iter().filter(|t| t.mint == mint).copied().collect();
        let creation = happened.iter().find_map(|event| match event {
            ChainEvent::TokenCreated(event) if event.mint == mint => Some(event),
            _ => None,
        });
        found.launch(&of_mint, creation);
        let balances: Vec<&BalancesChanged> = happened
            .iter()
            .filter_map(|event| match event {
                ChainEvent::BalancesChanged(event) if event.mint == mint => Some(event),
                _ => None,
            })
            .collect();
        if let Some(creation) = creation {
            found.insiders(&of_mint, creation, &balances);
        }
        let slots: BTreeSet<u64> = of_mint.iter().map(|t| t.origin.id.slot).collect();
        for slot in slots {
            let of_slot: Vec<&Trade> = of_mint.iter().filter(|t| t.origin.id.slot == slot).copied().collect();
            found.sandwiches(&of_slot);
            found.arbitrage(&of_slot);
        }
        found.washes(&of_mint);
    }
    found.wallets(&trades, events, now);
    (found.labels, found.marks)
}

struct Found<'a> {
    labels: Vec<Label>,
    marks: BTreeSet<Mark>,
    params: &'a Params,
}

fn is_flat(bought: u128, sold: u128, bps: u32) -> bool {
    bought + sold > 0 && bought.abs_diff(sold) * 10_000 <= (bought + sold) * u128::from(bps)
}

/// Quote received less quote paid.
fn profit(trades: &[&Trade]) -> i128 {
    let paid = |t: &Trade| i128::from(t.quote_user.unwrap_or(t.quote_amount));
    trades.iter().map(|t| if t.side == Side::Buy { -paid(t) } else { paid(t) }).sum()
}

fn base(trades: &[&Trade], side: Side) -> u128 {
    trades.iter().filter(|t| t.side == side).map(|t| u128::from(t.base_user)).sum()
}

impl Found<'_> {
    fn launch(&mut self, trades: &[&Trade], creation: Option<&TokenCreated>) {
        let params = &self.params.market.labels;
        let Some(first) = trades.iter().find(|t| t.program.is_curve()).map(|t| t.origin) else { return };
        let slot = creation.map_or(first.id.slot, |creation| creation.origin.id.slot);
        let buys: Vec<&Trade> =
            trades.iter().filter(|t| t.side == Side::Buy && t.trader.is_some()).copied().collect();
        let mut label = |buy: &Trade, kind: LabelKind, reason: Reason, evidence: Vec<EventId>| {
            let wallet = buy.trader.expect("filtered above");
            self.labels.push(Label {
                subject: Subject::Holder { wallet, mint: buy.mint },
                kind,
                mint: Some(buy.mint),
                wallet: Some(wallet),
                reason,
                evidence,
                valid_from: buy.origin.block_time,
                quote_mint: None,
            });
        };
        let mut seen = BTreeSet::new();
        for buy in buys.iter().filter(|t| t.origin.id >= first.id) {
            let seconds = buy.origin.block_time - first.block_time;
            let slots = buy.origin.id.slot - first.id.slot;
            let is_early = seconds <= 60 && (seconds <= params.sniper_s || slots <= params.sniper_slots);
            let is_own = creation.is_some_and(|c| Some(c.user) == buy.trader || c.creator == buy.trader);
            if is_early && !is_own && seen.insert(buy.trader) {
                let evidence: BTreeSet<EventId> = [first.id, buy.origin.id].into();
                let reason = Reason::Sniped { slots, seconds };
                label(buy, LabelKind::Sniper, reason, evidence.into_iter().collect());
            }
        }
        let near = |t: &&&Trade| t.origin.block_time.abs_diff(first.block_time) <= 60;
        let in_slot: Vec<&Trade> =
            buys.iter().filter(|t| t.origin.id.slot == slot).filter(near).copied().collect();
        let wallets: BTreeSet<Option<Address>> = in_slot.iter().map(|t| t.trader).collect();
        if wallets.len() >= params.bundler_wallets {
            let count = u32::try_from(wallets.len()).expect("few wallets");
            for wallet in wallets {
                let buy = in_slot.iter().find(|t| t.trader == wallet).expect("is among them");
                let reason = Reason::Bundled { wallets: count };
                label(buy, LabelKind::Bundler, reason, vec![buy.origin.id]);
            }
        }
    }

    fn insiders(&mut self, trades: &[&Trade], creation: &TokenCreated, balances: &[&BalancesChanged]) {
        let Some(first) = trades.iter().find(|t| t.program.is_curve()).map(|t| t.origin) else { return };
        let pools: BTreeSet<Address> = trades.iter().map(|t| t.pool).collect();
        let is_creator = |owner: &Address| creation.user == *owner || creation.creator == Some(*owner);
        let mut seen = BTreeSet::new();
        for event in balances.iter().filter(|e| e.origin.block_time.abs_diff(first.block_time) <= 60) {
            let id = event.origin.id;
            let in_tx: Vec<&Trade> = trades
                .iter()
                .filter(|t| (t.origin.id.slot, t.origin.id.tx) == (id.slot, id.tx))
                .copied()
                .collect();
            let own: Vec<&Trade> =
                in_tx.iter().filter(|t| t.trader.as_ref().is_some_and(is_creator)).copied().collect();
            let gain = |is_one: &dyn Fn(&Address) -> bool| -> i128 {
                let of_one = event.balances.iter().filter(|b| is_one(&b.owner));
                of_one.map(|b| i128::from(b.after) - i128::from(b.before)).sum()
            };
            let bought = i128::try_from(base(&own, Side::Buy)).expect("is less")
                - i128::try_from(base(&own, Side::Sell)).expect("is less");
            let owners: BTreeSet<Address> = event.balances.iter().map(|b| b.owner).collect();
            if owners.len() < 3 || bought <= gain(&is_creator) {
                continue;
            }
            for wallet in owners {
                let is_receiver = gain(&|owner| *owner == wallet) > 0
                    && !is_creator(&wallet)
                    && in_tx.iter().all(|t| t.trader != Some(wallet))
                    && !pools.contains(&wallet)
                    && accounts::known(&wallet).is_none();
                if !is_receiver || !seen.insert(wallet) {
                    continue;
                }
                let is_buy = |t: &&&Trade| t.trader == Some(wallet) && t.side == Side::Buy;
                if trades.iter().filter(is_buy).all(|t| t.origin.id > id) {
                    self.labels.push(Label {
                        subject: Subject::Holder { wallet, mint: event.mint },
                        kind: LabelKind::Insider,
                        mint: Some(event.mint),
                        wallet: Some(wallet),
                        reason: Reason::HandedOut,
                        evidence: vec![creation.origin.id, id],
                        valid_from: event.origin.block_time,
                        quote_mint: None,
                    });
                }
            }
        }
    }

    fn of_trade(
        &mut self,
        trade: &Trade,
        kind: LabelKind,
        reason: Reason,
        evidence: &[EventId],
        quote: Option<Address>,
    ) {
        self.labels.push(Label {
            subject: Subject::Trade(trade.origin.id),
            kind,
            mint: Some(trade.mint),
            wallet: trade.trader,
            reason,
            evidence: evidence.to_vec(),
            valid_from: trade.origin.block_time,
            quote_mint: quote,
        });
    }

    fn mark(&mut self, trade: &Trade, kind: LabelKind) {
        self.marks.insert(Mark { mint: trade.mint, event: trade.origin.id, kind });
    }

    fn sandwiches(&mut self, trades: &[&Trade]) {
        let bps = self.params.market.labels.net_bps_max;
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        let is_used = |pairs: &[(usize, usize)], at: usize| pairs.iter().any(|(a, b)| *a == at || *b == at);
        let is_victim = |front: &Trade, t: &Trade| {
            t.pool == front.pool && t.side == front.side && t.trader.is_some() && t.trader != front.trader
        };
        for (a, front) in trades.iter().enumerate() {
            if is_used(&pairs, a) || front.trader.is_none() {
                continue;
            }
            for (b, back) in trades.iter().enumerate().skip(a + 1) {
                let fits = back.trader == front.trader
                    && back.pool == front.pool
                    && back.side != front.side
                    && is_flat(front.base_user.into(), back.base_user.into(), bps)
                    && trades[a + 1..b].iter().any(|t| is_victim(front, t));
                if fits && !is_used(&pairs, b) {
                    pairs.push((a, b));
                    break;
                }
            }
        }
        let mut labelled: BTreeSet<usize> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
        for (a, b) in pairs {
            let (front, back) = (trades[a], trades[b]);
            let drained = profit(&[front, back]);
            let victims: Vec<usize> = (a + 1..b).filter(|at| is_victim(front, trades[*at])).collect();
            let all: Vec<EventId> =
                [&[a], victims.as_slice(), &[b]].concat().iter().map(|at| trades[*at].origin.id).collect();
            for (trade, role) in [(front, Role::Front), (back, Role::Back)] {
                let reason = Reason::Sandwiched { role, drained };
                self.of_trade(trade, LabelKind::Sandwich, reason, &all, Some(trade.quote_mint));
                self.mark(trade, LabelKind::Sandwich);
            }
            for at in victims {
                if labelled.insert(at) {
                    let trade = trades[at];
                    let evidence = [front.origin.id, trade.origin.id, back.origin.id];
                    let reason = Reason::Sandwiched { role: Role::Victim, drained };
                    self.of_trade(trade, LabelKind::Sandwich, reason, &evidence, Some(trade.quote_mint));
                }
            }
        }
    }

    fn arbitrage(&mut self, trades: &[&Trade]) {
        for group in trades.chunk_by(|a, b| a.origin.id.tx == b.origin.id.tx) {
            let pools: BTreeSet<Address> = group.iter().map(|t| t.pool).collect();
            let (bought, sold) = (base(group, Side::Buy), base(group, Side::Sell));
            let sides: BTreeSet<Side> = group.iter().map(|t| t.side).collect();
            let bps = self.params.market.labels.net_bps_max;
            if pools.len() < 2 || sides.len() < 2 || !is_flat(bought, sold, bps) {
                continue;
            }
            let quotes: BTreeSet<Address> = group.iter().map(|t| t.quote_mint).collect();
            let quote = quotes.first().copied().filter(|_| quotes.len() == 1);
            let ids: Vec<EventId> = group.iter().map(|t| t.origin.id).collect();
            for trade in group {
                let pools = u32::try_from(pools.len()).expect("few pools");
                let reason = Reason::Arbitraged { pools, profit: quote.map(|_| profit(group)) };
                self.of_trade(trade, LabelKind::Arbitrage, reason, &ids, quote);
                self.mark(trade, LabelKind::Arbitrage);
            }
        }
    }

    fn washes(&mut self, trades: &[&Trade]) {
        let wash = self.params.market.labels.wash;
        let monies: [(&[Address], u64); 2] = [
            (&[Address::WSOL], wash.gross_lamports_min),
            (&[Address::USDC, Address::USDT], wash.gross_usd_micros_min),
        ];
        let wallets: BTreeSet<Address> = trades.iter().filter_map(|t| t.trader).collect();
        for wallet in wallets {
            let mut first: Option<((Seconds, EventId), Label)> = None;
            for (quotes, gross_min) in monies {
                let own =
                    trades.iter().filter(|t| t.trader == Some(wallet) && quotes.contains(&t.quote_mint));
                let mut own: Vec<&Trade> = own.copied().collect();
                own.sort_by_key(|t| (t.origin.block_time, t.origin.id));
                for (end, last) in own.iter().enumerate() {
                    let near = |t: &&&Trade| t.origin.block_time + wash.window_s > last.origin.block_time;
                    let window: Vec<&Trade> = own[..=end].iter().filter(near).copied().collect();
                    let runs = window.chunk_by(|a, b| a.side == b.side).count();
                    let gross: u128 = window.iter().map(|t| u128::from(t.quote_amount)).sum();
                    let is_wash = runs / 2 >= wash.round_trips_min as usize
                        && is_flat(base(&window, Side::Buy), base(&window, Side::Sell), wash.net_bps_max)
                        && gross >= u128::from(gross_min);
                    if !is_wash {
                        continue;
                    }
                    for trade in &window {
                        self.mark(trade, LabelKind::Wash);
                    }
                    let at = (last.origin.block_time, last.origin.id);
                    if first.as_ref().is_none_or(|(other, _)| at < *other) {
                        let ids: BTreeSet<EventId> = window.iter().map(|t| t.origin.id).collect();
                        let round_trips = u32::try_from(runs / 2).expect("few trades");
                        let label = Label {
                            subject: Subject::Holder { wallet, mint: last.mint },
                            kind: LabelKind::Wash,
                            mint: Some(last.mint),
                            wallet: Some(wallet),
                            reason: Reason::Washed { round_trips, gross },
                            evidence: ids.iter().skip(ids.len().saturating_sub(32)).copied().collect(),
                            valid_from: last.origin.block_time,
                            quote_mint: Some(quotes[0]),
                        };
                        first = Some((at, label));
                    }
                }
            }
            self.labels.extend(first.map(|(_, label)| label));
        }
    }

    fn wallets(&mut self, trades: &[&Trade], events: &[Event], now: Seconds) {
        let params = &self.params.market.labels;
        let horizon = self.params.correction_horizon_s;
        let controls = controls(events);
        let mut firsts: BTreeMap<Address, &Trade> = BTreeMap::new();
        for trade in trades {
            if let Some(wallet) = trade.trader {
                firsts.entry(wallet).or_insert(trade);
            }
        }
        let listed = |wallet: &Address| {
            let is_named = params.protocol_accounts.contains(wallet);
            if is_named { Some("named in the settings") } else { accounts::known(wallet) }
        };
        let label = |wallet: Address, kind, reason, evidence, valid_from| Label {
            subject: Subject::Wallet(wallet),
            kind,
            mint: None,
            wallet: Some(wallet),
            reason,
            evidence,
            valid_from,
            quote_mint: None,
        };
        let mut labels = Vec::new();
        for (wallet, first) in &firsts {
            let (id, time) = (first.origin.id, first.origin.block_time);
            if time >= params.fresh_since_s && now < time + params.fresh_s {
                let reason = Reason::New { seconds: params.fresh_s };
                labels.push(label(*wallet, LabelKind::Fresh, reason, vec![id], time));
            }
            let what = listed(wallet).filter(|_| given(&controls, wallet, "protocol", now).is_none());
            if let Some(what) = what {
                let reason = Reason::Given(what.to_owned());
                labels.push(label(*wallet, LabelKind::Protocol, reason, vec![id], time));
            }
        }
        let subjects: BTreeSet<Address> = controls.iter().map(|(_, entry, _)| entry.subject).collect();
        for wallet in subjects {
            for (kind, name) in [(LabelKind::Bot, "bot"), (LabelKind::Protocol, "protocol")] {
                if let Some(entry) = given(&controls, &wallet, name, now) {
                    let since = entry.known_from / 1_000_000;
                    let reason = Reason::Given(entry.reason.clone());
                    labels.push(label(wallet, kind, reason, Vec::new(), since));
                }
            }
        }
        self.labels.extend(labels);
        for trade in trades {
            let Some(wallet) = &trade.trader else { continue };
            // What is said once a trade can no longer be corrected does not concern it.
            let until = trade.origin.block_time + horizon;
            if listed(wallet).is_some() || given(&controls, wallet, "protocol", until).is_some() {
                self.mark(trade, LabelKind::Protocol);
            }
        }
    }
}

/// What was said, each with the second at which it came and whether it was said or taken back.
fn controls(events: &[Event]) -> Vec<(Seconds, &LabelEntry, i64)> {
    let mut clock = 0;
    let mut controls = Vec::new();
    for event in events {
        clock = clock.max(event.clock().unwrap_or(0));
        match event {
            Event::Control(Control::AddLabel(entry)) => controls.push((clock, entry, 1)),
            Event::Control(Control::RemoveLabel { entry, .. }) => controls.push((clock, entry, -1)),
            _ => {}
        }
    }
    controls
}

/// What is said of a wallet, as far as it came by `until`.
fn given<'a>(
    controls: &[(Seconds, &'a LabelEntry, i64)],
    wallet: &Address,
    kind: &str,
    until: Seconds,
) -> Option<&'a LabelEntry> {
    let of_wallet =
        controls.iter().filter(|(at, e, _)| *at <= until && e.subject == *wallet && e.kind == kind);
    let mut counts: BTreeMap<(Seconds, &str), (&LabelEntry, i64)> = BTreeMap::new();
    for (_, entry, count) in of_wallet {
        let key = (entry.known_from / 1_000_000, entry.reason.as_str());
        counts.entry(key).or_insert((entry, 0)).1 += count;
    }
    counts.into_values().find(|(_, count)| *count > 0).map(|(entry, _)| entry)
}
