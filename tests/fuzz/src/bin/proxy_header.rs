//! Who a balancer says it speaks for: read to its last byte and no further, and believed of a listed balancer alone.
//! The first byte says where the peer's first packet ends.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::LazyLock;

use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use tsmgate_gate::network::Networks;
use tsmgate_server::proxy::{Balancers, Origin};

static LISTED: LazyLock<Networks> =
    LazyLock::new(|| "10.0.0.1".parse().into_iter().collect::<Networks>());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, sent)) = fuzz::choice(bytes) else { return };
    let balancer = SocketAddr::from(([10, 0, 0, 1], 4711));
    let stranger = SocketAddr::from(([10, 0, 0, 2], 4711));
    fuzz::wait(async {
        let gate = Balancers::default();
        let mut stream = fuzz::in_parts(sent, first.into());
        let said = gate.origin(&mut stream, stranger, &LISTED, Instant::now()).await;
        assert_eq!(said, Ok(Origin::direct(stranger)), "whatever it sends");
        assert_eq!(left(&mut stream).await, sent, "and none of it is read");

        let mut stream = fuzz::in_parts(sent, first.into());
        let Ok(origin) = gate.origin(&mut stream, balancer, &LISTED, Instant::now()).await else {
            return;
        };
        let length = 16 + usize::from(u16::from_be_bytes([sent[14], sent[15]]));
        assert_eq!(left(&mut stream).await, &sent[length..], "what follows is the client's");
        let expected = match (sent[12], sent[13]) {
            (0x20, _) => Origin::direct(balancer),
            (0x21, family) => {
                let address = match family {
                    0x11 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&sent[16..20]).unwrap())),
                    0x21 => {
                        IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&sent[16..32]).unwrap()))
                    }
                    other => panic!("{other:#x} is no stream"),
                };
                let port = if family == 0x11 { 24 } else { 48 };
                let port = u16::from_be_bytes([sent[port], sent[port + 1]]);
                Origin { address: address.to_canonical(), port, balancer: Some(balancer) }
            }
            other => panic!("{other:x?} is no version and command"),
        };
        assert_eq!(origin, expected);
    });
});

async fn left(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("memory can be read");
    rest
}
