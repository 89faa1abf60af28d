//! What a caller may is asked for each request, under what counts now; and what cannot be recorded does not
//! happen.

use std::time::Duration;

use serde_json::json;
use tests::http::{Http, find};
use tests::peer::send;
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};
use tsmsim::{ApiBehaviour, ApiOptions};

use crate::api_support::{EVERYTHING, STATUS, asked, lane, open, outcomes, told};
use crate::support::SOON;

const MONITOR: &str = "[\"monitor\"]";

async fn reload(scene: &Scene) {
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
}

/// R65: a role that is taken away between two requests of one connection: the second is refused, TSM saw the
/// first alone; given back, the third is served
#[tokio::test]
async fn a_role_is_asked_for_at_each_request() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let mut http = open(&scene).await;
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    scene.edit("[\"monitor\"]", "[\"login\"]");
    reload(&scene).await;
    let answer = http.get(STATUS).await.unwrap();
    assert_eq!(told(&answer), (403, "not_permitted".to_owned()));
    assert_eq!(answer.json()["error"]["permission"], "status.read");
    let seen = || scene.tsm.requests().into_iter().filter(|one| one.target == STATUS).count();
    assert_eq!(seen(), 1);
    scene.edit("[\"login\"]", "[\"monitor\"]");
    reload(&scene).await;
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert_eq!(seen(), 2);
    assert_eq!(scene.tsm.counts().connections, 2, "one session for each that was in force");
}

/// R65: a role that is taken away while the request's body is still coming: it is refused, TSM saw nothing
#[tokio::test]
async fn a_role_is_asked_for_when_the_body_is_there() {
    let options = SceneOptions {
        api: Some(ApiOptions { assumed_routes: true, ..ApiOptions::default() }),
        ..lane(EVERYTHING, "")
    };
    let scene = Scene::with(options).await;
    let body = json!({ "configKeys": { "gateway.public.host": "here" } }).to_string();
    let path = "/api/0.5/configurations/pending/keys";
    let mut http = open(&scene).await;
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: gate\r\ncontent-length: {}\r\n\r\n", body.len());
    let (first, second) = body.split_at(10);
    send(&mut http.stream, format!("{head}{first}").as_bytes()).await.unwrap();
    // another request on another connection: by the time it is answered the first has begun
    assert_eq!(asked(&scene, "GET", "/v1/whoami", b"").await.0, 200);
    let begun = || async {
        let whoami = open(&scene).await.get("/v1/whoami").await.unwrap().json();
        (whoami["limits"]["in_flight"]["now"] == 2).then_some(())
    };
    wait::until("the request with half a body", begun).await;
    scene.edit("\"api.raw\", ", "");
    reload(&scene).await;
    let answer = http.raw(second.as_bytes()).await.unwrap();
    assert_eq!(told(&answer), (403, "not_permitted".to_owned()));
    assert_eq!(answer.json()["error"]["permission"], "api.raw");
    assert!(scene.api().pending().is_empty());
    scene.nothing_reached_tsm();
}

/// R65: who is revoked is cut in the middle of an answer; who loses `login` goes on here
#[tokio::test]
async fn who_is_revoked_is_cut_in_the_middle_of_an_answer() {
    let rest_of = entry("jump01", "[\"monitor\", \"login\"]") + "[revoked]\nserials = []\n";
    let scene = Scene::with(SceneOptions { rest: rest_of, ..lane(MONITOR, "") }).await;
    let identity = scene.authority.client("jump01");
    let peer = scene.peer_with(Some(&identity));
    let mut kept = Http::open(&peer).await.unwrap();
    assert_eq!(kept.get(STATUS).await.unwrap().status, 200);
    scene.edit("[\"monitor\", \"login\"]", "[\"monitor\"]");
    reload(&scene).await;
    assert_eq!(kept.get(STATUS).await.unwrap().status, 200);
    assert!(scene.records("cut").is_empty());
    scene.api().behave(ApiBehaviour::EndlessBody);
    send(&mut kept.stream, format!("GET {STATUS} HTTP/1.1\r\nhost: gate\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let reading = tokio::spawn(async move {
        use tokio::io::AsyncReadExt;
        let mut some = vec![0; 64 * 1024];
        let mut last = Vec::new();
        while let Ok(count @ 1..) = kept.stream.read(&mut some).await {
            last = some[..count].to_vec();
        }
        last
    });
    let streams = || async {
        let requests = scene.tsm.requests();
        (requests.last().unwrap().status == Some(200) && requests.len() >= 4).then_some(())
    };
    wait::until("the answer's beginning", streams).await;
    scene.edit("serials = []", &format!("serials = [\"{}\"]", identity.serial));
    reload(&scene).await;
    let last = tokio::time::timeout(SOON, reading).await.unwrap().unwrap();
    assert!(!last.ends_with(b"0\r\n\r\n"));
    let cut = scene.refusal("certificate_revoked").await;
    assert_eq!((&cut["event.action"], &cut["client.user.name"]), (&"cut".into(), &"jump01".into()));
    scene.verify();
}

/// R42: where a request cannot be recorded it does not happen, on any lane of HTTP
#[tokio::test]
async fn a_request_without_a_record_does_not_happen() {
    let rest = entry("jump01", "[\"monitor\", \"login\"]");
    let scene = Scene::with(SceneOptions { rest, ..lane(MONITOR, "") }).await;
    let mut http = open(&scene).await;
    std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
    let unavailable = (503, "audit_unavailable".to_owned());
    for _ in 0..2 {
        let answer = http.get(STATUS).await.unwrap();
        assert_eq!(told(&answer), unavailable);
        assert!(answer.field("retry-after").is_some());
    }
    let answer = http.ask("POST", "/v1/logout", "", b"{\"cookie\":\"0123456789\"}").await.unwrap();
    assert_eq!(told(&answer), unavailable);
    scene.nothing_reached_tsm();
    std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert!(scene.records("records-lost")[0]["tsmgate.count"].as_u64() >= Some(1));
    scene.verify();
}

/// R42: an answer whose outcome cannot be recorded does not leave, whole or in part
#[tokio::test]
async fn an_answer_whose_outcome_has_no_record_does_not_leave() {
    for path in [STATUS, "/api/0.5/export"] {
        let scene = Scene::with(lane(EVERYTHING, "")).await;
        assert_eq!(asked(&scene, "GET", STATUS, b"").await.0, 200);
        scene.api().behave_next(ApiBehaviour::Delay(Duration::from_millis(600)));
        let peer = scene.peer("jump01");
        let path = path.to_owned();
        let caller =
            tokio::spawn(async move { Http::open(&peer).await.unwrap().get(&path).await.unwrap() });
        scene.tsm.wait_until(wait::PATIENCE, |counts| counts.requests == 2).await.unwrap();
        std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
        let answer = caller.await.unwrap();
        assert_eq!(told(&answer), (503, "audit_unavailable".to_owned()));
        assert!(find(&answer.body, b"configKeys").is_none());
        assert!(find(&answer.body, b"rollupStatus").is_none());
        assert_eq!(scene.tsm.requests().last().unwrap().status, Some(200));
        std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();
        assert_eq!(asked(&scene, "GET", STATUS, b"").await.0, 200);
        let granted = outcomes(&scene).into_iter().filter(|one| one == "success").count();
        assert_eq!(granted, 2, "the one in the middle has an outcome that it cannot have");
        scene.verify();
    }
}

/// R41: each request has two records, with who, from where, what and how it ended
#[tokio::test]
async fn both_records_of_a_request_say_all_of_it() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let answer = open(&scene).await.get("/api/0.5/asyncJobs?status=Running").await.unwrap();
    assert_eq!(answer.status, 200);
    let records = scene.records("request");
    assert_eq!(records.len(), 2);
    for (record, phase) in records.iter().zip(["intent", "outcome"]) {
        for (field, value) in [
            ("tsmgate.phase", json!(phase)),
            ("tsmgate.operation", json!("jobs")),
            ("tsmgate.permission", json!("jobs.read")),
            ("tsmgate.role", json!("monitor")),
            ("http.request.method", json!("GET")),
            ("http.request.id", json!(answer.field("tsmgate-request"))),
            ("url.path", json!("/api/0.5/asyncJobs")),
            ("url.query", json!("status=Running")),
            ("client.user.name", json!("jump01")),
            ("source.ip", json!("127.0.0.1")),
        ] {
            assert_eq!(record[field], value, "{field} in {record}");
        }
        for field in ["source.port", "tls.client.x509.serial_number", "tsmgate.connection"] {
            assert!(!record[field].is_null(), "{field} in {record}");
        }
    }
    assert_eq!(records[1]["http.response.status_code"], 200);
    scene.verify();
}
