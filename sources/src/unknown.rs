//! Events of decoded programs that nobody knows.
//!
//! A program that is upgraded writes events that its decoder has never heard of, many a second. Each of them
//! would drown the rejects; none of them would hide that trades are missing. So each discriminator is
//! one reject for each hour of event time: it says how many there were and where the first one is. The
//! reject is given when a later hour begins, or the source ends.
//!
//! An hour whose events come in pieces, a later one between them, has a reject for each piece.

use std::collections::BTreeMap;

use model::{Event, Program, Reject, RejectReason, Seconds, Signature};

const HOUR_S: Seconds = 3600;

/// The first of a kind, and how many there were.
#[derive(Clone, Debug)]
struct Seen {
    count: u64,
    cursor: String,
    signature: Signature,
    slot: Option<u64>,
}

/// The unknown events of the hours that have no reject yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnknownEvents {
    hour: u64,
    seen: BTreeMap<(u64, Program, u64), Seen>,
}

impl UnknownEvents {
    /// Counts one. `first` is where it is, should it be the first of its hour.
    pub(crate) fn note(
        &mut self,
        kind: (Program, u64),
        block_time: Option<Seconds>,
        first: impl FnOnce() -> (String, Signature, Option<u64>),
    ) {
        let hour = block_time.map_or(self.hour, |time| time / HOUR_S);
        let entry = self.seen.entry((hour, kind.0, kind.1)).or_insert_with(|| {
            let (cursor, signature, slot) = first();
            Seen { count: 0, cursor, signature, slot }
        });
        entry.count += 1;
    }

    /// Goes on to the hour of a block, and gives the rejects of those before.
    pub(crate) fn advance(&mut self, block_time: Option<Seconds>, source: &str, out: &mut Vec<Event>) {
        let hour = block_time.map_or(self.hour, |time| time / HOUR_S);
        if hour > self.hour {
            self.hour = hour;
            if !self.seen.is_empty() {
                let rest = self.seen.split_off(&(hour, Program::ALL[0], 0));
                self.give(rest, source, out);
            }
        }
    }

    /// Gives all that are left.
    pub(crate) fn finish(&mut self, source: &str, out: &mut Vec<Event>) {
        self.give(BTreeMap::new(), source, out);
    }

    fn give(&mut self, rest: BTreeMap<(u64, Program, u64), Seen>, source: &str, out: &mut Vec<Event>) {
        for ((_, program, discriminator), seen) in std::mem::replace(&mut self.seen, rest) {
            let spelled = spelled(program, discriminator);
            let Seen { count, cursor, signature, slot } = seen;
            out.push(Event::Reject(Reject {
                source: source.to_owned(),
                cursor,
                reason: RejectReason::Undecoded,
                program: Some(program.address()),
                signature: Some(signature),
                slot,
                detail: format!(
                    "unknown event {spelled} of {program}: {count} within an hour, this is the first"
                ),
            }));
        }
    }
}

/// A discriminator as it is written in hexadecimal. The first byte is all that a log of AMM v4 has.
pub(crate) fn spelled(program: Program, discriminator: u64) -> String {
    match program {
        Program::RaydiumAmmV4 => format!("{discriminator:02x}"),
        _ => format!("{discriminator:016x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Seconds = 1_700_000_000 / HOUR_S * HOUR_S;

    fn details(out: &[Event]) -> Vec<(String, String)> {
        let of = |event: &Event| match event {
            Event::Reject(reject) => (reject.cursor.clone(), reject.detail.clone()),
            other => panic!("{other:?}"),
        };
        out.iter().map(of).collect()
    }

    #[test]
    fn a_kind_is_told_once_an_hour_with_how_many_there_were() {
        let mut unknown = UnknownEvents::default();
        let mut out = Vec::new();
        for (line, (time, kind)) in
            [(0, 1), (5, 1), (9, 2), (3599, 1), (3600, 1), (3601, 1)].into_iter().enumerate()
        {
            let time = Some(START + time);
            unknown.advance(time, "test", &mut out);
            unknown.note((Program::Pump, kind), time, || (format!("f:{line}"), Signature([1; 64]), Some(7)));
        }
        let first = details(&out);
        assert_eq!(first.len(), 2, "of the hour that is over: {first:?}");
        assert_eq!(first[0].0, "f:0");
        assert!(first[0].1.contains("0000000000000001 of pump: 3 within an hour"), "{first:?}");
        assert_eq!((first[1].0.as_str(), first[1].1.contains(": 1 within")), ("f:2", true));
        unknown.finish("test", &mut out);
        assert_eq!(details(&out)[2].0, "f:4");
        assert!(details(&out)[2].1.contains(": 2 within"), "{out:?}");
        unknown.finish("test", &mut out);
        assert_eq!(out.len(), 3, "told once");
    }
}
