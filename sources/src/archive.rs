//! The raw archive: what was taken in, before decoding, in files of a thousand slots.
//!
//! A file is named `<first>-<last>.jsonl.zst`, holds the lines of each block in order of their slots, and has a
//! Zstandard frame a block. A file is written aside under a name with a dot, which readers of folders pass
//! over, and put in place when its range is whole; so a file that is there is whole, also after a crash. The
//! source `transactions` reads a folder of such files as it is.
//!
//! The archive does not know what is in a line, and it is never changed in place.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Slots of a file, unless a setting says otherwise.
pub const SLOTS_PER_FILE: u64 = 1_000;
/// How hard Zstandard tries: its own default.
const LEVEL: i32 = 3;
/// Digits of a slot in a name, so that names sort as slots do.
const DIGITS: usize = 12;
const ENDING: &str = ".jsonl.zst";

/// A folder of files.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

/// A file that is in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The slots that it is of.
    pub slots: RangeInclusive<u64>,
    /// Where it is.
    pub path: PathBuf,
    /// The file's size.
    pub bytes: u64,
}

impl Archive {
    /// An archive in a folder, which is made when something is written.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The files in place, in order of their first slots.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn parts(&self) -> io::Result<Vec<Part>> {
        let mut parts = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if let Some(slots) = entry.file_name().to_str().and_then(slots_of) {
                parts.push(Part { slots, path: entry.path(), bytes: entry.metadata()?.len() });
            }
        }
        parts.sort_by_key(|part| *part.slots.start());
        Ok(parts)
    }

    /// True if a file of exactly these slots is in place.
    #[must_use]
    pub fn has(&self, slots: &RangeInclusive<u64>) -> bool {
        self.path(slots).exists()
    }

    /// Puts the file of these slots in place: the lines of each block, in order.
    ///
    /// # Errors
    /// When the folder cannot be made or the file cannot be written.
    pub fn write<'l>(
        &self,
        slots: &RangeInclusive<u64>,
        blocks: impl IntoIterator<Item = &'l [String]>,
    ) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path(slots);
        let aside = self.folder.join(format!(".{}.part", name_of(slots)));
        let mut file = File::create(&aside)?;
        for lines in blocks {
            let mut text = lines.join("\n");
            text.push('\n');
            file.write_all(&zstd::bulk::compress(text.as_bytes(), LEVEL)?)?;
        }
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        sync_folder(&self.folder)?;
        Ok(path)
    }

    fn path(&self, slots: &RangeInclusive<u64>) -> PathBuf {
        self.folder.join(name_of(slots))
    }
}

/// The slots of `all`, cut where files end: at whole multiples of `slots_per_file`.
pub fn cut(all: RangeInclusive<u64>, slots_per_file: u64) -> impl Iterator<Item = RangeInclusive<u64>> {
    let each = slots_per_file.max(1);
    let last = *all.end();
    let mut next = Some(*all.start()).filter(|first| *first <= last);
    std::iter::from_fn(move || {
        let first = next?;
        let end = (first / each).saturating_mul(each).saturating_add(each - 1).min(last);
        next = end.checked_add(1).filter(|first| *first <= last);
        Some(first..=end)
    })
}

fn name_of(slots: &RangeInclusive<u64>) -> String {
    format!("{:0DIGITS$}-{:0DIGITS$}{ENDING}", slots.start(), slots.end())
}

fn slots_of(name: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = name.strip_suffix(ENDING)?.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// Makes a new name durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_file_is_in_place_once_it_is_whole_and_holds_a_frame_a_block() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::new(folder.path().join("raw"));
        let blocks = [lines(&["{\"a\":1}", "{\"b\":2}"]), lines(&["{\"c\":3}"])];
        let path = archive.write(&(5..=9), blocks.iter().map(Vec::as_slice)).unwrap();
        assert!(archive.has(&(5..=9)) && !archive.has(&(5..=10)));
        let packed = fs::read(&path).unwrap();
        assert_eq!(packed.windows(4).filter(|at| *at == [0x28, 0xb5, 0x2f, 0xfd]).count(), 2);
        let text = zstd::decode_all(&packed[..]).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
        let parts = archive.parts().unwrap();
        assert_eq!(parts.iter().map(|part| part.slots.clone()).collect::<Vec<_>>(), [5..=9]);
    }

    #[test]
    fn what_was_cut_off_in_the_middle_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".000000000005-000000000009.jsonl.zst.part"), "half").unwrap();
        fs::write(folder.path().join("notes.txt"), "other").unwrap();
        assert_eq!(Archive::new(folder.path()).parts().unwrap(), []);
    }

    #[test]
    fn ranges_are_cut_at_whole_multiples() {
        assert_eq!(cut(7..=2_100, 1_000).collect::<Vec<_>>(), [7..=999, 1_000..=1_999, 2_000..=2_100]);
        assert_eq!(cut(5..=5, 1_000).collect::<Vec<_>>(), [5..=5]);
        assert_eq!(cut(u64::MAX - 1..=u64::MAX, 10).count(), 1);
    }
}
