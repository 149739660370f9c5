//! The source `transactions`: recorded transactions out of files.
//!
//! A file is one JSON document or many, plain or compressed; a document is a transaction, a block, a
//! Yellowstone update, or a list of them, in any of the forms that [`crate::formats`] knows. What is
//! broken is reported where it stands, and everything else is read. Quotes of an oracle may stand between
//! the transactions: a recording of the simulated market has them.
//!
//! A node's RPC answers of settled blocks only, so for what it printed the source also says how settled
//! the slot is, as configured. Yellowstone recordings have news of slots of their own; their transactions
//! wait a little for the time of their block, which comes after them.

use std::collections::VecDeque;
use std::path::PathBuf;

use model::{Commitment, Event, Reject, RejectReason, Seconds, SlotState, SlotStatus};
use serde::{Deserialize, Deserializer, Serialize};

use crate::bounds;
use crate::decoder::Decoder;
use crate::documents::Documents;
use crate::formats::{Feed, Form, FormatError, Json, Parsed, parse};
use crate::held::{Held, Placed};
use crate::ranks::QuoteRanks;
use crate::{Counts, Source, SourceError, Step};

/// Name of the source.
const NAME: &str = "transactions";
/// Items decoded by one read.
const ITEMS_PER_READ: usize = 256;

/// Settings of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files and folders; `-` is standard input.
    pub paths: Vec<PathBuf>,
    /// How settled the slots of transactions from an RPC are: `processed`, `confirmed`, `finalized`.
    pub commitment: Commitment,
}

impl Default for Config {
    fn default() -> Self {
        Self { paths: Vec::new(), commitment: Commitment::Finalized }
    }
}

/// Reads recordings item by item, undecoded.
pub struct Recording {
    documents: Documents<Recorded>,
    waiting: VecDeque<Item>,
}

/// What a document holds, read while its bytes are at hand: nothing of the JSON outlives them.
struct Recorded(Result<Parsed, FormatError>);

impl<'de> Deserialize<'de> for Recorded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Json::deserialize(deserializer).map(|json| Self(parse(&json)))
    }
}

/// An item of a recording, or a report of what could not be read.
#[derive(Debug)]
pub struct Item {
    /// Where it is: `path:line`, and `[index]` if the document has several.
    pub cursor: String,
    /// Who printed it; none for what could not be read.
    pub form: Option<Form>,
    /// It, or what is wrong with it.
    pub feed: Result<Feed, String>,
}

impl Recording {
    /// The recordings in these files and folders; `-` is standard input.
    #[must_use]
    pub fn new(paths: &[PathBuf]) -> Self {
        Self { documents: Documents::new(paths), waiting: VecDeque::new() }
    }

    /// How much was read, from 0 to 1; none where the amount is not known.
    #[must_use]
    pub fn done_ratio(&self) -> Option<f64> {
        self.documents.files().done_ratio()
    }

    fn take_in(&mut self, cursor: String, Recorded(document): Recorded) {
        match document {
            Ok(parsed) => {
                let several = parsed.items.len() > 1;
                for (index, item) in parsed.items.into_iter().enumerate() {
                    let cursor = if several { format!("{cursor}[{index}]") } else { cursor.clone() };
                    let feed = item.map_err(|error: FormatError| error.to_string());
                    self.waiting.push_back(Item { cursor, form: Some(parsed.form), feed });
                }
            }
            Err(error) => self.waiting.push_back(Item { cursor, form: None, feed: Err(error.to_string()) }),
        }
    }
}

impl Iterator for Recording {
    type Item = Item;

    /// The next item; none at the end of the last file.
    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Some(item);
            }
            let document = self.documents.next()?;
            match document.content {
                Ok(recorded) => self.take_in(document.cursor, recorded),
                Err(error) => {
                    return Some(Item { cursor: document.cursor, form: None, feed: Err(error) });
                }
            }
        }
    }
}

/// The source.
pub struct Transactions {
    recording: Recording,
    decoder: Decoder,
    commitment: Commitment,
    held: Held,
    /// The slot of the last transaction of an RPC, of which nothing was said yet.
    slot: Option<(u64, Option<Seconds>)>,
}

impl Transactions {
    /// The source with these settings; nothing is opened yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let recording = Recording::new(&config.paths);
        let mut decoder = Decoder::new(NAME);
        for _ in 0..recording.documents.files().skipped() {
            decoder.count("skipped_file");
        }
        Self { recording, decoder, commitment: config.commitment, held: Held::default(), slot: None }
    }

    /// The same with other ranks of quote tokens.
    #[must_use]
    pub fn ranked(self, ranks: &QuoteRanks) -> Self {
        Self { decoder: self.decoder.ranked(ranks), ..self }
    }

    fn take(&mut self, item: Item, events: &mut Vec<Event>) {
        match item.feed {
            // The decoder refuses it; here it may not speak of a slot.
            Ok(Feed::Transaction(tx)) if bounds::transaction(&tx).is_err() => {
                self.decoder.events(&tx, &item.cursor, events);
            }
            Ok(Feed::Transaction(tx)) => {
                if item.form == Some(Form::Rpc) {
                    self.enter_slot(tx.slot.map(|slot| (slot, tx.block_time)), events);
                } else if let (Some(slot), None) = (tx.slot, tx.block_time) {
                    let released = self.held.hold(slot, (item.cursor, tx));
                    self.decode(&released, events);
                    return;
                }
                self.decoder.events(&tx, &item.cursor, events);
            }
            Ok(Feed::Slot(status)) => {
                if let Err(detail) = bounds::status(&status) {
                    let slot = bounds::named_slot(Some(status.slot));
                    events.push(malformed(item.cursor, slot, detail));
                    return;
                }
                if status.block_time.is_some() {
                    let released = self.held.release(status.slot, status.block_time);
                    self.decode(&released, events);
                }
                events.push(Event::Slot(status));
            }
            Ok(Feed::Quote(quote)) => events.push(Event::Quote(quote)),
            Ok(Feed::Ignored(kind)) => self.decoder.count(&format!("ignored.{kind}")),
            Err(detail) => events.push(malformed(item.cursor, None, detail)),
        }
    }

    fn decode(&mut self, transactions: &[Placed], events: &mut Vec<Event>) {
        for (cursor, tx) in transactions {
            self.decoder.events(tx, cursor, events);
        }
    }

    /// Says of the slot before how settled it is, once the transactions of another begin.
    fn enter_slot(&mut self, slot: Option<(u64, Option<Seconds>)>, events: &mut Vec<Event>) {
        if self.slot.map(|(slot, _)| slot) == slot.map(|(slot, _)| slot) {
            return;
        }
        if let Some((slot, block_time)) = std::mem::replace(&mut self.slot, slot) {
            events.push(Event::Slot(SlotStatus {
                slot,
                state: state(self.commitment),
                parent: None,
                block_time,
            }));
        }
    }
}

impl Source for Transactions {
    fn name(&self) -> &str {
        NAME
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        for _ in 0..ITEMS_PER_READ {
            let Some(item) = self.recording.next() else {
                let released = self.held.release_all();
                self.decode(&released, events);
                self.enter_slot(None, events);
                self.decoder.finish(events);
                return Ok(Step::End);
            };
            self.take(item, events);
        }
        Ok(Step::More)
    }

    fn counts(&self) -> Counts {
        self.decoder.counts().clone()
    }

    fn done_ratio(&self) -> Option<f64> {
        self.recording.done_ratio()
    }
}

fn malformed(cursor: String, slot: Option<u64>, detail: String) -> Event {
    Event::Reject(Reject {
        source: NAME.to_owned(),
        cursor,
        reason: RejectReason::Malformed,
        program: None,
        signature: None,
        slot,
        detail,
    })
}

/// The state of a slot whose events are settled like this.
pub(crate) const fn state(commitment: Commitment) -> SlotState {
    match commitment {
        Commitment::Processed => SlotState::Processed,
        Commitment::Confirmed => SlotState::Confirmed,
        Commitment::Finalized => SlotState::Finalized,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use model::{Address, Program, Signature};
    use serde_json::{Value, json};

    use super::*;

    fn transaction(slot: u64) -> Value {
        json!({"slot": slot, "blockTime": 1_700_000_000 + slot, "meta": {"err": null}, "transaction": {
            "signatures": [Signature([1; 64]).to_string()],
            "message": {"header": {"numRequiredSignatures": 1}, "accountKeys": [], "instructions": []},
        }})
    }

    fn read(content: &str) -> (Vec<Event>, Counts) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording.jsonl");
        std::fs::write(&path, content).unwrap();
        let mut source = Transactions::new(&Config { paths: vec![path], ..Config::default() });
        let mut events = Vec::new();
        while source.read(&mut events).unwrap() == Step::More {}
        (events, source.counts())
    }

    fn slots(events: &[Event]) -> Vec<(u64, SlotState, Option<Seconds>)> {
        events
            .iter()
            .filter_map(|event| match event {
                Event::Slot(status) => Some((status.slot, status.state, status.block_time)),
                _ => None,
            })
            .collect()
    }

    fn rejects(events: &[Event]) -> Vec<&Reject> {
        events
            .iter()
            .filter_map(|event| if let Event::Reject(reject) = event { Some(reject) } else { None })
            .collect()
    }

    #[test]
    fn slots_of_an_rpc_are_settled_once_each() {
        let text = [7, 7, 8].map(|slot| transaction(slot).to_string()).join("\n");
        let (events, counts) = read(&text);
        assert_eq!(
            slots(&events),
            [(7, SlotState::Finalized, Some(1_700_000_007)), (8, SlotState::Finalized, Some(1_700_000_008))]
        );
        assert_eq!(counts["tx"], 3);
    }

    #[test]
    fn yellowstone_speaks_for_itself() {
        let text = json!({"slot": {"slot": "5", "parent": "4", "status": "SLOT_DEAD"}}).to_string();
        assert_eq!(slots(&read(&text).0), [(5, SlotState::Dead, None)]);
    }

    /// A Yellowstone transaction in slot 5 with a swap of Raydium CPMM, which writes no time.
    fn swap() -> Value {
        let (mint, program) = (Address([3; 32]), Program::RaydiumCpmm.address());
        let mut event = 0x40c6_cde8_2608_71e2_u64.to_be_bytes().to_vec();
        event.extend([2; 32]);
        event.extend([1_000u64, 2_000, 10, 15, 0, 0].into_iter().flat_map(u64::to_le_bytes));
        event.push(1);
        event.extend(mint.0);
        event.extend(Address::WSOL.0);
        let logs = json!([
            format!("Program {program} invoke [1]"),
            format!("Program data: {}", STANDARD.encode(event))
        ]);
        let balance = json!({"accountIndex": 0, "mint": mint.to_string(), "uiTokenAmount": {"amount": "1", "decimals": 6}});
        json!({"transaction": {"slot": "5", "transaction": {"signature": Signature([1; 64]).to_string(),
            "transaction": {"message": {"accountKeys": [Address([9; 32]).to_string(), program.to_string()],
                "instructions": [{"programIdIndex": 1, "accounts": "", "data": ""}]}},
            "meta": {"logMessages": logs, "postTokenBalances": [balance]}}}})
    }

    #[test]
    fn a_yellowstone_transaction_gets_the_time_of_the_block_that_comes_after_it() {
        let times = |text: &str| -> Vec<Option<Seconds>> { read(text).0.iter().map(Event::clock).collect() };
        let block = json!({"blockMeta": {"slot": "5", "blockTime": {"timestamp": "1700000000"}}});
        assert_eq!(times(&format!("{}\n{block}\n", swap())), [Some(1_700_000_000); 2]);
        // Without the block it has no place.
        let (events, _) = read(&swap().to_string());
        assert_eq!(rejects(&events)[0].reason, RejectReason::Unplaced);
    }

    #[test]
    fn what_is_broken_is_reported_where_it_stands_and_the_rest_is_read() {
        let mut versioned = transaction(9);
        versioned["version"] = json!(3);
        let half = &transaction(9).to_string()[..40];
        let text = format!("{}\n{half}\n{versioned}\n{}\n", transaction(7), transaction(8));
        let (events, counts) = read(&text);
        let found: Vec<_> = rejects(&events)
            .iter()
            .map(|reject| (reject.cursor.rsplit(':').next().unwrap().to_owned(), reject.detail.clone()))
            .collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].0.as_str(), found[1].0.as_str()), ("2", "3"));
        assert!(found[0].1.contains("cut off"), "{found:?}");
        assert!(found[1].1.contains("version 3 is not known"), "{found:?}");
        assert!(rejects(&events).iter().all(|reject| reject.reason == RejectReason::Malformed));
        assert_eq!(counts["tx"], 2);
    }

    #[test]
    fn an_unreadable_path_is_reported_and_the_next_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("good.json");
        std::fs::write(&good, serde_json::to_vec_pretty(&transaction(7)).unwrap()).unwrap();
        let paths = vec![folder.path().join("missing.json"), good];
        let mut source = Transactions::new(&Config { paths, ..Config::default() });
        let mut events = Vec::new();
        assert_eq!(source.read(&mut events).unwrap(), Step::End);
        assert!(rejects(&events)[0].cursor.ends_with("missing.json"));
        assert_eq!((rejects(&events).len(), slots(&events).len()), (1, 1));
    }

    #[test]
    fn a_number_that_cannot_be_costs_its_neighbours_nothing() {
        let wrong = |change: fn(&mut Value)| {
            let mut document = transaction(9);
            change(&mut document);
            document.to_string()
        };
        let text = [
            transaction(7).to_string(),
            wrong(|tx| tx["slot"] = json!(u64::MAX)),
            wrong(|tx| tx["blockTime"] = json!(i64::MAX)),
            json!({"slot": {"slot": u64::MAX.to_string(), "status": "SLOT_DEAD"}}).to_string(),
            transaction(8).to_string(),
        ];
        let (events, _) = read(&text.join("\n"));
        let refused: Vec<_> = rejects(&events)
            .iter()
            .map(|reject| (reject.cursor.rsplit(':').next().unwrap().to_owned(), reject.slot, reject.reason))
            .collect();
        let malformed = RejectReason::Malformed;
        assert_eq!(
            refused,
            [
                ("2".to_owned(), None, malformed),
                ("3".to_owned(), Some(9), malformed),
                ("4".to_owned(), None, malformed)
            ]
        );
        let told: Vec<u64> = slots(&events).iter().map(|(slot, ..)| *slot).collect();
        assert_eq!(told, [7, 8]);
    }

    #[test]
    fn settings_that_are_not_known_are_refused() {
        assert!(serde_json::from_value::<Config>(json!({"path": []})).is_err());
        let config: Config = serde_json::from_value(json!({"paths": ["a"]})).unwrap();
        assert_eq!(config.commitment, Commitment::Finalized);
    }
}
