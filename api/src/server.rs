//! The server: its threads, its accept loop, its router.
//!
//! `axum::serve` sets no timer, so that hyper's time-out for slow headers would not run; connections are accepted and
//! served here instead, each with bounds on what it may send and how long that may take.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;

use crate::app::{App, Caller, Subject, body, takes_gzip};
use crate::config::Config;
use crate::cursor::Cursors;
use crate::feed::{self, Feed, Hub};
use crate::history::History;
use crate::problem::{Field, Kind, Problem};
use crate::route::Route;
use crate::{openapi, page, rest, sse, ws};

/// Connections at once.
const CONNECTIONS: usize = 4_096;
/// Bytes of the head of a request, and header fields.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;
/// Bytes of a request's path and query.
const URI_BYTES: usize = 8 << 10;
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long connections have to end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; name another with `listen` in [api], or --no-api for none"
    )]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The system gives no thread or no random numbers.
    #[error("cannot start the API: {0}")]
    System(String),
}

/// A running server. It ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Server {
    /// Starts to serve; what leaves the edge is to be handed to the feed.
    ///
    /// # Errors
    /// When the address is taken, or the system gives no threads.
    pub fn start(
        config: &Config,
        subject: Subject,
        history: Arc<dyn History>,
    ) -> Result<(Self, Feed), StartError> {
        let refused = |source| StartError::Listen { address: config.listen.clone(), source };
        let listener = TcpListener::bind(&config.listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let system = |e: &dyn std::fmt::Display| StartError::System(e.to_string());
        let hub = Arc::new(Hub::new());
        let feed = feed::start(Arc::clone(&hub)).map_err(|e| system(&e))?;
        let cursors = Cursors::new().map_err(|e| system(&e))?;
        let names = (hosts(config, address), config.origins.clone());
        let app = Arc::new(App::new(subject, history, Arc::clone(&hub), cursors, names));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads)
            .thread_name("api")
            .enable_all()
            .build()
            .map_err(|e| system(&e))?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(refused)?
        };
        runtime.spawn(accept(listener, router(&app)));
        Ok((Self { address, app, runtime: Some(runtime) }, feed))
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the page is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What was handed over last still goes out, if whoever hands over has ended.
        let deadline = Instant::now() + FAREWELL;
        let wait = |is_done: &dyn Fn() -> bool| {
            while !is_done() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let ended = self.app.hub.until_end();
        wait(&|| *ended.borrow());
        self.app.hub.end();
        wait(&|| self.app.metrics.connections.load(Ordering::Relaxed) == 0);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(FAREWELL);
        }
    }
}

/// The names that it answers to.
fn hosts(config: &Config, address: SocketAddr) -> Vec<String> {
    let port = address.port();
    let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), ip(address)];
    let each = own.iter().chain(&config.hosts).map(|host| host.to_ascii_lowercase());
    each.flat_map(|host| [format!("{host}:{port}"), host]).collect()
}

fn ip(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

async fn accept(listener: tokio::net::TcpListener, router: Router) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of open files, mostly: others will close theirs.
                tracing::debug!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // A frame is small and must not wait for the next.
        drop(stream.set_nodelay(true));
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut server = http1::Builder::new();
            server
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(HEAD_BYTES)
                .max_headers(HEADERS);
            let connection = server.serve_connection(TokioIo::new(stream), service).with_upgrades();
            if let Err(error) = connection.await {
                tracing::trace!(%error, "a connection ended");
            }
            drop(seat);
        });
    }
}

fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in rest::routes() {
        let answer = move |State(app): State<Arc<App>>, path: RawPathParams, uri: Uri, headers: HeaderMap| async move {
            answer(app, route, &path, (&uri, &headers)).await
        };
        router = router.route(&format!("/api/v1{}", route.path), get(answer));
    }
    let page = |name: &'static str| {
        get(move |state: State<Arc<App>>, headers: HeaderMap| page::html(state, name, headers))
    };
    router = router
        .route("/api/v1/stream", get(stream))
        .route("/health/live", get(|| async { "{\"status\":\"live\"}" }))
        .route("/health/ready", get(ready))
        .route("/api/v1/health/live", get(|| async { "{\"status\":\"live\"}" }))
        .route("/api/v1/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(document))
        .route("/ws", get(socket))
        .route("/udf/config", get(|| async { plain(&rest::udf::config()) }))
        .route(
            "/udf/time",
            get(|State(app): State<Arc<App>>| async move { ((app.subject.clock)() / 1_000).to_string() }),
        )
        .route("/udf/{name}", get(udf))
        .route("/static/{version}/{*file}", get(page::asset))
        .route("/favicon.ico", get(page::icon));
    for (path, name) in page::PAGES {
        router = router.route(path, page(name));
    }
    router
        .fallback(|uri: Uri| async move {
            Problem::new(Kind::NotFound, format!("there is nothing at {}; see /docs", uri.path()))
                .response(uri.path())
        })
        .method_not_allowed_fallback(|uri: Uri| async move {
            Problem::new(Kind::MethodNotAllowed, "this can only be read, with GET").response(uri.path())
        })
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard))
        .with_state(Arc::clone(app))
}

/// Lets in who may ask, and adds what every answer carries.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let is_long = uri.path_and_query().is_some_and(|whole| whole.as_str().len() > URI_BYTES);
    let host =
        request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    let is_known = host.as_ref().is_some_and(|host| app.hosts.contains(host));
    let mut response = if is_long {
        Problem::new(Kind::TooLarge, format!("a path and query has {URI_BYTES} bytes at most"))
            .response(uri.path())
    } else if !is_known {
        let detail = "the header `Host` names another server; `hosts` in [api] adds names";
        Problem::new(Kind::HostUnknown, detail).response(uri.path())
    } else if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in page::HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn answer(
    app: Arc<App>,
    route: &'static Route,
    path: &RawPathParams,
    (uri, headers): (&Uri, &HeaderMap),
) -> Response {
    let caller = Caller::new(&uri.to_string(), headers);
    let in_path = path.iter().map(|(name, text)| ("path", name.to_owned(), text.to_owned()));
    let said = match query(uri) {
        Ok(query) => in_path.chain(query.into_iter().map(|(name, text)| ("query", name, text))).collect(),
        Err(problem) => return problem.response(uri.path()),
    };
    app.answer(route, caller, said).await
}

/// The parameters of a query.
fn query(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let Some(query) = uri.query() else { return Ok(Vec::new()) };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                decoded(text).ok_or_else(|| {
                    let detail = "the query is not UTF-8 in percent encoding".to_owned();
                    Problem::parameters(vec![Field { place: "query", field: name.to_owned(), detail }])
                })
            };
            Ok((decode(name)?, decode(text)?))
        })
        .collect()
}

/// Percent encoding, with `+` for a space.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
                digit(bytes.next()?)? * 16 + digit(bytes.next()?)?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

async fn ready(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let found = app.read(|moment| moment.frontier()).await;
    match found {
        Ok(frontier) if app.hub.frontier() > 0 => {
            let text = serde_json::json!({ "status": "ready", "as_of": frontier }).to_string();
            body(text.into_bytes(), "application/json", false)
        }
        Ok(_) => Problem::new(Kind::NotReady, "the pipeline has not flushed yet").response(uri.path()),
        Err(problem) => problem.response(uri.path()),
    }
}

async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let (bytes, steps) = app.hub.size();
    let lag = app.lag_ms(app.hub.frontier());
    let gauges = [
        ("api_ring_bytes", bytes as u64),
        ("api_ring_steps", steps as u64),
        ("api_frontier_microseconds", app.hub.frontier()),
        ("api_lag_milliseconds", lag),
    ];
    body(app.metrics.text(&gauges).into_bytes(), "text/plain; version=0.0.4", gzip_of(&headers))
}

async fn document(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    body(openapi::document(&app.records).to_string().into_bytes(), "application/json", gzip_of(&headers))
}

fn plain(json: &serde_json::Value) -> Response {
    body(json.to_string().into_bytes(), "application/json", false)
}

async fn udf(State(app): State<Arc<App>>, path: RawPathParams, uri: Uri, headers: HeaderMap) -> Response {
    let name = path.iter().next().map(|(_, name)| name.to_owned()).unwrap_or_default();
    let said: rest::udf::Said = match query(&uri) {
        Ok(said) => said.into_iter().collect(),
        Err(problem) => return plain(&rest::udf::error(&problem.detail)),
    };
    let reader = Arc::clone(&app);
    let found = app.read(move |moment| rest::udf::answer(&name, &said, moment, &reader)).await;
    match found {
        Ok(Ok(json)) => body(json.to_string().into_bytes(), "application/json", gzip_of(&headers)),
        Ok(Err(problem)) | Err(problem) => plain(&rest::udf::error(&problem.detail)),
    }
}

fn gzip_of(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).is_some_and(takes_gzip)
}

async fn stream(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    let begin = || {
        let mut channels = Vec::new();
        let mut after = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        for (name, text) in query(&uri)? {
            match name.as_str() {
                "ch" => channels.push(text),
                "after" => after = Some(text),
                other => {
                    return Err(Problem::parameter(
                        other,
                        format!("there is no `{other}`; there are ch, after"),
                    ));
                }
            }
        }
        sse::stream(&app, &channels, after.as_deref())
    };
    begin().unwrap_or_else(|problem: Problem| problem.response(uri.path()))
}

async fn socket(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap, request: Request) -> Response {
    use axum::extract::FromRequestParts as _;
    if uri.query().is_some() {
        let detail = "a socket takes no query: a key in it would end up in logs";
        return Problem::parameter("query", detail).response(uri.path());
    }
    if !is_own_origin(&app, &headers) {
        let detail = "the header `Origin` names another page; `origins` in [api] adds some";
        return Problem::new(Kind::OriginUnknown, detail).response(uri.path());
    }
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade
            .max_message_size(ws::MESSAGE_BYTES)
            .max_frame_size(ws::MESSAGE_BYTES)
            .read_buffer_size(4 << 10)
            .write_buffer_size(0)
            .max_write_buffer_size(8 << 20)
            .on_upgrade(move |socket| ws::serve(app, socket)),
        Err(refused) => Problem::parameter("upgrade", refused.body_text()).response(uri.path()),
    }
}

/// Whether the page that opens a stream is ours, is named in the settings, or is none at all.
fn is_own_origin(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let own =
        origin.split_once("://").is_some_and(|(_, host)| app.hosts.contains(&host.to_ascii_lowercase()));
    own || app.origins.iter().any(|known| known == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_or_refused() {
        assert_eq!(decoded("a%20b+c%c3%a9").as_deref(), Some("a b cé"));
        for wrong in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_path_is_one_of_its_own_and_names_its_parameters() {
        let mut paths: Vec<&str> = rest::routes().map(|route| route.path).collect();
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), all);
        for route in rest::routes() {
            for part in route.path.split('/').filter_map(|p| p.strip_prefix('{')?.strip_suffix('}')) {
                assert!(route.parameters.iter().any(|p| p.name == part), "{} of {}", part, route.path);
            }
        }
    }
}
