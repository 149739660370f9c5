//! Server-sent events: the frames of some channels over plain HTTP.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::app::App;
use crate::channel::{Channel, Filters};
use crate::problem::Problem;
use crate::session::{Next, Reason, Subscription, snapshot};
use crate::ws::read_token;

/// Channels of a stream, at most.
pub(crate) const CHANNELS: usize = 10;
const BEAT: Duration = Duration::from_secs(5);

/// A stream of some channels.
struct Stream {
    app: Arc<App>,
    epoch: String,
    subscriptions: Vec<Subscription>,
    out: VecDeque<String>,
    beaten: Instant,
}

impl Drop for Stream {
    fn drop(&mut self) {
        for subscription in &self.subscriptions {
            self.app.hub.leave(&subscription.channel.keys);
        }
        self.app.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Begins a stream of these channels, behind a mark if the client had one.
pub(crate) fn stream(app: &Arc<App>, channels: &[String], after: Option<&str>) -> Result<Response, Problem> {
    if channels.is_empty() || channels.len() > CHANNELS {
        return Err(Problem::parameter("ch", format!("`ch` is said from 1 to {CHANNELS} times")));
    }
    let parsed: Result<Vec<Channel>, Problem> =
        channels.iter().map(|name| Channel::parse(name, &Filters::default(), app)).collect();
    let epoch = app.hub.epoch();
    let after = after.and_then(read_token).filter(|(of, _)| *of == epoch).map(|(_, as_of)| as_of);
    let mut subscriptions = Vec::new();
    for (id, channel) in (0..).zip(parsed?) {
        let mut subscription = Subscription::new(id, channel, None);
        if let Some(after) = after {
            // If that is too long ago the first round takes a snapshot.
            subscription.resume(app, after);
        }
        app.hub.hear(&subscription.channel.keys);
        subscriptions.push(subscription);
    }
    app.metrics.connections.fetch_add(1, Ordering::Relaxed);
    let jitter = crate::feed::now_ms() % 2_000;
    let out = VecDeque::from([format!("retry: {}\n\n", 2_000 + jitter)]);
    let stream = Stream { app: Arc::clone(app), epoch, subscriptions, out, beaten: Instant::now() };
    let chunks = futures_util::stream::unfold(stream, |mut stream| async move {
        let chunk = stream.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(chunk)), stream))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

impl Stream {
    /// The next piece of the stream; none at its end.
    async fn next(&mut self) -> Option<String> {
        let mut steps = self.app.hub.listen();
        let mut ended = self.app.hub.until_end();
        loop {
            if let Some(text) = self.out.pop_front() {
                return Some(text);
            }
            if *ended.borrow_and_update() {
                return None;
            }
            self.round().await;
            if !self.out.is_empty() {
                continue;
            }
            if self.beaten.elapsed() >= BEAT {
                self.beaten = Instant::now();
                let frontier = self.app.hub.frontier();
                let beat = serde_json::json!({ "op": "beat", "mark": self.mark(), "lag_ms": self.app.lag_ms(frontier) });
                self.event("beat", &beat.to_string(), true);
                continue;
            }
            tokio::select! {
                _ = steps.changed() => {}
                _ = ended.changed() => {}
                () = tokio::time::sleep(BEAT.saturating_sub(self.beaten.elapsed())) => {}
            }
        }
    }

    /// A frame of each channel that has one; the last carries the mark that is right for all.
    async fn round(&mut self) {
        let is_new_epoch = self.epoch != self.app.hub.epoch();
        self.epoch = self.app.hub.epoch();
        let mut frames = Vec::new();
        let now = Instant::now();
        for subscription in &mut self.subscriptions {
            let next = match subscription.place() {
                _ if is_new_epoch => Next::Snapshot(Reason::Epoch),
                None => Next::Snapshot(Reason::New),
                Some(_) => subscription.next(&self.app, now),
            };
            match next {
                Next::Nothing => {}
                Next::Frame(frame) => frames.push(("change", frame)),
                Next::Snapshot(reason) => match snapshot(&self.app, &subscription.channel).await {
                    Ok(taken) => frames.push(("snapshot", subscription.begin(taken, reason))),
                    Err(problem) => frames.push(("error", problem.json("/api/v1/stream").to_string())),
                },
            }
        }
        let last = frames.len().saturating_sub(1);
        for (i, (name, frame)) in frames.iter().enumerate() {
            self.event(name, frame, i == last);
        }
    }

    fn event(&mut self, name: &str, data: &str, is_last: bool) {
        let id = if is_last { format!("id: {}\n", self.mark()) } else { String::new() };
        self.out.push_back(format!("event: {name}\n{id}data: {data}\n\n"));
    }

    fn mark(&self) -> String {
        let frontier = self.app.hub.frontier();
        let placed = self.subscriptions.iter().map(|s| s.place().unwrap_or(0)).min();
        format!("{}:{}", self.epoch, placed.unwrap_or(frontier).min(frontier))
    }
}
