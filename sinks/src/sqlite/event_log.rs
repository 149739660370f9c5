//! The event log: every event in order, by dense offsets from 0.
//!
//! Events are kept in chunks, many to a row: measured against a row an event, that takes little more
//! than half the time to write and two thirds to read, and the log takes every event there is. What is
//! appended gathers in memory until the commit or until a chunk is full, so that thousands of small
//! batches a second become few rows. The price is that pruning removes whole chunks.
//!
//! An event is the postcard of `(time, event)`: compact, and stable as long as [`model::Event`] is. A
//! test holds the bytes still; whoever has to change them raises the format of the file.

use model::{Event, Time};
use rusqlite::{Connection, OptionalExtension};

use super::{Fault, integer, unsigned};

/// A chunk is written when it has this many bytes. A read decodes at most one chunk that it does not need.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where the log ends, and what is not yet in the database.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    end: u64,
    pending: Pending,
}

#[derive(Debug, Default)]
struct Pending {
    first_time: Time,
    events: u64,
    bytes: Vec<u8>,
}

impl EventLog {
    /// The log as the database has it.
    pub(super) fn load(connection: &Connection) -> Result<Self, Fault> {
        let end: Option<i64> = connection
            .prepare_cached(
                "SELECT first_offset + events FROM _event_log ORDER BY first_offset DESC LIMIT 1",
            )?
            .query_row((), |row| row.get(0))
            .optional()?;
        Ok(Self { end: unsigned(end.unwrap_or(0))?, pending: Pending::default() })
    }

    /// The offset that the next event gets.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The first offset that is still there; the end if none is.
    pub(super) fn start(&self, connection: &Connection) -> Result<u64, Fault> {
        let start: Option<i64> = connection
            .prepare_cached("SELECT first_offset FROM _event_log ORDER BY first_offset LIMIT 1")?
            .query_row((), |row| row.get(0))
            .optional()?;
        start.map_or(Ok(self.end - self.pending.events), unsigned)
    }

    pub(super) fn append<'e>(
        &mut self,
        connection: &Connection,
        first_offset: u64,
        events: impl IntoIterator<Item = (Time, &'e Event)>,
    ) -> Result<(), Fault> {
        if first_offset != self.end {
            return Err(format!("the next offset is {}, not {first_offset}", self.end).into());
        }
        for event in events {
            if self.pending.events == 0 {
                self.pending.first_time = event.0;
            }
            let bytes = std::mem::take(&mut self.pending.bytes);
            self.pending.bytes = postcard::to_extend(&event, bytes)?;
            self.pending.events += 1;
            self.end += 1;
            if self.pending.bytes.len() >= CHUNK_BYTES {
                self.write_pending(connection)?;
            }
        }
        Ok(())
    }

    /// Puts what has gathered into the database.
    pub(super) fn write_pending(&mut self, connection: &Connection) -> Result<(), Fault> {
        let Pending { first_time, events, bytes } = &mut self.pending;
        if *events > 0 {
            connection.prepare_cached("INSERT INTO _event_log VALUES (?1, ?2, ?3, ?4)")?.execute((
                integer(self.end - *events)?,
                integer(*events)?,
                integer(*first_time)?,
                &*bytes,
            ))?;
            *events = 0;
            bytes.clear();
        }
        Ok(())
    }

    /// True if something has gathered that is not in the database.
    pub(super) fn has_pending(&self) -> bool {
        self.pending.events > 0
    }

    /// Up to `limit` events from an offset on, of those that are in the database.
    pub(super) fn read(
        &self,
        connection: &Connection,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(Time, Event)>, Fault> {
        let start = self.start(connection)?;
        if from < start || from > self.end {
            return Err(format!(
                "offset {from} is not in the log, which holds {start} up to {} (the older ones are pruned)",
                self.end
            )
            .into());
        }
        let mut events = Vec::new();
        let mut select = connection.prepare_cached(
            "SELECT first_offset, events, bytes FROM _event_log WHERE first_offset >=
             (SELECT max(first_offset) FROM _event_log WHERE first_offset <= ?1) ORDER BY first_offset",
        )?;
        let mut chunks = select.query((integer(from)?,))?;
        let mut next = from;
        while events.len() < limit
            && let Some(chunk) = chunks.next()?
        {
            let (first, count) = (unsigned(chunk.get(0)?)?, unsigned(chunk.get(1)?)?);
            if first > next {
                return Err(format!("the log is damaged: offsets {next} to {first} are missing").into());
            }
            let mut bytes = chunk.get_ref(2)?.as_blob()?;
            for offset in first..first + count {
                let (event, rest) = postcard::take_from_bytes(bytes)
                    .map_err(|e| format!("the log is damaged: offset {offset} cannot be read: {e}"))?;
                bytes = rest;
                if offset == next {
                    events.push(event);
                    next += 1;
                }
                if events.len() == limit {
                    break;
                }
            }
        }
        Ok(events)
    }

    /// An offset before which no event has a later time than this: one in the last chunk that begins no
    /// later.
    pub(super) fn offset_of(&self, connection: &Connection, time: Time) -> Result<u64, Fault> {
        // Times ascend with offsets, and what is older than is asked for was pruned the last time: the
        // first few chunks decide.
        let later: Option<i64> = connection
            .prepare_cached(
                "SELECT first_offset FROM _event_log WHERE first_time > ?1 ORDER BY first_offset LIMIT 1",
            )?
            .query_row((integer(time)?,), |row| row.get(0))
            .optional()?;
        later.map_or(Ok(self.end), |offset| Ok(unsigned(offset)?.saturating_sub(1)))
    }

    /// Removes the chunks that lie wholly before an offset, but never the last one, which says where the
    /// log ends. Gives the number of events removed.
    pub(super) fn prune(&self, connection: &Connection, before: u64) -> Result<u64, Fault> {
        let start = self.start(connection)?;
        connection
            .prepare_cached(
                "DELETE FROM _event_log WHERE first_offset <
                 (SELECT max(first_offset) FROM _event_log WHERE first_offset <= ?1)",
            )?
            .execute((integer(before)?,))?;
        Ok(self.start(connection)? - start)
    }
}

#[cfg(test)]
mod tests {
    use model::{
        AccountBalance, BalancesChanged, ChainEvent, Control, CurveState, Event, EventId, Fee, Fees,
        LabelEntry, Origin, Price, PriceQuote, Program, Side, Signature, SlotState, SlotStatus, Trade,
        TraderKind, TxPlace,
    };

    #[test]
    fn the_bytes_of_an_event_are_those_of_the_format() {
        // When this fails, logs that exist can no longer be read: raise `FORMAT` in file.rs as well.
        let mint = model::Address([7; 32]);
        let events = [
            Event::Slot(SlotStatus {
                slot: 300,
                state: SlotState::Dead,
                parent: Some(299),
                block_time: None,
            }),
            Event::Quote(PriceQuote {
                mint,
                usd: Price::new(1.5).unwrap(),
                publish_time: 9,
                source: "pyth".to_owned(),
            }),
            Event::Control(Control::AddLabel(LabelEntry {
                subject: mint,
                kind: "bot".to_owned(),
                reason: "x".to_owned(),
                known_from: 1,
            })),
        ];
        let seven = "07".repeat(32);
        assert_eq!(
            events.map(|event| hex(&postcard::to_stdvec(&(5u64, event)).unwrap())),
            [
                "0501ac020201ab0200".to_owned(),
                format!("0502{seven}000000000000f83f090470797468"),
                format!("050302{seven}03626f74017801"),
            ]
        );
    }

    #[test]
    fn the_bytes_of_a_trade_are_those_of_the_format() {
        let address = |byte| model::Address([byte; 32]);
        let origin = Origin {
            id: EventId { slot: 300, tx: TxPlace::Index(2), outer_ix: 3, inner_ix: -1 },
            signature: Signature([9; 64]),
            block_time: 5,
            received_at: Some(6),
        };
        let trade = Trade {
            origin,
            program: Program::Pumpswap,
            pool: address(1),
            mint: address(2),
            quote_mint: address(3),
            quote_known: true,
            trader: Some(address(4)),
            trader_kind: TraderKind::Owner,
            side: Side::Sell,
            base_amount: 7,
            base_user: 7,
            base_user_known: false,
            quote_amount: 8,
            quote_user: None,
            base_decimals: 6,
            quote_decimals: 9,
            spot_before: None,
            spot_after: Price::new(1.5),
            base_reserve: Some(10),
            quote_reserve: Some(11),
            base_supply: None,
            curve: Some(CurveState { done: 15, target: 16, quote: 17 }),
            fees: Fees {
                protocol: Some(Fee::Quote(12)),
                creator: None,
                lp: Some(Fee::Base(13)),
                cashback: None,
            },
            compute_units: Some(14),
            priority_fee: None,
        };
        let [one, two, three, four] = [1, 2, 3, 4].map(|byte| format!("{byte:02x}").repeat(32));
        let signature = format!("01{0}01{0}", "09".repeat(32));
        assert_eq!(
            hex(&postcard::to_stdvec(&(5u64, Event::Chain(ChainEvent::Trade(trade)))).unwrap()),
            format!(
                "050000ac0200020301{signature}05010601{one}{two}{three}0101{four}01010707000800060900\
                 01000000000000f83f010a010b00010f101101000c0001010d00010e00"
            )
        );
    }

    #[test]
    fn the_bytes_of_balances_are_those_of_the_format() {
        let origin = Origin {
            id: EventId::of_balances(300, TxPlace::Index(2), 1),
            signature: Signature([9; 64]),
            block_time: 5,
            received_at: None,
        };
        let balance = AccountBalance { owner: model::Address([4; 32]), account: 300, before: 0, after: 7 };
        let event = BalancesChanged { origin, mint: model::Address([2; 32]), balances: vec![balance] };
        let [two, four] = [2, 4].map(|byte| format!("{byte:02x}").repeat(32));
        let signature = format!("01{0}01{0}", "09".repeat(32));
        assert_eq!(
            hex(&postcard::to_stdvec(&(5u64, Event::Chain(ChainEvent::BalancesChanged(event)))).unwrap()),
            format!("050007ac020002ffff0302{signature}0500{two}01{four}ac020007")
        );
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }
}
