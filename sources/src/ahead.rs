//! A source with events that come before all of its own, such as the rules that a file seeds.

use model::Event;

use crate::{Counts, Source, SourceError, Step};

/// See the module.
pub struct Ahead {
    source: Box<dyn Source>,
    events: Vec<Event>,
}

impl Ahead {
    /// Puts `events` before those of `source`.
    #[must_use]
    pub fn new(source: Box<dyn Source>, events: Vec<Event>) -> Self {
        Self { source, events }
    }
}

impl Source for Ahead {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        if !self.events.is_empty() {
            events.append(&mut self.events);
            return Ok(Step::More);
        }
        self.source.read(events)
    }

    fn counts(&self) -> Counts {
        self.source.counts()
    }

    fn done_ratio(&self) -> Option<f64> {
        self.source.done_ratio()
    }
}
