//! How often an endpoint may be asked: a token bucket, and pauses that the endpoint asks for.

use std::time::{Duration, Instant};

/// Requests that may be made now, and how they come back.
#[derive(Debug)]
pub(super) struct Budget {
    per_s: f64,
    burst: f64,
    left: f64,
    since: Instant,
    paused_until: Option<Instant>,
}

impl Budget {
    /// A full bucket.
    pub(super) fn new(per_s: f64, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_s, burst, left: burst, since: now, paused_until: None }
    }

    /// Takes one request; otherwise how long to wait before the next try.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Err(until - now);
        }
        self.paused_until = None;
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.left = (self.left + passed * self.per_s).min(self.burst);
        self.since = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) / self.per_s))
    }

    /// Allows no request before `pause` is over.
    pub(super) fn pause(&mut self, now: Instant, pause: Duration) {
        self.paused_until = self.paused_until.max(now.checked_add(pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_at_once_and_comes_back_at_the_rate() {
        let start = Instant::now();
        let mut budget = Budget::new(4.0, 2, start);
        assert_eq!((budget.take(start), budget.take(start)), (Ok(()), Ok(())));
        assert_eq!(budget.take(start), Err(Duration::from_millis(250)));
        let later = start + Duration::from_millis(250);
        assert_eq!(budget.take(later), Ok(()));
        assert!(budget.take(later).is_err());
        let much_later = start + Duration::from_secs(60);
        assert_eq!((budget.take(much_later), budget.take(much_later)), (Ok(()), Ok(())));
        assert!(budget.take(much_later).is_err(), "no more than the burst gathers");
    }

    #[test]
    fn a_pause_holds_back_whatever_is_left_and_the_longest_counts() {
        let start = Instant::now();
        let mut budget = Budget::new(100.0, 10, start);
        budget.pause(start, Duration::from_secs(5));
        budget.pause(start, Duration::from_secs(1));
        assert_eq!(budget.take(start + Duration::from_secs(2)), Err(Duration::from_secs(3)));
        assert_eq!(budget.take(start + Duration::from_secs(5)), Ok(()));
    }
}
