//! The gate's session: taken once for all, renewed once, never in a loop, given up where it has to be.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::http::Http;
use tests::{Scene, SceneOptions, wait};
use tsmsim::{ApiBehaviour, ApiOptions, Behaviour};

use crate::api_support::{
    EVERYTHING, STATUS, asked, directly, every_byte, lane, open, outcomes, sessions, told,
};
use crate::support::SOON;

const MONITOR: &str = "[\"monitor\"]";
/// More than may be taken at once, and some that come while the test runs.
const MOST_TAKEN: u64 = 13;

/// Opens so many connections, and asks for the status on each at the same time.
async fn all_at_once(scene: &Scene, count: usize) -> Vec<(u16, String)> {
    let mut open_ones = Vec::new();
    for _ in 0..count {
        open_ones.push(open(scene).await);
    }
    let requests = open_ones
        .into_iter()
        .map(|mut http: Http| tokio::spawn(async move { told(&http.get(STATUS).await.unwrap()) }));
    let requests: Vec<_> = requests.collect();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.unwrap());
    }
    answers
}

fn ok(answer: &(u16, String)) -> bool {
    answer.0 == 200
}

/// R64: whoever comes first takes the session, and everybody who came meanwhile uses it
#[tokio::test(flavor = "multi_thread")]
async fn fifty_first_requests_share_one_session() {
    let options = SceneOptions { tsm: "connections = 50".into(), ..lane(MONITOR, "") };
    let scene = Scene::with(options).await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(300)));
    let answers = all_at_once(&scene, 50).await;
    assert!(answers.iter().all(ok), "{answers:?}");
    let counts = scene.tsm.counts();
    assert_eq!((counts.calls, counts.cookies), (1, 1), "{counts:?}");
    assert_eq!(sessions(&scene), ["taken"]);
    let cookie = scene.tsm.cookies().pop().unwrap();
    let taken = scene.records("session").remove(0);
    let fingerprint = taken["tsmgate.cookie.fingerprint"].as_str().unwrap().to_owned();
    assert!(!fingerprint.is_empty() && !cookie.contains(&fingerprint), "{taken}");
    assert_eq!(taken["tsmgate.cookie.max_age"], 7200);
    assert_eq!(taken["event.outcome"], "success");
}

/// R64: a session is used for nine tenths of its life and no longer: TSM never has to refuse it
#[tokio::test]
async fn the_session_is_renewed_before_it_ends() {
    let life = Duration::from_secs(5);
    let scene = Scene::with(SceneOptions { session_life: life, ..lane(MONITOR, "") }).await;
    let mut http = open(&scene).await;
    let begun = Instant::now();
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    let taken = Instant::now();
    let mut kept_for = Duration::ZERO;
    while scene.tsm.counts().cookies == 1 {
        kept_for = begun.elapsed();
        assert_eq!(http.get(STATUS).await.unwrap().status, 200);
        assert!(taken.elapsed() < life, "it was not renewed in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // used almost to the nine tenths, renewed at once then
    assert!(begun.elapsed() >= life * 9 / 10, "renewed after {:?}", begun.elapsed());
    assert!(kept_for > life * 7 / 10, "{kept_for:?}");
    assert_eq!(sessions(&scene), ["taken", "taken", "ended"], "TSM refused none");
    let cookies = scene.tsm.cookies();
    assert!(!scene.api().is_open(&cookies[0]), "the rest of its life is nobody's");
    assert!(scene.api().is_open(&cookies[1]));
    assert!(scene.tsm.requests().iter().all(|request| request.status == Some(200)));
}

/// R64: a session that TSM does not know any more is renewed once, and the request repeated once
#[tokio::test]
async fn a_lost_session_is_renewed_once() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let mut http = open(&scene).await;
    for number in 1..=3_u64 {
        assert_eq!(http.get(STATUS).await.unwrap().status, 200);
        assert_eq!(scene.tsm.counts().cookies, number);
        scene.api().end_sessions();
    }
    let seen: Vec<_> = scene.tsm.requests().iter().map(|request| request.status).collect();
    assert_eq!(seen, [200, 401, 200, 401, 200].map(Some));
    assert_eq!(sessions(&scene), ["taken", "refused", "taken", "refused", "taken"]);
    assert_eq!(outcomes(&scene), ["success"; 3]);
}

/// R64: a TSM that refuses every session is not asked for ever new ones: the caller learns it, and TSM sees
/// two requests for each of his at most, and fewer logins
#[tokio::test]
async fn a_storm_of_refusals_is_no_loop() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    scene.api().behave(ApiBehaviour::Unauthorized);
    let mut http = open(&scene).await;
    for _ in 0..40 {
        let answer = http.get(STATUS).await.unwrap();
        assert_eq!(told(&answer), (502, "backend_session_refused".to_owned()));
    }
    let counts = scene.tsm.counts();
    assert!(counts.cookies <= MOST_TAKEN, "{counts:?}");
    assert!(counts.requests <= 80, "{counts:?}");
    assert!(outcomes(&scene).iter().all(|outcome| outcome == "backend_session_refused"));
    // and as soon as TSM takes them again, all is well
    scene.api().behave(ApiBehaviour::Honest);
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    scene.verify();
}

/// R64: one refusal behind another for one request alone ends that request, and nobody else's session
#[tokio::test]
async fn a_request_that_tsm_never_accepts_does_not_take_the_session_from_others() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    let (mut bad, mut good) = (open(&scene).await, open(&scene).await);
    for round in 0..40 {
        scene.api().storm(2);
        let before = scene.tsm.counts().requests;
        let answer = bad.get("/api/0.5/forbidden").await.unwrap();
        assert_eq!(told(&answer), (502, "backend_session_refused".to_owned()), "{round}");
        // where no other session could be taken just now, the second refusal is left
        if scene.tsm.counts().requests == before + 1 {
            every_byte(&directly(scene.api()), "GET", STATUS, "", b"").await;
        }
        let answer = good.get("/api/0.5/nodes").await.unwrap();
        assert!(matches!(answer.status, 200), "{round}: {answer:?}");
    }
    assert!(scene.tsm.counts().cookies <= MOST_TAKEN, "{:?}", scene.tsm.counts());
}

/// R64: many requests that are refused at once are behind one new session
#[tokio::test(flavor = "multi_thread")]
async fn refusals_at_once_share_one_renewal() {
    let options = SceneOptions { tsm: "connections = 30".into(), ..lane(MONITOR, "") };
    let scene = Scene::with(options).await;
    assert!(ok(&asked(&scene, "GET", STATUS, b"").await));
    scene.api().end_sessions();
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(300)));
    let answers = all_at_once(&scene, 30).await;
    assert!(answers.iter().all(ok), "{answers:?}");
    assert_eq!(scene.tsm.counts().cookies, 2);
    assert_eq!(sessions(&scene), ["taken", "refused", "taken"]);
}

/// R64: a session lost in mid-upload: the same body goes up again under the next, and once
#[tokio::test]
async fn an_upload_is_repeated_whole_when_the_session_is_lost() {
    let options = SceneOptions {
        api: Some(ApiOptions { assumed_routes: true, ..ApiOptions::default() }),
        ..lane(EVERYTHING, "")
    };
    let scene = Scene::with(options).await;
    assert!(ok(&asked(&scene, "GET", STATUS, b"").await));
    let body = json!({ "configKeys": { "gateway.public.host": "x".repeat(200_000) } });
    let body = body.to_string().into_bytes();
    scene.api().behave_next(ApiBehaviour::LoseSession);
    let path = "/api/0.5/configurations/pending/keys";
    assert_eq!(asked(&scene, "POST", path, &body).await, (204, String::new()));
    let requests = scene.tsm.requests();
    let [first, second] = &requests[requests.len() - 2..] else { panic!("{requests:?}") };
    assert_eq!((first.status, second.status), (Some(401), Some(204)));
    assert!(!first.body_complete && second.body_complete);
    assert_eq!(second.body_length, body.len() as u64);
    assert_eq!(second.body, body[..second.body.len()]);
    assert_ne!(first.cookie, second.cookie);
    assert_eq!(scene.api().pending().len(), 1);
    assert_eq!(sessions(&scene), ["taken", "refused", "taken"]);
}

/// R64: where TSM gives no session, all who wait learn the same soon, and TSM is not asked for each
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_shares_a_failure() {
    for (behaviour, code, status) in [
        (Behaviour::NotAuthorized, "backend_denied_gate", 502),
        (Behaviour::PllError, "backend_error", 502),
        (Behaviour::Garbage, "backend_garbage", 502),
        (Behaviour::EmptyCookie, "backend_garbage", 502),
        (Behaviour::Silent, "backend_timeout", 504),
    ] {
        let tsm = "connections = 50".to_owned();
        let login = "call = \"700ms\"".to_owned();
        let scene = Scene::with(SceneOptions { tsm, login, ..lane(MONITOR, "") }).await;
        scene.tsm.behave(behaviour);
        let begun = Instant::now();
        let answers = all_at_once(&scene, 30).await;
        assert!(begun.elapsed() < 2 * SOON, "{behaviour:?} took {:?}", begun.elapsed());
        let wanted = (status, code.to_owned());
        assert!(answers.iter().all(|answer| *answer == wanted), "{behaviour:?} {answers:?}");
        let counts = scene.tsm.counts();
        assert!(counts.connections <= MOST_TAKEN, "{behaviour:?} {counts:?}");
        assert_eq!(counts.requests, 0, "{behaviour:?}");
        // one after the other they learn the same, and TSM is left alone soon
        let mut http = open(&scene).await;
        for _ in 0..if behaviour == Behaviour::Silent { 2 } else { 30 } {
            assert_eq!(told(&http.get(STATUS).await.unwrap()), wanted, "{behaviour:?}");
        }
        assert!(scene.tsm.counts().connections <= MOST_TAKEN, "{behaviour:?}");
        let records = scene.records("session");
        assert!(records.iter().all(|record| record["event.outcome"] == "failure"));
        assert_eq!(records[0]["event.reason"], code);
        // it recovers by itself
        scene.tsm.behave(Behaviour::Honest);
        wait::until("a session", || async {
            ok(&asked(&scene, "GET", STATUS, b"").await).then_some(())
        })
        .await;
    }
}

/// R64: without a login socket requests are refused at once, and served once it is back
#[tokio::test]
async fn a_missing_login_socket_is_told_and_found_again() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    scene.tsm.stop().await;
    let mut http = open(&scene).await;
    for _ in 0..20 {
        let answer = http.get(STATUS).await.unwrap();
        assert_eq!(told(&answer), (502, "backend_unreachable".to_owned()));
    }
    scene.tsm.restart().await.unwrap();
    wait::until("a session", || async {
        ok(&asked(&scene, "GET", STATUS, b"").await).then_some(())
    })
    .await;
}
