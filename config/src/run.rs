//! How the pipeline runs, whatever it computes.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Workers, intervals, queues: the section `run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunParams {
    /// Threads that compute, each with its share of the tokens. More than there are cores does not help.
    pub workers: usize,
    /// How fast event time passes: a multiple of the wall clock, `live` for the same, or `max`.
    pub speed: Speed,
    /// How long changes gather before the sinks get them, milliseconds. A longer interval writes less
    /// often to the same key; a shorter one shows changes sooner.
    pub flush_interval_ms: u64,
    /// Seconds of event time between two changes of a row, by record, in the place of what its schema says.
    pub cadence_s: BTreeMap<String, u32>,
    /// Seconds between checkpoints. A longer interval means more to read again after a crash.
    pub checkpoint_interval_s: u64,
    /// Seconds of event time for which events stay in the log once no checkpoint needs them any more. Events
    /// in it can be replayed with `millrace replay --log`.
    pub log_retention_s: u64,
    /// Flushes that wait for a sink, at most; beyond that the workers wait.
    pub sink_queue_flushes: usize,
    /// Rows of those flushes, at most; they are in memory.
    pub sink_queue_rows: usize,
    /// For how long a sink that does not answer is tried again before the run ends, seconds.
    pub sink_retry_for_s: u64,
}

impl Default for RunParams {
    fn default() -> Self {
        Self {
            workers: 1,
            speed: Speed::Times(1.0),
            flush_interval_ms: 200,
            cadence_s: BTreeMap::new(),
            checkpoint_interval_s: 60,
            log_retention_s: 86_400,
            sink_queue_flushes: 300,
            sink_queue_rows: 500_000,
            sink_retry_for_s: 3_600,
        }
    }
}

/// Threads that compute, at most: as many as there are shares of tokens.
const WORKERS_MAX: usize = 16;

impl RunParams {
    /// Problems of the section: the key within the section, and what would be right.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        // Tokens are divided into sixteen shares where one place sees many of them: more have nothing to do there.
        let cores = std::thread::available_parallelism().map_or(WORKERS_MAX, std::num::NonZero::get);
        let most = (2 * cores).clamp(4, WORKERS_MAX);
        if self.workers == 0 {
            problems.push(("workers", "must be at least 1, is 0".to_owned()));
        }
        if self.workers > most {
            let message = format!(
                "must be at most {most}, is {}: more than twice the {cores} cores of this machine, or than \
                 {WORKERS_MAX}, only cost",
                self.workers
            );
            problems.push(("workers", message));
        }
        for (key, value) in [
            ("flush_interval_ms", self.flush_interval_ms),
            ("checkpoint_interval_s", self.checkpoint_interval_s),
            ("sink_queue_flushes", self.sink_queue_flushes.try_into().unwrap_or(u64::MAX)),
            ("sink_queue_rows", self.sink_queue_rows.try_into().unwrap_or(u64::MAX)),
        ] {
            if value == 0 {
                problems.push((key, "must be at least 1".to_owned()));
            }
        }
        let schemas = dataflows::schemas();
        for (record, seconds) in &self.cadence_s {
            if !schemas.iter().any(|schema| schema.name == record) {
                problems.push(("cadence_s", format!("there is no record `{record}`")));
            }
            if !(1..=86_400).contains(seconds) {
                problems.push(("cadence_s", format!("{record} must be from 1 to 86400, is {seconds}")));
            }
        }
        problems
    }
}

/// How fast event time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as it can be computed.
    Max,
    /// This many times as fast as the wall clock; finite and above zero.
    Times(f64),
}

impl Speed {
    const EXPECTED: &str = "\"live\", \"max\", or a multiple above zero such as 10 or \"10x\"";
}

/// Text that is neither `live`, `max` nor a multiple above zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found `{0}`", expected = Speed::EXPECTED)]
pub struct ParseSpeedError(String);

impl std::str::FromStr for Speed {
    type Err = ParseSpeedError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "max" => return Ok(Self::Max),
            "live" => return Ok(Self::Times(1.0)),
            _ => {}
        }
        match text.strip_suffix('x').unwrap_or(text).parse() {
            Ok(times) if f64::is_finite(times) && times > 0.0 => Ok(Self::Times(times)),
            _ => Err(ParseSpeedError(text.to_owned())),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Times(times) => write!(f, "{times}"),
        }
    }
}

impl Serialize for Speed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Max => serializer.serialize_str("max"),
            Self::Times(times) => serializer.serialize_f64(*times),
        }
    }
}

impl<'de> Deserialize<'de> for Speed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpeedVisitor)
    }
}

struct SpeedVisitor;

impl Visitor<'_> for SpeedVisitor {
    type Value = Speed;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Speed::EXPECTED)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Speed, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
    fn visit_f64<E: de::Error>(self, times: f64) -> Result<Speed, E> {
        if times.is_finite() && times > 0.0 {
            Ok(Speed::Times(times))
        } else {
            Err(E::invalid_value(de::Unexpected::Float(times), &self))
        }
    }
    fn visit_i64<E: de::Error>(self, times: i64) -> Result<Speed, E> {
        let exact =
            i32::try_from(times).map_err(|_| E::invalid_value(de::Unexpected::Signed(times), &self))?;
        self.visit_f64(f64::from(exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_a_word_or_a_multiple_above_zero() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("2.5".parse(), Ok(Speed::Times(2.5)));
        assert_eq!("live".parse(), Ok(Speed::Times(1.0)));
        assert_eq!("10x".parse(), Ok(Speed::Times(10.0)));
        for wrong in ["0", "-1", "x", "10xx", "0x", "inf", "NaN", "fast", ""] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn speed_round_trips_through_toml() {
        for (text, speed) in [
            ("speed = 'max'", Speed::Max),
            ("speed = 10", Speed::Times(10.0)),
            ("speed = '10x'", Speed::Times(10.0)),
            ("speed = 'live'", Speed::Times(1.0)),
            ("speed = 0.5", Speed::Times(0.5)),
        ] {
            let params: RunParams = toml::from_str(text).unwrap();
            assert_eq!(params.speed, speed);
            let again: RunParams = toml::from_str(&toml::to_string(&params).unwrap()).unwrap();
            assert_eq!(again, params);
        }
    }

    #[test]
    fn zeroes_are_refused_all_at_once() {
        let params = RunParams { workers: 0, sink_queue_flushes: 0, ..RunParams::default() };
        let keys: Vec<_> = params.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["workers", "sink_queue_flushes"]);
    }
}
