//! Which fields of a header pass, up to TSM and down to the caller: these, and nothing else.
//!
//! No name is matched but by being written here, so that no alias (`X_Forwarded_For`) is taken for
//! another. A range is never asked for: in pieces a cookie or a password would not be known as one.

use std::borrow::Cow;

use hyper::HeaderMap;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_DISPOSITION, CONTENT_LANGUAGE, CONTENT_TYPE,
    HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};

use super::head::Head;
use super::withhold::Withhold;

/// Up, as the caller sent them, where they are [`is_plain`].
const UP: &[HeaderName] = &[ACCEPT, ACCEPT_LANGUAGE];
/// Down, as TSM sent them.
const DOWN: &[HeaderName] =
    &[CONTENT_TYPE, CONTENT_DISPOSITION, CONTENT_LANGUAGE, RETRY_AFTER, LOCATION];
/// The longest value that passes, in bytes.
const VALUE_LIMIT: usize = 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What goes up with a request. Answers are always asked for unencoded, for they are looked through.
pub fn up(head: &Head, json_alone: bool, has_body: bool) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(8);
    for name in UP {
        let value = head.only(name.as_str()).filter(|value| is_plain(value));
        if let Some(Ok(value)) = value.map(HeaderValue::from_bytes) {
            fields.insert(name, value);
        }
    }
    if json_alone || !fields.contains_key(ACCEPT) {
        fields.insert(ACCEPT, JSON);
    }
    if has_body {
        fields.insert(CONTENT_TYPE, JSON);
    }
    fields.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    fields
}

/// What comes down with an answer. Nothing in which the session is; no way to anywhere but TSM's API.
pub(super) fn down(fields: &HeaderMap, withhold: &Withhold) -> Vec<(Cow<'static, str>, String)> {
    let passing = DOWN.iter().filter_map(|name| {
        let value = fields.get(name).filter(|value| passes(value.as_bytes()))?;
        let elsewhere = *name == LOCATION && !value.as_bytes().starts_with(b"/api/");
        if elsewhere || withhold.is_in(value.as_bytes()) {
            return None;
        }
        Some((Cow::Borrowed(name.as_str()), value.to_str().ok()?.to_owned()))
    });
    passing.collect()
}

/// Names of media and of languages, with weights. No more than these take: what is logged over there is
/// not always only logged (`${jndi:…}`).
fn is_plain(value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" ,;=/*.+-_".contains(byte);
    (1..=VALUE_LIMIT).contains(&value.len()) && value.iter().all(plain)
}

fn passes(value: &[u8]) -> bool {
    value.len() <= VALUE_LIMIT && value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}
