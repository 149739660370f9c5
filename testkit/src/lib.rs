//! Development only: what the tests of operators and dataflows share.
//!
//! * [`run`]: drives every dataflow over a list of events, with any number of workers, step by step or
//!   all at once, interrupted and restored anywhere, and says what the outputs were at each second.
//! * [`stream`]: random streams made to hurt: late, twice, without index, of dead forks.
//! * [`oracle`]: what the outputs should be, worked out from scratch from the bag of events.
//! * [`golden`]: small scenes with their outputs, readable and checkable by hand.
//!
//! Tests compare what the outputs *are* at a second, never how they came in batches, because only that
//! is promised.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on fails, and says where"
)]

pub mod golden;
pub mod oracle;
pub mod run;
pub mod stream;
