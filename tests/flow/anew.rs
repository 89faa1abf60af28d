//! What must not keep a revocation from coming into force, and what must not take one back.

use tests::peer::{call, cookie_of};
use tests::{Authority, Scene, SceneOptions};
use time::{Duration, OffsetDateTime};

use crate::support::until_closed;

fn with_list(list: String) -> SceneOptions {
    SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), list)],
        ..SceneOptions::default()
    }
}

/// R10, R53: our own certificate has run out, and whoever is revoked is cut all the same
#[tokio::test]
async fn our_own_end_does_not_keep_a_revocation_out() {
    let root = Authority::new("tests");
    let client = root.client("jump01");
    let revoking = root.revocation_list(&[&client.serial]);
    let none = root.revocation_list(&[]);
    let mut scene = Scene::of(root, with_list(none)).await;
    scene.stop().await;
    let end = OffsetDateTime::now_utc() + Duration::seconds(3);
    let server = scene.authority.server(|params| params.not_after = end);
    scene.write("server.pem", &server.chain, 0o644);
    scene.write("server.key", &server.key, 0o600);
    scene.start_again().await;
    let mut stream = scene.peer_with(Some(&client)).connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    let daemon = scene.daemon.as_ref().unwrap();
    tests::wait::until("the end of our certificate", || async {
        (!daemon.status().ready).then_some(())
    })
    .await;
    scene.write("clients.crl", &revoking, 0o644);
    daemon.reload().await.unwrap();
    assert!(until_closed(&mut stream).await.0.is_empty());
    let cut = tests::wait::until("the record", || async { scene.records("cut").pop() }).await;
    assert_eq!(cut["event.reason"], "certificate_revoked");
    // another one that is over is no renewal
    let other = scene.authority.server(|params| params.not_after = end);
    scene.write("server.pem", &other.chain, 0o644);
    let fault = daemon.reload().await.unwrap_err();
    assert!(fault.contains("the certificate expired on"), "{fault}");
}

/// R10, R53: a list that is older than the one in force would let in again who was revoked since
#[tokio::test]
async fn an_older_list_is_not_taken() {
    let root = Authority::new("tests");
    let client = root.client("jump01");
    let now = OffsetDateTime::now_utc();
    let list = |serials: &[&str], age: i64| {
        root.revocation_list_of(serials, now - Duration::hours(age), now + Duration::DAY)
    };
    let (older, newer) = (list(&[], 3), list(&[&client.serial], 2));
    let scene = Scene::of(root, with_list(newer)).await;
    let daemon = scene.daemon.as_ref().unwrap();
    scene.write("clients.crl", &older, 0o644);
    let fault = daemon.reload().await.unwrap_err();
    assert!(fault.contains("older than the one in force"), "{fault}");
    scene.peer_with(Some(&client)).refusal().await;
    scene.refusal("certificate_revoked").await;
    scene.nothing_reached_tsm();
}
