//! Methods that are not the operation's, and fields that would make another of them.

use tests::http::Http;

use super::{Cases, GOOD, OTHER, STATUS, Then, none};

/// R57, R59: a method is compared byte for byte; CONNECT, TRACE and the like are nobody's
#[tokio::test]
async fn other_methods_are_refused() {
    let cases = Cases::start().await;
    let method = none(405, "method_not_allowed");
    let path = none(400, "bad_path");
    for (first, said) in [
        ("CONNECT gate:443", path),
        ("CONNECT /api/0.5/status", method),
        ("TRACE /api/0.5/status", method),
        ("TRACE *", path),
        ("OPTIONS *", path),
        ("OPTIONS /api/0.5/status", method),
        ("PATCH /api/0.5/other", method),
        ("get /api/0.5/status", method),
        ("Get /api/0.5/other", method),
        ("GETT /api/0.5/other", method),
        ("GE /api/0.5/other", method),
        ("PROPFIND /api/0.5/other", method),
        ("PRI /api/0.5/other", method),
        ("DEBUG /v1/whoami", method),
        ("POST /v1/whoami", method),
        ("GET /v1/logout", method),
        ("get /v1/whoami", method),
    ] {
        let request = format!("{first} HTTP/1.1\r\nHost: gate\r\n\r\n");
        cases.refused(request, said, Then::GoesOn).await;
    }
    cases.control(GOOD, 200, &[STATUS, STATUS]).await;
}

/// R57, R60: no field and no query key makes another method, path or host of a request
#[tokio::test]
async fn nothing_overrides_a_request() {
    let cases = Cases::start().await;
    for key in ["_method=DELETE", "_HttpMethod=PUT", "-x=1", ".x=1"] {
        let request = format!("GET {OTHER}?{key} HTTP/1.1\r\nHost: gate\r\n\r\n");
        cases.refused(request, none(400, "unknown_query_key"), Then::GoesOn).await;
    }
    let lines = "X-HTTP-Method-Override: POST\r\nX-HTTP-Method: POST\r\nX-Method-Override: POST\r\n\
        X_HTTP_Method_Override: POST\r\nX-Original-URL: /api/0.5/disable\r\n\
        X-Rewrite-URL: /api/0.5/disable\r\nX-Forwarded-Host: other\r\n";
    let request = format!("GET {STATUS} HTTP/1.1\r\nHost: gate\r\n{lines}\r\n");
    cases.control(request, 200, &[STATUS, STATUS]).await;
    for request in cases.scene.api().requests() {
        assert_eq!(request.method, "GET");
        assert_eq!(request.headers.iter().filter(|(name, _)| name.starts_with('x')).count(), 0);
    }
}

/// R57: a browser is refused whatever could change something: its page may be anybody's
#[tokio::test]
async fn another_site_changes_nothing() {
    let cases = Cases::start().await;
    let said = (403, "cross_site", "cross_site", None);
    for origin in ["https://evil.example", "https://gate", "null", ""] {
        for first in ["POST /api/0.5/disable", "DELETE /api/0.5/other", "POST /v1/logout"] {
            let request = format!("{first} HTTP/1.1\r\nHost: gate\r\nOrigin: {origin}\r\n\r\n");
            cases.refused(request, said, Then::GoesOn).await;
        }
    }
    // what only reads is answered, for the page cannot see it; and TSM does not hear of the page
    let reads =
        format!("GET {STATUS} HTTP/1.1\r\nHost: gate\r\nOrigin: https://evil.example\r\n\r\n");
    cases.control(reads, 200, &[STATUS, STATUS]).await;
    assert_eq!(cases.scene.api().requests()[0].header("origin"), None);
    let (_, peer) = cases.client();
    let stopped = Http::open(&peer).await.unwrap().ask("POST", "/api/0.5/disable", "", b"").await;
    assert_eq!(stopped.unwrap().status, 200, "the twin without an origin");
}
