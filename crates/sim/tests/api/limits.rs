//! TLS, what is no HTTP, long headers, kept connections, and what the record tells of all that.

use tokio::io::AsyncWriteExt;
use tsmsim::ServerCertificate;

use super::Stage;
use super::client::Client;

#[tokio::test]
async fn the_certificate_is_its_own_and_for_its_names_and_days() {
    let stage = Stage::new().await;
    let client = Client::try_connect(stage.api(), "localhost").await.unwrap();
    assert_eq!(
        client.stream.get_ref().1.alpn_protocol(),
        None,
        "nothing is agreed, and 1.1 spoken"
    );
    let other = Client::try_connect(stage.api(), "tsm.example.com").await.err().unwrap();
    assert!(other.to_string().contains("not valid for name"), "{other}");
    let again = Stage::new().await;
    assert_ne!(again.api().certificate(), stage.api().certificate(), "one for each run");
    let ended = ServerCertificate::SelfSigned { names: vec!["localhost".to_owned()], days: -1 };
    let ended = Stage::with(|api| api.certificate = ended).await;
    let refused = Client::try_connect(ended.api(), "localhost").await.err().unwrap();
    assert!(refused.to_string().contains("expired"), "{refused}");
}

#[tokio::test]
async fn a_certificate_can_be_brought_along() {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["tsm.example.com".to_owned()]).unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    let given = ServerCertificate::Given { chain: chain.clone(), key: key.serialize_pem() };
    let stage = Stage::with(|api| api.certificate = given).await;
    assert_eq!(stage.api().certificate(), chain);
    assert!(Client::try_connect(stage.api(), "tsm.example.com").await.is_ok());
}

#[tokio::test]
async fn what_is_no_http_reaches_no_operation_but_is_on_record() {
    let stage = Stage::new().await;
    for bytes in [
        b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00".as_slice(),
        b"GET /api/0.5/status HTTP/1.1\r\nHost : x\r\n\r\n",
        b"POST /api/0.5/disable HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n",
    ] {
        let answer = stage.client().await.exchange(bytes).await;
        assert!(answer.status == 400 || answer.raw.is_empty(), "{}", answer.head);
        assert_eq!(stage.api().connections().pop().unwrap().received, bytes);
    }
    assert_eq!(stage.tsm.requests(), []);
    assert_eq!(stage.tsm.counts().api_connections, 3);
}

#[tokio::test]
async fn the_record_has_what_came_as_it_came() {
    let stage = Stage::new().await;
    let cookie = stage.api().open_session("anna");
    let request = format!(
        "POST /api/0.5/%73tatus;x/..//nodes?a=%20b HTTP/1.1\r\nHost: somewhere\r\nX-Twice: 1\r\n\
         Connection: close\r\nX-Twice: 2\r\nCookie: AUTH_COOKIE={cookie}\r\nTransfer-Encoding: chunked\r\n\
         \r\n2\r\nab\r\n0\r\n\r\n"
    );
    let answer = stage.client().await.exchange(request.as_bytes()).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));
    let seen = stage.tsm.requests().remove(0);
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/api/0.5/%73tatus;x/..//nodes?a=%20b")
    );
    let twice: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "x-twice").collect();
    assert_eq!((twice.len(), seen.header("host")), (2, Some("somewhere")));
    assert_eq!((seen.authorized, seen.operation, seen.status), (true, None, Some(405)));
    assert_eq!(stage.api().connections()[0].received, request.as_bytes());
}

#[tokio::test]
async fn a_connection_is_kept_for_further_requests() {
    let stage = Stage::new().await;
    let cookie = stage.api().open_session("anna");
    let mut client = stage.client().await;
    let request = |path: &str, more: &str| {
        format!(
            "GET /api/0.5/{path} HTTP/1.1\r\nHost: localhost\r\nCookie: AUTH_COOKIE={cookie}\r\n{more}\r\n"
        )
    };
    client.stream.write_all(request("nodes", "").as_bytes()).await.unwrap();
    let answer = client.exchange(request("ports", "Connection: close\r\n").as_bytes()).await;
    assert!(answer.holds("clusterNodes") && answer.holds("clusterPorts"));
    let seen: Vec<_> = stage.tsm.requests().iter().map(|request| request.connection).collect();
    assert_eq!(seen, [1, 1]);
    assert_eq!(stage.tsm.requests()[1].operation, Some("ports"));
}

#[tokio::test]
async fn a_header_longer_than_jettys_is_refused() {
    let stage = Stage::new().await;
    let long = format!("X-Long: {}\r\n", "a".repeat(9 * 1024));
    assert_eq!(stage.ask_with("GET", "status", &long).await.status, 431);
    assert_eq!(stage.tsm.requests(), []);
}
