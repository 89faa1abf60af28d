//! What the certificates and lists look like: lifetimes, usages, names. Everything is said here,
//! nothing is left to a library's default and nothing is taken from a request.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use crate::error::PkiError;
use crate::name::{ClientName, ServerName};
use crate::serial::Serial;

/// The life of an authority: ten years, two of them leap years.
pub const AUTHORITY_DAYS: u16 = 3652;
/// The life of a server certificate unless asked otherwise.
pub const SERVER_DAYS: u16 = 365;
/// The life of a client certificate unless asked otherwise.
pub const CLIENT_DAYS: u16 = 90;
/// The life of a revocation list unless asked otherwise.
pub const CRL_DAYS: u16 = 90;
/// The longest life that may be asked for; the shortest is one day.
pub const DAYS_MOST: u16 = 365;
/// How far the start of every life is set back, against clocks that are behind.
pub const BACKDATED: Duration = Duration::MINUTE;

/// The start and end of a life, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) start: OffsetDateTime,
    pub(crate) end: OffsetDateTime,
}

impl Life {
    /// A life of so many days, counted from its backdated start.
    pub(crate) fn of_days(now: OffsetDateTime, days: u16) -> Result<Life, PkiError> {
        if (1..=DAYS_MOST).contains(&days) {
            Ok(Life::from(now, days))
        } else {
            Err(PkiError::BadLifetime(days))
        }
    }

    /// A life that lasts so long from now on, whole seconds, and no longer than until `most`. Its start is
    /// backdated all the same.
    pub(crate) fn lasting(now: OffsetDateTime, life: Duration, most: OffsetDateTime) -> Life {
        let now = now - Duration::nanoseconds(i64::from(now.nanosecond()));
        Life { start: now - BACKDATED, end: (now + life).min(most) }
    }

    fn from(now: OffsetDateTime, days: u16) -> Life {
        let start = now - Duration::nanoseconds(i64::from(now.nanosecond())) - BACKDATED;
        Life { start, end: start + Duration::days(i64::from(days)) }
    }
}

/// The authority itself: signs certificates and lists, and no further authority.
pub(crate) fn authority(now: OffsetDateTime, serial: &Serial, name: &str) -> CertificateParams {
    let mut params = common(Life::from(now, AUTHORITY_DAYS), serial, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A client: its identity is the one URI SAN; the subject is for people.
pub(crate) fn client(
    life: Life,
    serial: &Serial,
    name: &ClientName,
) -> Result<CertificateParams, PkiError> {
    let mut params = common(life, serial, name.as_str());
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(
        name.uri().try_into().map_err(|_| PkiError::Cryptography("write a URI"))?,
    )];
    Ok(params)
}

/// A server: all of its names as SANs, the first also as subject, for people.
pub(crate) fn server(
    life: Life,
    serial: &Serial,
    names: &[ServerName],
) -> Result<CertificateParams, PkiError> {
    let first = names.first().ok_or(PkiError::NoServerName)?;
    // A subject's common name has room for 64 characters (RFC 5280, ub-common-name).
    let subject = first.to_string();
    let mut params = common(life, serial, if subject.len() <= 64 { &subject } else { "" });
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.subject_alt_names = names.iter().map(server_san).collect::<Result<_, _>>()?;
    Ok(params)
}

fn server_san(name: &ServerName) -> Result<SanType, PkiError> {
    Ok(match name {
        ServerName::Ip(addr @ (IpAddr::V4(_) | IpAddr::V6(_))) => SanType::IpAddress(*addr),
        ServerName::Dns(name) => SanType::DnsName(
            name.as_str().try_into().map_err(|_| PkiError::Cryptography("write a DNS name"))?,
        ),
    })
}

fn common(life: Life, serial: &Serial, common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = life.start;
    params.not_after = life.end;
    params.serial_number = Some(SerialNumber::from(serial.to_bytes()));
    params.distinguished_name = DistinguishedName::new();
    if !common_name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, common_name);
    }
    params.use_authority_key_identifier_extension = true;
    params
}
