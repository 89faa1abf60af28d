//! Joining: one invite, one certificate, and of nothing that a request asks for more than its key.

use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use tests::program::have;
use time::{Duration, OffsetDateTime};

use crate::support::{Stage, identity, leaf, request};

/// R41, R49: a host gets a certificate for the name it was invited by, the gate its entry, and the record says
/// what was meant and what was done
#[tokio::test]
async fn a_host_joins_by_its_invite() {
    let mut stage = Stage::start();
    let network = "127.0.0.0/8".parse().unwrap();
    let token = stage.invite_with("jump01", |order| order.networks = vec![network]);
    assert_eq!(token.address, format!("localhost:{}", stage.address().port()));
    let key = KeyPair::generate().unwrap();
    let answer = stage.join(&token, &request(&key)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header.contains("cache-control: no-store"), "{}", answer.header);

    let body = &answer.body;
    assert_eq!(body["authority"], stage.authority());
    assert_eq!(body["gate"]["address"], "tsm.example.com:18850");
    assert_eq!(body["gate"]["authority"], stage.authority());
    assert_eq!(body["client"]["name"], "jump01");
    assert_eq!(body["client"]["roles"], serde_json::json!(["operator", "login"]));
    assert_eq!(body["client"]["networks"], serde_json::json!(["127.0.0.0/8"]));
    let given = leaf(body["certificate"].as_str().unwrap());
    assert_eq!(given.names, ["URI:tsmgate://client/jump01"]);
    assert_eq!(given.extended_key_usage, ["clientAuth"]);
    assert_eq!((given.is_authority, given.days_left), (false, 29));
    assert_eq!(given.ends, body["not_after"]);
    assert!(body["not_before"].as_str() < body["now"].as_str(), "{body}");

    let entry = stage.entry("jump01").unwrap();
    let entry = &entry["client"].as_array().unwrap()[0];
    assert_eq!(entry["identity"].as_str(), Some("URI:tsmgate://client/jump01"));
    assert_eq!(entry["networks"].as_array().unwrap()[0].as_str(), Some("127.0.0.0/8"));

    let records = stage.records("join");
    let outcomes: Vec<_> = records.iter().map(|line| line["event.outcome"].as_str()).collect();
    assert_eq!(outcomes, [Some("unknown"), Some("success")]);
    for line in &records {
        assert_eq!(line["client.user.name"], "jump01");
        assert_eq!(line["source.ip"], "127.0.0.1");
        assert_eq!(line["event.category"], serde_json::json!(["iam"]));
    }
    assert_eq!(records[1]["tsmgate.issued.serial_number"], given.serial_number);
    let log = stage.stop();
    stage.verify();
    assert_eq!(stage.records("stop").len(), 1);
    // R39: neither the secret nor the key is anywhere
    let secret = token.secret.to_text();
    let audit = std::fs::read_to_string(stage.path("log/audit.jsonl")).unwrap();
    for text in [audit, log.join("\n")] {
        assert!(!text.contains(secret.as_str()) && !text.contains("BEGIN"), "{text}");
    }
}

/// R39: the secret of an invite is in no record and no log, also where its use fails
#[tokio::test]
async fn a_token_is_good_once_and_for_one_key() {
    let mut stage = Stage::start();
    let token = stage.invite("jump01");
    let (first, second) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let one = stage.join(&token, &request(&first)).await;
    // an answer may get lost: the same key gets the same certificate
    let again = stage.join(&token, &request(&first)).await;
    assert_eq!((one.status, again.status), (200, 200), "{again:?}");
    assert_eq!(one.body["certificate"], again.body["certificate"]);
    let other = stage.join(&token, &request(&second)).await;
    assert_eq!(other.refusal(), (403, "invite_used"));
    assert!(other.body["error"]["hint"].as_str().unwrap().contains("revoke"), "{other:?}");
    assert_eq!(stage.index().len(), 1);
    let reasons: Vec<_> = stage.records("join").iter().map(|r| r["event.reason"].clone()).collect();
    assert_eq!(reasons.last().unwrap(), "invite_used");
    let log = stage.stop().join("\n");
    stage.verify();
    let audit = std::fs::read_to_string(stage.path("log/audit.jsonl")).unwrap();
    assert!(!(audit + &log).contains(token.secret.to_text().as_str()));
}

#[tokio::test]
async fn a_token_that_is_over_or_anothers_opens_nothing() {
    let stage = Stage::start();
    let key = KeyPair::generate().unwrap();
    let past = OffsetDateTime::now_utc() - Duration::hours(2);
    let over = stage.invite_at("late", past, |_| {});
    assert_eq!(stage.join(&over, &request(&key)).await.refusal(), (403, "invite_expired"));
    let elsewhere = Stage::start();
    let foreign = elsewhere.invite("jump01");
    assert_eq!(stage.join(&foreign, &request(&key)).await.refusal(), (403, "invite_unknown"));
    // and whoever goes by the token's fingerprint does not even speak with it
    let stranger = tests::Peer::new(stage.address(), elsewhere.authority(), None);
    assert!(stranger.offering(&["http/1.1"]).connect().await.is_err());
    assert!(stage.index().is_empty());
}

/// R49: of a request counts its key, and nothing that it asks for
#[tokio::test]
async fn what_a_request_asks_for_is_ignored() {
    let stage = Stage::start();
    let key = KeyPair::generate().unwrap();
    let mut greedy = CertificateParams::default();
    greedy.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    greedy.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    greedy.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    greedy.distinguished_name.push(DnType::CommonName, "admin");
    let names = ["tsmgate://client/admin", "tsmgate://client/root"];
    greedy.subject_alt_names =
        names.map(|name| SanType::URI(name.try_into().unwrap())).into_iter().collect();
    greedy.subject_alt_names.push(SanType::DnsName("tsm.example.com".try_into().unwrap()));
    // the library writes no basic constraints into a request: those of a request by openssl are below
    greedy.is_ca = IsCa::NoCa;
    let request = greedy.serialize_request(&key).unwrap().pem().unwrap();
    let answer = stage.join(&stage.invite("jump01"), &request).await;
    given_is_plain(&answer.body["certificate"]);

    if !have("openssl", "openssl") {
        return;
    }
    let request = openssl(&[
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-subj",
        "/CN=admin",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "keyUsage=keyCertSign",
        "-addext",
        "subjectAltName=URI:tsmgate://client/admin",
    ]);
    let answer =
        stage.join(&stage.invite_with("jump01", |order| order.replace = true), &request).await;
    given_is_plain(&answer.body["certificate"]);
}

fn given_is_plain(certificate: &serde_json::Value) {
    let given = leaf(certificate.as_str().unwrap_or_else(|| panic!("{certificate}")));
    assert_eq!(given.names, ["URI:tsmgate://client/jump01"]);
    assert_eq!(given.extended_key_usage, ["clientAuth"]);
    assert_eq!(given.key_usage, ["digitalSignature"]);
    assert!(!given.is_authority && !given.subject.contains("admin"), "{given:?}");
}

/// A request by openssl, for a new key of this kind.
fn openssl(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("openssl")
        .args(["req", "-new", "-nodes", "-keyout"])
        .arg(folder.path().join("key"))
        .arg("-newkey")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_weak_key_and_a_broken_signature_are_refused_and_the_invite_is_still_good() {
    let stage = Stage::start();
    let token = stage.invite("jump01");
    let key = KeyPair::generate().unwrap();
    let good = request(&key);
    let mut requests = vec![
        String::new(),
        "no request".to_owned(),
        format!("{good}{good}"),
        good.replace("CERTIFICATE REQUEST", "CERTIFICATE"),
        broken(&good),
    ];
    if have("openssl", "openssl") {
        requests.push(openssl(&["rsa:1024", "-subj", "/"]));
    }
    for request in requests {
        let answer = stage.join(&token, &request).await;
        assert_eq!(answer.refusal(), (400, "request_refused"), "{request}: {answer:?}");
    }
    assert!(stage.index().is_empty() && stage.entry("jump01").is_none());
    assert_eq!(stage.join(&token, &good).await.status, 200);
}

/// A request whose signature is another's.
fn broken(request: &str) -> String {
    let lines: Vec<_> = request.lines().filter(|line| !line.starts_with("---")).collect();
    let mut der = data_encoding::BASE64.decode(lines.concat().as_bytes()).unwrap();
    *der.last_mut().unwrap() ^= 1;
    let label = "CERTIFICATE REQUEST-----";
    format!("-----BEGIN {label}\n{}\n-----END {label}\n", data_encoding::BASE64.encode(&der))
}

/// R49: never a second live certificate of a name, also where two ask at the same time
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_join_at_once_one_gets_a_certificate() {
    let stage = Stage::start();
    for round in 0..5 {
        let token = stage.invite(&format!("host{round}"));
        let keys: Vec<_> = (0..4).map(|_| KeyPair::generate().unwrap()).collect();
        let requests: Vec<_> = keys.iter().map(request).collect();
        let (a, b, c, d) = tokio::join!(
            stage.join(&token, &requests[0]),
            stage.join(&token, &requests[1]),
            stage.join(&token, &requests[2]),
            stage.join(&token, &requests[3]),
        );
        let answers = [a, b, c, d];
        let joined = answers.iter().filter(|answer| answer.status == 200).count();
        let used = answers.iter().filter(|answer| answer.refusal() == (403, "invite_used")).count();
        assert_eq!((joined, used), (1, 3), "{answers:?}");
        assert_eq!(stage.index().len(), round + 1);
    }
}

#[tokio::test]
async fn a_name_that_has_a_certificate_gets_another_where_the_operator_says_so() {
    let stage = Stage::start();
    let (_, _) = stage.joined("jump01").await;
    let key = KeyPair::generate().unwrap();
    let replacing = stage.invite_with("jump01", |order| order.replace = true);
    let answer = stage.join(&replacing, &request(&key)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let index = stage.index();
    assert_eq!(index.len(), 2);
    assert!(index[0].revoked.is_some() && index[1].revoked.is_none());
    let revoked = std::fs::read_to_string(stage.path("gate/revoked.toml")).unwrap();
    assert!(revoked.contains(index[0].serial.as_str()), "{revoked}");
    assert_eq!(identity(&answer.body, &key).serial, index[1].serial.as_str());
}
