//! Requests that no row describes, for who has the permission `api.raw`.
//!
//! The rows go first: a request for one of them takes its permission and its typed values here as well, and
//! what another reader could take for one is refused, so that nobody walks around a row's permission. That
//! holds for other methods on a row's path too: none is known, and what it would do is not either.
//! The rest is held to the same plain bytes and written anew, its answers are redacted, and nothing that
//! could be taken for a session route goes through.

use super::find::{Match, in_table};
use super::loose;
use super::operation::Method;
use super::path::Target;
use super::refusal::Refusal;
use super::value::clean;
use crate::redaction;

/// The permission for what no row describes. Given by name only, covered by no prefix.
pub const RAW: &str = "api.raw";

/// Largest body of a request that no row describes, in bytes: one JSON document.
pub const RAW_BODY_LIMIT: usize = 1024 * 1024;

/// The row that a request means, or else a request that only [`RAW`] covers: below `/api/`, with one of
/// the four methods, each query key once and with a value.
///
/// # Errors
/// Every [`Refusal`]. What a row refuses, for its method, its values, its query or the way in which its path
/// is written, stays refused: another version, another case, an ending such as `.json`, a number such as
/// `007`.
pub fn find_or_raw(method: &[u8], target: &[u8]) -> Result<Match, Refusal> {
    let target = Target::read(target)?;
    match in_table(method, &target) {
        Err(Refusal::UnknownOperation) => raw(method, &target),
        // a word where the row has a number, such as `configurations/pending/keys`
        Err(Refusal::BadSegment(_)) if !loose::fits_a_row(&target.segments) => raw(method, &target),
        answer => answer,
    }
}

fn raw(method: &[u8], target: &Target<'_>) -> Result<Match, Refusal> {
    if target.could_be_session() {
        return Err(Refusal::SessionRoute);
    }
    let Some(("api", below)) = target.segments.split_first().map(|(api, below)| (*api, below))
    else {
        return Err(Refusal::UnknownOperation);
    };
    if below.is_empty() {
        return Err(Refusal::UnknownOperation);
    }
    let method =
        Method::parse(method).ok_or_else(|| Refusal::MethodNotAllowed(Method::ALL.to_vec()))?;
    let mut upstream = "/api".to_owned();
    for segment in below {
        upstream.push('/');
        upstream.push_str(segment);
    }
    let mut secret = redaction::is_secret(&upstream);
    let mut seen: Vec<&str> = Vec::new();
    for (key, value) in &target.query {
        let key = clean_key(key).ok_or(Refusal::UnknownQueryKey)?;
        let value = value.and_then(clean_value).ok_or(Refusal::BadValue(None))?;
        if seen.contains(&key) {
            return Err(Refusal::RepeatedQueryKey);
        }
        upstream.push(if seen.is_empty() { '?' } else { '&' });
        upstream.push_str(key);
        upstream.push('=');
        upstream.push_str(value);
        secret |= redaction::is_secret(key) || redaction::is_secret(value);
        seen.push(key);
    }
    // also where only all of it together is the name
    secret |= redaction::is_secret(&upstream);
    Ok(Match::raw(method, upstream, secret))
}

/// A key begins with a letter: so `_method`, by which frameworks change a request's method, is none.
fn clean_key(bytes: &[u8]) -> Option<&str> {
    clean(bytes).filter(|_| bytes.first().is_some_and(u8::is_ascii_alphabetic))
}

/// Plain words, also several, with commas or colons between them.
fn clean_value(bytes: &[u8]) -> Option<&str> {
    let words = bytes.split(|byte| matches!(byte, b',' | b':'));
    let all_clean = words.into_iter().all(|word| clean(word).is_some());
    std::str::from_utf8(bytes).ok().filter(|_| all_clean)
}
