//! Incremental operators: plain functions from collections to collections.
//!
//! An operator cannot fail, read a clock, do I/O or log. An operator is a function of the collections it is
//! given, and every one is written in one of two ways:
//!
//! * **keyed** ([`mod@keyed`]): an ordinary struct that keeps what one key needs, takes in changes and timers,
//!   and names the outputs they alter. Such an operator carries the hot path, keeps bounded state, and can be
//!   snapshotted and restored on any number of workers.
//! * **relational**: differential's own joins and reductions, for what is small and changes arbitrarily.
//!
//! Trades pass through [`slots`] (each event once, none of dead forks), [`prices`] (is the price
//! credible), [`usd`] (what were they worth), [`series`] (whom do they speak for) and from there to whatever
//! derives from them.

pub mod alerts;
pub mod bar;
pub mod candles;
pub mod commitment;
pub mod curves;
pub mod holders;
pub mod indicators;
pub mod keyed;
pub mod labels;
pub mod leaders;
pub mod number;
pub mod prelude;
pub mod prices;
pub mod primary;
mod room;
pub mod series;
pub mod slots;
pub mod smart;
pub mod tokens;
pub mod trades;
pub mod usd;
pub mod wallets;
pub mod windows;
