//! The files behind a list of paths: folders with all that is in them, compressed files, standard input.
//!
//! Folders are read recursively in the order of names, so that the same paths always give the same
//! order. Files whose names begin with a dot are left out of folders. Links to folders are not followed,
//! because they can go round in circles.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read from a file at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Files to be read, one after the other.
pub(crate) struct Files {
    pending: VecDeque<Found>,
    bytes: u64,
    read: Arc<AtomicU64>,
    skipped: u64,
}

/// A path as found, or why it was not.
struct Found {
    path: PathBuf,
    error: Option<io::Error>,
}

/// An opened file, decompressed.
pub(crate) struct Opened {
    /// Its path as it was given or found.
    pub(crate) path: String,
    /// Its content, or why it cannot be read.
    pub(crate) content: io::Result<Box<dyn BufRead + Send>>,
}

impl Files {
    /// Looks up what there is; nothing is opened yet.
    pub(crate) fn new(paths: &[PathBuf]) -> Self {
        let mut files =
            Self { pending: VecDeque::new(), bytes: 0, read: Arc::new(AtomicU64::new(0)), skipped: 0 };
        for path in paths {
            files.look_up(path);
        }
        files
    }

    fn look_up(&mut self, path: &Path) {
        if is_standard_input(path) {
            self.pending.push_back(Found { path: path.to_owned(), error: None });
            return;
        }
        let error = match fs::metadata(path) {
            Ok(found) if found.is_dir() => match self.look_into(path) {
                Ok(()) => return,
                Err(error) => Some(error),
            },
            Ok(found) => {
                self.bytes = self.bytes.saturating_add(found.len());
                None
            }
            Err(error) => Some(error),
        };
        self.pending.push_back(Found { path: path.to_owned(), error });
    }

    fn look_into(&mut self, folder: &Path) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let is_linked_folder = entry.file_type()?.is_symlink() && path.is_dir();
            if is_linked_folder || entry.file_name().as_encoded_bytes().starts_with(b".") {
                self.skipped += 1;
            } else {
                self.look_up(&path);
            }
        }
        Ok(())
    }

    /// Opens the next file; none after the last.
    pub(crate) fn next(&mut self) -> Option<Opened> {
        let Found { path, error } = self.pending.pop_front()?;
        let content = match error {
            Some(error) => Err(error),
            None => self.open(&path),
        };
        let path = if is_standard_input(&path) { "stdin".to_owned() } else { path.display().to_string() };
        Some(Opened { path, content })
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
        /// First bytes of a Zstandard frame, of a gzip member, of a SQLite database.
        const ZSTANDARD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
        const GZIP: [u8; 2] = [0x1f, 0x8b];
        const SQLITE: &[u8] = b"SQLite format 3\0";
        /// A byte order mark, which some editors put before UTF-8.
        const MARK: &[u8] = "\u{feff}".as_bytes();
        let raw: Box<dyn Read + Send> = if is_standard_input(path) {
            Box::new(io::stdin())
        } else {
            Box::new(Counted { file: File::open(path)?, read: Arc::clone(&self.read) })
        };
        let mut raw = BufReader::with_capacity(BUFFER_BYTES, raw);
        // By its content, not its name: what comes through standard input has none.
        let head = raw.fill_buf()?;
        if head.starts_with(SQLITE) {
            return Err(io::Error::other(
                "a database; `millrace replay --log` reads what its run has logged",
            ));
        }
        let (is_zstandard, is_gzip) = (head.starts_with(&ZSTANDARD), head.starts_with(&GZIP));
        let mut plain: Box<dyn BufRead + Send> = if is_zstandard {
            let decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        } else if is_gzip {
            // Of several members, as `cat a.gz b.gz` makes them.
            let decoder = flate2::bufread::MultiGzDecoder::new(raw);
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        } else {
            Box::new(raw)
        };
        if plain.fill_buf()?.starts_with(MARK) {
            plain.consume(MARK.len());
        }
        Ok(plain)
    }

    /// How much of all files was read, from 0 to 1; none where the amount is not known.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for a progress bar")]
    pub(crate) fn done_ratio(&self) -> Option<f64> {
        let read = self.read.load(Ordering::Relaxed);
        (self.bytes > 0).then(|| (read as f64 / self.bytes as f64).min(1.0))
    }

    /// Hidden files and linked folders that were left out.
    pub(crate) const fn skipped(&self) -> u64 {
        self.skipped
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &mut Files) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(opened) = files.next() {
            let mut text = String::new();
            opened.content.unwrap().read_to_string(&mut text).unwrap();
            names.push(text);
        }
        names
    }

    #[test]
    fn folders_are_read_recursively_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        for (name, text) in [("c", "3"), ("a", "1"), ("b/x", "2"), (".hidden", "no")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut files = Files::new(&[folder.path().to_owned()]);
        assert_eq!(names(&mut files), ["1", "2", "3"]);
        assert_eq!((files.skipped(), files.done_ratio()), (1, Some(1.0)));
    }

    #[test]
    fn compressed_files_are_told_by_their_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no_extension");
        fs::write(&path, zstd::encode_all(&b"hello"[..], 0).unwrap()).unwrap();
        assert_eq!(names(&mut Files::new(&[path])), ["hello"]);
    }

    #[test]
    fn gzip_and_a_byte_order_mark_are_seen_through() {
        use io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("packed");
        let pack = |text: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        fs::write(&path, [pack("\u{feff}hel".as_bytes()), pack(b"lo")].concat()).unwrap();
        assert_eq!(names(&mut Files::new(std::slice::from_ref(&path))), ["hello"]);
        fs::write(&path, "\u{feff}hello").unwrap();
        assert_eq!(names(&mut Files::new(&[path])), ["hello"]);
    }

    #[test]
    fn a_path_that_is_not_there_is_an_error_in_its_place() {
        let mut files = Files::new(&[PathBuf::from("/nowhere/at/all")]);
        assert!(files.next().unwrap().content.is_err());
        assert!(files.next().is_none());
    }
}
