//! R1 for the api lane: each thing that has to be right, wrong by itself, and TSM hears nothing; neither its
//! controller nor, for a session, its login socket.

use tests::http::Http;
use tests::peer::refusal_of;
use tests::scene::entry;
use tests::{Authority, Identity, Peer, Scene, SceneOptions, wait};
use time::OffsetDateTime;
use tsmsim::ApiBehaviour;

const STATUS: &str = "/api/0.5/status";

/// A peer of its own address, so that no case is banned or summed up for another's sake.
fn stranger(scene: &Scene, number: u8, identity: Option<&Identity>) -> Peer {
    scene.peer_with(identity).from(&format!("127.0.1.{number}"))
}

/// R1: address, certificate, identity, network, role, rate: until all of them said yes, no request and no
/// connection reaches TSM, and none for a session
#[tokio::test]
async fn no_refused_request_reaches_tsm() {
    let authority = Authority::new("tests");
    let revoked = authority.client("jump01");
    let expired = authority.client_with("jump01", |params| {
        params.not_after = OffsetDateTime::now_utc() - time::Duration::HOUR;
    });
    let foreign = Authority::new("others").client("jump01");
    let rest = format!(
        "{}{}{}networks = [\"127.0.0.77/32\"]\n{}[client.limits]\n\
         requests = {{ per_minute = 1, burst = 1 }}\n[revoked]\nserials = [\"{}\"]\n",
        entry("jump01", "[\"monitor\"]"),
        entry("fetcher", "[\"login\"]"),
        entry("elsewhere", "[\"monitor\"]"),
        entry("hasty", "[\"monitor\"]"),
        revoked.serial
    );
    let allow = "[\"127.0.0.0/16\"]".to_owned();
    let scene = Scene::of(authority, SceneOptions { allow, rest, ..SceneOptions::api("[]") }).await;

    let unlisted = scene.peer("jump01").from("127.1.0.1");
    assert!(Http::open(&unlisted).await.is_err(), "a handshake with an address that is not listed");
    scene.refusal("address_not_listed").await;

    let unknown = scene.authority.client("mallory");
    let elsewhere = scene.authority.client("elsewhere");
    for (number, identity, alert, code) in [
        (1, None, "CertificateRequired", "certificate_missing"),
        (2, Some(&foreign), "UnknownCA", "certificate_invalid"),
        (3, Some(&unknown), "AccessDenied", "client_unknown"),
        (4, Some(&revoked), "CertificateRevoked", "certificate_revoked"),
        (5, Some(&expired), "CertificateExpired", "certificate_expired"),
        (6, Some(&elsewhere), "AccessDenied", "client_elsewhere"),
    ] {
        let opened = Http::open(&stranger(&scene, number, identity)).await;
        let told = match opened {
            Ok(mut http) => http.get(STATUS).await.expect_err(code),
            Err(error) => error,
        };
        assert_eq!(refusal_of(&told), alert, "{code}");
        scene.refusal(code).await;
    }

    let fetcher = scene.authority.client("fetcher");
    let mut http = Http::open(&stranger(&scene, 7, Some(&fetcher))).await.unwrap();
    assert_eq!(http.get(STATUS).await.unwrap().code().as_deref(), Some("not_permitted"));
    scene.refusal("permission_missing").await;

    let hasty = scene.authority.client("hasty");
    let mut http = Http::open(&stranger(&scene, 8, Some(&hasty))).await.unwrap();
    assert_eq!(http.get("/v1/whoami").await.unwrap().status, 200);
    let over = http.get(STATUS).await.unwrap();
    assert_eq!((over.status, over.code().as_deref()), (429, Some("over_limit")));
    scene.refusal("client_over_rate").await;
    scene.nothing_reached_tsm();

    // and with all of it right
    let known = scene.authority.client("jump01");
    let mut http = Http::open(&stranger(&scene, 9, Some(&known))).await.unwrap();
    assert_eq!(http.get(STATUS).await.unwrap().status, 200);
    let counts = scene.tsm.counts();
    assert_eq!((counts.connections, counts.api_connections, counts.requests), (1, 1, 1));
}

/// R1: who has as many calls under way as it may does not reach TSM with another
#[tokio::test]
async fn a_call_beyond_those_under_way_does_not_reach_tsm() {
    let requests = "requests = { per_minute = 60000, burst = 1000 }";
    let client_limits = format!("in_flight = 1\n{requests}");
    let options = SceneOptions { client_limits, ..SceneOptions::api("[\"monitor\"]") };
    let scene = Scene::with(options).await;
    scene.api().behave_next(ApiBehaviour::Silent);
    let mut first = Http::open(&scene.peer("jump01")).await.unwrap();
    let mut second = Http::open(&scene.peer("jump01")).await.unwrap();
    let silent = tokio::spawn(async move { first.get(STATUS).await });
    let asked = || async { (scene.tsm.counts().requests == 1).then_some(()) };
    wait::until("the first request at TSM", asked).await;
    let over = second.get(STATUS).await.unwrap();
    assert_eq!((over.status, over.code().as_deref()), (429, Some("over_limit")));
    scene.refusal("client_in_flight").await;
    let counts = scene.tsm.counts();
    assert_eq!((counts.connections, counts.api_connections, counts.requests), (1, 1, 1));
    assert!(!silent.is_finished(), "the first call was over before the second was refused");
}
