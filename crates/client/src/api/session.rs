//! The session at a controller itself: taken by name and password, carried in a header, ended.
//!
//! The cookie is read strictly: one, of the right name, of characters that a header can carry. Password
//! and cookie are wiped when dropped. The HTTP library's own buffers, through which they pass, are freed
//! and not wiped, as those of TLS are.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{HeaderValue, SET_COOKIE};
use tsmgate_catalogue::api::PREFIX;
use tsmgate_wire::{Cookie, Secret};
use zeroize::{Zeroize, Zeroizing};

use super::failure::Breach;
use crate::json::push_text;

/// The name of TSM's cookie.
const NAME: &str = "AUTH_COOKIE";
/// Its lifetime in seconds where TSM does not tell; TSM's default (documented).
const LIFETIME: i32 = 7200;

/// Where a session is had by password.
pub(super) fn login_path() -> String {
    format!("{PREFIX}/login")
}

/// Where a session is ended.
pub(super) fn logout_path() -> String {
    format!("{PREFIX}/logout")
}

/// The body of a login.
pub(super) fn login_body(name: &str, password: &Secret) -> Bytes {
    // the full size from the start: a buffer that grows leaves copies behind
    let room = 64 + 6 * (name.len() + password.expose().len());
    let mut body = Zeroizing::new(String::with_capacity(room));
    body.push_str("{\"authentication\":{\"name\":");
    push_text(&mut body, name);
    body.push_str(",\"password\":");
    push_text(&mut body, password.expose());
    body.push_str("}}");
    wiped(body)
}

/// The body that has a gate end a session: `{"cookie":"VALUE"}`.
pub(super) fn cookie_body(cookie: &Secret) -> Bytes {
    let mut body = Zeroizing::new(String::with_capacity(16 + 6 * cookie.expose().len()));
    body.push_str("{\"cookie\":");
    push_text(&mut body, cookie.expose());
    body.push('}');
    wiped(body)
}

/// The header that carries a session.
pub(super) fn header(cookie: &Cookie) -> Option<HeaderValue> {
    let (name, value) = (cookie.name(), cookie.value().expose());
    let mut text = Zeroizing::new(String::with_capacity(name.len() + 1 + value.len()));
    text.push_str(name);
    text.push('=');
    text.push_str(value);
    let mut header = HeaderValue::from_maybe_shared(wiped(text)).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The cookie of a login's answer. The layout is TSM's (seen): the pair first, then attributes.
pub(super) fn cookie(headers: &HeaderMap) -> Result<Cookie, Breach> {
    let mut found = headers.get_all(SET_COOKIE).iter().filter_map(|header| {
        let (pair, attributes) = split(header.as_bytes(), b';');
        let (name, value) = split(pair, b'=');
        (name == NAME.as_bytes()).then_some((value, attributes))
    });
    let (Some((value, attributes)), None) = (found.next(), found.next()) else {
        return Err(Breach::NoCookie);
    };
    let value = std::str::from_utf8(value).map_err(|_| Breach::NoCookie)?;
    let max_age = max_age(attributes).ok_or(Breach::NoCookie)?;
    Cookie::new(NAME.to_owned(), Secret::new(value.to_owned()), max_age)
        .map_err(|_| Breach::NoCookie)
}

fn max_age(attributes: &[u8]) -> Option<i32> {
    let mut ages = attributes.split(|byte| *byte == b';').filter_map(|attribute| {
        let (name, value) = split(attribute.trim_ascii(), b'=');
        name.eq_ignore_ascii_case(b"max-age").then_some(value)
    });
    match (ages.next(), ages.next()) {
        (None, _) => Some(LIFETIME),
        (Some(age), None) => std::str::from_utf8(age).ok()?.parse().ok(),
        _ => None,
    }
}

/// What stands before and after the first `at`.
fn split(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == at);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Bytes that are wiped when the last who holds them lets go.
pub(super) fn wiped<T: AsRef<[u8]> + Zeroize + Send + 'static>(text: Zeroizing<T>) -> Bytes {
    struct Held<T: Zeroize>(Zeroizing<T>);
    impl<T: AsRef<[u8]> + Zeroize> AsRef<[u8]> for Held<T> {
        fn as_ref(&self) -> &[u8] {
            (*self.0).as_ref()
        }
    }
    Bytes::from_owner(Held(text))
}

#[cfg(test)]
mod tests;
