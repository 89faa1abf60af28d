//! An address list's entry as systemd reads it, and the one question about lists: which part of a
//! network do they drop?

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network of either family. Bits beyond the prefix are not kept, as systemd has it; an IPv4 network
/// written as IPv6 stays IPv6 and matches no packet of IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Left-aligned.
    bits: u128,
    length: u8,
    v6: bool,
}

impl Prefix {
    /// The network of an address and a length in bits; `None` where the family has fewer bits.
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let (bits, v6, most) = match address {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, false, 32),
            IpAddr::V6(v6) => (v6.to_bits(), true, 128),
        };
        (length <= most).then(|| Self { bits: bits & mask(length), length, v6 })
    }

    /// What one word of a list stands for: a keyword is several networks, a word that systemd cannot
    /// read (and leaves out) none.
    pub fn of_word(word: &str) -> Vec<Self> {
        let keyword: &[&str] = match word {
            "any" => &["0.0.0.0/0", "::/0"],
            "localhost" => &["127.0.0.0/8", "::1/128"],
            "link-local" => &["169.254.0.0/16", "fe80::/64"],
            "multicast" => &["224.0.0.0/4", "ff00::/8"],
            _ => &[word],
        };
        keyword.iter().filter_map(|word| Self::read(word)).collect()
    }

    fn read(word: &str) -> Option<Self> {
        let Some((address, length)) = word.split_once('/') else {
            let address: IpAddr = word.parse().ok()?;
            return Self::new(address, if address.is_ipv4() { 32 } else { 128 });
        };
        // a sign would pass as a number's
        let digits = length.bytes().all(|byte| byte.is_ascii_digit());
        Self::new(address.parse().ok()?, length.parse().ok().filter(|_| digits)?)
    }

    /// Whether it holds all of `other`.
    pub fn covers(&self, other: &Self) -> bool {
        self.v6 == other.v6
            && self.length <= other.length
            && (self.bits ^ other.bits) & mask(self.length) == 0
    }

    fn halves(&self) -> Option<[Self; 2]> {
        let most = if self.v6 { 128 } else { 32 };
        let length = self.length.checked_add(1).filter(|&length| length <= most)?;
        let bit = 1_u128 << (128 - u32::from(length));
        Some([Self { length, ..*self }, Self { bits: self.bits | bit, length, v6: self.v6 }])
    }
}

fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or_default()
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.v6 {
            true => write!(formatter, "{}/{}", Ipv6Addr::from_bits(self.bits), self.length),
            false => {
                let bits = u32::try_from(self.bits >> 96).unwrap_or_default();
                write!(formatter, "{}/{}", Ipv4Addr::from_bits(bits), self.length)
            }
        }
    }
}

/// The first part of `network` whose packets are dropped. What is allowed passes; else what is denied is
/// dropped; else it passes.
pub fn dropped(network: Prefix, allow: &[Prefix], deny: &[Prefix]) -> Option<Prefix> {
    if allow.iter().any(|entry| entry.covers(&network)) {
        return None;
    }
    let within = |list: &[Prefix]| -> Vec<Prefix> {
        list.iter().filter(|entry| network.covers(entry)).copied().collect()
    };
    let denied = deny.iter().any(|entry| entry.covers(&network));
    let (allow, inner) = (within(allow), within(deny));
    if denied && allow.is_empty() {
        return Some(network);
    }
    if !denied && inner.is_empty() {
        return None;
    }
    // a half of a denied network is denied
    let deny = if denied { vec![network] } else { inner };
    let [low, high] = network.halves()?;
    dropped(low, &allow, &deny).or_else(|| dropped(high, &allow, &deny))
}
