//! Sockets that are handed over, as systemd does: they count before the configured address, what is no
//! listening TCP socket is refused, and a restart behind one loses nobody.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;
use tests::program::Gated;
use tests::{Peer, Scene, SceneOptions};
use tokio::task::JoinSet;

use crate::stage::{config, stage};

/// Moves standard input to where sockets are handed over, and says so to the program that follows.
const HAND_OVER: [&str; 4] =
    ["sh", "-c", "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"", "sh"];

/// `tsmgated run` with this socket.
fn run_with(scene: &Scene, socket: impl Into<OwnedFd>) -> Gated {
    Gated::start_with(&config(scene), &HAND_OVER, &[], Stdio::from(socket.into()))
}

fn peer_of(scene: &Scene, gate: std::net::SocketAddr) -> Peer {
    Peer::new(gate, &scene.authority.pem(), Some(&scene.authority.client("jump01")))
}

/// R54: a socket that is handed over counts, and the configured address is not listened on
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_handed_over_counts() {
    let configured = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    let listen = format!("address = \"{configured}\"");
    let scene = stage(SceneOptions { listen, ..SceneOptions::default() }).await;
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let gated = run_with(&scene, socket);
    assert_eq!(gated.address(), address);
    let line = gated.line_with("listening");
    assert!(line.contains("handed_over=true"), "{line}");
    peer_of(&scene, address).cookie().await;
    assert!(TcpStream::connect(configured).is_err(), "the configured address is open too");
    assert_eq!(scene.records("start")[0]["server.address"], address.to_string());
    // the address is not ours to change: what the configuration says of it is still compared
    gated.signal(Signal::SIGHUP);
    gated.line_with("read anew");
    peer_of(&scene, address).cookie().await;
}

/// R55: whatever else is handed over ends the start with a sentence
#[tokio::test]
async fn what_is_no_listening_socket_is_refused() {
    let scene = stage(SceneOptions::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let things: [(&str, OwnedFd); 4] = [
        ("UDP", UdpSocket::bind("127.0.0.1:0").unwrap().into()),
        ("a Unix socket", UnixListener::bind(scene.path("socket")).unwrap().into()),
        ("a connection", connected.into()),
        ("a file", std::fs::File::open(config(&scene)).unwrap().into()),
    ];
    for (case, thing) in things {
        let (status, log) = run_with(&scene, thing).end();
        assert_eq!(status.code(), Some(71), "{case}: {log:?}");
        let last = log.last().unwrap();
        let begins = "tsmgated: cannot listen on the socket that systemd handed over: ";
        assert!(last.starts_with(begins), "{case}: {last}");
    }
    assert!(!scene.path("log/audit.jsonl").exists());
}

/// R54, R56a: behind a socket that is handed over restarts under load refuse nobody and fail nobody
#[tokio::test(flavor = "multi_thread")]
async fn restarts_under_load_lose_no_login() {
    let scene = stage(SceneOptions::default()).await;
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let mut gated = run_with(&scene, socket.try_clone().unwrap());
    let mut callers = JoinSet::new();
    for _ in 0..3 {
        let (peer, over) = (peer_of(&scene, address), Arc::clone(&over));
        callers.spawn(async move {
            let mut logins = 0;
            while !over.load(Ordering::Relaxed) {
                peer.cookie().await;
                logins += 1;
            }
            logins
        });
    }
    for _ in 0..4 {
        peer_of(&scene, address).cookie().await;
        gated.signal(Signal::SIGTERM);
        let (status, log) = gated.end();
        assert_eq!(status.code(), Some(0), "{log:?}");
        gated = run_with(&scene, socket.try_clone().unwrap());
    }
    peer_of(&scene, address).cookie().await;
    over.store(true, Ordering::Relaxed);
    let mut logins = 0;
    while let Some(count) = callers.join_next().await {
        logins += count.expect("a login that failed or was refused");
    }
    assert!(logins > 0, "nobody logged in meanwhile");
    assert!(scene.records("refused").is_empty(), "{:?}", scene.records("refused"));
    assert_eq!(scene.tsm.counts().cookies, logins + 5);
    assert_eq!(scene.records("start").len(), 5);
    gated.signal(Signal::SIGTERM);
    assert_eq!(gated.wait(), Some(0));
    scene.verify();
}
