//! Renewing: the certificate before is what counts, and where it is used from.

use rcgen::KeyPair;
use serde_json::json;
use tests::Authority as Foreign;
use tsmgate_pki::{Reason, Revokee, cut};

use crate::support::{Options, Stage, identity, leaf, post, request};

/// R41: a renewal is on record with the certificate before and the one after
#[tokio::test]
async fn a_host_renews_and_its_entry_stays() {
    let mut stage = Stage::start();
    let (first, _) = stage.joined("jump01").await;
    let entry = stage.entry("jump01").unwrap();
    let key = KeyPair::generate().unwrap();
    let answer = stage.renew(&first, &request(&key)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let second = identity(&answer.body, &key);
    assert_ne!(second.serial, first.serial);
    assert_eq!(leaf(&second.chain).names, ["URI:tsmgate://client/jump01"]);
    assert_eq!(answer.body["client"]["roles"], json!(["operator", "login"]));
    assert_eq!(stage.entry("jump01").unwrap(), entry);
    // the one before goes on to its end, and the new one renews too
    let third = stage.renew(&second, &request(&key)).await;
    assert_eq!((third.status, stage.index().len()), (200, 3));
    let records = stage.records("renew");
    assert_eq!(records.len(), 4);
    assert_eq!(records[0]["event.outcome"], "unknown");
    assert_eq!(records[1]["tls.client.x509.serial_number"], first.serial);
    assert_eq!(records[1]["tsmgate.issued.serial_number"], second.serial);
    stage.stop();
    stage.verify();
}

#[tokio::test]
async fn who_shows_no_certificate_or_a_foreign_one_renews_nothing() {
    let stage = Stage::start();
    let (_, _) = stage.joined("jump01").await;
    let body = json!({ "request": request(&KeyPair::generate().unwrap()) });
    let answer = post(&stage.peer(None), "/v1/renew", &body).await.unwrap();
    assert_eq!(answer.refusal(), (403, "certificate_missing"));
    stage.record_because("certificate_missing");
    // another authority's: the handshake fails, and says no more than an alert
    let foreign = Foreign::new("foreign").client("jump01");
    let answer = post(&stage.peer(Some(&foreign)), "/v1/renew", &body).await;
    assert!(answer.is_err(), "{answer:?}");
    stage.record_because("certificate_invalid");
    assert_eq!(stage.index().len(), 1);
}

/// R41: what was revoked renews nothing; whoever tries is on record with the certificate
#[tokio::test]
async fn a_revoked_certificate_renews_nothing() {
    let stage = Stage::start();
    let (host, _) = stage.joined("jump01").await;
    let name = Revokee::Client("jump01".parse().unwrap());
    cut(&stage.path("pki"), &[name], Reason::KeyCompromise).unwrap();
    assert!(stage.entry("jump01").is_none());
    let answer = stage.renew(&host, &request(&KeyPair::generate().unwrap())).await;
    assert_eq!(answer.refusal(), (403, "certificate_revoked"));
    let record = stage.record_because("certificate_revoked");
    assert_eq!(record["tls.client.x509.serial_number"], host.serial);
    assert_eq!(stage.index().len(), 1);
}

#[tokio::test]
async fn an_expired_certificate_renews_nothing() {
    let stage = Stage::with(Options { life: "2s", ..Options::default() });
    let (host, _) = stage.joined("jump01").await;
    let request = request(&KeyPair::generate().unwrap());
    // while it is good it renews, which leaves it as it is
    assert_eq!(stage.renew(&host, &request).await.status, 200);
    let refused = tests::wait::until("the end of the certificate", || async {
        let answer =
            post(&stage.peer(Some(&host)), "/v1/renew", &json!({ "request": request })).await;
        match answer {
            Ok(answer) if answer.status == 200 => None,
            // in its last moment the index may say so, after that the handshake
            Ok(answer) => Some(answer.refusal().1.to_owned()),
            Err(error) => Some(tests::peer::refusal_of(&error)),
        }
    })
    .await;
    assert!(
        ["CertificateExpired", "certificate_expired", "too_many_certificates"]
            .contains(&refused.as_str()),
        "{refused}"
    );
}

#[tokio::test]
async fn a_host_renews_only_from_where_it_may_come() {
    let stage = Stage::start();
    let network = "127.0.0.7/32".parse().unwrap();
    let token = stage.invite_with("jump01", |order| order.networks = vec![network]);
    let key = KeyPair::generate().unwrap();
    // it may join from wherever the service lets anybody: the operator gave the token to somebody there
    let host = identity(&stage.join(&token, &request(&key)).await.body, &key);
    let body = json!({ "request": request(&key) });
    let elsewhere = post(&stage.peer(Some(&host)), "/v1/renew", &body).await.unwrap();
    assert_eq!(elsewhere.refusal(), (403, "network_refused"));
    let there = post(&stage.peer(Some(&host)).from("127.0.0.7"), "/v1/renew", &body).await.unwrap();
    assert_eq!(there.status, 200, "{there:?}");
}

/// A loop that renews for ever is stopped
#[tokio::test]
async fn a_host_that_renews_in_a_loop_is_stopped() {
    let stage = Stage::start();
    let (host, _) = stage.joined("jump01").await;
    let request = request(&KeyPair::generate().unwrap());
    let mut last = 200;
    for _ in 0..20 {
        let answer = stage.renew(&host, &request).await;
        last = answer.status;
        if last != 200 {
            assert_eq!(answer.refusal(), (429, "too_many_certificates"));
            break;
        }
    }
    assert_eq!(last, 429);
    assert!(stage.index().len() <= 16);
}
