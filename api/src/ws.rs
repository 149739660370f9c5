//! The WebSocket: one connection, many subscriptions.
//!
//! A connection is one task. It waits for a message, a step, a snapshot or the next beat, whichever comes first, and
//! writes frames one at a time, each made when it is written: while a client does not read, nothing is made for it.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use model::Time;
use serde::Deserialize;

use crate::app::App;
use crate::channel::{Channel, Filters, Level};
use crate::problem::{Kind, Problem};
use crate::session::{Next, Reason, Snapshot, Subscription, snapshot};

/// Subscriptions of a connection, at most.
const SUBSCRIPTIONS: usize = 200;
/// Bytes of a message, at most.
pub(crate) const MESSAGE_BYTES: usize = 4_096;
/// Messages a second on average, and at once.
const MESSAGES_PER_S: f64 = 20.0;
const MESSAGES_AT_ONCE: f64 = 50.0;
const BEAT: Duration = Duration::from_secs(5);
const PING: Duration = Duration::from_secs(25);
/// After so long without a sign of life a connection is closed.
const SILENT: Duration = Duration::from_secs(60);
/// Longer than any pause between frames.
const HOUR: Duration = Duration::from_secs(3_600);
/// How long a client may take to read a frame.
const WRITE: Duration = Duration::from_secs(30);

mod close {
    pub(super) const LIMIT: u16 = 1008;
    pub(super) const RESTART: u16 = 1012;
    pub(super) const SILENT: u16 = 4408;
}

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Said {
    Subscribe(Box<Subscribe>),
    Unsubscribe { id: u64 },
    Resume { token: String, subs: Vec<Subscribe> },
    Ping { id: Option<u64> },
    Search { id: u64, q: String },
    Auth {},
}

/// A subscription as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    id: u64,
    ch: String,
    /// A token, or an `as_of` of this epoch.
    after: Option<After>,
    max_rate: Option<f64>,
    min_commitment: Option<String>,
    side: Option<String>,
    min_usd: Option<f64>,
    program: Option<String>,
    label: Option<String>,
    list: Option<String>,
    rule_id: Option<String>,
    mint: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum After {
    Token(String),
    AsOf(Time),
}

impl Subscribe {
    fn filters(&self) -> Result<Filters, Problem> {
        let level = match self.min_commitment.as_deref() {
            None => Level::Processed,
            Some(text) => Level::parse(text).ok_or_else(|| {
                Problem::parameter(
                    "min_commitment",
                    "`min_commitment` is one of processed confirmed finalized",
                )
            })?,
        };
        Ok(Filters {
            side: self.side.clone(),
            min_usd: self.min_usd,
            program: self.program.clone(),
            label: self.label.clone(),
            list: self.list.clone(),
            rule_id: self.rule_id.clone(),
            mint: self.mint.clone(),
            min_commitment: level,
        })
    }
}

/// The epoch and the frontier that a token names.
pub(crate) fn read_token(token: &str) -> Option<(&str, Time)> {
    let (epoch, as_of) = token.rsplit_once(':')?;
    Some((epoch, as_of.parse().ok()?))
}

type Waiting = Pin<Box<dyn Future<Output = (u64, u64, Reason, Result<Snapshot, Problem>)> + Send>>;

/// A connection.
struct Connection {
    app: Arc<App>,
    epoch: String,
    subscriptions: BTreeMap<u64, Held>,
    snapshots: FuturesUnordered<Waiting>,
    /// Counts subscriptions, so that a snapshot of one that ended is not taken for another of the same number.
    born: u64,
    out: VecDeque<String>,
    allowance: (f64, Instant),
}

struct Held {
    born: u64,
    subscription: Subscription,
}

impl Drop for Connection {
    fn drop(&mut self) {
        for held in self.subscriptions.values() {
            self.app.hub.leave(&held.subscription.channel.keys);
        }
        let count = self.subscriptions.len() as u64;
        self.app.metrics.subscriptions.fetch_sub(count, Ordering::Relaxed);
        self.app.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a connection ends: a code and a word, or that nobody is there any more.
type End = Option<(u16, &'static str)>;

/// Serves a connection until it ends.
pub(crate) async fn serve(app: Arc<App>, mut socket: WebSocket) {
    app.metrics.connections.fetch_add(1, Ordering::Relaxed);
    let mut connection = Connection {
        epoch: app.hub.epoch(),
        app,
        subscriptions: BTreeMap::new(),
        snapshots: FuturesUnordered::new(),
        born: 0,
        out: VecDeque::new(),
        allowance: (MESSAGES_AT_ONCE, Instant::now()),
    };
    let end = connection.run(&mut socket).await;
    drop(connection);
    if let Some((code, reason)) = end {
        let frame = CloseFrame { code, reason: reason.into() };
        drop(tokio::time::timeout(WRITE, socket.send(Message::Close(Some(frame)))).await);
    }
}

impl Connection {
    async fn run(&mut self, socket: &mut WebSocket) -> End {
        let mut steps = self.app.hub.listen();
        let mut ended = self.app.hub.until_end();
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut heard, mut pinged) = (Instant::now(), Instant::now());
        self.out.push_back(self.hello());
        loop {
            if let Err(end) = self.write(socket, Duration::ZERO).await {
                return end;
            }
            let due = self.due();
            tokio::select! {
                message = socket.recv() => {
                    let Some(Ok(message)) = message else { return None };
                    heard = Instant::now();
                    match message {
                        Message::Text(text) => {
                            if !self.is_allowed() {
                                return Some((close::LIMIT, "too many messages"));
                            }
                            self.take(text.as_str()).await;
                        }
                        Message::Binary(_) => self.problem(None, &Problem::parameter("op", "messages are JSON text")),
                        Message::Close(_) => return None,
                        Message::Ping(_) | Message::Pong(_) => {}
                    }
                }
                Some((id, born, reason, taken)) = self.snapshots.next(), if !self.snapshots.is_empty() => {
                    self.begin((id, born), reason, taken);
                }
                changed = steps.changed() => if changed.is_err() { return Some((close::RESTART, "restart")) },
                () = tokio::time::sleep_until(due.into()) => {}
                changed = ended.changed() => {
                    if changed.is_err() || *ended.borrow() {
                        // The last frames first: the mark of the farewell says that they were sent.
                        if let Err(end) = self.write(socket, Duration::MAX).await {
                            return end;
                        }
                        self.out.push_back(self.goodbye());
                        let _gone = self.write(socket, Duration::ZERO).await;
                        return Some((close::RESTART, "restart"));
                    }
                }
                _ = beats.tick() => {
                    if heard.elapsed() > SILENT {
                        return Some((close::SILENT, "silent"));
                    }
                    if pinged.elapsed() > PING {
                        pinged = Instant::now();
                        let ping = socket.send(Message::Ping(axum::body::Bytes::new()));
                        if !matches!(tokio::time::timeout(WRITE, ping).await, Ok(Ok(()))) {
                            return None;
                        }
                    }
                    self.out.push_back(self.beat());
                }
            }
        }
    }

    /// Writes what there is to say, then a frame of each subscription that has one, or will have within a time.
    async fn write(&mut self, socket: &mut WebSocket, within: Duration) -> Result<(), End> {
        if self.epoch != self.app.hub.epoch() {
            self.epoch = self.app.hub.epoch();
            self.out.push_back(self.hello());
            let ids: Vec<u64> = self.subscriptions.keys().copied().collect();
            for id in ids {
                self.ask_snapshot(id, Reason::Epoch);
            }
        }
        while let Some(text) = self.out.pop_front() {
            send(socket, text).await?;
        }
        let ids: Vec<u64> = self.subscriptions.keys().copied().collect();
        let now = Instant::now();
        let mut is_any = false;
        for id in ids {
            let Some(held) = self.subscriptions.get_mut(&id) else { continue };
            match held.subscription.next(&self.app, now + within.min(HOUR)) {
                Next::Nothing => {}
                Next::Frame(text) => {
                    send(socket, text).await?;
                    is_any = true;
                }
                Next::Snapshot(reason) => self.ask_snapshot(id, reason),
            }
        }
        if is_any {
            self.app.metrics.framed(now.elapsed());
        }
        Ok(())
    }

    /// When a subscription that asked for fewer frames may have one.
    fn due(&self) -> Instant {
        let now = Instant::now();
        let is_behind =
            |held: &&Held| held.subscription.place().is_some_and(|at| at < self.app.hub.frontier());
        let of = self.subscriptions.values().filter(is_behind).filter_map(|held| held.subscription.due());
        of.min().map_or(now + BEAT, |due| due.max(now + Duration::from_millis(5)))
    }

    fn is_allowed(&mut self) -> bool {
        let (left, since) = self.allowance;
        let left = (left + since.elapsed().as_secs_f64() * MESSAGES_PER_S).min(MESSAGES_AT_ONCE) - 1.0;
        self.allowance = (left.max(0.0), Instant::now());
        left >= 0.0
    }

    fn hello(&self) -> String {
        serde_json::json!({
            "op": "hello",
            "version": 1,
            "epoch": self.epoch,
            "as_of": self.app.hub.frontier(),
            "beat_ms": 1_000 * BEAT.as_secs(),
            "source": self.app.subject.source,
            "is_simulated": self.app.subject.is_simulated,
            "limits": {
                "subscriptions": SUBSCRIPTIONS,
                "message_bytes": MESSAGE_BYTES,
                "messages_per_s": MESSAGES_PER_S,
                "messages_at_once": MESSAGES_AT_ONCE,
            },
        })
        .to_string()
    }

    /// Up to where everything was sent on every subscription.
    fn mark(&self) -> String {
        let frontier = self.app.hub.frontier();
        let placed = self.subscriptions.values().filter_map(|held| held.subscription.place());
        format!("{}:{}", self.epoch, placed.min().unwrap_or(frontier).min(frontier))
    }

    fn beat(&self) -> String {
        let frontier = self.app.hub.frontier();
        serde_json::json!({
            "op": "beat",
            "mark": self.mark(),
            "frontier": frontier,
            "lag_ms": self.app.lag_ms(frontier),
        })
        .to_string()
    }

    fn goodbye(&self) -> String {
        // Spread, so that not all come back at once.
        let spread = crate::feed::now_ms() ^ self.born.wrapping_mul(7_919);
        serde_json::json!({
            "op": "goodbye",
            "reason": "restart",
            "reconnect_ms": 500 + spread % 4_500,
            "mark": self.mark(),
        })
        .to_string()
    }

    fn problem(&mut self, id: Option<u64>, problem: &Problem) {
        self.out.push_back(
            serde_json::json!({ "op": "error", "id": id, "problem": problem.json("/ws") }).to_string(),
        );
    }

    async fn take(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Err(error) => {
                let problem = Problem::parameter("op", format!("the message is not understood: {error}"));
                self.problem(None, &problem);
            }
            Ok(Said::Ping { id }) => {
                self.out.push_back(serde_json::json!({ "op": "pong", "id": id }).to_string());
            }
            Ok(Said::Auth {}) => {
                let problem = Problem::parameter("op", "keys are not known here yet, and reading needs none");
                self.problem(None, &problem);
            }
            Ok(Said::Search { id, q }) => self.search(id, &q).await,
            Ok(Said::Unsubscribe { id }) => match self.drop_subscription(id) {
                true => self
                    .out
                    .push_back(serde_json::json!({ "op": "ok", "re": "unsubscribe", "id": id }).to_string()),
                false => self.problem(Some(id), &Problem::not_found("subscription", &id.to_string())),
            },
            Ok(Said::Subscribe(subscribe)) => {
                let token = subscribe.after.as_ref().map(|after| match after {
                    After::Token(token) => token.clone(),
                    After::AsOf(as_of) => format!("{}:{as_of}", self.epoch),
                });
                self.subscribe(&subscribe, token.as_deref());
            }
            Ok(Said::Resume { token, subs }) => {
                for subscribe in &subs {
                    self.subscribe(subscribe, Some(&token));
                }
            }
        }
    }

    async fn search(&mut self, id: u64, q: &str) {
        let app = Arc::clone(&self.app);
        let wanted: String = q.chars().take(64).collect();
        let found = self.app.read(move |moment| crate::rest::searched(&app, moment, &wanted, 20)).await;
        match found {
            Ok(Ok(data)) => {
                let data = String::from_utf8(data).unwrap_or_default();
                self.out.push_back(format!("{{\"op\":\"found\",\"id\":{id},\"data\":{data}}}"));
            }
            Ok(Err(problem)) | Err(problem) => self.problem(Some(id), &problem),
        }
    }

    fn subscribe(&mut self, wanted: &Subscribe, token: Option<&str>) {
        let id = wanted.id;
        let parsed = wanted.filters().and_then(|filters| Channel::parse(&wanted.ch, &filters, &self.app));
        let channel = match parsed {
            Ok(channel) => channel,
            Err(problem) => return self.problem(Some(id), &problem),
        };
        self.drop_subscription(id);
        if self.subscriptions.len() >= SUBSCRIPTIONS {
            let problem =
                Problem::new(Kind::Busy, format!("a connection has {SUBSCRIPTIONS} subscriptions at most"));
            return self.problem(Some(id), &problem);
        }
        let mut subscription = Subscription::new(id, channel, wanted.max_rate);
        let after = token.and_then(read_token);
        let resumed =
            after.is_some_and(|(epoch, as_of)| epoch == self.epoch && subscription.resume(&self.app, as_of));
        // Before there was a step nobody can be told anything; the snapshot waits for it.
        let heard = self.app.hub.hear(&subscription.channel.keys);
        self.born += 1;
        self.app.metrics.subscriptions.fetch_add(1, Ordering::Relaxed);
        self.subscriptions.insert(id, Held { born: self.born, subscription });
        match (resumed, after) {
            (true, Some((_, as_of))) => {
                let text = serde_json::json!({ "op": "resumed", "id": id, "ch": wanted.ch, "as_of": as_of });
                self.out.push_back(text.to_string());
            }
            (_, Some((epoch, _))) if epoch != self.epoch => self.ask_snapshot(id, Reason::Epoch),
            (_, Some(_)) => self.ask_snapshot(id, Reason::Gap),
            (_, None) => self.ask_snapshot(id, Reason::New),
        }
        if heard.is_none() {
            tracing::debug!(id, "a subscription waits for the first flush");
        }
    }

    fn drop_subscription(&mut self, id: u64) -> bool {
        let Some(held) = self.subscriptions.remove(&id) else { return false };
        self.app.hub.leave(&held.subscription.channel.keys);
        self.app.metrics.subscriptions.fetch_sub(1, Ordering::Relaxed);
        true
    }

    fn ask_snapshot(&mut self, id: u64, reason: Reason) {
        let Some(held) = self.subscriptions.get_mut(&id) else { return };
        let (app, channel, born) = (Arc::clone(&self.app), Arc::clone(&held.subscription.channel), held.born);
        self.snapshots.push(Box::pin(async move { (id, born, reason, snapshot(&app, &channel).await) }));
    }

    /// A snapshot has been taken.
    fn begin(&mut self, (id, born): (u64, u64), reason: Reason, taken: Result<Snapshot, Problem>) {
        let Some(held) = self.subscriptions.get_mut(&id).filter(|held| held.born == born) else { return };
        match taken {
            // Another one is on its way if the epoch changed meanwhile.
            Ok(snapshot) if snapshot.epoch() != self.epoch => {}
            Ok(snapshot) => self.out.push_back(held.subscription.begin(snapshot, reason)),
            Err(problem) => {
                self.drop_subscription(id);
                self.problem(Some(id), &problem);
            }
        }
    }
}

async fn send(socket: &mut WebSocket, text: String) -> Result<(), End> {
    match tokio::time::timeout(WRITE, socket.send(Message::Text(text.into()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(None),
    }
}
