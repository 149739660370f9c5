//! The subscriptions of one connection, without the connection: what the next frames are.
//!
//! A subscription has a place in the ring of steps and nothing else that grows. What lies between its place and the
//! newest step becomes one frame, in which a key stands once; so whoever reads slowly, or asks for few frames, gets
//! fewer and larger ones, and past the ring a snapshot that says why. `prev` of a frame is the `as_of` of the frame
//! before on the same subscription: a client that sees another number has missed something.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use model::{Schema, Time, Value};

use crate::answer::{Shape, value};
use crate::app::App;
use crate::channel::{Channel, Level};
use crate::feed::{Changed, Step, Steps};
use crate::history::{Moment, Select};
use crate::problem::{Kind, Problem};
use crate::rest::brief;

/// How long a snapshot waits for the store to reach the feed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows that wait to settle, at most; beyond that a snapshot is taken.
const HELD: usize = 20_000;
/// Tokens that a subscription follows, at most.
const FOLLOWED: usize = 1_000;

/// One subscription.
pub(crate) struct Subscription {
    pub(crate) id: u64,
    pub(crate) channel: Arc<Channel>,
    /// Everything before this has been sent or was not for it; none while it waits for its snapshot.
    place: Option<Time>,
    /// `as_of` of the last frame.
    last: Time,
    /// The least time between two frames.
    pause: Duration,
    sent: Option<Instant>,
    /// Tokens that it follows.
    follows: BTreeSet<String>,
    /// Of those, the ones that were named just now and of which nothing has been told.
    fresh: BTreeSet<String>,
    held: Held,
}

/// Rows that have not settled as far as they must.
#[derive(Default)]
struct Held {
    /// The last settled slot.
    settled: u64,
    rows: BTreeMap<Box<[u8]>, HeldRow>,
}

/// A row that has not settled far enough.
struct HeldRow {
    /// Of which part.
    part: usize,
    slot: u64,
    row: Box<[u8]>,
}

/// What a subscription begins with.
pub(crate) struct Snapshot {
    as_of: Time,
    epoch: String,
    tables: Vec<Begun>,
    follows: BTreeSet<String>,
    held: Held,
}

/// The rows of one record in a snapshot.
struct Begun {
    record: &'static str,
    key: Vec<&'static str>,
    rows: Vec<u8>,
}

/// Why a snapshot is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    New,
    Gap,
    Epoch,
    Lagged,
    Moved,
}

impl Reason {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gap => "gap",
            Self::Epoch => "epoch",
            Self::Lagged => "lagged",
            Self::Moved => "moved",
        }
    }
}

/// What comes next on a subscription.
pub(crate) enum Next {
    /// Nothing now.
    Nothing,
    /// A frame.
    Frame(String),
    /// A snapshot has to be taken.
    Snapshot(Reason),
}

impl Subscription {
    pub(crate) fn new(id: u64, channel: Channel, max_rate: Option<f64>) -> Self {
        let pause = max_rate.filter(|rate| *rate > 0.0 && rate.is_finite()).map_or(Duration::ZERO, |rate| {
            Duration::try_from_secs_f64(1.0 / rate)
                .unwrap_or(Duration::from_secs(60))
                .min(Duration::from_secs(60))
        });
        Self {
            id,
            channel: Arc::new(channel),
            place: None,
            last: 0,
            pause,
            sent: None,
            follows: BTreeSet::new(),
            fresh: BTreeSet::new(),
            held: Held::default(),
        }
    }

    /// Everything before this was sent; none while it waits for its snapshot.
    pub(crate) const fn place(&self) -> Option<Time> {
        self.place
    }

    /// When the next frame may be due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.sent.filter(|_| !self.pause.is_zero()).map(|sent| sent + self.pause)
    }

    /// Goes on behind a place that the client had, if everything since then is still there.
    pub(crate) fn resume(&mut self, app: &App, after: Time) -> bool {
        // What it follows is known from its begin only.
        let follows = self.channel.parts.iter().any(|part| part.follows);
        let was_heard = app.hub.heard_since(&self.channel.keys) <= after;
        if follows || !was_heard || matches!(app.hub.after(after), Steps::Gone) {
            return false;
        }
        if self.channel.level > Level::Processed {
            // What had not settled by then is in the ring: it takes seconds.
            for step in app.hub.upto(after) {
                let mut merged = Vec::new();
                self.take(&step, &mut merged);
            }
        }
        (self.place, self.last) = (Some(after), after);
        true
    }

    /// The frame that begins it.
    pub(crate) fn begin(&mut self, snapshot: Snapshot, reason: Reason) -> String {
        let Snapshot { as_of, tables, follows, held, .. } = snapshot;
        (self.place, self.last, self.follows, self.held) = (Some(as_of), as_of, follows, held);
        self.sent = Some(Instant::now());
        let mut out = self.head("snapshot");
        let _ = write!(out, ",\"as_of\":{as_of},\"reason\":\"{}\"", reason.name());
        let keyed = |begun: &Begun, out: &mut Vec<u8>| {
            out.extend_from_slice(b"\"key\":");
            out.extend_from_slice(serde_json::json!(begun.key).to_string().as_bytes());
            out.extend_from_slice(b",\"rows\":");
            out.extend_from_slice(&begun.rows);
        };
        if self.channel.has_tables() {
            out.extend_from_slice(b",\"tables\":{");
            for (i, begun) in tables.iter().enumerate() {
                let comma = if i > 0 { "," } else { "" };
                let _ = write!(out, "{comma}\"{}\":{{", begun.record);
                keyed(begun, &mut out);
                out.push(b'}');
            }
            out.push(b'}');
        } else if let Some(begun) = tables.first() {
            out.push(b',');
            keyed(begun, &mut out);
        } else {
            out.extend_from_slice(b",\"key\":[],\"rows\":[]");
        }
        out.push(b'}');
        String::from_utf8(out).unwrap_or_default()
    }

    fn head(&self, op: &str) -> Vec<u8> {
        let name = serde_json::Value::from(self.channel.name.as_str());
        format!("{{\"op\":\"{op}\",\"id\":{},\"ch\":{name}", self.id).into_bytes()
    }

    /// What comes next, now.
    pub(crate) fn next(&mut self, app: &App, now: Instant) -> Next {
        let Some(place) = self.place else { return Next::Nothing };
        if self.sent.is_some_and(|sent| now < sent + self.pause) {
            return Next::Nothing;
        }
        let steps = match app.hub.after(place) {
            Steps::Some(steps) => steps,
            Steps::Gone => {
                self.place = None;
                app.metrics.lagged.fetch_add(1, Ordering::Relaxed);
                return Next::Snapshot(Reason::Lagged);
            }
        };
        let Some(last) = steps.last() else { return Next::Nothing };
        let mut taken: Vec<Vec<Taken<'_>>> = Vec::new();
        for step in &steps {
            self.take(step, &mut taken);
        }
        // What is known of a token that was named just now may be older than the place.
        let fresh = std::mem::take(&mut self.fresh);
        if (self.channel.must_know && !fresh.is_empty()) || self.follows.len() > FOLLOWED {
            self.place = None;
            return Next::Snapshot(Reason::Moved);
        }
        if self.held.rows.len() > HELD {
            self.place = None;
            return Next::Snapshot(Reason::Lagged);
        }
        self.place = Some(last.frontier);
        let received = steps.first().map_or(0, |step| step.received_ms);
        match self.frame(&taken, (last.frontier, received)) {
            Some(frame) => {
                self.last = last.frontier;
                self.sent = Some(now);
                Next::Frame(frame)
            }
            None => Next::Nothing,
        }
    }

    /// Takes what a step has for it, part by part.
    fn take<'s>(&mut self, step: &'s Step, taken: &mut Vec<Vec<Taken<'s>>>) {
        let channel = Arc::clone(&self.channel);
        let has_followers = channel.parts.iter().any(|part| part.follows);
        taken.resize_with(channel.parts.len(), Vec::new);
        for (at, part) in channel.parts.iter().enumerate() {
            let Some(of_part) = taken.get_mut(at) else { continue };
            for changed in step.changes(part.record).iter().filter(|changed| part.wants(changed)) {
                if part.follows {
                    if let Some(mint) = address_text(changed.fact("mint"))
                        && self.follows.contains(&mint)
                    {
                        self.fresh.remove(&mint);
                        of_part.push(Taken::row(&changed.key, changed.brief.as_deref()));
                    }
                    continue;
                }
                if has_followers
                    && changed.row.is_some()
                    && let Some(mint) = address_text(changed.fact("mint"))
                    && self.follows.insert(mint.clone())
                {
                    self.fresh.insert(mint);
                }
                match (&changed.row, self.held.is_settled(channel.level, changed)) {
                    (Some(row), false) => {
                        let slot = slot_of(changed);
                        let held = HeldRow { part: at, slot, row: row.clone() };
                        self.held.rows.insert(changed.key.clone(), held);
                    }
                    (row, _) => {
                        self.held.rows.remove(&changed.key);
                        of_part.push(Taken::row(&changed.key, row.as_deref()));
                    }
                }
            }
        }
        if channel.level > Level::Processed {
            self.held.settle(channel.level, step, taken);
        }
    }

    /// The frame of what was taken; none if that is nothing.
    fn frame(&self, taken: &[Vec<Taken<'_>>], (as_of, received): (Time, u64)) -> Option<String> {
        let merged: Vec<Vec<&Taken<'_>>> = taken.iter().map(|of_part| merge(of_part)).collect();
        let shown: usize = merged.iter().map(Vec::len).sum();
        if shown == 0 {
            return None;
        }
        let conflated = taken.iter().map(Vec::len).sum::<usize>() - shown;
        let mut out = self.head("change");
        let _ = write!(out, ",\"as_of\":{as_of},\"prev\":{}", self.last);
        if self.channel.has_tables() {
            out.extend_from_slice(b",\"tables\":{");
            let mut comma = "";
            for (part, of_part) in self.channel.parts.iter().zip(&merged).filter(|(_, m)| !m.is_empty()) {
                let _ = write!(out, "{comma}\"{}\":{{", part.record);
                changes(of_part, &mut out);
                out.push(b'}');
                comma = ",";
            }
            out.push(b'}');
        } else if let Some(of_part) = merged.first() {
            out.push(b',');
            changes(of_part, &mut out);
        }
        if conflated > 0 {
            let _ = write!(out, ",\"conflated\":{conflated}");
        }
        let sent = crate::feed::now_ms();
        let _ = write!(out, ",\"t\":{{\"received\":{received},\"sent\":{sent}}}}}");
        String::from_utf8(out).ok()
    }
}

/// A change that a subscription takes.
struct Taken<'s> {
    key: std::borrow::Cow<'s, [u8]>,
    row: Option<std::borrow::Cow<'s, [u8]>>,
}

impl<'s> Taken<'s> {
    fn row(key: &'s [u8], row: Option<&'s [u8]>) -> Self {
        Self { key: key.into(), row: row.map(Into::into) }
    }
}

/// The last change of each key, in the order in which the keys changed first.
fn merge<'t, 's>(taken: &'t [Taken<'s>]) -> Vec<&'t Taken<'s>> {
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    let mut merged: Vec<&Taken<'_>> = Vec::new();
    for one in taken {
        let at = *places.entry(&one.key).or_insert(merged.len());
        match merged.get_mut(at) {
            Some(before) => *before = one,
            None => merged.push(one),
        }
    }
    merged
}

fn changes(merged: &[&Taken<'_>], out: &mut Vec<u8>) {
    let mut list = |name: &str, items: &mut dyn Iterator<Item = &[u8]>| {
        let _ = write!(out, "{name}:[");
        for (i, item) in items.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(item);
        }
        out.push(b']');
    };
    list("\"upserts\"", &mut merged.iter().filter_map(|taken| taken.row.as_deref()));
    list(",\"deletes\"", &mut merged.iter().filter(|taken| taken.row.is_none()).map(|taken| &*taken.key));
}

/// The text of an address or text.
fn address_text(value: &Value) -> Option<String> {
    match value {
        Value::Address(address) => Some(address.to_string()),
        other => other.as_text().map(str::to_owned),
    }
}

/// The slot of a change: a column, or the first part of the event's name.
fn slot_of(changed: &Changed) -> u64 {
    match changed.fact("slot") {
        Value::Count(slot) => *slot,
        _ => slot_in(changed.fact("event_id").as_text().unwrap_or_default()),
    }
}

fn slot_in(event_id: &str) -> u64 {
    event_id.split('-').next().and_then(|slot| slot.parse().ok()).unwrap_or(0)
}

impl Held {
    /// Whether a row may be shown: by what it says itself, or because its slot has settled.
    fn is_settled(&self, level: Level, changed: &Changed) -> bool {
        if level == Level::Processed || changed.row.is_none() {
            return true;
        }
        let own = changed.fact("commitment").as_text().and_then(Level::parse).unwrap_or(Level::Finalized);
        own >= level || slot_of(changed) <= self.settled
    }

    /// Lets go what has settled with a step.
    fn settle(&mut self, level: Level, step: &Step, taken: &mut [Vec<Taken<'_>>]) {
        let column = if level == Level::Confirmed { "confirmed_slot" } else { "finalized_slot" };
        for changed in step.changes("progress").iter().filter(|c| c.fact("record").as_text() == Some("*")) {
            if let Value::Count(slot) = changed.fact(column) {
                self.settled = self.settled.max(*slot);
            }
        }
        let settled = self.settled;
        let due = self.rows.iter().filter(|(_, held)| held.slot <= settled);
        let due: Vec<Box<[u8]>> = due.map(|(key, _)| key.clone()).collect();
        for key in due {
            if let Some(HeldRow { part, row, .. }) = self.rows.remove(&key)
                && let Some(of_part) = taken.get_mut(part)
            {
                of_part.push(Taken { key: key.into_vec().into(), row: Some(row.into_vec().into()) });
            }
        }
    }
}

/// Takes the snapshot of a channel, at a frontier from which the feed goes on without a gap. The keys of the channel
/// must be listened to already.
pub(crate) async fn snapshot(app: &Arc<App>, channel: &Arc<Channel>) -> Result<Snapshot, Problem> {
    let deadline = Instant::now() + PATIENCE;
    let mut steps = app.hub.listen();
    loop {
        let epoch = app.hub.epoch();
        let heard = app.hub.heard_since(&channel.keys);
        let from = app.hub.start().map(|start| start.max(heard));
        if let Some(from) = from.filter(|from| *from < Time::MAX) {
            let (reader, channel) = (Arc::clone(app), Arc::clone(channel));
            let read = move |moment: &dyn Moment| {
                (moment.frontier() >= from).then(|| collect(&reader, &channel, moment))
            };
            match app.read(read).await {
                // One that was read while the feed began anew may not go on.
                Ok(Some(Ok(snapshot))) if app.hub.epoch() == epoch => {
                    app.metrics.snapshots.fetch_add(1, Ordering::Relaxed);
                    return Ok(Snapshot { epoch, ..snapshot });
                }
                Ok(Some(Err(problem))) => return Err(problem),
                Err(problem) if problem.kind != Kind::NotReady => return Err(problem),
                _ => {}
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Problem::new(
                Kind::NotReady,
                "the store has not reached the feed yet; subscribe again",
            ));
        }
        // The store follows a moment after the feed, and tells nobody.
        drop(tokio::time::timeout(left.min(Duration::from_millis(50)), steps.changed()).await);
    }
}

impl Snapshot {
    /// The epoch that it is of.
    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }
}

fn collect(app: &App, channel: &Channel, moment: &dyn Moment) -> Result<Snapshot, Problem> {
    let mut held = Held::default();
    if channel.level > Level::Processed {
        held.settled = settled_slot(app, moment, channel.level)?;
    }
    let mut mints: BTreeSet<String> = BTreeSet::new();
    let mut tables = Vec::new();
    for (at, part) in channel.parts.iter().enumerate() {
        let followed: Vec<Value> = mints.iter().map(Value::text).collect();
        let (schema, rows) = part.begin(moment, app, &followed)?;
        let has_mint = schema.columns.iter().any(|column| column.name == "mint");
        if has_mint && !part.follows {
            let named = rows.iter().filter_map(|row| value(schema, row, "mint").as_text());
            mints.extend(named.take(FOLLOWED).map(str::to_owned));
        }
        let shape = if part.follows { brief(schema, true) } else { Shape::whole(schema) };
        let mut written = b"[".to_vec();
        for row in &rows {
            let mut json = Vec::new();
            shape.object(row, &mut json)?;
            if let Some(slot) = held.unsettled(channel.level, (schema, row)) {
                let mut key = Vec::new();
                sinks::encode::key(row.get(..schema.key).unwrap_or_default(), &mut key)?;
                let row = HeldRow { part: at, slot, row: json.into_boxed_slice() };
                held.rows.insert(key.into_boxed_slice(), row);
                continue;
            }
            if written.len() > 1 {
                written.push(b',');
            }
            written.append(&mut json);
        }
        written.push(b']');
        let key = schema.columns.iter().take(schema.key).map(|column| column.name).collect();
        tables.push(Begun { record: schema.name, key, rows: written });
    }
    Ok(Snapshot { as_of: moment.frontier(), epoch: String::new(), tables, follows: mints, held })
}

impl Held {
    /// The slot of a row of the store that has not settled far enough.
    fn unsettled(&self, level: Level, (schema, row): (&Schema, &[Value])) -> Option<u64> {
        if level == Level::Processed {
            return None;
        }
        let own = value(schema, row, "commitment").as_text().and_then(Level::parse)?;
        let slot = match value(schema, row, "slot") {
            Value::Count(slot) => *slot,
            _ => slot_in(value(schema, row, "event_id").as_text().unwrap_or_default()),
        };
        (own < level && slot > self.settled).then_some(slot)
    }
}

/// The last slot that has settled so far, by the record `progress`; 0 where there is none.
fn settled_slot(app: &App, moment: &dyn Moment, level: Level) -> Result<u64, Problem> {
    let Some(schema) = app.records.get("progress").copied() else { return Ok(0) };
    let rows = moment.rows(&Select::of(schema, 1).is("record", "*"))?;
    let column = if level == Level::Confirmed { "confirmed_slot" } else { "finalized_slot" };
    Ok(match rows.first().map(|row| value(schema, row, column)) {
        Some(Value::Count(slot)) => *slot,
        _ => 0,
    })
}

#[cfg(test)]
mod tests;
