//! An operation of TSM's API, from the caller's request to TSM's answer.
//!
//! catalogue → authorize → body → record → TSM, under the gate's session → redact → record. The answer
//! leaves after that, as a whole where secrets were taken out of it, and as it comes otherwise.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, Instant, timeout_at};
use tsmgate_catalogue::api::find::{Match, find};
use tsmgate_catalogue::api::operation::{Body, Method};
use tsmgate_catalogue::api::raw::find_or_raw;
use tsmgate_catalogue::api::refusal::Refusal as NoOperation;
use tsmgate_catalogue::redaction;
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::{self, Caller, Permit};
use tsmgate_gate::policy::Client;
use tsmgate_gate::reason::Reason;

use super::answer::{Answer, Refusal};
use super::document::is_document;
use super::head::{Framing, Head};
use super::redact::redact;
use super::{Asked, Conversation, Reply, fields};
use crate::audit::record::Record;
use crate::backend::api::{Answered, Outgoing};
use crate::digest::sha256;
use crate::house::Snapshot;
use crate::metrics::Side;
use crate::relay::entry::{Call, Entry};
use crate::session::{self, Held};

/// An answer up to this length is read to its end before any of it is passed on, in bytes.
const READ_AHEAD: usize = 256 * 1024;
/// The longest that is waited for that: one that comes bit by bit is passed on so.
const READ_AHEAD_TIME: Duration = Duration::from_secs(1);

/// TSM's answer, as it is to be passed on.
pub(super) struct Stream<'a> {
    pub(super) answered: Answered<'a>,
    /// What was read of its body already.
    pub(super) begin: Vec<u8>,
    /// The session it was got with, which must not leave.
    pub(super) held: Arc<Held>,
    /// The caller's place for a call under way, until the answer is passed on.
    pub(super) permit: Permit,
    /// What it is the answer to.
    pub(super) matched: Match,
}

/// A request that may be made.
struct Allowed {
    matched: Match,
    permit: Permit,
    /// Whether secrets are to be taken out of the answer.
    redacted: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    /// What comes of a request for TSM.
    pub(super) async fn api(&mut self, head: &Head, asked: &Asked) -> Result<Reply<'a>, Refusal> {
        let (house, client) = (self.house, &self.party.caller.client().name);
        let snapshot = house.snapshot();
        let Allowed { matched, permit, redacted } = self.allow(&snapshot, head)?;
        let name = matched.name();
        let of_it = |refusal: Refusal| refusal.of(name);
        let body = self.document(head, matched.body()).await.map_err(of_it)?;
        let matched = matched.with_body(&body);
        // while a body came, what decides may have been read anew
        let snapshot = house.snapshot();
        let still = is_allowed_still(self.party.caller, &snapshot, &matched).map_err(of_it)?;
        let redacted = redacted | still;
        let call = Call::Request(name);
        let about = about(&matched, redacted).append(&asked.about);
        let entry = Entry::open(house, client, call, &about, &permit).await?;
        let outgoing = Outgoing {
            method: method(&matched),
            target: matched.upstream().to_owned(),
            fields: fields::up(head, redacted, !body.is_empty()),
            body: body.into(),
        };
        let deadline = Instant::now() + snapshot.config.http.call;
        let answer = self.ask(&matched, &outgoing, deadline, &permit).await;
        let ready = match answer {
            Ok(answer) => self.ready(&matched, redacted, answer, permit).await,
            Err(reason) => Err(reason),
        };
        let outcome = ready.as_ref().map_err(|reason| *reason).and_then(Ready::outcome);
        let more = ready.as_ref().map_or_else(|_| Record::empty(), Ready::about);
        let on_record = |reason: Reason| Refusal::from(reason).on_record();
        entry.close(outcome, &more).await.map_err(on_record)?;
        match ready {
            Ok(Ready::Whole { answer, permit, redacted: count }) => {
                // the last moment at which it can be kept back
                let caller = self.party.caller;
                match is_allowed_still(caller, &house.snapshot(), &matched) {
                    Ok(secret) if !secret || count.is_some() => {
                        Ok(Reply::Whole(answer, Some(permit)))
                    }
                    _ => Err(of_it(Reason::AnswerWithheld.into())),
                }
            }
            Ok(Ready::Stream(stream)) => Ok(Reply::Stream(stream)),
            Err(Reason::PermissionMissing) => {
                Err(Refusal::lacking(matched.permission()).on_record())
            }
            Err(reason) => Err(on_record(reason)),
        }
    }

    /// An answer as it will leave. Most are read to their end before a byte of them goes: however slowly
    /// they are fetched then, it is not TSM's connection that waits.
    async fn ready(
        &self,
        matched: &Match,
        redacted: bool,
        (mut answered, held): (Answered<'a>, Arc<Held>),
        permit: Permit,
    ) -> Result<Ready<'a>, Reason> {
        // while TSM worked, what decides may have been read anew
        let (caller, snapshot) = (self.party.caller, self.house.snapshot());
        let still = is_allowed_still(caller, &snapshot, matched);
        let redacted = redacted | still.map_err(|_| Reason::AnswerWithheld)?;
        if redacted {
            let (answer, count) = redact(snapshot.config.http, matched, answered, &held).await?;
            return Ok(Ready::Whole { answer, redacted: Some(count), permit });
        }
        let mut begin = Vec::new();
        if answered.length().is_none_or(|length| length <= READ_AHEAD as u64) {
            let whole;
            (begin, whole) = answered.ahead(READ_AHEAD, READ_AHEAD_TIME).await?;
            if whole {
                let (status, fields) =
                    (answered.status, fields::down(&answered.fields, &held.withhold));
                answered.keep().await;
                held.withhold.paint_answer(&mut begin);
                let answer = Answer { status, fields, body: begin.into() };
                return Ok(Ready::Whole { answer, redacted: None, permit });
            }
        }
        // "come again" would be wrong for what was done
        if matched.method() == Method::Get {
            answered.stream().await?;
        }
        let matched = matched.clone();
        Ok(Ready::Stream(Box::new(Stream { answered, begin, held, permit, matched })))
    }

    /// Asks TSM. Where it does not accept the session any more, nothing was done: asks once again with a new
    /// one, and not a second time. What TSM refuses under a new session too is refused for its own sake: that
    /// session stays, and for a while the same request costs nobody's.
    async fn ask(
        &self,
        matched: &Match,
        outgoing: &Outgoing,
        deadline: Instant,
        permit: &Permit,
    ) -> Result<(Answered<'a>, Arc<Held>), Reason> {
        let house = self.house;
        let mut refused: Option<Arc<Held>> = None;
        loop {
            let held = timeout_at(deadline, house.session.hold(house, permit)).await;
            let held = held.map_err(|_| Reason::BackendTimeout)??;
            // while a session was taken, what decides may have been read anew
            is_allowed_still(self.party.caller, &house.snapshot(), matched)
                .map_err(|refusal| refusal.reason)?;
            let begun = Instant::now();
            if begun >= deadline {
                return Err(Reason::BackendTimeout);
            }
            let answered = house.api.ask(&held.snapshot, outgoing, &held.cookie, deadline, permit);
            let answered = answered.await;
            let outcome = answered.as_ref().map(drop).map_err(|reason| *reason);
            house.metrics.asked_tsm(Side::Api, begun.elapsed(), outcome);
            let answered = answered?;
            if answered.status != StatusCode::UNAUTHORIZED {
                return Ok((answered, held));
            }
            // its connection and its turn are free for the next
            drop(answered);
            if let Some(former) = refused {
                house.session.doubt(matched.name());
                // it was not the session: that one would live on
                session::end(house, &former).await;
                return Err(Reason::BackendSessionRefused);
            }
            if house.session.is_doubted(matched.name()) || !house.session.refused(house, &held) {
                return Err(Reason::BackendSessionRefused);
            }
            refused = Some(held);
        }
    }

    /// Whether this is an operation, and one that the caller may ask for now.
    fn allow(&self, snapshot: &Snapshot, head: &Head) -> Result<Allowed, Refusal> {
        let (ledger, caller) = (&self.house.ledger, self.party.caller);
        let entry = caller.entry(&snapshot.policy)?;
        // who asks for what there is not, or may not, uses up its rate as well
        let charged = |refusal| self.charged(refusal);
        if snapshot.config.tsm.api.is_none() {
            return Err(charged((&NoOperation::UnknownOperation).into()));
        }
        let has = |permission: &Permission| entry.role_giving(permission).is_some();
        let matched = match has(&Permission::raw()) {
            true => find_or_raw(&head.method, &head.target),
            false => find(&head.method, &head.target),
        };
        let matched = matched.map_err(|no| charged((&no).into()))?;
        let permission = permission(&entry, &matched)
            .ok_or_else(|| charged(Refusal::lacking(matched.permission()).of(matched.name())))?;
        let permit = permit::authorize(&snapshot.policy, ledger, caller, permission)
            .map_err(|reason| Refusal::from(reason).of(matched.name()))?;
        let redacted = is_redacted(&entry, &matched);
        Ok(Allowed { matched, permit, redacted })
    }

    /// The body, where the operation has one: one JSON document.
    async fn document(&mut self, head: &Head, body: Body) -> Result<Vec<u8>, Refusal> {
        let limit = match (head.framing, body) {
            (Framing::None, _) => return Ok(Vec::new()),
            (_, Body::Empty) => {
                let what = "the operation takes no body";
                return Err(Refusal::body(400, "body_not_allowed", what));
            }
            (_, Body::Json { limit }) => limit,
        };
        let limit = limit.min(self.house.snapshot().config.http.body);
        let body = self.body(head, limit).await?;
        if !body.is_empty() && !is_document(&body) {
            return Err(Refusal::body(400, "body_not_json", "the body is not one JSON document"));
        }
        Ok(body)
    }
}

/// The permission that an operation takes, where the entry has it.
fn permission(entry: &Client, matched: &Match) -> Option<Permission> {
    // a name that `gate` does not know gives nothing
    let permission = matched.permission().parse().ok()?;
    entry.role_giving(&permission).map(|_| permission)
}

/// Whether a request that was allowed is so under this policy too, and whether secrets are to be taken out of
/// its answer.
pub(super) fn is_allowed_still(
    caller: &Caller,
    snapshot: &Snapshot,
    matched: &Match,
) -> Result<bool, Refusal> {
    let entry = caller.entry(&snapshot.policy)?;
    permission(&entry, matched).ok_or_else(|| Refusal::lacking(matched.permission()))?;
    Ok(is_redacted(&entry, matched))
}

/// Whether secrets are taken out of an answer for that entry.
fn is_redacted(entry: &Client, matched: &Match) -> bool {
    matched.holds_secrets() && entry.role_giving(&Permission::secrets()).is_none()
}

/// What both records of a request say.
fn about(matched: &Match, redacted: bool) -> Record {
    let target = matched.upstream();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let raw = matched.operation().is_none();
    // what no row describes may have anything in it, a password too
    let path = if raw && redaction::is_secret(path) { redaction::MARKER } else { path };
    let mut about = Record::empty()
        .text("tsmgate.operation", matched.name())
        .text("http.request.method", matched.method().name())
        .text("url.path", path);
    if raw && !query.is_empty() {
        let keys = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        about = about.text("url.query", &keys.collect::<Vec<_>>().join("&"));
    } else if !query.is_empty() {
        about = about.text("url.query", query);
    }
    if raw {
        // by which it is known all the same, however long it is
        let hash = HEXLOWER.encode(&sha256(target.as_bytes()));
        about = about.text("tsmgate.target.hash.sha256", &hash);
    }
    if matched.holds_secrets() {
        about = about.flag("tsmgate.secrets", !redacted);
    }
    about
}

fn method(matched: &Match) -> hyper::Method {
    match matched.method() {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Delete => hyper::Method::DELETE,
    }
}

/// An answer that is on its way out.
enum Ready<'a> {
    /// All of it; and from how many values the secrets were taken, where they were.
    Whole {
        answer: Answer,
        redacted: Option<usize>,
        permit: Permit,
    },
    Stream(Box<Stream<'a>>),
}

impl Ready<'_> {
    fn status(&self) -> StatusCode {
        match self {
            Self::Whole { answer, .. } => answer.status,
            Self::Stream(stream) => stream.answered.status,
        }
    }

    /// Whether TSM did it.
    fn outcome(&self) -> Result<(), Reason> {
        match self.status().as_u16() {
            ..400 => Ok(()),
            _ => Err(Reason::AnsweredError),
        }
    }

    /// What the outcome's record says of it.
    fn about(&self) -> Record {
        let status = self.status().as_u16().into();
        let record = Record::empty().number("http.response.status_code", status);
        match self {
            Self::Whole { redacted: Some(count), .. } => {
                record.number("tsmgate.redacted", u64::try_from(*count).unwrap_or(u64::MAX))
            }
            _ => record,
        }
    }
}
