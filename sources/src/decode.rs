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

use model::{Address, EventId, Program, Signature, TxPlace};
use serde::{Serialize, Serializer};

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
    let mut found = calls.events(tx);
    let logs = tx.logs.as_deref().map(|lines| logs::read(lines, &calls.programs)).unwrap_or_default();
    (out.truncated, out.unreadable) = (logs.truncated, logs.unreadable);
    calls.add_logged(tx, logs.events, &mut found);
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
    bytes: std::borrow::Cow<'a, [u8]>,
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
    fn events(&self, tx: &Transaction) -> Vec<Found<'a>> {
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
                cause: cause.copied().filter(|cause| usize::from(cause.instruction.program) < tx.keys.len()),
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

impl Decoded {
    /// The top-level index as printed.
    #[must_use]
    pub fn outer(&self) -> Option<u16> {
        self.cause.map(|(outer, _)| outer).or_else(|| self.place.map(|place| place.outer))
    }

    /// The inner index as printed: only an event that is an instruction has one.
    #[must_use]
    pub fn inner(&self) -> Option<i16> {
        self.place.filter(|_| self.source == Carrier::Cpi).map(|place| place.inner)
    }
}

/// What is printed: the same names for every program, then the event's own fields.
#[derive(Serialize)]
struct Printed<'a> {
    signature: Signature,
    slot: Option<u64>,
    program: Program,
    event: &'static str,
    source: Carrier,
    outer: Option<u16>,
    inner: Option<i16>,
    timestamp: Option<i64>,
    failed: bool,
    event_id: Option<String>,
    #[serde(flatten)]
    added: Added,
    #[serde(flatten)]
    payload: &'a Payload,
}

/// What the instruction adds to the event: only names that the event does not use itself.
#[derive(Default, Serialize)]
struct Added {
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mint: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote_mint: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Address>,
}

impl Added {
    fn of(decoded: &Decoded) -> Self {
        use crate::programs::{meteora_dbc, pump, pumpswap, raydium_launchlab};
        let Named { pool, mints: [mint, quote_mint], user, .. } = decoded.named;
        match &decoded.payload {
            Payload::Pump(pump::Event::Trade(_)) | Payload::RaydiumAmmV4(_) => {
                Self { pool, ..Self::default() }
            }
            Payload::Pumpswap(pumpswap::Event::Buy(_) | pumpswap::Event::Sell(_)) => {
                Self { mint, quote_mint, ..Self::default() }
            }
            Payload::RaydiumLaunchlab(raydium_launchlab::Event::Trade(_))
            | Payload::MeteoraDbc(meteora_dbc::Event::Swap(_) | meteora_dbc::Event::Swap2(_)) => {
                Self { mint, quote_mint, user, ..Self::default() }
            }
            Payload::RaydiumLaunchlab(_) => Self { mint, quote_mint, ..Self::default() },
            Payload::RaydiumCpmm(_) | Payload::MeteoraDammV2(_) => Self { user, ..Self::default() },
            _ => Self::default(),
        }
    }
}

impl Serialize for Decoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Printed {
            signature: self.signature,
            slot: self.slot,
            program: self.program,
            event: self.payload.name(),
            source: self.source,
            outer: self.outer(),
            inner: self.inner(),
            timestamp: self.timestamp,
            failed: self.failed,
            event_id: self.event_id.map(|id| id.to_string()),
            added: Added::of(self),
            payload: &self.payload,
        }
        .serialize(serializer)
    }
}
