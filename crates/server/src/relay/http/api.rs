//! An operation of TSM's API, from the caller's request to TSM's answer.
//!
//! catalogue → authorize → body → record → TSM, under the gate's session → redact → record. The answer
//! leaves after that, as a whole where secrets were taken out of it, and as it comes otherwise.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde::de::IgnoredAny;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Duration, Instant, timeout_at};
use tsmgate_catalogue::api::find::{Match, find};
use tsmgate_catalogue::api::operation::Body;
use tsmgate_catalogue::api::raw::find_or_raw;
use tsmgate_catalogue::api::refusal::Refusal as NoOperation;
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit::{self, Permit};
use tsmgate_gate::policy::Client;
use tsmgate_gate::reason::Reason;

use super::answer::{Answer, Refusal};
use super::head::{Framing, Head};
use super::{Asked, Conversation, Reply, fields};
use crate::audit::record::Record;
use crate::backend::api::{Answered, Outgoing};
use crate::config::HttpLimits;
use crate::house::{House, Snapshot};
use crate::metrics::Side;
use crate::relay::entry::{Call, Entry};
use crate::session::Held;

/// TSM's answer, as it is to be passed on.
pub(super) struct Stream<'a> {
    pub(super) answered: Answered<'a>,
    /// The session it was got with, which must not leave.
    pub(super) held: Arc<Held>,
    /// The caller's place for a call under way, until the answer is passed on.
    pub(super) permit: Permit,
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
        let of_it = |refusal: Refusal| refusal.of(matched.name());
        let body = self.document(head, matched.body()).await.map_err(of_it)?;
        // while a body came, what decides may have been read anew
        let snapshot = house.snapshot();
        let redacted = redacted | self.is_allowed_still(&snapshot, &matched).map_err(of_it)?;
        let call = Call::Request(matched.name());
        let counted = |reason: Reason| {
            call.count(house, client, Err(reason));
            Refusal::from(reason)
        };
        let about = about(&matched, redacted).append(&asked.about);
        let entry = Entry::open(house, client, call, &about, &permit).await.map_err(counted)?;
        let outgoing = Outgoing {
            method: method(&matched),
            target: matched.upstream().to_owned(),
            fields: fields::up(head, redacted, !body.is_empty()),
            body: body.into(),
        };
        let begun = Instant::now();
        let answer = ask(house, snapshot.config.http.call, &outgoing, &permit).await;
        let asked_of = answer.as_ref().map(drop).map_err(|reason| *reason);
        house.metrics.asked_tsm(Side::Api, begun.elapsed(), asked_of);
        let answer = match answer {
            Ok((answered, held)) if redacted => {
                redact(&snapshot, &matched, answered, &held).await.map(Ready::Whole)
            }
            Ok((answered, held)) => Ok(Ready::Stream(Box::new(Stream { answered, held, permit }))),
            Err(reason) => Err(reason),
        };
        let outcome = answer.as_ref().map_err(|reason| *reason).and_then(Ready::outcome);
        let record = match &answer {
            Ok(ready) => ready.about(call.ended(outcome)),
            Err(_) => call.ended(outcome),
        };
        entry.close(record).await.map_err(counted)?;
        call.count(house, client, outcome);
        match answer {
            Ok(Ready::Whole(Redacted { answer, .. })) => Ok(Reply::Whole(answer)),
            Ok(Ready::Stream(stream)) => Ok(Reply::Stream(stream)),
            Err(reason) => Err(Refusal::from(reason).on_record()),
        }
    }

    /// Whether this is an operation, and one that the caller may ask for now.
    fn allow(&self, snapshot: &Snapshot, head: &Head) -> Result<Allowed, Refusal> {
        let (ledger, caller) = (&self.house.ledger, self.party.caller);
        let entry = caller.entry(&snapshot.policy)?;
        // who asks for what there is not, or may not, uses up its rate as well
        let charged = |refusal: Refusal| match ledger.charge_request(&entry) {
            Ok(_) => refusal,
            Err(reason) => reason.into(),
        };
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

    /// Whether a request that was allowed is so under this policy too, and whether secrets are to be taken
    /// out of its answer.
    fn is_allowed_still(&self, snapshot: &Snapshot, matched: &Match) -> Result<bool, Refusal> {
        let entry = self.party.caller.entry(&snapshot.policy)?;
        permission(&entry, matched).ok_or_else(|| Refusal::lacking(matched.permission()))?;
        Ok(is_redacted(&entry, matched))
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
        let body = self.body(head, limit).await?;
        let json = body.is_empty() || serde_json::from_slice::<IgnoredAny>(&body).is_ok();
        if !json {
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

/// Whether secrets are taken out of an answer for that entry.
fn is_redacted(entry: &Client, matched: &Match) -> bool {
    matched.holds_secrets() && entry.role_giving(&Permission::secrets()).is_none()
}

/// What both records of a request say.
fn about(matched: &Match, redacted: bool) -> Record {
    let target = matched.upstream();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut about = Record::empty()
        .text("tsmgate.operation", matched.name())
        .text("http.request.method", matched.method().name())
        .text("url.path", path);
    if !query.is_empty() {
        about = about.text("url.query", &recorded_query(matched, query));
    }
    if matched.holds_secrets() {
        about = about.flag("tsmgate.secrets", !redacted);
    }
    about
}

/// A query as it may be recorded: what no row describes may have anything for a value, a password too.
fn recorded_query<'a>(matched: &Match, query: &'a str) -> Cow<'a, str> {
    match matched.operation() {
        Some(_) => Cow::Borrowed(query),
        None => {
            let keys = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
            Cow::Owned(keys.collect::<Vec<_>>().join("&"))
        }
    }
}

fn method(matched: &Match) -> hyper::Method {
    use tsmgate_catalogue::api::operation::Method;
    match matched.method() {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Delete => hyper::Method::DELETE,
    }
}

/// Asks TSM, within `most`. Where it does not accept the session any more, nothing was done: asks once
/// again with a new one, and not a second time.
async fn ask<'a>(
    house: &'a House,
    most: Duration,
    outgoing: &Outgoing,
    permit: &Permit,
) -> Result<(Answered<'a>, Arc<Held>), Reason> {
    let deadline = Instant::now() + most;
    for _ in 0..2 {
        let held = house.session.hold(house, permit).await?;
        let answered = house.api.ask(&held.snapshot, outgoing, &held.cookie, deadline, permit);
        let answered = answered.await?;
        if answered.status != StatusCode::UNAUTHORIZED {
            return Ok((answered, held));
        }
        // its connection and its turn are free for the next
        drop(answered);
        if !house.session.refused(house, &held) {
            break;
        }
    }
    Err(Reason::BackendSessionRefused)
}

/// An answer that is on its way out.
enum Ready<'a> {
    Whole(Redacted),
    Stream(Box<Stream<'a>>),
}

/// An answer without its secrets.
struct Redacted {
    answer: Answer,
    count: usize,
}

impl Ready<'_> {
    fn status(&self) -> StatusCode {
        match self {
            Self::Whole(redacted) => redacted.answer.status,
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

    fn about(&self, record: Record) -> Record {
        let record = record.number("http.response.status_code", self.status().as_u16().into());
        match self {
            Self::Whole(Redacted { count, .. }) => {
                record.number("tsmgate.redacted", u64::try_from(*count).unwrap_or(u64::MAX))
            }
            Self::Stream(_) => record,
        }
    }
}

/// Reads an answer whole and takes the secrets out of it. What goes out was written anew.
async fn redact(
    snapshot: &Snapshot,
    matched: &Match,
    mut answered: Answered<'_>,
    held: &Held,
) -> Result<Redacted, Reason> {
    let limits = snapshot.config.http;
    let deadline = Instant::now() + limits.call;
    let whole = timeout_at(deadline, whole(&mut answered, limits)).await;
    let whole = whole.map_err(|_| Reason::BackendTimeout)??;
    let status = answered.status;
    let mut fields = fields_down(&answered.fields, held);
    answered.keep().await;
    if whole.is_empty() {
        return Ok(Redacted { answer: Answer { status, fields, body: Bytes::new() }, count: 0 });
    }
    let mut json = serde_json::from_slice(&whole).map_err(|_| Reason::AnswerNotRedactable)?;
    let count = matched.redact(&mut json);
    let mut body = serde_json::to_vec(&json).map_err(|_| Reason::AnswerNotRedactable)?;
    held.withhold.paint(&mut body);
    // whatever TSM called it, that is what it is now
    fields.retain(|(name, _)| name != "content-type");
    fields.push(("content-type".into(), "application/json".to_owned()));
    Ok(Redacted { answer: Answer { status, fields, body: body.into() }, count })
}

/// All of an answer's body, where it is not larger than is read whole.
async fn whole(answered: &mut Answered<'_>, limits: HttpLimits) -> Result<Vec<u8>, Reason> {
    let mut whole = Vec::new();
    while let Some(part) = answered.part(limits.call).await? {
        if part.len() > limits.redacted_answer.saturating_sub(whole.len()) {
            return Err(Reason::AnswerNotRedactable);
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole)
}

/// The fields that pass down, as our own.
pub(super) fn fields_down(fields: &HeaderMap, held: &Held) -> Vec<(Cow<'static, str>, String)> {
    fields::down(fields, &held.withhold)
        .map(|(name, value)| (Cow::Owned(name.to_owned()), value.to_owned()))
        .collect()
}
