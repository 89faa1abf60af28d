//! The way to TSM's controller as it should not be: down, silent, to somebody else, gone meanwhile, too narrow.
//! Nothing is sent to who is not TSM, and no change twice.

use std::time::Instant;

use serde_json::json;
use tests::http::{Http, find};
use tests::{Authority, Scene, SceneOptions, wait};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tsmsim::{ApiBehaviour, ApiOptions};

use crate::api_support::{EVERYTHING, STATUS, asked, every_byte, lane, open, outcomes, told};
use crate::support::SOON;

const MONITOR: &str = "[\"monitor\"]";

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Names another port for the controller, and has that read.
async fn move_controller(scene: &Scene, port: u16) {
    let own = format!("https://localhost:{}", scene.api().address().port());
    scene.edit(&own, &format!("https://localhost:{port}"));
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
}

/// A controller that is not there is told at once, is not hammered, and is found again.
#[tokio::test]
async fn a_controller_that_is_down_is_told_and_found_again() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    move_controller(&scene, port).await;
    let begun = Instant::now();
    for _ in 0..15 {
        assert_eq!(asked(&scene, "GET", STATUS, b"").await, refused(502, "backend_unreachable"));
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    scene.edit(&port.to_string(), &scene.api().address().port().to_string());
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    wait::until("the controller", || async {
        (asked(&scene, "GET", STATUS, b"").await.0 == 200).then_some(())
    })
    .await;
}

/// One that accepts and says nothing, one that hangs up, one that speaks no TLS: none of them learns the
/// session, and the caller learns of it in time.
#[tokio::test]
async fn a_port_that_speaks_no_tls_is_no_controller() {
    let unreachable = "backend_unreachable";
    for (words, code) in [
        (None, unreachable),
        (Some(&b""[..]), unreachable),
        (Some(b"HTTP/1.1 200 OK\r\n\r\n"), "backend_untrusted"),
        (Some(&[0x16, 3, 3, 0, 0]), "backend_untrusted"),
    ] {
        let scene = Scene::with(lane(MONITOR, "")).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        move_controller(&scene, listener.local_addr().unwrap().port()).await;
        let imposter = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = vec![0; 64 * 1024];
            let count = stream.read(&mut seen).await.unwrap();
            if let Some(words) = words {
                tokio::io::AsyncWriteExt::write_all(&mut stream, words).await.unwrap();
                drop(stream);
            } else {
                // until the other side gives up
                while stream.read(&mut seen[count..]).await.unwrap_or(0) > 0 {}
            }
            seen.truncate(count);
            seen
        });
        let begun = Instant::now();
        assert_eq!(asked(&scene, "GET", STATUS, b"").await, refused(502, code));
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        let seen = imposter.await.unwrap();
        let cookie = scene.tsm.cookies().pop().unwrap();
        assert!(find(&seen, cookie.as_bytes()).is_none());
        assert_eq!(outcomes(&scene), [code]);
    }
}

/// R63: a controller with another certificate than the pinned one is sent nothing
#[tokio::test]
async fn another_certificate_than_the_pinned_one_gets_nothing() {
    let scene = Scene::with(lane(MONITOR, "")).await;
    let other = Scene::with(lane(MONITOR, "")).await;
    move_controller(&scene, other.api().address().port()).await;
    assert_eq!(asked(&scene, "GET", STATUS, b"").await, refused(502, "backend_untrusted"));
    assert!(other.tsm.requests().is_empty());
    assert!(other.api().connections().iter().all(|connection| connection.received.is_empty()));
    assert_eq!(outcomes(&scene), ["backend_untrusted"]);
}

/// R63: with an authority instead of a pin, its certificate for another name gets nothing, nor does one of
/// another authority
#[tokio::test]
async fn a_certificate_for_another_name_gets_nothing() {
    let authority = Authority::new("tsm");
    let right = authority.server(|_| {});
    let cases = [
        (right, authority.pem(), 200),
        (Authority::new("tsm").server(|_| {}), authority.pem(), 502),
        (
            authority.server(|parameters| {
                parameters.subject_alt_names =
                    vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
            }),
            authority.pem(),
            502,
        ),
    ];
    for (identity, trusted, status) in cases {
        let certificate =
            tsmsim::ServerCertificate::Given { chain: identity.chain, key: identity.key };
        let api = Some(ApiOptions { certificate, ..ApiOptions::default() });
        let files = vec![("tsm-ca.pem".to_owned(), trusted)];
        let scene = Scene::with(SceneOptions { api, files, ..lane(MONITOR, "") }).await;
        let text = std::fs::read_to_string(scene.path("tsmgated.toml")).unwrap();
        let pin = text.lines().find(|line| line.starts_with("api_certificate_sha256")).unwrap();
        scene.edit(pin, "api_authority = \"tsm-ca.pem\"");
        scene.daemon.as_ref().unwrap().reload().await.unwrap();
        let answer = asked(&scene, "GET", STATUS, b"").await;
        let code = if status == 200 { "" } else { "backend_untrusted" };
        assert_eq!(answer, refused(status, code));
        let seen = scene.tsm.requests().into_iter().filter(|one| one.target == STATUS).count();
        assert_eq!(seen, usize::from(status == 200));
    }
}

/// Connections are kept; where the controller was restarted they are found dead and others made, and a
/// question that was on its way is asked again.
#[tokio::test]
async fn a_restarted_controller_is_asked_on_new_connections() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    let mut http = open(&scene).await;
    for _ in 0..5 {
        assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    }
    assert_eq!(scene.tsm.counts().api_connections, 1);
    scene.tsm.restart().await.unwrap();
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert_eq!(scene.tsm.counts().api_connections, 2);
    // the kept connection dies with the question in it
    scene.api().behave_next(ApiBehaviour::CloseInHeader);
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    assert_eq!(scene.tsm.counts().api_connections, 3);
    assert_eq!(scene.tsm.requests().len(), 8);
    // on a new connection it is not asked a third time
    scene.api().behave_next(ApiBehaviour::CloseInHeader);
    scene.api().behave_next(ApiBehaviour::CloseInHeader);
    assert_eq!(told(&http.get(STATUS).await.unwrap()), refused(502, "backend_garbage"));
    assert_eq!(scene.tsm.requests().len(), 10);
    assert_eq!(scene.tsm.counts().cookies, 1);
}

/// What changes something is sent once: where its connection dies, the caller is told and looks himself.
#[tokio::test]
async fn a_change_is_never_sent_twice() {
    let options = SceneOptions {
        api: Some(ApiOptions { assumed_routes: true, ..ApiOptions::default() }),
        ..lane(EVERYTHING, "")
    };
    let scene = Scene::with(options).await;
    let path = "/api/0.5/configurations/pending/keys";
    let body = json!({ "configKeys": { "gateway.public.host": "here" } }).to_string();
    let mut http = open(&scene).await;
    for (method, path, body) in [
        ("POST", path, body.as_bytes()),
        ("DELETE", "/api/0.5/configurations/pending", b""),
        ("PUT", "/api/0.5/asyncJobs/1/cancelled", b""),
    ] {
        // on a connection that was kept, and on one that is new
        for _ in 0..2 {
            let before = scene.tsm.requests().len();
            scene.api().behave_next(ApiBehaviour::CloseInHeader);
            let answer = http.ask(method, path, "", body).await.unwrap();
            assert_eq!(told(&answer), refused(502, "backend_garbage"), "{method}");
            assert_eq!(scene.tsm.requests().len(), before + 1, "{method}");
            assert_eq!(outcomes(&scene).last().unwrap(), "backend_garbage");
        }
        assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    }
}

/// As many requests at once as the configuration allows reach TSM; who waits too long is told so.
#[tokio::test]
async fn no_more_requests_at_once_than_configured() {
    let options = SceneOptions { tsm: "connections = 2".into(), ..lane(MONITOR, "call = \"4s\"") };
    let scene = Scene::with(options).await;
    assert_eq!(asked(&scene, "GET", STATUS, b"").await.0, 200);
    scene.api().behave(ApiBehaviour::Silent);
    let peer = scene.peer("jump01");
    let one = || {
        let peer = peer.clone();
        tokio::spawn(async move {
            let mut http = Http::open(&peer).await.unwrap();
            told(&http.get(STATUS).await.unwrap())
        })
    };
    let first = [one(), one()];
    scene.tsm.wait_until(wait::PATIENCE, |counts| counts.requests == 3).await.unwrap();
    assert_eq!(one().await.unwrap(), refused(503, "backend_busy"));
    assert_eq!(scene.tsm.counts().requests, 3);
    for request in first {
        assert_eq!(request.await.unwrap(), refused(504, "backend_timeout"));
    }
    // nothing of the wait is left over
    let bytes = every_byte(&peer, "GET", "/v1/whoami", "", b"").await;
    assert!(bytes.starts_with(b"HTTP/1.1 200"));
}
