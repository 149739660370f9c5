//! The simulated market as a source of events.

use model::Event;

use super::{Item, Market, Params, ParamsError};
use crate::decoder::Decoder;
use crate::ranks::QuoteRanks;
use crate::{Counts, Source, SourceError, Step};

/// Slots that one read goes on for at most, so that a quiet market still lets its reader breathe.
const SLOTS_A_READ: usize = 16;
/// Events after which a read ends.
const EVENTS_A_READ: usize = 1_024;

/// A simulated market, decoded the way a live feed would be.
pub struct Simulate {
    market: Market,
    decoder: Decoder,
    items: Vec<Item>,
}

impl Simulate {
    /// The market of `params`.
    ///
    /// # Errors
    /// When parameters are out of range; all of them are named.
    pub fn new(params: &Params) -> Result<Self, ParamsError> {
        Ok(Self { market: Market::new(params)?, decoder: Decoder::new("simulate"), items: Vec::new() })
    }
}

impl Simulate {
    /// The same with other ranks of quote tokens.
    #[must_use]
    pub fn ranked(self, ranks: &QuoteRanks) -> Self {
        Self { decoder: self.decoder.ranked(ranks), ..self }
    }
}

impl Source for Simulate {
    fn name(&self) -> &str {
        "simulate"
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        let enough = events.len() + EVENTS_A_READ;
        for _ in 0..SLOTS_A_READ {
            let more = self.market.next_slot(&mut self.items);
            for item in self.items.drain(..) {
                match item {
                    Item::Slot(status) => events.push(Event::Slot(status)),
                    Item::Quote(quote) => events.push(Event::Quote(quote)),
                    Item::Transaction(transaction) => {
                        // A simulated transaction has no line to point at; its name is its place.
                        let cursor = transaction.signature.to_string();
                        self.decoder.events(&transaction, &cursor, events);
                    }
                }
            }
            if !more {
                self.decoder.finish(events);
                return Ok(Step::End);
            }
            if events.len() >= enough {
                break;
            }
        }
        Ok(Step::More)
    }

    fn counts(&self) -> Counts {
        self.decoder.counts().clone()
    }

    fn done_ratio(&self) -> Option<f64> {
        self.market.done_ratio()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_yields_events_without_rejects_until_its_end() {
        let params = Params { seconds: Some(30), scale: 5.0, ..Params::default() };
        let mut source = Simulate::new(&params).unwrap();
        let mut events = Vec::new();
        while source.read(&mut events).unwrap() == Step::More {}
        assert!(events.iter().any(|e| matches!(e, Event::Chain(_))));
        assert!(!events.iter().any(|e| matches!(e, Event::Reject(_))));
        let quoted = |e: &Event| if let Event::Quote(quote) = e { Some(quote.publish_time) } else { None };
        let expected: Vec<_> = (0..30).map(|second| params.start_time_s + second).collect();
        assert_eq!(events.iter().filter_map(quoted).collect::<Vec<_>>(), expected, "one a second");
        let clock = events.iter().filter_map(Event::clock).max();
        assert_eq!(clock, Some(params.start_time_s + 29), "news of slots move the clock to the end");
        assert_eq!(source.done_ratio(), Some(1.0));
        assert!(source.counts()["failed_tx"] > 0);
    }
}
