//! Connections behind a balancer are judged by the address it gave, as long as it is believed.

use rustls_pki_types::ServerName;
use tests::peer::{Stream, call, cookie_of, within};
use tests::{Peer, Scene, SceneOptions};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use crate::judged::{cut_record, two};
use crate::support::{clients, until_closed};

const BALANCER: &str = "127.0.0.5";
/// Whom the balancer speaks for.
const BEHIND: [u8; 4] = [127, 0, 0, 6];

fn balanced() -> SceneOptions {
    let listen = format!("address = \"127.0.0.1:0\"\nproxy_protocol_from = [\"{BALANCER}\"]");
    SceneOptions { listen, ..two("") }
}

/// A connection through the balancer, with a call answered.
async fn proven(scene: &Scene, name: &str) -> Stream {
    let peer: Peer = scene.peer(name).from(BALANCER);
    let mut tcp = peer.tcp().await.unwrap();
    let fixed = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c";
    let ends = [&BEHIND[..], &[127, 0, 0, 1], &[0x9c, 0x40], &[0x49, 0xa2]].concat();
    tcp.write_all(&[&fixed[..], &ends].concat()).await.unwrap();
    let connector = TlsConnector::from(peer.config());
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = within(connector.connect(name, tcp)).await.unwrap().unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    stream
}

async fn reload(scene: &Scene) {
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
}

/// R10: a balancer that is no longer listed takes along who came through it, and nobody else
#[tokio::test]
async fn a_balancer_that_is_removed_takes_its_connections_along() {
    let scene = Scene::with(balanced()).await;
    let mut open = proven(&scene, "jump01").await;
    let mut stays = scene.peer("other").connect().await.unwrap();
    cookie_of(call(&mut stays, 1).await.unwrap());
    scene.edit(&format!("[\"{BALANCER}\"]"), "[\"127.0.0.7\"]");
    reload(&scene).await;
    assert!(until_closed(&mut open).await.0.is_empty());
    let line = cut_record(&scene).await;
    assert_eq!(line["event.reason"], "client_elsewhere");
    assert_eq!(
        (&line["source.ip"], &line["tsmgate.proxy.ip"]),
        (&"127.0.0.6".into(), &BALANCER.into())
    );
    cookie_of(call(&mut stays, 2).await.unwrap());
    assert_eq!(scene.records("cut").len(), 1);
    assert_eq!(scene.tsm.counts().connections, 3);
}

/// R10: it is the address behind the balancer that narrower networks are about
#[tokio::test]
async fn networks_are_about_the_address_behind_the_balancer() {
    let scene = Scene::with(balanced()).await;
    let (mut open, mut stays) = (proven(&scene, "jump01").await, proven(&scene, "other").await);
    let (jump01, other) = (clients(["jump01"]), clients(["other"]));
    scene.edit(&jump01, &format!("{jump01}networks = [\"{BALANCER}\"]\n"));
    scene.edit(&other, &format!("{other}networks = [\"127.0.0.6\"]\n"));
    reload(&scene).await;
    assert!(until_closed(&mut open).await.0.is_empty());
    assert_eq!(cut_record(&scene).await["event.reason"], "client_elsewhere");
    cookie_of(call(&mut stays, 2).await.unwrap());
    assert_eq!(scene.records("cut").len(), 1);
}
