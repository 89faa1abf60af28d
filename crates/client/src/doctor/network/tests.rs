//! Several addresses of one name: what is dead among them costs a warning, and no more.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::doctor::Verdict;

fn gate(port: u16) -> Gate {
    Gate {
        address: format!("gate.example.com:{port}").parse().unwrap(),
        server_name: "gate.example.com".into(),
        authority: "ca.pem".into(),
        certificate: "client.pem".into(),
        private_key: "client.key".into(),
        bind: None,
        timeout: Gate::TIMEOUT,
        proxy: None,
    }
}

/// Listens at 127.0.0.1, and tries these addresses at that port; the address that was taken.
async fn tried(last: &[u8]) -> (Step, Option<IpAddr>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = |last: &u8| SocketAddr::from((Ipv4Addr::new(127, 0, 0, *last), port));
    let addresses: Vec<_> = last.iter().map(address).collect();
    let tried = try_all(&addresses, None, Gate::TIMEOUT).await;
    let (step, stream) = judged(&gate(port), tried);
    // while it is listened there still
    (step, stream.map(|stream| stream.peer_addr().unwrap().ip()))
}

#[tokio::test]
async fn a_dead_first_address_is_a_warning_and_the_second_is_taken() {
    let (step, stream) = tried(&[9, 1]).await;
    assert_eq!(step.verdict(), Verdict::Warning);
    assert_eq!(step.says(), "1 of 2 addresses answer");
    let trouble = step.trouble().unwrap();
    assert!(trouble.what.starts_with("127.0.0.9:"), "{trouble:?}");
    assert!(trouble.what.contains("connection refused; 127.0.0.1:"), "{trouble:?}");
    assert_eq!(trouble.side, Side::Network);
    assert_eq!(stream.unwrap(), Ipv4Addr::LOCALHOST);
    assert_eq!(step.found()["addresses"][0]["connected"], false);
    assert_eq!(step.found()["addresses"][1]["connected"], true);
}

#[tokio::test]
async fn all_that_answer_is_good_and_none_is_a_failure() {
    let (step, stream) = tried(&[1]).await;
    assert_eq!((step.verdict(), stream.is_some()), (Verdict::Good, true));
    let (step, stream) = tried(&[8, 9]).await;
    assert_eq!((step.verdict(), stream.is_some()), (Verdict::Failed, false));
    assert_eq!(step.more().len(), 2, "each of them is told");
    let (step, stream) = tried(&[]).await;
    assert_eq!((step.verdict(), stream.is_some()), (Verdict::Failed, false));
}
