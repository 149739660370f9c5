//! The vocabulary of millrace: what a source yields, what an operator takes, what leaves for a sink.
//!
//! Everything here is plain data with an order, an equality and a serde form. The crate depends on
//! serde and nothing heavier, so that every other room can afford it.
//!
//! Amounts are raw integer units (`u64`), never scaled; a missing value is `None`, never zero. The only
//! float is [`Price`], which is finite, totally ordered and computed from integers, never accumulated.
//!
//! Not here: decoding, I/O, clocks, the engine. Records that leave are declared beside the
//! operator that makes them, not here; this crate only says what a record is ([`Record`]).

pub mod address;
pub mod alert;
pub mod commitment;
pub mod control;
pub mod event;
pub mod exact;
pub mod id;
pub mod price;
pub mod program;
pub mod record;
pub mod reject;
pub mod rule;
pub mod time;
pub mod trade;

pub use address::{Address, ParseAddressError, Signature};
pub use alert::{AlertId, ParseAlertIdError};
pub use commitment::{Commitment, SlotState};
pub use control::{Control, LabelEntry, ListEntry};
pub use event::{
    AccountBalance, BalancesChanged, ChainEvent, CurveCompleted, CurveParametersChanged, Event,
    LiquidityChanged, Mark, Migrated, PoolCreated, PriceQuote, SlotStatus, TokenCreated,
};
pub use id::{EventId, Origin, ParseEventIdError, TxPlace};
pub use price::Price;
pub use program::{Market, Program};
pub use record::{Batch, Cadence, Change, Column, Group, Kind, Record, Row, RowWriter, Schema, Value};
pub use reject::{Reject, RejectReason};
pub use rule::Rule;
pub use time::{Diff, Millis, Seconds, Time};
pub use trade::{CurveState, Fee, Fees, Side, Trade, TraderKind};

/// Version of the formulas that every derived row carries.
pub const DEF_VERSION: u32 = 2;
