//! Rows in ClickHouse's format `RowBinary`, there and back.
//!
//! Numbers are little endian, a text is its length and its bytes, and what may be null has a byte before it
//! that says whether it is. The columns have no names in it: they come in the order of the statement.

use std::fmt::Write as _;

use model::{Change, DEF_VERSION, Kind, Schema, Time, Value};

/// Appends a change as a row of [`super::ddl::table`]'s columns.
pub(super) fn encode(
    schema: &Schema,
    as_of: Time,
    change: &Change,
    version: u64,
    text: &mut String,
    out: &mut Vec<u8>,
) {
    let (values, is_deleted) = match change {
        Change::Upsert(row) => (row, false),
        Change::Delete(key) => (key, true),
    };
    for (i, _) in schema.columns.iter().enumerate() {
        let value = values.get(i).unwrap_or(&Value::Null);
        if i >= schema.key {
            out.push(u8::from(matches!(value, Value::Null)));
        }
        append(value, text, out);
    }
    out.extend_from_slice(&as_of.to_le_bytes());
    out.extend_from_slice(&u16::try_from(DEF_VERSION).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&version.to_le_bytes());
    out.push(u8::from(is_deleted));
}

fn append(value: &Value, text: &mut String, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Bool(b) => out.push(u8::from(*b)),
        Value::Count(n) | Value::Amount(n) => out.extend_from_slice(&n.to_le_bytes()),
        Value::Sum(n) => out.extend_from_slice(&n.to_le_bytes()),
        Value::Float(f) => out.extend_from_slice(&f.to_le_bytes()),
        Value::Symbol(s) => bytes(s.as_bytes(), out),
        Value::Text(s) => bytes(s.as_bytes(), out),
        Value::Address(address) => {
            text.clear();
            // Infallible: it writes to a string.
            let _ = write!(text, "{address}");
            bytes(text.as_bytes(), out);
        }
    }
}

fn bytes(content: &[u8], out: &mut Vec<u8>) {
    let mut len = content.len();
    while len >= 0x80 {
        out.push(u8::try_from(len & 0x7f).unwrap_or(0) | 0x80);
        len >>= 7;
    }
    out.push(u8::try_from(len).unwrap_or(0));
    out.extend_from_slice(content);
}

/// Bytes that came from the server; what is taken is gone.
pub(super) struct Input<'b>(pub(super) &'b [u8]);

impl<'b> Input<'b> {
    fn take(&mut self, len: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// The next integer.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next integer of 16 bits.
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next text.
    pub(super) fn text(&mut self) -> Option<&'b [u8]> {
        let (mut len, mut shift) = (0usize, 0u32);
        loop {
            let [byte] = self.array()?;
            len |= usize::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return self.take(len);
            }
        }
    }

    /// The next value of a column; none if there are not enough bytes.
    pub(super) fn value(&mut self, kind: Kind, is_key: bool) -> Option<Value> {
        if !is_key && self.array()? == [1] {
            return Some(Value::Null);
        }
        Some(match kind {
            Kind::Symbol | Kind::Text | Kind::Address => Value::text(String::from_utf8_lossy(self.text()?)),
            Kind::Count | Kind::Time => Value::Count(self.u64()?),
            Kind::Amount => Value::Amount(self.u64()?),
            Kind::Sum => Value::Sum(self.array().map(i128::from_le_bytes)?),
            Kind::Float => Value::Float(self.array().map(f64::from_le_bytes)?),
            Kind::Bool => Value::Bool(self.array()? == [1]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_whatever_their_length() {
        for len in [0, 1, 127, 128, 300, 70_000] {
            let text = "x".repeat(len);
            let mut out = Vec::new();
            bytes(text.as_bytes(), &mut out);
            let mut input = Input(&out);
            assert_eq!(input.text(), Some(text.as_bytes()));
            assert!(input.0.is_empty());
            assert_eq!(Input(&out[..out.len() - 1]).text(), None, "what is cut off is not there yet");
        }
    }

    #[test]
    fn a_deletion_is_its_key_and_nulls() {
        use model::Column;
        static SCHEMA: Schema = Schema {
            name: "prices",
            doc: "",
            key: 1,
            cadence: model::Cadence::Flush,
            indexes: &[],
            columns: &[Column::new("mint", Kind::Text, ""), Column::new("price", Kind::Float, "")],
        };
        let mut out = Vec::new();
        encode(&SCHEMA, 5, &Change::Delete(vec![Value::from("a")]), 7, &mut String::new(), &mut out);
        let [low, high, ..] = DEF_VERSION.to_le_bytes();
        assert_eq!(out, [1, b'a', 1, 5, 0, 0, 0, 0, 0, 0, 0, low, high, 7, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
