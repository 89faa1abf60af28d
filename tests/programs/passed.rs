//! Sockets that are handed over, as systemd does: they count before the configured address, what is not
//! one listening TCP socket is refused, and a restart behind one loses nobody. And Unix sockets, which
//! are nobody else's.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;
use tests::program::Gated;
use tests::{Peer, Scene, SceneOptions};
use tokio::net::UnixSocket;
use tokio::task::JoinSet;

use crate::stage::{config, run, stage};

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

/// R55: a second one would never be accepted from: it ends the start too
#[tokio::test]
async fn several_sockets_are_refused() {
    let scene = stage(SceneOptions::default()).await;
    let two = "exec 3<&0 4<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"";
    let socket = OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    let input = Stdio::from(socket);
    let (status, log) =
        Gated::start_with(&config(&scene), &["sh", "-c", two, "sh"], &[], input).end();
    assert_eq!(status.code(), Some(71), "{log:?}");
    let says = "systemd handed over: there are 2; the socket unit needs one ListenStream=";
    assert!(log.last().unwrap().ends_with(says), "{log:?}");
    assert!(!scene.path("log/audit.jsonl").exists());
}

/// A scene that shows its metrics on a Unix socket in a folder of that mode; and the socket's path.
async fn with_metrics(mode: u32) -> (Scene, std::path::PathBuf) {
    let scene = stage(SceneOptions::default()).await;
    let (folder, socket) = (scene.path("run"), scene.path("run/metrics.sock"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    let metrics = format!("[metrics]\nlisten = \"unix:{}\"\n\n[audit]", socket.display());
    scene.edit("[audit]", &metrics);
    (scene, socket)
}

/// That the start fails at the metrics' socket, and with which words.
fn cannot_listen(scene: &Scene, socket: &std::path::Path) -> String {
    let (status, log) = run(scene).end();
    assert_eq!(status.code(), Some(71), "{log:?}");
    let begins = format!("tsmgated: cannot listen on {}: ", socket.display());
    log.last().unwrap().strip_prefix(&begins).unwrap_or_else(|| panic!("{log:?}")).to_owned()
}

/// R56: in a folder that others may write they could replace the socket: it is not used
#[tokio::test]
async fn a_metrics_socket_in_others_folder_is_refused() {
    for mode in [0o777, 0o1777, 0o770] {
        let (scene, socket) = with_metrics(mode).await;
        let why = cannot_listen(&scene, &socket);
        assert!(why.contains(&format!("can be written by others (mode {mode:04o})")), "{why}");
        assert!(!socket.exists());
    }
}

/// R55: a socket that another process listens on is left alone, also one that accepts nobody; what an
/// earlier life left is replaced
#[tokio::test]
async fn a_unix_socket_is_taken_from_the_dead_alone() {
    let (scene, socket) = with_metrics(0o755).await;
    let other = UnixSocket::new_stream().unwrap();
    other.bind(&socket).unwrap();
    // nobody is accepted, and there is a place for one: whoever comes second would wait
    let other = other.listen(0).unwrap();
    for _ in 0..2 {
        assert!(cannot_listen(&scene, &socket).starts_with("address in use"));
    }
    drop(other);
    assert!(socket.exists());
    let gated = run(&scene);
    gated.address();
    assert!(UnixStream::connect(&socket).is_ok());
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
