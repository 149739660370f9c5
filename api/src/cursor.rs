//! Cursors: where the next page begins, as an opaque text that only this server can write.
//!
//! Events page by their place in the chain, so that whatever arrives meanwhile is neither repeated nor skipped over.
//! Sorted lists page over an order that is frozen when the first page is read, and kept for a minute.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Value;
use ring::hmac;
use ring::rand::SystemRandom;

use crate::problem::{Kind, Problem};

/// How long an order is kept.
const KEPT: Duration = Duration::from_secs(60);
/// Orders that are kept, at most.
const ORDERS: usize = 64;
/// Bytes of the signature that go into a cursor.
const TAG: usize = 12;

/// Signs cursors and keeps frozen orders.
pub(crate) struct Cursors {
    key: hmac::Key,
    orders: Mutex<(u64, VecDeque<Order>)>,
}

struct Order {
    id: u64,
    subject: String,
    keys: Arc<Vec<Value>>,
    since: Instant,
}

impl Cursors {
    /// With a key of its own, which ends with the process.
    pub(crate) fn new() -> Result<Self, ring::error::Unspecified> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?;
        Ok(Self { key, orders: Mutex::default() })
    }

    /// A cursor for a place: the values of the order's columns in the last row.
    pub(crate) fn write(&self, subject: &str, place: &[Value]) -> String {
        let parts: Vec<serde_json::Value> = place.iter().map(spelled).collect();
        let mut bytes = serde_json::Value::from(parts).to_string().into_bytes();
        let tag = self.tag(subject, &bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor of the same subject names.
    pub(crate) fn read(&self, subject: &str, cursor: &str) -> Result<Vec<Value>, Problem> {
        let wrong = || Problem::parameter("cursor", "`cursor` is none that was given for this request");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let at = bytes.len().checked_sub(TAG).ok_or_else(wrong)?;
        let (body, tag) = bytes.split_at(at);
        // Cursors are no secrets: a comparison that takes its time tells nothing worth knowing.
        if self.tag(subject, body) != tag {
            return Err(wrong());
        }
        let parts: Vec<serde_json::Value> = serde_json::from_slice(body).map_err(|_| wrong())?;
        Ok(parts.into_iter().map(understood).collect())
    }

    fn tag(&self, subject: &str, body: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(subject.as_bytes());
        context.update(&[0]);
        context.update(body);
        context.sign().as_ref().iter().take(TAG).copied().collect()
    }

    /// Keeps an order for later pages and gives its number.
    pub(crate) fn freeze(&self, subject: &str, keys: Arc<Vec<Value>>) -> u64 {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.0 += 1;
        let id = orders.0;
        if orders.1.len() == ORDERS {
            orders.1.pop_front();
        }
        orders.1.push_back(Order { id, subject: subject.to_owned(), keys, since: Instant::now() });
        id
    }

    /// An order that was frozen.
    pub(crate) fn frozen(&self, subject: &str, id: u64) -> Result<Arc<Vec<Value>>, Problem> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.1.retain(|order| order.since.elapsed() < KEPT);
        let found = orders.1.iter().find(|order| order.id == id && order.subject == subject);
        found.map(|order| Arc::clone(&order.keys)).ok_or_else(|| {
            Problem::new(
                Kind::CursorExpired,
                "the order that this cursor goes on with was kept for 60 s; begin again without it",
            )
        })
    }
}

fn spelled(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(b) => (*b).into(),
        Value::Count(n) | Value::Amount(n) => (*n).into(),
        Value::Sum(n) => i64::try_from(*n).map_or(serde_json::Value::Null, Into::into),
        Value::Float(f) => (*f).into(),
        Value::Symbol(_) | Value::Text(_) => value.as_text().into(),
        Value::Address(address) => address.to_string().into(),
        Value::Null => serde_json::Value::Null,
    }
}

fn understood(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => Value::Sum(n.into()),
            (None, Some(f)) => Value::Float(f),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_who_wrote_it_for_what_it_was_written_for() {
        let cursors = Cursors::new().unwrap();
        let place = [Value::Count(448_000_001), Value::Sum(-1), Value::text("448-1")];
        let cursor = cursors.write("trades?", &place);
        let read = cursors.read("trades?", &cursor).unwrap();
        assert_eq!(read, [Value::Sum(448_000_001), Value::Sum(-1), Value::text("448-1")]);
        assert!(cursors.read("alerts?", &cursor).is_err(), "another subject");
        assert!(Cursors::new().unwrap().read("trades?", &cursor).is_err(), "another server");
        let mut forged = cursor.into_bytes();
        forged[3] ^= 1;
        assert!(cursors.read("trades?", &String::from_utf8(forged).unwrap()).is_err());
        for odd in ["", "A", "!!!!", "AAAAAAAAAAAAAAAAAAAA"] {
            assert!(cursors.read("trades?", odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn orders_are_kept_up_to_their_number() {
        let cursors = Cursors::new().unwrap();
        let first = cursors.freeze("a", Arc::new(vec![Value::text("x")]));
        assert_eq!(cursors.frozen("a", first).unwrap()[0], Value::text("x"));
        assert_eq!(cursors.frozen("b", first).unwrap_err().kind, Kind::CursorExpired);
        for _ in 0..ORDERS {
            cursors.freeze("a", Arc::default());
        }
        assert_eq!(cursors.frozen("a", first).unwrap_err().kind, Kind::CursorExpired);
    }
}
