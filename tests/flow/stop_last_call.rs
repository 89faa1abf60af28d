//! What the daemon still does for those who came just before it stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::ServerName;
use tests::peer::{answer, call, cookie_of, send, timed, within};
use tests::{Peer, Scene, wait};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tsmgate_wire::encode_call;

use crate::support::{SOON, outcomes, until_closed};

/// How long a connection that was just made may still become a call.
const LAST_CALL: Duration = Duration::from_secs(2);
/// Idle connections of one client.
const IDLE: i32 = 24;

/// Begins to stop, and waits until nobody new comes in.
async fn begin_to_stop(scene: &mut Scene, peer: &Peer) -> JoinHandle<bool> {
    let stopping = tokio::spawn(scene.daemon.take().unwrap().stop());
    wait::until("the listener's end", || async { peer.tcp().await.is_err().then_some(()) }).await;
    stopping
}

/// R54: a connection that was accepted before the stop, and shakes hands after it began, gets its login
#[tokio::test]
async fn a_handshake_under_way_still_becomes_a_login() {
    let mut scene = Scene::start().await;
    let peer = scene.peer("jump01");
    let tcp = peer.tcp().await.unwrap();
    let daemon = scene.daemon.as_ref().unwrap();
    wait::until("it", || async { (daemon.occupancy() == (1, 0)).then_some(()) }).await;
    let stopping = begin_to_stop(&mut scene, &peer).await;
    let connector = TlsConnector::from(Arc::new(peer.config().as_ref().clone()));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = within(connector.connect(name, tcp)).await.unwrap().unwrap();
    cookie_of(call(&mut stream, 1).await.expect("the login was lost"));
    assert!(until_closed(&mut stream).await.0.is_empty());
    assert!(stopping.await.unwrap());
    assert_eq!(outcomes(&scene), ["success"]);
    assert!(scene.records("refused").is_empty());
    scene.verify();
}

/// R54: one that has shaken hands and says nothing is waited for a little, and no longer
#[tokio::test]
async fn silence_is_waited_for_a_little() {
    let mut scene = Scene::start().await;
    let peer = scene.peer("jump01");
    let mut silent = peer.connect().await.unwrap();
    let daemon = scene.daemon.as_ref().unwrap();
    wait::until("it", || async { (daemon.occupancy() == (0, 1)).then_some(()) }).await;
    let begun = Instant::now();
    let stopping = begin_to_stop(&mut scene, &peer).await;
    let ((bytes, _), _) = timed(until_closed(&mut silent)).await;
    assert!(bytes.is_empty());
    let took = begun.elapsed();
    assert!(took + Duration::from_millis(50) > LAST_CALL && took < SOON, "{took:?}");
    assert!(stopping.await.unwrap());
    assert!(scene.records("refused").is_empty());
    scene.nothing_reached_tsm();
}

/// R54: calls that were sent on idle connections before the stop are answered, each of them
#[tokio::test]
async fn calls_that_were_sent_are_answered() {
    let mut scene = Scene::start().await;
    let peer = scene.peer("jump01");
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let mut stream = peer.connect().await.unwrap();
        cookie_of(call(&mut stream, 1).await.unwrap());
        idle.push(stream);
    }
    for stream in &mut idle {
        send(stream, &encode_call(2)).await.unwrap();
    }
    // nothing of the daemon's has run since: all of them are still in the system's hands
    let stopping = tokio::spawn(scene.daemon.take().unwrap().stop());
    for stream in &mut idle {
        cookie_of(answer(stream, 2).await.expect("a call that was sent is lost"));
        assert!(until_closed(stream).await.0.is_empty());
    }
    assert!(stopping.await.unwrap());
    assert_eq!(outcomes(&scene).len(), 2 * usize::try_from(IDLE).unwrap());
    assert_eq!(scene.tsm.counts().cookies, 2 * u64::try_from(IDLE).unwrap());
    scene.verify();
}
