//! A certificate in lines for a person: whose it is, who says so, for which names and how long, and the
//! SHA-256 by which it is pinned.
//!
//! All but the last is what the other side says of itself: escaped, and cut where it is long.

use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::HEXUPPER;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use tsmgate_text::escape;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::credentials::day;

/// More names are counted only.
const NAMES: usize = 20;
/// The longest name that is shown whole, in characters.
const LENGTH: usize = 200;

/// A hash as certificates' hashes are written everywhere: pairs of capitals, with colons.
pub fn colons(hash: &[u8; 32]) -> String {
    let pairs: Vec<_> = hash.chunks(1).map(|byte| HEXUPPER.encode(byte)).collect();
    pairs.join(":")
}

/// The certificate in lines, as of `now`; the last line is its SHA-256, and the only one of a certificate
/// that cannot be read.
pub fn lines(
    certificate: &CertificateDer<'_>,
    hash: &[u8; 32],
    now: OffsetDateTime,
) -> Vec<String> {
    let mut lines = match X509Certificate::from_der(certificate) {
        Ok((_, parsed)) => told(&parsed, now),
        Err(_) => vec!["it is a certificate that cannot be read".to_owned()],
    };
    lines.push(format!("SHA-256  {}", colons(hash)));
    lines
}

fn told(parsed: &X509Certificate<'_>, now: OffsetDateTime) -> Vec<String> {
    let itself = parsed.subject().as_raw() == parsed.issuer().as_raw();
    let issuer = match itself {
        true => "itself".to_owned(),
        false => bounded(&parsed.issuer().to_string()),
    };
    let validity = parsed.validity();
    let (from, until) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    let left = match (now < from, now > until) {
        (true, _) => "not valid yet".to_owned(),
        (_, true) => "EXPIRED".to_owned(),
        _ => format!("{} days left", (until - now).whole_days()),
    };
    vec![
        format!("subject  {}", bounded(&parsed.subject().to_string())),
        format!("issuer   {issuer}"),
        format!("names    {}", names(parsed)),
        format!("valid    {} to {} ({left})", day(from), day(until)),
        format!("key      {}", key(parsed)),
    ]
}

fn names(parsed: &X509Certificate<'_>) -> String {
    let Some(all) = parsed.subject_alternative_name().ok().flatten() else {
        return "none".to_owned();
    };
    let all = &all.value.general_names;
    let mut shown: Vec<_> = all.iter().take(NAMES).map(name).collect();
    if all.len() > NAMES {
        shown.push(format!("and {} more", all.len() - NAMES));
    }
    shown.join(", ")
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => bounded(name),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
            let six = <[u8; 16]>::try_from(*bytes).map(|bytes| Ipv6Addr::from(bytes).to_string());
            four.or(six).unwrap_or_else(|_| "an address that is none".to_owned())
        }
        other => bounded(&other.to_string()),
    }
}

fn key(parsed: &X509Certificate<'_>) -> String {
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA, {} bits", key.key_size()),
        Ok(PublicKey::EC(key)) => format!("elliptic curve, {} bits", key.key_size()),
        _ => "of another kind".to_owned(),
    }
}

fn bounded(text: &str) -> String {
    let text = escape(text);
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
