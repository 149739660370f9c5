//! From a transaction to the events that the known programs wrote.
//!
//! A program leaves an event as an instruction to itself, as a log line, or as both with the same
//! bytes; both together count as one, at the place of the instruction. Instructions are never cut off
//! and logs are, so a transaction whose log was truncated still gives all its events.
//!
//! An event that a program logged has the place of the instruction that logged it: the n-th invocation
//! of a program in the log is its n-th instruction in the order of execution.
//!
//! What an event leaves out (pool, mints, vaults, user) is taken from the accounts of the instruction
//! that caused it. Nothing is learned here from one transaction to the next: see [`crate::pools`].

use std::borrow::Cow;

use model::{Address, EventId, Program, Signature, TxPlace};
use serde::Serialize;

use crate::logs::{self, LogEvent};
use crate::programs::accounts::Order;
use crate::programs::{self, EVENT_INSTRUCTION, Payload, Undecoded};
use crate::transaction::{Instruction, Transaction};

/// How an event was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// As an instruction of the program to itself.
    Cpi,
    /// As `Program data` in the log.
    Log,
    /// As `ray_log` in the log.
    Ray,
}

/// Where an instruction stands in its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index of the top-level instruction.
    pub outer: u16,
    /// Index under it; −1 for the top-level instruction itself.
    pub inner: i16,
}

/// Accounts of the instruction that caused an event, so far as it names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Pool or bonding curve.
    pub pool: Option<Address>,
    /// The two mints.
    pub mints: [Option<Address>; 2],
    /// The pool's two vaults.
    pub vaults: [Option<Address>; 2],
    /// Whose swap it is.
    pub user: Option<Address>,
    /// In which order mints and vaults stand.
    pub order: Order,
}

/// One event of a known program. As JSON it is one flat object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The transaction.
    pub signature: Signature,
    /// Its slot, where known.
    pub slot: Option<u64>,
    /// Whose event it is.
    pub program: Program,
    /// How it was carried.
    pub source: Carrier,
    /// Where it stands; the identity of an event is made of it. None if the log does not tell.
    pub place: Option<Place>,
    /// Slot, transaction and place together; none without a slot or a place.
    pub event_id: Option<EventId>,
    /// The event's own time in seconds, else the block's.
    pub timestamp: Option<i64>,
    /// True if the transaction failed, so that nothing of this happened.
    pub failed: bool,
    /// Accounts of the instruction that caused it.
    pub named: Named,
    /// Index of that instruction: top-level, and under it.
    pub cause: Option<(u16, Option<u16>)>,
    /// The event itself.
    pub payload: Payload,
}

/// Bytes of a known program that gave no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whose bytes.
    pub program: Program,
    /// Where they stand.
    pub place: Option<Place>,
    /// Why they gave none.
    pub why: Undecoded,
}

/// What one transaction gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoding {
    /// The events, in the order of execution.
    pub events: Vec<Decoded>,
    /// What was no event.
    pub refused: Vec<Refused>,
    /// True if the log was cut off.
    pub truncated: bool,
    /// Instructions of programs that only log, whose events went with the rest of a log that was cut off.
    pub lost: Vec<(Program, Place)>,
    /// Log lines that should hold an event's bytes and hold something else.
    pub unreadable: u64,
}

/// Decodes all events of a transaction, whether it failed or not.
#[must_use]
pub fn decode(tx: &Transaction) -> Decoding {
    let mut out = Decoding::default();
    let calls = Calls::of(tx);
    if calls.programs.is_empty() {
        return out;
    }
    let mut found = calls.events();
    let logs = tx.logs.as_deref().map(|lines| logs::read(lines, &calls.programs)).unwrap_or_default();
    (out.truncated, out.unreadable) = (logs.truncated, logs.unreadable);
    calls.add_logged(tx, logs.events, &mut found);
    if out.truncated {
        out.lost = calls.without_event(&found);
    }
    found.sort_by_key(|found| (found.place.is_none(), found.place, found.ordinal));
    for found in &found {
        match programs::decode(found.program, &found.bytes) {
            Ok(payload) => out.events.push(found.finish(tx, payload)),
            Err(why) => out.refused.push(Refused { program: found.program, place: found.place, why }),
        }
    }
    out
}

/// One instruction of a known program.
#[derive(Clone, Copy)]
struct Call<'a> {
    program: Program,
    outer: u16,
    inner: Option<u16>,
    instruction: &'a Instruction,
    is_event: bool,
}

impl Call<'_> {
    fn place(&self) -> Place {
        let inner = self.inner.map_or(-1, |inner| i16::try_from(inner).unwrap_or(i16::MAX));
        Place { outer: self.outer, inner }
    }
}

/// The instructions of known programs, in the order of execution.
struct Calls<'a> {
    programs: Vec<Program>,
    calls: Vec<Call<'a>>,
}

/// An event's bytes and where they were found.
struct Found<'a> {
    program: Program,
    source: Carrier,
    place: Option<Place>,
    ordinal: usize,
    cause: Option<Call<'a>>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Calls<'a> {
    fn of(tx: &'a Transaction) -> Self {
        // The few known programs among the keys, found once.
        let known: Vec<(u16, Program)> = (0..)
            .zip(&tx.keys)
            .filter_map(|(index, key)| Program::at(key).map(|program| (index, program)))
            .collect();
        let mut this =
            Self { programs: known.iter().map(|(_, program)| *program).collect(), calls: Vec::new() };
        if known.is_empty() {
            return this;
        }
        let mut add = |outer: u16, inner: Option<u16>, instruction: &'a Instruction| {
            if let Some((_, program)) = known.iter().find(|(index, _)| *index == instruction.program) {
                let is_event = instruction.data.starts_with(&EVENT_INSTRUCTION);
                this.calls.push(Call { program: *program, outer, inner, instruction, is_event });
            }
        };
        for (outer, instruction) in (0..).zip(&tx.instructions) {
            add(outer, None, instruction);
            for group in tx.inner.iter().flatten().filter(|group| group.outer == outer) {
                for (inner, instruction) in (0..).zip(&group.instructions) {
                    add(outer, Some(inner), instruction);
                }
            }
        }
        this
    }

    /// Events that programs handed to themselves.
    fn events(&self) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        for (index, call) in self.calls.iter().enumerate().filter(|(_, call)| call.is_event) {
            // Its caller is the program itself: the nearest instruction of it before, within this top-level one.
            let cause = self.calls.iter().take(index).rev().find(|caller| {
                caller.program == call.program && !caller.is_event && caller.outer == call.outer
            });
            let bytes = call.instruction.data.get(EVENT_INSTRUCTION.len()..).unwrap_or_default();
            found.push(Found {
                program: call.program,
                source: Carrier::Cpi,
                place: Some(call.place()),
                ordinal: index,
                cause: cause.copied(),
                bytes: bytes.into(),
            });
        }
        found
    }

    /// Adds the logged events that are not copies of those already found.
    fn add_logged(&self, tx: &Transaction, logged: Vec<LogEvent>, found: &mut Vec<Found<'a>>) {
        let mut copied = vec![false; found.len()];
        for (ordinal, event) in logged.into_iter().enumerate() {
            let copy = found.iter().zip(&mut copied).find(|(found, copied)| {
                !**copied && found.program == event.program && *found.bytes == event.bytes[..]
            });
            if let Some((_, copied)) = copy {
                *copied = true;
                continue;
            }
            let cause = self.invocation(tx, event.program, event.invocation);
            let place = if tx.inner.is_none() {
                // Deeper calls are not known, so no event has a place: their order has to do.
                u16::try_from(ordinal).ok().map(|outer| Place { outer, inner: -1 })
            } else {
                cause.map(|cause| self.free_place(cause, found))
            };
            found.push(Found {
                program: event.program,
                source: if event.ray { Carrier::Ray } else { Carrier::Log },
                place,
                ordinal,
                cause,
                bytes: event.bytes.into(),
            });
        }
    }

    /// The instructions that should have logged an event and did not.
    fn without_event(&self, found: &[Found<'a>]) -> Vec<(Program, Place)> {
        let is_lost = |call: &&Call<'a>| {
            programs::logs_only(call.program)
                && programs::accounts(call.program, &call.instruction.data, call.instruction.accounts.len())
                    .is_some()
                && !found.iter().any(|found| found.cause.is_some_and(|cause| cause.place() == call.place()))
        };
        self.calls.iter().filter(is_lost).map(|call| (call.program, call.place())).collect()
    }

    /// The instruction that is the `count`-th invocation of a program. Without inner instructions only
    /// a program's sole top-level call can be told.
    fn invocation(&self, tx: &Transaction, program: Program, count: usize) -> Option<Call<'a>> {
        let mut calls = self.calls.iter().filter(|call| call.program == program);
        if tx.inner.is_some() {
            return calls.nth(count).copied();
        }
        let first = calls.next()?;
        (count == 0 && calls.next().is_none()).then_some(*first)
    }

    /// The place of an event that `cause` logged. One instruction may log several: those after the first
    /// take the places of what it called, which no event of its own can have.
    fn free_place(&self, cause: Call<'a>, found: &[Found<'a>]) -> Place {
        let mut place = cause.place();
        while found.iter().any(|found| found.place == Some(place)) && place.inner < i16::MAX {
            place.inner += 1;
        }
        place
    }
}

impl Found<'_> {
    fn finish(&self, tx: &Transaction, payload: Payload) -> Decoded {
        let named = self.cause.map(|call| named(tx, call.program, call.instruction)).unwrap_or_default();
        let event_id = tx.slot.zip(self.place).map(|(slot, place)| EventId {
            slot,
            tx: TxPlace::new(tx.index, &tx.signature),
            outer_ix: place.outer,
            inner_ix: place.inner,
        });
        let block_time = tx.block_time.and_then(|time| i64::try_from(time).ok());
        Decoded {
            signature: tx.signature,
            slot: tx.slot,
            program: self.program,
            source: self.source,
            place: self.place,
            event_id,
            timestamp: payload.timestamp().or(block_time),
            failed: tx.error.is_some(),
            named,
            cause: self.cause.map(|call| (call.outer, call.inner)),
            payload,
        }
    }
}

/// The accounts that an instruction names, looked up.
fn named(tx: &Transaction, program: Program, instruction: &Instruction) -> Named {
    let Some(accounts) = programs::accounts(program, &instruction.data, instruction.accounts.len()) else {
        return Named::default();
    };
    let at = |index: Option<u8>| {
        let key = *instruction.accounts.get(usize::from(index?))?;
        tx.keys.get(usize::from(key)).copied()
    };
    Named {
        pool: at(accounts.pool),
        mints: accounts.mints.map(at),
        vaults: accounts.vaults.map(at),
        user: at(accounts.user),
        order: accounts.order,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::transaction::InnerInstructions;

    /// A `CompleteEvent` of pump.fun, told from others by `mark`.
    fn event(mark: u8) -> Vec<u8> {
        let mut bytes = 0x5f72_619c_d42e_9808_u64.to_be_bytes().to_vec();
        bytes.extend([mark; 3 * 32]);
        bytes.extend(9i64.to_le_bytes());
        bytes
    }

    fn instruction(program: u16, data: Vec<u8>) -> Instruction {
        Instruction { program, accounts: Vec::new(), data, stack_height: None }
    }

    fn call_of_itself(mark: u8) -> Instruction {
        instruction(0, [&EVENT_INSTRUCTION[..], &event(mark)].concat())
    }

    fn data_line(mark: u8) -> String {
        format!("Program data: {}", STANDARD.encode(event(mark)))
    }

    fn invoke(depth: u8) -> String {
        format!("Program {} invoke [{depth}]", Program::Pump.address())
    }

    /// One top-level instruction of pump.fun with these inner instructions and log lines.
    fn transaction(inner: Option<Vec<Instruction>>, logs: Vec<String>) -> Transaction {
        Transaction {
            slot: Some(1),
            index: Some(2),
            keys: vec![Program::Pump.address(), Address([7; 32])],
            instructions: vec![instruction(0, vec![1])],
            inner: inner.map(|instructions| vec![InnerInstructions { outer: 0, instructions }]),
            logs: Some(logs),
            ..Transaction::new(Signature([1; 64]))
        }
    }

    fn found(tx: &Transaction) -> Vec<(Carrier, Option<String>, Option<i16>)> {
        decode(tx).events.iter().map(|e| (e.source, e.event_id.map(|id| id.to_string()), e.inner())).collect()
    }

    #[test]
    fn instruction_and_log_line_with_the_same_bytes_are_one_event() {
        let inner = vec![instruction(1, vec![]), call_of_itself(1), call_of_itself(1)];
        let logs = vec![invoke(1), data_line(1), invoke(2), data_line(1)];
        let id = |inner: i16| Some(format!("1-2-0-{inner}"));
        let expected = [(Carrier::Cpi, id(1), Some(1)), (Carrier::Cpi, id(2), Some(2))];
        assert_eq!(found(&transaction(Some(inner.clone()), logs)), expected);
        let cut = vec![invoke(1), "Log truncated".to_owned()];
        assert_eq!(found(&transaction(Some(inner), cut)), expected);
    }

    #[test]
    fn what_is_only_logged_has_the_place_of_the_instruction_and_prints_none() {
        let tx = transaction(Some(vec![]), vec![invoke(1), data_line(1), data_line(2)]);
        // The second of one instruction takes a place that no event of its own can have.
        let expected = [
            (Carrier::Log, Some("1-2-0--1".to_owned()), None),
            (Carrier::Log, Some("1-2-0-0".to_owned()), None),
        ];
        assert_eq!(found(&tx), expected);
    }

    #[test]
    fn without_inner_instructions_the_order_in_the_log_has_to_do() {
        let tx = transaction(None, vec![invoke(1), data_line(1), data_line(2)]);
        let ids: Vec<_> = found(&tx).into_iter().filter_map(|(_, id, _)| id).collect();
        assert_eq!(ids, ["1-2-0--1", "1-2-1--1"]);
    }

    #[test]
    fn a_line_of_an_invocation_that_is_no_instruction_has_no_place() {
        let logs = vec![invoke(1), invoke(2), data_line(1)];
        assert_eq!(found(&transaction(Some(vec![]), logs)), [(Carrier::Log, None, None)]);
    }

    #[test]
    fn a_cut_log_tells_which_events_it_took() {
        let mut tx = transaction(Some(vec![]), vec!["Log truncated".to_owned()]);
        tx.keys[0] = Program::RaydiumAmmV4.address();
        tx.instructions = vec![Instruction { accounts: vec![0; 17], ..instruction(0, vec![9; 17]) }];
        let decoding = decode(&tx);
        assert_eq!(decoding.lost, [(Program::RaydiumAmmV4, Place { outer: 0, inner: -1 })]);
    }

    #[test]
    fn unknown_and_short_events_are_told_with_their_place() {
        let mut short = event(1);
        short.truncate(20);
        let inner = vec![
            instruction(0, [&EVENT_INSTRUCTION[..], &short].concat()),
            instruction(0, [&EVENT_INSTRUCTION[..], &[0xab; 8]].concat()),
        ];
        let refused = decode(&transaction(Some(inner), vec![])).refused;
        assert!(matches!(refused[0].why, Undecoded::Short { event: "CompleteEvent", .. }));
        assert_eq!(refused[1].why, Undecoded::Unknown(0xabab_abab_abab_abab));
        assert_eq!(refused[1].place, Some(Place { outer: 0, inner: 1 }));
    }

    #[test]
    fn prints_every_name_once() {
        let tx = transaction(Some(vec![call_of_itself(3)]), vec![]);
        let text = serde_json::to_string(&decode(&tx).events[0]).unwrap();
        for name in ["signature", "slot", "program", "event", "timestamp", "mint", "user", "bonding_curve"] {
            assert_eq!(text.matches(&format!("\"{name}\":")).count(), 1, "{name} in {text}");
        }
    }
}
