//! Which request gets which answer.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{Door, Observed, RELOAD_TIME, visible};
use crate::metrics;

const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const LOOK: &str = "GET, HEAD";
const DO: &str = "POST";

/// What is behind a door.
#[derive(Debug)]
pub(super) struct Desk<O> {
    pub(super) door: Door,
    pub(super) observed: Arc<O>,
    /// The last reload asked for here; held while one runs.
    pub(super) reloaded: Arc<Mutex<Option<Reloaded>>>,
}

#[derive(Debug)]
pub(super) struct Reloaded {
    begun: Instant,
    outcome: Result<(), String>,
}

type Answer = Response<Full<Bytes>>;

#[derive(Debug, Clone, Copy)]
enum Page {
    Metrics,
    Health,
    Readiness,
    Status,
    Reload,
}

impl Page {
    fn at(path: &str, door: Door) -> Option<Self> {
        Some(match (path, door) {
            ("/metrics", _) => Self::Metrics,
            ("/healthz", _) => Self::Health,
            ("/readyz", _) => Self::Readiness,
            ("/status", Door::Status) => Self::Status,
            ("/reload", Door::Status) => Self::Reload,
            _ => return None,
        })
    }

    fn methods(self) -> &'static str {
        if matches!(self, Self::Reload) { DO } else { LOOK }
    }

    fn allows(self, method: &Method) -> bool {
        match self.methods() {
            DO => method == Method::POST,
            _ => method == Method::GET || method == Method::HEAD,
        }
    }
}

impl<O: Observed> Desk<O> {
    pub(super) async fn answer(&self, request: &Request<Incoming>, over_tcp: bool) -> Answer {
        if over_tcp && !is_meant_for_this_host(request) {
            return answer(StatusCode::FORBIDDEN, PLAIN, "this is for the host itself\n");
        }
        let Some(page) = Page::at(request.uri().path(), self.door) else {
            return answer(StatusCode::NOT_FOUND, PLAIN, "there is nothing here\n");
        };
        if !page.allows(request.method()) {
            let mut refusal = answer(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "not in this way\n");
            refusal.headers_mut().insert(ALLOW, HeaderValue::from_static(page.methods()));
            return refusal;
        }
        if !request.body().is_end_stream() {
            return answer(StatusCode::PAYLOAD_TOO_LARGE, PLAIN, "no body is read here\n");
        }
        match page {
            Page::Metrics => {
                let text = self.observed.metrics().text(&self.observed.status());
                answer(StatusCode::OK, metrics::CONTENT_TYPE, text)
            }
            Page::Health => answer(StatusCode::OK, PLAIN, "alive\n"),
            Page::Readiness => self.readiness(),
            Page::Status => match serde_json::to_vec(&self.observed.status()) {
                Ok(json) => answer(StatusCode::OK, JSON, json),
                Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "no status\n"),
            },
            Page::Reload => self.reload().await,
        }
    }

    fn readiness(&self) -> Answer {
        let status = self.observed.status();
        if status.ready {
            return answer(StatusCode::OK, PLAIN, "ready\n");
        }
        let mut reasons: String =
            status.trouble.iter().map(|trouble| visible(trouble) + "\n").collect();
        if reasons.is_empty() {
            reasons.push_str("not ready\n");
        }
        answer(StatusCode::SERVICE_UNAVAILABLE, PLAIN, reasons)
    }

    /// One reload runs at a time, as a task of its own: who goes away while it runs must not leave half
    /// of one. All who asked before it began share its outcome, so that a storm of them is two.
    async fn reload(&self) -> Answer {
        let asked = Instant::now();
        let done = timeout(RELOAD_TIME, async {
            let mut last = Arc::clone(&self.reloaded).lock_owned().await;
            if let Some(Reloaded { begun, outcome }) = &*last
                && *begun > asked
            {
                return Ok(outcome.clone());
            }
            let observed = Arc::clone(&self.observed);
            let reload = tokio::spawn(async move {
                let begun = Instant::now();
                let outcome = observed.reload().await;
                *last = Some(Reloaded { begun, outcome: outcome.clone() });
                outcome
            });
            reload.await
        });
        match done.await {
            Ok(Ok(Ok(()))) => answer(StatusCode::OK, PLAIN, "reloaded\n"),
            Ok(Ok(Err(why))) => answer(StatusCode::UNPROCESSABLE_ENTITY, PLAIN, why + "\n"),
            Ok(Err(_)) => {
                tracing::error!("a reload ended in a panic; please report it");
                answer(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, "the reload broke off\n")
            }
            Err(_) => answer(
                StatusCode::GATEWAY_TIMEOUT,
                PLAIN,
                "the reload is not done after a minute; the log will say how it went\n",
            ),
        }
    }
}

/// A web page can give any name an address of this host, and have a browser here ask for it; the name
/// in the request is then still the page's. Programs on this host have no need for one.
fn is_meant_for_this_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    request.uri().authority().is_none() && host.to_str().is_ok_and(is_this_host)
}

/// `localhost` or a loopback address, with or without a port.
fn is_this_host(host: &str) -> bool {
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (name, rest) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, rest)) => {
            let loopback = |address: Ipv6Addr| address.is_loopback();
            if !address.parse().is_ok_and(loopback) {
                return false;
            }
            ("localhost", rest)
        }
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let ours = name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback());
    ours && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
