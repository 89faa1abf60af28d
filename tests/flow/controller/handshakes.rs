//! Servers that cheat in the handshake, or are merely old: a certificate without its key, TLS 1.2, no TLS,
//! and no end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use tests::{Authority, Identity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tsmgate_server::pinning::look::{CONNECT, HANDSHAKE, LookFault, look};

use super::{AUTHORITY, LOOK, asked, loaded, pinned, scene};

type Version = &'static rustls::SupportedProtocolVersion;

/// A server that speaks this version, shows the chain of one and has the key of another; answers what the
/// simulator answers. Gives its port.
async fn server(version: Version, shown: &Identity, key_of: &Identity) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = provider.key_provider.load_private_key(key_of.private_key()).unwrap();
    // as it is, even where certificate and key do not belong together
    let key = SingleCertAndKey::from(CertifiedKey::new(shown.certificates(), key));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(key));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    answering(move |tcp| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(tcp).await else { return };
            let mut bytes = [0; 1024];
            let read = stream.read(&mut bytes).await;
            if read.is_ok_and(|count| count > 0) {
                let _ = stream.write_all(b"HTTP/1.1 401 no\r\n\r\n").await;
                let _ = stream.read(&mut bytes).await;
            }
        }
    })
    .await
    .port()
}

/// Does this with each connection.
async fn answering<F: Future<Output = ()> + Send + 'static>(
    with: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(with(tcp));
        }
    });
    address
}

/// R63: in either version of TLS the pin is asked for, and the key of the certificate too
#[tokio::test]
async fn the_key_is_proven_in_both_versions_of_tls() {
    let ours = Authority::new("TSM's");
    let (good, thief) = (ours.server(|_| {}), ours.server(|_| {}));
    let files = [("tsm-ca.pem", ours.pem())];
    for version in [&TLS12, &TLS13] {
        let honest = server(version, &good, &good).await;
        assert_eq!(asked("localhost", honest, &pinned(&good), &[]).await, Ok(()), "{version:?}");
        assert_eq!(asked("localhost", honest, AUTHORITY, &files).await, Ok(()), "{version:?}");
        let said = asked("localhost", honest, &pinned(&thief), &[]).await.unwrap_err();
        assert!(said.contains("is not the pinned one"), "{version:?}: {said}");
        assert!(look("localhost", honest).await.is_ok());
        let cheating = server(version, &good, &thief).await;
        for (check, files) in [(pinned(&good).as_str(), &[][..]), (AUTHORITY, &files[..])] {
            let said = asked("localhost", cheating, check, files).await.unwrap_err();
            let says = "it does not have the key of the certificate that it shows";
            assert!(said.contains(says) && said.ends_with(LOOK), "{version:?}: {said}");
        }
        let fault = look("localhost", cheating).await.unwrap_err().to_string();
        assert!(fault.contains("it does not have the key"), "{fault}");
    }
}

/// R63: no session is resumed, for that skips the look at the certificate
#[tokio::test]
async fn every_connection_shows_the_certificate_anew() {
    let identity = Authority::new("TSM's").server(|_| {});
    for version in [&TLS12, &TLS13] {
        let port = server(version, &identity, &identity).await;
        let config = loaded(&scene("localhost", port, &pinned(&identity), &[]).await).tsm.unwrap();
        for _ in 0..2 {
            let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let connector = tokio_rustls::TlsConnector::from(Arc::clone(&config));
            let mut stream = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
            // what would be a ticket comes with the first answer
            stream.write_all(b"?").await.unwrap();
            stream.read_u8().await.unwrap();
            let (_, session) = stream.get_ref();
            assert_ne!(session.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
            assert_eq!(session.alpn_protocol(), None);
        }
    }
}

/// R63: what speaks no TLS is said to; a connection that merely broke is no matter of trust
#[tokio::test]
async fn what_is_no_tls_is_said_so() {
    let identity = Authority::new("TSM's").server(|_| {});
    let http = answering(|mut tcp| async move {
        let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = tcp.read(&mut [0; 1024]).await;
    });
    let port = http.await.port();
    let said = asked("localhost", port, &pinned(&identity), &[]).await.unwrap_err();
    assert_eq!(said, "it does not speak TLS; is tsm.api the port of its HTTPS?");
    let closing = answering(|tcp| async move { drop(tcp) }).await;
    let fault = look("localhost", closing.port()).await.unwrap_err().to_string();
    assert!(fault.contains("the handshake broke off: "), "{fault}");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let fault = look("127.0.0.1", nobody.port()).await.unwrap_err();
    assert!(matches!(fault, LookFault::Unreachable { .. }), "{fault}");
}

/// R63: a handshake without an end ends at its deadline, also where a byte comes now and then
#[tokio::test]
async fn an_endless_handshake_ends_at_its_deadline() {
    // a record of 16 KiB, and then a byte of it at a time
    let drips = answering(|mut tcp| async move {
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        if tcp.write_all(&[22, 3, 3, 64, 0, 2, 0, 63, 252]).await.is_err() {
            return;
        }
        while tcp.write_all(&[0]).await.is_ok() {
            beat.tick().await;
        }
    });
    let silent = answering(|mut tcp| async move { while tcp.read_u8().await.is_ok() {} });
    let (drips, silent) = (drips.await, silent.await);
    let began = Instant::now();
    let (drips, silent) =
        tokio::join!(look("localhost", drips.port()), look("localhost", silent.port()));
    assert!(began.elapsed() < HANDSHAKE + CONNECT);
    for fault in [drips.unwrap_err(), silent.unwrap_err()] {
        assert!(matches!(fault, LookFault::TooSlow { limit: HANDSHAKE, .. }), "{fault}");
    }
}
