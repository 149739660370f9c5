//! One endpoint: one attempt a call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::budget::Budget;
use super::verdict::{self, Verdict};

/// A block answers with some megabytes; more than this is refused.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// An endpoint and how often it may be asked.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// Name in messages; never the URL, which may hold a key.
    pub name: String,
    /// Where it answers.
    pub url: String,
    /// Requests a second, on average.
    pub requests_per_s: f64,
    /// Requests at once, after a rest.
    pub burst: u32,
    /// For how long an answer is waited for.
    pub timeout: Duration,
}

/// Without the URL: a key may stand in it.
impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) verdict: Verdict,
    /// In the endpoint's words.
    pub(super) words: String,
}

/// An endpoint that is asked.
pub(super) struct Client {
    endpoint: Endpoint,
    agent: ureq::Agent,
    budget: Mutex<Budget>,
    /// Why it is asked no more.
    out: Mutex<Option<String>>,
}

#[derive(Deserialize)]
struct Envelope {
    result: Option<Box<RawValue>>,
    error: Option<Error>,
}

#[derive(Deserialize)]
struct Error {
    code: i64,
    #[serde(default)]
    message: String,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let settings = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(endpoint.timeout))
            .user_agent(concat!("millrace/", env!("CARGO_PKG_VERSION")))
            .build();
        let budget = Budget::new(endpoint.requests_per_s, endpoint.burst, Instant::now());
        Self { agent: settings.into(), budget: Mutex::new(budget), out: Mutex::default(), endpoint }
    }

    pub(super) fn name(&self) -> &str {
        &self.endpoint.name
    }

    /// Why the endpoint is asked no more, if it is not.
    pub(super) fn out(&self) -> Option<String> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request of the budget; otherwise how long to wait.
    pub(super) fn admit(&self) -> Result<(), Duration> {
        self.budget().take(Instant::now())
    }

    /// Makes one request, which [`Client::admit`] has allowed.
    pub(super) fn call(&self, method: &str, params: &Value) -> Result<Box<RawValue>, Refusal> {
        let outcome = self.attempt(method, params);
        if let Err(Refusal { verdict, words }) = &outcome {
            match verdict {
                Verdict::Pause(pause) => self.budget().pause(Instant::now(), *pause),
                Verdict::Out => {
                    *self.out.lock().unwrap_or_else(PoisonError::into_inner) = Some(words.clone());
                }
                Verdict::Absent | Verdict::Again | Verdict::Shallow => {}
            }
        }
        outcome
    }

    fn attempt(&self, method: &str, params: &Value) -> Result<Box<RawValue>, Refusal> {
        let again = |words: String| Refusal { verdict: Verdict::Again, words };
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let post = self.agent.post(&self.endpoint.url).header("content-type", "application/json");
        let mut response = post.send(&request).map_err(|error| again(without_url(&error)))?;
        let status = response.status().as_u16();
        if status != 200 {
            let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let verdict = verdict::of_status(status, retry_after);
            return Err(Refusal { verdict, words: format!("HTTP status {status}") });
        }
        let body = response.body_mut().with_config().limit(BODY_BYTES_MAX).read_to_string();
        let body = body.map_err(|error| again(without_url(&error)))?;
        let envelope: Envelope = serde_json::from_str(&body)
            .map_err(|error| again(format!("the answer is no JSON-RPC: {error}")))?;
        match (envelope.result, envelope.error) {
            (_, Some(error)) => Err(Refusal {
                verdict: verdict::of_code(error.code),
                words: format!("{} ({})", error.message, error.code),
            }),
            (Some(result), None) => Ok(result),
            // `result: null` is read as none.
            (None, None) => Err(Refusal { verdict: Verdict::Absent, words: "the answer is null".to_owned() }),
        }
    }
}

/// The failure of a connection. Only an error about the URL itself would print the URL.
fn without_url(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) => "the URL is not one".to_owned(),
        other => other.to_string(),
    }
}
