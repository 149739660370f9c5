//! How a command ends: its exit code, and what is said of an error.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// How a command that ran to its end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should. Exit code 0.
    Done,
    /// Done, but some of the input was refused. Exit code 3.
    Refused,
    /// A comparison found differences. Exit code 4.
    Different,
}

impl Outcome {
    /// [`Outcome::Refused`] if anything was.
    pub(crate) fn refused_if(any: bool) -> Self {
        if any { Self::Refused } else { Self::Done }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Refused => 3,
            Outcome::Different => 4,
        })
    }
}

/// What the reader of an error may do next; printed on a line of its own.
#[derive(Debug)]
pub(crate) struct Hint(String);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Adds a hint to an error.
pub(crate) trait WithHint<T> {
    /// Adds what the reader may do next.
    fn hint(self, text: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> WithHint<T> for Result<T, E> {
    fn hint(self, text: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| error.into().context(Hint(text.into())))
    }
}

/// True if the reader of standard output has left, as `head` does when it has seen enough.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_pipe = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_pipe))
}

/// Prints an error, its causes and its hints, and gives the exit code: 2 for a wrong configuration, else 1.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    // If standard error is closed there is nobody to tell.
    let _ = std::io::stderr().write_all(describe(error).as_bytes());
    ExitCode::from(if error.is::<config::Problems>() { 2 } else { 1 })
}

/// `error: what: cause: cause`, then a `hint:` line for each hint.
fn describe(error: &anyhow::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut hints = String::new();
    // A hint is a context, so the chain shows it as one more error; its text is told apart by its type.
    let hint = error.downcast_ref::<Hint>().map(Hint::to_string);
    for cause in error.chain() {
        let text = cause.to_string();
        if hint.as_ref() == Some(&text) {
            hints.push_str(&format!("hint: {text}\n"));
        } else if causes.last().is_none_or(|before| !before.ends_with(&text)) {
            // Some libraries repeat their cause in their own text.
            causes.push(text);
        }
    }
    if error.is::<config::Problems>() {
        let problems = causes.join(": ").replace('\n', "\n  ");
        return format!("error: the configuration is wrong:\n  {problems}\n{hints}");
    }
    format!("error: {}\n{hints}", causes.join(": "))
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn causes_are_on_one_line_and_the_hint_on_the_next() {
        let error = Err::<(), _>(std::io::Error::other("disk full"))
            .context("cannot write `x.db`")
            .hint("free some space")
            .unwrap_err();
        assert_eq!(describe(&error), "error: cannot write `x.db`: disk full\nhint: free some space\n");
    }

    #[test]
    fn every_problem_of_a_configuration_has_a_line() {
        let problem =
            |key: &str| config::Problem { origin: None, key: key.to_owned(), message: "wrong".to_owned() };
        let error =
            Err::<(), _>(config::Problems(vec![problem("a"), problem("b")])).hint("mend it").unwrap_err();
        assert_eq!(
            describe(&error),
            "error: the configuration is wrong:\n  a: wrong\n  b: wrong\nhint: mend it\n"
        );
        assert!(error.is::<config::Problems>());
    }
}
