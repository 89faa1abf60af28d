//! Addresses and networks: one spelling each, so that no rule is missed by another spelling.
//!
//! On a dual-stack socket IPv4 peers arrive as `::ffff:a.b.c.d` and would match no IPv4 rule; an
//! owner of an IPv6 /64 would walk around a limit per address. Both are settled here, once.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// The address in the one spelling that rules, limits and records use: mapped IPv4 becomes IPv4.
///
/// Zone ids are not part of [`IpAddr`] and so are gone already.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// A network as an operator writes it: `10.20.1.0/24`, `2001:db8::/32`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkFault {
    /// Neither an address nor an address with a prefix length.
    #[error("`{0}` is not a network; write it like 10.20.1.0/24, 2001:db8::/32 or 10.20.1.7")]
    Unreadable(String),
    /// Bits are set to the right of the prefix: a typing error more often than not.
    #[error("`{0}` has bits set beyond its prefix; did you mean {1}?")]
    HostBits(String, IpNet),
    /// An IPv4 network in IPv6 clothes, which would never match.
    #[error("`{0}` is IPv4 written as IPv6; write the IPv4 network itself")]
    Mapped(String),
}

impl FromStr for Network {
    type Err = NetworkFault;

    fn from_str(text: &str) -> Result<Self, NetworkFault> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text.parse().map_err(|_| NetworkFault::Unreadable(text.to_owned()))?,
        };
        // before its bits: the network that would then be advised is no better
        if let IpNet::V6(v6) = network
            && v6.prefix_len() >= 96
            && v6.addr().to_ipv4_mapped().is_some()
        {
            return Err(NetworkFault::Mapped(text.to_owned()));
        }
        if network.addr() != network.network() {
            return Err(NetworkFault::HostBits(text.to_owned(), network.trunc()));
        }
        Ok(Self(network))
    }
}

impl Network {
    /// Whether it holds every address of its family.
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }

    /// Whether its prefix has fewer bits than `ipv4`, or than `ipv6` where it is an IPv6 network.
    pub fn is_wider_than(&self, ipv4: u8, ipv6: u8) -> bool {
        let least = if self.0.addr().is_ipv4() { ipv4 } else { ipv6 };
        self.0.prefix_len() < least
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A list of networks. Empty means nobody.
///
/// Looked through in order: lists here have tens of entries, where that is fastest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// The network that holds the address, which must be [`canonical`].
    pub fn find(&self, address: IpAddr) -> Option<&Network> {
        self.0.iter().find(|network| network.0.contains(&address))
    }

    /// Whether one of the networks holds all of `network`.
    pub fn cover(&self, network: &Network) -> bool {
        self.0.iter().any(|ours| ours.0.contains(&network.0))
    }

    /// The networks in the order they were written.
    pub fn iter(&self) -> impl Iterator<Item = &Network> {
        self.0.iter()
    }

    /// Whether nobody is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// Whom limits and bans count as one: an IPv4 address, or an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(IpAddr);

impl Source {
    /// The source that a canonical address belongs to.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }

    /// The address, or the first address of the /64.
    pub fn address(self) -> IpAddr {
        self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(formatter),
            IpAddr::V6(v6) => write!(formatter, "{v6}/64"),
        }
    }
}
