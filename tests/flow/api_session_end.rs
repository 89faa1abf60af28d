//! The end of the gate's session: given up at a reload and at a stop, used nowhere but where it is from, and
//! not left open at TSM.

use std::time::Duration;

use tests::http::{Http, find};
use tests::{Scene, wait};
use tsmsim::Behaviour;

use crate::api_support::{STATUS, asked, lane, open, sessions, told};

const MONITOR: &str = "[\"monitor\"]";

/// R64: a reload and a stop end the session at TSM, and its end is on record; where there is none nothing is
/// ended
#[tokio::test]
async fn the_session_is_ended_at_a_reload_and_at_the_end() {
    let mut scene = Scene::with(lane(MONITOR, "")).await;
    let reload = async |scene: &Scene| scene.daemon.as_ref().unwrap().reload().await.unwrap();
    reload(&scene).await;
    assert_eq!(scene.tsm.counts().api_connections, 0);
    assert!(asked(&scene, "GET", STATUS, b"").await.0 == 200);
    let first = scene.tsm.cookies().pop().unwrap();
    assert!(scene.api().is_open(&first));
    reload(&scene).await;
    let ended = || async { (sessions(&scene) == ["taken", "ended"]).then_some(()) };
    wait::until("the end of the session", ended).await;
    assert!(!scene.api().is_open(&first));
    assert!(asked(&scene, "GET", STATUS, b"").await.0 == 200);
    let second = scene.tsm.cookies().pop().unwrap();
    assert_ne!(first, second);
    scene.stop().await;
    assert!(!scene.api().is_open(&second));
    assert_eq!(sessions(&scene), ["taken", "ended", "taken", "ended"]);
    let targets: Vec<_> = scene.tsm.requests().into_iter().map(|one| one.target).collect();
    let logout = "/api/0.5/logout";
    assert_eq!(targets, [STATUS, logout, STATUS, logout]);
    let records = scene.records("session");
    let fingerprint = |at: usize| records[at]["tsmgate.cookie.fingerprint"].clone();
    assert_eq!(fingerprint(0), fingerprint(1));
    assert_ne!(fingerprint(0), fingerprint(2));
    // and nothing where there is none
    scene.start_again().await;
    scene.stop().await;
    assert_eq!(scene.tsm.counts().requests, 4);
    scene.verify();
}

/// R64: a session that was asked for before a reload is not used after it, and is ended
#[tokio::test]
async fn a_session_that_comes_late_is_not_used() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(600)));
    let peer = scene.peer("jump01");
    let request =
        tokio::spawn(async move { Http::open(&peer).await.unwrap().get(STATUS).await.unwrap() });
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.calls == 1).await.unwrap();
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    assert_eq!(request.await.unwrap().status, 200);
    let cookies = scene.tsm.cookies();
    assert_eq!(cookies.len(), 2);
    assert_eq!(are_open(&scene), [false, true]);
    assert_eq!(sessions(&scene), ["taken", "ended", "taken"]);
    let status: Vec<_> =
        scene.tsm.requests().into_iter().filter(|one| one.target == STATUS).collect();
    assert_eq!(status.len(), 1);
    assert_eq!(status[0].cookie.as_ref(), cookies.last());
}

/// Which of the sessions that TSM gave are open.
fn are_open(scene: &Scene) -> Vec<bool> {
    scene.tsm.cookies().iter().map(|cookie| scene.api().is_open(cookie)).collect()
}

/// R64: a session that cannot be recorded is not used, and not left open at TSM
#[tokio::test]
async fn a_session_without_a_record_is_not_used() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(600)));
    let peer = scene.peer("jump01");
    let request =
        tokio::spawn(async move { Http::open(&peer).await.unwrap().get(STATUS).await.unwrap() });
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.calls == 1).await.unwrap();
    std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
    assert_eq!(told(&request.await.unwrap()), (503, "audit_unavailable".to_owned()));
    std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();
    let targets: Vec<_> = scene.tsm.requests().into_iter().map(|one| one.target).collect();
    assert_eq!(targets, ["/api/0.5/logout"]);
    assert_eq!(are_open(&scene), [false]);
}

/// R64: the session of the gate goes to the TSM that gave it: where a reload names another, that one gets
/// another
#[tokio::test]
async fn a_session_goes_to_no_other_tsm() {
    let first = Scene::with(lane(MONITOR, "")).await;
    let second = Scene::with(lane(MONITOR, "")).await;
    let mut http = open(&first).await;
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    let cookie = first.tsm.cookies().pop().unwrap();
    let lines = |scene: &Scene| {
        let text = std::fs::read_to_string(scene.path("tsmgated.toml")).unwrap();
        let api = text.lines().filter(|line| line.starts_with("api"));
        api.collect::<Vec<_>>().join("\n")
    };
    first.edit(&lines(&first), &lines(&second));
    let socket = second.path("tsm/login").display().to_string();
    first.edit("\"tsm/login\"", &format!("\"{socket}\""));
    first.daemon.as_ref().unwrap().reload().await.unwrap();
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    let seen = second.tsm.requests();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].cookie, second.tsm.cookies().pop());
    let received: Vec<u8> =
        second.api().connections().into_iter().flat_map(|one| one.received).collect();
    assert!(find(&received, cookie.as_bytes()).is_none());
    // the first was ended where it was from
    let ended = || async { (!first.api().is_open(&cookie)).then_some(()) };
    wait::until("the end of the first session", ended).await;
}
