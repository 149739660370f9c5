//! A row as one JSON object.
//!
//! The members are the columns in the schema's order, then `as_of` and `def_version`. Raw amounts and
//! sums are strings, because JSON readers keep 53 bits; counts and times are numbers, and so are floats,
//! in the shortest decimal that reads back as the same float; only minus zero is written as zero, since
//! not every sink knows it. Addresses are base58. What is missing is `null`, never left out. The bytes depend on the row alone, so files can be compared byte for byte.
//!
//! Rows are not checked here: [`crate::fit::check_change`] does that.

use std::io::{self, Write};

use model::{DEF_VERSION, Schema, Time, Value};

/// Writes the rows of one record.
#[derive(Clone, Debug)]
pub struct JsonEncoder {
    /// What stands before each value: `{"slot":`, `,"price":`, …
    leads: Vec<Box<[u8]>>,
}

impl JsonEncoder {
    /// An encoder for rows of this schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        Self::of_columns(schema.columns.iter().map(|column| column.name))
    }

    /// An encoder for these columns. Their names are identifiers, which need no escapes.
    pub(crate) fn of_columns<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let lead = |(i, name)| format!("{}\"{name}\":", if i == 0 { '{' } else { ',' }).into_bytes();
        Self { leads: names.enumerate().map(lead).map(Vec::into_boxed_slice).collect() }
    }

    /// Appends the whole object to `out`, without a line end.
    ///
    /// # Errors
    /// Never for a row that fits its schema; the encoding of text may fail in principle.
    pub fn row(&self, values: &[Value], as_of: Time, out: &mut Vec<u8>) -> io::Result<()> {
        self.columns(values, out)?;
        common(as_of, out)
    }

    /// Appends the object up to its last own column; [`common`] ends it.
    ///
    /// # Errors
    /// As [`Self::row`].
    pub fn columns(&self, values: &[Value], out: &mut Vec<u8>) -> io::Result<()> {
        for (lead, value) in self.leads.iter().zip(values) {
            out.extend_from_slice(lead);
            self::value(value, out)?;
        }
        Ok(())
    }
}

/// Appends the common columns and the closing brace to what [`JsonEncoder::columns`] began.
///
/// # Errors
/// As [`JsonEncoder::row`].
pub fn common(as_of: Time, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, ",\"as_of\":{as_of},\"def_version\":{DEF_VERSION}}}")
}

/// Appends a key as one JSON array, such as `["primary","So111…","1m",1700000000000]`.
///
/// # Errors
/// As [`JsonEncoder::row`].
pub fn key(values: &[Value], out: &mut Vec<u8>) -> io::Result<()> {
    for (i, part) in values.iter().enumerate() {
        out.push(if i == 0 { b'[' } else { b',' });
        value(part, out)?;
    }
    out.push(b']');
    Ok(())
}

/// Appends one value.
///
/// # Errors
/// As [`JsonEncoder::row`].
pub fn value(value: &Value, out: &mut Vec<u8>) -> io::Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Count(n) => serde_json::to_writer(out, n)?,
        Value::Amount(n) => {
            out.push(b'"');
            serde_json::to_writer(&mut *out, n)?;
            out.push(b'"');
        }
        Value::Sum(n) => {
            out.push(b'"');
            serde_json::to_writer(&mut *out, n)?;
            out.push(b'"');
        }
        // −0 + 0 is 0.
        Value::Float(f) => serde_json::to_writer(out, &(f + 0.0))?,
        Value::Symbol(text) => serde_json::to_writer(out, text)?,
        Value::Text(text) => serde_json::to_writer(out, &**text)?,
        // The base58 alphabet needs no escapes.
        Value::Address(address) => write!(out, "\"{address}\"")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::{Address, Column, Kind};

    use super::*;

    fn spelled(v: &Value) -> String {
        let mut out = Vec::new();
        value(v, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_is_its_columns_then_the_common_ones() {
        let schema = Schema {
            name: "swaps",
            doc: "",
            key: 1,
            cadence: model::Cadence::Flush,
            indexes: &[],
            columns: &[
                Column { name: "mint", kind: Kind::Address, doc: "" },
                Column { name: "at", kind: Kind::Time, doc: "" },
                Column { name: "trader", kind: Kind::Address, doc: "" },
            ],
        };
        let mut out = b"kept ".to_vec();
        let row = [Value::from(Address::WSOL), Value::Count(1_700_000_000_000), Value::Null];
        JsonEncoder::new(&schema).row(&row, 1_700_000_000_000_001, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            format!(
                "kept {{\"mint\":\"So11111111111111111111111111111111111111112\",\"at\":1700000000000,\
                 \"trader\":null,\"as_of\":1700000000000001,\"def_version\":{DEF_VERSION}}}"
            )
        );
    }

    #[test]
    fn a_key_is_an_array_whatever_is_in_its_texts() {
        let mut out = Vec::new();
        key(&[Value::text("a\",\"b"), Value::Count(7), Value::Amount(8)], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), r#"["a\",\"b",7,"8"]"#);
    }

    #[test]
    fn amounts_and_sums_are_strings_and_the_rest_is_not() {
        assert_eq!(spelled(&Value::Amount(u64::MAX)), "\"18446744073709551615\"");
        assert_eq!(spelled(&Value::Sum(i128::MIN)), "\"-170141183460469231731687303715884105728\"");
        assert_eq!(spelled(&Value::Count(7)), "7");
        assert_eq!(spelled(&Value::Bool(false)), "false");
        assert_eq!(spelled(&Value::Null), "null");
    }

    #[test]
    fn floats_read_back_as_themselves() {
        for f in [0.1, 2.796e-8, 1e300, f64::MIN_POSITIVE, 0.0, 100.0, 1.0 / 3.0] {
            assert_eq!(spelled(&Value::Float(f)).parse::<f64>().unwrap().to_bits(), f.to_bits());
        }
        assert_eq!(spelled(&Value::Float(-0.0)), "0.0");
    }

    #[test]
    fn text_that_a_creator_chose_stays_one_json_string() {
        let name = "\"}\n\u{0}\u{1f680}\\";
        let json = spelled(&Value::text(name));
        assert!(!json.contains('\n'));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), name);
    }
}
