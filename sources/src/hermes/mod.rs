//! The source `hermes`: prices of quote tokens in USD from Pyth, as its web service Hermes streams them.
//!
//! Hermes pushes every update of the chosen feeds, several a second, as server-sent events. A quote is
//! looked up by the second, so of each second and feed the first update is taken and the others are
//! counted. The confidence interval stays behind: a quote is one price.
//!
//! A stream that breaks is taken up again, with a pause that grows while nothing comes; what was published
//! meanwhile is lost, and counted as a gap (`quote_gap`, and `quote_gap_s` in seconds of publish time). The
//! service names what it refuses (an unknown feed, a missing key): then the source ends with its answer,
//! because asking again would not help.
//!
//! Reading blocks, so it is done on a thread of the source's own, which a bounded queue holds back. What it
//! does not do: verify the signatures that Pyth publishes along with a price.

#[cfg(feature = "hermes")]
mod client;
#[cfg(feature = "hermes")]
mod idle;
#[cfg(feature = "hermes")]
mod server_sent;
#[cfg(feature = "hermes")]
mod update;

use model::Address;
use serde::{Deserialize, Serialize};

#[cfg(feature = "hermes")]
pub use client::Hermes;

/// Name of the source.
pub const NAME: &str = "hermes";

/// Settings of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where Hermes answers.
    pub url: String,
    /// The environment variable that holds the key of the service, so that it stands in no file; without
    /// it no key is sent.
    pub api_key_env: String,
    /// How long nothing may come before the connection counts as broken, in seconds.
    pub idle_timeout_s: u64,
    /// The tokens, and the feed of each.
    pub feeds: Vec<Feed>,
}

/// A token and its feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feed {
    /// The token.
    pub mint: Address,
    /// Pyth's name of its price in USD: 64 hexadecimal digits.
    pub id: String,
}

impl Default for Config {
    /// SOL/USD from the public service.
    fn default() -> Self {
        Self {
            url: "https://hermes.pyth.network".to_owned(),
            api_key_env: "PYTH_API_KEY".to_owned(),
            idle_timeout_s: 30,
            feeds: vec![Feed {
                mint: Address::WSOL,
                id: "0xef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d".to_owned(),
            }],
        }
    }
}

impl Config {
    /// What is wrong with the values: the key, and what would be right.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            let what = format!("must begin with http:// or https://, is `{}`", self.url);
            problems.push(("url".to_owned(), what));
        }
        if !(1..=3_600).contains(&self.idle_timeout_s) {
            let what = format!("must be from 1 to 3600, is {}", self.idle_timeout_s);
            problems.push(("idle_timeout_s".to_owned(), what));
        }
        if self.feeds.is_empty() {
            problems.push(("feeds".to_owned(), "must name at least one feed".to_owned()));
        }
        for (index, feed) in self.feeds.iter().enumerate() {
            let digits = digits(&feed.id);
            if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let what = "must be 64 hexadecimal digits, with or without 0x before them".to_owned();
                problems.push((format!("feeds.{index}.id"), what));
            }
        }
        problems
    }
}

/// The digits of a feed's name.
fn digits(id: &str) -> String {
    id.strip_prefix("0x").unwrap_or(id).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_named() {
        assert!(Config::default().problems().is_empty());
        let feed = |id: &str| Feed { mint: Address::USDC, id: id.to_owned() };
        let config = Config {
            url: "hermes.pyth.network".to_owned(),
            idle_timeout_s: 0,
            feeds: vec![feed(&"aB".repeat(32)), feed("0xef"), feed(&"g".repeat(64))],
            ..Config::default()
        };
        let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["url", "idle_timeout_s", "feeds.1.id", "feeds.2.id"]);
        assert_eq!(Config { feeds: Vec::new(), ..Config::default() }.problems()[0].0, "feeds");
    }
}
