//! Paths and queries that mean one thing here and could mean another at TSM.

use tests::http::Http;

use super::{Cases, GOOD, STATUS, Said, Then, none};

/// A request for a target, refused; the connection goes on.
async fn refused(cases: &Cases, method: &str, target: &str, said: Said<'_>) {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: gate\r\n\r\n");
    cases.refused(request, said, Then::GoesOn).await;
}

/// Targets that nobody may have, whatever his permissions.
const TRICKS: &[&str] = &[
    // escapes, once and twice, of what need not be and of what would be another path
    "/api/0.5/%73tatus",
    "/api/0.5/statu%73",
    "/api/0.5/%2573tatus",
    "/api/0.5%2fstatus",
    "/api/0.5%2Fstatus",
    "/api/0.5%5cstatus",
    "/api/0.5/status%00",
    "/api/0.5/status%00.json",
    "/api/0.5/status%20",
    "/api/0.5/status%0d%0a",
    "/api/0.5/status%3fa=b",
    "/api/0.5/status%23",
    "/api/0.5/status%3b",
    "/api/0.5/status%3B.json",
    "/api/0.5/status%",
    "/api/0.5/%c0%ae%c0%ae/0.5/status",
    "/api/0.5/%u002e/status",
    "/api/0.5/%ff",
    "/%61pi/0.5/status",
    // dots
    "/api/0.5/./status",
    "/api/0.5/../0.5/status",
    "/api/0.5/x/../status",
    "/api/0.5/..",
    "/api/0.5/.",
    "/api/0.5/%2e/status",
    "/api/0.5/%2e%2e/0.5/status",
    "/api/0.5/.%2e/0.5/status",
    "/api/0.5/x%2f..%2fstatus",
    "/api/0.5/%252e%252e/0.5/status",
    "/api/0.5/..;/0.5/status",
    "/api/0.5/..%3b/status",
    "/api/0.5/...",
    "/api/0.5/.status",
    "/api/0.5/status.",
    "/api/0.5/status..json",
    "/../api/0.5/status",
    // slashes
    "//api/0.5/status",
    "/api//0.5/status",
    "/api/0.5//status",
    "/api/0.5/status/",
    "/api/0.5/status//",
    "/api/0.5/",
    "/",
    "//",
    "///",
    "//gate/api/0.5/status",
    // other separators
    "/api/0.5/status;",
    "/api/0.5/status;a=b",
    "/api/0.5;a=b/status",
    "/;/api/0.5/status",
    "/api/0.5/status;.json",
    "/api\\0.5\\status",
    "\\api\\0.5\\status",
    "/api/0.5/..\\status",
    "/api/0.5/status#",
    "/api/0.5/status#a",
    "/api/0.5/status#?a",
    "#",
    "/#/api/0.5/status",
    "/api/0.5/status,a",
    "/api/0.5/status:a",
    "/api/0.5/status~",
    "/api/0.5/status+",
    "/api/0.5/status*",
    "/api/0.5/status|a",
    "/api/0.5/{status}",
    "/api/0.5/'status'",
    "/api/0.5/status\"",
    "/api/0.5/<a>",
    "/api/0.5/status@gate",
    "/api/0.5/status&a=b",
    "/api/0.5/status=a",
    "/api/0.5/$status",
    // case
    "/API/0.5/status",
    "/Api/0.5/status",
    "/api/0.5/Status",
    "/api/0.5/STATUS",
    "/api/0.5/asyncjobs",
    // other forms
    "http://gate/api/0.5/status",
    "https://gate/api/0.5/status",
    "HTTP://GATE/api/0.5/status",
    "http:/api/0.5/status",
    "http:///api/0.5/status",
    "gate:443",
    "gate",
    "*",
    "api/0.5/status",
    "?",
    "?/api/0.5/status",
    "@gate/api/0.5/status",
    ":80/api/0.5/status",
];

/// R57: escapes, dots, slashes, other separators, other case and other forms are refused, not cleaned;
/// also for who may ask for paths that no row describes
#[tokio::test]
async fn path_tricks_are_refused() {
    let (plain, raw) = (Cases::of("[\"monitor\"]", "").await, Cases::start().await);
    for target in TRICKS {
        for cases in [&plain, &raw] {
            refused(cases, "GET", target, none(400, "bad_path")).await;
        }
    }
    for cases in [plain, raw] {
        cases.control(GOOD, 200, &[STATUS, STATUS]).await;
    }
}

/// R57: a query has the keys of its operation, each once, with a value of its kind
#[tokio::test]
async fn query_tricks_are_refused() {
    let (plain, raw) = (Cases::of("[\"monitor\"]", "").await, Cases::start().await);
    for (target, code) in [
        ("/api/0.5/status?", "unknown_query_key"),
        ("/api/0.5/status??", "unknown_query_key"),
        ("/api/0.5/status?=", "unknown_query_key"),
        ("/api/0.5/status?a=b", "unknown_query_key"),
        ("/api/0.5/status?&", "unknown_query_key"),
        ("/api/0.5/status?jobTimeoutSeconds=5", "unknown_query_key"),
        ("/api/0.5/status?status=Failed", "unknown_query_key"),
        ("/api/0.5/asyncJobs?", "unknown_query_key"),
        ("/api/0.5/asyncJobs??status=Failed", "unknown_query_key"),
        ("/api/0.5/asyncJobs?Status=Failed", "unknown_query_key"),
        ("/api/0.5/asyncJobs?%73tatus=Failed", "unknown_query_key"),
        ("/api/0.5/asyncJobs?status[]=Failed", "unknown_query_key"),
        ("/api/0.5/asyncJobs?status=Failed&", "unknown_query_key"),
        ("/api/0.5/asyncJobs?&status=Failed", "unknown_query_key"),
        ("/api/0.5/asyncJobs?status=Failed&a=b", "unknown_query_key"),
        ("/api/0.5/asyncJobs?status=Failed&=", "unknown_query_key"),
        ("/api/0.5/asyncJobs?status=Failed&status=Failed", "repeated_query_key"),
        ("/api/0.5/asyncJobs?status=Failed&status=Running", "repeated_query_key"),
        ("/api/0.5/asyncJobs?status", "bad_value"),
        ("/api/0.5/asyncJobs?status=", "bad_value"),
        ("/api/0.5/asyncJobs?status=failed", "bad_value"),
        ("/api/0.5/asyncJobs?status==Failed", "bad_value"),
        ("/api/0.5/asyncJobs?status=Fai%6ced", "bad_value"),
        ("/api/0.5/asyncJobs?status=Failed,Running", "bad_value"),
        ("/api/0.5/asyncJobs?status=Failed;a=b", "bad_value"),
        ("/api/0.5/asyncJobs?status=Failed#a", "bad_value"),
        ("/api/0.5/asyncJobs?status=Failed?a=b", "bad_value"),
        ("/api/0.5/asyncJobs?status=*", "bad_value"),
        ("/api/0.5/asyncJobs?status=../../x", "bad_value"),
    ] {
        for cases in [&plain, &raw] {
            refused(cases, "GET", target, none(400, code)).await;
        }
    }
    for (target, code) in [
        ("/api/0.5/other?", "unknown_query_key"),
        ("/api/0.5/other??a=b", "unknown_query_key"),
        ("/api/0.5/other?a=b&a=b", "repeated_query_key"),
        ("/api/0.5/other?a", "bad_value"),
        ("/api/0.5/other?a=%00", "bad_value"),
        ("/api/0.5/other?a=b/c", "bad_value"),
        ("/api/0.5/other?a=..", "bad_value"),
    ] {
        refused(&raw, "GET", target, none(400, code)).await;
    }
    let good = "GET /api/0.5/asyncJobs?status=Failed HTTP/1.1\r\nHost: gate\r\n\r\n";
    for cases in [plain, raw] {
        cases.control(good, 200, &["/api/0.5/asyncJobs?status=Failed", STATUS]).await;
    }
}

/// R57: a value in a path is one of its kind, written in the one way there is; and 2048 bytes are enough
#[tokio::test]
async fn values_and_lengths_are_checked() {
    let cases = Cases::of("[\"monitor\"]", "").await;
    for job in ["01", "-1", "1e3", "0x1", "1_0", "9223372036854775808", "1.0", "a"] {
        let target = format!("/api/0.5/asyncJobs/{job}");
        refused(&cases, "GET", &target, none(400, "bad_segment")).await;
    }
    for job in ["+1", "1;2", "%31", "1%20", "1,2"] {
        refused(&cases, "GET", &format!("/api/0.5/asyncJobs/{job}"), none(400, "bad_path")).await;
    }
    let long = |length: usize| format!("/{}", "a".repeat(length - 1));
    refused(&cases, "GET", &long(2048), none(404, "unknown_operation")).await;
    for length in [2049, 4000, 15_000] {
        refused(&cases, "GET", &long(length), none(400, "target_too_long")).await;
    }
    for target in ["/api", "/api/0.5", "/api/0.4/nothing", "/v1", "/v1/Whoami", "/x"] {
        refused(&cases, "GET", target, none(404, "unknown_operation")).await;
    }
    for target in ["/api/0.4/status", "/api/v1/status", "/api/0.5/status.json"] {
        refused(&cases, "GET", target, none(400, "bad_path")).await;
    }
    for target in ["/v1/whoami/", "/v1//whoami", "/v1/./whoami", "/v1/%77hoami", "/v1/whoami;a"] {
        refused(&cases, "GET", target, none(400, "bad_path")).await;
    }
    let good = "GET /api/0.5/asyncJobs/1 HTTP/1.1\r\nHost: gate\r\n\r\n";
    cases.control(good, 404, &["/api/0.5/asyncJobs/1", STATUS]).await;
}

/// R57: the routes of sessions are nobody's, in whatever writing, also for who may ask for any other path
#[tokio::test]
async fn session_routes_are_nobodys() {
    let cases = Cases::start().await;
    for target in [
        "/api/0.5/login",
        "/api/0.5/logout",
        "/api/0.5/bootstrap",
        "/api/0.5/Login",
        "/api/0.5/LOGOUT",
        "/api/0.5/BootStrap",
        "/api/0.5/login.json",
        "/api/0.5/json.login",
        "/api/0.5/log-in",
        "/api/0.5/log.in",
        "/api/0.5/log_out",
        "/api/0.5/l0o9g1in",
        "/api/0.5/login/x",
        "/api/0.5/x/login",
        "/api/0.5/relogin",
        "/api/0.5/loginx",
        "/api/0.4/login",
        "/api/login",
        "/login",
        "/v1/login",
        "/api/0.5/login?a=b",
        "/v1/logout?a=b",
        "/v1/logout.json",
        "/v1/Logout",
    ] {
        for method in ["POST", "GET"] {
            refused(&cases, method, target, none(403, "session_route")).await;
        }
    }
    for target in [
        "/api/0.5/%6cogin",
        "/api/0.5/login/",
        "/api/0.5//login",
        "/api/0.5/login;a",
        "/api/0.5/./login",
        "/api/0.5/status/../login",
        "/api/0.5/login%2f",
        "/api/0.5/login%00",
    ] {
        refused(&cases, "POST", target, none(400, "bad_path")).await;
    }
    let (_, peer) = cases.client();
    let mut http = Http::open(&peer).await.unwrap();
    assert_eq!(http.ask("POST", "/api/0.5/other", "", b"").await.unwrap().status, 404);
    assert_eq!(cases.seen(), ["/api/0.5/other"], "the twin goes to TSM");
}
