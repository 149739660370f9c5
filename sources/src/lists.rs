//! The source `lists`: wallets on lists ("smart money"), out of files.
//!
//! A file holds one JSON object a line. Of a wallet it says at least who it is and on which list it is:
//! `{"list": "whales", "trader": "4Be9…"}`. More may be said: `valid_from` and `valid_to` (from when until when
//! it is on the list), `known_from` (since when that is known), all in milliseconds since 1970, `score` (0 to
//! 100), `tier` and `reason`. Public lists call the wallet `address` and the list `label`, and say in how
//! many lists it stands (`lists`); that is read as well.
//!
//! What is not said of time was always so, and was always known: a file seeds a list. Entries are yielded
//! in the order in which they became known. Who feeds them to a dataflow merges them with what they are about: see
//! [`crate::quoted`]. A line that is wrong is refused with the name of the field and what would be right,
//! and the others go on.

use std::path::PathBuf;

use model::{Address, Control, Event, ListEntry, Reject, RejectReason, Time};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::documents::Documents;
use crate::{Counts, Source, SourceError, Step};

/// Name of the source.
pub const NAME: &str = "lists";

/// Settings of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files and folders; `-` is standard input.
    pub paths: Vec<PathBuf>,
}

/// The source. Lists are small: what the files hold is read at once.
pub struct Lists {
    events: Vec<Event>,
    entries: u64,
}

impl Lists {
    /// What the files hold.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// Reads the files.
    #[must_use]
    pub fn read(config: &Config) -> Self {
        let mut documents = Documents::<Value>::new(&config.paths);
        let mut controls = Vec::new();
        let mut events = Vec::new();
        while let Some(document) = documents.next() {
            let content = document.content.and_then(|value| entry(&value));
            match content {
                Ok(entry) => controls.push(Control::AddListEntry(entry)),
                Err(detail) => events.push(Event::Reject(refused(document.cursor, detail))),
            }
        }
        controls.sort_by_key(Control::known_from);
        let entries = u64::try_from(controls.len()).unwrap_or(u64::MAX);
        events.extend(controls.into_iter().map(Event::Control));
        Self { events, entries }
    }
}

impl Source for Lists {
    fn name(&self) -> &str {
        NAME
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        events.append(&mut self.events);
        Ok(Step::End)
    }

    fn counts(&self) -> Counts {
        Counts::from([("list_entries".to_owned(), self.entries)])
    }
}

fn refused(cursor: String, detail: String) -> Reject {
    Reject {
        source: NAME.to_owned(),
        cursor,
        reason: RejectReason::Malformed,
        program: None,
        signature: None,
        slot: None,
        detail,
    }
}

/// Every field that an entry may have.
const FIELDS: [&str; 11] = [
    "list",
    "label",
    "trader",
    "address",
    "valid_from",
    "valid_to",
    "known_from",
    "score",
    "tier",
    "reason",
    "lists",
];

/// Reads an entry; what is wrong with it otherwise, by the name of the field.
fn entry(value: &Value) -> Result<ListEntry, String> {
    let Value::Object(fields) = value else {
        return Err(format!("should be an object such as {EXAMPLE}, is {}", shown(value)));
    };
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!("{unknown}: no such field; an entry may have {}", FIELDS.join(", ")));
    }
    let (list_key, list) = either(fields, "list", "label")?;
    let (trader_key, trader) = either(fields, "trader", "address")?;
    let list = text(list_key, list)?;
    if list.is_empty() || list.len() > 64 {
        return Err(format!("{list_key}: should be a name of 1 to 64 bytes, is {}", list.len()));
    }
    let trader: Address =
        text(trader_key, trader)?.parse().map_err(|error| format!("{trader_key}: {error}"))?;
    let valid_from = time(fields, "valid_from")?.unwrap_or(0);
    let valid_to = time(fields, "valid_to")?;
    if valid_to.is_some_and(|end| end <= valid_from) {
        return Err("valid_to: should be later than valid_from".to_owned());
    }
    Ok(ListEntry {
        list: list.to_owned(),
        trader,
        valid_from,
        valid_to,
        known_from: time(fields, "known_from")?.unwrap_or(0),
        score: score(fields)?,
        tier: optional(fields, "tier").map(|tier| text("tier", tier)).transpose()?.map(str::to_owned),
        reason: reason(fields)?,
    })
}

const EXAMPLE: &str = "{\"list\": \"whales\", \"trader\": \"…\"}";

/// The value of one of two names of a field, and which of them it is.
fn either<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
    other: &'static str,
) -> Result<(&'static str, &'a Value), String> {
    match (optional(fields, name), optional(fields, other)) {
        (Some(value), None) => Ok((name, value)),
        (None, Some(value)) => Ok((other, value)),
        (Some(_), Some(_)) => Err(format!("{other}: says the same as `{name}`; one of the two is enough")),
        (None, None) => Err(format!("{name}: is missing; an entry is like {EXAMPLE}")),
    }
}

fn optional<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("{name}: should be a string, is {}", shown(value)))
}

/// A time in milliseconds, as logical time.
fn time(fields: &Map<String, Value>, name: &str) -> Result<Option<Time>, String> {
    /// Milliseconds of the year 2001, which are seconds of the year 33658.
    const LEAST: u64 = 1_000_000_000_000;
    let Some(value) = optional(fields, name) else { return Ok(None) };
    match value.as_u64() {
        Some(ms) if ms == 0 || ms >= LEAST => Ok(Some(ms.saturating_mul(1000))),
        Some(_) => Err(format!("{name}: should be milliseconds since 1970, not seconds; is {value}")),
        None => Err(format!("{name}: should be milliseconds since 1970, is {}", shown(value))),
    }
}

fn score(fields: &Map<String, Value>) -> Result<Option<u8>, String> {
    let Some(value) = optional(fields, "score") else { return Ok(None) };
    let score = value.as_u64().and_then(|score| u8::try_from(score).ok()).filter(|score| *score <= 100);
    let wrong = || format!("score: should be a whole number from 0 to 100, is {}", shown(value));
    score.ok_or_else(wrong).map(Some)
}

fn reason(fields: &Map<String, Value>) -> Result<String, String> {
    let lists = match optional(fields, "lists") {
        Some(value) => {
            let wrong =
                || format!("lists: should be in how many public lists it stands, is {}", shown(value));
            Some(format!("in {} public lists", value.as_u64().ok_or_else(wrong)?))
        }
        None => None,
    };
    let said = optional(fields, "reason").map(|reason| text("reason", reason)).transpose()?;
    Ok(said.map(str::to_owned).or(lists).unwrap_or_else(|| "listed".to_owned()))
}

/// A value as it stands there, cut to what a message can bear.
fn shown(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WALLET: &str = "4Be9CvxqHW6BYiRAxW9Q3xu1ycTMWaL5z8NX4HR3ha7t";

    #[test]
    fn an_entry_says_as_much_as_it_likes() {
        let whole = json!({
            "list": "whales", "trader": WALLET, "valid_from": 1_700_000_000_000_u64, "valid_to": 1_700_000_001_000_u64,
            "known_from": 1_700_000_000_500_u64, "score": 100, "tier": "30d", "reason": "won",
        });
        let expected = ListEntry {
            list: "whales".to_owned(),
            trader: WALLET.parse().unwrap(),
            valid_from: 1_700_000_000_000_000,
            valid_to: Some(1_700_000_001_000_000),
            known_from: 1_700_000_000_500_000,
            score: Some(100),
            tier: Some("30d".to_owned()),
            reason: "won".to_owned(),
        };
        assert_eq!(entry(&whole), Ok(expected));
        let bare = entry(&json!({"list": "whales", "trader": WALLET})).unwrap();
        assert_eq!((bare.valid_from, bare.valid_to, bare.known_from, bare.score), (0, None, 0, None));
    }

    #[test]
    fn public_lists_are_read() {
        let public = entry(&json!({"address": WALLET, "label": "kol", "lists": 3})).unwrap();
        assert_eq!((public.list.as_str(), public.reason.as_str()), ("kol", "in 3 public lists"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field_and_what_would_be_right() {
        for (value, expected) in [
            (json!([1]), "should be an object such as"),
            (json!({"list": "a"}), "trader: is missing; an entry is like"),
            (json!({"trader": WALLET}), "list: is missing"),
            (json!({"list": "a", "trader": "xyz"}), "trader: `xyz` is not a base58 address of 32 bytes"),
            (json!({"list": "a", "address": 7}), "address: should be a string, is 7"),
            (json!({"list": "", "trader": WALLET}), "list: should be a name of 1 to 64 bytes, is 0"),
            (
                json!({"list": "a", "trader": WALLET, "score": 101}),
                "score: should be a whole number from 0 to 100",
            ),
            (
                json!({"list": "a", "trader": WALLET, "valid_to": 1_700_000_000}),
                "valid_to: should be milliseconds",
            ),
            (
                json!({"list": "a", "trader": WALLET, "valid_from": 1_700_000_000_001_u64, "valid_to": 1_700_000_000_001_u64}),
                "valid_to: should be later than valid_from",
            ),
            (
                json!({"list": "a", "trader": WALLET, "vaild_to": 1}),
                "vaild_to: no such field; an entry may have",
            ),
            (json!({"list": "a", "label": "b", "trader": WALLET}), "label: says the same as `list`"),
        ] {
            let found = entry(&value).unwrap_err();
            assert!(found.starts_with(expected), "{value}: {found}");
        }
    }

    #[test]
    fn entries_come_in_the_order_in_which_they_became_known_and_the_wrong_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists.jsonl");
        let line = |known: u64| format!("{{\"list\":\"a\",\"trader\":\"{WALLET}\",\"known_from\":{known}}}");
        let (late, early) = (line(1_700_000_002_000), line(1_700_000_001_000));
        std::fs::write(&path, format!("{late}\n{{\"list\":7}}\nno\n{early}\n")).unwrap();
        let mut source = Lists::read(&Config { paths: vec![path] });
        let mut events = Vec::new();
        assert_eq!(source.read(&mut events).unwrap(), Step::End);
        let told: Vec<String> = events
            .iter()
            .map(|event| match event {
                Event::Control(control) => control.due().to_string(),
                Event::Reject(reject) => reject.cursor.rsplit(':').next().unwrap().to_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, ["2", "3", "1700000001", "1700000002"]);
        assert_eq!(source.counts()["list_entries"], 2);
    }
}
