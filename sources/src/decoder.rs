//! The one call from a transaction to the events of the vocabulary, for every source.

use model::{Event, Program, Reject, RejectReason};

use crate::Counts;
use crate::decode::{Decoded, Refused, decode};
use crate::normalize::{Refusal, normalize};
use crate::pools::PoolRegistry;
use crate::programs::{Payload, Undecoded, meteora_dbc};
use crate::transaction::Transaction;

/// Decodes transactions, remembers pools, and counts what gave no event.
#[derive(Clone, Debug)]
pub struct Decoder {
    source: String,
    pools: PoolRegistry,
    counts: Counts,
}

impl Decoder {
    /// A decoder that knows no pool yet. `source` names the source in rejects.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self { source: source.to_owned(), pools: PoolRegistry::default(), counts: Counts::new() }
    }

    /// Appends the events of a transaction to `out`, in the order of execution. A failed transaction
    /// gives none. What could not be used is a [`Reject`] among them, or a count.
    ///
    /// `cursor` says where in the source the transaction is; it names rejects.
    pub fn events(&mut self, tx: &Transaction, cursor: &str, out: &mut Vec<Event>) {
        self.count("tx");
        if tx.error.is_some() {
            self.count("failed_tx");
            return;
        }
        let decoding = decode(tx);
        if decoding.truncated {
            self.count("truncated_log");
        }
        self.add("unreadable_log_data", decoding.unreadable);
        for refused in &decoding.refused {
            self.refuse(refused, tx, cursor, out);
        }
        for (index, decoded) in decoding.events.iter().enumerate() {
            if is_told_twice(decoded, decoding.events.get(index + 1..).unwrap_or_default()) {
                self.count("copies.meteora_dbc.EvtSwap");
                continue;
            }
            match normalize(decoded, tx, &mut self.pools) {
                Ok(event) => out.push(Event::Chain(event)),
                Err(refusal) => out.push(Event::Reject(self.reject(decoded, refusal, tx, cursor))),
            }
        }
    }

    /// What is known of pools.
    #[must_use]
    pub fn pools(&self) -> &PoolRegistry {
        &self.pools
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Adds one to a count.
    pub fn count(&mut self, name: &str) {
        self.add(name, 1);
    }

    fn add(&mut self, name: &str, by: u64) {
        // A lookup before the entry: a name is made once, and counted for every transaction.
        match self.counts.get_mut(name) {
            Some(count) => *count += by,
            None if by > 0 => drop(self.counts.insert(name.to_owned(), by)),
            None => {}
        }
    }

    fn refuse(&mut self, refused: &Refused, tx: &Transaction, cursor: &str, out: &mut Vec<Event>) {
        let program = refused.program;
        match refused.why {
            Undecoded::Unknown(discriminator) => self.count(&unknown(program, discriminator)),
            Undecoded::Ignored(name) => self.count(&format!("ignored.{program}.{name}")),
            Undecoded::Short { event, .. } => {
                self.count(&format!("undecoded.{program}.{event}"));
                let place = refused.place.map(|place| (place.outer, place.inner));
                out.push(Event::Reject(Reject {
                    source: self.source.clone(),
                    cursor: within(cursor, place),
                    reason: RejectReason::Undecoded,
                    program: Some(program.address()),
                    signature: Some(tx.signature),
                    slot: tx.slot,
                    detail: refused.why.to_string(),
                }));
            }
        }
    }

    fn reject(&self, decoded: &Decoded, refusal: Refusal, tx: &Transaction, cursor: &str) -> Reject {
        Reject {
            source: self.source.clone(),
            cursor: within(cursor, decoded.place.map(|place| (place.outer, place.inner))),
            reason: refusal.reason,
            program: Some(decoded.program.address()),
            signature: Some(tx.signature),
            slot: tx.slot,
            detail: refusal.detail,
        }
    }
}

/// The count of a discriminator that is not known.
fn unknown(program: Program, discriminator: u64) -> String {
    // The first byte is all that a log of AMM v4 has.
    match program {
        Program::RaydiumAmmV4 => format!("unknown.{program}.{discriminator:02x}"),
        _ => format!("unknown.{program}.{discriminator:016x}"),
    }
}

/// The cursor of one event within a transaction, so that two of them do not share one.
fn within(cursor: &str, place: Option<(u16, i16)>) -> String {
    match place {
        Some((outer, inner)) => format!("{cursor}#{outer}.{inner}"),
        None => cursor.to_owned(),
    }
}

/// True for the old form of a Meteora swap whose new form follows from the same instruction.
fn is_told_twice(decoded: &Decoded, later: &[Decoded]) -> bool {
    let Payload::MeteoraDbc(meteora_dbc::Event::Swap(old)) = &decoded.payload else { return false };
    later.iter().any(|other| {
        let Payload::MeteoraDbc(meteora_dbc::Event::Swap2(new)) = &other.payload else { return false };
        new.pool == old.pool && other.cause == decoded.cause
    })
}
