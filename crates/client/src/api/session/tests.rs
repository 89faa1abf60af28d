//! What a cookie is, and what is none; and that nothing of it is shown.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

fn of(lines: &[&str]) -> Result<Cookie, Breach> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(SET_COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    cookie(&headers)
}

#[test]
fn the_layout_of_tsm_is_read() {
    let captured = "AUTH_COOKIE=eyJh..b.c-d_e=;Path=/;Expires=Wed, 23-Dec-2020 10:16:56 GMT;\
                    Max-Age=7200;Secure;HttpOnly";
    let cookie = of(&["other=1;Path=/", captured]).unwrap();
    assert_eq!((cookie.value().expose(), cookie.max_age()), ("eyJh..b.c-d_e=", 7200));
    assert_eq!(of(&["AUTH_COOKIE=v"]).unwrap().max_age(), 7200);
    assert_eq!(of(&["AUTH_COOKIE=v; max-age=60"]).unwrap().max_age(), 60);
}

#[test]
fn what_is_no_single_usable_cookie_is_refused() {
    for lines in [
        &[][..],
        &["AUTH_COOKIE"],
        &["AUTH_COOKIE="],
        &["auth_cookie=v"],
        &[" AUTH_COOKIE=v"],
        &["AUTH_COOKIE =v"],
        &["AUTH_COOKIE=v", "AUTH_COOKIE=w"],
        &["AUTH_COOKIE=a b"],
        &["AUTH_COOKIE=\"v\""],
        &["AUTH_COOKIE=v,w"],
        &["AUTH_COOKIE=v\u{e9}"],
        &["AUTH_COOKIE=v;Max-Age=0"],
        &["AUTH_COOKIE=v;Max-Age=-1"],
        &["AUTH_COOKIE=v;Max-Age=soon"],
        &["AUTH_COOKIE=v;Max-Age=1;Max-Age=2"],
    ] {
        assert_eq!(of(lines).unwrap_err(), Breach::NoCookie, "{lines:?}");
    }
}

#[test]
fn bodies_are_json_whatever_the_password() {
    let password = Secret::new("p\"a\\s\u{1}ß\u{1f600}".into());
    let body = login_body("a\"nna", &password);
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let wanted = serde_json::json!({
        "authentication": { "name": "a\"nna", "password": password.expose() }
    });
    assert_eq!(json, wanted);
    let json: serde_json::Value = serde_json::from_slice(&cookie_body(&password)).unwrap();
    assert_eq!(json, serde_json::json!({ "cookie": password.expose() }));
}

/// R39: a session's header does not show itself.
#[test]
fn the_header_is_marked_as_a_secret() {
    let header = header(&of(&["AUTH_COOKIE=SECRET"]).unwrap()).unwrap();
    assert!(header.is_sensitive());
    assert!(!format!("{header:?}").contains("SECRET"));
    assert_eq!(header.as_bytes(), b"AUTH_COOKIE=SECRET");
}
