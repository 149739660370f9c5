//! The meaning of an answer that is no block, and the next step.

use std::time::Duration;

/// How long an endpoint is left alone that limits requests and does not say for how long.
const PAUSE_LIMITED: Duration = Duration::from_secs(10);

/// The next step after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The endpoint has no such block. It may be wrong.
    Absent,
    /// Not there yet, or a passing failure: ask again, here or elsewhere.
    Again,
    /// The endpoint no longer keeps blocks as old as this one; others may.
    Shallow,
    /// No request to this endpoint before the pause is over.
    Pause(Duration),
    /// The endpoint will never answer this.
    Out,
}

/// The verdict for the code of a JSON-RPC error.
pub(super) const fn of_code(code: i64) -> Verdict {
    match code {
        // Slot skipped, or missing in long-term storage: also said of blocks that exist.
        -32_007 | -32_009 => Verdict::Absent,
        // Cleaned up: the node names the first block that it has.
        -32_001 => Verdict::Shallow,
        // The node is behind, or a vendor limits requests.
        -32_005 => Verdict::Pause(PAUSE_LIMITED),
        // The method is off, its parameters are refused, or the version of a transaction is.
        -32_601 | -32_602 | -32_015 => Verdict::Out,
        // Block or status not available yet, internal errors, and codes that vendors invented.
        _ => Verdict::Again,
    }
}

/// The verdict for an HTTP status other than 200, with the value of `Retry-After` where there is one.
pub(super) fn of_status(status: u16, retry_after: Option<&str>) -> Verdict {
    match status {
        401 | 403 | 404 => Verdict::Out,
        413 | 429 => Verdict::Pause(retry_after.and_then(pause).unwrap_or(PAUSE_LIMITED)),
        _ => Verdict::Again,
    }
}

/// `Retry-After` in seconds. A date is read as the default pause: no clock of a server is trusted.
fn pause(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_slot_is_absent_and_no_more() {
        assert_eq!((of_code(-32_007), of_code(-32_009)), (Verdict::Absent, Verdict::Absent));
    }

    #[test]
    fn what_may_pass_is_asked_again_and_what_cannot_is_not() {
        assert_eq!((of_code(-32_004), of_code(-32_014)), (Verdict::Again, Verdict::Again));
        assert_eq!((of_code(-32_016), of_code(-32_603)), (Verdict::Again, Verdict::Again));
        assert_eq!((of_code(-32_601), of_status(401, None)), (Verdict::Out, Verdict::Out));
        assert_eq!(of_code(-32_001), Verdict::Shallow);
    }

    #[test]
    fn a_limit_says_for_how_long_or_ten_seconds_are_taken() {
        assert_eq!(of_status(429, Some("3")), Verdict::Pause(Duration::from_secs(3)));
        assert_eq!(of_status(429, None), Verdict::Pause(PAUSE_LIMITED));
        assert_eq!(of_status(429, Some("Tue, 01 Dec 2026 00:00:00 GMT")), Verdict::Pause(PAUSE_LIMITED));
        assert_eq!(of_status(502, None), Verdict::Again);
    }
}
