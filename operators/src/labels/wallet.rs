//! State of one wallet: when the wallet was first seen, the labels given to it, and its trades within
//! the correction horizon, because a label that is given or taken back concerns those too.
//!
//! A wallet is fresh for `fresh_s` after its first trade; then its label ends. An account of a protocol is
//! one that the list of [`super::accounts`], the settings or a control input names as one; bots are named
//! by control inputs only. A control input about a wallet holds for every trade that can still be
//! corrected when it comes; older trades stay as they are.

use std::collections::BTreeMap;

use model::{Address, EventId, Seconds};
use serde::{Deserialize, Serialize};

use super::record::{Label, Reason, Subject};
use super::{LabelKind, Mark, Params, accounts};
use crate::prelude::*;

/// One input element of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input {
    /// One of its trades.
    Trade(Address, Trade),
    /// A label that somebody gives.
    Given(Address, Given),
}

/// A trade of the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trade {
    /// Canonical order.
    pub id: EventId,
    /// Block time.
    pub time: Seconds,
    /// The token.
    pub mint: Address,
}

/// A label that is given. Among several of one kind the first in order stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Given {
    /// The label's kind.
    pub kind: LabelKind,
    /// Since when that is known.
    pub since: Seconds,
    /// Why.
    pub reason: String,
}

/// See the module.
#[derive(Default, Serialize, Deserialize)]
pub struct Wallet {
    /// The first trade, once it can no longer be another.
    first: Option<Trade>,
    /// By canonical order.
    recent: Vec<Trade>,
    /// The labels given, and how often each.
    given: BTreeMap<Given, Diff>,
    /// True if it was known as a protocol's when its first trade came, before anybody said so.
    is_listed: bool,
    /// Block time of the last trade that was let go. Not when it came: a trade that is taken back and comes again
    /// within a second must not show.
    last_traded: Seconds,
    /// Event time as far as this wallet has heard of it.
    now: Seconds,
}

/// One part of the output, which changes as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A label of the wallet.
    Label(LabelKind),
    /// The mark of a trade.
    Mark(EventId),
}

/// One output element of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A label.
    Label(Label),
    /// A mark.
    Mark(Mark),
}

type Settings = (Params, Horizon);

impl Wallet {
    fn first(&self) -> Option<&Trade> {
        self.first.as_ref().or_else(|| self.recent.first())
    }

    fn change_trade(&mut self, wallet: &Address, trade: Trade, diff: Diff, effects: &mut Effects<'_, Self>) {
        let (params, horizon) = effects.params;
        if horizon.is_past(trade.time, effects.now) {
            return; // a fork that dies past the horizon is not undone
        }
        let at = self.recent.partition_point(|other| *other < trade);
        if diff < 0 && self.recent.get(at) != Some(&trade) {
            return;
        }
        if self.first().is_none() {
            self.is_listed = listed(wallet, params).is_some();
        }
        if self.first.is_none() && at == 0 {
            for kind in [LabelKind::Fresh, LabelKind::Protocol] {
                effects.touch(Part::Label(kind), self.label(wallet, kind, params).map(Output::Label));
            }
        }
        if self.is_protocol() {
            effects.touch(Part::Mark(trade.id), self.mark(trade.id));
        }
        self.now = effects.now;
        if diff > 0 {
            self.recent.insert(at, trade);
        } else {
            self.recent.remove(at);
        }
    }

    fn change_given(&mut self, wallet: &Address, given: Given, diff: Diff, effects: &mut Effects<'_, Self>) {
        let ((params, horizon), now) = (effects.params, effects.now);
        let kind = given.kind;
        effects.touch(Part::Label(kind), self.label(wallet, kind, params).map(Output::Label));
        if kind == LabelKind::Protocol {
            for trade in self.recent.iter().filter(|trade| !horizon.is_past(trade.time, now)) {
                effects.touch(Part::Mark(trade.id), self.mark(trade.id));
            }
        }
        let count = self.given.entry(given).or_default();
        *count += diff;
        self.given.retain(|_, count| *count != 0);
        self.now = effects.now;
    }

    fn given(&self, kind: LabelKind) -> Option<&Given> {
        self.given.iter().find(|(given, count)| given.kind == kind && **count > 0).map(|(given, _)| given)
    }

    fn is_protocol(&self) -> bool {
        self.is_listed || self.given(LabelKind::Protocol).is_some()
    }

    fn mark(&self, id: EventId) -> Option<Output> {
        let at = self.recent.binary_search_by_key(&id, |trade| trade.id).ok()?;
        let mint = self.recent.get(at)?.mint;
        let kind = LabelKind::Protocol;
        self.is_protocol().then_some(Output::Mark(Mark { mint, event: id, kind }))
    }

    fn label(&self, wallet: &Address, kind: LabelKind, params: &Params) -> Option<Label> {
        let label = |reason: Reason, evidence: Vec<EventId>, valid_from: Seconds| Label {
            subject: Subject::Wallet(*wallet),
            kind,
            mint: None,
            wallet: Some(*wallet),
            reason,
            evidence,
            valid_from,
            quote_mint: None,
        };
        if kind == LabelKind::Fresh {
            let first = self.first().filter(|first| self.is_fresh(first, params))?;
            return Some(label(Reason::New { seconds: params.fresh_s }, vec![first.id], first.time));
        }
        if let Some(given) = self.given(kind) {
            return Some(label(Reason::Given(given.reason.clone()), Vec::new(), given.since));
        }
        let first = self.first().filter(|_| self.is_listed && kind == LabelKind::Protocol)?;
        let what = listed(wallet, params).unwrap_or_default();
        Some(label(Reason::Given(what.to_owned()), vec![first.id], first.time))
    }

    fn is_fresh(&self, first: &Trade, params: &Params) -> bool {
        first.time >= params.fresh_since_s && self.now < first.time.saturating_add(params.fresh_s)
    }

    /// Lets go the trades that can no longer be corrected.
    fn let_go(&mut self, horizon: Horizon) {
        let now = self.now;
        let gone = self.recent.iter().take_while(|trade| horizon.is_past(trade.time, now)).count();
        if gone > 0 {
            self.first = self.first().copied();
            let last = self.recent.drain(..gone).map(|trade| trade.time).max();
            self.last_traded = self.last_traded.max(last.unwrap_or(0));
            self.recent.shrink_to(2 * self.recent.len());
        }
    }
}

/// Why the wallet is known as a protocol's before anybody says so.
fn listed(wallet: &Address, params: &Params) -> Option<&'static str> {
    if params.protocol_accounts.contains(wallet) {
        return Some("named in the settings");
    }
    accounts::known(wallet)
}

impl State for Wallet {
    type Key = Address;
    type Input = Input;
    type Part = Part;
    type Output = Output;
    type Params = Settings;

    fn key(input: &Input) -> Address {
        match input {
            Input::Trade(wallet, _) | Input::Given(wallet, _) => *wallet,
        }
    }

    fn route(wallet: &Address) -> u64 {
        wallet.route()
    }

    fn apply(&mut self, wallet: &Address, input: Input, diff: Diff, effects: &mut Effects<'_, Self>) {
        match input {
            Input::Trade(_, trade) => self.change_trade(wallet, trade, diff, effects),
            Input::Given(_, given) => self.change_given(wallet, given, diff, effects),
        }
    }

    fn next_timer(&self, (params, horizon): &Settings) -> Option<Seconds> {
        let fresh_to = self.first().filter(|first| self.is_fresh(first, params));
        let fresh_to = fresh_to.map(|first| first.time.saturating_add(params.fresh_s));
        // Not at every trade's own end: letting go in steps costs less than it keeps.
        let step = horizon.0 / 4 + 1;
        let let_go = self.recent.first().map(|oldest| oldest.time.saturating_add(horizon.0 + step));
        let is_quiet = self.first.is_some() && self.recent.is_empty();
        let forget = is_quiet.then(|| self.last_traded.saturating_add(params.remember_wallet_s));
        [fresh_to, let_go, forget].into_iter().flatten().min()
    }

    fn on_timer(&mut self, wallet: &Address, effects: &mut Effects<'_, Self>) {
        let (params, horizon) = effects.params;
        let is_quiet = self.first.is_some() && self.recent.is_empty();
        for kind in [LabelKind::Fresh, LabelKind::Protocol] {
            effects.touch(Part::Label(kind), self.label(wallet, kind, params).map(Output::Label));
        }
        self.now = effects.now;
        self.let_go(*horizon);
        if is_quiet && self.last_traded.saturating_add(params.remember_wallet_s) <= effects.now {
            self.first = None;
        }
    }

    fn output(&self, wallet: &Address, part: &Part, (params, _): &Settings) -> Option<Output> {
        match part {
            Part::Label(kind) => self.label(wallet, *kind, params).map(Output::Label),
            Part::Mark(id) => self.mark(*id),
        }
    }

    fn is_idle(&self) -> bool {
        self.first.is_none() && self.recent.is_empty() && self.given.is_empty()
    }

    /// Labels last.
    fn outlives(_output: &Self::Output) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use model::TxPlace;
    use model::time::start_of;

    use super::*;
    use crate::keyed::Store;

    const WALLET: Address = Address([1; 32]);
    const HORIZON: Seconds = 100;

    fn trade(time: Seconds) -> Trade {
        let id = EventId { slot: time, tx: TxPlace::Index(0), outer_ix: 0, inner_ix: -1 };
        Trade { id, time, mint: Address([2; 32]) }
    }

    fn given(reason: &str) -> Given {
        Given { kind: LabelKind::Protocol, since: 5, reason: reason.to_owned() }
    }

    struct Run {
        store: Store<Wallet>,
        labels: BTreeMap<Label, Diff>,
        marks: BTreeMap<EventId, Diff>,
    }

    impl Run {
        fn new(fresh_s: Seconds) -> Self {
            let params = Params { fresh_s, remember_wallet_s: 1000, ..Params::default() };
            let store = Store::new((params, Horizon(HORIZON)));
            Self { store, labels: BTreeMap::new(), marks: BTreeMap::new() }
        }

        fn at(&mut self, second: Seconds, changes: Vec<(Input, Diff)>) -> &mut Self {
            while let Some(due) = self.store.next_timer().filter(|due| *due < start_of(second)) {
                self.store.fire(due);
                self.close();
            }
            self.store.fire(start_of(second));
            for (input, diff) in changes {
                self.store.apply(start_of(second), input, diff);
            }
            self.close();
            self
        }

        fn close(&mut self) {
            self.store.close(|output, diff| match output {
                Output::Label(label) => *self.labels.entry(label).or_default() += diff,
                Output::Mark(mark) => *self.marks.entry(mark.event).or_default() += diff,
            });
            self.labels.retain(|_, count| *count != 0);
            self.marks.retain(|_, count| *count != 0);
        }

        fn trades(&mut self, second: Seconds, times: &[Seconds], diff: Diff) -> &mut Self {
            self.at(second, times.iter().map(|time| (Input::Trade(WALLET, trade(*time)), diff)).collect())
        }

        fn say(&mut self, second: Seconds, what: &str, diff: Diff) -> &mut Self {
            self.at(second, vec![(Input::Given(WALLET, given(what)), diff)])
        }

        fn kinds(&self) -> Vec<LabelKind> {
            self.labels.keys().map(|label| label.kind).collect()
        }

        fn marked(&self) -> Vec<Seconds> {
            self.marks.keys().map(|id| id.slot).collect()
        }
    }

    #[test]
    fn a_wallet_is_fresh_for_a_while_after_its_first_trade() {
        let mut run = Run::new(50);
        run.trades(1000, &[1000], 1).trades(1020, &[1020], 1);
        assert_eq!(run.kinds(), [LabelKind::Fresh]);
        run.at(1049, vec![]);
        assert_eq!(run.kinds(), [LabelKind::Fresh]);
        run.at(1050, vec![]);
        assert_eq!(run.kinds(), []);
        // Its fork dies: the wallet was first seen later than it seemed.
        run.trades(1060, &[1000], -1);
        assert_eq!(run.kinds(), [LabelKind::Fresh]);
    }

    #[test]
    fn what_is_said_concerns_the_trades_that_can_still_be_corrected() {
        let mut run = Run::new(0);
        run.trades(1000, &[1000], 1).trades(1050, &[1050], 1).say(1120, "seen", 1);
        assert_eq!((run.kinds(), run.marked()), (vec![LabelKind::Protocol], vec![1050]));
        run.trades(1130, &[1130], 1).say(1160, "seen", -1);
        assert_eq!((run.kinds(), run.marked()), (vec![], vec![1050]));
    }

    #[test]
    fn of_two_who_say_the_same_one_is_enough() {
        let mut run = Run::new(0);
        run.trades(1000, &[1000], 1).say(1001, "seen", 1).say(1002, "heard", 1);
        let reasons = |run: &Run| -> Vec<Reason> { run.labels.keys().map(|l| l.reason.clone()).collect() };
        assert_eq!(reasons(&run), [Reason::Given("heard".to_owned())]);
        run.say(1003, "heard", -1);
        assert_eq!(reasons(&run), [Reason::Given("seen".to_owned())]);
        assert_eq!(run.marked(), [1000]);
    }

    #[test]
    fn a_silent_wallet_is_forgotten_and_then_fresh_again() {
        let mut run = Run::new(50);
        run.trades(1000, &[1000], 1).trades(1900, &[1900], 1);
        assert_eq!(run.kinds(), [], "it is remembered that it was seen");
        run.at(3000, vec![]);
        assert!(run.store.is_empty());
        run.trades(3001, &[3001], 1);
        assert_eq!(run.kinds(), [LabelKind::Fresh]);
    }
}
