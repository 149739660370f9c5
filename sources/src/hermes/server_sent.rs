//! Server-sent events, as a browser's `EventSource` reads them.
//!
//! Source: WHATWG HTML, "Server-sent events", the event stream format. Fields `id` and `retry` have no use
//! here: Hermes sends neither.

use std::io::{self, BufRead, Read};

/// The longest event that is read, in bytes: an update of hundreds of feeds, many times over.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ServerSent {
    /// Its type; empty for an ordinary message.
    pub(super) kind: String,
    /// Its data: the lines of it, joined.
    pub(super) data: String,
}

/// Reads the next event; none at the end of the stream, where an unfinished event is dropped as the
/// standard wants it.
///
/// # Errors
/// When the stream breaks, is no text, or an event is too long.
pub(super) fn next(stream: &mut impl BufRead) -> io::Result<Option<ServerSent>> {
    let mut event = ServerSent::default();
    let (mut has_data, mut left, mut line) = (false, BYTES_MAX, String::new());
    loop {
        line.clear();
        let read = stream.by_ref().take(left).read_line(&mut line)?;
        left -= read as u64;
        if read == 0 {
            return if left == 0 { Err(io::Error::other("an event is longer than 4 MiB")) } else { Ok(None) };
        }
        let text = line.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            if has_data {
                return Ok(Some(event));
            }
            event.kind.clear();
            // Comments keep the connection alive for ever; only what an event gathers is bounded.
            left = BYTES_MAX;
            continue;
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if has_data {
                    event.data.push('\n');
                }
                event.data.push_str(value);
                has_data = true;
            }
            "event" => value.clone_into(&mut event.kind),
            // A comment has an empty name.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let mut stream = io::BufReader::with_capacity(3, text.as_bytes());
        let events = std::iter::from_fn(|| next(&mut stream).unwrap());
        events.map(|event| (event.kind, event.data)).collect()
    }

    #[test]
    fn data_is_gathered_until_an_empty_line() {
        let text = ":\n\n:No update available\n\ndata:{\"a\":1}\n\ndata: x\r\ndata:  y\r\n\r\nevent:error\n\
                    id: 7\nretry\ndata:bad\n\nevent:lonely\n\ndata:\n\ndata:cut off";
        let expected = [("", "{\"a\":1}"), ("", "x\n y"), ("error", "bad"), ("", "")];
        assert_eq!(read(text), expected.map(|(kind, data)| (kind.to_owned(), data.to_owned())));
    }

    #[test]
    fn an_endless_event_is_an_error_and_endless_comments_are_not() {
        let endless = io::repeat(b'x').take(BYTES_MAX + 1);
        assert!(next(&mut io::BufReader::new(endless)).unwrap_err().to_string().contains("4 MiB"));
        let comments = ":\n\n".repeat(usize::try_from(BYTES_MAX).unwrap() / 3 + 2) + "data:1\n\n";
        assert_eq!(next(&mut comments.as_bytes()).unwrap().unwrap().data, "1");
    }
}
