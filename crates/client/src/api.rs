//! TSM's HTTP API, through a gate or from a controller itself: one request, one answer.
//!
//! [`Api`] has one connection at a time to a [`Peer`] and keeps it as long as it lasts. What may be asked
//! of TSM is what the catalogue has: a path is never put together here. At a controller itself it also
//! has the session, which is taken when it is needed and, unless it is cached, ended by [`Api::end`]; at a gate there is none,
//! for the gate has it.
//!
//! Every attempt ends within the peer's timeout, and every answer has a limit. A request is sent twice
//! in two cases alone, both of which did nothing: a read on a connection that had run out, and one that
//! was answered 401 because the session had.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::HeaderValue;
use tokio::time::{Instant, timeout_at};
use tsmgate_catalogue::api::find::Match;
use tsmgate_catalogue::api::operation::Method;
use tsmgate_wire::{Cookie, Secret};

use crate::cache::{Notice, Wanted};
use crate::failure::LoginFailure;

mod answer;
mod asked;
mod commands;
mod connection;
mod controller;
pub mod failure;
mod output;
mod peer;
mod session;
mod watched;

pub use answer::{DOCUMENT_MOST, Document, STREAM_MOST};
pub use commands::{Offered, Verdict};
pub use controller::{Controller, ControllerAddress, Entry, Pin, Trust};
pub use failure::ApiFailure;
pub use output::{Output, SILENCE};
pub use peer::Peer;

pub(crate) use answer::Answer;
use asked::Asked;
pub(crate) use connection::{Connection, NoAnswer, Silence};
use failure::Breach;

/// How long the end of a session may take; nothing depends on it.
const LOGOUT: Duration = Duration::from_secs(5);
const UNAUTHORIZED: u16 = 401;
const NO_CONTENT: u16 = 204;

/// A gate's own routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Who we are there, and what we may.
    WhoAmI,
    /// Every permission there is.
    Permissions,
}

/// A line to whoever is asked.
#[derive(Debug)]
pub struct Api {
    peer: Peer,
    connection: Option<Connection>,
    session: Option<Cookie>,
    notice: Option<Notice>,
    /// Something was asked, and its answer not read to the end.
    asking: bool,
}

impl Api {
    /// A line that is not there yet: the first request makes it.
    pub fn new(peer: Peer) -> Self {
        Self { peer, connection: None, session: None, notice: None, asking: false }
    }

    /// Who is asked.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What is to be said of the session that came out of a cache.
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// Asks TSM, and gives its answer, of at most [`DOCUMENT_MOST`] bytes of JSON.
    ///
    /// # Errors
    /// Every [`ApiFailure`] but those of addresses and pins.
    pub async fn ask(&mut self, request: &Match) -> Result<Document, ApiFailure> {
        let method = request.method().name();
        self.document(Asked { method, path: request.upstream(), body: None }).await
    }

    /// Asks the gate itself; a controller knows nothing of this.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub async fn ask_gate(&mut self, own: Own) -> Result<Document, ApiFailure> {
        let path = match own {
            Own::WhoAmI => "/v1/whoami",
            Own::Permissions => "/v1/permissions",
        };
        self.document(Asked { method: Method::Get.name(), path, body: None }).await
    }

    /// Has the gate end a session that it gave out.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub async fn end_session(&mut self, cookie: &Secret) -> Result<(), ApiFailure> {
        let body = Some(session::cookie_body(cookie));
        let asked = Asked { method: Method::Post.name(), path: "/v1/logout", body };
        self.asking = true;
        self.good(&asked, self.peer.deadline()).await?;
        self.asking = false;
        Ok(())
    }

    /// Asks TSM and hands its answer on piece by piece, at most [`STREAM_MOST`] bytes, until it ends or
    /// `take` has enough. `only_json` refuses an answer that does not say of itself that it is JSON.
    ///
    /// # Errors
    /// As [`Api::ask`]; what was handed on until then is part of no whole answer.
    pub async fn stream(
        &mut self,
        request: &Match,
        body: Option<Bytes>,
        only_json: bool,
        take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), ApiFailure> {
        let asked = Asked { method: request.method().name(), path: request.upstream(), body };
        self.asking = true;
        let deadline = self.peer.deadline();
        let mut answer = self.good(&asked, deadline).await?;
        if only_json && answer.status != NO_CONTENT {
            answer.check_json().map_err(|breach| self.breach(breach))?;
        }
        match answer.pieces(STREAM_MOST, deadline, take).await {
            // whoever has enough leaves the rest unread
            Ok(ControlFlow::Break(())) => Ok(()),
            Ok(ControlFlow::Continue(())) => {
                self.asking = false;
                Ok(())
            }
            Err(nothing) => Err(self.unanswered(nothing, &asked)),
        }
    }

    /// Gives up an answer that is not waited for any longer. A session stays, and the next request makes a new
    /// connection.
    pub fn give_up(&mut self) {
        if self.asking {
            self.connection = None;
            self.asking = false;
        }
    }

    /// Ends the session, where it is ours alone, and the connection; as well as it can be done, within
    /// seconds. Also where an answer was not waited for.
    pub async fn end(mut self) {
        if self.asking {
            self.connection = None;
        }
        let is_cached = matches!(
            &self.peer,
            Peer::Controller(controller) if matches!(controller.entry, Entry::Cached(..))
        );
        if let Some(cookie) = self.session.take().filter(|_| !is_cached)
            && let Some(header) = session::header(&cookie)
        {
            let path = session::logout_path();
            let asked = Asked { method: Method::Post.name(), path: &path, body: None };
            let deadline = self.peer.deadline().min(Instant::now() + LOGOUT);
            if self.open(deadline).await.is_ok() {
                let _ = self.send(&asked, Some(header), deadline).await;
            }
        }
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    async fn document(&mut self, asked: Asked<'_>) -> Result<Document, ApiFailure> {
        self.asking = true;
        let deadline = self.peer.deadline();
        let answer = self.good(&asked, deadline).await?;
        match answer.document(deadline).await {
            Ok(document) => {
                self.asking = false;
                Ok(document)
            }
            Err(nothing) => Err(self.unanswered(nothing, &asked)),
        }
    }

    /// An answer that says yes.
    async fn good(&mut self, asked: &Asked<'_>, deadline: Instant) -> Result<Answer, ApiFailure> {
        let mut answer = self.answer(asked, deadline).await?;
        if answer.is_good() {
            return Ok(answer);
        }
        let (body, is_whole) = answer.error(deadline).await;
        self.asking = !is_whole;
        let peer = self.peer.name();
        Err(match self.peer {
            Peer::Gate(_) | Peer::LocalGate(_) => answer.refusal_of_gate(peer, &body),
            Peer::Controller(_) => answer.refusal_of_tsm(peer, false, &body),
        })
    }

    /// Whatever answer there is, with a connection that works and a session that is taken.
    async fn answer(&mut self, asked: &Asked<'_>, deadline: Instant) -> Result<Answer, ApiFailure> {
        let mut session_is_new = false;
        let mut refused = None;
        loop {
            self.open(deadline).await?;
            if !self.peer.is_gate() && self.session.is_none() {
                let (session, is_new) = self.log_in(refused.as_ref(), deadline).await?;
                self.session = Some(session);
                session_is_new = is_new || refused.is_some();
                continue;
            }
            let header = self.session.as_ref().and_then(session::header);
            let had_session = header.is_some();
            match self.send(asked, header, deadline).await {
                Ok(answer) if answer.status == UNAUTHORIZED && had_session && !session_is_new => {
                    // nothing was done; the session is over, and so is what is left of this answer
                    refused = self.session.take();
                    self.connection = None;
                }
                Ok(answer) => return Ok(answer),
                // a new connection cannot be a used one: this comes around once
                Err(NoAnswer::Silent(Silence::Used)) if asked.is_read() => self.connection = None,
                Err(nothing) => return Err(self.unanswered(nothing, asked)),
            }
        }
    }

    /// A session at the controller, another than the `refused` one; and whether it is new.
    async fn log_in(
        &mut self,
        refused: Option<&Cookie>,
        deadline: Instant,
    ) -> Result<(Cookie, bool), ApiFailure> {
        let Peer::Controller(controller) = &self.peer else {
            return Err(self.breach(Breach::NoCookie));
        };
        let (name, password) = match &controller.entry {
            Entry::Source(source) => {
                let login = in_time(source.login(), source.name(), deadline).await?;
                return Ok((login.cookie, true));
            }
            Entry::Cached(cache, source) => {
                let wanted = match refused {
                    None => Wanted::Good,
                    Some(cookie) => Wanted::InsteadOf(cookie.value()),
                };
                let asking = cache.session(source, wanted);
                let served = in_time(asking, source.name(), deadline).await?;
                self.notice = served.notice;
                return Ok((served.login.cookie, served.is_new));
            }
            Entry::Password { name, password } => (name, password),
        };
        let body = Some(session::login_body(name, password));
        let path = session::login_path();
        let asked = Asked { method: Method::Post.name(), path: &path, body };
        let mut answer = match self.send(&asked, None, deadline).await {
            Ok(answer) => answer,
            Err(nothing) => return Err(self.unanswered(nothing, &asked)),
        };
        if answer.is_good() {
            let cookie = session::cookie(&answer.headers);
            return cookie.map(|cookie| (cookie, true)).map_err(|breach| self.breach(breach));
        }
        let (body, _) = answer.error(deadline).await;
        Err(answer.refusal_of_tsm(self.peer.name(), true, &body))
    }

    /// Makes the connection, unless there is one.
    async fn open(&mut self, deadline: Instant) -> Result<(), ApiFailure> {
        if self.connection.as_ref().is_some_and(Connection::is_open) {
            return Ok(());
        }
        self.connection = None;
        self.connection = Some(self.peer.connect(deadline).await?);
        Ok(())
    }

    async fn send(
        &mut self,
        asked: &Asked<'_>,
        cookie: Option<HeaderValue>,
        deadline: Instant,
    ) -> Result<Answer, NoAnswer> {
        let request = asked.request(&self.peer, cookie).ok_or(NoAnswer::Breach(Breach::NotHttp))?;
        let connection = self.connection.as_mut();
        let connection = connection.ok_or(NoAnswer::Breach(Breach::Closed))?;
        let response = connection.send(request, deadline).await?;
        Answer::new(response).map_err(NoAnswer::Breach)
    }

    /// The failure that a missing answer is; the connection is of no more use.
    fn unanswered(&mut self, nothing: NoAnswer, asked: &Asked<'_>) -> ApiFailure {
        self.connection = None;
        match (nothing, &self.peer) {
            (NoAnswer::TimedOut, _) => {
                ApiFailure::TimedOut { peer: self.peer.name(), changing: !asked.is_read() }
            }
            (NoAnswer::Silent(Silence::New(Ok(refusal))), Peer::Gate(gate)) => {
                gate.not_accepted(refusal).into()
            }
            (NoAnswer::Silent(Silence::New(_)), Peer::LocalGate(gate)) => {
                gate.not_accepted().into()
            }
            (NoAnswer::Silent(Silence::New(Err(words))), _) => self.breach(Breach::Tls(words)),
            (NoAnswer::Silent(_), _) => self.breach(Breach::Closed),
            (NoAnswer::Breach(breach), _) => self.breach(breach),
        }
    }

    fn breach(&self, breach: Breach) -> ApiFailure {
        ApiFailure::Protocol { peer: self.peer.name(), breach }
    }
}

/// A login that is over when we have to be.
async fn in_time<T>(
    login: impl Future<Output = Result<T, LoginFailure>>,
    peer: String,
    deadline: Instant,
) -> Result<T, ApiFailure> {
    match timeout_at(deadline, login).await {
        Ok(login) => Ok(login?),
        Err(_) => Err(ApiFailure::TimedOut { peer, changing: false }),
    }
}
