//! What the tables hold, row by row, and that their views count as many.
//!
//! Rows are read without a condition, and those that are deleted are passed over here: where a query has one, QuestDB
//! looks ahead by some million rows (eight, on two cores) and aborts what it comes to after a minute, whatever time the
//! query was given.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufReader, Read};

use model::{Kind, Time, Value};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::http::Http;
use super::tables::{IS_DELETED, latest, literal};
use super::{Config, NAME};
use crate::failure::Failure;
use crate::fit::COMMON_COLUMNS;
use crate::snapshot::{Contents, SnapshotRow};
use crate::{ColumnDescription, Description, SinkError, encode};

/// The tables of a sink, to be read.
pub struct Tables {
    config: Config,
    http: Http,
}

impl Tables {
    /// Reads the settings.
    ///
    /// # Errors
    /// When the password is not in the environment.
    pub fn open(config: &Config) -> Result<Self, SinkError> {
        let http = Http::open(config).map_err(|e| e.into_error(NAME, "read the settings"))?;
        Ok(Self { config: config.clone(), http })
    }

    /// Waits until what was acknowledged can be read.
    fn settle(&self, table: &str) -> Result<(), Failure> {
        self.http.execute(&format!("SELECT wait_wal_table({})", literal(table)))
    }

    fn fault(&self, doing: &str) -> impl FnOnce(Failure) -> SinkError {
        let doing = format!("{doing} at {}", self.config.url);
        move |failure| failure.into_error(NAME, doing)
    }

    /// That a view has as many rows as were found in its table.
    fn check_view(&self, view: &str, count: u64) -> Result<(), SinkError> {
        let doing = format!("count the rows of {view}");
        let counted = self.http.long_query(&format!("SELECT count() FROM \"{view}\""));
        let counted = counted.map_err(self.fault(&doing))?.dataset;
        let counted = counted.into_iter().flatten().next().and_then(|cell| cell.as_u64());
        if counted == Some(count) {
            return Ok(());
        }
        let counted = counted.map_or_else(|| "nothing".to_owned(), |counted| counted.to_string());
        let cause = format!("it counts {counted}, and its table held {count} (as where a run is writing)");
        Err(SinkError::new(NAME, doing, cause))
    }

    fn column(&self, table: &str, column: &str) -> Result<Vec<Json>, Failure> {
        self.settle(table)?;
        let sql = format!("SELECT {column} FROM \"{table}\"");
        Ok(self.http.query(&sql)?.dataset.into_iter().flatten().collect())
    }
}

impl Contents for Tables {
    fn frontier(&mut self) -> Result<Option<Time>, SinkError> {
        let table = self.config.named("_progress");
        let found = self.column(&table, "frontier").map_err(self.fault("read the progress"))?;
        Ok(found.first().and_then(Json::as_u64))
    }

    fn read(
        &mut self,
        record: &Description,
        each: &mut dyn FnMut(SnapshotRow) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let table = self.config.versions(&record.record);
        let doing = format!("read the table {table}");
        let body = self
            .settle(&table)
            .and_then(|()| self.http.open_query(&select(&self.config, record)))
            .map_err(self.fault(&doing))?;
        let (mut outcome, mut count) = (Ok(()), 0);
        let mut take = |cells: &[Box<RawValue>]| {
            outcome = match row(record, cells) {
                Ok(Some(row)) => {
                    count += 1;
                    each(row)
                }
                Ok(None) => Ok(()),
                Err(e) => Err(SinkError::new(NAME, &*doing, e)),
            };
            outcome.is_ok()
        };
        let read = read_answer(body, &mut take);
        outcome?;
        read.map_err(|e| SinkError::new(NAME, &*doing, e).transient())?;
        self.check_view(&self.config.named(&record.record), count)
    }
}

/// Times are asked for as numbers: as texts they end at the year 9999.
fn select(config: &Config, record: &Description) -> String {
    let own = record.columns.iter().map(|column| match column.kind {
        Kind::Time => format!("cast(r.\"{}\" AS LONG)", column.name),
        _ => format!("r.\"{}\"", column.name),
    });
    let columns: Vec<String> =
        own.chain([COMMON_COLUMNS[1], IS_DELETED].map(|name| format!("r.{name}"))).collect();
    format!("SELECT {} FROM {} r", columns.join(", "), latest(config, record))
}

/// A row; none if it is deleted.
fn row(record: &Description, cells: &[Box<RawValue>]) -> Result<Option<SnapshotRow>, String> {
    let (is_deleted, cells) = cells.split_last().ok_or("a row has no cells")?;
    match is_deleted.get() {
        "true" => return Ok(None),
        "false" => {}
        other => return Err(format!("column {IS_DELETED}: {other} is neither true nor false")),
    }
    let mut spelled = Vec::with_capacity(cells.len());
    for (i, cell) in cells.iter().enumerate() {
        let json = match record.columns.get(i) {
            Some(column) => spell(column, cell.get())?,
            None => cell.get().to_owned(),
        };
        spelled.push(json);
    }
    let mut spelled = spelled.into_iter();
    // They are asked for in the order of the columns.
    SnapshotRow::of_members(record, |name| if name == COMMON_COLUMNS[0] { None } else { spelled.next() })
        .map(Some)
}

/// A cell as the encoder of rows spells its value.
fn spell(column: &ColumnDescription, json: &str) -> Result<String, String> {
    let text = || serde_json::from_str::<String>(json).ok();
    let value = if json == "null" {
        Some(Value::Null)
    } else {
        match column.kind {
            Kind::Symbol | Kind::Text | Kind::Address => text().map(Value::text),
            Kind::Bool => text().and_then(|text| text.parse().ok()).map(Value::Bool),
            Kind::Count => json.parse().ok().map(Value::Count),
            Kind::Time => json.parse::<u64>().ok().map(|micros| Value::Count(micros / 1_000)),
            Kind::Amount => text().and_then(|text| text.parse().ok()).map(Value::Amount),
            Kind::Sum => text().and_then(|text| text.parse().ok()).map(Value::Sum),
            Kind::Float => json.parse().ok().map(Value::Float),
        }
    };
    let value = value.ok_or_else(|| format!("column {}: {json} is no {:?}", column.name, column.kind))?;
    let mut out = Vec::new();
    encode::value(&value, &mut out).map_err(|e| e.to_string())?;
    String::from_utf8(out).map_err(|e| e.to_string())
}

/// Takes one row after the other out of an answer of any length; ends early when `take` says no.
fn read_answer(
    body: impl Read,
    take: &mut dyn FnMut(&[Box<RawValue>]) -> bool,
) -> Result<(), serde_json::Error> {
    let body = Escaped { inner: BufReader::new(body), ahead: VecDeque::new() };
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(body));
    json.deserialize_map(Members(take))
}

/// An answer as JSON. QuestDB writes most control characters of a text as they are, which JSON does not
/// allow; outside of texts an answer has none.
struct Escaped<R> {
    inner: R,
    /// What an escape still has to give.
    ahead: VecDeque<u8>,
}

impl<R: Read> Read for Escaped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let read = self.inner.read(out)?;
            let Some(at) = out.iter().take(read).position(|byte| *byte < 0x20) else { return Ok(read) };
            for byte in out.get(at..read).unwrap_or_default() {
                if *byte < 0x20 {
                    self.ahead.extend(format!("\\u{byte:04x}").into_bytes());
                } else {
                    self.ahead.push_back(*byte);
                }
            }
            if at > 0 {
                return Ok(at);
            }
        }
        self.ahead.read(out)
    }
}

type Take<'t> = &'t mut dyn FnMut(&[Box<RawValue>]) -> bool;

/// The members of an answer: `dataset` is read, and what comes after it tells whether that was all. A query that
/// is aborted has answered 200 by then, and closes its answer in order.
struct Members<'t>(Take<'t>);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut rows, mut count) = (0, None);
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "dataset" => rows = map.next_value_seed(Dataset(&mut *self.0))?,
                "count" => count = Some(map.next_value::<u64>()?),
                "error" => {
                    let told: String = map.next_value()?;
                    return Err(de::Error::custom(format!("the answer broke off after {rows} rows: {told}")));
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match count {
            Some(count) if count == rows => Ok(()),
            _ => Err(de::Error::custom(format!(
                "the answer has {rows} rows, where the server counts {count:?}"
            ))),
        }
    }
}

struct Dataset<'t>(Take<'t>);

impl<'de> DeserializeSeed<'de> for Dataset<'_> {
    /// How many rows there were.
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Dataset<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<u64, A::Error> {
        let (mut goes_on, mut count) = (true, 0);
        while let Some(cells) = rows.next_element::<Vec<Box<RawValue>>>()? {
            goes_on = goes_on && (self.0)(&cells);
            count += 1;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whatever_is_in_its_texts() {
        let answer = b"{\"query\":\"q\",\"dataset\":[[\"a\x00b\x1f\",1],[null,2.5E-8]],\"count\":2}";
        for size in [1, 3, 1000] {
            let mut rows = Vec::new();
            let chunks = BufReader::with_capacity(size, &answer[..]);
            read_answer(chunks, &mut |cells| {
                rows.push(cells.iter().map(|cell| cell.get().to_owned()).collect::<Vec<_>>());
                true
            })
            .unwrap();
            assert_eq!(rows, [[r#""a\u0000b\u001f""#, "1"], ["null", "2.5E-8"]]);
        }
    }

    #[test]
    fn an_answer_that_broke_off_is_an_error() {
        let read = |answer: &str| {
            let read = read_answer(answer.as_bytes(), &mut |_| true);
            read.map_err(|e| e.to_string())
        };
        assert_eq!(read(r#"{"dataset":[[1],[2]],"count":2}"#), Ok(()));
        let aborted = read(r#"{"dataset":[[1]],"count":1,"error":"timeout, query aborted","errorPos":0}"#);
        assert!(aborted.is_err_and(|e| e.contains("after 1 rows: timeout")));
        assert!(read(r#"{"dataset":[[1]],"count":2}"#).is_err_and(|e| e.contains("has 1 rows")));
        assert!(read(r#"{"dataset":[[1]]}"#).is_err_and(|e| e.contains("None")));
        assert!(read(r#"{"dataset":[[1]"#).is_err());
    }

    #[test]
    fn cells_are_spelled_as_rows_are() {
        let spelled = |kind, json| {
            let column = ColumnDescription { name: "c".into(), kind, doc: "".into() };
            spell(&column, json).unwrap()
        };
        assert_eq!(spelled(Kind::Float, "2.796E-8"), "2.796e-8");
        assert_eq!(spelled(Kind::Time, "1700000000000000"), "1700000000000");
        assert_eq!(spelled(Kind::Amount, "\"18446744073709551615\""), "\"18446744073709551615\"");
        assert_eq!(spelled(Kind::Bool, "\"true\""), "true");
        assert_eq!(spelled(Kind::Sum, "null"), "null");
    }
}
