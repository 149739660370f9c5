//! What a sink holds, however it holds it.

use std::fmt;
use std::path::PathBuf;

use model::Time;

use super::{SnapshotRow, rows};
use crate::{Description, SinkError};

/// How many rows of a record there are, and a checksum of them.
///
/// The checksum is the sum of a hash of every row, without `as_of` and `received_at`, so that it does not depend on
/// the order in which a sink gives its rows, and a row that is replaced can be taken out of it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// Sum of their hashes.
    pub checksum: u128,
}

impl Digest {
    /// Takes a row in.
    pub fn add(&mut self, row: &SnapshotRow) {
        self.put(hash(row.line.as_bytes()));
    }

    pub(crate) fn put(&mut self, hash: u128) {
        self.rows += 1;
        self.checksum = self.checksum.wrapping_add(hash);
    }

    #[cfg(feature = "kafka")]
    pub(crate) fn take_out(&mut self, hash: u128) {
        self.rows -= 1;
        self.checksum = self.checksum.wrapping_sub(hash);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.checksum)
    }
}

/// As FNV-1a of 128 bits, but by words of eight bytes and from the length on, and its halves mixed: sums of plain
/// FNV would let the differences of two rows cancel out, since its low bits depend on the low bits of the text alone.
pub(crate) fn hash(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let take_in = |hash: u128, word: u64| (hash ^ u128::from(word)).wrapping_mul(PRIME);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let fnv = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    let fnv = fnv.fold(take_in(BASIS, bytes.len() as u64), take_in);
    let mixed = (fnv ^ (fnv >> 67)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    mixed ^ (mixed >> 61)
}

/// What a sink holds, to be read and compared. It is opened beside the sink and does not disturb it.
pub trait Contents: Send {
    /// The frontier up to which everything is there; none before the first flush, or where it is not said.
    ///
    /// # Errors
    /// When the far side cannot be asked.
    fn frontier(&mut self) -> Result<Option<Time>, SinkError>;

    /// Hands over the rows of a record as they stand, each key once, in any order.
    ///
    /// # Errors
    /// When the far side cannot be read, or holds what the sink would not have written; and what `each` returns.
    fn read(
        &mut self,
        record: &Description,
        each: &mut dyn FnMut(SnapshotRow) -> Result<(), SinkError>,
    ) -> Result<(), SinkError>;

    /// The number of the rows of a record, and their checksum.
    ///
    /// # Errors
    /// As [`Contents::read`].
    fn digest(&mut self, record: &Description) -> Result<Digest, SinkError> {
        let mut digest = Digest::default();
        self.read(record, &mut |row| {
            digest.add(&row);
            Ok(())
        })?;
        Ok(digest)
    }
}

/// The finished output of the sink `jsonl` or `sqlite`.
pub struct Finished {
    sink: &'static str,
    path: PathBuf,
}

impl Finished {
    /// A folder or a database.
    #[must_use]
    pub fn new(sink: &'static str, path: PathBuf) -> Self {
        Self { sink, path }
    }
}

impl Contents for Finished {
    fn frontier(&mut self) -> Result<Option<Time>, SinkError> {
        #[cfg(feature = "sqlite")]
        if self.path.is_file() {
            return crate::sqlite::frontier(&self.path)
                .map_err(|e| SinkError::new(self.sink, format!("read {}", self.path.display()), e));
        }
        Ok(None)
    }

    fn read(
        &mut self,
        record: &Description,
        each: &mut dyn FnMut(SnapshotRow) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let fault = |e| SinkError::new(self.sink, format!("read the record {}", record.record), e);
        for row in rows(&self.path, record.clone()).map_err(fault)? {
            each(row.map_err(fault)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Key;

    fn digest(lines: &[&str]) -> Digest {
        let mut digest = Digest::default();
        for line in lines {
            digest.add(&SnapshotRow { key: Key(Vec::new()), line: (*line).to_owned() });
        }
        digest
    }

    #[test]
    fn a_checksum_depends_on_the_rows_and_not_on_their_order() {
        assert_eq!(digest(&["a1", "b2", "c3"]), digest(&["c3", "a1", "b2"]));
        assert_ne!(digest(&["a1", "b2"]), digest(&["a2", "b1"]), "what is swapped between rows");
        assert_ne!(digest(&["a1"]), digest(&["a1", "a1"]));
        assert_ne!(digest(&[]).to_string(), digest(&[""]).to_string());
        assert_ne!(digest(&["a"]), digest(&["a\0"]), "what fills a word up");
        assert_eq!(digest(&["a"]).to_string().len(), 32);
    }
}
