//! Bodies whose end could be told in two ways. Whoever believes the other way would serve what is hidden
//! behind them.

use super::{Cases, GOOD, OTHER, STATUS, Then, bad, post};

/// R59: two lengths, two framings, a framing that is not chunked, in every order and writing
#[tokio::test]
async fn two_ways_to_tell_the_end_are_refused() {
    const BOTH: &str = "Content-Length and Transfer-Encoding stand together";
    const TWICE: &str = "Content-Length stands twice";
    const NUMBER: &str = "a Content-Length that is not a number";
    const CODING: &str = "a Transfer-Encoding other than chunked";
    const CONTROL: &str = "the value of a field has control bytes";
    let cases = Cases::start().await;
    for (lines, what) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", BOTH),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", BOTH),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", BOTH),
        ("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", BOTH),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", TWICE),
        ("Content-Length: 5\r\nContent-Length: 0\r\n", TWICE),
        ("Content-Length: 0\r\ncontent-LENGTH: 5\r\n", TWICE),
        ("Content-Length: 5, 5\r\n", NUMBER),
        ("Content-Length: +5\r\n", NUMBER),
        ("Content-Length: -5\r\n", NUMBER),
        ("Content-Length: 0x5\r\n", NUMBER),
        ("Content-Length: 5 0\r\n", NUMBER),
        ("Content-Length:\r\n", NUMBER),
        ("Content-Length: 99999999999999999999\r\n", NUMBER),
        ("Content-Length: 18446744073709551616\r\n", NUMBER),
        ("Content-Length: \u{0665}\r\n", NUMBER),
        ("Content-Length: 5\u{c}\r\n", CONTROL),
        ("Transfer-Encoding: gzip\r\n", CODING),
        ("Transfer-Encoding: gzip, chunked\r\n", CODING),
        ("Transfer-Encoding: chunked, gzip\r\n", CODING),
        ("Transfer-Encoding: chunked, chunked\r\n", CODING),
        ("Transfer-Encoding: xchunked\r\n", CODING),
        ("Transfer-Encoding: chunked;a=b\r\n", CODING),
        ("Transfer-Encoding: \"chunked\"\r\n", CODING),
        ("Transfer-Encoding: identity\r\n", CODING),
        ("Transfer-Encoding:\r\n", CODING),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CODING),
        ("Transfer-Encoding: x\r\ntransfer-encoding: chunked\r\n", CODING),
        ("Transfer-Encoding: \u{b}chunked\r\n", CONTROL),
        ("Transfer-Encoding: chunked\u{c}\r\n", CONTROL),
        ("Transfer-Encoding: chunked\r\r\n", CONTROL),
        ("Transfer-Encoding: \rchunked\r\n", CONTROL),
    ] {
        cases.refused(post(lines, "0\r\n\r\n"), bad(what), Then::Ends).await;
    }
    for (lines, what) in [
        ("Transfer-Encoding: chunked\r\n", "Transfer-Encoding in HTTP/1.0"),
        ("Transfer-Encoding: identity\r\n", "Transfer-Encoding in HTTP/1.0"),
        (
            "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding in HTTP/1.0",
        ),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", BOTH),
    ] {
        let old = format!("POST {OTHER} HTTP/1.0\r\n{lines}\r\n0\r\n\r\n");
        cases.refused(old, bad(what), Then::Ends).await;
    }
    // each way by itself
    let length = post("Content-Length: 2\r\n", "{}");
    cases.control(length, 400, &[OTHER, STATUS]).await;
    let chunks = post("Transfer-Encoding:\tCHUNKED \r\n", "2\r\n{}\r\n0\r\n\r\n");
    cases.control(chunks, 400, &[OTHER, STATUS, OTHER, STATUS]).await;
}

/// R59: a request that is refused before its body was read ends the connection: nobody can tell a body
/// that is hidden in it from the next request
#[tokio::test]
async fn what_hides_in_the_body_of_a_refused_request_is_not_served() {
    let cases = Cases::of("[\"monitor\"]", "").await;
    let length = format!("Content-Length: {}\r\n", GOOD.len());
    let chunked = "Transfer-Encoding: chunked\r\n".to_owned();
    let unread = |code| (400, code, "body_refused", Some("the operation takes no body"));
    let of_ours = (400, "body_not_allowed", "body_refused", Some("the route takes no body"));
    let method = super::none(405, "method_not_allowed");
    for lines in [length, chunked] {
        for (first, said) in [
            ("GET /api/0.5/status", unread("body_not_allowed")),
            ("POST /api/0.5/status", method),
            ("GET /api/0.5/nothing", super::none(404, "unknown_operation")),
            ("GET /api/0.5/stat%75s", super::none(400, "bad_path")),
            ("POST /api/0.5/login", super::none(403, "session_route")),
            ("POST /api/0.5/disable", (403, "not_permitted", "permission_missing", None)),
            ("GET /v1/whoami", of_ours),
            ("POST /v1/whoami", method),
            ("POST /v1/logout", (403, "not_permitted", "permission_missing", None)),
        ] {
            let head = format!("{first} HTTP/1.1\r\nHost: gate\r\n{lines}\r\n");
            // behind it comes the good request, as its body or as the next
            cases.refused(head, said, Then::Ends).await;
        }
        let head = format!("POST {STATUS} HTTP/1.1\r\nHost: gate\r\nOrigin: null\r\n{lines}\r\n");
        cases.refused(head, (403, "cross_site", "cross_site", None), Then::Ends).await;
    }
    cases.control(GOOD, 200, &[STATUS, STATUS]).await;
}

/// R59: what was read as a body is no request, also where the body is then refused
#[tokio::test]
async fn a_body_that_was_read_is_not_read_again() {
    let cases = Cases::start().await;
    let said = (400, "body_not_json", "body_refused", Some("the body is not one JSON document"));
    let length = post(&format!("Content-Length: {}\r\n", GOOD.len()), GOOD);
    cases.refused(length, said, Then::GoesOn).await;
    let chunk = format!("{:x}\r\n{GOOD}\r\n0\r\n\r\n", GOOD.len());
    let chunked = post("Transfer-Encoding: chunked\r\n", &chunk);
    cases.refused(chunked, said, Then::GoesOn).await;
    for body in ["{}{}", "{} x", "nul", "{\"a\":1,}", "'a'", "\u{feff}{}", "[1"] {
        let request = post(&format!("Content-Length: {}\r\n", body.len()), body);
        cases.refused(request, said, Then::GoesOn).await;
    }
    // fields that are not the ones they look like say nothing of a body
    let twins = "Content_Length: 5\r\nTransfer_Encoding: chunked\r\nX-Content-Length: 5\r\n";
    let twins = format!("GET {STATUS} HTTP/1.1\r\nHost: gate\r\n{twins}\r\n");
    cases.control(twins, 200, &[STATUS, STATUS]).await;
    let json = post("Content-Length: 9\r\n", "{\"a\": 1 }");
    cases.control(json, 400, &[STATUS, STATUS, OTHER, STATUS]).await;
}
