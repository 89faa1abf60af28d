//! Killed at any moment: no certificate without a record, nothing half, and the same request again gets it.

use std::time::Duration;

use rcgen::KeyPair;
use serde_json::Value;

use crate::support::{Stage, files, identity, request};

/// How often it is killed.
const ROUNDS: u32 = 40;

/// R41, R42: killed while hosts join and renew: every certificate has a record of what was meant before it, the
/// chain of records is whole, every entry of the gate's is, and whoever asks again gets his certificate
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_at_any_moment_leaves_nothing_half() {
    let mut stage = Stage::start();
    for round in 0..ROUNDS {
        let (renewer, _) = stage.joined(&format!("renewer{round}")).await;
        let names: Vec<_> = (0..3).map(|number| format!("host{round}-{number}")).collect();
        let tokens: Vec<_> = names.iter().map(|name| stage.invite(name)).collect();
        let keys: Vec<_> = names.iter().map(|_| KeyPair::generate().unwrap()).collect();
        let requests: Vec<_> = keys.iter().map(request).collect();
        let fresh = request(&KeyPair::generate().unwrap());
        // a round joins within some 20 ms: spread over all of it, and a little beyond
        let moment = Duration::from_micros(u64::from(round * 7919 % 25_000));
        let killing = async {
            tokio::time::sleep(moment).await;
            stage.service().signal(nix::sys::signal::Signal::SIGKILL);
        };
        let renewing = async {
            let body = serde_json::json!({ "request": fresh });
            let _ = crate::support::post(&stage.peer(Some(&renewer)), "/v1/renew", &body).await;
        };
        let joining = async {
            for (token, request) in tokens.iter().zip(&requests) {
                let _ = stage.try_join(token, request).await;
            }
        };
        tokio::join!(killing, joining, renewing);
        stage.kill();
        // nothing but whole entries, whatever was under way
        for file in files(&stage.path("gate/clients.d")) {
            if let Some(name) = file.strip_suffix(".toml") {
                assert_eq!(stage.entry(name).unwrap()["client"].as_array().unwrap().len(), 1);
            }
        }
        stage.index();
        stage.run();
        for ((token, request), key) in tokens.iter().zip(&requests).zip(&keys) {
            let answer = stage.join(token, request).await;
            assert_eq!(answer.status, 200, "round {round}: {answer:?}");
            let host = identity(&answer.body, key);
            let name = token.name.as_str();
            let live = stage.index().into_iter();
            let live: Vec<_> =
                live.filter(|entry| entry.names == [name] && entry.revoked.is_none()).collect();
            assert_eq!(live.len(), 1, "round {round}: {live:?}");
            assert_eq!(live[0].serial.as_str(), host.serial);
            assert!(stage.entry(name).is_some());
        }
    }
    stage.stop();
    stage.verify();
    let is_meant = |line: &Value| line["event.outcome"] == "unknown";
    let meant: Vec<_> = stage.records("join").into_iter().filter(is_meant).collect();
    let renewals = stage.records("renew").into_iter().filter(is_meant).count();
    for entry in stage.index() {
        let name = entry.names[0].as_str();
        assert!(meant.iter().any(|line| line["client.user.name"] == name), "{name} has no record");
    }
    // each renewed but a few times, and each of them on record before
    let of_renewers =
        stage.index().into_iter().filter(|entry| entry.names[0].starts_with("renewer")).count();
    let renewed = of_renewers - usize::try_from(ROUNDS).unwrap();
    assert!(renewed <= renewals, "{renewed} certificates, {renewals} records");
}
