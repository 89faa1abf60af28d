//! The answer to a request: its head, and its body within a limit.
//!
//! What is not a plain answer (a redirection, an encoding, another type) is refused before its body is
//! looked at.

use std::ops::ControlFlow;
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::connection::{NoAnswer, broken_body};
use super::failure::refused::said;
use super::failure::{ApiFailure, Breach, GateRefusal, TsmRefusal};
use crate::json;

/// The largest answer that is read as a whole, in bytes.
pub const DOCUMENT_MOST: usize = 4 * 1024 * 1024;
/// The largest answer that is passed on piece by piece, in bytes.
pub const STREAM_MOST: usize = 64 * 1024 * 1024;
/// So much of an error is read, in bytes; a person is shown a part of it.
const ERROR_MOST: usize = 64 * 1024;
/// The longest text of a header that is kept, in bytes.
const HEADER_MOST: usize = 256;

const REASON: HeaderName = HeaderName::from_static("tsmgate-reason");
const REQUEST: HeaderName = HeaderName::from_static("tsmgate-request");

/// A whole answer in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    text: String,
    json: Value,
    request: Option<String>,
    date: Option<SystemTime>,
}

impl Document {
    /// What it says.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What it says, taken out.
    pub fn into_json(self) -> Value {
        self.json
    }

    /// As it came.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// As it came, in visible ASCII: what else stood in a text is written as its escape.
    pub fn text(&self) -> String {
        json::visible(&self.text)
    }

    /// The request's number in the gate's audit, the peer's text; none from a controller itself.
    pub fn request(&self) -> Option<&str> {
        self.request.as_deref()
    }

    /// When it was answered by the clock of the peer, in whole seconds; none where it does not say.
    pub fn date(&self) -> Option<SystemTime> {
        self.date
    }
}

/// An answer whose body has not been read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: Incoming,
}

impl Answer {
    /// Takes an answer that is one: no redirection, no encoding.
    pub(super) fn new(response: hyper::Response<Incoming>) -> Result<Self, Breach> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        if !head.status.is_success() && status < 400 {
            return Err(Breach::Status(status));
        }
        match text(&head.headers, &CONTENT_ENCODING) {
            Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
                return Err(Breach::Encoded(encoding));
            }
            _ => {}
        }
        Ok(Self { status, headers: head.headers, body })
    }

    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The whole answer as JSON.
    pub(super) async fn document(mut self, deadline: Instant) -> Result<Document, NoAnswer> {
        self.check_json().map_err(NoAnswer::Breach)?;
        let request = self.request();
        let date =
            text(&self.headers, &DATE).and_then(|date| httpdate::parse_http_date(&date).ok());
        let mut bytes = Vec::new();
        let mut take = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            ControlFlow::Continue(())
        };
        // it takes all there is, so that there is nothing to be told
        let _ = self.pieces(DOCUMENT_MOST, deadline, &mut take).await?;
        let text = String::from_utf8(bytes).map_err(|_| NoAnswer::Breach(Breach::NotJson))?;
        let json = serde_json::from_str(&text).map_err(|_| NoAnswer::Breach(Breach::NotJson))?;
        Ok(Document { text, json, request, date })
    }

    /// Whether it says of itself that it is JSON.
    pub(super) fn check_json(&self) -> Result<(), Breach> {
        self.check_kind("application/json")
    }

    /// Whether it says of itself that it is of this type.
    pub(super) fn check_kind(&self, wanted: &str) -> Result<(), Breach> {
        let named = text(&self.headers, &CONTENT_TYPE).unwrap_or_default();
        let kind = named.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case(wanted) {
            Ok(())
        } else {
            Err(Breach::Type(if kind.is_empty() { "none".to_owned() } else { kind.to_owned() }))
        }
    }

    /// Hands the body on, piece by piece, until it ends or `take` has enough; tells which.
    pub(super) async fn pieces(
        &mut self,
        most: usize,
        deadline: Instant,
        take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, NoAnswer> {
        let too_long = || NoAnswer::Breach(Breach::LongBody(most));
        let mut left = most;
        if self.body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
            return Err(too_long());
        }
        while let Some(piece) = self.piece(deadline).await? {
            left = left.checked_sub(piece.len()).ok_or_else(too_long)?;
            if take(&piece).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The next piece of the body; none at its end. It may be dropped while it waits.
    pub(super) async fn piece(&mut self, deadline: Instant) -> Result<Option<Bytes>, NoAnswer> {
        loop {
            let frame = timeout_at(deadline, self.body.frame());
            match frame.await.map_err(|_| NoAnswer::TimedOut)? {
                None => return Ok(None),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => return Ok(Some(piece)),
                    // trailers say nothing to us
                    Err(_) => continue,
                },
                Some(Err(error)) => return Err(NoAnswer::Breach(broken_body(&error))),
            }
        }
    }

    /// As much of an error as there is, within a limit: that it is one is known from its status. Also
    /// whether that is all of it.
    pub(super) async fn error(&mut self, deadline: Instant) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let take = &mut |piece: &[u8]| {
            let room = ERROR_MOST.saturating_sub(bytes.len());
            bytes.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if bytes.len() < ERROR_MOST {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let ended = self.pieces(usize::MAX, deadline, take).await;
        (bytes, ended == Ok(ControlFlow::Continue(())))
    }

    /// The refusal that a gate's answer is: its own, or TSM's.
    pub(super) fn refusal_of_gate(&self, peer: String, body: &[u8]) -> ApiFailure {
        let Some(reason) = text(&self.headers, &REASON) else {
            return self.refusal_of_tsm(peer, false, body);
        };
        let error: Value = serde_json::from_slice(body).unwrap_or_default();
        let part = |name: &str| {
            let text = error.get("error").and_then(|error| error.get(name)).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let retry = text(&self.headers, &RETRY_AFTER).and_then(|text| text.parse().ok());
        Box::new(GateRefusal {
            peer,
            status: self.status,
            reason,
            detail: part("detail").or_else(|| part("summary")).unwrap_or_default(),
            permission: part("permission"),
            request: self.request(),
            retry,
        })
        .into()
    }

    /// The refusal that TSM's own answer is.
    pub(super) fn refusal_of_tsm(&self, peer: String, login: bool, body: &[u8]) -> ApiFailure {
        let (status, request) = (self.status, self.request());
        Box::new(TsmRefusal { peer, status, said: said(body), request, login }).into()
    }

    fn request(&self) -> Option<String> {
        text(&self.headers, &REQUEST)
    }
}

/// The text of a header, as much as is kept of it; bytes that are no text are shown as such later.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let bytes = headers.get(name)?.as_bytes();
    Some(String::from_utf8_lossy(bytes.get(..HEADER_MOST).unwrap_or(bytes)).into_owned())
}
