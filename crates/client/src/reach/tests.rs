//! Several addresses of one name, without a name: dead, silent and living ones on the loopback.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::net::TcpListener;

use super::*;

fn within(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// An address where nobody listens: a port that was ours a moment ago.
async fn dead(host: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((host, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

async fn alive() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address that swallows connections: its queue is full, so that the system drops what comes.
async fn silent() -> (Vec<TcpStream>, TcpListener, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    let moment = Duration::from_millis(200);
    while let Ok(stream) = tokio::time::timeout(moment, TcpStream::connect(address)).await {
        queued.push(stream.unwrap());
    }
    (queued, listener, address)
}

#[tokio::test]
async fn a_living_address_behind_dead_ones_is_found() {
    let (_listener, living) = alive().await;
    let first = dead(Ipv4Addr::new(127, 0, 0, 2)).await;
    let second = dead(Ipv4Addr::new(127, 0, 0, 3)).await;
    let stream = connect(&[first, second, living], None, within(10)).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), living);
}

#[tokio::test]
async fn a_silent_first_address_takes_its_share_and_leaves_time_for_the_second() {
    let (_listener, living) = alive().await;
    let (_queued, _full, swallowing) = silent().await;
    let deadline = within(4);
    let stream = connect(&[swallowing, living], None, deadline).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), living);
    assert!(Instant::now() < deadline, "the living address was reached within the whole time");
}

#[tokio::test]
async fn a_silent_address_alone_ends_at_the_deadline() {
    let (_queued, _full, swallowing) = silent().await;
    let failure = connect(&[swallowing], None, within(1)).await.unwrap_err();
    assert_eq!(failure, Unreached::TimedOut(Stage::Connect));
}

#[tokio::test]
async fn the_last_failure_is_the_answer() {
    let first = dead(Ipv4Addr::LOCALHOST).await;
    let failure = connect(&[first], None, within(10)).await.unwrap_err();
    assert_eq!(failure, Unreached::Refused);
}

#[tokio::test]
async fn the_source_address_is_the_one_asked_for() {
    let (listener, living) = alive().await;
    let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
    let _stream = connect(&[living], Some(from), within(10)).await.unwrap();
    let (_, seen) = listener.accept().await.unwrap();
    assert_eq!(seen.ip(), from);
}

#[tokio::test]
async fn a_source_address_of_the_other_family_leaves_no_address() {
    let (_listener, living) = alive().await;
    let from = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let failure = connect(&[living], Some(from), within(10)).await.unwrap_err();
    assert_eq!(failure, Unreached::NoAddressFor(from));
}

#[tokio::test]
async fn a_source_address_that_is_not_ours_is_named() {
    let (_listener, living) = alive().await;
    let from = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
    let failure = connect(&[living], Some(from), within(10)).await.unwrap_err();
    assert_eq!(failure, Unreached::Source(from, io::ErrorKind::AddrNotAvailable));
}
