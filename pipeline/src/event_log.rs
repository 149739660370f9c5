//! The event log of an embedded store as a source, to replay a run from what it has kept.
//!
//! The events leave without the times that the run gave them, and get times anew: those times say how
//! the run was batched and how it kept pace, and a replay depends on the events alone. So everything
//! that a replay of recorded files can do (another order, another speed, other workers) it can do with
//! these as well, and at every whole second the outputs are the same.

use std::path::Path;

use model::Event;
use sinks::sqlite::LogReader;
use sources::{Counts, Source, SourceError, Step};

/// Name of the source.
const NAME: &str = "log";
/// Events taken by one read.
const EVENTS_PER_READ: usize = 4_096;

/// The events that a database holds.
pub(crate) struct EventLog {
    reader: LogReader,
    first: u64,
    next: u64,
}

impl EventLog {
    /// The log of the database as it is now; a run may go on writing to it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let reader = LogReader::open(path)?;
        let first = reader.start()?;
        Ok(Self { reader, first, next: first })
    }

    /// How many events the run has had that are no longer in its log.
    pub(crate) fn let_go(&self) -> u64 {
        self.first
    }
}

impl Source for EventLog {
    fn name(&self) -> &str {
        NAME
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        let read = self.reader.read(self.next, EVENTS_PER_READ).map_err(|error| SourceError::Io {
            path: format!("the event log of {}", self.reader.path().display()),
            source: std::io::Error::other(error),
        })?;
        self.next += read.len() as u64;
        // Where its runs ended is no matter of the market.
        events.extend(
            read.into_iter().map(|(_, event)| event).filter(|event| !matches!(event, Event::Mark(_))),
        );
        Ok(if self.next < self.reader.end() { Step::More } else { Step::End })
    }

    fn counts(&self) -> Counts {
        Counts::new()
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    fn done_ratio(&self) -> Option<f64> {
        let all = self.reader.end() - self.first;
        (all > 0).then(|| (self.next - self.first) as f64 / all as f64)
    }
}
