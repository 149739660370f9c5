//! Lines of CSV as the JSON objects that their columns make.
//!
//! The first line names the columns, as the record `trades` does. An empty cell is absent. Numbers are told by the name
//! of their column and not by how they look: an address may be all digits. A cell holds no line breaks.

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

/// Columns that hold numbers.
const NUMBERS: [&str; 12] = [
    "slot",
    "tx_index",
    "outer_ix",
    "inner_ix",
    "block_time",
    "received_at",
    "base_decimals",
    "quote_decimals",
    "spot_before",
    "spot_price",
    "compute_units",
    "priority_fee",
];
/// Columns that hold `true` or `false`.
const TRUTHS: [&str; 3] = ["quote_known", "base_user_known", "price_ok"];
/// What a line of names has in any case.
const NEEDED: [&str; 2] = ["signature", "block_time"];

/// The columns of a file.
pub(crate) struct Columns(StringRecord);

impl Columns {
    /// The columns that a line names; none if it is no such line.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        if matches!(line.first(), None | Some(b'{' | b'[')) {
            return None;
        }
        let names = cells(line).ok()?;
        NEEDED.iter().all(|needed| names.iter().any(|name| name == *needed)).then_some(Self(names))
    }

    /// The object that a line makes, or what is wrong with the line.
    pub(crate) fn object(&self, line: &[u8]) -> Result<String, String> {
        let cells = cells(line)?;
        if cells.len() != self.0.len() {
            return Err(format!("has {} columns, and the first line names {}", cells.len(), self.0.len()));
        }
        let named = self.0.iter().zip(cells.iter()).filter(|(_, cell)| !cell.is_empty());
        let object: Map<String, Value> =
            named.map(|(name, cell)| (name.to_owned(), value(name, cell))).collect();
        Ok(Value::Object(object).to_string())
    }
}

fn cells(line: &[u8]) -> Result<StringRecord, String> {
    let mut reader = ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(line);
    let mut cells = StringRecord::new();
    reader.read_record(&mut cells).map_err(|error| format!("is no line of CSV: {error}"))?;
    Ok(cells)
}

fn value(name: &str, cell: &str) -> Value {
    let text = || Value::from(cell);
    if TRUTHS.contains(&name) {
        return cell.parse::<bool>().map_or_else(|_| text(), Value::from);
    }
    if NUMBERS.contains(&name) {
        let whole = cell.parse::<u64>().map(Value::from).or_else(|_| cell.parse::<i64>().map(Value::from));
        return whole.or_else(|_| cell.parse::<f64>().map(Value::from)).unwrap_or_else(|_| text());
    }
    text()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_the_object_that_its_columns_make() {
        let columns = Columns::read(b"slot,signature,block_time,inner_ix,trader,price_ok").unwrap();
        let object = |line: &str| columns.object(line.as_bytes());
        let expected = json!({"slot": 7, "signature": "11", "block_time": "2024-05-01T00:00:00Z", "inner_ix": -1,
            "price_ok": true});
        let found: Value =
            serde_json::from_str(&object("7,\"11\",2024-05-01T00:00:00Z,-1,,true").unwrap()).unwrap();
        assert_eq!(found, expected);
        assert_eq!(object("7,11").unwrap_err(), "has 2 columns, and the first line names 6");
    }

    #[test]
    fn what_names_no_columns_of_a_trade_is_none() {
        for line in ["{\"signature\":1,\"block_time\":2}", "a,b,c", "hello", ""] {
            assert!(Columns::read(line.as_bytes()).is_none(), "{line}");
        }
    }
}
