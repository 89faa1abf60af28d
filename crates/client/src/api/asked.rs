//! A request before it is sent: a method, a path that somebody checked, perhaps a body.
//!
//! Its headers are the few that TSM and a gate look at. No `Origin` and no `Referer`: TSM takes them for a
//! browser's, and no client that is in use sends them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, HeaderValue, USER_AGENT};
use tsmgate_catalogue::api::operation::Method;

use super::Peer;

/// Who asks.
const AGENT: &str = concat!("tsmgate/", env!("CARGO_PKG_VERSION"));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request before it is sent. It does not show itself: its body may be a password or a cookie.
pub(super) struct Asked<'a> {
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    /// One JSON document.
    pub(super) body: Option<Bytes>,
}

impl Asked<'_> {
    /// Whether it changes nothing, so that it may be asked twice.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::Get.name()
    }

    /// As it is sent to this peer, with the session's header where there is one.
    pub(super) fn request(
        &self,
        peer: &Peer,
        cookie: Option<HeaderValue>,
    ) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(HOST, peer.host())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, JSON);
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, JSON);
        }
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        request.body(Full::new(self.body.clone().unwrap_or_default())).ok()
    }
}
