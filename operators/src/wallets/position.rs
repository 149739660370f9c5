//! One token of one wallet: the ledger, and what can still be corrected of it.
//!
//! An entry is put in its place in canonical order and looked at when the wallet is brought up to date:
//! in order, it is added to the ledger; if something came late or was taken back, the ledger is folded
//! again from what can no longer change. So a correction costs the entries of one token of one wallet
//! within the correction horizon.

use model::{Diff, Seconds};
use serde::{Deserialize, Serialize};

use super::Mode;
use super::input::{Entry, What};
use super::ledger::Ledger;
use super::pane::{DAY_H, Pane, hour_of};
use crate::room;

/// The fold of the entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) ledger: Ledger,
    /// By hour, ascending.
    pub(super) panes: Vec<Pane>,
    /// The sum of those that are older than any period. The sum stays with the ledger, because what comes later may
    /// still decide which figures the token belongs to.
    pub(super) old: Option<Box<Pane>>,
}

/// Entries that can still be corrected.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Recent {
    before: Tally,
    /// Sorted.
    entries: Vec<Entry>,
    /// How many of them the tally has taken in.
    folded: usize,
    /// True if something changed among those.
    is_stale: bool,
}

/// See the module.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Position {
    tally: Tally,
    recent: Option<Box<Recent>>,
    /// True if it is about to be brought up to date.
    pub(super) is_dirty: bool,
    /// By how many creations the wallet created the token.
    pub(super) created: Diff,
}

impl Tally {
    /// Takes in the next entry; `others` are the entries of the same second, in which those of the same
    /// transaction are.
    fn take_in(&mut self, entry: &Entry, others: &[Entry], mode: Mode) {
        match entry.what {
            What::Trade(fill) => {
                let sale = self.ledger.trade(&fill, entry.time);
                let pane = self.pane(entry.time);
                match sale {
                    None => pane.buy(fill.quote),
                    Some((quote, usd)) => pane.sell(&quote, &usd, mode),
                }
            }
            What::Moved { more, less } => self.balance(i128::from(more) - i128::from(less), entry, others),
        }
        if let Some(closing) = self.ledger.close(entry.time, mode) {
            self.pane(entry.time).close(&closing);
        }
    }

    /// A change of the balance beyond the trades of the transaction came in, or went out. Among several
    /// balances that a transaction tells the first is held against its trades.
    fn balance(&mut self, change: i128, entry: &Entry, others: &[Entry]) {
        let of_tx = || others.iter().filter(|other| other.tx == entry.tx);
        let is_first = !of_tx().any(|other| matches!(other.what, What::Moved { .. }) && other < entry);
        let bought = of_tx().map(|other| match other.what {
            What::Trade(fill) if fill.side == model::Side::Buy => i128::from(fill.base),
            What::Trade(fill) => -i128::from(fill.base),
            What::Moved { .. } => 0,
        });
        let moved = change - if is_first { bought.sum() } else { 0 };
        let amount = u64::try_from(moved.unsigned_abs()).unwrap_or(u64::MAX);
        if moved > 0 {
            self.ledger.get(amount);
        } else {
            self.ledger.send(amount);
        }
    }

    fn pane(&mut self, time: Seconds) -> &mut Pane {
        let hour = hour_of(time);
        let at = room::place(&self.panes, |pane| pane.hour < hour);
        if self.panes.get(at).is_none_or(|pane| pane.hour != hour) {
            room::insert(&mut self.panes, at, Pane { hour, ..Pane::default() });
        }
        &mut self.panes[at]
    }

    /// Joins the hours of days before `hour` to days, and days before `last_day` to one sum. Returns the days
    /// that were joined to it and had a trade.
    fn settle(&mut self, hour: u64, last_day: u64) -> Vec<u64> {
        let mut joined: Vec<Pane> = Vec::with_capacity(self.panes.len());
        for pane in self.panes.drain(..) {
            match joined.last_mut() {
                Some(last) if last.day() == pane.day() && (pane.day() + 1) * DAY_H <= hour => last.add(&pane),
                _ => joined.push(pane),
            }
        }
        self.panes = joined;
        let old = self.panes.partition_point(|pane| pane.day() < last_day);
        let mut days = Vec::new();
        for pane in self.panes.drain(..old) {
            days.extend((pane.trades > 0).then(|| pane.day()));
            match &mut self.old {
                Some(old) => old.add(&pane),
                None => self.old = Some(Box::new(pane)),
            }
        }
        days
    }
}

/// The entries of the second of the entry at `at`.
fn of_second(entries: &[Entry], at: usize) -> &[Entry] {
    let Some(time) = entries.get(at).map(|entry| entry.time) else { return &[] };
    let before = entries.iter().take(at).rev().take_while(|entry| entry.time == time).count();
    let after = entries.iter().skip(at).take_while(|entry| entry.time == time).count();
    entries.get(at - before..at + after).unwrap_or_default()
}

fn fold(tally: &mut Tally, entries: &[Entry], range: std::ops::Range<usize>, mode: Mode) {
    for at in range {
        let Some(entry) = entries.get(at) else { return };
        let others: &[Entry] = match entry.what {
            What::Trade(_) => &[],
            What::Moved { .. } => of_second(entries, at),
        };
        tally.take_in(entry, others, mode);
    }
}

impl Position {
    /// Puts an entry in its place, or takes it from there.
    pub(super) fn change(&mut self, entry: Entry, diff: Diff) {
        if diff < 0 && self.recent.is_none() {
            return; // past correction
        }
        let before = &self.tally;
        let recent = self
            .recent
            .get_or_insert_with(|| Box::new(Recent { before: before.clone(), ..Recent::default() }));
        let entries = &mut recent.entries;
        let at = room::place(entries, |other| *other < entry);
        if diff > 0 {
            room::insert(entries, at, entry);
            // A balance that came before is held against all trades of its transaction.
            let is_trade = matches!(entry.what, What::Trade(_));
            let is_of_tx = |other: &Entry| other.tx == entry.tx && matches!(other.what, What::Moved { .. });
            recent.is_stale |=
                at < recent.folded || (is_trade && of_second(entries, at).iter().any(is_of_tx));
        } else if entries.get(at) == Some(&entry) {
            entries.remove(at);
            recent.is_stale = true;
        }
    }

    /// Brings the ledger up to date.
    pub(super) fn refresh(&mut self, mode: Mode) {
        let Some(recent) = &mut self.recent else { return };
        if recent.is_stale {
            self.tally.clone_from(&recent.before);
            (recent.folded, recent.is_stale) = (0, false);
        }
        fold(&mut self.tally, &recent.entries, recent.folded..recent.entries.len(), mode);
        recent.folded = recent.entries.len();
        if recent.entries.is_empty() {
            self.recent = None;
        }
    }

    /// Evicts what is before `cut` and can no longer be corrected, and joins the panes of days before `last_day`.
    /// Returns the days with a trade that were joined. The ledger must be up to date.
    pub(super) fn settle(&mut self, cut: Seconds, now: Seconds, last_day: u64, mode: Mode) -> Vec<u64> {
        let hour = hour_of(now).saturating_sub(DAY_H);
        if let Some(recent) = &mut self.recent {
            let past = recent.entries.iter().take_while(|entry| entry.time < cut).count();
            fold(&mut recent.before, &recent.entries, 0..past, mode);
            recent.entries.drain(..past);
            recent.folded -= past.min(recent.folded);
            recent.before.settle(hour, last_day);
            if recent.entries.is_empty() {
                self.recent = None;
            } else if past * 2 > recent.entries.len() {
                recent.entries.shrink_to_fit();
            }
        }
        self.tally.settle(hour, last_day)
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// True if something can still be corrected.
    pub(super) const fn is_recent(&self) -> bool {
        self.recent.is_some()
    }

    /// True if the wallet has traded the token; with transfers only it has no position.
    pub(super) const fn is_traded(&self) -> bool {
        self.tally.ledger.is_traded()
    }

    /// True if nothing need be remembered of it.
    pub(super) fn is_nothing(&self) -> bool {
        let is_at_rest = self.recent.is_none() && !self.is_dirty && self.created <= 0;
        is_at_rest && (!self.is_traded() || (self.tally.panes.is_empty() && !self.tally.ledger.is_open()))
    }
}
