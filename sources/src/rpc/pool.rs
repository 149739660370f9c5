//! Several endpoints as one: who is asked next, how often, and when to give up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use model::Seconds;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::block::Block;
use super::client::{Client, Endpoint, Refusal};
use super::verdict::Verdict;

/// The first pause before an endpoint is asked again for the same; it doubles with each.
const PAUSE_LEAST: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(10);
/// For so long one answer is asked for, at most.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a wait may be before it is looked whether to stop.
const NAP: Duration = Duration::from_millis(50);

/// The endpoints' answer for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The slot's block, and the number of the endpoint that gave it.
    Block(usize, Block),
    /// Every endpoint that can be asked says that there is none; they may be wrong.
    Absent,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// No endpoint is left that could be asked.
    #[error("no endpoint answers any more: {0}")]
    AllOut(String),
    /// Asked again and again.
    #[error("{method} was asked for again and again; the last answer was: {last}")]
    GivenUp {
        /// The method.
        method: &'static str,
        /// The last answer.
        last: String,
    },
    /// The caller was told to stop.
    #[error("stopped")]
    Stopped,
}

/// Endpoints that answer for one another.
pub struct Rpc {
    clients: Vec<Client>,
    pause_least: Duration,
    patience: Duration,
}

/// How far it has come with one endpoint for one answer.
#[derive(Clone, Copy)]
struct Tried {
    /// The endpoint has nothing.
    is_absent: bool,
    /// Not asked again before then.
    not_before: Instant,
}

impl Rpc {
    /// The endpoints, the first preferred.
    #[must_use]
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        let clients = endpoints.into_iter().map(Client::new).collect();
        Self { clients, pause_least: PAUSE_LEAST, patience: PATIENCE }
    }

    /// The same with other pauses and another patience.
    #[must_use]
    pub fn with_patience(self, pause_least: Duration, patience: Duration) -> Self {
        Self { pause_least, patience, ..self }
    }

    /// Requests that may be under way at once.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        (2 * self.clients.len()).clamp(1, 8)
    }

    /// The endpoints that are asked no more, each with its words.
    #[must_use]
    pub fn out(&self) -> Vec<(String, String)> {
        self.clients.iter().filter_map(|client| Some((client.name().to_owned(), client.out()?))).collect()
    }

    /// Fetches the block of a slot. `except` is left out if there is another endpoint: its block does not fit
    /// the others.
    ///
    /// # Errors
    /// When no endpoint is left, patience is over, or `stop` is set.
    pub fn block(&self, slot: u64, except: Option<usize>, stop: &AtomicBool) -> Result<Fetched, RpcError> {
        let params = json!([slot, {"encoding": "base64", "transactionDetails": "full", "rewards": false,
            "maxSupportedTransactionVersion": 1, "commitment": "finalized"}]);
        let read = |answer: &RawValue| Block::read(slot, answer).map_err(|error| error.to_string());
        let found = self.find("getBlock", &params, except, stop, read)?;
        Ok(found.map_or(Fetched::Absent, |(endpoint, block)| Fetched::Block(endpoint, block)))
    }

    /// The newest finalized slot.
    ///
    /// # Errors
    /// As [`Rpc::block`].
    pub fn newest_slot(&self, stop: &AtomicBool) -> Result<u64, RpcError> {
        let params = json!([{"commitment": "finalized"}]);
        let found = self.find("getSlot", &params, None, stop, number)?;
        found.map(|(_, slot)| slot).ok_or_else(|| RpcError::AllOut("getSlot has no answer".to_owned()))
    }

    /// The block time of a finalized slot; none where no endpoint has it.
    ///
    /// # Errors
    /// As [`Rpc::block`].
    pub fn block_time(&self, slot: u64, stop: &AtomicBool) -> Result<Option<Seconds>, RpcError> {
        Ok(self.find("getBlockTime", &json!([slot]), None, stop, number)?.map(|(_, time)| time))
    }

    /// Asks until an endpoint answers, or all of them say that they have nothing.
    fn find<T>(
        &self,
        method: &'static str,
        params: &Value,
        except: Option<usize>,
        stop: &AtomicBool,
        read: impl Fn(&RawValue) -> Result<T, String>,
    ) -> Result<Option<(usize, T)>, RpcError> {
        let started = Instant::now();
        let mut tried = vec![Tried { is_absent: false, not_before: started }; self.clients.len()];
        let except = except.filter(|_| tried.len() > 1);
        let (mut pause, mut last) = (self.pause_least, "none".to_owned());
        while !stop.load(Ordering::Relaxed) {
            let is_usable = |at: &usize| Some(*at) != except && self.clients[*at].out().is_none();
            let usable: Vec<usize> = (0..tried.len()).filter(is_usable).collect();
            if usable.is_empty() {
                return Err(self.all_out());
            }
            let hopeful = usable.into_iter().filter(|at| !tried[*at].is_absent);
            let Some(at) = hopeful.min_by_key(|at| tried[*at].not_before) else { return Ok(None) };
            let now = Instant::now();
            // An endpoint said that there is none, and the others pause for longer than anybody waits: the
            // caller proves absence by the links of the chain, and never by one word more.
            let has_absent = tried.iter().any(|tried| tried.is_absent);
            if has_absent && tried[at].not_before.saturating_duration_since(now) > PAUSE_MOST {
                return Ok(None);
            }
            if started.elapsed() >= self.patience {
                return Err(RpcError::GivenUp { method, last });
            }
            let (client, tried) = (&self.clients[at], &mut tried[at]);
            if tried.not_before > now {
                std::thread::sleep(NAP.min(tried.not_before - now));
                continue;
            }
            if let Err(wait) = client.admit() {
                tried.not_before = now + wait;
                continue;
            }
            let Refusal { verdict, words } = match client.call(method, params) {
                Ok(answer) => match read(&answer) {
                    Ok(answer) => return Ok(Some((at, answer))),
                    Err(words) => Refusal { verdict: Verdict::Again, words },
                },
                Err(refusal) => refusal,
            };
            last = format!("{}: {words}", client.name());
            tried.is_absent = matches!(verdict, Verdict::Absent | Verdict::Shallow);
            tried.not_before = Instant::now() + pause;
            if verdict == Verdict::Again {
                pause = PAUSE_MOST.min(pause * 2);
            }
        }
        Err(RpcError::Stopped)
    }

    fn all_out(&self) -> RpcError {
        let words = self.out().into_iter().map(|(name, words)| format!("{name}: {words}"));
        RpcError::AllOut(words.collect::<Vec<_>>().join("; "))
    }
}

fn number(answer: &RawValue) -> Result<u64, String> {
    serde_json::from_str(answer.get()).map_err(|error| format!("the answer is no number: {error}"))
}
