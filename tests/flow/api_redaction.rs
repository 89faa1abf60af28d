//! Secrets in TSM's answers: taken out for who may not see them, lifted and on record for who may; and an
//! answer of which nobody can say that they are out does not leave at all.

use serde_json::Value;
use tests::http::{Answer, find};
use tests::{Scene, SceneOptions};
use tsmgate_catalogue::redaction::MARKER;
use tsmsim::{ApiBehaviour, ApiOptions};

use crate::api_support::{
    EVERYTHING, SECRETS, asked, every_byte, lane, open, outcomes, told, whole_of,
};

const KEYS: &str = "/api/0.5/configurations/1/keys";
/// What is read whole, and what is in it.
const HOLDING: &[&str] = &[
    KEYS,
    "/api/0.5/configurations/1/keys/pgsql.adminpassword",
    "/api/0.5/export",
    "/api/0.5/export?includeBinaryVersion=true",
];

/// The values that are secret at TSM.
fn secrets(scene: &Scene) -> Vec<(String, String)> {
    let configuration = scene.api().configuration();
    let secret =
        |key: &str| key.contains("password") || key.contains("secret") || key.contains("_value");
    let secrets: Vec<_> =
        configuration.into_iter().filter(|(key, value)| secret(key) && value.len() > 8).collect();
    assert!(secrets.len() > 5, "{secrets:?}");
    secrets
}

fn has_any(scene: &Scene, bytes: &[u8]) -> Option<String> {
    let found = |(_, value): &(String, String)| {
        // nor a part of it
        value.as_bytes().windows(8).any(|part| find(bytes, part).is_some())
    };
    secrets(scene).into_iter().find(found).map(|(key, _)| key)
}

/// Both records of the last request.
fn last_two(scene: &Scene) -> [Value; 2] {
    let records = scene.records("request");
    [records[records.len() - 2].clone(), records[records.len() - 1].clone()]
}

/// With `config.read` the secrets are out, and how many is on record; with `config.secrets` they are there, and
/// both records say so.
#[tokio::test]
async fn secrets_are_taken_out_unless_they_may_be_seen() {
    for (roles, clear) in [(EVERYTHING, false), (SECRETS, true)] {
        let scene = Scene::with(lane(roles, "")).await;
        let mut http = open(&scene).await;
        for path in HOLDING {
            let answer = http.get(path).await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(has_any(&scene, &answer.body).is_some(), clear, "{path}");
            assert_eq!(find(&answer.body, MARKER.as_bytes()).is_some(), !clear, "{path}");
            let [intent, outcome] = last_two(&scene);
            assert_eq!(intent["tsmgate.secrets"], clear);
            assert_eq!(outcome["tsmgate.secrets"], clear);
            let markers = answer.body.windows(MARKER.len());
            let count = markers.filter(|window| *window == MARKER.as_bytes()).count();
            match clear {
                true => assert_eq!(outcome["tsmgate.redacted"], Value::Null),
                false => assert_eq!(outcome["tsmgate.redacted"], count),
            }
        }
        // of what is not secret everything is there
        let keys = http.get(KEYS).await.unwrap().json();
        let shown = keys["configKeys"].as_object().unwrap();
        let all = scene.api().configuration();
        assert_eq!(shown.len(), all.len());
        for key in ["ssl.port", "gateway.public.port", "pgsql.ssl.ciphersuite"] {
            assert_eq!(shown[key], *all[key], "{key}");
        }
        let audit = std::fs::read(scene.path("log/audit.jsonl")).unwrap();
        assert_eq!(has_any(&scene, &audit), None);
    }
}

/// Who loses `config.secrets` gets no secret any more on the connection that there is.
#[tokio::test]
async fn secrets_are_out_as_soon_as_the_permission_is_gone() {
    let scene = Scene::with(lane(SECRETS, "")).await;
    let mut http = open(&scene).await;
    assert!(has_any(&scene, &http.get(KEYS).await.unwrap().body).is_some());
    scene.edit("\"config.secrets\", ", "");
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    assert_eq!(has_any(&scene, &http.get(KEYS).await.unwrap().body), None);
}

/// What no row describes is redacted as well, for who may not see secrets.
#[tokio::test]
async fn what_is_not_known_is_redacted_too() {
    let options = SceneOptions {
        api: Some(ApiOptions { assumed_routes: true, ..ApiOptions::default() }),
        ..lane(EVERYTHING, "")
    };
    let scene = Scene::with(options).await;
    let change = ("pgsql.adminpassword".to_owned(), Some("CANARY-0123456789".to_owned()));
    scene.api().stage([change], false).unwrap();
    let mut http = open(&scene).await;
    for path in ["/api/0.5/configurations/pending/keys", "/api/0.5/configurations/pending/changes"]
    {
        let answer = http.get(path).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(find(&answer.body, b"CANARY").is_none(), "{answer:?}");
        assert!(find(&answer.body, b"pgsql.adminpassword").is_some(), "{answer:?}");
        assert_eq!(has_any(&scene, &answer.body), None);
        assert_eq!(last_two(&scene)[1]["tsmgate.operation"], "raw");
    }
}

/// An answer from which secrets cannot be taken is refused whole: not a byte of TSM's leaves.
#[tokio::test]
async fn what_cannot_be_looked_through_does_not_leave() {
    let limits = "call = \"1s\"\nredacted_answer = \"64KiB\"";
    let scene = Scene::with(lane(EVERYTHING, limits)).await;
    let slowly = std::time::Duration::from_millis(300);
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let raw = |head: &str, body: &str| {
        let length = body.len();
        let text = format!("HTTP/1.1 200 OK\r\n{head}content-length: {length}\r\n\r\n{body}");
        ApiBehaviour::Raw(text.into())
    };
    let cases = [
        (ApiBehaviour::Gzip, "backend_garbage"),
        (ApiBehaviour::Huge(64 * 1024 + 1), "answer_not_redactable"),
        (ApiBehaviour::EndlessBody, "answer_not_redactable"),
        (ApiBehaviour::Html(502), "answer_not_redactable"),
        (ApiBehaviour::Html(404), "answer_not_redactable"),
        (ApiBehaviour::Truncated, "backend_garbage"),
        (ApiBehaviour::CloseInBody, "backend_garbage"),
        (ApiBehaviour::CloseInHeader, "backend_garbage"),
        (ApiBehaviour::SlowBody(slowly), "backend_timeout"),
        (ApiBehaviour::SlowAnswer(slowly), "backend_timeout"),
        (ApiBehaviour::Silent, "backend_timeout"),
        (raw("", "pgsql.adminpassword=CANARY-SECRET"), "answer_not_redactable"),
        (raw("", "{\"a\":\"CANARY-SECRET\"}trailing"), "answer_not_redactable"),
        (raw("", "\u{feff}{\"a\":\"CANARY-SECRET\"}"), "answer_not_redactable"),
        (raw("", "{\"a\":\"CANARY-SECRET\""), "answer_not_redactable"),
        (raw("", &deep), "answer_not_redactable"),
    ];
    let peer = scene.peer("jump01");
    for path in [KEYS, "/api/0.5/whatever"] {
        for (behaviour, code) in &cases {
            let name = format!("{path} {behaviour:?}");
            scene.api().behave(behaviour.clone());
            let bytes = every_byte(&peer, "GET", path, "", b"").await;
            let answer = whole_of(&bytes);
            let status = if *code == "backend_timeout" { 504 } else { 502 };
            assert_eq!(told(&answer), (status, (*code).to_owned()), "{name}");
            assert_eq!(has_any(&scene, &bytes), None, "{name}");
            for foreign in ["CANARY", "html", "configKeys", "pgsql"] {
                assert!(find(&bytes, foreign.as_bytes()).is_none(), "{foreign} in {name}");
            }
            assert_eq!(outcomes(&scene).last().unwrap(), code, "{name}");
        }
    }
    scene.api().behave(ApiBehaviour::Honest);
    assert_eq!(asked(&scene, "GET", KEYS, b"").await.0, 200);
    scene.verify();
}

/// What leaves without its secrets is JSON, and is called so, whatever TSM called it.
#[tokio::test]
async fn what_was_looked_through_is_called_what_it_is() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    scene.api().behave(ApiBehaviour::WrongType);
    let answer = open(&scene).await.get(KEYS).await.unwrap();
    assert_eq!((answer.status, has_any(&scene, &answer.body)), (200, None));
    let types: Vec<_> = answer.fields.iter().filter(|(name, _)| name == "content-type").collect();
    assert_eq!(types, [&("content-type".to_owned(), "application/json".to_owned())]);
}

/// An error of TSM's on such a route passes with its status, without the secrets in it.
#[tokio::test]
async fn errors_are_looked_through_as_well() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    for status in [400, 404, 409, 500, 503] {
        scene.api().behave_next(ApiBehaviour::Status(status));
        let answer: Answer = open(&scene).await.get(KEYS).await.unwrap();
        assert_eq!((answer.status, answer.code()), (status, None));
        assert_eq!(answer.json()["error"]["detail"], "Something went wrong.");
        assert_eq!(outcomes(&scene).last().unwrap(), "answered_error");
    }
    let body = "{\"error\":{\"detail\":\"password=CANARY and token: CANARY too\"}}";
    let text = format!("HTTP/1.1 500 No\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    scene.api().behave_next(ApiBehaviour::Raw(text.into()));
    let answer = open(&scene).await.get(KEYS).await.unwrap();
    assert_eq!(answer.json()["error"]["detail"], MARKER, "{answer:?}");
}
