//! Why a stream of Yellowstone gRPC ended, by its code and its words.
//!
//! The codes alone do not tell: `OUT_OF_RANGE` is said of a replay that does not reach back so far and,
//! by the client's own library, of a message that is too large; `INTERNAL` is said of a reader that is
//! too slow and of a replay that is switched off. Older servers give the same words under other codes, so
//! the words are read under either. Nothing is decided here: [`super::endpoint`] does that.

/// The codes of gRPC that say something of their own here.
mod code {
    pub(super) const INVALID_ARGUMENT: i32 = 3;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const OUT_OF_RANGE: i32 = 11;
    pub(super) const INTERNAL: i32 = 13;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The stream ended by itself, the connection broke, or could not be made.
    Disconnected,
    /// The replay holds nothing as old as the slot that was asked for.
    ReplayTooOld {
        /// The oldest slot that it holds.
        oldest: u64,
    },
    /// The server replays nothing, ever.
    ReplayUnsupported,
    /// The server has nothing at or after the slot that was asked for: that is its newest, or it has just started.
    ReplayEmpty,
    /// A message was larger than may be received.
    MessageTooLarge,
    /// This side reads too slowly.
    Lagged,
    /// The server has as many subscriptions as it lets one client have.
    Crowded,
    /// The server refuses the key or the filter, and asking again would not help.
    Refused,
    /// Nothing at all came for too long; said by this side.
    Idle,
    /// No block was sealed for too long; said by this side.
    Stalled,
}

impl End {
    /// Reads a status: its code as gRPC numbers them, and its message.
    #[must_use]
    pub fn of_status(code: i32, message: &str) -> Self {
        match code {
            code::INVALID_ARGUMENT | code::PERMISSION_DENIED | code::UNAUTHENTICATED => Self::Refused,
            code::RESOURCE_EXHAUSTED if message.contains("max subscription limit exceeded") => Self::Crowded,
            code::OUT_OF_RANGE | code::INTERNAL | code::RESOURCE_EXHAUSTED => of_words(message),
            _ => Self::Disconnected,
        }
    }

    /// The name under which reconnects are counted.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::ReplayTooOld { .. } => "replay_too_old",
            Self::ReplayUnsupported => "replay_unsupported",
            Self::ReplayEmpty => "replay_empty",
            Self::MessageTooLarge => "message_too_large",
            Self::Lagged => "lagged",
            Self::Crowded => "crowded",
            Self::Refused => "refused",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
        }
    }
}

fn of_words(message: &str) -> End {
    if message.contains("message length too large") {
        return End::MessageTooLarge;
    }
    if message.contains("from_slot is not supported") {
        return End::ReplayUnsupported;
    }
    if message.contains("failed to get replay response") {
        return End::ReplayEmpty;
    }
    if message.contains("broadcast from ") && message.contains("is not available") {
        // Without its number the replay is of no use either.
        return oldest(message).map_or(End::ReplayEmpty, |oldest| End::ReplayTooOld { oldest });
    }
    if message.contains("lagged") {
        return End::Lagged;
    }
    End::Disconnected
}

fn oldest(message: &str) -> Option<u64> {
    let (_, after) = message.rsplit_once("last available:")?;
    let after = after.trim_start();
    after.get(..after.bytes().take_while(u8::is_ascii_digit).count())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_told_by_its_words() {
        let too_old = "broadcast from 450649411 is not available, last available: 450649417";
        let cases = [
            (11, too_old, End::ReplayTooOld { oldest: 450_649_417 }),
            (13, too_old, End::ReplayTooOld { oldest: 450_649_417 }),
            (11, "broadcast from 5 is not available", End::ReplayEmpty),
            (11, "broadcast from 5 is not available, last available: ", End::ReplayEmpty),
            (
                11,
                "Error, decoded message length too large: found 8388613 bytes, the limit is: 4194304 bytes",
                End::MessageTooLarge,
            ),
            (13, "from_slot is not supported", End::ReplayUnsupported),
            (13, "failed to get replay response", End::ReplayEmpty),
            (13, "lagged to send an update", End::Lagged),
            (13, "lagged to receive geyser messages", End::Lagged),
            (13, "lagged", End::Lagged),
            (13, "h2 protocol error: error reading a body from connection", End::Disconnected),
            (14, "server is shutting down", End::Disconnected),
            (8, "max subscription limit exceeded", End::Crowded),
            (3, "failed to create filter: Max amount of filters/data_slices reached", End::Refused),
            (16, "No valid auth token", End::Refused),
            (7, "x-token is refused", End::Refused),
            (0, "", End::Disconnected),
        ];
        for (code, message, end) in cases {
            assert_eq!(End::of_status(code, message), end, "{code} {message}");
        }
    }
}
