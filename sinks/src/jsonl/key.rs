//! Keys as bytes that compare as the keys do.
//!
//! Columns stand one after the other. Numbers are big endian. Text ends with two zero bytes and a zero
//! byte in it is followed by 255, so that a text orders before every longer one that begins with it.
//! Addresses are encoded as their base58 text: the order of a file is the order a reader sees.

use std::io::{self, Write};

use model::Value;

/// Appends the key to `out`.
///
/// The kinds of a key's columns come from its schema, which allows neither nulls, floats nor sums.
pub(super) fn encode(key: &[Value], out: &mut Vec<u8>) -> io::Result<()> {
    for value in key {
        match value {
            Value::Bool(b) => out.push(u8::from(*b)),
            Value::Count(n) | Value::Amount(n) => out.extend_from_slice(&n.to_be_bytes()),
            Value::Symbol(s) => text(s.as_bytes(), out),
            Value::Text(s) => text(s.as_bytes(), out),
            Value::Address(address) => {
                write!(out, "{address}")?;
                out.extend_from_slice(&[0, 0]);
            }
            Value::Null | Value::Sum(_) | Value::Float(_) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "a key of a kind without an order"));
            }
        }
    }
    Ok(())
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    for part in bytes.split_inclusive(|b| *b == 0) {
        out.extend_from_slice(part);
        if part.ends_with(&[0]) {
            out.push(255);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

#[cfg(test)]
mod tests {
    use model::Address;
    use proptest::prelude::*;

    use super::*;

    fn encoded(key: &[Value]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(key, &mut out).unwrap();
        out
    }

    proptest! {
        #[test]
        fn bytes_order_as_keys_do(a in any::<(String, u64, bool)>(), b in any::<(String, u64, bool)>()) {
            let key = |(s, n, f): &(String, u64, bool)| {
                encoded(&[Value::text(s), Value::Count(*n), Value::Bool(*f)])
            };
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        }

        #[test]
        fn texts_with_zeros_order_as_texts_do(a in "[\u{0}\u{1}a\u{ff}]{0,4}", b in "[\u{0}\u{1}a\u{ff}]{0,4}", m in 0..2u64, n in 0..2u64) {
            let of = |s: &str, n| encoded(&[Value::text(s), Value::Amount(n)]);
            prop_assert_eq!(of(&a, m).cmp(&of(&b, n)), (&a, m).cmp(&(&b, n)));
        }

        #[test]
        fn addresses_order_as_their_text(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
            let (a, b) = (Address(a), Address(b));
            prop_assert_eq!(
                encoded(&[Value::from(a)]).cmp(&encoded(&[Value::from(b)])),
                a.to_string().cmp(&b.to_string())
            );
        }
    }
}
