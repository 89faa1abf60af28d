//! The lane's routes: methods, bodies, numbers, versions.

use serde_json::{Value, json};
use tests::http::Http;
use tests::peer::{rest, send};
use tests::wait;

use super::{LIST, Stage, order};
use crate::http::Then;

/// R57, R59: each route has its methods and no others; bodies where none belongs are refused
#[tokio::test(flavor = "multi_thread")]
async fn routes_have_their_methods_and_no_bodies() {
    let stage = Stage::start().await;
    let routes = [
        ("/v1/commands", "GET, POST"),
        ("/v1/commands/check", "POST"),
        ("/v1/commands/catalogue", "GET"),
        ("/v1/commands/1", "GET"),
        ("/v1/commands/1/cancel", "POST"),
        ("/v1/commands/1/output", "GET"),
        ("/v1/commands/1/output?from=7", "GET"),
    ];
    for (path, allowed) in routes {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "get", "PoSt"] {
            if allowed.split(", ").any(|one| one == method) {
                continue;
            }
            let (_, peer) = stage.cases.client();
            let mut stream = peer.offering(&["http/1.1"]).connect().await.unwrap();
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n");
            send(&mut stream, request.as_bytes()).await.unwrap();
            let answer = String::from_utf8(rest(&mut stream).await.0).unwrap();
            assert!(answer.starts_with("HTTP/1.1 405 "), "{method} {path}: {answer}");
            assert!(answer.contains(&format!("allow: {allowed}\r\n")), "{method} {path}: {answer}");
            assert_eq!(answer.ends_with("\r\n\r\n"), method == "HEAD", "{method} {path}: {answer}");
        }
    }
    let said = (400, "body_not_allowed", "body_refused", Some("the route takes no body"));
    for (path, _) in &routes[2..] {
        let method = if path.ends_with("cancel") { "POST" } else { "GET" };
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: gate\r\nContent-Length: 2\r\n\r\n{{}}");
        stage.cases.refused(request, said, Then::Ends).await;
    }
    stage.nothing_was_run();
}

/// R57: ids and numbers are matched byte for byte: what is none is no route, and reaches no runner
#[tokio::test(flavor = "multi_thread")]
async fn targets_that_are_none_are_not_there() {
    let stage = Stage::start().await;
    let none = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: gate\r\n\r\n");
    for path in [
        "/v1/commands/",
        "/v1/commands/A",
        "/v1/commands/-1",
        "/v1/commands/a1",
        "/v1/commands/1/",
        "/v1/commands//1",
        "/v1/commands/1//output",
        "/v1/commands/1/output/",
        "/v1/commands/1/Output",
        "/v1/commands/1;x",
        "/v1/commands/1/output?",
        "/v1/commands/1/output?from=",
        "/v1/commands/1/output?from=01",
        "/v1/commands/1/output?from=+1",
        "/v1/commands/1/output?from=-1",
        "/v1/commands/1/output?from=1e3",
        "/v1/commands/1/output?from=0x1",
        "/v1/commands/1/output?from=18446744073709551616",
        "/v1/commands/1/output?from=1&from=2",
        "/v1/commands/1/output?from=1&x=2",
        "/v1/commands/1/output?FROM=1",
        "/v1/commands/1/output?to=1",
        "/v1/commands?x",
        "/v1/commands/1?x",
        "/v1/commands/check/x",
        "/v1/commands/catalogue?all",
        "/v1/commands/..",
        "/v1/commands/../commands",
        "/v1/commands/1/../2",
        "/v1/commands/1%2f",
        "/v1/commands/%31",
        "/v1/commands/1/output?from=%31",
        "/v1/commands/1/cancel/now",
    ] {
        let (name, peer) = stage.cases.client();
        let answer = Http::open(&peer).await.unwrap().raw(none(path).as_bytes()).await.unwrap();
        let said = (404, "unknown_operation", "not_an_operation", Some("unknown_operation"));
        stage.cases.is_refusal(path, &name, &answer, said).await;
    }
    let long = format!("/v1/commands/{}", "1".repeat(65));
    assert!(!stage.cases.scene.path("given").exists());
    for path in [
        "/v1/commands/1",
        "/v1/commands/1/output",
        "/v1/commands/1/output?from=18446744073709551615",
    ] {
        let (name, peer) = stage.cases.client();
        let mut http = Http::open(&peer).await.unwrap();
        let answer = http.raw(none(path).as_bytes()).await.unwrap();
        let said = (404, "unknown_id", "command_unknown", None);
        stage.cases.is_refusal(path, &name, &answer, said).await;
        assert_eq!(http.raw(none(&long).as_bytes()).await.unwrap().status, 404);
    }
    stage.nothing_was_run();
}

/// HTTP/1.0 gets an output too, which ends with the connection
#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_the_old_version_is_served() {
    let stage = Stage::start().await;
    let body = order(LIST, json!([])).to_string();
    let peer = stage.cases.scene.peer("jump01").offering(&["http/1.1"]);
    let said_to = async |request: String| {
        let mut stream = peer.connect().await.unwrap();
        send(&mut stream, request.as_bytes()).await.unwrap();
        String::from_utf8(rest(&mut stream).await.0).unwrap()
    };
    let length = body.len();
    let answer =
        said_to(format!("POST /v1/commands HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}"))
            .await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    let (_, id) = answer.split_once("location: /v1/commands/").unwrap();
    let (id, _) = id.split_once("\r\n").unwrap();
    let answer = said_to(format!("GET /v1/commands/{id}/output HTTP/1.0\r\n\r\n")).await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(!answer.contains("transfer-encoding"), "{answer}");
    let (_, lines) = answer.split_once("\r\n\r\n").unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last["end"]["code"], 0, "{answer}");
    wait::until("the record of its end", || async {
        (stage.cases.scene.records("command-ended").len() == 1).then_some(())
    })
    .await;
}
