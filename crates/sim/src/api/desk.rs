//! One request from its header to its answer: who is it, what is it for, what comes of it.
//!
//! In the order of the real one, as far as that is known: the session first, so that a stranger learns
//! of no path whether it is there. Reads a body only when the session is good.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{ALLOW, COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN, REFERER};
use hyper::http::request::Parts;
use hyper::{Request, Response};

use super::answers::{Answer, Outcome, Refusal};
use super::content::Content;
use super::misbehave::ApiBehaviour;
use super::record::{Line, RequestEntry};
use super::routes::{self, Found, Operation, Route};
use super::spoil;
use super::wire::Spoiler;
use super::{Api, login, operations};
use crate::cookie::COOKIE_NAME;

/// The longest body that is taken, in bytes; a guess.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// What an operation may look at.
pub(super) struct Call<'a> {
    pub(super) api: &'a Api,
    pub(super) line: &'a Line,
    pub(super) head: &'a Parts,
    pub(super) query: Vec<(String, String)>,
    pub(super) variables: Vec<String>,
    pub(super) body: Vec<u8>,
    pub(super) cookie: Option<String>,
}

impl Call<'_> {
    /// A value of the query.
    pub(super) fn argument(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The part of the path at a place marked `*`.
    pub(super) fn variable(&self, place: usize) -> &str {
        self.variables.get(place).map_or("", String::as_str)
    }
}

/// Answers one request, as the next behaviour says. `None`: never.
pub(super) async fn answer(
    api: &Api,
    line: &Line,
    spoiler: &Spoiler,
    request: Request<Incoming>,
) -> Option<Response<Content>> {
    let behaviour = api.next_behaviour();
    let (head, body) = request.into_parts();
    let cookie = session_cookie(&head.headers);
    let authorized = cookie.as_deref().is_some_and(|value| api.sessions().user(value).is_some());
    let path = head.uri.path();
    let found = routes::find(&head.method, path, api.options.assumed_routes);
    let route = match &found {
        Found::Route(route, _) => Some(*route),
        _ => None,
    };
    let entry = line.request(&head, cookie.clone(), authorized, route.map(Route::name));
    match behaviour {
        ApiBehaviour::Silent => {
            // what comes is read, so that it is seen; a body that breaks off changes nothing
            let _ = read(body, &entry, usize::MAX).await;
            return None;
        }
        ApiBehaviour::Delay(pause) => tokio::time::sleep(pause).await,
        _ => {}
    }
    let answer = match spoil::instead(&behaviour) {
        Some(answer) => answer,
        None => {
            let query = routes::query(head.uri.query());
            let variables = match &found {
                Found::Route(_, variables) => variables.clone(),
                _ => Vec::new(),
            };
            let call = Call {
                api,
                line,
                head: &head,
                query,
                variables,
                body: Vec::new(),
                cookie: cookie.clone(),
            };
            let loses = behaviour == ApiBehaviour::LoseSession;
            let outcome = honest(call, &found, authorized, loses, body, &entry).await;
            outcome.unwrap_or_else(|refusal| Answer::error(refusal.status, refusal.detail))
        }
    };
    entry.answered(answer.status.as_u16());
    let planted = cookie.or_else(|| api.newest_cookie()).unwrap_or_default();
    let mut answer = answer;
    if answer.status == 401 && !api.options.unauthorized_body {
        answer = Answer::empty(401);
    }
    Some(spoil::spoil(answer, &behaviour, &planted, api.options.full_errors, spoiler))
}

async fn honest(
    mut call: Call<'_>,
    found: &Found,
    authorized: bool,
    loses: bool,
    body: Incoming,
    entry: &RequestEntry,
) -> Outcome {
    let route = match found {
        Found::Route(route, _) => Some(route),
        _ => None,
    };
    let open = route.is_some_and(|route| route.operation == Operation::Login);
    if !open && !authorized {
        return Err(Refusal::new(401, "The session is missing or has ended."));
    }
    let route = match (route, found) {
        (Some(route), _) => route,
        (None, Found::OtherMethod(methods)) => return Ok(other_method(methods)),
        // Guess: the words.
        (None, _) => return Err(Refusal::new(404, "There is no such resource.")),
    };
    if call.api.options.csrf_protection && route.changes() && is_foreign(&call.head.headers) {
        return Err(Refusal::new(403, "The request comes from another origin."));
    }
    if loses {
        let mut body = body;
        if let Some(Ok(frame)) = body.frame().await
            && let Some(bytes) = frame.data_ref()
        {
            entry.body(bytes);
        }
        call.cookie.iter().for_each(|value| call.api.sessions().end(value));
        return Err(Refusal::new(401, "The session has ended."));
    }
    call.body = read(body, entry, BODY_LIMIT).await?;
    if route.operation == Operation::Login {
        return login::log_in(&call);
    }
    operations::operate(route.operation, &call)
}

async fn read(mut body: Incoming, entry: &RequestEntry, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::new(400, "The body broke off."))?;
        let Some(bytes) = frame.data_ref() else { continue };
        entry.body(bytes);
        if whole.len() + bytes.len() > limit {
            return Err(Refusal::new(413, "The body is too long."));
        }
        if limit != usize::MAX {
            whole.extend_from_slice(bytes);
        }
    }
    entry.body_complete();
    Ok(whole)
}

fn other_method(methods: &[&str]) -> Answer {
    let answer = Answer::error(405, "The resource does not know this method.");
    match HeaderValue::try_from(methods.join(", ")) {
        Ok(methods) => answer.with(ALLOW, methods),
        Err(_) => answer,
    }
}

/// The first pair of that name. Seen: other pairs in the header do no harm, `Path=/` among them.
fn session_cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).map(str::trim);
    let value = pairs.find_map(|pair| pair.strip_prefix(COOKIE_NAME)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}

/// A guess: what the guard against other origins looks at. A client that says nothing passes (seen).
fn is_foreign(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    [ORIGIN, REFERER].into_iter().filter_map(|name| headers.get(name)).any(|value| {
        let url = value.to_str().unwrap_or_default();
        let authority = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        !authority.eq_ignore_ascii_case(host)
    })
}
