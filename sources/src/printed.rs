//! How a decoded event is printed: one flat JSON object, the same leading names for every program.

use model::{Address, Program, Signature};
use serde::{Serialize, Serializer};

use crate::decode::{Carrier, Decoded, Named};
use crate::programs::{Payload, meteora_dbc, pump, pumpswap, raydium_launchlab};

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

/// What is printed: the same names for every program, then the event's own fields.
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

/// What the instruction adds to the event: only names that the event does not use itself.
#[derive(Default, Serialize)]
struct Added {
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mint: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote_mint: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Address>,
}

impl Added {
    fn of(decoded: &Decoded) -> Self {
        let Named { pool, mints: [mint, quote_mint], user, .. } = decoded.named;
        match &decoded.payload {
            Payload::Pump(pump::Event::Trade(_)) | Payload::RaydiumAmmV4(_) => {
                Self { pool, ..Self::default() }
            }
            Payload::Pumpswap(pumpswap::Event::Buy(_) | pumpswap::Event::Sell(_)) => {
                Self { mint, quote_mint, ..Self::default() }
            }
            Payload::RaydiumLaunchlab(raydium_launchlab::Event::Trade(_))
            | Payload::MeteoraDbc(meteora_dbc::Event::Swap(_) | meteora_dbc::Event::Swap2(_)) => {
                Self { mint, quote_mint, user, ..Self::default() }
            }
            Payload::RaydiumLaunchlab(_) => Self { mint, quote_mint, ..Self::default() },
            Payload::RaydiumCpmm(_) | Payload::MeteoraDammV2(_) => Self { user, ..Self::default() },
            _ => Self::default(),
        }
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
            added: Added::of(self),
            payload: &self.payload,
        }
        .serialize(serializer)
    }
}
