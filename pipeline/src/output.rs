//! Where a command writes lines: a file, a packed file, standard output.

use std::fs::File;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

use zstd::stream::write::Encoder;

/// Bytes gathered before a write.
const BUFFER_BYTES: usize = 1 << 18;

/// An open output. [`Output::finish`] completes it; what is only dropped may lack its end.
pub(crate) enum Output {
    /// Standard output.
    Standard(BufWriter<StdoutLock<'static>>),
    /// A file.
    Plain(BufWriter<File>),
    /// A file packed with zstd.
    Packed(Box<Encoder<'static, BufWriter<File>>>),
}

impl Output {
    /// Opens `path`: `-` is standard output, and a name that ends in `.zst` is packed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::standard());
        }
        let file = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
        if path.extension().is_some_and(|extension| extension == "zst") {
            return Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)
                .map(|encoder| Self::Packed(Box::new(encoder)));
        }
        Ok(Self::Plain(file))
    }

    /// Standard output, buffered: whoever writes flushes or finishes it.
    pub(crate) fn standard() -> Self {
        Self::Standard(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()))
    }

    /// Writes what is still held back.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Standard(mut out) => out.flush(),
            Self::Plain(mut out) => out.flush(),
            Self::Packed(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(out) => out.write(bytes),
            Self::Plain(out) => out.write(bytes),
            Self::Packed(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(out) => out.flush(),
            Self::Plain(out) => out.flush(),
            Self::Packed(out) => out.flush(),
        }
    }
}
