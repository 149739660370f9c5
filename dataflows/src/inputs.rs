//! What every dataflow may read, and the handles through which it is fed.

use differential_dataflow::input::InputSession;
use model::{ChainEvent, Control, Diff, Event, PriceQuote, Reject, SlotStatus, Time};
use operators::prelude::Collection;
use timely::dataflow::Scope;

/// The input collections.
pub struct Inputs<'s> {
    /// Events of the chain as sources deliver them: late, twice, of dead forks.
    pub events: Collection<'s, ChainEvent>,
    /// News of slots.
    pub slots: Collection<'s, SlotStatus>,
    /// Prices of quote tokens.
    pub quotes: Collection<'s, PriceQuote>,
    /// What people say and take back.
    pub controls: Collection<'s, Control>,
    /// What sources refused.
    pub rejects: Collection<'s, Reject>,
}

/// Where the events of one worker go in.
pub struct Feeds {
    events: InputSession<Time, ChainEvent, Diff>,
    slots: InputSession<Time, SlotStatus, Diff>,
    quotes: InputSession<Time, PriceQuote, Diff>,
    controls: InputSession<Time, Control, Diff>,
    rejects: InputSession<Time, Reject, Diff>,
}

impl Feeds {
    /// The inputs of a dataflow in `scope`, and the handles that feed them.
    pub fn new<'s>(scope: Scope<'s, Time>) -> (Self, Inputs<'s>) {
        let mut feeds = Self {
            events: InputSession::new(),
            slots: InputSession::new(),
            quotes: InputSession::new(),
            controls: InputSession::new(),
            rejects: InputSession::new(),
        };
        let inputs = Inputs {
            events: feeds.events.to_collection(scope),
            slots: feeds.slots.to_collection(scope),
            quotes: feeds.quotes.to_collection(scope),
            controls: feeds.controls.to_collection(scope),
            rejects: feeds.rejects.to_collection(scope),
        };
        (feeds, inputs)
    }

    /// Feeds an event at `time`, which is not before the time of the last [`Feeds::advance`].
    pub fn give(&mut self, event: Event, time: Time) {
        match event {
            Event::Chain(event) => self.events.update_at(event, time, 1),
            Event::Slot(status) => self.slots.update_at(status, time, 1),
            Event::Quote(quote) => self.quotes.update_at(quote, time, 1),
            Event::Reject(reject) => self.rejects.update_at(reject, time, 1),
            Event::Control(control) => self.controls.update_at(control, time, 1),
            // No change of a collection: whoever drives the graph tells it of an ending.
            Event::Mark(_) => {}
        }
    }

    /// Closes every time before `time` and sends what was given.
    pub fn advance(&mut self, time: Time) {
        self.events.advance_to(time);
        self.events.flush();
        self.slots.advance_to(time);
        self.slots.flush();
        self.quotes.advance_to(time);
        self.quotes.flush();
        self.controls.advance_to(time);
        self.controls.flush();
        self.rejects.advance_to(time);
        self.rejects.flush();
    }
}
