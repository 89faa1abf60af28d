//! Those who call: each goes on until it is over, checks every answer, and panics at a wrong one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tests::Peer;
use tests::http::Http;
use tests::local::login_as;
use tests::peer::{call, rest};
use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};
use tsmgate_wire::Answer;

use crate::figures::{End, Figures};

/// How long after its revocation a client may still be served, and its connection be open.
const CUT: Duration = Duration::from_secs(2);
/// No single call takes longer, whatever happens.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all of them share.
#[derive(Clone)]
pub struct Stage {
    /// Set at the end.
    pub over: Arc<AtomicBool>,
    /// Where calls are counted.
    pub figures: Figures,
    /// Whether TSM is restarting, or was a moment ago: a call may fail at it.
    pub tsm_shaky: Arc<AtomicBool>,
    /// Cookies that came, whoever got them.
    pub cookies: Arc<AtomicU64>,
}

impl Stage {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// What an answer to a login comes to.
    fn login(&self, answer: &Answer) -> End {
        match answer {
            Answer::Granted(login) => {
                assert!(login.cookie.value().expose().len() > 20, "half a cookie");
                self.cookies.fetch_add(1, Ordering::Relaxed);
                End::Served
            }
            Answer::Exception(_) if self.tsm_shaky.load(Ordering::Relaxed) => End::Refused,
            // sent when TSM was just gone, told when it was back
            Answer::Exception(exception) if exception.message.starts_with("backend_") => {
                End::Refused
            }
            other => panic!("{other:?}"),
        }
    }
}

/// One connection for each login.
pub async fn cold(stage: Stage, peer: Peer) {
    while stage.goes_on() {
        let begun = Instant::now();
        let answer = timeout(PATIENCE, peer.login()).await.expect("an answer in time");
        let end = stage.login(&answer.expect("nobody cuts this one"));
        stage.figures.count("login, cold", begun, end);
    }
}

/// Many logins on each connection.
pub async fn kept(stage: Stage, peer: Peer) {
    while stage.goes_on() {
        let mut stream = peer.connect().await.unwrap();
        for sequence in 1..=50 {
            let begun = Instant::now();
            let answer = timeout(PATIENCE, call(&mut stream, sequence)).await.unwrap().unwrap();
            stage.figures.count("login, kept", begun, stage.login(&answer));
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// TSM's API: what is there, what is not, and what is no request; the last ends the connection.
pub async fn api(stage: Stage, peer: Peer) {
    let asked = [
        ("/api/0.5/status", 200),
        ("/api/0.5/serverInfo", 200),
        ("/api/0.5/nothing-of-the-kind", 404),
        ("/api/0.5/../status", 400),
    ];
    while stage.goes_on() {
        let mut http = Http::open(&peer).await.unwrap();
        for (path, wanted) in asked {
            let begun = Instant::now();
            let answer = timeout(PATIENCE, http.get(path)).await.expect("an answer in time");
            let answer = answer.expect("an answer");
            let shaky = answer.status == 502 || answer.status == 503 || answer.status == 504;
            let end = match answer.status {
                status if status == wanted => End::Served,
                _ if shaky => End::Refused,
                other => panic!("{path}: {other}: {:?}", String::from_utf8_lossy(&answer.body)),
            };
            stage.figures.count("api", begun, end);
            sleep(Duration::from_millis(3)).await;
            if shaky {
                // it may have ended the conversation
                break;
            }
        }
    }
}

/// A user of this host at the local socket.
pub async fn local(stage: Stage, socket: PathBuf) {
    while stage.goes_on() {
        let begun = Instant::now();
        let answer = timeout(PATIENCE, login_as(0, &socket)).await.unwrap().unwrap();
        stage.figures.count("login, local", begun, stage.login(&answer));
        sleep(Duration::from_millis(20)).await;
    }
}

/// A client that is revoked and let in again: `since` is when its standing changed, and to what.
pub async fn guest(stage: Stage, peer: Peer, since: Arc<std::sync::Mutex<(Instant, bool)>>) {
    let standing = || *since.lock().unwrap();
    while stage.goes_on() {
        let begun = Instant::now();
        let before = standing();
        let end = match peer.connect().await {
            Err(_) => End::Broken,
            Ok(mut stream) => match timeout(PATIENCE, call(&mut stream, 1)).await.unwrap() {
                Err(_) => End::Broken,
                Ok(answer) => {
                    let end = stage.login(&answer);
                    // idle, until it is cut or a while is over
                    let _ = timeout(Duration::from_millis(700), rest(&mut stream)).await;
                    end
                }
            },
        };
        // what changed meanwhile may go either way
        let after = standing();
        if before == after && before.0 + CUT < begun {
            match after.1 {
                true => assert_ne!(end, End::Broken, "it is let in, and was not served"),
                false => assert_eq!(end, End::Broken, "it was revoked {:?} ago", after.0.elapsed()),
            }
        }
        stage.figures.count("login, now and then revoked", begun, end);
        sleep(Duration::from_millis(30)).await;
    }
}

/// Strangers: silent ones, half a handshake, another authority's certificate, bytes of another protocol, and what is
/// no call from who may call.
pub async fn strangers(stage: Stage, stranger: Peer, peer: Peer) {
    while stage.goes_on() {
        let begun = Instant::now();
        if let Ok(silent) = stranger.tcp().await {
            sleep(Duration::from_millis(200)).await;
            drop(silent);
        }
        if let Ok(mut half) = stranger.tcp().await {
            let _ = half.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
        }
        if let Ok(mut other) = stranger.tcp().await {
            let _ = other.write_all(b"GET / HTTP/1.1\r\nHost: tsm\r\n\r\n").await;
        }
        assert!(stranger.login().await.is_err(), "a stranger was let in");
        if let Ok(mut stream) = peer.connect().await {
            let _ = stream
                .write_all(b"\x80\x01\x00\x01\x00\x00\x00\x05reset\x00\x00\x00\x01\x00")
                .await;
            let (answer, _) = rest(&mut stream).await;
            let text = String::from_utf8_lossy(&answer);
            assert!(text.contains("unknown_method"), "{text}");
        }
        stage.figures.count("strangers, a round", begun, End::Refused);
        sleep(Duration::from_millis(100)).await;
    }
}
