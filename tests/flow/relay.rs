//! Calls that are granted, and what TSM and the audit see of them.

use tests::peer::{call, cookie_of};
use tests::{Scene, wait};
use tsmgate_wire::encode_call;

/// R29: TSM sees our own 18 bytes, on a connection of its own, and the caller gets TSM's cookie
#[tokio::test]
async fn a_listed_client_gets_its_cookie() {
    let scene = Scene::start().await;
    let cookie = scene.peer("jump01").cookie().await;
    assert_eq!(scene.tsm.cookies(), std::slice::from_ref(&cookie));
    let seen = scene.tsm.connections();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].received, encode_call(1));

    let calls = scene.records("login");
    let phases: Vec<_> = calls.iter().map(|line| line["tsmgate.phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["intent", "outcome"]);
    assert_eq!(calls[1]["event.outcome"], "success");
    assert_eq!(calls[1]["client.user.name"], "jump01");
    assert_eq!(calls[1]["tsmgate.tsm.username"], "tsmsvc");
    assert_eq!(calls[1]["tsmgate.cookie.max_age"], 7200);
    let text = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    assert!(!text.contains(&cookie), "the cookie is in the audit");
    scene.verify();
}

/// R34: each call has a connection to TSM of its own
#[tokio::test]
async fn several_calls_on_one_connection_are_several_at_tsm() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    let mut cookies = Vec::new();
    for sequence in [7, -1, i32::MAX] {
        cookies.push(cookie_of(call(&mut stream, sequence).await.unwrap()));
    }
    assert_eq!(scene.tsm.cookies(), cookies);
    assert_eq!(scene.tsm.counts().connections, 3);
    assert!(scene.tsm.connections().iter().all(|seen| seen.received == encode_call(1)));
    drop(stream);
    wait::until("the connection's end", || async {
        (scene.daemon.as_ref().unwrap().occupancy() == (0, 0)).then_some(())
    })
    .await;
}
