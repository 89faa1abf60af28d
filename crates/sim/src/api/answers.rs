//! What an honest answer is made of, and how errors look.
//!
//! Seen: the headers that TSM sends with every login, and that errors hold `error.detail`. That the
//! other answers have the same headers is inferred; `code` and `summary` are guesses behind a switch.

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::content::Content;

/// Seen, but for the text of the last two, which are guesses.
static ALWAYS: [(HeaderName, &str); 7] = [
    (CACHE_CONTROL, "no-store"),
    (EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("x-xss-protection"), "1; mode=block"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
    (HeaderName::from_static("x-application-context"), "application"),
    (HeaderName::from_static("content-security-policy"), "default-src 'self'"),
];
/// A guess: what Spring writes for JSON.
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// An answer before it is written, and perhaps spoiled.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Nothing,
    Json(Value),
    /// The detail of an error.
    Error(String),
    Bytes(Bytes),
}

/// What an operation gives.
pub(super) type Outcome = Result<Answer, Refusal>;

/// Why an operation was not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }
}

impl Answer {
    pub(super) fn json(value: Value) -> Self {
        Self::new(StatusCode::OK, Body::Json(value))
    }

    pub(super) fn empty(status: u16) -> Self {
        Self::new(code(status), Body::Nothing)
    }

    pub(super) fn error(status: u16, detail: impl Into<String>) -> Self {
        Self::new(code(status), Body::Error(detail.into()))
    }

    /// As some proxy in between would.
    pub(super) fn html(status: u16) -> Self {
        let status = code(status);
        let page = format!("<html><body><h1>{status}</h1></body></html>\r\n");
        let answer = Self::new(status, Body::Bytes(Bytes::from(page)));
        answer.with(CONTENT_TYPE, HeaderValue::from_static("text/html"))
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The body as it will be sent.
    pub(super) fn bytes(&self, full_errors: bool) -> Bytes {
        match &self.body {
            Body::Nothing => Bytes::new(),
            Body::Bytes(bytes) => bytes.clone(),
            Body::Json(value) => Bytes::from(value.to_string()),
            Body::Error(detail) => {
                let error = if full_errors {
                    let reason = self.status.canonical_reason().unwrap_or_default();
                    let code = format!("{}000", self.status.as_u16());
                    json!({ "code": code, "summary": reason, "detail": detail })
                } else {
                    json!({ "detail": detail })
                };
                Bytes::from(json!({ "error": error }).to_string())
            }
        }
    }

    /// Puts it together with a body that stands for its own.
    pub(super) fn send(mut self, content: Content) -> Response<Content> {
        for (name, value) in &ALWAYS {
            self.headers.insert(name, HeaderValue::from_static(value));
        }
        if matches!(self.body, Body::Json(_) | Body::Error(_)) {
            self.headers.entry(CONTENT_TYPE).or_insert(JSON);
        }
        let mut response = Response::new(content);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    fn new(status: StatusCode, body: Body) -> Self {
        Self { status, headers: HeaderMap::new(), body }
    }
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
