//! The source `quotes`: prices of quote tokens in USD, out of files.
//!
//! A file holds what an oracle said, one JSON object a line: `{"symbol": "SOL", "usd": 151.2,
//! "publish_time": 1790000000, "source": "pyth"}`, or `mint` instead of `symbol`. That is also how a
//! recording of the simulated market writes its own.
//!
//! It yields the quotes as the files have them. Who feeds them to a dataflow merges them with what they
//! are about: see [`crate::quoted`].

use std::path::PathBuf;

use model::{Event, Reject, RejectReason};
use serde::{Deserialize, Serialize};

use crate::formats::Feed;
use crate::transactions::Recording;
use crate::{Counts, Source, SourceError, Step};

/// Name of the source.
const NAME: &str = "quotes";
/// Lines taken in by one read.
const LINES_PER_READ: usize = 256;

/// Settings of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files and folders; `-` is standard input.
    pub paths: Vec<PathBuf>,
}

/// The source.
pub struct Quotes {
    recording: Recording,
    quotes: u64,
}

impl Quotes {
    /// The source with these settings; nothing is opened yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { recording: Recording::new(&config.paths), quotes: 0 }
    }
}

impl Source for Quotes {
    fn name(&self) -> &str {
        NAME
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        for _ in 0..LINES_PER_READ {
            let Some(item) = self.recording.next() else { return Ok(Step::End) };
            let detail = match item.feed {
                Ok(Feed::Quote(quote)) => {
                    self.quotes += 1;
                    events.push(Event::Quote(quote));
                    continue;
                }
                Ok(_) => "is no quote: `usd` and `publish_time` are missing".to_owned(),
                Err(detail) => detail,
            };
            events.push(Event::Reject(Reject {
                source: NAME.to_owned(),
                cursor: item.cursor,
                reason: RejectReason::Malformed,
                program: None,
                signature: None,
                slot: None,
                detail,
            }));
        }
        Ok(Step::More)
    }

    fn counts(&self) -> Counts {
        Counts::from([(NAME.to_owned(), self.quotes)])
    }

    fn done_ratio(&self) -> Option<f64> {
        self.recording.done_ratio()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_read_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quotes.jsonl");
        let text = "{\"symbol\":\"SOL\",\"usd\":150.5,\"publish_time\":7}\n\
                    {\"slot\":{\"slot\":\"1\",\"parent\":\"0\",\"status\":6}}\n{\"symbol\":\"SOL\",\n\
                    {\"symbol\":\"SOL\",\"usd\":151,\"publish_time\":8}\n";
        std::fs::write(&path, text).unwrap();
        let mut source = Quotes::new(&Config { paths: vec![path] });
        let mut events = Vec::new();
        assert_eq!(source.read(&mut events).unwrap(), Step::End);
        let found: Vec<_> = events
            .iter()
            .map(|event| match event {
                Event::Quote(quote) => (quote.publish_time, String::new()),
                Event::Reject(reject) => (0, reject.cursor.rsplit(':').next().unwrap().to_owned()),
                other => panic!("{other:?}"),
            })
            .collect();
        let at = |line: &str| (0, line.to_owned());
        assert_eq!(found, [(7, String::new()), at("2"), at("3"), (8, String::new())]);
        assert_eq!(source.counts()["quotes"], 2);
    }
}
