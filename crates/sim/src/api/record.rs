//! What the HTTPS side saw: each connection's bytes and each request, whether or not it was let in.
//!
//! Tests use it to assert what did *not* reach TSM. It keeps the newest of each, and the first bytes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::http::request::Parts;

use crate::record::{Record, push_bounded};

/// So many requests are kept, the newest, and as many connections.
pub const REQUESTS_KEPT: usize = 1024;
/// So many bytes are kept of a request's body, the first; and of a connection.
pub const BODY_KEPT: usize = 64 * 1024;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// Its place in the order of arrival, from 1.
    pub number: u64,
    /// The number of the connection it came on.
    pub connection: u64,
    /// The method as sent.
    pub method: String,
    /// Path and query as sent, escapes and all; only a fragment is missing, which is in
    /// [`ApiConnection::received`].
    pub target: String,
    /// Names in lower case, and values; what is not UTF-8 is replaced.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, at most [`BODY_KEPT`] bytes.
    pub body: Vec<u8>,
    /// How many bytes of the body were read.
    pub body_length: u64,
    /// Whether the body was read to its end.
    pub body_complete: bool,
    /// The session's cookie that it brought, if any.
    pub cookie: Option<String>,
    /// Whether that cookie opened a session.
    pub authorized: bool,
    /// The operation it was taken for, as the table of routes calls it.
    pub operation: Option<&'static str>,
    /// The status it was answered with; none while it is not.
    pub status: Option<u16>,
}

impl RequestRecord {
    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// One connection whose handshake was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConnection {
    /// Its place in the order, from 1.
    pub number: u64,
    /// Where it came from.
    pub address: SocketAddr,
    /// The bytes it brought, inside of TLS, at most [`BODY_KEPT`].
    pub received: Vec<u8>,
    /// How many bytes it brought in all.
    pub received_bytes: u64,
    /// Whether it has ended.
    pub ended: bool,
}

#[derive(Debug)]
pub(super) struct Register {
    counts: Arc<Record>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<RequestRecord>,
    connections: VecDeque<ApiConnection>,
}

impl Register {
    pub(super) fn new(counts: Arc<Record>) -> Arc<Self> {
        Arc::new(Self { counts, kept: Mutex::default() })
    }

    pub(super) fn requests(&self) -> Vec<RequestRecord> {
        self.kept().requests.iter().cloned().collect()
    }

    pub(super) fn connections(&self) -> Vec<ApiConnection> {
        self.kept().connections.iter().cloned().collect()
    }

    pub(super) fn connect(self: &Arc<Self>, address: SocketAddr) -> Arc<Line> {
        let mut kept = self.kept();
        let number = kept.connections.back().map_or(1, |last| last.number + 1);
        let connection = ApiConnection {
            number,
            address,
            received: Vec::new(),
            received_bytes: 0,
            ended: false,
        };
        push_bounded(&mut kept.connections, REQUESTS_KEPT, connection);
        drop(kept);
        self.counts.count(|counts| counts.api_connections += 1);
        Arc::new(Line { register: Arc::clone(self), number, address })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's own line in the record; the connection has ended when it is dropped.
#[derive(Debug)]
pub(super) struct Line {
    register: Arc<Register>,
    number: u64,
    pub(super) address: SocketAddr,
}

impl Line {
    pub(super) fn received(&self, bytes: &[u8]) {
        self.change(|own| {
            keep(&mut own.received, bytes);
            own.received_bytes += bytes.len() as u64;
        });
    }

    /// Opens the entry of a request, before any of its body is read.
    pub(super) fn request(
        &self,
        head: &Parts,
        cookie: Option<String>,
        authorized: bool,
        operation: Option<&'static str>,
    ) -> RequestEntry {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut kept = self.register.kept();
        let number = kept.requests.back().map_or(1, |last| last.number + 1);
        let record = RequestRecord {
            number,
            connection: self.number,
            method: head.method.to_string(),
            target: head.uri.to_string(),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
            body: Vec::new(),
            body_length: 0,
            body_complete: false,
            cookie,
            authorized,
            operation,
            status: None,
        };
        push_bounded(&mut kept.requests, REQUESTS_KEPT, record);
        drop(kept);
        self.register.counts.count(|counts| counts.requests += 1);
        RequestEntry { register: Arc::clone(&self.register), number }
    }

    fn change(&self, change: impl FnOnce(&mut ApiConnection)) {
        let mut kept = self.register.kept();
        if let Some(own) = kept.connections.iter_mut().rev().find(|one| one.number == self.number) {
            change(own);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.change(|own| own.ended = true);
    }
}

/// A request's own line in the record.
#[derive(Debug)]
pub(super) struct RequestEntry {
    register: Arc<Register>,
    number: u64,
}

impl RequestEntry {
    pub(super) fn body(&self, bytes: &[u8]) {
        self.change(|own| {
            keep(&mut own.body, bytes);
            own.body_length += bytes.len() as u64;
        });
    }

    pub(super) fn body_complete(&self) {
        self.change(|own| own.body_complete = true);
    }

    pub(super) fn answered(&self, status: u16) {
        self.change(|own| own.status = Some(status));
    }

    fn change(&self, change: impl FnOnce(&mut RequestRecord)) {
        let mut kept = self.register.kept();
        if let Some(own) = kept.requests.iter_mut().rev().find(|one| one.number == self.number) {
            change(own);
        }
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = BODY_KEPT.saturating_sub(kept.len());
    kept.extend(bytes.iter().take(room));
}
