//! A source with an oracle, or with what people say, beside it: merged into its events by time.
//!
//! A quote is yielded before the first event whose block time is not before it was published, so that a
//! price is there before what it is to value; the rest comes at the end. A quote moves no clock. What
//! comes out depends on the two streams alone, not on how much of each is read at once, so that a run
//! that goes on from its event log can pass over what it has by counting.
//!
//! The quotes are expected in the order in which they were published; one that lies behind comes with
//! the next that does not. Quotes that the source brings of its own are passed over, and counted: two
//! oracles that disagree, a simulated and a real one say, are worse than either.
//!
//! Lists of wallets are merged in the same way: an entry stands before the first event whose block time is not
//! before it was known. They replace those of the source, too, which the log of a run has.

use std::collections::VecDeque;

use model::{Control, Event, Seconds};

use crate::{Counts, Source, SourceError, Step};

/// Count of the quotes of the source that the oracle beside it replaces.
const PASSED_OVER: &str = "quote_passed_over";
/// Count of the entries of lists that others beside the source replace.
const ENTRY_PASSED_OVER: &str = "list_entry_passed_over";

/// A source and the quotes beside it.
pub struct Quoted {
    source: Box<dyn Source>,
    quotes: Box<dyn Source>,
    /// Quotes, and what could not be read as one, that are not yet due.
    waiting: VecDeque<Event>,
    has_more_quotes: bool,
    clock: Seconds,
    /// What of the source is left out, and under which name it is counted.
    replaces: (fn(&Event) -> bool, &'static str),
    passed_over: u64,
    /// What one read of either brought.
    read: Vec<Event>,
}

impl Quoted {
    /// Merges `quotes`, a finite source, into `source`.
    #[must_use]
    pub fn new(source: Box<dyn Source>, quotes: Box<dyn Source>) -> Self {
        Self {
            source,
            quotes,
            waiting: VecDeque::new(),
            has_more_quotes: true,
            clock: 0,
            replaces: (|event| matches!(event, Event::Quote(_)), PASSED_OVER),
            passed_over: 0,
            read: Vec::new(),
        }
    }

    /// Merges `lists`, a finite source, into `source`; they replace the lists that the source brings.
    #[must_use]
    pub fn with_lists(source: Box<dyn Source>, lists: Box<dyn Source>) -> Self {
        let is_entry = |event: &Event| {
            matches!(event, Event::Control(Control::AddListEntry(_) | Control::RemoveListEntry { .. }))
        };
        Self { replaces: (is_entry, ENTRY_PASSED_OVER), ..Self::new(source, lists) }
    }

    /// Yields the quotes up to a time.
    fn release(&mut self, upto: Seconds, events: &mut Vec<Event>) -> Result<(), SourceError> {
        loop {
            while let Some(next) = self.waiting.front() {
                if due(next).is_some_and(|due| due > upto) {
                    return Ok(());
                }
                events.extend(self.waiting.pop_front());
            }
            if !self.has_more_quotes {
                return Ok(());
            }
            let mut read = Vec::new();
            self.has_more_quotes = self.quotes.read(&mut read)? == Step::More;
            self.waiting.extend(read);
        }
    }
}

/// The second of the first events that it stands before; none if it bears no time.
const fn due(event: &Event) -> Option<Seconds> {
    match event {
        Event::Quote(quote) => Some(quote.publish_time),
        Event::Control(control) => Some(control.due()),
        Event::Chain(_) | Event::Slot(_) | Event::Reject(_) | Event::Mark(_) => None,
    }
}

impl Source for Quoted {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        let mut read = std::mem::take(&mut self.read);
        let step = self.source.read(&mut read)?;
        for event in read.drain(..) {
            if (self.replaces.0)(&event) {
                self.passed_over += 1;
                continue;
            }
            if let Some(second) = event.clock().filter(|second| *second > self.clock) {
                self.clock = second;
                self.release(second, events)?;
            }
            events.push(event);
        }
        self.read = read;
        if step == Step::End {
            self.release(Seconds::MAX, events)?;
        }
        Ok(step)
    }

    fn counts(&self) -> Counts {
        let mut counts = self.source.counts();
        counts.extend(self.quotes.counts());
        if self.passed_over > 0 {
            counts.insert(self.replaces.1.to_owned(), self.passed_over);
        }
        counts
    }

    fn done_ratio(&self) -> Option<f64> {
        self.source.done_ratio()
    }
}

#[cfg(test)]
mod tests {
    use model::{Address, Price, PriceQuote, SlotState, SlotStatus};

    use super::*;

    /// Yields so many events a read.
    struct List(std::vec::IntoIter<Event>, usize);

    impl Source for List {
        fn name(&self) -> &'static str {
            "list"
        }
        fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
            events.extend(self.0.by_ref().take(self.1));
            Ok(if self.0.len() == 0 { Step::End } else { Step::More })
        }
        fn counts(&self) -> Counts {
            Counts::new()
        }
    }

    fn at(slot: u64, block_time: Option<Seconds>) -> Event {
        Event::Slot(SlotStatus { slot, state: SlotState::Processed, parent: None, block_time })
    }

    fn quote(publish_time: Seconds) -> Event {
        let (mint, usd, source) = (Address::WSOL, Price::new(1.5).unwrap(), "test".to_owned());
        Event::Quote(PriceQuote { mint, usd, publish_time, source })
    }

    #[test]
    fn a_quote_stands_before_the_first_event_of_its_time_however_much_is_read_at_once() {
        let events =
            [at(1, Some(10)), at(2, None), at(3, Some(12)), quote(12), at(4, Some(11)), at(5, Some(15))];
        let quotes = [quote(9), quote(11), quote(10), quote(15), quote(99)];
        let expected = vec![
            quote(9),
            at(1, Some(10)),
            at(2, None),
            quote(11),
            quote(10),
            at(3, Some(12)),
            at(4, Some(11)),
            quote(15),
            at(5, Some(15)),
            quote(99),
        ];
        for (of_events, of_quotes) in [(1, 1), (2, 5), (6, 1), (6, 5), (4, 2)] {
            let (events, quotes) = (Vec::from(events.clone()), Vec::from(quotes.clone()));
            let events = Box::new(List(events.into_iter(), of_events));
            let mut source = Quoted::new(events, Box::new(List(quotes.into_iter(), of_quotes)));
            let mut out = Vec::new();
            while source.read(&mut out).unwrap() == Step::More {}
            assert_eq!(out, expected, "{of_events} events and {of_quotes} quotes a read");
            assert_eq!(source.counts()[PASSED_OVER], 1);
        }
    }
}
