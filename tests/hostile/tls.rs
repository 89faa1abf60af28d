//! What of TLS is offered: version 1.3 with a hybrid key exchange, our protocol name, every time a full
//! handshake; and what is not.

use std::io::Write;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, HandshakeKind, NamedGroup, RootCertStore, ServerConfig, ServerConnection,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tests::{Scene, SceneOptions};
use tokio::io::AsyncWriteExt;

use crate::case::{record, refused, stranger};
use crate::openssl::{CALL, here, s_client};
use crate::wire::Wire;

/// A scene that ends idle connections soon, so that `s_client` ends too.
async fn brief() -> Scene {
    Scene::with(SceneOptions { login: "idle = \"300ms\"".into(), ..SceneOptions::default() }).await
}

/// R2, R16: stock OpenSSL over TLS 1.3, with 18 golden bytes, gets a cookie, with and without our
/// protocol name; and it is sent no list of authorities
#[tokio::test]
async fn openssl_gets_a_cookie_over_tls_1_3() {
    if !here() {
        return;
    }
    let scene = brief().await;
    let who = scene.authority.client("jump01");
    for options in [&["-tls1_3", "-alpn", "tsm-login"][..], &[]] {
        let heard = s_client(&scene, &who, options, CALL).await;
        let cookie = scene.tsm.cookies().pop().unwrap_or_default();
        assert!(!cookie.is_empty() && heard.text.contains(&cookie), "{}", heard.text);
        assert!(heard.text.contains("New, TLSv1.3"), "{}", heard.text);
        assert!(heard.text.contains("No client certificate CA names sent"), "{}", heard.text);
        assert!(heard.text.contains("Verify return code: 0"), "{}", heard.text);
        assert!(!heard.text.contains("Acceptable client certificate"), "{}", heard.text);
    }
    assert_eq!(scene.tsm.counts().cookies, 2);
}

/// R2: versions before TLS 1.3 are refused with an alert
#[tokio::test]
async fn older_versions_are_refused() {
    if !here() {
        return;
    }
    for (version, alert) in [
        ("-tls1_2", "alert protocol version"),
        // these cannot name the signatures we ask for, which is found first
        ("-tls1_1", "alert handshake failure"),
        ("-tls1", "alert handshake failure"),
    ] {
        let scene = brief().await;
        let who = scene.authority.client("jump01");
        let weak = [version, "-cipher", "ALL:@SECLEVEL=0"];
        let heard = s_client(&scene, &who, &weak, CALL).await;
        assert!(!heard.success, "{version}: {}", heard.text);
        assert!(heard.text.contains(alert), "{version}: {}", heard.text);
        let line = record(&scene, "127.0.0.1".parse().unwrap(), "tls_incompatible").await;
        assert_eq!(line["tsmgate.stage"], "handshake");
        scene.nothing_reached_tsm();
        scene.peer("jump01").cookie().await;
    }
}

/// R2: no anonymous and no null suite, however low the client goes
#[tokio::test]
async fn suites_without_secrecy_are_refused() {
    if !here() {
        return;
    }
    let scene = brief().await;
    let who = scene.authority.client("jump01");
    let weak = ["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"];
    let heard = s_client(&scene, &who, &weak, CALL).await;
    assert!(!heard.success && heard.text.contains("alert"), "{}", heard.text);
    record(&scene, "127.0.0.1".parse().unwrap(), "tls_incompatible").await;
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R2: with a peer that knows it, keys are exchanged by X25519MLKEM768
#[tokio::test]
async fn the_hybrid_key_exchange_is_preferred() {
    let scene = Scene::start().await;
    let stream = scene.peer("jump01").connect().await.unwrap();
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"tsm-login"[..]));
    scene.peer("jump01").cookie().await;
}

/// R14, R61: our protocol name, alone or among others, and none at all are served; only others are refused,
/// HTTP/2's among them
#[tokio::test]
async fn only_unknown_protocol_names_are_refused() {
    let scene = Scene::start().await;
    let known = scene.authority.client("jump01");
    for (number, names) in
        [&["h2"][..], &["http/1.1"], &["TSM-LOGIN"], &["tsm-login2", "h2"]].into_iter().enumerate()
    {
        let peer = stranger(&scene, number, Some(&known)).offering(names);
        // this refusal is in the clear part of the handshake: the client never gets to write
        let error = peer.connect().await.map(drop).unwrap_err();
        let alert = tests::peer::refusal_of(&error);
        assert_eq!(alert, "NoApplicationProtocol", "{names:?}");
        let line = record(&scene, peer.from.unwrap(), "alpn_unknown").await;
        assert_eq!(line["tsmgate.stage"], "handshake");
    }
    scene.nothing_reached_tsm();
    for names in [&["tsm-login"][..], &[], &["h2", "tsm-login", "http/1.1"]] {
        scene.peer("jump01").offering(names).cookie().await;
    }
}

/// R1, R14: our protocol name does not stand in for a certificate
#[tokio::test]
async fn a_protocol_name_is_no_certificate() {
    let scene = Scene::start().await;
    let peer = stranger(&scene, 0, None);
    refused(&scene, "none", &peer, "CertificateRequired", "certificate_missing").await;
    scene.peer("jump01").cookie().await;
}

/// R12: the gate hands out no ticket and keeps no session: OpenSSL has nothing to come back with
#[tokio::test]
async fn openssl_is_given_no_session() {
    if !here() {
        return;
    }
    let scene = brief().await;
    let who = scene.authority.client("jump01");
    let session = scene.path("session.pem");
    let kept = ["-sess_out", session.to_str().unwrap()];
    let heard = s_client(&scene, &who, &kept, CALL).await;
    assert!(heard.text.contains("New, TLSv1.3"), "{}", heard.text);
    for word in ["Reused", "New Session Ticket", "TLS session ticket"] {
        assert!(!heard.text.contains(word), "{word}: {}", heard.text);
    }
    assert!(heard.text.contains("Early data was not sent"), "{}", heard.text);
    assert!(!session.exists(), "a session was kept");
    assert_eq!(scene.tsm.counts().cookies, 1);
}

/// A client that resumes and sends early data wherever it may, after a server with our name gave it
/// tickets for both.
fn with_tickets(scene: &Scene) -> Arc<ClientConfig> {
    let config = scene.peer("jump01").with(|config| {
        config.resumption = Resumption::in_memory_sessions(16);
        config.enable_early_data = true;
    });
    let config = config.config();
    let provider = Arc::new(tsmgate_server::credentials::provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(scene.authority.pem().as_bytes()).unwrap()).unwrap();
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let identity = scene.authority.server(|_| {});
    let mut generous = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(identity.certificates(), identity.private_key())
        .unwrap();
    generous.max_early_data_size = 1024;
    generous.alpn_protocols = vec![b"tsm-login".to_vec()];
    let generous = Arc::new(generous);
    // twice: the second time is the proof that these tickets are good for a server that takes them
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut client = client_of(&config);
        let mut server = ServerConnection::new(Arc::clone(&generous)).unwrap();
        for _ in 0..4 {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            feed(&bytes, |bytes| server.read_tls(bytes).unwrap());
            server.process_new_packets().unwrap();
            let mut bytes = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut bytes).unwrap();
            }
            feed(&bytes, |bytes| client.read_tls(bytes).unwrap());
            client.process_new_packets().unwrap();
        }
        assert_eq!(client.handshake_kind(), Some(kind));
    }
    config
}

fn feed(mut bytes: &[u8], mut read: impl FnMut(&mut &[u8]) -> usize) {
    while !bytes.is_empty() {
        read(&mut bytes);
    }
}

fn client_of(config: &Arc<ClientConfig>) -> rustls::ClientConnection {
    rustls::ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap()
}

/// R12: a ticket, its early data with it, gets a full handshake and nothing for the early data
#[tokio::test]
async fn tickets_and_early_data_are_worth_nothing() {
    let scene = Scene::start().await;
    let config = with_tickets(&scene);
    for _ in 0..2 {
        let mut wire =
            Wire { tls: client_of(&config), tcp: scene.peer("jump01").tcp().await.unwrap() };
        let mut early = wire.tls.early_data().expect("a ticket for early data");
        early.write_all(CALL).unwrap();
        wire.handshake().await.unwrap();
        assert_eq!(wire.tls.handshake_kind(), Some(HandshakeKind::Full));
        assert!(!wire.tls.is_early_data_accepted());
        crate::case::occupancy(&scene, 0, 1).await;
        // the call in the early data was not heard
        scene.nothing_reached_tsm();
        wire.tcp.shutdown().await.unwrap();
        // no ticket comes either: all that the gate says is its farewell
        assert_eq!(wire.last_bytes().await.len(), 5 + 2 + 1 + 16);
        crate::case::occupancy(&scene, 0, 0).await;
    }
    scene.nothing_reached_tsm();
    scene.peer("jump01").cookie().await;
}

/// R12: two connections of one client that would resume are two full handshakes
#[tokio::test]
async fn every_handshake_is_a_full_one() {
    let scene = Scene::start().await;
    let peer = scene.peer("jump01").with(|config| {
        config.resumption = Resumption::in_memory_sessions(16);
    });
    for _ in 0..3 {
        let mut stream = peer.connect().await.unwrap();
        tests::peer::cookie_of(tests::peer::call(&mut stream, 1).await.unwrap());
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
    }
}
