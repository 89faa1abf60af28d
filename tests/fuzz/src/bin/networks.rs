//! A list of networks, a line each, and whether an address is in it: held against arithmetic on plain numbers.
#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use tsmgate_gate::network::{Network, NetworkFault, Networks, Source, canonical};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut networks = Vec::new();
    let mut addresses: Vec<IpAddr> = Vec::new();
    for line in text.lines() {
        addresses.extend(line.parse::<IpAddr>().map(canonical));
        match line.parse::<Network>() {
            Ok(network) => {
                let written = network.to_string();
                assert_eq!(written.parse(), Ok(network), "{written} is written in one way");
                networks.push((network, range(&written)));
                addresses.extend(ends(&written));
            }
            Err(NetworkFault::HostBits(_, meant)) => {
                assert!(
                    meant.to_string().parse::<Network>().is_ok(),
                    "the advice is good: {meant}"
                );
            }
            Err(NetworkFault::Unreadable(_) | NetworkFault::Mapped(_)) => {}
        }
    }
    let list: Networks = networks.iter().map(|(network, _)| *network).collect();
    for address in addresses {
        let expected = networks.iter().find(|(_, range)| {
            let (is_ipv4, first, last) = *range;
            address.is_ipv4() == is_ipv4 && (first..=last).contains(&number(address))
        });
        assert_eq!(list.find(address), expected.map(|(network, _)| network), "{address}");
        let source = Source::of(address).address();
        let bits = if address.is_ipv4() { 0 } else { 64 };
        assert_eq!(number(source), number(address) >> bits << bits, "{address}");
    }
});

/// The family, the first number and the last.
fn range(written: &str) -> (bool, u128, u128) {
    let (address, length) = written.split_once('/').expect("a network has a length");
    let (address, length): (IpAddr, u32) = (address.parse().unwrap(), length.parse().unwrap());
    let bits = if address.is_ipv4() { 32 } else { 128 } - length;
    let rest = 1_u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1);
    (address.is_ipv4(), number(address), number(address) + rest)
}

/// The addresses at both ends, and those just beside.
fn ends(written: &str) -> Vec<IpAddr> {
    let (is_ipv4, first, last) = range(written);
    let numbers = [Some(first), Some(last), first.checked_sub(1), last.checked_add(1)];
    let address = |number| match is_ipv4 {
        true => u32::try_from(number).ok().map(|number| IpAddr::V4(number.into())),
        false => Some(canonical(IpAddr::V6(Ipv6Addr::from(number)))),
    };
    numbers.into_iter().flatten().filter_map(address).collect()
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => v6.into(),
    }
}
