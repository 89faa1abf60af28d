//! TSM's HTTPS controller: one request out, one answer in, under the gate's own session.
//!
//! Nothing reaches it without a [`Permit`]; the one exception ends a session that was got with one. A
//! connection is kept for the next request only after an exchange without any fault, and never where an
//! answer was not read to its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{
    CONTENT_ENCODING, COOKIE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};
use tsmgate_catalogue::api::PREFIX;
use tsmgate_gate::clock::Clock;
use tsmgate_gate::permit::Permit;
use tsmgate_gate::reason::Reason;
use tsmgate_wire::Cookie;
use zeroize::Zeroizing;

use super::attempts::Attempts;
use super::trouble::Trouble;
use super::wire::{Unanswered, Wire};
use super::{Failure, turn};
use crate::config;
use crate::house::Snapshot;

/// What we call ourselves towards TSM.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("tsmgated/", env!("CARGO_PKG_VERSION")));
/// How long TSM may take to end a session.
const END_DEADLINE: Duration = Duration::from_secs(3);

/// TSM's controller as the api lane sees it.
#[derive(Debug)]
pub struct Api {
    turns: Arc<Semaphore>,
    /// For answers that are too long to be read ahead: half of the turns, so that, where there are several,
    /// some are left however slowly these are fetched.
    streams: Semaphore,
    attempts: Attempts,
    trouble: Trouble,
    /// Connections whose last exchange went well, the last used at the end.
    idle: Mutex<Vec<Wire>>,
}

/// A request as it is to be sent, but for the session.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Path and query, as the catalogue wrote them.
    pub target: String,
    /// The fields that pass.
    pub fields: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// Where the controller is, and how it is checked.
struct Place<'a> {
    api: &'a config::Api,
    check: &'a Arc<rustls::ClientConfig>,
}

/// TSM's answer: its header is here, its body is still to be read.
#[derive(Debug)]
pub struct Answered<'a> {
    /// The status.
    pub status: StatusCode,
    /// The fields of the header, all of them.
    pub fields: HeaderMap,
    length: Option<u64>,
    body: Incoming,
    wire: Wire,
    api: &'a Api,
    _turn: SemaphorePermit<'a>,
    _stream: Option<SemaphorePermit<'a>>,
}

impl Api {
    /// Connects to nothing yet; each request takes one of `turns`, which are those of all lanes.
    pub fn new(turns: Arc<Semaphore>, clock: &Clock) -> Self {
        let streams = Semaphore::new((turns.available_permits() / 2).max(1));
        Self {
            turns,
            streams,
            attempts: Attempts::new(clock),
            trouble: Trouble::default(),
            idle: Mutex::default(),
        }
    }

    /// Sends one request under a session, and waits until `deadline` for the header of its answer.
    ///
    /// # Errors
    /// A reason of party TSM or operator: there is no controller, it is busy, unreachable, not the one it
    /// has to be, too slow, or broke off.
    pub async fn ask(
        &self,
        snapshot: &Snapshot,
        outgoing: &Outgoing,
        session: &Cookie,
        deadline: Instant,
        permit: &Permit,
    ) -> Result<Answered<'_>, Reason> {
        tracing::debug!(permission = %permit.permission(), role = permit.role(), "asking TSM");
        self.told(self.exchange(snapshot, outgoing, session, deadline).await)
    }

    /// Ends a session that TSM once gave to somebody, and tells the status of TSM's answer.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub async fn end_of(
        &self,
        snapshot: &Snapshot,
        session: &Cookie,
        permit: &Permit,
    ) -> Result<StatusCode, Reason> {
        tracing::debug!(permission = %permit.permission(), "ending a session at TSM");
        let _turn = turn(&self.turns).await?;
        self.told(self.end(snapshot, session).await)
    }

    /// Ends the gate's own session, which was got with a permit; tells the status of TSM's answer. It waits
    /// for no turn, for the gate does that once at a time.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn end_own(
        &self,
        snapshot: &Snapshot,
        session: &Cookie,
    ) -> Result<StatusCode, Reason> {
        self.end(snapshot, session).await.map_err(|failure| failure.reason)
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn forget_idle(&self) {
        self.idle().clear();
    }

    async fn end(&self, snapshot: &Snapshot, session: &Cookie) -> Result<StatusCode, Failure> {
        let outgoing = Outgoing {
            method: Method::POST,
            target: format!("{PREFIX}/logout"),
            fields: HeaderMap::new(),
            body: Bytes::new(),
        };
        let sent = timeout(END_DEADLINE, self.send(&place_of(snapshot)?, &outgoing, session)).await;
        let (_, answer) = sent.map_err(|_| Failure::from(Reason::BackendTimeout))??;
        Ok(answer.status())
    }

    /// For the operator's log, once for each change.
    fn told<T>(&self, outcome: Result<T, Failure>) -> Result<T, Reason> {
        self.trouble.tell(outcome.as_ref().err());
        outcome.map_err(|failure| failure.reason)
    }

    async fn exchange(
        &self,
        snapshot: &Snapshot,
        outgoing: &Outgoing,
        session: &Cookie,
        deadline: Instant,
    ) -> Result<Answered<'_>, Failure> {
        let place = place_of(snapshot)?;
        let turn = turn(&self.turns).await?;
        let exchanged = timeout_at(deadline, self.send(&place, outgoing, session)).await;
        let (wire, answer) = exchanged.map_err(|_| Failure::from(Reason::BackendTimeout))??;
        let (head, body) = answer.into_parts();
        if head.status.is_informational() {
            return Err(garbage("it switched to another protocol".to_owned()));
        }
        let encoded = |field: HeaderName, plain: &[u8]| {
            let mut codings = head.headers.get_all(field).iter().map(HeaderValue::as_bytes);
            codings.any(|coding| !coding.eq_ignore_ascii_case(plain))
        };
        if encoded(CONTENT_ENCODING, b"identity") || encoded(TRANSFER_ENCODING, b"chunked") {
            return Err(garbage("it encoded an answer that it was not to".to_owned()));
        }
        // of all of it: the body itself would say how much is left
        let length = body.size_hint().exact();
        let fields = head.headers;
        Ok(Answered {
            status: head.status,
            fields,
            length,
            body,
            wire,
            api: self,
            _turn: turn,
            _stream: None,
        })
    }

    /// Sends on a kept connection, or on a new one where that turns out to be over.
    async fn send(
        &self,
        place: &Place<'_>,
        outgoing: &Outgoing,
        session: &Cookie,
    ) -> Result<(Wire, Response<Incoming>), Failure> {
        let mut request = request(place.api, outgoing, session)?;
        while let Some(mut wire) = self.kept(place).await {
            match wire.ask(request).await {
                Ok(answer) => return Ok((wire, answer)),
                Err(Unanswered::NotSent(unsent)) => request = *unsent,
                // it may have been closed while this was on its way; only a question can be asked again
                Err(Unanswered::Broken(_)) if outgoing.method == Method::GET => {
                    request = self::request(place.api, outgoing, session)?;
                    break;
                }
                Err(Unanswered::Broken(detail)) => return Err(garbage(detail)),
            }
        }
        let mut wire = self.connect(place).await?;
        match wire.ask(request).await {
            Ok(answer) => Ok((wire, answer)),
            Err(Unanswered::NotSent(_)) => Err(garbage("it closed the connection".to_owned())),
            Err(Unanswered::Broken(detail)) => Err(garbage(detail)),
        }
    }

    async fn connect(&self, place: &Place<'_>) -> Result<Wire, Failure> {
        if !self.attempts.may_try() {
            return Err(Reason::BackendUnreachable.into());
        }
        let connected = Wire::connect(place.api, place.check).await;
        let nobody = |failure: &Failure| failure.reason == Reason::BackendUnreachable;
        self.attempts.tried(connected.as_ref().err().is_some_and(nobody));
        connected
    }

    /// A connection that was kept and is still good.
    async fn kept(&self, place: &Place<'_>) -> Option<Wire> {
        loop {
            // not across the wait
            let mut wire = self.idle().pop()?;
            if wire.is_good(place.api, place.check).await {
                return Some(wire);
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Wire>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answered<'_> {
    /// How long the whole body is, where TSM said so.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Reads ahead: to the end of the body, or until there are more than `most` bytes of it, or for so much
    /// `time`. What there is, and whether it is all.
    ///
    /// # Errors
    /// [`Reason::BackendGarbage`]: it broke off.
    pub async fn ahead(&mut self, most: usize, time: Duration) -> Result<(Vec<u8>, bool), Reason> {
        let (mut ahead, until) = (Vec::new(), Instant::now() + time);
        while ahead.len() <= most {
            match self.part(until.saturating_duration_since(Instant::now())).await {
                Err(Reason::BackendTimeout) => return Ok((ahead, false)),
                Err(reason) => return Err(reason),
                Ok(None) => return Ok((ahead, true)),
                Ok(Some(part)) => ahead.extend_from_slice(&part),
            }
        }
        Ok((ahead, false))
    }

    /// Takes one of the places for answers that are passed on as they come.
    ///
    /// # Errors
    /// [`Reason::BackendBusy`]: there are as many as there may be.
    pub async fn stream(&mut self) -> Result<(), Reason> {
        self._stream = Some(turn(&self.api.streams).await?);
        Ok(())
    }

    /// The next part of the body, within `most`; `None` at its end.
    ///
    /// # Errors
    /// [`Reason::BackendGarbage`]: it broke off; [`Reason::BackendTimeout`]: it did not go on.
    pub async fn part(&mut self, most: Duration) -> Result<Option<Bytes>, Reason> {
        match timeout(most, self.wire.part(&mut self.body)).await {
            Ok(Ok(part)) => Ok(part),
            Ok(Err(error)) => {
                tracing::debug!(error, "TSM's answer broke off");
                Err(Reason::BackendGarbage)
            }
            Err(_) => Err(Reason::BackendTimeout),
        }
    }

    /// Keeps the connection for the next request, after the end of the body.
    pub async fn keep(mut self) {
        if self.wire.is_reusable().await {
            let mut idle = self.api.idle();
            idle.retain(Wire::is_young);
            // no more of them than turns, for each was in one
            idle.push(self.wire);
        }
    }
}

fn place_of(snapshot: &Snapshot) -> Result<Place<'_>, Failure> {
    let place = snapshot.config.tsm.api.as_ref().zip(snapshot.credentials.tsm.as_ref());
    let (api, check) = place.ok_or(Reason::BackendUnreachable)?;
    Ok(Place { api, check })
}

fn garbage(detail: String) -> Failure {
    Failure { reason: Reason::BackendGarbage, detail }
}

fn request(
    api: &config::Api,
    outgoing: &Outgoing,
    session: &Cookie,
) -> Result<Request<Full<Bytes>>, Failure> {
    let unfit = |error: &dyn std::fmt::Display| garbage(format!("a request for it: {error}"));
    let host = HeaderValue::from_str(&api.to_string()).map_err(|error| unfit(&error))?;
    let cookie = Zeroizing::new(format!("{}={}", session.name(), session.value().expose()));
    let mut cookie = HeaderValue::from_str(&cookie).map_err(|error| unfit(&error))?;
    cookie.set_sensitive(true);
    let mut request = Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = outgoing.target.parse().map_err(|error| unfit(&error))?;
    let fields = request.headers_mut();
    fields.extend(outgoing.fields.clone());
    fields.insert(HOST, host);
    fields.insert(USER_AGENT, AGENT);
    fields.insert(COOKIE, cookie);
    Ok(request)
}
