//! Why a step at a server failed, before the sink says what it was doing.

use crate::SinkError;

/// A failure of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) message: String,
    /// False if trying again would not help.
    pub(crate) may_pass: bool,
}

impl Failure {
    /// One that trying again may mend.
    pub(crate) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), may_pass: true }
    }

    /// One that trying again would only repeat.
    pub(crate) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), may_pass: false }
    }

    pub(crate) fn into_error(self, sink: &'static str, doing: impl Into<String>) -> SinkError {
        let error = SinkError::new(sink, doing, self.message);
        if self.may_pass { error.transient() } else { error }
    }
}
