//! The connection to Hermes, on a thread of its own.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{Address, Event, Reject, RejectReason, Seconds};
use ureq::http::StatusCode;
use ureq::unversioned::resolver::DefaultResolver;

use super::idle::IdleConnector;
use super::{Config, NAME, digits, server_sent, update};
use crate::{Counts, Source, SourceError, Step};

/// Events that wait to be read, at most; beyond that the connection waits.
const QUEUE_EVENTS: usize = 1_024;
/// Events taken by one read.
const EVENTS_PER_READ: usize = 256;
/// How long to wait for a connection and for its first answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The first pause before a connection is taken up again; it doubles while nothing comes.
const PAUSE_LEAST: Duration = Duration::from_millis(500);
const PAUSE_MOST: Duration = Duration::from_secs(30);
/// How long Hermes refuses whoever asks too often.
const PAUSE_LIMITED: Duration = Duration::from_secs(60);
/// Seconds without a quote that count as a gap: feeds publish every second, a few of them late.
const GAP_S: Seconds = 5;

/// The source.
pub struct Hermes {
    /// What the thread brings; an error ends it.
    inbox: Receiver<Result<Event, SourceError>>,
    counts: Arc<Mutex<Counts>>,
    /// Nothing is sent: the thread ends when this is dropped.
    _alive: SyncSender<()>,
}

impl Hermes {
    /// Starts to listen.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(config: &Config) -> io::Result<Self> {
        Self::start_with_pause(config, PAUSE_LEAST)
    }

    fn start_with_pause(config: &Config, pause_least: Duration) -> io::Result<Self> {
        let (events, inbox) = sync_channel(QUEUE_EVENTS);
        let (alive, has_ended) = sync_channel(0);
        let counts: Arc<Mutex<Counts>> = Arc::default();
        let listener = Listener {
            agent: agent(config),
            url: format!("{}/v2/updates/price/stream", config.url.trim_end_matches('/')),
            api_key: std::env::var(&config.api_key_env).ok().filter(|key| !key.is_empty()),
            mints: config.feeds.iter().map(|feed| (digits(&feed.id), feed.mint)).collect(),
            last: BTreeMap::new(),
            bad: 0,
            events,
            has_ended,
            counts: Arc::clone(&counts),
            pause_least,
        };
        std::thread::Builder::new().name(NAME.to_owned()).spawn(move || listener.listen())?;
        Ok(Self { inbox, counts, _alive: alive })
    }
}

fn agent(config: &Config) -> ureq::Agent {
    let settings = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(CONNECT_TIMEOUT))
        .user_agent(concat!("millrace/", env!("CARGO_PKG_VERSION")))
        .build();
    let connector = IdleConnector::new(Duration::from_secs(config.idle_timeout_s));
    ureq::Agent::with_parts(settings, connector, DefaultResolver::default())
}

impl Source for Hermes {
    fn name(&self) -> &str {
        NAME
    }

    /// What has come until now; it does not wait.
    fn read(&mut self, events: &mut Vec<Event>) -> Result<Step, SourceError> {
        for _ in 0..EVENTS_PER_READ {
            match self.inbox.try_recv() {
                Ok(Ok(event)) => events.push(event),
                Ok(Err(error)) => return Err(error),
                // After its error the thread is gone, and there is nothing more.
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        Ok(Step::More)
    }

    fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why listening ends for good.
enum Ended {
    /// Nobody listens to the listener any more.
    Unheard,
    /// The service refuses.
    Refused(SourceError),
}

/// How a connection ended.
enum Broken {
    Ended(Ended),
    /// It may work again after a pause, which is not shorter than this.
    Lost(Duration),
}

struct Listener {
    agent: ureq::Agent,
    url: String,
    api_key: Option<String>,
    mints: BTreeMap<String, Address>,
    /// Publish time of the last quote of each token.
    last: BTreeMap<Address, Seconds>,
    /// Items that were none, so far.
    bad: u64,
    events: SyncSender<Result<Event, SourceError>>,
    has_ended: Receiver<()>,
    counts: Arc<Mutex<Counts>>,
    pause_least: Duration,
}

impl Listener {
    fn listen(mut self) {
        let mut pause = self.pause_least;
        loop {
            let before = self.counted("quote");
            let least = match self.connect() {
                Broken::Ended(Ended::Unheard) => return,
                Broken::Ended(Ended::Refused(error)) => {
                    self.events.send(Err(error)).ok();
                    return;
                }
                Broken::Lost(least) => least,
            };
            self.count("disconnected", 1);
            if self.counted("quote") > before {
                pause = self.pause_least;
            }
            // What arrives is that the other end is gone.
            if self.has_ended.recv_timeout(pause.max(least)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            pause = (pause * 2).min(PAUSE_MOST);
        }
    }

    /// Connects and reads until the connection ends.
    fn connect(&mut self) -> Broken {
        let mut request = self.agent.get(&self.url).header("accept", "text/event-stream");
        // Of the binary form, which nobody reads, the shorter one.
        request = request.query("parsed", "true").query("encoding", "base64");
        for id in self.mints.keys() {
            request = request.query("ids[]", id);
        }
        if let Some(key) = &self.api_key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(_) => return Broken::Lost(Duration::ZERO),
        };
        match response.status() {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => return Broken::Lost(PAUSE_LIMITED),
            status if status.is_client_error() => {
                return Broken::Ended(Ended::Refused(self.refused(response)));
            }
            _ => return Broken::Lost(Duration::ZERO),
        }
        match self.read(&mut BufReader::new(response.into_body().into_reader())) {
            Ok(()) => Broken::Lost(Duration::ZERO),
            Err(ended) => Broken::Ended(ended),
        }
    }

    fn refused(&self, mut response: ureq::http::Response<ureq::Body>) -> SourceError {
        let answer = response.body_mut().with_config().limit(1_000).lossy_utf8(true).read_to_string();
        let answer = format!("{} {}", response.status(), answer.unwrap_or_default());
        SourceError::Refused { address: self.url.clone(), answer: answer.trim_end().to_owned() }
    }

    /// Reads until the stream breaks.
    fn read(&mut self, stream: &mut impl BufRead) -> Result<(), Ended> {
        while let Ok(Some(event)) = server_sent::next(stream) {
            if event.kind == "error" {
                self.count("oracle_error", 1);
                continue;
            }
            match update::quotes(&event.data, &self.mints) {
                Ok(quotes) => {
                    for quote in quotes {
                        match quote {
                            Ok(quote) => self.take(quote)?,
                            Err(detail) => self.reject(detail)?,
                        }
                    }
                }
                Err(detail) => self.reject(detail)?,
            }
        }
        Ok(())
    }

    /// Sends a quote on, unless one of its second was sent.
    fn take(&mut self, quote: model::PriceQuote) -> Result<(), Ended> {
        if let Some(last) = self.last.get(&quote.mint) {
            if quote.publish_time <= *last {
                self.count("quote_again", 1);
                return Ok(());
            }
            let since = quote.publish_time - last;
            if since > GAP_S {
                self.count("quote_gap", 1);
                self.count("quote_gap_s", since - 1);
            }
        }
        self.last.insert(quote.mint, quote.publish_time);
        self.count("quote", 1);
        self.send(Event::Quote(quote))
    }

    fn reject(&mut self, detail: String) -> Result<(), Ended> {
        self.bad += 1;
        // A stream has no lines to point at: after which second it came, and as which bad one.
        let after = self.last.values().max().copied().unwrap_or(0);
        self.send(Event::Reject(Reject {
            source: NAME.to_owned(),
            cursor: format!("{after}+{}", self.bad),
            reason: RejectReason::Malformed,
            program: None,
            signature: None,
            slot: None,
            detail,
        }))
    }

    fn send(&self, event: Event) -> Result<(), Ended> {
        self.events.send(Ok(event)).map_err(|_| Ended::Unheard)
    }

    fn count(&self, name: &str, more: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(name.to_owned()).or_default() += more;
    }

    fn counted(&self, name: &str) -> u64 {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::hermes::Feed;

    /// Nothing here takes this long, however slow the machine.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// What one connection gets: bytes, each chunk after a pause, and then whether it is held open.
    struct Answer {
        chunks: Vec<String>,
        is_held: bool,
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
                      transfer-encoding: chunked\r\n\r\n";

    /// A piece of a chunked body.
    fn piece(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    fn refusal(status: &str, body: &str) -> Answer {
        let chunks = vec![format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())];
        Answer { chunks, is_held: false }
    }

    fn stream(pieces: &[String], is_held: bool) -> Answer {
        let pieces = pieces.iter().map(|text| piece(text));
        Answer { chunks: std::iter::once(OK.to_owned()).chain(pieces).collect(), is_held }
    }

    fn id() -> String {
        digits(&Config::default().feeds[0].id)
    }

    /// An event as Hermes writes it.
    fn event(price: &str, publish_time: Seconds) -> String {
        let price = json!({"price": price, "conf": "6100000", "expo": -8, "publish_time": publish_time});
        let metadata = json!({"slot": 144_400_101, "proof_available_time": publish_time + 2,
            "prev_publish_time": publish_time - 1});
        let parsed = json!([{"id": id(), "price": price, "ema_price": price, "metadata": metadata}]);
        let binary = json!({"encoding": "base64", "data": ["UE5BVQEAAAAAuA=="]});
        format!("data:{}\n\n", json!({"binary": binary, "parsed": parsed}))
    }

    /// Serves one answer a connection, and hands out the requests it got.
    fn serve(answers: Vec<Answer>) -> (String, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, got) = sync_channel(16);
        let body = move || {
            let mut held: Vec<TcpStream> = Vec::new();
            for (answer, connection) in answers.into_iter().zip(listener.incoming()) {
                let mut connection = connection.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    connection.read_exact(&mut byte).unwrap();
                    request.push(byte[0]);
                }
                requests.send(String::from_utf8(request).unwrap()).ok();
                for chunk in answer.chunks {
                    // A client that has seen enough hangs up.
                    connection.write_all(chunk.as_bytes()).and_then(|()| connection.flush()).ok();
                    std::thread::sleep(Duration::from_millis(5));
                }
                if answer.is_held {
                    held.push(connection);
                }
            }
            // Held connections stay open until the test is over and nobody takes requests any more.
            while requests.send(String::new()).is_ok() {}
        };
        std::thread::Builder::new().name("server".to_owned()).spawn(body).unwrap();
        (url, got)
    }

    fn start(url: &str, idle_timeout_s: u64) -> Hermes {
        let config = Config {
            url: url.to_owned(),
            api_key_env: "MILLRACE_TEST_WITHOUT_KEY".to_owned(),
            idle_timeout_s,
            ..Config::default()
        };
        Hermes::start_with_pause(&config, Duration::from_millis(10)).unwrap()
    }

    /// Reads until there are so many events.
    fn read(source: &mut Hermes, count: usize) -> Vec<Event> {
        let (started, mut events) = (Instant::now(), Vec::new());
        while events.len() < count {
            assert!(started.elapsed() < PATIENCE, "{events:?} {:?}", source.counts());
            assert_eq!(source.read(&mut events).unwrap(), Step::More);
            std::thread::sleep(Duration::from_millis(1));
        }
        events
    }

    fn quotes(events: &[Event]) -> Vec<(Seconds, f64)> {
        let quote = |event: &Event| match event {
            Event::Quote(quote) => {
                assert_eq!((quote.mint, quote.source.as_str()), (Address::WSOL, "pyth"));
                Some((quote.publish_time, quote.usd.get()))
            }
            _ => None,
        };
        events.iter().filter_map(quote).collect()
    }

    #[test]
    fn it_reads_on_over_disconnects_stalls_and_what_is_malformed() {
        let start_s = 1_790_000_000;
        let first = [
            ":\n\n".to_owned(),
            event("15012345678", start_s),
            ":No update available\n\n".to_owned(),
            event("15012345679", start_s),
            "data:{\"parsed\":[{\"id\":\"00\"}]}\n\n".to_owned(),
            "event:error\ndata:Error receiving update: Lagged(3)\n\n".to_owned(),
            "data:oh no\n\n".to_owned(),
            event("15012000000", start_s + 1),
            // Cut off in the middle.
            "data:{\"binary\":{\"enc".to_owned(),
        ];
        // The first piece of an event and the rest of it come apart.
        let whole = event("15100000000", start_s + 40);
        let (head, tail) = whole.split_at(70);
        let second = [head.to_owned(), tail.to_owned()];
        let third = [event("15100000000", start_s + 39), event("15200000000", start_s + 41)];
        let (url, requests) = serve(vec![
            stream(&first, false),
            refusal("503 Service Unavailable", "later"),
            stream(&second, true),
            stream(&third, true),
        ]);
        let mut source = start(&url, 1);
        let events = read(&mut source, 6);
        assert_eq!(
            quotes(&events),
            [(start_s, 150.123_456_78), (start_s + 1, 150.12), (start_s + 40, 151.0), (start_s + 41, 152.0)]
        );
        let rejects: Vec<_> = events
            .iter()
            .filter_map(|event| if let Event::Reject(reject) = event { Some(reject) } else { None })
            .map(|reject| (reject.source.as_str(), reject.cursor.clone(), reject.reason))
            .collect();
        let cursor = |bad: u64| format!("{start_s}+{bad}");
        let malformed = RejectReason::Malformed;
        assert_eq!(rejects, [("hermes", cursor(1), malformed), ("hermes", cursor(2), malformed)]);
        let counts = source.counts();
        for (name, count) in [
            ("quote", 4),
            ("quote_again", 2),
            ("quote_gap", 1),
            ("quote_gap_s", 38),
            ("oracle_error", 1),
            ("disconnected", 3),
        ] {
            assert_eq!(counts[name], count, "{name} of {counts:?}");
        }
        let request = requests.recv().unwrap();
        let line = request.lines().next().unwrap();
        assert!(line.starts_with("GET /v2/updates/price/stream?parsed=true&encoding=base64&ids"), "{line}");
        assert!(line.contains(&format!("={} HTTP/1.1", id())), "{line}");
        assert!(!request.to_ascii_lowercase().contains("authorization"), "{request}");
    }

    #[test]
    fn a_refusal_ends_it_with_the_answer() {
        let (url, _requests) = serve(vec![refusal("404 Not Found", "Price ids not found: 0xef")]);
        let mut source = start(&url, 1);
        let started = Instant::now();
        let error = loop {
            assert!(started.elapsed() < PATIENCE);
            if let Err(error) = source.read(&mut Vec::new()) {
                break error.to_string();
            }
        };
        assert!(error.contains("/v2/updates/price/stream refuses: 404 Not Found"), "{error}");
        assert!(error.contains("Price ids not found: 0xef"), "{error}");
    }

    #[test]
    fn the_key_is_sent_where_there_is_one_and_the_thread_ends_with_its_source() {
        let (url, requests) = serve(vec![stream(&[event("1", 10)], true)]);
        let feeds = vec![Feed { mint: Address::WSOL, id: id() }];
        // A variable that every test process has.
        let config = Config { url, api_key_env: "CARGO_PKG_NAME".to_owned(), idle_timeout_s: 1, feeds };
        let mut source = Hermes::start_with_pause(&config, Duration::from_millis(10)).unwrap();
        let request = requests.recv().unwrap();
        let expected = format!("authorization: bearer {}", env!("CARGO_PKG_NAME"));
        assert!(request.to_ascii_lowercase().contains(&expected), "{request}");
        assert_eq!(quotes(&read(&mut source, 1)), [(10, 1e-8)]);
        let counts = Arc::downgrade(&source.counts);
        drop(source);
        let started = Instant::now();
        while counts.strong_count() > 0 {
            assert!(started.elapsed() < PATIENCE, "the thread goes on");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
