//! Checkpoints: the state of the operators at a closed time, and where the log goes on from there.
//!
//! The newest two are kept: if the newest turns out not to be usable, the one before still is. Parts
//! are stored in pieces: a checkpoint of a long run has hundreds of megabytes, and whoever else writes to
//! the database waits for a piece at most. A checkpoint is there once its last step has named it; pieces
//! of one that was never finished are removed, one by one like those that are no longer kept. Each piece has a
//! checksum: SQLite has none of its own, and a state with one bit flipped may well be read without an error.

use model::Time;
use rusqlite::Connection;
use twox_hash::XxHash64;

use super::{Fault, integer, unsigned};

/// How many are kept.
const KEPT: i64 = 2;
/// Bytes of a piece.
const PIECE_BYTES: usize = 1024 * 1024;

/// The state of a run at a closed time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The state is that of all events of times before this one, and of no other.
    pub time: Time,
    /// The first event of the log that is not in the state.
    pub log_offset: u64,
    /// The parts in the order in which they were given: a name and what its owner wrote.
    pub parts: Vec<(String, Vec<u8>)>,
}

/// A checkpoint without its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointPlace {
    /// As in [`Checkpoint`].
    pub time: Time,
    /// As in [`Checkpoint`].
    pub log_offset: u64,
}

/// A step of writing a checkpoint. Each may be a transaction of its own.
#[derive(Clone, Copy, Debug)]
pub enum CheckpointStep<'c> {
    /// Takes back what there is of a checkpoint of this time.
    Begin(Time),
    /// Writes a piece.
    Piece {
        /// Of the checkpoint of this time.
        time: Time,
        /// Of the part of this number.
        part: i64,
        /// The number of the piece in the part.
        piece: i64,
        /// The name of the part.
        name: &'c str,
        /// The bytes.
        bytes: &'c [u8],
    },
    /// Says that the checkpoint is whole, and lets go of those that are no longer kept.
    End {
        /// As in [`Checkpoint`].
        place: CheckpointPlace,
        /// Number of parts.
        parts: usize,
    },
}

impl Checkpoint {
    /// What is to be done to write it, in order.
    pub fn steps(&self) -> impl Iterator<Item = CheckpointStep<'_>> {
        let time = self.time;
        let pieces = (0i64..).zip(&self.parts).flat_map(move |(part, (name, bytes))| {
            // A part without bytes is a part all the same: it has one empty piece.
            let empty: &[u8] = &[];
            let pieces = bytes.chunks(PIECE_BYTES).chain(bytes.is_empty().then_some(empty));
            (0i64..).zip(pieces).map(move |(piece, bytes)| CheckpointStep::Piece {
                time,
                part,
                piece,
                name,
                bytes,
            })
        });
        let place = CheckpointPlace { time, log_offset: self.log_offset };
        let end = CheckpointStep::End { place, parts: self.parts.len() };
        std::iter::once(CheckpointStep::Begin(time)).chain(pieces).chain([end])
    }
}

/// As an integer of SQLite, which has a sign.
fn checksum(name: &str, bytes: &[u8]) -> i64 {
    XxHash64::oneshot(XxHash64::oneshot(0, name.as_bytes()), bytes).cast_signed()
}

/// Does a step.
pub(super) fn write(connection: &Connection, step: CheckpointStep<'_>) -> Result<(), Fault> {
    match step {
        CheckpointStep::Begin(time) => {
            for table in ["_checkpoints", "_checkpoint_pieces"] {
                let sql = format!("DELETE FROM {table} WHERE time = ?1");
                connection.prepare_cached(&sql)?.execute((integer(time)?,))?;
            }
        }
        CheckpointStep::Piece { time, part, piece, name, bytes } => {
            connection
                .prepare_cached("INSERT INTO _checkpoint_pieces VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute((integer(time)?, part, piece, name, bytes, checksum(name, bytes)))?;
        }
        CheckpointStep::End { place, parts } => {
            connection.prepare_cached("INSERT INTO _checkpoints VALUES (?1, ?2, ?3)")?.execute((
                integer(place.time)?,
                integer(place.log_offset)?,
                i64::try_from(parts)?,
            ))?;
            let kept = "SELECT time FROM _checkpoints ORDER BY time DESC LIMIT ?1";
            let sql = format!("DELETE FROM _checkpoints WHERE time NOT IN ({kept})");
            connection.prepare_cached(&sql)?.execute((KEPT,))?;
        }
    }
    Ok(())
}

/// Removes a piece that belongs to no checkpoint; false if there is none.
pub(super) fn remove_piece(connection: &Connection) -> Result<bool, Fault> {
    let sql = "DELETE FROM _checkpoint_pieces WHERE (time, part, piece) IN (SELECT time, part, piece \
               FROM _checkpoint_pieces WHERE time NOT IN (SELECT time FROM _checkpoints) LIMIT 1)";
    Ok(connection.prepare_cached(sql)?.execute(())? > 0)
}

/// The kept checkpoints, the newest first.
pub(super) fn list(connection: &Connection) -> Result<Vec<CheckpointPlace>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT time, log_offset FROM _checkpoints ORDER BY time DESC")?;
    let mut rows = select.query(())?;
    let mut places = Vec::new();
    while let Some(row) = rows.next()? {
        places.push(CheckpointPlace { time: unsigned(row.get(0)?)?, log_offset: unsigned(row.get(1)?)? });
    }
    Ok(places)
}

/// The checkpoint at this place.
pub(super) fn load(connection: &Connection, place: CheckpointPlace) -> Result<Checkpoint, Fault> {
    let time = integer(place.time)?;
    let count: i64 = connection
        .prepare_cached("SELECT parts FROM _checkpoints WHERE time = ?1")?
        .query_row((time,), |row| row.get(0))?;
    let mut select = connection.prepare_cached(
        "SELECT part, name, bytes, checksum, piece FROM _checkpoint_pieces WHERE time = ?1 ORDER BY part, piece",
    )?;
    let mut rows = select.query((time,))?;
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    let mut pieces = 0i64;
    while let Some(row) = rows.next()? {
        let part = usize::try_from(row.get::<_, i64>(0)?)?;
        let (name, bytes): (String, &[u8]) = (row.get(1)?, row.get_ref(2)?.as_blob()?);
        pieces = if part == parts.len() { 0 } else { pieces + 1 };
        if row.get::<_, i64>(4)? != pieces || row.get::<_, i64>(3)? != checksum(&name, bytes) {
            return Err(format!(
                "piece {pieces} of its part {name} is damaged: it does not fit its checksum"
            )
            .into());
        }
        if part == parts.len() {
            parts.push((name, bytes.to_vec()));
        } else if let Some((_, so_far)) = parts.last_mut() {
            so_far.extend_from_slice(bytes);
        }
    }
    if i64::try_from(parts.len())? != count {
        return Err(format!(
            "{count} parts were written and {} are there; the file was changed",
            parts.len()
        )
        .into());
    }
    Ok(Checkpoint { time: place.time, log_offset: place.log_offset, parts })
}
