//! Times and multiplicities.
//!
//! Two clocks exist and are never mixed: event time, which the chain writes in whole seconds, and
//! logical time, which numbers the batches of a run.

/// Logical time in microseconds since the Unix epoch, minted at ingress and nowhere else.
///
/// Its whole second is the event clock (the greatest block time seen); the fraction only numbers the
/// batches within that second.
pub type Time = u64;

/// Multiplicity of a record in a collection: `+1` adds it, `-1` takes it back.
pub type Diff = isize;

/// Event time: seconds since the Unix epoch, as blocks carry it.
pub type Seconds = u64;

/// Wall time: milliseconds since the Unix epoch.
pub type Millis = u64;

/// The first second of the day on which the chain began, 2020-03-16: no block is older.
pub const FIRST_BLOCK_TIME: Seconds = 1_584_316_800;

/// The first second of 2100: a time from here on is no block's.
///
/// Source: DEFINITIONS §1, plausible time.
pub const LAST_BLOCK_TIME: Seconds = 4_102_444_800;

/// Microseconds in a second of logical time.
pub const MICROS_PER_SECOND: Time = 1_000_000;

/// The first logical time of an event second.
#[must_use]
pub const fn start_of(second: Seconds) -> Time {
    second.saturating_mul(MICROS_PER_SECOND)
}

/// The event second of a logical time.
#[must_use]
pub const fn second_of(time: Time) -> Seconds {
    time / MICROS_PER_SECOND
}
