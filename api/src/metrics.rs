//! Counts and times of the server, in the text format of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histograms, seconds.
const BOUNDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// What the server counts.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, bool), Histogram>>,
    /// From the hand-over of a flush to the write of its last frame, of each connection and flush.
    frames: Mutex<Histogram>,
    pub(crate) connections: AtomicU64,
    pub(crate) subscriptions: AtomicU64,
    pub(crate) snapshots: AtomicU64,
    pub(crate) lagged: AtomicU64,
}

#[derive(Clone, Debug, Default)]
struct Histogram {
    counts: [u64; BOUNDS.len()],
    count: u64,
    sum_s: f64,
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        for (count, bound) in self.counts.iter_mut().zip(BOUNDS) {
            *count += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.sum_s += seconds;
    }

    fn write(&self, name: &str, labels: &str, out: &mut String) {
        let comma = if labels.is_empty() { "" } else { "," };
        for (count, bound) in self.counts.iter().zip(BOUNDS) {
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {}", self.count);
        let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(out, "{name}_sum{braced} {}\n{name}_count{braced} {}", self.sum_s, self.count);
    }
}

impl Metrics {
    /// A request was answered; not well if by a problem.
    pub(crate) fn answered(&self, path: &'static str, took: Duration, is_well: bool) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.entry((path, is_well)).or_default().add(took);
    }

    /// The frames of a flush were written to a connection.
    pub(crate) fn framed(&self, took: Duration) {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).add(took);
    }

    /// The text.
    pub(crate) fn text(&self, gauges: &[(&str, u64)]) -> String {
        let mut out = String::from("# TYPE api_request_seconds histogram\n");
        for ((path, is_well), histogram) in
            self.requests.lock().unwrap_or_else(PoisonError::into_inner).iter()
        {
            let labels = format!("path=\"{path}\",well=\"{is_well}\"");
            histogram.write("api_request_seconds", &labels, &mut out);
        }
        out.push_str("# TYPE api_frame_seconds histogram\n");
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).write("api_frame_seconds", "", &mut out);
        let counters = [("api_snapshots_total", &self.snapshots), ("api_lagged_total", &self.lagged)];
        for (name, counter) in counters {
            let _ = writeln!(out, "# TYPE {name} counter\n{name} {}", counter.load(Ordering::Relaxed));
        }
        let own = [("api_connections", &self.connections), ("api_subscriptions", &self.subscriptions)];
        let own = own.map(|(name, gauge)| (name, gauge.load(Ordering::Relaxed)));
        for (name, gauge) in own.iter().chain(gauges) {
            let _ = writeln!(out, "# TYPE {name} gauge\n{name} {gauge}");
        }
        out
    }
}
