//! `POST /login` and `POST /logout`: the session by password, and its end.
//!
//! Documented: the body, 204 and the cookie. Seen: the layout of `Set-Cookie`, letter by letter. The
//! refusals are guesses, and so is that it wants the right `Content-Type` to the letter.

use hyper::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::answers::{Answer, Outcome, Refusal};
use super::desk::Call;
use crate::cookie::COOKIE_NAME;

/// Seen: `Wed, 23-Dec-2020 10:16:56 GMT`, with hyphens.
const EXPIRES: &[BorrowedFormatItem<'static>] = format_description!(
    "[weekday repr:short], [day]-[month repr:short]-[year] [hour]:[minute]:[second] GMT"
);

pub(super) fn log_in(call: &Call<'_>) -> Outcome {
    let api = call.api;
    let content_type = call.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new(415, "The body has to be JSON."));
    }
    let body: Value = serde_json::from_slice(&call.body)
        .map_err(|_| Refusal::new(400, "The body is no JSON."))?;
    let field = |name: &str| body.pointer(&format!("/authentication/{name}"))?.as_str();
    let (Some(name), Some(password)) = (field("name"), field("password")) else {
        return Err(Refusal::new(400, "A name and a password are needed."));
    };
    // Seen: both lines, from a client that gave its id; `null` for one that did not is a guess.
    let address = call.line.address.ip();
    api.note(&format!("Login request from client 'null' at '{address}' for user '{name}'"));
    let account = api.options.accounts.iter().find(|account| account.name == name);
    let Some(account) = account.filter(|account| account.password == password) else {
        return Err(Refusal::new(401, "The user name or the password is wrong."));
    };
    if !account.in_group {
        let status = api.options.outsider_status;
        return Err(Refusal::new(status, "The user is not authorized to administer TSM."));
    }
    api.note(&format!("User {name} is authorized"));
    let value = api.open_session(name);
    let header = set_cookie(&value, api.clock().now(), api.sessions().max_age());
    let header = HeaderValue::try_from(header)
        .map_err(|_| Refusal::new(500, "The cookie cannot be written."))?;
    Ok(Answer::empty(204).with(SET_COOKIE, header))
}

/// Seen: no blanks after `;`, no `Domain`, no `SameSite`.
fn set_cookie(value: &str, now: OffsetDateTime, max_age: i32) -> String {
    let ends = now + time::Duration::seconds(i64::from(max_age));
    let ends = ends.format(EXPIRES).expect("a date and time has all that the format names");
    format!("{COOKIE_NAME}={value};Path=/;Expires={ends};Max-Age={max_age};Secure;HttpOnly")
}

pub(super) fn log_out(call: &Call<'_>) -> Answer {
    if call.api.options.logout_ends_session {
        call.cookie.iter().for_each(|value| call.api.sessions().end(value));
    }
    Answer::empty(call.api.options.logout_status)
}

#[cfg(test)]
mod tests;
