//! Rows in Avro.
//!
//! Only what rows need: records of nullable columns. A column is a union of null and its type; those of
//! the key are never null and are not unions. Amounts and sums are decimals, so that readers have exact
//! numbers; the scale is 0. A value begins with the single-object marker and the fingerprint of its
//! schema, by which a reader finds the schema in `<prefix>._schemas` without a registry.

use std::collections::BTreeMap;

use model::{DEF_VERSION, Kind, Time, Value};
use serde_json::{Map, Value as Json, json};

use super::Fault;
use crate::Description;

/// What a value in the single-object encoding begins with.
const MARKER: [u8; 2] = [0xc3, 0x01];

/// The common columns with their types.
const COMMON: [(&str, &str, &str); 2] = [
    ("as_of", "timestamp-micros", "Logical time of the change, Unix microseconds."),
    ("def_version", "", "Version of the formulas."),
];

/// The Avro schema of a record, with docs.
pub(super) fn schema(description: &Description) -> Json {
    let mut fields: Vec<Json> = Vec::new();
    for (i, column) in description.columns.iter().enumerate() {
        let kind = typed(column.kind);
        let kind = if i < description.key { kind } else { json!(["null", kind]) };
        fields.push(json!({ "name": column.name, "type": kind, "doc": column.doc }));
    }
    for (name, logical, doc) in COMMON {
        let kind = if logical.is_empty() { json!("long") } else { logical_type("long", logical) };
        fields.push(json!({ "name": name, "type": kind, "doc": doc }));
    }
    json!({
        "type": "record",
        "name": description.record,
        "namespace": "millrace",
        "doc": description.doc,
        "fields": fields,
    })
}

fn typed(kind: Kind) -> Json {
    match kind {
        Kind::Symbol | Kind::Text | Kind::Address => json!("string"),
        Kind::Count => json!("long"),
        Kind::Amount => decimal(20),
        Kind::Sum => decimal(39),
        Kind::Float => json!("double"),
        Kind::Bool => json!("boolean"),
        Kind::Time => logical_type("long", "timestamp-millis"),
    }
}

fn logical_type(kind: &str, logical: &str) -> Json {
    json!({ "type": kind, "logicalType": logical })
}

fn decimal(precision: u32) -> Json {
    json!({ "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": 0 })
}

/// The fingerprint by which the schema is named: CRC-64-AVRO of its canonical form.
pub(super) fn fingerprint(description: &Description) -> u64 {
    rabin(canonical(description).as_bytes())
}

/// The Parsing Canonical Form: no docs, no logical types, members in one order.
fn canonical(description: &Description) -> String {
    let own = description.columns.iter().enumerate().map(|(i, column)| {
        let kind = match column.kind {
            Kind::Symbol | Kind::Text | Kind::Address => "\"string\"",
            Kind::Count | Kind::Time => "\"long\"",
            Kind::Amount | Kind::Sum => "\"bytes\"",
            Kind::Float => "\"double\"",
            Kind::Bool => "\"boolean\"",
        };
        let kind = if i < description.key { kind.to_owned() } else { format!("[\"null\",{kind}]") };
        format!("{{\"name\":\"{}\",\"type\":{kind}}}", column.name)
    });
    let common = COMMON.iter().map(|(name, ..)| format!("{{\"name\":\"{name}\",\"type\":\"long\"}}"));
    let fields: Vec<String> = own.chain(common).collect();
    let (name, fields) = (&description.record, fields.join(","));
    format!("{{\"name\":\"millrace.{name}\",\"type\":\"record\",\"fields\":[{fields}]}}")
}

/// The fingerprint of nothing, and the polynomial.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

fn rabin(bytes: &[u8]) -> u64 {
    let step = |fingerprint: u64| (fingerprint >> 1) ^ (EMPTY & 0_u64.wrapping_sub(fingerprint & 1));
    bytes.iter().fold(EMPTY, |fingerprint, byte| {
        let table = (0..8).fold((fingerprint ^ u64::from(*byte)) & 0xff, |entry, _| step(entry));
        (fingerprint >> 8) ^ table
    })
}

/// Writes the rows of one record.
pub(super) struct Encoder {
    fingerprint: u64,
    key: usize,
}

impl Encoder {
    pub(super) fn new(description: &Description) -> Self {
        Self { fingerprint: fingerprint(description), key: description.key }
    }

    pub(super) fn row(&self, values: &[Value], as_of: Time, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.extend_from_slice(&MARKER);
        out.extend_from_slice(&self.fingerprint.to_le_bytes());
        for (i, value) in values.iter().enumerate() {
            if i >= self.key {
                long(i64::from(!matches!(value, Value::Null)), out);
            }
            column(value, out)?;
        }
        long(i64::try_from(as_of)?, out);
        long(i64::from(DEF_VERSION), out);
        Ok(())
    }
}

fn column(value: &Value, out: &mut Vec<u8>) -> Result<(), Fault> {
    match value {
        Value::Null => {}
        Value::Bool(b) => out.push(u8::from(*b)),
        Value::Count(n) => long(i64::try_from(*n)?, out),
        Value::Amount(n) => number(i128::from(*n), out),
        Value::Sum(n) => number(*n, out),
        // −0 + 0 is 0, as in JSON.
        Value::Float(f) => out.extend_from_slice(&(f + 0.0).to_le_bytes()),
        Value::Symbol(text) => bytes(text.as_bytes(), out),
        Value::Text(text) => bytes(text.as_bytes(), out),
        Value::Address(address) => bytes(address.to_string().as_bytes(), out),
    }
    Ok(())
}

/// A zigzag integer of variable length.
fn long(n: i64, out: &mut Vec<u8>) {
    let mut rest = (n.cast_unsigned() << 1) ^ (n >> 63).cast_unsigned();
    while rest > 0x7f {
        out.push(u8::try_from(rest & 0x7f).unwrap_or(0x7f) | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap_or(0x7f));
}

fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    long(i64::try_from(bytes.len()).unwrap_or(i64::MAX), out);
    out.extend_from_slice(bytes);
}

/// The unscaled number of a decimal: two's complement, big-endian, as short as it can be.
fn number(n: i128, out: &mut Vec<u8>) {
    let all = n.to_be_bytes();
    let sign = if n < 0 { 0xff } else { 0 };
    let spare = all
        .windows(2)
        .take_while(|pair| matches!(pair, [a, b] if *a == sign && (b ^ sign) & 0x80 == 0))
        .count();
    bytes(all.get(spare..).unwrap_or(&all), out);
}

/// How a fingerprint is spelled.
pub(super) fn spelled(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

/// Reads a row back as the members of its JSON object, by the schema that its fingerprint names.
pub(super) fn decode(
    schemas: &BTreeMap<String, Description>,
    value: &[u8],
) -> Result<Map<String, Json>, Fault> {
    let mut rest = value.strip_prefix(&MARKER).ok_or("the value has no Avro marker")?;
    let found = spelled(u64::from_le_bytes(take(&mut rest)?));
    let description = schemas.get(&found).ok_or_else(|| format!("no schema has the fingerprint {found}"))?;
    let mut members = Map::new();
    for (i, described) in description.columns.iter().enumerate() {
        let is_null = i >= description.key && read_long(&mut rest)? == 0;
        let json = if is_null { Json::Null } else { read_column(described.kind, &mut rest)? };
        members.insert(described.name.to_string(), json);
    }
    for (name, ..) in COMMON {
        members.insert(name.to_owned(), read_long(&mut rest)?.into());
    }
    if rest.is_empty() { Ok(members) } else { Err("the value is longer than its row".into()) }
}

fn read_column(kind: Kind, rest: &mut &[u8]) -> Result<Json, Fault> {
    Ok(match kind {
        Kind::Symbol | Kind::Text | Kind::Address => std::str::from_utf8(read_bytes(rest)?)?.into(),
        Kind::Count | Kind::Time => read_long(rest)?.into(),
        Kind::Amount | Kind::Sum => {
            let bytes = read_bytes(rest)?;
            let sign = bytes.first().is_some_and(|first| first & 0x80 != 0);
            let wide =
                bytes.iter().fold(if sign { -1_i128 } else { 0 }, |n, byte| (n << 8) | i128::from(*byte));
            wide.to_string().into()
        }
        Kind::Float => f64::from_le_bytes(take(rest)?).into(),
        Kind::Bool => (take::<1>(rest)? == [1]).into(),
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (head, tail) = rest.split_first_chunk().ok_or("the value ends in the middle of its row")?;
    *rest = tail;
    Ok(*head)
}

fn read_long(rest: &mut &[u8]) -> Result<i64, Fault> {
    let mut raw = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(rest)?;
        raw |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed());
        }
    }
    Err("a number of more than 64 bits".into())
}

fn read_bytes<'v>(rest: &mut &'v [u8]) -> Result<&'v [u8], Fault> {
    let length = usize::try_from(read_long(rest)?)?;
    let (head, tail) = rest.split_at_checked(length).ok_or("the value ends in the middle of a text")?;
    *rest = tail;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use model::{Address, Cadence, Column, Schema};

    use super::*;

    static SWAPS: Schema = Schema {
        name: "swaps",
        doc: "Swaps.",
        key: 1,
        cadence: Cadence::Flush,
        indexes: &[],
        columns: &[
            Column { name: "id", kind: Kind::Text, doc: "" },
            Column { name: "mint", kind: Kind::Address, doc: "" },
            Column { name: "amount", kind: Kind::Amount, doc: "" },
            Column { name: "net", kind: Kind::Sum, doc: "" },
            Column { name: "price", kind: Kind::Float, doc: "" },
            Column { name: "ok", kind: Kind::Bool, doc: "" },
            Column { name: "at", kind: Kind::Time, doc: "" },
        ],
    };

    /// The canonical form and its fingerprint, as the Python package fastavro gives them.
    #[test]
    fn the_fingerprint_is_that_of_other_programs() {
        let description = Description::from(&SWAPS);
        assert_eq!(rabin(b""), EMPTY);
        assert_eq!(rabin(b"\"null\""), 0x63dd_24e7_cc25_8f8a);
        assert_eq!(fingerprint(&description).to_le_bytes(), 0x03e5_d12b_9090_bbf6_u64.to_be_bytes());
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let spelled = |n| {
            let mut out = Vec::new();
            number(n, &mut out);
            out
        };
        assert_eq!(spelled(0), [2, 0]);
        assert_eq!(spelled(127), [2, 0x7f]);
        assert_eq!(spelled(128), [4, 0, 0x80]);
        assert_eq!(spelled(-1), [2, 0xff]);
        assert_eq!(spelled(-129), [4, 0xff, 0x7f]);
        assert_eq!(spelled(i128::MIN).len(), 17);
    }

    #[test]
    fn rows_come_back_as_they_went() {
        let description = Description::from(&SWAPS);
        let encoder = Encoder::new(&description);
        let schemas = BTreeMap::from([(spelled(fingerprint(&description)), description)]);
        for (net, is_null) in [(0, false), (i128::MIN, false), (i128::MAX, true), (-1, false), (255, false)] {
            let or_null = |value: Value| if is_null { Value::Null } else { value };
            let row = [
                Value::text("a\u{0}\u{e9}"),
                or_null(Value::from(Address::WSOL)),
                Value::Amount(u64::MAX),
                Value::Sum(net),
                or_null(Value::Float(-0.0)),
                Value::Bool(true),
                or_null(Value::Count((1 << 53) - 1)),
            ];
            let mut out = Vec::new();
            encoder.row(&row, 1_700_000_000_000_001, &mut out).unwrap();
            let members = decode(&schemas, &out).unwrap();
            let mut json = Vec::new();
            crate::encode::JsonEncoder::new(&SWAPS).row(&row, 1_700_000_000_000_001, &mut json).unwrap();
            assert_eq!(Json::Object(members), serde_json::from_slice::<Json>(&json).unwrap());
            for cut in 0..out.len() {
                assert!(decode(&schemas, &out[..cut]).is_err());
            }
        }
    }
}
