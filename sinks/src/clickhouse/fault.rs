//! What went wrong at the server: whether it may pass, and what to do if it does not.

use std::error::Error as _;
use std::fmt::Write as _;

use clickhouse::error::Error;

use super::NAME;
use crate::SinkError;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Fault {
    message: String,
    /// True if the same request may succeed later.
    pub(super) may_pass: bool,
    /// ClickHouse's number of the error, if it said one.
    pub(super) code: Option<u32>,
}

/// Codes of errors of a server that is busy, full or going down.
const PASSING: [u32; 15] = [159, 202, 203, 209, 210, 236, 241, 242, 243, 252, 319, 394, 425, 439, 999];

impl Fault {
    /// A fault that is not of a request.
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), may_pass: false, code: None }
    }

    /// A request that was not answered in time.
    pub(super) fn silence(url: &str, timeout_ms: u64) -> Self {
        let message =
            format!("{url} did not answer within {timeout_ms} ms; is it overloaded, or `timeout_ms` short?");
        Self { message, may_pass: true, code: None }
    }

    /// The error of the step in which it happened.
    pub(super) fn at(self, doing: impl Into<String>) -> SinkError {
        let may_pass = self.may_pass;
        let error = SinkError::new(NAME, doing, self);
        if may_pass { error.transient() } else { error }
    }

    /// What the client says of a failed request.
    pub(super) fn of(error: &Error, url: &str, user: &str) -> Self {
        match error {
            Error::BadResponse(said) => Self::answer(said, url, user),
            Error::Network(_) | Error::TimedOut => {
                let message =
                    format!("cannot reach {url}: {}; is the server running, and `url` right?", causes(error));
                Self { message, may_pass: true, code: None }
            }
            other => Self::lasting(format!("{url}: {}", causes(other))),
        }
    }

    fn answer(said: &str, url: &str, user: &str) -> Self {
        let code = code_of(said);
        let said = said.trim();
        let advice = match code {
            Some(192..=194 | 516) => {
                let message = format!(
                    "{url} refuses the user `{user}` or its password; set `user`, and the password with \
                     `password_env` or `password_file`"
                );
                return Self { message, may_pass: false, code };
            }
            Some(60) => {
                "; the table was dropped: `millrace schema apply` makes it anew, empty, and what it had is to be replayed"
            }
            Some(81) => "; `millrace schema apply` creates the database, if the user may",
            Some(497) => "; grant the user what is missing",
            Some(16 | 47) => "; the table has other columns: `millrace schema diff` shows which",
            _ => "",
        };
        // Without a code it is no ClickHouse that answers, such as a proxy before one that is down.
        let may_pass = code.is_none_or(|code| PASSING.contains(&code));
        Self { message: format!("{url} says: {said}{advice}"), may_pass, code }
    }
}

/// The number in `Code: 60. DB::Exception: …`.
fn code_of(said: &str) -> Option<u32> {
    let rest = said.split_once("Code: ")?.1;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// An error with its causes, since the client tells only the outermost.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            // Infallible: it writes to a string.
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(said: &str) -> Fault {
        Fault::of(&Error::BadResponse(said.to_owned()), "http://x", "u")
    }

    #[test]
    fn what_may_pass_is_told_from_what_does_not() {
        assert!(fault("Code: 252. DB::Exception: Too many parts (300)").may_pass);
        assert!(fault("502 Bad Gateway").may_pass);
        assert!(!fault("Code: 60. DB::Exception: Table x does not exist").may_pass);
        assert!(!fault("Code: 516. DB::Exception: u: Authentication failed").may_pass);
    }

    #[test]
    fn a_refusal_says_what_to_do_and_repeats_no_secret() {
        let said =
            fault("Code: 516. DB::Exception: u: Authentication failed: password is incorrect").to_string();
        assert_eq!(
            said,
            "http://x refuses the user `u` or its password; set `user`, and the password with `password_env` or `password_file`"
        );
        assert!(fault("Code: 60. DB::Exception: no").to_string().contains("millrace schema apply"));
    }
}
