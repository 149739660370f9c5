//! What went wrong with a request, as RFC 9457 has it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The kinds of problems. Each has a page under `/docs#problems`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    InvalidParameter,
    AsOfNotKept,
    HostUnknown,
    OriginUnknown,
    NotFound,
    MethodNotAllowed,
    CursorExpired,
    TooLarge,
    NotReady,
    Behind,
    Busy,
    HistoryAway,
}

impl Kind {
    /// Every kind, for the documents.
    pub(crate) const ALL: [Self; 12] = [
        Self::InvalidParameter,
        Self::AsOfNotKept,
        Self::HostUnknown,
        Self::OriginUnknown,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::CursorExpired,
        Self::TooLarge,
        Self::NotReady,
        Self::Behind,
        Self::Busy,
        Self::HistoryAway,
    ];

    /// The last part of its type.
    pub(crate) const fn name(self) -> &'static str {
        self.facts().0
    }

    pub(crate) const fn title(self) -> &'static str {
        self.facts().2
    }

    pub(crate) const fn status(self) -> StatusCode {
        self.facts().1
    }

    const fn facts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::InvalidParameter => {
                ("invalid-parameter", StatusCode::BAD_REQUEST, "A parameter is not right")
            }
            Self::AsOfNotKept => ("as-of-not-kept", StatusCode::BAD_REQUEST, "The past of this is not kept"),
            Self::HostUnknown => {
                ("host-unknown", StatusCode::FORBIDDEN, "The server does not answer to this name")
            }
            Self::OriginUnknown => {
                ("origin-unknown", StatusCode::FORBIDDEN, "Pages of this origin may not open streams")
            }
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is no such thing"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "This can only be read")
            }
            Self::CursorExpired => ("cursor-expired", StatusCode::GONE, "The cursor has expired"),
            Self::TooLarge => ("too-large", StatusCode::URI_TOO_LONG, "The request is too long"),
            Self::NotReady => ("not-ready", StatusCode::SERVICE_UNAVAILABLE, "Nothing can be told yet"),
            Self::Behind => ("behind", StatusCode::SERVICE_UNAVAILABLE, "This is not known here yet"),
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE, "Too many requests wait"),
            Self::HistoryAway => {
                ("history-away", StatusCode::SERVICE_UNAVAILABLE, "The store cannot be read")
            }
        }
    }
}

/// One parameter that is not right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Field {
    /// `query` or `path`.
    #[serde(rename = "in")]
    pub(crate) place: &'static str,
    /// Its name.
    pub(crate) field: String,
    /// What is wrong and what would be right.
    pub(crate) detail: String,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    pub(crate) errors: Vec<Field>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new() }
    }

    /// All parameters that are not right, at once.
    pub(crate) fn parameters(errors: Vec<Field>) -> Self {
        let detail = errors.iter().map(|e| e.detail.as_str()).collect::<Vec<_>>().join("; ");
        Self { kind: Kind::InvalidParameter, detail, errors }
    }

    /// One parameter of the query that is not right.
    pub(crate) fn parameter(field: &str, detail: impl Into<String>) -> Self {
        Self::parameters(vec![Field { place: "query", field: field.to_owned(), detail: detail.into() }])
    }

    /// What is asked for is not there.
    pub(crate) fn not_found(what: &str, name: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} `{name}`"))
    }

    /// Its JSON, about this path.
    pub(crate) fn json(&self, instance: &str) -> serde_json::Value {
        let mut json = serde_json::json!({
            "type": format!("/problems/{}", self.kind.name()),
            "title": self.kind.title(),
            "status": self.kind.status().as_u16(),
            "detail": self.detail,
            "instance": instance,
        });
        if let (false, Some(members)) = (self.errors.is_empty(), json.as_object_mut()) {
            members.insert("errors".to_owned(), serde_json::json!(self.errors));
        }
        json
    }

    /// The answer that says so.
    pub(crate) fn response(&self, instance: &str) -> Response {
        let mut response = (self.kind.status(), self.json(instance).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.kind.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
