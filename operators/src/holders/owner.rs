//! Holding of one owner in one token.
//!
//! A balance of an account, as a transaction leaves it, is the truth: it replaces what was thought of
//! that account. A trade of a transaction that tells no balance of its trader is all there is to go by:
//! it adds or takes what was traded, down to nothing. Then the next balance that is told puts it right,
//! whatever account it is of.
//!
//! Nearly all owners are at rest: they keep one number, the account that it is in, and no more. Only
//! what can still be corrected is kept event by event.

use model::{Seconds, Side};
use serde::{Deserialize, Serialize};

use super::accounts::OwnerKind;
use super::input::{Labelled, Moment};
use crate::room;

/// Effect of one event on the balance of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) moment: Moment,
    pub(super) what: What,
}

/// See [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum What {
    /// An account of the owner holds this much, raw units.
    Balance { account: u64, amount: u64 },
    /// The owner traded this much, raw units.
    Trade(Side, u64),
}

impl What {
    const fn is_balance(self) -> bool {
        matches!(self, Self::Balance { .. })
    }
}

/// Accounts and what is in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holding {
    /// Raw units.
    total: u64,
    /// The first account; holds nothing if there is none.
    account: (u64, u64),
    /// The others. Nearly no owner has any.
    others: Option<Box<Others>>,
    /// True if a trade came after the last balance.
    is_from_trades: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Others {
    accounts: Vec<(u64, u64)>,
}

impl Holding {
    fn take_in(&mut self, what: What) {
        match what {
            What::Balance { account, amount } => {
                self.set(account, amount);
                let others = self.others.iter().flat_map(|others| &others.accounts);
                self.total = others.fold(self.account.1, |sum, (_, amount)| sum.saturating_add(*amount));
                self.is_from_trades = false;
            }
            What::Trade(side, amount) => {
                self.total = match side {
                    Side::Buy => self.total.saturating_add(amount),
                    Side::Sell => self.total.saturating_sub(amount),
                };
                self.is_from_trades = true;
            }
        }
    }

    /// An account that holds nothing need not be remembered: its place is free.
    fn set(&mut self, account: u64, amount: u64) {
        let others = self.others.iter_mut().flat_map(|others| &mut others.accounts);
        let mut places = std::iter::once(&mut self.account).chain(others);
        if let Some(place) = places.find(|(name, held)| *name == account && *held > 0) {
            place.1 = amount;
            return;
        }
        if amount == 0 {
            return;
        }
        let others = self.others.iter_mut().flat_map(|others| &mut others.accounts);
        let mut places = std::iter::once(&mut self.account).chain(others);
        match places.find(|(_, held)| *held == 0) {
            Some(place) => *place = (account, amount),
            None => self.others.get_or_insert_default().accounts.push((account, amount)),
        }
    }

    fn is_nothing(&self) -> bool {
        let mut others = self.others.iter().flat_map(|others| &others.accounts);
        self.total == 0 && self.account.1 == 0 && others.all(|(_, held)| *held == 0)
    }
}

/// Whether an owner ever held any, and when it held none any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Past {
    pub(super) has_held: bool,
    /// When it last came to hold none.
    pub(super) sold_at: Option<Seconds>,
}

/// Events that can still be corrected.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Recent {
    /// The holding before them.
    before: Holding,
    /// Sorted.
    entries: Vec<Entry>,
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Owner {
    holding: Holding,
    recent: Option<Box<Recent>>,
    pub(super) kind: OwnerKind,
    /// By label, how often it was given: at most once but for a moment.
    labels: [i8; 3],
    /// True if what is ranked may be out of date.
    pub(super) is_dirty: bool,
    /// True if `holding` is not what the entries make it.
    is_stale: bool,
}

impl Owner {
    pub(super) fn new(kind: OwnerKind) -> Self {
        Self {
            holding: Holding::default(),
            recent: None,
            kind,
            labels: [0; 3],
            is_dirty: false,
            is_stale: false,
        }
    }

    /// Raw units.
    pub(super) const fn balance(&self) -> u64 {
        self.holding.total
    }

    /// True if the balance follows from trades since the last balance that was told.
    pub(super) const fn is_from_trades(&self) -> bool {
        self.holding.is_from_trades
    }

    /// True if the owner carries the label.
    pub(super) fn is_labelled(&self, kind: Labelled) -> bool {
        self.labels.get(kind as usize).is_some_and(|count| *count > 0)
    }

    pub(super) fn label(&mut self, kind: Labelled, is_given: bool) {
        if let Some(count) = self.labels.get_mut(kind as usize) {
            *count = if is_given { count.saturating_add(1) } else { count.saturating_sub(1) };
        }
    }

    /// True if nothing need be remembered of the owner.
    pub(super) fn is_nothing(&self) -> bool {
        self.recent.is_none() && self.labels == [0; 3] && !self.is_stale && self.holding.is_nothing()
    }

    /// True if something can still be corrected.
    pub(super) const fn is_recent(&self) -> bool {
        self.recent.is_some()
    }

    /// Adds what an event did.
    pub(super) fn insert(&mut self, entry: Entry) {
        let recent = self
            .recent
            .get_or_insert_with(|| Box::new(Recent { before: self.holding.clone(), entries: Vec::new() }));
        let entries = &mut recent.entries;
        let at = match entries.last() {
            Some(last) if *last > entry => entries.partition_point(|other| *other < entry),
            _ => entries.len(),
        };
        room::insert(entries, at, entry);
        if at + 1 < entries.len() {
            self.is_stale |= !is_overruled(entries, at, entry.what);
        } else if !self.is_stale && !is_told(entries, at) {
            self.holding.take_in(entry.what);
        }
    }

    /// Takes back what an event did; nothing if it is past correction.
    pub(super) fn remove(&mut self, entry: &Entry) {
        let Some(recent) = &mut self.recent else { return };
        let Ok(at) = recent.entries.binary_search(entry) else { return };
        recent.entries.remove(at);
        self.is_stale |= !is_overruled(&recent.entries, at, entry.what);
        if recent.entries.is_empty() {
            self.holding = std::mem::take(&mut recent.before);
            self.recent = None;
            self.is_stale = false;
        }
    }

    /// Works out anew what can no longer be told from the last event.
    pub(super) fn refresh(&mut self) {
        let Some(recent) = self.recent.as_ref().filter(|_| self.is_stale) else { return };
        self.holding = recent.before.clone();
        take_in(&mut self.holding, &recent.entries, &mut Past::default());
        self.is_stale = false;
    }

    /// Lets go of the single events before `cut`; `past` learns what was in them.
    pub(super) fn settle(&mut self, cut: Seconds, past: &mut Past) {
        let Some(recent) = &mut self.recent else { return };
        let count = recent.entries.partition_point(|entry| entry.moment.time < cut);
        let settled = recent.entries.get(..count).unwrap_or_default();
        take_in(&mut recent.before, settled, past);
        recent.entries.drain(..count);
        recent.entries.shrink_to(recent.entries.len() * 2);
        if recent.entries.is_empty() {
            self.recent = None;
        }
    }

    /// The past with what can still be corrected.
    pub(super) fn past(&self, mut past: Past) -> Past {
        if let Some(recent) = &self.recent {
            take_in(&mut recent.before.clone(), &recent.entries, &mut past);
        }
        past
    }
}

/// Takes in events in order.
fn take_in(holding: &mut Holding, entries: &[Entry], past: &mut Past) {
    let mut at = 0;
    for of_event in entries.chunk_by(|a, b| a.moment == b.moment) {
        let before = holding.total;
        for entry in of_event {
            if !is_told(entries, at) {
                holding.take_in(entry.what);
            }
            at += 1;
        }
        past.has_held |= holding.total > 0;
        if before > 0 && holding.total == 0 {
            past.sold_at = Some(of_event.first().map_or(0, |entry| entry.moment.time));
        }
    }
}

/// True for a trade whose transaction tells the balance of the owner: the balance counts.
fn is_told(entries: &[Entry], at: usize) -> bool {
    let Some(entry) = entries.get(at).filter(|entry| !entry.what.is_balance()) else { return false };
    let is_same = |other: &&Entry| other.what.is_balance() && other.moment.tx == entry.moment.tx;
    let is_near = |other: &&Entry| other.moment.time == entry.moment.time;
    let (before, after) = entries.split_at(at);
    let mut near = after.iter().take_while(is_near).chain(before.iter().rev().take_while(is_near));
    near.any(|other| is_same(&other))
}

/// True if a trade, which stands or stood at `at`, has no say in what there is now because a balance was
/// told after it.
fn is_overruled(entries: &[Entry], at: usize, what: What) -> bool {
    !what.is_balance() && entries.iter().skip(at).any(|entry| entry.what.is_balance())
}

#[cfg(test)]
mod tests {
    use model::{EventId, TxPlace};

    use super::*;

    #[test]
    fn what_is_kept_most_often_has_the_size_that_the_module_tells() {
        assert_eq!((size_of::<(model::Address, Owner)>(), size_of::<Entry>()), (88, 72));
    }

    fn moment(time: Seconds, tx: u32, outer_ix: u16) -> Moment {
        let id = EventId { slot: time, tx: TxPlace::Index(tx), outer_ix, inner_ix: -1 };
        Moment { time, id, tx: time * 100 + u64::from(tx) }
    }

    fn buy(time: Seconds, tx: u32, amount: u64) -> Entry {
        Entry { moment: moment(time, tx, 1), what: What::Trade(Side::Buy, amount) }
    }

    fn sell(time: Seconds, tx: u32, amount: u64) -> Entry {
        Entry { moment: moment(time, tx, 1), what: What::Trade(Side::Sell, amount) }
    }

    fn balance(time: Seconds, tx: u32, account: u64, amount: u64) -> Entry {
        Entry { moment: moment(time, tx, u16::MAX), what: What::Balance { account, amount } }
    }

    fn owner(entries: &[Entry]) -> Owner {
        let mut owner = Owner::new(OwnerKind::Wallet);
        entries.iter().for_each(|entry| owner.insert(*entry));
        owner.refresh();
        owner
    }

    #[test]
    fn an_owner_at_rest_is_small() {
        assert!(size_of::<Owner>() <= 64, "{} bytes", size_of::<Owner>());
        assert!(size_of::<Entry>() <= 80, "{} bytes", size_of::<Entry>());
    }

    #[test]
    fn a_balance_is_of_an_account_and_an_owner_has_the_sum() {
        let held = owner(&[balance(1, 0, 7, 100), balance(2, 0, 8, 50), balance(3, 0, 7, 20)]);
        assert_eq!((held.balance(), held.is_from_trades()), (70, false));
        let closed = owner(&[balance(1, 0, 7, 100), balance(2, 0, 7, 0), balance(3, 0, 8, 5)]);
        assert_eq!(closed.balance(), 5);
    }

    #[test]
    fn a_trade_counts_only_where_its_transaction_tells_no_balance() {
        // In whichever order the two come.
        for entries in [[buy(1, 0, 30), balance(1, 0, 7, 30)], [balance(1, 0, 7, 30), buy(1, 0, 30)]] {
            assert_eq!(owner(&entries).balance(), 30);
        }
        // Also if the trade seems to come after, because the index of its transaction is not known.
        let mut late = buy(1, 0, 30);
        late.moment.id.tx = TxPlace::Unknown(4);
        assert_eq!(owner(&[balance(1, 0, 7, 30), late]).balance(), 30);
        let traded = owner(&[balance(1, 0, 7, 30), buy(2, 0, 5)]);
        assert_eq!((traded.balance(), traded.is_from_trades()), (35, true));
        let told = owner(&[balance(1, 0, 7, 30), buy(2, 0, 5), balance(3, 0, 7, 33)]);
        assert_eq!(
            (told.balance(), told.is_from_trades()),
            (33, false),
            "a balance puts right what was missed"
        );
    }

    #[test]
    fn who_sells_more_than_was_seen_holds_nothing_and_not_less() {
        assert_eq!(owner(&[sell(1, 0, 10), buy(2, 0, 4)]).balance(), 4);
    }

    #[test]
    fn any_order_of_coming_and_going_ends_alike() {
        let entries = [
            buy(1, 0, 30),
            balance(1, 0, 7, 31),
            sell(2, 0, 10),
            balance(3, 0, 8, 5),
            buy(4, 0, 2),
            balance(4, 0, 7, 9),
            sell(5, 1, 1),
            sell(6, 0, 100),
            buy(7, 0, 3),
        ];
        for left_out in 0..entries.len() {
            let rest: Vec<Entry> =
                entries.iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, e)| *e).collect();
            let expected = owner(&rest);
            for step in [1, 2, 4, 5, 7, 8] {
                let mut other = Owner::new(OwnerKind::Wallet);
                (0..entries.len()).for_each(|i| other.insert(entries[i * step % entries.len()]));
                other.remove(&entries[left_out]);
                other.refresh();
                assert_eq!(other.holding, expected.holding, "without {left_out}, step {step}");
                // Settling on the way makes no difference.
                let (mut past, whole) = (Past::default(), expected.past(Past::default()));
                other.settle(4, &mut past);
                assert_eq!(other.past(past), whole);
                other.settle(9, &mut past);
                assert_eq!((&other.holding, past, other.is_recent()), (&expected.holding, whole, false));
            }
        }
    }

    #[test]
    fn what_is_taken_back_whole_leaves_nothing() {
        let entries = [buy(1, 0, 30), balance(1, 0, 7, 31)];
        let mut owner = owner(&entries);
        assert!(!owner.is_nothing());
        entries.iter().for_each(|entry| owner.remove(entry));
        assert!(owner.is_nothing());
    }

    #[test]
    fn when_all_was_sold_is_known() {
        let past = |entries: &[Entry]| owner(entries).past(Past::default());
        assert_eq!(past(&[sell(1, 0, 3)]), Past { has_held: false, sold_at: None }, "never had any");
        assert_eq!(past(&[buy(1, 0, 3)]), Past { has_held: true, sold_at: None });
        let sold = past(&[buy(1, 0, 3), sell(4, 0, 3), buy(5, 0, 1), sell(6, 0, 1)]);
        assert_eq!(sold, Past { has_held: true, sold_at: Some(6) });
        // Bought and passed on in one transaction: never held.
        assert!(!past(&[buy(1, 0, 3), balance(1, 0, 7, 0)]).has_held);
    }
}
