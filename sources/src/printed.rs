//! How a decoded event is printed: one flat JSON object, the same leading names for every program.

use model::{Address, Program, Signature};
use serde::{Serialize, Serializer};

use crate::decode::{Carrier, Decoded, Named};
use crate::programs::Payload;

impl Decoded {
    /// The top-level index as printed.
    #[must_use]
    pub fn outer(&self) -> Option<u16> {
        self.cause.map(|(outer, _)| outer).or_else(|| self.place.map(|place| place.outer))
    }

    /// The inner index as printed: only an event that is an instruction has one.
    #[must_use]
    pub fn inner(&self) -> Option<i16> {
        self.place.filter(|_| self.source == Carrier::Cpi).map(|place| place.inner)
    }
}

/// The printed object: the same names for every program, then the event's own fields.
#[derive(Serialize)]
struct Printed<'a> {
    signature: Signature,
    slot: Option<u64>,
    program: Program,
    event: &'static str,
    source: Carrier,
    outer: Option<u16>,
    inner: Option<i16>,
    timestamp: Option<i64>,
    failed: bool,
    event_id: Option<String>,
    #[serde(flatten)]
    added: Added,
    #[serde(flatten)]
    payload: &'a Payload,
}

/// Fields that the instruction adds to the event: only names that the event does not use itself.
#[derive(Default, Serialize)]
pub(crate) struct Added {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pool: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mint: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quote_mint: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Address>,
}

impl Added {
    /// The two tokens.
    pub(crate) fn mints(named: &Named) -> Self {
        let [mint, quote_mint] = named.mints;
        Self { mint, quote_mint, ..Self::default() }
    }
}

impl Serialize for Decoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Printed {
            signature: self.signature,
            slot: self.slot,
            program: self.program,
            event: self.payload.name(),
            source: self.source,
            outer: self.outer(),
            inner: self.inner(),
            timestamp: self.timestamp,
            failed: self.failed,
            event_id: self.event_id.map(|id| id.to_string()),
            added: self.payload.added(&self.named),
            payload: &self.payload,
        }
        .serialize(serializer)
    }
}
