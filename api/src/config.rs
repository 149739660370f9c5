//! Settings of the API: the section `api`.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// The section `api`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether `run` serves the API and the page.
    pub enabled: bool,
    /// Address and port that it listens on.
    pub listen: String,
    /// Further names that it answers to, beside those of the loopback and of `listen`: the header `Host` of a request
    /// must be one of them, so that no foreign page can reach it by a name that it made up.
    pub hosts: Vec<String>,
    /// Origins of other pages that may open streams, such as `https://example.org`.
    pub origins: Vec<String>,
    /// Threads that serve.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: "127.0.0.1:8080".to_owned(),
            hosts: Vec::new(),
            origins: Vec::new(),
            threads: 2,
        }
    }
}

impl Config {
    /// Where it listens; none if `listen` is no such thing.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }

    /// What is wrong: the key within the section, and what would be right.
    #[must_use]
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        match self.address() {
            None => {
                let message =
                    format!("`{}` is no address and port such as 127.0.0.1:8080 or [::1]:8080", self.listen);
                problems.push(("listen", message));
            }
            // Who reads needs no key yet, so nobody but this machine may.
            Some(address) if !address.ip().is_loopback() => {
                let message = format!(
                    "{address} can be reached from other machines, and reading needs no key; listen on the loopback, \
                     such as 127.0.0.1:{}, with a proxy before it that says who may",
                    address.port()
                );
                problems.push(("listen", message));
            }
            Some(_) => {}
        }
        if !(1..=64).contains(&self.threads) {
            problems.push(("threads", format!("must be from 1 to 64, is {}", self.threads)));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_on_the_loopback_only() {
        let keys = |listen: &str| {
            let config = Config { listen: listen.to_owned(), ..Config::default() };
            config.problems().into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        for right in ["127.0.0.1:8080", "127.0.0.1:0", "[::1]:80"] {
            assert!(keys(right).is_empty(), "{right}");
        }
        for wrong in ["0.0.0.0:8080", "192.0.2.1:80", "localhost", "8080", ""] {
            assert_eq!(keys(wrong), ["listen"], "{wrong}");
        }
        assert!(Config::default().problems().is_empty());
    }
}
