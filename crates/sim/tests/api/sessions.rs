//! Sessions: from the socket, from a password, their layout, their end, and who is turned away.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tsmsim::{ApiOptions, Simulator, SimulatorOptions};

use super::Stage;

const CALL: &[u8] = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00";

/// A cookie from the login socket.
async fn passwordless(tsm: &Simulator) -> String {
    let socket = tsm.socket().to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(CALL).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    let cookie = tsm.cookies().pop().unwrap();
    assert!(answer.windows(cookie.len()).any(|window| window == cookie.as_bytes()));
    cookie
}

fn with_cookie(cookie: &str) -> String {
    format!("Cookie: AUTH_COOKIE={cookie}\r\n")
}

#[tokio::test]
async fn a_cookie_of_the_socket_opens_the_api_until_its_time_is_over() {
    let stage = Stage::new().await;
    let cookie = passwordless(&stage.tsm).await;
    let ask = async || stage.ask_with("GET", "status", &with_cookie(&cookie)).await;
    assert_eq!(ask().await.status, 200);
    stage.api().clock().advance(Duration::from_secs(7190));
    assert_eq!(ask().await.status, 200, "using it does not end it");
    stage.api().clock().advance(Duration::from_secs(11));
    let ended = ask().await;
    assert_eq!((ended.status, ended.detail().is_empty()), (401, false));
    let seen = stage.tsm.requests();
    assert!(seen.iter().all(|request| request.cookie.as_deref() == Some(&cookie)));
    let authorized: Vec<_> = seen.iter().map(|request| request.authorized).collect();
    assert_eq!(authorized, [true, true, false]);
    assert_eq!(stage.tsm.counts().requests, 3);
}

#[tokio::test]
async fn a_password_gives_a_cookie_laid_out_as_the_real_one() {
    let stage = Stage::new().await;
    let answer = stage.log_in("anna", "a password").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let header = answer.header("set-cookie").unwrap();
    let cookie = stage.tsm.cookies().pop().unwrap();
    let (start, rest) = header.split_once(";Path=/;Expires=").unwrap();
    assert_eq!(start, format!("AUTH_COOKIE={cookie}"));
    let (date, rest) = rest.split_once(";Max-Age=").unwrap();
    assert_eq!(rest, "7200;Secure;HttpOnly");
    let shape: String = date
        .chars()
        .map(|letter| match letter {
            '0'..='9' => '0',
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            other => other,
        })
        .collect();
    assert_eq!(shape, "Aaa, 00-Aaa-0000 00:00:00 AAA");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("x-content-type-options", "nosniff"),
        ("x-xss-protection", "1; mode=block"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(answer.headers(name), [value], "{name}");
    }
    assert_eq!(stage.ask_with("GET", "nodes", &with_cookie(&cookie)).await.status, 200);
    let log = stage.tsm.journal().join("\n");
    assert!(
        log.contains("at '127.0.0.1' for user 'anna'") && log.contains("User anna is authorized")
    );
    assert!(!log.contains(&cookie));
}

#[tokio::test]
async fn a_login_is_refused_to_who_is_nobody_or_an_outsider() {
    let stage = Stage::new().await;
    for (name, password, status) in
        [("anna", "wrong", 401), ("nobody", "a password", 401), ("otto", "a password", 403)]
    {
        let answer = stage.log_in(name, password).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (status, None));
        assert!(!answer.detail().contains("a password"));
    }
    let plain = stage.ask_with("POST", "login", "Content-Type: text/plain\r\n").await;
    assert_eq!(plain.status, 415);
    let json = "Content-Type: application/json;charset=utf-8\r\n";
    assert_eq!(stage.ask_with("POST", "login", json).await.status, 400);
    assert!(stage.tsm.cookies().is_empty());
    let strict = Stage::with(|api| api.outsider_status = 401).await;
    assert_eq!(strict.log_in("otto", "a password").await.status, 401);
}

#[tokio::test]
async fn without_a_session_there_is_401_also_where_there_is_nothing() {
    let stage = Stage::new().await;
    for (method, path) in
        [("GET", "status"), ("POST", "disable"), ("GET", "nowhere"), ("PUT", "status")]
    {
        for headers in ["", "Cookie: AUTH_COOKIE=eyJ..a.b.c\r\n", "Cookie: OTHER=1\r\n"] {
            assert_eq!(stage.ask_with(method, path, headers).await.status, 401, "{method} {path}");
        }
    }
    assert_eq!(stage.api().jobs(), [], "nothing was done");
    let mute = Stage::with(|api| api.unauthorized_body = false).await;
    let answer = mute.ask_with("GET", "status", "").await;
    assert_eq!((answer.status, answer.body.len()), (401, 0));
}

#[tokio::test]
async fn junk_beside_the_cookie_does_no_harm() {
    let stage = Stage::new().await;
    let cookie = stage.api().open_session("anna");
    for headers in [
        // as the execd of the vendor's partner sends it
        format!("Cookie: AUTH_COOKIE={cookie}; HttpOnly; Secure; Path=/; Domain=localhost\r\n"),
        format!("Cookie: a=b;;=; ;AUTH_COOKIE={cookie};c\r\n"),
        format!("Cookie: XAUTH_COOKIE=no; AUTH_COOKIES=no\r\nCookie: AUTH_COOKIE={cookie}\r\n"),
    ] {
        assert_eq!(stage.ask_with("GET", "status", &headers).await.status, 200, "{headers}");
    }
    let first = format!("Cookie: AUTH_COOKIE=other; AUTH_COOKIE={cookie}\r\n");
    assert_eq!(stage.ask_with("GET", "status", &first).await.status, 401);
}

#[tokio::test]
async fn a_logout_ends_the_session_unless_it_is_told_not_to() {
    for (status, ends) in [(200, true), (204, false)] {
        let stage = Stage::with(|api| {
            api.logout_status = status;
            api.logout_ends_session = ends;
        })
        .await;
        let cookie = stage.api().open_session("anna");
        let headers = with_cookie(&cookie);
        assert_eq!(stage.ask_with("POST", "logout", &headers).await.status, status);
        let after = if ends { 401 } else { 200 };
        assert_eq!(stage.ask_with("GET", "status", &headers).await.status, after);
        assert_eq!(stage.api().is_open(&cookie), !ends);
    }
}

#[tokio::test]
async fn sessions_outlive_a_restart_but_not_a_new_key() {
    let stage = Stage::new().await;
    let cookie = stage.api().open_session("anna");
    let address = stage.api().address();
    stage.tsm.restart().await.unwrap();
    assert_eq!(stage.api().address(), address);
    assert_eq!(stage.ask_with("GET", "status", &with_cookie(&cookie)).await.status, 200);
    stage.api().end_sessions();
    assert_eq!(stage.ask_with("GET", "status", &with_cookie(&cookie)).await.status, 401);
}

#[tokio::test]
async fn another_origin_may_look_but_not_touch() {
    let stage = Stage::new().await;
    let cookie = with_cookie(&stage.api().open_session("anna"));
    let host = stage.host();
    for (lines, status) in [
        (String::new(), 200),
        (format!("Origin: https://{host}\r\n"), 200),
        (format!("Referer: https://{host}/page\r\n"), 200),
        ("Origin: https://evil.example\r\n".to_owned(), 403),
        ("Origin: null\r\n".to_owned(), 403),
        (format!("Referer: https://evil.example/{host}\r\n"), 403),
    ] {
        let headers = format!("{cookie}{lines}");
        assert_eq!(stage.ask_with("POST", "cleanup", &headers).await.status, status, "{lines}");
        assert_eq!(stage.ask_with("GET", "status", &headers).await.status, 200, "{lines}");
    }
    let open = Stage::with(|api| api.csrf_protection = false).await;
    let cookie = with_cookie(&open.api().open_session("anna"));
    let headers = format!("{cookie}Origin: https://evil.example\r\n");
    assert_eq!(open.ask_with("POST", "cleanup", &headers).await.status, 200);
}

#[tokio::test]
async fn the_life_of_a_session_is_a_matter_of_options_and_the_same_at_both_doors() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SimulatorOptions::new(folder.path().join("login"));
    options.session_lifetime = Duration::from_secs(60);
    options.api = Some(ApiOptions::default());
    let clock = options.clock.clone();
    let tsm = Simulator::start(options).await.unwrap();
    let cookie = tsm.api().unwrap().open_session("anna");
    clock.advance(Duration::from_secs(59));
    assert!(tsm.api().unwrap().is_open(&cookie));
    clock.advance(Duration::from_secs(2));
    assert!(!tsm.api().unwrap().is_open(&cookie));
}
