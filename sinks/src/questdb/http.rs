//! Requests to QuestDB: SQL over `/exec`, and the sender of rows.

use std::io::Read;
use std::time::Duration;

use base64::Engine as _;
use questdb::ingress::{Protocol, ProtocolVersion, Sender, SenderBuilder};
use questdb::{Error, ErrorCode};
use serde::Deserialize;
use serde_json::Value as Json;

use super::Config;
use crate::failure::Failure;
use crate::secret;

/// Most of an error's body that is read.
const ERROR_BYTES_MAX: u64 = 4_096;

/// How long the server lets a long answer take, however slow its reader: unasked it aborts one after a minute,
/// in mid-answer.
const LONG_ANSWER: Duration = Duration::from_hours(24);

/// A server's address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    is_tls: bool,
    host: String,
    port: u16,
}

impl Place {
    /// From `http://host:port` or `https://host:port`.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
        let is_host = !host.is_empty() && !host.contains(['/', '?', '@', ' ']);
        is_host.then_some(Self { is_tls, host: host.to_owned(), port: port.parse().ok()? })
    }
}

/// A client.
pub(super) struct Http {
    agent: ureq::Agent,
    exec: String,
    timeout: Duration,
    authorization: Option<String>,
}

/// What `/exec` answers with, where it is short.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) dataset: Vec<Vec<Json>>,
    /// Why it broke off, if it did.
    #[serde(default)]
    error: Option<String>,
}

impl Http {
    pub(super) fn open(config: &Config) -> Result<Self, Failure> {
        let timeout = Duration::from_millis(config.timeout_ms.into());
        let settings = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .user_agent(concat!("millrace/", env!("CARGO_PKG_VERSION")))
            .build();
        let password = password(config)?;
        let authorization = password.map(|password| {
            let both = format!("{}:{password}", config.user);
            let encoded = base64::engine::general_purpose::STANDARD.encode(both);
            format!("Basic {encoded}")
        });
        let exec = format!("{}/exec", config.url.trim_end_matches('/'));
        Ok(Self { agent: ureq::Agent::new_with_config(settings), exec, timeout, authorization })
    }

    /// Runs a statement and gives its answer to be read, which may be long.
    pub(super) fn open_query(&self, sql: &str) -> Result<impl Read + use<>, Failure> {
        self.request(sql, None)
    }

    fn request(&self, sql: &str, timeout: Option<Duration>) -> Result<impl Read + use<>, Failure> {
        let request = self.agent.get(&self.exec).query("query", sql);
        let statement_ms = timeout.unwrap_or(LONG_ANSWER).as_millis().to_string();
        let request = request.config().timeout_per_call(timeout).build();
        let mut request = request.header("Statement-Timeout", statement_ms);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let response = request.call().map_err(|e| Failure::passing(e.to_string()))?;
        let status = response.status();
        let mut body = response.into_body().into_reader();
        if status.is_success() {
            return Ok(body);
        }
        let mut said = Vec::new();
        let message = match body.by_ref().take(ERROR_BYTES_MAX).read_to_end(&mut said) {
            Ok(_) => message(status.as_u16(), &said),
            Err(e) => format!("{status}: {e}"),
        };
        let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        Err(Failure { message, may_pass })
    }

    /// Runs a statement with a short answer.
    pub(super) fn query(&self, sql: &str) -> Result<Answer, Failure> {
        self.answer(sql, Some(self.timeout))
    }

    /// The same, for one that has to look at much.
    pub(super) fn long_query(&self, sql: &str) -> Result<Answer, Failure> {
        self.answer(sql, None)
    }

    fn answer(&self, sql: &str, timeout: Option<Duration>) -> Result<Answer, Failure> {
        let mut text = String::new();
        self.request(sql, timeout)?
            .read_to_string(&mut text)
            .map_err(|e| Failure::passing(format!("the answer broke off: {e}")))?;
        let answer: Answer = serde_json::from_str(&text)
            .map_err(|e| Failure::lasting(format!("the answer cannot be read: {e}")))?;
        match answer.error {
            Some(told) => Err(Failure::passing(format!("the answer broke off: {told}"))),
            None => Ok(answer),
        }
    }

    /// Runs a statement whose answer is that it was done.
    pub(super) fn execute(&self, sql: &str) -> Result<(), Failure> {
        self.query(sql).map(drop)
    }
}

fn password(config: &Config) -> Result<Option<String>, Failure> {
    secret::password(&config.password_env, &config.password_file).map_err(Failure::lasting)
}

/// What the body of an error says.
fn message(status: u16, body: &[u8]) -> String {
    let told = serde_json::from_slice::<Json>(body).ok();
    let told = told.as_ref().and_then(|json| json.get("error")).and_then(Json::as_str);
    match (status, told) {
        (401 | 403, _) => format!("user or password is wrong (HTTP {status})"),
        (_, Some(told)) => told.to_owned(),
        _ => format!("HTTP {status}: {}", String::from_utf8_lossy(body).trim()),
    }
}

/// The sender of rows. It connects when it sends.
pub(super) fn sender(config: &Config) -> Result<Sender, Failure> {
    let place = Place::parse(&config.url).ok_or_else(|| Failure::lasting("the URL cannot be read"))?;
    let password = password(config)?;
    let protocol = if place.is_tls { Protocol::Https } else { Protocol::Http };
    let build = || {
        // The version is set so that nothing is asked of the server before the first row.
        let mut builder = SenderBuilder::new(protocol, place.host, place.port)
            .protocol_version(ProtocolVersion::V3)?
            .request_timeout(Duration::from_millis(config.timeout_ms.into()))?
            .retry_timeout(Duration::ZERO)?
            .request_min_throughput(0)?;
        if let Some(password) = &password {
            builder = builder.username(&config.user)?.password(password)?;
        }
        builder.build()
    };
    build().map_err(|e| failure(&e))
}

/// What sending rows failed with.
pub(super) fn failure(error: &Error) -> Failure {
    let may_pass = match error.code() {
        ErrorCode::SocketError | ErrorCode::CouldNotResolveAddr => true,
        // The server marks rows that it will not take; everything else it may take later.
        ErrorCode::ServerFlushError => {
            !["code: invalid", "\"code\":\"invalid\""].iter().any(|mark| error.msg().contains(mark))
        }
        _ => false,
    };
    Failure { message: error.msg().to_owned(), may_pass }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let place = Place::parse("https://[::1]:9000/").unwrap();
        assert_eq!(place, Place { is_tls: true, host: "[::1]".to_owned(), port: 9000 });
        for wrong in ["127.0.0.1:9000", "ftp://a:1", "http://a", "http://:1", "http://a:b", "http://u@a:1"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn errors_are_told_in_the_server_s_words() {
        assert_eq!(message(400, br#"{"query":"x","error":"no such table","position":0}"#), "no such table");
        assert_eq!(message(401, b""), "user or password is wrong (HTTP 401)");
        assert_eq!(message(503, b"busy\n"), "HTTP 503: busy");
    }
}
