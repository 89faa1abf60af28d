//! Behind a balancer: the PROXY protocol, from those who are listed and from those who are not.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::peer::{call, cookie_of, rest, timed};
use tests::program::have;
use tests::{Scene, SceneOptions, scene, wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::SOON;

/// The balancer is 127.0.0.2, and the client behind it says that it is 10.9.8.7.
const CLIENT: [u8; 4] = [10, 9, 8, 7];

fn behind_a_balancer() -> SceneOptions {
    SceneOptions {
        listen: "address = \"127.0.0.1:0\"\nproxy_protocol_from = [\"127.0.0.2/32\"]".into(),
        allow: "[\"10.9.8.0/24\", \"127.0.0.1/32\"]".into(),
        rest: scene::entry("jump01", "[\"login\"]"),
        ..SceneOptions::default()
    }
}

/// A header as the specification's § 2.2 has it.
fn header(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([command, family]);
    header.extend(u16::try_from(addresses.len()).unwrap().to_be_bytes());
    header.extend(addresses);
    header
}

/// PROXY over TCP4 from that address and port 4711.
fn proxied(from: [u8; 4]) -> Vec<u8> {
    let ports = [4711_u16.to_be_bytes(), 18850_u16.to_be_bytes()].concat();
    header(0x21, 0x11, &[&from[..], &[127, 0, 0, 1], &ports].concat())
}

/// What came until the end, and how long that took.
async fn closed(stream: &mut TcpStream) -> (Vec<u8>, Duration) {
    let ((bytes, _), time) = timed(rest(stream)).await;
    (bytes, time)
}

async fn tcp(scene: &Scene, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(scene.address()).await.unwrap()
}

async fn balancer(scene: &Scene) -> TcpStream {
    tcp(scene, Ipv4Addr::new(127, 0, 0, 2)).await
}

/// R13: the allowlist, the entry and the audit see the real address, and both are recorded
#[tokio::test]
async fn the_real_address_counts_and_both_are_recorded() {
    let options = behind_a_balancer();
    let rest = options.rest.replace("roles", "networks = [\"10.9.8.7/32\"]\nroles");
    let scene = Scene::with(SceneOptions { rest, ..options }).await;
    let mut stream = balancer(&scene).await;
    // what follows the header is not lost, in whatever pieces both come
    let (first, second) = (proxied(CLIENT), proxied(CLIENT));
    stream.write_all(&first[..13]).await.unwrap();
    stream.flush().await.unwrap();
    stream.write_all(&second[13..]).await.unwrap();
    let mut stream = scene.peer("jump01").over(stream).await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    for action in ["connection", "login"] {
        let record = &scene.records(action)[0];
        assert_eq!(record["source.ip"], "10.9.8.7");
        assert_eq!(record["source.port"], 4711);
        assert_eq!(record["tsmgate.proxy.ip"], "127.0.0.2");
        assert!(record["tsmgate.proxy.port"].as_u64().unwrap() > 0);
    }
}

/// R13: an address that is not listed gets not one TLS byte, whoever carries it here
#[tokio::test]
async fn an_unlisted_client_of_a_listed_balancer_is_refused() {
    let scene = Scene::with(behind_a_balancer()).await;
    let mut stream = balancer(&scene).await;
    stream.write_all(&proxied([10, 9, 9, 9])).await.unwrap();
    let (bytes, time) = closed(&mut stream).await;
    assert!(bytes.is_empty() && time < SOON, "{bytes:x?} {time:?}");
    let record = scene.refusal("address_not_listed").await;
    assert_eq!(record["source.ip"], "10.9.9.9");
    assert_eq!(record["tsmgate.proxy.ip"], "127.0.0.2");
    scene.nothing_reached_tsm();
}

/// R13: a listed balancer must say whom it speaks for; without a header, with one that says nobody, with
/// one of version 1 or a broken one nobody gets in
#[tokio::test]
async fn a_balancer_that_does_not_say_for_whom_is_refused() {
    let v1 = b"PROXY TCP4 10.9.8.7 127.0.0.1 4711 18850\r\n".to_vec();
    let hello = vec![0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    let mut long = header(0x21, 0x11, &[0; 12]);
    long[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
    let broken = [
        v1,
        hello,
        long,
        header(0x21, 0x00, &[]),
        header(0x21, 0x31, &[0; 216]),
        header(0x21, 0x12, &[0; 12]),
        header(0x21, 0x11, &[0; 11]),
        header(0x22, 0x11, &[0; 12]),
        header(0x11, 0x11, &[0; 12]),
    ];
    for bytes in broken {
        let scene = Scene::with(behind_a_balancer()).await;
        let mut stream = balancer(&scene).await;
        stream.write_all(&bytes).await.unwrap();
        let (answer, time) = closed(&mut stream).await;
        assert!(answer.is_empty() && time < SOON, "{bytes:x?}: {answer:x?} {time:?}");
        let record = scene.refusal("proxy_header_missing").await;
        assert_eq!(record["source.ip"], "127.0.0.2");
        assert_eq!(record["tsmgate.party"], "operator");
        scene.nothing_reached_tsm();
    }
}

/// R13, R17: a balancer that says nothing has as long as a handshake and no longer; one that only looks
/// whether we are there leaves no record
#[tokio::test]
async fn a_silent_balancer_is_cut_in_time() {
    let options = behind_a_balancer();
    let admission = format!("{}\nhandshake_timeout = \"300ms\"", options.admission);
    let scene = Scene::with(SceneOptions { admission, ..options }).await;
    drop(balancer(&scene).await);
    let mut silent = balancer(&scene).await;
    silent.write_all(b"\r\n\r\n\0").await.unwrap();
    let (bytes, time) = closed(&mut silent).await;
    assert!(bytes.is_empty() && time < SOON, "{bytes:x?} {time:?}");
    scene.refusal("proxy_header_missing").await;
    assert_eq!(scene.records("refused").len(), 1, "a look is no refusal");
}

/// R13: the balancer's own health check (LOCAL) is the balancer's connection, and no more
#[tokio::test]
async fn a_health_check_is_the_balancers_own() {
    let scene = Scene::with(behind_a_balancer()).await;
    let mut stream = balancer(&scene).await;
    stream.write_all(&header(0x20, 0x00, &[])).await.unwrap();
    assert!(closed(&mut stream).await.0.is_empty());
    let record = scene.refusal("address_not_listed").await;
    assert_eq!(record["source.ip"], "127.0.0.2");
}

/// R13: whoever is not listed and sends such a header sends something that is not TLS, and is cut; whom it
/// names is not believed
#[tokio::test]
async fn a_header_from_anybody_else_is_not_believed() {
    let scene = Scene::with(behind_a_balancer()).await;
    let mut stream = tcp(&scene, Ipv4Addr::LOCALHOST).await;
    stream.write_all(&proxied(CLIENT)).await.unwrap();
    let (_, time) = closed(&mut stream).await;
    assert!(time < SOON, "{time:?}");
    let record = scene.refusal("handshake_garbage").await;
    assert_eq!(record["source.ip"], "127.0.0.1");
    scene.nothing_reached_tsm();
    // the control: the same one, without it
    scene.peer("jump01").cookie().await;
}

/// R13: limits count by the real address: one that uses its rate up does not slow another down
#[tokio::test]
async fn limits_are_the_real_addresses() {
    let options = behind_a_balancer();
    let admission = "source_rate = { per_minute = 1, burst = 2 }".into();
    let scene = Scene::with(SceneOptions { admission, ..options }).await;
    for _ in 0..3 {
        let mut stream = balancer(&scene).await;
        // that a client goes away before it said anything costs it nothing but its token
        stream.write_all(&proxied([10, 9, 8, 1])).await.unwrap();
        stream.shutdown().await.unwrap();
        closed(&mut stream).await;
    }
    let refused = scene.refusal("source_over_rate").await;
    assert_eq!(refused["source.ip"], "10.9.8.1");
    let mut stream = balancer(&scene).await;
    stream.write_all(&proxied(CLIENT)).await.unwrap();
    let mut stream = scene.peer("jump01").over(stream).await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
}

/// A HAProxy; ended when dropped.
struct HaProxy(Child);

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// R13: a real HAProxy with `send-proxy-v2` in front, its health checks included
#[tokio::test]
async fn a_real_balancer_in_front() {
    if !have("haproxy", "haproxy") {
        return;
    }
    let options = behind_a_balancer();
    let rest = options.rest.replace("roles", "networks = [\"127.0.0.5/32\"]\nroles");
    let allow = "[\"127.0.0.5/32\", \"127.0.0.2/32\"]".into();
    let scene = Scene::with(SceneOptions { rest, allow, ..options }).await;
    let front = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let configuration = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n\
         frontend f\n bind {front}\n default_backend b\n\
         backend b\n source 127.0.0.2\n server s {} send-proxy-v2 check inter 100ms\n",
        scene.address()
    );
    scene.write("haproxy.cfg", &configuration, 0o644);
    let haproxy = Command::new("/usr/sbin/haproxy")
        .args(["-db", "-f"])
        .arg(scene.path("haproxy.cfg"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _haproxy = HaProxy(haproxy.unwrap());
    let mut peer = scene.peer("jump01").from("127.0.0.5");
    peer.gate = front;
    wait::until("HAProxy", || async { peer.tcp().await.ok() }).await;
    peer.cookie().await;
    let record = &scene.records("login")[0];
    assert_eq!(record["source.ip"], "127.0.0.5");
    assert_eq!(record["tsmgate.proxy.ip"], "127.0.0.2");
    // the same client from where it may not come
    let mut elsewhere = scene.peer("jump01").from("127.0.0.6");
    elsewhere.gate = front;
    let mut read = [0];
    let mut refused = elsewhere.tcp().await.unwrap();
    assert!(matches!(refused.read(&mut read).await, Ok(0) | Err(_)));
    assert_eq!(scene.refusal("address_not_listed").await["source.ip"], "127.0.0.6");
}
