//! What all requests share, and the way from a request to an answer.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use model::{Schema, Time, Value};
use tokio::sync::Semaphore;

use crate::answer::{Answer, value};
use crate::cursor::Cursors;
use crate::feed::Hub;
use crate::history::{History, Moment, Select, Unavailable};
use crate::metrics::Metrics;
use crate::parameter::Ask;
use crate::problem::{Kind, Problem};
use crate::route::Route;

/// Requests that read the store at once.
const READERS: usize = 4;
/// Requests that wait for their turn, at most.
const WAITING: usize = 64;
/// How long an answer waits for the frontier that it must have reached.
const PATIENCE: Duration = Duration::from_secs(2);
/// How far ahead of what is known a frontier can be that another server of the same data has named, microseconds.
const AHEAD: Time = 60_000_000;
/// Bodies from this size on are compressed.
const COMPRESS_FROM: usize = 1_024;
/// The header with the frontier that an answer must have reached.
const MIN_AS_OF: &str = "millrace-min-as-of";

/// What time it is on the chain, milliseconds since 1970: the wall clock for a live source, that of the market for a
/// simulated one.
pub type ChainClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the server is about.
#[derive(Clone)]
pub struct Subject {
    /// What can be read.
    pub schemas: Vec<&'static Schema>,
    /// The source, as people name it.
    pub source: String,
    /// Whether the source is made up.
    pub is_simulated: bool,
    /// What time it is on the chain.
    pub clock: ChainClock,
}

/// What all requests share.
pub(crate) struct App {
    pub(crate) records: BTreeMap<&'static str, &'static Schema>,
    pub(crate) subject: Subject,
    pub(crate) history: Arc<dyn History>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) cursors: Cursors,
    pub(crate) metrics: Metrics,
    pub(crate) hosts: Vec<String>,
    pub(crate) origins: Vec<String>,
    pub(crate) seats: Semaphore,
    pub(crate) waiting: AtomicUsize,
}

/// What a request brings beside its parameters.
pub(crate) struct Caller {
    pub(crate) uri: String,
    pub(crate) min_as_of: Option<Time>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) takes_gzip: bool,
}

impl Caller {
    pub(crate) fn new(uri: &str, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            uri: uri.to_owned(),
            min_as_of: text(HeaderName::from_static(MIN_AS_OF)).and_then(|value| value.parse().ok()),
            if_none_match: text(header::IF_NONE_MATCH).map(str::to_owned),
            takes_gzip: text(header::ACCEPT_ENCODING).is_some_and(takes_gzip),
        }
    }
}

/// Whether an `Accept-Encoding` takes gzip.
pub(crate) fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|each| {
        let mut parts = each.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|part| part == "q=0")
    })
}

/// An answer with what is known of its frontier.
struct Composed {
    body: Vec<u8>,
    etag: String,
    max_age_s: u32,
}

/// How far the chain has settled, milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settled {
    pub(crate) confirmed_to: Option<u64>,
    pub(crate) finalized_to: Option<u64>,
}

impl App {
    pub(crate) fn new(
        subject: Subject,
        history: Arc<dyn History>,
        hub: Arc<Hub>,
        cursors: Cursors,
        (hosts, origins): (Vec<String>, Vec<String>),
    ) -> Self {
        Self {
            records: subject.schemas.iter().map(|schema| (schema.name, *schema)).collect(),
            subject,
            history,
            hub,
            cursors,
            metrics: Metrics::default(),
            hosts,
            origins,
            seats: Semaphore::new(READERS),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The schema of a record.
    pub(crate) fn record(&self, name: &str) -> Result<&'static Schema, Problem> {
        self.records.get(name).copied().ok_or_else(|| Problem::not_found("record", name))
    }

    /// How long ago the frontier was the time of the chain, milliseconds.
    pub(crate) fn lag_ms(&self, frontier: Time) -> u64 {
        (self.subject.clock)().saturating_sub(frontier / 1_000)
    }

    /// Reads the store where blocking is no harm, when it is the turn of this request.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnMut(&dyn Moment) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Unavailable::Busy.into());
        }
        let seat = self.seats.acquire().await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let history = Arc::clone(&self.history);
        let mut read = read;
        let work = tokio::task::spawn_blocking(move || {
            let mut found = None;
            history.now(&mut |moment| found = Some(read(moment))).map(|()| found)
        });
        let found = work.await;
        drop(seat);
        match found {
            Ok(Ok(Some(found))) => Ok(found),
            Ok(Err(unavailable)) => Err(unavailable.into()),
            Ok(Ok(None)) | Err(_) => Err(Unavailable::Away("the reader gave up".into()).into()),
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        route: &'static Route,
        caller: Caller,
        said: Vec<(&'static str, String, String)>,
    ) -> Response {
        let started = Instant::now();
        let outcome = self.find(route, &caller, &said).await;
        self.metrics.answered(route.path, started.elapsed(), outcome.is_ok());
        match outcome {
            Ok(composed) => composed.response(&caller),
            Err(problem) => problem.response(&caller.uri),
        }
    }

    async fn find(
        self: &Arc<Self>,
        route: &'static Route,
        caller: &Caller,
        said: &[(&'static str, String, String)],
    ) -> Result<Composed, Problem> {
        let asks_for_the_past = said.iter().any(|(_, name, _)| name == "as_of");
        if asks_for_the_past && !route.parameters.iter().any(|parameter| parameter.name == "as_of") {
            let kept = "it is kept for trades, lifecycle, alerts, smart/matches and lists";
            return Err(Problem::new(
                Kind::AsOfNotKept,
                format!("the past of `{}` is not kept; {kept}", route.path),
            ));
        }
        let mut ask = Ask::read(route.parameters, said)?;
        // A cursor goes on with what it was given for, the path included.
        ask.subject = format!("{}?{}", caller.uri.split('?').next().unwrap_or_default(), ask.subject);
        let least = caller.min_as_of.max(ask.count("min_as_of")).unwrap_or(0);
        let ahead = least.saturating_sub(self.hub.frontier());
        if self.hub.frontier() > 0 && ahead > AHEAD {
            let detail =
                format!("`min_as_of` is {least}; no answer and no frame has named a frontier that far ahead");
            return Err(Problem::parameter("min_as_of", detail));
        }
        let deadline = Instant::now() + PATIENCE;
        let mut steps = self.hub.listen();
        loop {
            let (app, ask) = (Arc::clone(self), ask.clone());
            let found = self
                .read(move |moment| {
                    (moment.frontier() >= least).then(|| {
                        let answer = (route.find)(&ask, moment, &app)?;
                        app.compose(moment, &answer)
                    })
                })
                .await?;
            if let Some(found) = found {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // The store follows the feed: a look now and then finds what it has become.
            let next = tokio::time::timeout(left.min(Duration::from_millis(50)), steps.changed()).await;
            if left.is_zero() {
                let detail = format!("the frontier {least} is not reached yet; try again in a moment");
                return Err(Problem::new(Kind::Behind, detail));
            }
            drop(next);
        }
    }

    fn compose(&self, moment: &dyn Moment, answer: &Answer) -> Result<Composed, Problem> {
        let frontier = moment.frontier();
        let settled = self.settled(moment)?;
        let hash = ring::digest::digest(&ring::digest::SHA256, &answer.data);
        let etag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(hash.as_ref().get(..12).unwrap_or_default()));
        let mut meta = serde_json::json!({
            "as_of": frontier,
            "durable_to": frontier,
            "confirmed_to": settled.confirmed_to,
            "finalized_to": settled.finalized_to,
            "lag_ms": self.lag_ms(frontier),
            "epoch": self.hub.epoch(),
        });
        if let (Some(paging), Some(members)) = (&answer.paging, meta.as_object_mut()) {
            if let Some(page) = paging.page {
                members.insert("page".to_owned(), page.into());
            }
            members.insert("limit".to_owned(), paging.limit.into());
            if let Some(total) = paging.total {
                members.insert("total".to_owned(), total.into());
            }
            members.insert("has_more".to_owned(), paging.next.is_some().into());
            members.insert("next".to_owned(), paging.next.clone().into());
        }
        let mut body = Vec::with_capacity(answer.data.len() + 256);
        body.extend_from_slice(b"{\"data\":");
        body.extend_from_slice(&answer.data);
        body.extend_from_slice(b",\"meta\":");
        body.extend_from_slice(meta.to_string().as_bytes());
        body.push(b'}');
        Ok(Composed { body, etag, max_age_s: answer.max_age_s })
    }

    /// How far the chain has settled, by the record `progress` where there is one.
    pub(crate) fn settled(&self, moment: &dyn Moment) -> Result<Settled, Problem> {
        let Some(schema) = self.records.get("progress").copied() else { return Ok(Settled::default()) };
        let rows = moment.rows(&Select::of(schema, 1).is("record", "*"))?;
        let Some(row) = rows.first() else { return Ok(Settled::default()) };
        let time = |column| match value(schema, row, column) {
            Value::Count(ms) => Some(*ms),
            _ => None,
        };
        Ok(Settled { confirmed_to: time("confirmed_to"), finalized_to: time("finalized_to") })
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        let kind = match &unavailable {
            Unavailable::Empty => Kind::NotReady,
            Unavailable::Busy => Kind::Busy,
            Unavailable::Away(_) => Kind::HistoryAway,
        };
        Self::new(kind, unavailable.to_string())
    }
}

impl From<std::io::Error> for Problem {
    /// Of writing to memory.
    fn from(error: std::io::Error) -> Self {
        Self::new(Kind::HistoryAway, format!("a row cannot be spelled: {error}"))
    }
}

impl Composed {
    fn response(self, caller: &Caller) -> Response {
        let cache = format!("private, max-age={}", self.max_age_s);
        let is_known = caller
            .if_none_match
            .as_deref()
            .is_some_and(|known| known.split(',').any(|each| each.trim() == self.etag || each.trim() == "*"));
        let mut response = if is_known {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            body(self.body, "application/json", caller.takes_gzip)
        };
        let headers = response.headers_mut();
        for (name, text) in [(header::ETAG, self.etag), (header::CACHE_CONTROL, cache)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// A body, compressed where that is worth it and taken.
pub(crate) fn body(bytes: Vec<u8>, kind: &'static str, takes_gzip: bool) -> Response {
    let compressed =
        (takes_gzip && bytes.len() >= COMPRESS_FROM).then(|| gzip(&bytes, Compression::fast())).flatten();
    let is_compressed = compressed.is_some();
    let mut response = Response::new(Body::from(compressed.unwrap_or(bytes)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Compressed; none if that fails, which it does not in memory.
pub(crate) fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), level);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
