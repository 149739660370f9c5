//! When an endpoint of a live feed is connected to, from which slot, and when it is left.
//!
//! An endpoint that refuses, restarts, falls silent or keeps nothing as old as what is asked for must
//! neither be asked the same thing without end nor be given up because of one bad minute. So the pause
//! before a connect grows until a block is sealed (no handshake and no ping shortens it), a slot that was
//! answered to be too old is never asked for again, and an endpoint that pings but seals nothing is left.
//!
//! Times are milliseconds of any clock that does not go back, handed in; jitter is seeded. Nothing here
//! opens a socket, and which blocks are missing is found by [`super::Live`] from the blocks themselves.

use super::GapCause;
use super::ends::End;
use crate::simulate::dice::Dice;

/// The least and the greatest pause before a connect, milliseconds.
const PAUSE_MS: (u64, u64) = (250, 30_000);
/// How long an endpoint is left alone that has too many subscriptions, milliseconds.
const CROWDED_MS: u64 = 60_000;
/// So many connects in a row, none of which sealed a block, follow at once on an answer about the replay.
const AT_ONCE_MAX: u32 = 2;
/// How far above the oldest slot of a moving replay the next request is.
const OLDEST_MARGIN_SLOTS: u64 = 2;

/// How much silence an endpoint is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Nothing at all for so long, milliseconds.
    pub idle_ms: u64,
    /// No sealed block for so long, milliseconds.
    pub stall_ms: u64,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Connect once this time has come.
    Connect {
        /// The time, milliseconds.
        at_ms: u64,
    },
    /// Leave the connection with this end, unless something comes before this time.
    Leave {
        /// The time, milliseconds.
        at_ms: u64,
        /// The end.
        end: End,
    },
    /// The endpoint refuses, and no connect will follow.
    Out,
}

/// An endpoint.
pub struct Endpoint {
    patience: Patience,
    dice: Dice,
    phase: Phase,
    /// Connects in a row that sealed no block.
    failures: u32,
    replay: Replay,
}

enum Phase {
    Waiting { until_ms: u64 },
    Connected { heard_ms: u64, sealed_ms: u64, has_sealed: bool },
    Out,
}

/// The replay of a server, as far as its answers tell.
#[derive(Default)]
struct Replay {
    is_unsupported: bool,
    /// The next connect asks for none.
    skip_once: bool,
    /// Slots below are no longer there.
    floor: u64,
    asked: Option<u64>,
}

impl Endpoint {
    /// An endpoint that is connected to at once. Endpoints of one process have different seeds, so that
    /// they do not come back all at the same moment.
    #[must_use]
    pub fn new(patience: Patience, seed: u64) -> Self {
        let phase = Phase::Waiting { until_ms: 0 };
        Self { patience, dice: Dice::new(seed, 0), phase, failures: 0, replay: Replay::default() }
    }

    /// The next step, if nothing comes before it.
    #[must_use]
    pub fn next(&self) -> Next {
        match self.phase {
            Phase::Waiting { until_ms } => Next::Connect { at_ms: until_ms },
            Phase::Connected { heard_ms, sealed_ms, .. } => {
                let idle = heard_ms.saturating_add(self.patience.idle_ms);
                let stalled = sealed_ms.saturating_add(self.patience.stall_ms);
                if idle < stalled {
                    Next::Leave { at_ms: idle, end: End::Idle }
                } else {
                    Next::Leave { at_ms: stalled, end: End::Stalled }
                }
            }
            Phase::Out => Next::Out,
        }
    }

    /// True while its connection stands, has sealed a block, and is not silent.
    #[must_use]
    pub fn makes_progress(&self, now_ms: u64) -> bool {
        matches!(self.phase, Phase::Connected { has_sealed: true, .. })
            && matches!(self.next(), Next::Leave { at_ms, .. } if now_ms < at_ms)
    }

    /// A connect begins; the answer is the slot to ask a replay from, if any. `resume_from` is the slot from
    /// which the run wants to go on.
    pub fn connect(&mut self, now_ms: u64, resume_from: Option<u64>) -> Option<u64> {
        self.phase = Phase::Connected { heard_ms: now_ms, sealed_ms: now_ms, has_sealed: false };
        self.failures = self.failures.saturating_add(1);
        let skip = std::mem::take(&mut self.replay.skip_once) || self.replay.is_unsupported;
        let from = resume_from.filter(|_| !skip).map(|slot| slot.max(self.replay.floor));
        self.replay.asked = from;
        from
    }

    /// Something came, of whatever kind.
    pub fn heard(&mut self, now_ms: u64) {
        if let Phase::Connected { heard_ms, .. } = &mut self.phase {
            *heard_ms = now_ms.max(*heard_ms);
        }
    }

    /// A block was sealed.
    pub fn sealed(&mut self, now_ms: u64) {
        self.heard(now_ms);
        if let Phase::Connected { sealed_ms, has_sealed, .. } = &mut self.phase {
            (*sealed_ms, *has_sealed) = (now_ms.max(*sealed_ms), true);
            self.failures = 0;
        }
    }

    /// The connection has ended, or could not be made; the answer is why slots may be missing.
    pub fn ended(&mut self, now_ms: u64, end: End) -> GapCause {
        if matches!(self.phase, Phase::Out) {
            return GapCause::Disconnect;
        }
        let asked = self.replay.asked.take();
        let (pause_ms, cause) = match end {
            End::Refused => {
                self.phase = Phase::Out;
                return GapCause::Disconnect;
            }
            End::ReplayTooOld { oldest } => {
                let floor = oldest.saturating_add(OLDEST_MARGIN_SLOTS);
                // A server that names a slot which it then refuses is asked without.
                self.replay.skip_once = asked.is_none_or(|asked| floor <= asked);
                self.replay.floor = floor.max(self.replay.floor);
                (self.after_replay(), GapCause::ReplayTooOld)
            }
            End::ReplayUnsupported => {
                self.replay.is_unsupported = true;
                (self.after_replay(), GapCause::Disconnect)
            }
            End::ReplayEmpty => {
                self.replay.skip_once = true;
                (self.after_replay(), GapCause::Disconnect)
            }
            End::Lagged => (self.pause(), GapCause::Lagged),
            End::Crowded => (CROWDED_MS + self.pause(), GapCause::Disconnect),
            End::Disconnected | End::MessageTooLarge | End::Idle | End::Stalled => {
                (self.pause(), GapCause::Disconnect)
            }
        };
        self.phase = Phase::Waiting { until_ms: now_ms.saturating_add(pause_ms) };
        cause
    }

    /// An answer about the replay is no failure of the server, but must not be given without end.
    fn after_replay(&mut self) -> u64 {
        if self.failures <= AT_ONCE_MAX { 0 } else { self.pause() }
    }

    fn pause(&mut self) -> u64 {
        let (least, most) = PAUSE_MS;
        let doubled = 1_u64.checked_shl(self.failures.min(16)).map_or(most, |times| least * times).min(most);
        least + self.dice.below(doubled - least + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience = Patience { idle_ms: 30_000, stall_ms: 10_000 };

    fn connect_at(endpoint: &Endpoint) -> u64 {
        match endpoint.next() {
            Next::Connect { at_ms } => at_ms,
            other => panic!("{other:?}"),
        }
    }

    /// Connects and has the connection end like this.
    fn turn(endpoint: &mut Endpoint, now_ms: u64, resume: u64, end: End) -> Option<u64> {
        let asked = endpoint.connect(now_ms, Some(resume));
        endpoint.ended(now_ms, end);
        asked
    }

    /// R3.
    #[test]
    fn a_server_that_accepts_pings_and_closes_is_connected_to_at_most_20_times_in_60_seconds() {
        for seed in 0..500 {
            let mut endpoint = Endpoint::new(PATIENCE, seed);
            let mut connects = 0;
            while connect_at(&endpoint) <= 60_000 {
                let now = connect_at(&endpoint);
                connects += 1;
                endpoint.connect(now, Some(7));
                endpoint.heard(now);
                endpoint.ended(now, End::Disconnected);
            }
            assert!((4..=20).contains(&connects), "seed {seed}: {connects}");
        }
    }

    #[test]
    fn a_sealed_block_makes_the_pause_short_again_and_a_ping_does_not() {
        for seed in 0..200 {
            let mut endpoint = Endpoint::new(PATIENCE, seed);
            for _ in 0..10 {
                turn(&mut endpoint, 0, 7, End::Disconnected);
            }
            endpoint.connect(0, Some(7));
            endpoint.sealed(0);
            endpoint.ended(0, End::Disconnected);
            assert_eq!(connect_at(&endpoint), 250, "seed {seed}");
        }
        let pauses = |heard: bool| {
            let mut endpoint = Endpoint::new(PATIENCE, 1);
            (0..8)
                .map(|_| {
                    endpoint.connect(0, None);
                    if heard {
                        endpoint.heard(0);
                    }
                    endpoint.ended(0, End::Disconnected);
                    connect_at(&endpoint)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(pauses(true), pauses(false));
    }

    #[test]
    fn endpoints_do_not_come_back_at_one_moment() {
        let at = |seed| {
            let mut endpoint = Endpoint::new(PATIENCE, seed);
            for _ in 0..8 {
                turn(&mut endpoint, 0, 7, End::Disconnected);
            }
            connect_at(&endpoint)
        };
        let moments: std::collections::BTreeSet<u64> = (0..10).map(at).collect();
        assert_eq!(moments.len(), 10);
    }

    /// R2.
    #[test]
    fn silence_and_a_stall_end_a_connection() {
        let mut endpoint = Endpoint::new(Patience { idle_ms: 5_000, stall_ms: 8_000 }, 1);
        endpoint.connect(1_000, None);
        assert_eq!(endpoint.next(), Next::Leave { at_ms: 6_000, end: End::Idle });
        assert!(!endpoint.makes_progress(1_000), "a handshake is none");
        endpoint.heard(5_000);
        assert_eq!(endpoint.next(), Next::Leave { at_ms: 9_000, end: End::Stalled }, "it only pings");
        endpoint.sealed(6_000);
        assert_eq!(endpoint.next(), Next::Leave { at_ms: 11_000, end: End::Idle });
        assert!(endpoint.makes_progress(10_999) && !endpoint.makes_progress(11_000));
        assert_eq!(endpoint.ended(11_000, End::Idle), GapCause::Disconnect);
        assert!(!endpoint.makes_progress(11_000));
        // News of a connection that has ended changes nothing.
        endpoint.sealed(11_001);
        assert!(matches!(endpoint.next(), Next::Connect { at_ms } if at_ms >= 11_250));
    }

    /// R4.
    #[test]
    fn a_replay_that_is_too_old_goes_on_from_what_there_is_and_at_once() {
        let mut endpoint = Endpoint::new(PATIENCE, 1);
        assert_eq!(endpoint.connect(0, Some(100)), Some(100));
        assert_eq!(endpoint.ended(0, End::ReplayTooOld { oldest: 140 }), GapCause::ReplayTooOld);
        assert_eq!(connect_at(&endpoint), 0);
        assert_eq!(endpoint.connect(0, Some(100)), Some(142));
        endpoint.sealed(10);
        endpoint.ended(20, End::Lagged);
        assert_eq!(endpoint.connect(300, Some(150)), Some(150));
        // A floor that is not kept by the server itself.
        endpoint.ended(300, End::ReplayTooOld { oldest: 148 });
        assert_eq!(endpoint.connect(300, Some(150)), None, "150 was refused already");
    }

    /// R5.
    #[test]
    fn a_server_without_replay_is_asked_for_none_again() {
        let mut endpoint = Endpoint::new(PATIENCE, 1);
        assert_eq!(turn(&mut endpoint, 0, 100, End::ReplayUnsupported), Some(100));
        assert_eq!(connect_at(&endpoint), 0);
        for _ in 0..5 {
            assert_eq!(turn(&mut endpoint, 0, 100, End::Disconnected), None);
        }
        let mut endpoint = Endpoint::new(PATIENCE, 1);
        assert_eq!(turn(&mut endpoint, 0, 100, End::ReplayEmpty), Some(100));
        assert_eq!(connect_at(&endpoint), 0);
        assert_eq!(turn(&mut endpoint, 0, 100, End::Disconnected), None, "once without");
        assert_eq!(turn(&mut endpoint, 0, 100, End::Disconnected), Some(100));
    }

    /// R20, as far as one endpoint goes.
    #[test]
    fn a_refusal_is_for_good_and_a_full_house_is_not() {
        let mut endpoint = Endpoint::new(PATIENCE, 1);
        turn(&mut endpoint, 0, 100, End::Crowded);
        assert!((60_250..=60_500).contains(&connect_at(&endpoint)));
        turn(&mut endpoint, 61_000, 100, End::Refused);
        assert_eq!(endpoint.next(), Next::Out);
        endpoint.ended(62_000, End::Disconnected);
        assert_eq!(endpoint.next(), Next::Out);
    }

    fn end() -> impl Strategy<Value = End> {
        prop_oneof![
            Just(End::Disconnected),
            any::<u64>().prop_map(|oldest| End::ReplayTooOld { oldest }),
            (0_u64..2_000).prop_map(|oldest| End::ReplayTooOld { oldest }),
            Just(End::ReplayUnsupported),
            Just(End::ReplayEmpty),
            Just(End::MessageTooLarge),
            Just(End::Lagged),
            Just(End::Crowded),
        ]
    }

    proptest! {
        /// R3, R4: whatever a server answers, it is not hammered, and a slot that was too old is not asked for
        /// again.
        #[test]
        fn no_answers_make_a_storm_or_repeat_a_request(
            ends in proptest::collection::vec(end(), 60..100), resume in 0_u64..2_000, seed: u64,
        ) {
            let mut endpoint = Endpoint::new(PATIENCE, seed);
            let mut too_old = Vec::new();
            let mut last = 0;
            for end in ends.iter().copied() {
                let now = connect_at(&endpoint);
                prop_assert!(now >= last);
                last = now;
                let asked = endpoint.connect(now, Some(resume));
                prop_assert!(asked.is_none_or(|slot| slot >= resume && !too_old.contains(&slot)), "{asked:?}");
                if let (End::ReplayTooOld { oldest }, Some(asked)) = (end, asked)
                    && oldest > asked
                {
                    too_old.push(asked);
                }
                endpoint.ended(now, end);
            }
            prop_assert!(last > 60_000, "{} connects in {last} ms", ends.len());
        }
    }
}
