//! Which bytes are an operation: every row by its own path, and every trick that makes a path mean two
//! things.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use tsmgate_catalogue::api::find::find;
use tsmgate_catalogue::api::operation::{Body, Method, Operation};
use tsmgate_catalogue::api::raw::{RAW, find_or_raw};
use tsmgate_catalogue::api::refusal::Refusal;
use tsmgate_catalogue::api::value::Kind;

fn found(method: &str, target: &str) -> Result<(&'static str, String), Refusal> {
    let request = find(method.as_bytes(), target.as_bytes())?;
    Ok((request.name(), request.upstream().to_owned()))
}

fn raw(method: &str, target: &str) -> Result<(&'static str, String), Refusal> {
    let request = find_or_raw(method.as_bytes(), target.as_bytes())?;
    Ok((request.permission(), request.upstream().to_owned()))
}

#[test]
fn good_requests_find_their_row_and_are_written_from_it() {
    for (method, target, name) in [
        ("GET", "/status", "status"),
        ("GET", "/serverInfo", "server-info"),
        ("GET", "/nodes", "nodes"),
        ("GET", "/nodes/node1", "node"),
        ("GET", "/ports", "ports"),
        ("GET", "/ports?jobTimeoutSeconds=30", "ports"),
        ("GET", "/topologies", "topologies"),
        ("GET", "/topologies/requested/version", "topology-version"),
        ("GET", "/topologies/7", "topology"),
        ("GET", "/repository/currentMaster", "repository-master"),
        ("GET", "/asyncJobs", "jobs"),
        ("GET", "/asyncJobs?status=Running", "jobs"),
        ("GET", "/asyncJobs/latest", "latest-job"),
        ("GET", "/asyncJobs/0", "job"),
        ("GET", "/asyncJobs/9223372036854775807", "job"),
        ("PUT", "/asyncJobs/12/cancel", "cancel-job"),
        ("POST", "/enable", "start"),
        ("POST", "/disable?jobTimeoutSeconds=300", "stop"),
        ("POST", "/restart", "restart"),
        ("POST", "/backupFixedFile?writePath=night_2024-05-01.tsbak", "backup"),
        ("POST", "/restoreFixedFile?fixedFile=night.tsbak&jobTimeoutSeconds=0", "restore"),
        ("POST", "/cleanup?logFilesRetentionSeconds=86400&deleteLogFiles=true", "cleanup"),
        ("GET", "/configurations/requested/version", "configuration-version"),
        ("GET", "/configurations/3/keys", "configuration"),
        ("GET", "/configurations/3/keys/ssl.cert.file_name", "configuration-key"),
        ("GET", "/export?includeBinaryVersion=true", "export"),
        ("GET", "/supportInfo", "support-info"),
        ("POST", "/reindex-search", "reindex-search"),
        ("GET", "/licensing", "licensing"),
        ("GET", "/licensing/productKeys", "product-keys"),
        ("POST", "/licensing/registration", "registration"),
    ] {
        let target = format!("/api/0.5{target}");
        assert_eq!(found(method, &target), Ok((name, target.clone())), "{method} {target}");
    }
}

#[test]
fn the_query_is_written_in_the_order_of_the_row() {
    let target = "/api/0.5/backupFixedFile?jobTimeoutSeconds=60&skipVerification=false&writePath=b";
    let upstream =
        "/api/0.5/backupFixedFile?writePath=b&skipVerification=false&jobTimeoutSeconds=60";
    assert_eq!(found("POST", target), Ok(("backup", upstream.to_owned())));
}

/// Each trick, by the name under which it is known, and a target that would get past a lax reader.
const TRICKS: &[(&str, &[u8])] = &[
    ("dot segments (CVE-2019-9901)", b"/api/0.5/status/../export"),
    ("dot segments at the start", b"/../api/0.5/status"),
    ("dot segments at the end", b"/api/0.5/status/nodes/.."),
    ("one dot", b"/api/0.5/./status"),
    ("three dots", b"/api/0.5/.../status"),
    ("dots within a name", b"/api/0.5/nodes/a..b"),
    ("a dot at the end of a name", b"/api/0.5/status."),
    ("escaped dots (CVE-2025-32431)", b"/api/0.5/status/%2e%2e/export"),
    ("escaped dots, mixed", b"/api/0.5/status/.%2E/export"),
    ("dots escaped twice", b"/api/0.5/status/%252e%252e/export"),
    ("escaped slash (CVE-2021-29492)", b"/api/0.5/status%2f..%2fexport"),
    ("escaped backslash (CVE-2025-66490)", b"/api/0.5/status%5c..%5cexport"),
    ("escaped semicolon (CVE-2025-66490)", b"/api/0.5/status%3bexport"),
    ("escaped question mark (CVE-2025-66490)", b"/api/0.5/status%3fa=b"),
    ("escaped number sign (CVE-2025-66490)", b"/api/0.5/status%23"),
    ("escaped NUL (CVE-2025-66490)", b"/api/0.5/status%00"),
    ("an escaped letter", b"/api/0.5/stat%75s"),
    ("an escaped digit of a number", b"/api/0.5/asyncJobs/1%32"),
    ("an overlong dot", b"/api/0.5/%c0%ae%c0%ae/export"),
    ("a broken escape", b"/api/0.5/status%"),
    ("an escape of IIS", b"/api/0.5/%u002e%u002e/export"),
    ("number sign (CVE-2021-32779, CVE-2023-45539)", b"/api/0.5/status#/../export"),
    ("number sign before the query", b"/api/0.5/export#?a=b"),
    ("doubled slash", b"/api/0.5//status"),
    ("doubled slash in front, an authority to some", b"//host/api/0.5/status"),
    ("slash at the end", b"/api/0.5/status/"),
    ("slash at the end, before the query", b"/api/0.5/backupFixedFile/?writePath=b"),
    ("matrix parameter", b"/api/0.5/status;a=b"),
    ("matrix parameter with dots", b"/api/0.5/status/..;/export"),
    ("session in a parameter", b"/api/0.5/export;jsessionid=1"),
    ("backslash", b"/api/0.5/status\\..\\export"),
    ("backslash for a slash", b"\\api\\0.5\\status"),
    ("NUL", b"/api/0.5/status\0"),
    ("NUL and more", b"/api/0.5/status\0/export"),
    ("line break", b"/api/0.5/status\r\nX: y"),
    ("tab", b"/api/0.5/status\t"),
    ("DEL", b"/api/0.5/status\x7f"),
    ("blank", b"/api/0.5/status HTTP/1.1"),
    ("not ASCII", "/api/0.5/ſtatus".as_bytes()),
    ("fullwidth", "/api/0.5/ｓtatus".as_bytes()),
    ("not UTF-8", b"/api/0.5/status\xff"),
    ("a dot of Latin-1's high half", b"/api/0.5/\xae\xae/export"),
    ("absolute form", b"https://localhost:8850/api/0.5/status"),
    ("absolute form, another scheme", b"file:///api/0.5/status"),
    ("authority form", b"localhost:8850"),
    ("asterisk form", b"*"),
    ("no slash in front", b"api/0.5/status"),
    ("empty", b""),
    ("only a query", b"?a=b"),
    ("only a slash", b"/"),
    ("another case (CVE-2026-27587)", b"/api/0.5/STATUS"),
    ("another case of one letter", b"/api/0.5/asyncjobs/1/cancel"),
    ("another case of the prefix", b"/API/0.5/export"),
    ("a value in another place", b"/api/0.5/nodes/node1:8850"),
    ("at sign", b"/api/0.5/nodes/user@host"),
    ("braces of a template", b"/api/0.5/nodes/{NodeId}"),
    ("tilde", b"/api/0.5/nodes/~root"),
    ("plus for a blank", b"/api/0.5/nodes/a+b"),
];

/// R57: each known way to make a path mean two things is refused, with and without `api.raw`
#[test]
fn tricks_are_refused_and_not_cleaned() {
    for (name, target) in TRICKS {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let refused = find(method.as_bytes(), target);
            assert_eq!(refused, Err(Refusal::BadPath), "{name}, {method}");
            assert_eq!(find_or_raw(method.as_bytes(), target), refused, "{name}, {method}, raw");
        }
    }
}

/// R57: no path that gives or ends a session is found, in whatever version, case, place or disguise
#[test]
fn sessions_are_out_of_reach() {
    for target in [
        "/api/0.5/login",
        "/api/0.5/logout",
        "/api/0.5/bootstrap",
        "/api/0.5/LOGIN",
        "/api/0.5/Logout",
        "/api/0.5/BootStrap",
        "/api/1.0/login",
        "/api/v1/login",
        "/api/login",
        "/api/0.5/login.json",
        "/api/0.5/x/login",
        "/api/0.5/login/x",
        "/api/0.5/log-in",
        "/api/0.5/passwordLessLogin",
        "/api/0.5/login?a=b",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "HEAD"] {
            assert_eq!(found(method, target), Err(Refusal::SessionRoute), "{method} {target}");
            assert_eq!(raw(method, target), Err(Refusal::SessionRoute), "{method} {target}, raw");
        }
    }
    for target in [
        "/api/0.5/%6cogin",
        "/api/0.5/login/",
        "/api/0.5//login",
        "/api/0.5/login;a",
        "/api/0.5/x/../login",
        "/api/0.5/login%20",
        "/api/0.5/ⅼogin",
    ] {
        assert_eq!(raw("POST", target), Err(Refusal::BadPath), "{target}");
    }
}

#[test]
fn what_has_no_row_is_unknown() {
    for target in [
        "/status",
        "/api",
        "/api/0.5",
        "/api/0.50/x",
        "/api/0.5/status/nodes",
        "/api/1.0/deployments",
        "/api/0.5/deployments",
        "/api/0.5/configurations/pending",
        "/admin/systeminfo.xml",
        "/v1/whoami",
    ] {
        assert_eq!(found("GET", target), Err(Refusal::UnknownOperation), "{target}");
    }
}

#[test]
fn a_value_of_the_path_is_of_its_kind_or_refused() {
    for (target, kind) in [
        ("/asyncJobs/x", Kind::JobId),
        ("/asyncJobs/007", Kind::JobId),
        ("/asyncJobs/-1", Kind::JobId),
        ("/asyncJobs/1e3", Kind::JobId),
        ("/asyncJobs/0x1", Kind::JobId),
        ("/asyncJobs/9223372036854775808", Kind::JobId),
        ("/asyncJobs/99999999999999999999999", Kind::JobId),
        ("/topologies/requested", Kind::Version),
        ("/configurations/pending/keys", Kind::Version),
        ("/nodes/-node1", Kind::NodeId),
        ("/nodes/node1.local", Kind::NodeId),
        ("/configurations/1/keys/-x", Kind::ConfigurationKey),
    ] {
        let target = format!("/api/0.5{target}");
        assert_eq!(found("GET", &target), Err(Refusal::BadSegment(kind)), "{target}");
    }
    let long = format!("/api/0.5/nodes/{}", "n".repeat(65));
    assert_eq!(found("GET", &long), Err(Refusal::BadSegment(Kind::NodeId)));
    assert!(found("GET", long.trim_end_matches("nn")).is_ok());
}

#[test]
fn a_row_has_one_method() {
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "get", "", "GET\0"] {
        let refused = Err(Refusal::MethodNotAllowed(vec![Method::Get]));
        assert_eq!(found(method, "/api/0.5/export"), refused, "{method}");
    }
}

/// R57: a query has the keys of its row, each once, each with a value of its kind
#[test]
fn queries_are_as_the_row_has_them() {
    let backup = "/api/0.5/backupFixedFile";
    for (query, refusal) in [
        ("?", Refusal::UnknownQueryKey),
        ("?a=b", Refusal::UnknownQueryKey),
        ("?WritePath=b", Refusal::UnknownQueryKey),
        ("?write%50ath=b", Refusal::UnknownQueryKey),
        ("?writePath[]=b", Refusal::UnknownQueryKey),
        ("?_method=DELETE", Refusal::UnknownQueryKey),
        ("?writePath=b&", Refusal::UnknownQueryKey),
        ("?&writePath=b", Refusal::UnknownQueryKey),
        ("??writePath=b", Refusal::UnknownQueryKey),
        ("?writePath=b&writePath=c", Refusal::RepeatedQueryKey),
        ("?writePath=b&writePath=b", Refusal::RepeatedQueryKey),
        ("?skipVerification=TRUE", Refusal::BadValue(Some(Kind::Flag))),
        ("?skipVerification=1", Refusal::BadValue(Some(Kind::Flag))),
        ("?skipVerification", Refusal::BadValue(Some(Kind::Flag))),
        ("?jobTimeoutSeconds=-1", Refusal::BadValue(Some(Kind::Seconds))),
        ("?jobTimeoutSeconds=2147483648", Refusal::BadValue(Some(Kind::Seconds))),
        ("?jobTimeoutSeconds=1;skipVerification=true", Refusal::BadValue(Some(Kind::Seconds))),
    ] {
        assert_eq!(found("POST", &format!("{backup}{query}")), Err(refusal.clone()), "{query}");
        assert_eq!(raw("POST", &format!("{backup}{query}")), Err(refusal), "{query}, raw");
    }
    for path in [
        "",
        "/etc/passwd",
        "../b",
        "..",
        ".",
        ".b",
        "a/b",
        "a\\b",
        "C:b",
        "a..b",
        "b%00",
        "b%2fc",
        "%2e%2e%2fb",
        "a b",
        "a+b",
        "a#b",
        "a\u{e9}",
        "-rf",
        "b.",
        "$(id)",
        "b=c",
        "b\0",
    ] {
        let target = format!("{backup}?writePath={path}");
        let refused = Err(Refusal::BadValue(Some(Kind::FileName)));
        assert_eq!(found("POST", &target), refused, "{path}");
    }
    assert_eq!(found("GET", "/api/0.5/status?a=b"), Err(Refusal::UnknownQueryKey));
    let status = "/api/0.5/asyncJobs?status=running";
    assert_eq!(found("GET", status), Err(Refusal::BadValue(Some(Kind::JobStatus))));
}

#[test]
fn what_is_too_long_is_not_looked_at() {
    let long = format!("/api/0.5/{}", "a".repeat(2048 - 8));
    assert_eq!(found("GET", &long), Err(Refusal::TooLong));
    assert_eq!(raw("GET", &long), Err(Refusal::TooLong));
    assert!(raw("GET", &long[..2048]).is_ok());
}

/// R57: `api.raw` reaches other paths below `/api/`, under the same rules and written anew
#[test]
fn raw_reaches_what_has_no_row_and_only_that() {
    for (method, target) in [
        ("POST", "/api/0.5/deployments?ignoreWarnings=true&jobTimeoutSeconds=600"),
        ("GET", "/api/0.5/configurations/pending/keys"),
        ("DELETE", "/api/0.5/configurations/pending"),
        ("GET", "/api/0.5/topologies/pending"),
        ("POST", "/api/0.5/configurations/pending/keys"),
        ("GET", "/api/0.5/configurations/pending/keys/pgsql.adminpassword"),
        ("PUT", "/api/0.5/asyncJobs/1/cancelled"),
        ("GET", "/api/0.5/status/x"),
        ("GET", "/api/0.5/services/status"),
        ("GET", "/api/1.0/deployments"),
        ("GET", "/api/0.5/x?list=a,b:c.d-e_f"),
    ] {
        assert_eq!(raw(method, target), Ok((RAW, target.to_owned())), "{method} {target}");
        let request = find_or_raw(method.as_bytes(), target.as_bytes()).unwrap();
        assert!(request.holds_secrets() && request.operation().is_none());
        assert_eq!(request.body() == Body::Empty, method == "GET");
    }
    // a row keeps its own permission
    assert_eq!(raw("GET", "/api/0.5/export").unwrap().0, "config.read");
    for target in ["/admin/systeminfo.xml", "/v1/whoami", "/api", "/apis/x", "/x/api/0.5/y"] {
        assert_eq!(raw("GET", target), Err(Refusal::UnknownOperation), "{target}");
    }
    for method in ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get"] {
        let refused = raw(method, "/api/0.5/x");
        assert_eq!(refused, Err(Refusal::MethodNotAllowed(Method::ALL.to_vec())), "{method}");
    }
    for (query, refusal) in [
        ("?", Refusal::UnknownQueryKey),
        ("?_method=PUT", Refusal::UnknownQueryKey),
        ("?a%62=c", Refusal::UnknownQueryKey),
        ("?a", Refusal::BadValue(None)),
        ("?a=", Refusal::BadValue(None)),
        ("?a=%2e", Refusal::BadValue(None)),
        ("?a=..", Refusal::BadValue(None)),
        ("?a=/etc", Refusal::BadValue(None)),
        ("?a=b#c", Refusal::BadValue(None)),
        ("?a=b;c=d", Refusal::BadValue(None)),
        ("?a=b&a=c", Refusal::RepeatedQueryKey),
    ] {
        assert_eq!(raw("GET", &format!("/api/0.5/x{query}")), Err(refusal), "{query}");
    }
}

/// R57: what another reader could take for a row is not there for `api.raw` either
#[test]
fn raw_does_not_walk_around_a_row() {
    let job = Refusal::BadSegment(Kind::JobId);
    let version = Refusal::BadSegment(Kind::Version);
    for (method, target, refusal) in [
        // a number that Java reads
        ("PUT", "/api/0.5/asyncJobs/007/cancel", job.clone()),
        ("PUT", "/api/0.5/asyncJobs/-7/cancel", job.clone()),
        ("PUT", "/api/0.5/asyncJobs/0x7/cancel", job.clone()),
        ("PUT", "/api/0.5/asyncJobs/7.0/cancel", job.clone()),
        ("GET", "/api/0.5/asyncJobs/7.json", job),
        ("GET", "/api/0.5/configurations/01/keys", version.clone()),
        ("GET", "/api/0.5/configurations/01/keys/pgsql.adminpassword", version),
        ("GET", "/api/0.5/nodes/node1.json", Refusal::BadSegment(Kind::NodeId)),
        // an ending, which Spring overlooks
        ("POST", "/api/0.5/disable.json", Refusal::BadPath),
        ("POST", "/api/0.5/disable.a.b", Refusal::BadPath),
        ("GET", "/api/0.5/export.json", Refusal::BadPath),
        ("GET", "/api/0.5/configurations.x/3/keys", Refusal::BadPath),
        ("PUT", "/api/0.5/asyncJobs/7/cancel.json", Refusal::BadPath),
        // another version, or none
        ("POST", "/api/1.0/disable", Refusal::BadPath),
        ("POST", "/api/0.4/restoreFixedFile?fixedFile=b", Refusal::BadPath),
        ("POST", "/api/v1/DISABLE.json", Refusal::BadPath),
        ("POST", "/api/latest/disable", Refusal::BadPath),
        ("POST", "/api/disable", Refusal::BadPath),
        ("PUT", "/api/asyncJobs/7/cancel", Refusal::BadPath),
        ("PUT", "/api/1.0/asyncJobs/+7/cancel", Refusal::BadPath),
        // joined otherwise
        ("POST", "/api/0.5/reindexSearch", Refusal::BadPath),
        ("POST", "/api/0.5/backup_fixed-file", Refusal::BadPath),
        // another method
        ("DELETE", "/api/0.5/status", Refusal::MethodNotAllowed(vec![Method::Get])),
        ("POST", "/api/0.5/asyncJobs/7/cancel", Refusal::MethodNotAllowed(vec![Method::Put])),
        ("PUT", "/api/0.5/disable", Refusal::MethodNotAllowed(vec![Method::Post])),
        ("DELETE", "/api/1.0/status", Refusal::BadPath),
    ] {
        assert_eq!(raw(method, target), Err(refusal), "{method} {target}");
    }
}

#[test]
fn a_request_that_is_put_together_is_the_one_that_is_found() {
    let row = |name| Operation::named(name).unwrap();
    let made = row("cancel-job").request(&["12"], &[]).unwrap();
    assert_eq!(Ok(made), find(b"PUT", b"/api/0.5/asyncJobs/12/cancel"));
    let made = row("backup").request(&[], &[("writePath", "b.tsbak")]).unwrap();
    assert_eq!(Ok(made), find(b"POST", b"/api/0.5/backupFixedFile?writePath=b.tsbak"));
    let refused = row("job").request(&["12/cancel"], &[]);
    assert_eq!(refused, Err(Refusal::BadSegment(Kind::JobId)));
    assert_eq!(row("job").request(&[], &[]), Err(Refusal::UnknownOperation));
    assert_eq!(row("jobs").request(&["1"], &[]), Err(Refusal::UnknownOperation));
    assert_eq!(Operation::named("login"), None);
}
