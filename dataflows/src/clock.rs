//! Mints logical time: the one place where it is made.
//!
//! Events come in batches, and every batch has a time of its own: `max(previous + 1, event clock)`,
//! where the event clock is the greatest block time seen. A batch never reaches over a change of the
//! clock's second. So at every whole second the collections hold exactly the events that came before
//! the clock reached it, however the stream was cut into batches.

use model::time::{second_of, start_of};
use model::{Event, Seconds, Time};
use operators::keyed::PLACES;

/// So many places time goes on at once while nothing comes.
const IDLE_PLACES: Time = 8;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    second: Seconds,
    last: Time,
}

impl Clock {
    /// A clock that goes on after `last`, the time of a checkpoint.
    #[must_use]
    pub const fn resume(second: Seconds, last: Time) -> Self {
        Self { second, last }
    }

    /// The greatest block time seen.
    #[must_use]
    pub const fn second(&self) -> Seconds {
        self.second
    }

    /// The last time that was minted.
    #[must_use]
    pub const fn last(&self) -> Time {
        self.last
    }

    /// True if `event` moves the clock to a later second, so that it cannot join the open batch.
    #[must_use]
    pub fn is_moved_by(&self, event: &Event) -> bool {
        event.clock().is_some_and(|second| second > self.second)
    }

    /// Moves the clock as `event` tells.
    pub fn hear(&mut self, event: &Event) {
        self.second = self.second.max(event.clock().unwrap_or(0));
    }

    /// The time of the next batch.
    pub fn mint(&mut self) -> Time {
        self.last = start_of(self.second).max(self.last + 1);
        self.last
    }

    /// Cuts events into batches of one time each.
    pub fn cut(&mut self, events: impl IntoIterator<Item = Event>) -> Vec<(Time, Vec<Event>)> {
        let mut batches: Vec<(Time, Vec<Event>)> = Vec::new();
        for event in events {
            let is_moved = self.is_moved_by(&event);
            self.hear(&event);
            match batches.last_mut() {
                Some((_, batch)) if !is_moved => batch.push(event),
                _ => batches.push((self.mint(), vec![event])),
            }
        }
        batches
    }

    /// Goes on within the second while nothing comes: by some of the places at which timers fire, few enough that they
    /// do not hold up what then comes. False once all have fired that are due.
    pub fn idle(&mut self) -> bool {
        self.pass(IDLE_PLACES)
    }

    /// Goes on within the second until all timers have fired that are due.
    pub fn pause(&mut self) {
        self.pass(PLACES);
    }

    fn pass(&mut self, places: Time) -> bool {
        let last = (start_of(self.second) + PLACES).saturating_sub(1);
        let is_ahead = self.second > 0 && self.last < last;
        if is_ahead {
            self.last = last.min(self.last + places);
        }
        is_ahead
    }

    /// Goes on to `time` if that is of the present second.
    pub const fn catch_up(&mut self, time: Time) {
        if time > self.last && second_of(time) == self.second {
            self.last = time;
        }
    }

    /// Where the last second is over: closed up to there, everything heard is out; what ends with the
    /// clock's second, a one-second candle for example, has ended; and records that are brought up to date
    /// once a second, the boards two seconds late, have caught up.
    #[must_use]
    pub const fn end(&self) -> Time {
        start_of(self.second + 2) + PLACES
    }
}

#[cfg(test)]
mod tests {
    use model::{SlotState, SlotStatus};

    use super::*;

    fn at(second: Seconds) -> Event {
        Event::Slot(SlotStatus {
            slot: 1,
            state: SlotState::Processed,
            parent: None,
            block_time: Some(second),
        })
    }

    #[test]
    fn a_batch_ends_where_the_second_does() {
        let times = |batches: Vec<(Time, Vec<Event>)>| -> Vec<(Time, usize)> {
            batches.into_iter().map(|(time, events)| (time, events.len())).collect()
        };
        let mut clock = Clock::default();
        assert_eq!(times(clock.cut([at(7), at(7), at(6), at(8)])), [(7_000_000, 3), (8_000_000, 1)]);
        assert_eq!(times(clock.cut([at(8), at(3)])), [(8_000_001, 2)]);
        assert_eq!(clock.end(), 10_000_000 + PLACES);
    }

    #[test]
    fn time_never_stands_still() {
        let mut clock = Clock::resume(5, 5_000_009);
        assert_eq!((clock.mint(), clock.mint()), (5_000_010, 5_000_011));
    }

    #[test]
    fn while_nothing_comes_time_goes_on_until_the_timers_of_the_second_have_fired() {
        let mut clock = Clock::default();
        assert!(!clock.idle(), "there is no second yet");
        clock.cut([at(7)]);
        let steps = (0..).take_while(|_| clock.idle()).count();
        assert_eq!((steps as u64, clock.last()), (PLACES / IDLE_PLACES, 7_000_000 + PLACES - 1));
        assert_eq!(
            clock.cut([at(7), at(8)]).iter().map(|(time, _)| *time).collect::<Vec<_>>(),
            [7_000_000 + PLACES, 8_000_000]
        );
    }

    #[test]
    fn a_time_of_another_second_is_not_caught_up_with() {
        let mut clock = Clock::resume(5, 5_000_009);
        for time in [5_000_020, 5_000_010, 6_000_000] {
            clock.catch_up(time);
            assert_eq!(clock.last(), 5_000_020);
        }
    }
}
