//! Before a TLS byte: addresses, caps, spellings of addresses; and that whoever is refused, at
//! whatever stage, does not reach TSM.

use tests::peer::{call, cookie_of};
use tests::scene::entry;
use tests::{Authority, Peer, Scene, SceneOptions};
use time::{Duration, OffsetDateTime};
use tsmgate_wire::Answer;

use crate::case::{NO_RATE, not_a_byte, occupancy, record, refused, stranger};

/// R1: address, certificate, identity, network, role, rate: until all of them said yes, no connection
/// to TSM is opened
#[tokio::test]
async fn nobody_who_is_refused_reaches_tsm() {
    let authority = Authority::new("tests");
    let revoked = authority.client("jump01");
    let expired = authority.client_with("jump01", |params| {
        params.not_after = OffsetDateTime::now_utc() - Duration::HOUR;
    });
    let rest = format!(
        "{}{}{}networks = [\"127.0.0.77/32\"]\n[revoked]\nserials = [\"{}\"]\n",
        entry("jump01", "[\"login\"]"),
        entry("watcher", "[\"monitor\"]"),
        entry("elsewhere", "[\"login\"]"),
        revoked.serial
    );
    let admission = "source_rate = { per_minute = 1, burst = 1 }".to_owned();
    let allow = "[\"127.0.0.0/16\"]".to_owned();
    let options = SceneOptions { allow, admission, rest, ..SceneOptions::default() };
    let scene = Scene::of(authority, options).await;
    let known = scene.authority.client("jump01");

    let unlisted = scene.peer("jump01").from("127.1.0.1");
    not_a_byte(&unlisted).await;
    assert_eq!(
        record(&scene, unlisted.from.unwrap(), "address_not_listed").await["tsmgate.stage"],
        "admit"
    );

    let unknown = scene.authority.client("mallory");
    let elsewhere = scene.authority.client("elsewhere");
    for (number, identity, alert, code) in [
        (0, None, "CertificateRequired", "certificate_missing"),
        (1, Some(&unknown), "AccessDenied", "client_unknown"),
        (2, Some(&revoked), "CertificateRevoked", "certificate_revoked"),
        (3, Some(&expired), "CertificateExpired", "certificate_expired"),
        (4, Some(&elsewhere), "AccessDenied", "client_elsewhere"),
    ] {
        let peer = stranger(&scene, number, identity);
        let line = refused(&scene, code, &peer, alert, code).await;
        assert!(["handshake", "identify"].contains(&line["tsmgate.stage"].as_str().unwrap()));
    }

    let watcher = stranger(&scene, 5, Some(&scene.authority.client("watcher")));
    assert_eq!(watcher.login().await.unwrap(), Answer::NotAuthorized);
    assert_eq!(
        record(&scene, watcher.from.unwrap(), "permission_missing").await["client.user.name"],
        "watcher"
    );

    // one connection a minute: the first says nothing, the second is over the rate
    let hasty = stranger(&scene, 6, Some(&known));
    let first = hasty.connect().await.unwrap();
    not_a_byte(&hasty).await;
    record(&scene, hasty.from.unwrap(), "source_over_rate").await;
    drop(first);
    scene.nothing_reached_tsm();

    stranger(&scene, 7, Some(&known)).cookie().await;
    assert_eq!(scene.tsm.counts().connections, 1);
}

/// R25: an address outside of the allowlist gets not one TLS byte, whatever it sends, and is recorded
/// before any handshake
#[tokio::test]
async fn an_unlisted_address_hears_nothing() {
    let options = SceneOptions { allow: "[\"127.0.0.1/32\"]".into(), ..SceneOptions::default() };
    let scene = Scene::with(options).await;
    let peer = scene.peer("jump01").from("127.0.0.2");
    not_a_byte(&peer).await;
    // with a good certificate and a whole ClientHello too
    assert!(["closed", "reset"].contains(&peer.refusal().await.as_str()));
    let line = record(&scene, peer.from.unwrap(), "address_not_listed").await;
    assert_eq!(line["tsmgate.stage"], "admit");
    assert!(line["tls.client.x509.serial_number"].is_null(), "a handshake was made: {line}");
    scene.nothing_reached_tsm();
    scene.peer("jump01").from("127.0.0.1").cookie().await;
}

/// R24: on a dual-stack socket an IPv4 peer meets the IPv4 rules, and is recorded as IPv4
#[tokio::test]
async fn a_mapped_address_is_its_ipv4_address() {
    let networks = "networks = [\"127.0.0.0/24\"]\n";
    let options = SceneOptions {
        listen: "address = \"[::]:0\"".into(),
        allow: "[\"127.0.0.0/16\"]".into(),
        rest: entry("jump01", "[\"login\"]") + networks,
        ..SceneOptions::default()
    };
    let scene = Scene::with(options).await;
    let port = scene.address().port();
    let known = scene.authority.client("jump01");
    let via = |gate: &str| {
        Peer::new(format!("{gate}:{port}").parse().unwrap(), &scene.authority.pem(), Some(&known))
    };

    let unlisted = via("127.0.0.1").from("127.1.0.1");
    not_a_byte(&unlisted).await;
    record(&scene, "127.1.0.1".parse().unwrap(), "address_not_listed").await;
    let elsewhere = via("127.0.0.1").from("127.0.9.1");
    refused(&scene, "the entry's networks", &elsewhere, "AccessDenied", "client_elsewhere").await;
    // IPv6 itself is not listed, however it is spelled
    not_a_byte(&via("[::1]")).await;
    record(&scene, "::1".parse().unwrap(), "address_not_listed").await;
    scene.nothing_reached_tsm();

    via("127.0.0.1").from("127.0.0.5").cookie().await;
    let calls = scene.records("login");
    assert_eq!(calls[0]["source.ip"], "127.0.0.5");
}

/// R21: proven connections are capped in all and for a source; who is above hears nothing, and a place
/// that is free again is free
#[tokio::test]
async fn proven_connections_are_capped() {
    for (caps, from, code) in [
        ("connections = 2", "127.0.0.3", "gate_full"),
        ("connections = 3\nconnections_per_source = 2", "127.0.0.1", "source_over_connections"),
    ] {
        let admission = format!("{NO_RATE}{caps}");
        let scene = Scene::with(SceneOptions { admission, ..SceneOptions::default() }).await;
        let known = scene.peer("jump01").from("127.0.0.1");
        let mut first = known.connect().await.unwrap();
        let second = known.connect().await.unwrap();
        occupancy(&scene, 0, 2).await;
        let third = scene.peer("jump01").from(from);
        not_a_byte(&third).await;
        let line = record(&scene, from.parse().unwrap(), code).await;
        assert_eq!(line["tsmgate.stage"], "admit");
        scene.nothing_reached_tsm();

        // who is in stays in, and who leaves makes room
        cookie_of(call(&mut first, 1).await.unwrap());
        drop(second);
        occupancy(&scene, 0, 1).await;
        third.cookie().await;
    }
}

/// R21: the cap of one source leaves the places of others
#[tokio::test]
async fn a_source_at_its_cap_does_not_keep_others_out() {
    let admission = format!("{NO_RATE}connections = 3\nconnections_per_source = 2");
    let scene = Scene::with(SceneOptions { admission, ..SceneOptions::default() }).await;
    let greedy = scene.peer("jump01").from("127.0.0.1");
    let _held = (greedy.connect().await.unwrap(), greedy.connect().await.unwrap());
    occupancy(&scene, 0, 2).await;
    not_a_byte(&greedy).await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").from("127.0.0.2").cookie().await;
}
