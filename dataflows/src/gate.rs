//! Refuses block times that cannot be, before they move the clock.
//!
//! One wrong block time that is taken in makes every later good event too late. So an event far ahead of the event
//! clock waits until others agree with it: after a true pause all do, and a single wrong one is contradicted by the
//! next event of a later slot. What follows depends on the events and their order alone, so a run that reads its
//! source again decides the same.
//!
//! * A block time before 2020-03-16 or after 2100-01-01, or a slot beyond 2^63, is refused at once.
//! * An event at most `clock_jump_s` ahead of the clock passes.
//! * So does one that is as far ahead as the slots since then account for, at a fifth of a second to a second each:
//!   single transactions of years, in the order of the chain, are no mistake.
//! * Any other waits. An event votes for it if it is of another transaction and within `clock_jump_s` of it, and
//!   against it if it is of a later slot and further behind. Three votes more for than against let it pass, more votes
//!   against than for refuse it; so do 64 further events that wait, and the end of the input.
//! * Before there is a clock all events wait until four transactions have come, or there is nothing more; the one with
//!   the most votes starts the clock.
//!
//! News of slots wait behind the events of their slot, and lose a block time that is too far ahead. A refused
//! transaction is one row of `rejects`, whatever the number of its events; they are counted.
//!
//! Source: DEFINITIONS §1. It does not hold block times against the wall clock; live sources do.

use std::collections::{BTreeMap, VecDeque};

use model::{ChainEvent, Event, Reject, RejectReason, Seconds, Signature, SlotStatus};

/// 2020-03-16: no block is older.
pub const FIRST_BLOCK_TIME: Seconds = 1_584_316_800;
/// 2100-01-01.
pub const LAST_BLOCK_TIME: Seconds = 4_102_444_800;
/// The last slot that every sink can hold.
const LAST_SLOT: u64 = i64::MAX.unsigned_abs();

/// Events that wait, at most.
const WAITING_MAX: usize = 64;
/// News of slots that wait, at most.
const STATUSES_MAX: usize = 1024;
/// Votes more for an event than against it that let it pass.
const VOTES: usize = 3;
/// Transactions that wait for the start of the clock.
const START_TRANSACTIONS: usize = 4;
/// The most and the fewest slots of a second.
const SLOTS_PER_S_MAX: Seconds = 5;
const SLOTS_PER_S_MIN: Seconds = 1;
/// Transactions that were refused last, to name each once.
const REFUSED_KEPT: usize = 16;

/// Name in rejects.
pub const NAME: &str = "clock";

/// How many events were refused, by name.
pub type Refused = BTreeMap<&'static str, u64>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Gate {
    jump_s: Seconds,
    clock: Option<Moment>,
    waiting: VecDeque<Waiting>,
    /// Transactions that were refused last.
    refused: VecDeque<Signature>,
    counts: Refused,
}

/// Where the clock stands.
#[derive(Clone, Copy, Debug)]
struct Moment {
    time: Seconds,
    slot: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    event: Event,
    /// Transactions of events that passed and contradict it.
    against: usize,
    /// The last of them.
    last: Option<Signature>,
}

/// What is known of the times around an event that waits.
struct Votes {
    pro: usize,
    con: usize,
}

impl Gate {
    /// A gate that no event has passed.
    #[must_use]
    pub fn new(jump_s: Seconds) -> Self {
        Self {
            jump_s,
            clock: None,
            waiting: VecDeque::new(),
            refused: VecDeque::new(),
            counts: Refused::new(),
        }
    }

    /// True if something waits.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many events were refused, those of trades as `trades`, all others as `others`.
    #[must_use]
    pub fn counts(&self) -> &Refused {
        &self.counts
    }

    /// Takes events in, and appends those that pass and the rejects for those that do not.
    pub fn pass(&mut self, events: impl IntoIterator<Item = Event>, out: &mut Vec<Event>) {
        for event in events {
            self.take(event, out);
        }
    }

    /// The input has ended: nothing waits any longer.
    pub fn end(&mut self, out: &mut Vec<Event>) {
        while !self.waiting.is_empty() {
            if self.clock.is_none() {
                self.start(out);
                continue;
            }
            match self.waiting.pop_front().map(|waiting| waiting.event) {
                Some(Event::Chain(event)) => self.refuse(&event, out),
                Some(event) => out.push(without_time(event)),
                None => {}
            }
        }
    }

    fn take(&mut self, event: Event, out: &mut Vec<Event>) {
        match event {
            Event::Chain(event) => self.take_event(event, out),
            Event::Slot(status) => self.take_status(status, out),
            other => out.push(other),
        }
    }

    fn take_event(&mut self, event: ChainEvent, out: &mut Vec<Event>) {
        let origin = event.origin();
        let (time, slot) = (origin.block_time, origin.id.slot);
        if !(FIRST_BLOCK_TIME..=LAST_BLOCK_TIME).contains(&time) || slot > LAST_SLOT {
            return self.refuse(&event, out);
        }
        self.vote(&event);
        if self.clock.is_some_and(|clock| self.is_near(clock, time, slot)) {
            self.advance(time, slot);
            out.push(Event::Chain(event));
        } else {
            self.waiting.push_back(Waiting { event: Event::Chain(event), against: 0, last: None });
        }
        self.decide(out);
    }

    fn take_status(&mut self, mut status: SlotStatus, out: &mut Vec<Event>) {
        if status.slot > LAST_SLOT {
            *self.counts.entry("statuses").or_default() += 1;
            return;
        }
        let is_possible = |time: &Seconds| (FIRST_BLOCK_TIME..=LAST_BLOCK_TIME).contains(time);
        status.block_time = status.block_time.filter(is_possible);
        let is_of_waiting = self.waiting.iter().any(|waiting| slot_of(&waiting.event) <= Some(status.slot));
        if self.clock.is_none() || is_of_waiting {
            self.waiting.push_back(Waiting { event: Event::Slot(status), against: 0, last: None });
            return self.decide(out);
        }
        if let (Some(clock), Some(time)) = (self.clock, status.block_time) {
            if self.is_near(clock, time, status.slot) {
                self.advance(time, status.slot);
            } else {
                status.block_time = None;
            }
        }
        out.push(Event::Slot(status));
    }

    /// True if a block time may move the clock, or does not.
    fn is_near(&self, clock: Moment, time: Seconds, slot: u64) -> bool {
        let ahead = time.saturating_sub(clock.time);
        let slots = slot.saturating_sub(clock.slot);
        let is_accounted_for = slots <= ahead.saturating_mul(SLOTS_PER_S_MAX)
            && ahead.saturating_mul(SLOTS_PER_S_MIN) <= slots.saturating_add(self.jump_s);
        ahead <= self.jump_s || is_accounted_for
    }

    fn advance(&mut self, time: Seconds, slot: u64) {
        if self.clock.is_none_or(|clock| clock.time < time) {
            self.clock = Some(Moment { time, slot });
        }
    }

    /// Counts an event that comes against those that wait.
    fn vote(&mut self, event: &ChainEvent) {
        let origin = event.origin();
        for waiting in &mut self.waiting {
            let Event::Chain(other) = &waiting.event else { continue };
            let is_new = waiting.last != Some(origin.signature);
            if is_new && contradicts(event, other, self.jump_s) {
                waiting.against += 1;
                waiting.last = Some(origin.signature);
            }
        }
    }

    /// Lets pass what may, and refuses what must not, of what waits.
    fn decide(&mut self, out: &mut Vec<Event>) {
        while !self.waiting.is_empty() {
            let is_event = |waiting: &&Waiting| matches!(waiting.event, Event::Chain(_));
            let events = self.waiting.iter().filter(is_event).count();
            let is_full = events > WAITING_MAX || self.waiting.len() - events > STATUSES_MAX;
            if self.clock.is_none() {
                if !is_full && self.transactions() < START_TRANSACTIONS {
                    return;
                }
                self.start(out);
                continue;
            }
            let votes = self.waiting.iter().map(|waiting| self.votes(waiting));
            let verdict = votes.enumerate().find_map(|(at, votes)| match votes {
                Some(Votes { pro, con }) if pro >= con + VOTES => Some((at, true)),
                Some(Votes { pro, con }) if con > pro => Some((at, false)),
                _ => None,
            });
            match verdict.or(is_full.then_some((0, false))) {
                Some((at, true)) => self.let_pass(at, out),
                Some((at, false)) => self.turn_away(at, out),
                None if events == 0 => self.turn_away(0, out),
                None => return,
            }
        }
    }

    /// How many transactions wait.
    fn transactions(&self) -> usize {
        let mut seen: Vec<&Signature> = Vec::new();
        for waiting in &self.waiting {
            if let Event::Chain(event) = &waiting.event
                && !seen.contains(&&event.origin().signature)
            {
                seen.push(&event.origin().signature);
            }
        }
        seen.len()
    }

    /// For and against an event that waits; none for news of a slot.
    fn votes(&self, waiting: &Waiting) -> Option<Votes> {
        let Event::Chain(event) = &waiting.event else { return None };
        let origin = event.origin();
        let mut pro: Vec<&Signature> = Vec::new();
        for other in &self.waiting {
            let Event::Chain(other) = &other.event else { continue };
            let other = other.origin();
            let is_near = other.block_time.abs_diff(origin.block_time) <= self.jump_s;
            if is_near && other.signature != origin.signature && !pro.contains(&&other.signature) {
                pro.push(&other.signature);
            }
        }
        Some(Votes { pro: pro.len(), con: waiting.against })
    }

    /// Starts the clock with the event that most others agree with, the first of several.
    fn start(&mut self, out: &mut Vec<Event>) {
        let mut best: Option<(usize, i64)> = None;
        for (at, waiting) in self.waiting.iter().enumerate() {
            let Some(Votes { pro, con }) = self.votes(waiting) else { continue };
            let score = i64::try_from(pro).unwrap_or(i64::MAX) - i64::try_from(con).unwrap_or(i64::MAX);
            if best.is_none_or(|(_, most)| score > most) {
                best = Some((at, score));
            }
        }
        if let Some((at, _)) = best {
            return self.let_pass(at, out);
        }
        // Slots alone have come.
        let timed = |waiting: &Waiting| Some((waiting.event.clock()?, slot_of(&waiting.event)?));
        if let Some((time, slot)) = self.waiting.iter().find_map(timed) {
            self.advance(time, slot);
            self.again(out);
        } else {
            out.extend(self.waiting.drain(..).map(|waiting| waiting.event));
        }
    }

    /// Moves the clock to an event that waits, and takes all in again: those before it go first.
    fn let_pass(&mut self, at: usize, out: &mut Vec<Event>) {
        let moment = self.waiting.get(at).and_then(|waiting| {
            Some(Moment { time: waiting.event.clock()?, slot: slot_of(&waiting.event)? })
        });
        let Some(Moment { time, slot }) = moment else { return };
        self.advance(time, slot);
        self.again(out);
    }

    fn again(&mut self, out: &mut Vec<Event>) {
        for waiting in std::mem::take(&mut self.waiting) {
            let Waiting { event, against, last } = waiting;
            let (time, slot) = (event.clock(), slot_of(&event).unwrap_or(0));
            let is_near = |time| self.clock.is_some_and(|clock| self.is_near(clock, time, slot));
            match (time, &event) {
                (Some(time), Event::Chain(_)) if !is_near(time) => {
                    self.waiting.push_back(Waiting { event, against, last });
                }
                (Some(time), Event::Slot(_)) if !is_near(time) => out.push(without_time(event)),
                (time, _) => {
                    self.advance(time.unwrap_or(0), slot);
                    out.push(event);
                }
            }
        }
    }

    /// Refuses an event that waits, or lets news of a slot pass without their time.
    fn turn_away(&mut self, at: usize, out: &mut Vec<Event>) {
        match self.waiting.remove(at).map(|waiting| waiting.event) {
            Some(Event::Chain(event)) => self.refuse(&event, out),
            Some(event) => out.push(without_time(event)),
            None => {}
        }
    }

    fn refuse(&mut self, event: &ChainEvent, out: &mut Vec<Event>) {
        let name = if matches!(event, ChainEvent::Trade(_)) { "trades" } else { "others" };
        *self.counts.entry(name).or_default() += 1;
        let origin = event.origin();
        if self.refused.contains(&origin.signature) {
            return;
        }
        if self.refused.len() == REFUSED_KEPT {
            self.refused.pop_front();
        }
        self.refused.push_back(origin.signature);
        out.push(Event::Reject(Reject {
            source: NAME.to_owned(),
            cursor: origin.id.to_string(),
            reason: RejectReason::ImplausibleTime,
            program: None,
            signature: Some(origin.signature),
            slot: (origin.id.slot <= LAST_SLOT).then_some(origin.id.slot),
            detail: self.detail(event),
        }));
    }

    fn detail(&self, event: &ChainEvent) -> String {
        let (time, slot) = (event.origin().block_time, event.origin().id.slot);
        if slot > LAST_SLOT {
            return format!("slot {slot} is beyond 2^63: no chain has come so far");
        }
        if !(FIRST_BLOCK_TIME..=LAST_BLOCK_TIME).contains(&time) {
            return format!(
                "block time {time} is malformed: it must be seconds since 1970, from 2020-03-16 to 2100-01-01"
            );
        }
        let ahead = time.saturating_sub(self.clock.map_or(0, |clock| clock.time));
        match self.clock {
            Some(_) => format!(
                "block time {time} is {ahead} s ahead of all before it, and no three other transactions agree with it"
            ),
            None => format!("block time {time} is far from that of the others"),
        }
    }
}

/// True if `event` is of a later slot than `other` and yet so long before it that one of them is wrong.
fn contradicts(event: &ChainEvent, other: &ChainEvent, jump_s: Seconds) -> bool {
    let (event, other) = (event.origin(), other.origin());
    event.id.slot > other.id.slot
        && event.signature != other.signature
        && event.block_time.saturating_add(jump_s) < other.block_time
}

fn slot_of(event: &Event) -> Option<u64> {
    match event {
        Event::Chain(event) => Some(event.origin().id.slot),
        Event::Slot(status) => Some(status.slot),
        _ => None,
    }
}

fn without_time(event: Event) -> Event {
    match event {
        Event::Slot(status) => Event::Slot(SlotStatus { block_time: None, ..status }),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use model::{Address, CurveCompleted, EventId, Origin, Program, SlotState, TxPlace};

    use super::*;

    const T: Seconds = 1_700_000_000;
    const JUMP: Seconds = 600;

    /// An event of transaction `tx` in `slot` at `T + time`.
    fn event(tx: u8, slot: u64, time: i64) -> Event {
        let block_time = T.checked_add_signed(time).unwrap();
        at(tx, slot, block_time)
    }

    fn at(tx: u8, slot: u64, block_time: Seconds) -> Event {
        Event::Chain(ChainEvent::CurveCompleted(CurveCompleted {
            origin: Origin {
                id: EventId { slot, tx: TxPlace::Index(tx.into()), outer_ix: 0, inner_ix: -1 },
                signature: Signature([tx; 64]),
                block_time,
                received_at: None,
            },
            program: Program::Pump,
            mint: None,
            pool: Address::ZERO,
            user: None,
        }))
    }

    /// What comes out: `tx` that passed, `-tx` refused, `slot` news as 1000 + slot.
    fn pass(events: Vec<Event>) -> Vec<i64> {
        let mut gate = Gate::new(JUMP);
        let mut out = Vec::new();
        for event in events {
            gate.pass([event], &mut out);
        }
        gate.end(&mut out);
        out.iter().map(tell).collect()
    }

    fn tell(event: &Event) -> i64 {
        match event {
            Event::Chain(event) => i64::from(event.origin().signature.0[0]),
            Event::Reject(reject) => -i64::from(reject.signature.unwrap().0[0]),
            Event::Slot(status) => 1000 + i64::try_from(status.slot).unwrap(),
            _ => 0,
        }
    }

    #[test]
    fn a_single_wrong_time_is_refused_and_costs_nobody_else_anything() {
        let good = |tx: u8| event(tx, 100 + u64::from(tx), tx.into());
        for wrong in
            [event(9, 104, 10_800), at(9, 104, LAST_BLOCK_TIME + 1), at(9, 104, Seconds::MAX), at(9, 104, 5)]
        {
            for place in 0..=6 {
                let mut events: Vec<Event> = (1..=6).map(good).collect();
                events.insert(place, wrong.clone());
                // Where it stands in the chain is not where it comes.
                let out = pass(events);
                assert_eq!(out.iter().filter(|tx| **tx < 0).collect::<Vec<_>>(), [&-9], "{place}: {out:?}");
                assert_eq!(
                    out.into_iter().filter(|tx| *tx > 0).collect::<Vec<_>>(),
                    [1, 2, 3, 4, 5, 6],
                    "{place}"
                );
            }
        }
    }

    #[test]
    fn a_true_pause_passes_once_three_others_agree() {
        let before: Vec<Event> = (1..=4).map(|tx| event(tx, tx.into(), tx.into())).collect();
        let after = |count: u8| (5..5 + count).map(|tx| event(tx, tx.into(), 7_000 + i64::from(tx)));
        let all = before.iter().cloned().chain(after(6)).collect();
        assert_eq!(pass(all), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let few = before.into_iter().chain(after(3)).collect();
        assert_eq!(pass(few), [1, 2, 3, 4, -5, -6, -7], "three are not enough");
    }

    #[test]
    fn a_pause_that_the_slots_account_for_passes_alone() {
        let day = 86_400;
        let events = [(1, 0), (2, 216_000), (3, 500_000)];
        let events = events.into_iter().map(|(tx, slot)| event(tx, slot, i64::from(tx) * day)).collect();
        assert_eq!(pass(events), [1, 2, 3]);
    }

    #[test]
    fn one_transaction_alone_starts_the_clock() {
        assert_eq!(pass(vec![event(1, 5, 0), event(1, 5, 0)]), [1, 1]);
        assert_eq!(pass(vec![event(1, 5, 0), event(2, 6, 3_000)]), [1, -2]);
        assert_eq!(pass(vec![event(2, 5, 3_000), event(1, 6, 0)]), [1, -2]);
    }

    #[test]
    fn a_transaction_is_refused_once_whatever_the_number_of_its_events() {
        let good = |tx: u8| event(tx, tx.into(), 0);
        let events = (1..5).map(good).chain([event(9, 5, 9_000), event(9, 5, 9_000), good(6)]).collect();
        assert_eq!(pass(events), [1, 2, 3, 4, 6, -9]);
    }

    #[test]
    fn at_most_so_many_wait() {
        let mut gate = Gate::new(JUMP);
        let mut out = Vec::new();
        gate.pass((1..5).map(|tx| event(tx, 1, 0)), &mut out);
        // Each far from the others.
        gate.pass((10..10 + 65).map(|tx| event(tx, 1, i64::from(tx) * 9_000)), &mut out);
        assert_eq!(out.iter().map(tell).collect::<Vec<_>>(), [1, 2, 3, 4, -10]);
    }

    #[test]
    fn news_of_a_slot_wait_for_its_events_and_move_no_clock_before_them() {
        let status = |slot, time| {
            let block_time = T.checked_add_signed(time);
            Event::Slot(SlotStatus { slot, state: SlotState::Finalized, parent: None, block_time })
        };
        let mut events: Vec<Event> = (1..5).map(|tx| event(tx, 1, 0)).collect();
        events.extend([status(1, 0), event(5, 9, 7_000), status(9, 7_000), event(6, 9, 7_000), status(2, 1)]);
        events.extend([event(7, 9, 7_000), event(8, 9, 7_000)]);
        assert_eq!(pass(events), [1, 2, 3, 4, 1001, 1002, 5, 1009, 6, 7, 8]);
        let mut gate = Gate::new(JUMP);
        let mut out = Vec::new();
        gate.pass((1..5).map(|tx| event(tx, 1, 0)).chain([status(2, 9_000)]), &mut out);
        assert_eq!(out.last().unwrap().clock(), None);
    }
}
